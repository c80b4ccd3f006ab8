"""The projective integral method: one interval program for all nodes, from few nodes and words to as many as needed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Functional
from sdpbound.bounds.boundary import towards_noise
from sdpbound.bounds.certificate import certificate_head
from sdpbound.conic.program import SolverResult, Status
from sdpbound.conic.programs.interval import IntervalDual
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound, no_less_than_trivial
from sdpbound.entropies.integral.assemble import EntropyProgram, assemble_entropy
from sdpbound.entropies.quadrature import graded_nodes, interpolation_gap, refined_nodes
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.search import EntropySearch, rows_of, solved
from sdpbound.entropies.words import words_of_level
from sdpbound.errors import SolverFailure
from sdpbound.npa.levels import Level

__all__ = ["LEVELS", "LEVELS_OF_BOTH", "MOST_NODES", "projective_entropy"]

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


def projective_entropy(
    question: EntropyQuestion,
    level: Level | None,
    nodes: int | tuple[float, ...] | None,
    tolerance: float,
    solver: SolverChoice,
) -> EntropyBound:
    """Bound a question; arguments as in :class:`sdpbound.VonNeumann`."""
    return _Search(question, tolerance, level, nodes, solver).run()


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

    @property
    def claimed(self) -> float:
        return -self.result.objective


@dataclass(eq=False)
class _Search(EntropySearch[_Attempt]):
    level: Level | None
    nodes: int | tuple[float, ...] | None
    solver: SolverChoice

    def run(self) -> EntropyBound:
        if isinstance(self.nodes, tuple):
            best = self._solve(self._levels()[-1], np.array(self.nodes))
        else:
            try:
                self._refine(*self._coarse())
            except SolverFailure:  # what few nodes prove stands
                if not self.attempts:
                    raise
            best = max(self.attempts, key=lambda attempt: attempt.bound)  # near the boundary not always the last
        if best.bound > self.most:
            return replace(self, question=self.question.widened()).run()
        return self._as_bound(best)

    def _levels(self) -> list[Level]:
        """The levels worth trying."""
        if self.level is not None:
            return [self.level]
        names: tuple[str, ...] = LEVELS if self.question.y is None else LEVELS_OF_BOTH
        if self.tolerance >= 1e-3:
            names = names[:2]
        most = min(MOST_WORDS, MOST_WORDS_TIMES_BITS // len(self.question.bits))
        few = [n for n in names if len(words_of_level(self.question.scenario, n)) <= most]
        return list(few or names[:1])

    def _coarse(self) -> tuple[Level, _Attempt]:
        """A level that is good enough, as far as few nodes tell."""
        levels = self._levels()
        count = self.nodes if isinstance(self.nodes, int) else 12
        first = self._solve(levels[0], graded_nodes(min(6, count)))
        best = self._solve(levels[0], self._placed(first, min(12, count)))
        level = levels[0]
        for higher in levels[1:]:
            other = self._solve(higher, best.program.nodes)
            if other.bound - best.bound <= WORTH * self.tolerance:
                break
            level, best = higher, other
        return level, best

    def _refine(self, level: Level, best: _Attempt) -> None:
        """As many nodes as asked for, or as the tolerance needs; the loss falls with the square of their number."""
        asked = self.nodes
        if isinstance(asked, int):
            if asked > 12:
                self._solve(level, self._placed(best, asked))
            return
        allowed = 0.5 * self.tolerance
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
        """Solve and certify."""
        begun = time.perf_counter()
        program = assemble_entropy(self.question, level, nodes)
        self.seconds["assemble"] += time.perf_counter() - begun
        return self.keep_best(lambda retreat: self._attempt(program, level, retreat), level)

    def _attempt(self, program: EntropyProgram, level: Level, retreat: float) -> _Attempt:
        """Solve at data moved towards white noise, certify at the data; no point to go by is an infinite gap."""
        begun = time.perf_counter()
        observed, nodes = self.question.observed, program.nodes
        moved = towards_noise(observed, retreat)
        inequality = program.reduced.inequality(program.data(moved, observed.tolerances))
        self.seconds["assemble"] += time.perf_counter() - begun
        result = solved(inequality, self.solver, self.accuracy(self.nodes is not None), self.seconds)
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
        dual = program.reduced.certify(program.data(observed.values, observed.tolerances), result.duals)
        self.seconds["certify"] += time.perf_counter() - begun
        return dual

    def _as_bound(self, best: _Attempt) -> EntropyBound:
        model = Quantum(best.level)
        proof = _EntropyProof(self.question, model, best.program, best.dual)
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
            quadrature_gap=best.gap,
        )


# -- the proof ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _EntropyProof(AffineProof):
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
