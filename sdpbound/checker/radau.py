"""Check a conditional entropy proven by Gauss-Radau nodes.

With x_1 < ... < x_m = 1 the roots of P_m - P_{m-1} (Legendre polynomials), t_i = (1 + x_i)/2 and
kappa_i = 1/((m P_{m-1}(x_i))^2 ln 2), E_k the effects of the outcomes of the key, products of projectors of Alice and
Bob, and E'_k = (1 - 2q) E_k + q the same after flips with probability q, arXiv:2106.13692 proves

    H >= sum_i kappa_i (1 + sum_k min_Z <q_ik(Z)>),    q_ik(Z) = E'_k (Z + Z* + (1 - t_i) Z* Z) + t_i Z Z*,

over all operators Z that commute with the devices.

The proof has three lists of words of Alice and Bob, ``words`` w, ``left`` u and ``right`` v, and for each i and k
(Alice's outcome first) a factor L: with X = L L^T and the rows w, u E Z (u Z if q > 0; none for t_m = 1) and v Z*,

    0 <= <rows^dagger X rows> = <T> + <p_1(wZ)> + <p_2(Z*Z)> + <p_3(ZZ*)> + <p_4(Z*Z*)>,

T and the p real polynomials, word and adjoint identified. So <kappa q> = <kappa q> - (sum of squares) + <T> + ... gives
<kappa q> >= -<T> + <r> with r what the p differ from kappa q. With d = <E Z*Z> (q > 0: <Z*Z>) and f = <ZZ*>, and a word
w of letters that are contractions, |<wZ>| <= sqrt f, |<E w E Z*Z>| <= d, |<w ZZ*>| <= f, |<E w Z*Z*>| <= sqrt(d f). Let
1 - e be the part of kappa t f that p_3 has. If e pays for the rest of p_2, p_3 and p_4 with d and f,

    <r> >= left f - |r_1| sqrt f >= -|r_1|^2 / (4 left),

so no limit on Z is needed; a block for which e does not is refused. What remains, the sum of all T, is an affine
question about Alice and Bob alone, bounded as the other quantum ones with the entry ``factor``.

Where outcomes are merged, E_k is a sum of projectors E_a, one for each outcome of the value, that exclude each other,
and the rows between w and v are u E_a Z for each a in order, all u for the first, then all for the next. With d_a =
<E_a Z*Z>, d is their sum; p_2 has words E_a w E_a' Z*Z, of which none is more than sqrt(d_a d_a') <= (d_a + d_a')/2,
and kappa q has (1 - t) kappa of each E_a Z*Z; p_4 has E_a w Z*Z*, at most sqrt(d f). So all stays as it is.

kappa_i and t_i are balls of 1024 bits; where the rule's exact numbers are needed, their ends on the safe side stand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

import flint

from sdpbound.checker.numbers import (
    HALF,
    LOG_PRECISION,
    ONE,
    ZERO,
    Tensor,
    lower_end,
    nearest_float,
    rounded_float,
    to_ball,
)
from sdpbound.checker.question import MOST_OUTCOMES, Question, pair_of
from sdpbound.checker.reading import read_integer, read_list
from sdpbound.checker.scenario import expanded, total_of
from sdpbound.checker.words import (
    Algebra,
    Residual,
    Word,
    as_residual,
    gram_matrix,
    read_words,
    require_triangle,
    residual_charge,
    sum_of_residuals,
    sum_of_squares,
)
from sdpbound.errors import CertificateError

__all__ = ["RadauNode", "gauss_radau_charge", "gauss_radau_nodes", "power_nodes"]

_MOST_NODES = 128
_BITS_OF_ORDER = 64
_KINDS = ("devices", "linear", "square", "other", "twice")  # of what <rows^dagger X rows> has
_X_MINUS_1 = flint.fmpq_poly([-1, 1])


@dataclass(frozen=True, slots=True)
class RadauNode:
    """kappa as a float and what that may be off; floats not above kappa (1 - t) and kappa t."""

    linear: Fraction
    off: Fraction
    square: Fraction
    other: Fraction


@dataclass(frozen=True, slots=True)
class _Key:
    """A value of the key: the outcomes that have it, for each party with a setting, their expansions and the sum's."""

    settings: tuple[int | None, ...]
    outcomes: tuple[tuple[int, ...], ...]
    parts: tuple[Tensor, ...]

    @property
    def effect(self) -> Tensor:
        return total_of(self.parts)


