"""Limits of long calls: a time after which they end with what is proven, and a line that says how far they are.

A call that may be long asks :func:`go_on` between its steps, and ends with what it has where the answer is no. Solvers
get the time that is left (:func:`time_left`). Where nothing is proven yet, :func:`require_time` raises TimeIsUp. What a
call is doing is told by :func:`doing`, :func:`note` and :func:`proven`, which cost nothing where nobody listens.

The limits are those of the block that the caller is in; threads and processes that the caller starts have none.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeVar

from sdpbound.errors import InvalidParameter, TimeIsUp

__all__ = [
    "Limits",
    "announce",
    "as_many_as_fit",
    "cut_short",
    "doing",
    "go_on",
    "interrupts_wait",
    "is_limited",
    "is_notebook",
    "limits",
    "note",
    "proven",
    "require_time",
    "reserved",
    "share",
    "time_left",
    "unlimited",
]

#: Seconds between two texts of progress: where a line is rewritten or a function called, and where lines are added.
_REWRITTEN, _ADDED = 0.2, 2.0
_ADVICE = "allow more time, or take a lower level, fewer words or nodes, or a larger tolerance."

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")

_current: ContextVar[Limits | None] = ContextVar("limits", default=None)


@dataclass(eq=False, slots=True)
class Limits:
    """A block of limits, as ``with limits(...) as limit`` has it.

    Attributes
    ----------
    seconds : what the block may take; None for any time
    interrupted : whether Ctrl-C, or :meth:`interrupt`, asked the block to end
    stopped : whether something in the block ended before it was done, with what was proven so far or with TimeIsUp
    """

    seconds: float | None
    interrupted: bool = field(default=False, init=False)
    stopped: bool = field(default=False, init=False)
    _until: float
    _parent: Limits | None
    _line: _Line | None

    def interrupt(self) -> None:
        """Ask what runs in the block to end with what is proven so far, as Ctrl-C does with ``on_interrupt``.

        Any thread may call this. A second call does nothing more.
        """
        self.interrupted = True

    @property
    def is_over(self) -> bool:
        """Whether the time is over, or somebody has asked to end."""
        if self.interrupted or time.monotonic() >= self._until:
            return True
        return self._parent is not None and self._parent.is_over

    @property
    def why(self) -> str:
        """What has ended the block, in words."""
        if self.interrupted:
            return "the interrupt"
        if self._parent is not None and self._parent.is_over:
            return self._parent.why
        return f"the time limit of {self.seconds:g} s" if self.seconds is not None else "the end"


@contextmanager
def limits(
    seconds: float | None = None,
    progress: bool | Callable[[str], object] = False,
    on_interrupt: bool = False,
) -> Iterator[Limits]:
    """A block whose calls end after so many seconds with what is proven so far, and say how far they are.

    A bound that was cut short is certified like any other, and as a rule looser: its ``status`` is "stopped", and its
    ``correction`` says how far it is from the solver's own value. A solver that is at work is told to stop; one that
    cannot stop with what it has (SDPA, those behind cvxpy) is left out where its estimated time is too long, and runs
    in a process of its own where it was asked for by name. What cannot be cut, such as the steps of a proof, may take
    some seconds more. In blocks inside blocks the earlier end counts. Studies have limits of their own, and threads and
    processes that the caller starts have none.

    Parameters
    ----------
    seconds : above 0, wall time of the whole block; None for no limit
    progress : True for a line on standard error, rewritten on a terminal and in a notebook; or a function that is
        called with each text, at most five times a second
    on_interrupt : whether the first Ctrl-C asks the calls to end with what is proven so far, instead of raising
        KeyboardInterrupt; the second one raises it. Only in the main thread

    Yields
    ------
    Limits : ``stopped`` says afterwards whether something was cut short

    Raises
    ------
    InvalidParameter
        For other seconds.
    TimeIsUp
        By a call inside, where its time is over before anything is proven.

    >>> import sdpbound as sb
    >>> with sb.limits(seconds=60) as limit:
    ...     bound = sb.maximize(sb.chsh(), sb.Quantum("1"))
    >>> limit.stopped, bound.status
    (False, 'solved')
    """
    if seconds is not None and (
        isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0.0 < seconds < math.inf
    ):
        raise InvalidParameter(f"seconds = {seconds!r:.60} of limits must be a number above 0, or None for no limit.")
    if not isinstance(progress, bool) and not callable(progress):
        raise InvalidParameter(f"progress = {progress!r:.60} must be True, False, or a function of a text.")
    above = _current.get()
    line = above._line if above is not None and not progress else None
    if progress:
        line = _Line(_printer(sys.stderr) if progress is True else _Told(progress))
    run = Limits(seconds, math.inf if seconds is None else time.monotonic() + seconds, above, line)
    token = _current.set(run)
    try:
        with _interrupts(run) if on_interrupt else _nothing():
            yield run
    finally:
        _current.reset(token)
        if progress and line is not None:
            line.end()


@contextmanager
def unlimited() -> Iterator[None]:
    """A block without limits, whatever is around it: what is computed in it is kept as the full answer."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def time_left() -> float:
    """Seconds until the nearest end of the blocks around: infinite without a limit, 0 if it is over."""
    run, left = _current.get(), math.inf
    while run is not None:
        left = 0.0 if run.interrupted else min(left, run._until - time.monotonic())
        run = run._parent
    return max(left, 0.0)


