"""The largest value of an operator minus the entropy of a pair of qubits, and its dual bound.

**Entropy.** Alice's key outcome is the outcome of Z, flipped with probability q. Let ``N_0 = diag(sqrt(1-q), sqrt(q))``
act on her side, and let N_1 be its reverse; after a channel that makes 0 a 1 with probability p and 1 a 0 with p', they
are ``diag(sqrt(1-p), sqrt(p'))`` and ``diag(sqrt(p), sqrt(1-p'))``, the roots of the effects of its outcomes: all that
follows needs of them is that N_0^2 + N_1^2 = 1. Eve holds the purification of rho and does not know the flip. Then

    H(A|E) = S(N_0 rho N_0) + S(N_1 rho N_1) - S(rho),

because Eve's conditional states have the spectra of N_a rho N_a, and Eve's state has the spectrum of rho. For the
outcomes of both parties the N are N_ab = P_a x P_b. With the isometry V = (N_0; N_1) the entropy is the relative
entropy of V rho V^T to its own diagonal blocks.

**Dual.** So H is convex in rho, homogeneous of degree one on rho >= 0, and lies above its tangents. The tangents go
through the origin. For *any* state r > 0 (in nats)

    H(rho) >= Tr rho (log r - L(r)),    L(r) = sum_i N_i log(N_i r N_i) N_i,
    G(K) = max_rho Tr K rho - H(rho) <= largest eigenvalue of K + L(r) - log r,

with equality if r is the optimum. This proves an upper bound on G without an optimum. G is convex in K, and a change of
K changes G by at most the operator norm of the change.

**Steps.** r' = exp(K + L(r)) / trace is a better state than r. This step maximises Tr K rho - H(rho) in turn over rho
and over the states whose logarithms stand in L (H is a minimum over them). For weak K, or for flips that hide most of
the key, these steps are short. The steps of Newton's method for the fixed point are longer. They go uphill, as they are
also Newton steps for the maximum of the concave Tr K r - H(r). A step is shortened if this value falls.

**Rounding** in :class:`StateEngine`. A rounding is a relative error of one float. The eigendecomposition that gives r
belongs to a matrix a few roundings away, and any r proves a bound: log r is the logarithm of the r that the floats of
this decomposition define. The computed N_i r N_i is off by a D of norm at most c roundings, c < 50. Let e be the part
of white noise in r, so that r >= e/4. Then N_i D N_i is at most 4 c/e roundings of N_i r N_i. The logarithm is
monotone, so its error is at most as many roundings. The eigendecomposition of N_i r N_i belongs to a matrix a few
roundings of its norm away, and the norm is at most one. So 18 roundings (``_FLOOR`` times e) are added to the
eigenvalues: a larger logarithm gives a larger bound. The remaining error is a few roundings of |K| + |log e/4|.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing, up_and_down
from sdpbound.entropies.qubits.problem import Key

__all__ = [
    "PAULI",
    "ROUNDINGS",
    "Batch",
    "Engine",
    "StateEngine",
    "entropies",
    "moments_of",
    "pieces",
    "reflected_operators",
    "spans_of",
]

_SINGLE = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])
#: (3, 3, 4, 4): the products of 1, Z, X on Alice's side with 1, Z, X on Bob's.
PAULI: Floats = np.einsum("iab,jcd->ijacbd", _SINGLE, _SINGLE).reshape(3, 3, 4, 4)
#: (9, 10): the same as vectors, as in :mod:`sdpbound.entropies.qubits.compiled_states`.
_PAULI_VECTORS: Floats = (
    PAULI.reshape(9, 4, 4)[:, *np.triu_indices(4)] * np.where(np.eye(4), 1.0, np.sqrt(2.0))[np.triu_indices(4)]
)
#: A number added to eigenvalues before their logarithms, in units of the white noise: 18 roundings of one in proofs.
_FLOOR = 4e-9
#: A limit on the number of roundings in the computation of a bound, each of the size of an operator plus 16.
ROUNDINGS = 128.0


class Engine(ABC):
    """The function G(K) for many K at once; each K has a hint, a point of the dual, which every step improves."""

    @abstractmethod
    def rounding(self, size: float) -> float:
        """What is added, in nats, for roundings of the upper bounds, for operators of norm at most ``size``.

        It is the most that they may be, but for powers above 1/4 of Renyi entropies, where it is an estimate. Balls
        prove what is issued.
        """

    @property
    @abstractmethod
    def resolution(self) -> float:
        """The smallest distance in nats to which values and upper bounds can come."""

    @abstractmethod
    def cold(self, tables: Floats) -> Floats:
        """The first hints, for tables (n, 3, 3) of K."""

    @abstractmethod
    def advance(self, batch: Batch, index: NDArray[np.int64], precision: float, steps: int) -> None:
        """Take at most ``steps`` steps for some of the K, each until its bounds differ by at most ``precision`` nats.

        A step gives a lower value and a proven upper bound on G(K), a height, and a better hint. The height of a hint
        is G(K) at the optimum. On the way from the old hint to the new one the height rises at first, but the new hint
        may be too far. A step that lowers the height is undone and shortened.
        """

    @property
    @abstractmethod
    def free_bob(self) -> bool:
        """Whether the frame of Bob's qubit may be chosen, as his outcome is no part of the key."""

    @abstractmethod
    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        """Hints for Bob's plane reflected so that Z and ``cos(angle) Z + sin(angle) X`` change places."""

    @abstractmethod
    def states(self, tables: Floats, hints: Floats) -> Floats:
        """The states (n, 4, 4) of the hints; a state at the optimum attains G(K)."""

    def moments(self, tables: Floats, hints: Floats) -> Floats:
        """The expectations (n, 3, 3) of the products of 1, Z, X with 1, Z, X in these states."""
        return moments_of(self.states(tables, hints))

    @abstractmethod
    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        """The Hessian (n, 9, 9) of G by the entries of tables for which this engine is made; the hints are exact."""


