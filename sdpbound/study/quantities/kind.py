"""What a quantity of studies is: a class of one's own is a quantity that study files name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import Figure
from sdpbound.entropies.conditional import EntropyBound, VonNeumann
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.errors import CertificateError
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, show
from sdpbound.tables.columns import Row

__all__ = [
    "BEST",
    "Asked",
    "Certified",
    "Group",
    "Needs",
    "ProgramKind",
    "QuantityKind",
    "Run",
    "Side",
    "Solved",
    "data_entries",
    "gap_of",
    "question",
]

#: What a quantity depends on besides the point: nothing ("point"); an adversary ("expression"); noise, what is tested
#: and an adversary ("data"); noise and what is tested, against quantum devices ("entropy") or no-signaling boxes
#: ("no-signaling"); what is tested and all noise but the one whose critical value is looked for ("threshold").
Group = Literal["point", "expression", "data", "entropy", "no-signaling", "threshold"]
Side = Literal["upper", "lower", "exact"]
#: A preprocessing that is searched.
BEST: Literal["best"] = "best"
#: The columns that a row must have, and those that it may have besides.
Needs = tuple[set[str], set[str]]


class Method(Protocol):
    """How a von Neumann entropy is bounded, as a study says it."""

    def bound(self, solver: str | None) -> VonNeumann:
        """What bounds it, with the study's solver."""


class Asked(Protocol):
    """A quantity as a study asks for it: with settings, an entropy, a preprocessing, numbers of rounds."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> QuantityKind: ...
    @property
    def group(self) -> Group: ...
    @property
    def side(self) -> str: ...
    @property
    def settings(self) -> tuple[int, int | None]: ...
    @property
    def how(self) -> Method | None: ...
    @property
    def preprocessing(self) -> float | str | None: ...
    @property
    def rounds(self) -> float | None: ...
    @property
    def width(self) -> float: ...
    @property
    def program(self) -> tuple[Any, ...]: ...


class CertificateData(Protocol):
    """A certificate as plain data."""

    @property
    def data(self) -> dict[str, Any]: ...


class Certified(Protocol):
    """A proven number with its certificate."""

    @property
    def certificate(self) -> CertificateData: ...


@dataclass(frozen=True)
class Solved:
    """A bound, or why there is none."""

    bound: Bound | None
    seconds: float
    status: str = ""
    error: str = ""
    separation: Certified | None = None


class Run(Protocol):
    """What evaluates quantities at one point: it remembers what is solved, and keeps certificates."""

    def solved(self, asked: Asked) -> Solved:
        """The program behind a quantity, solved once for all quantities that share it."""

    def flips(self, asked: Asked) -> float:
        """The preprocessing of a quantity, searched if the best one is asked for."""

    def certificate(self, bound: Certified) -> str | None:
        """The name of a bound's certificate, which is kept; None if the study keeps none."""

    def once(self, key: Hashable, make: Any) -> Any:
        """What ``make()`` gave for a key, made once."""


@dataclass(frozen=True, kw_only=True)
class QuantityKind(ABC):
    """A quantity of studies.

    Attributes
    ----------
    label : for people
    group : what it depends on; with a von Neumann entropy quantities of the data are of the group "entropy"
    side : of what is proven
    bob : Bob's setting where none is given (WBC Props. 2 and 3); None for a quantity of Alice's outcome alone, and
        where there are no settings
    unit : "bit", or "1"
    rate : whether it is made of an entropy, as a rate
    keys : the further keys that it takes: "entropy", "preprocessing"; "best" if the latter may be searched,
        "resolution", "rounds"
    pair : whether both outcomes are guessed or hashed, not Alice's alone
    blind : whether Alice's outcome is guessed by whoever also has Bob's device
    key : whether it is a rate of key, from which the cost of errors is taken
    driven : of a threshold, the column whose critical value it is
    first : whether it is evaluated before others, so that searches begin at its best points
    """

    label: str
    group: Group
    side: Side
    bob: int | None = None
    unit: Literal["bit", "1"] = "1"
    rate: bool = False
    keys: frozenset[str] = frozenset()
    pair: bool = False
    blind: bool = False
    key: bool = False
    driven: str = ""
    first: bool = False
    #: Whether it is proven by explicit attacks.
    attack: ClassVar[bool] = False
    #: Whether its members must have a Bell expression.
    of_expression: ClassVar[bool] = False
    #: Whether its proof is for two outcomes of each setting.
    of_bits: ClassVar[bool] = False
    #: Whether its proof is for two settings with two outcomes each, tested by correlators.
    of_chsh: ClassVar[bool] = False

    @abstractmethod
    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        """The columns that evaluating it fills: value, status, seconds and what else there is."""

    @abstractmethod
    def needs(self, asked: Asked, row: Row) -> Needs:
        """The columns that a row with a value must have, and those that it may have; CertificateError for its texts."""

    @abstractmethod
    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        """Raise CertificateError unless the numbers of a row with a value follow from its certificates.

        Returns
        -------
        "proven", "approximate" (an attack that meets the data nearly), "exact" (evaluated again); empty: no certificate
        """

    def score(self, at: AtPoint, asked: Asked, run: Run) -> float:
        """The quantity at a point of a search, larger is better; -inf where it has none."""
        return -math.inf

    def program(self, asked: Asked) -> tuple[Any, ...]:
        """The program behind it: quantities with the same one are solved together."""
        x, y = asked.settings
        return asked.name, x, y, asked.how, asked.preprocessing

    def span(self, at: AtPoint, asked: Asked) -> float:
        """How far two values can be apart at most: for bits, all of Alice's outcome, or of a pair; else 1."""
        if self.unit != "bit":
            return 1.0
        most = [math.log2(max(party)) for party in at.member.scenario.outcomes]
        return sum(most) if self.pair or self.blind else most[0]

    def solvers(self, asked: Asked, model: str | None) -> frozenset[str] | None:
        """The names of what may have answered; None: solvers of conic programs."""
        return None

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        """What may have been said of an answer, ``conic`` by solvers of conic programs."""
        return conic


