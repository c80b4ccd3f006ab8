"""What an explicit mixture of quantum strategies gives, enclosed in balls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.attack_question import RATES, AttackQuestion, outcomes_of_key
from sdpbound.checker.numbers import Tensor, to_ball
from sdpbound.checker.reading import read_integer, read_keys, read_list, read_numbers
from sdpbound.checker.scenario import Scenario
from sdpbound.checker.spectra import entropy, plogp
from sdpbound.checker.trials import at_fault
from sdpbound.errors import CertificateError

__all__ = [
    "Enclosure",
    "Matrix",
    "Outcome",
    "adjoint",
    "enclose",
    "enclosed",
    "mix",
    "moments_of",
    "read_device",
    "read_kraus",
    "read_matrix",
    "read_strategy",
    "solved_weights",
    "through_effects",
    "trace",
    "weigh",
    "work_of",
]

_LARGEST_DIMENSION = 64
_TURNS = 16  # products for each entry of a matrix that is made diagonal, in units of its size
Matrix = flint.arb_mat | flint.acb_mat


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Balls around the numbers of one strategy: tests in normal form, its entropy or its p(ab|xy) of the key; of a key
    with any flips or channel Eve's states for its two values, of trace one together, and the entropy of their sum."""

    tested: list[flint.arb]
    entropy: flint.arb
    joint: list[list[flint.arb]]
    parts: tuple[Matrix, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mixture: enclosed figure, and the enclosed distances of its tested values from the given ones, as the file has
    them."""

    figure: flint.arb
    misses: list[flint.arb]


def work_of(question: AttackQuestion, entry: Any, name: str) -> int:
    """About how many products of numbers a strategy takes, from the sizes of its matrices."""
    sizes, shape, rows = _sizes(question, entry, name)
    dimension, width = math.prod(sizes), shape
    pairs = math.prod(sum(map(sum, party)) for party in rows)  # rows of all products of effects
    roots = sum(size**2 * sum(map(sum, party)) for size, party in zip(sizes, rows, strict=True))
    counts = [sum(map(len, party)) for party in rows]
    spectra = _TURNS * width**3 * (math.prod(counts) + 1)
    complex_numbers = entry["state"]["imaginary"] is not None or any(
        effect["imaginary"] is not None for party in entry["measurements"] for effects in party for effect in effects
    )
    products = dimension * width * (pairs + 1) + width**2 * (pairs + dimension) + roots
    # a product of complex numbers is four, and spectra are those of real matrices of twice the size
    return 4 * products + 8 * spectra if complex_numbers else products + spectra


def _sizes(question: AttackQuestion, entry: object, name: str) -> tuple[list[int], int, list[list[list[int]]]]:
    """Dimensions, columns of the state's factor, and rows of each effect."""
    entry = read_keys(entry, ("dimensions", "state", "measurements"), name)
    sizes = [
        read_integer(d, 1, _LARGEST_DIMENSION, f"{name}.dimensions")
        for d in read_list(entry["dimensions"], f"{name}.dimensions", length=len(question.scenario.outcomes))
    ]
    if math.prod(sizes) > _LARGEST_DIMENSION:
        raise CertificateError(f"{name}.dimensions {sizes} are too large; {_LARGEST_DIMENSION} in all is the most.")
    state = read_list(
        read_keys(entry["state"], ("real", "imaginary"), f"{name}.state")["real"],
        f"{name}.state.real",
        length=math.prod(sizes),
    )
    width = len(read_list(state[0], f"{name}.state.real[0]"))
    if width > _LARGEST_DIMENSION:
        raise CertificateError(f"{name}.state.real has {width} columns; at most {_LARGEST_DIMENSION} are allowed.")
    rows = []
    parties = read_list(entry["measurements"], f"{name}.measurements", length=len(sizes))
    for party, (settings, counts) in enumerate(zip(parties, question.scenario.outcomes, strict=True)):
        label = f"{name}.measurements[{party}]"
        own = []
        for s, (effects, count) in enumerate(zip(read_list(settings, label, length=len(counts)), counts, strict=True)):
            effects = read_list(effects, f"{label}[{s}]", length=count)
            own.append(
                [
                    len(
                        read_list(
                            read_keys(e, ("real", "imaginary"), f"{label}[{s}][{a}]")["real"], f"{label}[{s}][{a}].real"
                        )
                    )
                    for a, e in enumerate(effects)
                ]
            )
        rows.append(own)
    return sizes, width, rows


# --- one strategy --------------------------------------------------------------------------------------------------


def enclose(question: AttackQuestion, entry: Any, name: str) -> Enclosure:
    """The numbers of one strategy of a certificate, in balls of the precision in force."""
    return enclosed(question, *read_strategy(question, entry, name), name)


def read_strategy(question: AttackQuestion, entry: Any, name: str) -> tuple[Matrix, list[list[list[Matrix | None]]]]:
    """The factor of the state of a strategy of a certificate, and its Kraus operators [party][setting][outcome]."""
    sizes, _, _ = _sizes(question, entry, name)
    outcomes = question.scenario.outcomes
    factor = read_matrix(entry["state"], math.prod(sizes), _LARGEST_DIMENSION, f"{name}.state", rows_fixed=True)
    if factor is None:
        raise CertificateError(f"{name}.state has no columns; a factor of the state is needed.")
    parties = read_list(entry["measurements"], f"{name}.measurements", length=len(sizes))
    kraus = [
        read_device(own, counts, size, f"{name}.measurements[{party}]")
        for party, (own, counts, size) in enumerate(zip(parties, outcomes, sizes, strict=True))
    ]
    return factor, kraus


def _grams(
    factor: Matrix, kraus: Sequence[Sequence[Sequence[Matrix | None]]], name: str
) -> tuple[
    Matrix,
    flint.arb,
    Callable[[tuple[int, ...]], dict[tuple[int, ...], Matrix]],
    Callable[[tuple[int, ...]], dict[tuple[int, ...], flint.arb]],
]:
    """G^+ G and its trace; what makes Gram matrices of settings, which are kept, and what makes probabilities."""
    total = adjoint(factor) * factor
    norm = trace(total)
    if not norm > 0:
        raise CertificateError(f"{name}.state is zero; a factor of the state is needed.")
    grams: dict[tuple[int, ...], dict[tuple[int, ...], Matrix]] = {}

    def gram(settings: tuple[int, ...]) -> dict[tuple[int, ...], Matrix]:
        """G^+ (M_a (x) N_b (x) ..) G by outcomes, for those that occur."""
        if settings not in grams:
            places = itertools.product(*(range(len(kraus[party][s])) for party, s in enumerate(settings)))
            made = {p: _gram([kraus[i][s][p[i]] for i, s in enumerate(settings)], factor) for p in places}
            grams[settings] = {place: m for place, m in made.items() if m is not None}
        return grams[settings]

    def joint(settings: tuple[int, ...]) -> dict[tuple[int, ...], flint.arb]:
        return {place: trace(m) / norm for place, m in gram(settings).items()}

    return total, norm, gram, joint


def moments_of(
    scenario: Scenario,
    tensors: Sequence[Tensor],
    factor: Matrix,
    kraus: Sequence[Sequence[Sequence[Matrix | None]]],
    name: str,
) -> list[flint.arb]:
    """The values of expressions for a strategy with this factor of its state and Kraus operators, in balls."""
    *_, joint = _grams(factor, kraus, name)
    return [_tested(scenario, joint, tensor) for tensor in tensors]


def enclosed(
    question: AttackQuestion, factor: Matrix, kraus: Sequence[Sequence[Sequence[Matrix | None]]], name: str
) -> Enclosure:
    """The numbers of a strategy with this factor of its state and the Kraus operators [party][setting][outcome]."""
    total, norm, gram, joint = _grams(factor, kraus, name)
    tested = [_tested(question.scenario, joint, tensor) for tensor in question.observed.tensors]
    at = tuple(s or 0 for s in question.key)
    if question.kind == "conditional_mutual_information":
        table, (rows, columns) = joint(at), outcomes_of_key(question.scenario, question.key)
        return Enclosure(
            tested,
            flint.arb(0),
            [[table.get((a, b), flint.arb(0)) for b in range(columns)] for a in range(rows)],
        )
    states = _by_value(question, gram(at))
    whole, zero = entropy(total * (1 / norm)), total * flint.arb(0)
    if question.kind in RATES:
        return Enclosure(tested, whole, [], tuple(states.get((a,), zero) * (1 / norm) for a in (0, 1)))
    if question.channel:
        pair = states.get((0,), zero), states.get((1,), zero)
        states = {(a,): state for a, state in enumerate(question.channel.mixed(pair, to_ball))}
    parts = [m * (1 / norm) for m in states.values()]
    given = sum(map(entropy, parts), flint.arb(0)) - whole
    above = sum((plogp(trace(m)) for m in parts), flint.arb(0))  # of the outcome, for one who knows nothing
    if given < 0 or given > above:
        raise at_fault(f"{name} has the entropy {float(given.mid())!r}, and its outcomes {float(above.mid())!r}")
    return Enclosure(tested, given, [])


def _by_value(question: AttackQuestion, grams: dict[tuple[int, ...], Matrix]) -> dict[tuple[int, ...], Matrix]:
    """Sums of matrices by the outcomes of the parties in the key, or by its value."""
    sizes = outcomes_of_key(question.scenario, question.key)
    states: dict[tuple[int, ...], Matrix] = {}
    for place, m in grams.items():
        own = tuple(a for a, s in zip(place, question.key, strict=True) if s is not None)
        if question.merge:
            number = 0
            for a, size in zip(own, sizes, strict=True):
                number = number * size + a
            own = (question.merge[number],)
        states[own] = states[own] + m if own in states else m
    return states


def read_matrix(entry: object, size: int, most: int, name: str, rows_fixed: bool) -> Matrix | None:
    """A matrix with `size` rows (rows_fixed) or columns, and at most `most` of the others; None if there are none."""
    entry = read_keys(entry, ("real", "imaginary"), name)
    parts = []
    for key in ("real", "imaginary"):
        if entry[key] is None and key == "imaginary":
            continue
        rows = read_list(entry[key], f"{name}.{key}", length=size if rows_fixed else None)
        if len(rows) > most:
            raise CertificateError(f"{name}.{key} has {len(rows)} rows; at most {most} are allowed.")
        width = len(read_list(rows[0], f"{name}.{key}[0]")) if rows_fixed else size
        if width > most:
            raise CertificateError(f"{name}.{key} has {width} columns; at most {most} are allowed.")
        parts.append([read_numbers(row, f"{name}.{key}[{i}]", length=width) for i, row in enumerate(rows)])
    if not parts[0] or not parts[0][0]:
        return None
    balls = [flint.arb_mat([[to_ball(v) for v in row] for row in part]) for part in parts]
    if len(balls) == 1:
        return balls[0]
    if (balls[0].nrows(), balls[0].ncols()) != (balls[1].nrows(), balls[1].ncols()):
        raise CertificateError(f"{name} has real and imaginary parts of different shapes.")
    return flint.acb_mat(balls[0]) + flint.acb_mat(balls[1]) * flint.acb(0, 1)


def read_device(entry: Any, counts: Sequence[int], size: int, name: str) -> list[list[Matrix | None]]:
    """The Kraus operators [setting][outcome] of a party, None for outcomes that do not occur."""
    settings = zip(read_list(entry, name, length=len(counts)), counts, strict=True)
    return [
        read_kraus(read_list(effects, f"{name}[{s}]", length=count), size, f"{name}[{s}]")
        for s, (effects, count) in enumerate(settings)
    ]


def read_kraus(effects: Sequence[Any], size: int, name: str) -> list[Matrix | None]:
    """K_a = T_a L^-+ of a setting; None for outcomes that do not occur."""
    factors = [
        read_matrix(e, size, _LARGEST_DIMENSION, f"{name}[{a}]", rows_fixed=False) for a, e in enumerate(effects)
    ]
    total = _sum([None if t is None else adjoint(t) * t for t in factors])
    if total is None:
        raise CertificateError(f"{name} has no effect; at least one outcome must occur.")
    lower: Any = _cholesky(total, name)  # real only where all effects are
    return [None if t is None else adjoint(lower.solve(adjoint(t))) for t in factors]


def _cholesky(matrix: Matrix, name: str) -> Matrix:
    n = matrix.nrows()
    real = isinstance(matrix, flint.arb_mat)
    rows: list[list[Any]] = [[flint.arb(0) if real else flint.acb(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            value: Any = matrix[i, j]
            for k in range(j):
                value -= rows[i][k] * (rows[j][k] if real else rows[j][k].conjugate())
            if i > j:
                rows[i][j] = value / rows[j][j]
                continue
            pivot = value if real else value.real
            if not pivot > 0:
                raise CertificateError(f"The effects of {name} do not span the space; their sum must be invertible.")
            rows[i][i] = pivot.sqrt() if real else flint.acb(pivot.sqrt())
    return flint.arb_mat(rows) if real else flint.acb_mat(rows)


def through_effects(effects: Sequence[Matrix | None], factor: Matrix) -> Matrix | None:
    """(K_a (x) K_b (x) ..) G; None where an outcome does not occur."""
    known = [k for k in effects if k is not None]
    if len(known) < len(effects):
        return None
    rows: list[list[Any]] = [[1]]
    for own in known:
        pairs: Iterator[tuple[list[Any], list[Any]]] = itertools.product(rows, own.tolist())
        rows = [[u * v for u in first for v in second] for first, second in pairs]
    real = all(isinstance(m, flint.arb_mat) for m in known)
    local: Matrix = flint.arb_mat(rows) if real else flint.acb_mat(rows)
    return local * factor


def _gram(effects: Sequence[Matrix | None], factor: Matrix) -> Matrix | None:
    """G^+ (K_a^+ K_a (x) K_b^+ K_b (x) ..) G; None where an outcome does not occur."""
    through = through_effects(effects, factor)
    return None if through is None else adjoint(through) * through


def _tested(
    scenario: Scenario, joint: Callable[[tuple[int, ...]], dict[tuple[int, ...], flint.arb]], tensor: Tensor
) -> flint.arb:
    """The value of a tested expression: sum of its coefficients times expectation values of products of coordinates."""
    total = flint.arb(0)
    for index, coefficient in tensor.items():
        read = [_readout(scenario, party, i) for party, i in enumerate(index)]
        table = joint(tuple(setting for setting, _ in read))
        value = flint.arb(0)
        for chosen in itertools.product(*(signs for _, signs in read)):
            p = table.get(tuple(a for a, _ in chosen))
            if p is not None:
                value += p * math.prod(sign for _, sign in chosen)
        total += to_ball(coefficient) * value
    return total


def _readout(scenario: Scenario, party: int, coordinate: int) -> tuple[int, list[tuple[int, int]]]:
    """Setting, outcomes and signs whose probabilities add up to a coordinate; the identity is read in setting 0."""
    outcomes = scenario.outcomes[party]
    if coordinate == 0:
        return 0, [(a, 1) for a in range(outcomes[0])]
    setting, letters = next((s, r) for s, r in enumerate(scenario.letters(party)) if coordinate in r)
    if outcomes[setting] == 2:
        return setting, [(0, 1), (1, -1)]
    return setting, [(coordinate - letters[0], 1)]


# --- the mixture ---------------------------------------------------------------------------------------------------


def mix(
    question: AttackQuestion,
    enclosures: Sequence[Enclosure],
    weights: Sequence[Fraction],
    adjusted: Sequence[int],
    groups: Sequence[int],
) -> Outcome:
    """Figure and misses of the mixture; raises CertificateError where its weights are not."""
    balls, misses = weigh(question, enclosures, weights, adjusted)
    if question.kind == "conditional_entropy":
        figure = sum((w * e.entropy for w, e in zip(balls, enclosures, strict=True)), flint.arb(0))
        return Outcome(figure, misses)
    figure = flint.arb(0)
    for group in sorted(set(groups)):
        members = [(w, e.joint) for w, e, g in zip(balls, enclosures, groups, strict=True) if g == group]
        rows, columns = len(members[0][1]), len(members[0][1][0])
        table = [[sum((w * p[a][b] for w, p in members), flint.arb(0)) for b in range(columns)] for a in range(rows)]
        figure += _information(table)
    return Outcome(figure, misses)


def weigh(
    question: AttackQuestion, enclosures: Sequence[Enclosure], weights: Sequence[Fraction], adjusted: Sequence[int]
) -> tuple[list[flint.arb], list[flint.arb]]:
    """The weights of the mixture, and its misses; raises CertificateError where its weights are not."""
    tested = [e.tested for e in enclosures]
    balls = solved_weights(tested, question.observed.values, weights, adjusted, range(len(question.observed)))
    misses = []
    for j, (value, scale) in enumerate(zip(question.observed.values, question.observed.scales, strict=True)):
        own = sum((w * e.tested[j] for w, e in zip(balls, enclosures, strict=True)), flint.arb(0))
        misses.append(flint.arb(0) if adjusted else abs(own - to_ball(value)) * to_ball(scale))
    return balls, misses


def solved_weights(
    tested: Sequence[Sequence[flint.arb]],
    values: Sequence[Fraction],
    weights: Sequence[Fraction],
    adjusted: Sequence[int],
    solved: Sequence[int],
) -> list[flint.arb]:
    """Weights of strategies with these tested values; those adjusted are solved for, so that tests have their values.

    Parameters
    ----------
    tested, weights : of each strategy its tested values, and its weight
    values, solved : the data, and the tests whose values are met; nothing is solved for where nothing is adjusted
    """
    if any(w < 0 for w in weights) or not sum(weights) > 0:
        raise CertificateError("proof.weights has a negative weight, or none above zero.")
    total = sum(weights, Fraction(0))
    balls = [to_ball(w / total) for w in weights]
    if not adjusted:
        return balls
    needed = len(solved) + 1
    if len(adjusted) != needed or len(set(adjusted)) != needed:
        raise CertificateError(f"proof.adjusted has {len(adjusted)} entries; {needed} different ones are needed.")
    rest = [k for k in range(len(weights)) if k not in adjusted]
    rows = [[flint.arb(1)] * needed]
    right = [[1 - sum((balls[k] for k in rest), flint.arb(0))]]
    for i in solved:
        rows.append([tested[k][i] for k in adjusted])
        right.append([to_ball(values[i]) - sum((balls[k] * tested[k][i] for k in rest), flint.arb(0))])
    try:
        solution = flint.arb_mat(rows).solve(flint.arb_mat(right))
    except ZeroDivisionError:  # flint could not invert the enclosure
        raise CertificateError(
            "The adjusted strategies do not determine their weights: their data are dependent."
        ) from None
    for place, k in enumerate(adjusted):
        balls[k] = solution[place, 0]
        if not balls[k] >= 0:
            raise CertificateError(f"The weight of strategy {k} that the data need is not certainly positive.")
    return balls


def _information(table: list[list[flint.arb]]) -> flint.arb:
    """sum P(ab) log2 P(ab) P / (P(a) P(b)) of a sub-normalised distribution."""
    rows = [sum(row, flint.arb(0)) for row in table]
    columns = [sum(column, flint.arb(0)) for column in zip(*table, strict=True)]
    joint = [p for row in table for p in row]
    terms = [*map(plogp, rows), *map(plogp, columns), *(-plogp(p) for p in joint), -plogp(sum(rows, flint.arb(0)))]
    return sum(terms, flint.arb(0))


def _sum(matrices: Sequence[Matrix | None]) -> Matrix | None:
    total: Matrix | None = None
    for m in matrices:
        if m is not None:
            total = m if total is None else total + m
    return total


def adjoint(matrix: Matrix) -> Matrix:
    return matrix.transpose() if isinstance(matrix, flint.arb_mat) else matrix.transpose().conjugate()


def trace(matrix: Matrix) -> flint.arb:
    """Of a Hermitian matrix."""
    entries = (matrix[i, i] for i in range(matrix.nrows()))
    return sum((v if isinstance(v, flint.arb) else v.real for v in entries), flint.arb(0))
