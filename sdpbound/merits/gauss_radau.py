"""The Brown-Fawzi-Fawzi method with Gauss-Radau nodes, certified without norm limits on Eve's operators."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.assemble_entropy import EntropyQuestion, words_of_level
from sdpbound.assemble_radau import RadauProgram, assemble_radau
from sdpbound.behaviour import Observations
from sdpbound.bounds import (
    CERTIFIED_SEPARATION,
    DEFAULT_TOLERANCE,
    TARGET_CORRECTION,
    Functional,
    SolverChoice,
    certificate_head,
    describe_figure,
    raise_if_separated,
)
from sdpbound.conic.program import SolverResult, Status
from sdpbound.conic.quadratic import QuadraticDual
from sdpbound.levels import Level
from sdpbound.merits.entropy import EntropyBound
from sdpbound.merits.projective import RETREATS, first_answer, rows_of, separation, towards_noise, widened
from sdpbound.models import Quantum

__all__ = ["MOST_RADAU_NODES", "gauss_radau_entropy"]

Floats = NDArray[np.float64]

#: Levels tried where none is given. Measured: with the first CHSH is within 1e-8 and the noisy points of the singlet
#: family lose up to 3e-3, with the second up to 5e-4.
LEVELS = ("1+AB+AA+AAB", "1+AB+AA+AAB+AAA+AAAB")
LEVELS_OF_BOTH = ("1+AB", "2+AAB+ABB")
#: A level of more words than this is not tried unless asked for.
MOST_WORDS = 40
#: Part of the tolerance that a higher level must gain at few nodes to be worth its time.
WORTH = 0.05
_COUNTS = (4, 6, 8, 12, 16, 24, 32)
MOST_RADAU_NODES = 64


def gauss_radau_entropy(
    question: EntropyQuestion, level: Level | None, nodes: int | None, tolerance: float, solver: SolverChoice
) -> EntropyBound:
    """Bound a question; arguments as in :class:`sdpbound.VonNeumann`."""
    return _Search(question, level, nodes, tolerance, solver).run()


@dataclass(frozen=True, eq=False)
class _Attempt:
    program: RadauProgram
    level: Level
    result: SolverResult
    dual: QuadraticDual

    @property
    def bound(self) -> float:
        return -self.dual.value


@dataclass(eq=False)
class _Search:
    """From few nodes and words to as many as the tolerance asks for."""

    question: EntropyQuestion
    level: Level | None
    nodes: int | None
    tolerance: float
    solver: SolverChoice
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("assemble", "solve", "certify"), 0.0))
    retreat: float = 0.0
    attempts: list[_Attempt] = field(default_factory=list)
    inside: bool = False

    def run(self) -> EntropyBound:
        levels = self._levels()
        level = levels[0]
        few = self.nodes or _COUNTS[0]
        best = self._solve(level, few)
        for higher in levels[1:]:
            other = self._solve(higher, few)
            if other.bound - best.bound <= WORTH * self.tolerance:
                break
            level, best = higher, other
        if self.nodes is None:
            self._refine(level, best)
        best = max(self.attempts, key=lambda attempt: attempt.bound)
        if best.bound > math.log2(self.question.outcomes):
            return _Search(
                widened(self.question), self.level, self.nodes, self.tolerance, self.solver, self.seconds
            ).run()
        return self._as_bound(best)

    def _levels(self) -> list[Level]:
        if self.level is not None:
            return [self.level]
        names: tuple[str, ...] = LEVELS if self.question.y is None else LEVELS_OF_BOTH
        few = [n for n in names if len(words_of_level(self.question.scenario, n)) <= MOST_WORDS]
        return list(few or names[:1])

    def _refine(self, level: Level, best: _Attempt) -> None:
        """More nodes until the last ones gained less than half of the tolerance: no proof that more would not."""
        for count in _COUNTS[1:]:
            other = self._solve(level, count)
            if other.bound - best.bound <= 0.5 * self.tolerance:
                break
            best = other

    def _solve(self, level: Level, count: int) -> _Attempt:
        """Solve and certify at the data; where that proves little, at data a little closer to white noise."""
        begun = time.perf_counter()
        program = assemble_radau(self.question, level, count)
        self.seconds["assemble"] += time.perf_counter() - begun
        best = self._attempt(program, level, self.retreat)
        observed = self.question.observed
        most = math.log2(self.question.outcomes)
        doubtful = best.result.status is Status.INFEASIBLE or best.bound > most + CERTIFIED_SEPARATION
        if doubtful and len(observed) and not self.inside:
            raise_if_separated(separation(self.question), Quantum(level))
            self.inside = True
        allowed = max(TARGET_CORRECTION, 0.02 * self.tolerance)
        off = abs(best.dual.value + program.constant - best.result.objective)
        if len(observed) and not self.retreat and (doubtful or not off <= allowed):
            for step in RETREATS:
                other = self._attempt(program, level, step)
                if other.bound > best.bound:
                    best, self.retreat = other, step
        self.attempts.append(best)
        return best

    def _attempt(self, program: RadauProgram, level: Level, retreat: float) -> _Attempt:
        observed = self.question.observed
        begun = time.perf_counter()
        moved = towards_noise(observed, retreat)
        inequality = program.solver.inequality(program.factors, moved, observed.tolerances)
        self.seconds["assemble"] += time.perf_counter() - begun
        accuracy = DEFAULT_TOLERANCE if self.nodes is not None else min(max(3e-4 * self.tolerance, 1e-9), 1e-6)
        result = first_answer(inequality, self.solver, accuracy, self.seconds)
        begun = time.perf_counter()
        dual = program.solver.certify(
            program.factors, observed.values, observed.tolerances, result.duals, program.constant
        )
        self.seconds["certify"] += time.perf_counter() - begun
        return _Attempt(program, level, result, dual)

    def _as_bound(self, best: _Attempt) -> EntropyBound:
        model = Quantum(best.level)
        return EntropyBound(
            value=best.bound + 0.0,
            side="lower",
            figure=describe_figure(self.question.figure),
            model=model,
            solver_value=best.program.constant - best.result.objective,
            solver=best.result.solver,
            status=best.result.status.value,
            seconds=self.seconds,
            _proof=_RadauProof(self.question, model, best.program, best.dual),
            nodes=tuple(float(t) for t in best.program.nodes),
            quadrature_gap=math.nan,
        )


@dataclass(frozen=True, eq=False)
class _RadauProof:
    question: EntropyQuestion
    model: Quantum
    program: RadauProgram
    dual: QuadraticDual

    @property
    def given(self) -> Observations:
        return self.question.given or self.question.observed

    def functional(self) -> Functional:
        observed = self.question.observed
        constant, multipliers = -self.dual.constant, -np.array(self.dual.multipliers)
        return Functional.of_tests("lower", constant, multipliers, observed)

    def certificate(self, value: float) -> dict[str, Any]:
        observed, dual, program = self.question.observed, self.dual, self.program
        return certificate_head(observed, self.question.figure, "lower", self.model.describe()) | {
            "proof": {
                "multipliers": list(dual.multipliers),
                "gauss_radau": len(program.nodes),
                "words": [[list(part) for part in word] for word in program.words],
                "left": [[list(part) for part in word] for word in program.left],
                "right": [[list(part) for part in word] for word in program.right],
                "factor": rows_of(dual.shared),
                "blocks": [rows_of(x) for x in dual.blocks],
            },
            "claim": {
                "value": value,
                "functional": {"constant": -dual.constant, "multipliers": [-m for m in dual.multipliers]},
            },
        }
