"""The bound at given angles in closed form, for tests without marginals and keys without flips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import flint

from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_search import Hint, Table

__all__ = ["CorrelatorDual"]

_LARGEST = 15.0


# --- the dual in closed form ---------------------------------------------------------------------------------------


class CorrelatorDual:
    """Tests without marginals, nothing flipped; hints are the vectors g."""

    most_steps = 400_000

    def __init__(self, key: str) -> None:
        self.both = key == "both"

    def cold(self, table: Table) -> Hint:
        z = table[1][1:]
        return z[0] + math.copysign(0.1, z[0]), 0.0 if self.both else z[1]

    def step(self, table: Table, hint: Sequence[float], noise: float) -> tuple[float, float, list[float]]:
        g, x = hint, (table[2][2], -table[2][1])
        z = (table[1][1] + g[0], table[1][2] + g[1])
        gamma = math.hypot(*g)
        u = (g[0] / gamma, g[1] / gamma) if gamma else (1.0, 0.0)
        points = [(z[0] + x[0], z[1] + x[1]), (z[0] - x[0], z[1] - x[1])]
        lengths = [math.hypot(*v) for v in points]
        logs = [_log_cosh(length) for length in lengths]
        top = max(logs)
        total = sum(math.exp(log - top) for log in logs)
        log_q = top + math.log(total / 2.0) + table[0][0]
        parts = []  # weight, tanh, 1 - tanh, tanh / length, unit vector
        for length, log, v in zip(lengths, logs, points, strict=True):
            decay = math.exp(-2.0 * length)
            tanh = (1.0 - decay) / (1.0 + decay)
            unit = (v[0] / length, v[1] / length) if length else (0.0, 0.0)
            flat = tanh / length if length > 1e-4 else 1.0
            parts.append((math.exp(log - top) / total, tanh, 2.0 * decay / (1.0 + decay), flat, unit))
        k0 = sum(p * t * v[0] for p, t, _, _, v in parts)
        k1 = 0.0 if self.both else sum(p * t * v[1] for p, t, _, _, v in parts)
        k = math.hypot(k0, k1)
        w = (k0 / k, k1 / k) if k else (1.0, 0.0)
        rest = sum(p * (d + 0.5 * t * ((v[0] - w[0]) ** 2 + (v[1] - w[1]) ** 2)) for p, t, d, _, v in parts)
        rest = max(rest, 1e-14)
        e = min(0.5 * math.log((2.0 - rest) / rest), _LARGEST)
        upper = log_q - _log_cosh(e) + math.hypot(e * w[0] - g[0], e * w[1] - g[1])
        better = (e * w[0], e * w[1])
        # Newton's method for artanh(k_r) = |g|, k_t = 0, along (r) and across (t) g
        h_rest = h_rt = h_tt = 0.0
        for p, _, _, flat, v in parts:
            r, s = v[0] * u[0] + v[1] * u[1], u[0] * v[1] - u[1] * v[0]
            curved = p * (1.0 - flat)
            h_rest, h_rt, h_tt = h_rest + curved * s * s, h_rt + curved * r * s, h_tt + p - curved * r * r
        rest = min(rest + 0.5 * k * ((w[0] - u[0]) ** 2 + (w[1] - u[1]) ** 2), 2.0 - 1e-14)
        along, across = 1.0 - rest, u[0] * k1 - u[1] * k0
        far = 0.5 * math.log((2.0 - rest) / rest) - gamma
        j00, j01, j10, j11 = h_rest / (rest * (2.0 - rest)), 0.0, 0.0, 1.0
        if not self.both:
            j01 = -(gamma * (h_rt - along * across) + across) / (rest * (2.0 - rest))
            j10, j11 = along * across - h_rt, along - gamma * (h_tt - across * across)
        determinant = j00 * j11 - j01 * j10
        if j11 > 0.0 and determinant > 1e-30 and (gamma > 0.0 or self.both):
            stretch = (far * j11 - across * j01) / determinant
            turn = 0.0 if self.both else (across * j00 - far * j10) / determinant
            uphill = far * rest * (2.0 - rest) * stretch + gamma * across * turn > 0.0
            if abs(turn) < 0.5 and stretch > -0.5 * gamma and uphill:
                cut = 4.0 / max(stretch, 4.0)
                stretch, turn = cut * stretch, cut * turn
                length = min(gamma + stretch, _LARGEST)
                c, s = length * math.cos(turn), length * math.sin(turn)
                better = (c * u[0] - s * u[1], c * u[1] + s * u[0])
        return log_q - _log_cosh(gamma), upper, [better[0] - g[0], better[1] - g[1]]

    def bound(self, table: Table, hint: Hint, noise: float) -> flint.arb:
        g = [to_ball(Fraction(v)) for v in hint]
        z = [table[1][1] + g[0], table[1][2] + g[1]]
        x = [table[2][2], -table[2][1]]
        points = [[z[0] + x[0], z[1] + x[1]], [z[0] - x[0], z[1] - x[1]]]
        lengths = [_length(v) for v in points]
        total = sum((length.cosh() for length in lengths), flint.arb(0))
        weights = [length.cosh() / total for length in lengths]
        slopes = [
            length.tanh() / length if length > 0 else (1 / length.cosh()).union(flint.arb(1)) for length in lengths
        ]
        k = [sum((p * t * v[i] for p, t, v in zip(weights, slopes, points, strict=True)), flint.arb(0)) for i in (0, 1)]
        if self.both:
            k[1] = flint.arb(0)
        size = _length(k)
        w = [k[0] / size, k[1] / size] if size > 0 else [flint.arb(1), flint.arb(0)]
        # 1 - |k| from terms that are positive, for |k| may be close to one; with d more the bound is larger, as the
        # logarithm is monotone
        rest = flint.arb(0)
        for p, length, v in zip(weights, lengths, points, strict=True):
            away = [v[0] / length - w[0], v[1] / length - w[1]] if length > 0 else [flint.arb(0, 2), flint.arb(0)]
            rest += p * (2 / ((2 * length).exp() + 1) + length.tanh() * (away[0] * away[0] + away[1] * away[1]) / 2)
        if not size > 0:
            rest = 1 - size
        d = flint.arb(2) ** -90
        more, less = 2 - rest + d, rest + d
        e = (more / less).log() / 2
        log_q: flint.arb = (total / 2).log() + table[0][0]
        miss = _length([e * w[0] - g[0], e * w[1] - g[1]]) if size > 0 else e + _length(g)
        return log_q + (more * less).log() / 2 + miss


def _log_cosh(s: float) -> float:
    return s + math.log1p(math.expm1(-2.0 * s) / 2.0)


def _length(v: Sequence[flint.arb]) -> flint.arb:
    return (v[0] * v[0] + v[1] * v[1]).nonnegative_part().sqrt()
