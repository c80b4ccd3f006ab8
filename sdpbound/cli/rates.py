"""Commands for rates: rate key, rate randomness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli.options import (
    AnyX,
    AnyY,
    AsJson,
    Attack,
    CertificateFile,
    Efficiency,
    EntropyName,
    Flip,
    FlipAxis,
    Level,
    Method,
    Model,
    NoClosedForms,
    Omega,
    Phi,
    Preprocessing,
    SolverName,
    Tested,
    Theta,
    Tolerance,
    Turn,
    Visibility,
    check_folder,
    data_of,
    entropy_of,
    flips_of,
    integer,
    member_of,
    number,
    others_of,
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
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput
from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound


def key_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: AnyX = None,
    y: AnyY = None,
    entropy: EntropyName = "min",
    method: Method = None,
    tolerance: Tolerance = None,
    preprocessing: Preprocessing = "0",
    efficiency: Efficiency = "1",
    dephasing: Flip = "0",
    axis: FlipAxis = "z",
    misalignment: Turn = "0",
    attack: Attack = False,
    no_closed_forms: NoClosedForms = False,
    model: Model = "quantum",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Lower bound on the key rate H(A|X=x,E) - H(A|B,X=x,Y=y), in bits a round; it may be negative."""
    member, v = member_of(theta, phi, omega), number(visibility, "visibility")
    how = entropy_of(entropy, method, tolerance, model, level, solver)
    others, flips = others_of(efficiency, dephasing, axis, misalignment), flips_of(preprocessing)
    behaviour, data = data_of(member, v, observed, others)
    check_folder(certificate)
    s, r = integer(x, "x"), integer(y, "y")
    rate = sb.key_rate(behaviour, data, s, r, how, flips, closed_forms=not no_closed_forms)
    above = key_rate_upper_bound(behaviour, data, *rate.settings, rate.preprocessing) if attack else None
    _report_rate(rate, above, how, Asked(member, v, observed, others), certificate, as_json)


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
    entropy: EntropyName = "min",
    method: Method = None,
    tolerance: Tolerance = None,
    efficiency: Efficiency = "1",
    dephasing: Flip = "0",
    axis: FlipAxis = "z",
    misalignment: Turn = "0",
    attack: Attack = False,
    no_closed_forms: NoClosedForms = False,
    model: Model = "quantum",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Lower bound on the randomness rate H(AB|X=x,Y=y,E), in bits a round; or local, or blind."""
    member, v = member_of(theta, phi, omega), number(visibility, "visibility")
    how = entropy_of(entropy, method, tolerance, model, level, solver)
    others = others_of(efficiency, dephasing, axis, misalignment)
    behaviour, data = data_of(member, v, observed, others)
    check_folder(certificate)
    if blind and attack:
        raise InvalidInput("--attack has no attack on blind randomness; leave it or --blind out.")
    s, r = integer(x, "x"), integer(y, "y")
    rate = sb.randomness_rate(behaviour, data, local, s, r, how, blind=blind, closed_forms=not no_closed_forms)
    above = randomness_rate_upper_bound(behaviour, data, local, *rate.settings) if attack else None
    _report_rate(rate, above, how, Asked(member, v, observed, others), certificate, as_json)


@dataclass(frozen=True)
class Asked:
    """The devices, their noise and what is tested."""

    member: sb.SingletSelfTest
    visibility: float
    observed: str
    others: sb.Noise | None

    def facts(self) -> dict[str, Any]:
        noise = None if self.others is None else self.others.name
        return {"visibility": self.visibility, "noise": noise, "observed": self.observed}

    def line(self) -> str:
        noise = "" if self.others is None else f", then {self.others.name}"
        return f"visibility {self.visibility:.{DIGITS}g}{noise}, tested: {self.observed}"


def _report_rate(
    rate: sb.Rate,
    above: sb.Rate | None,
    entropy: Entropy,
    asked: Asked,
    certificate: Path | None,
    as_json: bool,
) -> None:
    save(rate.entropy, certificate)
    facts = {
        "command": f"rate {rate.kind}",
        **angles(asked.member),
        **asked.facts(),
        **adversary_facts(entropy.adversary),
        **rate_facts(rate),
        "program": None if rate.sdp is None else rate_facts(rate.sdp),
        "attack": None if above is None else rate_facts(above),
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [heading(asked.member), *rate_lines(rate)]
    if rate.sdp is not None:
        lines += ["beside the closed form, from the program:", *(f"  {line}" for line in rate_lines(rate.sdp))]
    program = rate.entropy if rate.sdp is None else rate.sdp.entropy
    lines += [f"  {how_solved(program)}; {asked.line()}"]
    if above is not None:
        lines += rate_lines(above)
    lines += [f"security: {rate.security}", *(f"assumed: {text}" for text in rate.assumptions)]
    if above is not None:
        lines += [f"attack: {above.security}"]
    emit(facts, lines, as_json)


def rate_facts(rate: sb.Rate) -> dict[str, Any]:
    x, y = rate.settings
    return {
        "rate": rate.value,
        "side": rate.side,
        "margin": finite(rate.entropy.correction),
        "closed_form": rate.is_closed_form,
        "settings": {"x": x, "y": y},
        "preprocessing": rate.preprocessing,
        "entropy": bound_facts(rate.entropy),
        "error_correction": rate.error_correction,
        "security": rate.security,
        "assumptions": list(rate.assumptions),
    }


def rate_lines(rate: sb.Rate) -> list[str]:
    x, y = rate.settings
    at = f"x={x}" if y is None else f"x={x}, y={y}"
    if rate.preprocessing:
        at += f", preprocessing {rate.preprocessing:.6g}"
    sign = ">=" if rate.side == "lower" else "<="
    lines = [
        f"{rate.kind} rate {sign} {rounded(rate.value, rate.side)} bits a round at {at}   "
        f"({rate.side} bound; {margin_of(rate.entropy)})",
        f"  {bound_line(rate.entropy)}",
    ]
    if rate.kind == "key":
        lines.append(f"  error correction H(A|B) = {rate.error_correction:.{DIGITS}g}   (of the behaviour)")
    return lines
