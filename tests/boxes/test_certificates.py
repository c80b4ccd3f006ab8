"""Certificates of boxes: what they prove, what is refused, and that compressed ones say what they stand for."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import sdpbound as sb
from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes
from sdpbound.boxes.guessing import GuessingProgram, guessing_program
from sdpbound.checker.boxes import prove
from sdpbound.cli import app

F = Fraction
PAIR = [[0.72, 0.13], [0.1, 0.05]]  # of error patterns
BITS = [[1, 0], [1, 1]]


def biased() -> JointBoxes:
    """Two biased, correlated boxes."""
    deterministic = np.zeros((2, 2, 2, 2))
    deterministic[0, 0, :, 0] = deterministic[0, 1, :, 1] = 1.0
    return JointBoxes.mixture([0.7, 0.2, 0.1], [[0.03, 0.1], [deterministic, 0.2], [0.0, deterministic]])


CASES: dict[str, Callable[[], GuessingProgram]] = {
    "joint": lambda: guessing_program(biased(), [(1, 0), (0, 1)]),
    "table": lambda: guessing_program([0.1, 0.2], function=lambda a, b: a & b),
    "one box of three settings": lambda: guessing_program([np.full((2, 2, 3, 2), 0.25)]),
    "depolarised": lambda: guessing_program(DepolarisedBoxes.distribution(PAIR)),
    "depolarised, two bits": lambda: guessing_program(DepolarisedBoxes.distribution(PAIR), function=BITS),
    "one of two": lambda: guessing_program(DepolarisedBoxes.distribution(PAIR), function=1),
    "exchangeable": lambda: guessing_program(ExchangeableBoxes.independent(4, F(1, 8)), [(1, 1)] * 4),
}


def certificates(case: str) -> Iterator[tuple[dict[str, Any], Fraction]]:
    """The certificates of a program, and what Eve can do for sure."""
    found = CASES[case]()
    for certificate in [found.certificate, found.distance_certificate][: 1 + (found.function.values > 2)]:
        yield certificate.data, attained(certificate.data["question"])


@pytest.mark.parametrize("case", CASES)
def test_what_is_proven(case: str, tmp_path: Path) -> None:
    for data, reached in certificates(case):
        path = tmp_path / "certificate.json"
        path.write_text(json.dumps(data), encoding="utf-8")
        found = sb.verify(path)
        assert found.holds and found.side == "upper" and found.model == "no-signaling" and found.functional is None
        assert found.value == found.claimed >= prove(data) >= reached
        shown = CliRunner().invoke(app, ["verify", str(path)])
        assert shown.exit_code == 0 and "holds" in shown.output


def test_a_claim_too_small_is_refused(tmp_path: Path) -> None:
    found = guessing_program([0.1, 0.2])
    data = copy.deepcopy(found.certificate.data)
    data["claim"]["value"] = 0.6599999
    with pytest.raises(sb.CertificateError, match="does not prove its claim"):
        sb.verify(data)
    assert not sb.verify(data, strict=False).holds
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    assert CliRunner().invoke(app, ["verify", str(path)]).exit_code == 2
    assert repr(found.certificate) == "Certificate(guessing_probability, upper bound 0.66)"
    assert found.certificate.to_json(tmp_path / "other.json") and sb.verify(tmp_path / "other.json").holds
    assert found.certificate.value == F(33, 50) and found.certificate.verify().holds


# -- mutations --------------------------------------------------------------------------------------------------------


def leaves(entry: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all entries that hold no others."""
    if isinstance(entry, dict | list):
        for key, value in entry.items() if isinstance(entry, dict) else enumerate(entry):
            yield from leaves(value, (*path, key))
    else:
        yield path


def changed(data: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any], Any]) -> dict[str, Any]:
    copied = json.loads(json.dumps(data))
    at = copied
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = change(at[path[-1]])
    return copied


