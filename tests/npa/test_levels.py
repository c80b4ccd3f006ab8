"""Levels of the hierarchy that are too large."""

from __future__ import annotations

from typing import Any

import pytest

import sdpbound as sb
from sdpbound.npa import levels


@pytest.mark.parametrize("level", ["99999", "2000", 10**6, "1+" + "A" * 3000, "12", "20"])
def test_huge_levels_are_refused_at_once(level: Any) -> None:
    with pytest.raises(sb.InvalidLevel):
        sb.maximize(sb.i3322(), sb.Quantum(level))


def test_what_fits_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the size, the memory that it may need, and the highest level that surely fits."""
    with pytest.raises(
        sb.InvalidLevel, match=r"more than 3000 words in .*, which may need 486324\.1 GB and more; level"
    ):
        sb.maximize(sb.chained(3), sb.Quantum("30"))
    for here, said in ((1e9, r"level '3' fits \(88 words, at most 0\.4 GB"), (1e6, r"level '1\+AB' fits \(16 words")):
        monkeypatch.setattr(levels, "memory_here", lambda own=here: own)
        with pytest.raises(sb.InvalidLevel, match=said):
            sb.maximize(sb.chained(3), sb.Quantum("30"))
    monkeypatch.setattr(levels, "memory_here", lambda: 10.0)
    with pytest.raises(sb.InvalidLevel, match="give a list of fewer words"):
        sb.maximize(sb.chained(3), sb.Quantum("30"))
