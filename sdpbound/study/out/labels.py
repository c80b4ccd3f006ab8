"""The words in charts and reports for the columns of a table and their entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdpbound.study.quantities.table import QUANTITIES

__all__ = ["SIDES", "adversary", "options_label", "plain", "quantity_label", "tests_label"]

#: Most letters of a text of a row in a chart.
LETTERS = 100
SIDES = {"upper": "upper bound", "lower": "lower bound", "exact": "closed form"}
_METHODS = {"method renyi": "Renyi entropies", "method auto": "the longer of both theorems"}
_TESTED = {"bell": "Bell value tested", "correlators": "correlators tested", "full": "full behaviour tested"}


def tests_label(observed: str | None) -> str:
    """What is tested, for people; empty where nothing is.

    >>> tests_label("full without B2")
    'full behaviour tested without B2'
    """
    kind, _, rest = (observed or "").partition(" without ")
    return _TESTED.get(kind, "") + (f" without {rest}" if rest else "")


def quantity_label(row: Mapping[str, Any]) -> str:
    """Return a quantity with its settings.

    >>> quantity_label({"quantity": "key_rate", "x": 0, "y": 1})
    'key rate (bits per round), x=0, y=1'
    """
    settings = [f"{s}={row[s]}" for s in ("x", "y") if row[s] is not None]
    kind = QUANTITIES.find(row["quantity"])
    label = str(row["quantity"]) if kind is None else kind.label
    return ", ".join([label, *settings, *filter(None, [row.get("options")])])


def options_label(options: str) -> str:
    """Return the options of a quantity for people: the tolerance of an entropy and the theorem of a length by name.

    >>> options_label("von Neumann qubit 0.001, preprocessing 0.1")
    'von Neumann entropy (qubit) within 0.001, preprocessing 0.1'
    >>> options_label("method renyi")
    'Renyi entropies'
    """
    first, *rest = (_METHODS.get(word, word) for word in options.split(", "))
    *how, tolerance = first.removeprefix("von Neumann ").split(" ")
    if not first.startswith("von Neumann "):
        return ", ".join([first, *rest])
    method = f" ({' '.join(how)})" if how else ""
    return ", ".join([f"von Neumann entropy{method} within {tolerance}", *rest])


def plain(text: object) -> str:
    """Return a text of a row for a chart: on one line, not too long, and without mathematics.

    A store may come from a stranger, and matplotlib reads text between dollar signs as a formula.

    >>> plain("quantum $x^2$")
    'quantum \\\\$x^2\\\\$'
    """
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(text))
    return (shown if len(shown) <= LETTERS else shown[: LETTERS - 3] + "...").replace("$", r"\$")


def adversary(row: Mapping[str, Any]) -> str:
    """Return the model of the adversary with its level; "" if there is none.

    >>> adversary({"model": "quantum", "level": "2"})
    'quantum, level 2'
    """
    return ", level ".join(str(row[column]) for column in ("model", "level") if row[column])
