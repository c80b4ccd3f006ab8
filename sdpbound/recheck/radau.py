"""Von Neumann entropies from below by the Gauss-Radau rule of Brown, Fawzi and Fawzi (arXiv:2106.13692).

With nodes t_1 < ... < t_m = 1 and weights w_i of the rule for [0, 1] whose end 1 is a node, kappa_i = w_i / (t_i ln 2),
E_k the effects of the outcomes of the key, E'_k those after flips with probability q, and any operators Z of Eve,

    H >= sum_i kappa_i (1 + sum_k min_Z <Q_ik(Z)>),    Q_ik(Z) = E'_k (Z + Z* + (1 - t_i) Z* Z) + t_i Z Z*.

**A block of the file**, of node i and outcome k, is a Gram matrix X of the rows w, then ``u E_k Z`` (with flips ``u
Z``), then ``v Z*``, for words w, u, v of the devices; a block of t_m = 1 has no rows with Z. Its sum of squares is not
negative:

    S = T(w) + (words with Z, and their adjoints) + Z* (..) Z + Z (..) Z* + (words with Z* Z*, and their adjoints).

Rows with Z and Z* are now multiplied by sqrt(1 - e), those without by 1/sqrt(1 - e), for any 0 < e < 1. Then

    kappa Q - S_e = -T / (1 - e) + r

where r has words with Z only. (Makers scale so beforehand: then e = 0 does.) With d = <E Z* Z> (flips: <Z* Z>) and f =
<Z Z*>, for contractions w,

    |<w Z>| <= sqrt f,  |<Z* E w E Z>| <= d,  |<Z w Z*>| <= f,  |<Z* E w Z*>| <= sqrt(d f) <= (d + f) / 2,

and <E' Z* Z> is d (flips: at least q d). Where r has enough of Z* E Z and of Z Z* to pay for all its other words,
something of f is left, and completing the square in sqrt f gives, r_1 being the sum of the sizes of r's words with one
Z,

    kappa <Q> >= -<T> / (1 - e) - r_1^2 / (4 left of f).

Where outcomes are merged, E is a sum of projectors E_a that exclude each other; each in order has rows ``u E_a Z`` with
the same Z, d is the sum of all d_a = <E_a Z* Z>, and |<Z* E_a w E_a' Z>| <= sqrt(d_a d_a') <= (d_a + d_a') / 2.

A word between two E loses the key's letters at its ends, which E turns into numbers. The rest is as for projections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import comb
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, enclosing, end, total
from sdpbound.recheck.projections import closing, entropy_question, key_effects
from sdpbound.recheck.question import Key, Question
from sdpbound.recheck.reading import integer, items, numbers, record
from sdpbound.recheck.words import OBSERVABLE, Devices, Polynomial, Word, added, grams, leftover, squares

__all__ = ["ENTRIES", "Rule", "least_of_blocks", "recheck_radau"]

#: Nodes and kappas.
Rule = list[tuple[flint.arb, flint.arb]]

#: What the proof has beside its multipliers.
ENTRIES = "gauss_radau words left right factor blocks"
MOST_NODES = 48
PRECISION = 640
#: Binary digits to which nodes are found.
NODE_BITS = 560


def recheck_radau(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question, key = entropy_question(root)
    proof = record(root["proof"], "the proof", f"multipliers {ENTRIES}")
    multipliers = numbers(proof["multipliers"], "multipliers", len(question.tested))
    return closing(
        root, question, key, multipliers, least_of_blocks(question, key, multipliers, proof, budget, radau_rule)
    )


def least_of_blocks(
    question: Question,
    key: Key,
    multipliers: list[Fraction],
    proof: dict[str, Any],
    budget: Budget,
    rule_of: Callable[[int, Budget], Rule],
) -> Fraction:
    """The number m for which the proof shows ``-H <= m + l . t``, l the multipliers.

    ``rule_of`` has the nodes and kappas of so many nodes. Those of another weight on [0, 1] than 1 are of another H.
    """
    devices = question.devices
    count = integer(proof["gauss_radau"], "gauss_radau", 2, MOST_NODES)
    words, left, right = (devices.read_words(proof[name], name) for name in ("words", "left", "right"))
    outcomes = _values(devices, key)
    blocks = items(proof["blocks"], "blocks", count * len(outcomes), count * len(outcomes))
    size = len(words) + len(left) * max(len(one.projectors) for one in outcomes) + len(right)
    budget.spend(len(blocks) * (size**3 // 6 + 32 * size**2))
    with flint.ctx.workprec(PRECISION):
        rule = rule_of(count, budget)
        # -sum kappa + sum T / (1 - e) + charges bounds -H; T is exact, kappa and charges are balls
        bound = -total(kappa for _, kappa in rule)
        polynomial: Polynomial = {}
        for place, block in enumerate(blocks):
            node, outcome = divmod(place, len(outcomes))
            t, kappa = rule[node]
            rows = _Rows(words, left if node < count - 1 else [], right)
            parts = _Parts.of(devices, outcomes[outcome], rows, block, budget)
            loss, charge = _charge(parts, outcomes[outcome], t, kappa)
            polynomial = added((1, polynomial), (1 / (1 - loss), parts.devices))
            bound += charge
        polynomial = added((1, polynomial), (-1, question.combination(multipliers)))
        positive = squares(devices, words, grams(proof["factor"], "factor", len(words), budget), budget)
        return leftover(added((1, polynomial), (1, positive)), devices.one) + end(bound, "upper")


Place = tuple[int, ...]  # the outcomes of Alice and Bob, 0 for who is not in the key


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of the key: the projectors of its outcomes, which exclude each other, and the key."""

    projectors: dict[Place, Polynomial]
    key: Key

    @property
    def effect(self) -> Polynomial:
        return added(*((1, projector) for projector in self.projectors.values()))

    @property
    def flipped(self) -> Polynomial:
        """The effect after flips: (1 - 2q) E + q."""
        q = self.key.flips
        return added((1 - 2 * q, self.effect), (q, {((), ()): Fraction(1)}))

    def between(self, before: Place, word: Word, after: Place | None) -> tuple[Word, int]:
        """E w E' (E w without an E') is this number times the same of a word with no letters of the key beside them.

        The number is 0 where nothing is left between projectors that exclude each other.
        """
        found, factor = [], 1
        for party, (string, setting) in enumerate(zip(word, self.key.settings, strict=True)):
            while string and string[0][0] == setting:
                factor *= _read(string[0], before[party])
                string = string[1:]
            if after is not None:
                while string and string[-1][0] == setting:
                    factor *= _read(string[-1], after[party])
                    string = string[:-1]
                factor *= bool(string) or before[party] == after[party]
            found.append(string)
        return tuple(found), factor


