"""The entropy of Alice's outcome at a value of CHSH or of an asymmetric CHSH expression, by a theorem.

Tested is one value v of an expression ``constant + sum c_xy <A_x B_y>`` with |c_x0| = |c_x1| = k alpha for the key's
setting x, |c_x'0| = |c_x'1| = k for Alice's other one, and c_x0 c_x1 c_x'0 c_x'1 < 0. Flips of outcomes turn it into
k S, ``S = alpha <A_x (B_0 + B_1)> + <A_x' (B_0 - B_1)>``, and change no entropy. With phi(u) = h((1+u)/2), q the
probability of a flip of the key,

    f(u) = 1 + phi(sqrt((1-2q)^2 + 4q(1-q) u^2)) - phi(u),    F(S) = f(sqrt(S^2/4 - alpha^2)),

and |S| above the local maximum 2 max(1, alpha) the least H(A|X=x,E) is F(|S|) for alpha >= 1; for alpha < 1 it is the
convex hull of F and the point (2, h(q)): the tangent to F through that point as far as it touches, then F. At or below
the local maximum it is h(q). This is the theorem of arXiv:2007.16146 (Woodhead, Acin, Pironio; also arXiv:2009.01784,
Sekatski et al.); with alpha = 1 that of arXiv:2005.13015 (Ho et al.), and with q = 0 too that of arXiv:quant-ph/0702152
and arXiv:0903.4460, ``1 - h((1 + sqrt(S^2/4 - 1))/2)``. It is tight. F rises and is convex where it is used, so each
tangent is an affine lower bound on the entropy of every quantum behaviour, for alpha < 1 if it is at most h(q) at 2.
Proof: with w = u^2, which is convex and rising in S, P(w) = 1 - phi(sqrt w) = sum_k w^k / (2k (2k-1) ln 2) and
c = 4q(1-q), F = 1 + P(w) - P(1 - c (1-w)). So F' = P'(w) - c P'(1 - c(1-w)) >= 0, for y P'(1-y) rises with y = 1-w, the
coefficients of P' being positive and falling; and F'' >= 0, for y^2 P''(1-y) rises too: the coefficients
(1 - 1/(2k+3))/4 of P'' are rising and concave, and the first two are in a ratio of less than 2.

Nothing is known in closed form for other tested data. One could test a combination of more of them, but that is not
the least entropy of those data; the programs find the best combination.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Functional
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["closed_entropy"]

PRECISION = 1024  # bits, those of sdpbound.checker
#: How far coefficients may be from those of an asymmetric CHSH expression, relative to their sum; it is charged.
ROUNDING = Fraction(1, 10**13)
#: Beyond this, or below its inverse, one of Alice's settings is as good as not tested: left to the programs.
LARGEST_ALPHA = 10**6
CHSH = "arXiv:0903.4460"
FLIPPED = "arXiv:2005.13015"
ASYMMETRIC = "arXiv:2007.16146"


@dataclass(frozen=True)
class _Tested:
    """``constant + k S`` within ``miss`` is what is tested; |S| is at least ``least``. All exact."""

    alpha: Fraction
    unit: Fraction
    constant: Fraction
    miss: Fraction
    sign: int
    least: Fraction
    limit: Fraction  # sum of the moduli of all coefficients


def closed_entropy(question: EntropyQuestion, model: Quantum) -> EntropyBound | None:
    """The formula's bound, rounded down; None where the data have no formula or lie outside the quantum set."""
    tested = _recognise(question)
    if tested is None or (tested.least > 0 and tested.least**2 > 4 * (1 + tested.alpha**2)):
        return None
    with flint.ctx.workprec(PRECISION):
        curve = _Curve(tested.alpha, Fraction(question.preprocessing))
        value, proof = curve.local, _ClosedProof(question, lower_float(curve.local), 0.0, None)
        if tested.least > curve.threshold and question.preprocessing < 0.5:
            value, proof = _line(question, tested, curve, curve.touching(tested.least))
            value = value.max(curve.local)
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
    )


