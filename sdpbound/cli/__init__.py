"""The command line, ``sdpbound`` or ``python -m sdpbound``.

The exit status is one of these:

- 0 on success, also for help, for ``sdpbound`` alone, which shows the help, and where the reader of the output has gone
  away, as ``head`` does
- 1 where a computation could not be finished; a study with failed rows is such a computation
- 2 on bad input; a certificate that does not hold and a damaged file are bad input
- 130 if the program was interrupted, 143 if SIGTERM ended it

Every error is one sentence on standard error.

Every bound is printed with its side and rounded to that side, so that the number on the screen is proven as well.
``--json`` prints one object with unrounded floats. Nothing is clipped.

What may come in: the words of a command line. What is handed on: text, or one JSON object; files of certificates; the
exit status. A command is a function of groups of options (``groups``). These groups are dataclasses that many commands
share: ``devices`` and ``options``. A module of this room imports nothing at its top that computes. So help and errors
come at once.
"""

from __future__ import annotations

from sdpbound.cli.program import app, main, run

__all__ = ["app", "main", "run"]
