"""The command line, ``sdpbound`` or ``python -m sdpbound``.

Exit status: 0 on success (also for help, for ``sdpbound`` alone, which shows it, and where the reader of the output has
gone away, as ``head`` does); 1 on a computation that could not be finished, a study with failed rows among them; 2 on
bad input, which a certificate that does not hold and a damaged file are; 130 if interrupted, 143 if ended by SIGTERM.
Errors are one sentence on standard error.

Every bound is printed with its side and rounded to that side, so that the number on the screen is proven as well.
``--json`` prints one object with the floats as they are. Nothing is clipped.

What may come in: the words of a command line. What is handed on: text, or one JSON object; files of certificates; the
exit status. A command is a function of groups of options (``groups``), which are dataclasses that many commands share:
``devices`` and ``options``. At its top a module here imports nothing that computes, so that help and errors come at
once.
"""

from __future__ import annotations

from sdpbound.cli.program import app, main, run

__all__ = ["app", "main", "run"]
