"""Lengths whose test is a proven bound on the power of a Renyi entropy: one round against strategies, and both ways."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.channel import Preprocessing, passed
from sdpbound.finite_size import renyi_powers
from sdpbound.finite_size.renyi import ChshChoice, ChshGame
from sdpbound.finite_size.renyi_affine import AffineGame
from sdpbound.finite_size.renyi_games import renyi_games
from sdpbound.finite_size.renyi_result import certified_renyi
from tests.finite_size.test_renyi_lengths import key, observable
from tests.finite_size.test_theorem_steps import power

FLIPS = 0.02


@cache
def flipped() -> sb.FiniteLength:
    """A key whose bit is flipped, for which there is no closed form; two of four correlators are larger."""
    p = sb.Behaviour.from_correlators([[0.75, 0.66, 0.94], [0.66, -0.6, 0.0]])
    return key(p, 1e6, preprocessing=FLIPS, test_probability=0.06)


def weighted_power(v: np.ndarray, length: sb.FiniteLength, flips: Preprocessing, both: bool) -> float:
    """log2(Q) / beta of a round with these scores, for a state of two qubits and four angles: exact."""
    root = v[:16].reshape(4, 4)
    alpha, gamma = length.alpha, length.test_probability
    half, beta = power(root @ root.T / np.sum(root**2), 1 / (2 * alpha)), alpha - 1

    def term(effect: np.ndarray) -> float:
        return float((np.linalg.eigvalsh(half @ effect @ half).clip(0) ** alpha).sum())

    alice = [[(np.eye(2) + s * observable(w)) / 2 for s in (1, -1)] for w in v[16:18]]
    bob = [[(np.eye(2) + s * observable(w)) / 2 for s in (1, -1)] for w in v[18:20]]
    kept = passed(flips, alice[0])
    own = [np.kron(a, b) for a in alice[0] for b in bob[0]] if both else [np.kron(a, np.eye(2)) for a in kept]
    q = (1 - gamma) * 2 ** (beta * length.untested) * sum(map(term, own))
    for x, y in np.ndindex(2, 2):
        share = gamma * length.test_distribution[x, y]
        weights = 2 ** (beta / alpha * length.scores[:2, :2, x, y])
        parts = [[weights[a, b] * np.kron(alice[x][a], bob[y][b]) for b in range(2)] for a in range(2)]
        q += share * sum(term(e) for row in parts for e in (row if both else [row[0] + row[1]]))
    return math.log2(q) / beta


def no_strategy_is_above(length: sb.FiniteLength, flips: Preprocessing, both: bool) -> float:
    """The largest weighted power of strategies: random ones, and those that the bound's own search ended at."""
    game = length.game
    assert isinstance(game, AffineGame)
    found = game.test.bound.strategies
    assert found is not None
    rng, best = np.random.default_rng(0), -math.inf
    starts = [np.concatenate([rng.normal(size=16), rng.uniform(-math.pi, math.pi, 4)]) for _ in range(20)]
    for rho, a, b in zip(found.states, found.a, found.b, strict=True):
        values, vectors = np.linalg.eigh(rho)
        state = vectors * np.sqrt(values.clip(0))
        starts += [np.concatenate([state.ravel(), [0.0, s * a, 0.0, t * b]]) for s in (1, -1) for t in (1, -1)]
    for v in starts:
        best = max(best, weighted_power(v, length, flips, both))
        moved = v + 0.05 * rng.normal(size=20)
        assert weighted_power(moved, length, flips, both) <= 1e-9
    assert best <= 1e-9
    return best


def test_flips() -> None:
    """No strategy has a weighted power above 1, some are close; both ends say the same; less noise has a longer key."""
    length = flipped()
    assert length.method == "renyi" and length.functional.value(length.behaviour) > 0.4
    assert no_strategy_is_above(length, FLIPS, False) > -0.05
    own = sum(length.terms.values())
    assert length.length == pytest.approx(own, abs=1e-4) and length.length > 1e5
    checked = length.certificate.verify()
    assert checked.holds and length.length <= checked.value <= length.length + 1e-5
    rate = length.asymptotic_rate
    assert length.length < rate * length.rounds


def test_where_the_closed_form_says_all_it_is_not_asked_again() -> None:
    found = key(sb.Behaviour.from_correlators([[0.66, 0.66, 0.964], [0.66, -0.66, 0.0]]), 1.5e6)
    assert isinstance(found.choice, ChshChoice)
    assert found.length == pytest.approx(516516.3, abs=1.0)


def lossy() -> sb.Behaviour:
    """Pairs of visibility 0.99 whose outcomes are lost with probability 0.02 a side; what is lost is a 0."""
    base, eta = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.99).p, 0.98
    first = np.zeros((2, 2, 1, 1))
    first[0, 0] = 1.0
    alice, bob = base.sum(axis=1, keepdims=True), base.sum(axis=0, keepdims=True)
    lost = alice * np.array([1.0, 0.0])[None, :, None, None] + bob * np.array([1.0, 0.0])[:, None, None, None]
    return sb.Behaviour(eta**2 * base + eta * (1 - eta) * lost + (1 - eta) ** 2 * first)


