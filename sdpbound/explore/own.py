"""Own data: a behaviour of two settings with two outcomes a party, as the numbers of a table that a person writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Member
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput
from sdpbound.explore.offered import TABLE
from sdpbound.explore.state import number_of

__all__ = ["OwnData", "read_table"]

_BETWEEN = re.compile(r"[\s,;|]+")


@dataclass(frozen=True, eq=False)
class OwnData(Member):
    """Devices of which a behaviour is all that is known; noise makes it worse, as for any other."""

    ideal: Behaviour

    @property
    def values(self) -> dict[str, float]:
        return {}

    @property
    def title(self) -> str:
        return "own data"

    @property
    def expression(self) -> BellExpression | None:
        return None

    @property
    def strategy(self) -> Strategy | None:
        return None

    def behaviour(self, visibility: float = 1.0, noise: Noise | None = None) -> Behaviour:
        if visibility != 1.0:
            noise = WhiteNoise(visibility) if noise is None else WhiteNoise(visibility) + noise
        return self.ideal if noise is None else noise.on_behaviour(self.ideal)


def read_table(text: str) -> OwnData:
    """The devices of a table: numbers with spaces, commas, semicolons or new lines between.

    Four numbers are the correlators ``<A0B0> <A0B1> <A1B0> <A1B1>``; eight are the means ``<A0> <A1> <B0> <B1>`` and
    then the correlators; sixteen are probabilities ``p(00) p(01) p(10) p(11)`` of the outcomes ab, for the settings
    xy = 00, 01, 10, 11 one after the other. Numbers may be expressions without spaces, such as ``1/sqrt(2)``.

    Raises
    ------
    InvalidInput
        There is another count of numbers, or they are no behaviour: negative, not normalised, or signaling.

    >>> read_table("1 1 1 -1").behaviour().chsh
    4.0
    """
    words = [word for word in _BETWEEN.split(text.strip()) if word]
    if len(words) not in (4, 8, 16):
        raise InvalidInput(
            f"{TABLE} has {len(words)} numbers; write 4 correlators, 8 numbers (means of A0, A1, B0, B1 and the "
            "correlators) or 16 probabilities."
        )
    numbers = np.array([number_of(word, TABLE) for word in words])
    if len(words) == 16:
        return OwnData(Behaviour(numbers.reshape(2, 2, 2, 2).transpose(2, 3, 0, 1)))
    means = numbers[:4] if len(words) == 8 else np.zeros(4)
    return OwnData(Behaviour.from_correlators(numbers[-4:].reshape(2, 2), means[:2], means[2:]))
