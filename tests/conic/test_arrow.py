"""The arrow solver: groups of columns are found as they are, and programs get the answers of other solvers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import sdpbound as sb
from sdpbound.conic.program import LinearMatrixInequality, Status, triangle_size
from sdpbound.conic.solvers.arrow_groups import BlockColumns, layout_of
from sdpbound.conic.solvers.solver import ask
from sdpbound.conic.solvers.vectors import triangle


def arrow_program(
    seed: int, groups: int = 3, size: int = 5, linear: int = 2, wide: bool = False
) -> LinearMatrixInequality:
    """Random, with an interior on both sides: a shared block, and for each group A(z_k) and M(y) - A(z_k)."""
    rng = np.random.default_rng(seed)
    shared, own, rows = 4, 3, triangle_size(size)
    count = shared + groups * own
    common, parts = rng.normal(size=(rows, own)), rng.normal(size=(rows, shared))
    parts[:, 0] = common @ rng.normal(size=own)  # a combination of the groups' own
    blocks = [np.hstack([parts, np.zeros((rows, count - shared))])]
    for k in range(groups):
        inner = np.zeros((rows, count))
        inner[:, shared + k * own : shared + (k + 1) * own] = common * (1.0 + (k if wide else 0))
        outer = -inner
        outer[:, :shared] = parts
        blocks += [inner, outer]
    matrix = np.vstack([np.hstack([rng.normal(size=(linear, shared)), np.zeros((linear, count - shared))]), *blocks])
    sizes = (size,) * (1 + 2 * groups)
    row, column = triangle(size)
    weights = np.where(row == column, 1.0, 2.0)
    # constants around the identity at z = 0, and a cost that has a positive definite dual
    constant = np.concatenate([np.ones(linear), *[(row == column) * 2.0 for _ in sizes]])
    dual = []
    for _ in sizes:
        g = rng.normal(size=(size, size + 1))
        dual.append(weights * (g @ g.T)[row, column])
    cost = -matrix.T @ np.concatenate([rng.uniform(0.5, 1.0, linear), *dual])
    return LinearMatrixInequality(cost, 0.25, sp.csc_array(matrix), constant, linear, sizes, shared)


def columns_of(block: BlockColumns, own: int, shared: int) -> np.ndarray:
    """The columns that a layout says a block has, own ones first, as rows of a triangle."""
    bases, n = block.bases, block.bases.size
    matrices = np.zeros((n, n, bases.count))
    for b in range(bases.count):
        part = slice(bases.starts[b], bases.starts[b + 1])
        matrices[bases.rows[part], bases.columns[part], b] = bases.values[part]
    row, column = triangle(n)
    flat = matrices[row, column]
    out = np.zeros((row.size, own + shared))
    out[:, block.own] = flat[:, block.basis] * block.factor
    out[:, own + block.of_shared] = (block.combination @ flat.T).T
    return out


@pytest.mark.parametrize("wide", [False, True])
def test_the_layout_is_the_program(wide: bool) -> None:
    program = arrow_program(5, wide=wide)
    layout = layout_of(program)
    assert [group.columns.size for group in layout.groups] == [3, 3, 3, 0]
    matrix, start = program.matrix.toarray(), program.linear
    where = {b: start + b * 15 for b in range(7)}
    for group in layout.groups:
        for block in group.blocks:
            rows = matrix[where[block.block] : where[block.block] + 15]
            expected = np.hstack([rows[:, group.columns], rows[:, :4]])
            assert np.allclose(columns_of(block, group.columns.size, 4), expected, atol=1e-9)
    inner, outer = layout.groups[0].blocks
    assert inner.bases.count == 3 and outer.bases.count == 6  # three shared columns are no combination of them
    assert layout.groups[1].blocks[0].bases is inner.bases  # whatever the factor is


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("groups", [1, 3])
def test_answers_of_another_solver(seed: int, groups: int) -> None:
    program = arrow_program(seed, groups)
    found, other = ask(sb.Arrow(), program), ask(sb.Clarabel(), program)
    assert found.status is Status.SOLVED
    assert found.objective == pytest.approx(other.objective, abs=1e-6 * (1 + abs(other.objective)))
    assert found.solution is not None
    assert program.cost @ found.solution + program.offset == pytest.approx(found.objective, rel=1e-7, abs=1e-7)


def test_all_columns_are_shared_where_nothing_is_said() -> None:
    program = arrow_program(2)
    plain = LinearMatrixInequality(
        program.cost, program.offset, program.matrix, program.constant, program.linear, program.sizes
    )
    assert len(layout_of(plain).groups) == 1
    assert ask(sb.Arrow(), plain).objective == pytest.approx(ask(sb.Arrow(), program).objective, abs=1e-6)


def test_linear_rows_of_other_columns_make_all_columns_shared() -> None:
    program = arrow_program(3)
    matrix = program.matrix.toarray()
    matrix[0, 5] = 0.1
    mixed = LinearMatrixInequality(
        program.cost, program.offset, sp.csc_array(matrix), program.constant, program.linear, program.sizes, 4
    )
    assert layout_of(mixed).shared == program.variables
    found, other = ask(sb.Arrow(), mixed), ask(sb.Clarabel(), mixed)
    assert found.objective == pytest.approx(other.objective, abs=1e-6 * (1 + abs(other.objective)))


def test_a_time_limit_ends_with_what_there_is() -> None:
    found = ask(sb.Arrow(time_limit=1e-9), arrow_program(0))
    assert found.status is Status.STOPPED and all(np.isfinite(dual).all() for dual in found.duals)


def test_more_accuracy_is_more_accurate() -> None:
    program = arrow_program(1)
    exact = ask(sb.Arrow(tolerance=1e-10), program).objective
    loose, tight = (abs(ask(sb.Arrow(tolerance=t), program).objective - exact) for t in (1e-3, 1e-7))
    assert tight <= 1e-6 * (1 + abs(exact)) and tight < loose
