"""Derivatives of functions of small symmetric matrices, for many matrices at once.

A symmetric k x k matrix is written as a vector of its d = k (k + 1) / 2 entries on and above the diagonal. The entries
above the diagonal are multiplied by root two. The product of two such vectors is then the trace of the product of the
matrices. With ``m = v diag(e) v^T`` the derivative of f(m) along x is ``v (d * (v^T x v)) v^T`` with
d_ij = (f(e_i) - f(e_j)) / (e_i - e_j).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats

__all__ = ["exponential_slope", "logarithm_slope", "matrices_of", "places_in", "vectors_of"]

Integers = NDArray[np.int64]

_ROOT = float(np.sqrt(2.0))
#: Two eigenvalues that differ, or relatively differ, by less than this count as equal; the error is its square.
_CLOSE = 1e-5


@lru_cache
def _pairs(k: int) -> tuple[Integers, Integers, Floats]:
    i, j = np.triu_indices(k)
    return i, j, np.where(i == j, 1.0, _ROOT)


@lru_cache
def _double_pairs(k: int) -> tuple[tuple[Integers, ...], Floats]:
    """The places in a k x k matrix of the four factors of each entry of :func:`_turn`, and the scale of the entry."""
    i, j, scale = _pairs(k)
    a, b = i[:, None], j[:, None]
    return (a * k + i, b * k + j, a * k + j, b * k + i), 0.5 * np.outer(scale, scale)


def vectors_of(matrices: Floats) -> Floats:
    """The vectors (n, k(k+1)/2) of symmetric matrices (n, k, k)."""
    i, j, scale = _pairs(matrices.shape[1])
    return np.asarray(matrices[:, i, j] * scale, dtype=np.float64)


def matrices_of(vectors: Floats, k: int) -> Floats:
    """The symmetric matrices (n, k, k) of vectors (n, k(k+1)/2)."""
    i, j, scale = _pairs(k)
    out = np.empty((len(vectors), k, k))
    out[:, i, j] = out[:, j, i] = vectors / scale
    return out


def places_in(support: Integers, k: int) -> Integers:
    """The places, in the vector of a k x k matrix, of the entries of its block on a support."""
    i, j, _ = _pairs(len(support))
    number = np.zeros((k, k), dtype=np.int64)
    number[_pairs(k)[:2]] = np.arange(k * (k + 1) // 2)
    return np.asarray(number[support[i], support[j]], dtype=np.int64)


def _turn(v: Floats) -> Floats:
    """The maps (n, d, d) from the vector of x to the vector of v x v^T, for v (n, k, k)."""
    (p, q, r, s), scale = _double_pairs(v.shape[1])
    flat = v.reshape(len(v), -1)
    return np.asarray((flat[:, p] * flat[:, q] + flat[:, r] * flat[:, s]) * scale, dtype=np.float64)


def _slope(v: Floats, quotients: Floats, weights: Floats) -> Floats:
    turn = _turn(v) * weights[:, None]
    return np.asarray((turn * quotients[:, None, :]) @ turn.transpose(0, 2, 1), dtype=np.float64)


def exponential_slope(e: Floats, v: Floats) -> Floats:
    """The derivative (n, d, d) of exp(m) / trace by m, from eigenvalues whose largest is zero, and eigenvectors."""
    i, j, scale = _pairs(e.shape[1])
    powers = np.exp(e)
    trace = powers.sum(axis=1, keepdims=True)
    gaps = e[:, i] - e[:, j]
    near = np.abs(gaps) < _CLOSE
    quotients = np.where(
        near, 0.5 * (powers[:, i] + powers[:, j]), (powers[:, i] - powers[:, j]) / np.where(near, 1.0, gaps)
    )
    state = vectors_of((v * (powers / trace)[:, None, :]) @ v.transpose(0, 2, 1))
    slope = _slope(v, quotients / trace, np.ones(len(scale)))
    return np.asarray(slope - state[:, :, None] * state[:, None, :], dtype=np.float64)


def logarithm_slope(e: Floats, v: Floats, weights: Floats) -> Floats:
    """The derivative (n, d, d) of N log(N r N) N by r, N = diag(weights), from the eigenvalues and vectors of N r N."""
    i, j, _ = _pairs(e.shape[1])
    ratios = e[:, j] / e[:, i]
    near = np.abs(ratios - 1.0) < _CLOSE
    gaps = np.where(near, 1.0, e[:, j] - e[:, i])
    quotients = np.where(near, 2.0 / (e[:, i] + e[:, j]), np.log(ratios) / gaps)
    return _slope(v, quotients, weights[i] * weights[j])
