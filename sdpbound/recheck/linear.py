"""Bell values, guessing probabilities, min-entropies and separations.

Sub-normalised behaviours v_e of the set, one for each of Eve's guesses, add up to a behaviour with the tested values,
and the figure is at most the maximum of ``sum_e o_e . v_e``. For a proof with multipliers l it is enough that, for each
e,

    o_e - sum_j l_j t_j  <=  m   on all normalised behaviours of the set,                                           (1)

for then ``sum_e o_e . v_e <= m sum_e <1>_e + sum_j l_j t_j``. Why (1) holds depends on the set:

- quantum: with a sum of squares S_e, which has a mean of at least 0, ``o_e - l . t + S_e = R_e``, and R_e is at most
  its constant and the sizes of all its other coefficients;
- no-signaling: the same with S_e a combination of joint probabilities with weights that are not negative;
- local: the deterministic strategies are tried one by one.

Everything here is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end
from sdpbound.recheck.question import Question, functional_faults, read_key, read_question, within
from sdpbound.recheck.reading import choice, items, number, numbers, record, tensor
from sdpbound.recheck.words import (
    Devices,
    Polynomial,
    String,
    Word,
    added,
    effect,
    grams,
    leftover,
    squares,
    times,
)

__all__ = ["largest_guess", "of_power", "recheck_linear"]

MOST_COPIES, MOST_STRATEGIES = 256, 2_000_000
GUESSES = ("guessing_probability", "blind_guessing_probability")


def recheck_linear(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate of one of these figures."""
    question = read_question(root)
    kind = question.kind
    proof = record(root["proof"], "the proof", "multipliers copies")
    multipliers = numbers(proof["multipliers"], "multipliers", len(question.tested))
    devices, objectives, most = _objectives(question)
    combination = question.combination(multipliers)
    bound = _largest(question, devices, objectives, combination, proof["copies"], budget)
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    at_data = bound + question.at_data(multipliers)
    if kind == "min_entropy":
        return of_power(question, bound, multipliers, claim, most)
    sign = 1 if question.side == "upper" else -1
    faults = functional_faults(claim["functional"], question, sign * bound, [sign * m for m in multipliers])
    if kind == "separation":
        if claimed >= 0:
            faults += ("data are outside the set only where the zero functional is below zero.",)
    elif kind == "bell_value":
        middle = sign * objectives[0].get(devices.one, Fraction(0))
        rest = sum((abs(value) for word, value in objectives[0].items() if word != devices.one), Fraction(0))
        faults += within(claimed, middle - rest, middle + rest)
    else:
        faults += within(claimed, Fraction(1, most), 1)
    return Finding(kind, question.side, sign * at_data, claimed, faults)


def largest_guess(question: Question, multipliers: Sequence[Fraction], copies: object, budget: Budget) -> Fraction:
    """The number m for which the copies show that the guessing probability asked for is at most ``m + l . t``."""
    devices, objectives, _ = _objectives(question)
    return _largest(question, devices, objectives, question.combination(multipliers), copies, budget)


def _objectives(question: Question) -> tuple[Devices, list[Polynomial], int]:
    """The devices that moments are about, the polynomials o_e, and the number of outcomes to guess."""
    figure, devices = question.figure, question.devices
    kind = choice(question.kind, "the figure", ("bell_value", "separation", "min_entropy", *GUESSES))
    if kind == "min_entropy":
        if question.side != "lower":
            raise refuse("a min-entropy is bounded from below.")
        figure = record(figure, "the figure", "kind of")["of"]
        if type(figure) is not dict:
            raise refuse("a min-entropy is that of a guessing probability.")
        kind = choice(figure.get("kind"), "the figure", GUESSES)
    elif kind != "bell_value" and question.side != "upper":
        raise refuse("this figure is bounded from above.")
    if kind == "bell_value":
        table = tensor(record(figure, "the figure", "kind coefficients")["coefficients"], "coefficients", devices.shape)
        sign = 1 if question.side == "upper" else -1
        return devices, [added((sign, devices.coordinates(table)))], 0
    if kind == "separation":
        record(figure, "the figure", "kind")
        return devices, [{}], 0
    key = read_key(Question(devices, (), figure, "upper", ""))
    if kind == "guessing_probability":
        one: list[dict[String, Fraction]] = [{(): Fraction(1)}]
        parties = [
            one if s is None else [effect(devices, party, s, a) for a in range(devices.outcomes[party][s])]
            for party, s in enumerate(key.settings)
        ]
        if key.outcomes(devices) > MOST_COPIES:
            raise refuse(f"Eve has more than {MOST_COPIES} guesses.")
        if key.merge is not None:
            guessed: list[list[Polynomial]] = [[] for _ in range(key.outcomes(devices))]
            for place in product(*(range(len(effects)) for effects in parties)):
                chosen = times(*(effects[a] for effects, a in zip(parties, place, strict=True)))
                guessed[key.value(place, devices)].append(chosen)
            return devices, [added(*((1, one) for one in own)) for own in guessed], len(guessed)
        return devices, [times(*chosen) for chosen in product(*parties)], key.outcomes(devices)
    if key.y is None or "settings" in figure:
        raise refuse("a blind guess comes after a setting y of Bob.")
    alice = [effect(devices, 0, key.x, a) for a in range(devices.outcomes[0][key.x])]
    return (*_blind(question, key.x, key.y, alice), len(alice))


