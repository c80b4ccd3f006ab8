"""The largest value of an operator minus the average entropy of a pair of qubits, and its dual bound.

At given angles the key's pieces have columns C_p and weights w_p, with ``sum_p w_p C_p C_p^T = 1``. For flips they are
``R diag(sqrt(1-q), sqrt(q)) R^T`` on the qubit of the key and the reverse; for outcomes of one or of both parties they
are the columns of projectors. In nats, with the S of unnormalised matrices,

    H(rho) = sum_p w_p S(C_p^T rho C_p) - S(rho),

and, as in :mod:`sdpbound.entropies.qubits.engine`, for any state r > 0

    H(rho) >= Tr rho (log r - L(r)),    L(r) = sum_p w_p C_p log(C_p^T r C_p) C_p^T,
    G = max_rho Tr K rho - H(rho) <= largest eigenvalue of K + L(r) - log r,

with equality at the optimum. H is a mean of entropies of single keys, each of which is convex in rho. Newton's method
for the fixed point of r -> exp(K + L(r)) / trace is the one of that module.

**Rounding.** The analysis of that module holds for each key. The columns C_p are off by a few roundings, by which L
changes by as many roundings of the logarithms, which are at most |log e/4|. Twice what that module allows is allowed
here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.averages.problem import Pieces
from sdpbound.entropies.qubits.columns import operator_tables
from sdpbound.entropies.qubits.engine import ROUNDINGS

__all__ = ["Points"]

#: A number added to eigenvalues before their logarithms, in units of the white noise, as in the engine of one key.
FLOOR = 4e-9


@dataclass(eq=False)
class Points:
    """Pairs of angles, with the known bounds on G there.

    Attributes
    ----------
    expression : (3, 3) the functional without its constant, in bits
    noise : part of white noise in r, which keeps it off the boundary
    angles : (n, 2) of A' and B'
    tables, hints : (n, 3, 3) of K in nats, and guesses of L at the optimum, (n, 4, 4)
    values, uppers : (n,) lower and upper bounds on G, in nats
    """

    pieces: Pieces
    expression: Floats
    noise: float
    angles: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    tables: Floats = field(default_factory=lambda: np.zeros((0, 3, 3)))
    hints: Floats = field(default_factory=lambda: np.zeros((0, 4, 4)))
    values: Floats = field(default_factory=lambda: np.zeros(0))
    uppers: Floats = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.values)

    def rounding(self, size: float) -> float:
        """The most, in nats, by which rounding may lower the upper bounds, for operators of norm at most ``size``."""
        return 2.0 * (ROUNDINGS * 2.0**-52 * (16.0 + size) + 50.0 * 4.0 * 2.0**-52 / self.noise)

    @property
    def resolution(self) -> float:
        """The smallest distance in nats to which values and upper bounds can come."""
        return 2.0 * self.noise

    def add(self, angles: Floats, hints: Floats | None = None) -> NDArray[np.int64]:
        """Take in more angles (n, 2), with nothing known there but hints; their numbers."""
        count = len(angles)
        first = len(self)
        more = operator_tables(self.expression, np.ascontiguousarray(angles[:, 0]), np.ascontiguousarray(angles[:, 1]))
        self.angles = np.concatenate([self.angles, angles])
        self.tables = np.concatenate([self.tables, more])
        self.hints = np.concatenate([self.hints, np.zeros((count, 4, 4)) if hints is None else hints])
        self.values = np.concatenate([self.values, np.full(count, -np.inf)])
        self.uppers = np.concatenate([self.uppers, np.full(count, np.inf)])
        return np.arange(first, first + count)

    def solve(self, index: NDArray[np.int64], precision: float | Floats, steps: int) -> None:
        """Take at most so many steps each, until values and upper bounds differ by at most ``precision`` nats."""
        # here, as numba takes a moment to load
        from sdpbound.entropies.averages.compiled import advance

        precisions = np.full(len(self), self.resolution)
        precisions[index] = np.maximum(precision, self.resolution)
        advance(
            self.tables,
            self.angles,
            index,
            *self.pieces.fields,
            self.noise,
            FLOOR * self.noise,
            precisions,
            steps,
            self.hints,
            self.values,
            self.uppers,
        )

    def states(self, index: NDArray[np.int64]) -> Floats:
        """The states (n, 4, 4) of the hints, which attain G at the optimum."""
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_states import states

        out = np.empty((len(index), 4, 4))
        states(self.tables[index], self.hints[index], out)
        return out
