"""The entropy of a pair of qubits against an operator, and its dual.

Alice's key outcome is that of Z, flipped with probability q; with ``N_0 = diag(sqrt(1-q), sqrt(q))`` on her side, N_1
its reverse, and Eve holding the purification of rho (she knows nothing of the flip),

    H(A|E) = S(N_0 rho N_0) + S(N_1 rho N_1) - S(rho),

for the spectra of Eve's conditional states are those of N_a rho N_a, and of her state that of rho. With the isometry
V = (N_0; N_1) this is the relative entropy of V rho V^T to its own diagonal blocks; the same with N_ab = P_a x P_b for
the outcomes of both. So H is convex in rho, homogeneous of degree one on rho >= 0, and lies above its tangents, which
go through the origin: for *any* state r > 0 (in nats)

    H(rho) >= Tr rho (log r - L(r)),    L(r) = sum_i N_i log(N_i r N_i) N_i,
    G(K) = max_rho Tr K rho - H(rho) <= largest eigenvalue of K + L(r) - log r,

with equality where r is the optimum: a proof of an upper bound on G that needs no optimum. G is convex in K and changes
by at most the operator norm of a change of K. Better r come from r' = exp(K + L(r)) / trace, which maximises
Tr K rho - H(rho) alternately over rho and over the states whose logarithms stand in L (H is a minimum over them). For
weak K, or flips that hide most of the key, these steps are short. Those of Newton's method for their fixed point are
not; they go uphill, being those for the largest value of the concave Tr K r - H(r), and are cut short where this falls.

*Rounding* in :class:`StateEngine`. The eigendecomposition that r comes from is that of a matrix a few roundings away,
and any r will do: log r is that of the r with the floats of that decomposition. What is computed for N_i r N_i is off
by a D of norm at most c roundings, c < 50. Because r >= e/4 with e the part of white noise mixed in, N_i D N_i is at
most 4 c/e roundings of N_i r N_i, and the logarithm is monotone: its error is at most as many roundings. Its
eigendecomposition is that of a matrix which a few roundings of its norm, at most one, may separate from it: 18 of them
(``_FLOOR`` times e) are added to the eigenvalues, and a larger logarithm gives a larger bound. The rest is a few
roundings of |K| + |log e/4|.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.derivatives import exponential_slope, logarithm_slope, matrices_of, places_in, vectors_of
from sdpbound.entropies.qubits.problem import Key

__all__ = ["PAULI", "ROUNDINGS", "Batch", "Engine", "StateEngine", "entropies", "moments_of"]

_SINGLE = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])
#: (3, 3, 4, 4): products of 1, Z, X with 1, Z, X.
PAULI: Floats = np.einsum("iab,jcd->ijacbd", _SINGLE, _SINGLE).reshape(3, 3, 4, 4)
#: As in :mod:`sdpbound.entropies.qubits.derivatives`.
_UNIT: Floats = np.eye(10)
_PAULI_VECTORS: Floats = vectors_of(PAULI.reshape(9, 4, 4))
#: Change of K from which second derivatives are taken.
_DIFFERENCE = 1e-3
#: Added to eigenvalues before logarithms are taken, in units of the white noise: 18 roundings of one for proofs.
_FLOOR = 4e-9
#: Longest step of an entry of a hint.
_LONGEST = 8.0
#: More roundings, of numbers as large as an operator and sixteen, than there are on the way to a bound.
ROUNDINGS = 128.0


class Engine(ABC):
    """The function G(K) for many K at once. Each K has a hint, a point of the dual, and every step improves it."""

    @abstractmethod
    def rounding(self, size: float) -> float:
        """By how much rounding may make the upper bounds too low, in nats, for operators of norm at most ``size``."""

    @property
    @abstractmethod
    def resolution(self) -> float:
        """The smallest distance in nats that values and upper bounds can reach."""

    @abstractmethod
    def cold(self, tables: Floats) -> Floats:
        """Hints to begin with, for tables (n, 3, 3) of K."""

    @abstractmethod
    def step(self, tables: Floats, hints: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Lower values (n,) and proven upper bounds (n,) on G(K) in nats, heights (n,), and better hints.

        On the way to these the height, G(K) at the optimum, rises at first, but they may be too far.
        """

    @abstractmethod
    def states(self, tables: Floats, hints: Floats) -> Floats:
        """(n, 4, 4): states, at the optimum those that attain G(K)."""

    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        """(n, 9, 9): the Hessian of G by the entries of the tables, by differences; for searches only."""
        n = len(tables)
        shifts = _DIFFERENCE * np.concatenate([np.eye(9), -np.eye(9)]).reshape(18, 1, 3, 3)
        many = (tables + shifts).reshape(-1, 3, 3)
        batch = Batch(self, many, np.concatenate([hints] * 18))
        batch.step(np.arange(len(many)))
        moments = moments_of(self.states(many, batch.hints)).reshape(2, 9, n, 9)
        found = ((moments[0] - moments[1]) / (2.0 * _DIFFERENCE)).transpose(1, 0, 2)
        return np.asarray(0.5 * (found + found.transpose(0, 2, 1)), dtype=np.float64)


