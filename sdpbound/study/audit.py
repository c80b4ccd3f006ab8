"""Check a whole store again: every certificate by the independent checker, and every row against its certificate."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdpbound.bounds import min_entropy_of
from sdpbound.errors import CertificateError
from sdpbound.rates import error_correction
from sdpbound.self_tests import find_self_test
from sdpbound.study.evaluate import ideal_guess, observations
from sdpbound.study.spec import CLOSED, OF_THE_EXPRESSION, Quantity
from sdpbound.study.store import Store
from sdpbound.study.study import Study
from sdpbound.study.tasks import STORED, Point, Row, Task
from sdpbound.verify import Verification, verify

__all__ = ["Audit", "Fault", "audit"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that its certificate does not prove."""

    point: str
    quantity: str
    message: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What checking a store found.

    Attributes
    ----------
    rows : rows with a value
    proven : of these, rows whose certificate holds, asks the row's question, and implies its value
    exact : rows of closed forms of the point alone, evaluated again
    without : rows that have no certificate, because the study did not keep any
    certificates : certificates checked
    faults : the rest, one entry for each
    """

    rows: int
    proven: int
    exact: int
    without: int
    certificates: int
    faults: list[Fault]

    @property
    def holds(self) -> bool:
        """Nothing is wrong; rows without a certificate are not proven and not wrong."""
        return not self.faults


def audit(study: Study) -> Audit:
    """Check the rows of a study in its store. Reads only; no solver is used.

    The question of each certificate is compared with the one that the row's own point, visibility, data and adversary
    give, so that a certificate of something else, or a value that it does not imply, is a fault.
    """
    rows = proven = exact = without = checked = 0
    faults: list[Fault] = []
    with Store.read(study.store_path) as store:
        for task, quantity, row in _stored(study, store):
            if row["value"] is None:
                continue
            rows += 1
            try:
                if quantity.name in CLOSED:
                    _same(getattr(_point(task, row).member, CLOSED[quantity.name]), row["value"], "value")
                    exact += 1
                elif row["certificate"] is None:
                    without += 1
                else:
                    checked += _check(store, task, quantity, row)
                    proven += 1
            except CertificateError as error:
                name = task.point.name if row["place"] is None else f"{task.point.name}/{row['place']}"
                faults.append(Fault(name, quantity.identity, str(error)))
    return Audit(rows, proven, exact, without, checked, faults)


def _stored(study: Study, store: Store) -> Iterator[tuple[Task, Quantity, Row]]:
    for batch in study.batches():
        cells = [(task, q, key) for task, keys in batch for q, key in zip(task.quantities, keys, strict=True)]
        for index, values in store.rows([key for _, _, key in cells]):
            task, quantity, _ = cells[index]
            yield task, quantity, dict(zip(STORED, values, strict=True))


def _point(task: Task, row: Row) -> Point:
    """Of a better point that a search found its own angles, else those of the study."""
    if row["place"] is not None:
        return Point(row["place"], "best", row["theta"], row["phi"], row["omega"])
    for name in ("theta", "phi", "omega"):
        _same(getattr(task.point, name), row[name], name)
    return task.point


def _check(store: Store, task: Task, quantity: Quantity, row: Row) -> int:
    """Raise CertificateError unless the row is proven; the number of certificates looked at."""
    point = _point(task, row)
    for column, own in (("visibility", task.visibility), ("observed", task.observed), ("side", quantity.side)):
        if row[column] != own:
            raise CertificateError(f"its {column} is {row[column]!r}, and the study's is {own!r}.")
    closed = row["method"] == "closed form"
    program = row["sdp_certificate"] if closed else row["certificate"]
    value = row["sdp_value"] if closed else row["value"]
    _implies(_verified(store, program, task, quantity, point), task, quantity, point, row, value, closed)
    if not closed:
        return 1
    _verified_closed_form(store, row["certificate"], task, quantity, point, row)
    return 2


def _verified(store: Store, name: str | None, task: Task, quantity: Quantity, point: Point) -> Verification:
    """The checker's result for the certificate of a program, which must ask the row's question."""
    data = _read(store, name)
    question = data.get("question", {})
    kind, x, y = quantity.program
    model = task.model.describe()
    if quantity.name in OF_THE_EXPRESSION:
        figure = {"kind": "bell_value", "coefficients": point.member.expression.coefficients.tolist()}
        side, observed = quantity.side, []
    else:
        figure = {"kind": "blind_guessing_probability" if kind == "blind" else "guessing_probability", "x": x, "y": y}
        side, observed = "upper", _observed(task, point)
    wanted = {"figure": figure, "side": side, "observed": observed, "model": model}
    _compare(question, wanted)
    return _holds(data)


def _verified_closed_form(
    store: Store, name: str | None, task: Task, quantity: Quantity, point: Point, row: Row
) -> None:
    data = _read(store, name)
    _, x, y = quantity.program
    figure = {"kind": "entropy", "x": x, "y": y, "blind": quantity.name.endswith("blind")}
    _compare(data.get("question", {}), {"figure": figure, "side": "lower", "observed": _observed(task, point)})
    found = _holds(data)
    behaviour, observed = observations(task, point)
    if quantity.name.startswith("guess"):
        test = find_self_test(observed)
        if test is None:
            raise CertificateError("its data are at no self-test.")
        _same(ideal_guess(test, quantity), row["value"], "value")
        return
    _at_most(row["entropy"], found.claimed, "entropy")  # held to be right up to the rounding of a correlator
    if quantity.name == "key_rate":
        x, y = quantity.settings
        leak = error_correction(behaviour, x, y or 0)
        _same(leak, row["error_correction"], "error correction")
        _at_most(row["value"], math.nextafter(row["entropy"] - leak, -math.inf), "value")
    else:
        _at_most(row["value"], row["entropy"], "value")


def _implies(
    found: Verification, task: Task, quantity: Quantity, point: Point, row: Row, value: float, closed: bool
) -> None:
    """Whether the checked number gives the row's, of the certified program."""
    if quantity.name in OF_THE_EXPRESSION or quantity.name.startswith("guess"):
        if quantity.side == "upper":
            _at_most(found.value, value, "proven value")
        else:
            _at_most(value, found.value, "value")
        return
    entropy = min_entropy_of(found.value)
    if not closed:
        _at_most(row["entropy"], entropy, "entropy")
    if quantity.name == "key_rate":
        behaviour, _ = observations(task, point)
        x, y = quantity.settings
        leak = error_correction(behaviour, x, y or 0)
        _same(leak, row["error_correction"], "error correction")
        _at_most(value, math.nextafter(entropy - leak, -math.inf), "value")
    else:
        _at_most(value, entropy, "value")


