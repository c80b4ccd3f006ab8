"""The search for a critical point: what is asked, along which line, and the bracket of its answer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.attacks.options import AttackOptions
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.attacks.qubit_attack import qubit_attack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import BEST, BEST_CHANNEL, Preprocessing, up_and_down
from sdpbound.bell.observations import Observations
from sdpbound.entropies.conditional import named_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.moved import MovedProof
from sdpbound.entropies.qubit_starts import StartedQubits
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.entropies.qubits.method import QubitReduction
from sdpbound.entropies.question import KeyQuestion, require_channel
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import (
    CertificateError,
    Infeasible,
    InvalidInput,
    InvalidShape,
    SolverFailure,
    TimeIsUp,
)
from sdpbound.limiting import go_on, require_time
from sdpbound.rates.any_flips import attack_within, with_key_tested
from sdpbound.rates.bracket import Along
from sdpbound.rates.correction import choices, error_correction
from sdpbound.rates.guess import guessed_end
from sdpbound.rates.options import LineOptions, SearchOptions
from sdpbound.rates.postprocessing.postprocessing import PostProcessing, require_none
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import key_rate, randomness_rate
from sdpbound.rates.thresholds import LATE, Threshold, end_along, with_dead_end
from sdpbound.rates.upper import (
    key_rate_under,
    key_rate_under_any,
    key_rate_upper_bound,
    randomness_rate_upper_bound,
)

__all__ = [
    "ACCURACY",
    "ATTACK",
    "MOST_FLIPS",
    "Asked",
    "Line",
    "Plan",
    "entropy_of",
    "farthest",
]


#: How far parameters that are searched for are from the best ones, about.
ACCURACY = 0.01
#: Most flips that are searched: rates fall with the square of 1 - 2q, and no solver resolves them nearer to 1/2.
MOST_FLIPS = 0.49
#: Bits within which attacks are the best ones.
ATTACK = 1e-5
#: Multipliers in bits above which the best strategies are those of the boundary alone, and lead to no others.
STEEPEST = 100.0
#: How often the entropy's tolerance is divided by ten where alive and dead are too far apart, and the least of them.
FINER, LEAST_TOLERANCE = 3, 1e-6


# -- protocols along a line of noise --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The options of a threshold that do not depend on the protocol."""

    quantity: str
    alive: float
    dead: float
    options: LineOptions

    def from_start(self, start: float | None) -> Asked:
        """The same, begun elsewhere."""
        return replace(self, options=replace(self.options, start=start))

    def reach(self, alive: float | None) -> float:
        """How far from the noiseless end, as a part of the interval; negative if nothing is alive."""
        return -1.0 if alive is None else abs(alive - self.alive) / abs(self.dead - self.alive)


