"""Lengths by Renyi entropies: what docs/certificates.md says has to be shown, with no tangent of the file.

The largest ``A q(S) + k S`` is found anew: the function is concave, and a bisection on its slope, in balls, ends with
two values of S between which it bends down; there it is below the tangent at the first. Lengths with another test than
CHSH are in :mod:`sdpbound.recheck.power_lengths`, but for what both have in common.

Where tests and settings are hashed with the outcomes, a string of probability P in a round has the power
``(P 2^(theta f) X)^alpha``, theta = beta/alpha, X at given settings. That is P times the power of
``P^theta 2^(theta f) X``: weights v have the factor P^theta, and that of other rounds, 2^(beta u), has P^beta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.question import read_channel
from sdpbound.recheck.reading import choice, integer, number, record, tensor
from sdpbound.recheck.words import read_devices

__all__ = ["LengthAsked", "read_length", "recheck_renyi_length", "surprises", "weighed_length"]

PRECISION = 448
#: Steps of the bisection; the distance of its ends is 2^-STEPS.
STEPS = 240
KEY, STRING = "finite_key_length", "finite_randomness_length"
BEYOND = Fraction(2829, 1000)  # above 2 sqrt 2
SUMS = Fraction(1, 10**6)  # honest probabilities are floats: what their sums may miss
BELOW = Fraction(1, 10**9)
Place = tuple[int, ...]
Cases = list[tuple[flint.arb, Fraction]]  # a value, and its probability


@dataclass(frozen=True, slots=True)
class LengthAsked:
    """The numbers of a certificate, read and within their ranges."""

    key: bool
    x: int
    y: int | None
    rounds: int
    sizes: tuple[tuple[int, ...], tuple[int, ...]]
    limits: dict[str, Fraction]  # soundness, completeness, efficiency
    honest: dict[Place, Fraction]
    channel: tuple[Fraction, Fraction]  # of the key's bit in rounds without a test
    drawn: dict[Place, Fraction]
    scores: dict[Place, Fraction]
    v: dict[str, Fraction]  # entries of the proof's renyi, untested, value and threshold
    recycled: bool = False  # whether tests and settings are hashed with the outcomes

    def weight(self, place: Place) -> flint.arb:
        """v of a test with these outcomes at these settings."""
        beta = ball(self.v["beta"])
        found = flint.arb(2) ** (beta * ball(self.scores.get(place, Fraction(0))) / (1 + beta))
        if self.recycled:
            found *= ball(self.v["gamma"] * self.drawn[place[2:]]) ** (beta / (1 + beta))
        return found

    def untested(self) -> flint.arb:
        """The probability of a round without a test, times the power of its weight."""
        beta, others = ball(self.v["beta"]), 1 - self.v["gamma"]
        found = ball(others) * flint.arb(2) ** (beta * ball(self.v["untested"]))
        return found * ball(others) ** beta if self.recycled and others else found


def recheck_renyi_length(root: dict[str, Any], budget: Budget) -> Finding:
    """Prove a length with a CHSH test again."""
    budget.spend(STEPS * 1000)
    flint.ctx.prec, before = PRECISION, flint.ctx.prec
    try:
        length, rest = read_length(root, "chsh", " tangent")
        if any(length.channel):
            raise refuse("there is preprocessing, for which nothing is stated.")
        tangent = length.v["tangent"]
        if not (tangent > 2 and tangent**2 < 8):
            raise refuse("the tangent is not at a value between 2 and 2 sqrt 2.")
        signs = tensor(rest["chsh"], "chsh", (len(length.sizes[0]), len(length.sizes[1])))
        _game(signs, length.sizes, length.x)
        if length.drawn.keys() != signs.keys():
            raise refuse("the settings of tests are not those of chsh.")
        value = sum(sign * _correlator(length.honest, pair) for pair, sign in signs.items())
        if value * value > 8 + 10 * SUMS:
            raise refuse("the honest devices are beyond Tsirelson's bound.")
        return weighed_length(length, _power(length, signs))
    finally:
        flint.ctx.prec = before


def weighed_length(length: LengthAsked, power: flint.arb) -> Finding:
    """What follows from a weighted power of one round that is at most the upper end of ``power``."""
    bits = _bits(length, power)
    faults = tuple(_aborts(length))
    most = length.rounds * _outcome_bits(length)
    if length.recycled:
        most += length.rounds * _log2(flint.arb(1 + len(length.drawn)))
    if length.v["value"] > end(most, "upper"):
        faults = (*faults, "the outcomes have fewer bits than are claimed.")
    return Finding(KEY if length.key else STRING, "lower", end(bits, "lower"), length.v["value"], faults)


# -- reading ----------------------------------------------------------------------------------------------------------


def read_length(root: dict[str, Any], entry: str, more: str = "") -> tuple[LengthAsked, dict[str, Any]]:
    """The numbers, and the proof with its ``entry``; ``more`` are parameters beside the usual ones."""
    question = record(root["question"], "the question", "scenario figure side behaviour")
    sizes = read_devices(question["scenario"], (2, 2)).outcomes
    choice(question["side"], "side", ("lower",))
    names = "kind x y preprocessing rounds soundness completeness efficiency registers"
    figure = record(question["figure"], "the figure", names, "inputs")
    key = choice(figure["kind"], "the kind of the figure", (KEY, STRING)) == KEY
    choice(figure["registers"], "registers", ("classical", "sharp", "quantum"))
    recycled = "inputs" in figure
    if recycled:
        choice(figure["inputs"], "inputs", ("recycled",))
        if key:
            raise refuse("inputs of a key are announced.")
    limits = {name: number(figure[name], name) for name in ("soundness", "completeness", "efficiency")}
    if not (0 < limits["soundness"] < 1 and 0 < limits["completeness"] < 1 and limits["efficiency"] >= 1):
        raise refuse("soundness or completeness are no probabilities between 0 and 1, or the efficiency is below 1.")
    x = integer(figure["x"], "x", 0, len(sizes[0]) - 1)
    y = None if figure["y"] is None else integer(figure["y"], "y", 0, len(sizes[1]) - 1)
    if key and y is None:
        raise refuse("a key has a setting of Bob.")
    channel = read_channel(figure["preprocessing"])
    if any(channel) and not (key and sizes[0][x] == 2):
        raise refuse("only a bit of a key is flipped.")
    proof = record(root["proof"], "the proof", f"renyi_accumulation {entry} distribution scores untested")
    claim = record(root["claim"], "the claim", "value threshold lengths")
    given = record(proof["renyi_accumulation"], "renyi", f"gamma beta score_tail leak_tail wrong leak hashing{more}")
    v = {name: number(value, name) for name, value in given.items()}
    _in_range(v, limits, key)
    v |= {"untested": number(proof["untested"], "untested")}
    v |= {name: number(claim[name], name) for name in ("value", "threshold")}
    v["lengths"] = Fraction(integer(claim["lengths"], "lengths", 1, 1 << 20))
    shape, widest = (len(sizes[0]), len(sizes[1])), (max(sizes[0]), max(sizes[1]))
    drawn = tensor(proof["distribution"], "the distribution", shape)
    if not drawn or min(drawn.values()) <= 0:
        raise refuse("the settings of tests have weights that are not positive.")
    whole = sum(drawn.values(), Fraction(0))
    drawn = {pair: weight / whole for pair, weight in drawn.items()}
    scores = tensor(proof["scores"], "the scores", (*widest, *shape))
    _exist(scores, sizes)
    honest = _behaviour(tensor(question["behaviour"], "the behaviour", (*widest, *shape)), sizes)
    rounds = integer(figure["rounds"], "rounds", 1, 10**18)
    return LengthAsked(
        key, x, y, rounds, (sizes[0], sizes[1]), limits, honest, channel, drawn, scores, v, recycled
    ), proof


def _in_range(v: dict[str, Fraction], limits: dict[str, Fraction], key: bool) -> None:
    fits = 0 < v["gamma"] <= 1 and 0 < v["beta"] <= 1
    fits = fits and v["score_tail"] > 0 and v["leak_tail"] > 0
    parts = (v["wrong"], v["leak"], v["hashing"])
    fits = fits and (min(parts) > 0 if key else min(parts) >= 0)
    if not fits or v["wrong"] >= limits["soundness"] or v["leak"] + v["hashing"] >= limits["completeness"]:
        raise refuse("a parameter is out of its range, or leaves nothing of soundness or completeness.")


def _game(signs: dict[Place, Fraction], sizes: tuple[tuple[int, ...], ...], x: int) -> None:
    """Four signs of a CHSH expression with the key's x."""
    rows, columns = {pair[0] for pair in signs}, {pair[1] for pair in signs}
    sign = Fraction(1)
    for value in signs.values():
        sign *= value
    if len(signs) != 4 or len(rows) != 2 or len(columns) != 2 or sign != -1:
        raise refuse("chsh has not four entries of product -1 at two settings of each party.")
    if any(value not in (1, -1) for value in signs.values()):
        raise refuse("chsh has an entry that is no sign.")
    if x not in rows or any(sizes[0][s] != 2 for s in rows) or any(sizes[1][t] != 2 for t in columns):
        raise refuse("chsh leaves out the setting of the key, or has settings without two outcomes.")


