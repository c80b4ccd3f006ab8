"""Measurements for outcomes and settings that coarser data leave out: devices of the coarser data have the finer ones.

A strategy of the coarser data says nothing of a setting that was left out, and of merged outcomes only what their sum
is. Its states and the key stay as they are, so that Eve knows what she knew; the other effects are chosen such that
the finer data are met. With the other party's effects fixed the tested values are linear in them: a semidefinite
program for matrices of two rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.solvers.clarabel_ import Clarabel
from sdpbound.entropies.coarse import Coarsening
from sdpbound.entropies.qubits.mixture import QubitOptimum
from sdpbound.errors import SolverFailure

__all__ = ["completed"]

#: Effects are at least this, so that those of the solver can be moved to the data; and how exactly they have the data.
_INSIDE, _MET = 1e-9, 1e-10
#: Unknown numbers above which no effects are looked for.
_MOST = 1500
#: Combinations of the unknown numbers on which the tests depend by less than this, relative, do not count.
_RANK = 1e-11
#: The upper triangle of a matrix, entry by entry, in the order of :class:`LinearMatrixInequality`.
_ENTRIES = np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]])

#: By setting, effects (n, outcomes, 2, 2) of n strategies.
Effects = tuple[Floats, ...]


def completed(coarse: Coarsening, best: QubitOptimum) -> tuple[Effects, Effects] | None:
    """Effects for all outcomes and settings of the finer data, with which a mixture has these data.

    Parameters
    ----------
    coarse : how the data were made coarser
    best : a mixture of n qubit strategies that has the coarser data

    Returns
    -------
    For both parties, by setting, effects (n, outcomes, 2, 2) of the strategies; they sum up to the mixture's own. None
    if outcomes of the key are merged, or if none are found
    """
    fine = coarse.fine
    keys = [coarse.maps[p][s] for p, s in enumerate((fine.x, fine.y)) if s is not None]
    if any(len(set(values)) < len(values) for values in keys):
        return None
    for first in (1, 0):
        found = _one_by_one(coarse, best, first)
        if found is not None:
            return found
    return None


def _one_by_one(coarse: Coarsening, best: QubitOptimum, first: int) -> tuple[Effects, Effects] | None:
    """Effects of one party for the tests that do not need those of the other, and then these for all tests."""
    tests, values = coarse.fine.observed.coefficients, coarse.fine.observed.values
    states = best.states.reshape(-1, 2, 2, 2, 2)
    parties = [_Party.of(coarse, best, party) for party in (0, 1)]
    for party in (first, 1 - first):
        other = parties[1 - party]
        seen = np.einsum("nikjl,nmji->nmkl" if party else "nkilj,nmji->nmkl", states, other.operators)
        task = _Task(best.weights, seen, tests if party else tests.transpose(0, 2, 1), values)
        solved = parties[party].solved(task.about(other.is_known) if party == first else task)
        if solved is None:
            return None
        parties[party] = solved
    return parties[0].effects, parties[1].effects


@dataclass(frozen=True, eq=False)
class _Task:
    """What one party's effects have to meet, the other party's given.

    Attributes
    ----------
    weights : (n,)
    seen : (n, M, 2, 2) for each coordinate of the other party the operator of which this party's effects have the mean
    tests : (J, M, N) coefficients, the other party's coordinates first
    values : (J,)
    """

    weights: Floats
    seen: Floats
    tests: Floats
    values: Floats

    def about(self, is_known: NDArray[np.bool_]) -> _Task:
        """The tests that contain these coordinates of the other party only."""
        chosen = ~self.tests[:, ~is_known].any(axis=(1, 2))
        return replace(self, tests=self.tests[chosen], values=self.values[chosen])

    def means(self, operators: Floats) -> Floats:
        """(n, J, N, ...) weight times mean of operators (n, N, ..., 2, 2) times coefficient of each test."""
        own = np.einsum("n,jmk,nmab->njkab", self.weights, self.tests, self.seen)
        return np.asarray(np.einsum("njkab,nk...ba->njk...", own, operators))


@dataclass(frozen=True, eq=False)
class _Group:
    """Outcomes of a setting of which only the sum of effects is known: ``total`` (n, 2, 2).

    Their effects are equal parts of it and ``moves`` (n, K, 2, 2) times numbers. Merged outcomes have multiples of it,
    as it is a projector, and those of a setting that was left out any matrices.
    """

    setting: int
    outcomes: list[int]
    total: Floats
    moves: Floats


@dataclass(frozen=True, eq=False)
class _Party:
    """The effects of a party (by setting (n, outcomes, 2, 2)), and which of them may be chosen.

    ``readout`` (N, outcomes, settings) says of which effects each coordinate of the tests consists.
    """

    effects: Effects
    groups: list[_Group]
    readout: Floats

    @classmethod
    def of(cls, coarse: Coarsening, best: QubitOptimum, party: int) -> _Party:
        observables = (best.alice, best.bob)[party]
        effects, groups = [], []
        for setting, values in enumerate(coarse.maps[party]):
            made = np.zeros((len(observables), len(values), 2, 2))
            left_out = not any(values)
            for new in sorted(set(values)):
                total = np.eye(2) + (-1.0) ** new * observables[:, setting]
                total = np.broadcast_to(np.eye(2), total.shape) if left_out else total / 2.0
                outcomes = [a for a, value in enumerate(values) if value == new]
                made[:, outcomes] = total[:, None] / len(outcomes)
                if len(outcomes) > 1:
                    moves = np.broadcast_to(_ENTRIES, (len(total), 3, 2, 2)) if left_out else total[:, None]
                    groups.append(_Group(setting, outcomes, total, moves))
            effects.append(made)
        return cls(tuple(effects), groups, coarse.fine.scenario.readout(party))

    @property
    def operators(self) -> Floats:
        """(n, N, 2, 2) the operator of each coordinate."""
        found = np.zeros((len(self.effects[0]), len(self.readout), 2, 2))
        found[:, 0] = np.eye(2)
        for setting, effects in enumerate(self.effects):
            found[:, 1:] += np.einsum("ma,naij->nmij", self.readout[1:, : effects.shape[1], setting], effects)
        return found

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """(N,) whether the operator of a coordinate cannot be chosen."""
        found = np.ones(len(self.readout), dtype=bool)
        for group in self.groups:
            found[1:] &= ~self.readout[1:, group.outcomes, group.setting].any(axis=1)
        return found

    def solved(self, task: _Task) -> _Party | None:
        """The party with effects that have the tested values, as far from 0 as possible; None if there are none."""
        missing = task.values - task.means(self.operators).sum(axis=(0, 2))
        if sum(len(g.outcomes[1:]) * g.moves[..., 0, 0].size for g in self.groups) > _MOST:
            return None
        rows = [np.zeros((len(missing), 0)), *(self._slopes(task, group) for group in self.groups)]
        slopes = np.concatenate(rows, axis=1)
        left, sizes, right = np.linalg.svd(slopes)
        rank = int((sizes > _RANK * sizes.max(initial=0.0)).sum())
        start = right[:rank].T @ ((left[:, :rank].T @ missing) / sizes[:rank])
        if np.abs(slopes @ start - missing).max(initial=0.0) > _MET:
            return None
        numbers = _farthest_inside(self.groups, start, right[rank:].T)
        return None if numbers is None else self._moved(numbers)

    def _slopes(self, task: _Task, group: _Group) -> Floats:
        """(J, numbers) how tested values change with the numbers of a group: those of all outcomes but the last."""
        readout = self.readout[:, group.outcomes, group.setting]
        readout[0] = 0.0
        operators = np.broadcast_to(group.moves[:, None], (len(group.moves), len(readout), *group.moves.shape[1:]))
        means = task.means(operators)
        found = np.einsum("njkm,kc->jcnm", means, readout[:, :-1] - readout[:, -1:])
        return np.asarray(found.reshape(len(found), -1))

    def _moved(self, numbers: Floats) -> _Party:
        effects = [own.copy() for own in self.effects]
        for group, values in zip(self.groups, _split(self.groups, numbers), strict=True):
            moved = np.einsum("cnm,nmij->cnij", values, group.moves)
            for outcome, move in zip(group.outcomes, moved, strict=True):
                effects[group.setting][:, outcome] += move
        return replace(self, effects=tuple(effects))


def _split(groups: list[_Group], numbers: Floats) -> list[Floats]:
    """For each group its numbers (outcomes, n, K), those of the last outcome minus the sum of the others."""
    found, at = [], 0
    for group in groups:
        shape = (len(group.outcomes) - 1, *group.moves.shape[:2])
        own = numbers[at : at + int(np.prod(shape))].reshape(shape)
        found.append(np.concatenate([own, -own.sum(axis=0, keepdims=True)]))
        at += own.size
    return found


def _farthest_inside(groups: list[_Group], start: Floats, ways: Floats) -> Floats | None:
    """Numbers ``start + ways @ z`` with all effects as far from 0 as possible; None if they cannot be positive."""
    every = [_split(groups, column) for column in np.column_stack([start, ways]).T]
    linear: list[Floats] = []  # (rows, 1 + z) with the constant first, then (rows,) how they fall with the distance
    blocks: list[Floats] = []
    for k, group in enumerate(groups):
        rows = np.array([values[k] for values in every])  # (1 + z, outcomes, n, K)
        rows[0] += 1.0 / len(group.outcomes) * (np.array([1.0, 0.0, 1.0]) if rows.shape[3] == 3 else 1.0)
        (blocks if rows.shape[3] == 3 else linear).append(rows.reshape(len(rows), -1).T)
    width = 1 + ways.shape[1]
    ones, matrices = (np.concatenate([np.zeros((0, width)), *own]) for own in (linear, blocks))
    falls = np.concatenate([-np.ones(len(ones)), np.tile([-1.0, 0.0, -1.0], len(matrices) // 3)])
    rows = np.concatenate([ones, matrices])
    matrix = np.column_stack([rows[:, 1:], falls])
    cap = np.append(np.zeros(width - 1), -1.0)[None]
    program = LinearMatrixInequality(
        cost=-cap[0],
        offset=0.0,
        matrix=sp.csc_array(np.concatenate([cap, matrix])),
        constant=np.concatenate([[1.0], rows[:, 0]]),
        linear=1 + len(ones),
        sizes=(2,) * (len(matrices) // 3),
    )
    try:
        found = Clarabel().solve(program).solution
    except SolverFailure:
        return None
    if found is None or not np.isfinite(found).all():
        return None
    reached = rows @ np.append(1.0, found[:-1])
    entries = reached[len(ones) :].reshape(-1, 3)
    eigenvalues = np.linalg.eigvalsh(entries[:, [[0, 1], [1, 2]]])
    least = min(reached[: len(ones)].min(initial=1.0), eigenvalues.min(initial=1.0))
    return start + ways @ found[:-1] if least > _INSIDE else None
