"""Attacks on all channels: what a mixture of strategies leaves of a key bit, whichever channel it passes first.

A value of the channel has with the bit's values probabilities c = (c_0, c_1); those of both values add up to (1, 1).
Of Eve's states X_a and the receiver's numbers p_a, of equal traces, ``D(c) = S(c.X) - S(c.p)``, S averaged over the
strategies, has ``D(r c) = r D(c)``: both terms gain ``-r ln r`` times the same trace. What is left of the key behind a
channel is ``D(c) + D(c') - D(1, 1)``, c + c' = (1, 1). A line that is above D(1-t, t), but for m, at each t between 0
and 1 is above D at c but for m (c_0 + c_1), so that what is left is at most ``line(1, 1) + 2 m - D(1, 1)``.

On a cell of t two secants of Eve's concave term, each through two places on one side of it, ends included, are above
this term, and the chord of the receiver's is below his. The lower one of the secants less the chord is largest at an
end or where the secants cross.

The weights of the file may have traces that are a little off. Let them have the traces of the mixture: the two tables
are (1 - e) times the same one and e times others, e half of what the traces move in all. So H(A'|B) falls by at most
``e log 2 + h(e)`` from the one to the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.attacks import MOST_STRATEGIES, PRECISION, solved_weights
from sdpbound.recheck.balls import ball, end, entropy_of, total
from sdpbound.recheck.question import Key, Question, read_key, read_question, within
from sdpbound.recheck.reading import items, number, numbers, record
from sdpbound.recheck.strategies import entropy_of_middle, is_real, middle, read_strategy

__all__ = ["recheck_channels"]

#: Binary digits of Eve's states, once the weights are known.
DIGITS = 160
MOST_MIXTURES, MOST_COLUMNS = 32, 256
#: Cells of t to begin with, and how often each may be halved.
FIRST_CELLS, MOST_HALVINGS = 8, 36
#: Eve's term at a place, and the receiver's with the line, in nats.
Terms: TypeAlias = tuple[flint.arb, flint.arb]


@dataclass(frozen=True, slots=True)
class Piece:
    """A strategy: its weight, both states of Eve as exact matrices, how far the true ones are, and their form."""

    weight: flint.arb
    first: flint.fmpq_mat
    second: flint.fmpq_mat
    off: flint.arb
    real: bool

    def entropy(self, t: Fraction) -> flint.arb:
        """That of ``(1 - t) X_0 + t X_1``, in nats."""
        mixed = self.first * _exactly(1 - t) + self.second * _exactly(t)
        return entropy_of_middle(mixed, self.off, self.real)


@dataclass(frozen=True, slots=True)
class Both:
    """The mixture, the receiver's rows with its traces, and the line in nats."""

    pieces: list[Piece]
    rows: list[list[flint.arb]]
    line: tuple[flint.arb, flint.arb]

    @property
    def cost(self) -> int:
        """Steps for one place."""
        return 2000 * len(self.rows[0]) + sum(2000 + 100 * p.first.nrows() ** 3 for p in self.pieces)

    def at(self, t: Fraction) -> Terms:
        own, other = ball(1 - t), ball(t)
        receiver = total(entropy_of(p * own + q * other) for p, q in zip(*self.rows, strict=True))
        return total(p.weight * p.entropy(t) for p in self.pieces), receiver + self.line[0] * own + self.line[1] * other


def recheck_channels(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 4))
    if question.side != "upper" or question.model != "quantum":
        raise refuse("an attack bounds from above, against a quantum adversary.")
    if question.kind != "key_rate_any_channel" or "outcomes" not in question.figure:
        raise refuse(
            "an attack on all channels is on the rate of a key with any channel, and has a receiver's outcomes."
        )
    rest = {name: entry for name, entry in question.figure.items() if name != "outcomes"}
    key = read_key(replace(question, figure=rest))
    if key.settings.count(None) != len(key.settings) - 1 or key.outcomes(question.devices) != 2:
        raise refuse("a channel is of a key of one party with two values.")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    proof = record(root["proof"], "the proof", "mixtures shares line")
    given = items(proof["mixtures"], "mixtures", MOST_MIXTURES, 1)
    shares = numbers(proof["shares"], "shares", len(given))
    if min(shares) < 0 or not sum(shares) > 0:
        raise refuse("a share is negative, or all are zero.")
    line = numbers(proof["line"], "the line", 2)
    with flint.ctx.workprec(PRECISION):
        parts = [(s / sum(shares), entry) for s, entry in zip(shares, given, strict=True)]
        pieces = [piece for share, entry in parts for piece in _mixture(share, entry, question, key, budget)]
    with flint.ctx.workprec(DIGITS):
        bit = flint.arb(2).log()
        rows, moved = _receiver(question.figure["outcomes"], pieces)
        both = Both(pieces, rows, (ball(line[0]) * bit, ball(line[1]) * bit))
        eve, receiver = both.at(Fraction(1, 2))
        least = 2 * (receiver - eve) + moved
        most = _most(both, (ball(claimed) * bit - least) / 2, budget)
        proven = end((least + 2 * ball(max(most, Fraction(0)))) / bit, "upper")
    return Finding(question.kind, "upper", proven, claimed, within(claimed, 0, 1))


