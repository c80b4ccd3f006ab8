"""The audit of a store refuses whatever a row or a certificate says without proof, and goes on after it."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import tracemalloc
import zlib
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sdpbound import Infeasible, guessing_probability
from sdpbound.checker import verify
from sdpbound.entropies.self_test import find_self_test
from sdpbound.errors import DamagedStore, InvalidInput, InvalidParameter
from sdpbound.study import Study, audit, run_study
from sdpbound.study.answers.best_member import contours_of
from sdpbound.study.answers.blank import at_point
from sdpbound.study.answers.evaluate import evaluate, failed
from sdpbound.study.auditing import proofs as proofs_module
from sdpbound.study.plan import Task, cell_keys
from sdpbound.study.store import Store, merge, recover
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.file import read_seal, write_seal
from sdpbound.study.store.form import ENTRIES, LARGEST, Seal, certificate_name, digest, expand, loads
from sdpbound.tables.columns import STORED

SPEC = """
name = "crafted"
visibilities = [0.99, 1]
observed = "correlators"
adversaries = ["no-signaling", "local", { model = "quantum", level = "1+AB" }]
quantities = ["guess_local", "guess_global", "key_rate", "randomness_local", "bell_maximum", "chsh"]
certificates = true

[family]
kind = "singlet"
at_chsh = 2.3
phi = "pi/2 - 0.05"
best_of = { contour = 6, phi = "pi/2 - 0.1", models = ["quantum", "local"] }
"""
Row = dict[str, Any]


@dataclass
class Crafted:
    """A sound store, in which cells can be replaced by others with valid digests."""

    study: Study

    def cell(self, quantity: str, model: str | None = "quantum", visibility: float | None = 0.99) -> tuple[Task, bytes]:
        for group in self.study.plan:
            for task in group:
                own = None if task.adversary is None else task.adversary.model
                for q, key in zip(task.quantities, cell_keys(task), strict=True):
                    if (q.name, own, task.visibility) == (quantity, model, visibility):
                        return task, key
        raise AssertionError((quantity, model, visibility))

    def rows(self, key: bytes) -> list[Row]:
        with Store.read(self.study.store_path) as store:
            return [dict(zip(STORED, values, strict=True)) for _, values in store.rows([key])]

    def put(self, key: bytes, rows: list[Row], **certificates: bytes) -> None:
        """Replace a cell; a certificate gets the name that its text must have, also in the rows."""
        names = {name: certificate_name(zlib.decompress(data)) for name, data in certificates.items()}
        rows = [{c: names.get(v, v) if isinstance(v, str) else v for c, v in row.items()} for row in rows]
        proofs = {names[name]: data for name, data in certificates.items()}
        with Store.write(self.study.store_path) as store:
            store.add(1, [([key], Answer([rows], proofs))], replace=True)

    def reopen(self) -> None:
        """Take back what the seal says of complete studies, as where the run had failures."""
        with closing(sqlite3.connect(self.study.store_path)) as db, db:
            seal = read_seal(db)
            assert seal is not None and seal.complete == [self.study.identity]
            write_seal(db, replace(seal, complete=[]))

    def keep(self, text: bytes) -> str:
        """Store a certificate that no row names; its name."""
        name = certificate_name(text)
        with Store.write(self.study.store_path) as store:
            store.put([], {name: zlib.compress(text)})
        return name

    def certificate(self, name: str) -> dict[str, Any]:
        with Store.read(self.study.store_path) as store:
            text = store.certificate(name)
        assert text is not None
        data: dict[str, Any] = json.loads(text)
        return data

    def fault(self) -> str:
        """The message of the only fault."""
        found = audit(self.study)
        assert not found.holds
        assert len(found.faults) == 1, found.faults
        return found.faults[0].message


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    (folder / "crafted.toml").write_text(SPEC, encoding="utf-8")
    result = run_study(folder / "crafted.toml", folder, workers=0, progress=False)
    assert result.failed == 0
    return folder


@pytest.fixture
def crafted(sound: Path, tmp_path: Path) -> Crafted:
    for name in ("crafted.toml", "crafted.sqlite"):
        shutil.copy(sound / name, tmp_path / name)
    return Crafted(Study.load(tmp_path / "crafted.toml", tmp_path))


def test_a_sound_store_holds(crafted: Crafted) -> None:
    found = audit(crafted.study)
    assert found.faults == [] and found.holds
    assert found.rows == found.proven + found.exact > 20 and found.exact == 1
    assert found.without == found.failed == found.missing == 0
    assert found.infeasible == found.separated == 8 and found.unproven == 0  # all that is of the data and local
    assert f"{found.proven} of {found.rows} rows proven" in found.summary
    assert "8 infeasible, 0 of them without a stored proof" in found.summary


def test_each_certificate_is_checked_once(crafted: Crafted, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = 0

    def verify(data: Any, strict: bool = True) -> Any:
        nonlocal checked
        checked += 1
        return proofs_verify(data, strict=strict)

    proofs_verify = proofs_module.verify
    monkeypatch.setattr(proofs_module, "verify", verify)
    found = audit(crafted.study)
    with Store.read(crafted.study.store_path) as store:
        assert checked == len(list(store.certificates())) < found.certificates


# -- closed forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["no-signaling", "quantum"])
def test_a_self_test_s_closed_form_is_of_quantum_rows(crafted: Crafted, model: str) -> None:
    """The honest closed form of the quantum row, beside the program of the row's own model."""
    task, key = crafted.cell("guess_local", model, 1.0)
    (own, *_) = crafted.rows(key)
    observed = at_point(task, task.point).observed
    test = find_self_test(observed)
    assert test is not None
    text = json.dumps(test.entropy(0).certificate.data).encode()
    program = own["sdp_certificate"] or own["certificate"]
    row = own | {
        "method": "closed form",
        "value": 0.5,  # of an outcome that is uncorrelated with Eve
        "sdp_value": own["sdp_value"] or own["value"],
        "certificate": "forged",
        "sdp_certificate": program,
    }
    crafted.put(key, [row], forged=zlib.compress(text))
    if model == "quantum":
        assert audit(crafted.study).holds
    else:
        assert "no quantum self-test" in crafted.fault()


