"""Groups of options for the adversary, the entropy, the settings and the output."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import sdpbound as sb
from sdpbound.cli.groups import Options
from sdpbound.cli.texts import choice, merged_values, number, settings_of_all
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
    from sdpbound.entropies.entropy import Entropy

__all__ = [
    "AdversaryOptions",
    "AnyPair",
    "AsJson",
    "KeyPair",
    "OneOrBoth",
    "Output",
    "PostProcessingText",
    "Preprocessing",
    "RateEntropy",
    "VonNeumannEntropy",
]

ENTROPIES = ("min", "von-neumann")
#: The accuracy, in bits, to which a von Neumann entropy is bounded if no other accuracy is asked for.
ACCURACY = 1e-3
#: The exit status of a command that Ctrl-C has ended.
INTERRUPTED = 130
#: Headings of groups of options in a command's help.
ADVERSARY, ENTROPY, SETTINGS, OUTPUT = "Adversary and solver", "Entropy", "Settings", "Output"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Preprocessing = Annotated[
    str,
    typer.Option(
        help="Probability with which Alice flips her key bit, 0 to 1/2, or best; P,R: those with which a channel makes "
        "a 0 a 1 and a 1 a 0, or 'best channel'.",
        metavar="Q",
        rich_help_panel=ENTROPY,
    ),
]

#: The option for what is done with outcomes before a key is made of them.
PostProcessingText = Annotated[
    str | None,
    typer.Option(
        "--postprocessing",
        help="What is done with outcomes before: a kind and its parameters, such as 'repetition_code, block = 2' or "
        "'random_basis, keys = [[0, 2], [1, 3]]'; it says settings and flips itself.",
        metavar="TEXT",
        rich_help_panel=SETTINGS,
    ),
]

#: The option for a key of any of the parties.
KeyOfAll = Annotated[
    str | None,
    typer.Option(
        "--settings",
        help="In place of --x and --y, a setting for each party, - for none: 0,-,1 of the first and third party.",
        metavar="KEY",
        rich_help_panel=SETTINGS,
    ),
]

#: The option for a key that is a function of outcomes.
Merged = Annotated[
    str | None,
    typer.Option(
        "--merge",
        help="The key's value for each outcome, if it is a function of it: 0011 for a bit of four outcomes.",
        metavar="VALUES",
        rich_help_panel=SETTINGS,
    ),
]


@dataclass(frozen=True, slots=True)
class AdversaryOptions(Options):
    """The options for the adversary's set of correlations, and for the solver of programs over that set."""

    model: Annotated[
        str,
        typer.Option(help="The adversary: quantum, no-signaling or local.", metavar="MODEL", rich_help_panel=ADVERSARY),
    ] = "quantum"
    level: Annotated[
        str | None,
        typer.Option(
            help="Level of the quantum hierarchy, such as 1+AB or 2. Default 2.",
            metavar="LEVEL",
            rich_help_panel=ADVERSARY,
        ),
    ] = None
    solver: Annotated[
        str | None,
        typer.Option(
            help="A solver, such as clarabel or cvxpy:CVXOPT; a wrong name lists all. Default: by size.",
            metavar="NAME",
            rich_help_panel=ADVERSARY,
        ),
    ] = None

    def read(self) -> sb.Adversary:
        """Return the adversary as an object of the library."""
        from sdpbound.adversaries import ADVERSARIES, adversary_named

        if self.level is not None and not ADVERSARIES.named(self.model, "--model").takes_level:
            raise InvalidInput(
                f"--level {self.level} is of the quantum hierarchy, and --model is {self.model}: leave one of them out."
            )
        return adversary_named(self.model, self.level, "--model")

    @property
    def is_quantum(self) -> bool:
        """Whether the adversary is the quantum one, against whom von Neumann entropies are bounded."""
        from sdpbound.adversaries import ADVERSARIES

        return ADVERSARIES.named(self.model, "--model") is sb.Quantum


@dataclass(frozen=True, slots=True)
class VonNeumannEntropy(Options):
    """The options that say how von Neumann entropies are bounded."""

    method: Annotated[
        str | None,
        typer.Option(
            help="Of von Neumann entropies: auto (the best of all), projective, gauss-radau, pinching or qubit.",
            metavar="METHOD",
            rich_help_panel=ENTROPY,
        ),
    ] = None
    tolerance: Annotated[
        str | None,
        typer.Option(
            help=f"Accuracy of a von Neumann entropy, in bits. Default {ACCURACY:g}.",
            metavar="BITS",
            rich_help_panel=ENTROPY,
        ),
    ] = None

    def von_neumann(self, adversary: AdversaryOptions) -> sb.VonNeumann:
        """Return the method of the library that bounds the entropy against the quantum adversary."""
        accuracy = ACCURACY if self.tolerance is None else number(self.tolerance, "tolerance")
        found = sb.VonNeumann(level=adversary.level, tolerance=accuracy, solver=adversary.solver)
        return found if self.method is None else replace(found, method=self.method)


