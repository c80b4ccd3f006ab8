"""Arrays that mean no real numbers are refused wherever they come in: NumPy would drop what it cannot hold."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas
import pytest

import sdpbound as sb
from sdpbound.arguments import complexes, floats, real, reals
from sdpbound.bell.families.correlators import bell_value_self_test
from sdpbound.bell.families.formulas import singlet_coefficients
from sdpbound.boxes import xor_attack
from sdpbound.boxes.boxes import DepolarisedBoxes
from sdpbound.boxes.functions import outcome_function
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.finite_size.scores import scored_test
from sdpbound.protocols import bhk, braunstein_caves, simple_chsh, xor_amplification

ROOT = math.sqrt(0.5)
CORRELATORS = ROOT * np.array([[1.0, 1.0], [1.0, -1.0]])
BOX = sb.Behaviour.from_correlators(CORRELATORS)
SCENARIO = sb.Scenario.bipartite(2, 2)
CHSH = sb.chsh()
DATA = sb.Observations.bell_value(CHSH, 2.5)
Z, X = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])

#: Every public entry point that takes an array of real numbers: what calls it, and an array that it takes.
ENTRIES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "Behaviour": (sb.Behaviour, BOX.p),
    "Behaviour.from_moments": (lambda a: sb.Behaviour.from_moments(SCENARIO, a), BOX.moments),
    "Behaviour.from_correlators": (sb.Behaviour.from_correlators, CORRELATORS),
    "marginals_a": (lambda a: sb.Behaviour.from_correlators(0.5 * CORRELATORS, a), [0.1, 0.0]),
    "marginals_b": (lambda a: sb.Behaviour.from_correlators(0.5 * CORRELATORS, None, a), [0.1, 0.0]),
    "BellExpression": (lambda a: sb.BellExpression(SCENARIO, a), CHSH.coefficients),
    "BellExpression.from_correlators": (sb.BellExpression.from_correlators, CORRELATORS),
    "BellExpression.from_probabilities": (sb.BellExpression.from_probabilities, BOX.p),
    "BellExpression.from_collins_gisin": (sb.BellExpression.from_collins_gisin, np.ones((3, 3))),
    "Observations": (lambda a: sb.Observations(SCENARIO, a, [2.5], [0.0]), CHSH.coefficients[None]),
    "Observations values": (lambda a: sb.Observations(SCENARIO, CHSH.coefficients[None], a, [0.0]), [2.5]),
    "Observations tolerances": (lambda a: sb.Observations(SCENARIO, CHSH.coefficients[None], [2.5], a), [0.0]),
    "Observations.bell_value": (lambda a: sb.Observations.bell_value(CHSH, a), np.float64(2.5)),
    "Observations.bell_values": (lambda a: sb.Observations.bell_values([(CHSH, a)]), np.float64(2.5)),
    "Observations.bell_value tolerance": (lambda a: sb.Observations.bell_value(CHSH, 2.5, a), np.float64(1e-3)),
    "Observations.correlators": (sb.Observations.correlators, CORRELATORS),
    "singlet_condition": (lambda a: sb.singlet_condition(a, 1.5, 2.6), [0.9, 1.0]),
    "singlet_coefficients": (lambda a: singlet_coefficients(a, 1.5, 2.6), [0.9, 1.0]),
    "singlet_correlators": (lambda a: sb.singlet_correlators(1.0, a, 2.6), [1.5, 1.4]),
    "singlet_chsh": (lambda a: sb.singlet_chsh(1.0, 1.5, a), [2.5, 2.6]),
    "singlet_local_bound": (lambda a: sb.singlet_local_bound(1.0, 1.5, a), [2.5, 2.6]),
    "singlet_quantum_bound": (lambda a: sb.singlet_quantum_bound(1.0, 1.5, a), [2.5, 2.6]),
    "singlet_strategy_value": (lambda a: sb.singlet_strategy_value(1.0, 1.5, a), [2.5, 2.6]),
    "correlators_self_test": (sb.correlators_self_test, CORRELATORS),
    "bell_value_self_test": (bell_value_self_test, CORRELATORS),
    "Functional.at": (lambda a: sb.conditional_entropy(DATA).functional.at(a), [2.5]),
    "VonNeumann nodes": (lambda a: sb.VonNeumann("projective", nodes=a), [0.1, 0.2, 0.5]),
    "entropy_envelope": (
        lambda a: sb.entropy_envelope(lambda s: sb.Observations.bell_value(CHSH, s), a),
        [2.4, 2.6],
    ),
    "test_distribution": (lambda a: scored_test(CHSH, a), np.full((2, 2), 0.25)),
    "white_noise": (BOX.white_noise, np.float64(0.9)),
    "WhiteNoise": (sb.WhiteNoise, np.float64(0.9)),
    "Dephasing": (sb.Dephasing, np.float64(0.1)),
    "Misalignment": (lambda a: sb.Misalignment(a, [0.0, 0.1]), [0.1, 0.2]),
    "detection_efficiency": (lambda a: BOX.detection_efficiency(a, 1.0), np.float64(0.9)),
    "flip_outcomes": (lambda a: BOX.flip_outcomes(a, 0.0), np.float64(0.1)),
    "mix": (lambda a: BOX.mix(BOX, a), np.float64(0.5)),
    "bhk.key_rate": (lambda a: bhk.key_rate(a, 10), [0.99, 1.0]),
    "braunstein_caves.bell_average": (lambda a: braunstein_caves.bell_average(a, 10), [0.01, 0.02]),
    "simple_chsh.key_rate": (simple_chsh.key_rate, [0.99, 1.0]),
    "xor_amplification.key_rate": (lambda a: xor_amplification.key_rate(a, 0.01), [0.01, 0.02]),
    "xor_attack.known_fraction": (xor_attack.known_fraction, [0.01, 0.02]),
    "linear map": (lambda a: outcome_function(a, 2), np.ones((1, 2))),
}


def masked(array: Any) -> Any:
    """The array with its last entry masked, and what is below it as it was."""
    found = np.ma.array(array, mask=False)
    found.mask = np.zeros(found.shape, dtype=bool) if found.ndim else True
    if found.ndim:
        found[tuple(n - 1 for n in found.shape)] = np.ma.masked
    return found


def complex_object(array: Any) -> Any:
    found = np.array(array, dtype=object)
    found[(0,) * found.ndim] = np.complex128(0.5 + 0.1j)
    return found


WRONG: dict[str, Callable[[Any], Any]] = {
    "imaginary": lambda a: np.asarray(a) + 0.1j,
    "complex with no imaginary parts": lambda a: np.asarray(a) + 0j,
    "complex64": lambda a: (np.asarray(a) + 0.1j).astype(np.complex64),
    "complex objects": complex_object,
    "masked": masked,
    "masked integers": lambda a: masked(np.ones(np.shape(a), dtype=np.int64)),
    "texts": lambda a: np.asarray(a).astype(np.str_),
    "texts as objects": lambda a: np.asarray(a).astype(np.str_).astype(object),
    "bytes": lambda a: np.asarray(a).astype(np.bytes_),
    "nothing": lambda a: np.full(np.shape(a), None, dtype=object),
    "NaN": lambda a: np.full(np.shape(a), np.nan),
    "times": lambda a: np.ones(np.shape(a), dtype="m8[s]"),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_takes_numbers_only(entry: str) -> None:
    call, good = ENTRIES[entry]
    call(good)
    for kind, make in WRONG.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a warning is no refusal
            with pytest.raises(InvalidInput) as error:
                call(make(good))
        text = str(error.value)
        assert "\n" not in text and text.rstrip().endswith((".", ";")), (kind, text)
        words = {"imag": "complex", "comp": "complex", "mask": "masked"}.get(kind[:4], "")
        assert words in text, (kind, text)


@pytest.mark.parametrize("entry", ["Behaviour", "Observations.correlators", "singlet_condition", "linear map"])
def test_what_means_the_same_is_taken(entry: str) -> None:
    call, good = ENTRIES[entry]
    plain = np.asarray(good)
    for same in (
        np.ma.array(plain, mask=False),
        plain.tolist(),
        plain.astype(object),
        np.frompyfunc(Fraction, 1, 1)(plain),
        plain.astype(np.longdouble),
    ):
        assert np.array_equal(_values(call(same)), _values(call(good)))


def _values(found: Any) -> Any:
    return getattr(found, "p", getattr(found, "values", getattr(found, "matrix", found)))


def test_strategies_are_complex_and_not_masked() -> None:
    bell = np.array([ROOT, 0, 0, ROOT])
    good = sb.Strategy.from_observables(bell * 1j, [Z, X], [(Z + X) * ROOT, (Z - X) * ROOT])
    assert abs(good.behaviour().chsh - 2.0 * math.sqrt(2.0)) < 1e-12
    one = [[np.eye(2)[None]], [np.eye(2)[None]]]
    for wrong in (masked(bell), masked(bell * 1j)):
        with pytest.raises(InvalidParameter, match="the state has 1 masked entries, the first at \\[3\\]"):
            sb.Strategy(wrong, one)
        with pytest.raises(InvalidParameter, match="the state has 1 masked"):
            sb.Strategy.from_observables(wrong, [Z, X], [Z, X])
    with pytest.raises(InvalidParameter, match="a measurement has 1 masked"):
        sb.Strategy(bell, [[masked(np.eye(2)[None])], one[1]])
    with pytest.raises(InvalidParameter, match="an observable has 1 masked"):
        sb.Strategy.from_observables(bell, [masked(Z), X], [Z, X])
    with pytest.raises(InvalidShape):
        sb.Strategy(bell.astype(str), one)


def test_exact_numbers_are_not_masked() -> None:
    assert DepolarisedBoxes.product([0.1, Fraction(1, 5)]).n == 2
    with pytest.raises(InvalidParameter, match="errors has 1 masked"):
        DepolarisedBoxes.product(masked([0.1, 0.2]))
    with pytest.raises(InvalidParameter, match="masked"):
        DepolarisedBoxes.distribution(masked([0.9, 0.1]))
    with pytest.raises(InvalidParameter, match="n has 1 masked"):
        sb.finite_key_length(BOX, masked([1e8, 1e9]), entropies=[sb.conditional_entropy(DATA)])


def test_lists_of_arrays_are_looked_into() -> None:
    with pytest.raises(InvalidParameter, match="rows has 1 masked"):
        floats([masked([1.0, 2.0]), [3.0, 4.0]], "rows")
    objects = np.empty(1, dtype=object)
    objects[0] = masked([1.0, 2.0])
    with pytest.raises(InvalidParameter, match="rows has 1 masked"):
        floats(objects, "rows")
    with pytest.raises(InvalidParameter, match=r"rows must be real, and has the complex number 1\+2j; give the real"):
        floats([[1.0, 1 + 2j]], "rows")
    for wrong in ("1.5", ["1", "2"], [[1.0], [2.0, 3.0]], {"a": 1}, b"1"):
        with pytest.raises(InvalidShape, match="rectangular array of numbers"):
            floats(wrong, "rows")
        with pytest.raises(InvalidShape, match="rectangular array of numbers"):
            complexes(wrong, "rows")


def test_data_frames() -> None:
    frame = pandas.DataFrame(CORRELATORS)
    assert np.array_equal(sb.Observations.correlators(frame).values, CORRELATORS.reshape(-1))
    with pytest.raises(InvalidParameter, match="correlators must be finite"):
        sb.Observations.correlators(frame.where(frame > 0))
    with pytest.raises(InvalidInput, match="correlators"):
        sb.Observations.correlators(frame.where(frame > 0).astype("Float64"))


@pytest.mark.parametrize("value", [True, np.True_, "0.5", None, [0.5], 0.5 + 0j, np.ma.masked, math.nan, math.inf])
def test_one_number(value: Any) -> None:
    with pytest.raises(InvalidParameter, match="visibility"):
        real(value, "visibility", "a number between 0 and 1")
    assert real(np.array(0.5), "visibility", "") == real(Fraction(1, 2), "visibility", "") == 0.5


def test_the_array_given_is_not_the_one_kept() -> None:
    for dtype, read in ((np.float64, reals), (np.complex128, complexes)):
        given = np.ones(2, dtype=dtype)
        assert not np.shares_memory(read(given, "x"), given)


MEMBER = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
CORRELATED = sb.Observations.correlators(MEMBER)
EXACT = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour())


@pytest.mark.parametrize(
    "call",
    [
        lambda: sb.maximize("chsh", sb.Quantum()),  # type: ignore[arg-type]
        lambda: sb.maximize(CHSH, "quantum"),  # type: ignore[arg-type]
        lambda: sb.maximize(CHSH, sb.Quantum),  # type: ignore[arg-type]
        lambda: sb.maximize(CHSH, sb.Quantum(), "correlators"),  # type: ignore[arg-type]
        lambda: sb.maximize(CHSH, sb.NoSignaling(), tolerance=float("nan")),
        lambda: sb.maximize(CHSH, sb.Quantum("1"), tolerance=-1.0),
        lambda: sb.maximize(CHSH, sb.Quantum("1"), tolerance="a"),  # type: ignore[arg-type]
        lambda: sb.Clarabel(time_limit=0.0),
        lambda: sb.maximize(CHSH, sb.Local(), solver="bogus"),
        lambda: sb.maximize(CHSH, sb.Local(), solver=3),  # type: ignore[arg-type]
        lambda: sb.maximize(CHSH, sb.Local(), tolerance=float("nan")),
        lambda: sb.guessing_probability(MEMBER, sb.Quantum()),  # type: ignore[arg-type]
        lambda: sb.guessing_probability(None, sb.Quantum()),  # type: ignore[arg-type]
        lambda: sb.blind_guessing_probability(CORRELATED, None),  # type: ignore[arg-type]
        lambda: sb.key_rate(MEMBER, entropy="min"),  # type: ignore[arg-type]
        lambda: sb.key_rate(MEMBER, entropy=[]),  # type: ignore[arg-type]
        lambda: sb.key_rate(None),  # type: ignore[arg-type]
        lambda: sb.key_rate(MEMBER, entropy=sb.MinEntropy(sb.Quantum)),  # type: ignore[arg-type]
        lambda: sb.error_correction(None, 0, 0),  # type: ignore[arg-type]
        lambda: sb.find_self_test(None),  # type: ignore[arg-type]
        lambda: sb.Behaviour(MEMBER.p, "abc"),  # type: ignore[arg-type]
        lambda: sb.Behaviour.uniform(None),  # type: ignore[arg-type]
        lambda: sb.Behaviour.from_correlators("abc"),
        lambda: sb.BellExpression.from_correlators([["a", 1], [1, 1]]),
        lambda: sb.BellExpression.from_correlators([[1, 1], [1, -1]], constant="x"),  # type: ignore[arg-type]
        lambda: sb.BellExpression.from_correlators([[1e200, 1], [1, -1]]),
        lambda: sb.BellExpression.from_probabilities(None),  # type: ignore[arg-type]
        lambda: sb.Observations.bell_value(CHSH, 2.0, "abc"),  # type: ignore[arg-type]
        lambda: sb.Observations.bell_value(CHSH, 2.0, -1.0),
        lambda: sb.Observations.bell_values(None),  # type: ignore[arg-type]
        lambda: sb.Observations.correlators(MEMBER, settings=[1, 2]),  # type: ignore[list-item]
        lambda: sb.Observations.full(None),  # type: ignore[arg-type]
        lambda: sb.Scenario.bipartite(2, 2, 1.5),  # type: ignore[arg-type]
        lambda: sb.Scenario.bipartite("a", 2),  # type: ignore[arg-type]
        lambda: sb.Scenario(((2,),) * 9),
        lambda: CHSH.permute_settings(0, None),  # type: ignore[arg-type]
        lambda: CHSH.permute_settings(7, (0, 1)),
        lambda: CHSH.permute_outcomes(0, 9, (0, 1)),
        lambda: sb.SingletSelfTest("a", 0, 0),  # type: ignore[arg-type]
        lambda: sb.find_self_test(EXACT).entropy(7),  # type: ignore[union-attr]
        lambda: sb.find_self_test(EXACT).entropy(0, blind=True),  # type: ignore[union-attr]
    ],
)
def test_wrong_arguments_get_one_of_our_errors(call: Any) -> None:
    with pytest.raises(sb.SdpboundError) as caught:
        call()
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
