"""Symmetry found and used: the same bounds without it, smaller programs, certificates that do not rest on it."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.adversaries.quantum import Quantum
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bounds.bell_value import bell_question
from sdpbound.bounds.guessing import guessing_question
from sdpbound.bounds.question import Question
from sdpbound.bounds.solving import solve
from sdpbound.bounds.symmetries import program_symmetry, question_symmetry
from sdpbound.conic import commutant
from sdpbound.conic.blocks import split_block

SEEDS = st.integers(0, 2**32 - 1)
CHSH_DATA = sb.Observations.bell_value(sb.chsh(), 2.6)


def same_with_and_without(question: Question, model: Quantum, within: float = 1e-7) -> sb.Bound:
    """The bound with symmetry, equal to the one without, and its certificate checked."""
    found, plain = solve(question, model), solve(question, model, symmetry=False)
    assert plain.symmetry is None and found.symmetry is not None
    assert abs(found.value - plain.value) <= within * max(1.0, abs(plain.value))
    assert found.certificate.verify().holds
    used = found.symmetry
    assert sum(used.blocks) <= sum(used.blocks_before) and used.variables <= used.variables_before
    return found


def cyclic(d: int, settings_a: int, settings_b: int, rng: np.random.Generator) -> sb.BellExpression:
    """Random coefficients of b - a modulo d: a cyclic group and, but by chance, no reflection."""
    part = rng.standard_normal((d, settings_a, settings_b))
    table = np.array([[part[(b - a) % d] for b in range(d)] for a in range(d)])
    return sb.BellExpression.from_probabilities(table)


# -- equal bounds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["1", "1+AB", "2"])
@pytest.mark.parametrize("expression", [sb.chsh(), sb.i3322(), sb.chained(3), sb.cglmp(3)], ids=lambda e: e.name)
def test_catalogue_bounds_are_the_same_without_symmetry(expression: sb.BellExpression, level: str) -> None:
    for side in ("upper", "lower"):
        same_with_and_without(bell_question(expression, None, side), Quantum(level))


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS, shape=st.sampled_from([(3, 2, 2), (3, 3, 2), (4, 2, 2), (5, 2, 2)]))
def test_cyclic_groups(seed: int, shape: tuple[int, int, int]) -> None:
    """Complex representations, also at a level where their blocks have several copies."""
    expression = cyclic(*shape, np.random.default_rng(seed))
    bound = same_with_and_without(bell_question(expression, None, "upper"), Quantum("1"))
    assert bound.symmetry is not None and bound.symmetry.order % shape[0] == 0
    if shape[0] == 3:
        same_with_and_without(bell_question(expression, None, "upper"), Quantum("1+AB"))


@settings(max_examples=15, deadline=None)
@given(
    seed=SEEDS,
    outcomes=st.sampled_from(
        [((2, 2), (2, 2)), ((2, 2, 2), (2, 2, 2)), ((2, 3), (2, 3)), ((3, 3), (2, 2)), ((2, 4), (2,))]
    ),
    level=st.sampled_from(["1", "1+AB"]),
)
def test_random_expressions_made_symmetric(seed: int, outcomes: tuple[tuple[int, ...], ...], level: str) -> None:
    """An expression and its image under a random relabelling of order two, added."""
    rng = np.random.default_rng(seed)
    scenario = sb.Scenario(outcomes)
    flips = {
        (p, x): tuple(range(d))[::-1] for p, own in enumerate(outcomes) for x, d in enumerate(own) if rng.integers(2)
    }
    exchange = outcomes[0] == outcomes[1] and bool(rng.integers(2))
    if exchange:
        flips = {}
    g = Relabelling.of(scenario, (1, 0) if exchange else None, None, flips)
    table = rng.standard_normal(scenario.shape)
    expression = sb.BellExpression(scenario, table + g.apply(table))
    bound = same_with_and_without(bell_question(expression, None, "upper"), Quantum(level))
    if flips or exchange:
        assert bound.symmetry is not None and bound.symmetry.order % 2 == 0


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS, y=st.sampled_from([None, 0]), kind=st.sampled_from(["value", "correlators", "full", "cglmp"]))
def test_guessing_with_tested_data(seed: int, y: int | None, kind: str) -> None:
    """Relabellings that permute Eve's guesses; data that keep all of the group, or a part."""
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.8, 0.97)
    table = np.array([[1.0, 1.0], [1.0, -1.0]]) * v / 2**0.5
    if kind == "cglmp":
        data = sb.Observations.bell_value(sb.cglmp(3), 2 + 0.8 * rng.uniform(0.2, 0.9))
    elif kind == "value":
        data = sb.Observations.bell_value(sb.chsh(), 2.8 * v)
    elif kind == "correlators":
        data = sb.Observations.correlators(table - 0.02 * rng.integers(0, 2, (2, 2)) * np.sign(table))
    else:
        data = sb.Observations.full(sb.Behaviour.from_correlators(table))
    # solvers stall near the boundary of the set: there the bounds differ by what each of them proves
    same_with_and_without(guessing_question(data, 0, y), Quantum("1+AB"), 1e-6)


