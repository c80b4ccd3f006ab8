"""How large a program is, before it is built, and what fits."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sdpbound.errors import InvalidLevel, TooLarge
from sdpbound.problems.levels import MOST_WORDS, Level, level_text, words_of
from sdpbound.problems.problem import Statement

__all__ = ["ProblemSize", "require_fit", "size_of"]

#: Bytes of an interior-point solver for each pair of moments (the Schur complement, its factor and a copy), and of the
#: table of products for each entry of the matrix.
_PER_PAIR, _PER_ENTRY = 24, 600


@dataclass(frozen=True, slots=True)
class ProblemSize:
    """The size of a program at a level, known before its matrices are made.

    Attributes
    ----------
    level : in one string
    words : rows of the moment matrix
    moments : at most so many different moments
    memory : at most so many bytes, for the tables and an interior-point solver
    """

    level: str
    words: int
    moments: int
    memory: int

    def __str__(self) -> str:
        return (
            f"level {self.level}: a matrix of {self.words} words, at most {self.moments} moments, at most "
            f"{_bytes(self.memory)} of memory"
        )


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def size_of(statement: Statement, level: Level) -> ProblemSize:
    """The size of a level.

    The moments are counted as if all products were different, up to adjoints; rules make them fewer.
    """
    return _size(len(words_of(statement.algebra, level)), level)


def _size(words: int, level: Level) -> ProblemSize:
    moments = words * (words + 1) // 2
    return ProblemSize(level_text(level), words, moments, _PER_PAIR * moments**2 + _PER_ENTRY * moments)


def require_fit(statement: Statement, level: Level, words: int, moments: int, memory: float | None) -> None:
    """Raise TooLarge where the program with so many moments needs more than ``memory`` bytes, saying what fits."""
    limit = 0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if memory is None else memory
    needed = _PER_PAIR * moments**2 + _PER_ENTRY * words * (words + 1) // 2
    if needed <= limit:
        return
    raise TooLarge(
        f"level {level_text(level)} has {words} words and {moments} moments, for which a solver needs about "
        f"{_bytes(needed)}, and {_bytes(int(limit))} are allowed; {_what_fits(statement, limit)}"
    )


def _what_fits(statement: Statement, limit: float) -> str:
    for level in ("3", "2", "1"):
        try:
            own = size_of(statement, level)
        except (TooLarge, InvalidLevel):
            continue
        if own.memory <= limit and own.words <= MOST_WORDS:
            return f"level {level} fits ({own.words} words, at most {_bytes(own.memory)})."
    return "give fewer words by hand."
