"""The second checker on probability estimation: every extreme point counts, and both checkers know them all."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

ROUNDS, SOUNDNESS = 10**6, 1e-10
DEVICES = ("no-signaling", "tsirelson")
SIGNS = [signs for signs in product((1, -1), repeat=4) if np.prod(signs) == -1]


def from_means(alice: Any, bob: Any, both: Any) -> np.ndarray:
    """p[a, b, x, y] of marginals and correlators."""
    a, b = np.array([1.0, -1.0])[:, None, None, None], np.array([1.0, -1.0])[None, :, None, None]
    alice, bob = np.array(alice)[None, None, :, None], np.array(bob)[None, None, None, :]
    return (1 + a * alice + b * bob + a * b * np.array(both)[None, None]) / 4


def points(devices: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """The extreme points, by their means, and scores that each has the most of: of its zeros, and of its box."""
    found, shares = [], [1.0] if devices == "no-signaling" else [2**0.5 - 1]
    for own, other in product(product((1.0, -1.0), repeat=2), repeat=2):
        chosen = from_means(own, other, np.outer(own, other))
        found.append((chosen, np.where(chosen > 0, 0.0, -40000.0)))
    for signs in SIGNS:
        box = np.array(signs, dtype=float).reshape(2, 2)
        boxes = from_means([0, 0], [0, 0], box)
        for share in shares:
            for own, other in product(product((1.0, -1.0), repeat=2), repeat=2):
                both = np.outer(own, other)
                if share == 1.0:
                    found.append((boxes, np.where(boxes > 0, 0.0, -40000.0)))
                    break
                if np.sum(box * both) == 2:
                    rest = 1 - share
                    chosen = from_means(rest * np.array(own), rest * np.array(other), share * box + rest * both)
                    found.append((chosen, np.where(chosen > 1e-9, 0.0, -40000.0) + 200 * (boxes > 0)))
    return found


def certificate(devices: str, beta: float, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    figure = {"kind": "estimated_randomness_length", "rounds": ROUNDS, "soundness": SOUNDNESS, "devices": devices}
    estimation = {"beta": beta, "distribution": [[0.4, 0.3], [0.2, 0.1]], "scores": scores.tolist()}
    return {
        "format": "sdpbound certificate", "version": 1, "created_by": "a test", "kind": "probability estimation",
        "question": {"scenario": {"outcomes": [[2, 2], [2, 2]]}, "figure": figure, "side": "lower"},
        "proof": {"estimation": estimation}, "claim": {"value": 0.0, "threshold": threshold},
    }  # fmt: skip


def power(p: np.ndarray, beta: float, scores: np.ndarray) -> float:
    return float(np.sum(np.array([[0.4, 0.3], [0.2, 0.1]]) * 2 ** (beta * scores) * p.clip(0) ** (1 + beta)))


def length(most: float, beta: float, threshold: float) -> float:
    return float(ROUNDS * (threshold - np.log2(most) / beta) + 2 + (1 + 1 / beta) * np.log2(SOUNDNESS))


@pytest.mark.parametrize(
    ("devices", "step"),
    [("no-signaling", 5), ("tsirelson", 19), *(pytest.param(d, 1, marks=pytest.mark.slow) for d in DEVICES)],
)
def test_no_extreme_point_may_be_left_out(devices: str, step: int) -> None:
    """Forgeries: scores that one point alone gets the most of, and the length that all others would leave."""
    whole = points(devices)
    assert len(whole) == (24 if devices == "no-signaling" else 80)
    beta, threshold = 0.001, 0.5
    for k, (_, scores) in list(enumerate(whole))[::step]:
        powers = [power(p, beta, scores) for p, _ in whole]
        assert powers[k] == max(powers)
        own, others = (length(most, beta, threshold) for most in (powers[k], sorted(powers)[-2]))
        assert others > own + 1000
        file = certificate(devices, beta, scores, threshold)
        for value, holds in ((min(others, 2.0 * ROUNDS), False), (own - 1e-3, True), (own + 1e-3, False)):
            file["claim"]["value"] = value
            try:
                first = sb.verify(file).holds
            except sb.CertificateError:
                first = False
            assert (first, recheck(file).holds) == (holds, holds), (k, value - own)
