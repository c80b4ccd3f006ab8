"""Check the length of a key, or of randomness, from finitely many rounds.

The question has the honest devices' ``behaviour`` p[a][b][x][y], the settings, the number of rounds and what may fail;
the proof a certificate of an entropy, certificates of the least and the largest value of its functional F over quantum
behaviours, a distribution pi of tested settings, scores g and the parameters under ``accumulation``; the claim a
length, the threshold of the mean score and the largest number of tests. Trusted are the theorem (Dupuis and Fawzi,
arXiv:1805.11652, Theorem V.2 with free alpha; docs/finite_size.md) and leftover hashing. Checked again are

- that the entropy's certificate holds and is about these settings and flips, so that F is a proven lower bound;
- that ``sum pi g p`` exceeds F by at most a margin on every no-signaling behaviour (in exact rational numbers; moments
  are at most 1 in size), and the margin is charged;
- the largest variance and the spread of the min-tradeoff function (in exact rational numbers);
- that honest devices abort with at most the probability promised, by Chernoff's bounds, at the threshold and number of
  tests claimed;
- that the parts of soundness and completeness add up to no more than asked, and that the length is at most what
  remains, in balls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.checker.claim import Verification
from sdpbound.checker.numbers import ONE, ZERO, Tensor, log2_ball, lower_end, rounded_float, to_ball
from sdpbound.checker.reading import (
    BOXES,
    read,
    read_integer,
    read_keys,
    read_kind,
    read_number,
    read_numbers,
    read_tensor,
    shown,
)
from sdpbound.checker.scenario import Scenario, expanded, read_observed, read_scenario, total_of
from sdpbound.checker.trials import at_fault, out_of_range
from sdpbound.errors import CertificateError

__all__ = ["PRECISION", "Pairs", "verify_finite"]

PRECISION = 384  # bits
_MOST_ROUNDS = 10**18
_MOST_TRIED = 1024  # deterministic devices
_TOLERATED = Fraction(1, 10**6)  # how far honest probabilities may be from a sum of 1, and from no signaling
_ROUNDING = Fraction(1, 10**9)  # how far below 0 a probability of honest devices may be written
_FIGURES = ("finite_key_length", "finite_randomness_length")
_POSITIVE = ("score_tail", "count_tail", "leak_tail", "smoothing")
_PARTS = ("wrong", "count", "leak", "hashing")
_PARAMETERS = ("gamma", "beta", "place", *_POSITIVE, *_PARTS)
_CLAIM = ("value", "threshold", "most_tests")
_REGISTERS = ("classical", "sharp", "quantum")
Pairs = list[tuple[flint.arb, flint.arb]]  # values and their probabilities
Check = Callable[[Mapping[str, Any]], Verification]  # raises where a certificate does not hold
_ENDS = (("least", "lower"), ("most", "upper"))


@dataclass(frozen=True, slots=True)
class _Asked:
    scenario: Scenario
    key: bool
    x: int
    y: int | None
    flips: Fraction
    rounds: int
    soundness: Fraction
    completeness: Fraction
    efficiency: Fraction
    registers: str
    behaviour: Tensor  # (a, b, x, y), no negative entries, each pair of settings normalised

    @property
    def results(self) -> list[tuple[int, int, int, int]]:
        """All a, b, x, y that exist."""
        one, other = self.scenario.outcomes
        return [
            (a, b, x, y)
            for x, y in product(range(len(one)), range(len(other)))
            for a, b in product(range(one[x]), range(other[y]))
        ]


def verify_finite(root: Mapping[str, Any], strict: bool, check: Check) -> Verification:
    """Recompute a length; `root` was read, and `check` is asked about the certificates within it."""
    asked = _read_asked(root["question"])
    names = ("accumulation", "entropy", "least", "most", "distribution", "scores")
    proof = read_keys(root["proof"], names, "proof")
    claim = read_keys(root["claim"], _CLAIM, "claim")
    claimed, threshold, most_tests = (read_number(claim[name], f"claim.{name}") for name in _CLAIM)
    given = read_keys(proof["accumulation"], _PARAMETERS, "proof.accumulation")
    v = {name: read_number(given[name], f"proof.accumulation.{name}") for name in _PARAMETERS}
    _check_parameters(asked, v)
    functional = _functional(asked, proof["entropy"], check)
    size = (len(asked.scenario.outcomes[0]), len(asked.scenario.outcomes[1]))
    widest = tuple(max(party) for party in asked.scenario.outcomes)
    drawn = read_tensor(proof["distribution"], size, "proof.distribution")
    total = sum(drawn.values(), ZERO)
    if total <= 0 or min(drawn.values(), default=ZERO) < 0:
        raise CertificateError("proof.distribution must be probabilities of the tested settings.")
    drawn = {pair: p / total for pair, p in drawn.items()}
    scores = read_tensor(proof["scores"], (*widest, *size), "proof.scores")
    one, other = asked.scenario.outcomes
    _require_outcomes(scores, one, other, "proof.scores")
    margin = _margin(asked, functional, drawn, scores)
    with flint.ctx.workprec(PRECISION):
        ends = [_extreme(asked, functional, proof[name], side, check) for name, side in _ENDS]
        length, faults = _length(asked, v, ends, drawn, scores, margin, threshold, most_tests)
        most = asked.rounds * _most_bits(asked)
        faults += out_of_range(claimed, "lower", flint.arb("-inf"), most, "the outcomes of all rounds have bits that")
    value = rounded_float(length, up=False)
    if length < claimed:
        faults = [f"the recomputed length is {value!r}, the claimed one {float(claimed)!r}", *faults]
    what = "key" if asked.key else "randomness"
    if faults:
        message = f"The certificate does not prove its claim on the {what} length: {'; '.join(faults)}."
        if strict:
            raise CertificateError(message)
    else:
        if claimed >= 1 and not asked.flips and max(asked.soundness, asked.completeness) <= Fraction(1, 16):
            _try_local_devices(asked, v, drawn, scores, threshold)
        message = f"By arXiv:1805.11652 {asked.rounds} rounds give a {what} of {value!r} bits or more, as claimed."
    return Verification(
        value=value,
        claimed=rounded_float(claimed, up=False),
        side="lower",
        figure=_FIGURES[0] if asked.key else _FIGURES[1],
        model="quantum",
        holds=not faults,
        functional=None,
        message=message,
    )


# --- reading -------------------------------------------------------------------------------------------------------


def _read_asked(entry: object) -> _Asked:
    question = read_keys(entry, ("scenario", "figure", "side", "behaviour"), "question")
    scenario = read_scenario(question["scenario"])
    name = "question.figure"
    kind = read_kind(question["figure"], name, _FIGURES)
    names = ["kind", "x", "y", "preprocessing", "rounds", "soundness", "completeness", "efficiency", "registers"]
    figure = read_keys(question["figure"], tuple(names), name)
    if len(scenario.outcomes) != 2 or question["side"] != "lower":
        raise CertificateError("question must be about two parties and the side lower.")
    one, other = scenario.outcomes
    x = read_integer(figure["x"], 0, len(one) - 1, f"{name}.x")
    y = None if figure["y"] is None else read_integer(figure["y"], 0, len(other) - 1, f"{name}.y")
    soundness, completeness, efficiency, flips = (
        read_number(figure[k], f"{name}.{k}") for k in ("soundness", "completeness", "efficiency", "preprocessing")
    )
    key = kind == _FIGURES[0]
    if not (0 < soundness < 1 and 0 < completeness < 1 and efficiency >= 1 and 0 <= 2 * flips <= 1):
        raise CertificateError(f"{name} has probabilities or an efficiency out of range.")
    if (key and y is None) or (flips and not (key and one[x] == 2)):
        raise CertificateError(f"{name} lacks y, or flips what is no bit of a key.")
    if figure["registers"] not in _REGISTERS:
        raise CertificateError(f"{name}.registers is {shown(figure['registers'])}; it must be one of {_REGISTERS}.")
    rounds = read_integer(figure["rounds"], 1, _MOST_ROUNDS, f"{name}.rounds")
    shape = (max(one), max(other), len(one), len(other))
    table = read_tensor(question["behaviour"], shape, "question.behaviour")
    _require_outcomes(table, one, other, "question.behaviour")
    if min(table.values(), default=ZERO) < -_ROUNDING:
        raise CertificateError(f"question.behaviour has the probability {float(min(table.values()))!r} below 0.")
    table = {i: p for i, p in table.items() if p > 0}
    sums = dict.fromkeys(product(range(len(one)), range(len(other))), ZERO)
    for (_, _, s, t), p in table.items():
        sums[s, t] += p
    if any(abs(total - 1) > _TOLERATED for total in sums.values()):
        raise CertificateError("question.behaviour must have probabilities that add up to 1 for all settings.")
    table = {i: p / sums[i[2], i[3]] for i, p in table.items()}
    _require_no_signaling(table, one, other)
    return _Asked(scenario, key, x, y, flips, rounds, soundness, completeness, efficiency, figure["registers"], table)


def _require_outcomes(table: Tensor, one: Sequence[int], other: Sequence[int], name: str) -> None:
    """Refuse entries (a, b, x, y) of outcomes that the settings do not have."""
    for a, b, x, y in table:
        if a >= one[x] or b >= other[y]:
            raise CertificateError(
                f"{name}[{a}][{b}][{x}][{y}] is not 0, but settings {x} and {y} have {one[x]} and {other[y]} outcomes."
            )


def _require_no_signaling(table: Tensor, one: Sequence[int], other: Sequence[int]) -> None:
    """Refuse a behaviour in which an outcome's probability depends on the other party's setting."""
    marginals: dict[tuple[int, int, int], dict[int, Fraction]] = {}
    for (a, b, x, y), p in table.items():
        for party, outcome, setting, far in ((0, a, x, y), (1, b, y, x)):
            row = marginals.setdefault((party, outcome, setting), {})
            row[far] = row.get(far, ZERO) + p
    for (party, outcome, setting), row in marginals.items():
        values = [row.get(far, ZERO) for far in range(len(one if party else other))]
        if max(values) - min(values) > _TOLERATED:
            raise CertificateError(
                f"question.behaviour signals: outcome {outcome} of setting {setting} of party {party} has values "
                f"from {float(min(values))!r} to {float(max(values))!r}."
            )


def _check_parameters(asked: _Asked, v: Mapping[str, Fraction]) -> None:
    within = 0 < v["gamma"] <= 1 and 0 < v["beta"] < 1 and 0 <= v["place"] <= 1
    positive = all(v[name] > 0 for name in _POSITIVE)
    parts = [v[name] for name in _PARTS]
    enough = v["wrong"] + 2 * v["smoothing"] < asked.soundness and sum(parts[1:]) < asked.completeness
    shared = min(parts) > 0 if asked.key else min(parts) >= 0
    if not (within and positive and enough and shared):
        raise CertificateError("proof.accumulation has parameters out of range, or parts that exceed what may fail.")


def _functional(asked: _Asked, certificate: Any, check: Check) -> Tensor:
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
        or "merge" in figure
        or read_number(figure["preprocessing"], "proof.entropy.question.figure.preprocessing") != asked.flips
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


def _margin(asked: _Asked, functional: Tensor, drawn: Tensor, scores: Tensor) -> Fraction:
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


def _extreme(asked: _Asked, functional: Tensor, certificate: Any, side: str, check: Check) -> Fraction:
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
    asked: _Asked,
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
    if not to_ball(-threshold) >= _tail(honest, v["score_tail"], -to_ball(score_part).log(), n):
        faults.append("honest devices fall below the threshold with more than the probability promised")
    if asked.key:
        tests: Pairs = [(flint.arb(1), to_ball(gamma)), (flint.arb(0), to_ball(1 - gamma))]
        if most_tests < n and not to_ball(most_tests) >= n * _tail(tests, v["count_tail"], parts["count"], n):
            faults.append("honest devices are tested more often than allowed with more than the probability promised")
        bits -= to_ball(min(most_tests, Fraction(n))) * flint.arb(max(asked.scenario.outcomes[1])).log() / ln2
        sent = _surprises(asked, v["gamma"], drawn)
        mean = sum((p * z for z, p in sent), flint.arb(0))
        bits -= n * (_tail(sent, v["leak_tail"], parts["leak"], n) + to_ball(asked.efficiency - 1) * mean)
        bits -= parts["hashing"] / ln2 - to_ball(v["wrong"]).log() / ln2 + 2
    return lower_end(bits), faults


def _weight(asked: _Asked, gamma: Fraction, drawn: Tensor) -> Fraction:
    """Probability that a round has the entropy of the functional, tested or not."""
    own = drawn.get((asked.x, asked.y), ZERO) if asked.y is not None else ZERO
    if asked.key or asked.y is None:
        own = sum((p for (s, _), p in drawn.items() if s == asked.x), ZERO) if not asked.flips else ZERO
    return 1 - gamma + gamma * own


def _range(asked: _Asked, drawn: Tensor, scores: Tensor) -> tuple[Fraction, Fraction]:
    """The smallest and the largest score of a tested round."""
    seen = [scores.get(i, ZERO) for i in asked.results if drawn.get(i[2:], ZERO)]
    return min(seen), max(seen)


def _tail(pairs: Pairs, s: Fraction, failure: flint.arb, n: int) -> flint.arb:
    """A mean of n values is above this with probability at most exp(-failure)."""
    step = to_ball(s)
    moment = sum((p * (step * z).exp() for z, p in pairs), flint.arb(0))
    return moment.log() / step + failure / (n * step)


def _surprises(asked: _Asked, gamma: Fraction, drawn: Tensor) -> Pairs:
    """-log2 p(a|b) of honest devices in one round, Alice's bit flipped where the round is not tested."""
    assert asked.y is not None
    found: Pairs = []
    rounds = [((asked.x, asked.y), 1 - gamma, asked.flips)]
    rounds += [(pair, gamma * p, ZERO) for pair, p in drawn.items()]  # type: ignore[misc]
    for (x, y), chance, flips in rounds:
        one, other = asked.scenario.outcomes[0][x], asked.scenario.outcomes[1][y]
        for b in range(other):
            column = [asked.behaviour.get((a, b, x, y), ZERO) for a in range(one)]
            if flips:
                column = [(ONE - flips) * p + flips * q for p, q in zip(column, column[::-1], strict=True)]
            total = sum(column, ZERO)
            found += [(_surprise(p, total), to_ball(chance * p)) for p in column if p and chance]
    return found


