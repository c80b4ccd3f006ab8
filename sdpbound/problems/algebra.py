"""The operators of a problem as letters, their rules, and the way from polynomials to words of numbers and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.problems.expressions import Operator, Polynomial
from sdpbound.problems.rules import Derived, Rewriting, Rule, Terms, Word, completed, norms

__all__ = ["Algebra", "algebra_of"]


@dataclass(frozen=True, eq=False)
class Algebra:
    """Letters and rules.

    Attributes
    ----------
    letters : the operators in the order of normal forms: party by party; adjoints follow their operators
    stated : the rules of the kinds, of the parties and of the user, in that order
    confluent : how many of these, the first ones, give one normal form whatever the order of steps
    """

    letters: tuple[Operator, ...]
    stated: tuple[Rule, ...]
    confluent: int = 0

    @cached_property
    def numbers(self) -> dict[Operator, int]:
        return {letter: i for i, letter in enumerate(self.letters)}

    @cached_property
    def adjoints(self) -> tuple[int, ...]:
        return tuple(self.numbers[letter.adjoint] for letter in self.letters)

    @cached_property
    def _completion(self) -> tuple[Rewriting, tuple[Derived, ...]]:
        rewriting = Rewriting(self.stated, self.adjoints, [str(letter) for letter in self.letters])
        return rewriting, completed(rewriting, self.confluent)

    @property
    def rewriting(self) -> Rewriting:
        """Normal forms by the stated rules and those that follow."""
        return self._completion[0]

    @property
    def derived(self) -> tuple[Derived, ...]:
        """Rules that follow from overlaps of others, with their reasons."""
        return self._completion[1]

    @cached_property
    def norms(self) -> list[Fraction | None]:
        """A number for each letter that its norm does not exceed, None where the stated rules show none."""
        return norms(self.stated, self.adjoints)

    def bound_of(self, word: Word) -> Fraction | None:
        """A number that the norm of a word does not exceed; None if nothing is known."""
        product = Fraction(1)
        for letter in word:
            own = self.norms[letter]
            if own is None:
                return None
            product *= own
        return product

    def terms(self, expression: Polynomial, name: str) -> Terms:
        """A polynomial in words of numbers, as written."""
        found: Terms = {}
        for word, value in expression.terms.items():
            for operator in word:
                if operator not in self.numbers:
                    raise InvalidParameter(
                        f"{name} has the operator {operator}, which the problem does not have; its operators are "
                        f"{', '.join(map(str, self.letters))}."
                    )
            found[tuple(self.numbers[operator] for operator in word)] = value
        return found

    def polynomial(self, terms: Terms) -> Polynomial:
        return Polynomial({tuple(self.letters[i] for i in word): value for word, value in terms.items()})

    def shown(self, word: Word) -> str:
        return self.rewriting.shown(word)


def algebra_of(
    operators: Sequence[Operator],
    rules: Iterable[tuple[Polynomial, Polynomial]],
    commuting: Iterable[tuple[Operator, Operator]],
) -> Algebra:
    """The algebra of some operators with the rules of their kinds, of their parties, and further ones."""
    parties = list(dict.fromkeys(operator.party for operator in operators if operator.party is not None))
    place = {party: i for i, party in enumerate(parties)}
    inner = [o for o in operators if o.kind != "imaginary"]
    inner.sort(key=lambda o: place[o.party] if o.party is not None else len(parties))
    ordered = [o for o in operators if o.kind == "imaginary"] + inner
    letters: list[Operator] = []
    for operator in ordered:
        letters += [operator] if operator.hermitian else [operator, operator.adjoint]
    plain = Algebra(tuple(letters), ())
    stated = [*_of_kinds(plain), *_of_commuting(plain, set())]
    confluent, lefts = len(stated), {left for left, _ in stated}
    stated += [rule for rule in _of_commuting(plain, set(commuting)) if rule[0] not in lefts]
    known = Rewriting(stated, plain.adjoints, [str(letter) for letter in letters])
    own = []
    for left, right in rules:
        for rule in _of_user(plain, left, right):
            solved = None if rule in known.rules else known.solved(rule)
            if solved is not None:
                known.add(solved)
                own.append(solved)
    for word, image in own:
        # the adjoint of a rule is one as well, unless it is known: turned round it could undo another for ever
        turned = known.adjoint(word)
        mirrored = {known.adjoint(w): value for w, value in image.items()}
        if turned not in mirrored and known.reduce(turned) != known.reduced(mirrored):
            solved = known.solved((turned, mirrored))
            if solved is not None:
                known.add(solved)
    stated = known.rules
    return Algebra(tuple(letters), tuple(stated), confluent)


def _of_kinds(algebra: Algebra) -> list[Rule]:
    one = Fraction(1)
    rules: list[Rule] = []
    for i, letter in enumerate(algebra.letters):
        j = algebra.adjoints[i]
        if letter.kind == "projector":
            rules.append(((i, i), {(i,): one}))
        elif letter.kind == "observable":
            rules.append(((i, i), {(): one}))
        elif letter.kind == "unitary":
            rules.append(((j, i), {(): one}))
        elif letter.kind == "imaginary" and not letter.dagger:
            rules += [((j,), {(i,): -one}), ((i, i), {(): -one})]
    measured: dict[tuple[str | None, str], list[int]] = {}
    for i, letter in enumerate(algebra.letters):
        if letter.measurement:
            measured.setdefault((letter.party, letter.measurement), []).append(i)
    for group in measured.values():
        rules += [((i, j), {}) for i in group for j in group if i != j]
    return rules


def _of_commuting(algebra: Algebra, pairs: set[tuple[Operator, Operator]]) -> list[Rule]:
    """Letters that commute are sorted: the imaginary unit first, then party by party."""
    rules: list[Rule] = []
    for j, later in enumerate(algebra.letters):
        for i, letter in enumerate(algebra.letters[:j]):
            if later.kind == "imaginary" or letter.dagger * (letter.kind == "imaginary"):
                continue
            plain, other = (o.adjoint if o.dagger else o for o in (letter, later))
            apart = letter.party is not None and later.party is not None and letter.party != later.party
            if apart or letter.kind == "imaginary" or (plain, other) in pairs or (other, plain) in pairs:
                rules.append(((j, i), {(i, j): Fraction(1)}))
    return rules


def _of_user(algebra: Algebra, left: Polynomial, right: Polynomial) -> list[Rule]:
    """A rule in words of numbers. The left side is one word, which a factor may stand before."""
    terms = algebra.terms(left, "the left side of a rule")
    if len(terms) != 1 or () in terms:
        raise InvalidInput(
            f"the left side of a rule must be one word, such as x*y, not {left}; write an equality of sums as an "
            "equality of the problem."
        )
    (word, factor), *_ = terms.items()
    image = {w: value / factor for w, value in algebra.terms(right, "the right side of a rule").items()}
    if image == {word: Fraction(1)}:
        return []
    return [(word, image)]
