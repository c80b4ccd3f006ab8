"""Norms that a careless reader of rules would believe: both checkers refuse to count on them."""

from __future__ import annotations

from typing import Any

import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

Terms = list[tuple[float, list[int]]]


def said(letters: list[int], rules: list[tuple[list[int], Terms]], objective: Terms, value: float) -> tuple[bool, bool]:
    """What both say to a bound without any square: the sizes of what is left over. ``letters`` are adjoints."""
    question = {
        "figure": {"kind": "operator_value", "objective": [list(term) for term in objective]},
        "side": "upper",
        "letters": [{"name": f"L{k}", "adjoint": adjoint} for k, adjoint in enumerate(letters)],
        "rules": [[left, [list(term) for term in right]] for left, right in rules],
        "equalities": [], "inequalities": [], "moments": [],
    }  # fmt: skip
    nothing = {"words": [[]], "factor": [[0.0]], "remainder": []}
    certificate: dict[str, Any] = {
        "format": "sdpbound certificate", "version": 1, "created_by": "a test", "kind": "operator problem",
        "question": question, "claim": {"value": value},
        "proof": {"derived": [], "multipliers": [], "squares": nothing, "localised": [], "multiples": []},
    }  # fmt: skip
    try:
        first = sb.verify(certificate).holds
    except sb.CertificateError:
        first = False
    return first, recheck(certificate).holds


#: Adjoints of letters, rules, objective, and the bound that is true.
TRUE: dict[str, Any] = {
    "an observable": ([0], [([0, 0], [(1.0, [])])], [(1.0, [0])], 1.0),
    "an isometry": ([1, 0], [([1, 0], [(1.0, [])])], [(1.0, [0])], 1.0),
    "a projector that is said to be the square of its adjoint": (
        [1, 0], [([1, 0], [(1.0, [0])]), ([0, 1], [(1.0, [0])])], [(1.0, [0])], 1.0
    ),
    "a square beside another": ([0, 1], [([0, 0], [(4.0, []), (-0.25, [1, 1])])], [(1.0, [0]), (1.0, [1])], 6.0),
    "the square of an adjoint": ([0, 2, 1], [([0, 0], [(1.0, []), (-1.0, [1, 2])])], [(1.0, [1])], 1.0),
}  # fmt: skip
FALSE: dict[str, Any] = {
    "an idempotent that is not Hermitian": (
        [1, 0], [([0, 0], [(1.0, [0])]), ([1, 1], [(1.0, [1])])], [(1.0, [0])], 1.0
    ),
    "an involution that is not Hermitian": ([1, 0], [([0, 0], [(1.0, [])]), ([1, 1], [(1.0, [])])], [(1.0, [0])], 1.0),
    "a square and another on the wrong side": ([0, 1], [([0, 0], [(1.0, []), (1.0, [1, 1])])], [(1.0, [0])], 1.0),
    "a difference of squares": (
        [0, 1, 2], [([0, 0], [(1.0, []), (-1.0, [1, 1]), (1.0, [2, 2])])], [(1.0, [1])], 1.0
    ),
    "no part of another square": ([0, 1], [([0, 0], [(1.0, []), (0.0, [1, 1])])], [(1.0, [1])], 1e9),
    "a product that is no square": ([0, 2, 1], [([0, 0], [(1.0, []), (-1.0, [1, 1])])], [(1.0, [1])], 1.0),
    "the product of two letters": (
        [0, 1, 2], [([0, 0], [(1.0, []), (-1.0, [1, 2])]), ([2, 1], [(1.0, [1, 2])])], [(1.0, [1])], 1.0
    ),
    "a product that is one": ([0, 1], [([0, 1], [(1.0, [])]), ([1, 0], [(1.0, [])])], [(1.0, [0])], 1.0),
    "a smaller norm than its own": ([0, 1], [([0, 0], [(4.0, []), (-0.25, [1, 1])])], [(1.0, [1])], 3.999),
}  # fmt: skip


@pytest.mark.parametrize("name", [*TRUE, *FALSE])
def test_norms(name: str) -> None:
    holds = name in TRUE
    letters, rules, objective, value = (TRUE if holds else FALSE)[name]
    assert said(letters, rules, objective, value) == (holds, holds)
