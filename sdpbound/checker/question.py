"""What is asked.

Each figure is a maximum over copies e of sub-normalised behaviours v_e of the model's set, ::

    maximise  sum_e objective_e . v_e   subject to  sum_e <1>_e = 1,  |sum_e observed_j . v_e - value_j| <= tolerance_j

===========================  ==========================================================================================
``bell_value``               one copy, the coefficients (side upper) or minus them (side lower)
``separation``               one copy, objective 0: a negative upper bound proves that the data are outside the set
``guessing_probability``     copies k, objective the projector on outcome k of the key, the last party's fastest
``blind_guessing_prob...``   quantum: one copy in which Bob has a further measurement K that commutes with his setting
                             y, objective sum_a P_{a|x} K_a; else one copy for each map g from Bob's outcomes to
                             guesses, numbered in base |A| (g(b) = e // |A|^b mod |A|), objective
                             sum_b P_{g(b)|x} P_{b|y}
``min_entropy``              -log2 of the bound on one of the guessing probabilities, rounded down (side lower)
``conditional_entropy``      quantum only: the von Neumann entropy of the key given Eve, in bits (side lower); a key of
                             one bit passes ``preprocessing`` before, see :mod:`sdpbound.checker.channel`
===========================  ==========================================================================================

The key of a guess or an entropy is Alice's outcome of ``x`` and, unless y is null, Bob's of ``y``; or it is given by
``settings`` in place of both: one entry for each party, a setting, or null if its outcome is not in the key. An entry
``merge`` makes the key a function of these outcomes: a list of its values 0 .. k-1, one for each outcome, or choice of
outcomes with the last party's fastest. The effects of a value add up those of its outcomes; where outcomes are
projective, so is their sum, and Eve's guesses, bits and outcomes in all that follows are those of the value.

Tensors are in moment coordinates: one axis per party with the identity at index 0 and then, setting by setting, the
observable O_x = P_{0|x} - P_{1|x} of a setting with two outcomes, or the projectors P_{0|x} .. P_{d-2|x} of any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from sdpbound.checker.channel import Channel, read_channel
from sdpbound.checker.numbers import ONE, Tensor, common_denominator
from sdpbound.checker.reading import (
    read_integer,
    read_keys,
    read_kind,
    read_list,
    read_string,
    read_tensor,
    shown,
)
from sdpbound.checker.scenario import Observed, Scenario, expanded, read_observed, read_scenario, total_of
from sdpbound.errors import CertificateError

__all__ = [
    "GUESSING",
    "MOST_OUTCOMES",
    "Merge",
    "Question",
    "enumerated",
    "key_bits",
    "key_outcomes",
    "pair_of",
    "read_key",
    "read_merge",
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
Settings = tuple[int | None, ...]
Merge = tuple[int, ...]
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
    key: Settings = ()  # the settings of the figure by party, where it has them
    blind: bool = False
    bits: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)  # M, M_0, M_1 of an entropy
    channel: Channel = field(default_factory=Channel)  # what the key of one bit passes before an entropy is asked for
    merge: Merge = ()  # the value of each outcome of the key; empty where each has its own

    @property
    def flips(self) -> Fraction:
        """The probability of a flip; a channel that is not symmetric is refused by who knows flips only."""
        return self.channel.flips


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
    channel = Channel()
    key: Settings = ()
    merge: Merge = ()
    blind = False
    if kind == "conditional_entropy":
        objectives = []
        key, merge, bits, channel = _read_entropy(figure, scenario, model, name)
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
        blind = read_kind(figure, name, GUESSING) == "blind_guessing_probability"
        key = read_key(figure, scenario, name, blind=blind)
        merge = read_merge(figure, scenario, key, name)
        if blind and model == "quantum":
            x, y = pair_of(key, name)
            assert y is not None
            require_work(scenario, model, scenario.outcomes[0][x])
            scenario = scenario.with_setting(1, scenario.outcomes[0][x])
            commuting = {1: frozenset({y, len(scenario.outcomes[1]) - 1})}
            objectives = [_agreement(scenario, x)]
        else:
            objectives = _guess_objectives(scenario, model, key, merge, blind, name)

    common_denominator((value for tensor in objectives for value in tensor.values()), "question.figure")
    return Question(scenario, commuting, kind, side, model, objectives, observed, key, blind, bits, channel, merge)


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


def read_key(
    entry: object,
    scenario: Scenario,
    name: str,
    others: tuple[str, ...] = (),
    *,
    blind: bool = False,
    both: bool = False,
) -> Settings:
    """The settings of a figure by party; ``others`` are entries beside them.

    ``blind`` and ``both`` are of figures that are about Alice's x and Bob's y, and have no ``merge``.
    """
    parties = len(scenario.outcomes)
    optional = () if blind or both else ("merge",)
    if isinstance(entry, Mapping) and "settings" in entry and not blind and not both:
        figure = read_keys(entry, ("kind", "settings", *others), name, optional)
        found = [
            None if s is None else read_integer(s, 0, len(scenario.outcomes[party]) - 1, f"{name}.settings[{party}]")
            for party, s in enumerate(read_list(figure["settings"], f"{name}.settings", length=parties))
        ]
        if all(s is None for s in found):
            raise CertificateError(f"{name}.settings asks for the outcome of no party; at least one must be a number.")
        return tuple(found)
    figure = read_keys(entry, ("kind", "x", "y", *others), name, optional)
    x, y = read_integer(figure["x"], 0, len(scenario.outcomes[0]) - 1, f"{name}.x"), None
    if blind or both or figure["y"] is not None:
        if parties < 2:
            raise CertificateError(f"{name} is about two parties, but the scenario has one.")
        y = read_integer(figure["y"], 0, len(scenario.outcomes[1]) - 1, f"{name}.y")
    return (x, y, *(None for _ in range(parties - 2)))[:parties]


def read_merge(entry: object, scenario: Scenario, key: Settings, name: str) -> Merge:
    """The value of each outcome of a key, where the figure has them; empty where it has none."""
    if not isinstance(entry, Mapping) or "merge" not in entry:
        return ()
    count = math.prod(scenario.outcomes[party][s] for party, s in enumerate(key) if s is not None)
    if count > _MOST_COPIES:
        raise CertificateError(f"{name} merges {shown(count)} outcomes; at most {_MOST_COPIES} can be checked.")
    found = tuple(
        read_integer(value, 0, count - 1, f"{name}.merge[{k}]")
        for k, value in enumerate(read_list(entry["merge"], f"{name}.merge", length=count))
    )
    if set(found) != set(range(max(found) + 1)):
        raise CertificateError(f"{name}.merge is {shown(entry['merge'])}; each value from 0 to the last must occur.")
    return found


def pair_of(key: Settings, name: str, merge: Merge = ()) -> tuple[int, int | None]:
    """x and y of a key of Alice's outcome or both, of two parties; what proofs that know no other key ask for.

    With ``merge`` it is refused, too: what the proof knows nothing of is given here.
    """
    if merge:
        raise CertificateError(f"{name} merges outcomes; a proof of this kind is about outcomes as they are.")
    if len(key) != 2 or key[0] is None:
        raise CertificateError(
            f"{name} asks for the settings {list(key)}; a proof of this kind is about Alice's outcome or both of two "
            "parties."
        )
    return key[0], key[1]


def _read_entropy(
    entry: object, scenario: Scenario, model: str, name: str
) -> tuple[Settings, Merge, list[tuple[Tensor, Tensor, Tensor]], Channel]:
    """The settings of the key, what is merged, its bits, and the channel that it passes."""
    if model != "quantum" or len(scenario.outcomes) < 2:
        raise CertificateError(
            f"{name} is about two parties or more with quantum devices; the question has {len(scenario.outcomes)} with "
            f"{model} ones."
        )
    key = read_key(entry, scenario, name, ("preprocessing",))
    assert isinstance(entry, Mapping)  # read_key has seen its names
    merge = read_merge(entry, scenario, key, name)
    bits = key_bits(scenario, key, name, merge)
    asked = [scenario.outcomes[party][s] for party, s in enumerate(key) if s is not None]
    is_a_bit = max(merge) == 1 if merge else asked == [2]
    return key, merge, bits, read_channel(entry["preprocessing"], is_a_bit, f"{name}.preprocessing")


def key_bits(scenario: Scenario, key: Settings, name: str, merge: Merge = ()) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The bits of a key, if it is none too large.

    The bits of the first party's outcome come first; then, for each of its outcomes, those of the next party, and so
    on. A function of the outcomes is one key, whose bits tell its values apart.
    """
    parties = _key_effects(scenario, key)
    outcomes = math.prod(map(len, parties))
    if outcomes > MOST_OUTCOMES:
        raise CertificateError(f"{name} has a key of {outcomes} outcomes; at most {MOST_OUTCOMES} can be checked.")
    asked = [party for party, s in enumerate(key) if s is not None]
    bits = _bits(_merged([expanded(scenario, chosen) for chosen in product(*parties)], merge)) if merge else []
    for party in [] if merge else asked:
        # the parties of the key that come later are summed over, which is the identity
        before = [effects if p < party else [{0: ONE}] for p, effects in enumerate(parties)]
        for chosen in product(*before):
            bits += _bits([expanded(scenario, [*chosen[:party], own, *chosen[party + 1 :]]) for own in parties[party]])
    return bits


