"""Boxes for tests."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np

from sdpbound.boxes.boxes import JointBoxes

F = Fraction


def deterministic(a: tuple[int, ...], b: tuple[int, ...]) -> np.ndarray:
    p = np.zeros((2, 2, len(a), len(b)))
    for x, y in itertools.product(range(len(a)), range(len(b))):
        p[a[x], b[y], x, y] = 1.0
    return p


def pr(a: int = 0, b: int = 0, c: int = 0) -> np.ndarray:
    """The eight nonlocal vertices: x + y = uv + a u + b v + c."""
    p = np.zeros((2, 2, 2, 2))
    for x, u, v in itertools.product((0, 1), repeat=3):
        p[x, (x + u * v + a * u + b * v + c) % 2, u, v] = 0.5
    return p


#: The 24 vertices of the no-signaling polytope of one box.
VERTICES = [deterministic((a, b), (c, d)) for a, b, c, d in itertools.product((0, 1), repeat=4)] + [
    pr(*s) for s in itertools.product((0, 1), repeat=3)
]


def random_box(rng: np.random.Generator, noise: float = 0.7) -> np.ndarray:
    """A biased box: a PR box with a random local part."""
    w = rng.dirichlet(np.ones(16)) * noise
    return sum(x * v for x, v in zip(w, VERTICES[:16], strict=True)) + (1 - w.sum()) * pr()


def random_joint(rng: np.random.Generator, n: int, members: int = 5) -> JointBoxes:
    """Biased and correlated boxes."""
    return JointBoxes.mixture(
        rng.dirichlet(np.ones(members)), [[random_box(rng) for _ in range(n)] for _ in range(members)]
    )
