"""Deterministic strategies: exact maxima of expressions over local correlations."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.enumeration import as_integers, exact_maximum
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import TooLarge
from sdpbound.limiting import require_time

__all__ = ["ENUMERATION_LIMIT", "exact_deterministic_maximum", "maximize_deterministic"]


#: Most strategies that are enumerated in floating point, where the coefficients are no integers of 64 bits.
ENUMERATION_LIMIT = 1 << 22
#: Bits kept of coefficients of which only a maximum in floating point is asked.
ROUNDED_BITS = 60


def maximize_deterministic(scenario: Scenario, coefficients: NDArray[np.float64]) -> float:
    """Maximum of a functional over deterministic strategies, in floating point; :func:`exact_deterministic_maximum`.

    It is the float closest to the exact maximum where the coefficients are multiples of one power of two that fit into
    64 bits, as those of nearly all known expressions are. Otherwise it is off by at most some 1e-16 of their sum.
    """
    found = as_integers(coefficients)
    if found is not None:
        table, k = found
        return float(_scaled(exact_maximum(scenario, table), k))
    if _number(scenario) <= ENUMERATION_LIMIT:
        return float(_best_responses(scenario, coefficients)[0].max())
    k = ROUNDED_BITS - math.frexp(math.fsum(np.abs(coefficients).ravel()))[1]
    return float(_scaled(exact_maximum(scenario, np.rint(np.ldexp(coefficients, k)).astype(np.int64)), k))


def exact_deterministic_maximum(scenario: Scenario, coefficients: NDArray[np.float64]) -> Fraction:
    """The exact maximum over deterministic strategies, of coefficients (``scenario.shape``) in moment coordinates.

    Multiples of one power of two that fit into 64 bits are summed as integers. Otherwise floating point finds the
    strategies that can attain the maximum, and rational arithmetic decides.

    Raises
    ------
    TooLarge
        There are more strategies than can be gone through.
    """
    found = as_integers(coefficients)
    if found is not None:
        table, k = found
        return _scaled(exact_maximum(scenario, table), k)
    values, last, others = _best_responses(scenario, coefficients)
    slack = max(1e-13, 4e-16 * coefficients.size) * (1.0 + float(np.abs(coefficients).sum()))
    table_ = np.moveaxis(coefficients, last, -1)
    shape = [scenario.count_deterministic()[party] for party in others]
    points = [scenario.deterministic(party) for party in others]
    best: Fraction | None = None
    for place in np.flatnonzero(values >= values.max() - slack):
        choice = np.unravel_index(int(place), shape) if shape else ()
        row = [Fraction(0)] * table_.shape[-1]
        vectors = [p[i] for p, i in zip(points, choice, strict=True)]
        for index in np.argwhere(table_):
            sign = 1
            for vector, i in zip(vectors, index[:-1], strict=True):
                sign *= int(vector[i])
            row[index[-1]] += sign * Fraction(float(table_[tuple(index)]))
        value = row[0]
        for x, d in enumerate(scenario.outcomes[last]):
            own = [row[i + 1] for i, letter in enumerate(scenario.letters[last]) if letter.setting == x]
            value += abs(own[0]) if d == 2 else max([Fraction(0), *own])
        best = value if best is None else max(best, value)
    assert best is not None
    return best


def _scaled(value: int, k: int) -> Fraction:
    """``value * 2**-k``."""
    return Fraction(value) / 2**k if k >= 0 else Fraction(value * 2**-k)


def _number(scenario: Scenario) -> int:
    """Strategies of all parties but the largest."""
    counts = scenario.count_deterministic()
    return math.prod(counts) // max(counts)


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
            f"{total} deterministic strategies are too many to enumerate (limit {ENUMERATION_LIMIT}) with coefficients "
            "that are no multiples of one power of two within 64 bits; round the coefficients, use fewer settings, or "
            "the upper bound of maximize(expression, NoSignaling())."
        )
    t = np.moveaxis(coefficients, last, -1)
    for party in others:
        require_time()
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
