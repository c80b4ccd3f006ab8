"""Limits of time: what is cut short is proven, what is not is as ever, and nothing that was cut short is kept."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from numba.core import event

import sdpbound as sb
from sdpbound.bell import enumeration
from sdpbound.bounds import room, solving
from sdpbound.bounds.assemble import assemble
from sdpbound.bounds.bell_value import bell_question
from sdpbound.compiling import COMPILING, Announcer
from sdpbound.conic import LinearMatrixInequality, Status
from sdpbound.conic.solvers.apart import solve_apart
from sdpbound.conic.solvers.choose import solvers_for
from sdpbound.conic.solvers.silence import silent
from sdpbound.conic.solvers.solver import ask
from sdpbound.entropies.qubit_starts import StartedQubits
from sdpbound.limiting import as_many_as_fit, doing, go_on, note, proven, require_time, reserved, time_left, unlimited
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.answers.limits import statuses
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan

#: The largest known quantum value of I3322: Pal and Vertesi, arXiv:1006.3032.
LEAST_I3322 = 0.250875384514
#: Seconds that a call may take beyond its limit here: a proof, on a machine that is busy.
GRACE = 8.0


def program(level: str) -> LinearMatrixInequality:
    """That of I3322 at a level, symmetries left unused."""
    assembly = assemble(bell_question(sb.i3322(), None, "upper"), sb.Quantum(level), symmetry=False)
    return assembly.reduction.inequality(assembly.program)


def chained(settings: int) -> sb.Observations:
    """All probabilities of chained settings at visibility 0.98."""
    return sb.Observations.full(sb.family_named("chained").member(settings=settings).behaviour(visibility=0.98))


@contextmanager
def quick(seconds: float) -> Iterator[None]:
    """What a block does is done after so many seconds, and some grace."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds + GRACE


# -- what is cut short, and what is not -----------------------------------------------------------------------------


def test_enough_time_changes_nothing() -> None:
    plain = sb.maximize(sb.i3322(), sb.Quantum("2"))
    entropy = sb.conditional_entropy(chained(2), x=0, method="qubit")
    with sb.limits(1000.0) as limit:
        assert sb.maximize(sb.i3322(), sb.Quantum("2")).value == plain.value
        assert sb.conditional_entropy(chained(2), x=0, method="qubit").value == entropy.value
    assert not limit.stopped and not limit.interrupted


@pytest.mark.parametrize("solver", [None, "scs", "qics", "arrow"])
def test_a_large_program(solver: str | None) -> None:
    """A bound that a solver had no time for holds; no solver has an optimum of 867 moments after 0.2 s."""
    if solver == "qics":
        pytest.importorskip("qics")  # not on every Python
    with quick(0.2), sb.limits(0.2) as limit:
        bound = sb.maximize(sb.i3322(), sb.Quantum("3"), solver=solver, symmetry=False)
    assert limit.stopped and bound.is_stopped and bound.status == "stopped"
    assert bound.value > LEAST_I3322
    checked = bound.certificate.verify()
    assert checked.holds and checked.value <= bound.value
    assert "stopped" in repr(bound)


@pytest.mark.slow
def test_the_first_answer_is_of_use() -> None:
    """A first-order solver comes first where no interior-point method will end: it proves more than the trivial 2."""
    with quick(1.5), sb.limits(1.5):
        bound = sb.maximize(sb.i3322(), sb.Quantum("4"), symmetry=False)
    assert bound.solver == "scs" and 0.25087540 < bound.value < 1.5


def test_the_order_of_solvers() -> None:
    large = program("3")
    plain = solvers_for(None, large, 1e-9)
    with sb.limits(1e6):
        assert solvers_for(None, large, 1e-9) == plain
    with sb.limits(1e-3):
        found = [solver.name for solver in solvers_for(None, large, 1e-9)]
    assert found[0] == "scs" and found[-1] == "sdpa" and set(found) == {solver.name for solver in plain}


