"""Lengths of keys and of random strings from n rounds: docs/finite_size.md term by term.

The certificate contains those of an entropy, whose functional F is the min-tradeoff function, and of F's least and
largest value over all quantum devices; each is checked by its own kind. Then, with pi the distribution of tested
settings, g the scores, w the weight of a round's entropy and gamma the probability of a test:

- ``F - sum pi p g`` is at most ``margin`` in modulus for all no-signaling devices, from its coefficients, exactly;
- so ``f(untested) = u``, ``f(c) = u + (w g(c) - u) / gamma`` has a mean of at most w (F + margin), and a mean score of
  at least the threshold h means an entropy that is spoken of by h - w margin;
- Var f <= max over means m of w g - u of ((a + b) m - a b) / gamma - m^2, where a <= w g - u <= b;
- the honest devices fail to reach h, have more than ``most_tests`` tests, or need a longer message, with no more than
  the probabilities granted, by Chernoff's bound at the tails given;
- every term of the length, in balls.

A key may be a function m of Alice's outcomes at x, its values 0, 1, .., k - 1 all taken. Her string then has m(a) of
untested rounds and a of tests, so:

- F bounds H(m(A)|X=x,E), flips are of two values, and the inner certificate is about the same m and the same flips;
- w is as ever: of a test at x, H(A|E) >= H(m(A)|E), but H(A|E) is not always above that of flipped values;
- letters are still at most the widest |A| |B|, as k <= |A|; scores, extremes and honest scores know nothing of m;
- what is sent of an untested round is -log2 p(v|b) of its value v, ``p(v, b) = sum_{a: m(a) = v} p(a, b|x, y)``,
  flipped after that; of a test it is -log2 p(a|b).

A channel that treats 0 and 1 differently is as flips are: the entropy within is that of the bit behind it, and no test
counts for that, so that w = 1 - gamma.

The theorem of entropy accumulation and leftover hashing are taken for granted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.question import read_channel, read_question
from sdpbound.recheck.reading import choice, integer, items, number, record, tensor
from sdpbound.recheck.words import Devices, Polynomial, added, effect, leftover, read_devices, times

__all__ = ["recheck_length"]

PRECISION = 512
CHOSEN = "gamma beta place score_tail count_tail leak_tail wrong smoothing count leak hashing"
FIGURE = "kind x y preprocessing soundness completeness efficiency registers rounds"
#: How far probabilities of honest devices may be from adding up to one.
ROUNDED = Fraction(1, 10**8)
Check = Callable[[dict[str, Any], Budget], Finding]
Table = dict[tuple[int, ...], Fraction]


@dataclass(frozen=True, slots=True)
class _Round:
    """One round: devices, settings, what is asked, the honest devices, the test and the functional.

    Attributes
    ----------
    devices, x, y, channel, key : of the figure; key: a key and not randomness
    function : the key's value for each of Alice's outcomes at x; None if the outcome is the key
    honest, drawn, scores : p(a, b, x, y), pi(x, y) and g(a, b, x, y), exact
    margin : how far the mean score may be from the functional
    least, most : of the functional over quantum devices
    """

    devices: Devices
    x: int
    y: int | None
    channel: tuple[Fraction, Fraction]
    function: tuple[int, ...] | None
    key: bool
    honest: Table
    drawn: Table
    scores: Table
    margin: Fraction
    least: Fraction
    most: Fraction

    @property
    def widest(self) -> tuple[int, int]:
        return max(self.devices.outcomes[0]), max(self.devices.outcomes[1])

    def entries(self) -> list[tuple[int, int, int, int]]:
        """(a, b, x, y) that exist and are tested."""
        outcomes = self.devices.outcomes
        return [(a, b, x, y) for x, y in self.drawn for a in range(outcomes[0][x]) for b in range(outcomes[1][y])]

    def tested(self, x: int, y: int) -> Table:
        """p(a, b) of honest devices in a test: all outcomes as they are."""
        return {place[:2]: p for place, p in self.honest.items() if place[2:] == (x, y)}

    def untested(self) -> Table:
        """p(v, b) of honest devices for the value v that an untested round adds to a key: the function, then flips."""
        found: Table = {}
        for (a, b, x, y), p in self.honest.items():
            if (x, y) == (self.x, self.y):
                value = a if self.function is None else self.function[a]
                changed = self.channel[value] if any(self.channel) else Fraction(0)
                found[value, b] = found.get((value, b), Fraction(0)) + (1 - changed) * p
                if changed:
                    found[1 - value, b] = found.get((1 - value, b), Fraction(0)) + changed * p
        return found


def recheck_length(root: dict[str, Any], budget: Budget, check: Check) -> Finding:
    """The whole certificate; ``check`` is for those in it."""
    question = record(root["question"], "the question", "scenario figure side behaviour")
    choice(question["side"], "side", ("lower",))
    figure = record(question["figure"], "the figure", FIGURE, "merge")
    kind = choice(figure["kind"], "the figure", ("finite_key_length", "finite_randomness_length"))
    proof = record(root["proof"], "the proof", "accumulation entropy least most distribution scores")
    claim = record(root["claim"], "the claim", "value threshold most_tests")
    claimed = number(claim["value"], "the claimed value")
    rounds = integer(figure["rounds"], "rounds", 1, 10**18)
    one = _read_round(question, figure, proof, kind == "finite_key_length", budget, check)
    v = {name: number(value, name) for name, value in record(proof["accumulation"], "accumulation", CHOSEN).items()}
    threshold, most_tests = number(claim["threshold"], "threshold"), number(claim["most_tests"], "most_tests")
    with flint.ctx.workprec(PRECISION):
        parts = _epsilons(figure, v, one.key)
        length = _length(one, figure, v, parts, rounds, threshold, most_tests)
        proven = end(length, "lower")
        faults: tuple[str, ...] = ()
        bits = end(ball(rounds) * ball(prod(one.widest)).log() / flint.arb(2).log(), "upper")
        if claimed > bits:
            faults = ("the length claimed is above the bits of all outcomes.",)
    return Finding(kind, "lower", proven, claimed, faults)


# -- reading ----------------------------------------------------------------------------------------------------------


def _read_round(
    question: dict[str, Any], figure: dict[str, Any], proof: dict[str, Any], key: bool, budget: Budget, check: Check
) -> _Round:
    devices = read_devices(question["scenario"], (2, 2))
    outcomes = devices.outcomes
    x = integer(figure["x"], "x", 0, len(outcomes[0]) - 1)
    y = None if figure["y"] is None else integer(figure["y"], "y", 0, len(outcomes[1]) - 1)
    channel = read_channel(figure["preprocessing"])
    function = _function(figure, outcomes[0][x])
    if function is not None and not key:
        raise refuse("randomness is all outcomes, and no function of them.")
    values = outcomes[0][x] if function is None else len(set(function))
    if (key and y is None) or (any(channel) and not (key and values == 2)):
        raise refuse("a key needs Bob's setting, and only a key of one bit is flipped.")
    shape = (max(outcomes[0]), max(outcomes[1]), len(outcomes[0]), len(outcomes[1]))
    honest = _honest(tensor(question["behaviour"], "behaviour", shape), devices)
    drawn = tensor(proof["distribution"], "distribution", shape[2:])
    whole = sum(drawn.values(), Fraction(0))
    if any(p < 0 for p in drawn.values()) or abs(whole - 1) > ROUNDED:
        raise refuse("the distribution of tested settings does not add up to one.")
    drawn = {place: p / whole for place, p in drawn.items()}
    scores = tensor(proof["scores"], "scores", shape)
    functional = _functional(proof["entropy"], devices, (x, None if key else y, channel, function), budget, check)
    left = functional
    for (s, t), p in drawn.items():
        for a, b in product(range(outcomes[0][s]), range(outcomes[1][t])):
            g = scores.get((a, b, s, t), Fraction(0))
            left = added((1, left), (-p * g, times(effect(devices, 0, s, a), effect(devices, 1, t, b))))
    margin = leftover(added((1, left), (-1, {devices.one: left.get(devices.one, Fraction(0))})), devices.one)
    margin += abs(left.get(devices.one, Fraction(0)))
    least = _extreme(proof["least"], devices, functional, "lower", budget, check)
    most = _extreme(proof["most"], devices, functional, "upper", budget, check)
    return _Round(devices, x, y, channel, function, key, honest, drawn, scores, margin, least, most)


def _function(figure: dict[str, Any], count: int) -> tuple[int, ...] | None:
    """The key's value for each of Alice's outcomes, without a gap from 0; None if no function is named."""
    if "merge" not in figure:
        return None
    given = items(figure["merge"], "merge", count, count)
    found = tuple(integer(value, "a value of the key", 0, count - 1) for value in given)
    if len(set(found)) != max(found) + 1:
        raise refuse("a value below the largest one of the key is that of no outcome.")
    return found


def _honest(table: Table, devices: Devices) -> Table:
    """Probabilities of honest devices: what is negative by rounding is zero, and all add up to one."""
    found: Table = {}
    for (a, b, x, y), p in table.items():
        if p < -ROUNDED or a >= devices.outcomes[0][x] or b >= devices.outcomes[1][y]:
            raise refuse("the behaviour has a negative probability, or an outcome that does not exist.")
        found[a, b, x, y] = max(p, Fraction(0))
    for x, y in product(range(len(devices.outcomes[0])), range(len(devices.outcomes[1]))):
        places = [place for place in found if place[2:] == (x, y)]
        whole = sum((found[place] for place in places), Fraction(0))
        if abs(whole - 1) > ROUNDED:
            raise refuse("the probabilities of the behaviour do not add up to one.")
        for place in places:
            found[place] /= whole
    return found


def _functional(
    entry: object,
    devices: Devices,
    key: tuple[int, int | None, tuple[Fraction, Fraction], tuple[int, ...] | None],
    budget: Budget,
    check: Check,
) -> Polynomial:
    """The min-tradeoff function: the functional of a proven entropy of the same key, function and flips included."""
    if type(entry) is not dict:
        raise refuse("the entropy of a length is a certificate.")
    found = check(entry, budget)
    if found.figure != "conditional_entropy" or found.side != "lower" or found.faults or found.claimed > found.proven:
        raise refuse("the entropy of the length is not proven.")
    closed = "model" not in entry["question"]
    question = read_question(entry, "" if closed else "model", (2, 2))
    figure = question.figure
    if question.devices.outcomes != devices.outcomes:
        raise refuse("the entropy is about other devices.")
    record(figure, "the figure of the entropy", "kind x y preprocessing", "merge")
    if (figure["x"], figure["y"], read_channel(figure["preprocessing"])) != key[:3]:
        raise refuse("the entropy is about other settings.")
    if _function(figure, devices.outcomes[0][key[0]]) != key[3]:
        raise refuse("the entropy is about another function of the outcome.")
    claim = entry["claim"]["functional"]
    multipliers = [number(m, "a multiplier") for m in claim["multipliers"]]
    return added(
        (1, question.combination(multipliers)), (number(claim["constant"], "constant"), {devices.one: Fraction(1)})
    )


def _extreme(
    entry: object, devices: Devices, functional: Polynomial, side: str, budget: Budget, check: Check
) -> Fraction:
    """A bound on the functional over all quantum devices, from one on a Bell expression that it is up to rounding."""
    if type(entry) is not dict:
        raise refuse("an extreme of a functional is a certificate.")
    found = check(entry, budget)
    if found.figure != "bell_value" or found.side != side or found.faults:
        raise refuse("an extreme of the functional is not proven.")
    question = read_question(entry)
    if question.devices.outcomes != devices.outcomes or question.tested or question.model == "local":
        raise refuse("an extreme of the functional is one of other devices.")
    table = devices.coordinates(tensor(question.figure["coefficients"], "coefficients", devices.shape))
    drift = sum((abs(v) for v in added((1, functional), (-1, table)).values()), Fraction(0))
    return found.proven - drift if side == "lower" else found.proven + drift


# -- the length -------------------------------------------------------------------------------------------------------


def _epsilons(figure: dict[str, Any], v: dict[str, Fraction], key: bool) -> dict[str, Fraction]:
    """The parts of soundness and completeness, all that are used positive."""
    sound, complete = number(figure["soundness"], "soundness"), number(figure["completeness"], "completeness")
    if not (0 < v["gamma"] <= 1 and 0 < v["beta"] < 1 and 0 <= v["place"] <= 1):
        raise refuse("a parameter of the accumulation is outside its range.")
    if not all(v[name] > 0 for name in ("score_tail", "count_tail", "leak_tail")):
        raise refuse("a tail is not positive.")
    rest = sound - v["wrong"]
    parts = {
        "accumulation": rest,
        "smoothing": v["smoothing"],
        "privacy": rest - 2 * v["smoothing"],
        "score": complete - v["count"] - v["leak"] - v["hashing"],
        "count": v["count"],
        "leak": v["leak"],
        "hashing": v["hashing"],
        "wrong": v["wrong"],
    }
    needed = ["accumulation", "smoothing", "privacy", "score"] + (["count", "leak", "hashing", "wrong"] if key else [])
    if not 1 <= number(figure["efficiency"], "efficiency") <= 100:
        raise refuse("an efficiency of error correction is between 1 and 100.")
    if not (0 < sound < 1 and 0 < complete < 1) or any(part < 0 for part in parts.values()):
        raise refuse("a part of what may fail is negative, or all may.")
    if any(not 0 < parts[name] < 1 for name in needed):
        raise refuse("a part of what may fail is not between 0 and 1.")
    return parts


def _log2(value: flint.arb) -> flint.arb:
    return value.log() / flint.arb(2).log()


def _tail(values: Sequence[flint.arb], chances: Sequence[flint.arb], s: flint.arb) -> flint.arb:
    """``ln(sum p exp(s z)) / s``: a sum of n is above n times that and L/s with a probability of at most exp(-L)."""
    return total(p * (s * z).exp() for z, p in zip(values, chances, strict=True)).log() / s


def _length(
    one: _Round,
    figure: dict[str, Any],
    v: dict[str, Fraction],
    eps: dict[str, Fraction],
    rounds: int,
    threshold: Fraction,
    most_tests: Fraction,
) -> flint.arb:
    """The sum of all terms."""
    n, beta = ball(rounds), ball(v["beta"])
    own = sum((p for (s, t), p in one.drawn.items() if s == one.x and (one.key or one.y in (None, t))), Fraction(0))
    if one.key and any(one.channel):
        own = Fraction(0)
    weight = 1 - v["gamma"] + v["gamma"] * own
    places = one.entries()
    values = [one.scores.get(place, Fraction(0)) for place in places]
    small, large = min(values), max(values)
    u = weight * (small + v["place"] * (large - small))
    a, b = weight * small - u, weight * large - u
    # the mean score of quantum devices
    least = max(one.least - one.margin, small)
    most = min(one.most + one.margin, large)
    low, high = weight * least - u, weight * most - u
    if low > high:
        raise refuse("the extremes of the functional contradict each other.")
    m = min(max((a + b) / (2 * v["gamma"]), low), high)
    variance = ((a + b) * m - a * b) / v["gamma"] - m * m
    spread = u + b / v["gamma"] - weight * least
    _completeness(one, v, eps, rounds, threshold, (u, weight))

    registers = choice(figure["registers"], "registers", ("classical", "quantum", "sharp"))
    d = ball(prod(one.widest))
    deviation = {
        "classical": lambda: _log2(2 * d + 1),
        "quantum": lambda: _log2(2 * d * d + 1),
        "sharp": lambda: _log2(d.sqrt() + (d - 1).sqrt()),
    }[registers]() + (2 + ball(variance)).sqrt()
    ln2 = flint.arb(2).log()
    exponent = (_log2(d) * (2 if registers == "quantum" else 1) + ball(spread)) * ln2
    third = (beta * exponent).exp() * (exponent.exp() + flint.arb(2).exp()).log() ** 3 / (6 * (1 - beta) ** 3 * ln2)
    smooth = ball(eps["smoothing"])
    length = n * (ball(threshold - weight * one.margin) - beta * ln2 / 2 * deviation**2 - beta**2 * third)
    length += _log2(1 - (1 - smooth * smooth).sqrt()) / beta
    length += (1 + beta) / beta * _log2(ball(eps["accumulation"]))
    length += 2 * _log2(2 * ball(eps["privacy"]))
    if one.key:
        length -= _counted(one, v, eps, rounds, most_tests)
        length -= _sent(one, v, eps, rounds, number(figure["efficiency"], "efficiency"))
    return length


def _completeness(
    one: _Round,
    v: dict[str, Fraction],
    eps: dict[str, Fraction],
    rounds: int,
    threshold: Fraction,
    test: tuple[Fraction, Fraction],
) -> None:
    """Refuse a threshold that honest devices miss too often."""
    u, weight = test
    places = one.entries()
    score = [u] + [u + (weight * one.scores.get(place, Fraction(0)) - u) / v["gamma"] for place in places]
    chances = [1 - v["gamma"]] + [
        v["gamma"] * one.drawn[place[2], place[3]] * one.honest.get(place, Fraction(0)) for place in places
    ]
    s = ball(v["score_tail"])
    tail = _tail([-ball(f) for f in score], [ball(p) for p in chances], s)
    if not ball(threshold) <= -tail + ball(eps["score"]).log() / (s * ball(rounds)):
        raise refuse("the honest devices may miss the threshold more often than granted.")


def _counted(
    one: _Round, v: dict[str, Fraction], eps: dict[str, Fraction], rounds: int, most_tests: Fraction
) -> flint.arb:
    """Bits of Bob's tested outcomes, which are given away, if there are no more tests than claimed."""
    if most_tests < rounds:
        s, gamma = ball(v["count_tail"]), ball(v["gamma"])
        tail = _tail([flint.arb(1), flint.arb(0)], [gamma, 1 - gamma], s)
        if not ball(most_tests) >= ball(rounds) * tail - ball(eps["count"]).log() / s:
            raise refuse("the honest devices may have more tests than granted.")
    return _log2(ball(one.widest[1])) * ball(min(most_tests, Fraction(rounds)))


def _sent(
    one: _Round, v: dict[str, Fraction], eps: dict[str, Fraction], rounds: int, efficiency: Fraction
) -> flint.arb:
    """Bits of the messages: a hash long enough for the honest devices' surprises, and one that is compared."""
    kinds = [(1 - v["gamma"], one.untested())]
    kinds += [(v["gamma"] * p, one.tested(*settings)) for settings, p in one.drawn.items()]
    values, chances = [], []
    for weight, joint in kinds:
        bob: dict[int, Fraction] = {}
        for (_, b), p in joint.items():
            bob[b] = bob.get(b, Fraction(0)) + p
        for (_, b), p in joint.items():
            if p and weight:
                values.append(_log2(ball(bob[b] / p)))
                chances.append(ball(weight * p))
    s = ball(v["leak_tail"])
    mean = total(p * z for p, z in zip(chances, values, strict=True))
    sent = ball(rounds) * (_tail(values, chances, s) + ball(efficiency - 1) * mean) - ball(eps["leak"]).log() / s
    return sent - _log2(ball(eps["hashing"])) - _log2(ball(eps["wrong"])) + 2
