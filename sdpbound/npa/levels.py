"""Levels of the hierarchy as lists of generating words.

"2" is all words of up to two letters; "1+AB" adds products of one letter of each party; any sum of such terms is
allowed ("1+AB+AAB", "2+ABB"); so is a user's own list of words such as ["1", "A0", "B0", "A0 B1", "A1 A0"].
"1+positive" asks for the words of level 1 and that all probabilities are positive beside: an adversary's matter, not
one of words.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Sequence

from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidLevel
from sdpbound.npa.room import memory_here, memory_of, said_bytes
from sdpbound.npa.words import PartyAlgebra, Word, join_words

__all__ = ["FITTING", "LIMIT", "POSITIVE", "generating_words", "normalise_level"]

Level = str | int | Sequence[str]
#: What a level ends with that asks for positive probabilities.
POSITIVE = "+positive"
#: Most words of a level, and most letters of a word.
LIMIT = 3000
LONGEST = 40
#: Levels that are proposed in place of one that is too large, the highest first.
FITTING = ("4", "3", "2", "1+AB", "1")


class _TooMany(Exception):
    """More words than a level may have."""


def normalise_level(level: Level) -> str | tuple[str, ...]:
    """A level as a hashable value: "1+AB", or a tuple of words.

    >>> normalise_level(" 1 + AB ")
    '1+AB'
    >>> normalise_level(2)
    '2'
    """
    if isinstance(level, bool):
        raise InvalidLevel(f"level = {level} must be like 1, '1+AB', '2', or a list of words.")
    if isinstance(level, int):
        level = str(level)
    if isinstance(level, str):
        text = level.replace(" ", "")
        if text.lower().endswith(POSITIVE):
            return f"{normalise_level(text[: -len(POSITIVE)])}{POSITIVE}"
        if not re.fullmatch(r"[0-9]+(\+([0-9]+|[A-H]+))*", text) or int(text.split("+")[0]) < 1:
            near = difflib.get_close_matches(
                text.upper(), ["1", "1+AB", "1+AB+AAB", "1+AB+AAB+ABB", "2", "3", "4"], 1, 0.3
            )
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise InvalidLevel(
                f"level = {level!r} cannot be read: write a number from 1, a sum such as '1+AB' or "
                "'2+AAB', or give a list "
                f"of words{hint}"
            )
        if max((int(t) if t.isdigit() else len(t)) for t in text.split("+")) > LONGEST:
            raise InvalidLevel(
                f"level = {level!r:.60} asks for words of more than {LONGEST} letters; choose a lower level."
            )
        return text.upper()
    if isinstance(level, Iterable):
        words = tuple(level)
        if not words or not all(isinstance(w, str) for w in words):
            raise InvalidLevel(f"level = {level!r} must be a non-empty list of words such as ['1', 'A0', 'A0 B1'].")
        return words
    raise InvalidLevel(f"level = {level!r} must be like 1, '1+AB', '2', or a list of words.")


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    """Lengths for each party that add up to a total, first party's longest first."""
    return [c for c in itertools.product(range(total, -1, -1), repeat=parts) if sum(c) == total]


def generating_words(
    scenario: Scenario, level: str | tuple[str, ...], commuting: Sequence[frozenset[tuple[int, int]]] | None = None
) -> tuple[Word, ...]:
    """The generating words of a level, each once, the identity first."""
    if isinstance(level, str) and level.endswith(POSITIVE):
        raise InvalidLevel(
            f"level = {level!r} asks for positive probabilities, which Bell values, guessing probabilities and "
            f"min-entropies take; here give {level[: -len(POSITIVE)]!r} or a higher level."
        )
    algebras = [
        PartyAlgebra(scenario.letters[p], commuting[p] if commuting else frozenset()) for p in range(scenario.parties)
    ]
    if isinstance(level, tuple):
        return _own_words(scenario, algebras, level)
    try:
        return _named_words(scenario, algebras, level)
    except _TooMany:
        raise InvalidLevel(
            f"level '{level}' has more than {LIMIT} words in {scenario!s:.200}, which may need "
            f"{said_bytes(memory_of(LIMIT))} and more; {_what_fits(scenario, algebras)}"
        ) from None


