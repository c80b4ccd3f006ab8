"""Critical visibilities, detection efficiencies and error rates of protocols: :mod:`sdpbound.thresholds` put to use."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from sdpbound.arguments import floats, instance
from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bell import BellExpression
from sdpbound.errors import CertificateError, Infeasible, InvalidInput, InvalidParameter, SolverFailure
from sdpbound.families import SingletSelfTest, chsh
from sdpbound.merits.conditional_entropy import VonNeumann, require_preprocessing
from sdpbound.merits.entropy import Entropy
from sdpbound.merits.warm_entropy import SweptEntropy
from sdpbound.noise import DetectionInefficiency, Noise, WhiteNoise
from sdpbound.rate_upper_bounds import key_rate_upper_bound, randomness_rate_upper_bound
from sdpbound.rates import Rate, error_correction, key_rate, randomness_rate
from sdpbound.scenario import Scenario
from sdpbound.self_tests import bell_value_self_test
from sdpbound.strategies import Strategy
from sdpbound.thresholds import Threshold, critical_noise, with_dead_end

__all__ = ["critical_efficiency", "critical_error_rate", "critical_visibility"]

Tested = str | BellExpression | Callable[[Behaviour], Observations]
Ideal = SingletSelfTest | Strategy | Behaviour
KINDS = ("key", "local randomness", "global randomness")
#: How far parameters that are searched for are from the best ones, about.
ACCURACY = 0.01
#: Part of the way from the ideal data to local ones at which the search for a visibility begins.
GUESS = 0.4
#: Most flips that are searched: rates fall with the square of 1 - 2q, and no solver resolves them nearer to 1/2.
MOST_FLIPS = 0.49
#: Bits within which attacks are the best ones.
ATTACK = 1e-5


def critical_visibility(
    ideal: Ideal,
    observed: Tested = "correlators",
    x: int | None = None,
    y: int | None = None,
    *,
    rate: str = "key",
    entropy: Entropy | None = None,
    preprocessing: float | str = 0.0,
    noise: Noise | None = None,
    target: float = 0.0,
    tolerance: float = 1e-4,
    start: float | None = None,
    attack: bool = True,
    closed_forms: bool = True,
) -> Threshold:
    """The visibility down to which a rate is proven to survive white noise, and one at which an attack ends it.

    Parameters
    ----------
    ideal : the noiseless devices; :class:`WhiteNoise` is applied to them
    observed : what is tested of the noisy devices: "correlators", "full", a BellExpression (its value), "bell" (the
        expression of a SingletSelfTest), or a function from Behaviour to Observations
    x, y : settings; None: the best pair, as far as found
    rate : "key", "local randomness" or "global randomness"
    entropy : default SweptEntropy(): formulas where there are any, the qubit reduction where it applies, else programs;
        to 1e-4 bits or the tolerance
    preprocessing : as in :func:`key_rate`; "best": the probability that survives most noise, as far as found; it is
        then in ``threshold.found``, and ``dead`` is proven for this probability, not for all
    noise : what the devices suffer besides, after the white noise
    target : bits a round that must be exceeded
    tolerance : of the visibility
    start : a visibility near the threshold, if one is known, as in a sweep: saves solves
    attack : whether to prove the other side by explicit attacks, see :func:`key_rate_upper_bound`
    closed_forms : as in :func:`key_rate`

    Returns
    -------
    Threshold

    >>> import numpy as np, sdpbound as sb
    >>> t = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
    >>> found = critical_visibility(t, x=0, y=0, tolerance=1e-3)
    >>> 0.90 < found.alive < 0.93, found.alive_rate.value > 0
    (True, True)
    """
    devices = _devices(ideal)

    def noisy(v: float) -> Behaviour:
        white = WhiteNoise(v)
        return devices(white if noise is None else white + noise)

    observe = _observer(ideal, observed)
    plan = _Plan(noisy, observe, rate, x, y, _entropy(entropy, tolerance), attack, closed_forms)
    begin = _first_guess(observe(noisy(1.0)), observe(noisy(0.0))) if start is None else start
    return plan.threshold(preprocessing, _Asked("visibility", 1.0, 0.0, target, tolerance, begin))


def critical_efficiency(
    ideal: Ideal,
    observed: Tested = "full",
    x: int | None = None,
    y: int | None = None,
    *,
    efficiency_b: float | None = None,
    binning: bool = True,
    rate: str = "key",
    entropy: Entropy | None = None,
    preprocessing: float | str = 0.0,
    noise: Noise | None = None,
    target: float = 0.0,
    tolerance: float = 1e-4,
    start: float | None = None,
    attack: bool = True,
    closed_forms: bool = True,
) -> Threshold:
    """The detection efficiency down to which a rate is proven to survive losses, and one at which an attack ends it.

    Parameters
    ----------
    efficiency_b : of Bob's detectors; None: the same as Alice's, which is varied
    binning : no click is outcome 0; else a third outcome, for which ``observed`` must be "full" or a function
    noise : what the devices suffer before the detectors
    others : as in :func:`critical_visibility`

    Returns
    -------
    Threshold
    """
    devices = _devices(ideal)

    def noisy(eta: float) -> Behaviour:
        lossy = DetectionInefficiency(eta, efficiency_b, binning)
        return devices(lossy if noise is None else noise + lossy)

    plan = _Plan(noisy, _observer(ideal, observed), rate, x, y, _entropy(entropy, tolerance), attack, closed_forms)
    return plan.threshold(preprocessing, _Asked("detection efficiency", 1.0, 0.0, target, tolerance, start))


def critical_error_rate(
    expression: BellExpression | Callable[[float], BellExpression] | None = None,
    observed: Tested = "bell",
    x: int = 0,
    *,
    between: tuple[float, float] = (0.7, 1.3),
    ideal: Behaviour | None = None,
    entropy: Entropy | None = None,
    preprocessing: float | str = 0.0,
    target: float = 0.0,
    tolerance: float = 1e-5,
    start: float | None = None,
    attack: bool = True,
    closed_forms: bool = True,
) -> Threshold:
    """The error rate of the key up to which key distribution from a Bell test is proven to survive depolarising noise.

    Alice and Bob share a two-qubit maximally entangled state, depolarised to visibility 1 - 2 Q. Their first two
    settings test the expression, at the angles that are best for it; Bob's third is along Alice's setting x, and
    gives the key: its error rate is Q. (CHSH: arXiv:quant-ph/0702152, 7.15 %; with a family of asymmetric expressions
    and preprocessing arXiv:2007.16146.)

    Parameters
    ----------
    expression : of correlators of two settings each, default CHSH; or a family of them, a function of one number
        such as ``asymmetric_chsh``: the member that survives most noise is searched, its parameter is then in
        ``threshold.found``, and the angles are those best for it
    observed : what is tested: "bell", the expression's value; else as in :func:`critical_visibility`, of the behaviour
        with Bob's three settings
    x : Alice's key setting
    between : limits of the family's parameter
    ideal : other noiseless devices than these, a behaviour of the two settings of Alice and three of Bob
    others : as in :func:`critical_visibility`

    Returns
    -------
    Threshold of the error rate: ``alive`` is the last found with a proven positive rate

    >>> import sdpbound as sb
    >>> t = critical_error_rate(sb.chsh(), tolerance=1e-4, entropy=sb.VonNeumann(tolerance=5e-4))
    >>> 0.071 < t.alive < 0.0715
    True
    """
    family = chsh() if expression is None else expression
    asked = _Asked("error rate", 0.0, 0.5, target, tolerance, start)

    def plan(member: BellExpression) -> _Plan:
        devices = _key_devices(member, x) if ideal is None else ideal
        wide = _with_settings(member, devices.scenario)
        test: Tested = wide if isinstance(observed, str) and observed == "bell" else observed
        noisy = _devices(devices)
        y = devices.scenario.settings[1] - 1
        how = _entropy(entropy, tolerance)
        observe = _observer(devices, test)
        return _Plan(lambda q: noisy(WhiteNoise(1.0 - 2.0 * q)), observe, "key", x, y, how, attack, closed_forms)

    if isinstance(family, BellExpression):
        return plan(family).threshold(preprocessing, asked)
    if not callable(family):
        raise InvalidInput(f"the expression must be a BellExpression or a function that gives one, not {family!r:.60}.")
    limits = floats(between, "between")
    low, high = map(float, limits) if limits.shape == (2,) else (math.nan, math.nan)
    if not low < high:
        raise InvalidParameter(f"between = {between!r:.60} must be the two limits of the family's parameter, rising.")
    if preprocessing == "best":
        found, (best, flips) = _farthest(
            lambda p, begin: plan(family(p[0])).at(p[1], replace(asked, start=begin)),
            (("parameter", low, high), ("preprocessing", 0.0, MOST_FLIPS)),
            asked,
        )
    else:
        flips = require_preprocessing(preprocessing)  # type: ignore[arg-type]
        found, (best,) = _farthest(
            lambda p, begin: plan(family(p[0])).at(flips, replace(asked, start=begin)),
            (("parameter", low, high),),
            asked,
        )
    return plan(family(best)).both_sides(found, flips, asked)


# -- protocols along a line of noise --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What is asked of a threshold, whatever the protocol."""

    quantity: str
    alive: float
    dead: float
    target: float
    tolerance: float
    start: float | None

    def reach(self, alive: float | None) -> float:
        """How far from the noiseless end, as a part of the interval; negative if nothing is alive."""
        return -1.0 if alive is None else abs(alive - self.alive) / abs(self.dead - self.alive)


