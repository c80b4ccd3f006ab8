"""The golden certificates: files in tests/golden, made by tests/golden/make.py."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"
#: By name: figure, model, side and value of what the checker answered when the certificate was made.
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
SEARCHED = ("entropy_qubit", "entropy_coarse", "average_entropy_qubits", "renyi_entropy", "renyi_power")
SEARCHED += ("attacks_all_channels",)
#: With a search in cells, most by the qubit reduction: a changed one may take a minute to refuse.
QUBITS = [name for name in INDEX if name.startswith(SEARCHED)]
QUBITS += ["finite_key_qubit", "finite_key_channel", "finite_randomness_both"]
FAST = [name for name in INDEX if name not in QUBITS]


@cache
def text_of(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def golden(name: str) -> dict[str, Any]:
    """A fresh copy."""
    return json.loads(text_of(name))