@dataclass(eq=False)
class Batch:
    """Many K with the bounds known on G there, and hints. A step that lowers the height is undone and shortened.

    Attributes
    ----------
    values, uppers : (n,) in nats, G(K) is between them
    gaps : (n,) of the last step
    """

    engine: Engine
    tables: Floats
    hints: Floats

    def __post_init__(self) -> None:
        n = len(self.tables)
        self.values, self.uppers, self.gaps = np.full(n, -np.inf), np.full(n, np.inf), np.full(n, np.inf)
        self._base, self._move = self.hints.copy(), np.zeros_like(self.hints)
        self._height, self._length = np.full(n, -np.inf), np.ones(n)
        self.step(np.arange(n))

    def step(self, index: NDArray[np.int64]) -> None:
        """Take another step for some of the K."""
        hints = self.hints[index]
        values, uppers, heights, better = self.engine.step(self.tables[index], hints)
        self.gaps[index] = uppers - values
        self.values[index] = np.fmax(self.values[index], values)
        self.uppers[index] = np.fmin(self.uppers[index], uppers)  # never one that is not a number
        # every step goes uphill, if it is not too long
        good = heights >= self._height[index] - self.engine.resolution
        kept = index[good]
        self._base[kept], self._move[kept], self._height[kept] = hints[good], (better - hints)[good], heights[good]
        self._length[index] *= np.where(good, 4.0, 0.25)
        np.minimum(self._length, 1.0, out=self._length)
        length = self._length[index].reshape(-1, *([1] * (hints.ndim - 1)))
        self.hints[index] = self._base[index] + length * self._move[index]

    def solve(self, precision: float, steps: int) -> None:
        """Take steps until values and upper bounds are so close, but no more than so many."""
        for _ in range(steps):
            todo = np.flatnonzero(self.uppers - self.values > max(precision, self.engine.resolution))
            if not todo.size:
                return
            self.step(todo)


