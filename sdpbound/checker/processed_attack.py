"""Check an attack on a key with a post-processing: what quantum strategies with the tested data leave of its rate.

``processed`` is a mixture as in :mod:`sdpbound.checker.attack`. Eve knows the strategy of each round and holds a
purification of its state. :mod:`sdpbound.checker.processed_question` says what each figure is; the claim is that the
least rate of quantum strategies with these data is at most the value. All is enclosed in balls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import flint

from sdpbound.checker.attack import ReadMixture, read_mixture
from sdpbound.checker.blocks import block_rate, gram_of_round
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.mixtures import Matrix, adjoint, enclosed, read_strategy, through_effects, trace, weigh
from sdpbound.checker.numbers import lower_end, rounded_float, to_ball
from sdpbound.checker.processed_question import (
    MET,
    Basis,
    Block,
    ProcessedQuestion,
    Selection,
    Table,
    read_processed_question,
)
from sdpbound.checker.reading import read_keys, read_number
from sdpbound.checker.scenario import Observed
from sdpbound.checker.spectra import entropy, plogp
from sdpbound.checker.trials import at_fault, out_of_range
from sdpbound.errors import CertificateError

__all__ = ["PRECISION", "rate_left", "verify_processed_attack"]

PRECISION = 192  # bits
Device = tuple[Matrix, list[list[list[Matrix | None]]]]


def verify_processed_attack(root: Mapping[str, object], strict: bool) -> Verification:
    """Recompute what an attack leaves of a key; `root` has passed :func:`sdpbound.checker.read`."""
    question = read_processed_question(root["question"])
    proof = read_keys(root["proof"], ("processed",), "proof")
    mixture = read_mixture(question.base, proof["processed"], "proof.processed")
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    with flint.ctx.workprec(PRECISION):
        left, misses = rate_left(question, mixture)
        observed = question.base.observed
        for j, (miss, own, scale) in enumerate(zip(misses, observed.tolerances, observed.scales, strict=True)):
            if not miss <= to_ball(own * scale):
                raise CertificateError(
                    f"The attack misses the tested value question.observed[{j}] by {float(miss.mid()):.3g}; its "
                    f"tolerance is {float(own * scale):.3g}."
                )
        if not left.is_finite():
            raise CertificateError("The recomputed value of the attack is not finite; the proof has absurd numbers.")
        value = rounded_float(-lower_end(-left), up=True)
        least, most = question.ends
        if left < least or left > most + flint.arb(2) ** -30:
            raise at_fault(f"the {question.kind} {value!r} is not between {float(least)!r} and {float(most)!r}")
        faults = out_of_range(claimed, "upper", least, most, f"a {question.kind} of this question")
    holds = value <= claimed and not faults
    good = f"The least {question.kind} of quantum strategies with these data is at most {value!r}, as claimed."
    bad = (
        f"The certificate does not prove its claim on a {question.kind}: the attack leaves {value!r}, and "
        f"{float(claimed)!r} is claimed{'; '.join(['', *faults])}."
    )
    return Subject(question.kind, "upper").verified(value, claimed, (good, bad), holds=holds, strict=strict)


def rate_left(question: ProcessedQuestion, mixture: ReadMixture) -> tuple[flint.arb, list[flint.arb]]:
    """The rate that a mixture leaves, and by how much it misses each tested value, in balls."""
    devices: list[Device] = []
    tested = []
    for k, entry in enumerate(mixture.strategies):
        name = f"proof.processed.strategies[{k}]"
        devices.append(read_strategy(question.base, entry, name))
        tested.append(enclosed(question.base, *devices[-1], name))
    weights, misses = weigh(question.base, tested, mixture.weights, mixture.adjusted)
    asked = question.asked
    if isinstance(asked, Block):
        grams = [
            gram_of_round(factor, kraus[0][asked.x], kraus[1][asked.y], f"proof.processed.strategies[{k}]")
            for k, (factor, kraus) in enumerate(devices)
        ]
        _require_outcomes(asked, devices, weights)
        known = [(gram, w) for gram, w in zip(grams, weights, strict=True) if gram is not None]
        return block_rate(asked, [gram for gram, _ in known], [w for _, w in known]), misses
    if isinstance(asked, Selection):
        _require_outcomes(asked, devices, weights)
        return _of_selection(asked, devices, weights), misses
    rates = [_of_basis(term, question, devices, weights) * to_ball(term.kept) for term in asked]
    return sum(rates, flint.arb(0)), misses


def _require_outcomes(asked: Selection | Block, devices: Sequence[Device], weights: Sequence[flint.arb]) -> None:
    """Refuse a mixture whose outcomes of the key are not those of the question."""
    for a, row in enumerate(asked.table):
        for b, p in enumerate(row):
            found = flint.arb(0)
            for (factor, kraus), weight in zip(devices, weights, strict=True):
                through = through_effects([kraus[0][asked.x][a], kraus[1][asked.y][b]], factor)
                if through is not None:
                    found += weight * trace(adjoint(through) * through) / trace(adjoint(factor) * factor)
            if not abs(found - to_ball(p)) <= to_ball(MET):
                raise CertificateError(
                    f"The attack has the outcomes {a}, {b} of the key with probability {float(found.mid()):.12g}; "
                    f"the question has them with {float(p):.12g}, and they count as tested."
                )


def _of_basis(
    term: Basis, question: ProcessedQuestion, devices: Sequence[Device], weights: Sequence[flint.arb]
) -> flint.arb:
    """H(A|E) - H(A|B) of one key."""
    own = replace(question.base, key=(term.x, None), observed=Observed())
    stay, flip = to_ball(1 - term.flips), to_ball(term.flips)
    total = flint.arb(0)
    for k, (device, weight) in enumerate(zip(devices, weights, strict=True)):
        found = enclosed(own, *device, f"proof.processed.strategies[{k}]")
        zero, one = found.parts
        states = zero * stay + one * flip, zero * flip + one * stay
        total += weight * (sum(map(entropy, states), flint.arb(0)) - found.entropy)
    for p, q in zip(*term.table, strict=True):
        first, second = to_ball(p), to_ball(q)
        mixed = first * stay + second * flip, first * flip + second * stay
        total -= sum(map(plogp, mixed), flint.arb(0)) - plogp(first + second)
    return total


def _of_selection(asked: Selection, devices: Sequence[Device], weights: Sequence[flint.arb]) -> flint.arb:
    """P [H(A|E, kept) - H(A|B, kept)]."""
    total = flint.arb(0)
    for (factor, kraus), weight in zip(devices, weights, strict=True):
        norm = trace(adjoint(factor) * factor)
        parts: list[Any] = []
        for a, own in enumerate(asked.alice):
            state: Any = adjoint(factor) * factor * flint.arb(0)
            for b, other in enumerate(asked.bob):
                through = through_effects([kraus[0][asked.x][a], kraus[1][asked.y][b]], factor)
                if through is not None and own * other:
                    state = state + adjoint(through) * through * (to_ball(own * other) / norm)
            if own:
                parts.append(state)
        total += weight * (sum(map(entropy, parts), flint.arb(0)) - entropy(_sum(parts)))
    return total - _receiver(asked.table, asked)


def _receiver(table: Table, asked: Selection) -> flint.arb:
    """What is not known of Alice's bit from Bob's outcome, in kept rounds, times their weight."""
    total = flint.arb(0)
    for b, other in enumerate(asked.bob):
        column = [to_ball(own * other * table[a][b]) for a, own in enumerate(asked.alice) if own]
        total += sum(map(plogp, column), flint.arb(0)) - plogp(sum(column, flint.arb(0)))
    return total


def _sum(parts: Sequence[Any]) -> Any:
    return sum(parts[1:], parts[0])
