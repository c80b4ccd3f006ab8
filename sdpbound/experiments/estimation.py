"""Probability estimation: lengths of randomness against classical side information, from factors of each round.

Source: Knill, Zhang and Bierhorst, arXiv:1709.06159, whose factors are 2^(beta f) of our scores f; the theorem with its
proof is docs/probability_estimation.md. The factors are found by a search. What is proven is evaluated after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, get_args

import flint
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from sdpbound.arguments import instance
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.certificate import Certificate
from sdpbound.bounds.rounding import lower_float, rounded
from sdpbound.checker.estimation import Devices, extreme_points, largest_mean
from sdpbound.errors import InvalidParameter, InvalidShape
from sdpbound.experiments.barrier import log_maximum
from sdpbound.experiments.consistency import input_distribution
from sdpbound.finite_size import FiniteSecurity
from sdpbound.finite_size.acceptance import Acceptance, AcceptanceRule, CountedRounds
from sdpbound.finite_size.arithmetic import balls
from sdpbound.version import __version__

__all__ = ["EstimatedLength", "estimated_length"]

THEOREM = "probability estimation, docs/probability_estimation.md (of the kind of arXiv:1709.06159)"
ASSUMPTIONS = (
    "Eve has classical side information: whatever she knows, a round's outcomes have a behaviour of the set, given her "
    "knowledge and all rounds before; she holds no system that is correlated with the devices",
    "rounds are sequential; the devices may have memory",
    "a device is told its own setting only, and the devices do not communicate during a round",
    "trusted randomness, independent of devices and Eve, draws the settings of all rounds from the stated distribution",
    "the hash's seed is independent of all that; the devices are not used again while the output has to stay secret",
)
SETS = {
    "tsirelson": "behaviours that do not signal, with all |CHSH| at most 2 sqrt 2, as quantum ones",
    "no-signaling": "behaviours that do not signal",
}
#: The weights of constraints together, in units of the data's, as they fall.
BARRIERS = (1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
#: Where beta is searched.
SMALLEST_BETA = 1e-7
#: The least probability that the search gives an outcome.
LEAST = 1e-9
BITS = Scenario.bipartite(2, 2)


@dataclass(frozen=True, eq=False, repr=False)
class EstimatedLength:
    """A proven length of randomness from both devices' outcomes, against classical side information.

    Attributes
    ----------
    length : bits that every run which passes has, rounded down from balls; negative if there are none
    side : "lower"
    rounds, security : the number of rounds, and what may fail; ``completeness`` is kept in floats, by Chernoff's bound
    devices : the set of behaviours that a round may have, "tsirelson" or "no-signaling"
    beta : the power
    scores : (A, B, X, Y) f in bits; the factors are ``2^(beta f)``
    threshold : the least mean score of a run that passes
    test_distribution : (X, Y) probabilities of the settings of all rounds
    behaviour : the honest devices
    """

    length: float
    rounds: int
    security: FiniteSecurity
    devices: Devices
    beta: float
    scores: Floats
    threshold: float
    test_distribution: Floats
    behaviour: Behaviour

    side = "lower"
    kind = "randomness"
    test_probability = 1.0
    theorem = THEOREM

    def __float__(self) -> float:
        return self.length

    @property
    def terms(self) -> dict[str, float]:
        """Each term in bits; their sum is the length up to rounding."""
        failing = (1.0 + 1.0 / self.beta) * math.log2(self.security.soundness) + 2.0
        return {"scores accepted": self.length - failing, "privacy amplification": failing}

    @property
    def assumptions(self) -> tuple[str, ...]:
        return (*ASSUMPTIONS, f"the set is that of {SETS[self.devices]}")

    @property
    def factors(self) -> Floats:
        """(A, B, X, Y) the probability estimation factors."""
        return np.asarray(np.exp2(self.beta * self.scores))

    @property
    def mean_score(self) -> float:
        """The mean score of the honest devices."""
        return float((self.test_distribution * np.maximum(self.behaviour.p, 0.0) * self.scores).sum())

    def accepts(self, counts: CountedRounds) -> Acceptance:
        """Whether a run passes: all rounds are tests, and the mean score is at least the threshold."""
        rule = AcceptanceRule(
            scenario=BITS,
            rounds=self.rounds,
            settings=(0, None),
            drawn=self.test_distribution > 0.0,
            scores=self.scores,
            rest=min(0.0, float(self.scores.min())),
            threshold=self.threshold,
            most_tests=self.rounds,
        )
        return rule.judge(counts)

    def length_at(self, mean_score: float) -> float:
        """The length in bits of a run that passes, whatever its mean score."""
        return self.length

    def length_for(self, counts: CountedRounds) -> float:
        """The length in bits that a run with these counts has; 0 if it is not accepted."""
        return self.length if self.accepts(counts) else 0.0

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate of the length: both checkers try all extreme points of the set."""
        estimation: dict[str, Any] = {
            "beta": self.beta,
            "distribution": self.test_distribution.tolist(),
            "scores": self.scores.tolist(),
        }
        return Certificate(
            {
                "format": "sdpbound certificate",
                "version": 1,
                "created_by": f"sdpbound {__version__}",
                "kind": "probability estimation",
                "question": {
                    "scenario": {"outcomes": [list(p) for p in BITS.outcomes]},
                    "figure": {
                        "kind": "estimated_randomness_length",
                        "rounds": self.rounds,
                        "soundness": self.security.soundness,
                        "devices": self.devices,
                    },
                    "side": "lower",
                },
                "proof": {"estimation": estimation},
                "claim": {"value": self.length, "threshold": self.threshold},
            }
        )

    def __repr__(self) -> str:
        return (
            f"randomness of {rounded(self.length, 'lower')} bits from n = {self.rounds:g} rounds (lower bound; "
            f"classical side information, {self.devices} devices, soundness {self.security.soundness:g}, completeness "
            f"{self.security.completeness:g})"
        )


