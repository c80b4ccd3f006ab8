"""What floats choose for a proof of an average entropy; nothing here proves anything. See ``qubit_average``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdpbound.checker.qubit_floats import CLOSE, PRODUCTS, Floats, newton_moves, rebuilt

__all__ = ["AverageFloats", "FloatPiece"]


@dataclass(frozen=True, slots=True)
class FloatPiece:
    """A matrix C of a key: its weight, its columns (4, k) at angles 0, and whose angles turn it."""

    share: float
    base: Floats
    turned: tuple[bool, bool]

    def at(self, angles: Floats) -> Floats:
        """The columns (n, 4, k) at angles (n, 2)."""
        half = np.where(self.turned, 0.5 * angles, 0.0)
        c, s = np.cos(half), np.sin(half)
        turns = np.stack([np.stack([c, -s], axis=2), np.stack([s, c], axis=2)], axis=2)
        both = np.einsum("nij,nkl->nikjl", turns[:, 0], turns[:, 1]).reshape(-1, 4, 4)
        return np.asarray(both @ self.base, dtype=np.float64)


class AverageFloats:
    """Values below G(K) and what hints prove, for many K; hints (n, 16) are guesses of L."""

    def __init__(self, pieces: Sequence[FloatPiece]) -> None:
        self.pieces = pieces

    def tables(self, expression: Floats, angles: Floats) -> Floats:
        """(n, 3, 3) K in 1, Z, X times 1, Z, X."""
        frames = np.zeros((2, len(angles), 3, 3))
        frames[:, :, 0, 0] = frames[:, :, 1, 1] = 1.0
        frames[:, :, 2, 1], frames[:, :, 2, 2] = np.cos(angles).T, np.sin(angles).T
        return np.asarray(frames[0].transpose(0, 2, 1) @ expression @ frames[1], dtype=np.float64)

    def step(
        self, tables: Floats, columns: Sequence[Floats], hints: Floats, noise: float
    ) -> tuple[Floats, Floats, Floats]:
        """Values (n,) below G, upper bounds (n,), and moves of the hints; ``columns`` of each piece, (n, 4, k)."""
        n = len(tables)
        operators, weights, v, powers = _point(tables, hints, noise)
        states = rebuilt(weights, v)
        pinched, slope = np.zeros((n, 4, 4)), np.zeros((n, 16, 16))
        for piece, c in zip(self.pieces, columns, strict=True):
            e, u = np.linalg.eigh(c.transpose(0, 2, 1) @ states @ c)
            e = np.maximum(e, 1e-300)
            frame = c @ u
            pinched += piece.share * rebuilt(np.log(e), frame)
            near = np.abs(e[:, :, None] - e[:, None, :]) < CLOSE * e[:, None, :]
            gaps = np.where(near, 1.0, e[:, :, None] - e[:, None, :])
            ratios = np.log(e[:, :, None] / e[:, None, :]) / gaps
            quotients = np.where(near, 2.0 / (e[:, :, None] + e[:, None, :]), ratios)
            turn = np.einsum("nai,nbj->nabij", frame, frame).reshape(n, 16, -1)
            slope += piece.share * ((turn * quotients.reshape(n, 1, -1)) @ turn.transpose(0, 2, 1))
        tangents = operators + pinched - rebuilt(np.log(weights), v)
        values: Floats = np.asarray((states * tangents).sum(axis=(1, 2)), dtype=np.float64)
        uppers: Floats = np.asarray(np.linalg.eigvalsh(tangents)[:, -1], dtype=np.float64)
        return values, uppers, newton_moves(pinched, slope, hints, (powers, v), noise)

    def choices(
        self, tables: Floats, columns: Sequence[Floats], hints: Floats, noise: float
    ) -> tuple[Floats, list[Floats], Floats]:
        """log r; eigenvectors of each C^T r C; those of K + L(r) - log r."""
        operators, weights, v, _ = _point(tables, hints, noise)
        states, logs = rebuilt(weights, v), rebuilt(np.log(weights), v)
        logs = 0.5 * (logs + logs.transpose(0, 2, 1))
        total = operators - logs
        blocks = []
        for piece, c in zip(self.pieces, columns, strict=True):
            e, u = np.linalg.eigh(c.transpose(0, 2, 1) @ states @ c)
            total += piece.share * rebuilt(np.log(np.maximum(e, 1e-300)), c @ u)
            blocks.append(u)
        return logs, blocks, np.linalg.eigh(total)[1]


def _point(tables: Floats, hints: Floats, noise: float) -> tuple[Floats, Floats, Floats, Floats]:
    """K as matrices; eigenvalues and vectors of r; its eigenvalues without noise."""
    operators: Floats = np.asarray(np.einsum("nij,ijkl->nkl", tables, PRODUCTS), dtype=np.float64)
    e, v = np.linalg.eigh(operators + hints.reshape(-1, 4, 4))
    powers = np.exp(e - e[:, -1:])
    powers /= powers.sum(axis=1, keepdims=True)
    weights: Floats = np.asarray((1.0 - noise) * powers + 0.25 * noise, dtype=np.float64)
    return operators, weights, np.asarray(v, dtype=np.float64), np.asarray(powers, dtype=np.float64)
