"""The relabellings that leave Bell expressions and tested data unchanged, found from the tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.automorphisms import Edges, automorphisms
from sdpbound.bell.relabelling import Relabelling, full_letters, full_tensor
from sdpbound.bell.scenario import Scenario

__all__ = [
    "EXACTLY",
    "SymmetryGroup",
    "Tables",
    "forget_groups",
    "nearest_symmetric",
    "symmetry_group",
]

#: Coefficients and tested values that differ by less are the same.
EXACTLY = 1e-11
#: A search for symmetries ends after so many seconds, with what it has found.
MOST_SECONDS = 2.0

Test = Callable[[Relabelling], bool]


@dataclass(frozen=True, slots=True)
class SymmetryGroup:
    """A group of relabellings.

    Attributes
    ----------
    generators : relabellings that generate it
    order : number of elements, at least this if not ``complete``
    complete : whether the search for it has ended in its time
    copies : for each generator, where it takes each of the expressions
    """

    generators: tuple[Relabelling, ...]
    order: int
    complete: bool
    copies: tuple[tuple[int, ...], ...]


class Tables:
    """Expressions that may be permuted, and an affine set of behaviours that must stay as it is, in full letters.

    Parameters
    ----------
    scenario : Scenario
    objective : (E, *shape) coefficients of the expressions; a relabelling may permute them
    coefficients, values : (J, *shape) and (J,): the behaviours whose expressions have these values
    within : values that differ by less are the same
    box : (K, *shape) further expressions, that are not negative on the set; a relabelling may permute them, too
    """

    def __init__(
        self,
        scenario: Scenario,
        objective: Floats,
        coefficients: Floats,
        values: Floats,
        within: float = EXACTLY,
        box: Floats | None = None,
    ) -> None:
        self.scenario = scenario
        self.within = within
        self.objective = full_tensor(scenario, objective)
        self.scale = max(1.0, float(np.abs(self.objective).max(initial=0.0)))
        sizes = self.objective.shape[1:]
        rows = full_tensor(scenario, coefficients).reshape(len(values), self.objective[0].size)
        rows[:, 0] -= values
        self.zero = _basis(rows)  # functionals that vanish on the set
        data = np.array([self.zero.T @ self.zero[:, 0], (self.zero * self.zero).sum(axis=0)]).reshape(2, *sizes)
        #: the entries of the tables, numbered: equal where the values are
        self.numbers = [_numbered(self.objective, EXACTLY * self.scale), _numbered(data, max(within, EXACTLY))]
        self.box = None if box is None else full_tensor(scenario, box)
        if self.box is not None:
            self.numbers.append(_numbered(self.box, max(within, EXACTLY) * max(1.0, float(np.abs(self.box).max()))))

    def image(self, relabelling: Relabelling) -> tuple[int, ...] | None:
        """Where a relabelling takes each expression; None if it is no symmetry."""
        moved = relabelling.permuted(self.zero.reshape(-1, *self.objective.shape[1:])).reshape(self.zero.shape)
        if moved.size and np.abs(moved - (moved @ self.zero.T) @ self.zero).max() > 4.0 * self.within:
            return None
        if self.box is not None and _image(self.box, relabelling, 4.0 * self.within) is None:
            return None
        return _image(self.objective, relabelling, 1e-13)

    def colours(self, apart: dict[tuple[int, int], int], last_outcomes_fixed: bool) -> Ints:
        """(V, V) colours of pairs of full letters, equal where a symmetry could take one pair to the other."""
        scenario = self.scenario
        letters = [letter for own in full_letters(scenario) for letter in own]
        start = np.cumsum([0, *(len(own) for own in full_letters(scenario))])
        rows: dict[tuple[int, int], Ints] = {}
        present = [p for p, own in enumerate(full_letters(scenario)) if own]
        for p in present:
            for q in present:
                rows[p, q] = np.concatenate([_slices(t, p, q) for t in self.numbers], axis=2)
        width = 3 + max((r.shape[2] for r in rows.values()), default=0)
        table = np.full((len(letters), len(letters), width), -1, dtype=np.int64)
        for (p, q), part in rows.items():
            block = table[start[p] : start[p + 1], start[q] : start[q + 1]]
            if p == q:
                here = np.arange(len(part))
                block[here, here, 3 : 3 + part.shape[2]] = part[here, here]
            else:
                block[:, :, 3 : 3 + part.shape[2]] = part
        for i, one in enumerate(letters):
            for j, other in enumerate(letters):
                same = one.party == other.party
                table[i, j, 0] = 0 if i == j else 1 if same and one.setting == other.setting else 2 if same else 3
            table[i, i, 1] = apart.get((one.party, one.setting), 0)
            d = scenario.outcomes[one.party][one.setting]
            table[i, i, 2] = int(last_outcomes_fixed and d > 2 and one.outcome == d - 1)
        if not letters:
            return np.zeros((0, 0), dtype=np.int64)
        _, number = np.unique(table.reshape(-1, width), axis=0, return_inverse=True)
        return np.asarray(number.reshape(len(letters), len(letters)), dtype=np.int64)

    def edges(self) -> list[Edges]:
        """What stands in the tables at three letters and more."""
        scenario = self.scenario
        start = np.cumsum([0, *(len(own) for own in full_letters(scenario))])
        objective, data, *box = self.numbers
        tables = (np.sort(objective, axis=0), data, *(np.sort(part, axis=0) for part in box))
        rows = np.concatenate([t.reshape(len(t), -1) for t in tables]).T
        _, label = np.unique(rows, axis=0, return_inverse=True)
        place = np.array(np.unravel_index(np.arange(len(rows)), self.objective.shape[1:])).T
        label = label.reshape(-1)
        common = np.argmax(np.bincount(label))  # most are zero, and need not be said
        out = []
        for parties in itertools.chain.from_iterable(
            itertools.combinations(range(scenario.parties), r) for r in range(3, scenario.parties + 1)
        ):
            inside = [p in parties for p in range(scenario.parties)]
            keep = ((place > 0) == inside).all(axis=1) & (label != common)
            if keep.any():
                points = place[keep][:, list(parties)] - 1 + start[list(parties)]
                out.append(Edges(points.astype(np.int64), label[keep].astype(np.int64)))
        return out


def _image(tensors: Floats, relabelling: Relabelling, within: float) -> tuple[int, ...] | None:
    """Where a relabelling takes each of some expressions, up to rounding; None if one is taken elsewhere."""
    flat, moved = (t.reshape(len(t), -1) for t in (tensors, relabelling.permuted(tensors)))
    scale = max(1.0, float(np.abs(flat).max(initial=0.0)))
    image: list[int] = []
    free = np.ones(len(flat), dtype=np.bool_)
    for row in moved:
        hits = np.flatnonzero(free & (np.abs(flat - row).max(axis=1) <= within * scale))
        if not hits.size:
            return None
        image.append(int(hits[0]))
        free[hits[0]] = False
    return tuple(image)


def _basis(rows: Floats) -> Floats:
    """Orthonormal rows that span the same space, up to rounding."""
    scale = np.abs(rows).sum(axis=1)
    rows = rows[scale > 0] / scale[scale > 0][:, None]
    if not rows.size:
        return np.zeros((0, rows.shape[1]))
    q, r, _ = scipy.linalg.qr(rows.T, mode="economic", pivoting=True)
    size = np.abs(np.diagonal(r))
    return np.ascontiguousarray(q[:, : int((size > 1e-9 * size[0]).sum())].T)


def _numbered(values: Floats, within: float) -> Ints:
    """The same number for values that are the same within an accuracy."""
    flat = values.reshape(-1)
    order = np.argsort(flat)
    steps = np.concatenate([[0], np.cumsum(np.diff(flat[order]) > within)])
    number = np.empty(flat.size, dtype=np.int64)
    number[order] = steps[: flat.size]
    return number.reshape(values.shape)


def _slices(tensors: Ints, p: int, q: int) -> Ints:
    """(letters of p, letters of q, width): what stands in the tensors at two letters, in an order of its own.

    First with the identity of all other parties, then with anything; for p = q at one letter of one party.
    """
    if p == q:
        moved = np.moveaxis(tensors, 1 + p, 0)[1:]
        part = _both(moved)
        out = np.zeros((len(part), len(part), part.shape[1]), dtype=np.int64)
        here = np.arange(len(part))
        out[here, here] = part
        return out
    moved = np.moveaxis(tensors, (1 + p, 1 + q), (0, 1))[1:, 1:]
    part = _both(moved.reshape(-1, *moved.shape[2:]))
    return part.reshape(moved.shape[0], moved.shape[1], -1)


def _both(moved: Ints) -> Ints:
    """Rows: sorted entries with identities only in the rest, then all entries sorted. ``moved``: (N, E, *rest)."""
    index: tuple[Any, ...] = (slice(None), slice(None), *(0,) * (moved.ndim - 2))
    alone = moved[index]
    flat = moved.reshape(len(moved), -1)
    return np.concatenate([np.sort(alone, axis=1), np.sort(flat, axis=1)], axis=1)


@lru_cache(maxsize=512)
def _place(
    scenario: Scenario,
    numbers: bytes,
    apart: tuple[tuple[tuple[int, int], int], ...],
    last_outcomes_fixed: bool,
    context: object,
) -> list[SymmetryGroup]:
    """Where the group is kept that a search for tables of this pattern has found, once for a whole sweep."""
    return []


def symmetry_group(
    tables: Tables,
    accepted: Test = lambda relabelling: True,
    apart: dict[tuple[int, int], int] | None = None,
    last_outcomes_fixed: bool = False,
    context: object = None,
) -> SymmetryGroup:
    """All relabellings that leave the tables unchanged.

    Parameters
    ----------
    tables : the expressions and data
    accepted : a further test that symmetries must pass; those that pass it are a group
    apart : numbers for settings (party, setting) that are of kinds of their own
    last_outcomes_fixed : whether the last outcome of a setting with more than two must go to a last one
    context : hashable; with equal pattern and context ``accepted`` is taken to be the same test
    """
    kept = tuple(sorted((apart or {}).items()))
    numbers = b"".join(t.tobytes() for t in tables.numbers)
    place = _place(tables.scenario, numbers, kept, last_outcomes_fixed, context)
    copies: list[tuple[int, ...] | None] = [None]
    if place:
        copies = [tables.image(g) for g in place[0].generators]
    if None in copies:  # nothing found yet, or values of the same pattern that have other symmetries
        place[:] = [_search(tables, accepted, dict(kept), last_outcomes_fixed)]
        copies = [tables.image(g) for g in place[0].generators]
    found = place[0]
    return SymmetryGroup(found.generators, found.order, found.complete, tuple(c for c in copies if c is not None))


def _search(
    tables: Tables, accepted: Test, apart: dict[tuple[int, int], int], last_outcomes_fixed: bool
) -> SymmetryGroup:
    scenario = tables.scenario

    def fits(image: Ints) -> bool:
        relabelling = Relabelling.of_permutation(scenario, image)
        return tables.image(relabelling) is not None and accepted(relabelling)

    found = automorphisms(tables.colours(apart, last_outcomes_fixed), fits, tables.edges(), MOST_SECONDS)
    generators = tuple(Relabelling.of_permutation(scenario, image) for image in found.generators)
    return SymmetryGroup(generators, found.order, found.complete, ())


def forget_groups() -> None:
    """Drop the groups that were found."""
    _place.cache_clear()


def _row_images(scenario: Scenario, coefficients: Floats, relabelling: Relabelling) -> Ints | None:
    """(J,) where a relabelling takes each tested expression, up to sign and a constant; None if one goes elsewhere."""
    rows = full_tensor(scenario, coefficients)
    moved = relabelling.permuted(rows).reshape(len(rows), rows[0].size)
    flat = rows.reshape(moved.shape)
    flat[:, 0] = moved[:, 0] = 0.0
    size = np.linalg.norm(flat, axis=1)
    same = np.abs(moved @ flat.T) - size[:, None] * size[None, :]
    fits = (same >= -EXACTLY * size[None, :] ** 2) & (np.abs(size[:, None] - size[None, :]) <= EXACTLY * size[None, :])
    image = np.argmax(fits, axis=1)
    return image if fits.any(axis=1).all() and np.unique(image).size == len(rows) else None


def nearest_symmetric(scenario: Scenario, coefficients: Floats, values: Floats, within: float) -> tuple[Floats, Ints]:
    """Values that are invariant under all relabellings that change tested data by no more than ``within``.

    With them (J,) numbers of the orbits of the tested expressions; one for all where they go to combinations.

    The values are those of the mean over the group: a linear functional of the tested expressions is a table in full
    letters, and the mean over relabellings is that over each orbit of its entries. So they are the nearest invariant
    ones in the length of that table.
    """
    rows = full_tensor(scenario, coefficients)
    sizes, flat = rows.shape[1:], rows.reshape(len(values), -1)
    constants = flat[:, 0].copy()
    flat[:, 0] = 0.0
    span = _basis(flat)

    def keeps_span(relabelling: Relabelling) -> bool:
        moved = relabelling.permuted(span.reshape(-1, *sizes)).reshape(span.shape)
        return bool(np.abs(moved - (moved @ span.T) @ span).max(initial=0.0) <= EXACTLY)

    nothing = np.zeros((1, *scenario.shape))
    group = symmetry_group(
        Tables(scenario, nothing, coefficients, values, within), keeps_span, context=("nearest", within, span.tobytes())
    )
    table = np.linalg.lstsq(flat, values - constants, rcond=None)[0]
    here = np.arange(table.size)
    targets = [
        g.permuted(here.reshape(sizes).astype(np.float64)).reshape(-1).astype(np.int64) for g in group.generators
    ]
    if not targets:
        return values, np.arange(len(values))
    label = _orbits(targets, table.size)
    mean = np.bincount(label, weights=table) / np.bincount(label)
    images = [image for g in group.generators if (image := _row_images(scenario, coefficients, g)) is not None]
    alike = len(images) == len(targets)
    orbits = _orbits(images, len(values)) if alike else np.zeros(len(values), dtype=np.int64)
    return np.asarray(flat @ mean[label] + constants, dtype=np.float64), orbits


def _orbits(images: list[Ints], size: int) -> Ints:
    """Numbers of the orbits of places under maps of them."""
    here = np.tile(np.arange(size), len(images))
    graph = sp.coo_array((np.ones(here.size), (here, np.concatenate(images))), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
