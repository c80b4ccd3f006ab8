"""Upper bounds from explicit attacks: values, proofs, and that no lower bound exceeds them."""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sdpbound as sb
from sdpbound.attacks.bundle import curvature
from sdpbound.attacks.descent import descend
from sdpbound.attacks.entropy_attack import landscape_of, search
from sdpbound.attacks.landscape import Points
from sdpbound.attacks.mixtures import Mixture, deterministic_strategies
from sdpbound.attacks.options import AttackOptions
from sdpbound.attacks.proof import build_attack
from sdpbound.bounds import ConditionalEntropy
from sdpbound.checker.spectra import entropy
from sdpbound.conic.programs.minimax import least_maximum
from sdpbound.entropies.known import KnownEntropy
from sdpbound.entropies.question import EntropyQuestion
from tests.support import chsh_entropy, h, true_entropy


def noisy_point(rng: np.random.Generator) -> tuple[sb.SingletSelfTest, sb.Behaviour]:
    """A noisy point of the family that still violates its inequality."""
    while True:
        t = sb.SingletSelfTest(*rng.uniform(0, 2 * math.pi, 3))
        v = float(rng.uniform(0.93, 0.99))
        if t.is_self_test and v * t.quantum_bound > t.local_bound + 1e-2:
            return t, t.behaviour(v)


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("s", [2.05, 2.4, 2.8])
def test_chsh(s: float) -> None:
    data = sb.Observations.bell_value(sb.chsh(), s)
    for q in (0.0, 0.1):
        attack = sb.conditional_entropy_upper_bound(data, preprocessing=q)
        assert chsh_entropy(s, q) - 1e-12 <= attack.value <= chsh_entropy(s, q) + 2e-5
        assert attack.exact and attack.resolved and attack.error == 0.0
        assert attack.side == "upper" and "<=" in repr(attack) and "explicit attack" in repr(attack)
        assert attack.behaviour.chsh == pytest.approx(s, abs=1e-12)
        assert attack.weights.sum() == pytest.approx(1.0, abs=1e-15)
        assert attack.certificate.verify().value == attack.value
    with pytest.raises(sb.CertificateError, match="functional"):
        _ = attack.functional


def test_on_the_boundary_angles_are_turned_to_the_tested_value() -> None:
    """At the maximum of CHSH weights alone miss it, as it changes with the square of what angles are off."""
    attack = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 8**0.5), 0, 0)
    assert attack.exact and attack.value == pytest.approx(1 + h((1 + 0.5**0.5) / 2), abs=1e-5)
    assert attack.certificate.verify().holds


@pytest.mark.slow
def test_global_entropy_of_chsh() -> None:
    """The known value at the maximum; at 2.2 and 2.7 those of earlier optimisation with other code."""
    for s, known in ((2.2, 0.209694), (2.7, 1.072957), (8**0.5, 1 + h((1 + 0.5**0.5) / 2))):
        data = sb.Observations.bell_value(sb.chsh(), s)
        attack = sb.conditional_entropy_upper_bound(data, 0, 0)
        assert attack.exact
        assert attack.value == pytest.approx(known, abs=2e-6)
        lower = sb.conditional_entropy(data, 0, 0, sb.VonNeumann(level="1+AB", nodes=6))
        assert lower.value <= attack.value


@pytest.mark.parametrize("kind", ["bell", "full"])
@pytest.mark.parametrize("point", [0, 2, 4, 6, 8])
def test_noisy_points_of_the_family(point: int, kind: str, reference: dict[str, dict[str, Any]]) -> None:
    """Within 1e-4 of the convex roof over qubit strategies (accurate to 5e-5) from above, and what the proof says."""
    entry = reference[f"A7.H_A0_{kind}_pt{point}"]
    p = entry["params"]
    t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
    b = t.behaviour(p["v"])
    value = t.expression(b)
    data = sb.Observations.correlators(b) if kind == "full" else sb.Observations.bell_value(t.expression, value)
    attack = sb.conditional_entropy_upper_bound(data)
    assert entry["value"] - 5e-5 <= attack.value <= entry["value"] + 1e-4
    assert attack.resolved
    mixed = sum(w * true_entropy(s, 0) for w, s in zip(attack.weights, attack.strategies, strict=True))
    assert attack.value == pytest.approx(mixed, abs=1e-10)  # NumPy beside the balls
    moments = np.tensordot(data.coefficients, attack.behaviour.moments, axes=2)
    assert np.abs(moments - data.values).max() < 1e-12
    assert attack.certificate.verify().holds


