"""The protocols run: sampling, maps, hashing, error correction, keys that agree, lengths of the formulas, clean
aborts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from time import process_time
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

import sdpbound as sb
from sdpbound.protocols import bhk, braunstein_caves, simple_chsh, xor_amplification
from sdpbound.protocols.running import depolarisation, sampling
from sdpbound.protocols.running.codes import DESIGNS, Code, design_for, further_bits, syndrome_bits
from sdpbound.protocols.running.hashing import seed_bits, toeplitz_hash, toeplitz_seed
from sdpbound.protocols.running.outcome import Run
from sdpbound.protocols.running.reconciliation import measure, planned_leakage, reconcile

STRONG = sb.Behaviour.from_correlators(0.99 * np.array([[1.0, 1.0], [1.0, -1.0]]))


def test_draw_has_the_behaviours_frequencies() -> None:
    """Chi-squared of all outcomes for biased boxes; a wrong index order fails."""
    rng = np.random.default_rng(1)
    p = rng.random((2, 2, 3, 4))
    a, b = rng.random((2, 3)), rng.random((2, 4))
    p = np.einsum("ax,by->abxy", a / a.sum(0), b / b.sum(0))
    box = sb.Behaviour(p)
    n = 200_000
    x, y = rng.integers(0, 3, n), rng.integers(0, 4, n)
    a, b = sampling.draw(box, x, y, rng)
    statistic = 0.0
    for i, j in product(range(3), range(4)):
        here = (x == i) & (y == j)
        for c, d in product(range(2), repeat=2):
            expected = here.sum() * p[c, d, i, j]
            statistic += (np.count_nonzero(here & (a == c) & (b == d)) - expected) ** 2 / expected
    assert statistic < chi2.ppf(1 - 1e-6, 36)


def test_subset_bits() -> None:
    assert sampling.subset_bits(10, 3) == math.ceil(math.log2(120))
    assert sampling.subset_bits(10, 0) == 0
    chosen = sampling.choose(1000, 137, np.random.default_rng(0))
    assert chosen.sum() == 137


def test_shift_map_keeps_the_bell_value_and_unbiases() -> None:
    m = 4
    rng = np.random.default_rng(0)
    a, b = rng.random((2, m)), rng.random((2, m))
    p = np.einsum("ax,by->abxy", a / a.sum(0), b / b.sum(0))
    after = depolarisation.average(sb.Behaviour(p), depolarisation.shift_map)
    assert np.abs(after.marginals_a).max() < 1e-12 > np.abs(after.marginals_b).max()

    def average(q: np.ndarray) -> float:
        differ = q[0, 1] + q[1, 0]
        errors = [differ[y, y] for y in range(m)] + [differ[y + 1, y] for y in range(m - 1)] + [1 - differ[0, m - 1]]
        return float(np.mean(errors))

    assert average(after.p) == pytest.approx(average(p), abs=1e-12)
    same = after.p[0, 0] + after.p[1, 1]
    assert np.ptp([same[y, y] for y in range(m)]) < 1e-12


def test_maps_reject_other_numbers_of_settings() -> None:
    with pytest.raises(sb.InvalidShape, match="bhk_map"):
        depolarisation.average(bhk.behaviour(1.0, 3), depolarisation.three_bit_map)
    with pytest.raises(sb.InvalidShape):
        depolarisation.average(braunstein_caves.behaviour(0.0, 3), depolarisation.shift_map)


@pytest.mark.parametrize(("n", "length"), [(1, 1), (7, 3), (50, 50), (301, 17)])
def test_toeplitz_hash_is_the_matrix(n: int, length: int) -> None:
    rng = np.random.default_rng(n)
    key, seed = rng.integers(0, 2, n, dtype=np.uint8), toeplitz_seed(n, length, rng)
    matrix = np.array([[seed[i - j + n - 1] for j in range(n)] for i in range(length)], dtype=np.int64)
    assert np.array_equal(toeplitz_hash(key, seed, length), (matrix @ key % 2).astype(np.uint8))


def test_toeplitz_hash_is_two_universal() -> None:
    """Every nonzero difference is hashed to zero by exactly 2^-s of all seeds, and c T is uniform for every c."""
    n, s = 4, 3
    seeds = [np.array(bits, dtype=np.uint8) for bits in product(range(2), repeat=seed_bits(n, s))]
    for difference in product(range(2), repeat=n):
        zeros = sum(not toeplitz_hash(np.array(difference, dtype=np.uint8), seed, s).any() for seed in seeds)
        assert zeros == (len(seeds) if not any(difference) else len(seeds) // 2**s)
    for c in product(range(2), repeat=s):
        if any(c):
            rows = [
                tuple(sum(c[i] * int(seed[i - j + n - 1]) for i in range(s)) % 2 for j in range(n)) for seed in seeds
            ]
            assert all(rows.count(r) == len(seeds) // 2**n for r in product(range(2), repeat=n))


def test_long_hash_is_exact_and_linear() -> None:
    n, s = 1_000_000, 300_000
    rng = np.random.default_rng(0)
    seed = toeplitz_seed(n, s, rng)
    one, two = rng.integers(0, 2, (2, n), dtype=np.uint8)
    start = process_time()
    hashed = toeplitz_hash(one, seed, s)
    assert process_time() - start < 3.0
    assert np.array_equal(hashed ^ toeplitz_hash(two, seed, s), toeplitz_hash(one ^ two, seed, s))
    for i in (0, 12345, s - 1):
        assert hashed[i] == int((seed[i - np.arange(n) + n - 1] & one).sum()) & 1
    assert toeplitz_hash(one, toeplitz_seed(n, 0, rng), 0).size == 0
    with pytest.raises(sb.InvalidParameter):
        toeplitz_hash(one, seed, n + 1)


def test_designs_are_distributions_without_cycles_of_degree_2() -> None:
    for design in DESIGNS:
        assert sum(fraction for _, fraction in design.edges) == pytest.approx(1.0, abs=1e-3)
        e = design.error_rate
        h = -e * math.log2(e) - (1 - e) * math.log2(1 - e)
        nodes = {d: fraction / d for d, fraction in design.edges}
        assert nodes[2] / sum(nodes.values()) < design.efficiency * h  # fewer than checks: one chain
        assert 1.0 < design.efficiency < 1.2
    assert design_for(0.021).error_rate == 0.02


def test_code_is_what_it_says() -> None:
    n = 3000
    code = Code.random(n, 700, design_for(0.03), np.random.default_rng(0))
    assert np.array_equal(np.sort(code.check), code.check)
    assert len({(v, c) for v, c in zip(code.variable.tolist(), code.check.tolist(), strict=True)}) == code.check.size
    degrees = np.bincount(code.variable, minlength=n)
    assert degrees.min() >= 2
    per_check = np.bincount(code.check, minlength=700)
    assert per_check.max() - per_check.min() <= 2
    dense = np.zeros((700, n), dtype=np.int64)
    dense[code.check, code.variable] = 1
    bits = np.random.default_rng(1).integers(0, 2, n, dtype=np.uint8)
    assert np.array_equal(code.syndrome(bits), dense @ bits % 2)
    pattern = np.zeros(n, dtype=np.uint8)
    pattern[[5, 99, 1234]] = 1
    found, ok = code.decode(code.syndrome(pattern), np.full(n, math.log(0.97 / 0.03), dtype=np.float32))
    assert ok
    assert np.array_equal(found, pattern)


@pytest.mark.parametrize(
    "error_rate", [0.02, *(pytest.param(rate, marks=pytest.mark.slow) for rate in (0.03, 0.04, 0.05))]
)
def test_error_correction_near_the_shannon_limit(error_rate: float) -> None:
    """10^4 bits, 2 to 5 % errors: at most 1.25 times the limit on average, tag and answers included. Long runs: 0.3 %
    failures or fewer.
    """
    result = measure(10_000, error_rate, trials=40, seed=3)
    assert result.efficiency <= 1.25
    assert result.failure * 40 <= 1
    assert result.failure < result.failure_limit < 0.12
    assert result.undetected == 0


def test_one_message_for_protocols_without_answers() -> None:
    """6 % failures at 2 % errors in long runs, from the same bits."""
    result = measure(10_000, 0.02, trials=20, seed=3, repeat=False)
    assert result.efficiency <= 1.25
    assert result.failure <= 0.3


def test_further_checks_are_sent_until_a_hard_pattern_is_decoded() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 20_000, dtype=np.uint8)
    hard = a ^ (np.arange(20_000) < 500).astype(np.uint8)  # a burst; 2.5 % where 2 % are expected
    once, more = (reconcile(a, hard, 0.02, 1e-9, rng, repeat=repeat) for repeat in (False, True))
    assert not once.agreed
    assert once.answers == 1
    assert more.agreed
    assert np.array_equal(more.corrected, a)
    assert more.answers >= 3  # not decoded, decoded, and the hash agrees
    assert more.syndrome > reconcile(a, a, 0.02, 1e-9, rng, repeat=True).syndrome


def test_longer_codes_keep_their_first_checks() -> None:
    rng = np.random.default_rng(0)
    code = Code.random(3000, 700, design_for(0.03), rng)
    longer = code.longer(500, rng)
    bits = rng.integers(0, 2, 3000, dtype=np.uint8)
    assert np.array_equal(longer.syndrome(bits)[:700], code.syndrome(bits))
    assert longer.m == 1200
    more = longer.check >= 700
    assert len({*zip(longer.variable[more].tolist(), longer.check[more].tolist(), strict=True)}) == more.sum()
    assert np.ptp(np.bincount(longer.variable[more], minlength=3000)) <= 2


@pytest.mark.parametrize("repeat", [False, True])
def test_answers_are_functions_of_the_error_pattern(repeat: bool) -> None:
    """What Bob answers, and what is published, is the same for all keys with one error pattern: the proof needs it."""
    seen = set()
    for seed in range(4):
        keys, rng = np.random.default_rng(seed), np.random.default_rng(7)
        a = keys.integers(0, 2, 4000, dtype=np.uint8)
        b = a ^ (np.arange(4000) < 120).astype(np.uint8)
        done = reconcile(a, b, 0.02, 1e-9, rng, repeat=repeat)
        seen.add((done.agreed, done.syndrome, done.tag, done.answers))
    assert len(seen) == 1


def test_long_error_correction() -> None:
    start = process_time()
    result = measure(200_000, 0.03, trials=1, seed=0)
    assert process_time() - start < 10.0
    assert result.failure == 0.0
    assert result.efficiency < 1.16


def test_reconciliation_of_hard_and_easy_keys() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 5000, dtype=np.uint8)
    exact = reconcile(a, a, 0.0, 1e-9, rng)
    assert exact.agreed
    assert exact.syndrome == 0
    wrong = a.copy()
    wrong[17] ^= 1
    assert not reconcile(a, wrong, 0.0, 1e-9, rng).agreed  # one undetected error is the hash's business
    few = reconcile(a, wrong, 1e-5, 1e-9, rng)
    assert few.agreed
    assert np.array_equal(few.corrected, a)
    far = a ^ (rng.random(5000) < 0.2).astype(np.uint8)
    assert not reconcile(a, far, 0.02, 1e-9, rng).agreed
    all_sent = reconcile(a, far, 0.45, 1e-9, rng)
    assert all_sent.agreed
    assert all_sent.syndrome == 5000
    for e, known in ((0.0, math.inf), (0.02, math.inf), (0.02, 3000.0), (0.45, math.inf)):
        for repeat in (False, True):
            done = reconcile(a, a, e, 1e-9, rng, known, repeat)
            assert done.syndrome + done.tag + done.answers == planned_leakage(5000, e, 1e-9, known, repeat)


def test_hash_of_the_check_misses_as_promised() -> None:
    """A tag of 3 bits accepts one wrong key in eight."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 64, dtype=np.uint8)
    wrong = a.copy()
    wrong[3] ^= 1
    accepted = sum(reconcile(a, wrong, 0.0, 1 / 8, rng).agreed for _ in range(4000))
    assert 400 < accepted < 600


