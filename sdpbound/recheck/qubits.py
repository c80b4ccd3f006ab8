"""Von Neumann entropies by the qubit reduction: a search over two angles that leaves nothing out.

With at most two tested settings of two outcomes a party, Jordan's lemma makes all devices mixtures of pairs of qubits,
of which Eve may know which it is: the first observable of a party is Z, the second ``cos a Z + sin a X`` with 0 <= a <=
pi, and states are real (docs/qubits.md). So ``H >= c + sum_j m_j t_j`` for all devices if for all angles a, b and
states rho

    G(K) = max_rho Tr K rho - H(rho) <= -c,     K = sum_j m_j (tested operator)_j at these angles.

With W_i the matrices from the outcome i of the key, ``H(rho) = sum_i S(W_i^T rho W_i) - S(rho)`` in nats: an outcome's
projector, its columns only; for flips with probability q the products of projectors with sqrt(1-q) and sqrt(q). A
setting of the key that is not tested has no entropy to count on, but for flips h(q). A channel has roots of its own:
value i has the effect E_i, diagonal, and W_i is its root.

**Angles.** Points of an arc of half-width d are less than 1 - cos d from its chord. K is affine in ``(cos a, sin a)``
and in ``(cos b, sin b)``, and G is convex, so that on a cell of angles it is at most the largest G at the four corners,
and ``(1 - cos d_a) N_a + (1 - cos d_b) N_b``, where N is the norm of what the point is multiplied with: G moves no more
than K does. A cell for which that is too much is cut in two.

**Corners.** For any symmetric X, with r = exp(X), H lies above its tangent at r, and

    G(K) <= largest eigenvalue of  K + sum_i W_i log(W_i^T r W_i) W_i^T - X.

X is iterated until that is small enough: X <- K + sum_i (..), which never makes ``Tr K r - H(r)`` smaller, with
Anderson's mixing. Then the bound is computed in balls: the exponential, the logarithms with a proof of each, and
whether the matrix is below the bound by elimination.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.arcs import ArcSearch
from sdpbound.recheck.balls import ball, end, entropy_of
from sdpbound.recheck.matrices import Real, eigen, guessed_log, largest, log_ball, middle, positive
from sdpbound.recheck.projections import entropy_question
from sdpbound.recheck.question import Key, Question, within
from sdpbound.recheck.reading import choice, number, numbers, record
from sdpbound.recheck.words import OBSERVABLE, leftover

__all__ = [
    "PRECISION",
    "AngleSearch",
    "Arranged",
    "Corner",
    "Outcomes",
    "arranged",
    "of_flips",
    "recheck_qubits",
    "tested_table",
]

Table = dict[tuple[int | None, int | None], Fraction]
#: The matrices W_i at two angles, each with the weight of its key.
Outcomes = Callable[[Fraction, Fraction], Sequence[tuple[flint.arb, "Real"]]]

Range = tuple[Fraction, Fraction]

PRECISION = 160
MOST_CELLS, SMALLEST = 200_000, Fraction(1, 2**36)
#: After so many cells a key's angles that are left are proven by :mod:`sdpbound.recheck.arcs`; after a glance at some
#: if these were so few of all angles that it would take more.
PATIENCE, GLANCE = 800, 50
#: Steps of the iteration at a corner, and the largest range of X that is used: beyond, r has no weight.
MOST_STEPS, RANGE = 120, 40.0
#: What is left to rounding before a bound is proven, and how much more for each nat of the functional.
ROOM, ROUNDING = 1e-11, 2.0**-50


def recheck_qubits(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question, key = entropy_question(root)
    proof = record(root["proof"], "the proof", "method multipliers")
    method = choice(proof["method"], "the method", ("qubit", "trivial"))
    slopes = [-m for m in numbers(proof["multipliers"], "multipliers", len(question.tested))]
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    functional = record(claim["functional"], "the functional", "constant multipliers")
    given = numbers(functional["multipliers"], "the functional's multipliers", len(slopes))
    difference = question.combination([a - b for a, b in zip(given, slopes, strict=True)])
    drift = leftover(difference, question.devices.one)
    at_data = -question.at_data([-m for m in slopes])
    # what the constant has to be, for the functional and for the value
    constant = max(number(functional["constant"], "the functional's constant") + drift, claimed - at_data)
    with flint.ctx.workprec(PRECISION):
        if any(slopes):
            if method == "trivial":
                raise refuse("a trivial proof has no multipliers.")
            _prove(question, key, slopes, constant, budget)
        elif constant > min(map(of_flips, key.channel)):
            raise refuse("nothing is known of an entropy but that it is not below that of its flips.")
        most = end(flint.arb(key.outcomes(question.devices)).log() / flint.arb(2).log(), "upper")
    return Finding("conditional_entropy", "lower", constant + at_data, claimed, within(claimed, 0, most))


def of_flips(q: Fraction) -> Fraction:
    """h(q), which is exact where it is 0 or 1, rounded down elsewhere."""
    if q in (0, 1, Fraction(1, 2)):
        return 2 * min(q, 1 - q)
    return end((entropy_of(ball(q)) + entropy_of(ball(1 - q))) / flint.arb(2).log(), "lower")


def tested_table(question: Question, slopes: Sequence[Fraction]) -> tuple[Table, list[set[int]]]:
    """The functional by settings of both parties, None for the identity, and the settings in it of each party."""
    table: Table = {}
    used: list[set[int]] = [set(), set()]
    for slope, test in zip(slopes, question.tested, strict=True):
        for word, value in test.polynomial.items():
            for party, string in enumerate(word):
                if string:
                    used[party].add(string[0][0])
                    if string[0][1] != OBSERVABLE:
                        raise refuse("the qubit reduction is for tested settings of two outcomes.")
            place = tuple(string[0][0] if string else None for string in word)
            table[place[0], place[1]] = table.get((place[0], place[1]), Fraction(0)) + slope * value
    if any(len(settings) > 2 for settings in used):
        raise refuse("the qubit reduction is for at most two tested settings of a party.")
    return table, used


@dataclass(frozen=True, slots=True)
class Arranged:
    """A functional and a key, on two qubits.

    Attributes
    ----------
    constant : coefficient of the identity
    terms : the other ones by (Alice's, Bob's) operator: 0 the identity, 1 Z, 2 the one with an angle
    outcomes : the matrices W_i of the key; none if no setting of it is tested
    free : whether the W_i have no part in Bob's qubit
    """

    constant: Fraction
    terms: dict[tuple[int, int], Fraction]
    outcomes: list[Real]
    free: bool

    @property
    def angles(self) -> tuple[bool, bool]:
        """Which party has an angle."""
        return any(i == 2 for i, _ in self.terms), any(j == 2 for _, j in self.terms)


def arranged(question: Question, key: Key, slopes: Sequence[Fraction]) -> Arranged:
    """``sum_j slopes_j t_j`` with the key's settings first."""
    key.pair()
    table, used = tested_table(question, slopes)
    alice, bob = key.x in used[0], key.y is not None and key.y in used[1]
    for party, setting, tested in ((0, key.x, alice), (1, key.y, bob)):
        if tested and setting is not None and question.devices.outcomes[party][setting] != 2:
            raise refuse("the qubit reduction is for keys of two outcomes.")
    orders = [sorted(used[party], key=lambda s: (s != (key.x, key.y)[party], s)) for party in (0, 1)]
    places = [{None: 0} | {s: i + 1 for i, s in enumerate(order)} for order in orders]
    terms = {(places[0][x], places[1][y]): value for (x, y), value in table.items() if value}
    return Arranged(terms.pop((0, 0), Fraction(0)), terms, _outcomes(alice, bob, key.channel), alice and not bob)


