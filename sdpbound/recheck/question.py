"""What a certificate is about: devices, tested expressions with values and tolerances, and what is claimed of a figure.

A claim has two parts. The value is about devices whose tested values are the given ones, each within its tolerance. The
functional, where there is one, is about all devices: the figure is at most (side "lower": at least) ``constant +
sum_j multipliers_j t_j``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any, TypeVar

from sdpbound.recheck.answer import refuse
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record, tensor
from sdpbound.recheck.words import Devices, Polynomial, Word, leftover, read_devices

__all__ = ["Key", "Question", "Tested", "functional_faults", "read_key", "read_question", "within"]

T = TypeVar("T")
MODELS = ("quantum", "no-signaling", "local")
MOST_TESTS = 1024
#: What a claim may be outside the range of its figure: a rounding.
ROUNDING = Fraction(1, 10**6)


@dataclass(frozen=True, slots=True)
class Tested:
    """One tested expression: a polynomial of words of at most a letter a party, its value and its tolerance."""

    polynomial: Polynomial
    value: Fraction
    tolerance: Fraction


@dataclass(frozen=True, slots=True)
class Question:
    """The parts of a question; ``figure`` is unread but for its kind."""

    devices: Devices
    tested: tuple[Tested, ...]
    figure: dict[str, Any]
    side: str
    model: str

    @property
    def kind(self) -> str:
        return str(self.figure["kind"])

    def at_data(self, multipliers: Sequence[Fraction]) -> Fraction:
        """The largest value of ``sum_j multipliers_j t_j`` that the data allow."""
        pairs = zip(multipliers, self.tested, strict=True)
        return sum((m * t.value + abs(m) * t.tolerance for m, t in pairs), Fraction(0))

    def combination(self, multipliers: Sequence[Fraction]) -> Polynomial:
        """``sum_j multipliers_j t_j``."""
        found: dict[Word, Fraction] = {}
        for m, test in zip(multipliers, self.tested, strict=True):
            for word, value in test.polynomial.items():
                found[word] = found.get(word, Fraction(0)) + m * value
        return found


def read_question(root: dict[str, Any], extra: str = "model", parties: tuple[int, int] = (1, 4)) -> Question:
    """The question of a certificate; ``extra`` are the entries beside scenario, figure, side and observed."""
    question = record(root["question"], "the question", f"scenario figure side observed {extra}")
    devices = read_devices(question["scenario"], parties)
    tested = []
    for entry in items(question["observed"], "observed", MOST_TESTS):
        parts = record(entry, "a tested expression", "coefficients value tolerance")
        table = tensor(parts["coefficients"], "coefficients", devices.shape)
        tolerance = number(parts["tolerance"], "a tolerance")
        if tolerance < 0:
            raise refuse("a tolerance is negative.")
        tested.append(Tested(devices.coordinates(table), number(parts["value"], "a tested value"), tolerance))
    model = ""
    if "model" in question:
        entry = record(question["model"], "the model", "kind", "level")
        model = choice(entry["kind"], "the model", MODELS)
        if type(entry.get("level", "")) is not str or ("level" in entry and model != "quantum"):
            raise refuse("a level is a text, and only the quantum model has one.")
    figure = question["figure"]
    if type(figure) is not dict or type(figure.get("kind")) is not str:
        raise refuse("the figure must be an object with a kind.")
    side = choice(question["side"], "side", ("upper", "lower"))
    return Question(devices, tuple(tested), figure, side, model)


@dataclass(frozen=True, slots=True)
class Key:
    """Whose outcomes a figure is about, and with which probability a value of 0 becomes 1, and one of 1 becomes 0.

    ``settings`` has one entry for each party: its setting, or None where its outcome is not in the key. Of a key that
    is a function of these outcomes, ``merge`` has the value at each choice of them, counted up from the last party.
    """

    settings: tuple[int | None, ...]
    channel: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    merge: tuple[int, ...] | None = None

    @property
    def flips(self) -> Fraction:
        """The probability of a flip; refused where the two values are not flipped alike."""
        up, down = self.channel
        if up != down:
            raise refuse("a proof of this kind knows flips, and no channel that treats 0 and 1 differently.")
        return up

    def after(self, zero: T, one: T, times: Callable[[Fraction, T], T], plus: Callable[[T, T], T]) -> tuple[T, T]:
        """What the channel makes of something that the two values of the key have, such as effects or states."""
        up, down = self.channel
        return (
            plus(times(1 - up, zero), times(down, one)),
            plus(times(up, zero), times(1 - down, one)),
        )

    def pair(self) -> tuple[int, int | None]:
        """Alice's setting, and Bob's if his outcome is in the key; refused for any other key, or if there are more."""
        first = self.settings[0]
        if first is None or len(self.settings) != 2 or self.merge is not None:
            raise refuse("a proof of this kind is about the outcome of Alice, or of both of two parties, as it is.")
        return first, self.settings[1]

    @property
    def x(self) -> int:
        return self.pair()[0]

    @property
    def y(self) -> int | None:
        return self.pair()[1]

    def sizes(self, devices: Devices) -> list[int]:
        """Numbers of outcomes by party, 1 for parties that are not in the key."""
        return [1 if s is None else counts[s] for counts, s in zip(devices.outcomes, self.settings, strict=True)]

    def outcomes(self, devices: Devices) -> int:
        """How many values the key has."""
        return prod(self.sizes(devices)) if self.merge is None else 1 + max(self.merge)

    def value(self, place: Sequence[int], devices: Devices) -> int:
        """The value of the key at a choice of outcomes, 0 for parties that are not in it."""
        number = 0
        for a, size in zip(place, self.sizes(devices), strict=True):
            number = number * size + a
        return number if self.merge is None else self.merge[number]


def read_key(question: Question, flips: bool = False) -> Key:
    """Settings of a figure, and the probability of a flip if it has one."""
    devices, figure = question.devices, question.figure
    rest = " preprocessing" if flips else ""
    if "settings" in figure:
        asked = record(figure, "the figure", "kind settings" + rest, "merge")
        given = items(asked["settings"], "settings", devices.parties, devices.parties)
    else:
        asked = record(figure, "the figure", "kind x y" + rest, "merge")
        given = [asked["x"], asked["y"], *[None] * (devices.parties - 2)]
        if devices.parties < 2:
            if asked["y"] is not None:
                raise refuse("y is a setting of a second party.")
            given = given[:1]
        integer(given[0], "x", 0, len(devices.outcomes[0]) - 1)
    settings = tuple(
        None if s is None else integer(s, "a setting of the key", 0, len(counts) - 1)
        for s, counts in zip(given, devices.outcomes, strict=True)
    )
    if settings.count(None) == len(settings):
        raise refuse("the figure is about the outcome of no party.")
    channel = read_channel(asked["preprocessing"]) if flips else (Fraction(0), Fraction(0))
    key = Key(settings, channel)
    if "merge" in asked:
        count = key.outcomes(devices)
        merge = [integer(v, "a value of the key", 0, count - 1) for v in items(asked["merge"], "merge", count, count)]
        if set(range(len(set(merge)))) != set(merge):
            raise refuse("the values of a key must be numbered from 0 without a gap.")
        key = Key(settings, channel, tuple(merge))
    lone = settings.count(None) == len(settings) - 1 or key.merge is not None
    if any(channel) and not (lone and key.outcomes(devices) == 2):
        raise refuse("only one bit of one party, or a function with two values, can be flipped.")
    return key


def read_channel(value: object) -> tuple[Fraction, Fraction]:
    """The probability of a flip, twice, or those of a channel."""
    if type(value) is list:
        up, down = numbers(value, "preprocessing", 2)
        if not (0 <= up <= 1 and 0 <= down <= 1):
            raise refuse("the probabilities of a channel must be from 0 to 1.")
        return up, down
    q = number(value, "preprocessing")
    if not 0 <= q <= Fraction(1, 2):
        raise refuse("preprocessing must be from 0 to 1/2, or two probabilities.")
    return q, q


def functional_faults(
    claim: object, question: Question, constant: Fraction, multipliers: Sequence[Fraction]
) -> tuple[str, ...]:
    """Whether a claimed functional follows from the proven one, both of the side of the question.

    They may differ by roundings: the difference is an expression whose words are at most one in modulus.
    """
    given = record(claim, "the functional", "constant multipliers")
    ours = number(given["constant"], "the functional's constant")
    slopes = numbers(given["multipliers"], "the functional's multipliers", len(question.tested))
    sign = 1 if question.side == "upper" else -1
    # proven minus claimed, as an expression in the devices; it must not be positive, with the sign of the side
    difference = question.combination([sign * (m - s) for m, s in zip(multipliers, slopes, strict=True)])
    if sign * (constant - ours) + leftover(difference, question.devices.one) > 0:
        return (f"the functional claimed is {'below' if sign > 0 else 'above'} the one that is proven.",)
    return ()


def within(value: Fraction, least: Fraction | int, most: Fraction | int) -> tuple[str, ...]:
    """The fault of a claim that its figure cannot have, whatever was proven."""
    if least - ROUNDING <= value <= most + ROUNDING:
        return ()
    return ("the claim is outside what the figure can be, or says nothing about it.",)
