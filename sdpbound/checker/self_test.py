"""Closed forms at self-tests.

A file of format ``sdpbound closed form`` has tested data of two parties with two settings of two
outcomes each, and no proof: the exact data are said to self-test the singlet, where Eve's entropies are known
(arXiv:2309.09650, Proposition 1 (iv)). With E the self-tested correlator of the settings x and y, in bits,

    H(A|x,E) = 1,   H(AB|x,y,E) = 1 + h((1+E)/2),   blind H(A|x,y,B,E) = h((1+E)/2).

The file names the exact data, and the checker evaluates that they self-test: :mod:`sdpbound.checker.exact_data`.

**Older files** (version 0.1) name no exact data. What they prove is about data *exactly* at a self-test that agree with
the floats, whichever these are. The checker finds that there are such data within 1e-12. Either one tested expression
has only correlator coefficients c_xy and a constant, and a value that is + or - its quantum maximum within
1e-12 max(1, sum |c_xy|); c_00 c_01 c_10 c_11 < 0, and the best cosine between Bob's settings, a rational function of
the c_xy, lies strictly inside (-1, 1) (both in exact rational numbers), so that only the singlet has this maximum; then
E is known from the c_xy. Or the four correlators are given one by one, at most one is within 1e-12 of +-1, and numbers
within 1e-12 of them satisfy the arcsine criterion of arXiv:1511.04886; then E is the float given.

For data that are only close the entropy may be smaller by about the square root of the distance. As E is a rounded
number in those files, a claim of theirs holds if it is at most the entropy of a correlator within 1e-11 of E.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import flint

from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.exact_data import exact_self_test
from sdpbound.checker.numbers import (
    LOG_PRECISION,
    ONE,
    ZERO,
    Index,
    Tensor,
    binary_entropy,
    lower_end,
    rounded_float,
    to_ball,
)
from sdpbound.checker.question import Question
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_number, shown
from sdpbound.checker.scenario import Observed, read_observed, read_scenario
from sdpbound.checker.trials import out_of_range, try_value
from sdpbound.errors import CertificateError

__all__ = ["SelfTested", "verify_self_test"]

_SELF_TEST_TOLERANCE = Fraction(1, 10**12)  # how far floats may be from data exactly at a self-test
_LOOSEST = 10_001  # how many times that, times the sum of the |coefficients|, a tolerance may be; one is for rounding
_GAP_FACTOR = 10  # how many times that the self-test must be away from every local behaviour
_CORRELATOR_SLACK = Fraction(1, 10**11)  # what a claimed entropy may owe to the rounding of its correlator
SelfTested = tuple[str, dict[tuple[int, int], flint.arb]]  # by which criterion, and the correlators of the settings


def verify_self_test(root: Mapping[str, object], strict: bool) -> Verification:
    """The entropy of data at a self-test, and whether the claim is one of it; see the module docstring."""
    question = read_keys(root["question"], ("scenario", "figure", "side", "observed"), "question", ("exact",))
    given = root["question"]
    assert isinstance(given, Mapping)  # read_keys has seen to it
    named = "exact" in given
    scenario = read_scenario(question["scenario"])
    if scenario.outcomes != ((2, 2), (2, 2)):
        raise CertificateError(
            f"question.scenario.outcomes is {shown(scenario.outcomes)}; closed forms are about [[2, 2], [2, 2]]."
        )
    x, y, blind = _read_figure(question["figure"])
    if question["side"] != "lower":
        raise CertificateError(f"question.side is {shown(question['side'])}; for entropy it must be lower.")
    observed = read_observed(question["observed"], scenario)
    for j, (tolerance, scale) in enumerate(zip(observed.tolerances, observed.scales, strict=True)):
        if tolerance * scale > _SELF_TEST_TOLERANCE:
            raise CertificateError(
                f"question.observed[{j}].tolerance is {float(tolerance * scale)!r}; data that are known no better than "
                f"{float(_SELF_TEST_TOLERANCE)!r} are not at a self-test."
            )
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")

    what = f"H(A|x={x},E)" if y is None else f"H({'A' if blind else 'AB'}|x={x},y={y},{'B,' if blind else ''}E)"
    with flint.ctx.workprec(LOG_PRECISION):
        how, correlators = exact_self_test(given["exact"], observed) if named else _self_test(observed)
        if y is None:
            entropy = most = flint.arb(1)
        else:
            size = abs(correlators[x, y])
            rest = size if named else (size - to_ball(_CORRELATOR_SLACK)).max(flint.arb(0))
            entropy, most = (binary_entropy(modulus) + (0 if blind else 1) for modulus in (size, rest))
        value = rounded_float(lower_end(entropy), up=False)
        # A claim holds where it is certainly not above the entropy with the slack.
        holds = claimed <= value or bool(to_ball(claimed) <= most)
        beyond = out_of_range(claimed, "lower", flint.arb(0), flint.arb(2 if y is not None and not blind else 1), what)
    holds = holds and not beyond
    near = f"For data exactly at the self-test that agrees with the tested ones within the tolerance ({how})"
    if named:
        near = f"For exact data, {how}"
    if holds and not blind and not named:
        asked = Question(scenario, {}, "conditional_entropy", "lower", "quantum", [], observed, (x, y))
        try_value(asked, claimed - _CORRELATOR_SLACK)
    good = f"{near}, {what} is {value!r}, as claimed ({float(claimed)!r})."
    bad = (
        f"The certificate does not prove its claim. {near}, {what} is {value!r}; {float(claimed)!r} is claimed"
        f"{'; '.join(['', *beyond])}."
    )
    return Subject("entropy", "lower").verified(value, claimed, (good, bad), holds=holds, strict=strict)


def _read_figure(entry: object) -> tuple[int, int | None, bool]:
    """Alice's setting, Bob's if there is one, and whether Eve has Bob's side too."""
    name = "question.figure"
    read_kind(entry, name, ("entropy",))
    figure = read_keys(entry, ("kind", "x", "y", "blind"), name)
    x = read_integer(figure["x"], 0, 1, f"{name}.x")
    y = None if figure["y"] is None else read_integer(figure["y"], 0, 1, f"{name}.y")
    blind = figure["blind"]
    if not isinstance(blind, bool):
        raise CertificateError(f"{name}.blind is {shown(blind)}; true or false is expected.")
    if blind and y is None:
        raise CertificateError(f"{name} is blind and has no y; Bob's setting is needed.")
    return x, y, blind


