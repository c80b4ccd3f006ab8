"""Quadratic programs: the least of several quadratic expressions that share one moment matrix.

With M(y)[u, v] = y[index[u, v]], minimise sum_k q_k(y, z_k) subject to

    M(y) >= 0,   B_k(y, z_k) >= 0,   y[unit] = 1,   tested . y = values, each within its tolerance,

where B_k is a matrix whose entries are linear in y, in the words' block, and elsewhere in the numbers z_k = (linear,
square, other, twice), and with weights a_k, b_k, c_k > 0 the objective is

    q_k = a_k linear_k . linear + b_k square_k . square + c_k other_k . other.

A Gram matrix X_k >= 0 gives <X_k, B_k> = T_k . y + (own . X_k) . z. If own . X_k agrees with q_k but for r, then
q_k >= -T_k . y + r . z, and r . z >= -charge without any limit on z: with d = square[0] >= 0 and f = other[0] >= 0,
|linear| <= sqrt f, |square| <= d, |other| <= f, |twice| <= sqrt(d f) for all their entries, and
``square_k . square >= floor d``. Scaling the rows of X_k beyond the words by sqrt(1 - e) and those of the words by
1/sqrt(1 - e) leaves e (b_k floor d + c_k f) of the objective to pay for r. So

    minimum >= -sum_k T_k . y - charges >= ...                                                         (affine in y)

which is bounded with C >= 0 and multipliers as in :mod:`sdpbound.conic.programs.interval`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.certificate import factor_positive, rounding_unit
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.programs.shared import SignSymmetry, expanded, sector_size, sign_generators
from sdpbound.conic.sectors import eliminate, sectors_of, triangle_map

__all__ = ["CopyMaps", "QuadraticDual", "QuadraticSolver", "QuadraticStructure"]


@dataclass(frozen=True, eq=False)
class CopyMaps:
    """One block's layout.

    Attributes
    ----------
    devices : sparse (moments, size^2); T = devices @ vec(X)
    own : sparse (numbers, size^2); own @ vec(X) are the coefficients of z
    kinds : numbers of entries of linear, square, other, twice
    linear, square, other : what the objective has of them; the first entries of square and other are d and f
    size : rows of the block
    squares, star : (r, size), (size,) rows that, times sqrt(b) and sqrt(c) for b + c = a, prove some bound
    """

    devices: sp.csr_array
    own: sp.csr_array
    kinds: tuple[int, ...]
    linear: Floats
    square: Floats
    other: Floats
    size: int
    squares: Floats
    star: Floats

    def target(self, a: float, b: float, c: float) -> Floats:
        """Coefficients of the objective in z."""
        return np.concatenate([a * self.linear, b * self.square, c * self.other, np.zeros(self.kinds[3])])

    @cached_property
    def independent(self) -> Ints:
        """A maximal set of linearly independent rows of ``own``."""
        dense = self.own.toarray()
        used = dense[:, np.abs(dense).any(axis=0)]
        _, r, order = scipy.linalg.qr(used.T, mode="economic", pivoting=True)
        diagonal = np.abs(np.diagonal(r))
        return np.sort(order[: int((diagonal > 1e-9 * diagonal[0]).sum())])

    @cached_property
    def triangles(self) -> tuple[sp.csr_array, sp.coo_array]:
        """Rows that read the block's upper triangle, column by column, from y and from the independent z."""
        q, p = np.tril_indices(self.size)
        upper, lower = p * self.size + q, q * self.size + p
        own = self.own[self.independent]
        of_y = sp.csr_array(0.5 * (self.devices[:, upper] + self.devices[:, lower]).T)
        return of_y, sp.coo_array(0.5 * (own[:, upper] + own[:, lower]).T)

    @cached_property
    def spread(self) -> Floats:
        """(size^2, numbers): the least change of X that changes own @ vec(X) by given numbers."""
        return np.asarray(self.own.T @ np.linalg.pinv((self.own @ self.own.T).toarray(), hermitian=True))


@dataclass(frozen=True, eq=False)
class QuadraticStructure:
    """The structure that all points of a sweep share.

    Attributes
    ----------
    index, moments, unit, tested, wide : as in :class:`~sdpbound.conic.programs.interval.IntervalStructure`
    layouts : group by group, the layout of each block of it; as many in each
    floor : ``square_k . square >= floor d``
    symmetries : all elements of a group of sign symmetries; ``image`` permutes the blocks of every group
    row_signs : of each symmetry, (groups) the signs of the rows of a block
    """

    index: Ints
    moments: int
    unit: int
    tested: Floats
    wide: tuple[bool, ...]
    layouts: tuple[tuple[CopyMaps, ...], ...]
    floor: float
    symmetries: tuple[SignSymmetry, ...]
    row_signs: tuple[tuple[Floats, ...], ...]

    @property
    def copies(self) -> int:
        """Blocks of a group."""
        return len(self.layouts[0])


