"""A problem of operators: what is known of them and of the state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real

from sdpbound.arguments import instance
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.problems.algebra import Algebra, algebra_of
from sdpbound.problems.commuting import pairs_of
from sdpbound.problems.contradictions import named_rules, require_no_false_sum
from sdpbound.problems.expressions import Expression, Operator, Polynomial, polynomial
from sdpbound.problems.rules import Contradiction

__all__ = ["Interval", "Statement"]

#: Most operators, and most constraints of one kind.
MOST_OPERATORS, MOST_CONSTRAINTS = 200, 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """The mean of a polynomial lies between two numbers, one of which may be infinite; equal ones are an equality."""

    expression: Polynomial
    low: Fraction | None
    high: Fraction | None

    @classmethod
    def read(cls, entry: object) -> Interval:
        if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != 3:
            raise InvalidInput(
                f"the moment condition {entry!r:.80} must be (expression, low, high), such as (x*y, 0, 1)."
            )
        low, high = (_end(value, side) for value, side in zip(entry[1:], (-1, 1), strict=True))
        if low is None and high is None:
            raise InvalidParameter(f"the moment condition on {entry[0]} has no finite end; leave it out.")
        if low is not None and high is not None and low > high:
            raise InvalidParameter(
                f"the moment condition on {entry[0]} has low = {float(low)!r} above high = {float(high)!r}; swap them."
            )
        return cls(polynomial(entry[0]), low, high)

    @property
    def is_equality(self) -> bool:
        return self.low is not None and self.low == self.high


def _end(value: object, side: int) -> Fraction | None:
    if isinstance(value, Fraction) or (isinstance(value, int) and not isinstance(value, bool)):
        return Fraction(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        if math.isfinite(value):
            return Fraction(float(value))
        if value == side * math.inf:
            return None
    if value is None:
        return None
    raise InvalidParameter(f"the end {value!r:.60} of an interval must be a real number, or infinite on its own side.")


@dataclass(frozen=True, eq=False)
class Statement:
    """Operators with rules, and conditions on them and on a state; see :class:`sdpbound.problems.Problem`."""

    operators: Sequence[Operator | Polynomial]
    rules: Sequence[tuple[Expression, Expression]] = ()
    commuting: Sequence[tuple[Expression, Expression]] = ()
    equalities: Sequence[Expression] = ()
    inequalities: Sequence[Expression] = ()
    moments: Sequence[tuple[Expression, float | Fraction | None, float | Fraction | None]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "operators", _distinct(_listed(self.operators, "operators")))
        object.__setattr__(self, "rules", tuple(map(_rule, _listed(self.rules, "rules"))))
        object.__setattr__(self, "commuting", pairs_of(_listed(self.commuting, "commuting"), self.operators))
        for name in ("equalities", "inequalities"):
            object.__setattr__(self, name, tuple(map(polynomial, _listed(getattr(self, name), name))))
        object.__setattr__(self, "moments", tuple(map(Interval.read, _listed(self.moments, "moments"))))
        if max(map(len, (self.equalities, self.inequalities, self.moments))) > MOST_CONSTRAINTS:
            raise InvalidParameter(f"a problem has at most {MOST_CONSTRAINTS} conditions of one kind.")
        try:
            _ = self.algebra.derived
        except Contradiction as found:
            raise named_rules(found, self._own_rules, self._with) from None
        for g in self.positive:
            _require_sensible_inequality(self.algebra, g)
        require_no_false_sum(self.algebra, self.equal)
        for interval in self.intervals:
            self.algebra.terms(interval.expression, "a moment condition")

    @property
    def equal(self) -> tuple[Polynomial, ...]:
        """The polynomials that are 0."""
        return tuple(map(polynomial, self.equalities))

    @property
    def positive(self) -> tuple[Polynomial, ...]:
        """The polynomials that are not negative."""
        return tuple(map(polynomial, self.inequalities))

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The moment conditions, read."""
        return self.moments  # type: ignore[return-value]  # made so by __post_init__

    @cached_property
    def algebra(self) -> Algebra:
        """Letters and rules."""
        return self._with(self._own_rules)

    @property
    def _own_rules(self) -> list[tuple[Polynomial, Polynomial]]:
        return [(polynomial(left), polynomial(right)) for left, right in self.rules]

    def _with(self, rules: Sequence[tuple[Polynomial, Polynomial]]) -> Algebra:
        """The algebra with some of the rules."""
        operators = [operator for operator in self.operators if isinstance(operator, Operator)]
        return algebra_of(operators, rules, self.commuting)  # type: ignore[arg-type]  # pairs by __post_init__


def _distinct(given: list[object]) -> tuple[Operator, ...]:
    """The operators of a list, effects of measurements among them, each once and without adjoints."""
    found: dict[Operator, None] = {}
    for entry in given:
        for one in entry.operators if isinstance(entry, Polynomial) else [entry]:
            operator = instance(one, Operator, "an operator", "Operator.observables('A0 A1', party='A')")
            found[operator.adjoint if operator.dagger else operator] = None
    names = [operator.name for operator in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidParameter(f"two operators have the name {twice!r}; give each a name of its own.")
    if not 1 <= len(found) <= MOST_OPERATORS:
        raise InvalidParameter(f"a problem has 1 to {MOST_OPERATORS} operators, not {len(found)}.")
    if sum(operator.kind == "imaginary" for operator in found) > 1:
        raise InvalidParameter("a problem has one imaginary unit at most; use the same one everywhere.")
    return tuple(found)


def _require_sensible_inequality(algebra: Algebra, g: Polynomial) -> None:
    terms = algebra.rewriting.reduced(algebra.terms(g, "an inequality"))
    turned = {algebra.rewriting.adjoint(word): value for word, value in terms.items()}
    if algebra.rewriting.reduced(turned) != terms:
        raise InvalidInput(f"the inequality {g} >= 0 is not Hermitian by the rules; add its adjoint and halve it.")
    if set(terms) <= {()} and terms.get((), Fraction(0)) < 0:
        raise InvalidInput(f"the inequality {g} >= 0 is {terms[()]} >= 0 by the rules, which is false.")


def _listed(value: object, name: str) -> list[object]:
    if isinstance(value, (str, Polynomial, Operator)) or not isinstance(value, Iterable):
        raise InvalidInput(f"{name} = {value!r:.60} must be a list.")
    if hasattr(value, "items"):
        return list(value.items())
    return list(value)


def _rule(entry: object) -> tuple[Polynomial, Polynomial]:
    if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != 2:
        raise InvalidInput(f"the rule {entry!r:.80} must be (word, what it is), such as (x*x, x) or (Z*X, -X*Z).")
    return polynomial(entry[0]), polynomial(entry[1])
