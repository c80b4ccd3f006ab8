r"""Families of Bell expressions with known bounds.

The main one is the three-parameter family of Wooltorton, Brown and Colbeck (arXiv:2309.09650, PRL 132, 210802; 'WBC'
below), which contains every self-test of the singlet by one linear function of the four correlators.

Four angles
-----------
With delta = pi/2 - phi, u = theta - delta, a = omega - pi/2 and w = pi - delta - u - a, the strategy of WBC Eq. (6) has
the correlators ``cos delta, cos a, cos u, -cos w`` for (x, y) = (0, 0), (0, 1), (1, 0), (1, 1), and

    cos(theta + phi) cos(phi) cos(theta + omega) cos(omega) = -sin(delta) sin(u) sin(a) sin(w).

The four angles add up to pi. Where all of them are positive, condition (4) holds, and the CHSH value is
``cos delta + cos u + cos a + cos w``. :func:`contour_at_chsh` and :func:`correlators_self_test` use these coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import entr

from sdpbound.arguments import instance, reals
from sdpbound.behaviour import DATA_TOLERANCE, Behaviour
from sdpbound.bell import BellExpression
from sdpbound.errors import InvalidParameter, InvalidShape
from sdpbound.noise import Noise, WhiteNoise
from sdpbound.scenario import Scenario
from sdpbound.strategies import Strategy

__all__ = [
    "SingletSelfTest",
    "asymmetric_chsh",
    "cglmp",
    "chained",
    "chsh",
    "contour_at_chsh",
    "correlators_self_test",
    "i3322",
    "mermin",
    "singlet_chsh",
    "singlet_chsh_maximum",
    "singlet_coefficients",
    "singlet_condition",
    "singlet_correlators",
    "singlet_local_bound",
    "singlet_quantum_bound",
    "singlet_strategy_value",
    "theta_at_chsh",
    "tilted_chsh",
]


#: A cosine below this is zero up to the rounding of its angle, and has no sign.
COSINE_ROUNDING = 1e-15


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidParameter(f"{name} = {value!r} must be a finite real number.")
    number = float(value)
    if not math.isfinite(number):
        raise InvalidParameter(f"{name} = {number} must be a finite number.")
    return number


def _count(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidParameter(f"{name} = {value!r} must be an integer of at least {least}.")
    return int(value)


# -- closed forms of the singlet family, on arrays ------------------------------------------------------------------


def _angles(
    theta: ArrayLike, phi: ArrayLike, omega: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    arrays = []
    for name, value in (("theta", theta), ("phi", phi), ("omega", omega)):
        try:
            array = reals(value, name)
        except InvalidShape:
            raise InvalidParameter(f"{name} must be an angle in radians or an array of them, not {value!r}.") from None
        finite = np.isfinite(array)
        if not finite.all():
            first = array[~finite].flat[0]
            raise InvalidParameter(f"{name} contains {first}; every angle must be a finite number of radians.")
        arrays.append(array)
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InvalidShape(f"theta, phi and omega of shapes {shapes} do not broadcast to one shape.") from None
    return arrays[0], arrays[1], arrays[2]


def _cosines(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """cos(theta + phi), cos(phi), cos(theta + omega), cos(omega)."""
    t, p, w = _angles(theta, phi, omega)
    return np.cos(t + p), np.cos(p), np.cos(t + w), np.cos(w)


def singlet_condition(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """Left side of WBC Eq. (4), ``cos(theta+phi) cos(phi) cos(theta+omega) cos(omega)``; self-testing where negative.

    Angles in radians, numbers or arrays that broadcast, here and in all functions ``singlet_*``; a NumPy scalar for
    numbers. Raises :class:`~sdpbound.errors.InvalidParameter` for NaN or infinity.

    >>> float(singlet_condition(0.0, 0.0, 0.0))
    1.0
    """
    c_tp, c_p, c_tw, c_w = _cosines(theta, phi, omega)
    return c_tp * c_p * c_tw * c_w


def singlet_coefficients(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """Coefficients of <A_x B_y> in WBC Eq. (2), shape (..., 2, 2) with x before y.

    >>> singlet_coefficients(0.0, 0.0, 0.0).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    c_tp, c_p, c_tw, c_w = np.broadcast_arrays(*_cosines(theta, phi, omega))
    table = np.empty((*c_tp.shape, 2, 2))
    table[..., 0, 0] = c_tp * c_tw * c_w
    table[..., 0, 1] = -c_tp * c_tw * c_p
    table[..., 1, 0] = -c_p * c_w * c_tw
    table[..., 1, 1] = c_p * c_w * c_tp
    return table


