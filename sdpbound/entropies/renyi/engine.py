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

**Steps.** R = exp(K + hint) over its trace, but for its white noise. Steps are those of Newton's method for
``hint = F(R)`` up to a multiple of 1, ``F(R) = (M(R) - 1)/s + log R``: at the optimum ``K + (M - 1)/s`` is a multiple
of 1. M is the gradient of the concave Q at the state of which R is the optimum, so that the way goes uphill. As s goes
to zero F becomes the L of :mod:`sdpbound.entropies.qubits.engine`, and the steps its steps.

**Rounding.** Any R > 0 proves a bound. R is at least e/4, e its white noise, so that powers of what is made of it are
known up to a few roundings times 4/e, relative. M is off by as much, and ``(M - 1)/s`` by that, for the error of a
power s is s times that of what it is taken of, and by the roundings of numbers near one divided by s. This is so for s
up to 1/4. For larger s the eigenvalues of S^(1/2) R S^(1/2) may be as small as those of R to the power 1/(1-s), and M
is known less well: away from the optimum ``rounding`` is an estimate then, and not the most that roundings may do.
Either way no bound is issued that the balls of the checker do not prove.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing
from sdpbound.entropies.qubits.engine import ROUNDINGS, Batch, Engine, moments_of, reflected_operators, spans_of
from sdpbound.entropies.qubits.problem import Key

__all__ = ["RenyiEngine"]

#: The change of an entry of K for second derivatives by differences.
_DIFFERENCE = 1e-4
#: The smallest eigenvalues of products of matrices near one that floats see. S^(1/2) R S^(1/2) has those of the white
#: noise in R to the power 1/(1-s).
_VISIBLE = 3e-14


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
        return max(self.least_noise, float(_VISIBLE ** (1.0 - self.exponent)))

    @property
    def _parameters(self) -> tuple[NDArray[np.int64], Floats, float, float]:
        """What the compiled loops are told: the pieces of the key, the exponent and the noise."""
        return (*spans_of(self.key, self.flips), self.exponent, self.noise)

    def rounding(self, size: float) -> float:
        return ROUNDINGS * 2.0**-52 * (1.0 + size) * (4.0 / self.noise + 16.0 / self.exponent)

    @property
    def resolution(self) -> float:
        return 4.0 * self.noise + 64.0 * 2.0**-52 / self.exponent

    def cold(self, tables: Floats) -> Floats:
        return np.zeros((len(tables), 4, 4))

    def advance(self, batch: Batch, index: NDArray[np.int64], precision: float, steps: int) -> None:
        # here, as numba takes a moment to load
        from sdpbound.entropies.renyi.compiled import advance

        limits = (precision, steps, self.resolution)
        advance(batch.tables, index, *self._parameters, *limits, *batch.working, batch.taken)

    @property
    def free_bob(self) -> bool:
        return self.key is not Key.BOTH

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        return reflected_operators(hints, angles)

    def states(self, tables: Floats, hints: Floats) -> Floats:
        # here, as numba takes a moment to load
        from sdpbound.entropies.renyi.compiled import states

        out = np.empty((len(tables), 4, 4))
        states(tables, hints, *self._parameters, out)
        return out

    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        n = len(tables)
        steps = _DIFFERENCE * np.concatenate([np.eye(9), -np.eye(9)]).reshape(18, 3, 3)
        near = Batch(self, (tables[:, None] + steps).reshape(-1, 3, 3), np.repeat(hints, 18, axis=0))
        found = moments_of(self.states(near.tables, near.hints)).reshape(n, 2, 9, 9)
        out = (found[:, 0] - found[:, 1]) / (2.0 * _DIFFERENCE)
        return np.asarray(0.5 * (out + out.transpose(0, 2, 1)))
