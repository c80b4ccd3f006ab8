"""Lengths by Renyi entropies: each step of the theorem on explicit states, and the lengths against attacks and
formulas."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import flint
import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import binom

import sdpbound as sb
from sdpbound.finite_size.arithmetic import balls
from sdpbound.finite_size.options import FiniteKeyOptions
from sdpbound.finite_size.renyi import RenyiScores
from sdpbound.finite_size.renyi_games import renyi_games
from sdpbound.finite_size.renyi_result import certified_renyi
from tests.finite_size.test_finite_size import CHSH, depolarised, devices, entropy, tangents
from tests.finite_size.test_theorem_steps import complex_normal, instrument, of_eve, power, sandwiched, used
from tests.support import h

ROOT8 = math.sqrt(8.0)


def key(p: sb.Behaviour, n: float, **more: Any) -> sb.FiniteLength:
    found = sb.finite_key_length(p, n, 0, 2, **({"method": "renyi"} | more))
    assert isinstance(found, sb.FiniteLength)
    return found


@cache
def one_key() -> sb.FiniteLength:
    return key(devices(2.64, 0.018), 1.5e6)


# -- the theorem, step by step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.05, 1.5, 2.0])
def test_chain_rule_with_weights(alpha: float) -> None:
    """Each outcome of a round is a sum over scores with weights: Q of two rounds is still that of one times that of the
    next, in a state that Eve's filter makes.
    """
    rng = np.random.default_rng(1)
    memory, eve = 3, 4
    vector = complex_normal(rng, memory, eve)
    start = np.einsum("ie,jf->iejf", vector, vector.conj()) / np.sum(np.abs(vector) ** 2)
    weights = np.array([0.3, 1.7])

    def weighted(state: np.ndarray, device: np.ndarray) -> np.ndarray:
        """Outcomes (a, c) of which a stays, and c is summed over with its weight."""
        return np.einsum("ac...,c->a...", used(device, state).reshape(2, 2, *state.shape), weights)

    first, second = instrument(rng, 4, memory), instrument(rng, 4, memory)
    whole = of_eve(start)
    after = weighted(start, first)
    both = np.concatenate([of_eve(weighted(state, second)) for state in after])
    one = sandwiched(of_eve(after), whole, alpha)
    root = power(whole, (1 - alpha) / (2 * alpha))
    other = 0.0
    for state in after:
        keep = power(root @ of_eve(state) @ root, (alpha - 1) / 2) @ root
        filtered = np.einsum("ge,iejf,hf->igjh", keep, state, keep.conj()) / one
        other += sandwiched(of_eve(weighted(filtered, second)), of_eve(filtered), alpha)
    assert sandwiched(both, whole, alpha) == pytest.approx(one * other, rel=1e-9)


def observable(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), math.sin(angle)], [math.sin(angle), -math.cos(angle)]])


def weighted_power(v: np.ndarray, length: sb.FiniteLength) -> float:
    """log2(Q) / beta of a round with these scores, for a state of two qubits and four angles: exact."""
    root = v[:16].reshape(4, 4)
    rho = root @ root.T / np.sum(root**2)
    alpha, gamma = length.alpha, length.test_probability
    half = power(rho, 1 / (2 * alpha))
    beta = alpha - 1

    def term(effect: np.ndarray) -> float:
        return float((np.linalg.eigvalsh(half @ effect @ half).clip(0) ** alpha).sum())

    alice = [[(np.eye(2) + s * observable(w)) / 2 for s in (1, -1)] for w in v[16:18]]
    bob = [[(np.eye(2) + s * observable(w)) / 2 for s in (1, -1)] for w in v[18:20]]
    q = (1 - gamma) * 2 ** (beta * length.untested) * sum(term(np.kron(m, np.eye(2))) for m in alice[0])
    for x in range(2):
        for y in range(2):
            weights = 2 ** (beta / alpha * length.scores[:2, :2, x, y])
            share = gamma * length.test_distribution[x, y]
            q += share * sum(term(np.kron(alice[x][a], np.tensordot(weights[a], bob[y], 1))) for a in range(2))
    return math.log2(q) / beta


def worst_strategy(at: float) -> np.ndarray:
    """The strategy that attains q at a CHSH value, as weighted_power has it."""
    u = math.sqrt(at**2 / 4 - 1)
    states = np.zeros((4, 4))
    states[0, :2] = math.sqrt((1 + u) / 4), math.sqrt((1 - u) / 4)
    states[3, :2] = states[0, 0], -states[0, 1]
    bob = math.atan2(u, 1.0)
    return np.concatenate([states.ravel(), [0.0, math.pi / 2, bob, -bob]])


@pytest.mark.parametrize(("n", "close"), [(1e2, 0.5), (1e6, 0.04), (1e10, 0.002)])
def test_one_round_against_strategies(n: float, close: float) -> None:
    """No strategy of two qubits has a weighted Q above 1, and that of the closed form is close to it."""
    length = key(devices(2.64, 0.018), n)
    rng = np.random.default_rng(0)
    worst = worst_strategy(length.choice.tangent)
    for _ in range(30):
        v = np.concatenate([rng.normal(size=16), rng.uniform(-math.pi, math.pi, 4)])
        assert weighted_power(v, length) <= 1e-9
        assert weighted_power(worst + 0.1 * rng.normal(size=20), length) <= 1e-9
    assert -close < weighted_power(worst, length) <= 1e-9


@pytest.mark.slow
def test_one_round_against_searched_strategies() -> None:
    for n in (1e2, 1e4, 1e6, 1e10):
        length = key(devices(2.64, 0.018), n)
        for seed in range(3):
            start = worst_strategy(length.choice.tangent) + 0.1 * np.random.default_rng(seed).normal(size=20)
            found = minimize(lambda v, one: -weighted_power(v, one), start, args=(length,), options={"maxiter": 100})
            assert found.fun >= -1e-9


@pytest.mark.parametrize("alpha", [1.1, 1.5, 2.0])
def test_leftover_hashing_without_smoothing(alpha: float) -> None:
    """The mean over all 2 x 3 binary matrices, which are two-universal: trace norm and power are as the
    theorem says.
    """
    rng = np.random.default_rng(3)
    raw = complex_normal(rng, 8, 3, 3)
    parts = np.einsum("aij,akj->aik", raw, raw.conj()) * rng.random((8, 1, 1)) ** 4
    parts /= np.einsum("aii->", parts).real
    whole, bits = parts.sum(axis=0), np.array(list(np.ndindex(2, 2, 2)))
    power_of_all = sandwiched(parts, whole, alpha)
    for rows in (1, 2):
        norms = []
        for hash_ in np.ndindex(*(2,) * (3 * rows)):
            image = bits @ np.reshape(hash_, (rows, 3)).T % 2 @ (1 << np.arange(rows))
            keys = [parts[image == z].sum(axis=0) - whole / 2**rows for z in range(2**rows)]
            norms.append(sum(np.abs(np.linalg.eigvalsh(k)).sum() for k in keys))
        bound = 2 ** (2 / alpha - 1) * 2 ** (rows * (alpha - 1) / alpha) * power_of_all ** (1 / alpha)
        assert float(np.mean(norms)) <= bound


# -- the lengths ------------------------------------------------------------------------------------------------------


def test_ion_experiment() -> None:
    """arXiv:2109.14600 has 95628 bits from 1.5e6 pairs: CHSH 2.64, errors of 1.8 %, tests with 13/256, 296517 sent."""
    found = key(devices(2.64, 0.018), 1.5e6, test_probability=13 / 256)
    left = found.length - found.terms["error correction"] - 296517
    assert 440_000 < left < 441_000
    assert found.length > key(devices(2.64, 0.018), 1.5e6, method="accumulation", entropies=tangents()).length * 2


def test_expansion_experiment() -> None:
    """arXiv:1912.11159 has 2.57e8 bits more than it took."""
    p = sb.Behaviour.from_correlators((2 * 0.752484 - 1) * np.array([[1, 1], [1, -1]]))
    security = sb.FiniteSecurity(soundness=3.09e-12)
    found = sb.finite_randomness_length(
        p, 138_240_000_000, security=security, test_probability=3.264e-4, net=True, method="renyi"
    )
    assert isinstance(found, sb.FiniteLength)
    assert 7.83e8 < found.net_length < 7.84e8
    assert found.certificate.verify().holds


@pytest.mark.slow
@pytest.mark.parametrize("chsh", [2.64, 2.7, 2.8])
def test_never_below_accumulation(chsh: float) -> None:
    p = devices(chsh, 0.5 - chsh / (2 * ROOT8))
    counts = [1e5, 1e6, 1e8, 1e10]
    new = sb.finite_key_length(p, counts, 0, 2, method="renyi")
    old = sb.finite_key_length(p, counts, 0, 2, "full", entropies=tangents())
    assert isinstance(new, tuple) and isinstance(old, tuple)
    assert all(one.length > other.length for one, other in zip(new, old, strict=True))
    assert all(one.length < entropy(chsh) * one.rounds for one in new)
    least = sb.minimum_rounds(p, 0, 2, method="renyi")
    assert 2 * least < sb.minimum_rounds(p, 0, 2, "full", entropies=tangents())
    assert key(p, least).length >= 1.0


def test_no_attack_by_identical_rounds_is_beaten() -> None:
    """Devices of a lower CHSH value that pass with a probability p above the soundness leave n H(A|E) at most, up to
    fluctuations (of 10 bits times root n here) that Eve's best smoothing would need.
    """
    length = one_key()
    n, gamma = length.rounds, length.test_probability
    won, lost = length.scores[:2, :2].max(), length.scores[:2, :2].min()

    def mean_and_width(s: float) -> tuple[float, float]:
        w = 0.5 + s / 8
        mean = (1 - gamma) * length.untested + gamma * (w * won + (1 - w) * lost)
        square = (1 - gamma) * length.untested**2 + gamma * (w * won**2 + (1 - w) * lost**2)
        return mean, math.sqrt((square - mean**2) / n)

    # normal tails are good to some per cent here: passes with probability 3e-10, 6.2 standard deviations
    passing = brentq(lambda s: mean_and_width(s)[0] + 6.2 * mean_and_width(s)[1] - length.threshold, 2.01, 2.64)
    kept = n * entropy(passing) + length.terms["error correction"] + 10 * math.sqrt(n)
    assert kept - 0.06 * n < length.length < kept


def test_honest_devices_abort_as_promised() -> None:
    """Exact: the mean score is a sum over numbers of tests and of wins; Chernoff's bound is within a factor of 10."""
    length = one_key()
    n, gamma = int(length.rounds), length.test_probability
    won, lost, rest = length.scores[:2, :2].max(), length.scores[:2, :2].min(), length.untested
    tests = np.arange(int(n * gamma) - 3000, int(n * gamma) + 3000)
    need = np.ceil((n * length.threshold - (n - tests) * rest - tests * lost) / (won - lost)) - 1
    fails = float(binom.pmf(tests, n, gamma) @ binom.cdf(need, tests, 0.5 + 2.64 / 8))
    assert length.epsilons["abort by score"] / 10 < fails < length.epsilons["abort by score"]


