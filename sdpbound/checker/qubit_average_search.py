"""The search over cells of two angles that proves a functional below an average entropy, see ``qubit_average``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_average_floats import AverageFloats, FloatPiece
from sdpbound.checker.qubit_floats import Floats
from sdpbound.checker.qubit_states import largest_eigenvalue, logarithm_above, operator_of, small_logarithm
from sdpbound.errors import CertificateError

__all__ = ["MOST_CELLS", "AverageSearch", "Loose", "Piece"]

Integers = NDArray[np.int64]
#: Weight and flips of a key whose setting has an angle.
Loose = tuple[Fraction, Fraction]

MOST_CELLS = 120_000
_FIRST_LEVEL, _LAST_LEVEL, _TOGETHER = 2, 26, 512
_STEPS, _NOISE = 60, 1e-8
#: Places of corners are counted in units of pi / 2^_UNITS.
_UNITS = _LAST_LEVEL + 1
#: What floats must see below a goal before balls are asked.
_MARGIN = 1e-10


@dataclass(frozen=True, slots=True)
class Piece:
    """A matrix C of a key: its weight, the rows of its columns at angles 0, and whose angles turn it."""

    share: Fraction
    base: list[list[flint.arb]]
    turned: tuple[bool, bool]


class AverageSearch:
    """Cells of angles are halved until balls say of each that it is below the goal.

    Parameters
    ----------
    expression : the functional in bits, in 1, A, A' times 1, B, B'
    pieces : matrices of the keys
    loose : the keys whose settings have an angle, of Alice and of Bob
    goal : bits, what G must not exceed
    """

    def __init__(
        self,
        expression: Sequence[Sequence[Fraction]],
        pieces: Sequence[Piece],
        loose: tuple[Sequence[Loose], Sequence[Loose]],
        goal: Fraction,
    ) -> None:
        ln2 = flint.arb(2).log()
        self.balls = [[ln2 * to_ball(value) for value in row] for row in expression]
        self.pieces, self.loose, self.goal = pieces, loose, ln2 * to_ball(goal)
        self.table = np.array([[float(v.mid()) for v in row] for row in self.balls])
        self.floats = AverageFloats(
            [
                FloatPiece(float(p.share), np.array([[float(v.mid()) for v in row] for row in p.base]), p.turned)
                for p in pieces
            ]
        )
        self.limit = float(self.goal.mid())
        self.used = np.array([self.table[2].any() or bool(loose[0]), self.table[:, 2].any() or bool(loose[1])])
        self.numbers: dict[tuple[int, int], int] = {}
        self.places: list[tuple[int, int]] = []
        self.hints, self.best = np.zeros((0, 16)), np.zeros((0, 16))
        self.values, self.uppers = np.zeros(0), np.zeros(0)
        self.proven: dict[int, flint.arb] = {}

    def run(self) -> None:
        """Prove it; CertificateError if it is false, or takes too many cells."""
        first = np.where(self.used, _FIRST_LEVEL, 0)
        counts = 2**first
        places = np.stack(np.unravel_index(np.arange(counts.prod()), tuple(counts)), axis=1).astype(np.int64)
        waiting = [(places, np.broadcast_to(first, places.shape))]
        count = 0
        while waiting:
            places, levels = waiting.pop()
            if len(places) > _TOGETHER:
                waiting.append((places[_TOGETHER:], levels[_TOGETHER:]))
                places, levels = places[:_TOGETHER], levels[:_TOGETHER]
            count += len(places)
            if count > MOST_CELLS or levels.max() >= _LAST_LEVEL:
                raise CertificateError(
                    "the functional is too close to the average entropy, or above it, for its proof: more than "
                    f"{MOST_CELLS} cells of angles would be needed."
                )
            costs = np.array([[float(c.mid()) for c in self.costs(*cell)] for cell in zip(places, levels, strict=True)])
            corners = self.corners(places, levels)
            self.climb(corners, self.limit - costs.sum(axis=1))
            likely = self.uppers[corners].max(axis=1) + costs.sum(axis=1) <= self.limit - _MARGIN
            self.prove(np.unique(corners[likely]))
            open_ = [n for n in range(len(places)) if not (likely[n] and self.below(corners[n], places[n], levels[n]))]
            if open_:
                if not self.used.any():
                    raise CertificateError("the functional is above the average entropy.")
                waiting.append(_halved(places[open_], levels[open_], costs[open_]))

    # -- cells ------------------------------------------------------------------------------------------------------

    def costs(self, place: Integers, level: Integers) -> tuple[flint.arb, flint.arb]:
        """Nats by which G on a cell may exceed its corners', for Alice's arc and for Bob's."""
        found = []
        for party in (0, 1):
            if not self.used[party]:
                found.append(flint.arb(0))
                continue
            sag = 1 - _cos_pi(1, int(level[party]) + 1)
            one, z, second = self.balls[2] if party == 0 else [row[2] for row in self.balls]
            other = 1 - party
            # |z e_0 + second (cos t, sin t)| is monotonic in t from 0 to pi
            norm = flint.arb(0)
            for end in (0, 1):
                cosine = _cos_pi(int(place[other]) + end, int(level[other]))
                norm = norm.max((z * z + second * second + 2 * z * second * cosine).nonnegative_part().sqrt())
            cost = sag * (abs(one) + norm)
            for weight, flips in self.loose[party]:
                g, q = sag / 2, to_ball(flips)
                cost += to_ball(weight) * (_bit(q * (1 - g) + (1 - q) * g) - _bit(q))
            found.append(cost)
        return found[0], found[1]

    def below(self, corners: Integers, place: Integers, level: Integers) -> bool:
        """Whether balls say that a cell is below the goal."""
        room = self.goal - sum(self.costs(place, level), flint.arb(0))
        return all(self.proven[number] <= room for number in corners.tolist())

    def corners(self, places: Integers, levels: Integers) -> Integers:
        """(n, 4) the numbers of the corners of cells; new ones are taken in."""
        shift = (_UNITS - levels)[:, None, :]
        ends = (places[:, None, :] + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])) << shift
        ends = np.where(self.used, ends, 0)
        flat = list(map(tuple, ends.reshape(-1, 2).tolist()))
        known = len(self.places)
        for place in flat:
            if place not in self.numbers:
                self.numbers[place] = len(self.places)
                self.places.append(place)
        new = len(self.places) - known
        if new:
            at = np.array(self.places)
            near = np.zeros((new, 16))
            if known:
                for k, place in enumerate(at[known:]):
                    near[k] = self.best[np.abs(at[:known] - place).sum(axis=1).argmin()]
            self.hints, self.best = np.concatenate([self.hints, near]), np.concatenate([self.best, near])
            self.values = np.concatenate([self.values, np.full(new, -np.inf)])
            self.uppers = np.concatenate([self.uppers, np.full(new, np.inf)])
        return np.array([self.numbers[place] for place in flat], dtype=np.int64).reshape(-1, 4)

    # -- corners ----------------------------------------------------------------------------------------------------

    def angles(self, index: Integers) -> Floats:
        return np.pi * np.array([self.places[k] for k in index.tolist()]).reshape(-1, 2) / 2.0**_UNITS

    def climb(self, corners: Integers, targets: Floats) -> None:
        """Better hints at corners, until each is below the targets of its cells, or known to be above."""
        index, inverse = np.unique(corners, return_inverse=True)
        needed = np.full(len(index), np.inf)
        np.minimum.at(needed, inverse.reshape(-1), np.repeat(targets, 4))
        todo = np.flatnonzero((self.uppers[index] > needed - _MARGIN) & (self.values[index] <= needed))
        base, moves, heights, lengths = (
            self.hints[index].copy(),
            np.zeros((len(index), 16)),
            np.full(len(index), -np.inf),
            np.ones(len(index)),
        )
        tables = self.floats.tables(self.table, self.angles(index))
        columns = [piece.at(self.angles(index)) for piece in self.floats.pieces]
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                if not todo.size:
                    break
                here = index[todo]
                values, uppers, along = self.floats.step(
                    tables[todo], [c[todo] for c in columns], self.hints[here], _NOISE
                )
                better = np.less(uppers, self.uppers[here])
                self.uppers[here[better]], self.best[here[better]] = uppers[better], self.hints[here[better]]
                self.values[here] = np.fmax(self.values[here], values)
                if (self.values[here] > self.limit + 1e-9 * (1.0 + np.abs(self.table).sum())).any():
                    raise CertificateError("the functional is above the average entropy of a pair of qubits.")
                good = np.greater_equal(values, heights[todo] - 2.0 * _NOISE)
                kept = todo[good]
                base[kept], moves[kept], heights[kept] = self.hints[here[good]], along[good], values[good]
                length = lengths[todo] = np.where(good, np.minimum(4.0 * lengths[todo], 1.0), 0.25 * lengths[todo])
                self.hints[here] = base[todo] + length[:, None] * moves[todo]
                settled = (self.uppers[here] <= needed[todo] - _MARGIN) | (self.values[here] > needed[todo])
                todo = todo[~settled]
        self.hints[index] = base

    def prove(self, index: Integers) -> None:
        """Bounds in balls at corners."""
        index = np.array([k for k in index.tolist() if k not in self.proven], dtype=np.int64)
        if not index.size:
            return
        angles = self.angles(index)
        tables = self.floats.tables(self.table, angles)
        columns = [piece.at(angles) for piece in self.floats.pieces]
        logs, blocks, last = self.floats.choices(tables, columns, self.best[index], _NOISE)
        for n, k in enumerate(index.tolist()):
            choice = logs[n].tolist(), [block[n].tolist() for block in blocks], last[n].tolist()
            self.proven[k] = self._bound(self.places[k], choice)

    def _bound(self, place: tuple[int, int], choice: tuple[Any, list[Any], Any]) -> flint.arb:
        """What a choice of r proves at a corner."""
        log, blocks, last = choice
        exponent = flint.arb_mat(log)
        state = exponent.exp()
        total = flint.arb_mat(operator_of(self._table(place))) - exponent
        for piece, near in zip(self.pieces, blocks, strict=True):
            columns = self._columns(piece, place)
            part = columns.transpose() * state * columns
            rows = part.tolist()
            logs = small_logarithm(rows) if len(rows) < 3 else logarithm_above(part, near)
            total = total + columns * logs * columns.transpose() * to_ball(piece.share)
        return largest_eigenvalue(total, last)

    def _table(self, place: tuple[int, int]) -> list[list[flint.arb]]:
        """K in 1, Z, X times 1, Z, X."""
        (c, s), (d, t) = ((_cos_pi(k, _UNITS), _sin_pi(k, _UNITS)) for k in place)
        constant, first, second = ([one, z + d * other, t * other] for one, z, other in self.balls)
        return [constant, [v + c * w for v, w in zip(first, second, strict=True)], [s * w for w in second]]

    def _columns(self, piece: Piece, place: tuple[int, int]) -> flint.arb_mat:
        """C at a corner."""
        turns = []
        for k, turned in zip(place, piece.turned, strict=True):
            c, s = (_cos_pi(k, _UNITS + 1), _sin_pi(k, _UNITS + 1)) if turned else (flint.arb(1), flint.arb(0))
            turns.append([[c, -s], [s, c]])
        rows = [[p * q for p in row for q in other] for row in turns[0] for other in turns[1]]
        return flint.arb_mat(rows) * flint.arb_mat(piece.base)


