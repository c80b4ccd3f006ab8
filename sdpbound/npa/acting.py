"""How relabellings act on the words of a moment matrix and on its moments.

A relabelling permutes *full words*, written with all outcomes of settings with more than two, up to a sign for each
observable that is flipped. The generating words leave out last outcomes, ``P_last = 1 - (the others)``. So words go to
combinations of words, and moments to combinations of moments; in words whose letters are replaced by combinations of
a setting's projectors that add up to zero, orthonormal ones, a relabelling is an orthogonal matrix that permutes the
*strings* of settings.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import BlindMeasurement, Letter, Scenario
from sdpbound.npa.words import MomentMatrix, PartyAlgebra, PartyWord, Word, moment_matrix_of

__all__ = ["SignedImage", "WordAction", "word_action", "zero_sum"]


#: Terms of moments in which last outcomes are replaced: more take gigabytes, and last outcomes are then not moved.
MOST_WORK = 5 * 10**7


@dataclass(frozen=True, slots=True, eq=False)
class SignedImage:
    """Images of full words, or of full moments: i goes to ``sign[i]`` times ``image[i]``."""

    image: Ints
    sign: Floats


@dataclass(frozen=True, eq=False)
class WordAction:
    """The full words of a moment matrix.

    Attributes
    ----------
    matrix : MomentMatrix, of the n generating words
    words : the N full words; the same as the generating ones where no last outcome moves
    full : MomentMatrix of the full words, with its M full moments
    expansion : sparse (n, N), full words as combinations of generating words
    basis : sparse (n, n), columns are words whose letters add up to zero over outcomes, orthonormal among full words;
        None for the generating words themselves
    string : (n,) number of the string of settings of each basis word
    place : (n,) number of each generating word among the full ones
    full_string : (N,) number of the string of each full word
    moves_last_outcomes : whether last outcomes may move
    texts : each string of settings, for each party
    """

    matrix: MomentMatrix
    algebras: tuple[PartyAlgebra, ...]
    words: tuple[Word, ...]
    full: MomentMatrix
    expansion: sp.csr_array
    basis: sp.csr_array | None
    string: Ints
    full_string: Ints
    place: Ints
    moves_last_outcomes: bool
    texts: tuple[tuple[tuple[int, ...], ...], ...] = ()

    @cached_property
    def numbers(self) -> dict[Word, int]:
        """Of the full words."""
        return {word: i for i, word in enumerate(self.words)}

    def moved(self, relabelling: Relabelling) -> SignedImage | None:
        """Images of the full words; None if one of them is missing, so that the words are not closed."""
        tables = _letter_tables(relabelling, self.algebras)
        numbers = self.numbers
        parts: list[dict[PartyWord, tuple[PartyWord, float] | None]] = [{} for _ in self.algebras]
        target = [relabelling.party_image(p) for p in range(len(self.algebras))]
        image = np.empty(len(self.words), dtype=np.int64)
        sign = np.empty(len(self.words))
        for i, word in enumerate(self.words):
            moved: list[PartyWord] = [()] * len(word)
            factor = 1.0
            for p, part in enumerate(word):
                if part not in parts[p]:
                    parts[p][part] = _party_image(part, tables[p], self.algebras[target[p]])
                found = parts[p][part]
                if found is None:
                    return None
                moved[target[p]] = found[0]
                factor *= found[1]
            place = numbers.get(tuple(moved))
            if place is None:
                return None
            image[i], sign[i] = place, factor
        return SignedImage(image, sign)

    def moments_moved(self, words: SignedImage) -> SignedImage:
        """Images of the full moments: u^dagger v goes to the product of the images of u and v."""
        index = self.full.index
        known = index >= 0
        image, sign = np.arange(self.full.moments), np.ones(self.full.moments)
        image[index[known]] = index[np.ix_(words.image, words.image)][known]
        sign[index[known]] = np.outer(words.sign, words.sign)[known]
        return SignedImage(image, sign)

    def on_words(self, words: SignedImage) -> sp.csr_array:
        """Sparse (n, n): column u is the image of generating word u."""
        columns = self.expansion[:, words.image[self.place]]
        return sp.csr_array(columns @ sp.diags_array(words.sign[self.place]))

    def turned(self, letters: dict[tuple[int, int], Floats]) -> sp.csr_array:
        """Sparse (n, n): basis words whose letters have turned bases of the combinations that add up to zero.

        ``letters``: by party and setting, orthogonal (d - 1, d - 1), from the old basis to the new one.
        """
        parts = []
        for text in self.texts:
            part: Floats = np.ones((1, 1))
            for p, own in enumerate(text):
                for x in own:
                    part = np.asarray(np.kron(part, letters.get((p, x), np.ones((1, 1)))), dtype=np.float64)
            parts.append(part)
        return sp.csr_array(sp.block_diag(parts, format="csr"))

    def generating_moments(self) -> Ints:
        """(m,) number of each moment among the full ones."""
        out = np.empty(self.matrix.moments, dtype=np.int64)
        known = self.matrix.index >= 0
        out[self.matrix.index[known]] = self.full.index[np.ix_(self.place, self.place)][known]
        return out

    @property
    def work(self) -> int:
        """How many entries :meth:`moment_expansion` goes through."""
        return int(self._places()[3].sum())

    def _places(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Where each full moment stands first, in which row and column, and the terms of its expansion there."""
        flat = self.full.index.reshape(-1)
        _, where = np.unique(flat, return_index=True)
        where = where[flat[where] >= 0]
        left, right = np.divmod(where, len(self.words))
        counts = np.diff(sp.csc_array(self.expansion).indptr)
        return where, left, right, counts[left] * counts[right]

    def moment_expansion(self) -> sp.csr_array:
        """Sparse (M, m): the full moments as combinations of the moments."""
        index = self.matrix.index
        where, left, right, sizes = self._places()
        columns = sp.csc_array(self.expansion)
        counts = np.diff(columns.indptr)
        row = np.repeat(np.arange(where.size), sizes)
        inner = np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        i, j = np.divmod(inner, counts[right][row])
        i, j = i + columns.indptr[left[row]], j + columns.indptr[right[row]]
        entry = index[columns.indices[i], columns.indices[j]]
        weight = columns.data[i] * columns.data[j]
        keep = entry >= 0
        out = sp.csr_array((weight[keep], (row[keep], entry[keep])), shape=(where.size, self.matrix.moments))
        out.sum_duplicates()
        out.eliminate_zeros()
        return out