def test_syndrome_bits_grow_with_what_is_not_known() -> None:
    assert syndrome_bits(10_000, 0.02, more_follow=True) < syndrome_bits(10_000, 0.02)
    assert sum(further_bits(10_000, 0.02, 5000)) > sum(further_bits(10_000, 0.02)) > 0
    h = -0.02 * math.log2(0.02) - 0.98 * math.log2(0.98)
    assert syndrome_bits(10_000, 0.02) + 36 <= 1.25 * h * 10_000 + 1
    assert syndrome_bits(10_000, 0.02, known_from=5000) > syndrome_bits(10_000, 0.02)
    assert syndrome_bits(100_000, 0.02) < 10 * syndrome_bits(10_000, 0.02)


# --- whole runs


def formula_length(run: Run, name: str) -> float:
    """The certified length again, from the public functions and the run's record."""
    s, leak = run.security / 2, run.transcript.leakage
    if name == "simple":
        return simple_chsh.proven_key_length(run.rounds, run.test_rounds, run.bell_error, leak, s)
    if name == "simple, printed":
        return simple_chsh.key_length(run.rounds, run.test_rounds, run.bell_error, s, leak)
    if name == "bhk":
        return bhk.proven_key_length(run.rounds, run.test_rounds, run.bell_error, leak, 16, s)
    if name == "bhk, printed":
        return bhk.key_length(run.rounds, run.test_rounds, run.bell_error, 16, s, leak)
    if name == "braunstein_caves":
        return braunstein_caves.key_length(run.rounds, run.raw_bits, run.test_rounds, leak, run.bell_error, 7, s)
    if name == "xor":
        return xor_amplification.proven_key_length(run.raw_bits, run.test_rounds, run.bell_error, leak, s)
    return xor_amplification.key_length(run.raw_bits, run.test_rounds, run.bell_error, leak, s)


