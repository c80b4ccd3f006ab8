"""The command line: numbers against closed forms, exit status, and one sentence for every error."""

from __future__ import annotations

import json
import math
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import sdpbound as sb
from sdpbound.cli.output import rounded
from sdpbound.study.store import Store
from sdpbound.study.store.contents import Cell
from sdpbound.study.store.file import read_seal, write_seal
from sdpbound.tables.columns import STORED

ANGLES = ["--theta", "1", "--phi", "1.5", "--omega", "2.6"]
T = sb.SingletSelfTest(1.0, 1.5, 2.6)


def entropy(e: float) -> float:
    return -sum(p * math.log2(p) for p in ((1 + e) / 2, (1 - e) / 2) if p > 0)


# --- value -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model, exact", [("quantum", T.quantum_bound), ("local", T.local_bound), ("no-signaling", None)]
)
def test_value(answer, model, exact):
    found = answer("value", *ANGLES, "--model", model)
    exact = sum(abs(c) for c in T.expression.coefficients.ravel()) if exact is None else exact
    top, bottom = found["maximum"], found["minimum"]
    assert top["side"] == "upper" and exact - 1e-15 <= top["value"] <= exact + 1e-7
    assert bottom["side"] == "lower" and -exact - 1e-7 <= bottom["value"] <= -exact + 1e-15
    assert top["margin"] == pytest.approx(top["value"] - top["solver_value"], abs=1e-15)
    assert found["model"] == model and found["level"] == ("2" if model == "quantum" else None)
    assert set(top["seconds"]) == {"assemble", "solve", "certify"}
    if model == "quantum":
        used = top["symmetry"]
        assert used["order"] % 2 == 0 and sum(used["blocks"]) <= sum(used["blocks_before"]) == 13
    else:
        assert "symmetry" not in top
    closed = found["closed_forms"]
    assert closed["local_bound"] == T.local_bound and closed["quantum_bound"] == T.quantum_bound
    assert closed["strategy_value"] == T.strategy_value and closed["chsh"] == T.chsh
    assert closed["is_self_test"] is True and closed["condition"] < 0


def test_value_in_words_is_rounded_to_its_side(call):
    done = call("value", *ANGLES, "--level", "1+AB")
    assert (done.status, done.err) == (0, "")
    upper = re.search(r"<= (\S+) .*upper bound; certified margin", done.out)
    lower = re.search(r">= (\S+) .*lower bound; certified margin", done.out)
    assert upper is not None and lower is not None
    bound = sb.maximize(T.expression, sb.Quantum("1+AB"))
    assert bound.value <= float(upper[1]) <= bound.value + 1e-11
    assert float(lower[1]) == -float(upper[1])
    used = bound.symmetry
    assert used is not None and f"; symmetry of order {used.order}, {used.sizes}" in done.out
    assert "self-tests the singlet" in done.out and f"{T.chsh:.12g}" in done.out


@pytest.mark.parametrize(
    "value, side, text",
    [
        (1 / 3, "upper", "0.333333333334"),
        (1 / 3, "lower", "0.333333333333"),
        (-1 / 3, "upper", "-0.333333333333"),
        (-0.0, "lower", "0"),
        (20.0, "upper", "20"),
        (1.5e-9, "upper", "1.5e-9"),
    ],
)
def test_rounding(value, side, text):
    assert rounded(value, side) == text


@pytest.mark.parametrize("theta", [["--theta=-pi/3"], ["--theta", "-pi/3"], ["--theta", "-(2*pi)/6 + 0"]])
def test_angles_are_expressions(answer, theta):
    found = answer("value", *theta, "--phi", "pi/2-0.02", "--omega", "5*pi/6", "--model", "local")
    expected = sb.SingletSelfTest(-math.pi / 3, math.pi / 2 - 0.02, 5 * math.pi / 6)
    assert (found["theta"], found["phi"]) == pytest.approx((expected.theta, expected.phi), abs=1e-15)
    assert found["maximum"]["value"] == pytest.approx(expected.local_bound, abs=1e-12)


