"""Lengths of key and randomness from finitely many rounds, as quantities of studies."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.entropies.conditional import EntropyBound, VonNeumann
from sdpbound.finite_size import FiniteLength, FiniteSecurity, finite_key_length, finite_randomness_length
from sdpbound.finite_size.figures import FiniteKeyLength, FiniteRandomnessLength
from sdpbound.finite_size.functionals import entropy_functionals
from sdpbound.finite_size.result import THEOREM, VARIANCE
from sdpbound.study.file.spec import Quantity

__all__ = ["THEOREM_USED", "finite_length", "finite_question", "functionals"]

#: The theorem that makes an entropy a length, as the rows have it.
THEOREM_USED = f"{THEOREM}; {VARIANCE[FiniteSecurity().registers]}"


def functionals(
    behaviour: Behaviour, observed: Observations, quantity: Quantity, method: VonNeumann
) -> list[EntropyBound]:
    """The entropy bounds to choose from, at the data and at some distances towards white noise; for all rounds."""
    x, y = quantity.settings
    both = None if quantity.name.startswith("finite_key") else y
    found = entropy_functionals(behaviour, observed, x, both, _flips(quantity), method)
    return [bound for _, bound in found if bound is not None]


def finite_length(
    behaviour: Behaviour, observed: Observations, quantity: Quantity, entropies: list[EntropyBound]
) -> FiniteLength:
    """The length from the quantity's rounds; each number of rounds is looked at for itself."""
    x, y = quantity.settings
    assert quantity.rounds is not None
    if quantity.name == "finite_key_length":
        flips = _flips(quantity)
        return finite_key_length(
            behaviour, quantity.rounds, x, y or 0, observed, entropies=entropies, preprocessing=flips
        )
    return finite_randomness_length(behaviour, quantity.rounds, x, y, observed, entropies=entropies)


def finite_question(behaviour: Behaviour, quantity: Quantity) -> dict[str, Any]:
    """What the certificate of a length must be about."""
    x, y = quantity.settings
    assert quantity.rounds is not None
    length = FiniteKeyLength if quantity.name == FiniteKeyLength.kind else FiniteRandomnessLength
    return {
        "scenario": {"outcomes": [list(party) for party in behaviour.scenario.outcomes]},
        "figure": length(x, y, _flips(quantity), rounds=int(quantity.rounds)).entry(),
        "side": "lower",
        "behaviour": np.asarray(behaviour.p).tolist(),
    }


def _flips(quantity: Quantity) -> float:
    assert not isinstance(quantity.preprocessing, str)
    return quantity.preprocessing or 0.0
