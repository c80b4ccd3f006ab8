"""What is bounded of a function of the outcomes of boxes, against an Eve limited by no-signaling."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.bounds.figures import Figure

__all__ = ["DistanceFromUniform", "FunctionGuessing"]


@dataclass(frozen=True, slots=True)
class FunctionGuessing(Figure):
    """Eve's probability to guess the value of the function."""

    kind = "guessing_probability"
    unit = "probability"
    ceiling = 1.0

    @property
    def words(self) -> str:
        return "P_guess(f|E)"


@dataclass(frozen=True, slots=True)
class DistanceFromUniform(Figure):
    """The distance of the function's value from uniform, given what Eve has (arXiv:0911.4171, Definition 6)."""

    kind = "distance_from_uniform"
    ceiling = 1.0

    @property
    def words(self) -> str:
        return "distance of f from uniform, given E"