@pytest.mark.slow
def test_general_search_finds_what_the_qubit_method_finds() -> None:
    """Descent from random starts, no knowledge of the qubit reduction."""
    _, b = noisy_point(np.random.default_rng(3))
    data = sb.Observations.correlators(b)
    mixture = search(EntropyQuestion(data, 0, None), AttackOptions())
    found = build_attack(data, ConditionalEntropy(0), mixture, 0.0)
    best = sb.conditional_entropy_upper_bound(data)
    assert found.exact and abs(found.value - best.value) < 2e-5


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=4)
def test_no_lower_bound_exceeds_an_attack(seed: int) -> None:
    """Both are theorems: for every kind of data, key and preprocessing, with no margin at all."""
    rng = np.random.default_rng(seed)
    t, b = noisy_point(rng)
    kind = str(rng.choice(["bell", "correlators", "full"]))
    if kind == "bell":
        data = sb.Observations.bell_value(t.expression, t.expression(b))
    else:
        if kind == "full":
            b = b.detection_efficiency(0.99, 0.98)
        data = sb.Observations.correlators(b) if kind == "correlators" else sb.Observations.full(b)
    y = None if rng.uniform() < 0.7 else int(rng.integers(2))
    q = float(rng.choice([0.0, 0.07])) if y is None else 0.0
    x = int(rng.integers(2))
    attack = sb.conditional_entropy_upper_bound(data, x, y, q)
    assert attack.exact
    lower = sb.conditional_entropy(data, x, y, sb.VonNeumann(level="1+AB", nodes=10), q)
    assert lower.value <= attack.value
    if y is None:
        assert attack.value - lower.value < 0.06  # few nodes and words


def test_more_data_leave_eve_less() -> None:
    t, b = noisy_point(np.random.default_rng(11))
    one = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(t.expression, t.expression(b)))
    all_of_them = sb.conditional_entropy_upper_bound(sb.Observations.correlators(b))
    assert one.value <= all_of_them.value + 5e-6


def test_three_settings() -> None:
    """With one outcome fixed I3322 is a CHSH expression, up to (sqrt 2 - 1)/2: that setting's entropy is 0 below."""
    fixed = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.i3322(), 0.2))
    assert fixed.exact and fixed.value < 1e-12
    assert fixed.certificate.verify().holds


@pytest.mark.slow
def test_three_settings_in_few_rounds() -> None:
    """A search by planes alone stops at 0.87138 after sixty rounds, and at 0.8123."""
    chained = sb.Behaviour.from_correlators(
        0.98 * np.cos(np.subtract.outer(np.arange(3), np.arange(3) + 0.5) * np.pi / 3)
    )
    attack = sb.conditional_entropy_upper_bound(sb.Observations.correlators(chained))
    assert attack.exact and attack.value < 0.87106
    assert attack.certificate.verify().holds
    root = 0.5**0.5
    third = sb.Behaviour.from_correlators(0.97 * np.array([[root, root, 1.0], [root, -root, 0.0]]))
    full = sb.conditional_entropy_upper_bound(sb.Observations.full(third))
    assert full.exact and full.value < 0.81204


