"""The largest and the smallest Bell value in an adversary's set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sdpbound.adversaries import adversary_named
from sdpbound.bell.channel import Preprocessing
from sdpbound.bounds.bell_value import maximize, minimize
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import BellValue
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.kind import Asked, Group, ProgramKind, question

__all__ = ["BellExtremum"]


@dataclass(frozen=True, kw_only=True)
class BellExtremum(ProgramKind):
    """An extremal value of the point's expression: the largest for the side "upper", the smallest for "lower"."""

    group: Group = "expression"
    of_expression: ClassVar[bool] = True

    def solve(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Bound:
        optimise = maximize if self.side == "upper" else minimize
        return optimise(at.expression, at.model, None, at.solver, at.tolerance)

    def figure(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> BellValue:
        return BellValue(at.expression)

    def question(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> dict[str, Any]:
        found = question(at, self.figure(at, asked, flips), self.side, tested=False)
        return found | {"model": at.model.describe()}

    def program(self, asked: Asked) -> tuple[str, None, None]:
        return asked.name, None, None

    def span(self, at: AtPoint, asked: Asked) -> float:
        """Return twice the sum of the absolute values of the coefficients."""
        return 2.0 * float(np.abs(at.expression.coefficients).sum())

    def solvers(self, asked: Asked, model: str | None) -> frozenset[str] | None:
        deterministic = model is not None and adversary_named(model).deterministic
        return frozenset({"enumeration"}) if deterministic else None
