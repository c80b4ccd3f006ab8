from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb


@pytest.mark.parametrize("s", [2.0, 2.05, 2.2, 2.4, 2.5, 2.6, 2.7, 2.8])
def test_closed_forms_of_chsh(s: float) -> None:
    data = sb.Observations.bell_value(sb.chsh(), s)
    quantum = sb.guessing_probability(data, sb.Quantum("2")).value
    exact = 0.5 + 0.5 * math.sqrt(2 - s * s / 4)
    assert -1e-12 <= quantum - exact <= 1e-5
    free = sb.guessing_probability(data, sb.NoSignaling())
    assert abs(free.value - (1.5 - s / 4)) <= 1e-11
    if s > 2.0:
        assert free.functional.constant == 1.5 and free.functional.multipliers.tolist() == [-0.25]


@pytest.mark.parametrize("point", [0, 2, 4, 6, 8])
def test_reference_points(point: int, reference: dict[str, dict[str, Any]]) -> None:
    """Noisy points of the family: two relaxations, no-signaling, and the exact value by explicit qubit attacks."""
    keys = {k.split(".")[-1]: v for k, v in reference.items() if k.startswith(f"A3.pt{point}.")}
    if not keys:
        pytest.skip("no such point in the reference file")
    p = keys["CHSH"]["params"]
    t = sb.SingletSelfTest(p["theta"], p["phi"], p["omega"])
    b = t.behaviour(p["v"])
    assert b.chsh == pytest.approx(keys["CHSH"]["value"], abs=1e-12)
    for kind, observed in (
        ("full", sb.Observations.full(b)),
        ("bell", sb.Observations.bell_value(t.expression, p["eta_obs"])),
    ):
        for target, y in (("A0", None), ("AB01", 1)):
            for label, model in (("NPA1AB", "1+AB"), ("NPA2", "2"), ("NS", None)):
                key = keys.get(f"Pg_{target}_{kind}_{label}")
                if key is None:
                    continue
                adversary = sb.Quantum(model) if model else sb.NoSignaling()
                value = sb.guessing_probability(observed, adversary, 0, y).value
                assert value == pytest.approx(key["value"], abs=max(key["tol"], 2e-6)), (kind, target, label)
                exact = keys.get(f"Pg_{target}_{kind}_exact")
                if exact is not None and model:
                    assert value >= exact["value"] - exact["tol"]


@pytest.mark.parametrize("s", ["S0", "S1", "S3", "S4", "S5", "S6"])
def test_global_guessing_at_a_chsh_value(s: str, reference: dict[str, dict[str, Any]]) -> None:
    entry = reference[f"A4.chsh.PgAB00_{s}"]
    data = sb.Observations.bell_value(sb.chsh(), entry["params"]["S"])
    value = sb.guessing_probability(data, sb.Quantum("2"), 0, 0).value
    assert entry["value"] - 2e-6 <= value <= entry["value"] + 2e-4  # level 2 is not tight at S = 2.05


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=12)
def test_adversaries_and_data_in_order(seed: int) -> None:
    """More tested data and smaller sets help; Eve who is told more guesses better."""
    rng = np.random.default_rng(seed)
    t = sb.SingletSelfTest(*rng.uniform(0, 2 * np.pi, 3))
    b = t.behaviour(rng.uniform(0.9, 0.99))
    full, bell = sb.Observations.full(b), sb.Observations.bell_value(t.expression, t.expression(b))
    p = {
        (kind, name, y): sb.guessing_probability(data, model, 0, y).value
        for kind, data in (("full", full), ("bell", bell))
        for name, model in (("q2", sb.Quantum("2")), ("q1", sb.Quantum("1+AB")), ("ns", sb.NoSignaling()))
        for y in (None, 1)
    }
    for (kind, name, y), value in p.items():
        assert value <= 1.0
        if kind == "full":
            assert value <= p["bell", name, y] + 1e-6
        if name == "q2":
            assert value <= p[kind, "q1", y] + 1e-6
        if name != "ns":
            assert value <= p[kind, "ns", y] + 1e-6
        if y is not None:
            assert value <= p[kind, name, None] + 1e-6
    blind = sb.blind_guessing_probability(full, sb.Quantum("2"), 0, 1).value
    assert p["full", "q2", None] - 1e-6 <= blind <= 1.0