def test_words_of_ones_own_and_levels_that_are_not_closed() -> None:
    """Only relabellings that keep the words are used: not the exchange where words are not alike."""
    question = bell_question(sb.chsh(), None, "upper")
    orders = {}
    for level in ("1+AAB", ("1", "A0", "A1", "B0", "B1", "A0 B0", "A1 B1"), "1+AB"):
        used = same_with_and_without(question, Quantum(level)).symmetry
        assert used is not None
        orders[level] = used.order
    assert list(orders.values()) == [8, 8, 16]
    # words with some of the outcomes of a setting: last outcomes then stay where they are
    partial = ("1", "A0|0", "A1|0", "B0|0", "B1|0", "A0|1", "B0|1")
    same_with_and_without(
        bell_question(sb.BellExpression(sb.cglmp(3).scenario, _partial_table()), None, "upper"), Quantum(partial)
    )


def _partial_table() -> np.ndarray:
    table = np.zeros(sb.cglmp(3).scenario.shape)
    table[1, 1], table[3, 3], table[1, 3], table[3, 1] = 1.0, -1.0, 1.0, 1.0
    return table


def test_three_parties_and_blind_measurements() -> None:
    used = same_with_and_without(bell_question(sb.mermin(), None, "upper"), Quantum("2")).symmetry
    assert used is not None and used.order == 192
    with_symmetry = sb.blind_guessing_probability(CHSH_DATA, Quantum("1+AB"))
    without = sb.blind_guessing_probability(CHSH_DATA, Quantum("1+AB"), symmetry=False)
    assert with_symmetry.value == pytest.approx(without.value, abs=1e-7)
    assert with_symmetry.certificate.verify().holds
    # Bob's two settings differ for an Eve who takes his device after one of them
    assert with_symmetry.symmetry is not None and with_symmetry.symmetry.order == 2
    local = sb.guessing_probability(CHSH_DATA, Quantum("1+AB"), symmetry=False)
    assert -np.log2(local.value) == pytest.approx(sb.min_entropy(CHSH_DATA, Quantum("1+AB")).value, abs=1e-7)


def test_data_that_symmetry_determines_are_not_taken_for_quantum() -> None:
    """All correlators of a box beyond Tsirelson's bound: nothing is free, and the constant matrix is not positive."""
    box = sb.Behaviour.from_correlators(np.array([[1.0, 1.0], [1.0, -1.0]]))
    for data in (sb.Observations.full(box), sb.Observations.full(box.white_noise(0.72))):
        with pytest.raises(sb.Infeasible):
            solve(Question.of_separation(data), Quantum("1"))
    inside = solve(Question.of_separation(sb.Observations.full(box.white_noise(0.7))), Quantum("1"))
    assert inside.value == 0.0 and inside.status == "solved"


# -- sizes and times ----------------------------------------------------------------------------------------------


def test_large_programs_are_small() -> None:
    """Ten times and more: chained 6 and 10, CGLMP 4, 5 and 8, the magic square, at 1+AB; and their known values."""
    n = 10
    cases = [
        (sb.chained(6), 12 * np.cos(np.pi / 12), 4, 1e-7),
        (sb.chained(n), 2 * n * np.cos(np.pi / (2 * n)), 6, 1e-7),
        (sb.cglmp(4), 2.972698268, 4, 1e-8),
        (sb.cglmp(5), 3.015710479, 5, 2e-8),
        (sb.cglmp(8), 3.101280588, 8, 1e-8),  # the operator's largest eigenvalue at the known settings
        (sb.magic_square(), 1.0, 2, 1e-8),
    ]
    for expression, value, largest, within in cases:
        start = time.process_time()
        bound = sb.maximize(expression, Quantum("1+AB"))
        used = bound.symmetry
        assert used is not None
        assert value - 1e-9 <= bound.value <= value + within
        assert max(used.blocks) == largest and max(used.blocks_before) >= 10 * largest
        assert used.variables_before >= 10 * used.variables
        assert time.process_time() - start < 10.0
        assert used.complete


