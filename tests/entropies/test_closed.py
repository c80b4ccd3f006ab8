from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from tests.support import h
from tests.tampering import assert_no_number_proves_more, assert_refused


def curve(s: float, alpha: float, q: float) -> float:
    """F(S) of arXiv:2007.16146, before any convex hull."""
    u = math.sqrt(s * s / 4 - alpha * alpha)
    v = math.sqrt((1 - 2 * q) ** 2 + 4 * q * (1 - q) * u * u)
    return 1 + h((1 + v) / 2) - h((1 + u) / 2)


def hull(s: float, alpha: float, q: float) -> float:
    """By a fine grid: the least over chords from (2, h(q)), for alpha < 1."""
    top = 2 * math.sqrt(1 + alpha * alpha) * (1 - 1e-15)
    if s <= 2 * max(1, alpha):
        return h(q)
    if alpha >= 1:
        return curve(s, alpha, q)
    grid = s + (top - s) * np.linspace(0, 1, 2001)
    return min(h(q) + (curve(t, alpha, q) - h(q)) * (s - 2) / (t - 2) for t in grid)


def data(alpha: float, s: float, tolerance: float = 1e-12) -> sb.Observations:
    return sb.Observations.bell_value(sb.asymmetric_chsh(alpha), s, tolerance)


def between(alpha: float, part: float) -> float:
    low, high = 2 * max(1.0, alpha), 2 * math.sqrt(1 + alpha * alpha)
    return low + part * (high - low)


@pytest.mark.parametrize("s", [2.05, 2.2, 2.4, 2.5, 2.7, 2.8])
def test_chsh(s: float) -> None:
    bound = sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), s))
    exact = 1 - h((1 + math.sqrt(s * s / 4 - 1)) / 2)
    assert bound.status == "closed form" and bound.source.startswith("arXiv:0903.4460")
    assert exact - 1e-10 <= bound.value <= exact + 1e-15  # the value's tolerance of 1e-12 is charged
    flipped = sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), s), preprocessing=0.1)
    noisy = exact + h((1 + math.sqrt(1 - 0.09 * (8 - s * s))) / 2)  # as arXiv:2005.13015 writes it
    assert noisy - 1e-10 <= flipped.value <= noisy + 1e-15


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3, 0.6, 0.95, 1.0, 1.4, 7.0])
@pytest.mark.parametrize("q", [0.0, 0.01, 0.3, 0.5])
def test_the_hull(alpha: float, q: float) -> None:
    for part in (-0.3, 0.0, 0.01, 0.3, 0.8, 0.999):
        s = between(alpha, part)
        bound = sb.conditional_entropy(data(alpha, s), preprocessing=q)
        exact = hull(s, alpha, q)
        assert bound.status == "closed form" and bound.quadrature_gap == 0.0
        assert bound.value <= exact + 1e-12
        assert bound.value == pytest.approx(exact, abs=2e-7)  # the grid is above the hull
        assert bound.value >= h(q) - 1e-15
        # the devices that show the theorem to be tight leave as much, but for what the tolerance of the value costs
        assert 0 <= bound.gap < 1e-9 and bound.value + bound.gap >= exact - 1e-7 * (alpha < 1) - 1e-9


@pytest.mark.parametrize("alpha", [0.5, *(pytest.param(a, marks=pytest.mark.slow) for a in (0.8, 1.0)), 1.3])
@pytest.mark.parametrize("q", [pytest.param(0.0, marks=pytest.mark.slow), 0.1])
def test_programs_agree(alpha: float, q: float) -> None:
    for part in (0.2, 0.6, 0.95):
        observed = data(alpha, between(alpha, part))
        closed = sb.conditional_entropy(observed, preprocessing=q)
        program = sb.conditional_entropy(observed, 0, None, "projective", q, closed_forms=False)
        assert program.status != "closed form"
        assert program.value <= closed.value <= program.value + program.quadrature_gap + 2e-5


