"""What certificates of lengths have in common: the question, tails of honest devices, and trials of local ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import flint

from sdpbound.checker.channel import Channel, read_channel
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.numbers import ZERO, Tensor, log2_ball, rounded_float, to_ball
from sdpbound.checker.question import read_merge
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_number, read_tensor, shown
from sdpbound.checker.scenario import Scenario, read_scenario
from sdpbound.checker.trials import at_fault
from sdpbound.errors import CertificateError

__all__ = [
    "AskedLength",
    "Pairs",
    "concluded",
    "input_bits",
    "may_fail_little",
    "most_bits",
    "read_asked",
    "read_drawn",
    "require_outcomes",
    "surprises",
    "tail",
    "try_local_devices",
]

_MOST_ROUNDS = 10**18
_MOST_TRIED = 1024  # deterministic devices
_TOLERATED = Fraction(1, 10**6)  # how far honest probabilities may be from a sum of 1, and from no signaling
_ROUNDING = Fraction(1, 10**9)  # how far below 0 a probability of honest devices may be written
_FIGURES = ("finite_key_length", "finite_randomness_length")
_REGISTERS = ("classical", "sharp", "quantum")
Pairs = list[tuple[flint.arb, flint.arb]]  # values and their probabilities


@dataclass(frozen=True, slots=True)
class AskedLength:
    scenario: Scenario
    key: bool
    x: int
    y: int | None
    merge: tuple[int, ...]  # the value of each outcome of x in the key of untested rounds; empty if they are the key
    channel: Channel  # flips, or what else the bits of untested rounds pass
    rounds: int
    soundness: Fraction
    completeness: Fraction
    efficiency: Fraction
    registers: str
    behaviour: Tensor  # (a, b, x, y), no negative entries, each pair of settings normalised
    recycled: bool  # whether tests and settings belong to the string that is hashed

    @property
    def results(self) -> list[tuple[int, int, int, int]]:
        """All a, b, x, y that exist."""
        one, other = self.scenario.outcomes
        return [
            (a, b, x, y)
            for x, y in product(range(len(one)), range(len(other)))
            for a, b in product(range(one[x]), range(other[y]))
        ]


def read_asked(entry: object) -> AskedLength:
    question = read_keys(entry, ("scenario", "figure", "side", "behaviour"), "question")
    scenario = read_scenario(question["scenario"])
    name = "question.figure"
    kind = read_kind(question["figure"], name, _FIGURES)
    names = ["kind", "x", "y", "preprocessing", "rounds", "soundness", "completeness", "efficiency", "registers"]
    figure = read_keys(question["figure"], tuple(names), name, ("merge" if kind == _FIGURES[0] else "inputs",))
    if len(scenario.outcomes) != 2 or question["side"] != "lower":
        raise CertificateError("question must be about two parties and the side lower.")
    one, other = scenario.outcomes
    x = read_integer(figure["x"], 0, len(one) - 1, f"{name}.x")
    y = None if figure["y"] is None else read_integer(figure["y"], 0, len(other) - 1, f"{name}.y")
    soundness, completeness, efficiency = (
        read_number(figure[k], f"{name}.{k}") for k in ("soundness", "completeness", "efficiency")
    )
    key = kind == _FIGURES[0]
    if not (0 < soundness < 1 and 0 < completeness < 1 and efficiency >= 1):
        raise CertificateError(f"{name} has probabilities or an efficiency out of range.")
    merge = read_merge(question["figure"], scenario, (x, None), name)
    if key and y is None:
        raise CertificateError(f"{name} lacks y, Bob's setting of the key.")
    is_a_bit = key and (max(merge) + 1 if merge else one[x]) == 2
    channel = read_channel(figure["preprocessing"], is_a_bit, f"{name}.preprocessing")
    if figure["registers"] not in _REGISTERS:
        raise CertificateError(f"{name}.registers is {shown(figure['registers'])}; it must be one of {_REGISTERS}.")
    recycled = _read_inputs(question["figure"], name)
    rounds = read_integer(figure["rounds"], 1, _MOST_ROUNDS, f"{name}.rounds")
    shape = (max(one), max(other), len(one), len(other))
    table = read_tensor(question["behaviour"], shape, "question.behaviour")
    require_outcomes(table, one, other, "question.behaviour")
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
    return AskedLength(
        scenario,
        key,
        x,
        y,
        merge,
        channel,
        rounds,
        soundness,
        completeness,
        efficiency,
        figure["registers"],
        table,
        recycled,
    )


def _read_inputs(figure: object, name: str) -> bool:
    """Whether inputs are recycled: the entry is left out where they are not."""
    if not isinstance(figure, Mapping) or "inputs" not in figure:
        return False
    if figure["inputs"] != "recycled":
        raise CertificateError(f"{name}.inputs is {shown(figure['inputs'])}; it must be 'recycled', or left out.")
    return True


def require_outcomes(table: Tensor, one: Sequence[int], other: Sequence[int], name: str) -> None:
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


def read_drawn(entry: object, asked: AskedLength) -> Tensor:
    """The probabilities of the settings of tests, normalised."""
    size = (len(asked.scenario.outcomes[0]), len(asked.scenario.outcomes[1]))
    drawn = read_tensor(entry, size, "proof.distribution")
    total = sum(drawn.values(), ZERO)
    if total <= 0 or min(drawn.values(), default=ZERO) < 0:
        raise CertificateError("proof.distribution must be probabilities of the tested settings.")
    return {pair: p / total for pair, p in drawn.items()}


def tail(pairs: Pairs, s: Fraction, failure: flint.arb, n: int) -> flint.arb:
    """A mean of n values is above this with probability at most exp(-failure)."""
    step = to_ball(s)
    moment = sum((p * (step * z).exp() for z, p in pairs), flint.arb(0))
    return moment.log() / step + failure / (n * step)


def surprises(asked: AskedLength, gamma: Fraction, drawn: Tensor) -> Pairs:
    """-log2 p(a|b) of honest devices in one round; a is the key's value behind its channel, where it is untested."""
    assert asked.y is not None
    found: Pairs = []
    rounds = [((asked.x, asked.y), 1 - gamma, asked.channel, asked.merge)]
    rounds += [(pair, gamma * p, Channel(), ()) for pair, p in drawn.items()]  # type: ignore[misc]
    for (x, y), chance, channel, merge in rounds:
        one, other = asked.scenario.outcomes[0][x], asked.scenario.outcomes[1][y]
        for b in range(other):
            column = [asked.behaviour.get((a, b, x, y), ZERO) for a in range(one)]
            if merge:
                column = [sum(own, ZERO) for own in _by_value(column, merge)]
            if channel:
                column = channel.mixed(column, Fraction)
            total = sum(column, ZERO)
            found += [(_surprise(p, total), to_ball(chance * p)) for p in column if p and chance]
    return found


