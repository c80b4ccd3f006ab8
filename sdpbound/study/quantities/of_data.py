"""Quantities of tested data: guessing probabilities, entropies and the rates that follow from them."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from scipy.special import entr

from sdpbound.adversaries import adversary_named
from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.estimates import estimated_guess
from sdpbound.bounds.figures import (
    BlindGuessingProbability,
    ConditionalEntropy,
    Figure,
    GuessingProbability,
    SelfTestedEntropy,
)
from sdpbound.bounds.guessing import blind_guessing_probability, guessing_probability
from sdpbound.bounds.proof import as_min_entropy
from sdpbound.bounds.quick import quick_guess
from sdpbound.bounds.rounding import min_entropy_of
from sdpbound.entropies.conditional import conditional_entropy
from sdpbound.entropies.known import KnownEntropy
from sdpbound.entropies.self_test import SelfTest
from sdpbound.errors import CertificateError
from sdpbound.rates.correction import error_correction
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import key_rate, randomness_rate
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, rate_of, same
from sdpbound.study.quantities.kind import Asked, Group, Needs, ProgramKind, Run, ahead_of, question
from sdpbound.study.quantities.whose import chosen, conference, key_settings_of, merge_of, named
from sdpbound.tables.columns import Row

__all__ = ["Entropy", "Guess", "KeyRate", "OfData", "Randomness"]


@dataclass(frozen=True, kw_only=True)
class OfData(ProgramKind):
    """A quantity that follows from the guessing probability or, if one is asked for, from a von Neumann entropy."""

    group: Group = "data"

    def program(self, asked: Asked) -> tuple[Any, ...]:
        if asked.how is not None:
            return "entropy", named(self, asked), asked.merge, asked.how, asked.preprocessing
        return ("blind", *asked.settings) if self.blind else ("guess", named(self, asked), asked.merge)

    def solve(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Bound:
        if asked.how is not None:
            method, key = asked.how.bound(at.solver), chosen(self, at, asked)
            return conditional_entropy(at.observed, method=method, preprocessing=flips, closed_forms=False, **key)
        if self.blind:
            x, y = asked.settings
            return blind_guessing_probability(at.observed, at.model, x, y or 0, at.solver, at.tolerance)
        first, second, settings = named(self, asked)
        plain = first is not None and settings is None and asked.merge is None
        if plain and at.solver is None and at.self_tested is None:
            quick = quick_guess(at.observed, at.model, first or 0, second, at.tolerance)
            if quick is not None:
                return quick
        key = chosen(self, at, asked)
        return guessing_probability(at.observed, at.model, solver=at.solver, tolerance=at.tolerance, **key)

    def figure(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> Figure:
        if asked.how is None and self.blind:
            x, y = asked.settings
            return BlindGuessingProbability(x, y or 0)
        first, second, key = named(self, asked)
        if asked.how is not None:
            return ConditionalEntropy(first, second, flips, key, merge_of(self, at, asked))
        return GuessingProbability(first, second, key, merge_of(self, at, asked))

    def certified_side(self, asked: Asked) -> str:
        return "upper" if asked.how is None else "lower"

    def question(self, at: AtPoint, asked: Asked, flips: Preprocessing) -> dict[str, Any]:
        if asked.how is None:
            return super().question(at, asked, flips)
        # the adversary is quantum, and the proof may be at any level
        return question(at, self.figure(at, asked, flips), "lower") | {"model": {"kind": "quantum"}}

    # -- what a search goes by --

    def guess(self, at: AtPoint, asked: Asked, run: Run) -> float:
        """Return the guessing probability at a point of a search: an estimate, unless the program is solved already.

        The number is infinite where there is none.
        """
        if not self.blind and asked.how is None and not run.is_solved(asked):
            found = run.once(("estimate", asked.program), lambda: self._estimate(at, asked))
            if found is not None:
                return float(found)
        bound = run.solved(asked).bound
        return math.inf if bound is None else bound.value

    def _estimate(self, at: AtPoint, asked: Asked) -> float | None:
        x, y, settings = named(self, asked)
        if x is None or settings is not None or asked.merge is not None:  # estimates are of outcomes of two parties
            return None
        return estimated_guess(at.member.scenario, at.model, x, y, *at.tests())

    # -- where a self-test gives the entropy --

    def tested(self, test: SelfTest, asked: Asked) -> Bound:
        """Return the entropy that the self-test gives for what Eve guesses."""
        x, y = asked.settings
        return test.entropy(x, y if self.pair or self.blind else None, self.blind)

    def closed_value(self, test: SelfTest, asked: Asked) -> float:
        """Return the value of the quantity at a self-test."""
        return self.tested(test, asked).value

    def closed_question(self, at: AtPoint, asked: Asked) -> dict[str, Any]:
        """Return the question of the closed form behind the quantity."""
        x, y = asked.settings
        asked_about = question(at, SelfTestedEntropy(x, y if self.pair or self.blind else None, self.blind), "lower")
        exact = at.observed.exact
        return asked_about if exact is None else asked_about | {"exact": exact.entry()}

    def proven_test(self, at: AtPoint, asked: Asked, row: Row) -> SelfTest:
        """Return the self-test of a row whose method is a closed form.

        Raises CertificateError if there is no self-test.
        """
        test = None if ahead_of(row) or asked.merge is not None else at.self_test
        if test is None:
            raise CertificateError("it is a closed form, and there is none: its data are no quantum self-test.")
        return test

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        found: Row = {"value": bound.value}
        test = at.self_test
        if test is not None and asked.merge is None and not run.flips(asked):
            proof = run.certificate(self.tested(test, asked))
            found |= beside(row, self.closed_value(test, asked), bound.value, proof)
        return found

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        closed, flips = row["method"] == "closed form", ahead_of(row)
        if closed:
            same(self.closed_value(self.proven_test(at, asked, row), asked), row["value"], "value")
        if row["certificate"] is None:
            return ""
        program = proofs.of(row["sdp_certificate" if closed else "certificate"], self.question(at, asked, flips))
        name = "sdp_value" if closed else "value"
        follows(row[name], program.claimed, name, self.side)
        if closed:
            proofs.of(row["certificate"], self.closed_question(at, asked))
        return "proven"

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return conic


def _entropy_of_errors(correlators: Floats, x: int, y: int) -> float:
    """h((1 + E)/2) of a correlator, in bits, for a search."""
    wrong = (1.0 - abs(float(correlators[x, y]))) / 2.0
    return float(entr(wrong) + entr(1.0 - wrong)) / math.log(2.0)


@dataclass(frozen=True, kw_only=True)
class Guess(OfData):
    """A guessing probability."""

    def closed_value(self, test: SelfTest, asked: Asked) -> float:
        """Return the probability of the most likely outcome, rounded up.

        At a self-test Eve is uncorrelated with the outcome.
        """
        found = self._likeliest(test.correlators, asked)
        return found if asked.settings[1] is None else math.nextafter(found, math.inf)

    def _likeliest(self, correlators: Floats, asked: Asked) -> float:
        x, y = asked.settings
        if y is None:
            return 0.5
        both = (1.0 + abs(float(correlators[x, y]))) / 4.0
        return 2.0 * both if self.blind else both

    def score(self, at: AtPoint, asked: Asked, run: Run) -> float:
        if at.self_tested is not None and asked.merge is None:
            return -self._likeliest(at.self_tested, asked)
        return -self.guess(at, asked, run)


@dataclass(frozen=True, kw_only=True)
class Entropy(OfData):
    """A von Neumann entropy."""

    group: Group = "entropy"


@dataclass(frozen=True, kw_only=True)
class _Rate(OfData):
    """A rate: the bits that an entropy gives in each round."""

    rate: bool = True

    @abstractmethod
    def of(self, at: AtPoint, asked: Asked, bound: Bound, flips: Preprocessing) -> Rate:
        """Return the rate that follows from the proven bound."""

    def _entropy(self, asked: Asked, bound: Bound) -> Bound:
        return bound if asked.group == "entropy" else as_min_entropy(bound)

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        rate = self.of(at, asked, bound, run.flips(asked))
        found: Row = {"value": rate.value, "security": rate.security, "entropy": rate.entropy.value}
        if asked.group == "data":
            found["margin"] = self.kept(as_min_entropy(bound).correction, at, asked)
        if self.key:
            found["error_correction"] = rate.error_correction
        if rate.sdp is not None:
            found |= beside(row, rate.value, rate.sdp.value, run.certificate(rate.entropy))
        return found

    def score(self, at: AtPoint, asked: Asked, run: Run) -> float:
        if at.self_tested is not None and asked.merge is None:
            x, y = asked.settings
            if not self.pair and not self.blind:
                return 1.0
            return (0.0 if self.blind else 1.0) + _entropy_of_errors(at.self_tested, x, y or 0)
        if asked.group == "data":
            guess = self.guess(at, asked, run)
            return -math.log2(guess) - self.cost(at, asked, run) if math.isfinite(guess) else -math.inf
        bound = run.solved(asked).bound
        return -math.inf if bound is None else self.of(at, asked, bound, 0.0).value

    def cost(self, at: AtPoint, asked: Asked, run: Run) -> float:
        """Return what is subtracted from the entropy, for a search."""
        return 0.0

    def needs(self, asked: Asked, row: Row) -> Needs:
        need, may = super().needs(asked, row)
        theorem = self.theorem(row["model"])
        same(conference(theorem, asked) if self.key else theorem, row["security"], "security")
        need |= {"entropy", "security"} | ({"error_correction"} if self.key else set())
        return need, may

    def theorem(self, model: str) -> str:
        """Return the theorem by which an entropy gives a rate."""
        return adversary_named(model).security("key" if self.key else "randomness").theorem

    def leak(self, at: AtPoint, asked: Asked, row: Row) -> float | None:
        """Return the cost of a key's errors, and raise CertificateError unless the row has it; None for randomness."""
        if not self.key:
            return None
        flips = ahead_of(row)
        key = key_settings_of(asked)
        found = error_correction(at.behaviour, preprocessing=flips, settings=key, merge=merge_of(self, at, asked))
        same(found, row["error_correction"], "error_correction")
        return found

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        leak = self.leak(at, asked, row)
        proven = self._prove_entropy(at, asked, row, proofs, leak)
        follows(row["value"], rate_of(row["entropy"], leak), "value")
        return "proven" if proven else ""

    def _prove_entropy(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs, leak: float | None) -> bool:
        closed, flips = row["method"] == "closed form", ahead_of(row)
        if closed:
            self.proven_test(at, asked, row)
        if row["certificate"] is None:
            return False
        program = proofs.of(row["sdp_certificate" if closed else "certificate"], self.question(at, asked, flips))
        entropy = min_entropy_of(program.claimed) if asked.group == "data" else program.claimed
        if closed:
            follows(row["sdp_value"], rate_of(entropy, leak), "sdp_value")
            found = proofs.of(row["certificate"], self.closed_question(at, asked))
            follows(row["entropy"], found.claimed, "entropy")  # the difference is at most the rounding of a correlator
        else:
            follows(row["entropy"], entropy, "entropy")
        return True


