"""Runs of the protocol of Masanes et al. v5."""

from __future__ import annotations

import numpy as np

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.errors import InvalidShape
from sdpbound.protocols.formulas import chained_exponent
from sdpbound.protocols.formulas.ranges import chances, number, within
from sdpbound.protocols.running.amplification import Measured, finish
from sdpbound.protocols.running.depolarisation import random_numbers, shift_map
from sdpbound.protocols.running.outcome import Run
from sdpbound.protocols.running.sampling import draw, generator, require_rounds

__all__ = ["simulate"]


def simulate(
    behaviour: Behaviour,
    rounds: int,
    security: float = 1e-10,
    gamma: float | None = None,
    error_rate: float | None = None,
    depolarise: bool = False,
    seed: int | np.random.Generator = 0,
) -> Run:
    """Run the protocol of Masanes et al. v5, Section III A, on rounds drawn from a behaviour.

    1. Each party tests with probability gamma (a random setting below M), and else makes key (x = 0, y = M).
    2. The parties announce the pairs that both test. Pairs with x - y in {0, 1} mod M give the average W.
    3. Alice sends a syndrome and a hash of her raw key, and Bob corrects his raw key.
    4. Both hash to the length (17), in which N_c counts every bit that was sent.

    Parameters
    ----------
    behaviour : shape (2, 2, M, M + 1), as :func:`braunstein_caves.behaviour`
    rounds : N, from 100 to 5e7
    security : half is for (17), half for a wrong key that the check accepts
    gamma : probability to test, in (0, 1); None: the best for the behaviour's own <W> and key error
    error_rate : the raw key's error rate that the parties expect. The protocol never measures it, and the paper takes
        it as known. None: the behaviour's own error rate
    depolarise : whether to relabel the tested pairs by (A5) with a random shift and flip; the paper does not need it
    seed : the seed of all random numbers, or a numpy generator

    Returns
    -------
    Run : both keys, or the reason to abort. N_c counts Bob's one-bit answer. The paper's theorem has no such answer;
        there the failure probability of error correction covers it
    """
    instance(behaviour, Behaviour, "behaviour", "braunstein_caves.behaviour(0.01, 7)")
    m = behaviour.p.shape[2] if behaviour.p.ndim == 4 else 0
    if m < 2 or behaviour.p.shape != (2, 2, m, m + 1):
        raise InvalidShape(
            "this protocol needs a behaviour of shape (2, 2, M, M + 1) with M >= 2: Bob's last setting makes the key; "
            f"not {behaviour.p.shape}."
        )
    n = require_rounds(rounds)
    s = number(chances(security, "security"), "security")
    rng = generator(seed)
    differ = behaviour.p[0, 1] + behaviour.p[1, 0]
    expected = (
        float(differ[0, m]) if error_rate is None else number(within(error_rate, "error_rate", 0.0, 1.0), "error_rate")
    )
    if gamma is None:
        y = np.arange(m)
        errors = np.concatenate([differ[y, y], differ[(y + 1) % m, y]])
        errors[-1] = 1.0 - errors[-1]
        g = chained_exponent.gamma_for(float(n), m, float(errors.mean()), expected, s / 2.0)
    else:
        g = number(within(gamma, "gamma", 0.0, 1.0, above=True, below=True), "gamma")
    test_a, test_b = rng.random(n) < g, rng.random(n) < g
    x = np.where(test_a, rng.integers(0, m, n), 0)
    y = np.where(test_b, rng.integers(0, m, n), m)
    both = test_a & test_b
    mx, my = x.copy(), y.copy()
    flips = np.zeros((2, n), dtype=np.uint8)
    announced = 2 * n + int(np.ceil(2 * np.count_nonzero(both) * np.log2(m)))
    if depolarise:
        numbers, extra = random_numbers(shift_map, m, int(np.count_nonzero(both)), rng)
        local = shift_map(x[both], y[both], m, numbers)
        mx[both], my[both] = local.x, local.y
        flips[0, both], flips[1, both] = local.flip_a, local.flip_b
        announced += extra
    a, b = draw(behaviour, mx, my, rng)
    a, b = a ^ flips[0], b ^ flips[1]
    relevant = both & ((x - y) % m <= 1)
    n_e = int(np.count_nonzero(relevant))
    w = (a ^ b ^ ((x == 0) & (y == m - 1)))[relevant]
    average = float(np.count_nonzero(w)) / n_e if n_e else 0.0
    key = ~test_a & ~test_b
    n_r = int(np.count_nonzero(key))

    def length(leakage: int) -> float:
        return chained_exponent.measured_length(n, n_r, n_e, leakage, average, m, s / 2.0)

    found = Measured(
        protocol=f"Braunstein-Caves with {m} settings",
        rounds=n,
        key_alice=a[key],
        key_bob=b[key],
        test_rounds=n_e,
        bell_error=average,
        error_rate=expected,
        known_from=np.inf,
        choices=announced,
        test_outcomes=2 * int(np.count_nonzero(both)),
        security=s,
        proof="proven: Masanes et al. v5, Theorem 9, with the minimum over theta in (17)",
        repeat=False,
    )
    return finish(found, length, rng)
