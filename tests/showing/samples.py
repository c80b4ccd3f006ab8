"""Objects to show, made without solving."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import sdpbound as sb

__all__ = ["length", "rate", "threshold"]


@cache
def _closed() -> sb.Rate:
    return sb.key_rate(sb.SingletSelfTest(np.pi / 3, 1.45, 2.6).behaviour(), x=0, y=0)


def rate(side: str) -> sb.Rate:
    """A rate of that side; that from above is made up."""
    return _closed() if side == "lower" else replace(_closed(), side="upper", value=0.5)


def threshold() -> sb.Threshold:
    """A rate that is proven at 0.95 and ended at 0.9."""
    return sb.Threshold("visibility", 0.95, 0.9, rate("lower"), rate("upper"), 0.0, 3, (("flips", 0.1),))


def length() -> sb.FiniteLength:
    """A length with made-up numbers."""
    unknown: Any = None
    return sb.FiniteLength(
        length=1234.5,
        side="lower",
        kind="key",
        rounds=1e6,
        method="accumulation",
        test_probability=0.01,
        alpha=1.001,
        terms={"entropy": 2000.0, "error correction": -765.5},
        epsilons={},
        threshold=0.8,
        untested=0.0,
        scores=np.zeros((2, 2, 2, 2)),
        test_distribution=np.full((2, 2), 0.25),
        most_tests=1e6,
        lengths=1,
        input_bits=100.0,
        functional=sb.chsh(),
        asymptotic_rate=0.002,
        security=sb.FiniteSecurity(),
        theorem="a theorem",
        assumptions=(),
        choice=unknown,
        _slope=0.0,
        _offset=0.0,
        game=unknown,
        _proof=unknown,
    )
