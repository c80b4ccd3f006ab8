"""Asymptotic key and randomness rates from certified entropies.

The entropy is a value of its own: an :class:`Entropy` says how H(A|X=x,E) is bounded and against whom: by min-entropy
(:class:`MinEntropy`) or directly (:class:`VonNeumann`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import flint
import numpy as np
from scipy.optimize import minimize_scalar

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import instance, with_changes
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.rounding import lower_float, rounded
from sdpbound.entropies.conditional import VonNeumann, named_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.min_entropy import MinEntropy
from sdpbound.entropies.question import KeyQuestion, require_preprocessing
from sdpbound.entropies.self_test import SelfTest, find_self_test
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, InvalidParameter, NotSelfTesting
from sdpbound.rates.options import RandomnessChanges, RandomnessOptions, RateChanges, RateOptions

__all__ = [
    "Rate",
    "best_preprocessing",
    "choices",
    "error_correction",
    "key_rate",
    "leakage",
    "observations_of",
    "randomness_rate",
]


NO_SELF_TEST = (
    "the tested data are no self-test of the singlet against a quantum adversary: they must be exact ones, such as the "
    "correlators or the Bell value of SingletSelfTest(...).behaviour() where condition (4) holds; leave "
    "require_self_test out for the certified bound alone."
)
#: How far an explicit tested value may be from the behaviour's own.
CONSISTENCY = 1e-9


@dataclass(frozen=True, eq=False)
class Rate:
    """A rate in bits per round; it may be negative, nothing is clipped.

    Attributes
    ----------
    value : float
    side : "lower" or "upper": which side of the best achievable rate is proven
    kind : "key" or "randomness"
    entropy : Bound on Eve's conditional entropy
    error_correction : H(A|B,X=x,Y=y) in bits, of the behaviour; 0 for randomness
    settings : (x, y); y is None for local randomness
    security : the theorem that makes the number a rate and its conditions, or "individual attacks"
    assumptions : what else is assumed
    sdp : for a closed form, the rate from the certified program beside it
    attack : of a bound from above, the explicit attack
    preprocessing : probability with which Alice flips her key bit
    exact : of a bound from above, whether every attack that it rests on has the tested data, not only approximately
    """

    value: float
    side: str
    kind: str
    entropy: Bound
    error_correction: float
    settings: tuple[int, int | None]
    security: str
    assumptions: tuple[str, ...]
    sdp: Rate | None = None
    attack: EntropyAttack | None = None
    preprocessing: float = 0.0
    exact: bool = True

    def __float__(self) -> float:
        return self.value

    @property
    def is_closed_form(self) -> bool:
        return self.entropy.status == "closed form"

    @property
    def data(self) -> str:
        """Which data the rate is about: "exact" or "measured", as in :attr:`Bound.data`."""
        return self.entropy.data

    def __repr__(self) -> str:
        x, y = self.settings
        at = f"x={x}" if y is None else f"x={x}, y={y}"
        at += f", preprocessing {self.preprocessing:.6g}" if self.preprocessing else ""
        how = f"closed form, {self.entropy.source}" if self.is_closed_form else f"certified from {self.entropy.figure}"
        how += f"; {self.data} data"
        if self.attack is not None:
            how = f"explicit attack, {self.attack.data}"
        sign = "<=" if self.side == "upper" else ">="
        rate = f"{self.kind} rate {sign} {rounded(self.value, self.side)} bits a round"
        return f"{rate} ({self.side} bound at {at}; {how}; security: {self.security})"


def observations_of(behaviour: Behaviour, observed: Observations | BellExpression | str) -> Observations:
    """The tested data of the behaviour: Observations that it has, an expression's value, "correlators" or "full"."""
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    if isinstance(observed, Observations):
        if observed.scenario != behaviour.scenario:
            raise InvalidInput(f"tested data of {observed.scenario} do not fit a behaviour of {behaviour.scenario}.")
        own = np.tensordot(observed.coefficients, behaviour.moments, axes=behaviour.moments.ndim)
        miss = np.abs(own - observed.values) - observed.tolerances
        scale = np.maximum(1.0, np.abs(observed.coefficients).reshape(len(observed), -1).sum(axis=1))
        if (miss > CONSISTENCY * scale).any():
            worst = int((miss / scale).argmax())
            raise InvalidInput(
                f"tested value {worst} is {observed.values[worst]:.9g}, but the behaviour has {own[worst]:.9g}: a "
                "rate needs the data of the devices whose errors it corrects; test values of this behaviour."
            )
        # exact data are those of the same exact behaviour; what is near to them is measured
        return observed if observed.exact == behaviour.exact else replace(observed, exact=None)
    if isinstance(observed, BellExpression):
        return Observations.bell_value(observed, behaviour)
    if observed == "correlators":
        return Observations.correlators(behaviour)
    if observed == "full":
        return Observations.full(behaviour)
    raise InvalidParameter(
        f"observed = {observed!r:.60} must be 'correlators', 'full', a BellExpression or an Observations."
    )


