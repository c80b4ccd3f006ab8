"""The second checker on steep functionals: its bounds against explicit states, and certificates of lossy keys."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest

from sdpbound.errors import CertificateError
from sdpbound.recheck import recheck
from sdpbound.recheck.answer import Budget
from sdpbound.recheck.arcs import ArcSearch
from sdpbound.recheck.climbing import Climber, values_of
from sdpbound.recheck.matrices import Real, certain, scalar, symmetric
from sdpbound.recheck.qubits import AngleSearch, Corner

FOLDER = Path(__file__).parents[1] / "reference" / "steep"
FLIPS = (np.sqrt(np.diag([0.9, 0.9, 0.1, 0.1])), np.sqrt(np.diag([0.1, 0.1, 0.9, 0.9])))
BITS = (np.eye(4)[:, :2], np.eye(4)[:, 2:])


def certificate(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def entropy(state: np.ndarray, outcomes: tuple[np.ndarray, ...]) -> float:
    """``sum_i S(W_i^T r W_i) - S(r)`` in nats, of a state of any weight."""

    def s(matrix: np.ndarray) -> float:
        values = np.clip(np.linalg.eigvalsh(matrix), 1e-300, None)
        return float(-(values * np.log(values)).sum())

    return sum(s(w.T @ state @ w) for w in outcomes) - s(state)


def drawn(rng: np.random.Generator, rank: int) -> np.ndarray:
    factor = rng.normal(size=(4, rank))
    return np.asarray(factor @ factor.T / np.trace(factor @ factor.T))


def operator(table: np.ndarray, a: float, b: float) -> np.ndarray:
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    parties = [[np.eye(2), z, math.cos(t) * z + math.sin(t) * x] for t in (a, b)]
    return np.asarray(sum(table[i, j] * np.kron(parties[0][i], parties[1][j]) for i in range(3) for j in range(3)))


@pytest.mark.parametrize("outcomes", [FLIPS, BITS])
def test_states_make_bounds(outcomes: tuple[np.ndarray, ...]) -> None:
    """The largest eigenvalue of K + C(r) is above all ``Tr K rho - H(rho)``, and near the most for r's own K."""
    rng = np.random.default_rng(7)
    climber = Climber([1.0] * len(outcomes), [w.T.tolist() for w in outcomes])
    for tau in (1e-3, 1e-7):
        k = rng.normal(size=(4, 4)) * 5
        k = k + k.T
        place = climber.climbed(k.tolist(), tau)
        curve = np.array(climber.curvature(place.logarithms(0.0)))
        most = np.linalg.eigvalsh(k + curve)[-1]
        assert place.least - 1e-9 <= most <= place.least + 40 * tau
        for rank in (1, 2, 4, 4, 1, 2):
            rho = drawn(rng, rank)
            other = k + rng.normal(size=(4, 4)) * 0.1
            other = (other + other.T) / 2
            assert np.trace(other @ rho) - entropy(rho, outcomes) <= np.linalg.eigvalsh(other + curve)[-1] + 1e-9
            assert np.trace(k @ rho) - entropy(rho, outcomes) <= most + 1e-9


def search(table: np.ndarray, ceiling: float) -> ArcSearch:
    terms = {(i, j): flint.arb(float(v)) for (i, j), v in np.ndenumerate(table) if v}
    return ArcSearch(terms, [Real(w.tolist()) for w in FLIPS], flint.arb(ceiling), (True, True), True)


def test_no_ceiling_below_an_explicit_value_is_proven() -> None:
    """Of random functionals a cell is proven just above the largest value found in it, and not below."""
    rng = np.random.default_rng(3)
    for _ in range(2):
        table = rng.normal(size=(3, 3))
        table[0, 0] = 0.0
        climber = search(table, 0.0).climber
        angles = (Fraction(5, 32), Fraction(6, 32)), (Fraction(20, 32), Fraction(21, 32))
        found = max(
            climber.climbed(operator(table, a, b).tolist(), 1e-8).least
            for a in math.pi * np.linspace(5 / 32, 6 / 32, 3)
            for b in math.pi * np.linspace(20 / 32, 21 / 32, 3)
        )
        search(table, found + 2e-2).run([angles], Budget())
        middle = climber.climbed(operator(table, 11 * math.pi / 64, 41 * math.pi / 64).tolist(), 1e-8).least
        with pytest.raises(CertificateError, match="explicit pair of qubits"):
            search(table, middle - 0.01).run([angles], Budget())


