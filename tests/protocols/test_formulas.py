"""The protocols' closed forms against independent computations: many digits, brute force, monotony, speed, bad
input.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import process_time
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.protocols import bhk, braunstein_caves, simple_chsh, xor_amplification

ROUNDS = np.logspace(2, 15, 400)


def entropy(p: Any) -> Any:
    return -p * mpmath.log(p, 2) - (1 - p) * mpmath.log(1 - p, 2) if 0 < p < 1 else mpmath.mpf(0)


@given(st.floats(0.0, 1.0), st.integers(2, 60))
def test_bhk_rate_in_many_digits(p: float, m: int) -> None:
    with mpmath.workdps(40):
        q = mpmath.mpf(p) * mpmath.sin(mpmath.pi / (4 * m)) ** 2 + (1 - mpmath.mpf(p)) / 2
        exact = 1 - q * mpmath.log(1 + 2 * m, 2) - entropy(q)
    assert bhk.key_rate(p, m) == pytest.approx(float(exact), abs=1e-13)


@pytest.mark.parametrize("matched", [False, True])
def test_best_settings_are_best(matched: bool) -> None:
    visibilities = np.linspace(0.0, 0.9995, 60)
    every = np.arange(2, 1200)
    rates = bhk.key_rate(visibilities[:, None], every[None, :], matched)
    assert np.array_equal(bhk.best_settings(visibilities, matched), every[np.argmax(rates, axis=1)])


def test_where_six_settings_are_best() -> None:
    """The docstring's interval, and that M = 6 is not best at visibility 0.8."""
    assert [bhk.best_settings(v) for v in (0.7466, 0.7467, 0.7911, 0.7912, 0.8)] == [5, 6, 6, 7, 7]
    assert bhk.best_settings(1.0, largest=5000) == 5000


def test_thresholds_are_zeros() -> None:
    assert abs(bhk.key_rate(bhk.threshold())) < 1e-13
    assert abs(simple_chsh.key_rate(simple_chsh.threshold())) < 1e-13
    assert abs(simple_chsh.rate_at_error(simple_chsh.threshold_error())) < 1e-13
    box = xor_amplification.behaviour(xor_amplification.threshold())
    delta = (1 - box.correlators[0, 0]) / 2
    c = box.correlators
    eps = 0.5 - (c[0, 0] + c[0, 1] + c[1, 0] - c[1, 1]) / 8
    assert abs(xor_amplification.key_rate(eps, delta)) < 1e-12
    assert (
        abs(xor_amplification.key_rate(*xor_amplification.noisy_errors(xor_amplification.threshold(True), True)))
        < 1e-12
    )
    errors = xor_amplification.noisy_errors(xor_amplification.threshold(individual=True))
    assert abs(xor_amplification.individual_rate(*errors)) < 1e-12
    equal = xor_amplification.largest_equal_error()
    assert abs(xor_amplification.key_rate(equal, equal)) < 1e-12
    m = np.arange(2, 9).reshape(-1, 1)
    assert np.abs(bhk.key_rate(bhk.threshold(m), m)).max() < 1e-12
    assert np.abs(bhk.rate_at_error(bhk.threshold_error(m), m)).max() < 1e-12
    assert braunstein_caves.threshold(m).shape == (7, 1)
    assert np.abs(braunstein_caves.marginal_rate(braunstein_caves.threshold(m[1:]), m[1:])).max() < 1e-12
    for m in (3, 5, 7, 11):
        t = braunstein_caves.threshold(m)
        assert braunstein_caves.key_rate(t * 0.999, m) > 0.0 == braunstein_caves.key_rate(t * 1.001, m)


def test_behaviours_have_the_error_rates() -> None:
    for m in (2, 3, 6):
        c = bhk.behaviour(0.9, m).correlators
        for x in range(m):
            for y in {x, (x + 1) % m}:
                sign = -1 if (x == m - 1 and y == 0) else 1
                assert (1 - sign * c[x, y]) / 2 == pytest.approx(bhk.error_rate(0.9, m), abs=1e-14)
    c = simple_chsh.behaviour(0.9).correlators
    assert c[0, 0] + c[0, 1] + c[1, 0] - c[1, 1] == pytest.approx(0.9 * 2 * math.sqrt(2), abs=1e-13)
    for m in (2, 7):
        box = braunstein_caves.behaviour(0.03, m)
        assert box.correlators[0, m] == pytest.approx(0.97)
        errors = [(1 - box.correlators[y, y]) / 2 for y in range(m)]
        errors += [(1 - (-1 if y == m - 1 else 1) * box.correlators[(y + 1) % m, y]) / 2 for y in range(m)]
        assert max(errors) == pytest.approx(min(errors)) == pytest.approx(braunstein_caves.bell_average(0.03, m))


