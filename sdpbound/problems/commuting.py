"""Pairs of operators that commute, as a user gives them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.problems.expressions import Operator, Polynomial, polynomial

__all__ = ["pairs_of"]

Pair = tuple[Operator, Operator]


def pairs_of(entries: Iterable[object], operators: Collection[object]) -> tuple[Pair, ...]:
    """The pairs of operators that commute, adjoints left out.

    An entry is a pair of operators, or of polynomials of one operator each, such as the effects of a measurement of two
    outcomes: ``1 - P`` commutes with what P commutes with. A pair with a polynomial of several operators, such as the
    last effect of a measurement, is allowed where it follows from the other pairs. InvalidInput otherwise.
    """
    found: dict[Pair, None] = {}
    later: list[tuple[object, list[Pair]]] = []
    for entry in entries:
        if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != 2:
            raise InvalidInput(f"commuting has {entry!r:.80}; each entry must be a pair such as (x, y).")
        left, right = (_operators_of(one, entry, operators) for one in entry)
        pairs = [(one, other) for one in left for other in right]
        if len(pairs) == 1:
            found[pairs[0]] = None
        elif pairs:
            later.append((entry, pairs))
    for entry, pairs in later:
        if not all(_follows(one, other, found) for one, other in pairs):
            raise InvalidInput(
                f"commuting has {entry!r:.120}, with a sum of several operators, and does not follow from the other "
                "pairs; give a pair for each operator of the sum, or write it as an equality, p*q - q*p."
            )
    return tuple(found)


def _follows(one: Operator, other: Operator, known: Collection[Pair]) -> bool:
    apart = one.party is not None and other.party is not None and one.party != other.party
    same = one == other and one.hermitian
    same |= bool(one.measurement) and (one.measurement, one.party) == (other.measurement, other.party)
    return apart or same or "imaginary" in (one.kind, other.kind) or (one, other) in known or (other, one) in known


def _operators_of(value: object, entry: object, operators: Collection[object]) -> tuple[Operator, ...]:
    """The operators of a polynomial that is a sum of a number and multiples of operators."""
    if not isinstance(value, (Operator, Polynomial)):
        raise InvalidInput(
            f"commuting has {entry!r:.80}, with {value!r:.40}; each entry must be a pair of operators, or of effects "
            "of measurements."
        )
    given = polynomial(value)
    if given.degree > 1:
        raise InvalidInput(
            f"commuting has {entry!r:.80}, with the product {value!r:.40}; give pairs of operators, or write it as an "
            "equality, p*q - q*p."
        )
    for operator in given.operators:
        if operator not in operators:
            raise InvalidParameter(
                f"commuting has the operator {operator}, which the problem does not have; its operators are "
                f"{', '.join(map(str, operators))}."
            )
    return given.operators
