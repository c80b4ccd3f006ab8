"""Bound von Neumann entropies by the qubit reduction, for at most two tested binary settings of each party."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_separated
from sdpbound.conic.program import Status
from sdpbound.entropies.entropy import INACCURATE, EntropyBound, TrivialProof
from sdpbound.entropies.known_outcomes import eve_may_know
from sdpbound.entropies.proof import EntropyProof
from sdpbound.entropies.qubits.branch import Proof, prove
from sdpbound.entropies.qubits.engine import entropies
from sdpbound.entropies.qubits.extremes import Extreme, extreme_of
from sdpbound.entropies.qubits.mixture import QubitOptimum, Search, engine_of, optimum, search
from sdpbound.entropies.qubits.problem import Key, QubitProblem, qubit_problem
from sdpbound.entropies.qubits.weights import Weighted
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.limiting import doing, go_on, require_time

__all__ = ["QubitEntropyBound", "attained", "qubit_entropy"]

#: Parts of the tolerance: for the search of mixture and functional, for the proof, and for the certificate's checker.
_SEARCH, _PROOF, _CHECK = 0.5, 0.3, 0.05
#: White noise in the states of a proof, per tolerance, and its limits. With less, rounding counts as much; it counts
#: more where Alice's bit is flipped.
_NOISE, _LEAST_NOISE, _LEAST_OF_FLIPS, _MOST_NOISE = 0.01, 1.5e-7, 5e-7, 1e-6
#: The tolerance, in bits, to which functionals at an extreme point are proven at most: it costs little.
_STEEP = 1e-6
#: How often the search may start again from a strategy that the proof found and the search did not.
_REPAIRS = 4
#: The entropy of a mixture is computed in floats, and where it is that of the flips alone the bound is exactly that.
_ROUNDING = 1e-12
#: Where a functional exceeds all entropies, or that of a mixture by more than the tolerance, the data are outside the
#: quantum set. Data that are so by less than what is called infeasible are taken to be known no better than this.
_OUTSIDE = 1e-9
#: A mixture has the tested values if no value deviates by more than this part of its size.
_MEETS = 1e-10
#: Bits for deviations from the data. If a mixture pays more, they may be there because they are cheap, and the entropy
#: of the data is not known.
_PAID = 1e-5
#: The level that decides whether data are outside the quantum set.
_SEPARATING = Quantum("1+AB")
#: The adversary's set. The proofs here use no words of its level.
_MODEL = Quantum("1")


@dataclass(frozen=True, eq=False, repr=False)
class QubitEntropyBound(EntropyBound):
    """A proven lower bound on a von Neumann entropy by the qubit reduction.

    Attributes
    ----------
    gap : the entropy of an explicit mixture of qubit strategies minus the bound, in bits. If the mixture misses the
        tested values by more than 1e-10 of their size, as it may on the boundary of the quantum set, a price for the
        deviations is added to its entropy. No entropy exceeds that of the key, and the gap is counted from there if it
        is less, or if that price is more than 1e-5 bits. The gap is nan if even this is below the bound by more than
        rounding
    optimum : the mixture, which is also the start for a neighbouring point
    """

    gap: float = math.nan
    optimum: QubitOptimum | None = None


def qubit_entropy(
    question: EntropyQuestion, tolerance: float = 1e-4, start: QubitOptimum | None = None
) -> QubitEntropyBound:
    """Certified tight lower bound on H(A|X=x,E) or H(AB|X=x,Y=y,E), in bits, by the qubit reduction.

    Column generation finds a functional of the tested values (:mod:`sdpbound.entropies.qubits.mixture`). Branch and
    bound over the angles between the settings proves its constant (:mod:`sdpbound.entropies.qubits.branch`).

    Parameters
    ----------
    question : at most two tested settings of two outcomes for each party
    tolerance : the distance to aim at between the bound and the value of an explicit mixture, in bits
    start : the ``optimum`` of a neighbouring point of a sweep with the same tests and key. A search from it that misses
        the tolerance is made again from nothing

    Raises
    ------
    InvalidInput : the tests are of another kind
    Infeasible : the data are outside the quantum set; the error has the separating functional

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> bound = qubit_entropy(EntropyQuestion(data, 0, None), 1e-5)
    >>> 0.456425 < bound.value < 0.456436, bound.gap <= 1e-5
    (True, True)
    """
    require_time()
    problem = qubit_problem(question)
    trivial = TrivialProof(question, _MODEL)
    if math.log2(question.outcomes) - trivial.value <= _ROUNDING:
        return _all_flipped(question, trivial)
    extreme = extreme_of(problem)
    # the normals of data such as four correlators of 1 are those of a strategy near by, and the proof would take long
    if extreme is not None and eve_may_know(question.observed):
        if not isinstance(question.preprocessing, BinaryChannel):
            return _at_once(question, trivial, 0.0)
        extreme = None
    touching = None if extreme is None else _touching(question, extreme, tolerance)
    there = extreme is not None and extreme.has_data(problem)
    if touching is not None and there and touching.gap <= tolerance:
        return touching
    bound = _searched(question, extreme, tolerance, start)
    if start is not None and not bound.gap <= tolerance and go_on():
        again = _searched(question, extreme, tolerance, None)
        bound = again if again.value > bound.value else bound
    if touching is None or not touching.value > bound.value:
        return bound
    if there:
        return touching
    # data that are not at the extreme point may be outside the quantum set, where a functional can exceed all entropies
    reached = bound.value + bound.gap
    return replace(touching, gap=reached - touching.value) if touching.value <= reached else bound


def _searched(
    question: EntropyQuestion, extreme: Extreme | None, tolerance: float, start: QubitOptimum | None
) -> QubitEntropyBound:
    """The bound by the best functional of a mixture, which is searched for from a start."""
    begun = time.perf_counter()
    with doing(f"{question.figure.words} by pairs of qubits"):
        found = search(question, _SEARCH * tolerance, start)
    _raise_if_outside(question, found)
    searched = time.perf_counter()
    proof = _proven(question, found, tolerance)
    value = proof.value
    best = optimum(question, found)
    assert found.mixture is not None
    reached = _reached(question, found, best, extreme)
    gap = max(reached - value, 0.0) if reached >= value - _ROUNDING else math.nan
    return _bound(question, found, proof, gap, tolerance, (begun, searched), "highs")


def attained(question: EntropyQuestion, tolerance: float) -> float:
    """The entropy in bits that a mixture of qubit strategies with the tested values leaves; infinite if none is known.

    The mixture is within the tolerance of the best functional that the search finds.
    """
    if not question.names_a_pair or question.merge is not None:
        return math.inf
    try:
        problem = qubit_problem(question)
        found = search(question, tolerance)
    except (InvalidInput, SolverFailure):
        return math.inf
    return _reached(question, found, optimum(question, found), extreme_of(problem))


def _all_flipped(question: EntropyQuestion, trivial: TrivialProof) -> QubitEntropyBound:
    """Flips leave nothing to search for: no mixture has less than they give, and no entropy is more than the key's."""
    begun = time.perf_counter()
    if len(question.observed):
        raise_if_separated(question.observed, _SEPARATING)
    bound = _at_once(question, trivial, math.log2(question.outcomes) - trivial.value)
    return replace(bound, seconds=bound.seconds | {"solve": time.perf_counter() - begun})


