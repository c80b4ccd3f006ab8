"""The second checker on averages of entropies: golden ones are in test_recheck.py, here are forgeries of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from sdpbound.recheck.several_keys import TurnedKey
from tests.golden_certificates import golden

Certificate = dict[str, Any]


def refused(certificate: Certificate) -> str:
    """Both refuse it; the reason of the second."""
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)
    found = recheck(certificate, time_limit=120)
    assert not found.holds
    return found.reason


def terms(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Certificate], object]:
    return lambda certificate: change(certificate["question"]["figure"]["terms"])


CHANGES: dict[str, Callable[[Certificate], object]] = {
    "weights of more than one": terms(lambda t: t[0].update(weight=t[0]["weight"] + 1e-6)),
    "a weight below zero": terms(lambda t: (t[0].update(weight=1.5), t[1].update(weight=-0.5))),
    "a key twice": terms(lambda t: t[1].update(settings=t[0]["settings"])),
    "a key of nothing": terms(lambda t: t[0].update(settings=[None, None])),
    "a flip of two bits": terms(lambda t: t[0].update(settings=[0, 0])),
    "more flips of one key": terms(lambda t: t[0].update(preprocessing=0.3)),
    "weights exchanged": terms(lambda t: (t[0].update(weight=0.7), t[1].update(weight=0.3))),
    "more": lambda c: c["claim"].update(value=c["claim"]["value"] + 1e-9),
    "a higher functional": lambda c: c["claim"]["functional"].update(
        constant=1e-6 + c["claim"]["functional"]["constant"]
    ),
    "another proof": lambda c: c["proof"].update(average="qubits"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_forgeries_of_a_program(name: str) -> None:
    certificate = golden("average_entropy_projections")
    CHANGES[name](certificate)
    assert refused(certificate).endswith(".")


def test_flips_count_with_their_weights() -> None:
    """A forgery: more of the weight is said to be flipped more."""
    certificate = golden("average_entropy_flips")
    first, second = certificate["question"]["figure"]["terms"]
    first.update(preprocessing=0.2, weight=0.5)
    second.update(preprocessing=0.0)
    assert "flips" in refused(certificate)
    certificate["claim"]["value"] /= 2
    certificate["claim"]["functional"]["constant"] /= 2
    assert recheck(certificate).holds


def test_a_key_that_is_not_tested_counts_for_nothing() -> None:
    """A forgery: the second key is moved to a setting that no test has; what is left is half of one entropy."""
    certificate = golden("average_entropy_qubits")
    question = certificate["question"]
    question["scenario"]["outcomes"][0].append(2)
    for test in question["observed"]:
        test["coefficients"].append([0.0] * 3)
    certificate["question"]["figure"]["terms"][1]["settings"] = [2, None]
    assert "explicit pair of qubits" in refused(certificate)


def test_arcs_of_a_turned_key_cost_what_flips_tell() -> None:
    """H between the ends of an arc is not below their mean less the cost, for random real states of two qubits."""
    rng = np.random.default_rng(0)

    def entropy(rho: np.ndarray, roots: list[Any]) -> float:
        def s(matrix: np.ndarray) -> float:
            e = np.linalg.eigvalsh(matrix).clip(1e-300)
            return float(-(e * np.log(e)).sum())

        arrays = [np.array([[float(v) for v in row] for row in root.tolist()]) for root in roots]
        return sum(s(w.T @ rho @ w) for w in arrays) - s(rho)

    for n in range(60):
        key = TurnedKey(Fraction(1), Fraction(n % 3, 10), (2, 0) if n % 2 else (0, 2))
        party = 0 if n % 2 else 1
        middle, half = Fraction(int(rng.integers(30, 70)), 100), Fraction(int(rng.integers(1, 30)), 100)
        place = middle + half * Fraction(int(rng.integers(-10, 11)), 10)
        v = rng.normal(size=(4, 1 + n % 2))
        rho = v @ v.T / np.sum(v * v)
        at = [
            entropy(rho, key.roots((a, Fraction(0)) if party == 0 else (Fraction(0), a)))
            for a in (middle - half, place, middle + half)
        ]
        turns = [np.pi * float(a) for a in (middle - half, place, middle + half)]
        e, m, f = (np.array([np.cos(a), np.sin(a)]) for a in turns)
        u, w = np.linalg.solve(np.array([e, f]).T, m)
        mean = (u * at[0] + w * at[2]) / (u + w)
        assert at[1] >= mean - float(key.less(party, half)) - 1e-12
