"""Which kind of certificate a file is, and its check.

The kinds are the table ``KINDS``; a new one is a module of this package and a line there. Kinds of other packages are
never looked for: who trusts one hands it over, and it checks the files that name it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sdpbound.checker.all_channels import verify_all_channels
from sdpbound.checker.all_flips import verify_all_flips
from sdpbound.checker.attack import verify_attack
from sdpbound.checker.bound import verify_bound
from sdpbound.checker.boxes import verify_boxes
from sdpbound.checker.chsh_entropy import verify_closed_entropy
from sdpbound.checker.claim import Verification
from sdpbound.checker.estimation import verify_estimation
from sdpbound.checker.finite import verify_finite
from sdpbound.checker.operators import verify_operators
from sdpbound.checker.processed_attack import verify_processed_attack
from sdpbound.checker.qubit_average import verify_average
from sdpbound.checker.reading import BOXES, CERTIFICATE, CLOSED_FORM, read, shown
from sdpbound.checker.renyi import verify_renyi
from sdpbound.checker.renyi_length import verify_renyi_length
from sdpbound.checker.routed import verify_routed
from sdpbound.checker.routed_attack import verify_routed_attack
from sdpbound.checker.self_test import verify_self_test
from sdpbound.checker.visibility import verify_visibility
from sdpbound.errors import CertificateError, InvalidParameter

__all__ = ["KINDS", "Kind", "check", "require_kinds"]

Root = Mapping[str, object]  # a certificate that was read


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of certificate.

    Attributes
    ----------
    name : what files of this kind say in ``kind``
    recognise : whether a file that was read has the entries of this kind
    verify : its check: takes the entries and ``strict``, returns a :class:`Verification`, raises CertificateError
    """

    name: str
    recognise: Callable[[Root], bool]
    verify: Callable[[Root, bool], Verification]


def _of_format(form: str) -> Callable[[Root], bool]:
    return lambda root: root["format"] == form


def _with_proof(entry: str) -> Callable[[Root], bool]:
    """The usual format, with this entry in the proof."""

    def has(root: Root) -> bool:
        proof = root.get("proof")
        return isinstance(proof, Mapping) and entry in proof

    return has


def _formula(root: Root) -> bool:
    question = root["question"]
    figure = question.get("figure") if isinstance(question, Mapping) else None
    return root["format"] == CLOSED_FORM and isinstance(figure, Mapping) and figure.get("kind") == "conditional_entropy"


#: The first that recognises a file checks it; a file that names its kind must be recognised as that one.
KINDS: tuple[Kind, ...] = (
    Kind("entropy by formula", _formula, verify_closed_entropy),
    Kind("self-test", _of_format(CLOSED_FORM), verify_self_test),
    Kind("boxes", _of_format(BOXES), verify_boxes),
    Kind("attacks on all channels", _with_proof("shares"), verify_all_channels),
    Kind("attacks on all flips", _with_proof("mixtures"), verify_all_flips),
    Kind("attack", _with_proof("strategies"), verify_attack),
    Kind("explicit visibility", _with_proof("visibility"), verify_visibility),
    Kind("attack on a processed key", _with_proof("processed"), verify_processed_attack),
    Kind("average entropy", _with_proof("average"), verify_average),
    Kind("renyi entropy", _with_proof("renyi"), verify_renyi),
    Kind("finite length", _with_proof("accumulation"), lambda root, strict: verify_finite(root, strict, check)),
    Kind(
        "length by Renyi entropies",
        _with_proof("renyi_accumulation"),
        lambda root, strict: verify_renyi_length(root, strict, check),
    ),
    Kind("probability estimation", _with_proof("estimation"), verify_estimation),
    Kind("routed entropy", _with_proof("routed_nodes"), verify_routed),
    Kind("routed attack", _with_proof("routed_strategies"), verify_routed_attack),
    Kind("operator problem", _with_proof("squares"), verify_operators),
    Kind("bound", _of_format(CERTIFICATE), verify_bound),
)


def check(certificate: Root | str | os.PathLike[str], strict: bool = True, kinds: Sequence[Kind] = ()) -> Verification:
    """As :func:`sdpbound.verify`, in this process and without limits."""
    try:
        root = read(certificate)
        return _kind_of(root, kinds).verify(root, strict)
    except (CertificateError, InvalidParameter):
        raise
    except (ArithmeticError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, AssertionError) as error:
        # what no reading foresaw proves nothing
        raise CertificateError(
            f"The certificate cannot be checked: its numbers lead to {type(error).__name__} ({error})."
        ) from error


def require_kinds(kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """Kinds of others, if each has a name of its own."""
    names = [kind.name for kind in KINDS]
    for kind in kinds:
        if not isinstance(kind, Kind):
            raise InvalidParameter(f"kinds has {kind!r}; each must be a sdpbound.checker.Kind.")
        if kind.name in names:
            raise InvalidParameter(f"kinds has two of the name {kind.name!r}; give it a name of its own.")
        names.append(kind.name)
    return tuple(kinds)


def _kind_of(root: Root, kinds: Sequence[Kind]) -> Kind:
    """The kind that a file says it is, if its entries are those of that kind; of older files, that of the entries."""
    for kind in require_kinds(kinds):
        if root.get("kind") == kind.name and kind.recognise(root):
            return kind
    found = next(kind for kind in KINDS if kind.recognise(root))
    if "kind" not in root:
        return found
    named = {kind.name: kind for kind in KINDS}
    said = root["kind"]
    if not isinstance(said, str) or said not in named:
        raise CertificateError(f"kind is {shown(said)}; it must be one of {', '.join(named)}.")
    if named[said] is not found:
        raise CertificateError(f"kind is {said!r}, and the entries are those of a certificate of kind {found.name!r}.")
    return found
