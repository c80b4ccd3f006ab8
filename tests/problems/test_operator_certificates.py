"""Certificates of operator problems: what both checkers refuse, and that no change of a proof proves what is false."""

from __future__ import annotations

import copy
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.problems import Operator, Problem, fermions
from sdpbound.recheck import recheck

Data = dict[str, Any]


def _chsh() -> Data:
    a = Operator.observables("A0 A1", party="A")
    b = Operator.observables("B0 B1", party="B")
    return Problem([*a, *b]).maximize(a[0] * (b[0] + b[1]) + a[1] * (b[0] - b[1]), "1").certificate.data


def _localised() -> Data:
    x, y = Operator.hermitians("x y")
    problem = Problem([x, y], rules=[(x * x, x)], inequalities=[-y * y + y + 0.5], moments=[(y, -1, 1), (x, 0, None)])
    return problem.minimize(x * y + y * x, 2).certificate.data


def _equalities() -> Data:
    x, y = Operator.hermitians("x y")
    return Problem([x, y], equalities=[x * x + y * y - 1, x * y - y * x]).maximize(x * y, 2).certificate.data


def _derived() -> Data:
    u, v = Operator.hermitians("u v")
    return Problem([u, v], rules=[(u * v, v), (v * u, u)]).maximize(u + v, 1).certificate.data


def _fermions() -> Data:
    (a, b), rules = fermions("a b")
    return Problem([a, b], rules=rules).minimize(a.adjoint * b + b.adjoint * a, 1).certificate.data


#: Makers, the exact value, and its side.
MADE: dict[str, tuple[Callable[[], Data], float, str]] = {
    "chsh": (_chsh, 8**0.5, "upper"),
    "localised": (_localised, -0.75, "lower"),
    "equalities": (_equalities, 0.5, "upper"),
    "derived": (_derived, 2.0, "upper"),
    "fermions": (_fermions, -1.0, "lower"),
}


@cache
def _text(name: str) -> str:
    return json.dumps(MADE[name][0]())


def made(name: str) -> Data:
    data: Data = json.loads(_text(name))
    return data


def answers(data: Data) -> tuple[bool, bool]:
    """Whether the two checkers accept."""
    try:
        first = sb.verify(data, strict=False).holds
    except sb.CertificateError:
        first = False
    return first, recheck(data).holds


@pytest.mark.parametrize("name", MADE)
def test_as_written(name: str) -> None:
    data = made(name)
    assert data["kind"] == "operator problem" and answers(data) == (True, True)
    assert sb.verify(data).figure == "operator_value" and recheck(data).kind == "operators"
    better = made(name)
    better["claim"]["value"] -= (1 if MADE[name][2] == "upper" else -1) * 1e-15 * max(1, abs(MADE[name][1]))
    assert answers(better) == (False, False)
    with pytest.raises(sb.CertificateError, match="does not prove its claim"):
        sb.verify(better)


@pytest.mark.parametrize("name", MADE)
def test_files_of_before(name: str) -> None:
    """Files that were written once verify for ever."""
    path = Path(__file__).parent / "golden" / f"{name}.json"
    _, value, side = MADE[name]
    found, again = sb.verify(path), recheck(path)
    assert found.holds and again.holds and found.side == side
    assert abs(found.value - value) < 1e-4 and (found.value >= value) == (side == "upper")


def _set(*path: Any, value: Any) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        part: Any = data
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value

    return change


def _append(*path: Any, value: Any) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        part: Any = data
        for key in path:
            part = part[key]
        part.append(value)

    return change


