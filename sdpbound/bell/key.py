"""Keys: whose outcomes are asked for, and of which settings.

A key is the outcomes of one setting each of some of the parties. The commonest have names of their own: ``x`` is the
setting of the first party, and ``y`` that of the second one, None where its outcome is no part of the key. Any key is
``settings``, one entry for each party: its setting, or None.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, TypedDict

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidSettings

__all__ = [
    "LETTERS",
    "PARTIES",
    "KeyChanges",
    "Settings",
    "all_settings",
    "apart",
    "key_effects",
    "key_settings",
    "key_words",
    "named_key",
    "outcomes_of_key",
    "settings_of",
]

Settings = tuple[int | None, ...]


class KeyChanges(TypedDict, total=False):
    """The keyword by which functions take any key."""

    settings: Sequence[int | None] | None


def settings_of(changes: Mapping[str, object], caller: str) -> Sequence[int | None] | None:
    """The settings among the keywords of a call that takes no others; TypeError as of any unknown keyword."""
    settings, others = apart(changes)
    for name in others:
        raise TypeError(
            f"{caller}() got an unexpected keyword argument {name!r}; beside its parameters it takes settings."
        )
    return settings


def apart(changes: Mapping[str, object]) -> tuple[Sequence[int | None] | None, dict[str, object]]:
    """The settings among the keywords of a call, and the others."""
    others = dict(changes)
    settings: Any = others.pop("settings", None)
    return settings, others


#: The letters of parties and of their settings.
PARTIES, LETTERS = "ABCDEFGH", "xyzwvuts"


def key_settings(
    scenario: Scenario, x: int | None = 0, y: int | None = None, settings: Sequence[int | None] | None = None
) -> Settings:
    """The key with one entry for each party, checked; ``settings`` stand in place of x and y.

    >>> key_settings(Scenario(((2, 2),) * 3), 1, 0)
    (1, 0, None)
    >>> key_settings(Scenario(((2, 2),) * 3), settings=(None, None, 1))
    (None, None, 1)
    """
    parties = scenario.parties
    if settings is None:
        given: Settings = (x, y)
        if y is not None and parties < 2:
            raise InvalidSettings(f"y = {y!r} is a setting of a second party, and {scenario} has one; leave y out.")
        if x is None:
            raise InvalidSettings("x = None: give the first party's setting, from 0, or settings=, one for each party.")
        own = given[:parties] + (None,) * (parties - 2)
    else:
        try:
            own = tuple(settings)
        except TypeError:
            own = ()
        if len(own) != parties or all(s is None for s in own) or isinstance(settings, str):
            raise InvalidSettings(
                f"settings = {settings!r:.60} must have one entry for each of the {parties} parties: a setting from 0, "
                f"or None where the party's outcome is not asked for, such as {(0,) + (None,) * (parties - 1)}."
            )
        if (x, y) not in ((0, None), (None, None), (*own, None)[:2]):
            raise InvalidSettings(
                f"settings = {own} say of all parties what x = {x} and y = {y} do; leave x and y out."
            )
    return tuple(
        None if s is None else scenario.require_setting(party, s, _name(party, settings is None))
        for party, s in enumerate(own)
    )


def _name(party: int, named: bool) -> str:
    return LETTERS[party] if named else f"settings[{party}]"


def named_key(settings: Sequence[int | None]) -> tuple[int | None, int | None, Settings | None]:
    """x, y, and the settings of all parties, which are None where x and y say all.

    >>> named_key((0, 1, None)), named_key((0, None, 1))
    ((0, 1, None), (0, None, (0, None, 1)))
    """
    own = tuple(None if s is None else operator.index(s) for s in settings)
    x, y = (*own, None)[:2]
    said = x is not None and all(s is None for s in own[2:])
    return x, y, None if said else own


def key_words(settings: Sequence[int | None]) -> tuple[str, str]:
    """The parties of a key and their settings, as the field writes them.

    >>> key_words((0, None, 1))
    ('AC', 'x=0,z=1')
    """
    asked = [(party, s) for party, s in enumerate(settings) if s is not None]
    return "".join(PARTIES[p] for p, _ in asked), ",".join(f"{LETTERS[p]}={s}" for p, s in asked)


def outcomes_of_key(scenario: Scenario, settings: Sequence[int | None]) -> tuple[int, ...]:
    """The numbers of outcomes of the key's parties, in order."""
    return tuple(scenario.outcomes[party][s] for party, s in enumerate(settings) if s is not None)


def key_effects(scenario: Scenario, settings: Sequence[int | None]) -> Floats:
    """The effects (K, *shape) of the key's outcomes in moment coordinates, the last party's outcome fastest."""
    one = [np.eye(size)[:1] for size in scenario.shape]
    table = np.ones((1,))
    for party, s in enumerate(settings):
        own = (
            one[party]
            if s is None
            else np.array([scenario.effect(party, s, a) for a in range(scenario.outcomes[party][s])])
        )
        table = np.einsum("k...,al->ka...l", table, own).reshape(len(table) * len(own), *table.shape[1:], own.shape[1])
    return np.asarray(table, dtype=np.float64)


def all_settings(scenario: Scenario) -> list[tuple[int, ...]]:
    """One setting for each party, in every way, the last party's fastest."""
    return list(product(*(range(count) for count in scenario.settings)))
