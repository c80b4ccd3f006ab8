"""The store: exact values, nothing lost, one writer, every damage found."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import os
import random
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdpbound.errors import DamagedStore, InvalidInput, InvalidStudy, StorageFailure
from sdpbound.study.store import Store, contents, core, file, form, merge, recover
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.form import Seal
from sdpbound.study.store.lock import Lock
from sdpbound.tables.columns import STORED, Row

ROOT = Path(__file__).parents[2]
CERTIFICATES = {f"proof {i}": zlib.compress(json.dumps({"i": i, "dual": [i / 7] * 2000}).encode()) for i in range(3)}


def key_of(i: int) -> bytes:
    return blake2b(str(i).encode(), digest_size=16).digest()


def row_of(i: int, **changes: Any) -> Row:
    row: Row = {name: {float: i / 7, int: i, str: f"{name} {i}"}[kind] for name, kind in STORED.items()}
    return row | {"place": None, "error": None, "status": "solved", "margin": math.nan if i % 3 else 1e-9} | changes


def answer(*numbers: int, **changes: Any) -> tuple[list[bytes], Answer]:
    """An answer with a cell for each number; every fifth has a better point."""
    cells = [[row_of(i, **changes)] + [row_of(i + 1000, place="3.12")] * (i % 5 == 0) for i in numbers]
    return [key_of(i) for i in numbers], Answer(cells)


def values(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in STORED)


def exact(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """With floats as their bits, all NaN alike."""
    return tuple(
        ("nan" if math.isnan(v) else struct.pack("<d", v)) if isinstance(v, float) else (type(v), v) for v in row
    )


def content(store: Store, count: int = 40) -> Any:
    rows = [(i, exact(row)) for i, row in store.rows(key_of(i) for i in range(count))]
    return rows, store.runs(), store.specs(), list(store.certificates())


def fill(path: Path, numbers: range = range(40)) -> Path:
    with Store.write(path) as store:
        run = store.begin({"workers": 2})
        store.save_spec({"name": "x"}, "name = 'x'\n")
        store.add(run, [answer(i) for i in numbers])
        store.add(run, [([], Answer([], CERTIFICATES))])
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite"


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder of our own, where we are not the superuser, whom no permission stops."""
    with tempfile.TemporaryDirectory() as name:
        user = os.geteuid()
        if user == 0:
            os.chown(name, 65534, -1)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


# -- values -------------------------------------------------------------------------------------------------------