def test_confidence_intervals_by_brute_force() -> None:
    q, delta = 0.2, 0.1
    grid = np.linspace(0.15, 0.25, 2001)  # L1 distance 2 |q' - q| <= delta
    h = -grid * np.log2(grid) - (1 - grid) * np.log2(1 - grid)
    assert simple_chsh.reconciliation_entropy(q, delta) == pytest.approx(h.max(), abs=1e-12)
    assert bhk.secret_entropy(q, delta, 5) == pytest.approx((1 - grid * math.log2(11)).min(), abs=1e-12)
    assert simple_chsh.reconciliation_entropy(0.49, 0.1) == 1.0
    assert simple_chsh.secret_entropy(0.99, 0.5) == pytest.approx(1 - math.log2(5))


def test_bounds_of_paper_000_in_many_digits() -> None:
    n, n_e, n_f, n_s, q, delta = 10**6, 2 * 10**5, 10**5, 10**5, 0.01, 0.09
    with mpmath.workdps(50):
        e = 4 * mpmath.mpf(n + 1) ** 4 * mpmath.exp(-(mpmath.mpf(delta) ** 2) * n_e / (8 * mpmath.log(2)))
        hpa = 1 - (mpmath.mpf(q) + mpmath.mpf(delta) / 2) * mpmath.log(5, 2)
        first = mpmath.sqrt(2) ** (n_s + n_f + 2 * n_e - (n - n_e) * hpa)
        second = mpmath.mpf(2) ** ((n - n_e) * entropy(mpmath.mpf(q) + mpmath.mpf(delta) / 2) - n_f)
        second *= mpmath.mpf(n - n_e + 1) ** 4
        secret, correct = mpmath.log(first + 2 * e, 2), mpmath.log(second + e, 2)
    assert simple_chsh.secrecy_bound(n, n_e, n_f, n_s, q, delta)[0] == pytest.approx(float(secret), rel=1e-12)
    assert simple_chsh.correctness_bound(n, n_e, n_f, q, delta)[0] == pytest.approx(float(correct), rel=1e-12)


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("leakage", [None, 40000.0])
def test_key_length_meets_its_security(sharp: bool, leakage: float | None) -> None:
    """Put the length back into (13) and (15): together they use the security, no more and no less."""
    n, n_e, q, m, s = 10**6, 10**5, 0.01, 6, 1e-9
    length = bhk.key_length(n, n_e, q, m, s, leakage, sharp)
    parts = 6 if leakage is None else 4
    if sharp:
        n_r = n - n_e
        shift = math.sqrt(math.log(4 / (s / parts)) * n * (n_r + 1) / (2 * n_e * n_r**2))
    else:
        shift = math.sqrt(8 * math.log(2) * (math.log(4 * parts / s) + 4 * math.log(n + 1)) / n_e) / 2
    estimate = 3 * s / 6 if leakage is None else 2 * s / 4
    high = q + shift
    if leakage is None:
        h = -high * math.log2(high) - (1 - high) * math.log2(1 - high)
        sent = (n - n_e) * h + 4 * math.log2(n - n_e + 1) - math.log2(s / 4)
        estimate += s / 4
    else:
        sent = leakage
    first = 2 ** (0.5 * (length + sent + 2 * n_e - (n - n_e) * (1 - high * math.log2(1 + 2 * m))))
    assert first + estimate == pytest.approx(s, rel=1e-4)


def test_serfling_limit_by_counting() -> None:
    """The exact hypergeometric tail is below the bound that ``sharp`` uses, for every number of errors."""
    from scipy.stats import hypergeom

    n, n_e = 60, 20
    n_r = n - n_e
    for t in (0.15, 0.3, 0.45):
        bound = 2 * math.exp(-2 * t**2 * n_e * n_r**2 / (n * (n_r + 1)))
        for ones in range(n + 1):
            k = np.arange(n_e + 1)
            far = np.abs(k / n_e - (ones - k) / n_r) > t
            assert hypergeom.pmf(k, n, ones, n_e)[far].sum() <= bound


