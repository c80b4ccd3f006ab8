"""Whether identities between operators are seen to contradict each other.

If rules (or equalities) make 1 = 0, there are no such operators, and every bound is true of them. No program can see
all of these: the words of an algebra can hide anything. This one turns each identity and its adjoint round so that the
largest word is on the left, longer words being larger, and compares, as Buchberger does, what two of them make of a
word in which they overlap. It ends where nothing new follows, or its share of work is done. Replacements by smaller
words always end, whatever the rules do as they are stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import flint

from sdpbound.errors import CertificateError
from sdpbound.recheck.algebras import Letters, Polynomial, Rules, Word, plus, replaced_at
from sdpbound.recheck.answer import Budget

__all__ = ["contradictory"]

#: What the search may add, the steps that it may make, and how long words it looks at.
MOST_ADDED, MOST_SEARCHED, LONGEST_COMPARED = 120, 3_000_000, 16

Rule = tuple[Word, Polynomial]


def contradictory(identities: Iterable[Polynomial], letters: Letters, budget: Budget) -> bool:
    """Whether polynomials that are 0, and their adjoints, make a number 0 that is not.

    ``False`` means that this was not seen within the search's share.
    """
    share = Budget(budget.seconds, MOST_SEARCHED, begun=budget.begun)
    own = Rules(share)
    pairs = [one for identity in identities for one in (identity, letters.adjoint_of(identity))]
    try:
        if any(_makes_a_number(own, one) for one in sorted(pairs, key=_length)):
            return True
        most = len(own.stated) + MOST_ADDED
        i = 0
        while i < len(own.stated) < most:
            for j in range(i + 1):
                share.spend(2)
                if any(_makes_a_number(own, one) for one in _overlaps(own.stated[i], own.stated[j])):
                    return True
            i += 1
    except CertificateError:  # the share is used up, or a word or a number grows too large
        budget.spend(MOST_SEARCHED - max(share.steps, 0))
        return False
    budget.spend(MOST_SEARCHED - share.steps)
    return False


def _length(polynomial: Polynomial) -> int:
    return max(map(len, polynomial), default=0)


def _makes_a_number(rules: Rules, identity: Polynomial) -> bool:
    """Whether an identity says that a number other than 0 is 0; if it says anything else new, it becomes a rule."""
    left_over = rules.normal(identity)
    if not left_over:
        return False
    largest = max(left_over, key=lambda word: (len(word), word))
    if not largest:
        return True
    factor = left_over.pop(largest)
    rules.add(largest, {word: -value / factor for word, value in left_over.items()})
    return False


def _overlaps(one: Rule, two: Rule) -> Iterator[Polynomial]:
    """What two rules (or one with itself) make of each word in which their left sides overlap: the differences."""
    for (left, _), (other, _), turned in ((one, two, False), (two, one, True)):
        if turned and one is two:
            return
        first, second = (two, one) if turned else (one, two)
        for size in range(1, min(len(left), len(other)) + (left != other)):
            if left[-size:] == other[:size]:
                yield from _difference(left + other[size:], (0, *first), (len(left) - size, *second))
        for place in range(len(left) - len(other)):
            if left[place : place + len(other)] == other:
                yield from _difference(left, (0, *first), (place, *second))


def _difference(
    word: Word, one: tuple[int, Word, Polynomial], two: tuple[int, Word, Polynomial]
) -> Iterator[Polynomial]:
    if len(word) <= LONGEST_COMPARED:
        found = replaced_at(word, *one)
        plus(found, flint.fmpq(-1), replaced_at(word, *two))
        yield found
