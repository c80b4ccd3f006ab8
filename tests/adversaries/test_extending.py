"""An adversary from outside the package, by public names only, used to the end."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.adversaries import ADVERSARIES, Relaxation, Security, adversary_named
from tests.packages import called, install, run_and_verified

ROOT = Path(sb.__file__).parents[1]
ANGLES = ["--theta", "1", "--phi", "1.5", "--omega", "2.6"]
T = sb.SingletSelfTest(1.0, 1.5, 2.6)
INDIVIDUAL = "individual attacks with almost quantum devices"


@dataclass(frozen=True)
class AlmostQuantum(sb.Adversary):
    """The set that is level 1+AB itself."""

    keeps_devices = True
    contains_quantum = True

    @property
    def name(self) -> str:
        return "almost-quantum"

    def describe(self) -> dict[str, object]:
        return {"kind": "quantum", "level": "1+AB"}

    def relax(self, scenario: sb.Scenario, blind: Any = None) -> Relaxation:
        return sb.Quantum("1+AB").relax(scenario, blind)

    def security(self, kind: str) -> Security:
        return Security(INDIVIDUAL, (f"for {kind}",))


MODEL, QUANTUM = AlmostQuantum(), sb.Quantum("1+AB")
DATA = sb.Observations.correlators(T.behaviour(0.95))


def test_bounds_and_their_certificates() -> None:
    top = sb.maximize(sb.i3322(), MODEL)
    assert top.model is MODEL
    pairs = [
        (top, sb.maximize(sb.i3322(), QUANTUM)),
        (sb.minimize(sb.chsh(), MODEL), sb.minimize(sb.chsh(), QUANTUM)),
        (sb.guessing_probability(DATA, MODEL, 0, 1), sb.guessing_probability(DATA, QUANTUM, 0, 1)),
        (sb.blind_guessing_probability(DATA, MODEL), sb.blind_guessing_probability(DATA, QUANTUM)),
        (sb.min_entropy(DATA, MODEL), sb.min_entropy(DATA, QUANTUM)),
    ]
    for found, own in pairs:
        assert found.value == pytest.approx(own.value, abs=1e-9)
        answer = found.certificate.verify()
        assert answer.holds and answer.model == "quantum"


def test_a_rate_has_its_own_security() -> None:
    behaviour = T.behaviour()
    rate = sb.key_rate(behaviour, entropy=sb.MinEntropy(MODEL))
    assert (rate.security, rate.assumptions) == (INDIVIDUAL, ("for key",))
    assert not rate.is_closed_form and rate.entropy.certificate.verify().holds
    assert rate.value == pytest.approx(sb.key_rate(behaviour, entropy=sb.MinEntropy(QUANTUM)).sdp.value, abs=1e-8)
    assert sb.randomness_rate(behaviour, entropy=sb.MinEntropy(MODEL)).assumptions == ("for randomness",)


def test_data_outside_the_set() -> None:
    with pytest.raises(sb.Infeasible, match="outside the almost-quantum set") as caught:
        sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), 2.9), MODEL)
    assert caught.value.certificate.verify().holds


class WithoutSecurity(AlmostQuantum):
    security = sb.Adversary.security


class Unknown(AlmostQuantum):
    def describe(self) -> dict[str, object]:
        return {"kind": "almost-quantum"}


class Wordy(AlmostQuantum):
    def describe(self) -> dict[str, object]:
        return {"kind": "quantum", "level": "1+AB", "words": 5}


class Polytope(AlmostQuantum):
    def relax(self, scenario: sb.Scenario, blind: Any = None) -> Relaxation:
        return sb.NoSignaling().relax(scenario)


class Matrix(AlmostQuantum):
    def describe(self) -> dict[str, object]:
        return {"kind": "no-signaling"}


class Mixture(Matrix):
    def relax(self, scenario: sb.Scenario, blind: Any = None) -> Relaxation:
        return sb.Local().relax(scenario)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Unknown, "names 'almost-quantum' as the set .* knows quantum, no-signaling or local"),
        (Wordy, "the entries must be texts named"),
        (Polytope, "must then be made of one moment matrix"),
        (Matrix, "must then be made of the probabilities"),
        (Mixture, "must then be made of the probabilities"),
    ],
)
def test_what_no_checker_could_read_is_refused_before_solving(kind: type[AlmostQuantum], words: str) -> None:
    with pytest.raises(sb.InvalidInput, match=words):
        sb.maximize(sb.chsh(), kind())


def test_without_a_theorem_there_is_no_rate() -> None:
    with pytest.raises(sb.InvalidInput, match="no theorem turns an entropy against"):
        sb.key_rate(T.behaviour(), entropy=sb.MinEntropy(WithoutSecurity()))


def test_the_sets_of_this_package() -> None:
    assert tuple(ADVERSARIES) == ("quantum", "no-signaling", "local")
    for name, kind in ADVERSARIES.items():
        assert type(adversary_named(name)) is kind and adversary_named(name).name == name
    assert adversary_named("quantum", "1+AB") == sb.Quantum("1+AB")
    with pytest.raises(sb.InvalidLevel, match="NoSignaling has no hierarchy"):
        adversary_named("no-signaling", "2")
    with pytest.raises(sb.InvalidParameter, match=r"model = 'quantm' must be .*; did you mean 'quantum'"):
        adversary_named("quantm")


# -- by name ------------------------------------------------------------------------------------------------------


def page() -> str:
    """The class that the page on adversaries shows."""
    text = (ROOT / "docs" / "adversaries.md").read_text(encoding="utf-8")
    block = re.search(r"\n    from dataclasses.*?\n(?=## )", text, re.DOTALL)
    assert block is not None
    return "\n".join(line[4:] for line in block.group().splitlines())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: one with the page's class, and one whose class does not load."""
    folder = tmp_path_factory.mktemp("packages")
    points = "almost-quantum = almost:AlmostQuantum\nmisnamed = almost:AlmostQuantum\nbroken = almost:Nothing\n"
    install(folder, "almost", "almost", page(), f"[sdpbound.adversaries]\n{points}")
    return folder


