"""Irregular low-density parity-check codes for syndrome coding, and their decoder.

Alice sends ``H a`` (a function of her key alone, as Masanes et al. v5 requires of C = f(A)); Bob looks for the error
pattern e with ``H e = H a + H b`` by belief propagation. Where he fails and may say so, she sends the syndrome of
further checks. No library with light wheels builds such codes for a given length and rate (``ldpc`` is a decoder for
given matrices), and a decoder on arrays is a page; interactive protocols like Cascade publish parities of Bob's key
too, and doubled leakage would cost more than these codes lose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.protocols.running.sampling import Bits

__all__ = ["DESIGNS", "Code", "Design", "design_for", "further_bits", "syndrome_bits"]

Integers = NDArray[np.int64]
#: How much more than its limit a code of n bits needs, times ``sqrt(n)``: measured at n = 10^4 and 65536.
FINITE_SIZE = 6.0
#: Standard deviations of the number of errors that a syndrome has room for.
DEVIATIONS, LEAST_DEVIATIONS = 3.2, 1.6
#: Published bits in units of the Shannon limit, where that leaves :data:`LEAST_DEVIATIONS`; a tag has about 36 bits.
MOST_EFFICIENCY, TAG = 1.25, 36.0
#: Below this error rate that would fail too often.
CAPPED_FROM = 0.015
#: Iterations of the decoder without fewer unsatisfied checks, after which it gives up.
PATIENCE = 40
#: Standard deviations in the first of several messages, and what each further one adds: failures are rarely due to the
#: number of errors alone, hence the growing steps.
FIRST_DEVIATIONS, FURTHER_DEVIATIONS = 1.2, (1.2, 2.4, 4.8)


@dataclass(frozen=True, slots=True)
class Design:
    """Degrees of the variable nodes, optimised by density evolution with linear programs for one error rate.

    Attributes
    ----------
    error_rate : the design point
    edges : (degree, fraction of edges) of the variable nodes
    efficiency : syndrome bits in units of ``n h(error_rate)`` at which decoding starts to work for n -> infinity
    """

    error_rate: float
    edges: tuple[tuple[int, float], ...]
    efficiency: float


#: Found by us for this package, by linear programs on the trajectory of density evolution.
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
    """Syndrome bits for n key bits at this error rate: what the code needs, and some standard deviations on top.

    The code needs its own limit and ``FINITE_SIZE / sqrt(n)``, in units of ``n h(e)``. The number of errors spreads by
    ``sqrt(n e (1 - e))``, and each more costs ``log2((1 - e)/e)`` bits; an error rate that was estimated from
    ``known_from`` bits spreads further. If ``more_follow`` on failure, :data:`FIRST_DEVIATIONS` of them are added. Else
    :data:`DEVIATIONS`, or fewer (but at least :data:`LEAST_DEVIATIONS`) where that keeps the published bits, tag
    included, at :data:`MOST_EFFICIENCY` times the Shannon limit, for error rates from :data:`CAPPED_FROM`.
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
    """Syndrome bits of each further message: :data:`FURTHER_DEVIATIONS` standard deviations of the number of errors."""
    return tuple(math.ceil(d * _spread(n, error_rate, known_from)) for d in FURTHER_DEVIATIONS)


def _spread(n: int, e: float, known_from: float) -> float:
    return math.sqrt(n * e * (1.0 - e) * (1.0 + n / known_from)) * math.log2((1.0 - e) / e)


def _limit(error_rate: float) -> float:
    points = sorted((math.log(d.error_rate), d.efficiency) for d in DESIGNS)
    return float(np.interp(math.log(error_rate), [p[0] for p in points], [p[1] for p in points]))