@dataclass(frozen=True)
class _Plan:
    """A protocol whose devices depend on one number; settings and preprocessing may be left to be found."""

    behaviour_of: Callable[[float], Behaviour]
    observe: Callable[[Behaviour], Observations]
    kind: str
    x: int | None
    y: int | None
    entropy: Entropy
    attack: bool
    closed_forms: bool

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidParameter(f"rate = {self.kind!r:.60} must be one of {', '.join(map(repr, KINDS))}.")
        if self.kind == "local randomness" and self.y is not None:
            raise InvalidInput("local randomness is of Alice's outcome alone: leave y out.")

    def threshold(self, preprocessing: float | str, asked: _Asked) -> Threshold:
        """The threshold, with the best preprocessing if that is asked for."""
        if preprocessing and self.kind != "key":
            raise InvalidParameter(f"preprocessing = {preprocessing!r:.60} is of keys only; leave it 0.")
        if not isinstance(preprocessing, str):
            q = require_preprocessing(preprocessing)
            return self.both_sides(self.at(q, asked), q, asked)
        if preprocessing != "best":
            raise InvalidParameter(f"preprocessing = {preprocessing!r:.60} must be a number from 0 to 1/2, or 'best'.")
        found, (q,) = _farthest(
            lambda p, begin: self.at(p[0], replace(asked, start=begin)), (("preprocessing", 0.0, MOST_FLIPS),), asked
        )
        return self.both_sides(found, q, asked)

    def both_sides(self, found: Threshold, preprocessing: float, asked: _Asked) -> Threshold:
        """With the place past the last point alive where an attack proves that no pair of settings gives more."""
        if not self.attack:
            return found

        def upper_of(value: float) -> Rate | None:
            behaviour = self.behaviour_of(value)
            data = self.observe(behaviour)
            if self.kind == "key":
                rate = key_rate_upper_bound(behaviour, data, self.x, self.y, preprocessing, tolerance=ATTACK)
            else:
                local = self.kind == "local randomness"
                rate = randomness_rate_upper_bound(behaviour, data, local, self.x, self.y, tolerance=ATTACK)
            return rate if rate.exact else None

        return with_dead_end(found, upper_of, (asked.alive, asked.dead), asked.tolerance)

    def at(self, preprocessing: float, asked: _Asked) -> Threshold:
        """The farthest of the pairs of settings; each but the first is asked at the farthest so far, left if dead."""
        scenario = self.behaviour_of(asked.alive).scenario
        xs = range(scenario.settings[0]) if self.x is None else [scenario.require_setting(0, self.x, "x")]
        ys: Sequence[int | None] = [None] if self.y is None else [scenario.require_setting(1, self.y, "y")]
        if self.kind == "global randomness" and self.y is None:
            ys = range(scenario.settings[1])
        best: Threshold | None = None
        solves = 0
        for x, y in itertools.product(xs, ys):
            line = _Line(self, x, y, preprocessing)
            start = asked.start
            if best is not None and best.alive is not None:
                start = best.alive
                solves += 1
                try:
                    if line.rate(start).value <= asked.target:
                        continue
                except (Infeasible, SolverFailure):
                    continue
            other = critical_noise(
                line.rate,
                asked.alive,
                asked.dead,
                predict=line.predict,
                target=asked.target,
                tolerance=asked.tolerance,
                start=start,
                quantity=asked.quantity,
            )
            solves += other.solves
            if best is None or asked.reach(other.alive) > asked.reach(best.alive):
                best = other
        assert best is not None
        return replace(best, solves=solves)


