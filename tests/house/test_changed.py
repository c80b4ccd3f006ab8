"""The quick check: it sees every kind of change, runs the nearest tests first, and says what it leaves out."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests import changed
from tests.changed import ALL, FILE, MIRROR, Imports, affordable, base_of, changed_files, order
from tests.floors import modules

ROOT = Path(__file__).parents[2]
FILES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")}


@cache
def imports() -> Imports:
    return Imports(modules(), FILES)


def test_the_nearest_tests_come_first() -> None:
    near = imports().nearness(["sdpbound/npa/words.py"])
    assert near["tests/npa/test_words.py"] == 1.0  # it imports the module
    assert near["tests/npa/test_levels.py"] == MIRROR  # it stands in the mirror folder
    assert near["tests/bounds/test_bounds.py"] > MIRROR  # sb.Quantum reaches words
    ordered = order(near, {})
    assert ordered.index("tests/npa/test_words.py") < ordered.index("tests/npa/test_levels.py") < len(ordered) / 4
    assert "tests/tables/test_computed.py" not in near and "tests/plotting/test_plotting.py" not in near


def test_names_of_faces_lead_to_their_modules() -> None:
    """``import sdpbound as sb`` alone is no import of everything: the names that a test uses are."""
    files = {
        "tests/bell/test_a.py": "import sdpbound as sb\nsb.chsh()",
        "tests/bell/test_b.py": "from sdpbound import Clarabel",
        "tests/bell/test_c.py": "from sdpbound.study import read_spec",
        "tests/bell/test_d.py": "code = 'from sdpbound.rates.critical import x'",
    }
    found = Imports(modules(), files)
    assert "sdpbound.conic.solvers.clarabel_" not in found.own["tests/bell/test_a.py"]
    assert found.own["tests/bell/test_b.py"] == {"sdpbound.conic.solvers.clarabel_"}
    assert found.nearness(["sdpbound/conic/solvers/clarabel_.py"])["tests/bell/test_b.py"] == 1.0
    (spec,) = found.own["tests/bell/test_c.py"]
    assert spec.startswith("sdpbound.study.file.")
    assert "sdpbound.rates.critical" in found.own["tests/bell/test_d.py"]


def test_helpers_pages_and_fixtures() -> None:
    assert imports().nearness(["tests/support.py"])["tests/rates/test_rates.py"] == 1.0
    assert imports().nearness(["docs/api.md"])["tests/house/test_docs.py"] == 1.0
    assert imports().nearness(["tests/golden/index.json"])["tests/checker/test_golden.py"] <= 2.0
    assert imports().nearness(["studies/side_by_side.toml"])["tests/study/test_no_signaling.py"] == 1.0
    assert imports().nearness(["tests/bell/test_noise.py"]) == {"tests/bell/test_noise.py": 0.0}
    everything = imports().nearness(["tests/conftest.py"])
    assert set(everything) == {path for path in FILES if Path(path).name.startswith("test_")}
    assert max(everything.values()) == ALL
    assert imports().nearness([]) == {} == imports().nearness(["-".join(("no", "such", "file"))])


def test_every_test_is_reached_from_its_package() -> None:
    files = [path for path in FILES if Path(path).name.startswith("test_")]
    for room in {path.split("/")[1] for path in files} - {"house"}:
        own = {path for path in files if path.split("/")[1] == room}
        assert own <= set(imports().nearness([f"sdpbound/{room}/new.py"])), room


def test_quick_files_first() -> None:
    near = {"tests/a/test_slow.py": 1.0, "tests/a/test_quick.py": 1.0, "tests/a/test_far.py": 3.0}
    seconds = {"tests/a/test_slow.py": 30.0, "tests/a/test_quick.py": 1.0}
    assert order(near, seconds) == ["tests/a/test_quick.py", "tests/a/test_slow.py", "tests/a/test_far.py"]


def test_only_what_the_time_allows_is_collected() -> None:
    """Collecting alone takes a while; the nearest file runs however long it takes."""
    paths, seconds = ["long", "short", "longer", "unknown"], {"long": 5.0, "short": 1.0, "longer": 50.0}
    assert affordable(paths, seconds, 3.0) == ["long"]
    assert affordable(paths, seconds, 10.0 + 3 * FILE) == ["long", "short", "unknown"]
    assert affordable(paths, seconds, 100.0) == paths
    assert affordable([], seconds, 100.0) == []


def _git(folder: Path, *words: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", folder, *name, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init")
    for name in ("kept", "edited", "committed", "gone", "staged"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / ".gitignore").write_text("ignored\n", encoding="utf-8")
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-m", "one")
    return tmp_path


def test_every_kind_of_change_is_seen(repository: Path) -> None:
    assert changed_files(repository, base_of(repository)) == []
    _git(repository, "checkout", "-b", "branch")
    (repository / "committed").write_text("2", encoding="utf-8")
    _git(repository, "commit", "-am", "two")
    (repository / "edited").write_text("2", encoding="utf-8")
    (repository / "staged").write_text("2", encoding="utf-8")
    _git(repository, "add", "staged")
    (repository / "gone").rename(repository / "moved")
    (repository / "ignored").write_text("2", encoding="utf-8")
    (repository / "new file").write_text("2", encoding="utf-8")
    found = changed_files(repository, base_of(repository))
    assert found == ["committed", "edited", "gone", "moved", "new file", "staged"]


def test_changes_of_main_itself_are_not_counted(repository: Path) -> None:
    """Main went on since the branch left it."""
    _git(repository, "checkout", "-b", "branch")
    _git(repository, "checkout", "main")
    (repository / "kept").write_text("2", encoding="utf-8")
    _git(repository, "commit", "-am", "two")
    assert changed_files(repository, base_of(repository)) == []
    _git(repository, "checkout", "branch")
    assert changed_files(repository, base_of(repository)) == []


RUN = "import sys; from tests.changed import tested; sys.exit(tested([], sys.argv[2:], 0, float(sys.argv[1])))"


def _run(folder: Path, text: str, seconds: float) -> tuple[int, str]:
    path = folder / "test_x.py"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", RUN, str(seconds), "-c", "/dev/null", "--rootdir", str(folder), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_the_time_ends_between_tests_and_is_told(tmp_path: Path) -> None:
    slow = "import time\ndef test_a(): time.sleep(1.5)\ndef test_b(): pass\ndef test_c(): raise SystemError\n"
    status, said = _run(tmp_path, slow, 1.0)
    assert status == 0, said
    assert "1 tests ran; not 2 others of these files and 0 files" in said


@pytest.mark.slow
def test_failures_are_failures(tmp_path: Path) -> None:
    status, said = _run(tmp_path, "def test_a(): assert False\ndef test_b(): pass\n", 60.0)
    assert status == 1 and "not 1 others of these files" in said
    status, said = _run(tmp_path, "def test_a(): pass\n", 60.0)
    assert status == 0 and "make test" not in said
    status, _ = _run(tmp_path, "import nothing_of_this_name\n", 60.0)
    assert status != 0


def test_nothing_selected_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed, "changed_files", lambda root, base: [])
    assert changed.main([]) == 0
    assert "0 files changed" in (said := capsys.readouterr().out) and "Nothing to test" in said
    assert changed.tested([], [], 0, 1.0) == 0
    assert "No test reaches what changed" in capsys.readouterr().out
