"""Membership, visibilities and local fractions against closed forms of the CHSH polytope."""

from __future__ import annotations

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from tests.oracle import contradiction

R = 2**0.5
BEST = sb.Behaviour.from_correlators(np.array([[1, 1], [1, -1]]) / R)
BOX = sb.Behaviour.from_correlators(np.array([[1.0, 1.0], [1.0, -1.0]]))

#: What CHSH allows: v S(P) + (1 - v) n <= max, n = 0, -2 or -4 for white, local and general noise.
KNOWN = [
    (BEST, sb.Local(), "white", 1 / R),
    (BEST, sb.Local(), "local", 4 / (2 * R + 2)),
    (BEST, sb.Local(), "general", 6 / (2 * R + 4)),
    (BOX, sb.Local(), "white", 1 / 2),
    (BOX, sb.Local(), "local", 2 / 3),
    (BOX, sb.Local(), "general", 3 / 4),
    (BOX, sb.Quantum("1+AB"), "white", 1 / R),
    (BOX, sb.Quantum("1+AB"), "local", (2 * R + 2) / 6),
    (BOX, sb.Quantum("1+AB"), "general", (2 * R + 4) / 8),
    (BEST, sb.Quantum("1+AB"), "white", 1.0),
    (BEST, sb.Quantum("1+AB"), "local", 1.0),
    (BOX, sb.NoSignaling(), "white", 1.0),
    (BOX, sb.NoSignaling(), "general", 1.0),
]


@pytest.mark.parametrize(("behaviour", "model", "noise", "value"), KNOWN)
def test_robustness(behaviour: sb.Behaviour, model: sb.Adversary, noise: str, value: float) -> None:
    found = sb.robustness(behaviour, model, noise)
    assert value - 1e-12 <= found.upper <= value + 1e-7
    assert value - 5e-8 <= found.lower <= value + 1e-12  # devices of a see-saw have the extremes up to rounding
    assert found.robustness <= (1 - value) / value + 1e-12
    if not isinstance(model, sb.NoSignaling):
        assert found.mixture is not None and found.mixture.value == found.lower
        proof = found.mixture.certificate.data
        assert sb.verify(proof).value <= found.lower and contradiction(proof) is None
        assert proof["question"]["figure"]["noise"] == noise
    for bound in (found.bound, found.noise_bound):
        if bound is not None:
            assert sb.verify(bound.certificate.data).holds and recheck(bound.certificate.data).holds


def test_given_noise() -> None:
    """Noise that anticorrelates: v S(P) + (1 - v) S(N) = 2."""
    noise = sb.Behaviour.from_correlators(-0.5 * np.array([[1, 1], [1, -1]]))
    found = sb.robustness(BEST, sb.Local(), noise)
    assert found.noise == "given" and found.upper == pytest.approx(4 / (2 * R + 2), abs=1e-8)
    assert found.upper - 1e-8 < found.lower <= found.upper
    with pytest.raises(sb.InvalidInput, match="nothing to mix"):
        sb.robustness(BEST, sb.Local(), BEST)
    with pytest.raises(sb.InvalidInput, match="must be the same"):
        sb.robustness(BEST, sb.Local(), sb.Behaviour.uniform(sb.cglmp(3).scenario))
    with pytest.raises(sb.InvalidInput, match="'white', 'local', 'general'"):
        sb.robustness(BEST, sb.Local(), "pink")  # type: ignore[arg-type]


def test_three_outcomes() -> None:
    """The maximally entangled qutrits' visibility at CGLMP's settings: 2 over their value (quant-ph/0106024)."""
    family = sb.maximize(sb.cglmp(3), sb.Quantum("1+AB")).behaviour
    found = sb.robustness(family, sb.Local())
    own = sb.cglmp(3).value(family)
    assert found.upper == pytest.approx(2 / own, abs=1e-5)  # no other facet is violated more here
    assert 0 < found.robustness < own / 2 - 1 + 1e-5


def test_members() -> None:
    for model in (sb.Local(), sb.Quantum("1+AB"), sb.NoSignaling()):
        assert sb.membership(sb.Behaviour.uniform(BEST.scenario), model)
    outside = sb.membership(BOX, sb.Quantum("1"))
    assert outside.outside and not outside and outside.bound is not None
    assert sb.verify(outside.bound.certificate.data).holds
    assert sb.membership(BOX, sb.Local()).separation == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("v", [1.0, 0.8, 0.6])