RUNS: dict[str, Callable[..., Run]] = {
    "simple": lambda **more: simple_chsh.simulate(STRONG, 300_000, **more),
    "simple, printed": lambda **more: simple_chsh.simulate(STRONG, 300_000, printed=True, **more),
    "bhk": lambda **more: bhk.simulate(bhk.behaviour(0.995, 16), 1_000_000, **more),
    "bhk, printed": lambda **more: bhk.simulate(bhk.behaviour(0.97, 16), 300_000, printed=True, **more),
    "braunstein_caves": lambda **more: braunstein_caves.simulate(braunstein_caves.behaviour(0.0, 7), 400_000, **more),
    "xor": lambda **more: xor_amplification.simulate(STRONG, 300_000, **more),
    "xor, printed": lambda **more: xor_amplification.simulate(STRONG, 300_000, printed=True, **more),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "bhk, printed")) for name in RUNS]
)
def test_run_ends_with_equal_keys_of_the_formulas_length(name: str) -> None:
    run = RUNS[name](seed=5)
    assert run.aborted is None
    assert run.keys_agree
    assert run.key_alice is not None
    assert run.length == run.key_alice.size == math.floor(run.certified_length) > 0
    assert run.certified_length == pytest.approx(formula_length(run, name), rel=1e-12)
    assert abs(run.key_alice.mean() - 0.5) < 6 / math.sqrt(run.length)
    t = run.transcript
    assert t.size == t.choices + t.test_outcomes + t.syndrome + t.tag + t.answers + t.hash_seeds
    assert t.tag == math.ceil(math.log2(2 / run.security))
    assert t.hash_seeds == seed_bits(run.raw_bits, t.tag) + seed_bits(run.raw_bits, run.length)
    assert "key bits" in repr(run)
    assert run.proof.startswith("printed" if "printed" in name else "proven")


