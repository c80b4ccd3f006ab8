"""The interface of Eve's conditional entropies, and the bound that the von Neumann ones return."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from sdpbound.behaviour import Observations
from sdpbound.bounds import Bound
from sdpbound.relaxation import CorrelationModel

__all__ = ["Entropy", "EntropyBound"]


class Entropy(ABC):
    """A way to bound Eve's conditional entropy from below."""

    @property
    @abstractmethod
    def adversary(self) -> CorrelationModel:
        """The adversary's set of correlations."""

    @abstractmethod
    def lower_bound(
        self,
        observed: Observations,
        x: int,
        y: int | None,
        blind: bool,
        preprocessing: float = 0.0,
        closed_forms: bool = True,
    ) -> Bound:
        """Certified lower bound in bits on H(A|x,E), with y on H(AB|x,y,E), or if blind on H(A|x,y,B,E).

        ``preprocessing``: probability with which Alice flips her bit before the entropy is asked for;
        ``closed_forms``: whether a formula may stand for a program.
        """


@dataclass(frozen=True, eq=False, repr=False)
class EntropyBound(Bound):
    """A proven lower bound on a von Neumann entropy.

    Attributes
    ----------
    nodes : the nodes used; none for a closed form
    quadrature_gap : bits by which more nodes could raise the bound at this level, at most; as accurate as the solver's
        point. What is left between the bound and the value of an attack is due to the level
    """

    nodes: tuple[float, ...] = ()
    quadrature_gap: float = math.nan