@dataclass(eq=False)
class Batch:
    """Many K with hints and the known bounds on G(K).

    Attributes
    ----------
    tables, hints : (n, 3, 3) of K, and the engine's hints
    values, uppers : (n,) lower and upper bounds on G(K), in nats
    gaps : (n,) upper bound minus lower value of the last step, in nats
    bases, moves, heights, lengths : of the last step that was uphill: where it began, the whole step, the height there,
        and the part of the step that is taken
    taken : (n,) how many steps were taken
    """

    engine: Engine
    tables: Floats
    hints: Floats

    def __post_init__(self) -> None:
        n = len(self.tables)
        self.values, self.uppers, self.gaps = np.full(n, -np.inf), np.full(n, np.inf), np.full(n, np.inf)
        self.bases, self.moves = self.hints.copy(), np.zeros_like(self.hints)
        self.heights, self.lengths, self.taken = np.full(n, -np.inf), np.ones(n), np.zeros(n, dtype=np.int64)
        self.step(np.arange(n))

    @property
    def working(self) -> tuple[Floats, ...]:
        """The arrays that a compiled step changes, in the order of its arguments."""
        steps = (self.hints, self.bases, self.moves, self.heights, self.lengths)
        return (*steps, self.values, self.uppers, self.gaps)

    def add(self, tables: Floats, hints: Floats) -> None:
        """Take in more K, behind those that are there."""
        other = Batch(self.engine, tables, hints)
        for name in ("tables", "hints", "values", "uppers", "gaps", "bases", "moves", "heights", "lengths", "taken"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))

    def step(self, index: NDArray[np.int64]) -> None:
        """Take another step for some of the K."""
        self.engine.advance(self, index, -np.inf, 1)

    def solve(self, precision: float, steps: int) -> None:
        """Take at most ``steps`` steps, until values and upper bounds differ by at most ``precision`` nats."""
        self.engine.advance(self, np.arange(len(self.tables)), max(precision, self.engine.resolution), steps)


