"""The command that bounds an entropy from both sides."""

from __future__ import annotations

from typing import Annotated

import typer

import sdpbound as sb
from sdpbound.cli.devices import DeviceOptions
from sdpbound.cli.groups import Without, grouped
from sdpbound.cli.members import heading, member_facts
from sdpbound.cli.options import ENTROPY, AdversaryOptions, OneOrBoth, Output, VonNeumannEntropy
from sdpbound.cli.output import bound_facts, bound_line, emit, how_solved, in_time, key_facts
from sdpbound.cli.texts import integer, number
from sdpbound.limiting import share

__all__ = ["OneFlip", "entropy_command"]

OneFlip = Annotated[
    str, typer.Option(help="Probability of a flip of Alice's bit.", metavar="Q", rich_help_panel=ENTROPY)
]


@grouped
def entropy_command(
    devices: DeviceOptions,
    settings: OneOrBoth,
    entropy: VonNeumannEntropy,
    adversary: Annotated[AdversaryOptions, Without("model")],
    output: Output,
    preprocessing: OneFlip = "0",
    no_closed_forms: Annotated[
        bool,
        typer.Option(
            "--no-closed-forms", help="Bound by a program also where there is a formula.", rich_help_panel=ENTROPY
        ),
    ] = False,
) -> None:
    """Von Neumann entropy H(A|X=x,E) or H(AB|X=x,Y=y,E) given Eve, from both sides: certified, and an attack above.

    The certificate is that of the lower bound.
    """
    chosen, flips = devices.devices(), number(preprocessing, "preprocessing")
    how = entropy.von_neumann(adversary)
    _, data = chosen.data()
    x, y = integer(settings.x, "x") or 0, integer(settings.y, "y")
    output.require_folder()
    key, merge = settings.settings, settings.merged
    closed = not no_closed_forms
    with share(0.6):
        below = sb.conditional_entropy(data, x, y, how, flips, closed_forms=closed, settings=key, merge=merge)
    above = in_time(lambda: sb.conditional_entropy_upper_bound(data, x, y, flips, settings=key, merge=merge))
    output.write_certificate(below)
    facts = {
        "command": "entropy",
        **member_facts(chosen.family, chosen.member),
        **chosen.facts(),
        "settings": key_facts(x, y, key, merge),
        "preprocessing": flips,
        "lower": bound_facts(below),
        "upper": None if above is None else bound_facts(above) | {"exact": above.exact, "error": above.error},
        "gap": None if above is None else above.value - below.value,
        "certificate": output.file,
    }
    lines = [heading(chosen.member), f"{bound_line(below)}, in bits"]
    lines += ["no attack was found in time" if above is None else f"{bound_line(above)}, in bits"]
    lines += [f"  {how_solved(below)}; {chosen.line()}"]
    emit(facts, lines, output.as_json)
