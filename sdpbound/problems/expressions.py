"""Operators by name, and polynomials in them: what a user writes a problem with. Exact, and free of any rule."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational, Real
from types import MappingProxyType

from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["KINDS", "Expression", "Operator", "Polynomial", "polynomial", "sum_of"]

#: What is known of an operator, and so of its norm: see :class:`Operator`.
KINDS = ("projector", "observable", "unitary", "hermitian", "general", "imaginary")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_|']{0,39}")
_MOST_POWER = 64


class _Arithmetic(ABC):
    """Sums and products, which are polynomials. Numbers are multiples of the identity."""

    __slots__ = ()

    def __add__(self, other: Expression) -> Polynomial:
        return sum_of([polynomial(self), polynomial(other)])

    def __radd__(self, other: Expression) -> Polynomial:
        return sum_of([polynomial(other), polynomial(self)])

    def __sub__(self, other: Expression) -> Polynomial:
        return sum_of([polynomial(self), -polynomial(other)])

    def __rsub__(self, other: Expression) -> Polynomial:
        return sum_of([polynomial(other), -polynomial(self)])

    def __neg__(self) -> Polynomial:
        return Polynomial({word: -value for word, value in polynomial(self).terms.items()})

    def __mul__(self, other: Expression) -> Polynomial:
        return _product(polynomial(self), polynomial(other))

    def __rmul__(self, other: Expression) -> Polynomial:
        return _product(polynomial(other), polynomial(self))

    def __truediv__(self, other: float | Fraction) -> Polynomial:
        value = _number(other)
        if not value:
            raise InvalidParameter("a polynomial cannot be divided by 0.")
        return self * (1 / value)

    def __pow__(self, exponent: int) -> Polynomial:
        if isinstance(exponent, bool) or not isinstance(exponent, int) or not 0 <= exponent <= _MOST_POWER:
            raise InvalidParameter(f"the exponent {exponent!r:.60} must be an integer from 0 to {_MOST_POWER}.")
        result = polynomial(1)
        for _ in range(exponent):
            result = result * self
        return result

    @property
    @abstractmethod
    def adjoint(self) -> Expression:
        """The adjoint operator."""


@dataclass(frozen=True, slots=True)
class Operator(_Arithmetic):
    """An operator with a name, of which only its kind is known.

    Use the class methods: ``Operator.projector("P")``, or several at once, ``Operator.observables("A0 A1",
    party="A")``.

    ===========  ====================================================================
    projector    ``P* = P``, ``P P = P``; those of one ``measurement`` are orthogonal
    observable   ``O* = O``, ``O O = 1``
    unitary      ``U* U = U U* = 1``; ``U.adjoint`` is ``U*``
    hermitian    ``x* = x``
    general      nothing; ``a.adjoint`` is ``a*``
    imaginary    ``i* = -i``, ``i i = -1``, and it commutes with everything
    ===========  ====================================================================

    Attributes
    ----------
    name : letters, digits, ``_``, ``|`` and ``'``, a letter first
    kind : one of the table
    party : operators of two named parties commute; None for an operator that commutes with none
    measurement : name of the measurement that a projector belongs to, or ""
    dagger : whether this is the adjoint of the operator of that name

    >>> x, y = Operator.hermitians("x y")
    >>> print(2 * x * y - y**2 + 1)
    1 + 2*x*y - y*y
    """

    name: str
    kind: str = "hermitian"
    party: str | None = None
    measurement: str = ""
    dagger: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise InvalidParameter(
                f"the operator name {self.name!r:.60} must be of letters, digits, _, | and ', a letter first, at most "
                "40 of them; write it like 'A0'."
            )
        if self.kind not in KINDS:
            raise InvalidParameter(f"kind = {self.kind!r:.60} of an operator must be one of {', '.join(KINDS)}.")
        if self.party is not None and (not isinstance(self.party, str) or not _NAME.fullmatch(self.party)):
            raise InvalidParameter(f"party = {self.party!r:.60} must be a name such as 'A', or None.")
        if self.measurement and self.kind != "projector":
            raise InvalidParameter(f"{self.name} is of kind {self.kind}; only projectors belong to a measurement.")
        if self.dagger and self.hermitian:
            raise InvalidParameter(f"{self.name} is of kind {self.kind} and its own adjoint; leave dagger out.")

    @classmethod
    def projector(cls, name: str, party: str | None = None) -> Operator:
        """A projector, ``P P = P = P*``."""
        return cls(name, "projector", party)

    @classmethod
    def projectors(cls, names: str, party: str | None = None) -> tuple[Operator, ...]:
        """Projectors, orthogonal or not, one for each name of a text such as ``"P Q"``."""
        return tuple(cls(name, "projector", party) for name in _names(names))

    @classmethod
    def measured(cls, name: str, outcomes: int, party: str | None = None) -> tuple[Polynomial, ...]:
        """The effects of a projective measurement: orthogonal projectors that add up to 1, the last one 1 less the
        rest.

        >>> for effect in Operator.measured("A0", 3): print(effect)
        A0|0
        A0|1
        1 - A0|0 - A0|1
        """
        if isinstance(outcomes, bool) or not isinstance(outcomes, int) or not 2 <= outcomes <= 64:
            raise InvalidParameter(f"outcomes = {outcomes!r:.60} of a measurement must be an integer from 2 to 64.")
        own = [polynomial(cls(f"{name}|{a}", "projector", party, name)) for a in range(outcomes - 1)]
        return (*own, 1 - sum_of(own))

    @classmethod
    def observables(cls, names: str, party: str | None = None) -> tuple[Operator, ...]:
        """Observables with the outcomes 1 and -1, ``O O = 1``, one for each name of a text such as ``"A0 A1"``."""
        return tuple(cls(name, "observable", party) for name in _names(names))

    @classmethod
    def unitaries(cls, names: str, party: str | None = None) -> tuple[Operator, ...]:
        """Unitary operators, ``U* U = U U* = 1``, one for each name."""
        return tuple(cls(name, "unitary", party) for name in _names(names))

    @classmethod
    def hermitians(cls, names: str, party: str | None = None) -> tuple[Operator, ...]:
        """Hermitian operators of any norm, one for each name."""
        return tuple(cls(name, "hermitian", party) for name in _names(names))

    @classmethod
    def general(cls, names: str, party: str | None = None) -> tuple[Operator, ...]:
        """Operators of which nothing is known, one for each name; each comes with its adjoint."""
        return tuple(cls(name, "general", party) for name in _names(names))

    @classmethod
    def imaginary(cls, name: str = "i") -> Operator:
        """The imaginary unit as an operator, for rules such as ``X Y = i Z``. Coefficients stay real."""
        return cls(name, "imaginary")

    @property
    def hermitian(self) -> bool:
        return self.kind in ("projector", "observable", "hermitian")

    @property
    def adjoint(self) -> Operator:
        """The adjoint; that of the imaginary unit is written ``i*`` and is a rule's ``-i``."""
        if self.hermitian:
            return self
        return Operator(self.name, self.kind, self.party, self.measurement, not self.dagger)

    def __str__(self) -> str:
        return self.name + "†" * self.dagger

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        return f"${polynomial(self).latex()}$"


