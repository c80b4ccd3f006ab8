"""Which four correlators self-test the singlet."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, numbered, reals
from sdpbound.bell.observations import DATA_TOLERANCE
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["bell_value_self_test", "correlators_self_test"]

#: A coefficient below this part of the largest one counts as zero, and its sign means nothing.
COEFFICIENT_ROUNDING = 1e-14


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

    >>> from sdpbound import singlet_correlators
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
    t = numbered(tolerance, "tolerance")
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


# -- self-test from one Bell value ------------------------------------------------------------------------------------


def bell_value_self_test(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]] | None:
    """The quantum maximum of ``sum c_xy <A_x B_y>``, c of shape (2, 2), and its correlators (2, 2), if it self-tests.

    None if the quantum maximum is the local one. With t the cosine of the angle between Bob's measurements it is

        max over -1 <= t <= 1 of  sqrt(c00^2 + c01^2 + 2 c00 c01 t) + sqrt(c10^2 + c11^2 + 2 c10 c11 t).

    The function under the maximum is concave in t. If c00 c01 c10 c11 < 0 and the stationary point is strictly inside,
    the quantum maximum is above the local maximum. By the argument of arXiv:2309.09650, Proposition 1, only the singlet
    with that angle attains it. For expression (2) of that paper this is its condition (4).

    >>> value, correlators = bell_value_self_test(np.array([[1.0, 1.0], [1.0, -1.0]]))
    >>> round(value**2, 12), np.round(correlators**2, 12).tolist()
    (8.0, [[0.5, 0.5], [0.5, 0.5]])
    """
    c = floats(coefficients, "coefficients")
    squares = (c**2).sum(axis=1)
    mixed = 2.0 * c[:, 0] * c[:, 1]
    if not mixed[0] * mixed[1] < 0 or np.abs(c).min() <= COEFFICIENT_ROUNDING * np.abs(c).max():
        return None
    b, d = float(mixed[0]), float(mixed[1])
    t = (d * d * squares[0] - b * b * squares[1]) / (b * d * (b - d))
    if not abs(t) < 1.0:
        return None
    norms = np.sqrt(squares + mixed * t)
    correlators = np.array([[c[x, 0] + c[x, 1] * t, c[x, 0] * t + c[x, 1]] for x in (0, 1)]) / norms[:, None]
    return float(norms.sum()), correlators
