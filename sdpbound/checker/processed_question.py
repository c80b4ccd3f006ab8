"""The question of a certificate of an attack on a key that is made of outcomes by a post-processing.

Three figures are known, each the rate of a key in bits a round; ``outcomes`` are weights of the key's outcomes, Alice's
slowest, which are divided by their sum, p_ab.

- ``random_basis_key_rate``: ``terms``, each with Alice's setting ``x``, the part ``kept`` of the rounds, the flips
  ``preprocessing`` of her bit, and ``outcomes``. The rate is ``sum_k kept_k [H(A_k|E) - H(A_k|B_k)]``.
- ``post_selected_key_rate``: settings ``x`` and ``y``, and for each outcome of these the probability to keep a round,
  ``alice`` and ``bob``, two of Alice's above 0. With Eve's states rho_ab of the outcomes, and
  ``s_a = w_a sum_b v_b rho_ab``, it is ``sum_a S(s_a) - S(sum_a s_a)`` less the same of the numbers
  ``w_a v_b p_ab``, the receiver's: ``sum_b [sum_a n(w_a v_b p_ab) - n(sum_a w_a v_b p_ab)]``, n(p) = -p log2 p.
- ``repetition_code_key_rate``: settings ``x`` and ``y``, whose outcomes 0 and 1 are kept, and rounds of a ``block``, k.
  Of the bit C that Alice draws for a block, whose announced message is m, and Bob's bit C', it is
  ``(P / k) sum_m max(0, H(C|E,m) - H(C|C',m))``, P the weight of kept rounds, terms times the weight of an accepted
  block with this m over P^k.

The theorems of the last two count p_ab as tested, so that a mixture has it too, within ``MET``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.attack_question import AttackQuestion
from sdpbound.checker.channel import Channel
from sdpbound.checker.numbers import HALF, to_ball
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_list, read_number, read_numbers, shown
from sdpbound.checker.scenario import Scenario, read_observed, read_scenario
from sdpbound.errors import CertificateError

__all__ = [
    "BASIS",
    "MET",
    "REPETITION",
    "SELECTION",
    "Basis",
    "Block",
    "ProcessedQuestion",
    "Selection",
    "Table",
    "read_processed_question",
]

BASIS, SELECTION, REPETITION = "random_basis_key_rate", "post_selected_key_rate", "repetition_code_key_rate"
#: How far each p_ab of a mixture may be off.
MET = Fraction(1, 10**12)
_MOST_TERMS, _LONGEST, _MOST_OUTCOMES = 16, 1000, 64
Table = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """One key of a random basis: Alice's setting, the part of the rounds, her flips, and p_ab."""

    x: int
    kept: Fraction
    flips: Fraction
    table: Table


@dataclass(frozen=True, slots=True)
class Selection:
    """Post-selected rounds: settings, probabilities to keep each outcome, and p_ab."""

    x: int
    y: int
    alice: list[Fraction]
    bob: list[Fraction]
    table: Table


@dataclass(frozen=True, slots=True)
class Block:
    """Blocks of a repetition code: settings, rounds of a block, and p_ab."""

    x: int
    y: int
    rounds: int
    table: Table

    @property
    def kept(self) -> Table:
        """p_ab of the outcomes 0 and 1."""
        return tuple(row[:2] for row in self.table[:2])


@dataclass(frozen=True, slots=True)
class ProcessedQuestion:
    """What is asked of strategies with the tested data; ``base`` is the question of one key bit of theirs."""

    base: AttackQuestion
    kind: str
    asked: list[Basis] | Selection | Block

    @property
    def ends(self) -> tuple[flint.arb, flint.arb]:
        """What the rate can be, in bits."""
        if isinstance(self.asked, list):
            most = to_ball(sum((term.kept for term in self.asked), Fraction(0)))
            return -most, most
        return flint.arb(-1 if isinstance(self.asked, Selection) else 0), flint.arb(1)


def read_processed_question(entry: object) -> ProcessedQuestion:
    """The question of a certificate."""
    question = read_keys(entry, ("scenario", "figure", "side", "observed", "model"), "question")
    scenario = read_scenario(question["scenario"])
    if len(scenario.outcomes) != 2:
        raise CertificateError(f"question.scenario has {len(scenario.outcomes)} parties; these keys are of two.")
    read_kind(read_keys(question["model"], ("kind",), "question.model"), "question.model", ("quantum",))
    if question["side"] != "upper":
        raise CertificateError(f"question.side is {shown(question['side'])}; of an attack it must be upper.")
    name = "question.figure"
    kind = read_kind(question["figure"], name, (BASIS, SELECTION, REPETITION))
    read = {BASIS: _read_basis, SELECTION: _read_selection, REPETITION: _read_block}[kind]
    asked: Any = read(question["figure"], scenario, name)
    observed = read_observed(question["observed"], scenario)
    return ProcessedQuestion(AttackQuestion(scenario, "key_rate", (0, None), Channel(), observed), kind, asked)


