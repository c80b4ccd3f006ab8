"""Words by level, or by hand."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from sdpbound.errors import InvalidLevel, TooLarge
from sdpbound.problems.algebra import Algebra
from sdpbound.problems.expressions import Expression, Operator, Polynomial, polynomial
from sdpbound.problems.rules import Word

__all__ = ["MOST_WORDS", "Level", "level_text", "words_of"]

#: "1", "1+AB", 2, or words by hand.
Level = str | int | Sequence[Expression]
#: Most words of one matrix, and most letters of a word.
MOST_WORDS, LONGEST = 2000, 16


def level_text(level: Level) -> str:
    """A level in one string.

    >>> level_text(" 1 + AB "), level_text(2)
    ('1+AB', '2')
    """
    if isinstance(level, bool) or not isinstance(level, (str, int, Sequence)):
        raise InvalidLevel(f"level = {level!r:.60} must be like 1, '1+AB', '2', or a list of words.")
    if isinstance(level, int):
        return str(level)
    return level.replace(" ", "") if isinstance(level, str) else f"{len(level)} words"


def words_of(algebra: Algebra, level: Level) -> tuple[Word, ...]:
    """The words of a level, normal forms, the identity first.

    With an imaginary unit among the operators each word w comes with i w: the matrix is then the Hermitian one, written
    in real numbers.
    """
    text = level_text(level)
    if not isinstance(level, (str, int)):
        return _by_hand(algebra, level)
    parties = list(dict.fromkeys(letter.party for letter in algebra.letters if letter.party is not None))
    named = "".join(re.escape(p) for p in parties if len(p) == 1)
    if not re.fullmatch(rf"[1-9][0-9]?(\+([1-9][0-9]?|[{named or '0'}]+))*", text):
        raise InvalidLevel(
            f"level = {level!r:.60} cannot be read: write a number from 1, a sum such as '1+AB' of products of parties "
            f"with names of one letter (here {', '.join(map(str, parties)) or 'none'}), or give a list of words."
        )
    found: dict[Word, None] = {(): None}
    letters = [i for i, letter in enumerate(algebra.letters) if letter.kind != "imaginary"]
    for term in text.split("+"):
        if term.isdigit():
            if int(term) > LONGEST:
                raise InvalidLevel(f"level = {level!r:.60} asks for words of more than {LONGEST} letters.")
            _grow(algebra, [letters] * int(term), found, text, True)
        else:
            _grow(algebra, [[i for i in letters if algebra.letters[i].party == p] for p in term], found, text, False)
    unit = next((i for i, letter in enumerate(algebra.letters) if letter.kind == "imaginary"), None)
    plain = [word for word in found if unit not in word]
    if unit is None:
        return tuple(plain)
    return tuple(word for plain_word in plain for word in (plain_word, (unit, *plain_word)))


def _grow(algebra: Algebra, choices: list[list[int]], found: dict[Word, None], text: str, shorter: bool) -> None:
    """Add the normal words with one letter of each choice; ``shorter``: those with the first of them only as well."""
    rest: list[Word] = [()]
    for choice in choices:
        following: dict[Word, None] = {}
        for word, letter in itertools.product(rest, choice):
            longer = (*word, letter)
            form = algebra.rewriting.reduce(longer)
            if len(form) != 1:
                continue  # zero, or a sum of words that are there
            (reduced,) = form
            if len(reduced) == len(longer):
                following[reduced] = None
            if len(following) + len(found) > 4 * MOST_WORDS:
                raise TooLarge(f"level '{text}' has more than {MOST_WORDS} words; choose a lower level, or give words.")
        rest = list(following)
        if shorter:
            found.update(dict.fromkeys(rest))
    found.update(dict.fromkeys(rest))
    if len(found) > MOST_WORDS:
        raise TooLarge(
            f"level '{text}' has more than {MOST_WORDS} words; choose a lower level, or give a list of words."
        )


def _by_hand(algebra: Algebra, level: Iterable[Expression]) -> tuple[Word, ...]:
    found: dict[Word, None] = {(): None}
    for entry in level:
        given = polynomial(entry) if isinstance(entry, (Operator, Polynomial, int)) else None
        if given is None or len(given.terms) > 1:
            raise InvalidLevel(
                f"the word {entry!r:.60} of the level must be one product of operators, such as x*y, or 1."
            )
        form = algebra.rewriting.reduced(algebra.terms(given, "a word of the level"))
        if len(form) != 1:
            raise InvalidLevel(
                f"the word {given} of the level is {'zero' if not form else 'a sum of words'} by the rules; "
                f"leave it out "
                "or give the words of the sum."
            )
        found[next(iter(form))] = None
    if len(found) > MOST_WORDS:
        raise TooLarge(f"the level has {len(found)} words; at most {MOST_WORDS} can be taken.")
    return tuple(found)
