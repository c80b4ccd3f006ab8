"""A Bell expression with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdpbound.arguments import instance, numbered
from sdpbound.bell.expression import BellExpression
from sdpbound.errors import InvalidParameter

__all__ = ["BellInequality", "KnownValue"]

#: What a known value is: the maximum itself, proven by a formula, or a bound on it.
SIDES = ("exact", "lower", "upper")


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value of the literature, or one computed for the catalogue.

    Parameters
    ----------
    value : float
    side : "exact", "lower" or "upper"
        Exact: the maximum, by a formula. Lower: devices reach it. Upper: a relaxation or theorem gives it.
    source : str
        Where it is from, or how it was computed.
    error : float
        How far rounding may have moved it: half a unit of its last digit, 0 for formulas in floating point.

    >>> float(KnownValue(0.25, "lower", "two qubits"))
    0.25
    """

    value: float
    side: str
    source: str
    error: float = 0.0

    def __post_init__(self) -> None:
        numbered(self.value, "a known value")
        if self.side not in SIDES:
            raise InvalidParameter(f"side = {self.side!r:.60} must be {', '.join(SIDES[:-1])} or {SIDES[-1]}.")
        if numbered(self.error, "error") < 0.0:
            raise InvalidParameter(f"error = {self.error} must be at least 0.")

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True, eq=False, repr=False)
class BellInequality(BellExpression):
    """A Bell inequality: an expression with its local, quantum and no-signaling maxima, and their sources.

    It is a :class:`~sdpbound.BellExpression` wherever one is asked for; sums and relabellings of it are plain
    expressions, of which nothing is known. :func:`~sdpbound.inequality` makes it.

    Parameters
    ----------
    scenario, coefficients, name
        As of a :class:`~sdpbound.BellExpression`.
    key : str
        The name that :func:`~sdpbound.inequality` takes, such as "cglmp(3)".
    source : str
        Where the expression is from.
    local : float or None
        The largest value of local behaviours, exact up to rounding; ``local_bound`` enumerates it again. None where
        no formula is known and there are too many strategies.
    quantum : KnownValue or None
        The best that is known of the largest quantum value: exact, or reached by devices (side "lower").
    quantum_upper : KnownValue or None
        A bound from above where ``quantum`` is not exact.
    no_signaling : float or None
        The largest value of no-signaling behaviours, exact up to rounding.

    >>> expression = BellExpression.from_correlators([[1, 1], [1, -1]], name="CHSH")
    >>> known = KnownValue(8**0.5, "exact", "Tsirelson 1980")
    >>> BellInequality(expression.scenario, expression.coefficients, "CHSH", local=2.0, quantum=known, no_signaling=4.0)
    CHSH: <A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>
    """

    key: str = field(default="", kw_only=True)
    source: str = field(default="", kw_only=True)
    local: float | None = field(default=None, kw_only=True)
    quantum: KnownValue | None = field(default=None, kw_only=True)
    quantum_upper: KnownValue | None = field(default=None, kw_only=True)
    no_signaling: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        BellExpression.__post_init__(self)
        for number, name in ((self.local, "the local maximum"), (self.no_signaling, "the no-signaling maximum")):
            if number is not None:
                numbered(number, name)
        for value, name in ((self.quantum, "quantum"), (self.quantum_upper, "quantum_upper")):
            if value is not None:
                instance(value, KnownValue, name, "KnownValue(0.25, 'lower', 'two qubits')")

    @property
    def expression(self) -> BellExpression:
        """The expression alone."""
        return BellExpression(self.scenario, self.coefficients, self.name)
