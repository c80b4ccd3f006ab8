"""Photon pairs: the Gaussian formula against photons counted one by one, its limits, and the largest CHSH value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.optimize import minimize

import sdpbound as sb
from sdpbound.bell.families.photon_pairs import click_patterns, no_click_probabilities

#: Photons of a party up to which the state is kept, and what is left out of the norm at most in these tests.
MOST = 16
ANGLES = {"a0": 0.3, "a1": -1.1, "b0": 0.7, "b1": 2.0}


def lowering() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Annihilation operators of two modes, and the places (h, v) of at most MOST photons together."""
    places = [(total - v, v) for total in range(MOST + 1) for v in range(total + 1)]
    index = {place: i for i, place in enumerate(places)}
    h, v = np.zeros((2, len(places), len(places)))
    for (n, m), i in index.items():
        if n:
            h[index[n - 1, m], i] = math.sqrt(n)
        if m:
            v[index[n, m - 1], i] = math.sqrt(m)
    return h, v, np.array(places)


def silence_of_photons(angle: float, seen: tuple[int, ...], eta: float) -> np.ndarray:
    """The effect that the detectors of a set do not click: (1 - eta)^n of the photons n that each of them sees."""
    h, v, _ = lowering()
    c, s = math.cos(angle / 2), math.sin(angle / 2)
    turn = expm(angle / 2 * (h.T @ v - v.T @ h))  # h, v -> c h + s v, c v - s h
    np.testing.assert_allclose((turn.T @ h @ turn)[:10, :10], (c * h + s * v)[:10, :10], atol=1e-9)
    counts = np.array([np.diag(mode.T @ mode) for mode in (h, v)])
    effect = np.prod([(1 - eta) ** counts[k] for k in seen], axis=0) if seen else np.ones(len(counts[0]))
    return turn.T @ np.diag(effect) @ turn


def by_photons(values: dict[str, float]) -> np.ndarray:
    """Patterns [a, b, x, y] of clicks (none, first, second, both) from the state in a basis of photon numbers."""
    n = values["pairs"] * np.array([math.cos(values["theta"]) ** 2, math.sin(values["theta"]) ** 2])
    places = lowering()[2]
    ratio = np.sqrt(n / (1 + n))
    amplitudes = np.prod(ratio**places, axis=1) / math.sqrt((1 + n[0]) * (1 + n[1]))
    sets: list[tuple[int, ...]] = [(), (0,), (1,), (0, 1)]
    found = np.zeros((4, 4, 2, 2))
    for x in (0, 1):
        for y in (0, 1):
            silent = np.zeros((4, 4))
            for i, first in enumerate(sets):
                e = silence_of_photons(values[f"a{x}"], first, values["eta_a"])
                for j, second in enumerate(sets):
                    f = silence_of_photons(values[f"b{y}"], second, values["eta_b"])
                    weight = (1 - values["dark_a"]) ** len(first) * (1 - values["dark_b"]) ** len(second)
                    silent[i, j] = weight * (amplitudes @ (e * f) @ amplitudes)
            found[:, :, x, y] = click_patterns(silent)
    return found


