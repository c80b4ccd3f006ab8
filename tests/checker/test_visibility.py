"""Explicit visibilities: what the checker accepts is written down exactly, and everything else is refused."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from tests.oracle import contradiction

BOX = sb.Behaviour.from_correlators(np.array([[1.0, 1.0], [1.0, -1.0]]))
CHSH = [[1, 0, 0], [0, 1, 1], [0, 1, -1]]
#: Sixteen deterministic strategies; eight of them have a CHSH value of 2.
POINTS = [[[a, b], [c, d]] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)]
Data = dict[str, Any]


def by_hand() -> Data:
    """Half of a box that reaches 4 with white noise: the eight strategies of CHSH value 2, in equal parts."""
    signs = [[(1 - 2 * x) for x in party] for party in (range(2), range(2))]
    assert signs == [[1, -1], [1, -1]]
    kept = [p for p in POINTS if _chsh(p) == 2]
    assert len(kept) == 8
    return {
        "format": "sdpbound certificate",
        "version": 1,
        "created_by": "by hand",
        "kind": "explicit visibility",
        "question": {
            "scenario": {"outcomes": [[2, 2], [2, 2]]},
            "figure": {"kind": "visibility", "noise": "white"},
            "side": "lower",
            "moments": CHSH,
            "tolerance": 0,
            "given": None,
            "model": {"kind": "local"},
        },
        "proof": {"visibility": {"points": kept, "strategies": [], "weights": ["1/8"] * 8, "noise": None}},
        "claim": {"value": 0.5},
    }


def _chsh(point: list[list[int]]) -> int:
    a, b = ([1 - 2 * o for o in party] for party in point)
    return a[0] * b[0] + a[0] * b[1] + a[1] * b[0] - a[1] * b[1]


def quantum(noise: str = "white") -> Data:
    mixture = sb.robustness(BOX, sb.Quantum("1+AB"), noise).mixture  # type: ignore[arg-type]
    assert mixture is not None
    return copy.deepcopy(mixture.certificate.data)


def test_a_mixture_by_hand_is_exact() -> None:
    data = by_hand()
    found = sb.verify(data)
    assert (found.value, found.side, found.figure, found.model) == (0.5, "lower", "visibility", "local")
    assert found.functional is None and contradiction(data) is None
    data["claim"]["value"] = "1/2"
    assert sb.verify(data).value == 0.5
    data["claim"]["value"] = "5000000001/10000000000"
    assert not sb.verify(data, strict=False).holds
    assert contradiction(data | {"claim": {"value": 0.6}}) is not None
    with pytest.raises(sb.CertificateError, match="misses the moment"):
        sb.verify(data)


def test_a_general_noise_needs_probabilities_alone() -> None:
    """Three quarters of the box are in the same mixture, which has a quarter of the other outcomes besides."""
    data = by_hand()
    data["question"]["figure"]["noise"] = "general"
    data["claim"]["value"] = 0.75
    assert sb.verify(data).holds and contradiction(data) is None
    data["claim"]["value"] = math.nextafter(0.75, 1.0)
    with pytest.raises(sb.CertificateError, match="too small a probability"):
        sb.verify(data)
    assert contradiction(data | {"claim": {"value": 0.76}}) is not None


def test_local_noise_is_of_the_points() -> None:
    """Two thirds of the box and a third of strategies of CHSH value -2: in all a value of 2."""
    data = by_hand()
    others = [p for p in POINTS if _chsh(p) == -2]
    proof = data["proof"]["visibility"]
    data["question"]["figure"]["noise"] = "local"
    proof["points"] = proof["points"] + others
    proof["weights"] = [1] * 8 + [0] * 8
    proof["noise"] = [0] * 8 + [1] * 8
    data["claim"]["value"] = "2/3"
    found = sb.verify(data)
    assert (found.holds and found.value == math.nextafter(2 / 3, 0.0)) or found.value == 2 / 3
    assert contradiction(data) is None
    proof["noise"] = [1] * 8 + [0] * 8
    assert not sb.verify(data, strict=False).holds


def test_given_noise_is_as_it_stands() -> None:
    data = by_hand()
    data["question"]["figure"]["noise"] = "given"
    data["question"]["given"] = [[1, 0, 0], [0, -0.5, -0.5], [0, -0.5, 0.5]]
    data["claim"]["value"] = "2/3"  # 2/3 - 1/6 = 1/2
    assert sb.verify(data).holds and contradiction(data) is None


def test_the_tolerance_is_of_each_moment() -> None:
    data = by_hand()
    data["question"]["moments"] = [[1, 1e-13, 0], [0, 1, 1], [0, 1, -1]]
    assert not sb.verify(data, strict=False).holds
    data["question"]["tolerance"] = 1e-13
    assert sb.verify(data).holds
    data["question"]["tolerance"] = math.nextafter(1e-13, 0.0)
    assert not sb.verify(data, strict=False).holds


def test_quantum_strategies_are_valid_whatever_their_numbers_are() -> None:
    for noise in ("white", "local", "general"):
        data = quantum(noise)
        assert sb.verify(data).holds and contradiction(data) is None
        stronger = copy.deepcopy(data)
        stronger["claim"]["value"] = data["claim"]["value"] + 1e-9
        assert not sb.verify(stronger, strict=False).holds
        stronger["claim"]["value"] = data["claim"]["value"] + 1e-2
        assert contradiction(stronger) is not None
    larger = quantum()
    state = larger["proof"]["visibility"]["strategies"][0]["state"]
    for part in ("real", "imaginary"):
        if state[part] is not None:
            state[part] = [[3.0 * v for v in row] for row in state[part]]
    assert sb.verify(larger).holds  # states are normalised
    turned = quantum()
    turned["proof"]["visibility"]["strategies"][0]["measurements"][0].reverse()
    assert not sb.verify(turned, strict=False).holds


def changed(*path: Any, to: Any) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place = data
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


PROOF = ("proof", "visibility")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("claim", "value", to=0), "above 0 and at most 1"),
        (changed("claim", "value", to=1.5), "above 0 and at most 1"),
        (changed("claim", "value", to=-0.1), "above 0 and at most 1"),
        (changed("claim", "more", to=1), "unknown entry"),
        (changed("question", "side", to="upper"), "must be 'lower'"),
        (changed("question", "model", to={"kind": "no-signaling"}), "must be one of local, quantum"),
        (changed("question", "model", to={"kind": "quantum", "level": "2"}), "unknown entry"),
        (changed("question", "figure", "noise", to="pink"), "must be one of white, local, general, given"),
        (changed("question", "figure", "noise", to=["white"]), "must be one of white, local, general, given"),
        (changed("question", "figure", "noise", to="given"), "a list is expected"),
        (changed("question", "given", to=CHSH), "must be null"),
        (changed("question", "tolerance", to=-1e-12), "from 0 to 1e-6"),
        (changed("question", "tolerance", to=1e-5), "from 0 to 1e-6"),
        (changed("question", "moments", to=[[0.5, 0, 0], [0, 1, 1], [0, 1, -1]]), "first entry other than 1"),
        (changed("question", "moments", to=[[1, 0, 0], [0, 3, 1], [0, 1, -1]]), "an entry beyond 2"),
        (changed("question", "moments", to=[[1, 0], [0, 1]]), "3 are needed"),
        (changed("question", "scenario", to={"outcomes": [[2, 2]]}), "a number or a string"),
        (changed("question", "scenario", to={"outcomes": [[2] * 3] * 7}), "7 parties"),
        (changed(*PROOF, "weights", to=["1/8"] * 7), "8 are needed"),
        (changed(*PROOF, "weights", to=[-1] + [1] * 7), "negative weight"),
        (changed(*PROOF, "weights", to=[0] * 8), "none above zero"),
        (changed(*PROOF, "weights", to=[2] + [1] * 7), "misses the moment"),
        (changed(*PROOF, "noise", to=[1] * 8), "must be null"),
        (changed(*PROOF, "points", to=[]), "0 are needed"),
        (changed(*PROOF, "points", 0, to=[[0, 2], [0, 0]]), "an integer from 0 to 1"),
        (changed(*PROOF, "points", 0, to=[[0, 0], [0]]), "2 are needed"),
        (changed(*PROOF, "points", 0, to=[[0, True], [0, 0]]), "an integer from 0 to 1"),
        (changed(*PROOF, "points", 0, to=[[1, 1], [0, 0]]), "misses the moment"),
        (changed(*PROOF, "strategies", to=[{}]), "must be empty for the local set"),
        (changed(*PROOF, "more", to=None), "unknown entry"),
        (changed(*PROOF, to=[]), "an object is expected"),
        (changed("kind", to="attack"), "kind is 'attack'"),
    ],
)
def test_other_files_are_refused(change: Callable[[Data], None], said: str) -> None:
    data = by_hand()
    change(data)
    with pytest.raises(sb.CertificateError, match=said):
        sb.verify(data)


def test_too_much_work_is_counted_before_it_is_done() -> None:
    data = by_hand()
    proof = data["proof"]["visibility"]
    proof["points"], proof["weights"] = [POINTS[0]] * 20_000, [1] * 20_000
    with pytest.raises(sb.CertificateError, match="20000 entries"):
        sb.verify(data)
    data = quantum()
    proof = data["proof"]["visibility"]
    one = {"real": [[1.0] * 64] * 64, "imaginary": None}
    large = {"dimensions": [8, 8], "state": one}
    effects = {"real": [[1.0] * 8] * 64, "imaginary": None}
    large["measurements"] = [[[effects, effects]] * 2] * 2
    proof["strategies"], proof["weights"] = [large] * 300, [1] * 300
    with pytest.raises(sb.CertificateError, match="more than"):
        sb.verify(data)
