"""Asymptotic key and randomness rates from certified entropies.

The entropy is a value of its own: an :class:`Entropy` says how H(A|X=x,E) is bounded and against whom: by min-entropy
(:class:`MinEntropy`) or directly (:class:`VonNeumann`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar, Unpack

from scipy.optimize import minimize_scalar

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import with_changes
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import BinaryChannel, Preprocessing, require_best
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import Merge, Settings, apart, named_key
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import MinEntropyOf
from sdpbound.bounds.rounding import lower_float
from sdpbound.conic.program import Status
from sdpbound.entropies.averages import average_entropy
from sdpbound.entropies.conditional import VonNeumann, named_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.min_entropy import MinEntropy
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.entropies.question import KeyQuestion, require_channel
from sdpbound.entropies.self_test import SelfTest, find_self_test
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, InvalidParameter, NotSelfTesting, SolverFailure, TimeIsUp
from sdpbound.limiting import as_many_as_fit
from sdpbound.rates.channels import channel_ahead
from sdpbound.rates.correction import key_choices, leakage_of_key, merge_of_keys, sender_of
from sdpbound.rates.flips import FlipsAhead, asks_qubits, says_it_all
from sdpbound.rates.options import (
    RandomnessChanges,
    RandomnessOptions,
    RateChanges,
    RateOptions,
    TestedKeyChanges,
    tested_key,
)
from sdpbound.rates.postprocessing.postprocessing import Processed, require_none
from sdpbound.rates.postprocessing.random_basis import average_tolerance
from sdpbound.rates.rate import Rate
from sdpbound.rates.tested import observations_of

__all__ = [
    "best_channel",
    "best_preprocessing",
    "key_rate",
    "processed_rate",
    "randomness_rate",
]

Key = TypeVar("Key", int, Settings)

NO_SELF_TEST = (
    "the tested data are no self-test of the singlet against a quantum adversary: they must be exact ones, such as the "
    "correlators or the Bell value of SingletSelfTest(...).behaviour() where condition (4) holds; leave "
    "require_self_test out for the certified bound alone."
)
CONFERENCE = (
    "conference key: one message to all corrects errors, and costs what the worst receiver needs (arXiv:1612.05585, "
    "arXiv:1708.00798)"
)
#: Bits that proofs of rates with different flips miss attacks by, more or less.
CLOSE = 1e-3
#: A rate above the first and below the second number of bits is proven to within the third, if no entropy is given.
COARSE, SMALL, FINER = 3e-4, 1e-3, 2e-5


def key_rate(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    preprocessing: Preprocessing | str = 0.0,
    options: RateOptions | None = None,
    **changes: Unpack[RateChanges],
) -> Rate:
    """Certified lower bound on the key rate ``H(A|X=x,E) - H(A|B,X=x,Y=y)``, arXiv:2309.09650 Eq. (1).

    Parameters
    ----------
    behaviour : what the devices do: its error-correction cost is paid
    observed : what is tested: "correlators", "full", a BellExpression or an Observations; Eve is limited by this only.
        "full without B2" is of all settings but Bob's third, as ``tested=(None, (0, 1))``
    x, y : key settings; None: the best pair, reported in the Rate; of more than two parties: the best settings of all
    entropy : an Entropy, or the name of a method of :class:`sdpbound.VonNeumann`; default VonNeumann(), which
        takes the best bound of all methods that are fast on the data; where the rate is below 1e-3 and the qubit method
        is one of them, to 2e-5 bits
    preprocessing : probability with which Alice flips her key bit, or the :class:`BinaryChannel` that it passes, or
        "best": see :func:`best_preprocessing`, or "best channel": see :func:`best_channel`; min-entropy takes 0 only
    options : which proofs the rate may use, default RateOptions()
    changes : single options by their names: closed_forms, require_self_test, tested, postprocessing, which says itself
        what x, y and preprocessing are, such as :class:`sdpbound.RandomBasis`; ``settings`` in place of x and y: one
        entry for each party, its key setting, or None for a party without key; and ``merge``, the key's value 0, 1, ..
        for each of Alice's outcomes, where it is a function of them: ``H(f(A)|X=x,E) - H(f(A)|B,X=x,Y=y)``

    Of more than two parties it is the rate of a conference key, ``H(A|X=x,E) - max_i H(A|B_i)``: the key is the outcome
    of the first party that has a setting, and one message corrects the errors of all others (arXiv:1612.05585,
    arXiv:1708.00798).

    Against NoSignaling() the difference is a rate for individual attacks only, and ``rate.security`` says so.

    Returns
    -------
    Rate, side "lower", in bits a round

    Raises
    ------
    InvalidInput, and its subclasses
        The settings, data, entropy, preprocessing or options do not fit the behaviour.
    Infeasible
        The tested data lie outside the adversary's set.
    NotSelfTesting
        ``require_self_test`` is asked for, and the data are no self-test.

    >>> import numpy as np, sdpbound as sb
    >>> t = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)
    >>> rate = sb.key_rate(t.behaviour(), x=0, y=0)
    >>> rate.is_closed_form, round(rate.value, 6)
    (True, 0.998527)
    """
    settings, merge, others = apart(changes)
    how = with_changes(options, RateOptions(), others, "key_rate")
    if how.postprocessing is not None:
        require_none(how.postprocessing, (x, y, settings, merge, preprocessing or None))
        data = observations_of(behaviour, observed, how.tested)
        own = VonNeumann() if entropy is None else named_entropy(entropy)
        return processed_rate(how.postprocessing.below(behaviour, data, own), "lower")
    if isinstance(preprocessing, str):
        search = best_channel if require_best(preprocessing) else best_preprocessing
        if isinstance(entropy, MinEntropy):
            raise InvalidParameter(
                f"preprocessing = {preprocessing!r}: flips and channels have a bound by von Neumann's entropy against "
                f"a quantum adversary, and none by min-entropy against {entropy.model!r:.60}; leave it 0, or leave "
                "entropy out."
            )
        keys_of: TestedKeyChanges = {"tested": how.tested, "settings": settings, "merge": merge}
        found = search(behaviour, observed, x, y, entropy, how.closed_forms, **keys_of)
        flips = found.preprocessing
        return _sharper(found, lambda own: key_rate(behaviour, observed, x, y, own, flips, options, **changes), entropy)
    preprocessing = require_channel(preprocessing)
    if entropy is None:
        plain = key_rate(behaviour, observed, x, y, VonNeumann(), preprocessing, options, **changes)
        given = preprocessing
        return _sharper(plain, lambda own: key_rate(behaviour, observed, x, y, own, given, options, **changes), entropy)
    data = observations_of(behaviour, observed, how.tested)
    entropy = named_entropy(entropy)
    keys = key_choices(behaviour, x, y, settings)
    values = merge_of_keys(behaviour, [sender_of(key)[0] for key in keys], merge)
    leaks = {key: -lower_float(-leakage_of_key(behaviour, key, preprocessing, values)) + 0.0 for key in keys}  # no -0
    senders = {key: sender_of(key) for key in keys}
    alone = dict.fromkeys(senders.values())
    if senders[keys[0]][1][0] == 0 and len(keys[0]) == 2:  # Bob's untested settings do not matter for Alice's outcome
        data = entropy.tested(data)

    def best(lower: dict[int, Bound], sdp: Rate | None) -> Rate:
        known = [key for key in keys if senders[key][1][1] in lower]  # all, but where the time was over
        value, key = max((lower[senders[key][1][1]].value - leaks[key], key) for key in known)
        bound, leak = lower[senders[key][1][1]], leaks[key]
        value = math.nextafter(value, -math.inf)  # the subtraction rounds once
        security = _security(entropy.adversary, "key", bound, len(key))
        return Rate(value, "lower", "key", bound, leak, key, *security, sdp, preprocessing=preprocessing, merge=values)

    def asked(own: Settings) -> KeyQuestion:
        return _asked(data, own, False, how.closed_forms, preprocessing, values)

    own_keys = {s: own for own, (_, s) in alone}
    numeric = best(_bounds(own_keys, lambda s: _bounded(entropy, asked(own_keys[s]))), None)
    test = _self_test(data, entropy.adversary, how.closed_forms and not preprocessing and values is None)
    if how.require_self_test and test is None:
        raise NotSelfTesting(NO_SELF_TEST)
    if test is None or senders[keys[0]][1][0]:
        return numeric
    return best({s: test.entropy(s) for _, (_, s) in alone}, numeric)


def _sharper(rate: Rate, asked: Callable[[Entropy], Rate], entropy: Entropy | str | None) -> Rate:
    """The rate, or a finer proof where no entropy is given and the tolerance may decide whether there is a key."""
    if entropy is not None or not -COARSE < rate.value < SMALL or not isinstance(rate.entropy, QubitEntropyBound):
        return rate
    try:
        return max(rate, asked(VonNeumann(tolerance=FINER)), key=lambda found: found.value)
    except SolverFailure:  # the time is over, or floats do not go so far
        return rate


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
    by min-entropy only, and the default entropy is then MinEntropy(). With ``settings``, one entry for each party, the
    randomness is that of all outcomes whose setting is not None; without them, of more than two parties, that of all
    parties, of the best settings that have these x and y. With ``merge`` it is that of a function of these outcomes.

    Returns
    -------
    Rate, side "lower", in bits a round

    Raises
    ------
    InvalidInput, Infeasible, NotSelfTesting
        As :func:`key_rate` does; also where ``local``, ``blind`` and ``settings`` contradict each other.

    >>> import numpy as np, sdpbound as sb
    >>> t = sb.SingletSelfTest(np.pi / 3, np.pi / 3, np.pi)
    >>> round(sb.randomness_rate(t.behaviour(), x=0, y=1).value, 9)
    2.0
    """
    settings, merge, others = apart(changes)
    how = with_changes(options, RandomnessOptions(), others, "randomness_rate")
    blind = how.blind
    if local and (blind or y is not None):
        raise InvalidInput("local randomness is of Alice's outcome alone: leave y and blind out.")
    data = observations_of(behaviour, observed, how.tested)
    if entropy is None:
        entropy = MinEntropy() if blind else VonNeumann()
    entropy = named_entropy(entropy)
    if how.average is not None:
        require_none(how.average, (x, y, settings, merge, local or None, blind or None))
        bound = average_entropy(data, how.average, average_tolerance(entropy))
        own = (bound, 0.0, how.average.of(data.scenario).keys[0])
        return Rate(bound.value, "lower", "randomness", *own, *_security(entropy.adversary, "randomness", bound))
    if settings is not None and (local or blind):
        raise InvalidInput(f"settings = {settings!r:.60} say whose outcomes are used; leave local and blind out.")
    keys = key_choices(behaviour, x, y, settings, local)
    values = merge_of_keys(behaviour, keys, merge)

    def best(lower: dict[Settings, Bound], sdp: Rate | None) -> Rate:
        key = max(lower, key=lambda key: lower[key].value)
        bound = lower[key]
        return Rate(
            bound.value,
            "lower",
            "randomness",
            bound,
            0.0,
            key,
            *_security(entropy.adversary, "randomness", bound),
            sdp,
            merge=values,
        )

    asked = {key: _asked(data, key, blind, how.closed_forms, merge=values) for key in keys}
    numeric = best(_bounds(keys, lambda key: _bounded(entropy, asked[key])), None)
    test = _self_test(data, entropy.adversary, how.closed_forms and values is None)
    if how.require_self_test and test is None:
        raise NotSelfTesting(NO_SELF_TEST)
    if test is None or any(key[0] is None for key in keys):
        return numeric
    return best({key: test.entropy(key[0] or 0, key[1], blind) for key in keys}, numeric)


