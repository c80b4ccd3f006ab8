"""The qubit method on lossy published points and on random data: tight everywhere, and tighter if asked."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.qubits import least_mixture
from sdpbound.entropies.qubits.entropy import QubitEntropyBound, qubit_entropy
from sdpbound.entropies.question import EntropyQuestion

LOSSY = Path(__file__).parents[1] / "reference" / "lossy_key_rates.csv"
#: Rows whose functional touches the entropy along lines of angles, where square cells would be too many; all are slow.
HARD = (0.8763, 0.9447)
#: Seeds of all statistics of almost pure states, which Newton's method finds up to rounding and no more.
ALONE = (622, 5638, 32195)
MORE_ALONE = (
    1950, 2147, 4143, 6500, 6517, 8211, 9739, 11341, 18250, 18585, 24327, 26135, 26378, 26582, 28050, 30142,
    31788, 35329, 36449, 38750, 45190, 46100, 48684, 49187, 49631, 52040, 58087, 59971, 63687, 66062, 67116, 68109,
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A published point: partially entangled qubits, one efficiency for all detectors, full statistics, flips."""

    eta: float
    rate: float
    flip: float
    theta: float
    alice: tuple[float, ...]
    bob: tuple[float, ...]

    def behaviour(self) -> sb.Behaviour:
        state = np.zeros(4)
        state[0], state[3] = math.cos(self.theta), math.sin(self.theta)
        parties = [[self._effects(t) for t in angles] for angles in (self.alice, self.bob)]
        ideal = sb.Strategy(np.outer(state, state), (tuple(parties[0]), tuple(parties[1]))).behaviour()
        return ideal.detection_efficiency(self.eta, self.eta)

    @staticmethod
    def _effects(angle: float) -> np.ndarray:
        z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
        observable = math.cos(angle) * z + math.sin(angle) * x
        return np.array([(np.eye(2) + observable) / 2.0, (np.eye(2) - observable) / 2.0])

    def question(self) -> EntropyQuestion:
        return EntropyQuestion(sb.Observations.full(self.behaviour()), 0, None, self.flip)


def rows() -> dict[float, Row]:
    with LOSSY.open(encoding="utf-8") as file:
        found = [{key: float(value or "nan") for key, value in line.items()} for line in csv.DictReader(file)]
    made = (
        Row(r["eta"], r["published_rate"], r["flip"], r["theta"], (r["a0"], r["a1"]), (r["b0"], r["b1"])) for r in found
    )
    return {round(row.eta, 4): row for row in made}


ROWS = rows()


@pytest.mark.parametrize(
    "eta", [*HARD, *(pytest.param(eta, marks=pytest.mark.slow) for eta in ROWS if eta not in HARD)]
)
def test_lossy_points_are_tight(eta: float) -> None:
    """A tighter tolerance gives a better bound, and an explicit mixture is as near as asked."""
    question = ROWS[eta].question()
    found = [qubit_entropy(question, tolerance) for tolerance in (1e-3, 3e-4, 1e-4)]
    attack = found[-1].optimum
    assert attack is not None and attack.miss <= 1e-9
    for bound, tolerance in zip(found, (1e-3, 3e-4, 1e-4), strict=True):
        assert bound.status == "solved" and bound.gap <= tolerance
        assert attack.value - tolerance <= bound.value <= attack.value
    assert [bound.value for bound in found] == sorted(bound.value for bound in found)


@pytest.mark.parametrize("eta", HARD)
def test_lossy_bounds_are_below_a_proven_attack(eta: float) -> None:
    question = ROWS[eta].question()
    attack = sb.conditional_entropy_upper_bound(question.observed, question.x, None, question.preprocessing)
    bound = qubit_entropy(question, 1e-4)
    assert attack.exact and attack.certificate.verify().holds
    assert bound.value <= attack.value <= bound.value + 1e-4


@pytest.mark.parametrize("eta, flipped", [(0.8026, True), (0.8132, True), (0.8474, False), (0.8553, False)])
def test_few_strategies_for_many_tests_have_the_data(eta: float, flipped: bool) -> None:
    """Weights alone leave 1e-11 to 4e-10 there: no more strategies than tests. Turned strategies have the data."""
    row = ROWS[eta]
    best = least_mixture(EntropyQuestion(sb.Observations.full(row.behaviour()), 0, None, row.flip * flipped), 1e-6)
    assert len(best.weights) <= len(best.problem.values) and best.miss <= 5e-13
    for state in best.states:
        assert np.linalg.eigvalsh(state)[0] >= -1e-15 and abs(np.trace(state) - 1.0) <= 1e-14
    found = sb.conditional_entropy_upper_bound(sb.Observations.full(row.behaviour()), 0, None, row.flip * flipped)
    assert found.exact and found.certificate.verify().holds
    assert abs(found.value - best.lower) <= 1e-6


