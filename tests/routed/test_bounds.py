"""Expressions of near and far statistics, and what is said of wrong questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound import routed
from sdpbound.recheck import recheck

PERFECT = sb.Observations.between(sb.chsh(), 8**0.5 - 1e-9, 8**0.5)
DIAGONAL = sb.BellExpression.from_correlators([[1, 0], [0, 1]])
NONE = sb.Observations.none(sb.Scenario.bipartite(2, 2))
TEST = routed.protocol("bb84")


@pytest.mark.parametrize(
    ("far", "short_range", "value"),
    [
        (DIAGONAL, False, 2.0),
        (DIAGONAL, True, 2**0.5),  # of qubits that are measured in Z or X at one place, and cloned to no other
        (sb.chsh(), False, 8**0.5),
        (sb.chsh(), True, 2.0),
    ],
)
def test_short_range(far: sb.BellExpression, short_range: bool, value: float) -> None:
    """arXiv:2310.07484: with Z and X self-tested, jointly measurable ones have ``<Z F0> + <X F1> <= sqrt 2``."""
    bound = routed.maximum(far=far, tested=(PERFECT, None), short_range=short_range)
    assert value - 1e-9 <= bound.value < value + 1e-4
    assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds


@pytest.mark.parametrize("efficiency", [0.5, 0.6, 0.8, 1.0])
def test_losses_that_short_range_correlations_explain(efficiency: float) -> None:
    """Both settings click with probability 2 eta - 1, one of them else: ``sqrt 2 (2 eta - 1) + 2 - 2 eta``.

    So data of visibility 1 are long-range from an efficiency of 1/2 on, where no click is kept.
    """
    scenario = sb.Scenario(((2, 2), (3, 3)))
    correlated, clicks = np.zeros(scenario.shape), np.zeros((2, *scenario.shape))
    for z in (0, 1):
        correlated[1 + z, 1 + 2 * z], correlated[1 + z, 2 + 2 * z] = 1.0, -1.0
        clicks[z, 0, 1 + 2 * z : 3 + 2 * z] = 1.0
    tests = sb.Observations(scenario, clicks, np.full(2, efficiency), np.array(1e-12))
    bound = routed.maximum(
        far=sb.BellExpression(scenario, correlated),
        tested=(PERFECT, tests),
        short_range=True,
        level="1+AN+AF+AA+FF+AFF",
    )
    exact = 2**0.5 * (2 * efficiency - 1) + 2 - 2 * efficiency
    assert exact - 1e-9 <= bound.value < exact + 1e-3


def test_near_alone_is_an_ordinary_expression() -> None:
    bound = routed.maximum(near=sb.chsh(), tested=(None, NONE))
    assert bound.value == pytest.approx(8**0.5, abs=1e-6)


def test_impossible_data() -> None:
    box = sb.Behaviour.from_correlators([[0.75, 0.75], [0.75, -0.75]])
    with pytest.raises(sb.Infeasible) as failure:
        routed.entropy(routed.RoutedTest(box, TEST.far), level="1+AN+AF", nodes=2)
    assert failure.value.bound.certificate.verify().holds


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: routed.RoutedTest(None, TEST.far), sb.InvalidInput, "needs a near device"),
        (lambda: routed.RoutedTest(TEST.near, None), sb.InvalidInput, "needs a far device"),
        (lambda: routed.RoutedTest(TEST.near, 3), sb.InvalidInput, "far must be a Behaviour"),
        (lambda: routed.key_rate(TEST, 0, 2), sb.InvalidSettings, "z = 2 does not exist"),
        (lambda: routed.key_rate(TEST, 2, 0), sb.InvalidSettings, "x = 2 does not exist"),
        (lambda: routed.protocol("e91"), sb.InvalidParameter, "one of bb84, chsh"),
        (
            lambda: routed.protocol("bb84", far=sb.DetectionInefficiency(1.0, 1.2)),
            sb.InvalidParameter,
            "between 0 and 1",
        ),
        (lambda: routed.protocol("bb84", sb.DetectionInefficiency(0.9)), sb.InvalidBehaviour, "differ by 0.1"),
        (lambda: routed.entropy(TEST, level="1+AB"), sb.InvalidLevel, "1\\+AN\\+AF"),
        (lambda: routed.entropy(TEST, nodes=1), sb.InvalidParameter, "nodes = 1"),
        (lambda: routed.entropy(TEST.near), sb.InvalidInput, "must be a RoutedTest"),
        (lambda: routed.entropy(TEST, preprocessing=0.7), sb.InvalidParameter, "0 to 1/2"),
        (lambda: routed.critical_efficiency(tolerance=0.0), sb.InvalidParameter, "tolerance = 0.0"),
        (lambda: routed.maximum(near=sb.chsh()), sb.InvalidInput, "needs a far device"),
        (lambda: routed.maximum(near=sb.i3322(), far=sb.chsh()), sb.InvalidShape, "her device is one"),
        (
            lambda: routed.RoutedTest(TEST.near, sb.Behaviour.uniform(sb.Scenario(((3, 3), (2, 2))))),
            sb.InvalidShape,
            "her device is one",
        ),
    ],
)
def test_wrong_questions(wrong: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        wrong()
