"""What charts and reports call the columns of a table and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SIDES", "TESTED", "adversary", "quantity_label"]

QUANTITIES = {
    "guess_local": "guessing probability",
    "guess_global": "guessing probability, pair",
    "guess_blind": "guessing probability, blind",
    "key_rate": "key rate (bits per round)",
    "randomness_local": "local randomness (bits)",
    "randomness_global": "global randomness (bits)",
    "randomness_blind": "blind randomness (bits)",
    "bell_maximum": "largest Bell value",
    "bell_minimum": "smallest Bell value",
    "chsh": "CHSH value",
    "condition": "condition (4), left side",
    "local_bound": "local bound",
    "quantum_bound": "quantum bound",
    "strategy_value": "Bell value of the strategy",
}
SIDES = {"upper": "upper bound", "lower": "lower bound", "exact": "closed form"}
TESTED = {"bell": "Bell value tested", "correlators": "correlators tested", "full": "full behaviour tested"}


def quantity_label(row: Mapping[str, Any]) -> str:
    """A quantity with its settings.

    >>> quantity_label({"quantity": "key_rate", "x": 0, "y": 1})
    'key rate (bits per round), x=0, y=1'
    """
    settings = [f"{s}={row[s]}" for s in ("x", "y") if row[s] is not None]
    return ", ".join([QUANTITIES.get(row["quantity"], str(row["quantity"])), *settings])


def adversary(row: Mapping[str, Any]) -> str:
    """The model of the adversary with its level; empty where there is none.

    >>> adversary({"model": "quantum", "level": "2"})
    'quantum, level 2'
    """
    return ", level ".join(str(row[column]) for column in ("model", "level") if row[column])
