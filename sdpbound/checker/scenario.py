"""Scenarios in moment coordinates, and tested expressions in normal form.

Tensors have one axis per party with the identity at index 0 and then, setting by setting, the observable O_x = P_{0|x}
- P_{1|x} of a setting with two outcomes, or the projectors P_{0|x} .. P_{d-2|x} of any other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from sdpbound.checker.numbers import HALF, ONE, ZERO, Tensor, common_denominator, power_below
from sdpbound.checker.reading import read_integer, read_keys, read_list, read_number, read_tensor, shown
from sdpbound.errors import CertificateError

__all__ = ["Observed", "Scenario", "expanded", "read_observed", "read_scenario", "sized", "total_of"]

_MOST_PARTIES = 12
_LARGEST_TENSOR = 2**20
_LARGEST_NORMAL = 2**64  # of values and multipliers of expressions in normal form


@dataclass(frozen=True, slots=True)
class Scenario:
    """Numbers of outcomes, ``outcomes[party][setting]``, and the moment coordinates that follow from them."""

    outcomes: tuple[tuple[int, ...], ...]

    def letters(self, party: int) -> list[range]:
        """Coordinates of each setting of a party."""
        ranges, start = [], 1
        for outcomes in self.outcomes[party]:
            stop = start + (1 if outcomes == 2 else outcomes - 1)
            ranges.append(range(start, stop))
            start = stop
        return ranges

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(1 + sum(map(len, self.letters(party))) for party in range(len(self.outcomes)))

    def effects(self, party: int, setting: int) -> list[dict[int, Fraction]]:
        """The effect of each outcome of a setting, as a combination of coordinates."""
        letters = self.letters(party)[setting]
        if self.outcomes[party][setting] == 2:
            return [{0: HALF, letters[0]: HALF}, {0: HALF, letters[0]: -HALF}]
        return [*({letter: ONE} for letter in letters), {0: ONE, **dict.fromkeys(letters, -ONE)}]

    def with_setting(self, party: int, outcomes: int) -> Scenario:
        """One further setting of a party, after its last: the coordinates before it keep their numbers."""
        rows = list(self.outcomes)
        rows[party] = (*rows[party], outcomes)
        return Scenario(tuple(rows))


@dataclass(frozen=True, slots=True)
class Observed:
    """Tested expressions in normal form: without a constant, the largest coefficient in [1, 2).

    Expression j of the file is ``shifts[j] + scales[j] * tensors[j]``, and its value and tolerance go with it. So no
    number of a file can drown another one before anything is computed.
    """

    tensors: list[Tensor] = field(default_factory=list)
    values: list[Fraction] = field(default_factory=list)
    tolerances: list[Fraction] = field(default_factory=list)
    shifts: list[Fraction] = field(default_factory=list)
    scales: list[Fraction] = field(default_factory=list)  # powers of two

    def __len__(self) -> int:
        return len(self.tensors)

    def scaled(self, multipliers: Sequence[Fraction]) -> list[Fraction]:
        """Multipliers of the file's expressions, as those of the normal forms."""
        return [m * scale for m, scale in zip(multipliers, self.scales, strict=True)]

    def unscaled(self, multipliers: Sequence[Fraction]) -> list[Fraction]:
        """The other way round."""
        return [m / scale for m, scale in zip(multipliers, self.scales, strict=True)]

    def shift(self, multipliers: Sequence[Fraction]) -> Fraction:
        """What the constants of the file's expressions contribute to their sum with these multipliers of the file."""
        return sum((m * shift for m, shift in zip(multipliers, self.shifts, strict=True)), ZERO)

    def combined(self, multipliers: Sequence[Fraction]) -> Tensor:
        """The sum of the normal forms with these multipliers."""
        return total_of(
            {index: m * value for index, value in tensor.items()}
            for m, tensor in zip(multipliers, self.tensors, strict=True)
        )

    @property
    def limits(self) -> list[Fraction]:
        """Largest modulus of each normal form on any behaviour: the sum of its |coefficients|."""
        return [sum(map(abs, tensor.values()), ZERO) for tensor in self.tensors]


def read_observed(entry: object, scenario: Scenario, place: str = "question.observed") -> Observed:
    """The tested expressions, their values and tolerances, in normal form."""
    observed = Observed()
    origin = (0,) * len(scenario.outcomes)
    for j, item in enumerate(read_list(entry, place)):
        name = f"{place}[{j}]"
        item = read_keys(item, ("coefficients", "value", "tolerance"), name)
        tensor = read_tensor(item["coefficients"], scenario.shape, f"{name}.coefficients")
        value, tolerance = (
            read_number(item["value"], f"{name}.value"),
            read_number(item["tolerance"], f"{name}.tolerance"),
        )
        if tolerance < 0:
            raise CertificateError(f"{name}.tolerance is {shown(item['tolerance'])}; it must be >= 0.")
        shift = tensor.pop(origin, ZERO)
        scale = power_below(max(map(abs, tensor.values()))) if tensor else ONE
        observed.tensors.append({index: c / scale for index, c in tensor.items()})
        observed.values.append(sized((value - shift) / scale, f"{name}.value"))
        observed.tolerances.append(sized(tolerance / scale, f"{name}.tolerance"))
        observed.shifts.append(shift)
        observed.scales.append(scale)
    common_denominator((value for tensor in observed.tensors for value in tensor.values()), place)
    common_denominator(observed.values + observed.tolerances, place)
    common_denominator(observed.shifts + observed.scales, place)
    return observed


def sized(value: Fraction, name: str) -> Fraction:
    """A number of the normal form, refused where no honest question has it."""
    if abs(value) > _LARGEST_NORMAL:
        size = value.numerator.bit_length() - value.denominator.bit_length()
        raise CertificateError(
            f"{name} is about 2^{size} in units of its expression's coefficients; numbers beyond 2^64 are refused."
        )
    return value


def read_scenario(entry: object) -> Scenario:
    name = "question.scenario.outcomes"
    rows = []
    for party, row in enumerate(read_list(read_keys(entry, ("outcomes",), "question.scenario")["outcomes"], name)):
        counts = read_list(row, f"{name}[{party}]")
        rows.append(tuple(read_integer(d, 1, _LARGEST_TENSOR, f"{name}[{party}][{x}]") for x, d in enumerate(counts)))
    if not 1 <= len(rows) <= _MOST_PARTIES or not all(rows):
        raise CertificateError(f"{name} is {shown(rows)}; 1 to {_MOST_PARTIES} parties with settings are needed.")
    # Every outcome is an effect, so this bounds the coordinates, the probabilities and the copies alike.
    if math.prod(1 + sum(row) for row in rows) > _LARGEST_TENSOR:
        raise CertificateError(f"{name} is {shown(rows)}; the scenario is too large to check.")
    return Scenario(tuple(rows))


def expanded(scenario: Scenario, effects: Sequence[Mapping[int, Fraction]]) -> Tensor:
    """Product of one effect of each of the first parties."""
    rest = len(scenario.outcomes) - len(effects)
    tensor: Tensor = {}
    for terms in product(*(effect.items() for effect in effects)):
        tensor[tuple(index for index, _ in terms) + (0,) * rest] = math.prod((value for _, value in terms), start=ONE)
    return tensor


def total_of(tensors: Iterable[Tensor]) -> Tensor:
    total: Tensor = {}
    for tensor in tensors:
        for index, value in tensor.items():
            total[index] = total.get(index, ZERO) + value
    return total