def best_preprocessing(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    closed_forms: bool = True,
    accuracy: float = 1e-3,
    **key: Unpack[TestedKeyChanges],
) -> Rate:
    """The certified key rate with the best probability in [0, 1/2] of Alice's flipping her key bit.

    Flips cost error correction and cost Eve more where data are noisy (arXiv:quant-ph/0410215, arXiv:2005.13015). Each
    rate that the search meets is proven, that no other probability is better is not. At 1/2 every rate is 0. Where the
    qubit reduction applies, its attacks say where the best flips can be, and one or two rates are
    enough; else it is a bounded search of one dimension.

    Parameters
    ----------
    behaviour, observed, x, y, closed_forms : as in :func:`key_rate`
    entropy : default SweptEntropy(): formulas where there are any, the qubit reduction where it applies, else programs
    accuracy : of the probability, at least 1e-6
    key : ``settings``, ``merge`` and ``tested``, as in :func:`key_rate`

    Returns
    -------
    Rate, side "lower"; the probability is ``rate.preprocessing``

    Raises
    ------
    InvalidParameter
        The accuracy is not from 1e-6 to 0.1.

    >>> import sdpbound as sb
    >>> b = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.93)
    >>> plain, best = sb.key_rate(b, x=0, y=0, entropy=sb.SweptEntropy()), sb.best_preprocessing(b, x=0, y=0)
    >>> 0.0 < plain.value < best.value, 0.0 < best.preprocessing < 0.5
    (True, True)
    """
    entropy = SweptEntropy() if entropy is None else entropy
    settings, merge, tested = tested_key(key, "best_preprocessing")
    if not 1e-6 <= accuracy <= 0.1:
        raise InvalidParameter(f"accuracy = {accuracy!r:.60} of a probability must lie between 1e-6 and 0.1.")
    rates: list[Rate] = []

    def rate_at(flips: float) -> Rate:
        how = RateOptions(closed_forms=closed_forms, tested=tested)
        rates.append(key_rate(behaviour, observed, x, y, entropy, flips, how, settings=settings, merge=merge))
        return rates[-1]

    keys = key_choices(behaviour, x, y, settings)
    own = keys[0] if len(keys) == 1 else rate_at(0.0).settings
    entropy = named_entropy(entropy)
    ahead = FlipsAhead(behaviour, own, entropy.tested(observations_of(behaviour, observed, tested)))
    try:
        flips = ahead.best(accuracy) if asks_qubits(entropy) and merge is None else None
        if flips is not None and says_it_all(rate_at(flips).entropy):
            if ahead.left(flips) - ahead.left(0.0) <= CLOSE and flips and len(rates) == 1:
                rate_at(0.0)  # proofs miss the attack by more or less
        else:  # a program: attacks by qubits do not say where its best flips are
            if all(rate.preprocessing for rate in rates):
                rate_at(0.0)
            options = {"xatol": accuracy}
            minimize_scalar(lambda q: -rate_at(float(q)).value, bounds=(0.0, 0.5), method="bounded", options=options)
    except TimeIsUp:  # the best one so far is proven
        if not rates:
            raise
    return max(rates, key=lambda rate: rate.value)


