"""A state and the bound that it gives, found by floats: Newton's method with a barrier. Nothing of it is trusted.

For any state r > 0, with ``C(r) = sum_i share_i W_i log(W_i^T r W_i) W_i^T - log r``, H lies above its tangent at r,

    G(K') <= largest eigenvalue of  K' + C(r)    for every K'.

At the r that is best for K all eigenvalues of K + C(r) are equal where nothing of r is small, so that it is a poor
bound for a K' nearby. What is maximised here is ``Tr K r - H(r) + tau log det r`` over states. There

    K + C(r) = mu - tau / r,

no more than 4 tau above G(K) at K itself, with room where r is nearly zero: a bound for all that is near K.

A state is ``r = T T^T``, and a change of it ``T E T^T``. With the rows of ``W^T T`` made orthogonal by rotations U,
their squared lengths are the eigenvalues of ``W^T r W``, and gradient and curvature are sums over them. The slack
``S = mu - K - C(r)`` has an iterate of its own, and ``r S = tau`` is solved for both at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

__all__ = ["Climber", "Matrix", "Place", "congruent", "multiplied", "top", "values_of"]

Matrix = list[list[float]]
Lines = list[list[float]]
PAIRS = [(i, j) for i in range(4) for j in range(i, 4)]
ROOT2 = math.sqrt(2)
HALF = math.sqrt(0.5)
SMALL, TINY, MOST_SWEEPS = 1e-15, 1e-300, 12
#: Most steps, how near the mean slack comes to tau, which part of it is aimed at after a long and a short step, what
#: a step is called long for, and how much of the way to the boundary it goes.
MOST_STEPS, NEAR, AIMS, LONG, WAY = 30, 1.5, (0.1, 0.5), 0.7, 0.9


@dataclass(slots=True)
class Place:
    """A state: its factor, its logarithms, and what they prove about.

    Attributes
    ----------
    factor : T
    slack : ``T^T S T``
    tau : the mean slack
    turns : for r and for each W the rows U^T that make those of ``W^T T`` orthogonal
    values : the squared lengths of these rows
    least : about ``Tr K r - H(r)``
    """

    factor: Matrix
    slack: Matrix
    tau: float
    turns: list[Matrix]
    values: list[list[float]]
    least: float

    def logarithms(self, more: float) -> list[Matrix]:
        """About the logarithms of r and of ``W^T r W``, with ``more`` added to each eigenvalue."""
        found = []
        for turn, values in zip(self.turns, self.values, strict=True):
            logs = [math.log(value + more) for value in values]
            columns = list(zip(*turn, strict=True))
            scaled = [list(map(mul, logs, column)) for column in columns]
            found.append([[sum(map(mul, p, q)) for q in columns] for p in scaled])
        return found


@dataclass(frozen=True, slots=True)
class Climber:
    """The search for states.

    Attributes
    ----------
    shares : the weight of each W in H
    outcomes : the transposes of the W, of 4 columns
    """

    shares: Sequence[float]
    outcomes: Sequence[Matrix]

    def curvature(self, logarithms: Sequence[Matrix]) -> Matrix:
        """C(r), from the logarithms."""
        found = [[-v for v in row] for row in logarithms[0]]
        for share, w, logarithm in zip(self.shares, self.outcomes, logarithms[1:], strict=True):
            more = congruent(w, logarithm)
            found = [[p + share * q for p, q in zip(a, b, strict=True)] for a, b in zip(found, more, strict=True)]
        return found

    def climbed(self, operator: Matrix, tau: float, place: Place | None = None) -> Place:
        """The best state with a slack of about ``tau``, from any."""
        if place is None:
            size = max(map(abs, values_of(operator))) + 1
            factor = [[0.5 * (i == j) for j in range(4)] for i in range(4)]
            slack = [[0.25 * size * (i == j) for j in range(4)] for i in range(4)]
        else:
            factor, slack = place.factor, place.slack
        lines = [[list(row) for row in factor], *(multiplied(w, factor) for w in self.outcomes)]
        least, aim, long = -math.inf, AIMS[0], place is None
        for _ in range(MOST_STEPS):
            values = [_orthogonal(rows) for rows in lines]
            mean = (slack[0][0] + slack[1][1] + slack[2][2] + slack[3][3]) / 4
            if mean < NEAR * tau and long:
                break
            now = max(tau, aim * mean)
            gradient, hessian = self._derivatives(operator, factor, lines, values, slack)
            trace = sum(sum(map(mul, row, row)) for row in factor)
            least = sum(gradient[i] for i, (p, q) in enumerate(PAIRS) if p == q) / trace
            change = _newton(gradient, hessian, factor, now)
            after = _slack(slack, change, now)
            one, two = _length(_identity(), change), _length(slack, after)
            step = _cholesky(_sum(_identity(), change, one))
            slack = congruent(step, _sum(slack, after, two))
            factor = multiplied(factor, step)
            lines = [multiplied(rows, step) for rows in lines]
            long = min(one, two) > LONG
            aim = AIMS[0 if long else 1]
        size = math.sqrt(sum(sum(map(mul, row, row)) for row in factor))
        factor = [[v / size for v in row] for row in factor]
        return self._placed(factor, slack, mean, least)

    def _placed(self, factor: Matrix, slack: Matrix, tau: float, least: float) -> Place:
        turns, all_values = [], []
        for rows in ([list(row) for row in factor], *(multiplied(w, factor) for w in self.outcomes)):
            turn = [[float(i == j) for j in range(len(rows))] for i in range(len(rows))]
            all_values.append(_orthogonal(rows, turn))
            turns.append(turn)
        return Place(factor, slack, tau, turns, all_values, least)

    def _derivatives(
        self, operator: Matrix, factor: Matrix, lines: list[Lines], values: list[list[float]], slack: Matrix
    ) -> tuple[list[float], Matrix]:
        """Gradient, and minus the second derivatives with the slack's, in the orthonormal basis of symmetric E."""
        g = congruent(factor, operator)
        gradient = [g[i][j] if i == j else ROOT2 * g[i][j] for i, j in PAIRS]
        forms: list[tuple[float, ...]] = []
        weights: list[float] = []
        firsts: list[float] = []
        for share, rows, lengths in zip((-1.0, *self.shares), lines, values, strict=True):
            logs = [math.log(value) for value in lengths]
            units = []
            for row, length in zip(rows, lengths, strict=True):
                root = 1 / math.sqrt(length)
                units.append([v * root for v in row])
            for a, first in enumerate(units):
                for b in range(a, len(units)):
                    # share is minus one for r itself, whose part in the second derivatives is positive
                    weight = -share * _slope(lengths[a], lengths[b], logs[a] - logs[b])
                    forms.append(_form(first, units[b]))
                    weights.append(weight if a == b else 2 * weight)
                    firsts.append(share * lengths[a] * logs[a] if a == b else 0.0)
        columns = list(zip(*forms, strict=True))
        hessian = []
        for i, column in enumerate(columns):
            scaled = list(map(mul, weights, column))
            hessian.append([sum(map(mul, scaled, columns[j])) for j in range(i + 1)])
            gradient[i] += sum(map(mul, firsts, column))
        for i, j, p, q, factor_ in SLACKS:
            hessian[i][j] += factor_ * slack[p][q]
        return gradient, hessian


