"""Dark counts of detectors: clicks without light, and what two clicks at once are taken for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import PARTIES, Binning, binned_settings, binning_label, binning_name, binning_of
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise, NoiseSequence, require_behaviour, require_strategy
from sdpbound.bell.noise.settings import both_labelled, named, of_settings
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tables import efficiencies_of, local_channels
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape

__all__ = ["DOUBLE", "DarkCounts", "click_channel", "with_losses"]

#: What several clicks at once are: a random one of the outcomes that clicked, or no click.
DOUBLE = ("random", "no_click")
KEEP = "keep the no click as a further outcome: DetectionInefficiency(..., binning=False) + DarkCounts(...)"


@dataclass(frozen=True)
class DarkCounts(Noise):
    """One detector for each outcome, which clicks without light with a probability, independently of all else.

    It acts on outcomes with the no click as the last one of each setting, so it comes after losses that keep it:
    ``DetectionInefficiency(0.9, binning=False) + DarkCounts(1e-5)``, also for an efficiency of 1. The light makes one
    detector click, or none; each of the others clicks with probability p. Then the no click that is left is binned or
    kept. As a channel on the outcomes of a setting this is exact.

    Parameters
    ----------
    a, b : probabilities in [0, 1] of a dark count of each of Alice's and Bob's detectors in a round: one number for
        all settings, or one for each; b None: the same as a
    binning : as of :class:`DetectionInefficiency`: no click is outcome 0, or a further, last outcome
    double : what several clicks are: "random", one of the outcomes that clicked, all equally likely; or "no_click"

    >>> from sdpbound.bell.noise.measurements import DetectionInefficiency
    >>> noise = DetectionInefficiency(0.9, binning=False) + DarkCounts(1e-3)
    >>> noise.name
    'detection(0.9,0.9,no_click)+dark_counts(0.001,0.001,binned,random)'
    >>> click_channel(2, 0.1, "random").round(9)
    array([[0.95 , 0.05 , 0.095],
           [0.05 , 0.95 , 0.095],
           [0.   , 0.   , 0.81 ]])
    """

    a: float | tuple[float, ...]
    b: float | tuple[float, ...] | None = None
    binning: Binning = True
    double: str = "random"
    kind: ClassVar[str] = "dark_counts"
    last: ClassVar[bool] = True
    own_stage: ClassVar[str] = "detector"
    reads_state: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", efficiencies_of(self.a, "a", "a probability"))
        given = self.a if self.b is None else self.b
        object.__setattr__(self, "b", efficiencies_of(given, "b", "a probability"))
        object.__setattr__(self, "binning", binning_of(self.binning))
        if self.double not in DOUBLE:
            raise InvalidParameter(f"double = {self.double!r:.60} must be one of {', '.join(map(repr, DOUBLE))}.")

    @property
    def probabilities(self) -> tuple[float | tuple[float, ...], float | tuple[float, ...]]:
        """(a, b), each a number or one for each setting."""
        assert self.b is not None
        return self.a, self.b

    @property
    def name(self) -> str:
        a, b = map(named, self.probabilities)
        return f"dark_counts({a},{b},{binning_name(self.binning)},{self.double})"

    @property
    def label(self) -> str:
        return f"${both_labelled('d', *self.probabilities)}$" + binning_label(self.binning)

    def require_after(self, earlier: tuple[Noise, ...]) -> None:
        losses = [part for part in earlier if part.no_clicks is not None]
        if not losses or losses[-1].no_clicks is not False:
            found = losses[-1].name if losses else "nothing that loses light"
            raise InvalidInput(f"dark counts turn no clicks into clicks, and come after {found}; {KEEP}.")

    def channels(self, outcomes: tuple[tuple[int, ...], ...]) -> tuple[tuple[NDArray[np.float64], ...], ...]:
        """The stochastic matrix (new outcomes, old outcomes) of each setting of each party."""
        if len(outcomes) != len(PARTIES):
            raise InvalidShape(f"dark counts are of two parties, not of {len(outcomes)}.")
        found = []
        for party, (given, counts) in enumerate(zip(self.probabilities, outcomes, strict=True)):
            darks = of_settings(given, len(counts), "probabilities", PARTIES[party])
            binned = binned_settings(self.binning, party, len(counts))
            own = []
            for count, dark, into_first in zip(counts, darks, binned, strict=True):
                if count < 3:
                    raise InvalidShape(
                        f"dark counts need two outcomes and the no click at least, and a setting of {PARTIES[party]} "
                        f"has {count}; {KEEP}."
                    )
                matrix = click_channel(count - 1, dark, self.double)
                if into_first:
                    matrix[0] += matrix[-1]
                    matrix = matrix[:-1]
                own.append(matrix)
            found.append(tuple(own))
        return tuple(found)

    def apply_to(self, strategy: Strategy) -> Strategy:
        channels = self.channels(require_strategy(strategy).scenario.outcomes)
        parties = tuple(
            tuple(np.tensordot(matrix, effects, axes=(1, 0)) for matrix, effects in zip(own, party, strict=True))
            for own, party in zip(channels, strategy.measurements, strict=True)
        )
        return replace(strategy, measurements=parties)

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        channels = self.channels(require_behaviour(behaviour).scenario.outcomes)
        p = behaviour.p
        for party, own in enumerate(channels):
            p = local_channels(p, party, own)
        return Behaviour(p, Scenario(tuple(tuple(len(matrix) for matrix in own) for own in channels)))


def click_channel(detectors: int, dark: float, double: str) -> NDArray[np.float64]:
    """The channel (D + 1, D + 1) from the detector that the light makes click to the outcome; the last is no click.

    With m of the other detectors dark, the lit one is the outcome with probability 1 / (1 + m) if ``double`` is
    "random", and if m = 0 if it is "no_click"; the others share the rest.

    Parameters
    ----------
    detectors : their number D, one for each outcome
    dark : probability with which one clicks without light
    double : as of :class:`DarkCounts`
    """
    others = detectors - 1
    silent = (1.0 - dark) ** others
    matrix = np.zeros((detectors + 1, detectors + 1))
    if double == "random":
        mine = sum(math.comb(others, m) * dark**m * (1.0 - dark) ** (others - m) / (1.0 + m) for m in range(others + 1))
        matrix[:-1, :-1] = (1.0 - mine) / others * (1.0 - np.eye(detectors)) + mine * np.eye(detectors)
        matrix[-1, -1] = silent * (1.0 - dark)
        matrix[:-1, -1] = (1.0 - matrix[-1, -1]) / detectors
    else:
        matrix[:-1, :-1] = silent * np.eye(detectors)
        matrix[-1, :-1] = 1.0 - silent
        matrix[:-1, -1] = dark * silent
        matrix[-1, -1] = 1.0 - detectors * dark * silent
    return matrix


def with_losses(noise: Noise | None, lossy: DetectionInefficiency) -> Noise:
    """A noise with further losses of detectors: last, or before the dark counts of these detectors.

    With dark counts efficiencies that the noise has are multiplied, and the binning is that of the dark counts.
    """
    if noise is None:
        return lossy
    dark = next((i for i, part in enumerate(noise.parts) if isinstance(part, DarkCounts)), None)
    if dark is None:
        return noise + lossy
    a, b = lossy.efficiencies
    for own in noise.parts[:dark]:
        if isinstance(own, DetectionInefficiency):
            a, b = (_product(*both) for both in zip((a, b), own.efficiencies, strict=True))
    before = (part for part in noise.parts[:dark] if not isinstance(part, DetectionInefficiency))
    return NoiseSequence((*before, DetectionInefficiency(a, b, binning=False), *noise.parts[dark:]))


def _product(one: float | tuple[float, ...], more: float | tuple[float, ...]) -> float | tuple[float, ...]:
    """Of efficiencies, each a number or one for each setting."""
    if not isinstance(one, tuple):
        return one * more if not isinstance(more, tuple) else tuple(one * own for own in more)
    return tuple(own * (more[i] if isinstance(more, tuple) else more) for i, own in enumerate(one))
