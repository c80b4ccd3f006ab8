"""Newton's method for the best multipliers, once the strategies of the optimal mixture are roughly known.

The method minimises ``max_k psi_k(m) - m . values`` over the multipliers m. psi_k is the local maximum over the angles
t of ``F(m, t) = G(K(m, t))`` near the k-th strategy. By the envelope theorem psi_k has the gradient F_m, which is the
tested values of the strategy, and the Hessian F_mm - F_mt (F_tt)^-1 F_tm. A step minimises the maximum of the linear
models plus the mean of the quadratic models with the weights of the mixture. No proof uses this module's results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.engine import Batch, Engine
from sdpbound.entropies.qubits.problem import QubitProblem, frame

__all__ = ["Maxima", "follow_maxima", "newton_improvement"]

LN2 = float(np.log(2.0))
_PRECISION, _STEPS, _ROUNDS = 1e-9, 40, 8
_LARGEST_TURN = 0.3
#: The least curvature by the angles of a point that counts as a maximum.
_CURVED = 1e-4
_FLATTEST = 1e-7
#: A step that gains less than this many bits is the last.
_GAIN = 1e-11


@dataclass(frozen=True, eq=False)
class Maxima:
    """Angles (n,) where the functional comes close to the entropy, and the engine's hints there."""

    a: Floats
    b: Floats
    hints: Floats


@dataclass(frozen=True, eq=False)
class _Model:
    """The value (n,), gradient (n, J) and Hessian (n, J, J) of each maximum, in bits.

    The angles of a maximum follow a change of the multipliers: a step d changes them by ``turns + following @ d``.
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
) -> tuple[Floats, Maxima]:
    """Improve the multipliers, and return them with the maxima there.

    ``fixed`` has the tested values (k, J) and the entropies (k,) of strategies that do not change with the multipliers,
    such as deterministic ones. G has a corner where two fixed strategies tie, so they are not among the ``maxima``.
    """
    weights = np.full(len(maxima.a), 1.0 / max(len(maxima.a), 1))
    tests, entropies = fixed
    sizes = np.maximum(problem.sizes, 1e-300)
    model, maxima = _model(problem, engine, multipliers, maxima)
    for _ in range(_ROUNDS):
        quadratic = np.tensordot(weights[: len(maxima.a)], model.hessians, axes=(0, 0))
        values = np.concatenate([model.values, tests @ multipliers - entropies])
        gradients = np.concatenate([model.gradients, tests]) - problem.values
        try:
            step, weights = _step(values, gradients / sizes, quadratic / np.outer(sizes, sizes))
        except RuntimeError:  # the non-negative least squares did not converge
            break
        step = step / sizes
        if not np.isfinite(step).all():
            break
        objective = float(values.max() - multipliers @ problem.values)
        length = 1.0
        while True:
            trial = multipliers + length * step
            turns = np.clip(model.turns + length * (model.following @ step), -_LARGEST_TURN, _LARGEST_TURN)
            moved = Maxima(maxima.a + turns[:, 0], maxima.b + turns[:, 1], maxima.hints)
            other, moved = _model(problem, engine, trial, moved)
            most = max(
                float(other.values.max(initial=-np.inf)), float((tests @ trial - entropies).max(initial=-np.inf))
            )
            drop = objective - most + float(trial @ problem.values)
            if drop > -1e-9 or length < 0.1:
                break
            length *= 0.4
        if drop < -1e-9:
            break
        multipliers, maxima, model = trial, moved, other
        if abs(drop) < _GAIN:
            break
    return multipliers, maxima


def follow_maxima(problem: QubitProblem, engine: Engine, multipliers: Floats, maxima: Maxima, steps: int) -> Maxima:
    """Move the maxima to the given multipliers, by Newton's method for the angles alone."""
    for _ in range(steps):
        model, maxima = _model(problem, engine, multipliers, maxima)
        turns = np.clip(model.turns, -_LARGEST_TURN, _LARGEST_TURN)
        if np.abs(turns).max(initial=0.0) < 1e-6:
            break
        maxima = Maxima(maxima.a + turns[:, 0], maxima.b + turns[:, 1], maxima.hints)
    return maxima