def test_monotone_and_finite() -> None:
    p = devices(2.7, 0.02)
    counts = [1e2, 1e4, 1e6, 1e10, 1e15]
    found = sb.finite_key_length(p, counts, 0, 2, method="renyi")
    assert isinstance(found, tuple)
    rates = [one.length / one.rounds for one in found]
    assert all(math.isfinite(rate) for rate in rates) and rates == sorted(rates)
    assert rates[-1] == pytest.approx(found[-1].asymptotic_rate, rel=1e-3)
    assert found[-1].asymptotic_rate == pytest.approx(entropy(2.7) - h(0.02), abs=1e-12)
    lengths = [key(p, 1e6, security=sb.FiniteSecurity(soundness=s)).length for s in (1e-15, 1e-10, 1e-2)]
    assert lengths == sorted(lengths)
    lengths = [key(p, 1e6, security=sb.FiniteSecurity(completeness=s)).length for s in (1e-9, 1e-2, 0.3)]
    assert lengths == sorted(lengths)
    assert key(devices(2.0, 0.02), 1e6).length < 0  # local devices


@pytest.mark.slow
@pytest.mark.parametrize("soundness", [1e-10, 1e-5, 1e-2])
def test_the_best_order_is_far_below_three_halves(soundness: float) -> None:
    """Orders up to 2 are tried; where the first bit is proven, the best one is below 1.08."""
    security = sb.FiniteSecurity(soundness=soundness, completeness=0.3)
    for s in (2.64, 2.8, 2.828):
        p = devices(s, 0.5 - s / (2 * ROOT8))
        least = sb.minimum_rounds(p, 0, 2, method="renyi", security=security)
        assert 1.0 < key(p, least, security=security).alpha < 1.03
        counts = [250.0, 500.0, 1000.0, 2000.0, 5000.0]
        found = sb.finite_randomness_length(p, counts, method="renyi", security=security)
        assert isinstance(found, tuple)
        first = next(one for one in found if one.length >= 1.0)
        assert first.rounds > 250.0 and 1.0 < first.alpha < 1.08