def attained(question: dict[str, Any]) -> Fraction:
    """What Eve reaches for sure in a question, solved afresh."""
    given, function = question["boxes"], question["function"]
    n = len(question["inputs"])
    if given["kind"] == "joint":
        settings = tuple(map(tuple, given["settings"]))
        shape = [1 + k for pair in settings for k in pair]
        coordinates = np.array(given["coordinates"], dtype=object).reshape(shape)
        boxes: Any = JointBoxes(settings, coordinates, given["denominator"])
    elif given["kind"] == "depolarised":
        boxes = DepolarisedBoxes(np.array(given["patterns"], dtype=object).reshape((2,) * n), given["denominator"])
    else:
        boxes = ExchangeableBoxes(n, tuple(F(e, given["denominator"]) for e in given["errors"]))
    f = function.get("matrix") or (lambda *x: np.array(function["values"]).reshape((2,) * n)[x])
    found = guessing_program(boxes, question["inputs"], f)
    if question["figure"]["kind"] == "guessing_probability":
        return found.partition.value
    # with one measurement for all values of the key; the definition allows more
    return found.partition.distance if found.function.values == 2 or given["kind"] == "joint" else F(0)


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("joint", "table"))) for name in CASES]
)
def test_every_changed_number_is_found_or_leaves_a_true_statement(case: str) -> None:
    """A dual is a proof for every marginal: another marginal of smaller figure may pass."""
    changes: list[Callable[[Any], Any]] = [lambda v: v + 1, lambda v: v - 1, lambda v: 2 * v + 1, lambda v: -v - 1]
    for data, _ in certificates(case):
        for path in leaves(data):
            if path[-1] in ("kind", "side", "format", "created_by"):
                continue
            for change in changes:
                mutated = changed(data, path, change)
                try:
                    found = sb.verify(mutated)
                except sb.CertificateError:
                    continue
                assert path[0] == "question" or path == ("claim", "value"), path
                assert found.value >= attained(mutated["question"]), path


@pytest.mark.parametrize("case", ["joint", "depolarised, two bits", "exchangeable"])
def test_junk_is_refused_in_one_sentence(case: str) -> None:
    junk = [None, True, 0.5, float("nan"), "1", "x" * 999, [], {}, [1], -1, 2**9000]
    for data, _ in certificates(case):
        for path in leaves(data):
            if path == ("created_by",) or path[:2] == ("question", "inputs"):
                continue
            for value in junk:
                number = value in ("1", -1, 2**9000) and value is not True
                if number and path[0] != "question":
                    continue  # another row, or another claim
                with pytest.raises(sb.CertificateError) as caught:
                    sb.verify(changed(data, path, lambda _, value=value: value))
                assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
        for path in [("proof", "weights"), ("question", "boxes"), ("question", "function"), ("question",), ("proof",)]:
            for value in [*junk, [[[10**9, 1]]], {"kind": "joint"}, {"kind": "linear", "matrix": []}]:
                with pytest.raises(sb.CertificateError):
                    sb.verify(changed(data, path, lambda _, value=value: value))


def test_large_and_senseless_questions_are_refused() -> None:
    data = guessing_program([0.1, 0.2]).certificate.data
    depolarised = CASES["depolarised"]().certificate.data
    two_bits = CASES["depolarised, two bits"]().certificate.data
    number = CASES["exchangeable"]().certificate.data
    boxes = ("question", "boxes")
    for base, path, value, words in [
        (data, (*boxes, "settings"), [[2, 2]] * 13, "1 to 12"),
        (data, (*boxes, "settings"), [[64, 64]] * 2, "at most 65536"),
        (data, (*boxes, "settings"), [[1, 9000]] * 2, "from 1 to"),
        (data, (*boxes, "coordinates", 5), -(10**6), "no behaviour"),
        (data, ("question", "function"), {"kind": "table", "values": [0, 0, 2, 2]}, "without gaps"),
        (data, ("question", "function"), {"kind": "linear", "matrix": [[1, 1], [1, 1]]}, "independent"),
        (data, ("question", "function"), {"kind": "linear", "matrix": [[1, 1]] * 7}, "at most 6"),
        (data, ("question", "model"), {"kind": "quantum"}, "no-signaling"),
        (data, ("question", "side"), "lower", "upper"),
        (data, ("question", "figure"), {"kind": "bell_value"}, "must be one of"),
        (data, ("format",), "sdpbound cube", "must be one of"),
        (depolarised, (*boxes, "patterns", 0), 10**9, "no distribution"),
        (depolarised, ("question", "function", "matrix"), [[1] * 12] * 6, "independent|entries|too many"),
        (two_bits, ("question", "function"), {"kind": "table", "values": [0, 1, 1, 0]}, "unknown entry|no entry"),
        (number, ("question", "function", "matrix"), [[1, 1, 1, 0]], "XOR of all"),
        (number, ("question", "figure"), {"kind": "distance_from_uniform"}, "XOR of all"),
        (number, ("proof", "weights", 1, 0, 0), [4, 4, 0, 0], "add up to 4"),
    ]:
        with pytest.raises(sb.CertificateError, match=words):
            sb.verify(changed(base, path, lambda _, value=value: value))


