"""What stands behind the proofs: a broken checker contradicts itself, hostile files end soon, and ours verify."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import sdpbound as sb
from sdpbound.checker import (
    Checker,
    boxes,
    chsh_entropy,
    finite,
    kinds,
    mixtures,
    qubit,
    qubit_correlators,
    qubit_search,
    strategies,
)
from sdpbound.checker import bound as bound_module
from sdpbound.checker.scenario import Scenario
from sdpbound.cli import app
from sdpbound.entropies.self_test import find_self_test
from sdpbound.errors import CertificateError, InvalidParameter
from tests.golden_certificates import golden

CHSH = [[0, 0, 0], [0, 1, 1], [0, 1, -1]]
BINARY = [[2, 2], [2, 2]]


def question(figure: dict[str, Any], **more: Any) -> dict[str, Any]:
    entries = {"scenario": {"outcomes": BINARY}, "figure": figure, "side": "lower", "observed": []}
    return {**entries, "model": {"kind": "quantum", "level": "1"}, **more}


def entropy(x: int = 0, y: int | None = None, flips: float = 0) -> dict[str, Any]:
    return {"kind": "conditional_entropy", "x": x, "y": y, "preprocessing": flips}


def certificate(asked: dict[str, Any], proof: dict[str, Any], value: Any, constant: Any, slopes: Any) -> dict[str, Any]:
    claim = {"value": value, "functional": {"constant": constant, "multipliers": slopes}}
    head = {"format": "sdpbound certificate", "version": 1, "created_by": "test_checker_defence"}
    return {**head, "question": asked, "proof": proof, "claim": claim}


def stronger(name: str, by: float) -> dict[str, Any]:
    """A golden certificate that claims more."""
    found = golden(name)
    sign = -1.0 if found["question"]["side"] == "upper" else 1.0
    found["claim"]["value"] += sign * by
    if "functional" in found["claim"]:
        found["claim"]["functional"]["constant"] += sign * by
    return found


# --- a checker that is broken says so --------------------------------------------------------------------------------


def _too_low(right: Callable[..., Any], by: Fraction = Fraction(1, 4)) -> Callable[..., Any]:
    return lambda *given: right(*given) - by


BROKEN = [
    ("bell_quantum_chsh_upper", bound_module, "copy_charges", lambda f: lambda *a: (c - 1 for c in f(*a))),
    ("bell_quantum_i3322_lower", bound_module, "copy_charges", lambda f: lambda *a: (c - 1 for c in f(*a))),
    ("bell_no_signaling_chsh_upper", bound_module, "copy_charges", lambda f: lambda *a: (c - 1 for c in f(*a))),
    ("bell_quantum_mermin_upper", bound_module, "copy_charges", lambda f: lambda *a: (c - 1 for c in f(*a))),
    ("separation_quantum_chsh", bound_module, "copy_charges", lambda f: lambda *a: (c - 2 for c in f(*a))),
    ("guess_local_quantum", bound_module, "copy_charges", lambda f: lambda *a: (c - Fraction(1, 4) for c in f(*a))),
    (
        "guess_blind_no_signaling",
        bound_module,
        "copy_charges",
        lambda f: lambda *a: (c - Fraction(1, 4) for c in f(*a)),
    ),
    ("entropy_projective_chsh", bound_module, "integral_charge", _too_low),
    ("entropy_projective_three_outcomes", bound_module, "integral_charge", _too_low),
    ("entropy_gauss_radau_both_outcomes", bound_module, "gauss_radau_charge", _too_low),
    ("entropy_qubit_correlators", bound_module, "qubit_charge", lambda _: lambda *given: -given[-1]),
    ("entropy_qubit_flips", bound_module, "qubit_charge", lambda _: lambda *given: -given[-1]),
]


@pytest.mark.parametrize(("name", "module", "function", "breaks"), BROKEN, ids=[row[0] for row in BROKEN])
def test_explicit_strategies_contradict_a_broken_checker(
    name: str, module: Any, function: str, breaks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charge of the proof is too low by a quarter or more, and the claim asks for that."""
    by = {"separation_quantum_chsh": 2.0, "entropy_qubit_flips": 0.2}.get(
        name, 1.0 if name.startswith("bell") else 0.25
    )
    false = stronger(name, by * (1 - 1e-9))
    with pytest.raises(CertificateError, match=r"does not prove|above the entropy|too close"):
        sb.verify(false)
    monkeypatch.setattr(module, function, breaks(getattr(module, function)))
    with pytest.raises(CertificateError, match="checker itself is at fault"):
        sb.verify(false)


