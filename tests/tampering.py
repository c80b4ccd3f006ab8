"""Certificates changed after they were made: what a checker must refuse, or prove no more of."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sdpbound as sb

Certificate = dict[str, Any]
Change = Callable[[Certificate], Any]

#: Changes of any entropy's certificate by a convex method, at tested data with a single flip probability or none.
OF_ENTROPIES: dict[str, Change] = {
    "value": lambda c: c["claim"].update(value=c["claim"]["value"] + 1e-6),
    "functional": lambda c: c["claim"]["functional"].update(constant=c["claim"]["functional"]["constant"] + 1e-6),
    "data": lambda c: c["question"]["observed"][0].update(value=0.97 * c["question"]["observed"][0]["value"]),
    "tolerance": lambda c: c["question"]["observed"][0].update(tolerance=1e-2),
    "flips": lambda c: c["question"]["figure"].update(
        preprocessing=0.0 if c["question"]["figure"]["preprocessing"] else 1.0
    ),
    "setting": lambda c: c["question"]["figure"].update(x=1),
    "both": lambda c: c["question"]["figure"].update(y=0),
    "factor": lambda c: c["proof"]["factor"][3].__setitem__(0, 0.3),
    "word": lambda c: c["proof"]["words"].__setitem__(1, [[2], []]),
    "multiplier": lambda c: c["proof"]["multipliers"].__setitem__(0, 0.0),
    "side": lambda c: c["question"].update(side="upper"),
    "model": lambda c: c["question"].update(model={"kind": "no-signaling"}),
}


def assert_refused(certificate: Certificate, change: Change) -> None:
    """The certificate holds, and its changed copy does not."""
    data = copy.deepcopy(certificate)
    assert sb.verify(data).holds
    change(data)
    with pytest.raises(sb.CertificateError):
        sb.verify(data)


def numbers_in(entry: Any) -> list[tuple[Any, Any]]:
    """Every number in a certificate: its container and its key."""
    pairs = entry.items() if isinstance(entry, dict) else enumerate(entry) if isinstance(entry, list) else ()
    out: list[tuple[Any, Any]] = []
    for key, value in list(pairs):
        out += [(entry, key)] if isinstance(value, float) else numbers_in(value)
    return out


def assert_no_number_proves_more(certificate: Certificate, rng: np.random.Generator, slack: float = 3e-2) -> None:
    """Eight numbers of an entropy's proof or claim changed, one at a time: refused, or what is proven stays true.

    ``slack`` is more than what the certificate's bound lacks of the entropy.
    """
    data = copy.deepcopy(certificate)
    top = sb.verify(data).value + slack
    places = numbers_in(data.get("proof", [])) + numbers_in(data["claim"])
    for _ in range(8):
        container, key = places[int(rng.integers(len(places)))]
        before = container[key]
        container[key] = float(rng.choice([0.0, -before, before + 1e-3, 1.5 * before, before * (1 + 1e-6), 1e300]))
        try:
            found = sb.verify(data, strict=False)
        except sb.CertificateError:
            pass
        else:
            assert found.value <= top
            assert not found.holds or data["claim"]["value"] <= found.value
        container[key] = before
