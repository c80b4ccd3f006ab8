"""The maps that turn any box into a mixture of a few boxes.

Masanes et al. v4, Eqs. (4) and (64) to (66); Masanes et al. v5, Eq. (A5); Hanggi et al., Appendix E.

A map takes the settings that a pair is meant to have ("new" settings) and public random numbers. It gives the settings
that are really measured ("old" settings), and the outcomes that are flipped. The formulas for the outcomes refer to the
old settings in all maps. Only the step functions of (65) and (66) refer to the new settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.behaviour import Behaviour
from sdpbound.errors import InvalidShape
from sdpbound.protocols.running.sampling import Bits

__all__ = ["Integers", "Map", "average", "bhk_map", "four_step_map", "random_numbers", "shift_map", "three_bit_map"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Map:
    """The actions of both parties for each pair: the settings to measure and the flips of the outcomes."""

    x: Integers
    y: Integers
    flip_a: Bits
    flip_b: Bits


#: A map's formula: meant settings x, y, number of settings, and the public random numbers.
Formula = Callable[[Integers, Integers, int, Sequence[Integers]], Map]


def three_bit_map(x: Integers, y: Integers, settings: int, random: Sequence[Integers]) -> Map:
    """The map of Masanes et al. v4, Eq. (4), M = 2: it gives ``(1 - eps) PR + eps anti-PR`` from any box.

    With random bits R, R', R'' and measured X, Y the new values are ``A + R + R'X + R'R''``, ``B + R + R''Y``,
    ``X + R''`` and ``Y + R'`` (mod 2).
    """
    r, r1, r2 = random
    mx, my = x ^ r2, y ^ r1
    return Map(mx, my, _bits(r ^ (r1 & mx) ^ (r1 & r2)), _bits(r ^ (r2 & my)))


def four_step_map(x: Integers, y: Integers, settings: int, random: Sequence[Integers]) -> Map:
    """The map of Hanggi et al., Appendix E, M = 2; its average is that of (4).

    x and y are the outcomes, u and v the inputs. Bit 0 flips both outcomes. Bits 1 and 2 choose one of four maps, of
    which map 1 does nothing. Map 2: x + u, v + 1. Map 3: u + 1, y + v. Map 4: u + 1, x + u + 1, v + 1, y + v. In map 4,
    u and v in x + u + 1 and y + v are the old inputs; with the new u the CHSH error would change.
    """
    both, flip_v, flip_u = random
    u, v = x ^ flip_u, y ^ flip_v  # the measured inputs, the old u and v
    return Map(u, v, _bits(both ^ (flip_v & (u ^ flip_u))), _bits(both ^ (flip_u & v)))


def bhk_map(x: Integers, y: Integers, settings: int, random: Sequence[Integers]) -> Map:
    """The map of Masanes et al. v4, Eqs. (64) to (66): it gives all relevant pairs of settings the same error.

    The random numbers are a bit R, T below M, and a bit R'. The steps follow the printed order: (64) flips both
    outcomes with R, (65) shifts by T, and (66) reflects if R' = 1. The step functions refer to the new settings: they
    flip the outcome where the shift has wrapped around.
    """
    r, t, reflect = random
    mx = np.where(reflect == 1, -1 - x, x) % settings
    my = np.where(reflect == 1, -y, y) % settings
    flip_a, flip_b = r.copy(), r ^ (reflect & (y == 0))
    flip_a, flip_b = flip_a ^ (mx <= t - 1), flip_b ^ (my <= t - 1)
    return Map((mx - t) % settings, (my - t) % settings, _bits(flip_a), _bits(flip_b))


def shift_map(x: Integers, y: Integers, settings: int, random: Sequence[Integers]) -> Map:
    """The map of Masanes et al. v5, Eq. (A5), with a random flip of both outcomes.

    The map keeps <W> and makes the marginals uniform. With a random shift m the new outcome is
    ``A + [M - m <= X <= M - 1]`` with X the measured setting, and the same for B, for settings below M.
    """
    r, m = random
    mx, my = (x - m) % settings, (y - m) % settings
    return Map(mx, my, _bits(r ^ (mx >= settings - m)), _bits(r ^ (my >= settings - m)))


def _ranges(formula: Formula, settings: int) -> list[int]:
    """The number of values of each random number of a map."""
    if formula is bhk_map:
        return [2, settings, 2]
    if formula is shift_map:
        return [2, settings]
    if settings != 2:
        raise InvalidShape(f"this map is for two settings each, not {settings}; use bhk_map.")
    return [2, 2, 2]


def random_numbers(formula: Formula, settings: int, count: int, rng: np.random.Generator) -> tuple[list[Integers], int]:
    """Draw the public random numbers of a map for ``count`` pairs; also the number of bits that announce them."""
    ranges = _ranges(formula, settings)
    numbers = [rng.integers(0, r, count) for r in ranges]
    return numbers, int(np.ceil(count * np.log2(ranges).sum() - 1e-9))


def average(behaviour: Behaviour, formula: Formula) -> Behaviour:
    """The exact average of a behaviour over the random numbers of a map; M settings of each party, binary outcomes."""
    p = behaviour.p
    m = p.shape[2]
    if p.shape != (2, 2, m, m):
        raise InvalidShape(f"depolarisation needs binary outcomes and the same number of settings each, not {p.shape}.")
    x, y = (a.ravel() for a in np.meshgrid(np.arange(m), np.arange(m), indexing="ij"))
    total = np.zeros_like(p)
    values = list(product(*(range(r) for r in _ranges(formula, m))))
    for chosen in values:
        done = formula(x, y, m, [np.full(x.size, c) for c in chosen])
        for a, b in product(range(2), range(2)):
            total[a, b, x, y] += p[a ^ done.flip_a, b ^ done.flip_b, done.x, done.y]
    return Behaviour(total / len(values))


def _bits(values: NDArray[np.integer] | NDArray[np.bool_]) -> Bits:
    return values.astype(np.uint8)
