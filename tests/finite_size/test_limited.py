"""Lengths within a limit of time: what was proven counts, and wrong numbers of rounds cost none."""

from __future__ import annotations

from typing import Any

import pytest

import sdpbound as sb
from sdpbound.finite_size.scores import ScoredTest, scored_test

BOUND, TEST = "sdpbound.finite_size.functionals.conditional_entropy", "sdpbound.finite_size.lengths.scored_test"


def test_a_length_from_what_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds and tests that come too late are left out of a length; without any bound there is none."""
    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    plain = sb.finite_key_length(behaviour, 1e9, method="accumulation")
    for bounds, tests in ((1, 9), (3, 9), (9, 1)):
        left = {"bounds": bounds, "tests": tests}

        def spend(name: str, left: dict[str, int] = left) -> None:
            left[name] -= 1
            if left[name] < 0:
                raise sb.TimeIsUp("no time")

        def bound(*given: Any, **named: Any) -> sb.EntropyBound:
            spend("bounds")
            return sb.conditional_entropy(*given, **named)

        def test(*given: Any) -> ScoredTest:
            spend("tests")
            return scored_test(*given)

        monkeypatch.setattr(BOUND, bound)
        monkeypatch.setattr(TEST, test)
        with sb.limits(100.0):
            found = sb.finite_key_length(behaviour, 1e9, method="accumulation")
        assert 0.0 < found.length <= plain.length + 1e3
        assert found.certificate.verify().holds
    left["bounds"] = 0
    with sb.limits(100.0), pytest.raises(sb.TimeIsUp):
        sb.finite_key_length(behaviour, 1e9, method="accumulation")


def test_a_wrong_number_of_rounds_is_refused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BOUND, None)
    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.98)
    for length in (sb.finite_key_length, sb.finite_randomness_length):
        with pytest.raises(sb.InvalidParameter, match=r"n = -5\.0 must be a number of rounds"):
            length(behaviour, -5.0)
