"""Options of the search for strategies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

from sdpbound.arguments import numbered, whole
from sdpbound.bell.channel import BinaryChannel, Preprocessing, require_best, up_and_down
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Family
from sdpbound.entropies.conditional import named_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.question import require_channel, require_preprocessing
from sdpbound.errors import InvalidParameter
from sdpbound.finite_size.options import FiniteKeyOptions, FiniteOptions, FiniteRandomnessOptions, require_rounds
from sdpbound.rates.options import require_postprocessing
from sdpbound.rates.postprocessing.postprocessing import PostProcessing

__all__ = ["AHEAD", "RATES", "CriticalStrategyChanges", "CriticalStrategyOptions", "StrategyChanges", "StrategyOptions"]

#: The rates of which the best strategies are searched.
RATES = ("key", "local randomness", "global randomness")
MOST_STARTS = 100_000
#: What a point of ``near`` may have besides its axes: flips, or the two probabilities of a channel.
AHEAD = ("flips", "p0", "p1")


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyOptions:
    """What a strategy is searched for, and how.

    Parameters
    ----------
    rate : "key", "local randomness" of Alice's outcome, or "global randomness" of both outcomes
    tested : "full" (correlators and marginals), "correlators", or an expression of the settings that are tested
    tested_settings : Bob's settings that are tested. None: all but the key's if he has three or more, else all
    keep_no_click : whether a lost outcome of Bob's key setting is an outcome of its own, as lossy detectors tell him.
        None: it is where that setting is not tested
    preprocessing : probability with which Alice flips her key bit, or the :class:`BinaryChannel` that it passes;
        "best": the best flips are searched, "best channel": the best channel. None: "best" for keys, 0 else
    postprocessing : of keys, as in :func:`sdpbound.key_rate`; x, y and preprocessing are then its own. Flips that are
        "best" there are searched with the devices, a block at each of them, other numbers at the devices found
    starts : how many starts a search has in each family, from 1
    seed : of the random starts; the same seed gives the same search
    near : points to start from, each with a value for every axis, and for ``flips``, or ``p0`` and ``p1`` of a channel,
        if it has any. Further starts are known good points, then in turn copies of the best of these and points
        anywhere
    entropy : how the rate that is found is proven, and how others are estimated where more than two settings or
        outcomes are tested. None: VonNeumann() of the tolerance
    tolerance : bits to which the rate that is found is proven. None: a fiftieth of the rate estimated, at most 1e-4 and
        at least 1e-6
    attack : whether to find an explicit attack on the strategy that is found: the other side of its rate
    rounds : the number of rounds of which the longest key or randomness is searched, test probability included. None:
        the rate of many rounds is what counts
    protocol : security and test of a finite length, :class:`FiniteKeyOptions` for a key, else
        :class:`FiniteRandomnessOptions`; None: their defaults. Its flips are those of ``preprocessing``; where there
        are some, "auto" is the method "accumulation"

    >>> StrategyOptions(rate="local randomness", starts=4).seed  # for best_strategy(noise, options=...)
    0
    """

    rate: str = "key"
    tested: str | BellExpression = "full"
    tested_settings: tuple[int, ...] | None = None
    keep_no_click: bool | None = None
    preprocessing: Preprocessing | str | None = None
    postprocessing: PostProcessing | None = None
    starts: int = 40
    seed: int = 0
    near: tuple[Mapping[str, float], ...] = ()
    entropy: Entropy | str | None = None
    tolerance: float | None = None
    attack: bool = True
    rounds: float | None = None
    protocol: FiniteOptions | None = None

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            raise InvalidParameter(f"rate = {self.rate!r:.60} must be one of {', '.join(map(repr, RATES))}.")
        whole(self.starts, "starts", 1, MOST_STARTS)
        whole(self.seed, "seed", 0, 2**63 - 1)
        if not isinstance(self.keep_no_click, bool | None):
            raise InvalidParameter(
                f"keep_no_click = {self.keep_no_click!r:.60} must be True, False or None: it is about Bob's key "
                "setting, y, whose lost outcome is kept or not; other settings are as the noise's binning says."
            )
        object.__setattr__(self, "near", _points(self.near))
        given = self.preprocessing
        require_postprocessing(self.postprocessing)
        if self.postprocessing is not None and (given or self.rate != "key"):
            raise InvalidParameter(
                f"postprocessing = {self.postprocessing!r:.80} is of keys and has its own flips; leave rate and "
                "preprocessing out."
            )
        if isinstance(given, str):
            require_best(given)
        elif given is not None:
            require_channel(given)
        if given and self.rate != "key":
            raise InvalidParameter(f"preprocessing = {given!r:.60} is of keys only; leave it out for randomness.")
        if self.tolerance is not None:
            tolerance = numbered(self.tolerance, "tolerance")
            if not (math.isfinite(tolerance) and tolerance > 0.0):
                raise InvalidParameter(
                    f"tolerance = {self.tolerance!r:.60} must be a positive number of bits, such as 1e-5."
                )
        if self.entropy is not None:
            named_entropy(self.entropy)
        self._check_rounds()

    def _check_rounds(self) -> None:
        """Raise where a finite length is asked for that no theorem, or no search, covers."""
        own, given = self.protocol, self.preprocessing
        if self.rounds is None:
            if own is not None:
                raise InvalidParameter(f"protocol = {own!r:.60} is of finitely many rounds; give rounds, such as 1e8.")
            return
        require_rounds(self.rounds, "rounds")
        kind = FiniteKeyOptions if self.rate == "key" else FiniteRandomnessOptions
        if own is not None and not isinstance(own, kind):
            raise InvalidParameter(f"protocol = {own!r:.60} of {self.rate} must be {kind.__name__}(..) or None.")
        if self.postprocessing is not None:
            raise InvalidParameter(
                f"postprocessing = {self.postprocessing!r:.60} has no theorem for finitely many rounds; leave rounds "
                "or the post-processing out."
            )
        if isinstance(given, BinaryChannel) or (isinstance(given, str) and require_best(given)):
            raise InvalidParameter(
                f"preprocessing = {given!r:.60} is a channel, and finite lengths know flips only; give a probability "
                "or 'best', or leave rounds out."
            )
        if isinstance(own, FiniteKeyOptions) and (own.preprocessing or own.merge is not None):
            raise InvalidParameter(
                "protocol has flips or a merge of its own; give flips as preprocessing of the search, and no merge."
            )
        if own is not None and own.entropies is not None:
            raise InvalidParameter(
                "protocol has entropies, which are of devices that are known; leave them out, the search has its own."
            )

    @property
    def ahead(self) -> tuple[float | None, ...]:
        """The probability of a flip, or the two of a channel; None: it is searched."""
        given = self.preprocessing
        if self.postprocessing is not None:
            return (None,) if self.postprocessing.searches_flips else (0.0,)
        if given is None:
            return (None,) if self.rate == "key" else (0.0,)
        if isinstance(given, str):
            return (None, None) if require_best(given) else (None,)
        return up_and_down(given) if isinstance(given, BinaryChannel) else (float(given),)

    def check_near(self, family: Family, values: Mapping[str, float]) -> None:
        """Raise where a point of ``near`` has other axes than the family, or flips that are none."""
        for name in values:
            if name not in AHEAD:
                family.axis(name)
        missing = [axis.name for axis in family.axes if axis.default is None and axis.name not in values]
        if missing:
            raise InvalidParameter(
                f"near has a point without {', '.join(missing)}; give a value for every axis of the family "
                f"'{family.name}', such as a BestStrategy's point has."
            )
        require_preprocessing(values.get("flips", 0.0))
        BinaryChannel(values.get("p0", 0.0), values.get("p1", 0.0))


def _points(near: object) -> tuple[Mapping[str, float], ...]:
    """The points to start from, each a mapping from names to finite numbers."""
    if isinstance(near, Mapping | str) or not isinstance(near, Iterable):
        near = (None,)
    points = tuple(near)
    for point in points:
        if not isinstance(point, Mapping):
            raise InvalidParameter(
                "near must be a list of points, each with a value for every axis, such as "
                "[{'theta': 0.3, 'a0': 0.0, 'a1': 1.2, 'b1': 0.3, 'b2': 0.0}]."
            )
        for name, value in point.items():
            if not math.isfinite(numbered(value, f"{name} of near")):
                raise InvalidParameter(f"{name} of near = {value!r:.60} must be a finite number.")
    return points


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalStrategyOptions(StrategyOptions):
    """What a strategy that survives most noise is searched for, and how.

    Parameters
    ----------
    target : bits a round that must be exceeded
    width : of the last step, in units of the noise
    quantity : what the noise is, for people
    others : as in :class:`StrategyOptions`

    >>> CriticalStrategyOptions(width=1e-4, starts=4).target  # for critical_strategy(noise, near, far, options=...)
    0.0
    """

    target: float = 0.0
    width: float = 1e-3
    quantity: str = "detection efficiency"

    def __post_init__(self) -> None:
        StrategyOptions.__post_init__(self)
        if self.rounds is not None:
            raise InvalidParameter(
                f"rounds = {self.rounds!r:.60} are of best_strategy; critical_strategy is about many rounds; "
                "leave them out."
            )
        if not isinstance(self.quantity, str):
            raise InvalidParameter(
                f"quantity = {self.quantity!r:.60} must be a text that says what the noise is, such as 'visibility'."
            )
        target, width = numbered(self.target, "target"), numbered(self.width, "width")
        if not math.isfinite(target):
            raise InvalidParameter(f"target = {self.target!r:.60} of a rate must be a finite number of bits.")
        if not (math.isfinite(width) and width > 0.0):
            raise InvalidParameter(f"width = {self.width!r:.60} of a step must be a positive number, such as 1e-3.")


class StrategyChanges(TypedDict, total=False):
    """The options of :class:`StrategyOptions`, each as a keyword of a call."""

    rate: str
    tested: str | BellExpression
    tested_settings: tuple[int, ...] | None
    keep_no_click: bool | None
    preprocessing: Preprocessing | str | None
    postprocessing: PostProcessing | None
    starts: int
    seed: int
    near: tuple[Mapping[str, float], ...]
    entropy: Entropy | str | None
    tolerance: float | None
    attack: bool
    rounds: float | None
    protocol: FiniteOptions | None


class CriticalStrategyChanges(StrategyChanges, total=False):
    """The options of :class:`CriticalStrategyOptions`, each as a keyword of a call."""

    target: float
    width: float
    quantity: str
