"""Numbers that a study stores do not change while NUMERICS does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdpbound.study.file.questions import QUANTITIES
from sdpbound.version import NUMERICS
from tests.numerics import Number, computed, differences, stored, verdict, write


@pytest.fixture(scope="module")
def numbers() -> list[Number]:
    return stored()


def test_the_numbers_are_those_of_numerics(numbers: list[Number]) -> None:
    said = verdict(numbers, computed())
    assert not said, said


def test_every_quantity_is_there(numbers: list[Number]) -> None:
    assert {number["quantity"] for number in numbers} == set(QUANTITIES)
    assert {number["model"] for number in numbers} == {"", "quantum", "no-signaling", "local"}
    assert {"infeasible", "a number"} == {number["status"] for number in numbers}
    for number in numbers:  # an accuracy that allowed everything would prove nothing
        if number["value"]:
            assert 0.0 < float(number["accuracy"]) <= 3e-3 * max(1.0, abs(float(number["value"])))


def test_a_change_is_found_and_told(numbers: list[Number]) -> None:
    assert differences(numbers, numbers) == [] and verdict(numbers, numbers) == ""
    for i, number in enumerate(numbers):
        if number["value"]:
            value, digits = float(number["value"]), float(number["accuracy"])
            near = [*numbers[:i], number | {"value": repr(value - 0.9 * digits)}, *numbers[i + 1 :]]
            far = [*numbers[:i], number | {"value": repr(value + 1.1 * digits)}, *numbers[i + 1 :]]
            assert not differences(numbers, near)
        else:
            far = [*numbers[:i], number | {"status": "a number", "value": "0.5"}, *numbers[i + 1 :]]
        (said,) = differences(numbers, far)
        assert number["quantity"] in said
        assert "NUMERICS did not" in verdict(numbers, far) and said in verdict(numbers, far)
    assert "not computed any more" in differences(numbers, numbers[1:])[0]
    assert "is new" in differences(numbers[1:], numbers)[0]
    assert len(differences(numbers, [number | {"value": "nan"} for number in numbers if number["value"]])) == len(
        numbers
    )


def test_a_raised_version_asks_for_new_numbers(numbers: list[Number], tmp_path: Path) -> None:
    said = verdict(numbers, numbers, NUMERICS + 1)
    assert "another version" in said and "python -m tests.numerics" in said
    write(numbers, tmp_path / "numbers.csv")
    assert stored(tmp_path / "numbers.csv") == numbers
