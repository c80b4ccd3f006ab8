"""The powers ``q = 2^(-s H)`` of Renyi entropies of explicit states.

Alice and Bob have the state rho, whose purification Eve holds, and the key's values have effects E_z on them. Eve's
sub-normalised state of value z is ``rho^(1/2) E_z rho^(1/2)``, up to a transpose. So ::

    sandwiched down   s = alpha - 1   q = sum_z Tr(rho^(1/(2 alpha)) E_z rho^(1/(2 alpha)))^alpha
    petz up           s = alpha - 1   q = (Tr(sum_z (rho^(1/2) E_z rho^(1/2))^alpha)^(1/alpha))^alpha
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

#: Steps to the best sigma: each brings it closer by a factor of three or more. And the noise in it.
_STEPS, _NOISE = 24, 1e-13

Matrices = NDArray[Any]


def powers(states: Matrices, roots: Matrices, exponent: float) -> Floats:
    """Q (n,) of states (n, d, d) for N_z (k, d, d), from below: that of a sigma which is optimal up to rounding.

    Steps go from S to ``R = S^(-1/2) (S^(1/2) rho S^(1/2))^(1/(1+s)) S^(-1/2)`` and to ``sigma_z = (N_z R N_z)^(1+e)``,
    e = s/(1-s), over the sum of their traces. Both maximise Q.
    """
    e, order = exponent / (1.0 - exponent), 1.0 / (1.0 + exponent)
    one = np.eye(states.shape[1])
    total = np.broadcast_to(one, states.shape).astype(states.dtype)
    best = np.zeros(len(states))
    for step in range(_STEPS):
        values, v = np.linalg.eigh(total)
        values = np.sqrt(np.maximum(values, 1e-300))
        root, back = _rebuilt(values, v), _rebuilt(1.0 / values, v)
        y, w = np.linalg.eigh(root @ states @ root)
        y = np.maximum(y, 0.0) ** order
        if step:  # the first S is that of no sigma
            best = np.maximum(best, y.sum(axis=1) ** (1.0 + exponent))
        r = back @ _rebuilt(y, w) @ back
        r = r / np.trace(r, axis1=1, axis2=2).real[:, None, None] + _NOISE * one
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
    return float((np.maximum(np.linalg.eigvalsh(total), 0.0) ** (1.0 / alpha)).sum() ** alpha)


def _rebuilt(e: Floats, v: Matrices) -> Matrices:
    return np.asarray((v * e[..., None, :]) @ v.conj().swapaxes(-1, -2))
