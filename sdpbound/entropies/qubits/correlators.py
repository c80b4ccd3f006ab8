"""The dual of :mod:`sdpbound.entropies.qubits.engine` in closed form, for tests on correlators and a key without flips.

**Closed form.** Without marginals, Y x Y (which flips both outcomes of all settings) leaves K and the key unchanged. By
convexity, states may then be taken to commute with Y x Y. Let M be the 2x2 matrix of K in Z, X, and
``lc = log cosh``. A pinched state ``(1 + Z x tanh|g| g/|g|) / 4`` has the logarithm ``Z x g - log(4 cosh|g|)``. Put
M' = M + (g; 0), with rows z and x and singular values n_1 and n_2. ``Tr exp`` of M' is 4 cosh(n_1) cosh(n_2). With
x* = (x_1, -x_0) this equals 4 Q = 2 (cosh|z + x*| + cosh|z - x*|). So

    G(M) = max_g  log Q(z) - lc(|g|),        z = M_0 + g,      (nats)

For the key of one party g is any vector in the plane. For the key of both parties g is along B, the first axis. The
gradient of log Q has a length k. The pinched state r = exp(M') / 4Q has, in the place of g, the vector g' along this
gradient with |g'| = artanh(k). So K + L(r) - log r is Z x (g' - g) + log Q - lc(|g'|), and the tangent bound is

    G(M) <= log Q - lc(|g'|) + |g' - g|    for any g.

**Rounding.** The unit vectors along z + x* and z - x* are rounded. They are exact for an M that is a few roundings of
|M| + |g| away, and G changes by as much. k may be close to one, so 1 - k is summed from positive terms, each accurate
to a few roundings of its size: 1 - tanh s = 2 / (e^2s + 1), and 1 - cos = |difference of unit vectors|^2 / 2. In the
second term an error of the length of the unit vectors counts only to second order. So |g'| is accurate to a few
roundings of |M| + |g|, with |g| <= 15. The bound changes by at most twice a change of g', so its error is of this size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.engine import PAULI, ROUNDINGS, Engine
from sdpbound.entropies.qubits.problem import Key

__all__ = ["CorrelatorEngine"]

_LARGEST = 15.0
_YY: Floats = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=np.float64)


def _log_cosh(s: Floats) -> Floats:
    """log cosh s for s >= 0, without overflow."""
    return np.asarray(s + np.log1p(np.expm1(-2.0 * s) / 2.0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CorrelatorEngine(Engine):
    """The engine for tests of correlators only and a key without flips; the hints are the vectors g (n, 2)."""

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

    def step(self, tables: Floats, hints: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        z0, z1 = tables[:, 1, 1] + hints[:, 0], tables[:, 1, 2] + hints[:, 1]
        x0, x1 = tables[:, 2, 2], -tables[:, 2, 1]
        gamma = np.hypot(hints[:, 0], hints[:, 1])
        gamma = np.where(gamma > 1e-9, gamma, 0.0)
        size = np.where(gamma > 0.0, gamma, 1.0)
        u0, u1 = np.where(gamma > 0.0, hints[:, 0] / size, 1.0), np.where(gamma > 0.0, hints[:, 1] / size, 0.0)

        points = [(z0 + x0, z1 + x1), (z0 - x0, z1 - x1)]
        lengths = [np.hypot(*v) for v in points]
        logs = [_log_cosh(s) for s in lengths]
        both = np.logaddexp(logs[0], logs[1])
        weights = [np.exp(log - both) for log in logs]
        inverses = [1.0 / np.maximum(s, 1e-150) for s in lengths]
        units = [(v0 * i, v1 * i) for (v0, v1), i in zip(points, inverses, strict=True)]
        decays = [np.exp(-2.0 * s) for s in lengths]
        tanhs = [(1.0 - d) / (1.0 + d) for d in decays]

        # the gradient k of log Q: direction w, 1 - |k|, and length e of g'
        k0, k1 = (np.asarray(sum(p * t * v[i] for p, t, v in zip(weights, tanhs, units, strict=True))) for i in (0, 1))
        if self.key is Key.BOTH:
            k1 = np.zeros(len(tables))
        k = np.hypot(k0, k1)
        w0, w1 = np.where(k > 0.0, k0 / np.maximum(k, 1e-300), 1.0), k1 / np.maximum(k, 1e-300)
        rest = 1e-14 + sum(
            p * (2.0 * d / (1.0 + d) + 0.5 * t * ((v0 - w0) ** 2 + (v1 - w1) ** 2))
            for p, d, t, (v0, v1) in zip(weights, decays, tanhs, units, strict=True)
        )
        e = 0.5 * np.log((2.0 - rest) / rest)
        log_q = both - np.log(2.0) + tables[:, 0, 0]
        value = log_q - _log_cosh(gamma)
        upper = log_q - _log_cosh(np.abs(e)) + np.hypot(e * w0 - gamma * u0, e * w1 - gamma * u1)

        curvatures = [
            p * (1.0 - np.where(i < 1e4, t * i, 1.0)) for p, t, i in zip(weights, tanhs, inverses, strict=True)
        ]
        rest = np.minimum(rest + 0.5 * k * ((w0 - u0) ** 2 + (w1 - u1) ** 2), 2.0 - 1e-14)
        moved = self._moved(gamma, (u0, u1), (k0, k1), rest, list(zip(weights, curvatures, units, strict=True)))
        usable, length, v0, v1 = moved
        # where the Newton step is not usable, take g', which is never a worse point
        length = np.minimum(np.where(usable, length, e), _LARGEST)
        w0, w1 = np.where(usable, v0, w0), np.where(usable, v1, w1)
        return value, upper, value, np.stack([length * w0, length * w1], axis=1)

    def _moved(
        self,
        gamma: Floats,
        direction: tuple[Floats, Floats],
        gradient: tuple[Floats, Floats],
        rest: Floats,
        points: list[tuple[Floats, Floats, tuple[Floats, Floats]]],
    ) -> tuple[NDArray[np.bool_], Floats, Floats, Floats]:
        """Take a Newton step for artanh(k_r) = |g| and k_t = 0; the unknowns are |g| and the angle of g.

        k_r and k_t are the parts of k along and across g. |g| and the angle stay well scaled where |g| is large.
        Returned are, for each g, whether the new point is usable, its length, and the components of its direction.

        Parameters
        ----------
        gamma, direction : (n,) length of g, and components of the unit vector along g
        gradient, rest : components of the gradient k of log Q, and 1 - k_r
        points : weight, curvature and unit vector of each of z + x* and z - x*
        """
        (u0, u1), (k0, k1) = direction, gradient
        h_rest = h_rt = h_tt = np.zeros(len(gamma))
        for p, curved, (v0, v1) in points:
            r, s = v0 * u0 + v1 * u1, u0 * v1 - u1 * v0
            h_rest, h_rt, h_tt = h_rest + curved * s * s, h_rt + curved * r * s, h_tt + p - curved * r * r
        along, across = 1.0 - rest, u0 * k1 - u1 * k0
        far = 0.5 * np.log((2.0 - rest) / rest) - gamma
        spread = rest * (2.0 - rest)  # 1 - k_r^2
        j00, turn = h_rest / spread, np.zeros(len(gamma))
        if self.key is Key.BOTH:
            usable = j00 > 1e-30
            stretch = far / np.where(usable, j00, 1.0)
        else:
            j01 = -(gamma * (h_rt - along * across) + across) / spread
            j10, j11 = along * across - h_rt, along - gamma * (h_tt - across * across)
            determinant = j00 * j11 - j01 * j10
            usable = (j11 > 0.0) & (determinant > 1e-30) & (gamma > 0.0)
            determinant = np.where(usable, determinant, 1.0)
            stretch = (far * j11 - across * j01) / determinant
            turn = (across * j00 - far * j10) / determinant
            usable &= np.abs(turn) < 0.5
        cut = 4.0 / np.maximum(stretch, 4.0)
        stretch, turn = cut * stretch, cut * turn
        usable &= (stretch > -0.5 * gamma) & (far * spread * stretch + gamma * across * turn > 0.0)  # and uphill
        c, s = np.cos(turn), np.sin(turn)
        return usable, gamma + stretch, u0 * c - u1 * s, u1 * c + u0 * s

    @property
    def free_bob(self) -> bool:
        return self.key is not Key.BOTH

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        c, s = np.cos(angles), np.sin(angles)
        return np.stack([c * hints[:, 0] + s * hints[:, 1], s * hints[:, 0] - c * hints[:, 1]], axis=1)

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