def test_newtons_step_for_the_multipliers() -> None:
    """With planes that all touch at the centre, the step is that of the quadratic alone."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    quadratic = root @ root.T + np.eye(3)
    centre = 0.03 * rng.normal(size=3)  # for large steps the maximum is replaced by a larger function
    # one plane that counts and one far below; then two of opposite slopes, between which nothing is gained
    step, weights = least_maximum(np.array([0.0, -50.0]), np.array([quadratic @ centre, np.zeros(3)]), quadratic, 1e-4)
    assert step == pytest.approx(-centre, rel=0.02) and weights == pytest.approx([1.0, 0.0])
    opposite, weights = least_maximum(np.zeros(2), np.array([centre, -centre]), quadratic, 1e-4)
    assert opposite == pytest.approx(np.zeros(3), abs=1e-9) and weights == pytest.approx([0.5, 0.5])


def test_curvature_is_that_of_the_least_reduced_cost() -> None:
    """Against differences of the minimum itself, at multipliers moved a little."""
    question = EntropyQuestion(sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.95)), 0, None)
    landscape = landscape_of(question, 2)
    multipliers = np.array([1.1, -1.2, -1.0, -1.1]) * np.sign(question.observed.values) * np.array([1, -1, -1, -1])
    starts = landscape.random(1, np.random.default_rng(1))

    def least(m: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def function(x: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return landscape.evaluate(Points(x, tuple(t[which] for t in starts.labels)), m, 1.0)  # type: ignore[arg-type]

        return descend(function, begin, 400, 1e-15)

    place, value = least(multipliers, starts.parameters)
    found = curvature(landscape, Points(place, starts.labels), np.ones(1), multipliers)
    direction, size = np.array([0.3, -0.5, 0.4, 0.7]), 1e-3
    ends = [least(multipliers + s * size * direction, place)[1][0] for s in (1.0, -1.0)]
    second = (ends[0] + ends[1] - 2.0 * value[0]) / size**2
    assert -second == pytest.approx(float(direction @ found @ direction), rel=1e-2, abs=1e-4)


@pytest.mark.slow
def test_three_settings_from_both_sides() -> None:
    data = sb.Observations.bell_value(sb.i3322(), 0.24)
    attack = sb.conditional_entropy_upper_bound(data)
    lower = sb.conditional_entropy(data, method=sb.VonNeumann(level="1+AB+AA+AAB", nodes=8))
    assert lower.value <= attack.value <= lower.value + 0.04
    mixed = (0.24 - (2**0.5 - 1) / 2) / (0.2508754 - (2**0.5 - 1) / 2)  # of one fixed and of the maximum, with one bit
    assert attack.exact and attack.value <= mixed + 0.02


@pytest.mark.slow
def test_three_outcomes() -> None:
    """A no-click outcome, all of the behaviour tested."""
    b = sb.SingletSelfTest(math.pi / 3, math.pi / 2 - 0.02, 5 * math.pi / 6).behaviour(0.97)
    data = sb.Observations.full(b.detection_efficiency(0.95, 0.95, binning=False))
    attack = sb.conditional_entropy_upper_bound(data, tolerance=1e-3)
    assert attack.exact and attack.value < 0.2
    assert attack.certificate.verify().holds
    qutrits = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.cglmp(3), 2.8), tolerance=1e-3)
    assert qutrits.exact and qutrits.value < math.log2(3)
    assert any(s.dimensions == (3, 3) for s in qutrits.strategies)


# -- data -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_data_on_the_boundary_are_labelled() -> None:
    t = sb.SingletSelfTest(1.0, 1.4, 2.6)
    b = t.behaviour()
    within = sb.conditional_entropy_upper_bound(sb.Observations.correlators(b))
    assert within.exact and not within.resolved and within.value == pytest.approx(1.0, abs=1e-5)
    assert "within their tolerances" in repr(within)
    data = sb.Observations.correlators(b, tolerance=0.0)  # no mixture of floats has these floats exactly
    attack = sb.conditional_entropy_upper_bound(data)
    assert not attack.exact and 0 < attack.error < 1e-6
    assert "APPROXIMATE" in repr(attack)
    assert attack.certificate.data["question"]["observed"][0]["tolerance"] > 0  # what the proof is about
    assert attack.certificate.verify().holds
    rate = sb.key_rate_upper_bound(b, data, x=0, y=0)
    assert any("approximate" in text for text in rate.assumptions) and "APPROXIMATE" in repr(rate)


def test_infeasible_data() -> None:
    with pytest.raises(sb.Infeasible) as error:
        sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 2.9))
    assert error.value.certificate.verify().value < 0


def test_local_data_and_no_data() -> None:
    zero = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 1.9))
    assert zero.exact and zero.value < 1e-60
    nothing = sb.conditional_entropy_upper_bound(sb.Observations.none(sb.Scenario.bipartite(2, 2)))
    assert nothing.exact and nothing.value == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"x": 2}, sb.InvalidSettings, "does not exist"),
        ({"preprocessing": 0.6}, sb.InvalidParameter, "from 0 to 1/2"),
        ({"preprocessing": 0.1, "y": 0}, sb.InvalidParameter, "one bit"),
        ({"dimension": 1}, sb.InvalidParameter, "dimension"),
        ({"tolerance": 0.0}, sb.InvalidParameter, "tolerance"),
        ({"seed": -1}, sb.InvalidParameter, "seed"),
        ({"strategies": [sb.random_strategy(sb.Scenario.bipartite(3, 3), 2, 0)]}, sb.InvalidInput, "does not fit"),
        ({"strategies": [1]}, sb.InvalidInput, "a strategy must be"),
    ],
)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 2.5), **arguments)


# -- the proof ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_checker_agrees_with_numpy_on_random_strategies(seed: int) -> None:
    """States and general measurements with complex entries, two and three outcomes, several dimensions."""
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario(((2, 3), (2, 2))) if seed % 2 else sb.Scenario.bipartite(2, 2)
    made = []
    for dimension in (2, 3):
        pure = sb.random_strategy(scenario, dimension, rng, projective=seed < 2)
        mixed = 0.8 * pure.state + 0.2 * np.eye(dimension**2) / dimension**2
        made.append(sb.Strategy(mixed, pure.measurements))
    weights = np.array([0.25, 0.75])
    moments = [s.behaviour().moments for s in made]
    data = sb.Observations.full(sb.Behaviour.from_moments(scenario, 0.25 * moments[0] + 0.75 * moments[1]))
    tested = np.array([m.reshape(-1)[1:] for m in moments])
    for x, y, q in ((0, None, 0.0), (1, 1, 0.0), (0, None, 0.2)):
        figure = ConditionalEntropy(x, y, q)
        values = np.array([true_entropy(s, x, y, q) for s in made])
        attack = build_attack(data, figure, Mixture(tuple(made), weights, tested, values), 0.0)
        assert attack.exact and not attack.resolved
        assert attack.value == pytest.approx(float(weights @ values), abs=1e-10)


def test_entropy_of_matrices_with_equal_and_zero_eigenvalues() -> None:
    rng = np.random.default_rng(0)
    with flint.ctx.workprec(256):
        for spectrum in ([0.25] * 4, [0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0], [0.7, 0.1, 0.1, 0.1]):
            g = rng.normal(size=(len(spectrum),) * 2) + 1j * rng.normal(size=(len(spectrum),) * 2)
            u = np.linalg.qr(g)[0]
            m = u @ np.diag(spectrum) @ u.conj().T
            exact = -sum(p * math.log2(p) for p in spectrum if p)
            real = np.linalg.qr(g.real)[0]
            for matrix in (m, real @ np.diag(spectrum) @ real.T):
                rows = [[complex(v) for v in row] for row in matrix]
                kind = flint.acb_mat if np.iscomplexobj(matrix) else flint.arb_mat
                cells = [[v if np.iscomplexobj(matrix) else v.real for v in row] for row in rows]
                ball = entropy(kind(cells))
                assert float(ball.mid()) == pytest.approx(exact, abs=1e-12)
                assert float(ball.rad()) < 1e-12


@pytest.fixture(scope="module")
def certificate() -> dict[str, Any]:
    data = sb.Observations.correlators(noisy_point(np.random.default_rng(8))[1])
    return sb.conditional_entropy_upper_bound(data).certificate.data


def numbers(entry: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the floats of a certificate are."""
    if isinstance(entry, dict):
        return [place for key, value in entry.items() for place in numbers(value, (*path, key))]
    if isinstance(entry, list):
        return [place for i, value in enumerate(entry) for place in numbers(value, (*path, i))]
    return [path] if isinstance(entry, float) else []


