"""Moments of white noise: of operators that are free of each other, each outcome equally likely.

They are those of the trace of a free product of algebras: a product of letters of alternating settings, each less its
own mean, has mean zero. Products of two parties have the product of their means. No polynomial of words but 0 has a
square of mean 0, so the moment matrix is positive, whatever its words: a point to begin with.
"""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.scenario import Scenario
from sdpbound.npa.words import MomentMatrix, PartyAlgebra, PartyWord, Word

__all__ = ["white_noise"]


def white_noise(scenario: Scenario, matrix: MomentMatrix) -> Floats:
    """(m,) the moments of a moment matrix at white noise."""
    traces = [_Trace(scenario, p) for p in range(scenario.parties)]
    flat = matrix.index.reshape(-1)
    numbers, first = np.unique(flat, return_index=True)
    out = np.zeros(matrix.moments)
    for number, place in zip(numbers, first, strict=True):
        if number >= 0:
            left, right = divmod(int(place), len(matrix.words))
            out[number] = _mean(traces, matrix.words[left], matrix.words[right])
    return out


def _mean(traces: list[_Trace], left: Word, right: Word) -> float:
    value = 1.0
    for trace, u, v in zip(traces, left, right, strict=True):
        product = trace.algebra.product(u, v)
        value *= 0.0 if product is None else trace.of(product)
    return value


class _Trace:
    """The trace of one party's words."""

    def __init__(self, scenario: Scenario, party: int) -> None:
        self.algebra = PartyAlgebra(scenario.letters[party])
        outcomes = scenario.outcomes[party]
        self._means = [0.0 if one.outcome is None else 1.0 / outcomes[one.setting] for one in self.algebra.letters]
        self._known: dict[PartyWord, float] = {(): 1.0}

    def of(self, word: PartyWord) -> float:
        """The mean of a reduced word, from those of shorter ones: all letters less their means have mean zero."""
        if word not in self._known:
            total = 0.0
            for kept in range(2 ** len(word) - 1):  # which letters stay; of the others minus the mean
                factor = 1.0
                rest = []
                for i, letter in enumerate(word):
                    if kept >> i & 1:
                        rest.append(letter)
                    else:
                        factor *= -self._means[letter - 1]
                reduced = self.algebra.reduce(rest) if factor else None
                total += 0.0 if reduced is None else factor * self.of(reduced)
            self._known[word] = -total
        return self._known[word]