def _blind(question: Question, x: int, y: int, alice: list[dict[Any, Fraction]]) -> tuple[Devices, list[Polynomial]]:
    """Bob and Eve guess together.

    A quantum Eve measures Bob's device as his setting y left it: one more setting of Bob that commutes with y, whose
    outcome is the guess. Any other Eve has Bob's outcome b only: she has a guess e(b) for each, and copies are numbered
    with e(0) fastest.
    """
    devices = question.devices
    if question.model == "quantum":
        last = len(devices.outcomes[1])
        wide = Devices((devices.outcomes[0], (*devices.outcomes[1], len(alice))), (1, y, last))
        return wide, [added(*((1, times(a, effect(wide, 1, last, k))) for k, a in enumerate(alice)))]
    bob = [effect(devices, 1, y, b) for b in range(devices.outcomes[1][y])]
    if len(alice) ** len(bob) > MOST_COPIES:
        raise refuse("there are too many ways to guess.")
    maps = product(range(len(alice)), repeat=len(bob))
    return devices, [
        added(*((1, times(alice[guess], b)) for guess, b in zip(reversed(guesses), bob, strict=True)))
        for guesses in maps
    ]


def _largest(
    question: Question,
    devices: Devices,
    objectives: list[Polynomial],
    combination: Polynomial,
    copies: object,
    budget: Budget,
) -> Fraction:
    """The number m of (1)."""
    parts = [added((1, objective), (-1, combination)) for objective in objectives]
    if question.model == "local":
        items(copies, "copies", 0)
        return max(_over_strategies(devices, part, budget) for part in parts)
    found = []
    for part, copy in zip(parts, items(copies, "copies", len(parts), len(parts)), strict=True):
        if question.model == "quantum":
            entries = record(copy, "a copy", "words factor")
            words = devices.read_words(entries["words"], "words")
            positive = squares(devices, words, grams(entries["factor"], "factor", len(words), budget), budget)
            part = added((1, {devices.real(word): value for word, value in part.items()}), (1, positive))
        else:
            part = added((1, part), (1, _weighted(devices, record(copy, "a copy", "weights")["weights"], budget)))
        found.append(leftover(part, devices.one))
    return max(found)


def _weighted(devices: Devices, weights: object, budget: Budget) -> Polynomial:
    """A combination of joint probabilities: Alice's settings and outcomes slowest."""
    effects = [
        [effect(devices, p, x, a) for x, count in enumerate(party) for a in range(count)]
        for p, party in enumerate(devices.outcomes)
    ]
    rows = math.prod(map(len, effects))
    found: dict[Word, Fraction] = {}
    budget.spend(rows * 8)
    for weight, row in zip(numbers(weights, "weights", rows), product(*effects), strict=True):
        if weight < 0:
            raise refuse("a weight is negative.")
        if weight:
            for word, value in times(*row).items():
                found[word] = found.get(word, Fraction(0)) + weight * value
    return found


def _over_strategies(devices: Devices, polynomial: Mapping[Word, Fraction], budget: Budget) -> Fraction:
    """The largest value over all deterministic strategies, party by party."""
    if devices.count_strategies() > MOST_STRATEGIES:
        raise refuse(f"the devices have more than {MOST_STRATEGIES} deterministic strategies.")
    budget.spend(devices.count_strategies() * 4)
    scale = math.lcm(*(value.denominator for value in polynomial.values()))
    whole = {word: int(value * scale) for word, value in polynomial.items()}
    return Fraction(_best(devices, 0, whole, budget), scale)


def _best(devices: Devices, party: int, polynomial: Mapping[tuple[Any, ...], int], budget: Budget) -> int:
    if party == devices.parties:
        return polynomial.get((), 0)
    best = None
    for values in devices.strategies(party):
        budget.spend(len(polynomial))
        left: dict[tuple[Any, ...], int] = {}
        for word, value in polynomial.items():
            left[word[1:]] = left.get(word[1:], 0) + value * values[word[0]]
        here = _best(devices, party + 1, left, budget)
        best = here if best is None else max(best, here)
    assert best is not None
    return best


def of_power(
    question: Question,
    bound: Fraction,
    multipliers: Sequence[Fraction],
    claim: dict[str, Any],
    most: int,
    exponent: Fraction = Fraction(1),
) -> Finding:
    """An entropy H of ``most`` outcomes with ``2^(-e H) <= f = m + l . t``, e the exponent.

    Its functional is a tangent. For any s > 0, ``e H >= -log2 f >= log2(s ln 2) + 1/ln 2 - s f``. Here s is read off
    the claim. Of min-entropies e is 1, and f bounds the guessing probability.
    """
    claimed = number(claim["value"], "the claimed value")
    at_data = bound + question.at_data(multipliers)
    if at_data <= 0:
        raise refuse("no data have a guessing probability, or a power, of zero: these are outside the set.")
    with flint.ctx.workprec(512):
        ln2 = flint.arb(2).log()
        proven = end(-ball(at_data).log() / ln2 / ball(exponent), "lower")
        given = record(claim["functional"], "the functional", "constant multipliers")
        slopes = numbers(given["multipliers"], "the functional's multipliers", len(multipliers))
        pairs = [(abs(m), -exponent * s / m) for m, s in zip(multipliers, slopes, strict=True) if m]
        slope = max(pairs)[1] if pairs else Fraction(0)
        if slope <= 0:
            slope = end(1 / (ball(at_data) * ln2), "lower")
        constant = end(((ball(slope) * ln2).log() / ln2 + 1 / ln2 - ball(slope * bound)) / ball(exponent), "lower")
        highest = end(flint.arb(most).log() / ln2, "upper")
    faults = functional_faults(claim["functional"], question, constant, [-slope * m / exponent for m in multipliers])
    if faults:  # where it says less than nothing it needs no proof
        faults = functional_faults(claim["functional"], question, Fraction(0), [Fraction(0)] * len(multipliers))
    return Finding(question.kind, "lower", proven, claimed, faults + within(claimed, 0, highest))
