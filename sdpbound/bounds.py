"""Bounds: solve with an untrusted solver, then prove."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import flint
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.algebra import Word
from sdpbound.arguments import floats, instance
from sdpbound.assemble import Assembly, Question, assemble
from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bell import BellExpression, exact_deterministic_maximum
from sdpbound.conic.certificate import CertifiedDual, exact_linear_dual, exact_vertex_dual, round_up
from sdpbound.conic.choose import by_name, candidates
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.reduce import Reduction
from sdpbound.conic.solver import Solver, ask
from sdpbound.errors import CertificateError, Infeasible, InvalidInput, InvalidShape, InvalidSolver, SolverFailure
from sdpbound.models import Local
from sdpbound.relaxation import CorrelationModel
from sdpbound.version import __version__

__all__ = ["CERTIFIED_SEPARATION", "TARGET_CORRECTION", "Bound", "Certificate", "Functional", "as_min_entropy", "solve"]

#: A certificate that charges more than this makes the next solver be tried; the better bound is kept.
TARGET_CORRECTION = 1e-6
#: Data are called infeasible only beyond this certified separation.
CERTIFIED_SEPARATION = 1e-9
DEFAULT_TOLERANCE = 1e-9

#: What a solver's package that is installed but broken raises when it is imported; the next solver is then asked.
BROKEN = (InvalidSolver, ImportError, OSError, RuntimeError, AttributeError)
#: A multiplier above this, in units of its expression: only on the boundary does a bound change so fast with the data.
STEEP = 1e4
#: Distances towards white noise tried where the program at the data themselves has no interior.
RETREATS = (1e-10, 1e-9, 1e-8, 1e-7)

SolverChoice = Solver | str | None


@dataclass(frozen=True, eq=False)
class Functional:
    """An affine functional of behaviours, proven on the whole set of a model.

    For side "upper" every behaviour p of the model has ``figure(p) <= functional(p)``; for "lower" ``>=``.

    Attributes
    ----------
    side : "upper" or "lower"
    constant : float
    multipliers : (J,) of the tested expressions
    expression : BellExpression, constant included: the optimal Bell expression found
    """

    side: str
    constant: float
    multipliers: NDArray[np.float64]
    expression: BellExpression

    @classmethod
    def of_tests(
        cls, side: str, constant: float, multipliers: NDArray[np.float64], observed: Observations
    ) -> Functional:
        """``constant`` and multiples of tested expressions."""
        coefficients = observed.coefficients
        table = (
            np.tensordot(multipliers, coefficients, axes=(0, 0)) if len(observed) else np.zeros(coefficients.shape[1:])
        )
        table[(0,) * table.ndim] += constant
        return cls(side, constant, multipliers, BellExpression(observed.scenario, table))

    def __call__(self, behaviour: Behaviour) -> float:
        """Its value on a behaviour: a bound for every adversary compatible with that behaviour (floating point)."""
        return self.expression.value(behaviour)

    def at(self, values: Sequence[float] | NDArray[np.float64]) -> float:
        """Its value at other values of the same tested expressions, in order."""
        v = floats(values, "tested values")
        if v.shape != self.multipliers.shape:
            raise InvalidShape(f"{self.multipliers.size} tested values are needed, not an array of shape {v.shape}.")
        return self.constant + float(self.multipliers @ v)

    def __repr__(self) -> str:
        return f"Functional({self.side} bound: {self.expression!r})"

    def _repr_latex_(self) -> str:
        return self.expression._repr_latex_()


@dataclass(frozen=True, eq=False)
class Certificate:
    """A proof of a bound as plain data; any JSON reader can check it, see :mod:`sdpbound.checker`."""

    data: dict[str, Any]

    def verify(self) -> Any:
        """Recompute the bound without any solver; raises CertificateError if it does not hold."""
        from sdpbound.checker import verify

        return verify(self.data)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The certificate as JSON text, also written to ``path`` if given."""
        text = json.dumps(self.data, allow_nan=False)
        if path is not None:
            target = Path(path)
            partial = target.with_name(target.name + ".partial")
            partial.write_text(text + "\n", encoding="utf-8")
            partial.replace(target)
        return text

    def __repr__(self) -> str:
        figure = self.data["question"]["figure"]["kind"]
        return f"Certificate({figure}, {self.data['question']['side']} bound {self.data['claim']['value']!r})"


