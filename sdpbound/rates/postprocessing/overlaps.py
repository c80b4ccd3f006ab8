"""How alike Eve's states are where Alice and Bob have equal outcomes 0 and 1: certified lower bounds.

Let ``A = tr_AB[(M_0 x N_0 x 1) psi]`` and ``B = tr_AB[(M_1 x N_1 x 1) psi]`` be Eve's states of the key's outcomes 00
and 11, of traces p_00 and p_11. Each overlap is additive for a mixture whose index Eve knows, and the least of what
she gets by a measurement, ``min sum_e f(tr A E_e, tr B E_e)`` with f concave and homogeneous of degree one:

==========  ======================  ==========================================================================
name        f(p, q)                 what it is
==========  ======================  ==========================================================================
fidelity    sqrt(p q)               the root fidelity ``|| sqrt A sqrt B ||_1`` (Fuchs and Caves)
coherence   2 p q / (c p + q / c)   of pure A and B ``2 F^2 / (c p_00 + p_11 / c)``, F their root fidelity
error       min(c p, q / c)         the least error ``(c p_00 + p_11 / c - || c A - B / c ||_1) / 2`` (Helstrom)
==========  ======================  ==========================================================================

Here ``c = sqrt(p_11 / p_00)``. A polygon below f has pieces ``l_i``, f >= min_i l_i, and then the overlap is at least
``min sum_i l_i(tr A E_i, tr B E_i)`` over measurements with an outcome for each piece: a Bell expression of three
parties (arXiv:2105.03213 does the same for the fidelity). The pieces of the error are the error itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdpbound.arguments import whole
from sdpbound.arrays import Floats
from sdpbound.bounds.bound import Bound
from sdpbound.rates.postprocessing.eve import EveObjective, KeyData, bounded_with_eve

__all__ = ["KINDS", "MOST_PIECES", "Overlap", "balance_of", "overlap", "overlap_objective", "within"]

#: The overlaps, and what they are called.
KINDS = {
    "fidelity": "F(E|00, E|11)",
    "coherence": "coherence of E|00 and E|11",
    "error": "P_error(E|00 or E|11)",
}
#: The largest ratio of probabilities at which the polygon touches the function.
WIDEST = 8.0
#: Most pieces: both checkers read measurements of up to eight outcomes.
MOST_PIECES = 8
#: Roundings of the pieces: the polygon is below the function by more.
MARGIN = 1e-12


@dataclass(frozen=True, eq=False)
class Overlap:
    """A proven lower bound on an overlap of Eve's states, not below 0.

    Attributes
    ----------
    value : not normalised, between 0 and ``sqrt(p_00 p_11)``
    kind : "fidelity", "coherence" or "error"
    balance : c of the table above, 1 for the fidelity
    bound : what was certified
    """

    value: float
    kind: str
    balance: float
    bound: Bound


def overlap(key: KeyData, kind: str, level: str, pieces: int) -> Overlap:
    """A proven lower bound on an overlap of Eve's states given the tests.

    Parameters
    ----------
    pieces : of the polygon, 3 to 8; the error has two
    """
    bound = bounded_with_eve(key, overlap_objective(key, kind, pieces), level)
    return Overlap(within(key, bound.value), kind, balance_of(key, kind), bound)


def overlap_objective(key: KeyData, kind: str, pieces: int) -> EveObjective:
    """The objective of an overlap: a measurement of Eve's with an outcome for each piece of the polygon."""
    pieces = whole(pieces, "pieces", 3, MOST_PIECES)
    effects = []
    for first, second in _pieces(kind, balance_of(key, kind), 2 if kind == "error" else pieces):
        weights = np.zeros(key.joint.shape)
        weights[0, 0], weights[1, 1] = first, second
        effects.append(weights)
    return EveObjective([effects], KINDS[kind])


def balance_of(key: KeyData, kind: str) -> float:
    """c of the table above, ``sqrt(p_11 / p_00)``, 1 for the fidelity."""
    equal = float(key.joint[0, 0]), float(key.joint[1, 1])
    return math.sqrt(equal[1] / equal[0]) if kind != "fidelity" and min(equal) > 0.0 else 1.0


def within(key: KeyData, proven: float) -> float:
    """A proven number as a bound on an overlap, which is from 0 to ``sqrt(p_00 p_11)``."""
    return min(max(proven, 0.0), math.sqrt(float(key.joint[0, 0]) * float(key.joint[1, 1])))


def _pieces(kind: str, balance: float, count: int) -> Floats:
    """(count, 2) the coefficients of p and q of a polygon below the function, through (1, 0) and (0, 1)."""
    ratios = np.exp(np.linspace(-1.0, 1.0, count - 1) * math.log(WIDEST)) if count > 2 else np.ones(1)
    corners = np.vstack([[1.0, 0.0], np.column_stack([np.ones(count - 1), ratios]), [0.0, 1.0]])
    p, q = corners.T
    values = {"fidelity": np.sqrt(p * q), "coherence": 2.0 * p * q / (p + q), "error": np.minimum(p, q)}[kind]
    lines = np.array([np.linalg.solve(corners[i : i + 2], values[i : i + 2]) for i in range(count)])
    return np.asarray(lines * (1.0 - MARGIN) * [balance, 1.0 / balance], dtype=np.float64)
