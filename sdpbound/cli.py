"""The command line, ``sdpbound`` or ``python -m sdpbound``.

Exit status: 0 on success (also for help, and for ``sdpbound`` alone, which shows it); 1 on a computation that could not
be finished; 2 on bad input, which a certificate that does not hold is. Errors are one sentence on standard error.

Every bound is printed with its side and rounded to that side, so that the number on the screen is proven as well.
``--json`` prints one object with the floats as they are. Nothing is clipped.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import sys
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

import sdpbound as sb
from sdpbound.errors import CertificateError, Infeasible, InvalidInput, InvalidParameter, InvalidStudy, SdpboundError

__all__ = ["app", "main", "run"]

DIGITS = 12
MODELS = ("quantum", "no-signaling", "local")
OBSERVED = ("bell", "correlators", "full")

# Newer versions of typer carry their own click, older ones use the package: the errors are where BadParameter is.
_click: Any = sys.modules[typer.BadParameter.__module__]

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Certified bounds on quantum, no-signaling and local correlations, and the rates they give.",
    epilog="Exit status: 0 success, 1 not finished, 2 bad input or a certificate that does not hold.",
)
rate_app = typer.Typer(help="Certified key and randomness rates of a member of the singlet family.")
app.add_typer(rate_app, name="rate")

# -- options that several commands share ----------------------------------------------------------------------------

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
    str | None, typer.Option(help="clarabel, sdpa, qics, scs, highs or cvxpy:NAME. Default: by size.", metavar="NAME")
]
CertificateFile = Annotated[
    Path | None, typer.Option("--certificate", help="Write the certificate to this JSON file.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AnyX = Annotated[str | None, typer.Option(help="Alice's setting, from 0. Default: of the best pair.", metavar="X")]
AnyY = Annotated[str | None, typer.Option(help="Bob's setting, from 0. Default: of the best pair.", metavar="Y")]
NoClosedForms = Annotated[
    bool, typer.Option("--no-closed-forms", help="Bound by a program also where a self-test gives the entropy.")
]
StudyFile = Annotated[Path, typer.Argument(help="The study, a TOML file.", metavar="STUDY.toml")]
Output = Annotated[
    Path | None, typer.Option(help="Folder of the table and the figure. Default results/NAME.", metavar="DIR")
]


def _real(text: str, name: str) -> float:
    """A number as such, or an arithmetic expression such as "pi/2 - 0.02"."""
    try:
        return float(text)
    except ValueError:
        pass
    from sdpbound.study.expressions import ALLOWED, evaluate

    try:
        return evaluate(text)
    except ValueError as error:
        raise InvalidParameter(f"{name} = {text!r}: {error}; write {ALLOWED}.") from None


def _integer(text: str | None, name: str) -> int | None:
    """Range left to the library, which knows it."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(f"{name} = {text!r} must be an integer from 0.") from None


