"""Tables of names that other packages add to by entry points."""

from __future__ import annotations

import warnings
from collections.abc import Sized
from pathlib import Path

import pytest

from sdpbound.errors import InvalidParameter, InvalidSolver
from sdpbound.registry import Registry, concrete, listed, unknown
from tests.packages import install

GROUP = "sdpbound.tests"


class Square(Sized):
    def __len__(self) -> int:
        return 4


class Disc(Sized):
    def __len__(self) -> int:
        return 0


def shapes() -> Registry[type[Sized]]:
    return Registry("a shape", GROUP, {"square": Square, "disc": Disc}, concrete(Sized), "a subclass of Sized")


def distribution(folder: Path, name: str, points: str) -> None:
    """An installed package as far as its metadata says."""
    install(folder, name, "", None, f"[{GROUP}]\n{points}\n")


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where packages are found, with a module of a shape."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "module_with_shapes.py").write_text(
        "from collections.abc import Sized\n"
        "class Ring(Sized):\n    def __len__(self): return 2\n"
        "class Idea(Sized):\n    pass\n",
        encoding="utf-8",
    )
    return tmp_path


def test_a_table_alone() -> None:
    table = shapes()
    assert list(table) == ["square", "disc"] == list(table.names())
    assert table["disc"] is Disc and table.named("square", "shape") is Square
    assert "ring" not in table and len(table) == 2
    with pytest.raises(KeyError):
        table["ring"]


@pytest.mark.parametrize("name", ["squar", "", "Square", None, 3, ["square"], float("nan")])
def test_a_name_that_does_not_exist(name: object) -> None:
    assert shapes().find(name) is None
    with pytest.raises(InvalidParameter, match=r"^--shape = .* must be square or disc(\.|; did you mean 'square'\?)$"):
        shapes().named(name, "--shape")
    with pytest.raises(InvalidSolver, match="solver = "):
        shapes().named(name, "solver", InvalidSolver)


def test_sentences() -> None:
    assert listed(["a"]) == "a" and listed(["a", "b"]) == "a or b" and listed("abc") == "a, b or c"
    assert unknown("zzz", ["a", "b"], "x") == "x = 'zzz' must be a or b."


def test_an_entry_point(outside: Path) -> None:
    distribution(outside, "rings", "ring = module_with_shapes:Ring\nbox = module_with_shapes:Ring")
    table = shapes()
    assert table.names() == ("square", "disc", "box", "ring")
    assert table.named("ring", "shape").__name__ == "Ring"
    assert table.find("ring") is table.find("ring")
    with pytest.raises(InvalidParameter, match="must be square, disc, box or ring; did you mean 'ring'"):
        table.named("rings", "shape")


def test_an_entry_point_takes_no_name_of_the_table(outside: Path) -> None:
    distribution(outside, "rings", "disc = module_with_shapes:Ring")
    assert shapes().named("disc", "shape") is Disc
    assert shapes().names() == ("square", "disc")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module_anywhere:Ring", "cannot be loaded from no_such_module_anywhere:Ring"),
        ("module_with_shapes:Nothing", "cannot be loaded from module_with_shapes:Nothing"),
        ("module_with_shapes:Idea", "not a subclass of Sized"),
        ("math:pi", "gives 3.14.*not a subclass of Sized"),
    ],
)
def test_a_broken_entry_point_is_a_warning_that_names_it(outside: Path, value: str, words: str) -> None:
    distribution(outside, "broken", f"broken = {value}\nring = module_with_shapes:Ring")
    table = shapes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table.named("ring", "shape").__name__ == "Ring"
    with (
        pytest.warns(RuntimeWarning, match=f"entry point 'broken' of the group '{GROUP}'.*{words}"),
        pytest.raises(InvalidParameter, match="shape = 'broken' must be square, disc or ring"),
    ):
        table.named("broken", "shape")


def test_two_packages_with_one_name(outside: Path) -> None:
    distribution(outside, "one", "ring = module_with_shapes:Ring")
    distribution(outside, "two", "ring = module_with_shapes:Square")
    with pytest.warns(RuntimeWarning, match="given by module_with_shapes:Ring and module_with_shapes:Square"):
        assert shapes().named("ring", "shape").__name__ == "Ring"


def test_metadata_is_not_read_for_names_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(**_: object) -> None:
        raise AssertionError("looked through the metadata of installed packages")

    table = shapes()
    monkeypatch.setattr("importlib.metadata.entry_points", looked)
    assert table.named("square", "shape") is Square
    with pytest.raises(AssertionError, match="looked through"):
        table.find("ring")
