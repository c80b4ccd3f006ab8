"""Bound entropies averaged over settings from below."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import instance, numbered
from sdpbound.arrays import Floats
from sdpbound.bell.average import Average
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Bound, Functional
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_separated
from sdpbound.conic.program import Status
from sdpbound.entropies.averages.branch import AverageProof, prove
from sdpbound.entropies.averages.problem import AverageProblem, AverageQuestion, average_problem
from sdpbound.entropies.averages.programs import ROUNDING, average_by_programs
from sdpbound.entropies.averages.search import AverageSearch, new_search
from sdpbound.entropies.entropy import INACCURATE, least_entropy
from sdpbound.entropies.integral.method import Projective
from sdpbound.entropies.qubits.columns import Columns
from sdpbound.entropies.qubits.weights import adjusted
from sdpbound.errors import InvalidInput, InvalidParameter, SolverFailure
from sdpbound.limiting import doing, go_on, require_time
from sdpbound.npa.levels import Level

__all__ = ["AverageEntropyBound", "average_entropy"]

#: Parts of the tolerance: for the search of mixture and functional, for the proof, and for the certificate's checker.
_SEARCH, _PROOF, _CHECK = 0.5, 0.3, 0.05
#: White noise in the states of a proof, per tolerance, and its limits.
_NOISE, _LEAST_NOISE, _MOST_NOISE = 0.01, 5e-7, 1e-6
_REPAIRS = 4
_OUTSIDE = 1e-9
#: What its certificates say they are, and the methods.
KIND = "average entropy"
METHODS = ("auto", "qubit", "projective")
_MODEL, _SEPARATING = Quantum("1"), Quantum("1+AB")


@dataclass(frozen=True, eq=False)
class _Proof(AffineProof):
    """A proof of: average entropy >= constant + multipliers . tested values, for every quantum behaviour."""

    question: AverageQuestion
    constant: float
    multipliers: Floats
    entries: dict[str, Any] | None = None  # of a program
    model: Quantum = _MODEL

    @property
    def given(self) -> Observations:
        return self.question.observed

    @property
    def value(self) -> float:
        """The functional's value at the data in bits, less the charge for tolerances, rounded down."""
        observed, m = self.question.observed, np.abs(self.multipliers)
        exact = self.constant + float(self.multipliers @ observed.values) - float(m @ observed.tolerances)
        terms = abs(self.constant) + float(m @ (np.abs(observed.values) + observed.tolerances))
        return exact - (4.0 * m.size + 8.0) * 2.0**-53 * terms

    def functional(self) -> Functional:
        return Functional.of_tests("lower", self.constant, self.multipliers, self.question.observed)

    def certificate(self, value: float) -> dict[str, Any]:
        head = certificate_head(self.question.observed, self.question.figure, "lower", self.model.describe(), kind=KIND)
        functional = {"constant": self.constant, "multipliers": self.multipliers.tolist()}
        by = "qubits" if self.multipliers.any() else "flips"
        proof = {"average": by, "multipliers": [-m for m in self.multipliers.tolist()]}
        if self.entries is not None:
            proof |= {"average": "projections"} | self.entries
        return head | {"proof": proof, "claim": {"value": value, "functional": functional}}


@dataclass(frozen=True, eq=False, repr=False)
class AverageEntropyBound(Bound):
    """A proven lower bound on an entropy averaged over settings.

    Attributes
    ----------
    gap : the average entropy of an explicit mixture of qubit strategies with the tested values minus the bound, in
        bits; nan where the mixture found misses the values
    weights, strategies : that mixture: weights (n,), and the strategies as columns of angles, states and tested values
    tolerance : the accuracy asked for, in bits. If ``gap`` is not known to be as small, ``status`` is "inaccurate"
    """

    gap: float = math.nan
    weights: Floats | None = None
    strategies: Columns | None = None
    tolerance: float = math.nan


