"""The best strategies for a noise or a loss: state, measurements and flips of the key that certify most.

What may come in: a noise, a family of devices, and what is tested. What is handed on: a :class:`BestStrategy`, with a
certified rate and an attack above it.
"""

from __future__ import annotations

from sdpbound.strategies.best import BestStrategy, best_strategy
from sdpbound.strategies.critical import critical_strategy
from sdpbound.strategies.options import CriticalStrategyOptions, StrategyOptions

__all__ = ["BestStrategy", "CriticalStrategyOptions", "StrategyOptions", "best_strategy", "critical_strategy"]
