"""The end that all protocols share: error correction, its check, the certified length, privacy amplification."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sdpbound.protocols.running.hashing import seed_bits, toeplitz_hash, toeplitz_seed
from sdpbound.protocols.running.outcome import Run, Transcript
from sdpbound.protocols.running.reconciliation import planned_leakage, reconcile
from sdpbound.protocols.running.sampling import Bits

__all__ = ["LINEAR", "finish"]

#: The proof of the default lengths.
LINEAR = "proven: random linear hashing, estimate of Masanes et al. v5 (sdpbound.protocols.formulas.linear_hashing)"


def finish(
    *,
    protocol: str,
    rounds: int,
    key_alice: Bits,
    key_bob: Bits,
    test_rounds: int,
    bell_error: float,
    error_rate: float,
    known_from: float,
    choices: int,
    test_outcomes: int,
    length: Callable[[int], float],
    security: float,
    proof: str,
    repeat: bool,
    rng: np.random.Generator,
) -> Run:
    """From raw keys to keys, or to a clean abort.

    Parameters
    ----------
    error_rate, known_from : what the parties know of the raw key's errors, and from how many bits
    length : the certified key length in bits, from the published bits that tell about the raw key
    security : half of it is spent on a wrong key that the check accepts
    repeat : whether the proof allows for Bob's asking Alice for more checks
    """
    raw = key_alice.size
    wrong = float(np.count_nonzero(key_alice ^ key_bob)) / raw if raw else math.nan

    def end(certified: float, transcript: Transcript, keys: tuple[Bits, Bits] | None, why: str | None) -> Run:
        a, b = keys or (None, None)
        bits = 0 if a is None else a.size
        return Run(
            protocol,
            rounds,
            raw,
            test_rounds,
            bell_error,
            wrong,
            certified,
            bits,
            a,
            b,
            why,
            transcript,
            security,
            proof,
        )

    opened = Transcript(choices, test_outcomes)
    if raw == 0 or test_rounds == 0:
        return end(math.nan, opened, None, "no pairs were left for the key or for the test; use more rounds.")
    best = length(0)
    if math.floor(best) <= 0:
        why = f"the test does not certify a key even without error correction (length {best:.0f} bits)."
        return end(best, opened, None, why)
    planned = length(planned_leakage(raw, error_rate, security / 2.0, known_from, repeat))
    if math.floor(planned) <= 0:
        why = f"error correction would publish more than the test certifies (length {planned:.0f} bits)."
        return end(planned, opened, None, why)
    done = reconcile(key_alice, key_bob, error_rate, security / 2.0, rng, known_from, repeat)
    sent = Transcript(choices, test_outcomes, done.syndrome, done.tag, done.answers, done.seeds)
    certified = length(sent.leakage)
    if not done.agreed:
        return end(certified, sent, None, "error correction failed: Bob's corrected key has another hash than Alice's.")
    bits = math.floor(certified)
    if bits <= 0:
        why = f"error correction published more than the test certifies (length {certified:.0f} bits)."
        return end(certified, sent, None, why)
    seed = toeplitz_seed(raw, bits, rng)
    keys = toeplitz_hash(key_alice, seed, bits), toeplitz_hash(done.corrected, seed, bits)
    return end(certified, replace(sent, hash_seeds=done.seeds + seed_bits(raw, bits)), keys, None)
