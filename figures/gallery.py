"""Redraw every figure from its tables, and write the gallery of the documentation.

A figure is a file figures/NAME.py with ``FIGURE`` and ``draw``; its tables are results/STUDY/STUDY.csv. One that
computes its table has ``compute`` too, and its table is results/NAME/NAME.csv, computed
where it is missing.

    python figures/gallery.py [--run] [--slow] [NAME ...]

``--run`` runs the studies whose tables are missing, ``--slow`` also those that take long: a figure of such studies is
else left as it is where a table is missing. Names restrict what is drawn, and ask for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from PIL import Image, PngImagePlugin

from sdpbound.errors import InvalidStudy, SdpboundError
from sdpbound.plotting.look import FigureSpec
from sdpbound.study.out.figures import load_script

ROOT = Path(__file__).resolve().parents[1]
#: Dots to the inch of the documentation's pictures.
DPI = 200
INTRODUCTION = """\
# Gallery

Every figure is drawn from tables alone, by one script in `figures/`; `make figures` redraws them all and writes this
page. Figures of studies that take long are then drawn only from tables that are there; `make studies` computes these,
in about an hour. PDF and PNG files carry the caption, and the name and SHA-256 of their tables, in their metadata.
"""


def figures(folder: Path = ROOT / "figures") -> list[ModuleType]:
    """The scripts that declare a figure, by name."""
    names = sorted(path for path in folder.glob("*.py") if path.name != Path(__file__).name)
    modules = [load_script(path) for path in names]
    for path, module in zip(names, modules, strict=True):
        about = getattr(module, "FIGURE", None)
        if not isinstance(about, FigureSpec) or about.name != path.stem:
            raise InvalidStudy(f"'{path}' declares no FIGURE = FigureSpec(name={path.stem!r}, ...); add it.")
    return modules


def missing(about: FigureSpec, results: Path) -> list[str]:
    """The studies of a figure that have no table yet."""
    return [study for study in about.studies if not (results / study / f"{study}.csv").is_file()]


def tables(about: FigureSpec, results: Path, run: bool) -> list[Path]:
    """The tables of a figure; a missing one is computed first, or the error says how."""
    found = []
    for study in about.studies:
        path, file = results / study / f"{study}.csv", ROOT / "studies" / f"{study}.toml"
        command = ["sdpbound", "run", str(file.relative_to(ROOT))]
        if not path.is_file():
            if not run:
                raise InvalidStudy(
                    f"the figure {about.name!r} needs the table '{path}', and it does not exist: `{' '.join(command)}` "
                    "makes it, or the option --run does."
                )
            words = ["run", str(file), "--output", str(path.parent), "--no-figure"]
            subprocess.run([sys.executable, "-m", "sdpbound", *words], check=True)
        found.append(path)
    return found


def picture(source: Path, target: Path) -> None:
    """A copy of a PNG for the documentation: smaller, with the same metadata."""
    with Image.open(source) as image:
        image.load()
        text = PngImagePlugin.PngInfo()
        for key, value in getattr(image, "text", {}).items():
            text.add_text(key, value)
        scale = DPI / image.info["dpi"][0]
        size = (round(image.width * scale), round(image.height * scale))
        small = image.convert("RGB").resize(size, Image.Resampling.HAMMING)
    # 256 colours are enough here; by coverage, so that small things of a colour of their own keep it
    few = small.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(target, dpi=(DPI, DPI), pnginfo=text, optimize=True)


def page(all_figures: Sequence[FigureSpec]) -> str:
    """The gallery as Markdown."""
    parts = [INTRODUCTION]
    for about in all_figures:
        if about.computed:
            parts.append(
                f"## {about.title}\n\n![{about.alt}]({about.name}.png)\n\n{about.caption}\n\n"
                f"Computed and drawn by [`figures/{about.name}.py`](../figures/{about.name}.py):\n\n"
                f"    python figures/{about.name}.py results/{about.name}\n"
            )
            continue
        files = ", ".join(f"[`studies/{study}.toml`](../studies/{study}.toml)" for study in about.studies)
        runs = "\n".join(f"    sdpbound run studies/{study}.toml --run-figure-script" for study in about.studies)
        tables_of = " ".join(f"results/{study}/{study}.csv" for study in about.studies)
        parts.append(
            f"## {about.title}\n\n![{about.alt}]({about.name}.png)\n\n{about.caption}\n\n"
            f"From {files}, drawn by [`figures/{about.name}.py`](../figures/{about.name}.py):\n\n"
            f"{runs}\n    python figures/{about.name}.py {tables_of} results/{about.name}\n"
        )
    return "\n".join(parts)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Redraw every figure from its tables and write docs/gallery.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw; default all")
    parser.add_argument("--run", action="store_true", help="run the studies whose tables are missing")
    parser.add_argument("--slow", action="store_true", help="also the figures whose studies take long")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the tables; default results")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the gallery; default docs")
    given = parser.parse_args()
    try:
        modules = figures()
        known = {module.FIGURE.name: module for module in modules}
        for name in given.names:
            if name not in known:
                raise InvalidStudy(f"there is no figure {name!r}; the figures are {', '.join(known)}.")
        for name in given.names or known:
            module = known[name]
            about = module.FIGURE
            if about.slow and not (given.slow or given.names) and missing(about, given.results):
                print(f"{name} is left as it is: `make studies` computes {', '.join(missing(about, given.results))}")
                continue
            if about.computed:
                own = given.results / name / f"{name}.csv"
                sources = [own if own.is_file() else module.compute(own.parent)]
            else:
                sources = tables(about, given.results, given.run)
            for path in module.draw(*sources, given.results / name):
                print(path)
            picture(given.results / name / f"{name}.png", given.docs / f"{name}.png")
        (given.docs / "gallery.md").write_text(page([module.FIGURE for module in modules]), encoding="utf-8")
    except SdpboundError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"the study did not finish (exit code {error.returncode}); see its messages above.")


if __name__ == "__main__":
    main()
