"""What floats choose for a proof about Renyi entropies by qubits: a matrix R for each K. Nothing here proves anything.

The words and formulas are those of :mod:`sdpbound.checker.renyi_states`. R is ``exp(K + hint)`` over its trace; a hint
has sixteen entries in a row. With S(R) and a number v the optimum has M = B = 1 + s (v - K), which is so for ::

    R' = B^(-1/2) W^(1/s - 1) B^(-1/2),   W = B^(-1/2) S B^(-1/2),

and v is found from ``Tr W^(1/s) = 1`` where the traces of S's sigma add up to one. Newton's method is for R = R', of
which R' has a part of white noise. Far from the optimum that may lead downhill. M(R) is the gradient of Q at the state
``R (S R)^s`` of which R is the optimum, and Q is concave: Newton's method for M(R) = B always leads uphill.
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
_NEAR = 0.05  # a hint that is as near to its next one is near the optimum
#: The smallest eigenvalues of products of matrices near one that floats see. S^(1/2) R S^(1/2) has those of the white
#: noise in R to the power 1/(1-s).
_VISIBLE = 3e-14
_ROOT_STEPS = 8
_TINY = 1e-300
_ONES = np.eye(4).reshape(16, 1) * np.eye(4).reshape(1, 16)


class RenyiFloats(DualFloats):
    """Any tests; ``roots`` are the diagonals of the N_i on their supports, ``s`` the exponent.

    Newton's method may end where R follows no hint any more; it needs some six steps from one of the fresh starts.
    """

    fresh_starts = MappingProxyType({12: 3.0, 24: 0.0})

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
        return self._state(r, self._total(r)[0])[0]

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        s, n, one = self.s, len(tables), np.eye(4)
        r, follows = self._matrix(tables, hints, noise)
        total, slope = self._total(r)
        states, size = self._state(r, total)
        t, frame, back = self._frame(r, total)
        operators = np.einsum("nij,ijkl->nkl", tables, PRODUCTS)
        values: Floats = (states * operators).sum(axis=(1, 2)) + (size - 1.0) / s
        mean = rebuilt(t**-s, frame)
        tangents = operators + (mean - one) / s
        uppers = np.asarray(np.linalg.eigvalsh(tangents)[:, -1], dtype=np.float64)
        slopes = tangents - values[:, None, None] * one
        uphill = self._uphill(slopes, (t, frame, back), slope, follows)
        moves, miss = self._newton(tables, hints, noise, (r, total), slope, follows)
        change = follows @ moves
        rise = self._rise(slopes, r, (t, frame, back), change, slope @ change)
        good = (rise > 0.0) | (np.abs(miss).max(axis=(1, 2)) < _NEAR)
        moves = np.nan_to_num(np.where(good[:, None, None], moves, uphill)).reshape(n, 4, 4)
        moves = 0.5 * (moves + moves.transpose(0, 2, 1))
        moves = moves - 0.25 * np.trace(moves, axis1=1, axis2=2)[:, None, None] * one
        moves = moves / np.maximum(1.0, np.abs(moves).max(axis=(1, 2)) / _LONGEST)[:, None, None]
        return values, uppers, np.asarray(moves.reshape(n, 16), dtype=np.float64)

    def _uphill(self, slopes: Floats, frames: tuple[Floats, Floats, Floats], slope: Floats, follows: Floats) -> Floats:
        """Steps of Newton's method for M(R) = B."""
        t, frame, back = frames
        n, logs = len(t), np.log(t)
        # the derivative of M by R is the first part, and the second one after that of S
        outer, inner = (np.einsum("nia,njb->nijab", v, v).reshape(n, 16, 16) for v in (frame, back))
        first, second = (_quotients(logs, power).reshape(n, 1, 16) for power in (-self.s, 1.0 - self.s))
        by_matrix = (outer * first) @ outer.transpose(0, 2, 1)
        by_matrix += (outer * second) @ inner.transpose(0, 2, 1) @ slope
        return _moderate(by_matrix @ follows / self.s - _ONES, -slopes.reshape(n, 16, 1))

    def _newton(
        self,
        tables: Floats,
        hints: Floats,
        noise: float,
        matrices: tuple[Floats, Floats],
        slope: Floats,
        follows: Floats,
    ) -> tuple[Floats, Floats]:
        """Steps of Newton's method for R = R', and how far the hint is from that of R'."""
        s, p, (r, total), noise = self.s, 1.0 / self.s, matrices, max(noise, self.least_noise)
        n = len(r)
        operators = np.einsum("nij,ijkl->nkl", tables, PRODUCTS)
        trace = (r * total).sum(axis=(1, 2))
        scale = (trace**-s)[:, None, None]
        flat = total.reshape(n, 16)
        by_matrix = scale * (slope - (self.power / trace)[:, None, None] * flat[:, :, None] * flat[:, None, :])
        k, u = np.linalg.eigh(operators)
        logs, g, b = _root(s, u.transpose(0, 2, 1) @ (scale * total) @ u, k)
        frame = (u / np.sqrt(b)[:, None, :]) @ g
        factor = np.exp(-(p - 1.0) * logs.max(axis=1))  # R' is known up to a multiple
        other = rebuilt(np.exp((p - 1.0) * logs) * factor[:, None], frame)
        size = np.trace(other, axis1=1, axis2=2)
        # v follows S, and R' follows v
        turned = np.einsum("nai,na,naj->nij", g, 1.0 / b, g) * np.exp(0.5 * (logs[:, :, None] + logs[:, None, :]))
        shape = frame / np.exp(0.5 * logs)[:, None, :]
        by_v = -s * (shape @ (_quotients(logs, p) * turned) @ shape.transpose(0, 2, 1)).reshape(n, 16)
        per = (p * rebuilt(np.exp((p - 1.0) * logs), frame)).reshape(n, 16)
        weight = ((np.exp(p * logs)[:, None, :] * g**2).sum(axis=2) / b).sum(axis=1)
        by_total = matrix_slope(frame, _quotients(logs, p - 1.0)).reshape(n, 16, 16)
        by_total = by_total + by_v[:, :, None] * per[:, None, :] / weight[:, None, None]
        e, v = np.linalg.eigh((1.0 - noise) * other / size[:, None, None] + 0.25 * noise * np.eye(4))
        own = np.log(np.maximum(e, _TINY))
        by_other = matrix_slope(v, 1.0 / _exponential_quotients(own)).reshape(n, 16, 16)
        change = by_other @ ((1.0 - noise) * (factor / size)[:, None, None] * by_total) @ by_matrix @ follows
        miss = (rebuilt(own, v) - operators).reshape(n, 16, 1) - hints.reshape(n, 16, 1)
        miss = miss - 0.25 * _ONES @ miss
        jacobian = np.eye(16) - change + 0.25 * _ONES @ change
        return _moderate(jacobian, miss), miss

    def _rise(
        self, slopes: Floats, r: Floats, frames: tuple[Floats, Floats, Floats], change: Floats, change_of_total: Floats
    ) -> Floats:
        """The trace of slopes (n, 4, 4) times the change of the state R (S R)^s, as R and S change."""
        t, frame, back = frames
        n, logs = len(r), np.log(t)
        change, change_of_total = change.reshape(n, 4, 4), change_of_total.reshape(n, 4, 4)
        # S R = Z t Z^-1, and the inverse of Z is that of Z^T transposed
        inverse = back.transpose(0, 2, 1)
        of_product = (inverse @ change_of_total @ back) * t[:, None, :] + frame.transpose(0, 2, 1) @ change @ frame
        inner = _quotients(logs, self.s) * of_product
        power = (frame * np.exp(self.s * logs)[:, None, :]) @ inverse
        moved = change @ power + r @ frame @ inner @ inverse
        return np.asarray((slopes * moved.transpose(0, 2, 1)).sum(axis=(1, 2)), dtype=np.float64)

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

    def _matrix(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats]:
        """R (n, 4, 4) of trace one, and its derivative by the hint (n, 16, 16)."""
        n, floor = len(tables), max(noise, self.least_noise)
        e, v = np.linalg.eigh(np.einsum("nij,ijkl->nkl", tables, PRODUCTS) + hints.reshape(-1, 4, 4))
        logs = e - e[:, -1:]
        logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        pure = rebuilt(np.exp(logs), v)
        flat = pure.reshape(n, 16)
        follows = matrix_slope(v, _exponential_quotients(logs)).reshape(n, 16, 16)
        follows = (1.0 - floor) * (follows - flat[:, :, None] * flat[:, None, :])
        return (1.0 - floor) * pure + 0.25 * floor * np.eye(4), follows

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

    def _state(self, r: Floats, total: Floats) -> tuple[Floats, Floats]:
        """The state ``R^(1/2) (R^(1/2) S R^(1/2))^s R^(1/2)`` over its trace, of which R is the optimum, and its Q."""
        e, v = np.linalg.eigh(r)
        half = rebuilt(np.sqrt(np.maximum(e, _TINY)), v)
        t, w = np.linalg.eigh(half @ total @ half)
        t = np.maximum(t, _TINY)
        states = half @ rebuilt(t**self.s, w) @ half
        trace = np.trace(states, axis1=1, axis2=2)
        return states / trace[:, None, None], t.sum(axis=1) / trace

    def _frame(self, r: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
        """Eigenvalues t of S^(1/2) R S^(1/2), Z with ``M = Z t^-s Z^T``, and the inverse of Z^T."""
        e, v = np.linalg.eigh(total)
        e = np.sqrt(np.maximum(e, _TINY))
        half = rebuilt(e, v)
        t, w = np.linalg.eigh(half @ r @ half)
        return np.maximum(t, _TINY), half @ w, rebuilt(1.0 / e, v) @ w


def _moderate(matrices: Floats, right: Floats) -> Floats:
    """Solutions (n, 16, 1) of equations; what is too long in nearly singular directions is cut there alone.

    M(R) does not change with the size of R. So where K has blocks, M says nothing of their weights in R.
    """
    found = solved(matrices, right)
    far = np.flatnonzero(np.abs(found).max(axis=(1, 2)) > _LONGEST)
    far = far[np.isfinite(matrices[far]).all(axis=(1, 2)) & np.isfinite(right[far]).all(axis=(1, 2))]
    if far.size:
        u, sizes, v = np.linalg.svd(matrices[far])
        parts = (u.transpose(0, 2, 1) @ right[far]) / np.maximum(sizes, _TINY)[:, :, None]
        found[far] = v.transpose(0, 2, 1) @ np.clip(parts, -_LONGEST, _LONGEST)
    return found


def _root(s: float, near: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """Logarithms of the eigenvalues of W, its eigenvectors, and B, for S (n, 4, 4) and K (n, 4) in the basis of K."""
    v = (k + (np.einsum("nii->ni", near) - 1.0) / s).max(axis=1)  # Tr W^(1/s) is at least one there
    for _ in range(_ROOT_STEPS):
        b = np.maximum(1.0 + s * (v[:, None] - k), 1e-26)
        e, g = np.linalg.eigh(near / np.sqrt(b[:, :, None] * b[:, None, :]))
        logs = np.log(np.maximum(e, _TINY))
        most = logs.max(axis=1, keepdims=True) / s
        powers = np.exp(logs / s - most)
        within = ((powers[:, None, :] * g**2).sum(axis=2) / b).sum(axis=1)
        total = powers.sum(axis=1)
        v = v + (np.log(total) + most[:, 0]) * total / within
    return logs, g, b


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
