"""What floats choose for a proof by qubits: points of the dual, and cells to divide. Nothing here proves anything.

NumPy works on many tables of K at once. The proof is in balls, in :mod:`sdpbound.checker.qubit_states` and
:mod:`sdpbound.checker.qubit_correlators`; wrong floats can only make it fail. The method is that of
:mod:`sdpbound.checker.qubit`, in whose words this is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLOSE",
    "PRODUCTS",
    "CorrelatorFloats",
    "DualFloats",
    "Floats",
    "StateFloats",
    "frames",
    "matrix_slope",
    "newton_moves",
    "rebuilt",
    "solved",
]

Floats = NDArray[np.float64]

_SINGLE = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])
PRODUCTS: Floats = np.einsum("iab,jcd->ijacbd", _SINGLE, _SINGLE).reshape(3, 3, 4, 4)
#: Longest vector g, and longest step of an entry of a guess.
_LARGEST, _LONGEST = 15.0, 8.0
CLOSE = 1e-5
_BOTH_SIGNS = np.array([[1.0], [-1.0]])
_LOG_4 = 2.0 * float(np.log(2.0))


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
    """Values below G(K), and what hints prove, for many K; a hint is a row of floats.

    Attributes
    ----------
    fresh_starts : where so many steps have led nowhere, multiples of K that are better hints
    """

    fresh_starts: Mapping[int, float] = MappingProxyType({})

    def fresh(self, tables: Floats, step: int) -> Floats:
        """The hints of a fresh start after ``step`` steps, in rows."""
        found = np.einsum("nij,ijkl->nkl", tables, PRODUCTS).reshape(len(tables), 16)
        return np.asarray(self.fresh_starts[step] * found, dtype=np.float64)

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

    def _points(self, tables: Floats, hints: Floats) -> tuple[Floats, Any, Floats, Floats, Floats, Floats]:
        """log Q, and of both points z' + x* and z' - x* (2, n) unit vector, length, weight, tanh and 1 - tanh.

        Vectors in the plane are complex numbers here.
        """
        x = tables[:, 2, 2] - 1j * tables[:, 2, 1]
        points = (tables[:, 1, 1] + hints[:, 0] + 1j * (tables[:, 1, 2] + hints[:, 1])) + _BOTH_SIGNS * x
        lengths = np.abs(points)
        units = points / np.maximum(lengths, 1e-300)
        decay = np.exp(-2.0 * lengths)
        sums = 1.0 + decay
        logs = lengths + np.log(sums)  # of twice the hyperbolic cosine
        both = np.logaddexp(logs[0], logs[1])
        return (
            both - _LOG_4 + tables[:, 0, 0],
            units,
            lengths,
            np.exp(logs - both),
            (1.0 - decay) / sums,
            2.0 * decay / sums,
        )

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        log_q, v, lengths, p, t, d = self._points(tables, hints)
        g = hints[:, 0] + 1j * hints[:, 1]
        gamma = np.abs(g)
        u = np.where(gamma > 0.0, g / np.maximum(gamma, 1e-300), 1.0)
        pt = p * t
        k = (pt * v).sum(axis=0)
        if self.both:
            k = k.real + 0j
        size = np.abs(k)
        w = np.where(size > 0.0, k / np.maximum(size, 1e-300), 1.0)
        rest = np.maximum((p * d + 0.5 * pt * np.abs(v - w) ** 2).sum(axis=0), 1e-14)
        e = np.minimum(0.5 * np.log((2.0 - rest) / rest), _LARGEST)
        better = e * w
        value = log_q - _log_cosh(gamma)
        upper = log_q - _log_cosh(e) + np.abs(better - g)
        # Newton's method for artanh(k_r) = |g|, k_t = 0, along (r) and across (t) g
        turned = v * u.conj()
        r, s = turned.real, turned.imag
        curved = p * (1.0 - np.where(lengths > 1e-4, t / np.maximum(lengths, 1e-4), 1.0))
        rest = np.minimum(rest + 0.5 * size * np.abs(w - u) ** 2, 2.0 - 1e-14)
        along, across = 1.0 - rest, (k * u.conj()).imag
        far, spread = 0.5 * np.log((2.0 - rest) / rest) - gamma, rest * (2.0 - rest)
        j00 = (curved * s * s).sum(axis=0) / spread
        if self.both:
            good, turn = j00 > 1e-30, None
            stretch = far / np.where(good, j00, 1.0)
        else:
            twist = along * across - (curved * r * s).sum(axis=0)
            j01 = (gamma * twist - across) / spread
            j11 = along - gamma * ((p - curved * r * r).sum(axis=0) - across * across)
            determinant = j00 * j11 - j01 * twist
            good = (j11 > 0.0) & (determinant > 1e-30) & (gamma > 0.0)
            determinant = np.where(good, determinant, 1.0)
            stretch, turn = (far * j11 - across * j01) / determinant, (across * j00 - far * twist) / determinant
            good &= np.abs(turn) < 0.5
        good &= stretch > -0.5 * gamma
        uphill = far * spread * stretch
        good &= (uphill if turn is None else uphill + gamma * across * turn) > 0.0
        cut = 4.0 / np.maximum(stretch, 4.0)
        newton = np.minimum(gamma + cut * stretch, _LARGEST) * u
        if turn is not None:
            newton = newton * np.exp(1j * (cut * turn))
        move = np.where(good, newton, better) - g
        return value, upper, np.stack([move.real, move.imag], axis=1)

    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        _, v, _, p, t, _ = self._points(tables, hints)
        along, across = (p * t * v).sum(axis=0), (p * t * v * _BOTH_SIGNS).sum(axis=0)
        out = np.zeros((len(tables), 3, 3))
        out[:, 0, 0] = 1.0
        out[:, 1, 1], out[:, 1, 2], out[:, 2, 2], out[:, 2, 1] = along.real, along.imag, across.real, -across.imag
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
        operators = np.einsum("nij,ijkl->nkl", tables, PRODUCTS)
        e, v = np.linalg.eigh(operators + hints.reshape(-1, 4, 4))
        powers = np.exp(e - e[:, -1:])
        powers /= powers.sum(axis=1, keepdims=True)
        return (1.0 - noise) * powers + 0.25 * noise, v, powers

    def step(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
        n = len(tables)
        weights, v, powers = self.point(tables, hints, noise)
        states = rebuilt(weights, v)
        pinched, slope = np.zeros((n, 4, 4)), np.zeros((n, 4, 4, 4, 4))
        for support, root in self.roots:
            mask = np.outer(root, root)
            e, u = np.linalg.eigh(states[:, support[:, None], support] * mask)
            e = np.maximum(e, 1e-300)
            pinched[:, support[:, None], support] += mask * rebuilt(np.log(e), u)
            near = np.abs(e[:, :, None] - e[:, None, :]) < CLOSE * e[:, None, :]
            gaps = np.where(near, 1.0, e[:, :, None] - e[:, None, :])
            quotients = np.where(
                near, 2.0 / (e[:, :, None] + e[:, None, :]), np.log(e[:, :, None] / e[:, None, :]) / gaps
            )
            part = matrix_slope(u, quotients) * (mask[:, :, None, None] * mask)
            slope[np.ix_(np.arange(n), support, support, support, support)] += part
        operators = np.einsum("nij,ijkl->nkl", tables, PRODUCTS)
        tangents = operators + pinched - rebuilt(np.log(weights), v)
        values, uppers = (states * tangents).sum(axis=(1, 2)), np.linalg.eigvalsh(tangents)[:, -1]
        moves = newton_moves(pinched, slope.reshape(n, 16, 16), hints, (powers, v), noise)
        return values, uppers, moves

    def choices(self, tables: Floats, hints: Floats, noise: float) -> tuple[Floats, list[Floats], Floats]:
        """log r; eigenvectors of each N_i r N_i; those of ``K + sum_i N_i log(N_i r N_i) N_i - log r``."""
        weights, v, _ = self.point(tables, hints, noise)
        states, logs = rebuilt(weights, v), rebuilt(np.log(weights), v)
        logs = 0.5 * (logs + logs.transpose(0, 2, 1))
        total = np.einsum("nij,ijkl->nkl", tables, PRODUCTS) - logs
        blocks = []
        for support, root in self.roots:
            mask = np.outer(root, root)
            e, u = np.linalg.eigh(states[:, support[:, None], support] * mask)
            total[:, support[:, None], support] += mask * rebuilt(np.log(np.maximum(e, 1e-300)), u)
            blocks.append(u)
        return logs, blocks, np.linalg.eigh(total)[1]

    def moments(self, tables: Floats, hints: Floats, noise: float) -> Floats:
        weights, v, _ = self.point(tables, hints, noise)
        return np.asarray(np.einsum("nkl,ijkl->nij", rebuilt(weights, v), PRODUCTS), dtype=np.float64)

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        c, s = np.cos(0.5 * angles), np.sin(0.5 * angles)
        mirror = np.stack([np.stack([c, s], axis=1), np.stack([s, -c], axis=1)], axis=1)
        halves = hints.reshape(-1, 2, 2, 2, 2)
        found = np.einsum("nbs,nasct,ntd->nabcd", mirror, halves, mirror, optimize=True).reshape(-1, 16)
        return np.asarray(found, dtype=np.float64)


def newton_moves(pinched: Floats, slope: Floats, hints: Floats, state: tuple[Floats, Floats], noise: float) -> Floats:
    """Steps (n, 16) of Newton's method for pinched = hint but for a multiple of 1, as the state r follows K + hint.

    ``pinched`` (n, 4, 4) changes by ``slope`` (n, 16, 16) times the change of r. ``state``: the eigenvalues of r
    without its noise, and its eigenvectors.
    """
    powers, v = state
    n = len(powers)
    logs = np.log(np.maximum(powers, 1e-300))
    gaps = logs[:, :, None] - logs[:, None, :]
    near = np.abs(gaps) < CLOSE
    quotients = np.where(
        near,
        np.exp(0.5 * (logs[:, :, None] + logs[:, None, :])),
        (powers[:, :, None] - powers[:, None, :]) / np.where(near, 1.0, gaps),
    )
    pure = rebuilt(powers, v).reshape(n, 16)
    follows = matrix_slope(v, quotients).reshape(n, 16, 16) - pure[:, :, None] * pure[:, None, :]
    jacobian = np.eye(16) - (1.0 - noise) * slope @ follows
    miss = (pinched.reshape(n, 16) - hints)[:, :, None]
    moves = solved(jacobian, miss).reshape(n, 4, 4)
    moves = np.nan_to_num(0.5 * (moves + moves.transpose(0, 2, 1)))
    moves = moves - 0.25 * np.trace(moves, axis1=1, axis2=2)[:, None, None] * np.eye(4)
    moves /= np.maximum(1.0, np.abs(moves).max(axis=(1, 2)) / _LONGEST)[:, None, None]
    return np.asarray(moves.reshape(n, 16), dtype=np.float64)


def solved(matrices: Floats, right: Floats) -> Floats:
    """The solutions (n, k, 1) of many equations; for a singular matrix the right side itself."""
    try:
        return np.asarray(np.linalg.solve(matrices, right), dtype=np.float64)
    except np.linalg.LinAlgError:  # one of many is singular: the others have solutions
        if len(matrices) == 1:
            return right
        half = len(matrices) // 2
        return np.concatenate([solved(matrices[:half], right[:half]), solved(matrices[half:], right[half:])])


def _log_cosh(s: Floats) -> Floats:
    return np.asarray(s + np.log1p(np.expm1(-2.0 * s) / 2.0), dtype=np.float64)


def rebuilt(e: Floats, v: Floats) -> Floats:
    """Symmetric matrices of their eigenvalues and vectors."""
    return np.asarray((v * e[:, None, :]) @ v.transpose(0, 2, 1), dtype=np.float64)


def matrix_slope(v: Floats, quotients: Floats) -> Any:
    """(n, k, k, k, k): the derivative of a function of matrices, from its divided differences."""
    n, k, _ = v.shape
    turn = np.einsum("nia,njb->nijab", v, v).reshape(n, k * k, k * k)
    return ((turn * quotients.reshape(n, 1, k * k)) @ turn.transpose(0, 2, 1)).reshape(n, k, k, k, k)
