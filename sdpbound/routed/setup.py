"""Routed Bell tests: what the near and the far device of Bob answer, and two protocols by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidBehaviour, InvalidInput, InvalidParameter, InvalidShape
from sdpbound.rates.tested import observations_of

__all__ = ["PROTOCOLS", "RoutedTest", "devices_of", "protocol"]

#: How far apart Alice's outcomes may be in the two behaviours.
APART = 2e-9
#: What is tested of a behaviour: a name such as "full", an expression, or values.
Tested = Observations | BellExpression | str


@dataclass(frozen=True, eq=False)
class RoutedTest:
    """A routed Bell test: Bob's system goes to a near device or to a far one, as a switch says (arXiv:2310.07484).

    Alice's device is the same in both cases, and knows nothing of the switch. Eve may attack the way to the far device
    after the switch, and knows that it was taken.

    Parameters
    ----------
    near : p(a n|x y), of Alice and the near device
    far : p(a f|x z), of Alice and the far device; no click may be an outcome of its own
    near_tested, far_tested : what is tested of each: "full", "correlators", a BellExpression or Observations, as in
        :func:`sdpbound.key_rate`; "full without B2" leaves the third setting of that device to the key

    Raises
    ------
    InvalidInput
        If a device is missing.
    InvalidShape, InvalidBehaviour
        If Alice's outcomes are not the same in both.

    >>> from sdpbound.routed import protocol
    >>> test = protocol("bb84")
    >>> round(test.near.chsh, 6), test.far.scenario.outcomes
    (2.828427, ((2, 2), (2, 2)))
    """

    near: Behaviour
    far: Behaviour
    near_tested: Tested = "full"
    far_tested: Tested = "full"

    def __post_init__(self) -> None:
        for name in ("near", "far"):
            if getattr(self, name) is None:
                raise InvalidInput(
                    f"a routed test needs a {name} device: {name} = None; give its behaviour p[a, b, x, y], or bound "
                    "the rates of one device of Bob with key_rate."
                )
            own = instance(getattr(self, name), Behaviour, name, "a Behaviour p[a, b, x, y]")
            if own.scenario.parties != 2:
                raise InvalidShape(f"{name} must be a behaviour of Alice and one device of Bob, not {own.scenario}.")
        mine, other = self.near.scenario.outcomes[0], self.far.scenario.outcomes[0]
        if mine != other:
            raise InvalidShape(
                f"Alice has outcomes {mine} with the near device and {other} with the far one; her device is one, so "
                "that losses and binning on her side must be the same in both."
            )
        apart = float(np.abs(self.near.moments[:, 0] - self.far.moments[:, 0]).max())
        if apart > APART:
            raise InvalidBehaviour(
                f"Alice's outcomes have probabilities that differ by {apart:.3g} between the near and the far device "
                f"(allowed {APART:g}); her device does not know which way Bob's system goes."
            )
        _ = self.data

    @cached_property
    def data(self) -> tuple[Observations, Observations]:
        """The tested data, of the near device and of the far one, without settings of these that are not tested."""
        near = observations_of(self.near, self.near_tested)
        return near.drop_untested(), observations_of(self.far, self.far_tested).drop_untested()

    def __repr__(self) -> str:
        near, far = (
            f"{len(data)} values of {len(data.scenario.outcomes[1])} settings {data.scenario.outcomes[1]}"
            for data in self.data
        )
        return f"RoutedTest(Alice {self.near.scenario.outcomes[0]}; near: {near}; far: {far})"


def devices_of(test: RoutedTest) -> dict[str, Any]:
    """What a certificate says of the near and of the far device: outcomes, and the tests with their data."""
    return {
        name: {
            "outcomes": [list(party) for party in data.scenario.outcomes],
            "observed": [
                {"coefficients": c.tolist(), "value": float(v), "tolerance": float(t)}
                for c, v, t in zip(data.coefficients, data.values, data.tolerances, strict=True)
            ],
        }
        for name, data in zip(("near", "far"), test.data, strict=True)
    }


_Z, _X = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
_SUM, _DIFFERENCE = (_Z + _X) / 2**0.5, (_Z - _X) / 2**0.5
_PAIR = np.array([1.0, 0.0, 0.0, 1.0]) / 2**0.5
#: The far device's observables, by the protocol's name. Alice has Z and X, the near device (Z + X)/sqrt 2 and
#: (Z - X)/sqrt 2; the pair is (|00> + |11>)/sqrt 2. The key is of Alice's Z.
PROTOCOLS = {"bb84": (_Z, _X), "chsh": (_SUM, _DIFFERENCE, _Z)}


def protocol(name: str = "bb84", near: Noise | None = None, far: Noise | None = None) -> RoutedTest:
    """The test of a protocol of arXiv:2404.01202, with noise of the devices.

    Alice measures Z (x = 0) and X (x = 1) of a maximally entangled pair of qubits, the near device (Z + X)/sqrt 2 and
    (Z - X)/sqrt 2. The far device measures Z and X ("bb84"; key of x = 0, z = 0), or the near one's two and Z ("chsh";
    key of x = 0, z = 2). The full statistics are tested; of "chsh" those of the far device's first two settings.

    Parameters
    ----------
    name : "bb84" or "chsh"
    near, far : noise of the rounds of either device. Of :class:`sdpbound.DetectionInefficiency` the first efficiency is
        Alice's, which must be the same in both, the second that of the near or the far device

    Raises
    ------
    InvalidParameter
        There is no protocol of that name.

    >>> import sdpbound as sb
    >>> losses = sb.DetectionInefficiency(1.0, 0.6, binning=(True, False))
    >>> protocol("bb84", far=losses).far.scenario.outcomes[1]
    (3, 3)
    """
    if name not in PROTOCOLS:
        raise InvalidParameter(f"name = {name!r:.60} of a routed protocol must be one of {', '.join(PROTOCOLS)}.")
    ways = []
    for observables, noise, which in (((_SUM, _DIFFERENCE), near, "near"), (PROTOCOLS[name], far, "far")):
        strategy = Strategy.from_observables(_PAIR, (_Z, _X), observables)
        ways.append(strategy.behaviour(None if noise is None else instance(noise, Noise, which, "WhiteNoise(0.99)")))
    return RoutedTest(ways[0], ways[1], far_tested="full without B2" if name == "chsh" else "full")