def test_there_is_no_closed_form_with_noise_or_of_a_bell_value(crafted: Crafted) -> None:
    _, ideal = crafted.cell("guess_local", "quantum", 1.0)
    (good, *_) = crafted.rows(ideal)
    _, noisy = crafted.cell("guess_local")
    (own, *best) = crafted.rows(noisy)
    same = {name: good[name] for name in ("method", "value", "sdp_value", "certificate", "sdp_certificate")}
    crafted.put(noisy, [own | same, *best])
    found = audit(crafted.study)
    assert "no quantum self-test" in found.faults[0].message
    crafted.put(noisy, [own, *best])
    _, bell = crafted.cell("bell_maximum", "quantum", None)
    (row,) = crafted.rows(bell)
    closed = {"method": "closed form", "sdp_value": row["value"], "sdp_certificate": row["certificate"]}
    crafted.put(bell, [row | closed])
    assert "no quantum self-test" in crafted.fault()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sdp_value": None}, "no sdp_value"),
        ({"sdp_certificate": None}, "one of its two certificates"),
        ({"certificate": None}, "one of its two certificates"),
        ({"sdp_value": 0.4999}, "its sdp_value is 0.4999"),
        ({"value": 0.4999}, "its value is 0.4999"),
        ({"sdp_certificate": "00" * 16}, "is not in the store"),
        ({"method": "certified"}, "sdp_value is"),
    ],
)
def test_closed_forms_stand_beside_their_program(crafted: Crafted, changes: Row, message: str) -> None:
    _, key = crafted.cell("guess_local", "quantum", 1.0)
    (row,) = crafted.rows(key)
    crafted.put(key, [row | changes])
    assert message in crafted.fault()


@pytest.mark.parametrize("name", ["value", "sdp_value", "entropy"])
def test_closed_rates_are_bounded_by_their_proofs(crafted: Crafted, name: str) -> None:
    _, key = crafted.cell("key_rate", "quantum", 1.0)
    (row, *best) = crafted.rows(key)
    crafted.put(key, [row | {name: row[name] + 1e-6}, *best])
    assert f"its {name} is" in crafted.fault()


def test_closed_forms_of_the_point_alone(crafted: Crafted) -> None:
    _, key = crafted.cell("chsh", None, None)
    (row,) = crafted.rows(key)
    _, other = crafted.cell("guess_local")
    name = crafted.rows(other)[0]["certificate"]
    wrongs: list[Row] = [
        {"method": "certified"},
        {"status": "solved"},
        {"side": "upper"},
        {"certificate": name},
        {"solver": "clarabel"},
        {"margin": 0.0},
        {"value": math.nextafter(row["value"], 9.0)},
        {"value": None, "method": None, "status": "infeasible", "error": "outside"},
    ]
    for wrong in wrongs:
        crafted.put(key, [row | wrong])
        assert not audit(crafted.study).holds, wrong
    crafted.put(key, [row])
    assert audit(crafted.study).holds


# -- rows that say something else ---------------------------------------------------------------------------------

OTHERS: dict[str, Any] = {
    "theta": 0.5,
    "phi": 1.0,
    "omega": 2.0,
    "chsh_ideal": 2.5,
    "visibility": 0.5,
    "chsh_observed": 2.5,
    "observed": "bell",
    "model": "local",
    "level": "2",
    "quantity": "guess_global",
    "x": 1,
    "y": 1,
    "side": "exact",
    "method": "guessed",
    "security": "general attacks",
    "solver": "oracle",
    "status": "certain",
    "error": "none",
    "sdp_value": 0.5,
    "sdp_certificate": "00" * 16,
    "certificate": "00" * 16,
    "place": "0.1",
    "error_correction": 0.25,
    "entropy": 0.25,
    "margin": 1e300,
    "seconds": -5.0,
    "value": math.inf,
    "noise": "detection(0.9,0.9,binned)",
    "efficiency": 0.9,
    "dephasing": 0.1,
    "misalignment": 0.1,
    "options": "von Neumann 0.001",
    "preprocessing": 0.1,
    "rounds": 1e6,
    "gap": 0.1,
    "dead": 0.9,
    "dead_certificate": "00" * 16,
    "postprocessing": "{}",
    "channel_0": 0.1,
    "channel_1": 0.1,
    "nowhere": 0.5,
}


def test_every_column_is_accounted_for() -> None:
    assert STORED.keys() == OTHERS.keys()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("quantity", ["key_rate", "bell_maximum"])
def test_every_column_is_checked(crafted: Crafted, quantity: str, name: str) -> None:
    _, key = crafted.cell(quantity, "no-signaling", None if quantity == "bell_maximum" else 0.99)
    (row,) = crafted.rows(key)
    assert row[name] != OTHERS[name]
    crafted.put(key, [row | {name: OTHERS[name]}])
    assert f"its {name} is" in crafted.fault() or name == "certificate"


