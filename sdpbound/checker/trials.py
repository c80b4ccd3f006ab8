"""Explicit strategies that a statement is tried on before the checker says that it holds.

A proof that was checked needs no such trial: this is defence in depth, against a fault of the checker itself. A
statement is an affine functional F in moment coordinates with ``figure(v) <= F(v)`` (side upper) or ``>=`` (lower) for
all behaviours v of a model's set. It is tried on

- all deterministic strategies, exactly, where they can be listed: a Bell value is that of the strategy, a guess is
  right, an entropy is that of the flips;
- for quantum devices, pairs of qubits in states ``sum_k w_k |k><k|`` with the orthonormal vectors
  cos t|00> + sin t|11>, sin t|00> - cos t|11>, cos t|01> + sin t|10>, sin t|01> - cos t|10>, measured in the plane of Z
  and X (two outcomes of a setting occur, or one), all other parties in a state of their own; and GHZ states measured in
  the plane of X and Y;
- for no-signaling devices these, and boxes whose outcomes are uniform but for their parity, a function of the settings.

Eve holds a purification. Given a pure state she knows nothing: H(A|E) = H(A), and her guess is right with the largest
probability. If not, a measurement of rank one of a party leaves her with the spectrum of the other one's conditional
state: H(A|E) = sum_a S(rho_B^a) - S(rho), H(AB|E) = sum_ab -p_ab log p_ab - S(rho), S(X) = -Tr X log2 X. Of figures
that would need more than that, a bound on the safe side is taken.

All angles are rational multiples of pi. Floats find a contradiction, balls confirm it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.checker.channel import Channel
from sdpbound.checker.linear import local_charges
from sdpbound.checker.numbers import Index, Tensor, log2_ball, to_ball
from sdpbound.checker.question import Question, enumerated
from sdpbound.checker.scenario import Observed, Scenario, total_of
from sdpbound.checker.strategies import BALLS, MOST_FIGURES, ExplicitStrategy, strategies_of
from sdpbound.errors import CertificateError

__all__ = ["at_fault", "out_of_range", "range_of", "try_statement", "try_value"]


_Asked = tuple[str, tuple[int | None, ...], tuple[int, ...], bool, Channel]
_PRECISION = 256  # bits, of the balls
_MOST_ENUMERATED = 2**11
_MOST_ENUMERATION_WORK = 2**18
_MOST_TERMS = 2**17  # terms of functionals times strategies, in floats
_EMPTY = flint.arb("1e-6")
_SUSPICIOUS = 1e-9  # what floats must see, in units of the functional's size, before balls are asked


# --- trials --------------------------------------------------------------------------------------------------------


def try_statement(question: Question, constant: Fraction, multipliers: Sequence[Fraction]) -> None:
    """Try ``figure <= (>=) constant + sum_j multipliers_j t_j . v``, t_j the tests in normal form.

    Raises
    ------
    CertificateError : a strategy contradicts it
    """
    functional = total_of([{(0,) * len(question.scenario.outcomes): constant}, question.observed.combined(multipliers)])
    _try_deterministic(question, functional)
    size = float(sum(map(abs, functional.values()), Fraction(1)))
    terms = {index: float(value) for index, value in functional.items()}
    known = strategies_of(question.scenario, question.model)
    most = max(1, _MOST_TERMS // max(1, len(terms) + len(_objective(question))))
    sign = 1.0 if question.side == "upper" else -1.0
    values = _on_strategies(question, [terms], most)[0]
    beyond = sign * (_figures(question, most) - values) > _SUSPICIOUS * size
    for strategy in (known[n] for n in np.flatnonzero(beyond).tolist()):
        with flint.ctx.workprec(_PRECISION):
            sure = ExplicitStrategy(strategy.plan, question.scenario, BALLS)
            exact = sum((sure.moment(index) * to_ball(c) for index, c in functional.items()), flint.arb(0))
            figure = _figure(question, sure)
            if figure > exact if question.side == "upper" else figure < exact:
                raise _contradicted(question, strategy.plan.name, float(figure.mid()), float(exact.mid()))


def try_value(question: Question, value: Fraction) -> None:
    """Try a bound on strategies that have the tested data within their tolerances."""
    observed = question.observed
    sign = 1.0 if question.side == "upper" else -1.0
    claim = float(value)
    known = strategies_of(question.scenario, question.model)
    beyond = sign * (_figures(question, len(known)) - claim) > _SUSPICIOUS * (1.0 + abs(claim))
    terms = sum(map(len, observed.tensors))
    if terms * len(known) <= _MOST_TERMS and terms:
        values = _on_strategies(question, [{i: float(c) for i, c in t.items()} for t in observed.tensors], len(known))
        centres = np.array([[float(v)] for v in observed.values])
        slack = np.array([[float(v)] for v in observed.tolerances]) + 2e-9
        beyond &= ~(np.abs(values - centres) > slack).any(axis=0)
    for strategy in (known[n] for n in np.flatnonzero(beyond).tolist()):
        if _agrees(strategy, observed, 1e-9):
            with flint.ctx.workprec(_PRECISION):
                sure = ExplicitStrategy(strategy.plan, question.scenario, BALLS)
                figure, claimed = _figure(question, sure), to_ball(value)
                exceeds = figure > claimed if question.side == "upper" else figure < claimed
                if exceeds and _agrees(sure, observed, 0):
                    raise _contradicted(question, strategy.plan.name, float(figure.mid()), float(value))


def _on_strategies(question: Question, functionals: Sequence[Mapping[Index, float]], most: int) -> NDArray[np.float64]:
    """(functionals, strategies) the values of functionals on the first strategies."""
    places: dict[Index, int] = {}
    for functional in functionals:
        for index in functional:
            places.setdefault(index, len(places))
    rows = np.zeros((len(functionals), len(places)))
    for row, functional in zip(rows, functionals, strict=True):
        for index, value in functional.items():
            row[places[index]] = value
    return rows @ _moments(question.scenario, question.model, tuple(places), most)


@lru_cache(maxsize=16)
def _moments(scenario: Scenario, model: str, indices: tuple[Index, ...], most: int) -> NDArray[np.float64]:
    """(indices, strategies) in floats."""
    known = strategies_of(scenario, model)[:most]
    rows = [[float(strategy.moment(index)) for strategy in known] for index in indices]
    return np.array(rows, dtype=np.float64).reshape(len(indices), len(known))


def _figures(question: Question, most: int) -> NDArray[np.float64]:
    """The figures of the first strategies in floats."""
    known = strategies_of(question.scenario, question.model)[:most]
    if question.kind in ("separation", "bell_value"):
        return np.array([float(_figure(question, strategy)) for strategy in known], dtype=np.float64)
    return _known_figures(question.scenario, question.model, _asked(question), most)


@lru_cache(maxsize=16)
def _known_figures(scenario: Scenario, model: str, asked: _Asked, most: int) -> NDArray[np.float64]:
    found = [float(_computed(asked, strategy)) for strategy in strategies_of(scenario, model)[:most]]
    return np.array(found, dtype=np.float64)


def _agrees(strategy: ExplicitStrategy, observed: Observed, slack: float) -> bool:
    number = strategy.arithmetic.number
    for tensor, value, tolerance in zip(observed.tensors, observed.values, observed.tolerances, strict=True):
        own = sum((strategy.moment(index) * number(c) for index, c in tensor.items()), number(Fraction(0)))
        if not abs(own - number(value)) <= number(tolerance) + slack:
            return False
    return True


def _contradicted(question: Question, name: str, figure: float, bound: float) -> CertificateError:
    return at_fault(f"the {name} has the {question.kind} {figure:.9g} where the {question.side} bound is {bound:.9g}")


def at_fault(contradiction: str) -> CertificateError:
    """The error for a proof that passed its check and cannot be right."""
    return CertificateError(
        f"The proof passed its check, but {contradiction}: the checker itself is at fault. Nothing is proven; please "
        "report this file."
    )


def _try_deterministic(question: Question, functional: Tensor) -> None:
    scenario = question.scenario
    number = enumerated(scenario)
    if number > _MOST_ENUMERATED or number * math.prod(scenario.shape) > _MOST_ENUMERATION_WORK:
        return
    turned = {index: -value for index, value in functional.items()}
    origin = (0,) * len(scenario.outcomes)
    fixed = Fraction(1) if "guessing" in question.kind else Fraction(0)
    if question.side == "upper":
        excess = total_of([_objective(question), turned, {origin: fixed}])
    else:
        excess = total_of([functional, _objective(question)])
    (most,) = local_charges(scenario, [excess])
    if question.channel:
        with flint.ctx.workprec(_PRECISION):
            if not all(to_ball(most) > entropy for entropy in question.channel.entropies):
                return
    elif most <= 0:
        return
    raise at_fault(
        f"a deterministic strategy has a {question.kind} beyond the {question.side} bound by {float(most):.9g}"
    )


def _objective(question: Question) -> Tensor:
    """Of a Bell value, with the sign of the maximisation."""
    return question.objectives[0] if question.kind == "bell_value" else {}


def _figure(question: Question, strategy: ExplicitStrategy) -> Any:
    """The figure of a strategy, or a number on the safe side of it: below for upper bounds, above for lower ones."""
    if question.kind == "separation":
        return strategy.zero
    if question.kind == "bell_value":
        number = strategy.arithmetic.number
        terms = (strategy.moment(index) * number(c) for index, c in _objective(question).items())
        value = sum(terms, strategy.zero)
        return value if question.side == "upper" else -value
    asked = _asked(question)
    if asked not in strategy.figures:
        if len(strategy.figures) >= MOST_FIGURES:
            strategy.figures.clear()
        strategy.figures[asked] = _computed(asked, strategy)
    return strategy.figures[asked]


def _asked(question: Question) -> _Asked:
    """What the figure of a strategy depends on."""
    return question.kind, question.key, question.merge, question.blind, question.channel


def _computed(asked: _Asked, strategy: ExplicitStrategy) -> Any:
    kind, key, merge, blind, channel = asked
    if kind == "conditional_entropy":
        return strategy.entropy(key, channel, merge)
    second = key[1] if blind else None
    width = 1 if second is None else strategy.scenario.outcomes[1][second]
    guess = _guess(strategy.values(key, merge), width)
    if kind != "min_entropy":
        return guess
    return -math.log2(guess) if isinstance(guess, float) else -guess.log() / flint.arb(2).log()


def _guess(outcomes: Sequence[Any], width: int) -> Any:
    """The largest probability; of a blind guess the sum of the largest ones for each of Bob's ``width`` outcomes."""

    def largest(values: Sequence[Any]) -> Any:
        found = values[0]
        for value in values[1:]:
            found = found.max(value) if isinstance(value, flint.arb) else max(found, value)
        return found

    guesses = [largest(outcomes[b::width]) for b in range(width)]
    return sum(guesses[1:], guesses[0])


