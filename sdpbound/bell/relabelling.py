"""Relabellings of parties, settings and outcomes, and what they do to Bell expressions.

A functional of behaviours is written with all outcomes and without a choice: in *full letters*, for each party the
identity and each outcome of each setting, and so that the sum over the outcomes of a setting is zero wherever a
letter of it stands. There a relabelling is a permutation of the entries, also where the coordinates of a scenario
leave out the last outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import instance
from sdpbound.arrays import Floats, Ints
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput

__all__ = ["FullLetter", "Relabelling", "full_letters", "full_tensor", "moment_tensor"]

NAMES = "ABCDEFGH"


@dataclass(frozen=True, slots=True)
class FullLetter:
    """One outcome of one setting of one party."""

    party: int
    setting: int
    outcome: int


@lru_cache(maxsize=128)
def full_letters(scenario: Scenario) -> tuple[tuple[FullLetter, ...], ...]:
    """For each party its full letters, setting by setting; settings with one outcome have none."""
    return tuple(
        tuple(FullLetter(p, x, a) for x, d in enumerate(party) if d > 1 for a in range(d))
        for p, party in enumerate(scenario.outcomes)
    )


@lru_cache(maxsize=128)
def _to_full(scenario: Scenario, party: int) -> tuple[Floats, Floats]:
    """Matrices (1 + full letters, size of axis) and back, for coefficients of one party."""
    own, counts = scenario.letters[party], scenario.outcomes[party]
    full = full_letters(scenario)[party]
    there = np.zeros((1 + len(full), 1 + len(own)))
    there[0, 0] = 1.0
    row = {letter: i for i, letter in enumerate(full, start=1)}
    back = np.zeros((1 + len(own), 1 + len(full)))
    back[0, 0] = 1.0
    for j, letter in enumerate(own, start=1):
        d = counts[letter.setting]
        places = [row[FullLetter(party, letter.setting, a)] for a in range(d)]
        if letter.outcome is None:
            there[places, j] = (1.0, -1.0)
            back[j, places[0]] = 1.0
        else:
            # P_a is 1/d and a part with sum zero; the coefficient of the last outcome is the constant of the others
            there[0, j] = 1.0 / d
            there[places, j] = -1.0 / d
            there[places[letter.outcome], j] += 1.0
            back[j, places[letter.outcome]] = 1.0
            back[j, places[-1]] = -1.0
            if letter.outcome == 0:
                back[0, places[-1]] = 1.0
    there.flags.writeable = back.flags.writeable = False
    return there, back


def full_tensor(scenario: Scenario, tables: ArrayLike) -> Floats:
    """Coefficient tables (..., *shape) in full letters, (..., *(1 + number of full letters of each party))."""
    return _contracted(scenario, np.asarray(tables, dtype=np.float64), 0)


def moment_tensor(scenario: Scenario, tensors: Floats) -> Floats:
    """The inverse of :func:`full_tensor`."""
    return _contracted(scenario, tensors, 1)


def _contracted(scenario: Scenario, tables: Floats, direction: int) -> Floats:
    first = tables.ndim - scenario.parties
    out = tables
    for party in range(scenario.parties):
        out = np.moveaxis(
            np.tensordot(_to_full(scenario, party)[direction], out, axes=(1, first + party)), 0, first + party
        )
    return np.ascontiguousarray(out)


@dataclass(frozen=True, slots=True)
class Relabelling:
    """New names for the parties, settings and outcomes of a scenario.

    Attributes
    ----------
    scenario : Scenario, the same before and after
    image : for each party and each of its full letters (setting by setting, outcome by outcome) its new name, a triple
        (party, setting, outcome)

    >>> s = Scenario.bipartite(2, 2)
    >>> exchange = Relabelling.of(s, parties=(1, 0))
    >>> print(exchange)
    A <-> B
    """

    scenario: Scenario
    image: tuple[tuple[tuple[int, int, int], ...], ...]

    def __post_init__(self) -> None:
        instance(self.scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        letters = full_letters(self.scenario)
        names = [[(o.party, o.setting, o.outcome) for o in own] for own in letters]
        flat = [name for own in self.image for name in own]
        fits = [len(own) for own in self.image] == [len(own) for own in names]
        if not fits or sorted(flat) != sorted(name for own in names for name in own) or not self._keeps_settings():
            raise InvalidInput(
                f"the new names {self.image!r:.80} are no relabelling of {self.scenario}: the outcomes of a setting "
                "must go to those of one setting, and the settings of a party to those of one party."
            )

    def _keeps_settings(self) -> bool:
        """Whether parties go to parties and settings to settings."""
        parties: dict[int, int] = {}
        settings: dict[tuple[int, int], tuple[int, int]] = {}
        for own, names in zip(full_letters(self.scenario), self.image, strict=True):
            for letter, (party, setting, _) in zip(own, names, strict=True):
                if parties.setdefault(letter.party, party) != party:
                    return False
                if settings.setdefault((letter.party, letter.setting), (party, setting)) != (party, setting):
                    return False
        return len(set(parties.values())) == len(parties) and len(set(settings.values())) == len(settings)

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        parties: Iterable[int] | None = None,
        settings: dict[tuple[int, int], int] | None = None,
        outcomes: dict[tuple[int, int], tuple[int, ...]] | None = None,
    ) -> Relabelling:
        """From what changes.

        ``parties[p]`` is the new number of party p, ``settings[p, x]`` that of setting x of party p (at the new
        party), and ``outcomes[p, x]`` are those of the outcomes of that setting.
        """
        to = list(range(scenario.parties)) if parties is None else list(parties)
        x_of, a_of = settings or {}, outcomes or {}
        if sorted(to) != list(range(scenario.parties)):
            raise InvalidInput(f"parties = {to} must name each of the parties 0 to {scenario.parties - 1} once.")
        image = tuple(
            tuple(
                (
                    to[o.party],
                    x_of.get((o.party, o.setting), o.setting),
                    a_of.get((o.party, o.setting), tuple(range(scenario.outcomes[o.party][o.setting])))[o.outcome],
                )
                for o in own
            )
            for own in full_letters(scenario)
        )
        return cls(scenario, image)

    @classmethod
    def of_permutation(cls, scenario: Scenario, image: Ints) -> Relabelling:
        """From a permutation of all full letters, party after party."""
        flat = [letter for own in full_letters(scenario) for letter in own]
        names = [(flat[int(i)].party, flat[int(i)].setting, flat[int(i)].outcome) for i in image]
        parts, start = [], 0
        for own in full_letters(scenario):
            parts.append(tuple(names[start : start + len(own)]))
            start += len(own)
        return cls(scenario, tuple(parts))

    def party_image(self, party: int) -> int:
        """The new number of a party; of one without letters its own."""
        return self.image[party][0][0] if self.image[party] else party

    def names(self, party: int) -> dict[tuple[int, int], tuple[int, int, int]]:
        """The new names of a party's outcomes: (setting, outcome) to (party, setting, outcome)."""
        own = full_letters(self.scenario)[party]
        return {(o.setting, o.outcome): name for o, name in zip(own, self.image[party], strict=True)}

    def permuted(self, tensors: Floats) -> Floats:
        """Tensors (..., *sizes) in full letters after the relabelling: entry l stands at the image of l."""
        parties = self.scenario.parties
        first = tensors.ndim - parties
        letters = full_letters(self.scenario)
        places: list[Ints] = [np.arange(1)] * parties
        axes = [0] * parties
        for party, names in enumerate(self.image):
            target = self.party_image(party)
            number = {(o.party, o.setting, o.outcome): i for i, o in enumerate(letters[target], start=1)}
            inverse = np.zeros(1 + len(names), dtype=np.int64)
            inverse[[number[name] for name in names]] = np.arange(1, 1 + len(names))
            axes[target], places[target] = party, inverse
        moved = tensors.transpose(*range(first), *(first + a for a in axes))
        index: tuple[Any, ...] = (Ellipsis, *np.ix_(*places))
        return np.ascontiguousarray(moved[index])

    def apply(self, tables: ArrayLike) -> Floats:
        """Coefficient tables (..., *shape) of expressions after the relabelling."""
        return moment_tensor(self.scenario, self.permuted(full_tensor(self.scenario, tables)))

    def expression(self, expression: BellExpression) -> BellExpression:
        """The expression with the new names.

        >>> import sdpbound as sb
        >>> chsh = sb.chsh()
        >>> Relabelling.of(chsh.scenario, parties=(1, 0)).expression(chsh) == chsh
        True
        """
        return BellExpression(self.scenario, self.apply(expression.coefficients))

    def __str__(self) -> str:
        scenario, parts = self.scenario, []
        to = [self.party_image(p) for p in range(scenario.parties)]
        for p, q in enumerate(to):
            if q != p and (to[q] != p or p < q):
                parts.append(f"{NAMES[p]} <-> {NAMES[q]}" if to[q] == p else f"{NAMES[p]} -> {NAMES[q]}")
        for own, names in zip(full_letters(scenario), self.image, strict=True):
            table: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
            for letter, name in zip(own, names, strict=True):
                table.setdefault((letter.party, letter.setting), []).append(name)
            for (party, setting), images in table.items():
                outcomes = [a for _, _, a in images]
                moved = outcomes != list(range(len(outcomes)))
                if images[0][1] == setting and not moved:
                    continue
                old, new = f"{NAMES[party]}{setting}", f"{NAMES[images[0][0]]}{images[0][1]}"
                if len(outcomes) == 2:
                    parts.append(f"{old} -> {'-' if moved else ''}{new}")
                    continue
                how = f"outcomes {' '.join(map(str, range(len(outcomes))))} -> {' '.join(map(str, outcomes))}"
                text = old if new == old else f"{old} -> {new}"
                parts.append(f"{text} ({how})" if moved else text)
        return ", ".join(parts) or "identity"