def test_an_entropy() -> None:
    """Cut short at any time the bound is below an attack, and it never falls with more time by more than rounding."""
    data = chained(3)
    attack = 0.87106  # of the page on entropies
    bounds = []
    for seconds in (0.4, 0.8):
        with quick(seconds), sb.limits(seconds):
            bounds.append(sb.conditional_entropy(data, x=0, method=sb.VonNeumann("projective", tolerance=1e-6)))
    assert all(bound.is_stopped and bound.certificate.verify().holds for bound in bounds)
    assert 0.0 <= bounds[0].value <= attack and 0.0 <= bounds[1].value <= attack
    assert any("may be" in note for note in bounds[1].notes)


def test_the_best_method_so_far() -> None:
    """Ten settings: the bound on coarser data stands where the time is over for those as they are."""
    data = chained(5)
    with quick(1.5), sb.limits(1.5) as limit:
        bound = sb.conditional_entropy(data, x=0)
    assert limit.stopped and bound.is_stopped and 0.0 <= bound.value < 0.95
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_guesses() -> None:
    """Magic square devices with noise: Eve's guess of an outcome of four, from the Bell value at level 2."""
    noisy = sb.Observations.bell_value(sb.magic_square(), 0.95)
    with quick(2.5), sb.limits(2.5):
        bound = sb.guessing_probability(noisy, sb.Quantum("2"), 0)
    assert 0.25 <= bound.value <= 1.0 and bound.certificate.verify().holds


def test_an_attack() -> None:
    larger = chained(4)
    with suppress(sb.TimeIsUp), sb.limits(0.3):  # symmetries are found once
        sb.conditional_entropy_upper_bound(larger, 0)
    with quick(0.3), sb.limits(0.3), pytest.raises(sb.TimeIsUp, match="before a mixture of strategies had"):
        sb.conditional_entropy_upper_bound(larger, 0)
    data = chained(3)
    devices = sb.family_named("chained").member(settings=3).strategy
    with quick(0.3), sb.limits(0.3):
        attack = sb.conditional_entropy_upper_bound(data, 0, strategies=[devices])
    assert attack.is_stopped and attack.exact and 0.87 < attack.value <= 1.0


def test_a_see_saw() -> None:
    with quick(0.3), sb.limits(0.3) as limit:
        value, strategy = sb.see_saw(sb.chained(6), 4, restarts=10**6, rng=1)
    assert limit.stopped
    assert value == sb.chained(6).value(strategy.behaviour()) <= 12.0 * math.cos(math.pi / 12.0) + 1e-9


def test_a_threshold() -> None:
    ideal = sb.SingletSelfTest(1.0, 1.5, 2.6)
    calls = 0

    class Slow(sb.SweptEntropy):
        def lower_bound(self, question: sb.KeyQuestion) -> sb.Bound:
            nonlocal calls
            calls += 1
            bound = super().lower_bound(question)
            if calls == 1:
                limit.interrupt()
            return bound

    with sb.limits() as limit:
        found = sb.critical_visibility(ideal, x=0, y=0, attack=True, entropy=Slow(1e-4), start=0.97)
    assert calls == 1 and found.alive == 0.97 and found.dead is None and "time was over" in found.open
    assert found.alive_rate is not None and found.alive_rate.value > 0.0
    with sb.limits() as limit, pytest.raises(sb.TimeIsUp, match="before a rate above 0 was proven"):
        limit.interrupt()
        sb.critical_visibility(ideal, x=0, y=0)


def test_rates_of_several_settings() -> None:
    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
    calls: list[int] = []

    class Slow(sb.MinEntropy):
        def lower_bound(self, question: sb.KeyQuestion) -> sb.Bound:
            calls.append(question.x or 0)
            require_time()
            bound = super().lower_bound(question)
            limit.interrupt()
            return bound

    with sb.limits() as limit:
        rate = sb.key_rate(behaviour, entropy=Slow(sb.Quantum("1+AB")), closed_forms=False)
    assert calls == [0, 1] and rate.settings[0] == 0
    assert rate.value == sb.key_rate(behaviour, x=0, entropy=sb.MinEntropy(sb.Quantum("1+AB"))).value


