"""What finitely many rounds leave of a rate, for searches over devices: a smooth stand-in for a proven length.

Let F be an affine lower bound on the entropy of a key round, with scores g of tests, gamma the probability of a test
and w the weight of rounds whose entropy counts. To second order, n rounds give for each of them, in bits,

    w F - sent - sqrt(2 ln 2 (V + v) log2(1/e) / n) - sqrt(2 v ln(1/c) / n) - sqrt(2 s ln(1/c) / n) - log2(1/e) / n,

with ``v = w^2 Var(g) / gamma`` the variance of the scores, V about that of the key's surprise, s that of what is sent,
e the soundness and c the completeness. F is below the entropy of all devices, and gamma may be any, so that the largest
value over both has the slopes of this formula at the best of them (envelope theorem). A search climbs it; what is
proven at the end is :func:`sdpbound.finite_key_length`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import entr

from sdpbound.arguments import floats
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bounds.boundary import towards_noise
from sdpbound.finite_size.lengths import finite_key_length, finite_randomness_length
from sdpbound.finite_size.options import FiniteKeyOptions, FiniteOptions, FiniteRandomnessOptions
from sdpbound.finite_size.result import FiniteLength
from sdpbound.finite_size.scores import conditional_form, information, settings_of_tests, tested_outcomes
from sdpbound.strategies.estimates import Estimator, Numbers
from sdpbound.strategies.raters import Near, Rater, leakage_slopes
from sdpbound.strategies.use import Use

__all__ = ["OfLength", "Rounds", "proven_length"]

#: About the variance of the surprise of a bit of key, in bits squared: most bits have less.
_SURPRISE = 1.2
#: Steps to the best functional, and the step of slopes in its multipliers, relative to the largest.
_STEPS, _STEP = 3, 1e-3
#: The most probable test of keys whose tests do not count, where that probability is searched.
_MOST_TESTS = 0.5
#: Probabilities of a test that are compared.
_GAMMAS: Floats = np.geomspace(1e-9, 1.0, 361)


@dataclass(frozen=True, eq=False)
class Rounds:
    """How many rounds there are, and what their protocol promises.

    Attributes
    ----------
    number : n
    options : security and test
    is_key : whether a key is made, and its errors are corrected
    """

    number: float
    options: FiniteOptions
    is_key: bool

    @property
    def distance(self) -> float:
        """How far towards white noise the functional is taken: it is less steep there, which few rounds ask for."""
        return float(min(self.number ** (-1.0 / 3.0), 0.1))

    @cached_property
    def gammas(self) -> Floats:
        own = self.options.test_probability
        return _GAMMAS if own is None else np.array([float(own)])


@dataclass(frozen=True, eq=False)
class _Round:
    """One round: the functional, its test, and what is kept while devices change.

    Attributes
    ----------
    functional : F in bits
    distribution : (X, Y) the settings of tests
    scores : (A, B, X, Y) g
    own : probability that a test has the key's settings, so that its entropy counts
    flips : of Alice's bit in key rounds
    """

    use: Use
    rounds: Rounds
    functional: BellExpression
    distribution: Floats
    scores: Floats
    own: float
    flips: float

    def counted(self, gammas: Floats) -> Floats:
        """w, the weight of rounds whose entropy counts."""
        return np.asarray(1.0 - gammas + gammas * self.own)

    def lengths(self, behaviour: Behaviour, gammas: Floats) -> Floats:
        """Bits a round, for each probability of a test."""
        n, options = self.rounds.number, self.rounds.options
        secret = math.log2(1.0 / options.security.soundness)
        chance = 2.0 * math.log(1.0 / options.security.completeness)
        tests, w = self.distribution * np.maximum(behaviour.p, 0.0), self.counted(gammas)
        mean = float((tests * self.scores).sum())
        v = w * w * max(float((tests * self.scores**2).sum()) - mean * mean, 0.0) / gammas
        found = w * self.functional.value(behaviour) - np.sqrt(2.0 * math.log(2.0) * (_SURPRISE + v) * secret / n)
        found = found - np.sqrt(chance * v / n) - secret / n
        if self.rounds.is_key:
            plain, square = _surprises(information(behaviour.joint(self.use.x, self.use.y or 0), self.flips))
            tested, _ = _surprises(tested_outcomes(behaviour, self.distribution))
            found = found - options.security.efficiency * ((1.0 - gammas) * plain + gammas * tested)
            found = found - math.sqrt(chance * max(square - plain * plain, 0.0) / n)
        if isinstance(options, FiniteRandomnessOptions) and options.net:
            settings = float(entr(self.distribution).sum())
            found = found - (entr(gammas) + entr(1.0 - gammas) + gammas * settings) / math.log(2.0)
        return np.asarray(found, dtype=np.float64)


@dataclass(eq=False)
class OfLength(Rater):
    """About the length of key or randomness from n rounds, divided by n.

    The functional is that of the entropy at other data, where it is less steep. If the length is ``L(m, c)`` for
    multipliers m and a constant c, and ``c(m)`` the largest constant that is proven, then ``dc/dm = - data`` where the
    functional touches the entropy, so that it is the best one where these data are ``(dL/dm) / w``. A few steps go
    there, from what was best before.

    Attributes
    ----------
    shift : the distance of these data from the tested ones, as it was last
    """

    estimator: Estimator
    rounds: Rounds
    shift: Floats | None = None

    def near(self, use: Use, behaviour: Behaviour, ahead: Numbers, slope: bool) -> Near | None:
        data, is_key = use.observed(behaviour), self.rounds.is_key
        shift = towards_noise(data, self.rounds.distance) - data.values if self.shift is None else self.shift
        best: tuple[float, _Round, Floats, Numbers] | None = None
        for _ in range(_STEPS):
            moved = replace(data, values=data.values + shift, exact=None)
            found = self.estimator.estimate(moved, (use.x, None if is_key else use.y), ahead, slope)
            if not math.isfinite(found.value):  # too far, or outside the quantum set
                shift = 0.5 * shift
                continue
            constant = found.value - float(found.multipliers @ moved.values)
            own = self._round(use, data, found.multipliers, constant, ahead[0])
            gammas = self.rounds.gammas
            if own.own == 0.0 and len(gammas) > 1:  # where all rounds are tests, no device is better than another one
                gammas = gammas[gammas <= _MOST_TESTS]
            values = own.lengths(behaviour, gammas)
            gamma = gammas[[int(np.argmax(values))]]
            if best is None or values.max() > best[0]:
                best, self.shift = (float(values.max()), own, gamma, found.by_ahead), shift
            counted = own.counted(gamma)
            if not counted > 0.0:  # no entropy counts, of any functional
                break
            slopes = self._slopes(use, behaviour, found.multipliers, (constant, ahead[0], gamma))
            shift = slopes / counted - data.values
        if best is None:
            return None
        rate, own, gamma, by_ahead = best
        if slope and is_key:  # errors of tests are not flipped
            part, efficiency = 1.0 - float(gamma[0]), self.rounds.options.security.efficiency
            costs = leakage_slopes(behaviour.joint(use.x, use.y or 0), ahead)
            by_ahead = tuple(part * (gain - efficiency * cost) for gain, cost in zip(by_ahead, costs, strict=True))
        return Near(rate, lambda there: float(own.lengths(there, gamma)[0]), by_ahead)

    def _slopes(
        self, use: Use, behaviour: Behaviour, multipliers: Floats, others: tuple[float, float, Floats]
    ) -> Floats:
        """How the length changes with each multiplier, the constant, flips and probability of a test as they are."""
        constant, flips, gamma = others
        data = use.observed(behaviour)
        step = _STEP * max(float(np.abs(multipliers).max()), _STEP)

        def length(of: Floats) -> float:
            return float(self._round(use, data, of, constant, flips).lengths(behaviour, gamma)[0])

        steps = step * np.eye(len(multipliers))
        return np.array([length(multipliers + h) - length(multipliers - h) for h in steps]) / (2.0 * step)

    def finer(self, rate: float) -> Rater:
        return OfLength(self.estimator.finer(rate), self.rounds, self.shift)

    def _round(self, use: Use, data: Observations, multipliers: Floats, constant: float, flips: float) -> _Round:
        coefficients = np.tensordot(multipliers, data.coefficients, axes=1)
        coefficients[0, 0] += constant
        functional = BellExpression(data.scenario, coefficients)
        table = conditional_form(functional.coefficients, functional)
        # an outcome that a setting has not is last, and has no part in the functional
        high, low = _ends(functional, table)
        given = self.rounds.options.test_distribution
        drawn = settings_of_tests(high - low, None if given is None else floats(given, "test_distribution"))
        scores = (
            float(coefficients[0, 0])
            + float(((high + low) / 2.0).sum())
            + (table - (high + low) / 2.0) / np.where(drawn > 0.0, drawn, 1.0)
        )
        alone = use.y is None or self.rounds.is_key
        own = 0.0 if flips else float(drawn[use.x].sum() if alone else drawn[use.x, use.y])
        return _Round(use, self.rounds, functional, drawn, scores * (drawn > 0.0), own, flips)


def _ends(functional: BellExpression, table: Floats) -> tuple[Floats, Floats]:
    """(X, Y) the largest and the least of the results of each pair of settings."""
    alice, bob = functional.scenario.outcomes
    exists = np.zeros(table.shape, dtype=bool)
    for x, a in enumerate(alice):
        for y, b in enumerate(bob):
            exists[:a, :b, x, y] = True
    return (
        np.where(exists, table, -np.inf).max(axis=(0, 1)),
        np.where(exists, table, np.inf).min(axis=(0, 1)),
    )


def _surprises(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """The mean and the mean square of -log2 p(a|b), of pairs (p(a, b), p(b))."""
    p, q = np.array(pairs).T
    bits = np.log2(q / p)
    return float(p @ bits / p.sum()), float(p @ bits**2 / p.sum())


def proven_length(use: Use, behaviour: Behaviour, flips: float, rounds: Rounds) -> FiniteLength:
    """The certified length of devices.

    Of flipped bits it is that of accumulation where the protocol names no method: bounds on the power of their Renyi
    entropy take many minutes near a face of the quantum set, where devices that need flips are.
    """
    options, observed = rounds.options, use.observed(behaviour)
    if isinstance(options, FiniteKeyOptions):
        method = "accumulation" if flips and options.method == "auto" and options.lengths == 1 else options.method
        options = replace(options, preprocessing=flips, method=method)
        return finite_key_length(behaviour, rounds.number, use.x, use.y or 0, observed, options)
    assert isinstance(options, FiniteRandomnessOptions)
    return finite_randomness_length(behaviour, rounds.number, use.x, use.y, observed, options)
