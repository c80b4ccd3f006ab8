"""Explicit strategies in a routed test: Eve prepares the pair, and acts on Bob's system after the switch.

The pair has qubits of Alice and Bob and a system S of Eve's; all amplitudes are real. The near device measures Bob's
qubit. Otherwise an isometry takes Bob's qubit and S to a qubit of the far device and a system of Eve's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.scenario import Scenario

__all__ = ["MEASURED", "RoutedStrategy", "Shape", "entropies", "tables"]

#: The label of a setting that is measured; other labels are the outcome that it always has.
MEASURED = -1


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of strategies, and where their parts stand among the parameters.

    Attributes
    ----------
    near_scenario, far_scenario : of Alice and each device
    kept, held : dimensions of S and of what Eve holds after the isometry
    """

    near_scenario: Scenario
    far_scenario: Scenario
    kept: int = 2
    held: int = 2

    @property
    def settings(self) -> tuple[int, int, int]:
        """Of Alice, the near and the far device."""
        alice, near = self.near_scenario.settings
        return alice, near, self.far_scenario.settings[1]

    @property
    def parameters(self) -> int:
        return sum(self.settings) + 4 * self.kept + 4 * self.held * self.kept

    def parts(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Angles of Alice, near and far, states (m, 2, 2, S) and isometries (m, 2, E, 2, S) of parameters (m, n)."""
        a, n, f = self.settings
        angles = x[:, :a], x[:, a : a + n], x[:, a + n : a + n + f]
        at = a + n + f
        state = x[:, at : at + 4 * self.kept].reshape(-1, 2, 2, self.kept)
        state = state / np.sqrt(np.einsum("mabs,mabs->m", state, state))[:, None, None, None]
        own = x[:, at + 4 * self.kept :].reshape(-1, 2 * self.held, 2 * self.kept)
        # the nearest isometry
        values, vectors = np.linalg.eigh(own.transpose(0, 2, 1) @ own)
        root = (vectors / np.sqrt(np.maximum(values, 1e-12))[:, None, :]) @ vectors.transpose(0, 2, 1)
        return *angles, state, (own @ root).reshape(-1, 2, self.held, 2, self.kept)


@dataclass(frozen=True, eq=False)
class RoutedStrategy:
    """One strategy: its parameters (n,) and labels, of the settings of Alice, near and far."""

    shape: Shape
    parameters: Floats
    labels: Ints

    @property
    def state(self) -> Floats:
        """(2, 2, S) amplitudes of Alice's and Bob's qubits and what Eve keeps."""
        return np.asarray(self.shape.parts(self.parameters[None])[3][0], dtype=np.float64)

    @property
    def isometry(self) -> Floats:
        """(2, E, 2, S): from Bob's qubit and S to the far device's qubit and Eve's system."""
        return np.asarray(self.shape.parts(self.parameters[None])[4][0], dtype=np.float64)

    def moments(self) -> tuple[Floats, Floats]:
        """The near and the far behaviour in moment coordinates."""
        near, far = tables(self.shape, self.parameters[None], self.labels[None])
        return near[0], far[0]

    def entropy(self, x: int, flips: float = 0.0, given: int | None = None) -> float:
        """H(A|X=x,E) in bits, or with ``given`` H(A|X=x,F,E), Eve being told the outcome F of that setting."""
        return float(entropies(self.shape, self.parameters[None], (x, given), flips, self.labels[None])[0])


def tables(shape: Shape, x: Floats, labels: Ints) -> tuple[Floats, Floats]:
    """Near (m, 1 + X, ..) and far behaviours in moment coordinates, of parameters (m, n) and labels."""
    alice, near, far, state, isometry = shape.parts(x)
    sent = np.einsum("mfgbs,mabs->mafg", isometry, state)
    a, n, _ = shape.settings
    left = _coordinates(shape.near_scenario, 0, _observables(alice), labels[:, :a])
    here = _coordinates(shape.near_scenario, 1, _observables(near), labels[:, a : a + n])
    there = _coordinates(shape.far_scenario, 1, _observables(far), labels[:, a + n :])
    return _means(left, here, state), _means(left, there, sent)


def _means(left: Floats, right: Floats, state: Floats) -> Floats:
    """<A_i B_j>: (m, i, j) of operators (m, i, 2, 2) and (m, j, 2, 2) and amplitudes (m, 2, 2, rest)."""
    reduced = np.einsum("mabs,mcds->macbd", state, state)
    half = np.einsum("miac,macbd->mibd", left, reduced)
    return np.asarray(np.einsum("mjbd,mibd->mij", right, half), dtype=np.float64)


def entropies(shape: Shape, x: Floats, key: tuple[int, int | None], flips: float, labels: Ints) -> Floats:
    """H(A|X,E) in bits, (m,): ``key`` is Alice's setting, and a far one whose outcome Eve is told, or None."""
    alice, _, far, state, isometry = shape.parts(x)
    sent = np.einsum("mfgbs,mabs->mafg", isometry, state)
    parts = np.einsum("moa,mafg->mofg", _vectors(alice[:, key[0]]), sent)
    if key[1] is None:
        own = np.einsum("mofg,mofh->mogh", parts, parts)[:, None]
    else:
        measured = labels[:, sum(shape.settings[:2]) + key[1]] == MEASURED
        basis = np.where(measured[:, None, None], _vectors(far[:, key[1]]), np.eye(2))
        told = np.einsum("mcf,mofg->mcog", basis, parts)
        own = np.einsum("mcog,mcoh->mcogh", told, told)
        own = np.where(measured[:, None, None, None, None], own, own.sum(axis=1, keepdims=True) / 2.0)
    if flips:
        own = (1.0 - flips) * own + flips * own[:, :, ::-1]
    both = np.concatenate([own, own.sum(axis=2, keepdims=True)], axis=2)
    p = np.maximum(np.linalg.eigvalsh(both), 1e-300)
    each = -(p * np.log2(p)).sum(axis=3)
    total = (each[:, :, 0] + each[:, :, 1] - each[:, :, 2]).sum(axis=1)
    known = -sum(q * np.log2(q) for q in (flips, 1.0 - flips) if q > 0.0)  # of an outcome that is fixed
    return np.asarray(np.where(labels[:, key[0]] == MEASURED, total, known), dtype=np.float64)


def _vectors(angles: Floats) -> Floats:
    """(m, 2, 2) the eigenvectors of cos Z + sin X, that of 1 first."""
    c, s = np.cos(angles / 2.0), np.sin(angles / 2.0)
    return np.stack([c, s, -s, c], axis=1).reshape(-1, 2, 2)


def _observables(angles: Floats) -> Floats:
    """(m, k, 2, 2) cos Z + sin X."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([c, s, s, -c], axis=-1).reshape(*angles.shape, 2, 2)


def _coordinates(scenario: Scenario, party: int, observables: Floats, labels: Ints) -> Floats:
    """(m, 1 + letters, 2, 2) the coordinates of a device: 1, then observables or projectors setting by setting."""
    one = np.eye(2)
    found = [np.broadcast_to(one, (len(labels), 2, 2))]
    for letter in scenario.letters[party]:
        own, label = observables[:, letter.setting], labels[:, letter.setting, None, None]
        if letter.outcome is None:
            fixed, measured = (1.0 - 2.0 * label) * one, own
        else:
            fixed = (label == letter.outcome) * one
            measured = 0.5 * (one + (1 - 2 * letter.outcome) * own) if letter.outcome < 2 else np.zeros_like(own)
        found.append(np.where(label == MEASURED, measured, fixed))
    return np.stack(found, axis=1)


def all_labels(shape: Shape) -> Ints:
    """(k, settings) of Alice and both devices: each setting measured, or with a fixed outcome."""
    counts = [d for party in (*shape.near_scenario.outcomes, shape.far_scenario.outcomes[1]) for d in party]
    grids = np.meshgrid(*(np.arange(MEASURED, d) for d in counts), indexing="ij")
    return np.stack([g.reshape(-1) for g in grids], axis=1)
