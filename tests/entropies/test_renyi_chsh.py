"""The closed form of Renyi entropies at a CHSH value: against strategies of two qubits, and at its ends."""

from __future__ import annotations

import math

import flint
import numpy as np
import pytest

from sdpbound.entropies.renyi_chsh import least_renyi_entropy, power_tangent
from sdpbound.errors import InvalidParameter
from tests.support import h

ROOT8 = math.sqrt(8.0)


def of_state(rho: np.ndarray, angle: float, alpha: float) -> float:
    """H_alpha(A|E), Eve holding a purification: Q = sum_a Tr (P_a rho^(1/alpha) P_a)^alpha, by Eve's own states."""
    values, vectors = np.linalg.eigh(rho)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    power = np.where(values > 1e-15, values, np.inf) ** ((1 - alpha) / (2 * alpha))
    weight = (vectors * power) @ vectors.T  # of Eve's whole state, which is rho transposed
    total = 0.0
    for sign in (1, -1):
        direction = np.array([[math.cos(angle), math.sin(angle)], [math.sin(angle), -math.cos(angle)]])
        part = root @ np.kron((np.eye(2) + sign * direction) / 2, np.eye(2)) @ root
        total += float((np.linalg.eigvalsh(weight @ part @ weight).clip(0) ** alpha).sum())
    return -math.log2(total) / (alpha - 1)


def best_chsh(rho: np.ndarray, angle: float) -> float:
    """The largest CHSH value with this setting of Alice, over her other one and Bob's in the plane of Z and X."""
    paulis = [np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])]
    t = np.array([[np.trace(rho @ np.kron(p, q)) for q in paulis] for p in paulis])
    one = np.array([math.cos(angle), math.sin(angle)]) @ t
    others = np.array([np.cos(w := np.linspace(0, 2 * math.pi, 721)), np.sin(w)]).T @ t
    return float((np.linalg.norm(one + others, axis=1) + np.linalg.norm(one - others, axis=1)).max())


@pytest.mark.parametrize("alpha", [1.001, 1.3, 2.0, 5.0])
def test_no_strategy_is_below(alpha: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        vectors = rng.normal(size=(4, rng.integers(1, 5)))
        rho = vectors @ vectors.T / np.sum(vectors**2) * (1 - 1e-9) + 1e-9 * np.eye(4) / 4
        angle = rng.uniform(0, math.pi)
        s = min(best_chsh(rho, angle), ROOT8)
        assert of_state(rho, angle, alpha) >= least_renyi_entropy(s, alpha) - 1e-5
        mixed = 0.5 * rho + 0.5 * np.array([[0.5, 0, 0, 0.5], [0, 0, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0.5]])
        assert of_state(mixed, 0.0, alpha) >= least_renyi_entropy(min(best_chsh(mixed, 0.0), ROOT8), alpha) - 1e-5


@pytest.mark.parametrize("alpha", [1.001, 1.3, 2.0, 5.0])
def test_attained(alpha: float) -> None:
    for s in (2.05, 2.4, 2.75):
        u = math.sqrt(s * s / 4 - 1)
        plus, minus = np.array([1.0, 0, 0, 1]), np.array([1.0, 0, 0, -1])
        rho = (1 + u) / 4 * np.outer(plus, plus) + (1 - u) / 4 * np.outer(minus, minus)
        assert best_chsh(rho, 0.0) == pytest.approx(s, abs=1e-9)
        assert of_state(rho, 0.0, alpha) == pytest.approx(least_renyi_entropy(s, alpha), abs=1e-7)


def test_ends() -> None:
    for s in (2.1, 2.5, 2.8):
        u = math.sqrt(s * s / 4 - 1)
        assert least_renyi_entropy(s, 1 + 1e-9) == pytest.approx(1 - h((1 + u) / 2), abs=1e-7)
        # alpha to infinity: 1 - log2 of (root p + root (1 - p))^... tends to the min-entropy of "down" kind
        assert least_renyi_entropy(s, 1e9) < least_renyi_entropy(s, 2.0) < least_renyi_entropy(s, 1.01)
    assert least_renyi_entropy(ROOT8, 2.0) == 1.0 and least_renyi_entropy(-2.0, 2.0) == 0.0
    for alpha, s in ((1.0, 2.5), (math.nan, 2.5), (2.0, 3.0)):
        with pytest.raises(InvalidParameter):
            least_renyi_entropy(s, alpha)


def test_tangents_are_above() -> None:
    """q is concave in S, flat up to 2; floats and balls agree, at very small beta as well."""
    grid = np.linspace(0.0, ROOT8, 400)
    for beta in (1e-3, 0.2, 1.0):
        q = np.array([2 ** (-beta * least_renyi_entropy(float(s), 1 + beta)) for s in grid])
        for at in (2.0001, 2.3, 2.8):
            line = power_tangent(at, beta)
            assert np.all(q <= 1 + line.excess - line.slope * grid + 1e-13)
            assert 1 + line.excess - line.slope * at == pytest.approx(2 ** (-beta * line.entropy), abs=1e-14)
    for beta in (1e-12, 1e-3):
        found = power_tangent(2.6, beta)
        with flint.ctx.workprec(256):
            exact = power_tangent(flint.arb(2.6), flint.arb(beta))
            for name in ("excess", "slope", "entropy"):
                assert float(getattr(exact, name)) == pytest.approx(getattr(found, name), rel=1e-12)