@dataclass(frozen=True)
class _Line:
    """A plan with its settings and preprocessing."""

    plan: _Plan
    x: int
    y: int | None
    preprocessing: float

    def rate(self, value: float) -> Rate:
        plan, behaviour = self.plan, self.plan.behaviour_of(value)
        data = plan.observe(behaviour)
        if plan.kind == "key":
            return key_rate(
                behaviour, data, self.x, self.y, plan.entropy, self.preprocessing, closed_forms=plan.closed_forms
            )
        local = plan.kind == "local randomness"
        return randomness_rate(behaviour, data, local, self.x, self.y, plan.entropy, closed_forms=plan.closed_forms)

    def predict(self, rate: Rate, value: float) -> float:
        """The functional of a solved point at another value of the noise, less the exact error correction there."""
        try:
            functional = rate.entropy.functional
        except CertificateError:
            return -math.inf  # a self-test says nothing of other data
        behaviour = self.plan.behaviour_of(value)
        data = self.plan.observe(behaviour)
        if functional.expression.scenario != data.scenario:
            data = data.drop_untested()
        entropy = functional.at(data.values) - float(np.abs(functional.multipliers) @ data.tolerances)
        return entropy - self.leak(behaviour)

    def leak(self, behaviour: Behaviour) -> float:
        if self.plan.kind != "key":
            return 0.0
        settings = range(behaviour.scenario.settings[1]) if self.y is None else [self.y]
        return min(error_correction(behaviour, self.x, y, self.preprocessing) for y in settings)


