"""The page's style sheet, and tables as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from sdpbound.explore.values import NAMES, Number, shown

__all__ = ["CSS", "ends_html", "numbers_html"]

#: Colours of Okabe and Ito, lighter in the dark; text is at least 4.5 to 1 on its ground.
CSS = """
:root { --ink:#1a1a1a; --soft:#555; --paper:#fff; --ground:#f5f5f3; --line:#bbb; --local:#8a5a00; --local-fill:#fbe3ae;
  --quantum:#00578a; --quantum-fill:#cfe4f3; --ns-fill:#ececec; --ns:#666; --here:#b04a00;
  --proven:#0072B2; --attack:#b04a00; }
body.body--dark { --ink:#f0f0f0; --soft:#b8b8b8; --paper:#1d1f21; --ground:#121314; --line:#5a5a5a; --local:#f2b84b;
  --local-fill:#54431c; --quantum:#7cc4f0; --quantum-fill:#1f3d52; --ns-fill:#2b2d2f; --ns:#a5a5a5; --here:#ff9a5a;
  --proven:#56B4E9; --attack:#ff9a5a; }
body { background:var(--ground); color:var(--ink); font-size:16px; }
.nicegui-content { padding:0; }
.explorer { width:100%; max-width:2400px; margin:0 auto; padding:12px; display:grid; gap:12px;
  grid-template-columns:minmax(0,1fr); align-items:start; }
@media (min-width:760px) { .explorer { grid-template-columns:minmax(280px,2fr) minmax(0,3fr); }
  .explorer > .fields { grid-row:2 / span 3; } }
@media (min-width:1300px) { .explorer { grid-template-columns:minmax(320px,2fr) minmax(0,3fr) minmax(0,3fr); }
  .explorer > .fields { grid-row:2 / span 2; } .explorer > .maps { grid-column:2 / span 2; } }
@media (min-width:2100px) { .explorer { font-size:20px;
  grid-template-columns:minmax(360px,2fr) repeat(3,minmax(0,3fr)); }
  .explorer > .fields { grid-row:2; } .explorer > .maps { grid-column:4; } }
.x-stack { display:grid; gap:12px; min-width:0; }
.x-card { background:var(--paper); border:1px solid var(--line); border-radius:8px; padding:12px 14px; min-width:0; }
.x-card h2, .x-title, .top h1 { font-size:1.1em; line-height:1.3; font-weight:600; margin:0 0 6px; }
.top { grid-column:1/-1; display:flex; flex-wrap:wrap; gap:4px 16px; align-items:baseline; }
.top h1 { font-size:1.3em; margin:0; }
.said { flex:1 1 300px; min-width:0; overflow-wrap:anywhere; color:var(--soft); }
.said.wrong { color:var(--here); font-weight:600; }
.x-row { display:grid; grid-template-columns:minmax(0,1fr) 8.5em; gap:0 12px; align-items:center; width:100%; }
.x-row label.words { grid-column:1/-1; color:var(--soft); font-size:.9em; margin-top:4px; }
.x-pair { display:grid; grid-template-columns:repeat(2,minmax(0,1fr)); gap:4px 12px; width:100%; }
.x-table { grid-column:1/-1; width:100%; } .x-table textarea { font-family:monospace; }
.x-buttons { display:flex; flex-wrap:wrap; gap:8px; }
.explorer svg { width:100%; height:auto; max-height:78vh; display:block; }
.explorer svg text { fill:var(--ink); font-family:system-ui,sans-serif; font-size:14px; }
.explorer svg .small { font-size:12px; fill:var(--soft); }
.explorer svg .axis { font-size:13px; } .explorer svg .value { font-variant-numeric:tabular-nums; }
.set-ns { fill:var(--ns-fill); stroke:var(--ns); }
.set-q { fill:var(--quantum-fill); stroke:var(--quantum); stroke-width:2; }
.set-l { fill:var(--local-fill); stroke:var(--local); stroke-width:1.5; stroke-dasharray:6 3; }
.grid { stroke:var(--line); stroke-dasharray:2 4; } .frame { fill:none; stroke:var(--soft); }
.bell-local, .bell-quantum { stroke:var(--ink); stroke-width:1; } .bell-local { stroke-dasharray:8 3 2 3; }
.fall { stroke:var(--here); stroke-width:2; stroke-dasharray:3 3; } .here { fill:var(--here); stroke:var(--paper); }
.ideal { fill:var(--paper); stroke:var(--here); stroke-width:2; } .explorer svg .label { font-weight:600; }
.proven { fill:var(--proven); } .guessed { fill:none; stroke:var(--proven); stroke-dasharray:4 3; stroke-width:1.5; }
.attack { stroke:var(--attack); stroke-width:3; } .zero { stroke:var(--ink); }
.zero-line { stroke:#fff; stroke-width:2; fill:none; } .zero-edge { stroke:#000; stroke-width:4; fill:none; }
table.numbers { border-collapse:collapse; width:100%; }
.numbers th { text-align:left; font-weight:400; color:var(--soft); }
.numbers td { text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap; }
.numbers th, .numbers td { padding:3px 0; border-bottom:1px solid var(--line); }
.ends caption { text-align:left; font-weight:600; padding:6px 0 2px; } .ends th { padding-right:12px; }
.numbers .why { white-space:normal; font-size:.85em; }
.x-note { color:var(--soft); font-size:.9em; margin:6px 0 0; overflow-wrap:anywhere; }
.x-pair { margin-top:8px; } .x-buttons { margin-top:8px; } .q-linear-progress { margin:10px 0; }
.q-btn--outline, .q-btn--flat, .explorer .q-slider { --q-primary:var(--quantum); }
.explorer .q-field { font-size:.9em; }
@media (max-width:520px) { .explorer svg text { font-size:18px; } .explorer svg .small { font-size:16px; }
  .explorer svg .axis { font-size:17px; } .numbers .why { white-space:normal; } }
pre.code { overflow:auto; max-height:60vh; background:var(--ground); padding:10px; font-size:.9em; color:var(--ink); }
.hidden-words { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); }
:focus-visible { outline:3px solid var(--proven); outline-offset:2px; }
"""

#: What dies of what: names of the numbers of both sides, and what falls.
_ENDS = {
    "White noise": ("alive", "dead", "visibility"),
    "Losses": ("kept", "lost", "efficiency"),
}


_ELSEWHERE = {"alive", "dead", "kept", "lost"}
_MORTAL = (("Key", "key"), ("Randomness", "random"))


def numbers_html(numbers: Mapping[str, Number], serial: int, stage: str) -> str:
    """The numbers as a table, each with the sign of its side; what has no number yet shows an ellipsis."""
    rows = []
    for name, text in NAMES.items():
        if name.rpartition("_")[2] in _ELSEWHERE or (name not in numbers and stage == "done"):
            continue
        number = numbers.get(name)
        if number is None:
            said = "…"
        elif number.value is None:
            said = f'<span class="why">{escape(number.text or "none")}</span>'
        else:
            said = shown(number) + (f" ({escape(number.text)})" if number.text else "")
        rows.append(f'<tr><th scope="row">{escape(text)}</th><td data-name="{name}">{said}</td></tr>')
    return (
        f'<table class="numbers" data-serial="{serial}" data-stage="{stage}"><caption class="hidden-words">Numbers of '
        f"the devices; entropies and rates in bits a round</caption><tbody>{''.join(rows)}</tbody></table>"
        '<p class="x-note">≥ and ≤ are proven, = is a closed form, ≈ is an estimate that a proof replaces.</p>'
    )


def ends_html(numbers: Mapping[str, Number], stage: str) -> str:
    """What dies where: as white noise grows, and as losses do, each with the other noise as it is."""

    def both(name: str, alive: str, dead: str) -> str:
        lives, dies = numbers.get(f"{name}_{alive}"), numbers.get(f"{name}_{dead}")
        if lives is None or dies is None:
            return unknown
        said = [f"lives at {shown(lives)[2:]}" if lives.value is not None else f"lives nowhere ({escape(lives.text)})"]
        said.append(f"is dead at {shown(dies)[2:]}" if dies.value is not None else escape(dies.text))
        return " and ".join(filter(None, said))

    unknown = "not known for these devices" if stage == "done" else "…"
    parts = []
    for noise, (alive, dead, falls) in _ENDS.items():
        violation = numbers.get(f"bell_{dead}")
        if violation is None:
            ends = unknown
        else:
            ends = violation.text if violation.value is None else f"ends at {shown(violation)[2:]}"
        rows = [(text, f"{name}{'' if dead == 'dead' else '_lost'}", both(name, alive, dead)) for text, name in _MORTAL]
        rows.append(("Violation of S\u00a0=\u00a02", f"bell_{dead}", ends))
        cells = "".join(
            f'<tr><th scope="row">{text}</th><td class="why" data-end="{name}">{said}</td></tr>'
            for text, name, said in rows
        )
        parts.append(f'<table class="numbers ends"><caption>{noise}: {falls}</caption><tbody>{cells}</tbody></table>')
    return (
        f"{''.join(parts)}"
        '<p class="x-note">The noise that is not named is as it is. Where it lives there is a proof, where it is dead '
        "an attack.</p>"
    )
