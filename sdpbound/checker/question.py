"""What is asked.

Each figure is a maximum over copies e of sub-normalised behaviours v_e of the model's set, ::

    maximise  sum_e objective_e . v_e   subject to  sum_e <1>_e = 1,  |sum_e observed_j . v_e - value_j| <= tolerance_j

===========================  ==========================================================================================
``bell_value``               one copy, the coefficients (side upper) or minus them (side lower)
``separation``               one copy, objective 0: a negative upper bound proves that the data are outside the set
``guessing_probability``     y null: copies a, objective P_{a|x}; else copies a |B_y| + b, objective P_{a|x} P_{b|y}
``blind_guessing_prob...``   quantum: one copy in which Bob has a further measurement K that commutes with his setting
                             y, objective sum_a P_{a|x} K_a; else one copy for each map g from Bob's outcomes to
                             guesses, numbered in base |A| (g(b) = e // |A|^b mod |A|), objective
                             sum_b P_{g(b)|x} P_{b|y}
``min_entropy``              -log2 of the bound on one of the guessing probabilities, rounded down (side lower)
``conditional_entropy``      quantum only: the von Neumann entropy of Alice's outcome (y null), or of both, given Eve,
                             in bits (side lower); Alice flips her bit with probability ``preprocessing`` before
===========================  ==========================================================================================

Tensors are in moment coordinates: one axis per party with the identity at index 0 and then, setting by setting, the
observable O_x = P_{0|x} - P_{1|x} of a setting with two outcomes, or the projectors P_{0|x} .. P_{d-2|x} of any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from sdpbound.checker.numbers import HALF, ZERO, Tensor, common_denominator, nearest_float
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_number, read_string, read_tensor, shown
from sdpbound.checker.scenario import Observed, Scenario, expanded, read_observed, read_scenario, total_of
from sdpbound.errors import CertificateError

__all__ = [
    "GUESSING",
    "MOST_OUTCOMES",
    "Question",
    "enumerated",
    "key_bits",
    "read_question",
    "require_local_work",
    "require_work",
]

_MOST_COPIES = 2**16
_MOST_LINEAR_WORK = 2**25  # copies times coordinates
_MOST_STRATEGIES = 2**22
_MOST_LOCAL_WORK = 2**28  # strategies times coordinates, more for long numbers
_BITS = 256  # a number so much longer takes as long again
MOST_OUTCOMES = 256  # of the key of an entropy
GUESSING = ("guessing_probability", "blind_guessing_probability")
_OTHERS = ("bell_value", "separation", "min_entropy", "conditional_entropy")


@dataclass(frozen=True, slots=True)
class Question:
    scenario: Scenario  # with K among Bob's settings if the figure needs it
    commuting: dict[int, frozenset[int]]  # party -> its two settings whose letters commute
    kind: str
    side: str
    model: str
    objectives: list[Tensor]  # one for each copy, of the maximisation
    observed: Observed
    x: int = 0  # the settings of the figure, where it has them
    y: int | None = None
    blind: bool = False
    bits: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)  # M, M_0, M_1 of an entropy
    flips: Fraction = ZERO  # probability of a flip before an entropy is asked for


def read_question(entry: object) -> Question:
    question = read_keys(entry, ("scenario", "figure", "side", "observed", "model"), "question")
    scenario = read_scenario(question["scenario"])
    model = _read_model(question["model"])

    observed = read_observed(question["observed"], scenario)
    kind = read_kind(question["figure"], "question.figure", (*_OTHERS, *GUESSING))
    figure, name = question["figure"], "question.figure"
    if kind == "min_entropy":
        figure, name = read_keys(figure, ("kind", "of"), name)["of"], "question.figure.of"
        read_kind(figure, name, GUESSING)
    side = question["side"]
    allowed: tuple[str, ...] = ("upper", "lower") if kind == "bell_value" else ("upper",)
    if kind in ("min_entropy", "conditional_entropy"):
        allowed = ("lower",)
    if not isinstance(side, str) or side not in allowed:
        raise CertificateError(f"question.side is {shown(side)}; for {kind} it must be {' or '.join(allowed)}.")

    commuting: dict[int, frozenset[int]] = {}
    bits: list[tuple[Tensor, Tensor, Tensor]] = []
    flips = ZERO
    x, y, blind = 0, None, False
    if kind == "conditional_entropy":
        objectives = []
        x, y, bits, flips = _read_entropy(figure, scenario, model, name)
    elif kind == "bell_value":
        figure = read_keys(figure, ("kind", "coefficients"), name)
        sign = 1 if side == "upper" else -1
        coefficients = read_tensor(figure["coefficients"], scenario.shape, f"{name}.coefficients")
        require_work(scenario, model, 1)
        objectives = [{index: sign * value for index, value in coefficients.items()}]
    elif kind == "separation":
        read_keys(figure, ("kind",), name)
        require_work(scenario, model, 1)
        objectives = [{}]
    else:
        figure = read_keys(figure, ("kind", "x", "y"), name)
        blind = figure["kind"] == "blind_guessing_probability"
        parties = len(scenario.outcomes)
        if parties < 2 and (blind or figure["y"] is not None):
            raise CertificateError(f"{name} is about two parties, but the scenario has one.")
        x = read_integer(figure["x"], 0, len(scenario.outcomes[0]) - 1, f"{name}.x")
        if blind or figure["y"] is not None:
            y = read_integer(figure["y"], 0, len(scenario.outcomes[1]) - 1, f"{name}.y")
            if blind and model == "quantum":
                require_work(scenario, model, scenario.outcomes[0][x])
                scenario = scenario.with_setting(1, scenario.outcomes[0][x])
                commuting = {1: frozenset({y, len(scenario.outcomes[1]) - 1})}
                objectives = [_agreement(scenario, x)]
            else:
                objectives = _pair_objectives(scenario, model, x, y, blind, name)
        else:
            require_work(scenario, model, scenario.outcomes[0][x])
            objectives = [expanded(scenario, (effect,)) for effect in scenario.effects(0, x)]

    common_denominator((value for tensor in objectives for value in tensor.values()), "question.figure")
    return Question(scenario, commuting, kind, side, model, objectives, observed, x, y, blind, bits, flips)


def require_work(scenario: Scenario, model: str, copies: int) -> None:
    """Refuse a question whose answer takes too long to check, before anything is built for it."""
    if copies > _MOST_COPIES or copies * math.prod(scenario.shape) > _MOST_LINEAR_WORK:
        raise CertificateError(
            f"question needs {shown(copies)} copies of {math.prod(scenario.shape)} coordinates; at most "
            f"{_MOST_COPIES} copies and {_MOST_LINEAR_WORK} numbers are checked."
        )
    if model == "local":
        require_local_work(scenario, copies, 0)


def require_local_work(scenario: Scenario, functionals: int, digits: int) -> None:
    """Refuse an enumeration of strategies that takes too long with integers of so many bits."""
    number = functionals * enumerated(scenario)
    work = number * max(scenario.shape) * (1 + digits // _BITS)
    if number > _MOST_STRATEGIES or work > _MOST_LOCAL_WORK:
        raise CertificateError(
            f"The local model needs {shown(number)} strategies to be enumerated, and has numbers of {digits} bits: "
            f"at most {_MOST_STRATEGIES} can be, fewer if numbers are long or settings many."
        )


def enumerated(scenario: Scenario) -> int:
    """How many deterministic strategies are gone through for one functional: all but those of the party with most."""
    strategies = [math.prod(party) for party in scenario.outcomes]
    return math.prod(strategies) // max(strategies)


def _read_entropy(
    entry: object, scenario: Scenario, model: str, name: str
) -> tuple[int, int | None, list[tuple[Tensor, Tensor, Tensor]], Fraction]:
    """The settings of the key, its bits, and the probability of a flip."""
    figure = read_keys(entry, ("kind", "x", "y", "preprocessing"), name)
    if model != "quantum" or len(scenario.outcomes) != 2:
        raise CertificateError(f"{name} is about two parties with quantum devices; the question has {model} ones.")
    x = read_integer(figure["x"], 0, len(scenario.outcomes[0]) - 1, f"{name}.x")
    y = None
    if figure["y"] is not None:
        y = read_integer(figure["y"], 0, len(scenario.outcomes[1]) - 1, f"{name}.y")
    flips = read_number(figure["preprocessing"], f"{name}.preprocessing")
    return x, y, key_bits(scenario, x, y, flips, name), flips


def key_bits(
    scenario: Scenario, x: int, y: int | None, flips: Fraction, name: str
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The bits of a key, if it is none too large and its flips are those of one bit."""
    alice = scenario.effects(0, x)
    if len(alice) > MOST_OUTCOMES:
        raise CertificateError(f"{name} has a key of {len(alice)} outcomes; at most {MOST_OUTCOMES} can be checked.")
    bits = _bits([expanded(scenario, (effect,)) for effect in alice])
    if y is not None:
        bob = scenario.effects(1, y)
        if len(alice) * len(bob) > MOST_OUTCOMES:
            raise CertificateError(f"{name} has more than {MOST_OUTCOMES} pairs of outcomes; they are too many.")
        for effect in alice:
            bits += _bits([expanded(scenario, (effect, other)) for other in bob])
    if not 0 <= flips <= HALF or (flips and (y is not None or len(alice) != 2)):
        raise CertificateError(
            f"{name}.preprocessing is {nearest_float(flips)!r}; a probability from 0 to 1/2 is expected, and 0 "
            "for any other key than one bit of Alice's."
        )
    return bits