# -- what the compressed kinds stand for ------------------------------------------------------------------------------


def written_out(data: dict[str, Any]) -> dict[str, Any]:
    """A certificate of depolarised or exchangeable boxes as one on all joint probabilities, kind "joint"."""
    question, proof = data["question"], data["proof"]
    matrix = np.array(question["function"]["matrix"])
    n, k = matrix.shape[1], 2 ** len(matrix)
    used = matrix.any(axis=0)
    shape = tuple(4 if u else 2 for u in used)
    settings = [u for u, _ in question["inputs"]]
    compressed = []
    for part in proof["weights"]:
        table: dict[tuple[int, ...], Fraction] = {}
        for row, weight in part:
            if question["boxes"]["kind"] == "exchangeable":
                all_types = [t for t in itertools.product(range(4), repeat=n) if [t.count(i) for i in range(4)] == row]
                table |= {t: Fraction(weight, len(all_types)) for t in all_types}
            else:
                table[tuple(map(int, np.unravel_index(row, shape)))] = Fraction(weight)
        compressed.append(table)
    lists: list[list[Any]] = [[] for _ in compressed]
    scale = int(np.prod([4 if u else 8 for u in used]))
    for number, entry in enumerate(itertools.product(range(4), repeat=2 * n)):
        types, signs = [], []
        for i, (a, b) in enumerate(zip(entry[::2], entry[1::2], strict=True)):
            (u, x), (v, y) = divmod(a, 2), divmod(b, 2)
            e = x ^ y ^ (u & v)
            same = u == settings[i]
            types.append(e if same or not used[i] else 2 + e)
            signs.append((x if same else y ^ (settings[i] & v)) if used[i] else 0)
        shift = sum(int(bit) << i for i, bit in enumerate(matrix @ signs % 2))
        for place in range(len(lists)):
            weight = compressed[place // k * k + (place % k ^ shift)].get(tuple(types))
            if weight:
                lists[place].append((number, weight / scale / proof["denominator"]))
    if len(lists) > k:  # the distance: p and P - p of every s in turn
        lists = [part for s in range(k) for part in (lists[s], lists[k + s])]
    denominator = lcm(*(w.denominator for part in lists for _, w in part))
    patterns = question["boxes"].get("patterns")
    boxes = (
        DepolarisedBoxes(np.array(patterns, dtype=object).reshape((2,) * n), question["boxes"]["denominator"])
        if patterns
        else ExchangeableBoxes(n, tuple(F(e, question["boxes"]["denominator"]) for e in question["boxes"]["errors"]))
    ).joint()
    return data | {
        "question": question
        | {
            "boxes": {
                "kind": "joint",
                "settings": [[2, 2]] * n,
                "coordinates": boxes.coordinates.ravel().tolist(),
                "denominator": boxes.denominator,
            }
        },
        "proof": {
            "weights": [[[row, int(w * denominator)] for row, w in part] for part in lists],
            "denominator": denominator,
        },
    }


@pytest.mark.parametrize(
    "boxes, inputs, function",
    [
        ([0.1], [(0, 0)], "xor"),
        (PAIR, [(0, 0), (1, 0)], "xor"),
        (PAIR, [(1, 1), (0, 0)], 0),
        (PAIR, [(0, 1), (1, 0)], BITS),
        ([0.15, 0.2, 0.05], [(1, 0), (0, 0), (1, 1)], [[1, 1, 0]]),
        ([0.15, 0.2, 0.05], [(0, 0), (0, 0), (1, 0)], [[1, 1, 0], [0, 1, 1]]),
        ([0.02, 0.1, 0.12], [(0, 0)] * 3, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_compressed_certificates_are_certificates_on_all_probabilities(boxes: Any, inputs: Any, function: Any) -> None:
    marginal = DepolarisedBoxes.distribution(boxes) if isinstance(boxes[0], list) else DepolarisedBoxes.product(boxes)
    found = guessing_program(marginal, inputs, function)
    assert prove(written_out(found.certificate.data)) == found.certificate.value
    if found.function.values > 2:
        assert prove(written_out(found.distance_certificate.data)) == found.exact_distance


def test_numbers_of_types_are_certificates_on_all_probabilities() -> None:
    for n in (2, 3):
        found = guessing_program(ExchangeableBoxes.independent(n, F(1, 10)), [(1, 0)] * n)
        assert prove(written_out(found.certificate.data)) == found.certificate.value == F(1, 2) + F(4, 10) ** n / 2
