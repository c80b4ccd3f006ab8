"""Explicit visibilities, checked a second time, from the statement alone."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import CertificateError
from sdpbound.recheck import recheck
from tests.golden_certificates import INDEX, golden
from tests.mutations import at, is_number, leaves, put

GOLDEN = [name for name in INDEX if name.startswith("visibility")]


def test_three_parties_and_other_scenarios() -> None:
    """Some that are no golden ones: GHZ devices against local sets, settings and outcomes that differ by party."""
    pauli = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])]
    ghz = sb.Strategy.from_observables(np.eye(8)[0] / 2**0.5 + np.eye(8)[7] / 2**0.5, *[pauli] * 3).behaviour()
    uneven = sb.random_strategy(sb.Scenario(((2, 3), (2, 2, 2))), 3, np.random.default_rng(4)).behaviour()
    for behaviour, noise in ((ghz, "white"), (ghz, "general"), (uneven, "local")):
        certificate = json.loads(sb.robustness(behaviour, sb.Local(), noise).mixture.certificate.to_json())
        assert sb.verify(certificate).holds
        found = recheck(certificate)
        assert found.holds, found.reason
        assert found.kind == "explicit visibility" and found.figure == "visibility" and found.side == "lower"
        assert float(found.proven or 0) == certificate["claim"]["value"]


@pytest.mark.parametrize("name", GOLDEN)
def test_both_say_the_same_of_changed_numbers(name: str) -> None:
    rng = np.random.default_rng(1)
    whole = {key: golden(name)[key] for key in ("question", "proof", "claim")}
    places = [place for place in leaves(whole) if is_number(at(whole, place))]
    said = []
    for step in (1e-3, -1e-3, 1e-12, 1.0):
        for place in rng.permutation(len(places))[:20]:
            certificate = golden(name)
            value = at(certificate, places[place])
            put(certificate, places[place], value + (1 if isinstance(value, int) else step))
            try:
                first = sb.verify(certificate, strict=False).holds
            except CertificateError:
                first = False
            assert recheck(certificate).holds == first, (places[place], step)
            said.append(first)
    assert not all(said)


def test_what_is_refused() -> None:
    whole = golden("visibility_quantum_local")

    def reason(*path: Any, value: Any) -> str:
        forged = copy.deepcopy(whole)
        put(forged, path, value)
        found = recheck(forged)
        assert not found.holds
        return found.reason

    assert "not above 0" in reason("claim", "value", value=1.1)
    assert "local" in reason("question", "model", "kind", value="local")
    assert "1e-6" in reason("question", "tolerance", value=1e-3)
    assert "noise" in reason("proof", "visibility", "noise", value=None)
    assert "noise is given" in reason("question", "given", value=whole["question"]["moments"])
    assert "first of the moments" in reason("question", "moments", 0, 0, value=0.5)
    assert "negative" in reason("proof", "visibility", "weights", 0, value=-1.0)
    assert "side" in reason("question", "side", value="upper")
