"""What a bit of a key passes before its entropy is asked for: flips, or a channel that is not the same for 0 and 1.

A channel makes the value 0 a 1 with probability p, and the value 1 a 0 with probability p'. Whatever the two values
have, effects, Eve's states or probabilities, is mixed: the new value 0 has ``(1 - p) x_0 + p' x_1``, and the new value
1 has ``p x_0 + (1 - p') x_1``. For p = p' these are flips with probability p. Eve does not know what the channel does,
so that H(A'|E) is at least H(A'|A), which is at least the lesser one of h(p) and h(p').
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.numbers import HALF, ZERO, binary_entropy, nearest_float, to_ball
from sdpbound.checker.reading import read_number, read_numbers, shown
from sdpbound.errors import CertificateError

__all__ = ["Channel", "read_channel"]


@dataclass(frozen=True, slots=True)
class Channel:
    """P(1|0) and P(0|1)."""

    up: Fraction = ZERO
    down: Fraction = ZERO

    def __bool__(self) -> bool:
        return bool(self.up or self.down)

    @property
    def is_of_flips(self) -> bool:
        return self.up == self.down

    @property
    def flips(self) -> Fraction:
        """The probability of a flip; refused where the two values have different ones."""
        if not self.is_of_flips:
            raise CertificateError(
                f"question.figure.preprocessing is {self.words}; a proof of this kind knows flips of both values alike."
            )
        return self.up

    @property
    def words(self) -> str:
        return f"[{nearest_float(self.up)!r}, {nearest_float(self.down)!r}]"

    @property
    def most_sure(self) -> Fraction:
        """The one of the two probabilities whose entropy is less."""
        return max(self.up, self.down, key=lambda p: abs(p - HALF))

    @property
    def entropies(self) -> list[flint.arb]:
        """The entropies in bits of what becomes of a 0, and of a 1."""
        return [binary_entropy(to_ball(abs(1 - 2 * p))) for p in (self.up, self.down)]

    @property
    def least(self) -> flint.arb:
        """The lesser one of these."""
        return binary_entropy(to_ball(abs(1 - 2 * self.most_sure)))

    @property
    def rows(self) -> list[tuple[Fraction, Fraction]]:
        """What of the old values 0 and 1 goes to the new value 0, and to the new value 1."""
        return [(1 - self.up, self.down), (self.up, 1 - self.down)]

    def mixed(self, values: Sequence[Any], number: Any) -> list[Any]:
        """What two values have, after the channel; ``number`` makes a factor of a fraction."""
        zero, one = values
        return [zero * number(p) + one * number(q) for p, q in self.rows]


def read_channel(entry: object, is_a_bit: bool, name: str) -> Channel:
    """A probability of flips, or the two of a channel, of a key of one bit; 0 for any other key."""
    if isinstance(entry, list):
        up, down = read_numbers(entry, name, length=2)
        found, allowed = Channel(up, down), min(up, down) >= 0 and max(up, down) <= 1
    else:
        flips = read_number(entry, name)
        found, allowed = Channel(flips, flips), 0 <= flips <= HALF
    if not allowed or (found and not is_a_bit):
        raise CertificateError(
            f"{name} is {shown(entry)}; a probability from 0 to 1/2 is expected, or two of a channel from 0 to 1, and "
            "0 for any other key than one bit of one party, or two values of a function of outcomes."
        )
    return found
