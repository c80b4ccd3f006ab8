"""The default method: which one wins, on which data, and what the bound says of its accuracy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies import search
from sdpbound.entropies.auto import Auto
from sdpbound.entropies.candidates import CANDIDATES
from sdpbound.entropies.coarse import coarsenings
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.known_outcomes import eve_may_know
from sdpbound.entropies.pinching.method import Pinching
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from tests.support import h


def lossy(efficiency: float, visibility: float = 1.0) -> sb.Behaviour:
    """CHSH devices whose third outcome says that nothing was detected."""
    c = visibility * np.array([[1, 1], [1, -1]]) / math.sqrt(2)
    p = np.zeros((3, 3, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            p[a, b] = efficiency**2 * (1 + (-1) ** (a + b) * c) / 4
        p[a, 2] = p[2, a] = efficiency * (1 - efficiency) / 2
    p[2, 2] = (1 - efficiency) ** 2
    return sb.Behaviour(p)


def chained(settings: int, visibility: float) -> sb.Observations:
    angles = np.arange(settings) * math.pi / settings
    return sb.Observations.correlators(
        visibility * np.cos(angles[:, None] - angles[None, :] - math.pi / (2 * settings))
    )


def tilted(beta: float, visibility: float) -> sb.Observations:
    """Full statistics of the strategy that is optimal for beta <A0> + CHSH."""
    theta = math.asin(math.sqrt((4 - beta**2) / (4 + beta**2))) / 2
    mu = math.atan(math.sin(2 * theta))
    z, x, state = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), [math.cos(theta), 0, 0, math.sin(theta)]
    bob = [math.cos(mu) * z + s * math.sin(mu) * x for s in (1, -1)]
    p = np.zeros((2, 2, 2, 2))
    for i, a in enumerate((z, x)):
        for j, b in enumerate(bob):
            for k in np.ndindex(2, 2):
                effect = np.kron((np.eye(2) + (-1) ** k[0] * a) / 2, (np.eye(2) + (-1) ** k[1] * b) / 2)
                p[(*k, i, j)] = visibility * np.array(state) @ effect @ state + (1 - visibility) / 4
    return sb.Observations.full(sb.Behaviour(p))


# -- what wins ----------------------------------------------------------------------------------------------------


def test_the_default_is_the_best_of_all() -> None:
    assert sb.VonNeumann() == sb.VonNeumann("auto") and isinstance(sb.VonNeumann().chosen, Auto)
    for name, kind in CANDIDATES.items():
        assert kind.name == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("y", [None, 0])
def test_where_the_qubit_method_applies_it_is_taken(y: int | None) -> None:
    data = tilted(0.5, 0.98)
    bound = sb.conditional_entropy(data, 0, y)
    assert bound.method == "qubit" and bound.status == "solved" and bound.gap <= bound.tolerance == 1e-3
    assert bound.value == sb.conditional_entropy(data, 0, y, sb.VonNeumann("qubit", tolerance=3e-4)).value
    assert "method 'qubit'" in repr(bound)
    above = sb.conditional_entropy_upper_bound(data, 0, y).value
    assert above - 3e-4 <= bound.value <= above  # closer than asked, as it costs little
    finer = sb.conditional_entropy(data, 0, y, sb.VonNeumann(tolerance=1e-4)).value
    assert bound.value <= finer == sb.conditional_entropy(data, 0, y, sb.VonNeumann("qubit", tolerance=1e-4)).value


def test_a_key_rate_is_no_worse_than_that_of_the_min_entropy() -> None:
    b = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
    rate, least = sb.key_rate(b, x=0, y=0), sb.key_rate(b, x=0, y=0, entropy=sb.MinEntropy())
    assert rate.value > least.value + 0.1
    assert rate.value <= sb.key_rate_upper_bound(b, x=0, y=0).value
    blind = sb.randomness_rate(b, x=0, y=1, blind=True)
    assert blind.value == sb.randomness_rate(b, x=0, y=1, blind=True, entropy=sb.MinEntropy()).value


@pytest.mark.slow
def test_three_outcomes() -> None:
    """The no-click kept, efficiency 0.95: a program on the data as they are, within 1e-4 of an attack at 0.591743."""
    bound = sb.conditional_entropy(sb.Observations.full(lossy(0.95)))
    assert 0.59165 <= bound.value <= 0.591743
    assert bound.method == "pinching" and not bound.merged and bound.gap <= 1e-3


def test_three_outcomes_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of merged outcomes is proven for the key that has three."""
    data = sb.Observations.full(lossy(0.95))
    for name in ("_TO_IMPROVE", "_TO_ANSWER"):  # no program is that small
        monkeypatch.setattr(f"sdpbound.entropies.auto.{name}", 1e-9)
    bound = sb.conditional_entropy(data)
    assert 0.5714 <= bound.value <= 0.5718  # an attack on the merged data has 0.57180
    assert bound.method == "qubit" and "outcomes merged (A0: " in bound.merged and bound.merged in repr(bound)
    assert bound.status == "inaccurate" and math.isnan(bound.gap)
    assert "the tolerance of 0.001 is not shown to be kept" in repr(bound)
    assert bound.given == data and bound.merit == EntropyQuestion(data, 0, None).figure
    assert bound.functional.multipliers.shape == (24,)
    at = bound.functional.at(data.values)
    assert bound.value <= at <= bound.value + 1e-9


