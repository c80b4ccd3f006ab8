"""Upper bounds from explicit attacks: on entropies, on rates, and on the key rate of any protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from sdpbound.attacks.convex_combination import convex_combination_attack
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import ConditionalEntropy, ConditionalMutualInformation, Figure
from sdpbound.errors import SolverFailure
from sdpbound.rates.rates import CONFERENCE
from sdpbound.rates.upper import FROM_DATA, RANDOMNESS
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, least_leak, same
from sdpbound.study.quantities.kind import Asked, Group, Needs, ProgramKind, Run, Side, ahead_of, question
from sdpbound.study.quantities.whose import chosen, key_settings_of, merge_of, named
from sdpbound.tables.columns import Row

__all__ = ["APPROXIMATE", "ATTACK", "Attack", "ConvexCombination"]

#: The methods of an attack's row. The attack meets the tested values exactly, or nearly.
ATTACK, APPROXIMATE = "attack", "approximate attack"


@dataclass(frozen=True, kw_only=True)
class Attack(ProgramKind):
    """The entropy that an explicit attack leaves, and the rate that follows from it."""

    group: Group = "entropy"
    side: Side = "upper"
    attack: ClassVar[bool] = True

    def program(self, asked: Asked) -> tuple[Any, ...]:
        return "attack", named(self, asked), asked.merge, asked.how, asked.preprocessing

    def solve(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Bound:
        key = chosen(self, at, asked)
        own = at.member.strategy
        try:
            # without noise the devices themselves are an attack that has exactly the tested data
            # where they have the outcomes of the noisy ones, which a kept no click adds to
            given = () if own is None or own.scenario != at.observed.scenario else (own,)
            return conditional_entropy_upper_bound(at.observed, preprocessing=flips, strategies=given, **key)
        except SolverFailure:  # the program for the weights failed with a strategy that it can do without
            return conditional_entropy_upper_bound(at.observed, preprocessing=flips, **key)

    def figure(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Figure:
        x, y, settings = named(self, asked)
        return ConditionalEntropy(x, y, flips, settings, merge_of(self, at, asked))

    def question(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> dict[str, Any]:
        return question(at, self.figure(at, asked, flips), "upper") | {"model": {"kind": "quantum"}}

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        assert isinstance(bound, EntropyAttack)
        found: Row = {"value": bound.value, "method": ATTACK if bound.exact else APPROXIMATE}
        if self.rate:
            leak = None
            if self.key:
                leak = least_leak(at.behaviour, key_settings_of(asked), run.flips(asked), merge_of(self, at, asked))
                found["value"] = math.nextafter(bound.value - leak, math.inf)  # the subtraction rounds once
            found |= {"entropy": bound.value, "error_correction": leak}
            found["security"] = self.proven_by(asked)
        return found

    @property
    def theorem(self) -> str:
        """The protocols for which the rate is an upper bound."""
        return FROM_DATA if self.key else RANDOMNESS

    def proven_by(self, asked: Asked) -> str:
        """Return the theorem, with what belongs to keys of more than two parties."""
        return f"{self.theorem}; {CONFERENCE}" if self.key and asked.key is not None else self.theorem

    def methods(self) -> tuple[str, str]:
        return ATTACK, APPROXIMATE

    def needs(self, asked: Asked, row: Row) -> Needs:
        need, may = super().needs(asked, row)
        if self.rate:
            same(self.proven_by(asked), row["security"], "security")
            need |= {"entropy", "security"} | ({"error_correction"} if self.key else set())
        return need, may

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        flips = ahead_of(row)
        leak = None
        if self.key:
            leak = least_leak(at.behaviour, key_settings_of(asked), flips, merge_of(self, at, asked))
            same(leak, row["error_correction"], "error_correction")
        if row["certificate"] is None:
            return ""
        exact = row["method"] == ATTACK
        found = proofs.of(row["certificate"], self.question(at, asked, flips), as_given=exact)
        entropy = row["entropy"] if self.rate else row["value"]
        follows(entropy, found.claimed, "entropy" if self.rate else "value", "upper")
        if self.rate:
            least = entropy if leak is None else math.nextafter(entropy - leak, math.inf)
            follows(row["value"], least, "value", "upper")
        return "proven" if exact else "approximate"

    def solvers(self, asked: Asked, model: str | None) -> frozenset[str] | None:
        return frozenset({"column generation"})

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return frozenset({"explicit attack"})


@dataclass(frozen=True, kw_only=True)
class ConvexCombination(Attack):
    """The key rate that the convex-combination attack leaves to any protocol, whatever is tested (arXiv:2007.09247).

    The attack reproduces the whole behaviour. So a protocol that tests less of it is not safer.
    """

    def program(self, asked: Asked) -> tuple[Any, ...]:
        return "convex combination", *asked.settings

    def solve(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Bound:
        x, y = asked.settings
        return convex_combination_attack(at.behaviour, x, y or 0)

    def figure(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Figure:
        x, y = asked.settings
        return ConditionalMutualInformation(x, y or 0)

    def question(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> dict[str, Any]:
        figure = self.figure(at, asked, flips)
        return question(at, figure, "upper", data=Observations.full(at.behaviour)) | {"model": {"kind": "quantum"}}
