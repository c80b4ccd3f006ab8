"""Which solver to use: by name, or by the shape of the program."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.solvers.clarabel_ import Clarabel
from sdpbound.conic.solvers.cvxpy_ import Cvxpy
from sdpbound.conic.solvers.highs_ import Highs
from sdpbound.conic.solvers.qics_ import Qics
from sdpbound.conic.solvers.scs_ import Scs
from sdpbound.conic.solvers.sdpa_ import Sdpa
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver

__all__ = ["NAMES", "available", "by_name", "candidates"]

# The modules above import their packages only in solve(), so a missing package breaks nothing here.
_KNOWN: dict[str, type[Solver]] = {
    "clarabel": Clarabel,
    "sdpa": Sdpa,
    "qics": Qics,
    "scs": Scs,
    "highs": Highs,
    "cvxpy": Cvxpy,
}
#: The names of all solvers but those that cvxpy calls, "cvxpy:NAME".
NAMES = frozenset(_KNOWN) - {"cvxpy"}
_PACKAGE = {"sdpa": "sdpa-python", "highs": "scipy"}

# Measured on moment matrices (one thread). Clarabel is fastest up to 12, its time grows like n^6. SDPA is as fast as
# QICS from there to 40 without the second that numba compiles, and 2 to 4 times as fast with many blocks. QICS is 2 to
# 4 times as fast as SDPA on a few large blocks.
_CLARABEL_UP_TO = 12
_QICS_FROM = 40
_QICS_BLOCKS = 8


def available() -> dict[str, type[Solver]]:
    """The solvers installed here, by name; "cvxpy" stands for any "cvxpy:NAME"."""
    return {name: kind for name, kind in _KNOWN.items() if kind.installed()}


def by_name(name: str, tolerance: float | None = None) -> Solver:
    """The solver of that name: "clarabel", "sdpa", "qics", "scs", "highs" or "cvxpy:NAME", as in "cvxpy:MOSEK".

    ``tolerance`` is the relative accuracy asked of it; the solver's own default if None.

    Raises
    ------
    InvalidSolver
        If the name is unknown or its package is not installed.
    """
    settings = {} if tolerance is None else {"tolerance": tolerance}
    head, colon, backend = name.partition(":")
    key = head.strip().lower()
    if key == "cvxpy" and backend.strip():
        _require_installed("cvxpy")
        return Cvxpy(**settings, backend=backend.strip().upper())
    if key not in _KNOWN or key == "cvxpy" or colon:
        allowed = [known for known in _KNOWN if known != "cvxpy"]
        text = ", ".join(allowed) + ' or cvxpy:NAME, for example "cvxpy:CVXOPT"'
        near = ["cvxpy:CVXOPT"] if key == "cvxpy" else get_close_matches(key, allowed, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise InvalidSolver(f"unknown solver {name!r}: allowed are {text}{hint}")
    _require_installed(key)
    return _KNOWN[key](**settings)


def candidates(program: LinearMatrixInequality, tolerance: float = 1e-9) -> tuple[Solver, ...]:
    """The installed solvers worth trying on this program, best first.

    Linear programs go to HiGHS. Otherwise the largest block decides: Clarabel up to 12; QICS from 40 if there are at
    most 8 blocks; SDPA in all other cases. SCS comes last.
    """
    if not program.sizes:
        order: tuple[str, ...] = ("highs", "clarabel", "scs")
    elif max(program.sizes) <= _CLARABEL_UP_TO:
        order = ("clarabel", "sdpa", "qics", "scs")
    elif max(program.sizes) >= _QICS_FROM and len(program.sizes) <= _QICS_BLOCKS:
        order = ("qics", "sdpa", "clarabel", "scs")
    else:
        order = ("sdpa", "qics", "clarabel", "scs")
    return tuple(_KNOWN[name](tolerance=tolerance) for name in order if _installed(name))


@cache
def _installed(name: str) -> bool:
    return _KNOWN[name].installed()


def _require_installed(name: str) -> None:
    if not _KNOWN[name].installed():
        raise InvalidSolver(f"solver {name!r} is not installed here: pip install {_PACKAGE.get(name, name)}.")