def test_a_problem_of_operators() -> None:
    x, y = sb.Operator.hermitians("x y")
    problem = sb.Problem([x, y], rules=[(x * x, x)], inequalities=[-y * y + y + 0.5])
    with sb.limits(1e-9), pytest.raises(sb.TimeIsUp, match="time limit of 1e-09 s"):
        problem.minimize(x * y + y * x, "2")
    assert -0.75 - 1e-5 < problem.minimize(x * y + y * x, "2").value <= -0.75


def test_nothing_is_proven_yet() -> None:
    with (
        sb.limits(1e-9) as limit,
        pytest.raises(sb.TimeIsUp, match=r"time limit of 1e-09 s came before .* lower level"),
    ):
        sb.maximize(sb.chsh(), sb.Quantum("1"))
    assert limit.stopped and issubclass(sb.TimeIsUp, sb.SolverFailure)
    assert sb.maximize(sb.chsh(), sb.Quantum("1")).status == "solved"


def test_a_step_that_will_not_end() -> None:
    with sb.limits(10.0) as limit, pytest.raises(sb.TimeIsUp, match=r"about 1e\+02 s"):
        require_time(100.0)
    assert limit.stopped
    require_time(1e9)  # where there is no limit every step is taken
    with sb.limits(), unlimited():
        require_time(1e9)


def test_time_for_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver ends before its time, as its dual has to be lifted and factored; what is too long is not begun."""
    with sb.limits(10.0):
        with reserved(3.0):
            assert 6.0 < time_left() <= 7.0
        with reserved(100.0):
            assert 4.0 < time_left() <= 5.0
        require_time(15.0, last=True)
    with sb.limits(1e-9) as limit:
        require_time(0.5, last=True)
        with pytest.raises(sb.TimeIsUp, match=r"a single step would take about 3 s"):
            require_time(3.0, last=True)
    assert limit.stopped
    monkeypatch.setattr(solving, "PROOF", 1.0)
    with sb.limits(5.0), pytest.raises(sb.TimeIsUp, match=r"a single step would take"):
        sb.maximize(sb.chsh(), sb.Quantum("1"))
    assert sb.maximize(sb.chsh(), sb.Quantum("1")).status == "solved"


def test_an_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A local bound has no part of use: it ends between two calls of the compiled loop, whose sizes change nothing."""
    rng = np.random.default_rng(5)
    large = sb.BellExpression.from_correlators(rng.integers(-3, 4, (24, 24)))
    with quick(0.1), sb.limits(0.1) as limit, pytest.raises(sb.TimeIsUp, match=r"the time limit of 0\.1 s came"):
        sb.maximize(large, sb.Local())
    assert limit.stopped
    scenario = sb.Scenario(((2,) * 5, (2,) * 4, (3, 2, 2, 2)))
    small = sb.BellExpression(scenario, rng.integers(-3, 4, scenario.shape).astype(float))
    by_arrays = sb.maximize(small, sb.Local()).value
    monkeypatch.setattr(enumeration, "FEW", 0)
    assert sb.maximize(small, sb.Local()).value == by_arrays
    monkeypatch.setattr(enumeration, "UNCUT", 1 << 9)
    assert sb.maximize(small, sb.Local()).value == by_arrays


def test_compilations_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Of this package's loops, those of others are theirs; in the line of progress where there is one."""

    def loop(x: int) -> int:
        return x + 1

    with event.install_recorder("numba:compile") as recorder:
        numba.njit(loop)(1)
    begun = [told for _, told in recorder.buffer if told.is_start]
    assert begun
    announcer = Announcer()
    announcer.on_start(begun[0])
    assert capsys.readouterr().err == ""
    loop.__module__ = "sdpbound.somewhere"
    announcer.on_start(begun[0])
    announcer.on_start(begun[0])
    assert capsys.readouterr().err == COMPILING + "\n"
    texts: list[str] = []
    with sb.limits(progress=texts.append):
        Announcer().on_start(begun[0])
    assert texts[0].startswith(COMPILING) and capsys.readouterr().err == ""


