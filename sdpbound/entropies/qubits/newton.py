"""Newton's method for the best multipliers, once the strategies of the optimal mixture are roughly known.

The method minimises ``max_k psi_k(m) - m . values`` over the multipliers m. psi_k is the local maximum over the angles
t of ``F(m, t) = G(K(m, t))`` near the k-th strategy. By the envelope theorem psi_k has the gradient F_m, which is the
tested values of the strategy, and the Hessian F_mm - F_mt (F_tt)^-1 F_tm. A step minimises the maximum of the linear
models plus the mean of the quadratic models with the weights of the mixture. No proof uses this module's results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.conic.programs.minimax import least_maximum
from sdpbound.entropies.qubits.columns import LN2
from sdpbound.entropies.qubits.engine import Batch, Engine
from sdpbound.entropies.qubits.problem import QubitProblem

__all__ = ["Maxima", "Model", "follow_maxima", "newton_improvement"]

_PRECISION, _STEPS, _ROUNDS = 1e-9, 40, 12
#: A step may lose this many bits. Near the local set the functions grow like exponentials: Newton's method goes from
#: their flat sides to the steep ones in one step, and comes back in a few.
_RISE = 1e-2
_LARGEST_TURN = 0.3
#: The least curvature by the angles of a point that counts as a maximum.
_CURVED = 1e-4
_FLATTEST = 1e-13
#: A step that gains less than this many bits is the last.
_GAIN = 1e-11


@dataclass(frozen=True, eq=False)
class Maxima:
    """Angles (n,) where the functional comes close to the entropy, and the engine's hints there."""

    a: Floats
    b: Floats
    hints: Floats


@dataclass(frozen=True, eq=False)
class Model:
    """The value (n,), gradient (n, J) and Hessian (n, J, J) of each maximum, in bits.

    They are those after a step of Newton's method for the angles. The angles of a maximum follow a change of the
    multipliers: a step d changes them by ``turns + following @ d``.
    """

    values: Floats
    gradients: Floats
    hessians: Floats
    turns: Floats  # (n, 2)
    following: Floats  # (n, 2, J)


def newton_improvement(
    problem: QubitProblem,
    engine: Engine,
    multipliers: Floats,
    maxima: Maxima,
    fixed: tuple[Floats, Floats],
    steepness: float = 0.0,
) -> tuple[Floats, Maxima]:
    """Improve the multipliers, and return them with the maxima there.

    ``fixed`` has the tested values (k, J) and the entropies (k,) of strategies that do not change with the multipliers,
    such as deterministic ones. G has a corner where two fixed strategies tie, so they are not among the ``maxima``.
    ``steepness`` is what half the square of a multiplier costs, in bits, the multiplier in bits per size of its test.
    """
    weights = np.full(len(maxima.a), 1.0 / max(len(maxima.a), 1))
    tests, entropies = fixed
    sizes = np.maximum(problem.sizes, 1e-300)

    def objective(model: Model, at: Floats) -> float:
        most = max(float(model.values.max(initial=-np.inf)), float((tests @ at - entropies).max(initial=-np.inf)))
        return most - float(at @ problem.values) + 0.5 * steepness * float(np.square(sizes * at).sum())

    model, maxima = _model(problem, engine, multipliers, maxima)
    now = objective(model, multipliers)
    best = now, multipliers, maxima
    for _ in range(_ROUNDS):
        quadratic = np.tensordot(weights[: len(maxima.a)], model.hessians, axes=(0, 0))
        values = np.concatenate([model.values, tests @ multipliers - entropies])
        gradients = (np.concatenate([model.gradients, tests]) - problem.values) / sizes
        gradients += steepness * sizes * multipliers
        quadratic = quadratic / np.outer(sizes, sizes) + steepness * np.eye(len(sizes))
        try:
            step, weights = least_maximum(values, gradients, quadratic, _FLATTEST)
        except RuntimeError:  # the non-negative least squares did not converge
            break
        step = step / sizes
        if not np.isfinite(step).all():
            break
        length = 1.0
        while True:
            trial = multipliers + length * step
            turns = np.clip(model.turns + length * (model.following @ step), -_LARGEST_TURN, _LARGEST_TURN)
            moved = Maxima(maxima.a + turns[:, 0], maxima.b + turns[:, 1], maxima.hints)
            other, moved = _model(problem, engine, trial, moved)
            drop = now - objective(other, trial)
            if drop > -_RISE or length < 0.1:
                break
            length *= 0.4
        if not drop > -_RISE:
            break
        multipliers, maxima, model, now = trial, moved, other, now - drop
        if now < best[0]:
            best = now, multipliers, maxima
        if abs(drop) < _GAIN:
            break
    return best[1], best[2]


def follow_maxima(problem: QubitProblem, engine: Engine, multipliers: Floats, maxima: Maxima, steps: int) -> Maxima:
    """Move the maxima to the given multipliers, by Newton's method for the angles alone."""
    for _ in range(steps):
        model, maxima = _model(problem, engine, multipliers, maxima)
        turns = np.clip(model.turns, -_LARGEST_TURN, _LARGEST_TURN)
        if np.abs(turns).max(initial=0.0) < 1e-6:
            break
        maxima = Maxima(maxima.a + turns[:, 0], maxima.b + turns[:, 1], maxima.hints)
    return maxima


def _model(problem: QubitProblem, engine: Engine, multipliers: Floats, maxima: Maxima) -> tuple[Model, Maxima]:
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_search import model, tables_at

    n, count = len(maxima.a), len(multipliers)
    expression = (multipliers @ problem.tests.reshape(count, 9)).reshape(3, 3)
    tables = np.empty((n, 3, 3))
    tables_at(expression, maxima.a, maxima.b, LN2, tables.reshape(n, 9))
    batch = Batch(engine, tables, maxima.hints)
    batch.solve(_PRECISION, _STEPS)
    moments = engine.moments(tables, batch.hints)
    second = LN2 * engine.curvature(tables, batch.hints)
    found = Model(
        values=batch.values / LN2,
        gradients=np.empty((n, count)),
        hessians=np.empty((n, count, count)),
        turns=np.empty((n, 2)),
        following=np.empty((n, 2, count)),
    )
    model(
        expression,
        problem.tests,
        maxima.a,
        maxima.b,
        moments.reshape(n, 9),
        second,
        _CURVED,
        found.values,
        found.gradients,
        found.hessians,
        found.turns,
        found.following,
    )
    return found, Maxima(maxima.a, maxima.b, batch.hints)
