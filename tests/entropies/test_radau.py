from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.entropies.quadrature import gauss_radau
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.assemble import assemble_radau
from tests.entropies.test_qubits_random import random_question
from tests.support import plogp, root_of, true_entropy
from tests.tampering import OF_ENTROPIES, assert_no_number_proves_more, assert_refused

conditional_entropy = functools.partial(sb.conditional_entropy, closed_forms=False)


def by(level: str | None = "1+AB", nodes: int | None = 4, tolerance: float = 1e-3) -> sb.VonNeumann:
    return sb.VonNeumann("gauss-radau", level, nodes, tolerance)


def chsh_data(s: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.chsh(), s)


# -- the rule -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 5, 8, 17, 64])
def test_the_rule(count: int) -> None:
    """Exact for polynomials of degree 2m - 2, and below the logarithm."""
    rule = gauss_radau(count)
    t, w = rule.nodes, rule.weights * rule.nodes * math.log(2)
    assert t[-1] == 1.0 and w[-1] == pytest.approx(1 / count**2, rel=1e-15)
    for degree in {0, 1, 2, count, 2 * count - 2}:
        assert w @ t**degree == pytest.approx(1 / (degree + 1), abs=1e-14)
    assert abs(w @ t ** (2 * count - 1) - 1 / (2 * count)) > 1e-15 or count > 10
    assert rule.constant == pytest.approx(rule.weights.sum(), rel=1e-14)
    for x in (1e-3, 0.1, 0.9, 1.1, 5.0, 1e4):
        assert w @ ((x - 1) / (t * (x - 1) + 1)) <= math.log(x) + 1e-12


def test_checker_has_the_same_rule() -> None:
    from sdpbound.checker.radau import gauss_radau_nodes

    for count in (2, 6, 33):
        rule = gauss_radau(count)
        nodes, constant = gauss_radau_nodes(count)
        assert [float(node.linear) for node in nodes] == pytest.approx(list(rule.weights), rel=1e-15)
        assert float(constant) == rule.constant
        for node, t, k in zip(nodes, rule.nodes, rule.weights, strict=True):
            assert node.off <= 2e-16 * node.linear
            assert float(node.other) == pytest.approx(k * t, rel=1e-15)
            assert float(node.square) == pytest.approx(k * (1 - t), rel=1e-13)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_the_formula_on_random_states(seed: int) -> None:
    """Eve's best Z by linear algebra: the sum is below the entropy."""
    rng = np.random.default_rng(seed)
    g = rng.normal(size=(4, int(rng.integers(1, 5)))) + 1j * rng.normal(size=(4, 1))
    rho = g @ g.conj().T
    rho /= np.trace(rho).real
    q = float(rng.choice([0.0, rng.uniform(0, 0.5)]))
    key = [np.diag([1.0, 1, 0, 0]), np.diag([0.0, 0, 1, 1])]
    root = root_of(rho)
    parts = [root @ m @ root for m in key]
    parts = [(1 - q) * parts[0] + q * parts[1], (1 - q) * parts[1] + q * parts[0]]
    w, v = np.linalg.eigh(rho)
    keep = w > 1e-12
    parts = [v[:, keep].conj().T @ p @ v[:, keep] for p in parts]
    total = parts[0] + parts[1]
    entropy = sum(plogp(p) for p in parts) - plogp(total)

    def least(t: float) -> float:
        out = 0.0
        d = len(total)
        for p in parts:  # stationary: p + (1 - t) Z p + t total Z = 0
            system = (1 - t) * np.kron(np.eye(d), p.T) + t * np.kron(total, np.eye(d))
            z = np.linalg.lstsq(system, -p.reshape(-1), rcond=None)[0].reshape(d, d)
            out += float(np.trace(p @ (z + z.conj().T + (1 - t) * z.conj().T @ z) + t * total @ z @ z.conj().T).real)
        return out

    last = 0.0
    for count in (3, 8, 24):
        rule = gauss_radau(count)
        bound = rule.constant + sum(k * least(t) for t, k in zip(rule.nodes, rule.weights, strict=True))
        assert bound <= entropy + 1e-9
        last = bound
    assert 1 + least(1.0) >= 2 * q * (1 - q) - 1e-9  # the trivial bound of the last term
    assert last >= entropy - 0.02


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("s", [2.05, 2.2, 2.4, 2.5, 2.7])
def test_chsh(s: float) -> None:
    exact = sb.conditional_entropy(chsh_data(s)).value + 1e-10  # the formula pays for the value's tolerance
    bound = conditional_entropy(chsh_data(s), method=by("1+AB+AA+AAB", 12 if s < 2.6 else 16))
    assert exact - 1e-6 <= bound.value <= exact
    assert math.isnan(bound.quadrature_gap) and len(bound.nodes) in (12, 16) and bound.nodes[-1] == 1.0
    few = conditional_entropy(chsh_data(s), method=by("1+AB+AA+AAB", 4))
    assert few.value <= bound.value + 1e-7
    assert abs(few.correction) < 1e-7