def certificate_head(
    observed: Observations,
    figure: dict[str, Any],
    side: str,
    model: dict[str, Any] | None,
    form: str = "sdpbound certificate",
) -> dict[str, Any]:
    """What every certificate begins with: its format and its question."""
    return {
        "format": form,
        "version": 1,
        "created_by": f"sdpbound {__version__}",
        "question": {
            "scenario": {"outcomes": [list(p) for p in observed.scenario.outcomes]},
            "figure": figure,
            "side": side,
            "observed": [
                {"coefficients": c.tolist(), "value": float(v), "tolerance": float(t)}
                for c, v, t in zip(observed.coefficients, observed.values, observed.tolerances, strict=True)
            ],
            **({} if model is None else {"model": model}),
        },
    }


class Asked(Protocol):
    """What a proof says of its question."""

    @property
    def figure(self) -> dict[str, Any]:
        """The figure as a certificate names it."""


class Proof(Protocol):
    """What a bound needs of its proof."""

    @property
    def question(self) -> Asked: ...

    @property
    def given(self) -> Observations:
        """The data asked about."""

    def functional(self) -> Functional:
        """The affine functional that is proven for every behaviour."""

    def certificate(self, value: float) -> dict[str, Any]:
        """The certificate of a value."""


@dataclass(frozen=True, eq=False)
class Bound:
    """A proven number.

    Attributes
    ----------
    value : float, certified: holds whatever the solver did
    side : "upper" or "lower"
    figure : what is bounded, in words
    model : the adversary's set
    solver_value : the solver's own print-out, for comparison only
    solver : who solved
    status : what the solver said, or "closed form"
    seconds : wall time of "assemble", "solve", "certify"
    source : for closed forms, the theorem
    """

    value: float
    side: str
    figure: str
    model: CorrelationModel | None
    solver_value: float
    solver: str
    status: str
    seconds: dict[str, float]
    source: str = ""
    _proof: Proof | None = field(default=None, repr=False)
    _closed_form: dict[str, Any] | None = field(default=None, repr=False)

    def __float__(self) -> float:
        return self.value

    @property
    def correction(self) -> float:
        """How much the certificate moved the solver's value, to the safe side if positive."""
        if math.isnan(self.solver_value):
            return math.nan
        return (self.value - self.solver_value) * (1.0 if self.side == "upper" else -1.0)

    @cached_property
    def functional(self) -> Functional:
        """The affine functional that the dual proves for every behaviour of the model."""
        if self._proof is None:
            raise CertificateError("a closed form proves no affine functional; ask with closed_forms=False for one.")
        return self._proof.functional()

    @cached_property
    def certificate(self) -> Certificate:
        """The proof, self-contained."""
        if self._proof is None:
            assert self._closed_form is not None
            return Certificate(self._closed_form)
        return Certificate(self._proof.certificate(self.value))

    def __repr__(self) -> str:
        sign = "<=" if self.side == "upper" else ">="
        value = rounded(self.value, self.side)
        where = f" over {self.model!r}" if self.status != "closed form" else ""
        how = (
            f"closed form, {self.source}"
            if self.status == "closed form"
            else f"certified, margin {self.correction:.1e}"
        )
        return f"{self.figure} {sign} {value} ({self.side} bound{where}; {how})"


def rounded(value: float, side: str, digits: int = 10) -> str:
    """A number in decimals, rounded to its own side: what is printed is proven as well.

    >>> rounded(0.03741371488893685, "lower"), rounded(8**0.5, "upper")
    ('0.03741371488', '2.828427125')
    """
    if not math.isfinite(value):
        return str(value)
    context = Context(prec=digits, rounding=ROUND_CEILING if side == "upper" else ROUND_FLOOR)
    return f"{context.create_decimal(Decimal(value)).normalize():f}"


