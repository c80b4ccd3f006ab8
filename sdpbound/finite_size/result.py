"""A proven length, its parameters and its certificate, all evaluated in ball arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bounds.certificate import Certificate
from sdpbound.bounds.rounding import lower_float, rounded
from sdpbound.errors import CertificateError, InvalidParameter
from sdpbound.finite_size.acceptance import Acceptance, AcceptanceRule, CountedRounds
from sdpbound.finite_size.accumulation import Choice, Game, epsilons, min_tradeoff, terms
from sdpbound.finite_size.arithmetic import balls
from sdpbound.finite_size.figures import FiniteFigure, FiniteSecurity
from sdpbound.finite_size.honest import Round, total
from sdpbound.finite_size.honest_runs import chance_below, mean_of_steps
from sdpbound.finite_size.renyi import RenyiChoice
from sdpbound.shown import Drawn
from sdpbound.version import __version__

__all__ = ["FiniteLength", "certified"]

THEOREM = (
    "entropy accumulation, Dupuis and Fawzi, arXiv:1805.11652 (IEEE Trans. Inf. Theory 65, 7596): Theorem V.2 in the "
    "form of its proof with free alpha, terms V and K_alpha; min-tradeoff function with infrequent sampling, Lemma V.5"
)
VARIANCE = {
    "quantum": "V and K for quantum registers",
    "classical": "V and K for classical registers, their information variance bounded by log^2(2 d + 1)",
    "sharp": "V and K for classical registers, their information variance bounded by arcosh^2(sqrt(d))",
}
ASSUMPTIONS = (
    "quantum theory is correct and complete",
    "rounds are sequential; the devices may have memory and be correlated with Eve's quantum system from the start",
    "the laboratories leak nothing but what the protocol sends; a device is told its own setting only, and the devices "
    "do not communicate during a round",
    "trusted randomness, independent of devices and Eve, decides which rounds are tested and with which settings; "
    "nothing that depends on what is public reaches a device still in use",
    "the devices are not used again while the output has to stay secret",
    "classical communication is authenticated, classical processing is trusted",
)
RECYCLED = (
    "the choices of tests and settings stay secret: neither Eve nor anything public learns them, before the rounds or "
    "after, and they are hashed with the outcomes"
)
KINDS = {"accumulation": "finite length", "renyi": "length by Renyi entropies"}
SHORT = {
    "accumulation": "entropy accumulation, arXiv:1805.11652",
    "renyi": "Renyi entropies, docs/finite_size_renyi.md",
}
#: A length is lowered by 2 to this power of bits per round, so that the checker's own length is not below it.
ROUNDED = -48


@dataclass(frozen=True, eq=False, repr=False)
class FiniteLength(Drawn):
    """A proven length of key or of randomness.

    Attributes
    ----------
    length : length in bits, rounded down from balls; negative if these parameters give no output
    side : "lower": longer outputs may be possible
    kind : "key" or "randomness"
    rounds : the number n of rounds
    method : the theorem used: "accumulation" of von Neumann entropies, or "renyi"
    test_probability, alpha : the values used; they are optimised unless given
    terms : each term in bits; their sum is the length up to rounding
    epsilons : the parts of soundness and completeness
    threshold : the protocol accepts if the mean of its scores over all rounds is at least this
    untested : the score of an untested round
    scores : (A, B, X, Y) the scores of a tested round, for settings that are drawn
    test_distribution : (X, Y) probabilities of the settings of a tested round
    most_tests : the protocol aborts if more rounds than this are tested; n if their number does not matter
    lengths : how many different lengths the protocol has; if more than one, ``length`` is the shortest of them
    input_bits : entropy in bits of all random choices of the protocol, which is their average cost up to two bits.
        ``length`` does not pay for it. For a key it matters if a shared secret makes the choices (docs/finite_size.md)
    functional : BellExpression, the affine lower bound on the entropy of a round that is used
    asymptotic_rate : the rate of this functional at the behaviour, in bits per round; ``length / n`` tends to the best
        rate of the functionals
    choice : all chosen parameters; other parameters give a valid length as well (docs/finite_size.md)
    abort_probability, expected_length : of runs of honest devices, an upper and a lower bound, in floats
    security, theorem, assumptions : the allowed failures, the theorem of the proof, and its assumptions
    game : one round of the protocol, with the bound on Eve's knowledge that the length uses
    notes : what the default left out for want of work, in a sentence; the length is proven all the same
    """

    length: float
    side: str
    kind: str
    rounds: float
    method: str
    test_probability: float
    alpha: float
    terms: dict[str, float]
    epsilons: dict[str, float]
    threshold: float
    untested: float
    scores: NDArray[np.float64]
    test_distribution: NDArray[np.float64]
    most_tests: float
    lengths: int
    input_bits: float
    functional: BellExpression
    asymptotic_rate: float
    security: FiniteSecurity
    theorem: str
    assumptions: tuple[str, ...]
    choice: Choice | RenyiChoice
    _slope: float
    _offset: float
    game: Round
    _proof: Callable[[], dict[str, Any]]
    notes: tuple[str, ...] = ()

    def __float__(self) -> float:
        return self.length

    @property
    def figure(self) -> FiniteFigure:
        """The figure of merit of this length."""
        return replace(self.game.figure, rounds=int(self.rounds))

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour of the honest devices that the protocol was made for."""
        return self.game.behaviour

    @property
    def rule(self) -> AcceptanceRule:
        """What a run must pass: the numbers of rounds and tests, the scores, and their least mean."""
        figure = self.game.figure
        return AcceptanceRule(
            scenario=self.game.behaviour.scenario,
            rounds=int(self.rounds),
            settings=(figure.x, figure.y),
            drawn=self.test_distribution > 0.0,
            scores=self.scores,
            rest=self.untested,
            threshold=self.threshold,
            most_tests=self.most_tests,
        )

    def accepts(self, counts: CountedRounds) -> Acceptance:
        """Whether a run with these counts passes the test of the protocol, and why not if it does not.

        The length holds for protocols that are fixed before the rounds; ``certify`` refuses those that are known to be
        made from the same counts.
        """
        return self.rule.judge(counts)

    @cached_property
    def mean_score(self) -> float:
        """The mean score of a round of the honest devices."""
        tested = float(np.sum(self.test_distribution * np.maximum(self.behaviour.p, 0.0) * self.scores))
        return (1.0 - self.test_probability) * self.untested + self.test_probability * tested

    def length_at(self, mean_score: float) -> float:
        """The length in bits of a run that is accepted with this mean score.

        It is ``length`` if the protocol has one length. Several are evenly spaced, from ``length`` to ``length + 2
        rounds (m - threshold)``, m being the mean score of honest devices; it is the largest of these that is at most
        ``length + rounds (mean_score - threshold)``.
        """
        if self.lengths == 1 or not mean_score > self.threshold:
            return self.length
        span = 2.0 * max(self.mean_score - self.threshold, 0.0) * self.rounds
        step = Fraction(span) / (self.lengths - 1)
        above = Fraction(int(self.rounds)) * (
            Fraction(math.nextafter(mean_score, -math.inf)) - Fraction(self.threshold)
        )
        steps = min(math.floor(above / step), self.lengths - 1) if step > 0 and above > 0 else 0
        return math.nextafter(float(Fraction(self.length) + steps * step), -math.inf)

    def length_for(self, counts: CountedRounds) -> float:
        """The length in bits that a run with these counts has; 0 if it is not accepted."""
        found = self.accepts(counts)
        return self.length_at(found.mean_score) if found else 0.0

    @property
    def abort_probability(self) -> float:
        """The largest chance that a run of honest devices aborts, in floats; at most the completeness promised."""
        return float(self._missed(np.array([self.threshold]))[0])

    @cached_property
    def expected_length(self) -> float:
        """The least mean length in bits of a run of honest devices, where one that aborts has none; in floats.

        It is a lower bound, by Chernoff's bound on the chance of each length (docs/finite_size_renyi.md).
        """
        span = max(self.mean_score - self.threshold, 0.0)
        above = np.linspace(0.0, 2.0 * span, self.lengths)
        return mean_of_steps(self.length + self.rounds * above, self._missed(self.threshold + above))

    def _missed(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bounds on the chances that an honest run aborts or has a mean score below these."""
        gamma = self.test_probability
        tests = (self.test_distribution * np.maximum(self.behaviour.p, 0.0)).ravel()
        scores = [self.untested, *self.scores.ravel().tolist()]
        chances = [1.0 - gamma, *(gamma * tests / tests.sum()).tolist()]
        others = sum(v for name, v in self.epsilons.items() if name.startswith("abort") and name != "abort by score")
        found = others + chance_below(scores, chances, self.rounds, at, 2.0 * self.choice.score_tail)
        return np.where(at <= self.threshold, np.minimum(found, self.security.completeness), found)

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate of the length, with the proofs of the entropy and its extremes."""
        game, proof = self.game, self._proof()
        more = {"most_tests": self.most_tests} if self.method == "accumulation" else {"lengths": self.lengths}
        return Certificate(
            {
                "format": "sdpbound certificate",
                "version": 1,
                "created_by": f"sdpbound {__version__}",
                "kind": KINDS[self.method],
                "question": {
                    "scenario": {"outcomes": [list(p) for p in game.behaviour.scenario.outcomes]},
                    "figure": self.figure.entry(),
                    "side": "lower",
                    "behaviour": game.behaviour.p.tolist(),
                },
                "proof": proof,
                "claim": {"value": self.length, "threshold": self.threshold} | more,
            }
        )

    @property
    def rate(self) -> float:
        """``length / rounds`` in bits per round, rounded down."""
        return math.nextafter(self.length / self.rounds, -math.inf)

    @property
    def net_length(self) -> float:
        """The length less ``input_bits``; the extractor's seed is not counted, as it is not used up."""
        return math.nextafter(self.length - self.input_bits, -math.inf)

    @property
    def recovered_bits(self) -> float:
        """The bits of ``length`` that are those of recycled inputs: ``input_bits``, or 0 where inputs are public."""
        return self.terms.get("recycled inputs", 0.0)

    def __repr__(self) -> str:
        return (
            f"{self.kind} of {rounded(self.length, 'lower')} bits from n = {self.rounds:g} rounds{self._expansion} "
            "(lower bound; tests "
            f"with probability {self.test_probability:.3g}, soundness {self.security.soundness:g}, completeness "
            f"{self.security.completeness:g}; {SHORT[self.method]}{''.join(f'; {note}' for note in self.notes)})"
        )

    @property
    def _expansion(self) -> str:
        if not self.recovered_bits:
            return ""
        spent, recovered = (rounded(bits, "upper") for bits in (self.input_bits, self.recovered_bits))
        return f", {spent} spent, {recovered} of them recovered, net {rounded(self.net_length, 'lower')}"


def _proof(game: Game, choice: Choice) -> dict[str, Any]:
    """What a certificate has besides question and claim."""
    if game.entropy is None:
        raise CertificateError(
            "the entropy of this length was given as plain numbers, which prove nothing: give bounds of "
            "conditional_entropy for a certificate."
        )
    return {
        "accumulation": asdict(choice),
        "entropy": game.entropy.certificate.data,
        "least": game.test.bounds[0].certificate.data,
        "most": game.test.bounds[1].certificate.data,
        "distribution": game.test.distribution.tolist(),
        "scores": game.test.scores.tolist(),
    }


def certified(kind: str, game: Game, choice: Choice, n: float) -> FiniteLength:
    """Evaluate the length of a choice in balls, rounded down, and the protocol's threshold, scores and limits."""
    with balls():
        one = flint.arb(1)
        parts = epsilons(game, choice, one)
        if not all(p > 0 or p == 0 for p in parts.values()):
            raise InvalidParameter("the parts of soundness or completeness do not add up; allow larger ones.")
        exact = terms(game, choice, one)
        line, f = total(exact), min_tradeoff(game, choice, one)
        rate = line.rate - flint.arb(2) ** ROUNDED  # the checker reads threshold and scores as floats
        length = lower_float(rate * flint.arb(n) + line.constant)
        bits = {name: float((t.rate * flint.arb(n) + t.constant).mid()) for name, t in exact.items()}
        accepted = exact["entropy of the score accepted"]
        margin = f.weight * flint.arb(game.test.margin)
        threshold = float(lower_float(accepted.rate + margin + accepted.constant / flint.arb(n)))
        scores = float(f.rest.mid()) + (
            float(f.weight.mid()) * game.test.scores - float(f.rest.mid())
        ) / choice.gamma * (game.test.distribution > 0.0)
        most = n
        if game.other > 1:
            tests = exact["test outcomes of the other party"]
            width = flint.arb(game.other).log() / flint.arb(2).log()
            most = min(n, -lower_float((tests.rate * flint.arb(n) + tests.constant) / width))
        slope, offset = lower_float(line.rate), lower_float(line.constant)
        rest = float(f.rest.mid())
    honest = sum(p * s for s, p in game.results) / sum(p for _, p in game.results)
    sent = game.security.efficiency * sum(z * p for z, p in game.float_surprises[0])
    return FiniteLength(
        length=length,
        side="lower",
        kind=kind,
        rounds=n,
        method="accumulation",
        test_probability=choice.gamma,
        alpha=1.0 + choice.beta,
        terms=bits,
        epsilons={name: float(p.mid()) for name, p in parts.items()},
        threshold=threshold,
        untested=rest,
        scores=scores,
        test_distribution=game.test.distribution,
        most_tests=most,
        lengths=1,
        input_bits=n * game.drawing(choice.gamma),
        functional=game.test.functional,
        asymptotic_rate=honest - sent,
        security=game.security,
        theorem=f"{THEOREM}; {VARIANCE[game.security.registers]}",
        assumptions=ASSUMPTIONS,
        choice=choice,
        _slope=slope,
        _offset=offset,
        game=game,
        _proof=partial(_proof, game, choice),
    )