def changed(certificate: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any], Any]) -> dict[str, Any]:
    data = copy.deepcopy(certificate)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return data


def test_a_tampered_attack_fails_or_stays_true(certificate: dict[str, Any], tmp_path: Path) -> None:
    """A changed number gives another valid attack or none; if it passes, its own value is at most its claim."""
    path = tmp_path / "attack.json"
    path.write_text(json.dumps(certificate))
    assert sb.verify(path).holds
    rng = np.random.default_rng(0)
    places = numbers(certificate)
    refused = 0
    for k in rng.permutation(len(places))[:40]:
        path.write_text(json.dumps(changed(certificate, places[k], lambda v: v * 1.1 + 0.01)))
        try:
            answer = sb.verify(path)
            assert answer.holds and answer.value <= answer.claimed
        except sb.CertificateError:
            refused += 1
    assert refused >= 10


@pytest.mark.parametrize(
    ("path", "change", "text"),
    [
        (("claim", "value"), lambda v: v - 1e-9, "does not prove"),
        (("proof", "weights", 0), lambda v: -v, "negative"),
        (("proof", "adjusted"), lambda v: [], "misses"),  # the weights of the file are moved as well, see the test
        (("proof", "adjusted"), lambda v: v[:-1], "different"),
        (("proof", "adjusted"), lambda v: [v[0]] * len(v), "different"),
        (("question", "observed", 0, "value"), lambda v: -v, "positive|misses"),
        (("question", "side"), lambda v: "lower", "upper"),
        (("question", "figure", "x"), lambda v: 1, "does not prove"),
        (("question", "model"), lambda v: {"kind": "local"}, "quantum"),
        (("proof", "strategies"), lambda v: [], "1 to"),
        (("proof", "strategies", 0, "state"), lambda v: {"real": [[0.0]] * 4, "imaginary": None}, "zero|has"),
        (("proof", "strategies", 0, "dimensions"), lambda v: [2, 10**6], "integer"),
        (("proof", "groups"), lambda v: [0], "null"),
    ],
)
def test_what_the_checker_refuses(
    certificate: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any], Any], text: str
) -> None:
    data = changed(certificate, path, change)
    if text == "misses":
        data["proof"]["weights"][0] += 1e-6
    with pytest.raises(sb.CertificateError, match=text):
        sb.verify(data)