# -- the proof behind a bound -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Proof:
    question: Question
    model: CorrelationModel
    assembly: Assembly | None
    dual: CertifiedDual

    @property
    def given(self) -> Observations:
        """The data asked about, whose tolerances may have been widened."""
        return self.question.given or self.question.observed

    def functional(self) -> Functional:
        """The proven functional of the figure itself, its constant rounded to the safe side."""
        observed = self.question.observed
        multipliers = np.array([float(m) for m in self.dual.multipliers])
        constant = self.dual.constant
        # multipliers that are exact fractions are rounded here: charge what that can move
        slack = sum(
            abs(float(m - Fraction(float(m)))) * float(np.abs(c).sum()) * 1.0000001
            for m, c in zip(self.dual.multipliers, observed.coefficients, strict=True)
            if isinstance(m, Fraction)
        )
        if slack:
            constant = math.nextafter(constant + slack, math.inf)
        if self.question.figure["kind"] == "min_entropy":
            constant, multipliers = self._tangent(constant, multipliers)
        elif self.question.sign < 0:
            constant, multipliers = -constant, -multipliers
        return Functional.of_tests(self.question.side, constant, multipliers, observed)

    def _tangent(self, constant: float, multipliers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The tangent of -log2 that touches at the tested values, a lower bound because -log2 is convex.

        For every t > 0: -log2 f >= log2(t ln 2) + 1/ln 2 - t f, with equality at f = 1/(t ln 2).
        """
        observed = self.question.observed
        slope = 1.0 / ((constant + float(multipliers @ observed.values)) * math.log(2.0))
        t, ln2 = flint.arb(slope), flint.arb(2).log()
        ball = (t * ln2).log() / ln2 + 1 / ln2 - t * flint.arb(constant)
        moved = -slope * multipliers
        for new, old, c in zip(moved, multipliers, observed.coefficients, strict=True):
            drift = abs(flint.arb(float(new)) + t * flint.arb(float(old)))
            ball -= drift * flint.arb(float(np.abs(c).sum() * 1.0000001))
        return lower_float(ball), moved

    def certificate(self, value: float) -> dict[str, Any]:
        question = self.question
        functional = self.functional()
        model = self.model.describe()
        return certificate_head(question.observed, question.figure, question.side, model) | {
            "proof": {
                "multipliers": [_number(m) for m in self.dual.multipliers],
                "copies": self._copies(),
            },
            "claim": {
                "value": value,
                "functional": {
                    "constant": functional.constant,
                    "multipliers": functional.multipliers.tolist(),
                },
            },
        }

    def _copies(self) -> list[dict[str, Any]]:
        if self.assembly is None:
            return []
        matrix = self.assembly.relaxation.matrix
        if matrix is not None:
            words = [[list(part) for part in word] for word in self.dual.words or matrix.words]
            return [
                {"words": words, "factor": [row[: i + 1].tolist() for i, row in enumerate(factor)]}
                for factor in self.dual.factors
            ]
        if self.assembly.relaxation.unit < 0:
            return []
        rows = self.assembly.relaxation.inequalities.shape[0]
        return [
            {"weights": [_number(w) for w in self.dual.weights[e * rows : (e + 1) * rows]]}
            for e in range(self.assembly.copies)
        ]


def _number(value: float | Fraction) -> float | str:
    if isinstance(value, Fraction):
        return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
    return float(value)


# -- solving ------------------------------------------------------------------------------------------------------


def solve(
    question: Question,
    model: CorrelationModel,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    symmetry: bool = True,
) -> Bound:
    """Bound a figure of merit over a model's set.

    ``solver``: None tries the best installed solvers for the program's shape until the certificate charges less than
    1e-6; a name or a :class:`Solver` uses that one only. Raises Infeasible (with a proof), SolverFailure.
    """
    instance(model, CorrelationModel, "the model", "Quantum('2'), NoSignaling() or Local()")
    asked = DEFAULT_TOLERANCE if tolerance is None else tolerance
    if isinstance(model, Local) and not len(question.observed):
        _solvers("highs" if solver is None else solver, None, asked)  # not needed, but a wrong one is an error
        return _enumerated(question, model)
    start = time.perf_counter()
    assembly = assemble(question, model, symmetry)
    program = assembly.program
    _raise_if_contradictory(question, model, assembly)
    inequality = assembly.reduction.inequality(program.objective, program.values)
    solvers = _solvers(solver, inequality, asked)
    seconds = {"assemble": time.perf_counter() - start, "solve": 0.0, "certify": 0.0}
    search = _Search(question, assembly, seconds, automatic=solver is None)
    for candidate in solvers:
        if candidate.name == "scs" and search.best is not None:
            continue  # a first-order method improves on no interior-point dual: it is the last resort
        search.attempt(candidate, inequality)
        if search.suspicious or search.settled:
            break
    if search.best is None:
        raise SolverFailure(
            f"no solver gave a usable dual ({'; '.join(search.failures)}); try another one with "
            "solver=..., or a lower level."
        )
    if search.suspicious or (len(question.observed) and search.best[0].value < question.floor - CERTIFIED_SEPARATION):
        raise_if_separated(question, model)
    if (question.observed.tolerances > CERTIFIED_SEPARATION).any():
        _use_tolerances(search, solvers[0])
    elif len(question.observed) and program.blocks and (not search.tight or search.steep):
        _retreat(search, solvers)
    if search.best[0].value < question.floor and len(question.observed):
        return _widened(question, model, solver, tolerance)
    return _bound(question, model, assembly, *search.best, search.seconds)


def _widened(question: Question, model: CorrelationModel, solver: SolverChoice, tolerance: float | None) -> Bound:
    """Data outside the set by less than can be called infeasible: the bound for tolerances that reach into the set.

    The wider tolerance is what the bound and its certificate then state.
    """
    observed = question.observed
    wider = np.maximum(4.0 * observed.tolerances, CERTIFIED_SEPARATION * threshold_scale(observed))
    if float(wider.max()) > 1e-6 * max(1.0, float(np.abs(observed.values).max())):
        raise SolverFailure(
            "the tested data are outside the set by an amount that no solver resolves; move them inside, or test fewer "
            "values."
        )
    wide = replace(question, observed=replace(observed, tolerances=wider), given=question.given or observed)
    return solve(wide, model, solver, tolerance)


def threshold_scale(observed: Observations) -> float:
    """Size of the smallest tested expression, at most one: separations are compared in its units."""
    sizes = np.abs(observed.coefficients).reshape(len(observed), -1).sum(axis=1)
    return float(min(1.0, sizes[sizes > 0].min(initial=1.0)))


def _raise_if_contradictory(question: Question, model: CorrelationModel, assembly: Assembly) -> None:
    """Tested expressions that depend linearly on each other must have values that do, too."""
    observed = question.observed
    for multipliers in assembly.dependencies:
        # multipliers . expressions is the constant multipliers . offsets, up to rounding
        offsets = observed.coefficients.reshape(len(observed), -1)[:, 0]
        miss = float(multipliers @ (observed.values - offsets))
        if abs(miss) <= CERTIFIED_SEPARATION * threshold_scale(observed):
            continue
        sign = -math.copysign(1.0, miss)
        empty = _separation_question(question)
        dual = _certify(empty, assemble(empty, model, symmetry=False), None, sign * multipliers)
        _raise_if_infeasible(empty, model, dual, assemble(empty, model, symmetry=False))


def _enumerated(question: Question, model: CorrelationModel) -> Bound:
    """The exact local maximum by enumeration; no program is needed where nothing is tested."""
    start = time.perf_counter()
    exact = max(exact_deterministic_maximum(question.scenario, objective) for objective in question.objective)
    dual = CertifiedDual(round_up(exact), round_up(exact), (), (), ())
    result = SolverResult("enumeration", Status.SOLVED, (), np.zeros(0), float(exact), time.perf_counter() - start)
    return _bound(question, model, None, dual, result, {"assemble": 0.0, "solve": result.seconds, "certify": 0.0})


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
        self.suspicious = False
        self.failures: list[str] = []

    @property
    def steep(self) -> bool:
        """Whether the bound changes so fast with the data that they must lie on the boundary of the set."""
        if self.best is None:
            return False
        table = self.question.observed.coefficients
        sizes = np.abs(table).reshape(len(table), -1).sum(axis=1)
        return any(abs(float(m)) * size > STEEP for m, size in zip(self.best[0].multipliers, sizes, strict=True))

    def attempt(self, solver: Solver, inequality: LinearMatrixInequality, direct: float | None = None) -> None:
        """Solve, certify at the true data, keep if better. ``direct``: data are moved, report this solver value."""
        begun = time.perf_counter()
        try:
            result = _run(solver, inequality)
        except SolverFailure as failure:
            self.failures.append(str(failure))
            return
        except BROKEN as failure:
            if not self.automatic:
                raise
            self.failures.append(f"{solver.name}: {type(failure).__name__} {failure}")
            return
        finally:
            self.seconds["solve"] += time.perf_counter() - begun
        begun = time.perf_counter()
        dual = _certify(self.question, self.assembly, result)
        if np.abs(inequality.cost).max(initial=0.0) <= 1e-14 * np.abs(self.question.objective).sum():
            # the data determine the objective: the zero dual is optimal, a solver's only adds noise
            result = replace(result, objective=inequality.offset)
            nothing = replace(
                result,
                duals=tuple(np.zeros_like(x) for x in result.duals),
                linear_dual=np.zeros_like(result.linear_dual),
            )
            dual = min(dual, _certify(self.question, self.assembly, nothing), key=lambda d: d.value)
        self.seconds["certify"] += time.perf_counter() - begun
        if direct is None:
            self.suspicious |= result.status is Status.INFEASIBLE and len(self.question.observed) > 0
        else:
            result = replace(result, objective=direct)
        if self.best is None or dual.value < self.best[0].value:
            self.best = (dual, result)
        # the true optimum lies between the solver's primal value, if its point is feasible, and the proven bound; given
        # data on the boundary both may be wrong together where a solver says ALMOST_SOLVED: then the next one is asked
        primal = result.objective
        if result.solution is not None:
            primal = inequality.offset + float(inequality.cost @ result.solution)
        gap = max(dual.value - result.objective, dual.value - primal, result.objective - dual.value)
        if direct is None and gap <= TARGET_CORRECTION * max(1.0, abs(dual.value)):
            self.tight = True
            self.settled |= result.status is not Status.ALMOST_SOLVED or not len(self.question.observed)


def _retreat(search: _Search, solvers: Sequence[Solver]) -> None:
    """Solve at data moved a little towards white noise, and charge the dual at the true data.

    On the boundary of the set the program has no interior and every solver stalls. A functional that is optimal for
    data slightly inside is proven as well, and at the true data it is off by only the root of the distance.
    """
    program = search.assembly.program
    assert search.best is not None
    direct = search.best[1].objective  # reported as the solver's value: the others belong to moved data
    centre = _values_of_noise(search.question)
    chosen = [s for s in solvers if s.name in ("sdpa", "qics")] or solvers[:1]  # Clarabel is slow where it stalls
    for step in RETREATS:
        values = program.values.copy()
        values[1:] = (1.0 - step) * values[1:] + step * centre
        inequality = search.assembly.reduction.inequality(program.objective, values)
        for solver in chosen:
            search.attempt(solver, inequality, direct)


def _values_of_noise(question: Question) -> NDArray[np.float64]:
    """The tested expressions on white noise, a point well inside every set."""
    noise = Behaviour.uniform(question.scenario).moments
    return np.asarray(np.tensordot(question.observed.coefficients, noise, axes=noise.ndim), dtype=np.float64)


def _use_tolerances(search: _Search, solver: Solver) -> None:
    """Solve at other data within wide tolerances: the bound must hold there, so a dual that is optimal there is better.

    First at the data closest to white noise, then at the corner that the best dual finds worst, while that helps.
    """
    program = search.assembly.program
    assert search.best is not None
    data, tolerances = program.values[1:], program.tolerances[1:]
    direct = search.best[1].objective
    tried: list[NDArray[np.float64]] = []
    corner = data + np.clip(_values_of_noise(search.question) - data, -tolerances, tolerances)
    for _ in range(5):
        if any(np.array_equal(corner, other) for other in tried):
            break
        tried.append(corner)
        values = np.concatenate([program.values[:1], corner])
        search.attempt(solver, search.assembly.reduction.inequality(program.objective, values), direct)
        corner = data + np.sign([float(m) for m in search.best[0].multipliers]) * tolerances


def _solvers(solver: SolverChoice, inequality: LinearMatrixInequality | None, tolerance: float) -> tuple[Solver, ...]:
    """The solver asked for, or without one the candidates for a program."""
    if solver is None:
        assert inequality is not None
        return candidates(inequality, tolerance)
    if isinstance(solver, str):
        return (by_name(solver, tolerance),)
    if isinstance(solver, Solver):
        return (solver,)
    raise InvalidSolver(
        f"solver = {solver!r} must be a name such as 'clarabel', a Solver, or None for the best installed."
    )


def _run(solver: Solver, inequality: LinearMatrixInequality) -> SolverResult:
    if inequality.variables == 0:
        # nothing is free: the data determine everything, and the zero dual is optimal for the constant objective
        duals = tuple(np.zeros((n, n)) for n in inequality.sizes)
        return SolverResult("none", Status.SOLVED, duals, np.zeros(inequality.linear), inequality.offset, 0.0)
    return ask(solver, inequality)


def _certify(
    question: Question,
    assembly: Assembly,
    result: SolverResult | None,
    multipliers: NDArray[np.float64] | None = None,
) -> CertifiedDual:
    """The bound that a dual proves; no result is the zero dual. Multipliers are fitted to the dual unless given."""
    program = assembly.program
    if result is None:
        lifted: Sequence[NDArray[np.float64]] = [np.zeros(b.shape) for b in program.blocks]
        weights = np.zeros(program.inequalities.shape[0])
    else:
        lifted, weights = assembly.reduction.lift(result.duals), result.linear_dual
    data = (program.objective, program.values[1:], program.tolerances[1:])
    dual = assembly.certifier.certify(*data, lifted, weights, multipliers)
    if assembly.relaxation.unit < 0:
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


def _bound(
    question: Question,
    model: CorrelationModel,
    assembly: Assembly | None,
    dual: CertifiedDual,
    result: SolverResult,
    seconds: dict[str, float],
) -> Bound:
    solver_value, value = result.objective, dual.value
    if question.sign < 0:
        value, solver_value = -value, -solver_value
    return Bound(
        value=value + 0.0,
        side=question.side,
        figure=describe_figure(question.figure),
        model=model,
        solver_value=solver_value,
        solver=result.solver,
        status=result.status.value,
        seconds=seconds,
        _proof=_Proof(question, model, assembly, dual),
    )


def min_entropy_of(probability: float) -> float:
    """-log2 of an upper bound on a guessing probability, rounded down; it is negative only if the bound exceeds 1."""
    return lower_float(-flint.arb(probability).log() / flint.arb(2).log())


def lower_float(ball: flint.arb) -> float:
    """A float that is not above any point of a ball."""
    if not ball.is_finite():
        raise SolverFailure("a logarithm of a number that is not positive was asked for; the tested data are at fault.")
    low = ball.lower()
    result = float(low)
    while not flint.arb(result) <= low:
        result = math.nextafter(result, -math.inf)
    return result


def as_min_entropy(bound: Bound) -> Bound:
    """The min-entropy that a bound on a guessing probability proves, in bits; no further solving."""
    proof = bound._proof
    if not isinstance(proof, _Proof) or "guessing" not in proof.question.figure["kind"]:
        raise InvalidInput(f"{bound.figure} is no guessing probability; -log2 of it is no min-entropy.")
    figure = {"kind": "min_entropy", "of": proof.question.figure}
    question = replace(proof.question, figure=figure, side="lower")
    return replace(
        bound,
        value=min_entropy_of(bound.value),
        side="lower",
        figure=describe_figure(figure),
        solver_value=-math.log2(bound.solver_value) if bound.solver_value > 0 else math.nan,
        _proof=replace(proof, question=question),
    )


def bounds_entropy(
    bound: Bound, observed: Observations, x: int, y: int | None, blind: bool, preprocessing: float = 0.0
) -> bool:
    """Whether a bound is a lower one on the min-entropy or entropy of these settings, from these tested data."""
    kind = "blind_guessing_probability" if blind else "guessing_probability"
    proof = bound._proof
    wanted = [{"kind": "conditional_entropy", "x": x, "y": y, "preprocessing": preprocessing}] if not blind else []
    if not preprocessing:
        wanted.append({"kind": "min_entropy", "of": {"kind": kind, "x": x, "y": y}})
    return bound.side == "lower" and proof is not None and proof.question.figure in wanted and proof.given == observed


_FIGURES = {
    "bell_value": "Bell value",
    "separation": "zero functional at the tested data",
}


def describe_figure(figure: dict[str, Any]) -> str:
    """A figure of merit in words."""
    kind = figure["kind"]
    if kind == "guessing_probability":
        x, y = figure["x"], figure["y"]
        return f"P_guess(A|x={x},E)" if y is None else f"P_guess(AB|x={x},y={y},E)"
    if kind == "blind_guessing_probability":
        return f"P_guess(A|x={figure['x']},y={figure['y']},B,E)"
    if kind == "conditional_entropy":
        flip = figure["preprocessing"]
        text = f"H(A|x={figure['x']},E)" if figure["y"] is None else f"H(AB|x={figure['x']},y={figure['y']},E)"
        return text + (f" after flips with probability {flip:.6g}" if flip else "")
    if kind == "conditional_mutual_information":
        return f"I(A:B|x={figure['x']},y={figure['y']},E)"
    if kind == "min_entropy":
        return describe_figure(figure["of"]).replace("P_guess", "H_min")
    return _FIGURES[kind]


# -- infeasible data ----------------------------------------------------------------------------------------------


def _separation_question(question: Question) -> Question:
    """The zero functional at the same data: a negative upper bound on it proves them infeasible."""
    return Question(
        scenario=question.scenario,
        objective=np.zeros((1, *question.scenario.shape)),
        observed=question.observed,
        figure={"kind": "separation"},
        side="upper",
        floor=-math.inf,
    )


def raise_if_separated(question: Question, model: CorrelationModel) -> None:
    """Raise :class:`Infeasible` if a functional of the tested expressions certifiably separates the data."""
    empty = _separation_question(question)
    assembly = assemble(empty, model, symmetry=False)
    found = _separate(empty, assembly)
    if found is not None:
        _raise_if_infeasible(empty, model, found[0], assembly, found[1])


def _raise_if_infeasible(
    empty: Question,
    model: CorrelationModel,
    dual: CertifiedDual,
    assembly: Assembly,
    result: SolverResult | None = None,
) -> None:
    """Raise if the dual of the zero functional, its multipliers adding up to at most one, is negative enough."""
    separation = -dual.value
    if separation <= CERTIFIED_SEPARATION * threshold_scale(empty.observed):
        return
    if result is None:
        result = SolverResult("none", Status.INFEASIBLE, (), np.zeros(0), dual.value, 0.0)
    bound = _bound(empty, model, assembly, dual, result, {"assemble": 0.0, "solve": result.seconds, "certify": 0.0})
    raise Infeasible(
        f"the tested data lie outside the {model.name} set: every behaviour of it differs from some tested value by at "
        f"least {separation:.3g} beyond its tolerance, proven by the functional {bound.functional.expression!r} >= 0; "
        "check the data, or choose a larger set.",
        bound,
        separation,
    )


def _separate(question: Question, assembly: Assembly) -> tuple[CertifiedDual, SolverResult] | None:
    """The best separating functional with sum of |multipliers| at most one: minimise the largest deviation s."""
    program = assembly.program
    tested = program.equalities[1:]
    shell = ConicProgram(
        objective=program.objective,
        equalities=sp.csr_array(program.equalities[:1]),
        values=program.values[:1],
        tolerances=program.tolerances[:1],
        blocks=program.blocks,
        inequalities=sp.csr_array(sp.vstack([tested, -tested, program.inequalities], format="csr")),
        unit=program.unit,
    )
    reduced = Reduction(shell).inequality(program.objective, program.values[:1])
    count = tested.shape[0]
    column = np.concatenate([np.ones(2 * count), np.zeros(reduced.matrix.shape[0] - 2 * count)])
    data = program.values[1:]
    constant = reduced.constant.copy()
    constant[:count] -= data
    constant[count : 2 * count] += data
    wide = LinearMatrixInequality(
        cost=np.concatenate([reduced.cost, [-1.0]]),
        offset=0.0,
        matrix=sp.csc_array(sp.hstack([reduced.matrix, sp.csc_array(column[:, None])], format="csc")),
        constant=constant,
        linear=reduced.linear,
        sizes=reduced.sizes,
    )
    for solver in candidates(wide, DEFAULT_TOLERANCE):
        try:
            result = ask(solver, wide)
        except (SolverFailure, *BROKEN):
            continue
        # objective + weights . (tested - data) + ...: the multiplier of a tested value is minus the difference
        multipliers = result.linear_dual[count : 2 * count] - result.linear_dual[:count]
        result = replace(result, linear_dual=result.linear_dual[2 * count :])
        total = float(np.abs(multipliers).sum()) * (1.0 + 1e-12)
        if total > 1.0:  # a separating functional may be scaled: the separation is in units of the tested values
            scaled = tuple(x / total for x in result.duals)
            result = replace(result, duals=scaled, linear_dual=result.linear_dual / total)
            multipliers = multipliers / total
        return _certify(question, assembly, result, multipliers), result
    return None
