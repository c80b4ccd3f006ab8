"""Attacks where relabellings leave a question unchanged: few values to meet, and an average that meets them all.

Let G be the relabellings that leave the tested data, and the key but for the names of its values, as they are. Eve may
relabel a strategy by a random g of G that she knows. That changes neither what her figure is nor the means of the
tests over G, and the average over G has the tested data wherever these means are right: the data are invariant, so
that each test has the value of its mean. So the search needs to meet the means only, a handful for full statistics of
a symmetric strategy, and the relabelled strategies with equal weights are the attack. Nothing of it is taken for
granted: the attack is proven from its explicit strategies like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import qr
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sdpbound.arrays import Floats, Ints
from sdpbound.attacks.mixtures import Mixture
from sdpbound.bell.observations import Observations
from sdpbound.bell.relabelling import Relabelling, full_letters, full_tensor, moment_tensor
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.intervals import reach
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.symmetries import entropy_group
from sdpbound.entropies.words import levels_of_key
from sdpbound.errors import InvalidParameter
from sdpbound.npa.levels import generating_words

__all__ = ["SymmetricQuestion", "relabelled", "symmetric_question"]

#: Strategies of an average; more take too long to prove.
MOST_STRATEGIES = 1024
#: Means of tests that are a combination of others to this, relative, are left out.
_SAME = 1e-9
#: Strategies of smaller weight are left out.
_NOTHING = 1e-13
#: Digits behind the point to which the tested values of two strategies are compared.
_DIGITS = 9


@dataclass(frozen=True, eq=False)
class SymmetricQuestion:
    """A question with the means of its tests over its symmetries.

    Attributes
    ----------
    question : as it is asked
    means : the same of the means of the tests over the group
    elements : all relabellings of the group, the identity first
    """

    question: EntropyQuestion
    means: EntropyQuestion
    elements: tuple[Relabelling, ...]

    def average(self, mixture: Mixture) -> Mixture:
        """The mixture of all relabelled strategies of a mixture, with weights, figures and tested values."""
        observed = self.question.observed
        strategies: list[Strategy] = []
        weights: list[float] = []
        figures: list[float] = []
        tested: list[Floats] = []
        table = observed.coefficients.reshape(len(observed), -1)
        for strategy, weight, figure in zip(mixture.strategies, mixture.weights, mixture.figures, strict=True):
            if weight <= _NOTHING:
                continue
            place: dict[bytes, int] = {}  # strategies that differ in nothing that is tested need not be told apart
            for element in self.elements:
                moved = relabelled(strategy, element)
                values = table @ moved.behaviour().moments.reshape(-1)
                k = place.setdefault(np.round(values, _DIGITS).tobytes(), len(strategies))
                if k == len(strategies):
                    strategies.append(moved)
                    weights.append(0.0)
                    figures.append(float(figure))
                    tested.append(values)
                weights[k] += float(weight) / len(self.elements)
        if len(strategies) > MOST_STRATEGIES:
            raise InvalidParameter(
                f"symmetry = True: {len(self.elements)} relabellings make {len(strategies)} strategies of those found, "
                f"and at most {MOST_STRATEGIES} are proven; leave symmetry out."
            )
        return Mixture(tuple(strategies), np.array(weights), np.array(tested), np.array(figures), cut=mixture.cut)


def symmetric_question(question: EntropyQuestion, always: bool = True) -> SymmetricQuestion | None:
    """The question with its symmetries; None where there are none but the identity.

    ``always`` or, if it is false, where it pays: all settings have two outcomes, and there is more than flips of these,
    and not too much. With more outcomes the means say less of the dimension that the data need.

    Raises
    ------
    InvalidParameter : there are too many to average over
    """
    scenario, observed = question.scenario, question.observed
    parties = scenario.parties
    words = generating_words(scenario, levels_of_key(parties, question.key)[0])
    group = entropy_group(observed, question.effects, words)
    binary = all(outcomes == 2 for party in scenario.outcomes for outcomes in party)
    if not always and (not binary or group.order > MOST_STRATEGIES or all(map(_flips, group.generators))):
        return None
    if group.order > MOST_STRATEGIES:
        raise InvalidParameter(
            f"symmetry = True: the data have {group.order} relabellings, and at most {MOST_STRATEGIES} are averaged; "
            "leave symmetry out."
        )
    if group.order < 2:
        return None
    rows = full_tensor(scenario, observed.coefficients)
    sizes, flat = rows.shape[1:], rows.reshape(len(rows), -1)
    here = np.arange(flat.shape[1])
    targets = [g.permuted(here.reshape(sizes).astype(float)).reshape(-1).astype(np.int64) for g in group.generators]
    label = _orbits(targets, flat.shape[1])
    sums = np.zeros((len(rows), label.max() + 1))
    np.add.at(sums.T, label, flat.T)
    mean = (sums / np.bincount(label))[:, label]
    kept = _told_apart(observed, mean)
    means = Observations(
        scenario,
        moment_tensor(scenario, mean[kept].reshape(len(kept), *sizes)),
        observed.values[kept],
        observed.tolerances[kept],
    )
    return SymmetricQuestion(question, replace(question, observed=means), _elements(scenario, group.generators))


def _flips(relabelling: Relabelling) -> bool:
    """Whether nothing but outcomes has new names, and each setting keeps its own."""
    pairs = zip(full_letters(relabelling.scenario), relabelling.image, strict=True)
    return all((o.party, o.setting) == new[:2] for own, names in pairs for o, new in zip(own, names, strict=True))


def _told_apart(observed: Observations, mean: Floats) -> Ints:
    """The means of the tests that say something of their own: independent ones, or of intervals all that differ."""
    apart = mean.copy()
    apart[:, 0] = 0.0  # what is a constant is met by everybody
    size = np.abs(apart).max(initial=1e-300)
    if reach(observed.tolerances).any():
        rows = np.column_stack([apart / size, mean[:, 0] - observed.values])
        lead = np.argmax(np.abs(apart) > 0.5 * np.abs(apart).max(axis=1, keepdims=True), axis=1)
        sign = np.sign(np.take_along_axis(apart, lead[:, None], axis=1))
        rows = np.column_stack([np.where(sign < 0.0, -1.0, 1.0) * rows, observed.tolerances])
        _, kept = np.unique(np.round(rows, _DIGITS) + 0.0, axis=0, return_index=True)
        return np.sort(kept[(np.abs(apart[kept]) > _SAME * size).any(axis=1)])
    _, triangle, pivots = qr(apart.T, mode="economic", pivoting=True)
    return np.sort(pivots[: int((np.abs(np.diag(triangle)) > _SAME * size).sum())])


def _orbits(images: Sequence[Ints], size: int) -> Ints:
    """The number of the orbit of each place under these permutations."""
    here = np.tile(np.arange(size), len(images))
    graph = coo_array((np.ones(here.size), (here, np.concatenate(images))), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _elements(scenario: Scenario, generators: Sequence[Relabelling]) -> tuple[Relabelling, ...]:
    """All products of the generators, as permutations of the full letters."""
    letters = [(o.party, o.setting, o.outcome) for own in full_letters(scenario) for o in own]
    number = {name: i for i, name in enumerate(letters)}
    moves = [tuple(number[name] for own in g.image for name in own) for g in generators]
    found = {tuple(range(len(letters))): None}
    fresh = list(found)
    while fresh:
        new = [tuple(move[i] for i in element) for element in fresh for move in moves]
        fresh = [element for element in dict.fromkeys(new) if element not in found]
        found |= dict.fromkeys(fresh)
    return tuple(Relabelling.of_permutation(scenario, np.array(element)) for element in found)


def relabelled(strategy: Strategy, relabelling: Relabelling) -> Strategy:
    """The strategy whose outcomes have the new names.

    >>> import sdpbound as sb
    >>> exchange = Relabelling.of(sb.chsh().scenario, parties=(1, 0))
    >>> s = sb.SingletSelfTest(1.0, 1.5, 2.6).strategy
    >>> float(abs(relabelled(s, exchange).behaviour().p - s.behaviour().p.transpose(1, 0, 3, 2)).max()) < 1e-12
    True
    """
    scenario, d = strategy.scenario, strategy.dimensions
    parties = range(scenario.parties)
    source = {relabelling.party_image(p): p for p in parties}
    effects = [
        [np.array([np.eye(d[source[q]], dtype=np.complex128)] * count) for count in scenario.outcomes[q]]
        for q in parties
    ]
    for p in parties:
        for (setting, outcome), (q, x, a) in relabelling.names(p).items():
            effects[q][x][a] = strategy.measurements[p][setting][outcome]
    order = [source[q] for q in parties]
    state = strategy.state.reshape(d + d).transpose(*order, *(len(d) + p for p in order))
    return Strategy(state.reshape(strategy.state.shape), tuple(tuple(party) for party in effects))
