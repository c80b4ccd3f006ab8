"""Cards in HTML: every text is escaped, there is no script, and colours are those of the page, dark or light."""

from __future__ import annotations

from html import escape

from sdpbound.showing.cards import Bar, Card, Grid

__all__ = ["written"]

#: Red, green, blue of the stretches of bars, in the middle between dark and light, and their opacity.
COLOURS = {
    "proven": ("0,114,178", 0.85),
    "open": ("127,127,127", 0.25),
    "excluded": ("213,94,0", 0.75),
    "cost": ("230,159,0", 0.75),
}
#: The strongest shade of a table's entry: text stays legible on it.
SHADE = 0.45
_LINE = "rgba(127,127,127,0.5)"
_CELL = f"padding:2px 8px;text-align:right;border:1px solid {_LINE};color:inherit"
_NUMBERS = "font-variant-numeric:tabular-nums"


def written(card: Card) -> str:
    """The card as one HTML element, styled by itself."""
    parts = [f'<div style="font-weight:600">{escape(card.title)}</div>']
    if card.number:
        parts.append(f'<div style="font-size:1.15em;margin:4px 0;{_NUMBERS}">{escape(card.number)}</div>')
    if card.bar is not None:
        parts.append(_bar(card.bar))
    if card.facts:
        parts.append(_facts(card.facts))
    parts += [_grid(grid) for grid in card.grids]
    return (
        '<div class="sdpbound" style="color:inherit;background:transparent;max-width:60em;overflow-x:auto">'
        + "".join(parts)
        + "</div>"
    )


def _facts(facts: tuple[tuple[str, str], ...]) -> str:
    head = "padding:1px 10px 1px 0;text-align:left;vertical-align:top;opacity:0.75;font-weight:400;color:inherit"
    cell = f"padding:1px 0;text-align:left;color:inherit;{_NUMBERS}"
    rows = "".join(
        f'<tr style="background:transparent"><th scope="row" style="{head}">{escape(name)}</th>'
        f'<td style="{cell}">{escape(text)}</td></tr>'
        for name, text in facts
        if text
    )
    return f'<table style="border-collapse:collapse;margin:4px 0;color:inherit">{rows}</table>'


def _grid(grid: Grid) -> str:
    caption = f'<caption style="text-align:left;color:inherit">{escape(grid.caption)}</caption>' if grid.caption else ""
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(text)}</th>' for text in grid.columns)
    rows = []
    for place, row in enumerate(grid.rows):
        shades = grid.shades[place] if grid.shades else (0.0,) * (len(row) - 1)
        cells = "".join(
            f'<td style="{_CELL};background:rgba(0,114,178,{SHADE * min(max(shade, 0.0), 1.0):.3f})">'
            f"{escape(text)}</td>"
            for text, shade in zip(row[1:], shades, strict=True)
        )
        own = f'<th scope="row" style="{_CELL}">{escape(row[0])}</th>'
        rows.append(f'<tr style="background:transparent">{own}{cells}</tr>')
    return (
        f'<table style="border-collapse:collapse;margin:6px 0;color:inherit;{_NUMBERS}">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _bar(bar: Bar) -> str:
    """A picture in SVG, with a sentence for those who do not see it and the stretches in words below."""
    width = bar.high - bar.low
    shapes, words = [], []
    for span in bar.spans:
        colour, opacity = COLOURS[span.kind]
        left = 100.0 * (span.start - bar.low) / width
        size = max(100.0 * (span.stop - span.start) / width, 0.4)
        fill = f'fill="rgb({colour})" fill-opacity="{opacity}"'
        shapes.append(f'<rect x="{left:.2f}%" y="4" width="{size:.2f}%" height="12" {fill}/>')
        mark = f'<span style="color:rgb({colour})" aria-hidden="true">&#9632;</span>'
        words.append(f"{mark} {escape(span.text)}")
    zero = 100.0 * (0.0 - bar.low) / width
    if 0.0 < zero < 100.0:
        line = f'x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="20"'
        shapes.append(f'<line {line} stroke="currentColor" stroke-opacity="0.7"/>')
    return (
        f'<svg role="img" aria-label="{escape(bar.text)}" width="100%" height="20" '
        f'style="max-width:36em;display:block;color:inherit"><title>{escape(bar.text)}</title>{"".join(shapes)}</svg>'
        f'<div style="font-size:0.9em;{_NUMBERS}">{escape(f"{bar.low:.4g} to {bar.high:.4g}")}: '
        f"{', '.join(words)}</div>"
    )
