"""Lengths whose tests and settings are hashed with the outcomes: one round, the accounts, and the end of a run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import InvalidInput, InvalidParameter
from tests.experiments.samples import rounds
from tests.finite_size.test_finite_size import devices
from tests.finite_size.test_renyi_lengths import observable, worst_strategy
from tests.finite_size.test_theorem_steps import power
from tests.support import h

UNEVEN = np.array([[0.4, 0.2], [0.3, 0.1]])


def recycled(p: sb.Behaviour, n: float, **more: Any) -> sb.FiniteLength:
    found = sb.finite_randomness_length(p, n, **({"inputs": "recycled"} | more))
    assert isinstance(found, sb.FiniteLength)
    return found


def chsh(value: float) -> sb.Behaviour:
    return sb.Behaviour.from_correlators(value / 4 * np.array([[1.0, 1.0], [1.0, -1.0]]))


def power_of_all(v: np.ndarray, length: sb.FiniteLength) -> float:
    """log2(Q) / beta of test, settings and both outcomes of a round, each string weighted by its score: exact.

    A string (t, x, y, a, b) has Eve's operator p(t, x, y) X_ab|xy, and for an untested round that of Alice's outcome.
    """
    root = v[:16].reshape(4, 4)
    alpha, gamma = length.alpha, length.test_probability
    half, theta = power(root @ root.T / np.sum(root**2), 1 / (2 * alpha)), (alpha - 1) / alpha

    def term(chance: float, score: float, effect: np.ndarray) -> float:
        weighted = chance * 2 ** (theta * score) * (half @ effect @ half)
        return float((np.linalg.eigvalsh(weighted).clip(0) ** alpha).sum())

    alice = [[(np.eye(2) + s * observable(w)) / 2 for s in (1, -1)] for w in v[16:18]]
    bob = [[(np.eye(2) + s * observable(w)) / 2 for s in (1, -1)] for w in v[18:20]]
    q = sum(term(1 - gamma, length.untested, np.kron(m, np.eye(2))) for m in alice[0])
    for a, b, x, y in np.ndindex(2, 2, 2, 2):
        chance = gamma * length.test_distribution[x, y]
        q += term(chance, length.scores[a, b, x, y], np.kron(alice[x][a], bob[y][b]))
    return math.log2(q) / (alpha - 1)


@pytest.mark.parametrize("distribution", [None, UNEVEN])
@pytest.mark.parametrize("gamma", [0.02, 1.0])
def test_one_round_against_strategies(distribution: np.ndarray | None, gamma: float) -> None:
    """No strategy has more weight than the shift of the scores allows; what attains q is close where tests are few."""
    length = recycled(chsh(2.64), 1e6, test_probability=gamma, test_distribution=distribution, method="renyi")
    rng = np.random.default_rng(0)
    worst = worst_strategy(length.choice.tangent)
    for _ in range(20):
        v = np.concatenate([rng.normal(size=16), rng.uniform(-math.pi, math.pi, 4)])
        assert power_of_all(v, length) <= 1e-9
        assert power_of_all(worst + 0.1 * rng.normal(size=20), length) <= 1e-9
    assert power_of_all(worst, length) <= 1e-9
    if gamma < 1.0:
        assert power_of_all(worst, length) > -0.2
    checked = length.certificate.verify()
    assert length.length <= checked.value <= length.length + 1e-11 * 1e6


def test_the_published_expansion_and_its_accounts() -> None:
    """arXiv:1912.11159 has net 2.57e8 bits; what inputs took comes out again, but for fluctuations."""
    security = sb.FiniteSecurity(soundness=3.09e-12)
    p = chsh(8 * 0.752484 - 4)
    n, gamma = 138_240_000_000, 3.264e-4
    new = recycled(p, n, test_probability=gamma, security=security)
    old = sb.finite_randomness_length(p, n, test_probability=gamma, security=security, method="renyi", net=True)
    assert isinstance(old, sb.FiniteLength)
    assert new.recovered_bits == new.input_bits == pytest.approx(n * (h(gamma) + 2 * gamma), rel=1e-9)
    assert sum(new.terms.values()) == pytest.approx(new.length, rel=1e-9)
    assert new.net_length == pytest.approx(old.length, rel=1e-6) and new.net_length > 5 * 2.57e8
    assert new.length < n * new.asymptotic_rate + new.input_bits
    assert f"{new.input_bits:.0f}"[:6] in repr(new) and "recovered, net 1.461" in repr(new).replace(
        "net 1461", "net 1.461"
    )
    assert new.certificate.verify().holds and old.recovered_bits == 0.0


def test_nothing_is_won_from_devices_without_entropy() -> None:
    """Local devices: what comes out is less than the inputs that went in, however many rounds there are."""
    for n in (1e4, 1e12):
        assert recycled(chsh(2.0), n, method="renyi", test_probability=0.1).net_length < 0


def test_lengths_that_depend_on_the_counts() -> None:
    one, many = (recycled(chsh(2.7), 1e7, lengths=k, test_probability=0.05) for k in (1, 1000))
    assert many.length == pytest.approx(one.length - math.log2(1000), abs=1e-3)
    assert many.length_at(many.mean_score) > many.length and many.certificate.verify().holds


def test_settings_and_tests_are_hashed() -> None:
    n, rng = 20_000, np.random.default_rng(5)
    p = chsh(2.64)
    fixed = sb.FixedProtocol(recycled(p, n, test_probability=0.2, method="renyi"))
    x, y, a, b, tests = rounds(p, n, 0.2, rng)
    run = sb.Counts.from_rounds(x, y, a, b, tests)
    certified = sb.certify(run, fixed)
    assert certified and certified.length == int(fixed.length.length)
    raw = np.concatenate([a, b, tests, x * tests, y * tests])
    seed = rng.integers(0, 2, raw.size + certified.length - 1)
    output = sb.extract(run, fixed, seed)
    for row in (0, 99, certified.length - 1):
        assert output.bits[row] == int(seed[row : row + raw.size][::-1] @ raw) % 2


def test_bad_input() -> None:
    p = chsh(2.64)
    with pytest.raises(InvalidParameter, match="must be one of public, recycled"):
        recycled(p, 1e6, inputs="secret")
    with pytest.raises(InvalidParameter, match="need method = 'renyi'"):
        recycled(p, 1e6, method="accumulation")
    with pytest.raises(InvalidInput, match="public inputs"):
        recycled(p, 1e6, entropies=[sb.chsh()])
    with pytest.raises(InvalidInput, match="public inputs"):
        recycled(sb.family_named("cglmp").member(d=3).behaviour(), 1e6, observed="full")
    with pytest.raises(InvalidParameter, match="'inputs' must be"):
        sb.finite_key_length(devices(2.64, 0.02), 1e6, 0, 2, inputs="recycled")  # type: ignore[call-arg]
