"""The program: its commands by name, and the exit status and the sentence of every error."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, ClassVar

import typer
import typer.core

from sdpbound.cli import clicks
from sdpbound.cli.output import discard_output, print_error, print_text
from sdpbound.errors import Infeasible, InvalidInput, SdpboundError
from sdpbound.version import __version__

__all__ = ["COMPLETE", "app", "main", "run"]


#: By this variable shells ask for completions, and say what for.
COMPLETE = "_SDPBOUND_COMPLETE"


class _Helpful:
    """Help whose reader may go away, as in ``sdpbound --help | head -1``.

    The class is mixed into the classes of typer.
    """

    def get_help(self, ctx: Any) -> str:
        try:
            text = super().get_help(ctx)  # type: ignore[misc]
        except (BrokenPipeError, SystemExit):  # rich prints the help itself, and exits if nobody reads
            discard_output()
            return ""
        if text:
            print_text(text)
        return ""


class _Command(_Helpful, typer.core.TyperCommand):
    pass


class _Group(_Helpful, typer.core.TyperGroup):
    """A group of commands by name.

    A command is imported when it is asked for, so that the start is fast.
    """

    #: For each command: its module, seen from this package, and its name in that module.
    places: ClassVar[Mapping[str, str]]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.places)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The names of commands, none of which is imported for that, and options where they begin."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [clicks.completion_item(name) for name in self.places if name.startswith(incomplete)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name].partition(":")
        found = getattr(import_module(f"sdpbound.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name, cls=_Command)(found)
        return typer.main.get_command(alone)


class _Rates(_Group):
    places = {"key": "rates:key_command", "randomness": "rates:randomness_command"}


class _Thresholds(_Group):
    places = {"visibility": "thresholds:visibility_command", "efficiency": "thresholds:efficiency_command"}


class _Lists(_Group):
    places = {"inequalities": "catalogue:inequalities_command", "families": "families:families_command"}


class _Program(_Group):
    places = {
        "value": "numbers:value_command",
        "guess": "numbers:guess_command",
        "entropy": "entropies:entropy_command",
        "finite": "finite:finite_command",
        "certify": "counting:certify_command",
        "rate": "program:rate_app",
        "threshold": "program:threshold_app",
        "families": "families:families_command",
        "list": "program:list_app",
        "check": "checking:check_command",
        "run": "running:run_command",
        "status": "studies:status_command",
        "retry": "running:retry_command",
        "export": "studies:export_command",
        "plot": "studies:plot_command",
        "report": "studies:report_command",
        "verify": "verifying:verify_command",
        "merge": "studies:merge_command",
        "recover": "studies:recover_command",
        "schema": "studies:schema_command",
        "doctor": "doctor:doctor_command",
        "explore": "exploring:explore_command",
    }


app = typer.Typer(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Certified bounds on quantum, no-signaling and local correlations, and the rates they give.",
    epilog="Exit status: 0 success, 1 not finished, 2 bad input, a certificate that does not hold or a damaged file, "
    "130 interrupted, 143 terminated.",
)
rate_app = typer.Typer(
    name="rate", cls=_Rates, help="Certified key and randomness rates of devices of any family, or own data."
)
threshold_app = typer.Typer(
    name="threshold", cls=_Thresholds, help="The noise that the key of devices survives, from both sides."
)
list_app = typer.Typer(name="list", cls=_Lists, help="What has a name here: Bell inequalities, families of devices.")


def _version(value: bool) -> None:
    if value:
        print_text(f"sdpbound {__version__}")
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
@threshold_app.callback(invoke_without_command=True)
@list_app.callback(invoke_without_command=True)
def _several(context: typer.Context) -> None:
    _help_alone(context)


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        context.get_help()


def _usage_sentence(error: Any) -> str:
    """Say a usage error of click in one sentence, with the nearest allowed name."""
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
        known = sorted(context.command.list_commands(context))
        near = difflib.get_close_matches(command[1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
        return f"'{path}' has no command {command[1]!r}; {hint}"
    message = error.format_message().strip().rstrip(".")
    return f"{message[:1].lower()}{message[1:]}; see '{path} --help'."


def run(arguments: Sequence[str]) -> int:
    """Run one command line, and return its exit status."""
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
    """Run the script ``sdpbound``."""
    if COMPLETE in os.environ:  # the shell asks what may come next
        typer.main.get_command(app).main(prog_name="sdpbound", complete_var=COMPLETE)
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    sys.exit(status)
