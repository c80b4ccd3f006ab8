"""The table of kinds, and the one function of this room."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdpbound.errors import CertificateError
from sdpbound.recheck.answer import Budget, Conclusion, Finding, refuse
from sdpbound.recheck.any_channels import recheck_channels
from sdpbound.recheck.attacks import recheck_attack
from sdpbound.recheck.boxes import recheck_boxes
from sdpbound.recheck.coarser import recheck_coarser
from sdpbound.recheck.flips import recheck_flips
from sdpbound.recheck.formulas import recheck_formula
from sdpbound.recheck.lengths import recheck_length
from sdpbound.recheck.linear import recheck_linear
from sdpbound.recheck.mean_powers import recheck_estimation
from sdpbound.recheck.operators import recheck_operators
from sdpbound.recheck.power_lengths import recheck_power_length
from sdpbound.recheck.processed_keys import recheck_processed
from sdpbound.recheck.projections import recheck_outcomes, recheck_projections
from sdpbound.recheck.qubits import recheck_qubits
from sdpbound.recheck.radau import recheck_radau
from sdpbound.recheck.reading import load, record
from sdpbound.recheck.renyi import recheck_renyi, shown_power
from sdpbound.recheck.renyi_lengths import recheck_renyi_length
from sdpbound.recheck.renyi_programs import Power
from sdpbound.recheck.routed import recheck_routed
from sdpbound.recheck.self_tests import recheck_self_test
from sdpbound.recheck.several_keys import recheck_average
from sdpbound.recheck.switched_attacks import recheck_routed_attack
from sdpbound.recheck.visibilities import recheck_visibility

__all__ = ["KINDS", "Kind", "recheck"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of certificate.

    Attributes
    ----------
    name : what it is called here
    format : the format that its files state
    stated : what they state as their kind, if they do
    entries : names that the proof (closed forms: the claim) has; a certificate is of the first kind of the table whose
        names are there
    check : what proves it
    """

    name: str
    format: str
    stated: str
    entries: frozenset[str]
    check: Callable[[dict[str, Any], Budget], Finding]


BOUND = "sdpbound certificate"
CLOSED = "sdpbound closed form"
BOXES = "sdpbound box certificate"
RENYI = "length by Renyi entropies"
#: What files of each format have beside what all have.
FORMATS = {BOUND: "proof", CLOSED: "theorem", BOXES: "proof"}


def _length(root: dict[str, Any], budget: Budget) -> Finding:
    """A length, which contains other certificates, but no lengths."""

    def check(inner: dict[str, Any], left: Budget) -> Finding:
        kind = kind_of(inner)
        if kind.check is _length:
            raise refuse("a length is no part of a length.")
        return kind.check(inner, left)

    return recheck_length(root, budget, check)


def _power_length(root: dict[str, Any], budget: Budget) -> Finding:
    """A length that contains the certificate of a Renyi entropy."""

    def shown(inner: dict[str, Any], left: Budget) -> Power:
        if kind_of(inner).check is not recheck_renyi:
            raise refuse("the inner certificate is not that of a Renyi entropy.")
        return shown_power(inner, left)

    return recheck_power_length(root, budget, shown)


def _coarser(root: dict[str, Any], budget: Budget) -> Finding:
    """An entropy of coarser data, which contains a proof of another kind."""

    def check(inner: dict[str, Any], left: Budget) -> Finding:
        kind = kind_of(inner)
        if kind.check not in (recheck_projections, recheck_outcomes, recheck_radau, recheck_qubits):
            raise refuse("the inner proof is of no kind that proves an entropy.")
        return kind.check(inner, left)

    return recheck_coarser(root, budget, check)


