"""Problems of operators and their bounds: solve with an untrusted solver, then prove exactly."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bounds.rounding import rounded
from sdpbound.conic.certificate import round_up
from sdpbound.conic.formats import write_program
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers.choose import SolverChoice, first_answer, solvers_for
from sdpbound.conic.solvers.solver import BROKEN, DEFAULT_TOLERANCE, ask
from sdpbound.errors import Infeasible, SolverFailure, TimeIsUp
from sdpbound.limiting import doing, go_on, proven
from sdpbound.problems.bound import OperatorValue, ProblemBound, ProblemProof
from sdpbound.problems.certifying import SquaresProof, prove, prove_contradiction, unbounded_squares
from sdpbound.problems.expressions import Expression, Polynomial, polynomial
from sdpbound.problems.levels import Level, level_text
from sdpbound.problems.problem import Statement
from sdpbound.problems.program import Program
from sdpbound.problems.relaxation import relax
from sdpbound.problems.rules import Terms
from sdpbound.problems.sizes import ProblemSize, fitting_words, require_fit, size_of

__all__ = ["Problem"]

#: How much of the squares of words without a known norm is asked for beside the objective, relative to its largest
#: coefficient: the first with which a proof is found, and further ones while they prove more.
SLACKS = (1e-8, 1e-7, 1e-6, 1e-9, 1e-5, 1e-4)
#: A proof that is this close to the solver's own value, relative, is not looked for again.
TARGET = 1e-6
#: Conditions are called infeasible only beyond this.
CERTIFIED = 1e-9


@dataclass(frozen=True, eq=False)
class Problem(Statement):
    """A problem of operators of one's own: ``max <f>`` over all operators and states with some properties.

    What is bounded is the mean ``<f> = tr(rho f)`` over all Hilbert spaces, operators of the kinds, parties and rules
    stated, and states rho with the moment conditions (arXiv:0903.4368). Of a polynomial that is not Hermitian the real
    part is meant.

    Parameters
    ----------
    operators : list of Operator, or of polynomials such as the effects of a measurement
        Their kinds are rules, and so is that operators of two parties commute.
    rules : list of (word, polynomial), or a dictionary
        Substitutions: the word is that polynomial, such as ``(x*x, x)``, ``(Z*X, -X*Z)`` or ``(a*b, 0)``. The adjoint
        of a rule is one as well.
    commuting : list of pairs of operators, or of effects of measurements
        Further pairs that commute with each other, and with each other's adjoints.
    equalities : list of polynomials
        Each is 0.
    inequalities : list of Hermitian polynomials
        Each is positive semidefinite: a localising matrix each.
    moments : list of (polynomial, low, high)
        The mean is between the two, of which one may be infinite; equal ones are an equality.

    Raises
    ------
    InvalidInput
        If the rules contradict each other, do not end, or a condition names an operator that is not there.

    Examples
    --------
    Tsirelson's bound:

    >>> from sdpbound.problems import Operator, Problem
    >>> A0, A1 = Operator.observables("A0 A1", party="A")
    >>> B0, B1 = Operator.observables("B0 B1", party="B")
    >>> chsh = A0*B0 + A0*B1 + A1*B0 - A1*B1
    >>> problem = Problem([A0, A1, B0, B1])
    >>> print(problem.size("1"))
    level 1: a matrix of 5 words, at most 15 moments, at most 0.0 MB of memory
    >>> bound = problem.maximize(chsh, "1")
    >>> 8**0.5 <= bound.value < 8**0.5 + 1e-7
    True

    Operators without a norm of their own (arXiv:0903.4368, section 4; the minimum is -3/4):

    >>> x, y = Operator.hermitians("x y")
    >>> problem = Problem([x, y], rules=[(x*x, x)], inequalities=[-y*y + y + 0.5])
    >>> bound = problem.minimize(x*y + y*x, "2")
    >>> -0.75 - 1e-5 < bound.value <= -0.75
    True
    """

    def size(self, level: Level) -> ProblemSize:
        """The size of the program at a level, before it is built."""
        return size_of(self, level)

    def maximize(
        self,
        objective: Expression,
        level: Level = "2",
        solver: SolverChoice = None,
        tolerance: float | None = None,
        memory: float | None = None,
    ) -> ProblemBound:
        """A certified upper bound on the mean of a polynomial.

        Parameters
        ----------
        objective : polynomial
        level : "1", "1+AB", "2" or a list of words, such as ``[1, A0, A0*B0]``
            Words of at most so many operators; letters are parties with names of one letter.
        solver, tolerance : as those of :func:`sdpbound.maximize`
        memory : bytes that may be used; None for most of what the machine has

        Returns
        -------
        ProblemBound, side "upper"

        Raises
        ------
        TooLarge
            Before anything is solved, with the size and a level that fits.
        Infeasible
            If the moment conditions provably cannot be met at this level.
        SolverFailure
            If nothing could be proven; a higher level may help.
        """
        return _Search(self, polynomial(objective), "upper", level, solver, tolerance, memory).bound()

    def minimize(
        self,
        objective: Expression,
        level: Level = "2",
        solver: SolverChoice = None,
        tolerance: float | None = None,
        memory: float | None = None,
    ) -> ProblemBound:
        """A certified lower bound; as :meth:`maximize`, side "lower"."""
        return _Search(self, polynomial(objective), "lower", level, solver, tolerance, memory).bound()

    def export(
        self, objective: Expression, path: str | os.PathLike[str], level: Level = "2", side: str = "upper"
    ) -> Path:
        """Write the program of a bound for another solver; the end of the name says how: .dat-s, .cbf or .json.

        The program maximises the objective, for side "lower" its negative; sparse SDPA minimises the negative of that.
        """
        search = _Search(self, polynomial(objective), side, level, None, None, None)
        return write_program(search.program.inequality(search.program.row(search.objective)), path)

    def __repr__(self) -> str:
        counts = [
            (len(self.rules), "rules"),
            (len(self.equalities), "equalities"),
            (len(self.inequalities), "inequalities"),
            (len(self.moments), "moment conditions"),
        ]
        rest = "".join(f", {count} {name}" for count, name in counts if count)
        return f"Problem({len(self.operators)} operators{rest})"


class _Search:
    """The best proof found so far."""

    def __init__(
        self,
        problem: Problem,
        objective: Polynomial,
        side: str,
        level: Level,
        solver: SolverChoice,
        tolerance: float | None,
        memory: float | None,
    ) -> None:
        self.began = time.perf_counter()
        self.figure = OperatorValue(objective)
        self.side, self.solver = side, solver
        self.tolerance = DEFAULT_TOLERANCE if tolerance is None else tolerance
        algebra = problem.algebra
        own = algebra.rewriting.canonicals(algebra.terms(objective, "the objective"))
        self.objective: Terms = {word: value if side == "upper" else -value for word, value in own.items()}
        words = fitting_words(problem, level, memory)
        relaxation = relax(problem, words, self.objective)
        require_fit(problem, level, len(words), len(relaxation.moments), memory)
        self.level = level
        self.program = Program(relaxation)
        self.seconds = {"assemble": 0.0, "solve": 0.0, "certify": 0.0}
        self.best: tuple[SquaresProof, SolverResult] | None = None
        self.direct: float | None = None  # what the first solver says of the objective itself
        self.failures: list[str] = []
        self.late: TimeIsUp | None = None  # what a solver said whose time was over
        self.cut = False  # whether something else was left out for want of time
        self.asked = False  # whether the conditions can be met

    def bound(self) -> ProblemBound:
        """The best bound that is proven."""
        sign = self.figure.sign(self.side)
        with doing(f"{self.figure.words}, level {level_text(self.level)}", lambda value: sign * value):
            return self._solved()

    def _solved(self) -> ProblemBound:
        row = self.program.row(self.objective)
        scale = float(np.abs(row[1:]).max(initial=0.0)) or 1.0
        inequality = self.program.inequality(row)
        self.seconds["assemble"] = time.perf_counter() - self.began
        nonsense = prove_contradiction(self.program)
        if nonsense is not None:
            result = SolverResult("none", Status.INFEASIBLE, (), np.zeros(0), -1.0, 0.0)
            raise self.infeasible(nonsense, result)
        squares = unbounded_squares(self.program)
        self._attempt(inequality, 0.0)
        self._try_nothing()
        if squares.any() and not self.settled:
            for slack in SLACKS:
                if self.is_late:
                    break
                moved = self.program.inequality(row + slack * scale * squares)
                self._attempt(moved, slack * scale)
                if self.settled:
                    break
        if self.best is None:
            if self.late is not None:
                raise self.late
            self.raise_if_infeasible()
            why = f" ({'; '.join(dict.fromkeys(self.failures))})" if self.failures else ""
            raise SolverFailure(
                f"no bound on {self.figure.words} could be proven at level {self.level}{why}: it may be "
                f"unbounded there; "
                "take a higher level, or add inequalities that bound the operators."
            )
        return self._made(*self.best, self.figure)

    @property
    def is_late(self) -> bool:
        """Whether what comes next is left out, as there is a proof and no time is left."""
        if self.best is not None and not self.cut:
            self.cut = not go_on()
        return self.cut or self.late is not None

    @property
    def settled(self) -> bool:
        if self.best is None or self.direct is None:
            return False
        return float(self.best[0].value) - self.direct <= TARGET * max(1.0, abs(self.direct))

    def _attempt(self, inequality: LinearMatrixInequality, slack: float) -> None:
        for candidate in solvers_for(self.solver, inequality, self.tolerance):
            if candidate.first_order and self.best is not None:
                continue
            if self.is_late:
                return
            begun = time.perf_counter()
            try:
                result = _answer(candidate, inequality)
            except TimeIsUp as failure:
                self.late = failure
                return
            except SolverFailure as failure:
                self.failures.append(str(failure))
                continue
            except BROKEN as failure:
                if self.solver is not None:
                    raise
                self.failures.append(f"{candidate.name}: {type(failure).__name__} {failure}")
                continue
            finally:
                self.seconds["solve"] += time.perf_counter() - begun
            if result.status is Status.INFEASIBLE:
                self.raise_if_infeasible()
                self.failures.append(f"{candidate.name}: infeasible, but no proof of that was found")
                continue
            if result.status is Status.UNBOUNDED:
                self.failures.append(f"{candidate.name}: the program has no upper bound at this level")
                return
            if not slack and (self.direct is None or result.status is Status.SOLVED):
                self.direct = result.objective
            begun = time.perf_counter()
            proof = prove(self.program, self.objective, result.duals, result.linear_dual, slack)
            self.seconds["certify"] += time.perf_counter() - begun
            if proof is not None and (self.best is None or proof.value < self.best[0].value):
                self.best = (proof, result)
                self.tell(proof)
            if self.settled or (slack == 0.0 and proof is None):
                return

    def tell(self, proof: SquaresProof) -> None:
        """Show what is proven."""
        sign = self.figure.sign(self.side)
        proven(lambda: rounded(sign * round_up(proof.value), self.side, 7))

    def _try_nothing(self) -> None:
        """The dual that is zero: a word is at most its norm. It is exact, and better where this is the optimum."""
        sizes = [len(block.words) for block in self.program.relaxation.blocks]
        nothing = [np.zeros((n, n)) for n in sizes]
        proof = prove(self.program, self.objective, nothing, np.zeros(len(self.program.rows[0])))
        if proof is not None and (self.best is None or proof.value < self.best[0].value):
            result = SolverResult("none", Status.SOLVED, (), np.zeros(0), float(proof.value), 0.0)
            self.best = (proof, result if self.best is None else self.best[1])

    def _made(self, proof: SquaresProof, result: SolverResult, figure: OperatorValue) -> ProblemBound:
        value = round_up(proof.value)
        solver_value = result.objective if self.direct is None else self.direct
        if self.side == "lower":
            value, solver_value = -value, -solver_value
        found = None
        if result.solution is not None and result.solution.size == self.program.variables:
            found = self.program.moments(result.solution)
        return ProblemBound(
            value=value + 0.0,
            side=self.side,
            merit=figure,
            model=None,
            solver_value=solver_value,
            solver=result.solver,
            status=Status.OUT_OF_TIME.value if self.cut or self.late is not None else result.status.value,
            seconds=self.seconds,
            found=found,
            _proof=ProblemProof(self.program, figure, self.side, proof),
        )

    def raise_if_infeasible(self) -> None:
        if self.asked:
            return
        self.asked = True
        """The mean of 0 is at most a negative number where the conditions cannot be met: a proof that they cannot."""
        inequality = self.program.feasibility()
        try:
            result = first_answer(self.solver, inequality, self.tolerance)
        except SolverFailure:
            return
        proof = prove(self.program, {}, result.duals, result.linear_dual[1:])
        if proof is None or proof.value > -Fraction(CERTIFIED):
            return
        raise self.infeasible(proof, result)

    def infeasible(self, proof: SquaresProof, result: SolverResult) -> Infeasible:
        self.side, self.direct = "upper", None
        bound = self._made(proof, result, OperatorValue(polynomial(0)))
        return Infeasible(
            f"the conditions of the problem cannot be met at level {self.level}: from them follows 0 <= "
            f"{rounded(bound.value, 'upper', 4)}, with a certificate; check equalities, inequalities and intervals.",
            bound,
            -bound.value,
        )


def _answer(solver: object, inequality: LinearMatrixInequality) -> SolverResult:
    from sdpbound.conic.solvers.solver import Solver

    assert isinstance(solver, Solver)
    if inequality.variables == 0:
        duals: Sequence[Floats] = [np.zeros((n, n)) for n in inequality.sizes]
        return SolverResult("none", Status.SOLVED, tuple(duals), np.zeros(inequality.linear), inequality.offset, 0.0)
    return ask(solver, inequality)
