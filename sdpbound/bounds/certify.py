"""From a solver's dual, which is not trusted, to a proven bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sdpbound.bounds.assemble import Assembly
from sdpbound.bounds.question import Question
from sdpbound.conic.certificate import CertifiedDual, exact_linear_dual, exact_vertex_dual, round_up
from sdpbound.conic.program import SolverResult
from sdpbound.npa.words import Word

__all__ = ["certify", "certify_matrices"]


def certify(
    question: Question,
    assembly: Assembly,
    result: SolverResult | None,
    multipliers: NDArray[np.float64] | None = None,
) -> CertifiedDual:
    """The bound that a dual proves; no result is the zero dual. Multipliers are fitted to the dual unless given."""
    program = assembly.program
    if result is None:
        lifted: Sequence[NDArray[np.float64]] = [np.zeros(b.shape) for b in program.blocks]
        return certify_matrices(question, assembly, lifted, np.zeros(program.inequalities.shape[0]), multipliers)
    return certify_matrices(question, assembly, assembly.reduction.lift(result.duals), result.linear_dual, multipliers)


def certify_matrices(
    question: Question,
    assembly: Assembly,
    lifted: Sequence[NDArray[np.float64]],
    weights: NDArray[np.float64],
    multipliers: NDArray[np.float64] | None = None,
) -> CertifiedDual:
    """The bound that dual matrices of the program as it is prove, with weights of its inequalities."""
    program = assembly.program
    data = (program.objective, program.values[1:], program.tolerances[1:])
    dual = assembly.certifier.certify(*data, lifted, weights, multipliers)
    if assembly.wider is not None:
        dual = _in_squares(assembly, assembly.wider, lifted, np.maximum(weights, 0.0), dual)
    if assembly.relaxation.of_vertices:
        return _certify_vertices(question, assembly, [float(m) for m in dual.multipliers])
    if not program.blocks and multipliers is None:
        exact = exact_linear_dual(program, weights)
        if exact is not None and exact.value <= dual.value + 1e-9:
            dual = exact
    trivial = _without_multipliers(question, assembly)
    if dual.value > trivial.value:
        dual = trivial
    if dual.value > question.ceiling:
        return _certainty(question, assembly) or dual
    return dual


def _in_squares(
    assembly: Assembly,
    wider: Assembly,
    lifted: Sequence[NDArray[np.float64]],
    weights: NDArray[np.float64],
    dual: CertifiedDual,
) -> CertifiedDual:
    """A dual with weights on probabilities as a sum of squares in more words: a product of projectors is its square."""
    small, large = assembly.relaxation.matrix, wider.relaxation.matrix
    assert small is not None and large is not None
    number = {word: i for i, word in enumerate(large.words)}
    places = np.array([number[word] for word in small.words])
    scenario = assembly.relaxation.scenario
    letters = [tuple((int(i),) if i else () for i in index) for index in np.ndindex(*scenario.shape)]
    vectors = np.zeros((assembly.relaxation.inequalities.shape[0], len(large.words)))
    vectors[:, [number[word] for word in letters]] = scenario.probability_rows()
    grams = []
    for e, matrix in enumerate(lifted):
        gram = (vectors.T * weights[e * len(vectors) : (e + 1) * len(vectors)]) @ vectors
        gram[np.ix_(places, places)] += matrix
        grams.append(gram)
    program = wider.program
    multipliers = np.array([float(m) for m in dual.multipliers])
    found = wider.certifier.certify(
        program.objective, program.values[1:], program.tolerances[1:], grams, np.zeros(0), multipliers
    )
    return replace(found, words=large.words)


def _without_multipliers(question: Question, assembly: Assembly) -> CertifiedDual:
    """What the zero dual proves, exactly: a moment is at most 1 in size, so each copy is at most a sum of sizes."""
    value = max(
        sum((abs(Fraction(v)) for v in rest), Fraction(constant))
        for constant, *rest in question.objective.reshape(len(question.objective), -1).tolist()
    )
    return CertifiedDual(
        value=round_up(value),
        constant=round_up(value),
        multipliers=(0.0,) * len(question.observed),
        factors=tuple(np.zeros(block.shape) for block in assembly.program.blocks),
        weights=(0.0,) * assembly.program.inequalities.shape[0],
    )


def _certify_vertices(question: Question, assembly: Assembly, multipliers: list[float]) -> CertifiedDual:
    """The exact bound of these multipliers over all deterministic strategies, or that of none if it is better."""
    observed = question.observed
    size = question.objective[0].size
    dual = exact_vertex_dual(
        assembly.relaxation.coordinates.toarray(),
        question.objective.reshape(-1, size),
        observed.coefficients.reshape(-1, size) if len(observed) else np.zeros((0, size)),
        observed.values,
        observed.tolerances,
        multipliers,
    )
    if any(multipliers):
        plain = float((question.objective.reshape(-1, size) @ assembly.relaxation.coordinates).max())
        if dual.value > min(plain, question.ceiling):
            return min(dual, _certify_vertices(question, assembly, [0.0] * len(multipliers)), key=lambda d: d.value)
    return dual


def _certainty(question: Question, assembly: Assembly) -> CertifiedDual | None:
    """The proof that a probability is at most one: 1 - Q is its own square for the projector Q that is guessed.

    Exact, so that no bound on a probability is above one. Words of Q that the level lacks are taken beside it. Over
    no-signaling behaviours 1 - Q is the sum of the probabilities of the other outcomes, None if that is not found.
    """
    matrix = assembly.relaxation.matrix
    if matrix is None:
        weights = _other_outcomes(question, assembly)
        return None if weights is None else CertifiedDual(1.0, 1.0, (0.0,) * len(question.observed), (), weights)
    one: Word = ((),) * question.scenario.parties
    tables: list[dict[Word, float]] = [
        {
            tuple((int(i),) if i else () for i in index): float(projector[tuple(index)])
            for index in np.argwhere(projector)
        }
        for projector in question.objective
    ]
    needed = {word for table in tables for word in table} - {one}
    own = () if needed <= set(matrix.words) else (one, *sorted(needed))
    words = own or matrix.words
    factors = []
    for table in tables:
        factor = np.zeros((len(words),) * 2)
        factor[:, 0] = [float(word == one) - table.get(word, 0.0) for word in words]
        factors.append(factor)
    return CertifiedDual(1.0, 1.0, (0.0,) * len(question.observed), tuple(factors), (), own)


def _other_outcomes(question: Question, assembly: Assembly) -> tuple[float, ...] | None:
    """Weights 0 and 1 on the probabilities of one choice of settings that add up to 1 - Q, for each copy."""
    rows = assembly.relaxation.inequalities.toarray()
    choices = np.zeros((1, 0), dtype=np.int64)
    for party in question.scenario.outcomes:
        setting = np.repeat(np.arange(len(party)), party)[:, None]
        choices = np.hstack([np.repeat(choices, len(setting), axis=0), np.tile(setting, (len(choices), 1))])
    weights: list[float] = []
    for projector in question.objective.reshape(len(question.objective), -1):
        for choice in np.unique(choices, axis=0):
            places = np.flatnonzero((choices == choice).all(axis=1))
            part, *_ = np.linalg.lstsq(rows[places].T, projector, rcond=None)
            exact = np.round(part)
            if np.array_equal(rows[places].T @ exact, projector) and bool(np.isin(exact, (0.0, 1.0)).all()):
                own = np.zeros(len(rows))
                own[places] = 1.0 - exact
                weights += own.tolist()
                break
        else:
            return None
    return tuple(weights)