def _exist(table: dict[Place, Fraction], sizes: tuple[tuple[int, ...], ...]) -> None:
    if any(a >= sizes[0][x] or b >= sizes[1][y] for a, b, x, y in table):
        raise refuse("an outcome has a number that its setting does not have.")


def _behaviour(table: dict[Place, Fraction], sizes: tuple[tuple[int, ...], ...]) -> dict[Place, Fraction]:
    """Honest probabilities, each pair of settings normalised; they must not signal."""
    _exist(table, sizes)
    if min(table.values(), default=Fraction(0)) < -BELOW:
        raise refuse("an honest probability is negative.")
    found = {place: value for place, value in table.items() if value > 0}
    for x, y in product(range(len(sizes[0])), range(len(sizes[1]))):
        here = [place for place in found if place[2:] == (x, y)]
        whole = sum((found[place] for place in here), Fraction(0))
        if abs(whole - 1) > SUMS:
            raise refuse("honest probabilities do not add up to 1.")
        for place in here:
            found[place] /= whole
    for party in (0, 1):
        seen: dict[tuple[int, int], list[Fraction]] = {}
        for setting, other in product(range(len(sizes[party])), range(len(sizes[1 - party]))):
            pair = (setting, other) if party == 0 else (other, setting)
            for outcome in range(sizes[party][setting]):
                chance = sum((p for i, p in found.items() if i[party] == outcome and i[2:] == pair), Fraction(0))
                seen.setdefault((setting, outcome), []).append(chance)
        if any(max(chances) - min(chances) > SUMS for chances in seen.values()):
            raise refuse("the honest behaviour signals.")
    return found


