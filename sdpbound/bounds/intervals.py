"""Tests that are intervals: inequalities of the program, with a multiplier of its own for each end.

A test whose tolerance is more than rounding is no equality. Its two ends are rows of the program, ``e - low >= 0`` and
``high - e >= 0``; the dual's multipliers of both make one of either sign, which is all that a certificate has: a
multiplier is charged at the end of the interval where it is worst.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bounds.assemble import Assembly
from sdpbound.bounds.certify import certify
from sdpbound.bounds.question import Question
from sdpbound.bounds.separation import CERTIFIED_SEPARATION
from sdpbound.conic.certificate import CertifiedDual
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, SolverResult
from sdpbound.conic.reduce import Reduction

__all__ = ["IntervalProgram", "interval_program", "reach"]

#: How far a mixture stays from the ends of a test's interval, so that rounding takes it to neither: so much, and no
#: more than this part of the tolerance.
_MARGIN, _MARGIN_PART = 1e-9, 1e-2


def reach(tolerances: Floats) -> Floats:
    """How far from the tested values a mixture of strategies may be: 0 where a test is no interval.

    >>> reach(np.array([1e-12, 0.01])).tolist()
    [0.0, 0.009999999]
    """
    margin = np.minimum(_MARGIN, _MARGIN_PART * tolerances)
    return np.where(tolerances > CERTIFIED_SEPARATION, tolerances - margin, 0.0)


@dataclass(frozen=True, eq=False)
class IntervalProgram:
    """The program of a question whose wide tests are inequalities.

    Attributes
    ----------
    inequality : as a solver gets it
    program : with the wide tests among its inequalities
    wide : (J,) which tests are inequalities; all others are equalities
    """

    question: Question
    assembly: Assembly
    program: ConicProgram
    wide: NDArray[np.bool_]
    inequality: LinearMatrixInequality

    def certified(self, result: SolverResult) -> CertifiedDual:
        """The bound that a dual proves: with the solver's own multipliers of the ends, or with fitted ones."""
        program = self.assembly.program
        rows, count = program.inequalities.shape[0], int(self.wide.sum())
        low, high = result.linear_dual[rows : rows + count], result.linear_dual[rows + count :]
        plain = replace(result, linear_dual=result.linear_dual[:rows])
        multipliers = np.zeros(len(self.wide))
        multipliers[self.wide] = np.maximum(high, 0.0) - np.maximum(low, 0.0)
        multipliers[~self.wide] = self._fitted(plain, multipliers)
        own = certify(self.question, self.assembly, plain, multipliers)
        return min(own, certify(self.question, self.assembly, plain), key=lambda dual: dual.value)

    def _fitted(self, result: SolverResult, multipliers: Floats) -> Floats:
        """Multipliers of the tests that are equalities, by least squares from the rest of the dual."""
        program = self.assembly.program
        residual = program.objective - program.equalities[1:].T @ multipliers
        if result.linear_dual.size:
            residual = residual + program.inequalities.T @ np.maximum(result.linear_dual, 0.0)
        for block, dual in zip(program.blocks, self.assembly.reduction.lift(result.duals), strict=True):
            known = block >= 0
            residual = residual + np.bincount(block[known], weights=dual[known], minlength=program.variables)
        # the multiplier of the normalisation, row 0, is found again as what is left of the units
        fit = program.equalities[np.concatenate([[True], ~self.wide])].toarray()
        found, *_ = np.linalg.lstsq(fit.T, residual, rcond=None)
        return np.asarray(found[1:], dtype=np.float64)


def interval_program(question: Question, assembly: Assembly, wide: NDArray[np.bool_]) -> IntervalProgram:
    """The program with the tests that are ``wide`` as inequalities.

    Symmetries of the question are not used: a test and its image have a multiplier each.
    """
    program = assembly.program
    rows = sp.csr_array(program.equalities[1:])[wide]
    one = sp.csr_array(program.equalities[:1])
    values, tolerances = program.values[1:][wide], program.tolerances[1:][wide]
    low = rows - sp.csr_array((values - tolerances)[:, None]) @ one
    high = sp.csr_array((values + tolerances)[:, None]) @ one - rows
    kept = np.concatenate([[True], ~wide])
    shell = ConicProgram(
        objective=program.objective,
        equalities=sp.csr_array(program.equalities[kept]),
        values=program.values[kept],
        tolerances=program.tolerances[kept],
        blocks=program.blocks,
        inequalities=sp.csr_array(sp.vstack([program.inequalities, low, high], format="csr")),
        unit=program.unit,
    )
    reduction = Reduction(shell)
    own = replace(assembly, own_reduction=reduction, group=None)
    return IntervalProgram(question, own, shell, wide, reduction.inequality(shell))
