"""Functionals for data at an extreme point of the quantum set, where the singlet is self-tested.

There the entropy falls steeply with the distance of the data, and the multipliers of the best functional are large:
about 1 bit over the distance Q - L of the quantum and the local maximum of the expression that touches the set at the
data. No search is needed for it. Correlators E are at an extreme point if one of the sums

    arcsin E_00 + arcsin E_01 + arcsin E_10 + arcsin E_11 - 2 arcsin E_ij

is pi or -pi (arXiv:1511.04886). This surface has the normal ``s_xy / sqrt(1 - E_xy^2)``, s = -1 at (i, j) and +1
elsewhere: up to a factor the expression (2) of arXiv:2309.09650. If an expression is tested whose value is the quantum
maximum, it is that expression. What remains is one number, the size of the multipliers. It trades the charge for the
data's tolerances against the entropy of nearby strategies.

The entropy of both outcomes also changes along the surface, with the correlator of the key. Its slope is added.

Where a correlator is 1 or -1 the normal is the correlator's own, which shows nothing. No data are known better than to
1e-12, which is an angle of 1.4e-6 there. The functional is that of data at this angle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.families.correlators import bell_value_self_test
from sdpbound.entropies.qubits.columns import Columns, columns_of
from sdpbound.entropies.qubits.engine import PAULI
from sdpbound.entropies.qubits.problem import Key, QubitProblem

__all__ = ["Extreme", "extreme_of", "only_strategy"]

#: How far the sum of arcsines may be from pi, and a Bell value from its maximum, in units of its expression; and values
#: that are the same.
_ANGLE, _VALUE, _EQUAL = 1e-5, 1e-10, 1e-14
#: Steps of Newton's method that move angles to the correlators.
_REFINED = 3
#: A combination of the tests is an expression if it misses no coefficient by more.
_MISS = 1e-12
#: Multipliers that are tried, as multiples of the entropy over Q - L, and the one to begin with. Where two normals are
#: tried proofs are long, and the best multipliers are seldom large.
_STEEPNESS = (1.03, 1.3, 1.7, 2.2, 2.8, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0, 8192.0)
_FIRST, _FIRST_OF_TWO = 5, 1
#: The least angle of the surface at which a normal is taken: between the key's setting and one of Bob's, and between
#: others. The multipliers grow like one over this angle. Where the key's setting has no part in it, the functional
#: comes close to the entropy in more places, and such multipliers cost more rounding in the proof: two are tried.
_ASIDE, _BESIDE = 1.4e-6, (2.5e-6, 8e-6)


@dataclass(frozen=True, eq=False)
class Extreme:
    """The strategy that is self-tested, and the direction of the functionals that touch the entropy there.

    Attributes
    ----------
    column : the strategy, as the only column
    directions : multipliers (J,) of the tests, one bit over Q - L in size
    slope : multipliers (J,) by which the entropy changes along the surface
    """

    column: Columns
    directions: tuple[Floats, ...]
    slope: Floats

    @property
    def entropy(self) -> float:
        """Bits of the strategy's key, which Eve knows nothing of."""
        return float(self.column.entropies[0])

    def has_data(self, problem: QubitProblem) -> bool:
        """Whether the strategy has the data within their tolerances: then no functional exceeds its entropy there."""
        return _has(self.column, problem)

    @property
    def is_long(self) -> bool:
        """Whether two normals are tried, whose proofs are long."""
        return len(self.directions) > 1

    def climb(self, value_of: Callable[[Floats], float], enough: float) -> None:
        """Try sizes of the multipliers from a usual one upwards or downwards, as long as the value rises.

        ``value_of`` gives the proven bound of multipliers in bits; one that reaches ``enough`` is the last.
        """
        for direction in self.directions:
            tried: dict[int, float] = {}

            def value(place: int, tried: dict[int, float] = tried, direction: Floats = direction) -> float:
                if not 0 <= place < len(_STEEPNESS):
                    return -math.inf
                if place not in tried:
                    tried[place] = value_of(self.slope + self.entropy * _STEEPNESS[place] * direction)
                return tried[place]

            place = _FIRST_OF_TWO if self.is_long else _FIRST
            if value(place) >= enough:
                return
            step = 1 if value(place + 1) > value(place) else -1
            while value(place + step) > value(place):
                place += step
                if value(place) >= enough:
                    return


def extreme_of(problem: QubitProblem) -> Extreme | None:
    """The self-tested strategy that has the data of a problem, within what floats leave open; None if there is none."""
    if problem.key is Key.NONE or not len(problem.values):
        return None
    correlators = _correlators(problem)
    found = [] if correlators is None else _touching(problem, correlators)
    for j, table in enumerate(problem.tests):
        if not table[0, 1:].any() and not table[1:, 0].any():
            best = bell_value_self_test(table[1:, 1:])
            excess = float(problem.values[j] - table[0, 0])
            if best is not None and abs(abs(excess) - best[0]) <= _VALUE * np.abs(table).sum():
                sign = math.copysign(1.0, excess)
                correlators = sign * best[1]
                size = _gap(table[1:, 1:], best[0])
                found += [sign * np.eye(len(problem.values))[j] / size] if size > 0.0 else []
    if correlators is None or not found:
        return None
    column = _strategy(problem, correlators)
    slope = np.zeros((2, 2))
    if problem.key is Key.BOTH:
        half = 0.5 * min(max(math.acos(correlators[0, 0]), _ASIDE), math.pi - _ASIDE)
        slope[0, 0] = math.log2(math.tan(half))
    return Extreme(column, tuple(found), _combined(problem, slope))