def _recognise(question: EntropyQuestion) -> _Tested | None:
    observed = question.observed
    if len(observed) != 1 or question.y is not None or observed.scenario.outcomes[0][question.x] != 2:
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
    """The function F of the module docstring, in balls."""

    def __init__(self, alpha: Fraction, flips: Fraction) -> None:
        self.alpha = alpha
        self.threshold = 2 * max(Fraction(1), alpha)  # the local maximum
        q = ball(flips)
        self._mixed = 4 * q * (1 - q)
        self.local = _phi(1 - 2 * q)

    def at(self, s: Fraction) -> tuple[flint.arb, flint.arb]:
        """F and its derivative."""
        square = ball(s * s / 4 - self.alpha**2)
        u = square.sqrt()
        v = (1 - self._mixed + self._mixed * square).sqrt()
        rise = self._mixed * _slope(v) / v - _slope(u) / u
        return 1 + _phi(v) - _phi(u), ball(s) / 4 * rise

    def touching(self, s: Fraction) -> Fraction:
        """The place T whose :meth:`line` proves most at s: s, or for alpha < 1 at least where the hull touches."""
        largest = Fraction(math.isqrt(int((1 + self.alpha**2) * 2**202)), 2**100)
        high = largest - (largest - self.threshold) / 2**50  # at the largest value itself the slope is infinite
        s = min(s, high)
        if self.alpha >= 1 or self._below(s):
            return s
        if not self._below(high):
            return high
        far, near = float(largest - s), float(largest - high)  # F bends most just below its end: halve the logarithm
        for _ in range(60):
            middle = math.sqrt(far * near)
            far, near = (far, middle) if self._below(largest - Fraction(middle)) else (middle, near)
        return largest - Fraction(near)

    def line(self, t: Fraction) -> tuple[flint.arb, flint.arb, Fraction]:
        """(height, slope, place) of a straight line that is nowhere above the least entropy.

        The tangent at t. For alpha < 1 and a t left of where the hull touches it is not: there, as F rises, and as
        (F - h(q))/(S - 2) falls as far as that, (F(t) - h(q))/(S_max - 2) is a slope at (2, h(q)).
        """
        value, slope = self.at(t)
        if self.alpha >= 1 or value - slope * ball(t - 2) <= self.local:
            return value, slope, t
        largest = 2 * ball(1 + self.alpha**2).sqrt()
        return self.local, (value - self.local) / (largest - 2), Fraction(2)

    def _below(self, t: Fraction) -> bool:
        return self.line(t)[2] == t


def _line(
    question: EntropyQuestion, tested: _Tested, curve: _Curve, touching: Fraction
) -> tuple[flint.arb, _ClosedProof]:
    """The line's value at the data, and the line as a functional of what is tested."""
    value, slope, place = curve.line(touching)
    exact = slope / ball(tested.unit)
    multiplier = float(exact.mid()) * tested.sign
    constant = value - slope * ball(place) - exact * ball(tested.sign * tested.constant + tested.miss)
    constant -= abs(exact * tested.sign - flint.arb(multiplier)) * ball(tested.limit)
    return value + slope * ball(tested.least - place), _ClosedProof(
        question, lower_float(constant), multiplier, touching
    )


def _phi(u: flint.arb) -> flint.arb:
    """h((1+u)/2) in bits for 0 <= u <= 1; exact at both ends."""
    if u == 0:
        return flint.arb(1)
    return -sum((p * p.log() for p in ((1 + u) / 2, (1 - u) / 2) if p > 0), flint.arb(0)) / flint.arb(2).log()


def _slope(u: flint.arb) -> flint.arb:
    """The derivative of phi, for 0 < u < 1; no ball of it is needed at u = 1, where it stands beside a factor 0."""
    return flint.arb(0) if u == 1 else ((1 - u) / (1 + u)).log() / (2 * flint.arb(2).log())


def ball(value: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


@dataclass(frozen=True, eq=False)
class _ClosedProof(AffineProof):
    """A straight line below the convex curve. Where ``touching`` is None the line is the constant least value."""

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
