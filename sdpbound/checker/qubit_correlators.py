"""The bound at given angles in closed form, for tests without marginals and keys without flips."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import flint

from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_floats import CorrelatorFloats, Floats
from sdpbound.checker.qubit_search import Table

__all__ = ["CorrelatorDual"]


class CorrelatorDual:
    """Tests without marginals, nothing flipped; hints are the vectors g."""

    most_steps = 4_000_000

    def __init__(self, key: str) -> None:
        self.both = key == "both"
        self.free_bob = not self.both
        self.floats = CorrelatorFloats(self.both)

    def choices(self, tables: Floats, hints: Floats, noise: float) -> list[list[float]]:
        found: list[list[float]] = hints.tolist()
        return found

    def bound(self, table: Table, choice: Sequence[float]) -> flint.arb:
        g = [to_ball(Fraction(v)) for v in choice]
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


def _length(v: Sequence[flint.arb]) -> flint.arb:
    return (v[0] * v[0] + v[1] * v[1]).nonnegative_part().sqrt()
