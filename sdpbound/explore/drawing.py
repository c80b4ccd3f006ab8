"""Pictures as SVG: the slice of correlator space, rates from both sides, and maps.

Colours are those of the page's style sheet, ``var(--ink)`` and so on, so that light and dark are one picture. Every
picture has a title and a description for readers who do not see it. Shapes are told apart by labels and dashes, not by
colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from sdpbound.explore.point import Point
from sdpbound.explore.slices import Slice
from sdpbound.explore.values import Map, MapPlan, Number, shown

__all__ = ["map_svg", "rates_svg", "slice_svg"]

#: The picture's size and margins, in units of its view box.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 440.0, 380.0, 44.0, 40.0, 14.0, 14.0
#: Colours from dark to light for every form of colour vision; NaN has none.
_SCALE = ("#0b1f4b", "#2f5d9c", "#2f9098", "#7fae45", "#eeb010")


# -- the slice ------------------------------------------------------------------------------------------------------


def slice_svg(cut: Slice, point: Point) -> str:
    """The three sets with the behaviour, S upwards."""
    wide = max(1.05 * float(np.abs(cut.no_signaling[:, 0]).max()), 1.0)
    across, up = (-wide, wide), (0.0, 4.5)

    def place(p: NDArray[np.float64]) -> str:
        return f"{_x(float(p[0]), across):.1f},{_y(float(p[1]), up):.1f}"

    def polygon(corners: NDArray[np.float64], name: str) -> str:
        return f'<polygon class="set-{name}" points="{" ".join(map(place, corners))}"/>'

    parts = [polygon(cut.no_signaling, "ns"), polygon(cut.quantum, "q"), polygon(cut.local, "l")]
    for value, text in ((2.0, "local, S = 2"), (2.0 * math.sqrt(2.0), "quantum, 2√2"), (4.0, "no-signaling, 4")):
        y = _y(value, up)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="small" x="{_LEFT + 4}" y="{y - 4:.1f}">{text}</text>')
    parts += _expression_lines(cut, point, across, up)
    x0, y0 = place(cut.ideal).split(",")
    x1, y1 = place(cut.behaviour).split(",")
    parts.append(f'<line class="fall" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>')
    parts.append(f'<circle class="ideal" cx="{x0}" cy="{y0}" r="5"/><circle class="here" cx="{x1}" cy="{y1}" r="5.5"/>')
    side = "end" if float(cut.behaviour[0]) > 0.0 else "start"
    step = -10.0 if side == "end" else 10.0
    parts.append(
        f'<text class="label" text-anchor="{side}" x="{float(x1) + step:.1f}" y="{float(y1) + 5:.1f}">devices</text>'
    )
    inner = f'<clipPath id="inside">{_frame()}</clipPath><g clip-path="url(#inside)">{"".join(parts)}</g>'
    axes = _axes(across, up, "length across the CHSH direction", "CHSH value S")
    where = "outside the local set" if float(cut.behaviour[1]) > 2.0 else "inside the local set"
    words = (
        f"The devices have S = {float(cut.behaviour[1]):.4f}, {where}; without noise S = {float(cut.ideal[1]):.4f}. "
        "Local correlators end at 2, quantum ones at 2.8284, no-signaling ones at 4."
    )
    return _svg("Local, quantum and no-signaling correlators in a plane", words, inner + axes)


def _expression_lines(cut: Slice, point: Point, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    """The lines on which the family's expression has its local and its quantum maximum, or minimum on that side."""
    if cut.expression is None:
        return []
    a, b, c = cut.expression
    here = a * float(cut.ideal[0]) + b * float(cut.ideal[1]) + c
    found = []
    for bound, name in ((point.member.local_bound, "local"), (point.member.quantum_bound, "quantum")):
        if bound is None or abs(b) < 1e-9:
            continue
        level = math.copysign(bound, here)
        ends = [(u, (level - c - a * u) / b) for u in across]
        (x0, y0), (x1, y1) = ((_x(u, across), _y(s, up)) for u, s in ends)
        found.append(f'<line class="bell-{name}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>')
    return found


# -- rates ----------------------------------------------------------------------------------------------------------

_BARS = (("key", "key"), ("random", "randomness AB"), ("local", "randomness A"))


