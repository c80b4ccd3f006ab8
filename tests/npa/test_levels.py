"""Levels of the hierarchy that are too large."""

from __future__ import annotations

from typing import Any

import pytest

import sdpbound as sb


@pytest.mark.parametrize("level", ["99999", "2000", 10**6, "1+" + "A" * 3000, "12", "20"])
def test_huge_levels_are_refused_at_once(level: Any) -> None:
    with pytest.raises(sb.InvalidLevel):
        sb.maximize(sb.i3322(), sb.Quantum(level))