def gauss_radau_charge(
    question: Question, multipliers: Sequence[Fraction], proof: Mapping[str, object], exponent: Fraction = ZERO
) -> Fraction:
    """A number mu with -entropy <= mu + sum_j multipliers_j observed_j . v for every quantum behaviour v.

    With an ``exponent`` r in (0, 1), (1 - 2^(-r H)) / r stands for the entropy, H of the kind "petz down".
    """
    count = read_integer(proof["gauss_radau"], 2, _MOST_NODES, "proof.gauss_radau")
    nodes, constant = power_nodes(count, exponent) if exponent else gauss_radau_nodes(count)
    algebra = Algebra(question.scenario, {})
    words, left, right = (read_words(algebra, proof[name], f"proof.{name}") for name in ("words", "left", "right"))
    keys = _keys(question, *pair_of(question.key, "question.figure"))
    blocks = read_list(proof["blocks"], "proof.blocks", length=len(nodes) * len(keys))
    require_triangle(proof["factor"], len(words), "proof.factor")
    for k, block in enumerate(blocks):  # before layouts are built: what they take is in proportion to the file
        last = k // len(keys) == len(nodes) - 1
        rows = 0 if last else len(left) * (1 if question.flips else len(keys[k % len(keys)].parts))
        require_triangle(block, len(words) + len(right) + rows, f"proof.blocks[{k}]")
    layouts = [[_Layout(algebra, words, beside, right, key, question.flips) for key in keys] for beside in (left, [])]
    charge = -constant
    outside: list[Residual] = []
    for k, block in enumerate(blocks):
        i, place = divmod(k, len(keys))
        paid, devices = layouts[i == len(nodes) - 1][place].charge(nodes[i], block, f"proof.blocks[{k}]")
        charge += paid
        outside.append(devices)
    tested = question.observed.combined([-m for m in multipliers])
    square = sum_of_squares(algebra, words, proof["factor"], "proof.factor")
    return charge + residual_charge(sum_of_residuals([as_residual(tested), square, *outside]))


@lru_cache(maxsize=16)
def gauss_radau_nodes(count: int) -> tuple[list[RadauNode], Fraction]:
    """The rule, and a float not above the sum of all kappa."""
    with flint.ctx.workprec(LOG_PRECISION):
        difference = flint.fmpq_poly.legendre_p(count) - flint.fmpq_poly.legendre_p(count - 1)
        roots = [root.real for root, _ in (difference / _X_MINUS_1).complex_roots()]  # that they are real is known
        points = sorted(roots, key=lambda point: float(point.mid()))  # floats sort, balls say whether it is an order
        apart = all(a < b for a, b in pairwise([flint.arb(-1), *points, flint.arb(1)]))
        if len(points) != count - 1 or not apart:
            raise CertificateError(f"The nodes of the rule with {count} of them could not be told apart.")
        points.append(flint.arb(1))
        ln2 = flint.arb(2).log()
        return _rule(points, [1 / ((count * point.legendre_p(count - 1)) ** 2 * ln2) for point in points])


@lru_cache(maxsize=16)
def power_nodes(count: int, exponent: Fraction) -> tuple[list[RadauNode], Fraction]:
    """The rule of a power, and a float not above the sum of all kappa.

    With r = ``exponent`` in (0, 1), the density ``W = sin(pi r) / (pi r) t^r (1-t)^-r`` on [0, 1] has the moments
    ``c_n = prod_{j<n} (1+r+j)/(2+j)``, and for x > 0 ::

        x^-r = 1 - r integral W (x-1) / (1 + t (x-1)) dt <= 1 - r sum_i w_i (x-1) / (1 + t_i (x-1))

    for the Gauss-Radau rule of W with last node 1 (docs/renyi.md). Its other nodes are the roots of the polynomial p of
    degree m-1 that is orthogonal to all lower ones with the density (1-t) W: that is p = 2F1(1-m, m+1; 1+r; t). With
    P = (t - 1) p, w_i is the integral of W P / (t - t_i), divided by P'(t_i). The kappa_i are w_i / t_i.
    """
    if not 0 < exponent < 1 or exponent.denominator.bit_length() > _BITS_OF_ORDER:
        raise CertificateError("the order of a power must be between 1 and 2, with the digits of a float at most.")
    r, n = flint.fmpq(exponent.numerator, exponent.denominator), count - 1
    series, moments = [flint.fmpq(1)], [flint.fmpq(1)]
    for k in range(n):
        series.append(series[-1] * (k - n) * (n + 2 + k) / ((1 + r + k) * (k + 1)))
        moments.append(moments[-1] * (1 + r + k) / (2 + k))
    inner = flint.fmpq_poly(series)
    with flint.ctx.workprec(LOG_PRECISION):
        points = sorted((root.real for root, _ in inner.complex_roots()), key=lambda point: float(point.mid()))
        if len(points) != n or not all(a < b for a, b in pairwise([flint.arb(0), *points, flint.arb(1)])):
            raise CertificateError(f"The nodes of the rule with {count} of them could not be told apart.")
        points.append(flint.arb(1))
        whole = inner * _X_MINUS_1
        coefficients = [flint.arb(c) for c in whole.coeffs()]
        kappa = []
        for point in points:  # Horner's steps divide P by t - t_i; the quotient's value there is the slope of P
            total = slope = quotient = flint.arb(0)
            for k in range(n, -1, -1):
                quotient = coefficients[k + 1] + point * quotient
                total += quotient * moments[k]
                slope = slope * point + quotient
            kappa.append(total / (slope * point))
        return _rule([2 * point - 1 for point in points], kappa)


