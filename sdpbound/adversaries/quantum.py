"""Quantum correlations, from outside: the NPA hierarchy (arXiv:0803.4290)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, Self

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import ASSUMED, Adversary, Relaxation, Security
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.errors import InvalidLevel, InvalidParameter
from sdpbound.npa.levels import POSITIVE, Level, generating_words, normalise_level
from sdpbound.npa.words import MomentMatrix, Word, moment_matrix

__all__ = ["DEVETAK_WINTER", "QUANTUM_RANDOMNESS", "Quantum"]

DEVETAK_WINTER = (
    "Devetak-Winter rate (arXiv:quant-ph/0306078) against collective quantum attacks; general attacks asymptotically "
    "by entropy accumulation (arXiv:1607.01796)"
)
QUANTUM_RANDOMNESS = (
    "entropy rate against collective quantum attacks; general attacks by entropy accumulation (arXiv:1607.01796)"
)

Generator = Literal["native", "ncpol2sdpa"]


#: Most words of a level in a text.
SHOWN = 8


@dataclass(frozen=True)
class Quantum(Adversary):
    """Quantum behaviours, relaxed to a level of the NPA hierarchy: an outer approximation.

    Parameters
    ----------
    level : str, int or list of words
        "1", "1+AB", "2", "3", ..., sums such as "1+AB+AAB", or words such as ["1", "A0", "B0", "A0 B0"]. "1+positive"
        is level 1 with all probabilities positive beside the matrix, which is what some programs call level 1.
    generator : "native" or "ncpol2sdpa"
        Who builds the moment matrix. The second uses the package ncpol2sdpa (GPL-3.0), slower; same bounds.

    >>> Quantum("1+AB")
    Quantum(level='1+AB')
    """

    takes_level = True
    keeps_devices = True
    contains_quantum = True
    self_tests = True

    level: Level = "2"
    generator: Generator = "native"

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", normalise_level(self.level))
        if self.generator not in ("native", "ncpol2sdpa"):
            raise InvalidParameter(f"generator = {self.generator!r} must be 'native' or 'ncpol2sdpa'.")

    @classmethod
    def at_level(cls, level: Level | None) -> Self:
        return cls() if level is None else cls(level)

    @property
    def name(self) -> str:
        return "quantum"

    @property
    def label(self) -> str:
        """The level in one string."""
        return f"{len(self.level)} words" if isinstance(self.level, tuple) else str(self.level)

    @property
    def meaning(self) -> object:
        """The level itself: a label is not unique for own words."""
        return self.level

    def certified_by(self) -> Quantum | None:
        """The level with the products of one letter of each party: every probability is a square there."""
        if not isinstance(self.level, str) or not self.level.endswith(POSITIVE):
            return None
        return _with_products(self.level[: -len(POSITIVE)])

    def lower(self) -> Quantum | None:
        """The level below a numbered one, the products of one letter of two parties below level 2."""
        if not isinstance(self.level, str) or not self.level.isdigit() or self.level == "1":
            return None
        return replace(self, level=str(int(self.level) - 1) if self.level != "2" else "1+AB")

    def describe(self) -> dict[str, object]:
        return {"kind": "quantum", "level": self.label}

    def relax(self, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
        return _relax(scenario, self.level, self.generator, blind)

    def security(self, kind: str) -> Security:
        return Security(DEVETAK_WINTER if kind == "key" else QUANTUM_RANDOMNESS, ASSUMED)

    def __repr__(self) -> str:
        extra = "" if self.generator == "native" else f", generator='{self.generator}'"
        level = repr(self.level)
        if isinstance(self.level, tuple) and len(self.level) > SHOWN:  # one line, whatever a method chose
            some = ", ".join(map(repr, self.level[:SHOWN]))
            level = f"({some}, ...: {self.label})"
        return f"Quantum(level={level}{extra})"


@lru_cache(maxsize=64)
def _relax(
    scenario: Scenario, level: str | tuple[str, ...], generator: Generator, blind: BlindMeasurement | None
) -> Relaxation:
    if isinstance(level, str) and level.endswith(POSITIVE):
        return _positive(_relax(scenario, level[: -len(POSITIVE)], generator, blind), level)
    commuting: Sequence[frozenset[tuple[int, int]]] = [frozenset()] * scenario.parties
    if blind is not None:
        extra = scenario.settings[1]
        scenario = scenario.extended(1, [blind.outcomes])
        commuting = [frozenset(), frozenset({(blind.y, extra)}), *commuting[2:]]
    words = generating_words(scenario, level, commuting)
    if generator == "ncpol2sdpa":
        from sdpbound.npa.ncpol2sdpa_ import moment_matrix_by_ncpol2sdpa

        matrix = moment_matrix_by_ncpol2sdpa(scenario, words, blind)
    else:
        matrix = moment_matrix(scenario, words, commuting)
    return relaxation_of(scenario, matrix)


def _with_products(level: str) -> Quantum:
    """A level with all products of at most one letter of each of two parties."""
    return Quantum(level if "AB" in level.split("+") else f"{level}+AB")


def _positive(relaxation: Relaxation, level: str) -> Relaxation:
    """The relaxation with a row for each probability, which is not negative."""
    if relaxation.scenario.parties != 2 or not relaxation.reached.all():
        raise InvalidLevel(
            f"level = {level!r} is for two parties, whose probabilities are moments of it; take '2' or '1+ABC' instead."
        )
    rows = sp.csr_array(sp.csr_array(relaxation.scenario.probability_rows()) @ relaxation.coordinates)
    return replace(relaxation, inequalities=rows)


def relaxation_of(scenario: Scenario, matrix: MomentMatrix) -> Relaxation:
    """The relaxation whose one block is a moment matrix."""
    words: list[Word] = [
        tuple((i,) if i else () for i in index) for index in itertools.product(*(range(k) for k in scenario.shape))
    ]
    found = np.array([matrix.find(word) for word in words], dtype=np.int64)
    reached = found >= 0
    rows = np.flatnonzero(reached)
    coordinates = sp.csr_array((np.ones(rows.size), (rows, found[rows])), shape=(len(words), matrix.moments))
    return Relaxation(
        scenario=scenario,
        variables=matrix.moments,
        coordinates=coordinates,
        reached=reached,
        blocks=(matrix.index,),
        inequalities=sp.csr_array((0, matrix.moments)),
        unit=int(found[0]),
        matrix=matrix,
    )
