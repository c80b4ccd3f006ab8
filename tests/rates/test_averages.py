"""Key rates of a random key basis, and randomness of all inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.rates.postprocessing.random_basis import RandomBasis

#: Alice's two settings, Bob's two for the test, and two along Alice's.
ALICE, BOB = (0.0, np.pi / 2), (np.pi / 4, -np.pi / 4, 0.0, np.pi / 2)
KEYS = ((0, 2), (1, 3))


def devices(error: float) -> sb.Behaviour:
    """A depolarised singlet whose keys have this error rate."""
    v = 1.0 - 2.0 * error
    return sb.Behaviour.from_correlators([[v * np.cos(a - b) for b in BOB] for a in ALICE])


CHSH = sb.BellExpression(devices(0.0).scenario, np.array([[0.0] * 5, [0, 1, 1, 0, 0], [0, 1, -1, 0, 0]]))


def rate(error: float, flips: float, tolerance: float) -> sb.Rate:
    how = sb.VonNeumann("qubit", tolerance=tolerance)
    by = sb.RandomBasis(KEYS, preprocessing=flips)
    return sb.key_rate(devices(error), CHSH, entropy=how, postprocessing=by)


def attacked(error: float, flips: float) -> sb.Rate:
    data = sb.Observations.bell_value(CHSH, devices(error))
    return sb.key_rate_upper_bound(devices(error), data, postprocessing=sb.RandomBasis(KEYS, preprocessing=flips))


@pytest.mark.slow
def test_noise_beyond_the_published_end_without_flips() -> None:
    """Published: 8.2 % (arXiv:2005.02691), 8.36 % by the same bound of each basis; the tight average dies at 8.44 %."""
    below, above = rate(0.0836, 0.0, 1e-4), attacked(0.0845, 0.0)
    assert below.value > 0.003 and below.entropy.certificate.verify().holds
    assert above.value < 0.0 and above.exact and above.side == "upper"


@pytest.mark.slow
@pytest.mark.parametrize("error", [0.0924, 0.0933, 0.0946])
def test_noise_beyond_the_published_end_with_flips(error: float) -> None:
    """Published: 9.24 % from the CHSH value, 9.33 % from full statistics (arXiv:2012.08714)."""
    below = rate(error, 0.45, 2e-6)
    assert below.value > 0.0 and below.entropy.certificate.verify().holds


@pytest.mark.slow
@pytest.mark.parametrize("flips", [0.4, 0.45])
def test_an_attack_ends_it(flips: float) -> None:
    assert attacked(0.0948, flips).value < 0.0


def test_is_between_proof_and_attack() -> None:
    below, above = rate(0.05, 0.0, 1e-3), attacked(0.05, 0.0)
    assert 0.0 <= above.value - below.value < 5e-4 + 1e-6  # half of the rounds are kept
    assert below.postprocessing.kept == 0.5 and "random key basis" in below.security
    assert "RandomBasis" in repr(below) and below.value == pytest.approx(
        0.5 * (below.entropy.value - below.error_correction), abs=1e-12
    )


def test_both_sides_of_the_threshold() -> None:
    found = sb.critical_error_rate(postprocessing=sb.RandomBasis(KEYS), tolerance=1e-3)
    assert found.alive is not None and found.dead is not None and found.width <= 1.001e-3
    assert found.alive < 0.084448 < found.dead  # where the closed form has no key left
    assert found.alive_rate.postprocessing == sb.RandomBasis(KEYS)


@pytest.mark.slow
def test_both_sides_of_the_threshold_with_flips() -> None:
    how = sb.VonNeumann("qubit", tolerance=5e-6)
    by = sb.RandomBasis(KEYS, preprocessing=0.45)
    found = sb.critical_error_rate(postprocessing=by, tolerance=2e-4, entropy=how)
    assert found.alive < 0.0947205 < found.dead and found.width <= 2.001e-4


@pytest.mark.slow
def test_a_threshold_in_visibility_is_that_in_the_error_rate() -> None:
    by = sb.RandomBasis(KEYS)
    found = sb.critical_visibility(devices(0.0), CHSH, postprocessing=by, tolerance=2e-3, attack=False)
    assert found.dead is None and 0.0 <= (found.alive or 1.0) - (1 - 2 * 0.084448) < 2e-3


def test_one_setting_of_bob_loses_no_rounds() -> None:
    assert sb.RandomBasis(((0, 2), (1, 2))).kept == 1.0
    uneven = sb.RandomBasis(KEYS, (0.75, 0.25))
    assert uneven.kept == pytest.approx(0.625) and uneven.average.weights == pytest.approx((0.9, 0.1))


@pytest.mark.slow
def test_the_best_numbers_are_found() -> None:
    b = devices(0.08)
    best = sb.key_rate(b, CHSH, postprocessing=sb.RandomBasis(KEYS, "best", "best"))
    assert best.value > max(rate(0.08, 0.0, 1e-3).value, rate(0.08, 0.1, 1e-3).value)
    assert best.postprocessing.probabilities[0] + best.postprocessing.probabilities[1] == pytest.approx(1.0)


def test_randomness_of_all_inputs() -> None:
    """Settings are drawn at random: no fixed choice of settings has less, but the average is known better."""
    average = sb.Average.of_all_settings(sb.Scenario.bipartite(2, 2))
    own = sb.Behaviour.from_correlators([[0.96 * np.cos(a - b) for b in BOB[:2]] for a in ALICE])
    all_inputs = sb.randomness_rate(own, average=average)
    attacked = sb.randomness_rate_upper_bound(own, average=average)
    assert attacked.exact and all_inputs.value <= attacked.value < all_inputs.value + 1e-3
    assert attacked.side == "upper" and "explicit attack" in repr(attacked)
    with pytest.raises(sb.InvalidInput, match="leave x, y"):
        sb.randomness_rate_upper_bound(own, x=0, average=average)
    with pytest.raises(sb.InvalidInput, match="must be an Average"):
        sb.randomness_rate_upper_bound(own, average=(0, 1))  # type: ignore[arg-type]
    one = [sb.randomness_rate(own, x=x, y=y).value for x in (0, 1) for y in (0, 1)]
    assert all_inputs.value > np.mean(one) - 1e-3 and all_inputs.kind == "randomness"
    assert "drawn at random" in repr(all_inputs)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sb.RandomBasis(((0, 2),)), "two pairs or more"),
        (lambda: sb.RandomBasis((0, 1)), "two pairs or more"),
        (lambda: sb.RandomBasis(((0, 2), (0, 3))), "twice"),
        (lambda: sb.RandomBasis(KEYS, (0.5, 0.6)), "add up to one"),
        (lambda: sb.RandomBasis(KEYS, "most"), "'best'"),
        (lambda: sb.RandomBasis(KEYS, preprocessing=0.7), "0 to 1/2"),
        (lambda: sb.RandomBasis((*KEYS, (2, 2)), "best"), "two keys"),
        (lambda: sb.key_rate(devices(0.05), CHSH, x=0, postprocessing=sb.RandomBasis(KEYS)), "leave x, y"),
        (lambda: sb.key_rate(devices(0.05), CHSH, postprocessing="random"), "must be a post-processing"),
        (lambda: sb.key_rate(devices(0.05), CHSH, postprocessing=sb.RandomBasis(((0, 2), (1, 4)))), "y = 4"),
        (lambda: sb.key_rate(devices(0.05), CHSH, postprocessing=sb.RandomBasis(((0, 2), (2, 3)))), "2"),
        (
            lambda: sb.key_rate(devices(0.05), CHSH, entropy=sb.MinEntropy(), postprocessing=sb.RandomBasis(KEYS)),
            "no average over settings",
        ),
        (lambda: sb.critical_error_rate(postprocessing=sb.RandomBasis(KEYS), preprocessing=0.1), "leave rate and"),
        (lambda: sb.critical_visibility(devices(0.0), CHSH, x=0, postprocessing=sb.RandomBasis(KEYS)), "leave x"),
        (lambda: sb.randomness_rate(devices(0.05), CHSH, x=0, average=sb.Average((0, 1))), "leave x, y"),
        (lambda: sb.randomness_rate(devices(0.05), CHSH, average=(0, 1)), "must be an Average"),
        (lambda: sb.randomness_rate(devices(0.05), CHSH, postprocessing=RandomBasis(KEYS)), "is of keys"),
    ],
)
def test_bad_input(make: Callable[[], object], says: str) -> None:
    with pytest.raises(sb.InvalidInput, match=says):
        make()
