"""Lists of facets: A2 to A89 of two parties, and Sliwa's 46 of three parties, read from tables beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sdpbound.arguments import whole
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario

__all__ = ["AVIS", "SLIWA", "avis", "record", "sliwa"]

#: First and last number of each list.
AVIS, SLIWA = (2, 89), (1, 46)


def avis(number: int) -> BellExpression:
    """Facet A_number of the list of Avis, Imai, Ito and Sasaki (quant-ph/0404014), from two settings a side to five.

    The coefficients are those of Pal and Vertesi (arXiv:0810.1615), in Collins-Gisin form with p(0|x) and p(00|xy); the
    local maximum is 0. A10 is printed with the opposite sign in some collections; here it is a facet as the others.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless number is an integer from 2 to 89.

    >>> avis(14).local_bound
    0.0
    """
    k = whole(number, "number", *AVIS)
    return BellExpression.from_collins_gisin(record("avis", k)["table"], name=f"A{k}")


def sliwa(number: int) -> BellExpression:
    """One of the 46 classes of facets of three parties with two settings of two outcomes (Sliwa, quant-ph/0305190).

    Numbers and coefficients, of <A_x>, <A_x B_y>, .., <A_x B_y C_z>, are those of the paper, where the expression is at
    most a local bound. The first one says that a probability is not negative; 2 is Mermin's expression and 10 is
    :func:`~sdpbound.bell.families.multipartite.gyni`, both relabelled. Relabellings of the 46 are all 53,856 facets.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless number is an integer from 1 to 46.

    >>> sliwa(18).local_bound
    4.0
    """
    k = whole(number, "number", *SLIWA)
    table = np.array(record("sliwa", k)["table"], dtype=np.float64)
    return BellExpression(Scenario(((2, 2),) * 3), table.reshape(3, 3, 3), f"Sliwa {k}")


def record(name: str, number: int) -> Mapping[str, Any]:
    """What the table of a list says of a number: its coefficients, "local", "no_signaling", "quantum", "upper"."""
    found: Mapping[str, Any] = _read(name)[str(number)]
    return found


@lru_cache(maxsize=2)
def _read(name: str) -> Mapping[str, Any]:
    entries: Mapping[str, Any] = json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))
    return entries
