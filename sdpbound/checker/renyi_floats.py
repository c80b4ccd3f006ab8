"""What floats choose for a proof about Renyi entropies by qubits: a matrix R for each K. Nothing here proves anything.

The words and formulas are those of :mod:`sdpbound.checker.renyi_states`. A hint is a guess of ``(S - 1)/s``, sixteen
entries in a row, where S belongs to a state of trace one. For a given S the best multiple lam of 1 is where
``Tr W^(1/s) = 1`` with ``B = 1 + s (lam - K)`` and ``W = B^(-1/2) S B^(-1/2)``, and the matrix that goes with it is ::

    R = B^(-1/2) W^(1/s - 1) B^(-1/2).

Newton's method is for the fixed point of S -> R -> S.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdpbound.checker.qubit_floats import CLOSE, PRODUCTS, DualFloats, Floats, StateFloats, matrix_slope, rebuilt

__all__ = ["RenyiFloats"]

#: Longest step of an entry of a hint, and most of it times s: S stays positive.
_LONGEST, _CHANGE = 8.0, 0.4
_ROOT_STEPS = 8
_TINY = 1e-300


class RenyiFloats(DualFloats):
    """Any tests; ``roots`` are the diagonals of the N_i on their supports, ``s`` the exponent."""

    def __init__(self, roots: Sequence[tuple[Sequence[int], Sequence[float]]], s: float) -> None:
        self.roots = [(np.array(support), np.array(diagonal)) for support, diagonal in roots]
        self.s, self.power = s, s / (1.0 - s)
        self._reflected = StateFloats([]).reflected

    def cold(self, tables: Floats) -> Floats:
        return np.tile(-np.log(2.0) * np.eye(4).ravel(), (len(tables), 1))

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        return self._reflected(hints, angles)

    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        return np.asarray(np.einsum("nkl,ijkl->nij", self.states(tables, hints, noise), PRODUCTS), dtype=np.float64)

    def states(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        """The states (n, 4, 4) of hints, which attain G at the optimum."""
        r, total = self._point(tables, hints, noise)[:2]
        return self._tangent(tables, r, total)[1]

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        s, n = self.s, len(tables)
        r, total, slope, follows = self._point(tables, hints, noise)
        tangents, states, size = self._tangent(tables, r, total)
        operators = np.einsum("nij,ijkl->nkl", tables, PRODUCTS)
        values: Floats = (states * operators).sum(axis=(1, 2)) + (size - 1.0) / s
        uppers = np.asarray(np.linalg.eigvalsh(tangents)[:, -1], dtype=np.float64)
        trace = (r * total).sum(axis=(1, 2))
        scale = (trace**-s)[:, None, None]
        flat = total.reshape(n, 16)
        jacobian = slope - (self.power / trace)[:, None, None] * flat[:, :, None] * flat[:, None, :]
        jacobian = np.eye(16) - scale * (jacobian @ follows)
        miss = ((scale * total - np.eye(4)).reshape(n, 16) / s - hints)[:, :, None]
        try:
            moves = np.linalg.solve(jacobian, miss)[:, :, 0].reshape(n, 4, 4)
        except np.linalg.LinAlgError:
            moves = miss[:, :, 0].reshape(n, 4, 4)
        moves = np.nan_to_num(0.5 * (moves + moves.transpose(0, 2, 1)))
        moves = moves / np.maximum(1.0, np.abs(moves).max(axis=(1, 2)) / min(_LONGEST, _CHANGE / s))[:, None, None]
        return values, uppers, np.asarray(moves.reshape(n, 16), dtype=np.float64)

    def choices(
        self, tables: Floats, hints: Floats, noise: float
    ) -> tuple[Floats, list[Floats], Floats, Floats, Floats]:
        """R; eigenvectors of the N_i R N_i; X near the root of S(R); eigenvectors of X^T R X and of the tangent."""
        r, total = self._point(tables, hints, noise)[:2]
        r = 0.5 * (r + r.transpose(0, 2, 1))
        blocks = []
        for support, root in self.roots:
            blocks.append(np.linalg.eigh(r[:, support[:, None], support] * np.outer(root, root))[1])
        e, v = np.linalg.eigh(total)
        x = rebuilt(np.sqrt(np.maximum(e, _TINY)), v)
        inner = np.linalg.eigh(x @ r @ x)[1]
        return r, blocks, x, inner, np.linalg.eigh(self._tangent(tables, r, total)[0])[1]

    def _point(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats, Any]:
        """R (n, 4, 4) of trace one, S(R), the derivative of S by R (n, 16, 16), and that of R by the hint times s."""
        s, n, p = self.s, len(tables), 1.0 / self.s
        k, u = np.linalg.eigh(np.einsum("nij,ijkl->nkl", tables, PRODUCTS))
        near = u.transpose(0, 2, 1) @ (np.eye(4) + s * hints.reshape(-1, 4, 4)) @ u
        diagonal = np.maximum(np.einsum("nii->ni", near), 1e-3)
        lam = (k + (diagonal - 1.0) / s).max(axis=1)
        for _ in range(_ROOT_STEPS):
            b = np.maximum(1.0 + s * (lam[:, None] - k), 1e-12)
            e, g = np.linalg.eigh(near / np.sqrt(b[:, :, None] * b[:, None, :]))
            logs = p * np.log(np.maximum(e, _TINY))
            most = logs.max(axis=1, keepdims=True)
            powers = np.exp(logs - most)
            within = (powers[:, None, :] * g**2).sum(axis=2) / b
            total = powers.sum(axis=1)
            lam = lam + (np.log(total) + most[:, 0]) * total / within.sum(axis=1)
        logs = np.log(np.maximum(e, _TINY))
        frame = (u / np.sqrt(b)[:, None, :]) @ g
        scale = np.exp(-(p - 1.0) * logs.max(axis=1))  # R is known up to a multiple
        r = rebuilt(np.exp((p - 1.0) * logs) * scale[:, None], frame)
        size = np.trace(r, axis1=1, axis2=2)
        part = (1.0 - noise) * scale / size
        follows = matrix_slope(frame, _quotients(logs, p - 1.0)).reshape(n, 16, 16)
        # lam follows S, and R follows lam
        turned = np.einsum("nai,na,naj->nij", g, 1.0 / b, g) * np.exp(0.5 * (logs[:, :, None] + logs[:, None, :]))
        shape = frame / np.exp(0.5 * logs)[:, None, :]
        by_lam = -s * (shape @ (_quotients(logs, p) * turned) @ shape.transpose(0, 2, 1)).reshape(n, 16)
        per = (p * rebuilt(np.exp((p - 1.0) * logs), frame)).reshape(n, 16)
        weight = ((np.exp(p * logs)[:, None, :] * g**2).sum(axis=2) / b).sum(axis=1)
        follows = part[:, None, None] * (follows + by_lam[:, :, None] * per[:, None, :] / weight[:, None, None])
        r = (1.0 - noise) * r / size[:, None, None] + 0.25 * noise * np.eye(4)
        return (r, *self._total(r), follows)

    def _total(self, r: Floats) -> tuple[Floats, Floats]:
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

    def _tangent(self, tables: Floats, r: Floats, total: Floats) -> tuple[Floats, Floats, Floats]:
        """The tangent ``K + (M(R) - 1)/s``, the state of which R is the optimum, and what it has for Q."""
        # by powers of R^(1/2) S R^(1/2) here and of S^(1/2) R S^(1/2) below: small numbers are inverted there alone
        e, v = np.linalg.eigh(r)
        half = rebuilt(np.sqrt(np.maximum(e, _TINY)), v)
        t, w = np.linalg.eigh(half @ total @ half)
        t = np.maximum(t, _TINY)
        states = half @ rebuilt(t**self.s, w) @ half
        trace = np.trace(states, axis1=1, axis2=2)
        e, v = np.linalg.eigh(total)
        half = rebuilt(np.sqrt(np.maximum(e, _TINY)), v)
        t, w = np.linalg.eigh(half @ r @ half)
        t = np.maximum(t, _TINY)
        above = (half @ rebuilt(t**-self.s, w) @ half - np.eye(4)) / self.s
        tangents = np.einsum("nij,ijkl->nkl", tables, PRODUCTS) + above
        return tangents, states / trace[:, None, None], t.sum(axis=1) / trace


def _quotients(logs: Floats, power: float) -> Floats:
    """Divided differences of t -> t^power at exponentials of logs (n, k)."""
    first, second = logs[:, :, None], logs[:, None, :]
    near = np.abs(first - second) * max(abs(power), 1.0) < CLOSE
    middle = power * np.exp((power - 1.0) * 0.5 * (first + second))
    gaps = np.where(near, 1.0, np.exp(first) - np.exp(second))
    return np.asarray(np.where(near, middle, (np.exp(power * first) - np.exp(power * second)) / gaps), dtype=np.float64)
