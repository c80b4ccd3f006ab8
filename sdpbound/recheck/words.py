"""Words in measurement operators, brought to a normal form by rewriting one pair of neighbours at a time.

A letter of a party is a pair (setting, outcome): the observable of a setting with two outcomes has the outcome -1, a
setting with more has a projector for every outcome but the last. Rules, for letters of one party:

    O_x O_x -> 1,    P_a|x P_a|x -> P_a|x,    P_a|x P_b|x -> 0,    g b -> b g

the last one only for a setting g that is said to commute with the setting b. Parties commute, so a word is a tuple
with a string of letters for each. A word and its adjoint have the same real part: the smaller one stands for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import lcm, prod

from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.reading import integer, items, number, record

__all__ = [
    "Devices",
    "Letter",
    "Polynomial",
    "Word",
    "added",
    "effect",
    "grams",
    "leftover",
    "read_devices",
    "squares",
    "times",
]

Letter = tuple[int, int]
String = tuple[Letter, ...]
Word = tuple[String, ...]
Polynomial = dict[Word, Fraction]
OBSERVABLE = -1
MOST_PARTIES, MOST_SETTINGS, MOST_OUTCOMES, MOST_COORDINATES = 4, 12, 8, 4096
MOST_WORDS, LONGEST_STRING = 1000, 16


@dataclass(frozen=True, eq=False)
class Devices:
    """Numbers of outcomes of each setting of each party, and what commutes beyond parties.

    ``commuting`` is (party, setting, setting): these two settings of that party commute.
    """

    outcomes: tuple[tuple[int, ...], ...]
    commuting: tuple[int, int, int] | None = None
    _known: dict[tuple[int, String], String | None] = field(default_factory=dict, repr=False)

    @property
    def parties(self) -> int:
        return len(self.outcomes)

    def letters(self, party: int) -> list[Letter]:
        """In the order in which coefficients number them, from 1."""
        return [
            (x, a)
            for x, count in enumerate(self.outcomes[party])
            for a in ((OBSERVABLE,) if count == 2 else range(count - 1))
        ]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a table of coefficients: the identity and the letters of each party."""
        return tuple(1 + len(self.letters(party)) for party in range(self.parties))

    @property
    def one(self) -> Word:
        return ((),) * self.parties

    def string(self, party: int, letters: String) -> String | None:
        """The normal form of a party's string; None for zero."""
        key = (party, letters)
        if key not in self._known:
            self._known[key] = self._rewritten(party, list(letters))
        return self._known[key]

    def _rewritten(self, party: int, letters: list[Letter]) -> String | None:
        i = 0
        while i + 1 < len(letters):
            (x, a), (y, b) = letters[i], letters[i + 1]
            if x == y and a != b:
                return None
            if x == y:
                del letters[i : i + 2 if a == OBSERVABLE else i + 1]
            elif self.commuting in ((party, x, y), (party, y, x)) and x > y:
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
            else:
                i += 1
                continue
            i = max(i - 1, 0)
        return tuple(letters)

    def joined(self, *words: Word) -> Word | None:
        """The product of words; None for zero."""
        found = []
        for party in range(self.parties):
            string = self.string(party, tuple(letter for word in words for letter in word[party]))
            if string is None:
                return None
            found.append(string)
        return tuple(found)

    def adjoint(self, word: Word) -> Word:
        reverse = self.joined(tuple(string[::-1] for string in word))
        assert reverse is not None  # the mirror image of a normal form is not zero
        return reverse

    def real(self, word: Word) -> Word:
        """The smaller of a word and its adjoint."""
        return min(word, self.adjoint(word))

    def coordinates(self, table: Mapping[tuple[int, ...], Fraction]) -> Polynomial:
        """The polynomial of a table of coefficients."""
        letters = [self.letters(party) for party in range(self.parties)]
        return {
            tuple((letters[p][i - 1],) if i else () for p, i in enumerate(index)): value
            for index, value in table.items()
        }

    def read_words(self, value: object, name: str) -> list[Word]:
        """Words of a file: for each party a list of numbers of letters, from 1."""
        letters = [self.letters(party) for party in range(self.parties)]
        found = []
        for entry in items(value, name, MOST_WORDS, 1):
            parts = items(entry, name, self.parties, self.parties)
            found.append(
                tuple(
                    tuple(letters[p][integer(i, name, 1, len(letters[p])) - 1] for i in items(s, name, LONGEST_STRING))
                    for p, s in enumerate(parts)
                )
            )
        return found

    def strategies(self, party: int) -> Iterator[dict[String, int]]:
        """The deterministic strategies of a party: the values of the identity and of its letters."""
        for answers in product(*(range(count) for count in self.outcomes[party])):
            values: dict[String, int] = {(): 1}
            for x, a in self.letters(party):
                values[((x, a),)] = 1 - 2 * answers[x] if a == OBSERVABLE else int(answers[x] == a)
            yield values

    def count_strategies(self) -> int:
        return prod(prod(party) for party in self.outcomes)


