"""Explicit attacks on entropies averaged over settings: one mixture of strategies, attacked at every key."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sdpbound.arguments import instance, numbered
from sdpbound.arrays import Floats
from sdpbound.attacks.mixtures import Mixture
from sdpbound.attacks.proof import EntropyAttack, ProvenByAttacks, build_attack
from sdpbound.attacks.qubit_attack import effects_of
from sdpbound.bell.average import Average
from sdpbound.bell.key import named_key
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.bounds.rounding import rounded
from sdpbound.entropies.averages.problem import AverageProblem, AverageQuestion, average_problem
from sdpbound.entropies.averages.search import AverageSearch, new_search
from sdpbound.entropies.qubits.columns import Columns, observables_of
from sdpbound.entropies.qubits.weights import adjusted
from sdpbound.errors import InvalidParameter

__all__ = ["AverageAttack", "average_entropy_upper_bound"]

#: Weight of all further strategies, with which a mixture can have the data to all digits, and how many they are.
_SPREAD, _FURTHER = 1e-7, 24


#: Said where its certificate is asked for.
_WHERE = "an attack on an average has a certificate for each key, of the same strategies: attacks[k].certificate."


@dataclass(frozen=True, eq=False, repr=False)
class AverageAttack(Bound):
    """An explicit attack: the least average entropy of strategies with the tested data is at most ``value``.

    Attributes
    ----------
    attacks : the same mixture of strategies attacked at each key, each with a certificate; ``value`` is the average of
        their values with the weights of the keys, rounded up
    """

    attacks: tuple[EntropyAttack, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the mixture is proven to have the tested data."""
        return all(attack.exact for attack in self.attacks)

    @property
    def data(self) -> str:
        """A sentence part that says how well the mixture has the tested data."""
        return self.attacks[0].data

    def __repr__(self) -> str:
        how = f"explicit attack of {len(self.attacks[0].weights)} strategies, {self.data}"
        return f"least {self.figure} <= {rounded(self.value, self.side)} ({self.side} bound; {how})"


def average_entropy_upper_bound(observed: Observations, average: Average, tolerance: float = 1e-6) -> AverageAttack:
    """Upper bound on the least ``sum_k w_k H(key k|E)`` by an explicit mixture of pairs of qubits, in bits.

    Parameters
    ----------
    observed, average : as in :func:`sdpbound.average_entropy`
    tolerance : distance to a functional, which is not proven, at which the search for the mixture ends, in bits

    >>> import sdpbound as sb
    >>> data, both = sb.Observations.bell_value(sb.chsh(), 2.5), sb.Average((0, 1))
    >>> above, below = sb.average_entropy_upper_bound(data, both), sb.average_entropy(data, both)
    >>> above.exact, 0.0 <= above.value - below.value < 1e-3
    (True, True)
    """
    begun = time.perf_counter()
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    question = AverageQuestion(observed, instance(average, Average, "average", "Average((0, 1))"))
    if not 1e-8 <= numbered(tolerance, "tolerance") <= 1.0:
        raise InvalidParameter(f"tolerance = {tolerance!r:.60} of an attack must be from 1e-8 to 1 bits.")
    problem = average_problem(question)
    search = new_search(problem, tolerance)
    answer = search.generate()
    index = np.flatnonzero(answer.weights > 1e-12)
    columns = search.columns.chosen(index)
    weights, _ = adjusted(problem.qubits, columns, answer.weights[index] / answer.weights[index].sum())
    seconds = time.perf_counter() - begun
    attacks = _attacks(question, problem, columns, weights, seconds)
    if not all(attack.exact for attack in attacks):
        columns, weights = _spread(problem, search, columns, weights)
        attacks = _attacks(question, problem, columns, weights, seconds)
    own = question.average
    total = sum((Fraction(w) * Fraction(a.value) for w, a in zip(own.weights, attacks, strict=True)), Fraction(0))
    value = float(total)
    return AverageAttack(
        value=value if Fraction(value) >= total else math.nextafter(value, math.inf),
        side="upper",
        merit=question.figure,
        model=None,
        solver_value=answer.value,
        solver="column generation",
        status="explicit attack",
        seconds={"solve": seconds, "certify": time.perf_counter() - begun - seconds},
        _proof=ProvenByAttacks(observed, _WHERE),
        attacks=attacks,
    )


def _spread(
    problem: AverageProblem, search: AverageSearch, columns: Columns, weights: Floats
) -> tuple[Columns, Floats]:
    """The mixture with a little weight on others that were found, to which its weights can be adjusted."""
    assert search.multipliers is not None
    excess = search.columns.tests @ search.multipliers - search.columns.entropies
    others = search.columns.chosen(np.argsort(-excess)[:_FURTHER])
    every = columns.with_more(others)
    found = np.concatenate([(1.0 - _SPREAD) * weights, np.full(len(others), _SPREAD / len(others))])
    rows = np.vstack([every.tests.T, np.ones(len(every))])
    for _ in range(3):  # each weight changes by as small a part of itself as possible
        missing = np.append(problem.qubits.values, 1.0) - rows @ found
        found = found * np.maximum(1.0 + np.linalg.lstsq(rows * found, missing, rcond=1e-12)[0], 0.0)
    kept = np.flatnonzero(found > 0.0)
    return every.chosen(kept), found[kept] / found[kept].sum()


def _attacks(
    question: AverageQuestion, problem: AverageProblem, columns: Columns, weights: Floats, seconds: float
) -> tuple[EntropyAttack, ...]:
    outcomes = question.observed.scenario.outcomes
    own = [
        observables_of(angles, settings, len(counts))
        for angles, settings, counts in zip((columns.a, columns.b), problem.qubits.settings, outcomes, strict=True)
    ]
    strategies = tuple(
        Strategy(
            state,
            tuple(tuple(effects_of(o, d) for o, d in zip(at[n], outcomes[p], strict=True)) for p, at in enumerate(own)),
        )
        for n, state in enumerate(columns.states)
    )
    mixture = Mixture(strategies, weights, columns.tests, columns.entropies, None)
    average = question.average
    found = []
    for key, flips in zip(average.keys, average.preprocessing, strict=True):
        x, y, settings = named_key(key)
        figure = ConditionalEntropy(x, y, flips, settings)
        found.append(build_attack(question.observed, figure, mixture, seconds))
    return tuple(found)
