"""Relations between entries, solved for entries that stay free."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sdpbound.conic.sectors import null_space


def test_relations_of_several_parts_are_solved_apart() -> None:
    """Two parts, one of them with a relation too many, and entries without relations: all solutions, and no others."""
    rng = np.random.default_rng(5)
    relations = np.zeros((9, 12))
    relations[:3, [0, 4, 6, 9]] = rng.integers(-3, 4, (3, 4))
    relations[3:8, [1, 2, 7, 10, 11]] = rng.integers(-3, 4, (5, 2)) @ rng.integers(-3, 4, (2, 5))
    order = rng.permutation(9)
    free = null_space(sp.csr_array(relations[order])).toarray()
    assert np.abs(relations @ free).max() < 1e-12
    dimension = 12 - np.linalg.matrix_rank(relations)
    assert free.shape[1] == dimension == np.linalg.matrix_rank(free)
    units = [row for row in free if np.count_nonzero(row) == 1 and row.max() == 1.0]
    assert len(np.unique(np.argmax(units, axis=1))) == dimension  # each variable is an entry
