"""Adversary models, and what each of them hands to the assembly: a cone with a map to behaviours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.errors import InvalidInput, InvalidLevel
from sdpbound.npa.levels import Level
from sdpbound.npa.words import MomentMatrix
from sdpbound.registry import listed

__all__ = ["ASSUMED", "Adversary", "Relaxation", "Security", "checked_relaxation"]

#: What every asymptotic rate assumes.
ASSUMED = ("devices do not signal to each other or to Eve", "asymptotic: infinitely many rounds")


@dataclass(frozen=True, eq=False)
class Relaxation:
    """A convex cone of (sub-normalised) behaviours, in the variables of a conic program.

    Attributes
    ----------
    scenario : the scenario, with Eve's further setting of a blind measurement if there is one
    variables : number of variables
    coordinates : sparse (prod(shape), variables); a behaviour's moment coordinates from the variables
    reached : (prod(shape),) whether each coordinate is determined by the variables
    blocks : index matrices of positive semidefinite blocks
    inequalities : sparse (r, variables), rows that are non-negative
    unit : index of the variable that is the normalisation, or -1 if it is the sum of all variables
    matrix : the moment matrix behind the (only) block, if there is one
    """

    scenario: Scenario
    variables: int
    coordinates: sp.csr_array
    reached: NDArray[np.bool_]
    blocks: tuple[NDArray[np.int64], ...]
    inequalities: sp.csr_array
    unit: int
    matrix: MomentMatrix | None = None

    @property
    def of_vertices(self) -> bool:
        """Whether the variables are weights of points, so that a bound is proven by its value on each of them."""
        return self.unit < 0


@dataclass(frozen=True, slots=True)
class Security:
    """What makes an entropy against an adversary a rate: the theorem, and what is assumed."""

    theorem: str
    assumptions: tuple[str, ...]


class Adversary(ABC):
    """A set of correlations: what an adversary may prepare.

    A new one fills in ``name``, ``describe`` and ``relax``, says with the attributes below what is true of its set, and
    is hashable: the same values are the same adversary. It stands in the table ``ADVERSARIES``, or is named by an entry
    point of the group "sdpbound.adversaries" in another package.

    The checker of certificates knows three sets: quantum, no-signaling and local correlations. So an adversary names in
    ``describe`` the one of them that its certificates are checked against, and its relaxation is an outer one of that
    set, made of what proves a bound there: a moment matrix of any words for "quantum", all probabilities for
    "no-signaling", the deterministic strategies for "local". A certificate then proves the bound on that set. That the
    bound holds on a larger set of the adversary too is what its relaxation says, and nobody checks that again.

    Attributes
    ----------
    takes_level : whether there is a hierarchy, whose level :meth:`at_level` takes
    linear : whether its programs are linear
    deterministic : whether its extreme points are the deterministic strategies, so that the largest value of an
        expression is found by enumeration where nothing is tested
    keeps_devices : whether Eve may hold a device after its measurement: ``relax`` then takes a blind measurement
    contains_quantum : whether every quantum behaviour is in the set
    self_tests : whether data that only one quantum strategy has leave Eve nothing else: closed forms are for such sets
    """

    takes_level: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    deterministic: ClassVar[bool] = False
    keeps_devices: ClassVar[bool] = False
    contains_quantum: ClassVar[bool] = False
    self_tests: ClassVar[bool] = False

    @classmethod
    def at_level(cls, level: Level | None) -> Self:
        """The adversary at a level of its hierarchy, None for its own choice; InvalidLevel where it has none."""
        if level is not None:
            raise InvalidLevel(f"level = {level!r}: {cls.__name__} has no hierarchy; leave the level out.")
        return cls()

    def certified_by(self) -> Adversary | None:
        """The adversary whose sums of squares prove its bounds, where its own program has inequalities beside a matrix.

        Each of these must be a square in the words of that adversary. None: its own relaxation does.
        """
        return None

    def lower(self) -> Adversary | None:
        """A model of which this one is a stronger version, and whose bounds hold here; None if there is none."""
        return None

    @property
    @abstractmethod
    def name(self) -> str:
        """The field's name of the set."""

    @property
    def label(self) -> str:
        """What tells it from others of its name, in one string, such as the level; empty where nothing does."""
        return ""

    @property
    def meaning(self) -> object:
        """As ``label``, without loss: plain data by which a study knows its numbers again, or None."""
        return self.label or None

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The entry in a certificate: "kind" is the set it is checked against; with "quantum" there is a "level"."""

    @abstractmethod
    def relax(self, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
        """The cone of the model's behaviours in a scenario. Pure: the same arguments give the same, shared object."""

    def security(self, kind: str) -> Security:
        """What makes an entropy against it a rate of ``kind`` "key" or "randomness"; InvalidInput if nothing does."""
        raise InvalidInput(
            f"no theorem turns an entropy against {self!r} into a rate; use Quantum, NoSignaling or Local."
        )


def checked_relaxation(model: Adversary, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
    """The relaxation of a model, if it is of a form whose duals the checker reads for the set that the model names.

    Raises
    ------
    InvalidInput
        If the entry for certificates is none that the checker knows, or the relaxation is of another form.
    """
    entry = model.describe()
    kind = entry.get("kind")
    if kind not in _FORMS:
        raise InvalidInput(
            f"{model!r} names {kind!r} as the set that its certificates are checked against; the checker knows "
            f"{listed(_FORMS)}."
        )
    keys = {"kind", "level"} if kind == "quantum" else {"kind"}
    if set(entry) != keys or not all(isinstance(value, str) for value in entry.values()):
        raise InvalidInput(f"{model!r} describes itself as {entry!r}; the entries must be texts named {sorted(keys)}.")
    relaxation = model.relax(scenario, blind)
    needed, fits = _FORMS[str(kind)]
    if not fits(relaxation):
        raise InvalidInput(
            f"{model!r} names {kind!r} as the set that its certificates are checked against; its relaxation must then "
            f"be made of {needed}."
        )
    return relaxation


def _of_probabilities(relaxation: Relaxation) -> bool:
    rows = relaxation.scenario.probability_rows()
    return relaxation.matrix is None and not relaxation.blocks and relaxation.inequalities.shape == rows.shape


#: The sets that the checker knows, what a relaxation is made of whose duals it reads, and whether one is.
_FORMS: dict[str, tuple[str, Callable[[Relaxation], bool]]] = {
    "quantum": ("one moment matrix", lambda r: r.matrix is not None and len(r.blocks) == 1 and r.unit >= 0),
    "no-signaling": ("the probabilities of a no-signaling behaviour", lambda r: r.unit >= 0 and _of_probabilities(r)),
    "local": ("weights of deterministic strategies", lambda r: r.unit < 0 and r.matrix is None),
}
