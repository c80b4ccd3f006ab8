"""Eve's guess averaged over keys."""

from __future__ import annotations

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck


def by_a_pure_state(value: float) -> float:
    """What Eve guesses on average of cos t |00> + sin t |11>, both outcomes biased alike: an explicit attack.

    With Alice at cos a Z +- sin a X, p = cos a and s = sin 2t, S = 2 (p + s sin a), and both biases are p cos 2t.
    """
    p = np.linspace(1e-3, 1 - 1e-9, 400_001)
    s = (value / 2 - p) / np.sqrt(1 - p * p)
    inside = (s >= 0) & (s <= 1)
    return float(0.5 + 0.5 * (p * np.sqrt(np.where(inside, 1 - s * s, 0.0))).max())


@pytest.mark.parametrize("value", [2.5, *(pytest.param(v, marks=pytest.mark.slow) for v in (2.2, 2.7))])
def test_both_settings_at_a_chsh_value(value: float) -> None:
    data = sb.Observations.bell_value(sb.chsh(), value)
    bound = sb.average_guessing_probability(data, sb.Average((0, 1)), sb.Quantum("2"))
    assert 0.0 <= bound.value - by_a_pure_state(value) + 1e-9 < 1e-6
    assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds


def test_one_key_is_the_guess_of_it() -> None:
    data = sb.Observations.full(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.95))
    own = sb.average_guessing_probability(data, sb.Average(((0, 1),)), sb.Quantum("1+AB+AC+BC+ABC"))
    assert own.value == pytest.approx(sb.guessing_probability(data, sb.Quantum("1+AB"), 0, 1).value, abs=2e-3)


@pytest.mark.parametrize("model", [sb.NoSignaling(), sb.Quantum("1+AB+AC+BC")])
def test_outcomes_of_local_devices_are_known(model: sb.Adversary) -> None:
    average = sb.Average.of_all_settings(sb.Scenario.bipartite(2, 2))
    local = sb.average_guessing_probability(sb.Observations.bell_value(sb.chsh(), 2.0), average, model)
    assert local.value == pytest.approx(1.0, abs=1e-6)
    less = sb.average_guessing_probability(sb.Observations.bell_value(sb.chsh(), 2.6), average, model)
    assert 0.25 < less.value < 0.95


def test_flips_are_refused() -> None:
    with pytest.raises(sb.InvalidParameter, match="nothing is flipped"):
        sb.average_guessing_probability(
            sb.Observations.bell_value(sb.chsh(), 2.5), sb.Average((0, 1), None, 0.1), sb.Quantum("2")
        )
