"""Compute a curve of certified entropies from few solved points.

The functional of each bound holds at every other point as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import floats, instance, with_changes
from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.entropies.conditional import conditional_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.limiting import go_on
from sdpbound.shown import Drawn

__all__ = ["EntropyEnvelope", "EnvelopeOptions", "entropy_envelope"]

_COLLINEAR = 1e-9


@dataclass(frozen=True, eq=False)
class EntropyEnvelope(Drawn):
    """Certified lower bounds on an entropy along a family of data: the upper envelope of affine bounds.

    Attributes
    ----------
    parameters, values : (P,) the parameters asked about, and a certified lower bound in bits at each
    solved : the parameters at which a program was solved, in the order of solving
    bounds : the bound at each parameter of ``solved``
    gap : bits. If ``proven``: the least entropy is convex in the data. If the bounds at the solved points are within e
        of the least entropy, then every value is within e + gap of the least entropy. If not ``proven``: the largest
        observed rise of a value by solving at its point, among the points at which the search stopped
    proven : whether the data lie on a straight line, so that convexity proves the gap
    """

    parameters: Floats
    values: Floats
    solved: tuple[float, ...]
    bounds: tuple[EntropyBound, ...]
    gap: float
    proven: bool

    def at(self, observed: Observations) -> float:
        """A certified lower bound in bits at other values of the same tested expressions."""
        instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
        first = self.bounds[0].functional.expression.scenario
        if observed.scenario != first or len(observed) != self.bounds[0].functional.multipliers.size:
            raise InvalidShape(f"these bounds are about other tested expressions than those of {observed!r}.")
        return float(_values(self.bounds, observed.values[None], observed.tolerances[None]).max())


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeOptions:
    """Options for how close an envelope must be to bounds solved at each point.

    Parameters
    ----------
    tolerance : how far, in bits, the envelope may be below the bounds of the points; see :class:`EntropyEnvelope`
    closed_forms : as in :func:`conditional_entropy`

    >>> EnvelopeOptions(tolerance=1e-2)  # for entropy_envelope(family, parameters, x=0, options=...)
    EnvelopeOptions(tolerance=0.01, closed_forms=True)
    """

    tolerance: float = 1e-3
    closed_forms: bool = True

    def __post_init__(self) -> None:
        t = self.tolerance
        if not 0.0 < t <= 1.0:
            raise InvalidParameter(f"tolerance = {t!r:.60} of an envelope must be a number of bits above 0, to 1.")


class EnvelopeChanges(TypedDict, total=False):
    """The options of :class:`EnvelopeOptions`, each as a keyword of a call."""

    tolerance: float
    closed_forms: bool


def entropy_envelope(
    family: Callable[[float], Observations],
    parameters: ArrayLike,
    x: int = 0,
    y: int | None = None,
    method: Entropy | str | None = None,
    preprocessing: float = 0.0,
    options: EnvelopeOptions | None = None,
    **changes: Unpack[EnvelopeChanges],
) -> EntropyEnvelope:
    """Certified lower bounds on H(A|X=x,E) or H(AB|X=x,Y=y,E) along a curve of data, from few solved points.

    Parameters
    ----------
    family : a function from a parameter to the tested data; the expressions stay the same, only their values change
    parameters : (P,) rising, at least two
    options : how close the envelope must be, default EnvelopeOptions()
    changes : single options by name: tolerance, closed_forms
    x, y, method, preprocessing : as in :func:`conditional_entropy`

    Raises
    ------
    As :func:`conditional_entropy`; InvalidInput if the tested expressions change along the curve

    >>> import numpy as np, sdpbound as sb
    >>> curve = entropy_envelope(lambda s: sb.Observations.bell_value(sb.chsh(), s), np.linspace(2.2, 2.7, 51))
    >>> curve.proven, curve.gap <= 1e-3, len(curve.bounds) < 20
    (True, True, True)
    """
    how = with_changes(options, EnvelopeOptions(), changes, "entropy_envelope")
    p = floats(parameters, "parameters").reshape(-1)
    if p.size < 2 or (np.diff(p) <= 0).any():
        raise InvalidParameter(f"parameters must be at least two rising numbers, not {p.size} like {p[:3]}.")
    data = [instance(family(float(v)), Observations, "the family's data", "Observations.bell_value(...)") for v in p]
    for other in data[1:]:
        if other.scenario != data[0].scenario or not np.array_equal(other.coefficients, data[0].coefficients):
            raise InvalidInput("the tested expressions must be the same all along the curve; only values may change.")

    def solve(tested: Observations) -> EntropyBound:
        return conditional_entropy(tested, x, y, method, preprocessing, closed_forms=how.closed_forms)

    search = _Curve(data, solve)
    proven = search.is_straight
    gap = search.fill_line(how.tolerance) if proven else search.fill_curve(how.tolerance)
    return EntropyEnvelope(
        parameters=p,
        values=search.envelope(),
        solved=tuple(float(p[i]) for i in search.order),
        bounds=tuple(search.bounds[i] for i in search.order),
        gap=gap,
        proven=proven,
    )


class _Curve:
    """The points of a curve, and the bounds at the points solved so far."""

    def __init__(self, data: Sequence[Observations], solve: Callable[[Observations], EntropyBound]) -> None:
        self.data = data
        self.values = np.array([d.values for d in data]).reshape(len(data), -1)
        self.tolerances = np.array([d.tolerances for d in data]).reshape(len(data), -1)
        self.solve = solve
        self.order: list[int] = []
        self.bounds: dict[int, EntropyBound] = {}
        step = self.values[-1] - self.values[0]
        length = float(step @ step)
        self.place = (self.values - self.values[0]) @ step / length if length else np.zeros(len(data))
        line = self.values[0] + self.place[:, None] * step
        rising = bool((np.diff(self.place) > 0).all())
        self.is_straight = rising and float(np.abs(self.values - line).max(initial=0.0)) <= _COLLINEAR

    def add(self, i: int) -> float:
        """Solve at a point, and return in bits how much this raises the value there."""
        before = float(self.envelope()[i]) if self.order else 0.0
        self.bounds[i] = self.solve(self.data[i])
        self.order.append(i)
        return self.bounds[i].value - before

    def envelope(self) -> Floats:
        chosen = [self.bounds[i] for i in self.order]
        out = _values(chosen, self.values, self.tolerances).max(axis=0)
        for i in self.order:
            out[i] = max(out[i], self.bounds[i].value)
        return np.asarray(out, dtype=np.float64)

    def fill_line(self, tolerance: float) -> float:
        """Solve at the point where the chord of the bounds is farthest above the envelope; return the gap in bits."""
        self.add(0)
        self.add(len(self.data) - 1)
        while True:
            known = sorted(self.order)
            chord = np.interp(self.place, self.place[known], [self.bounds[i].value for i in known])
            miss = chord - self.envelope()
            miss[known] = 0.0
            worst = int(miss.argmax())
            if miss[worst] <= tolerance or not go_on():
                return max(float(miss[worst]), 0.0)
            self.add(worst)

    def fill_curve(self, tolerance: float) -> float:
        """Halve intervals until solving at each middle gains at most the tolerance; return the largest such gain."""
        last = len(self.data) - 1
        self.add(0)
        self.add(last)
        gap = 0.0
        queue = [(0, last)]
        while queue:
            low, high = queue.pop(0)
            if high - low < 2:
                continue
            if not go_on():
                return math.nan  # of what is left nothing is known
            middle = (low + high) // 2
            gain = self.add(middle)
            if gain > tolerance:
                queue += [(low, middle), (middle, high)]
            else:
                gap = max(gap, gain)
        return gap


def _values(bounds: Sequence[EntropyBound], values: Floats, tolerances: Floats) -> Floats:
    """Values (bounds, points) of the functionals, less the charges for tolerances and rounding."""
    slopes = np.array([b.functional.multipliers for b in bounds]).reshape(len(bounds), -1)
    constants = np.array([b.functional.constant for b in bounds])
    terms = np.abs(slopes) @ (np.abs(values) + tolerances).T + np.abs(constants)[:, None]
    exact = constants[:, None] + slopes @ values.T - np.abs(slopes) @ tolerances.T
    return np.asarray(exact - (4.0 * slopes.shape[1] + 8.0) * 2.0**-53 * terms, dtype=np.float64)
