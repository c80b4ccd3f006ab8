"""Lengths of keys that are a function of outcomes, by the second checker: what it charges, and what it refuses."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from tests.mutations import Path, at, put

#: No click of Alice's key setting is an outcome of its own.
BEHAVIOUR = sb.family_named("chsh").member().behaviour().detection_efficiency(0.97, 1.0, ((False, True), True))
DATA = sb.Observations.full(BEHAVIOUR)
HOW = sb.VonNeumann("projective", "1+AB", 2)
MERGE = (0, 1, 1)
FIGURE, INNER = ("question", "figure"), ("proof", "entropy", "question", "figure")


@cache
def text(flips: float = 0.0) -> str:
    bit = sb.conditional_entropy(DATA, 0, None, HOW, preprocessing=flips, merge=MERGE)
    length = sb.finite_key_length(BEHAVIOUR, 1e10, 0, 0, "full", entropies=[bit], preprocessing=flips, merge=MERGE)
    return str(length.certificate.to_json())


def made(flips: float = 0.0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(flips))
    return found


def surprise(joint: np.ndarray) -> float:
    """H(row|column) in bits."""
    bob = np.broadcast_to(joint.sum(axis=0), joint.shape)
    some = joint > 0
    return float(np.sum(joint[some] * np.log2(bob[some] / joint[some])))


@pytest.mark.parametrize("flips", [0.0, 0.02])
def test_what_is_sent_is_of_the_value_of_untested_rounds_and_of_outcomes_of_tests(flips: float) -> None:
    """An efficiency of 1.5 costs half the entropy sent: that of f(A), then flipped, where untested, else that of A."""
    certificate = made(flips)
    first = recheck(certificate)
    assert first.holds and first.proven is not None and first.claimed is not None
    assert 0 <= first.proven - first.claimed < 1
    assert float(first.proven) == pytest.approx(sb.verify(certificate).value, rel=1e-11)
    p = np.array(certificate["question"]["behaviour"])
    gamma, drawn = certificate["proof"]["accumulation"]["gamma"], np.array(certificate["proof"]["distribution"])
    values = np.array([p[0, :, 0, 0], p[1, :, 0, 0] + p[2, :, 0, 0]])
    untested = surprise((1 - flips) * values + flips * values[::-1])
    tested = sum(drawn[x, y] * surprise(p[:, :, x, y]) for x in range(2) for y in range(2)) / drawn.sum()
    certificate["question"]["figure"]["efficiency"] = 1.5
    second = recheck(certificate)
    assert second.proven is not None and not second.holds
    sent = float(first.proven - second.proven) / 0.5e10
    assert sent == pytest.approx((1 - gamma) * untested + gamma * tested, rel=1e-11)


def both(merge: object) -> list[tuple[Path, object]]:
    return [((*FIGURE, "merge"), merge), ((*INNER, "merge"), merge)]


def key(name: str, value: object) -> list[tuple[Path, object]]:
    return [((*FIGURE, name), value)]


#: What is changed, None for an entry that is taken away, and a word of the reason.
FORGERIES: dict[str, tuple[list[tuple[Path, object]], str]] = {
    "a value too few": (key("merge", [0, 1]), "has 2 entries"),
    "a value too many": (key("merge", [0, 1, 1, 0]), "has 4 entries"),
    "not onto": (key("merge", [0, 2, 2]), "of no outcome"),
    "not from 0": (key("merge", [1, 2, 2]), "of no outcome"),
    "a value below 0": (key("merge", [0, 1, -1]), "a value of the key"),
    "a float": (key("merge", [0, 1.0, 1]), "a value of the key"),
    "a truth value": (key("merge", [False, True, True]), "a value of the key"),
    "no list": (key("merge", "011"), "must be a list"),
    "the entropy of another function": (key("merge", [0, 1, 0]), "another function"),
    "the same function with other names": (key("merge", [1, 0, 0]), "another function"),
    "a key of whole outcomes": (key("merge", None), "another function"),
    "another function in both": (both([0, 0, 1]), ""),
    "no function in both": (both(None), ""),
    "an entropy without flips": (key("preprocessing", 0.02), "other settings"),
    "three values that are flipped": ([*both([0, 1, 2]), *key("preprocessing", 0.02)], "one bit"),
    "randomness": (key("kind", "finite_randomness_length"), "no function"),
    "another setting of Alice": (key("x", 1), "has 3 entries"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries(name: str) -> None:
    changes, word = FORGERIES[name]
    certificate = made()
    for path, value in changes:
        if value is None:
            del at(certificate, path[:-1])[path[-1]]
        else:
            put(certificate, path, value)
    found = recheck(certificate)
    assert not found.holds and word in found.reason, found.reason


def test_the_entropy_of_whole_outcomes_proves_no_key_of_their_values() -> None:
    """H(A|E) is not less than H(f(A)|E); nor does it help to say that it is of f(A)."""
    certificate = made()
    certificate["proof"]["entropy"] = json.loads(sb.conditional_entropy(DATA, 0, None, HOW).certificate.to_json())
    assert "another function" in recheck(certificate).reason
    put(certificate, (*INNER, "merge"), list(MERGE))
    assert not recheck(certificate).holds


def test_a_claim_one_bit_higher() -> None:
    certificate = made()
    certificate["claim"]["value"] += 1.0
    assert recheck(certificate).reason == "the claim is above what is proven."
