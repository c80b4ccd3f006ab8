"""Commands that compute one number: value, guess, rate key, rate randomness."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.options import (
    AnyX,
    AnyY,
    AsJson,
    CertificateFile,
    Level,
    Model,
    NoClosedForms,
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
    finite,
    heading,
    how_solved,
    margin_of,
    rounded,
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
    from sdpbound.bounds import as_min_entropy

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


def key_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: AnyX = None,
    y: AnyY = None,
    no_closed_forms: NoClosedForms = False,
    model: Model = "quantum",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Lower bound on the key rate H(A|X=x,E) - H(A|B,X=x,Y=y), in bits a round; it may be negative."""
    member, adversary, v = member_of(theta, phi, omega), model_of(model, level), number(visibility, "visibility")
    behaviour, data = data_of(member, v, observed)
    check_folder(certificate)
    entropy = sb.MinEntropy(adversary, solver)
    rate = sb.key_rate(behaviour, data, integer(x, "x"), integer(y, "y"), entropy, closed_forms=not no_closed_forms)
    _report_rate(rate, member, v, observed, adversary, certificate, as_json)


def randomness_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: AnyX = None,
    y: AnyY = None,
    local: Annotated[bool, typer.Option("--local", help="Of Alice's outcome alone, H(A|X=x,E).")] = False,
    blind: Annotated[
        bool, typer.Option("--blind", help="Against Eve with Bob's device and outcome, H(A|X=x,Y=y,B,E).")
    ] = False,
    no_closed_forms: NoClosedForms = False,
    model: Model = "quantum",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Lower bound on the randomness rate H(AB|X=x,Y=y,E), in bits a round; or local, or blind."""
    member, adversary, v = member_of(theta, phi, omega), model_of(model, level), number(visibility, "visibility")
    behaviour, data = data_of(member, v, observed)
    check_folder(certificate)
    entropy, s, r = sb.MinEntropy(adversary, solver), integer(x, "x"), integer(y, "y")
    rate = sb.randomness_rate(behaviour, data, local, s, r, entropy, blind, closed_forms=not no_closed_forms)
    _report_rate(rate, member, v, observed, adversary, certificate, as_json)


def _report_rate(
    rate: sb.Rate,
    member: sb.SingletSelfTest,
    visibility: float,
    observed: str,
    adversary: sb.Quantum | sb.NoSignaling | sb.Local,
    certificate: Path | None,
    as_json: bool,
) -> None:
    save(rate.entropy, certificate)
    facts = {
        "command": f"rate {rate.kind}",
        **angles(member),
        "visibility": visibility,
        "observed": observed,
        **adversary_facts(adversary),
        **_rate_facts(rate),
        "program": None if rate.sdp is None else _rate_facts(rate.sdp),
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [heading(member), *_rate_lines(rate)]
    if rate.sdp is not None:
        lines += ["beside the closed form, from the program:", *(f"  {line}" for line in _rate_lines(rate.sdp))]
    program = rate.entropy if rate.sdp is None else rate.sdp.entropy
    lines += [
        f"  {how_solved(program)}; visibility {visibility:.{DIGITS}g}, tested: {observed}",
        f"security: {rate.security}",
        *(f"assumed: {text}" for text in rate.assumptions),
    ]
    emit(facts, lines, as_json)


def _rate_facts(rate: sb.Rate) -> dict[str, Any]:
    x, y = rate.settings
    return {
        "rate": rate.value,
        "side": rate.side,
        "margin": finite(rate.entropy.correction),
        "closed_form": rate.is_closed_form,
        "settings": {"x": x, "y": y},
        "entropy": bound_facts(rate.entropy),
        "error_correction": rate.error_correction,
        "security": rate.security,
        "assumptions": list(rate.assumptions),
    }


def _rate_lines(rate: sb.Rate) -> list[str]:
    x, y = rate.settings
    at = f"x={x}" if y is None else f"x={x}, y={y}"
    sign = ">=" if rate.side == "lower" else "<="
    lines = [
        f"{rate.kind} rate {sign} {rounded(rate.value, rate.side)} bits a round at {at}   "
        f"({rate.side} bound; {margin_of(rate.entropy)})",
        f"  {bound_line(rate.entropy)}",
    ]
    if rate.kind == "key":
        lines.append(f"  error correction H(A|B) = {rate.error_correction:.{DIGITS}g}   (of the behaviour)")
    return lines
