"""The program: its commands by name, and the exit status and sentence of every error."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
import typer.core

import sdpbound as sb
from sdpbound.cli import clicks, entropies, families, finite, numbers, rates, studies, thresholds
from sdpbound.cli.output import discard_output, print_error, print_text
from sdpbound.errors import Infeasible, InvalidInput, SdpboundError

__all__ = ["app", "main", "run"]


class _Helpful:
    """Help whose reader may go away, as in ``sdpbound --help | head -1``; mixed into the classes of typer."""

    def get_help(self, ctx: Any) -> str:
        try:
            text = super().get_help(ctx)  # type: ignore[misc]
        except (BrokenPipeError, SystemExit):  # rich prints it itself, and exits where nobody reads
            discard_output()
            return ""
        if text:
            print_text(text)
        return ""


class _Command(_Helpful, typer.core.TyperCommand):
    pass


class _Group(_Helpful, typer.core.TyperGroup):
    pass


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        context.get_help()


def _version(value: bool) -> None:
    if value:
        print_text(f"sdpbound {sb.__version__}")
        raise typer.Exit()


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Certified bounds on quantum, no-signaling and local correlations, and the rates they give.",
    epilog="Exit status: 0 success, 1 not finished, 2 bad input, a certificate that does not hold or a damaged file, "
    "130 interrupted, 143 terminated.",
)
rate_app = typer.Typer(cls=_Group, help="Certified key and randomness rates of devices of any family, or own data.")
app.add_typer(rate_app, name="rate")
threshold_app = typer.Typer(cls=_Group, help="The noise that the key of devices survives, from both sides.")
app.add_typer(threshold_app, name="threshold")


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    _help_alone(context)


@rate_app.callback(invoke_without_command=True)
@threshold_app.callback(invoke_without_command=True)
def _several(context: typer.Context) -> None:
    _help_alone(context)


app.command("value", cls=_Command)(numbers.value_command)
app.command("guess", cls=_Command)(numbers.guess_command)
app.command("entropy", cls=_Command)(entropies.entropy_command)
app.command("finite", cls=_Command)(finite.finite_command)
app.command("families", cls=_Command)(families.families_command)
rate_app.command("key", cls=_Command)(rates.key_command)
rate_app.command("randomness", cls=_Command)(rates.randomness_command)
threshold_app.command("visibility", cls=_Command)(thresholds.visibility_command)
threshold_app.command("efficiency", cls=_Command)(thresholds.efficiency_command)
for name, command in studies.COMMANDS.items():
    app.command(name, cls=_Command)(command)


def _usage_sentence(error: Any) -> str:
    """A usage error of click in one sentence, with the nearest name that is allowed."""
    context = error.ctx
    path = "sdpbound" if context is None else context.command_path
    if isinstance(error, clicks.errors.NoSuchOption) and context is not None:
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
    except clicks.errors.UsageError as error:
        print_error(_usage_sentence(error))
        return 2
    except clicks.errors.ClickException as error:
        print_error(error.format_message())
        return 2
    except (InvalidInput, Infeasible) as error:
        print_error(str(error))
        return 2
    except SdpboundError as error:
        print_error(str(error))
        return 1
    except (KeyboardInterrupt, typer.Abort) as stop:
        word = "terminated" if type(stop).__name__ == "Terminated" else "interrupted"
        print_error(f"{word}: {stop}" if str(stop) else f"{word}, nothing was finished.")
        return 143 if word == "terminated" else 130
    except BrokenPipeError:
        discard_output()
        return 1
    except OSError as error:  # a full disk, a folder without permission
        print_error(f"{error.filename or 'a file'} could not be read or written: {error.strerror or error}.")
        return 1
    return 0


def main() -> None:
    """Entry point of the script ``sdpbound``."""
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    sys.exit(status)
