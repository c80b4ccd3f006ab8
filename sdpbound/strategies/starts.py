"""Where searches over strategies start: known good ones, copies of these, and anywhere."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.families.eberhard_family import Eberhard
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.two_qubit import TwoQubit
from sdpbound.strategies.landscape import LEAST_FLIPS, Landscape

__all__ = ["known_points", "starts_of"]

#: Good strategies of the key with lossy detectors, found by this search with p(11|10) = 0: theta, a0, a1, b1, b2 and
#: the flips, at efficiencies 0.955, 0.903, 0.861, 0.842, 0.821, 0.81, 0.8, 0.794 and 0.79. They steer only.
_EBERHARD = (
    (0.565, -0.098, 1.673, 0.718, -0.109, 0.0),
    (0.467, -0.079, 1.550, 0.574, -0.092, 0.0),
    (0.359, -0.061, 1.396, 0.406, -0.064, 0.0004),
    (0.291, -0.054, 1.274, 0.300, -0.043, 0.005),
    (0.187, -0.036, 1.051, 0.159, -0.016, 0.035),
    (0.127, -0.022, 0.884, 0.090, -0.0067, 0.052),
    (0.0719, -0.0105, 0.671, 0.0379, -0.0018, 0.065),
    (0.0401, -0.0047, 0.503, 0.0157, -0.00044, 0.072),
    (0.0194, -0.0016, 0.352, 0.0052, -0.0004, 0.075),
)
#: The same without flips, which are best off that face: theta, a0, a1, b0, b1, b2 at 0.955, 0.945, 0.903 and 0.876.
_WITHOUT_FLIPS = (
    (0.610, -0.111, 1.568, -1.012, 0.700, -0.124),
    (0.579, -0.093, 1.590, -0.979, 0.687, -0.106),
    (0.482, -0.077, 1.530, -0.926, 0.578, -0.090),
    (0.410, -0.066, 1.461, -0.880, 0.481, -0.077),
)
#: The devices of the largest CHSH value, with Bob's key setting along Alice's: theta, a0, a1, b0, b1, b2.
_SINGLET = (math.pi / 4, 0.0, math.pi / 2, -math.pi / 4, math.pi / 4, 0.0)
#: The same with a key of settings that are tested, at angles of pi/3, and with Bob's first setting along Alice's.
_EVEN = (math.pi / 4, 0.0, math.pi / 3, 0.0, -math.pi / 3, 0.0)
_TURNED = (math.pi / 4, 0.0, math.pi / 2, 0.0, -math.pi / 4, 0.0)
#: How far copies are from a known point: a common factor, one for each number, and a shift of each.
_COMMON, _OWN, _SHIFT = 0.2, 0.15, 0.002
#: Copies are of these first points.
_BEST = 4


def known_points(family: Family, pairs: Sequence[tuple[int, int]] = ()) -> list[dict[str, float]]:
    """Points of the family that are good for a key with lossy detectors, with ``flips``; none for most families.

    ``pairs`` are the settings that make key with a post-processing: Bob's further ones are along Alice's.
    """
    if not isinstance(family, (TwoQubit, Eberhard)):
        return []
    found = []
    for theta, a0, a1, b1, b2, flips in _EBERHARD:
        b0 = -2.0 * math.atan(math.tan(theta) / math.tan(a1 / 2.0))
        found.append({"theta": theta, "a0": a0, "a1": a1, "b0": b0, "b1": b1, "b2": b2, "flips": flips})
    names = ("theta", "a0", "a1", "b0", "b1", "b2")
    others = (*_WITHOUT_FLIPS, _SINGLET) if isinstance(family, TwoQubit) else (_SINGLET,)
    found += [{**dict(zip(names, numbers, strict=True)), "flips": 0.0} for numbers in others]
    axes = {axis.name: axis for axis in family.axes}
    if pairs:
        found += [dict(zip(names, numbers, strict=True)) | {"flips": 0.0} for numbers in (_EVEN, _TURNED)]
        along = {f"b{y}": f"a{x}" for x, y in pairs if y > 1}
        found = [point | {b: point[a] for b, a in along.items() if a in point} for point in found]
    return [
        {name: value for name, value in point.items() if name in axes or name == "flips"}
        for point in found
        if all(axis.default is not None or name in point for name, axis in axes.items())
    ]


def starts_of(landscape: Landscape, near: Sequence[Mapping[str, float]], count: int, seed: int) -> list[Floats]:
    """This many points: those near, the known ones, then copies of the best of these and points anywhere in turn.

    The known ones come in the order of their rates.
    """
    rng = np.random.default_rng(seed)
    given = [_point(landscape, values) for values in near]
    known = []
    if len(given) < count:
        pairs = landscape.use.pairs
        known = [_point(landscape, values) for values in known_points(landscape.family, pairs)]
    known.sort(key=lambda point: -landscape.rate(point)[0])
    return list(itertools.islice(_endless(landscape, [*given, *known], rng), count))


def _endless(landscape: Landscape, good: list[Floats], rng: np.random.Generator) -> Iterator[Floats]:
    yield from good
    bounds = np.array(landscape.bounds)
    while True:
        if good:
            chosen = good[int(rng.integers(min(len(good), _BEST)))]
            factors = math.exp(_COMMON * rng.normal()) * np.exp(_OWN * rng.normal(size=len(chosen)))
            yield np.clip(chosen * factors + _SHIFT * rng.normal(size=len(chosen)), *bounds.T)
        axes = [axis for axis in landscape.family.axes if axis.name not in landscape.fixed]
        values = {axis.name: _anywhere(axis, rng) for axis in axes}
        yield np.clip(landscape.point_of(values, float(rng.uniform(LEAST_FLIPS, 0.2))), *bounds.T)


def _point(landscape: Landscape, values: Mapping[str, float]) -> Floats:
    full = {axis.name: values.get(axis.name, axis.default or 0.0) for axis in landscape.family.axes}
    flips = values.get("flips", 0.0)
    point = landscape.point_of(full, *(values.get(name, flips) for name in ("p0", "p1")))
    return np.asarray(np.clip(point, *np.array(landscape.bounds).T), dtype=np.float64)


def _anywhere(axis: Axis, rng: np.random.Generator) -> float:
    if math.isinf(axis.low) and math.isinf(axis.high):
        return float(rng.uniform(-math.pi, math.pi))
    if math.isinf(axis.high):
        return axis.low + float(rng.exponential())
    if math.isinf(axis.low):
        return axis.high - float(rng.exponential())
    return float(rng.uniform(axis.low, axis.high))
