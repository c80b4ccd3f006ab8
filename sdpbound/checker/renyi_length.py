"""Check the length of a key, or of randomness, by accumulation of Renyi entropies.

Question and honest devices are as for other lengths. With a CHSH test the proof has ``chsh``, signs s_xy of four pairs
of settings with product -1, one of them the key's x; ``distribution`` pi of the settings of tests, which are these
four; ``scores`` f of tests and ``untested`` u, in bits; and under ``renyi_accumulation`` the probability gamma of a
test, beta = alpha - 1, a CHSH value T named ``tangent``, and parameters of tails and of what may fail. The claim has a
length, the threshold h of the mean score, and a number of ``lengths``. With theta = beta / alpha, v = 2^(theta f), W =
(largest v)^beta, v_0 the least v, and

    A = (1 - gamma) 2^(beta u) + gamma W v_0,      l(S) = q(T) + q'(T) (S - T),

all devices have ``Q <= A l(S) + gamma W sum pi (v - v_0) p``, an affine function of correlators, which is at most its
constant and the sizes of its coefficients: a bound M. The length is at most, in bits,

    n (h - log2(M) / beta) + (1 + 1/beta) log2(soundness - wrong) + 2 - log2(lengths) - what is sent,

by the theorem of docs/finite_size_renyi.md, which is trusted: chain rule with weights, concave q(S) =
2^(-beta) (((1+z)/2)^(1/alpha) + ((1-z)/2)^(1/alpha))^alpha with z^2 = S^2/4 - 1, and leftover hashing. Checked again
are the bound M, the honest devices' chances to abort, and the length, in balls. With any other test the proof has
``power``, the certificate of a Renyi entropy, in the place of ``chsh``, and :mod:`sdpbound.checker.renyi_power` bounds
M.

With recycled inputs tests and settings are part of the string, whose Q has their probabilities to the power alpha. So
in M, but nowhere else, 2^(beta u) is multiplied by (1 - gamma)^beta, and v by (gamma pi)^(beta/alpha).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from itertools import product
from typing import Any

import flint

from sdpbound.checker.claim import Verification
from sdpbound.checker.length_questions import (
    AskedLength,
    Pairs,
    concluded,
    input_bits,
    may_fail_little,
    most_bits,
    read_asked,
    read_drawn,
    require_outcomes,
    surprises,
    tail,
    try_local_devices,
)
from sdpbound.checker.numbers import ZERO, Tensor, log2_ball, lower_end, to_ball
from sdpbound.checker.reading import read_integer, read_keys, read_number, read_tensor
from sdpbound.checker.renyi_power import Check, chance_of, read_power
from sdpbound.checker.trials import out_of_range
from sdpbound.errors import CertificateError

__all__ = ["verify_renyi_length"]

PRECISION = 384  # bits
_TOLERATED = Fraction(1, 10**5)  # honest probabilities need not add up to 1 exactly
_MOST_LENGTHS = 2**20
_POSITIVE = ("score_tail", "leak_tail")
_PARTS = ("wrong", "leak", "hashing")
_PARAMETERS = ("gamma", "beta", *_POSITIVE, *_PARTS)
_ENTRIES = ("renyi_accumulation", "distribution", "scores", "untested")
_CLAIM = ("value", "threshold", "lengths")


def verify_renyi_length(root: Mapping[str, Any], strict: bool, check: Check) -> Verification:
    """Recompute a length; `root` was read, and `check` is asked about the certificate within it."""
    asked = read_asked(root["question"])
    if asked.merge:
        raise CertificateError("question.figure merges outcomes; Renyi entropies are of outcomes as they are.")
    general = isinstance(root["proof"], Mapping) and "power" in root["proof"]
    proof = read_keys(root["proof"], (*_ENTRIES, "power" if general else "chsh"), "proof")
    claim = read_keys(root["claim"], _CLAIM, "claim")
    claimed, threshold = (read_number(claim[name], f"claim.{name}") for name in _CLAIM[:2])
    lengths = read_integer(claim["lengths"], 1, _MOST_LENGTHS, "claim.lengths")
    names = _PARAMETERS if general else (*_PARAMETERS, "tangent")
    given = read_keys(proof["renyi_accumulation"], names, "proof.renyi_accumulation")
    v = {name: read_number(given[name], f"proof.renyi_accumulation.{name}") for name in names}
    _check_parameters(asked, v)
    one, other = asked.scenario.outcomes
    drawn = {pair: p for pair, p in read_drawn(proof["distribution"], asked).items() if p}
    scores = read_tensor(proof["scores"], (max(one), max(other), len(one), len(other)), "proof.scores")
    require_outcomes(scores, one, other, "proof.scores")
    rest = read_number(proof["untested"], "proof.untested")
    with flint.ctx.workprec(PRECISION):
        if general:
            power = read_power(asked, proof["power"], v["beta"], check)
            most = power.most(v, drawn, scores, rest)
        else:
            signs = read_tensor(proof["chsh"], (len(one), len(other)), "proof.chsh")
            _require_chsh(asked, signs, drawn)
            most = _most_power(v, signs, drawn, scores, rest, asked.recycled)
        length, faults = _length(asked, v, most, drawn, scores, rest, threshold)
        length += lower_end(-log2_ball(Fraction(lengths)))
        inputs = log2_ball(Fraction(1 + len(drawn))) if asked.recycled else flint.arb(0)
        largest = asked.rounds * (most_bits(asked) + inputs)
        faults += out_of_range(
            claimed, "lower", flint.arb("-inf"), largest, "what is hashed of all rounds has bits that"
        )
        known = input_bits(v["gamma"], drawn, asked.rounds) + 3 if asked.recycled else flint.arb(1)
    if (
        not length < claimed
        and not faults
        and known <= to_ball(claimed)
        and not asked.channel
        and may_fail_little(asked)
    ):
        try_local_devices(asked, v["gamma"], drawn, scores, rest, threshold)
    return concluded(asked, length, claimed, faults, "By Renyi entropies", strict=strict)


def _check_parameters(asked: AskedLength, v: Mapping[str, Fraction]) -> None:
    if "tangent" in v and asked.channel:
        raise CertificateError("question.figure has preprocessing, for which no closed form is proven here.")
    within = 0 < v["gamma"] <= 1 and 0 < v["beta"] <= 1
    if "tangent" in v:
        within = within and v["tangent"] > 2 and v["tangent"] ** 2 < 8
    positive = all(v[name] > 0 for name in _POSITIVE)
    parts = [v[name] for name in _PARTS]
    enough = v["wrong"] < asked.soundness and sum(parts[1:]) < asked.completeness
    shared = min(parts) > 0 if asked.key else min(parts) >= 0
    if not (within and positive and enough and shared):
        raise CertificateError(
            "proof.renyi_accumulation has parameters out of range, or parts that exceed what may fail."
        )


def _require_chsh(asked: AskedLength, signs: Tensor, drawn: Tensor) -> None:
    """Four signs with product -1 at two settings of each party with two outcomes, the key's x among Alice's."""
    pairs = [pair for pair, sign in signs.items() if sign]
    alice, bob = sorted({x for x, _ in pairs}), sorted({y for _, y in pairs})
    shaped = len(alice) == len(bob) == 2 and sorted(pairs) == list(product(alice, bob))
    if not shaped or any(abs(signs[pair]) != 1 for pair in pairs) or math.prod(signs[pair] for pair in pairs) != -1:
        raise CertificateError(
            "proof.chsh must have four entries 1 or -1 with product -1, at two settings of each party."
        )
    one, other = asked.scenario.outcomes
    if asked.x not in alice or any(one[x] != 2 for x in alice) or any(other[y] != 2 for y in bob):
        raise CertificateError("proof.chsh must have the key's setting, and settings with two outcomes.")
    if drawn.keys() != set(pairs):
        raise CertificateError("proof.distribution must draw the settings of proof.chsh, and no others.")
    # there are no honest devices beyond Tsirelson's bound
    value = sum((signs.get(i[2:], ZERO) * (-p if (i[0] + i[1]) % 2 else p) for i, p in asked.behaviour.items()), ZERO)
    if value**2 > 8 + _TOLERATED:
        raise CertificateError(f"question.behaviour has the CHSH value {float(value)!r}: no honest devices have it.")


def _most_power(
    v: Mapping[str, Fraction], signs: Tensor, drawn: Tensor, scores: Tensor, rest: Fraction, recycled: bool
) -> flint.arb:
    """The bound M on the weighted Q of one round."""
    gamma, beta = to_ball(v["gamma"]), to_ball(v["beta"])
    ln2 = flint.arb(2).log()
    theta = beta / (1 + beta) * ln2
    results = [(a, b, x, y) for x, y in drawn for a, b in product(range(2), repeat=2)]
    weight = {i: (theta * to_ball(scores.get(i, ZERO))).exp() for i in results}
    alone = chance_of(1 - v["gamma"], beta, recycled)
    if recycled:
        weight = {i: w * to_ball(v["gamma"] * drawn[i[2:]]) ** (beta / (1 + beta)) for i, w in weight.items()}
    low, high = reduce(flint.arb.min, weight.values()), reduce(flint.arb.max, weight.values())
    front = gamma * high**beta
    size = alone * (beta * ln2 * to_ball(rest)).exp() + front * low
    value, slope = _tangent(v["tangent"], beta)
    constant = size * (value - slope * to_ball(v["tangent"]))
    terms: dict[tuple[int, int], flint.arb] = {}  # (x + 1, y + 1), 0 for none: coefficients of moments
    for pair in drawn:
        terms[pair[0] + 1, pair[1] + 1] = size * slope * to_ball(signs[pair])
    for (a, b, x, y), w in weight.items():
        part = front * to_ball(drawn[x, y]) * (w - low) / 4
        for index, sign in (((x + 1, 0), a), ((0, y + 1), b), ((x + 1, y + 1), a + b)):
            terms[index] = terms.get(index, flint.arb(0)) + (-part if sign % 2 else part)
        constant += part
    return sum((abs(term) for term in terms.values()), constant)


def _tangent(at: Fraction, beta: flint.arb) -> tuple[flint.arb, flint.arb]:
    """q(T) and q'(T) for T between 2 and 2 sqrt 2."""
    z = to_ball(at**2 / 4 - 1).sqrt()
    r, high, low = 1 / (1 + beta), (1 + z) / 2, (1 - z) / 2
    both = high**r + low**r
    value = both ** (1 + beta) / flint.arb(2) ** beta
    # d/dz of both^alpha is both^beta (high^(r-1) - low^(r-1)) / 2, and dz/dT is T / (4 z)
    slope = both**beta / flint.arb(2) ** beta * (high ** (r - 1) - low ** (r - 1)) / 2 * to_ball(at) / (4 * z)
    return value, slope


