"""Explicit strategies, in floats and in balls, that statements are tried on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import product
from typing import Any

import flint

from sdpbound.checker.channel import Channel
from sdpbound.checker.numbers import Index, to_ball
from sdpbound.checker.scenario import Scenario

__all__ = [
    "BALLS",
    "FLOATS",
    "MOST_FIGURES",
    "ExplicitStrategy",
    "Form",
    "Plan",
    "boxes_of",
    "plans_of",
    "strategies_of",
]

_MOST_EFFECTS = 2**17  # of all strategies together
MOST_FIGURES, _MOST_MOMENTS = 64, 4096  # remembered of a strategy
_PATTERNS = 24

Form = tuple[Any, Any, Any]  # of 1, Z, X (pairs of qubits), or of 1, cos, sin of an angle (parities)


# --- numbers: floats to look, balls to be sure ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    number: Callable[[Fraction], Any]
    cosine: Callable[[Fraction], Any]  # of an angle in units of pi
    root: Callable[[Any], Any]
    surprise: Callable[[Any], Any]  # -p log2 p


def _float_surprise(p: float) -> float:
    return -p * math.log2(p) if p > 0.0 else 0.0


def _ball_surprise(p: flint.arb) -> flint.arb:
    """Of a number that is known not to be negative."""
    if p > 0:
        return -p * p.log() / flint.arb(2).log()
    top = p.upper()
    if top < flint.arb("0.3"):
        return flint.arb(0).union(-top * top.log() / flint.arb(2).log()) if top > 0 else flint.arb(0)
    return flint.arb(0).union(flint.arb("0.6"))


FLOATS = _Arithmetic(float, lambda r: math.cos(math.pi * float(r)), lambda v: math.sqrt(max(v, 0.0)), _float_surprise)
BALLS = _Arithmetic(
    to_ball,
    lambda r: flint.arb.cos_pi_fmpq(flint.fmpq(r.numerator, r.denominator)),
    lambda v: v.nonnegative_part().sqrt(),
    _ball_surprise,
)


# --- strategies ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setting:
    """Two outcomes that occur, and the angle of the measurement; or one outcome that always occurs."""

    outcomes: tuple[int, ...]
    angle: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Plan:
    """A strategy in exact numbers.

    ``kind`` is "qubits" (weights and angles of the state of parties `pair`), "ghz", or "parity" (``odd`` says for which
    choices of settings the outcomes have odd parity).
    """

    name: str
    kind: str
    settings: tuple[tuple[_Setting, ...], ...]
    pair: tuple[int, int] = (0, 1)
    weights: tuple[Fraction, ...] = (Fraction(1),)
    angles: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    odd: Callable[[Sequence[int]], int] = sum

    @property
    def pure(self) -> bool:
        return len(self.weights) == 1


class ExplicitStrategy:
    """A plan in floats or in balls."""

    def __init__(self, plan: Plan, scenario: Scenario, arithmetic: _Arithmetic) -> None:
        self.plan, self.scenario, self.arithmetic = plan, scenario, arithmetic
        self.zero, self.one = arithmetic.number(Fraction(0)), arithmetic.number(Fraction(1))
        self._state = self._correlations() if plan.kind == "qubits" else []
        self._effects: list[list[list[Form]]] = [
            [self._measured(s, count) for s, count in zip(settings, counts, strict=True)]
            for settings, counts in zip(plan.settings, scenario.outcomes, strict=True)
        ]
        self._moments: dict[Index, Any] = {}
        self.figures: dict[tuple[Any, ...], Any] = {}  # what is known of it, by figure and settings
        #: coordinate -> setting and form of each party
        self._coordinates: list[list[tuple[int, Form]]] = [self._letters(party) for party in range(len(plan.settings))]

    def _correlations(self) -> list[list[Any]]:
        """<P (x) Q> for P, Q in 1, Z, X."""
        number, cosine = self.arithmetic.number, self.arithmetic.cosine
        total = [[self.zero] * 3 for _ in range(3)]
        for k, weight in enumerate(self.plan.weights):
            angle, parity, sign = self.plan.angles[k // 2], 1 - 2 * (k // 2), 1 - 2 * (k % 2)
            w, c, s = number(weight), cosine(2 * angle), cosine(2 * angle - Fraction(1, 2))
            total[0][0] += w
            total[1][1] += w * parity
            total[1][0] += w * c * sign
            total[0][1] += w * c * sign * parity
            total[2][2] += w * s * sign
        return total

    def _measured(self, setting: _Setting, count: int) -> list[Form]:
        nothing = (self.zero,) * 3
        effects: list[Form] = [nothing] * count
        if len(setting.outcomes) == 1:
            effects[setting.outcomes[0]] = (self.one, self.zero, self.zero)
            return effects
        half = self.arithmetic.number(Fraction(1, 2))
        c, s = self.arithmetic.cosine(setting.angle), self.arithmetic.cosine(setting.angle - Fraction(1, 2))
        first, second = setting.outcomes
        effects[first], effects[second] = (half, half * c, half * s), (half, -half * c, -half * s)
        return effects

    def _letters(self, party: int) -> list[tuple[int, Form]]:
        forms: list[tuple[int, Form]] = [(0, (self.one, self.zero, self.zero))]
        for s, (count, effects) in enumerate(zip(self.scenario.outcomes[party], self._effects[party], strict=True)):
            if count == 2:
                one, z, x = (u - v for u, v in zip(*effects, strict=True))
                forms.append((s, (one, z, x)))
            else:
                forms += [(s, effect) for effect in effects[:-1]]
        return forms

    def moment(self, index: Index) -> Any:
        """The value of a moment coordinate."""
        found = self._moments.get(index)
        if found is None:
            if len(self._moments) >= _MOST_MOMENTS:
                self._moments.clear()
            chosen = [self._coordinates[party][letter] for party, letter in enumerate(index)]
            found = self._moments[index] = self._mean([s for s, _ in chosen], [form for _, form in chosen])
        return found

    def _mean(self, settings: Sequence[int], forms: Sequence[Form]) -> Any:
        if self.plan.kind == "qubits":
            i, j = self.plan.pair
            value = self.zero
            for row, u in zip(self._state, forms[i], strict=True):
                value += u * (row[0] * forms[j][0] + row[1] * forms[j][1] + row[2] * forms[j][2])
            for party, form in enumerate(forms):
                if party not in (i, j):  # in the state |0>
                    value *= form[0] + form[1]
            return value
        even, real, imaginary = self.one, self.one, self.zero
        for c, z, x in forms:
            even *= c
            real, imaginary = real * z - imaginary * x, real * x + imaginary * z
        if self.plan.kind == "ghz":
            return even + real
        # parity: each form is multiples of 1 and of one sign, whose size is in z (all angles are 0)
        return even + (-real if self.plan.odd(settings) % 2 else real)

    def outcomes(self, key: Sequence[int | None]) -> list[Any]:
        """The probabilities of the key's outcomes, the last party's fastest."""
        one: Form = (self.one, self.zero, self.zero)
        parties = [[one] if s is None else effects[s] for effects, s in zip(self._effects, key, strict=True)]
        return [self._mean([s or 0 for s in key], chosen) for chosen in product(*parties)]

    def values(self, key: Sequence[int | None], merge: Sequence[int]) -> list[Any]:
        """The probabilities of the key's values, which are sums over outcomes where some are merged."""
        outcomes = self.outcomes(key)
        if not merge:
            return outcomes
        found = [self.zero] * (max(merge) + 1)
        for p, value in zip(outcomes, merge, strict=True):
            found[value] = found[value] + p
        return found

    def entropy(self, key: Sequence[int | None], channel: Channel, merge: Sequence[int] = ()) -> Any:
        """The entropy of the key given Eve in bits, or a number above it."""
        surprise, number = self.arithmetic.surprise, self.arithmetic.number
        outcomes = self.values(key, merge)
        if channel:
            outcomes = channel.mixed(outcomes, number)
        above = sum(map(surprise, outcomes), self.zero)
        plan = self.plan
        if plan.pure or channel or plan.pair != (0, 1) or any(s is not None for s in key[2:]) or key[0] is None:
            return above
        x, y = key[0], key[1]
        sharp = [len(plan.settings[0][x].outcomes) == 2, y is not None and len(plan.settings[1][y].outcomes) == 2]
        if not any(sharp):
            return self.zero
        if merge:
            return above
        spectrum = sum((surprise(number(w)) for w in plan.weights), self.zero)
        if all(sharp):
            return above - spectrum
        party, setting = (0, x) if sharp[0] else (1, y or 0)
        state = self._state if party == 0 else [list(column) for column in zip(*self._state, strict=True)]
        total = self.zero
        for effect in self._effects[party][setting]:
            bloch = [sum((u * row[k] for u, row in zip(effect, state, strict=True)), self.zero) for k in range(3)]
            length = self.arithmetic.root(bloch[1] * bloch[1] + bloch[2] * bloch[2])
            total += surprise((bloch[0] + length) / 2) + surprise((bloch[0] - length) / 2)
        return total - spectrum


