"""Proofs of lower bounds on an entropy: each has a functional of the tested values, and writes a certificate."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Functional
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.used_symmetry import UsedSymmetry
from sdpbound.conic.programs.shared import SharedDual
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["EntropyProof", "Program", "ProgramProof", "rows_of"]


@dataclass(frozen=True, eq=False)
class EntropyProof(AffineProof):
    """A proof of: entropy >= constant + multipliers . tested values, for every behaviour of the model."""

    question: EntropyQuestion
    model: Adversary

    @property
    @abstractmethod
    def line(self) -> tuple[float, Floats]:
        """The constant and the multipliers (J,), in bits."""

    @abstractmethod
    def entries(self) -> dict[str, Any]:
        """The entry "proof" of the certificate, with the multipliers of an upper bound on minus the entropy."""

    @property
    def given(self) -> Observations:
        return self.question.given or self.question.observed

    def functional(self) -> Functional:
        constant, multipliers = self.line
        return Functional.of_tests("lower", constant, multipliers, self.question.observed)

    def certificate(self, value: float) -> dict[str, Any]:
        constant, multipliers = self.line
        head = certificate_head(self.question.observed, self.question.figure, "lower", self.model.describe())
        functional = {"constant": constant, "multipliers": multipliers.tolist()}
        return head | {"proof": self.entries(), "claim": {"value": value, "functional": functional}}


D = TypeVar("D", bound=SharedDual, contravariant=True)


class Program(Protocol[D]):
    """A program each dual of which bounds minus an entropy from above."""

    @property
    def symmetry(self) -> UsedSymmetry | None:
        """The symmetry that the program is reduced by; None where none but flips was looked for."""

    def entries(self, dual: D) -> dict[str, Any]:
        """The entries of a certificate that describe this dual, without its multipliers."""


E = TypeVar("E", bound=SharedDual)


@dataclass(frozen=True, eq=False)
class ProgramProof(EntropyProof, Generic[E]):
    """A proof by the dual of a program: the dual bounds minus the entropy from above."""

    program: Program[E]
    dual: E

    @property
    def line(self) -> tuple[float, Floats]:
        return -self.dual.constant, -np.array(self.dual.multipliers)

    @property
    def symmetry(self) -> UsedSymmetry | None:
        return self.program.symmetry

    def entries(self) -> dict[str, Any]:
        return {"multipliers": list(self.dual.multipliers)} | self.program.entries(self.dual)


def rows_of(factor: Floats) -> list[list[float]]:
    """The rows of a lower triangular matrix, each up to the diagonal."""
    return [row[: i + 1].tolist() for i, row in enumerate(factor)]
