"""Proofs of lower bounds on Renyi entropies: an affine functional above ``2^(-s H)``."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Functional
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.figures import RenyiEntropy

__all__ = ["KIND", "MODEL", "ChordProof", "PowerProof", "Program", "RenyiProof"]

#: What its certificates say they are, and the adversary's set: the proof uses no words of its level.
KIND = "renyi entropy"
MODEL = Quantum("1")
#: Roundings of floats in sums and logarithms, of what they are added to.
_ROUNDINGS = 64.0 * 2.0**-52


@dataclass(frozen=True, eq=False)
class Program:
    """What a proof by a program has beside its functional.

    Attributes
    ----------
    name : what its certificates say it is
    exponent : the s of the power that it bounds
    model : the adversary's set, with the level of the words
    entries : the program's dual, as entries of a certificate
    given : the data asked about, where the tolerances of those proven had to be widened
    """

    name: str
    exponent: float
    model: Adversary
    entries: Mapping[str, Any] = field(repr=False)
    given: Observations


@dataclass(frozen=True, eq=False)
class PowerProof(AffineProof):
    """A proof about ``2^(-s H)``, H the figure or an entropy that is below it.

    Attributes
    ----------
    observed : the tested data that it is about
    figure : the entropy that is bounded
    """

    observed: Observations
    figure: RenyiEntropy

    @property
    @abstractmethod
    def exponent(self) -> float:
        """The s of the power."""

    @property
    @abstractmethod
    def value(self) -> float:
        """The entropy in bits, rounded down; minus infinity where the functional proves that there are no such data."""

    @property
    @abstractmethod
    def model(self) -> Adversary:
        """The adversary's set."""

    @abstractmethod
    def above(self) -> Functional:
        """An affine functional above the power of every quantum behaviour."""

    @abstractmethod
    def entries(self) -> dict[str, Any]:
        """The entry "proof" of the certificate."""

    def claim(self, value: float) -> dict[str, Any]:
        """The entry "claim" of the certificate."""
        line = self.functional()
        return {"value": value, "functional": {"constant": line.constant, "multipliers": line.multipliers.tolist()}}

    def certificate(self, value: float) -> dict[str, Any]:
        head = certificate_head(self.observed, self.figure, "lower", self.model.describe(), kind=KIND)
        return head | {"proof": self.entries(), "claim": self.claim(value)}


@dataclass(frozen=True, eq=False)
class RenyiProof(PowerProof):
    """A proof of: ``2^(-s H) <= constant + multipliers . tested values``, for every quantum behaviour.

    The H of a proof by qubits is the figure; that of one by a ``program`` is an entropy that is below the figure.
    """

    constant: float = 1.0
    multipliers: Floats | None = None
    program: Program | None = None

    @property
    def exponent(self) -> float:
        return self.figure.exponent if self.program is None else self.program.exponent

    @property
    def slopes(self) -> Floats:
        return np.zeros(len(self.observed)) if self.multipliers is None else self.multipliers

    @property
    def given(self) -> Observations:
        return self.observed if self.program is None else self.program.given

    @property
    def power(self) -> float:
        """The functional's value at the data, with the charge for tolerances, rounded up."""
        observed, m = self.observed, np.abs(self.slopes)
        value = self.constant + float(self.slopes @ observed.values) + float(m @ observed.tolerances)
        size = abs(self.constant) + float(m @ (np.abs(observed.values) + observed.tolerances))
        return value + (4.0 * m.size + 8.0) * 2.0**-53 * size

    @property
    def model(self) -> Adversary:
        return MODEL if self.program is None else self.program.model

    @property
    def value(self) -> float:
        power, s = self.power, self.exponent
        if not power > 0.0:
            return -math.inf
        found = -math.log2(power) / s
        return 0.0 if not self.slopes.any() else found - _ROUNDINGS * (abs(found) + 1.0 / s)

    def functional(self) -> Functional:
        """The tangent of ``-log2(power)/s`` at the data, which lies below it."""
        observed, m, s = self.observed, self.slopes, self.exponent
        if not m.any():
            return Functional.of_tests("lower", 0.0, np.zeros(len(observed)), observed)
        centre = self.constant + float(m @ observed.values)
        per = 1.0 / (s * centre * math.log(2.0))
        sizes = np.abs(observed.coefficients).reshape(len(observed), -1).sum(axis=1)
        constant = -math.log2(centre) / s + per * (centre - self.constant)
        rounding = _ROUNDINGS * (per * (1.0 + abs(self.constant) + float(np.abs(m) @ sizes)) + abs(constant))
        return Functional.of_tests("lower", constant - rounding, -per * m, observed)

    def above(self) -> Functional:
        """The functional itself, above ``2^(-s H)`` of every quantum behaviour."""
        return Functional.of_tests("upper", self.constant, self.slopes, self.observed)

    def entries(self) -> dict[str, Any]:
        if self.program is not None:
            return {"renyi": self.program.name} | dict(self.program.entries)
        return {"renyi": "qubits", "constant": self.constant, "multipliers": self.slopes.tolist()}