@pytest.mark.slow
@pytest.mark.parametrize(("y", "rounds"), [(None, 1e8), (0, 1e7)])
def test_full_statistics_of_lossy_devices(y: int | None, rounds: float) -> None:
    """All data, and outcomes of both, are worth more than a CHSH value; verified, and no strategy is above.

    At 1e7 rounds Alice's outcome alone has 0.2 % more from a CHSH test of every round, whose other setting counts, too:
    the next test.
    """
    p = lossy()
    found: Any = sb.finite_randomness_length(p, rounds, 0, y, "full", method="renyi")
    chsh: Any = sb.finite_randomness_length(
        p,
        rounds,
        0,
        y,
        sb.Observations.bell_value(sb.chsh(), p),
        method="renyi",
        test_distribution=np.full((2, 2), 0.25),
    )
    assert isinstance(found.game, AffineGame) and found.length >= chsh.length
    no_strategy_is_above(found, 0.0, y is not None)
    assert found.certificate.verify().holds


@pytest.mark.slow
def test_the_better_of_a_chsh_test_and_of_all_data_is_taken() -> None:
    """With all statistics both tests compete, from the first rounds that have a length on; the length is the longer."""
    p, grid = lossy(), [2e4, 1e6, 1e7, 1e8]
    found: Any = sb.finite_randomness_length(p, grid, 0, None, "full", method="renyi")
    games = renyi_games(p, 0, None, "full", sb.FiniteRandomnessOptions(method="renyi"))
    choices = list(games.choices(grid, None))
    for n, length in zip(grid, found, strict=True):
        each = {
            kind: max(certified_renyi("randomness", g, c, n).length for g, c in choices if isinstance(g, kind))
            for kind in (ChshGame, AffineGame)
        }
        assert min(each.values()) > 0.0
        assert length.length == max(each.values()) and isinstance(length.game, max(each, key=each.__getitem__))
    kinds = [type(length.game) for length in found]
    assert kinds[0] is ChshGame and kinds[-1] is AffineGame


@pytest.mark.slow
def test_close_to_the_closed_form() -> None:
    """From a CHSH value alone the solved bound has the same length, but for tests of Alice's other setting."""
    p = sb.Behaviour.from_correlators([[0.661, 0.66, 0.964], [0.66, -0.66, 0.0]])
    games = sb.finite_key_length(p, [1e6, 1e8], 0, 2, method="renyi", preprocessing=1e-9)
    closed = sb.finite_key_length(p, [1e6, 1e8], 0, 2, method="renyi")
    for one, other in zip(games, closed, strict=True):
        assert 0.85 * other.length < one.length < 1.01 * other.length


def test_orders_with_long_proofs_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default has what is proven without them, says so, and has no less where it may work more."""
    p = sb.Behaviour.from_correlators([[0.75, 0.66], [0.66, -0.6]])
    asked: dict[str, Any] = {"preprocessing": FLIPS, "test_probability": 0.06}
    monkeypatch.setattr(renyi_powers, "MOST_CELLS", 70)
    short = sb.finite_key_length(p, 1e6, 0, 0, **asked)
    monkeypatch.undo()
    long = sb.finite_key_length(p, 1e6, 0, 0, **asked)
    assert short.method == "accumulation" and short.certificate.verify().holds
    assert long.method == "renyi" and not long.notes and long.length > short.length
    (text,) = short.notes
    assert f"1 + {long.alpha - 1.0:.3g}" in text and "method='renyi'" in text and text in repr(short)
    alone = sb.finite_key_length(p, 1e6, 0, 0, method="accumulation", **asked)
    assert alone.length == short.length and not alone.notes
    monkeypatch.setattr(renyi_powers, "MOST_CELLS", 70)
    asked_for = sb.finite_key_length(p, 1e6, 0, 0, method="renyi", **asked)
    assert asked_for.length == long.length and not asked_for.notes


@pytest.mark.parametrize("beta", [1e-4, 2.0**-19])
@pytest.mark.parametrize("channel", [0.1, sb.BinaryChannel(0.03, 0.01)])
def test_small_orders_have_proofs_as_good_as_large_ones(beta: float, channel: Preprocessing) -> None:
    """Below 2^-12 these were 0.05 bits off after a minute, for steps that ended nowhere."""
    data = sb.Observations.correlators(sb.Behaviour.from_correlators([[0.66, 0.66], [0.66, -0.66]]))
    asked: dict[str, Any] = {"kind": "sandwiched down", "preprocessing": channel, "tolerance": 1e-5}
    small, large = (sb.renyi_entropy(data, alpha=1.0 + s, **asked) for s in (beta, 0.01))
    assert small.gap < 1e-5 and 0.0 < small.value - large.value < 0.01
    neumann = sb.conditional_entropy(data, 0, None, sb.VonNeumann(method="qubit", tolerance=1e-5), channel)
    assert neumann.value - 2e-5 - 2.0 * beta < small.value < neumann.value + 2e-5


@pytest.mark.slow
def test_data_at_the_end_of_the_quantum_set() -> None:
    """A search that goes on to steep functionals finds some of which roundings leave nothing."""
    p = sb.Behaviour.from_correlators([[0.5**0.5, 0.5**0.5], [0.5**0.5, -(0.5**0.5)]])
    for beta in (1e-3, 1.3e-3, 5e-5):
        bound = sb.renyi_entropy(sb.Observations.full(p), alpha=1.0 + beta, kind="sandwiched down", method="qubit")
        assert bound.value > 0.9995 - beta
