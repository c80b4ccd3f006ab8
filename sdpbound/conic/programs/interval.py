"""Interval programs: several matrices, each between zero and one matrix that they share.

With M(y)[u, v] = y[index[u, v]], ::

    maximise    objective . y + sum_k rewards_k . z_k
    subject to  M(y) >= 0,  0 <= M(z_k) <= M(y),  y[unit] = 1,  tested . y = values, each within its tolerance,

with the a-priori limits |y[i]| <= 1 and |z_k[i]| <= z_k[unit] <= 1. Any positive semidefinite A_k, B_k, C and any
multipliers prove a bound: with the residuals r_k = rewards_k + A_k - B_k, where a matrix stands for the functional
y -> <A, M(y)>, and R = objective + sum_k B_k + C - multipliers . tested,

    rewards_k . z_k <= <B_k, M(y)> + r_k . z_k <= <B_k, M(y)> + max(0, r_k[unit] + sum_{i != unit} |r_k[i]|),
    objective . y + sum_k <B_k, M(y)> <= multipliers . data + R[unit] + sum_{i != unit} |R[i]|.

The blocks of different k share only y, so that a solver which eliminates the z_k one after the other, as
:class:`sdpbound.Arrow` does, takes a time linear in the number of copies k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.blocks import split_block
from sdpbound.conic.certificate import factor_positive, rounding_unit
from sdpbound.conic.entries import cleaned, entry_variables
from sdpbound.conic.program import SolverResult, StartingPoint, Symmetry
from sdpbound.conic.programs.shared import Rows, SharedBlock, SharedData, SharedDual, SharedProgram, SharedStructure
from sdpbound.conic.sectors import SectorBlock

__all__ = ["IntervalData", "IntervalDual", "IntervalProgram", "IntervalShape", "IntervalStructure"]


@dataclass(frozen=True, slots=True, eq=False)
class _Orbit:
    """Copies of one group that symmetries exchange.

    Attributes
    ----------
    members : places of the copies, the first one first
    invariants : for each of them sparse (m, k), its moments at the orbit's k numbers
    transports : for each of them what takes words of the first one to its words; None for the identity
    block : the first one's matrix
    """

    members: tuple[int, ...]
    invariants: tuple[sp.csr_array, ...]
    transports: tuple[sp.csr_array | None, ...]
    block: SharedBlock

    @property
    def numbers(self) -> int:
        return int(self.invariants[0].shape[1])


@dataclass(frozen=True, eq=False)
class IntervalShape:
    """The matrices of one group and their symmetry: what programs with any number of groups share.

    Attributes
    ----------
    index : (n, n) symmetric, numbers of moments, -1 where the entry is zero
    moments : m, the number of moments
    copies : number of different matrices M(z_k) in one group
    symmetry : of M(y), which symmetries keep, then of the copies, which they may permute; None for no symmetry
    """

    index: Ints
    moments: int
    copies: int
    symmetry: Symmetry | None

    @cached_property
    def invariants(self) -> sp.csr_array:
        """Sparse (m, k), the invariant y are ``invariants @ x``."""
        own = self._own(0)
        return sp.csr_array(own[:, np.unique(own.indices)])

    @cached_property
    def block(self) -> SharedBlock:
        """M(y) at invariant y."""
        return self._block(0)

    @cached_property
    def orbits(self) -> tuple[_Orbit, ...]:
        """The orbits of the copies of a group."""
        symmetry = self.symmetry
        if symmetry is None:
            every = self.invariants
            return tuple(_Orbit((k,), (every,), (None,), self.block) for k in range(self.copies))
        out = []
        for first in sorted(set(symmetry.owners) - {0}):
            members = [k for k, owner in enumerate(symmetry.owners) if owner == first]
            columns = np.unique(self._own(first).indices)
            block = self._block(first)
            change = entry_variables(block.triangles(sp.csr_array(self._own(first)[:, columns])))
            out.append(
                _Orbit(
                    tuple(k - 1 for k in members),
                    tuple(cleaned(self._own(k)[:, columns] @ change) for k in members),
                    tuple(symmetry.transports[k] for k in members),
                    block,
                )
            )
        return tuple(out)

    @cached_property
    def rows(self) -> tuple[tuple[sp.csr_array, sp.csr_array], ...]:
        """For each orbit the rows that read the first copy's blocks from x, and from the orbit's numbers."""
        return tuple((o.block.triangles(self.invariants), o.block.triangles(o.invariants[0])) for o in self.orbits)

    def _own(self, k: int) -> sp.csr_array:
        if self.symmetry is None:
            return sp.csr_array(sp.eye_array(self.moments))
        return sp.csr_array(self.symmetry.invariants[k * self.moments : (k + 1) * self.moments])

    def _block(self, k: int) -> SharedBlock:
        if self.symmetry is None:
            return SectorBlock(self.index, (None,))
        numbered = np.where(self.index >= 0, self.index + k * self.moments, -1)
        return replace(split_block(numbered, k, self.symmetry), index=self.index)


@dataclass(frozen=True, slots=True, eq=False)
class IntervalStructure(SharedStructure):
    """What does not change from point to point: everything but objective, rewards and values.

    Attributes
    ----------
    shape : the matrices of one group
    groups : number of groups; copy k = group * copies + place
    """

    shape: IntervalShape
    groups: int

    @property
    def copies(self) -> int:
        return self.shape.copies


@dataclass(frozen=True, slots=True, eq=False)
class IntervalData(SharedData):
    """What changes.

    Attributes
    ----------
    objective : (m,)
    rewards : (groups * copies, m)
    slack : sum of what the entries of ``rewards`` may be off
    """

    objective: Floats
    rewards: Floats
    slack: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class IntervalDual(SharedDual):
    """A proof: lower triangular factors of C, and of A_k (``inner``) and B_k (``outer``) for every copy."""

    inner: tuple[Floats, ...]
    outer: tuple[Floats, ...]


class IntervalProgram(SharedProgram[IntervalData, tuple[Floats, Floats, Floats], IntervalDual]):
    """Between interval programs of one structure, a solver's program, and a proof."""

    structure: IntervalStructure

    def __init__(self, structure: IntervalStructure) -> None:
        s = structure
        super().__init__(s, s.shape.invariants, s.shape.block)
        most = int(np.bincount(s.index[s.index >= 0], minlength=s.moments).max(initial=0))
        self.terms = len(s.index) + most + len(s.tested) + s.copies * s.groups + 16

    def entries(self) -> sp.csr_array:
        return sp.csr_array(sp.vstack([of_shared for of_shared, _ in self.structure.shape.rows], format="csr"))

    def add_copies(self, rows: Rows) -> list[int]:
        sizes: list[int] = []
        shape = self.structure.shape
        for _ in range(self.structure.groups):
            for orbit, (of_shared, own) in zip(shape.orbits, shape.rows, strict=True):
                rows.add(None, own)
                rows.add(of_shared, -own)
                sizes += 2 * orbit.block.sizes
                rows.columns += orbit.numbers
        return sizes

    def objective(self, data: IntervalData) -> Floats:
        return data.objective

    def cost_of_copies(self, data: IntervalData) -> list[Floats]:
        s = self.structure
        table = data.rewards.reshape(s.groups, s.copies, s.moments)
        return [
            np.sum([part.T @ group[k] for k, part in zip(orbit.members, orbit.invariants, strict=True)], axis=0)
            for group in table
            for orbit in self.structure.shape.orbits
        ]

    def moments_of_copies(self, solution: Floats) -> Floats:
        """The z_k of a solver's point, (groups * copies, m)."""
        s = self.structure
        out = np.zeros((s.groups, s.copies, s.moments))
        at = self.free.shape[1]
        for group in out:
            for orbit in self.structure.shape.orbits:
                own = solution[at : at + orbit.numbers]
                at += orbit.numbers
                for place, part in zip(orbit.members, orbit.invariants, strict=True):
                    group[place] = part @ own
        return out.reshape(-1, s.moments)

    def mixed(
        self, other: IntervalProgram, result: SolverResult, points: Floats, duals: Floats
    ) -> StartingPoint | None:
        """A solver's point of a program with other groups of the same shape, as one to begin with.

        Parameters
        ----------
        points, duals : (groups, groups of the other) what the z_k, and A_k and B_k, of each group are of those there
        """
        own, there = self.structure, other.structure
        if own.shape is not there.shape or own.wide != there.wide or result.solution is None:
            return None
        shared = self.free.shape[1]
        numbers = result.solution[shared:].reshape(there.groups, -1)
        first = len(self.block.sizes)
        count = (len(result.duals) - first) // there.groups
        table = [np.array(result.duals[first + place :: count]) for place in range(count)]
        mixed = [np.tensordot(duals, blocks, axes=1) for blocks in table]
        copies = [blocks[group] for group in range(own.groups) for blocks in mixed]
        solution = np.concatenate([result.solution[:shared], (points @ numbers).reshape(-1)])
        return StartingPoint(solution, (*result.duals[:first], *copies), result.linear_dual)

    def lift(self, duals: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
        """C, and the A and B of all copies, in full words."""
        s, n = self.structure, len(self.structure.index)
        queue = iter(duals)
        shared = self.lift_shared(queue)
        found = np.zeros((2, s.groups, s.copies, n, n))
        for group in range(s.groups):
            for orbit in self.structure.shape.orbits:
                for side in found[:, group]:
                    first = orbit.block.lift([next(queue) for _ in orbit.block.sizes]) / len(orbit.members)
                    for place, step in zip(orbit.members, orbit.transports, strict=True):
                        side[place] = first if step is None else step @ (step @ first.T).T
        inner, outer = found.reshape(2, -1, n, n)
        return shared, inner, outer

    def proofs(self, data: IntervalData, duals: Sequence[Floats], wide: Floats | None) -> list[IntervalDual]:
        """What duals prove, with fitted multipliers and with given ones.

        Each residual is first spread over the entries where its moment stands, then the matrices are moved into the
        cone; what is left is charged.
        """
        s = self.structure
        shared, inner, outer = self.lift(duals)
        move = (0.5 * self.spread)[:, None] * (data.rewards.T + self._polynomials(inner - outer))
        spread = np.where(s.index >= 0, move.T[:, np.maximum(s.index, 0)], 0.0)
        inner = np.array([factor_positive(x) for x in inner - spread]).reshape(inner.shape)
        outer = np.array([factor_positive(x) for x in outer + spread]).reshape(outer.shape)
        total = self._total(data.objective, outer) + self._polynomials(shared[None])[:, 0]
        fits = [self.balanced(total, shared, given) for given in ([None] if wide is None else [None, wide])]
        return [self._evaluate(data, multipliers, factor, inner, outer) for multipliers, factor in fits]

    def _total(self, objective: Floats, outer: Floats) -> Floats:
        """objective + sum_k B_k of all copies, from their factors."""
        return np.asarray(objective + self._polynomials(outer @ outer.transpose(0, 2, 1)).sum(axis=1))

    def _evaluate(
        self, data: IntervalData, multipliers: Floats, shared: Floats, inner: Floats, outer: Floats
    ) -> IntervalDual:
        """What factors and multipliers prove, with a bound on the rounding of this very computation.

        Rounding is that of :mod:`sdpbound.conic.certificate`: a sum of K terms is off by gamma_K times their sizes.
        """
        s, reward = self.structure, data.rewards.T
        residuals = reward + self._polynomials(inner @ inner.transpose(0, 2, 1) - outer @ outer.transpose(0, 2, 1))
        residual = self._total(data.objective, outer) + self._polynomials((shared @ shared.T)[None])[:, 0]
        residual -= multipliers @ s.tested

        absolute = float(np.abs(data.objective).sum() + np.abs(reward).sum())
        absolute += float((np.abs(shared).sum(axis=0) ** 2).sum())
        for parts, uses in ((inner, 1.0), (outer, 2.0)):
            absolute += uses * float((np.abs(parts).sum(axis=1) ** 2).sum())
        absolute += float(np.abs(s.tested).sum(axis=1) @ np.abs(multipliers))
        error = 2.0 * rounding_unit(self.terms + s.moments) * absolute
        charges, charge = np.abs(residuals), np.abs(residual)
        charges[s.unit], charge[s.unit] = residuals[s.unit], residual[s.unit]
        constant = float(charge.sum()) + float(np.maximum(charges.sum(axis=0), 0.0).sum()) + error + data.slack
        constant, value = self.rounded_up(constant, multipliers, data)
        return IntervalDual(
            value=value,
            constant=constant,
            multipliers=tuple(float(v) for v in multipliers),
            shared=shared,
            inner=tuple(inner),
            outer=tuple(outer),
        )

    def _polynomials(self, matrices: Floats) -> Floats:
        """(m, K): coefficients of the moments in <matrix, M(y)>."""
        return np.asarray(self.scatter @ matrices.reshape(len(matrices), -1).T, dtype=np.float64)
