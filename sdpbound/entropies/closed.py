"""The entropy of Alice's outcome at one value of CHSH or of an asymmetric CHSH expression, by a theorem.

**Data.** The test is one value v of an expression ``constant + sum c_xy <A_x B_y>``. Its coefficients obey
|c_x0| = |c_x1| = k alpha for the setting x of the key, |c_x'0| = |c_x'1| = k for Alice's other setting x', and
c_x0 c_x1 c_x'0 c_x'1 < 0. Flips of outcomes turn the sum into k S with
``S = alpha <A_x (B_0 + B_1)> + <A_x' (B_0 - B_1)>``. These flips change no entropy.

**Theorem.** Let q be the probability of a flip of the key, phi(u) = h((1+u)/2), and

    f(u) = 1 + phi(sqrt((1-2q)^2 + 4q(1-q) u^2)) - phi(u),    F(S) = f(sqrt(S^2/4 - alpha^2)).

If |S| is at or below the local maximum 2 max(1, alpha), the least H(A|X=x,E) is h(q). Above the local maximum it is
F(|S|) for alpha >= 1. For alpha < 1 it is the convex hull of F and the point (2, h(q)): first the tangent to F through
this point, up to the place where the tangent touches F, then F. The theorem is tight. Its source is arXiv:2007.16146
(Woodhead, Acin, Pironio; also arXiv:2009.01784, Sekatski et al.). With alpha = 1 it is that of arXiv:2005.13015 (Ho et
al.). With alpha = 1 and q = 0 it is that of arXiv:quant-ph/0702152 and arXiv:0903.4460,
``1 - h((1 + sqrt(S^2/4 - 1))/2)``.

**Affine bounds.** F rises and is convex where it is used. So each tangent is an affine lower bound on the entropy of
every quantum behaviour; for alpha < 1 the tangent must also be at most h(q) at S = 2. Proof: w = u^2 is convex and
rising in S. With c = 4q(1-q) and P(w) = 1 - phi(sqrt w) = sum_k w^k / (2k (2k-1) ln 2), the function is
F = 1 + P(w) - P(1 - c (1-w)). Its first derivative by w is P'(w) - c P'(1 - c(1-w)). This is >= 0, because y P'(1-y)
rises with y = 1-w: the coefficients of P' are positive and falling. The second derivative by w is >= 0, because
y^2 P''(1-y) rises too: the coefficients (1 - 1/(2k+3))/4 of P'' are rising and concave, and the second is less than
twice the first.

No closed form is known for other tested data. One could combine several tested values into one such expression, but the
result would not be the least entropy of the data. The programs find the best combination.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.bell.channel import BinaryChannel
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Functional
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["closed_entropy"]

PRECISION = 1024  # bits, as in sdpbound.checker
#: How far coefficients may be from an asymmetric CHSH expression, relative to their sum. The bound pays for it.
ROUNDING = Fraction(1, 10**13)
#: With alpha above this or below its inverse, one of Alice's settings is hardly tested: the programs take such data.
LARGEST_ALPHA = 10**6
CHSH = "arXiv:0903.4460"
FLIPPED = "arXiv:2005.13015"
ASYMMETRIC = "arXiv:2007.16146"


@dataclass(frozen=True)
class _Tested:
    """The tested expression, in exact numbers.

    The expression is ``constant + k S`` up to an error of at most ``miss``, with k = ``unit``; |S| is at least
    ``least``, and ``sign`` is the sign of S. Some S within the tolerances has |S| <= ``most``.
    """

    alpha: Fraction
    unit: Fraction
    constant: Fraction
    miss: Fraction
    sign: int
    least: Fraction
    limit: Fraction  # sum of the absolute values of all coefficients

    @property
    def most(self) -> Fraction:
        return self.least + 2 * self.miss / self.unit


def closed_entropy(question: EntropyQuestion, model: Quantum) -> EntropyBound | None:
    """The bound of the closed form, rounded down; None if the data have none or lie outside the quantum set."""
    if isinstance(question.preprocessing, BinaryChannel):
        return None
    tested = _recognise(question)
    if tested is None or (tested.least > 0 and tested.least**2 > 4 * (1 + tested.alpha**2)):
        return None
    with flint.ctx.workprec(PRECISION):
        curve = _Curve(tested.alpha, Fraction(question.preprocessing))
        value, proof = curve.local, _ClosedProof(question, lower_float(curve.local), 0.0, None)
        top = value
        if tested.least > curve.threshold and question.preprocessing < 0.5:
            touching = curve.touching(tested.least)
            value, proof = _line(question, tested, curve, touching)
            value = value.max(curve.local)
            top = curve.top(tested.most, touching)
    if tested.alpha != 1:
        source = ASYMMETRIC
    else:
        source = FLIPPED if question.preprocessing else CHSH
    return EntropyBound(
        value=lower_float(value),
        side="lower",
        merit=question.figure,
        model=model,
        solver_value=math.nan,
        solver="none",
        status="closed form",
        seconds={},
        source=source,
        _proof=proof,
        nodes=(),
        quadrature_gap=0.0,
        gap=max(-lower_float(lower_float(value) - top), 0.0),
    )


def _recognise(question: EntropyQuestion) -> _Tested | None:
    observed = question.observed
    if len(observed) != 1 or not question.is_of_a_pair or question.y is not None or question.outcomes != 2:
        return None
    table = observed.coefficients[0]
    rows, columns = np.nonzero(table[1:, 1:].any(axis=1))[0] + 1, np.nonzero(table[1:, 1:].any(axis=0))[0] + 1
    if table[1:, 0].any() or table[0, 1:].any() or len(rows) != 2 or len(columns) != 2:
        return None
    letters = observed.scenario.letters
    settings = [[letters[party][i - 1].setting for i in found] for party, found in enumerate((rows, columns))]
    binary = all(observed.scenario.outcomes[party][s] == 2 for party in (0, 1) for s in settings[party])
    if not binary or question.x not in settings[0]:
        return None
    own = rows[settings[0].index(question.x)]
    other = rows[1 - settings[0].index(question.x)]
    c = {r: [Fraction(float(table[r, s])) for s in columns] for r in (own, other)}
    if not c[own][0] * c[own][1] * c[other][0] * c[other][1] < 0:
        return None
    size = {r: (abs(a) + abs(b)) / 2 for r, (a, b) in c.items()}
    miss = sum((abs(abs(a) - abs(b)) for a, b in c.values()), Fraction(0))
    alpha = size[own] / size[other]
    if miss > ROUNDING * 2 * (size[own] + size[other]) or not 1 <= LARGEST_ALPHA * alpha <= LARGEST_ALPHA**2:
        return None
    constant = Fraction(float(table[0, 0]))
    excess = Fraction(float(observed.values[0])) - constant
    least = (abs(excess) - Fraction(float(observed.tolerances[0])) - miss) / size[other]
    limit = abs(constant) + 2 * (size[own] + size[other])
    return _Tested(alpha, size[other], constant, miss, 1 if excess > 0 else -1, least, limit)


class _Curve:
    """The function F of the module docstring, in ball arithmetic."""

    def __init__(self, alpha: Fraction, flips: Fraction) -> None:
        self.alpha = alpha
        self.threshold = 2 * max(Fraction(1), alpha)  # the local maximum
        q = ball(flips)
        self._mixed = 4 * q * (1 - q)
        self.local = _phi(1 - 2 * q)

    def at(self, s: Fraction) -> tuple[flint.arb, flint.arb]:
        """F(s) in bits and its derivative."""
        square = ball(s * s / 4 - self.alpha**2)
        u = square.sqrt()
        v = (1 - self._mixed + self._mixed * square).sqrt()
        rise = self._mixed * _slope(v) / v - _slope(u) / u
        return 1 + _phi(v) - _phi(u), ball(s) / 4 * rise

    def touching(self, s: Fraction) -> Fraction:
        """The place T whose :meth:`line` proves most at s.

        T is s; but for alpha < 1 T is at least the place where the tangent through (2, h(q)) touches F.
        """
        largest = Fraction(math.isqrt(int((1 + self.alpha**2) * 2**202)), 2**100)
        high = largest - (largest - self.threshold) / 2**50  # at the largest value itself the slope is infinite
        s = min(s, high)
        if self.alpha >= 1 or self._below(s):
            return s
        if not self._below(high):
            return high
        far, near = float(largest - s), float(largest - high)  # F bends most near its end: halve the logarithm
        for _ in range(60):
            middle = math.sqrt(far * near)
            far, near = (far, middle) if self._below(largest - Fraction(middle)) else (middle, near)
        return largest - Fraction(near)

    def line(self, t: Fraction) -> tuple[flint.arb, flint.arb, Fraction]:
        """(height, slope, place) of a straight line that is nowhere above the least entropy.

        The line is the tangent at t if t is at or right of the place where the hull touches F, and always for
        alpha >= 1. For a t left of this place the line goes through (2, h(q)) with slope (F(t) - h(q))/(S_max - 2).
        This line is safe because F rises and (F - h(q))/(S - 2) falls up to the place where the hull touches F.
        """
        value, slope = self.at(t)
        if self.alpha >= 1 or value - slope * ball(t - 2) <= self.local:
            return value, slope, t
        largest = 2 * ball(1 + self.alpha**2).sqrt()
        return self.local, (value - self.local) / (largest - 2), Fraction(2)

    def top(self, s: Fraction, touching: Fraction) -> flint.arb:
        """An upper bound on the least entropy at s, from devices that have s and :meth:`touching` as their values.

        It is F(s), or where s < touching the mixture of a local device, which leaves h(q), and that of touching.
        """
        largest = Fraction(math.isqrt(int((1 + self.alpha**2) * 2**202)), 2**100)
        if s <= self.threshold:
            return self.local
        own = self.at(min(s, largest))[0]
        if self.alpha >= 1 or s >= touching:
            return own
        part = ball((s - 2) / (touching - 2))
        return own.min(self.local + part * (self.at(touching)[0] - self.local))

    def _below(self, t: Fraction) -> bool:
        return self.line(t)[2] == t


def _line(
    question: EntropyQuestion, tested: _Tested, curve: _Curve, touching: Fraction
) -> tuple[flint.arb, _ClosedProof]:
    """The value of the line at the data in bits, and the line as a functional of the tested value."""
    value, slope, place = curve.line(touching)
    exact = slope / ball(tested.unit)
    multiplier = float(exact.mid()) * tested.sign
    constant = value - slope * ball(place) - exact * ball(tested.sign * tested.constant + tested.miss)
    constant -= abs(exact * tested.sign - flint.arb(multiplier)) * ball(tested.limit)
    return value + slope * ball(tested.least - place), _ClosedProof(
        question, lower_float(constant), multiplier, touching
    )


def _phi(u: flint.arb) -> flint.arb:
    """phi(u) = h((1+u)/2) in bits for 0 <= u <= 1; exact at both ends."""
    if u == 0:
        return flint.arb(1)
    return -sum((p * p.log() for p in ((1 + u) / 2, (1 - u) / 2) if p > 0), flint.arb(0)) / flint.arb(2).log()


def _slope(u: flint.arb) -> flint.arb:
    """The derivative of phi for 0 < u < 1; at u = 1 the result is 0, because the factor beside it is 0 there."""
    return flint.arb(0) if u == 1 else ((1 - u) / (1 + u)).log() / (2 * flint.arb(2).log())


def ball(value: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


@dataclass(frozen=True, eq=False)
class _ClosedProof(AffineProof):
    """A straight line below the convex curve; it is the constant h(q) if ``touching`` is None."""

    question: EntropyQuestion
    constant: float
    multiplier: float
    touching: Fraction | None

    @property
    def given(self) -> Observations:
        return self.question.observed

    def functional(self) -> Functional:
        return Functional.of_tests("lower", self.constant, np.array([self.multiplier]), self.given)

    def certificate(self, value: float) -> dict[str, Any]:
        observed = self.given
        return certificate_head(
            observed, self.question.figure, "lower", None, "sdpbound closed form", "entropy by formula"
        ) | {
            "theorem": ASYMMETRIC,
            "claim": {
                "value": value,
                "touching": None if self.touching is None else str(self.touching),
                "functional": {"constant": self.constant, "multipliers": [self.multiplier]},
            },
        }
