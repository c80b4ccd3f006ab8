"""Visibilities from below: explicit mixtures of deterministic strategies and of devices that see-saw searches find.

With columns S_k, the behaviours of deterministic strategies and of devices, a linear program finds

    the largest v with  sum_k w_k S_k = v P + sum_j u_j N_j,  sum_k w_k = v + sum_j u_j = 1,  w, u >= 0

for noises N_j, or with ``sum_k w_k S_k >= v P`` in every probability for any noise. Its multipliers are a Bell
expression, whose best devices are the next columns.

What floats leave of the equation is taken out of the weights, by the smallest change that does. Where weights are too
small for it, a little of all deterministic strategies is mixed in, with noise, and the visibility is as much less.
What is left has to be below the 1e-12 up to which data are meant. The mixture has a certificate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.local import Local
from sdpbound.adversaries.quantum import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.search import see_saw
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.explicit import WITHIN, ExplicitMixture, points_of
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
#: Weights of a solution that are taken for none, in turn; and how much of all strategies is mixed in, in turn.
_SMALL, _LITTLE = (0.0, 1e-12, 1e-9, 1e-7), (1e-11, 1e-10, 1e-9, 1e-8)


@dataclass(eq=False)
class _Mixing:
    """The linear program.

    Attributes
    ----------
    noises : (coordinates, J), or None for any noise
    columns : (coordinates, K), of all deterministic strategies and then of the ``strategies``
    points : how many deterministic strategies there are
    quantum : whether the set is the quantum one
    """

    behaviour: Behaviour
    noises: Floats | None
    columns: Floats
    points: int
    quantum: bool
    strategies: list[Strategy] = field(default_factory=list)

    def add(self, strategy: Strategy) -> None:
        """Take in a quantum strategy."""
        self.strategies.append(strategy)
        self.columns = np.hstack([self.columns, strategy.behaviour().moments.reshape(-1, 1)])

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

    def mixture(self, result: SolverResult, name: str, most: float) -> ExplicitMixture | None:
        """The mixture that a solution says, its visibility at most ``most``; None where it misses the data."""
        assert result.solution is not None
        count = self.columns.shape[1]
        x = np.maximum(result.solution, 0.0)
        if self.noises is None:
            calm = np.concatenate([np.full(self.points, 1.0 / self.points), np.zeros(count - self.points)])
            mixed = [(x[:count] / x[:count].sum() + little * calm) / (1.0 + little) for little in (0.0, *_LITTLE)]
            v, weights = max(((self._least(weights, most), weights) for weights in mixed), key=lambda pair: pair[0])
            return self._explicit(v, weights, None, name)
        for threshold in _SMALL:
            found = self._exactly(x * (x > threshold), x > threshold, most)
            if found is not None:
                return self._explicit(*found, name)
        for little in _LITTLE if name != "given" else ():
            calm = np.concatenate([np.full(self.points, 1.0 / self.points), np.zeros(count - self.points + 1)])
            calm = np.concatenate([calm, np.full(self.noises.shape[1], 1.0 / self.noises.shape[1])])
            found = self._exactly((x + little * calm) / (1.0 + little), np.ones(len(x), dtype=bool), most)
            if found is not None:
                return self._explicit(*found, name)
        return None

    def _exactly(self, x: Floats, kept: NDArray[np.bool_], most: float) -> tuple[float, Floats, Floats] | None:
        """v, weights and noise near these with nothing left; None where there are none that are not negative."""
        assert self.noises is not None
        count, target = self.columns.shape[1], self.behaviour.moments.reshape(-1)
        table = np.hstack([self.columns, -target[:, None], -self.noises])
        table = np.vstack([np.concatenate([np.zeros(count), np.ones(table.shape[1] - count)]), table])
        for _ in range(3):
            left = np.concatenate([[1.0], np.zeros(len(target))]) - table @ x
            x[kept] += np.linalg.lstsq(table[:, kept], left, rcond=1e-12)[0]
        weights, u = x[:count], x[count + 1 :]
        if min(x.min(), weights.sum()) < 0.0 or not x[count] > 0.0:
            return None
        weights, v = weights / weights.sum(), min(float(x[count]), most, 1.0)
        u = u / u.sum() if u.any() else np.full(len(u), 1.0 / len(u))
        missed = np.abs(self.columns @ weights - v * target - (1.0 - v) * (self.noises @ u)).max()
        return (v, weights, u) if missed <= 0.5 * v * WITHIN else None

    def _least(self, weights: Floats, most: float) -> float:
        """The least quotient of a probability of the mixture and of the behaviour."""
        scenario = self.behaviour.scenario
        rows = scenario.probability_rows()
        p, q = rows @ self.behaviour.moments.reshape(-1), rows @ (self.columns @ weights)
        uniform = rows @ Behaviour.uniform(scenario).moments.reshape(-1)
        below = p + WITHIN * (q - uniform)
        own = below > 0.0
        return max(0.0, min(1.0, most, float((q[own] / below[own]).min(initial=1.0)) * (1.0 - 1e-13)))

    def _explicit(self, v: float, weights: Floats, shares: Floats | None, name: str) -> ExplicitMixture | None:
        if not v > 0.0:
            return None
        scenario, local = self.behaviour.scenario, name == "local" and shares is not None
        used = weights[: self.points] > 0.0
        if local:
            used |= np.asarray(shares) > 0.0
        others = weights[self.points :]
        return ExplicitMixture(
            value=v,
            behaviour=self.behaviour,
            model="quantum" if self.quantum else "local",
            noise=name,
            points=tuple(points_of(scenario, self.columns[:, : self.points][:, used])),
            strategies=tuple(s for s, w in zip(self.strategies, others, strict=True) if w > 0.0),
            weights=np.concatenate([weights[: self.points][used], others[others > 0.0]]),
            shares=np.asarray(shares)[used] if local else None,
            given=None if name != "given" or self.noises is None else self.noises[:, 0],
        )


def explicit_visibility(
    behaviour: Behaviour,
    model: Adversary,
    noises: Floats | None,
    proven: tuple[BellExpression, float],
    name: str,
) -> ExplicitMixture | None:
    """Explicit strategies that have v of a behaviour and the rest noise, for the largest v found; None if none is.

    Parameters
    ----------
    noises : (coordinates, J) moments of the noises that may be mixed, or None for any noise
    model : Local() or Quantum(level); of others nothing is known
    proven : an expression whose best devices are tried first, and an upper bound: what is within :data:`CLOSE` of it is
        enough
    name : of the noise: "white", "local", "general", or "given", to which no white noise may be added
    """
    scenario, (first, upper) = behaviour.scenario, proven
    quantum = isinstance(model, Quantum)
    if not (quantum or isinstance(model, Local)) or math.prod(scenario.count_deterministic()) > MOST_COLUMNS:
        return None
    vertices = np.asarray(Local().relax(scenario).coordinates.toarray(), dtype=np.float64)
    mixing = _Mixing(behaviour, noises, vertices, vertices.shape[1], quantum)
    best: ExplicitMixture | None = None
    last, dimension = -1.0, max(2, *(k for party in scenario.outcomes for k in party))
    rounds, starts = (pair[not scenario.is_binary] for pair in (ROUNDS, STARTS))
    if quantum:
        mixing.add(see_saw(first, dimension, starts, rounds)[1])
    for turn in range(rounds):
        answer = mixing.solve()
        if answer is None:
            break
        result, expression = answer
        found = mixing.mixture(result, name, max(upper, 0.0))
        if found is not None and (best is None or found.value > best.value):
            best = found
        value = 0.0 if best is None else best.value
        if not quantum or value - last < LITTLE or value >= upper - CLOSE or not go_on():
            break
        last = value
        size = float(np.abs(expression).max(initial=0.0))
        if not size:
            break
        table = BellExpression(scenario, (expression / size).reshape(scenario.shape))
        gain, strategy = see_saw(table, dimension, starts, turn)
        if gain <= LITTLE:
            break
        mixing.add(strategy)
    return best
