"""Von Neumann entropies by the integral of arXiv:2208.12194, with projections of Eve at nodes.

The outcomes are told apart by bits: the first half of them (one more if odd) against the
rest, and so on within each part; with y first Alice's outcome, then for each of her outcomes Bob's. With M = M_0 + M_1
the effects of a bit, products of effects of Alice and Bob, r and r_b Eve's operators conditional on them, the entropy
is the sum over bits of ::

    Tr r - (1/ln 2) integral_0^{1/2} f(s) (1/s + 1/(1-s)) ds,    f(s) = sum_b Tr(s r - r_b)_+,

by the chain rule and Frenkel's formula (arXiv:2208.12194), with f(1-s) = f(s) + (1-2s) Tr r. Flips with probability q
leave f(t) (1-2q) at s = q + (1-2q) t. A proof of this form has nodes t_1 < ... < t_N = 1/2. f is convex and f(0) = 0,
so the lines between its values at 0 and the nodes are not below it; integrated, they give weights w_i (floats rounded
up), and

    entropy >= sum_bits <M> - sum_i w_i sum_bits,b max_P <P (t_i M - M_b)>,

with P any projection that commutes with the devices. A proof of the other form has places s_1 < ... < s_N < 1, and
tells all d outcomes apart at once: with M_a their effects ::

    entropy = (d - 1)/ln 2 - (1/ln 2) integral_0^1 f(s) ds/s,    f(s) = sum_a Tr(s r - r_a)_+,    f(1) = d - 1,

by the same formula for the relative entropies of r_a and r, where r_a <= r. Lines between 0, the
places and 1, with tents integrated against 1/s, give floats w_i rounded up and the last tent's integral J, and ::

    entropy >= (d - 1)(1 - J)/ln 2 - sum_i w_i sum_a max_P <P (s_i - M_a)>.

A bit that passes a channel has M'_0 = (1 - p) M_0 + p' M_1 and M'_1 = p M_0 + (1 - p') M_1 in place of its effects: the
r'_a are positive as the r_a are, and add up to r.

Each copy (node by node, bit by bit, M_0 before M_1, or place by place, outcome by outcome) comes with
factors ``inner`` A and ``outer`` B: with squares S_A = sum_uv (A A^T)_uv w_u^dagger w_v and S_B alike,

    w_i (t_i M - M_b) = S_B - S_A + R,   so   w_i max_P <P (t_i M - M_b)> <= <S_B> + max(0, R[1] + sum_{w != 1} |R[w]|),

for <P S> lies between 0 and <S>, and |<P w>| <= <P> <= 1. What remains, sum S_B - sum_bits M, is an affine question
about Alice and Bob alone, bounded as in the quantum case above with the entry ``factor``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import flint

from sdpbound.checker.numbers import HALF, LOG_PRECISION, ZERO, lower_end, rounded_float, to_ball
from sdpbound.checker.question import Question, key_outcomes
from sdpbound.checker.reading import read_keys, read_list, read_number, shown
from sdpbound.checker.scenario import total_of
from sdpbound.checker.words import (
    Algebra,
    Residual,
    as_residual,
    read_words,
    require_triangle,
    residual_charge,
    sum_of_residuals,
    sum_of_squares,
)
from sdpbound.errors import CertificateError

__all__ = ["integral_charge", "outcome_weights", "tent_weights"]

_MOST_NODES = 4096


def integral_charge(question: Question, multipliers: list[Fraction], proof: Mapping[str, object]) -> Fraction:
    """A number mu with -entropy <= mu + sum_j multipliers_j observed_j . v for every quantum behaviour v."""
    if "places" in proof:
        nodes = _read_nodes(proof, "places", None)
        effects = key_outcomes(question)
        if question.channel:
            effects = [
                total_of({index: p * v for index, v in own.items()} for p, own in zip(row, effects, strict=True))
                for row in question.channel.rows
            ]
        weights, known = outcome_weights(nodes, len(effects))
        whole = total_of(effects)
        tensors = [(whole, effect) for effect in effects]
        least = [{index: -known * value for index, value in whole.items()}]
    else:
        nodes = _read_nodes(proof, "nodes", HALF)
        weights = tent_weights(nodes, question.flips)
        tensors = [(whole, part) for whole, *parts in question.bits for part in parts]
        least = [{index: -value for index, value in whole.items()} for whole, *_ in question.bits]
    algebra = Algebra(question.scenario, {})
    words = read_words(algebra, proof["words"], "proof.words")
    copies = read_list(proof["copies"], "proof.copies", length=len(nodes) * len(tensors))
    require_triangle(proof["factor"], len(words), "proof.factor")

    charge = ZERO
    outside: list[Residual] = []
    for k, copy in enumerate(copies):
        name = f"proof.copies[{k}]"
        copy = read_keys(copy, ("inner", "outer"), name)
        weight, node = weights[k // len(tensors)], nodes[k // len(tensors)]
        whole, part = tensors[k % len(tensors)]
        outer = sum_of_squares(algebra, words, copy["outer"], f"{name}.outer")
        linear = total_of(
            (
                {index: weight * node * value for index, value in whole.items()},
                {index: -weight * value for index, value in part.items()},
            )
        )
        residual = sum_of_residuals(
            [
                as_residual(linear),
                sum_of_squares(algebra, words, copy["inner"], f"{name}.inner"),
                ({word: -value for word, value in outer[0].items()}, outer[1]),
            ]
        )
        charge += max(ZERO, residual_charge(residual))
        outside.append(outer)
    shared = total_of([*least, question.observed.combined([-m for m in multipliers])])
    square = sum_of_squares(algebra, words, proof["factor"], "proof.factor")
    return charge + residual_charge(sum_of_residuals([as_residual(shared), square, *outside]))


def _read_nodes(proof: Mapping[str, object], name: str, last: Fraction | None) -> list[Fraction]:
    """Nodes that rise from above 0, to ``last`` or below 1."""
    nodes = [read_number(t, f"proof.{name}[{i}]") for i, t in enumerate(read_list(proof[name], f"proof.{name}"))]
    rising = all(a < b for a, b in zip([ZERO, *nodes], nodes, strict=False))
    if not 1 <= len(nodes) <= _MOST_NODES or not rising or (nodes[-1] != last if last else nodes[-1] >= 1):
        raise CertificateError(
            f"proof.{name} is {shown(proof[name])}; 1 to {_MOST_NODES} rising numbers above 0 are expected, and "
            f"the last is {'1/2' if last else 'below 1'}."
        )
    return nodes


def outcome_weights(places: Sequence[Fraction], outcomes: int) -> tuple[list[Fraction], Fraction]:
    """Floats that are not below the weights of the places, and a number not above (d - 1)(1 - J)/ln 2.

    The integral of a rising tent against 1/s is 1 - a/(b-a) ln(b/a), of a falling one b/(b-a) ln(b/a) - 1.
    """
    ends = [ZERO, *places, Fraction(1)]
    with flint.ctx.workprec(LOG_PRECISION):
        ln2 = flint.arb(2).log()

        def part(a: Fraction, b: Fraction, c: Fraction) -> flint.arb:
            return to_ball(c) * to_ball(b / a).log() / to_ball(b - a)

        weights = []
        for a, b, c in zip(ends, ends[1:], ends[2:], strict=False):
            total = (flint.arb(1) if a == 0 else 1 - part(a, b, a)) + part(b, c, c) - 1
            weights.append(Fraction(rounded_float(-lower_end(-total / ln2), up=True)))
        return weights, lower_end((outcomes - 1) * part(ends[-2], ends[-1], ends[-2]) / ln2)


def tent_weights(nodes: Sequence[Fraction], flips: Fraction) -> list[Fraction]:
    """Floats that are not below the weights of the nodes, see the module docstring.

    The tent of a node, rising over [a, b] or falling, is integrated against 1/u and, with v = 1 - u, against 1/v:
    integral of (u-a)/(b-a)/u = 1 - a/(b-a) ln(b/a), of (b-u)/(b-a)/u = b/(b-a) ln(b/a) - 1.
    """
    slope = 1 - 2 * flips
    if not slope:
        return [ZERO] * len(nodes)
    places = [flips + slope * t for t in (ZERO, *nodes)]

    def logarithm(a: Fraction, b: Fraction) -> flint.arb:
        return to_ball(b / a).log() / to_ball(b - a)

    weights = []
    with flint.ctx.workprec(LOG_PRECISION):
        for i, b in enumerate(places[1:], 1):
            a = places[i - 1]
            total = flint.arb(1) if a == 0 else 1 - to_ball(a) * logarithm(a, b)
            total += to_ball(1 - a) * logarithm(1 - b, 1 - a) - 1
            if i + 1 < len(places):
                c = places[i + 1]
                total += to_ball(c) * logarithm(b, c) - 1
                total += 1 - to_ball(1 - c) * logarithm(1 - c, 1 - b)
            weights.append(Fraction(rounded_float(-lower_end(-total * to_ball(slope) / flint.arb(2).log()), up=True)))
    return weights