KINDS = {
    float: st.floats(),
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(st.characters(codec="utf-8"), max_size=20),
}
ROWS = st.fixed_dictionaries({name: st.none() | KINDS[kind] for name, kind in STORED.items()})
FRESH = itertools.count(10**6)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for many examples."""
    with Store.write(tmp_path_factory.mktemp("written") / "x.sqlite") as store:
        store.begin({})
        yield store
        assert store.check() > 60


@settings(max_examples=60)
@given(cells=st.lists(st.lists(ROWS, min_size=1, max_size=2), min_size=1, max_size=3))
@example(cells=[[row_of(1, value=-0.0, margin=math.inf, theta=-math.inf, place="nan", error="a\0b", y=2**63 - 1)]])
def test_round_trip(written: Store, cells: list[list[Row]]) -> None:
    keys = [key_of(next(FRESH)) for _ in cells]
    expected = [(i, exact(values(row))) for i, cell in enumerate(cells) for row in cell]
    written.add(1, [(keys, Answer(cells))])
    assert [(i, exact(row)) for i, row in written.rows(keys)] == expected


def test_numpy_values_become_plain_ones(path: Path) -> None:
    with Store.write(path) as store:
        row = row_of(1, value=np.float64(0.5), x=np.int64(1), theta=1, side=np.str_("upper"))
        store.add(store.begin({}), [([key_of(1)], Answer([[row]]))])
        ((_, found),) = store.rows([key_of(1)])
    named = dict(zip(STORED, found, strict=True))
    assert [named[n] for n in ("value", "x", "theta", "side")] == [0.5, 1, 1.0, "upper"]
    assert [type(named[n]) for n in ("value", "x", "theta", "side")] == [float, int, float, str]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"value": "0.5"}, "column 'value' of a row is '0.5', and must be of type float or None."),
        ({"value": True}, "must be of type float"),
        ({"x": 1.0}, "must be of type int"),
        ({"x": 2**63}, "64 bits"),
        ({"value": 10**400}, "must be of type float"),
        ({"error": 3}, "must be of type str"),
        ({"error": "\ud800"}, "not valid Unicode"),
        ({"new": 1}, "wrong columns (new)"),
    ],
)
def test_rows_that_cannot_be_stored(path: Path, changes: dict[str, Any], words: str) -> None:
    with Store.write(path) as store:
        run = store.begin({})
        with pytest.raises(InvalidInput) as error:
            store.add(run, [answer(1), ([key_of(2)], Answer([[row_of(2) | changes]]))])
        assert words in str(error.value)
        assert store.counts() == {}


@pytest.mark.parametrize("key, cells", [(b"short", [[row_of(1)]]), (key_of(1), [[]]), (key_of(1), [])])
def test_cells_that_cannot_be_stored(path: Path, key: bytes, cells: list[list[Row]]) -> None:
    with Store.write(path) as store, pytest.raises(InvalidInput):
        store.add(1, [([key], Answer(cells))])


def test_the_digest_is_that_of_every_version() -> None:
    """Fixed numbers: a change makes every existing store look damaged."""
    row = ("nan", 1.5, -0.25, None, 7, "text \u00e4", None, None)
    assert form.row_digest(bytes(16), 0, 1, 3, row).hex() == "8319c63873c31c2a"
    assert form.row_digest(bytes(16), 0, 1, 3, row[:6]) == form.row_digest(bytes(16), 0, 1, 3, row)


@pytest.mark.parametrize(
    "one, other",
    [(("ab", "c"), ("a", "bc")), ((1, None), (None, 1)), ((1.0,), (1,)), (("a",), (b"a",)), (("",), (None,))],
)
def test_digests_tell_values_apart(one: Any, other: Any) -> None:
    assert form.digest(one) != form.digest(other)


# -- keys, rows, batches ------------------------------------------------------------------------------------------


def test_present_and_rows_in_the_order_asked(path: Path) -> None:
    count = contents.CHUNK + 50
    with Store.write(path) as store:
        run = store.begin({})
        store.add(run, [answer(*range(0, count, 2))])
        store.add(run, [answer(1, status="failed", value=None, error="no solver answered")])
        keys = [key_of(i) for i in range(count)]
        present = store.present(keys)
        assert set(present) == {key_of(i) for i in range(0, count, 2)} | {key_of(1)}
        assert present[key_of(1)] == "failed" and present[key_of(0)] == "solved"
        asked = [*range(count - 1, -1, -1), 0, 1]
        rows = list(store.rows(key_of(i) for i in asked))
        expected = [
            (place, exact(values(row)))
            for place, i in enumerate(asked)
            if key_of(i) in present
            for row in (
                [row_of(1, status="failed", value=None, error="no solver answered")]
                if i == 1
                else answer(i)[1].cells[0]
            )
        ]
        assert [(place, exact(row)) for place, row in rows] == expected
        assert store.counts() == {"solved": sum(len(answer(i)[1].cells[0]) for i in range(0, count, 2)), "failed": 1}
        assert store.present([]) == {} and list(store.rows([])) == []


def test_a_stored_key_is_an_error_and_the_batch_is_undone(path: Path) -> None:
    with Store.write(path) as store:
        run = store.begin({})
        store.add(run, [answer(1, 5)])
        with pytest.raises(InvalidInput, match="already; nothing of it was stored"):
            store.add(run, [answer(2, 3), answer(5)])
        with pytest.raises(InvalidInput, match="twice"):
            store.add(run, [answer(2), answer(2)])
        assert set(store.present([key_of(i) for i in range(9)])) == {key_of(1), key_of(5)}


def test_replace_removes_the_better_point_too(path: Path) -> None:
    with Store.write(path) as store:
        store.add(store.begin({}), [answer(4, 5)])
        again = store.begin({})
        store.add(again, [([key_of(5)], Answer([[row_of(5, status="failed", value=None)]])), answer(6)], replace=True)
        assert [place for place, _ in store.rows([key_of(4), key_of(5), key_of(6)])] == [0, 1, 2]
        assert store.counts() == {"solved": 2, "failed": 1}
        assert store.check() == 3


def test_runs_and_studies(path: Path) -> None:
    with Store.write(path) as store:
        assert store.spec() is None and store.runs() == []
        first, second = store.begin({"workers": 2}), store.begin({"workers": 4})
        store.finish(first, {"seconds": 1.5, "workers": 3})
        assert store.runs() == [{"id": first, "workers": 3, "seconds": 1.5}, {"id": second, "workers": 4}]
        with pytest.raises(InvalidInput, match="has no run 9"):
            store.finish(9, {})
        for spec in ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 1}):
            store.save_spec(spec, f"a = {spec['a']}\n")
        assert store.spec() == ({"a": 1}, "a = 1\n")
        assert [json.loads(text)["a"] for _, text, _ in store.specs()] == [1, 2, 1]


def test_certificates(path: Path) -> None:
    fill(path)
    with Store.read(path) as store:
        assert dict(store.certificates()) == {name: zlib.decompress(data) for name, data in CERTIFICATES.items()}
        assert json.loads(store.certificate("proof 2") or b"")["i"] == 2
        assert store.certificate("proof 3") is None


def test_a_certificate_too_large_to_be_read_is_not_stored(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "LARGEST", 10)
    with Store.write(path) as store:
        with pytest.raises(InvalidInput, match=r"certificate 'long' has 11 bytes, and at most 10 are stored"):
            store.put([], {"short": bytes(10), "long": bytes(11)})
        assert dict(store.certificates()) == {}


def test_a_store_opened_to_read_cannot_be_changed(path: Path) -> None:
    fill(path)
    before = path.read_bytes()
    with Store.read(path) as store, pytest.raises(InvalidInput, match="opened to read"):
        store.begin({})
    assert path.read_bytes() == before


def test_the_tables_can_be_queried_by_hand(path: Path) -> None:
    fill(path)
    with raw(path) as db:
        found = db.execute(
            "SELECT value, typeof(value), margin FROM result WHERE theta = ? AND place IS NULL", (1 / 7,)
        )
        assert found.fetchall() == [(1 / 7, "real", "nan")]
        db.execute("CREATE VIEW mine AS SELECT value FROM result")
        db.execute("DELETE FROM result WHERE key = ?", (key_of(3),))
    with Store.write(path) as store:  # neither is damage
        assert len(store.present([key_of(i) for i in range(40)])) == 39


# -- versions -----------------------------------------------------------------------------------------------------


def test_columns_appended_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store without the last two columns is read, and written after they were added; its digests hold."""
    old = list(STORED)[:-2]
    with monkeypatch.context() as patch:
        patch.setitem(
            form.TABLES,
            "result",
            form.TABLES["result"].replace(", ".join(map(form.column, list(STORED)[-2:])), "").rstrip(", )") + ")",
        )
        file.create(path)
    packed = form.pack(row_of(1))[:-2]
    with raw(path) as db:
        names = ", ".join(f'"{n}"' for n in ("key", "part", "run", "digest", *old))
        seal = form.row_digest(key_of(1), 0, 1, 1, packed)
        db.execute(
            f"INSERT INTO result ({names}) VALUES ({', '.join('?' * (4 + len(old)))})", (key_of(1), 0, 1, seal, *packed)
        )
    expected = [(0, exact((*values(row_of(1))[:-2], None, None)))]
    with Store.read(path) as store:
        assert [(i, exact(row)) for i, row in store.rows([key_of(1)])] == expected
    for _ in range(2):
        with Store.write(path) as store:
            assert [(i, exact(row)) for i, row in store.rows([key_of(1)])] == expected
            store.add(1, [answer(2)], replace=True)
            assert store.check() == 2