def test_a_min_entropy_is_contradicted(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "min_entropy_local_quantum"
    monkeypatch.setattr(bound_module, "copy_charges", lambda *a: iter([Fraction(1, 2)]))
    false = golden(name)
    false["proof"]["multipliers"] = [0] * len(false["proof"]["multipliers"])
    false["claim"] = {"value": 0.99, "functional": {"constant": 0.99, "multipliers": false["proof"]["multipliers"]}}
    with pytest.raises(CertificateError, match="checker itself is at fault"):
        sb.verify(false)


def test_boxes_are_contradicted_by_a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (("boxes_joint_guess_table", "_joint"), ("boxes_depolarised_distance", "_depolarised")):
        right = getattr(boxes, kind)

        def lower(*given: Any, right: Callable[..., Any] = right) -> tuple[Fraction, Fraction]:
            bound, least = right(*given)
            return bound - Fraction(1, 2), least

        monkeypatch.setattr(boxes, kind, lower)
        with pytest.raises(CertificateError, match="checker itself is at fault"):
            sb.verify(golden(name))


def test_splits_of_boxes_are_tight_where_they_are_known() -> None:
    """One isotropic box: Eve knows the outcome with probability 4 times the error, and guesses 1/2 else."""
    for name in ("boxes_depolarised_guess_xor", "boxes_joint_guess_one"):
        root = golden(name)
        kind = {"joint": boxes._joint, "depolarised": boxes._depolarised}[root["question"]["boxes"]["kind"]]
        bound, least = kind(root["question"], False, root["proof"]["weights"], root["proof"]["denominator"])
        assert Fraction(1, 2) < least <= bound
    assert least == bound == Fraction(7, 10)


def test_a_length_is_contradicted_by_local_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A functional that gives local devices entropy: the trial does not trust it."""
    root = golden("finite_key_classical")

    def generous(*given: Any) -> tuple[Fraction, list[str]]:
        return Fraction(10**9), []

    monkeypatch.setattr(finite, "_length", generous)
    assert sb.verify(root).holds  # the honest threshold is out of reach for local devices
    root["claim"]["threshold"] = -10.0
    with pytest.raises(CertificateError, match="deterministic devices"):
        sb.verify(root)


def test_an_attack_is_contradicted_by_its_own_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    root = golden("attack_entropy_chsh")
    right = mixtures.entropy
    monkeypatch.setattr(mixtures, "entropy", lambda matrix: 3 * right(matrix) + 1)
    with pytest.raises(CertificateError, match="checker itself is at fault"):
        sb.verify(root)


def test_a_formula_is_contradicted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = chsh_entropy._line

    def higher(*given: Any) -> Any:
        line, least = right(*given)
        return type(line)(line.height + flint.arb(1) / 4, line.slope, line.place), least

    monkeypatch.setattr(chsh_entropy, "_line", higher)
    with pytest.raises(CertificateError, match="checker itself is at fault"):
        sb.verify(stronger("closed_chsh", 0.24))


def test_strategies_are_what_they_say() -> None:
    """Moments, entropies and guesses of the trial's strategies against matrices in numpy."""
    scenario = Scenario(((2, 3), (3, 2)))
    pauli = [np.eye(2), np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])]
    seen = 0
    for plan in strategies.plans_of(scenario):
        if plan.kind != "qubits":
            continue
        strategy = strategies.ExplicitStrategy(plan, scenario, strategies.FLOATS)
        t, u = (math.pi * float(angle) for angle in plan.angles)
        c, s, d, e = math.cos(t), math.sin(t), math.cos(u), math.sin(u)
        vectors = [[c, 0, 0, s], [s, 0, 0, -c], [0, d, e, 0], [0, e, -d, 0]]
        weights = [float(w) for w in plan.weights]
        rho = sum(w * np.outer(v, v) for w, v in zip(weights, vectors, strict=False))
        effects = []
        for party, counts in enumerate(scenario.outcomes):
            effects.append([])
            for setting, count in zip(plan.settings[party], counts, strict=True):
                own = [np.zeros((2, 2)) for _ in range(count)]
                if len(setting.outcomes) == 1:
                    own[setting.outcomes[0]] = np.eye(2)
                else:
                    angle = math.pi * float(setting.angle)
                    direction = math.cos(angle) * pauli[1] + math.sin(angle) * pauli[2]
                    for sign, outcome in zip((1, -1), setting.outcomes, strict=True):
                        own[outcome] = (np.eye(2) + sign * direction) / 2
                effects[party].append(own)
        for x in range(2):
            for y in range(2):
                p = [[np.trace(rho @ np.kron(m, n)) for n in effects[1][y]] for m in effects[0][x]]
                assert np.allclose(strategy.outcomes((x, y)), np.ravel(p))
            for y in (None, 0, 1):
                pairs = [np.kron(m, np.eye(2)) for m in effects[0][x]]
                if y is not None:
                    pairs = [np.kron(m, n) for m in effects[0][x] for n in effects[1][y]]
                root = np.linalg.cholesky(rho + 1e-14 * np.eye(4))
                spectra = [np.linalg.eigvalsh(root.T @ m @ root) for m in pairs]
                exact = sum(map(_von_neumann, spectra)) - _von_neumann(np.linalg.eigvalsh(rho))
                assert strategy.entropy((x, y), Fraction(0)) == pytest.approx(exact, abs=1e-6)
                seen += 1
        first = strategy.moment((1, 0))
        assert first == pytest.approx(np.trace(rho @ np.kron(effects[0][0][0] - effects[0][0][1], np.eye(2))))
        assert strategy.moment((1, 3)) == pytest.approx(
            np.trace(rho @ np.kron(effects[0][0][0] - effects[0][0][1], effects[1][1][0] - effects[1][1][1]))
        )
    assert seen > 500


