from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.checker.integral import outcome_weights
from sdpbound.entropies.integral.assemble import assemble_entropy
from sdpbound.entropies.quadrature import Chords
from sdpbound.entropies.question import EntropyQuestion
from tests.support import chsh_entropy, h, plogp, true_entropy
from tests.tampering import OF_ENTROPIES, assert_refused

#: This file is about programs; formulas are in test_closed_entropies.py.
VonNeumann = functools.partial(sb.VonNeumann, "projective")


def conditional_entropy(
    data: sb.Observations, x: int = 0, y: int | None = None, method: Any = None, *rest: Any, **options: Any
) -> sb.EntropyBound:
    """By the projective method, never by a formula."""
    method = VonNeumann() if method is None else method
    return sb.conditional_entropy(data, x, y, method, *rest, closed_forms=False, **options)


def positive(parts: list[np.ndarray], s: float) -> tuple[float, float]:
    """f(s), the sum of the traces of the positive parts of s r - r_b, and a subgradient."""
    total = np.sum(parts, axis=0)
    value = slope = 0.0
    for part in parts:
        w, v = np.linalg.eigh(s * total - part)
        value += w[w > 0].sum()
        slope += np.trace(v[:, w > 0].T @ total @ v[:, w > 0])
    return value, slope


# -- quadrature ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_nodes_bound_the_entropy_of_a_bit_from_below(seed: int) -> None:
    """Random states r_0, r_1 of Eve: the sum over nodes is below the entropy, and as close as the gap says."""
    rng = np.random.default_rng(seed)
    d, q = int(rng.integers(1, 5)), float(rng.choice([0.0, rng.uniform(0, 0.5)]))
    parts = []
    for _ in range(2):
        g = rng.normal(size=(d, int(rng.integers(1, d + 1))))
        parts.append(rng.uniform() * g @ g.T)
    norm = sum(np.trace(p) for p in parts)
    parts = [p / norm for p in parts]
    total = parts[0] + parts[1]
    noisy = [(1 - q) * a + q * b for a, b in (parts, parts[::-1])]
    entropy = plogp(noisy[0]) + plogp(noisy[1]) - plogp(total)

    chords = Chords(2, q)
    nodes = chords.graded(6)
    for count in (12, 40, 120):
        f, p = np.array([positive(parts, t) for t in nodes]).T
        nodes = chords.refined(nodes, f, p, count)
        assert (np.diff(nodes) > 0).all() and nodes[0] > 0 and nodes[-1] == 0.5
    f, p = np.array([positive(parts, t) for t in nodes]).T
    weights, known = chords.weights(nodes)
    assert known == 1.0
    bound = 1.0 - float(weights @ f)
    gap = float(chords.gap(nodes, f, p).sum())
    assert bound <= entropy + 1e-12
    assert entropy <= bound + gap + 1e-12
    assert gap <= 1e-3


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_places_bound_the_entropy_of_many_outcomes_from_below(seed: int) -> None:
    """Random states r_a of Eve, of two outcomes as well: the formula for d outcomes agrees with that for a bit."""
    rng = np.random.default_rng(seed)
    d, outcomes = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    parts = []
    for _ in range(outcomes):
        g = rng.normal(size=(d, int(rng.integers(1, d + 1))))
        parts.append(rng.uniform() * g @ g.T)
    norm = sum(np.trace(p) for p in parts)
    parts = [p / norm for p in parts]
    total = sum(parts)
    entropy = sum(plogp(p) for p in parts) - plogp(total)

    chords = Chords(outcomes)
    nodes = 0.98 * np.arange(1, 41) / 41 if outcomes == 2 else chords.graded(12)
    if outcomes > 2:
        f, p = np.array([positive(parts, s) for s in nodes]).T
        nodes = chords.refined(nodes, f, p, 60)
        assert (np.diff(nodes) > 0).all() and nodes[0] > 0 and nodes[-1] < 1.0
        f, p = np.array([positive(parts, s) for s in nodes]).T
        weights, known = chords.weights(nodes)
        gap = float(chords.gap(nodes, f, p).sum())
    else:
        f, _ = np.array([positive(parts, s) for s in nodes]).T
        exact, known = outcome_weights([Fraction(s) for s in nodes.tolist()], 2)
        weights, gap = np.array([float(w) for w in exact]), 2e-2
    bound = float(known) - float(weights @ f)
    assert bound <= entropy + 1e-12
    assert entropy <= bound + gap + 1e-12
    assert gap <= 2e-2


