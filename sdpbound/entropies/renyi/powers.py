"""The powers ``q = 2^(-s H)`` of Renyi entropies of explicit states.

Alice and Bob have the state rho, whose purification Eve holds, and the key's values have effects E_z on them. Eve's
sub-normalised state of value z is ``rho^(1/2) E_z rho^(1/2)``, up to a transpose. So ::

    sandwiched down   s = alpha - 1   q = sum_z Tr(rho^(1/(2 alpha)) E_z rho^(1/(2 alpha)))^alpha
    petz up           s = alpha - 1   q = (Tr(sum_z (rho^(1/2) E_z rho^(1/2))^alpha)^(1/alpha))^alpha
    petz down         s = alpha - 1   q = sum_z Tr (rho^(1/2) E_z rho^(1/2))^alpha rho^(1 - alpha)
    sandwiched up     s = 1-1/alpha   q = Q(rho),

    Q(rho) = max over sigma of (Tr(S^(1/2) rho S^(1/2))^(1/(1+s)))^(1+s),   S = sum_z N_z sigma_z^s N_z,   N_z^2 = E_z,

with matrices sigma_z >= 0 whose traces add up to one: by duality (docs/renyi.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bounds.figures import RenyiEntropy

__all__ = ["power_of", "powers", "roots_of"]

#: Steps to the best sigma: each brings it closer by a factor of three or more. Smaller eigenvalues, relative to the
#: largest, are rounding.
_STEPS, _SMALLEST = 24, 1e-14

Matrices = NDArray[Any]


def powers(states: Matrices, roots: Matrices, exponent: float) -> Floats:
    """Q (n,) of states (n, d, d) for N_z (k, d, d), from below: that of a sigma which is optimal up to rounding.

    Steps go from S to ``R = rho^(1/2) (rho^(1/2) S rho^(1/2))^(1/(1+s) - 1) rho^(1/2)`` and from R to sigma_z, which is
    ``(N_z R N_z)^(1+e)``, e = s/(1-s), over the sum of the traces. Both maximise Q.
    """
    e, order = exponent / (1.0 - exponent), 1.0 / (1.0 + exponent)
    values, v = np.linalg.eigh(states)
    half = _rebuilt(np.sqrt(np.maximum(values, 0.0)), v)
    total = np.broadcast_to(np.eye(states.shape[1]), states.shape).astype(states.dtype)
    best = np.zeros(len(states))
    for step in range(_STEPS):
        y, w = np.linalg.eigh(half @ total @ half)
        seen = y > _SMALLEST * y.max(axis=1, keepdims=True)
        y = np.where(seen, y, 1.0)
        if step:  # the first S is that of no sigma
            best = np.maximum(best, (seen * y**order).sum(axis=1) ** (1.0 + exponent))
        r = half @ _rebuilt(seen * y ** (order - 1.0), w) @ half
        r = r / np.trace(r, axis1=1, axis2=2).real[:, None, None]
        total, trace = np.zeros_like(r), np.zeros(len(states))
        for n in roots:
            t, u = np.linalg.eigh(n @ r @ n)
            t = np.maximum(t, 0.0)
            trace += (t ** (1.0 + e)).sum(axis=1)
            total = total + n @ _rebuilt(t**e, u) @ n
        total = total / (trace**exponent)[:, None, None]
    return best


def roots_of(effects: Matrices) -> Matrices:
    """The roots (k, d, d) of effects."""
    e, v = np.linalg.eigh(effects)
    return _rebuilt(np.sqrt(np.maximum(e, 0.0)), v)


def power_of(figure: RenyiEntropy, state: Matrices, effects: Matrices) -> float:
    """``2^(-s H)`` of a state (d, d) and the effects (k, d, d) of the key's values, flips included."""
    if figure.form == "sandwiched up":
        return float(powers(state[None], roots_of(effects), figure.exponent)[0])
    alpha = figure.alpha
    e, v = np.linalg.eigh(state)
    e = np.maximum(e, 0.0)
    if figure.form == "sandwiched down":
        root = _rebuilt(e ** (0.5 / alpha), v)
        t = np.maximum(np.linalg.eigvalsh(root @ effects @ root), 0.0)
        return float((t**alpha).sum())
    root = _rebuilt(np.sqrt(e), v)
    values, u = np.linalg.eigh(root @ effects @ root)
    total = _rebuilt(np.maximum(values, 0.0) ** alpha, u).sum(axis=0)
    if figure.form == "petz down":
        seen = e > _SMALLEST * e.max()
        return float(np.trace(total @ _rebuilt(np.where(seen, np.where(seen, e, 1.0) ** (1.0 - alpha), 0.0), v)).real)
    return float((np.maximum(np.linalg.eigvalsh(total), 0.0) ** (1.0 / alpha)).sum() ** alpha)


def _rebuilt(e: Floats, v: Matrices) -> Matrices:
    return np.asarray((v * e[..., None, :]) @ v.conj().swapaxes(-1, -2))
