"""Problems from elsewhere: Bell expressions, ncpol2sdpa's way of writing, and files in sparse SDPA format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.arguments import instance
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import DATA_TOLERANCE, Observations
from sdpbound.conic.formats import read_sdpa
from sdpbound.errors import InvalidInput, TooLarge
from sdpbound.problems.bound import ProblemBound
from sdpbound.problems.expressions import Operator, Polynomial, polynomial, sum_of
from sdpbound.problems.levels import MOST_WORDS, Level, words_of
from sdpbound.problems.solving import Problem

__all__ = ["ImportedProblem", "from_bell", "from_ncpol2sdpa", "from_sdpa"]


@dataclass(frozen=True, eq=False)
class ImportedProblem:
    """A problem with its objective and words, as another program states it.

    Attributes
    ----------
    problem : Problem
    objective : polynomial
    words : the words of the level
    sense : "minimize" or "maximize"
    """

    problem: Problem
    objective: Polynomial
    words: tuple[Polynomial, ...]
    sense: str

    def bound(self, solver: Any = None, tolerance: float | None = None) -> ProblemBound:
        """The certified bound: a lower one of a minimum, an upper one of a maximum."""
        call = self.problem.minimize if self.sense == "minimize" else self.problem.maximize
        return call(self.objective, self.words, solver, tolerance)


def from_ncpol2sdpa(
    variables: Sequence[Any],
    level: int,
    objective: Any = 0,
    inequalities: Sequence[Any] | None = None,
    equalities: Sequence[Any] | None = None,
    substitutions: Mapping[Any, Any] | None = None,
    momentinequalities: Sequence[Any] | None = None,
    momentequalities: Sequence[Any] | None = None,
    momentsubstitutions: Mapping[Any, Any] | None = None,
    extramonomials: Sequence[Any] | None = None,
) -> ImportedProblem:
    """A problem from what ``ncpol2sdpa.SdpRelaxation(variables).get_relaxation(level, ...)`` takes.

    ncpol2sdpa minimises, and so does ``.bound()``. Its variables are objects of sympy: Hermitian operators, operators,
    and symbols that commute with everything; neither package is needed but by who makes them. An entry of the
    inequalities is a polynomial that is not negative, of the equalities one that is zero. Level -1 takes the extra
    monomials only. The localising matrices have all words of the level that lead to moments of the main one.

    Parameters
    ----------
    variables : all operators and symbols, in one list
    level : a number from 1, or -1
    objective : the polynomial that is minimised
    inequalities, equalities : polynomials
    substitutions : a monomial for what stands for it
    momentinequalities, momentequalities : polynomials whose means are not negative, or zero
    momentsubstitutions : the numbers of means of monomials
    extramonomials : monomials beside those of the level

    >>> from sympy.physics.quantum.operator import HermitianOperator
    >>> x, y = HermitianOperator("x"), HermitianOperator("y")
    >>> found = from_ncpol2sdpa([x, y], 2, x*y + y*x, inequalities=[-y**2 + y + 0.5], substitutions={x**2: x})
    >>> round(found.bound().value, 5)
    -0.75
    """
    flat = list(_flattened(variables))
    reader = _Reader(flat)
    rules = [(reader.read(left), reader.read(right)) for left, right in (substitutions or {}).items()]
    zero = [(reader.read(e), 0, 0) for e in momentequalities or ()]
    zero += [(reader.read(left) - reader.read(right), 0, 0) for left, right in (momentsubstitutions or {}).items()]
    positive = [(reader.read(e), 0, None) for e in momentinequalities or ()]
    goal = reader.read(objective)
    extra = [reader.read(word) for word in _flattened(extramonomials or ())]
    own = [reader.read(g) for g in _flattened(inequalities or ())]
    vanishing = [reader.read(e) for e in _flattened(equalities or ())]
    operators = [*reader.operators.values(), *([reader.unit] if reader.unit_used else [])]
    scalars = [operator for operator in reader.operators.values() if operator in reader.scalars]
    pairs = [(s, o) for s in scalars for o in reader.operators.values() if s != o]
    problem = Problem(
        operators,
        rules=[rule for rule in rules if rule[0] != rule[1]],
        commuting=pairs,
        equalities=vanishing,
        inequalities=own,
        moments=[*zero, *positive],
    )
    algebra = problem.algebra
    words = [] if level == -1 else [algebra.polynomial({word: Fraction(1)}) for word in words_of(algebra, level)]
    return ImportedProblem(problem, goal, (polynomial(1), *words, *extra), "minimize")


def _flattened(entries: Any) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        found += _flattened(entry) if isinstance(entry, (list, tuple)) else [entry]
    return found


def from_bell(
    expression: BellExpression, level: Level = "2", observed: Observations | None = None, sense: str = "maximize"
) -> ImportedProblem:
    """A Bell expression and tested data as a problem of operators, for its sum of squares, moments and strategies.

    Operators are named as in print-outs of expressions: ``A0`` an observable of two outcomes, ``A0|1`` a projector.

    Parameters
    ----------
    expression : what is bounded; constants included
    level : of the hierarchy, as of :class:`sdpbound.Quantum`
    observed : what is tested, if anything: moment conditions of the problem
    sense : "maximize" or "minimize"

    Raises
    ------
    InvalidInput
        The sense is another one.

    >>> import sdpbound as sb
    >>> found = from_bell(sb.chsh(), "1")
    >>> print(found.objective)
    A0*B0 + A0*B1 + A1*B0 - A1*B1
    >>> round(found.bound().value, 6)
    2.828427
    """
    scenario = instance(expression, BellExpression, "expression", "chsh()").scenario
    if sense not in ("maximize", "minimize"):
        raise InvalidInput(f"sense = {sense!r:.60} must be 'maximize' or 'minimize'.")
    letters: list[list[Polynomial]] = []
    for name, party in zip("ABCDEFGH", scenario.letters, strict=False):
        own = [polynomial(1)]
        for letter in party:
            if letter.outcome is None:
                own.append(polynomial(Operator(f"{name}{letter.setting}", "observable", name)))
            else:
                text = f"{name}{letter.setting}|{letter.outcome}"
                own.append(polynomial(Operator(text, "projector", name, f"{name}{letter.setting}")))
        letters.append(own)

    def read(table: NDArray[np.float64]) -> Polynomial:
        parts = []
        for index in np.argwhere(table):
            word = polynomial(float(table[tuple(index)]))
            for party, i in zip(letters, index, strict=True):
                word = word * party[int(i)]
            parts.append(word)
        return sum_of(parts)

    moments = []
    for coefficients, value, tolerance in (
        zip(observed.coefficients, observed.values, observed.tolerances, strict=True) if observed is not None else ()
    ):
        center, half = Fraction(float(value)), Fraction(float(tolerance))
        exact = half <= DATA_TOLERANCE
        moments.append((read(coefficients), center - (0 if exact else half), center + (0 if exact else half)))
    problem = Problem([letter for party in letters for letter in party[1:]], moments=moments)
    words = tuple(problem.algebra.polynomial({word: Fraction(1)}) for word in words_of(problem.algebra, level))
    return ImportedProblem(problem, read(expression.coefficients), words, sense)


class _Reader:
    """From expressions of sympy to polynomials, by the names of their classes."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self.unit = Operator.imaginary("i_unit")
        self.unit_used = False
        self.operators: dict[str, Operator] = {}
        self.scalars: set[Operator] = set()
        for variable in variables:
            name = str(variable)
            hermitian = bool(getattr(variable, "is_hermitian", False)) or type(variable).__name__ == "Symbol"
            operator = Operator(_cleaned(name), "hermitian" if hermitian else "general")
            self.operators[name] = operator
            if getattr(variable, "is_commutative", False):
                self.scalars.add(operator)

    def read(self, expression: Any) -> Polynomial:
        """A polynomial; numbers of Python, and sympy's sums, products, powers and daggers."""
        if isinstance(expression, (int, float, Fraction)):
            return polynomial(expression)
        kind = type(expression).__name__
        if str(expression) in self.operators:
            return polynomial(self.operators[str(expression)])
        arguments: tuple[Any, ...] = tuple(getattr(expression, "args", ()))
        if kind == "Add":
            return sum_of(map(self.read, arguments))
        if kind == "Mul":
            product = polynomial(1)
            for argument in arguments:
                product = product * self.read(argument)
            return product
        if kind == "Pow" and getattr(arguments[1], "is_Integer", False):
            base: Polynomial = self.read(arguments[0])
            return base ** int(arguments[1])
        if kind in ("Dagger", "adjoint") and len(arguments) == 1:
            inner: Polynomial = self.read(arguments[0])
            return inner.adjoint
        if kind == "ImaginaryUnit":
            self.unit_used = True
            return polynomial(self.unit)
        if getattr(expression, "is_Rational", False):
            return polynomial(Fraction(int(expression.p), int(expression.q)))
        if getattr(expression, "is_number", False) and getattr(expression, "is_real", False):
            return polynomial(float(expression))
        raise InvalidInput(
            f"{expression!s:.80} cannot be read: expressions are sums, products, powers and daggers of the variables "
            f"{', '.join(list(self.operators)[:12])} with real numbers or sympy.I."
        )