def _hashed(k: int, settings: Sequence[int]) -> int:
    return next(_draws(k + sum(s * 31**i for i, s in enumerate(settings))))


def _draws(seed: int) -> Iterator[int]:
    """Numbers that look random and are always the same (a linear congruence)."""
    state = 12345 + 7919 * seed
    while True:
        state = (1103515245 * state + 12345) % 2**31
        yield state >> 8


_STATES: tuple[tuple[tuple[Fraction, ...], tuple[Fraction, Fraction]], ...] = tuple(
    (tuple(Fraction(w, 100) for w in weights), (Fraction(*first), Fraction(*second)))
    for weights, first, second in (
        ((100,), (1, 4), (1, 4)),
        ((100,), (1, 9), (1, 4)),
        ((100,), (1, 40), (1, 4)),
        ((94, 6), (1, 4), (1, 4)),
        ((91, 3, 4, 2), (1, 4), (1, 4)),
        ((85, 5, 10), (1, 6), (1, 5)),
    )
)


@lru_cache(maxsize=128)
def plans_of(scenario: Scenario) -> tuple[Plan, ...]:
    """Strategies of quantum devices."""
    plans = []
    parties = len(scenario.outcomes)
    most = max(map(len, scenario.outcomes))
    pairs = [(0, j) for j in range(1, parties)]
    for pattern in range(_PATTERNS):
        draw = _draws(pattern)
        settings = []
        for party, counts in enumerate(scenario.outcomes):
            row = []
            for s, count in enumerate(counts):
                if pattern < 4:  # those of CHSH and its chained forms, with both signs
                    step = Fraction(1, most) if pattern % 2 else Fraction(1, 2 if most == 2 else most)
                    angle = step * s if party == 0 else step * (s if pattern % 2 else -s) + step / 2
                    angle += pattern // 2 if party else 0
                    row.append(_Setting((0, 1) if count > 1 else (0,), angle))
                    continue
                first, second, turn, fixed = (next(draw) for _ in range(4))
                a = first % count
                if count == 1 or fixed % 7 == 0:
                    row.append(_Setting((a,)))
                else:
                    row.append(_Setting((a, (a + 1 + second % (count - 1)) % count), Fraction(turn % 720, 360)))
            settings.append(tuple(row))
        fixed_settings = tuple(settings)
        for weights, angles in _STATES if pairs else ():
            pair = pairs[pattern % len(pairs)]
            name = f"pair of qubits {pattern} with weights {', '.join(map(str, weights))} and angles {angles[0]} pi"
            plans.append(Plan(name, "qubits", fixed_settings, pair, weights, angles))
        plans.append(Plan(f"GHZ state {pattern}", "ghz", fixed_settings))
    for turn in range(8):  # those of Mermin's and Svetlichny's expressions, with both signs
        rows = [
            tuple(
                _Setting((0, 1) if count > 1 else (0,), Fraction(s, 2) + (Fraction(turn, 4) if party == 0 else 0))
                for s, count in enumerate(counts)
            )
            for party, counts in enumerate(scenario.outcomes)
        ]
        plans.append(Plan(f"GHZ state turned by {turn} pi/4", "ghz", tuple(rows)))
    return tuple(plans)


