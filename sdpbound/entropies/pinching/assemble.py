"""The Brown-Fawzi-Fawzi program with the least of Eve's words, solved for in operators of Alice and Bob alone.

Let E_k be the projections of the key's values. For any operators T_k = E_k T_k of Alice and Bob, and t in (0, 1),

    min_Z <E (Z + Z* + (1 - t) Z* Z) + t Z Z*>,  summed over k, plus 1
        >= t / (1 - t) sum_k (<T_k + T_k*> - t <T_k* T_k> - (1 - t) <T_k T_k*>) - t / (1 - t),

as ``X_k = (E_k - t T_k) / (1 - t)`` completes the two squares ``(1 - t) |E_k Z + X_k|^2 + t |Z* + T_k*|^2``. With the
nodes and weights of :func:`sdpbound.entropies.quadrature.gauss_radau` this bounds the entropy from below; another
reading is a lower bound on the divergence of the state of Alice and Bob from its *pinched* version, to which H(A|E) is
equal, with the logarithm bounded by a rational function (docs/entropies.md). The best T_k of span E_k u, for words u of
the devices, is ``K^-1 b``, and the least value over all moment matrices is one program whose only moments are those of
Alice and Bob.

Relabellings that keep the data and permute the values of the key leave the best T unchanged, as the bound is concave
in T: so T is a combination of the few polynomials that the whole group keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.adversaries.quantum import relaxation_of
from sdpbound.arrays import Floats
from sdpbound.bell.key import Merge
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.symmetry import SymmetryGroup
from sdpbound.bounds.used_symmetry import UsedSymmetry
from sdpbound.conic.program import SolverResult
from sdpbound.conic.programs.inverse import InverseProgram, InverseStructure
from sdpbound.conic.programs.quadratic import CopyMaps, QuadraticData, QuadraticDual
from sdpbound.entropies.pinching.invariant import Invariant, action_on_words, elements_of
from sdpbound.entropies.pinching.operators import ONE, KeyOperators, KeySquares, key_operators, maps_of
from sdpbound.entropies.proof import rows_of
from sdpbound.entropies.quadrature import gauss_radau
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.entries import key_values
from sdpbound.entropies.symmetries import entropy_group
from sdpbound.entropies.words import WIDE, require_words, words_of_level
from sdpbound.npa.levels import Level, normalise_level
from sdpbound.npa.words import PartyAlgebra, Word, moment_matrix

__all__ = ["PinchingProgram", "assemble_pinching", "size_of_program"]

#: The words by which the symmetry of a question is known.
SMALL = "1+AB"


@dataclass(frozen=True, eq=False)
class PinchingProgram:
    """The program of a question at one level, for m nodes.

    Attributes
    ----------
    reduced : the structure of the program; points with other tested values share it
    words : the words of Alice and Bob
    nodes, weights : (m,) t_i and kappa_i
    constant : the sum of all kappa_i, rounded down
    symmetry : the symmetry that the program is reduced by
    longest : (q, r) what the T are of those words that have the most letters of Bob
    """

    reduced: InverseProgram
    words: tuple[Word, ...]
    nodes: Floats
    weights: Floats
    constant: float
    symmetry: UsedSymmetry
    longest: Floats

    def data(self, values: Floats, tolerances: Floats) -> QuadraticData:
        """The data of the program for these tested values and tolerances (J,)."""
        return QuadraticData(values, tolerances, self.factors, self.constant)

    def claimed(self, result: SolverResult) -> float:
        """The entropy in bits that the solver reports; it is not proven."""
        k, t = self.weights[:-1], self.nodes[:-1]
        return -result.objective - float((k * t / (1.0 - t)).sum())

    def entries(self, dual: QuadraticDual) -> dict[str, Any]:
        """The entries of a certificate that describe this dual, without its multipliers."""
        one: list[list[list[int]]] = [[[], []]]
        blocks = []
        for factor in dual.blocks:  # of two columns: the rest of a lower triangular matrix is zero
            whole = np.zeros((len(factor), len(factor)))
            whole[:, : factor.shape[1]] = factor
            blocks.append(rows_of(whole))
        return {
            "gauss_radau": len(self.nodes),
            "words": [[list(part) for part in word] for word in self.words],
            "left": one,
            "right": one,
            "factor": rows_of(dual.shared),
            "blocks": blocks,
        }

    def shortfall(self, moments: Floats) -> tuple[float, float]:
        """Bits at invariant moments (k,): what T gain by Bob's longest words, and would by four times the nodes."""

        def entropy(nodes: Floats, weights: Floats, span: Floats | None = None) -> float:
            factors = weights[:-1] * nodes[:-1] / (1.0 - nodes[:-1])
            return self.reduced.least(moments, nodes[:-1], factors, span) - float(factors.sum())

        here, more = entropy(self.nodes, self.weights), gauss_radau(4 * len(self.nodes))
        words = here - entropy(self.nodes, self.weights, scipy.linalg.null_space(self.longest))
        return max(words, 0.0), max(entropy(more.nodes, more.weights) - here, 0.0)

    @property
    def factors(self) -> Floats:
        """(m, 3): kappa, kappa (1 - t) and kappa t; the last two are at most the values of the exact rule."""
        k, t = self.weights, self.nodes
        return np.array([k, k * (1.0 - t) * (1.0 - 1e-15), k * t * (1.0 - 1e-15)]).T


