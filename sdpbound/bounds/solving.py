"""Bounds: solve with an untrusted solver, then prove."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import instance
from sdpbound.bell.deterministic import exact_deterministic_maximum
from sdpbound.bounds.assemble import Assembly, assemble
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.boundary import towards_noise, widened
from sdpbound.bounds.certify import certify
from sdpbound.bounds.exact_data import KnownStrategy, known_strategy
from sdpbound.bounds.intervals import IntervalProgram, interval_program
from sdpbound.bounds.proof import proven_bound
from sdpbound.bounds.question import Question
from sdpbound.bounds.room import require_room
from sdpbound.bounds.rounding import rounded
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_contradictory, raise_if_separated
from sdpbound.conic.certificate import CertifiedDual, round_up
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers.choose import SolverChoice, solvers_for
from sdpbound.conic.solvers.solver import BROKEN, DEFAULT_TOLERANCE, Solver, ask
from sdpbound.conic.solvers.vectors import unfold
from sdpbound.errors import SolverFailure, TimeIsUp
from sdpbound.limiting import doing, go_on, note, proven, require_time, reserved

__all__ = ["TARGET_CORRECTION", "solve", "solved_program"]


#: A certificate that charges more than this makes the next solver be tried; the better bound is kept.
TARGET_CORRECTION = 1e-6
#: A multiplier above this, in units of its expression: only on the boundary does a bound change so fast with the data.
STEEP = 1e4
#: A bound on exact data exceeds the value of their strategy by twice what their tolerance is charged, for the best
#: multiplier costs as much again; measured: by 2 to 14 times. Less is the bound of a multiplier that is far too large.
AT_BEST = (1.5, 16.0)
#: A bound that exceeds the value of a known strategy by less than this is as good as exact.
NO_LOSS = 1e-8
#: Distances tried from a known strategy, in units of the best one.
FARTHER = (1.0, 4.0, 16.0)
#: Seconds of a proof for each cubed row of a block: its lifting, and its factors.
PROOF = 5e-10
#: Distances towards white noise tried where the program at the data themselves has no interior.
RETREATS_TO_NOISE = (1e-10, 1e-9, 1e-8, 1e-7)
#: Where nothing is free, data with an eigenvalue below minus this are looked at: they may be outside the set.
_NEGATIVE = 1e-7
#: A program without variables and rows, to ask for solvers where there is nothing to solve.
NOTHING = LinearMatrixInequality(np.zeros(0), 0.0, sp.csc_array((0, 0)), np.zeros(0), 0, ())


# -- solving ------------------------------------------------------------------------------------------------------


def solve(
    question: Question,
    model: Adversary,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    symmetry: bool = True,
) -> Bound:
    """Bound a figure of merit over a model's set.

    ``solver``: None tries the best installed solvers for the program's shape until the certificate charges less
    than 1e-6; a name or a :class:`Solver` uses that one only. ``symmetry``: whether it is looked for. Raises
    Infeasible (with a proof), SolverFailure.
    """
    instance(model, Adversary, "the model", "Quantum('2'), NoSignaling() or Local()")
    asked = DEFAULT_TOLERANCE if tolerance is None else tolerance
    if model.deterministic and not len(question.observed):
        solvers_for(solver, NOTHING, asked)  # not needed, but a wrong choice is an error
        return _enumerated(question, model)
    level = f", level {model.label}" if model.label else ""
    with doing(f"{question.figure.words}, {model.name}{level}", lambda value: question.sign * value):
        return _solved(question, model, solver, asked, symmetry)


def _solved(question: Question, model: Adversary, solver: SolverChoice, tolerance: float, symmetry: bool) -> Bound:
    require_time()
    note("writing the program")
    start = time.perf_counter()
    assembly = assemble(question, model, symmetry)
    program = assembly.program
    raise_if_contradictory(question, model, assembly)
    apart = question.observed.tolerances > CERTIFIED_SEPARATION
    intervals = interval_program(question, assembly, apart) if apart.any() else None
    inequality = intervals.inequality if intervals else assembly.reduction.inequality(program)
    require_room(question, model, inequality, solver)
    solvers = solvers_for(solver, inequality, tolerance)
    seconds = {"assemble": time.perf_counter() - start, "solve": 0.0, "certify": 0.0}
    search = _Search(question, assembly, seconds, automatic=solver is None)
    if intervals is None:
        _solve_from_strategy(search, solvers)
    for candidate in () if search.finished else solvers:
        if candidate.first_order and search.best is not None:
            continue  # it improves on no interior-point dual
        if search.is_late:
            break
        search.attempt(candidate, inequality, intervals=intervals)
        if search.suspicious or search.settled:
            break
    if search.best is None:
        if search.late is not None:
            raise search.late
        raise SolverFailure(
            f"no solver gave a usable dual ({'; '.join(search.failures)}); try another one with "
            "solver=..., or a lower level."
        )
    if search.suspicious or (len(question.observed) and search.best[0].value < question.floor - CERTIFIED_SEPARATION):
        raise_if_separated(question.observed, model)
    boundary = len(question.observed) > 0 and intervals is None and len(program.blocks) > 0 and not search.finished
    boundary = boundary and (not search.tight or search.steep)
    if boundary:
        _retreat(search, solvers)
    if search.best[0].value < question.floor and len(question.observed) and not search.is_late:
        wide = replace(question, observed=widened(question.observed), given=question.given or question.observed)
        return solve(wide, model, solver, tolerance, symmetry)
    dual, result = search.best
    if search.late is not None or search.cut:
        result = replace(result, status=Status.OUT_OF_TIME)
    bound = proven_bound(question, model, assembly, dual, result, search.seconds, search.found)
    lower = model.lower() if boundary and not search.is_late else None
    return bound if lower is None else _better(bound, question, lower, solver, tolerance, symmetry)


def _better(
    bound: Bound, question: Question, lower: Adversary, solver: SolverChoice, tolerance: float, symmetry: bool
) -> Bound:
    """The bound, or that of a lower level where it is better: on the boundary solvers come closer in few words."""
    try:
        other = _solved(question, lower, solver, tolerance, symmetry)
    except SolverFailure:
        return bound
    return other if question.sign * other.value < question.sign * bound.value else bound


def solved_program(question: Question, model: Adversary) -> LinearMatrixInequality:
    """The program of a question as a solver gets it."""
    assembly = assemble(question, model)
    apart = question.observed.tolerances > CERTIFIED_SEPARATION
    if apart.any():
        return interval_program(question, assembly, apart).inequality
    return assembly.reduction.inequality(assembly.program)


def _enumerated(question: Question, model: Adversary) -> Bound:
    """The exact local maximum by enumeration; no program is needed where nothing is tested."""
    start = time.perf_counter()
    exact = max(exact_deterministic_maximum(question.scenario, objective) for objective in question.objective)
    dual = CertifiedDual(round_up(exact), round_up(exact), (), (), ())
    result = SolverResult("enumeration", Status.SOLVED, (), np.zeros(0), float(exact), time.perf_counter() - start)
    return proven_bound(question, model, None, dual, result, {"assemble": 0.0, "solve": result.seconds, "certify": 0.0})


class _Search:
    """The best certified dual found so far."""

    def __init__(self, question: Question, assembly: Assembly, seconds: dict[str, float], automatic: bool) -> None:
        self.automatic = automatic
        self.question = question
        self.assembly = assembly
        self.seconds = seconds
        self.best: tuple[CertifiedDual, SolverResult] | None = None
        self.settled = False
        self.tight = False
        self.finished = False  # nothing else can prove more
        self.suspicious = False
        self.failures: list[str] = []
        self.late: TimeIsUp | None = None  # what a solver said whose time was over
        self.cut = False  # whether something else was left out for want of time
        self.found: NDArray[np.float64] | None = None  # the point of the best answer

    @property
    def program(self) -> ConicProgram:
        return self.assembly.program

    @property
    def is_late(self) -> bool:
        """Whether what comes next is left out, as there is a bound and no time is left."""
        if self.best is not None and not self.cut:
            self.cut = not go_on()
        return self.cut

    @property
    def proof_seconds(self) -> float:
        """About what it takes to lift a dual to the full matrices and to factor these."""
        return PROOF * sum(len(block) ** 3 for block in self.program.blocks)

    def _has_time(self) -> bool:
        """Whether an answer can be made a proof; where it cannot, what was proven before is the bound."""
        try:
            require_time(self.proof_seconds, last=True)
        except TimeIsUp as failure:
            self.late = failure
        return self.late is None

    def keep(self, dual: CertifiedDual, result: SolverResult) -> None:
        """Keep the best proof."""
        self.best = dual, result
        proven(lambda: rounded(self.question.sign * dual.value, self.question.side, 7))

    @property
    def steep(self) -> bool:
        """Whether the bound changes so fast with the data that they must lie on the boundary of the set."""
        if self.best is None:
            return False
        table = self.question.observed.coefficients
        sizes = np.abs(table).reshape(len(table), -1).sum(axis=1)
        return any(abs(float(m)) * size > STEEP for m, size in zip(self.best[0].multipliers, sizes, strict=True))

    def _answer(self, solver: Solver, inequality: LinearMatrixInequality) -> SolverResult | None:
        """What a solver says; None where it has failed, and the next one is to be asked."""
        begun = time.perf_counter()
        try:
            with reserved(self.proof_seconds):
                return _run(solver, inequality)
        except TimeIsUp as failure:
            self.late = failure
        except SolverFailure as failure:
            self.failures.append(str(failure))
        except BROKEN as failure:
            if not self.automatic:
                raise
            self.failures.append(f"{solver.name}: {type(failure).__name__} {failure}")
        finally:
            self.seconds["solve"] += time.perf_counter() - begun
        return None

    def attempt_from(self, known: KnownStrategy, solver: Solver, farther: float) -> bool:
        """Solve at moved data, seen from the strategy of the data; certify at the true data, keep if better.

        The search is finished if the bound is as near to the strategy's own value as the tolerance of the data allows,
        or if the solver is content and the certificate proves what the dual says. Nothing that came after either (other
        distances, the program of the data as they are, data moved to noise) has improved a bound in any of 20 cases
        next to the local boundary, and took up to 20 times as long. Returns whether it is finished.
        """
        result = self._answer(solver, known.rescaled.inequality)
        if result is None or not self._has_time():
            return False
        begun = time.perf_counter()
        duals = known.rescaled.duals(result.duals)
        own = replace(result, duals=duals, objective=known.objective(duals), solution=None)
        dual = certify(self.question, self.assembly, own)
        self.seconds["certify"] += time.perf_counter() - begun
        if self.best is None or dual.value < self.best[0].value:
            self.keep(dual, own)
            self.found = known.point
        charged = float(np.abs([float(m) for m in dual.multipliers]) @ self.question.observed.tolerances)
        least, most = AT_BEST
        near = least * charged <= dual.value - known.value <= most * farther * charged + NO_LOSS
        kept = dual.value - own.objective <= 2.0 * charged + TARGET_CORRECTION
        self.finished |= near or (kept and result.status is Status.SOLVED)
        return self.finished

    def attempt(
        self,
        solver: Solver,
        inequality: LinearMatrixInequality,
        direct: float | None = None,
        intervals: IntervalProgram | None = None,
    ) -> None:
        """Solve, certify at the true data, keep if better. ``direct``: data are moved, report this solver value.

        ``intervals``: whose program it is, where tests are inequalities of it.
        """
        result = self._answer(solver, inequality)
        if result is None or not self._has_time():
            return
        begun = time.perf_counter()
        dual = intervals.certified(result) if intervals else certify(self.question, self.assembly, result)
        fixed = np.abs(inequality.cost).max(initial=0.0) <= 1e-14 * np.abs(self.question.objective).sum()
        if intervals is None and fixed:
            # the data determine the objective: the zero dual is optimal, a solver's only adds noise
            result = replace(result, objective=inequality.offset)
            nothing = replace(
                result,
                duals=tuple(np.zeros_like(x) for x in result.duals),
                linear_dual=np.zeros_like(result.linear_dual),
            )
            dual = min(dual, certify(self.question, self.assembly, nothing), key=lambda d: d.value)
        self.seconds["certify"] += time.perf_counter() - begun
        if direct is None:
            self.suspicious |= result.status is Status.INFEASIBLE and len(self.question.observed) > 0
        else:
            result = replace(result, objective=direct)
        if self.best is None or dual.value < self.best[0].value:
            self.keep(dual, result)
            if result.solution is not None and result.solution.size == inequality.variables:
                own = intervals or self
                self.found = own.assembly.reduction.point(result.solution, own.program)
        # the true optimum lies between the solver's primal value, if its point is feasible, and the proven bound; given
        # data on the boundary both may be wrong together where a solver says ALMOST_SOLVED: then the next one is asked
        primal = result.objective
        if result.solution is not None:
            primal = inequality.offset + float(inequality.cost @ result.solution)
        gap = max(dual.value - result.objective, dual.value - primal, result.objective - dual.value)
        if direct is None and gap <= TARGET_CORRECTION * max(1.0, abs(dual.value)):
            self.tight = True
            self.settled |= result.status is not Status.ALMOST_SOLVED or not len(self.question.observed)


def _solve_from_strategy(search: _Search, solvers: Sequence[Solver]) -> None:
    """Solve the program of exact data as it looks from their strategy, at one distance after another until it is done.

    Where two guesses are nearly as good a solver may stall at one distance, and not at the next.
    """
    for candidate in (solver for solver in solvers if solver.precise):
        for farther in FARTHER:
            known = known_strategy(search.question, search.assembly, farther)
            if known is None or search.attempt_from(known, candidate, farther) or search.is_late:
                return


def _retreat(search: _Search, solvers: Sequence[Solver]) -> None:
    """Solve at data moved a little towards white noise, and charge the dual at the true data.

    On the boundary of the set the program has no interior and every solver stalls. A functional that is optimal for
    data slightly inside is proven as well, and at the true data it is off by only the root of the distance.
    """
    program = search.assembly.program
    assert search.best is not None
    direct = search.best[1].objective  # reported as the solver's value: the others belong to moved data
    # the first one is fast on programs of this size; the others that are not made for the boundary are slow there
    chosen = [solver for k, solver in enumerate(solvers) if solver.good_on_boundary or k == 0]
    for step in RETREATS_TO_NOISE:
        values = np.concatenate([program.values[:1], towards_noise(search.question.observed, step)])
        inequality = search.assembly.reduction.inequality(replace(program, values=values))
        for solver in chosen:
            if search.is_late:
                return
            search.attempt(solver, inequality, direct)


def _run(solver: Solver, inequality: LinearMatrixInequality) -> SolverResult:
    if inequality.variables == 0:
        # nothing is free: the data determine everything, and the zero dual is optimal for the constant objective, but
        # where no behaviour of the set has them
        matrices = unfold(inequality.constant, inequality.linear, inequality.sizes)
        least = min([0.0, *inequality.constant[: inequality.linear], *(np.linalg.eigvalsh(m)[0] for m in matrices)])
        status = Status.INFEASIBLE if least < -_NEGATIVE else Status.SOLVED
        duals = tuple(np.zeros((n, n)) for n in inequality.sizes)
        return SolverResult("none", status, duals, np.zeros(inequality.linear), inequality.offset, 0.0)
    return ask(solver, inequality)