def _von_neumann(spectrum: Any) -> float:
    return float(-sum(p * math.log2(p) for p in spectrum if p > 1e-13))


def test_no_signaling_strategies_are_boxes() -> None:
    """Non-negative and normalised; among them the boxes with CHSH 4 and -4."""
    scenario = Scenario(((2, 2), (2, 2)))
    values = []
    for plan in strategies.boxes_of(scenario):
        strategy = strategies.ExplicitStrategy(plan, scenario, strategies.BALLS)
        for x in range(2):
            for y in range(2):
                table = strategy.outcomes((x, y))
                assert all(p >= 0 for p in table) and sum(table) == 1
        values.append(
            sum(sign * strategy.moment(i) for i, sign in (((1, 1), 1), ((1, 2), 1), ((2, 1), 1), ((2, 2), -1)))
        )
    assert 4 in values and -4 in values


# --- numbers that drown others ---------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(-300, 199), st.integers(-180, 180), st.integers(-(2**40), 2**40))
def test_a_file_says_the_same_in_other_units(size: int, power: int, shift: int) -> None:
    """A test with a constant and a factor of its own has the same verdict; a false claim does not become true."""
    root = golden("entropy_qubit_chsh")
    observed, claim = root["question"]["observed"][0], root["claim"]["functional"]
    unit, constant = Fraction(2) ** power, Fraction(shift) * Fraction(2) ** min(size, 150)
    slope = Fraction(root["proof"]["multipliers"][0])

    def text(value: Fraction) -> str:
        return f"{value.numerator}/{value.denominator}"

    table = [[Fraction(v) * unit for v in row] for row in observed["coefficients"]]
    table[0][0] += constant
    observed["coefficients"] = [[text(v) for v in row] for row in table]
    observed["value"] = text(Fraction(observed["value"]) * unit + constant)
    observed["tolerance"] = text(Fraction(observed["tolerance"]) * unit)
    root["proof"]["multipliers"] = [text(slope / unit)]
    told = Fraction(claim["multipliers"][0]) / unit
    claim["multipliers"] = [text(told)]
    claim["constant"] = text(Fraction(claim["constant"]) - told * constant)
    try:
        found = sb.verify(root)
    except CertificateError as error:  # too long for a rational, or too large or small a number
        assert "expected" in str(error) or "refused" in str(error)
        return
    assert found.value == golden("entropy_qubit_chsh")["claim"]["value"] or found.holds
    claim["constant"] = text(Fraction(claim["constant"]) + Fraction(1, 100))
    root["claim"]["value"] += 0.01
    with pytest.raises(CertificateError):
        sb.verify(root)


