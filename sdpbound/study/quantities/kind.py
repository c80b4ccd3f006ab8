"""The base class of quantities.

A class derived from it is a quantity that study files can name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from sdpbound.bell.channel import BEST, BEST_CHANNEL, BinaryChannel, Preprocessing
from sdpbound.bell.key import Merge, Settings
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import Figure
from sdpbound.entropies.conditional import EntropyBound, VonNeumann
from sdpbound.entropies.entropy import INACCURATE
from sdpbound.errors import CertificateError, InvalidParameter
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, show
from sdpbound.tables.columns import Row

__all__ = [
    "SEARCHED",
    "Asked",
    "Certified",
    "Group",
    "Needs",
    "ProgramKind",
    "QuantityKind",
    "Run",
    "Side",
    "Solved",
    "Walked",
    "ahead_columns",
    "ahead_of",
    "data_entries",
    "gap_of",
    "question",
]

#: What a quantity depends on besides the point. "point": nothing. "expression": an adversary. "data": noise, tested
#: data and an adversary. "entropy": noise and tested data, against quantum devices. "no-signaling": noise and tested
#: data, against no-signaling boxes. "threshold": tested data and all noise except the one whose critical value is
#: looked for.
Group = Literal["point", "expression", "data", "entropy", "no-signaling", "threshold"]
Side = Literal["upper", "lower", "exact"]
#: What stands for a preprocessing that is searched.
SEARCHED = (BEST, BEST_CHANNEL)
#: The columns that a row must have, and those that it may have besides.
Needs = tuple[set[str], set[str]]


class Method(Protocol):
    """A method that bounds a von Neumann entropy, as a study names it."""

    def bound(self, solver: str | None) -> VonNeumann:
        """Return the library's method, with the study's solver."""


class Asked(Protocol):
    """A quantity as a study asks for it: with settings, an entropy, a preprocessing and a number of rounds."""

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
    def key(self) -> Settings | None: ...
    @property
    def merge(self) -> Merge | None: ...
    @property
    def how(self) -> Method | None: ...
    @property
    def preprocessing(self) -> float | str | None: ...
    @property
    def postprocessing(self) -> PostProcessing | None: ...
    @property
    def rounds(self) -> float | None: ...
    @property
    def method(self) -> str | None: ...
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
    """A bound, or the reason why there is none."""

    bound: Bound | None
    seconds: float
    status: str = ""
    error: str = ""
    separation: Certified | None = None


@dataclass(frozen=True)
class Walked:
    """Where the search for the strategies that survive most noise ended.

    ``begin`` is the last noise at which it found a key, by an estimate, and ``nowhere`` one at which no start found
    any; None if it came to its end.
    """

    begin: float
    nowhere: float | None


class Run(Protocol):
    """The evaluation of quantities at one point.

    A run remembers what is solved, and keeps certificates.
    """

    def solved(self, asked: Asked) -> Solved:
        """Solve the program behind a quantity, once for all quantities that share it."""

    def is_solved(self, asked: Asked) -> bool:
        """Whether the program behind a quantity is solved already."""

    def flips(self, asked: Asked) -> Preprocessing:
        """Return the preprocessing of a quantity.

        If the best one is asked for, it is searched.
        """

    def certificate(self, bound: Certified) -> str | None:
        """Keep a bound's certificate and return its name; None if the study keeps no certificates."""

    def once(self, key: Hashable, make: Any) -> Any:
        """Return what ``make()`` gave for a key.

        ``make`` is called once for each key.
        """

    def walked(self, asked: Asked) -> Walked | None:
        """Return where the search for the strategy of a critical value ended; None if none was searched."""


