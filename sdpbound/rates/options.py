"""Options of rates and of the search for thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from sdpbound.arguments import instance, numbered
from sdpbound.bell.average import Average
from sdpbound.bell.channel import Preprocessing, require_best
from sdpbound.bell.key import KeyChanges, settings_of
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.tested import SettingsTested
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidParameter
from sdpbound.rates.postprocessing.postprocessing import PostProcessing

__all__ = [
    "ErrorRateChanges",
    "LineChanges",
    "LineOptions",
    "RandomnessChanges",
    "RandomnessOptions",
    "RateChanges",
    "RateOptions",
    "SearchChanges",
    "SearchOptions",
    "TestedKeyChanges",
    "require_postprocessing",
    "tested_key",
]

#: The rates of which thresholds are searched.
RATES = ("key", "local randomness", "global randomness")


def _fixed(tested: SettingsTested) -> SettingsTested:
    """Tuples for lists; what is neither is refused where the scenario is known."""
    try:
        return None if tested is None else tuple(None if own is None else tuple(own) for own in tested)
    except TypeError:
        return tested


def require_postprocessing(value: object) -> None:
    if not isinstance(value, PostProcessing | None):
        raise InvalidParameter(
            f"postprocessing = {value!r:.60} must be a post-processing, such as RandomBasis(((0, 2), (1, 3)))."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOptions:
    """Which proofs a rate may use.

    Parameters
    ----------
    closed_forms : use the self-test where the data are one, without preprocessing; the rate without it is then
        ``rate.sdp``. VonNeumann() then also takes its formulas for CHSH values instead of a program
    require_self_test : raise NotSelfTesting where the data are none
    tested : the settings that each party tests, where "correlators" or "full" are: one entry for each party, a list of
        settings, or None for all. ``(None, (0, 1))`` leaves Bob's third setting to the key
    postprocessing : of keys, what is done with outcomes before a key is made of them, such as a :class:`RandomBasis`

    >>> import sdpbound as sb
    >>> t = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6)  # without noise: a self-test
    >>> proven = RateOptions(closed_forms=False)
    >>> [sb.key_rate(t.behaviour(), x=0, y=0, options=o).is_closed_form for o in (RateOptions(), proven)]
    [True, False]
    """

    closed_forms: bool = True
    require_self_test: bool = False
    tested: SettingsTested = None
    postprocessing: PostProcessing | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tested", _fixed(self.tested))
        require_postprocessing(self.postprocessing)
        if self.postprocessing is not None and self.require_self_test:
            raise InvalidParameter("require_self_test = True with a postprocessing: no self-test is used there.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomnessOptions(RateOptions):
    """Which proofs a randomness rate may use, and against whom it is.

    Parameters
    ----------
    blind : of Alice's outcome against an Eve who also holds Bob's device and outcome, H(A|X=x,Y=y,B,E)
    average : of the outcomes of several choices of settings, drawn at random in every round: the randomness beyond that
        of the inputs, which are kept or used again, sum_k w_k H(key k|E)
    closed_forms, require_self_test, tested : as in :class:`RateOptions`

    >>> import sdpbound as sb
    >>> noisy = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6).behaviour(visibility=0.99)
    >>> sb.randomness_rate(noisy, x=0, y=0, options=RandomnessOptions(closed_forms=False)).side
    'lower'
    """

    blind: bool = False
    average: Average | None = None

    def __post_init__(self) -> None:
        RateOptions.__post_init__(self)
        if self.postprocessing is not None:
            raise InvalidParameter("postprocessing is of keys; leave it out of randomness.")
        if not isinstance(self.average, Average | None):
            raise InvalidParameter(f"average = {self.average!r:.60} must be an Average, such as Average((0, 1)).")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """How the end of a rate is searched along a line of noise.

    Parameters
    ----------
    target : bits a round that must be exceeded
    tolerance : width of the interval aimed at, in units of the noise
    start : a noise near the threshold, if one is known, as in a sweep: saves solves

    >>> LineOptions(target=0.1, tolerance=1e-3)  # for critical_noise(..., line=...)
    LineOptions(target=0.1, tolerance=0.001, start=None)
    """

    target: float = 0.0
    tolerance: float = 1e-4
    start: float | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.target):
            raise InvalidParameter(f"target = {self.target} of a rate must be a finite number of bits.")
        if self.start is not None and not math.isfinite(numbered(self.start, "start")):
            raise InvalidParameter(f"start = {self.start!r:.60} of a search must be a finite number, or None.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions(LineOptions):
    """Which rate's end is searched, and how.

    Parameters
    ----------
    rate : "key", "local randomness" or "global randomness"
    entropy : default SweptEntropy(): formulas where there are any, the qubit reduction where it applies, else programs;
        to 1e-4 bits or the tolerance. The name of a method stands for VonNeumann of it
    preprocessing : as in :func:`key_rate`; "best": the flips that survive most noise, as far as found, "best channel":
        the channel that is best at each noise; they are then in ``threshold.found``, and ``dead`` is proven for all of
        them
    noise : what the devices suffer besides
    attack : whether to prove the other side by explicit attacks, see :func:`key_rate_upper_bound`
    closed_forms, tested : as in :func:`key_rate`
    postprocessing : of keys, as in :func:`key_rate`; x, y and preprocessing are then its own. ``dead`` is proven for
        what it is at the last point alive
    target, tolerance, start : as in :class:`LineOptions`
    """

    rate: str = "key"
    entropy: Entropy | str | None = None
    preprocessing: Preprocessing | str = 0.0
    noise: Noise | None = None
    attack: bool = True
    closed_forms: bool = True
    tested: SettingsTested = None
    postprocessing: PostProcessing | None = None

    def __post_init__(self) -> None:
        LineOptions.__post_init__(self)
        require_postprocessing(self.postprocessing)
        if self.noise is not None:
            instance(self.noise, Noise, "noise", "DetectionInefficiency(0.95)")
        object.__setattr__(self, "tested", _fixed(self.tested))
        if self.rate not in RATES:
            raise InvalidParameter(f"rate = {self.rate!r:.60} must be one of {', '.join(map(repr, RATES))}.")
        if isinstance(self.preprocessing, str):
            require_best(self.preprocessing)
        if self.preprocessing and self.rate != "key":
            raise InvalidParameter(f"preprocessing = {self.preprocessing!r:.60} is of keys only; leave it 0.")
        if self.postprocessing is not None and (self.preprocessing or self.rate != "key"):
            raise InvalidParameter(
                f"postprocessing = {self.postprocessing!r:.80} is of keys and has its own flips; leave rate and "
                "preprocessing out."
            )


class TestedKeyChanges(KeyChanges, total=False):
    """The settings of the key, and those that are tested, each as a keyword of a call."""

    tested: SettingsTested


def tested_key(
    changes: Mapping[str, object], caller: str
) -> tuple[Sequence[int | None] | None, Sequence[Any] | None, SettingsTested]:
    """The settings of the key, what is merged of it, and the settings tested, of a call without other keywords."""
    others = dict(changes)
    tested: Any = others.pop("tested", None)
    return *settings_of(others, caller), tested


class RateChanges(TestedKeyChanges, total=False):
    """The options of :class:`RateOptions` and the settings of the key, each as a keyword of a call."""

    closed_forms: bool
    require_self_test: bool
    postprocessing: PostProcessing | None


class RandomnessChanges(RateChanges, total=False):
    """The options of :class:`RandomnessOptions`, each as a keyword of a call."""

    blind: bool
    average: Average | None


class LineChanges(TypedDict, total=False):
    """The options of :class:`LineOptions`, each as a keyword of a call."""

    target: float
    tolerance: float
    start: float | None


class ErrorRateChanges(LineChanges, total=False):
    """The options of :class:`SearchOptions` that a threshold of keys in the error rate has."""

    entropy: Entropy | str | None
    preprocessing: Preprocessing | str
    attack: bool
    closed_forms: bool
    tested: SettingsTested
    postprocessing: PostProcessing | None


class SearchChanges(ErrorRateChanges, total=False):
    """The options of :class:`SearchOptions`, each as a keyword of a call."""

    rate: str
    noise: Noise | None