def test_runs_repeat_with_their_seed() -> None:
    run, again, other = (simple_chsh.simulate(STRONG, 30_000, seed=seed) for seed in (5, 5, 6))
    assert run.keys_agree
    assert again.length == run.length
    assert np.array_equal(again.key_alice, run.key_alice)
    assert other.keys_agree
    assert not np.array_equal(other.key_alice[:50], run.key_alice[:50])


def test_estimates_are_the_behaviours() -> None:
    """The tested averages are within five standard deviations of the exact ones; wrong maps would miss them."""
    simple, many = (
        simple_chsh.simulate(simple_chsh.behaviour(0.9), 200_000),
        bhk.simulate(bhk.behaviour(0.9, 5), 200_000),
    )
    chain = braunstein_caves.simulate(braunstein_caves.behaviour(0.05, 4), 200_000, gamma=0.5)
    shifted = braunstein_caves.simulate(braunstein_caves.behaviour(0.05, 4), 200_000, gamma=0.5, depolarise=True)
    xor = xor_amplification.simulate(xor_amplification.behaviour(0.95), 200_000)
    flat = xor_amplification.simulate(xor_amplification.behaviour(0.95), 200_000, depolarise=True)
    eps = 0.1875 * 0.95 + 0.025
    for run, exact in (
        (simple, simple_chsh.error_rate(0.9)),
        (many, bhk.error_rate(0.9, 5)),
        (chain, braunstein_caves.bell_average(0.05, 4)),
        (shifted, braunstein_caves.bell_average(0.05, 4)),
        (xor, eps),
        (flat, eps),
    ):
        assert abs(run.bell_error - exact) < 5 * math.sqrt(exact / run.test_rounds), run
    assert abs(chain.test_rounds - 200_000 * 0.25 * 2 / 4) < 5 * math.sqrt(25_000)
    assert abs(chain.raw_bits - 50_000) < 5 * math.sqrt(50_000)
    for run, exact in ((simple, simple_chsh.error_rate(0.9)), (chain, 0.025), (xor, 0.025), (flat, eps)):
        assert abs(run.error_rate - exact) < 5 * math.sqrt(exact / run.raw_bits), run


