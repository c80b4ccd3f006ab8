"""What several commands take, and how a text becomes a value: one sentence for everything that does not."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import sdpbound as sb
from sdpbound.adversaries import ADVERSARIES, adversary_named
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput, InvalidParameter

OBSERVED = ("bell", "correlators", "full")
AXES = ("x", "y", "z")
ENTROPIES = ("min", "von-neumann")

Theta = Annotated[str, typer.Option(help="Angle of A1 in radians, such as 0.8, pi/3 or -pi/2+0.02.", metavar="ANGLE")]
Phi = Annotated[str, typer.Option(help="Angle of B0, likewise.", metavar="ANGLE")]
Omega = Annotated[str, typer.Option(help="Angle of B1, likewise.", metavar="ANGLE")]
Visibility = Annotated[str, typer.Option(help="Weight of the ideal behaviour in white noise, 0 to 1.", metavar="V")]
Tested = Annotated[str, typer.Option(help="What is tested: bell, correlators or full.", metavar="DATA")]
Model = Annotated[str, typer.Option(help="The adversary: quantum, no-signaling or local.", metavar="MODEL")]
Level = Annotated[
    str | None,
    typer.Option(help="Level of the quantum hierarchy, such as 1+AB or 2. Default 2.", metavar="LEVEL"),
]
SolverName = Annotated[
    str | None,
    typer.Option(help="A solver, such as clarabel or cvxpy:CVXOPT; a wrong name lists all. By size.", metavar="NAME"),
]
CertificateFile = Annotated[
    Path | None, typer.Option("--certificate", help="Write the certificate to this JSON file.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Efficiency = Annotated[str, typer.Option(help="Of all detectors, 0 to 1; no click is outcome 0.", metavar="ETA")]
Flip = Annotated[str, typer.Option("--dephasing", help="Probability of a phase flip of each qubit.", metavar="P")]
FlipAxis = Annotated[
    str, typer.Option("--axis", help="Axis of dephasing: x, y, or z across the plane of measurements.", metavar="AXIS")
]
Turn = Annotated[
    str, typer.Option("--misalignment", help="Angle in radians by which Alice's measurements turn.", metavar="ANGLE")
]
EntropyName = Annotated[str, typer.Option("--entropy", help="min or von-neumann.", metavar="ENTROPY")]
Method = Annotated[
    str | None,
    typer.Option(help="Of von Neumann entropies: projective, gauss-radau or qubit.", metavar="METHOD"),
]
Tolerance = Annotated[
    str | None, typer.Option(help="Accuracy of a von Neumann entropy, in bits. Default 1e-3.", metavar="BITS")
]
Preprocessing = Annotated[
    str, typer.Option(help="Probability with which Alice flips her key bit, 0 to 1/2, or best.", metavar="Q")
]
Attack = Annotated[bool, typer.Option("--attack", help="Print the upper bound of an explicit attack too.")]
AnyX = Annotated[str | None, typer.Option(help="Alice's setting, from 0. Default: of the best pair.", metavar="X")]
AnyY = Annotated[str | None, typer.Option(help="Bob's setting, from 0. Default: of the best pair.", metavar="Y")]
NoClosedForms = Annotated[
    bool, typer.Option("--no-closed-forms", help="Bound by a program also where a self-test gives the entropy.")
]


def number(text: str, name: str) -> float:
    """A number as such, or an arithmetic expression such as "pi/2 - 0.02"."""
    try:
        return float(text)
    except ValueError:
        pass
    from sdpbound.study.file.expressions import ALLOWED, evaluate

    try:
        return evaluate(text)
    except ValueError as error:
        raise InvalidParameter(f"{name} = {text!r}: {error}; write {ALLOWED}.") from None


def integer(text: str | None, name: str) -> int | None:
    """Range left to the library, which knows it."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(f"{name} = {text!r} must be an integer from 0.") from None