@pytest.mark.parametrize("name", [n for n in STORED if n not in ("place", "margin", "seconds", "certificate")])
def test_no_column_may_be_missing(crafted: Crafted, name: str) -> None:
    _, key = crafted.cell("key_rate", "no-signaling")
    (row,) = crafted.rows(key)
    crafted.put(key, [row | {name: None}])
    if row[name] is None:
        assert audit(crafted.study).holds
    elif name == "value":
        assert "it has no value, and its status is" in crafted.fault()
    else:
        assert name in crafted.fault()


def test_a_wrong_type_is_a_fault(crafted: Crafted) -> None:
    """Below ``add``, which would refuse them, a store takes any values."""
    from sdpbound.study.store.contents import Cell
    from sdpbound.study.store.form import pack

    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    values = dict(zip(STORED, pack(row), strict=True))
    for wrong in ({"value": b"\xff"}, {"status": b"\xff"}, {"x": "zero"}, {"place": b"\xff\xfe"}, {"error": b""}):
        with Store.write(crafted.study.store_path) as store:
            store.put([Cell(key, 1, (tuple((values | wrong).values()),))], {}, replace=True)
        assert "must be of type" in crafted.fault(), wrong


def test_a_value_needs_its_certificate_if_the_study_keeps_them(crafted: Crafted) -> None:
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    crafted.put(key, [row | {"certificate": None}])
    assert "has no certificate, and the study keeps them" in crafted.fault()
    assert audit(crafted.study).without == 1
    text = SPEC.replace("certificates = true", "certificates = false")
    path = crafted.study.folder / "crafted.toml"
    path.write_text(text, encoding="utf-8")
    study = Study.load(path, crafted.study.folder)
    found = audit(study)
    assert found.holds and found.without == 1 and found.proven == found.rows - 2  # the others have theirs
    crafted.put(key, [row | {"certificate": None, "visibility": 0.5}])
    assert not audit(study).holds  # what can be checked is


def test_rows_without_a_value(crafted: Crafted) -> None:
    task, key = crafted.cell("guess_local", "no-signaling")
    empty = failure(task, "guess_local")
    crafted.reopen()
    crafted.put(key, [empty])
    found = audit(crafted.study)
    assert found.holds and not found.complete and found.failed == 1 and "1 failed" in found.summary
    assert [(cell.point, cell.message) for cell in found.unanswered] == [("0", "failed: 'no luck'")]
    wrongs: list[tuple[Row, str]] = [
        ({"status": "solved"}, "it has no value, and its status is 'solved'"),
        ({"status": None}, "it has no value, and its status is None"),
        ({"error": None}, "it has no error"),
        ({"error": " "}, "does not say why"),
        ({"method": "certified"}, "its method is 'certified'"),
        ({"entropy": 1.0}, "its entropy is"),
        ({"certificate": "00" * 16}, "its certificate is"),
        ({"value": 0.9}, "it has a value, and its status is 'failed'"),
        ({"value": 0.9, "status": "infeasible"}, "it has a value, and its status is 'infeasible'"),
    ]
    for wrong, message in wrongs:
        crafted.put(key, [empty | wrong])
        assert message in crafted.fault()


def failure(task: Task, quantity: str) -> Row:
    (index,) = (i for i, q in enumerate(task.quantities) if q.name == quantity)
    return failed(task, "no luck").cells[index][0]


# -- better points ------------------------------------------------------------------------------------------------


@pytest.fixture
def best(crafted: Crafted) -> tuple[bytes, Row, Row]:
    """A cell whose search found a better point."""
    _, key = crafted.cell("guess_global")
    first, second = crafted.rows(key)
    assert first["place"] is None and second["value"] < first["value"]
    return key, first, second


def test_best_points_are_those_of_the_search(crafted: Crafted, best: tuple[bytes, Row, Row]) -> None:
    crafted.reopen()
    key, first, second = best
    i, k = second["place"].split(".")
    wrongs: list[tuple[list[Row], str]] = [
        ([first, second | {"theta": math.nextafter(second["theta"], 9.0)}], "its theta is"),
        ([first, second | {"place": f"{i}.{int(k) + 1}"}], "its theta is"),
        ([first, second | {"place": f"{i}.0{k}"}], "none of this name"),
        ([first, second | {"place": "9.9"}], "none of this name"),
        ([first, second | {"place": "x" * 10_000}], "none of this name"),
        ([first, second | {"place": None}], "has no place"),
        ([first | {"place": second["place"]}, second], "the first row is of the point itself"),
        ([first, second, second], "it is row 3 of its cell"),
        ([first, second | {"value": first["value"]}], "no better than"),
        ([first, second | {"value": first["value"] + 1e-3}], "no better than"),
        ([failure(crafted.cell("guess_global")[0], "guess_global"), second], "one of them has no value"),
    ]
    for rows, message in wrongs:
        crafted.put(key, rows)
        assert message in crafted.fault()


def test_a_best_point_may_have_failed_when_it_was_solved_again(crafted: Crafted, best: tuple[bytes, Row, Row]) -> None:
    crafted.reopen()
    key, first, second = best
    numbers = ("value", "method", "solver", "margin", "certificate")
    crafted.put(key, [first, second | dict.fromkeys(numbers) | {"status": "failed", "error": "no luck"}])
    found = audit(crafted.study)
    assert found.holds and found.failed == 1
    crafted.put(key, [first, second | dict.fromkeys(numbers) | {"status": "infeasible", "error": "outside"}])
    assert "one of them has no value" in crafted.fault()


