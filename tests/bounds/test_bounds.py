from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.conic.program import LinearMatrixInequality, SolverResult
from sdpbound.conic.solvers.solver import Solver

seeds = st.integers(0, 2**32 - 1)
LEVELS = ("1", "1+AB", "2", "3")
TOLERANCE = 1e-7  # solver accuracy where two optima are compared; certified bounds themselves are exact statements


@pytest.mark.parametrize(
    ("expression", "model", "value", "tolerance"),
    [
        (sb.chsh(), sb.Quantum("1"), math.sqrt(8), 1e-8),
        (sb.chsh(), sb.NoSignaling(), 4.0, 0.0),
        (sb.chsh(), sb.Local(), 2.0, 0.0),
        (sb.tilted_chsh(0.5), sb.Quantum("1+AB"), math.sqrt(8 + 2 * 0.25), 1e-6),  # arXiv:1107.2754
        (sb.asymmetric_chsh(1.7), sb.Quantum("1"), 2 * math.sqrt(1 + 1.7**2), 1e-7),
        (sb.chained(4), sb.Quantum("1"), 8 * math.cos(math.pi / 8), 1e-7),
        (sb.chained(4), sb.NoSignaling(), 8.0, 0.0),
        (sb.chained(4), sb.Local(), 6.0, 0.0),
        (sb.i3322(), sb.Quantum("1"), 0.375, 1e-6),
        (sb.i3322(), sb.Quantum("1+AB"), 0.2514708978, 1e-6),  # two solvers; a lone word and its adjoint: 0.268702
        (sb.i3322(), sb.Quantum("2"), 0.2509397217, 1e-6),
        (sb.i3322(), sb.Quantum("3"), 0.2508755621, 1e-6),
        (sb.i3322(), sb.NoSignaling(), 1.0, 0.0),
        (sb.i3322(), sb.Local(), 0.0, 0.0),
        (sb.cglmp(3), sb.Quantum("1+AB"), 1 + math.sqrt(11 / 3), 1e-6),
        (sb.cglmp(3), sb.Local(), 2.0, 0.0),
        (sb.cglmp(3), sb.NoSignaling(), 4.0, 0.0),
        (sb.mermin(), sb.Quantum("2"), 4.0, 1e-5),
        (sb.mermin(), sb.Local(), 2.0, 0.0),
        (sb.chained(14), sb.Local(), 26.0, 0.0),
    ],
    ids=lambda v: getattr(v, "name", None) or repr(v),
)
def test_known_values(expression: sb.BellExpression, model: sb.Quantum, value: float, tolerance: float) -> None:
    bound = sb.maximize(expression, model)
    assert bound.side == "upper"
    assert value - 1e-9 <= bound.value <= value + tolerance
    lower = sb.minimize(-expression, model)
    assert lower.side == "lower"
    assert lower.value == pytest.approx(-value, abs=tolerance + 1e-9)


@given(seeds)
@settings(max_examples=15)
def test_local_quantum_no_signaling_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenario = [sb.Scenario.bipartite(2, 2), sb.Scenario.bipartite(2, 3), sb.Scenario.bipartite(2, 2, 3, 2)][seed % 3]
    e = sb.BellExpression(scenario, rng.normal(size=scenario.shape))
    quantum = [sb.maximize(e, sb.Quantum(level)).value for level in LEVELS[: 4 if scenario.is_binary else 3]]
    local, free = sb.maximize(e, sb.Local()).value, sb.maximize(e, sb.NoSignaling()).value
    assert local == pytest.approx(e.local_bound, abs=1e-9)
    chain = [local, *reversed(quantum)]
    assert all(a <= b + TOLERANCE * (1 + abs(b)) for a, b in itertools.pairwise(chain))
    # level 1 does not imply that joint probabilities are non-negative; from 1+AB on the set is no-signaling
    assert quantum[1] <= free + TOLERANCE * (1 + abs(free))


@given(seeds)
@settings(max_examples=15)
def test_relabelling_invariance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario.bipartite(2, 3)
    e = sb.BellExpression(scenario, rng.normal(size=scenario.shape))
    moved = e.permute_settings(1, rng.permutation(3)).permute_outcomes(0, 1, (1, 0)).permute_parties((1, 0))
    for model in (sb.Quantum("1+AB"), sb.NoSignaling()):
        assert sb.maximize(moved, model).value == pytest.approx(sb.maximize(e, model).value, abs=1e-6)


@given(seeds)
@settings(max_examples=20)
def test_strategies_never_exceed_a_certified_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario(((2, 3), (2, 2)))
    e = sb.BellExpression(scenario, rng.normal(size=scenario.shape))
    bound = sb.maximize(e, sb.Quantum("1+AB"))
    for _ in range(5):
        behaviour = sb.random_strategy(scenario, 3, rng).behaviour()
        assert e(behaviour) <= bound.value + 1e-12
        given_value = sb.maximize(e, sb.Quantum("1+AB"), sb.Observations.full(behaviour))
        assert given_value.value == pytest.approx(e(behaviour), abs=1e-8)


def test_family_quantum_bound_at_random_self_tests() -> None:
    """Certified minus exact below 1e-6 (1000 points: `make test-slow`)."""
    _family(100)


@pytest.mark.slow
def test_family_quantum_bound_at_1000_self_tests() -> None:
    _family(1000)


def _family(count: int) -> None:
    rng = np.random.default_rng(5)
    done = 0
    while done < count:
        t = sb.SingletSelfTest(*rng.uniform(0, 2 * np.pi, 3))
        if t.is_self_test:
            bound = sb.maximize(t.expression, sb.Quantum("1+AB"))
            assert -1e-12 <= bound.value - t.quantum_bound <= 1e-6
            done += 1


