"""Noise of measurements and detectors: misalignment and lost outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import PARTIES, Binning, binned_settings, binning_label, binning_name, binning_of
from sdpbound.bell.noise.noise import Noise, require_behaviour, require_strategy
from sdpbound.bell.noise.qubits import PAULI, angle_of, axis_of, no_state, require_qubits
from sdpbound.bell.noise.settings import both_labelled, labelled, named, of_settings
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tables import efficiencies_of
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["DetectionInefficiency", "Misalignment"]


@dataclass(frozen=True)
class Misalignment(Noise):
    """Measurements of qubits turned about an axis of the Bloch sphere, ``M -> U M U*``, ``U = exp(-i angle S/2)``.

    About "z", the default, ``cos(t) X + sin(t) Y`` becomes the same with t + angle: in the singlet family the angle is
    added to that of the setting (0, theta for Alice, phi, omega for Bob).

    Parameters
    ----------
    a, b : angle in radians of Alice's and Bob's measurements: one number for all settings, or one for each setting
    axis : "x", "y" or "z": the Pauli matrix S
    """

    a: float | tuple[float, ...]
    b: float | tuple[float, ...]
    axis: str = "z"
    kind: ClassVar[str] = "misalignment"
    own_stage: ClassVar[str] = "measurement"
    reads_state: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            given = getattr(self, name)
            if isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str):
                if len(given) == 0:
                    raise InvalidParameter(f"{name} of a misalignment needs an angle, or one for each setting.")
                value: float | tuple[float, ...] = tuple(angle_of(v, name) for v in given)
            else:
                value = angle_of(given, name)
            object.__setattr__(self, name, value)
        axis_of(self.axis)

    @property
    def name(self) -> str:
        return f"misalignment({named(self.a)},{named(self.b)},{self.axis})"

    @property
    def label(self) -> str:
        about = "" if self.axis == "z" else f" about {self.axis}"
        return rf"$\delta_A={labelled(self.a)},\ \delta_B={labelled(self.b)}${about}"

    def apply_to(self, strategy: Strategy) -> Strategy:
        require_qubits(strategy, "misalignment")
        parties = []
        for given, party, who in zip((self.a, self.b), strategy.measurements, ("Alice", "Bob"), strict=True):
            turned = []
            for angle, effects in zip(of_settings(given, len(party), "angles", who), party, strict=True):
                u = math.cos(angle / 2.0) * np.eye(2) - 1j * math.sin(angle / 2.0) * PAULI[self.axis]
                turned.append(u @ effects @ u.conj().T)
            parties.append(tuple(turned))
        return replace(strategy, measurements=tuple(parties))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        raise no_state("misalignment")


@dataclass(frozen=True)
class DetectionInefficiency(Noise):
    """Detectors that click with probability eta, independently: ``M_a -> eta M_a``, and ``(1 - eta) 1`` for no click.

    Parameters
    ----------
    eta_a, eta_b : efficiencies in [0, 1] of Alice's and Bob's detectors: one number for all settings, or one for each
        setting; eta_b None: the same as eta_a
    binning : no click is outcome 0; False: a further, last outcome. One choice for all, or one for each party; a
        party's may be a list with one for each setting: ``(True, (True, True, False))`` keeps the no click of Bob's
        third setting alone, as key distribution does (bin in the tests, keep it where the key is made)

    >>> noise = DetectionInefficiency(0.9, binning=(True, (True, True, False)))
    >>> noise.name
    'detection(0.9,0.9,[binned,[binned,binned,no_click]])'
    """

    eta_a: float | tuple[float, ...]
    eta_b: float | tuple[float, ...] | None = None
    binning: Binning = True
    kind: ClassVar[str] = "detection_inefficiency"
    own_stage: ClassVar[str] = "detector"
    reads_state: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta_a", efficiencies_of(self.eta_a, "eta_a"))
        given = self.eta_a if self.eta_b is None else self.eta_b
        object.__setattr__(self, "eta_b", efficiencies_of(given, "eta_b"))
        object.__setattr__(self, "binning", binning_of(self.binning))

    @property
    def no_clicks(self) -> Binning | None:
        return self.binning

    @property
    def efficiencies(self) -> tuple[float | tuple[float, ...], float | tuple[float, ...]]:
        """(eta_a, eta_b), each a number or one for each setting."""
        assert self.eta_b is not None
        return self.eta_a, self.eta_b

    @property
    def name(self) -> str:
        a, b = map(named, self.efficiencies)
        return f"detection({a},{b},{binning_name(self.binning)})"

    @property
    def label(self) -> str:
        efficiencies = both_labelled(r"\eta", *self.efficiencies)
        return f"${efficiencies}$" + binning_label(self.binning)

    def apply_to(self, strategy: Strategy) -> Strategy:
        require_strategy(strategy)
        if len(strategy.measurements) != 2:
            raise InvalidShape(f"detection inefficiency has two efficiencies, for two parties, not {strategy!r}.")
        parties = []
        for i, (given, party) in enumerate(zip(self.efficiencies, strategy.measurements, strict=True)):
            lossy = []
            etas = of_settings(given, len(party), "efficiencies", PARTIES[i])
            for eta, effects, binned in zip(etas, party, binned_settings(self.binning, i, len(party)), strict=True):
                lost = (1.0 - eta) * np.eye(effects.shape[-1], dtype=np.complex128)[None]
                clicked = eta * effects
                if binned:
                    clicked[0] += lost[0]
                    lossy.append(clicked)
                else:
                    lossy.append(np.concatenate([clicked, lost]))
            parties.append(tuple(lossy))
        return replace(strategy, measurements=tuple(parties))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return require_behaviour(behaviour).detection_efficiency(*self.efficiencies, self.binning)
