"""A primal-dual interior-point method of our own for programs whose columns fall into groups beside shared ones.

Programs of entropies have one matrix of the devices, and for each node matrices that meet only in its moments. The
equations of a Newton step are then an arrow: a square for each group of columns, and a border for the shared ones. The
groups are eliminated one after the other, which takes a time linear in their number. Columns that differ by a factor
in a block, such as a moment of a matrix and that of its difference from another one, have their traces computed once.

The direction is that of Helmberg, Rendl, Vanderbei and Wolkowicz (SIAM J. Optim. 6, 342, 1996), Kojima, Shindoh and
Hara, and Monteiro, with Mehrotra's predictor and corrector; the start is not feasible, and may be near a solution of a
similar program, moved inside. With S = constant + matrix z the slack and X the dual, each step solves ::

    cost + matrix^T (X + dX) = 0,   S + dS = constant + matrix (z + dz),   X + dX = sym(T S^-1 - X dS S^-1),

T = mu 1, less the product of the predictor's dX and dS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import ClassVar, NamedTuple
from weakref import ReferenceType, ref

import numpy as np
import scipy.sparse as sp
from scipy.linalg import blas, lapack

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, StartingPoint, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.arrow_groups import BlockColumns, Layout, layout_of
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import SolverFailure
from sdpbound.limiting import go_on, note

__all__ = ["Arrow"]

MOST_STEPS = 80
#: Added to the diagonal of the equations, in parts of it, where they are singular but for rounding; larger ones follow.
NUDGES = (1e-14, 1e-12, 1e-10, 1e-8)
#: X or z of this size in the units of the program's values is taken for a ray.
RAY = 1e-7
#: A start near a solution is so far inside, in units of values and of X; 1e-5 takes eight steps more.
INSIDE = 1e-4
CAREFUL = 0.1  # the part of the tolerance that the dual's equations have then: their errors are charged, and fall late
#: Layouts kept, for the points of a sweep share the matrix of their programs.
KEPT = 16

_layouts: dict[int, tuple[ReferenceType[sp.csc_array], Layout]] = {}

Blocks = dict[int, Floats]  # by size, (count, n, n)


@dataclass(frozen=True, slots=True)
class Arrow(Solver):
    """Our own solver; it needs no package.

    >>> import sdpbound as sb
    >>> bound = sb.maximize(sb.chsh(), sb.Quantum("1"), solver=sb.Arrow(tolerance=1e-8))
    >>> round(bound.value, 6), bound.solver
    (2.828427, 'arrow')
    """

    eliminates_groups: ClassVar[bool] = True
    good_on_boundary: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "arrow"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        return 3.0 if sizes else None

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        if program.variables == 0 or not program.sizes:
            raise SolverFailure("arrow needs a variable and a semidefinite block, and this program lacks one.")
        vectors.require_finite(program, self.name)
        begun = perf_counter()
        with np.errstate(all="ignore"):  # what is not finite ends the iteration
            iteration = _Iteration(program, _layout(program))
            status, steps = iteration.run(self.tolerance, until := begun + self.time_limit)
            if program.start is not None and status is not Status.SOLVED and perf_counter() < until and go_on():
                iteration = _Iteration(replace(program, start=None), _layout(program))  # it was too near the boundary
                status, more = iteration.run(self.tolerance, until)
                steps += more
        point = iteration.best
        return vectors.result(
            program,
            self.name,
            status,
            iteration.dual_blocks(point.x),
            point.linear_x,
            seconds=perf_counter() - begun,
            iterations=steps,
            solution=point.z,
        )


def _layout(program: LinearMatrixInequality) -> Layout:
    """The layout of a program, kept for others with the same matrix."""
    key = id(program.matrix)
    found = _layouts.get(key)
    if found is not None and found[0]() is program.matrix:
        return found[1]
    layout = layout_of(program)
    while len(_layouts) >= KEPT:
        _layouts.pop(next(iter(_layouts)))
    _layouts[key] = (ref(program.matrix), layout)
    return layout


class _Point(NamedTuple):
    """z, and X and S by size of block and for linear rows."""

    z: Floats
    x: Blocks
    s: Blocks
    linear_x: Floats
    linear_s: Floats


class _Residuals(NamedTuple):
    """cost + matrix^T X, constant + matrix z - S, <X, S> for one row, and <constant, X> and <cost, z>."""

    dual: Floats
    primal: Blocks
    linear: Floats
    mu: float
    upper: float
    lower: float

    @property
    def gap(self) -> float:
        """The relative gap of the objectives."""
        return abs(self.upper - self.lower) / (1.0 + abs(self.upper) + abs(self.lower))

    def size(self) -> float:
        return max(float(np.abs(part).max(initial=0.0)) for part in (*self.primal.values(), self.linear))


class _Singular(Exception):
    """Equations could not be solved."""


class _Iteration:
    """The steps for one program; ``best`` is the point to return."""

    best: _Point

    def __init__(self, program: LinearMatrixInequality, layout: Layout) -> None:
        self.program, self.layout = program, layout
        self.matrix = sp.csr_array(program.matrix)
        self.transposed = sp.csr_array(program.matrix.T)
        self.rows = program.linear + sum(program.sizes)
        starts = program.linear + np.concatenate([[0], np.cumsum([n * (n + 1) // 2 for n in program.sizes])])
        self.entries = {
            n: starts[numbers].astype(np.int64)[:, None] + np.arange(n * (n + 1) // 2)
            for n, numbers in layout.stacks.items()
        }
        self.work = {n: np.empty((n, n)) for n in layout.stacks}
        self.best = self._start() if program.start is None else self._moved_inside(program.start)

    # -- vectors and blocks ---------------------------------------------------------------------------------------

    def blocks_of(self, vector: Floats) -> Blocks:
        """The symmetric matrices of a vector of the program's rows."""
        out = {}
        for n, entries in self.entries.items():
            row, column = vectors.triangle(n)
            out[n] = np.empty((len(entries), n, n))
            out[n][:, row, column] = out[n][:, column, row] = vector[entries]
        return out

    def adjoint(self, linear: Floats, blocks: Blocks) -> Floats:
        """matrix^T [linear; blocks], from the symmetric parts of the blocks."""
        vector = np.empty(self.matrix.shape[0])
        vector[: self.program.linear] = linear
        for n, entries in self.entries.items():
            row, column = vectors.triangle(n)
            both = blocks[n][:, row, column] + blocks[n][:, column, row]
            vector[entries] = np.where(row == column, 0.5, 1.0) * both
        return np.asarray(self.transposed @ vector)

    def dual_blocks(self, x: Blocks) -> tuple[Floats, ...]:
        return tuple(x[n][self.layout.places[b]] for b, n in enumerate(self.program.sizes))

    def _start(self) -> _Point:
        """Multiples of the identity: S about the size of the constant, X as large as the cost asks of each block."""
        program = self.program
        weights = np.ones(self.matrix.shape[0])
        block = np.zeros(self.matrix.shape[0], dtype=np.int64)
        for n, numbers in self.layout.stacks.items():
            row, column = vectors.triangle(n)
            weights[self.entries[n]] = np.where(row == column, 1.0, 2.0)
            block[self.entries[n]] = numbers[:, None]
        entry = sp.coo_array(self.matrix[program.linear :])
        squares = sp.csr_array(
            (weights[program.linear :][entry.row] * entry.data**2, (block[program.linear :][entry.row], entry.col)),
            shape=(len(program.sizes), program.variables),
        )
        squares.sum_duplicates()
        # the multiples of A_c in each block that have the cost of column c
        squares.data = np.abs(program.cost)[squares.indices] / np.sqrt(squares.data)
        largest = squares.max(axis=1).toarray().reshape(-1)
        unit = 3.0 * max(1.0, float(np.abs(program.constant).max(initial=0.0)))
        x, s = {}, {}
        for n, numbers in self.layout.stacks.items():
            sizes = 2.0 * (1e-3 + largest[numbers] * np.sqrt(n))
            x[n] = sizes[:, None, None] * np.eye(n)
            s[n] = np.broadcast_to(unit * np.eye(n), x[n].shape).copy()
        ones = np.ones(program.linear)
        return _Point(np.zeros(program.variables), x, s, ones, unit * ones)

    def _moved_inside(self, start: StartingPoint) -> _Point:
        """A point that is inside the cones, near a given one."""
        program = self.program
        unit = INSIDE * max(1.0, float(np.abs(program.constant).max(initial=0.0)))
        of_x = INSIDE * max(1e-3, *(float(np.abs(dual).max(initial=0.0)) for dual in start.duals))
        slack = program.constant + self.matrix @ start.solution
        s = {n: vectors.inside(block, unit) for n, block in self.blocks_of(slack).items()}
        x = {n: np.empty_like(block) for n, block in s.items()}
        for b, dual in enumerate(start.duals):
            x[len(dual)][self.layout.places[b]] = dual
        x = {n: vectors.inside(block, of_x) for n, block in x.items()}
        linear = np.maximum(start.linear_dual, 0.0) + of_x
        return _Point(start.solution, x, s, linear, np.maximum(slack[: program.linear], 0.0) + unit)

    # -- steps ----------------------------------------------------------------------------------------------------

    def run(self, tolerance: float, until: float) -> tuple[Status, int]:
        program, point, step, least = self.program, self.best, 0, np.inf
        cost = 1.0 + float(np.abs(program.cost).max())
        exact = tolerance * cost * (1.0 if program.start is None else CAREFUL)
        for step in range(MOST_STEPS):
            left = self._residuals(point)
            wrong = float(np.abs(left.dual).max())
            merit = max(left.gap, wrong / cost, left.size())
            if not np.isfinite(merit):
                break
            if merit < least:
                self.best, least = point, merit
            if left.gap <= tolerance and wrong <= exact and left.size() <= 3.0 * tolerance:
                return Status.SOLVED, step
            ray = self._ray(left)
            if ray is not None:
                self.best = point
                return ray, step
            note(f"iteration {step}", program.offset + left.upper)
            if perf_counter() > until or not go_on():
                break
            try:
                point, length = self._stepped(point, left)
            except (_Singular, np.linalg.LinAlgError):
                break
            if length < 1e-6:
                break
        return (Status.ALMOST_SOLVED if least <= 100.0 * tolerance else Status.STOPPED), step

    def _residuals(self, point: _Point) -> _Residuals:
        program = self.program
        slack = program.constant + self.matrix @ point.z
        primal = {n: block - point.s[n] for n, block in self.blocks_of(slack).items()}
        linear = slack[: program.linear] - point.linear_s
        product = sum(float((point.x[n] * point.s[n]).sum()) for n in point.x) + float(point.linear_x @ point.linear_s)
        lower = float(program.cost @ point.z)
        constant = self.blocks_of(program.constant)
        upper = sum(float((point.x[n] * constant[n]).sum()) for n in point.x)
        upper += float(point.linear_x @ program.constant[: program.linear])
        dual = program.cost + self.adjoint(point.linear_x, point.x)
        return _Residuals(dual, primal, linear, product / self.rows, upper, lower)

    def _ray(self, left: _Residuals) -> Status | None:
        """Whether X goes along a ray on which the bound falls without end, or z along one on which the cost rises."""
        program = self.program
        if float(np.abs(left.dual - program.cost).max()) < RAY * -left.upper:
            return Status.INFEASIBLE
        if float(np.abs(program.constant).max(initial=0.0)) + left.size() < RAY * left.lower:
            return Status.UNBOUNDED
        return None

    def _stepped(self, point: _Point, left: _Residuals) -> tuple[_Point, float]:
        """The next point, and the shorter one of its step's two lengths."""
        newton = _Newton(self, point, left)
        step = newton.direction(0.0, None)
        reach = newton.lengths(step)
        along = [min(1.0, length) for length in reach]
        left_over = sum(
            float(((point.x[n] + along[0] * step.x[n]) * (point.s[n] + along[1] * step.s[n])).sum()) for n in point.x
        )
        left_over += float((point.linear_x + along[0] * step.linear_x) @ (point.linear_s + along[1] * step.linear_s))
        ratio = max(left_over / self.rows / left.mu, 0.0)
        centre = min(1.0, max(1e-6, ratio ** (3 if min(along) > 0.3 else 1)))
        if min(along) < 0.1:
            centre = max(centre, 0.3)
        step = newton.direction(centre * left.mu, step)
        safe = 0.9 + 0.09 * min(along)
        dual, primal = (min(1.0, safe * length) for length in newton.lengths(step))
        moved = _Point(
            point.z + primal * step.z,
            {n: point.x[n] + dual * step.x[n] for n in point.x},
            {n: point.s[n] + primal * step.s[n] for n in point.s},
            point.linear_x + dual * step.linear_x,
            point.linear_s + primal * step.linear_s,
        )
        return moved, min(dual, primal)