def _read(store: Store, name: str | None) -> dict[str, Any]:
    text = None if name is None else store.certificate(name)
    if text is None:
        raise CertificateError(f"its certificate {name} is not in the store.")
    return json.loads(text)


def _holds(data: dict[str, Any]) -> Verification:
    found = verify(data, strict=False)
    if not found.holds:
        raise CertificateError(found.message)
    return found


def _observed(task: Task, point: Point) -> list[dict[str, Any]]:
    """What is tested, as a certificate has it."""
    _, observed = observations(task, point)
    return [
        {"coefficients": np.asarray(c).tolist(), "value": float(v), "tolerance": float(t)}
        for c, v, t in zip(observed.coefficients, observed.values, observed.tolerances, strict=True)
    ]


def _compare(question: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The certificate is about what is wanted; its tolerances may be wider, which only weakens what it proves."""
    for key, value in wanted.items():
        own = question.get(key)
        if key == "observed":
            own = [] if own is None else own
            same = len(own) == len(value) and all(
                a["coefficients"] == b["coefficients"] and a["value"] == b["value"] and a["tolerance"] >= b["tolerance"]
                for a, b in zip(own, value, strict=True)
            )
        else:
            same = own == value
        if not same:
            raise CertificateError(f"its certificate is about another question: {key} differs from the row's.")


def _same(own: float, row: float, name: str) -> None:
    if own != row:
        raise CertificateError(f"its {name} is {row!r}, and recomputed {own!r}.")


def _at_most(small: float, large: float, name: str) -> None:
    if not small <= large:
        raise CertificateError(f"its {name} is {small!r}, and must be at most {large!r}.")
