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

with kappa_t absent for the key of both. *Rounding.* kappa_r may be close to one, so 1 - kappa_r is summed from terms
that are all positive and accurate: 1 - tanh s = 2 / (e^2s + 1) and 1 - cos = |difference of unit vectors|^2 / 2. With
|g| <= 15 and |M| <= 1e3 each of the terms above is then off by less than 1e3 roundings of its size, 1e-12 in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.qubits.engine import PAULI, Engine
from sdpbound.qubits.problem import Key

__all__ = ["CorrelatorEngine"]

Floats = NDArray[np.float64]

_LARGEST = 15.0
_YY: Floats = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=np.float64)
#: Below this gap Newton's method is trusted.
_CLOSE = 0.3


def _log_cosh(s: Floats) -> Floats:
    """Of s >= 0."""
    return np.asarray(s + np.log1p(np.expm1(-2.0 * s) / 2.0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CorrelatorEngine(Engine):
    """Correlators only, no flips; the hints are the vectors g (n, 2)."""

    key: Key

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

    def step(self, tables: Floats, hints: Floats) -> tuple[Floats, Floats, Floats]:
        z0 = tables[:, 1, 1] + hints[:, 0]
        z1 = tables[:, 1, 2] + hints[:, 1]
        x0, x1 = tables[:, 2, 2], -tables[:, 2, 1]
        gamma = np.hypot(hints[:, 0], hints[:, 1])
        some = gamma > 1e-9
        size = np.where(some, gamma, 1.0)
        u0, u1 = np.where(some, hints[:, 0] / size, 1.0), np.where(some, hints[:, 1] / size, 0.0)
        gamma = np.where(some, gamma, 0.0)

        k0 = k1 = rest = h00 = h01 = h11 = np.zeros(len(tables))
        p = [(z0 + x0, z1 + x1), (z0 - x0, z1 - x1)]
        s = [np.hypot(*v) for v in p]
        logs = [_log_cosh(v) for v in s]
        both = np.logaddexp(logs[0], logs[1])
        for (v0, v1), length, log in zip(p, s, logs, strict=True):
            weight = np.exp(log - both)
            inverse = 1.0 / np.maximum(length, 1e-150)
            v0, v1 = v0 * inverse, v1 * inverse
            decay = np.exp(-2.0 * length)
            tanh = (1.0 - decay) / (1.0 + decay)
            k0, k1 = k0 + weight * tanh * v0, k1 + weight * tanh * v1
            rest = rest + weight * (2.0 * decay / (1.0 + decay) + 0.5 * tanh * ((v0 - u0) ** 2 + (v1 - u1) ** 2))
            flat = np.where(length > 1e-4, tanh * inverse, 1.0)
            h00 = h00 + weight * (flat + (1.0 - flat) * v0 * v0)
            h01 = h01 + weight * (1.0 - flat) * v0 * v1
            h11 = h11 + weight * (flat + (1.0 - flat) * v1 * v1)
        log_q = both - np.log(2.0) + tables[:, 0, 0]
        value = log_q - _log_cosh(gamma)

        rest = np.maximum(rest, 1e-14)
        e = 0.5 * np.log((2.0 - rest) / rest)
        if self.key is Key.BOTH:  # g = +-gamma along the axis; kappa_t is absent
            upper = log_q - _log_cosh(np.abs(e)) + np.abs(gamma - e)
        else:
            cross = u0 * k1 - u1 * k0
            slope = np.where(gamma > 1e-4, gamma / np.sinh(np.maximum(gamma, 1e-4)), 1.0)
            side = np.cosh(e) * slope * cross
            gap = np.minimum(np.abs(gamma - e), 300.0)
            upper = log_q - _log_cosh(np.abs(e)) + np.log(np.cosh(gap) + np.hypot(np.sinh(gap), side))
        return value, upper, self._better(hints, (u0, u1, gamma), (k0, k1), (h00, h01, h11), upper - value, e)

    def _better(
        self,
        hints: Floats,
        polar: tuple[Floats, Floats, Floats],
        kappa: tuple[Floats, Floats],
        second: tuple[Floats, Floats, Floats],
        gap: Floats,
        e: Floats,
    ) -> Floats:
        """The pinched state of the present optimum, or Newton's point where it is near."""
        (u0, u1, gamma), (k0, k1), (h00, h01, h11) = polar, kappa, second
        sech2 = 1.0 / np.cosh(gamma) ** 2
        flat = np.where(gamma > 1e-4, np.tanh(gamma) / np.maximum(gamma, 1e-4), 1.0)
        tanh = np.tanh(gamma)
        d0, d1 = k0 - tanh * u0, k1 - tanh * u1  # the gradient
        a = sech2 * u0 * u0 + flat * u1 * u1 - (h00 - k0 * k0)
        b = (sech2 - flat) * u0 * u1 - (h01 - k0 * k1)
        c = sech2 * u1 * u1 + flat * u0 * u0 - (h11 - k1 * k1)
        if self.key is Key.BOTH:
            newton = np.stack([d0 / np.where(a > 0.0, a, 1.0), np.zeros_like(a)], axis=1)
            usable = a > 0.0
            fixed = np.stack([np.clip(e, -_LARGEST, _LARGEST) * np.sign(u0), np.zeros_like(a)], axis=1)
        else:
            determinant = a * c - b * b
            usable = (a > 0.0) & (determinant > 0.0)
            determinant = np.where(usable, determinant, 1.0)
            newton = np.stack([(c * d0 - b * d1) / determinant, (a * d1 - b * d0) / determinant], axis=1)
            length = np.hypot(k0, k1)
            fixed = np.arctanh(np.minimum(length, 1.0 - 1e-13)) / np.maximum(length, 1e-300)
            fixed = np.stack([fixed * k0, fixed * k1], axis=1)
        usable &= (gap < _CLOSE) & (np.hypot(newton[:, 0], newton[:, 1]) < 0.5 + 0.25 * gamma)
        return self._capped(np.where(usable[:, None], hints + newton, fixed))

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
