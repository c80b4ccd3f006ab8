"""Deterministic strategies: exact maxima of expressions over local correlations."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.scenario import Scenario
from sdpbound.errors import TooLarge

__all__ = ["ENUMERATION_LIMIT", "exact_deterministic_maximum", "maximize_deterministic"]


#: Most strategies that are enumerated for an exact local bound.
ENUMERATION_LIMIT = 1 << 22


def maximize_deterministic(scenario: Scenario, coefficients: NDArray[np.float64]) -> float:
    """Maximum of a functional over deterministic strategies, in floating point; :func:`exact_deterministic_maximum`."""
    return float(_best_responses(scenario, coefficients)[0].max())


def exact_deterministic_maximum(scenario: Scenario, coefficients: NDArray[np.float64]) -> Fraction:
    """The exact maximum: floating point finds the strategies that can attain it, and rational arithmetic decides."""
    values, last, others = _best_responses(scenario, coefficients)
    slack = max(1e-13, 4e-16 * coefficients.size) * (1.0 + float(np.abs(coefficients).sum()))
    table = np.moveaxis(coefficients, last, -1)
    shape = [scenario.count_deterministic()[party] for party in others]
    points = [scenario.deterministic(party) for party in others]
    best: Fraction | None = None
    for place in np.flatnonzero(values >= values.max() - slack):
        choice = np.unravel_index(int(place), shape) if shape else ()
        row = [Fraction(0)] * table.shape[-1]
        vectors = [p[i] for p, i in zip(points, choice, strict=True)]
        for index in np.argwhere(table):
            sign = 1
            for vector, i in zip(vectors, index[:-1], strict=True):
                sign *= int(vector[i])
            row[index[-1]] += sign * Fraction(float(table[tuple(index)]))
        value = row[0]
        for x, d in enumerate(scenario.outcomes[last]):
            own = [row[i + 1] for i, letter in enumerate(scenario.letters[last]) if letter.setting == x]
            value += abs(own[0]) if d == 2 else max([Fraction(0), *own])
        best = value if best is None else max(best, value)
    assert best is not None
    return best


def _best_responses(
    scenario: Scenario, coefficients: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int, list[int]]:
    """For every choice of deterministic strategies of all parties but the largest, the value of that one's best
    response, which it finds setting by setting; and which parties these are."""
    counts = scenario.count_deterministic()
    last = int(np.argmax(counts))
    others = [i for i in range(scenario.parties) if i != last]
    total = math.prod(counts[i] for i in others)
    if total > ENUMERATION_LIMIT:
        raise TooLarge(
            f"{total} deterministic strategies are too many to enumerate (limit {ENUMERATION_LIMIT}); use fewer "
            "settings, or the upper bound of maximize(expression, NoSignaling())."
        )
    t = np.moveaxis(coefficients, last, -1)
    for party in others:
        t = np.tensordot(t, scenario.deterministic(party), axes=(0, 1))  # the consumed axis is always the first
    t = t.reshape(scenario.shape[last], -1)
    best = t[0].copy()
    for x, d in enumerate(scenario.outcomes[last]):
        rows = [i + 1 for i, letter in enumerate(scenario.letters[last]) if letter.setting == x]
        if d == 2:
            best += np.abs(t[rows[0]])
        elif rows:
            best += np.maximum(t[rows].max(axis=0), 0.0)
    return best, last, others