def test_precision_rises_where_balls_are_too_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    root = golden("entropy_qubit_chsh_maximum")
    monkeypatch.setattr(qubit_search, "MOST_CELLS", 1000)
    monkeypatch.setattr(qubit, "PRECISION", 20)
    assert sb.verify(root).holds
    monkeypatch.setattr(qubit, "DOUBLINGS", 0)
    with pytest.raises(CertificateError, match="too close"):
        sb.verify(root)


def test_a_constant_alone_as_a_test() -> None:
    """It tests nothing; its value may be wrong by its tolerance at most, and what it is multiplied with is exact."""
    observed = [{"coefficients": [["1/3", 0, 0], [0] * 3, [0] * 3], "value": "1/3", "tolerance": 0}]
    asked = question(entropy(), observed=observed)
    made = certificate(asked, {"method": "qubit", "multipliers": [3]}, 0.0, 1, [-3])
    assert sb.verify(made).value == 0.0
    made["claim"]["functional"]["constant"] = 1.0001
    with pytest.raises(CertificateError, match="recomputed one"):
        sb.verify(made)


# --- ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bell_quantum_chsh_upper", 4.01),
        ("bell_local_i3322_lower", -100.0),
        ("guess_local_quantum", 1.001),
        ("guess_local_quantum", 0.49),
        ("guess_global_quantum", 1.5),
        ("guess_blind_local", 2.0),
        ("min_entropy_local_quantum", -0.1),
        ("min_entropy_global_quantum", 2.1),
        ("entropy_projective_chsh", -0.001),
        ("entropy_gauss_radau_both_outcomes", 2.1),
        ("entropy_qubit_correlators", 1.1),
        ("closed_self_test_local_bell", -0.5),
        ("closed_self_test_global_bell", 2.5),
        ("closed_chsh", -1.0),
        ("boxes_joint_guess_one", 1.2),
        ("boxes_joint_distance_table", 0.9),
        ("boxes_depolarised_distance", 1.0),
        ("attack_entropy_chsh", 1.1),
        ("attack_information", 1.5),
        ("finite_key_classical", 1e20),
    ],
)
def test_claims_out_of_range_are_refused(name: str, value: float) -> None:
    """Also where the bound is true and says nothing."""
    root = golden(name)
    root["claim"]["value"] = value
    with pytest.raises(CertificateError, match="out of range"):
        sb.verify(root)


def test_honest_devices_of_a_length_exist() -> None:
    root = golden("finite_key_classical")
    p = root["question"]["behaviour"]
    p[0][0][0][0], p[1][0][0][0] = p[0][0][0][0] + 0.01, p[1][0][0][0] - 0.01
    with pytest.raises(CertificateError, match="signals"):
        sb.verify(root)
    root = golden("finite_key_classical")
    p = root["question"]["behaviour"]
    p[0][0][0][0], p[1][0][0][0] = -0.01, p[1][0][0][0] + p[0][0][0][0] + 0.01
    with pytest.raises(CertificateError, match="below 0"):
        sb.verify(root)


@pytest.mark.parametrize("name", ["finite_randomness_both", "finite_randomness_local", "finite_key_negative"])
def test_a_claim_is_read_by_its_names(name: str) -> None:
    """The entries in reverse, and the numbers with them: the file claims ten times the bits that its rounds have."""
    root = golden(name)
    claim = root["claim"]
    root["claim"] = {"most_tests": claim["value"], "threshold": claim["threshold"], "value": 1e10}
    with pytest.raises(CertificateError):
        sb.verify(root)


def test_the_trivial_proof_proves_the_trivial_bound() -> None:
    trivial = {"method": "trivial", "multipliers": []}
    assert sb.verify(certificate(question(entropy()), trivial, 0.0, 0.0, [])).value == 0.0
    flipped = sb.verify(certificate(question(entropy(flips=0.1)), trivial, 0.46, 0.46, []))
    assert flipped.value == pytest.approx(-0.1 * math.log2(0.1) - 0.9 * math.log2(0.9))
    guess = {"kind": "guessing_probability", "x": 0, "y": 1}
    assert sb.verify(certificate(question(guess, side="upper"), trivial, 1.0, 1.0, [])).value == 1.0
    with pytest.raises(CertificateError, match="recomputed"):
        sb.verify(certificate(question(entropy()), trivial, 1e-9, 1e-9, []))
    with pytest.raises(CertificateError, match="proves nothing"):
        figure = {"kind": "bell_value", "coefficients": CHSH}
        sb.verify(certificate(question(figure, side="upper"), trivial, 4.0, 4.0, []))
    observed = [{"coefficients": CHSH, "value": 2.5, "tolerance": 0}]
    with pytest.raises(CertificateError, match="must be 0"):
        made = question(entropy(), observed=observed)
        sb.verify(certificate(made, {"method": "trivial", "multipliers": [1]}, 0.0, 0.0, [-1]))


