"""Critical visibilities, detection efficiencies and error rates of protocols."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Unpack

from sdpbound.arguments import floats, with_changes
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import Binning
from sdpbound.bell.channel import BEST, Preprocessing
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import chsh
from sdpbound.bell.noise.dark import with_losses
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.entropies.question import require_channel
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.rates.critical_search import MOST_FLIPS, Asked, Plan, farthest
from sdpbound.rates.devices import Ideal, Tested, devices_of, first_guess, key_devices, observer, with_settings
from sdpbound.rates.options import ErrorRateChanges, SearchChanges, SearchOptions
from sdpbound.rates.thresholds import Threshold

__all__ = ["critical_efficiency", "critical_error_rate", "critical_visibility"]


def critical_visibility(
    ideal: Ideal,
    observed: Tested = "correlators",
    x: int | None = None,
    y: int | None = None,
    options: SearchOptions | None = None,
    **changes: Unpack[SearchChanges],
) -> Threshold:
    """The visibility down to which a rate is proven to survive white noise, and one at which an attack ends it.

    Parameters
    ----------
    ideal : the noiseless devices; :class:`WhiteNoise` is applied to them
    observed : what is tested of the noisy devices: "correlators", "full", one of these without settings such as "full
        without B2", a BellExpression (its value), "bell" (the expression of a SingletSelfTest), or a function from
        Behaviour to Observations
    x, y : settings; None: the best pair, as far as found
    options : which rate, against what else, and how to search, default SearchOptions(); a start is a visibility, and
        the other noise comes after the white one
    changes : single options by their names: rate, entropy, preprocessing, noise, target, tolerance, start, attack,
        closed_forms, tested, postprocessing

    Returns
    -------
    Threshold

    >>> import numpy as np, sdpbound as sb
    >>> t = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
    >>> found = critical_visibility(t, x=0, y=0, tolerance=1e-3)
    >>> 0.90 < found.alive < 0.93, found.alive_rate.value > 0
    (True, True)
    """
    devices, asked = devices_of(ideal), with_changes(options, SearchOptions(), changes, "critical_visibility")

    def noisy(v: float) -> Behaviour:
        white = WhiteNoise(v)
        return devices(white if asked.noise is None else white + asked.noise)

    observe = observer(ideal, observed, asked.tested)
    plan = Plan(noisy, observe, x, y, asked)
    line = Asked("visibility", 1.0, 0.0, asked)
    if asked.start is None:
        guess = plan.guess(line)
        line = line.from_start(first_guess(observe(noisy(1.0)), observe(noisy(0.0))) if guess is None else guess)
    return plan.threshold(line)


def critical_efficiency(
    ideal: Ideal,
    observed: Tested = "full",
    x: int | None = None,
    y: int | None = None,
    options: SearchOptions | None = None,
    *,
    efficiency_b: float | None = None,
    binning: Binning = True,
    **changes: Unpack[SearchChanges],
) -> Threshold:
    """The detection efficiency down to which a rate is proven to survive losses, and one at which an attack ends it.

    Parameters
    ----------
    efficiency_b : of Bob's detectors; None: the same as Alice's, which is varied
    binning : no click is outcome 0; else a further outcome, for which ``observed`` must be "full" or a function. One
        choice for all, or one for each party or setting, as in :class:`DetectionInefficiency`; with ``tested`` it may
        be kept in the key setting alone. With :class:`DarkCounts` in ``noise`` the losses come before these, times
        the efficiencies there, and the binning is that of the dark counts
    options : as in :func:`critical_visibility`; a start is an efficiency, the other noise comes first
    others : as in :func:`critical_visibility`

    Returns
    -------
    Threshold
    """
    devices, asked = devices_of(ideal), with_changes(options, SearchOptions(), changes, "critical_efficiency")

    def noisy(eta: float) -> Behaviour:
        return devices(with_losses(asked.noise, DetectionInefficiency(eta, efficiency_b, binning)))

    plan = Plan(noisy, observer(ideal, observed, asked.tested), x, y, asked)
    line = Asked("detection efficiency", 1.0, 0.0, asked)
    return plan.threshold(line if asked.start is not None else line.from_start(plan.guess(line)))


def critical_error_rate(
    expression: BellExpression | Callable[[float], BellExpression] | None = None,
    observed: Tested = "bell",
    x: int = 0,
    options: SearchOptions | None = None,
    *,
    between: tuple[float, float] = (0.7, 1.3),
    ideal: Behaviour | None = None,
    **changes: Unpack[ErrorRateChanges],
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
    x : Alice's key setting; of no effect with a ``postprocessing`` such as :class:`sdpbound.RandomBasis`, whose key
        settings of Bob are 2, 3, .. then, along those of Alice. :class:`sdpbound.RepetitionCode` and
        :class:`sdpbound.PostSelection` have an x and a y of their own: y = 2 is along Alice's x
    between : limits of the family's parameter
    ideal : other noiseless devices than these, a behaviour of the two settings of Alice and three of Bob
    options : as in :func:`critical_visibility`, default SearchOptions(tolerance=1e-5); of keys, without other noise
    others : as in :func:`critical_visibility`

    Returns
    -------
    Threshold of the error rate: ``alive`` is the last found with a proven positive rate

    Raises
    ------
    InvalidInput
        The expression is none, or a noise or another rate is given.

    >>> import sdpbound as sb
    >>> t = critical_error_rate(sb.chsh(), tolerance=1e-4, entropy=sb.VonNeumann(tolerance=5e-4))
    >>> 0.071 < t.alive < 0.0715
    True
    """
    family = chsh() if expression is None else expression
    search = with_changes(options, SearchOptions(tolerance=1e-5), changes, "critical_error_rate")
    if search.rate != "key" or search.noise is not None:
        raise InvalidInput("an error rate is of keys, and its noise is depolarising: leave rate and noise out.")
    asked = Asked("error rate", 0.0, 0.5, search)

    by = search.postprocessing

    def plan(member: BellExpression) -> Plan:
        devices = key_devices(member, *((x,) if by is None else by.own_settings)) if ideal is None else ideal
        wide = with_settings(member, devices.scenario)
        test: Tested = wide if isinstance(observed, str) and observed == "bell" else observed
        noisy = devices_of(devices)
        own_x, own_y = (x, devices.scenario.settings[1] - 1) if by is None else (None, None)
        return Plan(
            lambda q: noisy(WhiteNoise(1.0 - 2.0 * q)), observer(devices, test, search.tested), own_x, own_y, search
        )

    if isinstance(family, BellExpression):
        return plan(family).threshold(asked)
    if not callable(family):
        raise InvalidInput(f"the expression must be a BellExpression or a function that gives one, not {family!r:.60}.")
    if by is not None:
        raise InvalidInput(
            f"the expression {family!r:.60} is a family, which is not searched with a post-processing; give one of its "
            "members."
        )
    return _best_member(family, plan, asked, between, search.preprocessing)


def _best_member(
    family: Callable[[float], BellExpression],
    plan: Callable[[BellExpression], Plan],
    asked: Asked,
    between: tuple[float, float],
    preprocessing: Preprocessing | str,
) -> Threshold:
    """The threshold of the member that survives most noise, as far as found."""
    limits = floats(between, "between")
    low, high = map(float, limits) if limits.shape == (2,) else (math.nan, math.nan)
    if not low < high:
        raise InvalidParameter(f"between = {between!r:.60} must be the two limits of the family's parameter, rising.")
    parameter: tuple[str, float, float] = ("parameter", low, high)
    ahead: Preprocessing | str
    if preprocessing == BEST:
        found, (best, ahead) = farthest(
            lambda p, begin: plan(family(p[0])).at(p[1], asked.from_start(begin)),
            (parameter, ("preprocessing", 0.0, MOST_FLIPS)),
            asked,
        )
    else:
        ahead = preprocessing if isinstance(preprocessing, str) else require_channel(preprocessing)
        found, (best,) = farthest(
            lambda p, begin: plan(family(p[0])).at(ahead, asked.from_start(begin)), (parameter,), asked
        )
    return plan(family(best)).both_sides(found, ahead, asked)
