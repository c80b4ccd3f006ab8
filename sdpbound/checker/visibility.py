"""Check an explicit visibility: that so much of a behaviour, with noise, is in a set.

The certificate writes down a mixture of deterministic strategies, for the quantum set also of quantum ones. Its moments
M are those of ``v P' + (1 - v) N'`` for some P' near the behaviour P and a noise N' of the kind that is asked for:

- N' white, given, or a mixture of the deterministic strategies: ``|M - v P - (1 - v) N'| <= v t`` in each moment, t the
  tolerance, so that ``P' = (M - (1 - v) N') / v`` is within t of P;
- any noise: ``P' = P + t (M - W)`` with W white, whose moments are within 1 of those of M. ``M - v P'`` has no negative
  probability if ``(1 - v t) q + v t / D >= v p`` for the probabilities q of M and p of P, D the number of outcomes.

Moments of deterministic strategies are exact; those of quantum ones are balls, made as for :mod:`attacks
<sdpbound.checker.attack>`, so that any numbers give valid strategies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.checker.attack import PRECISION
from sdpbound.checker.attack_question import AttackQuestion
from sdpbound.checker.channel import Channel
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.mixtures import moments_of, read_strategy, work_of
from sdpbound.checker.numbers import ONE, ZERO, Index, Tensor, common_denominator, rounded_float, to_ball
from sdpbound.checker.reading import (
    read_integer,
    read_keys,
    read_kind,
    read_list,
    read_number,
    read_numbers,
    read_tensor,
)
from sdpbound.checker.scenario import Observed, Scenario, expanded, read_scenario
from sdpbound.errors import CertificateError

__all__ = ["verify_visibility"]

NOISES = ("white", "local", "general", "given")
_MOST_TOLERANCE = Fraction(1, 10**6)
_MOST_PARTIES, _MOST_POINTS, _MOST_STRATEGIES = 6, 2**14, 512
_MOST_WORK = 2**26  # products of two numbers
_LARGEST = 2**16  # coordinates, and probabilities


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: moments of P, their tolerance, the kind of noise, and its moments where it is given."""

    scenario: Scenario
    model: str
    noise: str
    moments: Tensor
    tolerance: Fraction
    given: Tensor

    @property
    def indices(self) -> Iterator[Index]:
        return product(*map(range, self.scenario.shape))


def verify_visibility(root: Mapping[str, object], strict: bool) -> Verification:
    """Check the mixture of a visibility; `root` has passed :func:`sdpbound.checker.read`."""
    question = _read_question(root["question"])
    v = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    if not 0 < v <= 1:
        raise CertificateError(f"claim.value is {float(v)!r}; a visibility is above 0 and at most 1.")
    entry = read_keys(
        read_keys(root["proof"], ("visibility",), "proof")["visibility"],
        ("points", "strategies", "weights", "noise"),
        "proof.visibility",
    )
    points = _read_points(entry["points"], question.scenario)
    with flint.ctx.workprec(PRECISION):
        others = _read_strategies(entry["strategies"], question)
        weights = _shares(entry["weights"], len(points) + len(others), "proof.visibility.weights")
        mixture = _mixed(question, points, others, weights)
        if question.noise == "general":
            if entry["noise"] is not None:
                raise CertificateError("proof.visibility.noise must be null for a general noise.")
            fault = _above(question, mixture, v)
        else:
            fault = _apart(question, mixture, _noise(question, points, entry["noise"]), v)
    claimed = rounded_float(v, up=False)
    kind = {"general": "any noise", "given": "the given noise"}.get(question.noise, f"{question.noise} noise")
    subject = f"visibility with {kind} in the {question.model} set"
    good = f"The {subject} is at least {claimed!r}: an explicit mixture has it."
    bad = f"The certificate does not prove its claim of {claimed!r} on the {subject}: {fault}."
    found = Subject("visibility", "lower", question.model)
    return found.verified(0.0 if fault else claimed, v, (good, bad), holds=not fault, strict=strict)


# -- reading ------------------------------------------------------------------------------------------------------


