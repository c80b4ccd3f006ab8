"""Tests of what is assumed of counts: that neither party signals, and that inputs were drawn as stated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, hypergeom

from sdpbound.arguments import floats
from sdpbound.arrays import Floats, Ints
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape

__all__ = [
    "IMPROBABLE",
    "Comparison",
    "InputsTest",
    "SignalingTest",
    "input_distribution",
    "inputs_test",
    "require_inputs",
    "signaling_test",
]

#: A run whose numbers of tests and of settings are less probable than this is refused.
IMPROBABLE = 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """One party's outcome at one of its settings, under two settings of the other party: Fisher's exact test.

    Attributes
    ----------
    party, setting, outcome : whose outcome is compared, "A" or "B"
    others : the two settings of the other party
    seen, rounds : how often the outcome came under each, and in how many rounds
    p_value : the two-sided p-value of this comparison alone
    """

    party: str
    setting: int
    outcome: int
    others: tuple[int, int]
    seen: tuple[int, int]
    rounds: tuple[int, int]
    p_value: float


@dataclass(frozen=True, slots=True)
class SignalingTest:
    """Whether the counts fit no-signaling devices; assumed: rounds are independent and alike.

    Attributes
    ----------
    p_value : the least p-value of all comparisons times their number, at most 1
    comparisons : all comparisons, those with the least p-value first
    """

    p_value: float
    comparisons: tuple[Comparison, ...]

    def __repr__(self) -> str:
        return f"SignalingTest(p = {self.p_value:.3g}, of {len(self.comparisons)} comparisons)"


@dataclass(frozen=True, slots=True, eq=False)
class InputsTest:
    """Whether the settings fit their stated distribution; assumed: they were drawn independently.

    Attributes
    ----------
    p_value : the least p-value of all pairs of settings times their number, at most 1
    worst : the pair of settings (x, y) with the least p-value
    seen, expected : how often that pair came, and its mean
    """

    p_value: float
    worst: tuple[int, int]
    seen: int
    expected: float

    def __repr__(self) -> str:
        return f"InputsTest(p = {self.p_value:.3g}, worst at {self.worst}: {self.seen}, expected {self.expected:.6g})"


def signaling_test(table: Ints, scenario: Scenario) -> SignalingTest:
    """Compare each marginal under any two settings of the other party, by Fisher's exact test.

    Given how often the outcome came in both together, its number under the first setting is hypergeometric, for rounds
    of one distribution. Twice the smaller tail is a p-value. The least of m, times m, is one of all (Bonferroni).
    """
    found = sorted(_comparisons(table, scenario), key=lambda c: c.p_value)
    least = found[0].p_value if found else 1.0
    return SignalingTest(min(1.0, len(found) * least), tuple(found))


def _comparisons(table: Ints, scenario: Scenario) -> Iterator[Comparison]:
    for party, name in enumerate("AB"):
        marginal = table.sum(axis=1 - party)  # own outcome, x, y
        if party == 1:
            marginal = marginal.transpose(0, 2, 1)
        for setting, outcomes in enumerate(scenario.outcomes[party]):
            own = marginal[:, setting]
            for first in range(own.shape[1]):
                for second in range(first + 1, own.shape[1]):
                    for outcome in range(outcomes if outcomes > 2 else 1):
                        seen = (int(own[outcome, first]), int(own[outcome, second]))
                        rounds = (int(own[:, first].sum()), int(own[:, second].sum()))
                        p = _fisher(seen, rounds)
                        yield Comparison(name, setting, outcome, (first, second), seen, rounds, p)


def _fisher(seen: tuple[int, int], rounds: tuple[int, int]) -> float:
    if min(rounds) == 0:
        return 1.0
    law = hypergeom(sum(rounds), sum(seen), rounds[0])
    return float(min(1.0, 2.0 * min(law.cdf(seen[0]), law.sf(seen[0] - 1))))


def inputs_test(settings: Ints, distribution: Floats, bias: float = 0.0) -> InputsTest:
    """Compare how often each pair of settings came with its binomial distribution; (X, Y) both.

    Each probability may be off by ``bias`` from the stated one.
    """
    n = int(settings.sum())
    flat, chances = settings.ravel(), distribution.ravel()
    least, most = np.maximum(chances - bias, 0.0), np.minimum(chances + bias, 1.0)
    tails = 2.0 * np.minimum(binom.cdf(flat, n, least), binom.sf(flat - 1, n, most))
    far = np.abs(flat - n * chances) / np.sqrt(n * chances + 1.0)
    far[(flat == 0) & (chances > 0.0)] = np.inf  # of several as improbable ones a pair that never came is named
    worst = int(np.lexsort((-far, tails))[0])
    x, y = divmod(worst, settings.shape[1])
    p = min(1.0, float(tails[worst]) * flat.size)
    return InputsTest(p, (x, y), int(flat[worst]), n * float(chances[worst]))


def require_inputs(settings: Ints, distribution: Floats, bias: float) -> None:
    """Raise InvalidInput if settings (X, Y) were not drawn as stated: p-values would then mean nothing."""
    found = inputs_test(settings, distribution, bias)
    if found.p_value < IMPROBABLE:
        (x, y), n = found.worst, int(settings.sum())
        raise InvalidInput(
            f"the settings ({x}, {y}) came {found.seen} times in {n} tests, where {found.expected:.6g} are expected, "
            f"p = {found.p_value:.2g}; give inputs, the probabilities (X, Y) with which settings were drawn."
        )


def input_distribution(given: ArrayLike | None, shape: tuple[int, ...]) -> Floats:
    """The probabilities (X, Y) of the settings of a round, checked; uniform if none are given."""
    if given is None:
        return np.full(shape, 1.0 / float(np.prod(shape)))
    found = floats(given, "the distribution of inputs")
    if found.shape != shape:
        raise InvalidShape(f"the distribution of inputs must have shape {shape}, not {found.shape}.")
    if (found < 0.0).any() or abs(float(found.sum()) - 1.0) > 1e-9:
        raise InvalidParameter(
            f"the distribution of inputs must be probabilities that add up to 1, not to {found.sum():.9g}."
        )
    return np.asarray(found / found.sum(), dtype=np.float64)
