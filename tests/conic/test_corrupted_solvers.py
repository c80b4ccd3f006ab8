"""Solvers that return nonsense: every call ends in a finite bound that holds, or in an error that says so.

Each solver's ``solve`` is replaced by one that takes its own sane answer, corrupts it and hands it back. The true
values are formulas where there are any, else bounds of a sane solver.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

import sdpbound as sb
from sdpbound.attacks import mixtures as attack_mixtures
from sdpbound.boxes import split_program as boxes_program
from sdpbound.boxes.guessing import guessing_program
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import choose, linear_, vectors
from sdpbound.conic.solvers.solver import LARGEST, Solver, ask
from sdpbound.entropies.entropy import least_entropy
from sdpbound.entropies.quadrature import Chords
from sdpbound.entropies.qubits import weights as qubit_weights
from sdpbound.entropies.qubits.branch import prove
from sdpbound.entropies.qubits.engine import Batch, StateEngine
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.entropies.qubits.problem import Key
from tests.support import chsh_entropy

Floats = NDArray[np.float64]
Results = list[tuple[sb.Bound, float]]  # bounds with the true values

# -- questions ----------------------------------------------------------------------------------------------------

S, LOCAL_S = 2.4, 1.5
ONE = sb.BellExpression.from_correlators([[1, 0], [0, 0]])
DATA = sb.Observations.bell_value(sb.chsh(), S)
STRONG_DATA = sb.Observations.bell_value(sb.chsh(), 2.8)
LOCAL_DATA = sb.Observations.bell_value(sb.chsh(), LOCAL_S)
DEVICES = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.95)
LEVEL = sb.Quantum("1+AB")
TERNARY = sb.Observations.bell_value(sb.cglmp(3), 2.6)
FLIPS = 0.1
SANE = sb.Clarabel(1e-12)
#: How far a sane solver's bound may be from the optimum of its program.
SLACK = 2e-6


GUESS = 0.5 + 0.5 * math.sqrt(2 - S * S / 4)
Choice = Solver | str | None


def simple(ask_for: Callable[[Choice], sb.Bound], true: float | None = None) -> Callable[[Choice], Results]:
    """A question with one bound; its true value, or None for that of a sane solver."""

    @cache
    def known() -> float:
        if true is not None:
            return true
        bound = ask_for(SANE)
        return bound.value - SLACK if bound.side == "upper" else bound.value + SLACK

    return lambda solver: [(ask_for(solver), known())]


def von_neumann(solver: Choice, preprocessing: float = 0.0, **settings: Any) -> sb.Bound:
    method = sb.VonNeumann(**{"method": "projective", **settings})
    return sb.conditional_entropy(DATA, 0, None, method, preprocessing, solver, closed_forms=False)


def envelope(solver: Choice) -> Results:
    method = sb.VonNeumann("projective", "1+AB", 4, solver=solver)
    points = np.array([2.2, 2.4, 2.6])
    found = sb.entropy_envelope(
        lambda s: sb.Observations.bell_value(sb.chsh(), s), points, method=method, tolerance=1e-3, closed_forms=False
    )
    true = [chsh_entropy(s) for s in points]
    assert np.isfinite(found.values).all() and (found.values >= 0.0).all() and (found.values <= true).all()
    return [(b, chsh_entropy(s)) for s, b in zip(found.solved, found.bounds, strict=True)]


def rate(solver: Choice, entropy: sb.Entropy, data: sb.Observations | str = "correlators") -> sb.Bound:
    found = sb.key_rate(DEVICES, data, 0, 0, entropy, closed_forms=False)
    assert found.value == math.nextafter(found.entropy.value - found.error_correction, -math.inf)
    return found.entropy


METHODS: dict[str, Callable[[Choice], Results]] = {
    "maximize quantum": simple(lambda s: sb.maximize(sb.chsh(), sb.Quantum("1"), solver=s), math.sqrt(8)),
    "minimize quantum with data": simple(lambda s: sb.minimize(ONE, LEVEL, DATA, s)),
    "minimize quantum": simple(lambda s: sb.minimize(sb.chsh(), sb.Quantum("1"), solver=s), -math.sqrt(8)),
    "maximize no-signaling": simple(lambda s: sb.maximize(sb.i3322(), sb.NoSignaling(), solver=s), 1.0),
    "minimize no-signaling": simple(lambda s: sb.minimize(-sb.i3322(), sb.NoSignaling(), solver=s), -1.0),
    "maximize local": simple(lambda s: sb.maximize(ONE, sb.Local(), LOCAL_DATA, s), 1.0),
    "minimize local": simple(lambda s: sb.minimize(ONE, sb.Local(), LOCAL_DATA, s), (LOCAL_S - 2) / 2),
    "guess quantum": simple(lambda s: sb.guessing_probability(DATA, LEVEL, solver=s), GUESS),
    "guess no-signaling": simple(lambda s: sb.guessing_probability(DATA, sb.NoSignaling(), solver=s), 1.5 - S / 4),
    "guess local": simple(lambda s: sb.guessing_probability(LOCAL_DATA, sb.Local(), solver=s), 1.0),
    "guess both": simple(lambda s: sb.guessing_probability(DATA, LEVEL, 0, 0, s)),
    "guess ternary": simple(lambda s: sb.guessing_probability(TERNARY, LEVEL, 0, None, s)),
    "guess both ternary no-signaling": simple(lambda s: sb.guessing_probability(TERNARY, sb.NoSignaling(), 0, 0, s)),
    "guess both ternary": simple(lambda s: sb.guessing_probability(TERNARY, sb.Quantum("1"), 0, 0, s)),
    "guess blind ternary": simple(lambda s: sb.blind_guessing_probability(TERNARY, sb.Quantum("1"), 0, 0, s)),
    "guess blind": simple(lambda s: sb.blind_guessing_probability(STRONG_DATA, LEVEL, 0, 0, s)),
    "min-entropy": simple(lambda s: sb.min_entropy(DATA, LEVEL, solver=s), -math.log2(GUESS)),
    "projective": simple(lambda s: von_neumann(s, method="projective", level="1+AB", nodes=4), chsh_entropy(S)),
    "projective with flips": simple(
        lambda s: von_neumann(s, FLIPS, method="projective", level="1+AB", nodes=4), chsh_entropy(S, FLIPS)
    ),
    "projective refined": simple(
        lambda s: von_neumann(s, method="projective", level="1+AB", tolerance=0.02), chsh_entropy(S)
    ),
    "gauss-radau": simple(lambda s: von_neumann(s, method="gauss-radau", level="1+AB", nodes=3), chsh_entropy(S)),
    "envelope": envelope,
    "key rate": simple(lambda s: rate(s, sb.MinEntropy(LEVEL, s))),
    "key rate projective": simple(lambda s: rate(s, sb.VonNeumann("projective", "1+AB", 4, solver=s))),
}

# -- corruption ---------------------------------------------------------------------------------------------------

SOLVERS = choose.available()
ORIGINAL = {kind: kind.solve for kind in SOLVERS.values()}
NAMES = {"cvxpy": "cvxpy:CLARABEL"}


def shape_of(program: LinearMatrixInequality) -> tuple[Any, ...]:
    return program.linear, program.sizes, program.variables


@dataclass
class Corrupted:
    """What stands for the ``solve`` of a solver: its sane answers, of a shape the first, corrupted."""

    kind: str
    rng: np.random.Generator
    sane: dict[Any, SolverResult]
    answers: int = 0

    def answer(self, solver: Solver, program: LinearMatrixInequality) -> SolverResult:
        self.answers += 1
        return CORRUPTIONS[self.kind](self, self.base(solver, program), solver, program)

    def base(self, solver: Solver, program: LinearMatrixInequality, foreign: bool = False) -> SolverResult:
        key = (solver.name, shape_of(program), foreign)
        if key not in self.sane:
            if foreign:  # other tested values and another figure, of the same shape
                rng = np.random.default_rng(7)
                program = replace(
                    program, cost=rng.permutation(program.cost) + 0.1 * rng.normal(size=program.variables)
                )
            try:
                found = ORIGINAL[type(solver)](solver, program)
            except sb.SdpboundError:  # HiGHS has no blocks, QICS no constant ones
                found = ORIGINAL[sb.Clarabel](sb.Clarabel(), program)
            self.sane[key] = found
        return self.sane[key]


def mapped(result: SolverResult, function: Callable[[Floats], Floats]) -> SolverResult:
    """A function of all numbers of the dual."""
    return replace(result, duals=tuple(function(x) for x in result.duals), linear_dual=function(result.linear_dual))


def with_one(result: SolverResult, value: float, rng: np.random.Generator) -> SolverResult:
    """One number of the dual is another one."""
    parts = [x.copy() for x in (*result.duals, result.linear_dual)]
    parts = [x for x in parts if x.size]
    chosen = parts[int(rng.integers(len(parts)))]
    chosen.flat[int(rng.integers(chosen.size))] = value
    blocks = iter(parts)
    duals = tuple(next(blocks) for _ in result.duals)
    return replace(result, duals=duals, linear_dual=next(blocks, result.linear_dual))


def shuffled(x: Floats, rng: np.random.Generator) -> Floats:
    out = rng.permutation(x.reshape(-1)).reshape(x.shape)
    return (out + out.T) / 2 if x.ndim == 2 else out


def scaled(result: SolverResult, digits: float) -> SolverResult:
    return mapped(result, lambda x: 10.0**digits * x)


def noisy(result: SolverResult, rng: np.random.Generator) -> SolverResult:
    """With noise of one size, small or large, in all numbers."""
    size = 10.0 ** rng.uniform(-12, 2)

    def moved(x: Floats) -> Floats:
        noise = size * rng.normal(size=x.shape)
        return x + ((noise + noise.T) / 2 if x.ndim == 2 else noise)

    return mapped(result, moved)


def misshapen(result: SolverResult, rng: np.random.Generator) -> SolverResult:
    choice = int(rng.integers(5))
    if choice == 0:
        return mapped(result, lambda x: x[:-1])
    if choice == 1:
        return mapped(result, lambda x: x[None])
    if choice == 2:
        return mapped(result, lambda x: np.zeros(tuple(n + 1 for n in x.shape)))
    if choice == 3:
        return replace(result, duals=(*result.duals, np.eye(2)))
    return mapped(result, lambda x: np.array(["nonsense"] * x.size).reshape(x.shape))


def lying_solution(result: SolverResult, program: LinearMatrixInequality, rng: np.random.Generator) -> SolverResult:
    n = program.variables
    options = (
        rng.normal(size=n),
        10.0 ** rng.uniform(-300, 300, size=n),
        np.full(n, 1.7e308),
        np.full(n, np.nan),
        rng.normal(size=n + 1),
        1e25 * rng.normal(size=n),
        np.zeros(n),
    )
    return replace(result, solution=options[int(rng.integers(len(options)))])


Corruption = Callable[[Corrupted, SolverResult, Solver, LinearMatrixInequality], SolverResult]
CORRUPTIONS: dict[str, Corruption] = {
    "huge": lambda c, r, s, p: mapped(r, lambda x: np.full(x.shape, 1e300)),
    "largest": lambda c, r, s, p: mapped(r, lambda x: np.full(x.shape, 1.7e308)),
    "nan": lambda c, r, s, p: mapped(r, lambda x: np.full(x.shape, np.nan)),
    "inf": lambda c, r, s, p: mapped(r, lambda x: np.full(x.shape, np.inf)),
    "one nan": lambda c, r, s, p: with_one(r, math.nan, c.rng),
    "one huge": lambda c, r, s, p: with_one(r, float(c.rng.choice([-1.7e308, 1e200, 1e29, -1e16, 1e8])), c.rng),
    "scaled": lambda c, r, s, p: scaled(r, c.rng.uniform(-300, 300)),
    "scaled a little": lambda c, r, s, p: scaled(r, c.rng.uniform(-3, 3)),
    "just below the limit": lambda c, r, s, p: mapped(r, lambda x: np.clip(1e40 * x, -LARGEST, LARGEST)),
    "flipped": lambda c, r, s, p: mapped(r, np.negative),
    "permuted": lambda c, r, s, p: mapped(r, lambda x: shuffled(x, c.rng)),
    "noisy": lambda c, r, s, p: noisy(r, c.rng),
    "zero": lambda c, r, s, p: mapped(r, np.zeros_like),
    "one-sided": lambda c, r, s, p: mapped(r, lambda x: np.triu(x) if x.ndim == 2 else x),
    "foreign": lambda c, r, s, p: c.base(s, p, foreign=True),
    "foreign shape": lambda c, r, s, p: SolverResult(s.name, Status.SOLVED, (np.eye(3),), np.ones(2), 1.0, 0.0),
    "misshapen": lambda c, r, s, p: misshapen(r, c.rng),
    "objective": lambda c, r, s, p: replace(
        r, objective=float(c.rng.choice([math.nan, math.inf, -math.inf, 1.7e308, -1e300, 0.0, r.objective - 1.0]))
    ),
    "status": lambda c, r, s, p: replace(r, status=list(Status)[int(c.rng.integers(len(Status)))]),
    "solution": lambda c, r, s, p: lying_solution(r, p, c.rng),
    "everything": lambda c, r, s, p: replace(
        lying_solution(noisy(r, c.rng), p, c.rng),
        status=list(Status)[int(c.rng.integers(len(Status)))],
        objective=float(c.rng.normal()),
    ),
}

SANE_ANSWERS: dict[Any, SolverResult] = {}


def corrupt(patch: pytest.MonkeyPatch, kind: str, seed: int, names: list[str]) -> Corrupted:
    source = Corrupted(kind, np.random.default_rng(seed), SANE_ANSWERS)
    for name in names:
        patch.setattr(SOLVERS[name], "solve", lambda self, program: source.answer(self, program))
    return source


def holds(method: str, choice: Choice) -> int:
    """Ask, and check what comes; how many bounds did."""
    try:
        found = METHODS[method](choice)
    except sb.SdpboundError as error:
        assert len(str(error)) > 20 and "Traceback" not in str(error)
        assert not isinstance(error, sb.Infeasible | sb.InvalidInput), error  # the data and the question are fine
        return 0
    for bound, true in found:
        assert math.isfinite(bound.value)
        assert bound.value >= true - 1e-12 if bound.side == "upper" else bound.value <= true + 1e-12
        sizes = {"conditional_entropy": (0.0, 1.0), "min_entropy": (0.0, 2.0)}
        figure = bound.certificate.data["question"]["figure"]
        if figure["kind"] == "bell_value":
            most = float(np.abs(figure["coefficients"]).sum())
            assert -most <= bound.value <= most
        else:
            low, high = sizes.get(figure["kind"], (0.0, 1.0))
            assert low <= bound.value <= high
        assert bound.certificate.verify().holds
    return len(found)


def takes(name: str, method: str) -> bool:
    """HiGHS solves linear programs; elsewhere what it would return is another solver's."""
    return name != "highs" or "no-signaling" in method or "local" in method


