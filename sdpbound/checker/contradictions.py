"""Conditions on operators that contradict each other: then there are none, and every bound is true of them.

Not every contradiction can be found. Two kinds are looked for:

- a number other than 0 that is 0. Rules, equalities and their adjoints are turned so that their largest word is on the
  left (the longest, then that with the later letter): so they always end. What two of them make of a word in which they
  overlap is compared, and each difference is a further rule.
- a letter a whose square ``a* a`` is a negative number, less further squares perhaps; or a word that is a number larger
  than the product of its letters' norms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction

from sdpbound.checker.numbers import ONE, ZERO
from sdpbound.checker.rewriting import Letters, Polynomial, Word
from sdpbound.errors import CertificateError

__all__ = ["refuse_contradictions", "refuse_impossible_sizes"]

_MOST_OVERLAPS = 4000
_MOST_LEARNED = 100
_LONGEST_OVERLAP = 64
_MOST_READ = 10**6  # letters


def refuse_contradictions(stated: Letters, equalities: Sequence[Polynomial]) -> None:
    """Refuse rules and equalities from which a number other than 0 is found to be 0."""
    for left, _ in stated.rules:  # refuses rules that do not end
        stated.normal(left)
    search = _Search(stated)
    with suppress(CertificateError):  # where what was learned leads to words or numbers that are too large, it ends
        search.run(equalities)
    if search.found:
        raise CertificateError(
            "The rules and equalities of the question contradict each other: a number other than 0 would be 0, and "
            "everything would follow."
        )


def refuse_impossible_sizes(stated: Letters) -> None:
    """Refuse rules by which the square of a letter is negative, or a word is a number larger than its norm."""
    for letter, product in stated.products():
        if product.get((), ZERO) < 0 and stated.are_negative_squares(product):
            raise CertificateError(
                f"question.rules contradict each other: the square of letter {letter} would be negative."
            )
    norms = stated.norms()
    for number, (left, right) in enumerate(stated.rules):
        most: Fraction | None = ONE
        for letter in left:
            own = norms[letter]
            most = None if most is None or own is None else most * own
        if most is not None and right.keys() == {()} and abs(right[()]) > most:
            raise CertificateError(
                f"question.rules contradict each other: rule {number} makes a number of a word whose norm is smaller."
            )


class _Search:
    """What follows from rules and equalities, as rules that end."""

    def __init__(self, stated: Letters) -> None:
        self.letters = Letters(stated.adjoints, _MOST_READ)
        self.found = False
        self._overlaps = 0
        self._starting: dict[int, list[int]] = {}
        self._containing: dict[int, list[int]] = {}
        self._stated = stated

    def _add(self, left: Word, right: Polynomial) -> None:
        number = len(self.letters.rules)
        self.letters.add(left, right)
        self._starting.setdefault(left[0], []).append(number)
        for letter in set(left):
            self._containing.setdefault(letter, []).append(number)

    def run(self, equalities: Sequence[Polynomial]) -> None:
        """Learn until a number is found to be 0, nothing more follows, or it has been enough."""
        known = [{left: ONE, **{w: -v for w, v in right.items()}} for left, right in self._stated.rules]
        for identity in [*known, *equalities]:
            self._learn(identity)
            self._learn(self._mirrored(identity))
        most = len(self.letters.rules) + _MOST_LEARNED
        number = 0
        while number < len(self.letters.rules) < most and not self.found and self._overlaps <= _MOST_OVERLAPS:
            self._compare(number)
            number += 1

    def _mirrored(self, identity: Polynomial) -> Polynomial:
        return {self.letters.adjoint(word): value for word, value in identity.items()}

    def _learn(self, identity: Polynomial) -> None:
        difference: Polynomial = {}
        for word, value in identity.items():
            for form, factor in self.letters.normal(word).items():
                difference[form] = difference.get(form, ZERO) + value * factor
        difference = {word: value for word, value in difference.items() if value}
        if difference.keys() == {()}:
            self.found = True
        elif difference:
            left = max(difference, key=lambda word: (len(word), word))
            scale = difference.pop(left)
            self._add(left, {word: -value / scale for word, value in difference.items()})

    def _compare(self, number: int) -> None:
        """Compare a rule with itself and with those before it, in every word in which they overlap."""
        left = self.letters.rules[number][0]
        pairs = [(other, number) for other in self._containing[left[0]] if other <= number]
        pairs += [(number, other) for letter in left for other in self._starting.get(letter, ()) if other < number]
        for one, two in dict.fromkeys(pairs):
            for word, place in _words(self.letters.rules[one][0], self.letters.rules[two][0]):
                if one == two and not place:
                    continue
                self._overlaps += 1
                if self.found or self._overlaps > _MOST_OVERLAPS:
                    return
                first = self.letters.applied(word, one, 0, "The question")
                second = self.letters.applied(word, two, place, "The question")
                self._learn({w: first.get(w, ZERO) - second.get(w, ZERO) for w in {**first, **second}})


def _words(left: Word, right: Word) -> Iterator[tuple[Word, int]]:
    """Words that begin with one left side and in which the other begins inside of it, and where."""
    for place in range(len(left)):
        shared = min(len(left) - place, len(right))
        word = left + right[shared:]
        if left[place : place + shared] == right[:shared] and len(word) <= _LONGEST_OVERLAP:
            yield word, place