def choice(value: str, allowed: Sequence[str], name: str) -> str:
    if value in allowed:
        return value
    near = difflib.get_close_matches(value.lower(), allowed, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise InvalidParameter(f"{name} = {value!r} must be {', '.join(allowed[:-1])} or {allowed[-1]}{hint}")


def model_of(name: str, level: str | None) -> sb.Adversary:
    if level is not None and not ADVERSARIES.named(name, "--model").takes_level:
        raise InvalidInput(
            f"--level {level} is of the quantum hierarchy, and --model is {name}: leave one of them out."
        )
    return adversary_named(name, level, "--model")


def member_of(theta: str, phi: str, omega: str) -> sb.SingletSelfTest:
    return sb.SingletSelfTest(number(theta, "theta"), number(phi, "phi"), number(omega, "omega"))


def others_of(efficiency: str, dephasing: str, axis: str, misalignment: str) -> sb.Noise | None:
    """The noise besides white noise, in the order in which it happens; None for none."""
    parts: list[sb.Noise] = []
    flip, turn, eta = (
        number(dephasing, "dephasing"),
        number(misalignment, "misalignment"),
        number(efficiency, "efficiency"),
    )
    along = choice(axis, AXES, "--axis")
    if flip:
        parts.append(sb.Dephasing(flip, axis=along))
    if turn:
        parts.append(sb.Misalignment(turn, 0.0))
    if eta != 1.0:
        parts.append(sb.DetectionInefficiency(eta))
    return sb.NoiseSequence(tuple(parts)) if parts else None


def flips_of(text: str) -> float | str:
    """A preprocessing, or "best"."""
    return text if text == "best" else number(text, "preprocessing")


def von_neumann(method: str | None, tolerance: str | None, level: str | None, solver: str | None) -> sb.VonNeumann:
    """How von Neumann entropies are bounded."""
    accuracy = 1e-3 if tolerance is None else number(tolerance, "tolerance")
    found = sb.VonNeumann(level=level, tolerance=accuracy, solver=solver)
    return found if method is None else replace(found, method=method)


def entropy_of(
    name: str, method: str | None, tolerance: str | None, model: str, level: str | None, solver: str | None
) -> Entropy:
    """The entropy that a rate is made of."""
    if choice(name, ENTROPIES, "--entropy") == "min":
        for option, value in (("--method", method), ("--tolerance", tolerance)):
            if value is not None:
                raise InvalidInput(f"{option} {value} is of von Neumann entropies: say --entropy von-neumann too.")
        return sb.MinEntropy(model_of(model, level), solver)
    if ADVERSARIES.named(model, "--model") is not sb.Quantum:
        raise InvalidInput(
            f"--model {model}: von Neumann entropies are against quantum adversaries; use --entropy min."
        )
    return von_neumann(method, tolerance, level, solver)


def data_of(
    member: sb.SingletSelfTest, visibility: float, tested: str, others: sb.Noise | None = None
) -> tuple[sb.Behaviour, sb.Observations]:
    kind = choice(tested, OBSERVED, "--observed")
    behaviour = member.behaviour(visibility)
    if others is not None:
        behaviour = member.behaviour(noise=sb.WhiteNoise(visibility) + others)
    if kind == "bell":
        return behaviour, sb.Observations.bell_value(member.expression, member.expression.value(behaviour))
    if kind == "correlators":
        return behaviour, sb.Observations.correlators(behaviour)
    return behaviour, sb.Observations.full(behaviour)


def check_folder(file: Path | None) -> None:
    """Before any solving: a certificate can be written here."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise InvalidInput(f"the certificate cannot be written to '{file}': give a file name in an existing folder.")


def save(bound: sb.Bound | sb.FiniteLength, file: Path | None) -> None:
    if file is None:
        return
    try:
        bound.certificate.to_json(file)
    except OSError as error:
        raise InvalidInput(
            f"the certificate cannot be written to '{file}': {error.strerror}; choose another file."
        ) from None
