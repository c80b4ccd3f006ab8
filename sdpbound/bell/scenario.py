"""Bell scenarios and their coordinates.

Everything linear in a behaviour is written in *moment coordinates*. Each party has the coordinate 1 (identity), then,
setting by setting, the observable ``O_x = P_{0|x} - P_{1|x}`` of a setting with two outcomes, or the projectors
``P_{0|x}, ..., P_{d-2|x}`` of a setting with d != 2 outcomes. A behaviour is the tensor of expectation values of
products of one coordinate for each party; a Bell expression is a tensor of coefficients against it. No-signaling and
normalisation hold by construction. Collins-Gisin coordinates (quant-ph/0306129), with projectors for every setting,
are a linear change of these, see :meth:`Scenario.collins_gisin`.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, whole
from sdpbound.errors import InvalidSettings, InvalidShape

__all__ = [
    "BlindMeasurement",
    "Letter",
    "Scenario",
    "binary_scenario",
    "collins_gisin_table",
    "correlator_tensor",
]


#: Parties are named A to H.
MOST_PARTIES = 8


@dataclass(frozen=True, slots=True)
class Letter:
    """One non-identity coordinate of a party: an observable (``outcome`` None) or the projector on ``outcome``."""

    setting: int
    outcome: int | None


@dataclass(frozen=True)
class Scenario:
    """Numbers of outcomes, ``outcomes[party][setting]``.

    >>> s = Scenario.bipartite(2, 2)
    >>> s.shape
    (3, 3)
    >>> Scenario(((2, 2), (2, 3))).shape
    (3, 4)
    """

    outcomes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        try:
            outcomes = tuple(tuple(operator.index(d) for d in party) for party in self.outcomes)
            if any(isinstance(d, bool) for party in self.outcomes for d in party):
                raise TypeError
        except (TypeError, ValueError):
            raise InvalidShape(
                f"outcomes must be a list of lists of integers, outcomes[party][setting], not {self.outcomes!r}."
            ) from None
        if not outcomes or any(not party for party in outcomes) or any(d < 1 for party in outcomes for d in party):
            raise InvalidShape(
                f"outcomes {outcomes} need at least one party, one setting for each party and one outcome for each "
                "setting; write e.g. Scenario(((2, 2), (2, 2))) for two settings of two outcomes on both sides."
            )
        if len(outcomes) > MOST_PARTIES:
            raise InvalidShape(f"{len(outcomes)} parties are too many: at most {MOST_PARTIES} are supported.")
        object.__setattr__(self, "outcomes", outcomes)

    @classmethod
    def bipartite(cls, settings_a: int, settings_b: int, outcomes_a: int = 2, outcomes_b: int = 2) -> Scenario:
        """Two parties, every setting of a party with the same number of outcomes."""
        counts = [whole(k, "a number of settings", 1, 1000) for k in (settings_a, settings_b)]
        return cls(((outcomes_a,) * counts[0], (outcomes_b,) * counts[1]))

    @property
    def parties(self) -> int:
        return len(self.outcomes)

    @property
    def settings(self) -> tuple[int, ...]:
        return tuple(len(party) for party in self.outcomes)

    @property
    def is_binary(self) -> bool:
        """Whether every setting has two outcomes."""
        return all(d == 2 for party in self.outcomes for d in party)

    @property
    def table_shape(self) -> tuple[int, ...]:
        """Shape of a table of probabilities ``p[a, b, ..., x, y, ...]``; outcomes that a setting lacks are zero."""
        return tuple(max(party) for party in self.outcomes) + self.settings

    @cached_property
    def letters(self) -> tuple[tuple[Letter, ...], ...]:
        """The non-identity coordinates of each party, in order; coordinate i is letter i - 1."""
        return tuple(
            tuple(
                letter
                for x, d in enumerate(party)
                for letter in ([Letter(x, None)] if d == 2 else [Letter(x, a) for a in range(d - 1)])
            )
            for party in self.outcomes
        )

    def word(self, index: Sequence[int]) -> str:
        """The product with these numbers of coordinates, one for each party, as expressions print it.

        >>> Scenario(((2, 2), (2, 3))).word((1, 3))
        'A0 B1|1'
        """
        letters = [(party, self.letters[party][i - 1]) for party, i in enumerate(index) if i]
        return " ".join(
            f"{'ABCDEFGH'[party]}{'' if letter.outcome is None else f'{letter.outcome}|'}{letter.setting}"
            for party, letter in letters
        )

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of a coefficient tensor in moment coordinates."""
        return tuple(1 + len(letters) for letters in self.letters)

    def require_setting(self, party: int, setting: int, name: str = "setting") -> int:
        """Check that a setting exists, and return it as an int."""
        if isinstance(setting, bool) or not isinstance(setting, (int, np.integer)):
            raise InvalidSettings(f"{name} = {setting!r} must be an integer; settings count from 0.")
        count = self.settings[party]
        if not 0 <= setting < count:
            raise InvalidSettings(
                f"{name} = {setting} does not exist: party {'ABCDEFGH'[party]} has settings 0 to {count - 1}."
            )
        return int(setting)

    def effect(self, party: int, setting: int, outcome: int) -> NDArray[np.float64]:
        """Coordinates (size of the party's axis,) of the projector on an outcome."""
        d = self.outcomes[party][setting]
        row = np.zeros(self.shape[party])
        start = 1 + sum(1 for letter in self.letters[party] if letter.setting < setting)
        if d == 2:
            row[0], row[start] = 0.5, 0.5 - outcome
        elif outcome < d - 1:
            row[start + outcome] = 1.0
        else:
            row[0] = 1.0
            row[start : start + d - 1] = -1.0
        return row

    def effects(self, party: int) -> NDArray[np.float64]:
        """All effects of a party, setting by setting, outcome by outcome: (sum of outcomes, size of axis)."""
        return _effects(self, party)

    def probability_rows(self) -> NDArray[np.float64]:
        """Coordinates of every joint probability, first party's effects slowest: (number, prod(shape))."""
        rows = self.effects(0)
        for party in range(1, self.parties):
            rows = np.asarray(np.kron(rows, self.effects(party)), dtype=np.float64)
        return rows

    def readout(self, party: int) -> NDArray[np.float64]:
        """Functionals (size, outcomes, settings) that read a party's coordinates from a table of probabilities.

        The identity is averaged over settings; on a no-signaling table every choice gives the same.
        """
        d_max, count = max(self.outcomes[party]), self.settings[party]
        f = np.zeros((self.shape[party], d_max, count))
        f[0] = 1.0 / count
        for i, letter in enumerate(self.letters[party]):
            if letter.outcome is None:
                f[i + 1, :2, letter.setting] = (1.0, -1.0)
            else:
                f[i + 1, letter.outcome, letter.setting] = 1.0
        return f

    def collins_gisin(self, party: int) -> NDArray[np.float64]:
        """Square matrix that takes a party's moment coordinates to Collins-Gisin ones (1, P_{0|0}, ...)."""
        rows = [np.eye(self.shape[party])[0]]
        rows += [self.effect(party, x, a) for x, d in enumerate(self.outcomes[party]) for a in range(d - 1)]
        return np.array(rows)

    def deterministic(self, party: int) -> NDArray[np.float64]:
        """Coordinates of every deterministic strategy of a party: (prod of outcomes, size)."""
        rows = self.readout(party)[1:]
        choices = itertools.product(*(range(d) for d in self.outcomes[party]))
        table = [
            [1.0, *(f[a[x], x] for f, x in zip(rows, (letter.setting for letter in self.letters[party]), strict=True))]
            for a in choices
        ]
        return np.array(table)

    def count_deterministic(self) -> tuple[int, ...]:
        """Number of deterministic strategies of each party."""
        return tuple(prod(party) for party in self.outcomes)

    def extended(self, party: int, outcomes: Sequence[int]) -> Scenario:
        """The scenario with further settings appended for one party."""
        return Scenario(tuple((*d, *outcomes) if i == party else d for i, d in enumerate(self.outcomes)))

    def __repr__(self) -> str:
        return f"Scenario({self.outcomes})"