@given(st.integers(2, 12), st.floats(0.0, 1.0), st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_worst_theta_is_the_minimum(m: int, w: float, r: float, e: float) -> None:
    theta = np.concatenate([np.linspace(1e-9, 1 - 1e-9, 2001), [w] if 0 < w < 1 else []])
    with np.errstate(divide="ignore", invalid="ignore"):
        d = np.where(w > 0, w * np.log2(w / theta), 0.0) + np.where(
            w < 1, (1 - w) * np.log2((1 - w) / (1 - theta)), 0.0
        )
    values = 2 * max(e, 1.0) * d - 2 * r * np.log2(0.5 + m * theta)
    found = braunstein_caves.estimate_exponent(r, max(e, 1.0), w, m)
    assert found <= values.min() + 1e-7 * (r + e)


def test_best_gamma_in_many_digits() -> None:
    """The maximum of (21) over gamma, by maximising the exact minimum over theta with 40 digits."""
    for m, xi in ((5, 0.0), (7, 0.01)):
        with mpmath.workdps(40):
            w = (1 - mpmath.mpf(xi)) * mpmath.sin(mpmath.pi / (4 * m)) ** 2 + mpmath.mpf(xi) / 2

            def rate(g: Any, m: int = m, w: Any = w, xi: float = xi) -> Any:
                e, r = 2 * g**2 / m, (1 - g) ** 2
                a, b, c = (e + r) * m, e * (mpmath.mpf(1) / 2 - m * w) - r * m, -e * w / 2
                t = (-b + mpmath.sqrt(b * b - 4 * a * c)) / (2 * a)
                d = w * mpmath.log(w / t, 2) + (1 - w) * mpmath.log((1 - w) / (1 - t), 2)
                return (
                    2 * e * d - 2 * r * mpmath.log(mpmath.mpf(1) / 2 + m * t, 2) - r * (1 + entropy(mpmath.mpf(xi) / 2))
                )

            guess = braunstein_caves.best_gamma(xi, m)
            best = mpmath.findroot(lambda g: mpmath.diff(rate, g), guess)
            assert guess == pytest.approx(float(best), abs=1e-12)
            assert braunstein_caves.key_rate(xi, m) == pytest.approx(float(rate(best)), abs=1e-14)


def test_no_other_number_of_settings_is_better() -> None:
    noise = np.linspace(0.0, 0.0275, 56)
    every = np.arange(2, 41)
    rates = braunstein_caves.key_rate(noise[:, None], every[None, :])
    assert np.array_equal(braunstein_caves.best_settings(noise), every[np.argmax(rates, axis=1)])
    assert max(braunstein_caves.threshold(int(m)) for m in every) == braunstein_caves.threshold()
    assert [braunstein_caves.best_settings(x) for x in (0.0045, 0.0046, 0.0230, 0.0231)] == [7, 6, 6, 7]


def test_xor_distance_by_enumeration() -> None:
    eps = [0.05, 0.11, 0.2]
    product = 0.5 * math.prod(4 * e for e in eps)
    assert 2 ** xor_amplification.xor_distance(eps) == pytest.approx(product, rel=1e-14)
    assert xor_amplification.xor_distance([0.0, 0.1]) == -math.inf
    assert xor_amplification.average_distance(eps) <= xor_amplification.distance(3, np.mean(eps), 0) + 1e-12


def test_proven_rates() -> None:
    """Positive exactly where the rate for independent boxes is, and below it; without errors against a grid over
    theta.
    """
    for eps, delta in ((0.0, 0.0), (0.1875, 0.0), (0.2, 0.02), (0.2, 0.0225), (0.1, 0.1), (0.1, 0.12)):
        rate, simple = xor_amplification.proven_rate(eps, delta), xor_amplification.key_rate(eps, delta)
        assert 0.0 <= rate <= max(simple, 0.0)
        assert (rate > 0.0) == (simple > 0.0)
    for m in (2, 5):
        t = np.linspace(0.0, 0.9999, 3001)[None, :]
        part = np.linspace(0.001, 0.6, 1200)[:, None]
        values = (part + (-(1 - part) * np.log2(1 - t) - part * np.log2(1 + 2 * m * t))).min(axis=1)
        error_free = bhk.proven_key_length(10**9, 10**9 * (1 - part[:, 0]), 0.0, 0, m) / 1e9
        assert error_free == pytest.approx(values, abs=2e-4)
    assert np.all(simple_chsh.proven_rate(np.linspace(0, 1, 11)) == 0.0)


def test_quantum_boundary_by_angles() -> None:
    """The smallest error over all planar angles with this key error, on a grid."""
    t = np.linspace(-math.pi, math.pi, 181)
    t1, t2 = np.meshgrid(t, t, indexing="ij")
    for delta in (0.0, 0.02, 0.1464, 0.3):
        a = math.acos(1 - 2 * delta)
        # angles a between A0 B0, t1 to B1, t2 to A1: E00 = cos a, E01 = cos t1, E10 = cos(a + t2), E11 = cos(t1 - ... )
        best = (4 - math.cos(a) - (np.cos(t1) + np.cos(t2) - np.cos(a + t1 + t2))).min() / 8
        assert xor_amplification.quantum_boundary(delta) == pytest.approx(best, abs=2e-4)
        assert xor_amplification.quantum_boundary(delta) <= best + 1e-12


def test_quantum_boundary_is_the_hierarchys() -> None:
    for delta in (0.01, 0.0566):
        expression = sb.BellExpression.from_correlators(-np.array([[1, 1], [1, -1]]) / 8, None, None, 0.5)
        observed = sb.Observations.bell_value(
            sb.BellExpression.from_correlators(np.array([[1.0, 0], [0, 0]])), 1 - 2 * delta
        )
        smallest = sb.minimize(expression, sb.Quantum("1+AB"), observed).value
        assert smallest == pytest.approx(xor_amplification.quantum_boundary(delta), abs=1e-6)


def test_estimated_error_and_length_of_paper_002() -> None:
    n, k, measured, s = 8 * 10**5, 2 * 10**5, 0.19, 1e-10
    margin = math.sqrt(16 * math.log(2 / (s / 2)) / k)
    limit = measured + (1 + k / n) * margin
    assert xor_amplification.estimated_error(n, k, measured, s / 2) == pytest.approx(limit, rel=1e-14)
    assert xor_amplification.estimation_failure(k, margin) == pytest.approx(math.log2(s / 2), rel=1e-12)
    length = xor_amplification.key_length(n, k, measured, 1000, s)
    assert xor_amplification.distance(n, limit, length + 1000) == pytest.approx(math.log2(s / 2), abs=1e-6)
    assert xor_amplification.key_length(n, k, measured, 1000, s, sharp=True) > length


LENGTHS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "bhk": (lambda n: bhk.finite_length(n, 0.95), bhk.key_rate(0.95)),
    "bhk sharp": (lambda n: bhk.finite_length(n, 0.8, 7, sharp=True), bhk.key_rate(0.8, 7)),
    "bhk threshold": (lambda n: bhk.finite_length(n, 0.779, 6), bhk.key_rate(0.779, 6)),
    "bhk proven": (lambda n: bhk.proven_finite_length(n, 0.98, 10), bhk.proven_rate(0.98, 10)),
    "xor proven": (
        lambda n: xor_amplification.proven_finite_length(n, 0.19, 0.005),
        xor_amplification.proven_rate(0.19, 0.005),
    ),
    "simple": (lambda n: simple_chsh.finite_length(n, 0.99), simple_chsh.key_rate(0.99)),
    "braunstein_caves": (lambda n: braunstein_caves.finite_length(n, 0.01), braunstein_caves.key_rate(0.01)),
    "braunstein_caves 11": (
        lambda n: braunstein_caves.finite_length(n, 0.0, 11, 1e-30),
        braunstein_caves.key_rate(0.0, 11),
    ),
    "braunstein_caves 1000": (
        lambda n: braunstein_caves.finite_length(n, 0.0, 1000),
        braunstein_caves.key_rate(0.0, 1000),
    ),
    "xor": (lambda n: xor_amplification.finite_length(n, 0.19, 0.005), xor_amplification.key_rate(0.19, 0.005)),
    "xor sharp": (
        lambda n: xor_amplification.finite_length(n, 0.01, 0.0, 1e-3, True),
        xor_amplification.key_rate(0.01, 0.0),
    ),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_finite_lengths(name: str) -> None:
    """Finite and monotone from 10^2 to 10^15 rounds, never above the asymptotic rate, which they approach."""
    function, rate = LENGTHS[name]
    length = function(ROUNDS)
    assert np.isfinite(length).all()
    assert (np.diff(length) >= -1e-9 * np.abs(length[1:])).all()
    assert (np.diff(length / ROUNDS) >= -1e-12).all()
    assert (length <= rate * ROUNDS * (1 + 1e-12)).all()
    assert length[-1] > 0.7 * rate * ROUNDS[-1]


def test_without_a_rate_there_is_no_length() -> None:
    for length in (
        bhk.finite_length(ROUNDS, 0.7),
        bhk.finite_length(ROUNDS, 0.0, 2),
        xor_amplification.finite_length(ROUNDS, 0.22, 0.02),
        xor_amplification.finite_length(ROUNDS, 0.25, 0.5),
        braunstein_caves.finite_length(ROUNDS, 0.03, 7),
        braunstein_caves.finite_length(ROUNDS, 0.0, 2),
    ):
        assert np.isfinite(length).all()
        assert (length < 0).all()
        assert (np.diff(length) >= 0).all()


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(2, 9))
def test_rates_fall_with_noise(v: float, w: float, m: int) -> None:
    low, high = sorted((v, w))
    assert bhk.key_rate(low, m) <= bhk.key_rate(high, m) + 1e-12
    assert braunstein_caves.key_rate(1 - low, m) <= braunstein_caves.key_rate(1 - high, m) + 1e-12
    assert xor_amplification.key_rate(high / 4, low / 2) <= xor_amplification.key_rate(low / 4, low / 2) + 1e-12


