"""Lengths by probability estimation: the largest mean power over devices of a set, and the length that follows.

To be shown is ``sum mu(x, y) 2^(beta f) p(ab|xy)^(1 + beta) <= M`` for all p of a set. The left side is convex in p, so
that p may be taken from any points whose mixtures are all of the set.

- Devices that do not signal are mixtures of the 16 deterministic ones and of the 8 boxes with ``a + b = 1`` (modulo 2)
  where a sign s_xy is -1, for the 8 choices of four signs of product -1.
- Such devices have ``sum s_xy <A_x B_y> <= 2`` for all signs and are local, or lie in the simplex of one box, where the
  sum is 4, and of the deterministic devices where it is 2. The simplex with the sum at most 2 sqrt 2 has in place of
  the box the places of its edges where the sum is that: a mixture with weight ``(2 sqrt 2 - 2) / (4 - 2)`` of the box.
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

PRECISION = 384
Place = tuple[int, int, int, int]
BITS = ((0, 0), (0, 1), (1, 0), (1, 1))


def recheck_estimation(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = record(root["question"], "the question", "scenario figure side")
    if read_devices(question["scenario"], (2, 2)).outcomes != ((2, 2), (2, 2)):
        raise refuse("probability estimation is for two settings with two outcomes of each of two parties.")
    choice(question["side"], "side", ("lower",))
    figure = record(question["figure"], "the figure", "kind rounds soundness devices")
    choice(figure["kind"], "the figure", ("estimated_randomness_length",))
    devices = choice(figure["devices"], "the devices", ("no-signaling", "tsirelson"))
    n = integer(figure["rounds"], "rounds", 1, 10**18)
    soundness = number(figure["soundness"], "soundness")
    entries = record(root["proof"], "the proof", "estimation")["estimation"]
    proof = record(entries, "the estimation", "beta distribution scores")
    beta = number(proof["beta"], "beta")
    if not (0 < soundness < 1 and 0 < beta <= 1):
        raise refuse("soundness must be between 0 and 1, and beta above 0 and at most 1.")
    drawn = tensor(proof["distribution"], "the distribution", (2, 2))
    if len(drawn) != 4 or min(drawn.values()) < 0:
        raise refuse("each pair of settings has a weight above 0.")
    scores = tensor(proof["scores"], "the scores", (2, 2, 2, 2))
    claim = record(root["claim"], "the claim", "value threshold")
    value, threshold = number(claim["value"], "the claimed value"), number(claim["threshold"], "the threshold")
    budget.spend(100_000)
    with flint.ctx.workprec(PRECISION):
        whole = sum(drawn.values(), Fraction(0))
        weights = {
            (a, b, x, y): ball(drawn[x, y] / whole) * flint.arb(2) ** ball(beta * scores.get((a, b, x, y), Fraction(0)))
            for a, b in BITS
            for x, y in BITS
        }
        most = ball(max(end(_mean_power(weights, p, beta), "upper") for p in _points(devices == "tsirelson")))
        bits = n * (ball(threshold) - _log2(most) / ball(beta)) + 2 + (1 + 1 / ball(beta)) * _log2(ball(soundness))
        proven = end(bits, "lower")
    faults = () if value <= 2 * n else ("the outcomes have fewer bits than are claimed.",)
    return Finding("estimated_randomness_length", "lower", proven, value, faults)


def _log2(value: flint.arb) -> flint.arb:
    return value.log() / flint.arb(2).log()


def _mean_power(weights: dict[Place, flint.arb], p: dict[Place, flint.arb], beta: Fraction) -> flint.arb:
    """Probabilities that are zero have a power of zero, and are left out of p."""
    return total(weights[place] * chance ** ball(1 + beta) for place, chance in p.items())


def _points(cut: bool) -> Iterator[dict[Place, flint.arb]]:
    """Points whose mixtures are the set: without signals, or with every sum at most 2 sqrt 2 (``cut``)."""
    outcomes = list(product(BITS, BITS))
    for own, other in outcomes:
        yield {(own[x], other[y], x, y): flint.arb(1) for x, y in BITS}
    part = flint.arb(2).sqrt() - 1
    for signs in product((1, -1), repeat=4):
        if signs[0] * signs[1] * signs[2] * signs[3] == 1:
            continue
        sign = dict(zip(BITS, signs, strict=True))
        box = {(a, b, x, y): flint.arb(0.5) for x, y in BITS for a, b in BITS if (-1) ** (a + b) == sign[x, y]}
        if not cut:
            yield box
            continue
        for own, other in outcomes:
            if sum(sign[x, y] * (-1) ** (own[x] + other[y]) for x, y in BITS) == 2:
                point = {place: part * chance for place, chance in box.items()}
                for x, y in BITS:
                    place = (own[x], other[y], x, y)
                    point[place] = point.get(place, flint.arb(0)) + 1 - part
                yield point
