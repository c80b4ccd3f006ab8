"""Symmetries of a question: relabellings of parties, settings and outcomes, permutations of Eve's guesses."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from sdpbound.adversaries.adversary import Adversary, Relaxation
from sdpbound.arrays import Floats, Ints
from sdpbound.bell.observations import Observations
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.bell.symmetry import EXACTLY, SymmetryGroup, Tables, forget_groups, symmetry_group
from sdpbound.bounds.question import Question
from sdpbound.conic.program import Symmetry
from sdpbound.conic.sectors import null_space
from sdpbound.npa.acting import SignedImage, WordAction, word_action, zero_sum

__all__ = [
    "NEARLY",
    "coordinate_parity",
    "forget_symmetries",
    "nearly_symmetric",
    "null_space_mod2",
    "program_symmetry",
    "question_symmetry",
    "symmetry_of_copies",
    "symmetry_of_tables",
    "tables_of",
]


#: Data that are symmetric up to this are worth a word, and :meth:`Observations.symmetrised`.
NEARLY = 1e-6
#: Where a tolerance is larger than this, data are a box whose corners matter.
WIDE = 1e-6
#: Random tables are drawn from here, so that a reduction is the same each time.
SEED = 20100610


# -- flips of outcomes --------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def coordinate_parity(scenario: Scenario) -> NDArray[np.int8]:
    """Array (coordinates, observables): which observables of all parties occur in each coordinate."""
    parts = []
    for letters in scenario.letters:
        observables = [i for i, letter in enumerate(letters, start=1) if letter.outcome is None]
        table = np.zeros((1 + len(letters), len(observables)), dtype=np.int8)
        for j, i in enumerate(observables):
            table[i, j] = 1
        parts.append(table)
    out = np.zeros((1, 0), dtype=np.int8)
    for part in parts:
        out = np.hstack([np.repeat(out, len(part), axis=0), np.tile(part, (len(out), 1))])
    return out


def null_space_mod2(rows: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """Basis of all vectors with even overlap with every row."""
    n = rows.shape[1]
    work = [row.copy() % 2 for row in rows]
    pivots: dict[int, NDArray[np.int8]] = {}
    for row in work:
        for p, pivot in pivots.items():
            if row[p]:
                row ^= pivot
        if row.any():
            p = int(np.flatnonzero(row)[0])
            for q in pivots:
                if pivots[q][p]:
                    pivots[q] ^= row
            pivots[p] = row
    basis = []
    for free in range(n):
        if free in pivots:
            continue
        v = np.zeros(n, dtype=np.int8)
        v[free] = 1
        for p, row in pivots.items():
            v[p] = row[free]
        basis.append(v)
    return basis


# -- all relabellings ---------------------------------------------------------------------------------------------


def question_symmetry(
    question: Question, model: Adversary, relaxation: Relaxation, within: float = EXACTLY
) -> SymmetryGroup:
    """The relabellings that leave a question, and the words of its relaxation, unchanged.

    They may permute the expressions of Eve's guesses. Of the tested data they keep the set of all behaviours that have
    the tested values, not each expression, since the program is about that set; where tolerances are wide, so that
    a bound is about a box of values, they keep the box.

    Parameters
    ----------
    within : tested values that differ by less are the same
    """
    scenario, blind, observed = relaxation.scenario, question.blind, question.observed
    action = _action(model, question.scenario, blind)
    tested = replace(observed, scenario=scenario, coefficients=question.tested_in(scenario))
    tables = tables_of(tested, question.objective, within)
    apart = {} if blind is None else {(1, blind.y): 1, (1, scenario.settings[1] - 1): 2}
    return symmetry_of_tables(tables, action, apart, (model, question.scenario, blind))


def tables_of(observed: Observations, expressions: Floats, within: float = EXACTLY) -> Tables:
    """The tables of expressions (E, *shape), which relabellings may permute, and of tested data, which they must keep.

    A test whose tolerance is wide is no equality: its two ends are inequalities, which relabellings may permute.
    """
    wide = observed.tolerances > WIDE
    exact = observed.coefficients[~wide], observed.values[~wide]
    return Tables(observed.scenario, expressions, *exact, within, _ends(observed, wide) if wide.any() else None)


def _ends(observed: Observations, wide: NDArray[np.bool_]) -> Floats:
    """(2 K, *shape) what is not negative where a test is between its ends, in the unit of the test."""
    rows, values, tolerances = observed.coefficients[wide], observed.values[wide], observed.tolerances[wide]
    one = np.zeros(rows.shape[1:])
    one.reshape(-1)[0] = 1.0
    shape = (-1, *(1,) * one.ndim)
    low = rows - (values - tolerances).reshape(shape) * one
    high = (values + tolerances).reshape(shape) * one - rows
    size = np.maximum(np.abs(rows.reshape(len(rows), -1)[:, 1:]).max(axis=1, initial=0.0), 1e-300).reshape(shape)
    return np.concatenate([low / size, high / size])


def nearly_symmetric(found: SymmetryGroup, near: SymmetryGroup) -> str:
    """A note where data have a larger group ``near`` up to :data:`NEARLY` than the one ``found``; else empty."""
    if near.order <= found.order:
        return ""
    return (
        f"the data are symmetric under {near.order} relabellings only up to {NEARLY:g}: "
        "observations.symmetrised() makes them so and charges the difference"
    )


def symmetry_of_tables(
    tables: Tables, action: WordAction, apart: dict[tuple[int, int], int], context: Hashable
) -> SymmetryGroup:
    """The relabellings that leave tables and the words of an action unchanged.

    Parameters
    ----------
    apart : numbers for settings (party, setting) that are of kinds of their own
    context : by which the words are known
    """

    def accepted(relabelling: Relabelling) -> bool:
        return _moved(action, relabelling) is not None

    return symmetry_group(tables, accepted, apart, not action.moves_last_outcomes, (context, tables.within))


@lru_cache(maxsize=64)
def _action(model: Adversary, scenario: Scenario, blind: BlindMeasurement | None) -> WordAction:
    relaxation = model.relax(scenario, blind)
    assert relaxation.matrix is not None
    return word_action(relaxation.scenario, relaxation.matrix, blind)


def forget_symmetries() -> None:
    """Drop the groups and actions kept."""
    _action.cache_clear()
    _moved.cache_clear()
    forget_groups()


@lru_cache(maxsize=256)
def _moved(action: WordAction, relabelling: Relabelling) -> SignedImage | None:
    """Images of the full words; None if the words are not closed."""
    return action.moved(relabelling)


def program_symmetry(
    model: Adversary,
    scenario: Scenario,
    blind: BlindMeasurement | None,
    copies: int,
    generators: tuple[tuple[Relabelling, tuple[int, ...]], ...],
) -> Symmetry | None:
    """What the program of a question needs to know of its symmetries; None if there are none.

    ``generators`` are relabellings, each with where it takes the expressions of Eve's guesses.
    """
    return symmetry_of_copies(_action(model, scenario, blind), copies, generators) if generators else None


def symmetry_of_copies(
    action: WordAction, copies: int, generators: tuple[tuple[Relabelling, tuple[int, ...]], ...]
) -> Symmetry:
    """What the program of copies of a moment matrix needs to know of relabellings, given with the copies' images."""
    found = [_moved(action, relabelling) for relabelling, _ in generators]
    words = [moved for moved in found if moved is not None]
    images = [image for _, image in generators]
    assert len(words) == len(images)
    moments = [action.moments_moved(word) for word in words]
    owners, transports = _copies(action, words, images, copies)
    return Symmetry(
        invariants=_invariants(action, moments, images, owners),
        owners=owners,
        transports=transports,
        basis=action.basis,
        strings=action.string,
        orbits=_string_orbits(action, words, images, copies),
        turns=() if action.basis is None else _turns(action, generators, owners),
    )