def test_nodes_by_tolerance() -> None:
    for q in (0.0, 0.1):
        exact = sb.conditional_entropy(chsh_data(2.4), preprocessing=q).value + 1e-10
        bound = conditional_entropy(chsh_data(2.4), method=by(None, None), preprocessing=q)
        assert exact - 1e-3 <= bound.value <= exact


@pytest.mark.parametrize(("kind", "point"), [("bell", 0), ("bell", 4), ("full", 4), ("full", 8)])
def test_noisy_points_of_the_family(point: int, kind: str, reference: dict[str, dict[str, Any]]) -> None:
    entry = reference[f"A7.H_A0_{kind}_pt{point}"]
    p = entry["params"]
    t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
    b = t.behaviour(p["v"])
    data = (
        sb.Observations.correlators(b) if kind == "full" else sb.Observations.bell_value(t.expression, t.expression(b))
    )
    bound = conditional_entropy(data, method=by("1+AB+AA+AAB", 8))
    assert entry["value"] - 2e-3 <= bound.value <= entry["value"] + 1e-6


def test_both_outcomes() -> None:
    bound = conditional_entropy(chsh_data(2.7), 0, 0, by("1+AB", 6))
    assert 0.95 <= bound.value <= 1.072957 + 1e-6  # an explicit attack
    assert bound.certificate.verify().holds


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_never_above_an_explicit_strategy(seed: int) -> None:
    """Any state and measurements, two or three outcomes: its own entropy, and the functional elsewhere."""
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario((tuple(int(v) for v in rng.integers(2, 4, 2)), (2, 2)))
    strategy = sb.random_strategy(scenario, 2 if scenario.is_binary else 3, rng)
    vector = sb.random_strategy(scenario, strategy.dimensions[0], rng).state
    mixed = sb.Strategy(0.97 * vector + 0.03 * np.eye(len(vector)) / len(vector), strategy.measurements)
    other = sb.random_strategy(scenario, strategy.dimensions[0], rng)
    y = None if rng.integers(2) else 1
    q = 0.1 if y is None and scenario.outcomes[0][0] == 2 and rng.integers(2) else 0.0
    data = sb.Observations.full(mixed.behaviour())
    bound = conditional_entropy(data, 0, y, by("1+AB", 3), q)
    assert bound.value <= true_entropy(mixed, 0, y, q) + 1e-9
    for candidate in (mixed, other, strategy):
        assert bound.functional(candidate.behaviour()) <= true_entropy(candidate, 0, y, q) + 1e-9
    assert bound.functional.at(data.values) == pytest.approx(bound.value, abs=1e-6)
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_the_key_of_another_setting_and_three_outcomes() -> None:
    t = sb.SingletSelfTest(1.0, 1.4, 2.6)
    full = sb.Observations.full(t.behaviour(0.97))
    here, there = (conditional_entropy(full, x, None, by()).value for x in (0, 1))
    projective = [conditional_entropy(full, x, None, sb.VonNeumann(level="1+AB+AA+AAB")).value for x in (0, 1)]
    assert here <= projective[0] + 1e-3 and there <= projective[1] + 1e-3 and here > 0.5
    _, best = sb.see_saw(sb.cglmp(3), dimension=3, rng=np.random.default_rng(1))
    b = best.behaviour().white_noise(0.98)
    value = conditional_entropy(sb.Observations.full(b), method=by("1+AB", 2)).value
    assert 0.2 < value < math.log2(3)


