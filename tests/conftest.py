"""Shared fixtures: reference values, with their source and tolerance, and Hypothesis profiles."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.changed import TIMES

settings.register_profile("sdpbound", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("sdpbound")


# nothing that is collected goes away: looking for what does takes a quarter of the time
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def reference() -> dict[str, dict[str, Any]]:
    """Values of the source papers and of independent computations, by key."""
    return json.loads((Path(__file__).parent / "reference" / "values.json").read_text(encoding="utf-8"))


class _Times:
    """Keeps the seconds of each test file in pytest's cache, for the order of `make quick`."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = report.nodeid.split("::")[0]
        self.seconds[path] = self.seconds.get(path, 0.0) + report.duration

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        # only whole runs of files count: what was deselected or interrupted would look quick
        whole = exitstatus == 0 and not self.config.option.keyword and "::" not in " ".join(self.config.args)
        cache = getattr(self.config, "cache", None)  # none with -p no:cacheprovider
        if whole and cache is not None:
            known = cache.get(TIMES, {})
            cache.set(TIMES, known | {path: round(s, 2) for path, s in self.seconds.items()})


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Times(config))