# --- guess -----------------------------------------------------------------------------------------------------------


def test_guess_at_a_self_test(answer):
    """The ideal behaviour: Eve guesses Alice's outcome with 1/2, and the pair with the larger joint probability."""
    local = answer("guess", *ANGLES, "--observed", "bell", "--level", "1+AB")
    assert 0.5 <= local["guessing_probability"]["value"] <= 0.5 + 1e-4
    both = answer("guess", *ANGLES, "--observed", "full", "--level", "1+AB", "--x", "1", "--y", "1")
    exact = (1 + abs(float(T.correlators[1, 1]))) / 4
    assert exact <= both["guessing_probability"]["value"] <= exact + 1e-4
    assert both["settings"] == {"x": 1, "y": 1} and both["min_entropy"]["side"] == "lower"
    assert both["min_entropy"]["value"] == pytest.approx(-math.log2(both["guessing_probability"]["value"]), abs=1e-12)


def test_guess_against_a_no_signaling_adversary(answer):
    """3/2 - S/4 for the CHSH member (arXiv:1309.3930)."""
    found = answer(
        *("guess", "--theta", "pi/2", "--phi", "pi/4", "--omega", "-pi/4", "--visibility", "0.9"),
        *("--model", "no-signaling", "--observed", "bell"),
    )
    assert found["guessing_probability"]["value"] == pytest.approx(1.5 - 0.9 * 8**0.5 / 4, abs=1e-9)


def test_blind_guess_and_its_words(call, answer):
    found = answer("guess", *ANGLES, "--blind", "--y", "0", "--visibility", "0.9", "--level", "1+AB")
    assert found["blind"] and 0.5 < found["guessing_probability"]["value"] <= 1
    done = call("guess", *ANGLES, "--blind", "--y", "0", "--visibility", "0.9", "--level", "1+AB")
    assert "P_guess(A|x=0,y=0,B,E) <= " in done.out and "H_min(A|x=0,y=0,B,E) >= " in done.out


# --- rates -----------------------------------------------------------------------------------------------------------


def test_key_rate_is_a_closed_form_at_a_self_test(answer):
    found = answer("rate", "key", *ANGLES)
    assert found["closed_form"] and found["settings"] == {"x": 0, "y": 0}
    assert found["rate"] == pytest.approx(1 - entropy(math.sin(1.5)), abs=1e-12)
    assert found["side"] == "lower" and found["margin"] is None
    assert found["rate"] - 1e-3 < found["program"]["rate"] <= found["rate"]
    assert "Devetak-Winter" in found["security"] and found["assumptions"]
    forced = answer("rate", "key", *ANGLES, "--no-closed-forms", "--x", "0", "--y", "0")
    assert not forced["closed_form"] and forced["rate"] == found["program"]["rate"]


def test_rates_are_not_clipped(call, answer):
    found = answer("rate", "key", *ANGLES, "--visibility", "0.8", "--level", "1+AB")
    difference = found["entropy"]["value"] - found["error_correction"]
    assert found["rate"] < -0.1 and 0 <= difference - found["rate"] <= 1e-15  # rounded down once
    assert "key rate >= -0." in call("rate", "key", *ANGLES, "--visibility", "0.8", "--level", "1+AB").out


def test_randomness_rates(answer):
    both = answer("rate", "randomness", *ANGLES, "--x", "0", "--y", "1")
    assert both["rate"] == pytest.approx(1 + entropy(math.sin(2.6)), abs=1e-12)
    assert answer("rate", "randomness", *ANGLES, "--local", "--level", "1+AB")["rate"] == 1.0
    blind = answer("rate", "randomness", *ANGLES, "--blind", "--x", "0", "--y", "1", "--level", "1+AB")
    assert blind["rate"] == pytest.approx(entropy(math.sin(2.6)), abs=1e-12)
    eve = answer("rate", "randomness", *ANGLES, "--local", "--model", "no-signaling", "--visibility", "0.99")
    assert eve["security"] == "individual attacks" and 0 < eve["rate"] < 1


# --- verify ----------------------------------------------------------------------------------------------------------


