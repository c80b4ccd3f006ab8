"""The command line, ``sdpbound`` or ``python -m sdpbound``.

Exit status: 0 on success (also for help, and for ``sdpbound`` alone, which shows it); 1 on a computation that could not
be finished, a study with failed rows among them; 2 on bad input, which a certificate that does not hold and a damaged
file are; 130 if interrupted, 143 if ended by SIGTERM. Errors are one sentence on standard error.

Every bound is printed with its side and rounded to that side, so that the number on the screen is proven as well.
``--json`` prints one object with the floats as they are. Nothing is clipped.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import sdpbound as sb
from sdpbound.cli import entropies, numbers, rates, studies
from sdpbound.cli.output import complain, mute, say
from sdpbound.errors import Infeasible, InvalidInput, SdpboundError

__all__ = ["app", "main", "run"]

# Newer versions of typer carry their own click, older ones use the package: the errors are where BadParameter is.
_click: Any = sys.modules[typer.BadParameter.__module__]

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Certified bounds on quantum, no-signaling and local correlations, and the rates they give.",
    epilog="Exit status: 0 success, 1 not finished, 2 bad input, a certificate that does not hold or a damaged file, "
    "130 interrupted, 143 terminated.",
)
rate_app = typer.Typer(help="Certified key and randomness rates of a member of the singlet family.")
app.add_typer(rate_app, name="rate")
threshold_app = typer.Typer(help="The noise that the key of a member of the singlet family survives, from both sides.")
app.add_typer(threshold_app, name="threshold")


def _version(value: bool) -> None:
    if value:
        say(f"sdpbound {sb.__version__}")
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
def _rates(context: typer.Context) -> None:
    _help_alone(context)


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        text = context.get_help()  # typer with rich prints it and returns an empty text
        if text:
            say(text)


app.command("value")(numbers.value_command)
app.command("guess")(numbers.guess_command)
app.command("entropy")(entropies.entropy_command)
app.command("finite")(entropies.finite_command)
rate_app.command("key")(rates.key_command)
rate_app.command("randomness")(rates.randomness_command)
threshold_app.command("visibility")(entropies.visibility_command)
threshold_app.command("efficiency")(entropies.efficiency_command)
for name, command in studies.COMMANDS.items():
    app.command(name)(command)


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
        complain(_usage_sentence(error))
        return 2
    except _click.ClickException as error:
        complain(error.format_message())
        return 2
    except (InvalidInput, Infeasible) as error:
        complain(str(error))
        return 2
    except SdpboundError as error:
        complain(str(error))
        return 1
    except (KeyboardInterrupt, typer.Abort) as stop:
        word = "terminated" if type(stop).__name__ == "Terminated" else "interrupted"
        complain(f"{word}: {stop}" if str(stop) else f"{word}, nothing was finished.")
        return 143 if word == "terminated" else 130
    except BrokenPipeError:
        mute()
        return 1
    except OSError as error:  # a full disk, a folder without permission
        complain(f"{error.filename or 'a file'} could not be read or written: {error.strerror or error}.")
        return 1
    return 0


def main() -> None:
    """Entry point of the script ``sdpbound``."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
