"""SetMembership of a behaviour in a set, and how much noise brings it in: a proof on each side where there is one.

Every upper bound is a Bell expression B with certified extremes. If ``v P + (1 - v) N`` is in the set S, then
``v B(P) + (1 - v) B(N) <= max_S B``, so that

    v <= (max_S B - n) / (B(P) - n)

with n the value of B on N, or the least that it has on the noises allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.local import Local
from sdpbound.adversaries.nosignaling import NoSignaling
from sdpbound.arguments import instance
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.assemble import Assembly, assemble
from sdpbound.bounds.bell_value import bell_question, maximize, minimize
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.explicit import ExplicitMixture
from sdpbound.bounds.inside import explicit_visibility
from sdpbound.bounds.question import Question
from sdpbound.bounds.separation import raise_if_separated
from sdpbound.bounds.solving import solve
from sdpbound.conic.certificate import round_up
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality
from sdpbound.conic.reduce import Reduction
from sdpbound.conic.solvers.choose import SolverChoice, first_answer
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.errors import Infeasible, InvalidInput, InvalidLevel, InvalidShape

__all__ = ["LocalFraction", "NoiseRobustness", "SetMembership", "local_fraction", "membership", "robustness"]

NoiseKind = Literal["white", "local", "general"]


@dataclass(frozen=True, slots=True, eq=False)
class SetMembership:
    """Whether a behaviour is in a set.

    Attributes
    ----------
    outside : True if that is proven; False if it is not: then the behaviour is within 1e-9 of the set, or of the level
    separation : certified, by how much every member of the set differs in some coordinate; 0 if not outside
    bound : the proof, a functional that separates the behaviour from the set; None if not outside
    """

    outside: bool
    separation: float
    bound: Bound | None

    def __bool__(self) -> bool:
        """True if the behaviour was not proven to be outside."""
        return not self.outside


@dataclass(frozen=True, slots=True, eq=False)
class NoiseRobustness:
    """The largest v with ``v P + (1 - v) N`` in a set, the critical visibility, from both sides.

    Attributes
    ----------
    upper : certified; 1 where nothing better is proven
    lower : of an explicit mixture; 0 where none was found
    noise : "white", "local", "general" or "given"
    expression : B of the proof
    bound : the certified maximum of B over the set; None where ``upper`` is 1 for want of a proof
    noise_bound : the certified minimum of B over local behaviours, for local noise
    mixture : the :class:`~sdpbound.bounds.explicit.ExplicitMixture` of ``lower``, with its certificate; None where
        ``lower`` has none
    """

    upper: float
    lower: float
    noise: str
    expression: BellExpression
    bound: Bound | None
    noise_bound: Bound | None = None
    mixture: ExplicitMixture | None = None

    @property
    def robustness(self) -> float:
        """``(1 - v) / v`` at the upper bound on v: at least so much noise, relative to P, is needed; rounded down."""
        return float(np.nextafter((1.0 - self.upper) / self.upper, -np.inf)) if self.upper < 1.0 else 0.0

    def __repr__(self) -> str:
        return f"NoiseRobustness({self.lower:.9g} <= v <= {self.upper:.9g}, {self.noise} noise)"


@dataclass(frozen=True, slots=True, eq=False)
class LocalFraction:
    """The largest weight of a local behaviour in a behaviour, the rest being no-signaling (quant-ph/9202026, EPR2).

    Attributes
    ----------
    upper : certified: ``B(P) / min_local B`` for an expression B with positive weights on probabilities
    lower : proven by explicit weights of deterministic strategies
    expression : B
    bound : the certified minimum of B over local behaviours
    """

    upper: float
    lower: float
    expression: BellExpression
    bound: Bound

    def __repr__(self) -> str:
        return f"LocalFraction({self.lower:.9g} <= p <= {self.upper:.9g})"


def membership(behaviour: Behaviour, model: Adversary) -> SetMembership:
    """Whether a behaviour is in a model's set, or in a level of it.

    >>> import sdpbound as sb
    >>> singlet = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour()
    >>> bool(sb.membership(singlet, sb.Quantum("2"))), bool(sb.membership(singlet, sb.Local()))
    (True, False)
    """
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    instance(model, Adversary, "the model", "Quantum('2'), NoSignaling() or Local()")
    try:
        raise_if_separated(Observations.full(behaviour), model)
    except Infeasible as found:
        assert isinstance(found.bound, Bound)
        return SetMembership(True, found.separation, found.bound)
    return SetMembership(False, 0.0, None)


def robustness(
    behaviour: Behaviour, model: Adversary, noise: NoiseKind | Behaviour = "white", solver: SolverChoice = None
) -> NoiseRobustness:
    """The critical visibility of a behaviour P: the largest v <= 1 with ``v P + (1 - v) N`` in a model's set.

    Parameters
    ----------
    behaviour : Behaviour
    model : Local(), Quantum(level) or NoSignaling()
    noise : what N may be: "white" (uniform), a behaviour, "local" (any local one) or "general" (any no-signaling one)
    solver : as of :func:`sdpbound.maximize`

    Returns
    -------
    NoiseRobustness
        ``upper`` is certified for every model, by a Bell expression. ``lower`` is that of an explicit ``mixture``, with
        a certificate: of local behaviours for Local, of these and of devices of small dimension that see-saws find for
        Quantum (the expression of the upper bound leads them, so that a higher level may find better ones). It is of
        probabilities, without a certificate, for NoSignaling. For more than 4096 deterministic strategies it is 0, or
        for Local and two outcomes a number without a certificate. Both sides are about the behaviour with every moment
        within 1e-12, as measured data are.

    Examples
    --------
    The correlations of CHSH at its maximum become local at 1/sqrt(2) with white noise:

    >>> import sdpbound as sb, numpy as np
    >>> best = sb.Behaviour.from_correlators(np.array([[1, 1], [1, -1]]) / 2**0.5)
    >>> v = sb.robustness(best, sb.Local())
    >>> abs(v.upper - 0.5**0.5) < 1e-9 and abs(v.lower - 0.5**0.5) < 1e-8
    True
    """
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    instance(model, Adversary, "the model", "Quantum('2'), NoSignaling() or Local()")
    if isinstance(noise, Behaviour):
        return _with_given(behaviour, model, noise, "given", solver)
    if noise == "white":
        return _with_given(behaviour, model, Behaviour.uniform(behaviour.scenario), "white", solver)
    if noise == "local":
        return _with_local(behaviour, model, solver)
    if noise == "general":
        return _with_any(behaviour, model, solver)
    raise InvalidInput(f"noise = {noise!r:.60} must be 'white', 'local', 'general' or a Behaviour.")


def local_fraction(behaviour: Behaviour, solver: SolverChoice = None) -> LocalFraction:
    """The local fraction of a behaviour P: the largest p with ``P = p L + (1 - p) N``, L local and N no-signaling.

    ``solver`` as of :func:`sdpbound.maximize`.

    >>> import sdpbound as sb, numpy as np
    >>> box = sb.Behaviour.from_correlators(np.array([[1, 1], [1, -1]]))
    >>> sb.local_fraction(box).upper < 1e-9
    True
    """
    scenario = instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()").scenario
    rows = scenario.probability_rows()
    vertices = _vertices(scenario)
    table, p = rows @ vertices, np.maximum(rows @ behaviour.moments.reshape(-1), 0.0)
    count = table.shape[1]
    inequality = LinearMatrixInequality(
        cost=np.ones(count),
        offset=0.0,
        matrix=sp.csc_array(sp.vstack([sp.csc_array(-table), sp.eye_array(count)])),
        constant=np.concatenate([p, np.zeros(count)]),
        linear=len(p) + count,
        sizes=(),
    )
    result = first_answer(solver, inequality, DEFAULT_TOLERANCE)
    expression = _of_weights(scenario, result.linear_dual[: len(p)])
    bound = minimize(expression, Local())
    upper = 1.0
    if bound.value > 0:
        upper = min(1.0, round_up(_exact(expression, behaviour) / Fraction(bound.value)))
    lower = 0.0
    if result.solution is not None:
        weights = np.maximum(result.solution, 0.0)
        lower = float(weights.sum()) * _fitting(table @ weights, p)
    return LocalFraction(max(upper, 0.0), min(max(lower - 1e-15, 0.0), max(upper, 0.0)), expression, bound)


# -- the three noises ---------------------------------------------------------------------------------------------


def _with_given(
    behaviour: Behaviour, model: Adversary, noise: Behaviour, name: str, solver: SolverChoice
) -> NoiseRobustness:
    """v is itself a Bell value: of the behaviours of the set on the line through N and P, the farthest one."""
    scenario = behaviour.scenario
    if noise.scenario != scenario:
        raise InvalidShape(f"the noise is of {noise.scenario}, the behaviour of {scenario}; they must be the same.")
    start, direction = noise.moments.reshape(-1), (behaviour.moments - noise.moments).reshape(-1)
    length = float(direction @ direction)
    if length < 1e-18:
        raise InvalidInput("the behaviour is the noise itself; there is nothing to mix.")
    # coordinates across the line, orthonormal; the constant, which is 0 in the direction, is none
    across = np.linalg.svd(np.vstack([direction, np.eye(start.size)[0]]), full_matrices=True)[2][2:]
    along = BellExpression(scenario, (direction / length).reshape(scenario.shape)) - float(direction @ start) / length
    tests = None
    if len(across):
        table = across.reshape(-1, *scenario.shape)
        tests = Observations(scenario, table, across @ start, np.full(len(across), 1e-12), "custom")
    bound = solve(bell_question(along, tests, "upper"), model, solver)
    expression = -bound.functional.expression + along
    upper = min(1.0, bound.value)
    white = not np.abs(noise.moments - Behaviour.uniform(noise.scenario).moments).any()
    kind = "white" if white else "given"
    mixture = explicit_visibility(behaviour, model, noise.moments.reshape(-1, 1), (expression, upper), kind)
    lower = _reached(behaviour, model, noise, bound) if mixture is None else mixture.value
    return NoiseRobustness(upper, min(lower, 1.0, max(bound.value, 0.0)), name, expression, bound, mixture=mixture)


def _reached(behaviour: Behaviour, model: Adversary, noise: Behaviour, bound: Bound) -> float:
    """A visibility that is in the set by numbers without a certificate, 0 if none was found."""
    rows = behaviour.scenario.probability_rows()
    if isinstance(model, NoSignaling):
        p, n = rows @ behaviour.moments.reshape(-1), rows @ noise.moments.reshape(-1)
        falling = p < n
        if not falling.any():
            return 1.0
        return float(min(1.0, max(0.0, float((n[falling] / (n[falling] - p[falling])).min()) - 1e-14)))
    white = not np.abs(noise.moments - Behaviour.uniform(noise.scenario).moments).any()
    if not (white and isinstance(model, Local) and behaviour.scenario.is_binary):
        return 0.0
    v = min(1.0, bound.value)
    target = (1.0 - v) * noise.moments + v * behaviour.moments
    return v * _kept(behaviour.scenario, target.reshape(-1)) * (1.0 - 1e-14)


def _kept(scenario: Scenario, target: Floats) -> float:
    """How much of a point is in the local set for sure, the rest being white noise.

    With weights of deterministic strategies that miss the point by d, the point with a part ``sum |d|`` of white noise
    is local: white noise and one coordinate of a product of observables up to 1 in size is, and so are their mixtures.
    """
    vertices = _vertices(scenario)
    count = vertices.shape[1]
    column = np.concatenate([np.ones(2 * len(target)), np.zeros(count)])[:, None]
    inequality = LinearMatrixInequality(
        cost=np.concatenate([np.zeros(count), [-1.0]]),
        offset=0.0,
        matrix=sp.csc_array(
            sp.hstack([sp.vstack([sp.csc_array(vertices), sp.csc_array(-vertices), sp.eye_array(count)]), column])
        ),
        constant=np.concatenate([-target, target, np.zeros(count)]),
        linear=2 * len(target) + count,
        sizes=(),
    )
    found = first_answer(None, inequality, DEFAULT_TOLERANCE).solution
    if found is None:
        return 0.0
    weights = np.maximum(found[:count], 0.0)
    weights /= weights.sum()
    miss = float(np.abs(vertices @ weights - target).sum()) + 1e-13
    return max(0.0, 1.0 - miss / (1.0 + miss))


def _with_local(behaviour: Behaviour, model: Adversary, solver: SolverChoice) -> NoiseRobustness:
    """``q = P + sum_k u_k (D_k - P)`` in the set, D_k deterministic and u_k >= 0, with the least sum of u."""
    scenario = behaviour.scenario
    assembly = _assembled(Observations.full(behaviour), model)
    program, vertices = assembly.program, _vertices(scenario)
    own = assembly.reduction.inequality(program)
    columns = []
    for vertex in vertices.T:
        moved = replace(program, values=np.concatenate([[1.0], vertex[1:]]))
        columns.append(assembly.reduction.inequality(moved).constant - own.constant)
    count = len(columns)
    rest = sp.csc_array((count, own.variables))
    inequality = LinearMatrixInequality(
        cost=np.concatenate([np.zeros(own.variables), -np.ones(count)]),
        offset=1.0,
        matrix=sp.csc_array(
            sp.vstack(
                [
                    sp.hstack([rest, sp.eye_array(count)]),
                    sp.hstack([own.matrix, sp.csc_array(np.array(columns).T)]),
                ],
                format="csc",
            )
        ),
        constant=np.concatenate([np.zeros(count), own.constant]),
        linear=own.linear + count,
        sizes=own.sizes,
    )
    result = first_answer(solver, inequality, DEFAULT_TOLERANCE)
    dual = assembly.certifier.certify(
        program.objective,
        program.values[1:],
        program.tolerances[1:],
        assembly.reduction.lift(result.duals),
        result.linear_dual[count:],
    )
    table = np.concatenate([[0.0], [-float(m) for m in dual.multipliers]]).reshape(scenario.shape)
    size = float(np.abs(table).max(initial=0.0))
    if not size:
        nothing = BellExpression(scenario, table)
        inside = explicit_visibility(behaviour, model, vertices, (nothing, 1.0), "local")
        lower = 1.0 if isinstance(model, NoSignaling) else 0.0 if inside is None else inside.value
        return NoiseRobustness(1.0, lower, "local", nothing, None, mixture=inside)
    expression = BellExpression(scenario, table / size)
    bound, least = maximize(expression, model, solver=solver), minimize(expression, Local())
    low, most = Fraction(least.value), Fraction(bound.value)
    gain = _exact(expression, behaviour) - low
    upper = min(1.0, round_up((most - low) / gain)) if gain > 0 else 1.0
    mixture, lower = explicit_visibility(behaviour, model, vertices, (expression, upper), "local"), 0.0
    if mixture is not None:
        lower = mixture.value
    elif isinstance(model, NoSignaling):
        lower = 1.0
    elif isinstance(model, Local) and scenario.is_binary and result.solution is not None:
        u = np.maximum(result.solution[own.variables :], 0.0)
        v = max(0.0, 1.0 - float(u.sum()))
        target = v * behaviour.moments.reshape(-1) + vertices @ (u * (1.0 - v) / max(float(u.sum()), 1e-300))
        lower = v * _kept(scenario, target) * (1.0 - 1e-14)
    return NoiseRobustness(upper, min(lower, upper), "local", expression, bound, least, mixture)


def _with_any(behaviour: Behaviour, model: Adversary, solver: SolverChoice) -> NoiseRobustness:
    """``q(ab|xy) >= v p(ab|xy)``: the difference is a behaviour, for both do not signal."""
    scenario = behaviour.scenario
    assembly = _assembled(Observations.none(scenario), model)
    program = assembly.program
    rows = scenario.probability_rows()
    p = np.maximum(rows @ behaviour.moments.reshape(-1), 0.0)
    shell = ConicProgram(
        objective=program.objective,
        equalities=program.equalities,
        values=program.values,
        tolerances=program.tolerances,
        blocks=program.blocks,
        inequalities=sp.csr_array(
            sp.vstack(
                [sp.csr_array(sp.csr_array(rows) @ assembly.relaxation.coordinates), program.inequalities],
                format="csr",
            )
        ),
        unit=program.unit,
    )
    own = Reduction(shell).inequality(shell)
    column = np.zeros((own.matrix.shape[0], 1))
    column[: len(p), 0] = -p
    inequality = replace(
        own,
        cost=np.concatenate([own.cost, [1.0]]),
        matrix=sp.csc_array(sp.hstack([own.matrix, sp.csc_array(column)], format="csc")),
    )
    result = first_answer(solver, inequality, DEFAULT_TOLERANCE)
    expression = _of_weights(scenario, result.linear_dual[: len(p)])
    bound = maximize(expression, model, solver=solver)
    gain = _exact(expression, behaviour)
    upper = min(1.0, round_up(Fraction(bound.value) / gain)) if gain > 0 else 1.0
    mixture, lower = explicit_visibility(behaviour, model, None, (expression, upper), "general"), 0.0
    if mixture is not None:
        lower = mixture.value
    elif isinstance(model, Local) and result.solution is not None:
        q = np.maximum(rows @ (assembly.relaxation.coordinates @ _weights_of(shell, result.solution[:-1])), 0.0)
        lower = min(1.0, _fitting(p, q))
    elif isinstance(model, NoSignaling):
        lower = 1.0
    return NoiseRobustness(upper, min(lower, upper), "general", expression, bound, mixture=mixture)


def _weights_of(shell: ConicProgram, solution: Floats) -> Floats:
    """Weights of deterministic strategies, positive and adding up to one."""
    weights = np.maximum(Reduction(shell).point(solution, shell), 0.0)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _fitting(parts: Floats, whole: Floats) -> float:
    """The largest factor with which the parts are not above the whole, less a rounding; parts below 1e-12 are zero."""
    positive = parts > 1e-12
    if not positive.any():
        return 0.0
    return max(0.0, float((whole[positive] / parts[positive]).min(initial=np.inf)) * (1.0 - 1e-13))


def _assembled(observed: Observations, model: Adversary) -> Assembly:
    assembly = assemble(Question.of_separation(observed), model, symmetry=False)
    if not assembly.relaxation.reached.all():
        raise InvalidLevel(f"{model!r} does not have all probabilities of {observed.scenario}; take a higher level.")
    return assembly


def _vertices(scenario: Scenario) -> Floats:
    """(coordinates, strategies) of all deterministic strategies."""
    return np.asarray(Local().relax(scenario).coordinates.toarray(), dtype=np.float64)


def _of_weights(scenario: Scenario, weights: Floats) -> BellExpression:
    """The expression with weights, not negative, on the probabilities; the largest is 1."""
    kept = np.maximum(weights, 0.0)
    kept = kept / (float(kept.max(initial=0.0)) or 1.0)
    return BellExpression(scenario, (kept @ scenario.probability_rows()).reshape(scenario.shape))


def _exact(expression: BellExpression, behaviour: Behaviour) -> Fraction:
    """The value of an expression on the moments of a behaviour, as the floats are."""
    pairs = zip(expression.coefficients.reshape(-1), behaviour.moments.reshape(-1), strict=True)
    return sum((Fraction(float(c)) * Fraction(float(m)) for c, m in pairs), Fraction(0))
