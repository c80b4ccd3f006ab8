"""The program of what Eve may know: effects of hers between 0 and 1 that commute with Alice and the far device.

For words u, v of the devices and an effect P of Eve ``<u* P v>`` is a positive matrix, and at most the matrix
``<u* v>``: localising matrices of ``P >= 0`` and ``1 - P >= 0``. P commutes with Alice's operators and the far device's
and not with the near one's, so that a word of the matrix has P in its middle. Products of two of Eve's effects do not
occur. A solver may thus eliminate effect by effect; what it says is made an exact proof of an operator problem
(:mod:`sdpbound.problems.certifying`), whatever it says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.conic.program import SolverResult, Status
from sdpbound.conic.solvers.choose import SolverChoice, by_choice
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE, ask
from sdpbound.problems.certifying import SquaresProof, prove
from sdpbound.problems.expressions import Operator, Polynomial, polynomial, sum_of
from sdpbound.problems.problem import Statement
from sdpbound.problems.program import Program, packed, unpacked
from sdpbound.problems.relaxation import Block, Relaxation
from sdpbound.problems.rules import Terms, Word
from sdpbound.problems.solving import Problem
from sdpbound.routed.letters import Interval, Letters, Test, intervals_of

__all__ = ["CLOSE", "Attempt", "EveProgram"]

#: Distances towards white noise at which the program is solved, one after another, until a proof misses little of what
#: the solver says: on the boundary of the set, as with a perfect near device, the program has no interior.
RETREATS = (0.0, 1e-8, 1e-6)
#: A proof that misses so little is not looked for again, in units of the objective.
CLOSE = 2e-5
#: Times that what a dual leaves over is spread over its matrices: entries with two moments need some.
ROUNDS = 4
ONE, ZERO = Fraction(1), Fraction(0)


@dataclass(frozen=True, eq=False)
class Attempt:
    """A proof, with the program that it is about.

    Attributes
    ----------
    program : with the tested data as intervals
    proof : of an upper bound on the mean of the objective
    result : of the solver
    moments : (moments,) of the solver's point, None if it gave none
    seconds : of its parts
    """

    program: Program
    proof: SquaresProof
    result: SolverResult
    moments: Floats | None
    seconds: dict[str, float]

    def mean(self, expression: Polynomial) -> float:
        """The mean of a polynomial at the solver's point: numeric, not proven; nan if there is none."""
        relaxation = self.program.relaxation
        algebra = relaxation.statement.algebra
        terms = algebra.rewriting.canonicals(algebra.terms(expression, "the expression"))
        if self.moments is None:
            return math.nan
        return sum(float(value) * float(self.moments[relaxation.numbers[word]]) for word, value in terms.items())