def test_without_data_and_on_the_boundary() -> None:
    nothing = conditional_entropy(sb.Observations.none(sb.Scenario.bipartite(2, 2)), method=by())
    assert -1e-9 <= nothing.value <= 1e-12 and nothing.certificate.verify().holds
    flipped = conditional_entropy(chsh_data(1.0), method=by(), preprocessing=0.5)
    assert 1 - 1e-4 <= flipped.value <= 1.0
    full = conditional_entropy(chsh_data(8**0.5), method=by("1+AB+AA+AAB", 12))
    assert 0.9 < full.value <= 1.0
    with pytest.raises(sb.Infeasible):
        conditional_entropy(chsh_data(2.9), method=by())


def test_flips_of_outcomes_change_nothing() -> None:
    data = sb.Observations.correlators(sb.SingletSelfTest(0.9, 1.3, 2.5).behaviour(0.97))
    odd = np.zeros((1, 3, 3))
    odd[0, 1, 0] = 1e-30
    joined = sb.Observations(
        data.scenario,
        np.concatenate([data.coefficients, odd]),
        np.concatenate([data.values, [1e-31]]),
        np.concatenate([data.tolerances, [1.0]]),
    )
    for q in (0.0, 0.1):
        values = [conditional_entropy(d, method=by(), preprocessing=q).value for d in (data, joined)]
        assert values[0] == pytest.approx(values[1], abs=1e-6)
    program = assemble_radau(EntropyQuestion(data, 0, None), "1+AB", 4)
    assert len(program.reduced.structure.symmetries) == 2


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_any_dual_proves_a_true_bound(seed: int) -> None:
    """Random matrices in place of the solver's: the bound stays below the entropy, and the checker agrees."""
    rng = np.random.default_rng(seed)
    q = float(rng.choice([0.0, 0.1]))
    question = EntropyQuestion(chsh_data(2.5), 0, None, q)
    program = assemble_radau(question, "1+AB", 3)
    observed = question.observed
    data = program.data(observed.values, observed.tolerances)
    inequality = program.reduced.inequality(data)
    good = sb.Sdpa().solve(inequality).duals if rng.integers(2) else [np.zeros((n, n)) for n in inequality.sizes]
    duals = []
    for x in good:
        g = rng.normal(size=x.shape) * 10 ** rng.uniform(-9, 0)
        duals.append(x + (g @ g.T if rng.integers(2) else (g + g.T) / 2))
    dual = program.reduced.certify(data, duals)
    assert -dual.value <= sb.conditional_entropy(observed, preprocessing=q).value + 1e-10
    from sdpbound.entropies.proof import ProgramProof

    certificate = ProgramProof(question, sb.Quantum("1+AB"), program, dual).certificate(-dual.value)
    assert sb.verify(certificate).holds


# -- certificates -------------------------------------------------------------------------------------------------


def bound_for_checks(**options: Any) -> sb.EntropyBound:
    data = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.4, 2.6).behaviour(0.97))
    return conditional_entropy(data, method=by(nodes=3), **options)


@pytest.mark.parametrize("options", [{}, {"y": 1}, {"preprocessing": 0.05}])
def test_certificates_hold(options: dict[str, Any]) -> None:
    bound = bound_for_checks(**options)
    found = sb.verify(json.loads(bound.certificate.to_json()))
    assert found.holds and found.side == "lower" and found.figure == "conditional_entropy"
    assert bound.value <= found.value <= bound.value + 1e-9
    assert found.functional is not None
    assert found.functional[1] == tuple(bound.functional.multipliers)
    assert found.functional[0] >= bound.functional.constant


