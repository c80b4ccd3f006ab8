"""The same jobs in ncpol2sdpa, cvxpy, scipy and toqito, written as a careful user would."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

import sdpbound as sb

__all__ = [
    "cvxpy_bell_values",
    "cvxpy_guessing_probability",
    "ncpol2sdpa_build",
    "ncpol2sdpa_objective",
    "scipy_no_signaling_guessing",
    "toqito_bell_value",
]

Floats = NDArray[np.float64]
CLARABEL: dict[str, Any] = {"solver": "CLARABEL", "tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9}


# -- ncpol2sdpa ---------------------------------------------------------------------------------------------------


def ncpol2sdpa_build(settings: int, level: str) -> tuple[Any, Any, Any]:
    """A relaxation with ``settings`` binary measurements for both parties, in projectors as in its documentation."""
    from ncpol2sdpa import SdpRelaxation, flatten, generate_measurements, projective_measurement_constraints

    a, b = generate_measurements([2] * settings, "A"), generate_measurements([2] * settings, "B")
    rules = projective_measurement_constraints(a, b)
    relaxation = SdpRelaxation(flatten([a, b]), verbose=0, normalized=True)
    if level == "1+AB":
        products = [p * q for p in flatten(a) for q in flatten(b)]
        relaxation.get_relaxation(1, substitutions=rules, extramonomials=products)
    else:
        relaxation.get_relaxation(int(level), substitutions=rules)
    return relaxation, a, b


def ncpol2sdpa_objective(expression: sb.BellExpression, a: Any, b: Any) -> Any:
    """The objective it minimises."""
    from ncpol2sdpa import define_objective_with_I

    return define_objective_with_I(expression.collins_gisin.tolist(), a, b)


# -- cvxpy --------------------------------------------------------------------------------------------------------

Word = tuple[str, ...]


def _normal(word: Word) -> Word:
    forms = []
    for order in (word, word[::-1]):
        out: list[str] = []
        for party in "AB":
            own: list[str] = []
            for letter in (x for x in order if x[0] == party):
                if own and own[-1] == letter:
                    own.pop()
                else:
                    own.append(letter)
            out += own
        forms.append(tuple(out))
    return min(forms)


def _letters(settings: int) -> tuple[list[Word], list[Word]]:
    a, b = ([(f"{p}{x}",) for x in range(settings)] for p in "AB")
    return a, b


def _words(settings: int, level: str) -> list[Word]:
    a, b = _letters(settings)
    words: list[Word] = [(), *a, *b, *(u + v for u in a for v in b)]
    if level == "2":
        words += [u + v for own in (a, b) for u in own for v in own if u != v]
    return words


def _basis(words: Sequence[Word]) -> tuple[dict[Word, int], Floats]:
    """Number of each moment, and a matrix (n^2, moments) that places them."""
    n = len(words)
    numbers: dict[Word, int] = {}
    where = np.array([[numbers.setdefault(_normal(u[::-1] + v), len(numbers)) for v in words] for u in words])
    table = np.zeros((n * n, len(numbers)))
    table[np.arange(n * n), where.reshape(-1)] = 1.0
    return numbers, table


def _cost(expression: sb.BellExpression, numbers: dict[Word, int]) -> Floats:
    a, b = _letters(expression.scenario.settings[0])
    cost = np.zeros(len(numbers))
    for i, j in np.ndindex(expression.scenario.shape):
        cost[numbers[([(), *a][i]) + ([(), *b][j])]] += expression.coefficients[i, j]
    return cost


def cvxpy_bell_values(settings: int, level: str = "1+AB") -> Callable[[sb.BellExpression], float]:
    """A parametrised problem, compiled once and solved for each expression."""
    import cvxpy

    words = _words(settings, level)
    n = len(words)
    numbers, table = _basis(words)
    moments = cvxpy.Variable(len(numbers))
    cost = cvxpy.Parameter(len(numbers))
    matrix = cvxpy.reshape(table @ moments, (n, n), order="C")
    problem = cvxpy.Problem(cvxpy.Maximize(cost @ moments), [moments[0] == 1, matrix >> 0])

    def value(expression: sb.BellExpression) -> float:
        cost.value = _cost(expression, numbers)
        return float(problem.solve(**CLARABEL))

    return value


def cvxpy_guessing_probability(behaviour: sb.Behaviour, level: str, y: int | None) -> float:
    """Local or global guessing probability of x = 0 with the full behaviour, built and solved."""
    import cvxpy

    words = _words(2, level)
    n = len(words)
    numbers, table = _basis(words)
    guesses = [(s, None) for s in (1, -1)] if y is None else list(itertools.product((1, -1), repeat=2))
    copies = [cvxpy.Variable(len(numbers)) for _ in guesses]
    constraints = [cvxpy.reshape(table @ m, (n, n), order="C") >> 0 for m in copies]
    a, b = _letters(2)
    tested = [numbers[u + v] for u in [(), *a] for v in [(), *b]]
    constraints.append(sum(copies)[tested] == behaviour.moments.reshape(-1))
    chance: Any = 0.0
    for m, (s, t) in zip(copies, guesses, strict=True):
        one, first = m[0], m[numbers["A0",]]
        if t is None:
            chance += (one + s * first) / 2
        else:
            chance += (one + s * first + t * m[numbers[(f"B{y}",)]] + s * t * m[numbers["A0", f"B{y}"]]) / 4
    return float(cvxpy.Problem(cvxpy.Maximize(chance), constraints).solve(**CLARABEL))


# -- scipy --------------------------------------------------------------------------------------------------------


def scipy_no_signaling_guessing(value: float) -> Callable[[], float]:
    """Guessing probability of x = 0 for a CHSH value, two sub-normalised tables p[e, a, b, x, y]; only solved."""
    shape = (2,) * 5
    cost, normalised, chsh = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    rows = []
    for e, i, j, x, y in np.ndindex(shape):
        cost[e, i, j, x, y] = -float(i == e and x == 0 and y == 0)
        normalised[e, i, j, x, y] = float(x == y == 0)
        chsh[e, i, j, x, y] = (-1.0) ** (i + j + x * y)
    for e, outcome, setting in np.ndindex(2, 2, 2):
        one, other = np.zeros(shape), np.zeros(shape)
        one[e, outcome, :, setting, 0], one[e, outcome, :, setting, 1] = 1.0, -1.0
        other[e, :, outcome, 0, setting], other[e, :, outcome, 1, setting] = 1.0, -1.0
        rows += [one, other]
    table = np.array([normalised, chsh, *rows]).reshape(2 + len(rows), -1)
    right = np.array([1.0, value] + [0.0] * len(rows))
    return lambda: -float(linprog(cost.reshape(-1), A_eq=table, b_eq=right, bounds=(0, None), method="highs").fun)


# -- toqito -------------------------------------------------------------------------------------------------------


def toqito_bell_value(expression: sb.BellExpression, level: str) -> float:
    """toqito's NPA bound of an expression with binary outcomes."""
    from toqito.state_opt import bell_inequality_max

    settings = expression.scenario.settings
    return float(bell_inequality_max(expression.coefficients, [2, 2, *settings], "fc", "quantum", level.lower()))
