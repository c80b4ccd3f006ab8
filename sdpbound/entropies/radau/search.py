"""The Brown-Fawzi-Fawzi method with Gauss-Radau nodes, certified without norm limits on Eve's operators."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Functional
from sdpbound.bounds.boundary import towards_noise
from sdpbound.bounds.certificate import certificate_head
from sdpbound.conic.program import SolverResult
from sdpbound.conic.programs.quadratic import QuadraticDual
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound, no_less_than_trivial
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.assemble import RadauProgram, assemble_radau
from sdpbound.entropies.search import EntropySearch, rows_of, solved
from sdpbound.entropies.words import words_of_level
from sdpbound.errors import SolverFailure
from sdpbound.npa.levels import Level

__all__ = ["MOST_RADAU_NODES", "gauss_radau_entropy"]

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
    return _Search(question, tolerance, level, nodes, solver).run()


@dataclass(frozen=True, eq=False)
class _Attempt:
    program: RadauProgram
    level: Level
    result: SolverResult
    dual: QuadraticDual

    @property
    def bound(self) -> float:
        return -self.dual.value

    @property
    def claimed(self) -> float:
        return self.program.constant - self.result.objective


@dataclass(eq=False)
class _Search(EntropySearch[_Attempt]):
    level: Level | None
    nodes: int | None
    solver: SolverChoice

    def run(self) -> EntropyBound:
        try:
            self._improve()
        except SolverFailure:  # what is proven already stands
            if not self.attempts:
                raise
        best = max(self.attempts, key=lambda attempt: attempt.bound)
        if best.bound > self.most:
            return replace(self, question=self.question.widened()).run()
        return self._as_bound(best)

    def _improve(self) -> None:
        """From few nodes at the lowest level on."""
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
        """Solve and certify."""
        begun = time.perf_counter()
        program = assemble_radau(self.question, level, count)
        self.seconds["assemble"] += time.perf_counter() - begun
        return self.keep_best(lambda retreat: self._attempt(program, level, retreat), level)

    def _attempt(self, program: RadauProgram, level: Level, retreat: float) -> _Attempt:
        observed = self.question.observed
        begun = time.perf_counter()
        moved = towards_noise(observed, retreat)
        inequality = program.reduced.inequality(program.data(moved, observed.tolerances))
        self.seconds["assemble"] += time.perf_counter() - begun
        result = solved(inequality, self.solver, self.accuracy(self.nodes is not None), self.seconds)
        begun = time.perf_counter()
        dual = program.reduced.certify(program.data(observed.values, observed.tolerances), result.duals)
        self.seconds["certify"] += time.perf_counter() - begun
        return _Attempt(program, level, result, dual)

    def _as_bound(self, best: _Attempt) -> EntropyBound:
        model = Quantum(best.level)
        proof = _RadauProof(self.question, model, best.program, best.dual)
        value, shown = no_less_than_trivial(best.bound + 0.0, proof, self.question, model)
        return EntropyBound(
            value=value,
            side="lower",
            merit=self.question.figure,
            model=model,
            solver_value=best.claimed,
            solver=best.result.solver,
            status=best.result.status.value,
            seconds=self.seconds,
            _proof=shown,
            nodes=tuple(float(t) for t in best.program.nodes),
            quadrature_gap=math.nan,
        )


@dataclass(frozen=True, eq=False)
class _RadauProof(AffineProof):
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
