"""The quick check of `make quick`: lint, types, and the tests nearest to what changed, for as long as the time lasts.

What changed is what git says: commits since the branch left main, edits since the last commit, and new files. Each test
file is as near to a change as its imports say: a test that changed itself comes first, then tests that import a changed
module (or use a name that the face of a package has from there), then those in the mirror folder of a changed package,
then those that reach a changed module through others. Files that are no modules, as pages and studies, lead to the
tests that name them. Tests run in that order, quick files first. The last line counts those that the time did not
allow: only `make test` runs all of them.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.floors import PACKAGE, Module, modules, nodes

ROOT = Path(__file__).parents[1]
#: Seconds for the tests; lint and types take a few more.
SECONDS = 45.0
#: How near a test is that stands in the mirror folder of a changed package: more than one that goes through others.
MIRROR = 1.5
#: How near a test is to a change in what all tests load.
ALL = 90.0
#: Seconds that a test file takes to be collected, and those that one is thought to take that was never timed.
FILE, UNKNOWN = 0.5, 3.0
#: Key of pytest's cache: the seconds that each test file took when it last ran. Written by conftest.py.
TIMES = "sdpbound/seconds"


# -- what changed -------------------------------------------------------------------------------------------------


def git(root: Path, *words: str) -> list[str]:
    """The lines that a git command prints, none if it fails."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def base_of(root: Path) -> str:
    """The commit that changes are counted from: where this branch left main; on main, what was pushed, or HEAD."""
    branch = git(root, "rev-parse", "--abbrev-ref", "HEAD")
    for main in ("origin/main",) if branch == ["main"] else ("main", "origin/main"):
        if found := git(root, "merge-base", "HEAD", main):
            return found[0]
    return "HEAD"


def changed_files(root: Path, base: str) -> list[str]:
    """Paths below the root that differ from the base, committed or not, with new files and with those taken away."""
    tracked = git(root, "diff", "--name-only", "--no-renames", base)
    new = git(root, "ls-files", "--others", "--exclude-standard")
    return sorted({*tracked, *new})


# -- which tests reach it -----------------------------------------------------------------------------------------


