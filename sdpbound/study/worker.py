"""A process that evaluates tasks: one JSON line in, one JSON line out. Started by :mod:`sdpbound.study.executors`."""

from __future__ import annotations

import json
import os
import signal
import sys

from pydantic import TypeAdapter

from sdpbound.study.tasks import Task, evaluate

__all__ = ["TASK", "main"]

#: Tasks as JSON.
TASK = TypeAdapter(Task)


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    # solvers may print: the replies get a descriptor of their own, descriptor 1 joins the errors
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        rows = evaluate(TASK.validate_json(line))
        print(json.dumps(rows), file=replies, flush=True)


if __name__ == "__main__":
    main()
