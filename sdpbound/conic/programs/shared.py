"""Programs of several matrices that share one: their data, what a solver gets, and the steps of their proofs.

Both kinds have M(y)[u, v] = y[index[u, v]] >= 0, y[unit] = 1 and tested . y = values, each within its tolerance. They
differ in the copies beside it, which symmetries exchange: only the first of each orbit is solved for.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.certificate import factor_positive, rounding_unit
from sdpbound.conic.entries import cleaned, entry_variables
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.reduce import Reduced, clean
from sdpbound.conic.sectors import eliminate

__all__ = [
    "Rows",
    "SharedBlock",
    "SharedData",
    "SharedDual",
    "SharedProgram",
    "SharedStructure",
]


@dataclass(frozen=True, slots=True, eq=False)
class SharedStructure:
    """What does not change from point to point.

    Attributes
    ----------
    index : (n, n) symmetric, numbers of moments, -1 where the entry is zero
    moments : m, the number of moments
    unit : the moment that is one
    tested : (J, m)
    wide : (J,) whether a tested value has a tolerance that the solver is to use
    """

    index: Ints
    moments: int
    unit: int
    tested: Floats
    wide: tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SharedData:
    """What changes: tested values and their tolerances, (J,) each."""

    values: Floats
    tolerances: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SharedDual:
    """A proof: multipliers, and a lower triangular factor of the matrix C beside M(y); what they prove.

    ``value`` is the upper bound at the data, ``constant`` that without ``multipliers . data``; both rounded up.
    """

    value: float
    constant: float
    multipliers: tuple[float, ...]
    shared: Floats


class Rows:
    """The matrix of a solver's program, row by row: linear in the free ones of the invariant numbers, and in others."""

    def __init__(self, free: sp.csr_array) -> None:
        self._free = free
        self._parts: list[sp.coo_array] = []
        self._selections: list[sp.csr_array] = []  # of the invariant numbers, for the constant
        self._count = 0
        self.columns = free.shape[1]

    def add(self, invariant: sp.csr_array | None, own: sp.sparray | None = None) -> None:
        """Rows of the invariant numbers, of others, which begin at the column ``columns``, or of both."""
        rows = next(part.shape[0] for part in (invariant, own) if part is not None)
        for part, column in ((None if invariant is None else invariant @ self._free, 0), (own, self.columns)):
            if part is not None:
                found = sp.coo_array(part)
                self._parts.append((found.data, found.row + self._count, found.col + column))
        self._selections.append(sp.csr_array((rows, self._free.shape[0])) if invariant is None else invariant)
        self._count += rows

    def finished(self, offsets: sp.csr_array) -> tuple[sp.csc_array, sp.csr_array]:
        """The matrix, and what multiplies the right-hand sides of the equalities in the constant."""
        data, row, column = (np.concatenate(x) for x in zip(*self._parts, strict=True))
        matrix = sp.csc_array(sp.coo_array((data, (row, column)), shape=(self._count, self.columns)))
        return clean(matrix, NOTHING), sp.csr_array(sp.vstack(self._selections, format="csr") @ offsets)


class SharedBlock(Protocol):
    """A matrix M(y) at invariant y: the blocks that it consists of."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows of each block."""

    def triangles(self, invariants: sp.csr_array) -> sp.csr_array:
        """Rows that read the upper triangles of the blocks, column by column, from x; y = invariants x."""

    def lift(self, duals: list[Floats]) -> Floats:
        """The dual of the whole matrix from those of the blocks."""


#: Entries below this are zero but for rounding.
NOTHING = 1e-13
#: Digits to which tests that symmetries take to each other agree.
DIGITS = 9

Data = TypeVar("Data", bound=SharedData)
Lifted = TypeVar("Lifted")
Proof = TypeVar("Proof", bound=SharedDual)


