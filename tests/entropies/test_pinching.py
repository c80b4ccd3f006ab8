"""Entropies by operators of the devices: the formula behind it, its programs, certificates, and attacks above."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.conic.programs.inverse_steps import InverseForm, minimised
from sdpbound.entropies.pinching.assemble import assemble_pinching
from sdpbound.entropies.pinching.invariant import Invariant, action_on_words, elements_of
from sdpbound.entropies.pinching.levels import word_sets
from sdpbound.entropies.pinching.noise import white_noise
from sdpbound.entropies.quadrature import gauss_radau
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.symmetries import entropy_group
from sdpbound.entropies.words import words_of_level
from sdpbound.npa.words import moment_matrix
from sdpbound.recheck import recheck
from tests.support import plogp

FULL = "1+AB+AA+BB+AAB+ABB+AABB"


def cglmp(visibility: float = 0.98) -> sb.Observations:
    return sb.Observations.full(sb.family_named("cglmp").member(d=3).behaviour(visibility))


def chained() -> sb.Observations:
    return sb.Observations.full(sb.family_named("chained").member(settings=3).behaviour(visibility=0.98))


def by(level: Any = None, nodes: int | None = None, **more: Any) -> sb.VonNeumann:
    return sb.VonNeumann("pinching", level, nodes, **more)


def every(data: sb.Observations) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.ones(data.scenario.shape, dtype=np.bool_)


# -- the formula --------------------------------------------------------------------------------------------------


def test_the_entropy_is_a_divergence_from_the_pinched_state() -> None:
    """For a random state: H(A|E) of its purification is D(r || sum_a E_a r E_a), and each T bounds it from below."""
    rng = np.random.default_rng(5)
    g = rng.standard_normal((6, 2)) + 1j * rng.standard_normal((6, 2))
    r = g @ g.conj().T / np.trace(g @ g.conj().T).real
    effects = [np.kron(np.diag([float(a == b) for b in range(3)]), np.eye(2)) for a in range(3)]
    pinched = sum(e @ r @ e for e in effects)
    eve = [g.conj().T @ e @ g / np.trace(g @ g.conj().T).real for e in effects]
    entropy = sum(plogp(e) for e in eve) - plogp(sum(eve))
    assert entropy == pytest.approx(plogp(pinched) - plogp(r), abs=1e-9)
    rule, best = gauss_radau(12), 0.0
    for t, kappa in zip(rule.nodes[:-1], rule.weights[:-1], strict=True):
        # t T r + (1 - t) pinched T = r has the best T
        square = t * np.kron(np.eye(6), r.T) + (1.0 - t) * np.kron(pinched, np.eye(6))
        exact = np.linalg.lstsq(square, r.reshape(-1), rcond=1e-12)[0].reshape(6, 6)
        values = []
        for x in (exact, exact + 0.1 * rng.standard_normal((6, 6))):
            squares = t * np.trace(r @ x.conj().T @ x) + (1.0 - t) * np.trace(pinched @ x @ x.conj().T)
            values.append(float((2.0 * np.trace(r @ x) - squares).real) - 1.0)
        assert values[1] < values[0]
        best += kappa * t / (1.0 - t) * values[0]
    assert entropy - 0.02 < best <= entropy + 1e-9


# -- its parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [cglmp(), chained()])
def test_words_of_a_key(data: sb.Observations) -> None:
    few, more = word_sets(data.scenario, 0, None, every(data))
    assert set(few) < set(more) and len(few) == {(3, 3): 105}.get(data.scenario.outcomes[0], 40)
    both, _ = word_sets(data.scenario, 0, 1, every(data))
    assert set(few) == set(both)


def test_white_noise_is_a_point_inside() -> None:
    data = cglmp()
    words = words_of_level(data.scenario, word_sets(data.scenario, 0, None, every(data))[0])
    matrix = moment_matrix(data.scenario, words)
    moments = white_noise(data.scenario, matrix)
    assert np.linalg.eigvalsh(np.where(matrix.index >= 0, moments[matrix.index], 0.0))[0] > 1e-5
    assert moments[matrix.find(((1,), (1,)))] == pytest.approx(1.0 / 9.0)
    assert moments[matrix.find(((1, 3, 1), ()))] == pytest.approx(1.0 / 9.0)  # a trace is cyclic, and P P = P


def test_invariant_moments_and_blocks() -> None:
    """What the group leaves unchanged is what its generators do, and the blocks of a matrix have its eigenvalues."""
    data = cglmp()
    question = EntropyQuestion(data, 0, None)
    group = entropy_group(data, question.effects, words_of_level(data.scenario, "1+AB"))
    words = words_of_level(data.scenario, "1+AB")
    actions = [action_on_words(g, words) for g in group.generators]
    elements = elements_of([a for a in actions if a is not None], len(words))
    assert len(elements) == group.order == 6
    own = Invariant(data.scenario, moment_matrix(data.scenario, words), tuple(elements))
    draw = np.random.default_rng(0).standard_normal(own.moments.shape[1])
    matrix = own.at(own.moments @ draw)
    for element in elements:
        assert np.abs(element.T @ matrix @ element - matrix).max() < 1e-12
    forms = own.forms([[(frame, 1.0)] for frame in own.frames])
    for frame, rows in zip(own.frames, forms, strict=True):
        column, row = np.tril_indices(frame.shape[1])
        assert (frame.T @ matrix @ frame)[row, column] == pytest.approx(rows @ draw, abs=1e-12)
    duals = [np.eye(frame.shape[1]) for frame in own.frames]
    inside = sum(float(np.trace(frame.T @ matrix @ frame)) for frame in own.frames)
    assert float((own.lift(duals) * matrix).sum()) == pytest.approx(inside, abs=1e-10)


def test_steps_find_a_known_minimum() -> None:
    """minimise a x^2 / (1 + y) over |x| <= 1 with y = 0 and x = 1/2: blocks [[1, x], [x, 1]] and [1 + y]."""
    one = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # of (1, x, y)
    form = InverseForm(
        blocks=[one, np.array([[1.0, 0.0, 1.0]])],
        first=np.array([[1.0, 0.0, 1.0]]),
        second=np.array([[1.0, 0.0, 1.0]]),
        vector=np.array([[0.0, 1.0, 0.0]]),
        parameters=np.array([0.5]),
        weights=np.array([3.0]),
        equalities=np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        values=np.array([1.0, 0.5, 0.0]),
        start=np.array([1.0, 0.0, 0.3]),
    )
    result = minimised(form, 1e-7, math.inf)
    assert -result.objective == pytest.approx(0.75, abs=1e-5) and len(result.duals) == 3


# -- bounds and certificates --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [2.2, 2.5, 2.7])
def test_close_to_the_formula(value: float) -> None:
    data = sb.Observations.bell_value(sb.chsh(), value)
    exact = sb.conditional_entropy(data).value
    bound = sb.conditional_entropy(data, method=by(), closed_forms=False)
    assert exact - 1e-4 < bound.value <= exact
    assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds
    assert bound.method == "pinching" and len(bound.nodes) == 12


def test_both_outcomes_and_merged_ones() -> None:
    data = sb.Observations.full(sb.family_named("chsh").member().behaviour(0.97))
    one = sb.conditional_entropy(data, method=by(nodes=12), closed_forms=False)
    both = sb.conditional_entropy(data, 0, 0, by(nodes=12))
    assert one.value < both.value <= sb.conditional_entropy_upper_bound(data, 0, 0).value
    agree = sb.conditional_entropy(data, 0, 0, by(nodes=12), merge=[[0, 1], [1, 0]])
    few = sb.conditional_entropy(data, 0, 0, sb.VonNeumann("gauss-radau", "1+AB", 4), merge=[[0, 1], [1, 0]])
    assert few.value < agree.value < both.value
    for bound in (both, agree):
        assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds


def test_three_outcomes() -> None:
    """Few words: a certificate of 105 words, symmetric under six relabellings, and the same by a solver."""
    data = cglmp()
    few = word_sets(data.scenario, 0, None, every(data))[0]
    bound = sb.conditional_entropy(data, method=by(few, 6))
    assert 1.350 < bound.value < 1.3876866
    assert bound.symmetry is not None and bound.symmetry.order == 6
    assert set(bound.symmetry.blocks[:2]) == {17, 18}  # of one outcome of the key, 105 / 3 words, even and odd ones
    assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds
    other = sb.conditional_entropy(data, method=by(few, 6, solver=sb.Arrow()))
    assert other.value == pytest.approx(bound.value, abs=2e-4) and other.solver == "arrow"
    merged = sb.conditional_entropy(data, method=by(few, 6), merge=(0, 0, 1))
    assert 0.5 < merged.value < bound.value and merged.certificate.verify().holds


@pytest.mark.slow
def test_the_default_of_cglmp_is_close_to_its_attack() -> None:
    """An attack has 1.3876866; the bound is less than 1e-3 below."""
    bound = sb.conditional_entropy(cglmp())
    assert 1.3869 < bound.value < 1.3876866 and bound.method == "pinching"
    assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds


def test_the_default_of_chained_settings_is_close_to_its_attack() -> None:
    """An attack has 0.8710582; the bound is less than 1e-4 below."""
    bound = sb.conditional_entropy(chained())
    assert 0.87096 < bound.value < 0.8710582 and bound.method == "pinching"
    assert 0.8710582 - 1e-5 <= bound.value + bound.gap < 0.8712 and bound.status == "solved"
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_a_no_click_and_three_settings_are_close_to_their_attacks() -> None:
    """Attacks have 0.5917427, and 0.856775 for the qubits of I3322 (another optimum has another one)."""
    clicks = sb.family_named("chsh").member().behaviour().detection_efficiency(0.95, 0.95, binning=False)
    bound = sb.conditional_entropy(sb.Observations.full(clicks), method=by())
    assert 0.5917 < bound.value < 0.5917427
    data = sb.Observations.full(sb.see_saw(sb.i3322(), 2, rng=0)[1].behaviour().white_noise(0.98))
    bound = sb.conditional_entropy(data, method=by())
    attack = sb.conditional_entropy_upper_bound(data, below=bound)
    assert attack.value - 1e-3 < bound.value <= attack.value
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_steps_go_on_while_they_come_to_the_data() -> None:
    """The first steps of CGLMP with four outcomes come nearer to the data, and the gap grows."""
    data = sb.Observations.full(sb.family_named("cglmp").member(d=4).behaviour(0.98))
    bound = sb.conditional_entropy(data, method=by(word_sets(data.scenario, 0, None, every(data))[0]))
    assert 1.694 < bound.value < 1.762 and bound.certificate.verify().holds


def test_intervals_are_for_solvers() -> None:
    box = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.98), tolerance=0.01)
    bound = sb.conditional_entropy(box, method=by(FULL, 6))
    assert 0.49 < bound.value < 0.50167 and bound.solver != "newton"
    assert bound.certificate.verify().holds


def test_the_gap_of_a_solver_s_answer() -> None:
    """A solver's numbers are others than those of the steps; an estimate of the gap by default ended in an error."""
    behaviour = sb.family_named("chained").member(settings=2).behaviour(visibility=0.98)
    for data, solver in (
        (sb.Observations.full(behaviour, tolerance=1e-3), None),
        (sb.Observations.full(behaviour), "clarabel"),
    ):
        bound = sb.conditional_entropy(data, method=sb.VonNeumann("pinching", solver=solver))
        attack = sb.conditional_entropy_upper_bound(data)
        assert bound.value <= attack.value <= bound.value + 4 * bound.gap < bound.value + 2e-3


def test_the_solver_s_program_has_the_same_minimum() -> None:
    data = chained()
    question = EntropyQuestion(data, 0, None)
    program = assemble_pinching(question, word_sets(data.scenario, 0, None, every(data))[0], 5)
    given = program.data(data.values, data.tolerances)
    newton = program.reduced.solved(given, 1e-6, math.inf)
    arrow = sb.Arrow().solve(program.reduced.inequality(given))
    assert newton is not None and program.claimed(newton) == pytest.approx(program.claimed(arrow), abs=2e-4)
    assert program.reduced.variables == program.reduced.inequality(given).variables


def test_bad_input() -> None:
    data = sb.Observations.full(sb.family_named("chsh").member().behaviour(0.97))
    with pytest.raises(sb.SdpboundError, match="knows no flips, and preprocessing"):
        sb.conditional_entropy(data, method=by(), preprocessing=0.1, closed_forms=False)
    with pytest.raises(sb.SdpboundError, match="from 2 to 64"):
        sb.conditional_entropy(data, method=by(None, 1))
    with pytest.raises(sb.SdpboundError, match="of 'pinching' must be their number"):
        sb.conditional_entropy(data, method=by(None, (0.2, 0.5)))