def _form(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
    """``first^T E second`` as a linear form of a symmetric E."""
    p, q, r, s = first
    t, u, v, w = second
    return (
        p * t,
        HALF * (p * u + q * t),
        HALF * (p * v + r * t),
        HALF * (p * w + s * t),
        q * u,
        HALF * (q * v + r * u),
        HALF * (q * w + s * u),
        r * v,
        HALF * (r * w + s * v),
        s * w,
    )


def _slacks() -> list[tuple[int, int, int, int, float]]:
    """The form ``Tr E E' S`` of symmetric E and E': row, column (of its lower triangle), an entry of S, a factor."""
    found: dict[tuple[int, int, int, int], float] = {}
    for i, one in enumerate(PAIRS):
        for j, two in enumerate(PAIRS[: i + 1]):
            scale = (1 if one[0] == one[1] else HALF) * (1 if two[0] == two[1] else HALF)
            for a, b in {one, one[::-1]}:
                for c, d in {two, two[::-1]}:
                    if b == c:  # e_a e_b^T e_c e_d^T S has the trace S_da
                        key = (i, j, min(a, d), max(a, d))
                        found[key] = found.get(key, 0.0) + scale
    return [(*key, value) for key, value in found.items()]


SLACKS = _slacks()


def _identity() -> Matrix:
    return [[float(i == j) for j in range(4)] for i in range(4)]


def _sum(p: Matrix, q: Matrix, factor: float) -> Matrix:
    return [[a + factor * b for a, b in zip(r, s, strict=True)] for r, s in zip(p, q, strict=True)]


def _slack(slack: Matrix, change: Matrix, tau: float) -> Matrix:
    """The change of S that goes with one of r: ``tau - S - (E S + S E) / 2``, all beside T."""
    both = multiplied(change, slack)
    return [[tau * (i == j) - slack[i][j] - (both[i][j] + both[j][i]) / 2 for j in range(4)] for i in range(4)]


def _length(start: Matrix, change: Matrix) -> float:
    """How far one can go so that a matrix stays positive: at most 1, and :data:`WAY` of what is possible."""
    if _cholesky_or_none(_sum(start, change, 1.0)) is not None and _cholesky_or_none(_sum(start, change, 1 / WAY)):
        return 1.0
    lower = _cholesky(start)
    inverse = _inverse(lower)
    low = -min(values_of(multiplied(multiplied(inverse, change), [list(row) for row in zip(*inverse, strict=True)])))
    return min(1.0, WAY / low) if low > 0 else 1.0


def _inverse(lower: Matrix) -> Matrix:
    """Of a lower triangular matrix."""
    size = len(lower)
    found = [[0.0] * size for _ in range(size)]
    for j in range(size):
        found[j][j] = 1 / lower[j][j]
        for i in range(j + 1, size):
            found[i][j] = -sum(lower[i][k] * found[k][j] for k in range(j, i)) / lower[i][i]
    return found


def _cholesky_or_none(matrix: Matrix) -> Matrix | None:
    lower: Matrix = []
    for i, row in enumerate(matrix):
        line: list[float] = []
        for j in range(i):
            line.append((row[j] - sum(map(mul, line, lower[j]))) / lower[j][j])
        rest = row[i] - sum(map(mul, line, line))
        if not rest > 0:
            return None
        line.append(math.sqrt(rest))
        lower.append(line)
    size = len(matrix)
    return [line + [0.0] * (size - len(line)) for line in lower]


def _cholesky(matrix: Matrix) -> Matrix:
    """A lower triangular factor; of a matrix that is positive but for rounding, one nearby."""
    found = _cholesky_or_none(matrix)
    more = TINY
    while found is None:
        more = max(1e-16 * max(row[i] for i, row in enumerate(matrix)), 10 * more)
        found = _cholesky_or_none([[v + more * (i == j) for j, v in enumerate(row)] for i, row in enumerate(matrix)])
    return found


def multiplied(a: Matrix, b: Matrix) -> Matrix:
    """Matrices multiplied."""
    columns = list(zip(*b, strict=True))
    return [[sum(map(mul, row, column)) for column in columns] for row in a]


def congruent(a: Matrix, b: Matrix) -> Matrix:
    """``a^T b a``."""
    columns = list(zip(*a, strict=True))
    half = [[sum(map(mul, row, column)) for column in columns] for row in b]
    rows = list(zip(*half, strict=True))
    return [[sum(map(mul, column, row)) for row in rows] for column in columns]


def _orthogonal(rows: Lines, turn: Lines | None = None) -> list[float]:
    """Rotate rows, and those of ``turn`` with them, until they are orthogonal; their squared lengths."""
    size = len(rows)
    for _ in range(MOST_SWEEPS):
        done = True
        for i in range(size - 1):
            for j in range(i + 1, size):
                a, b, c, d = rows[i]
                e, f, g, h = rows[j]
                between = a * e + b * f + c * g + d * h
                one = a * a + b * b + c * c + d * d
                two = e * e + f * f + g * g + h * h
                if between * between <= SMALL * SMALL * one * two:
                    continue
                done = False
                slope = (two - one) / (2 * between)
                t = 1 / (abs(slope) + math.sqrt(slope * slope + 1))
                if slope < 0:
                    t = -t
                x = 1 / math.sqrt(t * t + 1)
                y = t * x
                rows[i] = [x * a - y * e, x * b - y * f, x * c - y * g, x * d - y * h]
                rows[j] = [y * a + x * e, y * b + x * f, y * c + x * g, y * d + x * h]
                if turn is not None:
                    p, q = turn[i], turn[j]
                    turn[i] = [x * v - y * w for v, w in zip(p, q, strict=True)]
                    turn[j] = [y * v + x * w for v, w in zip(p, q, strict=True)]
        if done:
            break
    return [max(a * a + b * b + c * c + d * d, TINY) for a, b, c, d in rows]


def _slope(p: float, q: float, logs: float) -> float:
    """``p q (log p - log q) / (p - q)``, which is p where they are equal."""
    if abs(p - q) <= 1e-6 * (p + q):
        return 2 * p * q / (p + q)
    return p * q * logs / (p - q)


def _newton(gradient: list[float], hessian: Matrix, factor: Matrix, tau: float) -> Matrix:
    """The change E for which the trace stays."""
    columns = list(zip(*factor, strict=True))
    trace = [sum(map(mul, columns[i], columns[j])) * (1 if i == j else ROOT2) for i, j in PAIRS]
    aimed = [value + tau * (i == j) for value, (i, j) in zip(gradient, PAIRS, strict=True)]
    first, second = _solved(hessian, (aimed, trace))
    mu = sum(map(mul, first, trace)) / sum(map(mul, second, trace))
    found = [[0.0] * 4 for _ in range(4)]
    for (i, j), p, q in zip(PAIRS, first, second, strict=True):
        value = p - mu * q
        found[i][j] = found[j][i] = value if i == j else value * HALF
    return found


def _solved(matrix: Matrix, rights: Sequence[Sequence[float]]) -> list[list[float]]:
    """Solutions of a positive definite system, of which only the lower triangle is read."""
    lower: Matrix = []
    for i, row in enumerate(matrix):
        line: list[float] = []
        for j in range(i):
            other = lower[j]
            line.append((row[j] - sum(map(mul, line, other))) / other[j])
        line.append(math.sqrt(max(row[i] - sum(map(mul, line, line)), 1e-14 * abs(row[i]) + TINY)))
        lower.append(line)
    size = len(matrix)
    columns = [[lower[k][i] for k in range(size - 1, i, -1)] for i in range(size)]
    found = []
    for right in rights:
        x: list[float] = []
        for value, line in zip(right, lower, strict=True):
            x.append((value - sum(map(mul, line, x))) / line[-1])
        back: list[float] = []
        for i in range(size - 1, -1, -1):
            back.append((x[i] - sum(map(mul, columns[i], back))) / lower[i][i])
        found.append(back[::-1])
    return found


def top(matrix: Matrix) -> float:
    """About the largest eigenvalue of a symmetric matrix."""
    return max(values_of(matrix))


def values_of(matrix: Matrix) -> list[float]:
    """About the eigenvalues, by rotations."""
    a = [list(row) for row in matrix]
    size = len(a)
    for _ in range(MOST_SWEEPS):
        done = True
        for p in range(size - 1):
            for q in range(p + 1, size):
                entry = a[p][q]
                if abs(entry) <= 1e-15 * (abs(a[p][p]) + abs(a[q][q])):
                    continue
                done = False
                slope = (a[q][q] - a[p][p]) / (2 * entry)
                t = math.copysign(1 / (abs(slope) + math.hypot(slope, 1)), slope)
                c = 1 / math.hypot(t, 1)
                s = t * c
                for k in range(size):
                    if k not in (p, q):
                        x, y = a[p][k], a[q][k]
                        a[p][k] = a[k][p] = c * x - s * y
                        a[q][k] = a[k][q] = s * x + c * y
                a[p][p] -= t * entry
                a[q][q] += t * entry
                a[p][q] = a[q][p] = 0.0
        if done:
            break
    return [a[i][i] for i in range(size)]