def average_entropy(
    observed: Observations,
    average: Average,
    tolerance: float = 1e-3,
    method: str = "auto",
    level: Level | None = None,
    nodes: int | None = None,
    start: AverageEntropyBound | None = None,
) -> AverageEntropyBound:
    """Certified lower bound on ``min over strategies of sum_k w_k H(key k|E)``, in bits: the entropy of the average.

    Eve prepares one strategy and knows which key it is before she is asked. The minimum of the average is above the
    average of the minima, since no single strategy is worst for all keys. With keys of Alice's two settings it is what
    a random key basis extracts (arXiv:2005.02691); with both parties' outcomes of all settings it is the randomness of
    every round (arXiv:2103.07504).

    Parameters
    ----------
    observed : any linear data of two parties or more
    average : the keys with their weights and flips
    tolerance : the distance to aim at between the bound and the value of an explicit mixture, in bits, from 1e-6 to 1
    method : "qubit", tight, for two parties with at most two tested settings of two outcomes each; "projective", one
        program for all keys, for any scenario, and keys that are flipped alike; "auto", the first that applies
    level, nodes : of the program, as in :class:`sdpbound.VonNeumann`; with them the method is "projective"
    start : the bound of a neighbouring point with the same tests and keys, whose strategies the qubit method's search
        begins with

    Returns
    -------
    AverageEntropyBound, side "lower". Its ``functional`` is below the average entropy of every quantum behaviour

    Raises
    ------
    InvalidInput : the method is not for these data, or the average does not fit the scenario
    Infeasible : the data are outside the quantum set

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> both = sb.average_entropy(data, sb.Average((0, 1)))
    >>> one = sb.conditional_entropy(data, x=0)
    >>> one.value < both.value, both.certificate.verify().holds
    (True, True)
    """
    require_time()
    begun = time.perf_counter()
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    question = AverageQuestion(observed, instance(average, Average, "average", "Average((0, 1))"))
    if not 1e-6 <= numbered(tolerance, "tolerance") <= 1.0:
        raise InvalidParameter(f"tolerance = {tolerance!r:.60} of an average entropy must be from 1e-6 to 1 bits.")
    if method not in METHODS:
        raise InvalidParameter(f"method = {method!r:.60} of an average entropy must be one of {', '.join(METHODS)}.")
    if method == "projective" or level is not None or nodes is not None:
        return _by_program(question, Projective(tolerance, level, nodes))
    try:
        problem = average_problem(question)
    except InvalidInput:
        if method == "qubit":
            raise
        return _by_program(question, Projective(tolerance))
    if not problem.part:
        proof = _Proof(question, problem.of_flips, np.zeros(len(observed)))
        return _bound(question, proof, None, problem, (begun, begun), tolerance)
    own = tolerance / problem.part
    with doing(f"{question.figure.words} by pairs of qubits"):
        search = _searched(problem, own, start)
        assert search.mixture is not None
        if len(observed) and (
            search.mixture.missed > 1e-9 or search.lower > question.most / problem.part + CERTIFIED_SEPARATION
        ):
            raise_if_separated(observed, _SEPARATING)
        searched = time.perf_counter()
        proof = _proven(question, problem, search, own)
    return _bound(question, proof, search, problem, (begun, searched), tolerance)


def _by_program(question: AverageQuestion, how: Projective) -> AverageEntropyBound:
    bound, entries = average_by_programs(question, how)
    observed = question.observed
    least = sum(
        w * least_entropy(q) for w, q in zip(question.average.weights, question.average.preprocessing, strict=True)
    )
    proof = _Proof(question, max(least - ROUNDING, 0.0), np.zeros(len(observed)))
    if entries is not None and bound.value > proof.value:
        functional = bound.functional
        constant = math.nextafter(functional.constant - ROUNDING, -math.inf)
        model = bound.model if isinstance(bound.model, Quantum) else _MODEL
        proof = _Proof(question, constant, functional.multipliers, entries, model)
    return AverageEntropyBound(
        value=min(bound.value, proof.value) if entries is not None else proof.value,
        side="lower",
        merit=question.figure,
        model=bound.model,
        solver_value=bound.solver_value,
        solver=bound.solver,
        status=bound.status,
        seconds=bound.seconds,
        _proof=proof,
        gap=bound.gap,
        tolerance=how.tolerance,
    )