def test_shifts_of_scores_are_charged() -> None:
    """Scores larger by z say nothing more: the bound on the weighted Q grows as much."""
    length = one_key()
    options = FiniteKeyOptions(method="renyi")
    games = renyi_games(length.behaviour, 0, 2, "correlators", options)
    game = games.chsh
    assert game is not None and games.powers is None  # the closed form says all that these data say
    with balls():
        scores = game.scores(length.choice, flint.arb(1))
        assert scores is not None
        moved = RenyiScores(scores.rest + 3, [score + 3 for score in scores.tests])
        assert abs(float(game.deficit(length.choice, scores))) < 1e-30
        assert float(game.deficit(length.choice, moved)) == pytest.approx(3.0)
        kinder = RenyiScores(scores.rest, [scores.tests[0] + 1, *scores.tests[1:]])
        assert float(game.deficit(length.choice, kinder)) > 0
    again = certified_renyi("key", game, length.choice, length.rounds)
    assert again.length == length.length


def test_lengths_that_depend_on_counts() -> None:
    """One of 1000 lengths costs 10 bits; the mean is that of honest devices, and no length is above the line."""
    p, n = devices(2.64, 0.018), 400_000
    fixed, several = key(p, n), key(p, n, lengths=1000, method="auto")
    assert several.length == pytest.approx(fixed.length - math.log2(1000), abs=1e-3)
    assert several.threshold == pytest.approx(fixed.threshold) and several.lengths == 1000
    step = 2 * (several.mean_score - several.threshold) / 999
    for more in (0.0, 0.3 * step, 1.5 * step, 499.5 * step, 1.0):
        above = min(math.floor(more / step + 1e-6), 999) * step * n
        found = several.length_at(several.threshold + more + 1e-12)
        assert found == pytest.approx(several.length + above, abs=1e-3) and found <= several.length + more * n + 1e-3
    assert several.length_at(several.mean_score) > fixed.length + 0.025 * n
    assert fixed.length_at(1.0) == fixed.length
    rng = np.random.default_rng(0)
    tests = np.zeros((2, 2, 2, 3), dtype=np.int64)
    tested = round(n * several.test_probability)
    table = np.maximum(p.p, 0.0) * several.test_distribution
    tests += rng.multinomial(tested, (table / table.sum()).ravel()).reshape(table.shape)
    untested = np.zeros_like(tests)
    untested[0, 0, 0, 2] = n - tested
    run = sb.Counts.from_table(tests, untested=untested)
    found = several.accepts(run)
    assert found and several.length_for(run) == several.length_at(found.mean_score) > several.length
    with pytest.raises(sb.InvalidInput, match="need method = 'renyi'"):
        key(p, n, lengths=2, method="accumulation")
    with pytest.raises(sb.InvalidInput, match="lengths = 0"):
        key(p, n, lengths=0)


