"""The question of a conditional von Neumann entropy, and its interval program.

The key is a tree of bits: "is the outcome in the first half of those left?", until one is left; with Bob's setting
Alice's outcome comes first. By the chain rule the entropy is the sum of those of the bits, each given the bits before,
and :mod:`sdpbound.quadrature` bounds each from below. For a bit with effects M_0, M_1, M = M_0 + M_1, on the devices
and t a node, Eve's part is ``max_P <P (t M - M_b)>`` over her projections, which commute with all of the devices. Her
moments ``<P w>`` and ``<(1 - P) w>`` with the devices' words w are two positive semidefinite matrices with sum M(y),
the moment matrix of Alice and Bob alone: level "1+AB" of the devices is {1, A, B, AB} x {1, P} with Eve.

**One program for all nodes.** With one Alice-Bob behaviour (and state) for all nodes Eve's best attack must serve them
all, and the bound is that of the minimum of a sum and not the sum of minima. Products of projections of different nodes
and bits do not occur: Eve holds a purification, fixed by the Alice-Bob state, on which each projection is optimal by
itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.algebra import Word, moment_matrix
from sdpbound.assemble import _coordinate_parity, _null_space_mod2
from sdpbound.behaviour import DATA_TOLERANCE, Observations
from sdpbound.conic.interval import IntervalSolver, IntervalStructure, SignSymmetry
from sdpbound.errors import InvalidLevel
from sdpbound.levels import Level, generating_words, normalise_level
from sdpbound.models.quantum import relaxation_of
from sdpbound.quadrature import weights
from sdpbound.relaxation import Relaxation
from sdpbound.scenario import Scenario

__all__ = ["EntropyProgram", "EntropyQuestion", "assemble_entropy", "words_of_level"]

Floats = NDArray[np.float64]
#: Tested values known no better than this are intervals for the solver as well.
WIDE = 1e-9
_MOST_FLIPS = 6


@dataclass(frozen=True, eq=False)
class EntropyQuestion:
    """H(A|X=x,E), or with y H(AB|X=x,Y=y,E), of what is observed.

    Attributes
    ----------
    observed : what is tested
    x, y : settings; y None for Alice's outcome alone
    preprocessing : probability with which Alice flips her bit; 0 for any other key than one bit
    given : the data as asked about, where the tolerances of ``observed`` had to be widened
    """

    observed: Observations
    x: int
    y: int | None
    preprocessing: float = 0.0
    given: Observations | None = None

    @property
    def scenario(self) -> Scenario:
        return self.observed.scenario

    @property
    def figure(self) -> dict[str, Any]:
        """The figure as a certificate names it."""
        return {"kind": "conditional_entropy", "x": self.x, "y": self.y, "preprocessing": self.preprocessing}

    @property
    def outcomes(self) -> int:
        """How many outcomes the key has."""
        a, b = self.scenario.outcomes
        return a[self.x] * (1 if self.y is None else b[self.y])

    @cached_property
    def bits(self) -> tuple[tuple[Floats, Floats, Floats], ...]:
        """(M, M_0, M_1) of each bit, in moment coordinates."""
        scenario = self.scenario
        one = np.eye(scenario.shape[1])[0]
        alice = [scenario.effect(0, self.x, a) for a in range(scenario.outcomes[0][self.x])]
        found = _tree([np.outer(e, one) for e in alice])
        if self.y is not None:
            bob = [scenario.effect(1, self.y, b) for b in range(scenario.outcomes[1][self.y])]
            for e in alice:
                found += _tree([np.outer(e, f) for f in bob])
        return tuple(found)


def _tree(effects: list[Floats]) -> list[tuple[Floats, Floats, Floats]]:
    """The bits that tell apart some effects: the first half, one more if odd, against the rest, and so on."""
    if len(effects) < 2:
        return []
    half = (len(effects) + 1) // 2
    first, rest = effects[:half], effects[half:]
    return [(sum_of(effects), sum_of(first), sum_of(rest)), *_tree(first), *_tree(rest)]


def sum_of(tensors: list[Floats]) -> Floats:
    return np.asarray(np.sum(tensors, axis=0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class EntropyProgram:
    """The interval program ``maximise -H`` of a question at a level, for some nodes.

    Attributes
    ----------
    solver : of the program's structure, shared between points
    words : the generating words
    objective, rewards : of the program; copies are node by node, bit by bit, M_0 before M_1
    slack : sum of what the entries of ``rewards`` may be off
    nodes, weights : (N,)
    wholes : (bits * 2, moments) the functionals M of the copies of one node
    """

    solver: IntervalSolver
    words: tuple[Word, ...]
    objective: Floats
    rewards: Floats
    slack: float
    nodes: Floats
    weights: Floats
    wholes: Floats

    def values_and_slopes(self, solution: Floats) -> tuple[Floats, Floats]:
        """f(t_i) and a subgradient of it at each node, of the point that a solver found."""
        z = self.solver.moments_of_copies(solution).reshape(len(self.nodes), len(self.wholes), -1)
        rewards = self.rewards.reshape(z.shape)
        scale = np.where(self.weights > 0.0, self.weights, 1.0)
        return (rewards * z).sum(axis=(1, 2)) / scale, (self.wholes * z).sum(axis=(1, 2))


def assemble_entropy(question: EntropyQuestion, level: Level, nodes: Floats) -> EntropyProgram:
    """Write the interval program of a question."""
    scenario, observed = question.scenario, question.observed
    size = int(np.prod(scenario.shape))
    rows = np.ascontiguousarray(observed.coefficients.reshape(len(observed), size))
    single = np.count_nonzero(rows, axis=1) == 1
    free = single & (np.abs(observed.values) <= DATA_TOLERANCE)
    structure = _structure(
        scenario,
        normalise_level(level),
        question.x,
        question.y,
        len(nodes),
        rows.tobytes(),
        tuple(bool(v) for v in free),
        tuple(bool(t > WIDE) for t in observed.tolerances),
    )
    w = weights(nodes, question.preprocessing)
    wholes, parts = structure.wholes, structure.parts
    rewards = w[:, None, None] * (nodes[:, None, None] * wholes - parts)
    size_of_terms = w[:, None, None] * (nodes[:, None, None] * np.abs(wholes) + np.abs(parts))
    return EntropyProgram(
        solver=structure.solver,
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
    solver: IntervalSolver
    words: tuple[Word, ...]
    wholes: Floats
    parts: Floats


@lru_cache(maxsize=128)
def _structure(
    scenario: Scenario,
    level: str | tuple[str, ...],
    x: int,
    y: int | None,
    groups: int,
    rows_bytes: bytes,
    free: tuple[bool, ...],
    wide: tuple[bool, ...],
) -> _Structure:
    size = int(np.prod(scenario.shape))
    rows = np.frombuffer(rows_bytes).reshape(-1, size)
    bits = EntropyQuestion(Observations.none(scenario), x, y).bits
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
    return _Structure(IntervalSolver(structure), words, wholes @ to_moments, parts @ to_moments)


def require_words(
    scenario: Scenario,
    level: str | tuple[str, ...],
    words: Sequence[Word],
    key: NDArray[np.bool_],
    unreached: NDArray[np.bool_],
) -> None:
    """InvalidLevel where a coordinate of the key is no word, or one that is needed is no product of two words."""
    held = set(words)
    lacking = [index for index in _indices(scenario, key) if _word(index) not in held]
    for index, verb in [(i, "hold") for i in lacking] + [(i, "reach") for i in _indices(scenario, unreached)]:
        names = ("A" if p == 0 else "B" for p in range(len(index)))
        word = " ".join(f"{name}[{i}]" for name, i in zip(names, index, strict=True) if i)
        raise InvalidLevel(
            f"level {level!r} does not {verb} {word} (coordinate numbers of the scenario), which the entropy or the "
            f"tested data need; take a higher level, at least {'1+AB' if all(index) else '1'!r}."
        )


def _indices(scenario: Scenario, which: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    return [tuple(int(i) for i in np.unravel_index(int(c), scenario.shape)) for c in np.flatnonzero(which)]


def _word(index: tuple[int, ...]) -> Word:
    return tuple((i,) if i else () for i in index)


@lru_cache(maxsize=64)
def _relaxation(scenario: Scenario, words: tuple[Word, ...]) -> Relaxation:
    return relaxation_of(scenario, moment_matrix(scenario, words))


def words_of_level(
    scenario: Scenario, level: str | tuple[str, ...], needed: NDArray[np.bool_] | None = None
) -> tuple[Word, ...]:
    """Generating words; a level by name leaves out settings that occur in none of the ``needed`` coordinates."""
    if isinstance(level, tuple) or needed is None:
        return generating_words(scenario, level)
    letters: list[list[int]] = []
    outcomes: list[tuple[int, ...]] = []
    for party, counts in enumerate(scenario.outcomes):
        own = np.asarray(needed.any(axis=1 - party), dtype=np.bool_)
        settings = sorted({letter.setting for i, letter in enumerate(scenario.letters[party], 1) if own[i]}) or [0]
        letters.append([i for i, letter in enumerate(scenario.letters[party], 1) if letter.setting in settings])
        outcomes.append(tuple(counts[s] for s in settings))
    small = generating_words(Scenario(tuple(outcomes)), level)
    return tuple(tuple(tuple(letters[p][i - 1] for i in part) for p, part in enumerate(word)) for word in small)


def flips(
    scenario: Scenario,
    relaxation: Relaxation,
    rows: Floats,
    needed: NDArray[np.bool_],
    wholes: Floats,
    parts: Floats,
) -> tuple[SignSymmetry, ...]:
    """All flips of observables that leave the data unchanged and permute the copies; no flip at all comes first."""
    matrix = relaxation.matrix
    assert matrix is not None
    parity = _coordinate_parity(scenario)
    used = np.asarray(parity[needed].any(axis=0), dtype=np.bool_)
    basis = _null_space_mod2(np.ascontiguousarray(parity[(rows != 0).any(axis=0)][:, used]))[:_MOST_FLIPS]
    both = np.hstack([wholes, parts])
    found = []
    for choice in itertools.product((0, 1), repeat=len(basis)):
        flip = np.zeros(len(used), dtype=np.int8)
        for take, b in zip(choice, basis, strict=True):
            if take:
                flip[used] ^= b
        sign = 1.0 - 2.0 * ((parity @ flip) & 1)
        image = _places(both, both * np.tile(sign, 2))
        if image is not None:
            found.append(
                SignSymmetry(
                    sign=np.asarray(1.0 - 2.0 * ((matrix.parity @ flip) & 1), dtype=np.float64),
                    word_sign=np.asarray(1.0 - 2.0 * ((matrix.word_parity @ flip) & 1), dtype=np.float64),
                    image=image,
                )
            )
    return tuple(found)


def _places(rows: Floats, moved: Floats) -> tuple[int, ...] | None:
    """For each row the place of its moved version; None if one is missing."""
    where = {row.tobytes(): k for k, row in enumerate(rows + 0.0)}
    image = [where.get(row.tobytes(), -1) for row in moved + 0.0]
    return None if -1 in image else tuple(image)
