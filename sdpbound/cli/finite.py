"""The command for keys from finitely many rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.devices import DeviceOptions
from sdpbound.cli.groups import Options, Without, grouped
from sdpbound.cli.members import heading, member_facts
from sdpbound.cli.options import ENTROPY, AdversaryOptions, KeyPair, Output, VonNeumannEntropy
from sdpbound.cli.output import DIGITS, emit, rounded
from sdpbound.cli.texts import flips as flips_of
from sdpbound.cli.texts import integer, number
from sdpbound.errors import InvalidParameter

__all__ = ["finite_command"]

RUN = "Rounds and security"


@dataclass(frozen=True, slots=True)
class Rounds(Options):
    """The options for the number of rounds and the security of the key."""

    rounds: Annotated[
        list[str],
        typer.Option("--rounds", help="Number of rounds; may be repeated.", metavar="N", rich_help_panel=RUN),
    ]
    soundness: Annotated[
        str, typer.Option(help="Distance from an ideal key that is allowed.", metavar="EPS", rich_help_panel=RUN)
    ] = "1e-10"
    completeness: Annotated[
        str,
        typer.Option(help="Probability with which honest devices may abort.", metavar="EPS", rich_help_panel=RUN),
    ] = "1e-2"

    def numbers(self) -> list[float]:
        """Return the numbers of rounds."""
        return [number(text, "rounds") for text in self.rounds]

    def security(self) -> sb.FiniteSecurity:
        """Return the failure probabilities that are allowed."""
        return sb.FiniteSecurity(
            soundness=number(self.soundness, "soundness"), completeness=number(self.completeness, "completeness")
        )


@grouped
def finite_command(
    devices: DeviceOptions,
    run: Rounds,
    settings: KeyPair,
    entropy: VonNeumannEntropy,
    adversary: Annotated[AdversaryOptions, Without("model")],
    output: Output,
    preprocessing: Annotated[
        str,
        typer.Option(
            help="Probability of a flip of Alice's key bit; P,R: of a channel that makes a 0 a 1, and a 1 a 0.",
            metavar="Q",
            rich_help_panel=ENTROPY,
        ),
    ] = "0",
) -> None:
    """Secret key from finitely many rounds, against every quantum attack, by accumulation of entropies: a lower bound.

    With several numbers of rounds the certificate is that of the first.
    """
    from sdpbound.bounds.figures import written

    chosen, flips = devices.devices(), flips_of(preprocessing)
    if isinstance(flips, str):
        raise InvalidParameter(
            f"--preprocessing {flips!r} is not searched here: give a probability or P,R, such as those that "
            "'sdpbound rate --preprocessing best' prints."
        )
    behaviour, data = chosen.data()
    output.require_folder()
    security = run.security()
    found = sb.finite_key_length(
        behaviour,
        run.numbers(),
        integer(settings.x, "x") or 0,
        integer(settings.y, "y") or 0,
        data,
        entropies=entropy.von_neumann(adversary),
        preprocessing=flips,
        security=security,
    )
    output.write_certificate(found[0])
    facts = {
        "command": "finite",
        **member_facts(chosen.family, chosen.member),
        **chosen.facts(),
        "preprocessing": written(flips),
        "lengths": [_facts(length) for length in found],
        "theorem": found[0].theorem,
        "assumptions": list(found[0].assumptions),
        "notes": list(found[0].notes),
        "certificate": output.file,
    }
    lines = [heading(chosen.member)]
    for length in found:
        lines.append(
            f"key of {rounded(length.length, 'lower')} bits or more from {length.rounds:.{DIGITS}g} rounds   (lower "
            f"bound; {rounded(length.rate, 'lower')} a round; tests with probability {length.test_probability:.3g})"
        )
    lines += [f"note: {note}" for note in found[0].notes]
    lines += [f"  soundness {security.soundness:g}, completeness {security.completeness:g}; {chosen.line()}"]
    lines += [f"theorem: {found[0].theorem}", *(f"assumed: {text}" for text in found[0].assumptions)]
    emit(facts, lines, output.as_json)


def _facts(length: sb.FiniteLength) -> dict[str, Any]:
    """Return the facts of a length for JSON."""
    return {
        "rounds": length.rounds,
        "length": length.length,
        "side": length.side,
        "rate": length.rate,
        "test_probability": length.test_probability,
        "alpha": length.alpha,
        "terms": length.terms,
        "epsilons": length.epsilons,
        "threshold": length.threshold,
        "asymptotic_rate": length.asymptotic_rate,
    }