@lru_cache(maxsize=256)
def _effects(scenario: Scenario, party: int) -> NDArray[np.float64]:
    rows = np.array([scenario.effect(party, x, a) for x, d in enumerate(scenario.outcomes[party]) for a in range(d)])
    rows.flags.writeable = False
    return rows


def binary_scenario(shape: tuple[int, ...], name: str) -> Scenario:
    """The scenario of a table with one entry for each setting of two outcomes after the first on each axis."""
    if not shape or min(shape) < 2:
        raise InvalidShape(f"{name} needs one axis for each party, (1 + X, 1 + Y, ..), not shape {shape}.")
    return Scenario(tuple((2,) * (k - 1) for k in shape))


def collins_gisin_table(table: ArrayLike, scenario: Scenario | None) -> tuple[NDArray[np.float64], Scenario]:
    """A Collins-Gisin table as floats, and its scenario: the one given, or of binary outcomes."""
    t = floats(table, "a Collins-Gisin table")
    if scenario is None:
        scenario = binary_scenario(t.shape, "a Collins-Gisin table")
    if t.shape != scenario.shape:
        raise InvalidShape(
            f"a Collins-Gisin table of shape {t.shape} does not fit {scenario}: expected {scenario.shape}."
        )
    return t, scenario


def correlator_tensor(scenario: Scenario, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """A table in moment coordinates, which are correlators if all outcomes are binary; InvalidShape if not."""
    if not scenario.is_binary:
        raise InvalidShape(
            f"correlators need two outcomes for every setting, not {scenario}; use probabilities or collins_gisin."
        )
    return table.copy()


@dataclass(frozen=True)
class BlindMeasurement:
    """Eve's measurement on Bob's device after it has answered setting ``y``: it commutes with that setting only."""

    y: int
    outcomes: int