def test_the_command_line_takes_its_name(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "certificate.json"
    done = called(installed, "value", *ANGLES, "--model", "almost-quantum", "--certificate", str(file), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], found["level"]) == ("almost-quantum", None)
    assert found["maximum"]["value"] == pytest.approx(sb.maximize(T.expression, QUANTUM).value, abs=1e-9)
    assert sb.verify(file).model == "quantum"
    done = called(installed, "value", *ANGLES, "--model", "almost-quantum", "--level", "2")
    assert done.returncode == 2 and "leave one of them out" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("almostquantum", "did you mean 'almost-quantum'?"),
        ("misnamed", "called 'almost-quantum'; the entry point must have that name"),
        ("broken", "entry point 'broken' of the group 'sdpbound.adversaries', cannot be loaded"),
    ],
)
def test_wrong_names(installed: Path, name: str, words: str) -> None:
    done = called(installed, "value", *ANGLES, "--model", name)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


STUDY = """
name = "almost"
visibilities = [0.95]
adversaries = ["almost-quantum", "quantum"]
quantities = ["bell_maximum", "guess_local", "key_rate"]

[family]
kind = "singlet"
theta = 1.0
phi = 1.5
omega = 2.6
"""


@pytest.mark.slow  # the same way is gone fast for solvers and for figures of studies
def test_a_study_takes_its_name(installed: Path, tmp_path: Path) -> None:
    study = tmp_path / "almost.toml"
    study.write_text(STUDY, encoding="utf-8")
    facts, rows = run_and_verified(installed, study, tmp_path / "out")
    assert (facts["rows"], facts["failed"]) == (6, 0)
    values = {(row["quantity"], row["model"]): float(row["value"]) for row in rows}
    assert values["guess_local", "almost-quantum"] >= values["guess_local", "quantum"] - 1e-9
    assert values["guess_local", "almost-quantum"] == pytest.approx(
        sb.guessing_probability(DATA, QUANTUM).value, abs=1e-8
    )
    assert np.isfinite(list(values.values())).all()
    unknown = called(ROOT, "run", str(study), "--output", str(tmp_path / "out"))
    assert unknown.returncode == 2 and "'almost-quantum'" in unknown.stderr and "no-signaling" in unknown.stderr


@pytest.mark.parametrize("model", ["quantum", None, sb.Quantum, object()])
def test_what_is_no_adversary(model: Any) -> None:
    with pytest.raises(sb.InvalidInput, match="the model must be an Adversary, such as Quantum"):
        sb.maximize(sb.chsh(), model)