class Code:
    """Parity checks on n bits, as the edges of a graph; edges are ordered by check.

    Parameters
    ----------
    n, m : bits, checks
    variables, checks : (edges,) which bit is in which check
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

        The variables of degree 2 form one chain through the checks (no cycles among them: those would be undetected
        errors of few bits); the other edges are a random matching without double edges; check degrees differ by at most
        one. Which bit has which degree is random, so that errors in bursts do no harm.
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
        if checks.size < free.size:  # a chain longer than some check's degree: fill up at random
            checks = np.concatenate([checks, rng.integers(0, m, free.size - checks.size)])
        checks = rng.permutation(checks)[: free.size]
        _separate(free, checks, m, rng)
        return cls(n, m, rng.permutation(n)[variables], np.concatenate([chained, checks]))

    def longer(self, more: int, rng: np.random.Generator) -> Code:
        """This code with ``more`` random checks, on all bits evenly; the old checks come first.

        They have half the average degree of the old ones, which decodes more often than the same degree does.
        """
        degree = min(max(self.variable.size // (2 * self.m), 1), self.n)
        deals = -(-more // (self.n // degree))  # every deal gives each bit at most once
        dealt = [rng.permutation(self.n)[: self.n // degree * degree] for _ in range(deals)]
        variables = np.concatenate(dealt)[: more * degree]
        checks = self.m + np.repeat(np.arange(more), degree)
        return Code(
            self.n, self.m + more, np.concatenate([self.variable, variables]), np.concatenate([self.check, checks])
        )

    def syndrome(self, bits: Bits) -> Bits:
        """``H @ bits`` mod 2, m bits."""
        out = np.zeros(self.m, dtype=np.uint8)
        out[self.used] = np.bitwise_xor.reduceat(bits[self.variable], self.start)
        return out

    def decode(
        self, syndrome: Bits, prior: NDArray[np.float32], iterations: int = 120, damping: float = 0.0
    ) -> tuple[Bits, bool]:
        """The error pattern with this syndrome that belief propagation finds, and whether it has that syndrome.

        Parameters
        ----------
        syndrome : (m,)
        prior : (n,) log-likelihood ratios ``log(P(no error)/P(error))`` of the bits
        iterations : at most; each takes about 40 ns per edge
        damping : weight of the last messages to the checks in the next ones, below 1. Some 0.5 stops the wandering of
            messages that otherwise ends about a quarter of the decodings that fail
        """
        odd = syndrome[self.used].astype(bool)
        half, kept, wanted = np.float32(0.5), np.float32(damping), syndrome[self.used]
        to_check = prior[self.variable]
        guess = (prior < 0).astype(np.uint8)
        fewest, since = self.m + 1, 0
        for _ in range(iterations):
            magnitude = -np.log(np.tanh(np.clip(np.abs(to_check), 1e-4, 16.0) * half))
            negative = to_check < 0
            parity = np.bitwise_xor.reduceat(negative, self.start) ^ odd
            rest = np.add.reduceat(magnitude, self.start)[self.slot] - magnitude
            to_variable = -np.log(np.tanh(np.clip(rest, 1e-6, 16.0) * half))
            np.negative(to_variable, out=to_variable, where=parity[self.slot] ^ negative)
            total = np.bincount(self.variable, weights=to_variable, minlength=self.n).astype(np.float32) + prior
            guess = (total < 0).astype(np.uint8)
            unsatisfied = int(np.count_nonzero(np.bitwise_xor.reduceat(guess[self.variable], self.start) != wanted))
            if not unsatisfied:
                return guess, True
            fewest, since = (unsatisfied, 0) if unsatisfied < fewest else (fewest, since + 1)
            if since == PATIENCE:
                break
            fresh = np.clip(total[self.variable] - to_variable, -30.0, 30.0)
            to_check = fresh if damping == 0.0 else kept * to_check + (np.float32(1.0) - kept) * fresh
        return guess, False


def _degrees(n: int, m: int, design: Design) -> Integers:
    """Degrees of the n variables, ascending, with at most m - 1 of degree 2 and none above m."""
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
    """Swap edges, in place, until no variable meets the same check twice (a few rounds; leftovers do little harm)."""
    for _ in range(100):
        key = variables * m + checks
        order = np.argsort(key, kind="stable")
        double = order[1:][key[order][1:] == key[order][:-1]]
        if not double.size:
            return
        for edge, other in zip(double, rng.integers(0, checks.size, double.size), strict=True):
            checks[edge], checks[other] = checks[other], checks[edge]