def _correlator(honest: dict[Place, Fraction], pair: Place) -> Fraction:
    return sum((p * (-1) ** (i[0] + i[1]) for i, p in honest.items() if i[2:] == pair), Fraction(0))


# -- the largest power ------------------------------------------------------------------------------------------------


def _power(length: LengthAsked, signs: dict[Place, Fraction]) -> flint.arb:
    """A ball whose upper end M the weighted power of a round does not exceed."""
    gamma, beta = ball(length.v["gamma"]), ball(length.v["beta"])
    places = [(a, b, *pair) for pair in length.drawn for a, b in product((0, 1), repeat=2)]
    weights = {place: length.weight(place) for place in places}
    lowest = ball(min(end(weight, "lower") for weight in weights.values()))
    highest = ball(max(end(weight, "upper") for weight in weights.values()))
    raised = gamma * highest**beta  # gamma v_1^beta
    own = length.untested() + raised * lowest
    constant, charged = flint.arb(0), flint.arb(0)
    steep: dict[Place, flint.arb] = {}  # s_xy times the coefficient of <A_x B_y>
    alice: dict[int, flint.arb] = {}
    bob: dict[int, flint.arb] = {}
    for (x, y), chance in length.drawn.items():
        part = {
            (a, b): raised * ball(chance) * (weights[a, b, x, y] - lowest) / 4 for a, b in product((0, 1), repeat=2)
        }
        constant += total(part.values())
        steep[x, y] = ball(signs[x, y]) * (part[0, 0] + part[1, 1] - part[0, 1] - part[1, 0])
        alice[x] = alice.get(x, flint.arb(0)) + part[0, 0] + part[0, 1] - part[1, 0] - part[1, 1]
        bob[y] = bob.get(y, flint.arb(0)) + part[0, 0] + part[1, 0] - part[0, 1] - part[1, 1]
    least = ball(min(end(value, "lower") for value in steep.values()))
    for value in (*(s - least for s in steep.values()), *alice.values(), *bob.values()):
        charged += abs(value)
    return constant + charged + _highest(_Curve(beta), own, least)


@dataclass(frozen=True, slots=True)
class _Curve:
    """q(S) between 2 and 2 sqrt 2."""

    beta: flint.arb

    def _sides(self, s: Fraction) -> tuple[flint.arb, flint.arb, flint.arb]:
        z = ball(s * s / 4 - 1).sqrt()
        return (1 + z) / 2, (1 - z) / 2, z

    def value(self, s: Fraction) -> flint.arb:
        order = 1 / (1 + self.beta)
        one, other, _ = self._sides(s)
        return (one**order + other**order) ** (1 + self.beta) / flint.arb(2) ** self.beta

    def slope(self, s: Fraction) -> flint.arb:
        """By the chain rule: order times alpha is 1, and dz/dS = S / (4 z)."""
        less = -self.beta / (1 + self.beta)  # order - 1
        one, other, z = self._sides(s)
        whole = one ** (1 + less) + other ** (1 + less)
        return (whole / 2) ** self.beta * (one**less - other**less) * ball(s) / (8 * z)