def _read_question(entry: object) -> _Question:
    names = ("scenario", "figure", "side", "moments", "tolerance", "given", "model")
    question = read_keys(entry, names, "question")
    scenario = read_scenario(question["scenario"])
    sizes = (math.prod(scenario.shape), math.prod(sum(row) for row in scenario.outcomes))
    if len(scenario.outcomes) > _MOST_PARTIES or max(sizes) > _LARGEST:
        raise CertificateError(
            f"question.scenario has {len(scenario.outcomes)} parties and {sizes[0]} moments; at most "
            f"{_MOST_PARTIES} parties and {_LARGEST} moments are checked."
        )
    read_kind(question["figure"], "question.figure", ("visibility",))
    noise = read_keys(question["figure"], ("kind", "noise"), "question.figure")["noise"]
    if noise not in NOISES:
        raise CertificateError(f"question.figure.noise must be one of {', '.join(NOISES)}.")
    if question["side"] != "lower":
        raise CertificateError("question.side must be 'lower' for an explicit visibility.")
    model = read_kind(read_keys(question["model"], ("kind",), "question.model"), "question.model", ("local", "quantum"))
    tolerance = read_number(question["tolerance"], "question.tolerance")
    if not 0 <= tolerance <= _MOST_TOLERANCE:
        raise CertificateError(f"question.tolerance is {float(tolerance)!r}; it must be from 0 to 1e-6.")
    given: Tensor = {}
    if noise == "given":
        given = _read_moments(question["given"], scenario, "question.given")
    elif question["given"] is not None:
        raise CertificateError("question.given must be null where the noise is not given.")
    moments = _read_moments(question["moments"], scenario, "question.moments")
    return _Question(scenario, model, str(noise), moments, tolerance, given)


def _read_moments(entry: object, scenario: Scenario, name: str) -> Tensor:
    tensor = read_tensor(entry, scenario.shape, name)
    if tensor.get((0,) * len(scenario.shape)) != 1 or any(abs(value) > 2 for value in tensor.values()):
        raise CertificateError(f"{name} has a first entry other than 1, or an entry beyond 2; moments are at most 1.")
    common_denominator(tensor.values(), name)
    return tensor


def _read_points(entry: object, scenario: Scenario) -> list[tuple[tuple[int, ...], ...]]:
    name = "proof.visibility.points"
    points = read_list(entry, name)
    if len(points) > _MOST_POINTS or len(points) * math.prod(scenario.shape) > _MOST_WORK:
        raise CertificateError(f"{name} has {len(points)} entries, more than are checked.")
    found = []
    for k, point in enumerate(points):
        parties = read_list(point, f"{name}[{k}]", length=len(scenario.outcomes))
        found.append(
            tuple(
                tuple(
                    read_integer(a, 0, d - 1, f"{name}[{k}]")
                    for a, d in zip(read_list(party, f"{name}[{k}]", length=len(counts)), counts, strict=True)
                )
                for party, counts in zip(parties, scenario.outcomes, strict=True)
            )
        )
    return found


def _read_strategies(entry: object, question: _Question) -> list[dict[Index, flint.arb]]:
    """The moments of quantum strategies, in balls."""
    name = "proof.visibility.strategies"
    strategies = read_list(entry, name)
    if question.model == "local" and strategies:
        raise CertificateError(f"{name} must be empty for the local set.")
    if len(strategies) > _MOST_STRATEGIES:
        raise CertificateError(f"{name} has {len(strategies)} entries; at most {_MOST_STRATEGIES} are checked.")
    scenario = question.scenario
    asked = AttackQuestion(scenario, "visibility", (0,) * len(scenario.outcomes), Channel(), Observed())
    work = 0
    for k, own in enumerate(strategies):
        work += work_of(asked, own, f"{name}[{k}]")
        if work > _MOST_WORK:
            raise CertificateError(f"{name} take more than {_MOST_WORK} products of numbers to check; use fewer.")
    tensors = [{index: ONE} for index in question.indices]
    found = []
    for k, own in enumerate(strategies):
        factor, kraus = read_strategy(asked, own, f"{name}[{k}]")
        values = moments_of(scenario, tensors, factor, kraus, f"{name}[{k}]")
        found.append(dict(zip(question.indices, values, strict=True)))
    return found


def _shares(entry: object, count: int, name: str) -> list[Fraction]:
    """Weights, divided by their sum."""
    weights = read_numbers(entry, name, length=count)
    common_denominator(weights, name)
    total = sum(weights, ZERO)
    if any(w < 0 for w in weights) or not total > 0:
        raise CertificateError(f"{name} has a negative weight, or none above zero.")
    return [w / total for w in weights]


