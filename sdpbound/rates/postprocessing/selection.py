"""Random post-selection of key rounds: outcomes with much noise are kept seldom (arXiv:2110.02701).

**Protocol.** In a round with the key's settings Alice keeps her outcome a with probability w_a, Bob his outcome b with
probability v_b, each by a random number of his own. They announce it, and use the rounds that both keep. All rounds
with test settings are used, whatever their outcomes: it is these that bound Eve.

**Theorem.** Rounds are alike (collective attacks), so kept rounds are as well, and Eve's state of a kept round with the
outcome a is ``s_a = w_a sum_b v_b rho_E(a, b)``, not normalised. One-way key distillation (arXiv:quant-ph/0306078)
yields

    r = P [ H(A|E, kept) - H(A|B, kept) ]   bits a round with the key's settings,  P = sum_ab w_a v_b p_ab.

Selecting the tests is covered by no theorem: what Eve does may depend on what is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import flint
import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import counted, numbered, whole
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.postprocessing.attacked import KeptKey, attack_on_key, rows_of
from sdpbound.rates.postprocessing.blocks import pair_entropy
from sdpbound.rates.postprocessing.eve import KeyData, key_data, question_with_eve
from sdpbound.rates.postprocessing.postprocessing import Claim, Estimated, PostProcessing, Processed
from sdpbound.rates.postprocessing.round_attacks import UNTESTED, round_attacks, round_claims, selected_attack
from sdpbound.rates.postprocessing.selected_entropy import entropy_of_states, kept_entropy, kept_objective

__all__ = ["PostSelection"]

SELECTED = (
    "Devetak-Winter rate (arXiv:quant-ph/0306078) of the key rounds that are kept, against collective quantum attacks; "
    "tests are not selected (arXiv:2110.02701)"
)
COLLECTIVE = (
    "rounds are independent and alike, and Eve attacks each alike (collective attacks): what is announced depends on "
    "outcomes, which entropy accumulation does not allow"
)
FROM_DATA = (
    "upper bound on the least rate of kept rounds over devices with the tested data: no analysis of these data "
    "certifies a higher Devetak-Winter rate (arXiv:quant-ph/0306078) of this selection"
)
PRECISION = 128
#: Most settings of Eve, one for each node.
MOST_NODES = 12
#: What the floats of an attack may be wrong by, in bits.
ROUNDING = 1e-12


@dataclass(frozen=True)
class PostSelection(PostProcessing):
    """Key rounds are kept with probabilities that depend on the outcomes; all tests are kept.

    Parameters
    ----------
    alice, bob : for each outcome of the party's key setting, the probability to keep the round; two outcomes of Alice
        at most have one above 0. ``(1, 1, 0)`` drops a third outcome, such as no click
    x, y : the key's settings
    level : of the NPA hierarchy for two parties; Eve's measurements come with each of its words
    nodes : of the integral for the entropy, 1 to 12; more are tighter and slower

    >>> PostSelection((1, 0.5), (1, 0.5)).alice
    (1.0, 0.5)
    """

    alice: Sequence[float]
    bob: Sequence[float]
    x: int = 0
    y: int = 0
    level: str = "1+AB"
    nodes: int = 7
    kind: ClassVar[str] = "post_selection"
    theorem: ClassVar[str] = SELECTED
    statement: ClassVar[str] = FROM_DATA

    def __post_init__(self) -> None:
        for name in ("alice", "bob"):
            own = getattr(self, name)
            if not isinstance(own, Sequence) or isinstance(own, str):
                raise InvalidParameter(f"{name} = {own!r:.60} must be a list of probabilities, one for each outcome.")
            chances = tuple(numbered(p, f"a probability of {name}") for p in own)
            if not all(0.0 <= p <= 1.0 for p in chances) or not any(chances):
                raise InvalidParameter(
                    f"{name} = {own!r:.60} must be probabilities from 0 to 1, not all of them 0; give 1 to an outcome "
                    "that is always kept, and 0 to one that is dropped."
                )
            object.__setattr__(self, name, chances)
        if sum(p > 0.0 for p in self.alice) != 2:
            raise InvalidParameter(
                f"alice = {self.alice} keeps {sum(p > 0.0 for p in self.alice)} outcomes; the key is a bit, keep two "
                "and give the others 0."
            )
        object.__setattr__(self, "x", counted(self.x, "x", 0))
        object.__setattr__(self, "y", counted(self.y, "y", 0))
        object.__setattr__(self, "nodes", whole(self.nodes, "nodes", 1, MOST_NODES))

    @property
    def own_settings(self) -> tuple[int, ...]:
        return (self.x,)

    @property
    def key_pairs(self) -> tuple[tuple[int, int], ...]:
        return ((self.x, self.y),)

    def estimated(self, behaviour: Behaviour, data: Observations, memory: object = None) -> Estimated:
        found = self.below(behaviour, data, VonNeumann())
        functional = found.entropy.functional

        def at(other: Behaviour, tests: Observations) -> float:
            values = self._read(other, tests)[0].observed.values
            return self.rate_from(other, tests, functional.at(values))[0]

        return Estimated(found.value, at)

    def below(self, behaviour: Behaviour, data: Observations, entropy: Entropy) -> Processed:
        """A proven lower bound on the rate; the entropy of kept rounds is certified."""
        if not isinstance(entropy.adversary, Quantum):
            raise InvalidInput(
                f"post-selection against {entropy.adversary!r:.60}: no theorem covers this adversary; take a "
                "quantum one, whose collective attacks the theorem is about."
            )
        key, kept = self._read(behaviour, data)
        bound = kept_entropy(key, kept, self._bits, self.level, self.nodes)
        value, leak = self.rate_from(behaviour, data, bound.value)
        return Processed(value, bound, leak, (self.x, self.y), SELECTED, (COLLECTIVE,), 0.0, True, self)

    @property
    def _bits(self) -> tuple[int, int]:
        zero, one = (a for a, p in enumerate(self.alice) if p > 0.0)
        return zero, one

    def claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        key, kept = self._read(behaviour, data)
        question = question_with_eve(key, kept_objective(key, kept, self._bits, self.nodes))
        return question.figure, question.observed

    def rate_from(self, behaviour: Behaviour, data: Observations, proven: float) -> tuple[float, float]:
        key, kept = self._read(behaviour, data)
        with flint.ctx.workprec(PRECISION):
            cost = _leak(key, kept, self._bits)
            return lower_float(flint.arb(max(proven, 0.0)) - cost), -lower_float(-cost) + 0.0

    def above(self, behaviour: Behaviour, data: Observations) -> Processed:
        """The rate under the best of some explicit mixtures of strategies with the tested data.

        One of them leaves as little as possible of the rounds that are kept, as far as a search finds it.
        """
        key, kept = self._read(behaviour, data)
        attacks = round_attacks(key)
        best = selected_attack(key, kept, attacks)
        rates = [
            (not attack.exact, self.rate_under(behaviour, data, attack.strategies, attack.weights), attack)
            for attack in (*attacks, best)
            if attack is not None
        ]
        _, (_, cost), attack = min(rates, key=lambda entry: entry[:2])
        left = attack_on_key(key.observed, self._figure(key), attack)
        assumptions = ("Eve attacks every round alike, and prepares the devices", UNTESTED)
        own = (self.x, self.y), FROM_DATA, assumptions, 0.0, attack.exact, self, left
        return Processed(left.value, attack, cost, *own)

    def _figure(self, key: KeyData) -> KeptKey:
        return KeptKey(key.x, key.y, tuple(self.alice), tuple(self.bob), rows_of(key.joint))

    def attack_claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        key, _ = self._read(behaviour, data)
        return self._figure(key), key.observed

    def attacked(self, behaviour: Behaviour, data: Observations) -> Sequence[Claim]:
        return round_claims(self._read(behaviour, data)[0])

    def rate_under(
        self, behaviour: Behaviour, data: Observations, strategies: Sequence[Strategy], weights: Floats
    ) -> tuple[float, float]:
        key, kept = self._read(behaviour, data)
        with flint.ctx.workprec(PRECISION):
            cost = lower_float(_leak(key, kept, self._bits))
        left = entropy_of_states(strategies, weights, key, kept) + ROUNDING - cost
        return math.nextafter(left, math.inf), cost

    def require_fit(self, scenario: Scenario) -> None:
        PostProcessing.require_fit(self, scenario)
        sizes = scenario.outcomes[0][self.x], scenario.outcomes[1][self.y]
        for name, own, size in zip(("alice", "bob"), (self.alice, self.bob), sizes, strict=True):
            if len(own) != size:
                raise InvalidInput(
                    f"{name} = {own} has {len(own)} probabilities, and the key setting has {size} outcomes; give one "
                    "for each."
                )

    def _read(self, behaviour: Behaviour, data: Observations) -> tuple[KeyData, tuple[Floats, Floats]]:
        self.require_fit(behaviour.scenario)
        key = key_data(behaviour, data, self.x, self.y)
        return key, (np.array(self.alice), np.array(self.bob))


def _leak(key: KeyData, kept: tuple[Floats, Floats], bits: tuple[int, int]) -> flint.arb:
    """H(A|B) in kept rounds, times their weight, in bits."""
    total = flint.arb(0)
    for b, chance in enumerate(kept[1]):
        u, v = (flint.arb(float(key.joint[a, b])) * float(kept[0][a]) * float(chance) for a in bits)
        total += pair_entropy(u, v)
    return total
