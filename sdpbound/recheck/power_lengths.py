"""Lengths by Renyi entropies with any test: what docs/certificates.md says has to be shown, from a bound on the power.

The certificate of a Renyi entropy within shows ``sum_a Tr X_a^alpha <= L(p)`` of the key's setting x, for all quantum
devices, where ``X_a = s^(-1/2alpha') p_a s^(-1/2alpha')``, p_a are Eve's functionals for outcomes a and s their sum. As
``p_a <= s`` and powers up to 1 are monotone, ``X_a^beta <= s^theta``, theta = beta/alpha, and so

    Tr X_ab X_a^beta <= p(ab|xy),   Tr X_ab^alpha <= p(ab|xy).                                                       (1)

**Alice's outcomes are the string.** With weights v from v_0 to v_1 of the outcomes of a pair of settings let
``Y_a = sum_b v X_ab``, at most ``v_1 X_a``. Then

    sum_a Tr Y_a^alpha <= v_1^beta sum_a Tr Y_a X_a^beta
                       <= v_1^beta (v_0 sum_a Tr X_a^alpha + sum_ab (v - v_0) p(ab|xy)),

where v_0 may be any number from 0 to the least v. The first sum is at most L only for the setting and the key that L is
about: at another setting, or where L is about a bit behind flips or a channel (bits of tests pass none), v_0 is 0.
**Both outcomes are the string:** v^alpha times (1).

Untested rounds have 2^(beta u) L(p), and where inputs are recycled weights have the factors of
:mod:`~sdpbound.recheck.renyi_lengths`. All together is affine in p, and its moments are at most 1 in modulus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.renyi_lengths import LengthAsked, read_length, weighed_length
from sdpbound.recheck.renyi_programs import Power
from sdpbound.recheck.words import OBSERVABLE, Devices, Word, effect, times

__all__ = ["recheck_power_length"]

PRECISION = 448
#: Tsirelson's bound squared, with room for honest devices that are floats; what their power may be too small by.
BEYOND, NEAR = Fraction(8) + Fraction(1, 10**5), Fraction(1, 10**9)
Linear = dict[Word, flint.arb]


def recheck_power_length(
    root: dict[str, Any], budget: Budget, shown: Callable[[dict[str, Any], Budget], Power]
) -> Finding:
    """The whole certificate; ``shown`` is what the certificate of the power proves, if it holds."""
    with flint.ctx.workprec(PRECISION):
        length, proof = read_length(root, "power")
        if type(proof["power"]) is not dict:
            raise refuse("the power has no certificate.")
        power = shown(proof["power"], budget)
        _fits(length, power)
        budget.spend(100 * len(length.drawn) * max(length.sizes[0]) * max(length.sizes[1]))
        linear = {word: ball(v) for word, v in power.question.combination(power.multipliers).items()}
        one = power.question.devices.one
        linear[one] = linear.get(one, flint.arb(0)) + ball(power.constant)
        _exists(length, power, linear)
        return weighed_length(length, _most(_weighted(length, power, linear), one))


def _fits(length: LengthAsked, power: Power) -> None:
    """The power is that of the string of untested rounds, or of Alice's part of it, at the order of the length."""
    if power.question.devices.outcomes != length.sizes:
        raise refuse("the power is that of other devices.")
    if power.form != "sandwiched down" or power.alpha != 1 + length.v["beta"] or power.exponent != length.v["beta"]:
        raise refuse("the power is not that of the form and order of the length.")
    if power.key.x != length.x or power.key.channel != length.channel:
        raise refuse("the power is that of another key.")
    if power.key.y is not None and (length.key or power.key.y != length.y):
        raise refuse("the power is that of outcomes of Bob that are no part of the string.")


def _exists(length: LengthAsked, power: Power, linear: Linear) -> None:
    """Refuse honest devices that are no quantum devices, as far as that is seen."""
    devices = power.question.devices
    honest = total(value * ball(_moment(length, devices, word)) for word, value in linear.items())
    least = flint.arb(power.key.outcomes(devices)) ** (-ball(length.v["beta"]))
    if not honest >= least - ball(NEAR):
        raise refuse("the honest devices have a power that no quantum devices have.")
    two = [[s for s, count in enumerate(party) if count == 2] for party in length.sizes]
    for (x, u), (y, w) in product(*([(s, t) for s in own for t in own if s < t] for own in two)):
        letters = {(s, t): (((s, OBSERVABLE),), ((t, OBSERVABLE),)) for s in (x, u) for t in (y, w)}
        means = {pair: _moment(length, devices, word) for pair, word in letters.items()}
        if any((sum(means.values(), Fraction(0)) - 2 * mean) ** 2 > BEYOND for mean in means.values()):
            raise refuse("the honest devices are beyond Tsirelson's bound.")


def _moment(length: LengthAsked, devices: Devices, word: Word) -> Fraction:
    """The honest mean of a word of at most one letter a party."""
    settings = tuple(string[0][0] if string else 0 for string in word)
    found = Fraction(0)
    for place, chance in length.honest.items():
        if place[2:] == settings:
            for string, outcome in zip(word, place, strict=False):
                if string and string[0][1] == OBSERVABLE:
                    chance = -chance if outcome else chance
                elif string and string[0][1] != outcome:
                    chance = Fraction(0)
            found += chance
    return found


def _weighted(length: LengthAsked, power: Power, linear: Linear) -> Linear:
    """What the weighted power of one round is at most, as an affine function of the behaviour."""
    beta, gamma = ball(length.v["beta"]), ball(length.v["gamma"])
    devices = power.question.devices
    times_linear = length.untested()
    found: Linear = {}
    for (x, y), chance in length.drawn.items():
        places = list(product(range(length.sizes[0][x]), range(length.sizes[1][y])))
        weights = {place: length.weight((*place, x, y)) for place in places}
        if power.key.y is not None:
            parts = {place: weight ** (1 + beta) for place, weight in weights.items()}
        else:
            highest = ball(max(end(weight, "upper") for weight in weights.values())) ** beta
            lowest = flint.arb(0)
            if x == length.x and not any(length.channel):
                lowest = ball(min(end(weight, "lower") for weight in weights.values()))
            parts = {place: highest * (weight - lowest) for place, weight in weights.items()}
            times_linear += gamma * ball(chance) * highest * lowest
        for word, value in _probabilities(devices, (x, y), parts):
            found[word] = found.get(word, flint.arb(0)) + gamma * ball(chance) * value
    for word, value in linear.items():
        found[word] = found.get(word, flint.arb(0)) + times_linear * value
    return found


def _probabilities(
    devices: Devices, pair: tuple[int, int], parts: dict[tuple[int, int], flint.arb]
) -> Iterator[tuple[Word, flint.arb]]:
    """The words of ``sum_ab parts[a, b] p(ab|xy)``."""
    for (a, b), value in parts.items():
        for word, factor in times(effect(devices, 0, pair[0], a), effect(devices, 1, pair[1], b)).items():
            yield word, value * ball(factor)


def _most(linear: Linear, one: Word) -> flint.arb:
    """Moments other than that of the identity are from -1 to 1."""
    return linear[one] + total(abs(value) for word, value in linear.items() if word != one)
