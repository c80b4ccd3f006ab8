"""Bounds whose proofs give an affine functional: linear questions, and entropies by any method.

``method`` "trivial" is a proof without numbers: a probability is at most 1, and the entropy of an outcome at least that
of the flips made after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import flint

from sdpbound.checker.claim import Verification, conclude_affine, conclude_entropy
from sdpbound.checker.coarse import ChargeOf, coarse_charge
from sdpbound.checker.integral import integral_charge
from sdpbound.checker.linear import copy_charges
from sdpbound.checker.numbers import (
    LOG_PRECISION,
    ONE,
    common_denominator,
    lower_end,
    nearest_float,
    rounded_float,
)
from sdpbound.checker.qubit import qubit_charge
from sdpbound.checker.question import GUESSING, Question, read_question
from sdpbound.checker.radau import gauss_radau_charge
from sdpbound.checker.reading import read_keys, read_number, read_numbers
from sdpbound.checker.scenario import sized
from sdpbound.checker.trials import out_of_range, range_of, try_statement, try_value
from sdpbound.errors import CertificateError

__all__ = ["verify_bound"]


def verify_bound(root: Mapping[str, object], strict: bool) -> Verification:
    """A bound whose proof gives an affine functional."""
    question = read_question(root["question"])
    observed = question.observed
    claim = read_keys(root["claim"], ("value", "functional"), "claim")
    claimed = read_number(claim["value"], "claim.value")
    functional = read_keys(claim["functional"], ("constant", "multipliers"), "claim.functional")
    constant = read_number(functional["constant"], "claim.functional.constant")
    slopes = read_numbers(functional["multipliers"], "claim.functional.multipliers", length=len(observed))
    multipliers, charge_of = _method(root["proof"], question)
    common_denominator([*multipliers, *slopes, claimed, constant], "proof.multipliers and claim")
    size = max((abs(value) for tensor in question.objectives for value in tensor.values()), default=ONE)
    scaled = observed.scaled(multipliers)
    for j, multiplier in enumerate(scaled):
        sized(multiplier / max(size, ONE), f"proof.multipliers[{j}]")
    charge = charge_of(scaled, constant + observed.shift(slopes))
    conclude = conclude_entropy if question.kind == "min_entropy" else conclude_affine
    bound, proven, faults = conclude(question, scaled, charge, constant, slopes)
    upper = question.side == "upper"
    value = rounded_float(bound, up=upper)
    if bound > claimed if upper else bound < claimed:
        said = f"the claimed value {nearest_float(claimed)!r}"
        faults = [f"the recomputed {question.side} bound is {value!r}, {said}", *faults]
    limits = range_of(question)
    if limits is not None:
        faults += out_of_range(claimed, question.side, *limits, f"a {question.kind} of this question")
    subject = f"{question.kind} in the {question.model} model"
    if faults:
        message = f"The certificate does not prove its claim on the {subject}: {'; '.join(faults)}."
        if strict:
            raise CertificateError(message)
    else:
        statements = {(constant, tuple(slopes)), (Fraction(proven[0]), tuple(map(Fraction, proven[1])))}
        for height, steepness in statements:
            try_statement(question, height + observed.shift(steepness), observed.scaled(steepness))
        try_value(question, claimed)
        message = (
            f"The {subject} is at {'most' if upper else 'least'} {value!r}, as claimed ({nearest_float(claimed)!r})."
        )
        if question.kind == "separation":
            message += " The data are outside the set." if value < 0 else " This does not separate the data."
    return Verification(
        value=value,
        claimed=rounded_float(claimed, up=upper),
        side=question.side,
        figure=question.kind,
        model=question.model,
        holds=not faults,
        functional=proven,
        message=message,
    )


def _method(given: object, question: Question, name: str = "proof") -> tuple[list[Fraction], ChargeOf]:
    """The multipliers of a proof, and what finds its charge from those of the normal forms and the claimed constant."""
    entropy = question.kind == "conditional_entropy"
    said = given if isinstance(given, Mapping) else {}
    method = said.get("method")
    entries: tuple[str, ...] = ("multipliers", "copies")
    if "method" in said and (entropy or method == "trivial"):
        entries = ("method", "multipliers")
    elif entropy and "coarse" in said and name == "proof":  # not of data that are coarse already
        entries = ("multipliers", "coarse")
    elif entropy and "gauss_radau" in said:
        entries = ("multipliers", "gauss_radau", "words", "left", "right", "factor", "blocks")
    elif entropy:
        entries = ("multipliers", "places" if "places" in said else "nodes", "words", "factor", "copies")
    proof = read_keys(given, entries, name)
    multipliers = read_numbers(proof["multipliers"], f"{name}.multipliers", length=len(question.observed))
    if "method" in entries and method == "trivial":
        return multipliers, lambda scaled, _: _trivial_charge(question, scaled)
    if "method" in entries:
        return multipliers, lambda scaled, constant: qubit_charge(question, method, scaled, constant)
    if "coarse" in entries:
        return multipliers, lambda scaled, constant: coarse_charge(
            question, scaled, constant, proof["coarse"], _method_of_coarse
        )
    if "gauss_radau" in entries:
        return multipliers, lambda scaled, _: gauss_radau_charge(question, scaled, proof)
    if entropy:
        return multipliers, lambda scaled, _: integral_charge(question, scaled, proof)
    return multipliers, lambda scaled, _: max(copy_charges(question, scaled, proof["copies"]))


def _method_of_coarse(given: object, question: Question) -> tuple[list[Fraction], ChargeOf]:
    return _method(given, question, "proof.coarse.proof")


def _trivial_charge(question: Question, multipliers: Sequence[Fraction]) -> Fraction:
    """A probability is at most one, and the entropy of an outcome not below that of its flips or its channel."""
    if any(multipliers):
        raise CertificateError("proof.multipliers must be 0 where proof.method is trivial.")
    if question.kind == "conditional_entropy":
        with flint.ctx.workprec(LOG_PRECISION):
            return -lower_end(question.channel.least)
    if question.kind == "min_entropy" or question.kind in GUESSING:
        return ONE
    raise CertificateError(f"proof.method is trivial; that proves nothing about {question.kind}.")
