"""Attacks on data of which a part is enough: qubits for that part, with measurements for the rest.

Where two settings a party with two outcomes each are tested beside others, qubits of the best mixture for them often
have the other tested values as well. No attack is better then.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from sdpbound.attacks.mixtures import Mixture
from sdpbound.attacks.proof import EntropyAttack, build_attack
from sdpbound.attacks.qubit_attack import settled_optima
from sdpbound.bell.strategy import Strategy
from sdpbound.entropies.coarse import Coarsening, coarsenings
from sdpbound.entropies.completed import completed
from sdpbound.entropies.qubits.mixture import QubitOptimum
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["coarse_attack"]

#: How many coarser data are tried.
_COARSER = 3


def coarse_attack(question: EntropyQuestion, tolerance: float) -> EntropyAttack | None:
    """The attack of the best mixture of qubits for coarser data; None where it is not proven to have the data.

    Parameters
    ----------
    question : of two parties; see :func:`sdpbound.entropies.coarse.coarsenings`
    tolerance : bits between the attack and what the search says that no strategies go below
    """
    begun = time.perf_counter()
    if not question.is_of_a_pair:
        return None
    for coarse in coarsenings(question, _COARSER):
        for best in settled_optima(coarse.question, tolerance):
            mixture = _finer(coarse, best)
            if mixture is None:
                break
            attack = build_attack(question.given or question.observed, question.figure, mixture, 0.0)
            if attack.exact:
                return replace(attack, seconds=attack.seconds | {"solve": time.perf_counter() - begun})
    return None


def _finer(coarse: Coarsening, best: QubitOptimum) -> Mixture | None:
    """The mixture with measurements for all settings; None where none are found that have the data."""
    effects = completed(coarse, best)
    if effects is None:
        return None
    observed = coarse.fine.observed
    strategies = tuple(
        Strategy(state, tuple(tuple(own[k] for own in party) for party in effects))
        for k, state in enumerate(best.states)
    )
    moments = np.array([s.behaviour().moments for s in strategies])
    tested = np.tensordot(moments, observed.coefficients, axes=((1, 2), (1, 2)))
    return Mixture(strategies, best.weights, tested, best.columns.entropies, None)
