"""The last steps of all protocols: error correction, its check, the certified length, privacy amplification."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sdpbound.protocols.running.hashing import seed_bits, toeplitz_hash, toeplitz_seed
from sdpbound.protocols.running.outcome import Run, Transcript
from sdpbound.protocols.running.reconciliation import planned_leakage, reconcile
from sdpbound.protocols.running.sampling import Bits

__all__ = ["LINEAR", "Measured", "finish"]

#: The proof of the default lengths.
LINEAR = "proven: random linear hashing, estimate of Masanes et al. v5 (sdpbound.protocols.formulas.linear_hashing)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """The data of a protocol after all pairs are measured, and the properties of its proof.

    Attributes
    ----------
    protocol, rounds : the name of the protocol, and the number of all pairs
    key_alice, key_bob : (n_r,) bits, the raw keys
    test_rounds, bell_error : the number of tested pairs, and the error found in the test
    error_rate, known_from : the raw key's error rate that the parties assume, and the number of bits behind it
    choices, test_outcomes : the numbers of bits announced for settings and subsets, and for outcomes of tests
    security : half of it is for a wrong key that the check accepts
    proof : the source of the proof of the length
    repeat : whether the proof allows Bob to ask Alice for more checks
    """

    protocol: str
    rounds: int
    key_alice: Bits
    key_bob: Bits
    test_rounds: int
    bell_error: float
    error_rate: float
    known_from: float
    choices: int
    test_outcomes: int
    security: float
    proof: str
    repeat: bool

    def end(self, certified: float, sent: Transcript, why: str | None, keys: tuple[Bits, Bits] | None = None) -> Run:
        """Make the run: with keys, or with the reason why there are none."""
        raw = self.key_alice.size
        wrong = float(np.count_nonzero(self.key_alice ^ self.key_bob)) / raw if raw else math.nan
        a, b = keys or (None, None)
        return Run(
            self.protocol,
            self.rounds,
            raw,
            self.test_rounds,
            self.bell_error,
            wrong,
            certified,
            0 if a is None else a.size,
            a,
            b,
            why,
            sent,
            self.security,
            self.proof,
        )


def finish(measured: Measured, length: Callable[[int], float], rng: np.random.Generator) -> Run:
    """Make keys from the raw keys, or abort with a reason.

    ``length`` gives the certified key length in bits from the number of published bits that tell about the raw key.
    """
    raw, half, end = measured.key_alice.size, measured.security / 2.0, measured.end
    opened = Transcript(measured.choices, measured.test_outcomes)
    if raw == 0 or measured.test_rounds == 0:
        return end(math.nan, opened, "no pairs were left for the key or for the test; use more rounds.")
    best = length(0)
    if math.floor(best) <= 0:
        why = f"the test does not certify a key even without error correction (length {best:.0f} bits)."
        return end(best, opened, why)
    planned = length(planned_leakage(raw, measured.error_rate, half, measured.known_from, measured.repeat))
    if math.floor(planned) <= 0:
        why = f"error correction would publish more than the test certifies (length {planned:.0f} bits)."
        return end(planned, opened, why)
    expected, known_from, repeat = measured.error_rate, measured.known_from, measured.repeat
    done = reconcile(measured.key_alice, measured.key_bob, expected, half, rng, known_from, repeat)
    sent = replace(opened, syndrome=done.syndrome, tag=done.tag, answers=done.answers, hash_seeds=done.seeds)
    certified = length(sent.leakage)
    if not done.agreed:
        return end(certified, sent, "error correction failed: Bob's corrected key has another hash than Alice's.")
    bits = math.floor(certified)
    if bits <= 0:
        why = f"error correction published more than the test certifies (length {certified:.0f} bits)."
        return end(certified, sent, why)
    seed = toeplitz_seed(raw, bits, rng)
    keys = toeplitz_hash(measured.key_alice, seed, bits), toeplitz_hash(done.corrected, seed, bits)
    return end(certified, replace(sent, hash_seeds=done.seeds + seed_bits(raw, bits)), None, keys)
