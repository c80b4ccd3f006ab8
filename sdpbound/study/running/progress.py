"""The reports of a run while it goes on: cells done, cells failed, rate and time left, for each quantity."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Task as Line
from rich.text import Text

from sdpbound.limiting import is_notebook

__all__ = ["LINE_EVERY", "Counter", "Report", "Tally", "announce", "duration", "reporter"]

#: Seconds between the lines where there is no terminal.
LINE_EVERY = 60.0
#: Seconds between two texts in a notebook, and letters of their bars.
NOTEBOOK_EVERY, BAR = 0.5, 24


@dataclass
class Counter:
    """The cells of one quantity: all, done before this run, done in it, failed in it, and their seconds of solving."""

    total: int = 0
    before: int = 0
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    needs_solver: bool = True

    @property
    def left(self) -> int:
        return self.total - self.before - self.done


@dataclass
class Tally:
    """The counters of a run by quantity.

    The time left follows from the mean time of the cells that are done.
    """

    counters: dict[str, Counter] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    solving_since: float | None = None

    def __getitem__(self, quantity: str) -> Counter:
        return self.counters.setdefault(quantity, Counter())

    @property
    def total(self) -> Counter:
        """The sum over quantities."""
        found = self.counters.values()
        names = ("total", "before", "done", "failed", "seconds")
        return Counter(*(sum(getattr(c, name) for c in found) for name in names))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Cells a second in this run."""
        return self.total.done / self.elapsed if self.elapsed > 0.0 else 0.0

    def time_left(self, quantity: str | None = None) -> float | None:
        """Return the seconds left, or None if there is nothing to judge by yet.

        Each quantity has its own mean time of solving. A quantity without a solved cell gets the mean over the others.
        Closed forms take almost no time, so their rate is not used for quantities that need a solver. For one quantity,
        the time is that of its cells done one after another.
        """
        counters = list(self.counters.values()) if quantity is None else [self[quantity]]
        if not any(c.left for c in counters):
            return 0.0
        if not any(c.left and c.needs_solver for c in counters):
            return sum(c.left for c in counters) / self.rate if self.rate else None
        solved = [c for c in self.counters.values() if c.needs_solver and c.done]
        busy = sum(c.seconds for c in solved)
        if self.solving_since is None or not busy > 0.0:
            return None
        mean = busy / sum(c.done for c in solved)
        work = sum(c.left * (c.seconds / c.done if c.done else mean) for c in counters if c.needs_solver)
        return work * (time.monotonic() - self.solving_since) / busy


def duration(seconds: float | None) -> str:
    """Return a time in words, such as "12 s", "3.5 min", "2.1 h" or "4.2 d".

    >>> duration(90), duration(None)
    ('1.5 min', 'unknown')
    """
    if seconds is None:
        return "unknown"
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10.0 else f"{seconds:.1f} s"


def reporter(name: str, tally: Tally, progress: bool) -> AbstractContextManager[Report]:
    """Return what reports on standard error: bars on a terminal, one line in a notebook, else a line a minute.

    Without ``progress`` it is silent.
    """
    if not progress:
        return _silent()
    console = Console(stderr=True)
    if is_notebook(sys.stderr):
        return _written_over(name, tally)
    return _bars(name, tally, console) if console.is_terminal else _lines(name, tally)


class Report:
    """A report, to be called at any time.

    If the terminal has gone away, the report ends and the computation goes on.
    """

    _gone = False

    def __call__(self) -> None:
        """Show the tally, which has changed."""
        self._try(self.show)

    def note(self, text: str) -> None:
        """Show a sentence to the user."""
        self._try(lambda: self.say(text))

    def show(self) -> None:
        """Show the tally."""

    def say(self, text: str) -> None:
        """Print a sentence."""

    def _try(self, write: Callable[[], None]) -> None:
        if not self._gone:
            try:
                write()
            except (OSError, ValueError):  # a closed pipe, a lost terminal, a closed file
                self._gone = True


def announce(text: str) -> None:
    """Print a line on standard error.

    Call this only while no bars are shown.
    """
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


@contextmanager
def _silent() -> Iterator[Report]:
    yield Report()


class _Left(ProgressColumn):
    """A column of the bars that shows the time left by the tally."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Line) -> Text:
        left = self._tally.time_left(task.fields["quantity"])
        return Text("" if task.finished else f"{duration(left)} left")


@contextmanager
def _bars(name: str, tally: Tally, console: Console) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        _Left(tally),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        all_of_it = bars.add_task(name, total=tally.total.total, quantity=None, note="")
        lines = {
            quantity: bars.add_task(f"  {quantity}", total=counter.total, quantity=quantity, note="")
            for quantity, counter in tally.counters.items()
            if len(tally.counters) > 1
        }

        class Bars(Report):
            def show(self) -> None:
                total = tally.total
                note = f"{tally.rate:.3g}/s" + _failures(total)
                bars.update(all_of_it, completed=total.before + total.done, note=note)
                for quantity, line in lines.items():
                    counter = tally[quantity]
                    bars.update(line, completed=counter.before + counter.done, note=_failures(counter))

            def say(self, text: str) -> None:
                bars.console.print(text, markup=False)

        report = Bars()
        report()
        yield report


def _failures(counter: Counter) -> str:
    return f" {counter.failed} failed" if counter.failed else ""


def _line_of(name: str, tally: Tally) -> str:
    total = tally.total
    return (
        f"{name}: {total.before + total.done} of {total.total} cells done, {total.failed} failed, "
        f"{tally.rate:.3g}/s, {duration(tally.time_left())} left"
    )


@contextmanager
def _written_over(name: str, tally: Tally) -> Iterator[Report]:
    """A bar and a sentence on the last line of a notebook's output, which needs no widgets."""
    last, length = 0.0, 0

    class Over(Report):
        def show(self) -> None:
            nonlocal last, length
            total, now = tally.total, time.monotonic()
            if now - last < NOTEBOOK_EVERY and total.left:
                return
            last = now
            full = BAR * (total.before + total.done) // max(total.total, 1)
            text = f"{'█' * full}{'░' * (BAR - full)} {_line_of(name, tally)}"
            print(f"\r{text.ljust(length)}", end="", file=sys.stderr, flush=True)
            length = len(text)

        def say(self, text: str) -> None:
            print(f"\r{text.ljust(length)}", file=sys.stderr, flush=True)

    report = Over()
    report()
    yield report
    last = 0.0
    report()  # the last numbers stay
    announce("")


@contextmanager
def _lines(name: str, tally: Tally) -> Iterator[Report]:
    last = time.monotonic()

    class Lines(Report):
        def show(self) -> None:
            nonlocal last
            total, now = tally.total, time.monotonic()
            if now - last < LINE_EVERY and total.left:
                return
            last = now
            self.say(
                _line_of(name, tally)
                + "".join(
                    f"; {quantity} {c.before + c.done}/{c.total}" for quantity, c in tally.counters.items() if c.left
                )
            )

        def say(self, text: str) -> None:
            print(text, file=sys.stderr, flush=True)

    yield Lines()