@pytest.mark.parametrize(("etas", "darks"), [((0.8, 0.65), (0.01, 0.0)), ((1.0, 0.9), (0.0, 0.05))])
def test_photons_one_by_one(etas: tuple[float, float], darks: tuple[float, float]) -> None:
    at = {
        "pairs": 0.3,
        "theta": 0.6,
        **ANGLES,
        "eta_a": etas[0],
        "eta_b": etas[1],
        "dark_a": darks[0],
        "dark_b": darks[1],
    }
    patterns = by_photons(at)
    assert patterns.sum(axis=(0, 1)) == pytest.approx(np.ones((2, 2)), abs=1e-9)
    rules = {  # patterns none, first, second, both to outcomes 0, 1, no click
        "random": np.array([[0, 1, 0, 0.5], [0, 0, 1, 0.5], [1, 0, 0, 0]]),
        "no_click": np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]),
    }
    for double, rule in rules.items():
        found = sb.family_named("spdc", double=double, binning=False).member(**at).behaviour()
        assert np.allclose(found.p, np.einsum("ai,bj,ijxy->abxy", rule, rule, patterns), atol=1e-9)
        binned = sb.family_named("spdc", double=double).member(**at).behaviour()
        merged = rule[:2] + np.array([[1], [0]]) * rule[2]
        assert np.allclose(binned.p, np.einsum("ai,bj,ijxy->abxy", merged, merged, patterns), atol=1e-9)
        mixed = sb.family_named("spdc", double=double, binning=(True, (True, False))).member(**at).behaviour()
        assert mixed.scenario.outcomes == ((2, 2), (2, 3))
        assert np.allclose(mixed.p[:, :, :, 1], np.einsum("ai,bj,ijx->abx", merged, rule, patterns[..., 1]), atol=1e-9)


@given(st.floats(0.05, 1.5), st.floats(0.2, 1.0), st.floats(0.2, 1.0))
@settings(max_examples=20, deadline=None)
def test_few_pairs_are_two_qubits_that_get_lost(theta: float, eta_a: float, eta_b: float) -> None:
    """Per pair, as the pairs become few: coincidences of two qubits with lossy detectors."""
    mean = 1e-6
    found = sb.family_named("spdc", binning=False).member(pairs=mean, theta=theta, **ANGLES, eta_a=eta_a, eta_b=eta_b)
    qubits = sb.family_named("two_qubit").member(theta=theta, **ANGLES)
    lossy = qubits.behaviour().detection_efficiency(eta_a, eta_b, False)
    p = found.behaviour().p / mean
    assert np.allclose(p[:2, :2], lossy.p[:2, :2], atol=2e-5)
    assert np.allclose(p[2, :2], lossy.p[2, :2], atol=2e-5) and np.allclose(p[:2, 2], lossy.p[:2, 2], atol=2e-5)


@given(st.floats(0, 5), st.floats(0, 1.57), st.floats(0, 1), st.floats(0, 1), st.integers(1, 5))
@settings(deadline=None)
def test_one_party_sees_thermal_light(pairs: float, theta: float, eta: float, dark: float, modes: int) -> None:
    family = sb.family_named("spdc", binning=False, double="no_click", modes=modes)
    b = family.member(pairs=pairs, theta=theta, **(ANGLES | {"a0": 0.0}), eta_a=eta, dark_a=dark).behaviour()
    n = pairs * np.array([math.cos(theta) ** 2, math.sin(theta) ** 2])
    silent = (1 - dark) * (1 + eta * n / modes) ** -float(modes)  # a Bose-Einstein distribution in each mode
    own = b.p.sum(axis=1)[:, 0, 0]
    assert own[0] == pytest.approx((1 - silent[0]) * silent[1], abs=1e-12)
    assert own[1] == pytest.approx(silent[0] * (1 - silent[1]), abs=1e-12)


def test_modes_and_sources_multiply() -> None:
    """Two modes are two independent sources at the same detectors; very many are pairs that come at random."""
    one = no_click_probabilities((0.1, 0.05), [0.3], [0.7], (0.8, 0.9), 1)
    assert np.allclose(no_click_probabilities((0.1, 0.05), [0.3], [0.7], (0.8, 0.9), 3), one**3, atol=1e-14)
    many = sb.family_named("spdc", binning=False, modes=10**6).member(pairs=0.2, theta=0.0, a0=0, a1=0, b0=0, b1=0)
    assert many.behaviour().p[2, 2] == pytest.approx(np.full((2, 2), math.exp(-0.2)), rel=1e-6)