def word_action(scenario: Scenario, matrix: MomentMatrix, blind: BlindMeasurement | None) -> WordAction:
    """The full words of a moment matrix; without last outcomes where the words are not all those of their strings, or
    too many.

    Parameters
    ----------
    scenario : of the matrix, with Eve's setting as Bob's last one if she has a blind measurement
    """
    pairs: list[frozenset[tuple[int, int]]] = [frozenset()] * scenario.parties
    if blind is not None:
        pairs[1] = frozenset({(blind.y, scenario.settings[1] - 1)})
    strings: dict[tuple[tuple[int, ...], ...], int] = {}
    string = np.array([strings.setdefault(_string(scenario, word), len(strings)) for word in matrix.words])
    needed = [math.prod(_dimension(scenario, p, x) for p, part in enumerate(s) for x in part) for s in strings]
    binary = all(d <= 2 for own in scenario.outcomes for d in own)
    if binary or not np.array_equal(np.bincount(string), needed):
        return _without_last_outcomes(scenario, matrix, pairs)
    algebras = tuple(PartyAlgebra(_full(scenario, p), pairs[p]) for p in range(scenario.parties))
    number = [{letter: i for i, letter in enumerate(own.letters, start=1)} for own in algebras]
    words: dict[Word, int] = {}
    full_string: list[int] = []
    columns: list[tuple[Ints, Floats]] = []
    for text, s in strings.items():
        full, rows = _words_of_string(scenario, number, text)
        first = len(words)
        for word in full:
            words[word] = len(words)
            full_string.append(s)
        columns += [(first + np.flatnonzero(row), row[row != 0.0]) for row in rows.T]
    zero_sum = _sparse_columns(columns, len(words))
    places = np.array([words[_in_full(scenario, number, word)] for word in matrix.words])
    expansion = _expansion(scenario, algebras, matrix, tuple(words))
    if expansion is None:
        return _without_last_outcomes(scenario, matrix, pairs)
    order = np.repeat(np.arange(len(strings)), needed)
    full_matrix = moment_matrix_of(algebras, tuple(words))
    action = WordAction(
        matrix,
        algebras,
        tuple(words),
        full_matrix,
        expansion,
        sp.csr_array(expansion @ zero_sum),
        order,
        np.array(full_string),
        places,
        True,
        tuple(strings),
    )
    return action if action.work <= MOST_WORK else _without_last_outcomes(scenario, matrix, pairs)


