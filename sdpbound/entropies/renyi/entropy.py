"""Bound Renyi entropies given Eve from below: by the qubit reduction where it applies, else by programs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import instance, with_changes
from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Functional
from sdpbound.bounds.certificate import Certificate
from sdpbound.bounds.figures import RenyiEntropy
from sdpbound.bounds.separation import raise_if_separated
from sdpbound.conic.program import Status
from sdpbound.entropies.entropy import INACCURATE
from sdpbound.entropies.qubits.branch import prove
from sdpbound.entropies.qubits.columns import LN2, Columns, first_columns
from sdpbound.entropies.qubits.mixture import Search, engine_of
from sdpbound.entropies.qubits.problem import Key, QubitProblem, qubit_problem
from sdpbound.entropies.qubits.weights import adjusted
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.entropies.renyi.options import COARSE, FINE, RenyiChanges, RenyiOptions
from sdpbound.entropies.renyi.program import Proven, programs
from sdpbound.entropies.renyi.proof import MODEL, PowerProof, RenyiProof
from sdpbound.errors import CertificateError, InvalidInput, SolverFailure
from sdpbound.limiting import doing, go_on, require_time

__all__ = ["RenyiEntropyBound", "asked_renyi", "qubits_of", "renyi_entropy", "renyi_within", "searched_renyi"]

#: Parts of the tolerance: for the search of mixture and functional, for the proof, and for the certificate's checker.
_SEARCH, _PROOF, _CHECK = 0.5, 0.3, 0.05
#: White noise in the matrices R of a proof, per tolerance, and its limits.
_NOISE, _LEAST_NOISE, _MOST_NOISE = 0.01, 3e-7, 1e-6
#: The largest multipliers of the attempts of a search, in bits per size of a test: roundings of steeper functionals
#: cost a proof more than they gain.
_PRICES = (10.0, 60.0, 300.0)
_REPAIRS = 4
#: A bound by qubits whose gap is so many times the tolerance is compared with those by programs.
_WIDE = 20.0
#: A mixture has the tested values if no value deviates by more than this part of its size.
_MEETS = 1e-9
_SEPARATING = Quantum("1+AB")


@dataclass(frozen=True, eq=False, repr=False)
class RenyiEntropyBound(Bound):
    """A proven lower bound on a Renyi entropy.

    ``functional`` is below the entropy of every quantum behaviour: the tangent at the data of what ``power`` proves.

    Attributes
    ----------
    exponent : the s with ``H = -log2(q)/s``
    gap : of qubits, what ``-log2(Q)/s`` of an explicit mixture of qubit strategies with the tested values has above the
        bound, in bits; nan where the mixture found misses them. Of the kind "sandwiched up" the mixture is an attack;
        others have an entropy that may be larger. Of nodes and "petz down" an estimate of what more nodes and words may
        add; else nan
    weights, strategies : that mixture, of qubits
    tolerance : the accuracy asked for, in bits. If ``gap`` is not known to be as small, ``status`` is "inaccurate"
    method : "qubit", "gauss-radau", "min-entropy" or "chord", which is between the two before
    nodes : the nodes used, of "gauss-radau"
    """

    exponent: float = math.nan
    gap: float = math.nan
    weights: Floats | None = None
    strategies: Columns | None = None
    tolerance: float = math.nan
    method: str = "qubit"
    nodes: tuple[float, ...] = ()

    @property
    def power(self) -> Functional:
        """An affine functional that is above ``q = 2^(-exponent H)`` of every quantum behaviour."""
        assert isinstance(self._proof, PowerProof)
        return self._proof.above()


def renyi_entropy(
    observed: Observations,
    x: int = 0,
    y: int | None = None,
    *,
    alpha: float,
    kind: str = "sandwiched up",
    preprocessing: Preprocessing = 0.0,
    options: RenyiOptions | None = None,
    **changes: Unpack[RenyiChanges],
) -> RenyiEntropyBound:
    """Certified lower bound on a Renyi entropy of Alice's outcome, or of both, given a quantum Eve, in bits.

    **Qubits**, for at most two tested settings of two outcomes a party. With s = 1 - 1/alpha for "sandwiched up", else
    s = alpha - 1, the power ``q = 2^(-s H)`` of a mixture of strategies that Eve tells apart is the mean of theirs. So
    an affine functional that is above q of all pairs of qubits with real observables is above that of every quantum
    behaviour (docs/renyi.md). For one value S of CHSH the least entropy has the closed form
    ``-log2((((1+C)^u + (1-C)^u)/2)^(1/u))/s`` with u = 1/(1+s) and C^2 = S^2/4 - 1.

    **Programs**, for any settings and outcomes: "gauss-radau", the entropy of the kind "petz down" of the same order,
    which is below all others, by the program of arXiv:2106.13692 with the nodes of a power; "min-entropy"; or, for
    orders above 5/4 of "sandwiched up", the chord between the two.

    Parameters
    ----------
    observed : data of two parties
    x, y : settings of the key; y None for Alice's outcome alone
    alpha, kind : order and kind of the entropy, see :class:`sdpbound.bounds.figures.RenyiEntropy`. The bound by qubits
        is tight for "sandwiched up"; of "sandwiched down" and "petz up" it is that of a smaller entropy of the kind
        "sandwiched up", of order 1/(2 - alpha)
    preprocessing : probability, 0 to 1/2, with which the key of one bit is flipped first, or by qubits the
        :class:`sdpbound.BinaryChannel` that it passes
    options : how it is bounded, default RenyiOptions()
    changes : single options by name: method, tolerance, level, nodes, solver

    Returns
    -------
    RenyiEntropyBound, side "lower". A bound by qubits was checked; where floats did not find what balls could prove, as
    may happen for large orders with marginals or both outcomes, it is 0 and its ``status`` "inaccurate"

    Raises
    ------
    InvalidInput : other keys, or a method that does not apply
    InvalidParameter : a parameter out of its range
    Infeasible : the data are outside the quantum set

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> bound = sb.renyi_entropy(data, alpha=1.2)
    >>> 0.4106 < bound.value < 0.4107007, bound.certificate.verify().holds
    (True, True)
    >>> program = sb.renyi_entropy(data, alpha=1.2, kind="petz down", nodes=6)
    >>> program.method, 0.3906 < program.value < 0.39063004
    ('gauss-radau', True)
    """
    how = with_changes(options, RenyiOptions(), changes, "renyi_entropy")
    require_time()
    question, figure = asked_renyi(observed, x, y, preprocessing, kind, alpha)
    if isinstance(figure.preprocessing, BinaryChannel):
        how = _for_channels(how, figure)
    if how.method != "qubit" and (how.names_a_program or figure.form not in figure.BY_QUBITS):
        return _of_program(programs(question, figure, how), how.tolerance)
    try:
        problem = qubits_of(question, figure)
    except InvalidInput:
        if how.method == "qubit":
            raise
        return _of_program(programs(question, figure, how), how.tolerance)
    bound = _by_qubits(problem, observed, figure, FINE if how.tolerance is None else how.tolerance)
    found = bound.value > 0.0 and not bound.gap > _WIDE * bound.tolerance
    if how.method == "qubit" or bound.status != INACCURATE or found:
        return bound
    # balls could not prove what floats found
    other = _of_program(programs(question, figure, how), how.tolerance)
    return other if other.value > bound.value else bound


def _for_channels(how: RenyiOptions, figure: RenyiEntropy) -> RenyiOptions:
    """The same by qubits, as no program knows channels."""
    if how.names_a_program or figure.form not in figure.BY_QUBITS:
        raise InvalidInput(
            f"{figure.words}: programs know flips of both values alike; leave method, level, nodes and solver out, for "
            f"the bound by qubits, of {', '.join(figure.BY_QUBITS)}."
        )
    return replace(how, method="qubit")


def renyi_within(
    observed: Observations,
    x: int,
    y: int | None,
    preprocessing: Preprocessing,
    alpha: float,
    tolerance: float,
    cells: int | None,
) -> RenyiEntropyBound | None:
    """The bound by qubits of the kind "sandwiched down", as :func:`renyi_entropy` has it, within a limit of work.

    ``cells`` is the limit of the cells of angles that its proof may take; None for the limit that every proof has.

    Returns
    -------
    RenyiEntropyBound, side "lower"; None if the proof takes more cells. It is then left out before the checker, which
    would take longer yet
    """
    question, figure = asked_renyi(observed, x, y, preprocessing, "sandwiched down", alpha)
    try:
        return _by_qubits(qubits_of(question, figure), observed, figure, tolerance, cells)
    except _TooManyCellsError:
        return None


class _TooManyCellsError(Exception):
    """A proof takes more cells than it may."""


def _by_qubits(
    problem: QubitProblem, observed: Observations, figure: RenyiEntropy, tolerance: float, cells: int | None = None
) -> RenyiEntropyBound:
    begun = time.perf_counter()
    if problem.key is Key.NONE:
        raise InvalidInput(
            f"x = {figure.x} is tested by none of the data, so that Eve may know its outcome: test an expression "
            "with the setting of the key."
        )
    own = tolerance * float(2.0**-figure.exponent)  # of (1 - Q)/s, whose slope by H is Q
    with doing(f"{figure.words} by pairs of qubits"):
        if len(observed):
            raise_if_separated(observed, _SEPARATING)
        search = searched_renyi(problem, _SEARCH * own)
        searched = time.perf_counter()
        proof = _checked(_proven(search, RenyiProof(observed, figure), own, cells))
    return _bound(search, proof, (begun, searched), tolerance)


def asked_renyi(
    observed: Observations, x: int, y: int | None, preprocessing: Preprocessing, kind: str, alpha: float
) -> tuple[EntropyQuestion, RenyiEntropy]:
    """The question and its figure."""
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    question = KeyQuestion(observed, x, y, preprocessing=preprocessing).of_entropy()
    if not question.is_of_a_pair or question.x is None:
        raise InvalidInput(f"a Renyi entropy is of Alice's outcome, or of both, of two parties, not {question.figure}.")
    return question, RenyiEntropy(question.x, question.y, question.preprocessing, kind, alpha)


def qubits_of(question: EntropyQuestion, figure: RenyiEntropy) -> QubitProblem:
    """The tests in the observables of two qubits, if these are enough for the scenario, the kind and the order."""
    if figure.alpha > figure.BY_QUBITS.get(figure.form, 1.0):
        known = ", ".join(f"{form!r} to order {most!r}" for form, most in figure.BY_QUBITS.items())
        raise InvalidInput(f"{figure.words}: qubits bound {known}; take method='gauss-radau', or leave method out.")
    try:
        return replace(qubit_problem(question), exponent=figure.exponent)
    except InvalidInput as error:
        raise InvalidInput(
            f"{figure.words}: by qubits at most two tested settings of two outcomes a party are taken; take "
            "method='gauss-radau' for any others, or leave method out."
        ) from error


def searched_renyi(problem: QubitProblem, tolerance: float) -> Search:
    """The search for mixture and functional, ``tolerance`` in bits of (1 - Q)/s."""
    search = Search(problem, first_columns(problem), prices=_PRICES)
    try:
        search.run(tolerance)
    except SolverFailure:  # a functional that was found can still be proven
        if search.mixture is None or search.multipliers is None:
            raise
    return search


def _proven(search: Search, best: RenyiProof, tolerance: float, cells: int | None) -> RenyiProof:
    """Prove the best functional; if the proof finds a strategy that the search overlooked, search again."""
    problem, s = search.problem, search.problem.exponent
    noise = min(max(_NOISE * tolerance, _LEAST_NOISE), _MOST_NOISE)
    engine = engine_of(problem, noise)
    for _ in range(_REPAIRS):
        if search.multipliers is None or search.mixture is None or not search.multipliers.any():
            break
        search.soften(search.mixture.objective - _SEARCH * tolerance)
        # the powers of the functional as floats are what is proven
        slopes = -s * LN2 * search.multipliers
        multipliers = slopes / (-s * LN2)
        size = float(np.abs(multipliers) @ problem.sizes)
        expression = np.tensordot(multipliers, problem.tests, axes=(0, 0))
        found = prove(engine, expression, size, -search.constant, _PROOF * tolerance, cells)
        if cells is not None and found.cells > cells:
            raise _TooManyCellsError
        constant = 1.0 + s * LN2 * (found.top + _CHECK * tolerance)
        rounding = 8.0 * 2.0**-52 * (1.0 + abs(constant) + float(np.abs(slopes) @ problem.sizes))
        own = replace(best, constant=constant + rounding, multipliers=slopes)
        if own.value > best.value:
            best = own
        if found.best <= -search.constant + 0.1 * tolerance or not go_on():
            break
        try:
            search.add_near(found.a, found.b, _SEARCH * tolerance)
        except SolverFailure:  # the best bound so far is still proven
            break
    return best


def _checked(proof: RenyiProof) -> RenyiProof:
    """The proof if the checker takes it, else that no entropy is negative."""
    try:
        Certificate(proof.certificate(proof.value)).verify()
    except CertificateError:
        return RenyiProof(proof.observed, proof.figure)
    return proof


def _bound(search: Search, proof: RenyiProof, times: tuple[float, float], tolerance: float) -> RenyiEntropyBound:
    assert search.mixture is not None
    s, (begun, searched) = search.problem.exponent, times
    index = np.flatnonzero(search.mixture.weights > 1e-12)
    strategies = search.columns.chosen(index)
    total = search.mixture.weights[index]
    weights, missed = adjusted(search.problem, strategies, total / total.sum())
    reached = -math.log2(1.0 - s * LN2 * float(weights @ strategies.entropies)) / s
    gap = max(reached - proof.value, 0.0) if missed <= _MEETS else math.nan
    status = Status.SOLVED.value if gap <= tolerance else INACCURATE if go_on() else Status.OUT_OF_TIME.value
    return RenyiEntropyBound(
        value=proof.value,
        side="lower",
        merit=proof.figure,
        model=MODEL,
        solver_value=reached,
        solver="highs",
        status=status,
        seconds={"assemble": 0.0, "solve": searched - begun, "certify": time.perf_counter() - searched},
        _proof=proof,
        exponent=s,
        gap=gap,
        weights=weights,
        strategies=strategies,
        tolerance=tolerance,
    )


def _of_program(proven: Proven, tolerance: float | None) -> RenyiEntropyBound:
    proof, asked = proven.proof, COARSE if tolerance is None else tolerance
    gap = proven.gap if proof.figure.form == "petz down" else math.nan
    status = Status.OUT_OF_TIME.value if proven.cut else Status.SOLVED.value if gap <= asked else INACCURATE
    return RenyiEntropyBound(
        value=proof.value,
        side="lower",
        merit=proof.figure,
        model=proof.model,
        solver_value=proven.solver_value,
        solver=proven.solver,
        status=status,
        seconds=proven.seconds,
        _proof=proof,
        exponent=proof.exponent,
        gap=gap,
        tolerance=asked,
        method=proven.method,
        nodes=proven.nodes,
    )
