"""Entropies averaged over keys, for one strategy: ``sum_k w_k H(key k|E)``.

**Qubits.** As for one key (:mod:`sdpbound.recheck.qubits`), but that keys of a party's second setting turn with its
angle. With ``A' = cos a Z + sin a X = R Z R^T``, R the rotation by a/2, the effects of the key are turned by R, and so
are the columns of their roots W. The average H lies above tangents through the origin as each term does, for weights
that add up to one: where some keys are not tested, all is divided by the weight W of those that are.

*Arcs.* Let m = (cos a, sin a) be on an arc of half-width d with the ends e and e'. The chord has a point
``c m = u e + (1 - u) e'``, cos d <= c <= 1. The effects ``(1 +- c A')/2`` belong to a coin that decides between e and
e', and also to A' with its outcome X flipped with probability (1 - c)/2. With further flips F of probability q, and G
the flip of the second description,

    u H(e) + (1 - u) H(e') <= H(X + F + G|E) = H(X + F|E) + I(X + F + G : G|E),

as the coin told to Eve leaves less, and G is nothing that X, F and E know. The last term is at most that with X known
besides: ``I(F + G : G) = h(q (1-g) + (1-q) g) - h(q)``, which rises with g <= (1 - cos d)/2. The same holds for a pair
of outcomes of which one is turned, and q is 0. What K has more at m than at the mean of the ends is (1 - c) times what
m is multiplied with.

**Flips.** Each entropy is at least that of its flips. **Projections.** Entropies of bits are homogeneous of degree
one: the bits of all keys, times the weights of the keys, are treated as those of one key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, entropy_of, total
from sdpbound.recheck.matrices import Real
from sdpbound.recheck.projections import key_bits, key_effects, proven_by_copies, tent_weights
from sdpbound.recheck.qubits import PRECISION, AngleSearch, of_flips, tested_table
from sdpbound.recheck.question import Key, Question, functional_faults, read_question, within
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record
from sdpbound.recheck.words import added, leftover

__all__ = ["TurnedKey", "recheck_average"]

MOST_TERMS, MOST_NODES = 144, 2048
#: What weights may miss one by.
NEAR_ONE = Fraction(1, 10**9)


@dataclass(frozen=True, slots=True)
class Term:
    """A key and its weight."""

    key: Key
    weight: Fraction


def recheck_average(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 4))
    if question.kind != "average_entropy" or question.side != "lower" or question.model != "quantum":
        raise refuse("a proof of this kind is of a lower bound on an average entropy against a quantum adversary.")
    terms = _terms(question)
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    with flint.ctx.workprec(PRECISION):
        bits = total(ball(t.weight) * flint.arb(t.key.outcomes(question.devices)).log() for t in terms)
        faults = within(claimed, 0, end(bits / flint.arb(2).log(), "upper"))
    way = choice(root["proof"].get("average"), "what proves the average", ("qubits", "flips", "projections"))
    if way == "projections":
        multipliers, bound = _by_projections(root, question, terms, budget)
        faults += functional_faults(claim["functional"], question, -bound, [-m for m in multipliers])
        return Finding(question.kind, "lower", -(bound + question.at_data(multipliers)), claimed, faults)
    proof = record(root["proof"], "the proof", "average multipliers")
    slopes = [-m for m in numbers(proof["multipliers"], "multipliers", len(question.tested))]
    functional = record(claim["functional"], "the functional", "constant multipliers")
    given = numbers(functional["multipliers"], "the functional's multipliers", len(slopes))
    drift = leftover(question.combination([a - b for a, b in zip(given, slopes, strict=True)]), question.devices.one)
    at_data = -question.at_data([-m for m in slopes])
    # with this constant the functional and the value follow
    constant = max(number(functional["constant"], "the functional's constant") + drift, claimed - at_data)
    with flint.ctx.workprec(PRECISION):
        if way == "qubits":
            _by_qubits(question, terms, slopes, constant, budget)
        elif any(slopes):
            raise refuse("a proof by flips has no multipliers but 0.")
        elif constant > sum((t.weight * of_flips(t.key.flips) for t in terms), Fraction(0)):
            raise refuse("the entropies of flips are less than is claimed.")
    return Finding(question.kind, "lower", constant + at_data, claimed, faults)


def _terms(question: Question) -> list[Term]:
    """The keys with their weights."""
    devices, found = question.devices, []
    figure = record(question.figure, "the figure", "kind terms")
    for entry in items(figure["terms"], "terms", MOST_TERMS, 1):
        parts = record(entry, "a term", "settings weight preprocessing")
        given = items(parts["settings"], "settings", devices.parties, devices.parties)
        settings = tuple(
            None if s is None else integer(s, "a setting of a key", 0, len(counts) - 1)
            for s, counts in zip(given, devices.outcomes, strict=True)
        )
        flips, weight = number(parts["preprocessing"], "preprocessing"), number(parts["weight"], "a weight")
        key = Key(settings, (flips, flips))
        own = [s for s in settings if s is not None]
        if not own or weight <= 0 or not 0 <= flips <= Fraction(1, 2):
            raise refuse("a term has a setting at least, a weight above 0 and preprocessing from 0 to 1/2.")
        if flips and (len(own) != 1 or key.outcomes(devices) != 2):
            raise refuse("only one bit of one party can be flipped.")
        found.append(Term(key, weight))
    if len({t.key.settings for t in found}) < len(found):
        raise refuse("a key occurs twice.")
    if abs(sum((t.weight for t in found), Fraction(0)) - 1) > NEAR_ONE:
        raise refuse("the weights do not add up to one.")
    return found


def _by_projections(
    root: dict[str, Any], question: Question, terms: list[Term], budget: Budget
) -> tuple[list[Fraction], Fraction]:
    """Multipliers l and a number b with ``-H <= b + l . t``."""
    proof = record(root["proof"], "the proof", "average multipliers nodes words factor copies")
    nodes = [number(t, "a node") for t in items(proof["nodes"], "nodes", MOST_NODES, 1)]
    flips = {t.key.flips for t in terms}
    if len(flips) != 1:
        raise refuse("programs are for keys that are all flipped alike.")
    parties = question.devices.parties
    bits = [
        (added((t.weight, first)), added((t.weight, rest)))
        for t in terms
        for first, rest in key_bits(key_effects(question.devices, t.key), parties)
    ]
    least = added(*((1, part) for bit in bits for part in bit))
    told_apart = [(added((1, first), (1, rest)), part) for first, rest in bits for part in (first, rest)]
    weighted = list(zip(nodes, tent_weights(nodes, flips.pop(), budget), strict=True))
    return proven_by_copies(root, question, budget, weighted, (told_apart, least))


@dataclass(frozen=True, slots=True)
class TurnedKey:
    """A key on two qubits: its share, its flips, and each party's observable: 0 none, 1 Z, 2 that with an angle."""

    share: Fraction
    flips: Fraction
    places: tuple[int, int]

    def roots(self, angles: tuple[Fraction, Fraction]) -> list[Real]:
        """The W of each value, of columns, at the angles in units of pi."""
        bases = [_basis(place, angle) for place, angle in zip(self.places, angles, strict=True)]
        values = [range(2) if place else [None] for place in self.places]
        found = []
        for value in product(*values):
            columns = []
            for chosen in product((0, 1), repeat=2):
                effect = Fraction(1)
                for own, outcome in zip(chosen, value, strict=True):
                    if outcome is not None:
                        effect *= 1 - self.flips if own == outcome else self.flips
                if effect:
                    one, two = (basis[i] for basis, i in zip(bases, chosen, strict=True))
                    columns.append([p * q * ball(effect).sqrt() for p in one for q in two])
            found.append(Real(columns).transpose())
        return found

    def less(self, party: int, width: Fraction) -> flint.arb:
        """What its entropy on an arc of this half-width may be below the mean of those at the ends, in nats."""
        if self.places[party] != 2:
            return flint.arb(0)
        g, q = (1 - ball(width).cos_pi()) / 2, ball(self.flips)
        flipped = q * (1 - g) + (1 - q) * g
        more = entropy_of(flipped) + entropy_of(1 - flipped) - entropy_of(q) - entropy_of(1 - q)
        return ball(self.share) * more


