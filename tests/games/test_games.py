"""Values of games against known ones, and games that are none."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.games import Game, constraint_game, tsirelson_strategy, xor_game

SQUARE = [((0, 1, 2), 0), ((3, 4, 5), 0), ((6, 7, 8), 0), ((0, 3, 6), 1), ((1, 4, 7), 1), ((2, 5, 8), 1)]


def feige() -> Game:
    """Fortnow, Feige and Lovasz: three pairs of bits; the players win if exactly one of x or a, y or b is true."""
    return Game.from_predicate(lambda a, b, x, y: (x | a) != (y | b), np.array([[1, 1], [1, 0]]) / 3.0, name="FFL")


def brute_force(game: Game) -> float:
    """The classical value of two players, over all pairs of functions from questions to answers."""
    first, second = game.questions.shape
    answers = game.rule.shape
    return max(
        sum(game.questions[x, y] * game.rule[f[x], g[y], x, y] for x in range(first) for y in range(second))
        for f in itertools.product(range(answers[0]), repeat=first)
        for g in itertools.product(range(answers[1]), repeat=second)
    )


@pytest.mark.parametrize("seed", range(5))
def test_classical_values_against_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    questions = rng.random((3, 2))
    game = Game(rng.random((2, 3, 3, 2)), questions / questions.sum())
    assert game.classical().value == pytest.approx(brute_force(game), abs=1e-12)
    assert game.classical().side == "upper"


def test_chsh() -> None:
    game = Game.from_predicate(lambda a, b, x, y: (a ^ b) == (x & y), np.full((2, 2), 0.25))
    for chance in (0.5, Fraction(1, 2), np.float32(0.5), np.array(0.5)):
        even = Game.from_predicate(lambda *_, won=chance: won, np.full((2, 2), 0.25))
        assert even.classical().value == 0.5 == even.no_signaling().value
    assert game.classical().value == 0.75
    assert game.quantum("1").value == pytest.approx((2.0 + math.sqrt(2.0)) / 4.0, abs=1e-8)
    assert game.no_signaling().value == pytest.approx(1.0, abs=1e-12)
    assert game.strategy(2, restarts=3, rng=0)[0] == pytest.approx((2.0 + math.sqrt(2.0)) / 4.0, abs=1e-9)
    assert game.repeated(2).classical().value == 0.625  # not 0.5625: two rounds are won more often together


def test_the_game_of_feige_fortnow_and_lovasz() -> None:
    """Classical, quantum and no-signaling values are 2/3, and two rounds in parallel are won as often as one."""
    game = feige()
    assert game.classical().value == pytest.approx(2.0 / 3.0, abs=1e-12)
    assert game.quantum("1+AB").value == pytest.approx(2.0 / 3.0, abs=1e-7)
    assert game.no_signaling().value == pytest.approx(2.0 / 3.0, abs=1e-9)
    twice = game.repeated(2)
    assert twice.classical().value == pytest.approx(2.0 / 3.0, abs=1e-12)
    assert twice.classical().value == pytest.approx(brute_force(twice), abs=1e-12)


def test_two_rounds_of_an_xor_game_are_won_as_often_as_one_squared() -> None:
    """By quantum players, whose value is multiplicative (Cleve, Slofstra, Unger and Upadhyay, quant-ph/0608146)."""
    game = xor_game([[0, 0], [0, 1]])
    one, two = game.quantum("1").value, game.repeated(2).quantum("1").value
    assert two == pytest.approx(one**2, abs=1e-5)
    assert two >= tsirelson_strategy(game)[0] ** 2 - 1e-12


def test_a_repeated_game_by_its_definition() -> None:
    rng = np.random.default_rng(7)
    questions = rng.random((2, 3))
    game = Game(rng.random((2, 3, 2, 3)), questions / questions.sum())
    twice = game.repeated(2)
    for _ in range(20):
        a, b, x, y = (rng.integers(k, size=2) for k in (2, 3, 2, 3))
        place = (2 * a[0] + a[1], 3 * b[0] + b[1], 2 * x[0] + x[1], 3 * y[0] + y[1])
        won = game.rule[a[0], b[0], x[0], y[0]] * game.rule[a[1], b[1], x[1], y[1]]
        assert twice.rule[place] == pytest.approx(won)
        asked = game.questions[x[0], y[0]] * game.questions[x[1], y[1]]
        assert twice.questions[place[2:]] == pytest.approx(asked)


@pytest.mark.parametrize("seed", range(4))
def test_xor_games_are_exact_at_level_one(seed: int) -> None:
    """The certified bound of level 1, from above, and Tsirelson's strategy, from below, meet."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(2, 7, size=2))
    questions = rng.random(shape)
    game = xor_game(rng.integers(0, 2, size=shape), questions / questions.sum())
    value, strategy = tsirelson_strategy(game)
    above = game.quantum("1").value
    assert value - 1e-12 <= above <= value + 1e-8
    assert game.value(strategy.behaviour()) == pytest.approx(value, abs=1e-12)
    assert game.classical().value <= value + 1e-12