@dataclass(frozen=True, eq=False)
class EveProgram:
    """The program of an objective in the devices' operators and Eve's effects.

    Attributes
    ----------
    letters : of the devices
    eve : Eve's effects, projectors
    positive : sums of these that are positive, each a factor of 1 and one of each effect
    objective : polynomial, its mean to be bounded from above
    tests : what is tested
    noise : (tests,) their values at uniform outcomes
    level : of the words of the devices
    """

    letters: Letters
    eve: tuple[Operator, ...]
    positive: tuple[tuple[int, Mapping[Operator, int]], ...]
    objective: Polynomial
    tests: tuple[Test, ...]
    noise: Floats
    level: str

    def statement(self, intervals: Sequence[Interval] = ()) -> Problem:
        """The operator problem, with tests as intervals of means."""
        sums = [
            sum_of([polynomial(one), *(factor * p for p, factor in effects.items())]) for one, effects in self.positive
        ]
        return self.letters.problem(intervals, self.eve, sums)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The matrix of the devices, then that of each positive sum of Eve's effects."""
        rewriting, numbers = self._plain.algebra.rewriting, self._plain.algebra.numbers
        words = self.letters.words(self._plain.algebra, self.level)
        pairs = [(rewriting.adjoint(u), v) for j, v in enumerate(words) for u in words[: j + 1]]
        devices = [rewriting.canonical(u + v) for u, v in pairs]
        first = numbers[self.eve[0]]
        inside = [rewriting.canonical((*u, first, *v)) for u, v in pairs]
        blocks = [Block(words, -1, tuple(devices))]
        for k, (one, effects) in enumerate(self.positive):
            own = {numbers[p]: factor for p, factor in effects.items()}
            entries = [_entry(one, a, own, first, b) for a, b in zip(devices, inside, strict=True)]
            blocks.append(Block(words, k, tuple(entries)))
        return tuple(blocks)

    @cached_property
    def _plain(self) -> Statement:
        return self.statement()

    @cached_property
    def _terms(self) -> Terms:
        return self._canonical(self.objective)

    @cached_property
    def _conditions(self) -> tuple[Terms, ...]:
        return tuple(self._canonical(expression) for expression, _, _ in self.tests)

    @cached_property
    def _moments(self) -> tuple[tuple[Word, ...], int]:
        """All moments, those of the devices alone first, and how many these are."""
        found: dict[Word, None] = {(): None}
        for terms in (*self.blocks[0].entries, *self._conditions):
            found.update(dict.fromkeys(terms))
        shared = len(found)
        for block in self.blocks[1:]:
            for terms in block.entries:
                found.update(dict.fromkeys(terms))
        found.update(dict.fromkeys(self._terms))
        return tuple(found), shared

    def _canonical(self, expression: Polynomial) -> Terms:
        algebra = self._plain.algebra
        return algebra.rewriting.canonicals(algebra.terms(expression, "the objective"))

    def _program(self, intervals: Sequence[Interval]) -> Program:
        moments, _ = self._moments
        return Program(Relaxation(self.statement(intervals), moments, self.blocks, (), self._conditions))

    @cached_property
    def proven_about(self) -> Program:
        """The program with each test as the interval that it stands for."""
        return self._program(intervals_of(self.tests))

    def solved(self, solver: SolverChoice = None, close: float = CLOSE) -> Attempt | SolverResult:
        """The best proof found, or one that misses the solver's word by so little; that word where there is none."""
        best: Attempt | None = None
        result: SolverResult | None = None
        for step in RETREATS:
            begun = time.perf_counter()
            program = self._program(self._moved(step))
            moments, shared = self._moments
            inequality = program.inequality(program.row(self._terms))
            inequality = replace(inequality, shared=program.variables - (len(moments) - shared))
            asked = time.perf_counter()
            result = ask(by_choice("arrow" if solver is None else solver, DEFAULT_TOLERANCE), inequality)
            if result.status is Status.INFEASIBLE:
                break
            answered = time.perf_counter()
            proof = self.proven(result.duals)
            seconds = {
                "assemble": asked - begun, "solve": answered - asked, "certify": time.perf_counter() - answered,
            }  # fmt: skip
            if proof is None:
                continue
            point = None if result.solution is None else program.moments(result.solution)
            if best is None or proof.value < best.proof.value:
                best = Attempt(self.proven_about, proof, result, point, seconds)
            if float(best.proof.value) - result.objective <= close and result.status is not Status.FAILED:
                break
        if best is not None:
            return best
        assert result is not None
        return result

    def _moved(self, step: float) -> list[Interval]:
        """The tests as equalities, their values moved towards those of uniform outcomes."""
        noisy = [
            Fraction((1.0 - step) * v + step * float(n)) for (_, v, _), n in zip(self.tests, self.noise, strict=True)
        ]
        return [(e, v, v) for (e, _, _), v in zip(self.tests, noisy, strict=True)]

    def proven(self, duals: Sequence[Floats]) -> SquaresProof | None:
        """What a dual proves of the data, each within its tolerance; exact."""
        program = self.proven_about
        matrices = [np.where(np.isfinite(x), x, 0.0) for x in duals]
        tested = np.array([program.row(terms) for terms in self._conditions]).reshape(-1, len(self._moments[0]))
        objective = program.row(self._terms)
        weights = [packed(np.ones(x.shape)) for x in matrices]
        counts = np.zeros(objective.size)
        for table, weight in zip(program.tables, weights, strict=True):
            counts += np.asarray(table.multiply(table).T @ weight).reshape(-1)
        multipliers = np.zeros(len(tested))
        for _ in range(ROUNDS):
            residual = objective + program.scattered(matrices)
            multipliers = np.linalg.lstsq(tested[:, 1:].T, residual[1:], rcond=1e-12)[0]
            residual -= multipliers @ tested
            residual[0] = 0.0
            share = np.where(counts > 0.0, residual / np.where(counts > 0.0, counts, 1.0), 0.0)
            matrices = [
                x - unpacked((table @ share) * weight, len(x))
                for x, table, weight in zip(matrices, program.tables, weights, strict=True)
            ]
        ends = np.array([side * multipliers[j] for j, side in program.rows[1]])
        return prove(program, self._terms, matrices, np.maximum(ends, 0.0))


def _entry(one: int, devices: Terms, effects: Mapping[int, int], first: int, inside: Terms) -> Terms:
    """``u* (one + sum of factors times effects) v`` from ``u* v`` and ``u* P v`` of the first effect P."""
    total: Terms = {word: one * value for word, value in devices.items()} if one else {}
    for effect, factor in effects.items():
        for word, value in inside.items():
            own = tuple(effect if letter == first else letter for letter in word)
            total[own] = total.get(own, ZERO) + factor * value
    return {word: value for word, value in total.items() if value}
