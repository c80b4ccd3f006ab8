"""Bounds: proven numbers, and the functionals that prove them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import Merge, Settings
from sdpbound.bell.observations import Observations
from sdpbound.bounds.certificate import Certificate
from sdpbound.bounds.figures import (
    BlindGuessingProbability,
    ConditionalEntropy,
    Figure,
    GuessingProbability,
    MinEntropyOf,
)
from sdpbound.bounds.rounding import rounded
from sdpbound.bounds.used_symmetry import UsedSymmetry
from sdpbound.conic.program import Status
from sdpbound.errors import CertificateError, InvalidShape, SolverFailure
from sdpbound.shown import Shown

__all__ = ["AffineProof", "Bound", "Functional", "Proof", "bounds_entropy"]


@dataclass(frozen=True, eq=False)
class Functional:
    """An affine functional of behaviours, proven on the whole set of a model.

    For side "upper" every behaviour p of the model has ``figure(p) <= functional(p)``; for "lower" ``>=``.

    Attributes
    ----------
    side : "upper" or "lower"
    constant : float
    multipliers : (J,) of the tested expressions
    expression : BellExpression, constant included: the optimal Bell expression found

    >>> import sdpbound as sb
    >>> bound = sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), 2.5), sb.Quantum("1+AB"))
    >>> other = sb.family_named("chsh").member().behaviour(visibility=0.95)
    >>> round(bound.value, 3), round(bound.functional(other), 3)  # the second is proven too, without solving
    (0.831, 0.742)
    """

    side: str
    constant: float
    multipliers: NDArray[np.float64]
    expression: BellExpression

    @classmethod
    def of_tests(
        cls, side: str, constant: float, multipliers: NDArray[np.float64], observed: Observations
    ) -> Functional:
        """``constant`` and multiples of tested expressions."""
        coefficients = observed.coefficients
        table = (
            np.tensordot(multipliers, coefficients, axes=(0, 0)) if len(observed) else np.zeros(coefficients.shape[1:])
        )
        table[(0,) * table.ndim] += constant
        return cls(side, constant, multipliers, BellExpression(observed.scenario, table))

    def __call__(self, behaviour: Behaviour) -> float:
        """Its value on a behaviour: a bound for every adversary compatible with that behaviour (floating point)."""
        return self.expression.value(behaviour)

    def at(self, values: Sequence[float] | NDArray[np.float64]) -> float:
        """Its value at other values of the same tested expressions, in order."""
        v = floats(values, "tested values")
        if v.shape != self.multipliers.shape:
            raise InvalidShape(f"{self.multipliers.size} tested values are needed, not an array of shape {v.shape}.")
        return self.constant + float(self.multipliers @ v)

    def __repr__(self) -> str:
        return f"Functional({self.side} bound: {self.expression!r})"

    def _repr_latex_(self) -> str:
        return self.expression._repr_latex_()


class Proof(ABC):
    """What a bound needs of its proof."""

    #: Said where a functional is asked for, of a proof that is of one number only: why there is none, and what to do.
    no_functional: ClassVar[str] = "this proof is of one number only, and gives no affine functional."
    #: Whether it is about the exact data, and not about all data within the tolerances of the floats.
    of_exact_data: ClassVar[bool] = False

    @property
    @abstractmethod
    def given(self) -> Observations:
        """The data asked about."""

    @abstractmethod
    def certificate(self, value: float) -> dict[str, Any]:
        """The certificate of a value."""

    @property
    def optimum(self) -> Behaviour | None:
        """The behaviour at the optimum found, where a program over behaviours was solved."""
        return None

    @property
    def symmetry(self) -> UsedSymmetry | None:
        """The symmetry that the proof was found with; None where none was looked for."""
        return None


class AffineProof(Proof):
    """A proof that holds for every behaviour of a set, and bounds the figure by an affine functional there."""

    @abstractmethod
    def functional(self) -> Functional:
        """The affine functional that is proven for every behaviour."""


@dataclass(frozen=True, eq=False)
class Bound(Shown):
    """A proven number.

    Attributes
    ----------
    value : float, certified: holds whatever the solver did
    side : "upper" or "lower"
    merit : Figure, what is bounded; ``figure`` has it in words
    model : the adversary's set
    solver_value : the solver's own print-out, for comparison only
    solver : who solved
    status : what the solver said, or "closed form"; "stopped" where a limit of time or an interrupt came first
    seconds : wall time of "assemble", "solve", "certify"
    source : for closed forms, the theorem
    """

    value: float
    side: str
    merit: Figure
    model: Adversary | None
    solver_value: float
    solver: str
    status: str
    seconds: dict[str, float]
    source: str = ""
    _proof: Proof = field(repr=False, kw_only=True)

    def __float__(self) -> float:
        return self.value

    @property
    def figure(self) -> str:
        """What is bounded, in words."""
        return self.merit.words

    @property
    def given(self) -> Observations:
        """The tested data that the bound is about, as they were asked about."""
        return self._proof.given

    @property
    def data(self) -> str:
        """Which data the bound is about.

        "exact": the exact values of a member. "measured": all values within the tolerances of the floats.
        """
        return "exact" if self._proof.of_exact_data else "measured"

    @property
    def symmetry(self) -> UsedSymmetry | None:
        """The relabellings that leave the question unchanged, and what they did to the sizes of the program.

        None where none were looked for: with ``symmetry=False``, where there is no moment matrix, in closed forms.

        >>> import sdpbound as sb
        >>> print(sb.maximize(sb.chsh(), sb.Quantum("1+AB")).symmetry.sizes)
        blocks 9 -> 2, 4 x 1; variables 17 -> 2
        """
        return self._proof.symmetry

    @property
    def is_stopped(self) -> bool:
        """Whether a limit of time or an interrupt ended the search for it: the bound is proven, and may be loose."""
        return self.status == Status.OUT_OF_TIME.value

    @property
    def correction(self) -> float:
        """How much the certificate moved the solver's value, to the safe side if positive."""
        if math.isnan(self.solver_value):
            return math.nan
        return (self.value - self.solver_value) * (1.0 if self.side == "upper" else -1.0)

    @cached_property
    def functional(self) -> Functional:
        """The affine functional that the dual proves for every behaviour of the model.

        Raises
        ------
        CertificateError
            If the proof is of one number only, as a closed form at a self-test or an explicit attack is.
        """
        if not isinstance(self._proof, AffineProof):
            raise CertificateError(self._proof.no_functional)
        return self._proof.functional()

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour at the optimum that the solver found: numeric, and not proven.

        Of a guessing probability it is that of Alice and Bob, all guesses together. A solver's optimum is accurate to
        about 1e-8, so that up to 1e-5 of white noise is added where a probability would be negative.

        Raises
        ------
        SolverFailure
            If the solver gave no optimum or the program does not have all coordinates of a behaviour.
        """
        found = self._proof.optimum
        if found is None:
            raise SolverFailure(
                f"no behaviour at the optimum of {self.figure} is known: the program has not all of its coordinates as "
                "probabilities, or was not solved for them; take a level such as '1+AB'."
            )
        return found

    @cached_property
    def certificate(self) -> Certificate:
        """The proof, self-contained."""
        return Certificate(self._proof.certificate(self.value))

    def __repr__(self) -> str:
        sign = "<=" if self.side == "upper" else ">="
        value = rounded(self.value, self.side)
        where = f" over {self.model!r}" if self.status != "closed form" else ""
        how = (
            f"closed form, {self.data} data, {self.source}"
            if self.status == "closed form"
            else f"certified, margin {self.correction:.1e}"
        )
        if self.is_stopped:
            how += "; stopped before it was as tight as it could be"
        return f"{self.figure} {sign} {value} ({self.side} bound{where}; {how})"


def bounds_entropy(
    bound: Bound,
    observed: Observations,
    x: int | None,
    y: int | None,
    blind: bool,
    preprocessing: Preprocessing = 0.0,
    settings: Settings | None = None,
    merge: Merge | None = None,
) -> bool:
    """Whether a bound is a lower one on the min-entropy or entropy of this key, from these tested data."""
    wanted: list[Figure] = [] if blind else [ConditionalEntropy(x, y, preprocessing, settings, merge)]
    if not preprocessing and not blind:
        wanted.append(MinEntropyOf(GuessingProbability(x, y, settings, merge)))
    elif not preprocessing and x is not None and y is not None:
        wanted.append(MinEntropyOf(BlindGuessingProbability(x, y)))
    return bound.side == "lower" and bound.merit in wanted and bound.given == observed
