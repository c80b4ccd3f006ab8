"""Visibilities from below: explicit mixtures of deterministic strategies and of devices that see-saw searches find.

With columns S_k, the behaviours of deterministic strategies and of devices, a linear program finds

    the largest v with  sum_k w_k S_k = v P + sum_j u_j N_j,  sum_k w_k = v + sum_j u_j = 1,  w, u >= 0

for noises N_j, or with ``sum_k w_k S_k >= v P`` in every probability for any noise. Its multipliers are a Bell
expression, whose best devices are the next columns.

What floats leave of the equation, d, is paid for with white noise W: W and a change of one coordinate by at most
``prod 1 / d_p`` is local, with d_p the number of outcomes of each projector in it and 1 for observables, being a
mixture of products of local responses that are uniform up to the change, with signs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.local import Local
from sdpbound.adversaries.quantum import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.search import see_saw
from sdpbound.conic.program import LinearMatrixInequality, SolverResult
from sdpbound.conic.solvers.choose import first_answer
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.limiting import go_on

__all__ = ["explicit_visibility"]

#: Most deterministic strategies that are written down.
MOST_COLUMNS = 4096
#: Rounds of new devices, and starts of the search of each: for two outcomes a setting, and for more, which take long.
ROUNDS, STARTS = (20, 3), (20, 6)
#: A round that gains less ends the search.
LITTLE = 1e-10
#: Distance of two proven sides that is no gap.
CLOSE = 2e-8
#: Measured data are meant up to this in every probability.
WITHIN = 1e-12


@dataclass(eq=False)
class _Mixing:
    """The linear program: ``noises`` (coordinates, J), or None for any noise; ``columns`` (coordinates, K)."""

    behaviour: Behaviour
    noises: Floats | None
    columns: Floats

    def solve(self) -> tuple[SolverResult, Floats] | None:
        """The solver's answer, and its Bell expression, which is not positive on all columns; None if it has none."""
        target, count = self.behaviour.moments.reshape(-1), self.columns.shape[1]
        noises = np.zeros((len(target), 0)) if self.noises is None else self.noises
        others = noises.shape[1]
        if self.noises is None:
            rows = self.behaviour.scenario.probability_rows()
            equal = np.hstack([np.ones((1, count)), np.zeros((1, 1))])
            more = np.hstack([rows @ self.columns, -np.maximum(rows @ target, 0.0)[:, None]])
        else:
            rows = np.eye(len(target))
            whole = np.concatenate([np.zeros(count), np.ones(1 + others)])
            equal = np.vstack([whole, np.hstack([self.columns, -target[:, None], -noises])])
            more = np.zeros((0, equal.shape[1]))
        known = np.concatenate([[1.0], np.zeros(len(equal) - 1)])
        matrix = np.vstack([equal, -equal, more, np.eye(equal.shape[1])])
        inequality = LinearMatrixInequality(
            cost=np.concatenate([np.zeros(count), [1.0], np.zeros(others)]),
            offset=0.0,
            matrix=sp.csc_array(matrix),
            constant=np.concatenate([-known, known, np.zeros(len(more) + equal.shape[1])]),
            linear=len(matrix),
            sizes=(),
        )
        result = first_answer(None, inequality, DEFAULT_TOLERANCE)
        if result.solution is None or result.linear_dual is None:
            return None
        dual, n = result.linear_dual, len(equal)
        y = dual[:n] - dual[n : 2 * n]
        if self.noises is None:
            expression = dual[2 * n : 2 * n + len(more)] @ rows
            expression[0] += y[0]
        else:
            expression = y[1:]
        return result, np.asarray(expression, dtype=np.float64)

    def visibility(self, result: SolverResult, given: bool) -> float:
        """What a solution proves, after the rest is paid for; ``given``: the noise is one behaviour, not white."""
        assert result.solution is not None
        count = self.columns.shape[1]
        weights = np.maximum(result.solution[:count], 0.0)
        mixture = self.columns @ (weights / weights.sum())
        scenario, target = self.behaviour.scenario, self.behaviour.moments.reshape(-1)
        v = min(max(float(result.solution[count]), 0.0), 1.0)
        if self.noises is None:
            rows = scenario.probability_rows()
            p, q = np.maximum(rows @ target, 0.0), rows @ mixture
            return max(0.0, min(1.0, float((q[p > WITHIN] / p[p > WITHIN]).min(initial=1.0)) * (1.0 - 1e-13)))
        u = np.maximum(result.solution[count + 1 :], 0.0)
        u *= (1.0 - v) / (float(u.sum()) or 1.0)
        if not u.any():
            v = 1.0
        rest = np.abs(mixture - v * target - self.noises @ u)
        if given:
            return v if float(rest.sum()) <= WITHIN else 0.0
        paid = float(_scales(scenario) @ rest) + 1e-13
        return v / (1.0 + paid) * (1.0 - 1e-14)


def explicit_visibility(
    behaviour: Behaviour,
    model: Adversary,
    noises: Floats | None,
    proven: tuple[BellExpression, float],
    given: bool = False,
) -> float:
    """A visibility with which explicit strategies have a behaviour, up to 1e-12 in probabilities; 0 if none is found.

    Parameters
    ----------
    noises : (coordinates, J) moments of the noises that may be mixed, or None for any noise
    model : Local() or Quantum(level); of others nothing is known
    proven : an expression whose best devices are tried first, and an upper bound: what is within :data:`CLOSE` of it is
        enough
    given : whether the noise is one behaviour, so that no white noise may be added
    """
    scenario, (first, upper) = behaviour.scenario, proven
    quantum = isinstance(model, Quantum)
    if not (quantum or isinstance(model, Local)) or math.prod(scenario.count_deterministic()) > MOST_COLUMNS:
        return 0.0
    vertices = np.asarray(Local().relax(scenario).coordinates.toarray(), dtype=np.float64)
    mixing, best, last = _Mixing(behaviour, noises, vertices), 0.0, -1.0
    dimension = max(2, *(k for party in scenario.outcomes for k in party))
    rounds, starts = (pair[not scenario.is_binary] for pair in (ROUNDS, STARTS))
    if quantum:
        _, strategy = see_saw(first, dimension, starts, rounds)
        mixing.columns = np.hstack([vertices, strategy.behaviour().moments.reshape(-1, 1)])
    for turn in range(rounds):
        answer = mixing.solve()
        if answer is None:
            break
        result, expression = answer
        best = max(best, mixing.visibility(result, given))
        if not quantum or best - last < LITTLE or best >= upper - CLOSE or not go_on():
            break
        last = best
        size = float(np.abs(expression).max(initial=0.0))
        if not size:
            break
        table = BellExpression(scenario, (expression / size).reshape(scenario.shape))
        value, strategy = see_saw(table, dimension, starts, turn)
        if value <= LITTLE:
            break
        mixing.columns = np.hstack([mixing.columns, strategy.behaviour().moments.reshape(-1, 1)])
    return best


def _scales(scenario: Scenario) -> Floats:
    """For each coordinate the white noise that makes it local when it is changed by one."""
    out = np.ones(1)
    for letters, outcomes in zip(scenario.letters, scenario.outcomes, strict=True):
        own = [1.0 if letter.outcome is None else float(outcomes[letter.setting]) for letter in letters]
        out = np.outer(out, [1.0, *own]).reshape(-1)
    return out
