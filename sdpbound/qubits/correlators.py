"""The dual of :mod:`sdpbound.qubits.engine` in closed form, for tests on correlators and a key without flips.

Without marginals K and the key are left as they are by Y x Y (which turns both outcomes of all settings round), so by
convexity states may be taken to commute with it. With M the 2x2 matrix of K in Z, X and ``lc = log cosh``, a pinched
state ``(1 + Z x tanh|g| g/|g|) / 4`` has logarithm ``Z x g`` up to a constant, and ``Tr exp`` of M' = M + (g; 0) is
4 cosh(n_1) cosh(n_2), n its singular values. With the rows z, x of M' and x* = (x_1, -x_0) this is 2 (cosh|z + x*| +
cosh|z - x*|), so that

    G(M) = max_g  log Q(z) - lc(|g|),    Q = (cosh|z + x*| + cosh|z - x*|) / 2,    z = M_0 + g,      (nats)

g in the plane for the key of one party; along B, the first axis, for the key of both. The tangent bound of the
homogeneous f, with kappa the gradient of log Q, kappa_r = tanh(e) along g and kappa_t across it, is

    G <= log Q - lc(e) + log( cosh(|g|-e) + sqrt( sinh(|g|-e)^2 + (cosh(e) |g| kappa_t / sinh|g|)^2 ) ),

with kappa_t absent for the key of both.

*Rounding.* The unit vectors along z + x* and z - x* are rounded: those of an M a few roundings of |M| + |g| away, which
moves G by as much. kappa_r may be close to one, so 1 - kappa_r is summed from terms that are positive and each accurate
to a few roundings of its size: 1 - tanh s = 2 / (e^2s + 1), and 1 - cos = |difference of unit vectors|^2 / 2, where an
error of their length counts to second order only. So e is accurate to a few roundings of |M| + |g|, |g| <= 15, and the
bound, whose derivative by e is at most two, as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.qubits.engine import PAULI, ROUNDINGS, Engine
from sdpbound.qubits.problem import Key

__all__ = ["CorrelatorEngine"]

Floats = NDArray[np.float64]

_LARGEST = 15.0
_YY: Floats = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=np.float64)


def _log_cosh(s: Floats) -> Floats:
    """Of s >= 0."""
    return np.asarray(s + np.log1p(np.expm1(-2.0 * s) / 2.0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CorrelatorEngine(Engine):
    """Correlators only, no flips; the hints are the vectors g (n, 2)."""

    key: Key

    def rounding(self, size: float) -> float:
        return ROUNDINGS * 2.0**-52 * (16.0 + size)

    @property
    def resolution(self) -> float:
        return 1e-12

    def cold(self, tables: Floats) -> Floats:
        g = tables[:, 1, 1:] + 0.0
        if self.key is Key.BOTH:
            g[:, 1] = 0.0
        g[:, 0] += np.where(g[:, 0] < 0.0, -0.1, 0.1)
        return self._capped(g)

    @staticmethod
    def _capped(g: Floats) -> Floats:
        length = np.hypot(g[:, 0], g[:, 1])
        return np.asarray(g * np.minimum(1.0, _LARGEST / np.maximum(length, 1e-300))[:, None], dtype=np.float64)

    def step(self, tables: Floats, hints: Floats, bold: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
        z0, z1 = tables[:, 1, 1] + hints[:, 0], tables[:, 1, 2] + hints[:, 1]
        x0, x1 = tables[:, 2, 2], -tables[:, 2, 1]
        gamma = np.hypot(hints[:, 0], hints[:, 1])
        gamma = np.where(gamma > 1e-9, gamma, 0.0)
        size = np.where(gamma > 0.0, gamma, 1.0)
        u0, u1 = np.where(gamma > 0.0, hints[:, 0] / size, 1.0), np.where(gamma > 0.0, hints[:, 1] / size, 0.0)

        points = [(z0 + x0, z1 + x1), (z0 - x0, z1 - x1)]
        lengths = [np.hypot(*v) for v in points]
        logs = [_log_cosh(v) for v in lengths]
        both = np.logaddexp(logs[0], logs[1])
        # along g (r) and across it (t): the gradient of log Q, 1 - kappa_r, and second moments h of the gradient
        across = rest = h_rest = h_rt = h_tt = np.zeros(len(tables))
        for (v0, v1), length, log in zip(points, lengths, logs, strict=True):
            weight = np.exp(log - both)
            inverse = 1.0 / np.maximum(length, 1e-150)
            v0, v1 = v0 * inverse, v1 * inverse
            decay = np.exp(-2.0 * length)
            tanh = (1.0 - decay) / (1.0 + decay)
            r, t = v0 * u0 + v1 * u1, u0 * v1 - u1 * v0
            across = across + weight * tanh * t
            rest = rest + weight * (2.0 * decay / (1.0 + decay) + 0.5 * tanh * ((v0 - u0) ** 2 + (v1 - u1) ** 2))
            round_ = weight * (1.0 - np.where(length > 1e-4, tanh * inverse, 1.0))
            h_rest = h_rest + round_ * t * t
            h_rt = h_rt + round_ * r * t
            h_tt = h_tt + weight - round_ * r * r
        log_q = both - np.log(2.0) + tables[:, 0, 0]
        value = log_q - _log_cosh(gamma)

        rest = np.maximum(rest, 1e-14)
        e = 0.5 * np.log((2.0 - rest) / rest)
        along = 1.0 - rest
        distance = np.minimum(np.abs(gamma - e), 300.0)
        spread = rest * (2.0 - rest)  # 1 - kappa_r^2
        turn = np.zeros(len(tables))
        if self.key is Key.BOTH:  # g = +-gamma along the axis
            upper = log_q - _log_cosh(np.abs(e)) + distance
            slope = h_rest / spread
            usable = slope > 1e-30
            stretch = (e - gamma) / np.where(usable, slope, 1.0)
        else:
            ratio = np.where(gamma > 1e-4, gamma / np.sinh(np.maximum(gamma, 1e-4)), 1.0)
            side = np.cosh(e) * ratio * across
            upper = log_q - _log_cosh(np.abs(e)) + np.log(np.cosh(distance) + np.hypot(np.sinh(distance), side))
            # Newton's method for e = gamma, kappa_t = 0, in gamma and the angle of g, well scaled for large gamma too
            j00, j01 = h_rest / spread, -(gamma * (h_rt - along * across) + across) / spread
            j10, j11 = -(h_rt - along * across), along - gamma * (h_tt - across * across)
            determinant = j00 * j11 - j01 * j10
            usable = (j11 > 0.0) & (determinant > 0.0) & (gamma > 0.0)
            determinant = np.where(usable, determinant, 1.0)
            stretch = ((e - gamma) * j11 - across * j01) / determinant
            turn = (across * j00 - (e - gamma) * j10) / determinant
            usable &= np.abs(turn) < 0.5
        usable &= bold & (stretch > -0.5 * gamma)
        # elsewhere the pinched state of the present optimum, which never is a worse point
        angle = np.where(usable, turn, 0.0 if self.key is Key.BOTH else np.arctan2(across, along))
        length = np.hypot(along, across)
        fixed = e if self.key is Key.BOTH else np.arctanh(np.minimum(length, 1.0 - 1e-14))
        length = np.clip(np.where(usable, gamma + np.minimum(stretch, 4.0), fixed), -_LARGEST, _LARGEST)
        c, s = np.cos(angle), np.sin(angle)
        return value, upper, np.stack([length * (u0 * c - u1 * s), length * (u1 * c + u0 * s)], axis=1)

    def states(self, tables: Floats, hints: Floats) -> Floats:
        z = tables[:, 1, 1:] + hints
        x = np.stack([tables[:, 2, 2], -tables[:, 2, 1]], axis=1)
        parts, logs = [], []
        for v in (z + x, z - x):
            length = np.hypot(v[:, 0], v[:, 1])
            logs.append(_log_cosh(length))
            parts.append(v * np.where(length > 1e-8, np.tanh(length) / np.maximum(length, 1e-8), 1.0)[:, None])
        both = np.logaddexp(*logs)
        first, last = (np.exp(log - both)[:, None] * part for log, part in zip(logs, parts, strict=True))
        along, across = first + last, first - last
        t = np.stack([along, np.stack([-across[:, 1], across[:, 0]], axis=1)], axis=1)
        determinant = t[:, 0, 0] * t[:, 1, 1] - t[:, 0, 1] * t[:, 1, 0]
        return np.asarray(
            0.25 * (np.eye(4) + np.einsum("nij,ijkl->nkl", t, PAULI[1:, 1:]) - determinant[:, None, None] * _YY),
            dtype=np.float64,
        )
