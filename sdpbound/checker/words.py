"""Words in the measurement operators, and sums of squares of them, in exact rational numbers.

Products of projectors and of +-1 observables have |<w>_e| <= <1>_e, as have the coordinates of a no-signaling
behaviour. So a residual polynomial R_e is at most kappa_e <1>_e with kappa_e = R_e[1] + sum_{w != 1} |R_e[w]|.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.numbers import LARGEST_DENOMINATOR, Tensor, common_denominator, over_one_denominator
from sdpbound.checker.reading import LARGEST_FLOAT, read_integer, read_list, read_numbers
from sdpbound.checker.scenario import Scenario
from sdpbound.errors import CertificateError

__all__ = [
    "Algebra",
    "PartyWord",
    "Residual",
    "Word",
    "as_residual",
    "gram_matrix",
    "read_words",
    "require_triangle",
    "residual_charge",
    "sum_of_residuals",
    "sum_of_squares",
]

PartyWord = tuple[int, ...]  # letters of one party; a letter is its coordinate index
Word = tuple[PartyWord, ...]
Residual = tuple[dict[Any, int], int]  # numerators by word (or by coordinates), and their common denominator
_MOST_WORDS = 2048
_LONGEST_WORD = 32  # letters of one party
_MOST_PRODUCTS = 2**20  # kept from one copy to the next


class Algebra:
    """Words of all parties. Rules: O O = 1, P_a P_a = P_a, P_a P_b = 0 within a setting; parties commute.

    `commuting` names for a party two settings whose letters commute with each other.
    """

    def __init__(self, scenario: Scenario, commuting: Mapping[int, frozenset[int]]) -> None:
        self.shape = scenario.shape
        self._setting: list[list[int]] = []
        self._observable: list[list[bool]] = []
        for party, outcomes in enumerate(scenario.outcomes):
            settings = [-1]
            for setting, letters in enumerate(scenario.letters(party)):
                settings += [setting] * len(letters)
            self._setting.append(settings)
            self._observable.append([setting >= 0 and outcomes[setting] == 2 for setting in settings])
        self._commuting = [commuting.get(party, frozenset()) for party in range(len(scenario.outcomes))]
        self._products: dict[tuple[int, PartyWord, PartyWord], tuple[PartyWord, PartyWord] | None] = {}
        self._last: tuple[list[Word], list[Word], list[int]] | None = None  # of products_of

    def reduce(self, party: int, letters: Iterable[int]) -> PartyWord | None:
        """Normal form of a word of one party, None if it is zero.

        A stack machine: the stack is always reduced and in normal form. A new letter looks past the letters that
        commute with it for one of its own setting, to merge with; removing or keeping that one leaves a normal form.
        In a reduced stack, letters of the two commuting settings that touch are at most one of each, so sorting the
        touching pairs gives a unique form.
        """
        setting, observable, commuting = self._setting[party], self._observable[party], self._commuting[party]
        stack: list[int] = []
        for letter in letters:
            own = setting[letter]
            place = len(stack)
            if own in commuting:
                while place and setting[stack[place - 1]] != own and setting[stack[place - 1]] in commuting:
                    place -= 1
            if not place or setting[stack[place - 1]] != own:
                end = len(stack)
                while end > place and stack[end - 1] > letter:
                    end -= 1
                stack.insert(end, letter)
            elif stack[place - 1] != letter:
                return None
            elif observable[letter]:
                del stack[place - 1]
        return tuple(stack)

    def setting_of(self, party: int, letter: int) -> int:
        return self._setting[party][letter]

    def is_observable(self, party: int, letter: int) -> bool:
        return self._observable[party][letter]

    def first_letter(self, party: int, setting: int) -> int:
        """The first letter of a setting, which must have one."""
        return self._setting[party].index(setting)

    def products_of(self, words: list[Word]) -> tuple[list[Word], list[int]]:
        """The products of pairs of words, and for each pair (row by row) which of them it is; -1 for zero.

        (u, v) and (v, u) are adjoint to each other, so that they are the same product.
        """
        if self._last is None or self._last[0] != words:
            if len(self._products) > _MOST_PRODUCTS:
                self._products.clear()
            numbers: dict[Word, int] = {}
            size = len(words)
            places = [-1] * (size * size)
            for v, right in enumerate(words):
                for u, left in enumerate(words[: v + 1]):
                    word = self.product(left, right)
                    if word is not None:
                        places[u * size + v] = places[v * size + u] = numbers.setdefault(word, len(numbers))
            self._last = list(words), list(numbers), places
        return self._last[1], self._last[2]

    def product(self, left: Word, right: Word) -> Word | None:
        """left^dagger right or its adjoint, whichever is smaller; None if it is zero."""
        word, adjoint = [], []
        for party, pair in enumerate(zip(left, right, strict=True)):
            key = (party, *pair)
            if key not in self._products:
                reduced = self.reduce(party, (*reversed(pair[0]), *pair[1]))
                turned = None if reduced is None else self.reduce(party, reversed(reduced))
                self._products[key] = None if reduced is None or turned is None else (reduced, turned)
            entry = self._products[key]
            if entry is None:
                return None
            word.append(entry[0])
            adjoint.append(entry[1])
        return min(tuple(word), tuple(adjoint))


def read_words(algebra: Algebra, entry: object, name: str) -> list[Word]:
    words = read_list(entry, name)
    if len(words) > _MOST_WORDS:
        raise CertificateError(f"{name} has {len(words)} words; at most {_MOST_WORDS} can be checked.")
    result = []
    for u, word in enumerate(words):
        parts = read_list(word, f"{name}[{u}]", length=len(algebra.shape))
        letters = []
        for party, part in enumerate(parts):
            label = f"{name}[{u}][{party}]"
            part = read_list(part, label)
            if len(part) > _LONGEST_WORD:
                raise CertificateError(f"{label} has {len(part)} letters; at most {_LONGEST_WORD} can be checked.")
            letters.append(tuple(read_integer(letter, 1, algebra.shape[party] - 1, label) for letter in part))
        result.append(tuple(letters))
    return result


def sum_of_squares(algebra: Algebra, words: list[Word], entry: object, name: str) -> Residual:
    """sum_uv (L L^T)_uv w_u^dagger w_v, exactly."""
    scale, gram = gram_matrix(entry, len(words), name)
    products, places = algebra.products_of(words)
    sums: list[Any] = [0] * (len(products) + 1)  # the last one of products that are zero
    for place, value in zip(places, gram.entries(), strict=True):
        sums[place] += value
    return {word: int(value) for word, value in zip(products, sums, strict=False) if value}, scale * scale


def require_triangle(entry: object, size: int, name: str) -> None:
    """Refuse what has not the rows of a lower triangular matrix."""
    for i, row in enumerate(read_list(entry, name, length=size)):
        read_list(row, f"{name}[{i}]", length=i + 1)


def gram_matrix(entry: Any, size: int, name: str) -> tuple[int, flint.fmpz_mat]:
    """A number s and the matrix s^2 L L^T of integers, L lower triangular."""
    require_triangle(entry, size, name)
    rows = _float_rows(entry)
    flat: list[int] = []
    if rows is not None:
        scale = max((bottom for row in rows for _, bottom in row), default=1)  # powers of two
        for row in rows:
            flat += [top * (scale // bottom) for top, bottom in row] + [0] * (size - len(row))
    else:
        numbers = [read_numbers(row, f"{name}[{i}]", length=i + 1) for i, row in enumerate(entry)]
        scale = common_denominator((value for row in numbers for value in row), name)
        for exact in numbers:
            flat += [value.numerator * (scale // value.denominator) for value in exact] + [0] * (size - len(exact))
    triangle = flint.fmpz_mat(size, size, flat)
    return scale, triangle * triangle.transpose()


def _float_rows(rows: Sequence[Sequence[Any]]) -> list[list[tuple[int, int]]] | None:
    """Numerators and denominators of floats that :func:`read_numbers` would read; None if any entry is not one."""
    found = []
    for row in rows:
        if not all(type(value) is float and -LARGEST_FLOAT <= value <= LARGEST_FLOAT for value in row):
            return None
        found.append([value.as_integer_ratio() for value in row])
    return found


def as_residual(tensor: Tensor) -> Residual:
    numerators, denominator = over_one_denominator(tensor)
    return {tuple((letter,) if letter else () for letter in index): v for index, v in numerators.items()}, denominator


def sum_of_residuals(parts: Sequence[Residual]) -> Residual:
    common = math.lcm(*(denominator for _, denominator in parts))
    if common.bit_length() > 4 * LARGEST_DENOMINATOR:
        raise CertificateError("The factors of the proof need a common denominator of too many digits; round them.")
    total: dict[Any, int] = {}
    for numerators, denominator in parts:
        factor = common // denominator
        for word, value in numerators.items():
            total[word] = total.get(word, 0) + factor * value
    return total, common


def residual_charge(residual: Residual) -> Fraction:
    """kappa = R[1] + sum_{w != 1} |R[w]|; the identity is the word without letters, the coordinates all zero."""
    numerators, denominator = residual
    total = sum(value if not any(word) else abs(value) for word, value in numerators.items())
    return Fraction(total, denominator)
