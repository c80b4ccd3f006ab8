"""Entropies proven of coarser data: outcomes are merged first, which leaves less entropy, whatever Eve holds.

The file has a map of the outcomes of each setting onto fewer, tests t'_k of the merged outcomes, and a proof about
these. With s_k the slopes of that proof, for all devices v and what merging makes of them, f(v),

    H(v) >= H(f(v)) >= c + sum_k s_k t'_k(f(v)) = c + sum_j m_j t_j(v) - D(v),   D = sum_j m_j t_j - sum_k s_k t'_k o f,

for any slopes m_j of the question's own tests. D is an expression in words of the devices, and at most its constant and
the sizes of its other coefficients. So the functional ``C + sum_j m_j t_j`` follows if the inner proof has a constant c
of at least C and what D is at most. That is put to the checker of the inner proof as a certificate of its own, with
data at which its functional is nought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.projections import entropy_question
from sdpbound.recheck.question import Question, within
from sdpbound.recheck.reading import integer, items, number, numbers, record, tensor
from sdpbound.recheck.words import (
    OBSERVABLE,
    Devices,
    Polynomial,
    String,
    added,
    effect,
    leftover,
    read_devices,
    times,
)

__all__ = ["recheck_coarser"]

MOST_TESTS = 1024
#: Bits behind the point of the constant that the inner proof has to have; it is rounded up.
BITS = 300
Maps = list[list[list[int]]]  # the new outcome, by party, setting and outcome


def recheck_coarser(
    root: dict[str, Any], budget: Budget, check: Callable[[dict[str, Any], Budget], Finding]
) -> Finding:
    """The whole certificate; ``check`` proves an inner certificate, which is not of coarser data again."""
    question, key = entropy_question(root)
    key.pair()
    if key.channel[0] != key.channel[1]:
        raise refuse("outcomes that are renamed are another key of a channel; a proof of this kind knows flips.")
    devices = question.devices
    proof = record(root["proof"], "the proof", "multipliers coarse")
    slopes = [-m for m in numbers(proof["multipliers"], "multipliers", len(question.tested))]
    coarse = record(proof["coarse"], "what is coarser", "outcomes tests proof")
    maps = _maps(coarse["outcomes"], devices)
    merged = read_devices({"outcomes": [[max(row) + 1 for row in party] for party in maps]}, (2, 2))
    inner = coarse["proof"]
    if type(inner) is not dict or type(inner.get("multipliers")) is not list:
        raise refuse("the inner proof must be an object with multipliers.")
    tests = items(coarse["tests"], "the inner tests", MOST_TESTS)
    own = [-m for m in numbers(inner["multipliers"], "the inner multipliers", len(tests))]
    budget.spend(1000 * len(tests) * merged.shape[0] * merged.shape[1])
    pulled = added(
        *(
            (s, _before(merged.coordinates(tensor(t, "an inner test", merged.shape)), devices, maps))
            for s, t in zip(own, tests, strict=True)
        )
    )
    claim = record(root["claim"], "the claim", "value functional")
    claimed = number(claim["value"], "the claimed value")
    functional = record(claim["functional"], "the functional", "constant multipliers")
    given = numbers(functional["multipliers"], "the functional's multipliers", len(slopes))
    at_data = -question.at_data([-s for s in slopes])
    missed = _missed(question, slopes, pulled)
    wanted = max(
        number(functional["constant"], "the functional's constant") + _missed(question, given, pulled),
        claimed - at_data + missed,
    )
    constant = Fraction(-((-wanted * 2**BITS) // 1), 2**BITS)
    made = _certificate(root, merged, tests, inner, own, constant)
    for fault in check(made, budget).faults:
        raise refuse(f"of the coarser data: {fault}")
    most = (key.outcomes(devices) - 1).bit_length()
    return Finding(
        "conditional_entropy", "lower", constant - missed + at_data, claimed, within(claimed, 0, Fraction(most))
    )


def _missed(question: Question, slopes: list[Fraction], pulled: Polynomial) -> Fraction:
    """What D of the module docstring is at most."""
    return leftover(added((1, question.combination(slopes)), (-1, pulled)), question.devices.one)


def _maps(value: object, devices: Devices) -> Maps:
    found: Maps = []
    for counts, party in zip(devices.outcomes, items(value, "outcomes", 2, 2), strict=True):
        rows = []
        for count, row in zip(counts, items(party, "outcomes", len(counts), len(counts)), strict=True):
            new = [integer(v, "a new outcome", 0, count - 1) for v in items(row, "new outcomes", count, count)]
            if sorted(set(new)) != list(range(max(new) + 1)):
                raise refuse("new outcomes must be numbered from 0 without a gap.")
            rows.append(new)
        found.append(rows)
    return found


def _before(polynomial: Polynomial, devices: Devices, maps: Maps) -> Polynomial:
    """An expression in letters of the merged outcomes, in letters of the devices."""
    parts: list[tuple[Fraction, Mapping[Any, Fraction]]] = []
    for word, value in polynomial.items():
        factors = [_factor(devices, party, string, maps[party]) for party, string in enumerate(word)]
        parts.append((value, times(*factors)))
    return added(*parts)


def _factor(devices: Devices, party: int, merged: String, maps: list[list[int]]) -> Mapping[String, Fraction]:
    """One, or a letter of the merged outcomes: an observable is plus and minus one, a projector one and nought."""
    if not merged:
        return {(): Fraction(1)}
    ((setting, outcome),) = merged
    found: dict[String, Fraction] = {}
    for old, new in enumerate(maps[setting]):
        weight = (1 - 2 * new) if outcome == OBSERVABLE else int(new == outcome)
        for string, value in effect(devices, party, setting, old).items():
            found[string] = found.get(string, Fraction(0)) + weight * value
    return found


def _certificate(
    root: dict[str, Any],
    merged: Devices,
    tests: list[Any],
    inner: dict[str, Any],
    slopes: list[Fraction],
    constant: Fraction,
) -> dict[str, Any]:
    """The inner certificate. Its data are such that its functional is nought there; without slopes it is no entropy."""
    values = [Fraction(0)] * len(tests)
    steepest = max(range(len(slopes)), key=lambda k: abs(slopes[k]), default=None)
    value = max(constant, Fraction(0))
    if steepest is not None and slopes[steepest]:
        values[steepest], value = -constant / slopes[steepest], Fraction(0)
    else:
        constant = value
    return {
        "format": root["format"],
        "version": root["version"],
        "created_by": root["created_by"],
        "question": root["question"]
        | {
            "scenario": {"outcomes": [list(party) for party in merged.outcomes]},
            "observed": [
                {"coefficients": t, "value": _text(v), "tolerance": 0} for t, v in zip(tests, values, strict=True)
            ],
        },
        "proof": inner,
        "claim": {
            "value": _text(value),
            "functional": {"constant": _text(constant), "multipliers": [_text(s) for s in slopes]},
        },
    }


def _text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
