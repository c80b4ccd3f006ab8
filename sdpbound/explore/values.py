"""Numbers and maps as plain data, which the page and its process share; nothing here computes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Literal

from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.explore.state import State, sliders
from sdpbound.registry import unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MOST", "NAMES", "QUANTITIES", "Axis", "Map", "MapPlan", "Number", "shown"]

Side = Literal["lower", "upper", "exact", "estimate", "none"]

#: The numbers of the page, in its order.
NAMES: dict[str, str] = {
    "chsh": "CHSH value S",
    "bell": "value of the family's expression",
    "bell_local": "its local maximum",
    "bell_quantum": "its quantum maximum",
    "bell_no_signaling": "its no-signaling maximum",
    "guess_quantum": "P_guess(A|x,E), quantum Eve",
    "guess_no_signaling": "P_guess(A|x,E), no-signaling Eve",
    "error_correction": "error correction H(A|B)",
    "key_low": "key rate, proven",
    "key_high": "key rate, attack",
    "random_low": "randomness AB, proven",
    "random_high": "randomness AB, attack",
    "local_low": "randomness A, proven",
    "local_high": "randomness A, attack",
    "key_alive": "key lives at visibility",
    "key_dead": "key is dead at visibility",
    "random_alive": "randomness lives at visibility",
    "random_dead": "randomness is dead at visibility",
    "bell_dead": "S - 2 ends at visibility",
    "key_kept": "key lives at efficiency",
    "key_lost": "key is dead at efficiency",
    "random_kept": "randomness lives at efficiency",
    "random_lost": "randomness is dead at efficiency",
    "bell_lost": "S - 2 ends at efficiency",
}
#: Digits that are shown, and the sign and the rounding of each side.
_DIGITS = 5
_SIGNS = {"lower": "≥ ", "upper": "≤ ", "exact": "= ", "estimate": "≈ ", "none": ""}
_ROUNDING = {"lower": ROUND_FLOOR, "upper": ROUND_CEILING}


# -- numbers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the page.

    Attributes
    ----------
    value : None where there is none
    side : "lower" or "upper" of a proven bound, "exact" of a closed form, "estimate" without proof, "none"
    text : why there is no number, or what it is about
    """

    value: float | None
    side: Side
    text: str = ""


def shown(number: Number) -> str:
    """A number with the sign of its side, rounded to that side; "-" where there is none.

    >>> shown(Number(0.123456, "lower")), shown(Number(0.123456, "upper")), shown(Number(None, "none"))
    ('≥ 0.12345', '≤ 0.12346', '-')
    """
    if number.value is None:
        return "-"
    rounding = _ROUNDING.get(number.side, ROUND_HALF_EVEN)
    digits = Decimal(number.value + 0.0).quantize(Decimal(10) ** -_DIGITS, rounding)
    return f"{_SIGNS[number.side]}{digits + 0:f}"


# -- maps -----------------------------------------------------------------------------------------------------------

#: The most cells along one axis.
MOST = 61
#: What can be mapped: its name in words.
QUANTITIES = {
    "key_low": "key rate, proven (bits a round)",
    "key_high": "key rate, attack (bits a round)",
    "random_low": "randomness AB, proven (bits a round)",
    "random_high": "randomness AB, attack (bits a round)",
    "guess": "P_guess(A|x,E), estimate",
    "chsh": "CHSH value S",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A field, and the numbers that it takes: ``count`` from ``low`` to ``high``."""

    name: str
    low: float
    high: float
    count: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InvalidParameter(
                f"{self.name} runs from {self.low} to {self.high}; give two numbers, the lower first."
            )
        if not 2 <= self.count <= MOST:
            raise InvalidParameter(f"{self.name} has {self.count} cells; a map has 2 to {MOST} along each axis.")

    def values(self) -> NDArray[np.float64]:
        """The numbers, ascending."""
        import numpy as np  # here, as the page is served before it is loaded

        return np.linspace(self.low, self.high, self.count)


@dataclass(frozen=True, slots=True)
class MapPlan:
    """A map that is asked for: a quantity over two fields, the other fields as they are."""

    state: State
    quantity: str
    x: Axis
    y: Axis

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise InvalidParameter(unknown(self.quantity, QUANTITIES, "quantity"))
        names = [slider.name for slider in sliders(self.state.family)]
        for axis in (self.x, self.y):
            if axis.name not in names:
                raise InvalidParameter(unknown(axis.name, names, "the field of a map"))
        if self.x.name == self.y.name:
            raise InvalidInput(f"both axes of the map are {self.x.name}; choose two fields.")

    @property
    def text(self) -> str:
        """The quantity in words."""
        return QUANTITIES[self.quantity]


@dataclass(frozen=True, eq=False)
class Map:
    """A map as far as it is computed.

    Attributes
    ----------
    plan : what was asked
    values : (y, x); NaN where there is no number, or none yet
    rows : how many rows are done
    """

    plan: MapPlan
    values: NDArray[np.float64]
    rows: int

    def csv(self) -> str:
        """The table, one line for each cell that is computed."""
        lines = [f"{self.plan.x.name},{self.plan.y.name},{self.plan.quantity}"]
        for j, y in enumerate(self.plan.y.values()):
            for i, x in enumerate(self.plan.x.values()):
                if math.isfinite(self.values[j, i]):
                    lines.append(f"{float(x)!r},{float(y)!r},{float(self.values[j, i])!r}")
        return "\n".join(lines) + "\n"
