"""Operators and a state out of moments: the construction of Gelfand, Naimark and Segal, where the rank allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.errors import SolverFailure
from sdpbound.problems.expressions import Expression, Operator, polynomial
from sdpbound.problems.relaxation import Relaxation, triangle
from sdpbound.problems.rules import Word

__all__ = ["OperatorStrategy", "flat_extension"]


@dataclass(frozen=True, slots=True, eq=False)
class OperatorStrategy:
    """Real matrices for the operators of a problem, and a state.

    An imaginary unit among the operators is a matrix as well: complex spaces are real ones of twice the dimension.

    Attributes
    ----------
    operators : matrices (d, d) by operator, adjoints left out
    state : (d,) a unit vector
    value : the mean of the objective, numeric: a strategy, so on the other side of the bound, up to ``error``
    error : how far the matrices are from the rules, the kinds and the equalities, and from positive inequalities

    >>> from sdpbound import Operator, Problem
    >>> (A0, A1), (B0, B1) = Operator.observables("A0 A1", party="A"), Operator.observables("B0 B1", party="B")
    >>> found = Problem([A0, A1, B0, B1]).maximize(A0 * (B0 + B1) + A1 * (B0 - B1), 3).strategy()
    >>> found.dimension, round(found.value, 6), found.operators[A0].shape
    (4, 2.828427, (4, 4))
    """

    operators: Mapping[Operator, Floats]
    state: Floats
    value: float
    error: float

    @property
    def dimension(self) -> int:
        return len(self.state)

    def matrix(self, expression: Expression) -> Floats:
        """A polynomial in the matrices."""
        total = np.zeros((self.dimension, self.dimension))
        for word, factor in polynomial(expression).terms.items():
            product = np.eye(self.dimension)
            for operator in word:
                own = self.operators[operator.adjoint].T if operator.dagger else self.operators[operator]
                product = product @ own
            total += float(factor) * product
        return total

    def mean(self, expression: Expression) -> float:
        """The mean of a polynomial in the state."""
        return float(self.state @ self.matrix(expression) @ self.state)


def flat_extension(
    relaxation: Relaxation, moments: Floats, objective: Expression, tolerance: float
) -> OperatorStrategy:
    """Matrices whose means are the moments, if a part of the matrix that all operators map into it has its rank.

    A word u of that part goes to x u, which must be a sum of words of the matrix. So x is known on the span of these
    words, and that is the whole space where the ranks agree.

    Raises
    ------
    SolverFailure
        If they do not: the moments of this level need not be those of matrices; a higher level may have them.
    """
    main = relaxation.blocks[0]
    algebra = relaxation.statement.algebra
    numbers = relaxation.numbers
    n = len(main.words)
    place = {word: i for i, word in enumerate(main.words)}
    matrix = np.zeros((n, n))
    for j in range(n):
        for i in range(j + 1):
            terms = main.entries[triangle(i, j)]
            matrix[i, j] = matrix[j, i] = sum(float(v) * moments[numbers[word]] for word, v in terms.items())
    sizes, vectors = np.linalg.eigh(matrix)
    kept = sizes > tolerance * sizes[-1]
    rows = np.sqrt(sizes[kept])[:, None] * vectors[:, kept].T  # column u is the vector of u
    letters = range(len(algebra.letters))
    moved: dict[tuple[int, Word], dict[Word, float]] = {}
    inner: list[int] = []
    for i, word in enumerate(main.words):
        images = [algebra.rewriting.reduce((letter, *word)) for letter in letters]
        if all(image.keys() <= place.keys() for image in images):
            inner.append(i)
            for letter, image in zip(letters, images, strict=True):
                moved[letter, word] = {w: float(v) for w, v in image.items()}
    small = rows[:, inner]
    singular = np.linalg.svd(small, compute_uv=False) if inner else np.zeros(1)
    rank = int((singular**2 > tolerance * sizes[-1]).sum())
    if rank < int(kept.sum()):
        raise SolverFailure(
            f"the moments are not known to be those of matrices: of {int(kept.sum())} dimensions the operators are "
            f"known on {rank}; take a higher level (with tolerance = {tolerance:g})."
        )
    inverse = np.linalg.pinv(small, rcond=np.sqrt(tolerance))
    found: dict[Operator, Floats] = {}
    for letter in letters:
        images = np.zeros_like(small)
        for column, i in enumerate(inner):
            for word, factor in moved[letter, main.words[i]].items():
                images[:, column] += factor * rows[:, place[word]]
        if not algebra.letters[letter].dagger:
            found[algebra.letters[letter]] = images @ inverse
    state = rows[:, 0] / np.linalg.norm(rows[:, 0])
    plain = OperatorStrategy(MappingProxyType(found), state, 0.0, 0.0)
    return OperatorStrategy(plain.operators, state, plain.mean(objective), _error(plain, relaxation))


def _error(strategy: OperatorStrategy, relaxation: Relaxation) -> float:
    """The largest entry of what the matrices miss of each condition."""
    statement = relaxation.statement
    algebra = statement.algebra
    misses = [0.0]
    for operator, matrix in strategy.operators.items():
        if operator.hermitian:
            misses.append(float(np.abs(matrix - matrix.T).max()))
    for left, right in algebra.stated:
        difference = algebra.polynomial({left: Fraction(1)}) - algebra.polynomial(right)
        misses.append(float(np.abs(strategy.matrix(difference)).max()))
    for equality in statement.equal:
        misses.append(float(np.abs(strategy.matrix(equality)).max()))
    for inequality in statement.positive:
        own = strategy.matrix(inequality)
        misses.append(-float(np.linalg.eigvalsh((own + own.T) / 2)[0]))
    for interval in statement.intervals:
        mean = strategy.mean(interval.expression)
        if interval.low is not None:
            misses.append(float(interval.low) - mean)
        if interval.high is not None:
            misses.append(mean - float(interval.high))
    return max(misses)
