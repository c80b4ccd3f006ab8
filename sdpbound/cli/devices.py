"""The devices that a command is about: a member of a family or the user's own data, the noise, and what is tested.

Each command takes the same options, :class:`MemberOptions` or :class:`DeviceOptions`, and reads them into
:class:`Devices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.groups import Options
from sdpbound.cli.members import assignments, named_member, singlet_member
from sdpbound.cli.output import DIGITS
from sdpbound.cli.texts import angle, choice, choices, number, of_parties
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
    from sdpbound.bell.families.family import Family, Member

__all__ = ["DeviceOptions", "Devices", "MemberOptions"]

OBSERVED = ("bell", "correlators", "full")
AXES = ("x", "y", "z")
#: Headings of groups of options in a command's help.
DEVICES, NOISE = "Devices", "Noise of the devices"


# -- what is typed --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberOptions(Options):
    """The options that choose the devices.

    The devices are a member of a family at values of its axes, a member of the singlet family at three angles, which
    have options of their own, or the user's own data.
    """

    theta: Annotated[
        str | None,
        typer.Option(
            help="Of the singlet family, angle of A1 in radians, such as 0.8, pi/3 or -pi/2+0.02.",
            metavar="ANGLE",
            rich_help_panel=DEVICES,
        ),
    ] = None
    phi: Annotated[
        str | None, typer.Option(help="Angle of B0, likewise.", metavar="ANGLE", rich_help_panel=DEVICES)
    ] = None
    omega: Annotated[
        str | None, typer.Option(help="Angle of B1, likewise.", metavar="ANGLE", rich_help_panel=DEVICES)
    ] = None
    family: Annotated[
        str | None,
        typer.Option(
            help="Another family, by its name; 'sdpbound families' lists them.", metavar="NAME", rich_help_panel=DEVICES
        ),
    ] = None
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            help="Its member: a value of an axis; may be repeated, or separated by commas.",
            metavar="AXIS=VALUE",
            rich_help_panel=DEVICES,
        ),
    ] = None
    behaviour: Annotated[
        Path | None,
        typer.Option(
            help="Own data instead: p(ab|xy) in a CSV or Parquet file; --at row=NAME if it has several.",
            metavar="FILE",
            rich_help_panel=DEVICES,
        ),
    ] = None

    def member(self) -> tuple[Family, Member]:
        """Return the family and its member."""
        angles = {"theta": self.theta, "phi": self.phi, "omega": self.omega}
        if self.behaviour is None and self.family is None:
            return singlet_member(angles, self.at)
        for name, text in angles.items():
            if text is not None and self.family != "singlet":
                what = f"--behaviour {self.behaviour}" if self.family is None else f"--family {self.family}"
                raise InvalidInput(
                    f"--{name} is of the singlet family, and {what} is not: give --at AXIS=VALUE instead."
                )
        if self.behaviour is not None and self.family is not None:
            raise InvalidInput(
                f"--family {self.family} and --behaviour {self.behaviour} are two kinds of devices: leave one out."
            )
        own = [f"{name}={text}" for name, text in angles.items() if text is not None]
        return named_member(self.family, self.behaviour, [*(self.at or ()), *own])


@dataclass(frozen=True, slots=True)
class DeviceOptions(MemberOptions):
    """The options for the devices, their noise, and what is tested of them."""

    observed: Annotated[
        str | None,
        typer.Option(
            help="What is tested: bell, correlators or full; 'full without B2' leaves a setting to the key. Default: "
            "correlators; full if outcomes are not two.",
            metavar="DATA",
            rich_help_panel=DEVICES,
        ),
    ] = None
    visibility: Annotated[
        str,
        typer.Option(help="Weight of the ideal behaviour in white noise, 0 to 1.", metavar="V", rich_help_panel=NOISE),
    ] = "1"
    efficiency: Annotated[
        str,
        typer.Option(
            help="Of all detectors, 0 to 1; no click is outcome 0. Two with a comma: Alice's and Bob's; with colons, "
            "one for each setting: 0.9:0.95,0.97.",
            metavar="ETA",
            rich_help_panel=NOISE,
        ),
    ] = "1"
    dephasing: Annotated[
        str,
        typer.Option(
            help="Probability of a phase flip of each qubit. Two with a comma: Alice's and Bob's.",
            metavar="P",
            rich_help_panel=NOISE,
        ),
    ] = "0"
    axis: Annotated[
        str,
        typer.Option(
            help="Axis of dephasing: x, y, or z across the plane of measurements.",
            metavar="AXIS",
            rich_help_panel=NOISE,
        ),
    ] = "z"
    misalignment: Annotated[
        str,
        typer.Option(
            help="Angle in radians by which Alice's measurements turn; with a comma, Bob's too; with colons, one for "
            "each setting: 0.01:0.02,0.",
            metavar="ANGLE",
            rich_help_panel=NOISE,
        ),
    ] = "0"
    noise: Annotated[
        list[str] | None,
        typer.Option(
            "--noise",
            help="Any noise by its kind, such as dephasing:a=0.01,axis=x; may be repeated. Choices of Alice and Bob "
            "have a slash between: detection_inefficiency:eta_a=0.9,binning=true/true:true:false.",
            metavar="KIND:NAME=VALUE,...",
            rich_help_panel=NOISE,
        ),
    ] = None

    def devices(self) -> Devices:
        """Return the devices as objects of the library."""
        family, member = self.member()
        visibility, others = number(self.visibility, "visibility"), self._others()
        observed = self.observed
        if observed is None:
            binary = all(number == 2 for party in member.scenario.outcomes for number in party)
            observed = "correlators" if binary else "full"
        from sdpbound.bell.tested import left_out  # not at the top: help is shown without numpy

        if left_out(observed) is None:
            choice(observed, OBSERVED, "--observed")
        return Devices(family, member, visibility, others, observed)

    def _others(self) -> sb.Noise | None:
        """Return the noise besides white noise, in the order in which it happens; None if there is none."""
        from sdpbound.bell.noise.noise import STAGES

        flip, turn = of_parties(self.dephasing, "dephasing"), of_parties(self.misalignment, "misalignment", angle)
        click = of_parties(self.efficiency, "efficiency")
        along = choice(self.axis, AXES, "--axis")
        parts: list[sb.Noise] = []
        if flip != [0.0]:
            parts.append(sb.Dephasing(*_both(flip, "dephasing"), along))
        if turn != [0.0]:
            parts.append(sb.Misalignment(turn[0], turn[1] if len(turn) > 1 else 0.0))
        if click != [1.0]:
            parts.append(sb.DetectionInefficiency(click[0], click[-1]))
        parts += [_noise(text) for text in self.noise or ()]
        parts.sort(key=lambda part: STAGES.index(part.parts[0].stage))
        return sb.NoiseSequence(tuple(parts)) if parts else None


def _both(values: Sequence[float | tuple[float, ...]], name: str) -> tuple[float, float]:
    """Return Alice's number and Bob's.

    Bob has the same number as Alice where only one is given.
    """
    first, last = values[0], values[-1]
    if isinstance(first, tuple) or isinstance(last, tuple):
        raise InvalidInput(f"{name} is one number for each party, not for each setting: leave the colons out.")
    return first, last


def _noise(text: str) -> sb.Noise:
    """Read a noise by its kind, such as "dephasing:a=0.01,axis=x"."""
    kind, _, rest = text.partition(":")
    given = assignments([rest] if rest.strip() else [], "--noise", "KIND:NAME=VALUE")
    return sb.noise_from({"kind": kind.strip(), **{name: _value(value, name) for name, value in given.items()}})


def _value(text: str, name: str) -> Any:
    """Read a word, a number, numbers for each setting, or choices for each party and setting."""
    words: dict[str, Any] = {"true": True, "false": False, **{axis: axis for axis in AXES}}
    if text in words:
        return words[text]
    return choices(text, name) if text.startswith(("true", "false")) else of_parties(text, name)[0]


# -- what it means --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Devices:
    """A member of a family with its noise, and what is tested of it.

    Attributes
    ----------
    family, member : the ideal devices
    visibility : weight of the ideal behaviour in white noise, 0 to 1
    others : the noise that acts after the white noise; None if there is none
    observed : "bell", "correlators" or "full", or one of the last two without settings
    """

    family: Family
    member: Member
    visibility: float
    others: sb.Noise | None
    observed: str

    def __post_init__(self) -> None:
        if self.observed == "bell" and self.member.expression is None:
            raise InvalidInput(
                f"--observed bell tests a Bell expression, and {self.member.title} has none: use correlators or full."
            )

    @property
    def noise(self) -> sb.Noise | None:
        """All the noise, white noise first; None if there is none."""
        if self.visibility == 1.0:
            return self.others
        white = sb.WhiteNoise(self.visibility)
        return white if self.others is None else white + self.others

    @property
    def ideal(self) -> sb.SingletSelfTest | sb.Strategy | sb.Behaviour:
        """The noiseless devices, in the form that searches for thresholds take."""
        if isinstance(self.member, sb.SingletSelfTest):
            return self.member
        return self.member.behaviour() if self.member.strategy is None else self.member.strategy

    @property
    def tested(self) -> str | sb.BellExpression:
        """What is tested, in the form that searches for thresholds take."""
        if self.observed == "bell" and self.member.expression is not None and self.ideal is not self.member:
            return self.member.expression
        return self.observed

    def data(self) -> tuple[sb.Behaviour, sb.Observations]:
        """Return the behaviour of the devices, and what is tested of it."""
        if self.others is None:
            behaviour = self.member.behaviour(self.visibility)
        else:
            behaviour = self.member.behaviour(noise=self.noise)
        if self.observed == "bell" and self.member.expression is not None:
            return behaviour, sb.Observations.bell_value(self.member.expression, behaviour)
        from sdpbound.bell.tested import observations_named

        return behaviour, observations_named(behaviour, self.observed)

    def facts(self) -> dict[str, Any]:
        """Return the noise and what is tested, for JSON."""
        noise = None if self.others is None else self.others.name
        return {"visibility": self.visibility, "noise": noise, "observed": self.observed}

    def line(self) -> str:
        """Return the noise and what is tested as a line of text."""
        noise = "" if self.others is None else f", then {self.others.name}"
        return f"visibility {self.visibility:.{DIGITS}g}{noise}, tested: {self.observed}"
