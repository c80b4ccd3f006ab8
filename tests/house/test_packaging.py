from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_types_and_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = next(n for n in names if n.endswith("entry_points.txt"))
        assert "sdpbound = sdpbound.cli:main" in archive.read(entry_points).decode()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    assert "sdpbound/py.typed" in names
    assert {"sdpbound/bell/families/avis.json", "sdpbound/bell/families/sliwa.json"} <= set(names)
    assert any(n.endswith("LICENSE") for n in names)
    assert "License-Expression: Apache-2.0" in metadata
    assert not any(n.startswith(("tests/", "benchmarks/")) for n in names)


def test_the_lock_file_has_exact_versions_and_no_addresses() -> None:
    lines = [
        line
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r'[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; python_version < "3\.\d+")?', line) for line in lines)
    locked = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    assert len(locked) == len(lines), "one version of each"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    missing = {re.split(r"[><=;]", name)[0].strip().lower() for name in wanted} - locked
    assert not missing
