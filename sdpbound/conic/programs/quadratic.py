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
from sdpbound.conic.programs.shared import Rows, SharedData, SharedDual, SharedProgram, SharedStructure
from sdpbound.conic.programs.signs import SignSymmetry, orbits_of, sign_generators
from sdpbound.conic.sectors import SectorBlock, sectors_of
from sdpbound.limiting import require_time

__all__ = ["CopyMaps", "QuadraticData", "QuadraticDual", "QuadraticProgram", "QuadraticStructure"]

#: Products of numbers in a second in a decomposition with pivots (one thread): about; for the time that a step takes.
DECOMPOSED = 6e9


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
    words : rows of the block without z, which come first
    squares, star : (r, size), (size,) rows that, times sqrt(b) and sqrt(c) for b + c = a, prove some bound
    """

    devices: sp.csr_array
    own: sp.csr_array
    kinds: tuple[int, ...]
    linear: Floats
    square: Floats
    other: Floats
    size: int
    words: int
    squares: Floats
    star: Floats

    def target(self, a: float, b: float, c: float) -> Floats:
        """Coefficients of the objective in z."""
        return np.concatenate([a * self.linear, b * self.square, c * self.other, np.zeros(self.kinds[3])])

    @cached_property
    def independent(self) -> Ints:
        """A maximal set of linearly independent rows of ``own``."""
        rows, columns = self.own.shape[0], np.unique(self.own.indices).size
        require_time(4.0 * rows**2 * columns / DECOMPOSED)
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

    def scaled(self, factor: Floats, weights: tuple[float, float, float], floor: float) -> tuple[Floats, float]:
        """A factor scaled so that what is left of the objective pays for what it is off, and the charge."""
        a, b, c = weights
        linear, inside, outside = self._off(factor, weights, 0.0)
        e = 2.0 * outside / c + 0.5 * linear / math.sqrt(a * c)
        if self.square.size:
            e += inside / b
        if floor == 1.0:  # what f is off moves each of several squares, which are charged one by one
            e *= max(int(np.count_nonzero(self.square)), 1)
        e = 1.1 * e / floor + 1e-14
        if not e < 0.5:
            return factor, math.inf
        scale = np.full(self.size, math.sqrt(1.0 - e))
        scale[: self.words] = 1.0 / math.sqrt(1.0 - e)
        factor = factor * scale[:, None]
        return factor, self.charge(factor, weights, floor)

    def _off(self, factor: Floats, weights: tuple[float, float, float], e: float) -> tuple[float, float, float]:
        """Twice the residuals with rounding: of linear words, and of square and other ones but for a part e."""
        a, b, c = weights
        found = self.own @ (factor @ factor.T).reshape(-1)
        linear, square, other, twice = np.split(found, np.cumsum(self.kinds)[:3])
        mass = float((abs(self.own) @ (np.abs(factor) @ np.abs(factor).T).reshape(-1)).sum())
        mass += a * float(np.abs(self.linear).sum()) + b * float(np.abs(self.square).sum()) + c
        extra = 0.5 * float(np.abs(twice).sum()) + 2.0 * rounding_unit(2 * self.size + 16) * mass
        return (
            float(np.abs(a * self.linear - linear).sum()) + extra,
            float(np.abs((1.0 - e) * b * self.square - square).sum()) + extra,
            float(np.abs((1.0 - e) * c * self.other - other).sum()) + extra,
        )

    def charge(self, factor: Floats, weights: tuple[float, float, float], floor: float) -> float:
        """A bound on the cost of r . z, infinite if nothing is left to pay for it. The checker finds the same e."""
        _, b, c = weights
        unit = self.own[[sum(self.kinds[:2])]] @ (factor @ factor.T).reshape(-1)
        e = max(0.0, 1.0 - float(unit[0]) / c)
        linear, inside, outside = self._off(factor, weights, e)
        left = e * c - outside
        if left <= 0.0 or (self.square.size and e * b * floor < inside):
            return math.inf
        return linear * linear / (4.0 * left) * (1.0 + 1e-12)


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticStructure(SharedStructure):
    """What does not change from point to point; ``image`` of a symmetry permutes the blocks of every group.

    Attributes
    ----------
    symmetries : all elements of a group of sign symmetries of one group of blocks, the identity first
    layouts : group by group, the layout of each block of it; as many in each
    floor : ``square_k . square >= floor d``
    row_signs : of each symmetry, (groups) the signs of the rows of a block
    """

    symmetries: tuple[SignSymmetry, ...]
    layouts: tuple[tuple[CopyMaps, ...], ...]
    floor: float
    row_signs: tuple[tuple[Floats, ...], ...]

    @property
    def copies(self) -> int:
        """Blocks of a group."""
        return len(self.layouts[0])


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticData(SharedData):
    """What changes.

    Attributes
    ----------
    weights : (groups, 3) a, b, c of each group
    known : a constant to be added to the minimum
    """

    weights: Floats
    known: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticDual(SharedDual):
    """A proof: lower triangular factors of C and of X_k of every block; a bound on minus the minimum."""

    blocks: tuple[Floats, ...]


class QuadraticProgram(SharedProgram[QuadraticData, tuple[Floats, list[Floats]], QuadraticDual]):
    """Between quadratic programs of one structure, a solver's program (maximise -sum q), and a proof."""

    structure: QuadraticStructure

    def __init__(self, structure: QuadraticStructure) -> None:
        s = structure
        self._orbits = orbits_of(s.copies, s.symmetries)
        words = np.arange(len(s.index))
        sectors = sectors_of(words.size, [(words, g.word_sign) for g in sign_generators(s.symmetries)])
        invariant = np.flatnonzero((np.array([g.sign for g in s.symmetries]) > 0).all(axis=0))
        ones = (np.ones(invariant.size), (invariant, np.arange(invariant.size)))
        invariants = sp.csr_array(ones, shape=(s.moments, invariant.size))
        super().__init__(s, invariants, SectorBlock(s.index, tuple(sectors)))
        largest = max(maps.size for group in s.layouts for maps in group)
        self.terms = largest**2 + s.moments + len(s.tested) + s.copies * len(s.layouts) + 16

    def add_copies(self, rows: Rows) -> list[int]:
        sizes = []
        for group in self.structure.layouts:
            for orbit in self._orbits:
                of_y, own = group[orbit.first].triangles
                rows.add(sp.csr_array(of_y @ self.invariants), own)
                rows.columns += own.shape[1]
                sizes.append(group[orbit.first].size)
        return sizes

    def objective(self, data: QuadraticData) -> Floats:
        return np.zeros(self.structure.moments)

    def cost_of_copies(self, data: QuadraticData) -> list[Floats]:
        costs = []
        for group, (a, b, c) in zip(self.structure.layouts, data.weights, strict=True):
            for orbit in self._orbits:
                maps = group[orbit.first]
                costs.append(-len(orbit) * maps.target(a, b, c)[maps.independent])
        return costs

    def lift(self, duals: Sequence[Floats]) -> tuple[Floats, list[Floats]]:
        """C in full words, and X of the first block of each orbit and group."""
        queue = iter(duals)
        shared = self.lift_shared(queue)
        return shared, [next(queue) / len(orbit) for _ in self.structure.layouts for orbit in self._orbits]

    def proofs(self, data: QuadraticData, duals: Sequence[Floats], wide: Floats | None) -> list[QuadraticDual]:
        """What duals prove, with fitted multipliers and with given ones, and what known squares prove without any."""
        s = self.structure
        shared, matrices = self.lift(duals)
        rows = [(float(a), float(b), float(c)) for a, b, c in data.weights]
        firsts = [
            (group[orbit.first], row) for group, row in zip(s.layouts, rows, strict=True) for orbit in self._orbits
        ]
        found = [self._block(maps, dual, row) for (maps, row), dual in zip(firsts, matrices, strict=True)]
        total, _ = self._total([factor for factor, _ in found])
        total = total + self.scatter @ shared.reshape(-1)
        fits = [self.balanced(total, shared, given) for given in ([None] if wide is None else [None, wide])]
        plain = [self._known(maps, row) for maps, row in firsts]
        nothing = self._evaluate(data, np.zeros(len(s.tested)), np.zeros_like(shared), plain)
        return [*(self._evaluate(data, multipliers, factor, found) for multipliers, factor in fits), nothing]

    def _block(self, maps: CopyMaps, dual: Floats, weights: tuple[float, float, float]) -> tuple[Floats, float]:
        """A factor of X that leaves enough to pay for what it is off, and the charge that remains."""
        moved = dual + (maps.spread @ (maps.target(*weights) - maps.own @ dual.reshape(-1))).reshape(dual.shape)
        factor, charge = maps.scaled(factor_positive((moved + moved.T) / 2), weights, self.structure.floor)
        return (factor, charge) if math.isfinite(charge) else self._known(maps, weights)

    def _known(self, maps: CopyMaps, weights: tuple[float, float, float]) -> tuple[Floats, float]:
        """A block that is known to prove something without any solver."""
        _, b, c = weights
        _, r = np.linalg.qr(np.vstack([math.sqrt(b) * maps.squares, math.sqrt(c) * maps.star[None]]))
        factor = np.zeros((maps.size, maps.size))
        factor[:, : len(r)] = r.T
        return maps.scaled(factor, weights, self.structure.floor)

    def _total(self, blocks: Sequence[Floats]) -> tuple[Floats, float]:
        """sum_k T_k of all blocks from the factors of the first ones, and the size of its terms."""
        s = self.structure
        total, size, n = np.zeros(s.moments), 0.0, len(s.index)
        queue = iter(blocks)
        for group in s.layouts:
            for orbit in self._orbits:
                factor = next(queue)
                part = group[orbit.first].devices @ (factor @ factor.T).reshape(-1)
                total += part + sum((g.sign * part for _, g in orbit.others), np.zeros(s.moments))
                size += len(orbit) * float((np.abs(factor[:n]) @ np.abs(factor[:n]).T).sum())
        return total, size

    def _evaluate(
        self, data: QuadraticData, multipliers: Floats, shared: Floats, found: Sequence[tuple[Floats, float]]
    ) -> QuadraticDual:
        """What factors, their charges and multipliers prove, with a bound on the rounding of this very computation."""
        s = self.structure
        times = [len(orbit) for _ in s.layouts for orbit in self._orbits]
        blocks, charges = [factor for factor, _ in found], [charge for _, charge in found]
        total, sizes = self._total(blocks)
        residual = total + self.scatter @ (shared @ shared.T).reshape(-1) - multipliers @ s.tested
        absolute = sizes + float((np.abs(shared).sum(axis=0) ** 2).sum())
        absolute += float(np.abs(s.tested).sum(axis=1) @ np.abs(multipliers))
        charge = np.abs(residual)
        charge[s.unit] = residual[s.unit]
        constant = float(charge.sum()) + sum(t * c for t, c in zip(times, charges, strict=True))
        constant += 2.0 * rounding_unit(self.terms) * (absolute + abs(data.known)) - data.known
        constant, value = self.rounded_up(constant, multipliers, data)
        return QuadraticDual(
            value=value,
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
            for orbit in self._orbits:
                factor = next(queue)
                places[orbit.first] = factor
                for place, symmetry in orbit.others:
                    sign = s.row_signs[s.symmetries.index(symmetry)][g]
                    places[place] = factor * np.outer(sign, sign)
            out += [places[k] for k in range(s.copies)]
        return tuple(out)