@dataclass(frozen=True)
class Plan:
    """A protocol whose devices depend on one number; settings and preprocessing may be left to be found."""

    behaviour_of: Callable[[float], Behaviour]
    observe: Callable[[Behaviour], Observations]
    x: int | None
    y: int | None
    options: SearchOptions

    def __post_init__(self) -> None:
        if self.kind == "local randomness" and self.y is not None:
            raise InvalidInput("local randomness is of Alice's outcome alone: leave y out.")
        entropy_of(self.options)

    @property
    def kind(self) -> str:
        """Which rate it is."""
        return self.options.rate

    @cached_property
    def entropy(self) -> Entropy:
        """One for all points: it may keep what it found at others."""
        return entropy_of(self.options)

    def threshold(self, asked: Asked) -> Threshold:
        """The threshold, with the best preprocessing if that is asked for."""
        if self.options.postprocessing is not None:
            return self._processed(self.options.postprocessing, asked)
        preprocessing = self.options.preprocessing
        if not isinstance(preprocessing, str):
            q = require_channel(preprocessing)
            return self.both_sides(self.at(q, asked), q, asked)
        if preprocessing == BEST_CHANNEL:
            return self.both_sides(self.at(preprocessing, asked), preprocessing, asked)
        found, (q,) = farthest(
            lambda p, begin: self.at(p[0], asked.from_start(begin)), (("preprocessing", 0.0, MOST_FLIPS),), asked
        )
        return self.both_sides(found, q, asked)

    def _processed(self, by: PostProcessing, asked: Asked) -> Threshold:
        """The threshold with a post-processing, which says itself what the settings are."""
        require_none(by, (self.x, self.y))

        def rate_of(entropy: Entropy) -> Callable[[float], Rate]:
            def rate(value: float) -> Rate:
                behaviour = self.behaviour_of(value)
                return key_rate(behaviour, self.observe(behaviour), entropy=entropy, postprocessing=by)

            return rate

        def predict(rate: Rate, value: float) -> float:
            behaviour = self.behaviour_of(value)
            return (rate.postprocessing or by).at(rate.entropy, behaviour, self.observe(behaviour))

        found = end_along(Along(rate_of(self.entropy), predict), asked.alive, asked.dead, asked.quantity, asked.options)
        if not self.options.attack:
            return found
        fixed = (found.alive_rate and found.alive_rate.postprocessing) or by

        def attacked(value: float) -> Rate | None:
            behaviour = self.behaviour_of(value)
            rate = key_rate_upper_bound(behaviour, self.observe(behaviour), postprocessing=fixed)
            return rate if rate.exact else None

        ends = (asked.alive, asked.dead)
        return with_dead_end(found, attacked, ends, asked.options.tolerance, [rate_of(e) for e in self._entropies()])

    def _entropies(self) -> list[Entropy]:
        """The entropy, and the same with more and more accuracy."""
        found = [self.entropy]
        for _ in range(FINER):
            sharper = _sharper(found[-1])
            if sharper is None:
                break
            found.append(sharper)
        return found

    def both_sides(self, found: Threshold, preprocessing: Preprocessing | str, asked: Asked) -> Threshold:
        """With the place past the last point alive where an attack proves that no pair of settings gives more."""
        if self.options.attack:
            searched = self.options.preprocessing  # attacks must leave no key with any, if the best ones are asked for
            ahead = searched if isinstance(searched, str) else preprocessing
            found = with_dead_end(
                found,
                lambda value: self.under_attack(value, ahead, found),
                (asked.alive, asked.dead),
                asked.options.tolerance,
                [line.rate for line in self.finer(preprocessing, found)],
            )
        if preprocessing != BEST_CHANNEL or found.alive_rate is None:
            return found
        ends = zip(("p0", "p1"), up_and_down(found.alive_rate.preprocessing), strict=True)
        return replace(found, found=(*found.found, *ends))

    def under_attack(self, value: float, preprocessing: Preprocessing | str, found: Threshold) -> Rate | None:
        """The rate of all pairs of settings under attacks, which begin from what is known at the last point alive.

        ``preprocessing`` "best" or "best channel": with whatever flips, or whatever channel.
        """
        behaviour = self.behaviour_of(value)
        data = self.observe(behaviour)
        if self.kind != "key":
            local = self.kind == "local randomness"
            rate = randomness_rate_upper_bound(behaviour, data, local, self.x, self.y, tolerance=ATTACK)
            return rate if rate.exact else None
        pairs = list(itertools.product(choices(behaviour, 0, self.x, "x"), choices(behaviour, 1, self.y, "y")))
        if isinstance(preprocessing, str):
            channels = preprocessing != BEST
            if channels:
                data = with_key_tested(behaviour, data, pairs)

            def attacked(x: int, flips: Preprocessing, bits: float) -> EntropyAttack:
                return attack_within(data, x, flips, bits, AttackOptions(tolerance=ATTACK))

            rate = key_rate_under_any(behaviour, data, pairs, attacked, channels=channels)
            return rate if rate.exact else None
        flips, near = preprocessing, None if found.alive_rate is None else found.alive_rate.entropy
        start = near.optimum if isinstance(near, QubitEntropyBound) else None
        if start is not None and np.abs(start.multipliers).max(initial=0.0) > STEEPEST:
            start = None

        def attack_of(x: int, leak: float) -> EntropyAttack:
            question = KeyQuestion(data, x, None, preprocessing=flips).of_entropy()
            attack = qubit_attack(question, ATTACK, start, leak + self.options.target) if start is not None else None
            if attack is not None:
                return attack
            return conditional_entropy_upper_bound(data, x, None, flips, tolerance=ATTACK)

        rate = key_rate_under(behaviour, data, pairs, flips, attack_of)
        return rate if rate.exact else None

    def finer(self, preprocessing: Preprocessing | str, found: Threshold) -> list[Line]:
        """The line of the threshold found, with entropies of more and more accuracy."""
        if found.alive_rate is None:
            return []
        x, y = found.alive_rate.settings[:2]
        finer = self._entropies()[1:]
        plans = [self, *(replace(self, options=replace(self.options, entropy=e)) for e in finer)]
        return [Line(plan, x or 0, self.y if self.kind == "key" else y, preprocessing) for plan in plans]

    def guess(self, asked: Asked) -> float | None:
        """Where the key ends, about; None where nothing is known at once of such data."""
        if self.kind != "key" or self.observe(self.behaviour_of(asked.alive)).kind not in ("correlators", "full"):
            return None
        given = self.options.preprocessing
        flips = float(given) if isinstance(given, (int, float)) else 0.0
        ends = (asked.alive, asked.dead)
        return guessed_end(self.behaviour_of, ends, self.x, self.y, flips, asked.options.target)

    def at(self, preprocessing: Preprocessing | str, asked: Asked) -> Threshold:
        """The threshold of the best pair of settings. A pair that is dead at the best one so far is left."""
        scenario = self.behaviour_of(asked.alive).scenario
        if scenario.parties != 2:
            raise InvalidShape(
                f"thresholds are for two parties, not {scenario}; take key_rate(..., settings=...) at several values "
                "of the noise."
            )
        xs = range(scenario.settings[0]) if self.x is None else [scenario.require_setting(0, self.x, "x")]
        ys: Sequence[int | None] = [None] if self.y is None else [scenario.require_setting(1, self.y, "y")]
        if self.kind == "global randomness" and self.y is None:
            ys = range(scenario.settings[1])
        lines = [Line(self, x, y, preprocessing) for x, y in itertools.product(xs, ys)]
        best = lines[0].threshold(asked, asked.options.start)
        solves = best.solves
        for line in lines[1:]:
            if not go_on():
                best = replace(best, open=LATE)
                break
            start = asked.options.start
            if best.alive is not None:
                start = best.alive
                solves += 1
                try:
                    if line.rate(start).value <= asked.options.target:
                        continue
                except (Infeasible, SolverFailure):
                    continue
            try:
                other = line.threshold(asked, start)
            except TimeIsUp:
                best = replace(best, open=LATE)
                break
            solves += other.solves
            if asked.reach(other.alive) > asked.reach(best.alive):
                best = other
        return replace(best, solves=solves)


