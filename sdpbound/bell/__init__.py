"""What the parties have: scenarios, Bell expressions, behaviours, tested data, strategies, noise and families.

What may come in: tables of numbers. What is handed on: frozen, validated values. Nothing here solves a program.
The families are in :mod:`sdpbound.bell.families`, the noises in :mod:`sdpbound.bell.noise`.
"""

from __future__ import annotations

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.deterministic import exact_deterministic_maximum, maximize_deterministic
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.bell.search import random_strategy, see_saw
from sdpbound.bell.strategy import Strategy

__all__ = [
    "Behaviour",
    "BellExpression",
    "BlindMeasurement",
    "Observations",
    "Relabelling",
    "Scenario",
    "Strategy",
    "exact_deterministic_maximum",
    "maximize_deterministic",
    "random_strategy",
    "see_saw",
]
