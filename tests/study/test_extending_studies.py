"""A family, a noise and a quantity of another package, in a study file: found by entry points, used to the end.

The package is installed as ``pip`` would: a module and its metadata in a folder on the path, here and in the processes
that solve. It uses the public names of sdpbound only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.study import Study, audit, draw, read_table, run_study
from tests.packages import install

MODULE = '''
"""A package that extends sdpbound: Werner states, detectors that guess, and the deviation from a fair coin."""

import math
import os
import time
from dataclasses import dataclass

import numpy as np

import sdpbound as sb


@dataclass(frozen=True)
class Werner(sb.Family):
    """CHSH measurements on a mixture of a maximally entangled state with noise."""

    settings: int = 2
    name = "werner"
    text = "CHSH measurements on Werner states"
    source = "R. F. Werner, PRA 40, 4277 (1989)"
    axes = (sb.Axis("weight", "1", 0.0, 1.0, "weight of the entangled state", symbol="w"),)

    def expression(self, values):
        return sb.chsh()

    def strategy(self, values):
        z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
        pure = np.outer([1, 0, 0, 1], [1, 0, 0, 1]) / 2
        state = values["weight"] * pure + (1 - values["weight"]) * np.eye(4) / 4
        return sb.Strategy.from_observables(state, [z, x], [(z + x) / 2**0.5, (z - x) / 2**0.5])

    def local_bound(self, values):
        return 2.0


@dataclass(frozen=True)
class Guessing(sb.Noise):
    """Detectors that give a fair coin in place of the outcome."""

    rate: float
    kind = "guessing"
    own_stage = "detector"
    reads_state = False

    def __post_init__(self):
        if not 0.0 <= self.rate <= 1.0:
            raise sb.InvalidParameter(f"rate = {self.rate} of guessing must be from 0 to 1.")

    @property
    def name(self):
        return f"guessing({self.rate!r})"

    @property
    def label(self):
        return f"guessing {self.rate:g}"

    def apply_to(self, strategy):
        parties = tuple(
            tuple((1 - self.rate) * e + self.rate * np.eye(e.shape[-1]) / len(e) for e in party)
            for party in strategy.measurements
        )
        return sb.Strategy(strategy.state, parties)

    def on_behaviour(self, behaviour):
        return behaviour.flip_outcomes(self.rate / 2, self.rate / 2)


@dataclass(frozen=True, kw_only=True)
class Bias(sb.ProgramKind):
    """How far Alice's outcome is from a fair coin for Eve: P_guess - 1/2."""

    def solve(self, at, asked, flips):
        time.sleep(float(os.environ.get("BIAS_SECONDS", "0")))  # so that a run can be killed before it ends
        x, _ = asked.settings
        return sb.guessing_probability(at.observed, at.model, x, solver=at.solver)

    def figure(self, at, asked, flips):
        from sdpbound.bounds.figures import GuessingProbability

        return GuessingProbability(asked.settings[0])

    def value(self, proven, at, asked):
        return math.nextafter(proven - 0.5, math.inf)