@dataclass(frozen=True, kw_only=True)
class QuantityKind(ABC):
    """A quantity of studies.

    Attributes
    ----------
    label : name in charts and reports
    group : what the quantity depends on; a quantity of the group "data" that is asked with a von Neumann entropy is of
        the group "entropy"
    side : side of the bound that is proven
    bob : Bob's setting where none is given (WBC Props. 2 and 3); None for a quantity of Alice's outcome alone, and for
        one without settings
    unit : "bit", or "1"
    rate : whether it is a rate, which follows from an entropy
    keys : the further keys that it takes: "entropy", "preprocessing", "best" if the best preprocessing may be searched,
        "merge" if outcomes may be merged, "resolution", "rounds", "method"
    pair : whether both outcomes are guessed or hashed, and not Alice's alone
    blind : whether Alice's outcome is guessed by an adversary who also has Bob's device
    key : whether it is a rate of key, from which the cost of errors is subtracted
    driven : for a threshold, the column whose critical value it is
    several : whether it is known of more than two parties; a pair and a key then take ``key``, a setting for each party
    first : whether it is evaluated before other quantities, so that their searches begin at its best points
    processed : the quantity that takes its place where it is asked with a post-processing; None if it takes none
    searched : the rate whose best strategies are searched for it, as :class:`~sdpbound.strategies.StrategyOptions`
        names it; empty for a quantity that is asked at given points only
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
    several: bool = False
    first: bool = False
    searched: str = ""
    processed: QuantityKind | None = None
    #: Whether explicit attacks prove it.
    attack: ClassVar[bool] = False
    #: Whether its members must have a Bell expression.
    of_expression: ClassVar[bool] = False
    #: Whether its proof holds only for settings with two outcomes.
    of_bits: ClassVar[bool] = False
    #: Whether its proof holds only for two settings with two outcomes each, tested by correlators.
    of_chsh: ClassVar[bool] = False

    @abstractmethod
    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        """Return the columns that evaluating the quantity fills: value, status, seconds and others."""

    @abstractmethod
    def needs(self, asked: Asked, row: Row) -> Needs:
        """Return the columns that a row with a value must have, and those that it may have.

        Raises CertificateError if a text of the row is wrong.
        """

    @abstractmethod
    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        """Raise CertificateError unless the numbers of a row with a value follow from its certificates.

        Returns
        -------
        "proven", "approximate" for an attack that meets the data nearly, "exact" for a number that was evaluated again,
        or "" if the row has no certificate
        """

    def score(self, at: AtPoint, asked: Asked, run: Run) -> float:
        """Return the quantity at a point of a search with a sign such that larger is better; -inf where it has none."""
        return -math.inf

    def program(self, asked: Asked) -> tuple[Any, ...]:
        """Return a name of the program behind the quantity.

        Quantities with the same program are solved together.
        """
        x, y = asked.settings
        return asked.name, x, y, asked.how, asked.preprocessing

    def span(self, at: AtPoint, asked: Asked) -> float:
        """Return the largest distance of two values.

        For a quantity in bits it is the most bits in a party's outcome, or in all outcomes for a pair. Otherwise it is
        1.
        """
        if self.unit != "bit":
            return 1.0
        most = [math.log2(max(party)) for party in at.member.scenario.outcomes]
        return sum(most) if self.pair or self.blind else max(most)

    def solvers(self, asked: Asked, model: str | None) -> frozenset[str] | None:
        """Return the names of what may have answered; None means any solver of conic programs."""
        return None

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        """Return the statuses of an answer.

        ``conic`` are those that solvers of conic programs give.
        """
        return conic


class ProgramKind(QuantityKind):
    """A quantity that follows from one bound with a certificate.

    A subclass says how the bound is found (:meth:`solve`), what its certificate must be about (:meth:`figure`), and how
    the value follows from the number that is proven (:meth:`value`).
    """

    @abstractmethod
    def solve(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Bound:
        """Return the bound, for a preprocessing."""

    @abstractmethod
    def figure(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Figure:
        """Return what the certificate is about."""

    def value(self, proven: float, at: AtPoint, asked: Asked) -> float:
        """Return the quantity from the number that the certificate proves, rounded to the safe side."""
        return proven

    def certified_side(self, asked: Asked) -> str:
        """Return the side of the bound that is certified."""
        return asked.side

    def question(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> dict[str, Any]:
        """Return what the certificate must be about, in the form of a certificate's question."""
        found = question(at, self.figure(at, asked, flips), self.certified_side(asked))
        return found | {"model": at.model.describe()}

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        solved = run.solved(asked)
        row: Row = {"seconds": solved.seconds}
        if solved.bound is None:
            proof = None if solved.separation is None else run.certificate(solved.separation)
            return row | {"status": solved.status, "error": solved.error, "certificate": proof}
        bound = solved.bound
        # "infeasible" and "failed" are only for rows without a value. A solver may give these statuses to a dual that
        # proves a bound.
        status = "stopped early" if bound.status in ("infeasible", "failed") else bound.status
        row |= {"solver": bound.solver, "status": status, "method": "certified"}
        row |= {"margin": self.kept(bound.correction, at, asked), "certificate": run.certificate(bound)}
        if asked.preprocessing in SEARCHED:
            row |= ahead_columns(run.flips(asked))
        if isinstance(bound, EntropyBound):
            row["gap"] = self.kept(gap_of(bound), at, asked)
        return row | self.finish(at, asked, bound, row, run)

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        """Return the columns that the bound gives: the value and others."""
        return {"value": self.value(bound.value, at, asked)}

    def kept(self, number: float, at: AtPoint, asked: Asked) -> float | None:
        """Return a margin or a gap.

        The number is None where the solver gave no number to compare with, or one out of range.
        """
        return number if abs(number) <= self.span(at, asked) else None

    def methods(self) -> tuple[str, str]:
        """Return the methods that a row may name."""
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
        flips = ahead_of(row)
        found = proofs.of(row["certificate"], self.question(at, asked, flips))
        follows(row["value"], self.value(found.claimed, at, asked), "value", asked.side)
        return "proven"


