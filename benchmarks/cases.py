"""What is measured. Each case fills tables and targets of the report; ``CASES`` lists them in order."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter

import numpy as np

import sdpbound as sb
from benchmarks import peers
from benchmarks.bare import bell_question, clarabel_direct, clarabel_input, fastest, plain_inequality
from benchmarks.report import Report
from benchmarks.studies import million_rows, runner
from benchmarks.timing import clear_caches, in_fresh_process, median_seconds, paired_seconds, quiet
from sdpbound.npa.levels import generating_words
from sdpbound.npa.ncpol2sdpa_ import moment_matrix_by_ncpol2sdpa

__all__ = ["CASES"]

#: Upper bounds of I3322 by level, and the best known quantum value, rounded down.
I3322 = {"1": 0.375, "1+AB": 0.2514708978, "2": 0.2509397217, "3": 0.2508755621, "4": 0.2508753846}
I3322_QUANTUM = 0.250875384
THREE = sb.Scenario.bipartite(3, 3)
NOISY = sb.SingletSelfTest(np.pi / 3, 0.45 * np.pi, np.pi).behaviour(0.98)


def family(count: int, seed: int = 0) -> list[sb.SingletSelfTest]:
    """Random self-testing points of the family, all angles uniform."""
    rng = np.random.default_rng(seed)
    points: list[sb.SingletSelfTest] = []
    while len(points) < count:
        point = sb.SingletSelfTest(*(float(v) for v in rng.uniform(0.0, 2.0 * np.pi, 3)))
        if point.is_self_test:
            points.append(point)
    return points


def building(report: Report) -> None:
    table = report.table(
        "Building the relaxation of I3322",
        ("level", "matrix", "moments", "sdpbound, ms", "ncpol2sdpa, ms", "the same in observables, ms", "ratio"),
        "ncpol2sdpa: in projectors, as documented, and through `Quantum(generator='ncpol2sdpa')`; the ratio is to the "
        "faster of the two. sdpbound: words, moment matrix and the map to behaviours, nothing cached.",
    )
    for level in ("1+AB", "2", "3") if report.quick else ("1+AB", "2", "3", "4"):
        model = sb.Quantum(level)
        ours = median_seconds(lambda m=model: m.relax(THREE), 21 if level != "4" else 5, clear_caches)
        repeats = {"1+AB": 5, "2": 5, "3": 1 if report.quick else 3, "4": 1}[level]
        words = generating_words(THREE, level)
        with quiet():
            projectors = median_seconds(lambda lv=level: peers.ncpol2sdpa_build(3, lv), repeats)
            observables = median_seconds(lambda w=words: moment_matrix_by_ncpol2sdpa(THREE, w), repeats)
        relaxation = model.relax(THREE)
        ratio = min(projectors, observables) / ours
        n = len(relaxation.blocks[0])
        table.add(level, f"{n} x {n}", relaxation.variables - 1, 1e3 * ours, 1e3 * projectors, 1e3 * observables, ratio)
        if level in ("2", "3"):
            limit = 100.0 if level == "2" else 500.0
            report.target(f"building I3322 level {level}, times faster than ncpol2sdpa", ratio, limit, at_least=True)


def whole_call(report: Report) -> None:
    table = report.table(
        "Whole call of `maximize(i3322(), Quantum(level))` and the bare solver",
        (
            "level",
            "cold, ms",
            "warm, ms",
            "assemble",
            "solve",
            "certify",
            "by",
            "bare, ms",
            "bare solver",
            "cold / bare",
        ),
        "cold: every cache cleared, building included. assemble, solve, certify: of the cold call. bare: the fastest "
        "installed solver on the plain program (no symmetry used) whose own value is right within 1e-6, out of "
        "tolerances 1e-7, 1e-8, 1e-9; its set-up is included. Both run in turns; medians.",
    )
    details = report.table("Every bare solver tried", ("level", "solver", "ms", "its value minus the bound"))
    expression = sb.i3322()
    sb.maximize(expression, sb.Quantum("3"), solver="qics")  # numba compiles once for a process
    for level in ("1+AB", "2", "3") if report.quick else ("1+AB", "2", "3", "4"):
        model = sb.Quantum(level)
        repeats = {"1+AB": 41, "2": 41, "3": 7, "4": 1}[level]
        program = plain_inequality(bell_question(expression), model)
        with quiet():
            bare, tried, again = fastest(program, I3322[level])
        runs: list[tuple[float, sb.Bound]] = []
        bare_times: list[float] = []
        for _ in range(repeats):  # in turns, so that both see the same machine
            clear_caches()
            start = perf_counter()
            bound = sb.maximize(expression, model)
            runs.append((perf_counter() - start, bound))
            start = perf_counter()
            with quiet():
                again()
            bare_times.append(perf_counter() - start)
        cold, bound = sorted(runs, key=lambda run: run[0])[len(runs) // 2]
        bare_seconds = sorted(bare_times)[len(bare_times) // 2]
        warm = median_seconds(lambda m=model: sb.maximize(expression, m), repeats)
        parts = [1e3 * bound.seconds[k] for k in ("assemble", "solve", "certify")]
        table.add(
            level, 1e3 * cold, 1e3 * warm, *parts, bound.solver, 1e3 * bare_seconds, bare.name, cold / bare_seconds
        )
        for one in sorted(tried, key=lambda b: b.seconds):
            details.add(level, one.name, 1e3 * one.seconds, f"{one.value - I3322[level]:.1e}")
        if level != "1+AB":
            report.target(f"whole call over bare solver, I3322 level {level}", cold / bare_seconds, 1.3)


def sweep(report: Report) -> None:
    count = 200
    points = family(count)
    expressions = [p.expression for p in points]
    model = sb.Quantum("1+AB")
    exact = np.array([p.quantum_bound for p in points])
    table = report.table(
        f"Sweep: {count} points of the family at level 1+AB",
        ("what", "ms a point", "over bare Clarabel", "largest error", "smallest error"),
        "bare Clarabel: 9 x 9, 16 moments, its input prepared outside the clock, its default settings, tolerance 1e-9. "
        "Errors: value minus the exact quantum bound; negative is below the truth.",
    )
    inputs = [clarabel_input(plain_inequality(bell_question(e), model)) for e in expressions]
    sb.maximize(expressions[0], model)
    bare, ours = paired_seconds(
        lambda: [clarabel_direct(d) for d in inputs], lambda: [sb.maximize(e, model) for e in expressions], 9
    )
    bare, ours = bare / count, ours / count
    values = np.array([clarabel_direct(d) for d in inputs])
    table.add("bare Clarabel", 1e3 * bare, 1.0, float((values - exact).max()), float((values - exact).min()))

    bounds = [sb.maximize(e, model) for e in expressions]
    errors = np.array([b.value for b in bounds]) - exact
    table.add("sdpbound, certified", 1e3 * ours, ours / bare, float(errors.max()), float(errors.min()))
    for part in ("assemble", "solve", "certify"):
        seconds = float(np.mean([b.seconds[part] for b in bounds]))
        table.add(f"of it {part}", 1e3 * seconds, seconds / bare, "", "")
    report.target("sweep of 200 points over bare Clarabel", ours / bare, 2.0)

    with quiet():
        by_cvxpy = peers.cvxpy_bell_values(2)
        by_cvxpy(expressions[0])
        start = perf_counter()
        errors = np.array([by_cvxpy(e) for e in expressions]) - exact
        seconds = (perf_counter() - start) / count
        table.add("cvxpy, parametrised", 1e3 * seconds, seconds / bare, float(errors.max()), float(errors.min()))

        relaxation, a, b = peers.ncpol2sdpa_build(2, "1+AB")
        few = 10 if report.quick else 40
        found, setting = [], 0.0
        start = perf_counter()
        for e in expressions[:few]:
            begun = perf_counter()
            relaxation.set_objective(peers.ncpol2sdpa_objective(e, a, b))
            setting += perf_counter() - begun
            relaxation.solve(solver="cvxpy", solverparameters=dict(peers.CLARABEL))
            found.append(-relaxation.primal)
        seconds = (perf_counter() - start) / few
        errors = np.array(found) - exact[:few]
        name = f"ncpol2sdpa, relaxation re-used, its cvxpy path ({few} points)"
        table.add(name, 1e3 * seconds, seconds / bare, float(errors.max()), float(errors.min()))
        table.add("of it set_objective alone", 1e3 * setting / few, setting / few / bare, "", "")

        if find_spec("toqito") is None:
            table.add("toqito: not installed", "", "", "", "")
        else:
            peers.toqito_bell_value(expressions[0], "1+AB")
            few = 5 if report.quick else 40
            start = perf_counter()
            errors = np.array([peers.toqito_bell_value(e, "1+AB") for e in expressions[:few]]) - exact[:few]
            seconds = (perf_counter() - start) / few
            name = f"toqito ({few} points)"
            table.add(name, 1e3 * seconds, seconds / bare, float(errors.max()), float(errors.min()))


def guessing(report: Report) -> None:
    table = report.table(
        "Guessing probabilities of a noisy point, full data",
        (
            "what",
            "level",
            "sdpbound cold, ms",
            "warm, ms",
            "cvxpy, ms",
            "cvxpy / warm",
            "certified value",
            "cvxpy's value",
        ),
        "theta = pi/3, phi = 0.45 pi, omega = pi, visibility 0.98, x = 0; global: y = 1. cvxpy: by hand, built and "
        "solved with Clarabel at 1e-9; its value is a primal objective. ncpol2sdpa would need normalized=False here, "
        "which it ignores with the current sympy; toqito has no such function.",
    )
    data = sb.Observations.full(NOISY)
    for y in (None, 1):
        for level in ("1+AB", "2"):
            model = sb.Quantum(level)
            bound = sb.guessing_probability(data, model, 0, y)
            cold = median_seconds(lambda m=model, y=y: sb.guessing_probability(data, m, 0, y), 9, clear_caches)
            warm = median_seconds(lambda m=model, y=y: sb.guessing_probability(data, m, 0, y), 9)
            with quiet():
                value = peers.cvxpy_guessing_probability(NOISY, level, y)
                other = median_seconds(lambda lv=level, y=y: peers.cvxpy_guessing_probability(NOISY, lv, y), 5)
            name = "local" if y is None else "global"
            shown = f"{bound.value:.10f}", f"{value:.10f}"
            table.add(name, level, 1e3 * cold, 1e3 * warm, 1e3 * other, other / warm, *shown)


def no_signaling(report: Report) -> None:
    table = report.table(
        "No-signaling guessing probability for CHSH = 2.4",
        ("what", "ms", "over bare", "value minus exact"),
        "bare: scipy's HiGHS on the program in probabilities, its tables prepared outside the clock.",
    )
    exact = 3 / 2 - 2.4 / 4
    solve = peers.scipy_no_signaling_guessing(2.4)
    bare = median_seconds(solve, 15)
    table.add("scipy, bare", 1e3 * bare, 1.0, f"{solve() - exact:.1e}")
    data = sb.Observations.bell_value(sb.chsh(), 2.4)
    for name, before in (("sdpbound, cold", clear_caches), ("sdpbound, warm", None)):
        seconds = median_seconds(lambda: sb.guessing_probability(data, sb.NoSignaling()), 15, before)
        value = sb.guessing_probability(data, sb.NoSignaling()).value
        table.add(name, 1e3 * seconds, seconds / bare, f"{value - exact:.1e}")


def fresh_process(report: Report) -> None:
    table = report.table(
        "I3322 in a fresh process",
        ("level", "s, first call", "peak MB", "certified value"),
        "The first call of a process: imports of solvers and numba's compilation are in it. Peak: of the process.",
    )
    for level in ("3",) if report.quick else ("3", "4"):
        runs = [
            in_fresh_process("import sdpbound as sb", f"sb.maximize(sb.i3322(), sb.Quantum('{level}')).value")
            for _ in range(3 if level == "3" else 1)
        ]
        run = sorted(runs, key=lambda r: r["seconds"])[len(runs) // 2]
        table.add(level, run["seconds"], run["peak_mb"], f"{run['value']:.10f}")
        if level == "3":
            report.target("I3322 level 3, seconds, first call of a process", run["seconds"], 1.5)
            report.target("I3322 level 3, peak MB", run["peak_mb"], 300.0)
        else:
            report.target(
                "I3322 level 4, distance of certified value from 0.2508754", abs(run["value"] - 0.2508754), 1e-6
            )
            report.target("I3322 level 4, certified minus quantum value", run["value"] - I3322_QUANTUM, 0.0, True)


def accuracy(report: Report) -> None:
    table = report.table(
        "Accuracy: certified minus exact", ("quantity", "points", "largest", "smallest"), "Negative would be wrong."
    )
    count = 200 if report.quick else 1000
    points = family(count, seed=1)
    for level in ("1", "1+AB"):
        errors = [sb.maximize(p.expression, sb.Quantum(level)).value - p.quantum_bound for p in points]
        table.add(f"family's quantum bound, level {level}", count, max(errors), min(errors))
        report.target(f"family's quantum bound at {count} points, level {level}, largest error", max(errors), 1e-6)
        report.target("the same, smallest error (the closed form rounds by 1e-12)", min(errors), -1e-12, True)
    for level in ("1", "1+AB", "2", "3"):
        value = sb.maximize(sb.i3322(), sb.Quantum(level)).value
        error = value - I3322[level]
        table.add(f"I3322, level {level}", 1, error, error)
        report.target(f"I3322 level {level}, distance of certified value from {I3322[level]}", abs(error), 1e-5)
        report.target(f"I3322 level {level}, certified minus quantum value", value - I3322_QUANTUM, 0.0, True)
    for name, model, values in (
        ("quantum", sb.Quantum("1+AB"), np.linspace(2.0, 8**0.5, 21)),
        ("no-signaling", sb.NoSignaling(), np.linspace(2.0, 4.0, 21)),
    ):
        errors = []
        for s in values.tolist():
            exact = 0.5 + 0.5 * max(2.0 - s * s / 4, 0.0) ** 0.5 if name == "quantum" else 1.5 - s / 4
            errors.append(sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), s), model).value - exact)
        table.add(f"guessing probability for a CHSH value, {name}", len(values), max(errors), min(errors))
        report.target(f"guessing probability for a CHSH value, {name}, largest error", max(errors), 1e-5)
        report.target(f"the same, {name}, smallest error", min(errors), -1e-12, True)


CASES: dict[str, Callable[[Report], None]] = {
    case.__name__: case
    for case in (building, sweep, guessing, no_signaling, accuracy, fresh_process, whole_call, runner, million_rows)
}
