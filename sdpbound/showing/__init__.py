"""How objects show themselves: cards in notebooks, and pictures.

What may come in: an object of a class in ``CARDS`` or ``PICTURES``. What is handed on: HTML without scripts, or
matplotlib's axes.
"""

from __future__ import annotations

from sdpbound.showing.cards import Bar, Card, Grid, Span
from sdpbound.showing.faces import CARDS, PICTURES, card_of, draw, html_of, latex_of

__all__ = ["CARDS", "PICTURES", "Bar", "Card", "Grid", "Span", "card_of", "draw", "html_of", "latex_of"]