def _rule(points: Sequence[flint.arb], kappa: Sequence[flint.arb]) -> tuple[list[RadauNode], Fraction]:
    """Nodes (1 + x)/2 and weights kappa, with their roundings, and a float not above the sum of all kappa."""
    nodes = []
    total = flint.arb(0)
    for point, weight in zip(points, kappa, strict=True):
        total += weight
        linear = Fraction(nearest_float(lower_end(weight)))
        off = -lower_end(-abs(weight - to_ball(linear)))
        square, other = (lower_end(weight * part) for part in ((1 - point) / 2, (1 + point) / 2))
        safe = (rounded_float(off, up=True), rounded_float(square, up=False), rounded_float(other, up=False))
        nodes.append(RadauNode(linear, *map(Fraction, safe)))
    return nodes, Fraction(rounded_float(lower_end(total), up=False))


def _keys(question: Question, x: int, y: int | None) -> list[_Key]:
    alice = question.scenario.effects(0, x)
    bob = [None] if y is None else question.scenario.effects(1, y)
    if len(alice) * len(bob) > MOST_OUTCOMES:
        raise CertificateError(f"question.figure has a key of more than {MOST_OUTCOMES} outcomes; they are too many.")
    places, effects = [], []
    for (a, effect), (b, other) in product(enumerate(alice), enumerate(bob)):
        places.append((a, b))
        effects.append(expanded(question.scenario, (effect,) if other is None else (effect, other)))
    values = question.merge or tuple(range(len(places)))
    found = []
    for value in range(max(values) + 1):
        own = [k for k, v in enumerate(values) if v == value]
        found.append(_Key((x, y), tuple(places[k] for k in own), tuple(effects[k] for k in own)))
    return found