CURVES: dict[str, Callable[[], Any]] = {
    "bhk": lambda: bhk.key_rate(np.linspace(0.7, 1, 1000)),
    "bhk finite": lambda: bhk.finite_length(np.logspace(2, 15, 1000), 0.9),
    "bhk proven": lambda: bhk.proven_rate(np.linspace(0.7, 1, 1000), 8),
    "bhk proven finite": lambda: bhk.proven_finite_length(np.logspace(2, 15, 1000), 0.98, 10),
    "xor proven": lambda: xor_amplification.proven_rate(np.linspace(0, 0.25, 1000), 0.01),
    "simple": lambda: simple_chsh.key_rate(np.linspace(0.7, 1, 1000)),
    "simple finite": lambda: simple_chsh.finite_length(np.logspace(2, 15, 1000), 1.0),
    "braunstein_caves": lambda: braunstein_caves.key_rate(np.linspace(0, 0.03, 1000)),
    "braunstein_caves finite": lambda: braunstein_caves.finite_length(np.logspace(2, 15, 1000), 0.005),
    "xor": lambda: xor_amplification.key_rate(np.linspace(0, 0.25, 1000), 0.01),
    "xor finite": lambda: xor_amplification.finite_length(np.logspace(2, 15, 1000), 0.19, 0.005),
    "xor largest delta": lambda: xor_amplification.largest_delta(np.linspace(0, 0.25, 1000)),
}


