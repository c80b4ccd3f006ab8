"""Entropies of the outcomes of any of the parties, between a program's proof and an explicit attack."""

from __future__ import annotations

import copy
import math
from functools import lru_cache

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.words import levels_of_key
from sdpbound.recheck import recheck
from tests.support import chsh_entropy, h
from tests.tampering import OF_ENTROPIES, assert_no_number_proves_more

PAIRS = "1+AB+AC+BC"


def mermin_entropy(value: float) -> float:
    """H(A|X=x,E) from a value of Mermin's expression beyond 2 sqrt 2.

    With X = B0 C1 + B1 C0 and Y = B0 C0 - B1 C1 the expression is A0 X + A1 Y, X and Y anticommute, and neither is
    larger than 2. So it is at most 2 + 2 c for Eve's states that are told apart by cos = c, and she leaves
    1 - h((1 + c)/2) = 1 - h(M/4). If Alice's outcomes are known, B and C have CHSH 2 sqrt 2; Eve mixes: below the
    point where the line from there touches the curve the entropy is on that line.
    """
    corner = 2 * math.sqrt(2)
    low, high = corner + 1e-6, 4.0 - 1e-9
    for _ in range(200):  # where the tangent meets the corner
        middle = 0.5 * (low + high)
        slope = 0.25 * math.log2((middle / 4) / (1 - middle / 4))
        low, high = (low, middle) if 1 - h(middle / 4) < slope * (middle - corner) else (middle, high)
    if value >= high:
        return 1 - h(value / 4)
    return (1 - h(high / 4)) * (value - corner) / (high - corner)


def mermin_data(value: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.mermin(), value)


@pytest.mark.parametrize("value", [3.98, 3.8, 3.5, 3.2])
def test_one_outcome_at_a_value_of_mermins_expression(value: float) -> None:
    data, exact = mermin_data(value), mermin_entropy(value)
    bound = sb.conditional_entropy(data, method=sb.VonNeumann("projective", PAIRS, 24))
    assert exact - 2e-3 < bound.value < exact + 1e-9
    assert recheck(bound.certificate.data).holds and bound.certificate.verify().holds


@lru_cache(maxsize=2)
def attack_on_bob(value: float) -> sb.EntropyAttack:
    return sb.conditional_entropy_upper_bound(mermin_data(value), settings=(None, 0, None), tolerance=1e-4)


@pytest.mark.parametrize("value", [3.8, pytest.param(3.2, marks=pytest.mark.slow)])
def test_attack_on_one_outcome_at_mermins_expression(value: float) -> None:
    attack = attack_on_bob(value)
    assert attack.exact and attack.figure == "H(B|y=0,E)"
    assert mermin_entropy(value) - 1e-9 <= attack.value < mermin_entropy(value) + 1e-4
    first, second = attack.certificate.verify(), recheck(attack.certificate.data)
    assert first.holds and second.holds, second.reason
    assert float(second.proven or 0) == pytest.approx(first.value, abs=1e-12)


@pytest.mark.parametrize("settings", [(0, None, None), (None, 1, 0), (0, 0, 0)])
def test_ghz_correlations_give_a_bit_a_party(settings: tuple[int | None, ...]) -> None:
    """At the largest value outcomes of settings that the expression does not test together are independent bits."""
    count = sum(s is not None for s in settings)
    level = "+".join([PAIRS, "ABC"])
    bound = sb.conditional_entropy(mermin_data(4.0), method=sb.VonNeumann("projective", level, 2), settings=settings)
    assert count - 2e-2 < bound.value <= count
    assert bound.certificate.verify().holds


