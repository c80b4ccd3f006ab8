"""Newton's steps for programs with inverses (:mod:`sdpbound.conic.programs.inverse`): the nodes cost nearly nothing.

``F(x) = sum_i a_i b(x)^T K_i(x)^-1 b(x)`` is smooth and convex where the moment matrix S(x) is positive, and its
derivatives are those of few vectors T_i = K_i^-1 b. So there are no matrices for nodes: of the equations ::

    grad F(x) - A^T X + E^T l = 0,    E x = e,    X S(x) = mu,

A the matrix of the moment matrix and E the equalities, each step solves the linearised ones (the direction is that of
:class:`sdpbound.Arrow`, with a predictor and a corrector). S(x) is positive from the start, at moments of white noise,
where E x differs from e. Nothing here is trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy.linalg import lapack

from sdpbound.arrays import Floats
from sdpbound.conic.program import SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.limiting import go_on, note, require_time

__all__ = ["InverseForm", "minimised"]

MOST_STEPS = 60
#: A step ends so close to the boundary, as part of what leads there.
SHORT = 0.98
#: What the equations of X may be off where X is proven with, beside mu; and at the end, where steps go to the centre.
NEAR, CENTRED = 1.0, 0.1
#: And the gap in units of what is asked for.
ROUGHLY = 300.0
#: The gap, or what E x differs from e, falls by more than this factor in so many steps, or roundings do not let it.
FALLING, PATIENCE = 0.9, 6
#: Added to the diagonal of the equations, in parts of it, where they are singular but for rounding; larger ones follow.
NUDGES = (0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8)


@dataclass(frozen=True, eq=False)
class InverseForm:
    """The program in k numbers x.

    Attributes
    ----------
    blocks : for each block of S its upper triangle, column by column, (n (n + 1) / 2, k)
    first, second : K' and K'' in the same way; node i has s_i K' + (1 - s_i) K''
    vector : b, (r, k)
    parameters, weights : (N,) s_i and a_i
    equalities, values : E (e, k) and e
    start : (k,) where S is positive
    """

    blocks: Sequence[Floats]
    first: Floats
    second: Floats
    vector: Floats
    parameters: Floats
    weights: Floats
    equalities: Floats
    values: Floats
    start: Floats


class _Block:
    """A block of S: its matrices A_j, and the products with them."""

    def __init__(self, rows: Floats) -> None:
        self.size = n = math.isqrt(2 * len(rows))
        self.row, self.column = vectors.triangle(n)
        self.rows = rows
        self.full = np.zeros((n, n, rows.shape[1]))
        self.full[self.row, self.column] = self.full[self.column, self.row] = rows
        self.twice = np.where(self.row == self.column, 1.0, 2.0)

    def at(self, x: Floats) -> Floats:
        out = np.empty((self.size, self.size))
        out[self.row, self.column] = out[self.column, self.row] = self.rows @ x
        return out

    def adjoint(self, matrix: Floats) -> Floats:
        """(k,) the <A_j, matrix> of a symmetric matrix."""
        return np.asarray(self.rows.T @ (self.twice * matrix[self.row, self.column]))

    def traces(self, x: Floats, inverse: Floats) -> Floats:
        """(k, k) trace(A_i X A_j S^-1)."""
        n = self.size
        products = inverse @ (x @ self.full.reshape(n, -1)).reshape(n, n, -1)
        both = products[self.row, self.column]
        both += products[self.column, self.row]
        both[self.row == self.column] *= 0.5
        return vectors.symmetric_product(self.rows, both)


@dataclass(frozen=True, eq=False)
class _Objective:
    """F at x: its value and gradient, T_i (N, r), factors of K_i, and (N, r, k) of its second derivatives."""

    value: float
    gradient: Floats
    vectors: Floats
    roots: list[Floats]
    factors: Floats

    def moved(self, change: Floats, weights: Floats) -> Floats:
        """The changes (N, r) of the T_i, to first order."""
        found = [
            scipy.linalg.solve_triangular(root, factor @ change / np.sqrt(2.0 * a), lower=True, trans=1)
            for root, factor, a in zip(self.roots, self.factors, weights, strict=True)
        ]
        return np.array(found)


def _objective(form: InverseForm, x: Floats, sides: tuple[Floats, Floats]) -> _Objective:
    b, r = form.vector @ x, len(form.vector)
    k1, k2 = ((side @ x).reshape(r, r) for side in sides)
    roots = [scipy.linalg.cholesky(s * k1 + (1.0 - s) * k2, lower=True) for s in form.parameters]
    found = np.array([scipy.linalg.cho_solve((root, True), b) for root in roots])
    first, second = ((found @ side.reshape(r, -1)).reshape(len(roots), r, -1) for side in sides)
    value, gradient, factors = 0.0, np.zeros(x.size), []
    for i, (s, a) in enumerate(zip(form.parameters, form.weights, strict=True)):
        moved = s * first[i] + (1.0 - s) * second[i]
        value += a * float(b @ found[i])
        gradient += a * (2.0 * (found[i] @ form.vector) - found[i] @ moved)
        factors.append(np.sqrt(2.0 * a) * scipy.linalg.solve_triangular(roots[i], form.vector - moved, lower=True))
    return _Objective(value, gradient, found, roots, np.array(factors))


def _equations(square: Floats, equalities: Floats) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
    """What solves ``square v + E^T l = right, E v = values`` for v and l."""
    diagonal = np.sqrt(np.diagonal(square))
    scaled = square / np.outer(diagonal, diagonal)
    for nudge in NUDGES:
        nudged = scaled.copy()
        nudged[np.diag_indices(len(nudged))] += nudge
        root, info = lapack.dpotrf(nudged, lower=1, clean=1)
        if info == 0:
            break
    else:
        raise np.linalg.LinAlgError("the equations are singular")
    beside = scipy.linalg.cho_solve((root, True), (equalities / diagonal).T) / diagonal[:, None]
    small = np.linalg.pinv(equalities @ beside, hermitian=True)

    def once(right: Floats, values: Floats) -> tuple[Floats, Floats]:
        free = scipy.linalg.cho_solve((root, True), right / diagonal) / diagonal
        multipliers = small @ (equalities @ free - values)
        return free - beside @ multipliers, multipliers

    def solved(right: Floats, values: Floats) -> tuple[Floats, Floats]:
        v, multipliers = once(right, values)
        for _ in range(3):  # what roundings have left of the equations
            left = right - square @ v - equalities.T @ multipliers
            more, others = once(left, values - equalities @ v)
            v, multipliers = v + more, multipliers + others
        return v, multipliers

    return solved


def minimised(form: InverseForm, accuracy: float, most_seconds: float) -> SolverResult:
    """Minimise F; the objective is that of maximising -F, duals have rank one for each node, the solution is x."""
    begun = perf_counter()
    r = len(form.vector)
    row, column = vectors.triangle(r)
    sides = []
    for rows in (form.first, form.second):
        full = np.zeros((r, r, rows.shape[1]))
        full[row, column] = full[column, row] = rows
        sides.append(full.reshape(r * r, -1))
    steps = _Steps(form, (sides[0], sides[1]))
    status, count = steps.run(accuracy, begun + most_seconds)
    nodes = []
    for a, t, change in zip(form.weights, *steps.found, strict=True):
        side = np.concatenate([[1.0], -(t + change)])
        node = np.outer(side, side)
        node[1:, 1:] -= np.outer(change, change)
        nodes.append(a * node)
    return SolverResult(
        solver="newton",
        status=status,
        duals=(*steps.duals_found, *nodes),
        linear_dual=np.zeros(0),
        objective=steps.gap - steps.objective.value,
        seconds=perf_counter() - begun,
        iterations=count,
        solution=steps.x,
    )


class _Steps:
    """The point x, with X, and the steps; ``duals_found`` and ``found`` (T and changes of T) are what to prove with."""

    def __init__(self, form: InverseForm, sides: tuple[Floats, Floats]) -> None:
        require_time()
        self.form, self.sides = form, sides
        self.blocks = [_Block(rows) for rows in form.blocks]
        self.rows = sum(block.size for block in self.blocks)
        self.x = form.start
        self.objective = _objective(form, self.x, sides)
        self.slack = [block.at(self.x) for block in self.blocks]
        size = max(1.0, float(np.abs(self.objective.gradient).max()))
        self.duals = [size * np.asarray(np.linalg.inv(s)) / len(self.slack) for s in self.slack]
        self.multipliers = np.zeros(len(form.values))
        self.duals_found = self.duals
        self.found = (self.objective.vectors, np.zeros_like(self.objective.vectors))

    @property
    def gap(self) -> float:
        """<X, S>."""
        return sum(float((x * s).sum()) for x, s in zip(self.duals, self.slack, strict=True))

    def run(self, accuracy: float, until: float) -> tuple[Status, int]:
        least, nearest, stalled = np.inf, np.inf, 0
        for step in range(MOST_STEPS):
            note(f"iteration {step}", self.gap - self.objective.value)
            if perf_counter() > until or not go_on():
                return Status.STOPPED, step
            try:
                newton = _Newton(self)
                part = self.gap / (accuracy * (1.0 + abs(self.objective.value)))
                if newton.far <= NEAR and part <= ROUGHLY:
                    newton.finish()
                if newton.far <= CENTRED and part <= 1.0:
                    return Status.SOLVED, step
                off = float(np.abs(newton.off).max())
                stalled = 0 if self.gap < FALLING * least or off < FALLING * nearest else stalled + 1
                least, nearest = min(least, self.gap), min(nearest, off)
                if stalled > PATIENCE:
                    return Status.ALMOST_SOLVED if part <= ROUGHLY else Status.STOPPED, step
                length = newton.go(part <= 1.0)
            except np.linalg.LinAlgError:
                return Status.STOPPED, step
            if length < 1e-7:
                return Status.STOPPED, step
        return Status.STOPPED, MOST_STEPS


class _Direction(NamedTuple):
    """Steps of x, of S and of X, and the multipliers after it."""

    x: Floats
    multipliers: Floats
    slack: list[Floats]
    duals: list[Floats]


class _Newton:
    """The equations of one step."""

    def __init__(self, steps: _Steps) -> None:
        self.steps, form = steps, steps.form
        self.mu = steps.gap / steps.rows
        self.inverses = [np.asarray(np.linalg.inv(s)) for s in steps.slack]
        self.off = form.values - form.equalities @ steps.x
        factor = steps.objective.factors.reshape(-1, steps.x.size)
        square = vectors.symmetric_product(factor, factor)
        for block, x, inverse in zip(steps.blocks, steps.duals, self.inverses, strict=True):
            square += block.traces(x, inverse)
        self._solved = _equations(square, form.equalities)
        pull = sum((b.adjoint(x) for b, x in zip(steps.blocks, steps.duals, strict=True)), np.zeros(steps.x.size))
        wrong = steps.objective.gradient - pull + form.equalities.T @ steps.multipliers
        self.far = float(wrong @ self._solved(wrong, np.zeros_like(self.off))[0]) / self.mu

    def finish(self) -> None:
        """Keep the X and T of a step that goes nowhere nearer to the boundary: they solve the linear equations."""
        steps = self.steps
        step = self._direction([self.mu * inverse for inverse in self.inverses])
        steps.duals_found = [x + dx for x, dx in zip(steps.duals, step.duals, strict=True)]
        change = steps.objective.moved(step.x, steps.form.weights)
        steps.found = (steps.objective.vectors, change)

    def _direction(self, aims: list[Floats]) -> _Direction:
        """``aims`` are what X + dX + X dS S^-1 is to be."""
        steps = self.steps
        right = sum((b.adjoint(aim) for b, aim in zip(steps.blocks, aims, strict=True)), -steps.objective.gradient)
        change, multipliers = self._solved(right, self.off)
        slack = [block.at(change) for block in steps.blocks]
        duals = []
        for aim, x, s, inverse in zip(aims, steps.duals, slack, self.inverses, strict=True):
            moved = x @ s @ inverse
            duals.append(aim - x - 0.5 * (moved + moved.T))
        return _Direction(change, multipliers, slack, duals)

    def go(self, centred: bool) -> float:
        """Go one step, to where X S = mu if ``centred``; its length."""
        steps = self.steps
        step = self._direction([np.zeros_like(s) for s in steps.slack])
        length = min(1.0, self._reach(step))
        left = sum(
            float(((x + length * dx) * (s + length * ds)).sum())
            for x, dx, s, ds in zip(steps.duals, step.duals, steps.slack, step.slack, strict=True)
        )
        centre = min(1.0, max(1e-4, (max(left, 0.0) / steps.gap) ** 3)) if length > 0.1 else 0.5
        if self.far > NEAR or centred:
            centre = 1.0 if centred else max(centre, 0.5)
        aims = []
        for dx, ds, inverse in zip(step.duals, step.slack, self.inverses, strict=True):
            product = dx @ ds @ inverse if length > 0.1 else np.zeros_like(inverse)
            aims.append(centre * self.mu * inverse - 0.5 * (product + product.T))
        step = self._direction(aims)
        length = min(1.0, SHORT * self._reach(step))
        steps.x = steps.x + length * step.x
        steps.slack = [block.at(steps.x) for block in steps.blocks]
        steps.duals = [x + length * dx for x, dx in zip(steps.duals, step.duals, strict=True)]
        steps.multipliers = steps.multipliers + length * (step.multipliers - steps.multipliers)
        steps.objective = _objective(steps.form, steps.x, steps.sides)
        return length

    def _reach(self, step: _Direction) -> float:
        """How far X and S may go along a step until one is singular."""
        least, steps = -1e-12, self.steps
        for point, change in zip((*steps.duals, *steps.slack), (*step.duals, *step.slack), strict=True):
            root = np.linalg.cholesky(point)
            half = scipy.linalg.solve_triangular(root, change, lower=True)
            whole = scipy.linalg.solve_triangular(root, half.T, lower=True)
            least = min(least, float(np.linalg.eigvalsh(0.5 * (whole + whole.T))[0]))
        return -1.0 / least
