"""Attacks on all flips: against the closed form of CHSH, direct evaluations, and forged certificates."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import sdpbound as sb
from sdpbound.attacks.all_flips import KeyAttack
from sdpbound.rates.devices import devices_of, key_devices, with_settings
from tests.rates.test_thresholds import chsh_rate

Root = dict[str, Any]


def chsh_key(errors: float) -> tuple[sb.Behaviour, sb.Observations]:
    """Depolarised CHSH with Bob's third setting for the key, and its CHSH value."""
    behaviour = devices_of(key_devices(sb.chsh(), 0))(sb.WhiteNoise(1.0 - 2.0 * errors))
    return behaviour, sb.Observations.bell_value(with_settings(sb.chsh(), behaviour.scenario), behaviour)


def attack_on(behaviour: sb.Behaviour, observed: sb.Observations | str, x: int, y: int) -> tuple[sb.Rate, KeyAttack]:
    rate = sb.key_rate_upper_bound(behaviour, observed, x, y, "best")
    assert isinstance(rate.attack, KeyAttack) and rate.exact and rate.side == "upper"
    return rate, rate.attack


def entropy(matrix: Any) -> float:
    w = np.linalg.eigvalsh(np.atleast_2d(matrix))
    return float(-sum(v * math.log2(v) for v in w if v > 1e-300))


def left_of(attack: KeyAttack, table: Any, x: int, flips: float) -> float:
    """min over the attacks of H(A_q|E), less H(A_q|B), from states and measurements alone: Eve has what purifies."""
    p = np.asarray(table) / np.sum(table)
    joint = (1 - flips) * p + flips * p[::-1]
    errors = sum(-v * math.log2(v / joint[:, b].sum()) for row in joint for b, v in enumerate(row) if v > 0)
    found = []
    for own in attack.attacks:
        total = 0.0
        for weight, s in zip(own.weights, own.strategies, strict=True):
            w, v = np.linalg.eigh(s.state)
            root = v * np.sqrt(np.maximum(w, 0.0)) @ v.conj().T
            parts = [root @ np.kron(e, np.eye(s.dimensions[1])) @ root for e in s.measurements[0][x]]
            flipped = [(1 - flips) * a + flips * b for a, b in (parts, parts[::-1])]
            total += weight * (sum(map(entropy, flipped)) - entropy(s.state))
        found.append(total)
    return min(found) - errors


@pytest.mark.parametrize("errors", [0.06, 0.078, 0.0805])
def test_the_attacks_leave_what_the_closed_form_does_at_its_best_flips(errors: float) -> None:
    rate, attack = attack_on(*chsh_key(errors), 0, 2)
    best = minimize_scalar(
        lambda q: -chsh_rate(errors, q), bounds=(0.0, 0.5), method="bounded", options={"xatol": 1e-7}
    )
    assert -best.fun - 1e-12 <= rate.value <= -best.fun + 2e-5
    assert rate.preprocessing == pytest.approx(best.x, abs=0.01)
    found = attack.certificate.verify()
    assert found.holds and found.value == pytest.approx(rate.value, abs=1e-15) and found.figure == "key_rate"


def test_no_flips_save_a_key_beyond_8_085_percent() -> None:
    rate, attack = attack_on(*chsh_key(0.08085), 0, 2)
    assert rate.value == 0.0 and attack.certificate.verify().holds
    assert attack_on(*chsh_key(0.0808), 0, 2)[0].value > 0.0
    assert max(left_of(attack, attack.merit.entry()["outcomes"], 0, q) for q in np.linspace(0.0, 0.5, 101)) <= 1e-12


@pytest.mark.parametrize(
    ("noise", "tested"),
    [(sb.DetectionInefficiency(0.97), "full"), (sb.WhiteNoise(0.93), "correlators")],
)
def test_no_flips_leave_more_than_is_claimed(noise: sb.Noise, tested: str) -> None:
    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(noise=noise)
    rate, attack = attack_on(behaviour, tested, 0, 0)
    left = [left_of(attack, attack.merit.entry()["outcomes"], 0, float(q)) for q in np.linspace(0.0, 0.5, 301)]
    assert rate.value - 1e-4 <= max(left) <= rate.value
    below = sb.key_rate(behaviour, tested, 0, 0, preprocessing="best")
    assert below.value <= rate.value <= below.value + 1e-3
    assert attack.certificate.verify().holds
    assert rate.preprocessing in attack.flips and "explicit attack" in repr(rate) and "any flips" in repr(attack)


def test_the_best_of_all_keys() -> None:
    singlet = sb.SingletSelfTest(1.0, 1.5, 2.6)
    behaviour = singlet.behaviour(0.93)
    each = [sb.key_rate_upper_bound(behaviour, "correlators", x, y, "best").value for x in (0, 1) for y in (0, 1)]
    assert sb.key_rate_upper_bound(behaviour, preprocessing="best").value == pytest.approx(max(each), abs=1e-12)


