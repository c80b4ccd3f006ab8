from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.distributions import built
from tests.manual import page
from tests.support import SMALL_STUDY

ROOT = Path(__file__).parents[2]
#: The extras whose packages the lock file has.
LOCKED = ("study", "dask", "peers", "test")


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
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    locked = {re.split("==", line)[0].lower().replace("_", "-") for line in lines}
    assert len(locked) == len(lines), "one version of each"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(need for extra in LOCKED for need in project["optional-dependencies"][extra])]
    missing = {re.split(r"[><=;\[]", name)[0].strip().lower() for name in wanted} - locked
    assert not missing


def test_one_version_and_one_list_of_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    deposit = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    first = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert first is not None
    assert {project["version"], cited["version"], deposit["version"], recipe["context"]["version"]} == {first[1]}
    papers = {word for one in cited["references"] for word in re.findall(r"arXiv:[\w./-]+\d", one["notes"])}
    assert papers == {entry["identifier"] for entry in deposit["related_identifiers"]}
    other = {"matplotlib-base": "matplotlib"}  # conda's name; qics is not there
    conda = {other.get(name, name) + least for name, least in map(str.split, recipe["requirements"]["run"][1:])}
    assert conda == {need for need in project["dependencies"] if not need.startswith("qics")}


def test_the_manual_has_every_command() -> None:
    text = page()
    assert all(f".SS {name}" in text for name in ("doctor", "rate key", "threshold efficiency", "verify", "run"))
    assert "``" not in text and "\n\n" not in text


def test_the_paper_cites_what_it_lists() -> None:
    text = (ROOT / "paper" / "paper.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "paper" / "paper.bib").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"@(\w+)", text)) == listed
    assert {"# Summary", "# Statement of need", "# Comparison", "# References"} <= set(text.splitlines())
    assert 250 <= len(text.split()) <= 1000


@pytest.mark.slow
def test_distributions_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = (built(tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.slow
def test_studies_run_without_the_packages_of_extras(tmp_path: Path) -> None:
    """What ``pip install sdpbound`` brings is enough for a study and its chart."""
    (tmp_path / "s.toml").write_text(SMALL_STUDY, encoding="utf-8")
    code = """
import sys
for name in ("pandas", "pyarrow", "h5netcdf", "h5py", "xarray", "dask", "distributed"):
    sys.modules[name] = None
from sdpbound import cli
assert cli.run(["run", "s.toml", "--workers", "0", "--quiet"]) == 0
assert cli.run(["plot", "s.toml", "--format", "svg"]) == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=tmp_path)
    assert list(tmp_path.rglob("*.svg"))
