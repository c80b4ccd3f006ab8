"""The best strategy for a noise or a loss: devices and flips that make the certified rate as high as possible."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from sdpbound.arguments import instance, with_changes
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.bell.families.eberhard_family import Eberhard
from sdpbound.bell.families.family import Family
from sdpbound.bell.families.two_qubit import TwoQubit
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.rounding import rounded
from sdpbound.entropies.conditional import VonNeumann, named_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import Infeasible, InvalidInput, InvalidParameter, SolverFailure
from sdpbound.finite_size.options import FiniteKeyOptions, FiniteRandomnessOptions
from sdpbound.finite_size.result import FiniteLength
from sdpbound.limiting import go_on, reserved, share
from sdpbound.rates.postprocessing.postprocessing import PostProcessing, require_none
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import key_rate, randomness_rate
from sdpbound.rates.thresholds import Threshold
from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound
from sdpbound.strategies.ascent import Summit, climbed, same_rate, summits
from sdpbound.strategies.estimates import Qubits, estimator_for
from sdpbound.strategies.landscape import Landscape
from sdpbound.strategies.lengths import OfLength, Rounds, proven_length
from sdpbound.strategies.options import AHEAD, StrategyChanges, StrategyOptions
from sdpbound.strategies.raters import OfPostProcessing, OneKey
from sdpbound.strategies.starts import starts_of
from sdpbound.strategies.use import Use, use_of

__all__ = ["BestStrategy", "Found", "best_strategy", "found_near", "landscapes_of", "numbers_of", "proven"]

#: The tolerance of a proof: this part of the rate, between these limits, in bits.
_PART, _FINEST, _COARSEST = 0.02, 1e-6, 1e-4
#: Flips less probable than this are tried without, and a channel without its less probable change.
_FEW = 0.01
_STEPS = 40
#: Seconds of a limit, at most half of it, that are kept for the proof of what is found.
_TO_PROVE = 4.0
#: How much wider the tolerances of data are where no attack has them else: 1e-11 for 1e-12.
_WIDER = 10.0


@dataclass(frozen=True, eq=False)
class BestStrategy:
    """The best strategy that a search found, with the proof of its rate.

    That the rate is certified for the strategy is proven, and so is the attack above it. That no other strategy has a
    higher rate is what the search found, and no proof.

    Attributes
    ----------
    rate : the certified Rate, side "lower"
    upper : the Rate of an explicit attack on this strategy and these flips, side "upper"; None: not asked for, or none
        was found. On a face of the quantum set it may be on data with a tolerance of 1e-11
    family, values : the family of the devices, and the value of each axis
    flips : probability with which Alice flips her key bit, or the channel that it passes
    strategy : state and measurements without noise
    behaviour, observed : what the noisy devices do, lost outcomes binned or kept, and what is tested of it
    noise : what they suffer
    estimate : the rate that the search estimated, in bits; nothing is proven of it
    starts, reached : how many starts the search had in all, and how many ended within a hundredth of the best rate
    evaluations : how many rates were estimated
    seed : of the random starts
    critical : of a search for the least noise, where the rate of this strategy ends, from both sides; else None
    nowhere : of such a search, a noise at which no start had a rate above the target; nothing is proven of it
    length : of a search for a finite length, the certified length of this strategy; else None
    """

    rate: Rate
    upper: Rate | None
    family: Family
    values: dict[str, float]
    flips: Preprocessing
    strategy: Strategy
    behaviour: Behaviour
    observed: Observations
    noise: Noise | None
    estimate: float
    starts: int
    reached: int
    evaluations: int
    seed: int
    critical: Threshold | None = None
    nowhere: float | None = None
    length: FiniteLength | None = None

    def __float__(self) -> float:
        return self.rate.value if self.length is None else self.length.length

    @property
    def point(self) -> dict[str, float]:
        """The values with the flips, as ``near`` takes them; flips of a post-processing are searched flips alone."""
        return {**self.values, **numbers_of(self.flips)}

    def __repr__(self) -> str:
        at = "no noise" if self.noise is None else self.noise.name
        rate = f"{self.rate.kind} rate >= {rounded(self.rate.value, 'lower')}"
        above = "" if self.upper is None else f", attack <= {rounded(self.upper.value, 'upper')}"
        numbers = ", ".join(f"{name} {value:.6g}" for name, value in self.values.items())
        word = "channel" if isinstance(self.flips, BinaryChannel) else "flips"
        flips = f", {word} {self.flips:.6g}" if self.flips else ""
        searched = f"{self.reached} of {self.starts} starts reached it, seed {self.seed}"
        if self.length is not None:
            at = f"{at}, {rounded(self.length.length, 'lower')} bits of {self.length.rounds:g} rounds"
        return f"BestStrategy({rate}{above} bits a round at {at};\n  {self.family.name}: {numbers}{flips}; {searched})"


def best_strategy(
    noise: Noise | None,
    family: Family | Sequence[Family] | None = None,
    x: int = 0,
    y: int | None = None,
    options: StrategyOptions | None = None,
    **changes: Unpack[StrategyChanges],
) -> BestStrategy:
    """The devices, and the flips or channel of the key, whose certified rate under a noise is the highest found.

    Searched is the maximum over the parameters v of a family and the probability of a flip, or the two of a channel, of
    ``H(A|X=x,E) - H(A|B,X=x,Y=y)``, or of an entropy alone, where H(A|X=x,E) is the least that the tested data p(v)
    allow. Its slope is that of the best functional, ``m . dp/dv`` (envelope theorem). Many starts climb by L-BFGS with
    estimates; the best end is proven as :func:`sdpbound.key_rate` does it. Lost outcomes are outcome 0 in all tests,
    and Bob's key setting keeps them, as in the curve of arXiv:2106.13692, Fig. 4.

    Parameters
    ----------
    noise : what the devices suffer, such as DetectionInefficiency(0.85), or WhiteNoise(0.95) before it with a plus;
        None: nothing
    family : a family of two parties, or several, that have strategies. None: two qubits in a pure state with real
        measurements, two settings of Alice and three of Bob (for randomness two): "eberhard" and "two_qubit". Axes that
        count keep their defaults
    x, y : key settings; y None: for a key Bob's last setting, for global randomness 0
    options : what is searched for and how, default StrategyOptions()
    changes : single options by their names: rate, tested, tested_settings, keep_no_click, preprocessing,
        postprocessing, starts, seed, near, entropy, tolerance, attack, rounds, protocol

    Returns
    -------
    BestStrategy, its rate of side "lower" in bits a round. With ``rounds`` what is highest is its ``length``, in bits
    and of side "lower": that of :func:`sdpbound.finite_key_length` or :func:`sdpbound.finite_randomness_length`

    Raises
    ------
    InvalidInput, InvalidParameter
        A family without strategies or of other than two parties, a setting that is not there, no-click kept in a
        setting that is tested.
    SolverFailure
        No start has a rate that can be estimated or proven.

    >>> import sdpbound as sb
    >>> best = sb.best_strategy(sb.DetectionInefficiency(0.9), starts=2, preprocessing=0.0, attack=False)
    >>> best.family.name, 0.2066 < best.rate.value < 0.2069
    ('two_qubit', True)
    """
    how = with_changes(options, StrategyOptions(), changes, "best_strategy")
    if noise is not None:
        instance(noise, Noise, "noise", "DetectionInefficiency(0.9)")
    landscapes = landscapes_of(noise, family, (x, y), how)
    with reserved(_TO_PROVE):
        found = found_near(landscapes, how, how.starts)
    return proven(found, noise, how)


@dataclass(frozen=True, eq=False)
class Found:
    """The best end of all climbs: its landscape, and how many of the climbs ended there."""

    landscape: Landscape
    summit: Summit
    starts: int
    reached: int
    evaluations: int


def landscapes_of(
    noise: Noise | None,
    family: Family | Sequence[Family] | None,
    key: tuple[int, int | None],
    how: StrategyOptions,
) -> list[Landscape]:
    """The landscape of each family."""
    is_key, alone = how.rate == "key", how.rate == "local randomness"
    if alone and key[1] is not None:
        raise InvalidInput(
            f"y = {key[1]!r:.60} has no part in local randomness, which is Alice's outcome's; leave it out."
        )
    by = how.postprocessing
    if by is not None:
        require_none(by, (key[0] or None, key[1]))
        key = by.key_pairs[0]
    found = []
    for own in _families(family, how):
        instance(own, Family, "family", "family_named('two_qubit', settings=(2, 3))")
        fixed = {axis.name: float(axis.default or 0.0) for axis in own.axes if axis.whole}
        for axis in own.axes:
            if axis.whole and axis.default is None:
                raise InvalidInput(
                    f"the axis {axis.name} of the family '{own.name}' counts and has no default; give another family."
                )
        landscape = Landscape(own, None, fixed, how.ahead, OneKey(Qubits(), is_key))  # type: ignore[arg-type]
        middle = {a.name: fixed.get(a.name, min(max(0.3, a.low), a.high)) for a in own.axes}
        scenario = landscape.strategy(landscape.point_of(middle, 0.0)).scenario
        y = key[1] if key[1] is not None or alone else scenario.settings[1] - 1 if is_key else 0
        pairs = () if by is None else by.key_pairs
        use = use_of(scenario, noise, (key[0], y), how.tested, how.tested_settings, how.keep_no_click, pairs)
        landscape = replace(landscape, use=use)
        if by is not None:
            found.append(replace(landscape, rater=OfPostProcessing(by)))
            continue
        start = landscape.point_of(middle, 0.1)
        devices = use.behaviour(landscape.strategy(start))
        _require_bit(devices.scenario, key[0], how)
        data = use.observed(devices)
        asked = key[0], None if is_key else y
        estimator = estimator_for(data, asked, landscape.preprocessing_at(start), _programs(how))
        rounds = _rounds(how)
        rater = OneKey(estimator, is_key) if rounds is None else OfLength(estimator, rounds)
        found.append(replace(landscape, rater=rater))
    return found


def _require_bit(scenario: Scenario, x: int, how: StrategyOptions) -> None:
    """Raise where flips, or a channel, are searched and Alice's key is no bit."""
    outcomes = scenario.outcomes[0][x]
    if how.rate == "key" and None in how.ahead and outcomes != 2:
        asked = "best" if how.preprocessing is None else how.preprocessing
        raise InvalidParameter(
            f"preprocessing = {asked!r} is of a key of one bit, and A{x} has {outcomes} outcomes here; bin Alice's "
            "lost outcomes, as binning=True of the noise does, or give preprocessing=0.0."
        )


