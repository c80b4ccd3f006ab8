"""Write files whole or not at all, with one sentence where that fails."""

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
    """An optional package; raises InvalidInput if it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise InvalidInput(f"this output needs the package '{module}': install sdpbound[study].") from None


def as_json(facts: Mapping[str, Any], indent: int | None = None) -> str:
    """Facts as JSON text, without NaN or infinity, which JSON does not have."""
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
    """A file that is written beside its target. Errors name the target."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        with _explained(target):
            super().__init__(io.FileIO(self.partial, "w"), 1 << 20)

    def write(self, data: Any) -> int:
        with _explained(self.target):
            return super().write(data)

    def finish(self) -> None:
        """Write everything to the disk. The target is not touched yet."""
        with _explained(self.target):
            self.flush()
            os.fsync(self.fileno())
            self.close()

    def replace(self) -> None:
        """Take the target's place."""
        with _explained(self.target):
            os.replace(self.partial, self.target)

    def discard(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self.close()  # may want to write what is buffered
        with suppress(OSError):
            self.partial.unlink(missing_ok=True)


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Output]]:
    """Files that take the place of these when the block is done, and vanish if anything in it fails.

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
