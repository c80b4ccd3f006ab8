"""Functions of Alice's outcomes: the XOR, one outcome, several GF(2)-linear bits, or any table of labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import reals
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["OutcomeFunction", "outcome_function"]

#: Most bits of a linear map.
MOST_BITS = 6


@dataclass(frozen=True, eq=False)
class OutcomeFunction:
    """``f(x_1, ..., x_n)`` with values 0 to ``values - 1``.

    Attributes
    ----------
    boxes : n
    values : number of values
    name : in words
    matrix : (s, n) over GF(2), rows independent, if f is linear (bit i of the value is row i); else None
    table : (2,) * n of values, if f is not linear; else None
    """

    boxes: int
    values: int
    name: str
    matrix: NDArray[np.int64] | None
    table: NDArray[np.int64] | None

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The value for every x, shape (2,) * n."""
        if self.table is not None:
            return self.table
        assert self.matrix is not None
        x = np.indices((2,) * self.boxes).reshape(self.boxes, -1)
        bits = self.matrix @ x % 2
        return np.asarray((1 << np.arange(len(bits))) @ bits).reshape((2,) * self.boxes)

    def __call__(self, outcomes: tuple[int, ...]) -> int:
        return int(self.labels[outcomes])


def outcome_function(function: Any, boxes: int) -> OutcomeFunction:
    """Read a function of n outcomes.

    ``"xor"``; an integer i (outcome of box i, from 0); a 0/1 matrix (s, n) or row (n,), a GF(2)-linear map; or a
    callable of n bits with values 0, 1, ... (needs n <= 3).

    ``boxes`` is their number n.

    Raises
    ------
    InvalidShape, InvalidParameter
        The function is of another number of boxes, its entries are not 0 and 1, or it has too many values.

    >>> outcome_function("xor", 3).values, outcome_function([[1, 0], [0, 1]], 2).values  # a bit; both outcomes
    (2, 4)
    """
    if isinstance(function, OutcomeFunction):
        if function.boxes != boxes:
            raise InvalidShape(f"the function takes {function.boxes} outcomes, and there are {boxes} boxes.")
        return function
    if isinstance(function, str):
        if function != "xor":
            raise InvalidParameter(
                f"function {function!r} is unknown; use 'xor', the index of a box, a 0/1 matrix, or a callable."
            )
        return _linear(np.ones((1, boxes), dtype=np.int64), f"XOR of {boxes} outcomes" if boxes > 1 else "the outcome")
    if isinstance(function, int | np.integer) and not isinstance(function, bool):
        if not 0 <= function < boxes:
            raise InvalidParameter(f"box {function} does not exist: the {boxes} boxes are 0 to {boxes - 1}.")
        row = np.zeros((1, boxes), dtype=np.int64)
        row[0, int(function)] = 1
        return _linear(row, f"outcome of box {int(function)}")
    if callable(function):
        return _tabulated(function, boxes)
    try:
        matrix = reals(function, "a linear map")
    except InvalidShape:
        raise InvalidParameter(
            f"function {function!r:.60} cannot be read; use 'xor', the index of a box, a 0/1 matrix, or a callable."
        ) from None
    matrix = matrix[None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or matrix.shape[1] != boxes or not matrix.shape[0]:
        raise InvalidShape(
            f"a linear map of {boxes} outcomes needs a 0/1 matrix of shape (s, {boxes}), not {matrix.shape}."
        )
    if not np.isin(matrix, (0.0, 1.0)).all():
        raise InvalidParameter("a linear map over GF(2) has entries 0 and 1 only.")
    if len(matrix) > MOST_BITS:
        raise InvalidParameter(f"{len(matrix)} bits are too many: at most {MOST_BITS} are supported.")
    table = matrix.astype(np.int64)
    name = ", ".join("XOR of boxes " + "+".join(map(str, np.flatnonzero(row))) for row in table)
    return _linear(table, name)


def _linear(matrix: NDArray[np.int64], name: str) -> OutcomeFunction:
    bits = len(matrix)
    for choice in range(1, 1 << bits):
        picked = [i for i in range(bits) if choice >> i & 1]
        if not (matrix[picked].sum(axis=0) % 2).any():
            raise InvalidParameter(
                f"rows {picked} of the linear map add up to zero, so its bits are not independent; leave one row out."
            )
    return OutcomeFunction(matrix.shape[1], 1 << bits, name, matrix, None)


def _tabulated(function: Callable[..., Any], boxes: int) -> OutcomeFunction:
    if boxes > 3:
        raise InvalidParameter(
            f"a callable of {boxes} outcomes cannot be used (at most 3); give a linear map as a 0/1 matrix instead."
        )
    table = np.zeros((2,) * boxes, dtype=np.int64)
    for x in np.ndindex(*table.shape):
        try:
            value = function(*x)
        except TypeError as error:
            raise InvalidParameter(f"the function cannot be called with the {boxes} bits {x}: {error}.") from None
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 64:
            raise InvalidParameter(f"the function of {x} is {value!r:.60}; it must be an integer from 0 to 63.")
        table[x] = int(value)
    if sorted(set(table.ravel().tolist())) != list(range(int(table.max()) + 1)) or not table.max():
        raise InvalidParameter("the function's values must be 0, 1, ... without gaps, and at least two of them.")
    name = getattr(function, "__name__", "function")
    return OutcomeFunction(boxes, int(table.max()) + 1, f"{name} of {boxes} outcomes", None, table)
