"""What a strategy is used for: the outcomes that make the rate, what is tested, and what becomes of lost outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput, InvalidShape

__all__ = ["Tested", "Use", "use_of"]

Tested: TypeAlias = str | BellExpression


@dataclass(frozen=True, eq=False)
class Use:
    """What happens to the outcomes of devices of two parties.

    Attributes
    ----------
    scenario : of the ideal devices
    x, y : settings whose outcomes make the rate; y None: Alice's outcome alone
    pairs : of a post-processing, all settings that make key, x and y first
    tested_settings : Bob's settings that are tested; all of Alice's are
    tested : "full", "correlators", or an expression of the settings tested
    noise : what the devices suffer; None: nothing
    keeps_no_click : whether a lost outcome of Bob's key settings is an outcome of its own there
    """

    scenario: Scenario
    x: int
    y: int | None
    tested_settings: tuple[int, ...]
    tested: Tested
    noise: Noise | None
    keeps_no_click: bool
    pairs: tuple[tuple[int, int], ...] = ()

    def behaviour(self, ideal: Strategy) -> Behaviour:
        """What noisy devices of this ideal strategy do; lost outcomes are outcome 0 or kept."""
        binned = noisy(ideal, self.noise)
        if not self.keeps_no_click:
            return binned
        assert self.noise is not None and self.y is not None
        ys = list(dict.fromkeys([self.y, *(y for _, y in self.pairs)]))
        kept = noisy(ideal, unbinned(self.noise)).p[:, :, :, ys].copy()
        kept[0] += kept[-1]  # of Alice a lost outcome is outcome 0
        p = np.zeros((binned.p.shape[0], max(binned.p.shape[1], kept.shape[1]), *binned.p.shape[2:]))
        p[:, : binned.p.shape[1]] = binned.p
        p[:, :, :, ys] = 0.0
        p[:, : kept.shape[1], :, ys] = kept[:-1]
        alice, bob = self.scenario.outcomes
        bob = tuple(d + (y in ys) for y, d in enumerate(bob))
        return Behaviour(p, Scenario((alice, bob)))

    def observed(self, behaviour: Behaviour) -> Observations:
        """What is tested of a behaviour that :meth:`behaviour` gave."""
        table = self.coefficients(behaviour.scenario)
        values = np.tensordot(table, behaviour.moments, axes=2)
        kind = self.tested if isinstance(self.tested, str) else "bell"
        return Observations(behaviour.scenario, table, values, np.full(len(values), 1e-12), kind)

    def coefficients(self, scenario: Scenario) -> Floats:
        """The tested expressions (J, *shape) in the moment coordinates of the noisy devices."""
        places = [
            [0, *(1 + i for i, letter in enumerate(letters) if letter.setting in settings)]
            for letters, settings in zip(
                scenario.letters, (range(scenario.settings[0]), self.tested_settings), strict=True
            )
        ]
        shape = len(places[0]), len(places[1])
        if isinstance(self.tested, BellExpression):
            if self.tested.coefficients.shape != shape:
                raise InvalidShape(
                    f"the tested expression is of {self.tested.scenario}, and settings {list(self.tested_settings)} of "
                    f"Bob are tested, with coordinates of shape {shape}; give an expression of these settings alone."
                )
            small = self.tested.coefficients[None]
        else:
            small = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
            mask = np.ones(shape, dtype=bool)
            if self.tested == "correlators":
                mask[0], mask[:, 0] = False, False
            mask[0, 0] = False
            small = small[mask.reshape(-1)]
        table = np.zeros((len(small), *scenario.shape))
        table[np.ix_(range(len(small)), *places)] = small
        return table


def use_of(
    scenario: Scenario,
    noise: Noise | None,
    key: tuple[int, int | None],
    tested: Tested,
    tested_settings: tuple[int, ...] | None,
    keep_no_click: bool | None,
    pairs: Sequence[tuple[int, int]] = (),
) -> Use:
    """The use of devices of a scenario, checked; what is None is chosen as :func:`sdpbound.best_strategy` says.

    ``pairs`` are the settings that make key with a post-processing, the first one ``key``.
    """
    if scenario.parties != 2:
        raise InvalidShape(f"best_strategy is about two parties, not {scenario}; give a family of two parties.")
    x, y = scenario.require_setting(0, key[0], "x"), key[1]
    if y is not None:
        y = scenario.require_setting(1, y, "y")
    for own_x, own_y in pairs:
        scenario.require_setting(0, own_x, "x of a key")
        scenario.require_setting(1, own_y, "y of a key")
    ys = () if y is None else tuple(dict.fromkeys([y, *(own_y for _, own_y in pairs)]))
    if not isinstance(tested, BellExpression) and tested not in ("full", "correlators"):
        raise InvalidInput(f"tested = {tested!r:.60} must be 'full', 'correlators' or a BellExpression.")
    if tested_settings is None:
        bobs = range(scenario.settings[1])
        own = tuple(s for s in bobs if s not in ys)
        own = own if len(own) > 1 else tuple(bobs)
    else:
        own = tuple(scenario.require_setting(1, s, "tested_settings") for s in tested_settings)
        if not own or len(set(own)) != len(own):
            raise InvalidInput(f"tested_settings = {tested_settings!r:.60} must name a setting of Bob, each once.")
    binned = noise is not None and any(isinstance(n, DetectionInefficiency) and n.binning for n in noise.parts)
    can = binned and y is not None and not set(ys) & set(own)
    if keep_no_click and not can:
        raise InvalidInput(
            "keep_no_click needs lossy detectors with binning, and a key setting of Bob that is not tested: leave it "
            "out, or take a family with three settings of Bob, family_named('two_qubit', settings=(2, 3)), and y = 2."
        )
    keeps = can if keep_no_click is None else bool(keep_no_click)
    return Use(scenario, x, y, tuple(sorted(own)), tested, noise, keeps, tuple(pairs))


def noisy(ideal: Strategy, noise: Noise | None) -> Behaviour:
    """The behaviour of a strategy with noise; what does not touch the state acts on the behaviour, which is faster."""
    if noise is None or noise.needs_strategy:
        return ideal.behaviour(noise)
    return noise.on_behaviour(ideal.behaviour())


def unbinned(noise: Noise) -> Noise:
    """The same noise with lost outcomes as outcomes of their own."""
    parts = [replace(n, binning=False) if isinstance(n, DetectionInefficiency) else n for n in noise.parts]
    return reduce(lambda first, then: first + then, parts)
