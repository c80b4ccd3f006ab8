"""What a charge proves of the data and of all behaviours, and what a claim has beyond it.

The residuals R_e are those of :mod:`sdpbound.checker.linear`. Every word w has |<w>| <= <1>, so that
R_e . v_e <= kappa_e <1>_e with kappa_e = R_e[1] + sum_{w != 1} |R_e[w]|; for a local adversary kappa_e is the
enumerated maximum. With mu = max_e kappa_e this gives ::

    figure <= mu + sum_j lambda_j observed_j . v                      for every behaviour v of the model's set,
    figure <= mu + sum_j (lambda_j value_j + |lambda_j| tolerance_j)  on the data.

A proof with wrong numbers gives a weaker bound, never a false one. For the side lower of a Bell value the signs are
turned round. For the min-entropy, -log2 is convex and lies above each of its tangents: for every t > 0 ::

    H >= log2(t ln 2) + 1/ln 2 - t (mu + sum_j lambda_j observed_j . v)   for every behaviour v of the model's set.

A claimed functional a + sum_j b_j observed_j . v holds if, for one t, a is at most the right side at v = <1> minus
sum_j |b_j + t lambda_j| * (sum of |coefficients of observed_j|); the checker takes the best t for the b_j. The
functional it returns has the t of the tangent at f0 = mu + sum_j lambda_j value_j, namely 1/(f0 ln 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint

from sdpbound.checker.numbers import LOG_PRECISION, ZERO, log2_ball, lower_end, nearest_float, rounded_float, to_ball
from sdpbound.checker.question import Question
from sdpbound.checker.scenario import Observed
from sdpbound.errors import CertificateError

__all__ = ["Conclusion", "Subject", "Verification", "conclude_affine", "conclude_entropy"]

Conclusion = tuple[Fraction, tuple[float, tuple[float, ...]], list[str]]  # bound, functional, faults of the claim
_MULTIPLIER_TOLERANCE = Fraction(1, 10**12)  # relative; what it changes is charged to the constant


@dataclass(frozen=True, slots=True)
class Verification:
    """What a certificate proves.

    Attributes
    ----------
    value : float
        The bound recomputed from the question and the proof, rounded outward.
    claimed : float
        The bound that the certificate claims.
    side : str
        "upper" if the figure is at most ``value``, "lower" if it is at least ``value``.
    figure : str
        Kind of the figure of merit.
    model : str
        Kind of the adversary model; for "quantum" the bound is valid for the whole quantum set, whatever the level.
    holds : bool
        Whether the proof implies the claimed value and the claimed functional.
    functional : tuple or None
        ``(constant, multipliers)`` of the affine functional that the proof gives: the figure of every behaviour v of
        the set is at most (side "lower": at least) constant + sum_j multipliers_j observed_j . v. None where
        the statement is about its own data only: a closed form at a self-test, boxes, an attack, a finite length.
    message : str
        One or two sentences for people.
    """

    value: float
    claimed: float
    side: str
    figure: str
    model: str
    holds: bool
    functional: tuple[float, tuple[float, ...]] | None
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a certificate is about: the kind of its figure, the side of its bound, and the set of devices."""

    figure: str
    side: str
    model: str = "quantum"

    def verified(
        self,
        value: float,
        claimed: Fraction,
        messages: tuple[str, str],
        *,
        holds: bool,
        strict: bool,
        functional: tuple[float, tuple[float, ...]] | None = None,
    ) -> Verification:
        """What the certificate proves, with the first message if its claim holds.

        Otherwise with the second one, which is raised as a CertificateError if ``strict``.
        """
        if strict and not holds:
            raise CertificateError(messages[1])
        return Verification(
            value=value,
            claimed=rounded_float(claimed, up=self.side == "upper"),
            side=self.side,
            figure=self.figure,
            model=self.model,
            holds=holds,
            functional=functional,
            message=messages[0 if holds else 1],
        )


def conclude_affine(
    question: Question, multipliers: list[Fraction], charge: Fraction, constant: Fraction, slopes: list[Fraction]
) -> Conclusion:
    """Bound on the data, affine functional, and what the claimed functional has beyond it.

    Multipliers are those of the normal forms; `constant` and `slopes` are the claim of the file, and so is the answer.
    """
    observed = question.observed
    upper = question.side == "upper"
    sign = 1 if upper else -1
    bound = sign * _on_data(observed, multipliers, charge)
    exact = [sign * multiplier for multiplier in multipliers]

    def weakest(candidates: Sequence[Fraction]) -> Fraction:
        """Constant that makes the functional with these multipliers of the file follow from the proven one."""
        moved = zip(observed.scaled(candidates), exact, observed.limits, strict=True)
        needed = sign * (charge + sum((abs(a - b) * limit for a, b, limit in moved), ZERO))
        return needed - observed.shift(candidates)

    floats = tuple(map(nearest_float, observed.unscaled(exact)))
    proven = rounded_float(weakest([Fraction(slope) for slope in floats]), up=upper)
    faults = []
    for j, (claimed, slope) in enumerate(zip(slopes, observed.unscaled(exact), strict=True)):
        if abs(claimed - slope) > _MULTIPLIER_TOLERANCE * abs(slope):
            faults.append(_slope_fault(j, claimed, nearest_float(slope)))
    needed = weakest(slopes)
    if not faults and sign * (constant - needed) < 0:
        faults.append(_constant_fault(constant, rounded_float(needed, up=upper)))
    return bound, (proven, floats), faults


