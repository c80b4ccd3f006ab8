"""The projective integral method: one interval program for all nodes, from few nodes and words to as many as needed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.assemble import Question
from sdpbound.assemble_entropy import EntropyProgram, EntropyQuestion, assemble_entropy, words_of_level
from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bounds import (
    BROKEN,
    CERTIFIED_SEPARATION,
    DEFAULT_TOLERANCE,
    TARGET_CORRECTION,
    Functional,
    SolverChoice,
    certificate_head,
    describe_figure,
    raise_if_separated,
    threshold_scale,
)
from sdpbound.conic.choose import by_name, candidates
from sdpbound.conic.interval import IntervalDual
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure
from sdpbound.levels import Level
from sdpbound.merits.entropy import EntropyBound
from sdpbound.models import Quantum
from sdpbound.quadrature import graded_nodes, interpolation_gap, refined_nodes

__all__ = ["LEVELS", "LEVELS_OF_BOTH", "MOST_NODES", "RETREATS", "projective_entropy"]

Floats = NDArray[np.float64]

#: Levels tried where none is given, of Alice's outcome and of both, the last only for tolerances below 1e-3. Measured:
#: "1+AB" is exact for Alice's outcome and CHSH; on noisy points of the singlet family the next loses up to 5e-4, the
#: last up to 1e-5. Of both outcomes and CHSH the first loses up to 3e-2, the second up to 1e-3.
LEVELS = ("1+AB", "1+AB+AA+AAB", "1+AB+AA+AAB+AAA+AAAB")
LEVELS_OF_BOTH = ("1+AB", "2+AAB+ABB", "2+AAB+ABB+AABB")
#: A level of more words than this, or of more when multiplied by the bits of the key, is not tried unless asked for.
MOST_WORDS, MOST_WORDS_TIMES_BITS = 40, 100
#: Part of the tolerance that a higher level must gain at coarse nodes to be worth its time.
WORTH = 0.02
#: Numbers of nodes used, few enough for programs to be shared between points.
_COUNTS = (6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512)
MOST_NODES = _COUNTS[-1]
#: Distances towards white noise tried where the data are on the boundary of the set.
RETREATS = (1e-8, 1e-7, 1e-6, 1e-5)


@dataclass(frozen=True)
class _Method:
    """What is asked of the search; see :class:`sdpbound.VonNeumann`."""

    level: Level | None
    nodes: int | tuple[float, ...] | None
    tolerance: float
    solver: SolverChoice


def projective_entropy(
    question: EntropyQuestion,
    level: Level | None,
    nodes: int | tuple[float, ...] | None,
    tolerance: float,
    solver: SolverChoice,
) -> EntropyBound:
    """Bound a question; arguments as in :class:`sdpbound.VonNeumann`."""
    return _Search(question, _Method(level, nodes, tolerance, solver)).run()


@dataclass(frozen=True, eq=False)
class _Attempt:
    """One solved program: its proof, and what its point says about the nodes."""

    program: EntropyProgram
    level: Level
    result: SolverResult
    dual: IntervalDual
    values: Floats
    slopes: Floats
    gap: float

    @property
    def bound(self) -> float:
        return -self.dual.value


@dataclass(eq=False)
class _Search:
    """From few nodes and words to as many as the tolerance asks for."""

    question: EntropyQuestion
    method: _Method
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("assemble", "solve", "certify"), 0.0))
    retreat: float = 0.0  # distance towards white noise at which the data are solved for
    attempts: list[_Attempt] = field(default_factory=list)
    inside: bool = False  # whether no functional was found that separates the data

    def run(self) -> EntropyBound:
        method = self.method
        if isinstance(method.nodes, tuple):
            level = self._levels()[-1] if method.level is None else method.level
            best = self._solve(level, np.array(method.nodes))
        else:
            self._refine(*self._coarse())
            best = max(self.attempts, key=lambda attempt: attempt.bound)  # near the boundary not always the last
        if best.bound > self._most:
            return self._widened()
        return self._as_bound(best)

    @property
    def _most(self) -> float:
        """What no entropy of the key exceeds."""
        return math.log2(self.question.outcomes)

    @property
    def _accuracy(self) -> float:
        """What is asked of the solver: less than nodes cost, for the last digits take long."""
        if self.method.nodes is not None:
            return DEFAULT_TOLERANCE
        return min(max(3e-4 * self.method.tolerance, DEFAULT_TOLERANCE), 1e-6)

    def _levels(self) -> list[Level]:
        """The levels worth trying."""
        if self.method.level is not None:
            return [self.method.level]
        names: tuple[str, ...] = LEVELS if self.question.y is None else LEVELS_OF_BOTH
        if self.method.tolerance >= 1e-3:
            names = names[:2]
        most = min(MOST_WORDS, MOST_WORDS_TIMES_BITS // len(self.question.bits))
        few = [n for n in names if len(words_of_level(self.question.scenario, n)) <= most]
        return list(few or names[:1])

    def _coarse(self) -> tuple[Level, _Attempt]:
        """A level that is good enough, as far as few nodes tell."""
        levels = self._levels()
        count = self.method.nodes if isinstance(self.method.nodes, int) else 12
        first = self._solve(levels[0], graded_nodes(min(6, count)))
        best = self._solve(levels[0], self._placed(first, min(12, count)))
        level = levels[0]
        for higher in levels[1:]:
            other = self._solve(higher, best.program.nodes)
            if other.bound - best.bound <= WORTH * self.method.tolerance:
                break
            level, best = higher, other
        return level, best

    def _refine(self, level: Level, best: _Attempt) -> None:
        """As many nodes as asked for, or as the tolerance needs; the loss falls with the square of their number."""
        asked = self.method.nodes
        if isinstance(asked, int):
            if asked > 12:
                self._solve(level, self._placed(best, asked))
            return
        allowed = 0.5 * self.method.tolerance
        for _ in range(3):
            if best.gap <= allowed or not math.isfinite(best.gap):
                break
            now = len(best.program.nodes)
            wanted = now * math.sqrt(best.gap / (1.4 * allowed))  # better placed, they lose less than the square says
            count = next((c for c in _COUNTS if c >= min(wanted, 3.0 * now)), _COUNTS[-1])
            if count <= now:
                count = next((c for c in _COUNTS if c > now), now)
            other = self._solve(level, self._placed(best, count))
            if count == now and other.gap >= best.gap:
                break
            best = other

    def _placed(self, attempt: _Attempt, count: int) -> Floats:
        if not math.isfinite(attempt.gap):
            return graded_nodes(count)
        return refined_nodes(attempt.program.nodes, attempt.values, attempt.slopes, count, self.question.preprocessing)

    def _solve(self, level: Level, nodes: Floats) -> _Attempt:
        """Solve and certify at the data; where that proves little, at data a little closer to white noise.

        On the boundary of the set the program has no interior and every solver stalls. A functional that is optimal
        slightly inside is proven as well, and at the true data is off by little.
        """
        begun = time.perf_counter()
        program = assemble_entropy(self.question, level, nodes)
        self.seconds["assemble"] += time.perf_counter() - begun
        best = self._attempt(program, level, self.retreat)
        observed = self.question.observed
        doubtful = best.result.status is Status.INFEASIBLE or best.bound > self._most + CERTIFIED_SEPARATION
        if doubtful and len(observed) and not self.inside:
            raise_if_separated(separation(self.question), Quantum(level))
            self.inside = True
        allowed = max(TARGET_CORRECTION, 0.02 * self.method.tolerance)
        if len(observed) and not self.retreat and (doubtful or abs(best.dual.value - best.result.objective) > allowed):
            for step in RETREATS:
                other = self._attempt(program, level, step)
                if other.bound > best.bound:
                    best, self.retreat = other, step
        self.attempts.append(best)
        return best

    def _attempt(self, program: EntropyProgram, level: Level, retreat: float) -> _Attempt:
        """Solve at data moved towards white noise, certify at the data; no point to go by is an infinite gap."""
        begun = time.perf_counter()
        observed, nodes = self.question.observed, program.nodes
        moved = towards_noise(observed, retreat)
        inequality = program.solver.inequality(program.objective, program.rewards, moved, observed.tolerances)
        self.seconds["assemble"] += time.perf_counter() - begun
        result = first_answer(inequality, self.method.solver, self._accuracy, self.seconds)
        dual = self._certify(program, result)
        values = slopes = np.zeros(len(nodes))
        gap = math.inf
        if result.solution is not None and result.status is not Status.INFEASIBLE:
            values, slopes = (np.maximum(v, 0.0) for v in program.values_and_slopes(result.solution))
            gap = float(interpolation_gap(nodes, values, slopes, self.question.preprocessing).sum())
        return _Attempt(program, level, result, dual, values, slopes, gap)

    def _certify(self, program: EntropyProgram, result: SolverResult) -> IntervalDual:
        begun = time.perf_counter()
        observed = self.question.observed
        dual = program.solver.certify(
            program.objective,
            program.rewards,
            observed.values,
            observed.tolerances,
            result.duals,
            program.slack,
        )
        self.seconds["certify"] += time.perf_counter() - begun
        return dual

    def _widened(self) -> EntropyBound:
        return _Search(widened(self.question), self.method, self.seconds).run()

    def _as_bound(self, best: _Attempt) -> EntropyBound:
        dual = best.dual
        if dual.value > 0.0:
            observed, program = self.question.observed, best.program
            data = (program.objective, program.rewards, observed.values, observed.tolerances)
            trivial = program.solver.evaluate(*data, *program.trivial_factors(), program.slack)
            dual = min(dual, trivial, key=lambda d: d.value)
        model = Quantum(best.level)
        return EntropyBound(
            value=-dual.value + 0.0,
            side="lower",
            figure=describe_figure(self.question.figure),
            model=model,
            solver_value=-best.result.objective,
            solver=best.result.solver,
            status=best.result.status.value,
            seconds=self.seconds,
            _proof=_EntropyProof(self.question, model, best.program, dual),
            nodes=tuple(float(t) for t in best.program.nodes),
            quadrature_gap=best.gap,
        )


def first_answer(
    inequality: LinearMatrixInequality, choice: SolverChoice, accuracy: float, seconds: dict[str, float]
) -> SolverResult:
    """Of the solver asked for, or of the first that has one."""
    failures = []
    for solver in solvers_for(choice, inequality, accuracy):
        begun = time.perf_counter()
        try:
            return solver.solve(inequality)
        except SolverFailure as failure:
            failures.append(str(failure))
        except BROKEN as failure:
            if choice is not None:
                raise
            failures.append(f"{solver.name}: {type(failure).__name__} {failure}")
        finally:
            seconds["solve"] += time.perf_counter() - begun
    raise SolverFailure(
        f"no solver gave a usable dual ({'; '.join(failures)}); try another one with solver=..., or a lower level."
    )


def solvers_for(choice: SolverChoice, inequality: LinearMatrixInequality, tolerance: float) -> Sequence[Solver]:
    """The solver asked for, or those worth trying: SDPA first, for its time is linear in the number of nodes."""
    if choice is None:
        return sorted(candidates(inequality, tolerance), key=lambda s: s.name != "sdpa")
    if isinstance(choice, str):
        return (by_name(choice, tolerance),)
    if isinstance(choice, Solver):
        return (choice,)
    raise InvalidSolver(f"solver = {choice!r} must be a name such as 'sdpa', a Solver, or None for the best installed.")


def widened(question: EntropyQuestion) -> EntropyQuestion:
    """Data outside the set by less than can be called infeasible: with tolerances that reach into it."""
    observed = question.observed
    wider = np.maximum(4.0 * observed.tolerances, CERTIFIED_SEPARATION * threshold_scale(observed))
    if not len(observed) or float(wider.max()) > 1e-6 * max(1.0, float(np.abs(observed.values).max())):
        raise SolverFailure(
            "the tested data are outside the set by an amount that no solver resolves; move them inside, or test "
            "fewer values."
        )
    wide = replace(observed, tolerances=wider)
    return replace(question, observed=wide, given=question.given or observed)


def towards_noise(observed: Observations, distance: float) -> Floats:
    """Tested values a little closer to those of white noise."""
    noise = Behaviour.uniform(observed.scenario).moments
    centre = np.tensordot(observed.coefficients, noise, axes=noise.ndim)
    return np.asarray((1.0 - distance) * observed.values + distance * centre)


def separation(question: EntropyQuestion) -> Question:
    empty = np.zeros((1, *question.scenario.shape))
    return Question(question.scenario, empty, question.observed, {"kind": "separation"}, "upper", -math.inf)


# -- the proof ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _EntropyProof:
    question: EntropyQuestion
    model: Quantum
    program: EntropyProgram
    dual: IntervalDual

    @property
    def given(self) -> Observations:
        return self.question.given or self.question.observed

    def functional(self) -> Functional:
        observed = self.question.observed
        constant, multipliers = -self.dual.constant, -np.array(self.dual.multipliers)
        return Functional.of_tests("lower", constant, multipliers, observed)

    def certificate(self, value: float) -> dict[str, Any]:
        observed, dual = self.question.observed, self.dual
        copies = [{"inner": rows_of(a), "outer": rows_of(b)} for a, b in zip(dual.inner, dual.outer, strict=True)]
        return certificate_head(observed, self.question.figure, "lower", self.model.describe()) | {
            "proof": {
                "multipliers": list(dual.multipliers),
                "nodes": [float(t) for t in self.program.nodes],
                "words": [[list(part) for part in word] for word in self.program.words],
                "factor": rows_of(dual.shared),
                "copies": copies,
            },
            "claim": {
                "value": value,
                "functional": {"constant": -dual.constant, "multipliers": [-m for m in dual.multipliers]},
            },
        }


def rows_of(factor: Floats) -> list[list[float]]:
    return [row[: i + 1].tolist() for i, row in enumerate(factor)]
