"""Best strategies for keys with a post-processing: slopes, settings, searches, studies, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.strategies.best import landscapes_of
from sdpbound.strategies.landscape import Landscape
from sdpbound.study import Study, audit, read_table, run_study
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan

PAIR = sb.family_named("two_qubit", settings=(2, 2))
POINT = {"theta": 0.75, "a0": 0.02, "a1": 1.1, "b0": -0.03, "b1": -1.0}
SINGLET = {"theta": math.pi / 4, "a0": 0.0, "a1": math.pi / 2, "b0": math.pi / 4, "b1": -math.pi / 4}
BASIS = sb.RandomBasis(((0, 2), (1, 3)), preprocessing="best")


def landscape(by: PostProcessing, noise: sb.Noise, family: sb.Family | None = None) -> Landscape:
    return landscapes_of(noise, family, (0, None), sb.StrategyOptions(postprocessing=by))[-1]


@pytest.mark.parametrize(
    ("by", "family", "values", "steps"),
    [
        pytest.param(
            BASIS,
            None,
            SINGLET | {"theta": 0.7, "a1": 1.5, "b0": 0.75, "b2": 0.05, "b3": 1.5},
            {1: 2e-3, 5: 2e-3, 7: 2e-3},
            marks=pytest.mark.slow,
        ),
        (sb.RepetitionCode(2, level="1"), PAIR, POINT, {2: 1e-3}),
        (sb.PostSelection((1, 0.9), (1, 0.9), level="1", nodes=3), PAIR, POINT, {1: 1e-3}),
    ],
)
def test_slopes_are_those_of_the_rate(
    by: PostProcessing, family: sb.Family | None, values: dict[str, float], steps: dict[int, float]
) -> None:
    """Differences of rates, each found from nothing; the last number of the first is its flips."""
    noise = sb.WhiteNoise(0.94)
    own = landscape(by, noise, family)
    point = own.point_of(values, 0.05)
    rate, gradient = own.rate(point)
    assert math.isfinite(rate)
    for i, step in steps.items():
        ends = []
        for sign in (1.0, -1.0):
            other = point.copy()
            other[i] += sign * step
            ends.append(landscape(by, noise, family).rate(other)[0])
        assert (ends[0] - ends[1]) / (2.0 * step) == pytest.approx(gradient[i], abs=5e-4, rel=1e-2), i


def test_lost_outcomes_are_kept_in_all_key_settings_of_bob() -> None:
    own = landscape(BASIS, sb.DetectionInefficiency(0.9))
    assert own.use.tested_settings == (0, 1) and own.use.keeps_no_click
    strategy = own.strategy(own.point_of(SINGLET | {"b2": 0.0, "b3": math.pi / 2}, 0.0))
    kept = own.use.behaviour(strategy)
    assert kept.scenario.outcomes == ((2, 2), (2, 2, 3, 3))
    binning = (True, (True, True, False, False))
    np.testing.assert_allclose(kept.p, strategy.behaviour(sb.DetectionInefficiency(0.9, binning=binning)).p, atol=1e-15)


def test_what_is_refused() -> None:
    noise = sb.WhiteNoise(0.95)
    with pytest.raises(InvalidInput, match="says itself which settings"):
        sb.best_strategy(noise, y=1, postprocessing=BASIS)
    for changes in ({"preprocessing": 0.1}, {"rate": "local randomness"}):
        with pytest.raises(InvalidParameter, match="leave rate and preprocessing out"):
            sb.best_strategy(noise, postprocessing=BASIS, **changes)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="must be a post-processing"):
        sb.best_strategy(noise, postprocessing="random_basis")  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidSettings, match="y = 2 does not exist"):
        sb.best_strategy(noise, PAIR, postprocessing=BASIS)


STUDY = """
name = "searched"
visibilities = [0.95]
observed = "full without B2, B3"
[[quantities]]
name = "key_rate"
postprocessing = { kind = "random_basis", keys = [[0, 2], [1, 3]], preprocessing = 0.01 }
[[quantities]]
name = "key_rate_attack"
postprocessing = { kind = "random_basis", keys = [[0, 2], [1, 3]], preprocessing = 0.01 }
[family]
kind = "two_qubit"
settings = [2, 4]
best_of = { starts = 1, near = [{ theta = 0.7, a0 = 0.0, a1 = 1.5, b0 = 0.8, b1 = -0.8, b2 = 0.0, b3 = 1.5 }] }
"""


def test_quantities_of_one_post_processing_share_a_search() -> None:
    basis = {"kind": "random_basis", "keys": [[0, 0], [1, 1]]}
    asked = [(name, basis | {"preprocessing": q}) for q in (0.0, 0.1) for name in ("key_rate", "key_rate_attack")]
    family = {"kind": "two_qubit", "best_of": "strategy"}
    quantities = [{"name": name, "postprocessing": by} for name, by in asked]
    spec = parse_spec(
        {"name": "x", "family": family, "quantities": [*quantities, "key_rate"], "entropy": "von Neumann"}
    )
    tasks = [task for group in Plan(spec) for task in group]
    assert [len(task.quantities) for task in tasks] == [2, 2, 1]


@pytest.mark.slow
def test_a_search_for_a_random_basis() -> None:
    """The singlet at right angles is best for white noise; the end is where the published devices have theirs."""
    near = ({"theta": 0.75, "a0": 0.0, "a1": 1.5, "b0": 0.75, "b1": -0.75, "b2": 0.0, "b3": 1.5, "flips": 0.1},)
    family = sb.family_named("two_qubit", settings=(2, 4))
    best = sb.best_strategy(sb.WhiteNoise(0.84), family, postprocessing=BASIS, near=near, starts=1)
    assert best.upper is not None and 0.0345 < best.rate.value <= best.upper.value < 0.0348
    assert best.rate.postprocessing == sb.RandomBasis(((0, 2), (1, 3)), preprocessing=best.flips)
    assert best.values["a1"] - best.values["a0"] == pytest.approx(math.pi / 2, abs=2e-3)
    end = sb.critical_strategy(
        sb.WhiteNoise,
        (0.86, 0.80),
        family,
        postprocessing=sb.RandomBasis(((0, 2), (1, 3))),
        near=near,
        starts=1,
        width=5e-3,
        quantity="visibility",
    )
    assert end.critical is not None and end.critical.dead is not None
    assert 0.8265 < end.critical.dead < 0.8311 < end.critical.alive < 0.838  # 8.4447 % of errors: visibility 0.83111


@pytest.mark.slow
def test_a_search_for_a_repetition_code() -> None:
    """Two settings a party: blocks of two gain from a larger violation, at the cost of errors."""
    near = ({"theta": math.pi / 4, "a0": 0.0, "a1": math.pi / 3, "b0": 0.0, "b1": -math.pi / 3},)
    how = sb.StrategyOptions(postprocessing=sb.RepetitionCode(2), near=near, starts=1)
    best = sb.best_strategy(sb.WhiteNoise(0.9), PAIR, options=how)
    assert best.upper is not None and 0.048 < best.rate.value < best.upper.value < 0.065


@pytest.mark.slow
def test_a_study_of_searched_strategies(tmp_path: Path) -> None:
    path = tmp_path / "searched.toml"
    path.write_text(STUDY, encoding="utf-8")
    assert run_study(path, workers=0, progress=False).failed == 0
    values = read_table(tmp_path / "results" / "searched" / "searched.csv")["value"]
    assert 0.2 < values[0] <= values[1] < values[0] + 1e-3
    found = audit(Study.load(path))
    assert found.holds and found.proven == 2