def ghz_with_bias(visibility: float) -> sb.Behaviour:
    """A partly entangled GHZ state with three different pairs of settings in two planes, and white noise."""
    paulis = np.array([[[0, 1], [1, 0]], [[1, 0], [0, -1]]], dtype=float)
    state = np.zeros(8)
    state[[0, 7]] = math.cos(0.6), math.sin(0.6)
    parties = []
    for angles in ((1.5, 0.1), (0.9, -0.8), (0.7, -0.9)):
        own = []
        for t in angles:
            o = math.cos(t) * paulis[1] + math.sin(t) * paulis[0]
            own.append(np.array([(np.eye(2) + o) / 2, (np.eye(2) - o) / 2]))
        parties.append(tuple(own))
    return sb.Strategy(state, tuple(parties)).behaviour().white_noise(visibility)


@pytest.mark.slow
def test_two_sides_of_full_statistics() -> None:
    """No closed form: the program is below the entropy of explicit devices, and the attack above the program."""
    data = sb.Observations.full(ghz_with_bias(0.99))
    bound = sb.conditional_entropy(data, method=sb.VonNeumann("projective", PAIRS, 6))
    attack = sb.conditional_entropy_upper_bound(data, tolerance=1e-2)
    assert 0.0 < bound.value < attack.value
    assert attack.exact and recheck(attack.certificate.data).holds


def test_a_party_without_a_test_changes_nothing() -> None:
    """CHSH of Bob and Charlie, tested in a scenario of three: the closed form of the pair, for either of the two."""
    table = np.zeros((3, 3, 3))
    table[0, 1:, 1:] = [[1, 1], [1, -1]]
    expression = sb.BellExpression(sb.Scenario(((2, 2),) * 3), table)
    data = sb.Observations.bell_value(expression, 2.6)
    for settings in ((None, 0, None), (None, None, 1)):
        bound = sb.conditional_entropy(data, method=sb.VonNeumann("projective", PAIRS, 16), settings=settings)
        assert chsh_entropy(2.6) - 2e-3 < bound.value < chsh_entropy(2.6) + 1e-9
    assert sb.conditional_entropy(data, settings=(1, None, None)).value == 0.0


def test_bobs_outcome_alone() -> None:
    """Of two parties: the same entropy as Alice's, by the projective method, with flips too."""
    data = sb.Observations.bell_value(sb.chsh(), 2.6)
    for q in (0.0, 0.1):
        method = sb.VonNeumann("projective", "1+AB", 16)
        bound = sb.conditional_entropy(data, method=method, settings=(None, 1), preprocessing=q)
        assert chsh_entropy(2.6, q) - 2e-3 < bound.value < chsh_entropy(2.6, q) + 1e-9
        assert (bound.method, bound.merit.entry()["settings"]) == ("projective", [None, 1])
        assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds
    attack = sb.conditional_entropy_upper_bound(data, settings=(None, 1), preprocessing=0.1, tolerance=1e-3)
    assert chsh_entropy(2.6, 0.1) <= attack.value + 1e-9 and attack.value < chsh_entropy(2.6, 0.1) + 1e-3
    assert recheck(attack.certificate.data).holds


def test_bits_of_a_key_by_the_chain_rule() -> None:
    """Bits of the first party, then of the next for each outcome: together they tell all outcomes apart."""
    scenario = sb.Scenario(((3,), (2, 2), (2,)))
    question = EntropyQuestion(sb.Observations.none(scenario), None, None, settings=(0, None, 0))
    bits = question.bits
    assert len(bits) == 2 + 3 and question.outcomes == 6
    for whole, first, second in bits:
        assert np.allclose(whole, first + second)
    one = np.zeros(scenario.shape)
    one[0, 0, 0] = 1.0
    assert np.allclose(bits[0][0], one)
    assert np.allclose(sum(whole for whole, *_ in bits[2:]), one)


CHANGED = {
    "party": lambda c: c["question"]["figure"].update(settings=[0, None, None]),
    "setting": lambda c: c["question"]["figure"].update(settings=[None, 0, 1]),
    "fewer": lambda c: c["question"]["figure"].update(settings=[None, 0]),
    **{name: OF_ENTROPIES[name] for name in ("value", "functional", "data", "factor", "multiplier", "side", "model")},
}


