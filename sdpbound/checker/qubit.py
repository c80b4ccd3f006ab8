"""Check an entropy bound by the qubit reduction: branch and bound in ball arithmetic.

The question has two parties; at most two settings a party, of two outcomes each, are in the tested expressions. A proof
has the multipliers lambda_j and nothing else; to be shown is, for every quantum behaviour v and the claimed constant,

    entropy >= constant - sum_j lambda_j observed_j . v.

*Reduction.* By Jordan's lemma the devices are direct sums of pairs of qubits with observables 1, ``A = Z``,
``A' = cos a Z + sin a X``, the same for B, 0 <= a, b <= pi (blocks of dimension one have a = 0 or pi and a state on one
vector of the basis), and Eve may know the block: so the inequality holds if it does for pairs of qubits. The state may
be taken real, for the entropy is convex and does not change when the state is transposed. A key's setting that is not
tested may be a constant: it leaves the entropy of the flip only. With N_i the roots of the effects of the outcomes of
the key (after a flip: diag(sqrt(1-q), sqrt(q)) and its reverse, of Alice; or the projectors of both parties) the
entropy given the holder of a purification of a state rho is

    H(rho) = sum_i S(N_i rho N_i) - S(rho) >= Tr rho (log r - sum_i N_i log(N_i r N_i) N_i)     (in nats)

for *any* r > 0: H is convex and homogeneous of degree one, being a relative entropy, so its tangents go through the
origin. With K = -sum_j lambda_j observed_j, an operator, ``G(K) = max Tr K rho - H(rho)`` is at most the largest
eigenvalue of ``K - log r + sum_i N_i log(N_i r N_i) N_i``; what is to be shown is G(K) <= -constant for all a, b.

*Cells.* On an arc of half-width d, (cos a, sin a) is in the triangle of the arc's ends and the meeting point of their
tangents, with weight at most t = cos d / (1 + cos d) on the latter. K is affine in (cos a, sin a), in (cos b, sin b),
and G is convex: on a cell of a and b it is at most the largest of the 16 means of its values at the 9 pairs of corners
with weights (1,0,0), (1-t,t,0), (0,t,1-t), (0,0,1) on either side. Cells where this is not below -constant are divided.

Floats choose r; what they choose is taken as exact, and everything that the proof rests on is computed in balls: a cell
is done only where the balls say so. If they are too wide to say it, all is done again with twice the precision. Where
no test has a marginal and nothing is flipped, r may be taken to commute with Y x Y, and the bound is in closed form:
with M = (z; x) the matrix of K in Z, X, a vector g in the plane (on the first axis for the key of both), z' = z + g,
x* = (x_1, -x_0), Q = (cosh|z' + x*| + cosh|z' - x*|)/2, k the gradient of log Q by z' (its first entry, for both) and
g' = artanh|k| k/|k|, the largest eigenvalue is log Q - log cosh|g'| + |g' - g|.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

import flint

from sdpbound.checker.numbers import ZERO, binary_entropy, lower_end, to_ball
from sdpbound.checker.question import Question
from sdpbound.checker.reading import shown
from sdpbound.errors import CertificateError

__all__ = ["LEAST_FLIPS", "Place", "Table", "qubit_charge"]

Table = list[list[Any]]  # of numbers, Fractions or balls
Place = tuple[int, int, bool]  # an angle pi k / 2^n as (k, n), and whether it is the meeting point of the tangents

#: Fewer flips of the key are taken for none.
LEAST_FLIPS = Fraction(1, 10**6)
_PRECISION = 128  # bits, more where the numbers of the functional are large
_DOUBLINGS = 2
_FIRST_LEVEL, _LAST_LEVEL = 3, 40
_MOST_CELLS = 40_000
_STEPS = 40
_LARGEST_FUNCTIONAL = 2**24  # bits; floats choose badly beyond, and no honest question comes near
#: Of white noise in r. Less is taken where the bound with the first misses the goal; floats know no less than the last.
_NOISE = (1e-7, 1e-9, 1e-11, 1e-13)
_LARGEST = 15.0
_LONGEST = 8.0


def qubit_charge(question: Question, method: Any, multipliers: Sequence[Fraction], constant: Fraction) -> Fraction:
    """``-constant`` if every quantum behaviour v has -entropy <= -constant + sum_j multipliers_j t_j . v.

    `multipliers` are those of the tests t_j in normal form, which have no constants.

    Raises
    ------
    CertificateError : the tests are not of this kind, or this is false or could not be shown
    """
    if method != "qubit":
        raise CertificateError(f"proof.method is {shown(method)}; 'qubit' or 'trivial' is expected.")
    expression, key = _reduced(question, question.x, question.y, multipliers)
    entries = [abs(value) for row in expression for value in row]
    if key == "none" and any(entries):
        raise CertificateError("the setting of the key is not tested, and the proof has multipliers not zero.")
    marginals = any(expression[0][1:]) or any(row[0] for row in expression[1:])
    flips = question.flips if question.flips >= LEAST_FLIPS else Fraction(0)  # flips lower no entropy
    if sum(entries) > _LARGEST_FUNCTIONAL:
        raise CertificateError(
            f"proof.multipliers change the entropy by up to {float(sum(entries)):.3g} bits; at most "
            f"{_LARGEST_FUNCTIONAL} are checked."
        )
    precision = _PRECISION + 2 * max(int(value).bit_length() for value in (*entries, abs(constant)))
    steps = 0  # of all precisions together
    for doubling in range(_DOUBLINGS + 1):
        with flint.ctx.workprec(precision << doubling):
            if not any(entries):
                return -lower_end(binary_entropy(to_ball(1 - 2 * question.flips)))
            dual: _Dual = _States(key, flips) if marginals or flips else _Correlators(key)
            search = _Search(expression, dual, -constant, steps)
            if search.run():
                return -constant
            if not search.blurred:
                break
            steps = search.steps
    raise CertificateError(
        "the functional is too close to the entropy, or above it, for its proof: more than "
        f"{_MOST_CELLS} cells of angles would be needed."
    )


def _reduced(question: Question, x: int, y: int | None, multipliers: Sequence[Fraction]) -> tuple[Table, str]:
    """The functional in 1, A, A' times 1, B, B', and whose outcome the key is of those tested."""
    scenario = question.scenario
    places: list[dict[int, int]] = []
    tested: list[list[int]] = []
    keys = (x, y)
    for party in (0, 1):
        letters = scenario.letters(party)
        used = {index[party] for tensor in question.observed.tensors for index in tensor} - {0}
        settings = [s for s, coordinates in enumerate(letters) if used & set(coordinates)]
        if len(settings) > 2 or any(scenario.outcomes[party][s] != 2 for s in settings):
            raise CertificateError(
                f"question.observed tests settings {settings} of party {party}; a qubit proof is about two settings of "
                "two outcomes at most."
            )
        settings.sort(key=lambda s: s != keys[party])
        places.append({0: 0, **{letters[s].start: k for k, s in enumerate(settings, start=1)}})
        tested.append(settings)
    table: Table = [[ZERO] * 3 for _ in range(3)]
    for (i, j), value in question.observed.combined(multipliers).items():
        table[places[0][i]][places[1][j]] -= value
    seen = [setting is not None and setting in tested[party] for party, setting in enumerate(keys)]
    if seen[0]:
        return table, "both" if seen[1] else "one"
    if seen[1]:
        return [list(column) for column in zip(*table, strict=True)], "one"
    return table, "none"


# --- branch and bound ----------------------------------------------------------------------------------------------


class _Dual(Protocol):
    """Upper bounds on G(K) of a table of K in 1, Z, X, from hints; all hints prove something."""

    most_steps: int  # that are done for one certificate, several times what honest ones need

    def cold(self, table: Table) -> Any:
        """A hint to begin with."""

    def step(self, table: Table, hint: Sequence[float], noise: float) -> tuple[float, float, list[float]]:
        """In floats: a value below G, what the hint proves, and how to move it; the value rises at first on the way."""

    def bound(self, table: Table, hint: Any, noise: float) -> flint.arb:
        """What the hint proves."""


class _Search:
    """Cells of half-width pi / 2^(level+1), numbered along either side."""

    def __init__(self, expression: Table, dual: _Dual, goal: Fraction, steps: int) -> None:
        self.expression, self.dual = expression, dual
        self.ln2 = flint.arb(2).log()
        self.goal = self.ln2 * to_ball(goal)
        self.limit = float(self.goal.mid())
        self.size = float(sum(abs(value) for row in expression for value in row))
        self.steps = steps
        self.blurred = False  # whether a wider ball than its distance from the goal was seen
        self.used = [any(expression[2]), any(row[2] for row in expression)]
        self.known: dict[tuple[Place, Place], tuple[flint.arb, Any]] = {}
        self.vectors: dict[Place, tuple[flint.arb, flint.arb]] = {}

    def run(self) -> bool:
        """Whether all cells are proven to be below the goal."""
        levels = [_FIRST_LEVEL if used else 1 for used in self.used]
        sizes = [2**level if used else 1 for level, used in zip(levels, self.used, strict=True)]
        cells: list[tuple[int, int, Any]] = [(i, j, {}) for i in range(sizes[0]) for j in range(sizes[1])]
        count = 0
        while cells:
            count += len(cells)
            if count > _MOST_CELLS or max(levels) > _LAST_LEVEL:
                return False
            weights = [self._weights(level) for level in levels]
            rest = []
            for i, j, hints in cells:
                rows, columns = (
                    [self._place(2 * k + e, level) for e in range(3)] for k, level in zip((i, j), levels, strict=True)
                )
                corners = [
                    [self._corner(p, q, hints.get((e, f))) for f, q in enumerate(columns)] for e, p in enumerate(rows)
                ]
                if self._below([[bound for bound, _ in row] for row in corners], weights):
                    continue
                for s in (0, 1) if self.used[0] else (2,):
                    for t in (0, 1) if self.used[1] else (2,):
                        near = {(e, f): corners[_NEAREST[s][e]][_NEAREST[t][f]][1] for e in range(3) for f in range(3)}
                        rest.append((2 * i + s if s < 2 else i, 2 * j + t if t < 2 else j, near))
            cells = rest
            levels = [level + used for level, used in zip(levels, self.used, strict=True)]
        return True

    @staticmethod
    def _place(code: int, level: int) -> Place:
        """Of a corner of the level's cells: even codes are ends of arcs, the same at every level."""
        n = level + 1
        if code % 2:
            return code, n, True
        while n and code % 2 == 0:
            code, n = code // 2, n - 1
        return code, n, False

    def _vector(self, place: Place) -> tuple[flint.arb, flint.arb]:
        found = self.vectors.get(place)
        if found is None:
            k, n, outside = place
            s, c = flint.arb.sin_cos_pi_fmpq(flint.fmpq(k, 2**n))
            if outside:
                radius = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2**n))
                s, c = s / radius, c / radius
            found = self.vectors[place] = (c, s)
        return found

    @staticmethod
    def _weights(level: int) -> list[list[flint.arb]]:
        cosine = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2 ** (level + 1)))
        t = cosine / (1 + cosine)
        return [[1 - t, t, flint.arb(0)], [flint.arb(0), t, 1 - t]]

    def _corner(self, p: Place, q: Place, hint: Any) -> tuple[flint.arb, Any]:
        found = self.known.get((p, q))
        if found is not None:
            return found
        table = self._table(p, q)
        floats = [[float(v.mid()) for v in row] for row in table]
        hint = self.dual.cold(floats) if hint is None else hint
        proven, least, used = hint, math.inf, _NOISE[0]
        for noise in _NOISE:
            kept, best, value, hint = self._climb(p, q, floats, hint, noise)
            if best < least:
                proven, least, used = kept, best, noise
            # done, beyond mending, or not kept from the goal by the noise
            if least <= self.limit or value > self.limit or best - value > 30.0 * noise:
                break
        found = self.known[p, q] = self.dual.bound(table, proven, used), hint
        return found

    def _climb(
        self, p: Place, q: Place, floats: list[list[float]], hint: Any, noise: float
    ) -> tuple[Any, float, float, Any]:
        """The hint that proves most, what that is, the largest value found, and the hint it is at."""
        best, kept, height, length = math.inf, hint, -math.inf, 1.0
        base, move = hint, hint
        for _ in range(_STEPS):
            self.steps += 1
            if self.steps > self.dual.most_steps:
                raise CertificateError(
                    f"the functional needs more than {self.dual.most_steps} steps of its search to be checked."
                )
            try:
                value, upper, along = self.dual.step(floats, hint, noise)
            except ArithmeticError:  # the hint is beyond what floats can tell
                break
            if upper < best:
                best, kept = upper, hint
            if not p[2] and not q[2] and value > self.limit + 1e-9 * (1.0 + abs(self.limit)) + 1e-13 * self.size:
                raise CertificateError(
                    "the functional is above the entropy of a pair of qubits, at "
                    f"the angles {p[0]}/{2 ** p[1]} pi and {q[0]}/{2 ** q[1]} pi."
                )
            # accuracy gains nothing where the bound is far from the goal
            if best - max(value, height) < max(noise, 0.02 * abs(self.limit - value)):
                height = max(value, height)
                break
            if value >= height - 2.0 * noise:
                base, move, height, length = hint, along, value, min(4.0 * length, 1.0)
            else:  # too far
                length *= 0.25
            hint = [x + length * y for x, y in zip(base, move, strict=True)]
        return kept, best, height, base

    def _table(self, p: Place, q: Place) -> Table:
        """K in nats."""
        (c, s), (d, t) = self._vector(p), self._vector(q)
        rows = [[to_ball(v) for v in row] for row in self.expression]
        rows = [[row[0], row[1] + d * row[2], t * row[2]] for row in rows]
        first, second, third = rows
        rows = [first, [v + c * w for v, w in zip(second, third, strict=True)], [s * w for w in third]]
        return [[self.ln2 * v for v in row] for row in rows]

    def _below(self, at: list[list[flint.arb]], weights: list[list[list[flint.arb]]]) -> bool:
        """Whether all means are below the goal."""
        along = [self._means(row, weights[1]) for row in at]
        means = [mean for column in zip(*along, strict=True) for mean in self._means(column, weights[0])]
        below = all(mean <= self.goal for mean in means)
        # NaN compares as False everywhere, and is as blurred as can be
        self.blurred |= not below and not any(mean.mid() > self.goal.mid() for mean in means)
        return below

    @staticmethod
    def _means(values: Sequence[flint.arb], weights: list[list[flint.arb]]) -> list[flint.arb]:
        inner = [sum((w * v for w, v in zip(row, values, strict=True)), flint.arb(0)) for row in weights]
        return [values[0], *inner, values[2]]