def test_the_elegant_game() -> None:
    """Vectors of three dimensions: a qubit each; the bias is sqrt(3)/3."""
    signs = sb.inequality("elegant").correlator_tensor[1:, 1:]
    value, strategy = tsirelson_strategy(xor_game(signs < 0))
    assert value == pytest.approx(0.5 + math.sqrt(3.0) / 6.0, abs=1e-9)
    assert strategy.dimensions == (2, 2)


def test_three_players_with_the_pseudo_telepathy_of_a_ghz_state() -> None:
    questions = np.zeros((2, 2, 2))
    parities = np.zeros((2, 2, 2))
    for x in itertools.product((0, 1), repeat=3):
        if sum(x) % 2 == 0:
            questions[x], parities[x] = 0.25, sum(x) // 2 % 2
    game = xor_game(parities, questions, name="GHZ")
    assert game.classical().value == 0.75
    assert game.strategy(2, restarts=5, rng=0)[0] == pytest.approx(1.0, abs=1e-9)
    with pytest.raises(sb.InvalidParameter, match="no XOR game of two players"):
        tsirelson_strategy(game)


def test_the_magic_square_as_a_system_of_constraints() -> None:
    game = constraint_game(SQUARE)
    assert game.classical().value == pytest.approx(17.0 / 18.0, abs=1e-12)
    assert game.quantum("1").value == pytest.approx(1.0, abs=1e-7)
    assert game.no_signaling().value == pytest.approx(1.0, abs=1e-9)
    # the observables of Mermin's square, with Bob's transposed, on two pairs of qubits
    one, x, z = np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    square = [np.kron(*p) for p in ((one, z), (z, one), (z, z), (x, one), (one, x), (x, x))]
    square += [square[0] @ square[3], square[1] @ square[4], square[2] @ square[5]]
    columns = [np.linalg.multi_dot([square[k] for k in (j, j + 3, j + 6)]) for j in range(3)]
    rows = [np.linalg.multi_dot(square[3 * i : 3 * i + 3]) for i in range(3)]
    parities = [round((1.0 - float(np.trace(m).real) / 4.0) / 2.0) for m in (*rows, *columns)]
    game = constraint_game([(variables, parity) for (variables, _), parity in zip(SQUARE, parities, strict=True)])
    assert sum(parities) % 2 == 1 and game.classical().value < 1.0
    alice = []
    for (variables, _), parity in zip(SQUARE, parities, strict=True):
        bits = [v for v in itertools.product((0, 1), repeat=3) if sum(v) % 2 == parity]
        alice.append(
            [
                np.linalg.multi_dot(
                    [(np.eye(4) + (-1) ** b * square[v]) / 2.0 for b, v in zip(row, variables, strict=True)]
                )
                for row in bits
            ]
        )
    bob = [[(np.eye(4) + s * m.T) / 2.0 for s in (1, -1)] for m in square]
    strategy = sb.Strategy(np.eye(4).ravel() / 2.0, (tuple(map(np.array, alice)), tuple(map(np.array, bob))))
    assert game.value(strategy.behaviour()) == pytest.approx(1.0, abs=1e-12)


