"""Write the interval program that bounds a conditional von Neumann entropy from below.

**Bits of the key.** The key is read as a tree of bits. Each bit asks "is the outcome in the first half of the outcomes
left?", until one outcome is left. If the key includes outcomes of several parties, the bits of the first party's
outcome come first, then for each of its outcomes those of the next party's, and so on. By the chain rule, the entropy
of the key is the sum of the entropies of its bits, each conditioned on the bits before it.
:mod:`sdpbound.entropies.quadrature` bounds each of these entropies from below.

**Eve's part.** Let M_0 and M_1 be the effects of a bit on the devices, M = M_0 + M_1, and t a node. Eve contributes
``max_P <P (t M - M_b)>``. The maximum is over her projections P, which commute with all operators of the devices. For
words w of the devices, her moments ``<P w>`` and ``<(1 - P) w>`` form two positive semidefinite matrices. Their sum is
M(y), the moment matrix of Alice and Bob alone. Level "1+AB" of the devices stands for {1, A, B, AB} x {1, P} with Eve.

**One program for all nodes.** All nodes share one Alice-Bob behaviour (and state), so one attack of Eve must serve all
nodes. The bound is the minimum of a sum, which is at least the sum of the minima. Products of projections of different
nodes or bits do not occur: Eve holds a purification, the Alice-Bob state fixes it, and each projection on it is optimal
by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sdpbound.adversaries.adversary import Relaxation
from sdpbound.adversaries.quantum import relaxation_of
from sdpbound.arrays import Floats
from sdpbound.bell.key import Settings, named_key
from sdpbound.bell.observations import DATA_TOLERANCE, Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.program import SolverResult
from sdpbound.conic.programs.interval import IntervalData, IntervalDual, IntervalProgram, IntervalStructure
from sdpbound.entropies.proof import rows_of
from sdpbound.entropies.quadrature import weights
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.words import WIDE, flips, require_words, words_of_level
from sdpbound.npa.levels import Level, normalise_level
from sdpbound.npa.words import Word, moment_matrix

__all__ = ["IntegralProgram", "assemble_entropy"]


@dataclass(frozen=True, eq=False)
class IntegralProgram:
    """The interval program ``maximise -H`` of a question at one level, for given nodes.

    Attributes
    ----------
    reduced : the structure of the program; points with other tested values share it
    words : the generating words
    objective : (moments,) coefficients of -H that do not belong to a copy
    rewards : (nodes * bits * 2, moments) coefficients of the copies; node by node, bit by bit, M_0 before M_1
    slack : bound on the sum of the rounding errors of all entries of ``rewards``
    nodes, weights : (N,) the t_i and w_i of :mod:`sdpbound.entropies.quadrature`
    wholes : (bits * 2, moments) the functional M for each copy of one node
    """

    reduced: IntervalProgram
    words: tuple[Word, ...]
    objective: Floats
    rewards: Floats
    slack: float
    nodes: Floats
    weights: Floats
    wholes: Floats

    def data(self, values: Floats, tolerances: Floats) -> IntervalData:
        """The data of the program for these tested values and tolerances (J,)."""
        return IntervalData(values, tolerances, self.objective, self.rewards, self.slack)

    def claimed(self, result: SolverResult) -> float:
        """The entropy in bits that the solver reports; it is not proven."""
        return -result.objective

    def entries(self, dual: IntervalDual) -> dict[str, Any]:
        """The entries of a certificate that describe this dual, without its multipliers."""
        return {
            "nodes": [float(t) for t in self.nodes],
            "words": [[list(part) for part in word] for word in self.words],
            "factor": rows_of(dual.shared),
            "copies": [{"inner": rows_of(a), "outer": rows_of(b)} for a, b in zip(dual.inner, dual.outer, strict=True)],
        }

    def values_and_slopes(self, solution: Floats) -> tuple[Floats, Floats]:
        """f(t_i) and a subgradient of f at each node, each (N,), for the point that the solver found."""
        z = self.reduced.moments_of_copies(solution).reshape(len(self.nodes), len(self.wholes), -1)
        rewards = self.rewards.reshape(z.shape)
        scale = np.where(self.weights > 0.0, self.weights, 1.0)
        return (rewards * z).sum(axis=(1, 2)) / scale, (self.wholes * z).sum(axis=(1, 2))


def assemble_entropy(question: EntropyQuestion, level: Level, nodes: Floats) -> IntegralProgram:
    """Write the interval program of a question."""
    scenario, observed = question.scenario, question.observed
    size = int(np.prod(scenario.shape))
    rows = np.ascontiguousarray(observed.coefficients.reshape(len(observed), size))
    single = np.count_nonzero(rows, axis=1) == 1
    free = single & (np.abs(observed.values) <= DATA_TOLERANCE)
    structure = _structure(
        scenario,
        normalise_level(level),
        question.key,
        len(nodes),
        rows.tobytes(),
        tuple(bool(v) for v in free),
        tuple(bool(t > WIDE) for t in observed.tolerances),
    )
    w = weights(nodes, question.preprocessing)
    wholes, parts = structure.wholes, structure.parts
    rewards = w[:, None, None] * (nodes[:, None, None] * wholes - parts)
    size_of_terms = w[:, None, None] * (nodes[:, None, None] * np.abs(wholes) + np.abs(parts))
    return IntegralProgram(
        reduced=structure.reduced,
        words=structure.words,
        objective=-wholes[::2].sum(axis=0),  # sums of halves and quarters: exact
        rewards=rewards.reshape(-1, wholes.shape[1]),
        slack=4.0 * 2.0**-53 * float(size_of_terms.sum()),
        nodes=nodes,
        weights=w,
        wholes=wholes,
    )


@dataclass(frozen=True, eq=False)
class _Structure:
    reduced: IntervalProgram
    words: tuple[Word, ...]
    wholes: Floats
    parts: Floats


@lru_cache(maxsize=128)
def _structure(
    scenario: Scenario,
    level: str | tuple[str, ...],
    key: Settings,
    groups: int,
    rows_bytes: bytes,
    free: tuple[bool, ...],
    wide: tuple[bool, ...],
) -> _Structure:
    size = int(np.prod(scenario.shape))
    rows = np.frombuffer(rows_bytes).reshape(-1, size)
    x, y, settings = named_key(key)
    bits = EntropyQuestion(Observations.none(scenario), x, y, settings=settings).bits
    copies = [(whole, part) for whole, *children in bits for part in children]
    wholes = np.array([whole.reshape(-1) for whole, _ in copies]).reshape(-1, size)
    parts = np.array([part.reshape(-1) for _, part in copies]).reshape(-1, size)
    needed = np.asarray(np.vstack([rows, wholes, parts]).any(axis=0), dtype=np.bool_)
    needed[0] = True
    words = words_of_level(scenario, level, needed.reshape(scenario.shape))
    relaxation = _relaxation(scenario, words)
    key_words = np.asarray(parts.any(axis=0), dtype=np.bool_)
    require_words(scenario, level, words, key_words, needed & ~relaxation.reached)
    matrix = relaxation.matrix
    assert matrix is not None
    to_moments = relaxation.coordinates
    structure = IntervalStructure(
        index=matrix.index,
        moments=matrix.moments,
        unit=relaxation.unit,
        tested=np.asarray(rows @ to_moments),
        wide=wide,
        copies=len(copies),
        groups=groups,
        symmetries=flips(scenario, relaxation, rows[~np.array(free, dtype=bool)], needed, wholes, parts),
    )
    return _Structure(IntervalProgram(structure), words, wholes @ to_moments, parts @ to_moments)


@lru_cache(maxsize=64)
def _relaxation(scenario: Scenario, words: tuple[Word, ...]) -> Relaxation:
    return relaxation_of(scenario, moment_matrix(scenario, words))
