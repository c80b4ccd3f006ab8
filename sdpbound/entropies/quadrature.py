"""Bound a von Neumann entropy from below by finitely many traces of positive parts.

Let ``r = sum_b r_b`` be positive operators, one for each of d outcomes. Frenkel's formula in Jencova's form
(arXiv:2208.12194; arXiv:2411.04858 uses it for devices) gives the relative entropies of r_b and r, whose sum is minus
the entropy of the outcome given the quantum system::

    ln 2 H = (d - 1) Tr r - integral_0^1 f(s) ds/s,    f(s) = sum_b Tr(s r - r_b)_+.

**One bit.** Put ``X = s r - r_0 = -((1-s) r - r_1)``. From ``(-X)_+ = X_+ - X`` follows ``f(1-s) = f(s) + (1 - 2s) Tr
r``. So half of the range is enough::

    ln 2 H = ln 2 Tr r - integral_0^{1/2} f(s) (1/s + 1/(1-s)) ds.

If the bit is first flipped with probability q, then s r - r'_b = g (t r - r_b) with g = 1 - 2q and s = q + g t. The
function f' of the flipped bit is f at other places: f'(q + g t) = g f(t), and f' is zero below q.

**The safe side.** ``Tr(s r - r_b)_+ = max_P Tr P (s r - r_b)`` over 0 <= P <= 1 is a maximum of functions affine in s.
So f is convex and f(0) = 0. The straight lines between the nodes 0 = t_0 < t_1 < ... < t_N are nowhere below f. For a
bit the last node is 1/2. The integral of these lines gives ``H >= Tr r - sum_i w_i f(t_i)`` with ``w_i = (g / ln 2)
integral hat_i (1/u + 1/(1-u)) du``. Here hat_i is the piecewise linear function that is 1 at u_i = q + g t_i and 0 at
the other nodes. For more outcomes all nodes are below 1, where f is known, f(1) = (d - 1) Tr r: ``H >= c Tr r - sum_i
w_i f(t_i)`` with ``w_i = (1 / ln 2) integral hat_i / u du`` and ``c = (d - 1)/ln 2 (1 - integral hat_{N+1} / u du)``,
the last tent rising from t_N to 1. The w_i are positive and f is always bounded from above, so a number above w_i may
replace w_i, and one below c may replace c. The code uses w_i rounded up to floats, and c rounded down.

**A channel** takes a bit with r_0, r_1 to one with r'_0 = (1 - p) r_0 + p' r_1 and r'_1 = p r_0 + (1 - p') r_1. The
formula asks nothing of the r_b but that they add up to r, so both are told apart as more outcomes are, with d = 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.errors import InvalidParameter

__all__ = ["Chords", "RadauRule", "gauss_radau", "power_radau"]

PRECISION = 1024  # bits, as in sdpbound.checker, so that both round to the same floats


@dataclass(frozen=True, slots=True)
class Chords:
    """The straight lines for a key of some outcomes, one bit of which may be flipped with a probability.

    >>> round(float(Chords(2).weights(np.array([0.5]))[0][0]), 12)
    2.0
    """

    outcomes: int
    preprocessing: float = 0.0
    at_once: bool = False  # whether two outcomes are told apart like more of them, as they must be after a channel

    @property
    def is_of_bits(self) -> bool:
        """Whether half of the range is enough, as for one bit."""
        return self.outcomes == 2 and not self.at_once

    @property
    def end(self) -> float:
        """Where nodes end: the last node of a bit, and a place where f is known for more outcomes."""
        return 0.5 if self.is_of_bits else 1.0

    def weights(self, nodes: Floats) -> tuple[Floats, float]:
        """The weights (N,) w_i of the module docstring, in bits, each rounded up to a float, and c, rounded down."""
        if self.preprocessing == 0.5:
            return np.zeros(len(nodes)), 1.0
        bit = self.is_of_bits
        with flint.ctx.workprec(PRECISION):
            q = flint.arb(float(self.preprocessing))
            g = 1 - 2 * q
            u = [q, *(q + g * flint.arb(float(t)) for t in nodes), *([] if bit else [flint.arb(1)])]
            unit = g / flint.arb(2).log()
            out = []
            for i in range(1, len(nodes) + 1):
                total = _rising(u[i - 1], u[i])
                if bit:
                    total += _falling(1 - u[i], 1 - u[i - 1])
                if i + 1 < len(u):
                    total += _falling(u[i], u[i + 1])
                    if bit:
                        total += _rising(1 - u[i + 1], 1 - u[i])
                out.append(_rounded_up(unit * total))
            known = -1.0 if bit else _rounded_up((self.outcomes - 1) * (_rising(u[-2], u[-1]) - 1) * unit)
        return np.array(out), -known

    def graded(self, count: int) -> Floats:
        """Nodes t_1 < ... < t_N, denser towards 0, for a function f that is not known yet."""
        steps = count if self.is_of_bits else count + 1
        return self.end * (np.arange(1, count + 1) / steps) ** 1.3

    def gap(self, nodes: Floats, values: Floats, slopes: Floats) -> Floats:
        """The most bits that the straight line on each interval can lose: (N,), or (N + 1,) for more outcomes than two.

        ``values`` and ``slopes`` (N,) are f(t_i) and a subgradient there. f is convex and not negative, so f lies
        between the straight line and the larger of 0 and the two tangents at the ends. The integral of this
        difference bounds the loss; it is computed from 16 places on each interval.
        """
        t, f, p = self._closed(nodes, values, slopes)
        g = 1.0 - 2.0 * self.preprocessing
        steps = (np.arange(16) + 0.5) / 16
        a, b = t[:-1, None], t[1:, None]
        x = a + (b - a) * steps
        chord = f[:-1, None] + (f[1:, None] - f[:-1, None]) * steps
        tangents = np.maximum(f[:-1, None] + p[:-1, None] * (x - a), f[1:, None] + p[1:, None] * (x - b))
        u = self.preprocessing + g * x
        lost = np.maximum(chord - np.maximum(tangents, 0.0), 0.0)
        lost *= g * g / (u * (1.0 - u)) if self.is_of_bits else 1.0 / u
        return np.asarray(lost.mean(axis=1) * np.diff(t) / math.log(2.0), dtype=np.float64)

    def refined(self, nodes: Floats, values: Floats, slopes: Floats, count: int) -> Floats:
        """Place ``count`` nodes so that their intervals lose about equally, as judged at coarser nodes.

        The loss on an interval of length h is of order h^3, so the density of nodes is proportional to the cube root of
        the loss. Inside an interval most nodes go near the point where its two tangents meet: a kink of f would be
        there. The values and slopes come from a solver. If they give no rising nodes, the result is :meth:`graded`.
        """
        t, f, p = self._closed(nodes, values, slopes)
        h = np.diff(t)
        share = np.cbrt(self.gap(nodes, values, slopes))
        share = np.maximum(share, 0.1 * share.mean() + 1e-9)
        bend = np.maximum(np.diff(p), 1e-12)
        meet = (f[:-1] - p[:-1] * t[:-1] - f[1:] + p[1:] * t[1:]) / bend
        meet = np.clip(meet, t[:-1] + 0.15 * h, t[1:] - 0.15 * h)
        half = np.minimum(meet - t[:-1], t[1:] - meet)
        ends = np.array([t[:-1], meet - half, meet + half, t[1:]])
        lengths = np.maximum(np.diff(ends, axis=0), 0.0)
        aside = 0.15 * share * lengths[[0, 2]] / h
        mass = np.array([aside[0], share - aside.sum(axis=0), aside[1]])
        places = np.concatenate([[0.0], ends[1:].T.reshape(-1)])
        filled = np.concatenate([[0.0], np.cumsum(mass.T.reshape(-1))])
        steps = count if self.is_of_bits else count + 1
        out = np.interp(np.arange(1, steps + 1) / steps * filled[-1], filled, places)
        out[-1] = self.end
        return out[:count] if bool((np.diff(out, prepend=0.0) > 0.0).all()) else self.graded(count)

    def inserted(self, nodes: Floats, values: Floats, slopes: Floats, count: int) -> Floats:
        """``count`` nodes, at least those there are: others go where they gain most, evenly spread in each interval.

        k nodes in an interval leave about one in (k + 1)^2 parts of its loss.
        """
        t = self._closed(nodes, values, slopes)[0]
        gaps = self.gap(nodes, values, slopes)
        added = np.zeros(len(gaps), dtype=np.int64)
        for _ in range(count - len(nodes)):
            added[np.argmax(gaps * ((added + 1.0) ** -2 - (added + 2.0) ** -2))] += 1
        parts = [np.linspace(a, b, k, endpoint=False) for a, b, k in zip(t[:-1], t[1:], added + 1, strict=True)]
        return np.append(np.concatenate(parts)[1:], t[-1])[:count]

    def _closed(self, nodes: Floats, values: Floats, slopes: Floats) -> tuple[Floats, Floats, Floats]:
        """Nodes, values and slopes with those of the ends where f is known."""
        t, f, p = (np.concatenate([[0.0], x]) for x in (nodes, values, slopes))
        if self.is_of_bits:
            return t, f, p
        return np.append(t, 1.0), np.append(f, self.outcomes - 1.0), np.append(p, float(self.outcomes))


def _rising(a: flint.arb, b: flint.arb) -> flint.arb:
    """Integral over [a, b] of (u - a)/(b - a) / u."""
    return flint.arb(1) if a == 0 else 1 - a / (b - a) * (b / a).log()


def _falling(a: flint.arb, b: flint.arb) -> flint.arb:
    """Integral over [a, b] of (b - u)/(b - a) / u."""
    return b / (b - a) * (b / a).log() - 1


def _rounded_up(ball: flint.arb) -> float:
    if not ball.is_finite():
        raise InvalidParameter(
            "the nodes of an integral must be finite numbers that rise from above 0 to 1/2, or to below 1 for more "
            "outcomes than two."
        )
    high = ball.upper()
    result = float(high)
    while not flint.arb(result) >= high:
        result = math.nextafter(result, math.inf)
    return result


@dataclass(frozen=True, eq=False)
class RadauRule:
    """The Gauss-Radau rule of an entropy in bits, or of a power.

    Attributes
    ----------
    nodes, weights : (m,) t_i and kappa_i = w_i / (t_i ln 2), each rounded to the nearest float; the w_i are the
        weights of the rule on [0, 1]. The kappa_i of a power are w_i / t_i
    constant : the sum of the kappa_i, rounded down
    """

    nodes: Floats
    weights: Floats
    constant: float


def gauss_radau(count: int) -> RadauRule:
    """The Gauss-Radau rule on [0, 1] with m = ``count`` >= 2 nodes, the last node at 1.

    With x = 2t - 1 and Legendre polynomials P, the nodes are the roots of P_m - P_{m-1}, and
    w_i = t_i / (m P_{m-1}(x_i))^2.

    >>> rule = gauss_radau(2)
    >>> float(rule.nodes[0]), round(float(rule.weights[0]) * math.log(2), 12)
    (0.3333333333333333, 2.25)
    """
    with flint.ctx.workprec(PRECISION):
        before, last = flint.fmpq_poly.legendre_p(count - 1), flint.fmpq_poly.legendre_p(count)
        roots = ((last - before) / flint.fmpq_poly([-1, 1])).complex_roots()  # all are real
        points = sorted((root.real for root, _ in roots), key=lambda point: float(point.mid()))
        points.append(flint.arb(1))
        ln2 = flint.arb(2).log()
        kappa = [1 / ((count * point.legendre_p(count - 1)) ** 2 * ln2) for point in points]
        return RadauRule(
            np.array([float(((1 + point) / 2).mid()) for point in points]),
            np.array([float(k.mid()) for k in kappa]),
            -_rounded_up(-sum(kappa, flint.arb(0))),
        )


def power_radau(count: int, exponent: float) -> RadauRule:
    """The rule with ``x^-r <= 1 - r sum_i w_i (x - 1) / (1 + t_i (x - 1))`` for all x > 0, r = ``exponent`` in (0, 1).

    It is the Gauss-Radau rule of m = ``count`` >= 2 nodes, the last node at 1, with the density ``sin(pi r) / (pi r)
    t^r (1-t)^-r`` on [0, 1], whose moments are ``prod_{j<n} (1+r+j)/(2+j)`` (docs/renyi.md). The other nodes are the
    roots of the polynomial 2F1(1-m, m+1; 1+r; t), and w_i is the integral of the Lagrange polynomial of t_i.

    >>> rule = power_radau(2, 0.5)
    >>> float(rule.nodes[0]), [round(float(k * t), 12) for k, t in zip(rule.weights, rule.nodes)]
    (0.5, [0.5, 0.5])
    """
    r, n = flint.fmpq(*exponent.as_integer_ratio()), count - 1
    series, moments = [flint.fmpq(1)], [flint.fmpq(1)]
    for k in range(n):
        series.append(series[-1] * (k - n) * (n + 2 + k) / ((1 + r + k) * (k + 1)))
        moments.append(moments[-1] * (1 + r + k) / (2 + k))
    inner = flint.fmpq_poly(series)
    with flint.ctx.workprec(PRECISION):
        points = sorted((root.real for root, _ in inner.complex_roots()), key=lambda point: float(point.mid()))
        points.append(flint.arb(1))
        whole = inner * flint.fmpq_poly([-1, 1])
        coefficients = [flint.arb(c) for c in whole.coeffs()]
        kappa = []
        for point in points:  # Horner's steps divide by t - t_i; the value of the quotient there is the slope
            total = slope = quotient = flint.arb(0)
            for k in range(n, -1, -1):
                quotient = coefficients[k + 1] + point * quotient
                total += quotient * moments[k]
                slope = slope * point + quotient
            kappa.append(total / (slope * point))
        return RadauRule(
            np.array([float(point.mid()) for point in points]),
            np.array([float(k.mid()) for k in kappa]),
            -_rounded_up(-sum(kappa, flint.arb(0))),
        )
