"""Claims about averages of entropies, tried on explicit pairs of qubits: nothing of ``sdpbound`` is used."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["contradicted"]

Certificate = dict[str, Any]


def entropies_of(rho: np.ndarray, effects: list[np.ndarray]) -> float:
    """H in bits of outcomes given the holder of a purification: eigenvalues, nothing of the package."""

    def s(matrix: np.ndarray) -> float:
        e = np.linalg.eigvalsh(matrix)
        e = e[e > 1e-15]
        return float(-(e * np.log2(e)).sum())

    return sum(s(_root(m) @ rho @ _root(m)) for m in effects) - s(rho)


def _root(matrix: np.ndarray) -> np.ndarray:
    e, v = np.linalg.eigh(matrix)
    return np.asarray((v * np.sqrt(np.maximum(e, 0.0))) @ v.conj().T)


def contradicted(certificate: Certificate, count: int = 300, seed: int = 0) -> bool:
    """Whether explicit pairs of qubits, in complex states with any directions, are below the claimed functional.

    Deterministic strategies are among them, and states near those that attack singlets.
    """
    rng = np.random.default_rng(seed)
    question, functional = certificate["question"], certificate["claim"]["functional"]
    total: dict[tuple[int, int], Fraction] = {(0, 0): Fraction(functional["constant"])}  # large numbers may cancel
    for m, item in zip(functional["multipliers"], question["observed"], strict=True):
        for a, row in enumerate(item["coefficients"]):
            for b, value in enumerate(row):
                total[a, b] = total.get((a, b), Fraction(0)) + Fraction(m) * Fraction(value)
    paulis = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    for n in range(count):
        parties = []
        for outcomes in question["scenario"]["outcomes"]:
            own = []
            for k in range(len(outcomes)):
                d = rng.normal(size=3) if n % 2 else np.array([np.sin(k * np.pi / 2), 0, np.cos(k * np.pi / 2)])
                own.append(np.einsum("i,ijk->jk", d / np.linalg.norm(d), paulis))
                if n % 5 == 0:
                    own[-1] = np.eye(2) * rng.choice([-1.0, 1.0])
            parties.append([np.eye(2), *own])
        psi = rng.normal(size=(4, 1 + n % 4)) + 1j * rng.normal(size=(4, 1 + n % 4))
        rho = psi @ psi.conj().T
        rho = rho / np.trace(rho).real
        if n % 2 == 0:
            phi = np.array([1, 0, 0, 1]) / 2**0.5
            v = rng.uniform(0.5, 1.0)
            rho = v * np.outer(phi, phi) + (1 - v) * np.eye(4) / 4
            parties[1][1:] = (
                [(parties[0][1] + s * parties[0][2]) / 2**0.5 for s in (1, -1)] if n % 5 else parties[1][1:]
            )
        value = sum(
            float(c) * float(np.trace(np.kron(parties[0][a], parties[1][b]) @ rho).real) for (a, b), c in total.items()
        )
        average = 0.0
        for term in question["figure"]["terms"]:
            q, own = float(Fraction(term["preprocessing"])), []
            for party, s in enumerate(term["settings"]):
                o = None if s is None else parties[party][s + 1]
                own.append([np.eye(2)] if o is None else [(np.eye(2) + sign * o) / 2 for sign in (1, -1)])
            effects = [np.kron(p, r) for p in own[0] for r in own[1]]
            if q:
                effects = [(1 - q) * m + q * (np.eye(4) - m) for m in effects]
            average += float(Fraction(term["weight"])) * entropies_of(rho, effects)
        if value > average + 1e-9:
            return True
    return False