def _copies(
    action: WordAction, words: list[SignedImage], images: list[tuple[int, ...]], copies: int
) -> tuple[tuple[int, ...], tuple[sp.csr_array | None, ...]]:
    """First copy of each copy's orbit, and the matrix on words that leads there from it."""
    owners = list(range(copies))
    transports: list[sp.csr_array | None] = [None] * copies
    done: set[int] = set()
    for start in range(copies):
        if start in done:
            continue
        done.add(start)
        queue = [start]
        while queue:
            e = queue.pop(0)
            for word, image in zip(words, images, strict=True):
                if image[e] in done:
                    continue
                done.add(image[e])
                queue.append(image[e])
                owners[image[e]] = start
                step, before = action.on_words(word), transports[e]
                transports[image[e]] = step if before is None else sp.csr_array(step @ before)
    return tuple(owners), tuple(transports)


def _string_orbits(
    action: WordAction, words: list[SignedImage], images: list[tuple[int, ...]], copies: int
) -> tuple[Ints, ...]:
    """For each copy the orbits of its strings under the relabellings that keep it, as (n,) numbers."""
    strings, first = np.unique(action.full_string, return_index=True)
    count = strings.size
    rows, columns = [], []
    for word, image in zip(words, images, strict=True):
        moved = action.full_string[word.image[first]]
        for e in range(copies):
            rows.append(e * count + strings)
            columns.append(image[e] * count + moved)
    label = _components(np.concatenate(rows), np.concatenate(columns), copies * count)
    out = []
    for e in range(copies):
        _, number = np.unique(label[e * count : (e + 1) * count], return_inverse=True)
        out.append(np.asarray(number.reshape(-1)[action.string], dtype=np.int64))
    return tuple(out)