bias = Bias(label="bias", group="data", side="upper")
broken = "no quantity"
'''
POINTS = """
[sdpbound.families]
werner = sdpbound_werner:Werner
[sdpbound.noises]
guessing = sdpbound_werner:Guessing
[sdpbound.quantities]
bias = sdpbound_werner:bias
broken = sdpbound_werner:broken
"""
STUDY = """
name = "outside"
visibilities = [1]
observed = "correlators"
adversaries = ["no-signaling", {model = "quantum", level = "1+AB"}]
quantities = ["bias", "guess_local", "local_bound", "bell_maximum"]
[family]
kind = "werner"
weight = {start = 0.8, stop = 1, count = 5}
[[noises]]
kind = "guessing"
rate = [0.01, 0.02]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "site"
    install(site, "sdpbound_werner", "sdpbound_werner", MODULE, POINTS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    return site


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "outside.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_study_of_another_package(package: Path, study: Path, tmp_path: Path) -> None:
    """Killed in the middle, it goes on; its table, certificates, grid and figure are as those of the package's own."""
    command = [sys.executable, "-m", "sdpbound", "run", str(study), "--workers", "1"]
    store = tmp_path / "results" / "outside" / "outside.sqlite"
    slow = os.environ | {"BIAS_SECONDS": "0.3"}
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=slow)
    end = time.monotonic() + 120.0
    while time.monotonic() < end and running.poll() is None:
        if store.is_file() and Study.load(study).status().done >= 8:
            break
        time.sleep(0.1)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = Study.load(study).status()
    assert 0 < before.done < before.cells
    result = run_study(study, workers=1, progress=False)
    assert result.failed == 0
    assert result.computed == before.cells - before.done

    table = read_table(result.table)
    assert set(table["family"]) == {"werner"}
    assert table.distinct("weight") == [0.8, 0.85, 0.9, 0.95, 1.0]
    lossy = table.where(noise="guessing(0.02)", quantity="bias")
    assert list(lossy["guessing_rate"]) == [0.02] * len(lossy)
    # two uncorrelated coins shrink the correlators by (1 - rate)^2
    assert lossy["chsh_observed"] == pytest.approx(8**0.5 * lossy["weight"] * 0.98**2, abs=1e-12)
    guess = table.where(noise="guessing(0.02)", quantity="guess_local")
    # two proofs of one number: the other package asks the library, whose solver is not the one of studies
    assert lossy["value"] == pytest.approx(guess["value"] - 0.5, abs=5e-9)
    own = table.where(model="no-signaling", noise="guessing(0.02)", quantity="bias", weight=1.0)
    # all correlators tested, no-signaling: 2 P - 1 = 2 - S/2
    assert own["value"][0] == pytest.approx((2.0 - 8**0.5 * 0.98**2 / 2.0) / 2.0, abs=1e-9)
    assert set(table.where(quantity="local_bound")["value"]) == {2.0}

    found = audit(Study.load(study))
    assert found.holds
    assert found.complete
    assert found.without == 0
    assert Study.load(study).to_xarray()["bias_x0"].dims == ("weight", "noise", "observed", "adversary")
    files = draw(study, result.table, tmp_path / "figures")
    assert files
    assert all(file.stat().st_size > 1000 for file in files)


@pytest.mark.slow
def test_tampered_rows_of_another_package_are_found(package: Path, study: Path) -> None:
    import sqlite3

    run_study(study, workers=1, progress=False)
    loaded = Study.load(study)
    with sqlite3.connect(loaded.store_path) as database:
        database.execute("UPDATE result SET value = value - 1e-3 WHERE quantity = 'bias'")
    with pytest.raises(sb.DamagedStore):
        audit(loaded)


@pytest.mark.slow
def test_the_command_line_knows_them(package: Path, study: Path) -> None:
    check = [sys.executable, "-m", "sdpbound", "check", str(study), "--seconds", "1"]
    said = subprocess.run(check, capture_output=True, text=True, timeout=300, check=True).stdout
    assert "weight=0.8" in said
    assert "quantity=bias" in said


def test_a_broken_entry_point_is_named(package: Path, study: Path) -> None:
    study.write_text(STUDY.replace('"bias"', '"broken"'), encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="broken"), pytest.raises(sb.InvalidStudy, match="broken"):
        Study.load(study)


def test_without_the_package_its_names_are_unknown(study: Path) -> None:
    status = [sys.executable, "-m", "sdpbound", "status", str(study)]
    found = subprocess.run(status, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 2
    assert "family.kind = 'werner' must be singlet, " in " ".join(found.stderr.split())


def test_members_of_another_package(package: Path) -> None:
    member = sb.family_named("werner").member(weight=0.9)
    assert member.chsh == pytest.approx(0.9 * 8**0.5, abs=1e-12)
    noise = sb.noise_from({"kind": "guessing", "rate": 0.1})
    assert noise == sb.noise_from(noise.to_dict())
    np.testing.assert_allclose(
        member.behaviour(noise=sb.WhiteNoise(0.9) + noise).p,
        noise.on_behaviour(member.behaviour(0.9)).p,
        atol=1e-12,
    )