def is_limited() -> bool:
    """Whether there is a block of limits around."""
    return _current.get() is not None


def share(part: float) -> AbstractContextManager[object]:
    """A block that may take this part of the time that is left, so that something is left for what comes after it."""
    left = time_left()
    return _nothing() if left == math.inf else limits(max(part * left, 1e-9))


def reserved(seconds: float) -> AbstractContextManager[object]:
    """A block that ends so many seconds before its time, at most half of it: its answer is worked on after it."""
    left = time_left()
    return _nothing() if left == math.inf else limits(max(left - min(seconds, 0.5 * left), 1e-9))


def go_on() -> bool:
    """Whether a call may go on. Where it may not, it ends before it is done, and the block knows that."""
    run = _current.get()
    if run is None or not run.is_over:
        return True
    cut_short()
    return False


def cut_short() -> None:
    """Let the blocks around know that something was left out for want of time."""
    run = _current.get()
    while run is not None:
        run.stopped, run = True, run._parent


def require_time(seconds: float = 0.0, last: bool = False) -> None:
    """Raise TimeIsUp where a call may not go on, or a step of so many seconds, which nothing interrupts, is too long.

    The ``last`` step, which makes a proof of what was found, may begin when the time is over, if it is short.
    """
    if (run := _current.get()) is None:
        return
    if run.is_over and not last:
        cut_short()
        raise TimeIsUp(f"{run.why} came before anything was proven; {_ADVICE}")
    left = time_left()
    if seconds > max(2.0 * left, left + 1.0):  # estimates are rough
        cut_short()
        raise TimeIsUp(f"a single step would take about {seconds:.2g} s, and {left:.2g} s are left; {_ADVICE}")


def as_many_as_fit(keys: Iterable[Key], make: Callable[[Key], Made]) -> dict[Key, Made]:
    """What ``make`` gives for each key while there is time; raises TimeIsUp where there is not enough for any."""
    found: dict[Key, Made] = {}
    for key in keys:
        try:
            found[key] = make(key)
        except TimeIsUp:
            if not found:
                raise
            break
    return found


# -- progress -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Frame:
    """A part of a call that is at work: what it does, how numbers of its programs are shown, what it has proven."""

    words: str
    shown: Callable[[float], float] | None
    proven: str = ""


@contextmanager
def doing(words: str, shown: Callable[[float], float] | None = None, long: bool = False) -> Iterator[None]:
    """What the block does, in words for the line of progress; its parts add theirs.

    ``shown`` makes the number that is asked for of one that a solver has in its program. ``long``: the block may say
    nothing for a while, so that its words are shown at once.
    """
    run = _current.get()
    line = None if run is None else run._line
    if line is None:
        yield
        return
    line.frames.append(_Frame(words, shown))
    line.next = 0.0 if long else line.next
    line.tell("")
    try:
        yield
    finally:
        line.frames.pop()


def note(words: str, estimate: float | None = None) -> None:
    """How far the innermost block of :func:`doing` is, and a solver's own number, which is not proven."""
    if (run := _current.get()) is not None and run._line is not None:
        run._line.tell(words, estimate)


