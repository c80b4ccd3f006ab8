"""The sdist and the wheel, the same bytes each time: built from the tracked files, with the time of the last commit.

python -m tests.distributions FOLDER
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

__all__ = ["built"]

ROOT = Path(__file__).resolve().parents[1]


def built(folder: Path) -> list[Path]:
    """Build both into a folder; returns their paths, the wheel made from the sdist."""
    folder.mkdir(parents=True, exist_ok=True)
    epoch = int(_git("log", "-1", "--format=%ct"))
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as place:
        tree, made = Path(place) / "tree", Path(place) / "made"
        for name in _git("ls-files", "-z").split("\0"):
            if name and (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, tree / name)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(tree)]
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300, umask=0o022)
        (wheel,) = made.glob("*.whl")
        (sdist,) = made.glob("*.tar.gz")
        shutil.copyfile(wheel, folder / wheel.name)
        (folder / sdist.name).write_bytes(_without_traces(sdist, epoch))
    return [folder / sdist.name, folder / wheel.name]


def _without_traces(sdist: Path, epoch: int) -> bytes:
    """An archive with its members in order, and without the times, owners and modes of the machine."""
    plain = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            clean = tarfile.TarInfo(member.name)
            clean.type, clean.size, clean.mtime = member.type, member.size, epoch
            clean.mode = 0o755 if member.isdir() else 0o644
            new.addfile(clean, old.extractfile(member) if member.isfile() else None)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=epoch) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    for path in built(Path(sys.argv[1])):
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path)