@dataclass(frozen=True)
class Line:
    """A plan with its settings and preprocessing."""

    plan: Plan
    x: int
    y: int | None
    preprocessing: Preprocessing | str

    def threshold(self, asked: Asked, start: float | None) -> Threshold:
        """Where the rate falls to the target, searched from a start."""
        along = Along(self.rate, self.predict, self.moved)
        return end_along(along, asked.alive, asked.dead, asked.quantity, replace(asked.options, start=start))

    def rate(self, value: float, preprocessing: Preprocessing | None = None) -> Rate:
        """The rate at a value; with another preprocessing than that of the line, if one is given."""
        ahead = self.preprocessing if preprocessing is None else preprocessing
        plan, behaviour = self.plan, self.plan.behaviour_of(value)
        data = plan.observe(behaviour)
        proofs = plan.options.closed_forms
        if plan.kind == "key":
            return key_rate(behaviour, data, self.x, self.y, plan.entropy, ahead, closed_forms=proofs)
        local = plan.kind == "local randomness"
        return randomness_rate(behaviour, data, local, self.x, self.y, plan.entropy, closed_forms=proofs)

    def predict(self, rate: Rate, value: float) -> float:
        """The functional of a solved point at another value of the noise, less the exact error correction there."""
        try:
            functional = rate.entropy.functional
        except CertificateError:
            return -math.inf  # a self-test says nothing of other data
        behaviour = self.plan.behaviour_of(value)
        data = self.plan.observe(behaviour)
        if self.plan.kind == "key":
            data = self.plan.entropy.tested(data)
        entropy = functional.at(data.values) - float(np.abs(functional.multipliers) @ data.tolerances)
        return entropy - self.leak(behaviour, rate.preprocessing)

    def moved(self, rate: Rate, value: float) -> Rate | None:
        """The rate at another value that the proof of a solved point gives; None for proofs of one number only."""
        if not isinstance(rate.entropy, QubitEntropyBound):
            return None
        proof = MovedProof(rate.entropy, self.plan.entropy)
        plan = replace(self.plan, options=replace(self.plan.options, entropy=proof))
        try:
            return replace(self, plan=plan).rate(value, rate.preprocessing)
        except InvalidInput:
            return None

    def leak(self, behaviour: Behaviour, preprocessing: Preprocessing) -> float:
        if self.plan.kind != "key":
            return 0.0
        settings = range(behaviour.scenario.settings[1]) if self.y is None else [self.y]
        return min(error_correction(behaviour, self.x, y, preprocessing) for y in settings)