def test_a_lossy_certificate_holds() -> None:
    bound = qubit_entropy(ROWS[0.8763].question(), 3e-4)
    assert bound.value == pytest.approx(0.25071, abs=1e-4)
    assert bound.certificate.verify().holds


@pytest.mark.slow
@pytest.mark.parametrize("eta", ROWS)
def test_every_lossy_certificate(eta: float) -> None:
    bound = qubit_entropy(ROWS[eta].question(), 3e-4)
    assert bound.status == "solved" and bound.gap <= 3e-4
    assert bound.certificate.verify().holds


# -- random data ----------------------------------------------------------------------------------------------------


def random_question(seed: int) -> EntropyQuestion:
    """Of a random strategy of qubits, noisy, lossy and partly local: any tests, flips or none, one or both outcomes."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, np.pi, (2, 2))
    if rng.random() < 0.5:  # near the settings of CHSH
        a, b = np.array([0.0, np.pi / 2]) + 0.2 * rng.normal(size=2), np.array([1.0, -1.0]) * np.pi / 4
    theta = rng.choice([np.pi / 4, rng.uniform(0.02, np.pi / 4)])
    row = Row(float(rng.choice([1.0, rng.uniform(0.7, 1.0)])), 0.0, 0.0, theta, tuple(a), tuple(b))
    behaviour = row.behaviour().white_noise(float(rng.choice([1.0 - 1e-3, rng.uniform(0.7, 1.0)])))
    kind = rng.integers(3)
    if kind == 0:
        data = sb.Observations.full(behaviour)
    elif kind == 1:
        data = sb.Observations.correlators(behaviour)
    else:
        expression = sb.BellExpression.from_correlators(rng.normal(size=(2, 2)))
        data = sb.Observations.bell_value(expression, expression(behaviour))
    flips = float(rng.choice([0.0, rng.uniform(0.0, 0.5)]))
    y = int(rng.integers(2)) if flips == 0.0 and rng.random() < 0.4 else None
    return EntropyQuestion(data, int(rng.integers(2)), y, flips)


def check(question: EntropyQuestion, tolerance: float) -> QubitEntropyBound:
    """The bound is as near to an explicit mixture as asked, and not above it."""
    bound = qubit_entropy(question, tolerance)
    mixture = bound.optimum
    assert bound.status == "solved" and bound.gap <= tolerance
    assert mixture is not None and (mixture.miss > 1e-10 or bound.value <= mixture.value + 1e-12)
    return bound


@pytest.mark.parametrize("seed", range(12))
def test_random_data(seed: int) -> None:
    question = random_question(seed)
    loose, tight = check(question, 1e-3), check(question, 1e-4)
    assert tight.value >= loose.value


@pytest.mark.parametrize("seed", [*ALONE, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MORE_ALONE)])
def test_data_that_one_strategy_nearly_has(seed: int) -> None:
    """The mixture has the data by further strategies around them, so nothing is added to its entropy."""
    question = random_question(seed)
    loose, tight = check(question, 1e-3), check(question, 1e-4)
    assert tight.value >= loose.value
    for bound in (loose, tight):
        assert bound.optimum is not None and bound.optimum.miss <= 1e-9
        assert bound.gap <= bound.optimum.value - bound.value + 1e-6


@pytest.mark.parametrize("seed", ALONE[:2])
def test_its_attack_is_proven(seed: int) -> None:
    question = random_question(seed)
    bound = qubit_entropy(question, 1e-4)
    attack = sb.conditional_entropy_upper_bound(question.observed, question.x, None, question.preprocessing)
    assert bound.certificate.verify().holds
    assert attack.exact and attack.certificate.verify().holds
    assert bound.value <= attack.value <= bound.value + 1e-4


@pytest.mark.slow
def test_much_random_data() -> None:
    for seed in range(2000):
        question = random_question(seed)
        bound = check(question, 1e-3)
        if seed % 10 == 0:
            assert check(question, 1e-4).value >= bound.value, seed
            assert bound.certificate.verify().holds, seed
