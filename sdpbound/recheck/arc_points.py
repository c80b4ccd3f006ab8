"""Arcs of angles: their halves and ends, the points at angles, and four points in whose hull an arc lies."""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.balls import ball

__all__ = [
    "Arc",
    "Point",
    "Range",
    "arc_of",
    "center_of",
    "ends_of",
    "half_of",
    "hull",
    "hull_balls",
    "parts_of",
    "point",
    "point_ball",
]

Point = tuple[Any, Any]
Range = tuple[Fraction, Fraction]
#: From ``i / 2^level`` to ``(i + 1) / 2^level``, in units of pi; (0, -1) is the angle 0 alone.
Arc = tuple[int, int]


def arc_of(angles: Range) -> Arc:
    """The arc of a range whose width is a power of two."""
    width = angles[1] - angles[0]
    return (int(angles[0] / width), width.denominator.bit_length() - 1) if width else (0, -1)


def half_of(arc: Arc) -> Fraction:
    """Half of an arc's width, in units of pi; of the arc (0, -1), which is one angle, 0."""
    return Fraction(1, 2 << arc[1]) if arc[1] >= 0 else Fraction(0)


def center_of(arc: Arc) -> Fraction:
    """The angle in the middle."""
    return (2 * arc[0] + 1) * half_of(arc)


def ends_of(arc: Arc) -> tuple[Fraction, ...]:
    """The angles at the ends; the one angle of (0, -1)."""
    half = half_of(arc)
    return (2 * arc[0] * half, (2 * arc[0] + 2) * half) if half else (Fraction(0),)


def parts_of(arc: Arc) -> tuple[Arc, Arc]:
    """Both halves of an arc."""
    return (2 * arc[0], arc[1] + 1), (2 * arc[0] + 1, arc[1] + 1)


@functools.lru_cache(maxsize=1 << 14)
def point(t: Fraction) -> tuple[float, float]:
    """The point at an angle, by floats."""
    return math.cos(math.pi * float(t)), math.sin(math.pi * float(t))


@functools.lru_cache(maxsize=1 << 14)
def point_ball(t: Fraction) -> tuple[flint.arb, flint.arb]:
    """The point at an angle."""
    return ball(t).cos_pi(), ball(t).sin_pi()


@functools.lru_cache(maxsize=1 << 12)
def hull(arc: Arc) -> tuple[Point, ...]:
    """Four points in whose hull an arc lies."""
    return _tangents(arc, point)


@functools.lru_cache(maxsize=1 << 12)
def hull_balls(arc: Arc) -> tuple[Point, ...]:
    """The same four points, in balls."""
    return _tangents(arc, point_ball)


def _tangents(arc: Arc, at: Any) -> tuple[Point, ...]:
    half = half_of(arc)
    if not half:
        return (at(Fraction(0)),)
    low, high = ends_of(arc)
    far = 1 / at(half / 2)[0]
    found = [at(low)]
    for t in (low + half / 2, high - half / 2):
        x, y = at(t)
        found.append((far * x, far * y))
    return (*found, at(high))