FORGED: dict[str, tuple[str, Callable[[Data], None]]] = {
    "a claim that is better": ("chsh", _set("claim", "value", value=2.8)),
    "another objective": ("chsh", _set("question", "figure", "objective", 0, 0, value=2.0)),
    "the other side": ("chsh", _set("question", "side", value="lower")),
    "observables without their rules": ("chsh", _set("question", "rules", value=[])),
    "rules that rewrite 1": ("chsh", _append("question", "rules", value=[[], []])),
    "rules that contradict each other": ("chsh", _append("question", "rules", value=[[0, 0], []])),
    "rules that never end": ("localised", _append("question", "rules", value=[[1, 1], [[1.0, [1, 1, 1]]]])),
    "rules that grow fast": ("localised", _append("question", "rules", value=[[1], [[1.0, [1] * 60]]])),
    "rules that branch for ever": (
        "localised",
        _append("question", "rules", value=[[1], [[1.0, [1, 1]], [1.0, [1, 0]]]]),
    ),
    "a letter that does not exist": ("chsh", _set("proof", "squares", "words", 1, value=[9])),
    "a letter that is no number": ("chsh", _set("proof", "squares", "words", 1, value=["A0"])),
    "true as a letter": ("chsh", _set("proof", "squares", "words", 1, value=[True])),
    "an adjoint of another": ("chsh", _set("question", "letters", 0, "adjoint", value=1)),
    "a remainder that is negative": ("localised", _set("proof", "squares", "remainder", value=[[0, 0, -0.5]])),
    "a remainder that is not dominant": ("localised", _append("proof", "squares", "remainder", value=[0, 1, 100.0])),
    "a remainder beside the matrix": ("localised", _append("proof", "squares", "remainder", value=[0, 99, 0.0])),
    "an entry of it twice": ("localised", _set("proof", "squares", "remainder", value=[[0, 0, 1.0], [0, 0, 1.0]])),
    "a multiplier that needs an infinite end": ("localised", _set("proof", "multipliers", 1, value=0.5)),
    "an interval upside down": ("localised", _set("question", "moments", 0, "low", value=2)),
    "an inequality that is not there": ("localised", _set("proof", "localised", 0, "inequality", value=1)),
    "an inequality without its adjoint": ("localised", _append("question", "inequalities", value=[[1.0, [0, 1]]])),
    "a false inequality": ("localised", _append("question", "inequalities", value=[[-1.0, []]])),
    "a false equality": ("equalities", _append("question", "equalities", value=[[1.0, []]])),
    "a multiple of a tenth equality": ("equalities", _set("proof", "multiples", 0, 0, value=10)),
    "multiples left out": ("equalities", _set("proof", "multiples", value=[])),
    "a square left out": ("localised", _set("proof", "localised", value=[])),
    "a rule that does not follow": ("derived", _set("proof", "derived", 0, "right", value=[])),
    "a rule from another word": ("derived", _set("proof", "derived", 0, "word", value=[0])),
    "rules that follow left out": ("derived", _set("proof", "derived", value=[])),
    "a rule that is its own reason": ("derived", _set("proof", "derived", 0, "first", 0, value=99)),
    "an entry that is unknown": ("chsh", _set("proof", "more", value=1)),
    "not a number": ("chsh", _set("claim", "value", value="nan")),
    "a bound as a functional": ("chsh", _set("claim", "functional", value={"constant": 1.0, "multipliers": []})),
    "another kind": ("chsh", _set("kind", value="bound")),
    "a letter without a name": ("chsh", _set("question", "letters", 0, "name", value="")),
    "two letters of one name": ("chsh", _set("question", "letters", 1, "name", value="A0")),
    "a word twice": ("chsh", _append("question", "figure", "objective", value=[0.0, [0, 2]])),
    "a remainder below the diagonal": ("localised", _append("proof", "squares", "remainder", value=[1, 0, 0.0])),
}


def _from_nothing(
    value: float,
    letters: int = 0,
    rules: list[Any] | None = None,
    equalities: list[Any] | None = None,
    **proof: Any,
) -> Data:
    """CHSH at most ``value``, from Hermitian letters and conditions that no operators meet."""
    data = made("chsh")
    data["question"]["letters"] += [{"name": f"C{k}", "adjoint": 4 + k} for k in range(letters)]
    data["question"]["rules"] += rules or []
    data["question"]["equalities"] = equalities or []
    data["proof"].update(proof)
    data["claim"]["value"] = value
    return data


NO_SQUARES: Data = {"words": [], "factor": [], "remainder": []}


def _zeros(right: list[Any]) -> Data:
    """C0 C1 = 1 and C1 C0 = another number: C0 (C1 C0) = (C0 C1) C0 makes C0 = 0, and then every letter is 0."""
    first = {"left": [4], "right": [], "word": [4, 5, 4], "first": [8, 0], "second": [9, 1]}
    others = [{"left": [z], "right": [], "word": [4, 5, z], "first": [8, 0], "second": [10, 0]} for z in range(4)]
    rules = [[[4, 5], [[1.0, []]]], [[5, 4], right]]
    return _from_nothing(0.0, 2, rules, derived=[first, *others], squares=NO_SQUARES)


