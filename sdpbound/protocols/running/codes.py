"""Irregular low-density parity-check codes for syndrome coding, and their decoder.

Alice sends ``H a``. This is a function of her key alone, as Masanes et al. v5 requires of C = f(A). Bob looks for the
error pattern e with ``H e = H a + H b`` by belief propagation. If Bob fails and may say so, Alice sends the syndrome of
further checks. No library with small wheels builds such codes for a given length and rate (``ldpc`` decodes given
matrices), and a decoder on arrays is short. Interactive protocols like Cascade also publish parities of Bob's key; the
doubled leakage would cost more than these codes lose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.protocols.running.sampling import Bits

__all__ = ["DESIGNS", "Code", "Design", "design_for", "further_bits", "syndrome_bits"]

Integers = NDArray[np.int64]
#: A code of n bits needs its limit plus this number over ``sqrt(n)``; measured at n = 10^4 and 65536.
FINITE_SIZE = 6.0
#: Standard deviations of the number of errors for which a syndrome has room: the usual number and the least.
DEVIATIONS, LEAST_DEVIATIONS = 3.2, 1.6
#: The limit of published bits, in units of the Shannon limit, where it leaves room for :data:`LEAST_DEVIATIONS`; and
#: the bits of a usual tag.
MOST_EFFICIENCY, TAG = 1.25, 36.0
#: Below this error rate the limit :data:`MOST_EFFICIENCY` would cause too many failures, and is not used.
CAPPED_FROM = 0.015
#: The decoder gives up after this many iterations without fewer unsatisfied checks.
PATIENCE = 15
#: Standard deviations in the first of several messages, and those that each further message adds. The steps grow
#: because failures are rarely due to the number of errors alone.
FIRST_DEVIATIONS, FURTHER_DEVIATIONS = 1.2, (1.2, 2.4, 4.8)


@dataclass(frozen=True, slots=True)
class Design:
    """The degrees of the variable nodes for one error rate, optimised by density evolution with linear programs.

    Attributes
    ----------
    error_rate : the error rate of the optimisation
    edges : (degree, fraction of edges) of the variable nodes
    efficiency : syndrome bits in units of ``n h(error_rate)`` at which decoding starts to work for n -> infinity
    """

    error_rate: float
    edges: tuple[tuple[int, float], ...]
    efficiency: float


#: Computed for this package, by linear programs on the trajectory of density evolution.
DESIGNS = (
    Design(
        0.005,
        ((2, 0.0186), (3, 0.3204), (7, 0.0257), (8, 0.0659), (9, 0.2761), (10, 0.182), (12, 0.0313), (30, 0.08)),
        1.145,
    ),
    Design(
        0.01,
        ((2, 0.0321), (3, 0.3213), (8, 0.0935), (9, 0.2197), (10, 0.068), (12, 0.0622), (15, 0.1346), (20, 0.0686)),
        1.104,
    ),
    Design(
        0.02,
        (
            (2, 0.0528),
            (3, 0.295),
            (8, 0.0487),
            (9, 0.2007),
            (10, 0.1174),
            (15, 0.0662),
            (20, 0.0915),
            (25, 0.0148),
            (30, 0.1129),
        ),
        1.069,
    ),
    Design(
        0.03,
        ((2, 0.0718), (3, 0.276), (8, 0.0487), (9, 0.2), (10, 0.1149), (20, 0.083), (25, 0.0457), (30, 0.1599)),
        1.054,
    ),
    Design(
        0.05,
        (
            (2, 0.1036),
            (3, 0.2309),
            (7, 0.04),
            (8, 0.151),
            (9, 0.06),
            (10, 0.06),
            (12, 0.0158),
            (15, 0.006),
            (30, 0.3327),
        ),
        1.035,
    ),
    Design(0.1, ((2, 0.1642), (3, 0.1755), (6, 0.0899), (7, 0.1348), (8, 0.0185), (30, 0.4171)), 1.032),
    Design(0.18, ((2, 0.2452), (3, 0.1997), (6, 0.036), (7, 0.1241), (8, 0.0991), (30, 0.2959)), 1.029),
)


def design_for(error_rate: float) -> Design:
    """The design whose error rate is nearest in the logarithm."""
    return min(DESIGNS, key=lambda d: abs(math.log(d.error_rate / error_rate)))


def syndrome_bits(n: int, error_rate: float, known_from: float = math.inf, more_follow: bool = False) -> int:
    """The syndrome bits for n key bits at this error rate: the need of the code plus some standard deviations.

    In units of ``n h(e)`` the code needs its own limit plus ``FINITE_SIZE / sqrt(n)``. The number of errors has the
    standard deviation ``sqrt(n e (1 - e))``, which is larger if the error rate was estimated from ``known_from`` bits.
    Each further error costs ``log2((1 - e)/e)`` bits. If more messages follow a failure (``more_follow``),
    :data:`FIRST_DEVIATIONS` standard deviations are added. Otherwise :data:`DEVIATIONS` are added. For error rates from
    :data:`CAPPED_FROM` fewer are added, but at least :data:`LEAST_DEVIATIONS`, if this keeps the published bits, tag
    included, at :data:`MOST_EFFICIENCY` times the Shannon limit.
    """
    e = error_rate
    entropy = n * (-e * math.log2(e) - (1.0 - e) * math.log2(1.0 - e))
    spread = _spread(n, e, known_from)
    needed = (_limit(e) + FINITE_SIZE / math.sqrt(n)) * entropy
    if more_follow:
        return math.ceil(needed + FIRST_DEVIATIONS * spread)
    safe, cap = needed + DEVIATIONS * spread, MOST_EFFICIENCY * entropy - TAG
    capped = e >= CAPPED_FROM and needed + LEAST_DEVIATIONS * spread <= cap < safe
    return math.ceil(cap if capped else safe)


def further_bits(n: int, error_rate: float, known_from: float = math.inf) -> tuple[int, ...]:
    """The syndrome bits of each further message: :data:`FURTHER_DEVIATIONS` standard deviations of the errors."""
    return tuple(math.ceil(d * _spread(n, error_rate, known_from)) for d in FURTHER_DEVIATIONS)


def _spread(n: int, e: float, known_from: float) -> float:
    return math.sqrt(n * e * (1.0 - e) * (1.0 + n / known_from)) * math.log2((1.0 - e) / e)


def _limit(error_rate: float) -> float:
    points = sorted((math.log(d.error_rate), d.efficiency) for d in DESIGNS)
    return float(np.interp(math.log(error_rate), [p[0] for p in points], [p[1] for p in points]))


class Code:
    """A code: parity checks on n bits, as the edges of a graph, ordered by check.

    Parameters
    ----------
    n, m : the numbers of bits and of checks
    variables, checks : (edges,) the bit and the check of each edge
    """

    def __init__(self, n: int, m: int, variables: Integers, checks: Integers) -> None:
        by_check = np.argsort(checks, kind="stable")
        self.n, self.m = n, m
        self.variable: Integers = variables[by_check]
        self.check: Integers = checks[by_check]
        self.used = np.unique(self.check)
        self.start: Integers = np.searchsorted(self.check, self.used)
        self.slot: Integers = np.searchsorted(self.used, self.check)

    @classmethod
    def random(cls, n: int, m: int, design: Design, rng: np.random.Generator) -> Code:
        """A random code with the degrees of a design.

        The variables of degree 2 form one chain through the checks, without cycles: a cycle would be an undetected
        error of few bits. The other edges are a random matching without double edges. The check degrees differ by at
        most one. The degrees are given to the bits at random, so that errors in bursts do no harm.
        """
        degrees = _degrees(n, m, design)
        edges, chain = int(degrees.sum()), int(np.count_nonzero(degrees == 2))
        target = np.full(m, edges // m)
        target[: edges % m] += 1
        order = rng.permutation(m)
        chained = np.stack([order[:chain], order[1 : chain + 1]], axis=1).ravel()
        np.subtract.at(target, chained, 1)
        checks = np.repeat(np.arange(m), np.maximum(target, 0))
        variables = np.repeat(np.arange(n), degrees)
        free = variables[2 * chain :]
        if checks.size < free.size:  # the chain is longer than the degree of some check: fill up at random
            checks = np.concatenate([checks, rng.integers(0, m, free.size - checks.size)])
        checks = rng.permutation(checks)[: free.size]
        _separate(free, checks, m, rng)
        return cls(n, m, rng.permutation(n)[variables], np.concatenate([chained, checks]))

    def longer(self, more: int, rng: np.random.Generator) -> Code:
        """This code with ``more`` random checks, spread evenly over all bits; the old checks come first.

        The new checks have half the average degree of the old checks. This decodes more often than the same degree.
        """
        degree = min(max(self.variable.size // (2 * self.m), 1), self.n)
        deals = -(-more // (self.n // degree))  # every deal uses each bit at most once
        dealt = [rng.permutation(self.n)[: self.n // degree * degree] for _ in range(deals)]
        variables = np.concatenate(dealt)[: more * degree]
        checks = self.m + np.repeat(np.arange(more), degree)
        return Code(
            self.n, self.m + more, np.concatenate([self.variable, variables]), np.concatenate([self.check, checks])
        )

    def syndrome(self, bits: Bits) -> Bits:
        """The syndrome ``H @ bits`` mod 2, m bits."""
        out = np.zeros(self.m, dtype=np.uint8)
        out[self.used] = np.bitwise_xor.reduceat(bits[self.variable], self.start)
        return out

    def decode(
        self, syndrome: Bits, prior: NDArray[np.float32], iterations: int = 120, damped: bool = False
    ) -> tuple[Bits, bool]:
        """The error pattern that belief propagation finds for this syndrome, and whether it has this syndrome.

        Parameters
        ----------
        syndrome : (m,) bits
        prior : (n,) log-likelihood ratios ``log(P(no error)/P(error))`` of the bits
        iterations : the most iterations; each takes about 5 ns per edge
        damped : whether an edge sends the mean of its last message and the new one, which stops messages that oscillate
        """
        from sdpbound.protocols.running.compiled_decoding import propagate

        odds = np.exp(np.clip(prior, -30.0, 30.0), dtype=np.float32)
        wanted = np.ascontiguousarray(syndrome[self.used])
        ends = np.append(self.start, self.variable.size)
        wrong = propagate(ends, self.variable, wanted, odds, iterations, PATIENCE, damped)
        return (odds < 1.0).astype(np.uint8), wrong == 0


def _degrees(n: int, m: int, design: Design) -> Integers:
    """The degrees of the n variables, ascending; at most m - 1 have degree 2, and none is above m."""
    degree = np.array([d for d, _ in design.edges])
    nodes = np.array([fraction / d for d, fraction in design.edges])
    exact = nodes / nodes.sum() * n
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact)[: n - counts.sum()]] += 1
    if counts[0] > m - 1:  # the first degree is 2
        counts[1] += counts[0] - (m - 1)
        counts[0] = m - 1
    return np.asarray(np.minimum(np.repeat(degree, counts), max(2, m)), dtype=np.int64)


def _separate(variables: Integers, checks: Integers, m: int, rng: np.random.Generator) -> None:
    """Swap edges in place until no variable meets a check twice; the few left after 100 rounds do little harm."""
    for _ in range(100):
        key = variables * m + checks
        order = np.argsort(key, kind="stable")
        double = order[1:][key[order][1:] == key[order][:-1]]
        if not double.size:
            return
        for edge, other in zip(double, rng.integers(0, checks.size, double.size), strict=True):
            checks[edge], checks[other] = checks[other], checks[edge]
