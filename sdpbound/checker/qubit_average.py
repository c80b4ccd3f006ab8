"""Check a lower bound on an entropy averaged over settings, ``sum_k w_k H(key k|E)``: branch and bound in balls.

The question is of two parties and quantum devices; ``terms`` are the keys with their settings, weights and flips. At
most two settings a party, of two outcomes each, are tested. To be shown is, for every quantum behaviour v,

    average entropy >= constant - sum_j lambda_j observed_j . v.

*Reduction*, as in :mod:`sdpbound.checker.qubit`: the blocks of Jordan's lemma are the same for all settings, so the
inequality holds if it does for pairs of qubits in real states with ``A = Z``, ``A' = cos a Z + sin a X``, the same for
B. A key whose settings are not tested has the entropy h(q) of its flips. A key of one tested setting has the matrices N
of its outcomes after the flip, of both settings the projectors of both; in each of them Z is turned by the angle if the
setting is the second one. With N = C C'^T, C of as many columns as N has rank, and the weights divided by their sum W,

    H(rho) = sum w (S(C^T rho C) - ..) - S(rho) >= Tr rho (log r - L(r)),   L(r) = sum w C log(C^T r C) C^T   (in nats)

for any r > 0, and ``G = max Tr K rho - H(rho)`` is at most the largest eigenvalue of K + L(r) - log r.

*Cells.* With m = (cos a, sin a), e and e' the ends of an arc of half-width d, ``c m = u e + (1-u) e'`` for some c >=
cos d. For one state the entropy is concave in the effects of a key, and the key of c A' is that of A' flipped with
probability g = (1-c)/2, which has at most h(q (1-g) + (1-q) g) - h(q) more entropy (the information that a key with
flips F and G has on G is at most that of F + G). K moves by at most (1 - cos d) times the norm of what m is multiplied
with. So on a cell of a and b G is at most the largest one at the four corners, these norms times 1 - cos d for either
angle, and the h's at g = (1 - cos d)/2. Cells where that is not below the goal are halved. Floats choose r and what is
halved; all that the proof rests on is computed in balls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import flint

from sdpbound.checker.channel import Channel
from sdpbound.checker.claim import Subject, Verification, conclude_affine
from sdpbound.checker.integral import integral_charge
from sdpbound.checker.numbers import (
    HALF,
    LOG_PRECISION,
    ONE,
    ZERO,
    binary_entropy,
    common_denominator,
    log2_ball,
    lower_end,
    nearest_float,
    rounded_float,
    to_ball,
)
from sdpbound.checker.qubit import PRECISION
from sdpbound.checker.qubit_average_search import AverageSearch, Loose, Piece
from sdpbound.checker.question import Question, key_bits
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_list, read_number, read_numbers, shown
from sdpbound.checker.scenario import Observed, Scenario, read_observed, read_scenario, sized, total_of
from sdpbound.checker.strategies import BALLS, ExplicitStrategy, strategies_of
from sdpbound.checker.trials import at_fault, out_of_range
from sdpbound.errors import CertificateError

__all__ = ["verify_average"]

_MOST_TERMS = 64
_ROUNDING = Fraction(1, 10**9)
_LARGEST_FUNCTIONAL = 2**32


@dataclass(frozen=True, slots=True)
class _Term:
    """A key: settings of both parties, its weight, and the probability of its flips."""

    key: tuple[int | None, ...]
    weight: Fraction
    flips: Fraction

    @property
    def of_flips(self) -> flint.arb:
        return to_ball(self.weight) * binary_entropy(to_ball(1 - 2 * self.flips))


def verify_average(root: Mapping[str, object], strict: bool) -> Verification:
    """A lower bound on an average entropy."""
    question, terms = _read_question(root["question"])
    observed = question.observed
    claim = read_keys(root["claim"], ("value", "functional"), "claim")
    claimed = read_number(claim["value"], "claim.value")
    functional = read_keys(claim["functional"], ("constant", "multipliers"), "claim.functional")
    constant = read_number(functional["constant"], "claim.functional.constant")
    slopes = read_numbers(functional["multipliers"], "claim.functional.multipliers", length=len(observed))
    given = root["proof"]
    by_program = isinstance(given, Mapping) and given.get("average") == "projections"
    entries = ("nodes", "words", "factor", "copies") if by_program else ()
    proof = read_keys(given, ("average", "multipliers", *entries), "proof")
    multipliers = read_numbers(proof["multipliers"], "proof.multipliers", length=len(observed))
    common_denominator([*multipliers, *slopes, claimed, constant], "proof.multipliers and claim")
    scaled = observed.scaled(multipliers)
    for j, multiplier in enumerate(scaled):
        sized(multiplier, f"proof.multipliers[{j}]")
    if by_program:
        charge = integral_charge(_with_bits(question, terms), scaled, proof)
    else:
        charge = _charge(question, terms, proof["average"], scaled, constant + observed.shift(slopes))
    bound, proven, faults = conclude_affine(question, scaled, charge, constant, slopes)
    value = rounded_float(bound, up=False)
    if bound < claimed:
        faults = [
            f"the recomputed lower bound is {value!r}, the claimed value {nearest_float(claimed)!r}",
            *faults,
        ]
    most = sum((to_ball(t.weight) * log2_ball(Fraction(_outcomes(question, t))) for t in terms), flint.arb(0))
    faults += out_of_range(claimed, "lower", flint.arb(0), most, "an average entropy of this question")
    if not faults:
        _try(question, terms, constant + observed.shift(slopes), observed.scaled(slopes))
    good = f"The average entropy is at least {value!r}, as claimed ({nearest_float(claimed)!r})."
    bad = f"The certificate does not prove its claim on the average entropy: {'; '.join(faults)}."
    subject, holds = Subject(question.kind, "lower"), not faults
    return subject.verified(value, claimed, (good, bad), holds=holds, strict=strict, functional=proven)


def _read_question(entry: object) -> tuple[Question, list[_Term]]:
    given = read_keys(entry, ("scenario", "figure", "side", "observed", "model"), "question")
    scenario = read_scenario(given["scenario"])
    model = read_keys(given["model"], ("kind",), "question.model", ("level",))
    if len(scenario.outcomes) < 2 or model["kind"] != "quantum" or given["side"] != "lower":
        raise CertificateError("an average entropy is bounded from below, of two parties or more with quantum devices.")
    kind = read_kind(given["figure"], "question.figure", ("average_entropy",))
    figure = read_keys(given["figure"], ("kind", "terms"), "question.figure")
    terms: list[_Term] = []
    for k, item in enumerate(read_list(figure["terms"], "question.figure.terms")):
        terms.append(_read_term(item, scenario, f"question.figure.terms[{k}]"))
    if not 1 <= len(terms) <= _MOST_TERMS or abs(sum((t.weight for t in terms), ZERO) - 1) > _ROUNDING:
        raise CertificateError(f"question.figure.terms must be 1 to {_MOST_TERMS} keys whose weights add up to one.")
    if len({t.key for t in terms}) < len(terms):
        raise CertificateError("question.figure.terms name a key twice.")
    observed: Observed = read_observed(given["observed"], scenario)
    return Question(scenario, {}, kind, "lower", "quantum", [], observed), terms


def _read_term(item: object, scenario: Scenario, name: str) -> _Term:
    parts = read_keys(item, ("settings", "weight", "preprocessing"), name)
    settings = [
        None if s is None else read_integer(s, 0, len(scenario.outcomes[party]) - 1, f"{name}.settings[{party}]")
        for party, s in enumerate(read_list(parts["settings"], f"{name}.settings", length=len(scenario.outcomes)))
    ]
    weight, flips = read_number(parts["weight"], f"{name}.weight"), read_number(parts["preprocessing"], name)
    asked = [scenario.outcomes[party][s] for party, s in enumerate(settings) if s is not None]
    if not asked or not 0 < weight <= 1:
        raise CertificateError(f"{name} must have a setting and a weight above 0, not {shown(parts['weight'])}.")
    if not 0 <= flips <= HALF or (flips and asked != [2]):
        raise CertificateError(f"{name}.preprocessing must be from 0 to 1/2, and 0 but for one bit of one party.")
    return _Term(tuple(settings), weight, flips)


def _with_bits(question: Question, terms: Sequence[_Term]) -> Question:
    """The question about the bits of all keys, each times the weight of its key: entropies of bits are homogeneous."""
    if len({t.flips for t in terms}) > 1:
        raise CertificateError("a proof by projections is of keys that are flipped with the same probability.")
    bits = [
        (scaled[0], scaled[1], scaled[2])
        for t in terms
        for bit in key_bits(question.scenario, t.key, "question.figure")
        for scaled in [[{i: t.weight * value for i, value in part.items()} for part in bit]]
    ]
    return replace(question, bits=bits, channel=Channel(terms[0].flips, terms[0].flips))


def _outcomes(question: Question, term: _Term) -> int:
    outcomes = question.scenario.outcomes
    return math.prod(own[s] for own, s in zip(outcomes, term.key, strict=True) if s is not None)


def _charge(
    question: Question, terms: Sequence[_Term], by: object, multipliers: Sequence[Fraction], constant: Fraction
) -> Fraction:
    """A number mu with -average <= mu + sum_j multipliers_j t_j . v for every quantum behaviour v."""
    if by == "flips":
        if any(multipliers):
            raise CertificateError("proof.multipliers must be 0 where an average is proven by its flips.")
        return -_least(terms)
    if by != "qubits":
        raise CertificateError(f"proof.average is {shown(by)}; it must be 'qubits' or 'flips'.")
    scenario = question.scenario
    if len(scenario.outcomes) != 2:
        raise CertificateError("a proof by qubits is of two parties.")
    places: list[dict[int, int]] = []
    slots: list[dict[int, int]] = []
    for party in (0, 1):
        letters = scenario.letters(party)
        used = {index[party] for tensor in question.observed.tensors for index in tensor} - {0}
        settings = [s for s, coordinates in enumerate(letters) if used & set(coordinates)]
        if len(settings) > 2 or any(scenario.outcomes[party][s] != 2 for s in settings):
            raise CertificateError(
                f"question.observed tests settings {settings} of party {party}; a qubit proof is about two settings of "
                "two outcomes at most."
            )
        slots.append({s: k for k, s in enumerate(settings, start=1)})
        places.append({0: 0} | {letters[s].start: k for s, k in slots[party].items()})
    seen = [
        (
            t,
            (
                slots[0].get(-1 if t.key[0] is None else t.key[0], 0),
                slots[1].get(-1 if t.key[1] is None else t.key[1], 0),
            ),
        )
        for t in terms
    ]
    tested = [(t, where) for t, where in seen if any(where)]
    if not tested:
        raise CertificateError("no key of the average has a tested setting; it is proven by its flips.")
    part = sum((t.weight for t, _ in tested), ZERO)
    rest = _least([t for t, where in seen if not any(where)])
    table = [[ZERO] * 3 for _ in range(3)]
    for (i, j), value in question.observed.combined(multipliers).items():
        table[places[0][i]][places[1][j]] -= value / part
    size = sum((abs(v) for row in table for v in row), ZERO)
    if size > _LARGEST_FUNCTIONAL:
        raise CertificateError(f"proof.multipliers change the entropy by more than {_LARGEST_FUNCTIONAL} bits.")
    with flint.ctx.workprec(PRECISION + 2 * int(size + abs(constant)).bit_length()):
        pieces = [piece for t, where in tested for piece in _pieces(t.weight / part, where, t.flips)]
        loose: tuple[list[Loose], list[Loose]] = ([], [])
        for party in (0, 1):
            loose[party].extend((t.weight / part, t.flips) for t, where in tested if where[party] == 2)
        AverageSearch(table, pieces, loose, (rest - constant) / part).run()
    return -constant


def _least(terms: Sequence[_Term]) -> Fraction:
    """The entropy of flips in bits, rounded down."""
    with flint.ctx.workprec(LOG_PRECISION):
        return lower_end(sum((t.of_flips for t in terms), flint.arb(0)))


def _pieces(share: Fraction, where: tuple[int, int], flips: Fraction) -> list[Piece]:
    """The matrices C of a key at angles 0: columns of 1, or those of the roots of the effects after a flip."""
    turned = where[0] == 2, where[1] == 2
    one, none = flint.arb(1), flint.arb(0)

    def chosen(columns: Sequence[int]) -> Piece:
        return Piece(share, [[one if i == j else none for j in columns] for i in range(4)], turned)

    if all(where):
        return [chosen([j]) for j in range(4)]
    bit = [j // 2 if where[0] else j % 2 for j in range(4)]
    if not flips:
        return [chosen([j for j in range(4) if bit[j] == k]) for k in (0, 1)]
    roots = [to_ball(ONE - flips).sqrt(), to_ball(flips).sqrt()]
    return [
        Piece(share, [[roots[bit[i] ^ k] if i == j else none for j in range(4)] for i in range(4)], turned)
        for k in (0, 1)
    ]


def _try(question: Question, terms: Sequence[_Term], constant: Fraction, multipliers: Sequence[Fraction]) -> None:
    """Try the functional on explicit strategies, as :mod:`sdpbound.checker.trials` does."""
    functional = total_of([{(0,) * len(question.scenario.outcomes): constant}, question.observed.combined(multipliers)])
    size = float(sum(map(abs, functional.values()), ONE))
    for strategy in strategies_of(question.scenario, question.model):
        figure = sum(float(t.weight) * float(strategy.entropy(t.key, Channel(t.flips, t.flips))) for t in terms)
        value = sum(float(strategy.moment(index)) * float(c) for index, c in functional.items())
        if value - figure > 1e-9 * size:
            with flint.ctx.workprec(256):
                sure = ExplicitStrategy(strategy.plan, question.scenario, BALLS)
                exact = sum((sure.moment(index) * to_ball(c) for index, c in functional.items()), flint.arb(0))
                average = sum(
                    (to_ball(t.weight) * sure.entropy(t.key, Channel(t.flips, t.flips)) for t in terms), flint.arb(0)
                )
                if average < exact:
                    raise at_fault(
                        f"the {strategy.plan.name} has an average entropy {float(average.mid()):.9g} where the bound "
                        f"is {float(exact.mid()):.9g}"
                    )