@pytest.mark.parametrize(
    "change, words",
    [
        ('ALTER TABLE result ADD COLUMN "later" REAL', "column 'later'"),
        (f"PRAGMA user_version = {form.FORMAT + 1}", f"format is {form.FORMAT + 1}"),
    ],
)
def test_a_newer_store_is_refused_and_left_alone(path: Path, change: str, words: str) -> None:
    fill(path)
    with raw(path) as db:
        db.execute(change)
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (file.definitions(db),))
        db.execute(
            "UPDATE meta SET value = ? WHERE name = 'format'", (str(db.execute("PRAGMA user_version").fetchone()[0]),)
        )
    before = path.read_bytes()
    for way in (Store.read, Store.write):
        with pytest.raises(InvalidStudy, match="newer sdpbound") as error:
            way(path)
        assert words in str(error.value) and not isinstance(error.value, DamagedStore)
    assert path.read_bytes() == before


# -- one writer, many readers -------------------------------------------------------------------------------------

HOLD = """
import sys
from sdpbound.study.store import Store
with Store.write(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python with this package; killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_a_second_writer_is_refused_until_the_first_is_gone(path: Path) -> None:
    with process(HOLD, path) as child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        with pytest.raises(InvalidInput, match=rf"in use by process {child.pid} on this host since 20.*--output\."):
            Store.write(path)
        with Store.read(path) as store:
            assert store.runs() == []
        child.kill()
        child.wait()
        with Store.write(path) as store:
            store.begin({})
        with raw(path) as db:
            assert db.execute("SELECT count(*) FROM meta WHERE name = 'holder'").fetchone() == (0,)


def test_the_entry_of_a_killed_writer_does_not_mislead(path: Path) -> None:
    fill(path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with raw(path) as db:
        facts = json.loads(Lock.facts()) | {"pid": ended.pid}
        db.execute("INSERT INTO meta VALUES ('holder', ?)", (json.dumps(facts),))
    lock = Lock(path)
    try:
        with pytest.raises(InvalidInput, match="in use by another process: wait"):
            Store.write(path)
    finally:
        lock.release()


def test_a_reader_during_a_run_sees_whole_batches(path: Path) -> None:
    with Store.write(path) as store:
        run = store.begin({})
        store.add(run, [answer(*range(10))])
        with Store.read(path) as reader:
            assert len(reader.present([key_of(i) for i in range(30)])) == 10
            rows = reader.rows(key_of(i) for i in range(10))
            next(rows)
            store.add(run, [answer(*range(10, 20))])
            assert len(list(rows)) == 11
            assert len(reader.present([key_of(i) for i in range(30)])) == 20
            assert reader.check() == 24


def test_the_seal_is_of_the_rows_of_its_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while another process stores, replaces and takes away rows."""
    with Store.write(path) as store:
        run = store.begin({})
        store.add(run, [answer(*range(10))])
        with Store.read(path) as reader:
            count = Seal.count

            def busy(seal: Seal, *row: Any) -> None:
                monkeypatch.undo()  # the first row is read; then another process stores
                store.add(run, [answer(*range(10, 20))])
                store.add(run, [answer(5, status="failed", value=None)], replace=True)
                count(seal, *row)

            monkeypatch.setattr(Seal, "count", busy)
            seal, own = reader.resealed()
            assert seal == own and seal is not None and seal.rows == {"solved": 12}
            seal, own = reader.resealed()
            assert seal == own and seal is not None and seal.rows == {"solved": 23, "failed": 1}