@dataclass(frozen=True, eq=False)
class StateEngine(Engine):
    """The engine for any tests; the hints (n, 4, 4) are guesses of L at the optimum."""

    key: Key
    flips: Preprocessing
    noise: float = 1e-6  # part of white noise in r, which keeps r off the boundary

    def rounding(self, size: float) -> float:
        return ROUNDINGS * 2.0**-52 * (16.0 + size) + 50.0 * 4.0 * 2.0**-52 / self.noise

    @property
    def resolution(self) -> float:
        return 2.0 * self.noise

    def cold(self, tables: Floats) -> Floats:
        return np.zeros((len(tables), 4, 4))

    @property
    def _parameters(self) -> tuple[NDArray[np.int64], Floats, float, float]:
        """What the compiled loops are told: the pieces of the key, and the noise and what is added to eigenvalues."""
        return (*spans_of(self.key, self.flips), self.noise, _FLOOR * self.noise)

    def advance(self, batch: Batch, index: NDArray[np.int64], precision: float, steps: int) -> None:
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_states import advance

        advance(
            batch.tables,
            index,
            *self._parameters,
            precision,
            steps,
            self.resolution,
            *batch.working,
        )

    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_states import curvature

        out = np.empty((len(tables), 9, 9))
        curvature(tables, hints, *self._parameters, _PAULI_VECTORS, out)
        return out

    @property
    def free_bob(self) -> bool:
        return self.key is not Key.BOTH

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        return reflected_operators(hints, angles)

    def states(self, tables: Floats, hints: Floats) -> Floats:
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_states import states

        out = np.empty((len(tables), 4, 4))
        states(tables, hints, out)
        return out


def reflected_operators(hints: Floats, angles: Floats) -> Floats:
    """Operators (n, 4, 4) for Bob's plane reflected so that Z and ``cos(angle) Z + sin(angle) X`` change places."""
    c, s = np.cos(0.5 * angles), np.sin(0.5 * angles)
    mirror = np.stack([np.stack([c, s], axis=1), np.stack([s, -c], axis=1)], axis=1)
    halves = hints.reshape(-1, 2, 2, 2, 2)
    return np.asarray(
        np.einsum("nbs,nasct,ntd->nabcd", mirror, halves, mirror, optimize=True).reshape(-1, 4, 4), dtype=np.float64
    )


@lru_cache(maxsize=64)
def spans_of(key: Key, flips: Preprocessing) -> tuple[NDArray[np.int64], Floats]:
    """The first place and the number of places (P, 2) of the diagonals (P, 4) of the N_i, none of which has gaps."""
    found = pieces(key, flips)
    diagonals = np.zeros((len(found), 4))
    for row, (support, weight) in zip(diagonals, found, strict=True):
        row[support] = weight
    return np.array([[support[0], len(support)] for support, _ in found]), diagonals


def pieces(key: Key, flips: Preprocessing) -> list[tuple[NDArray[np.int64], Floats]]:
    """The supports and diagonals of the N_i."""
    if key is Key.BOTH:
        return [(np.array([i]), np.ones(1)) for i in range(4)]
    up, down = up_and_down(flips)
    if key is Key.NONE:  # a setting that is not tested may be constant, so only the flips are left
        up = down = max(up, down, key=lambda p: abs(p - 0.5))
    roots = np.sqrt([[1.0 - up, 1.0 - up, down, down], [up, up, 1.0 - down, 1.0 - down]])
    if key is Key.NONE:
        roots[:, 2:] = roots[:, :2]
    return [(np.flatnonzero(row), row[row > 0.0]) for row in roots if row.any()]


def entropies(states: Floats, key: Key, flips: Preprocessing) -> Floats:
    """The entropy (n,) of the key, in bits, given the holder of a purification of each state."""
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_states import entropies

    out = np.empty(len(states))
    entropies(np.ascontiguousarray(states), *spans_of(key, flips), out)
    return out


def moments_of(states: Floats) -> Floats:
    """The expectations (n, 3, 3) of the products of 1, Z, X with 1, Z, X."""
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_states import moments

    out = np.empty((len(states), 3, 3))
    moments(np.ascontiguousarray(states), out)
    return out