class _Layout:
    """Where the entries of a block stand: [kind][word] for each pair of its rows."""

    def __init__(
        self, algebra: Algebra, words: list[Word], left: list[Word], right: list[Word], key: _Key, flips: Fraction
    ) -> None:
        self._algebra, self._key, self._flips = algebra, key, flips
        which = [-1] if flips else range(len(key.parts))  # the projector beside Z of a row
        beside = [(u, a) for a in which for u in left]
        self._size = len(words) + len(beside) + len(right)
        self._floor = flips or ONE
        one: Word = ((),) * len(algebra.shape)
        expansion = _polynomial(key.effect)
        parts = [{one: ONE}] if flips else [_polynomial(part) for part in key.parts]
        self._effect = {word: (1 - 2 * flips) * value for word, value in expansion.items()}
        if flips:
            self._effect[one] = self._effect.get(one, ZERO) + flips
        diagonal: dict[Any, Fraction] = {(o, one, o): ONE for o in key.outcomes}
        self._square: Mapping[Any, Fraction] = (self._effect if flips else diagonal) if left else {}
        self._one = one
        self._places: list[tuple[int, int, str, Any, Fraction]] = []  # until they are collected
        n, k = len(words), len(beside)
        for i, w in enumerate(words):
            for j, w2 in enumerate(words[i:], i):
                self._put(i, j, "devices", algebra.product(w, w2))
            for j, (u, a) in enumerate(beside):
                for word, value in parts[a].items():
                    self._put(i, n + j, "linear", self._join(_turned(w), u, word), value)
            for j, v in enumerate(right):  # <w^dagger v Z*> is <v^dagger w Z>, real
                self._put(i, n + k + j, "linear", self._join(_turned(v), w))
        for i, (u, a) in enumerate(beside):
            for j, (u2, c) in enumerate(beside[i:], i):
                self._put(n + i, n + j, "square", *self._stripped(self._join(_turned(u), u2), a, c))
            for j, v in enumerate(right):
                self._put(n + i, n + k + j, "twice", *self._stripped(self._join(_turned(u), v), a, None))
        for i, v in enumerate(right):
            for j, v2 in enumerate(right[i:], i):
                self._put(n + k + i, n + k + j, "other", algebra.product(v, v2))

        self._terms, self._common = self._collected()

    def _collected(self) -> tuple[dict[str, tuple[list[Any], list[tuple[int, int, int]]]], int]:
        """For each kind its words, and by place in the matrix the word's number and its weight times an integer."""
        common = math.lcm(*(weight.denominator for *_, weight in self._places))
        numbers: dict[str, dict[Any, int]] = {kind: {} for kind in _KINDS}
        terms: dict[str, list[tuple[int, int, int]]] = {kind: [] for kind in _KINDS}
        for i, j, kind, word, weight in self._places:
            number = numbers[kind].setdefault(word, len(numbers[kind]))
            times = (1 if i == j else 2) * weight.numerator * (common // weight.denominator)
            terms[kind].append((i * self._size + j, number, times))
        self._places.clear()
        return {kind: (list(numbers[kind]), terms[kind]) for kind in _KINDS}, common

    def charge(self, node: RadauNode, entry: object, name: str) -> tuple[Fraction, Residual]:
        """What r costs at most, and T."""
        scale, gram = gram_matrix(entry, self._size, name)
        entries, unit = gram.entries(), scale * scale * self._common
        found: dict[str, dict[Any, int]] = {}
        for kind, (words, terms) in self._terms.items():
            sums: list[Any] = [0] * len(words)
            for place, number, times in terms:
                sums[number] += times * entries[place]
            found[kind] = {word: int(value) for word, value in zip(words, sums, strict=True) if value}
        own = {kind: {w: Fraction(v, unit) for w, v in found[kind].items()} for kind in _KINDS if kind != "devices"}
        e = Fraction(rounded_float(max(ZERO, 1 - own["other"].get(self._one, ZERO) / node.other), up=False))
        half = HALF * sum(map(abs, own["twice"].values()), ZERO)
        weight = 2 * node.linear
        linear = _distance({w: weight * v for w, v in self._effect.items()}, own["linear"])
        linear += 2 * node.off * sum(map(abs, self._effect.values()), ZERO)
        inside = _distance({w: (1 - e) * node.square * v for w, v in self._square.items()}, own["square"]) + half
        outside = _distance({self._one: (1 - e) * node.other}, own["other"]) + half
        left = e * node.other - outside
        if e * node.square * self._floor < inside or left < 0 or (linear and not left):
            raise CertificateError(
                f"{name} is off by more than what it leaves of the objective pays for; it proves nothing."
            )
        paid = linear * linear / (4 * left) if linear else ZERO
        return Fraction(rounded_float(paid, up=True)), (found["devices"], unit)

    def _put(self, i: int, j: int, kind: str, word: Any, weight: Fraction = ONE) -> None:
        if word is not None and weight:
            self._places.append((i, j, kind, word, weight))

    def _join(self, *parts: Word) -> Word | None:
        out = []
        for party in range(len(self._algebra.shape)):
            reduced = self._algebra.reduce(party, (letter for part in parts for letter in part[party]))
            if reduced is None:
                return None
            out.append(reduced)
        return tuple(out)

    def _stripped(self, word: Word | None, first: int, last: int | None) -> tuple[Any, Fraction]:
        """E word E' (or E word, if ``last`` is none) is this number times the same with no letter of the key at an end.

        E and E' are projectors of the key, by number. What is named is the word between its projectors, and with two
        of them the smaller one of it and its adjoint. With flips there are no projectors: the word itself.
        """
        if word is None:
            return None, ZERO
        if self._flips:
            return (word if last is None else min(word, _turned(word))), ONE
        one, other = self._key.outcomes[first], None if last is None else self._key.outcomes[last]
        factor, out = ONE, []
        for party, part in enumerate(word):
            setting = self._key.settings[party]
            for end, outcomes in ((0, one), (-1, other)):
                while part and outcomes and setting is not None and self._is_of(party, part[end], setting):
                    factor *= self._eigenvalue(party, part[end], setting, outcomes[party])
                    part = part[1:] if end == 0 else part[:-1]
            if not part and other is not None and one[party] != other[party]:
                return None, ZERO  # projectors that exclude each other touch
            out.append(part)
        found = tuple(out)
        if other is None:
            return (one, found), factor
        return min((one, found, other), (other, _turned(found), one)), factor

    def _is_of(self, party: int, letter: int, setting: int) -> bool:
        return self._algebra.setting_of(party, letter) == setting

    def _eigenvalue(self, party: int, letter: int, setting: int, outcome: int) -> Fraction:
        """What a letter of the key's setting is on E: +-1 for an observable, 1 or 0 for a projector."""
        if self._algebra.is_observable(party, letter):
            return -ONE if outcome else ONE
        return ONE if letter - self._algebra.first_letter(party, setting) == outcome else ZERO


def _turned(word: Word) -> Word:
    return tuple(part[::-1] for part in word)


def _polynomial(tensor: Tensor) -> dict[Word, Fraction]:
    return {tuple((i,) if i else () for i in index): value for index, value in tensor.items()}


def _distance(wanted: Mapping[Any, Fraction], found: Mapping[Any, Fraction]) -> Fraction:
    return sum((abs(wanted.get(w, ZERO) - found.get(w, ZERO)) for w in {*wanted, *found}), ZERO)