def _without_last_outcomes(
    scenario: Scenario, matrix: MomentMatrix, pairs: Sequence[frozenset[tuple[int, int]]]
) -> WordAction:
    """The generating words as they are, each a string of its own."""
    algebras = tuple(PartyAlgebra(own, pair) for own, pair in zip(scenario.letters, pairs, strict=True))
    here = np.arange(len(matrix.words))
    one = sp.csr_array(sp.eye_array(here.size))
    return WordAction(matrix, algebras, matrix.words, matrix, one, None, here, here, here, False)


def _string(scenario: Scenario, word: Word) -> tuple[tuple[int, ...], ...]:
    """The settings of a word's letters, for each party."""
    return tuple(tuple(scenario.letters[p][i - 1].setting for i in part) for p, part in enumerate(word))


def _dimension(scenario: Scenario, party: int, setting: int) -> int:
    return scenario.outcomes[party][setting] - 1


def _full(scenario: Scenario, party: int) -> tuple[Letter, ...]:
    """An observable for a setting with two outcomes, all projectors for others."""
    return tuple(
        letter
        for x, d in enumerate(scenario.outcomes[party])
        if d > 1
        for letter in ([Letter(x, None)] if d == 2 else [Letter(x, a) for a in range(d)])
    )


def _in_full(scenario: Scenario, number: Sequence[dict[Letter, int]], word: Word) -> Word:
    """A generating word in the numbers of full letters."""
    return tuple(tuple(number[p][scenario.letters[p][i - 1]] for i in part) for p, part in enumerate(word))


def _words_of_string(
    scenario: Scenario, number: Sequence[dict[Letter, int]], text: tuple[tuple[int, ...], ...]
) -> tuple[list[Word], Floats]:
    """All full words of a string of settings, and their combinations with sum zero over each letter's outcomes."""
    choices: list[list[int]] = []
    weights: Floats = np.ones((1, 1))
    for p, part in enumerate(text):
        for x in part:
            d = scenario.outcomes[p][x]
            choices.append([number[p][Letter(x, None)]] if d == 2 else [number[p][Letter(x, a)] for a in range(d)])
            weights = np.asarray(np.kron(weights, np.ones((1, 1)) if d == 2 else zero_sum(d)), dtype=np.float64)
    words: list[Word] = []
    for choice in itertools.product(*choices):
        rest = iter(choice)
        words.append(tuple(tuple(next(rest) for _ in part) for part in text))
    return words, weights


def zero_sum(d: int) -> Floats:
    """(d, d - 1) orthonormal columns with sum zero (Helmert's)."""
    out = np.zeros((d, d - 1))
    for k in range(1, d):
        out[:k, k - 1] = 1.0
        out[k, k - 1] = -k
        out[:, k - 1] /= np.sqrt(k * (k + 1.0))
    return out