def test_certificates(call, answer, tmp_path):
    good, entropies, closed = tmp_path / "good.json", tmp_path / "rate.json", tmp_path / "closed.json"
    value = answer("value", *ANGLES, "--certificate", str(good))["maximum"]["value"]
    answer("rate", "key", *ANGLES, "--visibility", "0.97", "--level", "1+AB", "--certificate", str(entropies))
    answer("rate", "randomness", *ANGLES, "--certificate", str(closed))
    entries = answer("verify", str(good), str(entropies), str(closed))["certificates"]
    assert all(entry["holds"] for entry in entries)
    assert entries[0]["claimed"] == value and entries[0]["value"] <= value and entries[0]["side"] == "upper"
    assert "holds" in call("verify", str(good)).out

    tampered = json.loads(good.read_text())
    tampered["claim"]["value"] -= 1e-3
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(tampered))
    done = call("verify", str(good), str(bad))
    assert done.status == 2 and "does not hold" in done.out
    assert_sentence(done.err, "bad.json", "does not prove")

    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    assert_sentence(call("verify", str(damaged)).err, "damaged.json", "not JSON")
    assert call("verify", str(damaged)).status == 2
    assert call("verify", str(bad), str(tmp_path / "absent.json")).status == 2
    done = call("verify", str(bad), str(damaged), "--json")
    assert done.status == 2
    assert [entry["holds"] for entry in json.loads(done.out)["certificates"]] == [False, False]

    tampered["proof"]["copies"] = []
    bad.write_text(json.dumps(tampered))
    assert call("verify", str(bad)).status == 2
    bad.write_text(json.dumps({"format": "another"}))
    assert call("verify", str(bad)).status == 2


# --- studies ---------------------------------------------------------------------------------------------------------

STUDY = """
name = "tiny"
title = "A tiny study"
{figure}
visibilities = [1, 0.9]
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

FIGURE = """
from pathlib import Path

def draw(table, output):
    path = Path(output) / "tiny.txt"
    path.write_text(Path(table).read_text())
    return [path]
