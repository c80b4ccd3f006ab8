"""Levels in texts."""

from __future__ import annotations

import sdpbound as sb


def test_long_lists_of_words_are_one_short_line() -> None:
    words = ["1", "A0", "A1", "B0", "B1", "A0 B0", "A0 B1", "A1 B0", "A1 B1"]
    assert repr(sb.Quantum(words[:3])) == "Quantum(level=('1', 'A0', 'A1'))"
    text = repr(sb.Quantum(words))
    assert text == "Quantum(level=('1', 'A0', 'A1', 'B0', 'B1', 'A0 B0', 'A0 B1', 'A1 B0', ...: 9 words))"
    assert sb.Quantum(words) != sb.Quantum(words[:8])  # what it is does not depend on what is shown
