"""Relabellings that leave expressions and data unchanged: found from the tables, counted a second way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.bell.automorphisms import automorphisms, orbit_of
from sdpbound.bell.relabelling import Relabelling, full_letters, full_tensor, moment_tensor
from sdpbound.bell.symmetry import SymmetryGroup, Tables, symmetry_group
from sdpbound.errors import InvalidInput, InvalidParameter

SEEDS = st.integers(0, 2**32 - 1)


def group_of(expression: sb.BellExpression) -> SymmetryGroup:
    """The relabellings that leave an expression unchanged."""
    scenario = expression.scenario
    return symmetry_group(Tables(scenario, expression.coefficients[None], np.zeros((0, *scenario.shape)), np.zeros(0)))


def random_relabelling(scenario: sb.Scenario, rng: np.random.Generator) -> Relabelling:
    """Any relabelling of a scenario in which the parties are alike, all settings with equally many outcomes."""
    parties = rng.permutation(scenario.parties)
    moves = {p: rng.permutation(scenario.settings[p]) for p in range(scenario.parties)}
    return Relabelling.of(
        scenario,
        [int(p) for p in parties],
        {(p, x): int(moves[p][x]) for p in moves for x in range(scenario.settings[p])},
        {
            (p, x): tuple(int(a) for a in rng.permutation(scenario.outcomes[p][x]))
            for p in moves
            for x in range(scenario.settings[p])
        },
    )


# -- automorphisms ------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 6), colours=st.integers(1, 3), symmetric=st.booleans(), seed=SEEDS)
def test_as_many_automorphisms_as_permutations_that_fit(n: int, colours: int, symmetric: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, colours, (n, n))
    if symmetric:
        table = np.triu(table) + np.triu(table, 1).T
    fitting = [
        image for image in itertools.permutations(range(n)) if np.array_equal(table[np.ix_(image, image)], table)
    ]
    found = automorphisms(table)
    assert found.complete and found.order == len(fitting)
    assert all(tuple(g.tolist()) in set(fitting) for g in found.generators)
    for point in range(n):
        assert orbit_of(point, found.generators) == {image[point] for image in fitting}


def test_a_test_beyond_the_colours_keeps_a_part_of_the_group() -> None:
    """All permutations of four points that keep the sum of 0 and 1 modulo the pairs: the dihedral group of eight."""

    def keeps_pairs(image: np.ndarray) -> bool:
        return {frozenset(image[[0, 1]].tolist()), frozenset(image[[2, 3]].tolist())} == {
            frozenset((0, 1)),
            frozenset((2, 3)),
        }

    assert automorphisms(np.zeros((4, 4), dtype=np.int64)).order == 24
    assert automorphisms(np.zeros((4, 4), dtype=np.int64), keeps_pairs).order == 8


def test_a_search_without_time_returns_what_it_has() -> None:
    found = automorphisms(np.zeros((8, 8), dtype=np.int64), steps=40)
    assert not found.complete and 1 <= found.order < 40320
    assert automorphisms(np.zeros((8, 8), dtype=np.int64), steps=0).generators == ()


# -- relabellings -------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(shape=st.sampled_from([(2, 2, 2), (2, 3, 2), (2, 2, 3), (3, 2, 2), (2, 2, 4)]), seed=SEEDS)
def test_relabelled_expressions_are_relabelled_tables(shape: tuple[int, int, int], seed: int) -> None:
    """Against the table of coefficients of probabilities, permuted entry by entry."""
    parties, inputs, outputs = shape
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((outputs,) * parties + (inputs,) * parties)
    before = sb.BellExpression.from_probabilities(table)
    relabelling = random_relabelling(before.scenario, rng)
    moved = np.empty_like(table)
    for index in np.ndindex(*table.shape):
        new = [0] * (2 * parties)
        for p in range(parties):
            q, x, a = relabelling.names(p)[index[parties + p], index[p]]
            new[q], new[parties + q] = a, x
        moved[tuple(new)] = table[index]
    after = relabelling.expression(before)
    np.testing.assert_allclose(after.coefficients, sb.BellExpression.from_probabilities(moved).coefficients, atol=1e-12)
    tensor = full_tensor(before.scenario, before.coefficients)
    np.testing.assert_allclose(moment_tensor(before.scenario, tensor), before.coefficients, atol=1e-12)
    letters = full_letters(before.scenario)[0]
    assert np.abs(tensor[1:][[i for i, o in enumerate(letters) if o.setting == 0]].sum(axis=0)).max() < 1e-12


def test_a_relabelling_is_checked_and_printed() -> None:
    scenario = sb.Scenario.bipartite(2, 2)
    both = Relabelling.of(scenario, parties=(1, 0), settings={(0, 0): 1, (0, 1): 0}, outcomes={(0, 0): (1, 0)})
    assert str(both) == "A <-> B, A0 -> -B1, A1 -> B0"
    assert str(Relabelling.of(scenario)) == "identity"
    three = sb.Scenario.bipartite(2, 2, 3, 3)
    assert str(Relabelling.of(three, outcomes={(1, 0): (1, 2, 0)})) == "B0 (outcomes 0 1 2 -> 1 2 0)"
    with pytest.raises(InvalidInput, match="no relabelling"):
        Relabelling.of(scenario, outcomes={(0, 0): (0, 0)})
    with pytest.raises(InvalidInput, match="no relabelling"):  # one outcome of A0 and one of A1 to one setting
        Relabelling(
            scenario, (((0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)), tuple((1, x, a) for x in (0, 1) for a in (0, 1)))
        )
    with pytest.raises(InvalidInput, match="each of the parties"):
        Relabelling.of(scenario, parties=(0, 0))


# -- groups -------------------------------------------------------------------------------------------------------


def test_groups_of_known_orders() -> None:
    """Chained inequalities: a polygon of 2 n settings with 4 n isometries, and all outcomes flipped."""
    cases = {sb.chsh(): 16, sb.i3322(): 8, sb.mermin(): 192}
    cases |= {sb.chained(n): 8 * n for n in (3, 5, 8)} | {sb.cglmp(d): 8 * d for d in (3, 4, 5)}
    for expression, order in cases.items():
        found = group_of(expression)
        assert found.complete and found.order == order, expression.name
        for relabelling in found.generators:
            np.testing.assert_allclose(relabelling.apply(expression.coefficients), expression.coefficients, atol=1e-12)


@pytest.mark.parametrize("name", ["chsh", "tilted", "correlators", "cglmp"])
def test_orders_by_trying_all_relabellings(name: str) -> None:
    """All 128 relabellings of two settings and outcomes, and the 10368 of three outcomes, one by one."""
    expression = {
        "chsh": sb.chsh(),
        "tilted": sb.tilted_chsh(0.5),
        "correlators": sb.BellExpression.from_correlators([[1, 2], [2, -1]]),
        "cglmp": sb.cglmp(3),
    }[name]
    scenario = expression.scenario
    d = scenario.outcomes[0][0]
    count = 0
    tensor = full_tensor(scenario, expression.coefficients)
    orders = list(itertools.permutations(range(d)))
    for parties in ((0, 1), (1, 0)):
        for swaps in itertools.product((0, 1), repeat=2):
            for outcomes in itertools.product(orders, repeat=4):
                relabelling = Relabelling.of(
                    scenario,
                    parties,
                    {(p, x): x ^ swaps[p] for p in (0, 1) for x in (0, 1)},
                    {(i // 2, i % 2): o for i, o in enumerate(outcomes)},
                )
                count += bool(np.abs(relabelling.permuted(tensor) - tensor).max() < 1e-12)
    assert group_of(expression).order == count


# -- data ---------------------------------------------------------------------------------------------------------


def test_data_keep_the_part_that_leaves_them_unchanged() -> None:
    """Tsirelson's correlators at visibility 0.9 have the 16 of CHSH; moved ones lose some; marginals lose the flips."""
    table = np.array([[1.0, 1.0], [1.0, -1.0]]) * 0.9 / 2**0.5
    orders = []
    for moved in (table, table + np.array([[0.01, 0], [0, 0]]), table + np.array([[0.01, 0.02], [0.03, 0]])):
        data = sb.Observations.correlators(moved)
        nothing = np.zeros((1, *data.scenario.shape))
        orders.append(symmetry_group(Tables(data.scenario, nothing, data.coefficients, data.values)).order)
    assert orders == [16, 4, 2]
    behaviour = sb.Behaviour.from_moments(data.scenario, np.array([[1, 0.1, 0.1], [0.1, 0.6, 0.6], [0.1, 0.6, -0.6]]))
    full = sb.Observations.full(behaviour)
    # A <-> B is left; each flip turns a marginal around
    assert symmetry_group(Tables(full.scenario, nothing, full.coefficients, full.values)).order == 2


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, size=st.sampled_from([1e-9, 1e-7]), outcomes=st.sampled_from([2, 3]))
def test_symmetrised_data_hold_the_old_ones(seed: int, size: float, outcomes: int) -> None:
    """Every old interval lies in the new one, the values are invariant, and nothing moves by more than the noise."""
    rng = np.random.default_rng(seed)
    expression = sb.chsh() if outcomes == 2 else sb.cglmp(3)
    scenario = expression.scenario
    noise = sb.Behaviour.uniform(scenario).moments
    group = group_of(expression)
    # a symmetric behaviour: white noise and a little of the expression's own table
    clean = noise + 0.02 * _mean(scenario, rng.standard_normal(scenario.shape), group)
    noisy = clean + size * rng.uniform(-1, 1, clean.shape)
    noisy[(0,) * noisy.ndim] = 1.0
    data = sb.Observations.full(sb.Behaviour.from_moments(scenario, noisy))
    new = data.symmetrised(1e-5)
    assert (new.values - new.tolerances <= data.values - data.tolerances).all()
    assert (new.values + new.tolerances >= data.values + data.tolerances).all()
    assert np.abs(new.values - data.values).max() <= 20 * size
    nothing = np.zeros((1, *scenario.shape))
    before = symmetry_group(Tables(scenario, nothing, data.coefficients, data.values))
    after = symmetry_group(Tables(scenario, nothing, new.coefficients, new.values))
    assert after.order >= group.order > before.order
    assert new.symmetrised(1e-5).values == pytest.approx(new.values, abs=1e-14)


