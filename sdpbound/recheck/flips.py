"""Attacks on all flips: what mixtures of strategies leave of a key bit, whichever probability it is flipped with.

Alice flips her bit with probability q = (1 - s)/2, and u = s^2. What Eve learns, ``I(u) = 1 - H(A_q|E)``, is a series
in u without a negative coefficient, and so is what the receiver learns, ``J(u) = 1 - H(A_q|B)``: with ``x ln x`` as an
integral of resolvents the term of s^2k is ``2 int t Tr R^(1/2) K^2k R^(1/2) dt``, t from 0 to infinity, where M + sD
and M - sD are Eve's states for the two values, ``R = 1/(M + t)`` and ``K = R^(1/2) D R^(1/2)``. Hence ``g = I/u`` and
``j = J/u`` rise and are convex, j(0) is the first coefficient, and what is left of the key is ``J - I = u (j - g)``.

On a cell a <= u <= b a line through two values of g on one side of it, ends included, is below g. Take any such line,
or a mean of some. Then j less it is convex, so at most the line e with its values e_a and e_b at the ends, and

    u e(u) <= max(a e_a, b e_b) + max(0, e_a - e_b) (b - a) / 4

as it is convex or, for falling e, above its chord by ``(e_a - e_b) (u - a) (b - u) / (b - a)``. If neither e_a nor e_b
is positive, nothing is left. Cells are halved in s until the claim is reached, or a place shows that it cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.attacks import MOST_STRATEGIES, PRECISION, solved_weights
from sdpbound.recheck.balls import ball, end, entropy_of, exact, total
from sdpbound.recheck.question import Key, Question, read_key, read_question, within
from sdpbound.recheck.reading import items, number, numbers, record
from sdpbound.recheck.strategies import Strategy, entropy_of_middle, is_real, middle, read_strategy

__all__ = ["recheck_flips"]

#: Binary digits of Eve's states, once the weights are known.
DIGITS = 128
MOST_MIXTURES, MOST_COLUMNS = 32, 256
#: Cells of s to begin with, how often each may be halved, and how near a claim that is too low is refuted.
FIRST_CELLS, MOST_HALVINGS, NEAR = 8, 24, Fraction(1, 10**9)


@dataclass(frozen=True, slots=True)
class Piece:
    """A strategy of a mixture: its weight, M and D as exact matrices, and the entropy of 2M in nats.

    ``off`` is how far M + sD may be from that of the exact matrices, ``real`` says how these are written.
    """

    weight: flint.arb
    mean: flint.fmpq_mat
    half: flint.fmpq_mat
    off: flint.arb
    real: bool
    whole: flint.arb

    def learnt(self, s: Fraction) -> flint.arb:
        """What Eve learns of the flipped bit, in nats."""
        moved = self.half * flint.fmpq(s.numerator, s.denominator)
        left = [entropy_of_middle(x, self.off, self.real) for x in (self.mean + moved, self.mean - moved)]
        return flint.arb(2).log() + self.whole - total(left)


@dataclass(frozen=True, slots=True)
class Place:
    """A place s, u = s^2, j there, and g of each mixture; at 0 these are left out."""

    s: Fraction
    u: flint.arb
    receiver: flint.arb
    eves: tuple[flint.arb, ...]

    def least(self) -> Fraction:
        """What no mixture of the file takes away here."""
        return min((end(self.u * (self.receiver - g), "lower") for g in self.eves), default=Fraction(0))


def recheck_flips(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 4))
    if question.side != "upper" or question.model != "quantum":
        raise refuse("an attack bounds from above, against a quantum adversary.")
    if question.kind != "key_rate":
        raise refuse("an attack on all flips is on a key rate.")
    if "outcomes" not in question.figure:
        raise refuse("the figure has no outcomes of a receiver.")
    rest = {name: entry for name, entry in question.figure.items() if name != "outcomes"}
    key = read_key(replace(question, figure=rest))
    if key.settings.count(None) != len(key.settings) - 1 or key.outcomes(question.devices) != 2:
        raise refuse("flips are of a key of one party with two values.")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    proof = record(root["proof"], "the proof", "mixtures")
    given = items(proof["mixtures"], "mixtures", MOST_MIXTURES, 1)
    with flint.ctx.workprec(PRECISION):
        receiver = _receiver(question.figure["outcomes"])
        mixtures = [_mixture(entry, question, key, budget) for entry in given]
    with flint.ctx.workprec(DIGITS):
        proven = _proven(receiver, mixtures, claimed, budget)
    return Finding(question.kind, "upper", proven, claimed, within(claimed, 0, 1))


def _receiver(given: object) -> list[tuple[flint.arb, flint.arb]]:
    """Of each outcome b of the receiver that occurs ``p_0b + p_1b`` and ``p_0b - p_1b``."""
    rows = items(given, "outcomes", 2, 2)
    count = len(items(rows[0], "the receiver's outcomes", MOST_COLUMNS, 1))
    first, second = (numbers(row, "the receiver's outcomes", count) for row in rows)
    whole = sum(first + second, Fraction(0))
    if min(first + second) < 0 or not whole > 0:
        raise refuse("weights of outcomes are negative, or all zero.")
    return [(ball((p + r) / whole), ball((p - r) / whole)) for p, r in zip(first, second, strict=True) if p + r]


def _mixture(entry: object, question: Question, key: Key, budget: Budget) -> list[Piece]:
    """A mixture that has the data, strategy by strategy."""
    parts = record(entry, "a mixture", "strategies weights adjusted")
    strategies = [
        read_strategy(s, question, budget) for s in items(parts["strategies"], "strategies", MOST_STRATEGIES, 1)
    ]
    budget.spend((2 * FIRST_CELLS + 1) * sum(_cost(s.state.ncols()) for s in strategies))
    weights = solved_weights(question, strategies, parts, budget)
    with flint.ctx.workprec(DIGITS):
        return [_piece(w, s, key) for w, s in zip(weights, strategies, strict=True)]


def _piece(weight: flint.arb, strategy: Strategy, key: Key) -> Piece:
    """M and D, the half sum and the half difference of Eve's states."""
    first, second = (state * (1 / strategy.weight / 2) for state in strategy.held(key))
    real = is_real(first) and is_real(second)
    mean, off = middle(first + second, real)
    half, further = middle(first - second, real)
    return Piece(weight, mean, half, (off + further).upper(), real, entropy_of_middle(mean * 2, off * 2, real))


