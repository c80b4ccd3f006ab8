"""Quantities that depend on the point alone, evaluated in floating point."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.errors import CertificateError, InvalidInput
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, same, show
from sdpbound.study.quantities.kind import Asked, Group, Needs, QuantityKind, Run, Side
from sdpbound.tables.columns import Row

__all__ = ["ClosedForm"]


@dataclass(frozen=True, kw_only=True)
class ClosedForm(QuantityKind):
    """A quantity that is an attribute of the member: a closed form, or a number that its strategy gives."""

    attribute: str
    group: Group = "point"
    side: Side = "exact"

    def value(self, at: AtPoint) -> float:
        """Return the number.

        Raises InvalidInput if the member has none.
        """
        found: float | None = getattr(at.member, self.attribute, None)
        if found is None:
            raise InvalidInput(f"{at.member.title} has no {self.label} in closed form; leave {self.attribute} out.")
        return found

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        try:
            value = self.value(at)
        except InvalidInput as error:
            return {"status": "failed", "error": f"{type(error).__name__}: {error}", "seconds": 0.0}
        return {"value": value, "method": "closed form", "status": "closed form", "seconds": 0.0}

    def program(self, asked: Asked) -> tuple[str, None, None]:
        return asked.name, None, None

    def needs(self, asked: Asked, row: Row) -> Needs:
        method, status = row["method"], row["status"]
        if (method, status) != ("closed form", "closed form"):
            raise CertificateError(f"its method and status are {show((method, status))}, and it is a closed form.")
        return {"value", "method", "status"}, {"seconds"}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        same(self.value(at), row["value"], "value")
        return "exact"

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return frozenset({"closed form"})
