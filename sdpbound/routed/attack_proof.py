"""Prove the numbers of attacks on routed tests, and write their certificates: the numbers are the checker's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from scipy.linalg import qr

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Proof
from sdpbound.bounds.rounding import lower_float
from sdpbound.checker.attack import PRECISION
from sdpbound.checker.routed_attack import enclosed_pair, mixed, read_routed_question
from sdpbound.errors import CertificateError
from sdpbound.routed.figures import RoutedEntropy
from sdpbound.routed.setup import RoutedTest, devices_of
from sdpbound.routed.strategies import MEASURED, RoutedStrategy
from sdpbound.version import __version__

__all__ = ["RoutedAttackProof", "deterministic_entry", "entry_of", "prove_attack"]

#: Tests that are combinations of others to this, relative, are not solved for.
DEPENDENT = 1e-9


@dataclass(frozen=True, eq=False)
class RoutedAttackProof(Proof):
    """Explicit strategies of a mixture with the tested data, and its entropy, rounded up.

    Attributes
    ----------
    value, misses : the entropy in bits, and by how much the mixture misses each tested value; both rounded up
    """

    no_functional = "an explicit attack gives no functional; take one of the bound from below."

    test: RoutedTest
    figure: RoutedEntropy
    strategies: tuple[dict[str, Any], ...]
    weights: Floats
    adjusted: tuple[int, ...]
    solved: tuple[int, ...]
    value: float
    misses: Floats

    @property
    def given(self) -> Observations:
        return self.test.data[1]

    @property
    def excess(self) -> float:
        """The largest distance of a tested value beyond its tolerance."""
        tolerances = np.concatenate([data.tolerances for data in self.test.data])
        return float((self.misses - tolerances).max(initial=0.0))

    def certificate(self, value: float) -> dict[str, Any]:
        if self.excess > 0.0:
            raise CertificateError(
                f"this attack misses tested values by up to {self.misses.max():.2g} and has no certificate; more "
                "rounds= or another seed= may find one that has the data."
            )
        return {
            "format": "sdpbound certificate",
            "version": 1,
            "created_by": f"sdpbound {__version__}",
            "kind": "routed attack",
            "question": _question(self.test, self.figure),
            "proof": {
                "routed_strategies": list(self.strategies),
                "weights": self.weights.tolist(),
                "adjusted": list(self.adjusted),
                "solved": list(self.solved),
            },
            "claim": {"value": value},
        }


def _question(test: RoutedTest, figure: RoutedEntropy) -> dict[str, Any]:
    return {**devices_of(test), "figure": figure.entry(), "side": "upper"}


def prove_attack(
    test: RoutedTest, figure: RoutedEntropy, strategies: Sequence[dict[str, Any]], weights: Floats, exactly: bool
) -> RoutedAttackProof:
    """Enclose the numbers of a mixture; ``exactly``: with weights moved so that the data are met to all digits."""
    question = read_routed_question(_question(test, figure))
    own = [Fraction(float(w)) for w in weights]
    with flint.ctx.workprec(PRECISION):
        enclosures = [enclosed_pair(question, entry, f"strategy {k}") for k, entry in enumerate(strategies)]
        adjusted, solved = _independent(enclosures, weights) if exactly else ((), ())
        try:
            entropy, misses = mixed(question, enclosures, own, adjusted, solved)
        except CertificateError:  # the adjusted weights are not certainly positive
            adjusted, solved = (), ()
            entropy, misses = mixed(question, enclosures, own, adjusted, solved)
        value, off = -lower_float(-entropy) + 0.0, np.array([-lower_float(-miss) for miss in misses])
    return RoutedAttackProof(test, figure, tuple(strategies), weights, adjusted, solved, value, off)


def _independent(
    enclosures: Sequence[tuple[list[flint.arb], flint.arb]], weights: Floats
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strategies with large weights and independent data, one more than there are independent tests, and these."""
    tested = np.array([[float(v.mid()) for v in own] for own, _ in enclosures])
    triangle, order = qr(tested - tested.mean(axis=0), mode="r", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    rank = int((sizes > DEPENDENT * max(float(sizes.max(initial=0.0)), 1e-300)).sum())
    solved = tuple(sorted(int(j) for j in order[:rank]))
    table = np.concatenate([np.ones((len(weights), 1)), tested[:, list(solved)]], axis=1)
    if len(weights) < rank + 1:
        return (), ()
    triangle, pivots = qr((table * weights[:, None]).T, mode="r", pivoting=True)
    if not np.abs(np.diag(triangle[: rank + 1, : rank + 1])).min() > 0.0:
        return (), ()
    return tuple(sorted(int(k) for k in pivots[: rank + 1])), solved


def deterministic_entry(test: RoutedTest, alice: Sequence[int], near: Sequence[int], far: Sequence[int]) -> Any:
    """The entry of devices whose outcomes are fixed."""
    here, there = (data.scenario.outcomes for data in test.data)

    def settings(counts: Sequence[int], outcomes: Sequence[int]) -> list[Any]:
        return [[_rows(np.ones((int(a == o), 1))) for a in range(d)] for d, o in zip(counts, outcomes, strict=True)]

    one = _rows(np.ones((1, 1)))
    return {
        "dimensions": [1, 1, 1, 1],
        "state": one,
        "measurements": [settings(here[0], alice), settings(here[1], near)],
        "channel": one,
        "far": settings(there[1], far),
    }


def entry_of(strategy: RoutedStrategy) -> dict[str, Any]:
    """The entry of a strategy: R is Bob's qubit and what Eve keeps beside it."""
    shape, labels = strategy.shape, strategy.labels
    a, n, _ = shape.settings
    angles = strategy.parameters[: sum(shape.settings)]
    counts = (*shape.near_scenario.outcomes, shape.far_scenario.outcomes[1])
    parts = (slice(0, a), slice(a, a + n), slice(a + n, None))
    beside = (1, shape.kept, 1)
    alice, near, far = (
        [_setting(angles[k], int(labels[k]), d, rest) for k, d in zip(range(len(labels))[part], own, strict=True)]
        for part, own, rest in zip(parts, counts, beside, strict=True)
    )
    return {
        "dimensions": [2, 2 * shape.kept, 2, shape.held],
        "state": _rows(strategy.state.reshape(-1, 1)),
        "measurements": [alice, near],
        "channel": _rows(strategy.isometry.reshape(2 * shape.held, 2 * shape.kept)),
        "far": far,
    }


def _setting(angle: float, label: int, outcomes: int, beside: int) -> list[dict[str, Any]]:
    """The factors of a qubit's setting, or of one with a fixed outcome, beside a system that is not measured."""
    c, s = np.cos(angle / 2.0), np.sin(angle / 2.0)
    if label == MEASURED:
        found = [np.array([[c, s]]), np.array([[-s, c]]), *(np.zeros((0, 2)) for _ in range(outcomes - 2))]
    else:
        found = [np.eye(2) if k == label else np.zeros((0, 2)) for k in range(outcomes)]
    return [_rows(np.kron(factor, np.eye(beside))) for factor in found]


def _rows(matrix: Floats) -> dict[str, Any]:
    return {"real": matrix.tolist(), "imaginary": None}
