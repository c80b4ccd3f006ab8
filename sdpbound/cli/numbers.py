"""Commands that compute one number: value and guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.devices import DeviceOptions, MemberOptions
from sdpbound.cli.groups import grouped
from sdpbound.cli.members import heading, member_facts
from sdpbound.cli.options import AdversaryOptions, OneOrBoth, Output
from sdpbound.cli.output import (
    DIGITS,
    adversary_facts,
    bound_facts,
    bound_line,
    emit,
    how_solved,
    in_time,
    key_facts,
)
from sdpbound.cli.texts import integer
from sdpbound.errors import InvalidInput
from sdpbound.limiting import share

if TYPE_CHECKING:
    from sdpbound.bell.families import Member

__all__ = ["guess_command", "value_command"]


@grouped
def value_command(devices: MemberOptions, adversary: AdversaryOptions, output: Output) -> None:
    """Certified maximum and minimum of the member's Bell expression, next to the closed forms.

    Of the singlet family it is that of arXiv:2309.09650 Eq. (2). The certificate is that of the maximum.
    """
    family, member = devices.member()
    model, expression = adversary.read(), member.expression
    if expression is None:
        raise InvalidInput(
            f"{member.title} has no Bell expression, so that there is no value to bound; choose another family."
        )
    output.require_folder()
    with share(0.5):
        top = sb.maximize(expression, model, solver=adversary.solver)
    bottom = in_time(lambda: sb.minimize(expression, model, solver=adversary.solver))
    output.write_certificate(top)
    facts = {
        "command": "value",
        **member_facts(family, member),
        **adversary_facts(model),
        "maximum": bound_facts(top),
        "minimum": None if bottom is None else bound_facts(bottom),
        "closed_forms": _closed_forms(member),
        "certificate": output.file,
    }
    lines = [
        heading(member),
        f"maximum: {bound_line(top)}",
        f"minimum: {'none was proven in time' if bottom is None else bound_line(bottom)}",
        f"  {how_solved(top)}",
        "closed forms, in floating point:",
        *_closed_lines(member),
    ]
    emit(facts, lines, output.as_json)


def _closed_forms(member: Member) -> dict[str, Any]:
    """Return the closed forms of a member.

    A closed form that is not known is None.
    """
    own: dict[str, Any] = {}
    if isinstance(member, sb.SingletSelfTest):
        own = {"condition": member.condition, "is_self_test": member.is_self_test}
    return {
        **own,
        "local_bound": member.local_bound,
        "quantum_bound": member.quantum_bound,
        "strategy_value": member.strategy_value,
        "chsh": member.chsh,
    }


def _closed_lines(member: Member) -> list[str]:
    """Return the closed forms of a member as lines of text."""
    singlet = isinstance(member, sb.SingletSelfTest)
    found = [
        ("quantum bound", member.quantum_bound, ""),
        ("local bound", member.local_bound, "(Eq. (3))" if singlet else ""),
        ("strategy value", member.strategy_value, "(Eq. (5))" if singlet else "(of the member's own devices)"),
        ("CHSH value", member.chsh, "(of the strategy, Eq. (6))" if singlet else "(of the member's own devices)"),
    ]
    if isinstance(member, sb.SingletSelfTest):
        found.append(("condition (4)", member.condition, "(fulfilled if negative)"))
    return [
        f"  {name:16} {value:.{DIGITS}g}{f'   {where}' if where else ''}"
        for name, value, where in found
        if value is not None
    ]


@grouped
def guess_command(
    devices: DeviceOptions,
    settings: OneOrBoth,
    adversary: AdversaryOptions,
    output: Output,
    blind: Annotated[
        bool, typer.Option("--blind", help="Guess Alice's outcome with Bob's device and outcome of setting y.")
    ] = False,
) -> None:
    """Eve's guessing probability (an upper bound) and the min-entropy it proves (a lower bound)."""
    from sdpbound.bounds.proof import as_min_entropy

    chosen, model = devices.devices(), adversary.read()
    _, data = chosen.data()
    s, r = integer(settings.x, "x") or 0, integer(settings.y, "y")
    output.require_folder()
    if blind:
        if settings.key is not None:
            raise InvalidInput(f"--blind takes --x and --y, not --settings {settings.key}.")
        if settings.merge is not None:
            raise InvalidInput(f"--blind guesses outcomes as they are; leave --merge {settings.merge} out.")
        if r is None:
            raise InvalidInput("--blind needs Bob's setting: give --y 0 or --y 1.")
        bound = sb.blind_guessing_probability(data, model, s, r, adversary.solver)
    else:
        key, merge = settings.settings, settings.merged
        bound = sb.guessing_probability(data, model, s, r, adversary.solver, settings=key, merge=merge)
    entropy = as_min_entropy(bound)
    output.write_certificate(bound)
    facts = {
        "command": "guess",
        **member_facts(chosen.family, chosen.member),
        **chosen.facts(),
        **adversary_facts(model),
        "settings": key_facts(s, r, settings.settings, settings.merged),
        "blind": blind,
        "guessing_probability": bound_facts(bound),
        "min_entropy": bound_facts(entropy),
        "functional": {
            "side": bound.functional.side,
            "constant": bound.functional.constant,
            "multipliers": bound.functional.multipliers.tolist(),
        },
        "certificate": output.file,
    }
    lines = [
        heading(chosen.member),
        bound_line(bound),
        f"{bound_line(entropy)}, in bits",
        f"  {how_solved(bound)}; {chosen.line()}",
    ]
    emit(facts, lines, output.as_json)