#: Where a quarter's three corners find the nearest of their parent's; the last row for an angle that is not used.
_NEAREST = ((0, 1, 1), (1, 1, 2), (0, 1, 2))


# --- the dual in closed form ---------------------------------------------------------------------------------------


class _Correlators:
    """Tests without marginals, nothing flipped; hints are the vectors g."""

    most_steps = 400_000

    def __init__(self, key: str) -> None:
        self.both = key == "both"

    def cold(self, table: Table) -> Any:
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

    def bound(self, table: Table, hint: Any, noise: float) -> flint.arb:
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
        log_q = (total / 2).log() + table[0][0]
        miss = _length([e * w[0] - g[0], e * w[1] - g[1]]) if size > 0 else e + _length(g)
        return log_q + (more * less).log() / 2 + miss


def _log_cosh(s: float) -> float:
    return s + math.log1p(math.expm1(-2.0 * s) / 2.0)


def _length(v: Sequence[flint.arb]) -> flint.arb:
    return (v[0] * v[0] + v[1] * v[1]).nonnegative_part().sqrt()


# --- any tests -----------------------------------------------------------------------------------------------------


class _States:
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

    def cold(self, table: Table) -> Any:
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

    def bound(self, table: Table, hint: Any, noise: float) -> flint.arb:
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