def _turns(
    action: WordAction, generators: tuple[tuple[Relabelling, tuple[int, ...]], ...], owners: tuple[int, ...]
) -> tuple[sp.csr_array | None, ...]:
    """For each owner, words whose letters are such combinations of outcomes as the relabellings that keep it permute.

    A random symmetric table of pairs of outcomes that these relabellings leave unchanged has eigenvectors that go to
    each other up to signs, where its eigenvalues differ.
    """
    scenario, copies = generators[0][0].scenario, len(owners)
    pairs = [
        (p, x, a, b) for p, own in enumerate(scenario.outcomes) for x, d in enumerate(own) for a, b in np.ndindex(d, d)
    ]
    place, count = {pair: i for i, pair in enumerate(pairs)}, len(pairs)
    rows, columns = [], []
    for relabelling, image in generators:
        names = [relabelling.names(p) for p in range(scenario.parties)]
        targets = []
        for p, x, a, b in pairs:
            (q, y, first), (_, _, second) = (names[p].get((x, o), (p, x, o)) for o in (a, b))
            targets.append(place[q, y, first, second])
        for e in range(copies):
            rows.append(e * count + np.arange(count))
            columns.append(image[e] * count + np.array(targets))
    label = _components(np.concatenate(rows), np.concatenate(columns), copies * count)
    table = np.random.default_rng(SEED).standard_normal(int(label.max()) + 1)[label].reshape(copies, count)
    out: list[sp.csr_array | None] = [None] * copies
    for e in set(owners):
        _, where, times = np.unique(table[e], return_inverse=True, return_counts=True)
        alone = times[where] == 1
        letters: dict[tuple[int, int], Floats] = {}
        start = 0
        for p, own in enumerate(scenario.outcomes):
            for x, d in enumerate(own):
                part, start = slice(start, start + d * d), start + d * d
                moved = d > 2 and bool((~alone[part]).any())
                letters[p, x] = _turn(table[e, part].reshape(d, d)) if moved else np.eye(d - 1)
        out[e] = action.turned(letters)
    return tuple(out)


def _turn(table: Floats) -> Floats:
    """Eigenvectors of a table of pairs of outcomes, on what adds up to zero; the identity where all are."""
    zero = zero_sum(len(table))
    sizes, turn = np.linalg.eigh(zero.T @ (table + table.T) @ zero)
    return np.eye(len(turn)) if np.ptp(sizes) < 1e-9 * np.abs(sizes).max() else np.asarray(turn)


