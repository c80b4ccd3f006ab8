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
    """Base of all errors raised on purpose by sdpbound.

    >>> import sdpbound as sb
    >>> try:
    ...     sb.chained(1)
    ... except sb.SdpboundError as error:
    ...     print(type(error).__name__)
    InvalidParameter
    """


class InvalidInput(SdpboundError, ValueError):
    """A value the caller gave cannot be used.

    >>> import sdpbound as sb
    >>> try:
    ...     sb.error_correction("data")
    ... except sb.InvalidInput as error:
    ...     print(str(error)[:29])
    behaviour must be a Behaviour
    """


class InvalidParameter(InvalidInput):
    """A number is NaN, infinite or out of its range.

    >>> import sdpbound as sb
    >>> sb.chained(1)
    Traceback (most recent call last):
    sdpbound.errors.InvalidParameter: settings = 1 must be an integer from 2 to 1000.
    """


class InvalidBehaviour(InvalidInput):
    """Probabilities are negative, not normalised, or signal.

    >>> import sdpbound as sb
    >>> try:
    ...     sb.Behaviour.from_correlators([[1, 1], [1, 2]])
    ... except sb.InvalidBehaviour as error:
    ...     print(str(error)[:67])
    p[0, 1, 1, 1] = -0.25 is negative; probabilities must be at least 0
    """


class InvalidShape(InvalidInput):
    """An array's shape does not fit the scenario.

    >>> import sdpbound as sb
    >>> sb.BellExpression.from_correlators([1, 2])
    Traceback (most recent call last):
    sdpbound.errors.InvalidShape: correlator coefficients must have shape (X, Y), not (2,).
    """


class InvalidSettings(InvalidInput):
    """A measurement setting or an outcome does not exist in the scenario.

    >>> import sdpbound as sb
    >>> sb.min_entropy(sb.Observations.bell_value(sb.chsh(), 2.5), sb.Quantum("1+AB"), x=2)
    Traceback (most recent call last):
    sdpbound.errors.InvalidSettings: x = 2 does not exist: party A has settings 0 to 1.
    """


class InvalidLevel(InvalidInput):
    """A level of the hierarchy cannot be read, or does not reach the words that the question needs.

    >>> import sdpbound as sb
    >>> try:
    ...     sb.maximize(sb.inn22(3), sb.Quantum("9"))
    ... except sb.InvalidLevel as error:
    ...     print(str(error)[:70])
    level '9' has more than 3000 words in Scenario(((2, 2, 2), (2, 2, 2)))
    """


class InvalidSolver(InvalidInput):
    """A solver is unknown or not installed.

    >>> import sdpbound as sb
    >>> try:
    ...     sb.maximize(sb.chsh(), sb.Quantum("1"), solver="simplex")
    ... except sb.InvalidSolver as error:
    ...     print(str(error)[:32])
    unknown solver 'simplex': allowe
    """


class NotSelfTesting(InvalidInput):
    """A self-testing point is needed, and the parameters do not give one.

    >>> import sdpbound as sb
    >>> noisy = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6).behaviour(visibility=0.99)
    >>> try:
    ...     sb.key_rate(noisy, x=0, y=0, options=sb.RateOptions(require_self_test=True))
    ... except sb.NotSelfTesting as error:
    ...     print(str(error)[:61])
    the tested data are no self-test of the singlet against a qua
    """


class InvalidStudy(InvalidInput):
    """A study file cannot be read or has a wrong entry.

    >>> from sdpbound.study import read_spec
    >>> read_spec("/nowhere/mine.toml")
    Traceback (most recent call last):
    sdpbound.errors.InvalidStudy: study file '/nowhere/mine.toml' does not exist; give the path of a TOML file.
    """


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
    """The problem is larger than can be enumerated or solved.

    >>> import sdpbound as sb
    >>> try:
    ...     sb.maximize(sb.inn22(30), sb.Local())
    ... except sb.TooLarge as error:
    ...     print(str(error)[:68])
    1073741824 deterministic strategies are too many to enumerate (limit
    """


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
    """A solver failed, or none of them gave a usable dual.

    >>> import sdpbound as sb
    >>> (x,) = sb.Operator.hermitians("x")
    >>> try:
    ...     sb.Problem([x]).maximize(x, 1)  # nothing bounds x
    ... except sb.SolverFailure as error:
    ...     print(str(error)[:42])
    no bound on <x> could be proven at level 1
    """


class TimeIsUp(SolverFailure):
    """A limit of time, or an interrupt, came before anything was proven.

    >>> import sdpbound as sb
    >>> try:
    ...     with sb.limits(seconds=1e-9):
    ...         sb.maximize(sb.i3322(), sb.Quantum("2"))
    ... except sb.TimeIsUp as error:
    ...     print(str(error)[:57])
    the time limit of 1e-09 s came before anything was proven
    """


class StorageFailure(SdpboundError):
    """Results cannot be stored or read: the disk is full or fails, or another program holds the file.

    >>> issubclass(StorageFailure, InvalidInput)  # the disk is at fault, not the caller
    False
    """


class CertificateError(SdpboundError):
    """A certificate cannot be read, or does not prove what it claims.

    >>> import sdpbound as sb
    >>> sb.verify({"claim": 1})
    Traceback (most recent call last):
    sdpbound.errors.CertificateError: certificate has no entry 'format'.
    """
