"""Attacks on processed keys: what a mixture of strategies leaves of a random basis, of selected rounds, of blocks.

Eve knows which strategy a round has and holds its purification. In all three figures she has unnormalised states of
the key's values, X_0 and X_1, and learns what leaves ``S(X_0) + S(X_1) - S(X_0 + X_1)`` of the bit, times its weight.
The receiver's part is that of the question's table of outcomes. Of selected rounds and of blocks the mixture must have
this table, for a strategy that has another one is no attack on devices with these outcomes.

**Blocks.** Let the outcomes a and b have pure states of Eve, of vectors v_ab, and let G be their Gram matrix with the
rows 00, 01, 10, 11. A place of a block with the message 0 has the vector v_cc' for the bits c and c', one with the
message 1 has v_(1-c)(1-c'), whose Gram matrix is G with both orders of rows and columns turned round. Inner products of
product vectors are products: a block has the entrywise product of the matrices of its places, halved, and R_0, R_1 and
R_0 + R_1 have the spectra of its upper left quarter, its lower right one, and the whole. The weights of strategies may
be multiplied into the matrices, as what is left is homogeneous of degree one. Blocks that differ in the order of their
places are alike, and so are those of a message and its complement, which turns the whole round.

A strategy of which one of Alice's bits never occurs makes one of R_0 and R_1 zero, and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb
from typing import Any, TypeVar

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.attacks import MOST_STRATEGIES, PRECISION, solved_weights
from sdpbound.recheck.balls import ball, end, entropy_of, total
from sdpbound.recheck.question import Key, Question, read_question, within
from sdpbound.recheck.reading import integer, items, number, numbers, record
from sdpbound.recheck.strategies import Matrix, Strategy, entropy_of_spectrum, read_strategy, square_norm

__all__ = ["recheck_processed"]

#: Binary digits once the weights are known.
DIGITS = 128
MOST_TERMS, MOST_COLUMNS, MOST_ROUNDS = 16, 256, 1000
#: What the probabilities of kept rounds may add up to beyond one, and what the mixture may miss of a table.
ROOM, NEAR = Fraction(1, 10**9), Fraction(1, 10**12)
#: Steps for one block.
BLOCK = 10_000

Mixture = list[tuple[flint.arb, Strategy]]
Table = list[list[Fraction]]
#: The rate, and the range of the figure.
Rate = tuple[flint.arb, Fraction, Fraction]
Gram = list[flint.acb]
Ball = TypeVar("Ball", flint.arb, flint.acb)


def recheck_processed(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 2))
    if question.side != "upper" or question.model != "quantum":
        raise refuse("an attack bounds from above, against a quantum adversary.")
    if question.kind not in FIGURES:
        raise refuse("an attack on a processed key is on the rate of one.")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    proof = record(root["proof"], "the proof", "processed")
    parts = record(proof["processed"], "a mixture", "strategies weights adjusted")
    given = items(parts["strategies"], "strategies", MOST_STRATEGIES, 1)
    with flint.ctx.workprec(PRECISION):
        strategies = [read_strategy(entry, question, budget) for entry in given]
        weights = solved_weights(question, strategies, parts, budget)
    mixture = [(w, s) for w, s in zip(weights, strategies, strict=True) if not w.is_zero()]
    with flint.ctx.workprec(DIGITS):
        rate, least, most = FIGURES[question.kind](question, mixture, budget)
        proven = end(rate, "upper")
    return Finding(question.kind, "upper", proven, claimed, within(claimed, least, most))


def _random_basis(question: Question, mixture: Mixture, budget: Budget) -> Rate:
    """``sum kept [H(A_q|E) - H(A_q|B)]``."""
    counts = question.devices.outcomes[0]
    figure = record(question.figure, "the figure", "kind terms")
    parts, whole = [], Fraction(0)
    for entry in items(figure["terms"], "terms", MOST_TERMS, 1):
        term = record(entry, "a term", "x kept preprocessing outcomes")
        x = integer(term["x"], "x", 0, len(counts) - 1)
        kept, q = number(term["kept"], "kept"), number(term["preprocessing"], "preprocessing")
        if counts[x] != 2 or not 0 <= kept <= 1 or not 0 <= q <= Fraction(1, 2):
            raise refuse("a term has a setting of two outcomes, kept from 0 to 1 and preprocessing from 0 to 1/2.")
        columns = len(items(items(term["outcomes"], "outcomes", 2, 2)[0], "a row of outcomes", MOST_COLUMNS, 1))
        first, second = _table(term["outcomes"], 2, columns)
        flipped = [
            [p + q * (r - p) for p, r in zip(first, second, strict=True)],
            [r + q * (p - r) for p, r in zip(first, second, strict=True)],
        ]
        budget.spend(sum(3 * _cost(s.state.ncols()) for _, s in mixture))
        key = Key((x, None), (q, q))
        eve = total(w * s.entropy(key) for w, s in mixture)
        parts.append(ball(kept) * (eve - _unknown(flipped)))
        whole += kept
    if whole > 1 + ROOM:
        raise refuse("more rounds are kept than there are.")
    return total(parts), -whole, whole


def _post_selected(question: Question, mixture: Mixture, budget: Budget) -> Rate:
    """What is left of rounds that both keep."""
    figure = record(question.figure, "the figure", "kind x y alice bob outcomes")
    x, y, table = _key_outcomes(question, mixture, budget)
    keep = [numbers(figure[name], name, size) for name, size in (("alice", len(table)), ("bob", len(table[0])))]
    if not all(0 <= v <= 1 for own in keep for v in own):
        raise refuse("outcomes are kept with probabilities from 0 to 1.")
    alice, bob = keep
    chosen = [a for a, v in enumerate(alice) if v]
    if len(chosen) != 2:
        raise refuse("two of Alice's outcomes are kept.")
    budget.spend(sum(3 * _cost(s.state.ncols()) for _, s in mixture))
    left = []
    for w, s in mixture:
        states = []
        for a in chosen:
            parts = [(alice[a] * v, s.moved((x, y), (a, b))) for b, v in enumerate(bob)]
            size = s.state.ncols()
            states.append(sum((m.transpose().conjugate() * m * ball(v) for v, m in parts), Matrix(size, size)))
        left.append(w * _left(states[0], states[1], states[0] + states[1]) / s.weight)
    kept = [[alice[a] * v * p for v, p in zip(bob, table[a], strict=True)] for a in chosen]
    return total(left) - _unknown(kept), Fraction(-1), Fraction(1)


def _blocks(question: Question, mixture: Mixture, budget: Budget) -> Rate:
    """``(1/k) P^(1-k) sum_j C(k, j) max(0, E_j - L_j)``."""
    figure = record(question.figure, "the figure", "kind x y block outcomes")
    k = integer(figure["block"], "block", 2, MOST_ROUNDS)
    x, y, table = _key_outcomes(question, mixture, budget)
    if min(len(table), len(table[0])) < 2:
        raise refuse("a block is of bits of both parties.")
    p = [[ball(v) for v in row[:2]] for row in table[:2]]
    stays = ball(sum((v for row in table[:2] for v in row[:2]), Fraction(0)))
    if not stays > 0:
        raise refuse("no round stays.")
    grams = [gram for w, s in mixture if (gram := _gram(w, s, x, y)) is not None]
    budget.spend(1000 * k**3)  # roots of polynomials of numbers as small as those of long blocks take long
    for j in range(k // 2 + 1):
        budget.spend(BLOCK * _several(len(grams), k - j) * _several(len(grams), j))
    parts = []
    for j in range(k // 2 + 1):
        known = []
        for b in (0, 1):
            s = [_power(p[a][b], k - j) * _power(p[1 - a][1 - b], j) / 2 for a in (0, 1)]
            known += [entropy_of(s[0]), entropy_of(s[1]), -entropy_of(s[0] + s[1])]
        eve = flint.arb(0)
        for one in _products(grams, k - j):
            for other in _products(grams, j):
                budget.spend(0)
                eve += _left_of_block([u * v / 2 for u, v in zip(one, reversed(other), strict=True)])
        gain = max(Fraction(0), end(eve - total(known) / flint.arb(2).log(), "upper"))
        parts.append(ball(gain * comb(k, j) * (1 if 2 * j == k else 2)))
    return total(parts) / k / _power(stays, k - 1), Fraction(0), Fraction(1)


FIGURES: dict[str, Callable[[Question, Mixture, Budget], Rate]] = {
    "random_basis_key_rate": _random_basis,
    "post_selected_key_rate": _post_selected,
    "repetition_code_key_rate": _blocks,
}


def _table(entry: object, rows: int, columns: int) -> Table:
    """Probabilities of the key's outcomes, Alice's by rows."""
    given = [numbers(row, "a row of outcomes", columns) for row in items(entry, "outcomes", rows, rows)]
    whole = sum((v for row in given for v in row), Fraction(0))
    if min(v for row in given for v in row) < 0 or not whole > 0:
        raise refuse("weights of outcomes are negative, or all zero.")
    return [[v / whole for v in row] for row in given]


def _key_outcomes(question: Question, mixture: Mixture, budget: Budget) -> tuple[int, int, Table]:
    """The settings x and y, and the table of their outcomes, which the mixture must have."""
    alice, bob = question.devices.outcomes
    x = integer(question.figure["x"], "x", 0, len(alice) - 1)
    y = integer(question.figure["y"], "y", 0, len(bob) - 1)
    table = _table(question.figure["outcomes"], alice[x], bob[y])
    budget.spend(2000 * len(mixture) * alice[x] * bob[y])
    for a, row in enumerate(table):
        for b, p in enumerate(row):
            mean = total(w * s.probability((x, y), (a, b)) for w, s in mixture)
            if not abs(mean - ball(p)) <= ball(NEAR):
                raise refuse("the mixture has other outcomes of the key than the question.")
    return x, y, table


def _unknown(table: Table) -> flint.arb:
    """H(A|B) of such weights, in bits."""
    parts = []
    for column in zip(*table, strict=True):
        parts += [entropy_of(ball(v)) for v in column]
        parts.append(-entropy_of(ball(sum(column, Fraction(0)))))
    return total(parts) / flint.arb(2).log()


def _left(first: Matrix, second: Matrix, both: Matrix) -> flint.arb:
    """``S(first) + S(second) - S(both)`` in bits."""
    found = entropy_of_spectrum(first) + entropy_of_spectrum(second) - entropy_of_spectrum(both)
    return found / flint.arb(2).log()


def _gram(weight: flint.arb, strategy: Strategy, x: int, y: int) -> Gram | None:
    """The Gram matrix of Eve's states of the outcomes 00, 01, 10, 11, with the weight; None if nothing is left."""
    moved = [strategy.moved((x, y), (a, b)) for a in (0, 1) for b in (0, 1)]
    empty = [all(map(_nothing, m.entries())) for m in moved]
    if all(empty[:2]) or all(empty[2:]):
        return None
    vectors = [_vector(m) for m in moved]
    scale = weight / strategy.weight
    return [
        sum((u * v.conjugate() for u, v in zip(one, other, strict=True)), flint.acb(0)) * scale
        for one in vectors
        for other in vectors
    ]


