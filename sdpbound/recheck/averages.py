"""Averages of entropies over settings, ``sum_k w_k H(key k|E)`` of one strategy: a search over two angles.

It is the search of :mod:`sdpbound.recheck.qubits`, with three changes. The entropy at angles a, b is the average of
those of the keys; a key's matrices turn with the angle of its setting. Keys whose settings are not tested have no
entropy to count on, but for flips h(q); what is left is divided by the weight of the other keys. And the entropy
changes with the angles on a cell.

**Arcs.** Let m(a) be the point of the observable A', e and e' the ends of an arc of half-width d around it, and c m(a)
the point of their chord on the way to m(a), c = 1 - 2 g >= cos d. A measurement whose effects are the mean of those of
two others may be made by tossing a coin and forgetting it, which lowers no entropy given E. So the entropy of the key
of c A' is at least the mean of those at the ends. And c A' is A' flipped with probability g. If the key is flipped with
probability q already, the second flip G raises H(key|E) by its information about the key, which is at most that about
the sum of the two flips: h(q (1-g) + (1-q) g) - h(q). It rises in g up to 1/2. For outcomes of two parties q is 0, and
what one party's flip raises is at most h(g).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, entropy_of
from sdpbound.recheck.matrices import Real
from sdpbound.recheck.projections import MOST_NODES, key_bits, key_effects, proven_by_copies, tent_weights
from sdpbound.recheck.qubits import PRECISION, AngleSearch, of_flips, tested_table
from sdpbound.recheck.question import Key, Question, functional_faults, read_question, within
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record
from sdpbound.recheck.words import added, leftover

__all__ = ["recheck_average"]

MOST_KEYS = 64
#: How far the sum of the weights may be from one.
ROUNDING = Fraction(1, 10**9)


@dataclass(frozen=True, slots=True)
class _Term:
    """A key with its weight: a setting of each party, or None, and the probability of a flip."""

    settings: tuple[int | None, ...]
    weight: Fraction
    flips: Fraction


def recheck_average(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 4))
    if question.kind != "average_entropy" or question.side != "lower" or question.model != "quantum":
        raise refuse("a proof of this kind is of a lower bound on an average entropy against a quantum adversary.")
    terms = _terms(question)
    if type(root["proof"]) is dict and root["proof"].get("average") == "projections":
        return _by_projections(root, question, terms, budget)
    if question.devices.parties != 2:
        raise refuse("a proof of this kind is about two parties.")
    proof = record(root["proof"], "the proof", "average multipliers")
    by = choice(proof["average"], "what proves the average", ("qubits", "flips"))
    slopes = [-m for m in numbers(proof["multipliers"], "multipliers", len(question.tested))]
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    functional = record(claim["functional"], "the functional", "constant multipliers")
    given = numbers(functional["multipliers"], "the functional's multipliers", len(slopes))
    drift = leftover(question.combination([a - b for a, b in zip(given, slopes, strict=True)]), question.devices.one)
    at_data = -question.at_data([-m for m in slopes])
    # what the constant has to be, for the functional and for the value
    constant = max(number(functional["constant"], "the functional's constant") + drift, claimed - at_data)
    with flint.ctx.workprec(PRECISION):
        if by == "qubits":
            search = _search(question, terms, slopes, constant)
            if search is None:
                raise refuse("no key of this average has a setting that is tested; it is proven by its flips alone.")
            search.run(budget)
        elif any(slopes) or constant > sum((t.weight * of_flips(t.flips) for t in terms), Fraction(0)):
            raise refuse("nothing is known of these entropies but that they are not below those of their flips.")
    return Finding("average_entropy", "lower", constant + at_data, claimed, _range(question, terms, claimed))


def _range(question: Question, terms: list[_Term], claimed: Fraction) -> tuple[str, ...]:
    """The fault of a claim below 0 or above the entropy of uniform outcomes."""
    with flint.ctx.workprec(PRECISION):
        most = sum((ball(t.weight) * _outcomes(question, t).log() for t in terms), flint.arb(0)) / flint.arb(2).log()
        return within(claimed, 0, end(most, "upper"))


def _by_projections(root: dict[str, Any], question: Question, terms: list[_Term], budget: Budget) -> Finding:
    """A proof of the bits of all keys at once (:mod:`sdpbound.recheck.projections`), each times the weight of its key.

    An entropy of a bit is that of relative entropies of Eve's states, which grow like the states do.
    """
    proof = record(root["proof"], "the proof", "average multipliers nodes words factor copies")
    if any(t.flips != terms[0].flips for t in terms):
        raise refuse("a proof by projections is of keys that are flipped alike.")
    nodes = [number(t, "a node") for t in items(proof["nodes"], "nodes", MOST_NODES, 1)]
    pairs = []
    for term in terms:
        effects = key_effects(question.devices, Key(term.settings))
        for first, rest in key_bits(effects, question.devices.parties):
            pairs.append((added((term.weight, first)), added((term.weight, rest))))
    whole = [added((1, first), (1, rest)) for first, rest in pairs]
    told_apart = [(m, part) for m, pair in zip(whole, pairs, strict=True) for part in pair]
    weighted = list(zip(nodes, tent_weights(nodes, terms[0].flips, budget), strict=True))
    parts = told_apart, added(*((1, m) for m in whole))
    multipliers, bound = proven_by_copies(root, question, budget, weighted, parts)
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    faults = functional_faults(claim["functional"], question, -bound, [-m for m in multipliers])
    proven = -(bound + question.at_data(multipliers))
    return Finding("average_entropy", "lower", proven, claimed, faults + _range(question, terms, claimed))


def _terms(question: Question) -> list[_Term]:
    figure = record(question.figure, "the figure", "kind terms")
    found: list[_Term] = []
    for entry in items(figure["terms"], "terms", MOST_KEYS, 1):
        parts = record(entry, "a term", "settings weight preprocessing")
        given = items(parts["settings"], "settings", question.devices.parties, question.devices.parties)
        settings = tuple(
            None if s is None else integer(s, "a setting of a key", 0, len(counts) - 1)
            for s, counts in zip(given, question.devices.outcomes, strict=True)
        )
        term = _Term(settings, number(parts["weight"], "a weight"), number(parts["preprocessing"], "preprocessing"))
        if all(s is None for s in settings) or term.weight <= 0 or not 0 <= term.flips <= Fraction(1, 2):
            raise refuse("a term has a setting, a weight above 0, and flips from 0 to 1/2.")
        lone = settings.count(None) == len(settings) - 1
        if term.flips and not (lone and _outcomes(question, term) == 2):
            raise refuse("only one bit of one party can be flipped.")
        if any(term.settings == other.settings for other in found):
            raise refuse("a key is named twice.")
        found.append(term)
    if abs(sum((t.weight for t in found), Fraction(0)) - 1) > ROUNDING:
        raise refuse("the weights do not add up to one.")
    return found


def _outcomes(question: Question, term: _Term) -> flint.arb:
    """How many values a key has."""
    count = 1
    for own, s in zip(question.devices.outcomes, term.settings, strict=True):
        count *= 1 if s is None else own[s]
    return flint.arb(count)


def _search(question: Question, terms: list[_Term], slopes: list[Fraction], constant: Fraction) -> AngleSearch | None:
    """The search for the keys that are tested; None if there is none."""
    table, used = tested_table(question, slopes)
    orders = [sorted(own) for own in used]
    weight, least = Fraction(0), Fraction(0)
    tested: list[tuple[_Term, list[int]]] = []
    for term in terms:
        places = [
            0 if s is None or s not in own else own.index(s) + 1 for s, own in zip(term.settings, orders, strict=True)
        ]
        if not any(places):
            least += term.weight * of_flips(term.flips)
            continue
        for party in (0, 1):
            if places[party] and question.devices.outcomes[party][term.settings[party] or 0] != 2:
                raise refuse("the qubit reduction is for keys of two outcomes.")
        weight += term.weight
        tested.append((term, places))
    if not tested:
        return None
    numbers_of = [{None: 0} | {s: i + 1 for i, s in enumerate(order)} for order in orders]
    values = {(numbers_of[0][x], numbers_of[1][y]): v / weight for (x, y), v in table.items() if v}
    limit = (least - constant) / weight - values.pop((0, 0), Fraction(0))
    ln2 = flint.arb(2).log()
    angles = [any(place[party] == 2 for place in values) for party in (0, 1)]
    for _, places in tested:
        angles = [a or place == 2 for a, place in zip(angles, places, strict=True)]

    def outcomes(a: Fraction, b: Fraction) -> list[tuple[flint.arb, Real]]:
        return [(ball(term.weight / weight), w) for term, places in tested for w in _matrices(term, places, a, b)]

    def less(party: int, width: Fraction) -> flint.arb:
        g = (1 - ball(width).cos_pi()) / 2
        found = flint.arb(0)
        for term, places in tested:
            if places[party] == 2:
                q = ball(term.flips)
                found += ball(term.weight / weight) * (_bit(q * (1 - g) + (1 - q) * g) - _bit(q))
        return found.upper()

    scaled = {place: ball(value) * ln2 for place, value in values.items()}
    return AngleSearch(scaled, outcomes, ball(limit) * ln2, (angles[0], angles[1]), less)


def _bit(p: flint.arb) -> flint.arb:
    """h(p) in nats."""
    return entropy_of(p) + entropy_of(1 - p)


def _matrices(term: _Term, places: list[int], a: Fraction, b: Fraction) -> list[Real]:
    """The matrices W_i of a key at the angles pi a and pi b, of columns."""
    turns = []
    for place, angle in zip(places, (a, b), strict=True):
        half = ball(angle / 2) if place == 2 else flint.arb(0)
        c, s = half.cos_pi(), half.sin_pi()
        turns.append([[c, -s], [s, c]])  # its columns: the outcomes of cos Z + sin X
    frame = [[p * q for p in row for q in other] for row in turns[0] for other in turns[1]]

    def columns(chosen: list[tuple[int, flint.arb]]) -> Real:
        return Real([[row[j] * size for j, size in chosen] for row in frame])

    one = flint.arb(1)
    if all(places):
        return [columns([(j, one)]) for j in range(4)]
    first, rest = ([0, 1], [2, 3]) if places[0] else ([0, 2], [1, 3])
    if not term.flips:
        return [columns([(j, one) for j in own]) for own in (first, rest)]
    stays, flipped = ball(1 - term.flips).sqrt(), ball(term.flips).sqrt()
    return [
        columns([(j, stays) for j in own] + [(j, flipped) for j in other])
        for own, other in ((first, rest), (rest, first))
    ]