def _families(family: Family | Sequence[Family] | None, how: StrategyOptions) -> list[Any]:
    """The families asked for, or two of pure qubits with as many settings as the key needs."""
    if family is not None:
        return [family] if isinstance(family, Family | str) or not isinstance(family, Iterable) else list(family)
    if how.postprocessing is None:
        settings = (2, 3) if how.rate == "key" else (2, 2)
        return [Eberhard(settings), TwoQubit(settings)]
    xs, ys = zip(*how.postprocessing.key_pairs, strict=True)
    settings = max(2, *(x + 1 for x in xs)), max(2, *(y + 1 for y in ys))
    return [TwoQubit(settings), Eberhard(settings)]  # a single start is the singlet's, which is not on the face


def _rounds(how: StrategyOptions) -> Rounds | None:
    """The rounds of a finite length, with the protocol's defaults; None where the rate is searched."""
    if how.rounds is None:
        return None
    is_key = how.rate == "key"
    default = FiniteKeyOptions() if is_key else FiniteRandomnessOptions()
    return Rounds(float(how.rounds), default if how.protocol is None else how.protocol, is_key)


def _programs(how: StrategyOptions) -> Entropy:
    return (VonNeumann() if how.entropy is None else named_entropy(how.entropy)).swept()


def found_near(landscapes: Sequence[Landscape], how: StrategyOptions, starts: int) -> Found:
    """The best end of climbs in all landscapes, the starts shared among them."""
    for values in how.near:
        families = [own.family for own in landscapes]
        how.check_near(next((own for own in families if _fits(own, values)), families[0]), values)
    ends: list[tuple[Landscape, Summit]] = []
    count = evaluations = 0
    for i, landscape in enumerate(landscapes):
        number = (starts + len(landscapes) - 1 - i) // len(landscapes)
        near = [values for values in how.near if _fits(landscape.family, values)]
        if not go_on() and any(math.isfinite(end.rate) for _, end in ends):
            break
        with share(1.0 / (len(landscapes) - i)):
            points = starts_of(landscape, near, number, how.seed) if number else []
            found, evaluated = summits(landscape, points)
        ends += [(landscape, end) for end in found]
        count, evaluations = count + len(found), evaluations + evaluated
    landscape, best = max(ends, key=lambda end: end[1].rate)
    if not math.isfinite(best.rate):
        raise SolverFailure(
            f"none of {count} starts has a rate that can be estimated; give points with near, or another family."
        )
    reached = sum(same_rate(end.rate, best.rate) for _, end in ends)
    landscape, best, more = _without_few(landscape, best)
    evaluations += more
    return Found(landscape, best, count, min(reached, count), evaluations)


