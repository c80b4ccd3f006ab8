"""Bounds on expressions of near and far statistics, and on what Eve guesses.

Far correlations are *short-range* where the far device gets classical information only: what is measured before the
switch sends it. Its measurements are then jointly measurable; projective ones are if they commute (arXiv:2310.07484).
An expression that exceeds its short-range bound proves that a quantum system arrives at the far device.
"""

from __future__ import annotations

from fractions import Fraction

from sdpbound.arguments import instance
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.certificate import round_up
from sdpbound.conic.program import SolverResult
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.errors import InvalidInput, InvalidShape
from sdpbound.problems.bound import OperatorValue, ProblemBound, ProblemProof
from sdpbound.problems.expressions import Operator, Polynomial, sum_of
from sdpbound.routed.entropy import chosen_level, noise_of, raise_if_infeasible
from sdpbound.routed.letters import intervals_of, letters_of
from sdpbound.routed.program import EveProgram
from sdpbound.routed.setup import RoutedTest

__all__ = ["guessing_probability", "maximum"]

#: Words of the devices where the user gives none.
PLAIN, SHORT = "1+AN+AF+AA", "1+AN+AF+AA+FF+AFF+NF"


def maximum(
    near: BellExpression | None = None,
    far: BellExpression | None = None,
    tested: tuple[Observations | None, Observations | None] = (None, None),
    short_range: bool = False,
    level: str | None = None,
    solver: SolverChoice = None,
) -> ProblemBound:
    """Certified upper bound on the sum of an expression of near statistics and one of far statistics.

    Parameters
    ----------
    near, far : Bell expressions of Alice with the near device and with the far one; None for 0
    tested : what is tested of near and of far statistics; None for nothing
    short_range : whether the far device gets classical information only: its measurements are then jointly measurable.
        The bound is that of short-range quantum correlations (arXiv:2310.07484)
    level : words of the devices, such as "1+AN+AF+AA"
    solver : as in :func:`sdpbound.maximize`

    Raises
    ------
    Infeasible
        If no such devices have the tested data, with a certificate.
    InvalidInput, InvalidShape

    >>> import sdpbound as sb
    >>> z_and_x = sb.BellExpression.from_correlators([[1, 0], [0, 1]])
    >>> perfect = sb.Observations.between(sb.chsh(), 8**0.5 - 1e-9, 8**0.5)
    >>> round(maximum(far=z_and_x, tested=(perfect, None)).value, 4)
    2.0
    >>> round(maximum(far=z_and_x, tested=(perfect, None), short_range=True).value, 3)  # the root of 2
    1.414
    """
    letters = letters_of(_scenario(near, tested[0], "near"), _scenario(far, tested[1], "far"))
    objective = sum_of([letters.value(e.coefficients, own) for e, own in ((near, True), (far, False)) if e is not None])
    if letters.near_scenario.outcomes[0] != letters.far_scenario.outcomes[0]:
        raise InvalidShape(
            f"Alice has outcomes {letters.near_scenario.outcomes[0]} with the near device and "
            f"{letters.far_scenario.outcomes[0]} with the far one; her device is one."
        )
    data = (
        Observations.none(s) if d is None else d
        for s, d in zip((letters.near_scenario, letters.far_scenario), tested, strict=True)
    )
    problem = letters.problem(intervals_of(letters.tests(*data)), short_range=short_range)
    words = letters.words(problem.algebra, level or (SHORT if short_range else PLAIN))
    return problem.maximize(objective, [problem.algebra.polynomial({word: Fraction(1)}) for word in words], solver)


def _scenario(expression: BellExpression | None, data: Observations | None, name: str) -> Scenario:
    if expression is not None:
        instance(expression, BellExpression, name, "chsh()")
    if data is not None:
        instance(data, Observations, "tested", "Observations.correlators(behaviour)")
    found = [x.scenario for x in (expression, data) if x is not None]
    if not found:
        raise InvalidInput(
            f"a routed test needs a {name} device: give an expression of it, or what is tested of it, such as "
            "Observations.none(Scenario.bipartite(2, 2))."
        )
    if len(set(found)) > 1:
        raise InvalidShape(f"the expression of the {name} device is of {found[0]}, and the tests are of {found[1]}.")
    return found[0]


def guessing_probability(
    test: RoutedTest, x: int = 0, level: str | None = None, solver: SolverChoice = None
) -> ProblemBound:
    """Certified upper bound on Eve's probability to guess Alice's outcome of x in a routed test.

    Eve's effects G_a commute with Alice's and the far device's operators, and add up to one: the bound is on
    ``sum_a <A_a G_a>``. Minus its logarithm to base 2 bounds the min-entropy from below.

    Parameters
    ----------
    test, x, level, solver : as in :func:`sdpbound.routed.entropy`

    >>> import sdpbound as sb
    >>> from sdpbound.routed import protocol
    >>> losses = sb.DetectionInefficiency(1.0, 0.5, binning=(True, False))
    >>> bound = guessing_probability(protocol("bb84", far=losses), level="1+AN+AF+AA+AAF")
    >>> 0.75 <= bound.value < 0.7501
    True
    """
    near, far = instance(test, RoutedTest, "test", "routed.protocol('bb84')").data
    x = near.scenario.require_setting(0, x, "x")
    letters = letters_of(near.scenario, far.scenario)
    count = near.scenario.outcomes[0][x]
    eve = tuple(Operator(f"G|{a}", "projector", "E", "G") for a in range(count - 1))
    last = letters.effect(x, count - 1)
    # the last guess is what is left of one
    objective: Polynomial = sum_of([last, *(g * (letters.effect(x, a) - last) for a, g in enumerate(eve))])
    positive = (*((0, {g: 1}) for g in eve), (1, dict.fromkeys(eve, -1)))
    program = EveProgram(
        letters, eve, positive, objective, tuple(letters.tests(near, far)), noise_of(test), level or chosen_level(test)
    )
    found = program.solved(solver)
    if isinstance(found, SolverResult):
        raise_if_infeasible(program, found)
    assert not isinstance(found, SolverResult)
    figure = OperatorValue(objective)
    return ProblemBound(
        value=round_up(found.proof.value),
        side="upper",
        merit=figure,
        model=None,
        solver_value=found.result.objective,
        solver=found.result.solver,
        status=found.result.status.value,
        seconds=found.seconds,
        found=found.moments,
        _proof=ProblemProof(found.program, figure, "upper", found.proof),
    )