def _at_once(question: EntropyQuestion, trivial: TrivialProof, gap: float) -> QubitEntropyBound:
    """The entropy of the flips, where an explanation of the data is known that leaves no more than this gap."""
    return QubitEntropyBound(
        value=trivial.value,
        side="lower",
        merit=question.figure,
        model=_MODEL,
        solver_value=trivial.value,
        solver="none",
        status=Status.SOLVED.value,
        seconds=dict.fromkeys(("assemble", "solve", "certify"), 0.0),
        _proof=trivial,
        gap=gap,
    )


def _reached(question: EntropyQuestion, found: Search, best: QubitOptimum, extreme: Extreme | None) -> float:
    """Bits that the least entropy does not exceed, as far as the mixture tells: no entropy is more than the key's.

    Around an extreme point it is highest there.
    """
    assert found.mixture is not None
    most = math.log2(question.outcomes)
    reached = best.value
    if best.miss > _MEETS:
        reached = found.mixture.objective
        if reached - found.mixture.value > _PAID:
            return most if extreme is None or not _is_near(extreme, best.problem) else min(extreme.entropy, most)
    if question.preprocessing != best.problem.flips:  # too few for the search
        states, key = best.columns.states, best.problem.key
        reached += float(best.weights @ entropies(states, key, question.preprocessing)) - best.value
    return min(reached, most)


def _is_near(extreme: Extreme, problem: QubitProblem) -> bool:
    """Whether data outside the set may still be those of an extreme point."""
    return bool((np.abs(extreme.column.tests[0] - problem.values) <= 2.0 * _OUTSIDE * problem.sizes).all())


def _touching(question: EntropyQuestion, extreme: Extreme, tolerance: float) -> QubitEntropyBound:
    """The bound by functionals that touch the entropy at an extreme point; they cost little, so the best is taken."""
    begun = time.perf_counter()
    found = Search(qubit_problem(question), extreme.column)
    best: _QubitProof | TrivialProof = TrivialProof(question, _MODEL)

    def value_of(multipliers: Floats) -> float:
        nonlocal best
        constant = extreme.entropy - float(multipliers @ extreme.column.tests[0])
        candidate = _proof_of(found.problem, question, constant, multipliers, min(tolerance, _STEEP))[0]
        if candidate.value > best.value:
            best = candidate
            found.constant, found.multipliers = constant, multipliers
        return candidate.value

    extreme.climb(value_of, extreme.entropy - (max(tolerance, _STEEP) if extreme.is_long else _STEEP))
    if found.multipliers is None:
        found.constant, found.multipliers = 0.0, np.zeros_like(found.problem.values)
    found.lower = found.value_of(found.constant, found.multipliers)
    found.mixture = Weighted(np.ones(1), extreme.entropy, extreme.entropy, 0.0, found.multipliers)
    reached = extreme.entropy if extreme.has_data(found.problem) else math.log2(question.outcomes)
    gap = max(reached - best.value, 0.0)
    return _bound(question, found, best, gap, tolerance, (begun, begun), "none")