def test_blocks_in_blocks() -> None:
    with sb.limits(100.0) as outer:
        with sb.limits(1e-9) as inner:
            assert time_left() == 0.0 and not go_on()
        assert 0.0 < time_left() <= 100.0 and go_on()
        with sb.limits(1000.0):
            assert time_left() <= 100.0
        with unlimited():
            assert time_left() == math.inf
    assert inner.stopped and outer.stopped and time_left() == math.inf
    made = []
    with sb.limits() as limit:

        def make(key: int) -> int:
            require_time()
            made.append(key)
            limit.interrupt()
            return key

        assert as_many_as_fit((1, 2), make) == {1: 1} and made == [1]


@pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, True, "2"])
def test_no_seconds(seconds: Any) -> None:
    with pytest.raises(sb.InvalidParameter, match="above 0, or None"), sb.limits(seconds):
        pass


def test_limits_of_a_study_are_its_own() -> None:
    """What a store keeps is computed in full, whatever is around; and no answer of a store may say that it was not."""
    content = {
        "name": "full",
        "visibilities": [0.98],
        "observed": ["correlators"],
        "adversaries": [{"model": "quantum", "level": "1+AB"}],
        "quantities": ["key_rate", "guess_local"],
        "family": {"kind": "singlet", "theta": [1.0], "phi": [1.5], "omega": [2.6]},
    }
    for task in [task for group in Plan(parse_spec(content)) for task in group]:
        plain = [row["value"] for rows in evaluate(task).cells for row in rows]
        with sb.limits(1e-9) as limit:
            answer = evaluate(task)
        assert [row["value"] for rows in answer.cells for row in rows] == plain and None not in plain
        assert not limit.stopped
        assert not any("stopped" in statuses(quantity) for quantity in task.quantities)


# -- solvers --------------------------------------------------------------------------------------------------------


def test_a_solver_that_cannot_stop() -> None:
    large = program("4")
    with quick(0.5), sb.limits(0.5), pytest.raises(sb.TimeIsUp, match=r"sdpa was not done in time.*arrow"):
        ask(sb.Sdpa(), large)


def test_a_process_of_its_own_computes_the_same() -> None:
    small = program("1+AB")
    here, there = sb.Sdpa().solve(small), solve_apart(sb.Sdpa(), small)
    assert all(np.array_equal(a, b) for a, b in zip(here.duals, there.duals, strict=True))
    assert here.objective == there.objective and there.status is Status.SOLVED


def test_a_process_of_its_own_reads_more_than_a_pipe_holds() -> None:
    n = 20_000
    program = LinearMatrixInequality(-np.ones(n), 0.0, sp.csc_array(sp.eye_array(n)), np.ones(n), n, ())
    assert len(pickle.dumps(program)) > 2**17
    with quick(60.0), sb.limits(60.0):
        result = solve_apart(sb.Highs(), program)
    assert result.objective == pytest.approx(n) and result.linear_dual == pytest.approx(np.ones(n))


@pytest.mark.parametrize(
    "solver", [sb.Arrow(), sb.Qics(), pytest.param(sb.Clarabel(), marks=pytest.mark.slow), sb.Scs()], ids=repr
)
def test_the_time_limit_of_a_solver(solver: sb.Solver) -> None:
    if not solver.installed():
        pytest.skip("not on this Python")
    with quick(0.2), sb.limits(0.2) as limit:
        result = ask(solver, program("3"))
    assert result.status is Status.OUT_OF_TIME and limit.stopped


def test_silence(capfd: pytest.CaptureFixture[str]) -> None:
    def speak(text: bytes) -> None:
        os.write(1, text)
        os.write(2, text)

    with silent(1, 2):
        with silent(2):
            speak(b"one")
        speak(b"two")
    speak(b"three")
    assert capfd.readouterr() == ("three", "three")


class _PanicException(BaseException):
    """As pyo3 names what a panic in Rust becomes."""


_PanicException.__name__ = "PanicException"