#: In the ordinary run each method meets each corruption once, by its usual solver.
USUAL = {method: "sdpa" if method in ("projective refined", "envelope") else "clarabel" for method in METHODS}
USUAL |= {method: "highs" for method in METHODS if "no-signaling" in method or "local" in method}


#: Long, and made of methods that meet each corruption without them.
LONG = {"projective refined", "projective with flips", "key rate projective"}


@pytest.mark.parametrize("method", [pytest.param(m, marks=pytest.mark.slow) if m in LONG else m for m in METHODS])
def test_each_corruption_once(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    METHODS[method](SANE)
    bounds = 0
    for seed, kind in enumerate(CORRUPTIONS):
        source = corrupt(monkeypatch, kind, seed, [USUAL[method]])
        bounds += holds(method, NAMES.get(USUAL[method], USUAL[method]))
        assert source.answers > 0
    assert bounds > 5  # what is finite is certified, however bad


# -- linear programs through scipy --------------------------------------------------------------------------------


def qubit(preprocessing: float = 0.0) -> Results:
    bound = von_neumann(None, preprocessing, method="qubit", tolerance=1e-2)
    assert isinstance(bound, QubitEntropyBound) and bound.optimum is not None
    # the mixture of strategies is what it is said to be
    assert bound.optimum.miss > 1e-10 or bound.optimum.value >= chsh_entropy(S, preprocessing) - 1e-9
    return [(bound, chsh_entropy(S, preprocessing))]


def qubit_key_rate() -> Results:
    data = sb.Observations.bell_value(sb.chsh(), DEVICES.chsh)
    bound = rate(None, sb.VonNeumann("qubit", tolerance=1e-2), data)
    return [(bound, chsh_entropy(DEVICES.chsh))]


CHAINED = sb.Observations.bell_value(sb.family_named("chained").member(settings=3).expression, 5.0)


def attack() -> Results:
    """From above: the strategies are explicit, and data that they miss are said to be missed.

    Three chained settings prove more than two of them, for else the attack is the mixture of the qubit method.
    """
    found = sb.conditional_entropy_upper_bound(CHAINED, symmetry=False, tolerance=1e-2)
    assert found.certificate.verify().holds and found.value <= 1.0
    assert not found.exact or found.value >= 0.7606  # as pinching proves
    return []


def boxes() -> Results:
    """Eve's guess of the XOR of two boxes, by hand 1/2 + 0.4 * 0.8 / 2; bounds from both sides."""
    found = guessing_program([0.1, 0.2])
    assert found.certificate.value >= Fraction(33, 50) >= found.partition.value
    assert 0.66 <= found.guessing_probability <= 1.0 and 0.32 <= found.optimum <= 1.0
    assert found.certificate.verify().holds
    return []


LINEAR_METHODS: dict[str, tuple[Any, Callable[[], Results]]] = {
    "qubit": (qubit_weights, qubit),
    "qubit key rate": (qubit_weights, qubit_key_rate),
    "attack": (attack_mixtures, attack),
    "boxes": (boxes_program, boxes),
}
PARTS = ("solution", "multipliers", "both")

LINEAR_CORRUPTIONS: dict[str, Callable[[Floats, np.random.Generator], Any]] = {
    "huge": lambda x, rng: np.full(x.shape, 1e300),
    "largest": lambda x, rng: np.full(x.shape, 1.7e308),
    "nan": lambda x, rng: np.full(x.shape, np.nan),
    "one nan": lambda x, rng: np.where(np.arange(x.size) == rng.integers(x.size), np.nan, x),
    "one huge": lambda x, rng: np.where(np.arange(x.size) == rng.integers(x.size), rng.choice([1e29, -1e9, 1e5]), x),
    "scaled": lambda x, rng: 10.0 ** rng.uniform(-300, 300) * x,
    "scaled a little": lambda x, rng: 10.0 ** rng.uniform(-3, 3) * x,
    "flipped": lambda x, rng: -x,
    "permuted": lambda x, rng: rng.permutation(x),
    "noisy": lambda x, rng: x + 10.0 ** rng.uniform(-12, 0) * rng.normal(size=x.shape),
    "zero": lambda x, rng: np.zeros_like(x),
    "misshapen": lambda x, rng: x[1:],
    "missing": lambda x, rng: None,
}


def corrupt_linprog(patch: pytest.MonkeyPatch, module: Any, kind: str, part: str, seed: int) -> list[int]:
    """Corrupt the solution, the multipliers or both of a module's linear programs; how many, in a list."""
    rng, count, asking = np.random.default_rng(seed), [0], []

    honest = linear_.equations

    def equations(*args: Any, **settings: Any) -> Any:
        answer = honest(*args, **settings)
        if not asking:
            return answer
        count[0] += 1
        if not answer.optimal:  # as may happen after the first corrupted answer
            return answer
        if part != "multipliers":
            answer.x = LINEAR_CORRUPTIONS[kind](np.array(answer.x), rng)
        if part != "solution":
            answer.y = LINEAR_CORRUPTIONS[kind](np.array(answer.y), rng)
        return answer

    name = next(name for name in ("cheapest_weights", "minimise_standard") if hasattr(module, name))
    plain = getattr(linear_, name)

    def asked(*args: Any, **settings: Any) -> Any:
        asking.append(name)
        try:
            return plain(*args, **settings)
        finally:
            asking.pop()

    patch.setattr(module, name, asked)
    patch.setattr(linear_, "equations", equations)
    return count


def linear_holds(method: str) -> bool:
    try:
        found = LINEAR_METHODS[method][1]()
    except sb.SdpboundError as error:
        assert isinstance(error, sb.SolverFailure) and len(str(error)) > 20
        return False
    for bound, true in found:
        assert 0.0 <= bound.value <= true + 1e-12
        assert bound.certificate.verify().holds
    return True


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=pytest.mark.slow) if name == "attack" else name for name in LINEAR_METHODS]
)
def test_each_corruption_of_a_linear_program_once(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = 0
    for seed, kind in enumerate(LINEAR_CORRUPTIONS):
        count = corrupt_linprog(monkeypatch, LINEAR_METHODS[method][0], kind, PARTS[seed % 3], seed)
        answered += linear_holds(method)
        assert count[0] > 0
    assert answered > (1 if method == "attack" else 3)  # an attack asks many times, and each answer is corrupted


# -- parts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Returns(Solver):
    """A solver with a given answer."""

    result: SolverResult | None = None

    @property
    def name(self) -> str:
        return "returns"

    @classmethod
    def installed(cls) -> bool:
        return True

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        assert self.result is not None
        return self.result


PROGRAM = LinearMatrixInequality(
    np.array([1.0]), 0.0, sp.csc_array(np.array([[1.0], [0.0], [0.5], [0.0]])), np.ones(4), 1, (2,)
)
FIT = SolverResult(
    "returns", Status.SOLVED, (np.array([[1.0, 0.5], [0.0, 1.0]]),), np.ones(1), 1.0, 0.0, solution=np.ones(1)
)


def test_the_door_lets_in_what_is_fit() -> None:
    found = ask(Returns(result=FIT), PROGRAM)
    assert found.duals[0].tolist() == [[1.0, 0.25], [0.25, 1.0]] and found.linear_dual.tolist() == [1.0]
    assert found.solution is not None and found.objective == 1.0
    largest = replace(FIT, linear_dual=np.array([LARGEST]))
    assert ask(Returns(result=largest), PROGRAM).linear_dual[0] == LARGEST
    lost = replace(FIT, solution=np.array([math.nan]))
    assert ask(Returns(result=lost), PROGRAM).solution is None
    ray = replace(FIT, status=Status.INFEASIBLE, objective=-math.inf)
    assert ask(Returns(result=ray), PROGRAM).status is Status.INFEASIBLE


@pytest.mark.parametrize(
    "changes",
    [
        {"linear_dual": np.array([math.nan])},
        {"linear_dual": np.array([-math.inf])},
        {"linear_dual": np.array([1.01 * LARGEST])},
        {"linear_dual": np.ones(2)},
        {"linear_dual": np.ones((1, 1))},
        {"linear_dual": np.array([1j])},
        {"linear_dual": np.array(["1.0"])},
        {"linear_dual": [[1.0], [1.0, 2.0]]},
        {"duals": ()},
        {"duals": (np.eye(2), np.eye(2))},
        {"duals": (np.eye(3),)},
        {"duals": (np.full((2, 2), math.nan),)},
        {"duals": (np.diag([1.0, 1.7e308]),)},
        {"objective": math.nan},
        {"objective": math.inf},
    ],
    ids=repr,
)
def test_the_door_refuses_what_is_unfit(changes: dict[str, Any]) -> None:
    with pytest.raises(sb.SolverFailure, match="returns returned"):
        ask(Returns(result=replace(FIT, **changes)), PROGRAM)


def test_there_is_no_other_door() -> None:
    package = Path(sb.__file__).parent
    asks = {path.name for path in package.rglob("*.py") if "solver.solve(" in path.read_text(encoding="utf-8")}
    assert asks == {"solver.py", "apart.py"}  # the latter in another process, whose answers come in by the same door
    linear = {path.name for path in package.rglob("*.py") if "linprog(" in path.read_text(encoding="utf-8")}
    assert linear == {"highs_.py"}
    own = {path.name for path in package.rglob("*.py") if "import highspy" in path.read_text(encoding="utf-8")}
    assert own == {"linear_.py"}


def test_an_answer_that_overflows_is_refused_without_a_warning() -> None:
    duals, linear = (np.full((2, 2), 1.7e308),), np.array([1.7e308])
    result = vectors.result(PROGRAM, "returns", Status.SOLVED, duals, linear, seconds=0.0)
    with pytest.raises(sb.SolverFailure, match="absurdly large"):
        ask(Returns(result=result), PROGRAM)


@pytest.mark.parametrize("kind", ["largest", "nan", "foreign shape"])
@pytest.mark.parametrize("method", ["maximize quantum", "guess quantum", "projective"])
def test_the_next_solver_is_asked(method: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = "arrow" if method == "projective" else "clarabel"
    ((sane, _),) = METHODS[method](None)
    source = corrupt(monkeypatch, kind, 0, [first])
    ((bound, true),) = METHODS[method](None)
    assert source.answers > 0 and bound.solver != first
    assert abs(bound.value - sane.value) < 1e-5
    assert bound.value >= true if bound.side == "upper" else bound.value <= true


@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "highs"])
def test_every_solver_answers_or_fails_clearly_where_a_block_is_constant(name: str) -> None:
    """The sectors of CHSH at level 1: one has no variable, on which QICS 1.1 raises an AttributeError."""
    try:
        bound = sb.maximize(sb.chsh(), sb.Quantum("1"), solver=NAMES.get(name, name))
    except sb.SolverFailure as failure:
        assert name == "qics" and "qics failed" in str(failure)
    else:
        assert math.sqrt(8) <= bound.value <= math.sqrt(8) + 1e-3


