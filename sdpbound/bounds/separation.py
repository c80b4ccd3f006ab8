"""Data outside the set: a functional that separates them from it, with a proof."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.observations import Observations
from sdpbound.bounds.assemble import Assembly, assemble
from sdpbound.bounds.certify import certify
from sdpbound.bounds.proof import proven_bound
from sdpbound.bounds.question import Question
from sdpbound.conic.certificate import CertifiedDual
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.reduce import Reduction
from sdpbound.conic.solvers.choose import first_answer
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.errors import Infeasible, SolverFailure

__all__ = ["CERTIFIED_SEPARATION", "raise_if_contradictory", "raise_if_separated", "threshold_scale"]

#: Data are called infeasible only beyond this certified separation.
CERTIFIED_SEPARATION = 1e-9


def threshold_scale(observed: Observations) -> float:
    """Size of the smallest tested expression, at most one: separations are compared in its units."""
    sizes = np.abs(observed.coefficients).reshape(len(observed), -1).sum(axis=1)
    return float(min(1.0, sizes[sizes > 0].min(initial=1.0)))


def raise_if_contradictory(question: Question, model: Adversary, assembly: Assembly) -> None:
    """Tested expressions that depend linearly on each other must have values that do, too."""
    observed = question.observed
    for multipliers in assembly.dependencies:
        # multipliers . expressions is the constant multipliers . offsets, up to rounding
        offsets = observed.coefficients.reshape(len(observed), -1)[:, 0]
        miss = float(multipliers @ (observed.values - offsets))
        if abs(miss) <= CERTIFIED_SEPARATION * threshold_scale(observed):
            continue
        sign = -math.copysign(1.0, miss)
        empty = Question.of_separation(observed)
        dual = certify(empty, assemble(empty, model, symmetry=False), None, sign * multipliers)
        _raise_if_infeasible(empty, model, dual, assemble(empty, model, symmetry=False))


# -- infeasible data ----------------------------------------------------------------------------------------------


def raise_if_separated(observed: Observations, model: Adversary) -> None:
    """Raise :class:`Infeasible` if a functional of the tested expressions certifiably separates the data."""
    empty = Question.of_separation(observed)
    assembly = assemble(empty, model, symmetry=False)
    found = _separate(empty, assembly)
    if found is not None:
        _raise_if_infeasible(empty, model, found[0], assembly, found[1])


def _raise_if_infeasible(
    empty: Question,
    model: Adversary,
    dual: CertifiedDual,
    assembly: Assembly,
    result: SolverResult | None = None,
) -> None:
    """Raise if the dual of the zero functional, its multipliers adding up to at most one, is negative enough."""
    separation = -dual.value
    if separation <= CERTIFIED_SEPARATION * threshold_scale(empty.observed):
        return
    if result is None:
        result = SolverResult("none", Status.INFEASIBLE, (), np.zeros(0), dual.value, 0.0)
    bound = proven_bound(
        empty, model, assembly, dual, result, {"assemble": 0.0, "solve": result.seconds, "certify": 0.0}
    )
    raise Infeasible(
        f"the tested data lie outside the {model.name} set: every behaviour of it differs from some tested value by at "
        f"least {separation:.3g} beyond its tolerance, proven by the functional {bound.functional.expression!r} >= 0; "
        "check the data, or choose a larger set.",
        bound,
        separation,
    )


def _separate(question: Question, assembly: Assembly) -> tuple[CertifiedDual, SolverResult] | None:
    """The best separating functional with sum of |multipliers| at most one: minimise the largest deviation s.

    A deviation is what a value is off beyond its tolerance.
    """
    program = assembly.program
    tested = program.equalities[1:]
    shell = ConicProgram(
        objective=program.objective,
        equalities=sp.csr_array(program.equalities[:1]),
        values=program.values[:1],
        tolerances=program.tolerances[:1],
        blocks=program.blocks,
        inequalities=sp.csr_array(sp.vstack([tested, -tested, program.inequalities], format="csr")),
        unit=program.unit,
    )
    reduced = Reduction(shell).inequality(shell)
    count = tested.shape[0]
    column = np.concatenate([np.ones(2 * count), np.zeros(reduced.matrix.shape[0] - 2 * count)])
    data, tolerances = program.values[1:], program.tolerances[1:]
    constant = reduced.constant.copy()
    constant[:count] += tolerances - data
    constant[count : 2 * count] += tolerances + data
    wide = LinearMatrixInequality(
        cost=np.concatenate([reduced.cost, [-1.0]]),
        offset=0.0,
        matrix=sp.csc_array(sp.hstack([reduced.matrix, sp.csc_array(column[:, None])], format="csc")),
        constant=constant,
        linear=reduced.linear,
        sizes=reduced.sizes,
    )
    try:
        result = first_answer(None, wide, DEFAULT_TOLERANCE)
    except SolverFailure:
        return None
    # objective + weights . (tested - data) + ...: the multiplier of a tested value is minus the difference
    multipliers = result.linear_dual[count : 2 * count] - result.linear_dual[:count]
    result = replace(result, linear_dual=result.linear_dual[2 * count :])
    total = float(np.abs(multipliers).sum()) * (1.0 + 1e-12)
    if total > 1.0:  # a separating functional may be scaled: the separation is in units of the tested values
        scaled = tuple(x / total for x in result.duals)
        result = replace(result, duals=scaled, linear_dual=result.linear_dual / total)
        multipliers = multipliers / total
    return certify(question, assembly, result, multipliers), result