def test_weights_integrate_a_straight_line() -> None:
    """f = t is its own interpolation: (1-2q) integral over [q, 1/2] of t (1/s + 1/(1-s)) ds with s = q + (1-2q) t."""
    for q in (0.0, 0.1, 0.3):
        low, high = ((s - q * math.log(s) if q else s) - s - (1 - q) * math.log(1 - s) for s in (q, 0.5))
        exact = (high - low) / math.log(2)
        for count in (1, 2, 7):
            nodes = Chords(2, q).graded(count)
            assert float(Chords(2, q).weights(nodes)[0] @ nodes) == pytest.approx(exact, rel=1e-13)
    assert (Chords(2, 0.5).weights(Chords(2).graded(4))[0] == 0).all()


def test_checkers_have_the_same_weights_of_places() -> None:
    """A straight line is its own interpolation, and its entropy is zero; the checker rounds to the same floats."""
    for count in (1, 2, 7):
        for outcomes in (3, 5):
            chords = Chords(outcomes)
            nodes = chords.graded(count)
            weights, known = chords.weights(nodes)
            assert known - (outcomes - 1) * float(weights @ nodes) == pytest.approx(0.0, abs=1e-14)
            found, least = outcome_weights([Fraction(s) for s in nodes.tolist()], outcomes)
            assert [float(w) for w in found] == list(weights)
            assert known <= float(least) <= known + 1e-15 * outcomes