LOCAL = sb.Behaviour.from_correlators(np.array([[0.5, 0.5], [0.5, -0.5]]))


def _eve_replaces(box: sb.Behaviour, fraction: float) -> sb.Behaviour:
    """Eve hands out deterministic boxes in a fraction of the rounds: a = b = 0 always."""
    zero = np.zeros(box.p.shape)
    zero[0, 0] = 1.0
    return box.mix(sb.Behaviour(zero), 1 - fraction)


TAMPERED: dict[str, Callable[[], Run]] = {
    "simple, local": lambda: simple_chsh.simulate(LOCAL, 200_000),
    "simple, replaced": lambda: simple_chsh.simulate(_eve_replaces(STRONG, 0.97), 200_000),
    "bhk, replaced": lambda: bhk.simulate(_eve_replaces(bhk.behaviour(0.995, 16), 0.8), 300_000),
    "xor, local": lambda: xor_amplification.simulate(LOCAL, 200_000),
    "xor, replaced": lambda: xor_amplification.simulate(_eve_replaces(STRONG, 0.97), 200_000),
    "braunstein_caves, replaced": lambda: braunstein_caves.simulate(
        _eve_replaces(braunstein_caves.behaviour(0.0, 7), 0.3), 400_000
    ),
    "braunstein_caves, key basis only": lambda: braunstein_caves.simulate(_other_key_basis(), 400_000, error_rate=1e-3),
    "simple CHSH has no rate left for real codes": lambda: simple_chsh.simulate(simple_chsh.behaviour(1.0), 10**6),
    "too few rounds": lambda: xor_amplification.simulate(xor_amplification.behaviour(1.0), 1000),
}


