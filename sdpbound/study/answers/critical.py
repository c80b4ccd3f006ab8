"""Critical visibilities and efficiencies of a study: noise where a key is proven, and where an attack leaves none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scipy.optimize import brentq

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.rates.critical import critical_efficiency, critical_visibility
from sdpbound.rates.thresholds import Threshold
from sdpbound.study.answers.blank import beyond_local, observations
from sdpbound.study.file.noises import Imperfections
from sdpbound.study.file.questions import BEST
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.tables.columns import Row

__all__ = ["NONE", "at_noise", "critical_row"]

#: Part of the way to local data at which the search begins.
PART = 0.15
#: The status of a row without a value, since no key was found even without the noise.
NONE = "no key"


def at_noise(task: Task, driven: str, value: float) -> Task:
    """The task of a critical value at a value of its noise."""
    what = task.noise or Imperfections()
    if driven == "visibility":
        return replace(task, visibility=value, noise=what)
    return replace(task, noise=replace(what, efficiency=value))


def critical_row(
    task: Task, point: Point, quantity: Quantity, method: VonNeumann, kept: Callable[[Bound], str | None]
) -> Row:
    """What is found of a critical value: columns of its row; ``kept`` gives the name of a bound's certificate.

    The value is the last at which a key is proven, ``dead`` the first past it at which an explicit attack is proven to
    leave none; between the two nothing is proven.
    """
    found = _threshold(task, point, quantity, method)
    row: Row = {"method": "certified", "preprocessing": _flips(found, quantity)}
    if found.dead is not None and found.dead_rate is not None:
        row |= {"dead": found.dead, "dead_certificate": kept(found.dead_rate.entropy)}
    if found.alive is None or found.alive_rate is None:
        return row | {"method": None, "status": NONE, "error": "no key is proven, even without this noise."}
    rate = found.alive_rate
    return row | {
        "value": found.alive,
        "entropy": rate.entropy.value,
        "error_correction": rate.error_correction,
        "security": rate.security,
        "solver": rate.entropy.solver,
        "status": rate.entropy.status,
        "certificate": kept(rate.entropy),
    }


def _threshold(task: Task, point: Point, quantity: Quantity, method: VonNeumann) -> Threshold:
    x, y = quantity.settings
    assert task.observed is not None
    critical = critical_visibility if quantity.kind.driven == "visibility" else critical_efficiency
    rest = 1.0 if task.visibility is None else task.visibility
    trivial = task.noise is None and rest == 1.0
    return critical(
        _ideal(point),
        point.member.expression or task.observed if task.observed == "bell" else task.observed,
        x,
        y,
        entropy=method,
        preprocessing=quantity.preprocessing or 0.0,
        noise=None if trivial else (task.noise or Imperfections()).noise(rest),
        tolerance=quantity.width,
        start=_start(task, point, quantity.kind.driven),
        closed_forms=False,
    )


def _ideal(point: Point) -> SingletSelfTest | Strategy | Behaviour:
    """The devices without noise."""
    return point.singlet or point.member.strategy or point.member.behaviour()


def _start(task: Task, point: Point, driven: str) -> float | None:
    """Where to begin: a part of the way from no noise to where the tested data are local; None if they always are.

    Near the noiseless end functionals are steep and say little of the rest of the line.
    """
    if task.observed != "bell" and point.member.chsh is None:
        return None

    def excess(value: float) -> float:
        behaviour, _ = observations(at_noise(task, driven, value), point)
        return beyond_local(point, behaviour) if task.observed == "bell" else behaviour.chsh - 2.0

    high, low = 1.0, 1.0
    if excess(high) <= 0.0:
        return None
    for power in range(40, 0, -1):  # the way to the nearest local data, from short to long
        high, low = low, 1.0 - 0.5**power
        if excess(low) <= 0.0:
            return 1.0 - PART * (1.0 - float(brentq(excess, low, high, xtol=1e-12)))
    return None


def _flips(found: Threshold, quantity: Quantity) -> float:
    """The preprocessing of what was found."""
    if quantity.preprocessing == BEST:
        return dict(found.found).get("preprocessing", 0.0)
    return quantity.preprocessing or 0.0