#: Close to the best lossy devices at an efficiency of 0.82.
KEPT = {"theta": 0.187436, "a0": -0.035616, "a1": 1.050571, "b1": 0.158832, "b2": -0.016371}


@pytest.mark.slow
def test_a_receiver_who_keeps_no_click() -> None:
    losses = sb.DetectionInefficiency(0.821, binning=(True, (True, True, False)))
    behaviour = sb.family_named("eberhard", settings=(2, 3)).member(**KEPT).behaviour(noise=losses)
    kept = sb.key_rate_upper_bound(behaviour, "full", 0, 2, "best", tested=(None, (0, 1)))
    assert kept.attack is not None and kept.attack.certificate.verify().holds
    assert len(kept.attack.merit.entry()["outcomes"][0]) == 3
    below = sb.key_rate(behaviour, "full", 0, 2, preprocessing="best", tested=(None, (0, 1)))
    assert below.value <= kept.value <= below.value + 1e-3


def test_a_no_click_that_is_not_tested_is_in_the_scenario() -> None:
    """Strategies of qubits by projections begin the search, in a scenario where a setting has three outcomes."""
    losses = sb.DetectionInefficiency(0.9, binning=(True, (True, True, False)))
    behaviour = sb.family_named("eberhard", settings=(2, 3)).member(**KEPT).behaviour(noise=losses)
    data = sb.Observations.full(behaviour, settings=[(0, 0), (0, 1), (1, 0), (1, 1)])
    attack = sb.conditional_entropy_upper_bound(data, 0, None, 0.01, tolerance=1e-5)
    assert attack.exact
    assert 0.0 <= attack.value - sb.conditional_entropy(data, 0, None, preprocessing=0.01).value < 1e-3


def test_thresholds_are_dead_for_all_flips() -> None:
    found = sb.critical_error_rate(sb.chsh(), preprocessing="best", tolerance=1e-4)
    assert found.alive is not None and found.dead is not None and found.dead_rate is not None
    assert found.alive < 0.080846 < found.dead and found.dead - found.alive <= 1e-4 + 1e-12
    attack = found.dead_rate.attack
    assert isinstance(attack, KeyAttack) and attack.value == 0.0 and attack.certificate.verify().holds


# -- forgeries ------------------------------------------------------------------------------------------------------

CERTIFICATE: Root = attack_on(*chsh_key(0.0806), 0, 2)[1].certificate.data


def sharper_receiver(root: Root) -> None:
    root["question"]["figure"]["outcomes"] = [[0.465, 0.035], [0.035, 0.465]]


def other_weights(root: Root) -> None:
    mixture = root["proof"]["mixtures"][0]
    mixture["adjusted"], mixture["weights"] = [], mixture["weights"][::-1]


def negative_outcome(root: Root) -> None:
    root["question"]["figure"]["outcomes"][0][0] *= -1.0


def too_small(root: Root) -> None:
    root["claim"]["value"] *= 0.99


def below_zero(root: Root) -> None:
    root["claim"]["value"] = -1e-9


def no_mixture(root: Root) -> None:
    root["proof"]["mixtures"] = []


def two_parties(root: Root) -> None:
    root["question"]["figure"]["settings"] = [0, 0]


def no_signaling(root: Root) -> None:
    root["question"]["model"] = {"kind": "no-signaling"}


def of_an_entropy(root: Root) -> None:
    root["question"]["figure"] = {"kind": "conditional_entropy", "x": 0, "y": None, "preprocessing": 0.0}


def one_attack(root: Root) -> None:
    root["kind"] = "attack"
    root["proof"] = root["proof"]["mixtures"][0] | {"groups": None}


FORGERIES = [
    sharper_receiver,
    other_weights,
    negative_outcome,
    too_small,
    below_zero,
    no_mixture,
    two_parties,
    no_signaling,
    of_an_entropy,
    one_attack,
]


def test_what_is_forged_holds_before() -> None:
    assert sb.verify(CERTIFICATE).holds


@pytest.mark.parametrize("forge", FORGERIES)
def test_forgeries_are_refused(forge: Callable[[Root], None]) -> None:
    root = copy.deepcopy(CERTIFICATE)
    forge(root)
    with pytest.raises(sb.CertificateError):
        sb.verify(root)


def test_bad_input() -> None:
    behaviour = sb.family_named("cglmp").member(d=3).behaviour()
    with pytest.raises(sb.InvalidParameter, match="key of 3 values"):
        sb.key_rate_upper_bound(behaviour, "full", 0, 0, "best")
    with pytest.raises(sb.InvalidParameter, match="preprocessing"):
        sb.key_rate_upper_bound(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.93), x=0, y=0, preprocessing="most")
