"""The split program of any joint marginal in Collins-Gisin coordinates: 9, 81, 729 for one, two, three boxes.

Rows are the joint probabilities; a part is ``p_t = P/k + y_t`` with ``sum_t y_t = 0`` (``y_0`` is minus the others).
Eve's figure is ``sum_t g_t . p_t``, each ``g_t`` a functional of Alice's outcomes for her settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import prod

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.boxes.boxes import JointBoxes
from sdpbound.boxes.exact import Integers, functional, row_matrix, row_matrix_inverse
from sdpbound.boxes.split_program import SplitProgram
from sdpbound.errors import TooLarge

__all__ = ["direct_program", "outcome_functional", "require_solvable"]

#: Most inequalities of a direct program: three boxes and eight values.
LARGEST_PROGRAM = 32768


def require_solvable(boxes: JointBoxes, values: int) -> None:
    """Refuse programs that would take minutes."""
    coordinates, rows = prod(1 + k for k in boxes.parties), prod(2 * k for k in boxes.parties)
    if rows * values > LARGEST_PROGRAM:
        raise TooLarge(
            f"{boxes.n} boxes and a function of {values} values make a linear program of {coordinates * (values - 1)} "
            f"variables and {rows * values} inequalities (limit {LARGEST_PROGRAM}); use "
            "tensor_dual, whose bound on the XOR holds for any boxes, or boxes.depolarised() if Alice and "
            "Bob do depolarise theirs."
        )


def outcome_functional(boxes: JointBoxes, settings: Sequence[int], gain: NDArray[np.int64]) -> Integers:
    """The functional ``sum_x gain[x] P(x|u)`` of the coordinates, flattened; Alice's settings ``u_i``."""
    rows = np.zeros(tuple(2 * k for k in boxes.parties), dtype=object)
    for x in np.ndindex(*gain.shape):
        # Bob's setting does not matter; 0 is taken
        rows[tuple(e for u, a in zip(settings, x, strict=True) for e in (2 * u + a, slice(0, 2)))] = int(gain[x])
    return functional(rows).reshape(-1)


def direct_program(
    boxes: JointBoxes, settings: Sequence[int], payoffs: Sequence[NDArray[np.int64]], scale: int = 1
) -> SplitProgram:
    """Maximise ``sum_t sum_x payoffs[t][x] p_t(x|u) / scale`` over the splits of the marginal into k parts."""
    k = len(payoffs)
    require_solvable(boxes, k)
    gains = [outcome_functional(boxes, settings, payoff) for payoff in payoffs]
    signs = np.vstack([-np.ones((1, k - 1), dtype=np.int64), np.eye(k - 1, dtype=np.int64)])
    unsigns = signs.copy()
    unsigns[0] = 0
    matrix, inverse = _maps(boxes.parties)
    z = boxes.coordinates.reshape(-1)
    constant = sum((Fraction(int((g * z).sum()), k * scale * boxes.denominator) for g in gains), Fraction(0))
    return SplitProgram(
        k,
        k,
        signs,
        unsigns,
        (matrix,) * (k - 1),
        (inverse,) * (k - 1),
        tuple(g - gains[0] for g in gains[1:]),
        scale,
        boxes.table.reshape(-1),
        boxes.denominator,
        constant,
        boxes.parties,
    )


@lru_cache(maxsize=8)
def _maps(parties: tuple[int, ...]) -> tuple[sp.csr_array, sp.csr_array]:
    return row_matrix(parties), row_matrix_inverse(parties)