def test_what_a_bound_says_of_its_symmetry() -> None:
    bound = sb.maximize(sb.chained(3), Quantum("1+AB"))
    used = bound.symmetry
    assert used is not None and used.order == 24 and not used.note
    assert used.sizes == "blocks 16 -> 3 x 2, 4 x 1; variables 58 -> 6"
    assert str(used).splitlines()[0] == f"symmetry of order 24; {used.sizes}"
    assert "A <-> B" in str(used) and len(str(used).splitlines()) == 1 + len(used.generators)
    assert sb.maximize(sb.chsh(), sb.NoSignaling()).symmetry is None
    assert sb.maximize(sb.chsh(), sb.Local()).symmetry is None
    assert sb.maximize(sb.chsh(), Quantum("1"), symmetry=False).symmetry is None


def test_nearly_symmetric_data_say_so_and_symmetrised_ones_cost_little() -> None:
    table = np.array([[1.0, 1.0], [1.0, -1.0]]) * 0.95 / 2**0.5 + np.array([[1e-9, 0], [0, 0]])
    data = sb.Observations.correlators(table)
    rough = sb.guessing_probability(data, Quantum("1+AB"))
    assert rough.symmetry is not None and "symmetrised()" in rough.symmetry.note and rough.symmetry.order == 2
    new = sb.guessing_probability(data.symmetrised(), Quantum("1+AB"))
    assert new.symmetry is not None and new.symmetry.order == 4 and not new.symmetry.note
    assert rough.value - 1e-8 <= new.value <= rough.value + 1e-7
    assert new.certificate.verify().holds
    few = sb.VonNeumann("projective", "1+AB", 2)
    entropy, near = (sb.conditional_entropy(d, method=few, closed_forms=False) for d in (data, data.symmetrised()))
    assert entropy.symmetry is not None and "symmetrised()" in entropy.symmetry.note
    assert near.symmetry is not None and near.symmetry.order > entropy.symmetry.order and not near.symmetry.note


# -- nothing rests on it ------------------------------------------------------------------------------------------


