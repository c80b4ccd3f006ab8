"""The check of many random data sets finds what is wrong, and goes on."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from tests import overnight


def test_good_seeds() -> None:
    found = overnight.check_seeds(100, 3)
    assert found.count == 3 and not found.failures and 0.0 < found.gap <= 1e-3


def test_a_warning_and_a_worse_bound_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    own, calls = overnight.check, []

    def worse(question: Any, tolerance: float) -> Any:
        calls.append(tolerance)
        if len(calls) == 1:
            warnings.warn("not converged", stacklevel=1)
        return own(question, tolerance) if tolerance == overnight.TOLERANCE else SimpleNamespace(value=-1.0)

    monkeypatch.setattr(overnight, "check", worse)
    found = overnight.check_seeds(119, 2)  # seed 120 is asked again at a tenth of the tolerance
    assert [seed for seed, _ in found.failures] == [119, 120]
    assert "not converged" in found.failures[0][1] and "less at a tenth" in found.failures[1][1]