def test_distance_with_several_lengths() -> None:
    """Parts of a state, each hashed to its own length: the distances together are what theorem 3 allows."""
    rng, alpha = np.random.default_rng(4), 1.4
    theta = (alpha - 1) / alpha
    raw = complex_normal(rng, 2, 8, 3, 3)
    parts = np.einsum("laij,lakj->laik", raw, raw.conj()) * rng.random((2, 8, 1, 1)) ** 3
    parts /= np.einsum("laii->", parts).real
    whole, bits = parts.sum(axis=(0, 1)), np.array(list(np.ndindex(2, 2, 2)))
    total = 0.0
    for rows, part in ((1, parts[0]), (2, parts[1])):
        norms = []
        for hash_ in np.ndindex(*(2,) * (3 * rows)):
            image = bits @ np.reshape(hash_, (rows, 3)).T % 2 @ (1 << np.arange(rows))
            keys = [part[image == z].sum(axis=0) - part.sum(axis=0) / 2**rows for z in range(2**rows)]
            norms.append(sum(np.abs(np.linalg.eigvalsh(k)).sum() for k in keys))
        total += float(np.mean(norms)) / 2
    weighted = 2**theta * parts[0] + 4**theta * parts[1]
    power_of_all = sandwiched(weighted, whole, alpha)
    assert total <= 2 ** (2 / alpha - 2) * 2**theta * power_of_all ** (1 / alpha)


