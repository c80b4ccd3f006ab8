"""One contract for every installed solver: the dual it returns, checked from the program alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status, triangle_size
from sdpbound.conic.solvers import choose, vectors
from sdpbound.conic.solvers.cvxpy_ import Cvxpy
from sdpbound.conic.solvers.highs_ import Highs
from sdpbound.conic.solvers.sdpa_ import Sdpa
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure


@dataclass(frozen=True)
class Case:
    program: LinearMatrixInequality
    optimum: float


def upper(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper triangle column by column, written out independently of the code under test."""
    return np.array([matrix[i, j] for j in range(len(matrix)) for i in range(j + 1)])


def lmi(
    cost: list[float] | NDArray[np.float64],
    linear: list[tuple[float, list[float]]],
    blocks: list[tuple[NDArray[np.float64], list[NDArray[np.float64]]]],
    offset: float = 0.0,
) -> LinearMatrixInequality:
    """From (constant, coefficients) for each linear row and each block."""
    rows = [np.array([coefficients], dtype=float) for _, coefficients in linear]
    rows += [np.stack([upper(a) for a in matrices], axis=1) for _, matrices in blocks]
    constant = [np.array([value], dtype=float) for value, _ in linear] + [upper(c) for c, _ in blocks]
    return LinearMatrixInequality(
        cost=np.array(cost, dtype=float),
        offset=offset,
        matrix=sp.csc_array(np.vstack(rows)),
        constant=np.concatenate(constant),
        linear=len(linear),
        sizes=tuple(len(c) for c, _ in blocks),
    )


def chsh() -> Case:
    """Level 1: words 1, A0, A1, B0, B1; optimum 2 sqrt(2)."""
    index = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (3, 4), (1, 3), (1, 4), (2, 3), (2, 4)]
    matrices = []
    for i, j in index:
        a = np.zeros((5, 5))
        a[i, j] = a[j, i] = 1.0
        matrices.append(a)
    return Case(lmi([0, 0, 0, 0, 0, 0, 1, 1, 1, -1], [], [(np.eye(5), matrices)]), 2 * np.sqrt(2))


