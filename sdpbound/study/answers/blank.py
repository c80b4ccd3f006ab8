"""The columns of a row that need no solving: the point, the noise, what is tested and what is asked."""

from __future__ import annotations

from dataclasses import replace

from sdpbound.bell.behaviour import Behaviour
from sdpbound.study.file.noises import Imperfections, noise_columns
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.study.quantities.at_point import AtPoint, noisy_chsh
from sdpbound.study.quantities.kind import SEARCHED
from sdpbound.tables.columns import ANGLES, STORED, Row

__all__ = ["at_point", "blank"]


def at_point(task: Task, point: Point) -> AtPoint:
    """Return a point as its quantities take it: with the noise, the tested data and the adversary of a task."""
    rest = 1.0 if task.visibility is None else task.visibility

    def noisy() -> Behaviour:
        assert task.visibility is not None
        if task.noise is None:
            return point.member.behaviour(task.visibility)
        return point.member.behaviour(noise=task.noise.noise(task.visibility))

    return AtPoint(
        member=point.member,
        adversary=None if task.adversary is None else task.model,
        tested=task.observed,
        solver=task.solver.name,
        tolerance=task.solver.tolerance,
        noise=(task.noise or Imperfections()).noise(rest),
        plain=task.noise is None and rest == 1.0,
        noisy=noisy,
        at_noise=lambda driven, value: at_point(_at_noise(task, driven, value), point),
        white=task.visibility if task.noise is None else None,
        binning=True if task.noise is None else task.noise.binning,
    )


def _at_noise(task: Task, driven: str, value: float) -> Task:
    """Return the task of a critical value with its noise set to a value."""
    what = task.noise or Imperfections()
    if driven == "visibility":
        return replace(task, visibility=value, noise=what)
    return replace(task, noise=replace(what, efficiency=value))


def blank(task: Task, point: Point, quantity: Quantity) -> Row:
    """Return the row of a quantity at a point, with all columns that need no solving."""
    chsh = None if point.is_open else point.member.chsh
    row: Row = dict.fromkeys(STORED)
    if not point.is_open:
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
    if "preprocessing" in quantity.kind.keys and quantity.group != "data" and quantity.preprocessing not in SEARCHED:
        row["preprocessing"] = quantity.preprocessing or 0.0
    return row


def _chsh(task: Task, point: Point, ideal: float | None) -> float | None:
    """Return the largest CHSH value with the noise; None unless each party has two settings with two outcomes."""
    if task.visibility is None or task.group == "threshold" or ideal is None:
        return None
    return task.visibility * ideal if task.noise is None else noisy_chsh(at_point(task, point).behaviour)
