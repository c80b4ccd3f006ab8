"""Figures of merit of routed tests."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.arguments import counted
from sdpbound.bounds.figures import Figure

__all__ = ["RoutedEntropy"]


@dataclass(frozen=True, slots=True)
class RoutedEntropy(Figure):
    """The entropy of Alice's outcome of x given Eve, who attacks the way to the far device of a routed test.

    With ``given`` she is told the far device's outcome of that setting.
    """

    kind = "routed_conditional_entropy"
    unit = "bit"
    x: int = 0
    preprocessing: float = 0.0
    given: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", counted(self.x, "x", 0))
        if self.given is not None:
            object.__setattr__(self, "given", counted(self.given, "given", 0))

    @property
    def words(self) -> str:
        flips = f", flips {self.preprocessing:.6g}" if self.preprocessing else ""
        told = "" if self.given is None else f"F,z={self.given},"
        return f"H(A|x={self.x},{told}E) of a routed test{flips}"

    @property
    def is_entropy(self) -> bool:
        return True
