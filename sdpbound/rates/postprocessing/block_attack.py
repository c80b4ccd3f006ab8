"""What an explicit mixture of strategies leaves of blocks of a repetition code.

Of a strategy whose outcomes of the key have effects of rank one, Eve's states are pure: with the outcomes ab she holds
``<ab|psi>``, and the Gram matrix of these four vectors is the state of Alice and Bob in the basis of the key,
``G_ab,cd = <cd|rho|ab>``. In a block of strategies l_1 .. l_k with the message m she holds sums of four products of
such vectors. Their Gram matrix is the product of entries ``K_cc',dd' = (1/2) prod_i G(l_i)_(m_i xor c, m_i xor c'),
(m_i xor d, m_i xor d')``, and H(C|E) is the sum of the entropies of its two diagonal blocks, C = 0 and 1, less that
of K.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from scipy.special import gammaln

from sdpbound.arrays import Floats
from sdpbound.bell.strategy import Strategy
from sdpbound.checker.blocks import counts_of
from sdpbound.errors import InvalidInput

__all__ = ["block_entropies", "key_grams", "of_rank_one"]

#: Entries of a Gram matrix that are 0 but for roundings.
ZERO = 1e-13
#: What is certain but for roundings.
CERTAIN = 1e-9
#: Most terms that are summed.
MOST_TERMS = 400_000


def key_grams(strategies: Sequence[Strategy], x: int, y: int) -> Floats:
    """(K, 4, 4) the Gram matrices of Eve's states of the outcomes 00, 01, 10, 11; further outcomes are dropped.

    Where Alice's outcomes 0 and 1 do not both occur, or no round is kept, the entries are zero: Eve has nothing to
    guess there.

    Raises
    ------
    InvalidInput : a strategy has outcomes 0 and 1 of the key of rank above one
    """
    grams = []
    for strategy in strategies:
        alice, bob = (own[s][:2] for own, s in zip(strategy.measurements, (x, y), strict=True))
        if not all(_occurs(effect) for effect in alice) or not any(_occurs(effect) for effect in bob):
            grams.append(np.zeros((4, 4), dtype=np.complex128))
            continue
        both = np.array([np.kron(_vector(a), _vector(b)) for a in alice for b in bob]).T
        grams.append((both.conj().T @ strategy.state @ both).conj())
    return np.array(grams)


def of_rank_one(strategies: Sequence[Strategy], x: int, y: int) -> bool:
    """Whether the strategies have Gram matrices: the outcomes of the key are of rank one where Eve has to guess."""
    try:
        key_grams(strategies, x, y)
    except InvalidInput:
        return False
    return True


def _occurs(effect: Floats) -> bool:
    return bool(np.abs(effect).max() > CERTAIN)


def _vector(effect: Floats) -> Floats:
    """The vector v of an effect ``v v^+``, zero for an outcome that does not occur."""
    values, vectors = np.linalg.eigh(effect)
    if len(values) > 1 and values[-2] > CERTAIN:
        raise InvalidInput(
            "the attack that was found has an outcome of the key whose effect is of rank above one, and blocks are "
            "evaluated for effects of rank one."
        )
    return np.asarray(vectors[:, -1] * np.sqrt(max(values[-1], 0.0)))


def block_entropies(grams: Floats, weights: Floats, k: int) -> Floats:
    """(k + 1,) H(C|E) of messages with j ones, times their weight, of one message; rounds are drawn by the weights.

    Strategies in which Eve's states of Alice's two outcomes are orthogonal do not count: she knows the bit.
    """
    useful = np.flatnonzero(np.abs(grams[:, :2, 2:]).max(axis=(1, 2)) > ZERO)
    entropies = np.zeros(k + 1)
    if not len(useful):
        return entropies
    plain = grams[useful]
    turned = plain[:, ::-1, ::-1]  # message 1: the outcomes of both are flipped
    chance = weights[useful]
    sizes = [comb(i + len(useful) - 1, i) for i in range(k + 1)]
    if sum(sizes[k - j] * sizes[j] for j in range(k + 1)) > MOST_TERMS:
        raise InvalidInput(
            f"an attack of {len(useful)} strategies on blocks of {k} rounds has too many terms; take shorter blocks."
        )
    tables = [_products(own, chance, k) for own in (plain, turned)]
    for j in range(k + 1):
        (many, first), (more, second) = tables[0][k - j], tables[1][j]
        joined = 0.5 * first[:, None] * second[None]
        terms = _conditional(joined.reshape(-1, 4, 4)).reshape(len(first), len(second))
        entropies[j] = float(many @ terms @ more)
    return entropies


def _products(grams: Floats, weights: Floats, k: int) -> list[tuple[Floats, Floats]]:
    """For each number of rounds up to k: probabilities of the counts of strategies, and the products of entries."""
    found = []
    for size in range(k + 1):
        counts = np.array(list(counts_of(size, len(grams))))
        logs = gammaln(size + 1) - gammaln(counts + 1).sum(axis=1)
        chance = np.exp(logs) * np.prod(weights**counts, axis=1)
        found.append((chance, np.prod(grams[None] ** counts[:, :, None, None], axis=1)))
    return found


def _conditional(grams: Floats) -> Floats:
    """H(C|E) of Gram matrices (.., 4, 4) of the states of bits cc' = 00, 01, 10, 11, not normalised."""
    return _entropy(grams[:, :2, :2]) + _entropy(grams[:, 2:, 2:]) - _entropy(grams)


def _entropy(matrices: Floats) -> Floats:
    values = np.maximum(np.linalg.eigvalsh(matrices), 1e-300)
    return np.asarray(-(values * np.log2(values)).sum(axis=-1))
