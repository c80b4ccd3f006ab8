"""What floats choose for a proof by qubits: points of the dual, and cells to divide. Nothing here proves anything.

NumPy works on many tables of K at once. The proof is in balls, in :mod:`sdpbound.checker.qubit_states` and
:mod:`sdpbound.checker.qubit_correlators`; wrong floats can only make it fail. The method is that of
:mod:`sdpbound.checker.qubit`, in whose words this is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CorrelatorFloats", "DualFloats", "Floats", "StateFloats", "frames"]

Floats = NDArray[np.float64]

_SINGLE = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])
_PRODUCTS: Floats = np.einsum("iab,jcd->ijacbd", _SINGLE, _SINGLE).reshape(3, 3, 4, 4)
#: Longest vector g, and longest step of an entry of a guess.
_LARGEST, _LONGEST = 15.0, 8.0
_CLOSE = 1e-5


def frames(angles: Any, drawn: NDArray[np.bool_], half: Any, turned: NDArray[np.bool_] | None = None) -> Floats:
    """(n, 3, 3): the rows 1, observable, other observable in 1, Z, X, the angle's one first drawn out where asked.

    Where turned, the second observable is Z and the first one has the angle.
    """
    out = np.zeros((len(angles), 3, 3))
    radius = np.where(drawn, 1.0 / np.cos(np.where(drawn, half, 0.0)), 1.0)
    out[:, 0, 0] = out[:, 1, 1] = 1.0
    out[:, 2, 1], out[:, 2, 2] = radius * np.cos(angles), radius * np.sin(angles)
    if turned is not None:
        out[turned] = out[turned][:, [0, 2, 1]]
    return out


class DualFloats(ABC):
    """Values below G(K), and what hints prove, for many K; a hint is a row of floats."""

    @abstractmethod
    def cold(self, tables: Floats) -> Floats:
        """Hints to begin with, for tables (n, 3, 3) of K in 1, Z, X."""

    @abstractmethod
    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        """Values (n,) below G, upper bounds (n,), and moves of the hints; the value rises at first on the way."""

    @abstractmethod
    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        """(n, 3, 3) expectations of the products of 1, Z, X at the optimum."""

    @abstractmethod
    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        """The hints where Bob's Z and ``cos(angle) Z + sin(angle) X`` have changed places."""


