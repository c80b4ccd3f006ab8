"""Noise as objects: what devices do to a state, to measurements and in detectors.

    white = WhiteNoise(0.99)                              # of the state
    turned = Misalignment(0.01, (0.0, -0.02))             # of the measurements
    lossy = DetectionInefficiency(0.95)                   # of the detectors
    strategy.behaviour(noise=white + turned + lossy)      # in the order in which they happen

A noise changes a :class:`~sdpbound.strategies.Strategy` (:meth:`Noise.apply_to`); those that do not depend on the state
also change a bare :class:`~sdpbound.behaviour.Behaviour` (:meth:`Noise.on_behaviour`), with the same result.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from sdpbound.arguments import instance, real
from sdpbound.behaviour import Behaviour
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.outcome_noise import require_probability
from sdpbound.strategies import Strategy

__all__ = ["Dephasing", "DetectionInefficiency", "Misalignment", "Noise", "NoiseSequence", "WhiteNoise", "noise_from"]

STAGES = ("state", "measurement", "detector")
PAULI = {
    "x": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "z": np.array([[1, 0], [0, -1]], dtype=np.complex128),
}
#: Effects whose traces differ by more than this do not turn the maximally mixed state into uniform outcomes.
TRACE_ROUNDING = 1e-12
EXAMPLE = "WhiteNoise(0.99)"


class Noise(ABC):
    """What devices do to an ideal strategy. Frozen, comparable, composed with ``+`` in the order of happening.

    ``kind`` names it in plain data (:meth:`to_dict`).
    """

    kind: ClassVar[str]
    own_stage: ClassVar[str]
    reads_state: ClassVar[bool]

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is, with its parameters: stable, for tables."""

    @property
    @abstractmethod
    def label(self) -> str:
        """For figures, in mathtext."""

    @property
    def parts(self) -> tuple[Noise, ...]:
        """The noises it is made of, in order."""
        return (self,)

    @property
    def stage(self) -> str:
        """Where it happens, of a sequence the last of it: "state", "measurement" or "detector"."""
        return self.parts[-1].own_stage

    @property
    def needs_strategy(self) -> bool:
        """Whether a bare behaviour says too little for it."""
        return any(part.reads_state for part in self.parts)

    @abstractmethod
    def apply_to(self, strategy: Strategy) -> Strategy:
        """The strategy of the noisy devices."""

    @abstractmethod
    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        """The behaviour of the noisy devices; InvalidInput for a noise that needs the state."""

    def then(self, later: Noise) -> Noise:
        """This noise and then another; also ``noise + later``.

        State, measurement, detector is the order in which noises happen; a state cannot suffer after it was measured.

        Raises
        ------
        InvalidInput
            The later one belongs to an earlier stage.
        """
        return NoiseSequence((*self.parts, *instance(later, Noise, "a noise", EXAMPLE).parts))

    def __add__(self, later: object) -> Noise:
        return self.then(later) if isinstance(later, Noise) else NotImplemented

    def to_dict(self) -> dict[str, Any]:
        """As plain data that TOML and JSON hold; :func:`noise_from` reads it."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {"kind": self.kind, **{k: list(v) if isinstance(v, tuple) else v for k, v in own.items()}}


def _no_state(what: str) -> InvalidInput:
    return InvalidInput(
        f"{what} acts on a state and its measurements, which a behaviour does not name: apply it to a Strategy, as in "
        "strategy.behaviour(noise=...) or SingletSelfTest(...).behaviour(noise=...)."
    )


@dataclass(frozen=True)
class WhiteNoise(Noise):
    """``v rho + (1 - v) 1/D``: with probability 1 - v the state is lost for a maximally mixed one.

    On a behaviour, ``v p + (1 - v) uniform``; the same, for effects of a setting that have equal traces (others are
    refused on a strategy).

    Parameters
    ----------
    visibility : v, in [0, 1]

    >>> from sdpbound.families import SingletSelfTest
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
        return f"white_noise({_number(self.visibility)})"

    @property
    def label(self) -> str:
        return f"$v={_number(self.visibility)}$"

    def apply_to(self, strategy: Strategy) -> Strategy:
        _strategy(strategy)
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
        return _behaviour(behaviour).white_noise(self.visibility)


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
        _axis(self.axis)

    @property
    def name(self) -> str:
        return f"dephasing({_both(self.a, self.b)},{self.axis})"

    @property
    def label(self) -> str:
        return f"${_both_labelled('p', self.a, self.b)}$ ({self.axis} dephasing)"

    def apply_to(self, strategy: Strategy) -> Strategy:
        _qubits(strategy, "dephasing")
        state = strategy.state
        assert self.b is not None
        for p, operator in (
            (self.a, np.kron(PAULI[self.axis], np.eye(2))),
            (self.b, np.kron(np.eye(2), PAULI[self.axis])),
        ):
            state = (1.0 - p) * state + p * operator @ state @ operator
        return replace(strategy, state=state)

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        raise _no_state("dephasing")


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
                value: float | tuple[float, ...] = tuple(_angle(v, name) for v in given)
            else:
                value = _angle(given, name)
            object.__setattr__(self, name, value)
        _axis(self.axis)

    @property
    def name(self) -> str:
        parts = [
            _number(v) if isinstance(v, float) else "[" + ",".join(map(_number, v)) + "]" for v in (self.a, self.b)
        ]
        return f"misalignment({','.join(parts)},{self.axis})"

    @property
    def label(self) -> str:
        parts = [_number(v) if isinstance(v, float) else f"({','.join(map(_number, v))})" for v in (self.a, self.b)]
        about = "" if self.axis == "z" else f" about {self.axis}"
        return rf"$\delta_A={parts[0]},\ \delta_B={parts[1]}${about}"

    def apply_to(self, strategy: Strategy) -> Strategy:
        _qubits(strategy, "misalignment")
        parties = []
        for given, party, who in zip((self.a, self.b), strategy.measurements, ("Alice", "Bob"), strict=True):
            angles = (given,) * len(party) if isinstance(given, float) else given
            if len(angles) != len(party):
                raise InvalidShape(
                    f"a misalignment with {len(angles)} angles of {who} does not fit {len(party)} settings; give one "
                    "for each setting, or one number for all."
                )
            turned = []
            for angle, effects in zip(angles, party, strict=True):
                u = math.cos(angle / 2.0) * np.eye(2) - 1j * math.sin(angle / 2.0) * PAULI[self.axis]
                turned.append(u @ effects @ u.conj().T)
            parties.append(tuple(turned))
        return replace(strategy, measurements=tuple(parties))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        raise _no_state("misalignment")


