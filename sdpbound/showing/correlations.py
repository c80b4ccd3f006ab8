"""Cards of behaviours, Bell expressions and mixtures of boxes."""

from __future__ import annotations

import math
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import LETTERS, PARTIES
from sdpbound.bell.scenario import Scenario
from sdpbound.boxes.partition import BoxPartition
from sdpbound.showing.cards import Card, Grid

__all__ = ["behaviour_card", "behaviour_table", "expression_card", "partition_card"]

#: The most columns and rows of a table on a card, and the most local strategies that are counted for one.
WIDE, LONG, STRATEGIES = 32, 40, 4096


def behaviour_table(behaviour: Behaviour) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Heads of rows and columns, and the probabilities: rows are Alice's settings and outcomes, columns the others'.

    The third is of shape (rows, columns).

    >>> import sdpbound as sb
    >>> rows, columns, p = behaviour_table(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour())
    >>> rows, columns, p.shape
    (['x=0 a=0', 'x=0 a=1', 'x=1 a=0', 'x=1 a=1'], ['y=0 b=0', 'y=0 b=1', 'y=1 b=0', 'y=1 b=1'], (4, 4))
    """
    letters = _letters(behaviour.scenario)
    rows = letters[0]
    columns = list(product(*letters[1:]))
    table = np.array([[_probability(behaviour, (row, *column)) for column in columns] for row in rows], np.float64)
    heads = [" ".join(_word(party + 1, entry) for party, entry in enumerate(column)) or "p" for column in columns]
    return [_word(0, row) for row in rows], heads, table


def _probability(behaviour: Behaviour, entries: tuple[tuple[int, int, int], ...]) -> float:
    return float(behaviour.p[(*(a for _, _, a in entries), *(x for _, x, _ in entries))])


def _letters(scenario: Scenario) -> list[list[tuple[int, int, int]]]:
    """For each party its (party, setting, outcome)."""
    return [
        [(party, x, a) for x, outcomes in enumerate(settings) for a in range(outcomes)]
        for party, settings in enumerate(scenario.outcomes)
    ]


def _word(party: int, entry: tuple[int, int, int]) -> str:
    return f"{LETTERS[party]}={entry[1]} {PARTIES[party].lower()}={entry[2]}"


def behaviour_card(behaviour: Behaviour) -> Card:
    """Probabilities by settings, shaded."""
    n = len(behaviour.scenario.outcomes)
    rows, columns, table = behaviour_table(behaviour)
    shown = table[:LONG, :WIDE]
    cut = "" if shown.shape == table.shape else f"; {shown.size} of {table.size} entries are shown"
    grid = Grid(
        ("", *columns[:WIDE]),
        tuple((head, *(f"{value:.4f}" for value in row)) for head, row in zip(rows, shown.tolist(), strict=False)),
        f"p({PARTIES[:n].lower()}|{LETTERS[:n]}){cut}",
        tuple(tuple(row) for row in shown.tolist()),
    )
    facts = [("scenario", _scenario(behaviour.scenario))]
    if behaviour.scenario.outcomes == ((2, 2), (2, 2)):
        facts.append(("CHSH", f"{behaviour.chsh:.6f}, the largest of the eight (local behaviours: at most 2)"))
    if behaviour.exact is not None:
        facts.append(("exact data", behaviour.exact.title))
    return Card("Behaviour", facts=tuple(facts), grids=(grid,))


def expression_card(expression: BellExpression) -> Card:
    """The expression as text, its coefficients, and its local bounds where they are counted at once."""
    facts = [("expression", repr(expression)), ("scenario", _scenario(expression.scenario))]
    if math.prod(d for party in expression.scenario.outcomes for d in party) <= STRATEGIES:
        facts.append(("local", f"from {expression.local_minimum:.6g} to {expression.local_bound:.6g}"))
    grids: tuple[Grid, ...] = ()
    if len(expression.scenario.outcomes) == 2 and max(expression.coefficients.shape) <= WIDE:
        heads = [
            ["1", *(_observable(party, entry.setting, entry.outcome) for entry in expression.scenario.letters[party])]
            for party in (0, 1)
        ]
        grids = (
            Grid(
                ("", *heads[1]),
                tuple(
                    (head, *("" if c == 0.0 else f"{c:.6g}" for c in row))
                    for head, row in zip(heads[0], expression.coefficients.tolist(), strict=True)
                ),
                "coefficients of products",
            ),
        )
    return Card(f"Bell expression {expression.name}".strip(), facts=tuple(facts), grids=grids)


def _observable(party: int, setting: int, outcome: int | None) -> str:
    """A0 for the observable of setting 0, A1|0 for the projector on its outcome 1, as expressions are printed."""
    return f"{PARTIES[party]}{'' if outcome is None else f'{outcome}|'}{setting}"


def _scenario(scenario: Scenario) -> str:
    parties = (
        f"{PARTIES[party]}: {len(settings)} setting{'s' if len(settings) > 1 else ''} of "
        + (f"{settings[0]}" if len(set(settings)) == 1 else ", ".join(map(str, settings)))
        + " outcomes"
        for party, settings in enumerate(scenario.outcomes)
    )
    return "; ".join(parties)


def partition_card(partition: BoxPartition) -> Card:
    """The members of a mixture, the heaviest first, and what each tells Eve."""
    members = sorted(zip(partition.labels, partition.weights, partition.figures, strict=True), key=lambda m: -m[1])
    rows = tuple(
        (label, f"{float(weight):.6g}", " ".join(f"{float(f / weight):.4f}" for f in row) if weight else "")
        for label, weight, row in islice(members, LONG)
    )
    cut = "" if len(members) <= LONG else f", {LONG} of {len(members)}"
    n = partition.boxes.n
    return Card(
        f"Box partition of {n} box{'es' if n > 1 else ''}",
        f"Eve guesses {partition.function.name} with probability ≥ {float(partition.value):.9g}",
        (
            ("side", "lower bound on the best: an explicit strategy of Eve"),
            ("distance from uniform", f"≥ {float(partition.distance):.9g}"),
        ),
        grids=(Grid(("z", "weight", "P(f = s | z)"), rows, f"members, the heaviest first{cut}"),),
    )
