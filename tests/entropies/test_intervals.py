"""Tests that are intervals: entropies of all behaviours within them, from both sides."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.entropy_attack import search
from sdpbound.attacks.proof import build_attack
from sdpbound.attacks.symmetric import symmetric_question
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.recheck import recheck

CHSH = sb.chsh()
DEVICES = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.98)
EVERY = sb.Observations.correlators(np.zeros((2, 2)), tolerance=1.0)  # all correlators in [-1, 1]
FEW = {
    "projective": sb.VonNeumann("projective", "1+AB", 8),
    "gauss-radau": sb.VonNeumann("gauss-radau", "1+AB+AA+AAB", 4),
    "qubit": sb.VonNeumann("qubit"),
}


def of_chsh(value: float) -> float:
    p = (1.0 + math.sqrt(value**2 / 4.0 - 1.0)) / 2.0
    return 1.0 + p * math.log2(p) + (1.0 - p) * math.log2(1.0 - p)


def checked(data: sb.Observations, method: str, **key: Any) -> sb.EntropyBound:
    bound = sb.conditional_entropy(data, method=FEW[method], closed_forms=False, **key)
    assert sb.verify(bound.certificate.data).holds
    assert method == "qubit" or recheck(bound.certificate.data).holds  # of those multipliers alone are new, and slow
    return bound


@pytest.mark.parametrize("high", [2.6, np.inf])
@pytest.mark.parametrize("method", FEW)
def test_an_interval_is_as_good_as_its_worse_end(method: str, high: float) -> None:
    bound = checked(sb.Observations.between(CHSH, 2.4, high), method)
    assert of_chsh(2.4) - 2.5e-3 <= bound.value <= of_chsh(2.4)
    exact = checked(sb.Observations.bell_value(CHSH, 2.4), method)
    assert abs(exact.value - bound.value) < 5e-4


@pytest.mark.parametrize("method", FEW)
def test_what_says_nothing_costs_nothing(method: str) -> None:
    """Intervals that hold all behaviours, of expressions of which an equality is made."""
    alone = sb.Observations.bell_value(CHSH, 2.5)
    bound, more = (checked(data, method).value for data in (alone, alone.joined(EVERY)))
    assert of_chsh(2.5) - 3e-3 <= more <= of_chsh(2.5) and abs(more - bound) < 5e-4


@pytest.mark.parametrize("data", ["correlators", "mixed"])
def test_from_both_sides(data: str) -> None:
    """The attack is within the intervals, at their ends, and no more than the bound's own gap above."""
    observed = sb.Observations.correlators(DEVICES, tolerance=0.01)
    if data == "mixed":
        observed = sb.Observations.bell_value(CHSH, DEVICES).joined(sb.Observations.full(DEVICES, tolerance=0.02))
    attack = sb.conditional_entropy_upper_bound(observed)
    assert attack.exact and sb.verify(attack.certificate.data).holds
    moments = attack.behaviour.moments
    reached = np.tensordot(observed.coefficients, moments, axes=moments.ndim)
    off = np.abs(reached - observed.values) - observed.tolerances
    assert off.max() < 1e-13 and off.max() > -2e-9
    bound = checked(observed, "qubit")
    assert bound.value <= attack.value <= bound.value + 1e-3
    assert attack.value < sb.conditional_entropy(sb.Observations.correlators(DEVICES)).value - 0.05
    assert checked(observed, "projective").value <= attack.value


def test_wider_intervals_leave_less() -> None:
    data = [sb.Observations.correlators(DEVICES, tolerance=t) for t in (1e-12, 1e-6, 1e-3, 1e-2, 5e-2)]
    values = [checked(observed, "qubit").value for observed in data]
    assert all(later < before for before, later in itertools.pairwise(values[1:]))
    assert abs(values[1] - values[0]) < 5e-4


def test_intervals_outside_the_set_are_infeasible() -> None:
    for method in FEW.values():
        with pytest.raises(sb.Infeasible) as found:
            sb.conditional_entropy(sb.Observations.between(CHSH, 2.9, 3.0), method=method, closed_forms=False)
        assert sb.verify(found.value.certificate.data).holds


def test_symmetries_keep_the_box() -> None:
    """Equalities and the middles of intervals may contradict each other; no relabelling that moves an end is used."""
    data = sb.Observations.bell_value(CHSH, 2.5)
    orders = []
    for observed in (data, data.joined(EVERY), data.joined(sb.Observations.between(CHSH, 2.4, 2.55))):
        found = symmetric_question(EntropyQuestion(observed, 0, None))
        assert found is not None
        orders.append(len(found.elements))
    assert orders[0] == orders[1] == orders[2] > 1
    table = np.zeros((3, 3))
    table[1, 1] = 1.0
    one = sb.BellExpression(CHSH.scenario, table)
    lopsided = symmetric_question(EntropyQuestion(data.joined(sb.Observations.between(one, 0.1, 0.9)), 0, None))
    assert lopsided is None or len(lopsided.elements) < orders[0]


def test_symmetric_attack_of_intervals() -> None:
    """The average over relabellings is within the intervals of all tests, not only of independent ones."""
    box = sb.Behaviour.from_correlators(0.65 * np.array([[1, 1], [1, -1]]))
    observed = sb.Observations.correlators(box, tolerance=0.2).joined(sb.Observations.between(CHSH, 2.55, np.inf))
    found = symmetric_question(EntropyQuestion(observed, 0, None))
    assert found is not None and len(found.means.observed) == 3
    mixture = found.average(search(found.means, sb.AttackOptions(dimension=2, tolerance=1e-4)))
    attack = build_attack(observed, found.question.figure, mixture, 0.0)
    assert attack.exact and of_chsh(2.55) <= attack.value < of_chsh(2.55) + 2e-3


CHANGED = {
    "a wider interval": lambda c: c["question"]["observed"][0].update(tolerance=0.011),
    "another middle": lambda c: c["question"]["observed"][1].update(value=0.5),
    "no multiplier": lambda c: c["proof"]["multipliers"].__setitem__(2, 0.0),
    "a multiplier of the other sign": lambda c: c["proof"]["multipliers"].__setitem__(0, -c["proof"]["multipliers"][0]),
    "value": lambda c: c["claim"].update(value=c["claim"]["value"] + 1e-5),
}


@pytest.fixture(scope="module")
def certificate() -> sb.Certificate:
    return checked(sb.Observations.correlators(DEVICES, tolerance=0.01), "projective").certificate


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_changed_certificates_are_refused(change: Any, certificate: sb.Certificate) -> None:
    data = certificate.data
    change(data)
    assert not recheck(data).holds
    with pytest.raises(sb.CertificateError):
        if not sb.verify(data).holds:
            raise sb.CertificateError("refused")


@pytest.mark.slow
def test_three_settings() -> None:
    data = sb.Observations.full(sb.family_named("chained").member(settings=3).behaviour(0.98), tolerance=0.003)
    bound, attack = sb.conditional_entropy(data), sb.conditional_entropy_upper_bound(data)
    assert bound.value <= attack.value <= bound.value + 3e-3 and attack.exact
