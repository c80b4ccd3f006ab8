"""Keys: whose outcomes are asked for, and of which settings.

A key is the outcomes of one setting each of some of the parties. The commonest have names of their own: ``x`` is the
setting of the first party, and ``y`` that of the second one, None where its outcome is no part of the key. Any key is
``settings``, one entry for each party: its setting, or None.

A key may be a function of these outcomes: ``merge`` has the key's value for each outcome, such as (0, 0, 1, 1) for a
bit of four outcomes, and for several parties one value for each choice of outcomes, the last party's fastest. Outcomes
of the same value are merged: Eve is asked for the value alone. What is tested does not change.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, TypedDict

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput, InvalidSettings

__all__ = [
    "LETTERS",
    "PARTIES",
    "KeyChanges",
    "Merge",
    "Settings",
    "all_settings",
    "apart",
    "key_effects",
    "key_merge",
    "key_settings",
    "key_words",
    "merged",
    "named_key",
    "outcomes_of_key",
    "settings_of",
]

Settings = tuple[int | None, ...]
#: The key's value for each outcome, or choice of outcomes, the last party's fastest.
Merge = tuple[int, ...]


class KeyChanges(TypedDict, total=False):
    """The keywords by which functions take any key."""

    settings: Sequence[int | None] | None
    merge: Sequence[Any] | None


def settings_of(changes: Mapping[str, object], caller: str) -> tuple[Sequence[int | None] | None, Sequence[Any] | None]:
    """``settings`` and ``merge`` of a call that takes no other keywords; TypeError as of any unknown keyword."""
    settings, merge, others = apart(changes)
    for name in others:
        raise TypeError(
            f"{caller}() got an unexpected keyword argument {name!r}; beside its parameters it takes settings and "
            "merge."
        )
    return settings, merge


def apart(
    changes: Mapping[str, object],
) -> tuple[Sequence[int | None] | None, Sequence[Any] | None, dict[str, object]]:
    """``settings`` and ``merge`` among the keywords of a call, and the others."""
    others = dict(changes)
    settings: Any = others.pop("settings", None)
    merge: Any = others.pop("merge", None)
    return settings, merge, others


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
        if len(own) == parties and all(s is None for s in own):
            raise InvalidSettings(
                f"settings = {own} ask for no outcome at all; give at least one party its setting, such as "
                f"{(0,) + (None,) * (parties - 1)}."
            )
        if len(own) != parties or isinstance(settings, str):
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


def key_words(settings: Sequence[int | None], merge: Merge | None = None) -> tuple[str, str]:
    """The parties of a key and their settings, as the field writes them; a function of outcomes by its values.

    >>> key_words((0, None, 1)), key_words((0,), (0, 0, 1, 1))
    (('AC', 'x=0,z=1'), ('f(A)=0011', 'x=0'))
    """
    asked = [(party, s) for party, s in enumerate(settings) if s is not None]
    parties = "".join(PARTIES[p] for p, _ in asked)
    if merge is not None:
        parties = f"f({parties})={('' if max(merge) < 10 else '.').join(map(str, merge))}"
    return parties, ",".join(f"{LETTERS[p]}={s}" for p, s in asked)


def outcomes_of_key(scenario: Scenario, settings: Sequence[int | None]) -> tuple[int, ...]:
    """The numbers of outcomes of the key's parties, in order."""
    return tuple(scenario.outcomes[party][s] for party, s in enumerate(settings) if s is not None)


def key_merge(scenario: Scenario, settings: Sequence[int | None], merge: Sequence[Any] | None) -> Merge | None:
    """The values of the key's outcomes, checked; None where all outcomes have values of their own.

    ``merge`` has an entry for each outcome of the key, or rows of rows for the outcomes of several parties.

    >>> key_merge(Scenario.bipartite(3, 3, 4, 4), (0, None), [0, 0, 1, 1])
    (0, 0, 1, 1)
    >>> key_merge(Scenario.bipartite(2, 2), (0, 1), [[0, 1], [1, 0]])
    (0, 1, 1, 0)
    >>> key_merge(Scenario.bipartite(2, 2), (0, None), [1, 0]) is None
    True
    """
    if merge is None:
        return None
    sizes = outcomes_of_key(scenario, settings)
    try:
        table = np.asarray(merge)
    except ValueError:  # rows of different lengths
        table = np.empty(0)
    if table.shape not in ((math.prod(sizes),), sizes) or table.dtype.kind not in "iu":
        such = list(range(min(2, sizes[0]))) + [1] * (math.prod(sizes) - 2)
        raise InvalidInput(
            f"merge = {merge!r:.60} must have a whole number, the key's value, for each of the {math.prod(sizes)} "
            f"outcomes of {key_words(settings)[0]} at {key_words(settings)[1]}, such as {such}."
        )
    values = tuple(int(v) for v in table.reshape(-1))
    used = sorted(set(values))
    if used != list(range(len(used))):
        raise InvalidInput(
            f"merge = {merge!r:.60} has the values {', '.join(map(str, used))}; number the key's values 0, 1, .. "
            "without a gap."
        )
    return None if len(used) == len(values) else values


def merged(table: Floats, merge: Merge | None) -> Floats:
    """Sums of the rows (K, ...) of a table that have the same value, by value.

    >>> merged(np.array([[1.0], [2.0], [4.0]]), (0, 1, 0)).tolist()
    [[5.0], [2.0]]
    """
    if merge is None:
        return table
    found = np.zeros((max(merge) + 1, *table.shape[1:]))
    np.add.at(found, list(merge), table)
    return found


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
