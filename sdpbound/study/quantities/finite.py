"""Lengths of key and randomness from finitely many rounds, as quantities of studies."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdpbound.bell.channel import Preprocessing
from sdpbound.entropies.conditional import EntropyBound
from sdpbound.errors import InvalidInput
from sdpbound.finite_size import FiniteLength, FiniteSecurity, finite_key_length, finite_randomness_length
from sdpbound.finite_size.figures import FiniteKeyLength, FiniteRandomnessLength
from sdpbound.finite_size.functionals import entropy_functionals
from sdpbound.finite_size.options import FiniteChanges
from sdpbound.finite_size.renyi_affine import AffineGame
from sdpbound.finite_size.renyi_result import RENYI_THEOREM
from sdpbound.finite_size.result import THEOREM, VARIANCE
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, same
from sdpbound.study.quantities.kind import (
    SEARCHED,
    Asked,
    Group,
    Needs,
    QuantityKind,
    Run,
    Side,
    ahead_columns,
    ahead_of,
)
from sdpbound.tables.columns import Row

__all__ = ["FiniteKey", "FiniteRandomness"]

ACCUMULATION, RENYI = "accumulation", "renyi"
_USED = f"{THEOREM}; {VARIANCE[FiniteSecurity().registers]}"
#: The theorems by which entropies give a length, as the rows name them, for each method that a study may name.
THEOREMS = {ACCUMULATION: (_USED,), RENYI: (RENYI_THEOREM,), "auto": (_USED, RENYI_THEOREM)}


@dataclass(frozen=True, kw_only=True)
class _Finite(QuantityKind):
    """A length in bits, of the devices at a point, or of those that a search found to have a long one.

    For pairs of outcomes it is at most the number of bits in both parties' outcomes. What is searched are the devices
    and the flips of the key; the length is then proven for these.
    """

    group: Group = "entropy"
    side: Side = "lower"

    @abstractmethod
    def length(self, at: AtPoint, asked: Asked, flips: Preprocessing, how: FiniteChanges) -> FiniteLength:
        """Return the length for a preprocessing, by the theorem or the entropy bounds that ``how`` says."""

    @abstractmethod
    def merit(self, asked: Asked, flips: Preprocessing) -> FiniteKeyLength | FiniteRandomnessLength:
        """Return what the certificate is about, for a preprocessing."""

    def program(self, asked: Asked) -> tuple[Any, ...]:
        x, y = asked.settings
        return "finite", x, y, asked.how, asked.preprocessing

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        """Return the columns for one number of rounds.

        The functionals of accumulation are found once, for all numbers of rounds.
        """
        start = time.perf_counter()
        flips, by = run.flips(asked), asked.method or ACCUMULATION
        lengths: list[tuple[FiniteLength, str]] = []
        if by != RENYI:
            bounds = run.once(asked.program, lambda: self._functionals(at, asked, flips))
            lengths.append((self.length(at, asked, flips, {"entropies": bounds}), bounds[0].solver))
        if by != ACCUMULATION:
            try:
                other = self.length(at, asked, flips, {"method": "renyi"})
                lengths.append((other, _solver(other)))
            except InvalidInput:  # the data have no length by Renyi entropies
                if by == RENYI:
                    raise
        found, solver = max(lengths, key=lambda entry: entry[0].length)
        ahead = ahead_columns(flips) if asked.preprocessing in SEARCHED else {}
        return ahead | {
            "method": "certified",
            "value": found.length,
            "security": found.theorem,
            "solver": solver,
            "status": "solved",
            "certificate": run.certificate(found),
            "seconds": time.perf_counter() - start,
        }

    def _functionals(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> list[EntropyBound]:
        """Return the entropy bounds to choose from.

        The bounds are found at the data, and at some distances towards white noise.
        """
        x, y = asked.settings
        assert asked.how is not None
        method = asked.how.bound(at.solver)
        both = y if self.pair else None
        found = entropy_functionals(at.behaviour, at.observed, x, both, flips, method)
        return [bound for _, bound in found if bound is not None]

    def span(self, at: AtPoint, asked: Asked) -> float:
        """Return the number of bits in all outcomes of both parties."""
        return sum(float(np.log2(max(party))) for party in at.member.scenario.outcomes) * _rounds(asked)

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return frozenset({"solved"})

    def needs(self, asked: Asked, row: Row) -> Needs:
        same("certified", row["method"], "method")
        theorems = THEOREMS[asked.method or ACCUMULATION]
        same(theorems[-1] if row["security"] not in theorems else row["security"], row["security"], "security")
        return {"value", "method", "status", "solver", "security"}, {"seconds", "certificate"}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        if row["certificate"] is None:
            return ""
        question = {
            "scenario": {"outcomes": [list(party) for party in at.behaviour.scenario.outcomes]},
            "figure": self.merit(asked, ahead_of(row)).entry(),
            "side": "lower",
            "behaviour": np.asarray(at.behaviour.p).tolist(),
        }
        follows(row["value"], proofs.of(row["certificate"], question).claimed, "value")
        by = ACCUMULATION if ACCUMULATION in proofs.proof(row["certificate"]) else RENYI
        same(THEOREMS[by][0], row["security"], "security")
        return "proven"


@dataclass(frozen=True, kw_only=True)
class FiniteKey(_Finite):
    """A length of key, in bits."""

    def length(self, at: AtPoint, asked: Asked, flips: Preprocessing, how: FiniteChanges) -> FiniteLength:
        x, y = asked.settings
        return finite_key_length(at.behaviour, _rounds(asked), x, y or 0, at.observed, preprocessing=flips, **how)

    def merit(self, asked: Asked, flips: Preprocessing) -> FiniteKeyLength:
        x, y = asked.settings
        return FiniteKeyLength(x, y or 0, flips, rounds=int(_rounds(asked)))


@dataclass(frozen=True, kw_only=True)
class FiniteRandomness(_Finite):
    """A length of randomness, in bits."""

    pair: bool = True

    def length(self, at: AtPoint, asked: Asked, flips: Preprocessing, how: FiniteChanges) -> FiniteLength:
        x, y = asked.settings
        return finite_randomness_length(at.behaviour, _rounds(asked), x, y, at.observed, **how)

    def merit(self, asked: Asked, flips: Preprocessing) -> FiniteRandomnessLength:
        x, y = asked.settings
        return FiniteRandomnessLength(x, y, flips, rounds=int(_rounds(asked)))


def _rounds(asked: Asked) -> float:
    assert asked.rounds is not None
    return asked.rounds


def _solver(found: FiniteLength) -> str:
    """Return who solved for the bound of a length by Renyi entropies; that of a CHSH value is a closed form."""
    return found.game.test.bound.solver if isinstance(found.game, AffineGame) else "none"
