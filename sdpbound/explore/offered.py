"""The families that the page offers, as plain data: their fields, and the texts that each begins with.

The families themselves take seconds to load, which a page that is opened has not: only the processes that compute load
them. A test compares these tables with the families.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FAMILIES", "NOISES", "OWN", "TABLE", "Slider"]


@dataclass(frozen=True, slots=True)
class Slider:
    """A field with a slider.

    Attributes
    ----------
    name, text : the field, and what it is in words
    low, high, step : of the slider; the field takes numbers beyond its ends as far as the family's axis allows
    start : the text that stands in the field first
    """

    name: str
    text: str
    low: float
    high: float
    step: float
    start: str


def _turn(name: str, text: str, start: str) -> Slider:
    return Slider(name, text, -math.pi, math.pi, 0.01, start)


def _state(start: str) -> Slider:
    return Slider("theta", "angle of the state", 0.0, math.pi / 2.0, 0.01, start)


def _share(name: str, text: str, high: float, step: float, start: str) -> Slider:
    return Slider(name, text, 0.0, high, step, start)


#: What stands for data of one's own in place of a family, and its field.
OWN, TABLE = "own data", "table"
_ANGLES = (
    _turn("a0", "angle of A0 from Z", "0"),
    _turn("a1", "angle of A1 from Z", "pi/2"),
    _turn("b0", "angle of B0 from Z", "pi/4"),
    _turn("b1", "angle of B1 from Z", "-pi/4"),
)
_WEIGHT = "weight of <A0 (B0 + B1)>"
#: The families of two parties that the page offers, each with its axes in their order; own data are the last.
FAMILIES: dict[str, tuple[Slider, ...]] = {
    "singlet": (
        _turn("theta", "angle of A1", "1.0"),
        _turn("phi", "angle of B0", "pi/2 - 0.1"),
        _turn("omega", "angle of B1", "1.0 + pi/2"),
    ),
    "chsh": (),
    "tilted_chsh": (_share("beta", "weight of <A0>", 1.9, 0.01, "0.5"), Slider("alpha", _WEIGHT, 1.0, 3.0, 0.01, "1")),
    "asymmetric_chsh": (Slider("alpha", _WEIGHT, -3.0, 3.0, 0.01, "1.2"),),
    "two_qubit": (_state("pi/4"), *_ANGLES),
    "eberhard": (
        _state("0.49"),
        _turn("a0", "angle of A0 from Z", "0.28"),
        _turn("a1", "angle of A1 from Z", "-1.35"),
        _turn("b1", "angle of B1 from Z", "-0.38"),
    ),
    "spdc": (
        _share("pairs", "mean number of pairs in a round", 2.0, 0.01, "0.2"),
        _state("pi/4"),
        *_ANGLES,
        _share("eta_a", "efficiency of Alice's detectors", 1.0, 0.001, "1"),
        _share("eta_b", "efficiency of Bob's detectors", 1.0, 0.001, "1"),
        _share("dark_a", "probability of a dark count of each of Alice's detectors", 0.05, 0.0005, "0"),
        _share("dark_b", "probability of a dark count of each of Bob's detectors", 0.05, 0.0005, "0"),
    ),
    "chained": (Slider("settings", "settings of each party", 2, 6, 1, "3"),),
    "cglmp": (Slider("d", "outcomes of each setting", 2, 4, 1, "3"),),
    OWN: (),
}
#: What all devices suffer.
NOISES = (
    Slider("visibility", "visibility of white noise", 0.7, 1.0, 0.001, "0.99"),
    Slider("efficiency", "efficiency of all detectors", 0.7, 1.0, 0.001, "1"),
    _share("flips", "flips of Alice's key bit", 0.5, 0.005, "0"),
)