def _prove(question: Question, key: Key, slopes: Sequence[Fraction], constant: Fraction, budget: Budget) -> None:
    """The search that belongs to a question; where it takes long, cells are proven by states that are good for more."""
    found = arranged(question, key, slopes)
    ln2 = flint.arb(2).log()
    ceiling = ball(-constant - found.constant) * ln2
    if not found.outcomes:
        ceiling += ball(min(map(of_flips, key.channel))) * ln2
    matrices = {place: ball(value) * ln2 for place, value in found.terms.items()}
    outcomes = [(flint.arb(1), w) for w in found.outcomes]
    search = AngleSearch(matrices, lambda _a, _b: outcomes, ceiling, found.angles)
    if not found.outcomes:
        return search.run(budget)
    left = search.until(GLANCE, budget)
    if left and 1 - sum((a[1] - a[0] or 1) * (b[1] - b[0] or 1) for a, b in left) > Fraction(GLANCE, PATIENCE):
        left = search.until(PATIENCE, budget, left)
    if left:
        ArcSearch(matrices, found.outcomes, ceiling, found.angles, found.free).run(left, budget)


def _outcomes(alice: bool, bob: bool, channel: tuple[Fraction, Fraction]) -> list[Real]:
    """The matrices W_i, of columns; none where the key has no entropy to count on."""
    unit = [[int(i == j) for j in range(4)] for i in range(4)]

    def columns(chosen: Sequence[int]) -> Real:
        return Real([[row[j] for j in chosen] for row in unit])

    if alice and bob:
        return [columns([j]) for j in range(4)]
    if bob:
        return [columns([0, 2]), columns([1, 3])]
    if not alice:
        return []
    up, down = channel
    found = []
    for effect in ((1 - up, down), (up, 1 - down)):  # of each value, on Alice's 0 and on her 1
        places = [j for j in range(4) if effect[j // 2]]
        if places:
            found.append(Real([[row[j] * ball(effect[j // 2]).sqrt() for j in places] for row in unit]))
    return found


@dataclass(slots=True)
class Corner:
    """A pair of angles: K, X so far, the best from above and from below, and what G is: about, proven from above."""

    operator: Real
    outcomes: Sequence[tuple[flint.arb, Real]]
    hint: Real
    best: Real = field(default_factory=lambda: Real(4, 4))
    highest: Real = field(default_factory=lambda: Real(4, 4))
    below: float = -math.inf
    about: float = math.inf
    proven: flint.arb | None = None
    width: float = math.inf
    steps: int = 0
    history: list[tuple[Real, Real]] = field(default_factory=list)


@dataclass(slots=True)
class AngleSearch:
    """Branch and bound.

    Attributes
    ----------
    terms : coefficients in nats by (Alice's, Bob's) operator: 0 the identity, 1 Z, 2 the one with an angle
    outcomes : the W_i at two angles
    ceiling : what G must not exceed
    angles : which party has an angle
    less : what the entropy on an arc may be below that of its ends, by party and half-width in units of pi
    """

    terms: Mapping[tuple[int, int], flint.arb]
    outcomes: Outcomes
    ceiling: flint.arb
    angles: tuple[bool, bool]
    less: Callable[[int, Fraction], flint.arb] = lambda _party, _width: flint.arb(0)
    corners: dict[tuple[Fraction, Fraction], Corner] = field(default_factory=dict)

    @property
    def room(self) -> float:
        """What is left to rounding at a corner."""
        return ROOM + ROUNDING * sum(float(abs(value).upper()) for value in self.terms.values())

    def run(self, budget: Budget) -> None:
        """Prove it, or refuse."""
        if self.until(MOST_CELLS, budget):
            raise refuse("the entropy is not proven to be above the functional at some angles.")

    def until(self, most: int, budget: Budget, left: Sequence[tuple[Range, Range]] = ()) -> list[tuple[Range, Range]]:
        """What is left of the angles, or of some, after so many cells or at one that is too small, in units of pi."""
        whole_a, whole_b = ((Fraction(0), Fraction(1 if angle else 0)) for angle in self.angles)
        cells = [(a, b, Real(4, 4)) for a, b in left or [(whole_a, whole_b)]]
        for _ in range(most):
            if not cells:
                break
            a, b, hint = cells.pop()
            of_a, of_b = self._bulges(a, b)
            target = self.ceiling - of_a - of_b
            found = self._corners(a, b, target, hint, budget)
            if found is None:
                continue
            hint = found
            if max(a[1] - a[0], b[1] - b[0]) < SMALLEST:
                cells.append((a, b, hint))
                break
            if float(of_a) >= float(of_b):
                middle_a = (a[0] + a[1]) / 2
                cells += [((a[0], middle_a), b, hint), ((middle_a, a[1]), b, hint)]
            else:
                middle_b = (b[0] + b[1]) / 2
                cells += [(a, (b[0], middle_b), hint), (a, (middle_b, b[1]), hint)]
        return [(a, b) for a, b, _ in cells]

    def _corners(
        self,
        a: tuple[Fraction, Fraction],
        b: tuple[Fraction, Fraction],
        target: flint.arb,
        hint: Real,
        budget: Budget,
    ) -> Real | None:
        """None if G is proven to be below the target at all corners, else a hint for those of smaller cells."""
        for place in dict.fromkeys((x, y) for x in a for y in b):
            corner = self.corners.get(place)
            if corner is None:
                corner = self.corners[place] = Corner(self._operator(*place), self.outcomes(*place), hint)
            if not self._below(corner, target, budget):
                return corner.hint
        return None

    def _below(self, corner: Corner, target: flint.arb, budget: Budget) -> bool:
        """Whether G is proven to be below the target at a corner."""
        if corner.proven is not None and corner.proven <= target:
            return True
        goal = float(target.lower()) - self.room
        limit = corner.steps + MOST_STEPS
        while corner.below <= goal and corner.steps < limit:
            if corner.about <= goal:
                budget.spend(5000)
                found = self._proven(corner, target.lower())
                if found is not None and found <= target:
                    corner.proven = found
                    return True
            budget.spend(3000)
            self._step(corner)
        if corner.below > float(self.ceiling.upper()) and self.exceeded(corner):
            raise refuse("an explicit pair of qubits has an entropy below the functional.")
        return False

    def exceeded(self, corner: Corner) -> bool:
        """Whether the state r = exp(X) is proven to exceed the ceiling: ``Tr r (..)`` is exact at its own X."""
        gap = self.enclosed(replace(corner, best=corner.highest))
        state = corner.highest.exp()
        return gap is not None and bool((state * gap).trace() > self.ceiling * state.trace())

    # -- one corner ----------------------------------------------------------------------------------------------------

    def _operator(self, a: Fraction, b: Fraction) -> Real:
        """K at the angles pi a and pi b."""
        one: list[list[Any]] = [[1, 0], [0, 1]]
        z: list[list[Any]] = [[1, 0], [0, -1]]
        second: list[list[list[Any]]] = []
        for angle in (a, b):
            c, s = ball(angle).cos_pi(), ball(angle).sin_pi()
            second.append([[c, s], [s, -c]])
        alice, bob = [one, z, second[0]], [one, z, second[1]]
        found = Real(4, 4)
        for (i, j), value in self.terms.items():
            product = [[p * q for p in row for q in other] for row in alice[i] for other in bob[j]]
            found = found + Real(product) * value
        return found

    def judged(self, corner: Corner) -> tuple[float, float, Real]:
        """About what G is at most, and at least, by the X at a corner, and what the iteration adds to X."""
        r = corner.hint.exp().mid()
        gap = corner.operator.mid() - (corner.hint if corner.outcomes else Real(4, 4))
        for share, w in corner.outcomes:
            gap = gap + w * guessed_log(w.transpose() * r * w) * w.transpose() * share
        gap = middle(gap)
        return largest(gap), float(((r * gap).trace() / r.trace()).mid()), gap

    def enclosed(self, corner: Corner) -> Real | None:
        """A ball around a matrix of which G does not exceed the largest eigenvalue, from the best X."""
        gap = corner.operator
        if corner.outcomes:
            r = corner.best.exp()
            gap = gap - corner.best
            for share, w in corner.outcomes:
                logarithm = log_ball(w.transpose() * r * w)
                if logarithm is None:
                    return None
                gap = gap + w * logarithm * w.transpose() * share
        return gap

    def _step(self, corner: Corner) -> None:
        """One step of the iteration, by approximate numbers; remembers what it finds."""
        corner.steps += 1
        most, below, gap = self.judged(corner)
        if most < corner.about:
            corner.about, corner.best = most, corner.hint
        if below > corner.below:
            corner.below, corner.highest = below, corner.hint
        if len(corner.history) > 2 and not most - below < 2 * corner.width:  # the mixture was no good: begin again
            last = corner.history[-1]
            corner.history = []
            corner.hint = _clipped(middle(last[0] + last[1]))
            corner.width = math.inf
            return
        corner.width = most - below
        corner.history = [*corner.history[-5:], (corner.hint, gap)]
        corner.hint = _clipped(_mixed(corner.history))

    def _proven(self, corner: Corner, target: flint.arb) -> flint.arb | None:
        """A number that G is proven not to exceed, from the best X: just above it, or else the target."""
        gap = self.enclosed(corner) if math.isfinite(corner.about) else None
        if gap is None:
            return None
        for bound in (*(flint.arb(corner.about + part * self.room) for part in (0.01, 0.1, 0.8)), target):
            if positive(Real([[bound if i == j else 0 for j in range(4)] for i in range(4)]) - gap):
                return bound
        return None

    # -- one cell ------------------------------------------------------------------------------------------------------

    def _bulges(self, a: tuple[Fraction, Fraction], b: tuple[Fraction, Fraction]) -> tuple[flint.arb, flint.arb]:
        """What G at angles of a cell may be above the corners': for Alice's angle, and for Bob's."""

        def size(side: int, other: tuple[Fraction, Fraction]) -> flint.arb:
            """Norm of what the point of one party's angle is multiplied with, the other's angle in a range."""
            one, z, second = (self.terms.get((2, k) if side == 0 else (k, 2), flint.arb(0)) for k in range(3))
            # |z e_0 + second (cos t, sin t)| is monotonic in t from 0 to pi
            squares = [z * z + second * second + 2 * z * second * ball(t).cos_pi() for t in other]
            norms = [s.upper().max(flint.arb(0)).sqrt().upper() for s in squares]
            return abs(one) + norms[0].max(norms[1])

        return (
            (1 - ball((a[1] - a[0]) / 2).cos_pi()) * size(0, b) + self.less(0, (a[1] - a[0]) / 2),
            (1 - ball((b[1] - b[0]) / 2).cos_pi()) * size(1, a) + self.less(1, (b[1] - b[0]) / 2),
        )


def _mixed(history: Sequence[tuple[Real, Real]]) -> Real:
    """The next X: Anderson's combination of the steps so far that would have left the smallest gap."""
    last, gap = history[-1]
    plain = last + gap
    if len(history) > 2:
        residuals = [_traceless(g) for _, g in history]
        changes = [[p - q for p, q in zip(after, before, strict=True)] for before, after in pairwise(residuals)]
        size = len(changes)
        gram = [[sum(p * q for p, q in zip(f, g, strict=True)) for g in changes] for f in changes]
        for i in range(size):
            gram[i][i] *= 1 + 1e-13
        right = [sum(p * q for p, q in zip(f, residuals[-1], strict=True)) for f in changes]
        try:
            weights = Real(gram).solve(Real(size, 1, right)).mid().entries()
        except (ZeroDivisionError, ValueError):
            weights = []
        if all(abs(float(w)) < 1e3 for w in weights):
            for w, (before, after) in zip(weights, pairwise(history), strict=False):
                plain = plain - (after[0] + after[1] - before[0] - before[1]) * w
    return middle(plain)


def _traceless(matrix: Real) -> list[float]:
    """The entries of a symmetric matrix, so that squares add up, less its trace: a multiple of r changes nothing."""
    mean = float((matrix.trace() / 4).mid())
    return [
        (float(matrix[i, j]) - mean) if i == j else float(matrix[i, j]) * math.sqrt(2)
        for i in range(4)
        for j in range(i + 1)
    ]


def _clipped(matrix: Real) -> Real:
    """X less its largest eigenvalue, and nothing below ``-RANGE``."""
    values, vectors = eigen([[float(entry) for entry in row] for row in matrix.tolist()])
    most = max(values)
    found = matrix - Real([[most if i == j else 0 for j in range(4)] for i in range(4)])
    for k, value in enumerate(values):
        if value - most < -RANGE:
            lift = -RANGE - (value - most)
            found = found + Real([[lift * vectors[i][k] * vectors[j][k] for j in range(4)] for i in range(4)])
    return middle(found)