@lru_cache(maxsize=1)
def bound_on_two() -> sb.EntropyBound:
    method = sb.VonNeumann("projective", PAIRS + "+ABC", 3)
    return sb.conditional_entropy(mermin_data(3.9), method=method, settings=(None, 0, 0))


@pytest.mark.parametrize("name", CHANGED)
def test_changed_certificates_are_refused(name: str) -> None:
    bound = bound_on_two()
    data = copy.deepcopy(bound.certificate.data)
    CHANGED[name](data)
    with pytest.raises(sb.CertificateError):
        sb.verify(data)
    assert not recheck(data).holds


def test_no_number_proves_more() -> None:
    method = sb.VonNeumann("projective", PAIRS, 3)
    bound = sb.conditional_entropy(mermin_data(3.9), method=method, settings=(None, 0, None))
    assert_no_number_proves_more(bound.certificate.data, np.random.default_rng(5), slack=5e-2)


def test_changed_attacks_are_refused() -> None:
    attack = attack_on_bob(3.8)
    for change in (
        lambda c: c["claim"].update(value=c["claim"]["value"] - 1e-6),
        lambda c: c["question"]["figure"].update(settings=[None, None, 0]) or c["claim"].update(value=0.1),
        lambda c: c["question"]["figure"].update(settings=[None, 0]),
        lambda c: c["question"]["observed"][0].update(value=3.99),
        lambda c: c["proof"]["strategies"][0]["dimensions"].pop(),
        lambda c: c["proof"]["strategies"][0]["measurements"].pop(),
    ):
        data = copy.deepcopy(attack.certificate.data)
        change(data)
        with pytest.raises(sb.CertificateError):
            sb.verify(data)
        assert not recheck(data).holds


def test_levels_hold_the_key_and_reach_the_data() -> None:
    for parties in range(2, 6):
        for key in ((0,) * parties, (None,) * (parties - 1) + (0,)):
            scenario = sb.Scenario(((2, 2),) * parties)
            question = EntropyQuestion(sb.Observations.none(scenario), None, None, settings=key)
            assert question.outcomes == 2 ** sum(s is not None for s in key)
            assert all(name in levels_of_key(parties, key)[0] for name in ("1+AB",))
    with pytest.raises(sb.InvalidLevel, match=r"does not hold A0 B0 C0.*'1\+ABC'"):
        sb.conditional_entropy(mermin_data(3.9), method=sb.VonNeumann("projective", PAIRS, 3), settings=(0, 0, 0))
    with pytest.raises(sb.InvalidLevel, match="does not reach"):
        sb.conditional_entropy(mermin_data(3.9), method=sb.VonNeumann("projective", "1", 3))


@pytest.mark.slow
def test_four_parties() -> None:
    data = sb.Observations.bell_value(sb.mabk(4), 2.7)
    bound = sb.conditional_entropy(data, settings=(0, None, None, None))
    attack = sb.conditional_entropy_upper_bound(data, settings=(0, None, None, None), tolerance=1e-4)
    assert 0.73 < bound.value < attack.value < bound.value + 2e-3
    assert bound.certificate.verify().holds and recheck(attack.certificate.data).holds


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "least", "most"), [(0, 0.6873, 0.68836), (1, 0.7341, 0.73466)])
def test_w_states_from_both_sides(setting: int, least: float, most: float) -> None:
    """Full statistics of a W state at visibility 0.98: a program of 49 words, and relabelled qubit strategies."""
    data = sb.Observations.full(sb.family_named("w").member().behaviour(0.98))
    key = (setting, None, None)
    bound = sb.conditional_entropy(data, settings=key)
    attack = sb.conditional_entropy_upper_bound(data, settings=key, symmetry=True, dimension=2, tolerance=1e-5)
    assert attack.exact and least <= bound.value <= attack.value <= most
    assert attack.value - bound.value < 1.1e-3 and sb.verify(bound.certificate.data).holds
