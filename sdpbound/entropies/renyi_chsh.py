"""The least sandwiched Renyi entropy of Alice's outcome at a CHSH value, in closed form.

**Theorem.** Let Alice's setting x be one of the two of CHSH, with value S, and let p_a be Eve's states for her
outcomes, with sum s. For alpha > 1 and 1/alpha + 1/alpha' = 1 put

    Q = sum_a Tr (s^(-1/2alpha') p_a s^(-1/2alpha'))^alpha,    H_alpha(A|E) = -log2(Q) / (alpha - 1)   ("down").

With u = sqrt(max(S^2/4, 1) - 1), r = 1/alpha and H_r(p, 1 - p) = log2(p^r + (1-p)^r) / (1 - r), every quantum
strategy has

    Q <= q(S) = 2^(1-alpha) (((1+u)/2)^r + ((1-u)/2)^r)^alpha,    H_alpha(A|E) >= 1 - H_r((1+u)/2, (1-u)/2),

and Phi+, Phi- mixed with weights (1 +- u)/2, Alice measuring Z and X, attains both. q is concave in S and falls in |S|.
It is a closed form of the kind of arXiv:2507.07365, derived here.

**Proof.** 1. *Blocks.* Two observables of each party are block diagonal with blocks of size two (Jordan), which Eve may
be told, as well as purify the state in each: Q does not fall when she knows more (data processing). Q is the mean over
blocks, S too. So a concave bound in S for pure states of two qubits and Eve, measured in the plane of Z and X, is
enough.

2. *Form.* There Eve's states are the root of rho P_a root of rho, transposed, s is rho transposed, and with G = rho^r

    Q = sum_a Tr (P_a G P_a)^alpha.

3. *Bell states.* To conjugate rho, or to turn it by Y x Y, changes neither Q nor S, and the mean of two states with a
purification has no smaller Q (data processing again). So rho is real and commutes with Y x Y; turns of both parties in
the plane make it diagonal in Bell's basis. Let its eigenvalues be l_1, ..., l_4 for Phi+, Phi-, Psi+, Psi-, g_i =
l_i^r, and t_z = l_1 + l_2 - l_3 - l_4, t_x = l_1 - l_2 + l_3 - l_4. For a direction at angle w Alice's half of G is
(sum g +- root of (t_z'^2 cos^2 w + t_x'^2 sin^2 w)) / 4, twice for each outcome, where t' is made of g as t is of l. Q
rises with the root; so Q is at most its value at w = 0 or at a quarter turn, and S^2 <= 4 (t_z^2 + t_x^2) for all
directions. The two are alike but for the names of states; let it be w = 0.

4. *One line.* Q = F(l_1, l_2) + F(l_3, l_4) with F(a, b) = 2^(1-alpha) (a^r + b^r)^alpha, which is superadditive
(Minkowski for r < 1): Q <= F(l_1 + l_3, l_2 + l_4), which is q with u = |t_x|. As |t_z| <= 1, t_x^2 >= S^2/4 - 1, and F
falls with the difference of its arguments at a fixed sum.

5. *Concave.* q is constant where |S| <= 2. Beyond, dq/dS = (S/4) (dq/du)/u, and with u = tanh t, s = 1 - r the
number -(dq/du)/u is a constant times cosh(rt)^(alpha-1) sinh(st) cosh(t) / sinh(t). It rises with t, as the
derivative of its logarithm is s cosh(t) / (cosh(rt) sinh(st)) - 1 / (sinh(t) cosh(t)), and cosh(rt) sinh(st) =
(sinh(t) - sinh((1-2s)t)) / 2 <= s t cosh(t) <= s sinh(t) cosh^2(t).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.errors import InvalidParameter

__all__ = ["PowerTangent", "expm1", "least_renyi_entropy", "log1p", "power_tangent"]

#: A float, a flint.arb or an array of floats, as in sdpbound.finite_size.arithmetic.
Number = TypeVar("Number", float, flint.arb, Floats)


def expm1(x: Number) -> Number:
    """exp(x) - 1; infinite where floats overflow."""
    if isinstance(x, flint.arb):
        return x.exp() - 1  # balls have digits enough
    if isinstance(x, np.ndarray):
        return np.expm1(x)
    return math.expm1(x) if x < 700.0 else math.inf


def log1p(x: Number) -> Number:
    """log(1 + x); for floats at or below -1, minus infinity."""
    if isinstance(x, flint.arb):
        return x.log1p()
    if isinstance(x, np.ndarray):
        return np.log1p(np.maximum(x, -1.0))
    return math.log1p(x) if x > -1.0 else -math.inf


@dataclass(frozen=True)
class PowerTangent(Generic[Number]):
    """A tangent of q(S), above it for every S: ``q(S) <= 1 + excess - slope S``.

    Attributes
    ----------
    excess : the tangent at S = 0, less one; it is kept apart, for it is as small as alpha - 1
    slope : -dq/dS, positive
    entropy : the least entropy -log2(q) / (alpha - 1) at the point of contact, in bits
    """

    excess: Number
    slope: Number
    entropy: Number


def power_tangent(at: Number, beta: Number) -> PowerTangent[Number]:
    """The tangent of q at the CHSH value ``at`` in (2, 2 sqrt 2), for alpha = 1 + beta; floats, balls or arrays."""
    u = (at * at / 4 - 1).sqrt() if isinstance(at, flint.arb) else (at * at / 4 - 1) ** 0.5
    theta = beta / (1 + beta)  # 1 - 1/alpha
    rise = 0 * at
    parts = []
    for sign in (1, -1):
        chance = (1 + sign * u) / 2
        lift = expm1(-theta * _log(chance))  # chance^(r - 1) - 1
        parts.append(lift)
        rise = rise + chance * lift
    ln2 = _log(2 + 0 * at)
    exponent = (1 + beta) * log1p(rise) - beta * ln2  # log of q
    slope = _exp(exponent) * (parts[1] - parts[0]) / (1 + rise) / 2 * at / (4 * u)
    return PowerTangent(expm1(exponent) + slope * at, slope, -exponent / (beta * ln2))


def least_renyi_entropy(chsh: float, alpha: float) -> float:
    """The least sandwiched H_alpha(A|E) ("down") in bits at a CHSH value, for alpha > 1: a formula, in floats.

    >>> round(least_renyi_entropy(2.7, 1.2), 3), least_renyi_entropy(2.0, 2.0)
    (0.672, 0.0)
    """
    if not 1.0 < alpha < math.inf:
        raise InvalidParameter(f"alpha = {alpha!r:.60} must be a number above 1.")
    if not -math.sqrt(8.0) * (1 + 1e-12) <= chsh <= math.sqrt(8.0) * (1 + 1e-12):
        raise InvalidParameter(f"chsh = {chsh!r:.60} must be from -2 sqrt(2) to 2 sqrt(2).")
    u = math.sqrt(min(max(chsh * chsh / 4.0, 1.0) - 1.0, 1.0))
    theta = (alpha - 1.0) / alpha
    chances = [p for p in ((1.0 + u) / 2.0, (1.0 - u) / 2.0) if p > 0.0]
    mean = sum(p * expm1(-theta * math.log(p)) for p in chances)
    return max(0.0, 1.0 - log1p(mean) / (theta * math.log(2.0)))


def _log(x: Number) -> Number:
    if isinstance(x, flint.arb):
        return x.log()
    return np.log(x) if isinstance(x, np.ndarray) else math.log(x)


def _exp(x: Number) -> Number:
    if isinstance(x, flint.arb):
        return x.exp()
    return np.exp(x) if isinstance(x, np.ndarray) else math.exp(x)
