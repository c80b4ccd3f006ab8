"""Arguments and groups of options of the commands on studies, and the lines that several of these commands print."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpbound.cli.groups import Options
from sdpbound.cli.output import print_error
from sdpbound.cli.texts import integer
from sdpbound.errors import InvalidInput, InvalidParameter

if TYPE_CHECKING:
    from sdpbound.study import Study, Tls

__all__ = [
    "AnyStudy",
    "Figures",
    "Machines",
    "Output",
    "RunScript",
    "StudyFile",
    "Workers",
    "loaded",
    "note_script_not_run",
]

#: Cells of which a command says how long they take, and seconds that each takes.
MANY, SECONDS = 500_000, 2e-5

StudyFile = Annotated[Path, typer.Argument(help="The study: its TOML file.", metavar="STUDY.toml")]
AnyStudy = Annotated[
    Path, typer.Argument(help="The study: its TOML file, its store or the folder of results.", metavar="STUDY")
]
Output = Annotated[Path | None, typer.Option(help="Folder of the results. Default results/NAME.", metavar="DIR")]
Workers = Annotated[
    str | None, typer.Option(help="Worker processes; 0: this process. Default: one a core.", metavar="N")
]
RunScript = Annotated[
    bool,
    typer.Option(
        "--run-figure-script",
        help="Execute the Python file figures/NAME.py that the study names as its figure; else the default chart.",
    ),
]


@dataclass(frozen=True, slots=True)
class Machines(Options):
    """The options for where a study is computed, and for which part of it."""

    workers: Workers = None
    scheduler: Annotated[
        str | None,
        typer.Option(help="Run on the Dask cluster with this scheduler, such as tcp://host:8786.", metavar="URL"),
    ] = None
    scheduler_file: Annotated[
        Path | None, typer.Option(help="Run on the Dask cluster that wrote this scheduler file.", metavar="FILE")
    ] = None
    tls_ca: Annotated[
        Path | None, typer.Option(help="For tls:// schedulers: the authority's certificate.", metavar="PEM")
    ] = None
    tls_cert: Annotated[
        Path | None, typer.Option(help="For tls:// schedulers: the client's certificate.", metavar="PEM")
    ] = None
    tls_key: Annotated[Path | None, typer.Option(help="For tls:// schedulers: the client's key.", metavar="PEM")] = None
    shard: Annotated[
        str | None, typer.Option(help="Only the K-th of N parts, in a store of its own; see merge.", metavar="K/N")
    ] = None

    def count(self) -> int | None:
        """The number of worker processes; None means one for each core."""
        return integer(self.workers, "workers")

    def tls(self) -> Tls | None:
        """The certificates for tls:// schedulers, if any are given."""
        from sdpbound.study import Tls

        files = self.tls_ca, self.tls_cert, self.tls_key
        return Tls(*files) if any(files) else None

    def part(self) -> tuple[int, int] | None:
        """The part (k, n) of the study; None means the whole study."""
        if self.shard is None:
            return None
        parts = self.shard.split("/")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
            raise InvalidParameter(f"--shard {self.shard!r} must be K/N with 1 <= K <= N, such as 3/64.")
        return int(parts[0]), int(parts[1])


@dataclass(frozen=True, slots=True)
class Figures(Options):
    """The options that say whether figures are drawn, and by which script."""

    no_figure: Annotated[bool, typer.Option("--no-figure", help="Write the table only.")] = False
    run_figure_script: RunScript = False

    def check(self) -> None:
        """Raise InvalidInput if the two options contradict each other."""
        if self.no_figure and self.run_figure_script:
            raise InvalidInput("give --no-figure or --run-figure-script, not both.")


def loaded(path: Path, output: Path | None) -> Study:
    """Load a study, and say so if it is so large that going through its cells takes a while."""
    from sdpbound.study.at_hand import MOST, Study

    found = Study.load(path, output)
    cells = found.spec.cells // (1 if found.shard is None else found.shard[1])
    if MANY < cells <= MOST:  # more are refused
        print_error(f"study '{found.name}' has {cells} cells; going through them takes about {SECONDS * cells:.0f} s.")
    return found


def note_script_not_run(path: Path, script: Path | None) -> None:
    """Print that a study names a script that was not run."""
    if script is not None:
        print_error(
            f"study file '{path}' names the script '{script.name}' in 'figures' as its figure, which was not run: this "
            "is the default chart, and --run-figure-script runs the script; read it first if it is not your own."
        )
