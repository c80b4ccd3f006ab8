r"""XOR privacy amplification of Hanggi et al.: general attacks, universally composable, random linear hashing.

n boxes with CHSH errors eps_i (probability that x XOR y differs from u v, for uniform inputs) held by Alice, Bob and a
(2n+1)-partite no-signaling Eve: the XOR of Alice's outcomes is within ``1/2 prod(4 eps_i)`` of uniform (Lemma 6, and
14 for any boxes), so random linear functions of them make a key of ``1 - h(delta) - log2(1 + 4 eps)`` bits per box,
with delta the probability that the outcomes of the key's settings differ.

**What is proven.** :func:`distance` holds for n boxes whose joint distribution is known to be a product (or a
mixture, with the average taken over it). The estimate (Lemma 21) only says that other error patterns are improbable,
and the bound may not be applied to the probable ones alone (docs/papers.md): :func:`key_rate`, :func:`key_length` and
:func:`finite_length` are the printed claims, proven for independent boxes. :func:`proven_rate`,
:func:`proven_key_length` and :func:`proven_finite_length` hold for any boxes (``linear_hashing``), and :func:`simulate`
uses them.

Letters: eps is the CHSH error, delta the error of the key bits, n the boxes of the key, k the boxes tested.

>>> round(key_rate(0.2, 0.02), 5)
0.01056
>>> round(threshold(), 5)
0.95721
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.boxes.guessing import guessing_program
from sdpbound.protocols.formulas import linear_hashing, xor_lengths
from sdpbound.protocols.formulas.information import binary_entropy
from sdpbound.protocols.formulas.ranges import answer, chsh_error, number, together, within
from sdpbound.protocols.running.sampling import require_settings
from sdpbound.protocols.running.xor_amplification import simulate
from sdpbound.protocols.xor_key_lengths import (
    average_distance,
    distance,
    estimated_error,
    estimation_failure,
    finite_length,
    key_length,
    proven_finite_length,
    proven_key_length,
    xor_distance,
)

__all__ = [
    "average_distance",
    "behaviour",
    "behaviour_errors",
    "best_quantum_point",
    "distance",
    "estimated_error",
    "estimation_failure",
    "finite_length",
    "guessing_program",
    "individual_rate",
    "key_length",
    "key_rate",
    "largest_delta",
    "largest_eps",
    "largest_equal_error",
    "largest_quantum_delta",
    "noisy_errors",
    "proven_finite_length",
    "proven_key_length",
    "proven_rate",
    "quantum_boundary",
    "simulate",
    "threshold",
    "xor_distance",
]


@overload
def key_rate(eps: float, delta: float) -> float: ...
@overload
def key_rate(eps: ArrayLike, delta: ArrayLike) -> Floats: ...
def key_rate(eps: ArrayLike, delta: ArrayLike) -> float | Floats:
    """Hanggi et al., Eq. (13), Lemma 19: asymptotic key rate ``1 - h(delta) - log2(1 + 4 eps)``.

    In bits per box, signed.

    Parameters
    ----------
    eps : CHSH error averaged over the four inputs, in [0, 1/4]
    delta : error of the key bits, in [0, 1/2]
    """
    e, d = together(eps=chsh_error(eps), delta=within(delta, "delta", 0.0, 0.5))
    return answer(xor_lengths.rate(e, d))


@overload
def individual_rate(eps: float, delta: float) -> float: ...
@overload
def individual_rate(eps: ArrayLike, delta: ArrayLike) -> Floats: ...
def individual_rate(eps: ArrayLike, delta: ArrayLike) -> float | Floats:
    """``1 - h(delta) - 4 eps``: the rate against individual attacks, for comparison. Signed.

    Eve's best attack on one box (Lemma 20) is an erasure channel that shows her the outcome with probability 4 eps, so
    I(A:E) = 4 eps; never below :func:`key_rate`, since ``log2(1 + t) >= t`` for t in [0, 1].
    """
    e, d = together(eps=chsh_error(eps), delta=within(delta, "delta", 0.0, 0.5))
    return answer(1.0 - binary_entropy(d) - 4.0 * e)


@overload
def largest_eps(delta: float) -> float: ...
@overload
def largest_eps(delta: ArrayLike) -> Floats: ...
def largest_eps(delta: ArrayLike) -> float | Floats:
    """Hanggi et al., Corollary 2: the CHSH error below which the key rate is positive, ``2^(-h(delta) - 1) - 1/4``."""
    d = within(delta, "delta", 0.0, 0.5)
    return answer(np.exp2(-binary_entropy(d) - 1.0) - 0.25)


@overload
def largest_delta(eps: float) -> float: ...
@overload
def largest_delta(eps: ArrayLike) -> Floats: ...
def largest_delta(eps: ArrayLike) -> float | Floats:
    """The key error at which the key rate vanishes at CHSH error ``eps``: the inverse of :func:`largest_eps`."""
    e = chsh_error(eps)
    target = 1.0 - np.log2(1.0 + 4.0 * e)
    low, high = np.zeros(e.shape), np.full(e.shape, 0.5)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = binary_entropy(middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return answer(0.5 * (low + high))


def largest_equal_error() -> float:
    """Where the key rate vanishes if both errors are equal, eps = delta: 0.106326.

    Quantum boxes have eps = delta at (2 - sqrt 2)/4 = 0.1464 or above, so that they need another setting for the key
    (Hanggi et al., after Corollary 2).
    """
    return float(brentq(lambda e: float(xor_lengths.rate(np.asarray(e), np.asarray(e))), 0.0, 0.25, xtol=1e-16))


@overload
def proven_rate(eps: float, delta: float) -> float: ...
@overload
def proven_rate(eps: ArrayLike, delta: ArrayLike) -> Floats: ...
def proven_rate(eps: ArrayLike, delta: ArrayLike) -> float | Floats:
    """Proven asymptotic rate in bits per box, tested boxes counted, with the best fraction tested.

    ``max over t of (1 - t)(1 - h(delta)) + min_theta [t D(eps || theta) - (1 - t) log2(1 + 4 theta)]``, at least 0;
    positive exactly where :func:`key_rate` is. A lower bound against general attacks, universally composable.
    """
    e, d = together(eps=chsh_error(eps), delta=within(delta, "delta", 0.0, 0.5))
    return answer(linear_hashing.best_rate(e, np.full(e.shape, 2.0), binary_entropy(d)))


@overload
def quantum_boundary(delta: float) -> float: ...
@overload
def quantum_boundary(delta: ArrayLike) -> Floats: ...
def quantum_boundary(delta: ArrayLike) -> float | Floats:
    """The smallest CHSH error of quantum mechanics at key error delta (Hanggi et al., Figure 4; formula derived).

    ``(4 - cos a - 3 cos((pi - a)/3))/8`` with ``cos a = 1 - 2 delta``: four unit vectors whose first angle is a reach
    the smallest error with the other three angles equal, (pi - a)/3 each. Its minimum is (2 - sqrt 2)/4, at delta
    equal to it.
    """
    d = within(delta, "delta", 0.0, 0.5)
    a = np.arccos(1.0 - 2.0 * d)
    return answer((4.0 - np.cos(a) - 3.0 * np.cos((np.pi - a) / 3.0)) / 8.0)


def best_quantum_point() -> tuple[float, float, float]:
    """(rate, delta, eps) of the largest key rate on the :func:`quantum_boundary`: 0.20305 at delta = 0.00114."""
    found = minimize_scalar(
        lambda a: -key_rate(quantum_boundary(np.sin(a / 2) ** 2), np.sin(a / 2) ** 2),
        bounds=(0.0, 0.5),
        method="bounded",
        options={"xatol": 1e-12},
    )
    delta = float(np.sin(found.x / 2) ** 2)
    return -float(found.fun), delta, quantum_boundary(delta)


def largest_quantum_delta() -> tuple[float, float]:
    """(delta, eps) where the boundary of positive rates meets the quantum boundary: (0.05660, 0.15226)."""
    delta = float(brentq(lambda d: key_rate(quantum_boundary(d), d), 0.01, 0.14, xtol=1e-16))
    return delta, quantum_boundary(delta)


def behaviour(visibility: float = 1.0, angle: float = np.pi / 6) -> Behaviour:
    """The box of Hanggi et al., Protocol 1 (Figures 13, 14): Alice's angles 0 and ``angle``, Bob's 0 and ``-angle``.

    Singlets with one party's bit flipped: correlators ``v cos 2(a - b)``. At 30 degrees the errors of the inputs
    (0,0), (0,1), (1,0), (1,1) are 0, 1/4, 1/4, 1/4, so eps = 0.1875 and delta = 0 at visibility 1.
    """
    v = number(within(visibility, "visibility", 0.0, 1.0), "visibility")
    t = number(within(angle, "angle", -np.pi, np.pi), "angle")
    alice, bob = np.array([0.0, t]), np.array([0.0, -t])
    return Behaviour.from_correlators(v * np.cos(2.0 * (alice[:, None] - bob[None, :])))


def behaviour_errors(behaviour: Behaviour) -> Floats:
    """Errors of a box, ``P(x XOR y differs from u v)``, as an array of shape (2, 2) over the inputs (u, v).

    Their mean is the CHSH error eps; the key's error delta is that of (0, 0).
    """
    p = require_settings(behaviour, 2, 2).p
    differ = p[0, 1] + p[1, 0]
    differ[1, 1] = 1.0 - differ[1, 1]
    return np.asarray(differ)


@overload
def noisy_errors(visibility: float, matched: bool = ...) -> tuple[float, float]: ...
@overload
def noisy_errors(visibility: ArrayLike, matched: bool = ...) -> tuple[Floats, Floats]: ...
def noisy_errors(visibility: ArrayLike, matched: bool = False) -> tuple[float | Floats, float | Floats]:
    """(eps, delta) of noisy singlets: Protocol 1's box, or ``matched``.

    Protocol 1 has ``eps = 3 v/16 + (1 - v)/2``. ``matched``: the settings of the CHSH maximum, ``eps = 1/2 - v/(2 sqrt
    2)``, and one more setting of Bob, equal to Alice's first, for the key. delta is ``(1 - v)/2`` for both.
    """
    v = within(visibility, "visibility", 0.0, 1.0)
    eps = 0.5 - v / (2.0 * np.sqrt(2.0)) if matched else 0.1875 * v + (1.0 - v) / 2.0
    return answer(eps), answer((1.0 - v) / 2.0)


def threshold(matched: bool = False, individual: bool = False) -> float:
    """The visibility at which the rate at :func:`noisy_errors` vanishes: 0.957208; 0.921973 if ``matched``.

    ``individual``: of :func:`individual_rate`; 0.903829 if ``matched``. For other boxes see
    ``protocols.vanishing_visibilities``.
    """
    rate = individual_rate if individual else lambda eps, delta: answer(xor_lengths.rate(eps, delta))

    def at(v: float) -> float:
        eps, delta = noisy_errors(v, matched)
        return float(rate(min(eps, 0.25), delta))

    return float(brentq(at, 0.75, 1.0, xtol=1e-16))
