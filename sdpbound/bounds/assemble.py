"""Where physics meets numerics: a question about behaviours becomes a :class:`ConicProgram`.

A figure of merit is ``maximise sum_e objective_e . v_e`` over sub-normalised behaviours v_e of the model, one for each
of Eve's guesses e, that add up to a normalised behaviour with the tested values. (Eve has one setting, so her
projectors commute with everything: arXiv:1309.3930, arXiv:1309.3894.) A Bell value is the case of one e.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import Adversary, Relaxation, checked_relaxation
from sdpbound.arrays import Floats
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.bell.symmetry import SymmetryGroup
from sdpbound.bounds.question import Question
from sdpbound.bounds.symmetries import forget_symmetries, program_symmetry, question_symmetry
from sdpbound.conic.certificate import Certifier
from sdpbound.conic.program import ConicProgram, Symmetry
from sdpbound.conic.reduce import Reduction
from sdpbound.errors import InvalidLevel

__all__ = ["Assembly", "assemble", "forget"]


@dataclass(frozen=True, eq=False)
class Assembly:
    """A program with everything that depends on its structure only, shared between the points of a sweep.

    ``group`` are the symmetries used, None if none were looked for. ``wider`` is the same question in more words, in
    which the inequalities beside a matrix are squares. ``own_reduction`` takes the place of that of the structure.
    """

    program: ConicProgram
    structure: _Structure
    copies: int
    group: SymmetryGroup | None = None
    wider: Assembly | None = None
    own_reduction: Reduction | None = None

    @property
    def reduction(self) -> Reduction:
        """Made when it is first asked for: a compiled method solves the program as it is."""
        return self.structure.reduction if self.own_reduction is None else self.own_reduction

    @property
    def certifier(self) -> Certifier:
        return self.structure.certifier

    @property
    def relaxation(self) -> Relaxation:
        return self.structure.relaxation

    @property
    def dependencies(self) -> tuple[Floats, ...]:
        return self.structure.dependencies


@dataclass(frozen=True, eq=False)
class _Structure:
    shell: ConicProgram
    coordinates_t: sp.csr_array
    symmetry: Callable[[], Symmetry | None]
    certifier: Certifier
    relaxation: Relaxation
    dependencies: tuple[Floats, ...]

    @cached_property
    def reduction(self) -> Reduction:
        return Reduction(self.shell, self.symmetry())


def assemble(question: Question, model: Adversary, symmetry: bool = True) -> Assembly:
    """Write the program of a question for a model; ``symmetry=False`` leaves its symmetries unused."""
    relaxation = checked_relaxation(model, question.scenario, question.blind)
    observed = question.observed
    copies = len(question.objective)
    # tested functionals in the relaxation's scenario, (J, coordinates)
    rows = question.tested_in(relaxation.scenario).reshape(len(observed), relaxation.coordinates.shape[0])
    objective_rows = question.objective.reshape(copies, -1)
    _require_reached(question, model, relaxation, objective_rows, rows)
    proving = model.certified_by()
    group = None
    if symmetry and relaxation.matrix is not None and proving is None:
        group = question_symmetry(question, model, relaxation)
    key = () if group is None else tuple(zip(group.generators, group.copies, strict=True))
    structure = _structure(model, question.scenario, question.blind, copies, rows.shape[0], rows.tobytes(), key)
    objective = np.concatenate([structure.coordinates_t @ row for row in objective_rows])
    program = replace(
        structure.shell,
        objective=objective,
        values=np.concatenate([[1.0], observed.values]),
        tolerances=np.concatenate([[0.0], observed.tolerances]),
    )
    wider = None if proving is None else assemble(question, proving, symmetry=False)
    return Assembly(program, structure, copies, group, wider)


def forget() -> None:
    """Drop what is kept for the points of a sweep, so that the next program is assembled from nothing, to be timed."""
    _structure.cache_clear()
    forget_symmetries()


def _dependencies(rows: Floats) -> tuple[Floats, ...]:
    """Combinations of tested expressions that are constant, each with sum of |multipliers| one.

    Of rows scaled to one; a combination is dependent if it vanishes up to rounding.
    """
    scale = np.abs(rows).sum(axis=1)
    scale[scale == 0.0] = 1.0
    left, sizes, _ = np.linalg.svd((rows / scale[:, None])[:, 1:], full_matrices=True)
    rank = int((sizes > 1e-13 * max(1.0, float(sizes.max(initial=0.0)))).sum())
    out = []
    for column in left[:, rank:].T:
        multipliers = column / scale
        out.append(multipliers / np.abs(multipliers).sum())
    return tuple(out)


def _require_reached(
    question: Question, model: Adversary, relaxation: Relaxation, objective: Floats, rows: Floats
) -> None:
    if relaxation.reached.all():
        return
    needed = (objective != 0).any(axis=0) | (rows != 0).any(axis=0)
    missing = np.flatnonzero(needed & ~relaxation.reached)
    if missing.size:
        index = np.unravel_index(int(missing[0]), relaxation.scenario.shape)
        word = relaxation.scenario.word([int(i) for i in index])
        raise InvalidLevel(
            f"{model!r} does not reach the moment <{word}> that the question needs; "
            f"take a higher level: '{-(-sum(map(bool, index)) // 2)}' has it."
        )


@lru_cache(maxsize=128)
def _structure(
    model: Adversary,
    scenario: Scenario,
    blind: BlindMeasurement | None,
    copies: int,
    tested: int,
    rows_bytes: bytes,
    key: tuple[tuple[Relabelling, tuple[int, ...]], ...],
) -> _Structure:
    relaxation = model.relax(scenario, blind)
    m = relaxation.variables
    rows = np.frombuffer(rows_bytes).reshape(tested, relaxation.coordinates.shape[0])
    if not relaxation.of_vertices:
        unit_row = np.zeros(m)
        unit_row[relaxation.unit] = 1.0
        unit = np.concatenate([np.full(m, e * m + relaxation.unit, dtype=np.int64) for e in range(copies)])
    else:
        unit_row = np.ones(m)
        unit = np.full(copies * m, -1, dtype=np.int64)
    one = sp.csr_array(np.vstack([unit_row[None], (relaxation.coordinates.T @ rows.T).T]))
    equalities = sp.csr_array(sp.hstack([one] * copies, format="csr"))
    blocks = tuple(np.where(b >= 0, b + e * m, -1) for e in range(copies) for b in relaxation.blocks)
    inequalities = sp.csr_array(
        sp.block_diag([relaxation.inequalities] * copies, format="csr")
        if relaxation.inequalities.shape[0]
        else sp.csr_array((0, copies * m))
    )
    shell = ConicProgram(
        np.zeros(copies * m), equalities, np.zeros(tested + 1), np.zeros(tested + 1), blocks, inequalities, unit
    )
    return _Structure(
        shell,
        sp.csr_array(relaxation.coordinates.T),
        lambda: program_symmetry(model, scenario, blind, copies, key),
        Certifier(shell),
        relaxation,
        _dependencies(rows) if tested else (),
    )
