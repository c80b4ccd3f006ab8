"""The options of a bound on a Renyi entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from sdpbound.arguments import numbered, whole
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.radau.search import MOST_RADAU_NODES
from sdpbound.errors import InvalidParameter
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["RENYI_METHODS", "RenyiChanges", "RenyiOptions"]

#: By name, whether the method takes a level and a solver, and whether it takes nodes.
RENYI_METHODS = {
    "auto": (True, True),
    "qubit": (False, False),
    "gauss-radau": (True, True),
    "min-entropy": (True, False),
}
#: The accuracy aimed at where none is asked for, of qubits and of programs.
FINE, COARSE = 1e-4, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class RenyiOptions:
    """How a Renyi entropy is bounded; every bound is proven.

    Parameters
    ----------
    method : "qubit", for at most two tested settings of two outcomes a party, and kinds that it knows; "gauss-radau"
        and "min-entropy", programs for any settings and outcomes; "auto": the first where it applies and no level,
        nodes or solver is given, else the best of the others and of what lies between them
    tolerance : the accuracy aimed at, in bits, from 1e-6 to 1; None: 1e-4 by qubits and 1e-3 by programs
    level, nodes, solver : of programs, as in :class:`sdpbound.VonNeumann`; None lets the search choose

    >>> import sdpbound as sb
    >>> options = sb.RenyiOptions(method="min-entropy", level="1+AB")
    >>> bound = sb.renyi_entropy(sb.Observations.bell_value(sb.chsh(), 2.5), alpha=2.0, options=options)
    >>> bound.method, 0.267 < bound.value < 0.268
    ('min-entropy', True)
    """

    method: str = "auto"
    tolerance: float | None = None
    level: Level | None = None
    nodes: int | None = None
    solver: SolverChoice = None

    def __post_init__(self) -> None:
        if self.method not in RENYI_METHODS:
            known = ", ".join(RENYI_METHODS)
            raise InvalidParameter(f"method = {self.method!r:.60} of a Renyi entropy must be one of {known}.")
        if self.tolerance is not None and not 1e-6 <= numbered(self.tolerance, "tolerance") <= 1.0:
            raise InvalidParameter(
                f"tolerance = {self.tolerance!r:.60} of a Renyi entropy must be from 1e-6 to 1 bits."
            )
        if self.level is not None:
            object.__setattr__(self, "level", normalise_level(self.level))
        if self.nodes is not None:
            object.__setattr__(self, "nodes", whole(self.nodes, "nodes", 2, MOST_RADAU_NODES))
        with_level, with_nodes = RENYI_METHODS[self.method]
        for name, allowed in (("level", with_level), ("solver", with_level), ("nodes", with_nodes)):
            if getattr(self, name) is not None and not allowed:
                raise InvalidParameter(
                    f"{name} = {getattr(self, name)!r:.60} says nothing to method = {self.method!r}; leave it out, or "
                    "take method='gauss-radau'."
                )

    @property
    def names_a_program(self) -> bool:
        """Whether a program is asked for, and not qubits."""
        given = (self.level, self.nodes, self.solver)
        return self.method in ("gauss-radau", "min-entropy") or any(value is not None for value in given)


class RenyiChanges(TypedDict, total=False):
    """The options of :class:`RenyiOptions`, each as a keyword of a call."""

    method: str
    tolerance: float | None
    level: Level | None
    nodes: int | None
    solver: SolverChoice