def test_a_batch_that_is_undone_leaves_the_seal(path: Path) -> None:
    fill(path)
    with Store.write(path) as store:
        before = store.resealed()
        with pytest.raises(InvalidInput):
            store.add(1, [answer(50), answer(3)])
        assert store.resealed() == before and before[0] == before[1]


KEEP_ADDING = f"""
import math, sys
from hashlib import blake2b
from sdpbound.study.store.answer import Answer
from sdpbound.study.store import Store
from sdpbound.tables.columns import STORED, Row
Any = object
{inspect.getsource(key_of)}
{inspect.getsource(row_of)}
{inspect.getsource(answer)}
with Store.write(sys.argv[1]) as store:
    run, start, size = store.begin(dict()), int(sys.argv[2]), int(sys.argv[3])
    while True:
        store.add(run, [answer(*range(start, start + size))])
        start += size
        print(start, flush=True)
"""


def kill_while_adding(path: Path, times: int, seed: int) -> None:
    """Kill a writer at random moments; whatever it has acknowledged is there, and nothing half."""
    rng = random.Random(seed)
    start, size = 0, 20
    for _ in range(times):
        with process(KEEP_ADDING, path, start, size) as child:
            assert child.stdout is not None
            for _ in range(rng.randrange(1, 8)):
                line = child.stdout.readline()
            time.sleep(rng.random() * 0.02)
            child.kill()
            said = line + child.stdout.read()
        done = [int(number) for number in said.split()][-1]
        with Store.read(path) as store:
            last = done + 2 * size
            count = len(store.present([key_of(i) for i in range(last)]))
            assert count in (done, done + size)
            found = [exact(row) for _, row in store.rows(key_of(i) for i in range(start, last))]
            assert found == [exact(values(row)) for i in range(start, count) for row in answer(i)[1].cells[0]]
            assert store.check() == count + count // 5
            seal, own = store.resealed()
            assert seal == own
        start = count


