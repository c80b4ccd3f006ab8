"""A method for entropies from outside the package, by public names only, used to the end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.entropies.methods import METHODS
from tests.packages import called, install, run_and_verified

ROOT = Path(sb.__file__).parents[1]
ANGLES = ["--theta", "1", "--phi", "1.5", "--omega", "2.6"]
BEHAVIOUR = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.98)
SOURCE = '''
from dataclasses import dataclass

import sdpbound as sb


@dataclass(frozen=True)
class Coarse(sb.Entropy):
    """The integral with as many nodes as asked for, few by default, at the lowest level, and never a formula."""

    nodes: int = 4

    @property
    def adversary(self):
        return sb.Quantum("1+AB")

    def lower_bound(self, question):
        if question.blind:
            raise sb.InvalidInput("the method 'coarse' has no bound on blind randomness.")
        rule = sb.VonNeumann("projective", "1+AB", self.nodes)
        return sb.conditional_entropy(
            question.observed, question.x, question.y, rule, question.preprocessing, closed_forms=False
        )
'''


@dataclass(frozen=True)
class Halves(sb.Entropy):
    """Half of the min-entropy, which is less than the von Neumann entropy."""

    @property
    def adversary(self) -> sb.Adversary:
        return sb.NoSignaling()

    def lower_bound(self, question: sb.KeyQuestion) -> sb.Bound:
        return sb.min_entropy(question.observed, self.adversary, question.x, question.y, question.blind)


class Coarse(sb.Entropy):
    """As the one of the package below, with every question written down."""

    def __init__(self) -> None:
        self.asked: list[sb.KeyQuestion] = []

    @property
    def adversary(self) -> sb.Adversary:
        return sb.Quantum("1+AB")

    def lower_bound(self, question: sb.KeyQuestion) -> sb.Bound:
        self.asked.append(question)
        rule = sb.VonNeumann("projective", "1+AB", 4)
        return sb.conditional_entropy(
            question.observed, question.x, question.y, rule, question.preprocessing, closed_forms=False
        )


# -- by object ----------------------------------------------------------------------------------------------------


def test_key_and_randomness_rates() -> None:
    method = Coarse()
    rate = sb.key_rate(BEHAVIOUR, x=0, y=0, entropy=method, preprocessing=0.01)
    asked = method.asked[0]
    assert (asked.x, asked.y, asked.blind, asked.preprocessing, asked.closed_forms) == (0, None, False, 0.01, True)
    known = sb.key_rate(BEHAVIOUR, x=0, y=0, entropy=sb.VonNeumann("projective", "1+AB", 4), preprocessing=0.01)
    assert rate.value == pytest.approx(known.value, abs=1e-9)
    assert rate.security == known.security and rate.entropy.certificate.verify().value >= rate.entropy.value
    assert rate.value <= sb.key_rate_upper_bound(BEHAVIOUR, x=0, y=0, preprocessing=0.01).value
    assert sb.randomness_rate(BEHAVIOUR, x=0, y=1, entropy=method).value > 0.9
    assert method.asked[-1].y == 1
    assert sb.conditional_entropy(sb.Observations.correlators(BEHAVIOUR), method=method).value == pytest.approx(
        known.entropy.value, abs=0.2
    )


def test_thresholds_and_finite_keys() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    found = sb.critical_visibility(t, x=0, y=0, entropy=Coarse(), tolerance=1e-2, attack=False)
    assert found.alive is not None and 0.85 < found.alive < 0.98
    key = sb.finite_key_length(BEHAVIOUR, 1e9, entropies=Coarse())
    assert 0 < key.length < 1e9


def test_one_against_other_adversaries() -> None:
    rate = sb.key_rate(BEHAVIOUR, x=0, y=0, entropy=Halves())
    assert rate.security == "individual attacks"
    assert rate.value == sb.key_rate(BEHAVIOUR, x=0, y=0, entropy=sb.MinEntropy(sb.NoSignaling())).value
    with pytest.raises(sb.InvalidInput, match=r"Halves\(\) bounds .* and no von Neumann entropy"):
        sb.conditional_entropy(sb.Observations.correlators(BEHAVIOUR), method=Halves())


@pytest.mark.parametrize("entropy", [sb.VonNeumann, 3, object()])
def test_what_is_no_entropy(entropy: Any) -> None:
    with pytest.raises(sb.InvalidInput, match=r"entropy must be an? Entropy, such as VonNeumann"):
        sb.key_rate(BEHAVIOUR, entropy=entropy)


def test_what_its_classes_lack() -> None:
    class Nothing(sb.Entropy):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Nothing()  # type: ignore[abstract]


# -- by name ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: one with a method, and one that is no method."""
    folder = tmp_path_factory.mktemp("packages")
    points = "coarse = coarse:Coarse\nwrong = coarse:dataclass\nprojective = coarse:Coarse\n"
    install(folder, "coarse", "coarse", SOURCE, f"[sdpbound.entropies]\n{points}")
    return folder


