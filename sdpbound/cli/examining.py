"""What ``sdpbound doctor`` looks at: each part of an installation is tried, and a fault is said in one sentence."""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from packaging.requirements import Requirement

import sdpbound as sb
from sdpbound.bounds.rounding import rounded
from sdpbound.conic.solvers.choose import SOLVERS, packages
from sdpbound.recheck import recheck

__all__ = ["EXTRAS", "Finding", "examined", "solver_finding", "tried_apart"]

#: Extras that are for work on the package itself, and that nobody misses.
EXTRAS = ("test", "docs", "benchmark")
#: Packages without which the rest works, some of it slower: solvers but the first, and a generator of relaxations.
SPARED = {*packages(), "ncpol2sdpa", "highspy"} - {"clarabel", "scipy"}
#: CHSH values that solvers are asked for: the quantum maximum and the no-signaling one.
QUANTUM, NO_SIGNALING = math.sqrt(8.0), 4.0
#: How far a solver's bound may be from the true value on so small a program.
CLOSE = 1e-5
#: By how much a claim is falsified that both checkers must refuse.
FALSE = 0.1
#: Seconds that a solver may take, its start included.
PATIENCE = 300.0
#: What users limit threads by.
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: Rows of the matrices that are multiplied to see how many threads run.
ROWS = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part.

    Attributes
    ----------
    part : what was looked at
    sound : whether it is as it should be; True for what is only missing and need not be there
    text : what was found; of a fault one sentence with a next step
    """

    part: str
    sound: bool
    text: str


def examined(solvers: Callable[[tuple[str, ...]], Iterator[Finding]] | None = None) -> Iterator[Finding]:
    """All findings, one after another as they come; ``solvers`` tries solvers, each in another process by default."""
    yield _python()
    yield from _packages()
    yield _blas()
    yield _compiler()
    yield from (solvers or tried_apart)(tuple(SOLVERS.names()))
    yield from _certificate()


def _python() -> Finding:
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    sound = sys.version_info >= (3, 11)
    text = f"sdpbound {sb.__version__}, Python {platform.python_version()}, {where}"
    return Finding("versions", sound, text if sound else f"{text}: Python 3.11 or newer is needed; install it.")


# -- packages -------------------------------------------------------------------------------------------------------


def _packages() -> Iterator[Finding]:
    """The packages that sdpbound needs, and those of its extras."""
    try:
        wanted = [Requirement(line) for line in metadata.requires("sdpbound") or ()]
        extras = metadata.metadata("sdpbound").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        yield Finding("packages", False, "sdpbound is not installed, only imported; run: pip install -e .")
        return
    missing = [fault for need in wanted if _asked(need, "") and (fault := _fault_of(need))]
    count = sum(_asked(need, "") and _version(need.name) != "" for need in wanted)
    text = f"{count} packages, all that are needed and new enough"
    yield Finding("packages", not missing, f"{'; '.join(missing)}: pip install sdpbound again." if missing else text)
    for extra in extras:
        if extra not in EXTRAS:
            own = [need for need in wanted if _asked(need, extra) and not _asked(need, "")]
            lacking = [need.name for need in own if not _version(need.name) or _fault_of(need)]
            text = "installed" if not lacking else f'not installed (pip install "sdpbound[{extra}]")'
            yield Finding(f"extra {extra}", True, text)


def _asked(need: Requirement, extra: str) -> bool:
    return need.marker is None or need.marker.evaluate({"extra": extra})


def _fault_of(need: Requirement) -> str:
    """What is wrong with a package, in words; nothing if it is there and new enough."""
    try:
        version = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        return "" if need.name in SPARED else f"{need.name} is missing"
    return (
        "" if need.specifier.contains(version, prereleases=True) else f"{need.name} {version} is not {need.specifier}"
    )


# -- arithmetic -----------------------------------------------------------------------------------------------------


def _blas() -> Finding:
    """The library of linear algebra, whether it multiplies right, and how many threads it takes for that."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    matrix = np.arange(ROWS * ROWS, dtype=np.float64).reshape(ROWS, ROWS) % 7.0
    threads = 0.0
    for _ in range(2):  # the first product starts the threads
        begun, used = time.perf_counter(), time.process_time()
        found = matrix @ matrix
        threads = (time.process_time() - used) / max(time.perf_counter() - begun, 1e-9)
    expected = sum(int(matrix[1, k]) * int(matrix[k, 2]) for k in range(ROWS))
    limits = [
        f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if name in os.environ
    ]
    text = f"numpy {np.__version__} with {blas.get('name', 'an unknown library')} {blas.get('version', '')}".strip()
    text += f", about {max(1, round(threads))} threads ({', '.join(limits) or 'no limit set'})"
    if found[1, 2] != expected:
        return Finding("BLAS", False, f"{text} multiplies wrongly: reinstall numpy.")
    return Finding("BLAS", True, text)


