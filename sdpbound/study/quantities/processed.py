"""Key rates with a post-processing, and what explicit attacks leave of them."""

from __future__ import annotations

import json
import math
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.attacks.average_attack import AverageAttack
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.strategy import Strategy
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.errors import CertificateError, InvalidInput
from sdpbound.rates.postprocessing.attacked import ProcessedAttack as LeftOfKey
from sdpbound.rates.postprocessing.postprocessing import Claim, PostProcessing
from sdpbound.rates.postprocessing.table import postprocessing_from
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import key_rate
from sdpbound.rates.upper import key_rate_upper_bound
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.attacks import APPROXIMATE, ATTACK
from sdpbound.study.quantities.checks import Proofs, follows, same, show
from sdpbound.study.quantities.kind import Asked, Group, Needs, QuantityKind, Run, Side, data_entries
from sdpbound.tables.columns import Row

__all__ = ["ProcessedAttack", "ProcessedKey", "asked_for", "attacked_rate", "certified_attack", "of_row", "proven_rate"]


@dataclass(frozen=True, kw_only=True)
class _Processed(QuantityKind):
    """A key rate with a post-processing, from one side; the post-processing says the settings and the flips."""

    group: Group = "entropy"
    unit: Any = "bit"
    rate: bool = True
    #: The methods that a row may name.
    methods: ClassVar[tuple[str, ...]]

    def program(self, asked: Asked) -> tuple[Any, ...]:
        return asked.name, asked.how, asked_for(asked)

    def row(self, at: AtPoint, asked: Asked, run: Run) -> Row:
        start = time.perf_counter()
        rate = self.found(at, asked)
        assert rate.postprocessing is not None
        return {
            "error_correction": rate.error_correction,
            "security": rate.security,
            "solver": rate.entropy.solver,
            "status": rate.entropy.status,
            "postprocessing": json.dumps(rate.postprocessing.entry),
            **self.of_rate(at, asked, rate, run),
            "seconds": time.perf_counter() - start,
        }

    @abstractmethod
    def found(self, at: AtPoint, asked: Asked) -> Rate:
        """Return the rate."""

    @abstractmethod
    def of_rate(self, at: AtPoint, asked: Asked, rate: Rate, run: Run) -> Row:
        """Return the value, the method and the certificate."""

    def needs(self, asked: Asked, row: Row) -> Needs:
        if row["method"] not in self.methods:
            raise CertificateError(f"its method is {show(row['method'])}, and must be one of {self.methods}.")
        own = asked_for(asked)
        same(own.theorem if self.side == "lower" else own.statement, row["security"], "security")
        need = {"value", "method", "status", "solver", "error_correction", "security", "postprocessing"}
        return need, {"seconds", "margin", "certificate"}


@dataclass(frozen=True, kw_only=True)
class ProcessedKey(_Processed):
    """The certified key rate with a post-processing."""

    side: Side = "lower"
    methods: ClassVar[tuple[str, ...]] = ("certified",)

    def found(self, at: AtPoint, asked: Asked) -> Rate:
        entropy = VonNeumann() if asked.how is None else asked.how.bound(at.solver)
        return key_rate(at.behaviour, at.observed, entropy=entropy, postprocessing=asked_for(asked))

    def of_rate(self, at: AtPoint, asked: Asked, rate: Rate, run: Run) -> Row:
        correction = rate.entropy.correction
        margin = correction if abs(correction) <= self.span(at, asked) else None
        proof = run.certificate(rate.entropy)
        return {"value": rate.value, "method": "certified", "margin": margin, "certificate": proof}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        by = of_row(row, asked)
        if row["certificate"] is None:
            return ""
        value, leak = proven_rate(by, at, row["certificate"], proofs)
        same(leak, row["error_correction"], "error_correction")
        follows(row["value"], value, "value", "lower")
        return "proven"

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return conic | {"inaccurate"}


@dataclass(frozen=True, kw_only=True)
class ProcessedAttack(_Processed):
    """What an explicit attack leaves of a key rate with a post-processing.

    The certificate proves what Eve's strategies leave. Of a post-processing of another package that has no such
    certificate, and of rows of older stores, it proves that they have the tested data, and what they leave is evaluated
    in floats.
    """

    side: Side = "upper"
    attack: ClassVar[bool] = True
    methods: ClassVar[tuple[str, ...]] = (ATTACK, APPROXIMATE)

    def found(self, at: AtPoint, asked: Asked) -> Rate:
        return key_rate_upper_bound(at.behaviour, at.observed, postprocessing=asked_for(asked))

    def of_rate(self, at: AtPoint, asked: Asked, rate: Rate, run: Run) -> Row:
        method, attack, value = ATTACK if rate.exact else APPROXIMATE, certified_attack(rate), rate.value
        if isinstance(attack, EntropyAttack):
            assert rate.postprocessing is not None
            mixture = _mixture(attack.certificate.data["proof"])
            value = max(value, rate.postprocessing.rate_under(at.behaviour, at.observed, *mixture)[0])
        return {"value": value, "method": method, "certificate": run.certificate(attack)}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        by = of_row(row, asked)
        if row["certificate"] is None:
            return ""
        exact = row["method"] == ATTACK
        left, leak = attacked_rate(by, at, row["certificate"], proofs, exact)
        same(leak, row["error_correction"], "error_correction")
        follows(row["value"], left, "value", "upper")
        return "proven" if exact else "approximate"

    def solvers(self, asked: Asked, model: str | None) -> frozenset[str] | None:
        return frozenset({"column generation"})

    def statuses(self, conic: frozenset[str]) -> frozenset[str]:
        return frozenset({"explicit attack"})


