"""``sdpbound check``: it keeps to its time, whatever the study asks for, and says what it did not reach."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from sdpbound.cli.checking import row_lines
from sdpbound.errors import InvalidInput
from sdpbound.study import Study
from sdpbound.study.running.estimate import LEAST, estimate
from sdpbound.study.running.solver_process import COMMAND
from sdpbound.tables.columns import COLUMNS

STUDY = """
name = "deep"
title = "A study with a level that takes minutes"
visibilities = [0.95, 0.9]
observed = ["correlators"]

[family]
kind = "singlet"
theta = [1.0, 1.1]
phi = [1.5]
omega = [2.6]

{adversaries}
[[quantities]]
name = "guess_local"
x = 0

[[quantities]]
name = "guess_global"
x = 0
y = 1
"""
DEEP = '[[adversaries]]\nmodel = "quantum"\nlevel = "9"\n'
BOX = '[[adversaries]]\nmodel = "no-signaling"\n'
#: Seconds that a process may take to start on a busy machine.
START = 60.0


@pytest.fixture
def study(tmp_path):
    def study(*adversaries: str):
        file = tmp_path / "deep.toml"
        file.write_text(STUDY.format(adversaries="\n".join(adversaries)))
        return file

    return study


@pytest.mark.slow
def test_a_level_that_takes_minutes_is_stopped_and_named(answer, call, study, tmp_path):
    file = study(DEEP, BOX)
    start = time.monotonic()
    found = answer("check", str(file), "--output", str(tmp_path / "out"), "--seconds", "6")
    assert time.monotonic() - start < 6 + START
    (unreached,) = found["unreached"]
    assert unreached["tasks"] == "guess_local, guess_global (quantum, level 9, correlators tested)"
    assert unreached["number"] == 4 and 0.0 < unreached["longer_than"] < 7.0
    # what is cheap comes first, and is shown although the study names it last
    assert found["samples"] >= 1 and {row["model"] for row in found["rows"]} == {"no-signaling"}
    assert len(found["rows"]) == 4  # of the first 8 rows, 2 x 2 at the first point
    assert found["core_seconds"] >= 4 * unreached["longer_than"]
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_is_not_reached_is_said_in_words(call, study):
    done = call("check", str(study(DEEP)), "--seconds", "0.01")
    assert done.status == 0
    assert "at least " in done.out and "not reached in 0.01 s" in done.out and "--seconds gives more" in done.out
    assert "guess_local, guess_global (quantum, level 9, correlators tested), 4 tasks: one takes more than " in done.out
    assert done.out.endswith("first rows: not reached\n")


@pytest.mark.slow
def test_everything_is_reached_where_there_is_time(call, answer, study):
    file = study(BOX)
    found = answer("check", str(file), "--seconds", "60")
    assert found["unreached"] == [] and found["samples"] == 4 and len(found["rows"]) == 8
    assert 0.0 < found["core_seconds"] < 60.0
    text = call("check", str(file), "--seconds", "60").out
    assert "not reached" not in text and "about " in text and "at least" not in text


@pytest.mark.slow
def test_no_process_is_left(study):
    def children() -> set[str]:
        listed = subprocess.run(["ps", "-eo", "ppid,pid,args"], capture_output=True, text=True, check=True).stdout
        lines = [line.split() for line in listed.splitlines()]
        return {pid for parent, pid, *words in lines if parent == str(os.getpid()) and COMMAND[-1] in words}

    before = children()
    found = estimate(Study.load(study(DEEP)), 0.01)
    assert [kind.tasks for kind in found.unreached] == [4] and found.unreached[0].seconds <= LEAST + 1.0
    assert found.rows == [] and found.samples == 0
    assert not children() - before


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_bad_seconds(refused, study, seconds):
    refused(["check", str(study(BOX)), "--seconds", seconds], "seconds")


def test_bad_budget(study):
    with pytest.raises(InvalidInput, match="budget = 0"):
        estimate(Study.load(study(BOX)), 0)


def test_what_rows_have_in_common_is_said_once():
    row = dict.fromkeys(COLUMNS) | {"point": "0", "beta": 0.5, "visibility": 1.0, "quantity": "chsh", "value": 2.5}
    row |= {"side": "exact", "status": "solved"}
    lines = row_lines([row, row | {"quantity": "guess_local", "side": "upper", "method": "certified", "value": None}])
    assert lines[0] == "first rows (point=0 beta=0.5 visibility=1):"
    assert lines[1:] == ["  quantity=chsh: 2.5   (closed form, in floating point)", "  quantity=guess_local: solved"]
    assert row_lines([row])[0] == "first rows:" and "beta=0.5" in row_lines([row])[1]
    assert row_lines([]) == ["first rows: not reached"]