def singlet_local_bound(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The local maximum of WBC Eq. (2), in closed form: WBC Eq. (3),

        max over both signs of |cos(t+w) cos(w) (cos(t+p) +- cos(p))| + |cos(t+p) cos(p) (cos(t+w) +- cos(w))|.

    >>> round(float(singlet_local_bound(np.pi / 4, 0.0, np.pi / 2)), 12)
    0.5
    """
    c_tp, c_p, c_tw, c_w = _cosines(theta, phi, omega)
    first, second = c_tw * c_w, c_tp * c_p
    plus = np.abs(first * (c_tp + c_p)) + np.abs(second * (c_tw + c_w))
    minus = np.abs(first * (c_tp - c_p)) + np.abs(second * (c_tw - c_w))
    return np.maximum(plus, minus)


def singlet_strategy_value(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The value of WBC Eq. (2) on the strategy of Eq. (6), with its sign: Eq. (5),
    ``sin(theta) sin(omega - phi) sin(theta + omega + phi)``.

    >>> float(singlet_strategy_value(0.0, 1.0, 2.0))
    0.0
    """
    t, p, w = _angles(theta, phi, omega)
    return np.sin(t) * np.sin(w - p) * np.sin(t + w + p)


def singlet_quantum_bound(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    r"""The exact quantum maximum of WBC Eq. (2): |Eq. (5)| where (4) holds, the local bound (3) where it fails.

    Computed as the larger of |Eq. (5)| and Eq. (3), which is the same and needs no comparison of (4) with 0.

    Proof. Write P = cos(t+p) cos(t+w), q = cos(p) cos(w), so that (4) reads P q < 0, and c_xy for the coefficients. By
    Tsirelson's theorem the maximum is that of sum c_xy a_x . b_y over unit vectors; with k = b_0 . b_1 and the best
    a_x it is the maximum over -1 <= k <= 1 of the concave function

        f(k) = n_0 + n_1,   n_x = sqrt(c_x0^2 + c_x1^2 + 2 c_x0 c_x1 k),   c_00 c_01 = -P^2 q,   c_10 c_11 = -q^2 P.

    The endpoints k = +-1 are the deterministic strategies: the larger is Eq. (3). If P q >= 0, both terms are monotonic
    in the same direction, so that an endpoint is best and the maximum is local. If P q < 0, f'(k) = 0 gives

        k = [cos^2 p + cos^2 w - cos^2(t+p) - cos^2(t+w)] / (2 (q - P)) = cos(w - p),

    inside the interval (sin(w - p) = 0 would make P q >= 0), where n_0 = |P sin(w-p)|, n_1 = |q sin(w-p)| and
    f = |sin(w-p)| (|P| + |q|) = |sin(w-p) (P - q)| = |sin(t) sin(w-p) sin(t+w+p)|; f is strictly concave, so that this
    exceeds Eq. (3). In every case |Eq. (5)| = |sin(w-p)| |P - q| <= f(cos(w-p)) <= the maximum.

    >>> t = np.pi / 4                                                      # CHSH/sqrt(8) up to relabelling
    >>> values = singlet_quantum_bound(t * 2, t, -t), singlet_local_bound(t * 2, t, -t)
    >>> [round(float(v), 12) for v in values]
    [1.0, 0.707106781187]
    """
    return np.maximum(singlet_local_bound(theta, phi, omega), np.abs(singlet_strategy_value(theta, phi, omega)))


def singlet_correlators(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The correlators of the strategy of WBC Eq. (6), shape (..., 2, 2): ``<A_x B_y> = sin(a_x + b_y)`` with
    a = (0, theta), b = (phi, omega). Marginals are uniform.

    >>> np.round(singlet_correlators(np.pi / 3, np.pi / 2, 5 * np.pi / 6), 12).tolist()
    [[1.0, 0.5], [0.5, -0.5]]
    """
    t, p, w = np.broadcast_arrays(*_angles(theta, phi, omega))
    table = np.empty((*t.shape, 2, 2))
    table[..., 0, 0] = np.sin(p)
    table[..., 0, 1] = np.sin(w)
    table[..., 1, 0] = np.sin(t + p)
    table[..., 1, 1] = np.sin(t + w)
    return table


def singlet_chsh(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The largest of the eight CHSH values of the strategy of WBC Eq. (6), as in its Figures 1 and 2.

    >>> round(float(singlet_chsh(np.pi / 3, np.pi / 2, 5 * np.pi / 6)), 12)
    2.5
    """
    t, p, w = np.broadcast_arrays(*_angles(theta, phi, omega))
    e = [np.sin(p), np.sin(w), np.sin(t + p), np.sin(t + w)]
    total = e[0] + e[1] + e[2] + e[3]
    best = np.abs(total - 2.0 * e[0])
    for value in e[1:]:
        best = np.maximum(best, np.abs(total - 2.0 * value))
    return best


# -- the family -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SingletSelfTest:
    """A member of the family of WBC (arXiv:2309.09650), Eq. (2):

        cos(t+p) cos(t+w) <A0 (cos(w) B0 - cos(p) B1)> + cos(p) cos(w) <A1 (-cos(t+w) B0 + cos(t+p) B1)>,

    with t, p, w for theta, phi, omega. It self-tests the singlet where condition (4),
    ``cos(t+p) cos(p) cos(t+w) cos(w) < 0``, holds.

    Parameters
    ----------
    theta, phi, omega : float
        Angles in radians, any finite numbers. In WBC Eq. (6) theta is the angle of A1, phi of B0, omega of B1.

    Raises
    ------
    InvalidParameter
        An angle is NaN, infinite or not a number.

    >>> t = SingletSelfTest(theta=0.8, phi=1.2, omega=2.5)
    >>> t.is_self_test, round(t.local_bound, 6), round(t.quantum_bound, 6), round(t.chsh, 6)
    (True, 0.643984, 0.675683, 2.597554)
    >>> abs(t.expression(t.behaviour()) - t.strategy_value) < 1e-12
    True
    """

    theta: float
    phi: float
    omega: float

    def __post_init__(self) -> None:
        for name in ("theta", "phi", "omega"):
            object.__setattr__(self, name, _number(getattr(self, name), name))

    @property
    def parameters(self) -> tuple[float, float, float]:
        """(theta, phi, omega), in radians."""
        return self.theta, self.phi, self.omega

    @cached_property
    def expression(self) -> BellExpression:
        """The functional of Eq. (2)."""
        name = f"SingletSelfTest({self.theta:.6g}, {self.phi:.6g}, {self.omega:.6g})"
        return BellExpression.from_correlators(singlet_coefficients(*self.parameters), name=name)

    @property
    def condition(self) -> float:
        """Left side of condition (4)."""
        return float(singlet_condition(*self.parameters))

    @property
    def is_self_test(self) -> bool:
        """Whether condition (4) holds, with every cosine in it above the rounding of floats.

        So a point on the edge of (4), such as phi = ``math.pi / 2`` (a float just below pi/2), is none.
        """
        factors = np.abs(_cosines(*self.parameters))
        return self.condition < 0.0 and float(factors.min()) > COSINE_ROUNDING

    @property
    def local_bound(self) -> float:
        """The local maximum, Eq. (3); the local minimum is its negative."""
        return float(singlet_local_bound(*self.parameters))

    @property
    def quantum_bound(self) -> float:
        """The quantum maximum: |Eq. (5)| where (4) holds, the local bound where it fails; the minimum is its negative.

        Proof: :func:`singlet_quantum_bound`.
        """
        return float(singlet_quantum_bound(*self.parameters))

    @property
    def strategy_value(self) -> float:
        """Eq. (5) with its sign, the value of ``behaviour()``.

        Where negative, the maximum ``quantum_bound`` is attained by the same strategy with Bob's outcomes flipped.
        """
        return float(singlet_strategy_value(*self.parameters))

    @property
    def strategy(self) -> Strategy:
        """State and observables of Eq. (6): (|00> + i|11>)/sqrt(2); in the X-Y plane, A0 at 0, A1 at theta, B0 at phi,
        B1 at omega. Extremal where (4) holds."""
        x, y = np.array([[0, 1], [1, 0]], dtype=np.complex128), np.array([[0, -1j], [1j, 0]])

        def at(angle: float) -> NDArray[np.complex128]:
            return math.cos(angle) * x + math.sin(angle) * y

        state = np.array([1, 0, 0, 1j]) / math.sqrt(2.0)
        return Strategy.from_observables(state, [at(0.0), at(self.theta)], [at(self.phi), at(self.omega)])

    @property
    def correlators(self) -> NDArray[np.float64]:
        """The correlators of Eq. (6), ``sin(a_x + b_y)``, shape (2, 2)."""
        return singlet_correlators(*self.parameters)

    def behaviour(self, visibility: float = 1.0, noise: Noise | None = None) -> Behaviour:
        """The behaviour of Eq. (6), ``visibility * ideal + (1 - visibility) * uniform``; visibility in [0, 1].

        With ``noise``, of devices that suffer it besides, such as ``WhiteNoise(0.99) + DetectionInefficiency(0.95)``.

        >>> from sdpbound.noise import Dephasing
        >>> t = SingletSelfTest(0.8, 1.2, 2.5)  # dephasing along A0: its own correlations stay, those of others shrink
        >>> ratio = t.behaviour(noise=Dephasing(0.1, 0.0, "x")).correlators / t.correlators
        >>> [round(float(v), 6) for v in ratio.ravel()]
        [1.0, 1.0, 0.942826, 0.271352]
        """
        if noise is None:
            return Behaviour.from_correlators(self.correlators).white_noise(visibility)
        instance(noise, Noise, "noise", "WhiteNoise(0.99)")
        if visibility != 1.0:
            noise = WhiteNoise(visibility) + noise
        return self.strategy.behaviour(noise) if noise.needs_strategy else noise.on_behaviour(self.behaviour())

    @property
    def chsh(self) -> float:
        """The largest of the eight CHSH values of the ideal correlations."""
        return float(singlet_chsh(*self.parameters))

    @property
    def key_settings(self) -> tuple[int, int]:
        """The pair (x, y) whose ideal outcomes are the most correlated; (0, 0) in WBC Props. 3 to 6."""
        x, y = np.unravel_index(int(np.abs(self.correlators).argmax()), (2, 2))
        return int(x), int(y)

    @property
    def randomness_settings(self) -> tuple[int, int]:
        """The pair (x, y) whose ideal outcomes are the least correlated; (0, 1) in WBC Prop. 2, where omega = pi."""
        x, y = np.unravel_index(int(np.abs(self.correlators).argmin()), (2, 2))
        return int(x), int(y)

    def key_leak(self, x: int = 0, y: int = 0) -> float:
        """H(A|B, X=x, Y=y) of the ideal behaviour in bits, ``h((1 + |<A_x B_y>|)/2)``.

        For x = y = 0 it is h((1 + sin(phi))/2), the epsilon of WBC Prop. 3: where (4) holds, the ideal key rate is 1
        minus it.

        >>> round(SingletSelfTest(0.8, 1.2, 2.5).key_leak(), 6)
        0.213977
        """
        scenario = Scenario.bipartite(2, 2)
        c = self.correlators[scenario.require_setting(0, x, "x"), scenario.require_setting(1, y, "y")]
        p = (1.0 - abs(float(c))) / 2.0
        return float((entr(p) + entr(1.0 - p)) / math.log(2.0))

    def _repr_latex_(self) -> str:
        angles = rf"\theta={self.theta:.6g},\ \phi={self.phi:.6g},\ \omega={self.omega:.6g}"
        return rf"$\langle B\rangle_{{{angles}}} = {self.expression._repr_latex_()[1:-1]}$"


# -- members with a given CHSH value --------------------------------------------------------------------------------


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-14, rtol=4 * np.finfo(np.float64).eps))  # type: ignore[arg-type]


def singlet_chsh_maximum(phi: float) -> float:
    """The largest ideal CHSH value of the members with this phi that satisfy (4) (at phi = pi/2: of their limits).

    ``sin(phi) + 3 cos((pi/2 + phi)/3)``: of the angles u + a + w = pi - delta the equal ones are best (module
    docstring). It is 5/2 at phi = pi/2 (WBC Prop. 3).

    Parameters
    ----------
    phi : float
        In radians, in [0, pi/2]. For other angles use that phi -> pi - phi, -phi are relabellings.

    Raises
    ------
    InvalidParameter

    >>> round(singlet_chsh_maximum(np.pi / 2), 12), round(singlet_chsh_maximum(np.pi / 4), 12)
    (2.5, 2.828427124746)
    """
    phi = _require_phi(phi, 0.0, "0")
    return math.sin(phi) + 3.0 * math.cos((math.pi / 2 + phi) / 3.0)


def _require_phi(phi: float, low: float, text: str) -> float:
    value = _number(phi, "phi")
    if not low <= value <= math.pi / 2:
        raise InvalidParameter(f"phi = {value} must lie in [{text}, pi/2], in radians.")
    return value


def _curve_chsh(theta: float, delta: float) -> float:
    """cos(delta) + cos(u) + cos(a) + cos(w) at a = theta, u = theta - delta."""
    return math.cos(delta) + math.cos(theta) + math.cos(theta - delta) - math.cos(2.0 * theta)


def theta_at_chsh(s: float, phi: float) -> float:
    """On the curve omega = theta + pi/2, the theta in (pi/2 - phi, pi/3] whose ideal CHSH value is s.

    The CHSH value sin(phi) + cos(theta) + sin(theta + phi) - cos(2 theta) increases on this interval, from
    2 sin(phi) + 2 cos(phi)^2 (not included) to 1 + sin(phi) + cos(phi - pi/6); (2, 5/2] at phi = pi/2. Condition (4)
    holds on it if phi < pi/2; at pi/2 only in the limit, and all four correlators self-test (WBC Prop. 4).

    Parameters
    ----------
    s : float
        The CHSH value wanted.
    phi : float
        In radians, in [pi/6, pi/2].

    Returns
    -------
    float
        theta in radians, within 1e-14 of the root in floating point.

    Raises
    ------
    InvalidParameter
        phi or s is out of range; the message names the values of s that can be reached.

    >>> round(theta_at_chsh(2.5, np.pi / 2), 12), round(theta_at_chsh(2.1, np.pi / 2 - 0.02), 12)
    (1.047197551197, 0.31608735017)
    """
    phi = _require_phi(phi, math.pi / 6, "pi/6")
    s = _number(s, "s")
    delta = math.pi / 2 - phi
    low, high = _curve_chsh(delta, delta), _curve_chsh(math.pi / 3, delta)
    if not low < s <= high + 4e-15:
        raise InvalidParameter(
            f"s = {s} is not reached on the curve omega = theta + pi/2 at phi = {phi}: the CHSH values there are "
            f"({low:.12g}, {high:.12g}]; choose s in this interval, or phi closer to pi/2 for smaller s."
        )
    if s >= high:
        return math.pi / 3
    return _root(lambda theta: _curve_chsh(theta, delta) - s, delta, math.pi / 3)


def contour_at_chsh(s: float, phi: float, count: int) -> NDArray[np.float64]:
    """Members with this phi, condition (4) and the ideal CHSH value s, along one contour.

    In the four angles (module docstring) the members are u, a, w > 0 with u + a + w = pi - delta, and the contour is
    ``cos u + cos a + cos w = s - cos delta``. For each w it is explicit,

        cos((u - a)/2) = (s - cos(delta) - cos(w)) / (2 sin((w + delta)/2)).

    For s above 1 + cos(delta) + 2 sin(delta/2), always at phi = pi/2, the contour is closed; else it has three parts,
    each around a corner of the triangle, and the points lie on the part around w = pi - delta. The curve point
    omega = theta + pi/2 of :func:`theta_at_chsh` belongs to it.

    Parameters
    ----------
    s : float
        In (2, singlet_chsh_maximum(phi)].
    phi : float
        In radians, in [0, pi/2]. At pi/2 the points are limits of members: (4) is an equality, and all four
        correlators self-test.
    count : int
        Number of points wanted, at least 1.

    Returns
    -------
    array (k, 2), k <= count
        Rows (theta, omega) in radians, in order along the contour; the first is the curve point where there is one.
        Points on which rounding spoils (4) are left out.

    Raises
    ------
    InvalidParameter

    >>> points = contour_at_chsh(2.3, 1.5, 4)
    >>> np.round(singlet_chsh(points[:, 0], 1.5, points[:, 1]), 12).tolist()
    [2.3, 2.3, 2.3, 2.3]
    """
    phi = _require_phi(phi, 0.0, "0")
    s = _number(s, "s")
    count = _count(count, "count", 1)
    top = singlet_chsh_maximum(phi)
    if not 2.0 < s <= top + 4e-15:
        raise InvalidParameter(f"s = {s} is not reached at phi = {phi}: the CHSH values there are (2, {top:.12g}].")
    delta = math.pi / 2 - phi
    size = math.pi - delta
    centre = size / 3.0

    def excess(w: float) -> float:  # of the best u, a (equal) at this w; one maximum, at the centre
        return math.cos(delta) + math.cos(w) + 2.0 * math.sin((w + delta) / 2.0) - s

    curve = _curve_w(s, phi)
    if excess(centre) <= 0.0:  # s is the maximum, up to rounding
        w, sign = np.array([centre]), np.array([1.0])
    else:
        high = _root(excess, centre, size)
        if excess(0.0) < 0.0:
            low = _root(excess, 0.0, centre)
            middle, half = (low + high) / 2.0, (high - low) / 2.0
            start = 0.0 if curve is None else -math.acos(max(-1.0, min(1.0, (curve - middle) / half)))
            angle = start + 2.0 * math.pi * np.arange(count) / count
            w, sign = middle + half * np.cos(angle), np.where(np.sin(angle) >= 0.0, 1.0, -1.0)
        else:
            # the contour leaves the triangle where u or a is 0, at sin(w + delta/2) = edge
            edge = (s - 1.0 - math.cos(delta)) / (2.0 * math.sin(delta / 2.0))
            end = math.pi - delta / 2.0 - math.asin(min(1.0, edge))
            rest = count - (curve is not None)
            side = (2.0 * np.arange(rest) + 1.0) / max(rest, 1) - 1.0
            w, sign = high - (high - end) * side**2, np.where(side >= 0.0, 1.0, -1.0)
            if curve is not None:
                w, sign = np.append(curve, w), np.append(-1.0, sign)
    ratio = (s - math.cos(delta) - np.cos(w)) / (2.0 * np.sin((w + delta) / 2.0))
    difference = 2.0 * sign * np.arccos(np.clip(ratio, -1.0, 1.0))
    u, a = (size - w + difference) / 2.0, (size - w - difference) / 2.0
    points = np.column_stack([u + delta, a + math.pi / 2])
    if curve is not None:
        theta = (math.pi - curve) / 2.0
        points[0] = theta, theta + math.pi / 2
    valid = (u > 0.0) & (a > 0.0) & (w > 0.0)
    if phi < math.pi / 2:
        valid &= singlet_condition(points[:, 0], phi, points[:, 1]) < 0.0
    return points[valid]


def _curve_w(s: float, phi: float) -> float | None:
    """w of the point of theta_at_chsh, None where there is none."""
    try:
        return math.pi - 2.0 * theta_at_chsh(s, phi)
    except InvalidParameter:
        return None


# -- self-test from all four correlators ----------------------------------------------------------------------------


def correlators_self_test(c: ArrayLike, tolerance: float = DATA_TOLERANCE) -> bool:
    r"""Do these four correlators self-test the singlet (Wang, Wu and Scarani, arXiv:1511.04886)?

    They do exactly if, for one position (i, j) and one sign,

        sum over (x, y) != (i, j) of arcsin c_xy - arcsin c_ij = +-pi,   and at most one |c_xy| equals 1.

    Why. Quantum correlators are those with all eight left sides in [-pi, pi]. After relabelling, equality reads
    ``c = (cos d, cos a; cos u, -cos w)`` with d, a, u, w >= 0 and d + a + u + w = pi (module docstring).

    - All four angles positive: (4) holds, and the unique maximiser of Eq. (2) is the singlet (WBC Prop. 1).
    - One angle zero, say d: A0 = B0 on the state, and unit vectors at angles u, a and u + a lie in a plane, so that
      ``sin(u) B1 = sin(u + a) A0 - sin(a) A1`` on the state. Squaring with B1^2 = 1 gives {A0, A1} = 2 cos(u) on it.
      A0 and A1' = (A1 - cos(u) A0)/sin(u) then anticommute on the state and equal B0 and -B1', with
      B1' = (B1 - cos(a) B0)/sin(a): this is the standard criterion for the singlet, with these measurements. The limit
      points phi = pi/2 of WBC Props. 4 and 6 are of this kind.
    - Two or more zero (two or more |c_xy| = 1): the largest CHSH value is 2, the point is local.
    - No equality: at most one |c_xy| is 1 (two imply an equality), and some other correlator can move both ways with
      the rest fixed. So the point is a mixture of different quantum correlators, which no self-test is.

    Parameters
    ----------
    c : array (2, 2)
        <A_x B_y>; each in [-1, 1].
    tolerance : float
        In (0, 0.1), on each correlator. True means: some self-testing correlators differ from c by at most this much in
        every entry (up to rounding). Angles cannot carry the tolerance: near |c| = 1 the arcsin of a rounded float is
        off by 1e-8. False may also mean that two |c_xy| exceed 1 - tolerance: no float tells such a point from a local
        one. It is no statement of robustness; nearly the same data may come from a state that is far from the singlet
        if the point is close to the local set.

    Raises
    ------
    InvalidShape, InvalidParameter

    >>> correlators_self_test(singlet_correlators(np.pi / 3, np.pi / 2, 5 * np.pi / 6))
    True
    >>> correlators_self_test(0.999 * singlet_correlators(np.pi / 3, np.pi / 2, 5 * np.pi / 6))
    False
    >>> correlators_self_test([[1, 1], [1, 1]])
    False
    """
    table = reals(c, "correlators")
    if table.shape != (2, 2):
        raise InvalidShape(f"correlators must have shape (2, 2), not {table.shape}: two settings for each party.")
    t = _number(tolerance, "tolerance")
    if not 0.0 < t < 0.1:
        raise InvalidParameter(f"tolerance = {t} must lie strictly between 0 and 0.1.")
    if not np.isfinite(table).all() or np.abs(table).max() > 1.0 + t:
        worst = table.flat[int(np.argmax(np.where(np.isfinite(table), np.abs(table), np.inf)))]
        raise InvalidParameter(f"a correlator is {worst}; every one must lie in [-1, 1].")
    if np.count_nonzero(np.abs(table) > 1.0 - t) > 1:
        return False
    # a left side increases with the correlators (with its sign), continuously: it takes every value in between
    low, high = (np.arcsin(np.clip(table + shift, -1.0, 1.0)) for shift in (-t, t))
    least = low.sum() - low - high
    most = high.sum() - high - low
    return bool(np.any((least <= math.pi) & (math.pi <= most)) or np.any((least <= -math.pi) & (-math.pi <= most)))


# -- other expressions ----------------------------------------------------------------------------------------------


def chsh() -> BellExpression:
    """``<A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>`` (Clauser, Horne, Shimony, Holt, 1969).

    Maxima: local 2, quantum 2 sqrt(2), no-signaling 4.

    >>> chsh()
    CHSH: <A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>
    """
    return BellExpression.from_correlators([[1, 1], [1, -1]], name="CHSH")


def tilted_chsh(beta: float, alpha: float = 1.0) -> BellExpression:
    """``beta <A0> + alpha <A0 (B0 + B1)> + <A1 (B0 - B1)>`` (Acin, Massar and Pironio, arXiv:1107.2754).

    For alpha >= 1 and beta >= 0 the local maximum is beta + 2 alpha, and the quantum one is
    ``2 sqrt((1 + alpha^2)(1 + beta^2/4))`` where that is larger (alpha beta < 2), else local.

    Raises :class:`~sdpbound.errors.InvalidParameter` for a weight that is not a finite number.

    >>> tilted_chsh(0.5).local_bound
    2.5
    """
    b, a = _number(beta, "beta"), _number(alpha, "alpha")
    name = f"tilted CHSH(beta={b:g}, alpha={a:g})"
    return BellExpression.from_correlators([[a, a], [1.0, -1.0]], marginals_a=[b, 0.0], name=name)


def asymmetric_chsh(alpha: float) -> BellExpression:
    """``alpha <A0 (B0 + B1)> + <A1 (B0 - B1)>`` (arXiv:2007.16146; 'S_alpha').

    Maxima: local 2 max(1, |alpha|), quantum 2 sqrt(1 + alpha^2), no-signaling 2 + 2 |alpha|.

    Raises :class:`~sdpbound.errors.InvalidParameter` if alpha is not a finite number.

    >>> asymmetric_chsh(1.5).local_bound
    3.0
    """
    a = _number(alpha, "alpha")
    return BellExpression.from_correlators([[a, a], [1.0, -1.0]], name=f"asymmetric CHSH(alpha={a:g})")


def chained(settings: int) -> BellExpression:
    """The chained expression with N settings for each party (Pearle 1970; Braunstein and Caves 1990),

        sum_{i=0}^{N-1} <A_i B_i> + sum_{i=0}^{N-2} <A_{i+1} B_i> - <A_0 B_{N-1}>.

    Maxima: local 2N - 2, quantum 2N cos(pi/(2N)) (quant-ph/0510076), no-signaling 2N. For N = 2 it is CHSH with the
    minus sign at (0, 1).

    Raises :class:`~sdpbound.errors.InvalidParameter` unless settings is an integer of at least 2.

    >>> chained(3)
    chained(3): <A0 B0> - <A0 B2> + <A1 B0> + <A1 B1> + <A2 B1> + <A2 B2>
    """
    n = _count(settings, "settings", 2)
    table = np.eye(n) + np.eye(n, k=-1)
    table[0, n - 1] = -1.0
    return BellExpression.from_correlators(table, name=f"chained({n})")


def i3322() -> BellExpression:
    """I3322 (Froissart 1981; Collins and Gisin, quant-ph/0306129), symmetric under exchange of the parties.

    A relabelling of settings and outcomes of the expression of Collins and Gisin, in their scale and coordinates, with
    P(A_x) = p(0|x) and P(A_x B_y) = p(00|xy):

        - P(A0) - P(A1) - P(B0) - P(B1) + P(A0 B1) + P(A0 B2) + P(A1 B0) + P(A1 B2) + P(A2 B0) + P(A2 B1)
        - P(A1 B1) - P(A2 B2).

    Maxima: local 0, qubits 1/4, quantum 0.2508754 (arXiv:1006.3032; level 3 of the hierarchy gives 0.2508756),
    no-signaling 1. Times 4 it is the usual form in observables, up to a constant.

    >>> i3322().local_bound
    0.0
    """
    table = [[0, -1, -1, 0], [-1, 0, 1, 1], [-1, 1, -1, 1], [0, 1, 1, -1]]
    return BellExpression.from_collins_gisin(table, name="I3322")


def cglmp(d: int) -> BellExpression:
    """The CGLMP expression I_d for two settings and d outcomes (quant-ph/0106024),

        sum_{k=0}^{[d/2]-1} (1 - 2k/(d-1)) { P(A0 = B0 + k) + P(B0 = A1 + k + 1) + P(A1 = B1 + k) + P(B1 = A0 + k)
            - P(A0 = B0 - k - 1) - P(B0 = A1 - k) - P(A1 = B1 - k - 1) - P(B1 = A0 - k - 1) },

    additions modulo d; the paper's A1, A2 are A0, A1 here. Maxima: local 2, no-signaling 4; quantum 2 sqrt(2) for d = 2
    (a CHSH expression), 1 + sqrt(11/3) = 2.9149 for d = 3 (Acin, Durt, Gisin and Latorre, PRA 65, 052325, with a state
    that is not maximally entangled; 2.8729 with one that is).

    Raises :class:`~sdpbound.errors.InvalidParameter` unless d is an integer of at least 2.

    >>> round(cglmp(3).local_bound, 12)
    2.0
    """
    d = _count(d, "d", 2)
    table = np.zeros((d, d, 2, 2))
    a, b = np.indices((d, d))
    for k in range(d // 2):
        weight = 1.0 - 2.0 * k / (d - 1)
        # (x, y, difference, value of it that is rewarded, value that is punished)
        for x, y, difference, plus, minus in (
            (0, 0, a - b, k, -k - 1),
            (1, 0, b - a, k + 1, -k),
            (1, 1, a - b, k, -k - 1),
            (0, 1, b - a, k, -k - 1),
        ):
            table[:, :, x, y] += weight * ((difference - plus) % d == 0)
            table[:, :, x, y] -= weight * ((difference - minus) % d == 0)
    return BellExpression.from_probabilities(table, name=f"CGLMP({d})")


def mermin() -> BellExpression:
    """Mermin's expression for three parties (PRL 65, 1838, 1990),
    ``<A0 B0 C1> + <A0 B1 C0> + <A1 B0 C0> - <A1 B1 C1>``.

    Maxima: local 2, quantum and no-signaling 4 (reached by a GHZ state).

    >>> mermin()
    Mermin: <A0 B0 C1> + <A0 B1 C0> + <A1 B0 C0> - <A1 B1 C1>
    """
    table = np.zeros((3, 3, 3))
    table[1, 1, 2] = table[1, 2, 1] = table[2, 1, 1] = 1.0
    table[2, 2, 2] = -1.0
    return BellExpression(Scenario(((2, 2),) * 3), table, "Mermin")