@lru_cache(maxsize=128)
def boxes_of(scenario: Scenario) -> tuple[Plan, ...]:
    """Strategies of no-signaling devices: uniform outcomes whose parity is a function of the settings."""
    plans = []
    rules: list[tuple[str, Callable[[Sequence[int]], int]]] = [
        ("the product of the settings", math.prod),
        ("the product of the settings plus one", lambda s: math.prod(s) + 1),
        ("the last settings alone", lambda s: all(a == len(c) - 1 for a, c in zip(s, scenario.outcomes, strict=True))),
    ]
    rules += [(f"function {k} of the settings", partial(_hashed, k)) for k in range(_PATTERNS)]
    for number, (name, rule) in enumerate(rules):
        draw = _draws(1000 + number)
        settings = []
        for counts in scenario.outcomes:
            row = []
            for count in counts:
                a, b = next(draw) % count, next(draw)
                if number < 3:
                    a, b = 0, 0
                row.append(_Setting((a,) if count == 1 else (a, (a + 1 + b % (count - 1)) % count)))
            settings.append(tuple(row))
        plans.append(Plan(f"box whose parity is {name}", "parity", tuple(settings), odd=rule))
    return tuple(plans)


@lru_cache(maxsize=16)
def strategies_of(scenario: Scenario, model: str) -> list[ExplicitStrategy]:
    """Those of a model, fewer where the scenario is so large that they would take too much memory."""
    effects = sum(map(sum, scenario.outcomes))
    if model == "local" or effects > _MOST_EFFECTS:
        return []
    plans = list(plans_of(scenario))
    if model == "no-signaling":
        plans = [*boxes_of(scenario), *plans]
    return [ExplicitStrategy(plan, scenario, FLOATS) for plan in plans[: _MOST_EFFECTS // effects]]