def test_a_self_test_is_about_data_known_well_in_units_of_their_expression() -> None:
    """CHSH = 2.8 times 2e-11, known to 1e-12: far from a self-test, and the library says the same."""
    root = golden("closed_self_test_local_bell")
    scale = 2e-11
    table = [[scale * c for c in row] for row in CHSH]
    root["question"]["observed"] = [{"coefficients": table, "value": 2.8 * scale, "tolerance": 1e-12}]
    with pytest.raises(CertificateError, match="prove no entropy"):
        sb.verify(root)
    expression = sb.BellExpression(sb.Scenario.bipartite(2, 2), np.array(table))
    assert find_self_test(sb.Observations.bell_value(expression, 2.8 * scale)) is None


def test_a_formula_for_data_of_no_device_is_refused() -> None:
    root = golden("closed_chsh")
    root["question"]["observed"][0]["value"] = 3.0
    with pytest.raises(CertificateError, match="no quantum device has"):
        sb.verify(root)


# --- files that exhaust or crash -------------------------------------------------------------------------------------


def _chsh_with_flips(multiplier: float, constant: float = 0.5) -> dict[str, Any]:
    observed = [{"coefficients": [[0, 0, 0], [1, 1, 1], [0, 1, -1]], "value": 2.5, "tolerance": 0}]
    proof = {"method": "qubit", "multipliers": [multiplier]}
    return certificate(question(entropy(flips=0.05), observed=observed), proof, 0.0, constant, [-multiplier])


def _radau() -> dict[str, Any]:
    words = [[[1], []]] * 2048
    proof = {"multipliers": [], "gauss_radau": 128, "words": words, "left": words, "right": words, "factor": []}
    return certificate(question(entropy()), {**proof, "blocks": [[]] * 256}, 0.0, 0.0, [])


def _local(outcomes: list[list[int]], figure: dict[str, Any]) -> dict[str, Any]:
    asked = question(figure, side="upper", scenario={"outcomes": outcomes}, model={"kind": "local"})
    return certificate(asked, {"multipliers": [], "copies": []}, 1.0, 1.0, [])


def _attack(dimension: int, outcomes: int, strategies: int) -> dict[str, Any]:
    size = dimension**2
    state = {"real": [[float(i == j) for j in range(size)] for i in range(size)], "imaginary": None}
    effect = {"real": [[float((3 * i + j) % 7) for j in range(dimension)] for i in range(64)], "imaginary": None}
    one = {
        "dimensions": [dimension, dimension],
        "state": state,
        "measurements": [[[effect] * outcomes for _ in range(2)] for _ in range(2)],
    }
    proof = {"strategies": [one] * strategies, "weights": [1] * strategies, "adjusted": [], "groups": None}
    asked = question(entropy(), side="upper", scenario={"outcomes": [[outcomes] * 2] * 2}, model={"kind": "quantum"})
    head = {"format": "sdpbound certificate", "version": 1, "created_by": "test", "question": asked}
    return {**head, "proof": proof, "claim": {"value": 1.0}}


def _complex(made: dict[str, Any]) -> dict[str, Any]:
    (strategy,) = made["proof"]["strategies"]
    strategy["state"]["imaginary"] = strategy["state"]["real"]
    return made


