"""Where members of the singlet family have a given CHSH value."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from sdpbound.arguments import counted, numbered
from sdpbound.bell.families.formulas import singlet_condition
from sdpbound.errors import InvalidParameter

__all__ = ["contour_at_chsh", "curve_chsh", "curve_w", "singlet_chsh_maximum", "theta_at_chsh"]


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
    value = numbered(phi, "phi")
    if not low <= value <= math.pi / 2:
        raise InvalidParameter(f"phi = {value} must lie in [{text}, pi/2], in radians.")
    return value


def curve_chsh(theta: float, delta: float) -> float:
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
    s = numbered(s, "s")
    delta = math.pi / 2 - phi
    low, high = curve_chsh(delta, delta), curve_chsh(math.pi / 3, delta)
    if not low < s <= high + 4e-15:
        raise InvalidParameter(
            f"s = {s} is not reached on the curve omega = theta + pi/2 at phi = {phi}: the CHSH values there are "
            f"({low:.12g}, {high:.12g}]; choose s in this interval, or phi closer to pi/2 for smaller s."
        )
    if s >= high:
        return math.pi / 3
    return _root(lambda theta: curve_chsh(theta, delta) - s, delta, math.pi / 3)


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

    >>> from sdpbound import singlet_chsh
    >>> points = contour_at_chsh(2.3, 1.5, 4)
    >>> np.round(singlet_chsh(points[:, 0], 1.5, points[:, 1]), 12).tolist()
    [2.3, 2.3, 2.3, 2.3]
    """
    phi = _require_phi(phi, 0.0, "0")
    s = numbered(s, "s")
    count = counted(count, "count", 1)
    top = singlet_chsh_maximum(phi)
    if not 2.0 < s <= top + 4e-15:
        raise InvalidParameter(f"s = {s} is not reached at phi = {phi}: the CHSH values there are (2, {top:.12g}].")
    delta = math.pi / 2 - phi
    size = math.pi - delta
    centre = size / 3.0

    def excess(w: float) -> float:  # of the best u, a (equal) at this w; one maximum, at the centre
        return math.cos(delta) + math.cos(w) + 2.0 * math.sin((w + delta) / 2.0) - s

    curve = curve_w(s, phi)
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


def curve_w(s: float, phi: float) -> float | None:
    """w of the point of theta_at_chsh, None where there is none."""
    try:
        return math.pi - 2.0 * theta_at_chsh(s, phi)
    except InvalidParameter:
        return None
