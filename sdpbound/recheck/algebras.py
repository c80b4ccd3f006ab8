"""Words in operators of which only rules are known, and the normal form that these give them.

A letter is a number; its adjoint is one, too. A rule is a word and the polynomial that it is. The statement defines the
normal form of a word by reading it from the left. Here a letter is a map instead: it takes a word in normal form to the
polynomial that the word becomes when the letter is written behind it. As a word in front stays as it is until a left
side ends behind it, the normal form of a word is what its letters, one map after the other, make of the empty word.

Every step replaces a word by what a rule says that it is. So a step too many or in another order is never false; only
steps without an end are a danger, and they are counted.

**Norms.** For a letter a, ``a* a`` is a square. If it is a itself, then a is Hermitian and its own square: a projector,
of norm 1. If it is ``c - sum_k c_k b_k* b_k`` with ``c_k >= 0``, then ``c`` bounds it and, because it is not negative,
``c_k b_k* b_k`` as well. A letter and its adjoint have the same norm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

import flint

from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.reading import integer, items, number, record

__all__ = [
    "Letters",
    "Polynomial",
    "Rules",
    "Word",
    "follows",
    "norm",
    "plus",
    "read_exact",
    "replaced_at",
    "squared_norms",
]

Word = tuple[int, ...]
#: Coefficients are exact, and those of zero are left out.
Polynomial = dict[Word, flint.fmpq]

MOST_LETTERS, LONGEST_NAME = 400, 200
LONGEST_WORD, MOST_TERMS = 64, 20_000
#: A word may grow to so many letters, take so many replacements for each letter, and coefficients have so many bits.
LONGEST_READ, MOST_REPLACED, MOST_BITS = 1024, 20_000, 1 << 16
#: Binary digits of roots.
ROOT_BITS = 160


@dataclass(frozen=True, slots=True)
class Letters:
    """Names and adjoints."""

    names: tuple[str, ...]
    adjoints: tuple[int, ...]

    @classmethod
    def read(cls, value: object) -> Letters:
        """Those of a file; names are different, and the adjoint of the adjoint is the letter itself."""
        entries = [record(entry, "a letter", "name adjoint") for entry in items(value, "letters", MOST_LETTERS, 1)]
        adjoints = tuple(integer(entry["adjoint"], "an adjoint", 0, len(entries) - 1) for entry in entries)
        for k, other in enumerate(adjoints):
            if adjoints[other] != k:
                raise refuse(f"the adjoint of letter {k} is letter {other}, but not the other way round.")
        names = [entry["name"] for entry in entries]
        if not all(type(name) is str and 0 < len(name) <= LONGEST_NAME and name.isprintable() for name in names):
            raise refuse(f"a letter's name must be a printed text of 1 to {LONGEST_NAME} characters.")
        if len(set(names)) != len(names):
            raise refuse("two letters have the same name; nobody could tell them apart in the question.")
        return cls(tuple(names), adjoints)

    def word(self, value: object, name: str) -> Word:
        """A word of a file."""
        return tuple(integer(k, name, 0, len(self.names) - 1) for k in items(value, name, LONGEST_WORD))

    def polynomial(self, value: object, name: str) -> Polynomial:
        """A polynomial of a file, words as they stand there."""
        found: Polynomial = {}
        for entry in items(value, name, MOST_TERMS):
            factor, letters = items(entry, f"a term of {name}", 2, 2)
            word = self.word(letters, name)
            if word in found:
                raise refuse(f"{name} has a word twice.")
            found[word] = read_exact(factor, f"a number of {name}")
        return {word: value for word, value in found.items() if value}

    def adjoint(self, word: Word) -> Word:
        """The adjoint of a word, not rewritten."""
        return tuple(self.adjoints[k] for k in reversed(word))

    def adjoint_of(self, polynomial: Mapping[Word, flint.fmpq]) -> Polynomial:
        """The adjoint of a polynomial, not rewritten; coefficients are real."""
        found: Polynomial = {}
        for word, value in polynomial.items():
            plus(found, value, {self.adjoint(word): flint.fmpq(1)})
        return found


def read_exact(value: object, name: str) -> flint.fmpq:
    """A number of a file, exactly."""
    found = number(value, name)
    return flint.fmpq(found.numerator, found.denominator)


def plus(total: Polynomial, factor: flint.fmpq | int, polynomial: Mapping[Word, flint.fmpq]) -> None:
    """Add a multiple of a polynomial to ``total``."""
    for word, value in polynomial.items():
        before = total.get(word)
        after = factor * value if before is None else before + factor * value
        if after:
            total[word] = after
        else:
            total.pop(word, None)


@dataclass(slots=True)
class Rules:
    """Rules in order, and the maps that letters are.

    Attributes
    ----------
    budget : steps that replacements are taken from
    stated : all rules, by their numbers
    """

    budget: Budget
    stated: list[tuple[Word, Polynomial]] = field(default_factory=list)
    _right: dict[Word, Polynomial] = field(default_factory=dict)
    _lengths: dict[int, list[int]] = field(default_factory=dict)
    _known: dict[tuple[Word, int], Polynomial] = field(default_factory=dict)

    def add(self, left: Word, right: Polynomial) -> None:
        """One more rule. Of several with the same left side the first is used."""
        if not left:
            raise refuse("the left side of a rule is the empty word: that would be a statement about 1.")
        self.stated.append((left, right))
        if left not in self._right:
            self._right[left] = right
            lengths = self._lengths.setdefault(left[-1], [])
            if len(left) not in lengths:
                lengths.append(len(left))
                lengths.sort()
            self._known.clear()

    def ending(self, word: Word) -> Word | None:
        """The shortest left side with which a word ends."""
        for length in self._lengths[word[-1]] if word and word[-1] in self._lengths else ():
            if length > len(word):
                break
            if word[-length:] in self._right:
                return word[-length:]
        return None

    def behind(self, word: Word, letter: int) -> Polynomial:
        """What a word in normal form becomes with a letter behind it."""
        key = (word, letter)
        if key not in self._known:
            self.budget.spend(20 + len(word))
            self._known[key] = self._replaced(word, letter)
        return self._known[key]

    def _replaced(self, word: Word, letter: int) -> Polynomial:
        found: Polynomial = {}
        waiting: list[tuple[Word, Word, flint.fmpq]] = [(word, (letter,), flint.fmpq(1))]
        replaced = 0
        while waiting:
            done, ahead, factor = waiting.pop()
            left = None
            while ahead and left is None:
                done, ahead = (*done, ahead[0]), ahead[1:]
                left = self.ending(done)
            if left is None:
                plus(found, factor, {done: flint.fmpq(1)})
                continue
            replaced += 1
            self.budget.spend(4 + (len(done) + len(ahead)) // 4)
            if replaced > MOST_REPLACED or len(done) + len(ahead) > LONGEST_READ:
                raise refuse(f"the rules do not end within {MOST_REPLACED} steps or {LONGEST_READ} letters.")
            done = done[: -len(left)]
            for more, value in self._right[left].items():
                waiting.append((done, more + ahead, self._limited(factor * value)))
            if len(waiting) > MOST_REPLACED:
                raise refuse(f"the rules make more than {MOST_REPLACED} terms of a word.")
        return found

    def _limited(self, value: flint.fmpq) -> flint.fmpq:
        bits = max(int(value.p).bit_length(), int(value.q).bit_length())
        if bits > MOST_BITS:
            raise refuse(f"the rules make a number of more than {MOST_BITS} bits.")
        self.budget.spend(1 + bits // 64)
        return value

    def times(self, polynomial: Polynomial, word: Word) -> Polynomial:
        """A polynomial in normal form times a word, in normal form."""
        for letter in word:
            self.budget.spend(2 * len(polynomial))
            found: Polynomial = {}
            for part, value in polynomial.items():
                plus(found, value, self.behind(part, letter))
            if len(found) > MOST_TERMS:
                raise refuse(f"the rules make more than {MOST_TERMS} terms of a word.")
            for value in found.values():
                self._limited(value)
            polynomial = found
        return polynomial

    def normal(self, polynomial: Mapping[Word, flint.fmpq]) -> Polynomial:
        """The normal form of a polynomial."""
        found: Polynomial = {}
        for word, value in polynomial.items():
            plus(found, value, self.times({(): flint.fmpq(1)}, word))
        return found


def squared_norms(rules: Rules, letters: Letters) -> tuple[dict[int, flint.fmpq], int | None]:
    """Bounds on the squares of the norms of letters; of others nothing is known. And a letter whose square is negative.

    What ``a* a`` is, is read off its normal form and off each rule that states it.
    """
    negative = None
    found: dict[int, flint.fmpq] = {}

    def bounded(letter: int, most: flint.fmpq) -> None:
        for k in (letter, letters.adjoints[letter]):
            found[k] = min(found.get(k, most), most)

    squares: dict[Word, int] = {(letters.adjoints[k], k): k for k in range(len(letters.names))}
    shown = [(k, rules.normal({word: flint.fmpq(1)})) for word, k in squares.items()]
    shown += [(squares[left], right) for left, right in rules.stated if left in squares]
    for k, square in shown:
        if square == {(k,): 1}:
            bounded(k, flint.fmpq(1))
            continue
        rest = {word: value for word, value in square.items() if word}
        if not all(word in squares and value < 0 for word, value in rest.items()):
            continue
        most = square.get((), flint.fmpq(0))
        if most < 0:  # less than nothing: 0 is a bound, too
            negative, most = k, flint.fmpq(0)
        bounded(k, most)
        for word, value in rest.items():
            bounded(squares[word], most / -value)
    return found, negative


def norm(word: Word, squares: Mapping[int, flint.fmpq]) -> Fraction | None:
    """A number that the norm of a word does not exceed, exact if it is rational; None if a letter has no norm."""
    square = flint.fmpq(1)
    for letter in word:
        if letter not in squares:
            return None
        square *= squares[letter]
    p, q = int(square.p), int(square.q)
    whole = p * q  # the root of p/q is that of p q, over q
    root = isqrt(whole)
    if root * root == whole:
        return Fraction(root, q)
    return Fraction(isqrt(whole << (2 * ROOT_BITS)) + 1, q << ROOT_BITS)


def replaced_at(word: Word, place: int, left: Word, right: Mapping[Word, flint.fmpq]) -> Polynomial:
    """A word with a left side at a place replaced, and nothing else done to it."""
    before, after = word[:place], word[place + len(left) :]
    found: Polynomial = {}
    for middle, value in right.items():
        plus(found, value, {before + middle + after: flint.fmpq(1)})
    return found


def follows(rules: Rules, word: Word, first: Sequence[int], second: Sequence[int]) -> Polynomial:
    """Two normal forms of a word, by a rule at one place and another at another: their difference, which is 0."""
    found: Polynomial = {}
    for sign, (number_of, place) in ((1, first), (-1, second)):
        left, right = rules.stated[number_of]
        if word[place : place + len(left)] != left:
            raise refuse(f"rule {number_of} does not stand at place {place} of the word it is said to.")
        plus(found, sign, rules.normal(replaced_at(word, place, left, right)))
    return found
