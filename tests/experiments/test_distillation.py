"""Keys from the rounds of two parties: equal, as long as what was sent leaves, and none where devices are worse."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import InvalidInput
from sdpbound.experiments.distillation import proven_unsent
from sdpbound.protocols.running.sampling import draw
from tests.experiments.samples import protocol as randomness

N = 100_000


def devices(size: float, errors: float) -> sb.Behaviour:
    """CHSH value 4 size, and this error rate at the key's settings 0 and 2."""
    return sb.Behaviour.from_correlators([[size, size, 1.0 - 2.0 * errors], [size, -size, 0.0]])


@lru_cache(maxsize=4)
def protocol(n: int, gamma: float) -> sb.FixedProtocol:
    security = sb.FiniteSecurity(efficiency=1.15)
    honest = devices(0.68, 0.01)
    length = sb.finite_key_length(honest, n, 0, 2, method="renyi", security=security, test_probability=gamma)
    return sb.FixedProtocol(length)


def run(behaviour: sb.Behaviour, fixed: sb.FixedProtocol, rng: np.random.Generator) -> sb.Counts:
    length = fixed.length
    n = int(length.rounds)
    tests = rng.random(n) < length.test_probability
    which = rng.choice(6, n, p=length.test_distribution.ravel() / length.test_distribution.sum())
    x, y = np.where(tests, which // 3, 0), np.where(tests, which % 3, 2)
    a, b = draw(behaviour, x, y, rng)
    return sb.Counts.from_rounds(x, y, a, b, tests.astype(int), scenario=behaviour.scenario)


def test_a_run_ends_in_equal_keys_of_the_length_that_is_left() -> None:
    fixed, rng = protocol(N, 0.15), np.random.default_rng(1)
    counts = run(devices(0.68, 0.01), fixed, rng)
    key = sb.distil_key(counts, fixed, seed=2)
    assert key and key.keys_equal and key.alice.size == key.length == key.certified.length > 5_000
    sent = key.transcript
    assert sent.tag == math.ceil(-math.log2(fixed.length.epsilons["unequal keys"])) and sent.answers > 1
    assert key.length == math.floor(proven_unsent(fixed.length, fixed.length.mean_score) - sent.leakage)
    untouched = fixed.length.length - fixed.length.terms["error correction"] - fixed.length.terms["verification"]
    assert key.length == math.floor(untouched - sent.syndrome - sent.tag - sent.answers)
    assert abs(key.alice.mean() - 0.5) < 5 * 0.5 / math.sqrt(key.length)
    again = sb.distil_key(counts, fixed, seed=2)
    assert np.array_equal(key.alice, again.alice)
    # a wrong outcome of Bob in one place changes nothing; nothing is known of Alice's but what was sent
    worse = sb.distil_key(run(devices(0.66, 0.03), fixed, rng), fixed, seed=3)
    assert not worse and worse.length == 0 and not worse.alice.size and not worse.keys_equal
    assert "could not decode" in worse.aborted or "below the threshold" in worse.aborted
    short, _ = counts.split(N - 1)
    assert "99999 rounds" in sb.distil_key(short, fixed).aborted


def test_what_is_refused_before_anything_is_sent() -> None:
    fixed, rng = protocol(N, 0.15), np.random.default_rng(4)
    counts = run(devices(0.68, 0.01), fixed, rng)
    with pytest.raises(InvalidInput, match="of randomness"):
        sb.distil_key(counts, randomness(400_000))
    with pytest.raises(InvalidInput, match="in their order"):
        sb.distil_key(sb.Counts.from_table(counts.table, counts.scenario, counts.untested), fixed)
    with pytest.raises(InvalidInput, match="made from these counts"):
        sb.distil_key(counts, sb.FixedProtocol(fixed.length, counts))
    moved = sb.Counts.from_rounds(
        counts.rounds.x, (counts.rounds.y + 1) % 3, counts.rounds.a, counts.rounds.b, counts.rounds.tests.astype(int)
    )
    assert "not at the settings" in sb.distil_key(moved, fixed).aborted


@pytest.mark.slow
def test_two_hundred_runs_of_a_million_rounds() -> None:
    """Completeness 1e-2: of 200 runs two abort in the mean by their scores. Of 20 all keys are equal. One step worse,
    CHSH 2.66 and errors of 1.5 %, and no key is as long.
    """
    fixed, rng = protocol(1_000_000, 0.1), np.random.default_rng(7)
    honest = devices(0.68, 0.01)
    refused = sum(not fixed.length.accepts(run(honest, fixed, rng)) for _ in range(200))
    assert refused <= 2 + 3 * math.sqrt(2.0)
    keys = [sb.distil_key(run(honest, fixed, rng), fixed, seed=rng) for _ in range(20)]
    assert sum(not key for key in keys) <= 2 and all(key.keys_equal for key in keys if key)
    lengths = [key.length for key in keys if key]
    assert min(lengths) > 0.9 * max(lengths) > 200_000
    for _ in range(3):
        worse = sb.distil_key(run(devices(0.665, 0.015), fixed, rng), fixed, seed=rng)
        assert worse.length < min(lengths)
