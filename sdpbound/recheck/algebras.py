"""Algebras that a file states: generators, which of them is whose adjoint, and equations ``word = polynomial``.

An element is a dictionary from words (tuples of generators) to rational numbers. Equations are used from left to right:
the occurrence of a left side that ends first is replaced, of those that end together the shortest, until none is left.
What comes out is equal to what went in wherever the equations hold; it need not be the only such form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.reading import integer, items, number, record

__all__ = ["Algebra", "Element", "Word", "combined", "read_algebra"]

Word = tuple[int, ...]
Element = dict[Word, Fraction]
MOST_GENERATORS, MOST_EQUATIONS, MOST_CONSEQUENCES, MOST_LETTERS, MOST_TERMS = 400, 50_000, 1000, 64, 20_000
#: Replacements in one word, letters that it may grow to, overlaps that are looked at for contradictions.
MOST_TURNS, MOST_GROWTH, MOST_OVERLAPS = 20_000, 1000, 3000
#: Elementary steps that a letter costs.
STEPS = 20


def combined(parts: Iterable[tuple[Fraction | int, Mapping[Word, Fraction]]]) -> Element:
    """A linear combination, without zeros."""
    found: Element = {}
    for factor, part in parts:
        for word, value in part.items():
            found[word] = found.get(word, Fraction(0)) + factor * value
    return {word: value for word, value in found.items() if value}


@dataclass(slots=True)
class Algebra:
    """Generators and equations.

    Attributes
    ----------
    adjoints : the number of each generator's adjoint
    equations : what was stated, and then what was seen to follow from it
    stated : how many were stated
    """

    adjoints: tuple[int, ...]
    budget: Budget
    equations: list[tuple[Word, Element]] = field(default_factory=list)
    stated: int = 0
    _first: dict[Word, Element] = field(default_factory=dict)
    _longest: int = 0
    _known: dict[Word, Element] = field(default_factory=dict)

    def learn(self, left: Word, right: Element) -> None:
        """One more equation; where two have one left side, the earlier is used."""
        self.equations.append((left, right))
        if left not in self._first:
            self._first[left] = right
            self._longest = max(self._longest, len(left))
            self._known = {}

    def star(self, element: Mapping[Word, Fraction]) -> Element:
        """The adjoint."""
        return {tuple(self.adjoints[g] for g in word[::-1]): value for word, value in element.items()}

    def simple(self, element: Mapping[Word, Fraction]) -> Element:
        """The same element with no left side in any word."""
        return combined((value, self._of_word(word)) for word, value in element.items())

    def _of_word(self, word: Word) -> Element:
        if word not in self._known:
            if len(self._known) > 250_000:
                self._known = {}
            self._known[word] = self._worked_out(word)
        return self._known[word]

    def _worked_out(self, word: Word) -> Element:
        done: list[tuple[Fraction, Element]] = []
        open_words: list[tuple[Word, int, Fraction]] = [(word, 0, Fraction(1))]
        turns = 0
        while open_words:
            current, start, factor = open_words.pop()
            place = self._occurrence(current, start)
            if place is None:
                done.append((factor, {current: Fraction(1)}))
                continue
            turns += 1
            if turns > MOST_TURNS or len(current) > MOST_GROWTH:
                raise refuse("the equations go on replacing in one word; they may never end.")
            begin, end = place
            for middle, value in self._first[current[begin:end]].items():
                # the letters before are free of left sides, and so may be what ends in the new middle first
                open_words.append((current[:begin] + middle + current[end:], begin, factor * value))
        return combined(done)

    def _occurrence(self, word: Word, start: int) -> tuple[int, int] | None:
        """Where the left side stands that ends first beyond a place, the shortest there."""
        self.budget.spend(STEPS * (1 + len(word) - start))
        for end in range(start + 1, len(word) + 1):
            for begin in range(end - 1, max(end - self._longest, 0) - 1, -1):
                if word[begin:end] in self._first:
                    return begin, end
        return None

    def after(self, word: Word, equation: int, place: int) -> Element:
        """A word, simplified after an equation was used at a place of it."""
        left, right = self.equations[equation]
        if word[place : place + len(left)] != left:
            raise refuse("an equation is used where its left side does not stand.")
        return self.simple({word[:place] + middle + word[place + len(left) :]: v for middle, v in right.items()})

    def limits(self) -> dict[int, Fraction]:
        """Norms of generators as far as the stated equations bound them.

        From ``x* x = c 1 - sum_k c_k y_k* y_k``, c_k >= 0, follows ``|x|^2 <= c`` and ``|y_k|^2 <= c / c_k``; instead
        of a root the number itself is taken, or 1. An x = x* with ``x x = x`` is a projection.
        """
        found: dict[int, Fraction] = {}

        def note(generator: int, square: Fraction) -> None:
            for one in (generator, self.adjoints[generator]):
                found[one] = min(found.get(one, max(square, Fraction(1))), max(square, Fraction(1)))

        for left, right in self.equations[: self.stated]:
            if len(left) != 2 or self.adjoints[left[0]] != left[1]:
                continue
            x = left[1]
            if left == (x, x) and right == {(x,): Fraction(1)}:
                note(x, Fraction(1))
                continue
            others = {word: value for word, value in right.items() if word}
            if () in right and all(
                len(w) == 2 and self.adjoints[w[0]] == w[1] and value < 0 for w, value in others.items()
            ):
                note(x, right[()])
                for w, value in others.items():
                    note(w[1], right[()] / -value)
        return found

    def word(self, value: object, name: str, least: int = 0) -> Word:
        """A list of generators."""
        entries = items(value, name, MOST_LETTERS, least)
        return tuple(integer(entry, name, 0, len(self.adjoints) - 1) for entry in entries)

    def element(self, value: object, name: str) -> Element:
        """A list of pairs [number, word], every word once."""
        found: Element = {}
        for entry in items(value, name, MOST_TERMS):
            factor, letters = items(entry, name, 2, 2)
            word = self.word(letters, name)
            if word in found:
                raise refuse(f"{name} has one word twice.")
            found[word] = number(factor, name)
        return combined([(1, found)])


def read_algebra(question: dict[str, Any], derived: object, budget: Budget) -> Algebra:
    """The algebra of a question, with what the proof says that follows from it once that is checked."""
    adjoints = []
    letters = items(question["letters"], "letters", MOST_GENERATORS, 1)
    for entry in letters:
        letter = record(entry, "a letter", "name adjoint")
        if type(letter["name"]) is not str:
            raise refuse("the name of a letter must be a text.")
        adjoints.append(integer(letter["adjoint"], "adjoint", 0, len(letters) - 1))
    if [adjoints[j] for j in adjoints] != list(range(len(adjoints))):
        raise refuse("the adjoint of an adjoint must be the letter itself.")
    algebra = Algebra(tuple(adjoints), budget)
    for entry in items(question["rules"], "rules", MOST_EQUATIONS):
        left, right = items(entry, "a rule", 2, 2)
        algebra.learn(algebra.word(left, "the left side of a rule", 1), algebra.element(right, "a rule"))
    algebra.stated = len(algebra.equations)
    _look_for_contradictions(algebra)
    for entry in items(derived, "derived", MOST_CONSEQUENCES):
        _follow(algebra, record(entry, "a derived rule", "left right word first second"))
    return algebra


def _follow(algebra: Algebra, entry: dict[str, Any]) -> None:
    """Learn an equation that compares two ways to rewrite a word, up to a factor."""
    left = algebra.word(entry["left"], "the left side of a derived rule", 1)
    right = algebra.element(entry["right"], "a derived rule")
    word = algebra.word(entry["word"], "the word of a derived rule")
    ways = []
    for way in ("first", "second"):
        equation, place = items(entry[way], way, 2, 2)
        equation = integer(equation, way, 0, len(algebra.equations) - 1)
        ways.append(algebra.after(word, equation, integer(place, way, 0, len(word))))
    zero = combined([(1, ways[0]), (-1, ways[1])])
    factor = zero.get(left)
    if factor is None or combined([(1, zero), (-factor, {left: Fraction(1)}), (factor, right)]):
        raise refuse("a derived rule does not follow from those it names.")
    if left in right:
        raise refuse("a derived rule has its left side on its right.")
    algebra.learn(left, right)


def _look_for_contradictions(algebra: Algebra) -> None:
    """Refuse where two stated equations, used in one word, show that 1 = 0; not all that do so are found."""
    budget = MOST_OVERLAPS
    begins: dict[int, list[int]] = {}
    for k, (left, _) in enumerate(algebra.equations):
        begins.setdefault(left[0], []).append(k)
    for k, (left, _) in enumerate(algebra.equations):
        for place, generator in enumerate(left):
            for other in begins.get(generator, []):
                second = algebra.equations[other][0]
                common = min(len(second), len(left) - place)
                if (place == 0 and other <= k) or left[place : place + common] != second[:common]:
                    continue
                budget -= 1
                word = left + second[common:]
                if budget < 0 or len(word) > MOST_LETTERS:
                    return
                zero = combined([(1, algebra.after(word, k, 0)), (-1, algebra.after(word, other, place))])
                if zero.keys() == {()}:
                    raise refuse("the rules contradict each other: a number other than 0 would be 0.")