def _vector(moved: Matrix) -> list[flint.acb]:
    """The vector of a pure state of Eve."""
    if moved.ncols() == 1:  # she has no system
        return [flint.acb(square_norm(moved).sqrt())]
    rows = [row for row in moved.tolist() if not all(map(_nothing, row))]
    if len(rows) > 1:
        raise refuse("in blocks the effects of a strategy have rank one.")
    return rows[0] if rows else [flint.acb(0)] * moved.ncols()


def _nothing(value: flint.acb) -> bool:
    """Whether a ball is exactly zero."""
    return bool(value.real.is_zero() and value.imag.is_zero())


def _several(kinds: int, places: int) -> int:
    """In how many ways so many places are filled, if their order is no matter."""
    return comb(kinds + places - 1, places) if kinds else int(not places)


def _products(grams: list[Gram], places: int) -> list[Gram]:
    """The terms of the power ``(sum of grams)^places``, entrywise, where equal ones are counted together."""
    if not grams:
        return [] if places else [[flint.acb(1)] * 16]
    first, *others = grams
    found = []
    for used in range(places + 1) if others else (places,):
        power = [_power(v, used) * comb(places, used) for v in first]
        found += [[u * v for u, v in zip(power, rest, strict=True)] for rest in _products(others, places - used)]
    return found


def _power(value: Ball, exponent: int) -> Ball:
    """By products: the powers of python-flint know no ball that contains zero."""
    found, square = type(value)(1), value
    while exponent:
        if exponent % 2:
            found *= square
        square, exponent = square * square, exponent // 2
    return found


def _left_of_block(block: Gram) -> flint.arb:
    """What is left of Alice's bit."""
    quarters = _entropy_of_two(block[0], block[1], block[5]) + _entropy_of_two(block[10], block[11], block[15])
    return (quarters - entropy_of_spectrum(Matrix(4, 4, block))) / flint.arb(2).log()


def _entropy_of_two(first: flint.acb, off: flint.acb, second: flint.acb) -> flint.arb:
    """``-Tr X ln X`` of a matrix of two rows that is not negative, by the roots of its quadratic polynomial."""
    a, b = first.real, second.real
    square = (a - b) * (a - b) + 4 * (off.real * off.real + off.imag * off.imag)
    root = square.sqrt() if square > 0 else flint.arb(0).union(square.upper().sqrt())
    return entropy_of((a + b + root) / 2) + entropy_of((a + b - root) / 2)


def _cost(size: int) -> int:
    """Steps for the eigenvalues of one of Eve's states."""
    return 2000 + 100 * size**3
