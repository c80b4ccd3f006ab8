"""Check an explicit attack: that quantum strategies have the tested data and leave an eavesdropper that little.

A certificate of an attack proves an *upper* bound on the least value of a figure over all quantum strategies with the
tested values: it names strategies k with weights w_k, and Eve holds k and a purification of each state. Everything is
valid by construction, whatever the numbers in the file are, and is enclosed in balls:

- ``state`` is a matrix G, and the state ``rho = G G^+ / Tr(G G^+)`` on dA x dB (x dC ..) dimensions, Alice's index
  slowest;
- ``measurements[party][setting][outcome]`` is a matrix T_a of any number of rows (none: the outcome does not occur).
  With the Cholesky factor ``sum_a T_a^+ T_a = L L^+`` the Kraus operators are ``K_a = T_a L^-+``, for which
  ``sum_a K_a^+ K_a = 1``. Matrices are ``{"real": rows, "imaginary": rows or null}``;
- ``weights`` are not negative and are divided by their sum. If ``adjusted`` names J + 1 strategies (J tested
  expressions), their weights are not those of the file but the solution of the linear system that says that the
  weights add up to one and the tested values are exactly the given ones; enclosed, it must be positive. Else the
  tested values of the mixture must lie within the tolerances.

``conditional_entropy``: with Kraus operators of the key's outcomes, Eve's sub-normalised conditional states have the
spectra of ``X_k = G^+ K_k^+ K_k G / Tr(G G^+)``, flips of the bit mixing X_0 and X_1, and

    H(key|E) = sum_k S(X_k) - S(sum_k X_k),   S(X) = -Tr X log2 X,   averaged with the weights.

Where the key is a function of the outcomes, X_k is the sum over the outcomes of value k.

``conditional_mutual_information`` of Alice's and Bob's outcomes given a classical Eve who is told the settings and
learns only ``groups[k]``: ``sum_g sum_ab P_g(ab) log2 P_g(ab) P_g / (P_g(a) P_g(b))``, P_g = sum_{k in g} w_k p_k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.attack_question import RATES, AttackQuestion, range_of_attack, read_question
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.mixtures import enclose, mix, work_of
from sdpbound.checker.numbers import lower_end, rounded_float, to_ball
from sdpbound.checker.reading import read_integer, read_keys, read_list, read_number, read_numbers
from sdpbound.checker.trials import at_fault, out_of_range
from sdpbound.errors import CertificateError

__all__ = ["PRECISION", "ReadMixture", "read_mixture", "verify_attack"]


PRECISION = 256  # bits
_MOST_STRATEGIES = 4096
_MOST_WORK = 2**26  # products of two numbers, of all strategies together
_MOST_ADJUSTED = 512


def verify_attack(root: Mapping[str, object], strict: bool) -> Verification:
    """Recompute the value of an attack; `root` has passed :func:`sdpbound.checker.read`."""
    question = read_question(root["question"])
    if question.kind in RATES:
        raise CertificateError(
            f"question.figure.kind is {question.kind!r}; an attack is on an entropy or an information."
        )
    proof = read_mixture(question, root["proof"], "proof")
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    with flint.ctx.workprec(PRECISION):
        enclosures = [enclose(question, entry, f"proof.strategies[{k}]") for k, entry in enumerate(proof.strategies)]
        outcome = mix(question, enclosures, proof.weights, proof.adjusted, proof.groups)
        observed = question.observed
        for j, (miss, own, scale) in enumerate(zip(outcome.misses, observed.tolerances, observed.scales, strict=True)):
            tolerance = own * scale
            if not miss <= to_ball(tolerance):
                raise CertificateError(
                    f"The attack misses the tested value question.observed[{j}] by {float(miss.mid()):.3g}; its "
                    f"tolerance is {float(tolerance):.3g}."
                )
        if not outcome.figure.is_finite():
            raise CertificateError("The recomputed value of the attack is not finite; the proof has absurd numbers.")
        value = rounded_float(-lower_end(-outcome.figure), up=True)
        least, most = range_of_attack(question)
        if outcome.figure < least or outcome.figure > most:
            raise at_fault(f"the {question.kind} {value!r} is not between {float(least)!r} and {float(most)!r}")
        faults = out_of_range(claimed, "upper", least, most, f"a {question.kind} of this question")
    holds = value <= claimed and not faults
    subject = f"least {question.kind} of quantum strategies with these data"
    how = "exactly the tested values" if proof.adjusted else "tested values within the tolerances"
    good = f"The {subject} is at most {value!r}, as claimed ({float(claimed)!r}): the attack has {how}."
    bad = (
        f"The certificate does not prove its claim on the {subject}: the attack has {value!r}, and "
        f"{float(claimed)!r} is claimed{'; '.join(['', *faults])}."
    )
    return Subject(question.kind, "upper").verified(value, claimed, (good, bad), holds=holds, strict=strict)


@dataclass(frozen=True, slots=True)
class ReadMixture:
    """A mixture as read: strategies as they are in the file, and how they are mixed."""

    strategies: Sequence[Any]
    weights: list[Fraction]
    adjusted: list[int]
    groups: list[int]


def read_mixture(question: AttackQuestion, entry: object, name: str) -> ReadMixture:
    """Read a mixture of a proof; the work that it asks for is counted before any of it is done.

    ``groups`` are of an attack with one mixture.
    """
    grouped = question.kind not in RATES
    proof = read_keys(entry, ("strategies", "weights", "adjusted", *(("groups",) if grouped else ())), name)
    strategies = read_list(proof["strategies"], f"{name}.strategies")
    if not 1 <= len(strategies) <= _MOST_STRATEGIES:
        raise CertificateError(f"{name}.strategies has {len(strategies)} entries; 1 to {_MOST_STRATEGIES} are needed.")
    weights = read_numbers(proof["weights"], f"{name}.weights", length=len(strategies))
    adjusted = [
        read_integer(k, 0, len(strategies) - 1, f"{name}.adjusted")
        for k in read_list(proof["adjusted"], f"{name}.adjusted")
    ]
    groups = list(range(len(strategies)))
    if question.kind == "conditional_mutual_information":
        entries = read_list(proof["groups"], f"{name}.groups", length=len(strategies))
        groups = [read_integer(g, 0, len(strategies) - 1, f"{name}.groups") for g in entries]
    elif grouped and proof["groups"] is not None:
        raise CertificateError(f"{name}.groups is about a classical Eve; for conditional_entropy it must be null.")
    work = 0
    for k, entry in enumerate(strategies):
        work += work_of(question, entry, f"{name}.strategies[{k}]")
        if work > _MOST_WORK:
            raise CertificateError(
                f"{name}.strategies take more than {_MOST_WORK} products of numbers to check, of {k + 1} of "
                f"{len(strategies)} strategies alone; use fewer or smaller ones."
            )
    if len(adjusted) > _MOST_ADJUSTED:
        raise CertificateError(f"{name}.adjusted has {len(adjusted)} entries; at most {_MOST_ADJUSTED} are checked.")
    return ReadMixture(strategies, weights, adjusted, groups)
