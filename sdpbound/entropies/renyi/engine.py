"""The largest value of an operator plus the power of a Renyi entropy of a pair of qubits, and its dual bound.

With the N_i of the key (:mod:`sdpbound.entropies.qubits.engine`), 0 < s <= 1/2 and e = s/(1-s), let ::

    Q(rho) = max over sigma of (Tr(S^(1/2) rho S^(1/2))^(1/(1+s)))^(1+s),   S = sum_i N_i sigma_i^s N_i,

with matrices sigma_i >= 0 whose traces add up to one. Eve's entropy is at least ``-log2(Q)/s``
(:mod:`sdpbound.entropies.renyi.powers` says which), and the convex functional ``h = (1 - Q)/s``, in nats, takes the
place of the entropy in searches and proofs; it tends to it as s goes to zero. For any R > 0

    Q(rho) <= Tr rho M(R),   M = S #_s R^-1,   S = sum_i N_i (N_i R N_i)^e N_i,

with the weighted geometric mean #_s, and ``G(K) = max Tr K rho - h(rho)`` is at most the largest eigenvalue of
``K + (M - 1)/s``. R is the optimum of the state ``S^(-1/2) (S^(1/2) R S^(1/2))^(1+s) S^(-1/2)`` over its trace, whose Q
is ``Tr S R`` over the same trace: so every R has a value below G, too.

**Rounding.** Any R > 0 proves a bound. R is at least e/4, e its white noise, so that powers of what is made of it are
known up to a few roundings times 4/e, relative. M is off by as much, and ``(M - 1)/s`` by that, for the error of a
power s is s times that of what it is taken of, and by the roundings of numbers near one divided by s.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing
from sdpbound.checker.qubit_renyi_floats import RenyiFloats
from sdpbound.entropies.qubits.engine import ROUNDINGS, Batch, Engine, moments_of, pieces
from sdpbound.entropies.qubits.problem import Key

__all__ = ["RenyiEngine"]

#: The change of an entry of K for second derivatives by differences.
_DIFFERENCE = 1e-4


@dataclass(frozen=True, eq=False)
class RenyiEngine(Engine):
    """The engine for the exponent s; R is exp(K + hint) over its trace, for hints (n, 4, 4)."""

    key: Key
    flips: Preprocessing
    exponent: float
    least_noise: float

    @property
    def noise(self) -> float:
        """Part of white noise in R, no less than floats see."""
        return max(self.least_noise, self.floats.least_noise)

    @cached_property
    def floats(self) -> RenyiFloats:
        return RenyiFloats([(s.tolist(), d.tolist()) for s, d in pieces(self.key, self.flips)], self.exponent)

    def rounding(self, size: float) -> float:
        return ROUNDINGS * 2.0**-52 * (1.0 + size) * (4.0 / self.noise + 16.0 / self.exponent)

    @property
    def resolution(self) -> float:
        return 4.0 * self.noise + 64.0 * 2.0**-52 / self.exponent

    def cold(self, tables: Floats) -> Floats:
        return self.floats.cold(tables).reshape(-1, 4, 4)

    def advance(self, batch: Batch, index: NDArray[np.int64], precision: float, steps: int) -> None:
        todo = np.asarray(index)
        with np.errstate(all="ignore"):
            for _ in range(steps):
                todo = todo[~(batch.uppers[todo] - batch.values[todo] <= precision)]
                if not len(todo):
                    return
                self._restart(batch, todo)
                hints = batch.hints[todo]
                values, uppers, moves = self.floats.step(batch.tables[todo], hints.reshape(-1, 16), self.noise)
                batch.gaps[todo] = uppers - values
                batch.values[todo] = np.fmax(batch.values[todo], values)
                batch.uppers[todo] = np.fmin(batch.uppers[todo], uppers)
                good = values >= batch.heights[todo] - self.resolution
                kept = todo[good]
                batch.heights[kept], batch.bases[kept] = values[good], hints[good]
                batch.moves[kept] = moves[good].reshape(-1, 4, 4)
                batch.lengths[todo] = np.minimum(batch.lengths[todo] * np.where(good, 4.0, 0.25), 1.0)
                batch.hints[todo] = batch.bases[todo] + batch.lengths[todo, None, None] * batch.moves[todo]

    def _restart(self, batch: Batch, todo: NDArray[np.int64]) -> None:
        """Fresh hints where so many steps have led nowhere; what was proven stays."""
        batch.taken[todo] += 1
        for step in self.floats.fresh_starts:
            stuck = todo[batch.taken[todo] == step]
            hints = self.floats.fresh(batch.tables[stuck], step).reshape(-1, 4, 4)
            batch.hints[stuck] = batch.bases[stuck] = hints
            batch.heights[stuck], batch.lengths[stuck] = -np.inf, 1.0

    @property
    def free_bob(self) -> bool:
        return self.key is not Key.BOTH

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        return self.floats.reflected(hints.reshape(-1, 16), angles).reshape(-1, 4, 4)

    def states(self, tables: Floats, hints: Floats) -> Floats:
        return self.floats.states(tables, hints.reshape(-1, 16), self.noise)

    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        n = len(tables)
        if not n:
            return np.zeros((0, 9, 9))
        steps = _DIFFERENCE * np.concatenate([np.eye(9), -np.eye(9)]).reshape(18, 3, 3)
        moved = (tables[:, None] + steps).reshape(-1, 3, 3)
        near = np.repeat(hints.reshape(n, 16), 18, axis=0)
        with np.errstate(all="ignore"):
            near = near + self.floats.step(moved, near, self.noise)[2]
            found = moments_of(self.floats.states(moved, near, self.noise)).reshape(n, 2, 9, 9)
        out = (found[:, 0] - found[:, 1]) / (2.0 * _DIFFERENCE)
        return np.asarray(0.5 * (out + out.transpose(0, 2, 1)))
