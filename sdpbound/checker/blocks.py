"""What strategies leave of blocks of a repetition code, enclosed in balls.

If the outcomes 0 and 1 of the key's settings have effects of rank one, Eve's states of the outcomes ab of one round are
pure, ``r_ab = <ab|psi>``; a vector is zero where an outcome does not occur. In a block with strategies l_1 .. l_k, the
message m and the bits c, c' of Alice and Bob she holds the product of ``r(l_i)_(m_i xor c, m_i xor c')``, with the
prior 1/2 of c. So the Gram matrix of these four vectors has the products of entries of the rounds' Gram matrices for
its entries, and

    H(C|E,m) = S(K_0) + S(K_1) - S(K),   S(X) = -Tr X log2 X,

K_c the two diagonal blocks of the Gram matrix K: it has the spectrum of Eve's state, summed over c' and over both.
A strategy of which Alice's outcomes 0 and 1 do not both occur tells Eve the bit, and adds nothing, and so does one of
which none of the four occurs: its rounds are dropped. Rounds are drawn by
the weights, so blocks are counted by how often each strategy is in a place with m_i = 0, and with m_i = 1. A block of
small weight adds at most that weight, as C is a bit. The message of all places turned has the same entropy.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.mixtures import Matrix, adjoint, through_effects, trace
from sdpbound.checker.numbers import to_ball
from sdpbound.checker.processed_question import Block
from sdpbound.checker.spectra import entropy, plogp
from sdpbound.errors import CertificateError

__all__ = ["PLACES", "Gram", "block_rate", "counts_of", "gram_of_round"]

#: Outcomes of a round, or bits c and c' of a block.
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))
_MOST_COUNTS = 100_000  # choices of strategies for the places of a block
_MOST_SPECTRA, _COMPLEX = 30_000, 8  # of real matrices, and what one of complex numbers counts
_SMALL = flint.arb(2) ** -54  # weight of a block that is counted as a whole
Gram = list[list[Any]]  # entries [ab][cd] of the vectors of a round, balls


def gram_of_round(
    factor: Matrix, alice: Sequence[Matrix | None], bob: Sequence[Matrix | None], name: str
) -> Gram | None:
    """Gram matrix of Eve's vectors for the outcomes 00, 01, 10, 11 of a strategy.

    None where she knows Alice's, and where none of them occurs.
    """
    if alice[0] is None or alice[1] is None:
        return None
    norm = trace(adjoint(factor) * factor)
    vectors = [through_effects([alice[a], bob[b]], factor) for a, b in PLACES]
    if not any(v is not None for v in vectors):
        return None  # the round is always dropped
    if any(v is not None and v.nrows() != 1 for v in vectors):
        raise CertificateError(f"{name} has an outcome of the key of rank above one; blocks are computed of rank one.")
    rows: Gram = []
    for first in vectors:
        row = []
        for second in vectors:
            known = first is not None and second is not None
            row.append((first * adjoint(second))[0, 0] / norm if known else flint.arb(0))  # type: ignore[operator, arg-type]
        rows.append(row)
    return rows


def block_rate(block: Block, grams: Sequence[Gram], weights: Sequence[flint.arb]) -> flint.arb:
    """The rate in bits a round that strategies of these weights leave; those where Eve knows the bit are left out."""
    if not grams:
        return flint.arb(0)
    k, kept = block.rounds, sum((p for row in block.kept for p in row), Fraction(0))
    sizes = [math.comb(i + len(grams) - 1, i) for i in range(k + 1)]
    if sum(sizes[k - j] * sizes[j] for j in range(k // 2 + 1)) > _MOST_COUNTS:
        raise CertificateError(
            f"Blocks of {k} rounds of {len(grams)} strategies have too many terms; take shorter blocks."
        )
    turned = [[row[::-1] for row in gram[::-1]] for gram in grams]  # in a place with m_i = 1
    tables = [list(_products(own, weights, k)) for own in (grams, turned)]
    spectra, total = 0, flint.arb(0)
    for j in range(k // 2 + 1):
        eve = flint.arb(0)
        for (chance, first), (other, second) in itertools.product(tables[0][k - j], tables[1][j]):
            joined = _multiplied(first, second)
            weight = chance * other * sum((_real(joined[i][i]) for i in range(4)), flint.arb(0)) / 2
            if weight < _SMALL:
                eve += weight.max(flint.arb(0))
                continue
            matrix = _matrix(joined) * flint.arb(0.5)
            spectra += 1 if isinstance(matrix, flint.arb_mat) else _COMPLEX
            if spectra > _MOST_SPECTRA:
                raise CertificateError(f"Blocks of {k} rounds take more than {_MOST_SPECTRA} spectra to check.")
            eve += chance * other * _conditional(matrix)
        left = (eve - _leak(block, j)).max(flint.arb(0))
        total += left * math.comb(k, j) * (1 if 2 * j == k else 2)
    return total / (k * to_ball(kept) ** (k - 1))


def _multiplied(first: Gram, second: Gram) -> Gram:
    """Entry by entry."""
    return [[u * v for u, v in zip(*rows, strict=True)] for rows in zip(first, second, strict=True)]


def _products(grams: Sequence[Gram], weights: Sequence[flint.arb], k: int) -> Iterator[list[tuple[flint.arb, Gram]]]:
    """For each number of places up to k: the probabilities of the strategies there, and products of entries."""
    one: Gram = [[flint.arb(1)] * 4 for _ in range(4)]
    for size in range(k + 1):
        found = []
        for counts in counts_of(size, len(grams)):
            chance, product = flint.arb(math.factorial(size)), one
            for n, gram, weight in zip(counts, grams, weights, strict=True):
                chance = chance / math.factorial(n)
                for _ in range(n):
                    chance = chance * weight
                    product = _multiplied(product, gram)
            found.append((chance, product))
        yield found


def counts_of(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a sum of so many numbers, in order."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in counts_of(total - first, parts - 1):
            yield (first, *rest)


def _conditional(gram: Matrix) -> flint.arb:
    rows = gram.tolist()
    halves = [_matrix([row[i : i + 2] for row in rows[i : i + 2]]) for i in (0, 2)]
    return sum(map(entropy, halves), flint.arb(0)) - entropy(gram)


def _matrix(rows: Gram) -> Matrix:
    real = all(isinstance(v, flint.arb) for row in rows for v in row)
    return flint.arb_mat(rows) if real else flint.acb_mat([[flint.acb(v) for v in row] for row in rows])


def _real(value: Any) -> flint.arb:
    return value if isinstance(value, flint.arb) else value.real


def _leak(block: Block, j: int) -> flint.arb:
    """H(C|C') of a message with j ones, times the weight of its accepted blocks."""
    p, i, total = block.kept, block.rounds - j, flint.arb(0)
    for d in (0, 1):
        column = [to_ball(p[c][d]) ** i * to_ball(p[1 - c][1 - d]) ** j / 2 for c in (0, 1)]
        total += plogp(column[0]) + plogp(column[1]) - plogp(column[0] + column[1])
    return total