# -- mixtures -----------------------------------------------------------------------------------------------------


def _of_points(
    scenario: Scenario, points: Sequence[tuple[tuple[int, ...], ...]], weights: Sequence[Fraction]
) -> dict[Index, Fraction]:
    """The moments of deterministic strategies with these weights, exactly; those that vanish are left out."""
    total: dict[Index, Fraction] = {}
    for point, weight in zip(points, weights, strict=True):
        if not weight:
            continue
        parties = []
        for party, outcomes in enumerate(point):
            own = {0: 1}
            for letters, count, a in zip(scenario.letters(party), scenario.outcomes[party], outcomes, strict=True):
                if count == 2:
                    own[letters[0]] = 1 - 2 * a
                elif a < count - 1:
                    own[letters[a]] = 1
            parties.append(list(own.items()))
        for terms in product(*parties):
            index = tuple(i for i, _ in terms)
            total[index] = total.get(index, ZERO) + weight * math.prod(sign for _, sign in terms)
    return total


def _mixed(
    question: _Question,
    points: Sequence[tuple[tuple[int, ...], ...]],
    others: Sequence[Mapping[Index, flint.arb]],
    weights: Sequence[Fraction],
) -> dict[Index, flint.arb]:
    """M in balls."""
    exact = _of_points(question.scenario, points, weights[: len(points)])
    mixture = {index: to_ball(exact.get(index, ZERO)) for index in question.indices}
    for moments, weight in zip(others, weights[len(points) :], strict=True):
        for index in mixture:
            mixture[index] += to_ball(weight) * moments[index]
    return mixture


def _white(scenario: Scenario) -> dict[Index, Fraction]:
    """The moments of outcomes that are equally likely."""
    parties = []
    for party, counts in enumerate(scenario.outcomes):
        own = {0: ONE}
        for letters, count in zip(scenario.letters(party), counts, strict=True):
            if count != 2:
                own |= {letter: Fraction(1, count) for letter in letters}
        parties.append(list(own.items()))
    return {tuple(i for i, _ in terms): math.prod((p for _, p in terms), start=ONE) for terms in product(*parties)}


def _noise(
    question: _Question, points: Sequence[tuple[tuple[int, ...], ...]], entry: object
) -> Mapping[Index, Fraction]:
    if question.noise == "local":
        shares = _shares(entry, len(points), "proof.visibility.noise")
        return _of_points(question.scenario, points, shares)
    if entry is not None:
        raise CertificateError("proof.visibility.noise must be null where the noise is no mixture of points.")
    return question.given if question.noise == "given" else _white(question.scenario)


def _apart(
    question: _Question, mixture: Mapping[Index, flint.arb], noise: Mapping[Index, Fraction], v: Fraction
) -> str:
    """Why the mixture is not v P and the rest noise; empty if it is."""
    most = to_ball(v * question.tolerance)
    for index, value in mixture.items():
        wanted = v * question.moments.get(index, ZERO) + (1 - v) * noise.get(index, ZERO)
        miss = abs(value - to_ball(wanted))
        if not miss <= most:
            return f"the mixture misses the moment {list(index)} by {float(miss.mid()):.3g}"
    return ""


def _above(question: _Question, mixture: Mapping[Index, flint.arb], v: Fraction) -> str:
    """Why the mixture is not at least v P in every probability; empty if it is."""
    scenario, t = question.scenario, question.tolerance
    settings = [list(range(len(row))) for row in scenario.outcomes]
    for chosen in product(*settings):
        effects = [scenario.effects(party, s) for party, s in enumerate(chosen)]
        room = v * t / math.prod(map(len, effects))
        for place in product(*(range(len(own)) for own in effects)):
            event = expanded(scenario, [own[a] for own, a in zip(effects, place, strict=True)])
            q: Any = sum((to_ball(c) * mixture[index] for index, c in event.items()), flint.arb(0))
            p = sum((c * question.moments.get(index, ZERO) for index, c in event.items()), ZERO)
            if not to_ball(1 - v * t) * q + to_ball(room) >= to_ball(v * p):
                return f"outcomes {list(place)} of the settings {list(chosen)} have too small a probability"
    return ""
