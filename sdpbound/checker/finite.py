"""Check the length of a key, or of randomness, from finitely many rounds.

The question has the honest devices' ``behaviour`` p[a][b][x][y], the settings, the number of rounds and what may fail;
the proof a certificate of an entropy, certificates of the least and the largest value of its functional F over quantum
behaviours, a distribution pi of tested settings, scores g and the parameters under ``accumulation``; the claim a
length, the threshold of the mean score and the largest number of tests. Trusted are the theorem (Dupuis and Fawzi,
arXiv:1805.11652, Theorem V.2 with free alpha; docs/finite_size.md) and leftover hashing. Checked again are

- that the entropy's certificate holds and is about these settings, flips or channel, so that F is a proven lower bound;
- that ``sum pi g p`` exceeds F by at most a margin on every no-signaling behaviour (in exact rational numbers; moments
  are at most 1 in size), and the margin is charged;
- the largest variance and the spread of the min-tradeoff function (in exact rational numbers);
- that honest devices abort with at most the probability promised, by Chernoff's bounds, at the threshold and number of
  tests claimed;
- that the parts of soundness and completeness add up to no more than asked, and that the length is at most what
  remains, in balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.channel import read_channel
from sdpbound.checker.claim import Verification
from sdpbound.checker.length_questions import (
    AskedLength,
    Pairs,
    concluded,
    may_fail_little,
    most_bits,
    read_asked,
    read_drawn,
    require_outcomes,
    surprises,
    tail,
    try_local_devices,
)
from sdpbound.checker.numbers import ZERO, Tensor, lower_end, to_ball
from sdpbound.checker.question import read_merge
from sdpbound.checker.reading import (
    BOXES,
    read,
    read_keys,
    read_number,
    read_numbers,
    read_tensor,
    shown,
)
from sdpbound.checker.scenario import expanded, read_observed, read_scenario, total_of
from sdpbound.checker.trials import out_of_range
from sdpbound.errors import CertificateError

__all__ = ["PRECISION", "Pairs", "verify_finite"]

PRECISION = 384  # bits
_TOLERATED = Fraction(1, 10**6)  # how far honest probabilities may be from a sum of 1, and from no signaling
_POSITIVE = ("score_tail", "count_tail", "leak_tail", "smoothing")
_PARTS = ("wrong", "count", "leak", "hashing")
_PARAMETERS = ("gamma", "beta", "place", *_POSITIVE, *_PARTS)
_CLAIM = ("value", "threshold", "most_tests")
Check = Callable[[Mapping[str, Any]], Verification]  # raises where a certificate does not hold
_ENDS = (("least", "lower"), ("most", "upper"))


def verify_finite(root: Mapping[str, Any], strict: bool, check: Check) -> Verification:
    """Recompute a length; `root` was read, and `check` is asked about the certificates within it."""
    asked = read_asked(root["question"])
    if asked.recycled:
        raise CertificateError("question.figure recycles inputs; that is for lengths by Renyi entropies.")
    names = ("accumulation", "entropy", "least", "most", "distribution", "scores")
    proof = read_keys(root["proof"], names, "proof")
    claim = read_keys(root["claim"], _CLAIM, "claim")
    claimed, threshold, most_tests = (read_number(claim[name], f"claim.{name}") for name in _CLAIM)
    given = read_keys(proof["accumulation"], _PARAMETERS, "proof.accumulation")
    v = {name: read_number(given[name], f"proof.accumulation.{name}") for name in _PARAMETERS}
    _check_parameters(asked, v)
    functional = _functional(asked, proof["entropy"], check)
    drawn = read_drawn(proof["distribution"], asked)
    size = (len(asked.scenario.outcomes[0]), len(asked.scenario.outcomes[1]))
    widest = tuple(max(party) for party in asked.scenario.outcomes)
    scores = read_tensor(proof["scores"], (*widest, *size), "proof.scores")
    one, other = asked.scenario.outcomes
    require_outcomes(scores, one, other, "proof.scores")
    margin = _margin(asked, functional, drawn, scores)
    with flint.ctx.workprec(PRECISION):
        ends = [_extreme(asked, functional, proof[name], side, check) for name, side in _ENDS]
        length, faults = _length(asked, v, ends, drawn, scores, margin, threshold, most_tests)
        most = asked.rounds * most_bits(asked)
        faults += out_of_range(claimed, "lower", flint.arb("-inf"), most, "the outcomes of all rounds have bits that")
    if not length < claimed and not faults and claimed >= 1 and not asked.channel and may_fail_little(asked):
        _try_local_devices(asked, v, drawn, scores, threshold)
    return concluded(asked, length, claimed, faults, "By arXiv:1805.11652", strict=strict)


# --- reading -------------------------------------------------------------------------------------------------------


def _check_parameters(asked: AskedLength, v: Mapping[str, Fraction]) -> None:
    within = 0 < v["gamma"] <= 1 and 0 < v["beta"] < 1 and 0 <= v["place"] <= 1
    positive = all(v[name] > 0 for name in _POSITIVE)
    parts = [v[name] for name in _PARTS]
    enough = v["wrong"] + 2 * v["smoothing"] < asked.soundness and sum(parts[1:]) < asked.completeness
    shared = min(parts) > 0 if asked.key else min(parts) >= 0
    if not (within and positive and enough and shared):
        raise CertificateError("proof.accumulation has parameters out of range, or parts that exceed what may fail.")


def _functional(asked: AskedLength, certificate: Any, check: Check) -> Tensor:
    """The proven lower bound on the entropy of an untested round, in moment coordinates."""
    root = _nested(certificate, "proof.entropy")
    question = root["question"]
    if root["format"] == BOXES or not isinstance(question, Mapping) or question.get("side") != "lower":
        raise CertificateError("proof.entropy must be the certificate of a lower bound on a conditional entropy.")
    found = check(root)
    figure = question["figure"]
    # with y given the entropy of randomness is that of both outcomes; a key is Alice's
    wanted = None if asked.key else asked.y
    if (
        (found.figure, found.side) != ("conditional_entropy", "lower")
        or found.functional is None
        or (figure.get("x"), figure.get("y")) != (asked.x, wanted)
        or read_merge(figure, asked.scenario, (asked.x, wanted), "proof.entropy.question.figure") != asked.merge
        or read_channel(figure["preprocessing"], True, "proof.entropy.question.figure.preprocessing") != asked.channel
        or read_scenario(question["scenario"]) != asked.scenario
    ):
        raise CertificateError("proof.entropy is about another entropy, scenario, setting or preprocessing.")
    observed = read_observed(question["observed"], asked.scenario)
    claimed = root["claim"]["functional"]
    multipliers = read_numbers(claimed["multipliers"], "proof.entropy.claim", length=len(observed))
    constant = read_number(claimed["constant"], "proof.entropy.claim") + observed.shift(multipliers)
    return total_of([{(0, 0): constant}, observed.combined(observed.scaled(multipliers))])


def _nested(certificate: Any, name: str) -> Mapping[str, Any]:
    """A certificate within this one, that is none of a finite length again."""
    if not isinstance(certificate, Mapping):
        raise CertificateError(f"{name} is {shown(certificate)}; a certificate is expected.")
    root = read(certificate)
    proof = root.get("proof")
    if isinstance(proof, Mapping) and "accumulation" in proof:
        raise CertificateError(f"{name} is the certificate of a finite length; one of a bound is expected.")
    return root


def _margin(asked: AskedLength, functional: Tensor, drawn: Tensor, scores: Tensor) -> Fraction:
    """What the mean score may exceed the functional by, on behaviours whose moments are at most 1 in size."""
    mean: Tensor = {}
    for a, b, x, y in asked.results:
        weight = drawn.get((x, y), ZERO) * scores.get((a, b, x, y), ZERO)
        if weight:
            effects = [asked.scenario.effects(0, x)[a], asked.scenario.effects(1, y)[b]]
            for index, c in expanded(asked.scenario, effects).items():
                mean[index] = mean.get(index, ZERO) + weight * c
    return _distance(mean, functional)


def _distance(one: Tensor, other: Tensor) -> Fraction:
    return sum((abs(one.get(i, ZERO) - other.get(i, ZERO)) for i in {*one, *other}), ZERO)


def _extreme(asked: AskedLength, functional: Tensor, certificate: Any, side: str, check: Check) -> Fraction:
    """A bound on the functional over quantum behaviours."""
    name = "proof.least" if side == "lower" else "proof.most"
    root = _nested(certificate, name)
    found = check(root)
    if found.figure != "bell_value" or found.side != side or found.model not in ("quantum", "no-signaling"):
        raise CertificateError(f"{name} is no {side} bound on a Bell value over quantum behaviours.")
    question = root["question"]
    if read_scenario(question["scenario"]) != asked.scenario or question["observed"]:
        raise CertificateError(f"{name} is about another scenario, or about tested data.")
    table = read_tensor(question["figure"]["coefficients"], asked.scenario.shape, "coefficients")
    off = _distance(table, functional)
    return Fraction(found.value) + (off if side == "upper" else -off)


# --- the length ----------------------------------------------------------------------------------------------------


def _length(
    asked: AskedLength,
    v: Mapping[str, Fraction],
    ends: Sequence[Fraction],
    drawn: Tensor,
    scores: Tensor,
    margin: Fraction,
    threshold: Fraction,
    most_tests: Fraction,
) -> tuple[Fraction, list[str]]:
    """The length, rounded down, and what is wrong with completeness; `ends` are those of the functional."""
    n, gamma, beta = asked.rounds, v["gamma"], v["beta"]
    smallest, largest = _range(asked, drawn, scores)
    # every behaviour has a mean score between the two, so both bounds are bounds, and the better one is taken
    least = max(ends[0], smallest - margin)
    most = min(ends[1], largest + margin)
    if least > most:
        raise CertificateError("proof.least is above proof.most: no behaviour has such values of the functional.")
    honest_mean = sum((drawn.get(i[2:], ZERO) * scores.get(i, ZERO) * p for i, p in asked.behaviour.items()), ZERO)
    if honest_mean > most + margin + _TOLERATED * (largest - smallest):
        raise CertificateError(
            f"question.behaviour has the mean score {float(honest_mean)!r}; quantum devices have {float(most)!r} at "
            "most: no honest devices behave like this."
        )
    weight = _weight(asked, gamma, drawn)
    rest = weight * (smallest + v["place"] * (largest - smallest))
    a, b = weight * smallest - rest, weight * largest - rest
    low, high = weight * (least - margin) - rest, weight * (most + margin) - rest
    middle = min(max((a + b) / (2 * gamma), low), high)
    variance = max(((a + b) * middle - a * b) / gamma - middle**2, ZERO)
    spread = rest + b / gamma - weight * (least - margin)

    rest_of_soundness = asked.soundness - v["wrong"]
    amplification = rest_of_soundness - 2 * v["smoothing"]
    ln2 = flint.arb(2).log()
    d = max(asked.scenario.outcomes[0]) * max(asked.scenario.outcomes[1])
    bounds = {
        "classical": flint.arb(2 * d + 1),
        "quantum": flint.arb(2 * d * d + 1),
        "sharp": flint.arb(d).sqrt() + flint.arb(d - 1).sqrt(),
    }
    root = bounds[asked.registers].log() / ln2 + to_ball(2 + variance).sqrt()
    exponent = flint.arb(d).log() * (2 if asked.registers == "quantum" else 1) + to_ball(spread) * ln2
    third = (to_ball(beta) * exponent).exp() * (exponent.exp() + flint.arb(2).exp()).log() ** 3
    third /= 6 * to_ball(1 - beta) ** 3 * ln2
    eps = to_ball(v["smoothing"])
    bits = to_ball(n * (threshold - weight * margin))
    bits -= n * to_ball(beta) * (ln2 / 2 * root**2 + to_ball(beta) * third)
    bits -= ((1 + (1 - eps**2).sqrt()) / eps**2).log() / ln2 / to_ball(beta)
    bits += to_ball((1 + beta) / beta) * to_ball(rest_of_soundness).log() / ln2
    bits += 2 * to_ball(2 * amplification).log() / ln2

    # what honest devices do
    parts = {name: -to_ball(v[name]).log() for name in ("count", "leak", "hashing") if asked.key}
    score_part = asked.completeness - (v["count"] + v["leak"] + v["hashing"] if asked.key else 0)
    honest: Pairs = [(to_ball(-rest), to_ball(1 - gamma))]
    for index, p in asked.behaviour.items():
        q = drawn.get(index[2:], ZERO) * p
        if q:
            honest.append((to_ball(-rest - (weight * scores.get(index, ZERO) - rest) / gamma), to_ball(gamma * q)))
    faults = []
    if not to_ball(-threshold) >= tail(honest, v["score_tail"], -to_ball(score_part).log(), n):
        faults.append("honest devices fall below the threshold with more than the probability promised")
    if asked.key:
        tests: Pairs = [(flint.arb(1), to_ball(gamma)), (flint.arb(0), to_ball(1 - gamma))]
        if most_tests < n and not to_ball(most_tests) >= n * tail(tests, v["count_tail"], parts["count"], n):
            faults.append("honest devices are tested more often than allowed with more than the probability promised")
        bits -= to_ball(min(most_tests, Fraction(n))) * flint.arb(max(asked.scenario.outcomes[1])).log() / ln2
        sent = surprises(asked, v["gamma"], drawn)
        mean = sum((p * z for z, p in sent), flint.arb(0))
        bits -= n * (tail(sent, v["leak_tail"], parts["leak"], n) + to_ball(asked.efficiency - 1) * mean)
        bits -= parts["hashing"] / ln2 - to_ball(v["wrong"]).log() / ln2 + 2
    return lower_end(bits), faults


def _weight(asked: AskedLength, gamma: Fraction, drawn: Tensor) -> Fraction:
    """Probability that a round has the entropy of the functional, tested or not."""
    own = drawn.get((asked.x, asked.y), ZERO) if asked.y is not None else ZERO
    if asked.key or asked.y is None:
        own = sum((p for (s, _), p in drawn.items() if s == asked.x), ZERO) if not asked.channel else ZERO
    return 1 - gamma + gamma * own


def _range(asked: AskedLength, drawn: Tensor, scores: Tensor) -> tuple[Fraction, Fraction]:
    """The smallest and the largest score of a tested round."""
    seen = [scores.get(i, ZERO) for i in asked.results if drawn.get(i[2:], ZERO)]
    return min(seen), max(seen)


def _try_local_devices(
    asked: AskedLength, v: Mapping[str, Fraction], drawn: Tensor, scores: Tensor, threshold: Fraction
) -> None:
    """As :func:`try_local_devices`, with the scores of a whole round."""
    gamma, weight = v["gamma"], _weight(asked, v["gamma"], drawn)
    smallest, largest = _range(asked, drawn, scores)
    rest = weight * (smallest + v["place"] * (largest - smallest))
    whole: Tensor = {i: rest + (weight * scores.get(i, ZERO) - rest) / gamma for i in asked.results if i[2:] in drawn}
    try_local_devices(asked, gamma, drawn, whole, rest, threshold)
