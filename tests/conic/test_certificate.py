"""Any dual whatever gives a valid bound; a bad one only a loose bound."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.adversaries import Local, NoSignaling, Quantum
from sdpbound.bounds.assemble import Assembly, assemble
from sdpbound.bounds.bell_value import bell_question
from sdpbound.bounds.certify import certify
from sdpbound.bounds.guessing import guessing_question
from sdpbound.conic.certificate import factor_positive, round_up
from sdpbound.conic.program import SolverResult, Status

SCENARIO = sb.Scenario.bipartite(2, 2)
STRATEGIES = [sb.random_strategy(SCENARIO, 2, np.random.default_rng(i)) for i in range(40)]
BEHAVIOURS = [s.behaviour() for s in STRATEGIES]
seeds = st.integers(0, 2**32 - 1)


def some_dual(assembly: Assembly, rng: np.random.Generator, scale: float, spoil: float | None = None) -> SolverResult:
    """Random symmetric matrices of the reduced blocks, sometimes with NaN or infinity in them."""
    program = assembly.program
    inequality = assembly.reduction.inequality(program)
    duals = []
    for n in inequality.sizes:
        m = rng.normal(size=(n, n)) * scale
        m = m + m.T
        if spoil is not None:
            m[0, 0] = spoil
        duals.append(m)
    weights = rng.normal(size=inequality.linear) * scale
    return SolverResult("random", Status.FAILED, tuple(duals), weights, 0.0, 0.0)


@given(seeds, st.sampled_from([1e-6, 0.1, 1.0, 100.0]), st.sampled_from([None, None, np.nan, np.inf]), st.booleans())
def test_random_duals_bound_every_strategy(seed: int, scale: float, spoil: float | None, symmetry: bool) -> None:
    rng = np.random.default_rng(seed)
    expression = sb.BellExpression(SCENARIO, rng.normal(size=SCENARIO.shape))
    question = bell_question(expression, None, "upper")
    for model in (Quantum("1+AB"), Quantum("2"), NoSignaling()):
        assembly = assemble(question, model, symmetry)
        dual = certify(question, assembly, some_dual(assembly, rng, scale, spoil))
        assert dual.value >= max(expression(b) for b in BEHAVIOURS)


@given(seeds, st.sampled_from([1e-3, 1.0]))
def test_random_duals_bound_every_guess(seed: int, scale: float) -> None:
    """The functional of a random dual is above 'Eve always says 0' for every behaviour, not only the tested one."""
    rng = np.random.default_rng(seed)
    tested = sb.Observations.correlators(BEHAVIOURS[seed % len(BEHAVIOURS)])
    question = guessing_question(tested, 0, None)
    for model in (Quantum("1+AB"), NoSignaling(), Local()):
        assembly = assemble(question, model)
        dual = certify(question, assembly, some_dual(assembly, rng, scale))
        multipliers = np.array([float(m) for m in dual.multipliers])
        pool = BEHAVIOURS if not isinstance(model, Local) else [sb.Behaviour.uniform(SCENARIO)]
        for b in pool:
            data = np.tensordot(tested.coefficients, b.moments, axes=2)
            guess = (1 + abs(b.marginals_a[0])) / 2
            assert guess <= dual.constant + multipliers @ data + 1e-12


@given(seeds, st.floats(1e-12, 1e-2))
def test_a_corrupted_dual_loosens(seed: int, size: float) -> None:
    """Noise on a good dual moves the bound up, continuously, never below the truth."""
    rng = np.random.default_rng(seed)
    question = bell_question(sb.chsh(), None, "upper")
    assembly = assemble(question, Quantum("1+AB"))
    program = assembly.program
    inequality = assembly.reduction.inequality(program)
    good = sb.Clarabel(tolerance=1e-9).solve(inequality)
    bad = SolverResult(
        "noisy",
        Status.SOLVED,
        tuple(x + size * (n + n.T) for x in good.duals for n in [rng.normal(size=x.shape)]),
        good.linear_dual,
        good.objective,
        0.0,
    )
    value = certify(question, assembly, bad).value
    assert 8**0.5 <= value <= 8**0.5 + 1e-7 + 200 * size


@given(seeds)
def test_symmetric_and_plain_reductions_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    c = rng.normal(size=(2, 2))
    expression = sb.BellExpression.from_correlators(c + c.T)  # symmetric under exchange, odd under no flip
    question = bell_question(expression, None, "upper")
    from sdpbound.bounds.solving import solve

    plain = solve(question, Quantum("2"), symmetry=False)
    reduced = solve(question, Quantum("2"))
    assert reduced.value == pytest.approx(plain.value, abs=1e-6)


def test_factor_positive_is_a_factor() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 3))
    m = a @ a.T - 1e-9 * np.eye(6)
    lower = factor_positive(m)
    assert np.allclose(lower @ lower.T, m, atol=1e-7) and np.allclose(lower, np.tril(lower))
    assert not factor_positive(np.full((2, 2), np.nan)).any()


@given(st.fractions())
def test_rounding_up_is_up(q: Fraction) -> None:
    assert Fraction(round_up(q)) >= q


CASES = {
    "bell value": lambda m: sb.maximize(sb.chsh(), m),
    "minimum": lambda m: sb.minimize(sb.i3322(), m),
    "bell value given data": lambda m: sb.maximize(sb.chsh(), m, ONE_CORRELATOR),
    "local guess": lambda m: sb.guessing_probability(DATA, m),
    "global guess": lambda m: sb.guessing_probability(DATA, m, 0, 1),
    "blind guess": lambda m: sb.blind_guessing_probability(DATA, m, 0, 1),
    "min-entropy": lambda m: sb.min_entropy(DATA, m, 1, 0),
    "cglmp": lambda m: sb.maximize(sb.cglmp(3), m),
}
ONE_CORRELATOR = sb.Observations.correlators(0.5 * np.eye(2), [(0, 1)])
DATA = sb.Observations.full(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97))
LOCAL_DATA = sb.Observations.full(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.5))


NOT_LOCAL = {"local guess", "global guess", "blind guess", "min-entropy"}  # see test_local_eve_knows_everything


@pytest.mark.parametrize(
    ("name", "model"),
    [
        (name, model)
        for name in CASES
        for model in (Quantum("1+AB"), Quantum("2"), NoSignaling(), Local())
        if not (isinstance(model, Local) and name in NOT_LOCAL)
    ],
)
def test_the_independent_checker_agrees(name: str, model: sb.Quantum) -> None:
    bound = CASES[name](model)
    data = json.loads(bound.certificate.to_json())
    result = sb.verify(data)
    assert result.holds
    drift = (bound.value - result.value) * (1 if bound.side == "upper" else -1)
    assert 0 <= drift <= 1e-10
    # a claim that is better than the proof is refused
    step = -1e-9 if bound.side == "upper" else 1e-9
    data["claim"]["value"] += step
    with pytest.raises(sb.CertificateError):
        sb.verify(data)


def test_tampering_with_the_question_or_the_proof() -> None:
    bound = sb.guessing_probability(DATA, Quantum("1+AB"))
    fresh = lambda: json.loads(bound.certificate.to_json())  # noqa: E731
    tampered = []
    data = fresh()
    data["question"]["observed"][4]["value"] += 1e-3 * (1 if data["proof"]["multipliers"][4] > 0 else -1)
    tampered.append(data)
    data = fresh()
    data["proof"]["copies"][0]["factor"][3][1] += 1e-3
    tampered.append(data)
    data = fresh()
    data["proof"]["multipliers"][4] *= 0.99
    tampered.append(data)
    data = fresh()
    data["question"]["figure"]["x"] = 1
    tampered.append(data)
    data = fresh()
    data["claim"]["functional"]["constant"] -= 1e-3
    tampered.append(data)
    for data in tampered:
        with pytest.raises(sb.CertificateError):
            sb.verify(data)


def test_local_eve_knows_everything() -> None:
    for y in (None, 1):
        bound = sb.guessing_probability(LOCAL_DATA, Local(), 0, y)
        assert bound.value == 1.0
        assert bound.certificate.verify().holds
