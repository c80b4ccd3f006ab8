"""Adversary models, and what each of them hands to the assembly: a cone with a map to behaviours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.npa.words import MomentMatrix

__all__ = ["CorrelationModel", "Relaxation"]


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


class CorrelationModel(ABC):
    """A set of correlations: what the adversary may prepare."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The field's name of the set."""

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The model as it stands in a certificate and a table."""

    @abstractmethod
    def relax(self, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
        """The cone of the model's behaviours in a scenario. Pure: the same arguments give the same, shared object."""
