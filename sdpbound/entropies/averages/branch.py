"""A proof of the least value of average entropy minus functional over all angles, by branch and bound.

**Cells.** The angles a, b of A' and B' fill [0, pi]^2. On an arc of half-width d, with ends e and e', the point m(a) =
(cos a, sin a) times some c >= cos d is on the chord: ``c m(a) = u e + (1 - u) e'``.

**The entropy** of a key whose effects are a mean of others' is at least the mean of their entropies, for one state of
Alice, Bob and Eve: it is concave in the state of key and Eve. The observable c A' is A' after a flip with probability
g = (1 - c)/2. A key already flipped with probability q has by that flip at most ``h(q*g) - h(q)`` more entropy, q*g =
q (1-g) + (1-q) g, as the second flip G is known from the key and its first flip's outcome: H(K+F+G|E) - H(K+F|E) =
I(K+F+G : G|E) <= I(F+G : G). So on the arc, with H(e) the entropy at an end,

    H(a) >= u H(e) + (1 - u) H(e') - p(d),   p(d) = h(q * (1 - cos d)/2) - h(q).

For a key of both outcomes each party's arc costs its own p with q = 0.

**The operator** is affine in m(a), and ``|m(a) - c m(a)| <= 1 - cos d``, so that K changes by at most that times the
norm N of what m(a) is multiplied with; the same holds for b. So on the cell G is at most the largest G at the four
corners plus

    (1 - cos d_a) N_a + (1 - cos d_b) N_b + sum of weights times p.

A cell is done when this is at most the target, else it is halved where it costs more.

*Rounding*: K is off by a few roundings of the sum of |coefficients| times |multipliers|, and G by as much, a small part
of what :meth:`Points.rounding` adds; so are the sums above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.averages.points import Points
from sdpbound.entropies.averages.problem import AverageProblem
from sdpbound.entropies.qubits.columns import LN2
from sdpbound.limiting import go_on

__all__ = ["AverageProof", "prove"]

Integers = NDArray[np.int64]

_FIRST_LEVEL, _LAST_LEVEL = 2, 24
#: Cells that are looked at together, those with the largest bounds, and most cells of a proof.
_TOGETHER, MOST_CELLS = 2048, 200_000
_STEPS = 60
#: Part of what a cell may cost to which G is found at its corners, and the least such part of the tolerance.
_PART, _LEAST = 0.05, 0.05


@dataclass(frozen=True, eq=False)
class AverageProof:
    """A bound, and where the largest value was found.

    Attributes
    ----------
    top : bits; at every angle the functional exceeds the entropy by at most this
    best, a, b : bits; it exceeds the entropy by at least ``best`` at the angles a, b
    cells : how many were looked at
    """

    top: float
    best: float
    a: float
    b: float
    cells: int


def prove(
    problem: AverageProblem, noise: float, expression: Floats, size: float, target: float, tolerance: float
) -> AverageProof:
    """An upper bound on (functional - entropy of the pieces) over all qubit strategies, in bits.

    Parameters
    ----------
    noise : white noise in the states of the dual
    expression : (3, 3) the functional without its constant, in bits
    size : bits, at least the sum of the |coefficients| of all the terms that were added up in it
    target : bits, a value that is attained; the bound aimed at is ``tolerance`` more, or than the largest value found
    """
    return _Branch(problem, Points(problem.pieces, expression, noise), tolerance * LN2, target * LN2).run(size)


@dataclass(eq=False)
class _Cells:
    """Products of arcs: ``places`` (n, 2) at ``levels`` (n, 2), half-widths pi / 2^(level + 1), with bounds (n,)."""

    places: Integers
    levels: Integers
    uppers: Floats

    def __len__(self) -> int:
        return len(self.places)

    def chosen(self, index: Integers | NDArray[np.bool_]) -> _Cells:
        return _Cells(self.places[index], self.levels[index], self.uppers[index])

    def with_more(self, other: _Cells) -> _Cells:
        return _Cells(
            np.concatenate([self.places, other.places]),
            np.concatenate([self.levels, other.levels]),
            np.concatenate([self.uppers, other.uppers]),
        )


class _Branch:
    """The search, with the points at the corners of all cells so far."""

    def __init__(self, problem: AverageProblem, points: Points, allowed: float, best: float) -> None:
        self.problem, self.points, self.allowed, self.best = problem, points, allowed, best
        self.numbers: dict[int, int] = {}
        self.where = (0.0, 0.0)
        table = points.expression
        self.used = np.array([table[2].any(), table[:, 2].any()]) | problem.pieces.turned.any(axis=0)

    def run(self, size: float) -> AverageProof:
        first = np.where(self.used, _FIRST_LEVEL, 0)
        counts = 2**first
        places = np.stack(np.unravel_index(np.arange(counts.prod()), tuple(counts)), axis=1).astype(np.int64)
        cells = _Cells(places, np.broadcast_to(first, places.shape).copy(), np.full(len(places), np.inf))
        top, count = -np.inf, 0
        while len(cells):
            order = np.argsort(-cells.uppers, kind="stable")
            now, rest = cells.chosen(order[:_TOGETHER]), cells.chosen(order[_TOGETHER:])
            costs = self.costs(now)
            now.uppers = self.corners(now, costs) + costs.sum(axis=1)
            count += len(now)
            done = now.uppers <= self.best + self.allowed
            if not go_on() or count > MOST_CELLS or now.levels.max() >= _LAST_LEVEL or not self.used.any():
                done[:] = True
                top = max(top, float(rest.uppers.max(initial=-np.inf)))
                rest = rest.chosen(np.zeros(0, dtype=np.int64))
            top = max(top, float(now.uppers[done].max(initial=-np.inf)))
            cells = rest.with_more(_halved(now.chosen(~done), costs[~done]))
        proven = (top + self.points.rounding(LN2 * size)) / LN2
        return AverageProof(proven, self.best / LN2, *self.where, count)

    def costs(self, cells: _Cells) -> Floats:
        """(n, 2) nats by which G on the cells may exceed its corners', for Alice's arc and for Bob's."""
        table = self.points.expression * LN2
        width = np.pi * 0.5 ** (cells.levels + 1)
        sag = np.where(self.used, 2.0 * np.sin(0.5 * width) ** 2, 0.0)
        out = np.empty((len(cells), 2))
        for party in (0, 1):
            one, z, second = table[2] if party == 0 else table[:, 2]
            other = 1 - party
            ends = np.cos(2.0 * width[:, other, None] * (cells.places[:, other, None] + np.arange(2)))
            # |z e_0 + second m(t)| is monotonic in t from 0 to pi
            norms = np.sqrt(np.maximum(z**2 + second**2 + 2.0 * z * second * ends, 0.0)).max(axis=1)
            out[:, party] = sag[:, party] * (abs(one) + norms)
            for weight, flips in self.problem.loose[party]:
                out[:, party] += weight * _flipped_more(flips, 0.5 * sag[:, party])
        return out

    def corners(self, cells: _Cells, costs: Floats) -> Floats:
        """(n,) the largest upper bound on G at the corners of each cell."""
        shift = _LAST_LEVEL + 1 - cells.levels
        ends = (cells.places[:, None, :] + np.arange(2)[None, :, None]) << shift[:, None, :]
        ends = np.where(self.used, ends, 0)
        keys = ((ends[:, [0, 0, 1, 1], 0] << 31) + ends[:, [0, 1, 0, 1], 1]).reshape(-1)
        unique, inverse = np.unique(keys, return_inverse=True)
        new = [int(key) for key in unique if int(key) not in self.numbers]
        if new:
            angles = (
                np.pi
                * np.stack([np.array(new) >> 31, np.array(new) & ((1 << 31) - 1)], axis=1)
                / 2.0 ** (_LAST_LEVEL + 1)
            )
            self.numbers.update(zip(new, self.points.add(angles, self.hints(angles)).tolist(), strict=True))
        index = np.array([self.numbers[int(key)] for key in unique], dtype=np.int64)
        wanted = np.full(len(unique), np.inf)
        np.minimum.at(wanted, inverse.reshape(-1), np.repeat(_PART * costs.sum(axis=1), 4))
        self.points.solve(index, np.maximum(wanted, _LEAST * self.allowed), _STEPS)
        values = self.points.values[index]
        if values.max() > self.best:
            self.best = float(values.max())
            self.where = tuple(self.points.angles[index[values.argmax()]].tolist())
        return np.asarray(self.points.uppers[index][inverse.reshape(-1)].reshape(-1, 4).max(axis=1))

    def hints(self, angles: Floats) -> Floats:
        """Hints of the nearest points that are known, of the last ones added."""
        known = len(self.points)
        if not known:
            return np.zeros((len(angles), 4, 4))
        recent = np.arange(max(0, known - 4096), known)
        out = np.empty((len(angles), 4, 4))
        for first in range(0, len(angles), 256):
            part = angles[first : first + 256]
            far = np.abs(part[:, None, :] - self.points.angles[recent][None]).sum(axis=2)
            out[first : first + 256] = self.points.hints[recent[far.argmin(axis=1)]]
        return out