def _read(letter: tuple[int, int], outcome: int) -> int:
    """What a letter of the key's setting is where the outcome is this."""
    return 1 - 2 * outcome if letter[1] == OBSERVABLE else int(letter[1] == outcome)


def _values(devices: Devices, key: Key) -> list[_Value]:
    """The values of a key of Alice's outcome, or of both, or of a function of that."""
    outcomes = key_effects(devices, replace(key, merge=None))
    replace(key, merge=None).pair()
    found: list[dict[Place, Polynomial]] = [{} for _ in range(key.outcomes(devices))]
    for place, projector in outcomes.items():
        found[key.value(place, devices)][place] = projector
    return [_Value(own, key) for own in found]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The words of a block."""

    plain: Sequence[Word]
    left: Sequence[Word]
    right: Sequence[Word]

    def __len__(self) -> int:
        return len(self.plain) + len(self.left) + len(self.right)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a block's sum of squares: T, and the coefficients of w Z, Z* w Z, Z w Z* and Z* w Z*.

    Without flips words stand between projectors of the value: those of Z* w Z are (a, w, a'), those of Z* w Z* (a, w).
    """

    devices: Polynomial
    linear: Polynomial
    square: dict[Any, Fraction]
    other: Polynomial
    twice: dict[Any, Fraction]

    @classmethod
    def of(cls, devices: Devices, outcome: _Value, rows: _Rows, block: object, budget: Budget) -> _Parts:
        """Row by row."""
        flips = outcome.key.flips > 0
        beside: list[tuple[Place, Word]] = [(place, u) for place in outcome.projectors for u in rows.left]
        if flips:
            beside = [((), u) for u in rows.left]
        named: list[tuple[str, Place, Word]] = [("w", (), w) for w in rows.plain]
        named += [("u", place, u) for place, u in beside] + [("v", (), v) for v in rows.right]
        gram, scale = grams(block, "a block", len(named), budget)
        plain: dict[Word, int] = {}
        linear: dict[Word, Fraction] = {}
        square: dict[Any, int] = {}
        other: dict[Word, int] = {}
        twice: dict[Any, int] = {}
        for (i, (kind, a, first)), (j, (other_kind, c, second)) in product(enumerate(named), repeat=2):
            if j > i or not gram[i][j]:
                continue
            # entries (i, j) and (j, i) are adjoint; the one whose row is earlier is written, twice
            entry = gram[i][j] * (1 if i == j else 2)
            pair = other_kind + kind
            back = tuple(string[::-1] for string in second)
            word = devices.joined(back, first)
            if pair == "ww":
                _add(plain, None if word is None else devices.real(word), entry)
            elif pair == "wu":  # w* u E Z
                terms = {devices.one: Fraction(1)} if flips else outcome.projectors[a]
                for letters, value in terms.items():
                    _add(linear, devices.joined(back, first, letters), entry * value)
            elif pair == "wv":  # the adjoint of w* v Z* is v* w Z
                _add(linear, devices.joined(tuple(s[::-1] for s in first), second), Fraction(entry))
            elif pair == "vv":  # v* w Z Z*, that is Z v* v Z*
                _add(other, None if word is None else devices.real(word), entry)
            elif word is not None and flips:
                _add(square if pair == "uu" else twice, devices.real(word) if pair == "uu" else word, entry)
            elif word is not None and pair == "uu":
                left, factor = outcome.between(c, word, a)
                turned = tuple(string[::-1] for string in left)
                _add(square, min((c, left, a), (a, turned, c)), entry * factor)
            elif word is not None:
                left, factor = outcome.between(c, word, None)
                _add(twice, (c, left), entry * factor)
        return cls(
            *({w: Fraction(value) / scale for w, value in d.items()} for d in (plain, linear, square, other, twice))
        )


