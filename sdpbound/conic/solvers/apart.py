"""A solver in a process of its own: one that cannot stop with what it has can be ended there, and nothing else is.

Within limits (:func:`sdpbound.limits`) a call of such a solver could last longer than the time that is left, and no
Ctrl-C would reach it. The process reads the solver and its program, and writes the answer: what it computes and how is
what this process would have done.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Protocol

from sdpbound.conic.program import LinearMatrixInequality, SolverResult
from sdpbound.errors import InvalidSolver, SdpboundError, SolverFailure, TimeIsUp
from sdpbound.limiting import go_on, note

__all__ = ["solve_apart"]

#: Seconds between looks at the time.
_LOOK = 0.1


class Asked(Protocol):
    """A solver, whose class stands above."""

    @property
    def name(self) -> str: ...

    def solve(self, program: LinearMatrixInequality) -> SolverResult: ...


def solve_apart(solver: Asked, program: LinearMatrixInequality) -> SolverResult:
    """The answer of a solver that is asked in another process.

    Raises TimeIsUp where the limits around end before it is done, SolverFailure where it has no answer or its process
    ends, and InvalidSolver where its package is not installed.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)}
    command = [sys.executable, "-P", "-m", "sdpbound.conic.solvers.apart"]
    # a file and not a pipe: what a pipe does not hold would be lost when communicate() looks at the time
    with TemporaryFile() as question:
        try:
            pickle.dump((solver, program), question)
            question.seek(0)
            process = subprocess.Popen(
                command, stdin=question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except (OSError, pickle.PicklingError, AttributeError, TypeError) as error:
            raise SolverFailure(f"{solver.name} could not be asked in a process of its own ({error}).") from error
        with process:
            try:
                text = _waited(process, solver.name)
            finally:
                process.kill()
    try:
        answer = pickle.loads(text)
    except Exception as error:  # the process has ended in the middle, in whatever way
        raise SolverFailure(
            f"{solver.name} ended without an answer, with status {process.returncode}; try solver clarabel."
        ) from error
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, SolverResult)
    return answer


def _waited(process: subprocess.Popen[bytes], name: str) -> bytes:
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_LOOK)[0]
        note("at work")
        if not go_on():
            raise TimeIsUp(
                f"{name} was not done in time, and it cannot stop with what it has; allow more time, or take solver "
                "arrow, qics or clarabel, which can."
            )


def main() -> None:
    """Answer one question of :func:`solve_apart`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked decides what an interrupt means
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a solver may print
    solver, program = pickle.load(sys.stdin.buffer)
    answer: SolverResult | SdpboundError
    try:
        answer = solver.solve(program)
    except (SolverFailure, InvalidSolver) as error:
        answer = error
    except Exception as error:  # errors of a solver's package may be of classes that the other process cannot read
        answer = SolverFailure(f"{solver.name} failed ({type(error).__name__} {error}).")
    with answers:
        pickle.dump(answer, answers)


if __name__ == "__main__":
    main()