def random_program(seed: int, sizes: tuple[int, ...], variables: int, linear: int = 0) -> Case:
    """Known optimum: primal slack S and dual X commute, S X = 0, S + X > 0, and cost = -matrix^T X by construction."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=variables)
    cost, optimum = np.zeros(variables), 0.0
    rows, blocks = [], []
    for i in range(linear):
        coefficients = rng.normal(size=variables)
        slack, multiplier = (rng.uniform(0.5, 2), 0.0) if i % 2 else (0.0, rng.uniform(0.5, 2))
        constant = slack - coefficients @ z
        cost -= multiplier * coefficients
        optimum += multiplier * constant
        rows.append((constant, list(coefficients)))
    for n in sizes:
        matrices = []
        for _ in range(variables):
            a = rng.normal(size=(n, n))
            matrices.append((a + a.T) / 2)
        q = np.linalg.qr(rng.normal(size=(n, n)))[0]
        eigenvalues = rng.uniform(0.5, 2, size=n)
        rank = n // 2
        slack = (q[:, :rank] * eigenvalues[:rank]) @ q[:, :rank].T
        dual = (q[:, rank:] * eigenvalues[rank:]) @ q[:, rank:].T
        constant = slack - sum(value * a for value, a in zip(z, matrices, strict=True))
        cost -= np.array([np.sum(a * dual) for a in matrices])
        optimum += float(np.sum(dual * constant))
        blocks.append((constant, matrices))
    return Case(lmi(cost, rows, blocks, offset=1.5), optimum + 1.5)


def asymmetrical() -> Case:
    """Four entries whose places in the triangle differ by row and by column: (0,2) is bounded by 1, (1,1) is 9.

    maximise y0 + 2 y1 + 3 y2 with y0 = (0,2), y1 = (1,1) of 4 x 4, y2 = (1,3). Diagonal (1, 9 - y1, 4, 2): y0 <= 2,
    y2 <= sqrt(2 (9 - y1)), so y1 = 9 - t and 2 (9 - t) + 3 sqrt(2 t) + 2 is largest at sqrt(t) = 3 sqrt(2) / 4.
    """
    a, b, c = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((4, 4))
    a[0, 2] = a[2, 0] = 1.0
    b[1, 1] = -1.0
    c[1, 3] = c[3, 1] = 1.0
    t = 9 / 8
    optimum = 2.0 + 2 * (9 - t) + 3 * np.sqrt(2 * t)
    return Case(lmi([1.0, 2.0, 3.0], [], [(np.diag([1.0, 9.0, 4.0, 2.0]), [a, b, c])]), float(optimum))


CASES = {
    "chsh": chsh(),
    "random": random_program(1, (6,), 8),
    "larger": random_program(2, (14,), 40),
    "two blocks": random_program(3, (4, 7), 9),
    "linear rows": random_program(4, (5, 3), 6, linear=4),
    "asymmetrical": asymmetrical(),
}

# What each solver is held to, relative; the first-order one is held to less.
ACCURACY = {"scs": 2e-5}

SOLVERS: list[Solver] = [kind() for name, kind in choose.available().items() if name not in ("highs", "cvxpy")] + (
    [Cvxpy(backend="CVXOPT")] if Cvxpy.installed() and Cvxpy.has("CVXOPT") else []
)


def check_dual(case: Case, result: SolverResult, accuracy: float) -> None:
    """Dual feasibility, positivity and the optimum, from the program's definition."""
    program = case.program
    vector = [result.linear_dual]
    for n, block in zip(program.sizes, result.duals, strict=True):
        assert block.shape == (n, n)
        np.testing.assert_array_equal(block, block.T)
        vector.append(upper(2 * block - np.diag(np.diag(block))))
        assert np.linalg.eigvalsh(block)[0] > -accuracy * max(1.0, np.abs(block).max())
    dual = np.concatenate(vector)
    assert dual.shape == program.constant.shape
    assert (result.linear_dual > -accuracy).all()
    residual = program.cost + program.matrix.T @ dual
    assert np.abs(residual).max() < 10 * accuracy * max(1.0, np.abs(program.cost).max())
    bound = program.offset + dual @ program.constant
    assert bound == pytest.approx(case.optimum, rel=accuracy, abs=accuracy)
    assert result.objective == pytest.approx(bound, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_optimum_and_dual(solver: Solver, case: Case, capfd: pytest.CaptureFixture[str]) -> None:
    accuracy = ACCURACY.get(solver.name, 1e-6)
    result = solver.solve(case.program)
    assert result.solver == solver.name
    assert result.status in (Status.SOLVED, Status.ALMOST_SOLVED)
    assert result.seconds > 0
    assert result.iterations > 0 or isinstance(solver, Cvxpy)  # cvxpy does not pass on every solver's count
    check_dual(case, result, accuracy)
    assert result.solution is not None
    assert case.program.cost @ result.solution + case.program.offset == pytest.approx(case.optimum, rel=10 * accuracy)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
def test_infeasible(solver: Solver) -> None:
    """No z makes both 1 - z and z - 2 non-negative."""
    block = (np.eye(2), [np.array([[0.0, 1.0], [1.0, 0.0]])])
    program = lmi([1.0], [(1.0, [-1.0]), (-2.0, [1.0])], [block])
    result = solver.solve(program)
    assert (result.status, result.objective) == (Status.INFEASIBLE, -np.inf)
    assert all(np.isfinite(block).all() for block in result.duals)
    assert np.isfinite(result.linear_dual).all()


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
@pytest.mark.parametrize("excess", [1.0, 1e-2])
def test_infeasible_ray(solver: Solver, excess: float) -> None:
    """CHSH with A0 B0 + A0 B1 + A1 B0 - A1 B1 >= 2 sqrt(2) + excess: the dual is a ray that proves it, or zero."""
    program = CASES["chsh"].program
    row = sp.csc_array(program.cost[None, :])
    demand = LinearMatrixInequality(
        cost=program.cost,
        offset=0.0,
        matrix=sp.csc_array(sp.vstack([row, program.matrix])),
        constant=np.concatenate([[-2 * np.sqrt(2) - excess], program.constant]),
        linear=1,
        sizes=program.sizes,
    )
    result = solver.solve(demand)
    assert (result.status, result.objective) == (Status.INFEASIBLE, -np.inf)
    ray = np.concatenate([result.linear_dual, upper(2 * result.duals[0] - np.diag(np.diag(result.duals[0])))])
    if not isinstance(solver, Cvxpy):
        assert ray @ demand.constant < 0
        assert np.abs(demand.matrix.T @ ray).max() < -1e-2 * ray @ demand.constant


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
def test_unbounded(solver: Solver) -> None:
    block = (np.eye(2), [np.zeros((2, 2)), np.array([[0.0, 1.0], [1.0, 0.0]])])
    result = solver.solve(lmi([1.0, 0.0], [(1.0, [1.0, 0.0])], [block]))
    assert (result.status, result.objective) == (Status.UNBOUNDED, np.inf)


@pytest.mark.parametrize("solver", [*SOLVERS, Highs()], ids=lambda solver: solver.name)
def test_not_finite(solver: Solver) -> None:
    program = lmi([np.nan], [(1.0, [1.0])], [] if solver.name == "highs" else [(np.eye(2), [np.eye(2)])])
    with pytest.raises(SolverFailure, match="NaN or infinite"):
        solver.solve(program)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
def test_rows_out_of_order(solver: Solver) -> None:
    """A matrix whose row indices are not sorted is the same program."""
    case = CASES["linear rows"]
    matrix = case.program.matrix
    reverse = np.concatenate([np.arange(stop - 1, start - 1, -1) for start, stop in pairwise(matrix.indptr)])
    shuffled = sp.csc_array((matrix.data[reverse], matrix.indices[reverse], matrix.indptr), shape=matrix.shape)
    result = solver.solve(replace(case.program, matrix=shuffled))
    check_dual(case, result, ACCURACY.get(solver.name, 1e-6))
    assert (shuffled.indices == matrix.indices[reverse]).all()


@pytest.mark.parametrize("solver", [s for s in SOLVERS if s.name in ("clarabel", "sdpa", "qics")], ids=lambda s: s.name)
def test_units(solver: Solver) -> None:
    """The dual scales with the cost, whatever the units of the slack."""
    case = CASES["chsh"]
    program = replace(case.program, cost=1e-3 * case.program.cost, constant=50.0 * case.program.constant)
    check_dual(Case(program, 0.05 * case.optimum), solver.solve(program), 1e-6)


@pytest.mark.skipif("sdpa" not in choose.available(), reason="sdpa is not installed")
def test_sdpa_keeps_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """The descriptor silenced during a solve is back afterwards."""
    choose.by_name("sdpa").solve(CASES["chsh"].program)
    print("after", flush=True)
    assert capfd.readouterr().out == "after\n"


def test_highs_hand_solved() -> None:
    """Maximise 3 a + 2 b, a + b <= 4, a + 3 b <= 7, a <= 3, a, b >= 0: a = 3, b = 1, multipliers 2, 0, 1, 0, 0."""
    rows = [(4.0, [-1.0, -1.0]), (7.0, [-1.0, -3.0]), (3.0, [-1.0, 0.0]), (0.0, [1.0, 0.0]), (0.0, [0.0, 1.0])]
    case = Case(lmi([3.0, 2.0], rows, [], offset=-1.0), 10.0)
    result = Highs().solve(case.program)
    assert result.status is Status.SOLVED
    np.testing.assert_allclose(result.linear_dual, [2, 0, 1, 0, 0], atol=1e-9)
    assert result.duals == ()
    check_dual(case, result, 1e-9)


def test_highs_infeasible_and_unbounded() -> None:
    infeasible = Highs().solve(lmi([1.0], [(1.0, [-1.0]), (-2.0, [1.0])], []))
    assert (infeasible.status, infeasible.objective) == (Status.INFEASIBLE, -np.inf)
    np.testing.assert_array_equal(infeasible.linear_dual, [0, 0])
    unbounded = Highs().solve(lmi([1.0], [(1.0, [1.0])], []))
    assert (unbounded.status, unbounded.objective) == (Status.UNBOUNDED, np.inf)


def test_highs_refuses_blocks() -> None:
    with pytest.raises(SolverFailure, match="semidefinite blocks of sizes \\(5,\\)"):
        Highs().solve(CASES["chsh"].program)


def test_dual_not_finite_is_a_failure() -> None:
    program = CASES["chsh"].program
    bad = (np.full((5, 5), np.nan),)
    with pytest.raises(SolverFailure, match="not finite"):
        vectors.result(program, "test", Status.STOPPED, bad, np.zeros(0), seconds=1.0)
    ray = vectors.result(program, "test", Status.INFEASIBLE, bad, np.zeros(0), seconds=1.0)
    np.testing.assert_array_equal(ray.duals[0], np.zeros((5, 5)))


@pytest.mark.parametrize("name", choose.SOLVERS)
def test_virtues(name: str) -> None:
    """What a class says of itself is of use: something to install, no rank for programs that it does not take."""
    kind = choose.SOLVERS[name]
    assert kind.eliminates_groups or (kind.package and kind.module and kind.license)
    assert not kind.package or kind.package in choose.packages()
    assert kind.wanted().split()[-1:] == kind.package.split()
    ranks = [kind.rank(sizes) for sizes in ((), (5,), (50,), (50,) * 20)]
    assert not kind.linear_only or ranks[1:] == [None, None, None]
    assert not kind.example or ranks == [None] * 4
    if not kind.example and kind.installed():
        assert kind().name == name and choose.by_name(name) == kind()


def test_what_is_asked_first() -> None:
    """Where a caller prefers some, they come first and the others keep their order; a solver asked for is alone."""
    program = CASES["chsh"].program
    plain = [solver.name for solver in choose.solvers_for(None, program, 1e-7)]
    assert plain == list(choose.ranked(program.sizes))
    sorted_ = [s.name for s in choose.solvers_for(None, program, 1e-7, lambda s: s.eliminates_groups)]
    assert sorted_ == ["arrow", *(name for name in plain if name != "arrow")]
    assert choose.solvers_for("clarabel", program, 1e-7) == (choose.by_name("clarabel", 1e-7),)
    own = Highs(tolerance=1e-3)
    assert choose.solvers_for(own, program, 1e-7) == (own,)
    with pytest.raises(InvalidSolver, match="solver = 3 must be a name"):
        choose.solvers_for(3, program, 1e-7)  # type: ignore[arg-type]


def test_index_maps() -> None:
    """Triangle order, the lower order of SCS and full matrices, on a matrix with distinct entries."""
    m = np.array([[1.0, 2.0, 4.0], [2.0, 3.0, 5.0], [4.0, 5.0, 6.0]])
    stored = np.concatenate([[9.0], upper(m)])
    np.testing.assert_array_equal(stored, [9, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(stored[vectors.lower_order(1, (3,))], [9, 1, 2, 4, 3, 5, 6])
    np.testing.assert_array_equal(vectors.unfold(stored, 1, (3,))[0], m)
    full = vectors.expansion(1, (3,)) @ stored
    np.testing.assert_array_equal(full, [9, *m.ravel(order="F")])
    np.testing.assert_array_equal(vectors.fold(full, 1, (3,))[0], m)
    np.testing.assert_allclose(vectors.scale(1, (2,)), [1, 1, np.sqrt(2), 1])
    assert not vectors.scale(1, (2,)).flags.writeable


def test_by_name() -> None:
    for name, kind in choose.available().items():
        if name != "cvxpy":
            solver = choose.by_name(name.upper(), tolerance=1e-6)
            assert (type(solver), solver.name, solver.tolerance) == (kind, name, 1e-6)
            assert choose.by_name(name).tolerance == kind().tolerance


@pytest.mark.parametrize("name", ["clarabell", "mosek", "", "cvxpy", "cvxpy:", "scs:direct"])
def test_unknown_name(name: str) -> None:
    with pytest.raises(
        InvalidSolver, match=r"allowed are clarabel, sdpa, qics, arrow, scs, highs or cvxpy:NAME"
    ) as error:
        choose.by_name(name)
    assert repr(name) in str(error.value)


def test_nearest_name() -> None:
    with pytest.raises(InvalidSolver, match="did you mean 'clarabel'"):
        choose.by_name("clarabell")


def test_unknown_cvxpy_backend() -> None:
    with pytest.raises(InvalidSolver, match=r"no installed solver 'NOTHING', it has .*SCS"):
        choose.by_name("cvxpy:nothing")


@pytest.fixture
def asked_afresh() -> Iterator[None]:
    """What is installed is asked once in a process: ask again before and after."""
    choose._installed.cache_clear()
    yield
    choose._installed.cache_clear()


@pytest.mark.usefixtures("asked_afresh")
def test_known_but_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(choose.by_name("clarabel"))
    monkeypatch.setattr(kind, "installed", classmethod(lambda cls: False))
    with pytest.raises(InvalidSolver, match="'clarabel' is not installed here: pip install clarabel"):
        choose.by_name("clarabel")
    assert "clarabel" not in choose.available()
    assert all(solver.name != "clarabel" for solver in choose.candidates(CASES["chsh"].program))


def test_candidates() -> None:
    def names(program: LinearMatrixInequality) -> list[str]:
        return [solver.name for solver in choose.candidates(program, 1e-7)]

    def shaped(*sizes: int) -> LinearMatrixInequality:
        rows = sum(triangle_size(n) for n in sizes)
        return LinearMatrixInequality(np.zeros(1), 0.0, sp.csc_array((rows, 1)), np.zeros(rows), 0, sizes)

    assert names(lmi([1.0], [(1.0, [-1.0])], []))[0] == "highs"
    installed = set(choose.available())
    small, middle, large = (
        ["clarabel", "sdpa", "qics", "arrow", "scs"],
        ["sdpa", "qics", "clarabel", "arrow", "scs"],
        ["qics", "sdpa", "clarabel", "arrow", "scs"],
    )
    table: dict[tuple[int, ...], list[str]] = {
        (): ["highs", "clarabel", "scs"],
        (1,): small,
        (9,): small,
        (12,): small,
        (12,) * 9: small,
        (13,): middle,
        (28, 5): middle,
        (39,): middle,
        (40,): large,
        (40,) * 8: large,
        (40,) * 9: middle,
        (2, 88, 2): large,
        (50,) * 16: middle,
    }
    for sizes, order in table.items():
        expected = [name for name in order if name in installed]
        assert list(choose.ranked(sizes)) == expected
        assert not sizes or names(shaped(*sizes)) == expected
    assert all(solver.tolerance == 1e-7 for solver in choose.candidates(shaped(3), 1e-7))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from Linux's /proc")
def test_memory_stays_flat() -> None:
    """SDPA's binding keeps what it is given and returns unless that is emptied: 75 kB a call here."""
    program = random_program(3, (30,), 10).program

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    for _ in range(10):
        Sdpa().solve(program)
    before = resident()
    for _ in range(40):
        Sdpa().solve(program)
    assert resident() - before < 1.5
