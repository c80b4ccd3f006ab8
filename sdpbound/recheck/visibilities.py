"""Explicit visibilities: so much of a behaviour, with noise for the rest, is a mixture that is written down.

With M the moments of the mixture, P those of the behaviour, v the claim and t the tolerance, what is shown is, of a
noise N that is known, for each moment j

    |M_j - v P_j - (1 - v) N_j| <= v t,

and of any noise that does not signal, for each event, whose probability is q by M and p by P and which is one of D,

    (1 - v t) q + v t / D >= v p.

Points are added up in rational numbers; where strategies of quantum devices have a part, in balls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import lcm, prod
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, total
from sdpbound.recheck.question import Question, Tested
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record, tensor
from sdpbound.recheck.strategies import read_strategy
from sdpbound.recheck.words import OBSERVABLE, Devices, Letter, Polynomial, Word, effect, read_devices, times

__all__ = ["recheck_visibility"]

PRECISION = 512
MOST_POINTS, MOST_STRATEGIES = 1 << 16, 400
#: Binary digits of the common denominator of weights.
MOST_BITS = 1 << 16
LARGEST_TOLERANCE = Fraction(1, 10**6)
NOISES = ("white", "local", "general", "given")

Point = tuple[tuple[int, ...], ...]
Moments = Mapping[Word, Fraction]


def recheck_visibility(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = record(root["question"], "the question", "scenario figure side moments tolerance given model")
    devices = read_devices(question["scenario"])
    figure = record(question["figure"], "the figure", "kind noise")
    choice(figure["kind"], "the figure", ("visibility",))
    noise = choice(figure["noise"], "the noise", NOISES)
    choice(question["side"], "the side", ("lower",))
    model = choice(record(question["model"], "the model", "kind")["kind"], "the model", ("local", "quantum"))
    tolerance = number(question["tolerance"], "the tolerance")
    if not 0 <= tolerance <= LARGEST_TOLERANCE:
        raise refuse("the tolerance is not from 0 to 1e-6.")
    behaviour = _moments(question["moments"], "moments", devices)
    if (question["given"] is None) == (noise == "given"):
        raise refuse("a noise is given where it is said to be, and nowhere else.")
    value = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    if not 0 < value <= 1:
        raise refuse("the claimed value is not above 0 and at most 1.")
    proof = record(
        record(root["proof"], "the proof", "visibility")["visibility"],
        "the visibility",
        "points strategies weights noise",
    )
    points = [_point(entry, devices) for entry in items(proof["points"], "points", MOST_POINTS)]
    if (proof["noise"] is None) == (noise == "local"):
        raise refuse("weights of a noise belong to local noise.")
    with flint.ctx.workprec(PRECISION):
        mixture = _mixture(proof, points, model, devices, budget)
        room = value * tolerance
        if noise == "general":
            _show_events(mixture, behaviour, value, room, devices, budget)
        else:
            if noise == "given":
                rest = _moments(question["given"], "given", devices)
            elif noise == "local":
                weights = numbers(proof["noise"], "the noise", len(points))
                rest = _added(points, weights, _whole(weights), devices, budget)
            else:
                rest = {word: _at_random(word, devices) for word in _words(devices)}
            for word in _words(devices):
                target = value * behaviour.get(word, Fraction(0)) + (1 - value) * rest.get(word, Fraction(0))
                if not _at_least(mixture[word], target - room) or not _at_least(-mixture[word], -target - room):
                    raise refuse("a moment of the mixture is not that of the behaviour with its noise.")
    return Finding("visibility", "lower", value, value)


def _words(devices: Devices) -> Iterable[Word]:
    """One word for each moment of outcomes."""
    for index in product(*map(range, devices.shape)):
        yield from devices.coordinates({index: Fraction(1)})


def _moments(entry: object, name: str, devices: Devices) -> Moments:
    """Moments of a file; those that are 0 are left out."""
    found = devices.coordinates(tensor(entry, name, devices.shape))
    if found.get(devices.one) != 1:
        raise refuse(f"the first of the {name} must be 1.")
    return found


def _point(entry: object, devices: Devices) -> Point:
    """The outcome of each setting of each party."""
    return tuple(
        tuple(
            integer(a, "an outcome", 0, count - 1)
            for a, count in zip(items(own, "a point", len(counts), len(counts)), counts, strict=True)
        )
        for own, counts in zip(items(entry, "a point", devices.parties, devices.parties), devices.outcomes, strict=True)
    )


def _whole(weights: Sequence[Fraction]) -> Fraction:
    """The sum of weights."""
    if any(w < 0 for w in weights):
        raise refuse("a weight is negative.")
    whole = sum(weights, Fraction(0))
    if not whole > 0:
        raise refuse("all weights are 0.")
    return whole


def _added(
    points: Sequence[Point], weights: Sequence[Fraction], whole: Fraction, devices: Devices, budget: Budget
) -> dict[Word, Fraction]:
    """Moments of points with weights, divided by ``whole``."""
    bottom = 1
    for weight in weights:
        bottom = lcm(bottom, weight.denominator)
        if bottom.bit_length() > MOST_BITS:
            raise refuse("the weights have no common denominator that can be written.")
    budget.spend(2 * len(points) * prod(devices.shape))
    found: dict[Word, int] = {}
    for point, weight in zip(points, weights, strict=True):
        share = weight.numerator * (bottom // weight.denominator)
        if not share:
            continue
        signs = []
        for party, answers in enumerate(point):
            own: dict[tuple[Letter, ...], int] = {(): 1}
            for setting, outcome in devices.letters(party):
                seen = answers[setting]
                own[((setting, outcome),)] = 1 - 2 * seen if outcome == OBSERVABLE else int(seen == outcome)
            signs.append([(string, sign) for string, sign in own.items() if sign])
        for chosen in product(*signs):
            word = tuple(string for string, _ in chosen)
            found[word] = found.get(word, 0) + share * prod(sign for _, sign in chosen)
    return {word: Fraction(number, bottom) / whole for word, number in found.items()}


def _mixture(
    proof: dict[str, Any], points: Sequence[Point], model: str, devices: Devices, budget: Budget
) -> dict[Word, Fraction | flint.arb]:
    """Each moment of the mixture: exactly, or in a ball where quantum strategies are in it."""
    given = items(proof["strategies"], "strategies", MOST_STRATEGIES)
    if given and model == "local":
        raise refuse("mixtures of points alone are local.")
    weights = numbers(proof["weights"], "weights", len(points) + len(given))
    whole = _whole(weights)
    exactly = _added(points, weights[: len(points)], whole, devices, budget)
    words = list(_words(devices))
    if not given:
        return {word: exactly.get(word, Fraction(0)) for word in words}
    asked = tuple(Tested({word: Fraction(1)}, Fraction(0), Fraction(0)) for word in words)
    question = Question(devices, asked, {"kind": "visibility"}, "lower", model)
    budget.spend(len(given) * len(words) * 2000)
    values = [read_strategy(entry, question, budget).tested(question) for entry in given]
    shares = [ball(w / whole) for w in weights[len(points) :]]
    return {
        word: ball(exactly.get(word, Fraction(0))) + total(s * v[j] for s, v in zip(shares, values, strict=True))
        for j, word in enumerate(words)
    }


def _at_random(word: Word, devices: Devices) -> Fraction:
    """The moment of parties whose outcomes are all equally likely."""
    found = Fraction(1)
    for party, string in enumerate(word):
        for setting, outcome in string:
            found *= 0 if outcome == OBSERVABLE else Fraction(1, devices.outcomes[party][setting])
    return found


def _at_least(value: Fraction | flint.arb, low: Fraction) -> bool:
    """Whether a number, or all of a ball, is not below another number."""
    return value >= low if isinstance(value, Fraction) else bool(value >= ball(low))


def _mean(event: Polynomial, mixture: Mapping[Word, Fraction | flint.arb]) -> Fraction | flint.arb:
    """The value of a polynomial by moments: exactly, if these are."""
    exactly, rest = Fraction(0), []
    for word, coefficient in event.items():
        moment = mixture[word]
        if isinstance(moment, Fraction):
            exactly += coefficient * moment
        else:
            rest.append(ball(coefficient) * moment)
    return ball(exactly) + total(rest) if rest else exactly


def _show_events(
    mixture: Mapping[Word, Fraction | flint.arb],
    behaviour: Moments,
    value: Fraction,
    room: Fraction,
    devices: Devices,
    budget: Budget,
) -> None:
    """Refuse unless every event is likely enough by the mixture."""
    for settings in product(*(range(len(own)) for own in devices.outcomes)):
        counts = [own[s] for own, s in zip(devices.outcomes, settings, strict=True)]
        budget.spend(4 * prod(counts) ** 2)
        for outcomes in product(*map(range, counts)):
            event = times(*(effect(devices, p, s, a) for p, (s, a) in enumerate(zip(settings, outcomes, strict=True))))
            least = value * sum((c * behaviour.get(w, Fraction(0)) for w, c in event.items()), Fraction(0))
            if not _at_least(_mean(event, mixture), (least - room / prod(counts)) / (1 - room)):
                raise refuse("an event is less likely in the mixture than in the part of the behaviour.")
