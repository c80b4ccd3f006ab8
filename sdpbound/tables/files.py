"""Files that are written whole or not at all.

A failure raises an error of one sentence.
"""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from sdpbound.errors import InvalidInput, StorageFailure

__all__ = ["Output", "as_json", "needed", "replacing"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def needed(module: str) -> Any:
    """Import an optional package.

    Raises InvalidInput if the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise InvalidInput(f"this output needs the package '{module}': install sdpbound[study].") from None


def as_json(facts: Mapping[str, Any], indent: int | None = None) -> str:
    """Return facts as JSON text.

    NaN and infinity are refused, since JSON does not have them.
    """
    try:
        return json.dumps(facts, indent=indent, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"the provenance cannot be written as JSON ({error}); give texts and finite numbers."
        ) from None


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise StorageFailure(
                f"'{target}' was not written: {reason}; free some space or choose another place."
            ) from None
        raise InvalidInput(f"'{target}' cannot be written: {reason}; choose another place.") from None


class Output(io.BufferedWriter):
    """A file that is written beside its target.

    Errors name the target.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        with _explained(target):
            # a link that was put there under this name is removed, and not followed
            self.partial.unlink(missing_ok=True)
            super().__init__(io.FileIO(self.partial, "x"), 1 << 20)

    def write(self, data: Any) -> int:
        with _explained(self.target):
            return super().write(data)

    def finish(self) -> None:
        """Write everything to the disk.

        The target is not changed yet.
        """
        with _explained(self.target):
            self.flush()
            os.fsync(self.fileno())
            self.close()

    def replace(self) -> None:
        """Put this file in the place of the target."""
        with _explained(self.target):
            os.replace(self.partial, self.target)

    def discard(self) -> None:
        """Remove this file."""
        with suppress(OSError):
            self.close()  # closing may write what is buffered, and fail
        with suppress(OSError):
            self.partial.unlink(missing_ok=True)


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Output]]:
    """Open files that take the place of the targets when the block ends; all are removed if the block fails.

    Raises
    ------
    InvalidInput
        A file cannot be written there.
    StorageFailure
        The disk is full or fails.
    """
    with ExitStack() as stack:
        outputs = []
        for target in targets:
            outputs.append(Output(target))
            stack.callback(outputs[-1].discard)
        yield outputs
        for output in outputs:
            output.finish()
        for output in outputs:
            output.replace()