def test_no_better_point_without_a_search(crafted: Crafted, best: tuple[bytes, Row, Row]) -> None:
    _, _, second = best
    _, key = crafted.cell("guess_global", "no-signaling")
    (first,) = crafted.rows(key)
    crafted.put(key, [first, second])
    assert "searches no better point here" in crafted.fault()


def test_places_are_named_after_all_contours(crafted: Crafted) -> None:
    """A phi that does not reach the CHSH value has no contour, and its number is left out."""
    path = crafted.study.folder / "crafted.toml"
    text = SPEC.replace('"pi/2 - 0.1", models', '[0.01, "pi/2 - 0.1"], models').replace(
        "at_chsh = 2.3", "at_chsh = 2.45"
    )
    path.write_text(text.replace("0.99, 1", "0.99"), encoding="utf-8")
    run_study(path, crafted.study.folder, workers=0, progress=False)
    study = Study.load(path, crafted.study.folder)
    places = {row["point"].split("/")[1] for row in study.table() if row["where"] == "best"}
    search = next(task.search for group in study.plan for task in group if task.search is not None)
    assert places and len(contours_of(search)[0]) <= len(search.phi)
    assert audit(study).faults == []


# -- infeasible rows ----------------------------------------------------------------------------------------------


def separation(task: Task) -> dict[str, Any]:
    observed = at_point(task, task.point).observed
    with pytest.raises(Infeasible) as answer:
        guessing_probability(observed, task.model, 0)
    data: dict[str, Any] = answer.value.certificate.data
    return data


def test_an_infeasible_row_is_proven_by_a_separation(crafted: Crafted) -> None:
    task, key = crafted.cell("guess_local", "local")
    (row,) = crafted.rows(key)
    data = separation(task)
    assert crafted.certificate(row["certificate"]) == data
    crafted.put(key, [row | {"certificate": None}])
    found = audit(crafted.study)
    assert found.holds and (found.infeasible, found.separated, found.unproven) == (8, 7, 1)

    other = crafted.rows(crafted.cell("guess_local", "no-signaling")[1])[0]["certificate"]
    crafted.put(key, [row | {"certificate": other}])
    assert "another question: figure" in crafted.fault()
    elsewhere = separation(crafted.cell("guess_local", "local", 1.0)[0])
    crafted.put(key, [row | {"certificate": "away"}], away=zlib.compress(json.dumps(elsewhere).encode()))
    assert "another question: observed" in crafted.fault()
    # wide tolerances, and a claim to match: it holds, and separates nothing
    for entry in data["question"]["observed"]:
        entry["tolerance"] = 2.0
    data["proof"]["multipliers"] = [0.0] * 4
    data["claim"] = {"value": 0.0, "functional": {"constant": 0.0, "multipliers": [0.0] * 4}}
    crafted.put(key, [row | {"certificate": "wide"}], wide=zlib.compress(json.dumps(data).encode()))
    assert "does not separate" in crafted.fault()


@pytest.mark.parametrize("model", ["quantum", "no-signaling"])
def test_quantum_data_are_in_every_set_but_the_local_one(crafted: Crafted, model: str) -> None:
    task, key = crafted.cell("guess_local", model, 1.0)
    crafted.put(key, [failure(task, "guess_local") | {"status": "infeasible"}])
    assert "the adversary's set has what is asked for" in crafted.fault()


def test_local_data_are_not_infeasible(crafted: Crafted) -> None:
    path = crafted.study.folder / "crafted.toml"
    for observed in ("bell", "correlators", "full"):
        path.write_text(SPEC.replace("0.99, 1", "0.5").replace('"correlators"', f'"{observed}"'), encoding="utf-8")
        run_study(path, crafted.study.folder, workers=0, progress=False)
        local = Crafted(Study.load(path, crafted.study.folder))
        assert audit(local.study).holds
        task, key = local.cell("guess_local", "local", 0.5)
        local.put(key, [failure(task, "guess_local") | {"status": "infeasible"}])
        assert "the adversary's set has what is asked for" in local.fault()


# -- certificates that are none -----------------------------------------------------------------------------------

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "number": b"1",
    "text": b'"/etc/hostname"',
    "no json": b"{",
    "no utf-8": b'{"format": "\xff"}',
    "utf-16": '{"format": "x"}'.encode("utf-16"),
    "deep": DEEP,
    "deep list": b"[" * 100_000,
    "nan": b'{"format": NaN}',
    "huge": b'{"version": ' + b"9" * 5000 + b"}",
    "twice": b'{"format": "sdpbound certificate", "format": "sdpbound certificate"}',
    "nothing in it": b"{}",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_certificate_is_a_fault(crafted: Crafted, kind: str) -> None:
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    sound = audit(crafted.study)
    crafted.put(key, [row | {"certificate": "broken"}], broken=zlib.compress(BROKEN[kind]))
    found = audit(crafted.study)
    (fault,) = found.faults
    assert fault.point == "0" and fault.quantity == "guess_local, x = 0" and "certificate" in fault.message.lower()
    assert len(fault.message) < 1000 and found.proven == sound.proven - 1  # the others were checked all the same


