"""The bits of a certified run: all outcomes, hashed to the certified length by a random Toeplitz matrix."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import instance
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.experiments.counts import Counts
from sdpbound.experiments.protocol import Certified, FixedProtocol, certify
from sdpbound.experiments.rounds import Rounds, small
from sdpbound.finite_size import FiniteLength
from sdpbound.protocols.running.hashing import seed_bits, toeplitz_hash
from sdpbound.protocols.running.sampling import Bits

__all__ = ["Extracted", "drawn_bits", "extract"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Extracted:
    """The output of a run.

    Attributes
    ----------
    bits : (length,) zeros and ones
    seed : the bits of the Toeplitz matrix, which may be published
    certified : what is proven of the run
    """

    bits: Bits
    seed: Bits
    certified: Certified

    def __repr__(self) -> str:
        return f"Extracted({self.bits.size} bits, with a seed of {self.seed.size} bits)"


def extract(counts: Counts, protocol: FixedProtocol, seed: ArrayLike | None = None) -> Extracted:
    """Certify a run of a randomness protocol, and hash all outcomes of both devices to the certified length.

    With recycled inputs tests and settings are hashed as well: keep ``counts`` secret then, from before the rounds on.
    The hash is a Toeplitz matrix of ``seed``, bits that are uniform and independent of the devices and of Eve; drawn
    from the operating system unless given. They may be published after the last round, and used again with devices that
    were out of Eve's hands before they were published.

    Parameters
    ----------
    counts : with their rounds, in the order in which they were measured
    protocol : fixed before, for randomness
    seed : as many bits as the outcomes have, and the length less one

    Raises
    ------
    InvalidInput
        There are no rounds, the protocol is of a key, or the run does not pass: nothing is extracted.
    InvalidShape, InvalidParameter
        The seed has another number of bits, or no bits.
    """
    certified = certify(counts, protocol)
    if certified.kind != "randomness":
        raise InvalidInput(
            "the protocol is of a key, whose errors must be corrected; distil_key does that, extract takes randomness."
        )
    if counts.rounds is None:
        raise InvalidInput(
            "only numbers of rounds are known, and no outcomes in their order; read the rounds themselves."
        )
    if not certified.accepted:
        raise InvalidInput(f"nothing is extracted: {certified.reason}")
    raw = raw_bits(counts.rounds, counts.scenario.table_shape[0], counts.scenario.table_shape[1])
    length = protocol.length
    if isinstance(length, FiniteLength) and length.figure.inputs == "recycled":
        raw = np.concatenate([raw, input_bits(counts.rounds, *counts.scenario.table_shape[2:])])
    if certified.length > raw.size:
        raise InvalidParameter(
            f"{raw.size} bits to be hashed cannot be hashed to {certified.length}; shorten the output."
        )
    needed = seed_bits(raw.size, certified.length)
    if seed is None:
        bits = drawn_bits(needed)
    else:
        bits = small(seed, "seed", 1) if np.ndim(seed) == 1 else np.zeros(0, np.uint8)
        if bits.size != needed:
            given = f"{bits.size} bits" if np.ndim(seed) == 1 else f"{seed!r:.40}"
            raise InvalidShape(
                f"the seed must be an array of {needed} bits, as many as the outcomes have and the output less one, "
                f"not {given}; leave it out to have it drawn."
            )
    return Extracted(toeplitz_hash(raw, bits, certified.length), bits, certified)


def drawn_bits(number: int, rng: np.random.Generator | None = None) -> Bits:
    """Uniform bits of the operating system, or in simulations of a generator."""
    size = (number + 7) // 8
    drawn = np.frombuffer(secrets.token_bytes(size) if rng is None else rng.bytes(size), dtype=np.uint8)
    return np.unpackbits(drawn)[:number]


def raw_bits(rounds: Rounds, alice: int, bob: int) -> Bits:
    """All outcomes as bits: Alice's of all rounds, the highest bits first, and then Bob's."""
    instance(rounds, Rounds, "rounds", "Counts.from_csv('rounds.csv').rounds")
    return np.concatenate([_in_bits(rounds.a, alice), _in_bits(rounds.b, bob)])


def input_bits(rounds: Rounds, alice: int, bob: int) -> Bits:
    """Which rounds are tests, one bit each, and then the settings of tests as bits; zeros elsewhere."""
    tests = np.ones(len(rounds), dtype=np.uint8) if rounds.tests is None else rounds.tests.astype(np.uint8)
    return np.concatenate([tests, _in_bits(rounds.x * tests, alice), _in_bits(rounds.y * tests, bob)])


def _in_bits(values: Bits, number: int) -> Bits:
    """Numbers below ``number`` as bits, the highest bits of all of them first."""
    width = max(1, (number - 1).bit_length())
    return np.concatenate([(values >> np.uint8(place)) & np.uint8(1) for place in reversed(range(width))])