def _add(found: dict[Any, Any], name: Any, value: Any) -> None:
    """Add a coefficient of a word; None is the word that is 0."""
    if name is not None and value:
        found[name] = found.get(name, 0) + value


def _left(target: Mapping[Any, flint.arb], polynomial: Mapping[Any, Fraction], keep: Fraction) -> dict[Any, flint.arb]:
    """target minus ``keep`` times the polynomial."""
    return {
        word: target.get(word, flint.arb(0)) - ball(keep * polynomial.get(word, Fraction(0)))
        for word in {*target, *polynomial}
    }


def _sizes(left: Mapping[Any, flint.arb]) -> flint.arb:
    """Sum of the moduli of the coefficients."""
    return total(map(abs, left.values()))


def _charge(parts: _Parts, outcome: _Value, t: flint.arb, kappa: flint.arb) -> tuple[Fraction, flint.arb]:
    """The e of the module docstring, and the r_1^2 / (4 left of f); the best of some e."""
    linear = _sizes(_left({w: 2 * kappa * ball(v) for w, v in outcome.flipped.items()}, parts.linear, Fraction(1)))
    size = sum((abs(value) for value in parts.devices.values()), Fraction(0))
    best: tuple[Fraction, Fraction, flint.arb] | None = None
    for e in (Fraction(0), *(Fraction(1, 2**power) for power in range(4, 60, 2))):
        twice = _sizes(_left({}, parts.twice, 1 - e)) / 2
        other = _left({((), ()): kappa * t}, parts.other, 1 - e)
        of_f = other.pop(((), ())) - _sizes(other) - twice
        if not of_f > 0 or not (_left_of_square(parts, outcome, kappa * (1 - t), e) - twice >= 0):
            continue
        charge = linear * linear / (4 * of_f)
        cost = e * size + end(charge, "upper")
        if best is None or cost < best[0]:
            best = cost, e, charge
    if best is None:
        raise refuse("a block agrees too badly with the rule: what is left of Z is not bounded.")
    return best[1], best[2]


