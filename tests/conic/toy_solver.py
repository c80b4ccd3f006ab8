"""A solver of another package: alternating projections, written with public names of sdpbound alone.

``s = matrix z + constant`` shall be in the cone and ``cost . z`` be large. In turns z is the point that brings ``s``
closest to where it should be, s its projection on the cone, and u collects what is missing (the alternating direction
method of multipliers); ``-penalty u`` tends to the dual. Where there is none, u or z runs away along a ray that proves
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

import sdpbound as sb
from sdpbound.conic import LinearMatrixInequality, SolverResult, Status

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Toy(sb.Solver):
    """Small programs to seven digits or so."""

    license: ClassVar[str] = "Apache-2.0"
    first_order: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "toy"

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        if not all(np.isfinite(part).all() for part in (program.cost, program.constant, program.matrix.data)):
            raise sb.SolverFailure("toy was given a program with entries that are NaN or infinite; check its data.")
        begun, cone = perf_counter(), Cone(program.linear, program.sizes)
        # units in which cost and slack are of size one
        unit = float(np.abs(program.cost).max(initial=0.0)) or 1.0
        length = float(np.abs(program.constant).max(initial=0.0)) or 1.0
        matrix = cone.weights[:, None] * program.matrix.toarray()
        constant, cost = cone.weights * program.constant / length, program.cost / unit
        status, z, x, steps = iterated(matrix, constant, cost, cone, max(self.tolerance, 1e-9))
        dual = unit * x
        objective = {Status.INFEASIBLE: -np.inf, Status.UNBOUNDED: np.inf}.get(
            status, program.offset + length * float(dual @ constant)
        )
        linear, blocks = cone.split(dual)
        return SolverResult(
            "toy", status, blocks, linear, objective, perf_counter() - begun, steps, status.value, length * z
        )


class Cone:
    """Vectors of linear rows, then upper triangles column by column, off-diagonal entries times sqrt(2)."""

    def __init__(self, linear: int, sizes: tuple[int, ...]) -> None:
        self.linear, self.sizes = linear, sizes
        self.places = [np.tril_indices(n) for n in sizes]  # column and row of the upper triangle
        self.weights = np.concatenate([np.ones(linear), *(np.where(c == r, 1.0, 2**0.5) for c, r in self.places)])

    def split(self, vector: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        plain = vector / self.weights
        parts, at = [], self.linear
        for n, (columns, rows) in zip(self.sizes, self.places, strict=True):
            block = np.zeros((n, n))
            block[rows, columns] = block[columns, rows] = plain[at : at + rows.size]
            parts.append(block)
            at += rows.size
        return plain[: self.linear], tuple(parts)

    def projected(self, vector: Floats) -> Floats:
        linear, blocks = self.split(vector)
        parts = [np.maximum(linear, 0.0)]
        for block, (columns, rows) in zip(blocks, self.places, strict=True):
            values, vectors = np.linalg.eigh(block)
            parts.append(((vectors * np.maximum(values, 0.0)) @ vectors.T)[rows, columns])
        return np.concatenate(parts) * self.weights


def iterated(
    matrix: Floats, constant: Floats, cost: Floats, cone: Cone, tolerance: float
) -> tuple[Status, Floats, Floats, int]:
    """Status, z and the dual (or its ray), and the number of steps."""
    inverse, penalty = np.linalg.pinv(matrix.T @ matrix), 1.0
    s = u = np.zeros(len(constant))
    z = x = before_z = before_u = np.zeros(0)
    for step in range(1, 40_001):
        z = inverse @ (matrix.T @ (s - u - constant) + cost / penalty)
        slack = matrix @ z + constant
        s_before, s = s, cone.projected(slack + u)
        u = u + slack - s
        if step % 25:
            continue
        x = -penalty * u
        primal, dual = float(np.abs(slack - s).max()), float(np.abs(cost + matrix.T @ x).max())
        moving = penalty * float(np.abs(matrix.T @ (s - s_before)).max(initial=0.0))
        if primal <= tolerance and max(dual, moving) <= tolerance:
            return Status.SOLVED, z, x, step
        if before_u.size and step > 500:
            ray, way = before_u - u, z - before_z
            if constant @ ray < 0 and np.abs(matrix.T @ ray).max() < 1e-5 * -(constant @ ray):
                return Status.INFEASIBLE, z, penalty * cone.projected(ray), step
            gain, away = float(cost @ way), matrix @ way
            if gain > 1e-6 and np.abs(away - cone.projected(away)).max(initial=0.0) < 1e-6 * gain:
                return Status.UNBOUNDED, z, 0.0 * x, step
        before_u, before_z = u, z
        # later it would hide a ray
        if step <= 500 and (primal > 10 * max(dual, moving) or max(dual, moving) > 10 * primal):
            factor = 2.0 if primal > max(dual, moving) else 0.5
            penalty, u = penalty * factor, u / factor
            before_u = np.zeros(0)
    return Status.STOPPED, z, x, 40_000
