"""Averages over settings: several keys, the probability of each, and the flips of each.

Eve learns which key it is before she is asked. The average entropy is ``sum_k w_k H(key k|E)``, all of one strategy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdpbound.arguments import counted, numbered
from sdpbound.bell.key import Settings, all_settings, key_settings, key_words
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidSettings

__all__ = ["Average"]

#: How far the sum of weights may be from one: they are divided by it.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Average:
    """Keys with weights: ``sum_k w_k H(key k|E)`` is the entropy of the average.

    Parameters
    ----------
    keys : for each key a setting of Alice, or one entry for each party: its setting, or None where its outcome is not
        in the key
    weights : probability of each key, above 0, of sum one; None: all the same
    preprocessing : probability from 0 to 1/2 with which the key of one bit is flipped, one number or one for each key

    >>> Average((0, 1)).weights
    (0.5, 0.5)
    >>> print(Average((0, 1), (0.25, 0.75)))
    0.25 H(A|x=0,E) + 0.75 H(A|x=1,E)
    """

    keys: tuple[Settings, ...]
    weights: tuple[float, ...] = ()
    preprocessing: tuple[float, ...] = ()

    def __init__(
        self,
        keys: Sequence[int | Sequence[int | None]],
        weights: Sequence[float] | None = None,
        preprocessing: float | Sequence[float] = 0.0,
    ) -> None:
        object.__setattr__(self, "keys", _keys(keys))
        object.__setattr__(self, "weights", _weights(weights, len(self.keys)))
        object.__setattr__(self, "preprocessing", _flips(preprocessing, self.keys))

    @classmethod
    def of_all_settings(cls, scenario: Scenario) -> Average:
        """The outcomes of all parties, at all settings with the same probability: randomness of every round.

        >>> len(Average.of_all_settings(Scenario.bipartite(2, 2)).keys)
        4
        """
        return cls(all_settings(scenario))

    def of(self, scenario: Scenario) -> Average:
        """The average with one entry for each party of the scenario in each key; InvalidSettings if they do not fit."""
        own = []
        for key in self.keys:
            if len(key) == 1:
                key = (key[0], *(None for _ in range(scenario.parties - 1)))
            own.append(key_settings(scenario, None, None, settings=key))
        return Average(own, self.weights, self.preprocessing)

    def __str__(self) -> str:
        terms = []
        for key, weight, flips in zip(self.keys, self.weights, self.preprocessing, strict=True):
            parties, settings = key_words(key)
            own = f"H({parties}|{settings},E)" + (f" after flips with probability {flips:.6g}" if flips else "")
            terms.append(f"{weight:.6g} {own}")
        return " + ".join(terms)


def _keys(keys: Any) -> tuple[Settings, ...]:
    try:
        entries = [(key,) if isinstance(key, int) else tuple(key) for key in keys]
    except TypeError:
        entries = []
    if not entries or any(not key or all(s is None for s in key) for key in entries):
        raise InvalidSettings(
            f"keys = {keys!r:.60} of an average must be settings of Alice, such as (0, 1), or keys with an entry for "
            "each party, such as ((0, None), (1, None)), each with one setting at least."
        )
    found = tuple(
        tuple(None if s is None else counted(s, f"keys[{k}][{p}]", 0) for p, s in enumerate(key))
        for k, key in enumerate(entries)
    )
    twice = [key for k, key in enumerate(found) if key in found[:k]]
    if twice:
        name = twice[0][0] if len(twice[0]) == 1 else twice[0]
        raise InvalidSettings(f"keys = {keys!r:.60} name {name} twice: give each key once, with its whole weight.")
    return found


def _weights(weights: Any, count: int) -> tuple[float, ...]:
    if weights is None:
        return (1.0 / count,) * count
    try:
        found = tuple(numbered(w, f"weights[{k}]") for k, w in enumerate(weights))
    except TypeError:
        found = ()
    if len(found) != count or any(not 0.0 < w <= 1.0 for w in found) or abs(math.fsum(found) - 1.0) > ROUNDING:
        raise InvalidInput(
            f"weights = {weights!r:.60} must be {count} probabilities above 0, one for each key, and add up to one; "
            "leave out keys of weight 0."
        )
    return found


def _flips(preprocessing: Any, keys: tuple[Settings, ...]) -> tuple[float, ...]:
    try:
        given = tuple(preprocessing)
    except TypeError:
        given = (preprocessing,) * len(keys)
    found = tuple(numbered(q, "preprocessing") for q in given)
    if len(found) != len(keys) or any(not 0.0 <= q <= 0.5 for q in found):
        raise InvalidParameter(
            f"preprocessing = {preprocessing!r:.60} must be the probability of a flip, from 0 to 1/2, or one for each "
            f"of the {len(keys)} keys."
        )
    for q, key in zip(found, keys, strict=True):
        if q and len(key) - key.count(None) > 1:
            raise InvalidParameter(
                f"preprocessing = {preprocessing!r:.60} flips a key of one bit, and the key {key} has outcomes of "
                "several parties; leave it 0."
            )
    return found
