"""Guessing probabilities for the rows of studies, proven from the dual of the compiled method of searches.

The method of :mod:`sdpbound.conic.compiled_moments` has a dual matrix for each of Eve's guesses, in the words of the
program as it is: no symmetry is looked for and nothing is eliminated. Its moments meet the conditions of the program,
so that its value and the proven bound enclose the best bound. A bound is issued only if the two are as near to each
other as was asked; else the caller asks the solvers.
"""

from __future__ import annotations

import time

import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.observations import Observations
from sdpbound.bounds.assemble import assemble
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.certify import certify_matrices
from sdpbound.bounds.estimates import form_of
from sdpbound.bounds.guessing import guessing_question
from sdpbound.bounds.proof import proven_bound
from sdpbound.conic.program import SolverResult, Status

__all__ = ["COMPILED", "quick_guess"]

#: What stands for the method where a bound names its solver.
COMPILED = "compiled moments"
#: The gap asked of the method, as a part of the tolerance: what rounding leaves in the dual's equations costs more.
ASKED = 0.003


def quick_guess(observed: Observations, model: Adversary, x: int, y: int | None, tolerance: float) -> Bound | None:
    """Certified upper bound on Eve's guessing probability, or None where the method does not reach the tolerance.

    The bound of :func:`~sdpbound.bounds.guessing.guessing_probability`, at most ``tolerance`` above the best one of
    the level, but for rounding of the moments.

    >>> from sdpbound import Observations, Quantum, chsh
    >>> bound = quick_guess(Observations.bell_value(chsh(), 2.4), Quantum("1+AB"), 0, None, 1e-9)
    >>> bound.side, round(bound.value, 6)
    ('upper', 0.874166)
    """
    begun = time.perf_counter()
    form = form_of(observed.scenario, model, x, y)
    found = None if form is None else form.solved(observed.coefficients, observed.values, ASKED * tolerance)
    if form is None or found is None or not found.accuracy <= tolerance:
        return None
    solved = time.perf_counter()
    question = guessing_question(observed, x, y)
    assembly = assemble(question, model, symmetry=False)
    matrix = assembly.relaxation.matrix
    assert matrix is not None
    signs = np.array([(-1.0) ** sum(map(len, word)) for word in matrix.words])
    found_for = dict(zip(found.kept.tolist(), found.duals, strict=True))
    twins = {int(form.twins[guess]): signs[:, None] * dual * signs for guess, dual in found_for.items()}
    matrices = [(twins | found_for)[guess] for guess in range(len(form.whole))]
    dual = certify_matrices(question, assembly, matrices, np.zeros(0))
    if not dual.value - max(found.value, question.floor) <= tolerance:
        return None
    ended = time.perf_counter()
    result = SolverResult(COMPILED, Status.SOLVED, tuple(matrices), np.zeros(0), found.value, solved - begun)
    seconds = {"assemble": 0.0, "solve": solved - begun, "certify": ended - solved}
    return proven_bound(question, model, assembly, dual, result, seconds)
