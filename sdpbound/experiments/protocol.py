"""Protocols that are fixed before the rounds, and the certified length of a run."""

from __future__ import annotations

import json
import math
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.stats import binom

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.bell.families.expressions import chsh
from sdpbound.bell.observations import Observations
from sdpbound.checker.estimation import Devices
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.experiments.consistency import IMPROBABLE, inputs_test
from sdpbound.experiments.counts import Counts, Origin
from sdpbound.experiments.estimation import EstimatedLength, estimated_length
from sdpbound.finite_size import (
    FiniteKeyOptions,
    FiniteLength,
    FiniteRandomnessOptions,
    FiniteSecurity,
    finite_key_length,
    finite_randomness_length,
)
from sdpbound.finite_size.acceptance import Acceptance
from sdpbound.finite_size.options import Inputs

__all__ = ["Certified", "FixedProtocol", "certify", "read_protocol", "require_fixed_before"]

#: The largest file of a protocol in bytes.
BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class FixedProtocol:
    """A protocol that was fixed before the rounds that it is applied to.

    Parameters
    ----------
    length : the length that it promises, with its test: of a quantum Eve, or of one with classical side information
    training : the counts that it was made from, or their ``origin``; None if it was made from no counts

    Raises
    ------
    InvalidInput
        ``training`` is no counts.
    """

    length: FiniteLength | EstimatedLength
    training: Counts | Origin | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.length, EstimatedLength):
            instance(self.length, FiniteLength, "length", "finite_randomness_length(behaviour, 1e7)")
        if self.training is not None and not isinstance(self.training, Origin):
            instance(self.training, Counts, "training", "training, rest = counts.split(100000)")

    @property
    def origin(self) -> Origin | None:
        """Which rounds the protocol was made from."""
        return self.training.origin if isinstance(self.training, Counts) else self.training

    def __repr__(self) -> str:
        made = "" if self.origin is None else f", made from counts {self.origin.fingerprint[:12]}"
        return f"FixedProtocol({self.length!r}{made})"


@dataclass(frozen=True, eq=False)
class Certified:
    """What a run of a fixed protocol gives.

    Attributes
    ----------
    length : whole bits of output that are proven; 0 if the run does not pass
    side : "lower"
    kind : "key" or "randomness"
    accepted : whether the run passes
    reason : one sentence that says why it does not; empty if it does
    acceptance : scores and numbers of tests
    protocol : the protocol
    sent : for a key, the bits that error correction may send for this length; after ``distil_key`` those that were sent
    """

    length: int
    side: str
    kind: str
    accepted: bool
    reason: str
    acceptance: Acceptance
    protocol: FixedProtocol
    sent: float

    def __bool__(self) -> bool:
        return self.accepted

    def __repr__(self) -> str:
        if not self.accepted:
            return f"Certified(nothing: {self.reason})"
        security = self.protocol.length.security
        return f"Certified({self.length} bits of {self.kind}, lower bound, soundness {security.soundness:g})"


def certify(counts: Counts, protocol: FixedProtocol) -> Certified:
    """The length of key or randomness that a run of a protocol proves; the protocol must have been fixed before.

    The run passes if the protocol's test accepts the counts, and its numbers of tests and settings are not improbable
    (below 1e-9) for how they were to be drawn. What passes has the protocol's length, what does not has none.

    Raises
    ------
    InvalidInput
        The protocol is known to be made from these counts, or from a part of them.

    Returns
    -------
    Certified
        ``length`` is a lower bound, in bits; ``reason`` says why it is 0 where it is.

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> bounds = [sb.conditional_entropy(sb.Observations.correlators(p))]
    >>> protocol = FixedProtocol(sb.finite_randomness_length(p, 1e6, entropies=bounds))
    >>> certify(Counts.from_table([[[[250_000]]]]), protocol).reason[:20]
    'the counts are of Sc'
    """
    instance(counts, Counts, "counts", "Counts.from_csv('rounds.csv')")
    instance(protocol, FixedProtocol, "protocol", "FixedProtocol(finite_randomness_length(behaviour, 1e7))")
    require_fixed_before(counts, protocol)
    length = protocol.length
    acceptance = length.accepts(counts)
    reason = acceptance.reason or _improbable(counts, length)
    bits = math.floor(length.length_for(counts)) if acceptance else 0
    if not reason and bits < 1:
        reason = f"the run passes, but the protocol promises {length.length:.6g} bits; more rounds are needed."
    return Certified(
        length=0 if reason else bits,
        side="lower",
        kind=length.kind,
        accepted=not reason,
        reason=reason,
        acceptance=acceptance,
        protocol=protocol,
        sent=-length.terms.get("error correction", 0.0),
    )