@pytest.mark.parametrize(
    ("modes", "start", "most"),
    [
        (1, (1.594, 0.905, 0.254, -0.776, -0.254, 0.776), 2.305933),
        (10**5, (1.228, 0.8245, -0.327, 0.987, 0.327, -0.986), 2.351874),
    ],
)
def test_the_largest_chsh_value(modes: int, start: tuple[float, ...], most: float) -> None:
    """arXiv:1405.1939: far from 2 sqrt(2) with perfect detectors, more for many modes, and not at equal squeezing."""
    family = sb.family_named("spdc", double="no_click", modes=modes)

    def chsh(v: np.ndarray) -> float:
        named = dict(zip(("pairs", "theta", "a0", "a1", "b0", "b1"), map(float, v), strict=True))
        return family.member(**named).chsh or 0.0

    best = minimize(lambda v: -chsh(v), start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    assert -best.fun == pytest.approx(most, abs=1e-5)
    assert abs(best.x[1] - math.pi / 4) > 0.01
    equal = minimize(lambda v: -chsh(np.insert(v, 1, math.pi / 4)), np.delete(best.x, 1), method="Nelder-Mead")
    assert -equal.fun < most - 1e-4


@pytest.mark.slow
def test_randomness_of_a_pulsed_source() -> None:
    """Certified per pulse, vacuum and all; less light and lost light give less, and an attack says that this is all."""
    family = sb.family_named("spdc", double="no_click")
    angles = {"theta": 0.905, "a0": 0.254, "a1": -0.776, "b0": -0.254, "b1": 0.776}
    found = []
    for pairs, eta in ((1.594, 1.0), (0.1, 1.0), (1.594, 0.95)):
        b = family.member(pairs=pairs, **angles, eta_a=eta, eta_b=eta).behaviour()
        found.append(sb.randomness_rate(b, "full", True, x=0).value)
    assert found[0] > 0.32 and 0.05 < found[1] < 0.1 and 0.0 < found[2] < 0.2
    above = sb.randomness_rate_upper_bound(family.member(pairs=1.594, **angles).behaviour(), "full", True, x=0)
    assert 0.0 <= above.value - found[0] < 1e-3


def test_losses_of_outcomes_are_not_losses_of_light() -> None:
    """A noise of detectors acts when double clicks are decided: right for few pairs, and wrong for many."""
    family = sb.family_named("spdc", binning=False)
    off = []
    for pairs in (1e-4, 1e-3, 1.0):
        of_light = family.member(pairs=pairs, theta=0.7, **ANGLES, eta_a=0.8, eta_b=0.8).behaviour().p
        table = family.member(pairs=pairs, theta=0.7, **ANGLES).behaviour().p
        lose = np.array([[0.8, 0, 0], [0, 0.8, 0], [0.2, 0.2, 1.0]])
        off.append(np.abs(of_light - np.einsum("ai,bj,ijxy->abxy", lose, lose, table)).max() / pairs)
    assert off[0] < 1e-3 and off[1] < 1e-2 < off[2]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: sb.family_named("spdc", double="both"), sb.InvalidParameter, "'random', 'no_click'"),
        (lambda: sb.family_named("spdc", settings=2), sb.InvalidInput, "settings = 2 must be two numbers"),
        (lambda: sb.family_named("spdc", modes=0), sb.InvalidParameter, "modes = 0 must be an integer from 1"),
        (lambda: sb.family_named("spdc", binning=(True, (True,) * 3)), sb.InvalidShape, "3 choices of binning for Bob"),
        (lambda: sb.family_named("spdc", binning="no"), sb.InvalidParameter, "binning"),
        (lambda: sb.family_named("spdc", binning=False, expression_name="chsh"), sb.InvalidShape, "does not fit"),
        (lambda: sb.family_named("spdc").member(pairs=-1, theta=0.5, **ANGLES), sb.InvalidParameter, "pairs = -1"),
        (lambda: sb.family_named("spdc").member(pairs=1, theta=0.5, eta_a=1.1, **ANGLES), sb.InvalidParameter, "eta_a"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
