"""Check an explicit attack on a routed test: that quantum strategies have the tested data and leave Eve that little.

A strategy is, whatever the numbers in the file are,

- ``state``: one column, a pure state of Alice and a system R, which is all that Bob and Eve have before the switch;
- ``measurements`` of Alice, and of the near device, which is one on R, as in :mod:`sdpbound.checker.attack`;
- ``channel``: a matrix W, of which ``V = W L^-+`` with ``W^+ W = L L^+`` is an isometry. After the switch it takes R
  to the far device's system (slowest index) and to what Eve keeps; ``far`` are the far device's measurements.

Alice's part of the state is the same on both ways, for V is an isometry. With the state behind V written as a factor,
whose columns are what Eve keeps, the far way is a strategy of Alice and the far device as in any attack, of which Eve
holds the purification: its entropy is what she leaves. Weights are as there, but that the tests that are met exactly
are named in ``solved``, near ones first, and all others must be met within their tolerances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.attack import PRECISION
from sdpbound.checker.attack_question import AttackQuestion, range_of_attack
from sdpbound.checker.channel import read_channel
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.mixtures import Matrix, enclosed, read_device, read_kraus, read_matrix, solved_weights
from sdpbound.checker.numbers import lower_end, rounded_float, to_ball
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_list, read_number, read_numbers
from sdpbound.checker.scenario import read_observed, read_scenario
from sdpbound.checker.trials import at_fault, out_of_range
from sdpbound.errors import CertificateError

__all__ = ["RoutedQuestion", "enclosed_pair", "mixed", "read_routed_question", "verify_routed_attack"]

_MOST_STRATEGIES, _MOST_ADJUSTED = 512, 256
_LARGEST = 8  # dimension of one system


@dataclass(frozen=True, slots=True)
class RoutedQuestion:
    """The question of the near and of the far way, both with the key of Alice's outcome of x."""

    near: AttackQuestion
    far: AttackQuestion

    @property
    def values(self) -> list[Fraction]:
        return [*self.near.observed.values, *self.far.observed.values]

    @property
    def scales(self) -> list[Fraction]:
        return [*self.near.observed.scales, *self.far.observed.scales]

    @property
    def tolerances(self) -> list[Fraction]:
        return [*self.near.observed.tolerances, *self.far.observed.tolerances]


def read_routed_question(entry: object) -> RoutedQuestion:
    """The question of a certificate."""
    question = read_keys(entry, ("near", "far", "figure", "side"), "question")
    if question["side"] != "upper":
        raise CertificateError("question.side must be 'upper' for an attack on a routed test.")
    read_kind(question["figure"], "question.figure", ("routed_conditional_entropy",))
    figure = read_keys(question["figure"], ("kind", "x", "preprocessing", "given"), "question.figure")
    if figure["given"] is not None:
        raise CertificateError("question.figure.given must be null: attacks are on an Eve who is told nothing.")
    found = []
    for name in ("near", "far"):
        parts = read_keys(question[name], ("outcomes", "observed"), f"question.{name}")
        scenario = read_scenario({"outcomes": parts["outcomes"]})
        if len(scenario.outcomes) != 2:
            raise CertificateError(f"question.{name}.outcomes are those of Alice and one device.")
        alice = scenario.outcomes[0]
        x = read_integer(figure["x"], 0, len(alice) - 1, "question.figure.x")
        channel = read_channel(figure["preprocessing"], alice[x] == 2, "question.figure.preprocessing")
        observed = read_observed(parts["observed"], scenario, f"question.{name}.observed")
        found.append(AttackQuestion(scenario, "conditional_entropy", (x, None), channel, observed))
        _ = channel.flips  # no other channel has a statement here
    near, far = found
    if near.scenario.outcomes[0] != far.scenario.outcomes[0]:
        raise CertificateError("question.near and question.far have different outcomes of Alice; her device is one.")
    return RoutedQuestion(near, far)


def enclosed_pair(question: RoutedQuestion, entry: Any, name: str) -> tuple[list[flint.arb], flint.arb]:
    """The tested values of a strategy, near ones first, and its entropy."""
    entry = read_keys(entry, ("dimensions", "state", "measurements", "channel", "far"), name)
    a, r, f, e = (
        read_integer(d, 1, _LARGEST, f"{name}.dimensions")
        for d in read_list(entry["dimensions"], f"{name}.dimensions", length=4)
    )
    state = read_matrix(entry["state"], a * r, _LARGEST**2, f"{name}.state", rows_fixed=True)
    if state is None or state.ncols() != 1:
        raise CertificateError(f"{name}.state has no column; a pure state is needed.")
    rows = read_list(read_keys(entry["channel"], ("real", "imaginary"), f"{name}.channel")["real"], f"{name}.channel")
    if len(rows) != f * e:
        raise CertificateError(f"{name}.channel has {len(rows)} rows; the far system and Eve's have {f * e}.")
    (isometry,) = read_kraus([entry["channel"]], r, f"{name}.channel")
    both = read_list(entry["measurements"], f"{name}.measurements", length=2)
    (mine, near), (_, far) = question.near.scenario.outcomes, question.far.scenario.outcomes
    alice = read_device(both[0], mine, a, f"{name}.measurements[0]")
    here = read_device(both[1], near, r, f"{name}.measurements[1]")
    there = read_device(entry["far"], far, f, f"{name}.far")
    assert isometry is not None
    sent = _sent(state, isometry, (a, r, f, e))
    first = enclosed(question.near, state, [alice, here], name)
    second = enclosed(question.far, sent, [alice, there], name)
    return [*first.tested, *second.tested], second.entropy


