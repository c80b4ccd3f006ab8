"""The CGLMP expression with the best state for its standard measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import cglmp
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.search import best_state
from sdpbound.bell.strategy import Strategy

__all__ = ["Cglmp"]


@dataclass(frozen=True)
class Cglmp(Family):
    r"""CGLMP with the measurements of quant-ph/0106024 and the best state for them, which is not maximally entangled.

    Alice's vectors are ``sum_j exp(2 pi i j (k + s_x)/d) |j>/sqrt(d)`` for outcome k, with s = (0, 1/2), Bob's
    ``sum_j exp(2 pi i j (-l + t_y)/d) |j>/sqrt(d)`` for outcome l, with t = (1/4, -1/4). The state is the top
    eigenvector of the Bell operator (Acin, Durt, Gisin and Latorre, PRA 65, 052325), found numerically. For d = 2, 3
    its value is the quantum maximum in closed form; for larger d it is believed to be, and no closed form is known.

    >>> m = Cglmp().member(d=3)
    >>> round(m.strategy_value, 9), round(m.quantum_bound, 9)
    (2.914854216, 2.914854216)
    """

    name = "cglmp"
    text = "CGLMP with its standard measurements and the best state for them"
    source = "Collins et al., quant-ph/0106024; Acin et al., PRA 65, 052325"
    axes = (Axis("d", "1", 2, 12, "outcomes of each setting", whole=True),)

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return cglmp(int(values["d"]))

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        d = int(values["d"])
        alice = _fourier(d, 1, (0.0, 0.5))
        bob = _fourier(d, -1, (0.25, -0.25))
        _, vector = best_state(self.expression(values), (alice, bob))
        return Strategy(vector, (alice, bob))

    def local_bound(self, values: Mapping[str, float]) -> float:
        return 2.0

    def quantum_bound(self, values: Mapping[str, float]) -> float | None:
        return {2: 2.0 * math.sqrt(2.0), 3: 1.0 + math.sqrt(11.0 / 3.0)}.get(int(values["d"]))


def _fourier(d: int, sign: int, shifts: Sequence[float]) -> tuple[NDArray[np.complex128], ...]:
    """The projectors (d, d, d) of each setting: of outcome k on the vector with phases j (sign k + shift)."""
    j = np.arange(d)
    found = []
    for shift in shifts:
        vectors = np.exp(2j * math.pi * np.outer(sign * j + shift, j) / d) / math.sqrt(d)  # one for each row
        found.append(np.einsum("ki,kj->kij", vectors, vectors.conj()))
    return tuple(found)