def _mean(scenario: sb.Scenario, functional: np.ndarray, group: SymmetryGroup) -> np.ndarray:
    """A direction of moments that a group leaves unchanged: the mean of one over all elements."""
    one = sb.Behaviour.uniform(scenario).moments
    total, frontier, seen = np.zeros_like(one), [np.eye(one.size)], {np.eye(one.size).tobytes()}
    matrices = []
    for g in group.generators:
        columns = [g.apply(row.reshape(scenario.shape)).reshape(-1) for row in np.eye(one.size)]
        matrices.append(
            np.round(np.array(columns), 12) + 0.0
        )  # functional f goes to f @ matrix, behaviours by its inverse
    elements = []
    while frontier:
        element = frontier.pop()
        elements.append(element)
        for matrix in matrices:
            new = np.round(element @ matrix, 12) + 0.0
            if new.tobytes() not in seen:
                seen.add(new.tobytes())
                frontier.append(new)
    assert len(elements) == group.order
    flat = functional.reshape(-1) * 1.0
    flat[0] = 0.0  # a direction
    total = sum(element @ flat for element in elements) / len(elements)
    return np.asarray(total).reshape(scenario.shape)


def test_symmetrised_data_that_need_nothing_are_the_same() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    assert data.symmetrised() is data
    none = sb.Observations.none(sb.chsh().scenario)
    assert none.symmetrised() is none
    for bad in (0.0, 1.0, -1e-6):
        with pytest.raises(InvalidParameter, match="within"):
            data.symmetrised(bad)
