"""Check the entropy that one value of an asymmetric CHSH expression proves by formula.

The question has one tested expression of two parties, ``constant + sum c_xy <A_x B_y>`` with coefficients of two
settings with two outcomes for each party and no marginals, c_x0 c_x1 c_x'0 c_x'1 < 0, x the setting of the key. With

    k = (|c_x'0| + |c_x'1|)/2,   k alpha = (|c_x0| + |c_x1|)/2,   d = | |c_x0| - |c_x1| | + | |c_x'0| - |c_x'1| |,

flips of outcomes turn it into constant + k S within d, ``S = alpha <A_x (B_0 + B_1)> + <A_x' (B_0 - B_1)>``, or into
constant - k S. By the theorem of arXiv:2007.16146, with phi(u) = h((1+u)/2), q the probability of a flip of the key and

    F(S) = 1 + phi(sqrt((1-2q)^2 + 4q(1-q) u^2)) - phi(u),   u = sqrt(S^2/4 - alpha^2),

H(A|X=x,E) is at least h(q), and the convex hull of F on [2 max(1, alpha), 2 sqrt(1 + alpha^2)] and, for alpha < 1, of
the point (2, h(q)). F is convex and rises. With the claim comes a place T in the interval (as "p/q"). The tangent at T
is below the hull if alpha >= 1, or if it is at most h(q) at 2. If it is more than h(q) there, T is left of where the
hull's straight part ends; as far as that (F - h(q))/(S - 2) falls, so the line through (2, h(q)) with slope
(F(T) - h(q))/(2 sqrt(1 + alpha^2) - 2) is below the hull. T null is the constant h(q).

The theorem is trusted, as are the data; everything else is computed again in balls of 1024 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import flint

from sdpbound.checker.channel import Channel
from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.numbers import (
    HALF,
    LOG_PRECISION,
    ONE,
    ZERO,
    Tensor,
    binary_entropy,
    lower_end,
    nearest_float,
    rounded_float,
    to_ball,
)
from sdpbound.checker.question import Question
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_number, read_numbers, shown
from sdpbound.checker.scenario import Observed, Scenario, read_observed, read_scenario
from sdpbound.checker.trials import out_of_range, try_statement, try_value
from sdpbound.errors import CertificateError

__all__ = ["verify_closed_entropy"]


@dataclass(frozen=True, slots=True)
class _Expression:
    alpha: Fraction
    unit: Fraction
    miss: Fraction
    limit: Fraction  # of its modulus on any behaviour


@dataclass(frozen=True, slots=True)
class _Line:
    """Nowhere above the least entropy, as a function of S."""

    height: flint.arb
    slope: flint.arb
    place: Fraction


def verify_closed_entropy(root: Mapping[str, object], strict: bool) -> Verification:
    """The bound of a file of format "sdpbound closed form" about a conditional entropy; see the module docstring."""
    asked = _read_asked(root["question"])
    scenario, observed, expression, x = asked.scenario, asked.observed, asked.expression, asked.x
    claim = read_keys(root["claim"], ("value", "touching", "functional"), "claim")
    claimed = read_number(claim["value"], "claim.value")
    functional = read_keys(claim["functional"], ("constant", "multipliers"), "claim.functional")
    constant = read_number(functional["constant"], "claim.functional.constant")
    (slope,) = read_numbers(functional["multipliers"], "claim.functional.multipliers", length=1)
    touching = None if claim["touching"] is None else read_number(claim["touching"], "claim.touching")

    tested, tolerance = observed.values[0], observed.tolerances[0]
    lowest = (abs(tested) - tolerance - expression.miss) / expression.unit  # of S
    with flint.ctx.workprec(LOG_PRECISION):
        most = 2 * to_ball(1 + expression.alpha**2).sqrt()
        if to_ball(lowest) > most:
            raise CertificateError(
                f"question.observed[0].value is that of S >= {float(lowest)!r}, which no quantum device has: the "
                f"largest is {float(most.mid())!r}. There is no entropy of such data."
            )
        sign = 1 if tested > 0 else -1
        line, least = _line(expression.alpha, asked.flips, touching)
        bound = lower_end(least)
        multiplier = line.slope * to_ball(sign / expression.unit)  # of the normal form

        def weakest(candidate: Fraction) -> Fraction:
            """Constant that makes the functional with this multiplier of the file follow."""
            offset = line.slope * to_ball(expression.miss / expression.unit)
            moved = abs(multiplier - to_ball(*observed.scaled([candidate]))) * to_ball(expression.limit)
            return lower_end(line.height - line.slope * to_ball(line.place) - offset - moved) - observed.shift(
                [candidate]
            )

        nearest = nearest_float(*observed.unscaled([lower_end(multiplier)]))
        proven = (rounded_float(weakest(Fraction(nearest)), up=False), (nearest,))
        bound = max(bound, lower_end(line.height + line.slope * to_ball(lowest - line.place)))
        value = rounded_float(bound, up=False)
        holds_functional = constant <= weakest(slope)
        faults = out_of_range(claimed, "lower", flint.arb(0), flint.arb(1), "H(A|x,E) of one bit")
    if bound < claimed:
        faults.append(f"the recomputed lower bound is {value!r}, the claimed value {float(claimed)!r}")
    if not holds_functional:
        faults.append(f"the claimed functional {float(constant)!r} + {float(slope)!r} v does not follow from {proven}")
    if not faults:
        channel = Channel(asked.flips, asked.flips)
        entropy = Question(
            scenario, {}, "conditional_entropy", "lower", "quantum", [], observed, (x, None), False, [], channel
        )
        for a, b in ((constant, slope), (Fraction(proven[0]), Fraction(nearest))):
            try_statement(entropy, a + observed.shift([b]), observed.scaled([b]))
        try_value(entropy, claimed)
    good = f"By arXiv:2007.16146 H(A|x={x},E) is at least {value!r}, as claimed ({float(claimed)!r})."
    bad = f"The certificate does not prove its claim on the entropy: {'; '.join(faults)}."
    subject, holds = Subject("conditional_entropy", "lower"), not faults
    return subject.verified(value, claimed, (good, bad), holds=holds, strict=strict, functional=proven)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question as read: the entropy of Alice's outcome x after flips, from one tested expression."""

    scenario: Scenario
    observed: Observed
    expression: _Expression
    x: int
    flips: Fraction


