"""The bound at given angles on the power of a Renyi entropy, from a matrix R of two qubits, in balls.

With the N_i of the key (:mod:`sdpbound.checker.qubit`), 0 < s <= 1/2 and e = s/(1-s), ::

    Q(rho) = max over sigma of (Tr(rho^(1/2) S rho^(1/2))^(1/(1+s)))^(1+s),   S = sum_i N_i sigma_i^s N_i,

with matrices sigma_i >= 0 whose traces add up to one, is what :mod:`sdpbound.checker.renyi` needs an upper bound on.
For any R > 0

    Q(rho) <= Tr rho M,   M = S #_s R^-1,   S = sum_i N_i (N_i R N_i)^e N_i,

where ``A #_s B = A^(1/2) (A^(-1/2) B A^(-1/2))^s A^(1/2)`` is the weighted geometric mean (the proof is in
docs/renyi.md). It rises with A, and ``X X^T #_s R^-1 = X (X^T R X)^-s X^T`` for any invertible X. So with t such that
``S <= t X X^T`` and a matrix D, diagonal in some basis, with ``0 < D <= X^T R X``,

    M <= t^(1-s) X D^-s X^T,

as t -> t^-s falls. ``G(K) = max Tr K rho + (Q(rho) - 1)/s`` is at most the largest eigenvalue of ``K + (M - 1)/s``.
"""

from __future__ import annotations

from fractions import Fraction

import flint

from sdpbound.checker.channel import Channel
from sdpbound.checker.float_balls import FloatBalls
from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_floats import Floats
from sdpbound.checker.qubit_renyi_floats import RenyiFloats
from sdpbound.checker.qubit_search import Table
from sdpbound.checker.qubit_states import key_roots, largest_eigenvalue, operator_of, orthonormal

__all__ = ["RenyiDual"]

_SMALL = 2.0**-10
#: R; eigenvectors of each N_i R N_i; X; eigenvectors of X^T R X, and of the matrix whose largest eigenvalue counts.
Choice = tuple[Table, list[Table], Table, Table, Table]


class RenyiDual:
    """Any tests; hints as in :mod:`sdpbound.checker.qubit_renyi_floats`. ``s`` from above 0 to 1/2."""

    most_steps = 300_000
    quick = False

    def __init__(self, key: str, channel: Channel, s: Fraction) -> None:
        self.roots = key_roots(key, channel)
        self.free_bob = key != "both"
        self.s, self.power = to_ball(s), to_ball(s / (1 - s))
        floats = [(support, [float(v.mid()) for v in root]) for support, root in self.roots]
        self.floats = RenyiFloats(floats, s.numerator / s.denominator)

    def choices(self, tables: Floats, hints: Floats, noise: float) -> list[Choice]:
        r, blocks, x, inner, last = self.floats.choices(tables, hints, noise)
        return [
            (r[n].tolist(), [block[n].tolist() for block in blocks], x[n].tolist(), inner[n].tolist(), last[n].tolist())
            for n in range(len(r))
        ]

    def bound(self, table: Table, choice: Choice) -> flint.arb:
        given, blocks, near_root, inner, last = choice
        r, x = flint.arb_mat(given), flint.arb_mat(near_root)
        above = x * _below(x.transpose() * r * x, inner, -self.s) * x.transpose()
        back = x.inv()
        factor = _largest_row(back * self._total(r, blocks) * back.transpose()) ** (1 - self.s)
        one = flint.arb_mat([[int(i == j) for j in range(4)] for i in range(4)])
        return largest_eigenvalue(flint.arb_mat(operator_of(table)) + (above * factor - one) * (1 / self.s), last)

    def bounds(self, tables: list[tuple[FloatBalls, ...]], hints: Floats) -> Floats:
        """NaN: balls of floats say nothing of powers of matrices."""
        return hints[:, 0] * float("nan")

    def _total(self, r: flint.arb_mat, blocks: list[Table]) -> flint.arb_mat:
        """A matrix not below S."""
        rows = [[flint.arb(0)] * 4 for _ in range(4)]
        for (support, root), near in zip(self.roots, blocks, strict=True):
            places = list(zip(support, root, strict=True))
            part = flint.arb_mat([[r[i, j] * a * b for j, b in places] for i, a in places])
            powers = _above(part, near, self.power)
            for k, (i, a) in enumerate(places):
                for m, (j, b) in enumerate(places):
                    rows[i][j] += a * b * powers[k, m]
        return flint.arb_mat(rows)


def _above(matrix: flint.arb_mat, near: Table, power: flint.arb) -> flint.arb_mat:
    """A matrix not below a power from 0 to 1 of a positive one, which rises with the matrix."""
    return _rounded(matrix, near, power, 1)


def _below(matrix: flint.arb_mat, near: Table, power: flint.arb) -> flint.arb_mat:
    """A matrix not below a power from -1 to 0 of a positive one, which falls with the matrix."""
    return _rounded(matrix, near, power, -1)


def _rounded(matrix: flint.arb_mat, near: Table, power: flint.arb, sign: int) -> flint.arb_mat:
    """The power of a diagonal matrix not below (sign 1) or not above (-1) in a basis near that of the eigenvectors.

    NaN where the balls do not say that it is positive. What is off the diagonal is at most the sums of its rows.
    """
    n = len(near)
    u = orthonormal(flint.arb_mat(near))
    u = orthonormal(u * _closer(u.transpose() * matrix * u))
    turned = u.transpose() * matrix * u
    powers = []
    for i in range(n):
        rest = sum((abs(turned[i, j]) for j in range(n) if j != i), flint.arb(0))
        entry = turned[i, i] + sign * rest
        powers.append(entry**power if entry > 0 else flint.arb("nan"))
    diagonal = flint.arb_mat([[powers[i] if i == j else 0 for j in range(n)] for i in range(n)])
    return u * diagonal * u.transpose()


def _closer(turned: flint.arb_mat) -> flint.arb_mat:
    """What makes a matrix that is nearly diagonal more nearly so, to first order; any numbers will do."""
    near = [[float(v) for v in row] for row in turned.tolist()]
    rows = [[float(i == j) for j in range(len(near))] for i in range(len(near))]
    for i, row in enumerate(near):
        for j, value in enumerate(row):
            gap = near[j][j] - row[i]
            if i != j and abs(value) < abs(gap) * _SMALL:
                rows[i][j] = value / gap
    return flint.arb_mat(rows)


def _largest_row(matrix: flint.arb_mat) -> flint.arb:
    """A number not below the largest eigenvalue."""
    top, *others = [sum((abs(v) for v in row), flint.arb(0)) for row in matrix.tolist()]
    for other in others:
        top = top.max(other)
    return top