@dataclass(frozen=True, slots=True)
class RateEntropy(VonNeumannEntropy):
    """The options for the entropy from which a rate is computed."""

    entropy: Annotated[
        str | None,
        typer.Option(
            help="von-neumann or min. Default: von-neumann; min if blind, or if --model is not quantum.",
            metavar="ENTROPY",
            rich_help_panel=ENTROPY,
        ),
    ] = None
    attack: Annotated[
        bool,
        typer.Option("--attack", help="Print the upper bound of an explicit attack too.", rich_help_panel=ENTROPY),
    ] = False
    no_closed_forms: Annotated[
        bool,
        typer.Option(
            "--no-closed-forms",
            help="Bound by a program also where a self-test gives the entropy.",
            rich_help_panel=ENTROPY,
        ),
    ] = False

    def read(self, adversary: AdversaryOptions, blind: bool = False) -> Entropy:
        """Return the entropy as an object of the library."""
        only_min = blind or not adversary.is_quantum
        default = "min" if only_min and self.method is None and self.tolerance is None else "von-neumann"
        if choice(self.entropy or default, ENTROPIES, "--entropy") == "min":
            for option, value in (("--method", self.method), ("--tolerance", self.tolerance)):
                if value is not None:
                    raise InvalidInput(f"{option} {value} is of von Neumann entropies: say --entropy von-neumann too.")
            return sb.MinEntropy(adversary.read(), adversary.solver)
        if not adversary.is_quantum:
            raise InvalidInput(
                f"--model {adversary.model}: von Neumann entropies are against quantum adversaries; use --entropy min."
            )
        return self.von_neumann(adversary)


@dataclass(frozen=True, slots=True)
class OneOrBoth(Options):
    """The options for Alice's setting, and for Bob's if the outcomes of both are asked for."""

    x: Annotated[str, typer.Option(help="Alice's setting, from 0.", metavar="X", rich_help_panel=SETTINGS)] = "0"
    y: Annotated[
        str | None,
        typer.Option(
            help="Bob's setting, from 0: of both outcomes (of Alice's outcome alone, if blind).",
            metavar="Y",
            rich_help_panel=SETTINGS,
        ),
    ] = None
    key: KeyOfAll = None
    merge: Merged = None

    @property
    def merged(self) -> tuple[int, ...] | None:
        """The key's value for each outcome, where it is a function of it."""
        return merged_values(self.merge)

    @property
    def settings(self) -> tuple[int | None, ...] | None:
        """The settings of all parties, where they are given in place of x and y."""
        return settings_of_all(self.key, None if self.x == "0" else self.x, self.y)


@dataclass(frozen=True, slots=True)
class KeyPair(Options):
    """The options for the settings of the key."""

    x: Annotated[str, typer.Option(help="Alice's key setting, from 0.", metavar="X", rich_help_panel=SETTINGS)] = "0"
    y: Annotated[str, typer.Option(help="Bob's key setting, from 0.", metavar="Y", rich_help_panel=SETTINGS)] = "0"


@dataclass(frozen=True, slots=True)
class AnyPair(Options):
    """The options for the settings of a rate.

    If none are given, the best pair is used.
    """

    x: Annotated[
        str | None,
        typer.Option(help="Alice's setting, from 0. Default: of the best pair.", metavar="X", rich_help_panel=SETTINGS),
    ] = None
    y: Annotated[
        str | None,
        typer.Option(help="Bob's setting, from 0. Default: of the best pair.", metavar="Y", rich_help_panel=SETTINGS),
    ] = None
    key: KeyOfAll = None
    merge: Merged = None

    @property
    def merged(self) -> tuple[int, ...] | None:
        """The key's value for each outcome, where it is a function of it."""
        return merged_values(self.merge)

    @property
    def settings(self) -> tuple[int | None, ...] | None:
        """The settings of all parties, where they are given in place of x and y."""
        return settings_of_all(self.key, self.x, self.y)


@dataclass(frozen=True, slots=True)
class Output(Options):
    """The options for when a command ends, and for what it writes: text or JSON, and a file with the certificate."""

    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate",
            help="Write the certificate to this JSON file.",
            metavar="FILE",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=OUTPUT)] = False
    time_limit: Annotated[
        str | None,
        typer.Option(
            "--time-limit",
            help="Seconds after which the command ends with what is proven so far, as it does at Ctrl-C.",
            metavar="SECONDS",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    progress: Annotated[
        bool,
        typer.Option(
            "--progress",
            help="Say on standard error what is done, also where that is no terminal.",
            rich_help_panel=OUTPUT,
        ),
    ] = False

    @contextmanager
    def around(self) -> Iterator[None]:
        """Run the command within its limit of time, with a line of progress on a terminal or where it is asked for.

        The first Ctrl-C asks for what is proven so far, which is printed, with exit status 130; the second one ends the
        command at once.
        """
        seconds = None if self.time_limit is None else number(self.time_limit, "time-limit")
        if seconds is not None and not seconds > 0.0:
            raise InvalidInput(f"--time-limit {self.time_limit} must be a number of seconds above 0.")
        seconds = None if seconds == math.inf else seconds
        with sb.limits(seconds, progress=self.progress or sys.stderr.isatty(), on_interrupt=True) as limit:
            try:
                yield
            except sb.TimeIsUp as error:
                if limit.interrupted:
                    raise KeyboardInterrupt(str(error)) from error
                raise
        if limit.interrupted and limit.stopped:
            raise typer.Exit(INTERRUPTED)

    @property
    def file(self) -> str | None:
        """The name of the certificate's file, for JSON."""
        return None if self.certificate is None else str(self.certificate)

    def require_folder(self) -> None:
        """Raise InvalidInput, before any solving, if the certificate cannot be written."""
        file = self.certificate
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise InvalidInput(
                f"the certificate cannot be written to '{file}': give a file name in an existing folder."
            )

    def write_certificate(self, bound: sb.Bound | sb.FiniteLength) -> None:
        """Write the certificate of a bound, if a file is given for it."""
        if self.certificate is not None:
            bound.certificate.to_json(self.certificate)
