"""The bound at given angles in closed form, for tests without marginals and keys without flips."""

from __future__ import annotations

from collections.abc import Sequence

import flint
import numpy as np

from sdpbound.checker.float_balls import FloatBalls
from sdpbound.checker.qubit_floats import CorrelatorFloats, Floats
from sdpbound.checker.qubit_search import Table

__all__ = ["CorrelatorDual"]


class CorrelatorDual:
    """Tests without marginals, nothing flipped; hints are the vectors g."""

    most_steps = 4_000_000
    quick = True

    def __init__(self, key: str) -> None:
        self.both = key == "both"
        self.free_bob = not self.both
        self.floats = CorrelatorFloats(self.both)

    def choices(self, tables: Floats, hints: Floats, noise: float) -> list[list[float]]:
        found: list[list[float]] = hints.tolist()
        return found

    def bound(self, table: Table, choice: Sequence[float]) -> flint.arb:
        g, h = flint.arb(choice[0]), flint.arb(choice[1])
        z, y, x, w = table[1][1] + g, table[1][2] + h, table[2][2], -table[2][1]
        p, q = _Point(z + x, y + w), _Point(z - x, y - w)
        total = p.cosh + q.cosh
        along = (p.sinh * p.unit[0] + q.sinh * q.unit[0]) / total
        across = _ZERO if self.both else (p.sinh * p.unit[1] + q.sinh * q.unit[1]) / total
        size = _length(along, across)
        log_q = (total / 2).log() + table[0][0]
        # 1 - |k| from terms that are positive, for |k| may be close to one; with d more the bound is larger, as the
        # logarithm is monotone
        if size > 0:
            first, second = along / size, across / size
            rest = (p.short_of(first, second) + q.short_of(first, second)) / total
        else:
            rest = 1 - size
        more, less = (2 - rest + _MORE).log(), (rest + _MORE).log()
        e = (more - less) / 2
        miss = _length(e * first - g, e * second - h) if size > 0 else e + _length(g, h)
        bound: flint.arb = log_q + (more + less) / 2 + miss
        return bound

    def bounds(self, tables: list[tuple[FloatBalls, ...]], hints: Floats) -> Floats:
        """The same for many tables, in balls of floats."""
        (one, _, _), (_, z0, x1), (_, z1, x0) = tables
        g, h = (FloatBalls.exact(hints[:, k : k + 1]) for k in (0, 1))
        z, y, x, w = z0 + g, z1 + h, x0, -x1
        # both points at once, in two columns
        a, b = (first.beside(second) for first, second in ((z + x, z - x), (y + w, y - w)))
        length = (a * a + b * b).root()
        up = length.exp()
        down = _ONE / up
        cosh, sinh = (up + down).scaled(0.5), (up - down).scaled(0.5)
        unit, other = a / length, b / length
        total = cosh.summed()
        along = (sinh * unit).summed() / total
        across = _NONE if self.both else (sinh * other).summed() / total
        size = (along * along + across * across).root()
        first, second = along / size, across / size
        # 1 - cos = sin^2 / (1 + cos) between each point and k, and sin from what makes it small
        cosine = unit * first if self.both else unit * first + other * second
        if self.both:
            sine = other
        else:
            apart = a[:, 0:1] * b[:, 1:2] - b[:, 0:1] * a[:, 1:2]
            sine = sinh[:, ::-1] * (apart / (length[:, 0:1] * length[:, 1:2] * size * total))
        short = (sine * sine / cosine.plus(1.0)).where(cosine.mid > 0.0, (-cosine).plus(1.0))
        rest = (down + sinh * short).summed() / total
        more, less, half = (-rest).plus(2.0).plus(_MORE_FLOAT).log(), rest.plus(_MORE_FLOAT).log(), total.scaled(0.5)
        e = (more - less).scaled(0.5)
        miss, over = e * first - g, e * second - h
        bound = half.log() + one + (more + less).scaled(0.5) + (miss * miss + over * over).root_above()
        return bound.upper()[:, 0]


_ONE, _NONE = FloatBalls.exact(np.ones((1, 1))), FloatBalls.exact(np.zeros((1, 1)))
_MORE_FLOAT = 2.0**-90
_ZERO, _MORE = flint.arb(0), flint.arb(2) ** -90


class _Point:
    """A vector: hyperbolic functions of its length, and its direction. Where the length may be 0, any direction."""

    __slots__ = ("cosh", "down", "sinh", "unit")

    def __init__(self, x: flint.arb, y: flint.arb) -> None:
        length = _length(x, y)
        up = length.exp()
        self.down = 1 / up
        self.cosh, self.sinh = (up + self.down) / 2, (up - self.down) / 2
        self.unit = (x / length, y / length) if length > 0 else (flint.arb(0, 1), flint.arb(0, 1))

    def short_of(self, x: flint.arb, y: flint.arb) -> flint.arb:
        """``cosh - sinh (unit . (x, y))`` for a unit vector, as a sum of terms that are positive."""
        off, away = self.unit[0] - x, self.unit[1] - y
        return self.down + self.sinh * (off * off + away * away) / 2


def _length(x: flint.arb, y: flint.arb) -> flint.arb:
    return (x * x + y * y).nonnegative_part().sqrt()
