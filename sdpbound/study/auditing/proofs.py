"""The certificates of a store, checked by the independent checker, and the questions that rows need answered."""

from __future__ import annotations

import math
import reprlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.figures import (
    BellValue,
    BlindGuessingProbability,
    ConditionalEntropy,
    Figure,
    GuessingProbability,
    SelfTestedEntropy,
    Separation,
)
from sdpbound.bounds.rounding import min_entropy_of
from sdpbound.checker import Checker, Verification, verify
from sdpbound.entropies.self_test import SelfTest, find_self_test
from sdpbound.errors import CertificateError
from sdpbound.rates.rates import error_correction
from sdpbound.study.answers.blank import beyond_local, expression_of, observations
from sdpbound.study.answers.critical import at_noise
from sdpbound.study.answers.evaluate import ATTACK, closed_value, least_leak
from sdpbound.study.answers.finite import finite_question
from sdpbound.study.answers.no_signaling import TESTED, rate_of_tested, secret_of
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.study.store import Store
from sdpbound.study.store.form import certificate_name, loads
from sdpbound.tables.columns import Row

__all__ = ["Asked", "Proofs", "prove_infeasible", "prove_value", "same", "show"]

Check = Callable[..., Verification]  # verify, in this process or in one of its own

#: Checked certificates that are remembered: the rows that share one are of one task and follow each other.
KEPT = 16
#: Entries of one certificate; honest ones have fewer than a third of them.
ENTRIES = 2**20
#: How far a number of a row may be on the weaker side of what its certificate claims, as a part of it or in its unit:
#: logarithms and best parts of pairs are found in floating point.
WEAKER = 1e-9


@dataclass(frozen=True)
class Asked:
    """What a task asks at a point, as the certificates of its rows must have it."""

    task: Task
    point: Point

    @cached_property
    def _data(self) -> tuple[Behaviour, Observations]:
        return observations(self.task, self.point)

    @property
    def behaviour(self) -> Behaviour:
        return self._data[0]

    @cached_property
    def self_test(self) -> SelfTest | None:
        """The self-test that the data are, against an adversary for whom there are closed forms."""
        return find_self_test(self._data[1]) if self.task.model.self_tests else None

    @cached_property
    def may_be_infeasible(self) -> bool:
        """Whether the adversary's set may lack the data.

        A set with deterministic points only may if the data break a Bell inequality: CHSH or the tested one; in other
        scenarios none is looked at. Data of a strategy are quantum, so that sets which contain all quantum behaviours
        have them; bare behaviours need not be.
        """
        assert self.task.visibility is not None
        member = self.point.member
        if not self.task.model.deterministic:
            return not self.task.model.contains_quantum or member.strategy is None
        if self.task.observed == "bell":
            return beyond_local(self.point, self.behaviour) > 0.0
        ideal = member.chsh
        if ideal is None:
            return True
        if self.task.noise is not None:
            return self.behaviour.chsh > 2.0
        return self.task.visibility * ideal > 2.0

    @cached_property
    def _observed(self) -> list[dict[str, Any]]:
        data = self._data[1]
        return [
            {"coefficients": np.asarray(c).tolist(), "value": float(v), "tolerance": float(t)}
            for c, v, t in zip(data.coefficients, data.values, data.tolerances, strict=True)
        ]

    def _question(self, figure: Figure, side: str, observed: list[dict[str, Any]]) -> dict[str, Any]:
        own = expression_of(self.point) if self.task.visibility is None else self.behaviour
        outcomes = [list(party) for party in own.scenario.outcomes]
        return {"scenario": {"outcomes": outcomes}, "figure": figure.entry(), "side": side, "observed": observed}

    def program(self, quantity: Quantity, flips: float = 0.0) -> dict[str, Any]:
        """The question of the program behind a quantity, for a preprocessing."""
        kind, x, y, *_ = quantity.program
        if kind in ("entropy", "attack"):
            return self.conditional(quantity, quantity.side, flips)
        model = {"model": self.task.model.describe()}
        if quantity.group == "expression":
            return self._question(BellValue(expression_of(self.point)), quantity.side, []) | model
        guess = BlindGuessingProbability if kind == "blind" else GuessingProbability
        return self._question(guess(x, y), "upper", self._observed) | model

    def conditional(self, quantity: Quantity, side: str, flips: float) -> dict[str, Any]:
        """The question of a conditional entropy against quantum devices, whatever words prove it."""
        x, y = quantity.settings
        both = y if "global" in quantity.name else None
        figure = ConditionalEntropy(x, both, flips)
        return self._question(figure, side, self._observed) | {"model": {"kind": "quantum"}}

    def entropy(self, quantity: Quantity) -> dict[str, Any]:
        """The question of the closed form behind a quantity."""
        _, x, y, *_ = quantity.program
        return self._question(SelfTestedEntropy(x, y, quantity.name.endswith("blind")), "lower", self._observed)

    def separation(self) -> dict[str, Any]:
        """Whether the data are outside the adversary's set."""
        return self._question(Separation(), "upper", self._observed) | {"model": self.task.model.describe()}


