"""Commands for entropies from both sides, and for the noise that a key survives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

import sdpbound as sb
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.cli.options import (
    OBSERVED,
    AsJson,
    CertificateFile,
    Efficiency,
    Flip,
    FlipAxis,
    Level,
    Method,
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
    choice,
    data_of,
    flips_of,
    integer,
    member_of,
    number,
    others_of,
    save,
    von_neumann,
)
from sdpbound.cli.output import DIGITS, angles, bound_facts, bound_line, emit, heading, how_solved, rounded
from sdpbound.cli.rates import Asked, rate_facts, rate_lines
from sdpbound.errors import InvalidInput
from sdpbound.rates.critical import critical_efficiency, critical_visibility
from sdpbound.rates.thresholds import Threshold

X = Annotated[str, typer.Option(help="Alice's key setting, from 0.", metavar="X")]
Resolution = Annotated[str, typer.Option(help="Distance aimed at between alive and dead.", metavar="WIDTH")]
NoClosed = Annotated[bool, typer.Option("--no-closed-forms", help="Bound by a program also where there is a formula.")]


def entropy_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: X = "0",
    y: Annotated[str | None, typer.Option(help="Bob's setting: of both outcomes, H(AB|x,y,E).", metavar="Y")] = None,
    method: Method = None,
    tolerance: Tolerance = None,
    preprocessing: Annotated[str, typer.Option(help="Probability of a flip of Alice's bit.", metavar="Q")] = "0",
    efficiency: Efficiency = "1",
    dephasing: Flip = "0",
    axis: FlipAxis = "z",
    misalignment: Turn = "0",
    no_closed_forms: NoClosed = False,
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Von Neumann entropy H(A|X=x,E) or H(AB|X=x,Y=y,E) given Eve, from both sides: certified, and an attack above.

    The certificate is that of the lower bound.
    """
    member, v = member_of(theta, phi, omega), number(visibility, "visibility")
    others, flips = others_of(efficiency, dephasing, axis, misalignment), number(preprocessing, "preprocessing")
    how = von_neumann(method, tolerance, level, solver)
    _, data = data_of(member, v, observed, others)
    s, r = integer(x, "x") or 0, integer(y, "y")
    check_folder(certificate)
    below = sb.conditional_entropy(data, s, r, how, flips, closed_forms=not no_closed_forms)
    above = conditional_entropy_upper_bound(data, s, r, flips)
    save(below, certificate)
    asked = Asked(member, v, observed, others)
    facts = {
        "command": "entropy",
        **angles(member),
        **asked.facts(),
        "settings": {"x": s, "y": r},
        "preprocessing": flips,
        "lower": bound_facts(below),
        "upper": bound_facts(above) | {"exact": above.exact, "error": above.error},
        "gap": above.value - below.value,
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [heading(member), f"{bound_line(below)}, in bits", f"{bound_line(above)}, in bits"]
    lines += [f"  {how_solved(below)}; {asked.line()}"]
    emit(facts, lines, as_json)


def visibility_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    observed: Tested = "correlators",
    x: X = "0",
    y: Annotated[str, typer.Option(help="Bob's key setting, from 0.", metavar="Y")] = "0",
    method: Method = None,
    tolerance: Tolerance = None,
    resolution: Resolution = "1e-4",
    preprocessing: Preprocessing = "0",
    efficiency: Efficiency = "1",
    dephasing: Flip = "0",
    axis: FlipAxis = "z",
    misalignment: Turn = "0",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """The visibility down to which a key is proven, and one at which an attack leaves none.

    The certificate is that of the entropy at the visibility where the key is proven.
    """
    others = others_of(efficiency, dephasing, axis, misalignment)
    _threshold(
        "visibility",
        lambda member, tested, settings, more: critical_visibility(member, tested, *settings, noise=others, **more),
        member_of(theta, phi, omega),
        observed,
        (integer(x, "x"), integer(y, "y")),
        {
            "entropy": von_neumann(method, tolerance, level, solver),
            "preprocessing": flips_of(preprocessing),
            "tolerance": number(resolution, "resolution"),
        },
        others,
        certificate,
        as_json,
    )


def efficiency_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: X = "0",
    y: Annotated[str, typer.Option(help="Bob's key setting, from 0.", metavar="Y")] = "0",
    method: Method = None,
    tolerance: Tolerance = None,
    resolution: Resolution = "1e-4",
    preprocessing: Preprocessing = "0",
    dephasing: Flip = "0",
    axis: FlipAxis = "z",
    misalignment: Turn = "0",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """The detection efficiency of both sides down to which a key is proven, and one at which an attack leaves none.

    No click is outcome 0. The certificate is that of the entropy at the efficiency where the key is proven.
    """
    others, v = others_of("1", dephasing, axis, misalignment), number(visibility, "visibility")
    noise: sb.Noise | None = others if v == 1.0 else sb.WhiteNoise(v) if others is None else sb.WhiteNoise(v) + others
    _threshold(
        "efficiency",
        lambda member, tested, settings, more: critical_efficiency(member, tested, *settings, noise=noise, **more),
        member_of(theta, phi, omega),
        observed,
        (integer(x, "x"), integer(y, "y")),
        {
            "entropy": von_neumann(method, tolerance, level, solver),
            "preprocessing": flips_of(preprocessing),
            "tolerance": number(resolution, "resolution"),
        },
        noise,
        certificate,
        as_json,
    )


def _threshold(
    name: str,
    search: Callable[..., Threshold],
    member: sb.SingletSelfTest,
    observed: str,
    settings: tuple[int | None, int | None],
    more: dict[str, Any],
    noise: sb.Noise | None,
    certificate: Any,
    as_json: bool,
) -> None:
    tested = choice(observed, OBSERVED, "--observed")
    check_folder(certificate)
    found = search(member, tested, settings, more)
    if certificate is not None and found.alive_rate is None:
        raise InvalidInput(f"no key is proven at any {name}, so that there is no certificate; leave --certificate out.")
    if found.alive_rate is not None:
        save(found.alive_rate.entropy, certificate)
    facts = {
        "command": f"threshold {name}",
        **angles(member),
        "observed": tested,
        "noise": None if noise is None else noise.name,
        "alive": found.alive,
        "dead": found.dead,
        "alive_rate": None if found.alive_rate is None else rate_facts(found.alive_rate),
        "dead_rate": None if found.dead_rate is None else rate_facts(found.dead_rate),
        "found": dict(found.found),
        "solves": found.solves,
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [heading(member)]
    if found.alive is None or found.alive_rate is None:
        lines += [f"no key is proven at any {name}"]
    else:
        lines += [f"a key is proven at {name} {found.alive:.{DIGITS}g}", *_indented(found.alive_rate)]
    if found.dead is None or found.dead_rate is None:
        lines += ["no attack was found that leaves no key: unresolved below"]
    else:
        lines += [f"an attack leaves no key at {name} {found.dead:.{DIGITS}g}", *_indented(found.dead_rate)]
    lines += ["between the two, and beyond them, nothing is proven"]
    lines += [f"  {key} {value:.6g}" for key, value in found.found]
    lines += [f"tested: {tested}" + ("" if noise is None else f"; noise besides: {noise.name}")]
    emit(facts, lines, as_json)


def finite_command(
    theta: Theta,
    phi: Phi,
    omega: Omega,
    rounds: Annotated[list[str], typer.Option("--rounds", help="Number of rounds; may be repeated.", metavar="N")],
    visibility: Visibility = "1",
    observed: Tested = "correlators",
    x: X = "0",
    y: Annotated[str, typer.Option(help="Bob's key setting, from 0.", metavar="Y")] = "0",
    soundness: Annotated[
        str, typer.Option(help="Distance from an ideal key that is allowed.", metavar="EPS")
    ] = "1e-10",
    completeness: Annotated[
        str, typer.Option(help="Probability with which honest devices may abort.", metavar="EPS")
    ] = "1e-2",
    method: Method = None,
    tolerance: Tolerance = None,
    preprocessing: Annotated[str, typer.Option(help="Probability of a flip of Alice's bit.", metavar="Q")] = "0",
    efficiency: Efficiency = "1",
    dephasing: Flip = "0",
    axis: FlipAxis = "z",
    misalignment: Turn = "0",
    level: Level = None,
    solver: SolverName = None,
    certificate: CertificateFile = None,
    as_json: AsJson = False,
) -> None:
    """Secret key from finitely many rounds, against every quantum attack, by entropy accumulation: a lower bound.

    With several numbers of rounds the certificate is that of the first.
    """
    member, v = member_of(theta, phi, omega), number(visibility, "visibility")
    others, flips = others_of(efficiency, dephasing, axis, misalignment), number(preprocessing, "preprocessing")
    behaviour, data = data_of(member, v, observed, others)
    check_folder(certificate)
    security = sb.FiniteSecurity(
        soundness=number(soundness, "soundness"), completeness=number(completeness, "completeness")
    )
    found = sb.finite_key_length(
        behaviour,
        [number(n, "rounds") for n in rounds],
        integer(x, "x") or 0,
        integer(y, "y") or 0,
        data,
        entropies=von_neumann(method, tolerance, level, solver),
        preprocessing=flips,
        security=security,
    )
    save(found[0], certificate)
    asked = Asked(member, v, observed, others)
    facts = {
        "command": "finite",
        **angles(member),
        **asked.facts(),
        "preprocessing": flips,
        "lengths": [_length_facts(length) for length in found],
        "theorem": found[0].theorem,
        "assumptions": list(found[0].assumptions),
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [heading(member)]
    for length in found:
        lines.append(
            f"key of {rounded(length.length, 'lower')} bits or more from {length.rounds:.{DIGITS}g} rounds   (lower "
            f"bound; {rounded(length.rate, 'lower')} a round; tests with probability {length.test_probability:.3g})"
        )
    lines += [f"  soundness {security.soundness:g}, completeness {security.completeness:g}; {asked.line()}"]
    lines += [f"theorem: {found[0].theorem}", *(f"assumed: {text}" for text in found[0].assumptions)]
    emit(facts, lines, as_json)


def _length_facts(length: sb.FiniteLength) -> dict[str, Any]:
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


def _indented(rate: sb.Rate) -> list[str]:
    return [f"  {line}" for line in rate_lines(rate)]