def test_what_was_proven_stands_when_later_answers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer of SDPA is sane, the others, at more nodes, are not."""
    calls = []

    def solve(self: Solver, program: LinearMatrixInequality) -> SolverResult:
        calls.append(program)
        result = ORIGINAL[sb.Sdpa](self, program)
        return result if len(calls) == 1 else mapped(result, lambda x: np.full(x.shape, np.nan))

    monkeypatch.setattr(sb.Sdpa, "solve", solve)
    bound = von_neumann("sdpa", tolerance=1e-3)
    assert len(calls) > 1
    assert 0.3 < bound.value <= chsh_entropy(S)
    assert bound.certificate.verify().holds


@pytest.mark.parametrize("method", ["projective", "gauss-radau"])
@pytest.mark.parametrize("q", [0.0, 0.11, 0.5])
def test_an_entropy_is_at_least_that_of_the_flips(method: str, q: float, monkeypatch: pytest.MonkeyPatch) -> None:
    corrupt(monkeypatch, "zero", 0, ["clarabel"])
    bound = von_neumann(sb.Clarabel(), q, method=method, level="1+AB", nodes=3)
    least = -sum(p * math.log2(p) for p in (q, 1 - q) if p)
    assert least - 1e-15 <= bound.value <= least
    assert bound.functional.multipliers.tolist() == [0.0] and bound.functional.constant == bound.value
    if bound.value == least_entropy(q):
        assert bound.certificate.data["proof"] == {"method": "trivial", "multipliers": [0.0]}
        assert bound.certificate.data["claim"]["value"] == bound.value
    assert bound.certificate.verify().holds


def test_the_entropy_of_the_flips_is_rounded_down() -> None:
    assert least_entropy(0.0) == 0.0 and least_entropy(5e-324) >= 0.0
    with flint.ctx.workprec(2000):
        for q in (1e-300, 1e-17, 1e-6, 0.11, 0.25, 0.499999, 0.5):
            p = flint.arb(q)
            exact = -(p * p.log() + (1 - p) * (1 - p).log()) / flint.arb(2).log()
            found = least_entropy(q)
            assert flint.arb(found) <= exact if q < 0.5 else found <= 1.0
            assert found >= 0.0 and flint.arb(found) * (1 + 1e-15) + 1e-60 >= exact


@pytest.mark.parametrize("nodes", [[math.nan, 0.5], [0.25, 0.25, 0.5], [math.inf, 0.5], [0.3, 0.2, 0.2, 0.5]])
def test_weights_of_nodes_that_are_none_end_in_an_error(nodes: list[float]) -> None:
    with pytest.raises(sb.InvalidParameter, match="nodes"):
        Chords(2).weights(np.array(nodes))


@pytest.mark.parametrize("size", [1.0, 1e30, 1e100, 1e-300])
@pytest.mark.parametrize("outcomes", [2, 3])
def test_nodes_rise_whatever_a_solver_said_of_values_and_slopes(outcomes: int, size: float) -> None:
    rng, chords = np.random.default_rng(3), Chords(outcomes)
    for count in (6, 12, 40, 512):
        nodes = chords.graded(6)
        for _ in range(4):
            values, slopes = (np.abs(size * rng.normal(size=len(nodes)) ** 3) for _ in range(2))
            nodes = chords.refined(nodes, values, slopes, count)
            assert len(nodes) == count and (nodes[-1] == 0.5 if outcomes == 2 else nodes[-1] < 1.0)
            assert (np.diff(nodes, prepend=0.0) > 0).all()
            assert np.isfinite(chords.weights(nodes)[0]).all()


def test_branch_and_bound_ends_where_nothing_is_known() -> None:
    """An engine whose numbers are none."""

    class Nothing(StateEngine):
        def advance(self, batch: Batch, index: NDArray[np.int64], precision: float, steps: int) -> None:
            batch.gaps[index] = np.nan  # and bounds that are never set

    proof = prove(Nothing(Key.ONE, 0.0), np.eye(3), 3.0, 0.5, 1e-3)
    assert proof.top == math.inf


# -- many ---------------------------------------------------------------------------------------------------------

MANY = 300


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [*SOLVERS, "all"])
def test_many_corrupted_answers(name: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 calls of each solver for each method; "all" are all solvers at once, and the choice left open."""
    if name == "highs" and not takes(name, method):
        pytest.skip("HiGHS solves linear programs only")
    names, choice = ([name], NAMES.get(name, name)) if name != "all" else (list(SOLVERS), None)
    METHODS[method](SANE)
    bounds = 0
    for seed, kind in zip(range(MANY), itertools.cycle(CORRUPTIONS), strict=False):
        source = corrupt(monkeypatch, kind, 1000 + seed, names)
        bounds += holds(method, choice)
        assert source.answers > 0
    assert bounds > MANY // 3


@pytest.mark.slow
@pytest.mark.parametrize("method", LINEAR_METHODS)
def test_many_corrupted_linear_programs(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = bounds = 0
    calls = 4 * list(itertools.product(PARTS, LINEAR_CORRUPTIONS))
    for seed, (part, kind) in enumerate(calls, start=1000):
        count = corrupt_linprog(monkeypatch, LINEAR_METHODS[method][0], kind, part, seed)
        bounds += linear_holds(method)
        answers += count[0]
    assert answers >= MANY
    assert bounds > len(calls) // 5


def test_a_broken_solver_package_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed but not importable, as with a missing library: the next solver answers."""
    from sdpbound.conic.solvers.sdpa_ import Sdpa

    def broken(self: Any, program: Any) -> Any:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(Sdpa, "solve", broken)
    bound = sb.maximize(sb.i3322(), sb.Quantum("2"))
    assert bound.solver != "sdpa" and abs(bound.value - 0.2509397) < 1e-6
    with pytest.raises(OSError, match="libgomp"):
        sb.maximize(sb.i3322(), sb.Quantum("2"), solver="sdpa")