@dataclass(frozen=True, slots=True)
class _Proof:
    """The question of a certificate that holds, and what the checker found."""

    question: Mapping[str, Any]
    found: Verification


class Proofs:
    """The certificates of a store by their names; what was checked a moment ago is not checked again.

    In memory are a few certificates, and 8 bytes for each one checked: the hashes of their names, in which Python mixes
    a number of its own, so that no name can be made to pass for another.

    Attributes
    ----------
    checked : certificates asked for, however often, and those of :meth:`rest`
    """

    def __init__(self, store: Store, checker: Checker | None = None) -> None:
        self.checked = 0
        self._verify: Check = verify if checker is None else checker.verify
        self._store = store
        self._seen = array("q")
        self._recent = lru_cache(maxsize=KEPT)(self._look)

    def of(self, name: str, question: dict[str, Any], as_given: bool = False) -> Verification:
        """What the certificate of this name proves; CertificateError if it does not hold or is of another question.

        Its tolerances may be wider, which weakens a bound over all devices; not with ``as_given``, for an attack.
        """
        self.checked += 1
        proof = self._recent(name)
        if isinstance(proof, str):
            raise CertificateError(proof)
        _compare(proof.question, question, as_given)
        return proof.found

    def rest(self) -> Iterator[tuple[str, str]]:
        """The names of all that :meth:`of` was not asked for, and what is wrong with each, if anything."""
        seen = np.sort(np.array(self._seen, dtype=np.int64))
        for name, text in self._store.certificates():
            place = int(np.searchsorted(seen, hash(name)))
            if place == seen.size or seen[place] != hash(name):
                self.checked += 1
                proof = _checked(name, text, self._verify)
                yield name, proof if isinstance(proof, str) else ""

    def _look(self, name: str) -> _Proof | str:
        text = self._store.certificate(name)
        if text is None:
            return f"its certificate {show(name)} is not in the store."
        self._seen.append(hash(name))
        return _checked(name, text, self._verify)


def _checked(name: str, text: bytes, check: Check) -> _Proof | str:
    """The checker's result, or why the certificate proves nothing."""
    own = certificate_name(text)
    if name != own:
        return f"its certificate is named {show(name)}, and what it says has the name {own}."
    try:
        data = _decoded(text)
        found = check(data, strict=False)
    except CertificateError as error:
        return f"{error}"
    except Exception as error:  # the text may be anything, and whatever it does to the checker proves nothing
        return f"The certificate cannot be checked: {type(error).__name__} {error}."
    return _Proof(data["question"], found) if found.holds else found.message


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
    """The certificate is about what is wanted, but for tolerances that are wider where they may be."""
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
    """Of a question that the checker could read, so that every entry is there and every number is one."""
    return len(own) == len(wanted) and all(
        a["coefficients"] == b["coefficients"]
        and a["value"] == b["value"]
        and (a["tolerance"] == b["tolerance"] if as_given else Fraction(a["tolerance"]) >= Fraction(b["tolerance"]))
        for a, b in zip(own, wanted, strict=True)
    )


# -- rows ---------------------------------------------------------------------------------------------------------


def prove_value(proofs: Proofs, asked: Asked, quantity: Quantity, row: Row) -> bool:
    """Whether the row has certificates; CertificateError unless its numbers follow from each other and from them."""
    leak = _leak(asked, quantity, row, row["preprocessing"] or 0.0)
    prove = _prove_no_signaling if quantity.group == "no-signaling" else _prove_bound
    proven = prove(proofs, asked, quantity, row, leak)
    if quantity.kind.rate and quantity.side == "lower" and quantity.name != TESTED:
        _follows(row["value"], _rate(row["entropy"], leak), "value")
    return proven


def _prove_bound(proofs: Proofs, asked: Asked, quantity: Quantity, row: Row, leak: float | None) -> bool:
    """As :func:`prove_value`, for all but its last step."""
    closed, rate = row["method"] == "closed form", quantity.kind.rate
    flips = row["preprocessing"] or 0.0
    if closed:
        test = None if quantity.group == "expression" or flips else asked.self_test
        if test is None:
            raise CertificateError("it is a closed form, and there is none: its data are no quantum self-test.")
        if not rate:
            same(closed_value(test, quantity), row["value"], "value")
    if row["certificate"] is None:
        return False
    if quantity.rounds is not None:
        found = proofs.of(row["certificate"], finite_question(asked.behaviour, quantity))
        _follows(row["value"], found.claimed, "value")
        return True
    if quantity.kind.attack:
        _prove_attack(proofs, asked, quantity, row)
        return True
    program = proofs.of(row["sdp_certificate" if closed else "certificate"], asked.program(quantity, flips))
    value = row["sdp_value" if closed else "value"]
    if rate:
        entropy = min_entropy_of(program.claimed) if quantity.group == "data" else program.claimed
        if closed:
            _follows(value, _rate(entropy, leak), "sdp_value")
        else:
            _follows(row["entropy"], entropy, "entropy")
    else:
        _follows(value, program.claimed, "sdp_value" if closed else "value", quantity.side)
    if closed:
        found = proofs.of(row["certificate"], asked.entropy(quantity))
        if rate:
            _follows(row["entropy"], found.claimed, "entropy")  # right up to the rounding of a correlator
    return True


