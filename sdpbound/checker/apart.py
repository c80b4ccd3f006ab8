"""Checks in a process of their own, which limits of time and memory can end.

A stranger may make a certificate that takes all memory, or whose check never ends. The checker counts all work before
it does it. These limits are a second defence: the process is killed when its time is over, and it gets no more memory
than is allowed.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from sdpbound.checker.claim import Verification
from sdpbound.checker.kinds import Kind, check, require_kinds
from sdpbound.checker.reading import read
from sdpbound.errors import CertificateError, InvalidParameter

__all__ = ["MEMORY_LIMIT", "TIME_LIMIT", "Answer", "Checker"]

TIME_LIMIT = 60.0  # seconds a certificate
MEMORY_LIMIT = 2e9  # bytes, beyond what the process has when it starts


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a check.

    Attributes
    ----------
    found : what the certificate proves; None if it is refused, and then ``reason`` says why
    reason : one sentence
    stage : "checked", "refused" (it was read and proves nothing), "unreadable" or "ended" (by a limit)
    """

    found: Verification | None
    reason: str
    stage: str


class Checker:
    """A process that checks certificates one after the other; use it in a ``with`` statement.

    Parameters
    ----------
    time_limit : seconds for each certificate, reading included; inf for none
    memory_limit : bytes that a check may take; inf for none. Systems without such a limit for processes ignore it.
    kinds : further kinds of certificates, as of :func:`sdpbound.verify`

    Raises
    ------
    InvalidParameter : a limit is not positive
    """

    def __init__(
        self, time_limit: float = TIME_LIMIT, memory_limit: float = MEMORY_LIMIT, kinds: Sequence[Kind] = ()
    ) -> None:
        for name, value, unit in (("time_limit", time_limit, "seconds"), ("memory_limit", memory_limit, "bytes")):
            if not value > 0:
                raise InvalidParameter(f"{name} = {value!r} must be a positive number of {unit}, or inf for no limit.")
        self.time_limit, self.memory_limit = float(time_limit), float(memory_limit)
        self._kinds = require_kinds(kinds)
        self._process: Any = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Checker:
        self._start()  # before the caller opens anything that a copy of the process should not hold
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def check(self, certificate: Mapping[str, object] | str | os.PathLike[str]) -> Answer:
        """Check a certificate: a dictionary, or the path of its file."""
        if self._pipe is None:
            self._start()
        assert self._pipe is not None
        try:
            self._pipe.send(certificate)
            if not self._pipe.poll(None if math.isinf(self.time_limit) else self.time_limit):
                self.close()
                reason = f"The check took more than {self.time_limit:g} s and was stopped; allow it more time."
                return Answer(None, reason, "ended")
            answer = self._pipe.recv()
        except (EOFError, OSError):
            self.close()
            answer = None
        if isinstance(answer, Answer):
            return answer
        self.close()  # what it holds would be missed by the next check
        reason = f"The check needs more than {self.memory_limit / 1e9:g} GB of memory; allow it more."
        return Answer(None, reason, "ended")

    def verify(
        self, certificate: Mapping[str, object] | str | os.PathLike[str], *, strict: bool = True
    ) -> Verification:
        """As :func:`sdpbound.checker.verify`, within the limits."""
        answer = self.check(certificate)
        found = answer.found
        if found is None:
            raise CertificateError(answer.reason)
        if strict and not found.holds:
            raise CertificateError(found.message)
        return found

    def _start(self) -> None:
        self.close()
        forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
        context = multiprocessing.get_context("fork" if forks else "spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self.memory_limit, self._kinds), daemon=True)  # type: ignore[attr-defined]
        with warnings.catch_warnings():
            # the new process does nothing but read and compute, whatever threads the old one has
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        other.close()


def _serve(pipe: Connection, memory_limit: float, kinds: Sequence[Kind]) -> None:
    """Answer until the other side is gone."""
    with contextlib.suppress(OSError):  # what a library writes when it finds no memory is for nobody
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _limit_memory(memory_limit)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(_answer(pipe.recv(), kinds))


def _answer(certificate: Any, kinds: Sequence[Kind]) -> Answer | None:
    """None where the memory does not do."""
    root = None
    try:
        root = read(certificate)
        return Answer(check(root, strict=False, kinds=kinds), "", "checked")
    except CertificateError as error:
        return Answer(None, str(error), "unreadable" if root is None else "refused")
    except MemoryError:
        return None


def _limit_memory(limit: float) -> None:
    """Let this process take so much more memory than it has."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    if math.isinf(limit):
        return
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm", encoding="ascii") as file:
        most = int(file.read().split()[0]) * resource.getpagesize() + int(limit)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
