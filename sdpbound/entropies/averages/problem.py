"""Turn a question about an average entropy into a question about pairs of qubits.

By Jordan's lemma (:mod:`sdpbound.entropies.qubits.problem`) devices with two tested binary settings a party are
mixtures of pairs of qubits. The block is the same for all settings, and Eve may know it. So an affine functional that
is below the average entropy of every pair of qubits with real observables is below that of every quantum behaviour.
Each entropy is convex in the state of Alice and Bob, so that states may be taken real.

A setting of a key that is not tested may be constant at the same time as all others are what they are: that key adds
the entropy of its flips, and no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bell.average import Average
from sdpbound.bell.observations import Observations
from sdpbound.bounds.figures import AverageEntropy
from sdpbound.entropies.entropy import least_entropy
from sdpbound.entropies.qubits.columns import Columns
from sdpbound.entropies.qubits.engine import moments_of
from sdpbound.entropies.qubits.problem import QubitProblem, qubit_problem
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidShape

__all__ = ["AverageProblem", "AverageQuestion", "Pieces", "average_problem"]


@dataclass(frozen=True, eq=False)
class AverageQuestion:
    """The question for the least ``sum_k w_k H(key k|E)`` of the observed data, in bits.

    Attributes
    ----------
    observed : the tested data of two parties or more
    average : the keys, with one entry for each party, their weights and flips
    """

    observed: Observations
    average: Average

    def __post_init__(self) -> None:
        scenario = self.observed.scenario
        if scenario.parties < 2:
            raise InvalidShape(f"average entropies need two parties or more besides Eve, not {scenario}.")
        object.__setattr__(self, "average", self.average.of(scenario))

    @property
    def figure(self) -> AverageEntropy:
        return AverageEntropy(self.average)

    @property
    def most(self) -> float:
        """The entropy in bits of uniform outcomes, which no strategy exceeds."""
        outcomes = self.observed.scenario.outcomes
        total = 0.0
        for key, weight in zip(self.average.keys, self.average.weights, strict=True):
            total += weight * sum(math.log2(own[s]) for own, s in zip(outcomes, key, strict=True) if s is not None)
        return total


@dataclass(frozen=True, eq=False)
class Pieces:
    """The pieces ``C_p = (R(a) x R(b)) D_p`` of all keys, as compiled loops take them.

    Attributes
    ----------
    bases, ranks : (P, 4, 4) the D_p, and the numbers of their columns, (P,)
    turned : (P, 2) which parties' settings have an angle
    shares : (P,) the weights; those of each key's first pieces add up to one
    """

    bases: Floats
    ranks: NDArray[np.int64]
    turned: NDArray[np.bool_]
    shares: Floats

    def entropies(self, a: Floats, b: Floats, states: Floats) -> Floats:
        """The average entropy (n,) in bits of pairs of qubits at angles (n,) in real states (n, 4, 4)."""
        # here, as numba takes a moment to load
        from sdpbound.entropies.averages.compiled import entropies

        out = np.empty(len(a))
        entropies(np.ascontiguousarray(states), np.stack([a, b], axis=1), *self.fields, out)
        return out

    @property
    def fields(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.bool_], Floats]:
        return self.bases, self.ranks, self.turned, self.shares


@dataclass(frozen=True, eq=False)
class AverageProblem:
    """The tests and the keys in the observables of two qubits, ``H = constant + part * (entropy of the pieces)``.

    Attributes
    ----------
    qubits : the tests in the products of 1, A, A' with 1, B, B'
    pieces : of the keys that are tested
    part : the sum of the weights of the keys that are tested
    constant : bits of the others, which have the entropy of their flips, rounded down
    of_flips : bits of the flips of all keys, below which no average is, rounded down
    loose : (2,) weights of the keys whose entropies change with the angle of A', and with that of B', and their flips:
        each a tuple of (weight over part, flips)
    """

    qubits: QubitProblem
    pieces: Pieces
    part: float
    constant: float
    of_flips: float
    loose: tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]

    def columns_of(self, a: Floats, b: Floats, states: Floats) -> Columns:
        """Strategies with their tested values, and the entropies of the pieces."""
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_search import tested_values

        tests = np.empty((len(a), len(self.qubits.tests)))
        tested_values(self.qubits.tests, a, b, moments_of(states).reshape(-1, 9), tests)
        return Columns(a, b, states, tests, self.pieces.entropies(a, b, states))


def average_problem(question: AverageQuestion) -> AverageProblem:
    """Write tests and keys in terms of A, A', B, B'.

    Raises
    ------
    InvalidInput : the data test more than two settings of a party, or a setting of more than two outcomes
    """
    average = question.average
    first = next((key[0] for key in average.keys if key[0] is not None), 0)
    qubits = qubit_problem(EntropyQuestion(question.observed, first, None))
    bases: list[Floats] = []
    turned: list[tuple[bool, bool]] = []
    shares: list[float] = []
    loose: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    part, constant, flipped = 0.0, Fraction(0), Fraction(0)
    for key, weight, flips in zip(average.keys, average.weights, average.preprocessing, strict=True):
        slots = [
            0 if s is None or s not in own else own.index(s) + 1 for s, own in zip(key, qubits.settings, strict=True)
        ]
        flipped += Fraction(weight) * Fraction(least_entropy(flips))
        if not any(slots):
            constant += Fraction(weight) * Fraction(least_entropy(flips))
            continue
        part += weight
        for party in (0, 1):
            if slots[party] == 2:
                loose[party].append((weight, flips))
        own_bases = _bases(slots[0] > 0, slots[1] > 0, flips)
        bases += own_bases
        turned += [(slots[0] == 2, slots[1] == 2)] * len(own_bases)
        shares += [weight] * len(own_bases)
    table = np.zeros((len(bases), 4, 4))
    for own, base in zip(table, bases, strict=True):
        own[:, : base.shape[1]] = base
    pieces = Pieces(
        table,
        np.array([base.shape[1] for base in bases], dtype=np.int64),
        np.array(turned, dtype=np.bool_).reshape(-1, 2),
        np.array(shares) / (part or 1.0),
    )
    scaled = [tuple((w / (part or 1.0), q) for w, q in own) for own in loose]
    return AverageProblem(qubits, pieces, part, _below(constant), _below(flipped), (scaled[0], scaled[1]))


def _below(value: Fraction) -> float:
    found = float(value)
    return found if Fraction(found) <= value else math.nextafter(found, 0.0)


def _bases(alice: bool, bob: bool, flips: float) -> list[Floats]:
    """The D_p of one key, by what Z of Alice, of Bob or of both says, its bit flipped with this probability."""
    one = np.eye(4)
    if alice and bob:
        return [one[:, [j]] for j in range(4)]
    chosen = ([0, 1], [2, 3]) if alice else ([0, 2], [1, 3])
    if not flips:
        return [one[:, list(own)] for own in chosen]
    roots = np.full((2, 4), math.sqrt(flips))
    for row, own in zip(roots, chosen, strict=True):
        row[own] = math.sqrt(1.0 - flips)
    return [np.diag(row) for row in roots]