def _left_of_square(parts: _Parts, outcome: _Value, room: flint.arb, e: Fraction) -> flint.arb:
    """What is left of ``room <E' Z* Z>``, in units of d."""
    one: Word = ((), ())
    if room == 0:  # the last node, whose blocks have no rows with Z
        return -_sizes(_left({}, parts.square, 1 - e))
    if not outcome.key.flips:  # d is the sum of all <E_a Z* Z>, and (a, w, a') is at most half of two of these
        alone = [(a, one, a) for a in outcome.projectors]
        left = _left(dict.fromkeys(alone, room), parts.square, 1 - e)
        rest = _sizes({name: value for name, value in left.items() if name not in alone})
        least = left[alone[0]]
        for name in alone[1:]:
            least = least.min(left[name])
        return least - rest
    # a part p of room E' itself, which is at least p room q, and the rest
    given = outcome.flipped
    part = 1 - ball((1 - e) * parts.square.get(one, Fraction(0)) / given[one]) / room
    left = _left({word: (1 - part) * room * ball(value) for word, value in given.items()}, parts.square, 1 - e)
    if not part >= 0:
        return -_sizes(left) - abs(part) * room
    return part * room * ball(outcome.key.flips) - _sizes(left)


def radau_rule(count: int, budget: Budget) -> Rule:
    """(t_i, kappa_i), the last node being 1.

    The inner nodes are the roots of the polynomial of degree m - 1 that is orthogonal on [0, 1] for the weight 1 - t,
    ``R(t) = sum_k (-1)^k C(m-1, k) C(m+k, k) t^k``, found by bisection in exact numbers: as many changes of sign on a
    grid as its degree are all of them. A weight is the integral of the Lagrange polynomial of its node.
    """
    n = count - 1
    budget.spend(NODE_BITS * n * n * 40)
    r = [(-1) ** k * comb(n, k) * comb(n + k + 1, k) for k in range(n + 1)]
    grid = 64 * count * count + 1  # odd, so that a node at 1/2 is on no line
    places = [Fraction(j, grid) for j in range(grid + 1)]
    signs = [_value(r, p) for p in places]
    cells = [(places[j], places[j + 1]) for j in range(grid) if signs[j] * signs[j + 1] < 0]
    if len(cells) != n or any(sign == 0 for sign in signs):
        raise refuse(f"the nodes of the rule of {count} could not be told apart.")
    nodes = [enclosing(*_bisected(r, *cell)) for cell in cells] + [flint.arb(1)]
    whole = [b - a for a, b in zip([0, *r], [*r, 0], strict=True)]  # (1 - t) R has all nodes as roots
    whole = [-c for c in whole]
    found = []
    for t in nodes:
        # divide by t - node: coefficients from the highest down; the derivative there is the quotient's value
        quotient, carry = [], flint.arb(0)
        for c in reversed(whole):
            carry = carry * t + c
            quotient.append(carry)
        quotient = quotient[:-1][::-1]
        slope = total(c * t**k for k, c in enumerate(quotient))
        weight = total(c / (k + 1) for k, c in enumerate(quotient)) / slope
        found.append((t, weight / (t * flint.arb(2).log())))
    return found


def _value(polynomial: Sequence[int], at: Fraction) -> int:
    """A number of the sign of the value."""
    found, scale = 0, 1
    for c in reversed(polynomial):
        found = found * at.numerator + c * scale
        scale *= at.denominator
    return found


def _bisected(polynomial: Sequence[int], low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """A cell with a change of sign, made small."""
    rising = _value(polynomial, high) > 0
    while high - low > Fraction(1, 2**NODE_BITS):
        middle = (low + high) / 2
        if (_value(polynomial, middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return low, high