@dataclass(frozen=True, eq=False)
class QuadraticDual:
    """A proof: lower triangular factors of C and of X_k of every block; what they prove.

    ``value`` is the upper bound on minus the minimum at the data, ``constant`` that without ``multipliers . data``.
    """

    value: float
    constant: float
    multipliers: tuple[float, ...]
    shared: Floats
    blocks: tuple[Floats, ...]


class QuadraticSolver:
    """Between quadratic programs of one structure, a solver's program, and a proof."""

    def __init__(self, structure: QuadraticStructure) -> None:
        self.structure = s = structure
        n, m = len(s.index), s.moments
        self._orbits = self._find_orbits()
        signs = np.array([g.sign for g in s.symmetries])
        invariant = np.flatnonzero((signs > 0).all(axis=0))
        put = sp.csr_array((np.ones(invariant.size), (invariant, np.arange(invariant.size))), shape=(m, invariant.size))
        self._narrow = [j for j, wide in enumerate(s.wide) if not wide]
        self._wide = [j for j, wide in enumerate(s.wide) if wide]
        rows = np.zeros((1 + len(self._narrow), m))
        rows[0, s.unit] = 1.0
        rows[1:] = s.tested[self._narrow]
        offsets, free = eliminate(sp.csr_array(rows @ put))
        self._free, self._offsets = sp.csr_array(put @ free), sp.csr_array(put @ offsets)
        self._sectors = sectors_of(n, [(np.arange(n), g.word_sign) for g in sign_generators(s.symmetries)])
        self._build()
        flat = s.index.reshape(-1)
        known = np.flatnonzero(flat >= 0)
        self._scatter = sp.csr_array((np.ones(known.size), (flat[known], known)), shape=(m, n * n))
        counts = np.bincount(flat[known], minlength=m)
        self._spread = np.where(counts > 0, 1.0 / np.maximum(counts, 1), 0.0)
        plain = s.tested.copy()
        plain[:, s.unit] = 0.0
        self._multiplier_map = np.linalg.pinv(plain @ plain.T) @ plain if len(plain) else np.zeros((0, m))
        largest = max(maps.size for group in s.layouts for maps in group)
        self._terms = largest**2 + m + len(s.tested) + s.copies * len(s.layouts) + 16

    def _find_orbits(self) -> list[tuple[int, list[tuple[int, SignSymmetry]]]]:
        """Blocks of one group that symmetries exchange: the first, and the others with what leads there."""
        orbits, done = [], set()
        for first in range(self.structure.copies):
            if first in done:
                continue
            done.add(first)
            others = []
            for g in self.structure.symmetries:
                if g.image[first] not in done:
                    done.add(g.image[first])
                    others.append((g.image[first], g))
            orbits.append((first, others))
        return orbits

    def _build(self) -> None:
        """The solver's matrix: y's free numbers first, then for each group and orbit its own numbers."""
        s = self.structure
        m, free = s.moments, self._free.shape[1]
        sizes, starts, parts, selections = [], 0, [], []
        if self._wide:
            rows = sp.csr_array(s.tested[self._wide])
            for sign in (1.0, -1.0):
                part = sp.coo_array(sign * rows @ self._free)
                parts.append((part.data, part.row + starts, part.col))
                selections.append(sp.csr_array(sign * rows))
                starts += len(self._wide)
        for sector in self._sectors:
            triangle = triangle_map(s.index, sector, m)
            part = sp.coo_array(triangle @ self._free)
            parts.append((part.data, part.row + starts, part.col))
            selections.append(triangle)
            sizes.append(sector_size(s.index, sector))
            starts += triangle.shape[0]
        column = free
        for group in s.layouts:
            for first, _ in self._orbits:
                maps = group[first]
                triangle, mine = maps.triangles
                part = sp.coo_array(triangle @ self._free)
                parts.append((part.data, part.row + starts, part.col))
                parts.append((mine.data, mine.row + starts, mine.col + column))
                selections.append(triangle)
                sizes.append(maps.size)
                starts += triangle.shape[0]
                column += mine.shape[1]
        data, row, col = (np.concatenate(x) for x in zip(*parts, strict=True))
        self._matrix = sp.csc_array(sp.coo_array((data, (row, col)), shape=(starts, column)))
        self._matrix.data[np.abs(self._matrix.data) < 1e-15] = 0.0
        self._matrix.eliminate_zeros()
        self._constant = sp.csr_array(sp.vstack(selections, format="csr") @ self._offsets)
        self._sizes = tuple(sizes)

    def inequality(self, weights: Floats, values: Floats, tolerances: Floats) -> LinearMatrixInequality:
        """The solver's program, maximise -sum q; ``weights`` (groups, 3) are a, b, c of each group."""
        right = np.concatenate([[1.0], values[self._narrow]])
        constant = self._constant @ right
        if self._wide:
            w = len(self._wide)
            constant[:w] += tolerances[self._wide] - values[self._wide]
            constant[w : 2 * w] += tolerances[self._wide] + values[self._wide]
        costs = [np.zeros(self._free.shape[1])]
        for group, (a, b, c) in zip(self.structure.layouts, weights, strict=True):
            for first, others in self._orbits:
                maps = group[first]
                costs.append(-(1 + len(others)) * maps.target(a, b, c)[maps.independent])
        return LinearMatrixInequality(
            cost=np.concatenate(costs),
            offset=0.0,
            matrix=self._matrix,
            constant=constant,
            linear=2 * len(self._wide),
            sizes=self._sizes,
        )

    def certify(
        self, weights: Floats, values: Floats, tolerances: Floats, duals: Sequence[Floats], known: float = 0.0
    ) -> QuadraticDual:
        """The bound that a solver's dual proves; blocks that prove nothing are replaced by known squares.

        ``known``: a constant to be added to the minimum.
        """
        s = self.structure
        n = len(s.index)
        duals = [x if np.isfinite(x).all() else np.zeros_like(x) for x in duals]
        shared = np.zeros((n, n))
        queue = iter(duals)
        for sector in self._sectors:
            shared += expanded(sector, next(queue))
        blocks, charges = [], []
        rows = [(float(a), float(b), float(c)) for a, b, c in weights]
        for group, row in zip(s.layouts, rows, strict=True):
            for first, others in self._orbits:
                dual = next(queue) / (1 + len(others))
                factor, charge = self._block(group[first], dual, row)
                blocks.append(factor)
                charges.append(charge)
        total, _ = self._total(blocks)
        rest = total + self._scatter @ shared.reshape(-1)
        multipliers = self._multiplier_map @ rest
        rest = rest - multipliers @ s.tested
        rest[s.unit] = 0.0
        shared = factor_positive(shared - np.where(s.index >= 0, (rest * self._spread)[s.index], 0.0))
        own = self._evaluate(values, tolerances, multipliers, shared, blocks, charges, known)
        plain = [
            self._known(group[first], row)
            for group, row in zip(s.layouts, rows, strict=True)
            for first, _ in self._orbits
        ]
        other = self._evaluate(
            values,
            tolerances,
            np.zeros(len(multipliers)),
            np.zeros((n, n)),
            [factor for factor, _ in plain],
            [charge for _, charge in plain],
            known,
        )
        return min(own, other, key=lambda dual: dual.value)

    def _block(self, maps: CopyMaps, dual: Floats, weights: tuple[float, float, float]) -> tuple[Floats, float]:
        """A factor of X that leaves enough to pay for what it is off, and the charge that remains."""
        moved = dual + (maps.spread @ (maps.target(*weights) - maps.own @ dual.reshape(-1))).reshape(dual.shape)
        factor, charge = self._scaled(maps, factor_positive((moved + moved.T) / 2), weights)
        return (factor, charge) if math.isfinite(charge) else self._known(maps, weights)

    def _known(self, maps: CopyMaps, weights: tuple[float, float, float]) -> tuple[Floats, float]:
        """A block that is known to prove something without any solver."""
        _, b, c = weights
        _, r = np.linalg.qr(np.vstack([math.sqrt(b) * maps.squares, math.sqrt(c) * maps.star[None]]))
        factor = np.zeros((maps.size, maps.size))
        factor[:, : len(r)] = r.T
        return self._scaled(maps, factor, weights)

    def _scaled(self, maps: CopyMaps, factor: Floats, weights: tuple[float, float, float]) -> tuple[Floats, float]:
        """The factor scaled so that what is left of the objective pays for what it is off, and the charge."""
        a, b, c = weights
        linear, inside, outside = self._off(maps, factor, weights, 0.0)
        e = 2.0 * outside / c + 0.5 * linear / math.sqrt(a * c)
        if maps.square.size:
            e += inside / b
        e = 1.1 * e / self.structure.floor + 1e-14
        if not e < 0.5:
            return factor, math.inf
        scale = np.full(maps.size, math.sqrt(1.0 - e))
        scale[: len(self.structure.index)] = 1.0 / math.sqrt(1.0 - e)
        factor = factor * scale[:, None]
        return factor, self._charge(maps, factor, weights)

    def _off(
        self, maps: CopyMaps, factor: Floats, weights: tuple[float, float, float], e: float
    ) -> tuple[float, float, float]:
        """Twice the residuals with rounding: of linear words, and of square and other ones but for a part e."""
        a, b, c = weights
        found = maps.own @ (factor @ factor.T).reshape(-1)
        linear, square, other, twice = np.split(found, np.cumsum(maps.kinds)[:3])
        mass = float((np.abs(factor) @ np.abs(factor).T).sum())
        mass += a * float(np.abs(maps.linear).sum()) + b * float(np.abs(maps.square).sum()) + c
        extra = 0.5 * float(np.abs(twice).sum()) + 2.0 * rounding_unit(2 * maps.size + 16) * mass
        return (
            float(np.abs(a * maps.linear - linear).sum()) + extra,
            float(np.abs((1.0 - e) * b * maps.square - square).sum()) + extra,
            float(np.abs((1.0 - e) * c * maps.other - other).sum()) + extra,
        )

    def _charge(self, maps: CopyMaps, factor: Floats, weights: tuple[float, float, float]) -> float:
        """A bound on the cost of r . z, infinite if nothing is left to pay for it. The checker finds the same e."""
        _, b, c = weights
        unit = maps.own[[sum(maps.kinds[:2])]] @ (factor @ factor.T).reshape(-1)
        e = max(0.0, 1.0 - float(unit[0]) / c)
        linear, inside, outside = self._off(maps, factor, weights, e)
        left = e * c - outside
        if left <= 0.0 or (maps.square.size and e * b * self.structure.floor < inside):
            return math.inf
        return linear * linear / (4.0 * left) * (1.0 + 1e-12)

    def _total(self, blocks: Sequence[Floats]) -> tuple[Floats, float]:
        """sum_k T_k of all blocks from the factors of the first ones, and the size of its terms."""
        s = self.structure
        total, size, n = np.zeros(s.moments), 0.0, len(s.index)
        queue = iter(blocks)
        for group in s.layouts:
            for first, others in self._orbits:
                factor = next(queue)
                part = group[first].devices @ (factor @ factor.T).reshape(-1)
                total += part + sum((g.sign * part for _, g in others), np.zeros(s.moments))
                size += (1 + len(others)) * float((np.abs(factor[:n]) @ np.abs(factor[:n]).T).sum())
        return total, size

    def _evaluate(
        self,
        values: Floats,
        tolerances: Floats,
        multipliers: Floats,
        shared: Floats,
        blocks: Sequence[Floats],
        charges: Sequence[float],
        known: float,
    ) -> QuadraticDual:
        """What factors and multipliers prove, with a bound on the rounding of this very computation."""
        s = self.structure
        times = [1 + len(others) for _ in s.layouts for _, others in self._orbits]
        total, sizes = self._total(blocks)
        residual = total + self._scatter @ (shared @ shared.T).reshape(-1) - multipliers @ s.tested
        absolute = sizes + float((np.abs(shared).sum(axis=0) ** 2).sum())
        absolute += float(np.abs(s.tested).sum(axis=1) @ np.abs(multipliers))
        charge = np.abs(residual)
        charge[s.unit] = residual[s.unit]
        constant = float(charge.sum()) + sum(t * c for t, c in zip(times, charges, strict=True))
        constant += 2.0 * rounding_unit(self._terms) * (absolute + abs(known)) - known
        constant = math.nextafter(constant + 4e-16 * abs(constant), math.inf)
        value = constant + float(multipliers @ values + np.abs(multipliers) @ tolerances)
        moved = float(np.abs(multipliers) @ (np.abs(values) + tolerances))
        value += rounding_unit(2 * multipliers.size + 8) * (moved + abs(constant))
        return QuadraticDual(
            value=math.nextafter(value, math.inf),
            constant=constant,
            multipliers=tuple(float(v) for v in multipliers),
            shared=shared,
            blocks=self._images(blocks),
        )

    def _images(self, factors: Sequence[Floats]) -> tuple[Floats, ...]:
        """Factors of all blocks: signs of rows turn those of the first of an orbit into those of the others."""
        s = self.structure
        out: list[Floats] = []
        queue = iter(factors)
        for g, _ in enumerate(s.layouts):
            places: dict[int, Floats] = {}
            for first, others in self._orbits:
                factor = next(queue)
                places[first] = factor
                for place, symmetry in others:
                    sign = s.row_signs[s.symmetries.index(symmetry)][g]
                    places[place] = factor * np.outer(sign, sign)
            out += [places[k] for k in range(s.copies)]
        return tuple(out)
