"""Words in the letters of a stated algebra, and the rules by which they are rewritten.

Letters are numbers, each with the number of its adjoint; a rule says that a word, its left side, is a polynomial. The
normal form of a word is found by reading it from the left: whenever what was read ends with a left side, the shortest
such, that end is replaced and what replaces it is read next. Each replacement is an identity that the rules state, so
the normal form is equal to the word in every algebra in which they hold, whether or not other ways lead elsewhere.

Real moments: a word and its adjoint have the same real part of their mean, so that one of them names both.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt

from sdpbound.checker.numbers import ONE, ZERO
from sdpbound.checker.reading import read_integer, read_keys, read_list, read_number, read_string
from sdpbound.errors import CertificateError

__all__ = ["Letters", "Polynomial", "Word", "read_letters", "read_polynomial", "read_word"]

Word = tuple[int, ...]
Polynomial = dict[Word, Fraction]
_MOST_LETTERS = 400
_MOST_RULES = 50_000
_MOST_DERIVED = 1000
_LONGEST_WORD = 64
_LONGEST_READ = 1024  # what a word may grow to while it is read
_LONGEST_NAME = 200
_MOST_TERMS = 20_000
_MOST_STEPS = 20_000  # replacements in one word
_MOST_READ = 2 * 10**7  # letters, in all
_MOST_KEPT = 2**18  # normal forms that are remembered
_MOST_BITS = 2**16  # of a number that rules make
_MOST_NAMED = 100  # words that are named one after the other


class Letters:
    """An algebra: letters, adjoints and rules; normal forms are remembered."""

    def __init__(self, adjoints: Sequence[int], most_read: int = _MOST_READ) -> None:
        self.adjoints = tuple(adjoints)
        self._most_read = most_read
        self.rules: list[tuple[Word, Polynomial]] = []
        self._right: dict[Word, Polynomial] = {}
        self._lengths: list[int] = []
        self._forms: dict[Word, Polynomial] = {}
        self._names: dict[Word, Polynomial] = {}
        self._read = 0
        self._naming = 0

    def add(self, left: Word, right: Polynomial) -> None:
        """One more rule; of two with the same left side the first is used."""
        self.rules.append((left, right))
        self._right.setdefault(left, right)
        if len(left) not in self._lengths:
            self._lengths = sorted([*self._lengths, len(left)])
        if self._forms:
            self._forms.clear()
            self._names.clear()

    def adjoint(self, word: Word) -> Word:
        return tuple(self.adjoints[letter] for letter in reversed(word))

    def normal(self, word: Word) -> Polynomial:
        if word not in self._forms:
            if len(self._forms) > _MOST_KEPT:
                self._forms.clear()
            self._forms[word] = self._normal(word)
        return self._forms[word]

    def moments(self, polynomial: Polynomial) -> Polynomial:
        """A polynomial with the real part of its mean, in words that name themselves and their adjoints."""
        total: Polynomial = {}
        for word, value in polynomial.items():
            for form, factor in self.normal(word).items():
                for name, sign in self._name(form).items():
                    total[name] = total.get(name, ZERO) + value * factor * sign
        return {name: value for name, value in total.items() if value}

    def _name(self, form: Word) -> Polynomial:
        """A normal word in those that name themselves and their adjoints.

        With ``w* = c w + rest`` the real mean of w is that of ``rest / (1 - c)``, which is used if the rest is of
        smaller words: shorter, or earlier letters first. Where c = 1 it says nothing of w. A word that is left with its
        own name is no mistake: moments only have more names then, which ends chains of thousands of words.
        """
        if self._naming > _MOST_NAMED:
            return {form: ONE}
        if form not in self._names:
            turned = dict(self.normal(self.adjoint(form)))
            own = turned.pop(form, ZERO)
            if own == 1 or any((len(word), word) > (len(form), form) for word in turned):
                self._names[form] = {form: ONE}
            else:
                self._naming += 1
                self._names[form] = self.moments({word: value / (1 - own) for word, value in turned.items()})
                self._naming -= 1
        return self._names[form]

    def _normal(self, word: Word) -> Polynomial:
        total: Polynomial = {}
        branches: list[tuple[list[int], list[int], Fraction]] = [([], [*reversed(word)], ONE)]
        steps = 0
        while branches:
            stack, ahead, value = branches.pop()
            while ahead and value:
                stack.append(ahead.pop())
                self._read += 1
                if self._read > self._most_read:
                    raise CertificateError("The certificate has too many long words to check.")
                length = next((n for n in self._lengths if tuple(stack[-n:]) in self._right and n <= len(stack)), 0)
                if not length:
                    continue
                right = self._right[tuple(stack[-length:])]
                del stack[-length:]
                steps += 1
                if steps > _MOST_STEPS or len(stack) + len(ahead) > _LONGEST_READ:
                    raise CertificateError("The rules rewrite a word for too long; they may never end.")
                terms = iter(right.items())
                first = next(terms, None)
                if len(branches) + len(right) > _MOST_STEPS:
                    raise CertificateError(f"The rules make more than {_MOST_STEPS} terms of a word.")
                for other, factor in terms:
                    branches.append(([*stack], [*ahead, *reversed(other)], value * factor))
                if first is None:
                    value = ZERO
                else:
                    ahead.extend(reversed(first[0]))
                    value *= first[1]
                    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
                        raise CertificateError(f"The rules make a number of more than {_MOST_BITS} bits.")
            if value:
                form = tuple(stack)
                total[form] = total.get(form, ZERO) + value
        return {form: value for form, value in total.items() if value}

    def applied(self, word: Word, number: int, place: int, name: str) -> Polynomial:
        """The normal form of a word after a rule was used at a place of it."""
        left, right = self.rules[number]
        if word[place : place + len(left)] != left:
            raise CertificateError(f"{name} uses rule {number} where its left side does not stand.")
        total: Polynomial = {}
        for middle, value in right.items():
            for form, factor in self.normal(word[:place] + middle + word[place + len(left) :]).items():
                total[form] = total.get(form, ZERO) + value * factor
        return {form: value for form, value in total.items() if value}

    def norms(self) -> list[Fraction | None]:
        """For each letter a number that its norm does not exceed, where the rules show one.

        What ``a* a`` is, a rule may say, or its normal form. If it is a itself, a is a projector. If it is ``c - sum_k
        c_k b_k* b_k`` with ``c_k >= 0``, then ``|a|^2 <= c`` and ``|b_k|^2 <= c / c_k``. Adjoints have the same norm.
        """
        squares: list[Fraction | None] = [None] * len(self.adjoints)
        for letter, product in self.products():
            limits: dict[int, Fraction] = {}
            if product == {(letter,): ONE}:
                limits[letter] = ONE
            elif self.are_negative_squares(product):
                top = product.get((), ZERO)
                limits[letter] = top
                for word, value in product.items():
                    if word:
                        limits[word[1]] = min(limits.get(word[1], -top / value), -top / value)
            for own, limit in limits.items():
                for one in {own, self.adjoints[own]}:
                    before = squares[one]
                    squares[one] = max(ZERO, limit if before is None else min(limit, before))
        return [None if square is None else _root_above(square) for square in squares]

    def products(self) -> list[tuple[int, Polynomial]]:
        """Each letter with what its adjoint times itself is: by the rules that say it, and in normal form."""
        found = [(left[1], right) for left, right in self.rules if len(left) == 2 and left[0] == self.adjoints[left[1]]]
        return found + [(letter, self.normal((other, letter))) for letter, other in enumerate(self.adjoints)]

    def are_negative_squares(self, polynomial: Polynomial) -> bool:
        """Whether all but the constant are squares of letters with negative numbers before them."""
        return all(
            not word or (len(word) == 2 and word[0] == self.adjoints[word[1]] and value < 0)
            for word, value in polynomial.items()
        )


def _root_above(square: Fraction) -> Fraction:
    """The square root, exact if it is rational, otherwise a little too large."""
    top, bottom = square.numerator, square.denominator
    root = isqrt(top * bottom)
    if root * root == top * bottom:
        return Fraction(root, bottom)
    return Fraction(isqrt((top * bottom) << 256) + 1, bottom << 128)


def read_letters(letters: object, rules: object, derived: object) -> tuple[Letters, Letters]:
    """The algebra as it is stated, and with the rules that follow from it."""
    entries = read_list(letters, "question.letters")
    if not 1 <= len(entries) <= _MOST_LETTERS:
        raise CertificateError(f"question.letters has {len(entries)} letters; 1 to {_MOST_LETTERS} can be checked.")
    adjoints: list[int] = []
    names: set[object] = set()
    for i, entry in enumerate(entries):
        letter = read_keys(entry, ("name", "adjoint"), f"question.letters[{i}]")
        read_string(letter["name"], f"question.letters[{i}].name")
        names.add(name := str(letter["name"]))
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise CertificateError(f"question.letters[{i}].name must be 1 to {_LONGEST_NAME} characters of print.")
        adjoints.append(read_integer(letter["adjoint"], 0, len(entries) - 1, f"question.letters[{i}].adjoint"))
    if len(names) < len(entries):
        raise CertificateError("question.letters has a name twice; who reads the question could not tell them apart.")
    if any(adjoints[j] != i for i, j in enumerate(adjoints)):
        raise CertificateError("question.letters has a letter that is not the adjoint of its adjoint.")
    stated, both = Letters(adjoints), Letters(adjoints)
    given = read_list(rules, "question.rules")
    if len(given) > _MOST_RULES:
        raise CertificateError(f"question.rules has {len(given)} rules; at most {_MOST_RULES} can be checked.")
    for k, entry in enumerate(given):
        left, right = read_list(entry, f"question.rules[{k}]", length=2)
        word = read_word(left, stated, f"question.rules[{k}][0]")
        if not word:
            raise CertificateError(
                f"question.rules[{k}] rewrites the number 1; the left side of a rule must have letters."
            )
        polynomial = read_polynomial(right, stated, f"question.rules[{k}][1]")
        stated.add(word, polynomial)
        both.add(word, polynomial)
    _derive(both, derived)
    return stated, both


def _derive(letters: Letters, entry: object) -> None:
    """Add the rules that are said to follow, each after a look at why.

    Two rules used in one word at two places give two normal forms, whose difference is 0; the new rule must be a
    multiple of that.
    """
    entries = read_list(entry, "proof.derived")
    if len(entries) > _MOST_DERIVED:
        raise CertificateError(f"proof.derived has {len(entries)} rules; at most {_MOST_DERIVED} can be checked.")
    for k, item in enumerate(entries):
        name = f"proof.derived[{k}]"
        parts = read_keys(item, ("left", "right", "word", "first", "second"), name)
        left = read_word(parts["left"], letters, f"{name}.left")
        right = read_polynomial(parts["right"], letters, f"{name}.right")
        word = read_word(parts["word"], letters, f"{name}.word")
        forms = []
        for which in ("first", "second"):
            number, place = read_list(parts[which], f"{name}.{which}", length=2)
            number = read_integer(number, 0, len(letters.rules) - 1, f"{name}.{which}")
            forms.append(letters.applied(word, number, read_integer(place, 0, len(word), f"{name}.{which}"), name))
        difference = {w: forms[0].get(w, ZERO) - forms[1].get(w, ZERO) for w in {**forms[0], **forms[1]}}
        difference = {w: value for w, value in difference.items() if value}
        scale = difference.get(left, ZERO)
        claimed = {left: ONE} | {w: -value for w, value in right.items()}
        if not left or not scale or left in right or {w: value / scale for w, value in difference.items()} != claimed:
            raise CertificateError(f"{name} does not follow from the rules that it names.")
        letters.add(left, right)


def read_word(entry: object, letters: Letters, name: str) -> Word:
    word = read_list(entry, name)
    if len(word) > _LONGEST_WORD:
        raise CertificateError(f"{name} has {len(word)} letters; at most {_LONGEST_WORD} can be checked.")
    return tuple(read_integer(letter, 0, len(letters.adjoints) - 1, name) for letter in word)


def read_polynomial(entry: object, letters: Letters, name: str) -> Polynomial:
    """A list of pairs of a coefficient and a word; a word may stand there once."""
    terms = read_list(entry, name)
    if len(terms) > _MOST_TERMS:
        raise CertificateError(f"{name} has {len(terms)} terms; at most {_MOST_TERMS} can be checked.")
    found: Polynomial = {}
    for k, term in enumerate(terms):
        value, word = read_list(term, f"{name}[{k}]", length=2)
        own = read_word(word, letters, f"{name}[{k}]")
        if own in found:
            raise CertificateError(f"{name} has a word twice.")
        found[own] = read_number(value, f"{name}[{k}]")
    return {word: value for word, value in found.items() if value}
