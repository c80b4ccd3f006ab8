"""Where a key ends, about: from what the CHSH expressions of the data prove by a closed form. Guesses steer only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.scenario import Scenario

__all__ = ["guessed_end", "least_by_chsh"]

#: Weights of the row of the key's setting in the expressions that are tried.
_WEIGHTS = np.array([1.0, 1.15, 1.35, 1.7, 2.5])
#: Accuracy of a guess, as a part of the interval.
_ACCURACY = 1e-3
#: Where no CHSH expression proves a key, the search begins at this part of the way to local data: near the noiseless
#: end, functionals are steep and give little information about other values of the noise.
_PART = 0.15


def guessed_end(
    behaviour_of: Callable[[float], Behaviour],
    ends: tuple[float, float],
    x: int | None,
    y: int | None,
    flips: float = 0.0,
    target: float = 0.0,
) -> float | None:
    """The value at which the key rate from CHSH expressions falls to the target, or a part of the way to local data.

    None where the devices have other settings, and where the data are local.

    Parameters
    ----------
    behaviour_of : the behaviour at a value
    ends : of the interval: where the rate is expected above the target, and where not
    x, y : key settings; None: the first pair of those of the most correlated outcomes at the first end
    flips : probability of a flip of the key
    """
    first = behaviour_of(ends[0])
    if first.scenario != Scenario.bipartite(2, 2):
        return None
    best_x, best_y = np.unravel_index(int(np.abs(first.correlators).argmax()), (2, 2))
    x = int(best_x) if x is None else first.scenario.require_setting(0, x, "x")
    y = int(best_y) if y is None else first.scenario.require_setting(1, y, "y")

    def excess(value: float) -> float:
        behaviour = behaviour_of(value)
        return least_by_chsh(behaviour.correlators, x, flips) - _leak(behaviour.joint(x, y), flips) - target

    accuracy = _ACCURACY * abs(ends[1] - ends[0])
    if excess(ends[0]) > 0.0 > excess(ends[1]):
        return float(brentq(excess, *ends, xtol=accuracy))
    return _towards_local(lambda value: behaviour_of(value).chsh - 2.0, ends)


def _towards_local(excess: Callable[[float], float], ends: tuple[float, float]) -> float | None:
    """A part of the way from the first end to the nearest local data; None if the data are local there."""
    start, span = ends[0], ends[1] - ends[0]
    high = low = start
    if excess(high) <= 0.0:
        return None
    for power in range(40, 0, -3):  # the distance to the nearest local data is tried from short to long
        high, low = low, start + 0.5**power * span
        if excess(low) <= 0.0:
            return start + _PART * (float(brentq(excess, low, high, xtol=1e-3 * abs(low - start))) - start)
    return None


def least_by_chsh(correlators: Floats, x: int, flips: float = 0.0) -> float:
    """A lower bound in floats on H(A|X=x,E) from four correlators (2, 2), in bits.

    The best of the closed forms of arXiv:2007.16146 for ``alpha |<A_x (B_0 + B_1)>| + |<A_x' (B_0 - B_1)>|`` with some
    alpha from 1, and for the same with the signs exchanged.

    >>> import numpy as np
    >>> round(least_by_chsh(np.array([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5, 0), 9)
    1.0
    """
    own, other = correlators[x], correlators[1 - x]
    sums = np.array([[abs(own.sum()), abs(own[0] - own[1])], [abs(other[0] - other[1]), abs(other.sum())]])
    values = _WEIGHTS[:, None] * sums[0] + sums[1]
    u = np.sqrt(np.clip(values**2 / 4.0 - _WEIGHTS[:, None] ** 2, 0.0, 1.0))
    turned = np.sqrt((1.0 - 2.0 * flips) ** 2 + 4.0 * flips * (1.0 - flips) * u**2)
    return float((1.0 + _phi(turned) - _phi(u)).max())


def _phi(u: Floats) -> Floats:
    """The binary entropy of (1 + u) / 2 in bits."""
    return np.asarray(_shannon(np.stack([(1.0 + u) / 2.0, (1.0 - u) / 2.0])).sum(axis=0), dtype=np.float64)


def _leak(joint: Floats, flips: float) -> float:
    """H(A|B) in bits of a table p[a, b], Alice's bit flipped with a probability."""
    table = (1.0 - flips) * joint + flips * joint[::-1] if flips else joint
    return float(_shannon(table).sum() - _shannon(table.sum(axis=0)).sum())


def _shannon(p: Floats) -> Floats:
    return np.asarray(-p * np.log2(np.maximum(p, 1e-300)), dtype=np.float64)