#: Each of these is accepted by a checker that reads the identity alone.
IMPOSSIBLE: dict[str, Callable[[], Data]] = {
    "a square that is negative": lambda: _from_nothing(
        -9e5,
        1,
        [[[4, 4], [[-1.0, []]]]],
        squares={"words": [[4]], "factor": [[1e3]], "remainder": []},
    ),
    "the opposite of an adjoint": lambda: _zeros([[-1.0, []]]),
    "twice an adjoint": lambda: _zeros([[2.0, []]]),
    "a commutator of numbers": lambda: _from_nothing(
        -2.0, 2, equalities=[[[1.0, [4, 5]], [-1.0, [5, 4]], [-1.0, []]]], multiples=[[0, [], [], 5.0]]
    ),
    "equalities that add up to a number": lambda: _from_nothing(
        1.0,
        1,
        equalities=[[[1.0, [4]]], [[1.0, [4]], [-1.0, []]]],
        multiples=[[0, [], [], -3.0], [1, [], [], 3.0]],
    ),
    "a word larger than its norm": lambda: _not_itself(),
    "a bound below all means": lambda: _between_two_stools(16.0, -13.1),
}
#: What each checker says of them.
SAID = {
    "a square that is negative": ("square of letter 4 would be negative", "square of C0 negative"),
    "a word larger than its norm": ("whose norm is smaller", "larger than its norm"),
    "a bound below all means": ("beyond all means", "beyond all means"),
}


def _not_itself() -> Data:
    """C* C = - C C* makes C = 0, and C C = 1: no words contradict each other, only sizes do."""
    data = made("chsh")
    data["question"]["letters"] += [{"name": "C", "adjoint": 5}, {"name": "C*", "adjoint": 4}]
    data["question"]["rules"] += [[[5, 4], [[-1.0, [4, 5]]]], [[4, 4], [[1.0, []]]]]
    return data


def _between_two_stools(weight: float, value: float) -> Data:
    """C is at least 1 and at most 0: from a multiple of both, CHSH is as small as one likes."""
    data = _from_nothing(value, 1)
    data["question"]["inequalities"] = [[[1.0, [4]], [-1.0, []]], [[-1.0, [4]]]]
    # powers of two have exact roots
    part = {"words": [[]], "factor": [[weight**0.5]], "remainder": []}
    data["proof"]["localised"] = [{"inequality": k, **part} for k in (0, 1)]
    return data


def test_a_contradiction_that_is_not_seen() -> None:
    """A page says so: what a question assumes is to be read. From the same assumptions follows what is not possible."""
    assert answers(_between_two_stools(4.0, -1.17)) == (True, True)
    assert answers(_between_two_stools(16.0, -13.1)) == (False, False)


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be(name: str) -> None:
    first, second = SAID.get(name, ("contradict each other", "contradict each other"))
    with pytest.raises(sb.CertificateError, match=first):
        sb.verify(IMPOSSIBLE[name]())
    assert second in recheck(IMPOSSIBLE[name]()).reason


def test_conditions_that_cannot_be_met_are_a_claim() -> None:
    """About the objective 0, a negative square is what is to be shown: 0 is at most a negative number."""
    data = IMPOSSIBLE["a square that is negative"]()
    data["question"]["figure"]["objective"] = []
    data["proof"]["multipliers"], data["claim"]["value"] = [], -9e5
    assert answers(data) == (True, True)


def test_norms_that_follow() -> None:
    """The imaginary unit has no rule for i* i; its normal form is 1."""
    i = Operator.imaginary()
    x, y = Operator.observables("x y")
    data = Problem([i, x, y]).maximize(i * x * y, 1).certificate.data
    data["proof"]["squares"], data["claim"]["value"] = NO_SQUARES, 1.0
    assert answers(data) == (True, True)
    (a,) = Operator.general("a")
    data = Problem([a], rules=[(a.adjoint * a, 2)]).maximize(a, 1).certificate.data
    data["proof"]["squares"], data["claim"]["value"] = NO_SQUARES, 2**0.5 + 1e-15
    assert answers(data) == (True, True)
    data["claim"]["value"] = 1.4142
    assert answers(data) == (False, False)