class _Newton:
    """The equations of one step, factorised."""

    def __init__(self, iteration: _Iteration, point: _Point, left: _Residuals) -> None:
        self.iteration, self.point, self.left = iteration, point, left
        self.inverse = {n: _symmetric(np.asarray(np.linalg.inv(s))) for n, s in point.s.items()}
        self.roots = [
            {n: np.linalg.inv(np.linalg.cholesky(block)) for n, block in blocks.items()}
            for blocks in (point.x, point.s)
        ]
        self.groups: list[tuple[Ints, Floats, Floats]] = []  # columns, factor of the square, border solved for
        self.border = self._factorised()
        moved = {n: point.x[n] @ left.primal[n] @ self.inverse[n] for n in point.x}
        linear = point.linear_x * left.linear / point.linear_s
        self.known = iteration.program.cost - iteration.adjoint(linear, moved)

    def _factorised(self) -> Floats:
        from sdpbound.conic.solvers.arrow_loops import add_traces  # loads numba

        iteration, layout, point = self.iteration, self.iteration.layout, self.point
        border = np.zeros((layout.shared, layout.shared))
        if iteration.program.linear:
            rows = iteration.matrix[: iteration.program.linear, : layout.shared].toarray()
            border += rows.T @ ((point.linear_x / point.linear_s)[:, None] * rows)
        for group in layout.groups:
            square = np.zeros((group.columns.size, group.columns.size))
            beside = np.zeros((group.columns.size, layout.shared))
            for block in group.blocks:
                found = self._traces(block)
                mixed = np.empty((0, len(found)))
                if block.of_shared.size:
                    mixed = np.ascontiguousarray(block.combination @ found)
                    border[np.ix_(block.of_shared, block.of_shared)] += block.combination @ mixed.T
                add_traces(
                    found, mixed, block.own, block.basis, block.factor, block.of_shared, square, beside
                )  # of the square the lower triangle, which is all that is used; own columns rise
            if group.columns.size:
                root = _factor(square)
                solved = beside
                if layout.shared:
                    solved, _ = lapack.dtrtrs(root, beside, lower=1)
                    border -= blas.dsyrk(1.0, solved, trans=1, lower=1)
                self.groups.append((group.columns, root, solved))
        return _factor(border)  # of its lower triangle; groups have left the upper one as it was

    def _traces(self, block: BlockColumns) -> Floats:
        """trace(A_a X A_b S^-1) of all bases of a block."""
        from sdpbound.conic.solvers.arrow_loops import traces  # loads numba

        iteration, bases, n = self.iteration, block.bases, block.bases.size
        place = iteration.layout.places[block.block]
        x, z = self.point.x[n][place], self.inverse[n][place]
        if bases.full is not None and bases.triangles is not None:
            row, column = vectors.triangle(n)
            products = z @ (x @ bases.full.reshape(n, -1)).reshape(n, n, bases.count)
            both = products[row, column]
            both += products[column, row]
            both[row == column] *= 0.5
            return vectors.symmetric_product(bases.triangles, both)
        out = np.empty((bases.count, bases.count))
        traces(x, z, bases.starts, bases.rows, bases.columns, bases.values, iteration.work[n], out)
        return out

    def _solved(self, right: Floats) -> Floats:
        shared = self.iteration.layout.shared
        out, rest = np.empty(right.size), right[:shared].copy()
        halves = []
        for columns, root, beside in self.groups:
            half, _ = lapack.dtrtrs(root, right[columns], lower=1)
            rest -= beside.T @ half
            halves.append(half)
        if shared:
            out[:shared], _ = lapack.dpotrs(self.border, rest, lower=1)
        for (columns, root, beside), half in zip(self.groups, halves, strict=True):
            out[columns], _ = lapack.dtrtrs(root, half - beside @ out[:shared], lower=1, trans=1)
        return out

    def direction(self, target: float, before: _Point | None) -> _Point:
        """The step to X S = ``target``, less the product of the step ``before`` where there is one."""
        iteration, point = self.iteration, self.point
        aim = {n: target * z for n, z in self.inverse.items()}
        linear_aim = target / point.linear_s
        if before is not None:
            for n in aim:
                aim[n] = aim[n] - before.x[n] @ before.s[n] @ self.inverse[n]
            linear_aim = linear_aim - before.linear_x * before.linear_s / point.linear_s
        z = self._solved(self.known + iteration.adjoint(linear_aim, aim))
        step = self._step(z, aim, linear_aim)
        if before is None:
            return step
        # what roundings have left of the equations is solved for once more
        left = iteration.program.cost + iteration.adjoint(point.linear_x + step.linear_x, _sum(point.x, step.x))
        better = self._step(z + self._solved(left), aim, linear_aim)
        after = iteration.program.cost + iteration.adjoint(point.linear_x + better.linear_x, _sum(point.x, better.x))
        return better if np.abs(after).max() < np.abs(left).max() else step

    def _step(self, z: Floats, aim: Blocks, linear_aim: Floats) -> _Point:
        """The changes of S and X that belong to one of z."""
        iteration, point = self.iteration, self.point
        change = iteration.matrix @ z
        s = _sum(iteration.blocks_of(change), self.left.primal)
        linear_s = change[: point.linear_s.size] + self.left.linear
        x = {n: _symmetric(aim[n] - point.x[n] - point.x[n] @ s[n] @ self.inverse[n]) for n in aim}
        linear_x = linear_aim - point.linear_x - point.linear_x * linear_s / point.linear_s
        return _Point(z, x, s, linear_x, linear_s)

    def lengths(self, step: _Point) -> tuple[float, float]:
        """How far X and S may go along a step until they are singular."""
        point = self.point
        found = []
        for roots, blocks, linear, change in (
            (self.roots[0], step.x, point.linear_x, step.linear_x),
            (self.roots[1], step.s, point.linear_s, step.linear_s),
        ):
            least = [
                float(np.linalg.eigvalsh(r @ blocks[n] @ r.transpose(0, 2, 1))[:, 0].min()) for n, r in roots.items()
            ]
            least.append(float((change / linear).min(initial=0.0)))
            found.append(-1.0 / min(*least, -1e-12))
        return found[0], found[1]


def _sum(one: Blocks, other: Blocks) -> Blocks:
    return {n: block + other[n] for n, block in one.items()}


def _symmetric(blocks: Floats) -> Floats:
    return np.asarray(0.5 * (blocks + blocks.transpose(0, 2, 1)))


def _factor(square: Floats) -> Floats:
    """A lower triangular factor, of a matrix that may be singular but for rounding."""
    if not len(square):
        return square
    diagonal = np.arange(len(square))
    for nudge in NUDGES:
        nudged = square.copy()
        nudged[diagonal, diagonal] *= 1.0 + nudge
        root, info = lapack.dpotrf(nudged, lower=1, clean=1)
        if info == 0:
            return np.asarray(root)
    raise _Singular
