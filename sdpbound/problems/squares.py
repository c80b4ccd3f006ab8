"""A proof to be read: the objective as a number less weighted squares, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sdpbound.problems.certifying import Gram, SquaresProof
from sdpbound.problems.expressions import Polynomial, sum_of
from sdpbound.problems.program import Program

__all__ = ["Square", "SumOfSquares", "sum_of_squares"]

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Square:
    """``weight * q* g q`` with a weight that is not negative; g is 1 or an operator inequality."""

    weight: Fraction
    q: Polynomial
    inequality: Polynomial | None = None

    @property
    def polynomial(self) -> Polynomial:
        middle = self.q if self.inequality is None else self.inequality * self.q
        return self.weight * (self.q.adjoint * middle)


@dataclass(frozen=True, slots=True)
class SumOfSquares:
    """An identity that holds by the rules, exactly:

    ``sign * objective + sum of squares + multiples - sum_j multiplier_j m_j = constant + rest``.

    Attributes
    ----------
    objective : what was bounded
    sign : 1 of an upper bound, -1 of a lower one
    squares : those of words, and those around operator inequalities
    multiples : (number, left, equality, right) each; they vanish
    multipliers : of the moment conditions, each with the end of its interval and its polynomial
    constant : exact
    rest : what is left over, word by word: rounding, of words with a norm
    value : exact, what follows for the objective

    >>> from sdpbound import Operator, Problem
    >>> (A0, A1), (B0, B1) = Operator.observables("A0 A1", party="A"), Operator.observables("B0 B1", party="B")
    >>> proof = Problem([A0, A1, B0, B1]).maximize(A0 * (B0 + B1) + A1 * (B0 - B1), 1).squares
    >>> round(float(proof.value), 6), proof.sign  # 2 sqrt(2) - CHSH is a sum of squares
    (2.828427, 1)
    """

    objective: Polynomial
    sign: int
    squares: tuple[Square, ...]
    multiples: tuple[tuple[Fraction, Polynomial, Polynomial, Polynomial], ...]
    multipliers: tuple[tuple[Fraction, Fraction, Polynomial], ...]
    constant: Fraction
    rest: Polynomial
    value: Fraction

    @property
    def left_side(self) -> Polynomial:
        """The left side of the identity, before any rule is used."""
        parts = [self.sign * self.objective, *(square.polynomial for square in self.squares)]
        parts += [number * (left * equality * right) for number, left, equality, right in self.multiples]
        parts += [-number * polynomial for number, _, polynomial in self.multipliers]
        return sum_of(parts)

    def __str__(self) -> str:
        return self._written(lambda p: f"({p})", lambda p: f"|{p}|^2")

    def latex(self) -> str:
        """The identity as an aligned LaTeX environment, numbers to ten digits."""
        body = self._written(
            lambda p: rf"\left({p.latex()}\right)",
            lambda p: rf"\left|{p.latex()}\right|^2",
        )
        return "\\begin{aligned}\n" + body.replace("\n", r" \\" + "\n") + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"

    def _written(self, plain: Callable[[Polynomial], str], modulus: Callable[[Polynomial], str]) -> str:
        bound, size = f"{float(self.value):.12g}", f"{abs(float(self.value)):.12g}"
        below = f"{plain(self.objective)} {'+' if self.value < 0 else '-'} {size} ="
        lines = [f"{bound} - {plain(self.objective)} =" if self.sign > 0 else below]
        for square in self.squares:
            own = self._short(square.q)
            if not own.terms:
                continue
            number = f"{float(square.weight):.10g} " if square.weight != 1 else ""
            if square.inequality is None:
                lines.append(f"  + {number}{modulus(own)}")
            else:
                lines.append(f"  + {number}{plain(own.adjoint)} {plain(square.inequality)} {plain(own)}")
        for factor, left, equality, right in self.multiples:
            lines.append(f"  + {float(factor):.10g} {plain(left)} {plain(equality)} {plain(right)}")
        for factor, end, mean in self.multipliers:
            lines.append(f"  + {float(factor):.10g} {plain(end - mean)}")
        return "\n".join(lines)

    @staticmethod
    def _short(q: Polynomial) -> Polynomial:
        """Without coefficients that the others hide: a print-out is for reading, the numbers are in the object."""
        largest = max((abs(value) for value in q.terms.values()), default=ZERO)
        kept = {word: value for word, value in q.terms.items() if abs(value) * 10**9 > largest}
        return Polynomial(kept if largest * 10**9 > 1 else {})


def sum_of_squares(program: Program, objective: Polynomial, side: str, proof: SquaresProof) -> SumOfSquares:
    """The proof of a bound as polynomials."""
    relaxation = program.relaxation
    statement = relaxation.statement
    algebra = statement.algebra
    squares = [square for gram in proof.grams for square in _squares(program, gram)]
    multiples = tuple(
        (
            number,
            algebra.polynomial({multiple.left: Fraction(1)}),
            statement.equal[multiple.equality],
            algebra.polynomial({multiple.right: Fraction(1)}),
        )
        for number, multiple in zip(proof.multiples, relaxation.multiples, strict=True)
        if number
    )
    multipliers = tuple(
        (number, (interval.high if number > 0 else interval.low) or ZERO, interval.expression)
        for number, interval in zip(proof.multipliers, statement.intervals, strict=True)
        if number
    )
    sign = 1 if side == "upper" else -1
    found = SumOfSquares(
        objective, sign, tuple(squares), multiples, multipliers, ZERO, Polynomial(), sign * proof.value
    )
    rest = algebra.rewriting.canonicals(algebra.terms(found.left_side, "the proof"))
    constant = rest.pop((), ZERO)
    return SumOfSquares(
        objective,
        sign,
        found.squares,
        multiples,
        multipliers,
        constant,
        algebra.polynomial(rest),
        sign * proof.value,
    )


def _squares(program: Program, gram: Gram) -> list[Square]:
    """One square for each column of L, and for E those of pairs and of what its diagonal has beyond them."""
    statement = program.relaxation.statement
    words = gram.block.words
    g = None if gram.block.inequality < 0 else statement.positive[gram.block.inequality]
    found = []

    def add(weight: Fraction, row: dict[int, Fraction]) -> None:
        q = statement.algebra.polynomial({words[i]: value for i, value in row.items() if value})
        if weight and q.terms:
            found.append(Square(weight, q, g))

    for column in gram.factor.T:
        add(Fraction(1), {i: Fraction(float(v)) for i, v in enumerate(column) if v})
    diagonal = {i: value for (i, j), value in gram.remainder.items() if i == j}
    for (i, j), value in gram.remainder.items():
        if i != j:
            add(abs(value), {i: Fraction(1), j: Fraction(1 if value > 0 else -1)})
            for k in (i, j):
                diagonal[k] = diagonal.get(k, ZERO) - abs(value)
    for i, value in diagonal.items():
        add(value, {i: Fraction(1)})
    return found