def test_an_attack_is_no_lower_bound() -> None:
    b = noisy_point(np.random.default_rng(8))[1]
    attack = sb.conditional_entropy_upper_bound(sb.Observations.correlators(b))
    with pytest.raises(sb.InvalidInput, match="is not the"):
        sb.key_rate(b, x=0, y=0, entropy=KnownEntropy(attack, 0))


# -- the search -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "d", "widths"),
    [("entropy", 3, ()), ("information", 3, ()), ("power", 3, ()), ("entropy", 2, (3, 4)), ("entropy", 2, (2, 3))],
)
def test_gradients(kind: Any, d: int, widths: tuple[int, ...]) -> None:
    """Of measurements by bases, and by parts of larger bases, which are no projections."""
    rng = np.random.default_rng(1)
    b = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.95).detection_efficiency(0.9, 0.9, binning=False)
    data = sb.Observations.full(b)
    landscape = landscape_of(EntropyQuestion(data, 1, 0), d)
    landscape = replace(landscape, figure_kind=kind, bob_outcomes=3, rank=2, exponent=0.3, widths=widths)
    points = landscape.random(2, rng)
    multipliers = rng.normal(size=len(data))
    value, gradient = landscape.evaluate(points, multipliers)
    figures, tested = landscape.measured(points)
    assert np.allclose(value, figures - tested @ multipliers)
    for i in rng.permutation(landscape.parameters)[:12]:
        step = np.zeros(landscape.parameters)
        step[i] = 1e-6
        high, low = (
            landscape.evaluate(Points(points.parameters + sign * step, points.labels), multipliers)[0]
            for sign in (1, -1)
        )
        assert np.allclose((high - low) / 2e-6, gradient[:, i], atol=1e-6)
    for strategy, values in zip(landscape.strategies(points), tested, strict=True):
        assert np.allclose(strategy.behaviour().moments.reshape(-1)[1:], values)


