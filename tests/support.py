"""What tests of several rooms use: formulas and small helpers, written apart from the package's own code."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

import sdpbound as sb

#: A study of five numbers in closed form.
SMALL_STUDY = """
name = "small"
title = "Small"
[family]
kind = "singlet"
theta = { start = 1.0, stop = 1.04, count = 5 }
phi = "pi/2 - 0.02"
omega = "theta + pi/2"
[[quantities]]
name = "chsh"
"""


def h(p: float) -> float:
    """Binary entropy in bits; 0 at and beyond the ends of the unit interval, where rounding may lead."""
    return 0.0 if p <= 0.0 or p >= 1.0 else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def chsh_entropy(s: float, q: float = 0.0) -> float:
    """H(A|X=0,E) of a CHSH value, arXiv:0903.4460; after flips with probability q, arXiv:2005.13015."""
    root = math.sqrt(s * s / 4 - 1)
    noisy = math.sqrt(1 - q * (1 - q) * (8 - s * s))
    return 1 - h((1 + root) / 2) + h((1 + noisy) / 2)


def plogp(matrix: Any) -> float:
    """Minus the sum of w log2 w over the eigenvalues of a positive matrix."""
    w = np.linalg.eigvalsh(matrix)
    w = w[w > 1e-15]
    return float(-(w * np.log2(w)).sum())


def root_of(effect: Any) -> Any:
    """The positive square root of a positive matrix."""
    w, v = np.linalg.eigh(effect)
    return (v * np.sqrt(np.maximum(w, 0.0))) @ v.conj().T


def true_entropy(strategy: sb.Strategy, x: int, y: int | None = None, q: float = 0.0) -> float:
    """The entropy given a purification: Eve's conditional states have the spectra of sqrt(M) rho sqrt(M)."""
    alice, bob = strategy.measurements
    effects = [np.kron(m, np.eye(strategy.dimensions[1])) for m in alice[x]]
    if q:
        effects = [(1 - q) * effects[0] + q * effects[1], (1 - q) * effects[1] + q * effects[0]]
    if y is not None:
        effects = [m @ np.kron(np.eye(strategy.dimensions[0]), n) for m in effects for n in bob[y]]
    return sum(plogp(root_of(m) @ strategy.state @ root_of(m)) for m in effects) - plogp(strategy.state)


def isotropic(eps: float) -> np.ndarray:
    """A PR box, P[a, b, x, y], that errs with probability eps at every pair of settings."""
    p = np.zeros((2, 2, 2, 2))
    for a, b, x, y in product(range(2), repeat=4):
        p[a, b, x, y] = (1 - eps) / 2 if a ^ b == x & y else eps / 2
    return p


def chsh_error(p: np.ndarray) -> float:
    """The probability that a XOR b is not x AND y, over settings chosen evenly."""
    return float(sum(p[a, b, x, y] for a, b, x, y in product(range(2), repeat=4) if a ^ b != x & y) / 4)


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> bool:
    """Whether the condition comes true in time, looked at every 20 ms."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
