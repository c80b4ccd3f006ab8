"""Binary constraint system games."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from sdpbound.arguments import whole
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidParameter, InvalidShape
from sdpbound.games.game import Game, require_room

__all__ = ["constraint_game"]

#: Most variables in one constraint: their assignments are written down.
MOST_VARIABLES = 12


def constraint_game(
    constraints: Sequence[tuple[Sequence[int], int | Iterable[Sequence[int]]]], name: str = "constraint game"
) -> Game:
    """The game of a system of constraints on bits (Cleve and Mittal, arXiv:1209.2729).

    The first player gets a constraint and answers values of its variables that fulfil it, the second gets one of these
    variables and answers its value; they win if both give it the same one. All pairs of a constraint and a variable in
    it are equally likely. A classical strategy that always wins is a solution of the system.

    Parameters
    ----------
    constraints : sequence of pairs (variables, allowed)
        ``variables``: their numbers, from 0. ``allowed``: 0 or 1, the sum of the values modulo 2; or the tuples of
        values that are allowed.
    name : str

    Returns
    -------
    Game
        Answer a of the first player is the a-th of the allowed tuples, in the order given or, for a parity, in that of
        counting with the first variable slowest.

    Raises
    ------
    InvalidShape
        A constraint is no such pair.
    InvalidParameter
        A constraint cannot be fulfilled, or names a variable twice.

    >>> square = [((0, 1, 2), 0), ((3, 4, 5), 0), ((6, 7, 8), 0), ((0, 3, 6), 1), ((1, 4, 7), 1), ((2, 5, 8), 1)]
    >>> round(constraint_game(square).classical().value * 18)  # of 18, Mermin's magic square as a linear system
    17
    """
    read = [_read(number, constraint) for number, constraint in enumerate(constraints)]
    if not read:
        raise InvalidShape("a constraint game needs at least one constraint, such as ((0, 1), 0).")
    named = sorted({v for variables, _ in read for v in variables})
    if named != list(range(len(named))):
        raise InvalidParameter(f"variables are numbered from 0 without gaps, not {named[:20]}.")
    scenario = Scenario((tuple(len(allowed) for _, allowed in read), (2,) * len(named)))
    require_room(scenario.table_shape)
    rule, questions = np.zeros(scenario.table_shape), np.zeros(scenario.settings)
    for x, (variables, allowed) in enumerate(read):
        for place, y in enumerate(variables):
            questions[x, y] = 1.0
            for a, values in enumerate(allowed):
                rule[a, values[place], x, y] = 1.0
    return Game(rule, questions / questions.sum(), name, scenario)


def _read(number: int, constraint: object) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The variables of a constraint, and the values that it allows."""
    where = f"constraint {number}"
    if not isinstance(constraint, (tuple, list)) or len(constraint) != 2:
        raise InvalidShape(
            f"{where} must be a pair (variables, allowed), such as ((0, 1, 2), 1), not {constraint!r:.60}."
        )
    listed, allowed = constraint
    if not isinstance(listed, (tuple, list)) or not 1 <= len(listed) <= MOST_VARIABLES:
        raise InvalidShape(f"{where} must have from 1 to {MOST_VARIABLES} variables, not {listed!r:.60}.")
    variables = tuple(whole(v, f"a variable of {where}", 0, 10_000) for v in listed)
    if len(set(variables)) < len(variables):
        raise InvalidParameter(f"{where} names a variable twice: {variables}.")
    if isinstance(allowed, (int, np.integer)):
        parity = whole(allowed, f"the parity of {where}", 0, 1)
        rows = [v for v in itertools.product((0, 1), repeat=len(variables)) if sum(v) % 2 == parity]
    elif isinstance(allowed, Iterable):
        rows = list(dict.fromkeys(tuple(int(bit) for bit in row) for row in allowed))
    else:
        raise InvalidShape(f"{where} allows {allowed!r:.60}; give a parity, 0 or 1, or a list of tuples of bits.")
    if any(len(row) != len(variables) or not set(row) <= {0, 1} for row in rows):
        raise InvalidShape(f"{where} must allow tuples of {len(variables)} bits, one for each of its variables.")
    if not rows:
        raise InvalidParameter(f"{where} allows nothing, so that the first player has no answer; leave it out.")
    return variables, rows