def test_python_takes_its_name(installed: Path) -> None:
    text = (
        "import sdpbound as sb\n"
        "b = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.98)\n"
        "print(sb.key_rate(b, x=0, y=0, entropy='coarse').value)\n"
        "print(sb.key_rate(b, x=0, y=0, entropy=sb.VonNeumann('coarse', nodes=8)).value)\n"
        "print(sb.VonNeumann('projective').chosen.tolerance)\n"
        "try:\n    sb.VonNeumann('coarse', level='2')\nexcept sb.InvalidParameter as error:\n    print(error)\n"
    )
    done = called(installed, "-c", text, module="")
    assert done.returncode == 0, done.stderr
    few, many, own, refused = done.stdout.splitlines()
    rule = sb.VonNeumann("projective", "1+AB", 4)
    assert float(few) == pytest.approx(sb.key_rate(BEHAVIOUR, x=0, y=0, entropy=rule).value, abs=1e-9)
    assert float(many) > float(few) and float(own) == 1e-3
    assert refused == "method 'coarse' takes nodes only: leave level out, or take 'projective'."


@pytest.mark.slow
def test_the_command_line_takes_its_name(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "certificate.json"
    asked = ["rate", "key", *ANGLES, "--visibility", "0.98", "--x", "0", "--y", "0", "--entropy", "von-neumann"]
    done = called(installed, *asked, "--method", "coarse", "--certificate", str(file), "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)["rate"]
    rule = sb.VonNeumann("projective", "1+AB", 4)
    assert value == pytest.approx(sb.key_rate(BEHAVIOUR, x=0, y=0, entropy=rule).value, abs=1e-6)
    assert sb.verify(file).side == "lower"
    done = called(installed, *asked, "--method", "coarser")
    assert done.returncode == 2 and "did you mean 'coarse'?" in done.stderr
    done = called(installed, *asked, "--method", "wrong")
    assert done.returncode == 2 and "not a subclass of sdpbound.Entropy" in done.stderr


STUDY = """
name = "coarse"
visibilities = [0.98]
quantities = ["key_rate"]
entropy = { kind = "von Neumann", method = "METHOD" }

[family]
kind = "singlet"
theta = 1.0
phi = 1.5
omega = 2.6
"""


@pytest.mark.slow  # the same way is gone fast for solvers and for figures of studies
def test_a_study_takes_its_name(installed: Path, tmp_path: Path) -> None:
    study = tmp_path / "coarse.toml"
    study.write_text(STUDY.replace("METHOD", "coarse"), encoding="utf-8")
    facts, (row,) = run_and_verified(installed, study, tmp_path / "out")
    assert (facts["rows"], facts["failed"]) == (1, 0)
    rule = sb.VonNeumann("projective", "1+AB", 4)
    assert float(row["value"]) == pytest.approx(sb.key_rate(BEHAVIOUR, entropy=rule).value, abs=1e-6)
    unknown = called(ROOT, "run", str(study), "--output", str(tmp_path / "out"))
    assert unknown.returncode == 2 and "'coarse'" in unknown.stderr and "gauss-radau" in unknown.stderr


def test_the_table_has_what_the_docs_say() -> None:
    assert tuple(METHODS) == ("auto", "projective", "gauss-radau", "pinching", "qubit")
    for name, kind in METHODS.items():
        method = sb.VonNeumann(name).chosen
        assert type(method) is kind and isinstance(method, sb.Entropy)