def qubit_entropy(t: np.ndarray, q: float) -> float:
    """H(A_0|E) after flips of the Bell-diagonal state whose correlations with Bob's plane are t, rows Z and X.

    Its third correlation is -det t. Eve's entropies: S(rho), and for each outcome the spectrum of the mixture.
    """
    pauli = [np.array([[1, 0], [0, -1]]), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])]
    rho = np.eye(4, dtype=complex)
    for i in range(2):
        for j in range(2):
            rho = rho + t[i, j] * np.kron(pauli[i], pauli[j])
    rho = (rho - np.linalg.det(t) * np.kron(pauli[2], pauli[2])) / 4
    key = [np.kron((np.eye(2) + s * pauli[0]) / 2, np.eye(2)) for s in (1, -1)]
    w, v = np.linalg.eigh(rho)
    root = (v * np.sqrt(np.maximum(w, 0))) @ v.conj().T
    after = [root @ m @ root for m in key]

    def entropy(m: np.ndarray) -> float:
        e = np.linalg.eigvalsh(m)
        e = e[e > 1e-14]
        return float(-(e * np.log2(e)).sum())

    return sum(entropy((1 - q) * after[i] + q * after[1 - i]) for i in (0, 1)) - entropy(rho)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_every_qubit_strategy_is_above_every_functional(seed: int) -> None:
    """Bell-diagonal states, any angles: the entropy is above the lines proven elsewhere, for either sign of S."""
    rng = np.random.default_rng(seed)
    alpha, q = float(rng.uniform(0.3, 2.0)), float(rng.choice([0.0, rng.uniform(0, 0.5)]))
    sizes = np.diag(rng.uniform(0.8, 1.0, 2) ** rng.integers(1, 12))
    a, b, c = rng.uniform(0, 2 * np.pi, 3)
    turn = [np.array([[math.cos(x), -math.sin(x)], [math.sin(x), math.cos(x)]]) for x in (a, b)]
    t = turn[0] @ sizes @ turn[1]
    alice = np.array([[1.0, 0.0], [math.cos(c), math.sin(c)]])
    weighted = np.array([alpha * alice[0] @ t, alice[1] @ t])
    best = -2.0
    for x in np.linspace(0, 2 * np.pi, 181):  # Bob's angles, best of a grid; any would do
        for y in np.linspace(x, x + np.pi, 31):
            bob = np.array([[math.cos(x), math.sin(x)], [math.cos(y), math.sin(y)]])
            e = weighted @ bob.T
            best = max(best, abs(e[0].sum() + e[1, 0] - e[1, 1]))
    entropy = qubit_entropy(t, q)
    for part in (0.05, rng.uniform(0.1, 0.9), 0.99):
        bound = sb.conditional_entropy(data(alpha, between(alpha, part)), preprocessing=q)
        assert bound.functional.at([best]) <= entropy + 1e-9
    if best <= 2 * math.sqrt(1 + alpha * alpha) - 1e-9:
        assert sb.conditional_entropy(data(alpha, best), preprocessing=q).value <= entropy + 1e-9


@pytest.mark.parametrize("flip", range(8))
def test_relabelled_scaled_and_shifted(flip: int) -> None:
    """All eight CHSH expressions, times any number, plus a constant, with either setting of the key."""
    signs = np.array([[1.0, 1.0], [1.0, -1.0]])
    signs *= np.outer([1, -1 if flip & 1 else 1], [1, -1 if flip & 2 else 1]) * (-1 if flip & 4 else 1)
    scenario = sb.Scenario.bipartite(2, 2)
    for x in (0, 1):
        table = np.zeros((3, 3))
        table[1:, 1:] = 0.3 * signs
        table[1 + x, 1:] *= 1.5
        table[0, 0] = -2.0
        s = between(1.5, 0.6)
        reference = sb.conditional_entropy(data(1.5, s, 0.0)).value
        for sign in (1, -1):
            observed = sb.Observations.bell_value(sb.BellExpression(scenario, table), -2.0 + sign * 0.3 * s, 0.0)
            bound = sb.conditional_entropy(observed, x)
            assert bound.status == "closed form"
            assert bound.value == pytest.approx(reference, abs=1e-12)
            other = sb.conditional_entropy(observed, 1 - x)  # the weight is then the other setting's: alpha = 2/3
            assert other.value == pytest.approx(sb.conditional_entropy(data(1 / 1.5, s / 1.5, 0.0)).value, abs=1e-9)
            assert bound.functional.at(observed.values) == pytest.approx(bound.value, abs=1e-12)


