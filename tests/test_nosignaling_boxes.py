"""A no-signaling adversary against n boxes: values, certificates, partitions, symmetry, products, attacks."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.protocols import exact, rational, xor_attack
from sdpbound.protocols.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes, as_boxes, isotropic_box
from sdpbound.protocols.guessing_program import guessing_program
from sdpbound.protocols.partition import BoxPartition, product_partition, single_box_partition
from sdpbound.protocols.tensor_dual import list_guess_bound, tensor_dual

F = Fraction


def deterministic(a: tuple[int, ...], b: tuple[int, ...]) -> np.ndarray:
    p = np.zeros((2, 2, len(a), len(b)))
    for x, y in itertools.product(range(len(a)), range(len(b))):
        p[a[x], b[y], x, y] = 1.0
    return p


def pr(a: int = 0, b: int = 0, c: int = 0) -> np.ndarray:
    """The eight nonlocal vertices: x + y = uv + a u + b v + c."""
    p = np.zeros((2, 2, 2, 2))
    for x, u, v in itertools.product((0, 1), repeat=3):
        p[x, (x + u * v + a * u + b * v + c) % 2, u, v] = 0.5
    return p


#: The 24 vertices of the no-signaling polytope of one box.
VERTICES = [deterministic((a, b), (c, d)) for a, b, c, d in itertools.product((0, 1), repeat=4)] + [
    pr(*s) for s in itertools.product((0, 1), repeat=3)
]


def random_box(rng: np.random.Generator, noise: float = 0.7) -> np.ndarray:
    """A biased box: a PR box with a random local part."""
    w = rng.dirichlet(np.ones(16)) * noise
    return sum(x * v for x, v in zip(w, VERTICES[:16], strict=True)) + (1 - w.sum()) * pr()


def random_joint(rng: np.random.Generator, n: int, members: int = 5) -> JointBoxes:
    """Biased and correlated boxes."""
    return JointBoxes.mixture(
        rng.dirichlet(np.ones(members)), [[random_box(rng) for _ in range(n)] for _ in range(members)]
    )


def best_guess_by_vertices(p: np.ndarray, u: int) -> float:
    """P_guess as a linear program over weights of the 24 vertices, each with its own best guess."""
    from scipy.optimize import linprog

    columns = np.array([v.ravel() for v in VERTICES]).T
    gains = [max(v[x, :, u, 0].sum() for x in (0, 1)) for v in VERTICES]
    answer = linprog(-np.array(gains), A_eq=columns, b_eq=p.ravel(), bounds=(0, None), method="highs")
    return -answer.fun


# -- one box ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_one_box_against_brute_force_over_the_vertices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = sum(w * v for w, v in zip(rng.dirichlet(np.ones(24) * 0.3), VERTICES, strict=True))
    for u, v in itertools.product((0, 1), repeat=2):
        found = guessing_program([p], inputs=[(u, v)])
        assert found.guessing_probability == pytest.approx(best_guess_by_vertices(p, u), abs=1e-9)
        assert 0 <= found.gap < 1e-9
        assert found.partition.check() == found.partition.value


def test_lemma_5_and_20_for_every_input_and_biased_boxes() -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        p = random_box(rng, 0.3)
        (error,) = as_boxes([p]).errors
        partition = single_box_partition(p)
        assert error < F(1, 4)
        assert partition.check() == F(1, 2) + 2 * error
        assert partition.distance == 2 * error
        assert partition.known == 4 * error
        assert partition.weights[-1] == 1 - 4 * error
        for u, v in itertools.product((0, 1), repeat=2):
            assert guessing_program([p], [(u, v)]).exact_distance == 2 * error
            assert single_box_partition(p, u).value == partition.value
    with pytest.raises(sb.InvalidParameter, match="above 1/4"):
        single_box_partition(0.3)


def test_section_1_4_bias() -> None:
    """Prob[X = 0] <= 1/2 + 2 eps, by the tensor's one factor on a member of Eve's partition."""
    found = guessing_program([F(1, 10)])
    partition = found.partition
    assert isinstance(partition, BoxPartition)
    for z in range(len(partition)):
        member = partition.member(z)
        assert max(member.probability([(0, 0)], [(0, 0)]) + member.probability([(0, 1)], [(0, 0)]), F(0)) <= (
            F(1, 2) + 2 * member.errors[0]
        )


def best_split(p: np.ndarray, u: tuple[int, ...], gains: list[np.ndarray]) -> float:
    """Definition 3 in full probabilities p[x1, y1, .., u1, v1, ..]: the largest sum_z sum_x gains[z][x] p_z P_z(x|u).

    Variables are all entries of all members: not negative, adding up to P, every party's marginal the same for its two
    settings.
    """
    import scipy.sparse as sp
    from scipy.optimize import linprog

    parties, places = p.ndim // 2, np.arange(p.size).reshape(p.shape)
    # both outcomes at setting 0, both at setting 1; taking an outcome removes its axis
    entries = np.concatenate(
        [
            np.stack([places.take(o, k).take(s, parties + k - 1).ravel() for s in (0, 1) for o in (0, 1)], axis=1)
            for k in range(parties)
        ]
    )
    values = np.tile([1.0, 1.0, -1.0, -1.0], len(entries))
    signaling = sp.csr_array((values, (np.repeat(np.arange(len(entries)), 4), entries.ravel())), (len(entries), p.size))
    matrix = sp.vstack([sp.kron(sp.eye(len(gains)), signaling), sp.hstack([sp.eye(p.size)] * len(gains))])
    cost = np.zeros((len(gains), *p.shape))
    x = np.indices((2,) * parties)[::2]
    at = (slice(None),) * parties + tuple(s for v in u for s in (v, 1))
    for z, gain in enumerate(gains):
        cost[z][at] = -gain[tuple(x)]
    target = np.concatenate([np.zeros(len(gains) * len(entries)), p.ravel()])
    answer = linprog(cost.ravel(), A_eq=sp.csr_array(matrix), b_eq=target, bounds=(0, None))
    assert answer.status == 0
    return float(-answer.fun)


def biased_pair(seed: int) -> np.ndarray:
    """Two biased, correlated boxes; for even seeds with entangled members and vanishing probabilities."""
    rng = np.random.default_rng(seed)
    return sum(
        w
        * np.einsum("abuv,cdst->abcduvst", *(random_box(rng) if seed % 2 else VERTICES[rng.integers(24)] for _ in "12"))
        for w in rng.dirichlet(np.ones(6))
    )


XOR = np.array([[0, 1], [1, 0]])


@pytest.mark.parametrize("seed", range(8))
def test_two_boxes_against_the_definition_in_other_coordinates(seed: int) -> None:
    p, u = biased_pair(seed), (seed % 2, seed // 2 % 2)
    found = guessing_program(sb.Behaviour(p), [(u[0], 0), (u[1], 1)])
    assert found.guessing_probability == pytest.approx(best_split(p, u, [1 - XOR, XOR]), abs=1e-8)


@pytest.mark.parametrize("seed", [0, 1])
def test_functions_of_two_biased_boxes_against_the_definition(seed: int) -> None:
    """Both outcomes, by a matrix: value 2 x_2 + x_1; their distance from uniform; and a function that is not linear."""
    p, u = biased_pair(seed), (0, 1)
    labels = np.array([[0, 2], [1, 3]])
    found = guessing_program(sb.Behaviour(p), [(0, 0), (1, 0)], function=[[1, 0], [0, 1]])
    guess = best_split(p, u, [1.0 * (labels == s) for s in range(4)])
    assert found.guessing_probability == pytest.approx(guess, abs=1e-7)
    zero = np.zeros((2, 2))
    distance = sum(best_split(p, u, [(labels == s) - 0.25, zero]) for s in range(4))
    assert found.distance == pytest.approx(distance, abs=1e-7)
    conjunction = np.array([[0.0, 0.0], [0.0, 1.0]])
    found = guessing_program(sb.Behaviour(p), [(0, 0), (1, 0)], function=lambda a, b: a & b)
    assert found.guessing_probability == pytest.approx(best_split(p, u, [1 - conjunction, conjunction]), abs=1e-8)


# -- reference values ---------------------------------------------------------------------------------------------


def reference() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "reference_boxes.json").read_text(encoding="utf-8"))


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


# -- duals and splits ---------------------------------------------------------------------------------------------


def test_a_poor_dual_is_still_a_proof() -> None:
    """Rounded, truncated or random weights give a valid, weaker bound."""
    from sdpbound.protocols.direct import direct_program

    rng = np.random.default_rng(1)
    boxes = random_joint(rng, 2)
    payoffs = [np.array([[1, 0], [0, 1]], dtype=object), np.array([[0, 1], [1, 0]], dtype=object)]
    program = direct_program(boxes, (0, 0), payoffs)
    best, split = program.solve()
    for weights in (np.zeros((2, 256)), rng.random((2, 256)), np.full((2, 256), 0.3)):
        repaired = program.weights(weights)
        assert min(repaired.numerators.ravel().tolist()) >= 0
        assert not any(r.any() for r in program.residuals(repaired.numerators, repaired.denominator))
        assert repaired.value >= split.value
    assert best.value - split.value < F(1, 10**9)
    poor = program.split([rng.normal(size=81)])
    assert poor.value <= best.value
    assert all(min(program.part(poor.rows, poor.denominator, t).tolist()) >= 0 for t in (0, 1))


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_bounds_hold_for_every_partition(seed: int) -> None:
    """A random split of a random marginal never beats the certified bound."""
    rng = np.random.default_rng(seed)
    w = rng.dirichlet(np.ones(4))
    members = [[random_box(rng, 1.0) for _ in range(2)] for _ in range(4)]
    joint = JointBoxes.mixture(w, members)
    value = 0.0
    for weight, pair in zip(w, members, strict=True):
        bias = np.prod([2 * b[0, :, 0, 0].sum() - 1 for b in pair])
        value += weight * (1 + abs(bias)) / 2
    assert guessing_program(joint).guessing_probability >= value - 1e-12


# -- partitions ---------------------------------------------------------------------------------------------------


def test_partition_check_finds_every_fault() -> None:
    found = guessing_program([0.1, 0.2]).partition
    assert isinstance(found, BoxPartition)
    assert found.check() == found.value
    assert 0 <= F(33, 50) - found.value < F(1, 10**12)
    moved = found.parts[0].copy()
    moved[1, 1, 0, 0] += 1
    with pytest.raises(sb.CertificateError, match="add up to the marginal"):
        dataclasses.replace(found, parts=(moved, found.parts[1])).check()
    far = found.parts[0].copy()
    far[1, 0, 0, 0] += 10 * found.denominator
    with pytest.raises(sb.CertificateError, match="negative"):
        dataclasses.replace(found, parts=(far, found.parts[1])).check()
    assert "weight" in str(found) and "lower bound" in str(found)
    assert len(found.draw().axes) == 3
    for z in range(len(found)):
        member = found.member(z)
        assert member.coordinates[0, 0, 0, 0] == member.denominator


@pytest.mark.parametrize(
    "boxes, function",
    [
        (DepolarisedBoxes.product([0.1, 0.2, 0.05, 0.1]), "xor"),
        (DepolarisedBoxes.product([0.1, 0.2, 0.05]), [[1, 1, 0], [0, 1, 0]]),
        (ExchangeableBoxes.independent(6, 0.125), "xor"),
    ],
)
def test_partitions_of_many_boxes_tell_numbers_of_errors(boxes: Any, function: Any) -> None:
    found = guessing_program(boxes, function=function)
    partition, patterns = found.partition, boxes.depolarised()
    guesses = partition.guesses()  # type: ignore[union-attr]
    assert sum(right for right, _ in guesses.values()) == partition.value
    for count, pair in guesses.items():
        total = sum(int(patterns.patterns[e]) for e in np.ndindex(*patterns.patterns.shape) if sum(e) == count)
        assert sum(pair) == F(total, patterns.denominator)
    assert "lower bound" in str(partition)
    (axes,) = partition.draw().axes
    assert axes.get_yscale() == "log" and len(axes.patches) == 2 * len(guesses)
    assert found.min_entropy <= -np.log2(found.guessing_probability) <= found.min_entropy + 1e-12


def test_the_individual_attack_meets_the_bound_for_the_xor() -> None:
    errors = [F(1, 10), F(1, 5), F(1, 20)]
    attack = product_partition([single_box_partition(e) for e in errors[:2]])
    assert attack.check() == guessing_program(errors[:2]).certificate.value
    assert attack.distance == F(1, 2) * 16 * errors[0] * errors[1]
    assert (
        tensor_dual([guessing_program([e]) for e in errors]).bound()
        == guessing_program(errors).certificate.value * 2 - 1
    )


# -- functions ----------------------------------------------------------------------------------------------------


def test_functions_of_two_outcomes() -> None:
    boxes = [0.1, 0.2]
    assert guessing_program(boxes, function=0).certificate.value == F(7, 10)
    assert guessing_program(boxes, function=[0, 1]).certificate.value == F(9, 10)
    both = guessing_program(boxes, function=[[1, 0], [0, 1]])
    assert float(both.certificate.value) == pytest.approx(0.63, abs=1e-12)
    assert float(list_guess_bound([guessing_program([e]) for e in boxes])) == pytest.approx(0.63, abs=1e-15)
    assert both.gap < 1e-10
    # Definition 6 is at least the distance with one measurement, and at most the sum over all XORs of its bits
    assert isinstance(both.partition, BoxPartition)
    assert float(both.partition.distance) - 1e-12 <= both.distance <= 0.2 + 0.4 + 0.16
    assert both.distance == pytest.approx(0.54, abs=1e-10)
    conjunction = guessing_program(boxes, function=lambda a, b: a & b)
    assert conjunction.guessing_probability == pytest.approx(0.84, abs=1e-10)


def test_relabelled_boxes_have_the_same_value() -> None:
    rng = np.random.default_rng(8)
    p, q = random_box(rng), random_box(rng)
    value = guessing_program([p, q]).optimum
    assert guessing_program([q, p]).optimum == pytest.approx(value, abs=1e-10)
    assert guessing_program([p[::-1], q]).optimum == pytest.approx(value, abs=1e-10)
    assert guessing_program([p[:, :, ::-1], q], [(1, 0), (0, 0)]).optimum == pytest.approx(value, abs=1e-10)


def test_boxes_with_more_settings() -> None:
    """A chained box of three settings: P_guess = 1/2 + 3 <W>, arXiv:0807.2158, Eq. (9), reached by isotropic noise."""
    w, pairs = 0.05, {(0, 0): 0, (1, 0): 0, (1, 1): 0, (2, 1): 0, (2, 2): 0, (0, 2): 1}
    c = np.zeros((3, 3))
    for (x, y), flip in pairs.items():
        c[x, y] = (1 - 2 * w) * (-1) ** flip
    for x, y in ((0, 1), (1, 2), (2, 0)):
        c[x, y] = 0.0
    found = guessing_program([sb.Behaviour.from_correlators(c)])
    assert found.guessing_probability <= 0.5 + 3 * w + 1e-12
    assert found.gap < 1e-12


# -- zeros and tiny probabilities -----------------------------------------------------------------------------------


def test_boxes_with_vanishing_probabilities() -> None:
    """The box of Section 6.4 has error 0 at input (0, 0), so that every part vanishes on some rows."""
    angle = np.cos(np.pi / 3)
    box = sb.Behaviour.from_correlators(np.array([[1.0, angle], [angle, np.cos(2 * np.pi / 3)]]))
    one = as_boxes([box])
    assert isinstance(one, JointBoxes)
    assert one.errors == (F(3, 16),) and sorted(one.table.ravel().tolist())[1] == 0
    for n in (1, 2):
        found = guessing_program([box] * n)
        assert found.exact_distance == F(1, 2) * F(3, 4) ** n
        assert found.partition.check() == found.certificate.value
    assert guessing_program([0, 0.1]).exact_distance == 0
    tiny = guessing_program([1e-200] * 2)  # its joint probabilities underflow
    assert tiny.exact_distance == F(8) * F(1e-200) ** 2 and tiny.distance > 0
    assert guessing_program([F(1, 10**6)] * 2).exact_distance == 8 * F(1, 10**12)


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


@pytest.mark.parametrize("n", [4, 5, 7])
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

    With 1 - w two PR boxes, so that each box has CHSH error w/2. Eve knows the XOR at (0, 0) with probability w, a
    distance of w/2. Depolarised, the errors agree 4 times in 5, and a distance of 2w/5 is the most. The lemma says that
    it can only grow. Its proof takes the depolarised boxes for a mixture of products of boxes with errors up to
    1/4, for which half the sum of all violating probabilities would be reached.
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


# -- speed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, count, most", [(2, 20, 0.5), (3, 8, 6.0), pytest.param(3, 20, 6.0, marks=pytest.mark.slow)]
)
def test_random_biased_correlated_boxes_are_solved_tightly_and_fast(n: int, count: int, most: float) -> None:
    """A bound and a strategy that meet, by the program and not the product.

    Targets with certificate: 0.1 s for two and 2 s for three boxes; tested in CPU time, with room for slow machines.
    """
    rng = np.random.default_rng(0)
    guessing_program([0.1] * n)  # imports and sparse maps
    for _ in range(count):
        boxes = random_joint(rng, n)
        start = time.process_time()
        found = guessing_program(boxes)
        assert time.process_time() - start < most
        assert found.certificate.value < F(1, 2) + boxes.all_errors / 2
        assert found.certificate.value != F(1, 2) + 2 ** (2 * n - 1) * prod(boxes.errors)
        assert 0 <= found.gap < 1e-9
        assert found.partition.check() == found.partition.value


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
