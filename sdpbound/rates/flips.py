"""Where the best flips of a key are, from attacks alone. Estimates steer, and prove nothing.

A mixture of qubit strategies that attacks a key has the tested data, so it attacks the key with any other flips too:
its entropy less error correction is above every rate, and close to the rate with the flips that it was found for. The
highest point of the least of these curves is where to look for the next attack, as in Kelley's cutting planes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import minimize_scalar

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.key import Settings
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.auto import Auto
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.entropies.qubits.method import QubitReduction, fitted
from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture
from sdpbound.entropies.question import KeyQuestion
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.rates.correction import leakage_of_key, sender_of

__all__ = ["FlipsAhead", "asks_qubits", "says_it_all"]

#: The flips that are compared before the best of them is refined: closer near zero, where little noise wants few.
_GRID = 0.5 * np.linspace(0.0, 1.0, 33) ** 2
#: Accuracy of attacks in bits, and how much they may miss the tested values by, relative.
_ACCURACY, _MISSED = 1e-5, 1e-6
#: Attacks that are looked for, at most, and bits that are worth one more.
_MOST, _GAIN = 8, 1e-6


def asks_qubits(entropy: Entropy) -> bool:
    """Whether an entropy is the one of the qubit reduction where that applies."""
    own = entropy.chosen if isinstance(entropy, VonNeumann) else entropy
    if isinstance(own, SweptEntropy):
        return own.otherwise is None or asks_qubits(own.otherwise)
    return isinstance(own, QubitReduction) or (isinstance(own, Auto) and own.level is None and own.nodes is None)


@dataclass(eq=False)
class FlipsAhead:
    """What attacks leave of a key, as a function of its flips.

    Attributes
    ----------
    behaviour, key : of which error correction is charged
    data : what is tested
    """

    behaviour: Behaviour
    key: Settings
    data: Observations
    _mixtures: list[QubitOptimum] = field(default_factory=list)

    def best(self, accuracy: float) -> float | None:
        """The flips with most bits left, within an accuracy; None where qubits do not say it all, or a search fails."""
        if len(self.key) != 2 or sender_of(self.key)[1][0] != 0:
            return None
        tried = [0.0]
        try:
            self.attack(0.0)
            for _ in range(_MOST):
                flips = self._highest(accuracy)
                known = max(tried, key=self.left)
                if abs(flips - known) <= accuracy or self.left(flips) - self.left(known) <= _GAIN:
                    return known
                tried.append(flips)
                self.attack(flips)
        except (InvalidInput, SolverFailure):
            return None
        return max(tried, key=self.left)

    def left(self, flips: Preprocessing) -> float:
        """Bits that the best attack so far leaves: about an upper bound on the rate with these flips."""
        return min(_entropy(found, flips) for found in self._mixtures) - float(
            leakage_of_key(self.behaviour, self.key, flips)
        )

    def attack(self, flips: Preprocessing) -> None:
        """Look for the best attack of the key with these flips, or behind this channel, from the last one found."""
        question = KeyQuestion(self.data, self.key[0] or 0, None, preprocessing=flips).of_entropy()
        start = self._mixtures[-1] if self._mixtures else None
        if start is not None:
            start = fitted(replace(start.problem, flips=flips), start)
        found = least_mixture(question, _ACCURACY, start)
        if found.miss > _MISSED:
            raise SolverFailure("the attack has other data; prove rates at several flips instead.")
        self._mixtures.append(found)

    def _highest(self, accuracy: float) -> float:
        values = [self.left(float(q)) for q in _GRID]
        top = int(np.argmax(values))
        ends = (float(_GRID[max(top - 1, 0)]), float(_GRID[min(top + 1, len(_GRID) - 1)]))
        found = minimize_scalar(
            lambda q: -self.left(float(q)), bounds=ends, method="bounded", options={"xatol": 0.1 * accuracy}
        )
        return float(found.x) if -found.fun > values[top] else float(_GRID[top])


def _entropy(found: QubitOptimum, flips: Preprocessing) -> float:
    """H(A|X=x,E) of a mixture in bits, Alice's bit flipped with a probability or behind a channel."""
    moved = fitted(replace(found.problem, flips=flips), found)
    return float(found.weights @ moved.columns.entropies)


def says_it_all(entropy: Bound) -> bool:
    """Whether the best attack by qubits meets the bound, but for its accuracy."""
    return isinstance(entropy, QubitEntropyBound) or entropy.status == "closed form"