def _farthest(
    threshold_at: Callable[[tuple[float, ...], float | None], Threshold],
    limits: tuple[tuple[str, float, float], ...],
    asked: _Asked,
) -> tuple[Threshold, tuple[float, ...]]:
    """The parameters of a protocol that survive most noise, by a local search; each threshold it meets is proven."""
    best: list[tuple[float, Threshold, tuple[float, ...]]] = []
    solves = 0

    def loss(point: Sequence[float]) -> float:
        nonlocal solves
        p = tuple(float(min(max(v, low), high)) for v, (_, low, high) in zip(point, limits, strict=True))
        found = threshold_at(p, best[0][1].alive if best else asked.start)
        solves += found.solves
        reach = asked.reach(found.alive)
        if not best or reach > best[0][0]:
            best[:] = [(reach, found, p)]
        return -reach

    if len(limits) == 1:
        _, low, high = limits[0]
        minimize_scalar(lambda v: loss([v]), bounds=(low, high), method="bounded", options={"xatol": ACCURACY})
    else:
        middle = np.array([0.5 * (low + high) for _, low, high in limits])
        size = np.array([high - low for _, low, high in limits])
        simplex = np.vstack([middle, *(middle + 0.3 * size * row for row in np.eye(len(limits)))])
        options = {"xatol": ACCURACY, "fatol": 0.1 * asked.tolerance, "maxfev": 80, "initial_simplex": simplex}
        minimize(loss, middle, method="Nelder-Mead", options=options, bounds=[(low, high) for _, low, high in limits])
    _, found, point = best[0]
    names = tuple((name, value) for (name, _, _), value in zip(limits, point, strict=True))
    return replace(found, solves=solves, found=names), point


# -- devices and tests ----------------------------------------------------------------------------------------------


def _entropy(entropy: Entropy | None, tolerance: float) -> Entropy:
    """The one given; else one that is fast in a sweep, so accurate that it moves no threshold by much."""
    if entropy is None:
        return SweptEntropy(min(max(tolerance, 1e-6), 1e-4))
    if isinstance(entropy, VonNeumann) and entropy.method == "qubit":
        return SweptEntropy(entropy.tolerance)
    return instance(entropy, Entropy, "entropy", "VonNeumann()")