def test_checker_has_the_same_weights() -> None:
    from sdpbound.checker.integral import tent_weights

    nodes = np.sort(np.random.default_rng(2).uniform(0, 0.5, 20))
    nodes[-1] = 0.5
    for q in (0.0, 0.07, 0.4999, 0.5):
        assert [float(w) for w in tent_weights([Fraction(t) for t in nodes.tolist()], Fraction(q))] == list(
            Chords(2, q).weights(nodes)[0]
        )


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [1e-3, pytest.param(2e-5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("s", [*(pytest.param(s, marks=pytest.mark.slow) for s in (2.05, 2.2, 2.4, 2.5, 2.7)), 2.8])
def test_chsh(s: float, tolerance: float) -> None:
    data = sb.Observations.bell_value(sb.chsh(), s)
    for q in (0.0, 0.1):
        exact = chsh_entropy(s, q)
        bound = conditional_entropy(data, method=VonNeumann(tolerance=tolerance), preprocessing=q)
        assert exact - 0.5 * tolerance <= bound.value <= exact
        assert exact <= bound.value + bound.quadrature_gap + 1e-7
        assert bound.quadrature_gap <= 0.6 * tolerance
    assert bound.side == "lower" and abs(bound.correction) < 1e-7


def test_at_the_ends_of_the_chsh_range() -> None:
    full = conditional_entropy(sb.Observations.bell_value(sb.chsh(), 8**0.5))
    assert 1 - 1e-4 <= full.value <= 1.0
    none = conditional_entropy(sb.Observations.bell_value(sb.chsh(), 2.0))
    assert -1e-11 <= none.value <= 1e-12
    nothing = conditional_entropy(sb.Observations.none(sb.Scenario.bipartite(2, 2)))
    assert -1e-11 <= nothing.value <= 1e-12
    assert nothing.certificate.verify().holds


@pytest.mark.parametrize("kind", ["bell", "full"])
@pytest.mark.parametrize("point", [0, 4, 8, *(pytest.param(i, marks=pytest.mark.slow) for i in (2, 6))])
def test_noisy_points_of_the_family(point: int, kind: str, reference: dict[str, dict[str, Any]]) -> None:
    """Against the convex roof over qubit strategies, accurate to 5e-5."""
    entry = reference[f"A7.H_A0_{kind}_pt{point}"]
    p = entry["params"]
    t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
    b = t.behaviour(p["v"])
    data = (
        sb.Observations.correlators(b) if kind == "full" else sb.Observations.bell_value(t.expression, t.expression(b))
    )
    bound = conditional_entropy(data)
    assert entry["value"] - 1e-3 <= bound.value <= entry["value"] + 1e-6
    assert bound.certificate.verify().holds


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bell", "full"])
@pytest.mark.parametrize("point", [0, 2, 4, 6, 8])
def test_noisy_points_closely(point: int, kind: str, reference: dict[str, dict[str, Any]]) -> None:
    entry = reference[f"A7.H_A0_{kind}_pt{point}"]
    p = entry["params"]
    t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
    b = t.behaviour(p["v"])
    data = (
        sb.Observations.correlators(b) if kind == "full" else sb.Observations.bell_value(t.expression, t.expression(b))
    )
    bound = conditional_entropy(data, method=VonNeumann(tolerance=2e-4))
    assert entry["value"] - 2e-4 <= bound.value <= entry["value"] + 1e-6


@pytest.mark.parametrize(
    "method, angles, visibility",
    [
        ("projective", (4.343799, 1.122, 2.489751), 0.950285),
        ("gauss-radau", (4.701192, 2.782125, 1.314952), 0.994345),
    ],
)
def test_the_gap_of_programs_is_no_less_than_what_they_lose(
    method: str, angles: tuple[float, float, float], visibility: float
) -> None:
    """Two sets of words, or nodes, that gain little one after the other do not show that the next one does."""
    t = sb.SingletSelfTest(*angles)
    data = sb.Observations.bell_value(t.expression, t.expression(t.behaviour(visibility)))
    best = sb.conditional_entropy(data, method=sb.VonNeumann("qubit", tolerance=1e-5), closed_forms=False).value
    bound = conditional_entropy(data, method=sb.VonNeumann(method, tolerance=1e-3))
    assert best - 1e-3 <= bound.value <= best + 1e-5
    assert best - bound.value - 1e-6 <= bound.gap <= 1e-3


def test_asymmetric_chsh(reference: dict[str, dict[str, Any]]) -> None:
    """arXiv:2007.16146: with both correlator sums tested, at the CHSH angles."""
    e = reference["A7.H_A0_full_pt4"]["params"]
    assert 0 < e["v"] < 1
    s, alpha = 3.0081463360228073, 1.3
    data = sb.Observations.bell_value(sb.asymmetric_chsh(alpha), s)
    exact = 1 - h((1 + math.sqrt(s * s / 4 - alpha * alpha)) / 2)
    assert exact - 1e-3 <= conditional_entropy(data).value <= exact


@pytest.mark.slow
def test_global_entropy_of_chsh() -> None:
    """Values of explicit qubit attacks found by optimisation."""
    for s, attack in ((2.2, 0.209694), (2.7, 1.072957)):
        bound = conditional_entropy(
            sb.Observations.bell_value(sb.chsh(), s), 0, 0, VonNeumann(level="2+AAB+ABB", nodes=12)
        )
        assert attack - 5e-3 <= bound.value <= attack + 1e-6
    top = conditional_entropy(sb.Observations.bell_value(sb.chsh(), 8**0.5), 0, 0, VonNeumann(level="1+AB", nodes=16))
    assert 1.6009 - 5e-3 <= top.value <= 1 + h((1 + 0.5**0.5) / 2) + 1e-9


# -- against explicit strategies ------------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=6)
def test_never_above_an_explicit_strategy(seed: int) -> None:
    """Any state and measurements: its own entropy, and the functional proven elsewhere evaluated on it."""
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario((tuple(rng.integers(2, 4, 2)), (2, 2)))
    strategy = sb.random_strategy(scenario, 2 if scenario.is_binary else 3, rng, projective=bool(rng.integers(2)))
    vector = sb.random_strategy(scenario, strategy.dimensions[0], rng).state
    mixed = sb.Strategy(0.97 * vector + 0.03 * np.eye(len(vector)) / len(vector), strategy.measurements)
    other = sb.random_strategy(scenario, strategy.dimensions[0], rng)
    y = None if rng.integers(2) else 1
    q = 0.1 if y is None and scenario.outcomes[0][0] == 2 and rng.integers(2) else 0.0
    data = sb.Observations.full(mixed.behaviour())
    bound = conditional_entropy(data, 0, y, VonNeumann(level="1+AB", nodes=6), q)
    assert bound.value <= true_entropy(mixed, 0, y, q) + 1e-9
    for candidate in (mixed, other, strategy):
        assert bound.functional(candidate.behaviour()) <= true_entropy(candidate, 0, y, q) + 1e-9
    assert bound.functional.at(data.values) == pytest.approx(bound.value, abs=1e-6)
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_tight_for_a_tripartite_key_of_three_outcomes() -> None:
    """Three outcomes on a maximally entangled pair of qutrits: Eve knows nothing, all of log2(3) but for noise."""
    _, best = sb.see_saw(sb.cglmp(3), dimension=3, rng=np.random.default_rng(1))
    b = best.behaviour().white_noise(0.98)
    values = [
        conditional_entropy(sb.Observations.full(b), 0, None, VonNeumann(level=level, nodes=8)).value
        for level in ("1", "1+AB")
    ]
    assert values[0] <= values[1] + 1e-7 and 0.9 < values[1] < math.log2(3)


# -- orders -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=2)
def test_orders(seed: int) -> None:
    """More nodes, higher levels, more tested data and flips raise the bound; min-entropy stays below."""
    rng = np.random.default_rng(seed)
    t = sb.SingletSelfTest(*rng.uniform(0, 2 * np.pi, 3))
    b = t.behaviour(rng.uniform(0.9, 0.99))
    bell, full = sb.Observations.bell_value(t.expression, t.expression(b)), sb.Observations.full(b)
    few, many = (
        tuple(Chords(2).graded(6)),
        tuple(np.sort(np.concatenate([Chords(2).graded(6), Chords(2).graded(6)[:-1] * 0.9]))),
    )

    def value(data: sb.Observations, level: str, nodes: tuple[float, ...], q: float = 0.0) -> float:
        return conditional_entropy(data, 0, None, VonNeumann(level=level, nodes=nodes), q).value

    base = value(bell, "1+AB", few)
    assert base <= value(bell, "1+AB", many) + 1e-6
    assert base <= value(bell, "1+AB+AA+AAB", few) + 1e-6
    assert base <= value(full, "1+AB", few) + 1e-6
    assert base <= value(bell, "1+AB", few, 0.2) + 1e-6
    tight = conditional_entropy(full, method=VonNeumann(level="1+AB+AA+AAB", nodes=24))
    assert sb.min_entropy(full, sb.Quantum("1+AB")).value <= tight.value + tight.quadrature_gap + 1e-6


def test_flips_of_outcomes_change_nothing() -> None:
    """The symmetry reduction is exact: the same bound with data that have no symmetry, up to what was added."""
    t = sb.SingletSelfTest(0.9, 1.3, 2.5)
    b = t.behaviour(0.97)
    data = sb.Observations.correlators(b)
    zero = sb.BellExpression(data.scenario, np.array([[0.0, 0, 0], [1e-30, 0, 0], [0, 0, 0]]))
    odd = sb.Observations.bell_values([(zero, 0.0)])
    joined = sb.Observations(
        data.scenario,
        np.concatenate([data.coefficients, odd.coefficients]),
        np.concatenate([data.values, [1e-31]]),
        np.concatenate([data.tolerances, [1.0]]),
    )
    method = VonNeumann(level="1+AB", nodes=8)
    assert conditional_entropy(data, method=method).value == pytest.approx(
        conditional_entropy(joined, method=method).value, abs=2e-4
    )
    program = assemble_entropy(EntropyQuestion(data, 0, None), "1+AB", Chords(2).graded(4))
    assert program.reduced.structure.shape.symmetry is not None


@pytest.mark.slow
def test_a_third_setting_costs_nothing_unless_tested() -> None:
    wide = sb.Scenario.bipartite(2, 3)
    table = np.zeros((1, 3, 4))
    table[0, 1:, 1:3] = [[1, 1], [1, -1]]
    data = sb.Observations(wide, table, np.array([2.5]), np.array(1e-12))
    small = sb.Observations.bell_value(sb.chsh(), 2.5)
    method = VonNeumann(level="1+AB", nodes=10)
    assert conditional_entropy(data, method=method).value == conditional_entropy(small, method=method).value
    assert conditional_entropy(data, method=method).certificate.verify().holds
    both = conditional_entropy(data, 0, 2, method)  # Bob's third outcome is free: Eve may know it
    assert both.value == pytest.approx(conditional_entropy(small, method=method).value, abs=1e-6)


def test_wide_tolerances_are_the_worst_of_the_interval() -> None:
    exact = chsh_entropy(2.4)
    data = sb.Observations.bell_value(sb.chsh(), 2.5, tolerance=0.1)
    assert exact - 1e-3 <= conditional_entropy(data).value <= exact


# -- certificates -------------------------------------------------------------------------------------------------


def bound_for_checks(**options: Any) -> sb.EntropyBound:
    t = sb.SingletSelfTest(1.0, 1.4, 2.6)
    data = sb.Observations.correlators(t.behaviour(0.97))
    return conditional_entropy(data, method=VonNeumann(level="1+AB", nodes=4), **options)


@pytest.mark.parametrize("options", [{}, {"y": 1}, {"preprocessing": 0.05}])
def test_certificates_hold(options: dict[str, Any]) -> None:
    bound = bound_for_checks(**options)
    found = sb.verify(json.loads(bound.certificate.to_json()))
    assert found.holds and found.side == "lower" and found.figure == "conditional_entropy"
    assert bound.value <= found.value <= bound.value + 1e-9
    assert found.functional is not None
    assert found.functional[1] == tuple(bound.functional.multipliers)
    assert found.functional[0] >= bound.functional.constant


def _deeper(proof: dict[str, Any]) -> None:
    for copy_ in proof["copies"]:
        copy_["outer"][0][0] *= 0.99


TAMPER: dict[str, Callable[[dict[str, Any]], Any]] = {
    **OF_ENTROPIES,
    "node moved": lambda c: c["proof"]["nodes"].__setitem__(1, 0.9 * c["proof"]["nodes"][1]),
    "node out of range": lambda c: c["proof"]["nodes"].__setitem__(-1, 0.6),
    "nodes not rising": lambda c: c["proof"]["nodes"].reverse(),
    "node missing": lambda c: c["proof"]["nodes"].pop(0),
    "copy missing": lambda c: c["proof"]["copies"].pop(),
    "copies exchanged": lambda c: c["proof"]["copies"].reverse(),
    "outer": lambda c: _deeper(c["proof"]),
    "inner and outer": lambda c: [k.update(inner=k["outer"], outer=k["inner"]) for k in c["proof"]["copies"]],
    "letter": lambda c: c["proof"]["words"].__setitem__(1, [[7], []]),
    "infinite": lambda c: c["proof"]["copies"][0]["outer"][0].__setitem__(0, math.inf),
}


@pytest.mark.parametrize("name", TAMPER)
def test_tampered_certificates_are_refused(name: str) -> None:
    bound = bound_for_checks(preprocessing=0.05) if name == "flips" else bound_for_checks()
    assert_refused(bound.certificate.data, TAMPER[name])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_any_dual_proves_a_true_bound(seed: int) -> None:
    """Random matrices in place of the solver's: the bound stays below the entropy, and the checker agrees."""
    rng = np.random.default_rng(seed)
    question = EntropyQuestion(sb.Observations.bell_value(sb.chsh(), 2.5), 0, None)
    program = assemble_entropy(question, "1+AB", Chords(2).graded(3))
    observed = question.observed
    data = program.data(observed.values, observed.tolerances)
    sizes = program.reduced.inequality(data).sizes
    duals = []
    for n in sizes:
        g = rng.normal(size=(n, n)) * rng.uniform(0, 0.3)
        duals.append(g @ g.T if rng.integers(2) else (g + g.T) / 2)
    dual = program.reduced.certify(data, duals)
    assert -dual.value <= chsh_entropy(2.5)
    from sdpbound.entropies.proof import ProgramProof

    certificate = ProgramProof(question, sb.Quantum("1+AB"), program, dual).certificate(-dual.value)
    found = sb.verify(certificate, strict=False)
    assert found.value == pytest.approx(-dual.value, rel=1e-9) and found.value >= found.claimed
    assert found.holds == (-dual.value >= 0.0)  # a bound below 0 is true and says nothing


# -- rates and curves ---------------------------------------------------------------------------------------------


def third_setting(error: float, angle: float = np.pi / 4) -> tuple[sb.Behaviour, list[sb.BellExpression]]:
    """Depolarised CHSH devices whose Bob has Alice's key setting as his third."""
    c = (1 - 2 * error) * np.array([[math.cos(angle)] * 2 + [1.0], [math.sin(angle), -math.sin(angle), 0.0]])
    p = np.array([[(1 + (-1) ** (a + b) * c) / 4 for b in range(2)] for a in range(2)])
    scenario = sb.Scenario.bipartite(2, 3)
    first, second = np.zeros((3, 4)), np.zeros((3, 4))
    first[1, 1:3], second[2, 1:3] = 1.0, (1.0, -1.0)
    return sb.Behaviour(p), [sb.BellExpression(scenario, first), sb.BellExpression(scenario, second)]


def key_rate_at(error: float, separately: bool = False, angle: float = np.pi / 4, q: float = 0.0) -> float:
    behaviour, (e, f) = third_setting(error, angle)
    pairs = [(e, e(behaviour)), (f, f(behaviour))] if separately else [(e + f, (e + f)(behaviour))]
    data = sb.Observations.bell_values(pairs)
    entropy = VonNeumann(level="1+AB+AA+AAB" if separately else "1+AB", nodes=64)
    return sb.key_rate(behaviour, data, x=0, y=2, entropy=entropy, preprocessing=q, closed_forms=False).value


@pytest.mark.slow
def test_critical_error_rates() -> None:
    """arXiv:2007.16146: 7.15 % by CHSH, 7.42 % with asymmetric expressions, above 8.3 % with flips."""
    assert key_rate_at(0.0713) > 0 > key_rate_at(0.0717)
    assert key_rate_at(0.0740, True, 0.82) > 0 > key_rate_at(0.0744, True, 0.82)
    assert key_rate_at(0.0739, True) > 0 > key_rate_at(0.0741, True)
    assert key_rate_at(0.083, True, 0.8, 0.4) > 0


def test_rates_take_the_entropy() -> None:
    t = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
    b = t.behaviour(0.99)
    method = VonNeumann(level="1+AB", nodes=12)
    rate = sb.key_rate(b, x=0, y=0, entropy=method)
    assert rate.value > sb.key_rate(b, x=0, y=0, entropy=sb.MinEntropy()).value
    assert sb.key_rate(b, x=0, y=0).value > rate.value  # the qubit method by default
    assert rate.value == pytest.approx(rate.entropy.value - sb.error_correction(b, 0, 0), abs=1e-12)
    assert rate.value > 0.595  # the prototype's, node by node
    flipped = sb.key_rate(b, x=0, y=0, entropy=method, preprocessing=0.1)
    assert flipped.error_correction > rate.error_correction
    both = sb.randomness_rate(b, x=0, y=0, entropy=method)
    assert both.value > sb.randomness_rate(b, local=True, x=0, entropy=method).value
    with pytest.raises(sb.InvalidInput, match="MinEntropy"):
        sb.randomness_rate(b, x=0, y=0, entropy=method, blind=True)
    with pytest.raises(sb.InvalidParameter, match="VonNeumann"):
        sb.key_rate(b, x=0, y=0, entropy=sb.MinEntropy(), preprocessing=0.1)
    from sdpbound.entropies.known import KnownEntropy

    known = KnownEntropy(rate.entropy, 0)
    assert sb.key_rate(b, x=0, y=0, entropy=known).value == rate.value
    with pytest.raises(sb.InvalidInput):
        sb.key_rate(b, x=0, y=0, entropy=known, preprocessing=0.1)


def test_error_correction_after_flips() -> None:
    b = sb.Behaviour.from_correlators([[0.8, 0.8], [0.8, -0.8]])
    assert sb.error_correction(b, 0, 0, 0.1) == pytest.approx(h(0.9 * 0.1 + 0.1 * 0.9), abs=1e-12)
    assert sb.error_correction(b, 0, 0, 0.5) == pytest.approx(1.0, abs=1e-12)


def test_envelope_of_chsh_values() -> None:
    grid = np.linspace(2.0, 2.8, 81)
    curve = sb.entropy_envelope(
        lambda s: sb.Observations.bell_value(sb.chsh(), s), grid, tolerance=2e-3, closed_forms=False
    )
    exact = np.array([chsh_entropy(s) for s in grid])
    assert curve.proven and curve.gap <= 2e-3 and len(curve.bounds) <= 16
    assert (curve.values <= exact).all() and (curve.values >= exact - 3e-3).all()
    between = sb.Observations.bell_value(sb.chsh(), 2.417)
    assert chsh_entropy(2.417) - 4e-3 <= curve.at(between) <= chsh_entropy(2.417)
    with pytest.raises(sb.InvalidShape):
        curve.at(sb.Observations.none(between.scenario))


@pytest.mark.slow
def test_envelope_of_a_curve() -> None:
    grid = np.linspace(0.8, 1.1, 17)
    curve = sb.entropy_envelope(
        lambda theta: sb.Observations.correlators(sb.SingletSelfTest(theta, 1.5, np.pi).behaviour(0.99)),
        grid,
        method=VonNeumann(level="1+AB", nodes=10),
        tolerance=5e-3,
    )
    assert not curve.proven and curve.gap <= 5e-3 and len(curve.bounds) < 17
    for theta, value in list(zip(grid, curve.values, strict=True))[::5]:
        data = sb.Observations.correlators(sb.SingletSelfTest(theta, 1.5, np.pi).behaviour(0.99))
        here = conditional_entropy(data, method=VonNeumann(level="1+AB", nodes=10)).value
        assert value <= here + 2e-3


# -- bad input ----------------------------------------------------------------------------------------------------


def test_errors() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    for q in (-0.1, 0.6, math.nan, True, "0.1"):
        with pytest.raises(sb.InvalidParameter, match="preprocessing"):
            conditional_entropy(data, preprocessing=q)  # type: ignore[arg-type]
    for nodes in (1, 0, 10**6, (0.5,), (0.1, 0.4), (0.3, 0.2, 0.5), (0.0, 0.5), (math.nan, 0.5), True):
        with pytest.raises(sb.InvalidInput, match="nodes"):
            conditional_entropy(data, method=VonNeumann(nodes=nodes))  # type: ignore[arg-type]
    for tolerance in (0.0, -1.0, math.nan, 2.0, "1e-3"):
        with pytest.raises(sb.InvalidParameter, match="tolerance"):
            VonNeumann(tolerance=tolerance)  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidParameter, match="must be auto, projective, gauss-radau, pinching or qubit"):
        sb.VonNeumann("1+AB")
    with pytest.raises(sb.InvalidLevel):
        VonNeumann(level="A+1")
    with pytest.raises(sb.InvalidLevel, match="reach"):
        conditional_entropy(data, method=VonNeumann(level=["1", "A0"]))
    with pytest.raises(sb.InvalidSettings, match="x = 2"):
        conditional_entropy(data, x=2)
    with pytest.raises(sb.InvalidSettings, match="y = 5"):
        conditional_entropy(data, y=5)
    with pytest.raises(sb.InvalidParameter, match="one bit"):
        conditional_entropy(data, y=0, preprocessing=0.1)
    with pytest.raises(sb.InvalidShape, match="two parties or more"):
        conditional_entropy(sb.Observations.none(sb.Scenario(((2, 2),))))
    with pytest.raises(sb.InvalidInput, match="use method='projective'"):
        conditional_entropy(sb.Observations.bell_value(sb.mermin(), 3.0), method="gauss-radau")
    with pytest.raises(sb.InvalidInput, match="VonNeumann"):
        conditional_entropy(data, method=sb.Quantum("2"))  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidSolver):
        conditional_entropy(data, solver="none such")
    with pytest.raises(sb.InvalidInput, match="one outcome"):
        conditional_entropy(sb.Observations.none(sb.Scenario(((1, 2), (2, 2)))))
    with pytest.raises(sb.InvalidParameter, match="rising"):
        sb.entropy_envelope(lambda s: data, [2.0])
    with pytest.raises(sb.InvalidInput, match="same all along"):
        sb.entropy_envelope(lambda a: sb.Observations.bell_value(sb.asymmetric_chsh(a), 2.5), [1.0, 1.1])


