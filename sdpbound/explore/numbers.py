"""The numbers of a point: estimates at once, and then each one proven, the quick ones first.

An estimate has no side, and the page shows it with a sign of its own. Where a family, or the library, has a closed form
or an exact program that takes milliseconds, there is no estimate before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from sdpbound.adversaries.local import Local
from sdpbound.adversaries.nosignaling import NoSignaling
from sdpbound.attacks.options import AttackOptions
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.bounds.bell_value import maximize
from sdpbound.bounds.estimates import estimated_guess
from sdpbound.bounds.guessing import guessing_probability
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.errors import SdpboundError
from sdpbound.explore.point import Point
from sdpbound.explore.slices import chsh_signs
from sdpbound.explore.values import Number
from sdpbound.limiting import limits
from sdpbound.rates.correction import error_correction
from sdpbound.rates.critical import critical_efficiency, critical_visibility
from sdpbound.rates.options import SearchOptions
from sdpbound.rates.rates import key_rate, randomness_rate
from sdpbound.rates.thresholds import Threshold
from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound
from sdpbound.strategies.estimates import Qubits

__all__ = ["ACCURACY", "ATTACK", "Estimates", "certified", "exact"]

#: Bits to which entropies are bounded, and attacks improved; visibility to which ends are found.
ACCURACY, ATTACK, RESOLUTION = 1e-3, 1e-4, 2e-3
#: Seconds that a proof may take.
_SECONDS = 10.0


def exact(point: Point) -> dict[str, Number]:
    """What has a closed form: CHSH and Bell values with their maxima, error correction."""
    found = {"error_correction": Number(_correction(point), "exact")}
    member, behaviour = point.member, point.behaviour
    if member.expression is not None:
        found["bell"] = Number(float(member.expression.value(behaviour)), "exact")
        for name, bound in (("bell_local", member.local_bound), ("bell_quantum", member.quantum_bound)):
            if bound is not None:
                found[name] = Number(bound, "exact")
    if point.is_small:
        found["chsh"] = Number(behaviour.chsh, "exact")
        found["bell_dead"] = _end_of_violation(point)
        found["bell_lost"] = _end_of_violation_by_losses(point)
    return found


@dataclass(eq=False)
class Estimates:
    """Numbers within milliseconds, without proof: each search begins where the one before it ended."""

    _searches: dict[str, Qubits] = field(default_factory=dict)

    def of(self, point: Point, known: Mapping[str, Number]) -> dict[str, Number]:
        """Guessing probability and rates; none but of two settings with two outcomes.

        Parameters
        ----------
        known : what :func:`exact` gives
        """
        if not point.is_small:
            return {}
        tests = point.data
        guess = estimated_guess(tests.scenario, point.level, point.key[0], None, tests.coefficients, tests.values)
        found = {} if guess is None else {"guess_quantum": Number(guess, "estimate")}
        flips = 0.0 if point.flips == "best" else float(point.flips)
        key = self._entropy("key", point, (point.key[0], None), flips)
        both = self._entropy("random", point, point.random, 0.0)
        same = flips == 0.0 and point.random[0] == point.key[0]
        local = key if same else self._entropy("local", point, (point.random[0], None), 0.0)
        if key is not None:
            found["key_low"] = Number(key - (known["error_correction"].value or 0.0), "estimate")
        for name, value in (("random_low", both), ("local_low", local)):
            if value is not None:
                found[name] = Number(value, "estimate")
        return found

    def _entropy(self, name: str, point: Point, key: tuple[int, int | None], flips: float) -> float | None:
        search = self._searches.setdefault(f"{name} {point.state.family} {point.state.observed}", Qubits(1e-4))
        try:
            value = search.estimate(point.data, key, (flips,), False).value
        except SdpboundError:
            return None
        return value if math.isfinite(value) else None


def _correction(point: Point) -> float:
    flips = 0.0 if point.flips == "best" else float(point.flips)
    return error_correction(point.behaviour, *point.key, preprocessing=flips)


def _end_of_violation(point: Point) -> Number:
    """The visibility at which the CHSH value that is violated without white noise falls to 2; losses as they are.

    Correlators are affine in the visibility, and so is each CHSH value. At most one of them exceeds 2.
    """
    ideal, noise = (_with_white_noise(point, visibility).correlators.reshape(4) for visibility in (1.0, 0.0))
    signs = chsh_signs(ideal)
    high, low = float(signs @ ideal), float(signs @ noise)
    if high <= 2.0 + 1e-12:
        return Number(None, "none", "there is no violation at any visibility")
    return Number((2.0 - low) / (high - low), "exact")


def _end_of_violation_by_losses(point: Point) -> Number:
    """The efficiency of all detectors at which the CHSH value falls to 2; white noise as it is.

    What is lost leaves local correlations, so that only the CHSH value that is violated without losses can exceed 2. It
    is a polynomial of degree two in the efficiency, at most 2 where nothing is detected.
    """
    white = _with_white_noise(point, point.visibility, lossless=True)
    signs = chsh_signs(white.correlators.reshape(4))
    at = []
    for efficiency in (0.0, 0.5, 1.0):
        lossy = DetectionInefficiency(efficiency, efficiency).on_behaviour(white)
        at.append(float(signs @ lossy.correlators.reshape(4)) - 2.0)
    if at[2] <= 1e-12:
        return Number(None, "none", "there is no violation at any efficiency")
    square = 2.0 * (at[0] - 2.0 * at[1] + at[2])
    roots = np.roots([square, at[2] - at[0] - square, at[0]])
    inside = [float(r.real) for r in roots if abs(r.imag) < 1e-9 and r.real < 1.0]
    return Number(max(0.0, *inside) if inside else 0.0, "exact")


def _with_white_noise(point: Point, visibility: float, lossless: bool = False) -> Behaviour:
    white = WhiteNoise(visibility)
    return point.member.behaviour(noise=white if lossless or point.lossy is None else white + point.lossy)


# -- proven ---------------------------------------------------------------------------------------------------------


def certified(point: Point) -> Iterator[tuple[str, Number]]:
    """Each number of a point with its proof, the quick ones first.

    A number that cannot be had is there with the reason. The caller may stop between two numbers, and by interrupting
    the limits of its block.
    """
    for name, make in _parts(point):
        yield name, _tried(make)
    if point.is_small:
        yield from _thresholds(point)


def _parts(point: Point) -> Iterator[tuple[str, Callable[[], Number]]]:
    x, y = point.key
    data, behaviour, expression = point.data, point.behaviour, point.member.expression
    # two settings and outcomes need no level: pairs of qubits are enough there
    entropy = VonNeumann(level=None if point.is_small else point.state.level, tolerance=ACCURACY)
    attack = AttackOptions(tolerance=ATTACK)
    u, v = point.random
    if expression is not None:
        if point.member.local_bound is None:
            yield "bell_local", lambda: Number(maximize(expression, Local()).value, "upper")
        if point.member.quantum_bound is None:
            yield "bell_quantum", lambda: Number(maximize(expression, point.level).value, "upper")
        yield "bell_no_signaling", lambda: Number(maximize(expression, NoSignaling()).value, "upper")
    yield "guess_no_signaling", lambda: Number(guessing_probability(data, NoSignaling(), x=x).value, "upper")
    yield "guess_quantum", lambda: Number(guessing_probability(data, point.level, x=x).value, "upper")

    def key_low() -> Number:
        rate = key_rate(behaviour, data, x, y, entropy, point.flips)
        return Number(rate.value, "lower", f"flips {rate.preprocessing:.4g}" if point.flips == "best" else "")

    yield "key_low", key_low
    yield (
        "key_high",
        lambda: Number(
            key_rate_upper_bound(behaviour, data, x, y, preprocessing=point.flips, options=attack).value, "upper"
        ),
    )
    yield "random_low", lambda: Number(randomness_rate(behaviour, data, False, u, v, entropy).value, "lower")
    yield (
        "random_high",
        lambda: Number(randomness_rate_upper_bound(behaviour, data, False, u, v, options=attack).value, "upper"),
    )
    yield "local_low", lambda: Number(randomness_rate(behaviour, data, True, u, None, entropy).value, "lower")
    yield (
        "local_high",
        lambda: Number(randomness_rate_upper_bound(behaviour, data, True, u, options=attack).value, "upper"),
    )


def _tried(make: Callable[[], Number]) -> Number:
    try:
        with limits(_SECONDS):
            return make()
    except SdpboundError as error:
        return Number(None, "none", str(error))


def _thresholds(point: Point) -> Iterator[tuple[str, Number]]:
    """Where key and randomness end, from both sides: as the visibility falls, and as the efficiency does.

    The other noise is as it is.
    """

    def search(rate: str, losses: bool) -> Threshold:
        white = None if point.visibility == 1.0 else WhiteNoise(point.visibility)
        settings = point.key if rate == "key" else point.random
        options = SearchOptions(
            rate=rate,
            noise=white if losses else point.lossy,
            preprocessing=point.flips if rate == "key" else 0.0,
            tolerance=RESOLUTION,
        )
        end = critical_efficiency if losses else critical_visibility
        return end(point.ideal, point.tested, *settings, options)

    rates = {"key": "key", "random": "global randomness"}
    for name, losses in (("key", False), ("random", False), ("key", True), ("random", True)):
        try:
            with limits(_SECONDS):
                found = search(rates[name], losses)
        except SdpboundError as error:
            alive = dead = Number(None, "none", str(error))
        else:
            alive = Number(found.alive, "upper") if found.alive is not None else Number(None, "none", "none was found")
            dead = Number(found.dead, "lower") if found.dead is not None else Number(None, "none", found.open)
        yield f"{name}_{'kept' if losses else 'alive'}", alive
        yield f"{name}_{'lost' if losses else 'dead'}", dead
