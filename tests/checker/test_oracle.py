"""The oracle believes golden certificates, and finds out stronger claims."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.golden_certificates import INDEX, golden
from tests.oracle import contradiction


@pytest.mark.parametrize("name", INDEX)
def test_golden_claims_are_true(name: str) -> None:
    assert contradiction(golden(name)) is None


#: What the oracle knows too little about, and why: qutrits do more; no fact from below is near enough.
LOOSE = {
    "bell_quantum_cglmp_upper": 0.8,
    "separation_quantum_cglmp": 0.3,
    "entropy_gauss_radau_three_outcomes": 0.4,
    "boxes_joint_distance_linear": 0.4,
    "attack_entropy_both_outcomes": 0.4,
    "attack_entropy_at_the_maximum": 0.6,
    "attack_entropy_elegant": 0.8,
    "attack_entropy_elegant_both": 1.4,
    "attack_information": 0.6,
    "entropy_qubit_extreme_both": 0.3,
    "finite_key_classical": 0.3,
    "finite_randomness_both": 0.3,
    "renyi_entropy_chsh": 0.2,
    "renyi_key_1e18": 0.3,
    "renyi_randomness": 0.3,
    "renyi_nodes_flips": 0.2,
    "renyi_guess_flips": 0.4,
    "renyi_chord_chsh": 0.2,
    "renyi_power_flips": 0.8,
    "renyi_power_channel": 0.5,
    "renyi_randomness_recycled": 0.8,
    "estimation_tsirelson": 2.0,
    "estimation_no_signaling": 2.0,
    "attacks_all_channels_correlators": 0.2,
}


#: Of which the oracle knows nothing.
UNKNOWN = (
    "finite_key_negative",
    "renyi_key",
    "renyi_key_negative",
    "renyi_key_uneven",
    "renyi_randomness_both",
    "entropy_projective_second_and_third_party",
    "attack_entropy_first_and_third_party",
)


@pytest.mark.parametrize("name", [name for name in INDEX if name not in UNKNOWN])
def test_stronger_claims_are_false(name: str) -> None:
    certificate = golden(name)
    strengthen(certificate, LOOSE.get(name, 0.1))
    assert contradiction(certificate) is not None


def strengthen(certificate: dict[str, Any], step: float) -> None:
    """Move the value and the constant of the functional together; a length by bits for each round."""
    question, claim = certificate["question"], certificate["claim"]
    move = Fraction(step) if question["side"] == "lower" else -Fraction(step)
    move *= question["figure"].get("rounds", 1)
    claim["value"] = float(Fraction(claim["value"]) + move)
    if "functional" in claim:
        claim["functional"]["constant"] = str(Fraction(claim["functional"]["constant"]) + move)