def read_devices(value: object, parties: tuple[int, int] = (1, MOST_PARTIES)) -> Devices:
    """The scenario of a file."""
    outcomes = record(value, "the scenario", "outcomes")["outcomes"]
    found = tuple(
        tuple(integer(n, "outcomes", 1, MOST_OUTCOMES) for n in items(party, "outcomes", MOST_SETTINGS, 1))
        for party in items(outcomes, "outcomes", parties[1], parties[0])
    )
    devices = Devices(found)
    if prod(devices.shape) > MOST_COORDINATES:
        raise refuse(
            f"the scenario has {prod(devices.shape)} moments of outcomes; at most {MOST_COORDINATES} are read."
        )
    return devices


def effect(devices: Devices, party: int, setting: int, outcome: int) -> dict[String, Fraction]:
    """The projector on an outcome, as a polynomial of one party."""
    count = devices.outcomes[party][setting]
    if count == 2:
        return {(): Fraction(1, 2), ((setting, OBSERVABLE),): Fraction(1 - 2 * outcome, 2)}
    if outcome < count - 1:
        return {((setting, outcome),): Fraction(1)}
    return {(): Fraction(1)} | {((setting, a),): Fraction(-1) for a in range(count - 1)}


def times(*factors: Mapping[String, Fraction]) -> Polynomial:
    """The product of polynomials, one for each party."""
    return {
        tuple(string for string, _ in choice): prod((value for _, value in choice), start=Fraction(1))
        for choice in product(*(factor.items() for factor in factors))
    }


def added(*terms: tuple[Fraction | int, Mapping[Word, Fraction]]) -> Polynomial:
    """A linear combination of polynomials."""
    found: Polynomial = {}
    for weight, polynomial in terms:
        for word, value in polynomial.items():
            found[word] = found.get(word, Fraction(0)) + weight * value
    return found


def grams(value: object, name: str, size: int, budget: Budget) -> tuple[list[list[int]], int]:
    """The matrix L L^T of a lower triangular L, given by its rows: integers, over one denominator.

    It is positive semidefinite whatever the numbers are.
    """
    budget.spend(size**3 // 6)
    rows = [
        [number(entry, name) for entry in items(row, name, i + 1, i + 1)]
        for i, row in enumerate(items(value, name, size, size))
    ]
    scale = 1
    for row in rows:
        for entry in row:
            scale = lcm(scale, entry.denominator)
            if scale.bit_length() > 4096:
                raise refuse(f"the numbers of {name} have no common denominator of 4096 bits.")
    whole = [[entry.numerator * (scale // entry.denominator) for entry in row] for row in rows]
    return [
        [sum(a * b for a, b in zip(whole[i], whole[j], strict=False)) for j in range(i + 1)] for i in range(size)
    ], scale * scale


def squares(devices: Devices, words: Sequence[Word], gram: tuple[list[list[int]], int], budget: Budget) -> Polynomial:
    """The mean of ``sum_ij G_ij w_i^* w_j``, a sum of squares; the smaller of a word and its adjoint is written."""
    matrix, scale = gram
    budget.spend(8 * len(words) ** 2)
    found: dict[Word, int] = {}
    for i, row in enumerate(matrix):
        left = tuple(string[::-1] for string in words[i])
        for j, entry in enumerate(row):
            if not entry:
                continue
            word = devices.joined(left, words[j])
            if word is not None:
                word = devices.real(word)
                found[word] = found.get(word, 0) + (entry if i == j else 2 * entry)
    return {word: Fraction(value, scale) for word, value in found.items()}


def leftover(polynomial: Mapping[Word, Fraction], one: Word) -> Fraction:
    """What a polynomial is at most for states of weight one: its constant, and the sizes of all else.

    Letters are contractions, and so are words.
    """
    return polynomial.get(one, Fraction(0)) + sum(abs(value) for word, value in polynomial.items() if word != one)