def test_recognised_only_where_it_is_a_theorem() -> None:
    small = sb.Scenario.bipartite(2, 2)
    table = np.array([[0.0, 0, 0], [0, 1, 1.001], [0, 1, -1]])
    method = sb.VonNeumann(level="1+AB", nodes=4)
    for observed, x, y in (
        (sb.Observations.bell_value(sb.chsh(), 2.5), 0, 0),
        (sb.Observations.bell_values([(sb.chsh(), 2.5), (sb.asymmetric_chsh(2.0), 3.6)]), 0, None),
        (sb.Observations.bell_value(sb.BellExpression(small, table), 2.5), 0, None),
        (sb.Observations.bell_value(sb.BellExpression(small, np.abs(table)), 2.5), 0, None),
        (sb.Observations.bell_value(sb.tilted_chsh(0.1), 2.5), 0, None),
        (sb.Observations.correlators([[0.6, 0.6], [0.6, -0.6]]), 0, None),
        (sb.Observations.none(small), 0, None),
    ):
        assert sb.conditional_entropy(observed, x, y, method).status != "closed form"
    wide = np.zeros((4, 4))
    wide[np.ix_([1, 3], [2, 3])] = [[1, 1], [1, -1]]
    observed = sb.Observations.bell_value(sb.BellExpression(sb.Scenario.bipartite(3, 3), wide), 2.5)
    assert sb.conditional_entropy(observed, 2).value == sb.conditional_entropy(data(1.0, 2.5)).value
    assert sb.conditional_entropy(observed, 2).certificate.verify().holds
    assert sb.conditional_entropy(observed, 1, None, method).value == pytest.approx(0.0, abs=1e-8)
    with pytest.raises(sb.Infeasible):
        sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), 2.9))


def test_coefficients_off_by_rounding_are_charged() -> None:
    t = sb.SingletSelfTest(np.pi / 4, np.pi / 4, np.pi)  # a member of the family may be CHSH up to rounding
    table = np.array([[0.0, 0, 0], [0, 1.0, 1.0 + 2e-14], [0, 1.0, -1.0]])
    observed = sb.Observations.bell_value(sb.BellExpression(sb.Scenario.bipartite(2, 2), table), 2.5, 0.0)
    bound = sb.conditional_entropy(observed)
    exact = sb.conditional_entropy(data(1.0, 2.5, 0.0)).value
    assert bound.status == "closed form" and exact - 1e-13 <= bound.value < exact
    assert bound.certificate.verify().holds
    assert t.expression.scenario == observed.scenario


def test_wide_tolerances_and_the_ends() -> None:
    low = sb.conditional_entropy(data(1.0, 2.4, 0.0)).value
    assert sb.conditional_entropy(data(1.0, 2.5, 0.1)).value == pytest.approx(low, abs=1e-12)
    top = sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), 8**0.5))
    assert 1 - 1e-9 <= top.value <= 1.0 and top.gap < 1e-6
    assert np.isfinite(top.functional.multipliers).all()
    assert sb.conditional_entropy(data(1.0, 2.0)).value == 0.0
    assert sb.conditional_entropy(data(1.0, 0.0)).functional.multipliers[0] == 0.0


