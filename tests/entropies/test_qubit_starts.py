"""Known starts of the qubit reduction: they change no proof, and they lead to the same bounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.moved import MovedProof
from sdpbound.entropies.qubit_starts import StartedQubits, known_start
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.qubits.problem import qubit_problem
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion

BEHAVIOUR = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.95)


@pytest.mark.parametrize("kind", ["correlators", "full"])
@pytest.mark.parametrize("signs", list(itertools.product([1.0, -1.0], repeat=3)))
def test_every_chsh_expression_has_a_start(signs: tuple[float, float, float], kind: str) -> None:
    a, b, c = signs
    table = BEHAVIOUR.correlators * np.array([[1.0, c], [a, a * c]]) * b
    data = getattr(sb.Observations, kind)(sb.Behaviour.from_correlators(table))
    for y in (None, 0):
        question = EntropyQuestion(data, 0, y)
        start = known_start(qubit_problem(question), 1e-3)
        assert start is not None
        # below the entropy, and not far: as a functional of these data it is proven by nothing, but true
        least = qubit_entropy(question, 1e-4)
        known = start.constant + float(start.multipliers @ data.values)
        assert 1e-3 < known <= least.value + 1e-4
        bound = qubit_entropy(question, 1e-4, start)
        assert bound.gap <= 1e-4 and bound.value == pytest.approx(least.value, abs=1e-4)


def test_no_start_where_little_is_known() -> None:
    near = sb.Behaviour.from_correlators(2.03 / 4.0 * np.array([[1.0, 1.0], [1.0, -1.0]]))
    for data in (sb.Observations.correlators(near), sb.Observations.bell_value(sb.chsh(), 2.5)):
        assert known_start(qubit_problem(EntropyQuestion(data, 0, None)), 1e-3) is None


def test_points_of_a_sweep_start_from_the_last() -> None:
    swept = StartedQubits(1e-4)
    for v in (0.99, 0.96, 0.93, 0.8):
        data = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(v))
        bound = swept.lower_bound(KeyQuestion(data, 0, closed_forms=False))
        cold = sb.conditional_entropy(data, method=sb.VonNeumann("qubit", tolerance=1e-4))
        assert bound.value == pytest.approx(cold.value, abs=1e-4) and bound.certificate.verify().holds
    assert swept.last and not swept.swept().last


def test_a_proof_at_other_data() -> None:
    """The functional is proven there too, and the certificate is about the new data."""
    data = sb.Observations.correlators(BEHAVIOUR)
    bound = sb.conditional_entropy(data, method=sb.VonNeumann("qubit"), closed_forms=False)
    other = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.94))
    moved = MovedProof(bound, sb.VonNeumann("qubit")).lower_bound(KeyQuestion(other, 0))
    assert moved.given == other and moved.certificate.verify().holds
    functional = bound.functional.at(other.values) - float(np.abs(bound.functional.multipliers) @ other.tolerances)
    assert moved.value == pytest.approx(functional, abs=1e-14) and moved.value <= functional + 1e-15
    assert moved.value <= sb.conditional_entropy(other, method=sb.VonNeumann("qubit", tolerance=1e-5)).value + 1e-5
    with pytest.raises(sb.InvalidInput, match="other tests"):
        MovedProof(bound, sb.VonNeumann("qubit")).lower_bound(KeyQuestion(sb.Observations.full(BEHAVIOUR), 0))