def test_a_system_with_a_solution_is_always_won() -> None:
    game = constraint_game([((0, 1), 1), ((1, 2), [(0, 0), (1, 1)]), ((0, 2), 1)])
    assert game.classical().value == pytest.approx(1.0, abs=1e-12)
    assert game.scenario.outcomes == ((2, 2, 2), (2, 2, 2))


def test_bad_games() -> None:
    rule = np.ones((2, 2, 2, 2))
    for questions, match in (
        (np.full((2, 2), 0.3), "add up to 1.2 instead of 1"),
        ([[0.5, 0.6], [-0.1, 0.0]], "must be at least 0"),
        ([[np.nan, 1.0], [0.0, 0.0]], "finite"),
    ):
        with pytest.raises(sb.InvalidParameter, match=match):
            Game(rule, np.asarray(questions))
    with pytest.raises(sb.InvalidParameter, match="from 0 to 1"):
        Game(2.0 * rule, np.full((2, 2), 0.25))
    with pytest.raises(sb.InvalidShape, match="does not fit questions"):
        Game(rule, np.full((2, 3), 1.0 / 6.0))
    with pytest.raises(sb.TooLarge, match="fewer questions"):
        feige().repeated(8)
    with pytest.raises(sb.InvalidShape, match="same number of answers"):
        constraint_game([((0,), 0), ((0, 1), 1)]).repeated(2)
    with pytest.raises(sb.InvalidParameter, match="parities must be 0 or 1"):
        xor_game([[0, 2]])
    with pytest.raises(sb.InvalidParameter, match="no XOR game"):
        tsirelson_strategy(feige())
    with pytest.raises(sb.InvalidShape, match="must be a number or a rectangular array"):
        xor_game("parities")  # type: ignore[arg-type]
    with pytest.raises(sb.TooLarge, match="entries"):
        xor_game(np.zeros((1,) * 30))
    with pytest.raises(sb.InvalidShape, match="numbers of answers"):
        Game.from_predicate(lambda *_: True, np.full((2, 2), 0.25), [2, 2, 2])
    for predicate, match in (
        (lambda a, b, x, y: 2, r"gives 2 for the arguments \(0, 0, 0, 0\)"),
        (lambda a, b, x, y: a and b and -0.1, r"gives -0.1 for the arguments \(1, 1, 0, 0\)"),
        (lambda a, b, x, y: math.nan, "gives nan"),
        (lambda a, b, x, y: None, "gives None"),
        (lambda a, b, x, y: "yes", "gives 'yes'"),
        (lambda a, b, x: True, "cannot be called with 4 arguments .* 2 answers, then 2 questions"),
        (lambda a, b, x, y, z: True, "missing a required argument: 'z'"),
        (1.0, "must be a function"),
    ):
        with pytest.raises(sb.InvalidInput, match=match):
            Game.from_predicate(predicate, np.full((2, 2), 0.25))  # type: ignore[arg-type]
    for constraints, error, match in (
        ([((0, 0), 1)], sb.InvalidParameter, "a variable twice"),
        ([((0, 2), 1)], sb.InvalidParameter, "without gaps"),
        ([((0, 1), [])], sb.InvalidParameter, "allows nothing"),
        ([((0, 1), [(0, 2)])], sb.InvalidShape, "tuples of 2 bits"),
        ([], sb.InvalidShape, "at least one"),
        ([(0, 1, 2)], sb.InvalidShape, "must be a pair"),
    ):
        with pytest.raises(error, match=match):
            constraint_game(constraints)  # type: ignore[arg-type]
