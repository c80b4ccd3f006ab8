"""The bound at given angles from a state of two qubits, for any tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import flint

from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_search import Hint, Table

__all__ = ["StateDual"]

_LONGEST = 8.0


# --- any tests -----------------------------------------------------------------------------------------------------


class StateDual:
    """Any tests; hints are guesses of sum_i N_i log(N_i r N_i) N_i, the sixteen entries in a row."""

    most_steps = 20_000

    def __init__(self, key: str, flips: Fraction) -> None:
        self.roots: list[tuple[list[int], list[flint.arb]]]  # of each N_i its support and its diagonal there
        if key == "both":
            self.roots = [([i], [flint.arb(1)]) for i in range(4)]
        elif not flips:
            self.roots = [([0, 1], [flint.arb(1)] * 2), ([2, 3], [flint.arb(1)] * 2)]
        else:
            a, b = to_ball(1 - flips).sqrt(), to_ball(flips).sqrt()
            self.roots = [([0, 1, 2, 3], [a, a, b, b]), ([0, 1, 2, 3], [b, b, a, a])]
        self.floats = [[float(v.mid()) for v in diagonal] for _, diagonal in self.roots]

    def cold(self, table: Table) -> Hint:
        return [0.0] * 16

    def _point(self, table: Table, hint: Sequence[float], noise: float) -> tuple[list[float], Table, list[float]]:
        """Eigenvalues and vectors of r, and the logarithms of the eigenvalues without the noise in it."""
        operator = _operator(table)
        e, v = _eigen([[operator[i][j] + hint[4 * i + j] for j in range(4)] for i in range(4)])
        top = max(e)
        weights = [math.exp(x - top) for x in e]
        total = sum(weights)
        logs = [x - top - math.log(total) for x in e]
        return [(1.0 - noise) * w / total + 0.25 * noise for w in weights], v, logs

    def step(self, table: Table, hint: Sequence[float], noise: float) -> tuple[float, float, list[float]]:
        operator = _operator(table)
        weights, v, logs = self._point(table, hint, noise)
        state, log = _rebuilt(weights, v), _rebuilt([math.log(w) for w in weights], v)
        pinched, slope = self._pinched(state)
        rows = [[operator[i][j] + pinched[4 * i + j] - log[i][j] for j in range(4)] for i in range(4)]
        upper = max(_eigen(rows)[0])
        value = sum(state[i][j] * rows[i][j] for i in range(4) for j in range(4))  # Tr K r - H(r)
        # Newton's method for pinched = hint but for a multiple of 1: the state r follows K + hint
        quotients = [
            math.exp(0.5 * (a + b)) if abs(a - b) < 1e-5 else (math.exp(a) - math.exp(b)) / (a - b)
            for a, b in ((logs[i], logs[j]) for i, j in _PAIRS[4])
        ]
        pure = _rebuilt([math.exp(a) for a in logs], v)  # the noise does not follow
        turn, r = _turn(v, [1.0] * 4), flint.arb_mat([[x] for x in _vector([x for row in pure for x in row])])
        follows = turn * _spread(quotients) * turn.transpose() - r * r.transpose()
        miss = flint.arb_mat([[x] for x in _vector([x - y for x, y in zip(pinched, hint, strict=True)])])
        moved = (_spread([1.0] * 10) - slope * follows * (1.0 - noise)).solve(miss, algorithm="approx")
        move = [0.0] * 16
        for k, (i, j) in enumerate(_PAIRS[4]):
            move[4 * i + j] = move[4 * j + i] = float(moved[k, 0].mid()) / (1.0 if i == j else _ROOT)
        mean = sum(move[::5]) / 4.0
        move = [x - (mean if i % 5 == 0 else 0.0) for i, x in enumerate(move)]
        cut = 1.0 / max(1.0, max(abs(x) for x in move) / _LONGEST)
        return value, upper, [cut * x for x in move]

    def _pinched(self, state: Table) -> tuple[list[float], flint.arb_mat]:
        """sum_i N_i log(N_i r N_i) N_i, and its derivative by r."""
        total, slope = [0.0] * 16, [[flint.arb(0)] * 10 for _ in range(10)]
        for (support, _), root in zip(self.roots, self.floats, strict=True):
            places = list(zip(support, root, strict=True))
            e, u = _eigen([[state[i][j] * a * b for j, b in places] for i, a in places])
            e = [max(x, 1e-300) for x in e]
            logs = _rebuilt([math.log(x) for x in e], u)
            for k, (i, a) in enumerate(places):
                for m, (j, b) in enumerate(places):
                    total[4 * i + j] += a * b * logs[k][m]
            pairs = _PAIRS[len(support)]
            quotients = [
                2.0 / (e[i] + e[j]) if abs(e[i] - e[j]) < 1e-5 * e[i] else math.log(e[i] / e[j]) / (e[i] - e[j])
                for i, j in pairs
            ]
            turn = _turn(u, root)
            part = turn * _spread(quotients) * turn.transpose()
            where = [_PAIRS[4].index((support[i], support[j])) for i, j in pairs]
            for k, row in enumerate(where):
                for m, column in enumerate(where):
                    slope[row][column] += part[k, m]
        return total, flint.arb_mat(slope)

    def bound(self, table: Table, hint: Hint, noise: float) -> flint.arb:
        weights, v, _ = self._point([[float(x.mid()) for x in row] for row in table], hint, noise)
        u = _orthonormal(v)
        exact = [to_ball(Fraction(w)) for w in weights]
        state, log = _product(u, exact), _product(u, [w.log() for w in exact])
        total = flint.arb_mat(_operator(table)) - log
        rows = [[total[i, j] for j in range(4)] for i in range(4)]
        for support, root in self.roots:
            places = list(zip(support, root, strict=True))
            part = flint.arb_mat([[state[i, j] * a * b for j, b in places] for i, a in places])
            turn, values = _diagonal(part)
            # the logarithm is monotone
            logs = _product(turn, [value.log() for value in values])
            for k, (i, a) in enumerate(places):
                for m, (j, b) in enumerate(places):
                    rows[i][j] += a * b * logs[k, m]
        largest, *rest = _diagonal(flint.arb_mat(rows))[1]
        for value in rest:
            largest = largest.max(value)  # contains the largest of any numbers in the balls
        return largest


#: Places on and above the diagonal. A symmetric matrix is a vector of these entries, those above it times root 2.
_PAIRS = {n: [(i, j) for i in range(n) for j in range(i, n)] for n in (1, 2, 4)}
_ROOT = math.sqrt(2.0)


def _vector(matrix: Sequence[float]) -> list[float]:
    """Of a 4 x 4 matrix, its entries in a row."""
    return [matrix[4 * i + j] * (1.0 if i == j else _ROOT) for i, j in _PAIRS[4]]


def _turn(v: Table, root: Sequence[float]) -> flint.arb_mat:
    """The vector of N v x v^T N from that of x, N = diag(root)."""
    pairs = [(i, j, math.sqrt(0.5) if i == j else 1.0) for i, j in _PAIRS[len(v)]]
    return flint.arb_mat(
        [
            [s * t * root[a] * root[b] * (v[a][i] * v[b][j] + v[a][j] * v[b][i]) for i, j, s in pairs]
            for a, b, t in pairs
        ]
    )


def _spread(diagonal: Sequence[float]) -> flint.arb_mat:
    n = len(diagonal)
    return flint.arb_mat([[diagonal[i] if i == j else 0 for j in range(n)] for i in range(n)])


def _operator(table: Table) -> Table:
    """The matrix of a table in 1, Z, X times 1, Z, X."""
    out = [[0 * table[0][0]] * 4 for _ in range(4)]
    for i in range(4):
        for j in range(4):
            # Z has signs on the diagonal, X is off it: rows 0, 1 of 1 and Z where the bits agree, row 2 where not
            a, b = (i // 2 == j // 2), (i % 2 == j % 2)
            s, t = 1 - 2 * (i // 2), 1 - 2 * (i % 2)
            rows = [(table[0], 1), (table[1], s)] if a else [(table[2], 1)]
            out[i][j] = sum(((row[0] + t * row[1]) if b else row[2]) * sign for row, sign in rows)
    return out


def _eigen(matrix: Table) -> tuple[list[float], Table]:
    """Eigenvalues and vectors (columns) of a small symmetric matrix in floats, by Jacobi's rotations."""
    n = len(matrix)
    a = [row[:] for row in matrix]
    v = [[1.0 if i == j else 0.0 for j in range(n)] for i in range(n)]
    for _ in range(30):
        size = max((abs(a[i][j]) for i in range(n) for j in range(i)), default=0.0)
        if size <= 1e-17 * max(abs(a[i][i]) for i in range(n)) or size < 1e-300:
            break
        for p in range(n):
            for q in range(p + 1, n):
                if abs(a[p][q]) < 1e-300:
                    continue
                tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q])
                t = math.copysign(1.0, tau) / (abs(tau) + math.hypot(1.0, tau))
                c = 1.0 / math.hypot(1.0, t)
                s = t * c
                for k in range(n):
                    a[k][p], a[k][q] = c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]
                for k in range(n):
                    a[p][k], a[q][k] = c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]
                for k in range(n):
                    v[k][p], v[k][q] = c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]
    return [a[i][i] for i in range(n)], v


def _rebuilt(e: Sequence[float], v: Table) -> Table:
    n = len(e)
    return [[sum(e[k] * v[i][k] * v[j][k] for k in range(n)) for j in range(n)] for i in range(n)]


def _orthonormal(v: Table) -> flint.arb_mat:
    """Orthonormal columns in balls, near those of a float matrix."""
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


def _product(u: flint.arb_mat, e: Sequence[flint.arb]) -> flint.arb_mat:
    n = len(e)
    return u * flint.arb_mat([[e[i] if i == j else 0 for j in range(n)] for i in range(n)]) * u.transpose()


def _diagonal(matrix: flint.arb_mat) -> tuple[flint.arb_mat, list[flint.arb]]:
    """Columns u, orthonormal, and values d with ``matrix <= u diag(d) u^T``: its nearly diagonal form, the sums of what
    is off the diagonal added to it."""
    n = matrix.nrows()
    u = _orthonormal(_eigen([[float(matrix[i, j].mid()) for j in range(n)] for i in range(n)])[1])
    turned = u.transpose() * matrix * u
    return u, [turned[i, i] + sum((abs(turned[i, j]) for j in range(n) if j != i), flint.arb(0)) for i in range(n)]