def test_local_fraction(v: float) -> None:
    """Of correlations with CHSH value S above 2 it is (4 - S) / 2, EPR2's bound being reached there."""
    behaviour = sb.Behaviour.from_correlators(v * np.array([[1, 1], [1, -1]]))
    found = sb.local_fraction(behaviour)
    value = min(1.0, (4 - 4 * v) / 2)
    assert value - 1e-9 <= found.upper <= value + 1e-8 and value - 1e-8 <= found.lower <= value + 1e-9
    assert recheck(found.bound.certificate.data).holds


def test_the_lower_side_is_explicit_for_quantum_sets_and_any_outcomes() -> None:
    """Both sides meet: CHSH's box, Svetlichny's box of three parties, that of I3322, CGLMP's local visibility."""
    boxes = [sb.maximize(e, sb.NoSignaling()).behaviour for e in (sb.svetlichny(3), sb.i3322(), sb.cglmp(3))]
    assert all(box is not None for box in boxes)
    for behaviour, model, noise, value in [
        (BOX, sb.Quantum("1+AB"), sb.Behaviour.from_correlators(-0.5 * np.array([[1, 1], [1, -1]])), (2 * R + 2) / 6),
        (boxes[0], sb.Quantum("2"), "white", 1 / R),
        (boxes[1], sb.Quantum("2"), "white", 0.6),
        (boxes[2], sb.Local(), "white", 1 / 2),
        (boxes[2], sb.Local(), "local", 3 / 4),
        (BOX, sb.NoSignaling(), "local", 1.0),
    ]:
        found = sb.robustness(behaviour, model, noise)  # type: ignore[arg-type]
        assert value - 5e-8 <= found.lower <= value + 1e-12 and value - 1e-9 <= found.upper <= value + 1e-7
        if not isinstance(model, sb.NoSignaling):
            assert found.mixture is not None and found.mixture.certificate.verify().holds


def test_mixtures_of_three_outcomes_add_up() -> None:
    """A second way: the moments of the points and of the noise, added up in floats here, for measured behaviours."""
    rng = np.random.default_rng(3)
    best = sb.maximize(sb.cglmp(3), sb.Quantum("1+AB")).behaviour
    assert best is not None
    moved = sb.Behaviour.from_moments(
        best.scenario, best.moments + 1e-4 * (rng.random(best.moments.shape) - 0.5) * _not_first(best)
    )
    for noise in ("white", "local", "general", sb.Behaviour.uniform(best.scenario)):
        found = sb.robustness(moved, sb.Local(), noise)  # type: ignore[arg-type]
        mixture = found.mixture
        assert mixture is not None and found.lower == mixture.value > found.upper - 1e-8
        rows = best.scenario.probability_rows()
        points = [_probabilities(best.scenario, point) for point in mixture.points]
        q = np.array(points).T @ (mixture.weights / mixture.weights.sum())
        rest = q - mixture.value * (rows @ moved.moments.reshape(-1))
        assert rest.min() > -3e-12
        if noise == "white":
            assert np.ptp(rest) < 1e-11
        assert mixture.certificate.verify().holds and contradiction(mixture.certificate.data) is None


def _not_first(behaviour: sb.Behaviour) -> np.ndarray:
    table = np.ones(behaviour.moments.shape)
    table[(0,) * table.ndim] = 0.0
    return table


def _probabilities(scenario: sb.Scenario, point: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """1 or 0 of each event, in the order of the scenario's rows, from products of the parties' letters."""
    moments = np.ones(1)
    for letters, outcomes in zip(scenario.letters, point, strict=True):
        own = [
            1.0 - 2.0 * outcomes[m.setting] if m.outcome is None else float(outcomes[m.setting] == m.outcome)
            for m in letters
        ]
        moments = np.outer(moments, [1.0, *own]).reshape(-1)
    return np.asarray(scenario.probability_rows() @ moments)


def test_noise_that_is_given_is_not_mixed_with_white_noise() -> None:
    """Of a local P and a noise outside the local set there is nothing to mix in: v is 1, or the least that is local."""
    found = sb.robustness(sb.Behaviour.uniform(BOX.scenario), sb.Local(), BOX)
    assert found.lower == 1.0 == found.upper and found.mixture is not None
    assert sb.verify(found.mixture.certificate.data).holds


@pytest.mark.slow
def test_large_local_sets_fit_into_memory() -> None:
    """59 049 deterministic strategies: a matrix of their pairs would have 28 GB."""
    scenario = sb.Scenario(((3,) * 5, (3,) * 5))
    found = sb.local_fraction(sb.Behaviour(np.full(scenario.table_shape, 1 / 9)))
    assert found.lower > 1.0 - 1e-9 and found.upper == 1.0
