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
from sdpbound.entropies.qubits.engine import PAULI, ROUNDINGS, Batch, Engine
from sdpbound.entropies.qubits.problem import Key

__all__ = ["CorrelatorEngine"]

_LARGEST = 15.0
#: The entries of M in a table of K.
_INNER = np.array([4, 5, 7, 8])
_YY: Floats = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]], dtype=np.float64)


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

    def advance(self, batch: Batch, index: NDArray[np.int64], precision: float, steps: int) -> None:
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled import advance

        advance(
            batch.tables,
            index,
            self.key is Key.BOTH,
            precision,
            steps,
            self.resolution,
            *batch.working,
        )

    @property
    def free_bob(self) -> bool:
        return self.key is not Key.BOTH

    def reflected(self, hints: Floats, angles: Floats) -> Floats:
        c, s = np.cos(angles), np.sin(angles)
        return np.stack([c * hints[:, 0] + s * hints[:, 1], s * hints[:, 0] - c * hints[:, 1]], axis=1)

    def moments(self, tables: Floats, hints: Floats) -> Floats:
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled import moments

        out = np.zeros((len(tables), 3, 3))
        moments(tables, hints, out)
        return out

    def curvature(self, tables: Floats, hints: Floats) -> Floats:
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled import curvature

        found, out = np.zeros((len(tables), 4, 4)), np.zeros((len(tables), 9, 9))
        curvature(tables, hints, self.key is Key.BOTH, found)
        out[:, _INNER[:, None], _INNER] = found
        return out

    def states(self, tables: Floats, hints: Floats) -> Floats:
        t = self.moments(tables, hints)[:, 1:, 1:]
        determinant = t[:, 0, 0] * t[:, 1, 1] - t[:, 0, 1] * t[:, 1, 0]
        return np.asarray(
            0.25 * (np.eye(4) + np.einsum("nij,ijkl->nkl", t, PAULI[1:, 1:]) - determinant[:, None, None] * _YY),
            dtype=np.float64,
        )