def _self_test(observed: Observed) -> SelfTested:
    """What the data self-test. One tested expression at its maximum is enough, whatever else is tested."""
    single: dict[Index, Fraction] = {}
    tests = zip(observed.tensors, observed.values, observed.tolerances, strict=True)
    for j, (tensor, value, tolerance) in enumerate(tests):
        found = _self_test_by_value(tensor, value, tolerance)
        if found is not None:
            return f"question.observed[{j}] has its quantum maximum", found
        if len(tensor) == 1:
            ((index, coefficient),) = tensor.items()
            if coefficient == 1 and tolerance <= _SELF_TEST_TOLERANCE:
                single[index] = value
    marginals = [value for index, value in single.items() if not all(index)]
    table = {(i, j): single[i + 1, j + 1] for i in (0, 1) for j in (0, 1) if (i + 1, j + 1) in single}
    if len(table) == 4 and all(abs(value) <= _SELF_TEST_TOLERANCE for value in marginals) and _arcsine(table):
        return "the four correlators", {place: to_ball(max(-ONE, min(ONE, e))) for place, e in table.items()}
    raise CertificateError(
        "The data prove no entropy: no tested expression has a quantum maximum that only the singlet has, and the four "
        "correlators, if given, satisfy no arcsine criterion with marginals 0."
    )


def _self_test_by_value(
    tensor: Tensor, value: Fraction, tolerance: Fraction
) -> dict[tuple[int, int], flint.arb] | None:
    """Correlators of the singlet strategy that alone has this value, if it is a maximum or minimum that self-tests.

    With t the cosine between Bob's settings, the maximum is that of f(t) = n_0 + n_1, n_x = |c_x0 + c_x1 exp(i angle)|,
    which is strictly concave: the root of f' is unique, and inside (-1, 1) exceeds the local values f(1), f(-1).
    """
    if not all(map(all, tensor)):
        return None  # it has marginals
    c = {(i, j): tensor.get((i + 1, j + 1), ZERO) for i in (0, 1) for j in (0, 1)}
    if not math.prod(c.values(), start=ONE) < 0:
        return None
    squares = [c[i, 0] ** 2 + c[i, 1] ** 2 for i in (0, 1)]
    b, d = (2 * c[i, 0] * c[i, 1] for i in (0, 1))
    t = (d * d * squares[0] - b * b * squares[1]) / (b * d * (b - d))
    if not -1 < t < 1:
        return None
    norms = [to_ball(squares[0] + b * t).sqrt(), to_ball(squares[1] + d * t).sqrt()]
    known = _SELF_TEST_TOLERANCE * sum(map(abs, c.values()), ZERO)
    allowed = max(tolerance, known)
    if allowed > _LOOSEST * known:
        return None  # known too badly, in units of the expression
    local = max(sum((abs(c[i, 0] + sign * c[i, 1]) for i in (0, 1)), ZERO) for sign in (1, -1))
    if not norms[0] + norms[1] - to_ball(local) > to_ball(_GAP_FACTOR * allowed):
        return None  # the data fit a local behaviour as well
    if not abs(to_ball(abs(value)) - (norms[0] + norms[1])) <= to_ball(allowed):
        return None
    sign = 1 if value > 0 else -1
    correlators = {}
    for i in (0, 1):
        correlators[i, 0] = sign * to_ball(c[i, 0] + c[i, 1] * t) / norms[i]
        correlators[i, 1] = sign * to_ball(c[i, 0] * t + c[i, 1]) / norms[i]
    return correlators


def _arcsine(table: Mapping[tuple[int, int], Fraction]) -> bool:
    """Whether correlators within the tolerance of these self-test the singlet, by the criterion of arXiv:1511.04886.

    Three arcsines minus the fourth are +-pi, and at most one correlator is +-1. The left side is continuous and
    monotonic in each correlator: on the box of the tolerance it takes every value between its ends.
    """
    if sum(abs(e) >= 1 - _SELF_TEST_TOLERANCE for e in table.values()) > 1:
        return False
    if any(abs(e) > 1 + _SELF_TEST_TOLERANCE for e in table.values()):
        return False
    chsh = max(abs(sum(table.values(), ZERO) - 2 * e) for e in table.values())
    if not chsh - 2 > 4 * _GAP_FACTOR * _SELF_TEST_TOLERANCE:
        return False  # the data fit a local behaviour as well
    low, high = (
        {place: to_ball(max(-ONE, min(ONE, e + shift))).asin() for place, e in table.items()}
        for shift in (-_SELF_TEST_TOLERANCE, _SELF_TEST_TOLERANCE)
    )
    pi = flint.arb.pi()
    for odd in table:
        least = sum((low[place] for place in table if place != odd), -high[odd])
        most = sum((high[place] for place in table if place != odd), -low[odd])
        if (least <= pi and pi <= most) or (least <= -pi and -pi <= most):
            return True
    return False