class Imports:
    """Who imports whom: the modules of the package, and the test files with the helpers beside them."""

    def __init__(self, package: Mapping[str, Module], tests: Mapping[str, str]) -> None:
        """Test files and helpers by path, as texts; modules of the package as tests/floors.py reads them."""
        self.package = package
        self.tests = dict(tests)
        #: Names that a package hands on, and the modules that have them.
        self.faces = {
            name: {thing: source for source, thing in module.names if source.startswith(name)}
            for name, module in package.items()
            if module.path.name == "__init__.py"
        }
        self.below = {name: self._resolved(module.names) | module.imports for name, module in package.items()}
        for name, names in self.faces.items():  # a face is not what it hands on: the names of it are resolved
            self.below[name] -= set(names.values())
        self.own = {path: self._of_test(text) for path, text in tests.items()}

    def _resolved(self, names: Iterable[tuple[str, str]]) -> set[str]:
        found = set()
        for source, thing in names:
            whole = f"{source}.{thing}"
            found.add(whole if whole in self.package else self.faces.get(source, {}).get(thing, source))
        return found

    def _of_test(self, text: str) -> set[str]:
        """Modules that a test imports or names in a text, and helpers of the tests as ``tests.x``."""
        names, aliases, attributes, texts = [], {}, [], []
        for node in nodes(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                names += [(node.module, alias.name) for alias in node.names]
            elif isinstance(node, ast.Import):
                aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                attributes.append((node.value.id, node.attr))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "sdpbound." in node.value:
                texts.append(node.value)  # code for other processes, and places that are patched
        names += [(aliases[name], attribute) for name, attribute in attributes if name in aliases]
        found = {self._module(dotted) for text in texts for dotted in re.findall(r"\bsdpbound(?:\.\w+)+", text)}
        for source, thing in names:
            if source.split(".")[0] == "tests":
                found |= {source, f"{source}.{thing}"}
        found |= self._resolved((source, thing) for source, thing in names if source.split(".")[0] == "sdpbound")
        return found - {"sdpbound"}

    def _module(self, dotted: str) -> str:
        while dotted not in self.package and "." in dotted:
            dotted = dotted.rpartition(".")[0]
        return dotted

    def _distances(self, start: Iterable[str]) -> dict[str, int]:
        """Modules and helpers that are reached, with the number of imports on the shortest way."""
        reached: dict[str, int] = {}
        edge, steps = set(start), 1
        while edge:
            reached |= dict.fromkeys(edge, steps)
            further: set[str] = set()
            for name in edge:
                further |= self.below.get(name, set()) | self.own.get(name.replace(".", "/") + ".py", set())
            edge, steps = further - reached.keys(), steps + 1
        return reached

    def nearness(self, changed: Iterable[str]) -> dict[str, float]:
        """Test files that any change reaches, and how near it is: 0 for a changed test, 1 for a direct import."""
        changed = set(changed)
        code = {path for path in changed if path.endswith(".py") and path.startswith(("sdpbound/", "tests/"))}
        named = {path for path, text in self.tests.items() if any(_names(text, other) for other in changed - code)}
        modules = {module_of(path) for path in code | named}
        mirrors = {path.split("/")[1] for path in code if path.startswith("sdpbound/")}
        found = {}
        for path in self.tests:
            if not Path(path).name.startswith("test_"):
                continue
            near = [float(steps) for name, steps in self._distances(self.own[path]).items() if name in modules]
            near += [0.0] if path in changed else []
            near += [1.0] if path in named else []
            near += [MIRROR] if path.split("/")[1] in mirrors else []
            near += [ALL] if "tests/conftest.py" in code else []
            if near:
                found[path] = min(near)
        return found


def module_of(path: str) -> str:
    """The dotted name of a Python file below the root."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _names(text: str, path: str) -> bool:
    """Whether a test names a file that is no module, or in quotes a folder that it is in."""
    *folders, name = Path(path).parts
    return f'{name}"' in text or any(f'"{folder}"' in text for folder in folders if folder != "tests")


def order(nearness: Mapping[str, float], seconds: Mapping[str, float]) -> list[str]:
    """Test files, the nearest first, and among those as near the quickest; what was never timed counts as quick."""
    return sorted(nearness, key=lambda path: (nearness[path], seconds.get(path, 0.0), path))


def affordable(paths: Iterable[str], known: Mapping[str, float], seconds: float) -> list[str]:
    """Those that the time is enough for, in their order, each taking as long as last time; the first in any case."""
    chosen: list[str] = []
    for path in paths:
        cost = known.get(path, UNKNOWN) + FILE
        if not chosen or cost <= seconds:
            chosen.append(path)
            seconds -= cost
    return chosen


# -- running them -------------------------------------------------------------------------------------------------


class Deadline:
    """A pytest plugin that ends the run between two tests once the time is over, and knows what was left out."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.selected = 0
        self.run = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.session = session
        self.selected = len(session.items)

    def pytest_runtest_logfinish(self) -> None:
        self.run += 1
        if time.monotonic() > self.end:
            self.session.shouldstop = "the time of the quick check is over"


def run(paths: list[str], seconds: float) -> tuple[int, Deadline]:
    """Exit status of pytest on the files in this order, 0 if the time ended it without a failure; and its deadline."""
    deadline = Deadline(seconds)
    status = int(pytest.main(["-q", "-x", *paths], plugins=[deadline]))
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:  # all of them are slow tests
        status = 0
    if status == pytest.ExitCode.INTERRUPTED and time.monotonic() > deadline.end:
        status = 0
    return status, deadline


def times(root: Path) -> dict[str, Any]:
    """Seconds of each test file when it last ran here, from pytest's cache."""
    path = root / ".pytest_cache" / "v" / TIMES
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.changed", description="Lint, types and the nearest tests.")
    parser.add_argument("--base", help="commit that changes are counted from; else where this branch left main")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the tests (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="only say which tests would run")
    given = parser.parse_args(words)
    base = given.base or base_of(ROOT)
    changed = changed_files(ROOT, base)
    print(f"{len(changed)} files changed since {base[:12]}")
    if not changed:
        print("Nothing to test. `make test` runs everything.")
        return 0
    files = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")}
    near = Imports(modules(), files).nearness(changed)
    paths = order(near, times(ROOT))
    if given.list:
        print("".join(f"{near[path]:4g}  {path}\n" for path in paths), end="")
        return 0
    types = subprocess.Popen([sys.executable, "-m", "mypy"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    chosen = affordable(paths, times(ROOT), given.seconds)
    examples = [path for path in changed if _has_examples(ROOT / path)]
    status = tested(examples, chosen, len(paths) - len(chosen), given.seconds)
    said, _ = types.communicate()
    print("mypy:", said.strip())
    return status or types.returncode


def _has_examples(path: Path) -> bool:
    return path.suffix == ".py" and path.is_relative_to(PACKAGE) and path.exists() and ">>>" in path.read_text("utf-8")


def tested(examples: list[str], paths: list[str], left: int, seconds: float) -> int:
    """Exit status of the examples and tests in these files; says what ran, and that so many other files did not."""
    if not examples + paths:
        print("No test reaches what changed. `make test` runs everything.")
        return 0
    print(
        f"{len(paths) + left} test files reach them, {len(examples)} changed modules have examples; the nearest first:"
    )
    status, deadline = run(examples + paths, seconds)
    cut = deadline.selected - deadline.run
    if cut or left:
        print(
            f"{deadline.run} tests ran; not {cut} others of these files and {left} files: `make test` runs everything."
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