def _read_basis(entry: object, scenario: Scenario, name: str) -> list[Basis]:
    terms = read_list(read_keys(entry, ("kind", "terms"), name)["terms"], f"{name}.terms")
    if not 1 <= len(terms) <= _MOST_TERMS:
        raise CertificateError(f"{name}.terms has {len(terms)} entries; 1 to {_MOST_TERMS} are allowed.")
    found = []
    for n, term in enumerate(terms):
        own = f"{name}.terms[{n}]"
        term = read_keys(term, ("x", "kept", "preprocessing", "outcomes"), own)
        x = _setting(term["x"], scenario, 0, f"{own}.x")
        kept, flips = read_number(term["kept"], f"{own}.kept"), read_number(term["preprocessing"], f"{own}.flips")
        if scenario.outcomes[0][x] != 2:
            raise CertificateError(f"{own}.x has {scenario.outcomes[0][x]} outcomes; the key is a bit.")
        if not 0 <= kept <= 1 or not 0 <= flips <= HALF:
            raise CertificateError(f"{own} has a part kept outside of [0, 1], or flips outside of [0, 1/2].")
        found.append(Basis(x, kept, flips, _read_table(term["outcomes"], 2, None, f"{own}.outcomes")))
    if sum((term.kept for term in found), Fraction(0)) > 1 + Fraction(1, 10**9):
        raise CertificateError(f"{name}.terms keep more than all rounds.")
    return found


def _read_selection(entry: object, scenario: Scenario, name: str) -> Selection:
    figure = read_keys(entry, ("kind", "x", "y", "alice", "bob", "outcomes"), name)
    x, y = (_setting(figure[key], scenario, party, f"{name}.{key}") for party, key in enumerate("xy"))
    rows, columns = scenario.outcomes[0][x], scenario.outcomes[1][y]
    alice = read_numbers(figure["alice"], f"{name}.alice", length=rows)
    bob = read_numbers(figure["bob"], f"{name}.bob", length=columns)
    if not all(0 <= p <= 1 for p in (*alice, *bob)) or sum(p > 0 for p in alice) != 2:
        raise CertificateError(f"{name} has no probabilities from 0 to 1, or keeps other than two outcomes of Alice.")
    return Selection(x, y, alice, bob, _read_table(figure["outcomes"], rows, columns, f"{name}.outcomes"))


def _read_block(entry: object, scenario: Scenario, name: str) -> Block:
    figure = read_keys(entry, ("kind", "x", "y", "block", "outcomes"), name)
    x, y = (_setting(figure[key], scenario, party, f"{name}.{key}") for party, key in enumerate("xy"))
    rows, columns = scenario.outcomes[0][x], scenario.outcomes[1][y]
    if min(rows, columns) < 2:
        raise CertificateError(f"{name} has a setting of one outcome; a repetition code needs the outcomes 0 and 1.")
    rounds = read_integer(figure["block"], 2, _LONGEST, f"{name}.block")
    table = _read_table(figure["outcomes"], rows, columns, f"{name}.outcomes")
    block = Block(x, y, rounds, table)
    if not sum(map(sum, block.kept)) > 0:
        raise CertificateError(f"{name}.outcomes never has the outcomes 0 and 1 of both parties.")
    return block


def _setting(entry: object, scenario: Scenario, party: int, name: str) -> int:
    return read_integer(entry, 0, len(scenario.outcomes[party]) - 1, name)


def _read_table(entry: object, rows: int, columns: int | None, name: str) -> Table:
    """Probabilities p_ab: weights divided by their sum."""
    given = read_list(entry, name, length=rows)
    width = len(read_list(given[0], f"{name}[0]")) if columns is None else columns
    if not 1 <= width <= _MOST_OUTCOMES or rows > _MOST_OUTCOMES:
        raise CertificateError(f"{name} has {rows} times {width} outcomes; 1 to {_MOST_OUTCOMES} of each are allowed.")
    table = [read_numbers(row, f"{name}[{a}]", length=width) for a, row in enumerate(given)]
    total = sum(map(sum, table), Fraction(0))
    if any(p < 0 for row in table for p in row) or not total > 0:
        raise CertificateError(f"{name} has a negative weight, or none above zero.")
    return tuple(tuple(p / total for p in row) for row in table)