def _mixture(share: Fraction, entry: object, question: Question, key: Key, budget: Budget) -> list[Piece]:
    """A mixture that has the data, strategy by strategy, with its share of the weight."""
    parts = record(entry, "a mixture", "strategies weights adjusted")
    given = items(parts["strategies"], "strategies", MOST_STRATEGIES, 1)
    strategies = [read_strategy(s, question, budget) for s in given]
    weights = solved_weights(question, strategies, parts, budget)
    pieces = []
    for weight, strategy in zip(weights, strategies, strict=True):
        first, second = (state * (1 / strategy.weight) for state in strategy.held(key))
        real = is_real(first) and is_real(second)
        (one, off), (other, further) = middle(first, real), middle(second, real)
        pieces.append(Piece(weight * ball(share), one, other, off.max(further).upper(), real))
    return pieces


def _receiver(given: object, pieces: list[Piece]) -> tuple[list[list[flint.arb]], flint.arb]:
    """The receiver's rows with the traces of Eve's states, and what H(A'|B) falls by at most for that, in nats."""
    rows = items(given, "outcomes", 2, 2)
    count = len(items(rows[0], "the receiver's outcomes", MOST_COLUMNS, 1))
    table = [numbers(row, "the receiver's outcomes", count) for row in rows]
    whole = sum(table[0] + table[1], Fraction(0))
    if min(table[0] + table[1]) < 0 or not whole > 0:
        raise refuse("weights of outcomes are negative, or all zero.")
    traces, off = [], flint.arb(0)
    for a, row in enumerate(table):
        trace = total(p.weight * _trace((p.first, p.second)[a], p) for p in pieces)
        own = sum(row, Fraction(0))
        off += abs(trace - ball(own / whole))
        traces.append([trace * (ball(p / own) if own else flint.arb(1) / count) for p in row])
    off = (off / 2).upper()
    if not off < 0.5:
        raise refuse("the attack has other probabilities of the key's values than the weights.")
    return traces, off * flint.arb(2).log() + entropy_of(off) + entropy_of(1 - off)


def _trace(state: flint.fmpq_mat, piece: Piece) -> flint.arb:
    """The trace of the true state; each entry of the diagonal may be off by as much as the matrix."""
    size = state.nrows()
    exactly = flint.arb(sum((state[i, i] for i in range(size)), flint.fmpq(0)))
    return (exactly if piece.real else exactly / 2) + size * flint.arb(0, piece.off)


def _most(both: Both, enough: flint.arb, budget: Budget) -> Fraction:
    """Above Eve's term less the receiver's and the line at each t; cells are halved until it is as low as is enough."""
    goal = end(enough, "lower")
    places = [Fraction(i, FIRST_CELLS) for i in range(FIRST_CELLS + 1)]
    budget.spend(both.cost * len(places))
    known = {t: both.at(t) for t in places}
    waiting, most, narrowest = places[:-1], Fraction(-1), Fraction(1, FIRST_CELLS << MOST_HALVINGS)
    while waiting:
        if max(end(eve - receiver, "lower") for eve, receiver in known.values()) > goal:
            raise refuse("a channel of the attack's best values leaves more than is claimed.")
        where = {t: i for i, t in enumerate(places)}
        left = []
        for t in waiting:
            i = where[t]
            found = _cell([(p, *known[p]) for p in places[max(i - 1, 0) : i + 3]], min(i, 1))
            if found <= goal or found <= most or places[i + 1] - t <= narrowest:
                most = max(most, found)
            else:
                left.append((t, places[i + 1]))
        budget.spend(both.cost * len(left))
        halves = {(a + b) / 2: a for a, b in left}
        known |= {t: both.at(t) for t in halves}
        waiting = [t for middle_, a in halves.items() for t in (a, middle_)]
        places = sorted(known)
    return most


def _cell(places: list[tuple[Fraction, flint.arb, flint.arb]], at: int) -> Fraction:
    """The largest that the lower secant less the chord can be from one place to the next.

    Parameters
    ----------
    places : the ends of the cell, with the place before and the one after where there are such: t and both terms
    at : which of them is the left end
    """
    (a, eve, receiver), (b, other, beyond) = places[at : at + 2]
    width = ball(b - a)
    rests = []
    if at:
        t, before, _ = places[at - 1]
        rests.append((eve - receiver, eve + (eve - before) * (width / ball(a - t)) - beyond))
    if len(places) > at + 2:
        t, after, _ = places[at + 2]
        rests.append((other - (after - other) * (width / ball(t - b)) - receiver, other - beyond))
    ends = [max(end(first, "upper"), end(second, "upper")) for first, second in rests]
    if len(rests) < 2:
        return ends[0]
    (p, q), (r, s) = rests
    apart = (r - p) + (q - s)
    crossing = p + (q - p) * ((r - p) / apart) if r > p and q > s else None
    if crossing is None or not crossing.is_finite():
        return min(ends)
    sides = max(end(p, "upper"), end(s, "upper"))  # the lower secant is the left one on the left, and changes once
    return min(*ends, max(sides, end(crossing, "upper")))


def _exactly(value: Fraction) -> flint.fmpq:
    return flint.fmpq(value.numerator, value.denominator)
