"""Programs with inverses of matrices that are linear in the moments, and the quadratic programs that they bound.

With M(y)[u, v] = y[index[u, v]] and a vector b(y) and matrices K_s(y) = s K'(y) + (1 - s) K''(y) linear in y, minimise

    sum_i a_i (b(y)^T K_i(y)^-1 b(y) - 1)    subject to    M(y) >= 0,   y[unit] = 1,   tested . y = values.

A solver gets numbers tau_i with [[tau_i, b^T], [b, K_i]] >= 0. From its dual come vectors T_i: whatever they are,

    b^T K_i^-1 b >= 2 b^T T_i - T_i^T K_i T_i,

which is linear in y. Nothing here proves this form: the T_i are handed on as the squares of a *quadratic* program
(:mod:`sdpbound.conic.programs.quadratic`), of which they prove as much, and that proof is computed and checked. So the
only moments are those of the shared matrix, while the quadratic program has others for each of its blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.certificate import rounding_unit
from sdpbound.conic.program import SolverResult
from sdpbound.conic.programs.inverse_steps import InverseForm, minimised
from sdpbound.conic.programs.quadratic import CopyMaps, QuadraticData, QuadraticDual
from sdpbound.conic.programs.shared import Rows, SharedBlock, SharedProgram, SharedStructure
from sdpbound.conic.solvers.vectors import triangle

__all__ = ["InverseProgram", "InverseStructure", "Squares"]

#: What vectors T_i (N, r) give: for each node its blocks' factors, (rows, columns) each, words first.
Squares = Callable[[Floats], list[list[Floats]]]


@dataclass(frozen=True, slots=True, eq=False)
class InverseStructure(SharedStructure):
    """What does not change from point to point.

    Attributes
    ----------
    invariants : (m, k) the invariant moments are ``invariants @ x``
    block : the shared matrix at invariant y
    rows : its blocks' upper triangles, column by column, of x
    parameters : (N,) the s_i
    first, second : K' and K'', upper triangles column by column, (r (r + 1) / 2, k)
    vector : b, (r, k)
    grams : K' and K'' of vectors as sums of squares of words: two lists of (n, r) arrays
    layouts : the blocks of the quadratic program, node by node; the last has no K
    squares : what vectors T_i give
    start : (k,) invariant moments at which the shared matrix is positive, those of white noise
    """

    invariants: Floats
    block: SharedBlock
    rows: tuple[Floats, ...]
    parameters: Floats
    first: Floats
    second: Floats
    vector: Floats
    grams: tuple[tuple[Floats, ...], tuple[Floats, ...]]
    layouts: tuple[tuple[CopyMaps, ...], ...]
    squares: Squares
    start: Floats


class InverseProgram(SharedProgram[QuadraticData, Floats, QuadraticDual]):
    """Between programs of one structure, a solver's program, and a proof about the quadratic program."""

    structure: InverseStructure

    def __init__(self, structure: InverseStructure) -> None:
        s = structure
        super().__init__(s, sp.csr_array(s.invariants), s.block)
        blocks = sum(len(group) for group in s.layouts)
        places = int(np.diff(self.scatter.indptr).max())  # of a moment; each is a sum over the columns of a factor
        self.terms = places + len(s.index) + len(s.tested) + 2 * blocks + 16

    def entries(self) -> sp.csr_array:
        return sp.csr_array((0, self.structure.invariants.shape[1]))  # all entries have all variables

    def add_copies(self, rows: Rows) -> list[int]:
        s = self.structure
        r, k = s.vector.shape
        own = sp.csr_array(([1.0], ([0], [0])), shape=((r + 1) * (r + 2) // 2, 1))
        for t in s.parameters:
            square = t * s.first + (1.0 - t) * s.second
            lines, at = [np.zeros((1, k))], 0
            for column in range(r):
                lines += [s.vector[column : column + 1], square[at : at + column + 1]]
                at += column + 1
            rows.add(sp.csr_array(np.vstack(lines)), own)
            rows.columns += 1
        return [r + 1] * len(s.parameters)

    @property
    def sizes(self) -> tuple[int, ...]:
        return (*self.block.sizes, *[len(self.structure.vector) + 1] * len(self.structure.parameters))

    @property
    def variables(self) -> int:
        rank = int(np.linalg.matrix_rank(self._equalities)) if len(self.narrow) else 1
        return int(self.structure.invariants.shape[1]) - rank + len(self.structure.parameters)

    @cached_property
    def _equalities(self) -> Floats:
        """(1 + J, k) the unit and the tests that are no intervals, of invariant moments."""
        s = self.structure
        return np.vstack([s.invariants[s.unit], s.tested[self.narrow] @ s.invariants])

    def solved(self, data: QuadraticData, accuracy: float, seconds: float) -> SolverResult | None:
        """The answer of Newton's steps for F itself; None if a test is an interval, which they do not know.

        Parameters
        ----------
        accuracy : of the objective, relative
        seconds : after which they stop
        """
        if self.wide:
            return None
        s = self.structure
        u, size, v = np.linalg.svd(self._equalities, full_matrices=False)
        kept = size > 1e-9 * size[0]
        values = u[:, kept].T @ np.concatenate([[1.0], data.values]) / size[kept]
        form = InverseForm(
            blocks=s.rows,
            first=s.first,
            second=s.second,
            vector=s.vector,
            parameters=s.parameters,
            weights=self.weights(data),
            equalities=v[kept],
            values=values,
            start=s.start,
        )
        return minimised(form, accuracy, seconds)

    def least(self, x: Floats, parameters: Floats, weights: Floats, span: Floats | None = None) -> float:
        """F at invariant moments (k,), with these s_i and a_i, and with vectors of the span (r, q) alone."""
        s = self.structure
        vector = s.vector @ x
        sides = []
        for rows in (s.first, s.second):
            row, column = triangle(len(vector))
            side = np.empty((len(vector),) * 2)
            side[row, column] = side[column, row] = rows @ x
            sides.append(side)
        if span is not None:
            vector, sides = span.T @ vector, [span.T @ side @ span for side in sides]
        squares = (t * sides[0] + (1.0 - t) * sides[1] for t in parameters)
        found = [vector @ np.linalg.lstsq(square, vector, rcond=1e-12)[0] for square in squares]
        return float(weights @ np.array(found))

    def weights(self, data: QuadraticData) -> Floats:
        """(N,) the a_i: kappa t / (1 - t) from kappa, kappa (1 - t) and kappa t."""
        return np.asarray([kappa * c / b for kappa, b, c in data.weights[:-1]])

    def objective(self, data: QuadraticData) -> Floats:
        return np.zeros(self.structure.moments)

    def cost_of_copies(self, data: QuadraticData) -> list[Floats]:
        return [np.array([-a]) for a in self.weights(data)]

    def lift(self, duals: Sequence[Floats]) -> Floats:
        """C in full words."""
        return self.lift_shared(iter(duals))

    def proofs(self, data: QuadraticData, duals: Sequence[Floats], wide: Floats | None) -> list[QuadraticDual]:
        """What duals prove, with fitted multipliers and with given ones, and what no T proves: nothing."""
        s = self.structure
        shared, vectors = self.lift(duals), []
        sides = [(t, a) for t, a in zip(s.parameters, self.weights(data), strict=True)]
        for (t, a), dual in zip(sides, duals[len(self.block.sizes) :], strict=True):
            vectors.append(-dual[0, 1:] / a)
            left = dual[1:, 1:] - np.outer(dual[0, 1:], dual[0, 1:]) / a  # what the solver has beside T T^T
            for weight, part in zip((t, 1.0 - t), s.grams, strict=True):
                shared = shared + sum(weight * frame @ left @ frame.T for frame in part)
        found = self._blocks(data, np.array(vectors))
        total, _ = self._total(found)
        total = total + self.scatter @ shared.reshape(-1)
        fits = [self.balanced(total, shared, given) for given in ([None] if wide is None else [None, wide])]
        nothing = self._blocks(data, np.zeros_like(np.array(vectors)))
        return [
            *(self._evaluate(data, multipliers, factor, found) for multipliers, factor in fits),
            self._evaluate(data, np.zeros(len(s.tested)), np.zeros_like(shared), nothing),
        ]

    def _blocks(self, data: QuadraticData, vectors: Floats) -> list[tuple[Floats, float]]:
        """A factor of each block, lower triangular, and what it is charged."""
        s, out = self.structure, []
        squares = s.squares(vectors)
        for group, factors, row in zip(s.layouts, squares, data.weights, strict=True):
            a, b, c = (float(v) for v in row)
            for maps, columns in zip(group, factors, strict=True):
                sized = columns * np.sqrt([b, c] if columns.shape[1] == 2 else [c])
                q, _ = np.linalg.qr(sized[: sized.shape[1]].T)
                triangle = np.tril(sized @ q)
                out.append(maps.scaled(triangle, (a, b, c), 1.0))
        return out

    def _total(self, found: Sequence[tuple[Floats, float]]) -> tuple[Floats, float]:
        """The sum of the polynomials of all blocks, and the size of its terms."""
        n = len(self.structure.index)
        square, size = np.zeros((n, n)), 0.0
        for factor, _ in found:
            words = factor[:n]
            square += words @ words.T
            size += float((np.abs(words).sum(axis=0) ** 2).sum())
        return self.scatter @ square.reshape(-1), size

    def _evaluate(
        self, data: QuadraticData, multipliers: Floats, shared: Floats, found: Sequence[tuple[Floats, float]]
    ) -> QuadraticDual:
        """What factors, their charges and multipliers prove, with a bound on the rounding of this very computation."""
        s = self.structure
        total, size = self._total(found)
        residual = total + self.scatter @ (shared @ shared.T).reshape(-1) - multipliers @ s.tested
        absolute = size + float((np.abs(shared).sum(axis=0) ** 2).sum())
        absolute += float(np.abs(s.tested).sum(axis=1) @ np.abs(multipliers))
        charge = np.abs(residual)
        charge[s.unit] = residual[s.unit]
        constant = float(charge.sum()) + sum(paid for _, paid in found)
        constant += rounding_unit(s.moments + len(found) + 8) * (float(np.abs(charge).sum()) + abs(data.known))
        constant += 2.0 * rounding_unit(self.terms) * absolute - data.known
        constant, value = self.rounded_up(constant, multipliers, data)
        return QuadraticDual(
            value=value,
            constant=constant,
            multipliers=tuple(float(v) for v in multipliers),
            shared=shared,
            blocks=tuple(factor for factor, _ in found),
        )