BLIND = {"kind": "blind_guessing_probability", "x": 0, "y": 0}
EXHAUSTING: dict[str, Callable[[], dict[str, Any]]] = {
    "multipliers of 1e10": lambda: _chsh_with_flips(1e10),
    "multipliers of 1e10 where the claim is true": lambda: _chsh_with_flips(-1e10, -3.2e10),
    "multipliers of -1e50": lambda: _chsh_with_flips(-1e50),
    "words of Gauss-Radau": _radau,
    "functionals of a blind guess": lambda: _local([[2] * 9, [16] + [2] * 12], BLIND),
    "strategies": lambda: _local([[2] * 23, [2] * 23], {"kind": "bell_value", "coefficients": [[1] * 24] * 24}),
    "effects of an attack": lambda: _attack(8, 2, 1),
    "long numbers of a local question": lambda: _local(
        [[2] * 21, [2] * 63],
        {
            "kind": "bell_value",
            "coefficients": [[f"1/{10**300 + 2 * i * j + 1}" for i in range(64)] for j in range(22)],
        },
    ),
    "complex numbers of an attack": lambda: _complex(_attack(4, 6, 1)),
    "strategies of an attack": lambda: _attack(2, 4, 4096),
}


@pytest.mark.parametrize("name", EXHAUSTING)
def test_work_is_counted_before_it_is_done(name: str) -> None:
    made = EXHAUSTING[name]()
    begun = time.process_time()
    with pytest.raises(CertificateError):
        sb.verify(made)
    assert time.process_time() - begun < 10.0


def test_trials_of_large_scenarios_take_little() -> None:
    """Half a million outcomes: the strategies would take gigabytes."""
    guess = {"kind": "guessing_probability", "x": 0, "y": None}
    asked = question(guess, side="upper", scenario={"outcomes": [[2, 500_000], [1]]})
    begun = time.process_time()
    assert sb.verify(certificate(asked, {"method": "trivial", "multipliers": []}, 1.0, 1.0, []), memory_limit=5e8).holds
    assert time.process_time() - begun < 5.0


def test_a_search_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qubit_correlators.CorrelatorDual, "most_steps", 100)
    with pytest.raises(CertificateError, match="more than 100 steps"):
        sb.verify(golden("entropy_qubit_correlators"))


def _finite(name: str, changes: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    root = golden(name)
    changes(root)
    return root


TRACEBACKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an attack as the entropy": lambda c: c["proof"].update(entropy=golden("attack_entropy_chsh")),
    "a closed self-test as the entropy": lambda c: c["proof"].update(entropy=golden("closed_self_test_local_bell")),
    "boxes as the entropy": lambda c: c["proof"].update(entropy=golden("boxes_joint_guess_one")),
    "a length as the entropy": lambda c: c["proof"].update(entropy=golden("finite_key_classical")),
    "boxes as the least value": lambda c: c["proof"].update(least=golden("boxes_joint_guess_one")),
    "a length as the least value": lambda c: c["proof"].update(least=golden("finite_key_classical")),
    "a closed form as the largest value": lambda c: c["proof"].update(most=golden("closed_chsh")),
    "an attack as the largest value": lambda c: c["proof"].update(most=golden("attack_entropy_chsh")),
    "nothing as the least value": lambda c: c["proof"].update(least=None),
    "text as the entropy": lambda c: c["proof"].update(entropy="a"),
    "a list as the entropy's question": lambda c: c["proof"]["entropy"].update(question=[]),
    "a tiny test probability": lambda c: c["proof"]["accumulation"].update(gamma="1/1" + "0" * 390),
    "the smallest float": lambda c: c["proof"]["accumulation"].update(gamma=5e-324),
    "no tests": lambda c: c["proof"].update(distribution=[[0, 0, 0], [0, 0, 0]]),
}


@pytest.mark.parametrize("name", TRACEBACKS)
def test_odd_parts_of_lengths_are_refused(name: str) -> None:
    with pytest.raises(CertificateError):
        sb.verify(_finite("finite_key_classical", TRACEBACKS[name]))


def test_what_no_reading_foresaw_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any) -> None:
        raise ZeroDivisionError("singular")

    broken = replace(kinds.KINDS[-1], verify=fails)
    monkeypatch.setattr(kinds, "KINDS", (broken,))
    with pytest.raises(CertificateError, match="ZeroDivisionError"):
        sb.verify(golden("bell_local_chsh_upper"))


def _slow(tmp_path: Path) -> Path:
    made = _local([[2] * 21, [2] * 21], {"kind": "bell_value", "coefficients": [[1] * 22] * 22})
    file = tmp_path / "slow.json"
    file.write_text(json.dumps(made), encoding="utf-8")
    return file


