"""The steps of :mod:`sdpbound.entropies.qubits.correlators` for one operator K after another, compiled by numba.

A point of a chart takes thousands of steps for a few K each. As arrays these are mostly overhead. Loops over scalars
take a microsecond a step once they are compiled. The formulas are in the other module's docstring. So is the analysis
of rounding, for functions that are right to a few units in the last place, as those of the C library are. Sums are not
reordered (no "fastmath").

The first use on a machine compiles for some seconds, and keeps the result beside this file or in the user's cache.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["LARGEST", "advance", "curvature", "moments", "step"]

#: The longest vector g.
LARGEST = 15.0
#: The change of an entry of K for second derivatives by differences.
_DIFFERENCE = 1e-3


@compiled_loop
def _log_cosh(s: float) -> float:
    """log cosh s for s >= 0, without overflow."""
    return s + math.log1p(math.expm1(-2.0 * s) / 2.0)


@compiled_loop
def _newton(
    gamma: float, rest: float, across: float, h_rest: float, h_rt: float, h_tt: float, both: bool
) -> tuple[bool, float, float]:
    """A step of Newton's method for artanh(k_r) = |g| and k_t = 0: whether it is usable, and its change of g.

    k_r = 1 - rest and k_t = across are the parts of k along and across g; the h are second derivatives of log Q. The
    unknowns are |g| and the angle of g, which stay well scaled where |g| is large.
    """
    along = 1.0 - rest
    far = 0.5 * math.log((2.0 - rest) / rest) - gamma
    spread = rest * (2.0 - rest)  # 1 - k_r^2
    j00, turn = h_rest / spread, 0.0
    if both:
        usable = j00 > 1e-30
        stretch = far / j00 if usable else far
    else:
        j01 = -(gamma * (h_rt - along * across) + across) / spread
        j10, j11 = along * across - h_rt, along - gamma * (h_tt - across * across)
        determinant = j00 * j11 - j01 * j10
        usable = j11 > 0.0 and determinant > 1e-30 and gamma > 0.0
        if not usable:
            determinant = 1.0
        stretch = (far * j11 - across * j01) / determinant
        turn = (across * j00 - far * j10) / determinant
        usable = usable and abs(turn) < 0.5
    cut = 4.0 / max(stretch, 4.0)
    stretch, turn = cut * stretch, cut * turn
    usable = usable and stretch > -0.5 * gamma and far * spread * stretch + gamma * across * turn > 0.0  # and uphill
    return usable, stretch, turn


@compiled_loop
def step(
    constant: float, m00: float, m01: float, m10: float, m11: float, g0: float, g1: float, both: bool
) -> tuple[float, float, float, float]:
    """A value below G, an upper bound on it in nats, and a better vector g.

    K is ``constant`` and the matrix m in Z, X; with ``both`` outcomes as the key g is along the first axis.
    """
    z0, z1, x0, x1 = m00 + g0, m01 + g1, m11, -m10
    gamma = math.hypot(g0, g1)
    u0, u1 = 1.0, 0.0
    if gamma > 1e-9:
        u0, u1 = g0 / gamma, g1 / gamma
    else:
        gamma = 0.0

    # the points z + x* and z - x*: weights p, q, hyperbolic tangents t, and what these lack of one, unit vectors
    a0, a1, b0, b1 = z0 + x0, z1 + x1, z0 - x0, z1 - x1
    s, t = math.hypot(a0, a1), math.hypot(b0, b1)
    log_s, log_t = _log_cosh(s), _log_cosh(t)
    most = max(log_s, log_t)
    log_both = most + math.log1p(math.exp(-abs(log_s - log_t)))
    p, q = math.exp(log_s - log_both), math.exp(log_t - log_both)
    per_s, per_t = 1.0 / max(s, 1e-150), 1.0 / max(t, 1e-150)
    a0, a1, b0, b1 = a0 * per_s, a1 * per_s, b0 * per_t, b1 * per_t
    decay_s, decay_t = math.exp(-2.0 * s), math.exp(-2.0 * t)
    tanh_s, tanh_t = (1.0 - decay_s) / (1.0 + decay_s), (1.0 - decay_t) / (1.0 + decay_t)

    # the gradient k of log Q: direction w, 1 - |k|, and length e of g'
    k0 = p * tanh_s * a0 + q * tanh_t * b0
    k1 = 0.0 if both else p * tanh_s * a1 + q * tanh_t * b1
    k = math.hypot(k0, k1)
    w0, w1 = 1.0, 0.0
    if k > 0.0:
        w0, w1 = k0 / max(k, 1e-300), k1 / max(k, 1e-300)
    rest = 1e-14
    rest += p * (2.0 * decay_s / (1.0 + decay_s) + 0.5 * tanh_s * ((a0 - w0) ** 2 + (a1 - w1) ** 2))
    rest += q * (2.0 * decay_t / (1.0 + decay_t) + 0.5 * tanh_t * ((b0 - w0) ** 2 + (b1 - w1) ** 2))
    e = 0.5 * math.log((2.0 - rest) / rest)
    log_q = log_both - math.log(2.0) + constant
    value = log_q - _log_cosh(gamma)
    upper = log_q - _log_cosh(abs(e)) + math.hypot(e * w0 - gamma * u0, e * w1 - gamma * u1)

    rest = min(rest + 0.5 * k * ((w0 - u0) ** 2 + (w1 - u1) ** 2), 2.0 - 1e-14)
    curved_s = p * (1.0 - (tanh_s * per_s if per_s < 1e4 else 1.0))
    curved_t = q * (1.0 - (tanh_t * per_t if per_t < 1e4 else 1.0))
    along_s, along_t = a0 * u0 + a1 * u1, b0 * u0 + b1 * u1
    across_s, across_t = u0 * a1 - u1 * a0, u0 * b1 - u1 * b0
    h_rest = curved_s * across_s * across_s + curved_t * across_t * across_t
    h_rt = curved_s * along_s * across_s + curved_t * along_t * across_t
    h_tt = p - curved_s * along_s * along_s + q - curved_t * along_t * along_t
    usable, stretch, turn = _newton(gamma, rest, u0 * k1 - u1 * k0, h_rest, h_rt, h_tt, both)
    length = e  # where Newton fails, g' is never a worse point
    if usable:
        c, o = math.cos(turn), math.sin(turn)
        length, w0, w1 = gamma + stretch, u0 * c - u1 * o, u1 * c + u0 * o
    length = min(length, LARGEST)
    return value, upper, length * w0, length * w1


@compiled_loop
def advance(
    tables: Any,
    index: Any,
    both: bool,
    precision: float,
    steps: int,
    resolution: float,
    hints: Any,
    bases: Any,
    moves: Any,
    heights: Any,
    lengths: Any,
    values: Any,
    uppers: Any,
    gaps: Any,
) -> None:
    """Take steps for some of the K of a batch, as :meth:`sdpbound.entropies.qubits.engine.Engine.advance` does."""
    for i in index:
        for _ in range(steps):
            if uppers[i] - values[i] <= precision:
                break
            g0, g1 = hints[i, 0], hints[i, 1]
            value, upper, better0, better1 = step(
                tables[i, 0, 0], tables[i, 1, 1], tables[i, 1, 2], tables[i, 2, 1], tables[i, 2, 2], g0, g1, both
            )
            gaps[i] = upper - value
            if value > values[i]:
                values[i] = value
            if upper < uppers[i]:
                uppers[i] = upper
            good = value >= heights[i] - resolution
            if good:
                bases[i, 0], bases[i, 1], heights[i] = g0, g1, value
                moves[i, 0], moves[i, 1] = better0 - g0, better1 - g1
            lengths[i] = min(lengths[i] * (4.0 if good else 0.25), 1.0)
            hints[i, 0] = bases[i, 0] + lengths[i] * moves[i, 0]
            hints[i, 1] = bases[i, 1] + lengths[i] * moves[i, 1]


@compiled_loop
def _correlators(z0: float, z1: float, x0: float, x1: float) -> tuple[float, float, float, float]:
    """The expectations of ZZ, ZX, XZ and XX in the state of z = M_0 + g and x*."""
    a0, a1, b0, b1 = z0 + x0, z1 + x1, z0 - x0, z1 - x1
    s, t = math.hypot(a0, a1), math.hypot(b0, b1)
    log_s, log_t = _log_cosh(s), _log_cosh(t)
    most = max(log_s, log_t)
    log_both = most + math.log1p(math.exp(-abs(log_s - log_t)))
    p = math.exp(log_s - log_both) * (math.tanh(s) / s if s > 1e-8 else 1.0)
    q = math.exp(log_t - log_both) * (math.tanh(t) / t if t > 1e-8 else 1.0)
    return p * a0 + q * b0, p * a1 + q * b1, -(p * a1 - q * b1), p * a0 - q * b0


@compiled_loop
def moments(tables: Any, hints: Any, out: Any) -> None:
    """The expectations (n, 3, 3) of the products of 1, Z, X in the states of hints (n, 2); all others are zero."""
    for i in range(len(tables)):
        found = _correlators(
            tables[i, 1, 1] + hints[i, 0], tables[i, 1, 2] + hints[i, 1], tables[i, 2, 2], -tables[i, 2, 1]
        )
        out[i, 0, 0] = 1.0
        out[i, 1, 1], out[i, 1, 2], out[i, 2, 1], out[i, 2, 2] = found


@compiled_loop
def curvature(tables: Any, hints: Any, both: bool, out: Any) -> None:
    """The second derivatives (n, 4, 4) of G by the entries of M, by differences of the moments; hints are exact."""
    m = np.empty(4)
    for i in range(len(tables)):
        for k in range(4):
            for sign in (1.0, -1.0):
                for j in range(4):
                    m[j] = tables[i, 1 + j // 2, 1 + j % 2]
                m[k] += sign * _DIFFERENCE
                g0, g1 = hints[i, 0], hints[i, 1]
                for _ in range(2):
                    _, _, g0, g1 = step(0.0, m[0], m[1], m[2], m[3], g0, g1, both)
                found = _correlators(m[0] + g0, m[1] + g1, m[3], -m[2])
                for j in range(4):
                    change = 0.25 * sign * found[j] / _DIFFERENCE  # half for either of the two places of a pair
                    out[i, k, j] += change
                    out[i, j, k] += change
