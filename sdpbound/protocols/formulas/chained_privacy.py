r"""The formulas of ``simple_chsh`` (M = 2) and ``bhk`` (M settings): Masanes et al. v4, Sections III, V and VI.

After depolarisation every pair has an error bit C. q(1) is the frequency of C = 1 among the n_e test rounds. For M
settings Eve guesses n_r key bits with probability at most ``prod eta_c``, with eta_0 = 1/2 and eta_1 = 1/2 + M. This
gives the privacy term ``1 - q(1) log2(1 + 2 M)``. The paper prints the case M = 2 with log2 5.

The printed formulas need two readings. The norm in (9) and (10) is the L1 norm, so ``||q - q_e|| <= delta`` lets q(1)
move by delta/2. In (13), N_r H_pa belongs to the exponent. Moreover, (13) and (15) hold on average over the outcome
q_e, for parties who abort unless q_e is as good as they demand. Conditioned on one unlikely outcome (13) and (15) are
false (docs/papers.md).
"""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.protocols.formulas.information import LN2, binary_entropy

__all__ = [
    "confidence_radius",
    "correctness",
    "error",
    "estimation_failure",
    "measured_length",
    "quantum_error",
    "reconciliation_entropy",
    "secrecy",
    "secret_entropy",
]


def quantum_error(visibility: Floats, settings: Floats) -> Floats:
    """The error of noisy EPR pairs, Masanes et al. v4, Eq. (69): ``p sin^2(pi/4M) + (1 - p)/2``."""
    return np.asarray(visibility * np.sin(np.pi / (4.0 * settings)) ** 2 + (1.0 - visibility) / 2.0)


def error(q: Floats, delta: Floats) -> tuple[Floats, Floats]:
    """The ends of the interval of q(1): within delta/2 of the estimate and inside [0, 1]."""
    return np.maximum(q - delta / 2.0, 0.0), np.minimum(q + delta / 2.0, 1.0)


def reconciliation_entropy(q: Floats, delta: Floats) -> Floats:
    """The largest h(q(1)) within the confidence interval, Masanes et al. v4, Eq. (9)."""
    low, high = error(q, delta)
    return binary_entropy(np.clip(0.5, low, high))


def secret_entropy(q: Floats, delta: Floats, settings: Floats) -> Floats:
    """The smallest ``1 - q(1) log2(1 + 2M)`` within the confidence interval; for M = 2 Masanes et al. v4, Eq. (10)."""
    return np.asarray(1.0 - error(q, delta)[1] * np.log2(1.0 + 2.0 * settings))


def estimation_failure(n: Floats, n_e: Floats, delta: Floats) -> Floats:
    """log2 of the failure probability of the estimate, for N_e <= N/2.

    It is that of Masanes et al. v4, Eq. (14), as printed: ``4 (N + 1)^4 exp(-delta^2 N_e / (8 ln 2))``.
    """
    return np.asarray(2.0 + 4.0 * np.log2(n + 1.0) - delta**2 * n_e / (8.0 * LN2**2))


def confidence_radius(n: Floats, n_e: Floats, log2_failure: Floats, sharp: bool) -> Floats:
    """The delta for which the estimation fails with probability (14) at most ``2 ** log2_failure``.

    With ``sharp``, delta = 2 t comes from Serfling's inequality for sampling without replacement (Ann. Statist. 2, 39,
    1974): ``Prob{|q_e - q_r| > t} <= 2 exp(-2 t^2 N_e N_r^2 / (N (N_r + 1)))`` for a binary C. This inequality has no
    polynomial factor. The epsilon of (14) is an L1 norm, which is twice the probability.
    """
    if sharp:
        n_r = n - n_e
        return np.asarray(2.0 * np.sqrt((2.0 - log2_failure) * LN2 * n * (n_r + 1.0) / (2.0 * n_e * n_r**2)))
    return np.asarray(np.sqrt(8.0 * LN2**2 * (2.0 + 4.0 * np.log2(n + 1.0) - log2_failure) / n_e))


def secrecy(n: Floats, n_e: Floats, n_f: Floats, n_s: Floats, q: Floats, delta: Floats, settings: Floats) -> Floats:
    """log2 of the first term of Masanes et al. v4, Eq. (13): ``sqrt(2) ** (N_s + N_f + 2 N_e - N_r H_pa)``."""
    return np.asarray(0.5 * (n_s + n_f + 2.0 * n_e - (n - n_e) * secret_entropy(q, delta, settings)))


def correctness(n: Floats, n_e: Floats, n_f: Floats, q: Floats, delta: Floats) -> Floats:
    """log2 of the second term of Masanes et al. v4, Eq. (15): ``2 ** (N_r H_ec + 4 log2(N_r + 1) - N_f)``."""
    n_r = n - n_e
    return np.asarray(n_r * reconciliation_entropy(q, delta) + 4.0 * np.log2(n_r + 1.0) - n_f)


def measured_length(
    n: Floats, n_e: Floats, q: Floats, security: Floats, settings: Floats, leakage: Floats | None, sharp: bool
) -> Floats:
    """The longest key in bits, signed, for which the right-hand sides of (13) and (15) add up to ``security``.

    The parts of ``security`` are 1/2 for 3 epsilon, 1/4 for the first term of (13) and 1/4 for the second term of (15).
    If ``leakage`` is given (the bits really sent, from a code that a hash checks), only (13) is used. The parts are
    then 1/2 for 2 epsilon and 1/2 for the first term.
    """
    log2_security = np.log2(security)
    if leakage is None:
        delta = confidence_radius(n, n_e, log2_security - np.log2(6.0), sharp)
        n_f = (n - n_e) * reconciliation_entropy(q, delta) + 4.0 * np.log2(n - n_e + 1.0) + 2.0 - log2_security
        first = log2_security - 2.0
    else:
        delta = confidence_radius(n, n_e, log2_security - 2.0, sharp)
        n_f, first = leakage, log2_security - 1.0
    return np.asarray((n - n_e) * secret_entropy(q, delta, settings) - n_f - 2.0 * n_e + 2.0 * first)
