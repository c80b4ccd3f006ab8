"""Attacks on all channels: what one mixture of strategies leaves of a key bit, whatever a channel makes of it.

A value of A' that has the probabilities ``c = (c_0, c_1)`` given the values of the bit leaves Eve ``c_0 X_0 + c_1 X_1``
and has ``c_0 p_0 + c_1 p_1`` together with the receiver's outcomes, where p_a has the trace of X_a on average. So

    H(A'|E) - H(A'|B) = sum_j F(c_j) - F(1, 1),   F(c) = sum_k w_k S(c_0 X_0k + c_1 X_1k) - S(c_0 p_0 + c_1 p_1),

with F(r c) = r F(c), for both terms gain ``-r log r`` times the same trace. With f(t) = F(1-t, t) and a number m that
``f(t) - l_0 (1-t) - l_1 t`` does not exceed, ``sum_j F(c_j)`` is at most ``l_0 + l_1 + 2 m``, as the c_j add up to
(1, 1). Of m below 0 nothing is made.

f is the difference of two concave functions, E - R. On a cell R is above its chord. E is below each line through two of
its values on one side of the cell, so below every mean of two such lines: what is left is a line, largest at an end.
Cells are halved until the claim is reached or a value of f shows that it cannot be.

At last the receiver's table of the file is another one than p where the mixture has other probabilities of the key. Let
the overlap of both tables, the lesser number of each entry, be 1 - e of each of them. Entropies of A' given B are
concave, and a mean of two is at most h(e) below that of the mixture: the table's is at most e + h(e) below that of p.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.attacks import MOST_STRATEGIES, PRECISION, solved_weights
from sdpbound.recheck.balls import ball, end, entropy_of, total
from sdpbound.recheck.question import Key, Question, read_key, read_question, within
from sdpbound.recheck.reading import items, number, numbers, record
from sdpbound.recheck.strategies import Matrix, entropy_of_middle, is_real, middle, read_strategy

__all__ = ["recheck_channels"]

#: Binary digits once the weights are known.
DIGITS = 160
MOST_MIXTURES, MOST_COLUMNS = 64, 256
#: Cells to begin with, the narrowest one, and how near a claim that is too low is refuted.
FIRST_CELLS, NARROWEST, NEAR = 16, Fraction(1, 1 << 60), Fraction(1, 10**9)


@dataclass(frozen=True, slots=True)
class Part:
    """One strategy: its weight, and exact matrices from which Eve's states X_0 and X_1 are no further than ``off``."""

    weight: flint.arb
    first: flint.fmpq_mat
    second: flint.fmpq_mat
    off: flint.arb
    real: bool

    def entropy(self, c: Fraction, d: Fraction) -> flint.arb:
        """The weight times ``S(c X_0 + d X_1)``, in nats."""
        mixed = self.first * flint.fmpq(c.numerator, c.denominator)
        mixed += self.second * flint.fmpq(d.numerator, d.denominator)
        return self.weight * entropy_of_middle(mixed, self.off * ball(c + d), self.real)


@dataclass(frozen=True, slots=True)
class Rest:
    """F in bits: what strategies leave of a value of A' is Eve's term less the receiver's."""

    parts: tuple[Part, ...]
    table: tuple[tuple[flint.arb, flint.arb], ...]

    def eve(self, c: Fraction, d: Fraction) -> flint.arb:
        return total(part.entropy(c, d) for part in self.parts) / flint.arb(2).log()

    def receiver(self, c: Fraction, d: Fraction) -> flint.arb:
        return total(entropy_of(p * ball(c) + r * ball(d)) for p, r in self.table) / flint.arb(2).log()

    def cost(self) -> int:
        return sum(2000 + 100 * part.first.nrows() ** 3 for part in self.parts) + 1000 * len(self.table)


@dataclass(frozen=True, slots=True)
class Place:
    """E(t) less the line, and R(t): m must not be below their difference."""

    t: Fraction
    eve: flint.arb
    receiver: flint.arb


def recheck_channels(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 4))
    if question.side != "upper" or question.model != "quantum":
        raise refuse("an attack bounds from above, against a quantum adversary.")
    if question.kind != "key_rate_any_channel" or "outcomes" not in question.figure:
        raise refuse("an attack on all channels is on a key rate with any channel, with outcomes of a receiver.")
    named = {name: entry for name, entry in question.figure.items() if name != "outcomes"}
    key = read_key(replace(question, figure=named))
    if sum(s is not None for s in key.settings) != 1 or key.outcomes(question.devices) != 2:
        raise refuse("the key is not that of one party with two values.")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    proof = record(root["proof"], "the proof", "mixtures shares line")
    mixtures = items(proof["mixtures"], "mixtures", MOST_MIXTURES, 1)
    shares = numbers(proof["shares"], "shares", len(mixtures))
    line = numbers(proof["line"], "line", 2)
    if min(shares) < 0 or not any(shares):
        raise refuse("shares are negative, or all zero.")
    parts: list[Part] = []
    rows = [flint.arb(0), flint.arb(0)]
    with flint.ctx.workprec(PRECISION):
        for share, mixture in zip(shares, mixtures, strict=True):
            for weight, states in _mixture(mixture, question, key, budget):
                w = weight * ball(share / sum(shares))
                rows = [row + w * _trace(x) for row, x in zip(rows, states, strict=True)]
                parts.append(_part(w, *states))
        table, missed = _receiver(question.figure["outcomes"], rows)
    with flint.ctx.workprec(DIGITS):
        rest = Rest(tuple(parts), table)
        whole = Fraction(1)
        fixed = ball(sum(line)) - rest.eve(whole, whole) + rest.receiver(whole, whole) + _missing(missed)
        goal = max((claimed - end(fixed, "upper")) / 2, Fraction(0))
        proven = end(fixed, "upper") + 2 * max(_largest(rest, line, goal, budget), Fraction(0))
    return Finding(question.kind, "upper", proven, claimed, within(claimed, 0, 1))


