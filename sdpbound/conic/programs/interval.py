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

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.certificate import factor_positive, rounding_unit
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.programs.shared import SignSymmetry, expanded, sector_size, sign_generators
from sdpbound.conic.sectors import Sector, eliminate, sectors_of, triangle_map

__all__ = ["IntervalDual", "IntervalSolver", "IntervalStructure"]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalStructure:
    """What does not change from point to point: everything but objective, rewards and values.

    Attributes
    ----------
    index : (n, n) symmetric, numbers of moments, -1 where the entry is zero
    moments : m, the number of moments
    unit : the moment that is one
    tested : (J, m)
    wide : (J,) whether a tested value has a tolerance that the solver is to use
    copies : number of different matrices M(z_k) in one group
    groups : number of groups; copy k = group * copies + place. Symmetries permute the places of every group alike
    symmetries : all elements of a group of sign symmetries of one group of copies, the identity first
    """

    index: Ints
    moments: int
    unit: int
    tested: Floats
    wide: tuple[bool, ...]
    copies: int
    groups: int
    symmetries: tuple[SignSymmetry, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalDual:
    """A proof: lower triangular factors of C, and of A_k and B_k for every copy; what they prove.

    ``value`` is the upper bound at the data, ``constant`` that without ``multipliers . data``; both rounded up.
    """

    value: float
    constant: float
    multipliers: tuple[float, ...]
    shared: Floats
    inner: tuple[Floats, ...]
    outer: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Orbit:
    """Copies of one group that symmetries exchange: the first, the others with their signs, and the first's blocks."""

    first: int
    others: tuple[tuple[int, SignSymmetry], ...]
    sectors: tuple[Sector | None, ...]
    alive: Ints  # moments that the symmetries which fix the first copy leave unchanged


class IntervalSolver:
    """Between interval programs of one structure, a solver's program, and a proof."""

    def __init__(self, structure: IntervalStructure) -> None:
        self.structure = s = structure
        n, m = len(s.index), s.moments
        signs = np.array([g.sign for g in s.symmetries])
        self._orbits = self._find_orbits()
        self._firsts = [g * s.copies + orbit.first for g in range(s.groups) for orbit in self._orbits]
        # y: invariant moments, equalities eliminated
        invariant = np.flatnonzero((signs > 0).all(axis=0))
        put = sp.csr_array((np.ones(invariant.size), (invariant, np.arange(invariant.size))), shape=(m, invariant.size))
        narrow = [j for j, wide in enumerate(s.wide) if not wide]
        rows = np.zeros((1 + len(narrow), m))
        rows[0, s.unit] = 1.0
        rows[1:] = s.tested[narrow]
        offsets, free = eliminate(sp.csr_array(rows @ put))
        self._free, self._offsets, self._narrow = sp.csr_array(put @ free), sp.csr_array(put @ offsets), narrow
        self._wide = [j for j, wide in enumerate(s.wide) if wide]
        self._shared_sectors = sectors_of(n, [(np.arange(n), g.word_sign) for g in sign_generators(s.symmetries)])
        self._build()
        flat = s.index.reshape(-1)
        known = np.flatnonzero(flat >= 0)
        self._scatter = sp.csr_array((np.ones(known.size), (flat[known], known)), shape=(m, n * n))
        counts = np.bincount(flat[known], minlength=m)
        self._spread = np.where(counts > 0, 1.0 / np.maximum(counts, 1), 0.0)
        plain = s.tested.copy()
        plain[:, s.unit] = 0.0
        self._multiplier_map = np.linalg.pinv(plain @ plain.T) @ plain if len(plain) else np.zeros((0, m))
        self._terms = n + int(counts.max(initial=0)) + len(s.tested) + s.copies * s.groups + 16

    def _find_orbits(self) -> tuple[_Orbit, ...]:
        s = self.structure
        n = len(s.index)
        orbits, done = [], set()
        for first in range(s.copies):
            if first in done:
                continue
            done.add(first)
            others = []
            for g in s.symmetries:
                if g.image[first] not in done:
                    done.add(g.image[first])
                    others.append((g.image[first], g))
            fixing = [g for g in s.symmetries if g.image[first] == first]
            sectors = sectors_of(n, [(np.arange(n), g.word_sign) for g in sign_generators(fixing)])
            alive = np.flatnonzero((np.array([g.sign for g in fixing]) > 0).all(axis=0))
            orbits.append(_Orbit(first, tuple(others), tuple(sectors), alive))
        return tuple(orbits)

    def _build(self) -> None:
        """The solver's matrix: y's free numbers first, then for each group and orbit the moments of its z."""
        s = self.structure
        m, free = s.moments, self._free.shape[1]
        sizes: list[int] = []
        parts: list[sp.coo_array] = []
        selections: list[sp.csr_array] = []  # of y, for the constant
        starts = [0]

        def add(of_y: sp.csr_array | None, rows: int, other: sp.csr_array | None, column: int) -> None:
            start = starts[-1]
            if of_y is not None:
                part = sp.coo_array(of_y @ self._free)
                parts.append((part.data, part.row + start, part.col))
            if other is not None:
                part = sp.coo_array(other)
                parts.append((part.data, part.row + start, part.col + column))
            selections.append(sp.csr_array((rows, m)) if of_y is None else of_y)
            starts.append(start + rows)

        if self._wide:
            rows = sp.csr_array(s.tested[self._wide])
            add(rows, len(self._wide), None, 0)
            add(sp.csr_array(-rows), len(self._wide), None, 0)
        for sector in self._shared_sectors:
            triangle = triangle_map(s.index, sector, m)
            add(triangle, triangle.shape[0], None, 0)
            sizes.append(sector_size(s.index, sector))
        blocks = [[triangle_map(s.index, sector, m) for sector in orbit.sectors] for orbit in self._orbits]
        own = [[sp.csr_array(t[:, orbit.alive]) for t in row] for orbit, row in zip(self._orbits, blocks, strict=True)]
        column = free
        for _ in range(s.groups):
            for orbit, triangles, moments in zip(self._orbits, blocks, own, strict=True):
                for sector, triangle, part in zip(orbit.sectors, triangles, moments, strict=True):
                    add(None, triangle.shape[0], part, column)
                    add(triangle, triangle.shape[0], -part, column)
                    sizes += [sector_size(s.index, sector)] * 2
                column += orbit.alive.size
        data, row, col = (np.concatenate(x) for x in zip(*parts, strict=True))
        self._matrix = sp.csc_array(sp.coo_array((data, (row, col)), shape=(starts[-1], column)))
        self._matrix.data[np.abs(self._matrix.data) < 1e-15] = 0.0
        self._matrix.eliminate_zeros()
        self._constant = sp.csr_array(sp.vstack(selections, format="csr") @ self._offsets)
        self._sizes = tuple(sizes)

    def inequality(
        self, objective: Floats, rewards: Floats, values: Floats, tolerances: Floats
    ) -> LinearMatrixInequality:
        """The solver's program; ``rewards`` (groups * copies, m), ``values`` and ``tolerances`` (J,)."""
        s = self.structure
        right = np.concatenate([[1.0], values[self._narrow]])
        constant = self._constant @ right
        if self._wide:
            w = len(self._wide)
            constant[:w] += tolerances[self._wide] - values[self._wide]
            constant[w : 2 * w] += tolerances[self._wide] + values[self._wide]
            # rows are tested . y - value + tolerance and its mirror image
        table = rewards.reshape(s.groups, s.copies, s.moments)
        costs = [self._free.T @ objective]
        for group in table:
            costs += [(1 + len(orbit.others)) * group[orbit.first][orbit.alive] for orbit in self._orbits]
        return LinearMatrixInequality(
            cost=np.concatenate(costs),
            offset=float(objective @ (self._offsets @ right)),
            matrix=self._matrix,
            constant=constant,
            linear=2 * len(self._wide),
            sizes=self._sizes,
        )

    def moments_of_copies(self, solution: Floats) -> Floats:
        """The z_k of a solver's point, (groups * copies, m)."""
        s = self.structure
        out = np.zeros((s.groups, s.copies, s.moments))
        at = self._free.shape[1]
        for group in out:
            for orbit in self._orbits:
                group[orbit.first, orbit.alive] = solution[at : at + orbit.alive.size]
                at += orbit.alive.size
                for place, g in orbit.others:
                    group[place] = g.sign * group[orbit.first]
        return out.reshape(-1, s.moments)

    def _lift(self, duals: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
        """Lift C, and the A and B of the first copy of each orbit and group, to all words."""
        n = len(self.structure.index)
        queue = iter(duals)
        shared = np.zeros((n, n))
        for sector in self._shared_sectors:
            shared += expanded(sector, next(queue))
        inner, outer = [], []
        for _ in range(self.structure.groups):
            for orbit in self._orbits:
                a, b = np.zeros((n, n)), np.zeros((n, n))
                for sector in orbit.sectors:
                    a += expanded(sector, next(queue))
                    b += expanded(sector, next(queue))
                inner.append(a / (1 + len(orbit.others)))
                outer.append(b / (1 + len(orbit.others)))
        shape = (len(inner), n, n)
        return shared, np.array(inner).reshape(shape), np.array(outer).reshape(shape)

    def certify(
        self,
        objective: Floats,
        rewards: Floats,
        values: Floats,
        tolerances: Floats,
        duals: Sequence[Floats],
        slack: float = 0.0,
    ) -> IntervalDual:
        """The bound that a solver's dual proves; a dual that is not finite is replaced by zero.

        Each residual is first spread over the entries where its moment stands, then the matrices are moved into the
        cone; what is left is charged. ``slack``: sum of what the entries of ``rewards`` may be off, charged too.
        """
        s = self.structure
        reward = rewards[self._firsts].T  # (m, first copies)
        shared, inner, outer = self._lift([x if np.isfinite(x).all() else np.zeros_like(x) for x in duals])
        move = (0.5 * self._spread)[:, None] * (reward + self._polynomials(inner - outer))
        spread = np.where(s.index >= 0, move.T[:, np.maximum(s.index, 0)], 0.0)
        inner = np.array([factor_positive(x) for x in inner - spread]).reshape(inner.shape)
        outer = np.array([factor_positive(x) for x in outer + spread]).reshape(outer.shape)
        total = self._total(objective, outer) + self._polynomials(shared[None])[:, 0]
        multipliers = self._multiplier_map @ total
        rest = total - multipliers @ s.tested
        rest[s.unit] = 0.0
        shared = factor_positive(shared - np.where(s.index >= 0, (rest * self._spread)[s.index], 0.0))
        return self._evaluate(objective, reward, values, tolerances, multipliers, (shared, inner, outer), slack)

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
        objective: Floats,
        reward: Floats,
        values: Floats,
        tolerances: Floats,
        multipliers: Floats,
        factors: tuple[Floats, Floats, Floats],
        slack: float,
    ) -> IntervalDual:
        """What factors and multipliers prove, with a bound on the rounding of this very computation.

        Rounding is that of :mod:`sdpbound.conic.certificate`: a sum of K terms is off by gamma_K times their sizes.
        """
        s = self.structure
        shared, inner, outer = factors
        times = np.array([1 + len(orbit.others) for orbit in self._orbits] * s.groups, dtype=np.float64)
        residuals = reward + self._polynomials(inner @ inner.transpose(0, 2, 1) - outer @ outer.transpose(0, 2, 1))
        residual = self._total(objective, outer) + self._polynomials((shared @ shared.T)[None])[:, 0]
        residual -= multipliers @ s.tested

        absolute = float(np.abs(objective).sum() + (times * np.abs(reward).sum(axis=0)).sum())
        absolute += float((np.abs(shared).sum(axis=0) ** 2).sum())
        for parts, uses in ((inner, 1.0), (outer, 2.0)):
            absolute += uses * float(times @ (np.abs(parts).sum(axis=1) ** 2).sum(axis=1))
        absolute += float(np.abs(s.tested).sum(axis=1) @ np.abs(multipliers))
        error = 2.0 * rounding_unit(self._terms + s.moments) * absolute
        charges, charge = np.abs(residuals), np.abs(residual)
        charges[s.unit], charge[s.unit] = residuals[s.unit], residual[s.unit]
        constant = float(charge.sum()) + float(times @ np.maximum(charges.sum(axis=0), 0.0)) + error + slack
        constant = math.nextafter(constant + 4e-16 * abs(constant), math.inf)
        moved = float(np.abs(multipliers) @ (np.abs(values) + tolerances))
        value = constant + float(multipliers @ values + np.abs(multipliers) @ tolerances)
        value += rounding_unit(2 * multipliers.size + 8) * (moved + abs(constant))
        return IntervalDual(
            value=math.nextafter(value, math.inf),
            constant=constant,
            multipliers=tuple(float(v) for v in multipliers),
            shared=shared,
            inner=self._images(inner),
            outer=self._images(outer),
        )

    def _polynomials(self, matrices: Floats) -> Floats:
        """Coefficients (m, K) of the moments in <matrix, M(y)>."""
        return np.asarray(self._scatter @ matrices.reshape(len(matrices), -1).T, dtype=np.float64)

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
