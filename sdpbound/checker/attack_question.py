"""The question of a certificate of attacks: what is asked of a mixture of quantum strategies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.channel import Channel, read_channel
from sdpbound.checker.numbers import log2_ball
from sdpbound.checker.question import Merge, Settings, pair_of, read_key, read_merge
from sdpbound.checker.reading import read_keys, read_kind, read_list, read_numbers, shown
from sdpbound.checker.scenario import Observed, Scenario, read_observed, read_scenario
from sdpbound.errors import CertificateError

__all__ = ["RATES", "AttackQuestion", "outcomes_of_key", "range_of_attack", "read_question"]

_MOST_PARTIES = 6  # of qubits
#: Rates of a key with attacks that are for any flips of its bit, and for any channel that it passes.
RATES = ("key_rate", "key_rate_any_channel")
_FIGURES = ("conditional_entropy", "conditional_mutual_information", *RATES)
_MOST_OUTCOMES = 64  # of the receiver of a key


@dataclass(frozen=True, slots=True)
class AttackQuestion:
    """What is asked: the figure at the settings of its key by party, what its bit passes before, the tested data, and
    the value of each outcome where the key is a function of them. ``table`` has the weight of each value of the key, by
    outcomes of its receiver, where the figure is the rate of a key with any flips or channel."""

    scenario: Scenario
    kind: str
    key: Settings
    channel: Channel
    observed: Observed
    merge: Merge = ()
    table: tuple[tuple[Fraction, ...], ...] = ()


def read_question(entry: object) -> AttackQuestion:
    """The question of a certificate of an attack."""
    question = read_keys(entry, ("scenario", "figure", "side", "observed", "model"), "question")
    scenario = read_scenario(question["scenario"])
    if not 2 <= len(scenario.outcomes) <= _MOST_PARTIES:
        raise CertificateError(
            f"question.scenario has {len(scenario.outcomes)} parties; attacks are on 2 to {_MOST_PARTIES}."
        )
    read_kind(read_keys(question["model"], ("kind",), "question.model"), "question.model", ("quantum",))
    if question["side"] != "upper":
        raise CertificateError(f"question.side is {shown(question['side'])}; of an attack it must be upper.")
    name = "question.figure"
    kind = read_kind(question["figure"], name, _FIGURES)
    of_entropy, of_rate = kind == "conditional_entropy", kind in RATES
    figure: Any = question["figure"]  # its kind has been read
    others = ("preprocessing",) if of_entropy else ("outcomes",) if of_rate else ()
    key = read_key(figure, scenario, name, others, both=not of_entropy and not of_rate)
    if not of_entropy and not of_rate:
        pair_of(key, name)
    merge = read_merge(figure, scenario, key, name)
    sizes = [max(merge) + 1] if merge else outcomes_of_key(scenario, key)
    if of_rate:
        if sizes != [2]:
            raise CertificateError(
                f"{name} asks for a key of {shown(sizes)} values; flips and channels are of one bit."
            )
        table = _read_table(figure["outcomes"], f"{name}.outcomes")
        observed = read_observed(question["observed"], scenario)
        return AttackQuestion(scenario, kind, key, Channel(), observed, merge, table)
    channel = Channel()
    if of_entropy:
        channel = read_channel(figure["preprocessing"], sizes == [2], f"{name}.preprocessing")
    return AttackQuestion(scenario, kind, key, channel, read_observed(question["observed"], scenario), merge)


def _read_table(entry: object, name: str) -> tuple[tuple[Fraction, ...], ...]:
    """The weights of the two values of a key together with each outcome of its receiver."""
    rows = read_list(entry, name, length=2)
    width = len(read_list(rows[0], f"{name}[0]"))
    if not 1 <= width <= _MOST_OUTCOMES:
        raise CertificateError(f"{name} has {width} outcomes of the receiver; 1 to {_MOST_OUTCOMES} are allowed.")
    table = tuple(tuple(read_numbers(row, f"{name}[{a}]", length=width)) for a, row in enumerate(rows))
    if any(p < 0 for row in table for p in row) or not sum(map(sum, table)) > 0:
        raise CertificateError(f"{name} has a negative weight, or none above zero.")
    return table


def outcomes_of_key(scenario: Scenario, key: Settings) -> list[int]:
    """The numbers of outcomes of the parties in the key."""
    return [scenario.outcomes[party][s] for party, s in enumerate(key) if s is not None]


def range_of_attack(question: AttackQuestion) -> tuple[flint.arb, flint.arb]:
    """What the figure can be, in bits."""
    sizes = [max(question.merge) + 1] if question.merge else outcomes_of_key(question.scenario, question.key)
    count = math.prod(sizes) if question.kind == "conditional_entropy" else min(sizes)
    return question.channel.least, log2_ball(Fraction(count))
