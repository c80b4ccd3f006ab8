"""Data at the edge of the set, contradictory data, and arguments of the wrong kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.known import KnownEntropy

LOCAL_POINT = sb.Behaviour.from_correlators(np.ones((2, 2)))


def deterministic_at_the_local_bound(t: sb.SingletSelfTest) -> sb.Behaviour:
    scenario = t.expression.scenario
    points = [np.multiply.outer(a, b) for a in scenario.deterministic(0) for b in scenario.deterministic(1)]
    best = max(points, key=lambda m: float((m * t.expression.coefficients).sum()))
    return sb.Behaviour.from_moments(scenario, best)


@pytest.mark.parametrize(
    "t",
    [
        sb.SingletSelfTest(1e-4, math.pi / 2 - 5e-5, math.pi - 0.3),
        sb.SingletSelfTest(1e-4, math.pi / 2 - 5e-5, math.pi),
    ],
)
def test_no_closed_form_where_a_local_behaviour_fits_the_data(t: sb.SingletSelfTest) -> None:
    """Quantum minus local is below what floats resolve: then nothing is self-tested."""
    d = deterministic_at_the_local_bound(t)
    rate = sb.key_rate(d, sb.Observations.bell_value(t.expression, t.expression(d)), x=0, y=0)
    assert not rate.is_closed_form and rate.value <= 1e-6


def test_no_closed_form_for_tiny_expressions_or_near_local_correlators() -> None:
    tiny = 1e-13 * sb.chsh()
    assert sb.find_self_test(sb.Observations.bell_value(tiny, tiny(LOCAL_POINT))) is None
    a = 1.5e-6
    c = np.array([[1, math.cos(a)], [math.cos(a), math.cos(2 * a)]])
    assert sb.find_self_test(sb.Observations.correlators(c)) is None


@pytest.mark.parametrize("value", [2.828427125, 2.8284271248, 2.82842712475, 8**0.5, 8**0.5 - 1e-10])
@pytest.mark.parametrize("level", ["1+AB", "2"])
def test_rounded_tsirelson_bound(value: float, level: str) -> None:
    """2 sqrt(2) typed to nine digits is outside the set by 2.5e-10: neither infeasible nor a guess below 1/2."""
    data = sb.Observations.bell_value(sb.chsh(), value)
    guess = sb.guessing_probability(data, sb.Quantum(level))
    assert 0.5 <= guess.value <= 0.5 + 1e-3
    assert guess.certificate.verify().holds
    entropy = sb.min_entropy(data, sb.Quantum(level))
    assert 0.99 <= entropy.value <= 1.0


def test_small_expressions_are_compared_in_their_own_units() -> None:
    with pytest.raises(sb.Infeasible):
        sb.guessing_probability(sb.Observations.bell_value(1e-9 * sb.chsh(), 4.2e-9, 1e-20), sb.Quantum("2"))


C = sb.chsh()
ONE = sb.BellExpression.from_correlators([[1, 0], [0, 0]])
TWO = sb.BellExpression.from_correlators([[0, 1], [0, 0]])


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling(), sb.Local()], ids=repr)
@pytest.mark.parametrize(
    "pairs",
    [
        [(C, 1.5), (C, 1.6)],
        [(C, -2.0), (C, 2.0)],
        [(ONE, 0.5), (TWO, 0.5), (ONE + TWO, 1.5)],
        [(0 * C, 0.5)],
        [(0 * C + 1, 2.0)],
        [(C + 0.5, 2.0), (2 * C, 3.1)],
    ],
)
def test_contradictory_data_are_infeasible(model: sb.Quantum, pairs: list[tuple[sb.BellExpression, float]]) -> None:
    with pytest.raises(sb.Infeasible) as caught:
        sb.maximize(ONE, model, sb.Observations.bell_values(pairs))
    assert caught.value.certificate.verify().holds


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling()], ids=repr)
def test_repeated_data_are_fine(model: sb.Quantum) -> None:
    once = sb.guessing_probability(sb.Observations.bell_value(C, 2.5), model).value
    pairs = [(C, 2.5), (2 * C, 5.0), (C + 0.5, 3.0)]
    assert sb.guessing_probability(sb.Observations.bell_values(pairs), model).value == pytest.approx(once, abs=1e-7)


def test_separation_is_a_distance_whatever_the_solver_scales() -> None:
    with pytest.raises(sb.Infeasible) as caught:
        sb.guessing_probability(sb.Observations.bell_value(C, 2.9), sb.Quantum("1+AB"))
    assert np.abs(caught.value.bound.functional.multipliers).sum() <= 1.0 + 1e-12


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling()], ids=repr)
@pytest.mark.parametrize(("value", "tolerance"), [(2.6, 1e-3), (2.7, 0.1), (2.75, 0.2), (2.9, 0.2)])
def test_wide_tolerances_cost_what_the_worse_end_costs(model: sb.Quantum, value: float, tolerance: float) -> None:
    wide = sb.guessing_probability(sb.Observations.bell_value(C, value, tolerance), model)
    end = sb.guessing_probability(sb.Observations.bell_value(C, value - tolerance), model)
    assert end.value - 1e-7 <= wide.value <= end.value + 1e-5
    assert wide.certificate.verify().holds


def test_known_entropy_must_be_the_one_needed() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    b = t.behaviour(0.97)
    data = sb.Observations.correlators(b)
    guess = sb.guessing_probability(data, sb.Quantum("1+AB"))
    other = sb.min_entropy(sb.Observations.correlators(t.behaviour(0.99)), sb.Quantum("1+AB"))
    everything = sb.min_entropy(data, sb.Quantum("1+AB"), 0, 1)
    for bound, y in ((guess, None), (other, None)):
        with pytest.raises(sb.InvalidInput, match="min-entropy"):
            sb.key_rate(b, x=0, y=0, entropy=KnownEntropy(bound, 0, y))
    with pytest.raises(sb.InvalidInput, match="min-entropy"):
        sb.randomness_rate(b, x=0, y=1, blind=True, entropy=KnownEntropy(everything, 0, 1))
    assert sb.randomness_rate(b, x=0, y=1, entropy=KnownEntropy(everything, 0, 1)).value == everything.value


def test_a_rate_needs_the_data_of_its_devices() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    with pytest.raises(sb.InvalidInput, match="behaviour has"):
        sb.key_rate(t.behaviour(0.9), sb.Observations.bell_value(t.expression, t.strategy_value))


B = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
DATA = sb.Observations.correlators(B)


@pytest.mark.parametrize(
    "call",
    [
        lambda: sb.maximize("chsh", sb.Quantum()),  # type: ignore[arg-type]
        lambda: sb.maximize(C, "quantum"),  # type: ignore[arg-type]
        lambda: sb.maximize(C, sb.Quantum),  # type: ignore[arg-type]
        lambda: sb.maximize(C, sb.Quantum(), "correlators"),  # type: ignore[arg-type]
        lambda: sb.maximize(C, sb.NoSignaling(), tolerance=float("nan")),
        lambda: sb.maximize(C, sb.Quantum("1"), tolerance=-1.0),
        lambda: sb.maximize(C, sb.Quantum("1"), tolerance="a"),  # type: ignore[arg-type]
        lambda: sb.Clarabel(time_limit=0.0),
        lambda: sb.maximize(C, sb.Local(), solver="bogus"),
        lambda: sb.maximize(C, sb.Local(), solver=3),  # type: ignore[arg-type]
        lambda: sb.maximize(C, sb.Local(), tolerance=float("nan")),
        lambda: sb.guessing_probability(B, sb.Quantum()),  # type: ignore[arg-type]
        lambda: sb.guessing_probability(None, sb.Quantum()),  # type: ignore[arg-type]
        lambda: sb.blind_guessing_probability(DATA, None),  # type: ignore[arg-type]
        lambda: sb.key_rate(B, entropy="min"),  # type: ignore[arg-type]
        lambda: sb.key_rate(B, entropy=[]),  # type: ignore[arg-type]
        lambda: sb.key_rate(None),  # type: ignore[arg-type]
        lambda: sb.key_rate(B, entropy=sb.MinEntropy(sb.Quantum)),  # type: ignore[arg-type]
        lambda: sb.error_correction(None, 0, 0),  # type: ignore[arg-type]
        lambda: sb.find_self_test(None),  # type: ignore[arg-type]
        lambda: sb.Behaviour(B.p, "abc"),  # type: ignore[arg-type]
        lambda: sb.Behaviour.uniform(None),  # type: ignore[arg-type]
        lambda: sb.Behaviour.from_correlators("abc"),
        lambda: sb.BellExpression.from_correlators([["a", 1], [1, 1]]),
        lambda: sb.BellExpression.from_correlators([[1, 1], [1, -1]], constant="x"),  # type: ignore[arg-type]
        lambda: sb.BellExpression.from_correlators([[1e200, 1], [1, -1]]),
        lambda: sb.BellExpression.from_probabilities(None),  # type: ignore[arg-type]
        lambda: sb.Observations.bell_value(C, 2.0, "abc"),  # type: ignore[arg-type]
        lambda: sb.Observations.bell_value(C, 2.0, -1.0),
        lambda: sb.Observations.bell_values(None),  # type: ignore[arg-type]
        lambda: sb.Observations.correlators(B, settings=[1, 2]),  # type: ignore[list-item]
        lambda: sb.Observations.full(None),  # type: ignore[arg-type]
        lambda: sb.Scenario.bipartite(2, 2, 1.5),  # type: ignore[arg-type]
        lambda: sb.Scenario.bipartite("a", 2),  # type: ignore[arg-type]
        lambda: sb.Scenario(((2,),) * 9),
        lambda: C.permute_settings(0, None),  # type: ignore[arg-type]
        lambda: C.permute_settings(7, (0, 1)),
        lambda: C.permute_outcomes(0, 9, (0, 1)),
        lambda: sb.SingletSelfTest("a", 0, 0),  # type: ignore[arg-type]
        lambda: sb.find_self_test(sb.Observations.bell_value(C, 8**0.5)).entropy(7),  # type: ignore[union-attr]
        lambda: sb.find_self_test(sb.Observations.bell_value(C, 8**0.5)).entropy(0, blind=True),  # type: ignore[union-attr]
    ],
)
def test_wrong_arguments_get_one_of_our_errors(call: Any) -> None:
    with pytest.raises(sb.SdpboundError) as caught:
        call()
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


def test_a_broken_solver_package_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed but not importable, as with a missing library: the next solver answers."""
    from sdpbound.conic.solvers.sdpa_ import Sdpa

    def broken(self: Any, program: Any) -> Any:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(Sdpa, "solve", broken)
    bound = sb.maximize(sb.i3322(), sb.Quantum("2"))
    assert bound.solver != "sdpa" and abs(bound.value - 0.2509397) < 1e-6
    with pytest.raises(OSError, match="libgomp"):
        sb.maximize(sb.i3322(), sb.Quantum("2"), solver="sdpa")


@pytest.mark.parametrize("level", ["99999", "2000", 10**6, "1+" + "A" * 3000, "12", "20"])
def test_huge_levels_are_refused_at_once(level: Any) -> None:
    with pytest.raises(sb.InvalidLevel):
        sb.maximize(sb.i3322(), sb.Quantum(level))


def test_required_self_tests() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    assert sb.key_rate(t.behaviour(), require_self_test=True).is_closed_form
    with pytest.raises(sb.NotSelfTesting):
        sb.key_rate(t.behaviour(0.99), require_self_test=True)
    with pytest.raises(sb.NotSelfTesting):
        sb.randomness_rate(
            t.behaviour(), x=0, y=1, entropy=sb.MinEntropy(model=sb.NoSignaling()), require_self_test=True
        )


def test_printed_numbers_are_rounded_to_their_side() -> None:
    bound = sb.guessing_probability(DATA, sb.Quantum("1+AB"))
    assert float(repr(bound).split("<= ")[1].split(" ")[0]) >= bound.value
    rate = sb.key_rate(B, x=0, y=0)
    assert float(repr(rate).split(">= ")[1].split(" ")[0]) <= rate.value