@dataclass(frozen=True)
class DetectionInefficiency(Noise):
    """Detectors that click with probability eta, independently: ``M_a -> eta M_a``, and ``(1 - eta) 1`` for no click.

    Parameters
    ----------
    eta_a, eta_b : efficiencies in [0, 1]; eta_b None: the same as eta_a
    binning : no click is outcome 0; False: a further, last outcome
    """

    eta_a: float
    eta_b: float | None = None
    binning: bool = True
    kind: ClassVar[str] = "detection_inefficiency"
    own_stage: ClassVar[str] = "detector"
    reads_state: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta_a", require_probability(self.eta_a, "eta_a"))
        given = self.eta_a if self.eta_b is None else self.eta_b
        object.__setattr__(self, "eta_b", require_probability(given, "eta_b"))
        if not isinstance(self.binning, (bool, np.bool_)):
            raise InvalidParameter(
                f"binning = {self.binning!r:.60} must be True (no click is outcome 0) or False (a further outcome)."
            )
        object.__setattr__(self, "binning", bool(self.binning))

    @property
    def efficiencies(self) -> tuple[float, float]:
        """(eta_a, eta_b)."""
        assert self.eta_b is not None
        return self.eta_a, self.eta_b

    @property
    def name(self) -> str:
        return f"detection({_both(*self.efficiencies)},{'binned' if self.binning else 'no_click'})"

    @property
    def label(self) -> str:
        efficiencies = _both_labelled(r"\eta", *self.efficiencies)
        return f"${efficiencies}$" + ("" if self.binning else " (no click kept)")

    def apply_to(self, strategy: Strategy) -> Strategy:
        _strategy(strategy)
        if len(strategy.measurements) != 2:
            raise InvalidShape(f"detection inefficiency has two efficiencies, for two parties, not {strategy!r}.")
        parties = []
        for eta, party in zip(self.efficiencies, strategy.measurements, strict=True):
            lossy = []
            for effects in party:
                lost = (1.0 - eta) * np.eye(effects.shape[-1], dtype=np.complex128)[None]
                clicked = eta * effects
                if self.binning:
                    clicked[0] += lost[0]
                    lossy.append(clicked)
                else:
                    lossy.append(np.concatenate([clicked, lost]))
            parties.append(tuple(lossy))
        return replace(strategy, measurements=tuple(parties))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return _behaviour(behaviour).detection_efficiency(*self.efficiencies, self.binning)


