"""Interval programs: several matrices, each between zero and one matrix that they share.

With M(y)[u, v] = y[index[u, v]], ::

    maximise    objective . y + sum_k rewards_k . z_k
    subject to  M(y) >= 0,  0 <= M(z_k) <= M(y),  y[unit] = 1,  tested . y = values, each within its tolerance,

with the a-priori limits |y[i]| <= 1 and |z_k[i]| <= z_k[unit] <= 1. Any positive semidefinite A_k, B_k, C and any
multipliers prove a bound: with the residuals r_k = rewards_k + A_k - B_k, where a matrix stands for the functional
y -> <A, M(y)>, and R = objective + sum_k B_k + C - multipliers . tested,

    rewards_k . z_k <= <B_k, M(y)> + r_k . z_k <= <B_k, M(y)> + max(0, r_k[unit] + sum_{i != unit} |r_k[i]|),
    objective . y + sum_k <B_k, M(y)> <= multipliers . data + R[unit] + sum_{i != unit} |R[i]|.

The blocks of different k share only y, so that a solver which keeps the sparsity of the Schur complement (SDPA) takes
a time linear in the number of copies k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.certificate import factor_positive, rounding_unit
from sdpbound.conic.programs.shared import (
    Orbit,
    Rows,
    SharedData,
    SharedDual,
    SharedProgram,
    SharedStructure,
    orbits_of,
    sector_size,
    sign_generators,
)
from sdpbound.conic.sectors import Sector, expanded, sectors_of, triangle_map

__all__ = ["IntervalData", "IntervalDual", "IntervalProgram", "IntervalStructure"]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalStructure(SharedStructure):
    """What does not change from point to point: everything but objective, rewards and values.

    Attributes
    ----------
    copies : number of different matrices M(z_k) in one group
    groups : number of groups; copy k = group * copies + place. Symmetries permute the places of every group alike
    """

    copies: int
    groups: int


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


@dataclass(frozen=True, slots=True, eq=False)
class _Orbit(Orbit):
    """With the blocks of the first copy, and the moments that the symmetries which fix it leave unchanged."""

    sectors: tuple[Sector | None, ...]
    alive: Ints


class IntervalProgram(SharedProgram[IntervalData, tuple[Floats, Floats, Floats], IntervalDual]):
    """Between interval programs of one structure, a solver's program, and a proof."""

    structure: IntervalStructure

    def __init__(self, structure: IntervalStructure) -> None:
        s = structure
        self._orbits = tuple(_resolved(orbit, s) for orbit in orbits_of(s.copies, s.symmetries))
        self._firsts = [g * s.copies + orbit.first for g in range(s.groups) for orbit in self._orbits]
        super().__init__(s)
        most = int(np.bincount(s.index[s.index >= 0], minlength=s.moments).max(initial=0))
        self.terms = len(s.index) + most + len(s.tested) + s.copies * s.groups + 16

    def add_copies(self, rows: Rows) -> list[int]:
        s, sizes = self.structure, []
        blocks = [[triangle_map(s.index, sector, s.moments) for sector in orbit.sectors] for orbit in self._orbits]
        own = [[sp.csr_array(t[:, orbit.alive]) for t in row] for orbit, row in zip(self._orbits, blocks, strict=True)]
        for _ in range(s.groups):
            for orbit, triangles, moments in zip(self._orbits, blocks, own, strict=True):
                for sector, triangle, part in zip(orbit.sectors, triangles, moments, strict=True):
                    rows.add(None, part)
                    rows.add(triangle, -part)
                    sizes += [sector_size(s.index, sector)] * 2
                rows.columns += orbit.alive.size
        return sizes

    def objective(self, data: IntervalData) -> Floats:
        return data.objective

    def cost_of_copies(self, data: IntervalData) -> list[Floats]:
        s = self.structure
        table = data.rewards.reshape(s.groups, s.copies, s.moments)
        return [len(orbit) * group[orbit.first][orbit.alive] for group in table for orbit in self._orbits]

    def moments_of_copies(self, solution: Floats) -> Floats:
        """The z_k of a solver's point, (groups * copies, m)."""
        s = self.structure
        out = np.zeros((s.groups, s.copies, s.moments))
        at = self.free.shape[1]
        for group in out:
            for orbit in self._orbits:
                group[orbit.first, orbit.alive] = solution[at : at + orbit.alive.size]
                at += orbit.alive.size
                for place, g in orbit.others:
                    group[place] = g.sign * group[orbit.first]
        return out.reshape(-1, s.moments)

    def lift(self, duals: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
        """C, and the A and B of the first copy of each orbit and group, in full words."""
        n = len(self.structure.index)
        queue = iter(duals)
        shared = self.lift_shared(queue)
        inner, outer = [], []
        for _ in range(self.structure.groups):
            for orbit in self._orbits:
                a, b = np.zeros((n, n)), np.zeros((n, n))
                for sector in orbit.sectors:
                    a += expanded(sector, next(queue))
                    b += expanded(sector, next(queue))
                inner.append(a / (len(orbit)))
                outer.append(b / (len(orbit)))
        shape = (len(inner), n, n)
        return shared, np.array(inner).reshape(shape), np.array(outer).reshape(shape)

    def certify(self, data: IntervalData, duals: Sequence[Floats]) -> IntervalDual:
        """The bound that a solver's dual proves; a dual that is not finite is replaced by zero.

        Each residual is first spread over the entries where its moment stands, then the matrices are moved into the
        cone; what is left is charged.
        """
        s = self.structure
        reward = data.rewards[self._firsts].T  # (m, first copies)
        shared, inner, outer = self.lift([x if np.isfinite(x).all() else np.zeros_like(x) for x in duals])
        move = (0.5 * self.spread)[:, None] * (reward + self._polynomials(inner - outer))
        spread = np.where(s.index >= 0, move.T[:, np.maximum(s.index, 0)], 0.0)
        inner = np.array([factor_positive(x) for x in inner - spread]).reshape(inner.shape)
        outer = np.array([factor_positive(x) for x in outer + spread]).reshape(outer.shape)
        total = self._total(data.objective, outer) + self._polynomials(shared[None])[:, 0]
        multipliers, shared = self.balanced(total, shared)
        return self._evaluate(data, reward, multipliers, (shared, inner, outer))

    def _total(self, objective: Floats, outer: Floats) -> Floats:
        """objective + sum_k B_k of all copies, from the factors of the first ones."""
        outside = self._polynomials(outer @ outer.transpose(0, 2, 1))
        total = objective.copy()
        for group in range(self.structure.groups):
            for o, orbit in enumerate(self._orbits):
                column = outside[:, group * len(self._orbits) + o]
                total += sum((g.sign * column for _, g in orbit.others), column)
        return total

    def _evaluate(
        self,
        data: IntervalData,
        reward: Floats,
        multipliers: Floats,
        factors: tuple[Floats, Floats, Floats],
    ) -> IntervalDual:
        """What factors and multipliers prove, with a bound on the rounding of this very computation.

        Rounding is that of :mod:`sdpbound.conic.certificate`: a sum of K terms is off by gamma_K times their sizes.
        """
        s = self.structure
        shared, inner, outer = factors
        times = np.array([len(orbit) for orbit in self._orbits] * s.groups, dtype=np.float64)
        residuals = reward + self._polynomials(inner @ inner.transpose(0, 2, 1) - outer @ outer.transpose(0, 2, 1))
        residual = self._total(data.objective, outer) + self._polynomials((shared @ shared.T)[None])[:, 0]
        residual -= multipliers @ s.tested

        absolute = float(np.abs(data.objective).sum() + (times * np.abs(reward).sum(axis=0)).sum())
        absolute += float((np.abs(shared).sum(axis=0) ** 2).sum())
        for parts, uses in ((inner, 1.0), (outer, 2.0)):
            absolute += uses * float(times @ (np.abs(parts).sum(axis=1) ** 2).sum(axis=1))
        absolute += float(np.abs(s.tested).sum(axis=1) @ np.abs(multipliers))
        error = 2.0 * rounding_unit(self.terms + s.moments) * absolute
        charges, charge = np.abs(residuals), np.abs(residual)
        charges[s.unit], charge[s.unit] = residuals[s.unit], residual[s.unit]
        constant = float(charge.sum()) + float(times @ np.maximum(charges.sum(axis=0), 0.0)) + error + data.slack
        constant, value = self.rounded_up(constant, multipliers, data)
        return IntervalDual(
            value=value,
            constant=constant,
            multipliers=tuple(float(v) for v in multipliers),
            shared=shared,
            inner=self._images(inner),
            outer=self._images(outer),
        )

    def _polynomials(self, matrices: Floats) -> Floats:
        """(m, K): coefficients of the moments in <matrix, M(y)>."""
        return np.asarray(self.scatter @ matrices.reshape(len(matrices), -1).T, dtype=np.float64)

    def _images(self, factors: Floats) -> tuple[Floats, ...]:
        """Factors of all copies: signs of words turn those of the first of an orbit into those of the others."""
        s = self.structure
        out: list[Floats] = []
        for group in range(s.groups):
            places: dict[int, Floats] = {}
            for o, orbit in enumerate(self._orbits):
                factor = factors[group * len(self._orbits) + o]
                places[orbit.first] = factor
                for place, g in orbit.others:
                    places[place] = factor * np.outer(g.word_sign, g.word_sign)
            out += [places[k] for k in range(s.copies)]
        return tuple(out)


def _resolved(orbit: Orbit, structure: IntervalStructure) -> _Orbit:
    """An orbit with the sectors and the moments of its first copy."""
    n = len(structure.index)
    fixing = [g for g in structure.symmetries if g.image[orbit.first] == orbit.first]
    sectors = sectors_of(n, [(np.arange(n), g.word_sign) for g in sign_generators(fixing)])
    alive = np.flatnonzero((np.array([g.sign for g in fixing]) > 0).all(axis=0))
    return _Orbit(orbit.first, orbit.others, tuple(sectors), alive)
