"""From the rounds of two parties to a key: error correction, its check by a hash, and privacy amplification.

Alice and Bob are two sides here: what one knows of the other are the messages that are counted.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import instance
from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing, up_and_down
from sdpbound.errors import InvalidInput
from sdpbound.experiments.counts import Counts
from sdpbound.experiments.extraction import drawn_bits
from sdpbound.experiments.protocol import Certified, FixedProtocol, certify, require_fixed_before
from sdpbound.experiments.rounds import Rounds
from sdpbound.finite_size import FiniteLength
from sdpbound.protocols.running.hashing import seed_bits, toeplitz_hash
from sdpbound.protocols.running.outcome import Transcript
from sdpbound.protocols.running.reconciliation import decode_blocks, tag_length
from sdpbound.protocols.running.sampling import Bits, generator

__all__ = ["DistilledKey", "distil_key"]

#: The largest size of ``log(P(0) / P(1))`` of a bit that Bob knows something of.
SUREST = 14.0
#: Flips that are drawn at once.
STEP = 1 << 20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DistilledKey:
    """The end of a run of a key protocol; true if there is a key.

    Attributes
    ----------
    alice, bob : (length,) the keys of both, equal but with the probability ``unequal keys`` of the protocol; empty if
        the run was aborted
    length : the number of their bits; 0 if the run was aborted
    aborted : one sentence that says why there is no key; empty if there is one
    transcript : the numbers of public bits by purpose
    certified : what is proven of the run, with ``sent``, the bits that were sent; None if Bob could not find Alice's
    bits
    """

    alice: Bits
    bob: Bits
    length: int
    aborted: str
    transcript: Transcript
    certified: Certified | None

    @property
    def keys_equal(self) -> bool:
        """Whether there are keys, and both are the same, which only who has both can see."""
        return self.length > 0 and bool(np.array_equal(self.alice, self.bob))

    def __bool__(self) -> bool:
        return not self.aborted

    def __repr__(self) -> str:
        if self.aborted:
            return f"DistilledKey(none: {self.aborted})"
        return f"DistilledKey({self.length} bits, {self.transcript.leakage} bits sent to correct errors)"


def distil_key(counts: Counts, protocol: FixedProtocol, seed: int | np.random.Generator | None = None) -> DistilledKey:
    """Run the end of a key protocol that was fixed before: correct errors, check, judge the tests, hash.

    1. Alice flips her outcomes of untested rounds, or passes them through a channel, if the protocol says so. She sends
       syndromes of all her outcomes, of untested rounds and of tests apart. Bob decodes them with what his outcomes
       say in honest devices, answers which blocks he could not decode, and is sent more of these.
    2. Alice sends a hash, that two different strings share with at most the probability ``unequal keys``.
    3. Bob judges the tests with Alice's outcomes as he has found them.
    4. Both hash their strings to ``floor(L - sent)`` bits: L is the proven length with nothing sent, ``sent`` all bits
       that Alice and Bob sent in 1 to 3. docs/experiments.md proves that they may be counted as they come.

    Parameters
    ----------
    counts : with their rounds, in the order in which they were measured
    protocol : of a key, fixed before
    seed : of all random numbers, for simulations that repeat; None, for keys, takes them from the operating system

    Returns
    -------
    DistilledKey
        Without keys if the run is aborted.

    Raises
    ------
    InvalidInput
        There are no rounds, the protocol is of randomness or was made from these counts, or an outcome of Alice is no
        bit.
    """
    rounds, length = _rounds(counts, protocol)
    wrong = _public_fault(counts, length)
    if wrong:
        return _none(wrong, Transcript())
    rng = None if seed is None else generator(seed)
    tests = np.ones(len(rounds), dtype=np.bool_) if rounds.tests is None else rounds.tests
    key = _with_flips(rounds.a, ~tests, length.figure.preprocessing, rng)
    found = np.empty_like(key)
    codes = np.random.default_rng(secrets.randbits(256)) if rng is None else rng  # which code is public
    known = _knowledge(length)
    sent = Transcript()
    for tested in (False, True):
        chosen = tests == tested
        prior = known.prior[int(tested), rounds.b[chosen], rounds.x[chosen], rounds.y[chosen]]
        done = decode_blocks(key[chosen], prior, known.error_rate[int(tested)], codes)
        found[chosen] = done.bits
        sent = replace(sent, syndrome=sent.syndrome + done.syndrome, answers=sent.answers + done.answers)
        if not done.complete:
            return _none("Bob could not decode Alice's outcomes: more errors than honest devices make.", sent)
    width = min(tag_length(length.epsilons["unequal keys"]), key.size)
    public = drawn_bits(seed_bits(key.size, width), rng)
    sent = replace(sent, tag=width, answers=sent.answers + 1, hash_seeds=public.size)
    if not np.array_equal(toeplitz_hash(key, public, width), toeplitz_hash(found, public, width)):
        return _none("the hash of what Bob has found is not Alice's.", sent)
    seen = replace(rounds, a=np.where(tests, found, rounds.a))  # Bob's view: untested outcomes have no score
    certified = certify(Counts.of_rounds(seen, counts.scenario, counts.source), protocol)
    if not certified:
        return _none(certified.reason, sent, certified)
    bits = math.floor(proven_unsent(length, certified.acceptance.mean_score) - sent.leakage)
    bits = min(bits, key.size)
    if bits < 1:
        reason = f"{sent.leakage} bits were sent to correct errors, which leaves {bits}; more rounds are needed."
        return _none(reason, sent, replace(certified, length=0, accepted=False, reason=reason, sent=sent.leakage))
    public = drawn_bits(seed_bits(key.size, bits), rng)
    sent = replace(sent, hash_seeds=sent.hash_seeds + public.size)
    keys = toeplitz_hash(key, public, bits), toeplitz_hash(found, public, bits)
    return DistilledKey(*keys, bits, "", sent, replace(certified, length=bits, sent=sent.leakage))


def proven_unsent(length: FiniteLength, mean_score: float) -> float:
    """The proven length in bits of a run with this mean score if nothing were sent, rounded down."""
    allowed = -length.terms["error correction"] - length.terms["verification"]
    return length.length_at(mean_score) + allowed * (1.0 - 2.0**-40)  # the terms are floats of balls


def _rounds(counts: Counts, protocol: FixedProtocol) -> tuple[Rounds, FiniteLength]:
    """The rounds and the length, after what is asked of counts and protocol."""
    instance(counts, Counts, "counts", "Counts.from_csv('rounds.csv')")
    instance(protocol, FixedProtocol, "protocol", "FixedProtocol(finite_key_length(behaviour, 1e7))")
    length = protocol.length
    if not isinstance(length, FiniteLength) or length.kind != "key":
        raise InvalidInput("the protocol is of randomness, not of a key; extract hashes its outcomes.")
    require_fixed_before(counts, protocol)
    if counts.rounds is None:
        raise InvalidInput(
            "only numbers of rounds are known, and no outcomes in their order; read the rounds themselves."
        )
    if counts.scenario == length.behaviour.scenario and any(d != 2 for d in counts.scenario.outcomes[0]):
        raise InvalidInput(
            f"Alice's outcomes of {counts.scenario} are no bits, and the codes correct bits; merge her outcomes, "
            "those of tests as well."
        )
    return counts.rounds, length


def _public_fault(counts: Counts, length: FiniteLength) -> str:
    """What both see to be wrong before anything is sent: numbers of rounds and settings; empty if nothing is."""
    if counts.scenario == length.behaviour.scenario:
        x, y = length.figure.x, length.figure.y
        if counts.n == length.rounds and int(counts.untested[:, :, x, y].sum()) == int(counts.untested.sum()):
            return ""
    return length.accepts(counts).reason


def _none(reason: str, sent: Transcript, certified: Certified | None = None) -> DistilledKey:
    nothing = np.zeros(0, dtype=np.uint8)
    return DistilledKey(nothing, nothing, 0, reason, sent, certified)


# -- what Bob knows -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Knowledge:
    """What Bob's outcome says of Alice's in honest devices.

    Attributes
    ----------
    prior : (2, B, X, Y) ``log(P(0) / P(1))`` of Alice's outcome given Bob's, in an untested round and in a test
    error_rate : error rates of symmetric channels of the same mean entropy, in untested rounds and in tests
    """

    prior: NDArray[np.float32]
    error_rate: tuple[float, float]


def _knowledge(length: FiniteLength) -> _Knowledge:
    p = np.maximum(length.behaviour.p, 0.0)
    q0, q1 = up_and_down(length.figure.preprocessing)
    key = np.concatenate([p[:1] * (1.0 - q0) + p[1:] * q1, p[1:] * (1.0 - q1) + p[:1] * q0])
    weights = np.zeros((2, *p.shape[2:]))
    weights[0, length.figure.x, length.figure.y] = 1.0
    weights[1] = length.test_distribution
    priors, rates = [], []
    for chances, weight in zip((key, p), weights, strict=True):
        prior = np.log(np.maximum(chances[0], 1e-300)) - np.log(np.maximum(chances[1], 1e-300))
        priors.append(np.clip(prior, -SUREST, SUREST).astype(np.float32))
        both = chances.sum(axis=0)
        share = np.divide(chances[0], both, out=np.full_like(both, 0.5), where=both > 0.0)
        rates.append(_error_rate(float((weight * both * _entropy(share)).sum())))
    return _Knowledge(np.stack(priors), (rates[0], rates[1]))


def _entropy(p: Floats) -> Floats:
    """The entropy in bits of a bit that is 0 with probability p."""
    inside = np.clip(p, 1e-300, 1.0 - 1e-16)
    return np.asarray(-inside * np.log2(inside) - (1.0 - inside) * np.log2(1.0 - inside))


def _error_rate(entropy: float) -> float:
    """The p up to 1/2 of this entropy in bits, by bisection."""
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(_entropy(np.array(middle))) < entropy else (low, middle)
    return high


def _with_flips(
    outcomes: Bits, where: NDArray[np.bool_], flips: Preprocessing, rng: np.random.Generator | None
) -> Bits:
    """Alice's string: her outcomes, and where untested flipped, or through the channel (chances to 2^-53)."""
    key = outcomes.copy()
    if not flips:
        return key
    limits = np.array([round(chance * 2.0**53) for chance in up_and_down(flips)], dtype=np.uint64)
    for start in range(0, key.size, STEP):
        part = slice(start, min(start + STEP, key.size))
        size = part.stop - part.start
        raw = secrets.token_bytes(8 * size) if rng is None else rng.bytes(8 * size)
        flipped = (np.frombuffer(raw, dtype=np.uint64) >> np.uint64(11)) < limits[outcomes[part]]
        key[part] ^= (flipped & where[part]).astype(np.uint8)
    return key