def _highest(curve: _Curve, own: flint.arb, steep: flint.arb) -> flint.arb:
    """At least the maximum of own q(S) + steep S over |S| <= 2 sqrt 2; q is even, so steep may be taken positive."""
    steep = abs(steep)
    low, high = Fraction(2), BEYOND
    for _ in range(STEPS):
        middle = (low + high) / 2
        slope = own * curve.slope(middle) + steep if middle * middle < 8 else flint.arb(-1)
        if slope < 0:
            high = middle
        elif slope > 0:
            low = middle
        else:
            break
    if low == 2:  # it falls beyond high, and q is at most 1
        return own + steep * ball(high)
    rise = own * curve.slope(low) + steep
    return own * curve.value(low) + steep * ball(low) + rise * ball(high - low)


# -- the length -------------------------------------------------------------------------------------------------------


def _log2(value: flint.arb) -> flint.arb:
    return value.log() / flint.arb(2).log()


def _outcome_bits(length: LengthAsked) -> flint.arb:
    one = max(length.sizes[0])
    return _log2(flint.arb(one if length.key or length.y is None else one * max(length.sizes[1])))


def _bits(length: LengthAsked, power: flint.arb) -> flint.arb:
    """The length that is proven."""
    v, n, beta = length.v, length.rounds, ball(length.v["beta"])
    found = n * (ball(v["threshold"]) - _log2(power) / beta)
    found += (1 + 1 / beta) * _log2(ball(length.limits["soundness"] - v["wrong"])) + 2
    found -= _log2(ball(v["lengths"]))
    if length.key:
        sent = surprises(length)
        mean = total(value * ball(chance) for value, chance in sent)
        most = _tail(sent, v["leak_tail"], v["leak"], n) + ball(length.limits["efficiency"] - 1) * mean
        found -= n * most - _log2(ball(v["hashing"])) - _log2(ball(v["wrong"])) + 2
    return found


def _aborts(length: LengthAsked) -> Iterator[str]:
    """What is wrong with the chance that honest devices fall below the threshold."""
    v = length.v
    spent = v["leak"] + v["hashing"] if length.key else Fraction(0)
    scores: Cases = [(ball(-v["untested"]), 1 - v["gamma"])]
    for place, p in length.honest.items():
        chance = length.drawn.get(place[2:], Fraction(0)) * p
        scores.append((ball(-length.scores.get(place, Fraction(0))), v["gamma"] * chance))
    limit = _tail(scores, v["score_tail"], length.limits["completeness"] - spent, length.rounds)
    if not limit <= ball(-v["threshold"]):
        yield "honest devices may fall below the threshold more often than promised."


def _tail(cases: Cases, s: Fraction, chance: Fraction, n: int) -> flint.arb:
    """Chernoff: a mean of n is above this at most with this chance."""
    mean = total(value * ball(p) for value, p in cases)
    moment = total(ball(p) * (ball(s) * (value - mean)).exp() for value, p in cases)
    return mean + (moment.log() - ball(chance).log() / n) / ball(s)


def surprises(length: LengthAsked) -> Cases:
    """-log2 p(a|b) of one round with its probability; Alice's bit passes the channel in untested rounds only."""
    assert length.y is not None
    gamma = length.v["gamma"]
    rounds: list[tuple[Place, Fraction, bool]] = [((length.x, length.y), 1 - gamma, any(length.channel))]
    rounds += [(pair, gamma * chance, False) for pair, chance in length.drawn.items()]
    found: Cases = []
    for pair, weight, changed in rounds:
        here = {place: p for place, p in length.honest.items() if place[2:] == pair}
        if changed:
            before, here = here, {}
            for place, p in before.items():
                for a in (0, 1):
                    chance = length.channel[place[0]] if a != place[0] else 1 - length.channel[place[0]]
                    if chance:
                        here[a, *place[1:]] = here.get((a, *place[1:]), Fraction(0)) + chance * p
        for place, p in here.items():
            of_bob = sum((other for i, other in here.items() if i[1] == place[1]), Fraction(0))
            found.append((_log2(ball(of_bob / p)), weight * p))
    return found
