"""Figures of merit: what a bound is about, one frozen class for each.

A figure knows its words, its entry in a certificate, its unit and its sign. A new one is a class here, or in the room
that bounds it, that fills in :class:`Figure`; figures are compared by type and fields.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from sdpbound.arguments import counted, instance, numbered
from sdpbound.bell.average import Average
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import Merge, Settings, key_words, named_key
from sdpbound.errors import InvalidParameter

__all__ = [
    "AverageEntropy",
    "BellValue",
    "BlindGuessingProbability",
    "ConditionalEntropy",
    "ConditionalMutualInformation",
    "Figure",
    "GuessingProbability",
    "MinEntropyOf",
    "RenyiEntropy",
    "SelfTestedEntropy",
    "Separation",
    "written",
]


@dataclass(frozen=True, slots=True)
class Figure(ABC):
    """A figure of merit.

    Attributes
    ----------
    kind : its name in a certificate
    unit : "" where it has none, "probability" or "bit"
    ceiling : what a program that maximises it is never worse than, proven by the zero dual; infinite if nothing is
    """

    kind: ClassVar[str]
    unit: ClassVar[str] = ""
    ceiling: ClassVar[float] = math.inf

    @property
    @abstractmethod
    def words(self) -> str:
        """The figure in the field's notation, such as "P_guess(A|x=0,E)"."""

    def entry(self) -> dict[str, Any]:
        """The figure as a certificate has it: its kind and its fields, plain data."""
        return {"kind": self.kind} | {field.name: getattr(self, field.name) for field in fields(self)}

    def sign(self, side: str) -> float:
        """+1 if a bound of this side maximises the figure itself, -1 if its negative."""
        return 1.0

    @property
    def is_probability(self) -> bool:
        return self.unit == "probability"

    @property
    def is_entropy(self) -> bool:
        """Whether it is an entropy of outcomes, given what Eve has."""
        return False

    def __str__(self) -> str:
        return self.words


def _require_settings(figure: Any, y_may_be_none: bool) -> None:
    """Settings are counted from 0; ``y`` None is Alice's outcome alone."""
    object.__setattr__(figure, "x", counted(figure.x, "x", 0))
    if figure.y is not None or not y_may_be_none:
        object.__setattr__(figure, "y", counted(figure.y, "y", 0))


def _require_key(figure: Any) -> None:
    """A key by x and y, or by the settings of all parties where x and y do not say all."""
    if figure.settings is None:
        _require_settings(figure, y_may_be_none=True)
        return
    own = tuple(None if s is None else counted(s, f"settings[{p}]", 0) for p, s in enumerate(figure.settings))
    if all(s is None for s in own):
        raise InvalidParameter(f"settings = {own} must have a setting, from 0, of at least one party.")
    x, y, settings = named_key(own)
    if figure.x not in (None, x) or figure.y not in (None, y):
        raise InvalidParameter(f"settings = {own} do not fit x = {figure.x} and y = {figure.y}; leave these None.")
    for name, value in (("x", x), ("y", y), ("settings", settings)):
        object.__setattr__(figure, name, value)


def _key_of(figure: Any) -> Settings:
    return figure.settings or (figure.x, figure.y)


def _require_merge(figure: Any) -> None:
    """Values of a function of the outcomes, 0, 1, .. without a gap; a scenario knows how many there must be."""
    if figure.merge is not None:
        own = tuple(counted(value, f"merge[{k}]", 0) for k, value in enumerate(figure.merge))
        if set(own) != set(range(len(set(own)))) or not own:
            raise InvalidParameter(f"merge = {own} must have the values 0, 1, .. without a gap.")
        object.__setattr__(figure, "merge", own)


def _key_entry(figure: Any) -> dict[str, Any]:
    """A key as a certificate has it: x and y where these say all, and what is merged only where something is."""
    asked = {"x": figure.x, "y": figure.y} if figure.settings is None else {"settings": list(figure.settings)}
    return asked if figure.merge is None else asked | {"merge": list(figure.merge)}


@dataclass(frozen=True, slots=True)
class BellValue(Figure):
    """The value of a Bell expression. Its "lower" bound is found as an upper one on the negative."""

    kind = "bell_value"
    expression: BellExpression

    def __post_init__(self) -> None:
        instance(self.expression, BellExpression, "expression", "chsh()")

    @property
    def words(self) -> str:
        return "Bell value"

    def entry(self) -> dict[str, Any]:
        return {"kind": self.kind, "coefficients": self.expression.coefficients.tolist()}

    def sign(self, side: str) -> float:
        return -1.0 if side == "lower" else 1.0


