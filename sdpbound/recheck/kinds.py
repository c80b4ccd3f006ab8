"""The table of kinds, and the one function of this room."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdpbound.errors import CertificateError
from sdpbound.recheck.answer import Budget, Conclusion, Finding, refuse
from sdpbound.recheck.attacks import recheck_attack
from sdpbound.recheck.boxes import recheck_boxes
from sdpbound.recheck.formulas import recheck_formula
from sdpbound.recheck.lengths import recheck_length
from sdpbound.recheck.linear import recheck_linear
from sdpbound.recheck.projections import recheck_projections
from sdpbound.recheck.qubits import recheck_qubits
from sdpbound.recheck.radau import recheck_radau
from sdpbound.recheck.reading import load
from sdpbound.recheck.self_tests import recheck_self_test

__all__ = ["KINDS", "Kind", "recheck"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of certificate.

    Attributes
    ----------
    name : what it is called here
    format : the format that its files state
    stated : what they state as their kind, if they do
    entries : names that the proof (closed forms: the claim) must have for this kind, and no other kind of the format
    check : what proves
    """

    name: str
    format: str
    stated: str
    entries: frozenset[str]
    check: Callable[[dict[str, Any], Budget], Finding]


BOUND = "sdpbound certificate"
CLOSED = "sdpbound closed form"


def _length(root: dict[str, Any], budget: Budget) -> Finding:
    """A length, which contains other certificates."""
    return recheck_length(root, budget, lambda inner, left: kind_of(inner).check(inner, left))


#: The first one that fits is taken.
KINDS: tuple[Kind, ...] = (
    Kind("entropy by projections", BOUND, "bound", frozenset({"nodes"}), recheck_projections),
    Kind("entropy by Gauss-Radau", BOUND, "bound", frozenset({"gauss_radau"}), recheck_radau),
    Kind("attack", BOUND, "attack", frozenset({"strategies"}), recheck_attack),
    Kind("entropy by qubits", BOUND, "bound", frozenset({"method"}), recheck_qubits),
    Kind("finite length", BOUND, "finite length", frozenset({"accumulation"}), _length),
    Kind("linear", BOUND, "bound", frozenset({"copies"}), recheck_linear),
    Kind("entropy by formula", CLOSED, "entropy by formula", frozenset({"touching"}), recheck_formula),
    Kind("self-test", CLOSED, "self-test", frozenset({"value"}), recheck_self_test),
    Kind("boxes", "sdpbound box certificate", "boxes", frozenset({"weights"}), recheck_boxes),
)
VERSION = 1


def recheck(certificate: Mapping[str, Any] | str | os.PathLike[str], *, time_limit: float | None = None) -> Conclusion:
    """Prove the claim of a certificate again."""
    budget = Budget(time_limit)
    kind = figure = side = ""
    try:
        root = load(certificate)
        found_kind = kind_of(root)
        kind = found_kind.name
        found = found_kind.check(root, budget)
    except CertificateError as error:
        return Conclusion(kind, figure, side, None, None, False, str(error))
    faults = found.faults
    if found.side == "upper" and found.claimed < found.proven:
        faults = ("the claim is below what is proven.", *faults)
    if found.side == "lower" and found.claimed > found.proven:
        faults = ("the claim is above what is proven.", *faults)
    reason = faults[0] if faults else "proven."
    return Conclusion(kind, found.figure, found.side, found.proven, found.claimed, not faults, reason)


def kind_of(root: dict[str, Any]) -> Kind:
    """The kind of a certificate: by its format and the entries of its proof, which must be that it states."""
    if root.get("version") != VERSION or type(root.get("version")) is not int:
        raise refuse("the version is not 1.")
    for kind in KINDS:
        if root.get("format") != kind.format:
            continue
        inner = root.get("proof", root.get("claim"))
        if type(inner) is dict and kind.entries <= inner.keys():
            if root.get("kind", kind.stated) != kind.stated:
                raise refuse("the kind stated is not the kind of the proof.")
            return kind
    raise refuse("the certificate is of no kind known here.")
