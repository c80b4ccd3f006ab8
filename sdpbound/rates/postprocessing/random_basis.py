"""A random key basis: several settings of Alice make key, and Eve must attack all of them at once.

**Protocol** (arXiv:2005.02691). In each key round Alice draws one of her key settings, Bob draws the setting that fits,
independently and with the same probabilities. They announce them, and keep the rounds where they fit. Alice flips her
bit, with a probability that may depend on her setting.

**Theorem.** The rounds are alike and Eve knows the settings of a kept round before she is asked. So against collective
attacks the rate of one-way key distillation (arXiv:quant-ph/0306078) is that of the state of a kept round, whose public
part tells the settings:

    r = p [ sum_k w_k H(A_k|E) - sum_k w_k H(A_k|B_k) ]   bits a round,

p the probability of a kept round, w_k that of key k among these. By entropy accumulation it is the rate against all
attacks for rounds that follow one another. The first sum is one strategy's: its least value is
:func:`sdpbound.average_entropy`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import flint
import numpy as np
from scipy.optimize import minimize_scalar

from sdpbound.adversaries import Quantum
from sdpbound.arguments import counted, numbered
from sdpbound.arrays import Floats
from sdpbound.attacks.average_attack import average_entropy_upper_bound
from sdpbound.bell.average import Average
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.key import named_key
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import AverageEntropy, ConditionalEntropy
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.auto import Auto
from sdpbound.entropies.averages import average_entropy
from sdpbound.entropies.averages.problem import AverageProblem, AverageQuestion, average_problem
from sdpbound.entropies.averages.search import AverageSearch, new_search
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.qubits.columns import Columns
from sdpbound.entropies.qubits.method import QubitReduction
from sdpbound.entropies.qubits.weights import Weighted
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidSettings
from sdpbound.rates.correction import leakage_of_key
from sdpbound.rates.postprocessing.attacked import BasisKey, attack_on_key, rows_of
from sdpbound.rates.postprocessing.postprocessing import Claim, Estimated, PostProcessing, Processed
from sdpbound.rates.postprocessing.selected_entropy import flipped_entropy

__all__ = ["RandomBasis", "average_tolerance"]

ANNOUNCED = "random key basis, settings announced and those that do not fit dropped (arXiv:2005.02691)"
FROM_DATA = (
    "upper bound on the least sum_k w_k [H(A_k|E) - H(A_k|B_k)] of kept rounds over devices with the tested data: no "
    "analysis of these data certifies a higher Devetak-Winter rate (arXiv:quant-ph/0306078) of this protocol"
)
UNTESTED = "what is not tested may differ from the behaviour; error correction is charged for the behaviour itself"
#: What the floats of an attack may be wrong by, in bits.
ROUNDING = 1e-12
#: Probabilities and flips that are searched, bits to which the search goes, and digits of what it finds.
_LEAST, _MOST_FLIPS, _ESTIMATE, _ACCURACY = 0.02, 0.49, 1e-5, 2e-3
#: Bits to which an estimate goes that has slopes, and the step of the one in the flips, relative to these.
FINE, STEP = 1e-7, 1e-3


@dataclass(frozen=True)
class RandomBasis(PostProcessing):
    """Alice's key comes from several of her settings, drawn at random; each has the setting of Bob that fits.

    Parameters
    ----------
    keys : pairs of Alice's setting and Bob's that fits, such as ((0, 2), (1, 3)); each setting of Alice once
    probabilities : of Alice's draws, and of Bob's: above 0, of sum one; None: all the same. "best", for two keys: the
        one with the highest rate, as far as found
    preprocessing : probability from 0 to 1/2 with which Alice flips her bit, one number or one for each key; "best":
        the one number with the highest rate, as far as found

    >>> RandomBasis(((0, 2), (1, 3))).kept
    0.5
    """

    keys: Sequence[Sequence[int]]
    probabilities: Sequence[float] | str | None = None
    preprocessing: float | Sequence[float] | str = 0.0
    kind: ClassVar[str] = "random_basis"
    theorem: ClassVar[str] = f"{Quantum('1').security('key').theorem}; {ANNOUNCED}"
    statement: ClassVar[str] = FROM_DATA
    of_entropy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        try:
            keys = tuple((counted(x, "x of a key", 0), counted(y, "y of a key", 0)) for x, y in self.keys)
        except (TypeError, ValueError):
            keys = ()
        if len(keys) < 2:
            raise InvalidSettings(
                f"keys = {self.keys!r:.60} of a random basis must be two pairs or more of a setting of Alice and one "
                "of Bob, such as ((0, 2), (1, 3)); for one pair give x and y."
            )
        object.__setattr__(self, "keys", keys)
        for name in ("probabilities", "preprocessing"):
            value = getattr(self, name)
            if isinstance(value, str) and value != "best":
                raise InvalidParameter(f"{name} = {value!r:.60} of a random basis must be 'best' if it is a text.")
            if value is not None and not isinstance(value, str | float | int):
                object.__setattr__(self, name, _numbers(value, name, len(keys)))
        if self.probabilities == "best" and len(keys) != 2:
            raise InvalidParameter(f"probabilities = 'best' is for two keys, and there are {len(keys)}: give numbers.")
        if isinstance(self.preprocessing, int):
            object.__setattr__(self, "preprocessing", float(self.preprocessing))
        draws = self.probabilities
        if draws is not None and draws != "best" and not _are_draws(draws, len(keys)):
            raise InvalidParameter(
                f"probabilities = {draws!r:.60} of a random basis must be {len(keys)} probabilities above 0, one for "
                "each key, that add up to one; leave keys of probability 0 out."
            )
        own = replace_best(self)
        if own is self:
            self.average  # noqa: B018  raises where numbers do not fit

    @cached_property
    def _draws(self) -> tuple[float, ...]:
        """The probability of each draw."""
        given = self.probabilities
        return Average([x for x, _ in self.keys], None if given is None or isinstance(given, str) else given).weights

    @property
    def _kept(self) -> list[float]:
        """The probability that both draw settings that fit, for each key."""
        bobs = [y for _, y in self.keys]
        return [
            p * math.fsum(q for q, other in zip(self._draws, bobs, strict=True) if other == y)
            for p, y in zip(self._draws, bobs, strict=True)
        ]

    @property
    def kept(self) -> float:
        """The part of the key rounds that is kept."""
        return math.fsum(self._kept)

    @cached_property
    def average(self) -> Average:
        """The keys of kept rounds, with their probabilities and flips."""
        total = self.kept
        flips = self.preprocessing
        if isinstance(flips, str):
            raise InvalidInput("preprocessing = 'best' is found by key_rate, whose rate.postprocessing has it.")
        return Average([(x, None) for x, _ in self.keys], [p / total for p in self._kept], flips)

    def leakage(self, behaviour: Behaviour) -> flint.arb:
        """sum_k w_k H(A_k|B_k) in bits, enclosed."""
        total = flint.arb(0)
        for key, weight, flips in zip(self.keys, self.average.weights, self.average.preprocessing, strict=True):
            x, y = key
            total += flint.arb(weight) * leakage_of_key(behaviour, (x, y), flips)
        return total

    def below(self, behaviour: Behaviour, data: Observations, entropy: Entropy) -> Processed:
        self.require_fit(behaviour.scenario)
        tolerance = average_tolerance(entropy)
        own = self.resolved(behaviour, data)
        bound = average_entropy(data, own.average, tolerance)
        value, leak = own.rate_from(behaviour, data, bound.value)
        return own._processed(value, bound, leak, self.theorem, Quantum("1").security("key").assumptions, True)

    def claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        return AverageEntropy(self.average), data

    def rate_from(self, behaviour: Behaviour, data: Observations, proven: float) -> tuple[float, float]:
        leak = -lower_float(-self.leakage(behaviour)) + 0.0
        return math.nextafter(self.kept * (proven - leak), -math.inf), leak

    @property
    def own_settings(self) -> tuple[int, ...]:
        return tuple(x for x, _ in self.keys)

    @property
    def key_pairs(self) -> tuple[tuple[int, int], ...]:
        return tuple((x, y) for x, y in self.keys)

    @property
    def searches_flips(self) -> bool:
        return self.preprocessing == "best"

    def with_flips(self, flips: float) -> RandomBasis:
        return replace(self, preprocessing=flips) if self.searches_flips else self

    def estimated(self, behaviour: Behaviour, data: Observations, memory: object = None) -> Estimated:
        """From the search for the best mixture of pairs of qubits, begun with the strategies of the one before.

        Where these are not enough it is the proven rate.
        """
        own = replace_best(self)
        known = memory if isinstance(memory, Columns) else None
        try:
            problem, search, answer = searched_average(own, data, known, FINE)
        except InvalidInput:
            return PostProcessing.estimated(own, behaviour, data)
        multipliers, leak = search.multipliers, float(own.leakage(behaviour).mid())
        assert multipliers is not None
        entropy = problem.constant + problem.part * search.lower

        def at(other: Behaviour, tests: Observations) -> float:
            moved = entropy + problem.part * float(multipliers @ (tests.values - data.values))
            return own.kept * (moved - float(own.leakage(other).mid()))

        used = search.columns.chosen(np.flatnonzero(answer.weights > 1e-9))
        weights = answer.weights[answer.weights > 1e-9]
        flips = own.average.preprocessing[0]
        step, ends = STEP * flips, []
        for q in (flips + step, flips - step) if step else ():
            moved = replace(own, preprocessing=q)
            there = average_problem(AverageQuestion(data, moved.average))
            held = float(weights @ there.columns_of(used.a, used.b, used.states).entropies)
            ends.append(there.constant + there.part * held - float(moved.leakage(behaviour).mid()))
        by_flips = own.kept * (ends[0] - ends[1]) / (2.0 * step) if step else 0.0
        return Estimated(own.kept * (entropy - leak), at, by_flips, used)

    def at(self, entropy: Bound, behaviour: Behaviour, data: Observations) -> float:
        functional = entropy.functional
        least = functional.at(data.values) - float(np.abs(functional.multipliers) @ data.tolerances)
        return self.kept * (least - float(self.leakage(behaviour).mid()))

    def above(self, behaviour: Behaviour, data: Observations) -> Processed:
        self.require_fit(behaviour.scenario)
        own = self.resolved(behaviour, data)
        attack = average_entropy_upper_bound(data, own.average)
        leak = lower_float(own.leakage(behaviour))
        left = attack_on_key(data, own._figure(behaviour), attack.attacks[0])
        assumed = ("Eve attacks every round alike, and prepares the devices", UNTESTED)
        found = own._processed(left.value, attack, leak, FROM_DATA, assumed, left.exact)
        return replace(found, attack=left)

    def _figure(self, behaviour: Behaviour) -> BasisKey:
        terms = zip(self.keys, self._kept, self.average.preprocessing, strict=True)
        return BasisKey(tuple((x, kept, q, rows_of(behaviour.joint(x, y))) for (x, y), kept, q in terms))

    def attack_claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        return self._figure(behaviour), data

    def attacked(self, behaviour: Behaviour, data: Observations) -> Sequence[Claim]:
        x, y, settings = named_key(self.average.keys[0])
        return [(ConditionalEntropy(x, y, self.average.preprocessing[0], settings), data)]

    def rate_under(
        self, behaviour: Behaviour, data: Observations, strategies: Sequence[Strategy], weights: Floats
    ) -> tuple[float, float]:
        terms = zip(self.keys, self.average.weights, self.average.preprocessing, strict=True)
        entropy = math.fsum(w * flipped_entropy(strategies, weights, x, q) for (x, _), w, q in terms)
        leak = lower_float(self.leakage(behaviour))
        return self.kept * (entropy + ROUNDING - leak), leak

    def _processed(
        self, value: float, bound: Bound, leak: float, security: str, assumed: tuple[str, ...], exact: bool
    ) -> Processed:
        flips = max(self.average.preprocessing)
        return Processed(value, bound, leak, tuple(self.keys[0]), security, assumed, flips, exact, self)

    def resolved(self, behaviour: Behaviour, data: Observations) -> RandomBasis:
        """With numbers for what is "best": those of the highest estimated rate found. No other is proven not better."""
        own = replace_best(self)
        if own is self:
            return self
        estimate = _Estimates(behaviour, data)
        for _ in range(2 if self.probabilities == "best" else 1):
            if self.preprocessing == "best":
                own = estimate.climbed(own, "preprocessing", _MOST_FLIPS)
            if self.probabilities == "best":
                own = estimate.climbed(own, "probabilities", 1.0 - _LEAST)
        return own


def _numbers(value: object, name: str, count: int) -> tuple[float, ...]:
    """One number for each key."""
    if not isinstance(value, Iterable):
        raise InvalidParameter(
            f"{name} = {value!r:.60} of a random basis must be numbers, one for each of the {count} keys; channels "
            "have no bound on an average over settings."
        )
    return tuple(numbered(number, f"{name}[{k}]") for k, number in enumerate(value))


def _are_draws(values: object, count: int) -> bool:
    given = values if isinstance(values, tuple) else (values,)
    return len(given) == count and all(0.0 < p <= 1.0 for p in given) and abs(math.fsum(given) - 1.0) <= 1e-9


def replace_best(basis: RandomBasis) -> RandomBasis:
    """The basis with a number to begin with for each "best"; the basis itself where there is none."""
    if basis.probabilities == "best":
        basis = replace(basis, probabilities=None)
    if basis.preprocessing == "best":
        basis = replace(basis, preprocessing=0.1)
    return basis


def searched_average(
    basis: RandomBasis, data: Observations, known: Columns | None, tolerance: float
) -> tuple[AverageProblem, AverageSearch, Weighted]:
    """The search for the least average entropy with the strategies that are known, after it ended."""
    problem = average_problem(AverageQuestion(data, basis.average))
    search = new_search(problem, tolerance)
    if known is not None:
        search.columns = search.columns.with_more(problem.columns_of(known.a, known.b, known.states))
    return problem, search, search.generate()


class _Estimates:
    """Rates by explicit mixtures, which are not proven; each search begins with the strategies of the one before."""

    def __init__(self, behaviour: Behaviour, data: Observations) -> None:
        self.behaviour, self.data = behaviour, data
        self.known: Columns | None = None

    def rate(self, basis: RandomBasis) -> float:
        problem, search, answer = searched_average(basis, self.data, self.known, _ESTIMATE)
        self.known = search.columns.chosen(np.flatnonzero(answer.weights > 1e-9))
        entropy = problem.constant + problem.part * answer.value
        return basis.kept * (entropy - float(basis.leakage(self.behaviour).mid()))

    def climbed(self, basis: RandomBasis, name: str, most: float) -> RandomBasis:
        """The basis with the best number found for its flips, or for the probability of its first key."""

        def at(value: float) -> RandomBasis:
            if name == "preprocessing":
                return replace(basis, preprocessing=value)
            return replace(basis, probabilities=(value, 1.0 - value))

        least = 0.0 if name == "preprocessing" else _LEAST
        found = minimize_scalar(
            lambda v: -self.rate(at(float(v))), bounds=(least, most), method="bounded", options={"xatol": _ACCURACY}
        )
        values = [float(found.x), *((0.0,) if name == "preprocessing" else (0.5,))]
        return max((at(v) for v in values), key=self.rate)


def average_tolerance(entropy: Entropy) -> float:
    """The tolerance in bits of an entropy that averages have: that of pairs of qubits, or of the best method."""
    if not isinstance(entropy.adversary, Quantum):
        raise InvalidInput(
            f"an average over settings against {entropy.adversary!r:.60}: the theorem covers a quantum adversary; "
            "leave entropy out, or take VonNeumann('qubit')."
        )
    inner = entropy.chosen if isinstance(entropy, VonNeumann) else entropy
    if isinstance(entropy, VonNeumann) and entropy.method in ("auto", "qubit"):
        return max(numbered(entropy.tolerance, "tolerance"), 1e-6)
    if isinstance(inner, QubitReduction | SweptEntropy | Auto):
        return max(numbered(inner.tolerance, "tolerance"), 1e-6)
    raise InvalidInput(
        f"entropy = {type(entropy).__name__} has no average over settings: leave it out, or take VonNeumann('qubit')."
    )
