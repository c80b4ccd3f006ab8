"""What every text file of the repository keeps to: `python -m tests.files [FILE ...]`, before each commit.

A text ends in one newline, and its lines do not end in blanks. TOML can be read. Files at fault are named; nothing is
changed.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXTS = {".py", ".pyi", ".md", ".toml", ".cff", ".yaml", ".yml", ".j2", ".lock", ".txt"}


def faults(paths: Iterable[Path]) -> list[str]:
    """One sentence for each fault of text files; others, and those that are gone, are passed over."""
    return [f"{path}: {fault}" for path in paths if path.suffix in TEXTS and path.is_file() for fault in _faults(path)]


def _faults(path: Path) -> list[str]:
    data = path.read_bytes()
    found = []
    if data and (not data.endswith(b"\n") or data.endswith(b"\n\n")):
        found.append("must end in one newline.")
    if b"\r" in data:
        found.append("lines must end in a newline alone.")
    blank = [i for i, line in enumerate(data.split(b"\n"), 1) if line != line.rstrip()]
    if blank:
        found.append(f"line {blank[0]} ends in a blank.")
    if path.suffix == ".toml":
        try:
            tomllib.loads(data.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            found.append(f"is no TOML: {error}")
    return found


def tracked() -> list[Path]:
    """All files that git knows here."""
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True)
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


if __name__ == "__main__":
    found = faults([Path(word) for word in sys.argv[1:]] or tracked())
    print("".join(f"{line}\n" for line in found), end="")
    sys.exit(bool(found))
