"""What a card says, as data: :mod:`sdpbound.showing.html` writes it down."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bar", "Card", "Grid", "Span"]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts.

    Attributes
    ----------
    columns : heads of the columns, the first of which is that of the rows' own heads
    rows : texts of each row, its head first
    caption : what the table says
    shades : for each row the shade of each entry but the head, from 0 to 1; empty for none
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    shades: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a bar.

    Attributes
    ----------
    start, stop : in the bar's units
    kind : "proven", "open", "excluded" or "cost"
    text : what it is
    """

    start: float
    stop: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of numbers with stretches on it, from ``low`` to ``high``; ``text`` says it in one sentence."""

    low: float
    high: float
    spans: tuple[Span, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """A title, the number with its side, facts by name, a bar, tables, and the number as a formula of LaTeX."""

    title: str
    number: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    bar: Bar | None = None
    grids: tuple[Grid, ...] = ()
    formula: str = ""
