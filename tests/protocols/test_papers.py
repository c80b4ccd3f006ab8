"""What docs/papers.md says about the printed papers: one test for each entry, named there."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from functools import reduce
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog
from scipy.stats import binom, hypergeom

from sdpbound.bell.behaviour import Behaviour
from sdpbound.protocols import bhk, braunstein_caves, simple_chsh, xor_amplification
from sdpbound.protocols.running import depolarisation
from sdpbound.protocols.running.depolarisation import Map
from tests.support import chsh_error, isotropic

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "protocols.json").read_text(encoding="utf-8"))
BITS = list(product(range(2), repeat=4))  # a, b, x, y
PAIRS = list(product(range(2), repeat=2))


def value(key: str) -> float:
    return REFERENCE[key]["value"]


def random_box(rng: np.random.Generator, m: int = 2) -> np.ndarray:
    p = np.zeros((2, 2, m, m))
    for w in rng.dirichlet(np.ones(5)):
        a, b = rng.random((2, m)), rng.random((2, m))
        p += w * np.einsum("ax,by->abxy", a / a.sum(0), b / b.sum(0))
    if m == 2:
        p = 0.5 * p + 0.5 * isotropic(0.0)
    return p


# --- paper 000


def test_000_entropy_in_bits_does_not_go_into_exp() -> None:
    """A fair coin, one toss: each frequency has probability 1/2, and exp(-D N) with D = 1 bit is 0.37."""
    assert math.exp(-1.0) < 0.5
    assert 0.5 == 2.0**-1.0


def test_000_second_step_of_28_is_false() -> None:
    """Two tosses and three tosses of a fair coin, distance 0.1 in L1: the larger sample is far more often."""

    def far(n: int) -> float:
        return sum(binom.pmf(k, n, 0.5) for k in range(n + 1) if 2 * abs(k / n - 0.5) > 0.1)

    assert far(2) == pytest.approx(0.5)
    assert far(3) == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "n_e"), [(2, 1), (9, 4), (40, 20), (200, 50), (400, 200)])
def test_000_bound_27_holds_by_serfling(n: int, n_e: int) -> None:
    """Exact tails for every number of ones, against (27), and against Serfling's exponent without the polynomial."""
    n_r = n - n_e
    for delta in np.linspace(0.05, 1.9, 12):
        printed = 2 * (n + 1) ** 4 * math.exp(-(delta**2) * n_e / (8 * math.log(2)))
        serfling = 2 * math.exp(-(delta**2) / 2 * n_e * n_r**2 / (n * (n_r + 1)))
        assert serfling <= printed
        for ones in range(0, n + 1, max(1, n // 25)):
            k = np.arange(n_e + 1)
            with np.errstate(invalid="ignore"):
                far = 2 * np.abs(k / n_e - (ones - k) / n_r) > delta + 1e-12
            assert hypergeom.pmf(k, n, ones, n_e)[far].sum() <= serfling + 1e-15
    assert value("B2.thm4_27_max_log2_excess") < 0


def test_000_bound_13_is_not_conditional() -> None:
    """Eve prepares a = b = 0 always: every bit is known, and the test shows q_e = 0 with probability (3/4)^N_e > 0."""
    zero = np.zeros((2, 2, 2, 2))
    zero[0, 0] = 1.0
    after = depolarisation.average(Behaviour(zero), depolarisation.three_bit_map).p
    assert after[0, 1, 0, 0] * 2 == pytest.approx(0.25)
    n, n_e, n_s, error, delta = 10**6, 10**5, 1, 0.0, 0.2
    n_f = 0.5 * (n - n_e)
    assert simple_chsh.correctness_bound(n, n_e, n_f, error, delta)[0] < -900
    assert simple_chsh.secrecy_bound(n, n_e, n_f, n_s, error, delta)[0] < -900  # yet the distance is 2 (1 - 1/2) = 1


def attacked_box(m: int, q: float) -> np.ndarray:
    """Eve's mixture: with probability 2 M q a deterministic box that fails on one relevant pair, else the perfect
    box.
    """
    pairs = [(x, y) for x in range(m) for y in sorted({x, (x + 1) % m})]
    flip = np.zeros((m, m), dtype=int)
    flip[m - 1, 0] = 1
    total = np.zeros((2, 2, m, m))
    for x, y in product(range(m), repeat=2):
        for a in range(2):
            total[a, a ^ flip[x, y], x, y] += (1 - 2 * m * q) * 0.5
    count = 0
    for f in product(range(2), repeat=m):
        for g in product(range(2), repeat=m):
            wrong = [p for p in pairs if f[p[0]] ^ g[p[1]] ^ flip[p]]
            if len(wrong) == 1:
                count += 1
                for x, y in product(range(m), repeat=2):
                    total[f[x], g[y], x, y] += 2 * m * q / (4 * m)
    assert count == 4 * m
    return total


@pytest.mark.parametrize(("m", "q"), [(2, 0.1), (2, 0.1464), (3, 0.08), (4, 0.05)])
def test_000_attack_on_single_pairs(m: int, q: float) -> None:
    """The mixture is no-signaling, and depolarised it is the box with error q on every relevant pair, as (64)-(66)
    give.
    """
    formula = depolarisation.three_bit_map if m == 2 else depolarisation.bhk_map
    box = attacked_box(m, q)
    if m == 2:
        box = box[..., [1, 0], :][..., [0, 1]]  # the sign of the perfect box on (1, 1), as three_bit_map wants it
        box = box[..., ::-1, :] if chsh_error(box) > 0.25 else box
        box = min((box, box[..., ::-1], box[..., ::-1, :], box[..., ::-1, ::-1]), key=chsh_error)
    after = depolarisation.average(Behaviour(box), formula).p
    differ = after[0, 1] + after[1, 0]
    assert differ[0, 0] == pytest.approx(q, abs=1e-12)
    assert np.abs(after[:, :, 0, 0] - np.array([[1 - q, q], [q, 1 - q]]) / 2).max() < 1e-12


def test_000_rates_exceed_what_the_attack_leaves() -> None:
    """(16), (18), (68) claim 1 - q log2(1 + 2M) - h(q); the attack leaves 1 - 2 M q - h(q), which is less for q > 0."""
    for m, p in product((2, 3, 6, 20), (0.8, 0.9, 0.99, 0.999)):
        assert bhk.key_rate(p, m) > bhk.individual_rate(p, m)
        assert bhk.individual_rate(p, m) >= bhk.proven_rate(p, m) or bhk.proven_rate(p, m) == 0.0
    assert simple_chsh.key_rate(1.0) > 0.05
    assert simple_chsh.individual_rate(1.0) < -0.18
    assert simple_chsh.individual_rate(1.0, matched=True) == pytest.approx(value("B1.chsh_individual.rate_p1"))
    assert simple_chsh.key_rate(1.0, matched=True) > 0.65


def test_000_bound_13_certifies_a_key_from_local_boxes() -> None:
    """Error 1/4: the eight deterministic boxes with one failure mix to the depolarised box exactly, so Eve may know
    every outcome (E: which of the eight, for each pair). (13), without any message of error correction, puts 100000
    bits within 2^-30 of perfect, for every q_e that occurs; the true L1 distance is 2 (1 - 2^-100000)."""
    mixture = sum(box for _, box in local_boxes(isotropic(0.25))) / 8
    assert np.array_equal(mixture, isotropic(0.25))
    assert all(set(np.unique(box)) <= {0.0, 1.0} for _, box in local_boxes(isotropic(0.25)))
    n, n_e, delta, n_s = 10**6, 2 * 10**4, 0.15, 10**5
    for error in (0.24, 0.25, 0.26):
        assert simple_chsh.secrecy_bound(n, n_e, 0, n_s, error, delta)[0] < -30
        assert simple_chsh.proven_key_length(n, n_e, error, 0) < 0
    assert binom.cdf(0.24 * n_e, n_e, 0.25) + binom.sf(0.26 * n_e, n_e, 0.25) < 2e-3
    assert simple_chsh.secret_entropy(0.25, 0.0) > 0.4  # (10) is positive up to q = 0.43, boxes are local from 0.25


@pytest.mark.parametrize(
    ("moved", "n_e", "delta", "least", "most"), [(0.5, 46703, 0.186, -337.6, -337), (1.0, 46800, 0.0931, -23, -22.9)]
)
def test_000_bound_13_for_both_readings_of_its_norm(
    moved: float, n_e: int, delta: float, least: float, most: float
) -> None:
    """log2 of (13) at q_e = 1/4, 10^6 pairs, 10^5 bits and no message of error correction, at the best test.

    ||q - q_e|| is an L1 norm (after (14)), so that q(1) moves by delta/2. If delta were the most that q(1) itself
    moves, the bound would be weaker, and still far below the true distance of 2.
    """

    def bound(tests: float, radius: float) -> float:
        entropy = 1 - (0.25 + moved * radius) * math.log2(5)
        first = (10**5 + 2 * tests - (10**6 - tests) * entropy) / 2
        epsilon = 2 + 4 * math.log2(10**6 + 1) - radius**2 * tests / (8 * math.log(2)) * math.log2(math.e)
        return float(np.logaddexp2(first, 1 + epsilon))

    best = min(bound(n_e * s, delta * t) for s in np.linspace(0.9, 1.1, 81) for t in np.linspace(0.95, 1.05, 401))
    assert least < best < most
    if moved == 0.5:
        ours = simple_chsh.secrecy_bound(10**6, n_e, 0, 10**5, 0.25, delta)[0]
        assert ours == pytest.approx(bound(n_e, delta), abs=1e-9)


@pytest.mark.parametrize("q", [Fraction(1, 100), Fraction(1, 10), Fraction(1, 4)])
def test_000_lemma_14_fails_for_the_truncated_distribution(q: Fraction) -> None:
    """One pair, exactly. P: with probability 4 q one of the eight local boxes, else PR. P' of Theorem 7 keeps C = 0:
    P_max(A|E) = (1 + 2 q)/(2 (1 - q)), and Gamma of the marginal of P', a PR box, is 1/2."""
    correct = {(a, a): (1 - q) / 2 for a in range(2)}  # P(a, b | 0, 0) where C = 0
    cut = {(a, a): Fraction(1, 2) for a in range(2)}  # P'(a, b | 0, 0)
    guess = Fraction(0)
    for _, box in local_boxes(isotropic(0.25)):
        weight = {ab: (4 * q / 8) * int(box[ab][0, 0]) for ab in cut}
        guess += max(weight[ab] / correct[ab] * cut[ab] for ab in cut)
    guess += max((1 - 4 * q) * Fraction(1, 2) / correct[ab] * cut[ab] for ab in cut)
    assert guess == (1 + 2 * q) / (2 * (1 - q)) > Fraction(1, 2)
    gamma = sum((1 + 4 * (a ^ b ^ (x & y))) / 8 * isotropic(0.0)[a, b, x, y] for a, b, x, y in BITS)
    assert gamma == 0.5


def test_000_truncated_distribution_signals() -> None:
    """Theorem 7's P' = P_E|ABXY P'_AB|XY for one pair: PR with anti-PR of weight p cut off. Eve's partition of P has
    deterministic boxes; in P' her outcome depends on X, Y, so Lemma 14 does not apply to it."""
    p = 0.1
    box = isotropic(p)
    parts = [*local_boxes(box), (1 - 4 * p, isotropic(0.0))]
    cut = isotropic(0.0)
    chances = []
    for x, y in product(range(2), repeat=2):
        posterior = [w * part[:, :, x, y] / box[:, :, x, y] for w, part in parts]
        chances.append([float((post * cut[:, :, x, y]).sum()) for post in posterior])
    assert np.allclose(np.sum(chances, axis=1), 1.0)
    assert np.ptp(np.array(chances), axis=0).max() > 0.01


@pytest.mark.parametrize("p", [0.01, 0.05])
def test_000_and_002_bad_patterns_cost_four_times_their_probability(p: float) -> None:
    """A PR box and, with probability p, anything: twice the distance is 4 p by LP (5), not p. Per box; so the error
    patterns that a test makes improbable cannot be left out of Lemma 13's sum."""
    box = (1 - p) * isotropic(0.0) + p * isotropic(1.0)
    flat = np.array([box[x, y, u, v] for x, y, u, v in ORDER])
    rows = appendix_c()[:8]
    b = np.array([(-1.0) ** x if (u, v) == (0, 0) else 0.0 for x, _, u, v in ORDER])
    result = linprog(-b, A_eq=rows, b_eq=np.zeros(8), bounds=list(zip(-flat, flat, strict=True)), method="highs")
    assert -result.fun == pytest.approx(4 * p, abs=1e-9)


def flat(table: np.ndarray) -> np.ndarray:
    """p[a, b, x, y] in the order (x, a, y, b)."""
    return table.transpose(2, 0, 3, 1).ravel()


def key_tables(m: int, y: int, settings: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the key settings (0, y): [a XOR b = d], the same with (-1)^a (both indexed by d first), and 2 M W."""
    a, b = np.indices((2, 2))
    equal, weight = np.zeros((2, 2, 2, m, settings)), np.zeros((2, 2, m, settings))
    for d in (0, 1):
        equal[d, :, :, 0, y] = a ^ b == d
    for v in range(m):
        for u in {v, (v + 1) % m}:
            weight[:, :, u, v] = a ^ b ^ (u == 0 and v == m - 1)
    return equal, equal * (-1.0) ** a[:, :, None, None], weight


def largest_value(functional: np.ndarray, parties: list[int]) -> float:
    """The largest value of a functional over all no-signaling boxes; parties: their numbers of settings."""
    blocks = []
    for settings in parties:  # rows (setting, outcome): coordinates (1, P(0|x) for all x) to probabilities
        block = np.zeros((2 * settings, 1 + settings))
        for x in range(settings):
            block[2 * x, 1 + x] = 1.0
            block[2 * x + 1, 0], block[2 * x + 1, 1 + x] = 1.0, -1.0
        blocks.append(sp.csr_array(block))
    rows = reduce(sp.kron, blocks).tocsr()
    bounds = [(1, 1)] + [(None, None)] * (rows.shape[1] - 1)
    result = linprog(-(rows.T @ functional), A_ub=-rows, b_ub=np.zeros(rows.shape[0]), bounds=bounds, method="highs")
    assert result.status == 0
    return float(-result.fun)


@pytest.mark.parametrize(("m", "pairs"), [(2, 1), (2, 2), (3, 1), (3, 2), (5, 1)])
def test_bias_of_an_xor_for_any_number_of_settings(m: int, pairs: int) -> None:
    """|P(XOR = 0) - P(XOR = 1)| <= < prod 2 M W >: max of the difference over all no-signaling boxes is 0, by LP.
    With it ``linear_hashing`` holds for M settings."""
    _, signed, weight = key_tables(m, 0, m)
    cost = reduce(np.kron, [flat(signed.sum(axis=0))] * pairs) - reduce(np.kron, [flat(weight)] * pairs)
    assert largest_value(cost, [m] * (2 * pairs)) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("m", [2, 3, 6])
def test_the_error_pattern_tells_eve_nothing(m: int) -> None:
    """One pair, key settings in the chain: |P(0,d) - P(1,1-d)| is at most the key settings' own error for d = 1, and
    the sum of the other 2M - 1 errors for d = 0; together they are 2 M W. With Bob's key setting outside the chain
    (paper 001) nothing follows: he may know a bit of Alice's with W = 0."""
    equal, signed, weight = key_tables(m, 0, m)
    for sign in (1, -1):
        assert largest_value(flat(sign * signed[1] - equal[1]), [m, m]) == pytest.approx(0.0, abs=1e-9)
        assert largest_value(flat(sign * signed[0] - (weight - equal[1])), [m, m]) == pytest.approx(0.0, abs=1e-9)
    _, signed, weight = key_tables(m, m, m + 1)
    assert largest_value(flat(signed[0] - signed[1] - weight), [m, m + 1]) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("inside", [True, False])
def test_the_error_pattern_of_two_pairs_tells_eve_nothing(inside: bool) -> None:
    """The sum over the patterns d of two pairs of the bias of the XOR of both outcomes (or the first) together with d
    is at most <prod 2 M W> over the pairs in the XOR: for every sign of the four biases, by LP over all boxes."""
    equal, signed, weight = key_tables(2, 0, 2)
    second, most = (signed, weight) if inside else (equal, equal.sum(axis=0))
    for signs in product((1.0, -1.0), repeat=3):
        functional = -np.kron(flat(weight), flat(most))
        for sign, (d, e) in zip((1.0, *signs), product(range(2), repeat=2), strict=True):
            functional += sign * np.kron(flat(signed[d]), flat(second[e]))
        assert largest_value(functional, [2] * 4) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize(("m", "n_r", "n_e", "leakage"), [(2, 30, 80, 0), (3, 20, 100, 5), (7, 10, 60, 2)])
def test_proven_length_by_summing(m: int, n_r: int, n_e: int, leakage: int) -> None:
    """The sum of linear_hashing's docstring, term by term, for every theta: at most the security, and not much less."""
    s, worst = 1e-3, 0.0
    k = np.arange(n_e + 1)
    length = bhk.proven_key_length(n_r + n_e, n_e, k / n_e, leakage, m, s)
    for theta in np.linspace(0.0, 1.0, 201):
        terms = binom.pmf(k, n_e, theta) * 0.5 * 2.0 ** (length + leakage) * ((1 + 2 * m * theta) / 2) ** n_r
        worst = max(worst, (n_r + n_e + 1) * float(terms.sum()))
    assert s / 100 < worst <= s
    assert xor_amplification.proven_key_length(30, 80, 0.1, 3) == bhk.proven_key_length(110, 80, 0.1, 3, 2)


def test_000_exponent_of_13() -> None:
    """sqrt(2^(N_s + N_c) Gamma) with Gamma = (5^q / 2)^N_r (51): N_r H_pa is in the exponent."""
    n, n_e, n_f, n_s, q = 1000, 100, 300, 50, 0.05
    direct = 0.5 * (n_s + n_f + 2 * n_e + (n - n_e) * math.log2(5**q / 2))
    assert simple_chsh.secrecy_bound(n, n_e, n_f, n_s, q, 0.0)[1] == pytest.approx(direct)


def test_000_lemma_19_needs_no_logarithm() -> None:
    """There are at most 2^(N h(q)) strings of a frequency, so (58) holds with log(N + 1) instead of 4 log(N + 1)."""
    for n in (1, 5, 40, 300):
        for k in range(n + 1):
            h = 0.0 if k in (0, n) else -k / n * math.log2(k / n) - (1 - k / n) * math.log2(1 - k / n)
            assert math.log2(math.comb(n, k)) <= n * h + 1e-9


def test_000_best_settings_at_low_purity() -> None:
    assert bhk.best_settings(0.8) == 7
    assert bhk.best_settings([0.75, 0.79]).tolist() == [6, 6]


def test_000_rates_are_equal_only_in_the_limit() -> None:
    """'In the small noise regime': against a quantum Eve 1 - 2 h(e) with trusted devices, e = (1 - p)/2, or the
    device-independent 1 - h(e) - h((1 + sqrt(S^2/4 - 1))/2); BHK's rate is above both, all three tend to 1."""

    def h(x: float) -> float:
        return -x * math.log2(x) - (1 - x) * math.log2(1 - x)

    losses = []
    for p in (0.99, 0.9999, 1 - 1e-8):
        e = (1 - p) / 2
        independent = 1 - h(e) - h((1 + math.sqrt(2 * p * p - 1)) / 2)
        losses.append((1 - bhk.key_rate(p), 2 * h(e), 1 - independent))
    assert losses[0] == pytest.approx((0.08218, 0.09083, 0.12655), abs=2e-5)
    assert all(loss[0] < loss[1] < loss[2] for loss in losses)
    assert losses[2][0] < 1e-6


def _old_settings(x: np.ndarray, y: np.ndarray, m: int, random: list[np.ndarray]) -> Map:
    """(64), (65) with the step functions of the old settings."""
    r, t, _ = random
    old_x, old_y = (x - t) % m, (y - t) % m
    return Map(old_x, old_y, (r ^ (old_x <= t - 1)).astype(np.uint8), (r ^ (old_y <= t - 1)).astype(np.uint8))


def test_000_step_functions_of_65_take_new_settings() -> None:
    rng = np.random.default_rng(0)
    m = 4
    box = random_box(rng, m)
    errors = {}
    for name, formula in (("new", depolarisation.bhk_map), ("old", _old_settings)):
        total = np.zeros_like(box)
        x, y = (a.ravel() for a in np.meshgrid(np.arange(m), np.arange(m), indexing="ij"))
        values = list(product(range(2), range(m), range(2) if name == "new" else range(1)))
        for chosen in values:
            d = formula(x, y, m, [np.full(x.size, c) for c in chosen])
            for a, b in product(range(2), repeat=2):
                total[a, b, x, y] += box[a ^ d.flip_a, b ^ d.flip_b, d.x, d.y] / len(values)
        differ = total[0, 1] + total[1, 0]
        errors[name] = (
            [1 - differ[m - 1, 0]] + [differ[i, i] for i in range(m)] + [differ[i, i + 1] for i in range(m - 1)]
        )
    assert np.ptp(errors["new"]) < 1e-12
    assert np.ptp(errors["old"]) > 0.05


# --- paper 001


def test_001_maximum_over_theta_is_infinite() -> None:
    """(17) with max: at theta -> 0 the exponent exceeds any length; the minimum is what the proof (65) uses."""
    n_e, n_r, w, m = 1000, 1000, 0.1, 5
    exponents = []
    for t in (1e-3, 1e-30, 1e-300):
        d = w * math.log2(w / t) + (1 - w) * math.log2((1 - w) / (1 - t))
        exponents.append(2 * n_e * d - 2 * n_r * math.log2(0.5 + m * t))
    assert exponents[0] < exponents[1] < exponents[2] > 190 * n_r
    assert braunstein_caves.estimate_exponent(n_r, n_e, w, m) < min(exponents)


def test_001_proof_step_65() -> None:
    """With the minimum, the sum (65) is at most eps; with any longer key it is not covered: checked term by term."""
    n_e, n_r, m, eps = 40, 30, 4, 1e-3
    n_u = n_e + n_r
    for theta in np.linspace(0.0, 1.0, 101):
        total = 0.0
        for k in range(n_e + 1):
            w = k / n_e
            length = braunstein_caves.key_length(n_u, n_r, n_e, 0, w, m, eps)
            weight = binom.pmf(k, n_e, theta)
            total += weight * 2 ** ((n_r + length + 1) / 2) * (0.5 + m * theta) ** n_r
        assert (n_u + 1) * total <= eps


def test_001_three_settings_have_a_rate() -> None:
    """'zero for M = 2 (and also M = 3)': zero for 2, 5.5e-5 for 3 up to noise 0.0023."""
    assert braunstein_caves.key_rate(0.0, 2) == 0.0 == braunstein_caves.threshold(2)
    assert braunstein_caves.key_rate(0.0, 3) == pytest.approx(5.53e-5, abs=1e-7)
    assert braunstein_caves.threshold(3) == pytest.approx(0.0023024, abs=1e-7)


def test_001_six_settings_are_better_in_between() -> None:
    noise = np.linspace(0.005, 0.0225, 200)
    gain = braunstein_caves.key_rate(noise, 6) / braunstein_caves.key_rate(noise, 7) - 1
    assert gain.min() > 0
    assert 0.0105 < gain.max() < 0.0106  # at xi = 0.0174
    assert braunstein_caves.key_rate(0.0, 7) > braunstein_caves.key_rate(0.0, 6)
    assert braunstein_caves.threshold() == pytest.approx(0.0275751, abs=1e-7)


def test_001_expansion_52() -> None:
    """prod (mu + (-1)^a_n nu): the term with one nu has N_r - 1 factors mu; with N_r the dimensions do not fit."""
    rng = np.random.default_rng(0)
    mu, nu = rng.random(4), rng.random(4)
    a = (1, 0, 1)
    left = np.kron(np.kron(mu - nu, mu + nu), mu - nu)
    right = np.zeros(64)
    for chosen in product(range(2), repeat=3):
        sign = (-1) ** sum(c * x for c, x in zip(chosen, a, strict=True))
        term = np.ones(1)
        for c in chosen:
            term = np.kron(term, nu if c else mu)
        right += sign * term
    assert np.allclose(left, right)


def test_001_linear_hashing_would_give_more() -> None:
    """Paper 001's own protocol without noise, with linear_hashing's length instead of (17): the best over gamma."""
    gamma = np.linspace(0.5, 0.999, 2000)
    best = {}
    for m in (2, 3, 7):
        r, e, w = (1 - gamma) ** 2, 2 * gamma**2 / m, math.sin(math.pi / (4 * m)) ** 2
        scale = 10**9
        gain = braunstein_caves.estimate_exponent(scale * r, scale * e, w, m) / scale
        best[m] = float((gain / 2).max())
    assert best[2] == pytest.approx(0.0206, abs=5e-5)
    assert best[3] == pytest.approx(0.0223, abs=5e-5)
    assert best[7] > 2.7 * braunstein_caves.key_rate(0.0, 7)


def test_001_key_error_is_never_published() -> None:
    """T of (19) has outcomes only of pairs with Y < M, the key has Y = M: boxes that differ only at Y = M look
    alike.
    """
    good, bad = braunstein_caves.behaviour(0.01, 5).p.copy(), braunstein_caves.behaviour(0.01, 5).p.copy()
    bad[:, :, :, 5] = bad[:, ::-1, :, 5]
    assert np.array_equal(good[..., :5], bad[..., :5])
    assert Behaviour(bad).correlators[0, 5] == -Behaviour(good).correlators[0, 5]
    run = braunstein_caves.simulate(Behaviour(bad), 400_000, error_rate=0.005, seed=1)
    assert run.aborted is not None
    assert "hash" in run.aborted


# --- paper 002


def test_002_bound_10_against_9() -> None:
    """Key bit i has 2^(i-1) linear combinations with the bits before; (9), not (10), adds up to (11)."""
    for s in (2, 3, 7):
        assert sum(2 ** (i - 1) for i in range(1, s + 1)) == 2**s - 1
        assert sum(2**i for i in range(1, s + 1)) > 2**s


def test_002_lemma_15_needs_the_half() -> None:
    """A bit that Eve knows: Definition 6 gives 1/2, the first line of Lemma 15's proof gives 1."""
    known = np.array([1.0, 0.0])
    assert np.abs(known - 0.5).sum() == 1.0
    assert 0.5 * np.abs(known - 0.5).sum() == 0.5


def test_002_quantum_error() -> None:
    """The least CHSH error of quantum mechanics is (2 - sqrt 2)/4, and the rate at eps = delta is negative there."""
    least = float(xor_amplification.quantum_boundary(np.linspace(0, 0.5, 100001)).min())
    assert least == pytest.approx((2 - math.sqrt(2)) / 4, abs=1e-9)
    assert (1 + math.sqrt(2)) / 4 > 0.5
    assert xor_amplification.key_rate(least, least) < 0


def local_boxes(p: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """The eight deterministic boxes of (14): one for each entry that violates the CHSH condition."""
    out = []
    for x, y in product(range(2), repeat=2):
        for a in range(2):
            b = a ^ (x & y) ^ 1
            for f, g in product(product(range(2), repeat=2), repeat=2):
                wrong = [(u, v) for u, v in product(range(2), repeat=2) if f[u] ^ g[v] != u & v]
                if f[x] == a and g[y] == b and wrong == [(x, y)]:
                    box = np.zeros((2, 2, 2, 2))
                    for u, v in product(range(2), repeat=2):
                        box[f[u], g[v], u, v] = 1.0
                    out.append((p[a, b, x, y], box))
    return out


def test_002_partition_14() -> None:
    """The weight of the PR box is 1 minus the sum of all eight entries; with the printed signs it is not a
    partition.
    """
    rng = np.random.default_rng(5)
    for _ in range(10):
        p = random_box(rng)
        parts = local_boxes(p)
        assert len(parts) == 8
        weight = sum(w for w, _ in parts)
        assert weight == pytest.approx(4 * chsh_error(p))
        rebuilt = sum(w * box for w, box in parts) + (1 - weight) * isotropic(0.0)
        assert np.abs(rebuilt - p).max() < 1e-12
        a2, a3, b2, b3 = p[1, 0, 0, 0], p[0, 1, 0, 0], p[1, 0, 1, 0], p[0, 1, 1, 0]
        c2, c3, d1, d4 = p[1, 0, 0, 1], p[0, 1, 0, 1], p[0, 0, 1, 1], p[1, 1, 1, 1]
        mixed = 1 - a2 - a3 + b2 - b3 - c2 + c3 + d1 - d4
        assert p[0, 0, 0, 0] == pytest.approx(mixed / 2)  # the signs belong to a_1
        assert abs(mixed - (1 - weight)) > 1e-3


def no_signaling_rows(boxes: int) -> sp.csr_array:
    """Equations of boxes with indices (a, b, x, y) each, flattened: no outcome depends on another party's setting."""
    shape = (2,) * (4 * boxes)
    place, rows = np.arange(16**boxes).reshape(shape), []
    for party in range(2 * boxes):
        outcome = party // 2 * 4 + party % 2
        table = np.moveaxis(place, (outcome, outcome + 2), (0, 1)).reshape(2, 2, -1)
        rows += [(table[:, 0, j], table[:, 1, j]) for j in range(table.shape[2])]
    matrix = sp.lil_array((len(rows), 16**boxes))
    for i, (plus, minus) in enumerate(rows):
        matrix[i, plus], matrix[i, minus] = 1.0, -1.0
    return sp.csr_array(matrix)


def largest_bias(marginal: np.ndarray, sign: np.ndarray) -> float:
    """LP (5): the largest sum of sign(outcomes) Delta at inputs 0 over no-signaling Delta between -P and P."""
    boxes = marginal.ndim // 4
    cost = np.zeros(marginal.shape)
    cost[(slice(None), slice(None), 0, 0) * boxes] = sign
    rows, flat = no_signaling_rows(boxes), marginal.ravel()
    bounds = np.stack([-flat, flat], axis=1)
    result = linprog(-cost.ravel(), A_eq=rows, b_eq=np.zeros(rows.shape[0]), bounds=bounds, method="highs")
    assert result.status == 0
    return float(-result.fun)


def two_boxes(weights: dict[tuple[int, int], float]) -> np.ndarray:
    """A mixture of products of PR (0) and anti-PR (1) boxes."""
    return sum(w * np.multiply.outer(isotropic(float(c)), isotropic(float(d))) for (c, d), w in weights.items())


A1, A2 = (np.array(list(product(range(2), repeat=4)))[:, k].reshape(2, 2, 2, 2) for k in (0, 2))
XOR = (-1.0) ** (A1 ^ A2)  # of Alice's outcomes, indices a1, b1, a2, b2


@pytest.mark.parametrize("eps", [0.05, 0.2])
def test_002_proof_of_lemma_14_claims_too_much(eps: float) -> None:
    """Boxes that fail together, (1 - eps) PR PR + eps anti anti: the proof has d' = 1/2 sum p_j prod(4 eps_i), here
    8 eps, 'easily reached'; the LP gives 0. For independent boxes it is reached."""
    together = two_boxes({(0, 0): 1 - eps, (1, 1): eps})
    assert largest_bias(together, XOR) / 2 == pytest.approx(0.0, abs=1e-9)
    apart = two_boxes({(i, j): (eps if i else 1 - eps) * (eps if j else 1 - eps) for i, j in product((0, 1), repeat=2)})
    assert largest_bias(apart, XOR) / 2 == pytest.approx(8 * eps**2, abs=1e-9)


def distances(marginal: np.ndarray) -> np.ndarray:
    """The XOR's distance at each pair u of Alice's inputs, by LP (5); index [u1, u2]."""
    at = [
        marginal[(..., slice(None, None, 1 - 2 * u1)) + (slice(None),) * 5][..., :: 1 - 2 * u2, :] for u1, u2 in PAIRS
    ]
    return np.array([largest_bias(boxes, XOR) / 2 for boxes in at]).reshape(2, 2)


def depolarised(marginal: np.ndarray) -> np.ndarray:
    """Two boxes after the maps of Appendix E: those with the same distribution of errors, averaged over all inputs."""
    weights = dict.fromkeys(PAIRS, 0.0)
    for a1, b1, x1, y1, a2, b2, x2, y2 in product(range(2), repeat=8):
        weights[a1 ^ b1 ^ (x1 & y1), a2 ^ b2 ^ (x2 & y2)] += marginal[a1, b1, x1, y1, a2, b2, x2, y2] / 16
    return two_boxes(weights)


def errors_that_agree(at_zero: float, elsewhere: float) -> np.ndarray:
    """Two unbiased boxes whose errors agree with one probability where Alice's inputs are (0, 0), else with another."""
    p = np.zeros((2,) * 8)
    for a1, b1, x1, y1, a2, b2, x2, y2 in product(range(2), repeat=8):
        agree = a1 ^ b1 ^ (x1 & y1) == a2 ^ b2 ^ (x2 & y2)
        same = elsewhere if x1 | x2 else at_zero
        p[a1, b1, x1, y1, a2, b2, x2, y2] = (same if agree else 1 - same) / 8
    return p


def test_002_lemma_14_fails_at_one_input_and_not_on_average() -> None:
    """w = 1/10 of the two boxes above, else PR PR: 0.055 at the inputs (0, 0), 0.02 at each other pair, 0.04 after
    depolarisation. The two boxes alone give at least w/2 = 1/20 at (0, 0), for d is concave.
    """
    boxes = 0.9 * two_boxes({(0, 0): 1.0}) + 0.1 * errors_that_agree(0.5, 0.9)
    before, after = distances(boxes), distances(depolarised(boxes))
    assert before == pytest.approx(np.array([[0.055, 0.02], [0.02, 0.02]]), abs=1e-9)
    assert after == pytest.approx(np.full((2, 2), 0.04), abs=1e-9)
    assert before[0, 0] > 0.05 > after[0, 0] > before.mean() == pytest.approx(0.02875, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_002_lemma_14_on_average_over_inputs(seed: int) -> None:
    """Biased boxes with correlated errors: depolarised, their distance is at every input at least the mean before."""
    rng = np.random.default_rng(seed)
    parts = [np.multiply.outer(random_box(rng), random_box(rng)) for _ in range(3)]
    parts += [two_boxes({(0, 0): 1.0}), errors_that_agree(*rng.random(2))]
    boxes = sum(w * part for w, part in zip(rng.dirichlet(np.ones(5)), parts, strict=True))
    before, after = distances(boxes), distances(depolarised(boxes))
    assert np.ptp(before) > 1e-5  # inputs do matter before
    assert np.ptp(after) < 1e-8  # and do not after
    assert after.min() >= before.mean() - 1e-8


def test_002_average_error_is_not_enough_for_lemma_18() -> None:
    """Both boxes local with probability 4 eps, else both PR: the average error is eps, and the XOR's distance is 2 eps
    or more, not (4 eps)^2/2. A bound from a test needs the whole distribution of the errors."""
    eps = 0.05
    local = {(i, j): 4 * eps * (0.25 if i else 0.75) * (0.25 if j else 0.75) for i, j in product((0, 1), repeat=2)}
    local[0, 0] += 1 - 4 * eps
    assert sum(w * (c + d) / 2 for (c, d), w in local.items()) == pytest.approx(eps)
    distance = largest_bias(two_boxes(local), XOR) / 2
    assert distance >= 2 * eps - 1e-9
    assert distance > 4 * (4 * eps) ** 2 / 2


def test_linear_hashing_by_programs() -> None:
    """One key bit and one published bit of two boxes with correlated errors: for every choice of the two linear
    functions Eve's distance, by LP for each published value, is at most the sum over the characters; and its average is
    ``1/2 2^(s+m) <prod (1 + 4 W)/2>`` less the part with the key bit out."""
    weights = {(0, 0): 0.9, (0, 1): 0.04, (1, 0): 0.03, (1, 1): 0.03}
    boxes = two_boxes(weights)
    total = 0.0
    for k1, k2, r1, r2 in product(range(2), repeat=4):
        key, sent = (k1 & A1) ^ (k2 & A2), (r1 & A1) ^ (r2 & A2)
        distance = sum(largest_bias(boxes, (-1.0) ** key * (sent == value)) for value in (0, 1)) / 2
        bound = 0.0
        for u in (0, 1):
            chosen = (k1 ^ (u & r1), k2 ^ (u & r2))
            for errors, p in weights.items():
                bound += p / 2 * math.prod(4 * c for c, on in zip(errors, chosen, strict=True) if on)
        assert distance <= bound + 1e-9
        total += bound / 16
    moment = sum(p * (1 + 4 * c) / 2 * (1 + 4 * d) / 2 for (c, d), p in weights.items())
    assert total == pytest.approx(0.5 * (4 - 2) * moment)


@pytest.mark.parametrize(("m", "n_r", "n_e", "s"), [(2, 20, 60, 1e-3), (3, 15, 80, 1e-6)])
def test_linear_hashing_for_every_number_of_errors(m: int, n_r: int, n_e: int, s: float) -> None:
    """Exchangeable pairs are mixtures of fixed numbers of errors: for each, the exact average of
    ``1/2 2^s(w) prod (1 + 2 M W)/2`` over the random choice of the tested is at most the security."""
    total = n_r + n_e
    lengths = np.array([bhk.proven_key_length(total, n_e, k / n_e, 0, m, s) for k in range(n_e + 1)])
    worst = 0.0
    for errors in range(total + 1):
        tested = np.arange(max(0, errors - n_r), min(n_e, errors) + 1)
        distance = 0.5 * 2.0 ** (lengths[tested] - n_r) * (1.0 + 2 * m) ** (errors - tested)
        worst = max(worst, float(hypergeom.pmf(tested, total, errors, n_e) @ distance))
    assert 0 < worst <= s


#: Appendix C, digit by digit: the four printed dual solutions (non-signaling rows, their negatives, upper, lower
#: bounds).
DUALS = {
    (0, 0): "1010101001010101 0101000000101000 0000101001000001",
    (0, 1): "0110101010010101 0101000000101000 0000101001000001",
    (1, 0): "1010011001011001 0001100001100000 0100001000001001",
    (1, 1): "1001011001101001 0001100001100000 0100001000001001",
}
PRINTED_B = {
    (0, 0): [1, 1, 0, 0, -1, -1] + [0] * 10,
    (0, 1): [0, 0, 1, 1, 0, 0, -1, -1] + [0] * 8,
    (1, 0): [0, 0, 0, 0, 1, 1, 0, 0, -1, -1] + [0] * 6,
    (1, 1): [0, 0, 1, 1, 0, 0, -1, -1] + [0] * 8,
}
#: The printed order of P(xy|uv): x y u v.
ORDER = [(x, y, u, v) for u, x, v, y in product(range(2), repeat=4)]


def appendix_c() -> np.ndarray:
    """The printed A_1: 8 non-signaling rows, their negatives, identity, minus identity."""
    rows = np.zeros((8, 16))
    for i in range(4):
        rows[i, 4 * i : 4 * i + 4] = [1, 1, -1, -1]
        rows[4 + i, [i, 4 + i, 8 + i, 12 + i]] = [1, 1, -1, -1]
    return np.vstack([rows, -rows, np.eye(16), -np.eye(16)])


@pytest.mark.parametrize("inputs", list(DUALS))
def test_002_appendix_c(inputs: tuple[int, int]) -> None:
    """The duals are right, b of the inputs (1,0) and (1,1) is not; c has two zero blocks of 8."""
    first, up, down = DUALS[inputs].split()
    dual = np.array([0.5 * int(c) for c in first] + [float(c) for c in up + down])
    b = np.array([(-1.0) ** x if (u, v) == inputs else 0.0 for x, _, u, v in ORDER])
    a = appendix_c()
    assert dual.size == a.shape[0] == 8 + 8 + 16 + 16
    assert np.abs(a.T @ dual - b).max() == 0.0
    assert np.array_equal(b, PRINTED_B[inputs]) is (inputs in ((0, 0), (0, 1)))
    p = random_box(np.random.default_rng(1))
    c = np.concatenate([np.zeros(16), *([np.array([p[x, y, u, v] for x, y, u, v in ORDER])] * 2)])
    assert c @ dual == pytest.approx(4 * chsh_error(p))
    two = np.kron(a, a).T @ np.kron(dual, dual)  # Lemma 12
    assert np.abs(two - np.kron(b, b)).max() == 0.0


def test_002_estimation_is_a_sum() -> None:
    """Appendix D: from n/(n+k) (error - measured) >= margin follows error >= measured + (1 + k/n) margin."""
    n, k, measured, failure = 900, 100, 0.19, 0.01
    margin = math.sqrt(16 * math.log(2 / failure) / k)
    limit = xor_amplification.estimated_error(n, k, measured, failure)
    assert limit == pytest.approx(min(measured + (1 + k / n) * margin, 1.0))
    n, k = 9 * 10**5, 10**5
    margin = math.sqrt(16 * math.log(2 / failure) / k)
    assert n / (n + k) * (xor_amplification.estimated_error(n, k, measured, failure) - measured) == pytest.approx(
        margin
    )
    assert measured * (1 + k / n) * margin < measured  # the printed product would even be below the measured value


def _new_input_in_map_4(x: np.ndarray, y: np.ndarray, m: int, random: list[np.ndarray]) -> Map:
    """Appendix E with u in 'x + u + 1' read as the new u."""
    both, flip_v, flip_u = random
    u, v = x ^ flip_u, y ^ flip_v
    shown = np.where(flip_u == 1, x, u)
    return Map(u, v, (both ^ (flip_v & (shown ^ flip_u))).astype(np.uint8), (both ^ (flip_u & v)).astype(np.uint8))


def test_002_appendix_e_takes_the_old_input() -> None:
    rng = np.random.default_rng(2)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(2), np.arange(2), indexing="ij"))
    for formula, keeps in ((depolarisation.four_step_map, True), (_new_input_in_map_4, False)):
        worst = 0.0
        p = random_box(rng)
        for chosen in product(range(2), repeat=3):
            d = formula(x, y, 2, [np.full(4, c) for c in chosen])
            q = np.zeros_like(p)
            for a, b in product(range(2), repeat=2):
                q[a, b, x, y] = p[a ^ d.flip_a, b ^ d.flip_b, d.x, d.y]
            worst = max(worst, abs(chsh_error(q) - chsh_error(p)))
        assert bool(worst < 1e-12) is keeps


def test_002_random_codes_of_rate_h_fail_half_the_time() -> None:
    """Protocol 1 publishes m = ceil(n h(delta)) bits. At most 2^m of the error patterns can be decoded, at best the
    likely ones: the failure probability tends to 1/2."""
    delta = 0.02
    failures = []
    for n in (10**3, 10**4, 10**6, 10**8):
        m = math.ceil(n * (-delta * math.log2(delta) - (1 - delta) * math.log2(1 - delta)))
        low, high = 0, n // 2  # the largest weight whose patterns alone are not yet more than 2^m
        while high - low > 1:
            k = (low + high) // 2
            patterns = (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)
            low, high = (k, high) if patterns <= m else (low, k)
        failures.append(float(binom.sf(high, n, delta)))  # all of weight <= high decoded: more than possible
    assert failures == sorted(failures)
    assert failures[0] > 0.15
    assert 0.49 < failures[-1] < 0.5


def test_002_protocol_1_takes_the_test_from_biased_inputs() -> None:
    """Steps 3 and 4: the key's rounds all have inputs (0, 0); among the others (0, 0) is rarer than 1/4, so the plain
    fraction of errors is not eps. A box whose errors are all at (0, 0) looks error-free and is local."""
    deterministic = np.zeros((2, 2, 2, 2))
    for x, y in product(range(2), repeat=2):
        deterministic[(0, 1)[x], (1, 0)[y], x, y] = 1.0  # a = x, b = 1 - y
    errors = np.array(
        [
            [sum(deterministic[a, b, x, y] for a in (0, 1) for b in (0, 1) if a ^ b != x & y) for y in (0, 1)]
            for x in (0, 1)
        ]
    )
    assert errors.sum() == 1.0
    assert chsh_error(deterministic) == 0.25
    # all rounds with (0, 0) kept for the key: the test sees three inputs only
    assert errors[0, 0] in (0.0, 1.0)
    relabelled = errors.ravel()[np.argsort(-errors.ravel())].reshape(2, 2)  # the same box up to local relabelling
    assert relabelled[0, 0] == 1.0
    assert relabelled.ravel()[1:].mean() == 0.0
    box = xor_amplification.behaviour(1.0)
    assert (1 - np.array([[1, 1], [1, -1]]) * box.correlators).ravel()[1:].mean() / 2 == pytest.approx(0.25)


def test_002_corollary_4() -> None:
    """P(at least one bit known) is (4 eps/3)^2 + 8 eps (1 - 4 eps/3); the printed first term makes it exceed 1."""
    for eps in (0.05, 0.12):
        r = 4 * eps / 3
        weights = {(1, 1): r**2, (1, 0): 4 * eps * (1 - r), (0, 1): 4 * eps * (1 - r)}
        known = sum(weights.values())
        assert known == pytest.approx(r**2 + 8 * eps * (1 - r))
        assert known > (4 * eps) ** 2 + 2 * 4 * eps * (1 - 4 * eps)  # better than the individual attack
        both = weights[1, 1] * 0.75**2
        assert both == pytest.approx(eps**2)
        assert weights[1, 1] * 0.75 + weights[1, 0] * 0.25 == pytest.approx(eps)
    printed = (4 * 0.12) ** 2 + 8 * 0.12 * (1 - 4 * 0.12 / 3)
    assert printed == pytest.approx(value("D4.cor4_printed_at_0p12"))
    assert printed > 1
    for key in ("D4.cor4_pt0", "D4.cor4_pt2", "D4.cor4_pt4"):
        eps = REFERENCE[key]["params"]["eps"]
        assert (4 * eps / 3) ** 2 + 8 * eps * (1 - 4 * eps / 3) == pytest.approx(value(key), abs=1e-12)


def pattern_probabilities(n: int, eps: float) -> tuple[np.ndarray, float]:
    """Lemma 24: the probability of every pattern of violated conditions, and the weight of n PR boxes."""
    r = 4 * eps / 3
    total = np.zeros([2] * n)
    weight = 0.0
    for z in product(range(2), repeat=n):  # 1: local
        local = sum(z)
        if local == 0:
            continue
        w = r**local * (1 - r) ** (n - local) if local > 1 else 4 * eps * (1 - r) ** (n - 1)
        weight += w
        error = 0.75 if local > 1 else 0.25
        for c in product(range(2), repeat=n):
            if all(zi or not ci for zi, ci in zip(z, c, strict=True)):
                total[c] += w * math.prod(
                    (error if ci else 1 - error) if zi else 1.0 for zi, ci in zip(z, c, strict=True)
                )
    total[(0,) * n] += 1 - weight
    return total, 1 - weight


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_002_lemmas_24_and_25(n: int) -> None:
    """(16) gives n independent boxes; it is a partition up to eps = 3/(8n + 4), where the weight of n PR boxes is 0."""
    edge = 3 / (8 * n + 4)
    assert edge == value(f"D4.lemma25_eps_n{n}")
    for eps in (0.3 * edge, edge):
        total, rest = pattern_probabilities(n, eps)
        for c in product(range(2), repeat=n):
            assert total[c] == pytest.approx(eps ** sum(c) * (1 - eps) ** (n - sum(c)), abs=1e-14)
        assert rest >= -1e-14
        r = 4 * eps / 3
        closed = 1 - (1 - r) ** n - n * r * (1 - r) ** (n - 1) + 4 * n * eps * (1 - r) ** (n - 1)
        right = sum(math.comb(n, i) * r**i * (1 - r) ** (n - i) for i in range(2, n + 1)) + n * 4 * eps * (1 - r) ** (
            n - 1
        )
        printed = sum(math.comb(n, i) * r ** (n - i) * (1 - r) ** i for i in range(2, n + 1))
        assert 1 - rest == pytest.approx(right) == pytest.approx(closed)
        assert abs(printed + n * 4 * eps * (1 - r) ** (n - 1) - right) > 0.05
    assert pattern_probabilities(n, edge)[1] == pytest.approx(0.0, abs=1e-14)
    assert pattern_probabilities(n, edge + 0.01)[1] < 0
    assert 8 * edge / (3 - 4 * edge) == pytest.approx(1 / n)
    assert 8 * edge / (3 - 4 * edge) >= 8 * edge / 3


def test_002_other_reference_values_of_appendix_f() -> None:
    for key in ("D4.lemma25_sum_n2", "D4.lemma25_sum_n3", "D4.lemma25_sum_n5"):
        p = REFERENCE[key]["params"]
        assert 1 - pattern_probabilities(p["n"], p["eps"])[1] == pytest.approx(value(key), abs=1e-12)
    p = REFERENCE["D4.lemma24_negative_above_threshold"]["params"]
    assert pattern_probabilities(p["n"], p["eps"])[1] == pytest.approx(value("D4.lemma24_negative_above_threshold"))
    for key in ("D4.fraction_pt0", "D4.fraction_pt2"):
        eps = REFERENCE[key]["params"]["eps"]
        assert 8 * eps / (3 - 4 * eps) == pytest.approx(value(key), abs=1e-14)
    for n in (1, 5, 8):
        assert 3 / (8 * n + 4) == value(f"D4.lemma25_eps_n{n}")
    quarter = isotropic(0.25)
    mixture = sum(box for _, box in local_boxes(quarter)) / 8
    assert np.abs(mixture - quarter).max() == 0.0


def test_002_bias_of_section_1_4() -> None:
    """The largest bias of a no-signaling box with error eps on every input is 1/2 + 2 eps, by the certified program."""
    import sdpbound as sb

    settings = [(0, 0), (0, 1), (1, 0), (1, 1)]
    marginal = sb.BellExpression.from_correlators(np.zeros((2, 2)), [0.5, 0.0], [0.0, 0.0], 0.5)
    for key in ("D4.bias_sec14_pt0", "D4.bias_sec14_pt2"):
        eps = REFERENCE[key]["params"]["eps"]
        c = (1 - 2 * eps) * np.array([[1, 1], [1, -1]])
        observed = sb.Observations.correlators(c, settings)
        assert sb.maximize(marginal, sb.NoSignaling(), observed).value == pytest.approx(value(key), abs=1e-9)