def test_a_text_is_no_path_and_an_entry_is_there_once(crafted: Crafted, tmp_path: Path) -> None:
    """Neither a sound certificate elsewhere, nor one that another reader may read as another, proves a row."""
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    text = json.dumps(crafted.certificate(row["certificate"]))
    (tmp_path / "sound.json").write_text(text, encoding="utf-8")
    path = json.dumps(str(tmp_path / "sound.json")).encode()
    crafted.put(key, [row | {"certificate": "path"}], path=zlib.compress(path))
    assert "must be an object" in crafted.fault()
    twice = text.replace('"claim": {', '"claim": {"value": 0.0, ').encode()
    crafted.put(key, [row | {"certificate": "twice"}], twice=zlib.compress(twice))
    assert {f.message for f in audit(crafted.study).faults} == {
        "The certificate has an entry twice in one object.",
        "The certificate is a JSON str, and must be an object.",
    }


def entries(data: Any) -> list[tuple[Any, Any]]:
    """Every place in a certificate: the container, and the key in it."""
    keys: list[Any] = list(data) if isinstance(data, dict) else list(range(len(data))) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [place for key in keys for place in entries(data[key])]


@pytest.mark.parametrize("model", ["no-signaling", "quantum"])
def test_no_entry_of_a_certificate_stops_the_check(crafted: Crafted, model: str) -> None:
    """Each entry in turn is made nothing, a text or a list: refused, or a label that proves nothing anyway."""
    _, key = crafted.cell("guess_local", model, 1.0)
    (row, *_) = crafted.rows(key)
    for name in filter(None, (row["certificate"], row["sdp_certificate"])):
        original = json.dumps(crafted.certificate(name))
        for place in range(len(entries(json.loads(original)))):
            for value in (None, "x", [None], {}):
                data = json.loads(original)
                container, entry = entries(data)[place]
                if container[entry] != value:
                    container[entry] = value
                    text = json.dumps(data).encode()
                    proof = proofs_module.checked(certificate_name(text), text, verify)
                    label = entry in ("created_by", "theorem", "level") and value == "x"
                    assert isinstance(proof, str) != label, (entry, value)


@pytest.mark.parametrize(
    "observed", [None, [], [None], [{}], [{"coefficients": None, "value": 1, "tolerance": "1"}] * 4]
)
@pytest.mark.parametrize("entry", ["certificate", "sdp_certificate"])
def test_data_that_are_none(crafted: Crafted, entry: str, observed: Any) -> None:
    _, key = crafted.cell("guess_local", "quantum", 1.0)
    (row,) = crafted.rows(key)
    data = crafted.certificate(row[entry])
    data["question"]["observed"] = observed
    crafted.put(key, [row | {entry: "bad"}], bad=zlib.compress(json.dumps(data).encode()))
    assert crafted.fault()


def test_a_certificate_of_another_scenario(crafted: Crafted) -> None:
    """The coordinates of one setting with three outcomes have the shape of two with two: other things, same numbers."""
    _, key = crafted.cell("bell_maximum", "no-signaling", None)
    (row,) = crafted.rows(key)
    data = crafted.certificate(row["certificate"])
    data["question"]["scenario"]["outcomes"] = [[3], [3]]
    weights = len(data["proof"]["copies"][0]["weights"])
    data["proof"] = {"multipliers": [], "copies": [{"weights": [0.0] * 9}]}
    total = sum(abs(c) for line in data["question"]["figure"]["coefficients"] for c in line) * (1 + 1e-9)
    data["claim"] = {"value": total, "functional": {"constant": total, "multipliers": []}}
    crafted.put(key, [row | {"value": 9.0, "certificate": "other"}], other=zlib.compress(json.dumps(data).encode()))
    assert weights == 16 and "another question: scenario" in crafted.fault()


def test_wider_tolerances_only_weaken(crafted: Crafted) -> None:
    """A certificate may allow more than the row's data, in a fraction too, and not less."""
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    data = crafted.certificate(row["certificate"])
    for entry in data["question"]["observed"]:
        entry["tolerance"] = "1/1000"
    data["claim"]["value"] = 1.0
    crafted.put(key, [row | {"value": 1.0, "certificate": "wide"}], wide=zlib.compress(json.dumps(data).encode()))
    assert audit(crafted.study).holds
    for entry in data["question"]["observed"]:
        entry["tolerance"] = 0
    crafted.put(key, [row | {"value": 1.0, "certificate": "narrow"}], narrow=zlib.compress(json.dumps(data).encode()))
    assert "another question: observed" in crafted.fault()


