"""The second check in a process of its own, which ends at its limits of time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from sdpbound.errors import CertificateError
from sdpbound.recheck.answer import Conclusion
from sdpbound.recheck.kinds import recheck
from sdpbound.recheck.reading import decoded

__all__ = ["answer", "recheck_apart"]

#: Seconds that a process may take to start and to end, beyond those of the check.
STARTING = 20.0


def recheck_apart(
    certificate: Mapping[str, Any] | str | os.PathLike[str],
    *,
    time_limit: float = 60.0,
    memory_limit: float = 2e9,
) -> Conclusion:
    """:func:`recheck` in a process of its own; where a limit ends it, it is refused.

    Parameters
    ----------
    certificate : a dictionary, or the path of a JSON file
    time_limit : seconds; may be infinite
    memory_limit : bytes of address space; may be infinite (and is, where the system has no such limit)
    """
    command = [sys.executable, "-m", "sdpbound.recheck", repr(float(time_limit)), repr(float(memory_limit))]
    if isinstance(certificate, Mapping):
        text: str | None = json.dumps(dict(certificate))
    else:
        text, command = None, [*command, os.fspath(certificate)]
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL if text is None else None,
            timeout=None if time_limit == float("inf") else time_limit + STARTING,
        )
        entry = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return _refused(f"the second check was ended after {time_limit:g} seconds; allow more.")
    except ValueError:  # nothing was written: the process ended before its answer
        return _refused("the second check was ended, for lack of memory or by the system.")
    for name in ("proven", "claimed"):
        entry[name] = None if entry[name] is None else Fraction(int(entry[name][0], 16), int(entry[name][1], 16))
    return Conclusion(**entry)


def _refused(reason: str) -> Conclusion:
    return Conclusion("", "", "", None, None, False, reason)


def answer(time_limit: float, memory_limit: float, path: str | None) -> str:
    """What the process writes: the conclusion about a file, or about what stands on standard input, as JSON."""
    if memory_limit < float("inf"):
        _limit(int(memory_limit))
    limit = None if time_limit == float("inf") else time_limit
    try:
        found = recheck(decoded(sys.stdin.read()) if path is None else path, time_limit=limit)
    except CertificateError as error:
        found = _refused(str(error))
    except MemoryError:
        found = _refused("the second check needs more memory than allowed.")
    entry = asdict(found)
    for name in ("proven", "claimed"):
        value = entry[name]
        entry[name] = None if value is None else [hex(value.numerator), hex(value.denominator)]
    return json.dumps(entry)


def _limit(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