def _what_fits(scenario: Scenario, algebras: Sequence[PartyAlgebra]) -> str:
    """The highest of some levels whose matrix surely fits into the memory here."""
    for level in FITTING:
        try:
            words = len(_named_words(scenario, algebras, level))
        except (_TooMany, InvalidLevel):
            continue
        if memory_of(words) <= memory_here():
            return f"level '{level}' fits ({words} words, at most {said_bytes(memory_of(words))} for one matrix)."
    return "give a list of fewer words."


def _named_words(scenario: Scenario, algebras: Sequence[PartyAlgebra], level: str) -> tuple[Word, ...]:
    """The words of a level that is given by its name; _TooMany instead of more than there may be."""
    parties = scenario.parties
    cache: dict[tuple[int, int], list[tuple[int, ...]]] = {}

    def party_words(party: int, length: int) -> list[tuple[int, ...]]:
        settings = len({letter.setting for letter in algebras[party].letters})
        if length > 1 and settings > 1 and settings * (settings - 1) ** (length - 1) > LIMIT:
            raise _TooMany
        if (party, length) not in cache:
            cache[party, length] = algebras[party].words(length)
        return cache[party, length]

    words: dict[Word, None] = {}
    for term in level.split("+"):
        if term.isdigit():
            lengths = [c for total in range(int(term) + 1) for c in _compositions(total, parties)]
        else:
            letters = ["ABCDEFGH".index(c) for c in term]
            if max(letters) >= parties:
                raise InvalidLevel(
                    f"level '{level}' names party {term[letters.index(max(letters))]}, but the scenario has only "
                    f"{parties}: {'ABCDEFGH'[:parties]}."
                )
            lengths = [tuple(letters.count(p) for p in range(parties))]
        for lens in lengths:
            for word in join_words([party_words(p, k) for p, k in enumerate(lens)]):
                words[word] = None
            if len(words) > LIMIT:
                raise _TooMany
    return tuple(words)


_LETTER = re.compile(r"([A-H])(?:([0-9]+)\|)?([0-9]+)")


def _own_words(scenario: Scenario, algebras: Sequence[PartyAlgebra], level: tuple[str, ...]) -> tuple[Word, ...]:
    words: dict[Word, None] = {((),) * scenario.parties: None}
    for text in level:
        parts: list[list[int]] = [[] for _ in algebras]
        tokens = text.replace("*", " ").split()
        if tokens in (["1"], []):
            continue
        for token in tokens:
            match = _LETTER.fullmatch(token)
            number = _letter_number(scenario, *match.groups()) if match else None
            if match is None or number is None:
                raise InvalidLevel(
                    f"the word {text!r} cannot be read at {token!r}: letters are like A0 (observable of a "
                    "setting with two "
                    "outcomes) or A1|0 (projector on outcome 1 of setting 0), and must exist in the scenario."
                )
            parts["ABCDEFGH".index(match[1])].append(number)
        reduced = [algebra.reduce(part) for algebra, part in zip(algebras, parts, strict=True)]
        if any(part is None for part in reduced):
            raise InvalidLevel(f"the word {text!r} is zero: it has two different outcomes of one setting.")
        words[tuple(part for part in reduced if part is not None)] = None
    return tuple(words)


def _letter_number(scenario: Scenario, party: str, outcome: str | None, setting: str) -> int | None:
    p = "ABCDEFGH".index(party)
    if p >= scenario.parties:
        return None
    for i, letter in enumerate(scenario.letters[p], start=1):
        if letter.setting == int(setting) and letter.outcome == (None if outcome is None else int(outcome)):
            return i
    return None
