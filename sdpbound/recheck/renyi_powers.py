"""Lengths by Renyi entropies with any test: what docs/certificates.md says has to be shown.

The certificate within proves an affine L(p) above ``2^(-beta H)``. The weighted power of a round is then at most an
affine function of p as well. Its coefficients in words are added up here, and words are between -1 and 1.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.question import read_question
from sdpbound.recheck.reading import choice, number, numbers, record
from sdpbound.recheck.renyi_lengths import LengthAsked, read_length, weighed_length
from sdpbound.recheck.words import Devices, Polynomial, Word, added, effect, times

__all__ = ["recheck_power_length"]

PRECISION = 448
#: How far below its least value the power of honest devices may be: a rounding.
ROUNDED = Fraction(1, 10**6)
Check = Callable[[dict[str, Any], Budget], Finding]
Balls = dict[Word, flint.arb]


def recheck_power_length(root: dict[str, Any], budget: Budget, check: Check) -> Finding:
    """Prove a length again; ``check`` proves the certificate of the Renyi entropy."""
    length, proof = read_length(root, "power")
    line, devices, both = _line(length, proof["power"], root["question"]["scenario"], budget, check)
    flint.ctx.prec, before = PRECISION, flint.ctx.prec
    try:
        _require_possible(length, line, devices, both)
        return weighed_length(length, _most(length, line, devices, both))
    finally:
        flint.ctx.prec = before


def _line(
    length: LengthAsked, given: object, scenario: object, budget: Budget, check: Check
) -> tuple[Polynomial, Devices, bool]:
    """L in words, and whether it is of the outcomes of both."""
    if type(given) is not dict or type(given.get("proof")) is not dict or "renyi" not in given["proof"]:
        raise refuse("what bounds the power is no certificate of a Renyi entropy.")
    found = check(given, budget)
    if found.faults or found.side != "lower" or found.claimed > found.proven:
        raise refuse("the certificate of the Renyi entropy does not hold.")
    question = read_question(given, parties=(2, 2))
    figure = record(question.figure, "the figure", "kind x y preprocessing form alpha")
    choice(figure["kind"], "the kind of the figure", ("renyi_entropy",))
    choice(figure["form"], "the form", ("sandwiched down",))
    y = figure["y"]
    fits = number(figure["alpha"], "alpha") == 1 + length.v["beta"] and figure["x"] == length.x
    fits = fits and number(figure["preprocessing"], "preprocessing") == length.flips
    fits = fits and (y is None or (not length.key and y == length.y))
    if not fits or question.devices.outcomes != length.sizes:
        raise refuse("the Renyi entropy is of another order, of other outcomes or of other devices.")
    proof = record(given["proof"], "the proof", "renyi constant multipliers")
    choice(proof["renyi"], "what proves the entropy", ("qubits",))
    multipliers = numbers(proof["multipliers"], "multipliers", len(question.tested))
    devices = question.devices
    one: Polynomial = {devices.one: number(proof["constant"], "the constant")}
    return added((1, one), (1, question.combination(multipliers))), devices, y is not None


def _chance(devices: Devices, place: tuple[int, ...]) -> Polynomial:
    """p(ab|xy) in words."""
    a, b, x, y = place
    return times(effect(devices, 0, x, a), effect(devices, 1, y, b))


def _require_possible(length: LengthAsked, line: Polynomial, devices: Devices, both: bool) -> None:
    """Refuse honest devices whose power would be less than that of outcomes of which Eve knows nothing."""
    values = {devices.one: Fraction(1)}
    outcomes, honest = devices.outcomes, length.honest
    for x, y in {place[2:] for place in honest}:
        here = {place: value for place, value in honest.items() if place[2:] == (x, y)}
        for word in line:
            left, right = word
            if any(s != x for s, _ in left) or any(s != y for s, _ in right):
                continue
            values[word] = sum(
                (value * _sign(left, place[0]) * _sign(right, place[1]) for place, value in here.items()), Fraction(0)
            )
    if any(word not in values for word in line):
        raise refuse("the Renyi entropy is bounded by more than correlations of two settings.")
    power = sum((c * values[word] for word, c in line.items()), Fraction(0))
    count = outcomes[0][length.x] * (outcomes[1][length.y] if both and length.y is not None else 1)
    if ball(power + ROUNDED) < flint.arb(count) ** (-ball(length.v["beta"])):
        raise refuse("honest devices are said to hide more than all of their outcomes.")


def _sign(string: tuple[tuple[int, int], ...], outcome: int) -> int:
    """The value of a party's letter, of which there is at most one, for an outcome."""
    value = 1
    for _, letter in string:
        value *= (-1) ** outcome if letter == -1 else int(letter == outcome)
    return value


def _most(length: LengthAsked, line: Polynomial, devices: Devices, both: bool) -> flint.arb:
    """A ball whose upper end M the weighted power of a round does not exceed."""
    beta, gamma, two = ball(length.v["beta"]), ball(length.v["gamma"]), flint.arb(2)
    alpha, plain = 1 + beta, not length.flips
    found: Balls = {}

    def add(factor: flint.arb, polynomial: Polynomial) -> None:
        for word, value in polynomial.items():
            name = devices.real(word)
            found[name] = found.get(name, flint.arb(0)) + factor * ball(value)

    add((1 - gamma) * two ** (beta * ball(length.v["untested"])), line)
    for (x, y), chance in length.drawn.items():
        weight = gamma * ball(chance)
        places = [(a, b, x, y) for a in range(devices.outcomes[0][x]) for b in range(devices.outcomes[1][y])]
        scores = {place: length.scores.get(place, Fraction(0)) for place in places}
        if both:
            for place, score in scores.items():
                add(weight * two ** (beta * ball(score)), _chance(devices, place))
            continue
        front = weight * two ** (beta * beta / alpha * ball(max(scores.values())))
        least = min(scores.values()) if x == length.x and plain else None
        low = flint.arb(0) if least is None else two ** (beta / alpha * ball(least))
        add(front * low, line)
        for place, score in scores.items():
            add(front * (two ** (beta / alpha * ball(score)) - low), _chance(devices, place))
    constant = found.pop(devices.one, flint.arb(0))
    power = constant + total(abs(value) for value in found.values())
    if not end(power, "upper") > 0:
        raise refuse("the weighted power of a round would not be positive.")
    return power
