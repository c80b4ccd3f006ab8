"""Rules of operators on words of numbers: normal forms, what follows from overlaps, and norms.

A rule ``(left, right)`` says that the word ``left`` is the polynomial ``right``. A word is read from its left end; as
soon as the end of what was read is a left side, the shortest such, it is replaced and reading goes on with what came in
its place. Every step is an identity that the rules state, so the result is one, whether or not the order of steps
matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sdpbound.errors import InvalidInput

__all__ = ["Contradiction", "Derived", "Rewriting", "Rule", "Terms", "Word", "completed", "norms"]

Word = tuple[int, ...]
Terms = dict[Word, Fraction]
Rule = tuple[Word, Terms]
#: A rule that follows: itself, and the word with the two rules and places whose results it compares.
Derived = tuple[Rule, tuple[Word, int, int, int, int]]

#: Steps that one word may take before its rules are said not to end.
MOST_STEPS = 20_000
#: Rules that are derived, overlaps that are looked at, and letters of an overlap: further ones would only tighten.
MOST_DERIVED, MOST_OVERLAPS, LONGEST_OVERLAP = 200, 40_000, 12


class Contradiction(InvalidInput):
    """Rules from which it follows that a number other than 0 is 0."""


class Rewriting:
    """Normal forms by some rules; remembered."""

    def __init__(self, rules: Sequence[Rule], adjoints: Sequence[int], names: Sequence[str] = ()) -> None:
        self.rules = list(rules)
        self._adjoints = tuple(adjoints)
        self._names = tuple(names)
        self._right: dict[Word, Terms] = {}
        self._forms: dict[Word, Terms] = {}
        self._canonical: dict[Word, Terms] = {}
        for rule in self.rules:
            self._right.setdefault(*rule)
        self._lengths = sorted({len(left) for left in self._right})

    def add(self, rule: Rule) -> None:
        self.rules.append(rule)
        self._right.setdefault(*rule)
        self._lengths = sorted({len(left) for left in self._right})
        self._forms.clear()
        self._canonical.clear()

    def solved(self, rule: Rule) -> Rule | None:
        """A further rule, solved for its left side where the present rules lead from its right side back to it.

        ``w = c w + rest`` is used for ever as it stands, and says ``w = rest / (1 - c)``; with c = 1 it says that rest
        is 0, and then the largest word of rest is replaced. None where rest is 0 anyway.
        """
        left, right = rule
        if left in right:
            return rule
        rest = self.reduced(right)
        own = rest.pop(left, Fraction(0))
        if own != 1:
            return (left, {word: value / (1 - own) for word, value in rest.items()}) if own else rule
        if rest.keys() == {()}:
            raise Contradiction(
                f"the rules contradict each other: the rule for {self.shown(left)} or its adjoint and other rules give "
                f"{self.shown(left)} = {self.shown(left)} + ({rest[()]}); take away or change one of the rules."
            )
        return _leading(rest) if rest else None

    def adjoint(self, word: Word) -> Word:
        return tuple(self._adjoints[letter] for letter in reversed(word))

    def reduce(self, word: Word) -> Terms:
        """The normal form of a word."""
        known = self._forms.get(word)
        if known is None:
            known = self._forms[word] = self._reduced(word)
        return known

    def reduced(self, terms: Terms) -> Terms:
        """The normal form of a polynomial."""
        total: Terms = {}
        for word, value in terms.items():
            for form, factor in self.reduce(word).items():
                total[form] = total.get(form, Fraction(0)) + value * factor
        return {word: value for word, value in total.items() if value}

    def canonical(self, word: Word) -> Terms:
        """The normal form with a word and its adjoint taken together, as real moments are: the smaller one is named."""
        known = self._canonical.get(word)
        if known is None:
            known = {}
            for form, factor in self.reduce(word).items():
                for name, sign in self._named(form).items():
                    known[name] = known.get(name, Fraction(0)) + factor * sign
            known = self._canonical[word] = {name: value for name, value in known.items() if value}
        return known

    def canonicals(self, terms: Terms) -> Terms:
        """As :meth:`canonical`, of a polynomial."""
        total: Terms = {}
        for word, value in terms.items():
            for form, factor in self.canonical(word).items():
                total[form] = total.get(form, Fraction(0)) + value * factor
        return {word: value for word, value in total.items() if value}

    def _named(self, form: Word) -> Terms:
        """A normal word in names: its adjoint has the same real mean, and smaller words are taken where that helps.

        If ``w* = c w + rest`` then ``<w> = <rest> / (1 - c)``; c = 1 says nothing of w.
        """
        turned = self.reduce(self.adjoint(form))
        own = turned.get(form, Fraction(0))
        rest = {word: value for word, value in turned.items() if word != form}
        if own == 1 or any((len(word), word) > (len(form), form) for word in rest):
            return {form: Fraction(1)}
        return self.canonicals({word: value / (1 - own) for word, value in rest.items()})

    def _reduced(self, word: Word) -> Terms:
        total: Terms = {}
        waiting: list[tuple[list[int], list[int], Fraction]] = [([], list(reversed(word)), Fraction(1))]
        steps = 0
        while waiting:
            read, left, factor = waiting.pop()
            while left and factor:
                read.append(left.pop())
                right = self._ending(read)
                if right is None:
                    continue
                steps += 1
                if steps > MOST_STEPS:
                    raise InvalidInput(
                        f"the rules do not end on the word {self.shown(word)}: after {MOST_STEPS} steps it is still "
                        "changing; turn a rule round so that words become shorter or sorted, and look for rules that "
                        "contradict each other."
                    )
                others = list(right.items())
                for term, value in others[1:]:
                    waiting.append((read.copy(), [*left, *reversed(term)], factor * value))
                if others:
                    left.extend(reversed(others[0][0]))
                    factor *= others[0][1]
                else:
                    factor = Fraction(0)
            if factor:
                form = tuple(read)
                total[form] = total.get(form, Fraction(0)) + factor
        return {form: value for form, value in total.items() if value}

    def _ending(self, read: list[int]) -> Terms | None:
        """What the shortest left side at the end of a word is replaced by, that left side taken away; or None."""
        for length in self._lengths:
            if length <= len(read):
                found = self._right.get(tuple(read[-length:]))
                if found is not None:
                    del read[-length:]
                    return found
        return None

    def shown(self, word: Word) -> str:
        return "*".join(self._names[letter] if letter < len(self._names) else str(letter) for letter in word) or "1"


def _replaced(word: Word, rule: Rule, place: int) -> Terms:
    left, right = rule
    return {word[:place] + term + word[place + len(left) :]: value for term, value in right.items()}


def completed(rewriting: Rewriting, confluent: int = 0) -> tuple[Derived, ...]:
    """Rules that follow from words in which two rules overlap; they are added to ``rewriting``.

    Of the first ``confluent`` rules it is known that they do not disagree with each other.

    Where the two results have different normal forms, their difference is zero, and its largest word (longest, then
    last in the order of the letters) is replaced by the rest. InvalidInput if a number other than 0 is zero.
    """
    found: list[Derived] = []
    seen = 0
    done: set[tuple[int, int]] = set()
    while True:
        count = len(rewriting.rules)
        pairs = [(i, j) for i in range(count) for j in range(count) if max(i, j) >= confluent and (i, j) not in done]
        if not pairs or len(found) >= MOST_DERIVED:
            return tuple(found)
        for i, j in pairs:
            done.add((i, j))
            if rewriting.rules[j][0][0] not in rewriting.rules[i][0]:
                continue
            for word, p, q in _overlaps(rewriting.rules[i][0], rewriting.rules[j][0], i == j):
                seen += 1
                if seen > MOST_OVERLAPS or len(found) >= MOST_DERIVED:
                    return tuple(found)
                rule = _difference(rewriting, word, i, p, j, q)
                if rule is not None:
                    found.append((rule, (word, i, p, j, q)))
                    rewriting.add(rule)


def _overlaps(first: Word, second: Word, same: bool) -> list[tuple[Word, int, int]]:
    """Words in which the end of the first is the beginning of the second, or the second is inside the first."""
    out = []
    for k in range(1, min(len(first), len(second))):
        if first[-k:] == second[:k] and len(first) + len(second) - k <= LONGEST_OVERLAP:
            out.append((first + second[k:], 0, len(first) - k))
    if not same and len(second) <= len(first) <= LONGEST_OVERLAP:
        for k in range(len(first) - len(second) + 1):
            if first[k : k + len(second)] == second:
                out.append((first, 0, k))
    return out


def _difference(rewriting: Rewriting, word: Word, i: int, p: int, j: int, q: int) -> Rule | None:
    one = rewriting.reduced(_replaced(word, rewriting.rules[i], p))
    other = rewriting.reduced(_replaced(word, rewriting.rules[j], q))
    difference = {form: one.get(form, Fraction(0)) - other.get(form, Fraction(0)) for form in {**one, **other}}
    difference = {form: value for form, value in difference.items() if value}
    if not difference:
        return None
    if difference.keys() == {()}:
        raise Contradiction(
            f"the rules contradict each other: the word {rewriting.shown(word)} can be rewritten in two ways, from "
            f"which {difference[()]} = 0 follows; take away or change one of the rules for "
            f"{rewriting.shown(rewriting.rules[i][0])} and {rewriting.shown(rewriting.rules[j][0])}."
        )
    return _leading(difference)


def _leading(zero: Terms) -> Rule:
    """A polynomial that is 0 as a rule for its largest word: the longest, then the last in the order of letters."""
    lead = max(zero, key=lambda form: (len(form), form))
    return lead, {form: -value / zero[lead] for form, value in zero.items() if form != lead}


def norms(rules: Sequence[Rule], adjoints: Sequence[int]) -> list[Fraction | None]:
    """For each letter a number that its norm does not exceed, where the rules show one; else None.

    ``a* a = c - sum_k c_k b_k* b_k`` with ``c_k >= 0`` gives ``|a|^2 <= c``, and c is at least 1 here or taken as 1; a
    projector, ``a = a*`` and ``a a = a``, has 1. An operator and its adjoint have the same norm.
    """
    found: list[Fraction | None] = [None] * len(adjoints)

    def learn(letter: int, value: Fraction) -> None:
        value = max(value, Fraction(1))
        for one in (letter, adjoints[letter]):
            old = found[one]
            found[one] = value if old is None else min(old, value)

    for left, right in rules:
        if len(left) != 2:
            continue
        a = left[1]
        if left[0] == adjoints[a] == a and right == {(a,): Fraction(1)}:
            learn(a, Fraction(1))
        if left[0] == adjoints[a]:
            squares = [w for w in right if w]
            if all(len(w) == 2 and w[0] == adjoints[w[1]] and right[w] <= 0 for w in squares) and () in right:
                c = right[()]
                learn(a, c)
                for w in squares:
                    learn(w[1], c / -right[w])
    return found