@pytest.mark.slow
def test_killed_while_adding(path: Path) -> None:
    kill_while_adding(path, 5, seed=1)


@pytest.mark.slow
def test_killed_while_adding_a_hundred_times(path: Path) -> None:
    kill_while_adding(path, 100, seed=2)


# -- places that cannot be written --------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written() -> None:
    with unprivileged() as folder:
        path = fill(folder / "x.sqlite")
        beside = [folder / "x.sqlite-wal", folder / "x.sqlite-shm"]
        assert not any(p.exists() for p in beside)
        folder.chmod(0o555)
        try:
            with Store.read(path) as store:
                assert store.check() == 48
            assert not any(p.exists() for p in beside)
            path.chmod(0o444)
            with pytest.raises(InvalidInput, match=r"x\.sqlite' cannot be opened or written"):
                Store.write(path)
            with pytest.raises(InvalidInput, match=r"y\.sqlite' cannot be written: Permission denied"):
                Store.write(folder / "y.sqlite")
            with pytest.raises(InvalidInput, match="cannot be written: Permission denied"):
                Store.write(folder / "deep" / "x.sqlite")
            path.chmod(0)
            with pytest.raises(InvalidInput, match="cannot be read: Permission denied"):
                Store.read(path)
        finally:
            folder.chmod(0o755)


def test_an_unclosed_store_in_a_folder_that_cannot_be_written() -> None:
    with unprivileged() as folder:
        store = Store.write(folder / "x.sqlite")
        store.add(store.begin({}), [answer(1)])
        copy = folder / "copy"
        copy.mkdir()
        for name in ("x.sqlite", "x.sqlite-wal"):
            (copy / name).write_bytes((folder / name).read_bytes())
        store.close()
        copy.chmod(0o555)
        try:
            with Store.read(copy / "x.sqlite") as store:
                assert store.present([key_of(1)]) == {key_of(1): "solved"}
        except InvalidInput as error:  # where SQLite cannot do without a file for the log's index
            assert "was not closed by its last run" in str(error)
        finally:
            copy.chmod(0o755)