def conclude_entropy(
    question: Question, multipliers: list[Fraction], charge: Fraction, constant: Fraction, slopes: list[Fraction]
) -> Conclusion:
    """The same for -log2 of the bound on the guessing probability, with balls that contain the true numbers."""
    observed = question.observed
    bound = _on_data(observed, multipliers, charge)
    centre = sum((a * b for a, b in zip(multipliers, observed.values, strict=True)), charge)
    if bound <= 0 or centre <= 0:
        raise CertificateError(
            "The proof bounds the guessing probability by a number <= 0 on the data or their central values, which "
            "are then outside the set: a statement of the kind separation and not a min-entropy."
        )
    with flint.ctx.workprec(LOG_PRECISION):
        entropy = lower_end(-log2_ball(bound))
        touching = 1 / (to_ball(centre) * flint.arb(2).log())

        def weakest(candidates: Sequence[Fraction], t: Fraction | None) -> Fraction:
            """Constant that makes the functional with these multipliers follow; t None for the tangent at f0."""
            if t is None:  # written so that a whole number of bits without multipliers stays exact
                steepness = touching
                total = -log2_ball(centre) + to_ball(centre - charge) * touching
            else:
                steepness = to_ball(t)
                ln2 = flint.arb(2).log()
                total = ((steepness * ln2).log() + 1) / ln2 - steepness * to_ball(charge)
            for claimed, multiplier, limit in zip(
                observed.scaled(candidates), multipliers, observed.limits, strict=True
            ):
                total -= abs(to_ball(claimed) + steepness * to_ball(multiplier)) * to_ball(limit)
            return lower_end(total) - observed.shift(candidates)

        scaled = [lower_end(-touching * to_ball(multiplier)) for multiplier in multipliers]
        floats = tuple(map(nearest_float, observed.unscaled(scaled)))
        proven = rounded_float(weakest([Fraction(slope) for slope in floats], None), up=False)
        own = observed.scaled(slopes)
        t = _best_tangent(multipliers, own, observed.limits, charge)
        needed = weakest(slopes, t)
        faults = []
        if constant > needed:
            for j, (claimed, multiplier) in enumerate(zip(own, multipliers, strict=True)):
                scale = abs(multiplier) * (lower_end(touching) if t is None else t)
                if abs(abs(claimed) - scale) > Fraction(1, 10**6) * scale or claimed * multiplier > 0:
                    faults.append(_slope_fault(j, slopes[j], floats[j]))
            faults = faults or [_constant_fault(constant, rounded_float(needed, up=False))]
    return entropy, (proven, floats), faults


def _best_tangent(
    multipliers: Sequence[Fraction], slopes: Sequence[Fraction], limits: Sequence[Fraction], charge: Fraction
) -> Fraction | None:
    """The t > 0 that proves most about a functional with these slopes; None if no slope fits any t.

    The constant proven is concave in t, with a kink wherever one of the slopes fits, b_j = -t lambda_j. Slopes that
    were rounded fit at almost the same t; at the best of these kinks the derivative of the constant changes sign.
    """
    kinks = sorted(
        (-slope / multiplier, abs(multiplier) * limit)
        for multiplier, slope, limit in zip(multipliers, slopes, limits, strict=True)
        if multiplier and limit and -slope / multiplier > 0
    )
    above = sum((weight for _, weight in kinks), ZERO)
    below = sum((abs(m) * limit for m, limit in zip(multipliers, limits, strict=True)), ZERO) - above
    for t, weight in kinks:
        above -= weight
        below += weight
        derivative = 1 / (to_ball(t) * flint.arb(2).log()) + to_ball(above - below - charge)
        if not derivative > 0:
            return t
    return kinks[-1][0] if kinks else None


def _on_data(observed: Observed, multipliers: list[Fraction], charge: Fraction) -> Fraction:
    """mu + sum_j (lambda_j value_j + |lambda_j| tolerance_j)."""
    terms = zip(multipliers, observed.values, observed.tolerances, strict=True)
    return sum((m * value + abs(m) * tolerance for m, value, tolerance in terms), charge)


def _slope_fault(j: int, claimed: Fraction, proven: float) -> str:
    return f"claim.functional.multipliers[{j}] is {nearest_float(claimed)!r}, the recomputed one {proven!r}"


def _constant_fault(claimed: Fraction, needed: float) -> str:
    return f"claim.functional.constant is {float(claimed)!r}, the recomputed one {needed!r}"