def test_functional_is_proven_everywhere() -> None:
    """An optimal Bell expression found at one behaviour bounds Eve at others."""
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    here = sb.guessing_probability(sb.Observations.full(t.behaviour(0.95)), sb.Quantum("2"))
    assert here.functional(t.behaviour(0.95)) == pytest.approx(here.value, abs=1e-8)
    for v in (0.9, 0.93, 0.97, 1.0):
        there = sb.guessing_probability(sb.Observations.full(t.behaviour(v)), sb.Quantum("2"))
        assert here.functional(t.behaviour(v)) >= there.value - 1e-6
    entropy = sb.min_entropy(sb.Observations.full(t.behaviour(0.95)), sb.Quantum("2"))
    assert entropy.side == "lower"
    assert entropy.functional(t.behaviour(0.95)) == pytest.approx(entropy.value, abs=1e-8)
    for v in (0.9, 1.0):
        there = sb.min_entropy(sb.Observations.full(t.behaviour(v)), sb.Quantum("2"))
        assert entropy.functional(t.behaviour(v)) <= there.value + 1e-6


def test_own_word_list_and_solvers_agree() -> None:
    words = ["1", "A0", "A1", "B0", "B1", "A0 B0", "A0 B1", "A1 B0", "A1 B1"]
    e = sb.SingletSelfTest(1.0, 1.5, 2.6).expression
    expected = sb.maximize(e, sb.Quantum("1+AB")).value
    assert sb.maximize(e, sb.Quantum(words)).value == pytest.approx(expected, abs=1e-8)
    for solver in ("clarabel", "sdpa", "scs", "cvxpy:CLARABEL", sb.Clarabel(tolerance=1e-6)):
        bound = sb.maximize(e, sb.Quantum("1+AB"), solver=solver)
        assert -1e-9 <= bound.value - expected <= 1e-4


class Broken(Solver):
    @property
    def name(self) -> str:
        return "broken"

    @classmethod
    def installed(cls) -> bool:
        return True

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        raise sb.SolverFailure("broken: it always fails.")


def test_failing_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sb.SolverFailure, match="broken"):
        sb.maximize(sb.chsh(), sb.Quantum("1"), solver=Broken())
    from sdpbound.conic.solvers import choose

    monkeypatch.setattr(choose, "candidates", lambda program, tolerance: (Broken(), sb.Clarabel()))
    bound = sb.maximize(sb.chsh(), sb.Quantum("1"))
    assert bound.solver == "clarabel"
    with pytest.raises(sb.InvalidSolver, match="sdpa"):
        sb.maximize(sb.chsh(), sb.Quantum("1"), solver="spda")


@pytest.mark.parametrize(
    ("observed", "model", "separation"),
    [
        (sb.Observations.bell_value(sb.chsh(), 2.9), sb.Quantum("1+AB"), 2.9 - math.sqrt(8)),
        (sb.Observations.bell_value(sb.chsh(), 4.2), sb.NoSignaling(), 0.2),
        (sb.Observations.bell_value(sb.chsh(), 2.4), sb.Local(), 0.4),
        (sb.Observations.correlators(np.array([[1, 1], [1, -1]]) * 0.8), sb.Quantum("2"), 0.8 - math.sqrt(0.5)),
    ],
)
def test_infeasible_data_come_with_a_proof(observed: sb.Observations, model: sb.Quantum, separation: float) -> None:
    for question in (
        lambda: sb.guessing_probability(observed, model),
        lambda: sb.maximize(sb.chsh(), model, observed) if len(observed) == 4 else sb.min_entropy(observed, model, 1),
    ):
        with pytest.raises(sb.Infeasible) as caught:
            question()
        assert caught.value.separation == pytest.approx(separation, abs=1e-6)
        assert caught.value.certificate.verify().value == pytest.approx(-separation, abs=1e-6)


def test_boundary_points_are_not_infeasible() -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        t = sb.SingletSelfTest(*rng.uniform(0, 2 * np.pi, 3))
        bound = sb.maximize(sb.chsh(), sb.Quantum("2"), sb.Observations.full(t.behaviour()))
        assert bound.value == pytest.approx(sb.chsh()(t.behaviour()), abs=1e-8)


def test_printing_shows_the_side() -> None:
    text = repr(sb.maximize(sb.chsh(), sb.Quantum("1")))
    assert "<=" in text and "upper bound" in text and "certified" in text
    assert ">=" in repr(sb.minimize(sb.chsh(), sb.Quantum("1")))
    assert float(sb.maximize(sb.chsh(), sb.Local())) == 2.0


@given(seeds)
@settings(max_examples=10)
def test_linear_programs_are_exact_given_data(seed: int) -> None:
    """The rational dual loses nothing against the solver's value, for local and for no-signaling adversaries."""
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario(((2, 3), (2, 2)))
    mixed = sb.Behaviour.uniform(scenario).mix(sb.random_strategy(scenario, 3, rng).behaviour(), 0.6)
    tested = [sb.BellExpression(scenario, rng.normal(size=scenario.shape)) for _ in range(3)]
    data = sb.Observations.bell_values([(e, e(mixed)) for e in tested])
    target = sb.BellExpression(scenario, rng.normal(size=scenario.shape))
    values = []
    for model in (sb.Local(), sb.Quantum("1+AB"), sb.NoSignaling()):
        bound = sb.maximize(target, model, data)
        assert bound.value >= target(mixed) - 1e-12 or model == sb.Local()
        assert abs(bound.correction) <= 1e-7
        assert bound.certificate.verify().holds
        values.append(bound.value)
    assert values[0] <= values[1] + 1e-6 and values[1] <= values[2] + 1e-6