# --- what a figure can be ------------------------------------------------------------------------------------------


def out_of_range(value: Fraction, side: str, least: flint.arb, most: flint.arb, what: str) -> list[str]:
    """One sentence if a claim is outside of what its figure can be, else none.

    A bound on the wrong side of the range is false. One on the other side says nothing; a millionth is left there for
    rounding.
    """
    claimed = to_ball(value)
    false = claimed < least if side == "upper" else claimed > most
    empty = claimed - most if side == "upper" else least - claimed
    if false or empty > _EMPTY * (1 + abs(most) + abs(least)):
        ends = f"{float(least.mid()):.9g} and {float(most.mid()):.9g}"
        return [f"the claimed {side} bound {float(value)!r} is out of range: {what} lies between {ends}"]
    return []


def range_of(question: Question) -> tuple[flint.arb, flint.arb] | None:
    """What the figure of a question can be; None for a separation, whose size has no limit."""
    if question.kind == "separation":
        return None
    if question.kind == "bell_value":
        sign = 1 if question.side == "upper" else -1
        coefficients = dict(_objective(question))
        centre = sign * coefficients.pop((0,) * len(question.scenario.outcomes), Fraction(0))
        width = sum(map(abs, coefficients.values()), Fraction(0))
        return to_ball(centre - width), to_ball(centre + width)
    outcomes = question.scenario.outcomes
    key = question.key[:1] if question.blind else question.key
    count = math.prod(outcomes[party][s] for party, s in enumerate(key) if s is not None)
    count = max(question.merge) + 1 if question.merge else count
    if "entropy" in question.kind:
        return flint.arb(0), log2_ball(Fraction(count))
    return to_ball(Fraction(1, count)), flint.arb(1)
