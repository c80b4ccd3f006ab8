"""Commands for the noise that a key survives: threshold visibility and threshold efficiency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.devices import DeviceOptions, Devices
from sdpbound.cli.groups import Options, Without, grouped
from sdpbound.cli.members import heading, member_facts
from sdpbound.cli.options import AdversaryOptions, KeyPair, Output, PostProcessingText, Preprocessing, VonNeumannEntropy
from sdpbound.cli.output import DIGITS, emit
from sdpbound.cli.rates import rate_facts, rate_lines
from sdpbound.cli.texts import flips, integer, number, processing
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
    from sdpbound.rates.thresholds import Threshold

__all__ = ["efficiency_command", "visibility_command"]


@dataclass(frozen=True, slots=True)
class Searched(Options):
    """The options for what is done with outcomes, and for how far the search goes."""

    preprocessing: Preprocessing = "0"
    postprocessing: PostProcessingText = None
    resolution: Annotated[str, typer.Option(help="Distance aimed at between alive and dead.", metavar="WIDTH")] = "1e-4"

    def asked(self, settings: KeyPair, entropy: sb.VonNeumann) -> dict[str, Any]:
        """Return the keyword arguments that both searches take."""
        asked = {
            "x": integer(settings.x, "x"),
            "y": integer(settings.y, "y"),
            "entropy": entropy,
            "preprocessing": flips(self.preprocessing),
            "tolerance": number(self.resolution, "resolution"),
        }
        by = processing(self.postprocessing)
        if by is None:
            return asked
        if (settings.x, settings.y, self.preprocessing) != ("0", "0", "0"):
            raise InvalidInput(
                f"--postprocessing {by.label} says settings and flips: leave --x, --y, --preprocessing out."
            )
        return asked | {"postprocessing": by, "x": None, "y": None}


@grouped
def visibility_command(
    devices: Annotated[DeviceOptions, Without("visibility")],
    settings: KeyPair,
    entropy: VonNeumannEntropy,
    adversary: Annotated[AdversaryOptions, Without("model")],
    output: Output,
    searched: Searched,
) -> None:
    """The visibility down to which a key is proven, and one at which an attack leaves none.

    The certificate is that of the entropy at the visibility where the key is proven.
    """
    chosen = devices.devices()
    output.require_folder()
    asked = searched.asked(settings, entropy.von_neumann(adversary))
    found = sb.critical_visibility(chosen.ideal, chosen.tested, noise=chosen.noise, **asked)
    _report("visibility", found, chosen, output)


@grouped
def efficiency_command(
    devices: Annotated[DeviceOptions, Without("efficiency")],
    settings: KeyPair,
    entropy: VonNeumannEntropy,
    adversary: Annotated[AdversaryOptions, Without("model")],
    output: Output,
    searched: Searched,
) -> None:
    """The detection efficiency of both sides down to which a key is proven, and one at which an attack leaves none.

    No click is outcome 0. The certificate is that of the entropy at the efficiency where the key is proven.
    """
    chosen = devices.devices()
    output.require_folder()
    asked = searched.asked(settings, entropy.von_neumann(adversary))
    found = sb.critical_efficiency(chosen.ideal, chosen.tested, noise=chosen.noise, **asked)
    _report("efficiency", found, chosen, output)


def _report(name: str, found: Threshold, chosen: Devices, output: Output) -> None:
    """Print a threshold, and write the certificate of the last key that is proven."""
    if found.alive_rate is not None:
        output.write_certificate(found.alive_rate.entropy)
    elif output.certificate is not None:
        raise InvalidInput(f"no key is proven at any {name}, so that there is no certificate; leave --certificate out.")
    noise = None if chosen.noise is None else chosen.noise.name
    facts = {
        "command": f"threshold {name}",
        **member_facts(chosen.family, chosen.member),
        "observed": chosen.observed,
        "noise": noise,
        "alive": found.alive,
        "dead": found.dead,
        "alive_rate": None if found.alive_rate is None else rate_facts(found.alive_rate),
        "dead_rate": None if found.dead_rate is None else rate_facts(found.dead_rate),
        "found": dict(found.found),
        "solves": found.solves,
        "certificate": output.file,
    }
    emit(facts, [heading(chosen.member), *_lines(name, found), _tested(chosen.observed, noise)], output.as_json)


def _lines(name: str, found: Threshold) -> list[str]:
    """Return the two sides of a threshold as lines of text."""
    if found.alive is None or found.alive_rate is None:
        lines = [f"no key is proven at any {name}"]
    else:
        lines = [f"a key is proven at {name} {found.alive:.{DIGITS}g}", *_indented(found.alive_rate)]
    if found.dead is None or found.dead_rate is None:
        lines += ["no attack was found that leaves no key: unresolved below"]
    else:
        lines += [f"an attack leaves no key at {name} {found.dead:.{DIGITS}g}", *_indented(found.dead_rate)]
    lines += ["between the two, and beyond them, nothing is proven"]
    return lines + [f"  {key} {value:.6g}" for key, value in found.found]


def _tested(observed: str, noise: str | None) -> str:
    return f"tested: {observed}" + ("" if noise is None else f"; noise besides: {noise}")


def _indented(rate: sb.Rate) -> list[str]:
    return [f"  {line}" for line in rate_lines(rate)]
