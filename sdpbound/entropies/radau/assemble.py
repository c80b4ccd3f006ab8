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

**The proof** of a lower bound is a Gram matrix X for each block. X agrees with kappa q_ik on the words with Z. On the
words of Alice and Bob alone X has a polynomial T, so kappa q_ik = (a sum of squares) - T + r. The rest r stands for the
errors of X: it is a small polynomial in wZ, wZ*Z, wZZ* and wZ*Z*. The proof charges r without a limit on Z. Let
d = <E Z* Z> (with flips <Z* Z>) and f = <Z Z*>. Then contractions w obey |<wZ>| <= sqrt f, |<E w E Z* Z>| <= d,
|<w Z Z*>| <= f and |<E w Z* Z*>| <= sqrt(d f). X is first scaled so that a little of kappa (1 - t) d and of
kappa t f is left to pay for r.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.quantum import relaxation_of
from sdpbound.arrays import Floats
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
from sdpbound.entropies.quadrature import gauss_radau
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.words import WIDE, flips, require_words, words_of_level
from sdpbound.errors import InvalidLevel
from sdpbound.limiting import require_time
from sdpbound.npa.levels import Level, normalise_level
from sdpbound.npa.words import PartyAlgebra, PartyWord, Word, moment_matrix

__all__ = ["RadauProgram", "assemble_radau"]

Polynomial = dict[Word, float]
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


def assemble_radau(question: EntropyQuestion, level: Level, count: int) -> RadauProgram:
    """Write the program of a question with ``count`` nodes."""
    scenario, observed = question.scenario, question.observed
    rows = np.ascontiguousarray(observed.coefficients.reshape(len(observed), int(np.prod(scenario.shape))))
    free = (np.count_nonzero(rows, axis=1) == 1) & (np.abs(observed.values) <= DATA_TOLERANCE)
    structure = _structure(
        scenario,
        normalise_level(level),
        question.x,
        question.y,
        question.preprocessing,
        count,
        rows.tobytes(),
        tuple(bool(v) for v in free),
        tuple(bool(t > WIDE) for t in observed.tolerances),
    )
    rule = gauss_radau(count)
    return RadauProgram(*structure, rule.nodes, rule.weights, rule.constant)


@lru_cache(maxsize=64)
def _structure(
    scenario: Scenario,
    level: str | tuple[str, ...],
    x: int,
    y: int | None,
    preprocessing: float,
    count: int,
    rows_bytes: bytes,
    free: tuple[bool, ...],
    wide: tuple[bool, ...],
) -> tuple[QuadraticProgram, tuple[Word, ...], tuple[Word, ...], tuple[Word, ...]]:
    size = int(np.prod(scenario.shape))
    rows = np.frombuffer(rows_bytes).reshape(-1, size)
    keys = list(_keys(scenario, x, y))
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


@dataclass(frozen=True, eq=False)
class _Key:
    """An outcome of the key: a projector of each party whose outcome is in the key."""

    tensor: Floats
    settings: tuple[int | None, int | None]
    outcomes: tuple[int, int]
    polynomial: Polynomial


def _keys(scenario: Scenario, x: int, y: int | None) -> Iterator[_Key]:
    one = np.eye(scenario.shape[1])[0]
    for a in range(scenario.outcomes[0][x]):
        alice = scenario.effect(0, x, a)
        for b in range(1 if y is None else scenario.outcomes[1][y]):
            tensor = np.outer(alice, one if y is None else scenario.effect(1, y, b))
            polynomial: Polynomial = {}
            for i, j in np.argwhere(tensor):
                polynomial[(int(i),) if i else (), (int(j),) if j else ()] = float(tensor[i, j])
            yield _Key(tensor, (x, y), (a, b), polynomial)


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


class _Classes:
    """Words numbered in the order of their appearance, and the matrix entries where each word stands."""

    def __init__(self) -> None:
        self.numbers: dict[Word, int] = {}
        self.entries: list[tuple[int, int, int, float]] = []

    def add(self, i: int, j: int, word: Word, weight: float) -> None:
        number = self.numbers.setdefault(word, len(self.numbers))
        self.entries.append((number, i, j, weight))
        if i != j:
            self.entries.append((number, j, i, weight))

    def matrix(self, size: int) -> sp.csr_array:
        if not self.entries:
            return sp.csr_array((0, size * size))
        number, i, j, weight = (np.array(v) for v in zip(*self.entries, strict=True))
        return sp.csr_array((weight, (number, i * size + j)), shape=(len(self.numbers), size * size))

    def vector(self, polynomial: Polynomial) -> Floats:
        out = np.zeros(len(self.numbers))
        for word, value in polynomial.items():
            out[self.numbers[word]] += value
        return out


