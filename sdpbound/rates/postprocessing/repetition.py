"""Advantage distillation by repetition codes: blocks of key rounds, kept only where no error is seen.

**Protocol** (arXiv:1903.10535). Of rounds with the key's settings both drop, in public, those with other outcomes than
0 and 1. The others are put into blocks of k. For each block Alice draws a bit C and announces
m = (A_1 xor C, .., A_k xor C). Bob accepts if B xor m is the same bit C' in all places. One-way key distillation
follows, of C from accepted blocks.

**Theorem** (docs/post_processing_distillation.md has the proof). Against collective attacks the rate is

    r = (P / k) sum_m [ H(C|E, m) - H(C|C', m) ]   bits a round,

P the probability that a round is kept, each term times the probability of an accepted block with this m. The parties
may use some m only, as m is public.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import flint
import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import counted, whole
from sdpbound.arrays import Floats
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput, InvalidParameter, SolverFailure
from sdpbound.rates.postprocessing.attacked import BlockKey, attack_on_key, rows_of
from sdpbound.rates.postprocessing.block_attack import block_entropies, key_grams, of_rank_one
from sdpbound.rates.postprocessing.blocks import BlockLaw, Contribution
from sdpbound.rates.postprocessing.distillable import COLLECTIVE
from sdpbound.rates.postprocessing.eve import KeyData, key_data, question_with_eve
from sdpbound.rates.postprocessing.overlaps import MOST_PIECES, balance_of, overlap, overlap_objective, within
from sdpbound.rates.postprocessing.postprocessing import Claim, Estimated, PostProcessing, Processed
from sdpbound.rates.postprocessing.round_attacks import UNTESTED, kept_attacks, round_attacks, round_claims

__all__ = ["RepetitionCode"]

REPETITION = (
    "advantage distillation by a repetition code (arXiv:1903.10535), then Devetak-Winter (arXiv:quant-ph/0306078) of "
    "the bits of accepted blocks, against collective quantum attacks"
)
FROM_DATA = (
    "upper bound on the least rate of this repetition code over devices with the tested data: no analysis of these "
    "data certifies a higher Devetak-Winter rate of its accepted blocks, whichever messages are used"
)
#: Longest blocks, and the longest that "best" tries.
LONGEST, LONGEST_TRIED = 1000, 60
PRECISION = 256
#: What the floats of an attack may be wrong by, in bits a block.
ROUNDING = 1e-12


@dataclass(frozen=True)
class RepetitionCode(PostProcessing):
    """Blocks of key rounds give one bit each, and only blocks without visible errors are kept.

    Parameters
    ----------
    block : rounds of a block, from 2; "best": the number up to 60 with the highest proven rate
    x, y : the key's settings
    level : of the NPA hierarchy for two parties; Eve's measurement comes with each of its words
    pieces : outcomes of Eve's measurement, 3 to 8; more are tighter and slower

    >>> RepetitionCode(3).block
    3
    """

    block: int | str = "best"
    x: int = 0
    y: int = 0
    level: str = "1+AB"
    pieces: int = MOST_PIECES
    kind: ClassVar[str] = "repetition_code"
    theorem: ClassVar[str] = REPETITION
    statement: ClassVar[str] = FROM_DATA

    def __post_init__(self) -> None:
        if isinstance(self.block, str):
            if self.block != "best":
                raise InvalidParameter(f"block = {self.block!r:.60} must be a whole number from 2, or 'best'.")
        elif self.block == 1:
            raise InvalidParameter(
                f"block = 1 must be an integer from 2 to {LONGEST}; a block of one round is no code, leave the "
                "post-processing out for one-way keys."
            )
        else:
            object.__setattr__(self, "block", whole(self.block, "block", 2, LONGEST))
        object.__setattr__(self, "x", counted(self.x, "x", 0))
        object.__setattr__(self, "y", counted(self.y, "y", 0))
        object.__setattr__(self, "pieces", whole(self.pieces, "pieces", 3, MOST_PIECES))

    @property
    def own_settings(self) -> tuple[int, ...]:
        return (self.x,)

    @property
    def key_pairs(self) -> tuple[tuple[int, int], ...]:
        return ((self.x, self.y),)

    def estimated(self, behaviour: Behaviour, data: Observations, memory: object = None) -> Estimated:
        found = self.below(behaviour, data, VonNeumann())
        own, functional = replace(self, block=getattr(found.by, "block", 2)), found.entropy.functional

        def at(other: Behaviour, tests: Observations) -> float:
            key = key_data(other, tests, self.x, self.y)
            charged = float(np.abs(functional.multipliers) @ key.observed.tolerances)
            return own._best(key, within(key, functional.at(key.observed.values) - charged))[0]

        return Estimated(found.value, at)

    def below(self, behaviour: Behaviour, data: Observations, entropy: Entropy) -> Processed:
        """A proven lower bound on the rate, from a certified overlap of Eve's states.

        By pairs of qubits where these are enough, from the coherence of her states; else from their fidelity.
        """
        if not isinstance(entropy.adversary, Quantum):
            raise InvalidInput(
                f"a repetition code against {entropy.adversary!r:.60}: no theorem covers this adversary; take a "
                "quantum one, whose collective attacks the theorem is about."
            )
        key = key_data(behaviour, data, self.x, self.y)
        found = overlap(key, _kind(key), self.level, self.pieces)
        value, leak, k = self._best(key, found.value)
        return Processed(
            value=value,
            entropy=found.bound,
            error_correction=leak,
            settings=(self.x, self.y),
            security=REPETITION,
            assumptions=(COLLECTIVE,),
            preprocessing=0.0,
            exact=True,
            by=replace(self, block=k),
        )

    def claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        key = key_data(behaviour, data, self.x, self.y)
        question = question_with_eve(key, overlap_objective(key, _kind(key), self.pieces))
        return question.figure, question.observed

    def rate_from(self, behaviour: Behaviour, data: Observations, proven: float) -> tuple[float, float]:
        key = key_data(behaviour, data, self.x, self.y)
        return self._best(key, within(key, proven))[:2]

    def _best(self, key: KeyData, share: float) -> tuple[float, float, int]:
        """The rate of the best block, the cost of its errors, and its length."""
        blocks = range(2, LONGEST_TRIED + 1) if isinstance(self.block, str) else [self.block]
        with flint.ctx.workprec(PRECISION):
            value, k, best = max((_rate(key, share, k) for k in blocks), key=lambda entry: entry[0])
            return value, -lower_float(-best.leak * _per_round(key, k)) + 0.0, k

    def above(self, behaviour: Behaviour, data: Observations) -> Processed:
        """The rate under the best of some explicit mixtures of pairs of qubits with the tested data.

        Where rounds may be lost, Eve's correlations are best in rounds that the key drops.
        """
        if isinstance(self.block, str):
            raise InvalidParameter("block = 'best' of an attack on a repetition code: give the number of its rounds.")
        key = key_data(behaviour, data, self.x, self.y)
        found, refused = [], None
        for attack in _attacks(key):
            try:
                found.append((self._under(key, attack.strategies, attack.weights), attack))
            except InvalidInput as error:  # blocks of many strategies have too many terms
                refused = error
        try:
            if refused is not None and not found:
                raise refused
            (_, cost), attack = min(found, key=lambda entry: (not entry[1].exact, entry[0]))
            left = attack_on_key(key.observed, self._figure(key), attack)
        except InvalidInput as error:
            why = str(error).removeprefix("no attack on this key is proven: ").rstrip(".")
            raise SolverFailure(
                f"no attack on blocks of {self.block} rounds is proven for these data: {why}; the proven rate holds "
                "without one, and distillation_attack says where long blocks have no key."
            ) from None
        return Processed(
            value=left.value,
            entropy=attack,
            error_correction=cost,
            settings=(self.x, self.y),
            security=FROM_DATA,
            assumptions=("Eve attacks every round alike, and prepares the devices", UNTESTED),
            preprocessing=0.0,
            exact=attack.exact,
            by=self,
            attack=left,
        )

    def _figure(self, key: KeyData) -> BlockKey:
        return BlockKey(key.x, key.y, whole(self.block, "block", 2, LONGEST), rows_of(key.joint))

    def attack_claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        key = key_data(behaviour, data, self.x, self.y)
        return self._figure(key), key.observed

    def attacked(self, behaviour: Behaviour, data: Observations) -> Sequence[Claim]:
        return round_claims(key_data(behaviour, data, self.x, self.y))

    def rate_under(
        self, behaviour: Behaviour, data: Observations, strategies: Sequence[Strategy], weights: Floats
    ) -> tuple[float, float]:
        return self._under(key_data(behaviour, data, self.x, self.y), strategies, weights)

    def _under(self, key: KeyData, strategies: Sequence[Strategy], weights: Floats) -> tuple[float, float]:
        """The rate of blocks under an attack, of all messages that gain, in floats rounded up, and their cost."""
        k = whole(self.block, "block", 2, LONGEST)
        kept = float(key.joint[:2, :2].sum())
        grams = key_grams(strategies, key.x, key.y)
        entropies = block_entropies(grams, np.asarray(weights), k) / kept**k
        with flint.ctx.workprec(PRECISION):
            law = BlockLaw(key.joint, k)
            gains = [
                math.comb(k, j) * max(0.0, entropies[j] + ROUNDING - lower_float(law.leak(j))) for j in range(k + 1)
            ]
            total = sum(gains) * float(_per_round(key, k).mid())
            leak = sum((law.messages(j) * law.leak(j) for j in range(k + 1)), flint.arb(0))
            return math.nextafter(total, math.inf) if total else 0.0, lower_float(leak * _per_round(key, k))


def _attacks(key: KeyData) -> list[EntropyAttack]:
    """Attacks on single rounds; on those that are kept where others are dropped.

    Blocks are computed of outcomes of rank one. An attack on rounds may have a strategy in which Bob's outcome of the
    key is certain and Alice's is not. Then attacks are searched that have no such strategy.
    """
    if key.joint.size > 4:
        return kept_attacks(key) or round_attacks(key)
    found = round_attacks(key)
    return [own for own in found if of_rank_one(own.strategies, key.x, key.y)] or kept_attacks(key) or found


def _per_round(key: KeyData, k: int) -> flint.arb:
    """Blocks a round."""
    return sum((flint.arb(float(p)) for p in key.joint[:2, :2].ravel()), flint.arb(0)) / k


def _kind(key: KeyData) -> str:
    return "coherence" if key.is_of_pairs else "fidelity"


def _rate(key: KeyData, proven: float, k: int) -> tuple[float, int, Contribution]:
    """Bits a round, rounded down, of blocks of k."""
    law = BlockLaw(key.joint, k)
    share = flint.arb(proven) / sum((flint.arb(float(p)) for p in key.joint[:2, :2].ravel()), flint.arb(0))
    if key.is_of_pairs:
        best = law.by_coherence(share, flint.arb(balance_of(key, _kind(key))))
    else:
        best = law.by_fidelity(share)
    return lower_float(best.value * _per_round(key, k)), k, best