@pytest.mark.parametrize("name", FORGED)
def test_forged(name: str) -> None:
    origin, change = FORGED[name]
    data = made(origin)
    change(data)
    assert answers(data) == (False, False)


@pytest.mark.parametrize(
    "change",
    [
        _set("proof", "squares", "words", value=[[0, 2] * 32] * 2000),
        _set("question", "rules", value=[[[0, 1], [[1.0, [1, 0]], [1.0, [1]]]], [[1, 0], [[1.0, [0, 1]], [1.0, [0]]]]]),
        _set(
            "question", "rules", value=[[[k % 4], [[1.0, [(k + 1) % 4] * 64], [2.0, [k % 4] * 63]]] for k in range(4)]
        ),
        _set("question", "figure", "objective", value=[[1.0, [0, 1] * 40]]),
        _set("question", "letters", value=[{"name": "x", "adjoint": k} for k in range(5000)]),
        _set(  # each step makes thousands of words
            "question",
            "rules",
            value=[[[0], [[1.0, [0, *(1 + k // 2**j % 2 for j in range(12)), 0]] for k in range(2**12)]]],
        ),
        _set(  # numbers whose digits double the work again and again
            "question",
            "rules",
            value=[[[0], [["1/" + "9" * 300, [1]]]], [[1], [["3/" + "7" * 300, [0]]]]],
        ),
        _set("question", "rules", value=[[[1], [[-1.0, [0]], [1e-9, [1]]]], [[0, 0], [[-1.0, []]]]]),
    ],
)
def test_files_that_would_take_long(change: Callable[[Data], None]) -> None:
    data = made("chsh")
    change(data)
    begun = time.process_time()
    assert answers(data) == (False, False)
    assert time.process_time() - begun < 20.0


def test_weaker_proofs_hold_what_they_prove() -> None:
    """A proof with other numbers proves another number; a rule that is not needed makes no difference."""
    data = made("chsh")
    data["proof"]["squares"]["factor"][1][1] *= 1.01
    weaker = sb.verify(data, strict=False)
    assert not weaker.holds and weaker.value > 8**0.5
    data["claim"]["value"] = weaker.value
    assert answers(data) == (True, True)


def _leaves(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(part, dict):
        return [leaf for key, value in part.items() for leaf in _leaves(value, (*path, key))]
    if isinstance(part, list):
        return [path, *(leaf for i, value in enumerate(part) for leaf in _leaves(value, (*path, i)))]
    return [path]


def _changed(data: Data, rng: random.Random) -> None:
    """One random change of the proof."""
    path = rng.choice(_leaves(data["proof"], ("proof",)))
    part: Any = data
    for key in path[:-1]:
        part = part[key]
    old = part[path[-1]]
    if isinstance(old, list):
        if old and rng.random() < 0.5:
            old.pop(rng.randrange(len(old)))
        elif old:
            old.insert(rng.randrange(len(old)), copy.deepcopy(rng.choice(old)))
    elif isinstance(old, int):
        part[path[-1]] = old + rng.choice((-1, 1, 2))
    elif isinstance(old, float):
        part[path[-1]] = rng.choice((-old, 0.0, old * rng.uniform(0.5, 2), old + rng.gauss(0, 1e-6), 1e9 * old))
    else:
        part[path[-1]] = rng.choice(("0", "1", "-1/3", 1e-30))


@pytest.mark.parametrize("name", MADE)
def test_random_changes(name: str) -> None:
    """Whatever a proof says, what follows from it is true; and the checkers agree."""
    _, value, side = MADE[name]
    said: Counter[str] = Counter()
    for seed in range(80):
        data, rng = made(name), random.Random(seed)
        for _ in range(rng.choice((1, 1, 2, 3))):
            _changed(data, rng)
        try:
            found = sb.verify(data, strict=False)
        except sb.CertificateError:
            assert recheck(data).proven is None
            said["refused"] += 1
            continue
        again = recheck(data)
        assert again.holds == found.holds and again.proven is not None
        assert abs(float(again.proven) - found.value) <= 1e-12 * max(1.0, abs(found.value))
        assert found.value >= value - 1e-12 if side == "upper" else found.value <= value + 1e-12
        said["holds" if found.holds else "weaker"] += 1
    assert said["refused"] >= 5 and said["weaker"] + said["holds"] >= 2, said
