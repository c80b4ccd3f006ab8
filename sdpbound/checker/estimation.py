"""Check the length of randomness by probability estimation, for an adversary with classical side information.

The proof has scores f(a, b, x, y) in bits, beta in (0, 1], and the distribution mu of the settings. A set of
behaviours of two settings with two outcomes is meant by ``devices``: "no-signaling", or "tsirelson", those of them
with all |CHSH| <= 2 sqrt 2. The mean ``sum mu 2^(beta f) p^(1 + beta)`` is convex in p, and its largest value M over
the set is one at its extreme points:

- the 16 deterministic behaviours,
- the 8 boxes p = 1/2 where a + b = x y + u x + v y + w mod 2, or
- where |CHSH| is bounded, on the edges from each box to the 8 deterministic behaviours that have a + b as the box at
  three of the four pairs of settings: box with weight sqrt 2 - 1. For what does not signal is local, or in the
  simplex of one box and these eight (arXiv:quant-ph/0404097), and the bound cuts its one corner.

Runs with a mean score of at least h have, by the theorem of docs/probability_estimation.md, which is trusted,

    n (h - log2(M) / beta) + 2 - (1 + 1/beta) log2(1 / soundness)    bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import flint

from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.numbers import lower_end, nearest_float, rounded_float, to_ball
from sdpbound.checker.reading import read_integer, read_keys, read_number, read_tensor
from sdpbound.checker.scenario import read_scenario
from sdpbound.errors import CertificateError

__all__ = ["Devices", "extreme_points", "largest_mean", "verify_estimation"]

PRECISION = 256  # bits
KIND = "estimated_randomness_length"
BITS = (0, 1)
PLACES = tuple(product(BITS, repeat=4))
Devices = Literal["tsirelson", "no-signaling"]
Number = Fraction | float
Behaviour = dict[tuple[int, ...], flint.arb]  # without zeros


def verify_estimation(root: Mapping[str, Any], strict: bool) -> Verification:
    """Recompute a length; `root` was read."""
    question = read_keys(root["question"], ("scenario", "figure", "side"), "question")
    if read_scenario(question["scenario"]).outcomes != ((2, 2), (2, 2)):
        raise CertificateError("question.scenario must have two settings with two outcomes for each of two parties.")
    figure = read_keys(question["figure"], ("kind", "rounds", "soundness", "devices"), "question.figure")
    devices = figure["devices"]
    if question["side"] != "lower" or figure["kind"] != KIND or devices not in ("no-signaling", "tsirelson"):
        raise CertificateError(
            f"question must have side lower, a figure of kind {KIND}, and devices tsirelson or no-signaling."
        )
    rounds = read_integer(figure["rounds"], 1, 10**18, "question.figure.rounds")
    soundness = read_number(figure["soundness"], "question.figure.soundness")
    given = read_keys(root["proof"], ("estimation",), "proof")["estimation"]
    proof = read_keys(given, ("beta", "distribution", "scores"), "proof.estimation")
    beta = read_number(proof["beta"], "proof.estimation.beta")
    drawn = read_tensor(proof["distribution"], (2, 2), "proof.estimation.distribution")
    scores = read_tensor(proof["scores"], (2, 2, 2, 2), "proof.estimation.scores")
    claim = read_keys(root["claim"], ("value", "threshold"), "claim")
    claimed, threshold = read_number(claim["value"], "claim.value"), read_number(claim["threshold"], "claim.threshold")
    if not (0 < soundness < 1 and 0 < beta <= 1):
        raise CertificateError("soundness must be between 0 and 1, and beta above 0 and at most 1.")
    if any(drawn.get(pair, 0) <= 0 for pair in product(BITS, repeat=2)):
        raise CertificateError("proof.estimation.distribution must draw each of the four pairs of settings.")
    with flint.ctx.workprec(PRECISION):
        most = largest_mean(beta, drawn, scores, devices)
        log2 = flint.arb(2).log()
        length = rounds * (to_ball(threshold) - most.log() / (to_ball(beta) * log2)) + 2
        proven = lower_end(length + (1 + 1 / to_ball(beta)) * to_ball(soundness).log() / log2)
    holds = claimed <= proven and claimed <= 2 * rounds
    said = f"{nearest_float(claimed)!r} bits of randomness from {rounds} rounds"
    messages = (
        f"By probability estimation, {said} against classical side information.",
        f"{said} are claimed; {nearest_float(proven)!r} are proven, and outcomes have {2 * rounds}.",
    )
    subject = Subject(KIND, "lower", "no-signaling" if devices == "no-signaling" else "quantum")
    return subject.verified(rounded_float(proven, up=False), claimed, messages, holds=holds, strict=strict)


def largest_mean(beta: Number, drawn: Mapping[Any, Number], scores: Mapping[Any, Number], devices: str) -> flint.arb:
    """A ball around the largest mean of ``2^(beta f) p^beta`` over the set; numbers are taken exactly."""
    power = Fraction(beta)
    total = to_ball(sum((Fraction(weight) for weight in drawn.values()), Fraction(0)))
    exponent, log2 = to_ball(1 + power), flint.arb(2).log()
    weights = {
        i: to_ball(Fraction(drawn[i[2:]])) / total * (to_ball(power * Fraction(scores.get(i, 0))) * log2).exp()
        for i in PLACES
    }
    found = flint.arb(0)
    for p in extreme_points(devices):
        found = found.max(sum((weights[i] * value**exponent for i, value in p.items()), flint.arb(0)))
    return found


def extreme_points(devices: str) -> Iterator[Behaviour]:
    """The extreme points of a set of behaviours, without entries that are zero."""
    local: list[Behaviour] = []
    for a0, a1, b0, b1 in product(BITS, repeat=4):
        local.append({((a0, a1)[x], (b0, b1)[y], x, y): flint.arb(1) for x, y in product(BITS, repeat=2)})
    yield from local
    share = flint.arb(2).sqrt() - 1
    for u, v, w in product(BITS, repeat=3):
        half = {i for i in PLACES if (i[0] + i[1] + i[2] * i[3] + u * i[2] + v * i[3] + w) % 2 == 0}
        if devices == "no-signaling":
            yield dict.fromkeys(half, flint.arb(1) / 2)
            continue
        for strategy in local:
            if sum(i in half for i in strategy) == 3:
                yield {
                    i: (share / 2 if i in half else 0) + (1 - share if i in strategy else flint.arb(0))
                    for i in half | strategy.keys()
                }
