"""Write the interval program that bounds a conditional von Neumann entropy from below.

:mod:`sdpbound.entropies.quadrature` bounds the entropy of the key from below by finitely many traces of positive parts.

**Two forms.** All outcomes of a key may be told apart at once. Or the key is read as a tree of bits: each bit asks
"is the outcome in the first half of the outcomes left?", until one outcome is left; the bits of the first party's
outcome come first, then for each of its outcomes those of the next party's, and so on. By the chain rule, the entropy
of the key is the sum of the entropies of its bits, each conditioned on the bits before it. For one bit both are the
same.

**Eve's part.** Let M_b be the effects of the outcomes of the key, or of a bit, on the devices, M their sum, and t a
node. Eve contributes ``max_P <P (t M - M_b)>``. The maximum is over her projections P, which commute with all
operators of the devices. For words w of the devices, her moments ``<P w>`` and ``<(1 - P) w>`` form two positive
semidefinite matrices. Their sum is M(y), the moment matrix of Alice and Bob alone. Level "1+AB" of the devices stands
for {1, A, B, AB} x {1, P} with Eve.

**One program for all nodes.** All nodes share one Alice-Bob behaviour (and state), so one attack of Eve must serve all
nodes. The bound is the minimum of a sum, which is at least the sum of the minima. Products of projections of different
nodes or outcomes do not occur: Eve holds a purification, the Alice-Bob state fixes it, and each projection on it is
optimal by itself.

**Symmetry.** Relabellings that keep the data and the words may permute the outcomes of the key. Only one matrix of each
orbit of outcomes is solved for, and each falls into blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sdpbound.adversaries.adversary import Relaxation
from sdpbound.adversaries.quantum import relaxation_of
from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel, passed
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.symmetry import SymmetryGroup
from sdpbound.bounds.symmetries import NEARLY, nearly_symmetric
from sdpbound.bounds.used_symmetry import UsedSymmetry
from sdpbound.conic.program import SolverResult, StartingPoint
from sdpbound.conic.programs.interval import (
    IntervalData,
    IntervalDual,
    IntervalProgram,
    IntervalShape,
    IntervalStructure,
)
from sdpbound.entropies.proof import rows_of
from sdpbound.entropies.quadrature import Chords
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.symmetries import Generators, entropy_group, entropy_symmetry
from sdpbound.entropies.words import WIDE, require_words, words_of_level
from sdpbound.errors import TooLarge
from sdpbound.npa.levels import Level, normalise_level
from sdpbound.npa.words import Word, moment_matrix

__all__ = ["IntegralProgram", "assemble_entropy", "entropy_shape", "forms", "order_of_symmetry", "told_apart"]

#: Programs of more words than this do not fit.
MOST_WORDS = 400
#: A multiple of M less M_b tells which M belongs to which M_b.
APART = 0.6180339887498949


@dataclass(frozen=True, eq=False)
class IntegralProgram:
    """The interval program ``maximise -H`` of a question at one level, for given nodes.

    Attributes
    ----------
    question : what the program is about
    reduced : the structure of the program; points with other tested values share it
    words : the generating words
    objective : (moments,) coefficients of -H that do not belong to a copy
    rewards : (nodes * copies, moments) coefficients of the copies; node by node, in the order of :func:`told_apart`
    slack : bound on the sum of the rounding errors of all entries of ``rewards``
    nodes, weights : (N,) the t_i and w_i of :mod:`sdpbound.entropies.quadrature`
    chords : the rule of these
    wholes : (copies, moments) the functional M for each copy of one node
    group : the symmetries of the question
    """

    question: EntropyQuestion
    reduced: IntervalProgram
    words: tuple[Word, ...]
    objective: Floats
    rewards: Floats
    slack: float
    nodes: Floats
    weights: Floats
    chords: Chords
    wholes: Floats
    group: SymmetryGroup

    @property
    def symmetry(self) -> UsedSymmetry:
        """The symmetry that the program is reduced by."""
        structure, group = self.reduced.structure, self.group
        mixed = _mixed(self.question.scenario, *told_apart(self.question, self.chords))
        near = entropy_group(self.question.observed, mixed, self.words, NEARLY)
        matrices = structure.copies * structure.groups
        return UsedSymmetry(
            group.order,
            tuple(str(generator) for generator in group.generators),
            group.complete,
            (len(structure.index),) * (1 + 2 * matrices),
            self.reduced.sizes,
            structure.moments * (1 + matrices),
            self.reduced.variables,
            nearly_symmetric(group, near),
        )

    def data(self, values: Floats, tolerances: Floats) -> IntervalData:
        """The data of the program for these tested values and tolerances (J,)."""
        return IntervalData(values, tolerances, self.objective, self.rewards, self.slack)

    def claimed(self, result: SolverResult) -> float:
        """The entropy in bits that the solver reports; it is not proven."""
        return -result.objective

    def entries(self, dual: IntervalDual) -> dict[str, Any]:
        """The entries of a certificate that describe this dual, without its multipliers."""
        return {
            "nodes" if self.chords.is_of_bits else "places": [float(t) for t in self.nodes],
            "words": [[list(part) for part in word] for word in self.words],
            "factor": rows_of(dual.shared),
            "copies": [{"inner": rows_of(a), "outer": rows_of(b)} for a, b in zip(dual.inner, dual.outer, strict=True)],
        }

    def start_from(self, other: IntegralProgram, result: SolverResult) -> StartingPoint | None:
        """Where a solver may begin that has solved for other nodes; None if the programs are not of one shape.

        With P_s and the matrices of the dual linear in s between nodes every constraint of one node holds in between,
        and the value is that of the other nodes.
        """
        if self.chords != other.chords or not (other.weights > 0.0).all():
            return None
        nodes = other.nodes
        hats = np.array([np.interp(self.nodes, nodes, row) for row in np.eye(len(nodes))]).T
        return self.reduced.mixed(other.reduced, result, hats, self.weights[:, None] * hats / other.weights)

    def values_and_slopes(self, solution: Floats) -> tuple[Floats, Floats]:
        """f(t_i) and a subgradient of f at each node, each (N,), for the point that the solver found."""
        z = self.reduced.moments_of_copies(solution).reshape(len(self.nodes), len(self.wholes), -1)
        rewards = self.rewards.reshape(z.shape)
        scale = np.where(self.weights > 0.0, self.weights, 1.0)
        return (rewards * z).sum(axis=(1, 2)) / scale, np.asarray((self.wholes * z).sum(axis=(1, 2)), dtype=np.float64)


def forms(question: EntropyQuestion) -> tuple[Chords, ...]:
    """The forms to try for a key.

    Measured: of one party's three outcomes or more, told apart at once they give more at each level, up to 3e-2 bits.
    Of several parties, bits give up to 0.16 more where Eve knows some party's outcome, and 1e-2 less elsewhere.
    """
    if isinstance(question.preprocessing, BinaryChannel):
        return (Chords(2, at_once=True),)
    bits = Chords(2, question.preprocessing)
    if question.outcomes == 2:
        return (bits,)
    at_once = Chords(question.outcomes)
    return (at_once,) if len(question.sizes) == 1 else (bits, at_once)


def told_apart(question: EntropyQuestion, chords: Chords) -> tuple[Floats, Floats]:
    """M and M_b for each copy of a node, (copies, coordinates) each: by bits, M_0 before M_1, or by outcomes."""
    if chords.is_of_bits:
        pairs = [(whole, part) for whole, *parts in question.bits for part in parts]
    else:
        one = np.zeros(question.scenario.shape)
        one.reshape(-1)[0] = 1.0
        effects = passed(question.preprocessing, question.effects) if question.preprocessing else question.effects
        pairs = [(one, effect) for effect in effects]
    wholes, parts = (np.array([pair[side].reshape(-1) for pair in pairs]) for side in (0, 1))
    return wholes, parts


def assemble_entropy(
    question: EntropyQuestion, level: Level, nodes: Floats, chords: Chords | None = None
) -> IntegralProgram:
    """Write the interval program of a question, in the first of its forms unless another one is given."""
    observed = question.observed
    chords = chords or forms(question)[0]
    wholes, parts = told_apart(question, chords)
    rows, words, group = _known(question, level, wholes, parts)
    generators = _generators(group)
    wide = tuple(bool(t > WIDE) for t in observed.tolerances)
    reduced = _program(question.scenario, words, len(wholes), len(nodes), rows.tobytes(), wide, generators)
    to_moments = _relaxation(question.scenario, words).coordinates
    wholes, parts = np.asarray(wholes @ to_moments), np.asarray(parts @ to_moments)
    w, known = chords.weights(nodes)
    rewards = w[:, None, None] * (nodes[:, None, None] * wholes - parts)
    size_of_terms = w[:, None, None] * (nodes[:, None, None] * np.abs(wholes) + np.abs(parts))
    if question.preprocessing and not chords.is_of_bits:  # effects after a channel are rounded: none is larger than one
        size_of_terms += 2.0 * w[:, None, None]
    return IntegralProgram(
        question=question,
        reduced=reduced,
        words=words,
        objective=-known * (wholes.sum(axis=0) / chords.outcomes),  # sums of halves and quarters, or of d ones: exact
        rewards=rewards.reshape(-1, rewards.shape[2]),
        slack=4.0 * 2.0**-53 * float(size_of_terms.sum()),
        nodes=nodes,
        weights=w,
        chords=chords,
        wholes=wholes,
        group=group,
    )


def entropy_shape(question: EntropyQuestion, level: Level, chords: Chords) -> IntervalShape:
    """The matrices of one node at a level, with the symmetry of the question."""
    wholes, parts = told_apart(question, chords)
    _, words, group = _known(question, level, wholes, parts)
    return _shape(question.scenario, words, len(wholes), _generators(group))


def order_of_symmetry(question: EntropyQuestion, level: Level, chords: Chords) -> int:
    """How many relabellings a program at a level is reduced by."""
    return _known(question, level, *told_apart(question, chords))[2].order


def _generators(group: SymmetryGroup) -> Generators:
    return tuple(zip(group.generators, group.copies, strict=True))


def _known(
    question: EntropyQuestion, level: Level, wholes: Floats, parts: Floats
) -> tuple[Floats, tuple[Word, ...], SymmetryGroup]:
    """The tested expressions (J, coordinates), the words of a level, and the symmetry of the question."""
    scenario, observed = question.scenario, question.observed
    rows = np.ascontiguousarray(observed.coefficients.reshape(len(observed), wholes.shape[1]))
    used = np.asarray(np.vstack([rows, wholes, parts]).any(axis=0), dtype=np.bool_)
    key = np.asarray(parts.any(axis=0), dtype=np.bool_)
    words = _words(scenario, normalise_level(level), used.tobytes(), key.tobytes())
    return rows, words, entropy_group(observed, _mixed(scenario, wholes, parts), words)


def _mixed(scenario: Scenario, wholes: Floats, parts: Floats) -> Floats:
    """What the copies of a node are rewarded for, (copies, *shape), as far as symmetries are asked for."""
    return (APART * wholes - parts).reshape(-1, *scenario.shape)


@lru_cache(maxsize=128)
def _words(scenario: Scenario, level: str | tuple[str, ...], used_bytes: bytes, key_bytes: bytes) -> tuple[Word, ...]:
    """The words of a level that the tests and the key need; an error if the level is too low."""
    needed, key = (np.frombuffer(part, dtype=np.bool_).copy() for part in (used_bytes, key_bytes))
    needed[0] = True
    words = words_of_level(scenario, level, needed.reshape(scenario.shape))
    if len(words) > MOST_WORDS:
        name = level if isinstance(level, str) else "given"
        raise TooLarge(
            f"level {name!r} has {len(words)} words in {scenario}: two matrices of so many rows for each node and "
            f"outcome, {16e-9 * len(words) ** 2:.2f} GB each pair; at most {MOST_WORDS} words are taken. Take a lower "
            "level, such as '1+AB', or a list of words around the key."
        )
    require_words(scenario, level, words, key, needed & ~_relaxation(scenario, words).reached)
    return words


@lru_cache(maxsize=128)
def _program(
    scenario: Scenario,
    words: tuple[Word, ...],
    copies: int,
    groups: int,
    rows_bytes: bytes,
    wide: tuple[bool, ...],
    generators: Generators,
) -> IntervalProgram:
    relaxation = _relaxation(scenario, words)
    matrix = relaxation.matrix
    assert matrix is not None
    rows = np.frombuffer(rows_bytes).reshape(len(wide), int(np.prod(scenario.shape)))
    structure = IntervalStructure(
        index=matrix.index,
        moments=matrix.moments,
        unit=relaxation.unit,
        tested=np.asarray(rows @ relaxation.coordinates),
        wide=wide,
        shape=_shape(scenario, words, copies, generators),
        groups=groups,
    )
    return IntervalProgram(structure)


@lru_cache(maxsize=64)
def _shape(scenario: Scenario, words: tuple[Word, ...], copies: int, generators: Generators) -> IntervalShape:
    matrix = _relaxation(scenario, words).matrix
    assert matrix is not None
    return IntervalShape(matrix.index, matrix.moments, copies, entropy_symmetry(scenario, words, generators))


@lru_cache(maxsize=64)
def _relaxation(scenario: Scenario, words: tuple[Word, ...]) -> Relaxation:
    return relaxation_of(scenario, moment_matrix(scenario, words))
