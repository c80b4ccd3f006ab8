"""Runs of the protocols of Masanes et al. v4: simple CHSH (two settings) and BHK (M settings)."""

from __future__ import annotations

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.protocols.formulas import chained_privacy, linear_hashing
from sdpbound.protocols.formulas.information import binary_entropy
from sdpbound.protocols.formulas.ranges import chances, number
from sdpbound.protocols.running.amplification import LINEAR, Measured, finish
from sdpbound.protocols.running.depolarisation import bhk_map, random_numbers, three_bit_map
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
    seed: int | np.random.Generator = 0,
) -> Run:
    """Run the protocol of Masanes et al. v4, Section III A, on rounds drawn from a behaviour.

    1. Both parties relabel every pair by public random numbers: (4), or (64) to (66) for M settings. They measure
       X = Y = 0 after the relabelling.
    2. The parties open a random subset of N_e pairs, which gives q_e(1).
    3. Alice sends a syndrome and a hash of her raw key, and Bob corrects his raw key.
    4. Both hash to the length of (13), computed from q_e(1) and from every bit sent.

    Parameters
    ----------
    behaviour : shape (2, 2, M, M). M = 2 is the simple CHSH protocol, whose outcomes should differ where x = y = 1.
        M >= 3 is the BHK protocol, as :func:`bhk.behaviour`
    rounds : N, from 100 to 5e7
    security : half is for secrecy (13), half for a wrong key that the check accepts
    test_rounds : N_e; None: the best number for the behaviour's own error
    printed : whether to use the length of the printed (13), (14), which an attack refutes, and not the proven length
    seed : the seed of all random numbers, or a numpy generator

    Returns
    -------
    Run : both keys, or the reason to abort
    """
    m = behaviour.p.shape[2] if isinstance(behaviour, Behaviour) and behaviour.p.ndim == 4 else 2
    require_settings(behaviour, m, m)
    n = require_rounds(rounds)
    s = number(chances(security, "security"), "security")
    rng = generator(seed)
    formula = three_bit_map if m == 2 else bhk_map

    def certified(tests: float, error: float, leakage: float) -> float:
        if not printed:
            return linear_hashing.measured_length(n - tests, tests, leakage, error, m, s / 2.0)
        total, e_count, q, half, settings, leak = (np.asarray(float(v)) for v in (n, tests, error, s / 2.0, m, leakage))
        return float(chained_privacy.measured_length(total, e_count, q, half, settings, leak, False))

    expected = _expected_error(behaviour, m)
    cost = float(binary_entropy(np.asarray(expected)))
    n_e = tested_rounds(
        test_rounds, n, 0.5 if printed else 0.99, lambda tests: certified(tests, expected, cost * (n - tests))
    )
    numbers, announced = random_numbers(formula, m, n, rng)
    zeros = np.zeros(n, dtype=np.int64)
    local = formula(zeros, zeros, m, numbers)
    a, b = draw(behaviour, local.x, local.y, rng)
    a, b = a ^ local.flip_a, b ^ local.flip_b
    tested = choose(n, n_e, rng)
    q = float(np.count_nonzero(a[tested] ^ b[tested])) / n_e

    def length(leakage: int) -> float:
        return certified(n_e, q, leakage)

    found = Measured(
        protocol="simple CHSH" if m == 2 else f"BHK with {m} settings",
        rounds=n,
        key_alice=a[~tested],
        key_bob=b[~tested],
        test_rounds=n_e,
        bell_error=q,
        error_rate=(q * n_e + 1.0) / (n_e + 2.0),
        known_from=n_e,
        choices=announced + subset_bits(n, n_e),
        test_outcomes=2 * n_e,
        security=s,
        proof="printed: Masanes et al. v4, Eq. (13), refuted (docs/papers.md)" if printed else LINEAR,
        repeat=True,
    )
    return finish(found, length, rng)


def _expected_error(behaviour: Behaviour, m: int) -> float:
    """The error after depolarisation: the average over the relevant pairs of settings."""
    differ = behaviour.p[0, 1] + behaviour.p[1, 0]
    if m == 2:
        return float((differ[0, 0] + differ[0, 1] + differ[1, 0] + 1.0 - differ[1, 1]) / 4.0)
    x = np.arange(m)
    errors = np.concatenate([differ[x, x], differ[x, (x + 1) % m]])
    errors[-1] = 1.0 - errors[-1]
    return float(errors.mean())
