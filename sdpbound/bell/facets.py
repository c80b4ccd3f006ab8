"""Facets of the local polytope, recognised by counting."""

from __future__ import annotations

import math

import numpy as np

from sdpbound.bell.expression import BellExpression
from sdpbound.errors import TooLarge

__all__ = ["is_facet"]

#: Most deterministic points times coordinates that are written down.
LARGEST = 1 << 25


def is_facet(expression: BellExpression) -> bool:
    """Whether "at most its local bound" is a facet of the local polytope, of any scenario.

    All deterministic points are written down; those that reach the maximum must span a space of one dimension less than
    all moments have, constant included. Positivity, p(ab..|xy..) >= 0, is such a facet, too.

    ``expression`` is of any scenario that is small enough.

    Raises
    ------
    TooLarge
        The points times coordinates are more than 2^25.

    >>> is_facet(BellExpression.from_correlators([[1, 1], [1, -1]])), is_facet(BellExpression.from_correlators([[1.0]]))
    (True, False)
    """
    scenario = expression.scenario
    size, number = math.prod(scenario.shape), math.prod(scenario.count_deterministic())
    if size * number > LARGEST:
        raise TooLarge(
            f"{number} deterministic points of {size} coordinates are too many; at most 2^25 numbers are used."
        )
    points = np.ones((1, 1))
    for party in range(scenario.parties):
        own = scenario.deterministic(party)
        points = np.einsum("ai,bj->abij", points, own).reshape(len(points) * len(own), -1)
    coefficients = expression.coefficients.ravel()
    values = points @ coefficients
    slack = 1e-10 * max(1.0, float(np.abs(coefficients).sum()))
    reached = points[values >= values.max() - slack]
    return int(np.linalg.matrix_rank(reached)) == size - 1