def _components(rows: Ints, columns: Ints, size: int) -> Ints:
    graph = sp.coo_array((np.ones(rows.size, dtype=np.int8), (rows, columns)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    return np.asarray(label, dtype=np.int64)


def _invariants(
    action: WordAction, moments: list[SignedImage], images: list[tuple[int, ...]], owners: tuple[int, ...]
) -> sp.csr_array:
    """Sparse (copies * m, k): all invariant moments.

    Full moments are permuted up to signs: each orbit has one value, or none if a sign comes back. Moments with last
    outcomes are combinations of the others, which relates these values.
    """
    copies, full = len(owners), action.full.moments
    number, sign = _orbits_of_moments(moments, images, copies, full)
    places = action.generating_moments()
    if action.basis is None:
        nodes = (np.arange(copies)[:, None] * full + places).reshape(-1)
        return _values_of_orbits(number[nodes], sign[nodes])[0]
    expansion = action.moment_expansion()
    number, sign = number.reshape(copies, full), sign.reshape(copies, full)
    firsts = sorted(set(owners))
    found = {e: _of_first(expansion, places, number[e], sign[e]) for e in firsts}
    parts = []
    for k, e in enumerate(owners):
        moved = found[e]
        if k != e:  # each of its orbits has a full moment of the first copy
            orbits, first = np.unique(number[e], return_index=True)
            there = first[np.searchsorted(orbits, number[k, places])]
            moved = sp.diags_array(sign[k, places] * sign[e, there]) @ (expansion[there] @ found[e])
        parts.append([moved if e == owner else None for owner in firsts])
    return sp.csr_array(sp.block_array(parts, format="csr"))


def _values_of_orbits(number: Ints, sign: Floats) -> tuple[sp.csr_array, Ints]:
    """Sparse (nodes, k): nodes from the values of the k orbits in which they are, and the numbers of these."""
    used, column = np.unique(number, return_inverse=True)
    dead = int((used < 0).sum())
    keep = sign != 0.0
    entries = (sign[keep], (np.flatnonzero(keep), column.reshape(-1)[keep] - dead))
    return sp.csr_array(entries, shape=(number.size, used.size - dead)), used[dead:]


def _of_first(expansion: sp.csr_array, places: Ints, number: Ints, sign: Floats) -> sp.csr_array:
    """Sparse (m, k): the invariant moments of one copy; full moments in their orbits are combinations of them."""
    values, used = _values_of_orbits(number[places], sign[places])
    column = np.full(int(number.max()) + 2, -1, dtype=np.int64)  # of no orbit in the last entry
    column[used] = np.arange(used.size)
    last = np.ones(number.size, dtype=bool)
    last[places] = False
    rows = np.flatnonzero(last & ((column[number] >= 0) | (sign == 0.0)))
    some = rows[column[number[rows]] >= 0]
    entries = (sign[some], (np.searchsorted(rows, some), column[number[some]]))
    direct = sp.csr_array(entries, shape=(rows.size, used.size))
    return sp.csr_array(values @ null_space(_different(sp.csr_array(expansion[rows] @ values - direct))))


def _orbits_of_moments(
    moments: list[SignedImage], images: list[tuple[int, ...]], copies: int, full: int
) -> tuple[Ints, Floats]:
    """For each full moment of each copy the number of its orbit and its sign there; -1 and 0 if it is zero."""
    size = copies * full
    here = np.arange(full)
    rows, columns = [], []
    # nodes (i, +) and (i, -); a symmetry links y_i with sign * y_image; a loop from + to - means zero
    for moved, image in zip(moments, images, strict=True):
        flipped = moved.sign < 0
        for e in range(copies):
            for side in (0, 1):
                rows.append(side * size + e * full + here)
                columns.append(np.where(flipped, 1 - side, side) * size + image[e] * full + moved.image)
    label = _components(np.concatenate(rows), np.concatenate(columns), 2 * size)
    plus, minus = label[:size], label[size:]
    alive = plus != minus
    _, number = np.unique(np.minimum(plus, minus)[alive], return_inverse=True)
    out = np.full(size, -1, dtype=np.int64)
    out[alive] = number.reshape(-1)
    return out, np.where(alive, np.where(plus <= minus, 1.0, -1.0), 0.0)


def _different(relations: sp.csr_array) -> sp.csr_array:
    """The rows that differ, up to sign, and are not zero: told apart by their products with a random vector."""
    relations.sum_duplicates()
    relations.data[np.abs(relations.data) < 1e-12] = 0.0
    relations.eliminate_zeros()
    probe = np.abs(relations @ np.random.default_rng(7).standard_normal(relations.shape[1]))
    _, first = np.unique(np.round(probe, 9), return_index=True)
    return sp.csr_array(relations[first[probe[first] > 1e-9]])
