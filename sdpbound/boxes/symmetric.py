"""Split programs of depolarised boxes, reduced by their symmetries: a few dozen variables for four and more boxes.

A depolarised marginal ``2^-n Q(e)`` is unchanged by the local maps of arXiv:0911.4171, Appendix E, on every box. With
Alice's setting u_i, two of them keep the guess of a GF(2)-linear f(x) = M x up to a relabelling of its values: both
flip their outcomes (A -> -A, B -> -B), which adds a column of M; and A_{1-u_i} -> -A_{1-u_i}, B_0 <-> +-B_1.
Averaging a split over them keeps Eve's figure, and leaves parts

    p_t(x y | u v) = P/k + sum_{c != 0} (-1)^{c.(t + M s)} (R_c d_c)(types),

where a box used by f has s_i = x_i and type (same, e_i) if its setting is u_i, else s_i = y_i + u_i v_i and type
(other, e_i); ``R_c`` is the tensor product over boxes of

    (c M)_i = 1:   odd under the flip:   A_{u_i} and B_0 +- B_1:     (same, e): (1, (-1)^e),  (other, e): (0, 1)
    (c M)_i = 0:   even, used by f:      (same, 0), (same, 1), (other, 0), and (other, 1) = their balance
    not used by f: all eight maps act:   e = 0, e = 1 only.

For the XOR of all boxes that are exchangeable only the symmetric tensors remain: ``n + 1`` variables, with rows counted
by how many boxes have each type, ``(1 + s)^a (1 - s)^b s^(c + d)`` as a polynomial whose coefficients meet d.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, require_size
from sdpbound.boxes.drawing import draw_symmetric
from sdpbound.boxes.exact import Integers, kron
from sdpbound.boxes.functions import OutcomeFunction
from sdpbound.boxes.partition import BoxPartition
from sdpbound.boxes.rational import common
from sdpbound.boxes.split_program import Split, SplitProgram
from sdpbound.errors import CertificateError, InvalidParameter, TooLarge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SymmetricPartition", "count_program", "count_rows", "pattern_program", "pattern_types"]

#: Most inequalities of a reduced program.
LARGEST_REDUCED = 40000

ODD = np.array([[1, 1], [1, -1], [0, 1], [0, 1]])
ODD_INVERSE = np.array([[1, 0], [0, 0], [-1, 1], [0, 0]])
EVEN = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, -1]])
EVEN_INVERSE = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
UNUSED = np.eye(2, dtype=np.int64)


def pattern_types(function: OutcomeFunction) -> tuple[int, ...]:
    """Number of types of each box: 4 (same 0, same 1, other 0, other 1) if f uses it, else 2 (e = 0, 1)."""
    assert function.matrix is not None
    return tuple(4 if used else 2 for used in function.matrix.sum(axis=0))


def pattern_program(boxes: DepolarisedBoxes, function: OutcomeFunction, distance: bool = False) -> SplitProgram:
    """The reduced program of a GF(2)-linear function; the same for all settings.

    With ``distance`` Eve maximises the distance of f from uniform instead, for several bits: by symmetry k times the
    largest ``p(f = 0) - p(1)/k`` over parts 0 <= p <= P. The parts are (t, +), the orbit of p, and (t, -), of P - p;
    c = 0 takes part too.
    """
    if function.matrix is None:
        raise InvalidParameter(
            "by symmetry only GF(2)-linear functions are solved; give a 0/1 matrix, or three boxes at most."
        )
    n, k, types = boxes.n, function.values, pattern_types(function)
    pieces, rows = k * (2 if distance else 1), int(np.prod(types))
    if rows * pieces > LARGEST_REDUCED:
        raise TooLarge(
            f"{n} depolarised boxes and {k} values of the function make {rows * pieces} inequalities (limit "
            f"{LARGEST_REDUCED}); use ExchangeableBoxes for the XOR of equal boxes, or tensor_dual."
        )
    same = np.array([all(t < 2 for t in place) for place in np.ndindex(*types)])
    maps, inverses, objective = [], [], []
    for c in range(0 if distance else 1, k):
        odd = np.array([c >> i & 1 for i in range(len(function.matrix))]) @ function.matrix % 2
        choice = [(ODD, ODD_INVERSE) if o else (EVEN, EVEN_INVERSE) if t == 4 else (UNUSED, UNUSED)
                  for o, t in zip(odd, types, strict=True)]  # fmt: skip
        maps.append(kron([m for m, _ in choice]))
        inverses.append(kron([m for _, m in choice]))
        objective.append((2**n if c else 0) * np.asarray(maps[-1][same].sum(axis=0)).astype(object))
    signs = np.array([[(-1) ** (c & t).bit_count() for c in range(0 if distance else 1, k)] for t in range(k)])
    if distance:
        signs = np.vstack([signs, -signs])
    errors = [tuple(t % 2 for t in place) for place in np.ndindex(*types)]
    marginal = np.array([int(boxes.patterns[e]) for e in errors], dtype=object)
    return SplitProgram(
        pieces, 2 if distance else k, signs, signs, tuple(maps), tuple(inverses), tuple(objective), 1, marginal,
        2**n * boxes.denominator, Fraction(0) if distance else Fraction(1, k),
    )  # fmt: skip


def count_rows(n: int) -> list[tuple[int, int, int, int]]:
    """How many boxes have each type (same 0, same 1, other 0, other 1)."""
    return [(a, b, c, n - a - b - c) for a in range(n + 1) for b in range(n + 1 - a) for c in range(n + 1 - a - b)]


def count_polynomial(row: tuple[int, int, int, int]) -> list[int]:
    """Coefficients of (1 + s)^a (1 - s)^b s^(c + d)."""
    a, b, c, d = row
    plain = [sum(comb(a, j - i) * comb(b, i) * (-1) ** i for i in range(j + 1)) for j in range(a + b + 1)]
    return [0] * (c + d) + plain


def count_program(boxes: ExchangeableBoxes) -> SplitProgram:
    """The reduced program of the XOR of all boxes."""
    n, rows = boxes.n, count_rows(boxes.n)
    matrix = sp.csr_array(np.array([count_polynomial(r) for r in rows], dtype=np.int64))
    place = {r: i for i, r in enumerate(rows)}
    inverse = np.zeros((len(rows), n + 1), dtype=np.int64)
    for j in range(n + 1):
        for i in range(n - j + 1):
            inverse[place[n - j - i, 0, j + i, 0], j] = (-1) ** i * comb(n - j, i)
    target = np.zeros(n + 1, dtype=object)
    target[0] = 4**n
    each = [w / comb(n, j) for j, w in enumerate(boxes.weights)]
    numerators, denominator = common(each)
    marginal = np.array([numerators[b + d] for _, b, _, d in rows], dtype=object)
    signs = np.array([[1], [-1]])
    return SplitProgram(
        2,
        2,
        signs,
        signs,
        (matrix,),
        (sp.csr_array(inverse),),
        (target,),
        1,
        marginal,
        2**n * denominator,
        Fraction(1, 2),
    )


@dataclass(frozen=True, eq=False)
class SymmetricPartition:
    """A partition of depolarised boxes in the reduced form: k members of weight 1/k that differ by flips only.

    Attributes
    ----------
    boxes : the marginal
    settings : Alice's, which Eve knows
    function : what Eve guesses; member t guesses t
    program, split : the reduced program and the exact solution

    >>> from sdpbound.boxes.guessing import guessing_program
    >>> found = guessing_program([0.1] * 5).partition
    >>> type(found).__name__, found.check() == found.value
    ('SymmetricPartition', True)
    """

    boxes: DepolarisedBoxes | ExchangeableBoxes
    settings: tuple[int, ...]
    function: OutcomeFunction
    program: SplitProgram
    split: Split

    def __len__(self) -> int:
        return self.program.pieces

    @property
    def weights(self) -> tuple[Fraction, ...]:
        return (Fraction(1, len(self)),) * len(self)

    @property
    def value(self) -> Fraction:
        """Eve's guessing probability, a lower bound on the best."""
        return self.split.value

    @property
    def distance(self) -> Fraction:
        """Distance of f from uniform with this partition, for one bit; a lower bound on the best."""
        return self.value - Fraction(1, len(self))

    def check(self) -> Fraction:
        """Recompute positivity of every row of every part, and the value; CertificateError if it is no partition."""
        p = self.program
        rows = [np.array(_apply(m, d), dtype=object) for m, d in zip(p.maps, self.split.moves, strict=True)]
        for t in range(p.pieces):
            if min(p.part(rows, self.split.denominator, t).tolist()) < 0:
                raise CertificateError(f"member {t} of the partition has a negative probability.")
        gain = sum(int((b * d).sum()) for b, d in zip(p.objective, self.split.moves, strict=True))
        value = p.constant + Fraction(gain, self.split.denominator * p.scale)
        if value != self.split.value:
            raise CertificateError("the partition's value is not the one claimed.")
        return value

    def guesses(self) -> dict[int, tuple[Fraction, Fraction]]:
        """For every number of errors, its probability with the guess right, and with the guess wrong."""
        n, k = self.boxes.n, self.function.values
        scale = k * self.split.denominator * self.program.denominator
        found = {j: [Fraction(0), Fraction(0)] for j in range(n + 1)}
        for wrong in range(k):  # member 0: value t of f has the probabilities of part t; each of 2^n / k outcomes
            rows = self._all_patterns(wrong)
            for pattern in itertools.product((0, 1), repeat=n):
                found[sum(pattern)][wrong > 0] += Fraction(k * rows[pattern] * (2**n // k), scale)
        return {j: (right, missed) for j, (right, missed) in found.items()}

    def draw(self) -> Figure:
        """The probability of every number of errors, with the guess right and wrong."""
        return draw_symmetric(self)

    def explicit(self) -> BoxPartition:
        """The same as a :class:`BoxPartition` with all its probabilities, of at most four boxes."""
        boxes, n, k = self.boxes.depolarised(), self.boxes.n, len(self)
        require_size(((2, 2),) * n)
        scale = k * self.split.denominator * self.program.denominator
        parts = [np.zeros((3,) * (2 * n), dtype=object) for _ in range(k)]
        values = [self._all_patterns(t) for t in range(k)]
        marginal = boxes.joint()
        for place in np.ndindex(*(3,) * (2 * n)):
            # a Collins-Gisin coordinate is a sum of rows: settings where it has one, else setting 0 and both outcomes
            options = [[(0, 0), (0, 1)] if p == 0 else [(p - 1, 0)] for p in place]
            for entry in itertools.product(*options):
                shift, row = orbit(entry, self.settings, self.function)
                for t in range(k):
                    parts[t][place] += values[t ^ shift][row]
        return BoxPartition(marginal, tuple(parts), scale, tuple(map(str, range(k))), self.settings, self.function)

    def _all_patterns(self, t: int) -> dict[tuple[int, ...], int]:
        part = self.program.part(self.split.rows, self.split.denominator, t).tolist()
        if isinstance(self.boxes, DepolarisedBoxes):
            return dict(zip(np.ndindex(*pattern_types(self.function)), part, strict=True))
        n = self.boxes.n
        counts: dict[tuple[int, ...], int] = dict(zip(count_rows(n), part, strict=True))
        return {r: counts[tuple(r.count(i) for i in range(4))] for r in itertools.product(range(4), repeat=n)}

    def __str__(self) -> str:
        return (
            f"Box partition of {self.boxes.n} depolarised boxes into {len(self)} members of weight 1/{len(self)}, "
            f"guessing {self.function.name}: probability {float(self.value):.9g} (lower bound)"
        )


def orbit(
    entry: tuple[tuple[int, int], ...], settings: tuple[int, ...], function: OutcomeFunction
) -> tuple[int, tuple[int, ...]]:
    """By how much the value moves, and the types; ``entry`` is (setting, outcome) of each party."""
    signs, types = [], []
    for i, count in enumerate(pattern_types(function)):
        (u, x), (v, y) = entry[2 * i], entry[2 * i + 1]
        e = x ^ y ^ (u & v)
        if count == 2:
            signs.append(0)
            types.append(e)
        else:
            signs.append(x if u == settings[i] else y ^ (settings[i] & v))
            types.append(e if u == settings[i] else 2 + e)
    return function(tuple(signs)), tuple(types)


def _apply(matrix: sp.csr_array, vector: Integers) -> list[int]:
    out = []
    for i in range(matrix.shape[0]):
        span = slice(matrix.indptr[i], matrix.indptr[i + 1])
        out.append(sum(int(a) * int(vector[j]) for a, j in zip(matrix.data[span], matrix.indices[span], strict=True)))
    return out