def _read_asked(entry: object) -> _Asked:
    question = read_keys(entry, ("scenario", "figure", "side", "observed"), "question")
    scenario = read_scenario(question["scenario"])
    name = "question.figure"
    read_kind(question["figure"], name, ("conditional_entropy",))
    figure = read_keys(question["figure"], ("kind", "x", "y", "preprocessing"), name)
    if len(scenario.outcomes) != 2 or figure["y"] is not None:
        raise CertificateError(f"{name} has no formula: it must be about Alice's outcome alone (y null) of two.")
    x = read_integer(figure["x"], 0, len(scenario.outcomes[0]) - 1, f"{name}.x")
    flips = read_number(figure["preprocessing"], f"{name}.preprocessing")
    if not 0 <= flips <= HALF:
        raise CertificateError(f"{name}.preprocessing is {shown(figure['preprocessing'])}; it must be from 0 to 1/2.")
    if question["side"] != "lower":
        raise CertificateError(f"question.side is {shown(question['side'])}; for an entropy it must be lower.")
    observed = read_observed(question["observed"], scenario)
    if len(observed) != 1:
        raise CertificateError(f"question.observed has {len(observed)} entries; the formula is about one.")
    return _Asked(scenario, observed, _expression(scenario, observed.tensors[0], x), x, flips)


def _expression(scenario: Scenario, tensor: Tensor, x: int) -> _Expression:
    """The asymmetric CHSH expression that is tested."""
    rows, columns = ({index[party] for index in tensor if all(index)} for party in (0, 1))
    marginals = any(any(index) and not all(index) for index in tensor)
    settings = [
        [s for s, letters in enumerate(scenario.letters(party)) if letters.start in found and len(letters) == 1]
        for party, found in enumerate((rows, columns))
    ]
    binary = all(scenario.outcomes[party][s] == 2 for party in (0, 1) for s in settings[party])
    if marginals or not len(rows) == len(columns) == 2 or [len(s) for s in settings] != [2, 2] or not binary:
        raise CertificateError(
            "question.observed[0] has no formula: it must have correlators of two settings of two outcomes for each "
            "party, a constant and nothing else."
        )
    if x not in settings[0]:
        raise CertificateError(f"question.figure.x is {x}; the tested expression has Alice's settings {settings[0]}.")
    own = scenario.letters(0)[x].start
    (other,) = rows - {own}
    product, sums, miss = ONE, {}, ZERO
    for row in (own, other):
        a, b = (tensor.get((row, column), ZERO) for column in sorted(columns))
        product *= a * b
        sums[row] = abs(a) + abs(b)
        miss += abs(abs(a) - abs(b))
    if not product < 0:
        raise CertificateError("question.observed[0] is no asymmetric CHSH expression: its signs have no odd one out.")
    return _Expression(sums[own] / sums[other], sums[other] / 2, miss, sums[own] + sums[other])


def _line(alpha: Fraction, flips: Fraction, touching: Fraction | None) -> tuple[_Line, flint.arb]:
    """A line below the least entropy, and h(q)."""
    least = binary_entropy(to_ball(1 - 2 * flips))
    if touching is None:
        return _Line(least, flint.arb(0), ZERO), least
    if not (touching > 2 * max(ONE, alpha) and touching**2 < 4 * (1 + alpha**2)) or flips == HALF:
        raise CertificateError(
            f"claim.touching is {float(touching)!r}; a place between the local and the quantum maximum "
            f"{2 * float(max(ONE, alpha))!r} and {2 * float(1 + alpha**2) ** 0.5!r} is expected, or null where flips "
            "hide everything."
        )
    square = touching**2 / 4 - alpha**2  # of u, in (0, 1)
    mixed = 4 * flips * (1 - flips)
    u, v = to_ball(square).sqrt(), to_ball(1 - mixed + mixed * square).sqrt()
    height = 1 + binary_entropy(v) - binary_entropy(u)
    # d/dS: u du = S dS / 4, v dv = 4q(1-q) u du
    slope = to_ball(touching / 4) * (-_derivative(u) / u)
    if mixed:
        slope += to_ball(touching / 4 * mixed) * _derivative(v) / v
    at_local = height - slope * to_ball(touching - 2)
    if alpha >= 1 or at_local <= least:
        return _Line(height, slope, touching), least
    if not at_local > least:
        raise CertificateError(
            f"claim.touching is {float(touching)!r}, where the tangent at 2 cannot be told from h(q); take "
            "a place beside it."
        )
    return _Line(least, (height - least) / (2 * to_ball(1 + alpha**2).sqrt() - 2), Fraction(2)), least


def _derivative(u: flint.arb) -> flint.arb:
    """phi'(u) for 0 < u < 1."""
    return ((1 - u) / (1 + u)).log() / (2 * flint.arb(2).log())
