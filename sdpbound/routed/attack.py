"""Attacks on routed tests: explicit strategies, mixed so that they have the tested data.

Eve knows which strategy of the mixture was prepared, and holds its purification. Any mixture with the tested data is an
upper bound on the least H(A|X=x,E). Strategies are searched by column generation, as in
:mod:`sdpbound.attacks.mixtures`; that no better one exists is not proven. The search is in floats, its end is enclosed
in balls (:mod:`sdpbound.routed.attack_proof`), but for an Eve who is told outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, ClassVar

import numpy as np

from sdpbound.arguments import instance, whole
from sdpbound.arrays import Floats, Ints
from sdpbound.attacks.descent import descend
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.conic.program import Status
from sdpbound.conic.programs.column_generation import ColumnGeneration
from sdpbound.conic.solvers.linear_ import Way, WeightsAnswer, cheapest_weights
from sdpbound.entropies.question import require_preprocessing
from sdpbound.errors import CertificateError, InvalidShape
from sdpbound.routed.attack_proof import RoutedAttackProof, deterministic_entry, entry_of, prove_attack
from sdpbound.routed.entropy import RoutedEntropyBound
from sdpbound.routed.figures import RoutedEntropy
from sdpbound.routed.setup import RoutedTest
from sdpbound.routed.strategies import MEASURED, RoutedStrategy, Shape, all_labels, entropies, tables

__all__ = ["RoutedAttack", "entropy_upper_bound"]

WAYS = (Way("simplex", 1e2), Way("ipm", 1e2), Way("simplex"), Way("ipm"))
#: What a tested value that is missed by one costs, in bits.
PRICES = (10.0, 1e3, 1e5)
#: Step of differences, new strategies a round, steps of a descent, and columns kept.
STEP, BATCH, STEPS, KEPT = 1e-6, 16, 60, 400
#: A round that gains less, in bits, is an idle one.
GAIN = 1e-5
MOST_FIXED = 4096
#: Strategies with less weight are first left out; the weight of all further strategies by which a mixture can have the
#: data to all digits, and how many they are for each value.
NEGLIGIBLE, SPREAD, SPREAD_OVER = 1e-6, 1e-7, 2


@dataclass(frozen=True, eq=False)
class _Explicit(Proof):
    """The strategies speak for themselves, where Eve is told outcomes."""

    no_functional = "an explicit attack gives no functional; take one of the bound from below."
    test: RoutedTest

    @property
    def given(self) -> Observations:
        return self.test.data[1]

    def certificate(self, value: float) -> dict[str, Any]:
        raise CertificateError(
            "an attack by an Eve who is told outcomes is computed in floats and has no certificate: moments() and "
            "entropy() of its strategies compute it again; take the bound from below for one."
        )


@dataclass(frozen=True, eq=False, repr=False)
class RoutedAttack(Bound):
    """A mixture of strategies with the tested data; the least H(A|X=x,E) is at most ``value``, rounded up.

    Attributes
    ----------
    exact : whether the mixture is proven to have the tested data, within their tolerances at least: then it has a
        certificate. Otherwise ``value`` is the entropy of a mixture with about these data; of an Eve who is told
        outcomes it is a float
    missed : the most by which a tested value is missed
    strategies, weights : those of the mixture that are not deterministic
    local_weight : weight of deterministic devices, whose outcomes Eve knows
    """

    exact: bool = False
    missed: float = math.nan
    strategies: tuple[RoutedStrategy, ...] = ()
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    local_weight: float = 0.0

    @property
    def data(self) -> str:
        if self.exact:
            return "tested values met"
        return f"APPROXIMATE: tested values missed by up to {self.missed:.1e}"

    def __repr__(self) -> str:
        return f"{self.figure} <= {self.value:.7g} (explicit attack of {len(self.weights)} strategies, {self.data})"


def entropy_upper_bound(
    test: RoutedTest,
    x: int = 0,
    preprocessing: float = 0.0,
    bound: RoutedEntropyBound | None = None,
    rounds: int = 30,
    seed: int = 0,
    given: int | None = None,
) -> RoutedAttack:
    """An explicit attack on H(A|X=x,E) of a routed test: what no analysis of these data exceeds.

    Parameters
    ----------
    test, x, preprocessing : as in :func:`sdpbound.routed.entropy`; Alice's settings have two outcomes each
    bound : a proven bound from below about the same tests: its multipliers say where to look, and save time
    rounds : of the search, at most
    seed : of its random starts
    given : as in :func:`sdpbound.routed.entropy`

    Raises
    ------
    InvalidShape
        If Alice has other settings.
    """
    data = instance(test, RoutedTest, "test", "routed.protocol('bb84')").data
    near, far = data[0].scenario, data[1].scenario
    given = None if given is None else test.far.scenario.require_setting(1, given, "given")
    x, flips = near.require_setting(0, x, "x"), require_preprocessing(preprocessing)
    if set(near.outcomes[0]) != {2}:
        raise InvalidShape(
            f"attacks on routed tests are for settings of Alice with two outcomes, not {near.outcomes[0]}; bin her "
            "outcomes."
        )
    search = _Search(Shape(near, far), test, x, flips, given, np.random.default_rng(seed))
    if bound is not None:
        search.centre = instance(bound, RoutedEntropyBound, "bound", "routed.entropy(test)").multipliers
    search.rounds = whole(rounds, "rounds", 1, 1000)
    return search.attack(search.generate())


@dataclass(eq=False)
class _Search(ColumnGeneration[WeightsAnswer]):
    shape: Shape
    test: RoutedTest
    x: int
    flips: float
    given: int | None
    rng: np.random.Generator
    prices: Sequence[float] = PRICES
    rounds: int = 30
    patience: int = 2
    centre: Floats | None = None  # multipliers that are nearly the best
    met: ClassVar[float] = 1e-10
    answers: list[Any] = field(init=False)  # the outcomes of the deterministic strategies
    points: Floats = field(init=False)
    labels: Ints = field(init=False)
    figures: Floats = field(init=False)
    tested: Floats = field(init=False)
    _before: float = np.inf

    def __post_init__(self) -> None:
        near, far = (data.scenario for data in self.test.data)
        sides = ((near, 0), (near, 1), (far, 1))
        outcomes = [list(product(*map(range, scenario.outcomes[party])))[:MOST_FIXED] for scenario, party in sides]
        corners = [scenario.deterministic(party)[:MOST_FIXED] for scenario, party in sides]
        self.answers = list(product(*outcomes))[:MOST_FIXED]
        grid = list(product(*corners))[:MOST_FIXED]
        here = np.array([np.outer(a, n) for a, n, _ in grid])
        there = np.array([np.outer(a, f) for a, _, f in grid])
        self.tested = self._of_tables(here, there)
        flip = self.flips
        known = 0.0 if flip in (0.0, 1.0) else -flip * np.log2(flip) - (1.0 - flip) * np.log2(1.0 - flip)
        self.figures = np.full(len(grid), known)
        self.fixed = len(grid)
        self.choices = all_labels(self.shape)
        self.points = np.zeros((0, self.shape.parameters))
        self.labels = np.zeros((0, self.choices.shape[1]), dtype=np.int64)
        self.values = np.concatenate([data.values for data in self.test.data])
        self._add(*self._random(4 * BATCH))
        self._add(*_of_protocols(self.shape))

    def _of_tables(self, near: Floats, far: Floats) -> Floats:
        """(m, J) tested values of behaviours in moment coordinates."""
        parts = [
            table.reshape(len(table), math.prod(data.scenario.shape)) @ data.coefficients.reshape(len(data), -1).T
            for table, data in zip((near, far), self.test.data, strict=True)
        ]
        return np.concatenate(parts, axis=1)

    def _random(self, count: int) -> tuple[Floats, Ints]:
        points = self.rng.normal(size=(count, self.shape.parameters))
        settings = sum(self.shape.settings)
        points[:, :settings] = self.rng.uniform(0.0, 2.0 * np.pi, size=(count, settings))
        labels = self.choices[self.rng.integers(len(self.choices), size=count)].copy()
        here = sum(self.shape.settings[:2])
        labels[self.rng.random(count) < 0.75, :here] = -1  # that Alice and the near device measure is the rule
        labels[: max(count // 4, 1)] = -1
        return points, labels

    def _add(self, points: Floats, labels: Ints) -> None:
        self.points, self.labels = np.concatenate([self.points, points]), np.concatenate([self.labels, labels])
        self.figures = np.concatenate(
            [self.figures, entropies(self.shape, points, (self.x, self.given), self.flips, labels)]
        )
        self.tested = np.concatenate([self.tested, self._of_tables(*tables(self.shape, points, labels))])

    def begin(self) -> None:
        self._before = np.inf

    def mixed(self, price: float) -> WeightsAnswer:
        return cheapest_weights(self.figures, self.tested.T, self.values, price, WAYS, advice="take another seed=")

    def has_progressed(self, answer: WeightsAnswer) -> bool:
        now = float(answer.weights @ self.figures) + 10.0 * answer.missed
        before, self._before = self._before, now
        return before - now > GAIN

    def add_columns(self, answer: WeightsAnswer) -> None:
        used = np.flatnonzero(answer.weights[self.fixed :] > 1e-9)
        best = used[np.argsort(-answer.weights[self.fixed + used])][:BATCH]
        points, labels = self._random(BATCH)
        moved = self.points[best] + 0.05 * self.rng.normal(size=self.points[best].shape)
        other = self.labels[best].copy()
        changed = self.rng.integers(other.shape[1], size=len(other))  # one setting of each
        other[np.arange(len(other)), changed] = self._random(len(other))[1][np.arange(len(other)), changed]
        starts = np.concatenate([points, self.points[best], moved])
        kinds = np.concatenate([labels, self.labels[best], other])
        multipliers = answer.multipliers
        if self.centre is not None:
            share = 1.0 if answer.missed > self.met else 0.3  # first of all the mixture must have the data
            multipliers = self.centre + (0.0 if self.rounds % 2 else share) * (multipliers - self.centre)
        scale = max(1.0, float(np.abs(multipliers).max(initial=0.0)))

        def function(x: Floats, which: Ints) -> tuple[Floats, Floats]:
            return self._with_slopes(x, kinds[which], multipliers, scale)

        found, _ = descend(function, starts, STEPS, 1e-9)
        self._add(found, kinds)
        self._prune(answer)

    def _reduced(self, x: Floats, labels: Ints, multipliers: Floats) -> Floats:
        """What strategies cost less what the mixture pays for their data."""
        tested = self._of_tables(*tables(self.shape, x, labels))
        return np.asarray(
            entropies(self.shape, x, (self.x, self.given), self.flips, labels) - tested @ multipliers, dtype=np.float64
        )

    def _with_slopes(self, x: Floats, labels: Ints, multipliers: Floats, scale: float) -> tuple[Floats, Floats]:
        m, n = x.shape
        wide = np.concatenate([x[:, None], x[:, None] + STEP * np.eye(n)], axis=1).reshape(-1, n)
        values = self._reduced(wide, np.repeat(labels, n + 1, axis=0), multipliers).reshape(m, n + 1) / scale
        return values[:, 0], (values[:, 1:] - values[:, :1]) / STEP

    def _prune(self, answer: WeightsAnswer) -> None:
        count = len(self.points)
        if count <= KEPT:
            return
        reduced = (self.figures - self.tested @ answer.multipliers)[self.fixed :]
        used = np.flatnonzero(answer.weights[self.fixed :] > 0.0)
        kept = np.union1d(np.argsort(reduced)[: KEPT // 2], used)
        self.points, self.labels = self.points[kept], self.labels[kept]
        both = np.concatenate([np.arange(self.fixed), self.fixed + kept])
        self.figures, self.tested = self.figures[both], self.tested[both]

    def attack(self, answer: WeightsAnswer) -> RoutedAttack:
        weights = answer.weights / answer.weights.sum()
        used = np.flatnonzero(weights[self.fixed :] > 0.0)
        missed = float(np.abs(weights @ self.tested - self.values).max(initial=0.0))
        figure, value, exact = RoutedEntropy(self.x, self.flips, self.given), float(weights @ self.figures), False
        proof: Proof = _Explicit(self.test)
        if self.given is None:
            proven = self._proven(figure, weights, answer)
            proof, value, exact, missed = proven, proven.value, proven.excess <= 0.0, float(proven.misses.max())
        return RoutedAttack(
            value=value,
            side="upper",
            merit=figure,
            model=None,
            solver_value=float(weights @ self.figures),
            solver="column generation",
            status=Status.OUT_OF_TIME.value if self.cut else "explicit attack",
            seconds={},
            exact=exact,
            missed=missed,
            strategies=tuple(RoutedStrategy(self.shape, self.points[k], self.labels[k]) for k in used),
            weights=weights[self.fixed + used],
            local_weight=float(weights[: self.fixed].sum()),
            _proof=proof,
        )

    def _proven(self, figure: RoutedEntropy, weights: Floats, answer: WeightsAnswer) -> RoutedAttackProof:
        """The mixture as it is, or with a little weight on others, to which all weights can be adjusted."""
        found = []
        for least in (NEGLIGIBLE, 0.0):
            own = np.flatnonzero(weights > least)
            found.append(self._proof_of(figure, own, self._polished(own, weights[own]), False))
            if found[-1].excess <= 0.0:
                return found[-1]
        reduced = self.figures - self.tested @ answer.multipliers
        others = np.setdiff1d(np.argsort(reduced)[: SPREAD_OVER * (len(self.values) + 1)], own)
        every = np.concatenate([own, others])
        spread = np.concatenate([(1.0 - SPREAD) * weights[own], np.full(len(others), SPREAD / max(len(others), 1))])
        wider = self._proof_of(figure, every, self._polished(every, spread), True)
        return min(*found, wider, key=lambda proof: proof.excess)

    def _polished(self, index: Ints, weights: Floats) -> Floats:
        """Weights changed by as small a part of themselves as the data need."""
        rows = np.vstack([self.tested[index].T, np.ones(len(index))])
        for _ in range(3):
            missing = np.append(self.values, 1.0) - rows @ weights
            weights = weights * np.maximum(1.0 + np.linalg.lstsq(rows * weights, missing, rcond=1e-12)[0], 0.0)
        return weights

    def _proof_of(self, figure: RoutedEntropy, index: Ints, weights: Floats, exactly: bool) -> RoutedAttackProof:
        kept = weights > 0.0
        entries = [
            deterministic_entry(self.test, *self.answers[k])
            if k < self.fixed
            else entry_of(RoutedStrategy(self.shape, self.points[k - self.fixed], self.labels[k - self.fixed]))
            for k in index[kept]
        ]
        return prove_attack(self.test, figure, entries, weights[kept], exactly)


def _of_protocols(shape: Shape) -> tuple[Floats, Ints]:
    """The devices of the protocols by name, Bob's qubit sent or kept, each far setting measured or fixed."""
    apart = (0.25 * np.pi, -0.25 * np.pi)
    known = [far for far in ((0.0, 0.5 * np.pi), apart, (*apart, 0.0)) if len(far) == shape.settings[2]]
    if shape.settings[:2] != (2, 2) or not known:
        return np.zeros((0, shape.parameters)), np.zeros((0, sum(shape.settings)), dtype=np.int64)
    state = np.zeros((2, 2, shape.kept))
    state[0, 0, 0] = state[1, 1, 0] = 0.5**0.5
    points, labels = [], []
    for sent, far in product((True, False), known):
        channel = np.zeros((2, shape.held, 2, shape.kept))
        for b in (0, 1):
            for s in range(min(shape.kept, shape.held)):
                channel[(b, s, b, s) if sent else (s, b, b, s)] = 1.0
        for fixed in product(*(range(MEASURED, d) for d in shape.far_scenario.outcomes[1])):
            angles = (0.0, 0.5 * np.pi, *apart, *far)
            points.append(np.concatenate([angles, state.reshape(-1), channel.reshape(-1)]))
            labels.append([MEASURED] * 4 + list(fixed))
    return np.array(points), np.array(labels, dtype=np.int64)
