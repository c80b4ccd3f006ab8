"""Which class has which card and which picture; a line for each, imported when it is first asked for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sdpbound.arguments import instance
from sdpbound.errors import InvalidInput
from sdpbound.showing.cards import Card
from sdpbound.showing.html import written
from sdpbound.showing.latex import array_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CARDS", "PICTURES", "card_of", "draw", "html_of", "latex_of"]

#: Where the card of a class is made: a function from an object to a Card. Subclasses have the card of their base.
CARDS = {
    "sdpbound.bell.behaviour.Behaviour": "sdpbound.showing.correlations:behaviour_card",
    "sdpbound.bell.expression.BellExpression": "sdpbound.showing.correlations:expression_card",
    "sdpbound.bounds.bound.Bound": "sdpbound.showing.proven:bound_card",
    "sdpbound.bounds.certificate.Certificate": "sdpbound.showing.proven:certificate_card",
    "sdpbound.boxes.partition.BoxPartition": "sdpbound.showing.correlations:partition_card",
    "sdpbound.entropies.envelope.EntropyEnvelope": "sdpbound.showing.proven:envelope_card",
    "sdpbound.finite_size.result.FiniteLength": "sdpbound.showing.rates:length_card",
    "sdpbound.rates.rate.Rate": "sdpbound.showing.rates:rate_card",
    "sdpbound.rates.thresholds.Threshold": "sdpbound.showing.rates:threshold_card",
    "sdpbound.study.at_hand.Status": "sdpbound.showing.studies:status_card",
    "sdpbound.study.at_hand.Study": "sdpbound.showing.studies:study_card",
    "sdpbound.study.running.run.StudyResult": "sdpbound.showing.studies:result_card",
    "sdpbound.tables.table.Table": "sdpbound.showing.studies:table_card",
}
#: Where the picture of a class is drawn: a function from an object, axes and matplotlib's keywords.
PICTURES = {
    "sdpbound.bell.behaviour.Behaviour": "sdpbound.showing.pictures:draw_behaviour",
    "sdpbound.boxes.partition.BoxPartition": "sdpbound.showing.pictures:draw_weights",
    "sdpbound.entropies.envelope.EntropyEnvelope": "sdpbound.showing.pictures:draw_envelope",
    "sdpbound.finite_size.result.FiniteLength": "sdpbound.showing.pictures:draw_length",
    "sdpbound.rates.thresholds.Threshold": "sdpbound.showing.pictures:draw_threshold",
    "sdpbound.study.at_hand.Study": "sdpbound.showing.studies:draw_study",
    "sdpbound.tables.table.Table": "sdpbound.showing.studies:draw_table",
}


def card_of(thing: object) -> Card:
    """The card of an object; of a class without one, its text."""
    place = _place(CARDS, thing)
    if place is None:
        return Card(type(thing).__name__, facts=(("", repr(thing)),))
    card: Card = place(thing)
    return card


def html_of(thing: object) -> str:
    """The card of an object as HTML; of an object whose card cannot be made, its text, for a notebook shows something.

    A card is looked at, and must not end a computation: what fails is named in a warning.
    """
    try:
        return written(card_of(thing))
    except Exception as error:  # whatever it is, the object is still there and has a text
        warnings.warn(
            f"the card of this {type(thing).__name__} could not be made ({type(error).__name__}: {error}).",
            RuntimeWarning,
            stacklevel=3,
        )
        return f"<pre>{escape(repr(thing))}</pre>"


def latex_of(thing: object) -> str | None:
    """The number of an object as a formula of LaTeX with its side, or its first table; None where it has neither."""
    card = card_of(thing)
    if card.formula:
        return card.formula
    return array_of(card.grids[0]) if card.grids else None


def draw(thing: object, ax: Axes | None, look: Mapping[str, Any]) -> Axes:
    """Draw an object, into new axes of pyplot if there are none."""
    from matplotlib.axes import Axes as Given

    place = _place(PICTURES, thing)
    if place is None:
        raise InvalidInput(f"a {type(thing).__name__} has no picture; see sdpbound.showing.PICTURES for what has one.")
    if ax is not None:
        instance(ax, Given, "ax", "matplotlib's Axes, or None for a new figure")
    axes: Axes = place(thing, ax, dict(look))
    return axes


def _place(table: Mapping[str, str], thing: object) -> Any:
    for base in type(thing).__mro__:
        found = table.get(f"{base.__module__}.{base.__qualname__}")
        if found is not None:
            module, _, name = found.partition(":")
            return getattr(import_module(module), name)
    return None
