"""Critical visibilities, detection efficiencies and error rates of protocols."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from sdpbound.arguments import floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import chsh
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.question import require_preprocessing
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.critical_search import (
    MOST_FLIPS,
    Asked,
    Ideal,
    Plan,
    Tested,
    devices_of,
    entropy_of,
    farthest,
    first_guess,
    key_devices,
    observer,
    with_settings,
)
from sdpbound.rates.thresholds import Threshold

__all__ = ["critical_efficiency", "critical_error_rate", "critical_visibility"]


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
    devices = devices_of(ideal)

    def noisy(v: float) -> Behaviour:
        white = WhiteNoise(v)
        return devices(white if noise is None else white + noise)

    observe = observer(ideal, observed)
    plan = Plan(noisy, observe, rate, x, y, entropy_of(entropy, tolerance), attack, closed_forms)
    begin = first_guess(observe(noisy(1.0)), observe(noisy(0.0))) if start is None else start
    return plan.threshold(preprocessing, Asked("visibility", 1.0, 0.0, target, tolerance, begin))


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
    devices = devices_of(ideal)

    def noisy(eta: float) -> Behaviour:
        lossy = DetectionInefficiency(eta, efficiency_b, binning)
        return devices(lossy if noise is None else noise + lossy)

    plan = Plan(noisy, observer(ideal, observed), rate, x, y, entropy_of(entropy, tolerance), attack, closed_forms)
    return plan.threshold(preprocessing, Asked("detection efficiency", 1.0, 0.0, target, tolerance, start))


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
    asked = Asked("error rate", 0.0, 0.5, target, tolerance, start)

    def plan(member: BellExpression) -> Plan:
        devices = key_devices(member, x) if ideal is None else ideal
        wide = with_settings(member, devices.scenario)
        test: Tested = wide if isinstance(observed, str) and observed == "bell" else observed
        noisy = devices_of(devices)
        y = devices.scenario.settings[1] - 1
        how = entropy_of(entropy, tolerance)
        observe = observer(devices, test)
        return Plan(lambda q: noisy(WhiteNoise(1.0 - 2.0 * q)), observe, "key", x, y, how, attack, closed_forms)

    if isinstance(family, BellExpression):
        return plan(family).threshold(preprocessing, asked)
    if not callable(family):
        raise InvalidInput(f"the expression must be a BellExpression or a function that gives one, not {family!r:.60}.")
    limits = floats(between, "between")
    low, high = map(float, limits) if limits.shape == (2,) else (math.nan, math.nan)
    if not low < high:
        raise InvalidParameter(f"between = {between!r:.60} must be the two limits of the family's parameter, rising.")
    if preprocessing == "best":
        found, (best, flips) = farthest(
            lambda p, begin: plan(family(p[0])).at(p[1], replace(asked, start=begin)),
            (("parameter", low, high), ("preprocessing", 0.0, MOST_FLIPS)),
            asked,
        )
    else:
        flips = require_preprocessing(preprocessing)
        found, (best,) = farthest(
            lambda p, begin: plan(family(p[0])).at(flips, replace(asked, start=begin)),
            (("parameter", low, high),),
            asked,
        )
    return plan(family(best)).both_sides(found, flips, asked)