@pytest.mark.slow
def test_three_outcomes_of_qubits() -> None:
    """Eve needs measurements that are no projections: by those alone she leaves 0.8313; the bound proves 0.7788."""

    def own(angle: float, size: float = 1.0) -> NDArray[np.float64]:
        vector = np.array([math.cos(angle / 2), math.sin(angle / 2)])
        return size * np.outer(vector, vector)

    def pair(angle: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return own(angle), np.eye(2) - own(angle)

    trine = tuple(own(k * 2.0 * math.pi / 3.0, 2.0 / 3.0) for k in range(3))
    state = np.array([math.cos(0.7), 0.0, 0.0, math.sin(0.7)])
    devices = sb.Strategy(state, [[pair(0.0), pair(math.pi / 2)], [pair(0.7), pair(-0.7), trine]])
    data = sb.Observations.full(devices.behaviour(noise=sb.WhiteNoise(0.97)))
    attack = sb.conditional_entropy_upper_bound(data)
    assert attack.exact and 0.7788 < attack.value < 0.7863 and attack.certificate.verify().holds
    assert max(max(s.dimensions) for s in attack.strategies) == 2


def test_rounding_gives_an_effect_no_second_rank() -> None:
    """Blocks of a repetition code are computed of outcomes of rank one."""
    near = np.diag([1.0, 4e-16]), np.diag([0.0, 1.0])
    strategy = sb.Strategy(np.array([1.0, 0.0, 0.0, 1.0]) / math.sqrt(2.0), [[near], [near]])
    data = sb.Observations.full(strategy.behaviour())
    values = data.values[None]
    mixture = Mixture((strategy,), np.ones(1), values, np.ones(1))
    attack = build_attack(data, ConditionalEntropy(0, None, 0.0), mixture, 0.0)
    effects = attack.certificate.data["proof"]["strategies"][0]["measurements"][0][0]
    assert [len(effect["real"]) for effect in effects] == [1, 1]


def test_descent_finds_minima() -> None:
    def function(x: Any, which: Any) -> tuple[Any, Any]:
        """Rosenbrock's function."""
        a, b = x.T
        gradient = np.stack([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)], axis=1)
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2, gradient

    starts = np.array([[-1.2, 1.0], [2.0, -1.0], [0.0, 3.0]])
    x, value = descend(function, starts, 300, 1e-16)
    assert np.allclose(x, 1.0, atol=1e-5) and value.max() < 1e-9


# -- rates ----------------------------------------------------------------------------------------------------------


def test_key_rates_from_both_sides(reference: dict[str, dict[str, Any]]) -> None:
    entry = reference["A7.keyrate_X0_full_pt2"]
    p = entry["params"]
    b = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"]).behaviour(p["v"])
    above = sb.key_rate_upper_bound(b, x=0)
    below = sb.key_rate(b, x=0, entropy=sb.VonNeumann(tolerance=4e-3))
    assert below.value <= above.value
    assert above.value == pytest.approx(entry["value"], abs=5e-5)
    assert above.settings == below.settings and above.side == "upper"
    assert above.error_correction <= below.error_correction
    assert "key rate <=" in repr(above) and "no analysis of these data" in above.security
    assert above.attack is not None and above.entropy is above.attack and below.attack is None
    assert above.attack.certificate.verify().holds
    noisy = sb.key_rate_upper_bound(b, x=0, y=above.settings[1], preprocessing=0.1)
    assert noisy.preprocessing == 0.1
    assert noisy.value == pytest.approx(
        sb.conditional_entropy_upper_bound(sb.Observations.correlators(b), preprocessing=0.1).value
        - sb.error_correction(b, 0, int(above.settings[1] or 0), 0.1),
        abs=1e-12,
    )


def test_randomness_rates_from_both_sides() -> None:
    b = sb.SingletSelfTest(1.0, 1.0, math.pi).behaviour(0.98)
    above = sb.randomness_rate_upper_bound(b, x=0, y=1)
    below = sb.randomness_rate(b, x=0, y=1, entropy=sb.VonNeumann(level="1+AB", nodes=8))
    assert below.value <= above.value < 2.0 and above.kind == "randomness"
    best = sb.randomness_rate_upper_bound(b, x=0)
    assert best.value >= above.value
    local = sb.randomness_rate_upper_bound(b, local=True, x=0)
    assert local.settings == (0, None) and local.value < above.value
    with pytest.raises(sb.InvalidInput, match="leave y out"):
        sb.randomness_rate_upper_bound(b, local=True, y=0)
    with pytest.raises(sb.InvalidParameter, match="convex-combination"):
        sb.key_rate_upper_bound(b, attack="guess")


