"""Critical visibilities and efficiencies of a study: noise where a key is proven, and where an attack leaves none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sdpbound.bounds import Bound
from sdpbound.critical_points import critical_efficiency, critical_visibility
from sdpbound.merits.conditional_entropy import VonNeumann
from sdpbound.study.noises import Imperfections
from sdpbound.study.questions import BEST
from sdpbound.study.spec import Quantity
from sdpbound.study.tasks import Point, Row, Task
from sdpbound.thresholds import Threshold

__all__ = ["NONE", "at_noise", "critical_row"]

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
        point.member,
        task.observed,
        x,
        y,
        entropy=method,
        preprocessing=quantity.preprocessing or 0.0,
        noise=None if trivial else (task.noise or Imperfections()).noise(rest),
        tolerance=quantity.width,
        closed_forms=False,
    )


def _flips(found: Threshold, quantity: Quantity) -> float:
    """The preprocessing of what was found."""
    if quantity.preprocessing == BEST:
        return dict(found.found).get("preprocessing", 0.0)
    return quantity.preprocessing or 0.0