def _sent(state: Matrix, isometry: Matrix, sizes: tuple[int, int, int, int]) -> Matrix:
    """The factor (a f, e) of the state of Alice and the far device."""
    a, r, f, e = sizes
    rows: list[list[Any]] = []
    for i in range(a):
        for j in range(f):
            row = []
            for k in range(e):
                terms = [isometry[j * e + k, m] * state[i * r + m, 0] for m in range(r)]
                row.append(sum(terms[1:], terms[0]))
            rows.append(row)
    is_real = isinstance(state, flint.arb_mat) and isinstance(isometry, flint.arb_mat)
    return flint.arb_mat(rows) if is_real else flint.acb_mat(rows)


def mixed(
    question: RoutedQuestion,
    enclosures: Sequence[tuple[list[flint.arb], flint.arb]],
    weights: Sequence[Fraction],
    adjusted: Sequence[int],
    solved: Sequence[int],
) -> tuple[flint.arb, list[flint.arb]]:
    """The entropy of a mixture, and by how much it misses each tested value, in the units of the file."""
    tested = [own for own, _ in enclosures]
    balls = solved_weights(tested, question.values, weights, adjusted, solved)
    entropy = sum((w * own for w, (_, own) in zip(balls, enclosures, strict=True)), flint.arb(0))
    misses = []
    for j, (value, scale) in enumerate(zip(question.values, question.scales, strict=True)):
        mean = sum((w * own[j] for w, own in zip(balls, tested, strict=True)), flint.arb(0))
        misses.append(flint.arb(0) if j in solved else abs(mean - to_ball(value)) * to_ball(scale))
    return entropy, misses


def verify_routed_attack(root: Mapping[str, object], strict: bool) -> Verification:
    """Recompute the value of an attack on a routed test."""
    question = read_routed_question(root["question"])
    proof = read_keys(root["proof"], ("routed_strategies", "weights", "adjusted", "solved"), "proof")
    strategies = read_list(proof["routed_strategies"], "proof.routed_strategies")
    if not 1 <= len(strategies) <= _MOST_STRATEGIES:
        raise CertificateError(f"proof.routed_strategies must be 1 to {_MOST_STRATEGIES}, not {len(strategies)}.")
    weights = read_numbers(proof["weights"], "proof.weights", length=len(strategies))
    adjusted = _places(proof["adjusted"], len(strategies), "proof.adjusted")
    solved = _places(proof["solved"], len(question.values), "proof.solved")
    if solved and not adjusted:
        raise CertificateError("proof.solved names tests, and no weights are adjusted to them.")
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    with flint.ctx.workprec(PRECISION):
        enclosures = [enclosed_pair(question, s, f"proof.routed_strategies[{k}]") for k, s in enumerate(strategies)]
        entropy, misses = mixed(question, enclosures, weights, adjusted, solved)
        for j, (miss, own, scale) in enumerate(zip(misses, question.tolerances, question.scales, strict=True)):
            if not miss <= to_ball(own * scale):
                raise CertificateError(
                    f"The attack misses tested value {j} by {float(miss.mid()):.3g}; its tolerance is "
                    f"{float(own * scale):.3g}."
                )
        if not entropy.is_finite():
            raise CertificateError("The recomputed value of the attack is not finite; the proof has absurd numbers.")
        value = rounded_float(-lower_end(-entropy), up=True)
        least, most = range_of_attack(question.far)
        if entropy < least or entropy > most:
            raise at_fault(f"the entropy {value!r} is not between {float(least)!r} and {float(most)!r}")
        faults = out_of_range(claimed, "upper", least, most, "an entropy of this question")
    holds = value <= claimed and not faults
    good = f"The least entropy of strategies in this routed test is at most {value!r}, claimed is {float(claimed)!r}."
    bad = f"The certificate does not prove its claim: {'; '.join([good, *faults])}"
    subject = Subject("routed_conditional_entropy", "upper")
    return subject.verified(value, claimed, (good, bad), holds=holds, strict=strict)


def _places(entry: object, count: int, name: str) -> list[int]:
    found = [read_integer(k, 0, count - 1, name) for k in read_list(entry, name)]
    if len(found) > _MOST_ADJUSTED or len(set(found)) != len(found):
        raise CertificateError(f"{name} must name at most {_MOST_ADJUSTED} different places, not {len(found)}.")
    return found
