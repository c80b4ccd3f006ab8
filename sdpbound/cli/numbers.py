"""Commands that compute one number: value and guess."""

from __future__ import annotations

from typing import Annotated

import typer

import sdpbound as sb
from sdpbound.cli.options import (
    AsJson,
    CertificateFile,
    Level,
    Model,
    Omega,
    Phi,
    SolverName,
    Tested,
    Theta,
    Visibility,
    check_folder,
    data_of,
    integer,
    member_of,
    model_of,
    number,
    save,
)
from sdpbound.cli.output import (
    DIGITS,
    adversary_facts,
    angles,
    bound_facts,
    bound_line,
    emit,
    heading,
    how_solved,
)
from sdpbound.errors import InvalidInput


def value_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    model: Model = "quantum",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Certified maximum and minimum of the Bell expression, arXiv:2309.09650 Eq. (2), next to the closed forms.

    The certificate is that of the maximum.
    """
    member, adversary = member_of(theta, phi, omega), model_of(model, level)
    check_folder(certificate)
    top = sb.maximize(member.expression, adversary, solver=solver)
    bottom = sb.minimize(member.expression, adversary, solver=solver)
    save(top, certificate)
    closed = {
        "condition": member.condition,
        "is_self_test": member.is_self_test,
        "local_bound": member.local_bound,
        "quantum_bound": member.quantum_bound,
        "strategy_value": member.strategy_value,
        "chsh": member.chsh,
    }
    facts = {
        "command": "value",
        **angles(member),
        **adversary_facts(adversary),
        "maximum": bound_facts(top),
        "minimum": bound_facts(bottom),
        "closed_forms": closed,
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [
        heading(member),
        f"maximum: {bound_line(top)}",
        f"minimum: {bound_line(bottom)}",
        f"  {how_solved(top)}",
        "closed forms, in floating point:",
        f"  quantum bound    {member.quantum_bound:.{DIGITS}g}",
        f"  local bound      {member.local_bound:.{DIGITS}g}   (Eq. (3))",
        f"  strategy value   {member.strategy_value:.{DIGITS}g}   (Eq. (5))",
        f"  CHSH value       {member.chsh:.{DIGITS}g}   (of the strategy, Eq. (6))",
        f"  condition (4)    {member.condition:.{DIGITS}g}   (fulfilled if negative)",
    ]
    emit(facts, lines, as_json)


def guess_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: Annotated[str, typer.Option(help="Alice's setting, from 0.", metavar="X")] = "0",
    y: Annotated[str | None, typer.Option(help="Bob's setting: guess both outcomes (or blind).", metavar="Y")] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Guess Alice's outcome with Bob's device and outcome of setting y.")
    ] = False,
    model: Model = "quantum",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Eve's guessing probability (an upper bound) and the min-entropy it proves (a lower bound)."""
    from sdpbound.bounds.proof import as_min_entropy

    member, adversary, v = member_of(theta, phi, omega), model_of(model, level), number(visibility, "visibility")
    _, data = data_of(member, v, observed)
    s, r = integer(x, "x") or 0, integer(y, "y")
    check_folder(certificate)
    if blind:
        if r is None:
            raise InvalidInput("--blind needs Bob's setting: give --y 0 or --y 1.")
        bound = sb.blind_guessing_probability(data, adversary, s, r, solver)
    else:
        bound = sb.guessing_probability(data, adversary, s, r, solver)
    entropy = as_min_entropy(bound)
    save(bound, certificate)
    facts = {
        "command": "guess",
        **angles(member),
        "visibility": v,
        "observed": observed,
        **adversary_facts(adversary),
        "settings": {"x": s, "y": r},
        "blind": blind,
        "guessing_probability": bound_facts(bound),
        "min_entropy": bound_facts(entropy),
        "functional": {
            "side": bound.functional.side,
            "constant": bound.functional.constant,
            "multipliers": bound.functional.multipliers.tolist(),
        },
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [
        heading(member),
        bound_line(bound),
        f"{bound_line(entropy)}, in bits",
        f"  {how_solved(bound)}; visibility {v:.{DIGITS}g}, tested: {observed}",
    ]
    emit(facts, lines, as_json)
