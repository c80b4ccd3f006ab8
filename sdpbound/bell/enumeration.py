"""Exact maxima over deterministic strategies in integers of 64 bits, for many strategies.

All parties but the one with most strategies are enumerated, and its best answers are found setting by setting. Of the
enumerated ones the largest goes in Gray order through compiled loops: a strategy costs one addition and one comparison
for each coordinate of the last party. So 24 settings of two outcomes a side take about half a second.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import TooLarge
from sdpbound.limiting import require_time

__all__ = ["ENUMERATION_WORK", "as_integers", "exact_maximum", "most_strategies"]

#: Most strategies times coordinates of the last party that are gone through: half a minute or less.
ENUMERATION_WORK = 1 << 33
#: Sums of sizes below this are exact in 64 bits, those of differences of two rows among them.
LARGEST_SUM = 1 << 61
#: Strategies that one call of the compiled loop goes through from each base, and numbers that a block of bases holds.
BLOCK, BASES = 1 << 18, 1 << 22
#: Most strategies times coordinates that a call of the compiled loop goes through, below a second: limits of time
#: are asked for between two of them.
UNCUT = 1 << 27
#: Fewer strategies times coordinates than this are done as arrays: the compiled loop takes a second to load.
FEW = 1 << 18


def as_integers(coefficients: Floats) -> tuple[Ints, int] | None:
    """Integers n and an exponent k with ``coefficients == n * 2**-k`` exactly, if all sums of them stay in 64 bits."""
    mantissas, exponents = np.frexp(coefficients)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    used = whole != 0
    if not used.any():
        return np.zeros(coefficients.shape, dtype=np.int64), 0
    lowest = whole[used] & -whole[used]  # the last bit that is set
    units = exponents[used] - 53 + np.frexp(lowest.astype(np.float64))[1] - 1
    k = -int(units.min())
    if int(exponents[used].max()) + k > LARGEST_SUM.bit_length():
        return None
    table = np.ldexp(coefficients, k)
    if math.fsum(np.abs(table).ravel()) >= LARGEST_SUM:
        return None
    return table.astype(np.int64), k


def most_strategies(scenario: Scenario) -> tuple[int, list[int]]:
    """The party with most strategies, which is not enumerated, and the others, the largest of them last."""
    counts = scenario.count_deterministic()
    last = int(np.argmax(counts))
    return last, sorted((i for i in range(scenario.parties) if i != last), key=lambda i: counts[i])


def exact_maximum(scenario: Scenario, table: Ints) -> int:
    """The maximum of an integer functional in moment coordinates, ``scenario.shape``, over deterministic strategies.

    Raises :class:`TooLarge` above :data:`ENUMERATION_WORK`, and TimeIsUp beyond a limit of time. The sum of all sizes
    must be below 2^61.
    """
    last, others = most_strategies(scenario)
    counts = scenario.count_deterministic()
    total = math.prod(counts[i] for i in others)
    work = total * scenario.shape[last]
    if work > ENUMERATION_WORK:
        raise TooLarge(
            f"{total} deterministic strategies are too many to enumerate (limit "
            f"{ENUMERATION_WORK // scenario.shape[last]} in this scenario); use fewer settings, or the "
            "upper bound of maximize(expression, NoSignaling())."
        )
    *outer, inner = others or [last]
    if not others:
        return int(_array_maxima(scenario, last, table[None]).max())
    best: int | None = None
    for matrices in _contracted(scenario, table, [*outer, inner, last], outer):
        require_time()
        if work <= FEW:
            points = scenario.deterministic(inner).astype(np.int64)
            found = int(_array_maxima(scenario, last, (points @ matrices).reshape(-1, scenario.shape[last])).max())
        else:
            found = _compiled_maximum(scenario, inner, last, matrices)
        best = found if best is None else max(best, found)
    assert best is not None
    return best


def _contracted(scenario: Scenario, table: Ints, order: Sequence[int], outer: Sequence[int]) -> Iterator[Ints]:
    """Blocks of matrices (number, inner's coordinates, last's), one for each choice of the outer parties' strategies.

    The strategies of the first parties are gone through one by one, as far as a block of all would be too large.
    """
    t = np.transpose(table, order)
    size, counts = math.prod(t.shape[-2:]), scenario.count_deterministic()
    single = 0
    while single < len(outer) and math.prod(counts[i] for i in outer[single:]) * size > BASES:
        single += 1
    points = [scenario.deterministic(party).astype(np.int64) for party in outer]
    for choice in itertools.product(*(range(len(p)) for p in points[:single])):
        part = t
        for p, i in zip(points, choice, strict=False):
            part = np.tensordot(p[i], part, axes=(0, 0))
        for p in points[single:]:
            part = np.tensordot(part, p, axes=(0, 1))  # the consumed axis is always the first
        rest = len(outer) - single  # axes now: inner, last, then the strategies of each party
        yield np.ascontiguousarray(np.moveaxis(part, [0, 1], [rest, rest + 1])).reshape(-1, *t.shape[-2:])


def _settings(scenario: Scenario, party: int) -> list[list[int]]:
    """The coordinates of each setting of a party."""
    letters = scenario.letters[party]
    return [[i + 1 for i, letter in enumerate(letters) if letter.setting == x] for x in range(scenario.settings[party])]


def _array_maxima(scenario: Scenario, last: int, t: Ints) -> Ints:
    """The best answers of the last party to each row (number, its coordinates)."""
    value = t[:, 0].copy()
    for coordinates, outcomes in zip(_settings(scenario, last), scenario.outcomes[last], strict=True):
        if outcomes == 2:
            value += np.abs(t[:, coordinates[0]])
        elif coordinates:
            value += np.maximum(t[:, coordinates].max(axis=1), 0)
    return value


def _compiled_maximum(scenario: Scenario, inner: int, last: int, matrices: Ints) -> int:
    """The maximum over all strategies of two parties, for each matrix (number, inner's coordinates, last's)."""
    from sdpbound.bell.compiled_enumeration import largest_values  # loads numba

    rows, places = _answers(scenario, inner, matrices)
    outcomes = np.array(scenario.outcomes[inner])
    varied = [x for x in range(len(outcomes)) if outcomes[x] > 1]
    head, below = [], 1  # settings that are gone through as bases, so that a call of the loop is not too long
    for x in varied:
        if below * outcomes[x] > BLOCK:
            head.append(x)
        else:
            below *= int(outcomes[x])
    tail = [x for x in varied if x not in head]
    start = matrices[:, 0] + sum((rows[:, places[x]] for x in tail), np.zeros_like(matrices[:, 0]))
    groups = [c for c in _settings(scenario, last) if c]
    kinds = np.array([d for d in scenario.outcomes[last] if d > 1], dtype=np.int64)
    ends = np.array([c[-1] + 1 for c in groups], dtype=np.int64)
    count = max(UNCUT // (below * scenario.shape[last]), 1)
    best: int | None = None
    for choice in itertools.product(*(range(outcomes[x]) for x in head)):
        bases = start.copy()
        for x, a in zip(head, choice, strict=True):
            bases += rows[:, places[x] + a]
        for first in range(0, len(bases), count):
            require_time()
            own = rows[first : first + count] if len(rows) > 1 else rows
            part = bases[first : first + count]
            found = int(largest_values(part, own, places[tail], outcomes[tail].astype(np.int64), ends, kinds).max())
            best = found if best is None else max(best, found)
    assert best is not None
    return best


def _answers(scenario: Scenario, party: int, matrices: Ints) -> tuple[Ints, Ints]:
    """What each answer of a party adds to the last one's coordinates, (number, answers, coordinates), and where the
    answers of each setting begin."""
    rows: list[Ints] = []
    places: list[int] = []
    for coordinates, outcomes in zip(_settings(scenario, party), scenario.outcomes[party], strict=True):
        places.append(len(rows))
        if outcomes == 2:
            rows += [matrices[:, coordinates[0]], -matrices[:, coordinates[0]]]
        else:
            rows += [matrices[:, i] for i in coordinates] + [np.zeros_like(matrices[:, 0])]
    return np.ascontiguousarray(np.stack(rows, axis=1)), np.array(places, dtype=np.int64)