def test_wrong_places(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    for way in (Store.read, Store.write):
        with pytest.raises(InvalidInput, match="is a folder, and a store is a file"):
            way(tmp_path)
    with pytest.raises(InvalidInput, match=r"cannot be written: .*--output"):
        Store.write(tmp_path / "text" / "x.sqlite")
    with pytest.raises(InvalidStudy, match="there are no results in"):
        Store.read(tmp_path / "text" / "x.sqlite")
    with Store.write(tmp_path / "new" / "folder" / "100% odd? #1.sqlite") as store:
        store.begin({})
    assert [p.name for p in sorted((tmp_path / "new" / "folder").iterdir())] == [
        "100% odd? #1.sqlite",
        "100% odd? #1.sqlite.lock",
    ]


def test_a_full_disk(path: Path) -> None:
    with Store.write(path) as store:
        run = store.begin({})
        store.add(run, [answer(*range(20))])
        (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
        store.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(StorageFailure, match="the disk is full; what was stored before is safe"):
            store.add(run, [answer(*range(20, 200))])
        assert len(store.present([key_of(i) for i in range(200)])) == 20
        store.connection.execute("PRAGMA max_page_count = 1000000")
        store.add(run, [answer(*range(20, 200))])
    with Store.read(path) as store:
        assert store.check() == 240


def test_a_truly_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", small], capture_output=True).returncode:
        pytest.skip("only the superuser can mount")
    try:
        done = 0
        with Store.write(small / "x.sqlite") as store:
            run = store.begin({})
            with pytest.raises(StorageFailure):
                for done in range(0, 100_000, 50):
                    store.add(run, [answer(*range(done, done + 50))])
            assert done > 0
        with Store.read(small / "x.sqlite") as store:
            assert len(store.present([key_of(i) for i in range(done + 50)])) == done
            store.check()
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_store_locked_by_another_program(path: Path) -> None:
    fill(path)
    with raw(path) as db, Store.write(path) as store:
        store.connection.execute("PRAGMA busy_timeout = 10")
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailure, match="locked by another program"):
            store.begin({})
        db.execute("ROLLBACK")
        store.begin({})


def test_interrupted_within_a_batch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    write = core.write_seal

    def interrupted(*words: Any) -> None:
        write(*words)
        raise KeyboardInterrupt

    with Store.write(path) as store:
        before = store.seal(), store.check()
        run = store.begin({})
        monkeypatch.setattr(core, "write_seal", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.add(run, [answer(*range(100, 110))])
        monkeypatch.undo()
        assert (store.seal(), store.check()) == before and not store.present([key_of(100)])
        store.add(run, [answer(*range(100, 110))])


# -- damage -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Any]:
    """The bytes of a store, and its content."""
    path = fill(tmp_path_factory.mktemp("sound") / "x.sqlite")
    with Store.read(path) as store:
        return path.read_bytes(), content(store)


def flip(sound: tuple[bytes, Any], at: int, mask: int) -> None:
    """Change a byte: what is read is right, or the damage is named, and the next writer moves the file aside."""
    changed = bytearray(sound[0])
    changed[at] ^= mask
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sqlite"
        path.write_bytes(changed)
        damage = ""
        try:
            with Store.read(path) as store:
                assert content(store) == sound[1]
        except DamagedStore as error:
            damage = str(error)
            assert damage.startswith(f"'{path}' is damaged: ") and damage.endswith("`sdpbound recover STUDY FILE`.")
        try:
            with Store.write(path) as store:
                assert content(store) == sound[1]
                assert not damage
        except DamagedStore:
            assert not path.exists()
            (aside,) = Path(folder).glob("x.sqlite.damaged-*Z")
            assert aside.read_bytes() == changed


@settings(max_examples=80)
@given(at=st.integers(0, 2**20), mask=st.integers(1, 255), header=st.booleans())
def test_a_flipped_byte_never_gives_a_wrong_row(sound: tuple[bytes, Any], at: int, mask: int, header: bool) -> None:
    flip(sound, at % (100 if header else len(sound[0])), mask)


@pytest.mark.slow
def test_many_flipped_bytes(sound: tuple[bytes, Any]) -> None:
    rng = random.Random(3)
    for at in range(0, len(sound[0]), 17):
        flip(sound, at, rng.randrange(1, 256))


@pytest.mark.parametrize("size", [0, 1, 50, 99, 100, 2000, 4096, 4097, 30_000, -4096, -1])
def test_a_truncated_file(path: Path, sound: tuple[bytes, Any], size: int) -> None:
    path.write_bytes(sound[0][:size])
    with pytest.raises(DamagedStore):
        Store.read(path)
    assert path.read_bytes() == sound[0][:size]
    with pytest.raises(DamagedStore, match=r"was damaged \(.*\) and is now '.*x\.sqlite\.damaged-.*Z': run again"):
        Store.write(path)
    with Store.write(path) as store:
        assert store.counts() == {}


def test_a_text_under_the_name_of_a_store_is_kept(path: Path) -> None:
    for text in ("notes", "more notes", "and more"):
        path.write_text(text)
        with pytest.raises(DamagedStore, match="does not begin as an SQLite file"):
            Store.write(path)
        assert not path.exists()
    kept = sorted(p.read_text() for p in path.parent.glob("x.sqlite.damaged-*"))
    assert kept == ["and more", "more notes", "notes"]


@pytest.mark.parametrize("rest", ["nothing", "empty"])
def test_a_log_without_its_file(path: Path, rest: str) -> None:
    store = Store.write(path)
    store.add(store.begin({}), [answer(1)])
    log = file.beside(path, "-wal").read_bytes()
    store.close()
    path.unlink()
    if rest == "empty":
        path.touch()
        with pytest.raises(DamagedStore, match="it is empty"):
            Store.read(path)
    file.beside(path, "-wal").write_bytes(log)
    with pytest.raises(DamagedStore, match="is empty" if rest == "empty" else "its log is still there"):
        Store.write(path)
    (aside,) = path.parent.glob("x.sqlite.damaged-*-wal")
    assert aside.read_bytes() == log
    with Store.write(path) as store:
        assert store.counts() == {}


def test_a_changed_row_of_a_large_store_is_found_by_the_next_writer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "CHECKED", 0)
    fill(path)
    with raw(path) as db:
        db.execute("UPDATE result SET value = 0.125 WHERE key = ?", (key_of(7),))
    Store.write(path).close()
    with Store.read(path) as store, pytest.raises(DamagedStore, match=f"the row of key {key_of(7).hex()}, part 0"):
        list(store.rows([key_of(6), key_of(7)]))
    with pytest.raises(DamagedStore, match="was damaged"):
        Store.write(path)
    assert not path.exists() and not file.suspect(path).exists()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM result WHERE part = 1",
        "DELETE FROM result WHERE part = 0 AND key IN (SELECT key FROM result WHERE part = 1)",
        "UPDATE result SET run = 2 WHERE rowid = 3",
        "UPDATE result SET value = value + 1e-15 WHERE rowid = 3",
        "UPDATE result SET margin = NULL WHERE rowid = 3",
        "UPDATE run SET facts = '{}'",
        "UPDATE spec SET toml = ''",
        "UPDATE certificate SET data = x'00' WHERE name = 'proof 1'",
        "UPDATE certificate SET name = 'proof 9' WHERE name = 'proof 1'",
    ],
)
def test_a_change_that_sqlite_does_not_see(path: Path, change: str) -> None:
    fill(path)
    with raw(path) as db:
        assert db.execute(change).rowcount > 0
    with Store.read(path) as store, pytest.raises(DamagedStore):
        store.check()


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with raw(path) as db:
        db.execute("CREATE TABLE bookmarks (name TEXT)")
    before = path.read_bytes()
    for way in (Store.read, Store.write):
        with pytest.raises(InvalidStudy, match="another program's database, and is left alone") as error:
            way(path)
        assert not isinstance(error.value, DamagedStore)
    assert path.read_bytes() == before


