"""Attacks on single rounds, of which attacks on what is made of rounds are built."""

from __future__ import annotations

from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.attacks.qubit_attack import qubit_attack
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.entropies.question import KeyQuestion
from sdpbound.rates.postprocessing.eve import KeyData
from sdpbound.rates.postprocessing.postprocessing import Claim

__all__ = ["UNTESTED", "round_attacks", "round_claims"]

UNTESTED = "what is not tested may differ from the behaviour; error correction is charged for the behaviour itself"
#: Flips of Alice's bit after which attacks on a round are tried.
FLIPS = (0.0, 0.1, 0.45)
#: Bits to which they are searched.
TOLERANCE = 1e-6


def round_attacks(key: KeyData) -> list[EntropyAttack]:
    """Explicit mixtures with the tested data: by pairs of qubits where these are enough, else by one search."""
    if key.is_of_pairs:
        asked = [KeyQuestion(key.observed, key.x, None, preprocessing=flips).of_entropy() for flips in FLIPS]
        found = [attack for attack in (qubit_attack(question, TOLERANCE) for question in asked) if attack is not None]
        if found:
            return found
    return [conditional_entropy_upper_bound(key.observed, key.x)]


def round_claims(key: KeyData) -> list[Claim]:
    """What the certificates of :func:`round_attacks` may be about."""
    return [(ConditionalEntropy(key.x, None, flips), key.observed) for flips in FLIPS]
