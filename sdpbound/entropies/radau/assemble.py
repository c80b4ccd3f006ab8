"""The Brown-Fawzi-Fawzi program of a conditional entropy (arXiv:2106.13692), without norm limits.

Let t_1 < ... < t_m = 1 be Gauss-Radau nodes with weights kappa_i (:func:`sdpbound.entropies.quadrature.gauss_radau`).
Let E_k be the effect of outcome k of the key: a projector of Alice, or its product with a projector of Bob. Let E'_k be
this effect after a flip with probability q. Then

    H >= sum_i kappa_i (1 + sum_k min_Z <q_ik(Z)>),    q_ik(Z) = E'_k (Z + Z* + (1 - t_i) Z* Z) + t_i Z Z*.

Z is any operator of Eve, another one for each i and k. The program does not limit the norm of Z. The norm limits of
that paper diverge at t_m = 1. Without limits the term of t_m is bounded like the others: (Z + E')(Z + E')* - E'^2 gives
its trivial bound -<E'^2>. Eve reaches this bound only if her operators map the state to everything that the operators
of Alice and Bob map it to.

**Words.** Each i and k has one block with the rows w, u E Z and v Z*. The w are the words of the level. Let L be the
most letters of a party in any w. The u and v are the w with at most max(1, L - 1) letters of this party, for each
party. No u ends with a letter of the key, since E absorbs that letter. The blocks of t = 1 have no rows with Z. If
q = 0, only the part E Z of Z occurs in a positive term of q_ik; rows with all of Z would leave the program without a
strictly feasible dual. With flips (q > 0) the rows are u Z instead of u E Z, and further ones whose u has one more
letter of the key.

**Merged outcomes.** Where the key is a function of the outcomes, E is a sum of projectors E_a that exclude each other,
one for each outcome of the value. Each has rows u E_a Z of its own, with one Z for all. With d_a = <E_a Z* Z>, whose
sum is d, |<E_a w E_a' Z* Z>| <= sqrt(d_a d_a') <= d, and the charges below are the same. Flips of outcomes are not
looked for.

**The proof** of a lower bound is a Gram matrix X for each block. X agrees with kappa q_ik on the words with Z. On the
words of Alice and Bob alone X has a polynomial T, so kappa q_ik = (a sum of squares) - T + r. The rest r stands for the
errors of X: it is a small polynomial in wZ, wZ*Z, wZZ* and wZ*Z*. The proof charges r without a limit on Z. Let
d = <E Z* Z> (with flips <Z* Z>) and f = <Z Z*>. Then contractions w obey |<wZ>| <= sqrt f, |<E w E Z* Z>| <= d,
|<w Z Z*>| <= f and |<E w Z* Z*>| <= sqrt(d f). X is first scaled so that a little of kappa (1 - t) d and of
kappa t f is left to pay for r.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.quantum import relaxation_of
from sdpbound.arrays import Floats
from sdpbound.bell.key import Merge
from sdpbound.bell.observations import DATA_TOLERANCE
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.program import SolverResult
from sdpbound.conic.programs.quadratic import (
    CopyMaps,
    QuadraticData,
    QuadraticDual,
    QuadraticProgram,
    QuadraticStructure,
)
from sdpbound.entropies.proof import rows_of
from sdpbound.entropies.quadrature import RadauRule, gauss_radau
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.entries import Entries, KeyValue, Polynomial, key_values, rows_beside
from sdpbound.entropies.words import WIDE, flips, require_words, words_of_level
from sdpbound.errors import InvalidLevel
from sdpbound.npa.levels import Level, normalise_level
from sdpbound.npa.words import PartyAlgebra, Word, moment_matrix

__all__ = ["RadauProgram", "assemble_radau"]

#: The word without letters.
ONE: Word = ((), ())


@dataclass(frozen=True, eq=False)
class RadauProgram:
    """The program of a question at one level, for m nodes.

    Attributes
    ----------
    reduced : the structure of the program; points with other tested values share it
    words, left, right : the words w of Alice and Bob, the u beside Z and the v beside Z*
    nodes, weights : (m,) t_i and kappa_i
    constant : the sum of all kappa_i, rounded down
    """

    reduced: QuadraticProgram
    words: tuple[Word, ...]
    left: tuple[Word, ...]
    right: tuple[Word, ...]
    nodes: Floats
    weights: Floats
    constant: float

    @property
    def symmetry(self) -> None:
        """Flips only are used."""
        return None

    def data(self, values: Floats, tolerances: Floats) -> QuadraticData:
        """The data of the program for these tested values and tolerances (J,)."""
        return QuadraticData(values, tolerances, self.factors, self.constant)

    def claimed(self, result: SolverResult) -> float:
        """The entropy in bits that the solver reports; it is not proven."""
        return self.constant - result.objective

    def entries(self, dual: QuadraticDual) -> dict[str, Any]:
        """The entries of a certificate that describe this dual, without its multipliers."""
        return {
            "gauss_radau": len(self.nodes),
            "words": [[list(part) for part in word] for word in self.words],
            "left": [[list(part) for part in word] for word in self.left],
            "right": [[list(part) for part in word] for word in self.right],
            "factor": rows_of(dual.shared),
            "blocks": [rows_of(x) for x in dual.blocks],
        }

    @property
    def factors(self) -> Floats:
        """(m, 3): kappa, kappa (1 - t) and kappa t; the last two are at most the values of the exact rule."""
        k, t = self.weights, self.nodes
        return np.array([k, k * (1.0 - t) * (1.0 - 1e-15), k * t * (1.0 - 1e-15)]).T


def assemble_radau(question: EntropyQuestion, level: Level, count: int, rule: RadauRule | None = None) -> RadauProgram:
    """Write the program of a question with ``count`` nodes, of the entropy or of another rule of as many nodes."""
    scenario, observed = question.scenario, question.observed
    rows = np.ascontiguousarray(observed.coefficients.reshape(len(observed), int(np.prod(scenario.shape))))
    free = (np.count_nonzero(rows, axis=1) == 1) & (np.abs(observed.values) <= DATA_TOLERANCE)
    structure = _structure(
        scenario,
        normalise_level(level),
        question.x,
        question.y,
        question.merge,
        question.preprocessing,
        count,
        rows.tobytes(),
        tuple(bool(v) for v in free),
        tuple(bool(t > WIDE) for t in observed.tolerances),
    )
    rule = gauss_radau(count) if rule is None else rule
    return RadauProgram(*structure, rule.nodes, rule.weights, rule.constant)


@lru_cache(maxsize=64)
def _structure(
    scenario: Scenario,
    level: str | tuple[str, ...],
    x: int,
    y: int | None,
    merge: Merge | None,
    preprocessing: float,
    count: int,
    rows_bytes: bytes,
    free: tuple[bool, ...],
    wide: tuple[bool, ...],
) -> tuple[QuadraticProgram, tuple[Word, ...], tuple[Word, ...], tuple[Word, ...]]:
    size = int(np.prod(scenario.shape))
    rows = np.frombuffer(rows_bytes).reshape(-1, size)
    keys = list(key_values(scenario, x, y, merge))
    effects = np.array([key.tensor.reshape(-1) for key in keys])
    needed = np.asarray(np.vstack([rows, effects]).any(axis=0), dtype=np.bool_)
    needed[0] = True
    words = words_of_level(scenario, level, needed.reshape(scenario.shape))
    matrix = moment_matrix(scenario, words)
    relaxation = relaxation_of(scenario, matrix)
    require_words(scenario, level, words, np.asarray(effects.any(axis=0)), needed & ~relaxation.reached)
    flipped = preprocessing > 0.0
    left, right = _beside(scenario, words, x, y, flipped)
    singles = {w for w in words if sum(map(len, w)) == 1}
    if any(((i,), ()) not in singles for w in (*words, *left) for i in w[0]) or any(
        ((), (j,)) not in singles for w in words for j in w[1]
    ):
        raise InvalidLevel(f"level {level!r} has words of letters that are no words themselves; add them, or '1'.")
    inner, last = (
        tuple(_maps(scenario, words, u, right, key, preprocessing, matrix.find) for key in keys) for u in (left, ())
    )
    symmetries = flips(scenario, relaxation, rows[~np.array(free, dtype=bool)], needed, effects, effects)
    if merge is not None:  # rows of outcomes would be exchanged
        symmetries = symmetries[:1]
    inner_rows, last_rows = (*words, *left, *right), (*words, *right)
    structure = QuadraticStructure(
        index=matrix.index,
        moments=matrix.moments,
        unit=relaxation.unit,
        tested=np.asarray(rows @ relaxation.coordinates),
        wide=wide,
        layouts=(*[inner] * (count - 1), last),
        floor=preprocessing if flipped else 1.0,
        symmetries=symmetries,
        row_signs=tuple(
            (*[_signs(inner_rows, words, g.word_sign)] * (count - 1), _signs(last_rows, words, g.word_sign))
            for g in symmetries
        ),
    )
    return QuadraticProgram(structure), words, left, right


def _signs(rows: Sequence[Word], words: Sequence[Word], signs: Floats) -> Floats:
    """The signs of ``rows``, as products of the signs of words with one letter."""
    letters = {w: signs[i] for i, w in enumerate(words) if sum(map(len, w)) == 1}
    single = [[((i,), ()) for i in w[0]] + [((), (j,)) for j in w[1]] for w in rows]
    return np.array([math.prod((letters[letter] for letter in w), start=1.0) for w in single])


def _beside(
    scenario: Scenario, words: tuple[Word, ...], x: int, y: int | None, flipped: bool
) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """The words u beside Z and the words v beside Z*."""
    most = [max(1, max(len(w[p]) for w in words) - 1) for p in (0, 1)]
    right = tuple(w for w in words if all(len(part) <= limit for part, limit in zip(w, most, strict=True)))
    algebras = [PartyAlgebra(scenario.letters[p]) for p in (0, 1)]

    def ends(word: Word) -> bool:
        """Whether the last letter of a party belongs to the setting of the key, so that E absorbs it."""
        return any(
            setting is not None and part and algebras[p].letters[part[-1] - 1].setting == setting
            for p, (part, setting) in enumerate(zip(word, (x, y), strict=True))
        )

    left = [w for w in right if not ends(w)]
    if flipped:
        key = [i for i, letter in enumerate(scenario.letters[0], 1) if letter.setting == x]
        left += [((*w[0], i), w[1]) for w in left for i in key]
    return tuple(left), right


def _maps(
    scenario: Scenario,
    words: Sequence[Word],
    left: Sequence[Word],
    right: Sequence[Word],
    key: KeyValue,
    preprocessing: float,
    find: Callable[[Word], int],
) -> CopyMaps:
    """The places of the moments in a block, and the polynomial that the block must agree with."""
    flipped = preprocessing > 0.0
    beside = rows_beside(key, left, flipped)
    size = len(words) + len(beside) + len(right)
    entries = Entries(scenario, key, words, left, right, flipped)
    effect = {w: (1.0 - 2.0 * preprocessing) * value for w, value in key.polynomial.items()}
    if flipped:  # (1-q) E + q (1-E)
        effect[ONE] = effect.get(ONE, 0.0) + preprocessing
    own = [entries.linear, entries.square, entries.other, entries.twice]
    numbers = np.array([find(word) for word in entries.devices.numbers])
    place = sp.csr_array((np.ones(len(numbers)), (numbers, np.arange(len(numbers)))))
    star = np.zeros(size)
    for word, value in effect.items():
        star[words.index(word)] = value
    star[len(words) + len(beside) + right.index(ONE)] = 1.0
    diagonal = {(outcome.outcomes, ONE, outcome.outcomes): 1.0 for outcome in key.members}
    return CopyMaps(
        devices=sp.csr_array(place @ entries.devices.matrix(size)),
        own=sp.csr_array(sp.vstack([c.matrix(size) for c in own], format="csr")),
        kinds=tuple(len(c.numbers) for c in own),
        linear=2.0 * entries.linear.vector(effect),
        square=entries.square.vector((effect if flipped else diagonal) if left else {}),
        other=entries.other.vector({ONE: 1.0}),
        size=size,
        words=len(words),
        squares=_squares(words, left, size, key, preprocessing),
        star=star,
    )


def _squares(words: Sequence[Word], left: Sequence[Word], size: int, key: KeyValue, preprocessing: float) -> Floats:
    """Rows whose squares prove that q_ik + E' is not negative at t = 0."""
    flipped = preprocessing > 0.0
    squares = np.zeros((0 if not left else 2 if flipped else 1, size))
    parts = [(key.polynomial, 1.0 - preprocessing), (_complement(key.polynomial), preprocessing)]
    for row, (part, weight) in zip(squares, parts, strict=False):
        for word, value in part.items():
            row[words.index(word)] = np.sqrt(weight) * value
            if flipped:
                row[len(words) + left.index(word)] = np.sqrt(weight) * value
        if not flipped:
            for k, _ in enumerate(key.members):
                row[len(words) + k * len(left) + left.index(ONE)] = 1.0
    return squares


def _complement(polynomial: Polynomial) -> Polynomial:
    return {ONE: 1.0 - polynomial.get(ONE, 0.0)} | {w: -value for w, value in polynomial.items() if w != ONE}
