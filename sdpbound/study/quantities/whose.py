"""Whose outcomes a quantity of a study is about: Alice's, both, or those of the parties that its key names."""

from __future__ import annotations

from typing import Any

from sdpbound.bell.key import Merge, Settings, key_merge, key_settings, named_key
from sdpbound.rates.correction import sender_of
from sdpbound.rates.rates import CONFERENCE
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.kind import Asked, QuantityKind

__all__ = ["chosen", "conference", "key_settings_of", "merge_of", "named"]


def named(kind: QuantityKind, asked: Asked) -> tuple[int | None, int | None, Settings | None]:
    """Return x, y and, where these do not say all, the settings of all parties whose outcomes Eve is asked for.

    Of a key these are the outcomes of its first party.
    """
    if asked.key is None:
        x, y = asked.settings
        return x, y if kind.pair else None, None
    return named_key(sender_of(asked.key)[0] if kind.key else asked.key)


def chosen(kind: QuantityKind, at: AtPoint, asked: Asked) -> dict[str, Any]:
    """Return the same as keywords of functions, with what is merged of these outcomes."""
    x, y, settings = named(kind, asked)
    merge = {"merge": merge_of(kind, at, asked)}
    return merge | ({"x": x, "y": y} if settings is None else {"settings": settings})


def merge_of(kind: QuantityKind, at: AtPoint, asked: Asked) -> Merge | None:
    """Return the value of each outcome of the key of a row; None where all outcomes have values of their own.

    Raises InvalidInput if there are not so many outcomes, as where a no click is kept as one more.
    """
    if asked.merge is None:
        return None
    scenario = at.behaviour.scenario
    return key_merge(scenario, key_settings(scenario, *named(kind, asked)), asked.merge)


def key_settings_of(asked: Asked) -> Settings:
    """Return the settings of the parties that share a key."""
    if asked.key is not None:
        return asked.key
    x, y = asked.settings
    return x, y or 0


def conference(theorem: str, asked: Asked) -> str:
    """Return a theorem about keys, with what makes it one about keys of more than two parties."""
    return theorem if asked.key is None else f"{CONFERENCE}; {theorem}"
