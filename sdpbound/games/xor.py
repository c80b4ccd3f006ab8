"""XOR games, and the strategies of Tsirelson's theorem."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import counted, floats, instance
from sdpbound.arrays import Complexes, Floats
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidParameter, InvalidShape, TooLarge
from sdpbound.games.game import Game, require_room

__all__ = ["tsirelson_strategy", "xor_game"]

#: Rounds of improvement from one start, and a gain of the bias that ends them.
ROUNDS, GAIN = 20_000, 1e-16
#: Marginals above this make a game no XOR game; the probabilities of questions are 1 in sum.
ROUNDING = 1e-12
#: Directions of vectors below this size, relative to the largest, are left out.
NEGLIGIBLE = 1e-9
#: Largest dimension of a player's system that a strategy is written down for.
LARGEST_DIMENSION = 32


def xor_game(parities: ArrayLike, questions: ArrayLike | None = None, name: str = "XOR game") -> Game:
    """The players answer one bit each, and win if the sum of their bits is ``parities[x, y, ..]`` modulo 2.

    Parameters
    ----------
    parities : array of 0 and 1, an axis for each player
    questions : array of the same shape, optional
        Probabilities, which add up to 1; without it all questions are equally likely.
    name : str

    For two players the quantum value is that of level 1 of the hierarchy exactly (Tsirelson 1980; Cleve, Hoyer, Toner
    and Watrous, quant-ph/0404076): ``xor_game(f).quantum("1")``.

    Raises
    ------
    InvalidParameter
        A parity is not 0 or 1, or the probabilities do not add up to 1.

    >>> game = xor_game([[0, 0], [0, 1]])
    >>> round(game.quantum("1").value, 7)
    0.8535534
    """
    f = floats(parities, "parities")
    if not np.isin(f, (0.0, 1.0)).all():
        raise InvalidParameter("parities must be 0 or 1, the sum modulo 2 with which the players win.")
    if f.ndim == 0 or f.size == 0:
        raise InvalidShape("parities need an axis for each player, such as [[0, 0], [0, 1]].")
    weights = np.full(f.shape, 1.0 / f.size) if questions is None else floats(questions, "probabilities of questions")
    if weights.shape != f.shape:
        raise InvalidShape(f"questions of shape {weights.shape} do not fit parities of shape {f.shape}.")
    require_room((2,) * f.ndim + f.shape)
    bits = np.indices((2,) * f.ndim).sum(axis=0) % 2
    rule = bits.reshape(bits.shape + (1,) * f.ndim) == f.reshape((1,) * f.ndim + f.shape)
    return Game(rule.astype(np.float64), weights, name)


def tsirelson_strategy(
    game: Game, restarts: int = 10, rng: np.random.Generator | int | None = 0
) -> tuple[float, Strategy]:
    """A strategy for an XOR game of two players, and the probability with which it wins.

    That is a lower bound on the quantum value, and equal to it as a rule. Unit vectors that maximise
    ``sum_xy c_xy u_x . v_y`` are found by turns, u_x along ``sum_y c_xy v_y`` and v_y along ``sum_x c_xy u_x``; with
    enough dimensions all local maxima are global as a rule (Burer and Monteiro). They become observables
    ``sum_i u_xi G_i`` of a maximally entangled state, with matrices G_i that anticommute (Tsirelson 1987), so that the
    correlators are the products ``u_x . v_y``.

    Parameters
    ----------
    game : Game
        Two players with one bit each, whose rule is about the sum of the bits.
    restarts : int
        Random starting points, at least 1.
    rng : numpy.random.Generator or seed

    Raises
    ------
    InvalidParameter
        The game is no XOR game of two players.
    TooLarge
        The vectors need matrices of more than 32 dimensions.

    >>> value, strategy = tsirelson_strategy(xor_game([[0, 0], [0, 1]]))
    >>> round(value, 9), strategy.dimensions
    (0.853553391, (2, 2))
    """
    expression = instance(game, Game, "game", "xor_game([[0, 0], [0, 1]])").expression
    table = expression.coefficients
    binary = game.scenario.parties == 2 and game.scenario.is_binary
    if not binary or max(np.abs(table[1:, 0]).max(), np.abs(table[0, 1:]).max()) > ROUNDING:
        raise InvalidParameter(f"{game!r} is no XOR game of two players; use game.strategy(dimension).")
    c, generator = table[1:, 1:], np.random.default_rng(rng)
    size = next(r for r in range(1, sum(c.shape) + 2) if r * (r + 1) // 2 > sum(c.shape))
    found = [_vectors(c, size, generator) for _ in range(counted(restarts, "restarts", 1))]
    _, u, v = max(found, key=lambda triple: triple[0])
    _, sizes, axes = np.linalg.svd(np.vstack([u, v]), full_matrices=False)
    kept = axes[sizes > NEGLIGIBLE * sizes[0]]
    u, v = (w @ kept.T for w in (u, v))
    u, v = (w / np.linalg.norm(w, axis=1, keepdims=True) for w in (u, v))
    if 2 ** (len(kept) // 2) > LARGEST_DIMENSION:
        raise TooLarge(f"vectors of {len(kept)} dimensions need systems of {2 ** (len(kept) // 2)}, more than 32.")
    gammas = _anticommuting(len(kept))
    dimension = gammas.shape[-1]
    strategy = Strategy.from_observables(
        np.eye(dimension).ravel() / math.sqrt(dimension),
        list(np.tensordot(u, gammas, axes=1)),
        list(np.tensordot(v, gammas.transpose(0, 2, 1), axes=1)),
    )
    return expression.value(strategy.behaviour()), strategy


def _vectors(c: Floats, size: int, rng: np.random.Generator) -> tuple[float, Floats, Floats]:
    """A local maximum of ``sum c_xy u_x . v_y`` over unit vectors, and these, shapes (X, size) and (Y, size)."""
    v = _unit(rng.standard_normal((c.shape[1], size)), rng)
    bias = -math.inf
    for _ in range(ROUNDS):
        u = _unit(c @ v, rng)
        v = _unit(c.T @ u, rng)
        new = float(np.sum(c * (u @ v.T)))
        if new - bias < GAIN:
            break
        bias = new
    return new, u, v


def _unit(rows: Floats, rng: np.random.Generator) -> Floats:
    """Rows of length 1; a zero row, of a question that is never asked, becomes any direction."""
    zero = np.linalg.norm(rows, axis=1) == 0.0
    filled: Floats = np.where(zero[:, None], rng.standard_normal(rows.shape), rows)
    return np.asarray(filled / np.linalg.norm(filled, axis=1, keepdims=True), dtype=np.float64)


def _anticommuting(count: int) -> Complexes:
    """Hermitian matrices with square 1 that anticommute pairwise, (count, d, d) with d = 2^(count // 2)."""
    x, y, z = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128)
    matrices = [np.eye(1, dtype=np.complex128)]  # one matrix of one dimension: products of signs
    for _ in range(count // 2):
        one = np.eye(len(matrices[0]))
        matrices = [*(np.kron(m, z) for m in matrices), np.kron(one, x), np.kron(one, y)]
    return np.array(matrices[:count] if count % 2 == 0 else matrices)