def _cos_pi(k: int, level: int) -> flint.arb:
    """cos(pi k / 2^level)."""
    return flint.arb.cos_pi_fmpq(flint.fmpq(k, 2**level))


def _sin_pi(k: int, level: int) -> flint.arb:
    return flint.arb.sin_pi_fmpq(flint.fmpq(k, 2**level))


def _bit(p: flint.arb) -> flint.arb:
    """h(p) in nats, for p from 0 to 1/2."""
    if p == 0:
        return flint.arb(0)
    return -p * p.log() - (1 - p) * (1 - p).log()


def _halved(places: Integers, levels: Integers, costs: Floats) -> tuple[Integers, Integers]:
    """The halves of cells, each along the arc that costs more, or along both."""
    split = costs >= 0.5 * costs.max(axis=1, keepdims=True)
    found: list[tuple[list[int], list[int]]] = []
    for place, level, (a, b) in zip(places.tolist(), levels.tolist(), split.tolist(), strict=True):
        for i in range(2 if a else 1):
            for j in range(2 if b else 1):
                found.append(
                    (
                        [2 * place[0] + i if a else place[0], 2 * place[1] + j if b else place[1]],
                        [level[0] + a, level[1] + b],
                    )
                )
    return np.array([p for p, _ in found], dtype=np.int64), np.array([v for _, v in found], dtype=np.int64)