def estimated_length(
    honest: Behaviour,
    rounds: float,
    distribution: ArrayLike | None = None,
    security: FiniteSecurity | None = None,
    devices: Devices = "tsirelson",
) -> EstimatedLength:
    """Randomness of all outcomes of n rounds, against an adversary with classical side information: a lower bound.

    Parameters
    ----------
    honest : what the devices promise, or the estimate ``training.behaviour()`` of a training part; two settings with
        two outcomes each. It decides how long the output is and how often runs abort, never whether it is secret
    rounds : the number n of rounds
    distribution : (X, Y) probabilities of the settings, uniform unless given
    security : ``soundness`` and ``completeness`` of it are used; default FiniteSecurity()
    devices : what a round's behaviour may be, whatever Eve knows: "tsirelson" (all |CHSH| at most 2 sqrt 2: quantum
        devices) or "no-signaling"

    Returns
    -------
    EstimatedLength
        Side "lower", in bits. Make a ``FixedProtocol`` of it, with ``training`` if it was made from counts, and
        ``certify`` others.

    Raises
    ------
    InvalidShape, InvalidParameter
        Another scenario, or an argument out of range.

    >>> honest = Behaviour.from_correlators([[0.66, 0.66], [0.66, -0.66]])
    >>> 660_000 < estimated_length(honest, 1e6).length < 670_000
    True
    """
    instance(honest, Behaviour, "honest", "training.behaviour()")
    if honest.scenario != BITS:
        raise InvalidShape(f"probability estimation is for two settings with two outcomes, not for {honest.scenario}.")
    if isinstance(rounds, bool) or not isinstance(rounds, (int, float)) or not 1 <= rounds <= 1e18 or rounds % 1:
        raise InvalidParameter(f"rounds = {rounds!r:.60} must be a whole number of rounds from 1 to 1e18.")
    n = int(rounds)
    security = FiniteSecurity() if security is None else security
    instance(security, FiniteSecurity, "security", "FiniteSecurity(soundness=1e-10)")
    if devices not in get_args(Devices):
        raise InvalidParameter(f"devices = {devices!r:.60} must be one of {', '.join(get_args(Devices))}.")
    drawn = input_distribution(distribution, (2, 2))
    if drawn.min() <= 0.0:
        raise InvalidParameter("each of the four pairs of settings must be drawn; give them positive probabilities.")
    chances = np.maximum(honest.p, LEAST) * drawn
    search = _Search(n, security, devices, drawn, chances / chances.sum())
    found = minimize_scalar(
        lambda exponent: -search.length(math.exp(exponent)),
        bounds=(math.log(SMALLEST_BETA), 0.0),
        method="bounded",
        options={"xatol": 1e-2},
    )
    return search.proven(math.exp(float(found.x)), honest)


