"""The attack that leaves Eve's states of the outcomes 00 and 11 with the least Chernoff overlap, as far as found.

Column generation over pairs of qubits in a pure state, which Eve knows, and whose overlap is sqrt(p_00 p_11). A linear
program mixes strategies to the tested data with the least mean, and local minimisations find strategies that its
multipliers say to add. What is found is an attack like any other, proven to have the data.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.attacks.descent import descend
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.attacks.qubit_attack import attack_of
from sdpbound.entropies.qubits.columns import Columns, columns_of, first_columns
from sdpbound.entropies.qubits.mixture import Search, optimum
from sdpbound.entropies.qubits.problem import QubitProblem, qubit_problem
from sdpbound.entropies.qubits.weights import Weighted, cheapest
from sdpbound.entropies.question import KeyQuestion
from sdpbound.errors import SolverFailure
from sdpbound.limiting import go_on
from sdpbound.rates.postprocessing.eve import KeyData

__all__ = ["chernoff_attack"]

#: Rounds of the search, starts in each, what missing the data costs, and the gain at which the search ends.
ROUNDS, STARTS, PRICE, GAIN = 30, 8, 100.0, 1e-5
#: How far starts are from strategies in use, and from zero: angles first.
NEAR, SPREAD = 0.03, np.array([2.0, 2.0, 1.0, 1.0, 1.0, 1.0])
#: Steps of finite differences.
STEP = 1e-6
#: The operators 1, Z and X.
PLANE = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])


def chernoff_attack(key: KeyData) -> EntropyAttack | None:
    """The attack of least overlap that a search finds; None if it is not proven to have the data.

    ``key.is_of_pairs``. Its ``value`` is its entropy H(A|E); what else it leaves is computed from its strategies.
    """
    begun = time.perf_counter()
    question = KeyQuestion(key.observed, key.x, None).of_entropy()
    problem = qubit_problem(question)
    try:
        columns, mixture = _searched(problem, problem.settings[1].index(key.y))
    except SolverFailure:
        return None
    used = np.flatnonzero(mixture.weights > 0.0)
    own = columns_of(problem, columns.a[used], columns.b[used], columns.states[used])
    found = Search(problem, own, mixture.multipliers)
    found.mixture = replace(mixture, weights=mixture.weights[used])
    return attack_of(question, optimum(question, found), begun, resolved=True)


def _searched(problem: QubitProblem, slot: int) -> tuple[Columns, Weighted]:
    rng = np.random.default_rng(0)
    first = first_columns(problem)
    columns = replace(first, entropies=np.zeros(len(first)))
    points = np.zeros((len(first), 6))
    for _ in range(ROUNDS):
        mixture = cheapest(problem, columns, PRICE)
        table = np.tensordot(mixture.multipliers, problem.tests, axes=1)
        level = (columns.entropies - columns.tests @ mixture.multipliers)[mixture.weights > 0.0].max()
        heavy = points[np.argsort(-mixture.weights)[: STARTS // 2]]
        near = heavy[np.abs(heavy[:, 2:]).any(axis=1)]
        random = rng.normal(size=(STARTS, 6)) * SPREAD
        starts = np.concatenate([near + NEAR * rng.normal(size=near.shape), random])

        def function(x: Floats, _: NDArray[np.int64], table: Floats = table) -> tuple[Floats, Floats]:
            moved = x[None] + STEP * np.concatenate([np.zeros((1, 6)), np.eye(6), -np.eye(6)])[:, None]
            values = _reduced(moved.reshape(-1, 6), table, slot).reshape(13, -1)
            return values[0], (values[1:7] - values[7:]).T / (2.0 * STEP)

        found, values = descend(function, starts, 60)
        good = values < level - GAIN
        if not good.any() or not go_on():
            break
        new = found[good]
        states = new[:, 2:] / np.linalg.norm(new[:, 2:], axis=1)[:, None]
        more = columns_of(problem, new[:, 0], new[:, 1], states[:, :, None] * states[:, None])
        columns = columns.with_more(replace(more, entropies=_overlap(new[:, 1], states, slot)))
        points = np.concatenate([points, new])
    return columns, cheapest(problem, columns, PRICE)


def _reduced(points: Floats, table: Floats, slot: int) -> Floats:
    """The overlap less the value of an expression (3, 3) in 1, A, A' and 1, B, B', of points (n, 6)."""
    a, b, states = points[:, 0], points[:, 1], points[:, 2:]
    states = states / np.linalg.norm(states, axis=1)[:, None]
    pairs = states.reshape(-1, 2, 2)
    moments = np.einsum("nij,ail,bjm,nlm->nab", pairs, PLANE, PLANE, pairs, optimize=True)
    frames = [np.zeros((len(points), 3, 3)) for _ in (0, 1)]
    for frame, angle in zip(frames, (a, b), strict=True):
        frame[:, 0, 0] = frame[:, 1, 1] = 1.0
        frame[:, 2, 1], frame[:, 2, 2] = np.cos(angle), np.sin(angle)
    value = np.einsum("xy,nxa,nyb,nab->n", table, *frames, moments, optimize=True)
    return np.asarray(_overlap(b, states, slot) - value, dtype=np.float64)


def _overlap(b: Floats, states: Floats, slot: int) -> Floats:
    """sqrt(p_00 p_11) of pure states (n, 4). Bob's key observable is Z, or in slot 1 the one at angle b."""
    half = 0.5 * b if slot else np.zeros(len(b))
    bob = np.array([[np.cos(half), np.sin(half)], [-np.sin(half), np.cos(half)]])
    turned = np.einsum("nij,kjn->nik", states.reshape(-1, 2, 2), bob)
    return np.asarray(np.abs(turned[:, 0, 0] * turned[:, 1, 1]), dtype=np.float64)
