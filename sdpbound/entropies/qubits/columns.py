"""Strategies of two qubits as columns of a linear program: their tested values and entropies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.engine import entropies, moments_of, pieces
from sdpbound.entropies.qubits.problem import QubitProblem
from sdpbound.entropies.renyi.powers import powers

__all__ = [
    "LN2",
    "Columns",
    "columns_of",
    "distinct_columns",
    "first_columns",
    "observables_of",
    "operator_tables",
]

LN2 = float(np.log(2.0))


def operator_tables(expression: Floats, a: Floats, b: Floats) -> Floats:
    """The tables (n, 3, 3), in nats, of the operator of an expression (3, 3) in bits, at angles (n,) of A' and B'."""
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_search import tables_at

    out = np.empty((len(a), 3, 3))
    tables_at(expression, a, b, LN2, out.reshape(-1, 9))
    return out


@dataclass(frozen=True, eq=False)
class Columns:
    """Strategies of two qubits: angles (n,) of A' and B', states (n, 4, 4), tested values (n, J), entropies (n,)."""

    a: Floats
    b: Floats
    states: Floats
    tests: Floats
    entropies: Floats

    def __len__(self) -> int:
        return len(self.a)

    def chosen(self, index: NDArray[np.int64]) -> Columns:
        return Columns(self.a[index], self.b[index], self.states[index], self.tests[index], self.entropies[index])

    def with_more(self, other: Columns) -> Columns:
        return Columns(
            np.concatenate([self.a, other.a]),
            np.concatenate([self.b, other.b]),
            np.concatenate([self.states, other.states]),
            np.concatenate([self.tests, other.tests]),
            np.concatenate([self.entropies, other.entropies]),
        )


def columns_of(problem: QubitProblem, a: Floats, b: Floats, states: Floats) -> Columns:
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_search import tested_values

    tests = np.empty((len(a), len(problem.tests)))
    tested_values(problem.tests, a, b, moments_of(states).reshape(-1, 9), tests)
    if problem.exponent:
        roots = np.zeros((len(found := pieces(problem.key, problem.flips)), 4, 4))
        for root, (support, weight) in zip(roots, found, strict=True):
            root[support, support] = weight
        power = powers(states, roots, problem.exponent)
        return Columns(a, b, states, tests, (1.0 - power) / (problem.exponent * LN2))
    return Columns(a, b, states, tests, entropies(states, problem.key, problem.flips))


@lru_cache(maxsize=4)  # searches ask for them again and again
def first_columns(problem: QubitProblem) -> Columns:
    """The sixteen deterministic strategies, which start the search."""
    a, b, states = [], [], []
    for i in range(4):
        state = np.zeros((4, 4))
        state[i, i] = 1.0
        for s in (0.0, np.pi):
            for t in (0.0, np.pi):
                a.append(s)
                b.append(t)
                states.append(state)
    return columns_of(problem, np.array(a), np.array(b), np.array(states))


def distinct_columns(columns: Columns) -> Columns:
    """The columns that are not classical and whose angles differ, up to the sign of X on either side."""
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_search import distinct

    kept = np.empty(len(columns), dtype=np.int64)
    return columns.chosen(kept[: distinct(columns.a, columns.b, kept)])


def observables_of(angles: Floats, settings: tuple[int | None, int | None], count: int) -> Floats:
    """The observables (n, count, 2, 2) of a party's settings: Z and the one at an angle; 1 for those not tested."""
    out = np.broadcast_to(np.eye(2), (len(angles), count, 2, 2)).copy()
    first, second = settings
    if first is not None:
        out[:, first] = np.diag([1.0, -1.0])
    if second is not None:
        c, s = np.cos(angles), np.sin(angles)
        out[:, second] = np.stack([np.stack([c, s], axis=1), np.stack([s, -c], axis=1)], axis=1)
    return out