def _prove_no_signaling(proofs: Proofs, asked: Asked, quantity: Quantity, row: Row, leak: float | None) -> bool:
    """As :func:`_prove_bound`, for a rate that follows from the guessing probability of a no-signaling adversary."""
    if row["method"] != "certified":
        raise CertificateError(f"its method is {show(row['method'])}, and must be 'certified'.")
    assert leak is not None
    if row["certificate"] is None:
        return False
    guess = proofs.of(row["certificate"], asked.program(quantity)).claimed
    secret = secret_of(quantity.name, guess)
    if secret is None:
        _follows(row["value"], rate_of_tested(guess, leak), "value")
    else:
        _follows(row["entropy"], secret, "entropy")
    return True


def _prove_attack(proofs: Proofs, asked: Asked, quantity: Quantity, row: Row) -> None:
    """CertificateError unless the row's numbers follow from the certificate of its attack, which is as exact as it
    says."""
    question = asked.program(quantity, row["preprocessing"] or 0.0)
    found = proofs.of(row["certificate"], question, as_given=row["method"] == ATTACK)
    entropy = row["entropy"] if quantity.kind.rate else row["value"]
    _follows(entropy, found.claimed, "entropy" if quantity.kind.rate else "value", "upper")
    if quantity.kind.rate:
        leak = row["error_correction"]
        least = entropy if leak is None else math.nextafter(entropy - leak, math.inf)
        _follows(row["value"], least, "value", "upper")


def prove_critical(proofs: Proofs, task: Task, point: Point, quantity: Quantity, row: Row) -> bool:
    """Whether a critical value has its certificates: a key where it says, and none where it says ``dead``."""
    flips = row["preprocessing"] or 0.0
    driven, proven = quantity.kind.driven, False
    if row["value"] is not None:
        alive = Asked(at_noise(task, driven, row["value"]), point)
        x, y = quantity.settings
        leak = error_correction(alive.behaviour, x, y or 0, flips)
        same(leak, row["error_correction"], "error_correction")
        if not _rate(row["entropy"], leak) > 0.0:
            raise CertificateError(
                f"at its value {row['value']!r} the rate is {_rate(row['entropy'], leak)!r}, no key."
            )
        if row["certificate"] is not None:
            found = proofs.of(row["certificate"], alive.conditional(quantity, "lower", flips))
            _follows(row["entropy"], found.claimed, "entropy")
            proven = True
    if row["dead"] is not None and row["dead_certificate"] is not None:
        dead = Asked(at_noise(task, driven, row["dead"]), point)
        found = proofs.of(row["dead_certificate"], dead.conditional(quantity, "upper", flips), as_given=True)
        left = math.nextafter(found.value - least_leak(dead.behaviour, quantity, flips), math.inf)
        if left > 0.0:
            raise CertificateError(f"where it says dead, {row['dead']!r}, the attack leaves a rate of {left!r}.")
    return proven


def prove_infeasible(proofs: Proofs, asked: Asked, quantity: Quantity, row: Row) -> bool:
    """Whether the row has a certificate, which must separate the data; CertificateError if the set has them."""
    if quantity.group != "data" or not asked.may_be_infeasible:
        raise CertificateError("its status is 'infeasible', and the adversary's set has what is asked for.")
    if row["certificate"] is None:
        return False
    if not proofs.of(row["certificate"], asked.separation()).value < 0.0:
        raise CertificateError("its certificate does not separate the data from the adversary's set.")
    return True


def _leak(asked: Asked, quantity: Quantity, row: Row, flips: float) -> float | None:
    """What the errors of a key cost, which must be the row's."""
    if not quantity.name.startswith("key_rate"):
        return None
    x, y = quantity.settings
    exact = least_leak(asked.behaviour, quantity, flips)
    leak = exact if quantity.kind.attack else error_correction(asked.behaviour, x, y or 0, flips)
    same(leak, row["error_correction"], "error_correction")
    return leak


def _rate(entropy: float, leak: float | None) -> float:
    """The rate that an entropy gives; a key rate is rounded down once more, as its subtraction rounds."""
    return entropy if leak is None else math.nextafter(entropy - leak, -math.inf)


def same(own: object, row: object, name: str) -> None:
    """Raise CertificateError for a column that is not what it must be."""
    if own != row:
        raise CertificateError(f"its {name} is {show(row)}, and must be {show(own)}.")


def _follows(own: float, proven: float, name: str, side: str = "lower") -> None:
    """Raise CertificateError for a number that is not what was proven; weaker it may be by rounding only."""
    sign = 1.0 if side == "lower" else -1.0
    if not sign * own <= sign * proven:
        most = "most" if side == "lower" else "least"
        raise CertificateError(f"its {name} is {own!r}, and must be at {most} the proven {proven!r}.")
    if not abs(own - proven) <= WEAKER * max(1.0, abs(proven)):
        raise CertificateError(f"its {name} is {own!r}, and its certificate makes it {proven!r}.")


def show(value: object) -> str:
    """A short text of anything."""
    return reprlib.repr(value)
