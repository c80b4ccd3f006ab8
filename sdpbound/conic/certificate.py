"""From a solver's dual to a proven bound, in floating point with outward rounding.

Take any symmetric matrices X_k and multipliers. Then, for every feasible y of a :class:`ConicProgram`,

    objective . y <= objective . y + sum_k <L_k L_k^T, M_k(y)> + x . (G y)
                   = lambda . data(y) + residual . y,        with any lower triangular L_k, x >= 0,

and the residual is charged against the a-priori limit |y_i| <= y_unit(i), sum of units = 1. Nothing here asks where X
came from: X only suggests L_k. To keep the charge small, X is first moved so that the residual vanishes (each moment's
residual spread over the entries where it stands) and shifted into the cone.

Rounding: all quantities are float64 and taken as exact; each sum of K terms is off by at most gamma_K = K u / (1 - K u)
times the sum of its absolute terms (u = 2^-53), which is charged too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.program import ConicProgram

__all__ = ["CertifiedDual", "Certifier", "exact_linear_dual", "exact_vertex_dual"]

UNIT_ROUNDOFF = 2.0**-53


@dataclass(frozen=True, slots=True, eq=False)
class CertifiedDual:
    """A dual that proves ``objective . y <= constant + multipliers . data(y)`` for every y in the cone.

    Attributes
    ----------
    value : float, the upper bound at the tested values, their tolerances charged, rounded up
    constant : float (rounded up)
    multipliers : (J,) floats, or exact fractions after :func:`exact_linear_dual`
    factors : lower triangular L_k of each block
    weights : (r,) non-negative multipliers of the inequalities, floats or fractions
    words : of the rows of the factors, where they are not those of the program's blocks
    """

    value: float
    constant: float
    multipliers: tuple[float | Fraction, ...]
    factors: tuple[Floats, ...]
    weights: tuple[float | Fraction, ...]
    words: tuple[Any, ...] = ()


def rounding_unit(terms: int) -> float:
    """Twice the bound gamma_K: the factor also covers the rounding of the bound itself."""
    return 2.0 * terms * UNIT_ROUNDOFF


class Certifier:
    """Certification of duals for all programs of one structure (equalities, blocks, inequalities)."""

    def __init__(self, program: ConicProgram) -> None:
        self._blocks = [b.reshape(-1) for b in program.blocks]
        self._known = [b >= 0 for b in self._blocks]
        self._all_known = [bool(k.all()) for k in self._known]
        m = program.variables
        self._variables = m
        counts = np.zeros(m)
        for flat, known in zip(self._blocks, self._known, strict=True):
            counts += np.bincount(flat[known], minlength=m)
        self._spread = np.where(counts > 0, 1.0 / np.maximum(counts, 1.0), 0.0)
        tested = sp.csr_array(program.equalities[1:])
        self._tested_t = sp.csr_array(tested.T)
        self._abs_tested_sum = np.asarray(abs(tested).sum(axis=1)).reshape(-1)
        self._inequalities_t = sp.csr_array(program.inequalities.T)
        self._abs_inequality_sum = np.asarray(abs(program.inequalities).sum(axis=1)).reshape(-1)
        self._simplex = bool((program.unit < 0).any())
        if self._simplex:
            self._units = np.zeros(0, dtype=np.int64)
        else:
            self._units, self._copy = np.unique(program.unit, return_inverse=True)
            self._is_unit = np.zeros(m, dtype=bool)
            self._is_unit[self._units] = True
            self._spread[self._units] = 0.0
        # least squares for the multipliers, blind to the units whose residual is free
        if tested.shape[0] and self._simplex:
            # the normalisation takes part in the fit; its own multiplier is found again as the largest residual
            self._multiplier_map = np.linalg.pinv(program.equalities.toarray().T)[1:]
        elif tested.shape[0]:
            plain = tested.toarray()
            plain[:, self._units] = 0.0
            self._multiplier_map = np.linalg.pinv(plain @ plain.T) @ plain
        else:
            self._multiplier_map = np.zeros((0, m))
        self._terms = (
            max((len(b) for b in program.blocks), default=0)
            + int(counts.max(initial=0))
            + tested.shape[0]
            + int(np.diff(self._inequalities_t.indptr).max(initial=0))
            + 16
        )

    def _scatter(self, k: int, matrix: Floats) -> Floats:
        places, weights = self._blocks[k], matrix.reshape(-1)
        if not self._all_known[k]:
            places, weights = places[self._known[k]], weights[self._known[k]]
        return np.asarray(np.bincount(places, weights=weights, minlength=self._variables), dtype=np.float64)

    def certify(
        self,
        objective: Floats,
        values: Floats,
        tolerances: Floats,
        duals: Sequence[Floats],
        weights: Floats,
        multipliers: Floats | None = None,
    ) -> CertifiedDual:
        """The bound that some dual proves. ``values``, ``tolerances`` (J,): the tested data.

        A non-finite dual is replaced by zero; ``multipliers`` of the tested data are fitted unless given.
        """
        duals = [x if np.isfinite(x).all() else np.zeros_like(x) for x in duals]
        weights = np.maximum(weights, 0.0) if np.isfinite(weights).all() else np.zeros_like(weights)
        lifted = objective + self._inequalities_t @ weights if weights.size else objective
        residual = lifted.copy()
        for k, x in enumerate(duals):
            residual += self._scatter(k, x)
        if multipliers is None:
            multipliers = self._multiplier_map @ residual
        if not np.isfinite(multipliers).all():
            return self.certify(
                objective, values, tolerances, [np.zeros_like(x) for x in duals], np.zeros_like(weights)
            )
        shift = self._tested_t @ multipliers if multipliers.size else 0.0
        residual -= shift
        per_entry = residual * self._spread
        factors = []
        for k, x in enumerate(duals):
            move = per_entry[self._blocks[k]]
            if not self._all_known[k]:
                move[~self._known[k]] = 0.0
            factors.append(factor_positive(x - move.reshape(x.shape)))
        return self._evaluate(objective, values, tolerances, multipliers, factors, weights)

    def _evaluate(
        self,
        objective: Floats,
        values: Floats,
        tolerances: Floats,
        multipliers: Floats,
        factors: Sequence[Floats],
        weights: Floats,
    ) -> CertifiedDual:
        residual = objective.copy()
        absolute = float(np.abs(objective).sum())
        if weights.size:
            residual += self._inequalities_t @ weights
            absolute += float(self._abs_inequality_sum @ weights)
        for k, factor in enumerate(factors):
            residual += self._scatter(k, factor @ factor.T)
            columns = np.abs(factor).sum(axis=0)
            absolute += float(columns @ columns)
        if multipliers.size:
            residual -= self._tested_t @ multipliers
            absolute += float(self._abs_tested_sum @ np.abs(multipliers))
        error = (
            rounding_unit(self._terms + residual.size) * absolute
            if self._simplex
            else rounding_unit(self._terms) * absolute
        )
        if self._simplex:
            constant = float(residual.max()) + error
        else:
            charge = np.abs(residual)
            charge[self._units] = 0.0
            totals = np.bincount(self._copy, weights=charge, minlength=self._units.size)
            kappa = residual[self._units] + totals * (1.0 + rounding_unit(residual.size))
            constant = float(kappa.max()) + error + rounding_unit(4) * float(np.abs(kappa).max())
        constant = math.nextafter(constant, math.inf)
        terms = np.abs(multipliers) @ (np.abs(values) + tolerances)
        value = constant + float(multipliers @ values + np.abs(multipliers) @ tolerances)
        value += rounding_unit(2 * multipliers.size + 8) * (float(terms) + abs(constant))
        return CertifiedDual(
            value=math.nextafter(value, math.inf),
            constant=constant,
            multipliers=tuple(float(v) for v in multipliers),
            factors=tuple(factors),
            weights=tuple(float(w) for w in weights),
        )


def factor_positive(matrix: Floats) -> Floats:
    """A lower triangular L with L L^T close to the matrix, shifted up by as little as its factorisation needs."""
    n = len(matrix)
    scale = float(np.abs(np.diagonal(matrix)).max(initial=0.0))
    if scale == 0.0 or not np.isfinite(matrix).all():
        return np.zeros((n, n))
    shift = 0.0
    for attempt in range(40):
        trial = matrix
        if shift:
            trial = matrix.copy()
            trial.flat[:: n + 1] += shift
        lower, info = scipy.linalg.lapack.dpotrf(trial, lower=1, clean=1)
        if info == 0:
            return np.ascontiguousarray(lower)
        if attempt == 0:
            smallest = float(np.linalg.eigvalsh(matrix)[0])
            shift = max(-smallest, 0.0) * (1.0 + 1e-9) + 4e-16 * n * scale
        else:
            shift = 4.0 * shift + 1e-16 * scale
    return np.zeros((n, n))


def exact_linear_dual(program: ConicProgram, weights: Floats, digits: int = 9) -> CertifiedDual | None:
    """An exact rational dual of a linear program (no blocks) with the support of a solver's ``weights``.

    Solves objective + G_S^T x_S = E^T lambda over the rationals; None if that has no non-negative solution, in which
    case the floating-point certificate stands. Data enter as the exact rationals that the floats are.
    """
    if program.blocks or (program.unit < 0).any():
        return None
    support = np.flatnonzero(weights > 10.0**-digits * max(1.0, float(np.abs(weights).max(initial=0.0))))
    columns = sp.vstack([program.inequalities[support], -program.equalities], format="csr")
    used = np.flatnonzero(np.diff(sp.csc_array(columns).indptr) | (program.objective != 0))
    dense = columns[:, used].toarray().T  # (m, support + 1 + J)
    rows, cols = dense.shape
    table = flint.fmpq_mat(
        rows,
        cols + 1,
        [_rational(v) if v else 0 for row, c in zip(dense, program.objective[used], strict=True) for v in (*row, -c)],
    )
    reduced, rank = table.rref()
    solution = [Fraction(0)] * cols
    for r in range(rank):
        lead = next(c for c in range(cols + 1) if reduced[r, c] != 0)
        if lead == cols:
            return None
        entry = reduced[r, cols]
        solution[lead] = Fraction(int(entry.p), int(entry.q))
    exact = solution[: support.size]
    if any(w < 0 for w in exact):
        return None
    all_weights: list[Fraction] = [Fraction(0)] * program.inequalities.shape[0]
    for place, w in zip(support, exact, strict=True):
        all_weights[int(place)] = w
    constant = solution[support.size]
    multipliers = tuple(solution[support.size + 1 :])
    value = constant
    for m, v, t in zip(multipliers, program.values[1:], program.tolerances[1:], strict=True):
        value += m * Fraction(float(v)) + abs(m) * Fraction(float(t))
    return CertifiedDual(round_up(value), round_up(constant), multipliers, (), tuple(all_weights))


def exact_vertex_dual(
    columns: Floats,
    objective: Floats,
    tested: Floats,
    values: Floats,
    tolerances: Floats,
    multipliers: Sequence[float],
) -> CertifiedDual:
    """Exact value of given multipliers over the convex hull of vertices.

    ``columns`` (D, n) of small integers are the vertices, ``objective`` (E, D) and ``tested`` (J, D) functionals. The
    constant is the exact maximum over copies and vertices of objective_e - multipliers . tested: floating point finds
    the vertices that can attain it, rational arithmetic decides among them. Multipliers close to a simple fraction
    are tried as that fraction, and the better bound is kept.
    """
    plain = [Fraction(float(m)) if math.isfinite(m) else Fraction(0) for m in multipliers]
    snapped = [m.limit_denominator(10**6) for m in plain]
    snapped = [s if abs(s - m) < Fraction(1, 10**9) else m for s, m in zip(snapped, plain, strict=True)]
    best: CertifiedDual | None = None
    for choice in (snapped,) if snapped == plain else (snapped, plain):
        shifted = objective - (np.array([float(m) for m in choice]) @ tested if len(choice) else 0.0)
        scores = shifted @ columns
        slack = max(1e-13, 4e-16 * (len(columns) + len(tested))) * (
            1.0
            + float(
                np.abs(objective).sum(axis=1).max()
                + sum(abs(float(m)) * float(np.abs(t).sum()) for m, t in zip(choice, tested, strict=True))
            )
        )
        rows, places = np.nonzero(scores >= scores.max() - slack)
        constant: Fraction | None = None
        for e in np.unique(rows).tolist():
            weights = [
                Fraction(float(objective[e, i]))
                - sum((m * Fraction(float(t[i])) for m, t in zip(choice, tested, strict=True)), Fraction(0))
                for i in range(len(columns))
            ]
            common = math.lcm(*(w.denominator for w in weights))
            whole = np.array([w.numerator * (common // w.denominator) for w in weights], dtype=object)
            exact = whole @ np.rint(columns[:, places[rows == e]]).astype(np.int64).astype(object)
            score = Fraction(int(exact.max()), common)
            constant = score if constant is None else max(constant, score)
        assert constant is not None
        value = constant
        for m, d, t in zip(choice, values, tolerances, strict=True):
            value += m * Fraction(float(d)) + abs(m) * Fraction(float(t))
        dual = CertifiedDual(round_up(value), round_up(constant), tuple(choice), (), ())
        if best is None or dual.value < best.value:
            best = dual
    assert best is not None
    return best


def _rational(value: float) -> flint.fmpq:
    numerator, denominator = float(value).as_integer_ratio()
    return flint.fmpq(numerator, denominator)


def round_up(value: Fraction) -> float:
    """Smallest float found that is not below an exact rational."""
    result = float(value)
    return result if Fraction(result) >= value else math.nextafter(result, math.inf)
