"""Shared fixtures: reference values, with their source and tolerance, and Hypothesis profiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("sdpbound", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("sdpbound")


@pytest.fixture(scope="session")
def reference() -> dict[str, dict[str, Any]]:
    """Values of the source papers and of independent computations, by key."""
    return json.loads((Path(__file__).parent / "reference" / "values.json").read_text(encoding="utf-8"))