def _by_value(column: Sequence[Fraction], merge: Sequence[int]) -> list[list[Fraction]]:
    found: list[list[Fraction]] = [[] for _ in range(max(merge) + 1)]
    for p, value in zip(column, merge, strict=True):
        found[value].append(p)
    return found


def _surprise(p: Fraction, total: Fraction) -> flint.arb:
    return (to_ball(total) / to_ball(p)).log() / flint.arb(2).log()


def most_bits(asked: AskedLength) -> flint.arb:
    """log2 of the number of outcomes of a round that the output is made of."""
    one, other = map(max, asked.scenario.outcomes)
    return log2_ball(Fraction(one if asked.key or asked.y is None else one * other))


def input_bits(gamma: Fraction, drawn: Tensor, rounds: int) -> flint.arb:
    """So many values have tests and settings of all rounds, in bits, but for a chance of a quarter (Chebyshev)."""
    chances = [p for p in (1 - gamma, *(gamma * q for q in drawn.values())) if p]
    bits = [-log2_ball(p) for p in chances]
    pairs = [(to_ball(p), z) for p, z in zip(chances, bits, strict=True)]
    mean = sum((p * z for p, z in pairs), flint.arb(0))
    square = sum((p * (z - mean) ** 2 for p, z in pairs), flint.arb(0))
    return rounds * mean + 2 * (rounds * square.nonnegative_part()).sqrt()


def try_local_devices(
    asked: AskedLength, gamma: Fraction, drawn: Tensor, scores: Tensor, rest: Fraction, threshold: Fraction
) -> None:
    """Refuse a positive length that deterministic devices would get, too: Eve knows all that they put out.

    The scores are those of tested rounds, and `rest` is that of the others. Where the mean score of a round is above
    the threshold by the standard deviation of the mean of all rounds, such devices are accepted with a probability of
    at least 1/2 (Cantelli).
    """
    one, other = asked.scenario.outcomes
    if math.prod(one) * math.prod(other) > _MOST_TRIED:
        return
    for alice in product(*map(range, one)):
        for bob in product(*map(range, other)):
            tested = [(p, scores.get((alice[x], bob[y], x, y), ZERO)) for (x, y), p in drawn.items()]
            mean = (1 - gamma) * rest + gamma * sum((p * g for p, g in tested), ZERO)
            squares = (1 - gamma) * rest**2 + gamma * sum((p * g**2 for p, g in tested), ZERO)
            if mean >= threshold and (mean - threshold) ** 2 * asked.rounds >= squares - mean**2:
                raise at_fault(
                    f"deterministic devices (Alice's outcomes {alice}, Bob's {bob}) are accepted without any entropy"
                )


def may_fail_little(asked: AskedLength) -> bool:
    """Whether what may fail is so little that devices without any secret must not pass."""
    return max(asked.soundness, asked.completeness) <= Fraction(1, 16)


def concluded(
    asked: AskedLength, length: Fraction, claimed: Fraction, faults: Sequence[str], by: str, *, strict: bool
) -> Verification:
    """What a certificate proves whose length was computed again; ``by`` begins what is said where its claim holds."""
    value, what = rounded_float(length, up=False), "key" if asked.key else "randomness"
    if length < claimed:
        faults = [f"the recomputed length is {value!r}, the claimed one {float(claimed)!r}", *faults]
    messages = (
        f"{by} {asked.rounds} rounds give a {what} of {value!r} bits or more, as claimed.",
        f"The certificate does not prove its claim on the {what} length: {'; '.join(faults)}.",
    )
    subject = Subject(_FIGURES[0] if asked.key else _FIGURES[1], "lower")
    return subject.verified(value, claimed, messages, holds=not faults, strict=strict)
