"""Where physics meets numerics: a question about behaviours becomes a :class:`ConicProgram`.

A figure of merit is ``maximise sum_e objective_e . v_e`` over sub-normalised behaviours v_e of the model, one for each
of Eve's guesses e, that add up to a normalised behaviour with the tested values. (Eve has one setting, so her
projectors commute with everything: arXiv:1309.3930, arXiv:1309.3894.) A Bell value is the case of one e.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.behaviour import DATA_TOLERANCE, Observations
from sdpbound.conic.certificate import Certifier
from sdpbound.conic.program import ConicProgram, Symmetry
from sdpbound.conic.reduce import Reduction
from sdpbound.errors import InvalidLevel
from sdpbound.relaxation import BlindMeasurement, CorrelationModel, Relaxation
from sdpbound.scenario import Scenario

__all__ = ["Assembly", "Question", "assemble"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Question:
    """A figure of merit in Bell terms.

    Attributes
    ----------
    scenario : the scenario of the parties
    objective : (E, *shape) coefficients for each of Eve's guesses, in the scenario, extended if ``blind``
    observed : what is tested
    figure : the figure as a certificate names it
    side : "upper" or "lower": of the figure. "lower" of a Bell value maximises its negative.
    floor : a number that the maximum never goes below for feasible data
    blind : Eve's measurement on Bob's device, if she has it
    given : the data as asked about, where the tolerances of ``observed`` had to be widened
    """

    scenario: Scenario
    objective: Floats
    observed: Observations
    figure: dict[str, Any]
    side: str
    floor: float
    blind: BlindMeasurement | None = None
    given: Observations | None = None

    @property
    def ceiling(self) -> float:
        """A bound that the zero dual proves: a dual that is worse is not worth keeping."""
        return float("inf") if self.figure["kind"] in ("bell_value", "separation") else 1.0

    @property
    def sign(self) -> float:
        """+1 if the figure itself is maximised, -1 if its negative is."""
        return -1.0 if self.side == "lower" and self.figure["kind"] == "bell_value" else 1.0


@dataclass(frozen=True, eq=False)
class Assembly:
    """A program with everything that depends on its structure only, shared between the points of a sweep."""

    program: ConicProgram
    reduction: Reduction
    certifier: Certifier
    relaxation: Relaxation
    copies: int
    dependencies: tuple[Floats, ...]


@dataclass(frozen=True, eq=False)
class _Structure:
    equalities: sp.csr_array
    blocks: tuple[NDArray[np.int64], ...]
    inequalities: sp.csr_array
    unit: NDArray[np.int64]
    coordinates_t: sp.csr_array
    reduction: Reduction
    certifier: Certifier
    relaxation: Relaxation
    dependencies: tuple[Floats, ...]


def assemble(question: Question, model: CorrelationModel, symmetry: bool = True) -> Assembly:
    """Write the program of a question for a model; ``symmetry=False`` leaves its symmetries unused."""
    relaxation = model.relax(question.scenario, question.blind)
    observed = question.observed
    copies = len(question.objective)
    rows = _data_rows(question, relaxation)
    objective_rows = question.objective.reshape(copies, -1)
    _require_reached(question, model, relaxation, objective_rows, rows)
    key = _symmetry_key(relaxation, objective_rows, rows, observed.values) if symmetry and relaxation.matrix else ()
    structure = _structure(model, question.scenario, question.blind, copies, rows.shape[0], rows.tobytes(), key)
    objective = np.concatenate([structure.coordinates_t @ row for row in objective_rows])
    program = ConicProgram(
        objective=objective,
        equalities=structure.equalities,
        values=np.concatenate([[1.0], observed.values]),
        tolerances=np.concatenate([[0.0], observed.tolerances]),
        blocks=structure.blocks,
        inequalities=structure.inequalities,
        unit=structure.unit,
    )
    return Assembly(
        program, structure.reduction, structure.certifier, structure.relaxation, copies, structure.dependencies
    )


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


def _data_rows(question: Question, relaxation: Relaxation) -> Floats:
    """Tested functionals in the relaxation's scenario, (J, coordinates)."""
    table = question.observed.coefficients
    shape = relaxation.scenario.shape
    if table.shape[1:] != shape:
        wide = np.zeros((len(table), *shape))
        wide[(slice(None), *(slice(0, k) for k in table.shape[1:]))] = table
        table = wide
    return np.ascontiguousarray(table.reshape(len(table), relaxation.coordinates.shape[0]))