def farthest(
    threshold_at: Callable[[tuple[float, ...], float | None], Threshold],
    limits: tuple[tuple[str, float, float], ...],
    asked: Asked,
) -> tuple[Threshold, tuple[float, ...]]:
    """The parameters of a protocol that survive most noise, by a local search; each threshold it meets is proven."""
    best: list[tuple[float, Threshold, tuple[float, ...]]] = []
    solves = 0

    def loss(point: Sequence[float]) -> float:
        nonlocal solves
        if best:
            require_time()
        p = tuple(float(min(max(v, low), high)) for v, (_, low, high) in zip(point, limits, strict=True))
        found = threshold_at(p, best[0][1].alive if best else asked.options.start)
        solves += found.solves
        reach = asked.reach(found.alive)
        if not best or reach > best[0][0]:
            best[:] = [(reach, found, p)]
        return -reach

    late = ""
    try:
        _search(loss, limits, asked)
    except TimeIsUp:  # the best one so far is proven
        if not best:
            raise
        late = LATE
    _, found, point = best[0]
    names = tuple((name, value) for (name, _, _), value in zip(limits, point, strict=True))
    return replace(found, solves=solves, found=names, open=found.open or late), point


def _search(
    loss: Callable[[Sequence[float]], float], limits: tuple[tuple[str, float, float], ...], asked: Asked
) -> None:
    """Minimise a function of one parameter or of several, within their limits."""
    if len(limits) == 1:
        _, low, high = limits[0]
        minimize_scalar(lambda v: loss([v]), bounds=(low, high), method="bounded", options={"xatol": ACCURACY})
        return
    middle = np.array([0.5 * (low + high) for _, low, high in limits])
    size = np.array([high - low for _, low, high in limits])
    simplex = np.vstack([middle, *(middle + 0.3 * size * row for row in np.eye(len(limits)))])
    options = {"xatol": ACCURACY, "fatol": 0.1 * asked.options.tolerance, "maxfev": 80, "initial_simplex": simplex}
    minimize(loss, middle, method="Nelder-Mead", options=options, bounds=[(low, high) for _, low, high in limits])


# -- entropies ------------------------------------------------------------------------------------------------------


def entropy_of(options: SearchOptions) -> Entropy:
    """The one given; else one that is fast in a sweep, so accurate that it moves no threshold by much."""
    if options.entropy is None:
        return SweptEntropy(min(max(options.tolerance, 1e-6), 1e-4))
    found = named_entropy(options.entropy).swept()
    return StartedQubits(found.tolerance) if isinstance(found, QubitReduction) else found


def _sharper(entropy: Entropy) -> Entropy | None:
    """The method with a tenth of its tolerance; None where it has no use for that."""
    if isinstance(entropy, StartedQubits) and entropy.tolerance > LEAST_TOLERANCE:
        return StartedQubits(0.1 * entropy.tolerance)
    if isinstance(entropy, SweptEntropy) and entropy.otherwise is None and entropy.tolerance > LEAST_TOLERANCE:
        return SweptEntropy(0.1 * entropy.tolerance)
    return None
