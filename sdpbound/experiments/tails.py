"""Tails of the binomial distribution as balls: exact sums of terms, and a bound on what is left out."""

from __future__ import annotations

import flint

from sdpbound.bounds.rounding import lower_float

__all__ = ["PRECISION", "binomial_excess", "binomial_tail", "upper_float"]

#: Bits of the balls.
PRECISION = 192
#: The most terms of a tail that are summed; the rest is bounded by a geometric series.
MOST_TERMS = 1_000_000
#: The sum ends when a term is below the first one by this many powers of two.
NEGLIGIBLE = 80


def upper_float(ball: flint.arb) -> float:
    """A float that is not below any point of a ball."""
    return -lower_float(-ball)


def binomial_tail(n: int, k: int, q: float) -> flint.arb:
    """A ball that has P[X >= k] for a binomial X of n trials with probability q."""
    if k <= 0:
        return flint.arb(1)
    if k > n or q <= 0.0:
        return flint.arb(0)
    if q >= 1.0:
        return flint.arb(1)
    with flint.ctx.workprec(PRECISION):
        p = flint.arb(q)
        if p * (n + 1) < k:
            return _sum(n, k, p, 0)
        return 1 - _sum(n, n - k + 1, 1 - p, 0)


def binomial_excess(n: int, t: int, q: float) -> flint.arb:
    """A ball that has E[max(X - t, 0)] for a binomial X of n trials with probability q, and a whole t above n q."""
    if t >= n or q <= 0.0:
        return flint.arb(0)
    with flint.ctx.workprec(PRECISION):
        return _sum(n, t + 1, flint.arb(q), 1)


def _sum(n: int, k: int, p: flint.arb, slope: int) -> flint.arb:
    """The sum over i >= 0 of ``(1 + slope i) P[X = k + i]``, for k above ``(n + 1) p``, where terms fall."""
    odds = p / (1 - p)
    log_first = (flint.arb(n + 1).lgamma() - flint.arb(k + 1).lgamma() - flint.arb(n - k + 1).lgamma()) + (
        k * p.log() + (n - k) * (1 - p).log()
    )
    total, term = flint.arb(0), flint.arb(1)  # in units of the first term
    least = flint.arb(2) ** -NEGLIGIBLE
    for i in range(min(MOST_TERMS, n - k + 1)):
        total += (1 + slope * i) * term
        term *= odds * (n - k - i) / (k + i + 1)
        if term < least:
            break
    done = i + 1
    if done <= n - k:  # the ratio of terms falls, so that a geometric series bounds the rest
        ratio = odds * (n - k - done) / (k + done + 1)
        rest = term * ((1 + slope * done) / (1 - ratio) + slope * ratio / (1 - ratio) ** 2)
        total = total.union(total + rest)
    found: flint.arb = log_first.exp() * total
    return found
