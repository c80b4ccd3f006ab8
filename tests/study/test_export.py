"""Tables out and back: every number exactly, every file with its provenance, nothing half-written."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import math
import os
import platform
import random
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdpbound.errors import InvalidInput, InvalidParameter, InvalidStudy, StorageFailure
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.file.spec import StudySpec, parse_spec
from sdpbound.study.out.export import export, write_csv
from sdpbound.study.out.gridded import to_xarray
from sdpbound.study.plan import Plan
from sdpbound.tables import files
from sdpbound.tables.columns import COLUMN_NOTES, COLUMNS
from sdpbound.tables.frames import to_pandas
from sdpbound.tables.parquet import to_arrow, write_parquet
from sdpbound.tables.provenance import environment, git_commit, provenance_text, versions
from sdpbound.tables.table import Table, read_chunks, read_table

Tuple = tuple[Any, ...]
FACTS = {"study": {"name": "made_up"}, "tolerance": 1e-9, **environment(), "runs": []}
TEXT = ("csv", "parquet")
ALL = (*TEXT, "nc")


def spec_of(**changes: Any) -> StudySpec:
    family = {"kind": "singlet", "theta": [0.3, 0.5], "phi": [1.5, 1.4, 1.3], "omega": "theta + pi/2"}
    content = {
        "name": "small",
        "family": family,
        "visibilities": [1, 0.98],
        "observed": ["correlators", "bell"],
        "adversaries": ["no-signaling", "local"],
        "quantities": ["guess_local", "key_rate", "bell_maximum", "chsh"],
    }
    return parse_spec(content | changes)


def rows_of(spec: StudySpec) -> list[Tuple]:
    """The rows of a study, named as in a table."""
    rows: list[Tuple] = []
    for task in (task for group in Plan(spec) for task in group):
        for row in (row for cell in evaluate(task).cells for row in cell):
            place = row.pop("place")
            if place is None:
                rows.append((spec.name, task.point.name, task.point.where, *row.values(), spec.family.of.name))
            else:
                rows.append((spec.name, f"{task.point.name}/{place}", "best", *row.values(), spec.family.of.name))
    return rows


@pytest.fixture(scope="module")
def small() -> tuple[StudySpec, list[Tuple]]:
    spec = spec_of()
    return spec, rows_of(spec)


def made_up(count: int) -> list[Tuple]:
    """Rows of every type of value, without solving."""
    values: dict[type, tuple[Any, ...]] = {
        float: (None, 0.1, -0.0, 1e-300, math.pi),
        int: (None, 0, 1),
        str: (None, "solved", "a, b"),
    }
    kinds = list(COLUMNS.values())
    return [tuple(values[k][(i + j) % len(values[k])] for j, k in enumerate(kinds)) for i in range(count)]


def as_dicts(rows: list[Tuple]) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def write(path: Path, rows: list[Tuple], size: int = 7) -> Path:
    """CSV or Parquet, in small chunks."""
    chunks = [rows[i : i + size] for i in range(0, len(rows), size)]
    return (write_csv if path.suffix == ".csv" else write_parquet)(path, chunks, FACTS)


# -- there and back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TEXT)
def test_a_study_reads_back_as_it_was(kind: str, small: tuple[StudySpec, list[Tuple]], tmp_path: Path) -> None:
    spec, rows = small
    path = export(tmp_path / f"small.{kind}", [rows[:50], [], rows[50:]], {"runs": [{"cells": 3}]}, spec)
    assert path == tmp_path / f"small.{kind}"
    table = read_table(path)
    assert list(table) == as_dicts(rows)
    assert [type(v) for row in table for v in row.values()] == [type(v) for row in rows for v in row]
    assert table.name == path.name and len(table) == len(rows)
    facts = table.metadata
    assert parse_spec(facts["study"]) == spec and facts["tolerance"] == 1e-9 and facts["runs"] == [{"cells": 3}]
    assert facts["format"] == "sdpbound study table" and facts["version"] == 2
    assert {k: facts[k] for k in environment()} == environment()
    assert facts["rows"] == facts["cells"] == facts["cells_done"] == len(rows) and facts["complete"]
    assert facts["failed"] == 0 and facts["infeasible"] == sum(r["status"] == "infeasible" for r in table) > 0
    assert facts["models"] == ["local", "no-signaling"] and facts["solvers"] == ["enumeration", "highs"]
    assert facts["worst_margin"] == np.nanmax(table["margin"]) and facts["columns"] == list(COLUMNS)
    written = {"csv": ["small.csv", "small.json"], "parquet": ["small.parquet"]}
    assert sorted(p.name for p in tmp_path.iterdir()) == written[kind]


def test_an_unfinished_table_says_so(small: tuple[StudySpec, list[Tuple]], tmp_path: Path) -> None:
    spec, rows = small
    facts = read_table(export(tmp_path / "part.csv", [rows[:-1]], {}, spec)).metadata
    assert not facts["complete"] and facts["cells"] == facts["cells_done"] + 1
    assert read_table(export(tmp_path / "none.parquet", [], {}, spec)).metadata["rows"] == 0


def test_the_csv_file_is_plain(small: tuple[StudySpec, list[Tuple]], tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", small[1])
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == ",".join(COLUMNS) and lines[-1] == ""
    assert list(csv.reader(lines[1:-1])) == [["" if v is None else str(v) for v in row] for row in small[1]]
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["units"]["theta"] == "rad" and facts["descriptions"]["side"] == COLUMN_NOTES["side"].text


ENTRY: dict[type, st.SearchStrategy[Any]] = {
    float: st.none() | st.floats(),
    int: st.none() | st.integers(-(2**63), 2**63 - 1),
    str: st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
}
ROW = st.tuples(*(ENTRY[kind] for kind in COLUMNS.values()))


@pytest.mark.parametrize("kind", TEXT)
@settings(max_examples=40)
@given(rows=st.lists(ROW, max_size=5), size=st.integers(1, 5))
def test_any_values_read_back_exactly(
    kind: str, tmp_path_factory: pytest.TempPathFactory, rows: list[Tuple], size: int
) -> None:
    """NaN, infinities, -0.0, line ends and quotes in texts included."""
    path = write(tmp_path_factory.mktemp("any") / f"t.{kind}", rows, size)
    assert repr(list(read_table(path))) == repr(as_dicts(rows))


def test_an_empty_text(tmp_path: Path) -> None:
    """Parquet tells it from None; CSV cannot."""
    rows = [("", *(None for _ in list(COLUMNS)[1:]))]
    assert [read_table(write(tmp_path / f"t.{kind}", rows)).rows[0]["study"] for kind in TEXT] == [None, ""]


# -- damage -------------------------------------------------------------------------------------------------------


def test_a_damaged_csv_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", made_up(20))
    description = path.with_suffix(".json")
    whole, facts = path.read_bytes(), json.loads(description.read_text(encoding="utf-8"))

    def refused(sentence: str) -> None:
        with pytest.raises(InvalidStudy, match=sentence) as caught:
            read_table(path)
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)

    path.write_bytes(whole.replace(b"0.1", b"0.2", 1))
    refused(r"t\.csv' is damaged or was edited")
    path.write_bytes(whole[:-10])
    refused(r"t\.csv' is damaged or was edited")
    other = b"x" + whole
    path.write_bytes(other)
    description.write_text(json.dumps(facts | {"sha256": hashlib.sha256(other).hexdigest()}), encoding="utf-8")
    refused(r"t\.csv' is damaged: its header")
    path.unlink()
    refused(r"t\.csv' cannot be read: No such file")
    path.write_bytes(whole)
    for content, sentence in {
        "{": r"t\.json' is damaged",
        "[]": r"t\.json' is damaged",
        json.dumps(facts | {"sha256": None}): r"t\.json' is damaged: it lacks the hash",
        json.dumps(facts | {"version": 1}): r"t\.json' is of a table of version 1, .*; run the study again",
        json.dumps(facts | {"version": 3}): r"t\.json' is of a table of version 3, .*; upgrade sdpbound",
        json.dumps(facts | {"columns": ["study"]}): r"t\.json' is of a table with other columns",
    }.items():
        description.write_text(content, encoding="utf-8")
        refused(sentence)
    description.unlink()
    refused(r"t\.json' cannot be read: No such file or directory; run the study first")
    with pytest.raises(
        InvalidStudy, match=r"'t\.nc' is no table that can be read back; give a \.csv or \.parquet file"
    ):
        read_table("t.nc")


def test_a_damaged_parquet_file_is_named_or_harmless(tmp_path: Path) -> None:
    """A byte changed anywhere never gives other rows."""
    rows = made_up(40)
    path = write(tmp_path / "t.parquet", rows)
    whole, draw, named = path.read_bytes(), random.Random(5), 0
    for place in [0, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(150))]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << draw.randrange(8))]) + whole[place + 1 :])
        try:
            assert list(read_table(path)) == as_dicts(rows)
        except InvalidStudy as error:
            named += str(path) in str(error)
            assert str(error).startswith(f"'{path}' is ")
    assert named > 50
    for part in (b"", whole[:-1], whole[: len(whole) // 2], b"PAR1", b"study,point\n"):
        path.write_bytes(part)
        with pytest.raises(InvalidStudy, match=r"t\.parquet' is damaged: it is not a whole Parquet file"):
            read_table(path)
    path.unlink()
    with pytest.raises(InvalidStudy, match=r"t\.parquet' cannot be read: No such file"):
        read_table(path)


def test_the_hash_of_a_parquet_file_is_of_its_rows(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = made_up(300)
    path = write(tmp_path / "t.parquet", rows, 100)
    table = parquet.read_table(path)
    again = tmp_path / "again.parquet"
    parquet.write_table(table, again, compression="none", use_dictionary=False, row_group_size=13)
    assert again.read_bytes() != path.read_bytes()
    assert list(read_table(again)) == as_dicts(rows)
    assert read_table(again).metadata["sha256"] == to_arrow_hash(rows, 300) == to_arrow_hash(rows, 11)
    for column in ("value", "x", "solver"):  # a value changed, or one made null
        i = table.schema.get_field_index(column)
        values = table[column].to_pylist()
        for change in (type(next(v for v in values if v))(7), None):
            place = next(k for k, v in enumerate(values) if v is not None)
            changed = [change if k == place else v for k, v in enumerate(values)]
            edited = table.set_column(i, table.field(i), pyarrow.array(changed, table.field(i).type))
            parquet.write_table(edited, again)
            with pytest.raises(InvalidStudy, match=r"again\.parquet' is damaged or was edited"):
                read_table(again)
    parquet.write_table(table.drop_columns(["error"]), again)
    with pytest.raises(InvalidStudy, match=r"again\.parquet' is damaged"):
        read_table(again)
    parquet.write_table(table.replace_schema_metadata(None), again)
    with pytest.raises(InvalidStudy, match="does not describe the table of a study"):
        read_table(again)


def to_arrow_hash(rows: list[Tuple], size: int) -> str:
    table = to_arrow([rows[i : i + size] for i in range(0, len(rows), size)], FACTS)
    return json.loads(table.schema.metadata[b"sdpbound"])["sha256"]


# -- nothing half-written -----------------------------------------------------------------------------------------


def broken() -> Iterator[list[Tuple]]:
    yield made_up(100)
    raise RuntimeError("lost")


@pytest.mark.parametrize("kind", ALL)
def test_a_failure_leaves_the_old_file_alone(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind}"
    path.write_text("old", encoding="utf-8")
    with pytest.raises((RuntimeError, InvalidInput), match=r"lost|no place"):
        export(path, broken(), {}, spec_of())
    with pytest.raises(InvalidInput, match="provenance cannot be written as JSON"):
        export(path, [], {"margin": math.nan}, spec_of())
    with pytest.raises(InvalidInput, match=f"a row of a table must have {len(COLUMNS)} entries"):
        export(path, [[("small", "0")]], {}, spec_of())
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ALL)
def test_a_full_disk(kind: str, small: tuple[StudySpec, list[Tuple]], tmp_path: Path) -> None:
    """Here a limit on the size of files: the same call fails in the same place."""
    resource = pytest.importorskip("resource")
    spec, rows = small
    path = tmp_path / f"t.{kind}"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StorageFailure) as caught:
            export(path, [rows] * 40 if kind != "nc" else [rows], {}, spec)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"t.{kind}' was not written: File too large; free some space or choose another place." in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ALL)
def test_places_that_cannot_be_written(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of()
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / f"folder.{kind}").mkdir()
    reasons = {"gone/t": "No such file or directory", "file/t": "Not a directory", "folder": "Is a directory"}
    for place, reason in reasons.items():
        with pytest.raises(
            InvalidInput, match=rf"{place}\.{kind}' cannot be written: {reason}; choose another place\."
        ):
            export(tmp_path / f"{place}.{kind}", [], {}, spec)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(files.io, "FileIO", refuse)
    with pytest.raises(InvalidInput, match=r"cannot be written: Read-only file system; choose another place\."):
        export(tmp_path / f"t.{kind}", [], {}, spec)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", f"folder.{kind}"]


def test_other_formats_are_refused(tmp_path: Path) -> None:
    for name, shown in {"t.xlsx": r"ending '\.xlsx'", "t": r"t' without an ending"}.items():
        with pytest.raises(InvalidInput, match=rf"{shown}.*; use \.csv, \.parquet or \.nc\."):
            export(tmp_path / name, [], {}, spec_of())


@pytest.mark.parametrize(
    ("kind", "package"), [("parquet", "pyarrow"), ("nc", "xarray"), ("nc", "h5netcdf"), ("nc", "h5py")]
)
def test_a_missing_package(kind: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InvalidInput, match=rf"needs the package '{package}': install sdpbound\[study\]\."):
        export(tmp_path / f"t.{kind}", [], {}, spec_of())
    assert read_table(export(tmp_path / "t.csv", [], {}, spec_of())).rows == ()


@pytest.mark.parametrize("kind", TEXT)
def test_rows_pass_by_and_are_not_kept(kind: str, tmp_path: Path) -> None:
    class Chunk(list[Tuple]):
        """A list that can be watched."""

    most = 0
    watched: list[weakref.ref[Chunk]] = []

    def chunks() -> Iterator[list[Tuple]]:
        nonlocal most
        for _ in range(50):
            chunk = Chunk(made_up(10))
            watched.append(weakref.ref(chunk))
            most = max(most, sum(ref() is not None for ref in watched))
            yield chunk

    (write_csv if kind == "csv" else write_parquet)(tmp_path / f"t.{kind}", chunks(), FACTS)
    assert most <= 2
    assert len(read_table(tmp_path / f"t.{kind}")) == 500


@pytest.mark.parametrize("kind", TEXT)
def test_a_table_is_read_in_parts(kind: str, tmp_path: Path) -> None:
    rows = made_up(50)
    path = write(tmp_path / f"t.{kind}", rows)
    for size in (1, 7, 50, 1000):
        parts = list(read_chunks(path, size))
        assert [len(part) for part in parts] == [min(size, 50 - i) for i in range(0, 50, size)]
        assert [row for part in parts for row in part] == as_dicts(rows)
        assert {part.name for part in parts} == {path.name} and all(part.metadata["rows"] == 50 for part in parts)
    (part,) = read_chunks(path, columns=["value", "solver"])
    assert list(part) == [
        dict.fromkeys(COLUMNS) | {name: row[name] for name in ("value", "solver")} for row in as_dicts(rows)
    ]
    (none,) = read_chunks(write(tmp_path / f"none.{kind}", []))
    assert len(none) == 0 and none.metadata["rows"] == 0
    for wrong in (0, -1, True, 2.0):
        with pytest.raises(InvalidParameter, match=r"rows = .* must be an integer of at least 1"):
            read_chunks(path, wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidStudy, match=r"a table has no column 'values'"):
        next(read_chunks(path, columns=["values"]))


@pytest.mark.parametrize("kind", TEXT)
def test_no_part_of_a_damaged_table_is_given_out(kind: str, tmp_path: Path) -> None:
    rows = made_up(50)
    path = write(tmp_path / f"t.{kind}", rows)
    if kind == "csv":
        path.write_bytes(path.read_bytes()[:-30])
    else:
        from pyarrow import parquet

        table = parquet.read_table(path)
        parquet.write_table(table.slice(0, 49), path)
    with pytest.raises(InvalidStudy, match="is damaged or was edited"):
        next(read_chunks(path, 1))


# -- in memory ----------------------------------------------------------------------------------------------------


def test_data_frame(small: tuple[StudySpec, list[Tuple]], tmp_path: Path) -> None:
    rows = small[1]
    frame = to_pandas([rows[:30], rows[30:]], FACTS)
    assert list(frame.columns) == list(COLUMNS) and len(frame) == len(rows)
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert {kinds[n] for n, kind in COLUMNS.items() if kind is float} == {"float64"}
    assert kinds["x"] == kinds["y"] == "Int64" and kinds["solver"] == kinds["status"] == "category"
    assert kinds["point"] == kinds["error"]
    for name in COLUMNS:
        values = frame[name].astype(object).where(frame[name].notna(), None).tolist()
        assert values == [row[list(COLUMNS).index(name)] for row in rows]
    assert frame.attrs["provenance"]["rows"] == len(rows) and frame.attrs["provenance"]["tolerance"] == 1e-9
    same = read_table(write(tmp_path / "t.csv", rows)).to_pandas()
    assert same.equals(frame)
    assert frame.groupby("model", observed=True)["value"].count().to_dict().keys() == {"no-signaling", "local"}


def test_arrow_table_has_units_and_provenance(tmp_path: Path) -> None:
    from pyarrow import parquet

    rows = made_up(10)
    table = to_arrow([rows], FACTS)
    assert table.field("theta").metadata == {b"unit": b"rad", b"description": COLUMN_NOTES["theta"].text.encode()}
    assert table.to_pylist() == as_dicts(rows)
    schema = parquet.read_schema(write(tmp_path / "t.parquet", rows))
    assert schema.equals(table.schema, check_metadata=True)
    assert json.loads(schema.metadata[b"sdpbound"])["rows"] == 10
    # for readers without Arrow
    assert parquet.read_metadata(tmp_path / "t.parquet").metadata[b"sdpbound"] == schema.metadata[b"sdpbound"]


def test_every_column_has_a_note() -> None:
    assert list(COLUMN_NOTES) == list(COLUMNS)
    assert all(bool(COLUMN_NOTES[name].unit) == (kind is not str) for name, kind in COLUMNS.items())


def test_no_rows() -> None:
    assert to_pandas([], FACTS).shape == (0, len(COLUMNS)) and to_arrow([[]], FACTS).num_rows == 0


def test_table() -> None:
    rows = as_dicts(made_up(30))
    table = Table(tuple(rows), {}, "t")
    assert np.isnan(table["value"]).sum() == sum(row["value"] is None for row in rows) > 0
    assert set(table["solver"]) == {"", "solved", "a, b"} and table.distinct("x") == list({r["x"]: 0 for r in rows})
    assert list(table.where(solver="solved", x=None)) == [r for r in rows if r["solver"] == "solved" and r["x"] is None]
    for use in (lambda: table["sides"], lambda: table.where(sides=1), lambda: table.distinct("sides")):
        with pytest.raises(InvalidStudy, match=r"a table has no column 'sides'; its columns are study, point"):
            use()


# -- grids --------------------------------------------------------------------------------------------------------


def check_places(spec: StudySpec, rows: list[Tuple], data: Any) -> None:
    """Every row is found by its labels, and nothing else is there."""
    filled = 0
    for row in as_dicts(rows):
        name = row["quantity"] + "".join(f"_{s}{row[s]}" for s in "xy" if row[s] is not None)
        name += "_best" if row["where"] == "best" else ""
        variable = data[name]
        labels: dict[str, Any] = {"observed": row["observed"]}
        labels["adversary"] = f"{row['model']} {row['level'] or ''}".strip()
        found = variable.sel({k: v for k, v in labels.items() if k in variable.dims})
        point = list(spec.family.points())[int(row["point"].split("/")[0])]
        for angle, value in point.items():
            found = found.where(data[angle] == value)
        if row["visibility"] is not None:
            found = found.where(data["visibility"] == row["visibility"])
        here = found.to_numpy()[np.isfinite(found.to_numpy())]
        assert list(here) == ([] if row["value"] is None else [row["value"]])
        filled += here.size
        if row["where"] == "best":
            beside = data[f"{name}_theta"].where(np.isfinite(found))
            assert list(beside.to_numpy()[np.isfinite(beside.to_numpy())]) == [row["theta"]]
    kept = [v for n, v in data.data_vars.items() if "ancillary_variables" in v.attrs]
    assert filled == sum(int(np.isfinite(v).sum()) for v in kept)


def test_grid_of_a_study(small: tuple[StudySpec, list[Tuple]], tmp_path: Path) -> None:
    import xarray

    spec, rows = small
    data = to_xarray([rows[:20], rows[20:]], FACTS, spec)
    assert dict(data.sizes) == {"theta": 2, "phi": 3, "visibility": 2, "observed": 2, "adversary": 2}
    assert data["guess_local_x0"].dims == ("theta", "phi", "visibility", "observed", "adversary")
    assert data["bell_maximum"].dims == ("theta", "phi", "adversary") and data["chsh"].dims == ("theta", "phi")
    assert data["omega"].dims == ("theta",) and (data["omega"] == data["theta"] + math.pi / 2).all()
    check_places(spec, rows, data)
    status = data["key_rate_x0_y0_status"]
    assert sorted(np.unique(status)) == ["infeasible", "solved"]
    assert (status == "infeasible").equals(data["key_rate_x0_y0"].isnull())
    assert data["key_rate_x0_y0"].attrs["units"] == "bit" and data["key_rate_x0_y0"].attrs["side"] == "lower bound"
    assert data["key_rate_x0_y0_margin"].attrs["units"] == "bit" and data["chsh"].attrs["side"] == "closed form"
    assert data["guess_local_x0"].attrs["units"] == "1" and data["theta"].attrs["units"] == "rad"
    assert all("long_name" in variable.attrs for variable in data.variables.values())
    for variable in data.data_vars.values():
        assert set(variable.attrs.get("ancillary_variables", "").split()) <= set(data.data_vars)
    runs = {"runs": [{"started": "2025-01-01T00:00:00Z", "sdpbound": "0.1.0"}]}
    path = export(tmp_path / "small.nc", [rows], runs, spec)
    assert [p.name for p in tmp_path.iterdir()] == ["small.nc"]
    back = xarray.load_dataset(path, engine="h5netcdf")
    assert back.attrs["Conventions"] == "CF-1.8" and back.attrs["history"].startswith(
        "2025-01-01T00:00:00Z computed by sdpbound 0"
    )
    facts = json.loads(back.attrs["sdpbound"])
    assert facts["complete"] and facts["rows"] == len(rows) and parse_spec(facts["study"]) == spec
    back.attrs = data.attrs
    assert back.identical(data)
    first = path.read_bytes()
    export(path, [rows], runs, spec)
    assert path.read_bytes() == first


def test_grid_of_an_unfinished_study(small: tuple[StudySpec, list[Tuple]]) -> None:
    spec, rows = small
    part = rows[::3]
    data = to_xarray([part], FACTS, spec)
    check_places(spec, part, data)
    assert (data["chsh_status"] == "").sum() > 0 and data["chsh"].where(data["chsh_status"] == "").isnull().all()
    assert to_xarray([], FACTS, spec)["guess_local_x0"].isnull().all()


def test_grid_of_a_curve_with_a_search() -> None:
    spec = spec_of(
        family={"kind": "singlet", "at_chsh": [2.2, 2.4], "phi": [1.4, 1.5], "best_of": {"contour": 8, "phi": [1.3]}},
        visibilities=0.99,
        observed="bell",
        adversaries=[{"model": "quantum", "level": "1+AB"}],
        quantities=["guess_local"],
    )
    rows = rows_of(spec)
    assert any(row[2] == "best" for row in rows)
    data = to_xarray([rows], FACTS, spec)
    dims = {"phi": 2, "s": 2, "visibility": 1, "observed": 1, "adversary": 1}
    assert data["guess_local_x0_best"].sizes == dims  # dimensions of length 1 are kept
    assert list(data["adversary"].to_numpy()) == ["quantum 1+AB"]
    assert data["theta"].dims == ("phi", "s") and np.allclose(data["omega"] - data["theta"], math.pi / 2)
    angles = {(row[3], row[4]) for row in rows if row[2] == "curve"}
    assert {(float(t), float(p)) for t, p in zip(*map(np.ravel, xr_broadcast(data)), strict=True)} == angles
    check_places(spec, rows, data)


def xr_broadcast(data: Any) -> tuple[Any, Any]:
    import xarray

    theta, phi = xarray.broadcast(data["theta"], data["phi"])
    return theta.to_numpy(), phi.to_numpy()


def test_grid_with_derived_visibilities_and_branches() -> None:
    family = {"kind": "singlet", "theta": [0.3, 0.5], "phi": 1.4, "omega": ["theta + pi/2", "theta + 1.6"]}
    spec = spec_of(family=family, visibilities=[1, "1 - 0.1*theta"], adversaries="no-signaling", quantities="key_rate")
    rows = rows_of(spec)
    data = to_xarray([rows[:5], rows[5:]], FACTS, spec)
    assert dict(data.sizes) == {
        **{"theta": 2, "phi": 1, "branch": 2},
        **{"visibility_index": 2, "observed": 2, "adversary": 1},
    }
    assert data["omega"].dims == ("theta", "branch") and data["visibility"].dims == ("theta", "visibility_index")
    assert np.array_equal(data["visibility"], [[1.0, 0.97], [1.0, 0.95]])
    check_places(spec, rows, data)


def test_rows_of_another_study_have_no_place(small: tuple[StudySpec, list[Tuple]]) -> None:
    _, rows = small
    row = dict(zip(COLUMNS, next(r for r in rows if r[list(COLUMNS).index("x")] == 0), strict=True))
    for change in (
        {"point": "6"},
        {"point": "a"},
        {"visibility": 0.5},
        {"model": "quantum"},
        {"quantity": "condition"},
    ):
        with pytest.raises(InvalidInput, match=r"study 'small' has no place for the row of point"):
            to_xarray([[tuple((row | change).values())]], FACTS, spec_of())


def test_a_grid_that_is_too_large() -> None:
    axis = {"start": 0.1, "stop": 1.0, "count": 3000}
    family = {"kind": "singlet", "theta": axis, "phi": axis, "omega": 1.0}
    with pytest.raises(
        InvalidInput, match=r"study 'small' has \d+ numbers on its grid, .* export it as \.parquet or \.csv"
    ):
        to_xarray([], FACTS, spec_of(family=family))


# -- provenance ---------------------------------------------------------------------------------------------------


def test_environment_names_no_machine_and_no_place() -> None:
    facts = environment()
    text = json.dumps(facts)
    assert facts["git_commit"] == git_commit() and facts["packages"] == versions() and "numpy" in versions()
    assert facts["platform"].split() == [platform.system(), platform.machine()]
    assert str(Path(__file__).resolve().parents[2]) not in text and str(Path.home()) not in text
    assert platform.node() == "" or platform.node() not in text


def test_provenance_is_one_line() -> None:
    runs = [{"sdpbound": "1.0", "git_commit": "a"}, {"sdpbound": "1.1", "git_commit": None}, {"sdpbound": "1.0"}]
    facts = {"study": {"name": "s"}, "sha256": "ff", "sdpbound": "2.0", "runs": runs}
    assert provenance_text(facts) == "study s; sha256 ff; sdpbound 1.0, 1.1; commit a"
    assert provenance_text({"sdpbound": "2.0"}) == "sdpbound 2.0"
