"""Variables that are entries: the same matrices, of few entries, and the loops that use them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sdpbound.conic.entries import cleaned, entry_variables
from sdpbound.conic.solvers.arrow_loops import add_traces


def mixed_rows(seed: int, condition: float = 1.0) -> tuple[np.ndarray, sp.csr_array]:
    """Rows that have one of six numbers each, or the sum of two, and the same of arbitrary variables."""
    rng = np.random.default_rng(seed)
    plain = np.zeros((60, 6))
    plain[np.arange(60), rng.integers(6, size=60)] = rng.choice([1.0, -1.0, 0.5], size=60)
    plain[:6] = np.eye(6)
    plain[50:55, 0] += 1.0
    mixing = rng.normal(size=(6, 6))
    mixing[:, -1] *= condition
    return plain, sp.csr_array(plain @ mixing)


@pytest.mark.parametrize("seed", range(5))
def test_most_entries_are_one_variable(seed: int) -> None:
    plain, rows = mixed_rows(seed)
    change = entry_variables(rows)
    new = cleaned(rows @ change)
    assert abs(np.linalg.det(change.toarray())) > 1e-6  # as good a choice as any
    assert new.nnz <= np.count_nonzero(plain) + 10 and rows.nnz > 300
    assert np.abs(rows @ change - new).max() < 1e-12
    one = np.flatnonzero(np.diff(new.indptr) == 1)
    assert len(one) >= 50


def test_entries_of_different_sizes() -> None:
    """That an entry is fifty times another one is no reason to leave all as they are."""
    plain, rows = mixed_rows(1)
    sizes = 10.0 ** np.random.default_rng(5).uniform(-1.0, 1.0, size=(len(plain), 1))
    scaled = sp.csr_array(sizes * rows.toarray())
    new = cleaned(scaled @ entry_variables(scaled))
    assert new.nnz <= np.count_nonzero(plain) + 10 < scaled.nnz


def test_what_is_left_as_it_is() -> None:
    """Rows with few entries, rows that do not tell all variables apart, and single variables."""
    same = np.eye(6)
    plain, rows = mixed_rows(0)
    few = sp.csr_array(plain[:10])
    dependent = sp.csr_array(rows.toarray() @ np.diag([1, 1, 1, 1, 1, 0]) @ np.ones((6, 6)))
    for case in (few, dependent):
        np.testing.assert_array_equal(entry_variables(case).toarray(), same)
    np.testing.assert_array_equal(entry_variables(sp.csr_array(np.ones((3, 1)))).toarray(), np.eye(1))


def test_traces_are_added_to_the_equations() -> None:
    rng = np.random.default_rng(3)
    found, mixed = rng.normal(size=(5, 5)), rng.normal(size=(2, 5))
    found = found + found.T
    own, basis, factor = np.array([0, 2, 3]), np.array([4, 1, 1]), np.array([1.0, -2.0, 0.5])
    of_shared = np.array([0, 2])
    square, beside = np.zeros((4, 4)), np.zeros((4, 3))
    for _ in range(2):
        add_traces(found, mixed, own, basis, factor, of_shared, square, beside)
    expected = np.zeros((4, 4))
    expected[np.ix_(own, own)] = found[np.ix_(basis, basis)] * np.outer(factor, factor)
    np.testing.assert_allclose(np.tril(square), 2.0 * np.tril(expected), atol=1e-14)
    right = np.zeros((4, 3))
    right[np.ix_(own, of_shared)] = mixed.T[basis] * factor[:, None]
    np.testing.assert_allclose(beside, 2.0 * right, atol=1e-14)
