"""Attacks on single rounds, of which attacks on what is made of rounds are built."""

from __future__ import annotations

import time
from dataclasses import replace

from sdpbound.arrays import Floats
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound, search
from sdpbound.attacks.landscape import Landscape, key_effects
from sdpbound.attacks.options import AttackOptions
from sdpbound.attacks.proof import EntropyAttack, build_attack
from sdpbound.attacks.qubit_attack import qubit_attack
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import Infeasible, SolverFailure
from sdpbound.rates.postprocessing.eve import KeyData
from sdpbound.rates.postprocessing.postprocessing import Claim

__all__ = ["UNTESTED", "kept_attacks", "round_attacks", "round_claims"]

UNTESTED = "what is not tested may differ from the behaviour; error correction is charged for the behaviour itself"
#: Flips of Alice's bit after which attacks on a round are tried.
FLIPS = (0.0, 0.1, 0.45)
#: Bits to which they are searched: by pairs of qubits, and of rounds that are kept.
TOLERANCE, OF_KEPT = 1e-6, 1e-4
#: Columns of a state's factor: Eve holds as many dimensions.
RANK = 2


def round_attacks(key: KeyData) -> list[EntropyAttack]:
    """Explicit mixtures with the tested data: by pairs of qubits where these are enough, else by one search."""
    if key.is_of_pairs:
        asked = [KeyQuestion(key.observed, key.x, None, preprocessing=flips).of_entropy() for flips in FLIPS]
        found = [attack for attack in (qubit_attack(question, TOLERANCE) for question in asked) if attack is not None]
        if found:
            return found
    return [conditional_entropy_upper_bound(key.observed, key.x)]


def kept_attacks(key: KeyData) -> list[EntropyAttack]:
    """Mixtures with the tested data that leave little entropy in the rounds whose outcomes are 0 or 1.

    Other outcomes, such as a click that is missing, are dropped. In each strategy a party's key setting either has the
    outcomes 0 and 1, of rank one, or always the same outcome. In rounds that Bob always drops the tests may have
    what correlations they need, and Eve learns nothing that she would miss.

    Column generation over real qubits with ``S(r_0) + S(r_1) - S(r_0 + r_1)``, Eve's states r_a of Alice's flipped bit
    in rounds that are kept. Empty where none is found.
    """
    return [attack for attack in (_kept_attack(key, flips) for flips in FLIPS[1:]) if attack is not None]


def _kept_attack(key: KeyData, flips: float) -> EntropyAttack | None:
    begun = time.perf_counter()
    question = EntropyQuestion(key.observed, key.x, key.y)
    pairs = key_effects(question).reshape(*key.joint.shape, *question.scenario.shape)
    bits: Floats = pairs[:2, :2].sum(axis=1)
    effects = (1.0 - flips) * bits + flips * bits[::-1]
    alice, bob = key.joint.shape
    columns = ((0, 1), *((a, a) for a in range(alice))), ((0, 1), *((b, b) for b in range(2, bob)))

    def kept(landscape: Landscape) -> Landscape:
        return replace(landscape, key=effects, figure_kind="kept", rank=RANK, is_complex=False, columns=columns)

    try:
        mixture = search(question, AttackOptions(dimension=2, tolerance=OF_KEPT), figure=kept)
    except (Infeasible, SolverFailure):
        return None
    figure = ConditionalEntropy(key.x, None, flips)
    return build_attack(key.observed, figure, mixture, time.perf_counter() - begun)


def round_claims(key: KeyData) -> list[Claim]:
    """What the certificates of :func:`round_attacks` and :func:`kept_attacks` may be about."""
    return [(ConditionalEntropy(key.x, None, flips), key.observed) for flips in FLIPS]