@dataclass(frozen=True, kw_only=True)
class KeyRate(_Rate):
    """A rate of key."""

    key: bool = True
    first: bool = True

    def of(self, at: AtPoint, asked: Asked, bound: Bound, flips: Preprocessing) -> Rate:
        known = KnownEntropy(self._entropy(asked, bound), *named(self, asked)[:2])
        key: Any = {"settings": key_settings_of(asked), "merge": merge_of(self, at, asked)}
        return key_rate(at.behaviour, at.observed, entropy=known, preprocessing=flips, **key)

    def cost(self, at: AtPoint, asked: Asked, run: Run) -> float:
        x, y = asked.settings
        correlators = at.correlators
        if correlators is None or asked.merge is not None:
            merge = merge_of(self, at, asked)
            return float(
                run.once(("leak", x, y, merge), lambda: error_correction(at.behaviour, x, y or 0, merge=merge))
            )
        return _entropy_of_errors(correlators, x, y or 0)

    def score(self, at: AtPoint, asked: Asked, run: Run) -> float:
        if at.self_tested is None or asked.merge is not None:
            return super().score(at, asked, run)
        x, y = asked.settings
        return 1.0 - _entropy_of_errors(at.self_tested, x, y or 0)


@dataclass(frozen=True, kw_only=True)
class Randomness(_Rate):
    """A rate of randomness: of one outcome, of both, or of one against an adversary who also has the other device."""

    local: bool = False

    def of(self, at: AtPoint, asked: Asked, bound: Bound, flips: Preprocessing) -> Rate:
        if asked.key is not None:
            known = KnownEntropy(self._entropy(asked, bound), *named(self, asked)[:2])
            own: Any = {"settings": asked.key, "merge": merge_of(self, at, asked)}
            return randomness_rate(at.behaviour, at.observed, entropy=known, **own)
        x, y = asked.settings
        known = KnownEntropy(self._entropy(asked, bound), x, y)
        own = {"x": x, "y": y, "blind": self.blind, "merge": merge_of(self, at, asked)}
        return randomness_rate(at.behaviour, at.observed, local=self.local, entropy=known, **own)


def beside(row: Row, value: float, sdp_value: float, certificate: str | None) -> Row:
    """Return the columns of a closed form that takes the place of a program's number.

    The program's number stands beside it.
    """
    return {
        "method": "closed form",
        "value": value,
        "sdp_value": sdp_value,
        "certificate": certificate,
        "sdp_certificate": row["certificate"],
    }