def asked_for(asked: Asked) -> PostProcessing:
    """Return the post-processing that is asked for."""
    assert asked.postprocessing is not None
    return asked.postprocessing


def certified_attack(rate: Rate) -> LeftOfKey | EntropyAttack:
    """Return the attack of a rate that has a certificate: that on the rate itself.

    Where there is none it is the one on the first key, of the same strategies as all.
    """
    if isinstance(rate.attack, LeftOfKey):
        return rate.attack
    found = rate.entropy.attacks[0] if isinstance(rate.entropy, AverageAttack) else rate.entropy
    assert isinstance(found, EntropyAttack)
    return found


def proven_rate(by: PostProcessing, at: AtPoint, name: str, proofs: Proofs) -> tuple[float, float]:
    """Return the rate that a certificate proves, and the cost of the errors of the key."""
    asked_about = _question(by.claim(at.behaviour, at.observed), "lower")
    return by.rate_from(at.behaviour, at.observed, proofs.of(name, asked_about).claimed)


def attacked_rate(
    by: PostProcessing, at: AtPoint, name: str, proofs: Proofs, exact: bool = True
) -> tuple[float, float]:
    """Return the rate that the strategies of an attack's certificate leave, and the cost of the errors of the key."""
    claim = by.attack_claim(at.behaviour, at.observed)
    if claim is not None and "processed" in proofs.proof(name):
        left = proofs.of(name, _question(claim, "upper"), as_given=exact).claimed
        return left, by.rate_under(at.behaviour, at.observed, *_mixture(proofs.proof(name)["processed"]))[1]
    proof = _proof_of(proofs, name, by.attacked(at.behaviour, at.observed), exact)
    return by.rate_under(at.behaviour, at.observed, *_mixture(proof))


def of_row(row: Row, asked: Asked) -> PostProcessing:
    """Return the post-processing of a row.

    Raises CertificateError unless it is the one asked for, with numbers for what is best.
    """
    try:
        found = postprocessing_from(json.loads(row["postprocessing"]))
    except (InvalidInput, ValueError, RecursionError) as error:
        raise CertificateError(f"its postprocessing is {show(row['postprocessing'])}, which is none: {error}") from None
    if type(found) is not type(asked_for(asked)) or not found.came_from(asked_for(asked)):
        raise CertificateError(f"its postprocessing is {found.label}, and {asked_for(asked).label} is asked for.")
    return found


def _question(claim: Claim, side: str) -> dict[str, Any]:
    """Return what a certificate must be about, in the form of a certificate's question."""
    figure, data = claim
    outcomes = [list(party) for party in data.scenario.outcomes]
    return {
        "scenario": {"outcomes": outcomes},
        "figure": figure.entry(),
        "side": side,
        "observed": data_entries(data),
        "model": {"kind": "quantum"},
    }


def _proof_of(proofs: Proofs, name: str, claims: Sequence[Claim], exact: bool) -> Mapping[str, Any]:
    """Return the proof of a certificate that is about one of some claims, after it was checked."""
    for number, claim in enumerate(claims):
        try:
            proofs.of(name, _question(claim, "upper"), as_given=exact)
        except CertificateError:
            if number == len(claims) - 1:
                raise
            continue
        break
    return proofs.proof(name)


def _mixture(proof: Mapping[str, Any]) -> tuple[list[Strategy], Floats]:
    """Return the strategies of an attack's certificate, and their weights."""
    found = []
    for entry in proof["strategies"]:
        root = _matrix(entry["state"], math.prod(entry["dimensions"]), rows=True)
        measurements = []
        for dimension, party in zip(entry["dimensions"], entry["measurements"], strict=True):
            factors = [[_matrix(effect, dimension) for effect in setting] for setting in party]
            measurements.append(tuple(np.array([f.conj().T @ f for f in own]) for own in factors))
        found.append(Strategy(root @ root.conj().T, tuple(measurements)))
    return found, np.array(proof["weights"], dtype=np.float64)


def _matrix(entry: Mapping[str, Any], size: int, rows: bool = False) -> NDArray[Any]:
    real = np.array(entry["real"], dtype=np.float64)
    found = real if entry["imaginary"] is None else real + 1j * np.array(entry["imaginary"], dtype=np.float64)
    return found.reshape((size, -1) if rows else (-1, size))