def _other_key_basis() -> sb.Behaviour:
    p = braunstein_caves.behaviour(0.0, 7).p.copy()
    p[:, :, :, 7] = 0.8 * p[:, :, :, 7] + 0.05
    return sb.Behaviour(p)


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_behaviours_abort_cleanly(name: str) -> None:
    run = TAMPERED[name]()
    assert run.aborted is not None
    assert run.aborted.endswith(".")
    assert run.key_alice is None and run.key_bob is None
    assert run.length == 0
    assert not run.keys_agree
    assert run.transcript.hash_seeds <= run.raw_bits + 64
    assert "aborted" in repr(run)


def test_no_pairs_left_is_an_abort() -> None:
    run = braunstein_caves.simulate(braunstein_caves.behaviour(0.0, 7), 100, gamma=0.01)
    assert run.aborted is not None
    assert "more rounds" in run.aborted
    assert math.isnan(run.certified_length)


@pytest.mark.parametrize("seed", range(12))
def test_an_aborted_or_finished_run_never_has_different_keys(seed: int) -> None:
    """Error correction at its limit fails now and then; then the run aborts, and never hands out different keys."""
    run = simple_chsh.simulate(STRONG, 30_000, seed=seed)
    assert (run.aborted is None) == run.keys_agree
    if run.aborted:
        assert "hash" in run.aborted


@pytest.mark.slow
def test_a_million_rounds_take_seconds() -> None:
    for call in (
        lambda: bhk.simulate(bhk.behaviour(0.99, 16), 10**6),
        lambda: bhk.simulate(bhk.behaviour(0.98, 30), 10**6, printed=True),
        lambda: braunstein_caves.simulate(braunstein_caves.behaviour(0.0, 7), 10**6),
        lambda: xor_amplification.simulate(xor_amplification.behaviour(1.0), 10**6),
    ):
        start = process_time()
        assert call().keys_agree
        assert process_time() - start < 10.0


BAD: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "not a behaviour": (lambda: bhk.simulate(3, 1000), sb.InvalidInput),  # type: ignore[arg-type]
    "wrong shape": (lambda: xor_amplification.simulate(bhk.behaviour(1.0, 3), 1000), sb.InvalidShape),
    "no key setting": (lambda: braunstein_caves.simulate(bhk.behaviour(1.0, 3), 1000), sb.InvalidShape),
    "few rounds": (lambda: bhk.simulate(STRONG, 5), sb.InvalidParameter),
    "half a round": (lambda: bhk.simulate(STRONG, 1000.5), sb.InvalidParameter),  # type: ignore[arg-type]
    "too many tests": (lambda: bhk.simulate(STRONG, 1000, test_rounds=1000), sb.InvalidParameter),
    "security": (lambda: bhk.simulate(STRONG, 1000, security=0.0), sb.InvalidParameter),
    "gamma": (
        lambda: braunstein_caves.simulate(braunstein_caves.behaviour(0.0, 3), 1000, gamma=1.0),
        sb.InvalidParameter,
    ),
    "seed": (lambda: bhk.simulate(STRONG, 1000, seed="a"), sb.InvalidInput),  # type: ignore[arg-type]
    "negative seed": (lambda: xor_amplification.simulate(STRONG, 1000, seed=-1), sb.InvalidInput),
    "two securities": (lambda: bhk.simulate(STRONG, 1000, security=[0.1, 0.2]), sb.InvalidShape),  # type: ignore[arg-type]
    "signaling": (lambda: simple_chsh.simulate(sb.Behaviour(_signaling()), 1000), sb.InvalidBehaviour),
}


def _signaling() -> np.ndarray:
    p = np.full((2, 2, 2, 2), 0.25)
    p[:, :, 0, 1] = [[0.5, 0.0], [0.5, 0.0]]
    p[:, :, 1, 1] = [[0.0, 0.5], [0.0, 0.5]]
    return p


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, kind = BAD[name]
    with pytest.raises(kind) as error:
        call()
    assert "\n" not in str(error.value)