class _Products:
    """Products of words with each other and with the effect E of an outcome of the key."""

    def __init__(self, scenario: Scenario, key: _Key) -> None:
        self.key = key
        self._algebras = [PartyAlgebra(scenario.letters[p]) for p in (0, 1)]

    def joined(self, *parts: Word) -> Word | None:
        out: list[PartyWord] = []
        for p in (0, 1):
            reduced = self._algebras[p].reduce(tuple(letter for part in parts for letter in part[p]))
            if reduced is None:
                return None
            out.append(reduced)
        return out[0], out[1]

    def between(self, u: Word, v: Word) -> Word | None:
        """The word u* v; None if it is zero."""
        return self.joined(_adjoint(u), v)

    def stripped(self, word: Word | None, both: bool) -> tuple[Word | None, float]:
        """Strip the letters of the key's settings that E absorbs, with the factor that they leave.

        ``E word = factor E stripped``; with ``both``, ``E word E = factor E stripped E``. None if ``word`` is zero.
        """
        if word is None:
            return None, 0.0
        out, factor = [], 1.0
        for p, setting in enumerate(self.key.settings):
            part, letters = word[p], self._algebras[p].letters
            for end in (0, -1) if both else (0,):
                while part and setting is not None and letters[part[end] - 1].setting == setting:
                    outcome = letters[part[end] - 1].outcome
                    a = self.key.outcomes[p]
                    factor *= (1.0 - 2.0 * a) if outcome is None else float(a == outcome)
                    part = part[1:] if end == 0 else part[:-1]
            out.append(part)
        return (out[0], out[1]), factor

    def times_effect(self, u: Word) -> Polynomial:
        """The polynomial u E."""
        out: Polynomial = {}
        for word, value in self.key.polynomial.items():
            product = self.joined(u, word)
            if product is not None:
                out[product] = out.get(product, 0.0) + value
        return out


class _Entries:
    """The places of the moments in a block, by kind.

    ``devices`` has the moments of the devices, ``linear`` those with Z, ``square`` those with Z* Z, ``other`` those
    with Z Z*, and ``twice`` those with Z* Z*.
    """

    def __init__(
        self, products: _Products, words: Sequence[Word], left: Sequence[Word], right: Sequence[Word], flipped: bool
    ) -> None:
        self.devices, self.linear, self.square, self.other, self.twice = (_Classes() for _ in range(5))
        n, k = len(words), len(left)
        self._words(products, words)
        rows: list[Polynomial] = [{u: 1.0} if flipped else products.times_effect(u) for u in left]
        for i, w in enumerate(words):
            require_time()
            for j, row in enumerate(rows):
                for u, value in row.items():
                    if (word := products.between(w, u)) is not None:
                        self.linear.add(i, n + j, word, value)
            for j, v in enumerate(right):
                if (word := products.between(v, w)) is not None:  # <w* v Z*> is <v* w Z>, real
                    self.linear.add(i, n + k + j, word, 1.0)
        for i, u in enumerate(left):
            require_time()
            for j, u2 in enumerate(left[i:], i):
                word, factor = products.between(u, u2), 1.0
                if not flipped:
                    word, factor = products.stripped(word, True)
                if word is not None and factor:
                    self.square.add(n + i, n + j, min(word, _adjoint(word)), factor)
            for j, v in enumerate(right):
                word, factor = products.between(u, v), 1.0
                if not flipped:
                    word, factor = products.stripped(word, False)
                if word is not None and factor:
                    self.twice.add(n + i, n + k + j, word, factor)
        for i, v in enumerate(right):
            require_time()
            for j, v2 in enumerate(right[i:], i):
                if (word := products.between(v, v2)) is not None:
                    self.other.add(n + k + i, n + k + j, min(word, _adjoint(word)), 1.0)

    def _words(self, products: _Products, words: Sequence[Word]) -> None:
        for i, w in enumerate(words):
            require_time()
            for j, w2 in enumerate(words[i:], i):
                if (word := products.between(w, w2)) is not None:
                    self.devices.add(i, j, min(word, _adjoint(word)), 1.0)


def _maps(
    scenario: Scenario,
    words: Sequence[Word],
    left: Sequence[Word],
    right: Sequence[Word],
    key: _Key,
    preprocessing: float,
    find: Callable[[Word], int],
) -> CopyMaps:
    """The places of the moments in a block, and the polynomial that the block must agree with."""
    flipped = preprocessing > 0.0
    size = len(words) + len(left) + len(right)
    entries = _Entries(_Products(scenario, key), words, left, right, flipped)
    effect = {w: (1.0 - 2.0 * preprocessing) * value for w, value in key.polynomial.items()}
    if flipped:  # (1-q) E + q (1-E)
        effect[ONE] = effect.get(ONE, 0.0) + preprocessing
    own = [entries.linear, entries.square, entries.other, entries.twice]
    numbers = np.array([find(word) for word in entries.devices.numbers])
    place = sp.csr_array((np.ones(len(numbers)), (numbers, np.arange(len(numbers)))))
    star = np.zeros(size)
    for word, value in effect.items():
        star[words.index(word)] = value
    star[len(words) + len(left) + right.index(ONE)] = 1.0
    return CopyMaps(
        devices=sp.csr_array(place @ entries.devices.matrix(size)),
        own=sp.csr_array(sp.vstack([c.matrix(size) for c in own], format="csr")),
        kinds=tuple(len(c.numbers) for c in own),
        linear=2.0 * entries.linear.vector(effect),
        square=entries.square.vector((effect if flipped else {ONE: 1.0}) if left else {}),
        other=entries.other.vector({ONE: 1.0}),
        size=size,
        squares=_squares(words, left, size, key, preprocessing),
        star=star,
    )


def _squares(words: Sequence[Word], left: Sequence[Word], size: int, key: _Key, preprocessing: float) -> Floats:
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
            row[len(words) + left.index(ONE)] = 1.0
    return squares


def _complement(polynomial: Polynomial) -> Polynomial:
    return {ONE: 1.0 - polynomial.get(ONE, 0.0)} | {w: -value for w, value in polynomial.items() if w != ONE}


def _adjoint(word: Word) -> Word:
    return tuple(part[::-1] for part in word)
