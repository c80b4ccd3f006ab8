"""Certificates of lengths with a bound on the power: refused where a number claims too much."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.checker.claim import Verification
from sdpbound.checker.kinds import check
from sdpbound.checker.qubit_floats import solved
from sdpbound.checker.renyi_length import verify_renyi_length
from tests.golden_certificates import golden

Certificate = dict[str, Any]
NAME = "renyi_power_flips"


@cache
def inner() -> tuple[Certificate, Verification]:
    """The certificate of the power, and what its check says; it is not changed by most forgeries."""
    data = golden(NAME)["proof"]["power"]
    return data, check(data)


def verified(certificate: Certificate) -> Verification:
    """The check of a length, that of an unchanged certificate within it remembered."""
    known, answer = inner()
    return verify_renyi_length(certificate, True, lambda root: answer if root == known else check(root))


def forged(change: Callable[[Certificate, Certificate], object]) -> Certificate:
    certificate: Certificate = golden(NAME)
    change(certificate["proof"], certificate)
    return certificate


def test_one_singular_matrix_spoils_no_other() -> None:
    rng = np.random.default_rng(0)
    matrices, right = rng.normal(size=(5, 3, 3)), rng.normal(size=(5, 3, 1))
    matrices[3, 1:] = 0.0
    found = solved(matrices, right)
    for n in (0, 1, 2, 4):
        assert np.allclose(matrices[n] @ found[n], right[n])
    assert (found[3] == right[3]).all()


def test_holds() -> None:
    assert verified(forged(lambda proof, root: None)).holds


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_changed_scores(factor: float) -> None:
    """Every score counts: a larger one is worth less, a smaller one is not reached."""
    places = [(a, b, x, y) for a in range(2) for b in range(2) for x in range(2) for y in range(2)]
    for a, b, x, y in places:

        def change(proof: Certificate, root: Certificate, a: int = a, b: int = b, x: int = x, y: int = y) -> None:
            proof["scores"][a][b][x][y] *= factor

        with pytest.raises(sb.CertificateError, match=r"recomputed length|fall below"):
            verified(forged(change))


NAMES = ("gamma", "score_tail", "leak_tail", "wrong", "leak", "hashing")


@pytest.mark.parametrize("name", NAMES)
def test_changed_parameters(name: str) -> None:
    for factor in (0.9, 1.1, 0.0, -1.0, 1e9):
        with pytest.raises(sb.CertificateError, match=r"does not prove|out of range"):
            verified(forged(lambda proof, root, f=factor: _scale(proof["renyi_accumulation"], name, f)))


def _scale(entries: Certificate, name: str, factor: float) -> None:
    entries[name] *= factor


FORGERIES: dict[str, tuple[Callable[[Certificate, Certificate], object], str]] = {
    "another order": (lambda p, r: _scale(p["renyi_accumulation"], "beta", 0.5), "another order"),
    "no flips": (lambda p, r: r["question"]["figure"].update(preprocessing=0.0), "setting or preprocessing"),
    "more flips": (lambda p, r: r["question"]["figure"].update(preprocessing=0.1), "setting or preprocessing"),
    "another setting": (lambda p, r: r["question"]["figure"].update(x=1), "setting or preprocessing"),
    "a larger form": (
        lambda p, r: p["power"]["question"]["figure"].update(form="sandwiched up"),
        "does not prove|too close|above the entropy|2\\^-20|must be|another order",
    ),
    "a smaller power": (lambda p, r: _scale(p["power"]["proof"], "constant", 0.999), "too close|above the entropy"),
    "a power of nothing": (lambda p, r: p.update(power={}), "certificate|entries|format"),
    "two powers": (lambda p, r: p.update(chsh=[[1, 1, 0], [1, -1, 0]]), "chsh"),
    "a length within": (lambda p, r: p.update(power=copy.deepcopy(r)), "must be the certificate|refused|depth"),
    "a tangent": (lambda p, r: p["renyi_accumulation"].update(tangent=2.5), "tangent"),
    "more": (lambda p, r: _scale(r["claim"], "value", 1.0001), "recomputed length"),
    "a lower threshold": (lambda p, r: _scale(r["claim"], "threshold", 0.999), "recomputed length"),
    "a higher threshold": (lambda p, r: _scale(r["claim"], "threshold", 1.001), "fall below"),
    "untested more": (lambda p, r: _scale(p, "untested", 1.01), "recomputed length"),
    "other tests": (lambda p, r: p["distribution"][0].__setitem__(2, 0.5), "recomputed length|fall below"),
    "no quantum devices": (
        lambda p, r: r["question"].update(
            behaviour=sb.Behaviour.from_correlators([[1.0, 1.0, 0.9], [1.0, -1.0, 0.0]]).p.tolist()
        ),
        "no honest devices",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries(name: str) -> None:
    change, message = FORGERIES[name]
    with pytest.raises(sb.CertificateError, match=message):
        verified(forged(change))
