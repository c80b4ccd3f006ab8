"""Linear questions: what the multipliers and the rest of a proof leave over, copy by copy.

With multipliers lambda_j of either sign, each copy leaves a residual polynomial R_e:

- quantum: R_e = objective_e - sum_j lambda_j observed_j + sum_uv (L L^T)_uv w_u^dagger w_v. The last term is never
  negative on a state, so the bound on R_e bounds the rest. A word and its adjoint are identified, as the matrix is
  real and symmetric.
- no-signaling: the last term is a sum of weights >= 0 times the probabilities p(a.. | x..) >= 0.
- local: R_e = objective_e - sum_j lambda_j observed_j, to be maximised over all deterministic strategies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

from sdpbound.checker.numbers import Tensor, common_denominator, over_one_denominator
from sdpbound.checker.question import Question, require_local_work
from sdpbound.checker.reading import read_keys, read_list, read_numbers
from sdpbound.checker.scenario import Scenario, total_of
from sdpbound.checker.words import (
    Algebra,
    Residual,
    as_residual,
    read_words,
    residual_charge,
    sum_of_residuals,
    sum_of_squares,
)
from sdpbound.errors import CertificateError

__all__ = ["copy_charges", "local_charges", "no_signaling_residual", "quantum_residual"]


def copy_charges(question: Question, multipliers: list[Fraction], entry: object) -> Iterator[Fraction]:
    """The constants kappa_e of the copies."""
    name = "proof.copies"
    copies = read_list(entry, name)
    expected = 0 if question.model == "local" else len(question.objectives)
    if len(copies) != expected:
        raise CertificateError(
            f"{name} has {len(copies)} entries; {question.kind} ({question.model}) needs {expected}."
        )
    tested = question.observed.combined([-m for m in multipliers])
    linear = (total_of((objective, tested)) for objective in question.objectives)
    if question.model == "local":
        yield from local_charges(question.scenario, list(linear))
    elif question.model == "quantum":
        algebra = Algebra(question.scenario, question.commuting)
        for e, (functional, copy) in enumerate(zip(linear, copies, strict=True)):
            yield residual_charge(quantum_residual(algebra, functional, copy, f"{name}[{e}]"))
    else:
        for e, (functional, copy) in enumerate(zip(linear, copies, strict=True)):
            yield residual_charge(no_signaling_residual(question.scenario, functional, copy, f"{name}[{e}]"))


def quantum_residual(algebra: Algebra, linear: Tensor, entry: object, name: str) -> Residual:
    """linear + sum_uv (L L^T)_uv w_u^dagger w_v, exactly."""
    copy = read_keys(entry, ("words", "factor"), name)
    words = read_words(algebra, copy["words"], f"{name}.words")
    return sum_of_residuals([as_residual(linear), sum_of_squares(algebra, words, copy["factor"], f"{name}.factor")])


def no_signaling_residual(scenario: Scenario, linear: Tensor, entry: object, name: str) -> Residual:
    """linear + sum of weight * probability, the effects of party 0 being the slowest index of the weights."""
    copy = read_keys(entry, ("weights",), name)
    tables = []
    for party, outcomes in enumerate(scenario.outcomes):
        tables.append([effect for setting in range(len(outcomes)) for effect in scenario.effects(party, setting)])
    weights = read_numbers(copy["weights"], f"{name}.weights", length=math.prod(map(len, tables)))
    if any(weight < 0 for weight in weights):
        j = next(j for j, weight in enumerate(weights) if weight < 0)
        raise CertificateError(f"{name}.weights[{j}] is {float(weights[j])!r}; a weight must be >= 0.")
    scale = common_denominator(weights, f"{name}.weights")
    current = [weight.numerator * (scale // weight.denominator) for weight in weights]
    # Each turn replaces the fastest axis (effects of a party) by its coordinates, as the slowest axis. Twice an
    # effect has whole coefficients.
    for table, width in zip(reversed(tables), reversed(scenario.shape), strict=True):
        blocks = len(current) // len(table)
        turned = [0] * (width * blocks)
        for f, effect in enumerate(table):
            column = current[f :: len(table)]
            for letter, value in effect.items():
                factor, start = int(2 * value), letter * blocks
                for block, weight in enumerate(column, start):
                    turned[block] += factor * weight
        current = turned
    scale *= 2 ** len(tables)

    numerators, denominator = over_one_denominator(linear)
    residual = {
        index: denominator * value + scale * numerators.get(index, 0)
        for index, value in zip(product(*map(range, scenario.shape)), current, strict=True)
    }
    return residual, denominator * scale


def local_charges(scenario: Scenario, functionals: list[Tensor]) -> Iterator[Fraction]:
    """Exact maximum of each functional over all deterministic strategies."""
    parties = range(len(scenario.outcomes))
    strategies = [math.prod(scenario.outcomes[party]) for party in parties]
    last = max(parties, key=lambda party: strategies[party])
    order = [*(party for party in parties if party != last), last]
    # For each party but the last, a strategy picks one option of each setting: signed coordinates to be added up.
    choices: list[list[list[tuple[tuple[int, int], ...]]]] = []
    for party in order[:-1]:
        rows: list[list[tuple[tuple[int, int], ...]]] = []
        for outcomes, letters in zip(scenario.outcomes[party], scenario.letters(party), strict=True):
            if outcomes == 2:
                rows.append([((letters[0], 1),), ((letters[0], -1),)])
            elif outcomes > 2:
                nothing: tuple[tuple[int, int], ...] = ()
                rows.append([*(((letter, 1),) for letter in letters), nothing])
        choices.append(rows)
    answers = [
        (outcomes == 2, letters)
        for outcomes, letters in zip(scenario.outcomes[last], scenario.letters(last), strict=True)
        if letters
    ]

    def best(tensor: list[int], depth: int) -> int:
        """Maximum over the strategies of the parties order[depth:], of a tensor with those axes."""
        if depth == len(order) - 1:
            total = tensor[0]
            for binary, letters in answers:
                total += abs(tensor[letters[0]]) if binary else max(0, *tensor[letters.start : letters.stop])
            return total
        width = len(tensor) // scenario.shape[order[depth]]
        slices = [tensor[start : start + width] for start in range(0, len(tensor), width)]

        def respond(partial: list[int], setting: int) -> int:
            if setting == len(choices[depth]):
                return best(partial, depth + 1)
            found = []
            for option in choices[depth][setting]:
                added = partial
                for letter, sign in option:
                    pairs = zip(added, slices[letter], strict=True)
                    added = [a + b for a, b in pairs] if sign > 0 else [a - b for a, b in pairs]
                found.append(respond(added, setting + 1))
            return max(found)

        return respond(slices[0], 0)

    for functional in functionals:
        numerators, denominator = over_one_denominator(functional)
        digits = max((value.bit_length() for value in numerators.values()), default=0)
        require_local_work(scenario, len(functionals), digits)
        dense = []
        for index in product(*(range(scenario.shape[party]) for party in order)):
            place = dict(zip(order, index, strict=True))
            dense.append(numerators.get(tuple(place[party] for party in parties), 0))
        yield Fraction(best(dense, 0), denominator)
