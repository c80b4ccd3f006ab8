"""Thresholds of keys with a post-processing in the efficiency of detectors, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import sdpbound as sb

BASIS = sb.RandomBasis(((0, 2), (1, 3)))


@pytest.mark.slow
def test_an_efficiency_with_a_random_basis() -> None:
    singlet = sb.Behaviour.from_correlators([[2**-0.5, 2**-0.5, 1.0, 0.0], [2**-0.5, -(2**-0.5), 0.0, 1.0]])
    found = sb.critical_efficiency(
        singlet, "full without B2, B3", postprocessing=BASIS, tolerance=5e-3, start=0.95, entropy=sb.VonNeumann()
    )
    assert found.alive is not None and 0.85 < found.alive < 0.97
    assert found.dead is not None and found.dead < found.alive


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sb.critical_error_rate(sb.asymmetric_chsh, postprocessing=BASIS), "one of its members"),
        (lambda: sb.critical_error_rate(sb.chsh(), postprocessing=BASIS, preprocessing=0.1), "leave rate and"),
        (lambda: sb.critical_visibility(sb.SingletSelfTest(1.0, 1.5, 2.6), x=0, postprocessing=BASIS), "leave x, y"),
        (lambda: sb.critical_error_rate(sb.chsh(), postprocessing="random"), "must be a post-processing"),
        (lambda: sb.RandomBasis(((0, 2), (1, 3)), preprocessing=sb.BinaryChannel(0.1, 0.2)), "channels have no bound"),
        (
            lambda: sb.RandomBasis(((0, 2), (1, 3)), probabilities=(0.5, 0.6)),
            r"^probabilities = \(0.5, 0.6\) of a random",
        ),
        (
            lambda: sb.critical_visibility(sb.SingletSelfTest(1.0, 1.5, 2.6), x=0, y=0, noise=0.9),
            "noise must be a Noise",
        ),
        (lambda: sb.critical_visibility(sb.SingletSelfTest(1.0, 1.5, 2.6), x=0, y=0, start="a"), "start = 'a'"),
    ],
)
def test_bad_input(make: Callable[[], object], says: str) -> None:
    with pytest.raises(sb.InvalidInput, match=says):
        make()


@pytest.mark.parametrize("preprocessing", ["best", "best channel", 0.1])
def test_flips_against_an_adversary_that_no_theorem_covers(preprocessing: str | float) -> None:
    """The sentence names what was asked, and what the theorem covers."""
    noisy = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.95)
    says = f"preprocessing = {preprocessing!r}: .* quantum adversary, and none by min-entropy against NoSignaling"
    with pytest.raises(sb.InvalidInput, match=says):
        sb.key_rate(noisy, x=0, y=0, entropy=sb.MinEntropy(sb.NoSignaling()), preprocessing=preprocessing)


def test_settings_of_a_basis_are_looked_at_before_anything_is_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    def solved(*_: object) -> None:
        raise AssertionError("it was solved")

    monkeypatch.setattr("sdpbound.rates.postprocessing.random_basis.average_entropy", solved)
    singlet = sb.Behaviour.from_correlators([[0.7, 0.7, 0.9, 0.0], [0.7, -0.7, 0.0, 0.9]])
    wrong = sb.RandomBasis(((0, 2), (1, 7)))
    for ask in (sb.key_rate, sb.key_rate_upper_bound):
        with pytest.raises(sb.InvalidSettings, match="y = 7 does not exist: party B has settings 0 to 3"):
            ask(singlet, "correlators without B2, B3", postprocessing=wrong)


def test_a_threshold_without_an_attack_keeps_its_proof() -> None:
    """Close to the end the best blocks are long, and no attack on them is evaluated."""
    found = sb.critical_error_rate(sb.chsh(), postprocessing=sb.RepetitionCode("best"), tolerance=1e-3)
    assert found.alive is not None and found.alive_rate is not None and found.alive_rate.value > 0.0
    assert found.dead is None and "no attack ends the rate" in found.open and "too many terms" in found.open
    code = sb.RepetitionCode(40)
    singlet = sb.Behaviour.from_correlators([[0.67, 0.67], [0.67, -0.67]])
    with pytest.raises(sb.SolverFailure, match=r"no attack on blocks of 40 rounds is proven .* distillation_attack"):
        sb.key_rate_upper_bound(singlet, "full", postprocessing=code)