def error_correction(behaviour: Behaviour, x: int, y: int, preprocessing: float = 0.0) -> float:
    """Shannon entropy H(A|B,X=x,Y=y) in bits, rounded up: what Alice must send so that Bob learns her outcome.

    ``preprocessing``: probability with which Alice flips her bit before.
    """
    return -lower_float(-leakage(behaviour, x, y, preprocessing))


def leakage(behaviour: Behaviour, x: int, y: int, preprocessing: float = 0.0) -> flint.arb:
    """H(A|B,X=x,Y=y) in bits, enclosed."""
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    require_preprocessing(preprocessing)
    if preprocessing and behaviour.scenario.outcomes[0][x] != 2:
        raise InvalidParameter(
            f"preprocessing = {preprocessing!r} flips a bit; setting {x} has no two outcomes, use 0."
        )
    q = flint.arb(float(preprocessing))
    total = flint.arb(0)
    for b, column in enumerate(behaviour.joint(x, y).T):
        exact = [flint.arb(float(p)) for p in column]
        if behaviour.exact is not None:
            e = behaviour.exact.correlator(x, y)
            exact = [(1 + (e if a == b else -e)) / 4 for a in (0, 1)]
        if preprocessing:
            exact = [(1 - q) * exact[0] + q * exact[1], (1 - q) * exact[1] + q * exact[0]]
        own = [p for p in exact if p > 0]
        together = sum(own, flint.arb(0))
        total += sum((p * (together / p).log() for p in own), flint.arb(0))
    return total / flint.arb(2).log()


def key_rate(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    preprocessing: float | str = 0.0,
    options: RateOptions | None = None,
    **changes: Unpack[RateChanges],
) -> Rate:
    """Certified lower bound on the key rate ``H(A|X=x,E) - H(A|B,X=x,Y=y)``, arXiv:2309.09650 Eq. (1).

    Parameters
    ----------
    behaviour : what the devices do: its error-correction cost is paid
    observed : what is tested: "correlators", "full", a BellExpression or an Observations; Eve is limited by this only
    x, y : key settings; None: the best pair, reported in the Rate
    entropy : an Entropy, or the name of a method of :class:`sdpbound.VonNeumann`; default VonNeumann(), which
        takes the best bound of all methods that are fast on the data
    preprocessing : probability with which Alice flips her key bit, or "best": see :func:`best_preprocessing`;
        min-entropy takes 0 only
    options : which proofs the rate may use, default RateOptions()
    changes : single options by their names: closed_forms, require_self_test

    Against NoSignaling() the difference is a rate for individual attacks only, and ``rate.security`` says so.

    Returns
    -------
    Rate, side "lower", in bits a round

    >>> import numpy as np, sdpbound as sb
    >>> t = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
    >>> rate = sb.key_rate(t.behaviour(), x=0, y=0)
    >>> rate.is_closed_form, round(rate.value, 6)
    (True, 0.998527)
    """
    how = with_changes(options, RateOptions(), changes, "key_rate")
    if isinstance(preprocessing, str):
        if preprocessing != "best":
            raise InvalidParameter(f"preprocessing = {preprocessing!r:.60} must be a number from 0 to 1/2, or 'best'.")
        return best_preprocessing(behaviour, observed, x, y, entropy, how.closed_forms)
    require_preprocessing(preprocessing)
    data = observations_of(behaviour, observed)
    entropy = VonNeumann() if entropy is None else named_entropy(entropy)
    data = entropy.tested(data)
    xs, ys = choices(behaviour, 0, x, "x"), choices(behaviour, 1, y, "y")

    leaks = {(s, r): error_correction(behaviour, s, r, preprocessing) for s in xs for r in ys}

    def best(lower: dict[int, Bound], sdp: Rate | None) -> Rate:
        options = [(lower[s].value - leaks[s, r], s, r) for s in xs for r in ys]
        value, s, r = max(options)
        leak = leaks[s, r]
        value = math.nextafter(value, -math.inf)  # the subtraction rounds once
        security = _security(entropy.adversary, "key", lower[s])
        return Rate(value, "lower", "key", lower[s], leak, (s, r), *security, sdp, preprocessing=preprocessing)

    asked = KeyQuestion(data, xs[0], preprocessing=preprocessing, closed_forms=how.closed_forms)
    numeric = best({s: entropy.lower_bound(replace(asked, x=s)) for s in xs}, None)
    test = _self_test(data, entropy.adversary, how.closed_forms and not preprocessing)
    if how.require_self_test and test is None:
        raise NotSelfTesting(NO_SELF_TEST)
    return numeric if test is None else best({s: test.entropy(s) for s in xs}, numeric)