"""


def test_run_and_plot(call, answer, tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "figures").mkdir()
    study, output = tmp_path / "studies" / "tiny.toml", tmp_path / "out"
    study.write_text(STUDY.format(figure='figure = "tiny"'))
    common = ["--output", str(output)]
    scripted = [*common, "--run-figure-script"]
    done = call("run", str(study), "--workers", "0", *scripted)
    assert done.status == 2  # before any solving
    assert_sentence(done.err, "tiny.py", "does not exist")
    assert_sentence(call("run", str(study), *scripted, "--no-figure").err, "--no-figure or --run-figure-script")
    assert_sentence(call("plot", str(study), *common).err, "tiny.csv", "run the study first")

    (tmp_path / "figures" / "tiny.py").write_text(FIGURE)
    done = call("run", str(study), "--workers", "0", *scripted, "--json")
    assert done.status == 0
    found = json.loads(done.out)
    assert (found["rows"], found["computed"], found["failed"]) == (2, 2, 0)
    assert all(Path(found[name]).is_file() for name in ("store", "table", "metadata"))
    (figure,) = map(Path, found["figures"])
    figure.unlink()
    Path(found["table"]).unlink()  # written again from the store
    assert answer("plot", str(study), *scripted)["figures"] == [str(figure)]
    assert figure.is_file()
    assert_sentence(call("plot", found["store"], "--run-figure-script").err, "tiny.sqlite", "TOML file")

    study.write_text(STUDY.format(figure=""))
    done = call("run", str(study), "--workers", "0", *common, "--no-figure", "--quiet")
    assert "2 rows with a value" in done.out and "0 cells computed" in done.out and done.err == ""
    files = answer("plot", str(study), *common)["figures"]  # the default chart
    assert files and all(Path(file).stat().st_size > 1000 for file in files)


def test_a_stranger_s_script_is_not_run_unasked(call, tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "figures").mkdir()
    study, mark = tmp_path / "studies" / "tiny.toml", tmp_path / "ran"
    study.write_text(STUDY.format(figure='figure = "tiny"'))
    script = f"from pathlib import Path\nPath({str(mark)!r}).touch()\n" + FIGURE
    (tmp_path / "figures" / "tiny.py").write_text(script)
    common = [str(study), "--output", str(tmp_path / "out")]
    for words in (["run", "--workers", "0", "--quiet"], ["retry", "--workers", "0", "--quiet"], ["plot"], ["report"]):
        done = call(words[0], *common, *words[1:])
        assert done.status == 0 and not mark.exists(), words
        assert_sentence(done.err, "tiny.py", "was not run", "default chart", "--run-figure-script")
    drawn = json.loads(call("plot", *common, "--json").out)["figures"]
    assert drawn and all(Path(file).stat().st_size > 1000 for file in drawn)
    for command in ("plot", "report"):
        assert call(command, *common, "--run-figure-script").err == "" and mark.exists()
        mark.unlink()


def test_verify_says_what_is_missing_or_failed(call, answer, tmp_path):
    study, store = tmp_path / "tiny.toml", tmp_path / "out" / "tiny.sqlite"
    study.write_text(STUDY.format(figure=""))
    common = [str(study), "--output", str(tmp_path / "out")]
    assert call("run", *common, "--workers", "0", "--quiet").status == 0
    assert answer("verify", *common)["studies"][0]["complete"] is True
    forged = {"status": "failed", "error": "no luck", "seconds": None} | dict.fromkeys(
        ("value", "method", "solver", "margin", "certificate", "sdp_value", "sdp_certificate")
    )
    with Store.read(store) as opened:
        key, _, parts = next(opened.cells())
    row = dict(zip(STORED, parts[0], strict=True)) | forged
    with Store.write(store) as opened:
        opened.put([Cell(key, 1, (tuple(row.values()),))], {}, replace=True)
    done = call("verify", *common)
    assert done.status == 2 and "every cell of the study has an answer, and 1 is failed" in done.err
    with closing(sqlite3.connect(store)) as db, db:
        write_seal(db, replace(read_seal(db), complete=[]))
    done = call("verify", *common)
    assert done.status == 1 and "failed: 'no luck'" in done.out and "1 failed, 0 cells missing" in done.out
    assert "0 cells are missing and 1 failed" in done.err
    done = call("verify", *common, "--recompute-failed", "--json")
    (found,) = json.loads(done.out)["studies"]
    assert done.status == 2 and not found["holds"] and found["failed"] == 1 and found["sealed"]
    assert "when it is solved again" in found["faults"][0]["message"]
    assert call("retry", *common, "--workers", "0", "--quiet").status == 0
    assert call("verify", *common).status == 0


def test_check_status_export_report_verify(call, answer, tmp_path):
    study = tmp_path / "tiny.toml"
    study.write_text(STUDY.format(figure=""))
    common = ["--output", str(tmp_path / "out")]
    found = answer("check", str(study), *common, "--seconds", "60")
    assert (found["points"], found["cells"], found["done"]) == (1, 2, 0)
    assert 0 < found["core_seconds"] < 60 and found["samples"] >= 1 and len(found["rows"]) == 2
    assert not (tmp_path / "out").exists()
    words = call("check", str(study), *common, "--seconds", "60").out
    assert "1 points, 2 cells" in words and "bound; margin" in words and words.count("<=") + words.count(">=") == 2
    assert answer("status", str(study), *common)["done"] == 0

    call("run", str(study), "--workers", "0", *common)
    status = answer("status", str(study), *common)
    assert (status["done"], status["cells"], status["complete"]) == (2, 2, True)
    assert call("status", str(tmp_path / "out")).out.startswith("tiny: 2 of 2 cells done")
    files = [str(tmp_path / f"table.{suffix}") for suffix in ("csv", "parquet", "nc")]
    assert answer("export", str(tmp_path / "out" / "tiny.sqlite"), *files)["files"] == files
    assert_sentence(call("export", str(study), "table.xlsx", *common).err, "table.xlsx", ".parquet")
    page = Path(answer("report", str(study), *common)["report"])
    assert page.suffix == ".html" and "tiny" in page.read_text(encoding="utf-8")
    page = tmp_path / "other.html"
    assert answer("report", str(tmp_path / "out" / "tiny.sqlite"), str(page))["report"] == str(page)
    assert "<table" in page.read_text(encoding="utf-8")

    found = answer("verify", str(study), *common)
    assert found["studies"][0]["proven"] == found["studies"][0]["rows"] == 2 and found["studies"][0]["holds"]
    assert "2 of 2 rows proven" in call("verify", str(tmp_path / "out" / "tiny.sqlite")).out
    assert answer("retry", str(study), "--workers", "0", "--quiet", *common)["computed"] == 0


def test_shards_merge_and_recover(call, answer, tmp_path):
    study = tmp_path / "tiny.toml"
    study.write_text(STUDY.format(figure=""))
    common = ["--output", str(tmp_path / "out"), "--quiet"]
    assert answer("run", str(study), "--workers", "0", "--shard", "2/2", *common)["rows"] == 0
    part = answer("run", str(study), "--workers", "0", "--shard", "1/2", *common)
    assert part["store"].endswith("tiny.shard-1-of-2.sqlite") and part["rows"] == 2
    assert answer("merge", str(study), part["store"], *common[:2])["added"] == 2
    assert answer("status", str(study), *common[:2])["complete"]
    recovered = answer("recover", str(study), part["store"], "--output", str(tmp_path / "again"))
    assert (recovered["rows"], recovered["unsound"]) == (2, 0)
    for shard in ("3/2", "0/2", "1", "a/b", "1/2/3"):
        assert_sentence(call("run", str(study), "--shard", shard, *common).err, "1 <= K <= N")


def test_schema(call):
    done = call("schema")
    assert done.status == 0 and json.loads(done.out)["title"]


def test_failed_rows_and_interrupts_have_their_exit_status(call, monkeypatch, tmp_path):
    study = tmp_path / "tiny.toml"
    study.write_text(STUDY.format(figure=""))
    monkeypatch.chdir(tmp_path)
    from sdpbound import study as package

    def result(rows: int, failed: int):
        paths = [tmp_path / f"tiny.{suffix}" for suffix in ("sqlite", "csv", "json")]
        return lambda *_, **__: package.StudyResult(*paths, rows, rows, failed, 0, 1.0)

    monkeypatch.setattr(package, "run_study", result(5, 2))
    done = call("run", str(study))
    assert done.status == 1 and "3 rows with a value" in done.out and "2 failed" in done.out
    assert_sentence(done.err, "2 of 5 rows failed", "sdpbound retry")

    for stop, status, word in ((KeyboardInterrupt, 130, "interrupted"), (package.Terminated, 143, "terminated")):

        def run(*_, stop=stop, **__):
            raise stop("study 'tiny' stopped after 1 of 2 cells.")

        monkeypatch.setattr(package, "run_study", run)
        done = call("run", str(study))
        assert done.status == status
        assert_sentence(done.err, word, "stopped after 1 of 2")


# --- bad input -------------------------------------------------------------------------------------------------------


def assert_sentence(err: str, *words: str) -> None:
    assert err.startswith("sdpbound: ") and err.count("\n") == 1 and err.endswith("\n")
    assert not set("╭│╰") & set(err)
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["value", "--theta", "nan", "--phi", "1", "--omega", "1"], ["theta", "nan"]),
        (["value", "--theta", "1", "--phi", "inf", "--omega", "1"], ["phi", "inf"]),
        (["value", "--theta", "1", "--phi", "1", "--omega", "1e400"], ["omega", "inf"]),
        (["value", "--theta", "1/0", "--phi", "1", "--omega", "1"], ["theta", "'1/0'", "zero"]),
        (["value", "--theta", "__import__('os')", "--phi", "1", "--omega", "1"], ["theta", "__import__", "pi"]),
        (["guess", *ANGLES, "--visibility", "1.5"], ["visibility", "1.5", "between 0 and 1"]),
        (["guess", *ANGLES, "--model", "quantm"], ["--model", "quantm", "did you mean 'quantum'?"]),
        (["guess", *ANGLES, "--observed", "all"], ["--observed", "'all'", "correlators"]),
        (["guess", *ANGLES, "--level", "1+AX"], ["level", "1+AX"]),
        (["guess", *ANGLES, "--level", "1+AC"], ["1+AC", "party C"]),
        (["guess", *ANGLES, "--level", "2", "--model", "local"], ["--level 2", "local"]),
        (["guess", *ANGLES, "--x", "5"], ["x = 5", "0 to 1"]),
        (["guess", *ANGLES, "--x", "-1"], ["x = -1", "0 to 1"]),
        (["guess", *ANGLES, "--x", "a"], ["x = 'a'", "integer"]),
        (["rate", "key", *ANGLES, "--y", "2"], ["y = 2", "0 to 1"]),
        (["guess", *ANGLES, "--blind"], ["--blind", "--y"]),
        (["rate", "randomness", *ANGLES, "--local", "--y", "0"], ["local", "y"]),
        (["guess", *ANGLES, "--solver", "mosk"], ["mosk", "clarabel"]),
        (["guess", *ANGLES, "--model", "local"], ["outside the local set"]),
        (["value", *ANGLES, "--certificate", "no/such/folder/c.json"], ["no/such/folder/c.json"]),
        (["value", *ANGLES, "--tehta", "1"], ["--tehta", "did you mean '--theta'?"]),
        (["value", *ANGLES, "--zzz"], ["--zzz", "--theta"]),
        (["value", "--theta", "1"], ["--phi", "sdpbound value --help"]),
        (["value", *ANGLES, "more"], ["more"]),
        (["gues"], ["gues", "did you mean 'guess'?"]),
        (["rate", "kye"], ["kye", "did you mean 'key'?"]),
        (["verify"], ["missing"]),
        (["verify", "absent.json"], ["absent.json", "cannot be read"]),
        (["run", "absent.toml"], ["absent.toml"]),
        (["plot", "absent.toml"], ["absent.toml"]),
        (["check", "absent.toml"], ["absent.toml"]),
        (["status", "absent.sqlite"], ["absent.sqlite"]),
        (["export", "absent.sqlite", "a.csv"], ["absent.sqlite"]),
        (["verify", "absent.sqlite"], ["absent.sqlite"]),
        (["report", "absent.toml"], ["absent.toml"]),
    ],
)
def test_bad_input(call, arguments, words):
    done = call(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert_sentence(done.err, *words)


def test_a_computation_that_cannot_be_finished(call, monkeypatch):
    def fail(*_, **__):
        raise sb.SolverFailure("no solver gave a usable dual; try another one.")

    monkeypatch.setattr(sb, "maximize", fail)
    done = call("value", *ANGLES)
    assert done.status == 1
    assert_sentence(done.err, "no solver")


# --- the program itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--help"], ["rate"], ["rate", "key", "--help"], ["guess", "-h"]])
def test_help(call, arguments):
    done = call(*arguments)
    assert done.status == 0 and "Usage: sdpbound" in done.out and done.err == ""


def test_rates_with_a_post_processing(answer, refused):
    devices = ["--family", "two_qubit", "--at", "theta=pi/4,a0=0,a1=pi/3,b0=0,b1=-pi/3", "--visibility", "0.92"]
    code = ["--postprocessing", "repetition_code, block = 2, level = '1', pieces = 3"]
    found = answer("rate", "key", *devices, "--observed", "full", *code, "--attack")
    assert found["postprocessing"]["block"] == found["attack"]["postprocessing"]["block"] == 2
    assert found["rate"] < found["attack"]["rate"] < 0.1
    refused(["rate", "key", *devices, *code, "--x", "0"], "says itself which settings")
    refused(["rate", "key", *devices, "--postprocessing", "repetition"], "did you mean 'repetition_code'?")
    refused(["threshold", "visibility", *devices[:4], *code, "--y", "1"], "leave --x, --y, --preprocessing out")