def rates_svg(numbers: Mapping[str, Number]) -> str:
    """Each rate as a bar up to what is proven, and a mark at the attack; bits a round."""
    values = [n.value for name, n in numbers.items() if name.partition("_")[0] in dict(_BARS) and _is_rate(name, n)]
    finite = [v for v in values if v is not None]
    low, high = min([-0.1, *finite]), max([1.0, *finite])
    ends = (low - 0.05, high + 0.05)
    parts, words = [], []
    zero = _x(0.0, ends)
    for place, (name, text) in enumerate(_BARS):
        y = 30.0 + 62.0 * place
        below, above = (numbers.get(f"{name}_{side}", Number(None, "none")) for side in ("low", "high"))
        parts.append(f'<text class="label" x="{_LEFT}" y="{y:.1f}">{text}</text>')
        if below.value is not None:
            x = _x(below.value, ends)
            kind = "guessed" if below.side == "estimate" else "proven"
            parts.append(
                f'<rect class="{kind}" x="{min(x, zero):.1f}" y="{y + 8:.1f}" width="{abs(x - zero):.1f}" height="20"/>'
            )
        if above.value is not None:
            x = _x(above.value, ends)
            parts.append(f'<path class="attack" d="M{x:.1f},{y + 4:.1f} v28"/>')
        parts.append(f'<path class="zero" d="M{zero:.1f},{y + 6:.1f} v24"/>')
        said = ", ".join(shown(n) for n in (below, above) if n.value is not None) or "no number yet"
        parts.append(f'<text class="value" text-anchor="end" x="{_WIDTH - _RIGHT}" y="{y:.1f}">{said}</text>')
        words.append(f"{text}: {said} bits a round")
    return _svg("Rates from both sides", "; ".join(words) + ".", "".join(parts), 200.0)


def _is_rate(name: str, number: Number) -> bool:
    return name.endswith(("_low", "_high")) and number.value is not None


# -- maps -----------------------------------------------------------------------------------------------------------


def map_svg(found: Map) -> str:
    """A map as far as it is computed: cells coloured by value, and a line around what is above zero."""
    plan, values = found.plan, found.values
    across, up = (plan.x.low, plan.x.high), (plan.y.low, plan.y.high)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    wide = (_WIDTH - _LEFT - _RIGHT - 60.0) / plan.x.count
    tall = (_HEIGHT - _TOP - _BOTTOM) / plan.y.count
    parts = []
    for j, i in np.argwhere(np.isfinite(values)):
        share = 0.0 if high <= low else (float(values[j, i]) - low) / (high - low)
        x, y = _LEFT + i * wide, _HEIGHT - _BOTTOM - (j + 1) * tall
        size = f'width="{wide + 0.3:.1f}" height="{tall + 0.3:.1f}"'  # cells overlap a little, so that no gap shows
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{_colour(share)}"/>')
    parts += _zero_line(values, wide, tall)
    parts += _colour_bar(low, high)
    parts += _map_axes(plan, across, up)
    best = ""
    if known.size:
        j, i = np.unravel_index(int(np.nanargmax(values)), values.shape)
        at = f"{plan.x.name} = {plan.x.values()[i]:.4g}, {plan.y.name} = {plan.y.values()[j]:.4g}"
        best = f" Largest {high:.5g} at {at}; smallest {low:.5g}."
    words = f"{known.size} of {values.size} cells are computed.{best}"
    return _svg(f"{plan.text} over {plan.x.name} and {plan.y.name}", words, "".join(parts))


def _zero_line(values: NDArray[np.float64], wide: float, tall: float) -> list[str]:
    """Edges between cells above zero and others."""
    positive = values > 0.0
    known = np.isfinite(values)
    paths = []
    for j, i in np.argwhere(positive):
        x, y = _LEFT + i * wide, _HEIGHT - _BOTTOM - (j + 1) * tall
        for dj, di, edge in (
            (0, -1, f"M{x:.1f},{y:.1f}v{tall:.1f}"),
            (0, 1, f"M{x + wide:.1f},{y:.1f}v{tall:.1f}"),
            (1, 0, f"M{x:.1f},{y:.1f}h{wide:.1f}"),
            (-1, 0, f"M{x:.1f},{y + tall:.1f}h{wide:.1f}"),
        ):
            v, u = j + dj, i + di
            if 0 <= v < values.shape[0] and 0 <= u < values.shape[1] and known[v, u] and not positive[v, u]:
                paths.append(edge)
    line = "".join(paths)
    return [f'<path class="zero-{kind}" d="{line}"/>' for kind in ("edge", "line")] if paths else []


