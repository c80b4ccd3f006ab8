"""What floats choose for a proof about Renyi entropies by qubits: a matrix R for each K. Nothing here proves anything.

The words and formulas are those of :mod:`sdpbound.checker.renyi_states`. R is ``exp(K + hint)`` over its trace, but for
a part of white noise; a hint has sixteen entries in a row. At the optimum ``K + (M(R) - 1)/s`` is a multiple of 1. So
the hint is ``F(R) = (M(R) - 1)/s + log R`` there, up to a multiple of 1, and steps are those of Newton's method for
that. M(R) is the gradient of Q at the state ``R (S R)^s`` of which R is the optimum, and Q is concave. So these steps
go uphill. As s goes to zero they become those for von Neumann entropies.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from sdpbound.checker.qubit_floats import (
    CLOSE,
    PRODUCTS,
    DualFloats,
    Floats,
    StateFloats,
    matrix_slope,
    rebuilt,
    solved,
)

__all__ = ["RenyiFloats"]

_LONGEST = 8.0  # step of an entry of a hint
#: The smallest eigenvalues of products of matrices near one that floats see. S^(1/2) R S^(1/2) has those of the white
#: noise in R to the power 1/(1-s).
_VISIBLE = 3e-14
_TINY = 1e-300
#: (16, 10) symmetric matrices with one entry and its mirror image, of length one and at right angles.
_VECTORS: Floats = np.zeros((4, 4, 10))
for _number, (_i, _j) in enumerate(zip(*np.triu_indices(4), strict=True)):
    _VECTORS[_i, _j, _number] = _VECTORS[_j, _i, _number] = 1.0 if _i == _j else 0.5**0.5
_VECTORS = _VECTORS.reshape(16, 10)


class RenyiFloats(DualFloats):
    """Any tests; ``roots`` are the diagonals of the N_i on their supports, ``s`` the exponent.

    Newton's method needs some six steps. For orders near 3/2 it may end where R follows no hint any more.
    """

    fresh_starts = MappingProxyType({24: 3.0})

    def __init__(self, roots: Sequence[tuple[Sequence[int], Sequence[float]]], s: float) -> None:
        self.roots = [(np.array(support), np.array(diagonal)) for support, diagonal in roots]
        self.s, self.power = s, s / (1.0 - s)
        self._states = StateFloats([])
        self.least_noise: float = _VISIBLE ** (1.0 - s)

    def cold(self, tables: Floats) -> Floats:
        return self._states.cold(tables)

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        return self._states.reflected(hints, angles)

    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        return np.asarray(np.einsum("nkl,ijkl->nij", self.states(tables, hints, noise), PRODUCTS), dtype=np.float64)

    def states(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        """The states (n, 4, 4) of hints, which attain G at the optimum."""
        r = self._matrix(tables, hints, noise)[0]
        t, _, back = self._frame(r, self._total(r)[0])
        return self._state(t, back)[0]

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        s, n, one = self.s, len(tables), np.eye(4)
        r, follows, (weights, vectors) = self._matrix(tables, hints, noise)
        total, slope = self._total(r)
        t, frame, back = self._frame(r, total)
        states, size = self._state(t, back)
        operators = np.einsum("nij,ijkl->nkl", tables, PRODUCTS)
        values: Floats = (states * operators).sum(axis=(1, 2)) + (size - 1.0) / s
        excess = (rebuilt(t**-s, frame) - one) / s
        uppers = np.asarray(np.linalg.eigvalsh(operators + excess)[:, -1], dtype=np.float64)
        # Newton's method for F = hint; the derivative of M by R is the first part, and the second one after that of S
        logs = np.log(t)
        outer, inner = (np.einsum("nia,njb->nijab", v, v).reshape(n, 16, 16) for v in (frame, back))
        first, second = (_quotients(logs, power).reshape(n, 1, 16) for power in (-s, 1.0 - s))
        by_matrix = (outer * first) @ outer.transpose(0, 2, 1)
        by_matrix += (outer * second) @ inner.transpose(0, 2, 1) @ slope
        own = np.log(weights)
        by_matrix = by_matrix / s + matrix_slope(vectors, 1.0 / _exponential_quotients(own)).reshape(n, 16, 16)
        miss = (excess + rebuilt(own, vectors)).reshape(n, 16) - hints
        jacobian = np.eye(10) - _VECTORS.T @ (by_matrix @ follows) @ _VECTORS
        moves = solved(jacobian, (miss @ _VECTORS)[:, :, None])[:, :, 0] @ _VECTORS.T
        moves = np.nan_to_num(moves).reshape(n, 4, 4)
        moves = moves - 0.25 * np.trace(moves, axis1=1, axis2=2)[:, None, None] * one
        moves = moves / np.maximum(1.0, np.abs(moves).max(axis=(1, 2)) / _LONGEST)[:, None, None]
        return values, uppers, np.asarray(moves.reshape(n, 16), dtype=np.float64)

    def choices(
        self, tables: Floats, hints: Floats, noise: float
    ) -> tuple[Floats, list[Floats], Floats, Floats, Floats]:
        """R; eigenvectors of the N_i R N_i; X near the root of S(R); eigenvectors of X^T R X and of the tangent."""
        r = self._matrix(tables, hints, noise)[0]
        r = 0.5 * (r + r.transpose(0, 2, 1))
        blocks = []
        for support, root in self.roots:
            blocks.append(np.linalg.eigh(r[:, support[:, None], support] * np.outer(root, root))[1])
        total = self._total(r)[0]
        e, v = np.linalg.eigh(total)
        x = rebuilt(np.sqrt(np.maximum(e, _TINY)), v)
        t, frame, _ = self._frame(r, total)
        tangents = np.einsum("nij,ijkl->nkl", tables, PRODUCTS) + rebuilt(t**-self.s, frame) / self.s
        return r, blocks, x, np.linalg.eigh(x @ r @ x)[1], np.linalg.eigh(tangents)[1]

    def _matrix(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
        """R (n, 4, 4) of trace one, its derivative by the hint (n, 16, 16), its eigenvalues and its eigenvectors."""
        n, floor = len(tables), max(noise, self.least_noise)
        e, v = np.linalg.eigh(np.einsum("nij,ijkl->nkl", tables, PRODUCTS) + hints.reshape(-1, 4, 4))
        logs = e - e[:, -1:]
        logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        flat = rebuilt(np.exp(logs), v).reshape(n, 16)
        follows = matrix_slope(v, _exponential_quotients(logs)).reshape(n, 16, 16)
        follows = (1.0 - floor) * (follows - flat[:, :, None] * flat[:, None, :])
        weights: Floats = (1.0 - floor) * np.exp(logs) + 0.25 * floor
        return rebuilt(weights, v), follows, (weights, v)

    def _total(self, r: Floats) -> tuple[Floats, Floats]:
        """S(R) and its derivative by R (n, 16, 16)."""
        n = len(r)
        total, slope = np.zeros((n, 4, 4)), np.zeros((n, 4, 4, 4, 4))
        for support, root in self.roots:
            mask = np.outer(root, root)
            e, v = np.linalg.eigh(r[:, support[:, None], support] * mask)
            logs = np.log(np.maximum(e, _TINY))
            total[:, support[:, None], support] += mask * rebuilt(np.exp(self.power * logs), v)
            part = matrix_slope(v, _quotients(logs, self.power)) * (mask[:, :, None, None] * mask)
            slope[np.ix_(np.arange(n), support, support, support, support)] += part
        return total, slope.reshape(n, 16, 16)

    def _state(self, t: Floats, back: Floats) -> tuple[Floats, Floats]:
        """The state ``R (S R)^s`` over its trace, of which R is the optimum, and its Q."""
        states = rebuilt(t ** (1.0 + self.s), back)
        trace = np.trace(states, axis1=1, axis2=2)
        return states / trace[:, None, None], t.sum(axis=1) / trace

    def _frame(self, r: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
        """Eigenvalues t of S^(1/2) R S^(1/2), Z with ``M = Z t^-s Z^T``, and the inverse of Z^T."""
        e, v = np.linalg.eigh(total)
        e = np.sqrt(np.maximum(e, _TINY))
        half = rebuilt(e, v)
        t, w = np.linalg.eigh(half @ r @ half)
        return np.maximum(t, _TINY), half @ w, rebuilt(1.0 / e, v) @ w


def _exponential_quotients(logs: Floats) -> Floats:
    """Divided differences of the exponential at logs (n, k)."""
    first, second = logs[:, :, None], logs[:, None, :]
    near = np.abs(first - second) < CLOSE
    gaps = np.where(near, 1.0, first - second)
    middle = np.exp(0.5 * (first + second))
    return np.asarray(np.where(near, middle, (np.exp(first) - np.exp(second)) / gaps), dtype=np.float64)


def _quotients(logs: Floats, power: float) -> Floats:
    """Divided differences of t -> t^power at exponentials of logs (n, k)."""
    first, second = logs[:, :, None], logs[:, None, :]
    near = np.abs(first - second) < CLOSE
    middle = power * np.exp((power - 1.0) * 0.5 * (first + second))
    gaps = np.where(near, 1.0, np.exp(first) - np.exp(second))
    return np.asarray(np.where(near, middle, (np.exp(power * first) - np.exp(power * second)) / gaps), dtype=np.float64)
