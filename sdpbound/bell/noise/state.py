"""Noise of the state: white noise and dephasing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.noise.noise import Noise, noise_number, require_behaviour, require_strategy
from sdpbound.bell.noise.qubits import PAULI, axis_of, no_state, require_qubits
from sdpbound.bell.noise.settings import both_labelled, named
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tables import require_probability
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["TRACE_ROUNDING", "Dephasing", "WhiteNoise"]

#: Effects whose traces differ by more than this do not turn the maximally mixed state into uniform outcomes.
TRACE_ROUNDING = 1e-12


@dataclass(frozen=True)
class WhiteNoise(Noise):
    """``v rho + (1 - v) 1/D``: with probability 1 - v the state is lost for a maximally mixed one.

    On a behaviour, ``v p + (1 - v) uniform``; the same, for effects of a setting that have equal traces (others are
    refused on a strategy).

    Parameters
    ----------
    visibility : v, in [0, 1]

    >>> from sdpbound.bell.families import SingletSelfTest
    >>> t = SingletSelfTest(1.0, 1.5, 2.6)
    >>> bool(np.allclose(t.behaviour(noise=WhiteNoise(0.9)).p, t.behaviour(0.9).p))
    True
    """

    visibility: float
    kind: ClassVar[str] = "white_noise"
    own_stage: ClassVar[str] = "state"
    reads_state: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "visibility", require_probability(self.visibility, "visibility"))

    @property
    def name(self) -> str:
        return f"white_noise({noise_number(self.visibility)})"

    @property
    def label(self) -> str:
        return f"$v={noise_number(self.visibility)}$"

    def apply_to(self, strategy: Strategy) -> Strategy:
        require_strategy(strategy)
        traces = [np.trace(effects, axis1=1, axis2=2).real for party in strategy.measurements for effects in party]
        spread = max(float(np.ptp(t)) for t in traces)
        if spread > TRACE_ROUNDING * len(strategy.state):
            raise InvalidInput(
                f"white noise on a state gives uniform outcomes only where the effects of a setting have equal traces; "
                f"here they differ by {spread:.3g}; use WhiteNoise(...).on_behaviour(strategy.behaviour()) to mix with "
                "uniform outcomes instead."
            )
        v, d = self.visibility, len(strategy.state)
        return replace(strategy, state=v * strategy.state + (1.0 - v) / d * np.eye(d))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return require_behaviour(behaviour).white_noise(self.visibility)


@dataclass(frozen=True)
class Dephasing(Noise):
    """Local dephasing of two qubits: each suffers ``rho -> (1 - p) rho + p S rho S`` with a Pauli matrix S.

    In the singlet family (:attr:`SingletSelfTest.strategy`) all measurements lie in the X-Y plane. Axis "z", the
    default, is perpendicular to it: every correlator shrinks by ``(1 - 2a)(1 - 2b)``, which is white noise as far as
    the devices tell. Axis "x" is that of A0, and of Bob's measurement at angle 0: what lies along it stays, what is
    perpendicular shrinks. So axes in the plane are the noise that distinguishes settings.

    Parameters
    ----------
    a, b : probabilities p of a phase flip of Alice's and Bob's qubit, in [0, 1/2]; 1/2 is complete dephasing. b None:
        the same as a
    axis : "x", "y" or "z": the Pauli matrix S, whose eigenstates are not changed. For another axis on each side
        compose two, ``Dephasing(a, 0.0, "x") + Dephasing(0.0, b, "y")``

    >>> import sdpbound as sb
    >>> t = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6)
    >>> round(float(t.expression(t.behaviour(noise=sb.Dephasing(0.1))) / t.expression(t.behaviour())), 12)
    0.64
    """

    a: float
    b: float | None = None
    axis: str = "z"
    kind: ClassVar[str] = "dephasing"
    own_stage: ClassVar[str] = "state"
    reads_state: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            given = self.a if name == "b" and self.b is None else getattr(self, name)
            value = require_probability(given, f"{name} of dephasing")
            if value > 0.5:
                raise InvalidParameter(
                    f"{name} = {value} of dephasing must be the probability of a phase flip, from 0 to 1/2 (complete "
                    "dephasing)."
                )
            object.__setattr__(self, name, value)
        axis_of(self.axis)

    @property
    def probabilities(self) -> tuple[float, float]:
        """(a, b)."""
        assert self.b is not None
        return self.a, self.b

    @property
    def name(self) -> str:
        return f"dephasing({','.join(map(named, self.probabilities))},{self.axis})"

    @property
    def label(self) -> str:
        return f"${both_labelled('p', *self.probabilities)}$ ({self.axis} dephasing)"

    def apply_to(self, strategy: Strategy) -> Strategy:
        require_qubits(strategy, "dephasing")
        state = strategy.state
        a, b = self.probabilities
        for p, operator in (
            (a, np.kron(PAULI[self.axis], np.eye(2))),
            (b, np.kron(np.eye(2), PAULI[self.axis])),
        ):
            state = (1.0 - p) * state + p * operator @ state @ operator
        return replace(strategy, state=state)

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        raise no_state("dephasing")