def _bound(
    question: EntropyQuestion,
    found: Search,
    proof: _QubitProof | TrivialProof,
    gap: float,
    tolerance: float,
    times: tuple[float, float],
    solver: str,
) -> QubitEntropyBound:
    """The bound of a proof; ``times`` are those when the search began and when it ended."""
    begun, searched = times
    return QubitEntropyBound(
        value=proof.value,
        side="lower",
        merit=question.figure,
        model=_MODEL,
        solver_value=found.lower,
        solver=solver,
        status=_status(gap, tolerance),
        seconds={"assemble": 0.0, "solve": searched - begun, "certify": time.perf_counter() - searched},
        _proof=proof,
        gap=gap,
        optimum=optimum(question, found),
    )


def _status(gap: float, tolerance: float) -> str:
    if gap <= tolerance:
        return Status.SOLVED.value
    return INACCURATE if go_on() else Status.OUT_OF_TIME.value


def _raise_if_outside(question: EntropyQuestion, found: Search) -> None:
    """Raise Infeasible if no mixture has the data, or if their entropy would exceed the entropy of the key."""
    assert found.mixture is not None
    if len(question.observed) and (
        found.mixture.missed > 1e-9 or found.lower > math.log2(question.outcomes) + CERTIFIED_SEPARATION
    ):
        raise_if_separated(question.observed, _SEPARATING)


def _proven(question: EntropyQuestion, found: Search, tolerance: float) -> _QubitProof | TrivialProof:
    """Prove the best functional; if the proof finds a strategy that the search overlooked, search again."""
    problem = found.problem
    best: _QubitProof | TrivialProof = TrivialProof(question, _MODEL)
    if problem.key is Key.NONE:
        return best
    assert found.mixture is not None
    found.soften(found.mixture.objective - _SEARCH * tolerance)
    for _ in range(_REPAIRS):
        assert found.multipliers is not None and found.mixture is not None
        candidate, proof = _proof_of(problem, question, found.constant, found.multipliers, tolerance)
        if candidate.value > min(math.log2(question.outcomes), found.mixture.objective + tolerance):
            candidate = replace(candidate, outside=_OUTSIDE)
        if candidate.value > best.value:
            best = candidate
        near = proof.best <= -found.constant + 0.1 * tolerance
        if found.mixture.objective - best.value <= tolerance or near or not go_on():
            break
        try:
            found.add_near(proof.a, proof.b, _SEARCH * tolerance)
        except SolverFailure:  # the best bound so far is still proven
            break
        found.soften(found.mixture.objective - _SEARCH * tolerance)
    return best


def _proof_of(
    problem: QubitProblem, question: EntropyQuestion, constant: float, multipliers: Floats, tolerance: float
) -> tuple[_QubitProof, Proof]:
    """Prove a functional whose constant is known from the strategies found."""
    least = _LEAST_OF_FLIPS if problem.flips else _LEAST_NOISE
    engine = engine_of(problem, min(max(_NOISE * tolerance, least), _MOST_NOISE))
    expression = np.tensordot(multipliers, problem.tests, axes=(0, 0))
    size = float(np.abs(multipliers) @ problem.sizes)
    proof = prove(engine, expression, size, -constant, _PROOF * tolerance)
    return _QubitProof(question, _MODEL, -(proof.top + _CHECK * tolerance), multipliers), proof


@dataclass(frozen=True, eq=False)
class _QubitProof(EntropyProof):
    """A proof of: entropy >= constant + multipliers . tested values, for every quantum behaviour."""

    constant: float
    multipliers: Floats
    outside: float = 0.0  # how far the data may be from those of any device

    @property
    def value(self) -> float:
        """The functional's value at the data in bits, less the charge for tolerances, rounded down."""
        observed = self.question.observed
        m = np.abs(self.multipliers)
        off = np.maximum(observed.tolerances, self.outside)
        exact = self.constant + float(self.multipliers @ observed.values) - float(m @ off)
        terms = abs(self.constant) + float(m @ (np.abs(observed.values) + off))
        return exact - (4.0 * m.size + 8.0) * 2.0**-53 * terms

    @property
    def line(self) -> tuple[float, Floats]:
        return self.constant, self.multipliers

    def entries(self) -> dict[str, Any]:
        return {"method": "qubit", "multipliers": [-m for m in self.multipliers.tolist()]}