def test_a_wrong_decomposition_only_loosens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that leave out couplings: the bound is worse, and still one."""
    true = sb.maximize(sb.i3322(), Quantum("1+AB"), symmetry=False).value

    def wrong(member: object, orbits: np.ndarray) -> tuple[list[commutant.Kind], bool]:
        kinds, by_orbits = commutant.kinds_of(member, orbits)  # type: ignore[arg-type]
        parts = [
            commutant.Kind(k.words[p : p + 1], k.frames[p : p + 1], k.units, k.seeds)
            for k in kinds
            for p in range(k.copies)
        ]
        return parts, by_orbits

    import sdpbound.bounds.assemble as assemble_module

    assemble_module.forget()
    monkeypatch.setattr("sdpbound.conic.blocks.kinds_of", wrong)
    bound = sb.maximize(sb.i3322(), Quantum("1+AB"))
    monkeypatch.undo()
    assemble_module.forget()
    assert bound.value >= true - 1e-8 and bound.value > true + 1e-3
    assert bound.certificate.verify().holds


def test_invariant_moments_are_those_of_the_words() -> None:
    """At invariant moments the matrix is R^T M R for each generator's R on words, also where last outcomes move."""
    rng = np.random.default_rng(1)
    for expression, level in ((sb.cglmp(3), "1+AB"), (sb.cglmp(4), "1"), (sb.i3322(), "2"), (sb.cglmp(3), "2")):
        model = Quantum(level)
        question = bell_question(expression, None, "upper")
        relaxation = model.relax(expression.scenario)
        group = question_symmetry(question, model, relaxation)
        key = tuple(zip(group.generators, group.copies, strict=True))
        symmetry = program_symmetry(model, expression.scenario, None, 1, key)
        assert symmetry is not None and relaxation.matrix is not None
        y = symmetry.invariants @ rng.standard_normal(symmetry.invariants.shape[1])
        index = relaxation.matrix.index
        matrix = np.where(index >= 0, y[index], 0.0)
        words = {word: i for i, word in enumerate(relaxation.matrix.words)}
        for relabelling in group.generators:
            on_words = np.zeros((len(words),) * 2)
            for word, j in words.items():
                for image, weight in _image_of_word(expression.scenario, relabelling, word).items():
                    on_words[words[image], j] += weight
            np.testing.assert_allclose(on_words.T @ matrix @ on_words, matrix, atol=1e-9)
        # and the blocks have the eigenvalues of the matrix in basis words, each as often as its kind says
        split = split_block(index, 0, symmetry)
        triangles = split.triangles(symmetry.invariants)
        z = np.linalg.lstsq(symmetry.invariants.toarray(), y, rcond=None)[0]
        read = triangles @ z
        basis = np.eye(len(words)) if symmetry.basis is None else symmetry.basis.toarray()
        values: list[float] = []
        start = 0
        for kind in split.kinds:
            block = np.zeros((kind.size, kind.size))
            rows, columns = np.tril_indices(kind.size)
            block[rows, columns] = block[columns, rows] = read[start : start + rows.size]
            start += rows.size
            values += list(np.repeat(np.linalg.eigvalsh(block), kind.dimension // len(kind.units)))
        np.testing.assert_allclose(sorted(values), np.linalg.eigvalsh(basis.T @ matrix @ basis), atol=1e-8)


def _image_of_word(scenario: sb.Scenario, g: Relabelling, word: tuple[tuple[int, ...], ...]) -> dict[tuple, float]:
    """The image of a word, letter by letter in coordinates: projectors of last outcomes multiplied out."""
    parts: list[dict[tuple[int, ...], float]] = [{(): 1.0} for _ in word]
    from sdpbound.npa.words import PartyAlgebra

    for p, part in enumerate(word):
        for i in part:
            letter = scenario.letters[p][i - 1]
            q, x, a = g.names(p)[letter.setting, letter.outcome or 0]
            row = scenario.effect(q, x, a)
            if letter.outcome is None:  # O = 2 P - 1
                row = 2 * row
                row[0] -= 1.0
            algebra = PartyAlgebra(scenario.letters[q])
            grown: dict[tuple[int, ...], float] = {}
            for old, weight in parts[q].items():
                for k in np.flatnonzero(row):
                    reduced = algebra.reduce((*old, int(k))) if k else old
                    if reduced is not None:
                        grown[reduced] = grown.get(reduced, 0.0) + weight * float(row[k])
            parts[q] = grown
    out: dict[tuple, float] = {}
    for choice in itertools.product(*(part.items() for part in parts)):
        weight = float(np.prod([w for _, w in choice]))
        if abs(weight) > 1e-12:
            out[tuple(w for w, _ in choice)] = weight
    return out


def test_wide_tolerances_keep_only_what_keeps_the_box() -> None:
    """Four correlators, one of them known less well: relabellings that would move it to another are not used."""
    table = np.array([[1.0, 1.0], [1.0, -1.0]]) * 0.9 / 2**0.5
    even = sb.Observations.correlators(table, tolerance=1e-3)
    uneven = sb.Observations(even.scenario, even.coefficients, even.values, np.array([1e-2, 1e-3, 1e-3, 1e-3]))
    orders = []
    for data in (even, uneven):
        question = bell_question(sb.chsh(), data, "upper")
        used = same_with_and_without(question, Quantum("1+AB"), 1e-6).symmetry
        assert used is not None
        orders.append(used.order)
    assert orders == [16, 4]
    # the bound is what the box allows
    assert solve(question, Quantum("1+AB")).value == pytest.approx(4 * 0.9 / 2**0.5 + 0.013, abs=1e-6)


@pytest.mark.parametrize(
    "outcomes", [((3, 2),), ((1, 2), (2, 2)), ((1,), (2, 2)), ((2, 2), (2,), (2,)), ((3, 3), (1,))]
)
def test_unusual_scenarios(outcomes: tuple[tuple[int, ...], ...]) -> None:
    """One party, parties and settings without a choice; and nothing to maximise, which everything leaves unchanged."""
    scenario = sb.Scenario(outcomes)
    table = np.random.default_rng(0).standard_normal(scenario.shape)
    for factor in (1.0, 0.0):
        expression = sb.BellExpression(scenario, factor * table)
        used = same_with_and_without(bell_question(expression, None, "upper"), Quantum("3")).symmetry
        assert used is not None and (used.order > 1) == (factor == 0.0)
