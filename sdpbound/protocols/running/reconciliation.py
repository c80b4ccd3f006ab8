"""Error correction of a raw key: Alice sends syndromes, Bob decodes, and a two-universal hash checks the result.

Bob answers which blocks he could not decode and whether the hash agrees. The codes and the hash are linear, so these
answers are functions of the error pattern ``a XOR b`` and of public random numbers. If a tested pair of settings makes
the key, such answers tell Eve nothing (``linear_hashing``). Otherwise there is one message and one answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import whole
from sdpbound.protocols.formulas.ranges import number, within
from sdpbound.protocols.running.codes import Code, design_for, further_bits, syndrome_bits
from sdpbound.protocols.running.hashing import seed_bits, toeplitz_hash, toeplitz_seed
from sdpbound.protocols.running.sampling import Bits, generator

__all__ = [
    "Decoded",
    "Performance",
    "Reconciliation",
    "decode_blocks",
    "measure",
    "planned_leakage",
    "reconcile",
    "tag_length",
]

#: Longest block of one code: longer blocks gain little and leave the cache.
BLOCK = 65536
#: Iterations of the attempts at a block and whether they are damped; the last only where no more is sent.
TRIES = ((80, False), (200, True))
#: A lower error rate is replaced by this one, because codes for fewer errors gain too little.
LEAST_ERROR = 5e-4


@dataclass(frozen=True, slots=True, eq=False)
class Reconciliation:
    """Bob's corrected key, whether its hash agrees with Alice's, and the bits that were published.

    ``answers`` counts Bob's bits: one for each decoding that he reports, and one for the hash. The other numbers are
    bits as well: ``syndrome``, ``tag``, and ``seeds`` for the choice of the hash.
    """

    corrected: Bits
    agreed: bool
    syndrome: int
    tag: int
    answers: int
    seeds: int


@dataclass(frozen=True, slots=True)
class Performance:
    """Error correction measured on random keys.

    Attributes
    ----------
    efficiency : average number of published bits (syndromes, tag, answers), in units of the Shannon limit
        ``n h(error_rate)``
    failure : fraction of the trials that the hash rejected
    failure_limit : 95 % upper confidence limit of the failure probability (Clopper and Pearson)
    undetected : number of trials in which the hash accepted a wrong key
    trials : number of trials
    """

    efficiency: float
    failure: float
    failure_limit: float
    undetected: int
    trials: int


def tag_length(failure: float) -> int:
    """The bits of a two-universal hash that accepts a wrong key with probability at most ``failure``."""
    return math.ceil(-math.log2(failure) - 1e-12)


def reconcile(
    key_alice: Bits,
    key_bob: Bits,
    error_rate: float,
    failure: float,
    rng: np.random.Generator,
    known_from: float = math.inf,
    repeat: bool = False,
) -> Reconciliation:
    """Correct Bob's key to Alice's.

    Parameters
    ----------
    key_alice, key_bob : (n,) bits
    error_rate : expected fraction of errors, known in advance or estimated, below 1/2; with 0 no syndrome is sent
    failure : largest probability with which the check may accept a wrong key
    rng : generator for the public random code and hash
    known_from : number of bits from which the error rate was estimated
    repeat : whether Bob may report blocks that he could not decode, so that Alice sends further checks of these blocks;
        this gives fewer failures and publishes fewer bits
    """
    n = key_alice.size
    tag = tag_length(failure)
    e = _plan(n, error_rate, known_from, repeat)[2] if error_rate > 0.0 and n else LEAST_ERROR
    prior = np.float32(math.log((1.0 - e) / e)) * (1.0 - 2.0 * key_bob).astype(np.float32)
    found = decode_blocks(key_alice, prior, error_rate, rng, known_from, repeat)
    corrected = found.bits
    length = min(tag, n)
    seed = toeplitz_seed(n, length, rng)
    agreed = bool(np.array_equal(toeplitz_hash(key_alice, seed, length), toeplitz_hash(corrected, seed, length)))
    return Reconciliation(corrected, agreed, found.syndrome, length, found.answers + 1, seed_bits(n, length))


def planned_leakage(
    n: int, error_rate: float, failure: float, known_from: float = math.inf, repeat: bool = False
) -> int:
    """The number of bits that :func:`reconcile` will publish, answers included, known in advance.

    With ``repeat`` the result is the least number.
    """
    least = min(tag_length(failure), n) + 1
    if error_rate > 0.0 and n:
        size, m, _, published = _plan(n, error_rate, known_from, repeat)
        least += published + (-(-n // size) if repeat and m < size else 0)
    return least


def _plan(n: int, error_rate: float, known_from: float, repeat: bool) -> tuple[int, int, float, int]:
    """The plan of the first message: block length, checks of a block, the decoder's error rate, all syndrome bits."""
    blocks = -(-n // BLOCK)
    size = -(-n // blocks)
    e = min(max(error_rate, LEAST_ERROR, 8.0 / size), 0.49)
    m = syndrome_bits(size, e, known_from, repeat)
    return (size, m, e, m * blocks) if m < size else (size, size, e, n)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What Bob has found of Alice's bits, and the bits that were published.

    Attributes
    ----------
    bits : (n,) what he has found
    complete : whether every block has its syndrome
    syndrome, answers : the numbers of Alice's bits and of Bob's
    """

    bits: Bits
    complete: bool
    syndrome: int
    answers: int


def decode_blocks(
    key: Bits,
    prior: NDArray[np.float32],
    error_rate: float,
    rng: np.random.Generator,
    known_from: float = math.inf,
    repeat: bool = True,
) -> Decoded:
    """Alice sends syndromes of equal blocks of her key, and Bob decodes them one by one.

    Parameters
    ----------
    key : (n,) Alice's bits; nothing but their syndromes is used of them
    prior : (n,) what Bob knows of each, ``log(P(0) / P(1))``
    error_rate : a symmetric channel of this error rate has the mean entropy of ``prior``; it sets the syndromes' length
    rng, known_from, repeat : as in :func:`reconcile`
    """
    n = key.size
    if error_rate <= 0.0 or not n:
        return Decoded((prior < 0).astype(np.uint8), True, 0, 0)
    size, m, e, published = _plan(n, error_rate, known_from, repeat)
    if m >= size:  # no code is shorter than the key itself, so the key is published
        return Decoded(key.copy(), True, published, 0)
    blocks = -(-n // size)
    keys, priors = np.zeros((blocks, size), dtype=np.uint8), np.full((blocks, size), 30.0, dtype=np.float32)
    keys.ravel()[:n], priors.ravel()[:n] = key, prior  # the last block is padded by zeros
    found, unknown, answers = np.zeros_like(keys), np.arange(blocks), 0
    code = Code.random(size, m, design_for(e), rng)
    further = further_bits(size, e, known_from) if repeat else ()
    for stage, more in enumerate((0, *further)):
        if code.m + more >= size:
            break
        if more:
            code = code.longer(more, rng)
            published += more * unknown.size
        found[unknown], decoded = _attempt(code, keys[unknown], priors[unknown], stage == len(further))
        answers += repeat * unknown.size
        unknown = unknown[~decoded]
        if not unknown.size:
            break
    return Decoded(found.ravel()[:n].copy(), not unknown.size, published, answers)


def _attempt(code: Code, keys: Bits, priors: NDArray[np.float32], last: bool) -> tuple[Bits, NDArray[np.bool_]]:
    """What is found of blocks (blocks, n) from their syndromes and priors, and which of them have their syndromes."""
    found, done = np.zeros_like(keys), np.zeros(len(keys), dtype=bool)
    for block in range(len(keys)):
        syndrome = code.syndrome(keys[block])
        for iterations, damped in TRIES if last else TRIES[:-1]:  # more bits are cheaper than more time
            found[block], done[block] = code.decode(syndrome, priors[block], iterations, damped)
            if done[block]:
                break
    return found, done


def measure(
    n: int, error_rate: float, trials: int, seed: int = 0, failure: float = 1e-10, repeat: bool = True
) -> Performance:
    """Measure the error correction of random keys with independent errors: published bits and failures.

    Parameters
    ----------
    n : number of key bits
    error_rate : probability of an error of a bit, above 0
    trials, seed : the number of trials, and the seed of the random numbers
    failure : failure probability of the check, which sets the length of the tag
    repeat : as in :func:`reconcile`
    """
    from scipy.stats import beta

    whole(n, "n", 100, 10_000_000)
    whole(trials, "trials", 1, 1_000_000)
    e = number(within(error_rate, "error_rate", 0.0, 1.0), "error_rate")
    rng = generator(seed)
    rejected = undetected = published = 0
    for _ in range(trials):
        a = rng.integers(0, 2, n, dtype=np.uint8)
        b = a ^ (rng.random(n) < e).astype(np.uint8)
        done = reconcile(a, b, e, failure, rng, repeat=repeat)
        published += done.syndrome + done.tag + done.answers
        rejected += not done.agreed
        undetected += done.agreed and not np.array_equal(done.corrected, a)
    entropy = -e * math.log2(e) - (1.0 - e) * math.log2(1.0 - e)
    limit = 1.0 if rejected == trials else float(beta.ppf(0.95, rejected + 1, trials - rejected))
    return Performance(published / (trials * n * entropy), rejected / trials, limit, undetected, trials)
