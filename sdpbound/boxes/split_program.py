"""Linear programs over the ways to split a marginal into k unnormalised boxes, with exact answers on both sides.

A box partition with guess t = 0 .. k-1 is a split P = sum_t p_t into no-signaling, non-negative parts. Written as

    p_t(i) = P(i)/k + sum_c S[t,c] (R_c d_c)(i) >= 0       for every row i (a probability, or an orbit of them),

with integer matrices S (columns adding up to zero) and R_c, Eve maximises ``constant + sum_c b_c . d_c``. For every
weights w_t(i) >= 0 with ``sum_t S[t,c] R_c^T w_t = -b_c`` for all c her optimum is

    at most   constant + 1/k sum_i P(i) sum_t w_t(i),                                                     (dual)

since ``0 <= sum_{t,i} w_t(i) p_t(i)`` is that number minus her figure. The solver's floating-point weights are rounded
to rationals, the rest of the equations is restored by integer combinations of rows, and negative weights are lifted
(all t of one row together leave the equations unchanged). The solver's split is rounded, put exactly on the faces
where P vanishes, and mixed with the trivial split P/k until no entry is negative. Both are proofs whatever the solver
did; their distance is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import lsmr

from sdpbound.boxes.exact import Face, Integers, as_integers, face, nullspace, times
from sdpbound.conic.solvers.linear_ import minimise_standard

__all__ = ["Split", "SplitProgram", "Weights"]

#: Bits after the binary point of rounded weights and splits.
BITS = 64
#: Weights above this are no multiples of a simple fraction that floats resolve.
LARGEST = 2.0**32
#: Weights of the solver below this are taken for zero.
NEGLIGIBLE = 1e-9
#: Programs of up to this many variables have their splits solved exactly, and are solved again where that helps.
SMALL, MODERATE = 300, 1000
#: Costs that HiGHS can tell from zero, relative to the largest.
SPREAD = 1e-8
#: A split this close to the dual, relative to Eve's advantage, is good enough.
TIGHT = Fraction(1, 10**6)
#: A positive float for probabilities that underflow.
TINY = 1e-300
#: Common denominators tried before weights are rounded to binary fractions.
DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 96, 120)


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """An exact dual: ``numerators`` (k, rows) non-negative integers over ``denominator``; ``value`` what it proves."""

    numerators: Integers
    denominator: int
    value: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """An exact split: the moves ``d_c`` over ``denominator``, the rows ``R_c d_c``, and Eve's figure with it."""

    moves: tuple[Integers, ...]
    rows: tuple[Integers, ...]
    denominator: int
    value: Fraction