def _mixture(
    entry: object, question: Question, key: Key, budget: Budget
) -> Iterator[tuple[flint.arb, tuple[Matrix, Matrix]]]:
    """Weights and Eve's states, of trace one together, of a mixture that has the data."""
    given = record(entry, "a mixture", "strategies weights adjusted")
    listed = items(given["strategies"], "strategies", MOST_STRATEGIES, 1)
    strategies = [read_strategy(strategy, question, budget) for strategy in listed]
    weights = solved_weights(question, strategies, given, budget)
    for weight, strategy in zip(weights, strategies, strict=True):
        first, second = strategy.held(key)
        scale = 1 / strategy.weight
        yield weight, (first * scale, second * scale)


def _trace(matrix: Matrix) -> flint.arb:
    return total(matrix[i, i].real for i in range(matrix.nrows()))


def _part(weight: flint.arb, first: Matrix, second: Matrix) -> Part:
    real = is_real(first) and is_real(second)
    (one, off), (two, further) = middle(first, real), middle(second, real)
    return Part(weight, one, two, off.max(further), real)


def _receiver(given: object, traces: list[flint.arb]) -> tuple[tuple[tuple[flint.arb, flint.arb], ...], flint.arb]:
    """The table p, its columns (p_0b, p_1b), and the e of the two tables."""
    listed = items(given, "outcomes", 2, 2)
    count = len(items(listed[0], "the receiver's outcomes", MOST_COLUMNS, 1))
    rows = [numbers(row, "the receiver's outcomes", count) for row in listed]
    whole = sum((v for row in rows for v in row), Fraction(0))
    if any(v < 0 for row in rows for v in row) or not whole > 0:
        raise refuse("weights of outcomes are negative, or all zero.")
    table, missed = [], flint.arb(0)
    for row, trace in zip(rows, traces, strict=True):
        own = sum(row, Fraction(0))
        table.append([trace * ball(v / own if own else Fraction(1, count)) for v in row])
        missed += abs(trace - ball(own / whole)) / 2
    return tuple(zip(*table, strict=True)), missed


def _missing(missed: flint.arb) -> flint.arb:
    """``e + h(e)`` in bits, for the largest e of the ball: it rises with e up to one half."""
    e = flint.arb(missed.upper())
    if not e < 0.5:
        raise refuse("the probabilities of the key are far from those of the receiver's table.")
    return e + (entropy_of(e) + entropy_of(1 - e)) / flint.arb(2).log()


def _place(rest: Rest, line: list[Fraction], t: Fraction) -> Place:
    return Place(t, rest.eve(1 - t, t) - ball(line[0] * (1 - t) + line[1] * t), rest.receiver(1 - t, t))


def _largest(rest: Rest, line: list[Fraction], goal: Fraction, budget: Budget) -> Fraction:
    """A number that f less the line does not exceed: the goal or less, if that can be had."""
    budget.spend(rest.cost() * (FIRST_CELLS + 1))
    places = [_place(rest, line, Fraction(i, FIRST_CELLS)) for i in range(FIRST_CELLS + 1)]
    reached = max(end(p.eve - p.receiver, "lower") for p in places)
    done: dict[Fraction, Fraction] = {}
    while True:
        aim = max(goal, reached + NEAR) if reached > goal else goal
        split = []
        for i in range(len(places) - 1):
            a, b = places[i].t, places[i + 1].t
            if a in done:
                continue
            most = _cell(places, i)
            if most <= aim or b - a <= NARROWEST:
                done[a] = most
            else:
                split.append((a + b) / 2)
        if not split:
            return max(done.values())
        budget.spend(rest.cost() * len(split))
        new = [_place(rest, line, t) for t in split]
        reached = max(reached, *(end(p.eve - p.receiver, "lower") for p in new))
        places = sorted([*places, *new], key=lambda p: p.t)


def _cell(places: list[Place], i: int) -> Fraction:
    """What ``f`` less the line is at most between place i and the next one."""
    a, b = places[i], places[i + 1]
    width = b.t - a.t
    lines = []
    if i > 0:
        before = places[i - 1]
        lines.append((a.eve, a.eve + (a.eve - before.eve) * ball(width / (a.t - before.t))))
    if i + 2 < len(places):
        after = places[i + 2]
        lines.append((b.eve - (after.eve - b.eve) * ball(width / (after.t - b.t)), b.eve))
    ends = [(left - a.receiver, right - b.receiver) for left, right in lines]
    if len(ends) == 2:
        ends.append(_level(*ends))
    return min(max(end(left, "upper"), end(right, "upper")) for left, right in ends)


def _level(one: tuple[flint.arb, flint.arb], two: tuple[flint.arb, flint.arb]) -> tuple[flint.arb, flint.arb]:
    """A mean of two lines, given by their ends, that is as level as can be: as high as where they cross."""
    rise, other = float(one[1] - one[0]), float(two[1] - two[0])
    share = ball(Fraction(min(max(other / (other - rise), 0.0), 1.0))) if rise * other < 0 else flint.arb(1)
    return one[0] * share + two[0] * (1 - share), one[1] * share + two[1] * (1 - share)