def _searched(problem: AverageProblem, tolerance: float, start: AverageEntropyBound | None) -> AverageSearch:
    search = new_search(problem, _SEARCH * tolerance)
    if start is not None and start.strategies is not None:
        old = start.strategies
        search.columns = search.columns.with_more(problem.columns_of(old.a, old.b, old.states))
    try:
        search.generate()
    except SolverFailure:  # a functional that was found can still be proven
        if search.mixture is None or search.multipliers is None:
            raise
    return search


def _proven(question: AverageQuestion, problem: AverageProblem, search: AverageSearch, tolerance: float) -> _Proof:
    """Prove the best functional; if the proof finds a strategy that the search overlooked, search again."""
    noise = min(max(_NOISE * tolerance, _LEAST_NOISE), _MOST_NOISE)
    best = _Proof(question, problem.of_flips, np.zeros(len(question.observed)))
    for _ in range(_REPAIRS):
        if search.multipliers is None or not search.multipliers.any():
            break
        multipliers = search.multipliers
        expression = np.tensordot(multipliers, problem.qubits.tests, axes=(0, 0))
        size = float(np.abs(multipliers) @ problem.qubits.sizes)
        found = prove(problem, noise, expression, size, -search.constant, _PROOF * tolerance)
        own = _of_all(question, problem, found, multipliers, tolerance)
        if own.value > best.value:
            best = own
        if found.best <= -search.constant + 0.1 * tolerance or not go_on():
            break
        search.lower = -np.inf
        search.improve(multipliers, np.array([[found.a, found.b]]))
        try:
            search.generate()
        except SolverFailure:
            break
    return best


def _of_all(
    question: AverageQuestion, problem: AverageProblem, found: AverageProof, multipliers: Floats, tolerance: float
) -> _Proof:
    """The functional of the whole average from that of the pieces."""
    slopes = problem.part * multipliers
    # the product is rounded: a test is at most the sum of its |coefficients|
    rounding = 2.0**-52 * float(np.abs(slopes) @ problem.qubits.sizes)
    constant = problem.constant - problem.part * (found.top + _CHECK * tolerance) - rounding
    return _Proof(question, math.nextafter(constant, -math.inf), slopes)


def _bound(
    question: AverageQuestion,
    proof: _Proof,
    search: AverageSearch | None,
    problem: AverageProblem,
    times: tuple[float, float],
    tolerance: float,
) -> AverageEntropyBound:
    weights = strategies = None
    gap, reached = math.nan, math.nan
    if search is None:
        gap = 0.0
    elif search.mixture is not None:
        index = np.flatnonzero(search.mixture.weights > 1e-12)
        strategies = search.columns.chosen(index)
        total = search.mixture.weights[index]
        weights, missed = adjusted(problem.qubits, strategies, total / total.sum())
        reached = problem.constant + problem.part * float(weights @ strategies.entropies)
        if missed <= _OUTSIDE:
            gap = max(min(reached, question.most) - proof.value, 0.0)
    begun, searched = times
    status = Status.SOLVED.value if gap <= tolerance else INACCURATE if go_on() else Status.OUT_OF_TIME.value
    return AverageEntropyBound(
        value=proof.value,
        side="lower",
        merit=question.figure,
        model=_MODEL,
        solver_value=reached,
        solver="highs",
        status=status,
        seconds={"assemble": 0.0, "solve": searched - begun, "certify": time.perf_counter() - searched},
        _proof=proof,
        gap=gap,
        weights=weights,
        strategies=strategies,
        tolerance=tolerance,
    )
