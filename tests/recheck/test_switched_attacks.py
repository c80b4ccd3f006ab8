"""The second checker on routed attacks: random complex ones are what plain matrices say, and tests are not skipped."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

NEAR, FAR = [[2, 2], [2, 2]], [[2, 2], [3, 2]]
A, R, F, E = 2, 3, 2, 2


def written(matrix: np.ndarray) -> dict[str, Any]:
    return {"real": matrix.real.tolist(), "imaginary": matrix.imag.tolist()}


def effects(factors: list[np.ndarray]) -> list[np.ndarray]:
    inverse = np.linalg.inv(np.linalg.cholesky(sum(f.conj().T @ f for f in factors)))
    return [inverse @ f.conj().T @ f @ inverse.conj().T for f in factors]


def bits(matrix: np.ndarray) -> float:
    values = np.linalg.eigvalsh(matrix).clip(1e-300)
    return float(-(values * np.log2(values)).sum())


@cache
def made(seed: int, flips: float, strategies: int = 4) -> tuple[dict[str, Any], float]:
    """A certificate of random strategies with the data that they have, and their entropy."""
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> np.ndarray:
        return np.asarray(draw.normal(size=shape) + 1j * draw.normal(size=shape))

    def measured(outcomes: list[int], size: int) -> tuple[list[Any], list[list[np.ndarray]]]:
        factors = [[some(int(draw.integers(2, 4)), size) for _ in range(count)] for count in outcomes]
        return [[written(f) for f in own] for own in factors], [effects(own) for own in factors]

    def coordinates(own: list[list[np.ndarray]]) -> list[np.ndarray]:
        size = len(own[0][0])
        letters = [m for e in own for m in ([e[0] - e[1]] if len(e) == 2 else e[:-1])]
        return [np.eye(size), *letters]

    files, weights = [], draw.dirichlet(np.ones(strategies))
    near, far, entropy = np.zeros((3, 3)), np.zeros((3, 4)), 0.0
    for weight in weights:
        state, channel = some(A * R), some(F * E, R)
        (alice_file, alice), (near_file, device), (far_file, other) = (
            measured(NEAR[0], A), measured(NEAR[1], R), measured(FAR[1], F)
        )  # fmt: skip
        files.append(
            {
                "dimensions": [A, R, F, E],
                "state": written(state[:, None]),
                "measurements": [alice_file, near_file],
                "channel": written(channel),
                "far": far_file,
            }
        )
        state = state / np.linalg.norm(state)
        lower = np.linalg.cholesky(channel.conj().T @ channel)
        sent = np.kron(np.eye(A), channel @ np.linalg.inv(lower).conj().T) @ state
        rho, out = np.outer(state, state.conj()), np.outer(sent, sent.conj())
        near += weight * np.array([[np.trace(np.kron(a, b) @ rho).real for b in coordinates(device)]
                                   for a in coordinates(alice)])  # fmt: skip
        rest = np.eye(E)
        far += weight * np.array([[np.trace(np.kron(np.kron(a, b), rest) @ out).real for b in coordinates(other)]
                                  for a in coordinates(alice)])  # fmt: skip
        held = [
            np.einsum("fefg->eg", (np.kron(m, np.eye(F * E)) @ out).reshape(A, F, E, A, F, E).trace(axis1=0, axis2=3))
            for m in alice[0]
        ]
        held = [(1 - flips) * held[0] + flips * held[1], flips * held[0] + (1 - flips) * held[1]]
        entropy += weight * (sum(map(bits, held)) - bits(held[0] + held[1]))

    def tests(means: np.ndarray) -> list[dict[str, Any]]:
        found = []
        for place in ((0, 1), (1, 1), (2, 0), (1, means.shape[1] - 1)):
            table = np.zeros(means.shape)
            table[place] = 1.0
            found.append({"coefficients": table.tolist(), "value": float(means[place]), "tolerance": 1e-9})
        return found

    figure = {"kind": "routed_conditional_entropy", "x": 0, "preprocessing": flips, "given": None}
    certificate = {
        "format": "sdpbound certificate", "version": 1, "created_by": "a test", "kind": "routed attack",
        "question": {"near": {"outcomes": NEAR, "observed": tests(near)},
                     "far": {"outcomes": FAR, "observed": tests(far)}, "figure": figure, "side": "upper"},
        "proof": {"routed_strategies": files, "weights": weights.tolist(), "adjusted": [], "solved": []},
        "claim": {"value": float(entropy) + 1e-12},
    }  # fmt: skip
    return certificate, float(entropy)


def said(certificate: dict[str, Any]) -> tuple[bool, bool]:
    try:
        first = sb.verify(certificate).holds
    except sb.CertificateError:
        first = False
    return first, recheck(certificate).holds


@pytest.mark.parametrize(("seed", "flips"), [(0, 0.0), (1, 0.2)])
def test_random_strategies(seed: int, flips: float) -> None:
    certificate, entropy = copy.deepcopy(made(seed, flips))
    assert said(certificate) == (True, True)
    proven = recheck(certificate).proven
    assert proven is not None and float(proven) == pytest.approx(entropy, abs=1e-12)
    certificate["claim"]["value"] = entropy - 1e-11
    assert said(certificate) == (False, False)


def test_solving_some_tests_is_no_leave_for_others() -> None:
    """Forgeries: weights are solved for, and a test that is not among the solved ones is missed on either way."""
    certificate, entropy = copy.deepcopy(made(0, 0.0))
    certificate["proof"].update(adjusted=[0, 2, 3], solved=[1, 6])
    certificate["claim"]["value"] = entropy + 1e-9
    assert said(certificate) == (True, True)
    for way, test in (("near", 0), ("near", 2), ("far", 0), ("far", 3)):
        forged = copy.deepcopy(certificate)
        forged["question"][way]["observed"][test]["value"] += 1e-8
        assert said(forged) == (False, False), (way, test)
    for entries in ({"solved": [1]}, {"adjusted": [0, 2, 2]}, {"solved": [1, 1]}, {"adjusted": [], "solved": [1]}):
        forged = copy.deepcopy(certificate)
        forged["proof"].update(entries)
        assert said(forged) == (False, False), entries


def test_a_channel_is_made_an_isometry() -> None:
    """Forgeries: another channel has other far data; multiples of a channel and of its columns are the same one."""
    certificate, _ = copy.deepcopy(made(1, 0.2))
    channel = certificate["proof"]["routed_strategies"][0]["channel"]
    for part in ("real", "imaginary"):
        channel[part] = (3 * np.array(channel[part])).tolist()
    assert said(certificate) == (True, True)
    whole = np.array(channel["real"]) + 1j * np.array(channel["imaginary"])
    columns, stretched = whole[:, ::-1], whole * np.array([1.0, 2.0, 3.0])
    swapped = whole.reshape(F, E, R).transpose(1, 0, 2).reshape(F * E, R)
    for other, same in ((columns, False), (stretched, True), (swapped, False), (whole.conj(), False)):
        certificate["proof"]["routed_strategies"][0]["channel"] = written(other)
        assert said(certificate) == (same, same)
