"""The interface of Eve's conditional entropies."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sdpbound.behaviour import Observations
from sdpbound.bounds import Bound
from sdpbound.relaxation import CorrelationModel

__all__ = ["Entropy"]


class Entropy(ABC):
    """A way to bound Eve's conditional entropy from below."""

    @property
    @abstractmethod
    def adversary(self) -> CorrelationModel:
        """The adversary's set of correlations."""

    @abstractmethod
    def lower_bound(
        self, observed: Observations, x: int, y: int | None, blind: bool, preprocessing: float = 0.0
    ) -> Bound:
        """Certified lower bound in bits on H(A|x,E), with y on H(AB|x,y,E), or if blind on H(A|x,y,B,E).

        ``preprocessing``: probability with which Alice flips her bit before the entropy is asked for.
        """