def _surprise(p: Fraction, total: Fraction) -> flint.arb:
    return (to_ball(total) / to_ball(p)).log() / flint.arb(2).log()


# --- trials --------------------------------------------------------------------------------------------------------


def _most_bits(asked: _Asked) -> flint.arb:
    """log2 of the number of outcomes of a round that the output is made of."""
    one, other = map(max, asked.scenario.outcomes)
    return log2_ball(Fraction(one if asked.key or asked.y is None else one * other))


def _try_local_devices(
    asked: _Asked, v: Mapping[str, Fraction], drawn: Tensor, scores: Tensor, threshold: Fraction
) -> None:
    """Refuse a positive length that deterministic devices would get, too: Eve knows all that they put out.

    Their mean score of a round is weight * sum pi g. Where it is above the threshold by the standard deviation of the
    mean of all rounds, they are accepted with a probability of at least 1/2 (Cantelli).
    """
    one, other = asked.scenario.outcomes
    if math.prod(one) * math.prod(other) > _MOST_TRIED:
        return
    gamma = v["gamma"]
    weight = _weight(asked, gamma, drawn)
    smallest, largest = _range(asked, drawn, scores)
    rest = weight * (smallest + v["place"] * (largest - smallest))
    for alice in product(*map(range, one)):
        for bob in product(*map(range, other)):
            tested = [(p, scores.get((alice[x], bob[y], x, y), ZERO)) for (x, y), p in drawn.items()]
            mean = weight * sum((p * g for p, g in tested), ZERO)
            squares = sum((p * (rest + (weight * g - rest) / gamma) ** 2 for p, g in tested), ZERO)
            variance = (1 - gamma) * rest**2 + gamma * squares - mean**2
            if mean >= threshold and (mean - threshold) ** 2 * asked.rounds >= variance:
                raise at_fault(
                    f"deterministic devices (Alice's outcomes {alice}, Bob's {bob}) are accepted without any entropy"
                )
