"""The search for the best member: by estimates it ends where it ends by proven numbers."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from sdpbound.bounds.estimates import estimated_guess
from sdpbound.study.answers.best_member import BETTER, exceeds
from sdpbound.study.answers.blank import at_point
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan, Task
from sdpbound.study.quantities import of_data

QUANTITIES = ["guess_local", "guess_global", "key_rate", "randomness_global"]


def tasks(**changes: Any) -> list[Task]:
    content: dict[str, Any] = {
        "name": "search",
        "visibilities": [0.99],
        "observed": ["correlators", "bell"],
        "adversaries": [{"model": "quantum", "level": "1+AB"}],
        "quantities": QUANTITIES,
        "family": {"kind": "singlet", "at_chsh": [2.4], "phi": 1.5, "best_of": {"contour": 24, "phi": [1.4, 1.3]}},
    }
    spec = parse_spec(content | changes)
    return [task for group in Plan(spec) for task in group]


def test_estimates_end_where_proven_numbers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(*arguments: Any) -> float | None:
        nonlocal asked
        asked += 1
        return estimated_guess(*arguments)

    monkeypatch.setattr(of_data, "estimated_guess", counted)
    for task in tasks():
        fast = evaluate(task)
        assert asked > 20
        with monkeypatch.context() as patch:
            patch.setattr(of_data, "estimated_guess", lambda *arguments: None)
            slow = evaluate(task)
        assert [len(rows) for rows in fast.cells] == [len(rows) for rows in slow.cells]
        assert any(len(rows) == 2 for rows in fast.cells)
        for one, other in zip(chain(*fast.cells), chain(*slow.cells), strict=True):
            assert one["value"] == pytest.approx(other["value"], abs=BETTER)
            assert one["certificate"] in fast.certificates  # every row is proven, not estimated


def test_a_point_that_only_an_estimate_prefers_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks()[0]
    values = iter(range(10**6))
    monkeypatch.setattr(of_data, "estimated_guess", lambda *arguments: 0.25 + (next(values) % 7) * 1e-3)
    for rows in evaluate(task).cells:
        assert len(rows) == 1 or exceeds(rows[1], rows[0])


@pytest.mark.parametrize("visibilities", [[0.97], [1]])
def test_plain_arrays_are_those_of_the_data(visibilities: list[float]) -> None:
    """What a search goes by, with no object made, is what is tested."""
    for task in tasks(visibilities=visibilities):
        at = at_point(task, task.point)
        coefficients, values = at.tests()
        assert coefficients == pytest.approx(at.observed.coefficients, abs=1e-15)
        assert values == pytest.approx(at.observed.values, abs=1e-15)
        if at.self_test is None:
            assert at.self_tested is None
        else:
            assert at.self_tested == pytest.approx(at.self_test.correlators, abs=1e-15)


class _Unsolved:
    """A run in which no program may be solved."""

    def is_solved(self, asked: Any) -> bool:
        return False

    def once(self, key: Any, make: Any) -> Any:
        return make()

    def solved(self, asked: Any) -> Any:
        raise AssertionError("a search needs no program here")


@pytest.mark.parametrize("visibility", [0.98, 1])
def test_scores_are_the_values_of_rows(visibility: float) -> None:
    for task in tasks(visibilities=[visibility]):
        for quantity, (row, *_) in zip(task.quantities, evaluate(task).cells, strict=True):
            score = quantity.kind.score(at_point(task, task.point), quantity, _Unsolved())
            assert score == pytest.approx(row["value"] if row["side"] == "lower" else -row["value"], abs=1e-6)
