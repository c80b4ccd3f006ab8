"""Upper bounds on Eve's conditional entropy, from explicit attacks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries import Quantum
from sdpbound.arguments import with_changes
from sdpbound.arrays import Floats
from sdpbound.attacks.coarse_attack import coarse_attack
from sdpbound.attacks.landscape import Landscape, key_effects, two_binary_settings
from sdpbound.attacks.mixtures import COARSE, Functional, Mixture, best_mixture, deterministic_strategies
from sdpbound.attacks.options import AttackChanges, AttackOptions
from sdpbound.attacks.proof import EntropyAttack, build_attack
from sdpbound.attacks.qubit_attack import attack_of, extreme_attack, is_settled, qubit_optimum, strategies_of
from sdpbound.attacks.symmetric import symmetric_question
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.intervals import reach
from sdpbound.bounds.separation import raise_if_separated
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.entropies.words import levels_of_key
from sdpbound.errors import CertificateError, InvalidInput, InvalidParameter, SolverFailure, TimeIsUp
from sdpbound.limiting import doing

__all__ = ["best_attack", "conditional_entropy_upper_bound", "functional_of", "landscape_of", "search"]

#: If a mixture misses the data by more than NEAR, a separating functional is sought; by more than FAR, it is an error.
NEAR, FAR = 1e-7, 1e-4
#: Bits by which a bound and its functional at the data may differ: floats, and data that symmetry replaces by means.
SAME = 1e-6


def conditional_entropy_upper_bound(
    observed: Observations,
    x: int = 0,
    y: int | None = None,
    preprocessing: Preprocessing = 0.0,
    options: AttackOptions | None = None,
    settings: Sequence[int | None] | None = None,
    merge: Sequence[Any] | None = None,
    **changes: Unpack[AttackChanges],
) -> EntropyAttack:
    """Upper bound on the least H(A|X=x,E), or with ``y`` H(AB|X=x,Y=y,E), of the tested data: an explicit attack.

    The attack is a mixture of strategies. Eve holds the purification and the index of each strategy. Column generation
    finds the mixture among strategies of one dimension. For two settings of two outcomes of each party, qubits are
    enough by Jordan's lemma. No analysis of these tested data can give more than this bound.
    :func:`conditional_entropy` bounds the same number from below.

    Parameters
    ----------
    observed : the tested data: any linear data of two parties or more
    x, y, preprocessing : as in :func:`conditional_entropy`
    options : options of the search, default AttackOptions()
    settings, merge : of the key, as in :func:`conditional_entropy`
    changes : single options by name: dimension, strategies, seed, tolerance, symmetry, rank, below

    Returns
    -------
    EntropyAttack, side "upper", in bits. If no mixture is proven to have the data within their tolerances, the attack
    is labelled approximate; this may happen on the boundary of the quantum set

    Raises
    ------
    Infeasible, InvalidSettings, InvalidParameter, InvalidShape, SolverFailure

    >>> import sdpbound as sb
    >>> attack = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 2.5))
    >>> attack.exact, round(attack.value, 5)
    (True, 0.45644)
    >>> attack.certificate.verify().side
    'upper'
    >>> bound = sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), 2.5), closed_forms=False)
    >>> attack = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 2.5), below=bound)
    >>> 0.0 < attack.below.gap < 1e-3
    True
    """
    given = with_changes(options, AttackOptions(), changes, "conditional_entropy_upper_bound")
    how = given
    asked, values = (None if own is None else tuple(own) for own in (settings, merge))
    question = KeyQuestion(observed, x, y, preprocessing=preprocessing, settings=asked, merge=values).of_entropy()
    _require_fit(how, observed)
    if how.below is not None:
        functional_of(question, how.below)  # an error if it is about something else
    begun = time.perf_counter()
    qubits: Sequence[Strategy] = ()
    if how.dimension in (None, 2) and question.is_of_a_pair:
        attack = extreme_attack(question)
        if attack is not None:
            return _above(attack, given)
        best = qubit_optimum(question, how.tolerance)
        settled = best is not None and is_settled(best, how.tolerance)
        if best is None:
            attack = coarse_attack(question, how.tolerance)
        elif settled:
            attack = attack_of(question, best, begun, resolved=True)
        if attack is not None:
            return _above(attack, given)
        if settled:
            how = replace(how, tolerance=max(how.tolerance, COARSE))  # there is nothing to gain but the data
        qubits = () if best is None else strategies_of(question, best)
    with doing(f"{question.figure.words} under an attack", None):
        mixture = search(question, how, qubits) if qubits else best_attack(question, how)
    found = build_attack(observed, question.figure, mixture, time.perf_counter() - begun)
    return _above(found if found.exact else _alone(question, how.strategies) or found, given)


def _alone(question: EntropyQuestion, strategies: Sequence[Strategy]) -> EntropyAttack | None:
    """The best attack of one of these strategies that has the data by itself; None if none has.

    A mixture of nearly the same data may leave much less where the entropy is steep.
    """
    observed, landscape = question.given or question.observed, landscape_of(question, 2)
    found = []
    for strategy in strategies:
        tested = _tested(question.observed, strategy)
        if (np.abs(tested - observed.values) <= observed.tolerances).all():
            own = Mixture((strategy,), np.ones(1), tested[None], np.array([figure_of(strategy, landscape)]), None)
            found.append(build_attack(observed, question.figure, own, 0.0))
    return min((attack for attack in found if attack.exact), key=lambda attack: attack.value, default=None)


def _above(attack: EntropyAttack, options: AttackOptions) -> EntropyAttack:
    """The attack, with the gap of the lower bound that the options have; no gap is told by one that is approximate."""
    below = options.below
    return attack if below is None or not attack.exact else replace(attack, below=below.with_top(attack.value))


# -- the search ---------------------------------------------------------------------------------------------------


def landscape_of(question: EntropyQuestion, dimension: int) -> Landscape:
    """The landscape of strategies of one dimension: real ones for qubits and two binary settings each, else complex."""
    observed, scenario = question.observed, question.scenario
    return Landscape(
        scenario=scenario,
        key=key_effects(question),
        tested=observed.coefficients,
        dimension=dimension,
        rank=dimension**scenario.parties,
        is_complex=dimension > 2 or not two_binary_settings(scenario),
        key_settings=question.key,
    )


def best_attack(
    question: EntropyQuestion, options: AttackOptions, figure: Callable[[Landscape], Landscape] | None = None
) -> Mixture:
    """The best mixture of :func:`search`, averaged over the relabellings that keep the question as the options say."""
    always = options.symmetry is True
    symmetric = None if options.symmetry is False else symmetric_question(question, always)
    if symmetric is not None:
        try:
            return symmetric.average(search(symmetric.means, options, figure=figure))
        except InvalidParameter:  # too many strategies
            if always:
                raise
    return search(question, options, figure=figure)


def search(
    question: EntropyQuestion,
    options: AttackOptions,
    optimal: Sequence[Strategy] = (),
    figure: Callable[[Landscape], Landscape] | None = None,
    cost: Callable[[Strategy], float] | None = None,
) -> Mixture:
    """Search for the best mixture of deterministic strategies, given strategies, and strategies of one dimension.

    The dimension is the smallest one that reaches the data, and where the options have a lower bound comes as near to
    it as the tolerance, or as the bound is known to be to the entropy. A larger dimension begins with the strategies
    of the one before. So do measurements of two qubits that are no projections, where a setting has more outcomes.

    ``optimal`` are qubit strategies whose best mixture is nearly the best of all; the search only improves this
    mixture. ``figure`` gives the landscape another figure than the entropy. ``cost`` is the cost of a deterministic or
    given strategy, by default the landscape's figure.
    """
    observed, scenario = question.observed, question.scenario
    largest = max(2, *map(max, scenario.outcomes))
    dimensions = range(2, largest + 1) if options.dimension is None else (options.dimension,)
    _require_fit(options, observed)
    if options.below is not None and figure is not None:
        raise InvalidInput(
            f"below = {options.below!r:.60} is of no use to this attack on another figure; leave it out."
        )
    below = None if options.below is None else functional_of(question, options.below)
    given = [*deterministic_strategies(scenario), *options.strategies]
    best: Mixture | None = None
    wide = figure is None and not optimal  # those are projections, and nothing is better
    tries = [(d, widths) for d in dimensions for widths in _widths(scenario, d, wide)]
    for k, (d, widths) in enumerate(tries):
        if widths and best is None:  # a larger dimension leaves Eve more than other measurements in one too small
            continue
        fixed = given if best is None else [*given, *best.strategies]
        tested = np.array([_tested(observed, s) for s in fixed]).reshape(len(fixed), len(observed))
        below = below if best is None or below is None else replace(below, brief=True)
        landscape = replace(landscape_of(question, d), widths=widths)
        landscape = landscape if options.rank is None else replace(landscape, rank=min(options.rank, landscape.rank))
        landscape = landscape if figure is None else figure(landscape)
        figures = np.array([figure_of(s, landscape) if cost is None else cost(s) for s in fixed])
        start = landscape.points_of(optimal) if optimal else None
        generator = np.random.default_rng(options.seed)
        known = (fixed, figures, tested)
        data = observed.values, reach(observed.tolerances)
        mixture = best_mixture(landscape, data, known, generator, options.tolerance, start, below)
        if _miss(observed, mixture) <= NEAR:
            best = mixture if best is None or mixture.value < best.value else best
        if mixture.cut or (best is not None and _is_enough(best, below, options, tries[k + 1 :], d)):
            break
    if best is not None:
        return best
    if mixture.cut and _miss(observed, mixture) > FAR:
        raise TimeIsUp(
            f"the time was over before a mixture of strategies had the tested values (the best one misses one by "
            f"{_miss(observed, mixture):.3g}); allow more time, or give the devices' own strategy with "
            "strategies=[...]."
        )
    _raise_if_out_of_reach(observed, mixture)
    return mixture


def _widths(scenario: Scenario, d: int, are_wide: bool) -> list[tuple[int, ...]]:
    """The numbers of columns of bases to search in one dimension: as many as it has, and as many as outcomes.

    A setting of more outcomes than the dimension has such measurements only as are no projections. They are cheap where
    second derivatives are taken.
    """
    wide = tuple(min(max(d, *own), d * d) for own in scenario.outcomes)
    return [(), wide] if are_wide and max(wide) > d and d == 2 and len(wide) == 2 else [()]


def _is_enough(
    best: Mixture, below: Functional | None, options: AttackOptions, more: Sequence[tuple[int, tuple[int, ...]]], d: int
) -> bool:
    """Whether the search ends with this mixture, found in dimension d, where others follow.

    Where a lower bound is known, it ends as near to it as the bound itself is known to be to the entropy.
    """
    if below is None or options.below is None:
        return all(dimension != d for dimension, _ in more)
    gap = options.below.gap if math.isfinite(options.below.gap) else options.below.tolerance
    return best.value - below.value <= max(options.tolerance, gap if math.isfinite(gap) else 0.0)


def functional_of(question: EntropyQuestion, below: EntropyBound) -> Functional:
    """What a lower bound says in terms of the tests of a question, or of their means over its symmetries."""
    try:
        expression = below.functional.expression
    except CertificateError as error:
        raise InvalidInput(f"below = {below!r:.60} has no functional to begin with; leave it out.") from error
    if below.merit != question.figure or expression.scenario != question.scenario:
        raise InvalidInput(
            f"below is about {below.figure} in {expression.scenario}, and the attack about {question.figure} in "
            f"{question.scenario}; give a bound on the same entropy of the same data."
        )
    table = expression.coefficients.reshape(-1)
    tests = question.observed.coefficients.reshape(len(question.observed), -1)
    multipliers = np.linalg.lstsq(tests[:, 1:].T, table[1:], rcond=None)[0]
    here = float(table[0] + multipliers @ (question.observed.values - tests[:, 0])) - below.price
    if not abs(here - below.value) <= SAME:
        raise InvalidInput(
            f"below is a bound of {below.value:.6g} bits, and its functional has {here:.6g} at the data of the attack; "
            "give a bound on the same entropy of the same data."
        )
    return Functional(np.asarray(multipliers, dtype=np.float64), below.value)


def _require_fit(options: AttackOptions, observed: Observations) -> None:
    for s in options.strategies:
        if s.scenario != observed.scenario:
            raise InvalidInput(f"a strategy of {s.scenario} does not fit tested data of {observed.scenario}.")


def _miss(observed: Observations, mixture: Mixture) -> float:
    """The largest distance of a tested value beyond its tolerance."""
    misses = np.abs(mixture.weights @ mixture.tested - observed.values) - observed.tolerances
    return float(misses.max(initial=0.0))


def _raise_if_out_of_reach(observed: Observations, mixture: Mixture) -> None:
    """Raise Infeasible if the data are proven to be outside the quantum set, SolverFailure if no mixture has them."""
    parties = observed.scenario.parties
    raise_if_separated(observed, Quantum(levels_of_key(parties, (0,) * parties)[0]))
    miss = _miss(observed, mixture)
    if miss > FAR:
        raise SolverFailure(
            f"the best mixture found misses a tested value by {miss:.3g}; take a larger dimension=, give the devices' "
            "own strategy with strategies=[...], or check that the data are quantum."
        )


def figure_of(strategy: Strategy, landscape: Landscape) -> float:
    """The figure of an explicit strategy of any dimension, in bits and in floats."""
    d = strategy.dimensions
    operators: NDArray[Any] = (
        landscape.key
    )  # sum over coordinates, party by party: (K, rows, columns, coordinates left)
    operators = operators[:, None, None]
    for party in range(len(d)):
        table = np.zeros((*landscape.scenario.readout(party).shape[1:], d[party], d[party]), dtype=np.complex128)
        for s, own in enumerate(strategy.measurements[party]):
            table[: len(own), s] = own
        own = np.tensordot(landscape.scenario.readout(party), table, axes=2)
        size = operators.shape[1] * d[party]
        operators = np.einsum("kpql...,lij->kpiqj...", operators, own, optimize=True)
        operators = operators.reshape(len(operators), size, size, *operators.shape[5:])
    w, v = np.linalg.eigh(strategy.state)
    factor = v * np.sqrt(np.maximum(w, 0.0))
    return float(landscape.figure(factor[None], operators[None])[0])


def _tested(observed: Observations, strategy: Strategy) -> Floats:
    moments = strategy.behaviour().moments
    return np.asarray(np.tensordot(observed.coefficients, moments, axes=moments.ndim), dtype=np.float64)