def assemble_pinching(question: EntropyQuestion, level: Level, count: int) -> PinchingProgram:
    """Write the program of a question with ``count`` nodes."""
    scenario, observed = question.scenario, question.observed
    rows = np.ascontiguousarray(observed.coefficients.reshape(len(observed), int(np.prod(scenario.shape))))
    effects = question.effects.reshape(question.outcomes, -1)
    words, needed, group = _known(question, level)
    parts = _parts(scenario, words, group.generators, group.copies, question.alice, question.y, question.merge)
    reached = np.asarray(relaxation_of(scenario, parts.invariant.matrix).reached)
    require_words(scenario, normalise_level(level), words, np.asarray(effects.any(axis=0)), needed & ~reached)
    wide = tuple(bool(t > WIDE) for t in observed.tolerances)
    program = _program(parts, rows.tobytes(), wide, count)
    rule, order = gauss_radau(count), len(parts.invariant.elements)
    blocks = len(parts.operators.keys) * (count - 1)
    used = UsedSymmetry(
        order,
        tuple(str(g) for g in group.generators) if order > 1 else (),
        group.complete,
        (len(words), *(len(words) + 2,) * blocks),
        program.sizes,
        parts.invariant.matrix.moments,
        program.variables,
    )
    most = max(len(word[1]) for word in words)
    longest = np.sum(parts.operators.left, axis=0)[[len(word[1]) == most for word in words]]
    return PinchingProgram(program, words, rule.nodes, rule.weights, rule.constant, used, longest)


def size_of_program(question: EntropyQuestion, level: Level) -> tuple[int, float, int]:
    """Words, about how many invariant moments, and the order of the symmetry."""
    words, _, group = _known(question, level)
    count = 0.5
    for p, letters in enumerate(question.scenario.letters):
        own, algebra = sorted({word[p] for word in words}), PartyAlgebra(letters)
        count *= len({algebra.product(u, v) for u in own for v in own})
    return len(words), count / group.order, group.order


def _known(question: EntropyQuestion, level: Level) -> tuple[tuple[Word, ...], NDArray[np.bool_], SymmetryGroup]:
    """The words of a level, the coordinates that tests and key need, and the symmetry of the question."""
    scenario, observed = question.scenario, question.observed
    used = np.abs(np.concatenate([observed.coefficients, question.effects])).reshape(-1, int(np.prod(scenario.shape)))
    needed = np.asarray(used.any(axis=0), dtype=np.bool_)
    needed[0] = True
    words = words_of_level(scenario, normalise_level(level), needed.reshape(scenario.shape))
    small = words_of_level(scenario, SMALL, needed.reshape(scenario.shape))
    return words, needed, entropy_group(observed, question.effects, small)


@dataclass(frozen=True, eq=False)
class _Parts:
    """What programs of a scenario, words and symmetries share.

    Attributes
    ----------
    invariant, operators : the moment matrix, and the T
    first, second, vector : K', K'' and b of :class:`InverseStructure`
    block : the moment matrix at invariant moments
    inner, last : the layouts of the blocks of a node
    start : invariant moments of white noise
    """

    invariant: Invariant
    operators: KeyOperators
    first: Floats
    second: Floats
    vector: Floats
    block: _Block
    inner: tuple[CopyMaps, ...]
    last: tuple[CopyMaps, ...]
    start: Floats


@dataclass(frozen=True, eq=False)
class _Block:
    """The moment matrix at invariant moments: what its blocks' upper triangles are of these."""

    invariant: Invariant
    rows: tuple[Floats, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(frame.shape[1] for frame in self.invariant.frames)

    def triangles(self, invariants: sp.csr_array) -> sp.csr_array:
        return sp.csr_array(np.vstack(self.rows))

    def lift(self, duals: list[Floats]) -> Floats:
        return self.invariant.lift(duals)


@lru_cache(maxsize=32)
def _parts(
    scenario: Scenario,
    words: tuple[Word, ...],
    generators: tuple[Relabelling, ...],
    images: tuple[tuple[int, ...], ...],
    x: int,
    y: int | None,
    merge: Merge | None,
) -> _Parts:
    actions = [action_on_words(g, words) for g in generators]
    known = [action for action in actions if action is not None]
    elements = elements_of(known if len(known) == len(actions) else [], len(words))
    if len(elements) == 1:
        images = ()
    invariant = Invariant(scenario, moment_matrix(scenario, words), tuple(elements))
    operators = key_operators(invariant, key_values(scenario, x, y, merge))
    sides = [
        [(side[k], float(times)) for k, times in operators.orbits(images)] for side in (operators.left, operators.right)
    ]
    *rows, first, second = invariant.forms([*([(frame, 1.0)] for frame in invariant.frames), *sides])
    vector = invariant.means(words.index(ONE), np.sum(operators.left, axis=0))
    inner, last = (tuple(maps_of(invariant, key, at_end) for key in operators.keys) for at_end in (False, True))
    start = invariant.moments.T @ invariant.noise
    return _Parts(invariant, operators, first, second, vector, _Block(invariant, tuple(rows)), inner, last, start)


@lru_cache(maxsize=32)
def _program(parts: _Parts, rows_bytes: bytes, wide: tuple[bool, ...], count: int) -> InverseProgram:
    invariant, own = parts.invariant, parts.operators
    relaxation = relaxation_of(invariant.scenario, invariant.matrix)
    rows = np.frombuffer(rows_bytes).reshape(len(wide), int(np.prod(invariant.scenario.shape)))
    nodes = gauss_radau(count).nodes[:-1]
    structure = InverseStructure(
        index=invariant.index,
        moments=invariant.matrix.moments,
        unit=relaxation.unit,
        tested=np.asarray(rows @ relaxation.coordinates),
        wide=wide,
        invariants=invariant.moments,
        block=parts.block,
        rows=parts.block.rows,
        parameters=nodes,
        first=parts.first,
        second=parts.second,
        vector=parts.vector,
        grams=(own.left, own.right),
        layouts=(*[parts.inner] * len(nodes), parts.last),
        squares=KeySquares(own, nodes),
        start=parts.start,
    )
    return InverseProgram(structure)
