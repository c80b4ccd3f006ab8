"""Graphs written for Mermaid as pictures of the site: drawn when it is built, so that a reader needs no network.

Only what this project writes is read: lines ``a[text]`` and ``a[text] --> b[text]`` after ``graph TD``. A box stands
below all that point to it. An arrow that passes other rows has a place of its own in each of them, and boxes are
ordered so that few arrows cross. Colours are those of the page, in light and in dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

__all__ = ["drawn", "svg"]

_BLOCK = re.compile(r"```mermaid\n(.*?)```", re.S)
_BOX = re.compile(r"(\w+)\[([^\]]+)\]")
#: Height of a row and of a box, width of a letter, of a passing arrow and of the gap between two, in pixels.
_ROW, _BOX_HEIGHT, _LETTER, _PASS, _GAP, _EDGE = 58.0, 26.0, 7.3, 14.0, 16.0, 8.0
_SWEEPS = 24

Node = tuple[str, int]  # a box and its row, or an arrow's number and a row that it passes


def drawn(page: str) -> str:
    """A Markdown page with each Mermaid graph as a picture."""
    return _BLOCK.sub(lambda match: f"```{{raw}} html\n{svg(match[1])}\n```", page)


def read(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The boxes of a graph by name with their texts, and its arrows."""
    boxes: dict[str, str] = {}
    arrows = []
    for line in text.splitlines():
        found = _BOX.findall(line)
        boxes |= dict(found)
        if len(found) == 2:
            arrows.append((found[0][0], found[1][0]))
    return boxes, arrows


def rows_of(boxes: Sequence[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The row of each box: one below the lowest box that points to it."""
    row = dict.fromkeys(boxes, 0)
    for _ in boxes:
        for start, end in arrows:
            row[end] = max(row[end], row[start] + 1)
    if any(row[end] <= row[start] for start, end in arrows):
        raise ValueError("the graph goes round in a circle, and has no rows")
    return row


def svg(text: str) -> str:
    """The picture of a graph."""
    boxes, arrows = read(text)
    row = rows_of(list(boxes), arrows)
    rows: list[list[Node]] = [[] for _ in range(max(row.values()) + 1)]
    for name in boxes:
        rows[row[name]].append((name, row[name]))
    paths = []
    for k, (start, end) in enumerate(arrows):
        passed = [(f"#{k}", level) for level in range(row[start] + 1, row[end])]
        for node in passed:
            rows[node[1]].append(node)
        paths.append([(start, row[start]), *passed, (end, row[end])])
    width = {node: _width(node, boxes) for level in rows for node in level}
    middle = _placed(rows, paths, width)
    left = min(middle[n] - width[n] / 2.0 for n in width) - _EDGE
    right = max(middle[n] + width[n] / 2.0 for n in width) + _EDGE
    tall = _ROW * (len(rows) - 1) + _BOX_HEIGHT + 2.0 * _EDGE
    parts = [_curve(path, middle, left) for path in paths]
    for name, label in boxes.items():
        x, y = middle[name, row[name]] - left, _EDGE + _ROW * row[name]
        wide = width[name, row[name]]
        parts.append(
            f'<rect x="{x - wide / 2.0:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{_BOX_HEIGHT:g}" rx="4"/>'
            f'<text x="{x:.1f}" y="{y + 17.5:.1f}">{escape(label)}</text>'
        )
    words = f"A graph of {len(boxes)} boxes in {len(rows)} rows; each points to boxes below it."
    return (
        f'<div class="graph"><svg viewBox="0 0 {right - left:.0f} {tall:.0f}" width="{right - left:.0f}" role="img" '
        f'aria-label="{words}" xmlns="http://www.w3.org/2000/svg"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" '
        f'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0,0 8,4 0,8z"/></marker></defs>'
        f"{''.join(parts)}</svg></div>"
    )


def _width(node: Node, boxes: Mapping[str, str]) -> float:
    return _LETTER * len(boxes[node[0]]) + 16.0 if node[0] in boxes else _PASS


def _placed(rows: list[list[Node]], paths: list[list[Node]], width: Mapping[Node, float]) -> dict[Node, float]:
    """The middle of each node: rows are ordered and placed by the mean of their neighbours, upwards and downwards."""
    near: dict[Node, list[Node]] = {node: [] for node in width}
    for path in paths:
        for upper, lower in pairwise(path):
            near[upper].append(lower)
            near[lower].append(upper)
    middle: dict[Node, float] = {}
    for level in rows:
        _spread(level, dict.fromkeys(level, 0.0), width, middle)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for level in rows if down else reversed(rows):
            wanted = {}
            for node in level:
                ends = [n for n in near[node] if (n[1] < node[1]) == down] or near[node]
                wanted[node] = sum(middle[n] for n in ends) / len(ends) if ends else middle[node]
            level.sort(key=lambda node: wanted[node])
            _spread(level, wanted, width, middle)
    return middle


def _spread(
    level: Sequence[Node], wanted: Mapping[Node, float], width: Mapping[Node, float], middle: dict[Node, float]
) -> None:
    """Middles in this order: the means of those of a push to the right and of a push to the left."""
    apart = [(width[a] + width[b]) / 2.0 + _GAP for a, b in pairwise(level)]
    right, left = ([wanted[node] for node in level] for _ in range(2))
    for k, space in enumerate(apart):
        right[k + 1] = max(right[k + 1], right[k] + space)
    for k, space in reversed(list(enumerate(apart))):
        left[k] = min(left[k], left[k + 1] - space)
    for node, a, b in zip(level, right, left, strict=True):
        middle[node] = (a + b) / 2.0


def _curve(path: Sequence[Node], middle: Mapping[Node, float], left: float) -> str:
    """An arrow from below its first node to the top of its last one."""
    points = [(middle[node] - left, _EDGE + _ROW * node[1]) for node in path]
    x, y = points[0][0], points[0][1] + _BOX_HEIGHT
    steps = [f"M{x:.1f},{y:.1f}"]
    for k, (u, v) in enumerate(points[1:], 2):
        if k == len(points):
            v -= 1.0  # the tip touches the box
        steps.append(f"C{x:.1f},{(y + v) / 2.0:.1f} {u:.1f},{(y + v) / 2.0:.1f} {u:.1f},{v:.1f}")
        if k < len(points):
            steps.append(f"V{v + _BOX_HEIGHT:.1f}")
            v += _BOX_HEIGHT
        x, y = u, v
    return f'<path class="arrow" d="{"".join(steps)}" marker-end="url(#tip)"/>'
