"""What a row says before anything is solved: the point, the noise, what is tested and asked."""

from __future__ import annotations

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.study.file.noises import noise_columns
from sdpbound.study.file.questions import BEST
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.tables.columns import STORED, Row

__all__ = ["blank", "observations"]


def observations(task: Task, point: Point) -> tuple[Behaviour, Observations]:
    """The behaviour of a task at a point, and what is tested of it."""
    assert task.visibility is not None
    member = point.member
    if task.noise is None:
        behaviour = member.behaviour(task.visibility)
    else:
        behaviour = member.behaviour(noise=task.noise.noise(task.visibility))
    if task.observed == "bell":
        return behaviour, Observations.bell_value(member.expression, member.expression.value(behaviour))
    if task.observed == "correlators":
        return behaviour, Observations.correlators(behaviour)
    return behaviour, Observations.full(behaviour)


def blank(task: Task, point: Point, quantity: Quantity) -> Row:
    """The row of a quantity at a point with all that does not have to be solved for."""
    chsh = point.member.chsh
    row: Row = dict.fromkeys(STORED)  # type: ignore[assignment]
    row |= {
        "theta": point.theta,
        "phi": point.phi,
        "omega": point.omega,
        "chsh_ideal": chsh,
        "visibility": task.visibility,
        "chsh_observed": _chsh(task, point, chsh),
        "observed": task.observed,
        "quantity": quantity.name,
        "x": quantity.x,
        "y": quantity.y,
        "side": quantity.side,
        "options": quantity.options,
        "rounds": quantity.rounds,
        **noise_columns(task.visibility, task.noise, quantity.kind.driven),
    }
    if task.adversary is not None:
        row["model"] = task.adversary.model
        if quantity.group in ("data", "expression"):
            row["level"] = task.model.label or None
    if "preprocessing" in quantity.kind.keys and quantity.group != "data" and quantity.preprocessing != BEST:
        row["preprocessing"] = quantity.preprocessing or 0.0
    return row


def _chsh(task: Task, point: Point, ideal: float) -> float | None:
    """The largest CHSH value with the noise."""
    if task.visibility is None or task.group == "threshold":
        return None
    return task.visibility * ideal if task.noise is None else observations(task, point)[0].chsh
