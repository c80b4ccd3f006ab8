"""Words of operators in the programs that bound entropies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Relaxation
from sdpbound.arrays import Floats
from sdpbound.bell.key import PARTIES, Settings
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.symmetries import coordinate_parity, null_space_mod2
from sdpbound.conic.programs.signs import SignSymmetry
from sdpbound.errors import InvalidLevel
from sdpbound.npa.levels import generating_words
from sdpbound.npa.words import Word

__all__ = [
    "WIDE",
    "flips",
    "key_level",
    "levels_of_key",
    "nested_level",
    "packed_word",
    "require_words",
    "texts_of",
    "word_indices",
    "words_of_level",
]

#: A tested value with a tolerance above this is an interval in the solver's program as well.
WIDE = 1e-9
_MOST_FLIPS = 6


def require_words(
    scenario: Scenario,
    level: str | tuple[str, ...],
    words: Sequence[Word],
    key: NDArray[np.bool_],
    unreached: NDArray[np.bool_],
) -> None:
    """Raise InvalidLevel if the level lacks a word of the key, or two words whose product is a needed coordinate."""
    held = set(words)
    lacking = [index for index in word_indices(scenario, key) if packed_word(index) not in held]
    for index, verb in [(i, "hold") for i in lacking] + [(i, "reach") for i in word_indices(scenario, unreached)]:
        word = scenario.word(index)
        least = "1" if sum(map(bool, index)) < 2 else "+".join(["1", *_products(scenario.parties, index, verb)])
        raise InvalidLevel(
            f"level {level!r} does not {verb} {word}, which the entropy or the tested "
            f"data need; take a higher level, at least {least!r}."
        )


def _products(parties: int, index: tuple[int, ...], verb: str) -> list[str]:
    """Terms of a level that holds a word, or has two words whose product it is."""
    own = [PARTIES[p] for p in range(parties) if index[p]]
    if verb == "hold" or len(own) == 2:
        return ["".join(own)]
    return ["".join(own[: len(own) // 2]), "".join(own[len(own) // 2 :])][len(own) < 4 :]


def levels_of_key(parties: int, key: Settings) -> tuple[str, ...]:
    """Levels to try for a key, each in more words: products of two parties, those of three with the key's, squares.

    Measured in bits. Products of three letters, one of the key's party, gain up to 0.1 at values of Holz's expression
    for three parties and 0.14 at MABK's for four, and for a key of two up to 0.12 with full statistics of W states;
    there words with two letters of the key's party gain 0.02 more, those of other parties up to 0.003, and products of
    four letters nothing.

    >>> levels_of_key(3, (0, None, None))
    ('1+AB+AC+BC+ABC', '1+AB+AC+BC+ABC+AA+AAB+AAC', '1+AB+AC+BC+ABC+AA+AAB+AAC+BB+CC+ABB+ACC')
    """
    names = PARTIES[:parties]
    own = [name for name, s in zip(names, key, strict=True) if s is not None]
    first = ["1", *map("".join, itertools.combinations(names, 2))]
    triples = [*map("".join, itertools.combinations(names, 3))]
    # of five parties, products of two words of two letters do not reach all coordinates; of seven those of three
    first += [triple for triple in triples if parties > 4 or set(own) & set(triple)]
    if parties > 6:
        first += map("".join, itertools.combinations(names, 4))
    if len(own) > 3:
        first.append("".join(own))
    twice = [*(2 * name for name in own), *(2 * name + other for name in own for other in names if other != name)]
    others = [name for name in names if name not in own]
    squares = [2 * name for name in others] + [one + 2 * name for one in own for name in others]
    levels = [first, first + twice, first + triples + twice]
    if parties == 3 and len(own) == 1:  # of more outcomes and parties they are too many
        levels.append(first + twice + squares)
    return tuple(dict.fromkeys("+".join(dict.fromkeys(terms)) for terms in levels))


def word_indices(scenario: Scenario, which: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    return [tuple(int(i) for i in np.unravel_index(int(c), scenario.shape)) for c in np.flatnonzero(which)]


def packed_word(index: tuple[int, ...]) -> Word:
    return tuple((i,) if i else () for i in index)


def words_of_level(
    scenario: Scenario, level: str | tuple[str, ...], needed: NDArray[np.bool_] | None = None
) -> tuple[Word, ...]:
    """The generating words of a level.

    A level given by name leaves out the settings that occur in none of the ``needed`` coordinates.
    """
    if isinstance(level, tuple) or needed is None:
        return generating_words(scenario, level)
    letters: list[list[int]] = []
    outcomes: list[tuple[int, ...]] = []
    for party, counts in enumerate(scenario.outcomes):
        others = tuple(p for p in range(scenario.parties) if p != party)
        own = np.asarray(needed.any(axis=others), dtype=np.bool_)
        settings = sorted({letter.setting for i, letter in enumerate(scenario.letters[party], 1) if own[i]}) or [0]
        letters.append([i for i, letter in enumerate(scenario.letters[party], 1) if letter.setting in settings])
        outcomes.append(tuple(counts[s] for s in settings))
    small = generating_words(Scenario(tuple(outcomes)), level)
    return tuple(tuple(tuple(letters[p][i - 1] for i in part) for p, part in enumerate(word)) for word in small)


def key_level(scenario: Scenario, x: int, needed: NDArray[np.bool_]) -> tuple[str, ...]:
    """The words of "1+AB+AA+AAB" less products of two of Alice's letters that begin with one of her setting x."""
    letters = scenario.letters[0]
    return tuple(
        _text(scenario, word)
        for word in words_of_level(scenario, "1+AB+AA+AAB", needed)
        if len(word[0]) < 2 or letters[word[0][0] - 1].setting != x
    )