def test_best_of_both() -> None:
    """By default the longer one of both; entropies that are given are for accumulation."""
    p = depolarised(0.02)
    assert sb.finite_key_length(p, 1e6, 0, 2, "full", entropies=tangents()).method == "accumulation"
    both = sb.finite_key_length(p, 1e6, 0, 2, sb.Observations.bell_value(CHSH, p))
    assert isinstance(both, sb.FiniteLength) and both.method == "renyi"
    assert both.length == key(p, 1e6, observed=sb.Observations.bell_value(CHSH, p)).length


def test_other_settings_signs_and_distributions() -> None:
    c = 0.67 * np.array([[0, 1, -1], [0, 0, 0], [0, 1, 1]])
    p = sb.Behaviour.from_correlators(c + np.array([[0.97, 0, 0], [0, 0, 0], [0, 0, 0]]))
    found = sb.finite_key_length(p, 1e6, 0, 0, method="renyi")
    straight = key(sb.Behaviour.from_correlators([[0.67, 0.67, 0.97], [0.67, -0.67, 0.0]]), 1e6)
    assert isinstance(found, sb.FiniteLength) and found.length == pytest.approx(straight.length, abs=1.0)
    drawn = np.zeros((3, 3))
    drawn[0, 1:], drawn[2, 1:] = (0.3, 0.2), (0.25, 0.25)
    uneven = sb.finite_key_length(p, 1e6, 0, 0, method="renyi", test_distribution=drawn)
    assert isinstance(uneven, sb.FiniteLength) and 0.9 * found.length < uneven.length < found.length
    assert uneven.certificate.verify().holds and uneven.functional.value(p) < entropy(2.68)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"entropies": [CHSH]}, "leave them out"),
        ({"test_distribution": np.full((2, 3), 1 / 6)}, "four pairs"),
        ({"behaviour": sb.Behaviour.from_correlators([[0.75, 0.75, 0.9], [0.75, -0.75, 0.0]])}, "2 sqrt"),
        ({"method": "smooth"}, "must be one of"),
        ({"observed": sb.Observations.none(CHSH.scenario)}, "determine a CHSH value"),
        ({"x": 1, "behaviour": sb.Behaviour.from_correlators([[0.7, 0.7, 1.0]])}, "does not exist"),
    ],
)
def test_bad_input(change: dict[str, Any], words: str) -> None:
    given = {"behaviour": depolarised(0.01), "n": 1e6, "x": 0, "y": 2, "method": "renyi"} | change
    with pytest.raises(sb.SdpboundError, match=words):
        sb.finite_key_length(**given)


@pytest.mark.parametrize("lengths", [1, 1000])
def test_honest_runs(lengths: int) -> None:
    """Tables of honest rounds abort at most as often, and are in the mean at least as long, as is said."""
    p, n, tries = devices(2.64, 0.018), 1.5e6, 4000
    found = key(p, n, lengths=lengths)
    gamma = found.test_probability
    chances = np.append((gamma * found.test_distribution * p.p).ravel(), 1 - gamma)
    scores = np.append(found.scores.ravel(), found.untested)
    means = np.random.default_rng(3).multinomial(int(n), chances / chances.sum(), size=tries) @ scores / n
    out = np.array([found.length_at(m) if m >= found.threshold else 0.0 for m in means])
    aborted, spread = float(np.mean(means < found.threshold)), float(out.std()) / math.sqrt(tries)
    assert 0.9 * found.security.completeness < found.abort_probability <= found.security.completeness
    assert aborted <= found.abort_probability + 4 * math.sqrt(found.abort_probability / tries)
    assert 0.95 * out.mean() < found.expected_length < out.mean() + 4 * spread
    if lengths == 1:
        assert found.expected_length == pytest.approx((1 - found.abort_probability) * found.length, rel=1e-9)
    else:
        assert found.expected_length > key(p, n).length + 2e4  # more than a fixed length has in its best case