def _length(
    asked: AskedLength,
    v: Mapping[str, Fraction],
    most: flint.arb,
    drawn: Tensor,
    scores: Tensor,
    rest: Fraction,
    threshold: Fraction,
) -> tuple[Fraction, list[str]]:
    """The length, rounded down, and what is wrong with completeness."""
    n, gamma, beta, ln2 = asked.rounds, v["gamma"], v["beta"], flint.arb(2).log()
    bits = n * (to_ball(threshold) - most.log() / ln2 / to_ball(beta))
    bits += to_ball(1 + 1 / beta) * to_ball(asked.soundness - v["wrong"]).log() / ln2 + 2
    parts = v["leak"] + v["hashing"] if asked.key else ZERO
    honest: Pairs = [(to_ball(-rest), to_ball(1 - gamma))]
    for index, p in asked.behaviour.items():
        q = drawn.get(index[2:], ZERO) * p
        if q:
            honest.append((to_ball(-scores.get(index, ZERO)), to_ball(gamma * q)))
    faults = []
    if not to_ball(-threshold) >= tail(honest, v["score_tail"], -to_ball(asked.completeness - parts).log(), n):
        faults.append("honest devices fall below the threshold with more than the probability promised")
    if asked.key:
        sent = surprises(asked, gamma, drawn)
        mean = sum((p * z for z, p in sent), flint.arb(0))
        bits -= n * (tail(sent, v["leak_tail"], -to_ball(v["leak"]).log(), n) + to_ball(asked.efficiency - 1) * mean)
        bits -= (-to_ball(v["hashing"]).log() - to_ball(v["wrong"]).log()) / ln2 + 2
    return lower_end(bits), faults
