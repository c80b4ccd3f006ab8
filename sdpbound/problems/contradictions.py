"""Statements that contradict each other, found before anything is solved, and named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TypeVar

from sdpbound.errors import InvalidInput
from sdpbound.problems.algebra import Algebra
from sdpbound.problems.expressions import Polynomial
from sdpbound.problems.rules import Contradiction, Terms

__all__ = ["named_rules", "require_no_false_sum"]

Key = TypeVar("Key", int, tuple[int, ...])
StatedRule = tuple[Polynomial, Polynomial]
#: Most rules of which those that matter are looked for, and most terms of equalities that are combined.
_MOST_RULES, _MOST_TERMS = 24, 20_000
#: Most equalities that are named, and most characters of one.
_MOST_NAMED, _LONGEST = 6, 80


def named_rules(
    found: Contradiction, rules: Sequence[StatedRule], algebra: Callable[[Sequence[StatedRule]], Algebra]
) -> InvalidInput:
    """The error about rules that contradict each other, with the rules that do: none of them can be left out.

    ``algebra`` makes the letters with some of the rules.
    """
    if not 0 < len(rules) <= _MOST_RULES:
        return found
    kept = list(rules)
    for rule in rules:
        fewer = [other for other in kept if other is not rule]
        try:
            _ = algebra(fewer).derived
        except Contradiction:
            kept = fewer
        except InvalidInput:
            continue
    if not kept:
        return found
    said = " and ".join(f"{left} = {_short(str(right))}" for left, right in kept)
    return InvalidInput(
        f"the rules contradict each other: from {said}, their adjoints, the kinds of the operators and what "
        f"commutes, 1 = 0 follows; take away or change {'one of these rules' if len(kept) > 1 else 'this rule'}."
    )


def require_no_false_sum(algebra: Algebra, equalities: Sequence[Polynomial]) -> None:
    """Refuse equalities of which a linear combination is a number other than 0 by the rules.

    Combinations of multiples ``left e right`` and of adjoints are left to the level, where a certificate says it.
    """
    rows: dict[tuple[int, ...], tuple[Terms, dict[int, Fraction]]] = {}
    size = 0
    for k, equality in enumerate(equalities):
        terms = algebra.rewriting.reduced(algebra.terms(equality, "an equality"))
        if terms.keys() == {()}:
            raise InvalidInput(f"the equality {equality} = 0 is {terms[()]} = 0 by the rules, which is false.")
        size += len(terms)
        if size > _MOST_TERMS:
            continue  # those left are read only
        parts = {k: Fraction(1)}
        while terms:
            lead = max(terms, key=lambda word: (len(word), word))
            if not lead:
                raise InvalidInput(_false_sum(equalities, parts))
            if lead not in rows:
                rows[lead] = (terms, parts)
                size += len(terms)
                break
            factor = -terms[lead] / rows[lead][0][lead]
            _add(terms, rows[lead][0], factor)
            _add(parts, rows[lead][1], factor)


def _add(total: dict[Key, Fraction], other: dict[Key, Fraction], factor: Fraction) -> None:
    for key, value in other.items():
        moved = total.get(key, Fraction(0)) + factor * value
        if moved:
            total[key] = moved
        else:
            total.pop(key, None)


def _false_sum(equalities: Sequence[Polynomial], parts: Iterable[int]) -> str:
    said = _joined(f"{_short(str(equalities[k]))} = 0" for k in sorted(parts))
    return (
        f"the equalities {said} contradict each other: a sum of multiples of them is 1 = 0 by the rules; take "
        "away or change one of them."
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _joined(texts: Iterable[str]) -> str:
    given = list(texts)
    shown = given[:_MOST_NAMED] + [f"{len(given) - _MOST_NAMED} others"] * (len(given) > _MOST_NAMED)
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else shown[0]