def proven(text: Callable[[], str]) -> None:
    """The best number that the innermost block of :func:`doing` has proven, rounded to its side."""
    if (run := _current.get()) is not None and run._line is not None and run._line.frames:
        run._line.frames[-1].proven = text()
        run._line.tell("")


class _Line:
    """The line of progress, which is written seldom enough to be read."""

    def __init__(self, printer: _Printer) -> None:
        self.frames: list[_Frame] = []
        self.printer = printer
        self.begun = time.monotonic()
        self.next = self.begun  # when a text may be written

    def tell(self, words: str, estimate: float | None = None) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + self.printer.pause
        parts = [frame.words for frame in self.frames if frame.words]
        parts += [words] if words else []
        known = next((frame.proven for frame in reversed(self.frames) if frame.proven), "")
        parts += [f"proven {known}"] if known else []
        if estimate is not None and math.isfinite(estimate):
            shown = next((frame.shown for frame in reversed(self.frames) if frame.shown is not None), None)
            if shown is not None:
                parts.append(f"estimate {shown(estimate):.6g}")
        parts.append(f"{now - self.begun:.0f} s")
        self.printer.write(", ".join(parts))

    def end(self) -> None:
        self.printer.end()


class _Printer(ABC):
    """Where texts of progress go, and seconds between two of them."""

    pause = _REWRITTEN

    @abstractmethod
    def write(self, text: str) -> None:
        """Show a text, in place of the one before or after it."""

    def end(self) -> None:  # noqa: B027 - not every place has something to clear
        """Leave nothing behind."""


class _Told(_Printer):
    """A function of the caller's."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self.tell = tell

    def write(self, text: str) -> None:
        self.tell(text)


class _Rewritten(_Printer):
    """A line of a terminal or a notebook, written over and over."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.length = stream, 0
        self.own: TextIO | None = None
        with suppress(OSError, ValueError, AttributeError):  # a stream of no file, as of a notebook
            # a descriptor of its own, for the common one is turned away while a solver might print to it
            self.stream = self.own = os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", errors="replace")

    def write(self, text: str) -> None:
        width = max(self._width() - 1, 20)
        if len(text) > width:  # what it is about, and how far it is
            text = f"{text[: width // 3]} ... {text[5 + width // 3 - width :]}"
        self._put(f"\r{text}{' ' * (self.length - len(text))}")
        self.length = len(text)

    def end(self) -> None:
        if self.length:
            self._put(f"\r{' ' * self.length}\r")
        if self.own is not None:
            with suppress(OSError):
                self.own.close()

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError, AttributeError):  # no terminal, as in a notebook
            return shutil.get_terminal_size().columns

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError, RuntimeError):  # nobody reads, or a handler of a signal is writing already
            self.stream.write(text)
            self.stream.flush()


class _Added(_Rewritten):
    """Lines of a file."""

    pause = _ADDED

    def write(self, text: str) -> None:
        self._put(f"{text}\n")


def _printer(stream: TextIO) -> _Printer:
    return _Rewritten(stream) if is_notebook(stream) or stream.isatty() else _Added(stream)


def is_notebook(stream: TextIO) -> bool:
    """Whether a stream is that of a notebook: no terminal, and yet its last line can be written over."""
    return type(stream).__module__.startswith("ipykernel")


def announce(words: str) -> None:
    """Tell something at once: in the line of progress, or on standard error where there is none."""
    if (run := _current.get()) is not None and run._line is not None:
        run._line.next = 0.0
        run._line.tell(words)
        return
    with suppress(OSError, ValueError, AttributeError):  # nobody reads, or there is no such stream
        sys.stderr.write(f"{words}\n")


# -- interrupts ---------------------------------------------------------------------------------------------------


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _interrupts(run: Limits) -> Iterator[None]:
    """The first SIGINT asks what runs to end, the next one raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if run.interrupted:
            raise KeyboardInterrupt
        run.interrupt()
        with suppress(OSError, ValueError, RuntimeError):  # a handler may come in the middle of another write
            os.write(2, b"\nstopping with what is proven so far; Ctrl-C again ends at once\n")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupts_wait() -> Iterator[list[int]]:
    """A block at whose end a Ctrl-C that came in it is heard: for code of others that would lose its exception.

    Yields a list that is empty as long as none has come. In other threads than the main one nothing has to wait.
    """
    came: list[int] = []
    before: Any = None
    if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
        before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield came
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
            for number in came:
                before(number, None)
