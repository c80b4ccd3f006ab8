"""Von Neumann entropies from below by Eve's projections at finitely many nodes.

For a bit with effects M_0 + M_1 = M of the devices, r_b Eve's states when it is b, and f(s) = sum_b Tr(s r - r_b)_+,

    ln 2 H = ln 2 <M> - integral_0^{1/2} f(s) (1/s + 1/(1-s)) ds

(Frenkel's formula, arXiv:2208.12194, folded at 1/2). f is convex and f(0) = 0, so straight lines between nodes are
above it: ``H >= <M> - sum_i w_i f(t_i)``, w_i the integral of the tent of node i. A flip of the bit with probability q
takes node t to u = q + (1 - 2q) t, f to (1 - 2q) f, and there is nothing below q. As f is not negative, any number
above w_i will do; here it is one rounded up.

For each node, bit and outcome the file has two sums of squares with ``w (t M - M_b) = outer - inner + r``. A projection
P of Eve commutes with the devices, so ``w <P (t M - M_b)> <= <outer> + max(0, most of r)``. A key of more outcomes is a
tree of bits, party by party, whose entropies add up. What is left is a statement about the devices alone,

    H >= -charges - < sum of all outer - sum of all M >,

and ``sum outer - sum M + C C^T - l . t = R`` is at most R's constant and the sizes of its other coefficients.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.question import Key, Question, functional_faults, read_key, read_question, within
from sdpbound.recheck.reading import items, number, numbers, record
from sdpbound.recheck.words import Devices, Polynomial, String, added, effect, grams, leftover, squares, times

__all__ = [
    "MOST_NODES",
    "closing",
    "entropy_question",
    "key_bits",
    "key_effects",
    "outcome_weights",
    "proven_by_copies",
    "recheck_outcomes",
    "recheck_projections",
    "tent_weights",
    "tree",
]

MOST_NODES = 2048
PRECISION = 1024


def entropy_question(root: dict[str, Any]) -> tuple[Question, Key]:
    """The question of a lower bound on an entropy against a quantum adversary."""
    question = read_question(root)
    if question.kind != "conditional_entropy" or question.side != "lower" or question.model != "quantum":
        raise refuse("a proof of this kind is of a lower bound on a conditional entropy against a quantum adversary.")
    key = read_key(question, flips=True)
    if question.devices.parties < 2:
        raise refuse("a conditional entropy is one of two parties or more.")
    if key.outcomes(question.devices) < 2 and key.merge is None:
        raise refuse("a key of one outcome has no entropy.")
    return question, key


def closing(
    root: dict[str, Any],
    question: Question,
    key: Key,
    multipliers: list[Fraction],
    bound: Fraction,
) -> Finding:
    """The end of a proof of ``-H <= bound + l . t``: value and functional."""
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    faults = functional_faults(claim["functional"], question, -bound, [-m for m in multipliers])
    with flint.ctx.workprec(128):
        most = end(ball(key.outcomes(question.devices)).log() / flint.arb(2).log(), "upper")
    faults += within(claimed, 0, most)
    return Finding("conditional_entropy", "lower", -(bound + question.at_data(multipliers)), claimed, faults)


def key_effects(devices: Devices, key: Key) -> dict[tuple[int, ...], Polynomial]:
    """The effects of the key's outcomes, by the outcomes of all parties: 0 for those that are not in the key.

    Of a function of the outcomes they are those of its values, sums over the outcomes; the value stands in the first
    place. Projections that exclude each other add up to a projection, which is all that the proofs take for granted.
    """
    nothing: dict[String, Fraction] = {(): Fraction(1)}
    parties = [
        [nothing] if s is None else [effect(devices, party, s, a) for a in range(devices.outcomes[party][s])]
        for party, s in enumerate(key.settings)
    ]
    places = list(product(*(range(len(effects)) for effects in parties)))
    if key.merge is not None:
        found: dict[tuple[int, ...], Polynomial] = {
            (value, *(0 for _ in parties[1:])): {} for value in range(key.outcomes(devices))
        }
        for place in places:
            own = (key.value(place, devices), *(0 for _ in parties[1:]))
            chosen = times(*(effects[a] for effects, a in zip(parties, place, strict=True)))
            found[own] = added((1, found[own]), (1, chosen))
        return found
    return {place: times(*(effects[a] for effects, a in zip(parties, place, strict=True))) for place in places}


def key_bits(effects: dict[tuple[int, ...], Polynomial], parties: int) -> list[tuple[Polynomial, Polynomial]]:
    """(M_0, M_1) of the bits of a key: party by party, for all outcomes of the parties before."""
    found = []
    for party in range(parties):
        rows: dict[tuple[int, ...], dict[int, Polynomial]] = {}
        for place, polynomial in effects.items():
            row = rows.setdefault(place[:party], {})
            row[place[party]] = added((1, row.get(place[party], {})), (1, polynomial))
        for row in rows.values():
            found += tree(list(row.values()))
    return found


def tree(effects: list[Polynomial]) -> list[tuple[Polynomial, Polynomial]]:
    """(M_0, M_1) of the bits that tell effects apart: the first half, one more if odd, against the rest, and so on."""
    if len(effects) < 2:
        return []
    half = (len(effects) + 1) // 2
    first, rest = effects[:half], effects[half:]
    bit = (added(*((1, e) for e in first)), added(*((1, e) for e in rest)))
    return [bit, *tree(first), *tree(rest)]


def recheck_projections(root: dict[str, Any], budget: Budget) -> Finding:
    """A whole certificate in which a key is a tree of bits."""
    question, key = entropy_question(root)
    proof = record(root["proof"], "the proof", "multipliers nodes words factor copies")
    nodes = [number(t, "a node") for t in items(proof["nodes"], "nodes", MOST_NODES, 1)]
    bits = key_bits(key_effects(question.devices, key), question.devices.parties)
    least = added(*((1, part) for bit in bits for part in bit))
    told_apart = [(added((1, first), (1, rest)), part) for first, rest in bits for part in (first, rest)]
    weighted = list(zip(nodes, tent_weights(nodes, key.flips, budget), strict=True))
    multipliers, bound = proven_by_copies(root, question, budget, weighted, (told_apart, least))
    return closing(root, question, key, multipliers, bound)


def recheck_outcomes(root: dict[str, Any], budget: Budget) -> Finding:
    """A whole certificate in which all d outcomes of a key are told apart at once.

    With r_a Eve's states, ``ln 2 H = d - 1 - integral_0^1 f(s) ds/s``, f(s) = sum_a Tr(s r - r_a)_+, as
    ``Tr r_a (ln r_a - ln r) = Tr r_a - Tr r + integral_0^1 Tr(s r - r_a)_+ ds/s`` for r_a <= r. f(1) = d - 1, and
    chords over [0, 1] whose inner ends are the file's places are above f. A channel behind the key mixes the r_a, so
    that its effects are mixed, too; nothing else changes, as the r_a still add up to r.
    """
    question, key = entropy_question(root)
    proof = record(root["proof"], "the proof", "multipliers places words factor copies")
    places = [number(s, "a place") for s in items(proof["places"], "places", MOST_NODES, 1)]
    effects = list(key_effects(question.devices, key).values())
    if any(key.channel):
        zero, one = effects
        effects = list(key.after(zero, one, lambda p, m: added((p, m)), lambda a, b: added((1, a), (1, b))))
    weights, known = outcome_weights(places, len(effects), budget)
    whole = added(*((1, effect) for effect in effects))
    told_apart = [(whole, effect) for effect in effects]
    weighted = list(zip(places, weights, strict=True))
    multipliers, bound = proven_by_copies(root, question, budget, weighted, (told_apart, added((known, whole))))
    return closing(root, question, key, multipliers, bound)


def outcome_weights(places: list[Fraction], outcomes: int, budget: Budget) -> tuple[list[Fraction], Fraction]:
    """The weights of the places, rounded up to 53 bits, and what is known from the last chord, rounded down."""
    if any(b <= a for a, b in zip([Fraction(0), *places], places, strict=False)) or places[-1] >= 1:
        raise refuse("places must rise from above 0 to below 1.")
    budget.spend(len(places) * 20_000)
    ends, weights = [Fraction(0), *places, Fraction(1)], []
    with flint.ctx.workprec(PRECISION):
        ln2 = flint.arb(2).log()
        for before, here, after in zip(ends, ends[1:], ends[2:], strict=False):
            tent = _over_u(before, here, zero=before) + _over_u(here, after, zero=after)
            weights.append(_rounded_up(end(tent / ln2, "upper")))
        at_one = _over_u(places[-1], Fraction(1), zero=places[-1])
        return weights, end((outcomes - 1) * (1 - at_one) / ln2, "lower")


def proven_by_copies(
    root: dict[str, Any],
    question: Question,
    budget: Budget,
    nodes: list[tuple[Fraction, Fraction]],
    parts: tuple[list[tuple[Polynomial, Polynomial]], Polynomial],
) -> tuple[list[Fraction], Fraction]:
    """Multipliers l and a number b with ``-H <= b + l . t``, for parts (whole_k, part_k) and least.

    ``H >= <least> - sum_i w_i sum_k max_P <P (t_i whole_k - part_k)>``, with the copies of the file, k fastest.
    """
    told_apart, least = parts
    devices, proof = question.devices, root["proof"]
    multipliers = numbers(proof["multipliers"], "multipliers", len(question.tested))
    words = devices.read_words(proof["words"], "words")
    count = len(told_apart) * len(nodes)
    copies = items(proof["copies"], "copies", count, count)
    budget.spend(len(copies) * (len(words) ** 3 // 3 + 16 * len(words) ** 2))
    charges = Fraction(0)
    left: Polynomial = added((-1, least))
    for place, copy in enumerate(copies):
        t, w = nodes[place // len(told_apart)]
        whole, part = told_apart[place % len(told_apart)]
        entries = record(copy, "a copy", "inner outer")
        outer, inner = (
            squares(devices, words, grams(entries[name], name, len(words), budget), budget)
            for name in ("outer", "inner")
        )
        goal = added((t, whole), (-1, part))
        charges += max(Fraction(0), leftover(added((w, goal), (-1, outer), (1, inner)), devices.one))
        left = added((1, left), (1, outer))
    left = added((1, left), (-1, question.combination(multipliers)))
    left = added((1, left), (1, squares(devices, words, grams(proof["factor"], "factor", len(words), budget), budget)))
    return multipliers, leftover(left, devices.one) + charges


def _over_u(a: Fraction, b: Fraction, zero: Fraction) -> flint.arb:
    """Integral over [a, b] of a line from 1 to 0 at the end ``zero``, times 1/u: of ``(u - c)/(d - c)/u``."""
    other = b if zero == a else a
    whole = ball(b - a)
    if zero:  # else the line is u/d
        whole -= ball(zero) * (ball(b).log() - ball(a).log())
    return whole / ball(other - zero)


def tent_weights(nodes: list[Fraction], flips: Fraction, budget: Budget) -> list[Fraction]:
    """``w_i = g / ln 2 * integral of tent_i(u) (1/u + 1/(1-u)) du``, g = 1 - 2q, rounded up to 53 bits."""
    if any(b <= a for a, b in zip([Fraction(0), *nodes], nodes, strict=False)) or nodes[-1] != Fraction(1, 2):
        raise refuse("nodes must rise from above 0 to 1/2.")
    if flips == Fraction(1, 2):
        return [Fraction(0)] * len(nodes)
    budget.spend(len(nodes) * 20_000)
    g = 1 - 2 * flips
    places = [flips, *(flips + g * t for t in nodes)]
    found = []
    with flint.ctx.workprec(PRECISION):
        for i in range(1, len(places)):
            pieces = [_linear_piece(places[i - 1], places[i], rising=True)]
            if i + 1 < len(places):
                pieces.append(_linear_piece(places[i], places[i + 1], rising=False))
            found.append(_rounded_up(end(ball(g) * total(pieces) / flint.arb(2).log(), "upper")))
    return found


def _linear_piece(a: Fraction, b: Fraction, rising: bool) -> flint.arb:
    """Integral over [a, b] of a line from 0 to 1, or from 1 to 0, times 1/u + 1/(1-u).

    The line is (u - c)/(d - c) with c the end where it is zero; (u - c)/u = 1 - c/u and (u - c)/(1 - u) =
    -1 + (1 - c)/(1 - u), so that the primitive is -c ln u - (1 - c) ln(1 - u).
    """
    c, d = (a, b) if rising else (b, a)
    whole = -ball(1 - c) * (ball(1 - b).log() - ball(1 - a).log())
    if c:  # where a line begins at u = 0, c ln u is nothing
        whole -= ball(c) * (ball(b).log() - ball(a).log())
    return whole / ball(d - c)


def _rounded_up(value: Fraction) -> Fraction:
    """The next number of 53 binary digits."""
    if value <= 0:
        raise refuse("a node has no weight; leave it out.")
    shift = 53 - (value.numerator.bit_length() - value.denominator.bit_length())
    scale = Fraction(2) ** shift
    if value * scale >= 2**53:
        scale /= 2
    elif value * scale < 2**52:
        scale *= 2
    return Fraction(-(-(value * scale).numerator // (value * scale).denominator)) / scale
