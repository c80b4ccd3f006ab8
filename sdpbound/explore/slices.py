r"""The local, quantum and no-signaling sets in a plane of correlator space, with the behaviour in it.

Two settings and two outcomes a party have four correlators ``c = (c00, c01, c10, c11)``. Whatever the marginals are,

- local correlators fulfil ``|c00 + c01 + c10 + c11 - 2 c_k| <= 2`` for each k, and ``|c_k| <= 1`` (Fine, PRL 48, 291,
  1982)
- quantum ones ``|asin c00 + asin c01 + asin c10 + asin c11 - 2 asin c_k| <= pi``, and ``|c_k| <= 1`` (Tsirelson 1987;
  Landau 1988; Masanes, quant-ph/0309137)
- no-signaling ones ``|c_k| <= 1``

The plane has the behaviour and the ideal one without noise, and the direction of the no-signaling box with the largest
CHSH value. The vertical coordinate is that CHSH value, ``S = s . c`` with signs s; the horizontal one is the length
across it. With white noise alone the origin, white noise itself, is in the plane, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression

__all__ = ["Slice", "chsh_signs", "is_quantum", "slice_of"]

Floats = NDArray[np.float64]

#: Signs of the eight CHSH expressions, shape (8, 4).
_CHSH: Floats = np.array([s * (1.0 - 2.0 * (np.arange(4) == k)) for s in (1.0, -1.0) for k in range(4)])
#: Faces ``normals @ c <= offsets`` of the cube, and of the local set.
_CUBE = np.vstack([np.eye(4), -np.eye(4)]), np.ones(8)
_LOCAL = np.vstack([_CUBE[0], _CHSH]), np.concatenate([_CUBE[1], np.full(8, 2.0)])
#: Directions in which the boundary of the quantum set is looked for, and halvings that find it.
_DIRECTIONS, _HALVINGS = 240, 30
#: Shorter directions are none.
_SHORT = 1e-9


@dataclass(frozen=True, eq=False)
class Slice:
    """The three sets in a plane, as polygons (n, 2) of (across, S).

    Attributes
    ----------
    local, quantum, no_signaling : corners in order
    behaviour, ideal : (2,), with and without noise
    expression : (a, b, c): the family's expression has the value ``a across + b S + c``; None without one that is of
        correlators alone
    signs : (4,), of the CHSH value
    """

    local: Floats
    quantum: Floats
    no_signaling: Floats
    behaviour: Floats
    ideal: Floats
    expression: tuple[float, float, float] | None
    signs: Floats


def is_quantum(correlators: Floats, slack: float = 0.0) -> NDArray[np.bool_]:
    """Whether correlators, shape (..., 4), are quantum ones with some marginals."""
    inside = np.abs(correlators).max(axis=-1) <= 1.0 + slack
    angles = np.arcsin(np.clip(correlators, -1.0, 1.0))
    sums = angles.sum(axis=-1, keepdims=True) - 2.0 * angles
    found: NDArray[np.bool_] = inside & (np.abs(sums).max(axis=-1) <= math.pi + slack)
    return found


def chsh_signs(correlators: Floats) -> Floats:
    """The signs (4,) of the largest of the eight CHSH values of correlators (4,)."""
    return np.asarray(_CHSH[int((_CHSH @ correlators).argmax())])


def slice_of(behaviour: Behaviour, ideal: Behaviour, expression: BellExpression | None = None) -> Slice:
    """The slice through a behaviour, the ideal one, and in the direction of the nearest no-signaling box.

    Parameters
    ----------
    behaviour, ideal : two settings of two outcomes a party
    expression : whose values are to be lines in the plane
    """
    c, best = behaviour.correlators.reshape(4), ideal.correlators.reshape(4)
    signs = chsh_signs(c)
    up = signs / 2.0  # of length one
    across = _across(up, (c - best, c, np.array([1.0, -1.0, 0.0, 0.0]) * signs))
    # a point of the plane is origin + u across + v up, and S = 2 v
    origin = c - up * (up @ c) - across * (across @ c)
    frame = np.stack([across, up])
    local = _polygon(*_LOCAL, origin, frame)
    scale = np.array([1.0, 2.0])
    line = None
    if expression is not None and not expression.coefficients[0, 1:].any() and not expression.coefficients[1:, 0].any():
        w = expression.coefficients[1:, 1:].reshape(4)
        line = (float(w @ across), float(w @ up) / 2.0, float(w @ origin + expression.coefficients[0, 0]))
    return Slice(
        local * scale,
        _quantum(local.mean(axis=0), origin, frame) * scale,
        _polygon(*_CUBE, origin, frame) * scale,
        frame @ c * scale,
        frame @ best * scale,
        line,
        signs,
    )


def _across(up: Floats, candidates: tuple[Floats, ...]) -> Floats:
    """The first of the candidates that is not along ``up``, made orthogonal to it and of length one."""
    for candidate in candidates:
        rest = candidate - up * (up @ candidate)
        length = float(np.linalg.norm(rest))
        if length > _SHORT:
            rest = rest / length
            first = rest[np.abs(rest) > _SHORT][0]
            return np.asarray(rest * math.copysign(1.0, first))  # one side, so that a picture does not jump
    raise AssertionError("the last candidate is never along a CHSH direction")


def _polygon(normals: Floats, offsets: Floats, origin: Floats, frame: Floats) -> Floats:
    """The corners of ``normals @ (origin + uv @ frame) <= offsets``, in order: a square, cut again and again."""
    planes, rests = normals @ frame.T, offsets - normals @ origin
    corners: list[Floats] = [np.array(p) for p in ((-9.0, -9.0), (9.0, -9.0), (9.0, 9.0), (-9.0, 9.0))]
    for normal, rest in zip(planes, rests, strict=True):
        cut: list[Floats] = []
        for i, p in enumerate(corners):
            q = corners[i - 1]
            before, here = float(normal @ q - rest), float(normal @ p - rest)
            if before * here < 0.0:
                cut.append(q + (p - q) * (before / (before - here)))
            if here <= 0.0:
                cut.append(p)
        corners = cut
    return np.array(corners)


def _quantum(centre: Floats, origin: Floats, frame: Floats) -> Floats:
    """The boundary of the quantum set, seen from a point inside."""
    turns = np.linspace(0.0, 2.0 * math.pi, _DIRECTIONS, endpoint=False)
    rays = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    inside, outside = np.zeros(_DIRECTIONS), np.full(_DIRECTIONS, 6.0)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2.0
        within = is_quantum(origin + (centre + middle[:, None] * rays) @ frame)
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    return np.asarray(centre + inside[:, None] * rays)
