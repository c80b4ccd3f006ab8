"""What comes out of a bound: the sum of squares, moments, matrices; and the behaviour of a Bell bound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.problems import Operator, Problem, ProblemBound, from_bell, spins

A = Operator.observables("A0 A1", party="A")
B = Operator.observables("B0 B1", party="B")
CHSH = A[0] * (B[0] + B[1]) + A[1] * (B[0] - B[1])
x, y = Operator.hermitians("x y")
PNA = Problem([x, y], rules=[(x * x, x)], inequalities=[-y * y + y + 0.5], moments=[(y, -1, 1)])
Z, X = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])


def chsh(level: object) -> ProblemBound:
    return Problem([*A, *B]).maximize(CHSH, level)


def in_matrices(polynomial: object, values: dict[Operator, np.ndarray]) -> np.ndarray:
    size = len(next(iter(values.values())))
    total = np.zeros((size, size))
    for word, factor in polynomial.terms.items():
        product = np.eye(size)
        for operator in word:
            product = product @ values[operator]
        total += float(factor) * product
    return total


def test_the_identity_holds_in_matrices() -> None:
    """Both sides of the identity in random observables: the same matrix up to rounding."""
    squares = chsh("1").squares
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, b = rng.uniform(0, 6, size=(2, 2))
        values = {A[k]: np.kron(np.cos(a[k]) * Z + np.sin(a[k]) * X, np.eye(2)) for k in range(2)}
        values |= {B[k]: np.kron(np.eye(2), np.cos(b[k]) * Z + np.sin(b[k]) * X) for k in range(2)}
        left = in_matrices(squares.left_side, values)
        right = float(squares.constant) * np.eye(4) + in_matrices(squares.rest, values)
        assert np.abs(left - right).max() < 1e-12
    assert squares.value == squares.constant + sum(abs(v) for v in squares.rest.terms.values())
    assert all(square.weight >= 0 for square in squares.squares)
    assert float(squares.value) <= chsh("1").value < 8**0.5 + 1e-8


def test_the_identity_around_inequalities() -> None:
    """Exactly nothing but a number is left over, but for words with a norm; and no rule is needed beyond x x = x."""
    bound = PNA.minimize(x * y + y * x, 2)
    squares = bound.squares
    assert isinstance(squares.constant, Fraction) and squares.value <= -0.75
    assert all(set(word) <= {x} for word in squares.rest.terms)
    assert {square.inequality is None for square in squares.squares} == {True, False}
    c, s = np.cos(0.3), np.sin(0.3)
    values = {x: np.outer([c, s], [c, s]), y: np.array([[0.2, -0.4], [-0.4, 0.7]])}
    left = in_matrices(squares.left_side, values)
    right = float(squares.constant) * np.eye(2) + in_matrices(squares.rest, values)
    assert np.abs(left - right).max() < 1e-9


def test_print_outs() -> None:
    bound = chsh("1")
    lines = str(bound.squares).splitlines()
    assert lines[0].startswith("2.828427124") and lines[0].endswith("(A0*B0 + A0*B1 + A1*B0 - A1*B1) =")
    assert any("0.8408964*A0"[:8] in line for line in lines[1:])
    latex = bound.squares.latex()
    assert latex.startswith("\\begin{aligned}") and latex.count("\\left") == latex.count("\\right")
    assert "multiplier" not in str(PNA.minimize(x * y + y * x, 2).squares)
    assert "words; certified" in repr(bound)


def test_moments() -> None:
    bound = chsh("1")
    assert bound.moment(CHSH) == pytest.approx(8**0.5, abs=1e-6)
    assert bound.moment(A[0] * B[0]) == pytest.approx(0.5**0.5, abs=1e-6)
    matrix = bound.moment_matrix
    assert matrix.shape == (5, 5) and np.linalg.eigvalsh(matrix)[0] > -1e-8 and np.allclose(np.diag(matrix), 1)
    place = list(map(str, bound.words)).index("A0"), list(map(str, bound.words)).index("B1")
    assert matrix[place] == pytest.approx(0.5**0.5, abs=1e-6)
    with pytest.raises(sb.SolverFailure, match="is none of this level"):
        bound.moment(A[0] * A[1] * A[0] * B[0])
    with pytest.raises(sb.CertificateError, match="no Bell data"):
        _ = bound.given
    with pytest.raises(sb.CertificateError, match="gives no functional"):
        _ = bound.functional


def test_strategies() -> None:
    """Flat matrices are those of operators, whose value is found again by multiplying them."""
    with pytest.raises(sb.SolverFailure, match="of 4 dimensions the operators are known on 3"):
        chsh(2).strategy()
    found = chsh(3).strategy()
    assert found.dimension == 4 and found.error < 1e-5 and found.value == pytest.approx(8**0.5, abs=1e-6)
    own = found.operators[A[0]] @ found.operators[A[0]]
    assert np.allclose(own, np.eye(4), atol=1e-5)
    small = PNA.minimize(x * y + y * x, 2).strategy()
    assert small.dimension == 2 and small.error < 1e-5 and small.value == pytest.approx(-0.75, abs=1e-6)
    assert small.mean(y * y) <= small.mean(y + 0.5) + 1e-6
    i, ((a, b, c),), rules = spins(1)
    spin = Problem([i, a, b, c], rules=rules).maximize(a + b + c, 2).strategy()
    assert spin.error < 1e-5 and spin.value == pytest.approx(3**0.5, abs=1e-6)
    assert np.allclose(spin.matrix(a * b), spin.matrix(i * c), atol=1e-5)


@pytest.mark.parametrize(
    "model", [sb.Quantum("1+AB"), sb.Quantum("1+positive"), sb.NoSignaling(), sb.Local()], ids=repr
)
def test_behaviours_of_bell_bounds(model: sb.Adversary) -> None:
    expression = sb.tilted_chsh(0.5)
    data = sb.Observations.between(sb.chsh(), 1.2, 1.7)
    bound = sb.maximize(expression, model, data)
    assert expression.value(bound.behaviour) == pytest.approx(bound.value, abs=1e-4)
    assert sb.chsh().value(bound.behaviour) <= 1.7 + 1e-4
    guess = sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), 1.9), model)
    assert sb.chsh().value(guess.behaviour) == pytest.approx(1.9, abs=1e-4)


@pytest.mark.parametrize("expression", [sb.chsh(), sb.tilted_chsh(1.2), sb.i3322(), sb.cglmp(3)], ids=repr)
def test_from_bell(expression: sb.BellExpression) -> None:
    """The same bound by the other road, with and without data; and the best deterministic strategy."""
    found = from_bell(expression, "1+AB").bound()
    assert found.value == pytest.approx(sb.maximize(expression, sb.Quantum("1+AB")).value, abs=1e-6)
    data = sb.Observations.between(expression, -0.1, 0.1)
    least = from_bell(expression, "1", data, "minimize").bound()
    assert least.value == pytest.approx(sb.minimize(expression, sb.Quantum("1"), data).value, abs=1e-6)
    local = sb.maximize(expression, sb.Local())
    assert expression.value(local.behaviour) == pytest.approx(local.value, abs=1e-12)


def test_a_proof_below_zero_is_written_with_one_sign() -> None:
    x, y = Operator.hermitians("x y")
    bound = Problem([x, y], rules=[(x * x, x)], inequalities=[-y * y + y + 0.5]).minimize(x * y + y * x, 2)
    assert str(bound.squares).startswith("(x*y + y*x) + 0.7500000") and "- -" not in bound.squares.latex()