class CorrelatorFloats(DualFloats):
    """Tests without marginals, nothing flipped; hints are the vectors g."""

    def __init__(self, both: bool) -> None:
        self.both = both

    def cold(self, tables: Floats) -> Floats:
        z = tables[:, 1, 1:]
        first = z[:, 0] + np.where(z[:, 0] < 0.0, -0.1, 0.1)
        return np.stack([first, np.zeros(len(z)) if self.both else z[:, 1]], axis=1)

    def _parts(self, tables: Floats, hints: Floats) -> tuple[Floats, list[tuple[Floats, Floats, Floats, Floats]]]:
        """log Q, and of each of the points z' + x* and z' - x* its weight, tanh, 1 - tanh and unit vector."""
        z = tables[:, 1, 1:] + hints
        x = np.stack([tables[:, 2, 2], -tables[:, 2, 1]], axis=1)
        lengths, units, logs = [], [], []
        for v in (z + x, z - x):
            length = np.hypot(v[:, 0], v[:, 1])
            lengths.append(length)
            units.append(v / np.maximum(length, 1e-300)[:, None])
            logs.append(_log_cosh(length))
        both = np.logaddexp(*logs)
        parts = []
        for length, unit, log in zip(lengths, units, logs, strict=True):
            decay = np.exp(-2.0 * length)
            parts.append((np.exp(log - both), (1.0 - decay) / (1.0 + decay), 2.0 * decay / (1.0 + decay), unit))
        return both - np.log(2.0) + tables[:, 0, 0], parts

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        log_q, parts = self._parts(tables, hints)
        gamma = np.hypot(hints[:, 0], hints[:, 1])
        u = np.where(gamma[:, None] > 0.0, hints / np.maximum(gamma, 1e-300)[:, None], [1.0, 0.0])
        k: Floats = np.asarray(sum((p * t)[:, None] * v for p, t, _, v in parts), dtype=np.float64)
        if self.both:
            k[:, 1] = 0.0
        size = np.hypot(k[:, 0], k[:, 1])
        w = np.where(size[:, None] > 0.0, k / np.maximum(size, 1e-300)[:, None], [1.0, 0.0])
        rest = np.asarray(sum(p * (d + 0.5 * t * ((v - w) ** 2).sum(axis=1)) for p, t, d, v in parts))
        rest = np.maximum(rest, 1e-14)
        e = np.minimum(0.5 * np.log((2.0 - rest) / rest), _LARGEST)
        value = log_q - _log_cosh(gamma)
        upper = log_q - _log_cosh(e) + np.hypot(*(e[:, None] * w - hints).T)
        better = e[:, None] * w
        # Newton's method for artanh(k_r) = |g|, k_t = 0, along (r) and across (t) g
        h_rest = h_rt = h_tt = np.zeros(len(tables))
        z = tables[:, 1, 1:] + hints
        x = np.stack([tables[:, 2, 2], -tables[:, 2, 1]], axis=1)
        for (p, t, _, v), point in zip(parts, (z + x, z - x), strict=True):
            length = np.hypot(point[:, 0], point[:, 1])
            flat = np.where(length > 1e-4, t / np.maximum(length, 1e-4), 1.0)
            r, s = (v * u).sum(axis=1), u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
            curved = p * (1.0 - flat)
            h_rest, h_rt, h_tt = h_rest + curved * s * s, h_rt + curved * r * s, h_tt + p - curved * r * r
        rest = np.minimum(rest + 0.5 * size * ((w - u) ** 2).sum(axis=1), 2.0 - 1e-14)
        along, across = 1.0 - rest, u[:, 0] * k[:, 1] - u[:, 1] * k[:, 0]
        far, spread = 0.5 * np.log((2.0 - rest) / rest) - gamma, rest * (2.0 - rest)
        j00, j01, j10, j11 = h_rest / spread, np.zeros_like(gamma), np.zeros_like(gamma), np.ones_like(gamma)
        if not self.both:
            j01 = -(gamma * (h_rt - along * across) + across) / spread
            j10, j11 = along * across - h_rt, along - gamma * (h_tt - across * across)
        determinant = j00 * j11 - j01 * j10
        good = (j11 > 0.0) & (determinant > 1e-30) & ((gamma > 0.0) | self.both)
        determinant = np.where(good, determinant, 1.0)
        stretch = (far * j11 - across * j01) / determinant
        turn = np.zeros_like(gamma) if self.both else (across * j00 - far * j10) / determinant
        good &= (np.abs(turn) < 0.5) & (stretch > -0.5 * gamma)
        good &= far * spread * stretch + gamma * across * turn > 0.0
        cut = 4.0 / np.maximum(stretch, 4.0)
        length, turn = np.minimum(gamma + cut * stretch, _LARGEST), cut * turn
        c, s = length * np.cos(turn), length * np.sin(turn)
        newton = np.stack([c * u[:, 0] - s * u[:, 1], c * u[:, 1] + s * u[:, 0]], axis=1)
        return value, upper, np.where(good[:, None], newton, better) - hints

    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        (p, s, _, v), (q, t, _, w) = self._parts(tables, hints)[1]
        along, across = (p * s)[:, None] * v + (q * t)[:, None] * w, (p * s)[:, None] * v - (q * t)[:, None] * w
        out = np.zeros((len(tables), 3, 3))
        out[:, 0, 0] = 1.0
        out[:, 1, 1:], out[:, 2, 2], out[:, 2, 1] = along, across[:, 0], -across[:, 1]
        return out

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        c, s = np.cos(angles), np.sin(angles)
        return np.stack([c * hints[:, 0] + s * hints[:, 1], s * hints[:, 0] - c * hints[:, 1]], axis=1)