def _scaled(proof: dict[str, Any], rows: slice, factor: float) -> None:
    for block in proof["blocks"]:
        block[rows] = [[factor * v for v in row] for row in block[rows]]


TAMPER: dict[str, Callable[[dict[str, Any]], Any]] = {
    **OF_ENTROPIES,
    "more nodes": lambda c: c["proof"].update(gauss_radau=4),
    "one node": lambda c: c["proof"].update(gauss_radau=1),
    "block missing": lambda c: c["proof"]["blocks"].pop(),
    "blocks exchanged": lambda c: c["proof"]["blocks"].reverse(),
    "no words": lambda c: _scaled(c["proof"], slice(0, 9), 0.9),
    "nothing left": lambda c: _scaled(c["proof"], slice(9, None), 1.001),
    "entry": lambda c: c["proof"]["blocks"][0][12].__setitem__(2, c["proof"]["blocks"][0][12][2] + 1e-3),
    "left word": lambda c: c["proof"]["left"].__setitem__(1, [[], []]),
    "right word": lambda c: c["proof"]["right"].__setitem__(1, [[2], []]),
    "letter": lambda c: c["proof"]["right"].__setitem__(1, [[7], []]),
    "infinite": lambda c: c["proof"]["blocks"][0][3].__setitem__(0, math.inf),
    "another entry": lambda c: c["proof"].update(nodes=[0.5]),
}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=6)
def test_any_number_changed_proves_no_more(seed: int) -> None:
    """A proof with a number changed is refused, or what it proves stays true."""
    rng = np.random.default_rng(seed)
    bound = bound_for_checks(preprocessing=float(rng.choice([0.0, 0.05])))
    assert_no_number_proves_more(bound.certificate.data, rng)


@pytest.mark.parametrize("name", TAMPER)
def test_tampered_certificates_are_refused(name: str) -> None:
    bound = bound_for_checks(preprocessing=0.05) if name == "flips" else bound_for_checks()
    assert_refused(bound.certificate.data, TAMPER[name])


# -- bad input ----------------------------------------------------------------------------------------------------


def test_errors() -> None:
    for nodes in (1, 0, 65, True, [0.1, 0.5], 2.5):
        with pytest.raises(sb.InvalidInput, match="nodes"):
            sb.VonNeumann("gauss-radau", nodes=nodes)  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidParameter, match="method"):
        sb.VonNeumann("radau")
    with pytest.raises(sb.InvalidLevel, match="reach"):
        conditional_entropy(chsh_data(2.5), method=sb.VonNeumann("gauss-radau", ["1", "A0"]))
    with pytest.raises(sb.InvalidLevel, match="letters that are no words"):
        conditional_entropy(
            chsh_data(2.5), method=sb.VonNeumann("gauss-radau", ["1", "A0", "A0 B0", "A1 B0", "A0 B1", "A1 B1"])
        )
    with pytest.raises(sb.InvalidSolver):
        conditional_entropy(chsh_data(2.5), method=by(), solver="none such")


@pytest.mark.parametrize("solver", ["sdpa", "clarabel"])
def test_solvers(solver: str) -> None:
    if solver == "sdpa":
        pytest.importorskip("sdpap")
    bound = conditional_entropy(chsh_data(2.5), method=by(nodes=3), solver=solver)
    assert 0.42 < bound.value < 0.4565 and bound.solver == solver


@pytest.mark.slow
@pytest.mark.parametrize("seed", [17, 19])
def test_more_nodes_prove_no_less(seed: int) -> None:
    """With flips near 1/2 (17) solvers stall at many nodes; fewer are tried then."""
    question = random_question(seed)
    asked = {"x": question.x, "y": question.y, "preprocessing": question.preprocessing}
    values = [conditional_entropy(question.observed, method=by(None, nodes), **asked).value for nodes in (7, 12, 24)]
    assert all(more >= fewer - 1e-7 for fewer, more in itertools.pairwise(values))
    assert seed != 17 or values[-1] > 0.9999996  # the flips alone leave 0.9999964