def _compiler() -> Finding:
    """Whether loops compile; without numba the package works, and some methods are slower."""
    try:
        import numba

        from sdpbound.compiling import compiled_loop

        right = compiled_loop(_sum)(10) == 45
    except ImportError as error:
        return Finding("compiled loops", False, f"numba cannot be imported ({error}): pip install numba.")
    except Exception as error:  # whatever a broken compiler raises
        return Finding("compiled loops", False, f"numba does not compile ({type(error).__name__}): reinstall numba.")
    return Finding("compiled loops", right, f"numba {numba.__version__}" + ("" if right else " counts wrongly."))


def _sum(count: int) -> int:
    total = 0
    for i in range(count):
        total += i
    return total


# -- solvers --------------------------------------------------------------------------------------------------------


def tried_apart(names: tuple[str, ...]) -> Iterator[Finding]:
    """Each solver in another process, so that one that crashes or hangs takes nothing down."""
    helper: _Helper | None = None
    try:
        for name in names:
            helper = helper or _Helper()
            found = helper.ask(name)
            yield found
            if not found.sound and helper.is_lost:
                helper = None
    finally:
        if helper is not None:
            helper.end()


class _Helper:
    """A process that tries solvers."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._own, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self.is_lost = False

    def ask(self, name: str) -> Finding:
        fault = f"{name} gives no answer in {PATIENCE:.0f} s"
        try:
            self._own.send(name)
            if self._own.poll(PATIENCE):
                found: Finding = self._own.recv()
                return found
        except (EOFError, OSError):
            fault = f"{name} crashes its process"
        self.end()
        self.is_lost = True
        return Finding(f"solver {name}", False, f"{fault}: reinstall its package.")

    def end(self) -> None:
        self._own.close()
        self._process.kill()
        self._process.join()


def _serve(connection: Connection) -> None:
    with suppress(EOFError):
        while True:
            connection.send(solver_finding(connection.recv()))


def solver_finding(name: str) -> Finding:
    """A solver tried on a small program whose value is known: the maximum of CHSH, 2 sqrt(2) or 4."""
    part, kind = f"solver {name}", SOLVERS.find(name)
    if kind is None:
        return Finding(part, False, f"the entry point {name!r} gives no solver: remove its package, or mend it.")
    if not kind.installed():
        return Finding(part, True, f"not installed (pip install {kind.wanted()})")
    model = sb.NoSignaling() if kind.linear_only else sb.Quantum("1+AB")
    exact = NO_SIGNALING if kind.linear_only else QUANTUM
    asked = f"{name}:CLARABEL" if kind.example else name
    begun = time.perf_counter()
    try:
        bound = sb.maximize(sb.chsh(), model, solver=asked, symmetry=False)
    except Exception as error:  # whatever a broken package raises: it is what is asked for here
        fault = f"{name} fails on a small program ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        return Finding(part, False, f"{fault}: reinstall {kind.package or 'sdpbound'}.")
    seconds = time.perf_counter() - begun
    if not -1e-12 <= bound.value - exact <= CLOSE:
        return Finding(part, False, f"{name} bounds CHSH by {bound.value:.9g}, which is {exact:.9g}: reinstall it.")
    found = f"CHSH <= {rounded(bound.value, bound.side)} in {seconds:.2g} s"
    return Finding(part, True, f"{kind.package or 'own'} {_version(kind.package)}, {found}".replace(" ,", ","))


def _version(package: str) -> str:
    try:
        return metadata.version(package) if package else ""
    except metadata.PackageNotFoundError:
        return ""


# -- certificates ---------------------------------------------------------------------------------------------------


def _certificate() -> Iterator[Finding]:
    """A certificate that both checkers must accept, and a false copy of it that both must refuse."""
    try:
        data = sb.maximize(sb.chsh(), sb.Quantum("1+AB")).certificate.data
    except sb.SdpboundError as error:
        yield Finding("certificate", False, f"no certificate can be made ({error}).")
        return
    false = data | {"claim": data["claim"] | {"value": data["claim"]["value"] - FALSE}}
    checkers: dict[str, Callable[[dict[str, Any]], bool]] = {
        "first checker": lambda entry: sb.verify(entry, strict=False).holds,
        "second checker": lambda entry: recheck(entry).holds,
    }
    for part, holds in checkers.items():
        try:
            accepts, refuses = holds(data), not holds(false)
        except sb.SdpboundError as error:
            yield Finding(part, False, f"the {part} cannot read a certificate that was made here ({error}).")
            continue
        if accepts and refuses:
            yield Finding(part, True, "accepts a certificate made here, and refuses a false copy of it")
        else:
            fault = "refuses a certificate that is true" if not accepts else "accepts a certificate that is false"
            yield Finding(part, False, f"the {part} {fault}: trust no result of this installation, and reinstall it.")