def test_a_program_wins_where_it_is_better() -> None:
    """Chained correlators need all three settings; two of them prove less."""
    bound = sb.conditional_entropy(chained(3, 0.98))
    assert bound.method == "pinching" and not bound.merged and bound.value > 0.870
    asked = EntropyQuestion(chained(3, 0.98), 0, None)
    found = coarsenings(asked, 3)
    assert found and all("without" in coarse.words for coarse in found)


def test_no_program_is_asked_where_it_cannot_come_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Floats near an extreme point of the quantum set: what 1e-12 of the data leaves open is more than was asked."""
    monkeypatch.setattr(search, "first_answer", lambda *_: pytest.fail("a program was solved"))
    data = sb.Observations.full(sb.Behaviour.from_correlators([[1.0, 0.5], [0.5, -0.5]]))
    bound = sb.conditional_entropy(data, method=sb.VonNeumann(tolerance=1e-5))
    assert bound.method == "qubit" and bound.status == "inaccurate" and 1e-5 < bound.gap < 3e-5
    assert isinstance(bound, EntropyBound)
    assert bound.price == pytest.approx(sum(abs(bound.functional.multipliers)) * 1e-12)
    assert 0.1 * bound.gap < bound.price < bound.gap and "of them the price of data" in repr(bound)


def test_no_program_is_solved_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """More effort goes on where less has ended, and finds the bound that it finds alone."""
    found: list[bytes] = []
    answer = search.first_answer

    def counted(solver: Any, program: Any, *options: Any) -> Any:
        found.append(program.cost.tobytes() + program.constant.tobytes())
        return answer(solver, program, *options)

    monkeypatch.setattr(search, "first_answer", counted)
    monkeypatch.setattr(Pinching, "applies", lambda *_: "it would win with less")
    for name, seconds in (("_TO_IMPROVE", 1.5), ("_TO_ANSWER", 6.0)):
        monkeypatch.setattr(f"sdpbound.entropies.auto.{name}", seconds)
    bound = sb.conditional_entropy(chained(3, 0.98))
    assert bound.method == "projective" and len(found) == len(set(found)) > 3
    effort = sb.VonNeumann("projective").chosen.within(KeyQuestion(chained(3, 0.98)), 6.0)
    assert effort is not None
    assert bound.value == pytest.approx(sb.conditional_entropy(chained(3, 0.98), method=effort).value, abs=1e-4)


def test_a_third_setting_of_bob_with_marginals() -> None:
    """Bob's third setting is his first again: to leave it out loses nothing."""
    b = sb.SingletSelfTest(math.pi / 2, math.pi / 2, math.pi).behaviour(0.97)
    three = sb.Behaviour(np.concatenate([b.p, b.p[..., :1]], axis=3))
    two, bound = sb.conditional_entropy(sb.Observations.full(b)), sb.conditional_entropy(sb.Observations.full(three))
    assert two.value - 1e-3 <= bound.value <= two.value + two.gap + 1e-9


def test_a_level_or_nodes_ask_for_a_program() -> None:
    data = tilted(0.5, 0.98)
    bound = sb.conditional_entropy(data, 0, None, sb.VonNeumann(level="1+AB", nodes=6))
    known = sb.conditional_entropy(data, 0, None, sb.VonNeumann("projective", "1+AB", 6))
    assert bound.method == "projective" and bound.value == known.value and len(bound.nodes) == 6
    nodes = (0.01, 0.1, 0.5)
    assert sb.conditional_entropy(data, 0, None, sb.VonNeumann(nodes=nodes)).nodes == nodes
    with pytest.raises(sb.InvalidParameter, match="nodes"):
        sb.VonNeumann(nodes=(0.2, 0.1))