def test_a_state_a_rounding_away_is_judged_by_proof() -> None:
    """Just below its value a ceiling is exceeded, just above it is not; floats see no difference between the two."""
    rng = np.random.default_rng(5)
    table = 20 * rng.normal(size=(3, 3))
    a, b = Fraction(3, 16), Fraction(9, 16)
    k = operator(table, math.pi * 3 / 16, math.pi * 9 / 16)
    made = search(table, 0.0)
    place = made.climber.climbed(k.tolist(), 1e-6)
    with flint.ctx.workprec(128):
        state = symmetric(place.logarithms(1e-13)[0]).exp()
    rho = np.array([[float(v) for v in row] for row in state.tolist()])
    value = float(np.trace(k @ rho) - entropy(rho, FLIPS)) / np.trace(rho)
    assert value == pytest.approx(place.least, abs=1e-3)
    low, high = Fraction(value) - Fraction(1, 2**30), Fraction(value) + Fraction(1, 2**30)
    for _ in range(60):  # to 2^-89, where floats have 2^-47
        middle = (low + high) / 2
        with flint.ctx.workprec(128):
            ceiling = flint.arb(flint.fmpq(middle.numerator, middle.denominator))
        made = replace(search(table, 0.0), ceiling=ceiling)
        low, high = (middle, high) if made.exceeded(place, a, b) else (low, middle)
    assert high - low < Fraction(1, 2**88) and float(low) == float(high) == pytest.approx(value, abs=1e-11)


def test_a_corner_that_floats_call_too_high_is_judged_by_proof() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4, 4))
    x = (x + x.T) / 2
    k = operator(rng.normal(size=(3, 3)), 0.3, 1.1)
    values, vectors = np.linalg.eigh(x)
    rho = vectors @ np.diag(np.exp(values)) @ vectors.T
    value = float((np.trace(k @ rho) - entropy(rho, FLIPS)) / np.trace(rho))
    outcomes = [(flint.arb(1), Real(w.tolist())) for w in FLIPS]
    corner = Corner(Real(k.tolist()), outcomes, Real(4, 4), highest=Real(x.tolist()), below=math.inf)
    for step, answer in ((-1e-11, True), (1e-11, False)):
        made = AngleSearch({}, lambda _a, _b: outcomes, flint.arb(value + step), (True, True))
        with flint.ctx.workprec(160):
            assert made.exceeded(corner) == answer


def test_what_is_positive() -> None:
    with flint.ctx.workprec(128):
        matrix = symmetric([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
        low = min(values_of([[float(v) for v in row] for row in matrix.tolist()]))
        assert low == pytest.approx(2 - math.sqrt(2), abs=1e-14)
        for size, answer in ((low - 1e-12, True), (low + 1e-12, False), (3.0, False)):
            assert certain(matrix - scalar(flint.arb(size), 3)) == answer
        assert not certain(matrix + Real(3, 3, [flint.arb(0, 1)] * 9))


def raised(entry: dict[str, Any], step: float) -> dict[str, Any]:
    changed = copy.deepcopy(entry)
    changed["claim"]["value"] += step
    changed["claim"]["functional"]["constant"] += step
    return changed


@pytest.mark.parametrize(
    ("name", "step"),
    [pytest.param("flips", 2e-6, marks=pytest.mark.slow), ("channel", 2e-6), ("steepest", 3.7e-5)],
)
def test_claims_that_some_qubits_exceed_are_refused(name: str, step: float) -> None:
    """An explicit state has the entropy of the functional to 0.94e-6, 0.88e-6 and 3.5e-5 bits: 1e-6 above is false."""
    assert "explicit pair of qubits" in recheck(raised(certificate(name), step)).reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no_flips", "steepest"])
def test_lossy_keys_that_touch_along_lines(name: str) -> None:
    """Without flips at an efficiency of 0.8763; with flips at 0.8421, where multipliers are 370 bits."""
    found = recheck(certificate(name))
    assert found.holds, found.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flips", "channel"])
def test_another_multiplier_is_not_proven(name: str) -> None:
    other = certificate(name)
    for multipliers in (other["proof"]["multipliers"], other["claim"]["functional"]["multipliers"]):
        multipliers[5] *= 1.001
    assert not recheck(other, time_limit=170).holds