def _model(problem: QubitProblem, engine: Engine, multipliers: Floats, maxima: Maxima) -> tuple[_Model, Maxima]:
    expression = np.tensordot(multipliers, problem.tests, axes=(0, 0))
    alice, bob = frame(maxima.a), frame(maxima.b)
    tables = LN2 * alice.transpose(0, 2, 1) @ expression @ bob
    batch = Batch(engine, tables, maxima.hints)
    batch.solve(_PRECISION, _STEPS)
    moments = engine.moments(tables, batch.hints)
    second = LN2 * engine.curvature(tables, batch.hints)
    # derivatives of K by the multipliers and by the angles; second derivatives by the angles, against the moments
    da, db = _derivative(maxima.a), _derivative(maxima.b)
    by_m = np.einsum("nri,jrs,nsk->njik", alice, problem.tests, bob)
    by_a = da.transpose(0, 2, 1) @ expression @ bob
    by_b = alice.transpose(0, 2, 1) @ expression @ db
    by_ab = da.transpose(0, 2, 1) @ expression @ db
    rates = np.concatenate([by_m, by_a[:, None], by_b[:, None]], axis=1).reshape(len(tables), -1, 9)
    flat = moments.reshape(-1, 9)
    first = (rates @ flat[:, :, None])[:, :, 0]
    hessian = rates @ second @ rates.transpose(0, 2, 1)
    count = len(multipliers)
    hessian[:, count, count] -= _part(alice, expression, bob, moments, 0)
    hessian[:, count + 1, count + 1] -= _part(alice, expression, bob, moments, 1)
    mixed = (by_ab * moments).sum(axis=(1, 2))
    hessian[:, count, count + 1] += mixed
    hessian[:, count + 1, count] += mixed
    for k, change in (
        (count, np.einsum("nri,jrs,nsk,nik->nj", da, problem.tests, bob, moments)),
        (count + 1, np.einsum("nri,jrs,nsk,nik->nj", alice, problem.tests, db, moments)),
    ):
        hessian[:, k, :count] += change
        hessian[:, :count, k] += change
    e, v = np.linalg.eigh(-hessian[:, count:, count:])
    concave = np.where(e > _CURVED, 1.0 / np.maximum(e, _CURVED), 0.0)
    inverse = (v * concave[:, None, :]) @ v.transpose(0, 2, 1)
    uphill = (v / np.where(e > _CURVED, e, np.maximum(np.abs(e), 0.1))[:, None, :]) @ v.transpose(0, 2, 1)
    slope, cross = first[:, count:, None], hessian[:, count:, :count]
    following = inverse @ cross
    model = _Model(
        values=batch.values / LN2 + 0.5 * (slope * (inverse @ slope)).sum(axis=(1, 2)),
        gradients=first[:, :count] + (following.transpose(0, 2, 1) @ slope)[:, :, 0],
        hessians=hessian[:, :count, :count] + cross.transpose(0, 2, 1) @ following,
        turns=(uphill @ slope)[:, :, 0],
        following=following,
    )
    return model, Maxima(maxima.a, maxima.b, batch.hints)


def _part(alice: Floats, expression: Floats, bob: Floats, moments: Floats, side: int) -> Floats:
    """The part (n,) of the functional's mean at each maximum that comes from A' (side 0) or B' (side 1)."""
    if side == 0:
        return np.asarray(np.einsum("ni,s,nsk,nik->n", alice[:, 2], expression[2], bob, moments), dtype=np.float64)
    return np.asarray(np.einsum("nri,r,nk,nik->n", alice, expression[:, 2], bob[:, 2], moments), dtype=np.float64)


def _derivative(angles: Floats) -> Floats:
    """The derivative (n, 3, 3) of the frames by the angle."""
    out = np.zeros((len(angles), 3, 3))
    out[:, 2, 1], out[:, 2, 2] = -np.sin(angles), np.cos(angles)
    return out


def _step(values: Floats, gradients: Floats, quadratic: Floats) -> tuple[Floats, Floats]:
    """The minimiser d of max_k (values_k + gradients_k . d) + d . quadratic d / 2, and its multipliers (n,).

    Let t be the maximum. The code replaces t by ``t + e t^2 / 2``, and shifts the values so that t is nearly zero. This
    makes a problem of least distance, which non-negative least squares solve (Lawson and Hanson).
    """
    e = 0.1
    curvatures, axes = np.linalg.eigh(quadratic)
    axes = axes / np.sqrt(np.maximum(curvatures, _FLATTEST * max(float(curvatures[-1]), 1e-3)))
    rows = np.hstack([-gradients @ axes, np.full((len(values), 1), e**-0.5)])
    right = values - values.max() + 1.0 / e
    weights, _ = nnls(np.vstack([rows.T, right]), np.concatenate([np.zeros(rows.shape[1]), [1.0]]))
    rest = rows.T @ weights
    step = axes @ (rest[:-1] / (1.0 - right @ weights))
    return step, weights / weights.sum()