def _sparse_columns(columns: Sequence[tuple[Ints, Floats]], size: int) -> sp.csc_array:
    starts = np.cumsum([0, *(rows.size for rows, _ in columns)])
    rows = np.concatenate([rows for rows, _ in columns])
    return sp.csc_array((np.concatenate([v for _, v in columns]), rows, starts), shape=(size, len(columns)))


def _expansion(
    scenario: Scenario, algebras: Sequence[PartyAlgebra], matrix: MomentMatrix, words: Sequence[Word]
) -> sp.csr_array | None:
    """Sparse (n, N): each full word as a combination of generating words, by P_last = 1 - (the others).

    None if a word is missing.
    """
    where = {word: i for i, word in enumerate(matrix.words)}
    own = [PartyAlgebra(scenario.letters[p], a.commuting) for p, a in enumerate(algebras)]
    number = [{letter: i for i, letter in enumerate(a.letters, start=1)} for a in own]
    cache: list[dict[PartyWord, dict[PartyWord, float]]] = [{} for _ in own]
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for j, word in enumerate(words):
        parts = []
        for p, part in enumerate(word):
            if part not in cache[p]:
                letters = [algebras[p].letters[i - 1] for i in part]
                cache[p][part] = _expanded(letters, own[p], number[p], scenario.outcomes[p])
            parts.append(cache[p][part].items())
        for choice in itertools.product(*parts):
            place = where.get(tuple(part for part, _ in choice))
            if place is None:
                return None
            rows.append(place)
            columns.append(j)
            values.append(math.prod(weight for _, weight in choice))
    return sp.csr_array((values, (rows, columns)), shape=(len(matrix.words), len(words)))


def _expanded(
    letters: Sequence[Letter], algebra: PartyAlgebra, number: dict[Letter, int], outcomes: Sequence[int]
) -> dict[PartyWord, float]:
    """A product of full letters as a combination of words without last outcomes."""
    sums: dict[PartyWord, float] = {(): 1.0}
    for letter in letters:
        d = outcomes[letter.setting]
        if letter.outcome is None or letter.outcome < d - 1:
            factor: list[tuple[PartyWord, float]] = [((number[letter],), 1.0)]
        else:
            factor = [((), 1.0), *(((number[Letter(letter.setting, a)],), -1.0) for a in range(d - 1))]
        grown: dict[PartyWord, float] = {}
        for word, weight in sums.items():
            for more, sign in factor:
                reduced = algebra.reduce(word + more)
                if reduced is not None:
                    grown[reduced] = grown.get(reduced, 0.0) + sign * weight
        sums = {word: weight for word, weight in grown.items() if weight != 0.0}
    return sums


def _letter_tables(relabelling: Relabelling, algebras: Sequence[PartyAlgebra]) -> list[list[tuple[int, float] | None]]:
    """For each party and letter its image and sign; None where it is no letter."""
    out = []
    for party, algebra in enumerate(algebras):
        target = relabelling.party_image(party)
        number = {letter: i for i, letter in enumerate(algebras[target].letters, start=1)}
        names = relabelling.names(party)
        table: list[tuple[int, float] | None] = []
        for letter in algebra.letters:
            _, setting, outcome = names[letter.setting, letter.outcome or 0]
            if letter.outcome is None:
                table.append((number[Letter(setting, None)], 1.0 if outcome == 0 else -1.0))
            else:
                image = number.get(Letter(setting, outcome))
                table.append(None if image is None else (image, 1.0))
        out.append(table)
    return out


def _party_image(
    word: PartyWord, table: Sequence[tuple[int, float] | None], algebra: PartyAlgebra
) -> tuple[PartyWord, float] | None:
    images = [table[i - 1] for i in word]
    if any(image is None for image in images):
        return None
    known = [image for image in images if image is not None]
    reduced = algebra.reduce([i for i, _ in known])
    return None if reduced is None else (reduced, math.prod(s for _, s in known))