@dataclass(frozen=True, slots=True)
class Separation(Figure):
    """Zero: a negative upper bound on it at tested data proves that they lie outside the set."""

    kind = "separation"

    @property
    def words(self) -> str:
        return "zero functional at the tested data"


@dataclass(frozen=True, slots=True)
class GuessingProbability(Figure):
    """Eve's probability to guess Alice's outcome of x, or with y the pair of outcomes of x and y.

    ``settings`` ask for the outcomes of any parties: one entry for each, None where it is not asked for; x and y are
    then None, or the first two of them. ``merge`` has the key's value for each outcome, if the key is a function of it.
    """

    kind = "guessing_probability"
    unit = "probability"
    ceiling = 1.0
    x: int | None = None
    y: int | None = None
    settings: Settings | None = None
    merge: Merge | None = None

    def __post_init__(self) -> None:
        _require_key(self)
        _require_merge(self)

    @property
    def words(self) -> str:
        parties, settings = key_words(_key_of(self), self.merge)
        return f"P_guess({parties}|{settings},E)"

    def entry(self) -> dict[str, Any]:
        return {"kind": self.kind} | _key_entry(self)


@dataclass(frozen=True, slots=True)
class BlindGuessingProbability(Figure):
    """The probability that Bob, after his setting y, and Eve together guess Alice's outcome of x."""

    kind = "blind_guessing_probability"
    unit = "probability"
    ceiling = 1.0
    x: int
    y: int

    def __post_init__(self) -> None:
        _require_settings(self, y_may_be_none=False)

    @property
    def words(self) -> str:
        return f"P_guess(A|x={self.x},y={self.y},B,E)"


@dataclass(frozen=True, slots=True)
class MinEntropyOf(Figure):
    """``-log2`` of a guessing probability, in bits."""

    kind = "min_entropy"
    unit = "bit"
    ceiling = 1.0  # of the probability, which is what is maximised
    of: GuessingProbability | BlindGuessingProbability

    def __post_init__(self) -> None:
        if not isinstance(self.of, GuessingProbability | BlindGuessingProbability):
            raise InvalidParameter(f"of = {self.of!r:.60} must be a guessing probability, such as {_EXAMPLE}.")

    @property
    def words(self) -> str:
        return self.of.words.replace("P_guess", "H_min")

    def entry(self) -> dict[str, Any]:
        return {"kind": self.kind, "of": self.of.entry()}

    @property
    def is_entropy(self) -> bool:
        return True


_EXAMPLE = "GuessingProbability(0)"


def written(preprocessing: Preprocessing) -> float | list[float]:
    """Flips or a channel as certificates have them: a probability, or a pair of them."""
    p = preprocessing
    return [p.p0, p.p1] if isinstance(p, BinaryChannel) else p


def _after(preprocessing: Preprocessing) -> str:
    how = "a channel" if isinstance(preprocessing, BinaryChannel) else "flips with probability"
    return f" after {how} {preprocessing:.6g}" if preprocessing else ""


