from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.bell.scenario import Letter
from sdpbound.npa.levels import generating_words, normalise_level
from sdpbound.npa.words import PartyAlgebra, moment_matrix

PLAIN = PartyAlgebra((Letter(0, None), Letter(1, 0), Letter(1, 1), Letter(2, None)))
MIXED = PartyAlgebra(
    (Letter(0, None), Letter(1, None), Letter(2, None), Letter(3, 0), Letter(3, 1)), frozenset({(0, 3), (1, 2)})
)
words = st.lists(st.integers(1, 4), max_size=8)
mixed_words = st.lists(st.integers(1, 5), max_size=8)


def operators(algebra: PartyAlgebra) -> dict[int, np.ndarray]:
    """A faithful enough representation: random observables and projectors, those of commuting settings on another
    tensor factor. Used only where settings 0..2 do not commute."""
    rng = np.random.default_rng(7)
    out: dict[int, np.ndarray] = {}
    bases: dict[int, np.ndarray] = {}
    for i, letter in enumerate(algebra.letters, start=1):
        if letter.setting not in bases:
            bases[letter.setting] = np.linalg.qr(rng.normal(size=(6, 6)))[0]
        q = bases[letter.setting]
        if letter.outcome is None:
            out[i] = q @ np.diag([1, 1, 1, -1, -1, -1]) @ q.T
        else:
            diagonal = np.zeros(6)
            diagonal[2 * letter.outcome : 2 * letter.outcome + 2] = 1
            out[i] = q @ np.diag(diagonal) @ q.T
    return out


MATRICES = operators(PLAIN)


def evaluate(word: tuple[int, ...] | list[int] | None) -> np.ndarray:
    m = np.eye(6)
    if word is None:
        return 0 * m
    for letter in word:
        m = m @ MATRICES[letter]
    return m


@given(words)
def test_reduction_is_idempotent_and_keeps_the_operator(word: list[int]) -> None:
    reduced = PLAIN.reduce(word)
    assert np.allclose(evaluate(word), evaluate(reduced), atol=1e-9)
    if reduced is not None:
        assert PLAIN.reduce(reduced) == reduced


@given(words, words)
def test_products_agree_with_reduction(left: list[int], right: list[int]) -> None:
    u, v = PLAIN.reduce(left), PLAIN.reduce(right)
    if u is not None and v is not None:
        assert PLAIN.product(u, v) == PLAIN.reduce(u[::-1] + v)


@given(mixed_words, st.integers(0, 7), st.randoms(use_true_random=False))
def test_partial_commutation_is_confluent(word: list[int], swaps: int, random) -> None:  # type: ignore[no-untyped-def]
    """Exchanging commuting neighbours, or inserting O O, never changes the normal form."""
    expected = MIXED.reduce(word)
    moved = list(word)
    for _ in range(swaps):
        if len(moved) > 1 and random.random() < 0.7:
            i = random.randrange(len(moved) - 1)
            s, t = (MIXED.letters[moved[j] - 1].setting for j in (i, i + 1))
            if (min(s, t), max(s, t)) in MIXED.commuting:
                moved[i], moved[i + 1] = moved[i + 1], moved[i]
        else:
            i = random.randrange(len(moved) + 1)
            letter = random.choice((1, 2, 3))
            moved[i:i] = [letter, letter]
    assert MIXED.reduce(moved) == expected
    if expected is not None:
        assert MIXED.reduce(expected) == expected


@pytest.mark.parametrize(
    ("level", "size", "moments"), [("1", 7, 22), ("1+AB", 16, 58), ("2", 28, 154), ("3", 88, 868), ("4", 244, 4492)]
)
def test_sizes_of_i3322(level: str, size: int, moments: int) -> None:
    """Sizes of the literature; the identity counts as a moment here."""
    scenario = sb.Scenario.bipartite(3, 3)
    matrix = moment_matrix(scenario, generating_words(scenario, level))
    assert (len(matrix.words), matrix.moments) == (size, moments)


def test_moment_matrix_entries_are_the_operators_moments() -> None:
    """On a random state and random measurements equal entries are equal numbers, and different ones differ."""
    rng = np.random.default_rng(3)
    scenario = sb.Scenario(((2, 3), (2, 2)))
    strategy = sb.random_strategy(scenario, 6, rng)
    matrix = moment_matrix(scenario, generating_words(scenario, "1+AB+AAB"))
    ops = []
    for party in range(2):
        table = []
        for letter in scenario.letters[party]:
            effects = strategy.measurements[party][letter.setting]
            table.append(effects[0] - effects[1] if letter.outcome is None else effects[letter.outcome])
        ops.append(table)
    vectors = []
    for word in matrix.words:
        parts = []
        for party, part in enumerate(word):
            m = np.eye(6, dtype=complex)
            for letter in part:
                m = m @ ops[party][letter - 1]
            parts.append(m)
        vectors.append(np.kron(*parts))
    full = np.array([[np.trace(strategy.state @ u.conj().T @ v).real for v in vectors] for u in vectors])
    values = np.full(matrix.moments, np.nan)
    for index, value in zip(matrix.index.reshape(-1), full.reshape(-1), strict=True):
        if index < 0:
            assert abs(value) < 1e-9
        elif np.isnan(values[index]):
            values[index] = value
        else:
            assert values[index] == pytest.approx(value, abs=1e-9)
    assert np.diff(np.sort(values)).min() > 1e-9


@pytest.mark.parametrize("text", ["", "0", "AB", "1+", "1+XY", "two", "-1", "1.5"])
def test_unreadable_levels(text: str) -> None:
    with pytest.raises(sb.InvalidLevel):
        normalise_level(text)


def test_own_words_and_sums() -> None:
    scenario = sb.Scenario.bipartite(2, 2)
    own = generating_words(scenario, ("1", "A0", "A1", "B0", "B1", "A0 B0", "A0 B1", "A1 B0", "A1 B1"))
    assert set(own) == set(generating_words(scenario, "1+AB"))
    assert len(generating_words(scenario, "1+AB+AAB")) == 13  # and A0 A1 B_y, A1 A0 B_y; A_x A_x B_y is B_y
    with pytest.raises(sb.InvalidLevel, match="A2"):
        generating_words(scenario, ("A2",))
    with pytest.raises(sb.InvalidLevel, match="party C"):
        generating_words(scenario, "1+ABC")
    with pytest.raises(sb.InvalidLevel, match="zero"):
        generating_words(sb.Scenario.bipartite(2, 2, 3, 3), ("A0|0 A1|0",))


def test_a_level_that_misses_the_question_says_so() -> None:
    with pytest.raises(sb.InvalidLevel, match="level"):
        sb.maximize(sb.mermin(), sb.Quantum("1"))
    assert sb.maximize(sb.mermin(), sb.Quantum("2")).value == pytest.approx(4.0, abs=1e-5)
