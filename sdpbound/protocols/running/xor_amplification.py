"""Runs of Protocol 1 of Hanggi et al."""

from __future__ import annotations

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.protocols.formulas import linear_hashing, xor_lengths
from sdpbound.protocols.formulas.information import binary_entropy
from sdpbound.protocols.formulas.ranges import chances, number
from sdpbound.protocols.running.amplification import LINEAR, Measured, finish
from sdpbound.protocols.running.depolarisation import four_step_map, random_numbers
from sdpbound.protocols.running.outcome import Run
from sdpbound.protocols.running.sampling import (
    choose,
    draw,
    generator,
    require_rounds,
    require_settings,
    subset_bits,
    tested_rounds,
)

__all__ = ["simulate"]


def simulate(
    behaviour: Behaviour,
    rounds: int,
    security: float = 1e-10,
    test_rounds: int | None = None,
    printed: bool = False,
    depolarise: bool = False,
    seed: int | np.random.Generator = 0,
) -> Run:
    """Run Protocol 1 of Hanggi et al., Section 6.5, on rounds drawn from a behaviour.

    1. The parties test a public random subset of k pairs with uniform settings. The test gives the CHSH error eps, and
       the tested pairs with settings (0, 0) give the key error delta. All other pairs are measured with (0, 0).
    2. Alice sends a syndrome and a hash of her raw key, and Bob corrects his raw key.
    3. Both hash to the length of (12), at the confidence limit of Appendix D.

    Here the subset is chosen first. So every pair has uniform settings in the test, as Lemma 21 needs. The printed
    order (measure all pairs at random, then take the key from the rounds with (0, 0)) leaves too few (0, 0) in the
    test.

    Parameters
    ----------
    behaviour : shape (2, 2, 2, 2), as :func:`xor_amplification.behaviour`; the outcomes should differ where x = y = 1
    rounds : n + k, from 100 to 5e7
    security : half is for the key's distance from uniform, half for a wrong key that the check accepts
    test_rounds : k; None: the best number for the behaviour's own errors
    printed : whether to use the length of the printed Lemmas 18 and 21, and not the proven length
    depolarise : whether to relabel every pair by Appendix E first; the key error is then eps. The proof needs no
        depolarisation
    seed : the seed of all random numbers, or a numpy generator

    Returns
    -------
    Run : both keys, or the reason to abort. Bob's answers count as leakage
    """
    require_settings(behaviour, 2, 2)
    n = require_rounds(rounds)
    s = number(chances(security, "security"), "security")
    rng = generator(seed)
    differ = behaviour.p[0, 1] + behaviour.p[1, 0]
    eps = float((differ[0, 0] + differ[0, 1] + differ[1, 0] + 1.0 - differ[1, 1]) / 4.0)
    delta = float(differ[0, 0])

    def certified(tests: float, error: float, leakage: float) -> float:
        if printed:
            return xor_lengths.measured_length(n - tests, tests, error, leakage, s / 2.0, False)
        return linear_hashing.measured_length(n - tests, tests, leakage, error, 2.0, s / 2.0)

    cost = float(binary_entropy(np.asarray(eps if depolarise else delta)))
    k = tested_rounds(test_rounds, n, 0.99, lambda tests: certified(tests, eps, cost * (n - tests)))
    tested = choose(n, k, rng)
    x, y = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    x[tested], y[tested] = rng.integers(0, 2, k), rng.integers(0, 2, k)
    announced = subset_bits(n, k) + 2 * k
    if depolarise:
        numbers, extra = random_numbers(four_step_map, 2, n, rng)
        local = four_step_map(x, y, 2, numbers)
        a, b = draw(behaviour, local.x, local.y, rng)
        a, b = a ^ local.flip_a, b ^ local.flip_b
        announced += extra
    else:
        a, b = draw(behaviour, x, y, rng)
    differs = (a ^ b)[tested]
    tx, ty = x[tested], y[tested]
    measured = float(np.count_nonzero(differs ^ (tx & ty))) / k
    of_key = (tx == 0) & (ty == 0)
    seen = int(np.count_nonzero(of_key))

    def length(leakage: int) -> float:
        return certified(k, measured, leakage)

    found = Measured(
        protocol="XOR amplification",
        rounds=n,
        key_alice=a[~tested],
        key_bob=b[~tested],
        test_rounds=k,
        bell_error=measured,
        error_rate=(float(np.count_nonzero(differs[of_key])) + 1.0) / (seen + 2.0),
        known_from=max(seen, 1),
        choices=announced,
        test_outcomes=2 * k,
        security=s,
        proof="printed: Hanggi et al., Lemmas 18 and 21; proven for independent boxes" if printed else LINEAR,
        repeat=True,
    )
    return finish(found, length, rng)