def test_blind_guessing_at_global_randomness() -> None:
    """Two bits of global randomness leave one bit of blind randomness; perfect key leaves none."""
    t = sb.SingletSelfTest(np.pi / 3, np.pi / 3, np.pi)
    data = sb.Observations.full(t.behaviour())
    assert sb.blind_guessing_probability(data, sb.Quantum("2"), 0, 1).value == pytest.approx(0.5, abs=5e-3)
    key = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
    blind = sb.blind_guessing_probability(sb.Observations.full(key.behaviour()), sb.Quantum("2"), 0, 0).value
    # Bob's outcome is Alice's up to the error rate (1 - sin phi)/2, and his device knows no more
    assert blind >= (1 + math.sin(np.pi / 2 - 0.02)) / 2 - 1e-9


def test_blind_guessing_bounds_an_explicit_attack() -> None:
    """Bob says the more likely outcome given his own; the certified bound is above, for every adversary."""
    rng = np.random.default_rng(11)
    for _ in range(6):
        b = sb.random_strategy(sb.Scenario.bipartite(2, 2), 2, rng).behaviour()
        attack = b.joint(0, 1).max(axis=0).sum()
        for model in (sb.Quantum("1+AB"), sb.NoSignaling()):
            assert sb.blind_guessing_probability(sb.Observations.full(b), model, 0, 1).value >= attack - 1e-9


def test_outcomes_beyond_binary() -> None:
    """Three outcomes, white noise: Eve's guess stays between a blind guess and one, and shrinks with visibility."""
    scenario = sb.cglmp(3).scenario
    _, best = sb.see_saw(sb.cglmp(3), dimension=3, rng=np.random.default_rng(1))
    values = []
    for v in (0.7, 0.9, 0.98):
        data = sb.Observations.full(best.behaviour().white_noise(v))
        assert data.scenario == scenario
        values.append(sb.guessing_probability(data, sb.Quantum("1+AB")).value)
    assert 1 / 3 < values[2] < values[1] < values[0] <= 1
    full = sb.guessing_probability(data, sb.Quantum("1+AB"), 0, 0)
    assert full.value <= values[2] + 1e-7
    assert full.certificate.verify().holds


def test_a_probability_is_never_bounded_above_one() -> None:
    """Data with a zero probability, so that the program has no interior, and outcomes that Eve knows for sure."""
    p = sb.random_strategy(sb.Scenario(((2, 3), (4, 2))), 3, np.random.default_rng(0)).behaviour()
    data = sb.Observations.full(p)
    for model in (sb.Quantum("1+AB"), sb.NoSignaling(), sb.Local()):
        bound = sb.guessing_probability(data, model, 1, 0, solver=None if model != sb.Quantum("1+AB") else "sdpa")
        assert bound.value <= 1.0
        assert bound.certificate.verify().holds
    nothing = sb.Observations.none(data.scenario)
    for y in (None, 0):
        bound = sb.guessing_probability(nothing, sb.Quantum("1+AB"), 1, y)
        assert bound.value == 1.0 and bound.certificate.verify().holds
    bound = sb.blind_guessing_probability(nothing, sb.Quantum("1+AB"), 1, 0)
    assert bound.value == 1.0 and bound.certificate.verify().holds


def test_errors() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    with pytest.raises(sb.InvalidSettings, match="x = 2"):
        sb.guessing_probability(data, sb.Quantum("1"), x=2)
    with pytest.raises(sb.InvalidSettings, match="y = -1"):
        sb.guessing_probability(data, sb.Quantum("1"), y=-1)
    with pytest.raises(sb.InvalidShape, match="two parties"):
        sb.blind_guessing_probability(sb.Observations.bell_value(sb.mermin(), 3.0), sb.Quantum("2"))
    with pytest.raises(sb.InvalidInput, match="y"):
        sb.min_entropy(data, sb.Quantum("1"), blind=True)


def test_a_printed_upper_bound_is_rounded_up() -> None:
    data = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97))
    bound = sb.guessing_probability(data, sb.Quantum("1+AB"))
    assert float(repr(bound).split("<= ")[1].split(" ")[0]) >= bound.value
