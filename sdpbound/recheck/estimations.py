"""Lengths by probability estimation: the mean weighted power at every extreme point, with points as correlators.

A behaviour of two settings and outcomes that does not signal is ``p(ab|xy) = (1 + (-1)^a A_x + (-1)^b B_y + (-1)^(a+b)
C_xy) / 4``. Extreme are signs A, B with C = A B, and A = B = 0 with signs C of product -1. Where |CHSH| is at most 2
sqrt 2 such a box is replaced by the points at which the lines from it to the signs with ``sum C_xy A_x B_y = 2``
reach that value.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.reading import choice, integer, number, record, tensor
from sdpbound.recheck.words import read_devices

__all__ = ["recheck_estimation"]

PRECISION = 320
SETS = ("no-signaling", "tsirelson")
PAIRS = tuple(product((0, 1), repeat=2))
Point = tuple[list[flint.arb], list[flint.arb], dict[tuple[int, ...], flint.arb]]  # A, B, C


def recheck_estimation(root: dict[str, Any], budget: Budget) -> Finding:
    """Prove a length again."""
    budget.spend(1_000_000)
    flint.ctx.prec, before = PRECISION, flint.ctx.prec
    try:
        return _finding(root)
    finally:
        flint.ctx.prec = before


def _finding(root: dict[str, Any]) -> Finding:
    question = record(root["question"], "the question", "scenario figure side")
    if read_devices(question["scenario"], (2, 2)).outcomes != ((2, 2), (2, 2)):
        raise refuse("the scenario is not that of two settings with two outcomes.")
    choice(question["side"], "side", ("lower",))
    figure = record(question["figure"], "the figure", "kind rounds soundness devices")
    kind = choice(figure["kind"], "the kind of the figure", ("estimated_randomness_length",))
    rounds = integer(figure["rounds"], "rounds", 1, 10**18)
    eps = number(figure["soundness"], "soundness")
    devices = choice(figure["devices"], "devices", SETS)
    proof = record(root["proof"], "the proof", "estimation")
    given = record(proof["estimation"], "the estimation", "beta distribution scores")
    beta = number(given["beta"], "beta")
    weights = tensor(given["distribution"], "the distribution", (2, 2))
    scores = tensor(given["scores"], "the scores", (2, 2, 2, 2))
    claim = record(root["claim"], "the claim", "value threshold")
    claimed, threshold = number(claim["value"], "the value"), number(claim["threshold"], "the threshold")
    if not 0 < eps < 1 or not 0 < beta <= 1 or len(weights) != 4 or min(weights.values()) <= 0:
        raise refuse("soundness, beta or a weight of the settings is out of its range.")
    whole = sum(weights.values(), Fraction(0))
    factors: dict[tuple[int, ...], flint.arb] = {
        (a, b, x, y): ball(weights[x, y] / whole) * flint.arb(2) ** ball(beta * scores.get((a, b, x, y), Fraction(0)))
        for a, b, x, y in product((0, 1), repeat=4)
    }
    means = [_mean(factors, point, beta) for point in _points(devices)]
    most = means[0]
    for mean in means[1:]:
        most = most.max(mean)
    two = flint.arb(2).log()
    bits = rounds * (ball(threshold) - most.log() / (ball(beta) * two)) + 2
    bits += ball(1 + 1 / beta) * ball(eps).log() / two
    faults = ("the outcomes have fewer bits than are claimed.",) if claimed > 2 * rounds else ()
    return Finding(kind, "lower", end(bits, "lower"), claimed, faults)


def _points(devices: str) -> Iterator[Point]:
    signs = [flint.arb(1), flint.arb(-1)]
    local = [([a, c], [b, d]) for a, b, c, d in product(signs, repeat=4)]
    for one, other in local:
        yield one, other, {(x, y): one[x] * other[y] for x, y in PAIRS}
    for values in product(signs, repeat=4):
        if values[0] * values[1] * values[2] * values[3] == 1:
            continue
        box = dict(zip(PAIRS, values, strict=True))
        if devices == "no-signaling":
            yield [flint.arb(0)] * 2, [flint.arb(0)] * 2, box
            continue
        share = flint.arb(2).sqrt() - 1  # of the box: 4 share + 2 (1 - share) = 2 sqrt 2
        for one, other in local:
            if total(box[x, y] * one[x] * other[y] for x, y in PAIRS) == 2:
                rest = 1 - share
                yield (
                    [rest * a for a in one],
                    [rest * b for b in other],
                    {(x, y): share * box[x, y] + rest * one[x] * other[y] for x, y in PAIRS},
                )


def _mean(factors: dict[tuple[int, ...], flint.arb], point: Point, beta: Fraction) -> flint.arb:
    one, other, both = point
    power = ball(1 + beta)
    terms = []
    for (a, b, x, y), factor in factors.items():
        p = (1 + (-1) ** a * one[x] + (-1) ** b * other[y] + (-1) ** (a + b) * both[x, y]) / 4
        if p.upper() > 0 and not p.contains(0):
            terms.append(factor * p**power)
        elif p.upper() > 0:  # a ball around zero: the power rises
            terms.append(factor * flint.arb(p.upper()) ** power)
    return total(terms)