class SharedProgram(Reduced[Data, Lifted], Generic[Data, Lifted, Proof]):
    """Between programs of one structure, a solver's program, and a proof.

    A subclass sets ``terms``, of the longest sum in its proof, and says what its copies are.

    Attributes
    ----------
    invariants : sparse (m, k), the invariant y are ``invariants @ x``
    free, offsets : y = free z + offsets (1, values of the tests that are no ``wide`` ones)
    block : the shared matrix at invariant y
    scatter : (m, n^2), the coefficients of the moments in <matrix, M(y)>
    spread : (m,) one over the number of entries where a moment stands
    terms : bound on the number of terms of a sum
    """

    structure: SharedStructure
    terms: int

    def __init__(self, structure: SharedStructure, invariants: sp.csr_array, block: SharedBlock) -> None:
        self.structure = s = structure
        self.invariants, self.block = invariants, block
        n, m = len(s.index), s.moments
        self.narrow = [j for j, wide in enumerate(s.wide) if not wide]
        self.wide = [j for j, wide in enumerate(s.wide) if wide]
        flat = s.index.reshape(-1)
        known = np.flatnonzero(flat >= 0)
        self.scatter = sp.csr_array((np.ones(known.size), (flat[known], known)), shape=(m, n * n))
        counts = np.bincount(flat[known], minlength=m)
        self.spread = np.where(counts > 0, 1.0 / np.maximum(counts, 1), 0.0)
        self._plain = s.tested.copy()
        self._plain[:, s.unit] = 0.0
        self._multiplier_map = _fitting(self._plain)
        self._narrow_map = _fitting(self._plain[self.narrow]) if self.wide else self._multiplier_map

    @cached_property
    def _eliminated(self) -> tuple[sp.csr_array, sp.csr_array]:
        """The invariant numbers are the first times z, and the second times the right-hand sides of the equalities."""
        s, invariants = self.structure, self.invariants
        rows = np.zeros((1 + len(self.narrow), s.moments))
        rows[0, s.unit] = 1.0
        rows[1:] = s.tested[self.narrow]
        offsets, free = eliminate(sp.csr_array(rows @ invariants))
        return cleaned(free @ entry_variables(sp.csr_array(self.entries() @ free))), offsets

    @cached_property
    def free(self) -> sp.csr_array:
        return sp.csr_array(self.invariants @ self._eliminated[0])

    @cached_property
    def offsets(self) -> sp.csr_array:
        return sp.csr_array(self.invariants @ self._eliminated[1])

    @cached_property
    def _written(self) -> tuple[sp.csc_array, sp.csr_array, tuple[int, ...]]:
        """The solver's matrix: y's free numbers first, then for each group and orbit of copies its own numbers."""
        free, offsets = self._eliminated
        s, rows = self.structure, Rows(free)
        if self.wide:
            tested = sp.csr_array(s.tested[self.wide] @ self.invariants)
            rows.add(tested)
            rows.add(sp.csr_array(-tested))
        rows.add(self.block.triangles(self.invariants))
        sizes = [*self.block.sizes, *self.add_copies(rows)]
        return *rows.finished(offsets), tuple(sizes)

    def entries(self) -> sp.csr_array:
        """Rows that read, from invariant numbers, those entries of matrices of which there are most."""
        return self.block.triangles(self.invariants)

    @abstractmethod
    def add_copies(self, rows: Rows) -> list[int]:
        """Add the rows of all groups and orbits; the sizes of their blocks."""

    @abstractmethod
    def objective(self, data: Data) -> Floats:
        """(m,) what the objective has of y."""

    @abstractmethod
    def cost_of_copies(self, data: Data) -> list[Floats]:
        """What it has of the numbers of each group and orbit."""

    def certify(self, data: Data, duals: Sequence[Floats], ends: Floats | None = None) -> Proof:
        """The bound that a solver's dual proves; a dual that is not finite is replaced by zero.

        Parameters
        ----------
        duals, ends : the solver's dual matrices, and its multipliers of the linear rows, the two ends of each ``wide``
            test: all low ends first. Without these, multipliers of all tests are fitted to the matrices, which is as
            good unless tests depend on each other
        """
        finite = [x if np.isfinite(x).all() else np.zeros_like(x) for x in duals]
        kept = None if ends is None or not self.wide else self._of_ends(data, np.nan_to_num(ends))
        return min(self.proofs(data, finite, kept), key=lambda proof: proof.value)

    @abstractmethod
    def proofs(self, data: Data, duals: Sequence[Floats], wide: Floats | None) -> list[Proof]:
        """What finite duals prove with fitted multipliers, and where they are given with these of ``wide`` tests."""

    def _of_ends(self, data: Data, ends: Floats) -> Floats:
        """One multiplier for each wide test, from those of its ends.

        Tests that are equal at invariant y, up to sign, with the same interval are one row of the solver's program many
        times. It may give them different multipliers; their mean is the one of the full program.
        """
        low, high = np.maximum(ends, 0.0).reshape(2, -1)
        rows = self.structure.tested[self.wide] @ self.invariants
        lead = np.abs(rows).argmax(axis=1)[:, None]
        sign = np.where(np.take_along_axis(rows, lead, axis=1)[:, 0] < 0.0, -1.0, 1.0)
        named = np.column_stack([rows, data.values[self.wide]]) * sign[:, None]
        named = np.round(np.column_stack([named, data.tolerances[self.wide]]), DIGITS)
        _, group = np.unique(named + 0.0, axis=0, return_inverse=True)
        group = group.reshape(-1)
        sums = np.bincount(group, weights=sign * (high - low))
        return np.asarray(sign * (sums / np.bincount(group))[group], dtype=np.float64)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the blocks that a solver gets."""
        return self._written[2]

    @property
    def variables(self) -> int:
        """Number of variables that a solver gets."""
        return int(self._written[0].shape[1])

    def inequality(self, data: Data) -> LinearMatrixInequality:
        matrix, constants, sizes = self._written
        right = np.concatenate([[1.0], data.values[self.narrow]])
        constant = constants @ right
        if self.wide:
            # rows are tested . y - value + tolerance and its mirror image
            w = len(self.wide)
            constant[:w] += data.tolerances[self.wide] - data.values[self.wide]
            constant[w : 2 * w] += data.tolerances[self.wide] + data.values[self.wide]
        objective = self.objective(data)
        return LinearMatrixInequality(
            cost=np.concatenate([self.free.T @ objective, *self.cost_of_copies(data)]),
            offset=float(objective @ (self.offsets @ right)),
            matrix=matrix,
            constant=constant,
            linear=2 * len(self.wide),
            sizes=sizes,
            shared=self.free.shape[1],
        )

    def invariant_numbers(self, solution: Floats, data: Data) -> Floats:
        """What the invariant y is made of at a solver's point of :meth:`inequality`."""
        free, offsets = self._eliminated
        right = np.concatenate([[1.0], data.values[self.narrow]])
        return np.asarray(offsets @ right + free @ solution[: free.shape[1]], dtype=np.float64)

    def lift_shared(self, duals: Iterator[Floats]) -> Floats:
        """C in full words, from the first of a solver's duals."""
        return self.block.lift([next(duals) for _ in self.block.sizes])

    def balanced(self, total: Floats, shared: Floats, wide: Floats | None = None) -> tuple[Floats, Floats]:
        """Multipliers, and a factor of C moved so that little of ``total`` - multipliers . tested is left.

        Parameters
        ----------
        total : (m,) objective and all matrices as functionals of y, C included
        shared : C
        wide : multipliers of the ``wide`` tests; those of all others are fitted
        """
        s = self.structure
        if wide is None:
            multipliers = self._multiplier_map @ total
        else:
            multipliers = np.zeros(len(s.tested))
            multipliers[self.wide] = wide
            multipliers[self.narrow] = self._narrow_map @ (total - wide @ self._plain[self.wide])
        rest = total - multipliers @ s.tested
        rest[s.unit] = 0.0
        return multipliers, factor_positive(shared - np.where(s.index >= 0, (rest * self.spread)[s.index], 0.0))

    def rounded_up(self, constant: float, multipliers: Floats, data: Data) -> tuple[float, float]:
        """Constant and value of a proof, with a bound on the rounding of their last sums."""
        constant = math.nextafter(constant + 4e-16 * abs(constant), math.inf)
        moved = float(np.abs(multipliers) @ (np.abs(data.values) + data.tolerances))
        value = constant + float(multipliers @ data.values + np.abs(multipliers) @ data.tolerances)
        value += rounding_unit(2 * multipliers.size + 8) * (moved + abs(constant))
        return constant, math.nextafter(value, math.inf)


def _fitting(rows: Floats) -> Floats:
    """(J, m): the multipliers of rows (J, m) that come nearest to a functional."""
    return np.linalg.pinv(rows @ rows.T) @ rows if len(rows) else rows