@dataclass(frozen=True, eq=False)
class SplitProgram:
    """The program above.

    Attributes
    ----------
    pieces : number of parts t that must be non-negative
    share : k, each part has P/k of the marginal before it is moved; the number of parts, unless a symmetry relates more
    signs : (k, m) integers S
    unsigns : (k, m) integers with ``signs.T @ unsigns = unit * identity``
    maps : m sparse integer matrices R_c, (rows, V_c)
    inverses : m sparse integer matrices, (rows, V_c), with ``R_c^T inverses_c = identity``
    objective : m integer vectors b_c times ``scale``
    scale : int
    marginal : (rows,) integers, P times ``denominator``
    constant : Eve's figure with the trivial split
    settings : of the interfaces, if every map makes their table (its faces are then known from reading the marginal)
    """

    pieces: int
    share: int
    signs: NDArray[np.int64]
    unsigns: NDArray[np.int64]
    maps: tuple[sp.csr_array, ...]
    inverses: tuple[sp.csr_array, ...]
    objective: tuple[Integers, ...]
    scale: int
    marginal: Integers
    denominator: int
    constant: Fraction
    settings: tuple[int, ...] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Numbers of variables and of inequalities."""
        return sum(m.shape[1] for m in self.maps), self.pieces * self.marginal.size

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """The marginal in floating point, positive where it is."""
        return np.array([max(v / self.denominator, TINY) if v else 0.0 for v in self.marginal.tolist()])

    @cached_property
    def transposed(self) -> tuple[sp.csr_array, ...]:
        """Distinct maps are transposed once."""
        seen: dict[int, sp.csr_array] = {}
        for m in self.maps:
            if id(m) not in seen:
                seen[id(m)] = sp.csr_array(m.T.tocsr())
        return tuple(seen[id(m)] for m in self.maps)

    @cached_property
    def empty(self) -> NDArray[np.intp]:
        """Rows where the marginal vanishes, so that every part must."""
        return np.flatnonzero(self.marginal == 0)

    @cached_property
    def faces(self) -> tuple[Face, ...]:
        """For every c, the moves that vanish on the empty rows."""
        if self.settings is not None:
            return (face(self.settings, tuple(self.empty.tolist())),) * len(self.maps)
        seen: dict[int, Face] = {}
        for m in self.maps:
            if id(m) not in seen:
                seen[id(m)] = nullspace(m[self.empty].toarray().astype(np.int64))
        return tuple(seen[id(m)] for m in self.maps)

    def solve(self, time_limit: float | None = None) -> tuple[Weights, Split]:
        """The best certified dual and split that HiGHS leads to.

        Where the marginal has zeros, HiGHS gets the program of the face: without those rows, in its free coordinates.
        """
        lifts = [f.lift() for f in self.faces] if self.empty.size else None
        rows = np.flatnonzero(self.marginal != 0)
        matrix, targets = self._equations(lifts, rows)
        cuts = np.cumsum([t.size for t in targets])[:-1]
        best: tuple[Weights, Split] | None = None
        # a dual is valid for every marginal: where HiGHS cannot tell probabilities from zero, it gets flatter ones
        spread = float(np.log(self.probabilities[rows].min() / self.probabilities.max()))
        first = min(1.0, np.log(SPREAD) / spread) if spread < 0 else 1.0
        for power in (first, first / 2, first / 4):
            cost = np.tile((self.probabilities[rows] / self.share) ** power, self.pieces)
            answer = minimise_standard(cost, matrix, np.concatenate(targets), time_limit)
            solution = np.zeros((self.pieces, self.marginal.size))
            solution[:, rows] = answer.solution.reshape(self.pieces, -1)
            moves = [-v for v in np.split(answer.multipliers, cuts)]
            if lifts is not None:
                moves = [lift @ v for lift, v in zip(lifts, moves, strict=True)]
                solution[:, self.empty] = self._weights_on_empty_rows(solution)
            weights, split = self.weights(solution), self.split(moves)
            if best is not None:
                weights = min(best[0], weights, key=lambda found: found.value)
                split = max(best[1], split, key=lambda found: found.value)
            limit = (weights.value - self.constant) * TIGHT
            if split.value < weights.value and self.size[0] <= SMALL:
                split = max(split, self.vertex(weights, split), key=lambda found: found.value)
            elif weights.value - split.value > limit and self.size[0] <= MODERATE:
                split = max(split, self._near_vertex(weights, lifts), key=lambda found: found.value)
            best = (weights, split)
            if weights.value - split.value <= limit or self.size[0] > MODERATE:
                break
        assert best is not None
        return best

    def _equations(
        self, lifts: list[sp.csr_array] | None, rows: NDArray[np.intp]
    ) -> tuple[sp.csc_array, list[NDArray[np.float64]]]:
        """The dual's equations for HiGHS: the matrix, and the right sides for each c."""
        blocks, targets = [], []
        for c, (m, b) in enumerate(zip(self.transposed, self.objective, strict=True)):
            target, block = -b.astype(np.float64), sp.csr_array(m, dtype=np.float64)
            if lifts is not None:
                target, block = lifts[c].T @ target, sp.csr_array(lifts[c].T @ block[:, rows])
            blocks.append([float(s) * block for s in self.signs[:, c]])
            targets.append(target)
        return sp.csc_array(sp.block_array(blocks, format="csc")), targets

    def _weights_on_empty_rows(self, solution: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights of rows without cost that balance the equations, given those of the others; (k, empty)."""
        unit = float(self.signs[:, 0] @ self.unsigns[:, 0])
        found = np.zeros((self.pieces, self.empty.size))
        for c, (m, b) in enumerate(zip(self.transposed, self.objective, strict=True)):
            missing = -b.astype(np.float64) - m @ (self.signs[:, c].astype(np.float64) @ solution)
            matrix = sp.csr_array(m[:, self.empty], dtype=np.float64)
            balance = lsmr(matrix, missing, atol=1e-15, btol=1e-15, conlim=0.0, maxiter=2000)[0]
            found += np.multiply.outer(self.unsigns[:, c] / unit, balance)
        return np.asarray(found - found.min(axis=0))

    # -- the dual -------------------------------------------------------------------------------------------------

    def residuals(self, numerators: Integers, denominator: int) -> list[Integers]:
        """For every c, ``-scale b_c - sum_t S[t,c] R_c^T w_t`` times the denominator; zero for a valid dual."""
        return [
            -b * denominator - times(m, sum(int(s) * w for s, w in zip(column, numerators, strict=True) if s))
            for b, m, column in zip(self.objective, self.transposed, self.signs.T, strict=True)
        ]

    def proves(self, numerators: Integers, denominator: int) -> Fraction:
        """The bound of a valid dual of the scaled objective."""
        total = int((self.marginal * numerators.sum(axis=0)).sum())
        return self.constant + Fraction(total, self.share * self.scale * denominator * self.denominator)

    def weights(self, solution: NDArray[np.float64]) -> Weights:
        """An exact dual near floating-point weights (k, rows): with a small denominator if that fits, else repaired."""
        numerators, denominator = self._simple(solution)
        if numerators is None:
            numerators, denominator = self._repaired(solution)
        numerators = numerators - numerators.min(axis=0)  # the same for all pieces of a row proves nothing
        return Weights(numerators, denominator * self.scale, self.proves(numerators, denominator))

    def _simple(self, solution: NDArray[np.float64]) -> tuple[Integers | None, int]:
        if np.abs(solution).max(initial=0.0) > LARGEST:
            return None, 1
        for denominator in DENOMINATORS:
            whole = np.rint(solution * denominator)
            if np.abs(whole - solution * denominator).max() < 1e-5:
                numerators = whole.astype(np.int64).astype(object)
                if not any(r.any() for r in self.residuals(numerators, denominator)):
                    return numerators, denominator
        return None, 1

    def _repaired(self, solution: NDArray[np.float64]) -> tuple[Integers, int]:
        unit = int(self.signs[:, 0] @ self.unsigns[:, 0])
        denominator = unit << BITS
        numerators = as_integers(np.where(solution > NEGLIGIBLE, solution, 0.0), BITS) * unit
        for c, r in enumerate(self.residuals(numerators, denominator)):
            correction = times(self.inverses[c], np.array([int(v) // unit for v in r], dtype=object))
            numerators = numerators + np.multiply.outer(self.unsigns[:, c].astype(object), correction)
        assert not any(r.any() for r in self.residuals(numerators, denominator))
        return numerators, denominator

    # -- the split ------------------------------------------------------------------------------------------------

    def part(self, rows: tuple[Integers, ...] | list[Integers], denominator: int, t: int) -> Integers:
        """``p_t`` times ``share * denominator * self.denominator``."""
        moved = sum(int(s) * r for s, r in zip(self.signs[t], rows, strict=True) if s)
        return self.marginal * denominator + moved * (self.share * self.denominator)

    def split(self, moves: list[NDArray[np.float64]]) -> Split:
        """An exact split near floating-point moves."""
        # the binary point is set by the smallest probabilities, beside which the rounding must be small
        bits = BITS + max(0, -int(np.log2(float(self.probabilities[self.probabilities > 0].min()))))
        exact = [as_integers(v, bits) for v in moves]
        denominator = 1 << bits
        if self.empty.size:
            exact, denominator = self._on_faces(exact, denominator)
        return self._mixed(exact, denominator)

    def vertex(self, weights: Weights, near: Split) -> Split:
        """The split that vanishes wherever a dual has positive weight; what that leaves free from another split."""
        pairs = [(t, int(i)) for t in range(self.pieces) for i in np.flatnonzero(weights.numerators[t])]
        pairs += [(t, int(i)) for t in range(self.pieces) for i in self.empty]
        matrix = np.hstack([self.signs[[t for t, _ in pairs], c, None] * m[[i for _, i in pairs]].toarray()
                            for c, m in enumerate(self.maps)])  # fmt: skip
        # the unknowns are moves times share * self.denominator
        target = np.array([[-int(self.marginal[i])] for _, i in pairs], dtype=object)
        solved = nullspace(np.hstack([matrix.astype(object), -target]))
        width, free, d = matrix.shape[1], solved.free, solved.denominator
        if width not in free:
            return near
        unit = self.share * self.denominator
        known = np.concatenate([*near.moves, np.array([0], dtype=object)])[free] * unit
        known[-1] = near.denominator
        found = np.zeros(width, dtype=object)
        found[free[:-1]] = known[:-1] * d
        found[solved.pivots] = [-int((row * known).sum()) for row in solved.table]
        cuts = np.cumsum([m.shape[1] for m in self.maps])[:-1]
        return self._mixed(np.split(found, cuts), near.denominator * d * unit)

    def _near_vertex(self, weights: Weights, lifts: list[sp.csr_array] | None) -> Split:
        """The same in floating point, relative to each probability, for larger programs."""
        pairs = [(t, int(i)) for t in range(self.pieces) for i in np.flatnonzero(weights.numerators[t] * self.marginal)]
        places, scale = [i for _, i in pairs], self.probabilities[[i for _, i in pairs], None]
        maps = [m if lifts is None else m @ lifts[c] for c, m in enumerate(self.maps)]
        matrix = np.hstack([self.signs[[t for t, _ in pairs], c, None] * m[places].toarray() / scale
                            for c, m in enumerate(maps)])  # fmt: skip
        found = scipy.linalg.lstsq(matrix, np.full(len(pairs), -1.0 / self.share), lapack_driver="gelsy")[0]
        moves = np.split(found, np.cumsum([m.shape[1] for m in maps])[:-1])
        return self.split(moves if lifts is None else [lift @ v for lift, v in zip(lifts, moves, strict=True)])

    def _mixed(self, exact: list[Integers], denominator: int) -> Split:
        """Exact moves, shortened until no part is negative anywhere."""
        rows = [times(m, v) for m, v in zip(self.maps, exact, strict=True)]
        keep = Fraction(1)
        for t in range(self.pieces):
            part = self.part(rows, denominator, t)
            for i in np.flatnonzero(part < 0):
                room = int(self.marginal[i]) * denominator  # this over room - part[i] keeps entry i at zero
                keep = min(keep, Fraction(room, room - int(part[i])))
        if keep < 1:
            share, denominator = int(keep * 4**BITS), denominator << 2 * BITS
            exact, rows = [v * share for v in exact], [r * share for r in rows]
        gain = sum(int((b * v).sum()) for b, v in zip(self.objective, exact, strict=True))
        return Split(tuple(exact), tuple(rows), denominator, self.constant + Fraction(gain, denominator * self.scale))

    def _on_faces(self, moves: list[Integers], denominator: int) -> tuple[list[Integers], int]:
        """Moves that vanish exactly on the empty rows."""
        scale = lcm(*(f.denominator for f in self.faces))
        out = []
        for f, v in zip(self.faces, moves, strict=True):
            new = np.zeros(v.size, dtype=object)
            new[f.free] = v[f.free] * scale
            pivots = [-int((row * v[f.free]).sum()) * (scale // f.denominator) for row in f.table]
            new[f.pivots] = np.array(pivots, dtype=object)
            out.append(new)
        return out, denominator * scale
