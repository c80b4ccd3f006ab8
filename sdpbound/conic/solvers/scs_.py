"""SCS: a first-order solver. Its dual is inaccurate, so this is the last resort: certified, it still gives a bound.

It minimises ``c @ x`` with ``A x + s = b``, ``s`` in the cone: linear rows first, then the lower triangle column by
column, off-diagonal entries times sqrt(2). With D the scaling and P the reordering, ``A = -P D matrix``,
``b = P D constant`` and ``X = D^-1 P^T y``.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.silence import muted, silent
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure
from sdpbound.limiting import go_on, note, time_left

__all__ = ["Scs"]

_BEST_TOLERANCE = 1e-7  # below this a first-order method spends its iterations in vain
_MAX_ITERATIONS = 50_000

_STATUS = {
    1: Status.SOLVED,
    2: Status.ALMOST_SOLVED,  # stopped by a limit, close to a solution
    -1: Status.UNBOUNDED,
    -2: Status.INFEASIBLE,
    -6: Status.UNBOUNDED,
    -7: Status.INFEASIBLE,
    -5: Status.STOPPED,
}
_INTERRUPTED, _CUT = -5, 2
#: The most seconds of a slice; shorter ones lose much of what is learned in between.
_SLICE = 3.0


@dataclass(frozen=True, slots=True)
class Scs(Solver):
    """SCS with a direct linear solver. ``tolerance`` below 1e-7 is read as 1e-7.

    >>> import sdpbound as sb
    >>> bound = sb.maximize(sb.chsh(), sb.Quantum("1"), solver=sb.Scs(tolerance=1e-8))
    >>> round(bound.value, 6), bound.solver
    (2.828427, 'scs')
    """

    package: ClassVar[str] = "scs"
    module: ClassVar[str] = "scs"
    license: ClassVar[str] = "MIT"
    first_order: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "scs"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        return 9.0

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        try:
            import scs  # noqa: F401
        except ImportError as error:
            raise InvalidSolver("scs is not installed: pip install scs.") from error

        vectors.require_finite(program, self.name)
        start = perf_counter()
        order = vectors.lower_order(program.linear, program.sizes)
        scale = vectors.scale(program.linear, program.sizes)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        matrix = vectors.scaled_matrix(program, -1.0)
        matrix = sp.csc_matrix((matrix.data, place[matrix.indices], matrix.indptr), shape=matrix.shape)
        matrix.sort_indices()
        data = {"A": matrix, "b": (program.constant * scale)[order], "c": -program.cost}
        cone = {"l": program.linear, "s": list(program.sizes)}
        tolerance = max(self.tolerance, _BEST_TOLERANCE)
        settings = dict.fromkeys(("eps_abs", "eps_rel", "eps_infeas"), tolerance)
        try:
            answer = _solved(data, cone, settings, self.time_limit, program.offset)
        except (ValueError, RuntimeError, MemoryError, ArithmeticError) as error:
            raise SolverFailure(f"scs failed ({error}); try solver clarabel or sdpa.") from error
        info = answer["info"]
        dual = np.empty(order.size)
        dual[order] = answer["y"]
        dual /= scale
        return vectors.result(
            program,
            self.name,
            _STATUS.get(info["status_val"], Status.FAILED),
            vectors.unfold(dual, program.linear, program.sizes),
            dual[: program.linear],
            seconds=perf_counter() - start,
            iterations=info["iter"],
            message=info["status"],
            solution=np.asarray(answer["x"]),
        )


def _solved(data: dict[str, Any], cone: dict[str, Any], settings: dict[str, float], limit: float, offset: float) -> Any:
    """The answer of SCS; within a limit of time its work is cut into slices, each begun where the last one ended.

    SCS catches Ctrl-C while it works, gives nothing back then, and nobody else hears of it. So within a limit Ctrl-C
    waits for the end of a slice; where another thread takes it, the slice before answers.
    """
    import scs

    begun = monotonic()
    count = math.ceil(limit / _SLICE) if time_left() < math.inf else 1
    with silent(1, 2), muted():
        engine = scs.SCS(
            data, cone, time_limit_secs=limit / count, max_iters=_MAX_ITERATIONS, verbose=False, **settings
        )
    best, iterations, slices = None, 0, 0
    while True:
        with silent(1, 2), muted(), nullcontext() if count == 1 else _interrupts_after():
            found = engine.solve(warm_start=iterations > 0)
        info = found["info"]
        if info["status_val"] == _INTERRUPTED:
            signal.raise_signal(signal.SIGINT)
            best = best or found
            best["info"] |= {"status_val": _INTERRUPTED, "status": "interrupted"}
            return best
        iterations += int(info["iter"])
        note(f"iteration {iterations}", offset - float(info["dobj"]))
        best, slices = found, slices + 1
        best["info"]["iter"] = iterations
        spent = monotonic() - begun
        late = spent + 0.7 * spent / slices >= limit or iterations >= _MAX_ITERATIONS
        if count == 1 or info["status_val"] != _CUT or late or not go_on():
            return best


@contextmanager
def _interrupts_after() -> Iterator[None]:
    """SIGINT waits for the end of the block where there is no other thread to take it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
