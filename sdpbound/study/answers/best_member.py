"""The search for the best member of equal CHSH value, among candidates on contours."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import numpy as np

from sdpbound.bell.families.contours import contour_at_chsh, singlet_chsh_maximum
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Search, Task
from sdpbound.tables.columns import Row

__all__ = ["BETTER", "Scored", "better_point", "contours_of", "exceeds"]

#: A point replaces the point of the curve only if it is better by this much, in the unit of the quantity.
BETTER = 1e-6
#: A candidate of a search: the number of its contour, and its place along the contour.
_Place = tuple[int, int]


class Scored(Protocol):
    """An evaluation of quantities, as the search uses it."""

    @property
    def task(self) -> Task:
        """The task, which has a search."""

    def score(self, point: Point, quantity: Quantity) -> float:
        """Return the quantity at a point, with its sign turned if smaller is better."""

    def seen_points(self, quantity: Quantity) -> list[Point]:
        """Return the points at which the program behind the quantity was solved or estimated before."""


@lru_cache(maxsize=8)
def contours_of(search: Search) -> tuple[list[list[Point]], dict[Point, _Place]]:
    """Return the candidates, one list for each phi that reaches the CHSH value, and the place of each candidate."""
    contours: list[list[Point]] = []
    for i, phi in enumerate(search.phi):
        if not 2.0 < search.chsh <= singlet_chsh_maximum(phi):
            continue
        found = contour_at_chsh(search.chsh, phi, search.contour)
        points = [Point(f"{i}.{k}", "best", (float(t), phi, float(w))) for k, (t, w) in enumerate(found)]
        if points:
            contours.append(points)
    return contours, {p: (i, k) for i, points in enumerate(contours) for k, p in enumerate(points)}


def better_point(evaluation: Scored, quantity: Quantity, row: Row) -> Point | None:
    """Return a better point than the row's, or None if the search finds none.

    The search looks at a coarse grid over the contours, and then steps to better neighbours. The search may miss a
    point, because it may stop at a local optimum. It goes by estimates where there are any: the row of the point that
    it returns is to be proven, and compared (:func:`exceeds`).
    """
    task = evaluation.task
    assert task.search is not None
    if row["value"] is None or float(row["chsh_observed"]) <= 2.0:
        return None  # the data are local: Eve knows every outcome at every point of the contour
    contours, places = contours_of(task.search)
    if not contours:
        return None
    sizes = [len(points) for points in contours]

    def at(place: _Place) -> Point:
        return contours[place[0]][place[1] % sizes[place[0]]]

    asked: dict[Point, float] = {}

    def score(place: _Place) -> float:
        point = at(place)
        if point not in asked:
            asked[point] = evaluation.score(point, quantity)
        return asked[point]

    # The best points were seen opposite to the point of the curve (place 0); for global randomness they were also seen
    # at 4/5 of the contour. The climb finds the contours between.
    some = sorted({*range(0, len(sizes), 3), len(sizes) - 1})
    opposite = [(i, round(0.53 * sizes[i])) for i in some]
    known = [place for place in map(places.get, evaluation.seen_points(quantity)) if place is not None]
    starts = [max(opposite + known, key=score)]
    if quantity.kind.pair:
        starts.append(max(((i, round(0.8 * sizes[i])) for i in range(0, len(sizes), 4)), key=score))
    floor = (1.0 if row["side"] == "lower" else -1.0) * float(row["value"]) + BETTER
    if max(map(score, starts)) <= floor and np.ptp([score(place) for place in opposite]) <= BETTER:
        return None  # the quantity is constant along the contours
    best = max((_climb(score, start, sizes) for start in starts), key=score)
    return at(best) if score(best) > floor else None


def exceeds(row: Row, first: Row) -> bool:
    """Whether the row of a point that was found is better than that of the curve; a failed row is shown, too."""
    if row["value"] is None or first["value"] is None:
        return True
    gain = float(row["value"]) - float(first["value"])
    return (gain if row["side"] == "lower" else -gain) > BETTER


def _climb(score: Callable[[_Place], float], best: _Place, sizes: list[int]) -> _Place:
    """Move to the best neighbour while that helps, with shorter and shorter steps along the contours.

    At the longer steps a parabola says where the best place is, and only then the steps become short. At the shortest
    one all eight neighbours are asked.
    """
    step = max(1, max(sizes) // 12)
    while step:
        i, k = best
        rows = [(j, round(k * sizes[j] / sizes[i])) for j in (i - 1, i + 1) if 0 <= j < len(sizes)]
        better = max([*rows, (i, k - step), (i, k + step)], key=score)
        if score(better) <= score(best) + BETTER / 10 and step == 1 and rows:
            better = max(((j, m + shift) for j, m in rows for shift in (-1, 1)), key=score)
        if score(better) > score(best) + BETTER / 10:
            best = better
        elif step == 1:
            break
        else:
            best = max(best, _top(score, best, step), key=score)
            step = min(step // 2, 2)
    return best


def _top(score: Callable[[_Place], float], place: _Place, step: int) -> _Place:
    """The top of the parabola through a place and its neighbours along the contour; the place where there is none."""
    i, k = place
    before, here, after = score((i, k - step)), score(place), score((i, k + step))
    bend = 2.0 * here - before - after
    return (i, k + round(0.5 * step * (after - before) / bend)) if 0.0 < bend < math.inf else place
