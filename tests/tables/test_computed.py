"""Tables that figures compute themselves: written, read, and refused when edited."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.tables.computed import read_computed, write_computed


def test_round_trip(tmp_path: Path) -> None:
    columns = {"n": [1, 2, 3], "rate": np.array([0.1, np.nan, -1e-300]), "what": ["a", "b, c", "a"]}
    table = read_computed(write_computed(tmp_path / "new" / "t.csv", columns, "a test"))
    assert table["n"].tolist() == [1.0, 2.0, 3.0]
    assert table["rate"][0] == 0.1 and np.isnan(table["rate"][1]) and table["rate"][2] == -1e-300
    assert table["what"].tolist() == ["a", "b, c", "a"]
    assert table.where(what="a", n=3.0)["rate"].tolist() == [-1e-300]
    assert len(table) == 3 and table.name == "t.csv"
    assert table.metadata["about"] == "a test" and table.metadata["rows"] == 3
    with pytest.raises(InvalidStudy, match="no column 'x'; it has n, rate, what"):
        table["x"]


def test_edited_and_missing(tmp_path: Path) -> None:
    path = write_computed(tmp_path / "t.csv", {"n": [1, 2]}, "a test")
    path.write_text("n\n1.0\n3.0\n")
    with pytest.raises(InvalidStudy, match="damaged or was edited"):
        read_computed(path)
    path.with_suffix(".json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(InvalidStudy, match="no table that this version reads"):
        read_computed(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(InvalidStudy, match="no table that this version reads"):
        read_computed(path)
    with pytest.raises(InvalidStudy, match="run the figure's script first"):
        read_computed(tmp_path / "none.csv")


def test_bad_columns(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="columns of equal length"):
        write_computed(tmp_path / "t.csv", {"a": [1], "b": [1, 2]}, "")
    with pytest.raises(InvalidInput, match=r"a \.csv path"):
        write_computed(tmp_path / "t.txt", {"a": [1]}, "")