@pytest.mark.parametrize("name", CURVES)
def test_curves_are_fast(name: str) -> None:
    """1000 points in less than 50 ms (the best of five: other work may share the machine)."""
    times = []
    for _ in range(5):
        start = process_time()
        assert CURVES[name]().shape == (1000,)
        times.append(process_time() - start)
    assert min(times) < 0.05


def test_expressions_bound_what_they_say() -> None:
    """The Bell expressions against quantum and no-signaling maxima, and the error rates of the behaviours."""
    for m in (2, 3, 5):
        box, chain = bhk.behaviour(0.9, m), braunstein_caves.behaviour(0.1, m)
        assert bhk.behaviour_errors(box) == pytest.approx(np.full(2 * m, bhk.error_rate(0.9, m)), abs=1e-12)
        assert bhk.guessing_expression(m).value(box) == pytest.approx(0.5 + m * bhk.error_rate(0.9, m), abs=1e-12)
        average = braunstein_caves.bell_average(0.1, m)
        assert braunstein_caves.bell_expression(m).value(chain) == pytest.approx(average, abs=1e-12)
        assert braunstein_caves.bell_expression(m).local_minimum == pytest.approx(1 / (2 * m), abs=1e-12)
        assert sb.minimize(bhk.guessing_expression(m), sb.NoSignaling()).value == pytest.approx(0.5, abs=1e-8)
    box = xor_amplification.behaviour(0.9)
    eps, delta = xor_amplification.noisy_errors(0.9)
    errors = xor_amplification.behaviour_errors(box)
    assert errors.mean() == pytest.approx(eps, abs=1e-12)
    assert errors[0, 0] == pytest.approx(delta, abs=1e-12)
    assert simple_chsh.guessing_expression().value(box) == pytest.approx(0.5 + 2 * eps, abs=1e-12)
    chsh = xor_amplification.behaviour_errors(simple_chsh.behaviour(0.9))
    assert chsh == pytest.approx(np.full((2, 2), xor_amplification.noisy_errors(0.9, matched=True)[0]), abs=1e-12)