@pytest.mark.parametrize("limited", [False, True])
def test_a_panic_is_not_seen(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], limited: bool) -> None:
    class Panics:
        def __init__(self, *_: object) -> None:
            pass

        def set_termination_callback(self, _: object) -> None:
            pass

        def solve(self) -> None:
            os.write(2, b"thread '<unnamed>' panicked at src/algebra/dense/svd.rs:1:1")
            raise _PanicException("called `Option::unwrap()` on a\n `None` value")

    monkeypatch.setattr("clarabel.DefaultSolver", Panics)
    with sb.limits(60.0) if limited else unlimited(), pytest.raises(sb.SolverFailure) as caught:
        ask(sb.Clarabel(), program("1+AB"))
    assert str(caught.value) == (
        "clarabel failed (called `Option::unwrap()` on a `None` value); try solver sdpa or qics."
    )
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("solver", [sb.Sdpa(), sb.Scs(), sb.Clarabel(), sb.Qics(), sb.Arrow(), sb.Highs()], ids=repr)
@pytest.mark.parametrize(
    "changes",
    [
        {"constant": np.array([1e300, 1e299, 1e300])},  # SCS: "could not determine problem status"
        {"matrix": sp.csc_array(np.array([[1e200], [1e200], [-1e200]]))},  # SDPA: "maxIteration is reached"
        {"matrix": sp.csc_array((3, 1))},
        {"constant": np.array([np.nan, 0.0, 1.0])},
        {"linear": 3, "sizes": (), "constant": np.array([-1.0, 1.0, -1.0])},  # contradictory
    ],
)
def test_solvers_do_not_print(solver: sb.Solver, changes: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    """On programs on which they do, if they are let: errors and stalls are in the answer, or in a sentence."""
    if not solver.installed():
        pytest.skip("not on this Python")
    plain = LinearMatrixInequality(
        np.ones(1), 0.0, sp.csc_array(np.array([[1.0], [0.0], [-1.0]])), np.array([1.0, 0.0, 1.0]), 0, (2,)
    )
    with suppress(sb.SolverFailure):
        ask(solver, replace(plain, **changes))
    assert capfd.readouterr() == ("", "")


# -- interrupts -----------------------------------------------------------------------------------------------------


@contextmanager
def pressed(*seconds: float) -> Iterator[None]:
    """Ctrl-C after so many seconds each, from another process as a terminal does it."""
    waits = " ".join(f"sleep {s}; kill -INT {os.getpid()};" for s in seconds)
    with subprocess.Popen(["sh", "-c", waits]) as process:
        yield
        process.terminate()


@pytest.mark.parametrize(
    "solver", ["arrow", "qics", *(pytest.param(name, marks=pytest.mark.slow) for name in ("clarabel", "scs"))]
)
def test_the_first_interrupt(solver: str) -> None:
    if solver == "qics":
        pytest.importorskip("qics")
    before = signal.getsignal(signal.SIGINT)
    with quick(0.4), pressed(0.4), sb.limits(60.0, on_interrupt=True) as limit:
        bound = sb.maximize(sb.i3322(), sb.Quantum("3"), solver=solver, symmetry=False)
    assert limit.interrupted and limit.stopped and bound.is_stopped
    assert bound.value >= LEAST_I3322 and bound.certificate.verify().holds
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_interrupt() -> None:
    with pressed(0.1, 0.1), sb.limits(on_interrupt=True) as limit, pytest.raises(KeyboardInterrupt):
        while True:
            time.sleep(0.01)
    assert limit.interrupted


def test_asked_from_another_thread() -> None:
    with quick(0.3), sb.limits() as limit:
        timer = threading.Timer(0.1, limit.interrupt)
        timer.start()
        bound = sb.maximize(sb.i3322(), sb.Quantum("3"), solver="arrow", symmetry=False)
        timer.join()
    assert bound.is_stopped and limit.stopped and bound.certificate.verify().holds


class _Stop(KeyboardInterrupt):
    pass


@pytest.mark.parametrize(
    "seconds", [pytest.param(s, marks=[] if s == 0.06 else pytest.mark.slow) for s in (0.003, 0.02, 0.06, 0.15, 0.3)]
)
def test_an_interrupted_call_leaves_nothing_behind(seconds: float) -> None:
    """Whenever it comes the next call gives the same number, and that of a sweep still holds."""
    data = chained(2)
    entropy = StartedQubits(1e-4)

    def bounds() -> list[float]:
        return [
            sb.maximize(sb.i3322(), sb.Quantum("2")).value,
            sb.guessing_probability(data, sb.Quantum("1+AB"), 0).value,
            sb.conditional_entropy(chained(3), method=sb.VonNeumann("projective", "1+AB", 8)).value,
        ]

    plain = bounds()
    before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(_Stop()))
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(_Stop):
            while True:
                bounds()
                sb.conditional_entropy(data, method=entropy)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert bounds() == plain
    swept = sb.conditional_entropy(data, method=entropy)
    assert abs(swept.value - sb.conditional_entropy(data, method=sb.VonNeumann("qubit", tolerance=1e-4)).value) < 1e-4