def _devices(ideal: Ideal) -> Callable[[Noise], Behaviour]:
    """The behaviour of the devices under a noise."""
    if isinstance(ideal, SingletSelfTest):
        return lambda noise: ideal.behaviour(noise=noise)
    if isinstance(ideal, Strategy):
        plain = ideal.behaviour()
        return lambda noise: ideal.behaviour(noise) if noise.needs_strategy else noise.on_behaviour(plain)
    if isinstance(ideal, Behaviour):
        return lambda noise: noise.on_behaviour(ideal)
    raise InvalidInput(
        f"the ideal devices must be a SingletSelfTest, a Strategy or a Behaviour, not {type(ideal).__name__} "
        f"{ideal!r:.60}."
    )


def _observer(ideal: Ideal, observed: Tested) -> Callable[[Behaviour], Observations]:
    """What is tested of the noisy devices."""
    if isinstance(observed, BellExpression):
        expression = observed
    elif observed == "bell":
        if not isinstance(ideal, SingletSelfTest):
            raise InvalidInput("observed = 'bell' is the expression of a SingletSelfTest; give the expression itself.")
        expression = ideal.expression
    elif observed == "correlators":
        return Observations.correlators
    elif observed == "full":
        return Observations.full
    elif callable(observed):
        return observed
    else:
        raise InvalidParameter(
            f"observed = {observed!r:.60} must be 'bell', 'correlators', 'full', a BellExpression, or a function that "
            "gives the Observations of a behaviour."
        )
    return lambda behaviour: Observations.bell_value(expression, expression.value(behaviour))


def _key_devices(expression: BellExpression, x: int) -> Behaviour:
    """The singlet at the angles best for the expression, and a third setting of Bob's along Alice's setting x."""
    c = instance(expression, BellExpression, "the expression", "chsh()").coefficients
    found = None
    if expression.scenario == Scenario.bipartite(2, 2) and not c[1:, 0].any() and not c[0, 1:].any():
        found = bell_value_self_test(c[1:, 1:])
    if found is None:
        raise InvalidInput(
            f"{expression!r:.80} is no expression of four correlators whose maximum self-tests the singlet, so that "
            "there are no best angles for it; give the noiseless devices as ideal=..."
        )
    x = expression.scenario.require_setting(0, x, "x")
    correlators = found[1]
    norms = (c[1:, 1:] * correlators).sum(axis=1)
    # Alice's vectors are (c_x0 b_0 + c_x1 b_1) / norm_x, so that b_0 . b_1 follows from a_0 . b_0
    t = (correlators[0, 0] * norms[0] - c[1, 1]) / c[1, 2]
    gram = np.array([[1.0, t], [t, 1.0]])
    between = float(c[1, 1:] @ gram @ c[2, 1:]) / (norms[0] * norms[1])
    third = np.where(np.arange(2) == x, 1.0, between)
    return Behaviour.from_correlators(np.column_stack([correlators, third]))


def _first_guess(ideal: Observations, noise: Observations) -> float | None:
    """Where thresholds of keys are seen to be: some way from the ideal data to where they have a local model.

    None where that visibility is not known at once, 1 where the ideal data are local.
    """
    if len(ideal) == 1:
        expression = BellExpression(ideal.scenario, ideal.coefficients[0])
        start, value = float(noise.values[0]), float(ideal.values[0])
        edge = expression.local_bound if value > start else expression.local_minimum
        local = (edge - start) / (value - start) if value != start else 1.0
    elif ideal.kind in ("correlators", "full") and ideal.scenario == Scenario.bipartite(2, 2):
        table = np.tensordot(ideal.values, ideal.coefficients, axes=(0, 0))[1:, 1:]
        local = 2.0 / max(float(np.abs(table.sum() - 2.0 * table).max()), 2.0)  # with noise CHSH shrinks in proportion
    else:
        return None
    return 1.0 - GUESS * (1.0 - min(max(local, 0.0), 1.0))


def _with_settings(expression: BellExpression, scenario: Scenario) -> BellExpression:
    """The same expression where Bob has further settings."""
    table = np.zeros(scenario.shape)
    rows, columns = expression.coefficients.shape
    if table.shape[0] != rows or table.shape[1] < columns:
        raise InvalidInput(f"an expression of {expression.scenario} cannot be tested by devices of {scenario}.")
    table[:rows, :columns] = expression.coefficients
    return BellExpression(scenario, table, expression.name)
