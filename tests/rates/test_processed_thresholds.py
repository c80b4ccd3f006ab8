"""Thresholds of keys with a post-processing in the efficiency of detectors, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import sdpbound as sb

BASIS = sb.RandomBasis(((0, 2), (1, 3)))


@pytest.mark.slow
def test_an_efficiency_with_a_random_basis() -> None:
    singlet = sb.Behaviour.from_correlators([[2**-0.5, 2**-0.5, 1.0, 0.0], [2**-0.5, -(2**-0.5), 0.0, 1.0]])
    found = sb.critical_efficiency(
        singlet, "full without B2, B3", postprocessing=BASIS, tolerance=5e-3, start=0.95, entropy=sb.VonNeumann()
    )
    assert found.alive is not None and 0.85 < found.alive < 0.97
    assert found.dead is not None and found.dead < found.alive


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sb.critical_error_rate(sb.asymmetric_chsh, postprocessing=BASIS), "one of its members"),
        (lambda: sb.critical_error_rate(sb.chsh(), postprocessing=BASIS, preprocessing=0.1), "leave rate and"),
        (lambda: sb.critical_visibility(sb.SingletSelfTest(1.0, 1.5, 2.6), x=0, postprocessing=BASIS), "leave x, y"),
        (lambda: sb.critical_error_rate(sb.chsh(), postprocessing="random"), "must be a post-processing"),
    ],
)
def test_bad_input(make: Callable[[], object], says: str) -> None:
    with pytest.raises(sb.InvalidInput, match=says):
        make()
