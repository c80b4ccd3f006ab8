"""`sdpbound verify --twice`: certificates and stores by both checkers."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from sdpbound.cli.twice import TwiceChecker
from sdpbound.errors import CertificateError
from sdpbound.recheck import Conclusion
from sdpbound.study import Study, audit
from tests.golden_certificates import FOLDER

STUDY = """
name = "tiny"
title = "A tiny study"
certificates = true
visibilities = [0.95]
observed = ["correlators"]

[family]
kind = "singlet"
theta = [1.0]
phi = [1.5]
omega = [2.6]

[[adversaries]]
model = "no-signaling"

[[quantities]]
name = "guess_local"
x = 0
"""


def test_certificates_by_both_checkers(call, answer, tmp_path):
    good = FOLDER / "closed_self_test_blind_bell.json"
    entry = answer("verify", "--twice", str(good))["certificates"][0]
    assert entry["holds"] and entry["second"]["holds"] and entry["second"]["kind"] == "self-test"
    assert entry["second"]["value"] == pytest.approx(entry["value"], abs=1e-15)
    assert "the second checker says: holds" in call("verify", "--twice", str(good)).out

    better = json.loads(good.read_text())
    better["claim"]["value"] += 1e-3
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(better))
    done = call("verify", "--twice", str(bad))
    assert done.status == 2 and done.out.count("does not hold") == 2
    bad.write_text("{")
    done = call("verify", "--twice", str(bad))
    assert done.status == 2 and "JSON" in done.err


def test_checkers_that_do_not_agree(call, monkeypatch):
    """The exit status says so, and for a store it is a fault."""
    said = Conclusion("linear", "bell_value", "upper", Fraction(3), Fraction(2), False, "it is not proven.")
    monkeypatch.setattr("sdpbound.cli.twice.recheck_apart", lambda *_, **__: said)
    path = FOLDER / "bell_local_chsh_upper.json"
    done = call("verify", "--twice", str(path))
    assert done.status == 2 and "do not agree" in done.err and "it is not proven" in done.err
    with TwiceChecker() as checker:
        found = checker.verify(path, strict=False)
    assert not found.holds and "does not agree" in found.message


@pytest.mark.slow
def test_every_process_has_both_checkers(tmp_path, call):
    """The rows of a store may be checked in several processes; each asks the second checker."""
    study = tmp_path / "tiny.toml"
    study.write_text(STUDY.replace("theta = [1.0]", "theta = [1.0, 1.1]"))
    assert call("run", str(study), "--output", str(tmp_path), "--workers", "0", "--no-figure", "--quiet").status == 0
    with Refusing(5.0, 1e9) as checker:
        found = audit(Study.load(study, tmp_path), checker=checker, workers=2)
    assert found.faults and all("refused on purpose" in fault.message for fault in found.faults)


class Refusing(TwiceChecker):
    """Accepts nothing, in whatever process."""

    def verify(self, certificate, *, strict=True):
        raise CertificateError("refused on purpose.")


def test_a_store(call, answer, tmp_path, monkeypatch):
    study = tmp_path / "tiny.toml"
    study.write_text(STUDY)
    common = [str(study), "--output", str(tmp_path)]
    assert call("run", *common, "--workers", "0", "--no-figure", "--quiet").status == 0
    found = answer("verify", "--twice", *common)["studies"][0]
    assert found["holds"] and found["certificates"] >= 1

    said = Conclusion("linear", "", "", None, None, False, "it is not proven.")
    monkeypatch.setattr("sdpbound.cli.twice.recheck_apart", lambda *_, **__: said)
    done = call("verify", "--twice", *common)
    assert done.status == 2 and "it is not proven" in done.err
