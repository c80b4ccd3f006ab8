"""Bounds of operator problems: the number, its proof as plain data, and the optimum as found."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import exact_number
from sdpbound.bounds.figures import Figure
from sdpbound.bounds.rounding import rounded
from sdpbound.errors import CertificateError, SolverFailure
from sdpbound.problems.certifying import Gram, SquaresProof
from sdpbound.problems.expressions import Expression, Polynomial, polynomial
from sdpbound.problems.program import Program, unpacked
from sdpbound.problems.rules import Terms
from sdpbound.problems.squares import SumOfSquares, sum_of_squares
from sdpbound.problems.strategies import OperatorStrategy, flat_extension
from sdpbound.version import __version__

__all__ = ["OperatorValue", "ProblemBound", "ProblemProof"]


@dataclass(frozen=True, slots=True)
class OperatorValue(Figure):
    """The mean of a polynomial in operators. Its "lower" bound is found as an upper one on the negative."""

    kind = "operator_value"
    objective: Polynomial

    @property
    def words(self) -> str:
        text = str(self.objective)
        return f"<{text}>" if len(text) <= 60 else f"<{text[:50]} ...>"

    def entry(self) -> dict[str, Any]:
        return {"kind": self.kind, "objective": str(self.objective)}

    def sign(self, side: str) -> float:
        return -1.0 if side == "lower" else 1.0


@dataclass(frozen=True, eq=False)
class ProblemProof(Proof):
    """A sum of squares that proves a bound."""

    no_functional: ClassVar[str] = (
        "this bound is about the operators of a problem, and gives no functional of a behaviour; its proof is "
        "bound.squares."
    )
    program: Program
    figure: OperatorValue
    side: str
    squares: SquaresProof

    @property
    def given(self) -> Observations:
        raise CertificateError("this bound is about a problem of operators; no Bell data were tested.")

    def certificate(self, value: float) -> dict[str, Any]:
        statement = self.program.relaxation.statement
        algebra = statement.algebra
        objective = algebra.terms(self.figure.objective, "the objective")
        question = {
            "figure": {"kind": self.figure.kind, "objective": _written(objective)},
            "side": self.side,
            "letters": [
                {"name": str(letter), "adjoint": algebra.adjoints[i]} for i, letter in enumerate(algebra.letters)
            ],
            "rules": [[list(left), _written(right)] for left, right in algebra.stated],
            "equalities": [_written(algebra.terms(e, "an equality")) for e in statement.equal],
            "inequalities": [_written(algebra.terms(g, "an inequality")) for g in statement.positive],
            "moments": [
                {
                    "expression": _written(algebra.terms(interval.expression, "a moment condition")),
                    "low": None if interval.low is None else exact_number(interval.low),
                    "high": None if interval.high is None else exact_number(interval.high),
                }
                for interval in statement.intervals
            ],
        }
        main, *local = self.squares.grams
        multiples = zip(self.program.relaxation.multiples, self.squares.multiples, strict=True)
        return {
            "format": "sdpbound certificate",
            "version": 1,
            "created_by": f"sdpbound {__version__}",
            "kind": "operator problem",
            "question": question,
            "proof": {
                "derived": [
                    {
                        "left": list(left),
                        "right": _written(right),
                        "word": list(word),
                        "first": [i, p],
                        "second": [j, q],
                    }
                    for (left, right), (word, i, p, j, q) in algebra.derived
                ],
                "multipliers": [exact_number(m) for m in self.squares.multipliers],
                "squares": _gram(main),
                "localised": [{"inequality": gram.block.inequality} | _gram(gram) for gram in local],
                "multiples": [
                    [multiple.equality, list(multiple.left), list(multiple.right), exact_number(factor)]
                    for multiple, factor in multiples
                    if factor
                ],
            },
            "claim": {"value": value},
        }


def _written(terms: Terms) -> list[list[Any]]:
    return [[exact_number(_plain(value)), list(word)] for word, value in terms.items()]


def _plain(value: Fraction) -> Fraction | float:
    """A fraction that a float is as that float."""
    return float(value) if Fraction(float(value)) == value else value


def _gram(gram: Gram) -> dict[str, Any]:
    return {
        "words": [list(word) for word in gram.block.words],
        "factor": [row[: i + 1].tolist() for i, row in enumerate(gram.factor)],
        "remainder": [[i, j, exact_number(value)] for (i, j), value in gram.remainder.items()],
    }


@dataclass(frozen=True, eq=False)
class ProblemBound(Bound):
    """A proven bound on the mean of a polynomial, over all operators and states of a problem.

    Beside what every :class:`~sdpbound.Bound` has:

    Attributes
    ----------
    words : the words of the moment matrix, as polynomials
    found : (moments,) the optimum as the solver found it, numeric and not proven; None if it said none
    """

    _proof: ProblemProof = field(repr=False, kw_only=True)
    found: Floats | None = field(default=None, repr=False, kw_only=True)

    @property
    def words(self) -> tuple[Polynomial, ...]:
        relaxation = self._proof.program.relaxation
        algebra = relaxation.statement.algebra
        return tuple(algebra.polynomial({word: Fraction(1)}) for word in relaxation.blocks[0].words)

    @cached_property
    def squares(self) -> SumOfSquares:
        """The proof as an identity of polynomials, exact: ``print`` it, or ``.latex()``."""
        proof = self._proof
        return sum_of_squares(proof.program, proof.figure.objective, self.side, proof.squares)

    def moment(self, expression: Expression) -> float:
        """The mean of a polynomial at the optimum that the solver found: numeric, not proven.

        Raises
        ------
        SolverFailure
            If the solver said no optimum, or the polynomial has words that are no moments of this level.
        """
        relaxation = self._proof.program.relaxation
        algebra = relaxation.statement.algebra
        terms = algebra.rewriting.canonicals(algebra.terms(polynomial(expression), "the expression"))
        numbers = relaxation.numbers
        missing = [word for word in terms if word not in numbers]
        if missing:
            raise SolverFailure(f"the moment of {algebra.shown(missing[0])} is none of this level; take a higher one.")
        return sum(float(value) * float(self._moments[numbers[word]]) for word, value in terms.items())

    @property
    def _moments(self) -> Floats:
        if self.found is None:
            raise SolverFailure(f"the solver {self.solver} gave no optimum, only its dual; try another solver.")
        return self.found

    @property
    def moment_matrix(self) -> Floats:
        """(n, n) the matrix of ``<u* v>`` for the ``words``, as found: numeric, real parts."""
        program = self._proof.program
        return unpacked(program.tables[0] @ self._moments, len(self.words), plain=True)

    def strategy(self, tolerance: float = 1e-6) -> OperatorStrategy:
        """Matrices for the operators and a state with the moments found, where the matrix is flat.

        Parameters
        ----------
        tolerance : eigenvalues below this part of the largest count as zero

        Raises
        ------
        SolverFailure
            If a higher level is needed, or the solver gave no optimum.
        """
        proof = self._proof
        return flat_extension(proof.program.relaxation, self._moments, proof.figure.objective, tolerance)

    @property
    def data(self) -> str:
        """What the bound is about: a problem of operators."""
        return "operators"

    def __repr__(self) -> str:
        sign = "<=" if self.side == "upper" else ">="
        size = len(self._proof.program.relaxation.blocks[0].words)
        return (
            f"{self.figure} {sign} {rounded(self.value, self.side)} ({self.side} bound, {size} words; "
            f"certified, margin "
            f"{self.correction:.1e})"
        )
