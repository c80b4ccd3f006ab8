"""Studies and stores that mean harm: every function ends soon, in an answer or in an error of one sentence.

The fuzz target for study files and stores; that for certificates is tests/mutations.py. A mutant is a study file with
an entry, or a store with a value, replaced by something nasty. The digests and the seal of a mutated store are made
anew, as a stranger would. A process with an audit hook watches that nothing is read, written or started outside.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import tomllib
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sdpbound.bell.families.behaviour_table import BehaviourTable
from sdpbound.cli import run as run_command
from sdpbound.errors import DamagedStore, InvalidStudy, SdpboundError
from sdpbound.study import Study, audit, run_study
from sdpbound.study.file.spec import parse_spec, read_spec
from sdpbound.study.out.charts import draw_default
from sdpbound.study.out.report import write_report
from sdpbound.study.store import Store, merge, recover
from sdpbound.study.store.form import Seal, digest, row_digest
from sdpbound.tables.columns import COLUMNS, STORED
from sdpbound.tables.computed import read_computed
from sdpbound.tables.provenance import provenance_text
from sdpbound.tables.table import Table, read_table

#: Seconds that a command's function may take. They are a fraction of one on a quiet machine.
SECONDS = 10.0

SINGLET = 'quantities = ["chsh"]\n[family]\nkind = "singlet"\ntheta = 1.0\nphi = 1.5\nomega = 2.5\n'
LIST = "{start = 0.1, stop = 0.5, count = 100000}"
FILE = """
name = "tiny"
title = "A <b>title</b>"
visibilities = [1.0, "1 - eps"]
observed = ["correlators", "bell"]
adversaries = ["local", {model = "no-signaling"}]
quantities = ["chsh", {name = "guess_local", x = 1}, "key_rate"]
certificates = true
[constants]
eps = 0.02
[solver]
tolerance = 1e-8
[family]
kind = "singlet"
theta = [0.8, 0.9]
phi = 1.2
omega = "theta + pi/2"
[[noises]]
efficiency = [0.9, 0.95]
dephasing_a = 0.1
"""
SMALL = """
visibilities = [1.0, 0.9]
adversaries = ["local"]
quantities = ["chsh", "guess_local"]
[family]
kind = "singlet"
theta = [0.8, 0.9]
phi = 1.2
omega = "theta + pi/2"
"""
TEXTS = [
    "",
    "\x1b[2J\x1b]0;owned\x07",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    r"$\frac{\sqrt{x}$ $$",
    "{{ 7*7 }}",
    "../../../../etc/passwd",
    "/etc/passwd",
    "a" * 100_000,
    "9**9**9**9",
    "(" * 150,
    "__import__('os').system('true')",
    "nan",
    "1e999",
    "\u202e\u2066txt",
    "CON",
    "x\ny",
    "\x00",
    "NAN'; DROP TABLE result; --",
]
NASTY: list[Any] = [
    *TEXTS,
    None,
    True,
    -1,
    2**70,
    1e308,
    5e-324,
    float("inf"),
    float("nan"),
    [],
    {},
    [[[[1]]]],
    {"start": 0, "stop": 1, "step": 1e-300},
    {"start": 0.0, "stop": 1.0, "count": 10**12},
    ["1"] * 3000,
    [{"kind": "sequence"}],
    {"kind": "table", "file": "../x.csv"},
    {"kind": "see_saw", "of": "chained(999999999)"},
    {"kind": "cglmp", "d": 12},
    {"kind": "two_qubit", "settings": [32, 32]},
]
#: What reads, writes, starts or loads, in a process that keeps a list of it.
WATCH = """
import json, os, sys
seen = []
NAMED = ("os.rename", "os.remove", "os.mkdir", "os.link", "os.symlink")  # of the names themselves: no link is followed
STARTED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
STARTED += ("socket.connect", "pickle.find_class")
def text(name):
    return os.fsdecode(name) if isinstance(name, (str, bytes)) else None