def ahead_columns(preprocessing: Preprocessing) -> Row:
    """Return the columns that say what the key bit passed: a probability of flips, or the two of a channel."""
    if isinstance(preprocessing, BinaryChannel):
        return {"preprocessing": None, "channel_0": preprocessing.p0, "channel_1": preprocessing.p1}
    return {"preprocessing": preprocessing}


def ahead_of(row: Row) -> Preprocessing:
    """Return what the key bit of a row passed.

    Raises CertificateError if the columns are no channel.
    """
    up, down = row.get("channel_0"), row.get("channel_1")
    if up is None and down is None:
        return row["preprocessing"] or 0.0
    if up is None or down is None or row["preprocessing"] is not None:
        raise CertificateError(
            "its key bit passes a channel, of which both probabilities are needed, and flips besides."
        )
    try:
        return BinaryChannel(up, down)
    except InvalidParameter as error:
        raise CertificateError(f"its channel is none: {error}") from None


def question(
    at: AtPoint, figure: Figure, side: str, tested: bool = True, data: Observations | None = None
) -> dict[str, Any]:
    """Return what a certificate must be about: a figure, for the data of a point, for other data, or without data."""
    own = at.behaviour if tested else at.expression
    outcomes = [list(party) for party in own.scenario.outcomes]
    observed = data_entries(at.observed if data is None else data) if tested else []
    return {"scenario": {"outcomes": outcomes}, "figure": figure.entry(), "side": side, "observed": observed}


def data_entries(data: Observations) -> list[dict[str, Any]]:
    """Return tested data in the form that certificates have."""
    return [
        {"coefficients": np.asarray(c).tolist(), "value": float(v), "tolerance": float(t)}
        for c, v, t in zip(data.coefficients, data.values, data.tolerances, strict=True)
    ]


def gap_of(bound: EntropyBound) -> float:
    """Return how far the bound may be from the entropy.

    If the bound has an explicit mixture, that is the distance to the entropy of the mixture. Otherwise it is what more
    nodes could add and what the last words added; for words that the study chose, what more nodes could add.
    """
    known = math.isfinite(bound.gap) or bound.status == INACCURATE
    return bound.gap if known else bound.quadrature_gap