class ProgramKind(QuantityKind):
    """A quantity that follows from one bound with a certificate.

    A subclass says how the bound is found (:meth:`solve`), what its certificate must be about (:meth:`figure`), and
    what it makes of the number that is proven (:meth:`value`).
    """

    @abstractmethod
    def solve(self, at: AtPoint, asked: Asked, flips: float) -> Bound:
        """The bound, for a preprocessing."""

    @abstractmethod
    def figure(self, at: AtPoint, asked: Asked, flips: float) -> Figure:
        """What the certificate is about."""

    def value(self, proven: float, at: AtPoint, asked: Asked) -> float:
        """The quantity, from what the certificate proves: on the safe side of it."""
        return proven

    def certified_side(self, asked: Asked) -> str:
        """The side of the bound that is certified."""
        return asked.side

    def question(self, at: AtPoint, asked: Asked, flips: float) -> dict[str, Any]:
        """What the certificate must be about, in its own form."""
        found = question(at, self.figure(at, asked, flips), self.certified_side(asked))
        return found | {"model": at.model.describe()}

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        solved = run.solved(asked)
        row: Row = {"seconds": solved.seconds}
        if solved.bound is None:
            proof = None if solved.separation is None else run.certificate(solved.separation)
            return row | {"status": solved.status, "error": solved.error, "certificate": proof}
        bound = solved.bound
        # "infeasible" and "failed" are for rows without a value, whatever a solver said of a dual that proves a bound
        status = "stopped early" if bound.status in ("infeasible", "failed") else bound.status
        row |= {"solver": bound.solver, "status": status, "method": "certified"}
        row |= {"margin": self.kept(bound.correction, at, asked), "certificate": run.certificate(bound)}
        if asked.preprocessing == BEST:
            row["preprocessing"] = run.flips(asked)
        if isinstance(bound, EntropyBound):
            row["gap"] = self.kept(gap_of(bound), at, asked)
        return row | self.finish(at, asked, bound, row, run)

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        """The value and what else the bound gives."""
        return {"value": self.value(bound.value, at, asked)}

    def kept(self, number: float, at: AtPoint, asked: Asked) -> float | None:
        """A margin or a gap, or None where the solver gave no number to compare with: none, or one out of range."""
        return number if abs(number) <= self.span(at, asked) else None

    def methods(self) -> tuple[str, str]:
        """What the method of a row may be."""
        return "certified", "closed form"

    def needs(self, asked: Asked, row: Row) -> Needs:
        methods = self.methods()
        if row["method"] not in methods:
            raise CertificateError(
                f"its method is {show(row['method'])}, and must be {methods[0]!r} or {methods[1]!r}."
            )
        need, may = {"value", "method", "status", "solver"}, {"seconds", "margin", "certificate"}
        if asked.group == "entropy":
            may.add("gap")
        if row["method"] == "closed form":
            need.add("sdp_value")
            may.add("sdp_certificate")
        return need, may

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        if row["method"] == "closed form":
            raise CertificateError("it is a closed form, and there is none: its data are no quantum self-test.")
        if row["certificate"] is None:
            return ""
        flips = row["preprocessing"] or 0.0
        found = proofs.of(row["certificate"], self.question(at, asked, flips))
        follows(row["value"], self.value(found.claimed, at, asked), "value", asked.side)
        return "proven"


def question(
    at: AtPoint, figure: Figure, side: str, tested: bool = True, data: Observations | None = None
) -> dict[str, Any]:
    """What a certificate must be about: a figure, for the data of a point, for others, or without any."""
    own = at.behaviour if tested else at.expression
    outcomes = [list(party) for party in own.scenario.outcomes]
    observed = data_entries(at.observed if data is None else data) if tested else []
    return {"scenario": {"outcomes": outcomes}, "figure": figure.entry(), "side": side, "observed": observed}


def data_entries(data: Observations) -> list[dict[str, Any]]:
    """Tested data as a certificate has them."""
    return [
        {"coefficients": np.asarray(c).tolist(), "value": float(v), "tolerance": float(t)}
        for c, v, t in zip(data.coefficients, data.values, data.tolerances, strict=True)
    ]


def gap_of(bound: EntropyBound) -> float:
    """How far the bound may be from the entropy: from an explicit mixture if it has one, else what more nodes could
    add."""
    return bound.gap if isinstance(bound, QubitEntropyBound) else bound.quadrature_gap
