"""What a run of a protocol returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdpbound.protocols.running.sampling import Bits

__all__ = ["Run", "Transcript"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """Bits on the public channel, by purpose.

    Attributes
    ----------
    choices : which pairs are for what, settings announced, random numbers of the depolarisation
    test_outcomes : outcomes of the tested pairs, both parties
    syndrome, tag : error correction, and the hash that checks it; with the answers they count as leakage
    answers : Bob's bits: whether he could decode, where Alice then sends more, and whether the check passed
    hash_seeds : the random hash functions
    """

    choices: int = 0
    test_outcomes: int = 0
    syndrome: int = 0
    tag: int = 0
    answers: int = 0
    hash_seeds: int = 0

    @property
    def size(self) -> int:
        """All bits."""
        return self.choices + self.test_outcomes + self.syndrome + self.tag + self.answers + self.hash_seeds

    @property
    def leakage(self) -> int:
        """Bits that tell something about the raw key; charged in full to the key's length."""
        return self.syndrome + self.tag + self.answers


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run of a protocol.

    Attributes
    ----------
    protocol : its name
    rounds, raw_bits, test_rounds : all pairs, pairs of the raw key, pairs tested
    bell_error : the tested average (q(1), W or eps)
    error_rate : the raw key's true fraction of errors, which only the simulation knows
    certified_length : the formula's key length, signed, from measured numbers and the real leakage; nan if it never
        came that far
    length : bits of key; 0 if aborted
    key_alice, key_bob : the keys, or None if aborted
    aborted : None, or why in one sentence
    transcript : public bits
    security : the distance and failure that the length was computed for
    proof : where the length is proven, or that it is only printed
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
        """Both parties hold the same key."""
        return self.key_alice is not None and self.key_bob is not None and np.array_equal(self.key_alice, self.key_bob)

    def __repr__(self) -> str:
        end = f"aborted: {self.aborted}" if self.aborted else f"{self.length} key bits"
        return f"Run({self.protocol}, {self.rounds} rounds, bell_error={self.bell_error:.4g}, {end})"