class StateFloats(DualFloats):
    """Any tests; hints are guesses of sum_i N_i log(N_i r N_i) N_i, the sixteen entries in a row."""

    def __init__(self, roots: Sequence[tuple[Sequence[int], Sequence[float]]]) -> None:
        self.roots = [(np.array(support), np.array(diagonal)) for support, diagonal in roots]

    def cold(self, tables: Floats) -> Floats:
        return np.zeros((len(tables), 16))

    def point(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        """Eigenvalues (n, 4) and vectors (n, 4, 4) of r, and the eigenvalues without the noise in it."""
        operators = np.einsum("nij,ijkl->nkl", tables, _PRODUCTS)
        e, v = np.linalg.eigh(operators + hints.reshape(-1, 4, 4))
        powers = np.exp(e - e[:, -1:])
        powers /= powers.sum(axis=1, keepdims=True)
        return (1.0 - noise) * powers + 0.25 * noise, v, powers

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        n = len(tables)
        weights, v, powers = self.point(tables, hints, noise)
        states = _rebuilt(weights, v)
        pinched, slope = np.zeros((n, 4, 4)), np.zeros((n, 4, 4, 4, 4))
        for support, root in self.roots:
            mask = np.outer(root, root)
            e, u = np.linalg.eigh(states[:, support[:, None], support] * mask)
            e = np.maximum(e, 1e-300)
            pinched[:, support[:, None], support] += mask * _rebuilt(np.log(e), u)
            near = np.abs(e[:, :, None] - e[:, None, :]) < _CLOSE * e[:, None, :]
            gaps = np.where(near, 1.0, e[:, :, None] - e[:, None, :])
            quotients = np.where(
                near, 2.0 / (e[:, :, None] + e[:, None, :]), np.log(e[:, :, None] / e[:, None, :]) / gaps
            )
            part = _slope(u, quotients) * (mask[:, :, None, None] * mask)
            slope[np.ix_(np.arange(n), support, support, support, support)] += part
        operators = np.einsum("nij,ijkl->nkl", tables, _PRODUCTS)
        tangents = operators + pinched - _rebuilt(np.log(weights), v)
        values, uppers = (states * tangents).sum(axis=(1, 2)), np.linalg.eigvalsh(tangents)[:, -1]
        # Newton's method for pinched = hint but for a multiple of 1: the state r follows K + hint
        logs = np.log(np.maximum(powers, 1e-300))
        gaps = logs[:, :, None] - logs[:, None, :]
        near = np.abs(gaps) < _CLOSE
        quotients = np.where(
            near,
            np.exp(0.5 * (logs[:, :, None] + logs[:, None, :])),
            (powers[:, :, None] - powers[:, None, :]) / np.where(near, 1.0, gaps),
        )
        pure = _rebuilt(powers, v).reshape(n, 16)
        follows = _slope(v, quotients).reshape(n, 16, 16) - pure[:, :, None] * pure[:, None, :]
        jacobian = np.eye(16) - (1.0 - noise) * slope.reshape(n, 16, 16) @ follows
        miss = (pinched.reshape(n, 16) - hints)[:, :, None]
        try:
            moves = np.linalg.solve(jacobian, miss)[:, :, 0].reshape(n, 4, 4)
        except np.linalg.LinAlgError:
            moves = miss[:, :, 0].reshape(n, 4, 4)
        moves = np.nan_to_num(0.5 * (moves + moves.transpose(0, 2, 1)))
        moves = moves - 0.25 * np.trace(moves, axis1=1, axis2=2)[:, None, None] * np.eye(4)
        moves /= np.maximum(1.0, np.abs(moves).max(axis=(1, 2)) / _LONGEST)[:, None, None]
        return values, uppers, moves.reshape(n, 16)

    def choices(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, list[Floats], Floats]:
        """log r; eigenvectors of each N_i r N_i; those of ``K + sum_i N_i log(N_i r N_i) N_i - log r``."""
        weights, v, _ = self.point(tables, hints, noise)
        states, logs = _rebuilt(weights, v), _rebuilt(np.log(weights), v)
        logs = 0.5 * (logs + logs.transpose(0, 2, 1))
        total = np.einsum("nij,ijkl->nkl", tables, _PRODUCTS) - logs
        blocks = []
        for support, root in self.roots:
            mask = np.outer(root, root)
            e, u = np.linalg.eigh(states[:, support[:, None], support] * mask)
            total[:, support[:, None], support] += mask * _rebuilt(np.log(np.maximum(e, 1e-300)), u)
            blocks.append(u)
        return logs, blocks, np.linalg.eigh(total)[1]

    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        weights, v, _ = self.point(tables, hints, noise)
        return np.asarray(np.einsum("nkl,ijkl->nij", _rebuilt(weights, v), _PRODUCTS), dtype=np.float64)

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        c, s = np.cos(0.5 * angles), np.sin(0.5 * angles)
        mirror = np.stack([np.stack([c, s], axis=1), np.stack([s, -c], axis=1)], axis=1)
        halves = hints.reshape(-1, 2, 2, 2, 2)
        found = np.einsum("nbs,nasct,ntd->nabcd", mirror, halves, mirror, optimize=True).reshape(-1, 16)
        return np.asarray(found, dtype=np.float64)


def _log_cosh(s: Floats) -> Floats:
    return np.asarray(s + np.log1p(np.expm1(-2.0 * s) / 2.0), dtype=np.float64)


def _rebuilt(e: Floats, v: Floats) -> Floats:
    """Symmetric matrices of their eigenvalues and vectors."""
    return np.asarray((v * e[:, None, :]) @ v.transpose(0, 2, 1), dtype=np.float64)


def _slope(v: Floats, quotients: Floats) -> Any:
    """(n, k, k, k, k): the derivative of a function of matrices, from its divided differences."""
    n, k, _ = v.shape
    turn = np.einsum("nia,njb->nijab", v, v).reshape(n, k * k, k * k)
    return ((turn * quotients.reshape(n, 1, k * k)) @ turn.transpose(0, 2, 1)).reshape(n, k, k, k, k)
