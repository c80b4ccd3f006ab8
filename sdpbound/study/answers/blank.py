"""What a row says before anything is solved: the point, the noise, what is tested and asked."""

from __future__ import annotations

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.errors import InvalidInput
from sdpbound.study.file.noises import noise_columns
from sdpbound.study.file.questions import BEST
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.tables.columns import ANGLES, STORED, Row

__all__ = ["beyond_local", "blank", "expression_of", "noisy_chsh", "observations"]


def observations(task: Task, point: Point) -> tuple[Behaviour, Observations]:
    """The behaviour of a task at a point, and what is tested of it."""
    assert task.visibility is not None
    member = point.member
    if task.noise is None:
        behaviour = member.behaviour(task.visibility)
    else:
        behaviour = member.behaviour(noise=task.noise.noise(task.visibility))
    if task.observed == "bell":
        expression = expression_of(point)
        return behaviour, Observations.bell_value(expression, expression.value(behaviour))
    if task.observed == "correlators":
        return behaviour, Observations.correlators(behaviour)
    return behaviour, Observations.full(behaviour)


def expression_of(point: Point) -> BellExpression:
    """The Bell expression of a point; raises InvalidInput if it has none."""
    found = point.member.expression
    if found is None:
        raise InvalidInput(f"{point.member.title} has no Bell expression; test correlators or full.")
    return found


def beyond_local(point: Point, behaviour: Behaviour) -> float:
    """By how much the Bell value of a behaviour is above the local maximum or below the local minimum."""
    expression, most = expression_of(point), point.member.local_bound
    if point.singlet is not None:  # the local minimum is the negative of the maximum
        return abs(expression.value(behaviour)) - point.singlet.local_bound
    value = expression.value(behaviour)
    return max(value - (expression.local_bound if most is None else most), expression.local_minimum - value)


def blank(task: Task, point: Point, quantity: Quantity) -> Row:
    """The row of a quantity at a point with all that does not have to be solved for."""
    chsh = point.member.chsh
    row: Row = dict.fromkeys(STORED)  # type: ignore[assignment]
    row |= {name: value for name, value in point.values.items() if name in ANGLES}
    row |= {
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


def _chsh(task: Task, point: Point, ideal: float | None) -> float | None:
    """The largest CHSH value with the noise; None but for two settings each and binary outcomes."""
    if task.visibility is None or task.group == "threshold" or ideal is None:
        return None
    return task.visibility * ideal if task.noise is None else noisy_chsh(observations(task, point)[0])


def noisy_chsh(behaviour: Behaviour) -> float | None:
    """The largest CHSH value; None but for two settings each and binary outcomes, which noise may add to."""
    return behaviour.chsh if behaviour.scenario.outcomes == ((2, 2), (2, 2)) else None
