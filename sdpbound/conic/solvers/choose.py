"""Which solver to use: by name, or by the shape of the program."""

from __future__ import annotations

import math
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache

from sdpbound.conic.program import LinearMatrixInequality, SolverResult
from sdpbound.conic.solvers.arrow import Arrow
from sdpbound.conic.solvers.clarabel_ import Clarabel
from sdpbound.conic.solvers.cvxpy_ import Cvxpy
from sdpbound.conic.solvers.highs_ import Highs
from sdpbound.conic.solvers.qics_ import Qics
from sdpbound.conic.solvers.scs_ import Scs
from sdpbound.conic.solvers.sdpa_ import Sdpa
from sdpbound.conic.solvers.solver import BROKEN, Solver, ask, interior_seconds
from sdpbound.errors import InvalidSolver, SolverFailure, TimeIsUp
from sdpbound.limiting import time_left
from sdpbound.registry import Registry, concrete

__all__ = [
    "SOLVERS",
    "SolverChoice",
    "available",
    "by_choice",
    "by_name",
    "candidates",
    "first_answer",
    "names",
    "packages",
    "ranked",
    "solvers_for",
]

#: An interior-point method whose estimated time is so many times what is left gives a worse bound than a first-order
#: one: at 1.3 times it had I3322 at level 3 to 1e-3, at 100 times its bound at level 4 was trivial.
HOPELESS = 4.0
#: A solver, its name, or None for the best of those installed.
SolverChoice = Solver | str | None

# The modules above import their packages only in solve(), so a missing package breaks nothing here.
SOLVERS: Registry[type[Solver]] = Registry(
    "a solver",
    "sdpbound.solvers",
    {
        "clarabel": Clarabel,
        "sdpa": Sdpa,
        "qics": Qics,
        "arrow": Arrow,
        "scs": Scs,
        "highs": Highs,
        "cvxpy": Cvxpy,
    },
    concrete(Solver),
    "a subclass of sdpbound.Solver with all its methods",
)


@cache
def _known() -> dict[str, type[Solver]]:
    """All solvers by name, those of other packages last; looked for once in a process."""
    found = {name: SOLVERS.find(name) for name in SOLVERS.names()}
    return {name: kind for name, kind in found.items() if kind is not None}


def names() -> tuple[str, ...]:
    """The names of all solvers but those behind another, such as those that cvxpy calls, "cvxpy:NAME"."""
    return tuple(name for name, kind in _known().items() if not kind.example)


def packages() -> tuple[str, ...]:
    """The packages that bring the solvers, installed or not."""
    return tuple(dict.fromkeys(kind.package for kind in _known().values() if kind.package))


def available() -> dict[str, type[Solver]]:
    """The solvers installed here, by name; "cvxpy" stands for any "cvxpy:NAME"."""
    return {name: kind for name, kind in _known().items() if kind.installed()}


def by_name(name: str, tolerance: float | None = None) -> Solver:
    """The solver of that name, as in "clarabel", "highs" or "cvxpy:MOSEK"; large and small letters are the same.

    ``tolerance`` is the relative accuracy asked of it; the solver's own default if None.

    Raises
    ------
    InvalidSolver
        If the name is unknown or its package is not installed.
    """
    settings = {} if tolerance is None else {"tolerance": tolerance}
    head, colon, backend = name.partition(":")
    key, backend = head.strip().lower(), backend.strip().upper()
    kind = SOLVERS.find(key)
    if kind is None or bool(colon and backend) != bool(kind.example) or (colon and not backend):
        raise InvalidSolver(f"unknown solver {name!r}: {_allowed(key)}")
    if not kind.installed():
        raise InvalidSolver(f"solver {key!r} is not installed here: pip install {kind.wanted() or key}.")
    return kind.named(backend, settings)


def _allowed(key: str) -> str:
    """The end of the sentence about a name that is unknown."""
    behind = {f"{name}:NAME": f"{name}:{kind.example}" for name, kind in _known().items() if kind.example}
    text = ", ".join(names()) + "".join(f' or {form}, for example "{one}"' for form, one in behind.items())
    near = [one for one in behind.values() if one.startswith(f"{key}:")] or get_close_matches(key, names(), 1, 0.5)
    return f"allowed are {text}; did you mean {near[0]!r}?" if near else f"allowed are {text}."


def ranked(sizes: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the installed solvers worth trying on a program with blocks of these sizes, best first."""
    ranks = {name: kind.rank(sizes) for name, kind in _known().items()}
    order = sorted((rank, place, name) for place, (name, rank) in enumerate(ranks.items()) if rank is not None)
    return tuple(name for _, _, name in order if _installed(name))


def candidates(program: LinearMatrixInequality, tolerance: float = 1e-9) -> tuple[Solver, ...]:
    """The installed solvers worth trying on this program, best first; see :meth:`Solver.rank` of each."""
    return tuple(_known()[name](tolerance=tolerance) for name in ranked(program.sizes))


def solvers_for(
    choice: SolverChoice,
    program: LinearMatrixInequality,
    tolerance: float,
    first: Callable[[Solver], bool] | None = None,
) -> tuple[Solver, ...]:
    """The solver asked for; without one, the candidates for a program, those before the others that ``first`` picks.

    Within a limit of time those come last that cannot stop with what they have, and may take more than half of what is
    left. Where no interior-point method will end in time a first-order one comes first: what it has is of use early.
    """
    if choice is not None:
        return (by_choice(choice, tolerance),)
    found, left = candidates(program, tolerance), time_left()
    picked = (lambda solver: False) if first is None else first
    if left == math.inf:
        return found if first is None else tuple(sorted(found, key=lambda solver: not picked(solver)))
    hopeless = interior_seconds(program) > HOPELESS * left

    def order(solver: Solver) -> tuple[bool, bool]:
        late = not solver.stops and not solver.seconds(program) <= 0.5 * left
        return late, not (picked(solver) or (hopeless and solver.first_order))

    return tuple(sorted(found, key=order))


def by_choice(choice: Solver | str, tolerance: float) -> Solver:
    """The solver asked for; a name is given this tolerance."""
    if isinstance(choice, str):
        return by_name(choice, tolerance)
    if isinstance(choice, Solver):
        return choice
    raise InvalidSolver(
        f"solver = {choice!r} must be a name such as 'clarabel', a Solver, or None for the best installed."
    )


def first_answer(
    choice: SolverChoice,
    program: LinearMatrixInequality,
    tolerance: float,
    first: Callable[[Solver], bool] | None = None,
) -> SolverResult:
    """Of the solver asked for, or of the first of :func:`solvers_for` that has one.

    Raises SolverFailure with what each of them said if none has; a package that is broken where it was asked for raises
    what its import raises.
    """
    failures = []
    for solver in solvers_for(choice, program, tolerance, first):
        try:
            return ask(solver, program)
        except TimeIsUp:
            raise
        except SolverFailure as failure:
            failures.append(str(failure))
        except BROKEN as failure:
            if choice is not None:
                raise
            failures.append(f"{solver.name}: {type(failure).__name__} {failure}")
    raise SolverFailure(
        f"no solver gave a usable dual ({'; '.join(failures)}); try another one with solver=..., or a lower level."
    )


@cache
def _installed(name: str) -> bool:
    return _known()[name].installed()
