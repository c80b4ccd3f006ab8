"""Variables that are entries of a program's matrices, so that its columns have few entries."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sdpbound.limiting import require_time

__all__ = ["cleaned", "entry_variables"]

#: Entries below this are zero but for rounding.
NOTHING = 1e-13
#: Digits to which entries are the same.
DIGITS = 9
#: More variables than this are left as they are: the search takes their third power.
MOST = 700
#: Entries that are combinations of variables with larger coefficients than this say that these are a bad choice.
LARGEST = 30.0
#: Products of numbers in a second in a decomposition with pivots (one thread): about; for the time that a step takes.
DECOMPOSED = 3e9


def entry_variables(rows: sp.csr_array) -> sp.csr_array:
    """Sparse (k, k): old variables from new ones, which are k independent entries, those that stand most often first.

    Invariant matrices are combinations of arbitrary ones: nearly every entry has nearly all variables. Each choice of
    variables is right, and with this one most entries are one variable.

    Parameters
    ----------
    rows : (r, k) all entries, as functions of the old variables
    """
    k = rows.shape[1]
    same = sp.csr_array(sp.eye_array(k))
    if not 1 < k <= MOST or rows.nnz <= 2 * rows.shape[0]:
        return same
    require_time(4.0 * rows.shape[0] * k * k / DECOMPOSED)
    dense = rows.toarray()
    size = np.linalg.norm(dense, axis=1)
    dense, size = dense[size > 1e-9], size[size > 1e-9]
    lead = np.argmax(np.abs(dense) > 0.5 * np.abs(dense).max(axis=1, keepdims=True), axis=1)
    unit = dense / (size * np.sign(dense[np.arange(len(dense)), lead]))[:, None]
    _, first, counts = np.unique(np.round(unit, DIGITS) + 0.0, axis=0, return_index=True, return_counts=True)
    _, triangle, order = scipy.linalg.qr((unit[first] * np.sqrt(counts)[:, None]).T, mode="economic", pivoting=True)
    if len(first) < k or abs(triangle[k - 1, k - 1]) < 1e-6:
        return same
    chosen = dense[first[order[:k]]]
    inverse = np.linalg.inv(chosen)
    # entries of very different sizes have large coefficients that say nothing
    found = np.abs(dense @ inverse)
    if min(found.max(), (found / size[:, None] * np.linalg.norm(chosen, axis=1)).max()) > LARGEST:
        return same
    return cleaned(sp.csr_array(inverse))


def cleaned(matrix: sp.sparray) -> sp.csr_array:
    """A matrix without entries that are zero but for rounding."""
    found = sp.csr_array(matrix)
    found.data[np.abs(found.data) < NOTHING] = 0.0
    found.eliminate_zeros()
    return found
