"""A no-signaling adversary against n boxes: reference values, bad input, exact arithmetic."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.boxes import exact, rational, xor_attack
from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes, as_boxes, isotropic_box
from sdpbound.boxes.guessing import guessing_program
from sdpbound.boxes.partition import single_box_partition
from sdpbound.boxes.tensor_dual import tensor_dual
from tests.box_samples import F, deterministic, random_box, random_joint

# -- reference values ---------------------------------------------------------------------------------------------


def reference() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "reference" / "boxes.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", [k for k in reference() if k.startswith("D1.lp5")])
def test_reference_one_box(key: str) -> None:
    entry = reference()[key]
    if "eps" in entry["params"] and "P_uvxy" not in entry["params"]:
        assert guessing_program([entry["params"]["eps"]]).optimum == pytest.approx(entry["value"], abs=entry["tol"])
        return
    p = np.array(entry["params"]["P_uvxy"]).transpose(2, 3, 0, 1)
    values = [guessing_program([p], [(u, v)]).optimum for u in (0, 1) for v in (0, 1)]
    assert values == pytest.approx(entry["value"], abs=entry["tol"])


@pytest.mark.parametrize("key", [k for k in reference() if k.startswith(("D2.n2_prod", "D2.n3_prod"))])
def test_reference_products(key: str) -> None:
    entry = reference()[key]
    found = guessing_program(entry["params"]["eps"], entry["params"].get("inputs"))
    assert found.optimum == pytest.approx(entry["value"], abs=entry["tol"])
    assert found.certificate.value == found.certificate.value


@pytest.mark.parametrize("key", [k for k in reference() if k.startswith("D2.n2_mix")])
def test_reference_mixtures(key: str) -> None:
    entry = reference()[key]
    w = F(str(entry["params"]["w"]))
    eps = [entry["params"]["eps_1"], entry["params"]["eps_2"]]
    for weights in ([w, 1 - w],):
        found = guessing_program(JointBoxes.mixture(weights, eps))
        assert found.optimum == pytest.approx(entry["value"], abs=entry["tol"])
        dual = tensor_dual([guessing_program([0.1])] * 2)
        assert float(dual.mixture(weights, eps)) == pytest.approx(entry["value"], abs=entry["tol"])


@pytest.mark.parametrize("key", [k for k in reference() if k.startswith("D2.n2_arbitrary")])
def test_reference_arbitrary_boxes(key: str) -> None:
    entry = reference()[key]
    t = np.array(entry["params"]["P"]).reshape(2, 2, 2, 2, 2, 2, 2, 2)  # u1 x1 v1 y1 u2 x2 v2 y2
    p = t.transpose(1, 3, 5, 7, 0, 2, 4, 6)
    found = guessing_program(sb.Behaviour(p), entry["params"]["inputs"])
    assert found.optimum == pytest.approx(entry["value"][0], abs=entry["tol"])
    assert isinstance(found.boxes, JointBoxes)
    assert float(found.boxes.all_errors) == pytest.approx(entry["value"][1], abs=entry["tol"])
    depolarised = guessing_program(found.boxes.depolarised())  # Lemma 14
    assert depolarised.certificate.value >= found.partition.value
    assert tensor_dual([guessing_program([0.1])] * 2).bound(found.boxes) == found.boxes.all_errors


@pytest.mark.parametrize("key", [k for k in reference() if k.startswith(("D4.cor4_pt", "D4.lemma25", "D4.fraction"))])
def test_reference_joint_attack(key: str) -> None:
    entry, p = reference()[key], reference()[key]["params"]
    if key.startswith("D4.fraction"):
        value = xor_attack.known_fraction(p["eps"])
    elif key.startswith("D4.lemma25_eps"):
        value = xor_attack.certain_bit_threshold(p["n"])
    else:
        value = xor_attack.known_bit_probability(p.get("n", 2), p["eps"])
    assert float(value) == pytest.approx(entry["value"], abs=entry["tol"])
    if "individual" in p:
        assert float(xor_attack.individual_known_bit_probability(2, p["eps"])) == pytest.approx(
            p["individual"], abs=1e-12
        )


def test_reference_single_values() -> None:
    entries = reference()
    for key in ("D4.bias_sec14_pt0", "D4.bias_sec14_pt2"):
        found = guessing_program([entries[key]["params"]["eps"]])
        assert found.guessing_probability == pytest.approx(entries[key]["value"], abs=entries[key]["tol"])
    eps, n = F(12, 100), 3
    assert float((4 * eps) ** 2 + 8 * eps * (1 - 4 * eps / 3)) == entries["D4.cor4_printed_at_0p12"]["value"]
    assert xor_attack.joint_attack(2, eps).value < 1  # what is printed is above 1
    eps = F(3, 28) + F(1, 100)
    r = 4 * eps / 3
    weight = 1 - 3 * r**2 * (1 - r) - r**3 - n * 4 * eps * (1 - r) ** 2  # of the member of PR boxes in Lemma 24
    assert float(weight) == pytest.approx(entries["D4.lemma24_negative_above_threshold"]["value"], abs=1e-12)
    assert xor_attack.joint_attack(n, eps).check() == 1  # a partition all the same
    # deviations of the partitions from the marginals, here exactly zero, or check() raises
    for key in ("D1.eq14_partition_maxdev", "D4.L_quarter_dev", "D4.lemma23_full_box_dev", "D4.lemma24_maxdev"):
        assert entries[key]["value"] <= entries[key]["tol"]
    single_box_partition(random_box(np.random.default_rng(1), 0.3)).check()
    xor_attack.local_box_partition(F(1, 4)).check()
    for size in range(1, 5):
        xor_attack.joint_attack(size, F(11, 100) * F(2, size + 1)).explicit().check()


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: guessing_program([np.full((2, 2, 2), 0.25)]), sb.InvalidShape, "axes"),
        (lambda: guessing_program([deterministic((0, 0), (0, 0)) * 0.5]), sb.InvalidBehaviour, "add up"),
        (lambda: guessing_program([0.1, 1.2]), sb.InvalidParameter, "from 0 to 1"),
        (lambda: guessing_program(0.1), sb.InvalidShape, "list"),
        (lambda: guessing_program([]), sb.InvalidShape, "at least one"),
        (lambda: guessing_program([0.1], [(0, 2)]), sb.InvalidSettings, "settings"),
        (lambda: guessing_program([0.1], [(0, 0), (0, 0)]), sb.InvalidShape, "fit"),
        (lambda: guessing_program([0.1, 0.1], function="and"), sb.InvalidParameter, "unknown"),
        (lambda: guessing_program([0.1, 0.1], function=2), sb.InvalidParameter, "does not exist"),
        (lambda: guessing_program([0.1, 0.1], function=[[1, 1], [1, 1]]), sb.InvalidParameter, "independent"),
        (lambda: guessing_program([0.1, 0.1], function=[1, 1, 1]), sb.InvalidShape, "shape"),
        (lambda: guessing_program([random_box(np.random.default_rng(0))] * 4), sb.TooLarge, "depolarise"),
        (lambda: guessing_program([random_box(np.random.default_rng(0))] * 5), sb.TooLarge, "tensor_dual"),
        (lambda: guessing_program([0.1] * 50), sb.TooLarge, "tensor_dual"),
        (lambda: guessing_program([0.1 + 0.01 * k for k in range(12)]), sb.TooLarge, "tensor_dual"),
        (lambda: guessing_program([F(1, 3**2600)] * 2), sb.InvalidParameter, "simpler"),
        (lambda: guessing_program([0.1], time_limit=0), sb.InvalidParameter, "positive number of seconds"),
        (lambda: guessing_program([0.1, 0.1], function=lambda a: a), sb.InvalidParameter, "cannot be called"),
        (lambda: guessing_program([0.1] * 4, function=lambda a, b, c, d: a), sb.InvalidParameter, "at most 3"),
        (lambda: guessing_program([0.1], function=lambda a: 0), sb.InvalidParameter, "without gaps"),
        (lambda: guessing_program([0.1]).partition.member(5), sb.InvalidParameter, "member"),
        (lambda: ExchangeableBoxes.independent(0, 0.1), sb.InvalidParameter, "number of boxes"),
        (lambda: ExchangeableBoxes.independent(10, 0.1).depolarised(), sb.TooLarge, "error patterns"),
        (lambda: isotropic_box(0.1).probability([(0, 2)], [(0, 0)]), sb.InvalidParameter, "outcome"),
        (lambda: isotropic_box(0.1).box(1), sb.InvalidParameter, "does not exist"),
        (lambda: tensor_dual(guessing_program([0.1])), sb.InvalidShape, "list"),
        (lambda: tensor_dual([guessing_program([0.1] * 4)]), sb.InvalidParameter, "solved directly"),
        (lambda: JointBoxes.mixture(1, [[0.1]]), sb.InvalidShape, "list"),
        (lambda: xor_attack.joint_attack(2, "a"), sb.InvalidParameter, "from 0 to 1"),
        (lambda: xor_attack.joint_attack(2, 0.3), sb.InvalidParameter, "1/4"),
        (lambda: xor_attack.joint_attack(20, 0.1), sb.TooLarge, "known_bit_probability"),
        (lambda: xor_attack.known_bit_probability(0, 0.1), sb.InvalidParameter, "integer"),
        (lambda: JointBoxes.mixture([0.5, 0.6], [[0.1], [0.2]]), sb.InvalidParameter, "instead of 1"),
        (lambda: DepolarisedBoxes.distribution([[0.5, 0.6], [0, 0]]), sb.InvalidParameter, "instead of 1"),
    ],
)
def test_bad_input_is_one_sentence(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_too_little_time_is_a_failure() -> None:
    with pytest.raises(sb.SolverFailure, match=r"729 rows.*allow more time"):
        guessing_program(random_joint(np.random.default_rng(0), 3), time_limit=1e-6)


def test_signaling_boxes_are_refused() -> None:
    p = np.zeros((2, 2, 2, 2))
    for u, v in itertools.product((0, 1), repeat=2):
        p[0, u, u, v] = 1.0  # Bob's outcome is Alice's setting
    with pytest.raises(sb.InvalidBehaviour, match="signals"):
        guessing_program([p])


# -- exact arithmetic --------------------------------------------------------------------------------------------------


def test_maps_between_coordinates_and_rows() -> None:
    rng = np.random.default_rng(4)
    z = rng.integers(-9, 9, (3, 4, 3)).astype(object)
    w = rng.integers(-9, 9, (4, 6, 4)).astype(object)
    assert (exact.probabilities(z) * w).sum() == (z * exact.functional(w)).sum()
    assert (exact.functional(exact.representation(z)) == z).all()
    matrix, inverse = exact.row_matrix((2, 3, 2)), exact.row_matrix_inverse((2, 3, 2))
    assert (exact.times(matrix, z.reshape(-1)) == exact.probabilities(z).reshape(-1)).all()
    assert (exact.times(inverse, z.reshape(-1)) == exact.representation(z).reshape(-1)).all()
    assert rational.as_fraction(0.1) == F(1, 10) and rational.as_fraction(2**-40) == F(1, 2**40)
    assert exact.as_integers(np.array([0.5, -0.25, 1e6]), 70).tolist() == [2**69, -(2**68), 10**6 * 2**70]


def test_isotropic_boxes_and_depolarisation() -> None:
    assert isotropic_box(F(1, 10)).probability([(0, 0)], [(1, 1)]) == F(1, 20)
    boxes = random_joint(np.random.default_rng(6), 2)
    depolarised = boxes.depolarised().joint()
    assert depolarised.errors == boxes.errors and depolarised.all_errors == boxes.all_errors
    single = boxes.box(1)
    assert single.p.shape == (2, 2, 2, 2)
    assert float(as_boxes([single]).errors[0]) == pytest.approx(float(boxes.errors[1]), abs=1e-12)
