"""Check an entropy bound that is proven of coarser data: outcomes merged, and what is left of the tests.

A proof has for each setting a map of its outcomes, ``outcomes[party][setting][outcome]``, onto 0, ..., d' - 1, tests
t'_k in the scenario of the new outcomes, and a proof about the same settings there, by any method, with multipliers
lambda'_k of its own. A behaviour v of the question becomes a behaviour f(v) of the coarser scenario, which is quantum
if v is, for whoever has an outcome can compute f of it. That loses entropy, never gains it, whatever Eve holds:

    H(A|E) >= H(f(A)|E) >= -mu' - sum_k lambda'_k t'_k . f(v).

t'_k . f(v) is an affine function of v, with coefficients that follow from the maps. The multipliers lambda_j of the
question's own tests are free; what they miss, D . v = sum_j lambda_j observed_j . v - sum_k lambda'_k t'_k . f(v), is
charged, for no moment is larger than 1:

    -H(A|E) <= mu' - D[1] + sum_{w != 1} |D[w]| + sum_j lambda_j observed_j . v.

A setting whose outcomes are all merged is left out. A flip of Alice's bit comes after the map, which is then one of two
outcomes onto two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from sdpbound.checker.numbers import ONE, ZERO, Tensor, common_denominator
from sdpbound.checker.question import Question, key_bits, pair_of
from sdpbound.checker.reading import read_integer, read_keys, read_list, shown
from sdpbound.checker.scenario import Scenario, read_observed, sized, total_of
from sdpbound.checker.words import as_residual, residual_charge
from sdpbound.errors import CertificateError

__all__ = ["ChargeOf", "coarse_charge"]

Maps = tuple[tuple[tuple[int, ...], ...], ...]  # the new outcome of each outcome, by party and setting
#: Of multipliers of normal forms and a constant claimed: a number mu as in the module docstring.
ChargeOf = Callable[[list[Fraction], Fraction], Fraction]
_NAME = "proof.coarse"


def coarse_charge(
    question: Question,
    multipliers: Sequence[Fraction],
    constant: Fraction,
    entry: object,
    method: Callable[[object, Question], tuple[list[Fraction], ChargeOf]],
) -> Fraction:
    """A number mu with -entropy <= mu + sum_j multipliers_j observed_j . v for every quantum behaviour v.

    `method` reads a proof about a question: its multipliers, and what finds its charge.
    """
    coarse = read_keys(entry, ("outcomes", "tests", "proof"), _NAME)
    pair_of(question.key, "question.figure", question.merge)
    if not question.channel.is_of_flips:
        raise CertificateError("question.figure.preprocessing is a channel, of which outcomes renamed are another key.")
    maps = _read_maps(coarse["outcomes"], question.scenario)
    inner = _coarser(question, maps, coarse["tests"])
    own, charge_of = method(coarse["proof"], inner)
    common_denominator(own, f"{_NAME}.proof.multipliers")
    scaled = inner.observed.scaled(own)
    for k, multiplier in enumerate(scaled):
        sized(multiplier, f"{_NAME}.proof.multipliers[{k}]")
    pulled = _pulled_back(inner.observed.combined(scaled), question.scenario, inner.scenario, maps)
    missed = total_of([pulled, {index: -value for index, value in question.observed.combined(multipliers).items()}])
    miss = residual_charge(as_residual(missed))
    return charge_of(scaled, constant + miss) + miss


def _read_maps(entry: object, scenario: Scenario) -> Maps:
    name = f"{_NAME}.outcomes"
    found = []
    for party, row in enumerate(read_list(entry, name, length=len(scenario.outcomes))):
        counts = scenario.outcomes[party]
        maps = []
        for x, said in enumerate(read_list(row, f"{name}[{party}]", length=len(counts))):
            place = f"{name}[{party}][{x}]"
            values = tuple(
                read_integer(value, 0, counts[x] - 1, place) for value in read_list(said, place, length=counts[x])
            )
            if set(values) != set(range(max(values) + 1)):
                raise CertificateError(f"{place} is {shown(said)}; each new outcome from 0 to the last must occur.")
            maps.append(values)
        found.append(tuple(maps))
    return tuple(found)


def _coarser(question: Question, maps: Maps, tests: object) -> Question:
    """The same question about the new outcomes."""
    scenario = Scenario(tuple(tuple(max(values) + 1 for values in party) for party in maps))
    items = [{"coefficients": t, "value": 0, "tolerance": 0} for t in read_list(tests, f"{_NAME}.tests")]
    bits = key_bits(scenario, question.key, f"{_NAME} of question.figure")
    if not bits:
        raise CertificateError(f"{_NAME}.outcomes merges all outcomes of the key; nothing is left to bound.")
    return replace(
        question, scenario=scenario, observed=read_observed(items, scenario, f"{_NAME}.tests"), bits=bits, objectives=[]
    )


def _pulled_back(tensor: Tensor, fine: Scenario, coarse: Scenario, maps: Maps) -> Tensor:
    """The function of the fine behaviours that a tensor on the coarser ones is."""
    for party in range(len(maps)):
        rows = _coordinates(fine, coarse, maps[party], party)
        moved: Tensor = {}
        for index, value in tensor.items():
            for place, factor in rows[index[party]].items():
                new = (*index[:party], place, *index[party + 1 :])
                moved[new] = moved.get(new, ZERO) + factor * value
        tensor = moved
    return tensor


def _coordinates(
    fine: Scenario, coarse: Scenario, maps: Sequence[Sequence[int]], party: int
) -> dict[int, Mapping[int, Fraction]]:
    """Each coordinate of the coarser scenario in terms of those of the fine one."""
    rows: dict[int, Mapping[int, Fraction]] = {0: {0: ONE}}
    for setting, (letters, values) in enumerate(zip(coarse.letters(party), maps, strict=True)):
        merged: list[dict[int, Fraction]] = [{} for _ in range(coarse.outcomes[party][setting])]
        for effect, new in zip(fine.effects(party, setting), values, strict=True):
            for place, value in effect.items():
                merged[new][place] = merged[new].get(place, ZERO) + value
        if len(merged) == 2:  # an observable: first minus second
            places = merged[0].keys() | merged[1].keys()
            merged = [{place: merged[0].get(place, ZERO) - merged[1].get(place, ZERO) for place in sorted(places)}]
        rows.update(zip(letters, merged, strict=False))  # the last projector is no coordinate
    return rows