def randomness_rate(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    local: bool = False,
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    options: RandomnessOptions | None = None,
    **changes: Unpack[RandomnessChanges],
) -> Rate:
    """Certified lower bound on the randomness rate: global H(AB|X=x,Y=y,E), local H(A|X=x,E), or blind.

    Parameters as in :func:`key_rate`. ``local``: of Alice's outcome alone. Options: default RandomnessOptions(), of
    which ``blind`` is one: against an Eve who also holds Bob's device and outcome, H(A|X=x,Y=y,B,E). That has a bound
    by min-entropy only, and the default entropy is then MinEntropy().

    Returns
    -------
    Rate, side "lower", in bits a round

    >>> import numpy as np, sdpbound as sb
    >>> t = sb.SingletSelfTest(np.pi / 3, np.pi / 3, np.pi)
    >>> round(sb.randomness_rate(t.behaviour(), x=0, y=1).value, 9)
    2.0
    """
    how = with_changes(options, RandomnessOptions(), changes, "randomness_rate")
    blind = how.blind
    if local and (blind or y is not None):
        raise InvalidInput("local randomness is of Alice's outcome alone: leave y and blind out.")
    data = observations_of(behaviour, observed)
    if entropy is None:
        entropy = MinEntropy() if blind else VonNeumann()
    entropy = named_entropy(entropy)
    xs = choices(behaviour, 0, x, "x")
    ys: Sequence[int | None] = [None] if local else choices(behaviour, 1, y, "y")
    pairs = list(itertools.product(xs, ys))

    def best(lower: dict[tuple[int, int | None], Bound], sdp: Rate | None) -> Rate:
        settings = max(pairs, key=lambda pair: lower[pair].value)
        bound = lower[settings]
        return Rate(
            bound.value,
            "lower",
            "randomness",
            bound,
            0.0,
            settings,
            *_security(entropy.adversary, "randomness", bound),
            sdp,
        )

    asked = KeyQuestion(data, blind=blind, closed_forms=how.closed_forms)
    numeric = best({(s, r): entropy.lower_bound(replace(asked, x=s, y=r)) for s, r in pairs}, None)
    test = _self_test(data, entropy.adversary, how.closed_forms)
    if how.require_self_test and test is None:
        raise NotSelfTesting(NO_SELF_TEST)
    return numeric if test is None else best({(s, r): test.entropy(s, r, blind) for s, r in pairs}, numeric)


def best_preprocessing(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    closed_forms: bool = True,
    accuracy: float = 1e-3,
) -> Rate:
    """The certified key rate with the best probability in [0, 1/2] of Alice's flipping her key bit.

    Flips cost error correction and cost Eve more where data are noisy (arXiv:quant-ph/0410215, arXiv:2005.13015). A
    bounded search of one dimension: each rate it meets is proven, that no other probability is better is not. At 1/2
    every rate is 0.

    Parameters
    ----------
    behaviour, observed, x, y, closed_forms : as in :func:`key_rate`
    entropy : default SweptEntropy(): formulas where there are any, the qubit reduction where it applies, else programs
    accuracy : of the probability, at least 1e-6

    Returns
    -------
    Rate, side "lower"; the probability is ``rate.preprocessing``

    >>> import sdpbound as sb
    >>> b = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.93)
    >>> plain, best = sb.key_rate(b, x=0, y=0, entropy=sb.SweptEntropy()), sb.best_preprocessing(b, x=0, y=0)
    >>> 0.0 < plain.value < best.value, 0.0 < best.preprocessing < 0.5
    (True, True)
    """
    entropy = SweptEntropy() if entropy is None else entropy
    if not 1e-6 <= accuracy <= 0.1:
        raise InvalidParameter(f"accuracy = {accuracy!r:.60} of a probability must lie between 1e-6 and 0.1.")
    rates = [key_rate(behaviour, observed, x, y, entropy, closed_forms=closed_forms)]

    def loss(q: float) -> float:
        rates.append(key_rate(behaviour, observed, x, y, entropy, float(q), closed_forms=closed_forms))
        return -rates[-1].value

    minimize_scalar(loss, bounds=(0.0, 0.5), method="bounded", options={"xatol": accuracy})
    return max(rates, key=lambda rate: rate.value)


def choices(behaviour: Behaviour, party: int, setting: int | None, name: str) -> list[int]:
    """The setting asked for, or all of them."""
    if setting is None:
        return list(range(behaviour.scenario.settings[party]))
    return [behaviour.scenario.require_setting(party, setting, name)]


def _self_test(data: Observations, model: Adversary, closed_forms: bool) -> SelfTest | None:
    return find_self_test(data) if closed_forms and model.self_tests else None


def _security(model: Adversary, kind: str, bound: Bound) -> tuple[str, tuple[str, ...]]:
    """What makes the number a rate, and what is assumed."""
    known = model.security(kind)
    given = bound.given.exact
    if bound.data != "exact" or given is None:
        return known.theorem, known.assumptions
    return known.theorem, (*known.assumptions, f"the data are exactly those of the self-test at {given.title}")
