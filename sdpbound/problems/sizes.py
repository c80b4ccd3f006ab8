"""How large a program is, before it is built, and what fits."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.errors import InvalidLevel, TooLarge
from sdpbound.npa.room import PER_PAIR, memory_here, said_bytes
from sdpbound.problems.levels import MOST_WORDS, Level, level_text, words_of
from sdpbound.problems.problem import Statement
from sdpbound.problems.rules import Word

__all__ = ["ProblemSize", "fitting_words", "require_fit", "size_of"]

#: Bytes of the table of products for each entry of the matrix.
_PER_ENTRY = 600


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
            f"{said_bytes(self.memory)} of memory"
        )


def size_of(statement: Statement, level: Level) -> ProblemSize:
    """The size of a level.

    The moments are counted as if all products were different, up to adjoints; rules make them fewer.
    """
    try:
        return _size(len(words_of(statement.algebra, level)), level)
    except TooLarge as found:
        raise _with_sizes(found, statement) from None


def fitting_words(statement: Statement, level: Level, memory: float | None) -> tuple[Word, ...]:
    """The words of a level; TooLarge where they are too many or need too much memory, saying what fits."""
    try:
        words = words_of(statement.algebra, level)
    except TooLarge as found:
        raise _with_sizes(found, statement, memory) from None
    require_fit(statement, level, len(words), len(words), memory)
    return words


def _with_sizes(found: TooLarge, statement: Statement, memory: float | None = None) -> TooLarge:
    """The error about too many words, with the memory that they need at least and what fits."""
    needed = said_bytes(_size(MOST_WORDS, 1).memory)
    first = str(found).split(";")[0].rstrip(".")
    fits = _what_fits(statement, memory_here() if memory is None else memory)
    return TooLarge(f"{first}, which may need {needed} and more; {fits}")


def _size(words: int, level: Level) -> ProblemSize:
    moments = words * (words + 1) // 2
    return ProblemSize(level_text(level), words, moments, PER_PAIR * moments**2 + _PER_ENTRY * moments)


def require_fit(statement: Statement, level: Level, words: int, moments: int, memory: float | None) -> None:
    """Raise TooLarge where the program with so many moments needs more than ``memory`` bytes, saying what fits."""
    limit = memory_here() if memory is None else memory
    needed = PER_PAIR * moments**2 + _PER_ENTRY * words * (words + 1) // 2
    if needed <= limit:
        return
    raise TooLarge(
        f"level {level_text(level)} has {words} words and {moments} moments, for which a solver needs about "
        f"{said_bytes(needed)}, and {said_bytes(limit)} are allowed; {_what_fits(statement, limit)}"
    )


def _what_fits(statement: Statement, limit: float) -> str:
    for level in ("3", "2", "1"):
        try:
            own = _size(len(words_of(statement.algebra, level)), level)
        except (TooLarge, InvalidLevel):
            continue
        if own.memory <= limit and own.words <= MOST_WORDS:
            return f"level {level} fits ({own.words} words, at most {said_bytes(own.memory)})."
    return "give fewer words by hand."