def _bits(effects: list[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
    if len(effects) == 1:
        return []
    half = len(effects) - len(effects) // 2
    first, rest = effects[:half], effects[half:]
    return [(total_of(effects), total_of(first), total_of(rest)), *_bits(first), *_bits(rest)]


def _read_model(entry: object) -> str:
    kind = read_kind(entry, "question.model", ("quantum", "no-signaling", "local"))
    keys = read_keys(entry, ("kind", "level") if kind == "quantum" else ("kind",), "question.model")
    if kind == "quantum":
        read_string(keys["level"], "question.model.level")
    return kind


def _agreement(scenario: Scenario, x: int) -> Tensor:
    """sum_a P_{a|x} K_a, with K the last setting of party 1."""
    last = len(scenario.outcomes[1]) - 1
    return total_of(
        expanded(scenario, pair) for pair in zip(scenario.effects(0, x), scenario.effects(1, last), strict=True)
    )


def _pair_objectives(scenario: Scenario, model: str, x: int, y: int, blind: bool, name: str) -> list[Tensor]:
    """Objectives of the global guess, or of the blind guess as one copy for each map from Bob's outcomes to guesses."""
    alice, bob = scenario.effects(0, x), scenario.effects(1, y)
    # Compare the exponent first: a hostile scenario must not make us compute a huge power.
    copies = len(alice) ** min(len(bob), 64) if blind else len(alice) * len(bob)
    if copies > _MOST_COPIES:
        raise CertificateError(f"{name} needs one copy for each guess; more than {_MOST_COPIES} are too many to check.")
    require_work(scenario, model, copies)
    if not blind:
        return [expanded(scenario, pair) for pair in product(alice, bob)]
    return [
        total_of(expanded(scenario, (alice[e // len(alice) ** b % len(alice)], effect)) for b, effect in enumerate(bob))
        for e in range(copies)
    ]
