"""Deterministic strategies one after the other, each a change of one answer from the one before, compiled by numba.

A table of integers is read as rows: what each answer of the enumerated party adds to the coordinates of the last one.
The strategies come in reflected Gray order (Knuth, The Art of Computer Programming 4A, 7.2.1.1, Algorithm H). So a step
adds one row and takes another one away, and the last party's best answer is found in the same loop. All numbers are
integers of 64 bits: the maximum is exact where the sum of all sizes stays below 2^62, which the caller sees to.
"""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Ints
from sdpbound.compiling import compiled_loop

__all__ = ["largest_values"]


@compiled_loop
def _answered(t: Ints, ends: Ints, kinds: Ints, binary: bool) -> int:
    """The largest value that the last party's answers reach: coordinate 0, and the best of each setting."""
    value = t[0]
    if binary:
        for i in range(1, len(t)):
            value += abs(t[i])
        return int(value)
    first = 1
    for setting in range(len(kinds)):
        if kinds[setting] == 2:
            value += abs(t[first])
        else:
            best = t[0] - t[0]  # nothing: the last outcome, which has no coordinate
            for i in range(first, ends[setting]):
                best = max(best, t[i])
            value += best
        first = ends[setting]
    return int(value)


@compiled_loop
def largest_values(bases: Ints, rows: Ints, places: Ints, counts: Ints, ends: Ints, kinds: Ints) -> Ints:
    """The largest value from each base, over all answers of the enumerated settings: shape (B,).

    Parameters
    ----------
    bases : (B, L)
        Coordinates of the last party where every enumerated setting has answer 0.
    rows : (1 or B, R, L)
        What an answer adds. Answer a of setting s is row ``places[s] + a``.
    places, counts : (S,)
        First row of each enumerated setting, and its number of answers, at least 2.
    ends, kinds : (T,)
        The last party's settings: where the coordinates of each end, and 2 for an observable (two outcomes), another
        number for projectors on all outcomes but the last.
    """
    settings, width = len(counts), bases.shape[1]
    binary = True
    for kind in kinds:
        binary = binary and kind == 2
    best = np.empty(len(bases), dtype=np.int64)
    for b in range(len(bases)):
        own = rows[b if len(rows) > 1 else 0]
        t = bases[b].copy()
        focus = np.arange(settings + 1)
        answer, step = np.zeros(settings, dtype=np.int64), np.ones(settings, dtype=np.int64)
        top = _answered(t, ends, kinds, binary)
        while True:
            s = focus[0]
            focus[0] = 0
            if s == settings:
                break
            old = places[s] + answer[s]
            answer[s] += step[s]
            new = places[s] + answer[s]
            if answer[s] in (0, counts[s] - 1):
                step[s] = -step[s]
                focus[s] = focus[s + 1]
                focus[s + 1] = s + 1
            for i in range(width):
                t[i] += own[new, i] - own[old, i]
            top = max(top, _answered(t, ends, kinds, binary))
        best[b] = top
    return best