def only_strategy(problem: QubitProblem) -> Columns | None:
    """The one strategy with these data, if they are at an extreme point of the set where all correlators are known."""
    correlators = _correlators(problem) if problem.key is not Key.NONE and len(problem.values) else None
    if correlators is None or _sign_of_sum(correlators) is None:
        return None
    column = _strategy(problem, correlators)
    return column if _has(column, problem) else None


def _has(column: Columns, problem: QubitProblem) -> bool:
    off = np.abs(column.tests[0] - problem.values)
    return bool((off <= np.maximum(problem.tolerances, _EQUAL * problem.sizes)).all())


def _sign_of_sum(correlators: Floats) -> Floats | None:
    """Signs (2, 2) with which the arcsines of extreme correlators add up to pi; None for other correlators."""
    angles = np.arcsin(correlators)
    sums = angles.sum() - 2.0 * angles
    where = np.unravel_index(int(np.abs(np.abs(sums) - math.pi).argmin()), (2, 2))
    if abs(abs(sums[where]) - math.pi) > _ANGLE:
        return None
    signs = np.ones((2, 2))
    signs[where] = -1.0
    return np.asarray(signs * math.copysign(1.0, sums[where]))


def _correlators(problem: QubitProblem) -> Floats | None:
    """The four correlators (2, 2), if the tests determine them."""
    shifted = problem.values - problem.tests[:, 0, 0]
    rows = problem.tests.reshape(len(shifted), 9)[:, 1:]
    solved, _, rank, _ = np.linalg.lstsq(rows, shifted, rcond=None)
    table = np.zeros(9)
    table[1:] = solved
    own = np.zeros((4, 9))
    own[np.arange(4), [4, 5, 7, 8]] = 1.0
    # the four are determined if they are combinations of the tests
    weights = np.linalg.lstsq(rows.T, own[:, 1:].T, rcond=None)[0]
    if np.abs(rows.T @ weights - own[:, 1:].T).max() > _MISS or rank < 4:
        return None
    return np.clip(table.reshape(3, 3)[1:, 1:], -1.0, 1.0)


def _touching(problem: QubitProblem, correlators: Floats) -> list[Floats]:
    """Multipliers of expressions that touch the quantum set at the correlators, if that is an extreme point."""
    signs = _sign_of_sum(correlators)
    if signs is None:
        return []
    # with signs the correlators are cosines of four angles that add up to pi
    gaps = np.arccos(np.clip(signs * correlators, -1.0, 1.0))
    found: list[Floats] = []
    # the key is Alice's first setting
    for beside in _BESIDE if gaps[1].min() < max(_BESIDE) else _BESIDE[:1]:
        angles = np.maximum(gaps, [[_ASIDE, _ASIDE], [beside, beside]])
        angles *= math.pi / angles.sum()
        expression = signs / np.sin(angles)
        size = _gap(expression, float((np.cos(angles) / np.sin(angles)).sum()))
        found += [_combined(problem, expression / size)] if size > 0.0 else []
    return found


def _gap(expression: Floats, quantum: float) -> float:
    """The quantum maximum of an expression (2, 2) of correlators minus its local one."""
    local = max(float(np.abs(expression[:, 0] + sign * expression[:, 1]).sum()) for sign in (1.0, -1.0))
    return quantum - local


def _combined(problem: QubitProblem, expression: Floats) -> Floats:
    """The multipliers with which the tests add up to an expression, up to a constant."""
    wanted = np.zeros((3, 3))
    wanted[1:, 1:] = expression
    rows = problem.tests.reshape(len(problem.values), 9)[:, 1:]
    return np.asarray(np.linalg.lstsq(rows.T, wanted.reshape(9)[1:], rcond=None)[0], dtype=np.float64)


def _strategy(problem: QubitProblem, correlators: Floats) -> Columns:
    """The singlet with directions in a plane that have these correlators.

    Alice's directions are at 0 and a, Bob's at g and g + b, and a correlator is the cosine of a difference.
    """
    g, one, two = np.arccos(np.clip([correlators[0, 0], correlators[0, 1], correlators[1, 0]], -1.0, 1.0))
    choices = [(one * s - g, two * t + g) for s in (1.0, -1.0) for t in (1.0, -1.0)]
    b, a = min(choices, key=lambda pair: abs(math.cos(pair[1] - g - pair[0]) - correlators[1, 1]))
    a, b, g = _refined(correlators, np.array([a, b, g]))
    moments = np.zeros((3, 3))  # in the frame of A and B: <P_i Q_j> is a rotation by g
    moments[0, 0] = 1.0
    moments[1:, 1:] = [[math.cos(g), -math.sin(g)], [math.sin(g), math.cos(g)]]
    yy = PAULI[1, 2] @ PAULI[2, 1]  # (Z x X)(X x Z) = Y x Y, of which this state has minus the determinant
    state = 0.25 * (np.einsum("ij,ijkl->kl", moments, PAULI) - yy)
    return columns_of(problem, np.array([a]), np.array([b]), state[None])


def _refined(correlators: Floats, angles: Floats) -> Floats:
    """Angles (a, b, g) moved to all correlators: an arccosine next to 1 knows its angle to half of the digits only."""
    for _ in range(_REFINED):
        a, b, g = angles
        between = np.array([[-g, -g - b], [a - g, a - g - b]])
        slopes = -np.sin(between).reshape(4, 1) * np.array([[0, 0, -1], [0, -1, -1], [1, 0, -1], [1, -1, -1]])
        missing = (correlators - np.cos(between)).reshape(4)
        angles = angles + np.linalg.lstsq(slopes, missing, rcond=1e-10)[0]
    return angles
