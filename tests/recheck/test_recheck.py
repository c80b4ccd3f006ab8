"""The second checker agrees with the first on golden certificates, refuses forgeries, and never contradicts it."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from tests.checker.test_forgeries import FORGERIES
from tests.golden_certificates import FOLDER, INDEX, QUBITS, golden

OTHERS = [golden(name) for name in INDEX]
#: Branch and bound over angles for seconds each; a quick one of them is in the fast suite.
SLOW = [name for name in QUBITS if name not in ("entropy_qubit_both_outcomes", "entropy_qubit_untested_setting")]
SEARCHED = [name for name in FORGERIES if name.startswith("qubit:")]


def agrees(name: str) -> None:
    """Both accept a golden certificate: the same claim, and numbers that are the same up to rounding."""
    first, second = sb.verify(FOLDER / f"{name}.json"), recheck(FOLDER / f"{name}.json")
    assert second.holds, second.reason
    assert (second.figure, second.side) == (first.figure, first.side)
    assert second.claimed == Fraction(golden(name)["claim"]["value"]) and second.proven is not None
    # the qubit reduction has a tolerance that is left to checkers
    room = 1e-5 if name in QUBITS and "finite" not in name else 1e-11
    assert float(second.proven) == pytest.approx(first.value, rel=1e-11, abs=room)


@pytest.mark.parametrize("name", [name for name in INDEX if name not in SLOW])
def test_agrees(name: str) -> None:
    agrees(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_agrees_on_qubits(name: str) -> None:
    agrees(name)


@pytest.mark.parametrize("name", [name for name in FORGERIES if name not in SEARCHED])
def test_refuses(name: str) -> None:
    found = recheck(FORGERIES[name](), time_limit=60)
    assert not found.holds and found.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHED)
def test_refuses_qubits(name: str) -> None:
    assert not recheck(FORGERIES[name](), time_limit=60).holds