Word = tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Polynomial(_Arithmetic):
    """A sum of words, products of operators in their order, with exact rational coefficients; the empty word is 1.

    Attributes
    ----------
    terms : read-only mapping from words (tuples of operators) to fractions, without zeros, short words first
    """

    terms: Mapping[Word, Fraction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {word: value for word, value in self.terms.items() if value}
        ordered = dict(sorted(kept.items(), key=lambda item: (len(item[0]), [str(o) for o in item[0]])))
        object.__setattr__(self, "terms", MappingProxyType(ordered))

    @property
    def adjoint(self) -> Polynomial:
        return Polynomial(
            {tuple(operator.adjoint for operator in reversed(word)): value for word, value in self.terms.items()}
        )

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators that occur, each once, adjoints named as the operators themselves."""
        found: dict[Operator, None] = {}
        for word in self.terms:
            for operator in word:
                found[operator.adjoint if operator.dagger else operator] = None
        return tuple(found)

    @property
    def degree(self) -> int:
        """Length of the longest word; 0 of a number."""
        return max(map(len, self.terms), default=0)

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Polynomial):
            return dict(self.terms) == dict(other.terms)
        return NotImplemented

    def __str__(self) -> str:
        return _written(self.terms, lambda word: "*".join(map(str, word)), "*")

    def __repr__(self) -> str:
        text = str(self)
        return text if len(text) <= 300 else f"{text[:280]} ... ({len(self.terms)} terms)"

    def latex(self) -> str:
        """The polynomial in LaTeX, without dollar signs."""
        return _written(self.terms, lambda word: " ".join(map(_latex, word)), r"\,")

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


Expression = Operator | Polynomial | int | float | Fraction


def polynomial(value: object) -> Polynomial:
    """An operator, polynomial or number as a polynomial."""
    if isinstance(value, Polynomial):
        return value
    if isinstance(value, Operator):
        return Polynomial({(value,): Fraction(1)})
    return Polynomial({(): _number(value)})


def sum_of(parts: Iterable[Polynomial]) -> Polynomial:
    """A sum; the empty one is 0."""
    total: dict[Word, Fraction] = {}
    for part in parts:
        for word, value in part.terms.items():
            total[word] = total.get(word, Fraction(0)) + value
    return Polynomial(total)


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    total: dict[Word, Fraction] = {}
    for one, a in left.terms.items():
        for other, b in right.terms.items():
            total[one + other] = total.get(one + other, Fraction(0)) + a * b
    return Polynomial(total)


def _number(value: object) -> Fraction:
    if isinstance(value, Rational) and not isinstance(value, bool):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return Fraction(float(value))
    if isinstance(value, complex):
        raise InvalidParameter(
            f"the coefficient {value} is complex; write it with i = Operator.imaginary(), as in x + 2*i*y."
        )
    raise InvalidInput(
        f"{value!r:.60} is no operator, polynomial or finite real number; write expressions like 2*A0*B1 - A1 + 1."
    )


def _names(names: str) -> list[str]:
    if not isinstance(names, str) or not names.replace(",", " ").split():
        raise InvalidParameter(f"names = {names!r:.60} must be a text of names such as 'A0 A1'.")
    return names.replace(",", " ").split()


def _written(terms: Mapping[Word, Fraction], of_word: object, times: str) -> str:
    assert callable(of_word)
    parts: list[str] = []
    for word, value in terms.items():
        size = _short(abs(value))
        body = of_word(word) if word else ""
        text = body if body and size == "1" else (f"{size}{times}{body}" if body else size)
        sign = "-" if value < 0 else "+"
        parts.append(f"{sign} {text}" if parts else (f"-{text}" if value < 0 else text))
    return " ".join(parts) or "0"


def _short(value: Fraction) -> str:
    """A fraction of few digits as it is, else the float next to it."""
    if value.denominator == 1 and value < 10**12:
        return str(value.numerator)
    return f"{value.numerator}/{value.denominator}" if value.denominator < 1000 else f"{float(value):.10g}"


def _latex(operator: Operator) -> str:
    found = re.fullmatch(r"([A-Za-z]+)_?([0-9].*)?(.*)", operator.name)
    assert found is not None
    head, index, rest = found[1], found[2] or "", found[3].lstrip("_")
    low = (index + rest).replace("|", r"|").replace("_", ",")
    text = head if len(head) == 1 else rf"\mathrm{{{head}}}"
    return text + (f"_{{{low}}}" if low else "") + (r"^{*}" if operator.dagger else "")
