"""Run the Python examples of a page, and compare the numbers that comments promise with those that are printed."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from typing import Any

__all__ = ["missing", "run"]

_NUMBER = re.compile(r"\d+\.\d+(?:e-?\d+)?")


def run(text: str, name: str) -> list[str]:
    """Run the examples of a page in one namespace; return what comments promise and nothing printed shows."""
    namespace: dict[str, object] = {}
    found = []
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        printed: dict[int, str] = defaultdict(str)

        def recorder(*values: Any, printed: dict[int, str] = printed, **how: Any) -> None:
            printed[sys._getframe(1).f_lineno] += " ".join(map(str, values)) + "\n"

        namespace["print"] = recorder
        exec(compile(block, name, "exec"), namespace)
        for number, line in enumerate(block.splitlines(), 1):
            code, _, comment = line.partition("  #")
            if "print(" in code:
                found += [f"{name}: {line.strip()}: no {one} is printed" for one in missing(comment, printed[number])]
    return found


def missing(comment: str, printed: str) -> list[str]:
    """The decimal numbers of a comment, up to a semicolon, that are not printed to within one of their last digit."""
    shown = [float(word) for word in _NUMBER.findall(printed)]
    return [
        word
        for word in _NUMBER.findall(comment.partition(";")[0])
        if not any(abs(float(word) - value) <= 1.0001 * _last_digit(word) for value in shown)
    ]


def _last_digit(word: str) -> float:
    """What one more in the last digit of a number is worth."""
    digits, _, power = word.partition("e")
    return float(10.0 ** (int(power or 0) - len(digits.partition(".")[2])))