def _colour_bar(low: float, high: float) -> list[str]:
    x, top, tall = _WIDTH - _RIGHT - 48.0, _TOP, (_HEIGHT - _TOP - _BOTTOM) / 40.0
    parts = [
        f'<rect x="{x}" y="{top + tall * (39 - k):.1f}" width="12" height="{tall + 0.3:.1f}" fill="{_colour(k / 39)}"/>'
        for k in range(40)
    ]
    parts.append(f'<text class="small" x="{x + 15}" y="{top + 10}">{high:.3g}</text>')
    parts.append(f'<text class="small" x="{x + 15}" y="{_HEIGHT - _BOTTOM}">{low:.3g}</text>')
    return parts


def _map_axes(plan: MapPlan, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    right, bottom = _WIDTH - _RIGHT - 60.0, _HEIGHT - _BOTTOM
    parts = [f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}"/>']
    for value, anchor, x in ((across[0], "start", _LEFT), (across[1], "end", right)):
        parts.append(f'<text class="small" text-anchor="{anchor}" x="{x}" y="{bottom + 15}">{value:.4g}</text>')
    for value, y in ((up[0], bottom), (up[1], _TOP + 10.0)):
        parts.append(f'<text class="small" text-anchor="end" x="{_LEFT - 4}" y="{y}">{value:.3g}</text>')
    middle = (_LEFT + right) / 2.0
    parts.append(f'<text class="axis" text-anchor="middle" x="{middle}" y="{bottom + 32}">{escape(plan.x.name)}</text>')
    y = (_TOP + bottom) / 2.0
    parts.append(_sideways(plan.y.name, y))
    return parts


def _colour(share: float) -> str:
    """A colour of the scale, 0 to 1."""
    place = min(max(share, 0.0), 1.0) * (len(_SCALE) - 1)
    left = min(int(place), len(_SCALE) - 2)
    ends = [[int(text[k : k + 2], 16) for k in (1, 3, 5)] for text in _SCALE[left : left + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (place - left)):02x}" for a, b in zip(*ends, strict=True))


# -- what they share ------------------------------------------------------------------------------------------------


def _x(value: float, ends: tuple[float, float]) -> float:
    return _LEFT + (value - ends[0]) / (ends[1] - ends[0]) * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, ends: tuple[float, float]) -> float:
    return _HEIGHT - _BOTTOM - (value - ends[0]) / (ends[1] - ends[0]) * (_HEIGHT - _TOP - _BOTTOM)


def _axes(across: tuple[float, float], up: tuple[float, float], below: str, left: str) -> str:
    parts = [_frame()]
    for value in _ticks(across):
        x = _x(value, across)
        parts.append(
            f'<text class="small" text-anchor="middle" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 15}">{_tick(value)}</text>'
        )
    for value in _ticks(up):
        y = _y(value, up)
        parts.append(f'<text class="small" text-anchor="end" x="{_LEFT - 5}" y="{y + 4:.1f}">{_tick(value)}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2.0
    parts.append(f'<text class="axis" text-anchor="middle" x="{middle}" y="{_HEIGHT - 6}">{below}</text>')
    y = (_TOP + _HEIGHT - _BOTTOM) / 2.0
    parts.append(_sideways(left, y))
    return "".join(parts)


def _sideways(text: str, y: float) -> str:
    place = f"translate(14 {y}) rotate(-90)"
    return f'<text class="axis" text-anchor="middle" transform="{place}">{escape(text)}</text>'


def _frame() -> str:
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    return f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{wide}" height="{tall}"/>'


def _ticks(ends: tuple[float, float]) -> Sequence[float]:
    return [float(v) for v in range(math.ceil(ends[0]), math.floor(ends[1]) + 1)]


def _tick(value: float) -> str:
    """A tick's number, with a minus sign that is no hyphen."""
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _svg(title: str, words: str, inner: str, height: float = _HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(title)}. {escape(words)}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title><desc>{escape(words)}</desc>{inner}</svg>'
    )