def _fits(family: Family, values: Mapping[str, float]) -> bool:
    """Whether a point of ``near`` has the axes of the family and no others."""
    names = {axis.name for axis in family.axes}
    needed = {axis.name for axis in family.axes if axis.default is None}
    return needed.issubset(values) and names.union(AHEAD).issuperset(values)


def _without_few(landscape: Landscape, best: Summit) -> tuple[Landscape, Summit, int]:
    """The best end near by without what has a small probability, if it is better, and how many rates were estimated.

    Of flips these are the flips; of a channel its less probable change, or both.
    """
    numbers, evaluations, found = landscape.numbers_at(best.point), 0, (landscape, best)
    few = [p <= _FEW and own is None for p, own in zip(numbers, landscape.ahead, strict=True)]
    least = [small and p == min(numbers) for small, p in zip(few, numbers, strict=True)]
    for gone in (least, few) if least != few else (few,):
        if not any(gone):
            continue
        ahead = tuple(0.0 if out else own for out, own in zip(gone, landscape.ahead, strict=True))
        kept = [p for p, own in zip(numbers, ahead, strict=True) if own is None]
        start = np.array([*best.point[: len(landscape.names)], *kept])
        other = replace(landscape.finer(best.rate), ahead=ahead)
        end = climbed(other, start, _STEPS)
        evaluations += other.evaluations
        if end.rate > found[1].rate:
            found = other, end
    return *found, evaluations


