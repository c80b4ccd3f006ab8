"""Permutations that leave a coloured graph unchanged: individualisation and refinement, in bounded time.

Points 0 .. n - 1 have colours for each ordered pair, ``colours[i, j]``, those of single points on the diagonal, and
some sets of more points, *edges*, have colours, too. A base is
a list of points that, held fixed, leaves nothing to choose after refinement. From its end to its start the search asks
for each point that could be the image of a base point whether some permutation has that image and fixes the base points
before it: these generate all (C. Sims, 1970). Where a test beyond the colours refuses a permutation the search goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Ints

__all__ = ["Edges", "Permutations", "automorphisms", "orbit_of"]

Test = Callable[[Ints], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Permutations:
    """A group of permutations.

    Attributes
    ----------
    generators : arrays (n,); point i goes to ``generator[i]``
    order : number of elements
    complete : whether the search ended; if not, this is a part of the group, and its order is at least ``order``
    """

    generators: tuple[Ints, ...]
    order: int
    complete: bool


class _OutOfTime(Exception):
    """The time or the number of steps allowed is over."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Sets of r points each, ``points`` (K, r), with ``colours`` (K,)."""

    points: Ints
    colours: Ints


def automorphisms(
    colours: Ints,
    accepted: Test = lambda image: True,
    edges: Sequence[Edges] = (),
    seconds: float = 2.0,
    steps: int = 50_000,
) -> Permutations:
    """The permutations with ``colours[image[i], image[j]] == colours[i, j]`` for all i, j that ``accepted`` lets pass.

    Parameters
    ----------
    colours : (n, n) of integers
    accepted : a further test of a permutation; those that pass must be a group
    edges : what else ``accepted`` keeps, to be found faster; it guides the search and is not tested
    seconds, steps : after this time, or so many refinements, what was found so far is returned

    >>> square = np.array([[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])
    >>> automorphisms(square).order
    8
    """
    search = _Search(colours, accepted, edges, time.monotonic() + seconds, steps)
    return search.run()


def orbit_of(start: int, generators: Sequence[Ints]) -> set[int]:
    """The points that the generated group takes a point to."""
    found, queue = {start}, [start]
    while queue:
        point = queue.pop()
        for generator in generators:
            image = int(generator[point])
            if image not in found:
                found.add(image)
                queue.append(image)
    return found


class _Search:
    def __init__(self, colours: Ints, accepted: Test, edges: Sequence[Edges], deadline: float, steps: int) -> None:
        _, dense = np.unique(colours, return_inverse=True)
        self.colours: Ints = dense.reshape(colours.shape).astype(np.int64)
        self.accepted = accepted
        self.pairs = _mixed(self.colours.astype(np.uint64))
        self.edges = [(edge.points, _mixed(edge.colours.astype(np.uint64))) for edge in edges]
        self.deadline = deadline
        self.steps = steps
        self.size = len(colours)

    def run(self) -> Permutations:
        if not self.size:
            return Permutations((), 1, True)
        try:
            base, cells = self.base()
        except _OutOfTime:
            return Permutations((), 1, False)
        generators: list[Ints] = []
        order = 1
        complete = True
        for level in reversed(range(len(base))):
            point, prefix = base[level], base[:level]
            reached = orbit_of(point, generators)
            refused: set[int] = set()
            for candidate in cells[level]:
                if candidate in reached or candidate in refused:
                    continue
                try:
                    image = self.extend([*prefix, point], [*prefix, candidate])
                except _OutOfTime:
                    complete = False
                    break
                if image is None:
                    refused |= orbit_of(candidate, generators)
                else:
                    generators.append(image)
                    reached = orbit_of(point, generators)
            order *= len(reached)
            if not complete:
                break
        return Permutations(tuple(generators), order, complete)

    def base(self) -> tuple[list[int], list[list[int]]]:
        """Points that leave nothing to choose if held fixed, each with those that look like it while it is not."""
        base: list[int] = []
        cells: list[list[int]] = []
        while True:
            both = self.refined(self.individualised(base, base))
            assert both is not None  # both sides are the same here
            cell = _branching(both[0])
            if cell is None:
                return base, cells
            base.append(cell[0])
            cells.append(cell)

    def individualised(self, points: Sequence[int], images: Sequence[int]) -> Ints:
        """(2, n) colours of the points, those given each with one of its own on both sides."""
        both = np.zeros((2, self.size), dtype=np.int64)
        both[:] = np.diagonal(self.colours)
        top = int(both.max()) + 1
        for k, (point, image) in enumerate(zip(points, images, strict=True)):
            both[0, point] = top + k
            both[1, image] = top + k
        return both

    def refined(self, both: Ints) -> Ints | None:
        """Colours by the colours of all pairs and of their ends until nothing changes; None where the sides differ."""
        count = -1
        numbers: NDArray[Any] = both
        while True:
            self.steps -= 1
            if self.steps < 0 or time.monotonic() > self.deadline:
                raise _OutOfTime
            both = _ranks(numbers.reshape(-1)).reshape(2, self.size)
            now = int(both.max()) + 1
            here, there = (np.bincount(side, minlength=now) for side in both)
            if not np.array_equal(here, there):
                return None
            if now in (count, self.size):
                return both
            count = now
            numbers = self.seen(both)

    def seen(self, both: Ints) -> NDArray[np.uint64]:
        """For each point a number made of its colour and of what it sees, in any order: equal if all of it is."""
        own = _mixed(both.astype(np.uint64) + np.uint64(1))
        total = _mixed(self.pairs ^ own[:, None, :]).sum(axis=2, dtype=np.uint64)
        for points, label in self.edges:
            for side in (0, 1):
                ends = own[side][points]
                # every end sees the others and the label
                value = _mixed(label[:, None] + (ends.sum(axis=1, dtype=np.uint64)[:, None] - ends))
                for k in range(points.shape[1]):
                    np.add.at(total[side], points[:, k], value[:, k])
        return _mixed(total ^ _mixed(own))

    def extend(self, points: list[int], images: list[int]) -> Ints | None:
        """A permutation that takes these points to these images; None if there is none."""
        both = self.refined(self.individualised(points, images))
        if both is None:
            return None
        cell = _branching(both[0])
        if cell is None:
            image = np.empty(self.size, dtype=np.int64)
            image[np.argsort(both[0])] = np.argsort(both[1])
            fits = np.array_equal(self.colours[np.ix_(image, image)], self.colours)
            return image if fits and self.accepted(image) else None
        point = cell[0]
        for candidate in np.flatnonzero(both[1] == both[0, point]).tolist():
            image_found = self.extend([*points, point], [*images, candidate])
            if image_found is not None:
                return image_found
        return None


def _ranks(values: NDArray[Any]) -> Ints:
    """The number of each value among the different ones, in order."""
    order = np.argsort(values)
    ordered = values[order]
    out = np.empty(values.size, dtype=np.int64)
    out[order[0]] = 0
    out[order[1:]] = np.cumsum(ordered[1:] != ordered[:-1])
    return out


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits scattered (splitmix64), so that sums of such numbers tell multisets apart but for rare accidents.

    An accident leaves two points in one colour that could be told apart, which costs time and nothing else.
    """
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _branching(colours: Ints) -> list[int] | None:
    """The first smallest set of points, more than one, that have one colour; None if all differ."""
    counts = np.bincount(colours)
    several = counts > 1
    if not several.any():
        return None
    smallest = counts[several].min()
    colour = int(np.flatnonzero(several & (counts == smallest))[0])
    return [int(i) for i in np.flatnonzero(colours == colour)]