def _basis(place: int, angle: Fraction) -> list[list[flint.arb]]:
    """Eigenvectors of an observable, for 1 and for -1."""
    turn = angle / 2 if place == 2 else Fraction(0)
    c, s = ball(turn).cos_pi(), ball(turn).sin_pi()
    return [[c, s], [-s, c]]


def _by_qubits(
    question: Question, terms: list[Term], slopes: Sequence[Fraction], constant: Fraction, budget: Budget
) -> None:
    """Refuse unless ``H >= constant + slopes . t`` for all devices."""
    if question.devices.parties != 2:
        raise refuse("the qubit reduction is for two parties.")
    table, used = tested_table(question, slopes)
    numbered = [{None: 0} | {s: i + 1 for i, s in enumerate(sorted(own))} for own in used]
    tested, free = [], Fraction(0)
    for term in terms:
        settings = [s if s in own else None for s, own in zip(term.key.settings, numbered, strict=True)]
        places = (numbered[0][settings[0]], numbered[1][settings[1]])
        if any(places):
            tested.append((term, places))
        else:
            free += term.weight * of_flips(term.key.flips)
    whole = sum((term.weight for term, _ in tested), Fraction(0)) or Fraction(1)
    keys = [TurnedKey(term.weight / whole, term.key.flips, places) for term, places in tested]
    operators = {(numbered[0][x], numbered[1][y]): value / whole for (x, y), value in table.items() if value}
    ln2 = flint.arb(2).log()
    ceiling = ball((free - constant) / whole - operators.pop((0, 0), Fraction(0))) * ln2
    matrices = {place: ball(value) * ln2 for place, value in operators.items()}

    def outcomes(a: Fraction, b: Fraction) -> list[tuple[flint.arb, Real]]:
        return [(ball(key.share), root) for key in keys for root in key.roots((a, b))]

    def less(party: int, width: Fraction) -> flint.arb:
        return total(key.less(party, width) for key in keys)

    both = (len(used[0]) == 2, len(used[1]) == 2)
    AngleSearch(matrices, outcomes, ceiling, both, less).run(budget)