@dataclass(frozen=True)
class NoiseSequence(Noise):
    """Several noises in the order in which they happen: of the state, of the measurements, of the detectors.

    >>> noise = WhiteNoise(0.99) + DetectionInefficiency(0.95)
    >>> noise.name
    'white_noise(0.99)+detection(0.95,0.95,binned)'
    >>> noise_from(noise.to_dict()) == noise
    True
    """

    members: tuple[Noise, ...]
    kind: ClassVar[str] = "sequence"

    def __post_init__(self) -> None:
        if not isinstance(self.members, (tuple, list)) or not self.members:
            raise InvalidInput(f"a sequence of noises must name at least one, not {self.members!r:.60}.")
        flat = tuple(p for member in self.members for p in instance(member, Noise, "a noise", EXAMPLE).parts)
        for first, later in itertools.pairwise(flat):
            if STAGES.index(later.stage) < STAGES.index(first.stage):
                raise InvalidInput(
                    f"{later.name} of the {later.stage} cannot come after {first.name} of the {first.stage}: noises "
                    f"happen in the order state, measurement, detector; write {later.name} first."
                )
        object.__setattr__(self, "members", flat)

    @property
    def parts(self) -> tuple[Noise, ...]:
        return self.members

    @property
    def name(self) -> str:
        return "+".join(part.name for part in self.members)

    @property
    def label(self) -> str:
        return ", ".join(part.label for part in self.members)

    def apply_to(self, strategy: Strategy) -> Strategy:
        return reduce(lambda done, part: part.apply_to(done), self.members, _strategy(strategy))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return reduce(lambda done, part: part.on_behaviour(done), self.members, _behaviour(behaviour))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "members": [part.to_dict() for part in self.members]}


KINDS: dict[str, type[Noise]] = {
    cls.kind: cls for cls in (WhiteNoise, Dephasing, Misalignment, DetectionInefficiency, NoiseSequence)
}


def noise_from(data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Noise:
    """A noise from plain data: a table with its ``kind`` and parameters, or a list of them in order of happening.

    Raises
    ------
    InvalidInput, InvalidParameter

    >>> noise_from({"kind": "white_noise", "visibility": 0.99})
    WhiteNoise(visibility=0.99)
    >>> noise_from([{"kind": "white_noise", "visibility": 0.99}, {"kind": "detection_inefficiency", "eta_a": 0.9}]).name
    'white_noise(0.99)+detection(0.9,0.9,binned)'
    """
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return NoiseSequence(tuple(noise_from(item) for item in data))
    if not isinstance(data, Mapping):
        raise InvalidInput(f"a noise must be a table with a kind, or a list of them, not {data!r:.60}.")
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidInput(f"kind = {kind!r:.60} of a noise must be one of {', '.join(sorted(KINDS))}.")
    given = {str(k): v for k, v in data.items() if k != "kind"}
    cls = KINDS[kind]
    if cls is NoiseSequence:
        given = {k: tuple(noise_from(item) for item in v) if k == "members" else v for k, v in given.items()}
    names = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InvalidInput(f"{kind} has no parameter {unknown[0]!r}; it has {', '.join(names)}.")
    try:
        return cls(**given)
    except TypeError:
        raise InvalidInput(
            f"{kind} needs its parameters: {', '.join(names)}; found {', '.join(given) or 'none'}."
        ) from None


# -- arguments ------------------------------------------------------------------------------------------------------


def _number(value: float) -> str:
    """The shortest decimals that give the float back."""
    return repr(value).removesuffix(".0")


def _both(a: float, b: float | None) -> str:
    assert b is not None
    return f"{_number(a)},{_number(b)}"


def _both_labelled(letter: str, a: float, b: float | None) -> str:
    assert b is not None
    return f"{letter}={_number(a)}" if a == b else rf"{letter}_A={_number(a)},\ {letter}_B={_number(b)}"


def _angle(value: Any, name: str) -> float:
    return real(value, name, "the angle of a misalignment, a finite number of radians")


def _axis(axis: Any) -> None:
    if not isinstance(axis, str) or axis not in PAULI:
        raise InvalidParameter(f"axis = {axis!r:.60} must be 'x', 'y' or 'z'.")


def _strategy(strategy: Any) -> Strategy:
    return instance(strategy, Strategy, "strategy", "SingletSelfTest(...).strategy")


def _behaviour(behaviour: Any) -> Behaviour:
    return instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")


def _qubits(strategy: Any, what: str) -> None:
    if _strategy(strategy).dimensions != (2, 2):
        raise InvalidShape(f"{what} is of two qubits, not of a {strategy!r}.")
