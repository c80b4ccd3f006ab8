"""A process that evaluates tasks: it reads one JSON line and writes one JSON line.

``solver_process`` starts it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from pydantic import TypeAdapter

from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.plan import Task
from sdpbound.study.store.answer import ANSWER

__all__ = ["TASK", "main"]

#: Reads tasks as JSON.
TASK = TypeAdapter(Task)
#: Seconds between checks of the parent, and the seconds past a task's time limit after which the process ends itself.
_LOOK = 0.5
_GRACE = 5.0


def main() -> None:
    """Serve until the input ends or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Solvers may print. So the replies get a descriptor of their own, and descriptor 1 joins the errors.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        print("ready", file=replies, flush=True)
        for line in sys.stdin:
            task = TASK.validate_json(line)
            _alarm(task.solver.time_limit + _GRACE)
            answer = evaluate(task)
            _alarm(0.0)
            print(ANSWER.dump_json(answer).decode(), file=replies, flush=True)
    except BrokenPipeError:
        os._exit(1)  # the reader of the replies is gone


def _end_with(parent: int) -> None:
    """End this process soon after its parent has ended.

    A parent that is killed cannot end this process itself.
    """
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def _alarm(seconds: float) -> None:
    """End this process after so many seconds, even inside a solver that holds the interpreter's lock; 0 means never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