@dataclass(frozen=True, eq=False)
class ChordProof(PowerProof):
    """``(alpha - 1) H >= (b - 1) H_b + (alpha - b) H_min`` of the kind "sandwiched up", from a smaller order b on.

    Attributes
    ----------
    low, high : proofs by nodes of an entropy of order b, and by a guess of the min-entropy
    """

    low: RenyiProof
    high: RenyiProof

    @property
    def weights(self) -> tuple[float, float]:
        """Of the two entropies."""
        b, alpha = self.low.figure.alpha, self.figure.alpha
        return (b - 1.0) / (alpha - 1.0), (alpha - b) / (alpha - 1.0)

    @property
    def given(self) -> Observations:
        return self.low.given

    @property
    def exponent(self) -> float:
        return self.figure.exponent

    @property
    def model(self) -> Adversary:
        return self.low.model

    @property
    def value(self) -> float:
        (a, b), low, high = self.weights, self.low.value, self.high.value
        return a * low + b * high - _ROUNDINGS * (1.0 + abs(low) + abs(high))

    def functional(self) -> Functional:
        (a, b), low, high = self.weights, self.low.functional(), self.high.functional()
        slopes = a * low.multipliers + b * high.multipliers
        size = 1.0 + abs(low.constant) + abs(high.constant)
        for line in (low, high):
            size += float(np.abs(line.multipliers) @ self.sizes)
        constant = a * low.constant + b * high.constant - _ROUNDINGS * size
        return Functional.of_tests("lower", constant, slopes, self.observed)

    def above(self) -> Functional:
        """A tangent: ``2^(-s H) <= q^(1/alpha) p^(1 - b/alpha)``, which is concave in the two powers q and p."""
        alpha, values = self.figure.alpha, self.observed.values
        exponents = 1.0 / alpha, 1.0 - self.low.figure.alpha / alpha
        parts = self.low.above(), self.high.above()
        middles = [line.at(values) for line in parts]
        top = math.prod(m**e for m, e in zip(middles, exponents, strict=True))
        slopes, constant, size = np.zeros(len(self.observed)), top * (1.0 - sum(exponents)), top
        for line, middle, e in zip(parts, middles, exponents, strict=True):
            slopes = slopes + top * e / middle * line.multipliers
            constant += top * e / middle * line.constant
            size += top * e / middle * (abs(line.constant) + float(np.abs(line.multipliers) @ self.sizes))
        return Functional.of_tests("upper", constant + _ROUNDINGS * size, slopes, self.observed)

    @property
    def sizes(self) -> Floats:
        """(J,) the sums of the sizes of the coefficients of each test."""
        return np.asarray(np.abs(self.observed.coefficients).reshape(len(self.observed), -1).sum(axis=1))

    def entries(self) -> dict[str, Any]:
        low, high = self.low, self.high
        parts = {"nodes": low.entries(), "guess": high.entries()}
        claims = [low.claim(low.value), high.claim(high.value)]
        return {"renyi": "chord", "order": low.figure.alpha, "claims": claims} | parts
