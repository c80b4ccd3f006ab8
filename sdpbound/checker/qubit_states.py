"""The bound at given angles from a state of two qubits, for any tests."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import flint

from sdpbound.checker.channel import Channel
from sdpbound.checker.float_balls import FloatBalls
from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_floats import Floats, StateFloats
from sdpbound.checker.qubit_search import Table

__all__ = [
    "StateDual",
    "key_roots",
    "largest_eigenvalue",
    "logarithm_above",
    "operator_of",
    "orthonormal",
    "small_logarithm",
]

_HALF, _THREE_EIGHTHS = flint.arb(0.5), flint.arb(0.375)
#: Columns whose products are off by more than one part in so many are far from orthonormal ones; by less, near them.
_FAR, _NEAR, _ROUNDS = 2**3, 2**48, 5
#: The logarithm of r; eigenvectors of each N_i r N_i, and of the matrix whose largest eigenvalue counts.
Choice = tuple[Table, list[Table], Table]


class StateDual:
    """Any tests; hints are guesses of sum_i N_i log(N_i r N_i) N_i, the sixteen entries in a row."""

    most_steps = 4_000_000
    quick = False

    def __init__(self, key: str, channel: Channel) -> None:
        self.roots = key_roots(key, channel)
        self.free_bob = key != "both"
        self.matrices = [_from_support(support, root) for support, root in self.roots]
        self.floats = StateFloats([(support, [float(v.mid()) for v in root]) for support, root in self.roots])

    def choices(self, tables: Floats, hints: Floats, noise: float) -> list[Choice]:
        logs, blocks, last = self.floats.choices(tables, hints, noise)
        return [(logs[n].tolist(), [block[n].tolist() for block in blocks], last[n].tolist()) for n in range(len(logs))]

    def bound(self, table: Table, choice: Choice) -> flint.arb:
        log, blocks, last = choice
        exponent = flint.arb_mat(log)
        state, total = exponent.exp(), flint.arb_mat(operator_of(table)) - exponent
        for (root, transposed), near in zip(self.matrices, blocks, strict=True):
            part = transposed * state * root
            logs = small_logarithm(part.tolist()) if part.nrows() < 3 else logarithm_above(part, near)
            total += root * logs * transposed
        return largest_eigenvalue(total, last)

    def bounds(self, tables: list[tuple[FloatBalls, ...]], hints: Floats) -> Floats:
        """NaN: balls of floats say nothing of logarithms of matrices."""
        return hints[:, 0] * math.nan


def key_roots(key: str, channel: Channel) -> list[tuple[list[int], list[flint.arb]]]:
    """Of each N_i of a key its support and its diagonal there."""
    if key == "both":
        return [([i], [flint.arb(1)]) for i in range(4)]
    effects = [(zero, zero, one, one) for zero, one in channel.rows if zero or one]
    supports = [[k for k, p in enumerate(effect) if p] for effect in effects]
    return [
        (places, [to_ball(effect[k]).sqrt() for k in places]) for places, effect in zip(supports, effects, strict=True)
    ]


def _from_support(support: list[int], root: list[flint.arb]) -> tuple[flint.arb_mat, flint.arb_mat]:
    """N_i with the rows of all four places and the columns of its support, and its transpose."""
    zero = flint.arb(0)
    found = flint.arb_mat(
        [[value if i == k else zero for k, value in zip(support, root, strict=True)] for i in range(4)]
    )
    return found, found.transpose()


def operator_of(table: Table) -> Table:
    """The matrix of a table in 1, Z, X times 1, Z, X."""
    one, z, x = table
    # of Alice's qubit, 1 and Z stand in two blocks on the diagonal, with the signs of Z, and X in those off it
    (a, b), (c, d) = _block([p + q for p, q in zip(one, z, strict=True)])
    (e, f), (g, h) = _block([p - q for p, q in zip(one, z, strict=True)])
    (i, j), (k, m) = _block(x)
    return [[a, b, i, j], [c, d, k, m], [i, j, e, f], [k, m, g, h]]


def _block(row: list[Any]) -> Table:
    """The matrix of a row in 1, Z, X of Bob."""
    one, z, x = row
    return [[one + z, x], [x, one - z]]


def small_logarithm(part: Table) -> flint.arb_mat:
    """Of a positive 1 x 1 or 2 x 2 matrix; NaN where the balls do not say that it is positive."""
    if len(part) == 1:
        return flint.arb_mat([[part[0][0].log()]])
    (p, r), (_, q) = part
    half, apart = (p + q) / 2, (p - q) / 2
    split = (apart * apart + r * r).nonnegative_part().sqrt()  # eigenvalues are half +- split
    high = half + split
    low = (p * q - r * r) / high
    middle, slope = (high.log() + low.log()) / 2, flint.arb("nan")
    if split > 0:
        slope = (high.log() - low.log()) / (2 * split)
    elif low > 0:
        slope = (1 / high).union(1 / low)  # the derivative of the logarithm somewhere between them
    return flint.arb_mat([[middle + slope * apart, slope * r], [slope * r, middle - slope * apart]])


def logarithm_above(matrix: flint.arb_mat, near: Table) -> flint.arb_mat:
    """A matrix not below the logarithm of a positive one: that of its nearly diagonal form, with the sums of what is
    off the diagonal added to it, as the logarithm is monotone. ``near``: floats near its eigenvectors.
    """
    u = orthonormal(flint.arb_mat(near))
    transposed = u.transpose()
    logs = [_row_sum(row, i).log() for i, row in enumerate((transposed * matrix * u).tolist())]
    return flint.arb_mat([[v * log for v, log in zip(row, logs, strict=True)] for row in u.tolist()]) * transposed


def _row_sum(row: list[flint.arb], i: int) -> flint.arb:
    """The i-th number of a row, with the sizes of the others added."""
    total = row[i]
    for j, value in enumerate(row):
        if j != i:
            total = total + abs(value)
    return total


def largest_eigenvalue(matrix: flint.arb_mat, near: Table) -> flint.arb:
    """A number not below the largest eigenvalue. ``near``: floats near the eigenvectors.

    With the exact u of these floats, ``x = u y``: x . M x is at most d |y|^2, d the largest sum of a row of u^T M u
    with |entries| off the diagonal, and |x|^2 differs from |y|^2 by at most e |y|^2, e the largest sum of |entries| of
    a row of u^T u - 1, if that is below one.
    """
    u = flint.arb_mat(near)
    transposed = u.transpose()
    tops = [_row_sum(row, i) for i, row in enumerate((transposed * matrix * u).tolist())]
    errors = [sum(map(abs, row), flint.arb(0)) for row in (transposed * u - _one(len(near))).tolist()]
    top, error = tops[0], errors[0]
    for k in range(1, len(tops)):
        top, error = top.max(tops[k]), error.max(errors[k])  # each contains the largest of any numbers in the balls
    return (top / (1 - error)).max(top / (1 + error)) if error < 1 else flint.arb("inf")


def orthonormal(near: flint.arb_mat) -> flint.arb_mat:
    """Orthonormal columns in balls, near those of a matrix u, of whose balls the middles are taken.

    They are those of ``u (u^T u)^(-1/2)``. For ``u^T u = 1 + E`` with a sum of squares of the entries of E of at most
    e^2 this root is ``1 - E/2 + 3 E^2/8`` but for a matrix of norm at most ``e^3 / (1 - e)``, as the numbers of the
    series are below one. Where that is not small it gives another u. Far from orthonormal columns are made so one
    after another.
    """
    u, one = near.mid(), _one(near.nrows())
    for _ in range(_ROUNDS):
        error = u.transpose() * u - one
        square = error * error
        e = square.trace().nonnegative_part().sqrt()
        if not _FAR * e < 1:
            break
        better = u * (one - error * _HALF + square * _THREE_EIGHTHS)
        if _NEAR * e < 1:
            left = (e**3 / (1 - e)).upper()
            return better + u * flint.arb_mat([[flint.arb(0, left)] * one.nrows()] * one.nrows())
        u = better.mid()
    return _one_by_one(u.tolist())


def _one_by_one(v: Table) -> flint.arb_mat:
    n = len(v)
    columns: list[list[flint.arb]] = []
    for k in range(n):
        w = [flint.arb(v[i][k]) for i in range(n)]
        for other in columns:
            overlap = sum((x * y for x, y in zip(w, other, strict=True)), flint.arb(0))
            w = [x - overlap * y for x, y in zip(w, other, strict=True)]
        size = sum((x * x for x in w), flint.arb(0)).sqrt()
        columns.append([x / size for x in w])
    return flint.arb_mat([[column[i] for column in columns] for i in range(n)])


@lru_cache(maxsize=8)
def _one(n: int) -> flint.arb_mat:
    return flint.arb_mat([[int(i == j) for j in range(n)] for i in range(n)])