def hook(event, arguments):
    first = text(arguments[0]) if arguments else None
    if event == "open" and first is not None:
        wanted, flags = arguments[1] or "r", arguments[2] or 0
        writes = any(letter in wanted for letter in "wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        seen.append(("write" if writes else "read", os.path.realpath(first)))
    elif event == "sqlite3.connect" and first is not None:
        seen.append(("write", os.path.realpath(first.removeprefix("file://").partition("?")[0])))
    elif event in NAMED:
        for name in filter(None, map(text, arguments[:2])):
            folder, own = os.path.split(os.path.abspath(name))
            seen.append(("write", os.path.join(os.path.realpath(folder), own)))
    elif event in STARTED:
        seen.append(("start", f"{event} {arguments[:2]}"))
from sdpbound.cli import main
import sdpbound.study, sdpbound.study.out.report, sdpbound.study.out.charts, sdpbound.study.auditing.audit
sys.addaudithook(hook)
for words in json.loads(sys.argv[1]):
    sys.argv = ["sdpbound", *words]
    try:
        main()
    except SystemExit:
        pass
print(json.dumps(seen), file=sys.__stderr__)
"""


# -- every function on a study ------------------------------------------------------------------------------------


def used(study: Study, folder: Path, drawn: bool, proven: bool) -> None:
    """Use a study as its commands do, without solving."""
    study.plan.check()
    study.status()
    next(study.batches(), None)
    assert study.identity
    if study.store_path.is_file():
        study.export(folder / "out.csv")
        study.export(folder / "out.parquet")
        table = study.table()
        figures = draw_default(table, folder, "chart", study.spec.title) if drawn else []
        page = write_report(folder / "out.html", table, study.text, study.facts(), figures).read_text(encoding="utf-8")
        assert page.count("<script>") == 1 or not len(table)
        assert "<img src=x" not in page
        if proven:
            assert audit(study).summary


def ends(work: Callable[[], object]) -> bool:
    """Whether work ends soon with an answer; False for an error of one sentence.

    Any other error is not caught, and fails the test.
    """
    start = time.process_time()  # of this process: others may use the machine too
    try:
        work()
        return True
    except SdpboundError as error:
        assert "\n" not in str(error)
        return False
    finally:
        assert time.process_time() - start < SECONDS


# -- study files --------------------------------------------------------------------------------------------------


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every entry of plain data."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutated(content: Any, rng: random.Random) -> Any:
    """Return a copy of plain data in which an entry is something else, is gone, or has another name."""
    found = json.loads(json.dumps(content))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        every = list(places(found))
        if not every:
            break
        *way, last = rng.choice(every)
        inner = found
        for key in way:
            inner = inner[key]
        what = rng.randrange(8)
        if what == 0:
            del inner[last]
        elif what == 1 and isinstance(inner, dict):
            inner[rng.choice(TEXTS) or "x"] = inner.pop(last)
        else:
            inner[last] = copy.deepcopy(rng.choice(NASTY))
    return found


def toml(value: Any) -> str:
    """Return plain data as a value of TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(str(value), repr(value))
    return '""' if value is None else json.dumps(value)


def file_mutant(folder: Path, seed: int) -> None:
    """Make a mutant of a study file, and use it."""
    rng = random.Random(seed)
    path = folder / "tiny.toml"
    if rng.random() < 0.3:  # byte by byte
        data = bytearray(FILE.encode())
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.choice((b"", b"\x00", b"\xff", b"[[", b"]", b"9" * 400, b'"', b"."))
        path.write_bytes(data)
    else:
        found = mutated(tomllib.loads(FILE), rng)
        path.write_text("\n".join(f"{json.dumps(k)} = {toml(v)}" for k, v in found.items()), encoding="utf-8")
    ends(lambda: used(Study.load(path), folder, False, False))


def test_mutants_of_a_study_file(tmp_path: Path) -> None:
    for seed in range(120):
        file_mutant(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_mutants_of_a_study_file(tmp_path: Path, part: int) -> None:
    for seed in range(1000 * (part + 1), 1000 * (part + 1) + 500):
        file_mutant(tmp_path, seed)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"a{'.a' * 40_000} = 1\n" + SINGLET, "16 names joined by dots"),
        ("x = " + "[" * 10_000 + "]" * 10_000, "not valid TOML"),
        ("#" * 2**24 + "\n" + SINGLET, "bytes; write ranges"),
        (SINGLET.replace("1.0", "1" * 5000), "it has an integer of thousands of digits; correct"),
        (SINGLET.replace("1.0", f'"{"9" * 100_000}"'), "longer than 200 characters"),
        (SINGLET.replace("1.0", f'"{"(" * 99 + "1" + ")" * 99}**9**9**9"'), "longer than 200 characters"),
        (SINGLET.replace("1.0", '"9**9**9**9"'), "too large"),
        (SINGLET.replace("1.0", "{start = 0.1, stop = 1, step = 1e-300}"), "9e+299 numbers"),
        (SINGLET.replace("1.0", LIST).replace("1.5", LIST).replace("2.5", LIST), "1000000000000000 numbers"),
        (SINGLET.replace("1.0", '["0"' + ', "1"' * 100_001 + "]"), "at most 100000 are allowed: write numbers"),
        ("[constants]\n" + "".join(f"c{i} = 1\n" for i in range(1001)) + SINGLET[22:], "1001 names"),
        (SINGLET + f"[[noises]]\nefficiency = {LIST}\ndephasing = {LIST}\n", "at most 100000"),
        (SINGLET + "[[noises]]\nkind = 'dephasing'\na = [" + "0.1," * 400 + "]\nb = [" + "0.1," * 400 + "]", "160000"),
        ('name = "' + "a" * 129 + '"\n' + SINGLET, "at most 128 characters"),
        ('name = "cOn"\n' + SINGLET, "device on Windows"),
        ('name = "a/../../b"\n' + SINGLET, "must be letters"),
        ('figure = "../../x"\n' + SINGLET, "must be the name of a figure"),
        (f"adversaries = [{{model = 'quantum', level = ['{'A0 ' * 100}']}}]\n" + SINGLET, "must be like '1+AB'"),
        ("[family]\nkind = 'see_saw'\nof = 'chained(99999999)'\n", "from 2 to 1000"),
        ("[family]\nkind = 'see_saw'\nof = 'cglmp(99999999)'\n", "from 2 to 128"),
        ("[family]\nkind = 'table'\nfile = '/etc/passwd'\n", "outside the folder"),
        ("[family]\nkind = 'table'\nfile = '../../../../etc/passwd'\n", "outside the folder"),
        ('[family]\nkind = "table"\nfile = "a\\u0000.csv"\n', "no path of a file"),
        ("[family]\nkind = 'table'\nfile = 'x.csv'\nbehaviours = [1]\nnames = ['a']\n", "cannot be read"),
        ("[family]\nkind = 'table'\nfile = 'x.csv'\ncontent = {names = ['a'], behaviours = [1]}\n", "content"),
    ],
)
def test_what_a_study_file_may_not_ask(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    start = time.monotonic()
    with pytest.raises(InvalidStudy) as caught:
        read_spec(path)
    assert time.monotonic() - start < SECONDS
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_study_larger_than_a_store(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    thousand = "{start = 0.1, stop = 1.0, count = 1000}"
    path.write_text(SINGLET.replace("1.0", thousand).replace("1.5", thousand), encoding="utf-8")
    assert Study.load(path).plan.cells == 10**6
    path.write_text(path.read_text().replace("2.5", thousand), encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"has 1000000000 points and 1000000000 numbers; .* at least 50 parts"):
        Study.load(path).status()


def test_a_search_is_not_made_to_check_a_study(tmp_path: Path) -> None:
    family = "[family]\nkind = 'see_saw'\nof = 'i3322'\ndimension = 16\nrestarts = 10000\n[[noises]]\ndephasing = 0.1\n"
    path = tmp_path / "s.toml"
    path.write_text(family, encoding="utf-8")
    assert ends(lambda: Study.load(path).status())


# -- tables of behaviours -----------------------------------------------------------------------------------------

BOX = "a,b,x,y,p,name\n" + "".join(f"{a},{a},{x},{y},0.5,v\n" for a in (0, 1) for x in (0, 1) for y in (0, 1))
TABLE = (
    'observed = "full"\nadversaries = "local"\nquantities = ["guess_local"]\n[family]\nkind = "table"\nfile = "{}"\n'
)


def test_a_table_is_of_the_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    (inner / "data").mkdir(parents=True)
    (tmp_path / "out.csv").write_text(BOX, encoding="utf-8")
    (inner / "data" / "in.csv").write_text(BOX, encoding="utf-8")
    (inner / "link.csv").symlink_to(tmp_path / "out.csv")
    study = inner / "s.toml"
    for name, allowed in (
        ("data/in.csv", True),
        (str(inner / "data" / "in.csv"), True),
        ("../out.csv", False),
        (str(tmp_path / "out.csv"), False),
        ("link.csv", False),
        ("data/../../out.csv", False),
    ):
        study.write_text(TABLE.format(name), encoding="utf-8")
        if allowed:
            assert read_spec(study).model_dump()["family"]["file"] == "data/in.csv"
        else:
            with pytest.raises(InvalidStudy, match="outside the folder"):
                read_spec(study)
    (inner / "studies").mkdir()
    beside = inner / "studies" / "s.toml"  # files beside a folder of this name belong to the project
    beside.write_text(TABLE.format("../data/in.csv"), encoding="utf-8")
    assert read_spec(beside).family.count == 1


def test_a_moved_store_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "in.csv").write_text(BOX, encoding="utf-8")
    study = tmp_path / "before" / "s.toml"
    study.write_text(TABLE.format("in.csv"), encoding="utf-8")
    result = run_study(study, workers=0, progress=False)
    (tmp_path / "before" / "in.csv").unlink()
    after = tmp_path / "after"
    result.store.parent.rename(after)
    moved = Study.load(after)
    assert moved.status().complete and audit(moved).holds
    (row,) = moved.table().rows
    assert row["point"] == "v" and row["value"] == pytest.approx(1.0, abs=1e-6)
    with closing(sqlite3.connect(after / "s.sqlite")) as db:
        assert str(tmp_path) not in db.execute("SELECT content FROM spec").fetchone()[0]


def test_names_of_behaviours_are_texts(tmp_path: Path) -> None:
    """Names that look like those of found points, formulas, scripts or paths: each behaviour keeps its own numbers."""
    names = ["v/1", "v/2", "../v", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", r"$\frac{", "{{ 7*7 }}", "1/best"]
    lines = ["a,b,x,y,p,name"]
    for number, name in enumerate(names):
        for a, b, x, y in itertools.product((0, 1), repeat=4):
            p = (1 + (-1) ** (a + b + x * y) * (0.6 + number / 20)) / 4
            lines.append(f"{a},{b},{x},{y},{p},{name}")
    (tmp_path / "in.csv").write_text("\n".join(lines), encoding="utf-8")
    file = tmp_path / "s.toml"
    file.write_text(TABLE.format("in.csv").replace('"local"', '"no-signaling"'), encoding="utf-8")
    result = run_study(file, workers=0, progress=False)
    study = Study.load(result.store)
    table = study.table()
    assert [row["point"] for row in table.rows] == names
    grid = study.to_xarray()["guess_local_x0"].values.ravel()
    assert grid.tolist() == [row["value"] for row in table.rows]
    assert grid == pytest.approx([0.9 - number / 20 for number in range(8)], abs=1e-9)  # 3/2 - S/4
    figures = draw_default(table, tmp_path, "chart")
    page = write_report(tmp_path / "x.html", table, study.text, study.facts(), figures).read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert audit(study).holds


def test_a_store_of_an_absolute_path(tmp_path: Path) -> None:
    """Stores once named the absolute path of their table. It is read inside the study's folder, or in the store's."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "in.csv").write_text(BOX, encoding="utf-8")
    family = {"kind": "table", "file": str(tmp_path / "in.csv"), "row": [0.0]}
    old = {"name": "s", "family": family, "observed": "full", "quantities": ["guess_local"]}
    assert parse_spec(old, folder=tmp_path / "results" / "s", stored=True).family.count == 1
    with pytest.raises(InvalidStudy, match="outside the folder"):
        parse_spec(old, folder=tmp_path / "mine", stored=True)
    (tmp_path / "mine" / "in.csv").write_text(BOX, encoding="utf-8")
    assert parse_spec(old, folder=tmp_path / "mine", stored=True).family.count == 1
    with pytest.raises(InvalidStudy, match="outside the folder"):
        parse_spec(old, folder=tmp_path / "mine")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOX.replace(",v", ",\x1b[2J"), "printable characters"),
        (BOX.replace(",v", "," + "v" * 201), "printable characters"),
        (
            "a,b,x,y,p,name\n" + "".join(f"63,63,{x},{y},1,{n}\n" for n in "ab" for x in range(64) for y in range(64)),
            "8388608",
        ),
    ],
)
def test_tables_that_mean_harm(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "in.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SdpboundError, match=words):
        BehaviourTable(str(file))


def test_a_pipe_is_no_table(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "in.csv")
    with pytest.raises(SdpboundError, match="it is no file"):
        BehaviourTable(str(tmp_path / "in.csv"))


def test_a_short_parquet_file_of_very_many_entries(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    long = pyarrow.array(["v" * 10_000] * 2000)
    parquet.write_table(pyarrow.table({"name": long, "p": [0.5] * 2000}), tmp_path / "text.parquet")
    with pytest.raises(SdpboundError, match="more than 200 characters in 'name'"):
        BehaviourTable(str(tmp_path / "text.parquet"))
    many = pyarrow.repeat(0, 5_000_001)
    parquet.write_table(pyarrow.table({"p": many}), tmp_path / "many.parquet")
    assert (tmp_path / "many.parquet").stat().st_size < 50_000
    with pytest.raises(SdpboundError, match="at most 5000000 are read"):
        BehaviourTable(str(tmp_path / "many.parquet"))


# -- stores -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small store."""
    path = tmp_path_factory.mktemp("sound") / "tiny.toml"
    path.write_text(SMALL, encoding="utf-8")
    return run_study(path, workers=0, progress=False).store.read_bytes()


def seal_anew(db: sqlite3.Connection) -> None:
    """Make the digests and the seal anew, as a stranger would who knows the program."""
    names = ", ".join(f'"{name}"' for name in STORED)
    seal, keys = Seal(), {}
    rows = db.execute(f"SELECT rowid, key, part, run, {names} FROM result").fetchall()
    for _, key, *_ in rows:
        keys[key] = keys.get(key, 0) + 1
    status = list(STORED).index("status")
    for row, key, part, run, *values in rows:
        own = row_digest(key, part, keys[key], run, values)
        db.execute("UPDATE result SET digest = ? WHERE rowid = ?", (own, row))
        seal.count(key, part, values[status], own)
    for number, facts in db.execute("SELECT id, facts FROM run").fetchall():
        db.execute("UPDATE run SET digest = ? WHERE id = ?", (digest(("run", number, facts)), number))
    for number, *values in db.execute("SELECT id, time, content, toml FROM spec").fetchall():
        db.execute("UPDATE spec SET digest = ? WHERE id = ?", (digest(("spec", *values)), number))
    for name, data in db.execute("SELECT name, data FROM certificate").fetchall():
        db.execute("UPDATE certificate SET digest = ? WHERE name = ?", (digest(("certificate", name, data)), name))
    db.execute("UPDATE meta SET value = ? WHERE name = 'seal'", (seal.to_json(),))


def changed(db: sqlite3.Connection, rng: random.Random) -> None:
    """Change a value of a store to something nasty."""
    what = rng.randrange(6)
    if what <= 1:  # a value of a row, of any type
        column = rng.choice(list(STORED))
        value = rng.choice([*TEXTS, None, b"\x00\xff", 2**62, -1, 1e308, float("inf"), "minus zero"])
        where = "" if rng.random() < 0.3 else f"WHERE rowid = {rng.randrange(1, 5)}"
        db.execute(f'UPDATE result SET "{column}" = ? {where}', (value,))
    elif what == 2:  # the facts of a run
        facts = json.loads(db.execute("SELECT facts FROM run").fetchone()[0])
        db.execute("UPDATE run SET facts = ?", (json.dumps(mutated(facts, rng)),))
    elif what == 3:  # the study, in JSON, which may have NaN, deep nesting, and halves of characters
        content = db.execute("SELECT content FROM spec").fetchone()[0]
        text = (
            content
            if content.startswith(("[", '{"a":{"a"', '{"name": "\\ud'))
            else json.dumps(mutated(json.loads(content), rng))
        )
        text = rng.choice(
            (text, text, text, "[" * 5000 + "]" * 5000, '{"name": "\\ud800"}', '{"a":' * 300 + "1" + "}" * 300)
        )
        db.execute("UPDATE spec SET content = ?, toml = ?", (text, rng.choice(TEXTS)))
    elif what == 4:  # a certificate
        bomb = zlib.compress(bytes(2**26 + 10), 9)
        data = rng.choice((bomb, b"", b"\x00", zlib.compress(b"[" * 100_000), zlib.compress(b'{"question": 1}')))
        db.execute("UPDATE certificate SET data = ? WHERE rowid = 1", (data,))
    else:  # what the store says of itself
        name, value = rng.choice(("seal", "holder", "created", "x")), rng.choice([*TEXTS, "[" * 9999, '{"rows": []}'])
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def store_mutant(sound: bytes, folder: Path, seed: int, drawn: bool = True) -> None:
    """Make a mutant of a store, and use it: also with the study's own file, in merges, and to recover it."""
    rng = random.Random(seed)
    path = folder / f"{seed}" / "tiny.sqlite"
    path.parent.mkdir()
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as db:
        for _ in range(rng.choice((1, 1, 2, 4))):
            changed(db, rng)
        if rng.random() < 0.9:
            seal_anew(db)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if rng.random() < 0.2:
        data = bytearray(path.read_bytes())
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
    (path.parent / "tiny.toml").write_text(SMALL, encoding="utf-8")
    ends(lambda: used(Study.load(path), path.parent, drawn and rng.random() < 0.5, True))
    ends(lambda: used(Study.load(path.parent / "tiny.toml", path.parent), path.parent, False, True))
    ends(lambda: merge([path], path.parent / "merged.sqlite"))
    ends(lambda: recover(path, path.parent / "recovered.sqlite"))
    ends(lambda: run_study(path.parent / "tiny.toml", path.parent, 0, False, retry=rng.random() < 0.5))


def test_mutants_of_a_store(sound: bytes, tmp_path: Path) -> None:
    for seed in range(4):
        store_mutant(sound, tmp_path, seed, drawn=False)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_mutants_of_a_store(sound: bytes, tmp_path: Path, part: int) -> None:
    for seed in range(1000 * (part + 1), 1000 * (part + 1) + 150):
        store_mutant(sound, tmp_path, seed)


# -- tables that are read back ------------------------------------------------------------------------------------


def table_mutant(text: str, facts: dict[str, Any], folder: Path, seed: int) -> None:
    """Make a mutant of a table or of what is beside it, read it, and name it in a figure's provenance."""
    rng = random.Random(seed)
    lines, beside = text.split("\n"), mutated(facts, rng) if rng.random() < 0.5 else dict(facts)
    if rng.random() < 0.5:
        entries = lines[rng.randrange(len(lines) - 1)].split(",")
        entries[rng.randrange(len(entries))] = rng.choice([*TEXTS, "1e999", "9" * 5000, "nan", '"'])
        lines[rng.randrange(len(lines))] = ",".join(entries)
    data = "\n".join(lines).encode()
    if isinstance(beside, dict) and rng.random() < 0.7:  # a stranger makes the hash anew
        beside["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "t.csv").write_bytes(data)
    own = rng.choice((json.dumps(beside),) * 4 + ("[" * 100_000, "[]", "\x00"))
    (folder / "t.json").write_text(own, encoding="utf-8")
    ends(lambda: provenance_text(read_table(folder / "t.csv").metadata))


def test_mutants_of_a_table(sound: bytes, tmp_path: Path) -> None:
    (tmp_path / "tiny.sqlite").write_bytes(sound)
    path = Study.load(tmp_path / "tiny.sqlite").export(tmp_path / "sound.csv")
    text, facts = path.read_text(encoding="utf-8"), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    for seed in range(200):
        table_mutant(text, facts, tmp_path, seed)


@pytest.mark.parametrize("entry", [{"runs": ["x"]}, {"runs": "x"}, {"study": "x"}, {"study": [1]}])
def test_facts_of_a_table_are_tables(sound: bytes, tmp_path: Path, entry: dict[str, Any]) -> None:
    (tmp_path / "tiny.sqlite").write_bytes(sound)
    path = Study.load(tmp_path / "tiny.sqlite").export(tmp_path / "sound.csv")
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(json.loads(beside.read_text(encoding="utf-8")) | entry), encoding="utf-8")
    with pytest.raises(InvalidStudy, match="are not tables of facts"):
        read_table(path)


@pytest.mark.parametrize("read", [read_table, read_computed])
def test_nested_facts_are_no_facts(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n", encoding="utf-8")
    (tmp_path / "t.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"t\.(csv|json)"):
        read(tmp_path / "t.csv")


# -- what is opened and started -----------------------------------------------------------------------------------


def watched(folder: Path, *commands: list[str]) -> tuple[list[tuple[str, str]], str]:
    """Run commands in a process with an audit hook; returns what it opened and started, and what it printed."""
    found = subprocess.run(
        [sys.executable, "-B", "-c", WATCH, json.dumps(commands)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    *printed, last = found.stderr.splitlines()
    return json.loads(last), found.stdout + "\n".join(printed)


def outside(seen: list[tuple[str, str]], folder: Path) -> list[tuple[str, str]]:
    """What was written outside a folder, what of a user was read there, and what was started."""
    home = str(folder.resolve().parent)
    return [
        (what, place)
        for what, place in seen
        if what == "start"
        or (what == "write" and not place.startswith((str(folder.resolve()), os.devnull, "/dev/tty")))
        or (place.startswith(home) and not place.startswith(str(folder.resolve())))
    ]


def test_nothing_is_opened_outside_the_folder(sound: bytes, tmp_path: Path) -> None:
    """A folder of a stranger: links where files are written, and a study that names files and a script."""
    secret = tmp_path / "secret.csv"
    secret.write_text(BOX, encoding="utf-8")
    folder = tmp_path / "theirs"
    results = folder / "results" / "tiny"
    results.mkdir(parents=True)
    (folder / "figures").mkdir()
    (folder / "figures" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", encoding="utf-8")
    (folder / "tiny.toml").write_text('figure = "evil"\n' + SMALL, encoding="utf-8")
    (folder / "table.toml").write_text(TABLE.format("../secret.csv"), encoding="utf-8")
    (results / "tiny.sqlite").write_bytes(sound)
    for name in ("tiny.csv", "tiny.json", "tiny.html", "tiny.png", "tiny.pdf", "tiny.html.partial", "tiny.png.partial"):
        (results / name).symlink_to(secret)
    commands = [[command, "tiny.toml"] for command in ("status", "report", "export")]
    commands[-1].append("results/tiny/other.csv")
    commands += [[command, "table.toml"] for command in ("check", "status", "report")]
    commands += [["verify", "results/tiny/tiny.sqlite"], ["merge", "tiny.toml", "results/tiny/tiny.sqlite"]]
    seen, printed = watched(folder, *commands)
    # the commit in the provenance of a table; and the process of the checker, which answers in pickles of its own
    allowed = ("subprocess.Popen ('git'", "pickle.find_class ('sdpbound.checker.", "os.fork ()")
    assert [(w, p) for w, p in outside(seen, folder) if w != "start" or not p.startswith(allowed)] == []
    assert "Traceback" not in printed and "outside the folder" in printed
    assert secret.read_text(encoding="utf-8") == BOX and not (tmp_path / "ran").exists()
    assert (results / "tiny.html").is_file() and not (results / "tiny.html").is_symlink()


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal", ".lock", ".suspect"])
def test_links_beside_a_store(sound: bytes, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (tmp_path / "theirs").mkdir()
    path = tmp_path / "theirs" / "tiny.sqlite"
    path.write_bytes(sound)
    path.with_name(path.name + suffix).symlink_to(target)
    for opened in (Store.read, Store.write):
        with pytest.raises(SdpboundError, match="is a link"):
            opened(path)
    assert target.read_bytes() == b"mine"


def test_links_to_other_stores_and_folders(sound: bytes, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "tiny.sqlite").write_bytes(sound)
    theirs = tmp_path / "theirs"
    (theirs / "results").mkdir(parents=True)
    study = theirs / "tiny.toml"
    study.write_text(SMALL, encoding="utf-8")
    (theirs / "x.sqlite").symlink_to(mine / "tiny.sqlite")
    with pytest.raises(SdpboundError, match="is a link to"):
        Study.load(theirs / "x.sqlite")
    (theirs / "results" / "tiny").symlink_to(mine)
    with pytest.raises(SdpboundError, match=r"is a link to .* --output"):
        Study.load(study)
    assert Study.load(study, mine).status().complete  # whoever names the folder wants it


def test_what_was_added_to_a_store(sound: bytes, tmp_path: Path) -> None:
    """Statements of strangers that SQLite would compute when a store is checked or written."""
    for number, (statement, allowed) in enumerate(
        [
            ("CREATE VIEW mine AS SELECT value FROM result", True),
            ("CREATE INDEX mine ON result (quantity, value)", True),
            ("CREATE INDEX mine ON result (hex(zeroblob(1000000)))", False),
            ("CREATE INDEX mine ON result (value) WHERE length(hex(zeroblob(1000000))) > 1", False),
            ("CREATE TABLE mine (a CHECK (length(hex(zeroblob(1000000))) > a))", False),
            ("CREATE VIRTUAL TABLE mine USING fts5(a)", False),
            ("CREATE TRIGGER mine AFTER INSERT ON result BEGIN DELETE FROM result; END", False),
        ]
    ):
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(sound)
        with closing(sqlite3.connect(path)) as db:
            try:
                db.execute(statement)
            except sqlite3.OperationalError:  # this SQLite has no such module
                continue
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert ends(Store.read(path).close if allowed else lambda path=path: Store.read(path)) is allowed  # type: ignore[misc]


def test_records_that_name_the_same_pages(tmp_path: Path) -> None:
    """A small file whose many records all claim the rest of the file."""
    pages = 400
    chain = b"".join((number + 1).to_bytes(4, "big") + bytes(4092) for number in range(2, pages + 1))
    size = 4092 * (pages - 50)
    varint = bytes([0x80 | size >> 14, 0x80 | size >> 7 & 0x7F, size & 0x7F])
    record = varint + b"\x01" + bytes(489 + (size - 489) % 4092)
    cells = 300
    leaf = bytearray(4096)
    leaf[0:5] = b"\x0d\x00\x00" + cells.to_bytes(2, "big")
    at = 1000
    for cell in range(cells):
        leaf[8 + 2 * cell : 10 + 2 * cell] = at.to_bytes(2, "big")
    here = record[: 4096 - at - 4]
    leaf[at : at + len(here)] = here
    leaf[at + len(here) : at + len(here) + 4] = (2).to_bytes(4, "big")
    path = tmp_path / "bomb.sqlite"
    path.write_bytes(bytes(4096) + chain + bytes(leaf) * 40)
    assert ends(lambda: recover(path, tmp_path / "target.sqlite"))


# -- what is shown ------------------------------------------------------------------------------------------------


def test_a_terminal_is_not_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.toml").write_text(TABLE.format("\\u001b]0;owned\\u0007\\u202e.csv"), encoding="utf-8")
    for words in (["status", str(tmp_path / "s.toml")], ["check", str(tmp_path / "s.toml")]):
        assert run_command(words) == 2
    shown = capsys.readouterr()
    assert "\\x1b]0;owned\\x07\\u202e" in shown.err
    assert all(letter.isprintable() or letter == "\n" for letter in shown.err + shown.out)


def test_texts_of_rows_are_texts(sound: bytes, tmp_path: Path) -> None:
    """Labels that would be formulas, scripts or lines of a terminal stay texts in the chart and in the report."""
    path = tmp_path / "tiny.sqlite"
    path.write_bytes(sound)
    label = r"</script><script>alert(1)</script>$\frac{$" + "\x1b[2J"
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE result SET model = ?, options = ?, error = ?, side = ?, quantity = ?", [label] * 5)
        seal_anew(db)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    study = Study.load(path)
    table = study.table()
    assert table.rows[0]["model"] == label  # data are kept as they are
    figures = draw_default(table, tmp_path, "chart")
    assert {file.suffix for file in figures} == {".pdf", ".png"}
    page = write_report(tmp_path / "x.html", table, study.text, study.facts(), figures).read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script") == 1
    script = page.partition("<script>")[2].partition("</script>")[0]
    policy = page.partition("script-src 'sha256-")[2].partition("'")[0]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == policy
    assert "unsafe-inline'; script" not in page.replace("style-src 'unsafe-inline'; script", "")


def test_rows_of_wrong_types_are_no_table(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tiny.sqlite"
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE result SET value = 'many' WHERE rowid = 1")
        seal_anew(db)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    study = Study.load(path)
    with pytest.raises(DamagedStore, match="values of wrong types"):
        study.table()
    assert not audit(study).holds


@pytest.mark.slow
def test_many_adversaries_are_drawn_in_few_panels(tmp_path: Path) -> None:
    """The chart of very many rows with different texts, and of angles that all differ, is bounded."""
    rows = [
        dict.fromkeys(COLUMNS) | {"study": "s", "quantity": "chsh", "where": "grid", "status": "x"} for _ in range(3000)
    ]
    for number, row in enumerate(rows):
        row |= {"model": f"m{number}", "value": 1.0, "theta": number / 7.0, "phi": number / 3.0}
    start = time.monotonic()
    assert draw_default(Table(tuple(rows), {}), tmp_path, "chart")
    same = [row | {"model": "m", "theta": number // 60 / 7.0} for number, row in enumerate(rows)]
    assert draw_default(Table(tuple(same), {}), tmp_path, "same")
    assert time.monotonic() - start < 6 * SECONDS
