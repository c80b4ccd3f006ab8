"""Proofs of lower bounds on Renyi entropies: an affine functional above ``2^(-s H)``."""

from __future__ import annotations

import math
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

__all__ = ["KIND", "MODEL", "Program", "RenyiProof"]

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
class RenyiProof(AffineProof):
    """A proof of: ``2^(-s H) <= constant + multipliers . tested values``, for every quantum behaviour.

    The H of a proof by qubits is the figure; that of one by a ``program`` is an entropy that is below the figure.
    """

    observed: Observations
    figure: RenyiEntropy
    constant: float = 1.0
    multipliers: Floats | None = None
    program: Program | None = None

    @property
    def exponent(self) -> float:
        """The s of the power."""
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
    def value(self) -> float:
        """The entropy in bits, rounded down; minus infinity where the functional proves that there are no such data."""
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

    def certificate(self, value: float) -> dict[str, Any]:
        model = MODEL if self.program is None else self.program.model
        head = certificate_head(self.observed, self.figure, "lower", model.describe(), kind=KIND)
        line = self.functional()
        functional = {"constant": line.constant, "multipliers": line.multipliers.tolist()}
        proof: dict[str, Any] = {"renyi": "qubits", "constant": self.constant, "multipliers": self.slopes.tolist()}
        if self.program is not None:
            proof = {"renyi": self.program.name} | dict(self.program.entries)
        return head | {"proof": proof, "claim": {"value": value, "functional": functional}}