# -- progress -------------------------------------------------------------------------------------------------------


def test_texts_of_progress() -> None:
    texts: list[str] = []
    begun = time.monotonic()
    with sb.limits(0.9, progress=texts.append), suppress(sb.TimeIsUp):
        sb.conditional_entropy(chained(3), x=0, method=sb.VonNeumann("projective", tolerance=1e-6))
    assert 2 <= len(texts) <= 5.0 * (time.monotonic() - begun) + 12  # and one for each long program
    assert all(text.startswith("H(A|x=0,E), ") for text in texts) and any(", level " in text for text in texts)
    if not sb.Qics.installed():
        return
    wanted = "quantum, level 3, qics: 867 moments in 1 blocks of up to 88 rows, iteration"
    for seconds in (0.5, 3.0, 20.0):  # the iterations of a busy machine are long
        with sb.limits(seconds, progress=texts.append), suppress(sb.TimeIsUp):
            sb.maximize(sb.i3322(), sb.Quantum("3"), solver="qics", symmetry=False)
        if any(wanted in text for text in texts):
            break
    else:
        raise AssertionError(texts[-3:])


def test_parts_of_a_text() -> None:
    texts: list[str] = []
    with sb.limits(progress=texts.append), doing("H(A|x=0,E)", long=True):
        proven(lambda: "0.7312")
        with doing("8 nodes", lambda value: -value / 2.0):
            note("too soon after the one before")
            time.sleep(0.25)
            note("iteration 12", -1.4896)
            with doing("next", long=True):
                pass
    assert texts[0] == "H(A|x=0,E), 0 s"
    assert texts[-2] == "H(A|x=0,E), 8 nodes, iteration 12, proven 0.7312, estimate 0.7448, 0 s"
    assert texts[-1] == "H(A|x=0,E), 8 nodes, next, proven 0.7312, 0 s"
    assert len(texts) <= 4
    with pytest.raises(sb.InvalidParameter, match="a function of a text"), sb.limits(progress="yes"):  # type: ignore[arg-type]
        pass


class Terminal:
    """A stream that is a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_of_progress(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    stream = Terminal(terminal)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("COLUMNS", "80")
    with sb.limits(progress=True):
        for step in range(40):
            note(f"step {step}")
            time.sleep(0.01)
    if terminal:
        assert 2 <= stream.text.count("\rstep") <= 4
        assert stream.text.endswith(" \r"), "nothing is left behind"
        with sb.limits(progress=True), doing("what it is about, " + "x" * 200, long=True):
            time.sleep(0.25)
            note("how far it is")
        last = stream.text.rstrip("\r ").split("\r")[-1]
        assert len(last) <= 79 and last.startswith("what it is about, x") and last.endswith("how far it is, 0 s")
    else:
        assert stream.text.count("\n") == 1 and stream.text.startswith("step 0, 0 s\n")


# -- size -----------------------------------------------------------------------------------------------------------


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "memory_here", lambda: 1e6)
    with pytest.raises(sb.TooLarge) as caught:
        sb.maximize(sb.i3322(), sb.Quantum("3"), symmetry=False)
    for part in ("867 moments", "88 rows", "18.0 MB", "1.0 MB", "level '1+AB' fits (16 words", "solver='scs'"):
        assert part in str(caught.value)
    monkeypatch.undo()
    assert sb.maximize(sb.i3322(), sb.Quantum("2")).value > 0.25
