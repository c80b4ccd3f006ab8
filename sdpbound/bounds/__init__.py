"""Certified bounds: solve with a solver that is not trusted, then prove.

What may come in: a figure of merit, tested data and an adversary (a :class:`Question`). What is handed on: a
:class:`Bound`, a number with its side, the functional that proves it, and a certificate.
"""

from __future__ import annotations

from sdpbound.bounds.bell_value import maximize, minimize
from sdpbound.bounds.bound import Bound, Functional
from sdpbound.bounds.certificate import Certificate
from sdpbound.bounds.figures import (
    BellValue,
    BlindGuessingProbability,
    ConditionalEntropy,
    ConditionalMutualInformation,
    Figure,
    GuessingProbability,
    MinEntropyOf,
    SelfTestedEntropy,
    Separation,
)
from sdpbound.bounds.guessing import blind_guessing_probability, guessing_probability, min_entropy
from sdpbound.bounds.proof import as_min_entropy
from sdpbound.bounds.question import Question
from sdpbound.bounds.solving import solve
from sdpbound.bounds.used_symmetry import UsedSymmetry

__all__ = [
    "BellValue",
    "BlindGuessingProbability",
    "Bound",
    "Certificate",
    "ConditionalEntropy",
    "ConditionalMutualInformation",
    "Figure",
    "Functional",
    "GuessingProbability",
    "MinEntropyOf",
    "Question",
    "SelfTestedEntropy",
    "Separation",
    "UsedSymmetry",
    "as_min_entropy",
    "blind_guessing_probability",
    "guessing_probability",
    "maximize",
    "min_entropy",
    "minimize",
    "solve",
]