def _merged(effects: Sequence[Tensor], merge: Merge) -> list[Tensor]:
    """The effects of the key's values: sums of those of its outcomes."""
    if not merge:
        return list(effects)
    return [
        total_of(effect for effect, own in zip(effects, merge, strict=True) if own == value)
        for value in range(max(merge) + 1)
    ]


def _key_effects(scenario: Scenario, key: Settings) -> list[list[dict[int, Fraction]]]:
    """The effects of each party's outcomes in the key, the identity alone for a party that is not in it."""
    return [[{0: ONE}] if s is None else scenario.effects(party, s) for party, s in enumerate(key)]


def key_outcomes(question: Question) -> list[Tensor]:
    """The effects of the values of a question's key: its outcomes, the last party's fastest, or what is merged."""
    effects = [
        expanded(question.scenario, chosen) for chosen in product(*_key_effects(question.scenario, question.key))
    ]
    return _merged(effects, question.merge)


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


def _guess_objectives(
    scenario: Scenario, model: str, key: Settings, merge: Merge, blind: bool, name: str
) -> list[Tensor]:
    """Objectives of a guess of the key, or of the blind guess: one copy for each map from Bob's outcomes to guesses."""
    if not blind:
        parties = _key_effects(scenario, key)
        copies = math.prod(map(len, parties))
        _require_copies(copies, name)
        require_work(scenario, model, copies)
        return _merged([expanded(scenario, chosen) for chosen in product(*parties)], merge)
    x, y = pair_of(key, name)
    assert y is not None
    alice, bob = scenario.effects(0, x), scenario.effects(1, y)
    # Compare the exponent first: a hostile scenario must not make us compute a huge power.
    copies = len(alice) ** min(len(bob), 64)
    _require_copies(copies, name)
    require_work(scenario, model, copies)
    return [
        total_of(expanded(scenario, (alice[e // len(alice) ** b % len(alice)], effect)) for b, effect in enumerate(bob))
        for e in range(copies)
    ]


def _require_copies(copies: int, name: str) -> None:
    if copies > _MOST_COPIES:
        raise CertificateError(f"{name} needs one copy for each guess; more than {_MOST_COPIES} are too many to check.")