def numbers_of(preprocessing: Preprocessing) -> dict[str, float]:
    """Flips or a channel as a point of ``near`` has them."""
    if isinstance(preprocessing, BinaryChannel):
        return {"p0": preprocessing.p0, "p1": preprocessing.p1}
    return {"flips": preprocessing}


def proven(found: Found, noise: Noise | None, how: StrategyOptions, critical: Threshold | None = None) -> BestStrategy:
    """The strategy of an end with its certified rate, and an attack on it."""
    landscape, point = found.landscape, found.summit.point
    use, flips = landscape.use, landscape.preprocessing_at(point)
    strategy = landscape.strategy(point)
    behaviour = use.behaviour(strategy)
    observed = use.observed(behaviour)
    rate = rate_of(use, behaviour, observed, flips, how, found.summit.rate)
    by = rate.postprocessing
    upper = attack_of(use, behaviour, observed, flips, how, by) if how.attack else None
    rounds = _rounds(how)
    length = None if rounds is None else proven_length(use, behaviour, numbers_of(flips)["flips"], rounds)
    return BestStrategy(
        rate=rate,
        upper=upper,
        family=landscape.family,
        values=landscape.values(point),
        flips=flips,
        strategy=strategy,
        behaviour=behaviour,
        observed=observed,
        noise=noise,
        estimate=found.summit.rate,
        starts=found.starts,
        reached=found.reached,
        evaluations=found.evaluations,
        seed=how.seed,
        critical=critical,
        length=length,
    )


def rate_of(
    use: Use, behaviour: Behaviour, observed: Observations, flips: Preprocessing, how: StrategyOptions, expected: float
) -> Rate:
    """The certified rate of a behaviour."""
    part = min(max(_PART * abs(expected), _FINEST), _COARSEST)
    tolerance = part if how.tolerance is None else float(how.tolerance)
    entropy = VonNeumann(tolerance=tolerance) if how.entropy is None else named_entropy(how.entropy)
    if how.postprocessing is not None:
        by = how.postprocessing.with_flips(float(flips) if not isinstance(flips, BinaryChannel) else 0.0)
        return key_rate(behaviour, observed, entropy=entropy, postprocessing=by)
    if how.rate == "key":
        return key_rate(behaviour, observed, use.x, use.y, entropy, flips, closed_forms=False)
    return randomness_rate(
        behaviour, observed, how.rate == "local randomness", use.x, use.y, entropy, closed_forms=False
    )


def attack_of(
    use: Use,
    behaviour: Behaviour,
    observed: Observations,
    flips: Preprocessing,
    how: StrategyOptions,
    by: PostProcessing | None = None,
) -> Rate | None:
    """The rate that an explicit attack leaves, of a key with the post-processing ``by``; None where none was found.

    On a face of the set a mixture of floats misses the data by a little more than their tolerance; the attack is then
    on data with a wider one.
    """
    found = None
    for wider in (1.0, _WIDER):
        data = replace(observed, tolerances=wider * observed.tolerances)
        try:
            if by is not None:
                found = key_rate_upper_bound(behaviour, data, postprocessing=by)
            elif how.rate == "key":
                found = key_rate_upper_bound(behaviour, data, use.x, use.y, flips)
            else:
                alone = how.rate == "local randomness"
                found = randomness_rate_upper_bound(behaviour, data, alone, use.x, use.y)
        except (Infeasible, SolverFailure):
            continue
        except InvalidInput:  # a repetition code whose blocks are too long for this many strategies
            if by is None:
                raise
            continue
        if found.exact:
            break
    return found