def test_arrays_in_arrays_out() -> None:
    assert isinstance(bhk.key_rate(0.9, 6), float)
    assert isinstance(bhk.best_settings(0.9), int)
    assert bhk.key_rate(np.full((3, 1), 0.9), np.arange(2, 6)).shape == (3, 4)
    assert braunstein_caves.key_length(1e6, [1e3, 2e3], 1e5, 0, 0.01, 7).shape == (2,)
    assert xor_amplification.distance([1e15], 0.1, 0).shape == (1,)
    one = braunstein_caves.key_rate([0.0, 0.01])
    assert one[1] == braunstein_caves.key_rate(0.01)


BAD: dict[str, Callable[[], Any]] = {
    "visibility above 1": lambda: bhk.key_rate(1.2, 6),
    "visibility nan": lambda: simple_chsh.key_rate(float("nan")),
    "one setting": lambda: bhk.key_rate(0.9, 1),
    "half a setting": lambda: bhk.key_rate(0.9, 2.5),
    "eps above 1/4": lambda: xor_amplification.key_rate(0.3, 0.0),
    "delta above 1/2": lambda: xor_amplification.key_rate(0.1, 0.6),
    "negative length": lambda: xor_amplification.distance(10, 0.1, -1),
    "negative boxes": lambda: xor_amplification.distance(-10, 0.1, 1),
    "too many tests": lambda: bhk.key_length(100, 60, 0.01, 6),
    "no tests": lambda: bhk.key_length(100, 0, 0.01, 6),
    "security 0": lambda: bhk.key_length(100, 10, 0.01, 6, 0.0),
    "security 2": lambda: xor_amplification.key_length(100, 10, 0.01, 6, 2.0),
    "gamma 0": lambda: braunstein_caves.key_rate(0.0, 7, 0.0),
    "more pairs used than there are": lambda: braunstein_caves.key_length(100, 60, 60, 0, 0.1, 7),
    "shapes": lambda: bhk.key_rate([0.8, 0.9], [2, 3, 4]),
    "text": lambda: bhk.key_rate("much", 6),
    "no rounds": lambda: bhk.finite_length(0, 0.9),
    "array for a behaviour": lambda: bhk.behaviour([0.1, 0.2], 3),  # type: ignore[arg-type]
    "settings of a behaviour": lambda: braunstein_caves.behaviour(0.1, 100_000),
    "threshold of one setting": lambda: bhk.threshold([3, 1]),
    "three settings for CHSH": lambda: xor_amplification.behaviour_errors(bhk.behaviour(1.0, 3)),
    "no behaviour": lambda: bhk.behaviour_errors(0.9),  # type: ignore[arg-type]
    "too many settings": lambda: braunstein_caves.bell_expression(100_000),
    "efficiency below 1": lambda: braunstein_caves.finite_length(1e6, 0.0, 7, 1e-10, 0.5),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name: str) -> None:
    with pytest.raises(sb.SdpboundError) as error:
        BAD[name]()
    assert "\n" not in str(error.value)
    assert 20 < len(str(error.value)) < 220