@dataclass(frozen=True, eq=False)
class StateEngine(Engine):
    """Any tests; the hints are guesses of L at the optimum, (n, 4, 4)."""

    key: Key
    flips: float
    noise: float = 1e-6  # part of white noise in r, which keeps it off the boundary

    def rounding(self, size: float) -> float:
        return ROUNDINGS * 2.0**-52 * (16.0 + size) + 50.0 * 4.0 * 2.0**-52 / self.noise

    @property
    def resolution(self) -> float:
        return 2.0 * self.noise

    def cold(self, tables: Floats) -> Floats:
        return np.zeros((len(tables), 4, 4))

    def step(self, tables: Floats, hints: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        operators = np.einsum("nij,ijkl->nkl", tables, PAULI)
        e, v = np.linalg.eigh(operators + hints)
        e = e - e[:, -1:]
        weights = np.exp(e)
        weights = (1.0 - self.noise) / weights.sum(axis=1, keepdims=True) * weights + 0.25 * self.noise
        states = _rebuilt(weights, v)
        pinched, slope = self._pinched(states)
        tangents = operators + pinched - _rebuilt(np.log(weights), v)
        heights, uppers = (states * tangents).sum(axis=(1, 2)), np.linalg.eigvalsh(tangents)[:, -1]
        values = _exponential(operators + pinched)[0]
        # Newton's method for L = hint but for a multiple of 1
        jacobian = _UNIT - (1.0 - self.noise) * (slope @ exponential_slope(e, v))
        solved: Floats = np.linalg.solve(jacobian, vectors_of(pinched - hints)[:, :, None]).astype(np.float64)
        move = _traceless(matrices_of(solved[:, :, 0], 4))
        move /= np.maximum(1.0, np.abs(move).max(axis=(1, 2)) / _LONGEST)[:, None, None]
        return values, uppers, heights, hints + move

    def _pinched(self, states: Floats) -> tuple[Floats, Floats]:
        """The pinched logarithm L, and its derivative (n, 10, 10)."""
        total, slope = np.zeros_like(states), np.zeros((len(states), 10, 10))
        for support, weight in pieces(self.key, self.flips):
            mask = np.outer(weight, weight)
            e, v = np.linalg.eigh(states[:, support[:, None], support] * mask)
            e = np.maximum(e, 0.0) + _FLOOR * self.noise
            total[:, support[:, None], support] += mask * _rebuilt(np.log(e), v)
            places = places_in(support, 4)
            slope[:, places[:, None], places] += logarithm_slope(e, v, weight)
        return total, slope

    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        """(n, 9, 9): the Hessian of G by the entries of the tables, where the hints are exact."""
        operators = np.einsum("nij,ijkl->nkl", tables, PAULI)
        e, v = np.linalg.eigh(operators + hints)
        e = e - e[:, -1:]
        weights = np.exp(e)
        weights = (1.0 - self.noise) / weights.sum(axis=1, keepdims=True) * weights + 0.25 * self.noise
        follows, slope = exponential_slope(e, v), self._pinched(_rebuilt(weights, v))[1]
        # the state changes by ``follows (dK + dhint)``, the hint by ``slope`` times that
        jacobian = _UNIT - (1.0 - self.noise) * (slope @ follows)
        turned = np.linalg.solve(jacobian, np.broadcast_to(_PAULI_VECTORS.T, (len(tables), 10, 9)))
        found = _PAULI_VECTORS @ follows @ turned
        return np.asarray(0.5 * (found + found.transpose(0, 2, 1)), dtype=np.float64)

    def states(self, tables: Floats, hints: Floats) -> Floats:
        return _exponential(np.einsum("nij,ijkl->nkl", tables, PAULI) + hints)[1]


def _rebuilt(e: Floats, v: Floats) -> Floats:
    """The symmetric matrices with these eigenvalues and vectors."""
    return np.asarray((v * e[:, None, :]) @ v.transpose(0, 2, 1), dtype=np.float64)


def _exponential(matrices: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the trace of the exponential, and that divided by the trace."""
    e, v = np.linalg.eigh(matrices)
    weights = np.exp(e - e[:, -1:])
    trace = weights.sum(axis=1)
    return e[:, -1] + np.log(trace), _rebuilt(weights / trace[:, None], v)


def _traceless(matrices: Floats) -> Floats:
    middle = 0.25 * np.trace(matrices, axis1=1, axis2=2)
    return np.asarray(matrices - middle[:, None, None] * np.eye(4), dtype=np.float64)


def pieces(key: Key, flips: float) -> list[tuple[NDArray[np.int64], Floats]]:
    """Supports and diagonals of the N_i."""
    if key is Key.BOTH:
        return [(np.array([i]), np.ones(1)) for i in range(4)]
    if key is Key.NONE:  # a setting that is not tested is a constant: only the flips are left
        return [(np.arange(4), np.full(4, np.sqrt(p))) for p in ((1.0 - flips, flips) if flips else (1.0,))]
    if not flips:
        return [(np.array([0, 1]), np.ones(2)), (np.array([2, 3]), np.ones(2))]
    one = np.sqrt([1.0 - flips, 1.0 - flips, flips, flips])
    return [(np.arange(4), one), (np.arange(4), one[::-1].copy())]


def entropies(states: Floats, key: Key, flips: float) -> Floats:
    """(n,) the key's entropy given the holder of a purification, in bits."""
    total = -_shannon(np.linalg.eigvalsh(states))
    for support, weight in pieces(key, flips):
        total = total + _shannon(np.linalg.eigvalsh(states[:, support[:, None], support] * np.outer(weight, weight)))
    return np.maximum(total, 0.0)


def _shannon(p: NDArray[np.floating[Any]]) -> Floats:
    p = np.maximum(p, 0.0)
    return np.asarray(-(p * np.log2(np.where(p > 0.0, p, 1.0))).sum(axis=1), dtype=np.float64)


def moments_of(states: Floats) -> Floats:
    """(n, 3, 3): expectations of products of 1, Z, X with 1, Z, X."""
    return np.asarray(np.einsum("nkl,ijkl->nij", states, PAULI), dtype=np.float64)
