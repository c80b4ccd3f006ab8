"""The base class of the methods for von Neumann entropies; each method is a class whose fields are its options."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from sdpbound.adversaries import Quantum
from sdpbound.bell.observations import Observations
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.closed import closed_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound, no_entropy
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["FIRST_LEVEL", "ProgramMethod", "VonNeumannMethod"]

#: The level of the hierarchy that a quantum adversary is said to have where no level is given.
FIRST_LEVEL = "1+AB"
#: A search over levels and nodes takes about as long as so many programs with few nodes.
PROGRAMS = 3.0


@dataclass(frozen=True)
class VonNeumannMethod(Entropy):
    """A method for von Neumann entropies against quantum adversaries; a closed form comes first if the data have one.

    Parameters
    ----------
    tolerance : the accuracy to aim at, in bits, from 1e-7 to 1

    Attributes
    ----------
    name : class attribute, the name of the method
    any_key : class attribute; whether the key may be of any parties of any number of them, or a function of their
        outcomes, and not only Alice's outcome or both outcomes of two parties
    merges : class attribute; whether the key may be a function of Alice's outcome or of both
    """

    name: ClassVar[str]
    any_key: ClassVar[bool] = False
    merges: ClassVar[bool] = False

    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        t = self.tolerance
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not 1e-7 <= t <= 1.0:
            raise InvalidParameter(f"tolerance = {t!r:.60} of an entropy must be a number of bits from 1e-7 to 1.")

    @property
    @abstractmethod
    def adversary(self) -> Quantum: ...

    @abstractmethod
    def solved(self, question: EntropyQuestion) -> EntropyBound:
        """Bound the entropy of a checked question, without closed forms."""

    def applies(self, question: KeyQuestion) -> str | None:
        try:
            self.require(question)
        except InvalidInput as error:
            return str(error)
        return None

    def require(self, question: KeyQuestion) -> EntropyQuestion:
        """The question about a von Neumann entropy; InvalidInput if the method cannot answer it."""
        if question.blind:
            raise InvalidInput(
                "a rate of blind randomness has a bound by min-entropy only: use MinEntropy(Quantum('2')); von "
                "Neumann's H(A|BE) of two parties is bounded by sdpbound.routed.blind_entropy."
            )
        asked = question.of_entropy()
        if asked.merge is not None and not self.any_key and not self.merges:
            raise InvalidInput(
                f"method {self.name!r} is for outcomes as they are, not for {asked.figure}; use method='projective', "
                "or leave method out."
            )
        if not self.any_key and not asked.names_a_pair:
            raise InvalidInput(
                f"method {self.name!r} is for Alice's outcome or both outcomes of two parties, not for "
                f"{asked.figure} of {asked.scenario.parties} parties; use method='projective', or leave method out."
            )
        return asked

    def tested(self, observed: Observations) -> Observations:
        return observed.drop_untested()

    def lower_bound(self, question: KeyQuestion) -> EntropyBound:
        asked = VonNeumannMethod.require(self, question)
        if asked.outcomes == 1:
            return no_entropy(asked, self.adversary)
        closed = closed_entropy(asked, self.adversary) if question.closed_forms else None
        if closed is not None:
            return closed
        bound = self.solved(asked)
        return replace(bound, method=bound.method or self.name, tolerance=self.tolerance)


@dataclass(frozen=True)
class ProgramMethod(VonNeumannMethod):
    """A method that solves programs over moment matrices, for rising numbers of nodes and words.

    Parameters
    ----------
    level : words of the moment matrices; None lets the search choose
    nodes : nodes of the integral; None lets the search choose
    solver : of the programs; None for the best installed
    limit : rough CPU seconds that one program may take; a larger program is not tried, but the first is
    known : programs of one question that are solved, by what they are; None to keep none
    glance : whether few nodes are enough, as where more follow if it looks good
    """

    level: Level | None = None
    nodes: Any = None
    solver: SolverChoice = None
    limit: float = math.inf
    known: dict[object, Any] | None = field(default=None, repr=False, compare=False)
    glance: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level is not None:
            object.__setattr__(self, "level", normalise_level(self.level))
        if self.nodes is not None:
            object.__setattr__(self, "nodes", self.checked_nodes(self.nodes))

    @classmethod
    @abstractmethod
    def checked_nodes(cls, nodes: Any) -> Any:
        """The nodes given, if the method takes such; InvalidParameter otherwise."""

    @abstractmethod
    def first_cost(self, question: EntropyQuestion) -> float:
        """The rough CPU seconds of the first program of a search."""

    @property
    def adversary(self) -> Quantum:
        return Quantum(FIRST_LEVEL if self.level is None else self.level)

    def cost(self, question: KeyQuestion) -> float:
        return PROGRAMS * self.first_cost(question.of_entropy())

    def of_one_question(self) -> Entropy:
        return replace(self, known={})

    def at_a_glance(self) -> Entropy:
        return replace(self, glance=True)

    def within(self, question: KeyQuestion, seconds: float) -> Entropy | None:
        return replace(self, limit=seconds / PROGRAMS) if self.cost(question) <= seconds else None
