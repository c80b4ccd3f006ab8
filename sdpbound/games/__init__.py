"""Nonlocal games: questions, answers and a rule, with their classical, quantum and no-signaling values.

What may come in: a rule V(a, b | x, y) and a distribution of questions; parities; systems of constraints.
What is handed on: games, the bounds on their values, and explicit strategies for XOR games.
"""

from __future__ import annotations

from sdpbound.games.constraints import constraint_game
from sdpbound.games.game import Game
from sdpbound.games.xor import tsirelson_strategy, xor_game

__all__ = ["Game", "constraint_game", "tsirelson_strategy", "xor_game"]
