"""Every error that sdpbound raises on purpose.

    SdpboundError
    +-- InvalidInput (also ValueError)      a value the caller gave cannot be used
    |   +-- InvalidParameter                NaN, infinite or out of range
    |   +-- InvalidBehaviour                probabilities negative, unnormalised, signaling
    |   +-- InvalidShape                    an array's shape does not fit the scenario
    |   +-- InvalidSettings                 a measurement setting or outcome that does not exist
    |   +-- InvalidLevel                    a level of the hierarchy that cannot be read or is too low
    |   +-- InvalidSolver                   a solver that is unknown or not installed
    |   +-- NotSelfTesting                  a self-testing point is needed and condition (4) fails
    |   +-- InvalidStudy                    a study file that cannot be read
    |   |   +-- DamagedStore                the stored results of a study are damaged
    |   +-- TooLarge                        a problem beyond what can be enumerated or solved
    +-- Infeasible                          the tested data lie outside the adversary's set: an answer, with a proof
    +-- SolverFailure                       no solver gave a usable dual
    |   +-- TimeIsUp                        a limit of time, or an interrupt, came before anything was proven
    +-- StorageFailure                      results cannot be stored: the disk is full or fails
    +-- CertificateError                    a certificate that does not prove what it claims

Messages are one sentence or two: the value received, the range allowed, a next step.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

__all__ = [
    "CertificateError",
    "Certified",
    "DamagedStore",
    "Infeasible",
    "InvalidBehaviour",
    "InvalidInput",
    "InvalidLevel",
    "InvalidParameter",
    "InvalidSettings",
    "InvalidShape",
    "InvalidSolver",
    "InvalidStudy",
    "NotSelfTesting",
    "Proven",
    "SdpboundError",
    "SolverFailure",
    "StorageFailure",
    "TimeIsUp",
    "TooLarge",
]


class SdpboundError(Exception):
    """Base of all errors raised on purpose by sdpbound."""


class InvalidInput(SdpboundError, ValueError):
    """A value the caller gave cannot be used."""


class InvalidParameter(InvalidInput):
    """A number is NaN, infinite or out of its range."""


class InvalidBehaviour(InvalidInput):
    """Probabilities are negative, not normalised, or signal."""


class InvalidShape(InvalidInput):
    """An array's shape does not fit the scenario."""


class InvalidSettings(InvalidInput):
    """A measurement setting or an outcome does not exist in the scenario."""


class InvalidLevel(InvalidInput):
    """A level of the hierarchy cannot be read, or does not reach the words that the question needs."""


class InvalidSolver(InvalidInput):
    """A solver is unknown or not installed."""


class NotSelfTesting(InvalidInput):
    """A self-testing point is needed, and the parameters do not give one."""


class InvalidStudy(InvalidInput):
    """A study file cannot be read or has a wrong entry."""


class DamagedStore(InvalidStudy):
    """The file that holds a study's results is damaged.

    Attributes
    ----------
    reason : str
        What is wrong with the file, without its name.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class TooLarge(InvalidInput):
    """The problem is larger than can be enumerated or solved."""


class Certified(Protocol):
    """What an error knows of a certificate, whose class stands above: that it can be checked and saved."""

    @property
    def data(self) -> dict[str, Any]: ...

    def verify(self) -> object: ...

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str: ...


class Proven(Protocol):
    """What an error knows of a bound, whose class stands above."""

    @property
    def value(self) -> float: ...

    @property
    def side(self) -> str: ...

    @property
    def functional(self) -> Callable[..., float]: ...

    @property
    def certificate(self) -> Certified: ...


class Infeasible(SdpboundError):
    """The tested data lie outside the adversary's set.

    Attributes
    ----------
    bound : Bound
        The proof: an affine functional of the tested quantities that no behaviour of the set exceeds, violated by
        the data by ``separation``.
    separation : float
        Certified distance (in the largest deviation of a tested quantity) of the data from the set; above 1e-9.
    """

    def __init__(self, message: str, bound: Proven, separation: float) -> None:
        super().__init__(message)
        self.bound = bound
        self.separation = separation

    @property
    def certificate(self) -> Certified:
        """The certificate of the separating functional, to be saved or verified."""
        return self.bound.certificate


class SolverFailure(SdpboundError):
    """A solver failed, or none of them gave a usable dual."""


class TimeIsUp(SolverFailure):
    """A limit of time, or an interrupt, came before anything was proven."""


class StorageFailure(SdpboundError):
    """Results cannot be stored or read: the disk is full or fails, or another program holds the file."""


class CertificateError(SdpboundError):
    """A certificate cannot be read, or does not prove what it claims."""