@pytest.mark.parametrize("v", [pytest.param(0.9, marks=pytest.mark.slow), 0.75])
def test_convex_combination_attack(v: float) -> None:
    """At most what the mixture of arXiv:2007.09247 (local correlations and v = 1) gives, in closed form."""
    r = 1 / math.sqrt(2)
    b = sb.Behaviour.from_correlators(v * np.array([[r, r, 1.0], [r, -r, 0.0]]))
    attack = sb.convex_combination_attack(b, 0, 2, tolerance=1e-2)
    local = (1 - v) / (1 - r)  # weight of correlations of visibility r
    errors = local * (1 - r) / 2  # in which Alice and Bob disagree
    left = 1 - local + errors
    assert attack.exact and attack.value <= left * (1 - h(errors / left)) + 1e-9
    assert (attack.value < 1e-9) == (v == 0.75)
    assert 0 < attack.local_weight < 1
    answer = attack.certificate.verify()
    assert answer.figure == "conditional_mutual_information" and answer.value == attack.value
    shared = sb.error_correction(b, 0, 2)
    assert attack.value <= 1 - shared + 1e-9  # never more than I(A:B)
    data = changed(attack.certificate.data, ("claim", "value"), lambda value: value - 1e-3)
    with pytest.raises(sb.CertificateError, match="does not prove"):
        sb.verify(data)


@pytest.mark.slow
def test_convex_combination_bounds_the_key_rate_of_data() -> None:
    """I(A:B|E') is above the Devetak-Winter rate that an optimal attack leaves."""
    b = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
    protocol = sb.key_rate_upper_bound(b, x=0, y=0, attack="convex-combination")
    data = sb.key_rate_upper_bound(b, "full", x=0, y=0)
    assert data.value <= protocol.value
    assert "every protocol" in protocol.security and protocol.error_correction == 0.0
    assert "untested" not in " ".join(data.assumptions)


def test_a_rate_is_exact_only_if_every_pair_of_settings_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest bound of all pairs rests on the attacks of all of them."""
    import sdpbound.rates.upper as module

    real = module.conditional_entropy_upper_bound

    def inexact_for_one(data: sb.Observations, x: int, *rest: Any, **options: Any) -> sb.EntropyAttack:
        attack = real(data, x, *rest, **options)
        return attack if x == 0 else replace(attack, exact=False, error=1e-9, value=attack.value - 0.5)

    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
    assert sb.key_rate_upper_bound(behaviour).exact
    monkeypatch.setattr(module, "conditional_entropy_upper_bound", inexact_for_one)
    rate = sb.key_rate_upper_bound(behaviour)
    assert rate.settings[0] == 0 and not rate.exact and any("APPROXIMATE" in text for text in rate.assumptions)


def test_a_failed_start_is_no_failed_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mixture of qubits is only where the search begins."""

    def failed(*_: Any, **__: Any) -> None:
        raise sb.SolverFailure("the linear program has no answer.")

    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    known = sb.conditional_entropy_upper_bound(data).value
    monkeypatch.setattr("sdpbound.attacks.qubit_attack.search", failed)
    attack = sb.conditional_entropy_upper_bound(data)
    assert attack.exact and attack.value == pytest.approx(known, abs=1e-4)


@pytest.mark.slow
def test_an_attack_at_visibility_one_whose_programs_have_no_exact_answer() -> None:
    """HiGHS ends all programs that ask for every digit without a result here."""
    table = [[0.706515898284562, 0.7060641335873925], [0.7076952521979653, -0.7081498109447363]]
    data = sb.Observations.correlators(np.array(table))
    attack = sb.conditional_entropy_upper_bound(data, 1, None, 0.01)
    assert attack.exact and attack.value <= 1.0 and attack.certificate.verify().holds
    assert attack.value - 1e-6 <= sb.conditional_entropy(data, 1, None, preprocessing=0.01).value <= attack.value


@pytest.mark.parametrize("a", [1.45e-6, 1e-5, 1e-3])
def test_next_to_a_corner_of_the_local_set(a: float) -> None:
    """One strategy has these data. Mixtures that miss them by 1e-9 to 1e-7 leave 6e-4, 0.004 and 0.5 bits."""
    data = sb.Observations.correlators(np.array([[1.0, math.cos(a)], [0.0, -math.sin(a)]]))
    attack = sb.conditional_entropy_upper_bound(data)
    assert attack.exact and attack.certificate.verify().holds
    assert 1.0 - 1e-9 < attack.value <= 1.0
    flipped = sb.conditional_entropy_upper_bound(data, 0, None, 0.1)
    assert flipped.exact and 1.0 - 1e-9 < flipped.value <= 1.0