def _require_reached(
    question: Question, model: CorrelationModel, relaxation: Relaxation, objective: Floats, rows: Floats
) -> None:
    if relaxation.reached.all():
        return
    needed = (objective != 0).any(axis=0) | (rows != 0).any(axis=0)
    missing = np.flatnonzero(needed & ~relaxation.reached)
    if missing.size:
        index = np.unravel_index(int(missing[0]), relaxation.scenario.shape)
        word = " ".join(f"{'ABCDEFGH'[p]}[{int(i)}]" for p, i in enumerate(index) if i)
        raise InvalidLevel(
            f"{model!r} does not reach the moment of {word} (coordinate numbers of the scenario) that the "
            "question needs; "
            "take a higher level, for two parties at least '1', for three at least '2'."
        )


@lru_cache(maxsize=128)
def _structure(
    model: CorrelationModel,
    scenario: Scenario,
    blind: BlindMeasurement | None,
    copies: int,
    tested: int,
    rows_bytes: bytes,
    key: tuple[Any, ...],
) -> _Structure:
    relaxation = model.relax(scenario, blind)
    m = relaxation.variables
    rows = np.frombuffer(rows_bytes).reshape(tested, relaxation.coordinates.shape[0])
    if relaxation.unit >= 0:
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
        equalities,
        blocks,
        inequalities,
        unit,
        sp.csr_array(relaxation.coordinates.T),
        Reduction(shell, _symmetries(relaxation, key)),
        Certifier(shell),
        relaxation,
        _dependencies(rows) if tested else (),
    )


# -- symmetries ---------------------------------------------------------------------------------------------------

_SIGN_LIMIT = 6


@lru_cache(maxsize=256)
def _coordinate_parity(scenario: Scenario) -> NDArray[np.int8]:
    """(coordinates, observables): which observables of all parties occur in each coordinate."""
    parts = []
    for letters in scenario.letters:
        observables = [i for i, letter in enumerate(letters, start=1) if letter.outcome is None]
        table = np.zeros((1 + len(letters), len(observables)), dtype=np.int8)
        for j, i in enumerate(observables):
            table[i, j] = 1
        parts.append(table)
    out = np.zeros((1, 0), dtype=np.int8)
    for part in parts:
        out = np.hstack([np.repeat(out, len(part), axis=0), np.tile(part, (len(out), 1))])
    return out