def _choice(value: str, allowed: Sequence[str], name: str) -> str:
    if value in allowed:
        return value
    near = difflib.get_close_matches(value.lower(), allowed, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise InvalidParameter(f"{name} = {value!r} must be {', '.join(allowed[:-1])} or {allowed[-1]}{hint}")


def _model(name: str, level: str | None) -> sb.Quantum | sb.NoSignaling | sb.Local:
    kind = _choice(name, MODELS, "--model")
    if kind == "quantum":
        return sb.Quantum("2" if level is None else level)
    if level is not None:
        raise InvalidInput(
            f"--level {level} is of the quantum hierarchy, and --model is {kind}: leave one of them out."
        )
    return sb.NoSignaling() if kind == "no-signaling" else sb.Local()


def _member(theta: str, phi: str, omega: str) -> sb.SingletSelfTest:
    return sb.SingletSelfTest(_real(theta, "theta"), _real(phi, "phi"), _real(omega, "omega"))


def _data(member: sb.SingletSelfTest, visibility: float, tested: str) -> tuple[sb.Behaviour, sb.Observations]:
    kind = _choice(tested, OBSERVED, "--observed")
    behaviour = member.behaviour(visibility)
    if kind == "bell":
        return behaviour, sb.Observations.bell_value(member.expression, member.expression.value(behaviour))
    if kind == "correlators":
        return behaviour, sb.Observations.correlators(behaviour)
    return behaviour, sb.Observations.full(behaviour)


def _check_folder(file: Path | None) -> None:
    """Before any solving: a certificate can be written here."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise InvalidInput(f"the certificate cannot be written to '{file}': give a file name in an existing folder.")


def _save(bound: sb.Bound, file: Path | None) -> None:
    if file is None:
        return
    try:
        bound.certificate.to_json(file)
    except OSError as error:
        raise InvalidInput(
            f"the certificate cannot be written to '{file}': {error.strerror}; choose another file."
        ) from None


# -- output ---------------------------------------------------------------------------------------------------------


def _print(text: str) -> None:
    """To standard output; a reader that has gone away, as in ``| head``, is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _mute()


def _mute() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _emit(facts: dict[str, Any], lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        _print(json.dumps({"sdpbound": sb.__version__, **facts}, indent=2, allow_nan=False))
    elif lines:
        _print("\n".join(lines))


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _rounded(value: float, side: str) -> str:
    """A bound in decimal, rounded so that it stays one."""
    context = Context(prec=DIGITS, rounding=ROUND_CEILING if side == "upper" else ROUND_FLOOR)
    number = context.create_decimal(Decimal(value + 0.0)).normalize()
    return f"{number:f}" if -5 <= number.adjusted() < DIGITS else f"{number:e}"


def _margin(bound: sb.Bound) -> str:
    if bound.status == "closed form":
        return f"closed form, {bound.source}"
    moved = "unknown" if math.isnan(bound.correction) else f"{bound.correction:.1e}"
    return f"certified margin {moved} to the solver's value"


def _bound_line(bound: sb.Bound) -> str:
    sign = "<=" if bound.side == "upper" else ">="
    return f"{bound.figure} {sign} {_rounded(bound.value, bound.side)}   ({bound.side} bound; {_margin(bound)})"


def _how(bound: sb.Bound) -> str:
    seconds = sum(bound.seconds.values())
    return f"{bound.model!r}, {bound.solver}: {bound.status}, {seconds:.3g} s"


def _bound_facts(bound: sb.Bound) -> dict[str, Any]:
    return {
        "figure": bound.figure,
        "value": bound.value,
        "side": bound.side,
        "margin": _finite(bound.correction),
        "solver_value": _finite(bound.solver_value),
        "solver": bound.solver,
        "status": bound.status,
        "seconds": dict(bound.seconds),
        "source": bound.source,
    }


def _adversary_facts(model: sb.Quantum | sb.NoSignaling | sb.Local) -> dict[str, Any]:
    return {"model": model.name, "level": model.describe().get("level")}


def _angles(member: sb.SingletSelfTest) -> dict[str, float]:
    return {"theta": member.theta, "phi": member.phi, "omega": member.omega}


def _title(member: sb.SingletSelfTest) -> str:
    theta, phi, omega = member.parameters
    word = "fulfilled: self-tests the singlet" if member.is_self_test else "not fulfilled"
    return f"theta = {theta:.12g}, phi = {phi:.12g}, omega = {omega:.12g}   (condition (4) {word})"


# -- commands -------------------------------------------------------------------------------------------------------


def _version(value: bool) -> None:
    if value:
        _print(f"sdpbound {sb.__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    _help_alone(context)


@rate_app.callback(invoke_without_command=True)
def _rates(context: typer.Context) -> None:
    _help_alone(context)


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        text = context.get_help()  # typer with rich prints it and returns an empty text
        if text:
            _print(text)


@app.command("value")
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
    member, adversary = _member(theta, phi, omega), _model(model, level)
    _check_folder(certificate)
    top = sb.maximize(member.expression, adversary, solver=solver)
    bottom = sb.minimize(member.expression, adversary, solver=solver)
    _save(top, certificate)
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
        **_angles(member),
        **_adversary_facts(adversary),
        "maximum": _bound_facts(top),
        "minimum": _bound_facts(bottom),
        "closed_forms": closed,
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [
        _title(member),
        f"maximum: {_bound_line(top)}",
        f"minimum: {_bound_line(bottom)}",
        f"  {_how(top)}",
        "closed forms, in floating point:",
        f"  quantum bound    {member.quantum_bound:.{DIGITS}g}",
        f"  local bound      {member.local_bound:.{DIGITS}g}   (Eq. (3))",
        f"  strategy value   {member.strategy_value:.{DIGITS}g}   (Eq. (5))",
        f"  CHSH value       {member.chsh:.{DIGITS}g}   (of the strategy, Eq. (6))",
        f"  condition (4)    {member.condition:.{DIGITS}g}   (fulfilled if negative)",
    ]
    _emit(facts, lines, as_json)


@app.command()
def guess(
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

    member, adversary, v = _member(theta, phi, omega), _model(model, level), _real(visibility, "visibility")
    _, data = _data(member, v, observed)
    s, r = _integer(x, "x") or 0, _integer(y, "y")
    _check_folder(certificate)
    if blind:
        if r is None:
            raise InvalidInput("--blind needs Bob's setting: give --y 0 or --y 1.")
        bound = sb.blind_guessing_probability(data, adversary, s, r, solver)
    else:
        bound = sb.guessing_probability(data, adversary, s, r, solver)
    entropy = as_min_entropy(bound)
    _save(bound, certificate)
    facts = {
        "command": "guess",
        **_angles(member),
        "visibility": v,
        "observed": observed,
        **_adversary_facts(adversary),
        "settings": {"x": s, "y": r},
        "blind": blind,
        "guessing_probability": _bound_facts(bound),
        "min_entropy": _bound_facts(entropy),
        "functional": {
            "side": bound.functional.side,
            "constant": bound.functional.constant,
            "multipliers": bound.functional.multipliers.tolist(),
        },
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [
        _title(member),
        _bound_line(bound),
        f"{_bound_line(entropy)}, in bits",
        f"  {_how(bound)}; visibility {v:.{DIGITS}g}, tested: {observed}",
    ]
    _emit(facts, lines, as_json)


@rate_app.command("key")
def key(
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
    member, adversary, v = _member(theta, phi, omega), _model(model, level), _real(visibility, "visibility")
    behaviour, data = _data(member, v, observed)
    _check_folder(certificate)
    entropy = sb.MinEntropy(adversary, solver)
    rate = sb.key_rate(behaviour, data, _integer(x, "x"), _integer(y, "y"), entropy, closed_forms=not no_closed_forms)
    _report_rate(rate, member, v, observed, adversary, certificate, as_json)


@rate_app.command("randomness")
def randomness(
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
    member, adversary, v = _member(theta, phi, omega), _model(model, level), _real(visibility, "visibility")
    behaviour, data = _data(member, v, observed)
    _check_folder(certificate)
    entropy, s, r = sb.MinEntropy(adversary, solver), _integer(x, "x"), _integer(y, "y")
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
    _save(rate.entropy, certificate)
    facts = {
        "command": f"rate {rate.kind}",
        **_angles(member),
        "visibility": visibility,
        "observed": observed,
        **_adversary_facts(adversary),
        **_rate_facts(rate),
        "program": None if rate.sdp is None else _rate_facts(rate.sdp),
        "certificate": None if certificate is None else str(certificate),
    }
    lines = [_title(member), *_rate_lines(rate)]
    if rate.sdp is not None:
        lines += ["beside the closed form, from the program:", *(f"  {line}" for line in _rate_lines(rate.sdp))]
    program = rate.entropy if rate.sdp is None else rate.sdp.entropy
    lines += [
        f"  {_how(program)}; visibility {visibility:.{DIGITS}g}, tested: {observed}",
        f"security: {rate.security}",
        *(f"assumed: {text}" for text in rate.assumptions),
    ]
    _emit(facts, lines, as_json)


def _rate_facts(rate: sb.Rate) -> dict[str, Any]:
    x, y = rate.settings
    return {
        "rate": rate.value,
        "side": rate.side,
        "margin": _finite(rate.entropy.correction),
        "closed_form": rate.is_closed_form,
        "settings": {"x": x, "y": y},
        "entropy": _bound_facts(rate.entropy),
        "error_correction": rate.error_correction,
        "security": rate.security,
        "assumptions": list(rate.assumptions),
    }


def _rate_lines(rate: sb.Rate) -> list[str]:
    x, y = rate.settings
    at = f"x={x}" if y is None else f"x={x}, y={y}"
    sign = ">=" if rate.side == "lower" else "<="
    lines = [
        f"{rate.kind} rate {sign} {_rounded(rate.value, rate.side)} bits a round at {at}   "
        f"({rate.side} bound; {_margin(rate.entropy)})",
        f"  {_bound_line(rate.entropy)}",
    ]
    if rate.kind == "key":
        lines.append(f"  error correction H(A|B) = {rate.error_correction:.{DIGITS}g}   (of the behaviour)")
    return lines


@app.command("run")
def run_command(
    study: StudyFile,
    workers: Annotated[
        str | None, typer.Option(help="Worker processes; 0: this process. Default: one a core.", metavar="N")
    ] = None,
    output: Output = None,
    no_figure: Annotated[bool, typer.Option("--no-figure", help="Write the table only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a study: write its table, then draw its figure.

    Rows that no solver answered are reported; the exit status is 1 only if no row succeeded or the run was interrupted.
    """
    from sdpbound.study import run_study

    if not no_figure:
        _require_figure(study)  # rather now than after hours
    result = run_study(study, output, _integer(workers, "workers"))
    figures: list[Path] = []
    failure: SdpboundError | None = None
    if not no_figure and result.failed < result.rows:
        from sdpbound.study import draw

        try:
            figures = draw(study, result.table, result.table.parent)
        except SdpboundError as error:  # the table is there: say where, then how the figure failed
            failure = error
    facts = {
        "command": "run",
        "study": str(study),
        "table": str(result.table),
        "metadata": str(result.metadata),
        "figures": [str(path) for path in figures],
        "rows": result.rows,
        "failed": result.failed,
        "seconds": result.seconds,
    }
    lines = [
        f"table     {result.table}   ({result.rows - result.failed} rows done, {result.failed} failed, "
        f"{result.seconds:.1f} s)",
        f"metadata  {result.metadata}",
        *(f"figure    {path}" for path in figures),
    ]
    _emit(facts, lines, as_json)
    if failure is not None:
        raise failure
    if result.failed == result.rows:
        _complain(f"no row of '{study}' succeeded; the column error of the table says why.")
        raise typer.Exit(1)


@app.command()
def plot(study: StudyFile, output: Output = None, as_json: AsJson = False) -> None:
    """Draw the figure of a study again from its table, without solving."""
    from sdpbound.study import draw, load_study

    name = load_study(study).name
    folder = Path("results") / name if output is None else output
    table = folder / f"{name}.csv"
    if not table.is_file():
        raise InvalidInput(f"there is no table '{table}': run the study first, or name its folder with --output.")
    if not _require_figure(study):
        raise InvalidStudy(f"study file '{study}' names no figure; add the key 'figure' to it.")
    figures = draw(study, table, folder)
    facts = {"command": "plot", "study": str(study), "table": str(table), "figures": [str(path) for path in figures]}
    _emit(facts, [f"figure    {path}" for path in figures], as_json)


def _require_figure(study: Path) -> bool:
    """Whether the study names a figure; InvalidStudy if its script is missing."""
    from sdpbound.study.figures import figure_script

    script = figure_script(study)
    if script is not None and not script.is_file():
        raise InvalidStudy(f"study file '{study}' names a figure, and its script '{script}' does not exist.")
    return script is not None


@app.command("verify")
def verify_command(
    files: Annotated[list[Path], typer.Argument(help="Certificates, JSON files.", metavar="CERTIFICATE.json...")],
    as_json: AsJson = False,
) -> None:
    """Recompute the bounds of certificates without any solver.

    Exit status 0 if all of them prove what they claim, 2 if one does not, or cannot be read as a certificate.
    """
    from sdpbound.verify import read, verify

    status = 0
    entries: list[dict[str, Any]] = []
    lines: list[str] = []
    for file in files:
        entry: dict[str, Any] = {"file": str(file), "readable": True, "holds": False}
        entries.append(entry)
        try:
            data = read(str(file))
        except CertificateError as error:
            status = 2
            entry |= {"readable": False, "message": str(error)}
            _complain(f"{file}: {error}")
            continue
        try:
            found = verify(data, strict=False)
        except CertificateError as error:  # a question or proof that makes no sense proves nothing
            status = 2
            entry["message"] = str(error)
            lines.append(f"{file}: does not hold")
            _complain(f"{file}: {error}")
            continue
        entry |= {
            "holds": found.holds,
            "value": found.value,
            "side": found.side,
            "claimed": found.claimed,
            "figure": found.figure,
            "model": found.model,
            "message": found.message,
        }
        word = "holds" if found.holds else "does not hold"
        lines.append(
            f"{file}: {word}; {found.figure} ({found.model} model), {found.side} bound recomputed {found.value!r}, "
            f"claimed {found.claimed!r}"
        )
        if found.holds:
            lines.append(f"  {found.message}")
        else:
            status = 2
            _complain(f"{file}: {found.message}")
    _emit({"command": "verify", "certificates": entries}, lines, as_json)
    if status:
        raise typer.Exit(status)


# -- errors ---------------------------------------------------------------------------------------------------------


def _complain(message: str) -> None:
    print(f"sdpbound: {' '.join(message.split())}", file=sys.stderr, flush=True)


def _usage_sentence(error: Any) -> str:
    """A usage error of click in one sentence, with the nearest name that is allowed."""
    context = error.ctx
    path = "sdpbound" if context is None else context.command_path
    if isinstance(error, _click.NoSuchOption) and context is not None:
        known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
        known.append("--help")
        near = difflib.get_close_matches(error.option_name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(sorted(known))}."
        return f"'{path}' has no option {error.option_name!r}; {hint}"
    command = re.match(r"No such command '(.*?)'", error.format_message())
    if command is not None and context is not None:
        known = sorted(context.command.commands)
        near = difflib.get_close_matches(command[1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
        return f"'{path}' has no command {command[1]!r}; {hint}"
    message = error.format_message().strip().rstrip(".")
    return f"{message[:1].lower()}{message[1:]}; see '{path} --help'."


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit status."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("sdpbound", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except _click.UsageError as error:
        _complain(_usage_sentence(error))
        return 2
    except _click.ClickException as error:
        _complain(error.format_message())
        return 2
    except (InvalidInput, Infeasible) as error:
        _complain(str(error))
        return 2
    except SdpboundError as error:
        _complain(str(error))
        return 1
    except (KeyboardInterrupt, typer.Abort) as stop:
        _complain(f"interrupted: {stop}" if str(stop) else "interrupted, nothing was finished.")
        return 1
    except BrokenPipeError:
        _mute()
        return 1
    except OSError as error:  # a full disk, a folder without permission
        _complain(f"{error.filename or 'a file'} could not be read or written: {error.strerror or error}.")
        return 1
    return 0


def main() -> None:
    """Entry point of the script ``sdpbound``."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