@pytest.mark.parametrize("s", [2.0001, 2.004, 2.02])
def test_on_the_curve_next_to_the_local_boundary(s: float) -> None:
    ideal = sb.SingletSelfTest(0.5, math.pi / 2 - 0.2 * (s - 2.0), math.pi - 0.5).behaviour()
    data = sb.Observations.correlators(ideal)
    attack, bound = sb.conditional_entropy_upper_bound(data), sb.conditional_entropy(data)
    assert attack.exact and bound.value <= attack.value <= min(1.0, bound.value + bound.gap + 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["Nehalem", "Haswell", "SkylakeX"])
def test_the_boundary_is_met_with_every_kernel(kernel: str) -> None:
    """Sums in another order end Newton's steps elsewhere; a kernel that a machine lacks is replaced by its own."""
    code = """
import numpy as np, sdpbound as sb
table = np.array([[0.706515898284562, 0.7060641335873925], [0.7076952521979653, -0.7081498109447363]])
maximum = sb.Observations.bell_value(sb.chsh(), 8**0.5)
for data, x, flips in ((sb.Observations.correlators(table), 1, 0.01), (maximum, 0, 0.0)):
    attack = sb.conditional_entropy_upper_bound(data, x, None, flips)
    assert attack.exact and attack.value <= 1.0, attack
"""
    environment = os.environ | {"OPENBLAS_CORETYPE": kernel}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_given_strategy_that_has_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the attack where the search ends with a mixture that misses them."""
    member = sb.family_named("chained").member(settings=3)
    data = sb.Observations.full(sb.Behaviour(member.behaviour().p))

    def missed(question: Any, options: Any) -> Mixture:
        local = deterministic_strategies(question.scenario)[:1]
        moments = local[0].behaviour().moments
        tested = np.tensordot(data.coefficients, moments, axes=2)[None]
        return Mixture(tuple(local), np.ones(1), tested, np.zeros(1), None)

    monkeypatch.setattr("sdpbound.attacks.entropy_attack.best_attack", missed)
    assert not sb.conditional_entropy_upper_bound(data).exact
    attack = sb.conditional_entropy_upper_bound(data, strategies=[member.strategy])
    assert attack.exact and attack.value == pytest.approx(1.0, abs=1e-9) and attack.certificate.verify().holds


def test_weights_of_few_strategies_are_moved_to_the_data() -> None:
    """Two strategies cannot be adjusted to eight values exactly; weights that are 1e-11 off still have them."""
    scenario = sb.Scenario.bipartite(2, 2)
    both = [deterministic_strategies(scenario)[k] for k in (0, 5)]
    moments = [s.behaviour().moments for s in both]
    data = sb.Observations.full(sb.Behaviour(0.3 * both[0].behaviour().p + 0.7 * both[1].behaviour().p))
    tested = np.array([np.tensordot(data.coefficients, m, axes=2) for m in moments])
    off = Mixture(tuple(both), np.array([0.3 + 1e-11, 0.7 - 1e-11]), tested, np.zeros(2), None)
    figure = EntropyQuestion(data, 0, None).figure
    attack = build_attack(data, figure, off, 0.0)
    assert attack.exact and not attack.resolved and attack.certificate.verify().holds


@pytest.mark.parametrize("change", [{"strategies": 30}, {"symmetry": "yes"}, {"dimension": 99}])
def test_options_that_cannot_be_read(change: dict[str, Any]) -> None:
    with pytest.raises(sb.InvalidInput, match=f"{next(iter(change))} = .* must be"):
        AttackOptions(**change)


@pytest.mark.slow
def test_svetlichny_attack_of_three_parties_is_found_from_any_seed() -> None:
    """S = 4 (cos a <XX> + sin a <ZZ>) for Alice against an anticommuting pair of the others: one qubit each will do.

    Minimising H(A0|E) - mu S/2 over two-qubit states and a, by BFGS apart from the package, has 0.73320 at mu = 1.6,
    where programs prove 0.73319.
    """
    data = sb.Observations.bell_value(sb.svetlichny(3), 5.4)
    for seed in (0, 1):
        attack = sb.conditional_entropy_upper_bound(data, settings=(0, None, None), seed=seed, tolerance=1e-3)
        assert attack.exact and 0.7331 < attack.value < 0.7336
