"""Rounds one by one: what each party was asked and answered, and whether the round was a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import unmasked
from sdpbound.arrays import Ints
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidParameter, InvalidSettings, InvalidShape

__all__ = ["LARGEST_NUMBER", "Rounds"]

#: The largest number of a setting or of an outcome.
LARGEST_NUMBER = 254
#: Rounds that are counted at once, which bounds the memory.
STEP = 1 << 20
Small = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """Settings and outcomes of every round, one byte each.

    Parameters
    ----------
    x, y, a, b : (n,) settings and outcomes
    tests : (n,) whether the round was a test; all of them if it is None
    start : the number of the first round, where these are a part of others
    """

    x: Small
    y: Small
    a: Small
    b: Small
    tests: NDArray[np.bool_] | None = None
    start: int = 0

    @classmethod
    def checked(cls, columns: Sequence[ArrayLike], tests: ArrayLike | None) -> Rounds:
        """Rounds of four arrays x, y, a, b of whole numbers, and one of zeros and ones for tests."""
        arrays = [small(column, name) for column, name in zip(columns, "xyab", strict=True)]
        chosen = None if tests is None else small(tests, "tests", 1).astype(np.bool_)
        sizes = [array.size for array in arrays] + ([] if chosen is None else [chosen.size])
        if len(set(sizes)) > 1 or not sizes[0]:
            raise InvalidShape(f"rounds need arrays x, y, a, b of one length above 0, not of {sizes}.")
        x, y, a, b = arrays
        return cls(x, y, a, b, chosen)

    def __len__(self) -> int:
        return self.x.size

    def part(self, start: int, end: int) -> Rounds:
        """The rounds from ``start`` up to ``end``."""
        chosen = None if self.tests is None else self.tests[start:end]
        places = slice(start, end)
        return Rounds(self.x[places], self.y[places], self.a[places], self.b[places], chosen, self.start + start)

    def scenario(self) -> Scenario:
        """The smallest scenario that has all settings and outcomes, two of each at least."""
        sizes = [max(2, int(array.max()) + 1) for array in (self.x, self.y, self.a, self.b)]
        return Scenario(((sizes[2],) * sizes[0], (sizes[3],) * sizes[1]))

    def tables(self, scenario: Scenario) -> tuple[Ints, Ints]:
        """How often each result came, (A, B, X, Y): in tests, and in other rounds."""
        shape = scenario.table_shape
        for array, size, name in zip((self.a, self.b, self.x, self.y), shape, "abxy", strict=True):
            if int(array.max()) >= size:
                raise InvalidSettings(
                    f"the rounds have {name} = {int(array.max())}, and {scenario} has 0 to {size - 1}."
                )
        found = np.zeros((2, int(np.prod(shape))), dtype=np.int64)
        for start in range(0, len(self), STEP):
            some = self.part(start, start + STEP)
            place = np.ravel_multi_index((some.a, some.b, some.x, some.y), shape)
            tested = np.ones(place.size, dtype=bool) if some.tests is None else some.tests
            found[0] += np.bincount(place[tested], minlength=found.shape[1])
            found[1] += np.bincount(place[~tested], minlength=found.shape[1])
        return found[0].reshape(shape), found[1].reshape(shape)


def small(given: ArrayLike, name: str, most: int = LARGEST_NUMBER) -> Small:
    """A one-dimensional array of whole numbers from 0 to ``most``, as bytes."""
    unmasked(given, name)
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, OverflowError):
        raise InvalidShape(f"{name} must be an array of whole numbers, one for each round.") from None
    if array.ndim != 1 or array.dtype.kind not in "biu":
        raise InvalidShape(
            f"{name} must be an array of whole numbers, one for each round, not {array.dtype} of shape {array.shape}."
        )
    if array.size and not 0 <= int(array.min()) <= int(array.max()) <= most:
        raise InvalidParameter(f"{name} has numbers from {array.min()} to {array.max()}; allowed are 0 to {most}.")
    return array.astype(np.uint8)
