"""A solver from outside the package, through public names: by the contract, as an object, and by an entry point."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.conic.solvers import SOLVERS, by_name
from tests.conic import test_solvers as contract
from tests.conic.toy_solver import Toy
from tests.packages import called, install

ROOT = Path(sb.__file__).parents[1]
#: What sdpbound knows of the package that brings the solver.
ENTRY_POINTS = "[sdpbound.solvers]\ntoy = sdpbound_toy:Toy\nsecond = sdpbound_toy:Second\n"
#: A second one, which is worth trying on any program first.
SECOND = """

@dataclass(frozen=True, slots=True)
class Second(Toy):
    package: ClassVar[str] = "sdpbound-toy"

    @property
    def name(self) -> str:
        return "second"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        return -1.0 if RANKED and sizes else None

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        from dataclasses import replace

        return replace(Toy.solve(self, program), solver="second")
"""
STUDY = """
name = "toy"
visibilities = [0.98]
quantities = ["guess_local", "bell_maximum"]
adversaries = [{ model = "quantum", level = "1" }, { model = "no-signaling" }]
certificates = true
[family]
kind = "singlet"
theta = [0.9, 1.0]
phi = 1.5
omega = "theta + pi/2"
[solver]
name = "toy"
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the package as it is installed."""
    text = Path(__file__).with_name("toy_solver.py").read_text(encoding="utf-8")
    module = text + "\n\nimport os\n\nRANKED = bool(os.environ.get('RANKED'))\n" + SECOND
    install(tmp_path / "site", "sdpbound_toy", "sdpbound_toy", module, ENTRY_POINTS, "3.1.4")
    return tmp_path


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python in a new process that finds the package."""
    return called(folder / "site", *arguments, module="", cwd=folder, **variables)


# -- the contract -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", contract.CASES.values(), ids=contract.CASES)
def test_optimum_and_dual(case: contract.Case, capfd: pytest.CaptureFixture[str]) -> None:
    contract.test_optimum_and_dual(Toy(), case, capfd)


@pytest.mark.parametrize(
    "check",
    [
        contract.test_infeasible,
        lambda solver: contract.test_infeasible_ray(solver, 1.0),
        lambda solver: contract.test_infeasible_ray(solver, 1e-2),
        contract.test_unbounded,
        contract.test_not_finite,
        contract.test_rows_out_of_order,
        contract.test_units,
    ],
)
def test_the_contract(check: Callable[[sb.Solver], None]) -> None:
    check(Toy())


def test_as_an_object() -> None:
    assert Toy.installed() and Toy.rank((5,)) is None
    bound = sb.maximize(sb.chsh(), sb.Quantum("1"), solver=Toy())
    assert bound.solver == "toy" and 0 <= bound.value - sqrt(8) < 1e-6
    assert bound.certificate.verify().holds
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    guess = sb.guessing_probability(data, sb.Quantum("1+AB"), solver=Toy())
    assert guess.solver == "toy" and 0 <= guess.value - (0.5 + 0.5 * sqrt(2 - 2.5**2 / 4)) < 1e-6
    entropy = sb.conditional_entropy(
        data, method=sb.VonNeumann("projective", "1+AB", 4), solver=Toy(tolerance=1e-6), closed_forms=False
    )
    exact = sb.conditional_entropy(data)
    assert entropy.solver == "toy" and exact.value - 0.02 < entropy.value <= exact.value
    assert entropy.certificate.verify().holds


# -- by an entry point --------------------------------------------------------------------------------------------


def test_by_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sb.InvalidSolver, match="unknown solver 'toy': allowed are clarabel"):
        by_name("toy")
    monkeypatch.syspath_prepend(str(installed / "site"))
    solver = by_name("Toy", 1e-7)
    assert (type(solver).__module__, solver.name, solver.tolerance) == ("sdpbound_toy", "toy", 1e-7)
    assert "toy" in SOLVERS.names() and "toy" not in SOLVERS
    bound = sb.maximize(sb.chsh(), sb.Quantum("1"), solver="toy")
    assert bound.solver == "toy" and 0 <= bound.value - sqrt(8) < 1e-6


@pytest.mark.slow
def test_the_command_line(installed: Path) -> None:
    member = ("--theta", "0.9", "--phi", "1.5", "--omega", "0.9+pi/2", "--level", "1+AB")
    value = python(installed, "-m", "sdpbound", "value", *member, "--solver", "toy", "--json")
    assert value.returncode == 0, value.stderr
    other = python(installed, "-m", "sdpbound", "value", *member, "--json")
    assert _numbers(value.stdout) == pytest.approx(_numbers(other.stdout), abs=1e-6)
    assert '"toy"' in value.stdout and '"toy"' not in other.stdout
    wrong = python(installed, "-m", "sdpbound", "value", *member, "--solver", "toi")
    assert wrong.returncode == 2
    assert "scs, highs, second, toy or cvxpy:NAME" in " ".join(wrong.stderr.split()) and "'toy'?" in wrong.stderr


def _numbers(text: str) -> list[float]:
    """All numbers of the bounds in a JSON answer."""
    answer = json.loads(text)
    found: list[float] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("side"), str):
                found.append(node["value"])
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(answer)
    assert found
    return found


@pytest.mark.slow
def test_a_study(installed: Path) -> None:
    """Rows, certificates and provenance of a study that names the solver; its processes find it as well."""
    (installed / "toy.toml").write_text(STUDY, encoding="utf-8")
    done = python(installed, "-m", "sdpbound", "run", "toy.toml", "--output", "results", "--workers", "1")
    assert done.returncode == 0, done.stderr
    (table,) = installed.rglob("toy.csv")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and {row["error"] for row in rows} == {""}
    assert {row["solver"] for row in rows} == {"toy"}
    for row in rows:
        if row["model"] == "quantum" and row["quantity"] == "bell_maximum":
            member = sb.SingletSelfTest(*(float(row[name]) for name in ("theta", "phi", "omega")))
            assert 0.0 <= float(row["value"]) - member.quantum_bound < 1e-6
    facts = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    assert facts["solvers"] == ["toy"]
    assert '"sdpbound-toy": "3.1.4"' in table.with_suffix(".json").read_text(encoding="utf-8")
    checked = python(installed, "-m", "sdpbound", "verify", "toy.toml", "--output", "results")
    assert checked.returncode == 0, checked.stderr


RANKED = """
import sdpbound as sb
from sdpbound.conic.solvers import available, ranked
print(ranked((5,))[0], ranked(())[0], "toy" in available(), sb.maximize(sb.chsh(), sb.Quantum("1")).solver)
"""


def test_a_rank_decides_where_no_solver_is_named(installed: Path) -> None:
    plain = python(installed, "-c", RANKED)
    assert plain.stdout.split() == ["clarabel", "highs", "True", "clarabel"], plain.stderr
    ranked = python(installed, "-c", RANKED, RANKED="1")
    assert ranked.stdout.split() == ["second", "highs", "True", "second"], ranked.stderr


def test_a_broken_package_takes_nothing_down(installed: Path) -> None:
    """What cannot be loaded is named in a warning, and the others answer."""
    (installed / "site" / "sdpbound_toy.py").write_text("raise OSError('no library')\n", encoding="utf-8")
    done = python(installed, "-c", RANKED)
    assert done.stdout.split() == ["clarabel", "highs", "False", "clarabel"]
    assert "entry point 'toy' of the group 'sdpbound.solvers'" in done.stderr and "no library" in done.stderr