def nested_level(scenario: Scenario, x: int, needed: NDArray[np.bool_]) -> tuple[str, ...]:
    """The words of "1+AB+AA+AAB" whose products of two of Alice's letters all begin with one of her setting x.

    With u of ``1`` and the letters of other settings they are all ``u``, and all ``E u`` of the key's letters E, beside
    1 and Bob's: Eve is rewarded for <P E>, so that E comes last.
    """
    letters = scenario.letters[0]
    return tuple(
        _text(scenario, word)
        for word in words_of_level(scenario, "1+AB+AA+AAB", needed)
        if len(word[0]) < 2 or letters[word[0][0] - 1].setting == x
    )


def texts_of(scenario: Scenario, words: Sequence[Word]) -> tuple[str, ...]:
    """Words as the user writes them."""
    return tuple(_text(scenario, word) for word in words)


def _text(scenario: Scenario, word: Word) -> str:
    """A word as the user writes it, such as "A0 B1|0"."""
    parts = []
    for party, part in enumerate(word):
        for i in part:
            letter = scenario.letters[party][i - 1]
            outcome = "" if letter.outcome is None else f"{letter.outcome}|"
            parts.append(f"{PARTIES[party]}{outcome}{letter.setting}")
    return " ".join(parts) or "1"


def flips(
    scenario: Scenario,
    relaxation: Relaxation,
    rows: Floats,
    needed: NDArray[np.bool_],
    wholes: Floats,
    parts: Floats,
) -> tuple[SignSymmetry, ...]:
    """All sign flips of observables that leave the data unchanged and permute the copies; the identity comes first."""
    matrix = relaxation.matrix
    assert matrix is not None
    parity = coordinate_parity(scenario)
    used = np.asarray(parity[needed].any(axis=0), dtype=np.bool_)
    basis = null_space_mod2(np.ascontiguousarray(parity[(rows != 0).any(axis=0)][:, used]))[:_MOST_FLIPS]
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
    """For each row the place of its moved version among the rows; None if one is missing."""
    where = {row.tobytes(): k for k, row in enumerate(rows + 0.0)}
    image = [where.get(row.tobytes(), -1) for row in moved + 0.0]
    return None if -1 in image else tuple(image)