#: The first one that fits is taken.
KINDS: tuple[Kind, ...] = (
    Kind("average entropy", BOUND, "average entropy", frozenset({"average"}), recheck_average),
    Kind("Renyi entropy", BOUND, "renyi entropy", frozenset({"renyi"}), recheck_renyi),
    Kind("entropy by projections", BOUND, "bound", frozenset({"nodes"}), recheck_projections),
    Kind("entropy by projections of all outcomes", BOUND, "bound", frozenset({"places"}), recheck_outcomes),
    Kind("entropy by Gauss-Radau", BOUND, "bound", frozenset({"gauss_radau"}), recheck_radau),
    Kind("entropy of coarser data", BOUND, "bound", frozenset({"coarse"}), _coarser),
    Kind("attacks on all channels", BOUND, "attacks on all channels", frozenset({"shares"}), recheck_channels),
    Kind("attacks on all flips", BOUND, "attacks on all flips", frozenset({"mixtures"}), recheck_flips),
    Kind("attack on a processed key", BOUND, "attack on a processed key", frozenset({"processed"}), recheck_processed),
    Kind("attack", BOUND, "attack", frozenset({"strategies"}), recheck_attack),
    Kind("entropy by qubits", BOUND, "bound", frozenset({"method"}), recheck_qubits),
    Kind("finite length", BOUND, "finite length", frozenset({"accumulation"}), _length),
    Kind(f"{RENYI} with any test", BOUND, RENYI, frozenset({"renyi_accumulation", "power"}), _power_length),
    Kind(RENYI, BOUND, RENYI, frozenset({"renyi_accumulation"}), recheck_renyi_length),
    Kind("probability estimation", BOUND, "probability estimation", frozenset({"estimation"}), recheck_estimation),
    Kind("routed entropy", BOUND, "routed entropy", frozenset({"routed_nodes"}), recheck_routed),
    Kind("routed attack", BOUND, "routed attack", frozenset({"routed_strategies"}), recheck_routed_attack),
    Kind("explicit visibility", BOUND, "explicit visibility", frozenset({"visibility"}), recheck_visibility),
    Kind("operators", BOUND, "operator problem", frozenset({"squares"}), recheck_operators),
    Kind("linear", BOUND, "bound", frozenset({"copies"}), recheck_linear),
    Kind("entropy by formula", CLOSED, "entropy by formula", frozenset({"touching"}), recheck_formula),
    Kind("self-test", CLOSED, "self-test", frozenset({"value"}), recheck_self_test),
    Kind("boxes", BOXES, "boxes", frozenset({"weights"}), recheck_boxes),
)


def recheck(certificate: Mapping[str, Any] | str | os.PathLike[str], *, time_limit: float | None = None) -> Conclusion:
    """Prove the claim of a certificate again, by code that shares nothing with :func:`sdpbound.verify`.

    Parameters
    ----------
    certificate : the certificate as a dictionary, or the path of its JSON file
    time_limit : seconds after which it is refused; steps are counted in any case, and sizes before work

    Returns
    -------
    Conclusion
        ``holds`` says whether what was proven implies the claim; a certificate that proves nothing is refused with a
        reason, and nothing is raised.

    >>> chsh = [[0, 0, 0], [0, 1, 1], [0, 1, -1]]
    >>> question = {"scenario": {"outcomes": [[2, 2], [2, 2]]},
    ...             "figure": {"kind": "bell_value", "coefficients": chsh},
    ...             "side": "upper", "observed": [], "model": {"kind": "local"}}
    >>> claim = {"value": 2.0, "functional": {"constant": 2.0, "multipliers": []}}
    >>> recheck({"format": "sdpbound certificate", "version": 1, "created_by": "by hand", "question": question,
    ...          "proof": {"multipliers": [], "copies": []}, "claim": claim}).proven
    Fraction(2, 1)
    """
    budget = Budget(time_limit)
    name = ""
    try:
        root = load(certificate)
        kind = kind_of(root)
        name = kind.name
        found = kind.check(root, budget)
    except CertificateError as error:
        return Conclusion(name, "", "", None, None, False, str(error))
    except (ArithmeticError, RecursionError) as error:  # numbers that no proof has: a division by a ball around zero
        return Conclusion(name, "", "", None, None, False, f"the numbers of the proof are of no use: {error}.")
    faults = found.faults
    if found.side == "upper" and found.claimed < found.proven:
        faults = ("the claim is below what is proven.", *faults)
    if found.side == "lower" and found.claimed > found.proven:
        faults = ("the claim is above what is proven.", *faults)
    reason = faults[0] if faults else f"what is claimed is proven again ({name})."
    return Conclusion(name, found.figure, found.side, found.proven, found.claimed, not faults, reason)


def kind_of(root: dict[str, Any]) -> Kind:
    """The kind of a certificate: by its format and the entries of its proof, which must be the kind it states."""
    entries = next((parts for name, parts in FORMATS.items() if name == root.get("format")), None)
    if entries is None:
        raise refuse("the format is none that is known here.")
    record(root, "the certificate", f"format version created_by question claim {entries}", "kind")
    if root["version"] != 1 or type(root["version"]) is not int or type(root["created_by"]) is not str:
        raise refuse("the version is not 1, or its maker has no name.")
    proof = root["claim"] if root["format"] == CLOSED else root["proof"]
    for kind in KINDS:
        if root["format"] == kind.format and type(proof) is dict and kind.entries <= proof.keys():
            if root.get("kind", kind.stated) != kind.stated:
                raise refuse("the kind that is stated is not that of the proof.")
            return kind
    raise refuse("the proof is of no kind that is known here.")