def _flipped_more(flips: float, more: Floats) -> Floats:
    """h(q * g) - h(q) in nats, for flips q and further ones g (n,)."""

    def h(p: Floats) -> Floats:
        inside = np.clip(p, 1e-300, 1.0)
        return np.asarray(-inside * np.log(inside) - (1.0 - inside) * np.log1p(-np.minimum(inside, 1.0 - 1e-16)))

    q = np.full_like(more, flips)
    both = q * (1.0 - more) + (1.0 - q) * more
    return np.where(more > 0.0, h(both) - (h(q) if flips else 0.0), 0.0) + 4e-16


def _halved(cells: _Cells, costs: Floats) -> _Cells:
    """The halves of cells, each along the arc that costs more, or along both where these cost nearly the same."""
    if not len(cells):
        return cells
    split = costs >= 0.4 * costs.max(axis=1, keepdims=True)
    cell = np.repeat(np.arange(len(cells)), (1 + split[:, 0]) * (1 + split[:, 1]))
    part = np.arange(len(cell)) - np.searchsorted(cell, cell)
    apart = split[cell]
    along = 1 + apart[:, 0]
    half = np.where(apart, np.stack([part % along, part // along], axis=1), 0)
    places = np.where(apart, 2 * cells.places[cell] + half, cells.places[cell])
    return _Cells(places, cells.levels[cell] + apart, cells.uppers[cell])
