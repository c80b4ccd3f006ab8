"""The certificates of a store, checked by the independent checker and compared with the questions of rows."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from sdpbound.bounds.figures import Separation
from sdpbound.checker import Checker, Verification, verify
from sdpbound.errors import CertificateError
from sdpbound.study.file.spec import Quantity
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import show
from sdpbound.study.quantities.kind import question
from sdpbound.study.store import Store
from sdpbound.study.store.form import certificate_name, loads
from sdpbound.tables.columns import Row

__all__ = ["Proofs", "prove_infeasible"]

Check = Callable[..., Verification]  # verify, in this process or in another one

#: Checked certificates that are remembered. The rows that share one are of one task and follow each other.
KEPT = 16
#: Most entries of one certificate. Certificates of this package have fewer than a third of them.
ENTRIES = 2**20


@dataclass(frozen=True, slots=True)
class _Proof:
    """The question of a certificate that holds, its proof, and what the checker found."""

    question: Mapping[str, Any]
    proof: Mapping[str, Any]
    found: Verification


class Proofs:
    """The certificates of a store by their names.

    A certificate that was checked recently is not checked again. A few certificates are in memory, and 8 bytes for each
    one that was checked: a hash of the certificate's name, with a key.

    Parameters
    ----------
    store, key : where the certificates are, and the key of the hashes, which is random and secret
    checker : checks within limits; None checks in this process without limits
    seen : hashes of the certificates that were checked elsewhere

    Attributes
    ----------
    checked : number of checks asked for, repeated ones included, and of the certificates of :meth:`rest`
    seen : hashes of the certificates for which :meth:`of` was called
    """

    def __init__(
        self, store: Store, key: bytes, checker: Checker | None = None, seen: array[int] | None = None
    ) -> None:
        self.checked = 0
        self.seen = array("q") if seen is None else seen
        self._verify: Check = verify if checker is None else checker.verify
        self._store, self._key = store, key
        self._recent = lru_cache(maxsize=KEPT)(self._look)

    def of(self, name: str, question: dict[str, Any], as_given: bool = False) -> Verification:
        """Return what the certificate of this name proves.

        Raises CertificateError if the certificate does not hold, or answers another question. The tolerances of the
        certificate may be wider than those of the question, because that only weakens a bound over all devices. With
        ``as_given``, for an attack, the tolerances must be equal.
        """
        self.checked += 1
        proof = self._recent(name)
        if isinstance(proof, str):
            raise CertificateError(proof)
        _compare(proof.question, question, as_given)
        return proof.found

    def proof(self, name: str) -> Mapping[str, Any]:
        """Return the proof in the certificate of this name, which holds."""
        found = self._recent(name)
        if isinstance(found, str):
            raise CertificateError(found)
        return found.proof

    def rest(self) -> Iterator[tuple[str, str]]:
        """Yield the names of the certificates for which :meth:`of` was not called, each with its fault, or ""."""
        seen = np.sort(np.array(self.seen, dtype=np.int64))
        for name, text in self._store.certificates():
            own = self._hash(name)
            place = int(np.searchsorted(seen, own))
            if place == seen.size or seen[place] != own:
                self.checked += 1
                proof = checked(name, text, self._verify)
                yield name, proof if isinstance(proof, str) else ""

    def _look(self, name: str) -> _Proof | str:
        text = self._store.certificate(name)
        if text is None:
            return f"its certificate {show(name)} is not in the store."
        self.seen.append(self._hash(name))
        return checked(name, text, self._verify)

    def _hash(self, name: str) -> int:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big", signed=True)


def checked(name: str, text: bytes, check: Check) -> _Proof | str:
    """Return the checker's result, or a text that says why the certificate proves nothing."""
    own = certificate_name(text)
    if name != own:
        return f"its certificate is named {show(name)}, and what it says has the name {own}."
    try:
        data = _decoded(text)
        found = check(data, strict=False)
    except CertificateError as error:
        return f"{error}"
    # The text may be anything, and may raise any error in the checker. Then it proves nothing.
    except Exception as error:
        return f"The certificate cannot be checked: {type(error).__name__} {error}."
    return _Proof(data["question"], data.get("proof", {}), found) if found.holds else found.message


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        data = loads(text, _unique, ENTRIES)
    except ValueError as error:
        raise CertificateError(f"The certificate {error}.") from None
    if not isinstance(data, dict):  # the checker would take a text for the name of a file
        raise CertificateError(f"The certificate is a JSON {type(data).__name__}, and must be an object.")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise CertificateError("The certificate has an entry twice in one object.")
    return entries


def _compare(question: Mapping[str, Any], wanted: dict[str, Any], as_given: bool) -> None:
    """Raise CertificateError unless the certificate is about the wanted question.

    Tolerances may be wider where allowed.
    """
    for key, value in wanted.items():
        own = question.get(key)
        if key == "observed" and isinstance(own, list):
            same = _same_data(own, value, as_given)
        elif key == "model" and value == {"kind": "quantum"} and isinstance(own, dict):
            same = own.get("kind") == "quantum"
        else:
            same = own == value
        if not same:
            raise CertificateError(f"its certificate is about another question: {key} differs from the row's.")


def _same_data(own: list[dict[str, Any]], wanted: list[dict[str, Any]], as_given: bool) -> bool:
    """Whether the tested data are the same.

    The checker has read the question, so every entry is there and is a number.
    """
    return len(own) == len(wanted) and all(
        a["coefficients"] == b["coefficients"]
        and a["value"] == b["value"]
        and (a["tolerance"] == b["tolerance"] if as_given else Fraction(a["tolerance"]) >= Fraction(b["tolerance"]))
        for a, b in zip(own, wanted, strict=True)
    )


# -- rows ---------------------------------------------------------------------------------------------------------


def prove_infeasible(proofs: Proofs, at: AtPoint, quantity: Quantity, row: Row) -> bool:
    """Whether the row has a certificate that separates the data from the adversary's set.

    Raises CertificateError if the set contains such data anyway, or if the certificate does not separate them.
    """
    if quantity.group != "data" or not at.may_be_infeasible:
        raise CertificateError("its status is 'infeasible', and the adversary's set has what is asked for.")
    if row["certificate"] is None:
        return False
    asked = question(at, Separation(), "upper") | {"model": at.model.describe()}
    if not proofs.of(row["certificate"], asked).value < 0.0:
        raise CertificateError("its certificate does not separate the data from the adversary's set.")
    return True
