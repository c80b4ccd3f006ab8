"""CSV files of rounds and of counts, read in blocks: whole numbers with commas between, under a line of names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Ints
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["Blocks", "read_columns"]

#: Bytes that are read at once, and the longest number in digits.
BLOCK, DIGITS = 1 << 23, 18
#: The longest first line in bytes.
HEADER = 1000
Blocks = Iterator[Ints]


def read_columns(path: str | os.PathLike[str]) -> tuple[list[str], Blocks]:
    """The names of the columns, and blocks (rows, columns) of their whole numbers, in the file's order.

    Raises
    ------
    InvalidInput
        The file cannot be read, has no line of names, or a line with anything but whole numbers.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            first = stream.readline(HEADER + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"'{file}' cannot be read: {reason}; give a CSV file of rounds or counts.") from None
    names = [name.strip().lower() for name in first.decode("utf-8-sig", "replace").split(",")]
    if len(first) > HEADER or not all(re.fullmatch("[a-z_]+", name) for name in names):
        raise InvalidInput(
            f"'{file}' must begin with a line of names, x,y,a,b for rounds or x,y,a,b,count for counts, not "
            f"{first[:40]!r}."
        )
    return names, _blocks(file, len(first), len(names))


def _blocks(file: Path, start: int, columns: int) -> Blocks:
    line, rest = 2, b""
    with file.open("rb") as stream:
        stream.seek(start)
        while block := stream.read(BLOCK):
            block = rest + block
            end = block.rfind(b"\n") + 1
            if not end and len(block) > BLOCK:
                raise InvalidInput(
                    f"line {line} of '{file}' has more than {BLOCK} bytes; end each round with a newline."
                )
            block, rest = block[:end], block[end:]
            if block:
                rows = _numbers(block, columns, file, line)
                line += block.count(b"\n")
                yield rows
        if rest.strip():
            yield _numbers(rest + b"\n", columns, file, line)


def _numbers(block: bytes, columns: int, file: Path, line: int) -> Ints:
    """The whole numbers of complete lines, (rows, columns); all digits of one place at once."""
    plain = block.replace(b"\r\n", b"\n").replace(b", ", b",")
    text = np.frombuffer(plain, dtype=np.uint8)
    ends = np.flatnonzero((text == 44) | (text == 10))
    lengths = np.diff(ends, prepend=-1) - 1
    if ends.size % columns or not _regular(text[ends], columns) or not 1 <= lengths.min() <= lengths.max() <= DIGITS:
        raise _wrong(block, columns, file, line)
    digits = text - 48  # what is below the digits comes out above 9
    if np.count_nonzero(digits > 9) != ends.size:
        raise _wrong(block, columns, file, line)
    values = digits[ends - 1].astype(np.int64)
    for place in range(1, int(lengths.max())):
        longer = lengths > place
        values[longer] += digits[ends[longer] - 1 - place].astype(np.int64) * 10**place
    return values.reshape(-1, columns)


def _regular(separators: NDArray[np.uint8], columns: int) -> bool:
    wanted = np.full((1, columns), 44, dtype=np.uint8)
    wanted[0, -1] = 10
    return bool((separators.reshape(-1, columns) == wanted).all())


def _wrong(block: bytes, columns: int, file: Path, line: int) -> InvalidParameter:
    """The sentence about the first line that has anything but as many whole numbers as there are columns."""
    good = re.compile(rb"\d{1,%d}" % DIGITS + rb", ?\d{1,%d}" % DIGITS * (columns - 1) + rb"\r?")
    for offset, text in enumerate(block.split(b"\n")[:-1]):
        if not good.fullmatch(text):
            return InvalidParameter(
                f"line {line + offset} of '{file}' is {text[:40].decode('utf-8', 'replace')!r}, and must be {columns} "
                "whole numbers from 0 with commas between; counts are not rounded and not negative."
            )
    return InvalidParameter(f"'{file}' has a line from {line} on that is no list of {columns} whole numbers.")
