"""The result of a run of a protocol, and its record of public bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdpbound.protocols.running.sampling import Bits

__all__ = ["Run", "Transcript"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """The numbers of bits on the public channel, by purpose.

    Attributes
    ----------
    choices : the purpose of each pair, announced settings, and random numbers of the depolarisation
    test_outcomes : outcomes of the tested pairs, of both parties
    syndrome, tag : error correction, and the hash that checks it; both count as leakage
    answers : Bob's bits, which count as leakage: whether he could decode (if Alice then sends more), and whether the
        check passed
    hash_seeds : the choice of the random hash functions
    """

    choices: int = 0
    test_outcomes: int = 0
    syndrome: int = 0
    tag: int = 0
    answers: int = 0
    hash_seeds: int = 0

    @property
    def size(self) -> int:
        """The number of all public bits."""
        return self.choices + self.test_outcomes + self.syndrome + self.tag + self.answers + self.hash_seeds

    @property
    def leakage(self) -> int:
        """The number of bits that tell something about the raw key; the key's length pays for each of them."""
        return self.syndrome + self.tag + self.answers


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run of a protocol.

    Attributes
    ----------
    protocol : the name of the protocol
    rounds, raw_bits, test_rounds : the numbers of all pairs, of pairs of the raw key, and of tested pairs
    bell_error : the tested average (q(1), W or eps)
    error_rate : the raw key's true fraction of errors, which only the simulation knows
    certified_length : the key length in bits of the formula, signed, from the measured numbers and the real leakage;
        nan if the run ended before
    length : bits of key; 0 if aborted
    key_alice, key_bob : the keys, or None if aborted
    aborted : None, or the reason in one sentence
    transcript : the public bits
    security : the sum of distance from uniform and failure probability for which the length was computed
    proof : the source of the proof of the length, or a note that the length is only printed
    """

    protocol: str
    rounds: int
    raw_bits: int
    test_rounds: int
    bell_error: float
    error_rate: float
    certified_length: float
    length: int
    key_alice: Bits | None
    key_bob: Bits | None
    aborted: str | None
    transcript: Transcript
    security: float
    proof: str

    @property
    def keys_agree(self) -> bool:
        """Whether both parties hold the same key."""
        return self.key_alice is not None and self.key_bob is not None and np.array_equal(self.key_alice, self.key_bob)

    def __repr__(self) -> str:
        end = f"aborted: {self.aborted}" if self.aborted else f"{self.length} key bits"
        return f"Run({self.protocol}, {self.rounds} rounds, bell_error={self.bell_error:.4g}, {end})"