# -- recover and merge --------------------------------------------------------------------------------------------


def test_recover_a_sound_store(path: Path, tmp_path: Path) -> None:
    fill(path)
    assert recover(path, tmp_path / "y.sqlite") == (48, 0)
    with Store.read(path) as old, Store.read(tmp_path / "y.sqlite") as new:
        rows, runs, specs, certificates = content(old)
        assert content(new)[0] == rows
        assert new.runs()[0] == {"id": 1, "recovered_from": str(path)} | {k: runs[0][k] for k in ("workers",)}
        assert new.spec() == old.spec() and specs
        assert sorted(content(new)[3]) == sorted(certificates)
    assert recover(path, tmp_path / "y.sqlite") == (0, 0)  # all there already


@pytest.mark.parametrize("page", [1, 2, 3, 9, 12])
def test_recover_what_a_lost_page_leaves(path: Path, tmp_path: Path, sound: tuple[bytes, Any], page: int) -> None:
    changed = bytearray(sound[0])
    changed[4096 * (page - 1) : 4096 * page] = random.Random(page).randbytes(4096)
    path.write_bytes(changed)
    with pytest.raises(DamagedStore) as error:
        Store.write(path)
    (aside,) = path.parent.glob("x.sqlite.damaged-*")
    assert str(aside) in str(error.value)
    rows, _ = recover(aside, path)
    with Store.read(path) as store:
        found = content(store)[0]
        assert len(found) == rows == store.check()
        assert set(found) <= set(sound[1][0])
    assert rows >= 48 - 18  # one page holds less than this


