"""Attacks on single rounds, of which attacks on what is made of rounds are built."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound, search
from sdpbound.attacks.landscape import Landscape, key_effects
from sdpbound.attacks.options import AttackOptions
from sdpbound.attacks.proof import EntropyAttack, build_attack
from sdpbound.attacks.qubit_attack import qubit_attack
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import Infeasible, SolverFailure
from sdpbound.rates.postprocessing.eve import KeyData
from sdpbound.rates.postprocessing.postprocessing import Claim

__all__ = ["UNTESTED", "kept_attacks", "round_attacks", "round_claims", "selected_attack"]

UNTESTED = "what is not tested may differ from the behaviour; error correction is charged for the behaviour itself"
#: Flips of Alice's bit after which attacks on a round are tried.
FLIPS = (0.0, 0.1, 0.45)
#: Bits to which they are searched: by pairs of qubits, and of rounds that are kept.
TOLERANCE, OF_KEPT = 1e-6, 1e-4
#: Columns of a state's factor: Eve holds as many dimensions.
RANK = 2


def round_attacks(key: KeyData) -> list[EntropyAttack]:
    """Explicit mixtures with the tested data: by pairs of qubits where these are enough, else by one search."""
    if key.is_of_pairs:
        asked = [KeyQuestion(key.observed, key.x, None, preprocessing=flips).of_entropy() for flips in FLIPS]
        found = [attack for attack in (qubit_attack(question, TOLERANCE) for question in asked) if attack is not None]
        if found:
            return found
    return [conditional_entropy_upper_bound(key.observed, key.x)]


def kept_attacks(key: KeyData) -> list[EntropyAttack]:
    """Mixtures with the tested data that leave little entropy in the rounds whose outcomes are 0 or 1.

    Other outcomes, such as a click that is missing, are dropped. In each strategy a party's key setting either has the
    outcomes 0 and 1, of rank one, or always the same outcome. In rounds that Bob always drops the tests may have
    what correlations they need, and Eve learns nothing that she would miss.

    Column generation over real qubits with ``S(r_0) + S(r_1) - S(r_0 + r_1)``, Eve's states r_a of Alice's flipped bit
    in rounds that are kept. Empty where none is found.
    """
    alice, bob = key.joint.shape
    columns = ((0, 1), *((a, a) for a in range(alice))), ((0, 1), *((b, b) for b in range(2, bob)))
    found = []
    for flips in FLIPS[1:]:
        bits: Floats = _pairs(key)[:2, :2].sum(axis=1)
        effects = (1.0 - flips) * bits + flips * bits[::-1]
        found.append(_least_kept(key, flips, _Kept(effects, RANK, columns)))
    return [attack for attack in found if attack is not None]


def selected_attack(
    key: KeyData, kept: tuple[Floats, Floats], near: Sequence[EntropyAttack] = ()
) -> EntropyAttack | None:
    """The mixture with the tested data that leaves least of Alice's outcome in kept rounds, as far as it is found.

    Column generation over real qubits of any rank with ``sum_a S(r_a) - S(sum_a r_a)``, Eve's states
    ``r_a = w_a sum_b v_b rho_E(a, b)`` of Alice's outcomes in kept rounds, not normalised; strategies with one outcome
    at a setting are among them.

    Parameters
    ----------
    kept : for each party the probabilities to keep a round, one for each of its outcomes
    near : attacks whose strategies the search has from the start
    """
    weights = np.multiply.outer(*kept)
    bits = (weights.reshape(*weights.shape, *(1,) * (_pairs(key).ndim - 2)) * _pairs(key)).sum(axis=1)
    return _least_kept(key, 0.0, _Kept(bits[kept[0] > 0.0], 4, ()), [s for own in near for s in own.strategies])


@dataclass(frozen=True, eq=False)
class _Kept:
    """What is searched: the effects of the bit in kept rounds, and which strategies.

    Attributes
    ----------
    effects : (2, *shape) in moment coordinates
    rank : the largest of a state
    columns : which outcomes the columns of a party's key setting may have; empty: any
    """

    effects: Floats
    rank: int
    columns: tuple[tuple[tuple[int, int], ...], ...]


def _pairs(key: KeyData) -> Floats:
    """(a, b, *shape) the effects of the key's pairs of outcomes."""
    question = EntropyQuestion(key.observed, key.x, key.y)
    return key_effects(question).reshape(*key.joint.shape, *question.scenario.shape)


def _least_kept(key: KeyData, flips: float, own: _Kept, known: Sequence[Strategy] = ()) -> EntropyAttack | None:
    begun = time.perf_counter()
    question = EntropyQuestion(key.observed, key.x, key.y)

    def kept(landscape: Landscape) -> Landscape:
        return replace(
            landscape, key=own.effects, figure_kind="kept", rank=own.rank, is_complex=False, columns=own.columns
        )

    how = AttackOptions(dimension=2, tolerance=OF_KEPT, strategies=tuple(known))
    try:
        mixture = search(question, how, figure=kept)
    except (Infeasible, SolverFailure):
        return None
    figure = ConditionalEntropy(key.x, None, flips)
    return build_attack(key.observed, figure, mixture, time.perf_counter() - begun)


def round_claims(key: KeyData) -> list[Claim]:
    """What the certificates of :func:`round_attacks` and :func:`kept_attacks` may be about."""
    return [(ConditionalEntropy(key.x, None, flips), key.observed) for flips in FLIPS]