def _cleaned(name: str) -> str:
    text = "".join(c if (c.isascii() and c.isalnum()) or c in "_|'" else "_" for c in name)
    return text if text[:1].isalpha() else f"v{text}"


def from_sdpa(path: str | os.PathLike[str]) -> ImportedProblem:
    """A semidefinite program from a sparse SDPA file, as a problem whose certified bound is one on its optimum.

    The file is about ``min c x`` with ``sum_i F_i x_i - F_0`` positive (P), and ``max <F_0, Y>`` with ``<F_i, Y> =
    c_i`` and Y positive (D). Y is the matrix ``<w_a* w_b>`` of operators w of which nothing else is known, so that (D)
    is a problem of operators with moment conditions. ``.bound()`` is an upper bound on (D) and, for its proof is an
    exactly feasible x, on (P) too. Blocks are joined to one matrix.

    Raises
    ------
    InvalidInput, TooLarge

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "small.dat-s"  # max Y_01 + Y_10, where Y_00 + Y_11 = 1
    >>> _ = path.write_text("1\\n1\\n2\\n1.0\\n0 1 1 2 1.0\\n1 1 1 1 1.0\\n1 1 2 2 1.0\\n")
    >>> round(from_sdpa(path).bound().value, 6)
    1.0
    """
    program = read_sdpa(path)
    total = program.linear + sum(program.sizes)
    if total >= min(MOST_WORDS, 150):
        raise TooLarge(f"the blocks of the file have {total} rows together; at most 149 can be imported.")
    letters = [Operator(f"w{k}", "general") for k in range(total)]
    pairs: list[Polynomial] = []
    starts = np.concatenate([[0], np.cumsum([1] * program.linear + list(program.sizes))]).astype(int).tolist()
    for start, size in zip(starts, [1] * program.linear + list(program.sizes), strict=False):
        for j in range(size):
            for i in range(j + 1):
                word = letters[start + i].adjoint * letters[start + j]
                pairs.append(word if i == j else 2 * word)
    matrix = sp.csc_array(program.matrix)
    moments = []
    for k in range(program.variables):
        rows = matrix.indices[matrix.indptr[k] : matrix.indptr[k + 1]]
        values = matrix.data[matrix.indptr[k] : matrix.indptr[k + 1]]
        left = sum_of([pairs[int(row)] * float(value) for row, value in zip(rows, values, strict=True)])
        goal = -float(program.cost[k])
        if not left.terms:
            raise InvalidInput(f"the variable {k + 1} of the file stands in no block; leave it out.")
        moments.append((left, goal, goal))
    objective = sum_of([pairs[int(row)] * -float(program.constant[row]) for row in np.flatnonzero(program.constant)])
    words = (polynomial(1), *map(polynomial, letters))
    return ImportedProblem(Problem(letters, moments=moments), objective, words, "maximize")