def test_data_outside_the_quantum_set() -> None:
    with pytest.raises(sb.Infeasible) as caught:
        conditional_entropy(sb.Observations.bell_value(sb.chsh(), 3.0))
    assert caught.value.separation == pytest.approx(3 - 8**0.5, abs=1e-4)
    assert caught.value.certificate.verify().holds


@pytest.mark.parametrize("solver", ["sdpa", "clarabel", "qics", "scs"])
def test_every_solver_proves(solver: str) -> None:
    if solver not in ("clarabel",):
        pytest.importorskip({"sdpa": "sdpap"}.get(solver, solver))
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    bound = conditional_entropy(data, method=VonNeumann(level="1+AB", nodes=4), solver=solver)
    assert 0.44 < bound.value < chsh_entropy(2.5)
    assert bound.solver == solver


def test_methods_of_one_signature() -> None:
    """Every method in the table bounds the same entropy, with a functional and a certificate that holds."""
    data = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.4, 2.6).behaviour(0.97))
    bounds = [
        conditional_entropy(data, method=sb.VonNeumann(name, tolerance=1e-3))
        for name in ("projective", "gauss-radau", "qubit")
    ]
    values = [b.value for b in bounds]
    assert max(values) - min(values) <= 2e-3
    for bound in bounds:
        assert isinstance(bound, sb.EntropyBound) and bound.certificate.verify().holds
        assert bound.functional.at(data.values) == pytest.approx(bound.value, abs=1e-9)
    for options in ({"level": "1"}, {"nodes": 4}, {"solver": "sdpa"}):
        with pytest.raises(sb.InvalidParameter, match="tolerance only"):
            sb.VonNeumann("qubit", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["projective", "gauss-radau"])
@pytest.mark.parametrize("level", ["1", "1+A"])
def test_a_level_without_the_words_of_the_key(method: str, level: str) -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    with pytest.raises(sb.InvalidLevel, match=r"does not hold A0 B0.*at least '1\+AB'"):
        sb.conditional_entropy(data, 0, 0, sb.VonNeumann(method, level, 4), closed_forms=False)