@dataclass(frozen=True, eq=False)
class _Search:
    rounds: int
    security: FiniteSecurity
    devices: Devices
    drawn: Floats
    chances: Floats  # (A, B, X, Y) of outcomes and settings, honest

    @cached_property
    def points(self) -> Floats:
        """(points, A, B, X, Y) the extreme points."""
        found = []
        for point in extreme_points(self.devices):
            table = np.zeros((2, 2, 2, 2))
            for place, value in point.items():
                table[place] = float(value)
            found.append(table)
        return np.array(found)

    def scores(self, beta: float) -> Floats:
        """The scores with the largest mean at the honest behaviour, in bits: a concave program, in floats."""
        rows = (self.drawn * self.points ** (1.0 + beta)).reshape(len(self.points), 16)
        offsets = np.concatenate([np.zeros(16), np.ones(len(rows))])
        matrix = np.vstack([np.eye(16), -rows])
        z = np.full(16, 0.5)
        for barrier in BARRIERS:
            weights = np.concatenate([self.chances.ravel(), np.full(len(rows), barrier / len(rows))])
            z = log_maximum(weights, offsets, matrix, z)
        z = z / float((rows @ z).max())
        return np.asarray(np.log2(z).reshape(2, 2, 2, 2) / beta)

    def threshold(self, scores: Floats) -> float:
        """The mean score below which honest runs fall at most as often as promised, by Chernoff's bound."""
        mean = float((self.chances * scores).sum())
        moved, fails = scores - mean, math.log(1.0 / self.security.completeness) / self.rounds

        def below(exponent: float) -> float:
            s = math.exp(exponent)
            largest = float((-s * moved).max())
            moment = largest + math.log(float((self.chances * np.exp(-s * moved - largest)).sum()))
            return (moment + fails) / s

        spread = math.sqrt(float((self.chances * moved**2).sum())) + 1e-12
        best = math.log(math.sqrt(2.0 * fails) / spread)
        found = minimize_scalar(below, bounds=(best - 5.0, best + 2.0), method="bounded")
        return mean - float(found.fun)

    def length(self, beta: float) -> float:
        failing = (1.0 + 1.0 / beta) * math.log2(self.security.soundness)
        return self.rounds * self.threshold(self.scores(beta)) + failing

    def proven(self, beta: float, honest: Behaviour) -> EstimatedLength:
        """The length of these scores, in balls."""
        scores = self.scores(beta)
        threshold = self.threshold(scores)
        with balls():
            power, ln2 = flint.arb(beta), flint.arb(2).log()
            drawn = {(x, y): float(self.drawn[x, y]) for x, y in product(range(2), repeat=2)}
            table = {place: float(scores[place]) for place in product(range(2), repeat=4)}
            most = largest_mean(beta, drawn, table, self.devices)
            failing = (1 + 1 / power) * flint.arb(self.security.soundness).log() / ln2
            length = lower_float(self.rounds * (flint.arb(threshold) - most.log() / (power * ln2)) + 2 + failing)
        length = min(length, 2.0 * self.rounds)
        return EstimatedLength(
            length, self.rounds, self.security, self.devices, beta, scores, threshold, self.drawn, honest
        )
