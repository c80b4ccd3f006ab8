"""A no-signaling adversary against many boxes: symmetry, products of duals, Eve's joint attack."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.boxes import exact, xor_attack
from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes
from sdpbound.boxes.guessing import guessing_program
from sdpbound.boxes.tensor_dual import tensor_dual
from tests.box_samples import F, random_joint

# -- symmetry -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "errors, function",
    [
        ([0.1, 0.2], "xor"),
        ([0.1, 0.2], [[1, 0], [0, 1]]),
        ([0.15, 0.2, 0.05], "xor"),
        ([0.15, 0.2, 0.05], [[1, 1, 0]]),
        ([0.15, 0.2, 0.05], 1),
        ([0.15, 0.2, 0.05], [[1, 1, 0], [0, 1, 1]]),
    ],
)
def test_symmetric_programs_agree_with_direct_ones(errors: list[float], function: Any) -> None:
    boxes = DepolarisedBoxes.product(errors)
    reduced = guessing_program(boxes, function=function)
    assert reduced.gap < 1e-9
    assert reduced.partition.check() == reduced.partition.value
    explicit = reduced.partition.explicit()  # type: ignore[union-attr]
    assert explicit.check() == reduced.partition.value
    if len(errors) == 2:
        direct = guessing_program(boxes.joint(), function=function)
        assert float(direct.certificate.value - reduced.certificate.value) == pytest.approx(0, abs=1e-10)
        assert direct.distance == pytest.approx(reduced.distance, abs=1e-9)


def test_correlated_errors_by_symmetry() -> None:
    """Errors that are anticorrelated: the value is 4^n Q(1..1) if the boxes stay nonlocal (Lemma 13 with signs)."""
    q = np.array([[0.72, 0.13], [0.13, 0.02]])
    found = guessing_program(DepolarisedBoxes.distribution(q))
    direct = guessing_program(DepolarisedBoxes.distribution(q).joint())
    assert found.certificate.value == direct.certificate.value
    assert found.gap < 1e-12


@pytest.mark.parametrize("n", [4, 5, pytest.param(7, marks=pytest.mark.slow)])
def test_four_and_more_boxes(n: int) -> None:
    errors = [F(k + 1, 40) for k in range(n)]
    start = time.process_time()
    found = guessing_program(errors)
    assert found.certificate.value == F(1, 2) + F(1, 2) * np.prod([4 * e for e in errors])
    assert found.partition.check() == found.certificate.value
    assert time.process_time() - start < 10
    equal = guessing_program(ExchangeableBoxes.independent(n, F(1, 100)))
    assert equal.optimum == pytest.approx(0.04**n, rel=1e-12)
    assert equal.partition.check() == equal.certificate.value


def test_a_table_of_four_depolarised_boxes_is_solved_by_symmetry() -> None:
    boxes = DepolarisedBoxes.product([0.1, 0.2, 0.05, 0.1])
    found = guessing_program(boxes.joint())
    assert isinstance(found.boxes, DepolarisedBoxes) and found.boxes.errors == boxes.errors
    assert found.exact_distance == F(1, 2) * F(4, 10) * F(8, 10) * F(2, 10) * F(4, 10)


def test_two_bits_of_four_boxes() -> None:
    found = guessing_program([0.1, 0.2, 0.05, 0.1], function=[[1, 1, 0, 0], [0, 1, 1, 1]])
    singles = [
        guessing_program([0.1, 0.2, 0.05, 0.1], function=row).distance
        for row in ([1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 1, 1])
    ]
    assert found.distance <= sum(singles) + 1e-12
    assert found.guessing_probability - 0.25 <= found.distance
    assert found.gap < 1e-9


def test_lemma_14_as_printed_fails() -> None:
    """With probability w two unbiased boxes whose errors agree half of the time at u = (0, 0), else 9 times in 10.

    With 1 - w two PR boxes, so that each box has CHSH error w/2. Eve knows the XOR at (0, 0) with probability w or
    more, a distance of at least w/2. Depolarised, the errors agree 4 times in 5, and a distance of 2w/5 is the most.
    The lemma says that it can only grow at each input. Its proof takes the depolarised boxes for a mixture of products
    of boxes with errors up to 1/4, for which half the sum of all violating probabilities would be reached.
    """
    p = np.zeros((2,) * 8)
    for x1, y1, x2, y2, u1, v1, u2, v2 in itertools.product((0, 1), repeat=8):
        agree = (x1 ^ y1 ^ (u1 & v1)) == (x2 ^ y2 ^ (u2 & v2))
        same = 0.5 if (u1, u2) == (0, 0) else 0.9
        p[x1, y1, x2, y2, u1, v1, u2, v2] = (same if agree else 1 - same) / 8
    w = F(1, 10)
    boxes = JointBoxes.mixture([1 - w, w], [[0, 0], sb.Behaviour(p)])
    assert boxes.errors == (w / 2, w / 2)
    attack = guessing_program(boxes).partition
    assert attack.check() > F(1, 2) + w / 2 - F(1, 10**9)
    depolarised = guessing_program(boxes.depolarised())
    assert depolarised.certificate.value == F(1, 2) + w * F(2, 5)
    assert guessing_program(boxes.depolarised().joint()).certificate.value == F(1, 2) + w * F(2, 5)
    assert boxes.all_errors / 2 == w * F(16, 5)  # the bound that the proof does show


# -- products of duals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("u", [0, 1])
def test_appendix_c_and_lemma_12(u: int) -> None:
    """P(x=0|u) - P(x=1|u) is the sum of the eight violating probabilities with signs, so that (5) is at most their sum.

    The sign is (-1)^x where Alice's setting is u, else (-1)^(y + u v); it holds for all no-signaling P, of either sign,
    and so do tensor products: (5) is at most ``all_errors`` for any boxes.
    """
    dual, bias = np.zeros((4, 4), dtype=object), np.zeros((4, 4), dtype=object)
    for a, x, v, y in itertools.product((0, 1), repeat=4):
        if x ^ y != a & v:
            dual[2 * a + x, 2 * v + y] = (-1) ** (x if a == u else y ^ (u & v))
    bias[2 * u, :2], bias[2 * u + 1, :2] = 1, -1
    assert (exact.functional(dual) == exact.functional(bias)).all()
    two = [exact.functional(exact.product([m, m])) for m in (dual, bias)]
    assert (two[0] == two[1]).all() and abs(dual).sum() == 8
    boxes = random_joint(np.random.default_rng(u), 2)
    absolute = abs(exact.product([dual, dual]))
    assert F(int((boxes.table * absolute).sum()), boxes.denominator) == boxes.all_errors


def test_tensor_duals() -> None:
    one = guessing_program([F(1, 10)])
    many = tensor_dual([one] * 6)
    assert many.side == "upper" and many.verify() == F(4, 10) ** 6
    assert many.bound([F(1, 5)] * 6) == F(4, 5) ** 6
    assert tensor_dual([one] * 1000).log2_distance == pytest.approx(1000 * np.log2(0.4) - 1)
    pair = guessing_program(random_joint(np.random.default_rng(2), 2))
    both = tensor_dual([pair, one])
    assert both.bound() == (2 * pair.certificate.value - 1) * F(4, 10)
    broken = dataclasses.replace(both, weights=(both.weights[0] + 1, both.weights[1]))
    with pytest.raises(sb.CertificateError, match="bias"):
        broken.verify()
    with pytest.raises(sb.InvalidShape, match="one for each"):
        both.bound([0.1])


# -- Eve's joint attack ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_joint_attack(n: int) -> None:
    threshold = F(3, 8 * n + 4)
    for eps in (F(1, 100), threshold, (threshold + F(1, 4)) / 2, F(1, 4)):
        attack = xor_attack.joint_attack(n, eps)
        assert attack.check() == attack.value
        assert float(attack.value) == pytest.approx(float(xor_attack.known_bit_probability(n, float(eps))), abs=1e-12)
        if n > 1 and eps < F(1, 4):
            assert attack.value > 1 - (1 - 4 * eps) ** n
        assert (attack.value == 1) == (eps >= threshold)
    if n <= 2:
        refined = xor_attack.joint_attack(n, F(1, 12)).explicit(refined=True)
        refined.check()
        known = np.any([refined.knows(i) for i in range(n)], axis=0)
        total = sum((w for w, k in zip(refined.weights, known, strict=True) if k), F(0))
        assert total == xor_attack.joint_attack(n, F(1, 12)).value
    assert len(xor_attack.joint_attack(n, F(1, 20)).draw().axes[0].patches) == 2 * (n + 1)
    assert "individual attack" in str(xor_attack.joint_attack(n, F(1, 20)))
    wrong = dataclasses.replace(xor_attack.joint_attack(n, F(1, 20)), eps=F(1, 21))
    with pytest.raises(sb.CertificateError, match="add up"):
        wrong.check()


def test_attacks_on_few_errors_keep_their_digits() -> None:
    for n in (1, 2, 10**6):
        eps = 1e-12 / n
        joint = xor_attack.known_bit_probability(n, eps) / (4 * n * eps)
        single = xor_attack.individual_known_bit_probability(n, eps) / (4 * n * eps)
        assert float(joint) == pytest.approx(1, rel=1e-10) and float(single) == pytest.approx(1, rel=1e-10)
    assert xor_attack.known_bit_probability([1, 2, 5], 0.25).tolist() == [1, 1, 1]
    assert xor_attack.individual_known_bit_probability(3, 0.25) == 1


def test_lemma_22() -> None:
    for eps in (F(1, 4), F(2, 5), F(3, 4)):
        partition = xor_attack.local_box_partition(eps)
        assert partition.check() == 1 and partition.known == 1
    with pytest.raises(sb.InvalidParameter, match="not local"):
        xor_attack.local_box_partition(0.2)
