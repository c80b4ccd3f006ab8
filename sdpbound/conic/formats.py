"""Programs as files that other solvers read: sparse SDPA, the conic benchmark format (CBF), and JSON.

All three hold the same: maximise ``cost @ z + offset`` with ``constant + matrix @ z`` in the cone, of
:class:`~sdpbound.conic.program.LinearMatrixInequality`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality, triangle_size
from sdpbound.errors import InvalidInput

__all__ = ["as_cbf", "as_json", "as_sdpa", "read_sdpa", "write_program"]

#: Largest SDPA file that is read, and most entries of one.
_LARGEST_FILE, _MOST_ENTRIES, _MOST_SIZE = 2**28, 5_000_000, 20_000


def write_program(program: LinearMatrixInequality, path: str | os.PathLike[str]) -> Path:
    """Write a program in the format that the end of the name says: .dat-s, .cbf or .json."""
    target = Path(path)
    for ending, text in ((".dat-s", as_sdpa), (".cbf", as_cbf), (".json", as_json)):
        if target.name.endswith(ending):
            try:
                target.write_text(text(program), encoding="utf-8")
            except OSError as error:
                raise InvalidInput(f"'{target}' cannot be written: {error.strerror}; choose another place.") from None
            return target
    raise InvalidInput(f"the file {target.name!r} must end with .dat-s (sparse SDPA), .cbf or .json.")


def as_sdpa(program: LinearMatrixInequality) -> str:
    """Sparse SDPA: minimise ``-cost @ z`` with ``sum_i F_i z_i - F_0`` positive; the linear rows are a diagonal
    block."""
    sizes = [*([-program.linear] if program.linear else []), *program.sizes]
    lines = [
        f'"sdpbound: the maximum is {program.offset!r} less the minimum here"',
        str(program.variables),
        str(len(sizes)),
        " ".join(map(str, sizes)),
        " ".join(repr(-float(c)) for c in program.cost),
    ]
    for variable, block, i, j, value in _entries(program):
        lines.append(f"{variable} {block} {i + 1} {j + 1} {(value if variable else -value)!r}")
    return "\n".join(lines) + "\n"


def _entries(program: LinearMatrixInequality) -> Iterator[tuple[int, int, int, int, float]]:
    """Variable (0: the constant), block from 1, row, column and value of everything, upper triangles."""
    places: list[tuple[int, int, int]] = [(1, k, k) for k in range(program.linear)]
    first = 1 if program.linear else 0
    for number, n in enumerate(program.sizes):
        places += [(number + 1 + first, i, j) for j in range(n) for i in range(j + 1)]
    for row in np.flatnonzero(program.constant):
        yield 0, *places[row], float(program.constant[row])
    matrix = sp.csc_array(program.matrix)
    for variable in range(program.variables):
        for k in range(matrix.indptr[variable], matrix.indptr[variable + 1]):
            yield variable + 1, *places[matrix.indices[k]], float(matrix.data[k])


def as_cbf(program: LinearMatrixInequality) -> str:
    """CBF version 2, with the offset as the constant of the objective."""
    entries = list(_entries(program))
    shift = 1 if program.linear else 0
    lines = ["VER", "2", "", "OBJSENSE", "MAX", "", "VAR", f"{program.variables} 1", f"F {program.variables}", ""]
    if program.linear:
        lines += ["CON", f"{program.linear} 1", f"L+ {program.linear}", ""]
    if program.sizes:
        lines += ["PSDCON", str(len(program.sizes)), *map(str, program.sizes), ""]
    costs = [f"{i} {float(c)!r}" for i, c in enumerate(program.cost) if c]
    lines += ["OBJACOORD", str(len(costs)), *costs, "", "OBJBCOORD", repr(program.offset), ""]
    linear = [(v, i, x) for v, block, i, _, x in entries if shift and block == 1]
    psd = [(v, block - 1 - shift, i, j, x) for v, block, i, j, x in entries if not (shift and block == 1)]
    parts = {
        "ACOORD": [f"{i} {v - 1} {x!r}" for v, i, x in linear if v],
        "BCOORD": [f"{i} {x!r}" for v, i, x in linear if not v],
        "HCOORD": [f"{b} {v - 1} {j} {i} {x!r}" for v, b, i, j, x in psd if v],  # the lower triangle
        "DCOORD": [f"{b} {j} {i} {x!r}" for v, b, i, j, x in psd if not v],
    }
    for name, rows in parts.items():
        if rows:
            lines += [name, str(len(rows)), *rows, ""]
    return "\n".join(lines)


def as_json(program: LinearMatrixInequality) -> str:
    """The program as plain data; ``matrix`` is triplets, rows as in ``LinearMatrixInequality``."""
    matrix = sp.coo_array(program.matrix)
    return json.dumps(
        {
            "format": "sdpbound program",
            "version": 1,
            "sense": "maximise cost z + offset, constant + matrix z in the cone: first the non-negative rows, then the "
            "upper triangles of positive semidefinite matrices, column by column",
            "linear": program.linear,
            "sizes": list(program.sizes),
            "cost": program.cost.tolist(),
            "offset": program.offset,
            "constant": program.constant.tolist(),
            "matrix": [[int(i), int(j), float(v)] for i, j, v in zip(matrix.row, matrix.col, matrix.data, strict=True)],
        },
        allow_nan=False,
    )


def read_sdpa(path: str | os.PathLike[str]) -> LinearMatrixInequality:
    """A program from a file in sparse SDPA format: minimise ``c x`` with ``sum_i F_i x_i - F_0`` positive semidefinite.

    The program maximises ``-c x``. Diagonal blocks become non-negative rows.

    Raises
    ------
    InvalidInput
        If the file cannot be read, with the line.
    """
    try:
        if os.path.getsize(path) > _LARGEST_FILE:
            raise InvalidInput(f"{os.fspath(path)} is larger than {_LARGEST_FILE >> 20} MB.")
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InvalidInput(f"the file {os.fspath(path)} cannot be read: {error}.") from None
    start = next((k for k, line in enumerate(lines) if line.strip() and line.lstrip()[0] not in '"*'), len(lines))
    head = [_numbers(line, start + k + 1) for k, line in enumerate(lines[start : start + 4])]
    if len(head) < 4 or not head[0] or not head[1] or len(head[2]) < head[1][0] or len(head[3]) < head[0][0]:
        raise InvalidInput(
            f"{os.fspath(path)} is no sparse SDPA file: after comments come the number of variables, the number of "
            "blocks, their sizes, and the objective, a line each."
        )
    variables, sizes = int(head[0][0]), [int(s) for s in head[2][: int(head[1][0])]]
    cost = np.array(head[3][:variables], dtype=np.float64)
    if not 1 <= variables <= _MOST_ENTRIES or not sizes or not all(0 < abs(s) <= _MOST_SIZE for s in sizes):
        raise InvalidInput(f"{os.fspath(path)} has {variables} variables and blocks {sizes[:8]}, which cannot be read.")
    return _from_entries(lines[start + 4 :], start + 5, variables, sizes, cost)


def _numbers(line: str, number: int) -> list[float]:
    for mark in ",(){}":
        line = line.replace(mark, " ")
    found = []
    for token in line.split():
        try:
            found.append(float(token))
        except ValueError:
            break  # what follows the numbers of a line is a comment
    if any(not np.isfinite(value) for value in found):
        raise InvalidInput(f"line {number} has a number that is not finite: {line[:60]!r}.")
    return found


def _from_entries(
    lines: list[str], first: int, variables: int, sizes: list[int], cost: Floats
) -> LinearMatrixInequality:
    linear = sum(-s for s in sizes if s < 0)
    starts, below, above = [], 0, linear
    for s in sizes:
        starts.append(below if s < 0 else above)
        if s < 0:
            below -= s
        else:
            above += triangle_size(s)
    constant = np.zeros(above)
    rows, columns, values = [], [], []
    for k, line in enumerate(lines[:_MOST_ENTRIES]):
        entry = _numbers(line, first + k)
        if not entry:
            continue
        if len(entry) < 5 or not (0 <= entry[0] <= variables and 1 <= entry[1] <= len(sizes)):
            raise InvalidInput(f"line {first + k} must be variable, block, row, column, value: {line[:60]!r}.")
        variable, block, i, j = (int(v) for v in entry[:4])
        i, j = min(i, j) - 1, max(i, j) - 1
        size = sizes[block - 1]
        if i < 0 or j >= abs(size) or (size < 0 and i != j):
            raise InvalidInput(f"line {first + k} is outside of block {block}, which has size {size}: {line[:60]!r}.")
        row = starts[block - 1] + (i if size < 0 else triangle_size(j) + i)
        if variable:
            rows.append(row)
            columns.append(variable - 1)
            values.append(entry[4])
        else:
            constant[row] -= entry[4]
    matrix = sp.csc_array((values, (rows, columns)), shape=(above, variables))
    matrix.sum_duplicates()
    return LinearMatrixInequality(-cost, 0.0, matrix, constant, linear, tuple(s for s in sizes if s > 0))