def test_programs_say_what_words_lose() -> None:
    """H(AB|E): the first level loses 1e-1 here; the gap is the distance to an attack, not what the nodes lose."""
    data = sb.Observations.full(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97))
    bound = sb.conditional_entropy(data, 0, 1, sb.VonNeumann("projective", tolerance=1e-2), closed_forms=False)
    assert bound.quadrature_gap <= 5e-3 < bound.gap <= 1e-2 and bound.status == "solved"
    exact = sb.conditional_entropy(data, 0, 1, "qubit")
    assert bound.value <= exact.value + exact.gap <= bound.value + bound.gap + exact.gap


@pytest.mark.slow
def test_in_a_sweep_it_is_the_same_within_the_tolerance() -> None:
    swept = sb.VonNeumann(tolerance=1e-4).swept()
    for v in (0.99, 0.985, 0.98):
        question = KeyQuestion(sb.Observations.full(lossy(0.97, v)))
        warm, cold = swept.lower_bound(question), sb.VonNeumann(tolerance=1e-4).lower_bound(question)
        assert warm.value == pytest.approx(cold.value, abs=1e-4)


# -- coarser data -------------------------------------------------------------------------------------------------


def test_coarser_tests_are_the_merged_probabilities() -> None:
    data = sb.Observations.full(lossy(0.9, 0.99))
    for coarse in coarsenings(EntropyQuestion(data, 1, None), 3):
        merged = np.zeros((2, 2, 2, 2))
        table = np.array([[lossy(0.9, 0.99).joint(x, y) for y in (0, 1)] for x in (0, 1)])
        for x, y, a, b in np.ndindex(2, 2, 3, 3):
            merged[coarse.maps[0][x][a], coarse.maps[1][y][b], x, y] += table[x, y, a, b]
        own = sb.Observations.full(sb.Behaviour(merged))
        assert np.allclose(np.sort(coarse.question.observed.values), np.sort(own.values), atol=1e-12)
        assert (coarse.question.observed.tolerances >= data.tolerances.min()).all()


def test_local_data_have_none() -> None:
    assert coarsenings(EntropyQuestion(sb.Observations.full(lossy(0.7)), 0, None), 3) == []
    assert coarsenings(EntropyQuestion(sb.Observations.none(sb.Scenario.bipartite(3, 3)), 0, None), 3) == []


@pytest.mark.parametrize("shape", [(2, 2, 2, 2), (2, 2, 3, 3), (3, 3, 2, 2), (2, 2, 2, 2, 2, 2)])
def test_one_deterministic_point(shape: tuple[int, ...]) -> None:
    """Eve knows all outcomes, and nothing is searched: correlators of 1 are also those of a singlet, nearly."""
    table = np.zeros(shape)
    table[(0,) * (len(shape) // 2)] = 1.0
    point = sb.Behaviour(table)
    every = [sb.Observations.full(point)]
    if shape[0] == 2 and len(shape) == 4:
        every.append(sb.Observations.correlators(point))
    for data in every:
        for flips, least in ((0.0, 0.0), (0.1, h(0.1)))[: 4 - shape[0]]:  # bits alone are flipped
            bound = sb.conditional_entropy(data, preprocessing=flips)
            assert least - 1e-15 <= bound.value <= least and bound.gap == 0.0 and bound.status == "solved"
            assert bound.seconds.get("solve", 0.0) == 0.0 and bound.certificate.verify().holds


def test_channels_and_keys_of_a_deterministic_point() -> None:
    table = np.zeros((2, 2, 2, 2))
    table[0, 0] = 1.0
    data = sb.Observations.full(sb.Behaviour(table))
    bound = sb.conditional_entropy(data, preprocessing=sb.BinaryChannel(0.1, 0.05))
    assert h(0.1) - 1e-3 < bound.value < h(0.1) and bound.gap < 1e-3
    assert -1e-12 < sb.key_rate(sb.Behaviour(table), "full").value <= 0.0


def test_mixtures_of_deterministic_strategies_are_found() -> None:
    """With no test, at the edge of the local set and inside; beyond it there is none."""
    assert eve_may_know(sb.Observations.none(sb.Scenario.bipartite(3, 3)))
    pure = sb.family_named("chsh").member().behaviour()
    for v, local in ((0.3, True), (0.70, True), (0.7072, False), (1.0, False)):
        assert eve_may_know(sb.Observations.full(pure.white_noise(v))) is local
    assert not eve_may_know(sb.Observations.bell_value(sb.chsh(), 2.0 + 1e-11))