def _null_space_mod2(rows: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """Basis of all vectors with even overlap with every row."""
    n = rows.shape[1]
    work = [row.copy() % 2 for row in rows]
    pivots: dict[int, NDArray[np.int8]] = {}
    for row in work:
        for p, pivot in pivots.items():
            if row[p]:
                row ^= pivot
        if row.any():
            p = int(np.flatnonzero(row)[0])
            for q in pivots:
                if pivots[q][p]:
                    pivots[q] ^= row
            pivots[p] = row
    basis = []
    for free in range(n):
        if free in pivots:
            continue
        v = np.zeros(n, dtype=np.int8)
        v[free] = 1
        for p, row in pivots.items():
            v[p] = row[free]
        basis.append(v)
    return basis


def _match_copies(objective: Floats, moved: Floats) -> tuple[int, ...] | None:
    """For each copy the copy whose objective equals the moved one; None if there is none."""
    scale = 1e-13 * max(1.0, float(np.abs(objective).max(initial=0.0)))
    image: list[int] = []
    for row in moved:
        hits = [e for e in range(len(objective)) if e not in image and np.abs(objective[e] - row).max() <= scale]
        if not hits:
            return None
        image.append(hits[0])
    return tuple(image)


def _symmetry_key(relaxation: Relaxation, objective: Floats, rows: Floats, values: Floats) -> tuple[Any, ...]:
    """Generators of the symmetries used, as hashable data: ("sign", observables flipped, copies) and ("swap", copies).

    A tested row that is zero by value may change sign; every other row must stay as it is.
    """
    single = (np.count_nonzero(rows, axis=1) == 1) & (np.abs(values) <= DATA_TOLERANCE)
    support = (rows[~single] != 0).any(axis=0)
    if len(objective) == 1:
        generators = _fixing_flips(relaxation.scenario, (support | (objective[0] != 0)).tobytes())
    else:
        generators = _flips_of_copies(relaxation.scenario, support.tobytes(), objective)
    swap = _swap_copies(relaxation, objective, rows)
    trivial = tuple(range(len(objective)))
    if swap is not None and all(_commutes_with_swap(g[1]) for g in generators if g[2] == trivial):
        return (*generators, ("swap", swap))
    return generators


@lru_cache(maxsize=256)
def _flips(scenario: Scenario, support: bytes) -> tuple[NDArray[np.int8], ...]:
    """Independent choices of observables to flip that leave every coordinate of the support unchanged."""
    parity = _coordinate_parity(scenario)
    return tuple(_null_space_mod2(parity[np.frombuffer(support, dtype=np.bool_)])[:_SIGN_LIMIT])


@lru_cache(maxsize=256)
def _fixing_flips(scenario: Scenario, support: bytes) -> tuple[tuple[Any, ...], ...]:
    return tuple(("sign", tuple(int(f) for f in flip), (0,)) for flip in _flips(scenario, support))


def _flips_of_copies(scenario: Scenario, support: bytes, objective: Floats) -> tuple[tuple[Any, ...], ...]:
    """Flips that leave the data unchanged and permute the copies' objectives, those that fix the copies first."""
    parity = _coordinate_parity(scenario)
    basis = _flips(scenario, support)
    trivial = tuple(range(len(objective)))
    keep: list[tuple[NDArray[np.int8], tuple[int, ...]]] = []
    for choice in itertools.product((0, 1), repeat=len(basis)):
        if any(choice):
            flip = np.bitwise_xor.reduce([b for b, c in zip(basis, choice, strict=True) if c])
            image = _match_copies(objective, objective * (1.0 - 2.0 * ((parity @ flip) & 1)))
            if image is not None:
                keep.append((flip, image))
    keep.sort(key=lambda item: item[1] != trivial)
    generators: list[tuple[Any, ...]] = []
    span: list[NDArray[np.int8]] = []
    for flip, image in keep:
        if len(_null_space_mod2(np.array([*span, flip]))) == flip.size - len(span) - 1:
            span.append(flip)
            generators.append(("sign", tuple(int(f) for f in flip), image))
    return tuple(generators)


def _commutes_with_swap(flip: tuple[int, ...]) -> bool:
    half = len(flip) // 2
    return flip[:half] == flip[half:]


def _swap_copies(relaxation: Relaxation, objective: Floats, rows: Floats) -> tuple[int, ...] | None:
    shape = relaxation.scenario.shape
    if len(shape) != 2 or shape[0] != shape[1] or relaxation.matrix is None:
        return None
    transposed = rows.reshape(-1, *shape).transpose(0, 2, 1).reshape(rows.shape)
    if not np.array_equal(transposed, rows) or relaxation.matrix.swap_image is None:
        return None
    return _match_copies(objective, objective.reshape(-1, *shape).transpose(0, 2, 1).reshape(objective.shape))


def _symmetries(relaxation: Relaxation, key: tuple[Any, ...]) -> list[Symmetry]:
    """Signed permutations of the program's moments and words from their description."""
    matrix = relaxation.matrix
    if matrix is None:
        return []
    m = relaxation.variables
    out = []
    for generator in key:
        if generator[0] == "sign":
            flip = np.array(generator[1], dtype=np.int8)
            image, words = np.arange(m), np.arange(len(matrix.words))
            sign = np.asarray(1.0 - 2.0 * ((matrix.parity @ flip) & 1), dtype=np.float64)
            word_sign = np.asarray(1.0 - 2.0 * ((matrix.word_parity @ flip) & 1), dtype=np.float64)
            copies = generator[2]
        else:
            images = matrix.swap_image
            assert images is not None
            image, words = images
            sign = np.ones(m)
            word_sign = np.ones(len(words))
            copies = generator[1]
        out.append(
            Symmetry(
                image=np.concatenate([image + copies[e] * m for e in range(len(copies))]),
                sign=np.tile(sign, len(copies)),
                block_image=tuple(copies),
                word_image=(words,) * len(copies),
                word_sign=(word_sign,) * len(copies),
            )
        )
    return out
