"""Commands for rates: rate key and rate randomness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.devices import DeviceOptions, Devices
from sdpbound.cli.groups import Options, grouped
from sdpbound.cli.members import heading, member_facts
from sdpbound.cli.options import AdversaryOptions, AnyPair, Output, PostProcessingText, Preprocessing, RateEntropy
from sdpbound.cli.output import (
    DIGITS,
    adversary_facts,
    bound_facts,
    bound_line,
    emit,
    finite,
    how_solved,
    in_time,
    key_facts,
    margin_of,
    rounded,
)
from sdpbound.cli.texts import flips, integer, processing
from sdpbound.errors import InvalidInput
from sdpbound.limiting import share

if TYPE_CHECKING:
    from sdpbound.entropies.entropy import Entropy

__all__ = ["key_command", "randomness_command", "rate_facts", "rate_lines"]


@grouped
def key_command(
    devices: DeviceOptions,
    settings: AnyPair,
    entropy: RateEntropy,
    adversary: AdversaryOptions,
    output: Output,
    preprocessing: Preprocessing = "0",
    postprocessing: PostProcessingText = None,
) -> None:
    """Lower bound on the key rate H(A|X=x,E) - H(A|B,X=x,Y=y), in bits a round; it may be negative."""
    how, chosen = entropy.read(adversary), devices.devices()
    behaviour, data = chosen.data()
    output.require_folder()
    x, y = integer(settings.x, "x"), integer(settings.y, "y")
    closed = not entropy.no_closed_forms
    key, q = settings.settings, flips(preprocessing)
    by, merge = processing(postprocessing), settings.merged
    with share(0.6 if entropy.attack else 1.0):
        keys: Any = {"settings": key, "merge": merge, "postprocessing": by}
        rate = sb.key_rate(behaviour, data, x, y, how, q, closed_forms=closed, **keys)
    above = None
    if entropy.attack and by is not None:
        found = rate.postprocessing
        above = in_time(lambda: sb.key_rate_upper_bound(behaviour, data, postprocessing=found))
    elif entropy.attack:
        key, merge = rate.settings, rate.merge
        best = q if len(key) == 2 else rate.preprocessing  # whatever the flips are, if the best ones are asked for
        above = in_time(lambda: sb.key_rate_upper_bound(behaviour, data, preprocessing=best, settings=key, merge=merge))
    _report(rate, above, how, chosen, output)


@dataclass(frozen=True, slots=True)
class Randomness(Options):
    """The options that say whose randomness it is, and against whom.

    The default is both outcomes, against Eve.
    """

    local: Annotated[bool, typer.Option("--local", help="Of Alice's outcome alone, H(A|X=x,E).")] = False
    blind: Annotated[
        bool, typer.Option("--blind", help="Against Eve with Bob's device and outcome, H(A|X=x,Y=y,B,E).")
    ] = False


@grouped
def randomness_command(
    devices: DeviceOptions,
    settings: AnyPair,
    kind: Randomness,
    entropy: RateEntropy,
    adversary: AdversaryOptions,
    output: Output,
) -> None:
    """Lower bound on the randomness rate H(AB|X=x,Y=y,E), in bits a round; or local, or blind."""
    how, chosen = entropy.read(adversary, kind.blind), devices.devices()
    behaviour, data = chosen.data()
    output.require_folder()
    if kind.blind and entropy.attack:
        raise InvalidInput("--attack has no attack on blind randomness; leave it or --blind out.")
    x, y = integer(settings.x, "x"), integer(settings.y, "y")
    closed = not entropy.no_closed_forms
    own = sb.RandomnessOptions(blind=kind.blind, closed_forms=closed)
    key, merge = settings.settings, settings.merged
    with share(0.6 if entropy.attack else 1.0):
        rate = sb.randomness_rate(behaviour, data, kind.local, x, y, how, own, settings=key, merge=merge)
    above = None
    if entropy.attack:
        key, merge = rate.settings, rate.merge
        above = in_time(lambda: sb.randomness_rate_upper_bound(behaviour, data, settings=key, merge=merge))
    _report(rate, above, how, chosen, output)


def _report(rate: sb.Rate, above: sb.Rate | None, entropy: Entropy, chosen: Devices, output: Output) -> None:
    """Print a rate and, if there is one, an upper bound, and write the certificate of the rate."""
    output.write_certificate(rate.entropy)
    facts = {
        "command": f"rate {rate.kind}",
        **member_facts(chosen.family, chosen.member),
        **chosen.facts(),
        **adversary_facts(entropy.adversary),
        **rate_facts(rate),
        "program": None if rate.sdp is None else rate_facts(rate.sdp),
        "attack": None if above is None else rate_facts(above),
        "certificate": output.file,
    }
    lines = [heading(chosen.member), *rate_lines(rate)]
    if rate.sdp is not None:
        lines += ["beside the closed form, from the program:", *(f"  {line}" for line in rate_lines(rate.sdp))]
    program = rate.entropy if rate.sdp is None else rate.sdp.entropy
    lines += [f"  {how_solved(program)}; {chosen.line()}"]
    if above is not None:
        lines += rate_lines(above)
    lines += [f"security: {rate.security}", *(f"assumed: {text}" for text in rate.assumptions)]
    if above is not None:
        lines += [f"attack: {above.security}"]
    emit(facts, lines, output.as_json)


def rate_facts(rate: sb.Rate) -> dict[str, Any]:
    """Return the facts of a rate for JSON."""
    return {
        "rate": rate.value,
        "side": rate.side,
        "margin": finite(rate.entropy.correction),
        "closed_form": rate.is_closed_form,
        "data": rate.data,
        "settings": key_facts(None, None, rate.settings, rate.merge),
        "preprocessing": [a.p0, a.p1] if isinstance(a := rate.preprocessing, sb.BinaryChannel) else a,
        "postprocessing": None if rate.postprocessing is None else rate.postprocessing.entry,
        "entropy": bound_facts(rate.entropy),
        "error_correction": rate.error_correction,
        "security": rate.security,
        "assumptions": list(rate.assumptions),
    }


def rate_lines(rate: sb.Rate) -> list[str]:
    """Return a rate as lines of text, with the entropy that proves it."""
    from sdpbound.bell.key import key_words

    at = key_words(rate.settings)[1].replace(",", ", ")
    if rate.postprocessing is not None:
        at = rate.postprocessing.label
    elif rate.preprocessing:
        at += f", preprocessing {rate.preprocessing:.6g}"
    sign = ">=" if rate.side == "lower" else "<="
    lines = [
        f"{rate.kind} rate {sign} {rounded(rate.value, rate.side)} bits a round at {at}   "
        f"({rate.side} bound; {margin_of(rate.entropy)})",
        f"  {bound_line(rate.entropy)}",
    ]
    if rate.kind == "key" and rate.postprocessing is not None:
        lines.append(f"  cost of the errors {rate.error_correction:.{DIGITS}g} bits   (of the behaviour)")
    elif rate.kind == "key":
        lines.append(f"  error correction H(A|B) = {rate.error_correction:.{DIGITS}g}   (of the behaviour)")
    return lines