def best_channel(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    closed_forms: bool = True,
    **key: Unpack[TestedKeyChanges],
) -> Rate:
    """The certified key rate with the best binary channel that is found for Alice's key bit, flips among them.

    Where her outcomes are not equally probable, as after losses, a channel that makes the rarer outcome the other one
    more often than the reverse leaves more key than flips do. The rate is proven at the channel found; that no other
    channel is better is not. Attacks by qubits say where to look. Where the qubit reduction does not apply, the rate is
    that of :func:`best_preprocessing`.

    Parameters
    ----------
    behaviour, observed, x, y, closed_forms : as in :func:`key_rate`
    entropy : default SweptEntropy(), as in :func:`best_preprocessing`
    key : ``settings``, ``merge`` and ``tested``, as in :func:`key_rate`

    Returns
    -------
    Rate, side "lower"; what Alice does with her bit is ``rate.preprocessing``, a probability or a BinaryChannel

    >>> import sdpbound as sb
    >>> member = sb.family_named("two_qubit").member(theta=0.4, a0=0.0, a1=1.4, b0=0.4, b1=-0.4)
    >>> b = member.behaviour(noise=sb.DetectionInefficiency(0.95))
    >>> flips, best = sb.best_preprocessing(b, "full", 0, 0), sb.best_channel(b, "full", 0, 0)
    >>> best.value >= flips.value, best.side
    (True, 'lower')
    """
    entropy = SweptEntropy() if entropy is None else named_entropy(entropy)
    _, merge, tested = tested_key(key, "best_channel")
    flipped = best_preprocessing(behaviour, observed, x, y, entropy, closed_forms, **key)
    if merge is not None or not asks_qubits(entropy) or not says_it_all(flipped.entropy):
        return flipped
    ahead = FlipsAhead(behaviour, flipped.settings, entropy.tested(observations_of(behaviour, observed, tested)))
    channel = channel_ahead(ahead, flipped.preprocessing)
    if channel is None or not isinstance(channel, BinaryChannel):
        return flipped
    how = RateOptions(closed_forms=closed_forms, tested=tested)
    own = key_rate(behaviour, observed, entropy=entropy, preprocessing=channel, options=how, settings=flipped.settings)
    return max(flipped, own, key=lambda rate: rate.value)


