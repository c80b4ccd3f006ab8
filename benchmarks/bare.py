"""Bare solvers: each is handed the plain linear matrix inequality (equalities eliminated, no symmetry used).

The fastest whose own bound is right within the accuracy asked is "the bare solver" of a size. Conversion to its input
format and its set-up are counted, nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import scipy.sparse as sp

import sdpbound as sb
from benchmarks.timing import median_seconds
from sdpbound.adversaries.adversary import Adversary
from sdpbound.bounds.assemble import assemble
from sdpbound.bounds.question import Question
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.choose import available, by_name
from sdpbound.errors import SdpboundError

__all__ = ["Bare", "bell_question", "clarabel_direct", "clarabel_input", "fastest", "plain_inequality"]

#: A bare solver's own bound must be this close to the exact value to be compared with.
ACCURACY = 1e-6
TOLERANCES = (1e-7, 1e-8, 1e-9)


@dataclass(frozen=True, slots=True)
class Bare:
    """One way to solve a program without sdpbound."""

    name: str
    seconds: float
    value: float


def plain_inequality(question: Question, model: Adversary) -> LinearMatrixInequality:
    """The program without its symmetries."""
    assembly = assemble(question, model, symmetry=False)
    return assembly.reduction.inequality(assembly.program)


def clarabel_input(program: LinearMatrixInequality) -> tuple[Any, ...]:
    """Clarabel's own data, as a user who writes the program by hand has them."""
    import clarabel

    cones: list[Any] = [clarabel.NonnegativeConeT(program.linear)] if program.linear else []
    cones += [clarabel.PSDTriangleConeT(n) for n in program.sizes]
    scale = vectors.scale(program.linear, program.sizes)
    matrix = sp.csc_matrix(vectors.scaled_matrix(program, -1.0))
    return sp.csc_matrix((program.variables,) * 2), -program.cost, matrix, program.constant * scale, cones


def clarabel_direct(data: tuple[Any, ...], tolerance: float = 1e-9) -> float:
    """Set up and solve; minus the dual objective. Default settings but for tolerance and threads."""
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    return -float(clarabel.DefaultSolver(*data, settings).solve().obj_val_dual)


def _cvxopt(program: LinearMatrixInequality, tolerance: float) -> float:
    from cvxopt import matrix, solvers, spmatrix

    expansion = vectors.expansion(program.linear, program.sizes)
    table, constant = sp.coo_array(-(expansion @ program.matrix)), expansion @ program.constant
    full = spmatrix(table.data, table.row.tolist(), table.col.tolist(), table.shape)
    parts_g, parts_h, start = [], [], program.linear
    for n in program.sizes:
        parts_g.append(full[start : start + n * n, :])
        parts_h.append(matrix(constant[start : start + n * n].reshape(n, n)))
        start += n * n
    options = {"show_progress": False, "abstol": tolerance, "reltol": tolerance, "feastol": tolerance}
    linear = {} if not program.linear else {"Gl": full[: program.linear, :], "hl": matrix(constant[: program.linear])}
    answer = solvers.sdp(matrix(-program.cost), Gs=parts_g, hs=parts_h, options=options, **linear)
    return program.offset - float(answer["dual objective"])


def fastest(
    program: LinearMatrixInequality, exact: float, limit: float = 10.0
) -> tuple[Bare, list[Bare], Callable[[], float]]:
    """The fastest bare solver that is right within ``ACCURACY``, all that were tried, and a call that runs it again.

    Every solver runs at several tolerances, the loosest first; the three fastest that are right run five times more. A
    solver that was right but needed more than ``limit`` seconds is not tried at a tighter tolerance. From size 60 on
    Clarabel (time like n^6, stalls) and SCS (a hundred times slower here) are left out, and from 100 CVXOPT.
    """
    runs: dict[str, Callable[[float], float]] = {
        name: (lambda tol, name=name: by_name(name, tol).solve(program).objective)
        for name in available()
        if name not in ("cvxpy", "highs")
    }
    size = max(program.sizes)
    if size < 60:
        runs["clarabel, its defaults"] = lambda tol: program.offset + clarabel_direct(clarabel_input(program), tol)
    else:
        for name in ("clarabel", "scs"):
            runs.pop(name, None)
    if size < 100:
        runs["cvxopt"] = lambda tol: _cvxopt(program, tol)
    tried: list[tuple[Bare, Callable[[], float]]] = []
    for name, run in runs.items():
        for tolerance in TOLERANCES:
            start = perf_counter()
            try:
                value = run(tolerance)
            except (SdpboundError, ValueError, ArithmeticError, ImportError):
                continue
            seconds = perf_counter() - start
            call = partial(run, tolerance)
            tried.append((Bare(f"{name} at {tolerance:g}", seconds, value), call))
            if seconds > limit and abs(value - exact) <= ACCURACY:
                break
    right = sorted((pair for pair in tried if abs(pair[0].value - exact) <= ACCURACY), key=lambda p: p[0].seconds)
    again = []
    for bare, call in right[:3]:
        seconds = bare.seconds if bare.seconds > 10.0 else median_seconds(call, 5)
        again.append((Bare(bare.name, seconds, bare.value), call))
    best, call = min(again, key=lambda pair: pair[0].seconds)
    return best, [bare for bare, _ in tried], call


def bell_question(expression: sb.BellExpression) -> Question:
    """The question that :func:`sdpbound.maximize` asks."""
    from sdpbound.bounds.bell_value import _question

    return _question(expression, None, "upper")