def test_a_program_cannot_prove_nonsense(crafted: Crafted, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the checker itself does not expect is a fault of the row."""
    monkeypatch.setattr(proofs_module, "verify", lambda data, strict: 1 / 0)
    found = audit(crafted.study)
    assert len(found.faults) > 20 and "ZeroDivisionError" in found.faults[0].message and found.exact == 1


# -- forged rows, with digests and seal made anew -------------------------------------------------------------------

FORGED: list[tuple[str, Row, str]] = [
    ("guess_local", {"margin": 1e300}, "its margin is 1e+300, and must be from -1 to 1"),
    ("guess_local", {"margin": -1.5}, "its margin is -1.5"),
    ("guess_local", {"margin": math.nan}, "its margin is nan"),
    ("key_rate", {"margin": 1.5}, "its margin is 1.5"),
    ("guess_local", {"gap": -1.0}, "its gap is -1.0"),
    ("guess_local", {"seconds": -5.0}, "its seconds is -5.0, and must be from 0 to 604800"),
    ("guess_local", {"seconds": 1e6}, "its seconds is 1000000.0"),
    ("guess_local", {"seconds": math.inf}, "its seconds is inf"),
    ("guess_local", {"solver": "SCS; all rows checked by hand"}, "its solver is 'SCS; all rows checked by hand'"),
    ("guess_local", {"solver": "enumeration"}, "its solver is 'enumeration'"),
    ("guess_local", {"solver": "cvxpy:\u202e"}, "its solver is"),
    ("guess_local", {"solver": "column generation"}, "its solver is 'column generation'"),
    ("guess_local", {"status": "proven"}, "its status is 'proven'"),
    ("guess_local", {"status": "explicit attack"}, "its status is 'explicit attack'"),
    ("guess_local", {"status": "failed"}, "its status is 'failed'"),
    ("guess_local", {"value": 0.999}, "its value is 0.999, and its certificate makes it"),
    ("key_rate", {"entropy": 0.01}, "its entropy is 0.01, and its certificate makes it"),
    ("key_rate", {"value": -1.0}, "its value is -1.0, and its certificate makes it"),
]


@pytest.mark.parametrize(("quantity", "change", "message"), FORGED)
def test_a_forged_column_is_named(crafted: Crafted, quantity: str, change: Row, message: str) -> None:
    _, key = crafted.cell(quantity, "no-signaling")
    (row,) = crafted.rows(key)
    crafted.put(key, [row | change])
    assert message in crafted.fault()
    (found,) = audit(crafted.study).faults
    assert (found.point, found.quantity.split(",")[0]) == ("0", quantity)


def test_numbers_that_nothing_proves_are_possible_ones(crafted: Crafted) -> None:
    _, key = crafted.cell("key_rate", "no-signaling")
    (row,) = crafted.rows(key)
    crafted.put(key, [row | {"certificate": None, "entropy": 7.0, "value": 7.0 - row["error_correction"]}])
    assert "must be from -2 to 2" in crafted.fault()


def test_an_error_is_of_some_length(crafted: Crafted) -> None:
    _, key = crafted.cell("guess_local", "local")
    crafted.put(key, [crafted.rows(key)[0] | {"error": "x" * 100_000}])
    assert "its error has 100000 characters" in crafted.fault()


def test_a_certificate_of_another_row_or_under_another_name(crafted: Crafted) -> None:
    (row,) = crafted.rows(key := crafted.cell("guess_local", "no-signaling")[1])
    (other,) = crafted.rows(crafted.cell("guess_global", "no-signaling")[1])
    crafted.put(key, [row | {"certificate": other["certificate"]}])
    assert "another question: figure" in crafted.fault()
    text = json.dumps(crafted.certificate(row["certificate"])).encode()
    with Store.write(crafted.study.store_path) as store:
        store.add(1, [([key], Answer([[row | {"certificate": "0" * 32}]], {"0" * 32: zlib.compress(text)}))], True)
    assert "its certificate is named" in crafted.fault()


def edit(store: Path, *statements: str, seal: bool = False, complete: bool = True) -> None:
    """Change a store by hand; with ``seal`` made anew from its rows, and ``complete`` with what it said of studies."""
    with closing(sqlite3.connect(store)) as db, db:
        for statement in statements:
            db.execute(statement)
        if seal:
            old, own = read_seal(db), Seal()
            assert old is not None
            for row in db.execute("SELECT key, part, status, digest FROM result"):
                own.count(*row)
            write_seal(db, replace(own, complete=old.complete if complete else []))


def test_a_deleted_row(crafted: Crafted) -> None:
    store = crafted.study.store_path
    delete = "DELETE FROM result WHERE rowid = (SELECT rowid FROM result WHERE quantity = 'chsh')"
    edit(store, delete)
    found = audit(crafted.study)
    assert [fault.quantity for fault in found.faults] == ["seal"] and "rows were removed" in found.faults[0].message
    assert not found.complete and [cell.message for cell in found.unanswered] == ["missing"]
    edit(store, seal=True)
    assert "has an answer, and 1 is missing" in crafted.fault()
    edit(store, seal=True, complete=False)  # nothing in the store is wrong any more, and it is not complete
    found = audit(crafted.study)
    assert found.holds and not found.complete and found.missing == 1


def test_a_row_set_to_failed(crafted: Crafted) -> None:
    task, key = crafted.cell("guess_local", "no-signaling")
    crafted.put(key, [failure(task, "guess_local")])
    assert "has an answer, and 1 is failed" in crafted.fault()
    crafted.reopen()
    found = audit(crafted.study)
    assert found.holds and not found.complete and found.failed == 1
    found = audit(crafted.study, recompute=True)
    assert [fault.quantity for fault in found.faults] == ["guess_local, x = 0"]
    assert "when it is solved again" in found.faults[0].message


def test_what_really_fails_is_no_fault(crafted: Crafted, monkeypatch: pytest.MonkeyPatch) -> None:
    task, key = crafted.cell("guess_local", "no-signaling")
    crafted.reopen()
    crafted.put(key, [failure(task, "guess_local")])
    asked = []

    def answer(_: Any, task: Task) -> Answer:
        asked.append(task)
        return failed(task, "again no luck")

    monkeypatch.setattr("sdpbound.study.running.solver_process.SolverProcess.answer", answer)
    assert audit(crafted.study, recompute=True).holds
    assert [task.quantities[0].name for task in asked] == ["guess_local"] and not asked[0].certificates


def test_a_changed_status_breaks_the_digest(crafted: Crafted) -> None:
    edit(crafted.study.store_path, "UPDATE result SET status = 'solved' WHERE quantity = 'chsh'", seal=True)
    with pytest.raises(DamagedStore, match="was changed"):
        audit(crafted.study)


def test_an_added_or_changed_row_breaks_the_seal(crafted: Crafted) -> None:
    """Rows with sound digests of their own, one of another study and one in the place of ours."""
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    with Store.read(crafted.study.store_path) as store:
        before = store.seal()
    assert before is not None
    crafted.put(key, [row | {"seconds": row["seconds"] + 1.0}])
    with closing(sqlite3.connect(crafted.study.store_path)) as db, db:
        write_seal(db, before)
    assert "not of these: rows were changed" in crafted.fault()
    crafted.put(bytes(16), [row])
    with closing(sqlite3.connect(crafted.study.store_path)) as db, db:
        write_seal(db, before)
    assert "rows were removed, added or changed" in crafted.fault()


def test_a_store_of_the_first_version_has_no_seal(crafted: Crafted) -> None:
    store = crafted.study.store_path
    old = ["DELETE FROM meta WHERE name = 'seal'", "UPDATE meta SET value = '1' WHERE name = 'format'"]
    edit(store, *old, "PRAGMA user_version = 1")
    found = audit(crafted.study)
    assert found.holds and found.complete and not found.sealed and "no seal" in found.summary
    result = run_study(crafted.study.folder / "crafted.toml", crafted.study.folder, workers=0, progress=False)
    assert result.computed == 0
    found = audit(crafted.study)
    assert found.holds and found.sealed and "no seal" not in found.summary
    edit(store, old[0])
    with pytest.raises(DamagedStore, match="its seal is not there"):
        audit(crafted.study)


def test_a_part_of_a_study_is_complete_as_a_part(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    spec = (
        SPEC.split("[family]")[0]
        .replace('"crafted"', '"two"')
        .replace(SPEC.split("quantities = ")[1].split("]")[0], '["chsh"')
    )
    path.write_text(spec + "[family]\nkind = 'singlet'\ntheta = [0.9, 1.0]\nphi = 1.5\nomega = 'theta + pi/2'\n")
    result = run_study(path, tmp_path, workers=0, progress=False, shard=(1, 2))
    part = Study.load(result.store)
    found = audit(part)
    assert found.holds and found.complete and found.exact == 1
    shutil.copy(result.store, tmp_path / "two.sqlite")
    whole = audit(Study.load(tmp_path / "two.sqlite"))
    assert whole.holds and not whole.complete and whole.missing == 1


def test_an_unfinished_run_claims_nothing(crafted: Crafted) -> None:
    task, key = crafted.cell("chsh", None, None)
    crafted.reopen()
    crafted.put(key, [failed(task, "no luck").cells[0][0]])
    crafted.study.table_path.unlink(missing_ok=True)
    for retry, computed in ((False, 0), (True, 1)):
        result = run_study(
            crafted.study.folder / "crafted.toml", crafted.study.folder, workers=0, progress=False, retry=retry
        )
        assert result.computed == computed
        with Store.read(crafted.study.store_path) as store:
            seal = store.seal()
        assert seal is not None and seal.complete == [crafted.study.identity] * computed


# -- files made to fill the memory ----------------------------------------------------------------------------------


def test_a_certificate_that_expands_without_end(crafted: Crafted, tmp_path: Path) -> None:
    """65 kB that are 67 MB: neither the audit nor a merge nor a recovery expands them."""
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    bomb = zlib.compress(bytes(LARGEST + 1), 9)
    assert len(bomb) < 70_000
    with Store.write(crafted.study.store_path) as store:
        store.add(1, [([key], Answer([[row | {"certificate": "bomb"}]], {"bomb": bomb}))], replace=True)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedStore, match=r"certificate 'bomb' expands from \d+ to more than 67108864 bytes"):
            audit(crafted.study)
        with pytest.raises(DamagedStore, match="'bomb'"):
            merge([crafted.study.store_path], tmp_path / "merged.sqlite")
        recover(crafted.study.store_path, tmp_path / "recovered.sqlite")
        assert tracemalloc.get_traced_memory()[1] < 3 * LARGEST
    finally:
        tracemalloc.stop()
    with Store.read(tmp_path / "recovered.sqlite") as store:
        assert store.certificate("bomb") is None and store.certificate(row["certificate"]) is not None


def test_a_certificate_too_large_is_not_made(crafted: Crafted, monkeypatch: pytest.MonkeyPatch) -> None:
    task, _ = crafted.cell("guess_local", "no-signaling")
    monkeypatch.setattr("sdpbound.study.answers.evaluate.LARGEST", 1000)
    with pytest.raises(InvalidInput, match="at most 1000 are stored; set certificates = false"):
        evaluate(task)
    assert evaluate(replace(task, certificates=False)).failures == 0


@pytest.mark.parametrize("data", [b"", b"no zlib", zlib.compress(b"{}" * 1000)[:-9], "text"])
def test_what_cannot_be_expanded(data: Any) -> None:
    with pytest.raises(ValueError, match="cannot be decompressed"):
        expand(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ("[" * 41 + "]" * 41, "nested too deeply"),
        ("[" * 5000, "nested too deeply|not JSON"),  # as the version of Python says
        ("[" + "[]," * ENTRIES + "1]", "entries"),
        ("1" * (LARGEST + 1), "bytes"),
        ("{", "not JSON"),
        (b"\xff", "not JSON in UTF-8"),
    ],
)
def test_json_that_memory_is_not_for(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loads(text)


def test_a_spec_or_run_that_is_no_object_is_damage(crafted: Crafted) -> None:
    for table, text in (("run", "[" * 5000), ("run", "[]"), ("spec", "3")):
        copy = crafted.study.folder / "copy.sqlite"
        shutil.copy(crafted.study.store_path, copy)
        if table == "run":
            seal = digest(("run", 9, text))
            with closing(sqlite3.connect(copy)) as db, db:
                db.execute("INSERT INTO run VALUES (9, ?, ?)", (text, seal))
            with Store.read(copy) as store, pytest.raises(DamagedStore, match="run 9"):
                store.runs()
        else:
            with closing(sqlite3.connect(copy)) as db, db:
                values = ("2026-01-01", text, "")
                db.execute("INSERT INTO spec VALUES (NULL, ?, ?, ?, ?)", (*values, digest(("spec", *values))))
            with Store.read(copy) as store, pytest.raises(DamagedStore, match="its study is no JSON object"):
                store.spec()


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TRIGGER t AFTER INSERT ON result BEGIN DELETE FROM result; END"],
        [
            "ALTER TABLE run RENAME TO old",
            "CREATE VIEW run (id, facts, digest) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i, '{}', x'00' FROM n",
            "UPDATE meta SET value = (SELECT group_concat(s, char(10)) FROM (SELECT sql AS s FROM sqlite_master WHERE "
            "name IN ('result', 'result_cell', 'run', 'spec', 'certificate', 'meta') ORDER BY CASE name WHEN 'result' "
            "THEN 1 WHEN 'result_cell' THEN 2 WHEN 'run' THEN 3 WHEN 'spec' THEN 4 WHEN 'certificate' THEN 5 ELSE 6 "
            "END)) WHERE name = 'schema'",
        ],
    ],
)
def test_tables_that_are_programs(crafted: Crafted, statements: list[str]) -> None:
    """A view without end in the place of a table, and a trigger that acts when we write."""
    edit(crafted.study.store_path, *statements)
    with pytest.raises(DamagedStore, match="the definitions of its tables are not a store's"):
        Store.read(crafted.study.store_path)


# -- the rest of the store ----------------------------------------------------------------------------------------


def test_certificates_that_no_row_names_are_checked(crafted: Crafted) -> None:
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    data = crafted.certificate(row["certificate"])
    before = audit(crafted.study).certificates
    crafted.keep(json.dumps(data, indent=1).encode())
    found = audit(crafted.study)
    assert found.holds and found.certificates == before + 1
    data["claim"]["value"] -= 1e-3
    names = crafted.keep(json.dumps(data).encode()), crafted.keep(b"[]")
    found = audit(crafted.study)
    assert found.certificates == before + 3
    assert {(f.point, f.quantity) for f in found.faults} == {("-", f"certificate {name}") for name in names}


def test_missing_cells_are_counted(crafted: Crafted, tmp_path: Path) -> None:
    path = crafted.study.folder / "crafted.toml"
    path.write_text(SPEC.replace("at_chsh = 2.3", "at_chsh = 2.4"), encoding="utf-8")
    other = Study.load(path, crafted.study.folder)
    found = audit(other)
    assert found.holds and found.rows == found.proven == 0 and found.missing == other.plan.cells
    assert "0 of 0 rows proven" in found.summary and f"{other.plan.cells} cells missing" in found.summary
    assert found.certificates > 10  # those of the other study, which no row of this one names
    path.write_text(SPEC.replace("0.99, 1", "0.99, 1, 0.98"), encoding="utf-8")
    assert audit(Study.load(path, crafted.study.folder)).missing == 3 * 4


def test_damage_below_the_rows_is_the_store_s(crafted: Crafted) -> None:
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    with Store.write(crafted.study.store_path) as store:
        store.add(1, [([key], Answer([[row | {"certificate": "cut"}]], {"cut": b"no zlib"}))], replace=True)
    with pytest.raises(DamagedStore, match="cannot be decompressed"):
        audit(crafted.study)


# -- in processes -----------------------------------------------------------------------------------------------------


def test_processes_find_what_one_finds(crafted: Crafted) -> None:
    """The same counts and faults, also of rows that were tampered with and of certificates that no row names."""
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    crafted.put(key, [row | {"value": row["value"] - 1e-3}])
    done: list[float] = []
    alone, many = audit(crafted.study), audit(crafted.study, workers=2, report=done.append)
    assert alone.faults and not many.holds
    assert many == replace(
        alone,
        faults=sorted(alone.faults, key=lambda fault: (fault.point, fault.quantity)),
        unanswered=sorted(alone.unanswered, key=lambda cell: (cell.point, cell.quantity)),
    )
    assert done == sorted(done) and done[-1] == 1.0


def test_a_damaged_store_ends_all_processes(crafted: Crafted) -> None:
    _, key = crafted.cell("guess_local", "no-signaling")
    (row,) = crafted.rows(key)
    with Store.write(crafted.study.store_path) as store:
        store.connection.execute("UPDATE certificate SET data = ? WHERE name = ?", (b"x", row["certificate"]))
    with pytest.raises(DamagedStore):
        audit(crafted.study, workers=2)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, None])
def test_a_number_of_processes_is_checked(crafted: Crafted, workers: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"workers = .* must be an integer of at least 1"):
        audit(crafted.study, workers=workers)