def require_fixed_before(counts: Counts, protocol: FixedProtocol) -> None:
    """Refuse a protocol that is known to be made from these counts, or from a part of them."""
    if protocol.origin is not None and protocol.origin.overlaps(counts.origin):
        raise InvalidInput(
            "the protocol was made from these counts or from a part of them, which proves nothing; make it from the "
            "first part of counts.split, and certify the other one."
        )
    honest = protocol.length.behaviour
    if honest.scenario == counts.scenario and counts.settings.all() and honest == counts.behaviour():
        raise InvalidInput(
            "the honest behaviour of the protocol is the estimate from these very counts; make the protocol from the "
            "first part of counts.split, or from what the devices promise."
        )


def _improbable(counts: Counts, length: FiniteLength | EstimatedLength) -> str:
    """A sentence if tests or settings were not drawn as the protocol says; empty if they may have been."""
    n, tests, gamma = counts.n, counts.tested, length.test_probability
    p = 2.0 * min(float(binom.cdf(tests, n, gamma)), float(binom.sf(tests - 1, n, gamma)))
    if p < IMPROBABLE:
        return f"{tests} of {n} rounds were tests, and each is one with probability {gamma:.6g}: improbable ({p:.2g})."
    drawn = inputs_test(counts.settings, length.test_distribution)
    if drawn.p_value < IMPROBABLE:
        x, y = drawn.worst
        return (
            f"the settings ({x}, {y}) came {drawn.seen} times in tests, where the protocol expects "
            f"{drawn.expected:.6g}: improbable ({drawn.p_value:.2g})."
        )
    return ""


# -- files --------------------------------------------------------------------------------------------------------

Row = Annotated[list[float], Field(max_length=64)]
Matrix = Annotated[list[Row], Field(max_length=64)]


