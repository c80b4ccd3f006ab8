"""Figures of merit as types: words, entries of certificates, sides; and the kinds of certificates."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.attacks.all_channels import KeyOfChannels
from sdpbound.attacks.all_flips import KeyOfFlips
from sdpbound.bounds import (
    BellValue,
    BlindGuessingProbability,
    ConditionalEntropy,
    ConditionalMutualInformation,
    Figure,
    GuessingProbability,
    MinEntropyOf,
    SelfTestedEntropy,
    Separation,
    as_min_entropy,
)
from sdpbound.bounds.figures import AverageEntropy, RenyiEntropy
from sdpbound.boxes.figures import DistanceFromUniform, FunctionGuessing
from sdpbound.checker.kinds import KINDS
from sdpbound.finite_size.figures import FiniteKeyLength, FiniteRandomnessLength, FiniteSecurity
from tests.golden_certificates import INDEX, golden

SECURITY = FiniteSecurity(soundness=1e-9)
TSIRELSON = sb.SingletSelfTest("pi/2", "pi/4", "3*pi/4").behaviour()
AVERAGE = str(sb.Average((0, 1)))
#: Figure, words, and the entry as JSON text.
CASES: list[tuple[Figure, str, str]] = [
    (
        BellValue(sb.chsh()),
        "Bell value",
        '{"kind": "bell_value", "coefficients": [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, -1.0]]}',
    ),
    (
        RenyiEntropy(0, None, 0.05, "sandwiched up", 1.5),
        "H_1.5(A|x=0,E), sandwiched up after flips with probability 0.05",
        '{"kind": "renyi_entropy", "x": 0, "y": null, "preprocessing": 0.05, "form": "sandwiched up", "alpha": 1.5}',
    ),
    (Separation(), "zero functional at the tested data", '{"kind": "separation"}'),
    (GuessingProbability(1), "P_guess(A|x=1,E)", '{"kind": "guessing_probability", "x": 1, "y": null}'),
    (GuessingProbability(0, 1), "P_guess(AB|x=0,y=1,E)", '{"kind": "guessing_probability", "x": 0, "y": 1}'),
    (
        BlindGuessingProbability(0, 1),
        "P_guess(A|x=0,y=1,B,E)",
        '{"kind": "blind_guessing_probability", "x": 0, "y": 1}',
    ),
    (
        MinEntropyOf(GuessingProbability(0)),
        "H_min(A|x=0,E)",
        '{"kind": "min_entropy", "of": {"kind": "guessing_probability", "x": 0, "y": null}}',
    ),
    (
        ConditionalEntropy(0, None, 0.25),
        "H(A|x=0,E) after flips with probability 0.25",
        '{"kind": "conditional_entropy", "x": 0, "y": null, "preprocessing": 0.25}',
    ),
    (
        ConditionalEntropy(0, 1),
        "H(AB|x=0,y=1,E)",
        '{"kind": "conditional_entropy", "x": 0, "y": 1, "preprocessing": 0.0}',
    ),
    (SelfTestedEntropy(0), "H(A|x=0,E)", '{"kind": "entropy", "x": 0, "y": null, "blind": false}'),
    (SelfTestedEntropy(0, 1), "H(AB|x=0,y=1,E)", '{"kind": "entropy", "x": 0, "y": 1, "blind": false}'),
    (SelfTestedEntropy(0, 1, True), "H(A|x=0,y=1,B,E)", '{"kind": "entropy", "x": 0, "y": 1, "blind": true}'),
    (
        ConditionalMutualInformation(0, 1),
        "I(A:B|x=0,y=1,E)",
        '{"kind": "conditional_mutual_information", "x": 0, "y": 1}',
    ),
    (
        AverageEntropy(sb.Average((0, 1))),
        AVERAGE,
        '{"kind": "average_entropy", "terms": [{"settings": [0], "weight": 0.5, "preprocessing": 0.0}, '
        '{"settings": [1], "weight": 0.5, "preprocessing": 0.0}]}',
    ),
    (
        KeyOfFlips((0, None), ((0.5, 0.0), (0.0, 0.5))),
        "H(A|x=0,E) - H(A|B), any flips",
        '{"kind": "key_rate", "settings": [0, null], "outcomes": [[0.5, 0.0], [0.0, 0.5]]}',
    ),
    (
        KeyOfChannels((0, None), ((0.5, 0.0), (0.0, 0.5))),
        "H(A|x=0,E) - H(A|B), any channel",
        '{"kind": "key_rate_any_channel", "settings": [0, null], "outcomes": [[0.5, 0.0], [0.0, 0.5]]}',
    ),
    (FunctionGuessing(), "P_guess(f|E)", '{"kind": "guessing_probability"}'),
    (DistanceFromUniform(), "distance of f from uniform, given E", '{"kind": "distance_from_uniform"}'),
    (
        FiniteKeyLength(0, 1, 0.0, SECURITY, 1000),
        "length of key at x=0, y=1 from 1000 rounds",
        '{"kind": "finite_key_length", "x": 0, "y": 1, "preprocessing": 0.0, "soundness": 1e-09, "completeness": 0.01, '
        '"efficiency": 1.0, "registers": "classical", "rounds": 1000}',
    ),
    (
        FiniteRandomnessLength(0, None, 0.0, SECURITY),
        "length of randomness at x=0",
        '{"kind": "finite_randomness_length", "x": 0, "y": null, "preprocessing": 0.0, "soundness": 1e-09, '
        '"completeness": 0.01, "efficiency": 1.0, "registers": "classical"}',
    ),
]


@pytest.mark.parametrize(("figure", "words", "entry"), CASES, ids=[words for _, words, _ in CASES])
def test_words_and_entries(figure: Figure, words: str, entry: str) -> None:
    assert figure.words == words == str(figure)
    assert json.dumps(figure.entry()) == entry
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        figure.kind = "another"  # type: ignore[misc]


def test_every_figure_of_the_golden_certificates_is_a_type() -> None:
    known = {figure.kind for figure, _, _ in CASES} | {
        "estimated_randomness_length",
        "visibility",
    }  # written without a class
    assert {entry["figure"] for entry in INDEX.values()} <= known


def test_equality_is_of_type_and_fields() -> None:
    assert GuessingProbability(0, 1) == GuessingProbability(0, 1) != GuessingProbability(0)
    assert GuessingProbability(0, 1) != BlindGuessingProbability(0, 1)
    assert SelfTestedEntropy(0) != ConditionalEntropy(0)
    assert BellValue(sb.chsh()) == BellValue(sb.chsh()) != BellValue(2 * sb.chsh())
    assert len({figure for figure, _, _ in CASES}) == len(CASES)


def test_units_ceilings_and_signs() -> None:
    for figure, _, _ in CASES:
        assert not (figure.is_probability and figure.is_entropy)
        assert figure.ceiling == (1.0 if figure.is_probability or figure in _LIMITED else math.inf)
        assert figure.sign("upper") == 1.0
        assert figure.sign("lower") == (-1.0 if isinstance(figure, BellValue) else 1.0)
        assert not figure.is_entropy or figure.unit == "bit"


_LIMITED = (MinEntropyOf(GuessingProbability(0)), DistanceFromUniform())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GuessingProbability(-1), "x = -1 must be an integer of at least 0"),
        (lambda: GuessingProbability(0, True), "y = True"),
        (lambda: BlindGuessingProbability(0, None), "y = None"),
        (lambda: SelfTestedEntropy(0, None, True), "y = None"),
        (lambda: ConditionalEntropy(0, None, 0.75), "preprocessing = 0.75 must lie between 0 and 1/2"),
        (lambda: ConditionalEntropy(0, None, math.nan), "preprocessing = nan"),
        (lambda: MinEntropyOf(Separation()), "must be a guessing probability"),
        (lambda: BellValue([[1.0]]), "expression must be a BellExpression"),
        (lambda: FiniteKeyLength(0, 1, 0.0, SECURITY, 0), "rounds = 0"),
        (lambda: FiniteKeyLength(0, 1, 0.0, None), "security must be a FiniteSecurity"),
    ],
)
def test_what_is_refused(make: Any, words: str) -> None:
    with pytest.raises(sb.InvalidInput, match=words.replace("(", r"\(")):
        make()


def test_bounds_have_their_figure() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.4)
    assert sb.maximize(sb.chsh(), sb.Local()).merit == BellValue(sb.chsh())
    guess = sb.guessing_probability(data, sb.NoSignaling(), 1)
    assert (guess.merit, guess.figure) == (GuessingProbability(1), "P_guess(A|x=1,E)")
    assert as_min_entropy(guess).merit == MinEntropyOf(guess.merit)
    assert guess.given == data
    with pytest.raises(sb.InvalidInput, match="Bell value is no guessing probability"):
        as_min_entropy(sb.maximize(sb.chsh(), sb.Local()))


def test_a_proof_of_one_number_has_no_functional_and_says_why() -> None:
    """Both are bounds with all that these promise: the functional, or why there is none."""
    exact = sb.find_self_test(sb.Observations.bell_value(sb.chsh(), TSIRELSON))
    assert exact is not None
    attack = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 2.5), tolerance=1e-3)
    for bound, why in ((exact.entropy(), "closed_forms=False"), (attack, "the bound from below has one")):
        assert isinstance(bound, sb.Bound)
        assert "functional" not in vars(type(bound)) or type(bound) is sb.Bound
        with pytest.raises(sb.CertificateError, match=why):
            _ = bound.functional
        assert bound.certificate.verify().holds


# -- kinds of certificates ----------------------------------------------------------------------------------------

NAMES = [kind.name for kind in KINDS]


def kind_of(name: str) -> str:
    """The kind of a golden certificate, by the table."""
    return next(kind.name for kind in KINDS if kind.recognise(golden(name)))


MEMBER = sb.SingletSelfTest(1.0, 1.5, 2.6)


def attacks_on_all_flips() -> sb.Certificate:
    return sb.key_rate_upper_bound(MEMBER.behaviour(0.9), x=0, y=0, preprocessing="best").attack.certificate


def explicit_visibility() -> sb.Certificate:
    mixture = sb.robustness(MEMBER.behaviour(0.9), sb.Local()).mixture
    assert mixture is not None
    return mixture.certificate


#: Kinds of which no certificate is kept.
MADE: dict[str, Callable[[], sb.Certificate]] = {
    "attacks on all flips": attacks_on_all_flips,
    "explicit visibility": explicit_visibility,
}
TESTS = Path(__file__).parents[1]
ELSEWHERE = {
    "attacks on all channels": "rates/golden/all_channels.json",
    "attack on a processed key": "rates/golden/processed_attack.json",
    "operator problem": "problems/golden/chsh.json",
    "routed attack": "routed/golden/attack.json",
    "routed entropy": "routed/golden/bb84.json",
}
SLOWER = ("entropy_qubit", "finite", "renyi_entropy", "renyi_power")
SAMPLES = {kind_of(name): name for name in INDEX if not name.startswith(SLOWER)}
SAMPLES["finite length"] = min((name for name in INDEX if kind_of(name) == "finite length"), key=len)


def test_older_certificates_say_no_kind() -> None:
    newer = ("entropy_coarse", "closed_exact", "entropy_qubit_extreme", "entropy_places", "average", "renyi")
    newer += ("attacks_all_channels", "estimation", "finite_key_channel", "visibility")
    newer += tuple(name for name in INDEX if name.endswith("party"))
    assert not any("kind" in golden(name) for name in INDEX if not name.startswith(newer))
    assert set(SAMPLES) | set(ELSEWHERE) | set(MADE) == set(NAMES)


def sample(kind: str) -> dict[str, Any]:
    """A certificate of a kind that was written once; some are with their tests, and some are made now."""
    if kind in MADE:
        return MADE[kind]().data
    if kind in ELSEWHERE:
        found: dict[str, Any] = json.loads((TESTS / ELSEWHERE[kind]).read_text(encoding="utf-8"))
        return found
    return golden(SAMPLES[kind])


@pytest.mark.parametrize("kind", NAMES)
def test_a_kind_that_is_said_must_be_the_right_one(kind: str) -> None:
    data = sample(kind)
    assert sb.verify(data | {"kind": kind}).holds
    for other in [*NAMES, "Bound", "", None, 1, [], {}, [kind], "x" * 999]:
        if other != kind:
            with pytest.raises(sb.CertificateError, match=r"^kind is "):
                sb.verify(data | {"kind": other})


def test_new_certificates_say_their_kind() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    exact = sb.find_self_test(sb.Observations.bell_value(sb.chsh(), TSIRELSON))
    assert exact is not None
    made = {
        "bound": sb.maximize(sb.chsh(), sb.Local()),
        "self-test": exact.entropy(),
        "entropy by formula": sb.conditional_entropy(data),
        "attack": sb.conditional_entropy_upper_bound(data, tolerance=1e-3),
    }
    for kind, bound in made.items():
        assert bound.certificate.data["kind"] == kind
        assert bound.certificate.verify().holds
    assert set(made) <= set(NAMES)
