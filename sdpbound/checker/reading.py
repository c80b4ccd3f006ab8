"""Reading the entries of a certificate: each is of the kind expected, or is refused by its name.

Sizes are limited far above what any honest certificate has, so that a hostile file exhausts neither time nor memory.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from sdpbound.checker.numbers import Index, Tensor
from sdpbound.errors import CertificateError

__all__ = [
    "BOXES",
    "CERTIFICATE",
    "CLOSED_FORM",
    "LARGEST_FLOAT",
    "read",
    "read_integer",
    "read_keys",
    "read_kind",
    "read_list",
    "read_number",
    "read_numbers",
    "read_string",
    "read_tensor",
    "shown",
]

_LARGEST_NUMBER = 2**200
LARGEST_FLOAT = float(_LARGEST_NUMBER)
_SMALLEST_NUMBER = Fraction(1, 2**1074)  # what floats have
_LONGEST_RATIONAL = 400  # characters
_LONGEST_SHOWN = 1000  # binary digits
_LARGEST_FILE = 2**28  # bytes
_RATIONAL = re.compile(r"[+-]?[0-9]+(/[0-9]+)?")
CERTIFICATE = "sdpbound certificate"
CLOSED_FORM = "sdpbound closed form"
BOXES = "sdpbound box certificate"
#: The entry that says which kind of certificate a file is; those of older versions have none.
KIND = ("kind",)


def read(certificate: Mapping[str, object] | str | os.PathLike[str]) -> Mapping[str, object]:
    """The entries of a certificate in a format and version that :func:`verify` can check; nothing else is checked.

    Raises
    ------
    CertificateError
        If the file cannot be opened, is not JSON, or is no certificate.
    """
    root = _loaded(certificate)
    formats = (CERTIFICATE, CLOSED_FORM, BOXES)
    if isinstance(root, Mapping) and "format" in root and root["format"] not in formats:
        raise CertificateError(f"format is {shown(root['format'])}; it must be one of {', '.join(map(repr, formats))}.")
    if isinstance(root, Mapping) and root.get("format") == CLOSED_FORM:
        read_keys(root, ("format", "version", "created_by", "question", "theorem", "claim"), "certificate", KIND)
        read_string(root["theorem"], "theorem")
    else:
        read_keys(root, ("format", "version", "created_by", "question", "proof", "claim"), "certificate", KIND)
    if isinstance(root["version"], bool) or not isinstance(root["version"], int) or root["version"] != 1:
        raise CertificateError(f"version is {shown(root['version'])}; this sdpbound reads version 1.")
    read_string(root["created_by"], "created_by")
    return root


def _loaded(certificate: Mapping[str, object] | str | os.PathLike[str]) -> Mapping[str, object]:
    if isinstance(certificate, Mapping):
        return certificate
    if not isinstance(certificate, str | os.PathLike):
        raise CertificateError(f"A certificate is a dictionary or a path, not a {type(certificate).__name__}.")
    try:
        data = bytearray()
        with open(certificate, "rb") as file:
            while len(data) <= _LARGEST_FILE and (part := file.read(2**20)):  # no more memory than the file has bytes
                data += part
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CertificateError(f"The certificate {shown(certificate)} cannot be read: {reason}.") from error
    if not data.strip():
        raise CertificateError(f"The certificate {shown(certificate)} is empty.")
    if len(data) > _LARGEST_FILE:
        raise CertificateError(f"The certificate {shown(certificate)} has more than {_LARGEST_FILE} bytes.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CertificateError(f"The certificate {shown(certificate)} is not UTF-8: {error}.") from error
    try:
        root: Mapping[str, object] = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise CertificateError(f"The certificate {shown(certificate)} is nested too deeply.") from None
    except ValueError as error:
        raise CertificateError(f"The certificate {shown(certificate)} is not JSON: {error}.") from error
    return root


def _refuse_constant(text: str) -> Any:
    raise CertificateError(f"The certificate contains {text}; numbers must be finite.")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        key = next(key for i, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:i]))
        raise CertificateError(f"The key {shown(key)} appears twice in one object of the certificate.")
    return entries


def read_keys(
    entry: object, expected: tuple[str, ...], name: str, optional: tuple[str, ...] = ()
) -> Mapping[str, object]:
    """An object with exactly the expected keys, in the order expected: that of the file means nothing.

    Those that are ``optional`` may be there, and are left out of what is returned.
    """
    if not isinstance(entry, Mapping):
        raise CertificateError(f"{name} is {shown(entry)}; an object is expected.")
    for key in expected:
        if key not in entry:
            raise CertificateError(f"{name} has no entry {key!r}.")
    for key in entry:
        if key not in expected and key not in optional:
            allowed = ", ".join((*expected, *optional))
            raise CertificateError(f"{name} has an unknown entry {shown(key)}; it may have {allowed}.")
    return {key: entry[key] for key in expected}


def read_kind(entry: object, name: str, known: tuple[str, ...]) -> str:
    if not isinstance(entry, Mapping):
        raise CertificateError(f"{name} is {shown(entry)}; an object is expected.")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in known:
        raise CertificateError(f"{name}.kind is {shown(kind)}; it must be one of {', '.join(known)}.")
    return kind


def read_list(entry: object, name: str, *, length: int | None = None) -> Sequence[Any]:
    if not isinstance(entry, list | tuple):
        raise CertificateError(f"{name} is {shown(entry)}; a list is expected.")
    if length is not None and len(entry) != length:
        raise CertificateError(f"{name} has {len(entry)} entries; {length} are needed.")
    return entry


def read_string(entry: object, name: str) -> None:
    if not isinstance(entry, str):
        raise CertificateError(f"{name} is {shown(entry)}; a string is expected.")


def read_integer(entry: object, low: int, high: int, name: str) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int) or not low <= entry <= high:
        raise CertificateError(f"{name} has {shown(entry)}; an integer from {low} to {high} is expected.")
    return int(entry)


def read_number(entry: object, name: str) -> Fraction:
    """A float or an integer as it is, or a string "p/q"."""
    if type(entry) is float and -LARGEST_FLOAT <= entry <= LARGEST_FLOAT:  # most are; NaN is not
        return Fraction(entry)
    if isinstance(entry, bool) or not isinstance(entry, int | float | str):
        raise CertificateError(f"{name} is {shown(entry)}; a number or a string 'p/q' is expected.")
    if isinstance(entry, str):
        if len(entry) > _LONGEST_RATIONAL or not _RATIONAL.fullmatch(entry):
            raise CertificateError(f"{name} is {shown(entry)}; a number or a string 'p/q' is expected.")
        top, _, bottom = entry.partition("/")
        if bottom and not int(bottom):
            raise CertificateError(f"{name} is {shown(entry)}; its denominator is zero.")
        value = Fraction(int(top), int(bottom or 1))
    elif isinstance(entry, float) and not math.isfinite(entry):
        raise CertificateError(f"{name} is {shown(entry)}; numbers must be finite.")
    else:
        value = Fraction(float(entry) if isinstance(entry, float) else int(entry))
    if abs(value) > _LARGEST_NUMBER:
        raise CertificateError(f"{name} is {shown(entry)}; numbers beyond 2^200 in size are refused.")
    if value and abs(value) < _SMALLEST_NUMBER:
        raise CertificateError(f"{name} is {shown(entry)}; numbers below 2^-1074 in size, other than 0, are refused.")
    return value


def read_numbers(entry: object, name: str, *, length: int) -> list[Fraction]:
    return [read_number(item, f"{name}[{i}]") for i, item in enumerate(read_list(entry, name, length=length))]


def read_tensor(entry: object, shape: tuple[int, ...], name: str) -> Tensor:
    """A nested list of this shape, without its zeros."""
    tensor: Tensor = {}

    def walk(part: object, index: Index, label: str) -> None:
        if len(index) == len(shape):
            if value := read_number(part, label):
                tensor[index] = value
            return
        for i, item in enumerate(read_list(part, label, length=shape[len(index)])):
            walk(item, (*index, i), f"{label}[{i}]")

    walk(entry, (), name)
    return tensor


class _Short(reprlib.Repr):
    """Texts of at most thirty characters a part. Of a huge integer versions of Python give none, or its address."""

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() <= _LONGEST_SHOWN else "a number too large to show"


def shown(value: object) -> str:
    """Short text of a value that may be anything."""
    try:
        return _Short().repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"
