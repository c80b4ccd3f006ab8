"""Bell values: the largest and smallest value of an expression over a model's set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import instance
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import BellValue
from sdpbound.bounds.question import Question
from sdpbound.bounds.solving import solve, solved_program
from sdpbound.conic.formats import write_program
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.errors import InvalidShape

__all__ = ["bell_question", "export_program", "maximize", "minimize"]


def maximize(
    expression: BellExpression,
    model: Adversary,
    observed: Observations | None = None,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    symmetry: bool = True,
) -> Bound:
    """Certified upper bound on a Bell expression over a model's set, given what is tested (if anything).

    Parameters
    ----------
    expression : BellExpression
    model : Quantum(level), NoSignaling() or Local()
    observed : Observations of the same scenario, optional
    solver : name such as "clarabel", a Solver, or None: chosen by size, the next one tried where the certificate
        charges more than 1e-6
    tolerance : accuracy asked of the solver
    symmetry : whether relabellings that leave the question unchanged are looked for and used; ``bound.symmetry`` has
        what was found

    Returns
    -------
    Bound, side "upper". ``bound.functional`` is proven for every behaviour of the model.

    Raises
    ------
    Infeasible if the tested data are certified to lie outside the set; InvalidInput; SolverFailure

    >>> import sdpbound as sb
    >>> bound = sb.maximize(sb.chsh(), sb.Quantum("1"))
    >>> abs(bound.value - 8**0.5) < 1e-6 and bound.value >= 8**0.5
    True
    """
    return solve(bell_question(expression, observed, "upper"), model, solver, tolerance, symmetry)


def minimize(
    expression: BellExpression,
    model: Adversary,
    observed: Observations | None = None,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    symmetry: bool = True,
) -> Bound:
    """Certified lower bound on a Bell expression over a model's set; as :func:`maximize`, side "lower".

    >>> import sdpbound as sb
    >>> sb.minimize(sb.chsh(), sb.Local()).value
    -2.0
    """
    return solve(bell_question(expression, observed, "lower"), model, solver, tolerance, symmetry)


def export_program(
    expression: BellExpression,
    model: Adversary,
    path: str | os.PathLike[str],
    observed: Observations | None = None,
    side: Literal["upper", "lower"] = "upper",
) -> Path:
    """Write the program of a Bell value for another solver; the end of the name says how: .dat-s, .cbf or .json.

    The program maximises the expression, for side "lower" its negative; sparse SDPA minimises the negative of that.
    Symmetries are used, as in :func:`maximize`, and wide tests are inequalities.

    >>> import sdpbound as sb
    >>> from tempfile import mkdtemp
    >>> path = sb.export_program(sb.chsh(), sb.Quantum("1"), f"{mkdtemp()}/chsh.dat-s")
    >>> path.read_text().splitlines()[0]
    '"sdpbound: the maximum is 0.0 less the minimum here"'
    """
    return write_program(solved_program(bell_question(expression, observed, side), model), path)


def bell_question(
    expression: BellExpression, observed: Observations | None, side: Literal["upper", "lower"]
) -> Question:
    instance(expression, BellExpression, "expression", "chsh()")
    if observed is None:
        observed = Observations.none(expression.scenario)
    elif (
        instance(observed, Observations, "observed", "Observations.correlators(behaviour)").scenario
        != expression.scenario
    ):
        raise InvalidShape(f"tested data of {observed.scenario} do not fit an expression of {expression.scenario}.")
    table = expression.coefficients
    return Question(
        scenario=expression.scenario,
        objective=(table if side == "upper" else -table)[None],
        observed=observed,
        figure=BellValue(expression),
        side=side,
        floor=-float(np.abs(table).sum()),
    )