class _File(BaseModel):
    """The entries of a file; numbers only, and no code."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    kind: Literal["key", "randomness"]
    rounds: int = Field(ge=1, le=10**18)
    correlators: Matrix | None = None
    marginals_a: Row | None = None
    marginals_b: Row | None = None
    probabilities: Annotated[list[Annotated[list[Matrix], Field(max_length=64)]], Field(max_length=64)] | None = None
    observed: Literal["correlators", "full", "chsh"] = "correlators"
    x: int = 0
    y: int | None = None
    soundness: float = 1e-10
    completeness: float = 1e-2
    efficiency: float = 1.0
    preprocessing: float | Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    test_probability: float | None = None
    test_distribution: Matrix | None = None
    net: bool | None = None
    inputs: Inputs | None = None
    method: Literal["auto", "renyi", "accumulation", "estimation"] = "auto"
    devices: Devices | None = None
    lengths: int = 1
    training: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


def read_protocol(path: str | os.PathLike[str]) -> FixedProtocol:
    """The protocol of a TOML or JSON file (docs/experiments.md has its entries); its length is computed here.

    ``path`` is the file, whose name ends in .toml or .json.

    Raises
    ------
    InvalidInput
        The file cannot be read, or has a wrong entry.

    >>> from tempfile import mkdtemp
    >>> from pathlib import Path
    >>> file = Path(mkdtemp()) / "protocol.toml"
    >>> text = 'kind = "randomness"\\nrounds = 400_000\\nobserved = "chsh"\\nmethod = "accumulation"\\n'
    >>> _ = file.write_text(text + "correlators = [[0.66, 0.66], [0.66, -0.66]]\\n")
    >>> round(read_protocol(file).length.length)
    118102
    """
    file = Path(path)
    data = _content(file)
    try:
        entries = _File.model_validate_json(json.dumps(data, default=str))
    except ValueError as error:
        if not isinstance(error, ValidationError):
            raise InvalidInput(f"protocol '{file}' has a number that is too long: {error!s:.200}.") from None
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            known = ", ".join(_File.model_fields)
            raise InvalidInput(f"protocol '{file}' has the entry '{place}'; the entries are {known}.") from None
        raise InvalidInput(f"protocol '{file}': {place}: {first['msg']} (given {first['input']!r:.40}).") from None
    origin = None if entries.training is None else Origin(entries.training)
    return FixedProtocol(_length(entries, file), origin)


def _content(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            content = stream.read(BYTES + 1)
        if len(content) > BYTES:
            raise InvalidInput(f"protocol '{file}' has more than {BYTES} bytes; a protocol has some numbers.")
        text = content.decode("utf-8-sig")
        data = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except InvalidInput:
        raise
    except OSError as error:
        raise InvalidInput(f"protocol '{file}' cannot be read: {error.strerror}; give a TOML or JSON file.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"protocol '{file}' is not valid TOML or JSON: {error!s:.200}.") from None
    if not isinstance(data, dict):
        raise InvalidInput(f"protocol '{file}' must be a table of entries such as kind and rounds.")
    return data


def _length(entries: _File, file: Path) -> FiniteLength | EstimatedLength:
    behaviour = _behaviour(entries, file)
    if entries.method == "estimation":
        return _estimated(entries, behaviour, file)
    if entries.devices is not None:
        raise InvalidParameter(f"protocol '{file}': devices is an entry of method = 'estimation'.")
    data: Observations | str = entries.observed
    if entries.observed == "chsh":
        data = Observations.bell_value(chsh(), behaviour)
    security = FiniteSecurity(
        soundness=entries.soundness, completeness=entries.completeness, efficiency=entries.efficiency
    )
    distribution = None if entries.test_distribution is None else np.array(entries.test_distribution)
    if entries.kind == "key":
        for name in ("net", "inputs"):
            if getattr(entries, name) is not None:
                raise InvalidParameter(f"protocol '{file}': {name} is an entry of randomness, not of a key.")
        options = FiniteKeyOptions(
            security=security,
            test_probability=entries.test_probability,
            test_distribution=distribution,
            method=entries.method,
            lengths=entries.lengths,
            preprocessing=_preprocessing(entries),
        )
        return finite_key_length(behaviour, entries.rounds, entries.x, entries.y or 0, data, options)
    if entries.preprocessing is not None:
        raise InvalidParameter(f"protocol '{file}': preprocessing is an entry of a key, not of randomness.")
    choice = FiniteRandomnessOptions(
        security=security,
        test_probability=entries.test_probability,
        test_distribution=distribution,
        method=entries.method,
        lengths=entries.lengths,
        net=bool(entries.net),
        inputs=entries.inputs or "public",
    )
    return finite_randomness_length(behaviour, entries.rounds, entries.x, entries.y, data, choice)


def _preprocessing(entries: _File) -> Preprocessing:
    given = entries.preprocessing
    return BinaryChannel(*given) if isinstance(given, list) else given or 0.0


def _estimated(entries: _File, behaviour: Behaviour, file: Path) -> EstimatedLength:
    """The length by probability estimation, in which all rounds are tests."""
    wrong = {"x", "y", "observed", "test_probability", "net", "inputs", "preprocessing", "efficiency", "lengths"}
    wrong &= entries.model_fields_set
    if entries.kind != "randomness" or wrong:
        raise InvalidParameter(
            f"protocol '{file}': method = 'estimation' is for kind = 'randomness', with all rounds tested"
            + (f", and has no entry {min(wrong)}." if wrong else ".")
        )
    security = FiniteSecurity(soundness=entries.soundness, completeness=entries.completeness)
    drawn = None if entries.test_distribution is None else np.array(entries.test_distribution)
    return estimated_length(behaviour, entries.rounds, drawn, security, entries.devices or "tsirelson")


def _behaviour(entries: _File, file: Path) -> Behaviour:
    if (entries.correlators is None) == (entries.probabilities is None):
        raise InvalidParameter(
            f"protocol '{file}' must have either correlators[x][y] or probabilities[a][b][x][y] of the honest devices."
        )
    if entries.correlators is not None:
        return Behaviour.from_correlators(entries.correlators, entries.marginals_a, entries.marginals_b)
    if entries.marginals_a is not None or entries.marginals_b is not None:
        raise InvalidParameter(f"protocol '{file}': marginals belong to correlators; probabilities have them already.")
    return Behaviour(np.array(entries.probabilities, dtype=np.float64))