def test_rates_use_them_unless_told_not_to() -> None:
    b = sb.Behaviour.from_correlators(0.97 * np.array([[1, 1], [1, -1]]) / math.sqrt(2))
    observed = sb.Observations.bell_value(sb.chsh(), sb.chsh()(b))
    entropy = sb.VonNeumann("projective", "1+AB", 6)
    rate = sb.key_rate(b, observed, 0, 0, entropy)
    assert rate.is_closed_form and "closed form" in repr(rate) and "self-test" not in " ".join(rate.assumptions)
    program = sb.key_rate(b, observed, 0, 0, entropy, closed_forms=False)
    assert not program.is_closed_form and program.value < rate.value
    from sdpbound.entropies.known import KnownEntropy

    assert sb.key_rate(b, observed, 0, 0, KnownEntropy(rate.entropy, 0)).value == rate.value
    assert sb.randomness_rate(b, observed, True, 0, None, entropy).value == rate.entropy.value


# -- certificates ---------------------------------------------------------------------------------------------------


def bound_for_checks(alpha: float = 0.6, part: float = 0.5, q: float = 0.05) -> sb.EntropyBound:
    return sb.conditional_entropy(data(alpha, between(alpha, part)), preprocessing=q)


@pytest.mark.parametrize("alpha", [0.05, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("part", [-0.5, 1e-9, 0.5, 1 - 1e-9])
def test_certificates_hold(alpha: float, part: float) -> None:
    for q in (0.0, 0.05, 0.5):
        bound = bound_for_checks(alpha, part, q)
        found = sb.verify(json.loads(bound.certificate.to_json()))
        assert found.holds and found.side == "lower" and found.figure == "conditional_entropy"
        assert bound.value <= found.value <= bound.value + 1e-14
        assert found.functional is not None
        assert found.functional[0] == pytest.approx(bound.functional.constant, rel=1e-13)
        assert found.functional[1] == pytest.approx(tuple(bound.functional.multipliers), rel=1e-13)


def _scaled(certificate: dict[str, Any], place: tuple[int, int], factor: float) -> None:
    certificate["question"]["observed"][0]["coefficients"][place[0]][place[1]] *= factor


TAMPER: dict[str, Callable[[dict[str, Any]], Any]] = {
    "value": lambda c: c["claim"].update(value=c["claim"]["value"] + 1e-9),
    "constant": lambda c: c["claim"]["functional"].update(constant=c["claim"]["functional"]["constant"] + 1e-9),
    "steeper": lambda c: c["claim"]["functional"]["multipliers"].__setitem__(0, 3.0),
    "no slope": lambda c: c["claim"]["functional"]["multipliers"].__setitem__(0, 0.0),
    "touching outside": lambda c: c["claim"].update(touching=2.5),
    "touching below": lambda c: c["claim"].update(touching=1.9),
    "touching elsewhere": lambda c: c["claim"].update(touching=2.1),
    "touching nowhere": lambda c: c["claim"].update(touching=None),
    "data": lambda c: c["question"]["observed"][0].update(value=2.05),
    "tolerance": lambda c: c["question"]["observed"][0].update(tolerance=0.01),
    "no asymmetry": lambda c: [_scaled(c, (1, 1), 1.5), _scaled(c, (1, 2), 1.5)],
    "no CHSH": lambda c: _scaled(c, (1, 1), -1.0),
    "one coefficient": lambda c: _scaled(c, (1, 1), 1.1),
    "marginal": lambda c: c["question"]["observed"][0]["coefficients"][0].__setitem__(1, 1e-3),
    "constant of the test": lambda c: c["question"]["observed"][0]["coefficients"][0].__setitem__(0, 0.1),
    "setting": lambda c: c["question"]["figure"].update(x=1),
    "both outcomes": lambda c: c["question"]["figure"].update(y=0),
    "fewer flips": lambda c: c["question"]["figure"].update(preprocessing=0.0),
    "flips out of range": lambda c: c["question"]["figure"].update(preprocessing=0.7),
    "side": lambda c: c["question"].update(side="upper"),
    "twice": lambda c: c["question"]["observed"].append(c["question"]["observed"][0]),
    "three outcomes": lambda c: c["question"]["scenario"].update(outcomes=[[3, 2], [2, 2]]),
    "infinite": lambda c: c["claim"].update(value=math.inf),
}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_any_number_changed_proves_no_more(seed: int) -> None:
    """A proof with a number changed is refused, or what it proves stays true."""
    rng = np.random.default_rng(seed)
    bound = bound_for_checks(float(rng.choice([0.2, 0.6, 1.0, 2.0])), 0.5, float(rng.choice([0.0, 0.05])))
    assert_no_number_proves_more(bound.certificate.data, rng)


@pytest.mark.parametrize("name", TAMPER)
def test_tampered_certificates_are_refused(name: str) -> None:
    assert_refused(bound_for_checks().certificate.data, TAMPER[name])


@pytest.mark.parametrize("alpha", [0.6, 1.0, 1.5])
def test_between_the_qubit_reduction_and_its_mixture(alpha: float) -> None:
    """The exact entropy is between a certified lower bound and the value of an explicit mixture of qubit strategies."""
    for part, q in ((0.1, 0.2), (0.6, 0.0), (0.9, 0.02)):
        observed = data(alpha, between(alpha, part))
        closed = sb.conditional_entropy(observed, preprocessing=q)
        qubits = sb.conditional_entropy(
            observed, method=sb.VonNeumann("qubit", tolerance=1e-4), preprocessing=q, closed_forms=False
        )
        assert isinstance(qubits, QubitEntropyBound)
        assert qubits.value - 1e-9 <= closed.value <= qubits.value + qubits.gap + 1e-9
        assert qubits.gap <= 5e-4


OUTSIDE: list[Any] = [
    (sb.chsh(), 3.0),
    (sb.chsh(), -3.0),
    (sb.chsh(), 4.5),
    (sb.chsh(), math.sqrt(8.0) + 1e-6),
    (sb.asymmetric_chsh(1.5), 3.7),
    (sb.asymmetric_chsh(0.7), 2.5),
    (sb.BellExpression.from_correlators([[2.0, 2.0], [2.0, -2.0]], constant=1.0), 7.0),
]


@pytest.mark.parametrize("flips", [0.0, 0.1])
@pytest.mark.parametrize(("expression", "value"), OUTSIDE)
def test_a_value_that_no_quantum_device_has(expression: sb.BellExpression, value: float, flips: float) -> None:
    """It has no entropy, whatever the formula gives there; the certificate separates it from the quantum set."""
    with pytest.raises(sb.Infeasible, match="outside the quantum set") as answer:
        sb.conditional_entropy(sb.Observations.bell_value(expression, value), preprocessing=flips)
    assert sb.verify(answer.value.certificate.data).value < 0.0


@pytest.mark.slow
def test_rates_of_boxes_that_no_quantum_device_is() -> None:
    for visibility in (0.8, 1.0):
        box = sb.Behaviour.from_correlators(visibility * np.array([[1.0, 1.0], [1.0, -1.0]]))
        for observed in (sb.Observations.bell_value(sb.chsh(), box.chsh), sb.Observations.correlators(box)):
            assert sb.find_self_test(observed) is None
            for rate in (sb.key_rate, sb.randomness_rate):
                with pytest.raises(sb.Infeasible, match="outside the quantum set"):
                    rate(box, observed, entropy=sb.VonNeumann())


@pytest.mark.parametrize("excess", [0.0, 1e-13, 9e-13])
def test_rounding_at_the_largest_value_is_not_outside(excess: float) -> None:
    bound = sb.conditional_entropy(data(1.0, math.sqrt(8.0) + excess))
    assert bound.status == "closed form" and 0.99999 < bound.value <= 1.0
    sb.verify(bound.certificate.data)
    wide = sb.conditional_entropy(data(1.0, 3.0, tolerance=0.2))  # as much as 2.8
    assert wide.status == "closed form" and 0.8 < wide.value < curve(2.8, 1.0, 0.0) + 1e-9