def _cost(size: int) -> int:
    """Steps for the eigenvalues of one of Eve's states."""
    return 2000 + 100 * size**3


def _proven(
    receiver: list[tuple[flint.arb, flint.arb]], mixtures: list[list[Piece]], claimed: Fraction, budget: Budget
) -> Fraction:
    """A bound on what is left with any flips: the claim, or less, if that can be had."""
    cost = sum(2 * _cost(piece.mean.nrows()) for pieces in mixtures for piece in pieces)
    cost += 2000 * (len(receiver) + len(mixtures))
    places = [_place(receiver, mixtures, Fraction(i, FIRST_CELLS)) for i in range(FIRST_CELLS + 1)]
    least = max(p.least() for p in places)
    waiting = [p.s for p in places[:-1]]
    proven, narrowest = Fraction(0), Fraction(1, FIRST_CELLS << MOST_HALVINGS)
    while waiting:
        goal = claimed if least <= claimed else least + NEAR
        left = []
        where = {p.s: i for i, p in enumerate(places)}
        for s in waiting:
            i = where[s]
            found = _cell(places, i)
            if found <= goal or places[i + 1].s - s <= narrowest:
                proven = max(proven, found)
            else:
                left.append(i)
        budget.spend(cost * len(left))
        middles = [_place(receiver, mixtures, (places[i].s + places[i + 1].s) / 2) for i in left]
        waiting = [s for i, p in zip(left, middles, strict=True) for s in (places[i].s, p.s)]
        least = max([least, *(p.least() for p in middles)])
        places = sorted([*places, *middles], key=lambda p: p.s)
    return proven


def _place(receiver: list[tuple[flint.arb, flint.arb]], mixtures: list[list[Piece]], s: Fraction) -> Place:
    """j and g at a place."""
    bit, near, u = flint.arb(2).log(), ball(s), ball(s * s)
    if not s:
        first = total(d * d / p for p, d in receiver) / (2 * bit)
        return Place(s, u, first, ())
    known = total(-entropy_of((p + near * d) / 2) - entropy_of((p - near * d) / 2) + entropy_of(p) for p, d in receiver)
    eves = tuple(total(piece.weight * piece.learnt(s) for piece in pieces) / bit / u for pieces in mixtures)
    return Place(s, u, (known / bit + 1) / u, eves)


def _cell(places: Sequence[Place], i: int) -> Fraction:
    """What is left at most between place i and the next one."""
    a, b = places[i], places[i + 1]
    width = b.u - a.u
    lines = []
    for k in range(len(b.eves)):
        if i > 1:
            before, here = places[i - 1].eves[k], a.eves[k]
            lines.append((here, here + (here - before) / (a.u - places[i - 1].u) * width))
        if i + 2 < len(places):
            here, after = b.eves[k], places[i + 2].eves[k]
            lines.append((here - (after - here) / (places[i + 2].u - b.u) * width, here))
    rests = [(a.receiver - first, b.receiver - second) for first, second in lines]
    return min(_most(a.u, b.u, first, second) for first, second in [*rests, _mean(rests)])


def _mean(rests: list[tuple[flint.arb, flint.arb]]) -> tuple[flint.arb, flint.arb]:
    """Of the rest that is least at one end and that at the other a mean, level if there is one."""
    (p, r), (v, w) = min(rests, key=lambda rest: float(rest[0])), min(rests, key=lambda rest: float(rest[1]))
    falls, rises = float(v - w), float(r - p)
    share = ball(Fraction(rises / (rises + falls))) if rises > 0 and falls > 0 else flint.arb(1)
    return v * share + p * (1 - share), w * share + r * (1 - share)


def _most(a: flint.arb, b: flint.arb, first: flint.arb, second: flint.arb) -> Fraction:
    """The largest ``u e(u)`` from a to b, of the line e with these values there, or 0."""
    left, right = max(end(first, "upper"), Fraction(0)), max(end(second, "upper"), Fraction(0))
    low, high = exact(a), exact(b)
    return max(low * left, high * right) + max(left - right, Fraction(0)) * (high - low) / 4
