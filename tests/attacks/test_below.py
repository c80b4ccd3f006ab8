"""Attacks that begin at the functional of a lower bound, and the gap that they show of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.entropy_attack import functional_of, search
from sdpbound.attacks.options import AttackOptions
from sdpbound.attacks.symmetric import symmetric_question
from sdpbound.entropies.question import KeyQuestion
from tests.support import chsh_entropy

CHSH = sb.Observations.bell_value(sb.chsh(), 2.5)


def chained(visibility: float = 0.98) -> sb.Observations:
    return sb.Observations.full(sb.family_named("chained").member(settings=3).behaviour(visibility))


def test_the_gap_is_the_distance_to_the_attack() -> None:
    """By pairs of qubits, whose own search needs no start; what the bound said of itself before does not count."""
    bound = sb.conditional_entropy(CHSH, method=sb.VonNeumann("projective", "1+AB", 8), closed_forms=False)
    assert math.isnan(bound.gap)
    attack = sb.conditional_entropy_upper_bound(CHSH, below=bound)
    assert attack.below is not None and attack.below.value == bound.value
    assert attack.below.gap == attack.value - bound.value > 0.0
    assert attack.below.status == ("solved" if attack.below.gap <= bound.tolerance else "inaccurate")
    near = sb.conditional_entropy(CHSH, method=sb.VonNeumann("projective", tolerance=1e-3), closed_forms=False)
    found = sb.conditional_entropy_upper_bound(CHSH, below=near).below
    assert found is not None and found.gap <= 1e-3 and found.status == "solved"
    assert sb.conditional_entropy_upper_bound(CHSH).below is None


def test_the_general_search_ends_where_it_is_near_enough() -> None:
    """It knows nothing of qubits, begins at the functional, and is an attack like any other."""
    question = KeyQuestion(CHSH, 0).of_entropy()
    bound = sb.conditional_entropy(CHSH, method="projective", closed_forms=False)
    exact = chsh_entropy(2.5)
    for tolerance in (1e-2, 1e-3):
        mixture = search(question, AttackOptions(below=bound, tolerance=tolerance))
        assert exact - 1e-6 <= mixture.value <= bound.value + tolerance
        assert mixture.weights @ mixture.tested == pytest.approx(CHSH.values, abs=1e-9)


def test_means_of_tests_have_the_same_functional() -> None:
    """On symmetric behaviours multipliers of means say what those of all tests say."""
    data = chained()
    question = KeyQuestion(data, 0).of_entropy()
    bound = sb.conditional_entropy(data, method=sb.VonNeumann("projective", "1+AB", 4))
    symmetric = symmetric_question(question)
    assert symmetric is not None
    whole, means = functional_of(question, bound), functional_of(symmetric.means, bound)
    assert len(means.multipliers) < len(whole.multipliers) and means.value == whole.value == bound.value
    other = chained(0.9)
    table = symmetric.means.observed.coefficients
    moments = [b.moments.reshape(-1) for b in (sb.family_named("chained").member(settings=3).behaviour(0.9),)]
    values = table.reshape(len(table), -1) @ moments[0]
    shift = [f.multipliers @ v for f, v in ((whole, other.values - data.values), (means, values))]
    assert shift[0] == pytest.approx(shift[1] - means.multipliers @ symmetric.means.observed.values, abs=1e-6)


@pytest.mark.parametrize(
    ("below", "text"),
    [
        (0.4, "below must be an EntropyBound"),
        (sb.conditional_entropy(CHSH, 1), "give a bound on the same entropy"),
        (sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), 2.6), 0), "of the same data"),
        (sb.conditional_entropy(sb.Observations.full(sb.family_named("chsh").member().behaviour(0.9)), 0), "same data"),
        (sb.conditional_entropy(chained(), method=sb.VonNeumann("projective", "1+AB", 2)), "the same data"),
    ],
)
def test_bounds_on_something_else(below: object, text: str) -> None:
    with pytest.raises(sb.InvalidInput, match=text):
        sb.conditional_entropy_upper_bound(CHSH, 0, below=below)  # type: ignore[arg-type]


def test_attacks_on_other_figures_take_none() -> None:
    bound = sb.conditional_entropy(CHSH)
    behaviour = sb.family_named("chsh").member().behaviour(0.95)
    with pytest.raises(sb.InvalidInput, match="of no use"):
        sb.convex_combination_attack(behaviour, 0, 0, below=bound)


@pytest.mark.slow
def test_settings_of_i3322_from_both_sides() -> None:
    """The attack shows a gap below 3e-4; the default's own is larger. Machines differ in the optimum that is found."""
    devices = sb.see_saw(sb.i3322(), 2, rng=0)[1]
    data = sb.Observations.full(devices.behaviour().white_noise(0.98))
    bound = sb.conditional_entropy(data)
    attack = sb.conditional_entropy_upper_bound(data, below=bound, tolerance=1e-4)
    assert attack.exact and attack.below is not None
    assert 0.0 <= attack.below.gap < 3e-4 and attack.below.status == "solved"
    assert bound.gap > attack.below.gap
    assert attack.certificate.verify().holds


@pytest.mark.slow
def test_a_larger_dimension_where_the_smaller_one_is_far() -> None:
    """Means of CGLMP's data are had by qubits, at 1.44; the bound says that there is more."""
    data = sb.Observations.full(sb.family_named("cglmp").member(d=3).behaviour(0.98))
    bound = sb.conditional_entropy(data, method=sb.VonNeumann("projective", "1+AB+AA", 12))
    attack = sb.conditional_entropy_upper_bound(data, below=bound, symmetry=True, rank=3, tolerance=1e-4)
    assert attack.exact and attack.value == pytest.approx(1.387687, abs=3e-5)
    assert max(max(s.dimensions) for s in attack.strategies) == 3 and np.isfinite(attack.below.gap)  # type: ignore[union-attr]


@pytest.mark.slow
def test_it_ends_where_the_bound_is_no_closer() -> None:
    """A setting of three outcomes has larger dimensions to try, which bring nothing and take minutes."""
    turned = [math.cos(a) * np.diag([1.0, -1.0]) + math.sin(a) * np.eye(2)[::-1] for a in (0.0, 1.5, 0.6, -0.65)]
    state = np.array([math.cos(0.7), 0.0, 0.0, math.sin(0.7)])
    devices = sb.Strategy.from_observables(state, turned[:2], turned[2:])
    losses = sb.DetectionInefficiency(0.96, 0.97, binning=(True, (True, False)))
    data = sb.Observations.full(devices.behaviour(noise=losses))
    bound = sb.conditional_entropy(data)
    attack = sb.conditional_entropy_upper_bound(data, below=bound)
    assert attack.exact and attack.status == "explicit attack" and attack.below is not None
    assert attack.below.gap <= bound.gap and max(max(s.dimensions) for s in attack.strategies) == 2