@dataclass(frozen=True, slots=True)
class ConditionalEntropy(Figure):
    """The von Neumann entropy H(A|X=x,E) in bits, or with y H(AB|X=x,Y=y,E).

    ``preprocessing`` is the probability, 0 to 1/2, with which the key of one bit is flipped first, or the channel that
    it passes. ``settings`` and ``merge`` as in :class:`GuessingProbability`.
    """

    kind = "conditional_entropy"
    unit = "bit"
    x: int | None = None
    y: int | None = None
    preprocessing: Preprocessing = 0.0
    settings: Settings | None = None
    merge: Merge | None = None

    def __post_init__(self) -> None:
        _require_key(self)
        _require_merge(self)
        if isinstance(self.preprocessing, BinaryChannel):
            return
        if not 0.0 <= numbered(self.preprocessing, "preprocessing") <= 0.5:
            raise InvalidParameter(f"preprocessing = {self.preprocessing!r} must lie between 0 and 1/2.")

    @property
    def words(self) -> str:
        return "H({}|{},E)".format(*key_words(_key_of(self), self.merge)) + _after(self.preprocessing)

    def entry(self) -> dict[str, Any]:
        return {"kind": self.kind} | _key_entry(self) | {"preprocessing": written(self.preprocessing)}

    @property
    def is_entropy(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class AverageEntropy(Figure):
    """The average entropy ``sum_k w_k H(key k|E)`` in bits, all of one strategy of Eve, who knows which key it is."""

    kind = "average_entropy"
    unit = "bit"
    average: Average

    def __post_init__(self) -> None:
        instance(self.average, Average, "average", "Average((0, 1))")

    @property
    def words(self) -> str:
        return str(self.average)

    def entry(self) -> dict[str, Any]:
        terms = zip(self.average.keys, self.average.weights, self.average.preprocessing, strict=True)
        return {
            "kind": self.kind,
            "terms": [{"settings": list(k), "weight": w, "preprocessing": q} for k, w, q in terms],
        }

    @property
    def is_entropy(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class RenyiEntropy(Figure):
    """A Renyi entropy of order ``alpha`` of Alice's outcome of x, or with y of the outcomes of x and y, in bits.

    ``form``, with D the sandwiched or Petz divergence of order alpha, in bits, and rho the state of key Z and Eve E:

    - "sandwiched up": ``max over states sigma of -D(rho_ZE || 1 x sigma)``, alpha from ``LEAST`` to 2
    - "sandwiched down": ``-D(rho_ZE || 1 x rho_E)``, alpha from ``LEAST`` to 2
    - "petz up": as "sandwiched up", with the Petz divergence, alpha from ``LEAST`` to 2
    - "petz down": as "sandwiched down", with the Petz divergence, alpha from ``LEAST`` to 1.9

    ``preprocessing`` is the probability, 0 to 1/2, with which the key of one bit is flipped first, or the channel that
    it passes.
    """

    kind = "renyi_entropy"
    unit = "bit"
    FORMS: ClassVar[dict[str, float]] = {
        "sandwiched up": 2.0,
        "sandwiched down": 2.0,
        "petz up": 2.0,
        "petz down": 1.9,
    }
    #: The largest orders of the method by qubits.
    BY_QUBITS: ClassVar[dict[str, float]] = {"sandwiched up": 2.0, "sandwiched down": 1.5, "petz up": 1.5}
    LEAST: ClassVar[float] = 1.0 + 2.0**-19
    x: int
    y: int | None
    preprocessing: Preprocessing
    form: str
    alpha: float

    def __post_init__(self) -> None:
        _require_settings(self, y_may_be_none=True)
        if self.form not in self.FORMS:
            known = ", ".join(self.FORMS)
            raise InvalidParameter(f"kind = {self.form!r:.60} of a Renyi entropy must be one of {known}.")
        most = self.FORMS[self.form]
        if not (isinstance(self.alpha, float) and self.alpha == math.inf):
            object.__setattr__(self, "alpha", numbered(self.alpha, "alpha"))
        if not self.LEAST <= self.alpha <= most:
            raise InvalidParameter(
                f"alpha = {self.alpha!r} of a {self.form} Renyi entropy must be from {self.LEAST!r} to {most!r}; for 1 "
                "ask for conditional_entropy, beyond for min_entropy, which is the one of order infinity."
            )

    @property
    def exponent(self) -> float:
        """The s with ``H = -log2(Q)/s``: Q is a mean over strategies that Eve tells apart."""
        return 1.0 - 1.0 / self.alpha if self.form == "sandwiched up" else self.alpha - 1.0

    @property
    def words(self) -> str:
        parties, settings = key_words((self.x, self.y))
        return f"H_{self.alpha:.6g}({parties}|{settings},E), {self.form}{_after(self.preprocessing)}"

    def entry(self) -> dict[str, Any]:
        own = {"kind": self.kind, "x": self.x, "y": self.y, "preprocessing": written(self.preprocessing)}
        return own | {"form": self.form, "alpha": self.alpha}

    @property
    def is_entropy(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class SelfTestedEntropy(Figure):
    """The exact von Neumann entropy of data that self-test the singlet, in bits; ``blind``: given Bob's side too."""

    kind = "entropy"
    unit = "bit"
    x: int
    y: int | None = None
    blind: bool = False

    def __post_init__(self) -> None:
        _require_settings(self, y_may_be_none=not self.blind)

    @property
    def words(self) -> str:
        if self.y is None:
            return f"H(A|x={self.x},E)"
        return f"H(A|x={self.x},y={self.y},B,E)" if self.blind else f"H(AB|x={self.x},y={self.y},E)"

    @property
    def is_entropy(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ConditionalMutualInformation(Figure):
    """I(A:B|X=x,Y=y,E) of a classical Eve, in bits."""

    kind = "conditional_mutual_information"
    unit = "bit"
    x: int
    y: int

    def __post_init__(self) -> None:
        _require_settings(self, y_may_be_none=False)

    @property
    def words(self) -> str:
        return f"I(A:B|x={self.x},y={self.y},E)"