def test_limits_end_a_check(tmp_path: Path) -> None:
    slow, good = _slow(tmp_path), tmp_path / "good.json"
    good.write_text(json.dumps(golden("bell_local_chsh_upper")), encoding="utf-8")
    large = tmp_path / "large.json"
    large.write_text("[" + ",".join(f'"{i}"' for i in range(6_000_000)) + "]", encoding="utf-8")
    begun = time.monotonic()
    with Checker(time_limit=0.5, memory_limit=1e8) as checker:
        assert checker.check(slow).stage == "ended"
        assert checker.check(large).stage == "ended"
        answer = checker.check(good)  # a new process goes on
        assert answer.stage == "checked" and answer.found is not None and answer.found.value == 2.0
        assert checker.verify(good).holds
        assert checker.check(tmp_path / "none.json").stage == "unreadable"
        with pytest.raises(CertificateError, match=r"more than 0\.5 s"):
            checker.verify(slow)
        false = golden("bell_local_chsh_upper")
        false["claim"]["value"] = 1.9
        with pytest.raises(CertificateError, match="does not prove"):
            checker.verify(false)
        assert not checker.verify(false, strict=False).holds
    assert time.monotonic() - begun < 30.0
    assert sb.verify(good, time_limit=30.0).holds
    assert sb.verify(good, memory_limit=1e9).holds
    for limits in ((0.0, 1e9), (1.0, math.nan), (-1.0, 1e9)):
        with pytest.raises(InvalidParameter, match="positive"):
            Checker(*limits)


def test_limits_on_the_command_line(tmp_path: Path) -> None:
    slow, run = _slow(tmp_path), CliRunner()
    found = run.invoke(app, ["verify", str(slow), "--time-limit", "0.5"])
    assert found.exit_code == 2 and "not checked" in found.output and "more than 0.5 s" in found.output
    good = tmp_path / "good.json"
    good.write_text(json.dumps(golden("bell_local_chsh_upper")), encoding="utf-8")
    assert run.invoke(app, ["verify", str(good), "--time-limit", "inf", "--memory-limit", "0.5"]).exit_code == 0
    for option in ("--time-limit=0", "--memory-limit=-1", "--time-limit=nan", "--memory-limit=a"):
        assert isinstance(run.invoke(app, ["verify", str(good), option]).exception, InvalidParameter)


# --- what is issued verifies -----------------------------------------------------------------------------------------

_SELF_TEST = sb.SingletSelfTest(1.0, 1.5, 2.6)
_EXPRESSION = sb.BellExpression.from_correlators([[1, 1], [1, -1]])
ISSUED = {
    "CHSH 2.3": (sb.Observations.bell_value(_EXPRESSION, 2.3), 0, None),
    "CHSH 2.7": (sb.Observations.bell_value(_EXPRESSION, 2.7), 0, None),
    "CHSH 2.82": (sb.Observations.bell_value(_EXPRESSION, 2.82), 0, None),
    "correlators, both outcomes": (sb.Observations.correlators(_SELF_TEST.behaviour(0.99)), 0, 1),
}


@pytest.mark.parametrize("name", ISSUED)
def test_the_smallest_tolerance_of_the_qubit_method_verifies(name: str) -> None:
    data, x, y = ISSUED[name]
    for tolerance in (1e-7, 3e-7):
        method = sb.VonNeumann("qubit", tolerance=tolerance)
        bound = sb.conditional_entropy(data, x, y, method, closed_forms=False)
        assert bound.certificate.verify().holds


@pytest.mark.slow
@pytest.mark.parametrize("flips", [0.0, 0.05])
def test_the_smallest_tolerance_with_marginals_verifies(flips: float) -> None:
    noise = sb.WhiteNoise(0.99) + sb.DetectionInefficiency(0.97)
    data = sb.Observations.full(_SELF_TEST.behaviour(noise=noise))
    bound = sb.conditional_entropy(data, 0, None, sb.VonNeumann("qubit", tolerance=1e-7), preprocessing=flips)
    assert bound.certificate.verify().holds


@pytest.mark.parametrize("method", [pytest.param("projective", marks=pytest.mark.slow), "gauss-radau"])
def test_the_smallest_tolerance_of_programs_verifies(method: str) -> None:
    data = ISSUED["CHSH 2.7"][0]
    asked = sb.VonNeumann(method, level="1+AB", nodes=6 if method == "gauss-radau" else None, tolerance=1e-7)
    assert sb.conditional_entropy(data, 0, None, asked, closed_forms=False).certificate.verify().holds