def test_recover_counts_what_is_unsound(path: Path, tmp_path: Path) -> None:
    fill(path)
    with raw(path) as db:
        db.execute("UPDATE result SET value = 0.125 WHERE key = ?", (key_of(7),))
        db.execute("UPDATE result SET value = 0.125 WHERE key = ? AND part = 1", (key_of(10),))
    assert recover(path, tmp_path / "y.sqlite") == (45, 3)
    with Store.read(tmp_path / "y.sqlite") as store:
        assert key_of(7) not in store.present([key_of(7), key_of(10)])


def test_recover_reads_the_log_and_prefers_what_replaced(path: Path, tmp_path: Path) -> None:
    store = Store.write(path)
    run = store.begin({})
    store.add(run, [answer(*range(30), status="failed")])
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.add(run, [answer(*range(30))], replace=True)
    copy = tmp_path / "copy"
    for suffix in ("", "-wal"):
        file.beside(copy, suffix).write_bytes(file.beside(path, suffix).read_bytes())
    store.close()
    rows, _ = recover(copy, tmp_path / "y.sqlite")
    with Store.read(tmp_path / "y.sqlite") as found:
        assert rows == 36 and set(found.present([key_of(i) for i in range(30)]).values()) == {"solved"}
    rows, _ = recover(path, tmp_path / "z.sqlite")
    with Store.read(tmp_path / "z.sqlite") as found:
        assert rows == 36 and set(found.present([key_of(i) for i in range(30)]).values()) == {"solved"}


def test_recover_of_wrong_files(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidStudy, match="there is no file"):
        recover(tmp_path / "none", path)
    fill(path)
    with pytest.raises(InvalidInput, match="itself"):
        recover(path, path)
    (tmp_path / "noise").write_bytes(random.Random(0).randbytes(50_000))
    rows, _ = recover(tmp_path / "noise", tmp_path / "y.sqlite")
    assert rows == 0


def test_merge(path: Path, tmp_path: Path) -> None:
    one, two = fill(tmp_path / "1.sqlite", range(30)), fill(tmp_path / "2.sqlite", range(20, 40))
    assert merge([one, two], path) == 48
    assert merge([two, one], path) == 0
    fill(tmp_path / "all.sqlite")
    with Store.read(path) as store, Store.read(tmp_path / "all.sqlite") as whole:
        assert content(store)[0] == content(whole)[0]
        assert dict(store.certificates()) == dict(whole.certificates())
        assert [run["merged_from"] for run in store.runs()] == [str(one), str(two)]
        assert store.check() == 48


def test_merge_of_wrong_stores(path: Path, tmp_path: Path) -> None:
    one = fill(tmp_path / "1.sqlite")
    with pytest.raises(InvalidStudy, match="no results"):
        merge([one, tmp_path / "none.sqlite"], path)
    assert not path.exists()
    with pytest.raises(InvalidInput, match="itself"):
        merge([one], one)
    with raw(one) as db:
        db.execute("UPDATE result SET value = 0.125 WHERE rowid = 5")
    with pytest.raises(DamagedStore, match=r"1\.sqlite"):
        merge([one], path)
