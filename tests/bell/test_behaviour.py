from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb

PR = np.array([[[[0.5 * ((a + b) % 2 == x * y) for y in (0, 1)] for x in (0, 1)] for b in (0, 1)] for a in (0, 1)])


def test_pr_box() -> None:
    b = sb.Behaviour(PR)
    assert b.correlators.tolist() == [[1, 1], [1, -1]]
    assert b.chsh == 4.0
    assert not b.marginals_a.any() and not b.marginals_b.any()
    assert sb.Behaviour.from_correlators([[1, 1], [1, -1]]) == b


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_white_noise_scales_the_correlators(seed: int, v: float) -> None:
    b = sb.random_strategy(sb.Scenario.bipartite(2, 2), 2, np.random.default_rng(seed)).behaviour()
    noisy = b.white_noise(v)
    assert np.allclose(noisy.moments.reshape(-1)[1:], v * b.moments.reshape(-1)[1:], atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_detection_efficiency(seed: int, eta_a: float, eta_b: float) -> None:
    b = sb.random_strategy(sb.Scenario.bipartite(2, 2), 2, np.random.default_rng(seed)).behaviour()
    binned = b.detection_efficiency(eta_a, eta_b)
    # <A> -> eta <A> + (1 - eta), no click being outcome 0
    a, bb = eta_a * b.marginals_a + 1 - eta_a, eta_b * b.marginals_b + 1 - eta_b
    assert np.allclose(binned.marginals_a, a, atol=1e-12) and np.allclose(binned.marginals_b, bb, atol=1e-12)
    third = b.detection_efficiency(eta_a, eta_b, binning=False)
    assert third.p.shape == (3, 3, 2, 2)
    assert np.allclose(third.p[2].sum(axis=0), 1 - eta_a, atol=1e-12)
    assert np.allclose(third.p[:2, :2], eta_a * eta_b * b.p, atol=1e-12)


def test_flipped_outcomes() -> None:
    noisy = sb.Behaviour(PR).flip_outcomes(0.1, 0.0)
    assert np.allclose(noisy.correlators, 0.8 * np.array([[1, 1], [1, -1]]), atol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda p: p * np.nan, sb.InvalidBehaviour, "NaN"),
        (lambda p: p + np.array([[-0.6, 0.6], [0.6, -0.6]])[:, :, None, None], sb.InvalidBehaviour, "negative"),
        (lambda p: p * 1.01, sb.InvalidBehaviour, "add up to"),
        (
            lambda p: np.concatenate([np.full_like(p[:, :, :1], 0.25), _point(p)[:, :, 1:]], 2),
            sb.InvalidBehaviour,
            "signals",
        ),
        (lambda p: p[0], sb.InvalidShape, "axes"),
        (lambda p: "pr", sb.InvalidShape, "array"),
    ],
)
def test_invalid_behaviours(change, error, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=says):
        sb.Behaviour(change(PR))


def _point(p: np.ndarray) -> np.ndarray:
    out = np.zeros_like(p)
    out[0, 0] = 1.0
    return out


def test_observations() -> None:
    b = sb.Behaviour(PR).white_noise(0.5)
    assert sb.Observations.correlators_and_marginals(b) == sb.Observations.full(b)
    assert len(sb.Observations.correlators(b)) == 4
    one = sb.Observations.correlators(b, settings=[(1, 1)])
    assert one.values.tolist() == [-0.5]
    assert sb.Observations.bell_values([(sb.chsh(), 2.0), (sb.chsh() * 2, 4.0)]).values.tolist() == [2, 4]
    with pytest.raises(sb.InvalidParameter):
        sb.Observations.bell_value(sb.chsh(), float("inf"))
    with pytest.raises(sb.InvalidSettings):
        sb.Observations.correlators(b, settings=[(0, 2)])
    with pytest.raises(sb.InvalidSettings):
        sb.Observations.correlators(b, settings=[(0, 1), (0, 1)])


@pytest.mark.parametrize("v", [-0.1, 1.5, float("nan"), "a lot"])
def test_bad_visibility(v: object) -> None:
    with pytest.raises(sb.InvalidParameter, match="visibility"):
        sb.Behaviour(PR).white_noise(v)  # type: ignore[arg-type]
