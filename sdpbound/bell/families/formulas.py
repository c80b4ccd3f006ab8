"""Closed forms of the singlet family, on arrays of angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import reals
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = [
    "angles",
    "cosines",
    "singlet_chsh",
    "singlet_coefficients",
    "singlet_condition",
    "singlet_correlators",
    "singlet_local_bound",
    "singlet_quantum_bound",
    "singlet_strategy_value",
]


# -- closed forms of the singlet family, on arrays ------------------------------------------------------------------


def angles(
    theta: ArrayLike, phi: ArrayLike, omega: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    if type(theta) is type(phi) is type(omega) is float and math.isfinite(theta + phi + omega):
        return np.asarray(theta), np.asarray(phi), np.asarray(omega)  # studies ask for hundreds of thousands
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


def cosines(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """cos(theta + phi), cos(phi), cos(theta + omega), cos(omega)."""
    t, p, w = angles(theta, phi, omega)
    return np.cos(t + p), np.cos(p), np.cos(t + w), np.cos(w)


def singlet_condition(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """Left side of WBC Eq. (4), ``cos(theta+phi) cos(phi) cos(theta+omega) cos(omega)``; self-testing where negative.

    Angles in radians, numbers or arrays that broadcast, here and in all functions ``singlet_*``; a NumPy scalar for
    numbers. Raises :class:`~sdpbound.errors.InvalidParameter` for NaN or infinity.

    >>> float(singlet_condition(0.0, 0.0, 0.0))
    1.0
    """
    c_tp, c_p, c_tw, c_w = cosines(theta, phi, omega)
    return c_tp * c_p * c_tw * c_w


def singlet_coefficients(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """Coefficients of <A_x B_y> in WBC Eq. (2), shape (..., 2, 2) with x before y.

    >>> singlet_coefficients(0.0, 0.0, 0.0).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    c_tp, c_p, c_tw, c_w = np.broadcast_arrays(*cosines(theta, phi, omega))
    table = np.empty((*c_tp.shape, 2, 2))
    table[..., 0, 0] = c_tp * c_tw * c_w
    table[..., 0, 1] = -c_tp * c_tw * c_p
    table[..., 1, 0] = -c_p * c_w * c_tw
    table[..., 1, 1] = c_p * c_w * c_tp
    return table


def singlet_local_bound(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The local maximum of WBC Eq. (2), in closed form: WBC Eq. (3),

        max over both signs of |cos(t+w) cos(w) (cos(t+p) +- cos(p))| + |cos(t+p) cos(p) (cos(t+w) +- cos(w))|.

    ``theta``, ``phi``, ``omega`` in radians: numbers, or arrays that are broadcast to the shape of the result.

    >>> round(float(singlet_local_bound(np.pi / 4, 0.0, np.pi / 2)), 12)
    0.5
    """
    c_tp, c_p, c_tw, c_w = cosines(theta, phi, omega)
    first, second = c_tw * c_w, c_tp * c_p
    plus = np.abs(first * (c_tp + c_p)) + np.abs(second * (c_tw + c_w))
    minus = np.abs(first * (c_tp - c_p)) + np.abs(second * (c_tw - c_w))
    return np.asarray(np.maximum(plus, minus), dtype=np.float64)


def singlet_strategy_value(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The value of WBC Eq. (2) on the strategy of Eq. (6), with its sign: Eq. (5),
    ``sin(theta) sin(omega - phi) sin(theta + omega + phi)``.

    >>> float(singlet_strategy_value(0.0, 1.0, 2.0))
    0.0
    """
    t, p, w = angles(theta, phi, omega)
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

    ``theta``, ``phi``, ``omega`` in radians: numbers, or arrays that are broadcast to the shape of the result.

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
    t, p, w = np.broadcast_arrays(*angles(theta, phi, omega))
    table = np.empty((*t.shape, 2, 2))
    table[..., 0, 0] = np.sin(p)
    table[..., 0, 1] = np.sin(w)
    table[..., 1, 0] = np.sin(t + p)
    table[..., 1, 1] = np.sin(t + w)
    return table


def singlet_chsh(theta: ArrayLike, phi: ArrayLike, omega: ArrayLike) -> NDArray[np.float64]:
    """The largest of the eight CHSH values of the strategy of WBC Eq. (6), as in its Figures 1 and 2.

    ``theta``, ``phi``, ``omega`` in radians: numbers, or arrays that are broadcast to the shape of the result.

    >>> round(float(singlet_chsh(np.pi / 3, np.pi / 2, 5 * np.pi / 6)), 12)
    2.5
    """
    t, p, w = np.broadcast_arrays(*angles(theta, phi, omega))
    e = [np.sin(p), np.sin(w), np.sin(t + p), np.sin(t + w)]
    total = e[0] + e[1] + e[2] + e[3]
    return np.asarray(np.max([np.abs(total - 2.0 * value) for value in e], axis=0), dtype=np.float64)