def processed_rate(parts: Processed, side: str) -> Rate:
    """The rate of a post-processing."""
    made = parts.entropy, parts.error_correction, parts.settings, parts.security, parts.assumptions
    flips, exact, by = parts.preprocessing, parts.exact, parts.by
    left = parts.attack
    return Rate(parts.value, side, "key", *made, attack=left, preprocessing=flips, exact=exact, postprocessing=by)


def _self_test(data: Observations, model: Adversary, closed_forms: bool) -> SelfTest | None:
    return find_self_test(data) if closed_forms and model.self_tests else None


def _asked(
    data: Observations,
    key: Settings,
    blind: bool,
    closed_forms: bool,
    preprocessing: Preprocessing = 0.0,
    merge: Merge | None = None,
) -> KeyQuestion:
    x, y, settings = named_key(key)
    return KeyQuestion(data, x, y, blind, preprocessing, closed_forms, settings, merge)


def _bounds(keys: Collection[Key], make: Callable[[Key], Bound]) -> dict[Key, Bound]:
    """Bounds of as many keys as there is time for; where some are left out, the best one is said to be stopped."""
    found = as_many_as_fit(keys, make)
    if len(found) == len(keys):
        return found
    return {key: replace(bound, status=Status.OUT_OF_TIME.value) for key, bound in found.items()}


def _bounded(entropy: Entropy, question: KeyQuestion) -> Bound:
    """The bound of a method; InvalidInput if it is about the outcomes where the key is a function of them.

    A method of another package may not know that outcomes can be merged; the entropy of the outcomes is larger.
    """
    bound = entropy.lower_bound(question)
    merit = bound.merit.of if isinstance(bound.merit, MinEntropyOf) else bound.merit
    if question.merge is not None and getattr(merit, "merge", None) != question.merge:
        raise InvalidInput(
            f"{entropy!r:.80} bounds {bound.figure}, and merged outcomes are asked for; take VonNeumann('projective')."
        )
    return bound


def _security(model: Adversary, kind: str, bound: Bound, parties: int = 2) -> tuple[str, tuple[str, ...]]:
    """What makes the number a rate, and what is assumed."""
    known = model.security(kind)
    theorem = known.theorem if parties == 2 else f"{CONFERENCE}; {known.theorem}"
    given = bound.given.exact
    if bound.data != "exact" or given is None:
        return theorem, known.assumptions
    return theorem, (*known.assumptions, f"the data are exactly those of the self-test at {given.title}")
