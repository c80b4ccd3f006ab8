"""Closed forms and min-entropy functionals in the independent checker."""

from __future__ import annotations

import copy
import json
import math
from fractions import Fraction

import flint
import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.families.correlators import correlators_self_test
from sdpbound.bell.families.formulas import cosines
from sdpbound.checker import verify
from sdpbound.errors import CertificateError
from sdpbound.recheck import recheck

T = sb.SingletSelfTest(1.0, 1.5, 2.6)


def entropy(e: float) -> float:
    return -sum(p * math.log2(p) for p in ((1 + e) / 2, (1 - e) / 2) if p > 0)


def closed_form(t: sb.SingletSelfTest, observed: str, x: int, y: int | None, blind: bool = False) -> dict:
    behaviour = t.behaviour()
    data = {
        "bell": sb.Observations.bell_value(t.expression, behaviour),
        "correlators": sb.Observations.correlators(behaviour),
        "full": sb.Observations.full(behaviour),
    }[observed]
    test = sb.find_self_test(data)
    assert test is not None
    return json.loads(test.entropy(x, y, blind).certificate.to_json())


def old_form(t: sb.SingletSelfTest, observed: str, x: int, y: int | None, blind: bool = False) -> dict:
    """A file as version 0.1 wrote it: it names no exact data."""
    certificate = closed_form(t, observed, x, y, blind)
    del certificate["question"]["exact"]
    return certificate


FORMS = pytest.mark.parametrize("form", [closed_form, old_form], ids=["exact", "old"])


def refused(certificate: dict, match: str) -> None:
    with pytest.raises(CertificateError, match=match):
        verify(certificate)


# --- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", ["bell", "correlators", "full"])
@pytest.mark.parametrize("x, y, blind", [(0, None, False), (1, 0, False), (0, 1, False), (0, 0, True), (1, 1, True)])
@pytest.mark.parametrize(
    "angles", [(1.0, 1.5, 2.6), (math.pi / 3, math.pi / 2 - 0.02, 5 * math.pi / 6), (math.pi / 3, math.pi / 3, math.pi)]
)
@FORMS
def test_entropies_of_the_family(form, angles, observed, x, y, blind):
    t = sb.SingletSelfTest(*angles)
    found = verify(form(t, observed, x, y, blind))
    e = float(t.correlators[x, 1 if y is None else y])
    expected = 1.0 if y is None else entropy(e) + (not blind)
    assert found.holds and found.side == "lower" and found.figure == "entropy" and found.model == "quantum"
    assert found.functional is None
    assert found.value == pytest.approx(expected, abs=1e-9)  # the entropy is steep where |E| is close to 1
    assert ("For exact data" if form is closed_form else "exactly at the self-test") in found.message


@FORMS
def test_random_members_by_their_bell_value(form):
    random = np.random.default_rng(7)
    checked = 0
    while checked < 40:
        t = sb.SingletSelfTest(*random.uniform(-math.pi, math.pi, 3))
        if t.condition > -1e-3:
            continue
        checked += 1
        x, y = int(random.integers(2)), int(random.integers(2))
        found = verify(form(t, "bell", x, y))
        assert found.value == pytest.approx(1 + entropy(float(t.correlators[x, y])), abs=1e-10)


@pytest.mark.parametrize("angles", [("pi/2", "pi/4", "3*pi/4"), ("pi/2", "5*pi/4", "7*pi/4")])
@pytest.mark.parametrize("scale", [1.0, -1.0, 1e-7, 3e5])
def test_a_multiple_of_the_expression_is_its_own_test(angles, scale):
    """CHSH is a multiple of expression (2) at these angles: at its largest and at its least value."""
    t = sb.SingletSelfTest(*angles)
    data = sb.Observations.bell_value(scale * sb.chsh(), t.behaviour())
    assert abs(data.values[0] / scale) == pytest.approx(8**0.5, rel=1e-15)
    certificate = json.loads(sb.find_self_test(data).entropy(0, 0).certificate.to_json())
    assert verify(certificate).value == pytest.approx(1 + entropy(0.5**0.5), abs=1e-15)
    assert recheck(certificate).holds


def test_a_limit_point_needs_the_correlators():
    """phi = pi/2: <A0 B0> = 1, the Bell expression is trivial, the four correlators self-test (WBC Prop. 4)."""
    t = sb.SingletSelfTest(math.pi / 3, math.pi / 2, 5 * math.pi / 6)
    assert verify(closed_form(t, "correlators", 0, 0)).value == 1.0
    assert verify(closed_form(t, "correlators", 0, 1, True)).value == pytest.approx(entropy(0.5), abs=1e-12)


@pytest.mark.parametrize("observed", ["bell", "correlators"])
def test_claims_above_the_entropy_are_refused(observed):
    for x, y, blind in ((0, None, False), (0, 1, False), (1, 1, True)):
        certificate = closed_form(T, observed, x, y, blind)
        tampered = copy.deepcopy(certificate)  # two of the last digits are enough where the data are exact
        tampered["claim"]["value"] += 2 * math.ulp(tampered["claim"]["value"])
        refused(tampered, "does not prove")
        assert not recheck(tampered).holds
        certificate = old_form(T, observed, x, y, blind)
        for step in (1e-10, 1e-3, 10):
            tampered = copy.deepcopy(certificate)
            tampered["claim"]["value"] += step
            refused(tampered, "does not prove")
            assert not verify(tampered, strict=False).holds
        certificate["claim"]["value"] -= 1e-3  # less than the entropy is true as well
        assert verify(certificate).holds


@pytest.mark.parametrize("observed", ["bell", "correlators"])
@pytest.mark.parametrize("step", [-1e-3, -1e-9, -1e-10, 1e-10, 1e-3])
def test_data_off_the_self_test_are_refused(observed, step):
    """Near |<A0 B0>| = 1 the arcsine is steep: 1e-12 there is 1e-11 in the last correlator."""
    for form in (closed_form, old_form):
        certificate = form(T, observed, 0, None)
        certificate["question"]["observed"][-1]["value"] += step
        refused(certificate, "prove no entropy")


@pytest.mark.parametrize("name", ["theta", "phi", "omega"])
@pytest.mark.parametrize("step", ["1/100000000000", "-1/100"])
def test_other_angles_are_refused(name, step):
    """The floats are those of the angles, to 1e-12."""
    certificate = closed_form(T, "correlators", 0, None)
    angle = certificate["question"]["exact"][name]
    angle["radians"] = str(Fraction(angle["radians"]) + Fraction(step))
    refused(certificate, "not that of the exact data")
    assert not recheck(certificate).holds


EDGES = [("1", "pi/2", "2"), ("pi/2", "pi/2", "pi"), ("1", "pi/2 - 1", "2"), ("0", "pi/2", "2"), ("1", "pi/2", "pi/2")]


@pytest.mark.parametrize("angles", EDGES)
def test_angles_on_the_edge_of_condition_four(angles):
    """Where one cosine of condition (4) vanishes the correlators self-test alone; where two do, nothing does."""
    t = sb.SingletSelfTest(*angles)
    zeros = sum(abs(c) < 1e-15 for c in cosines(*t.parameters))
    assert zeros and not t.is_self_test
    found = sb.find_self_test(sb.Observations.correlators(t.behaviour()))
    assert (found is not None) == (zeros == 1) == correlators_self_test(t.correlators)
    certificate = closed_form(T, "correlators", 0, None)
    question = certificate["question"]
    question["exact"] = t.exact.entry()
    for entry, value in zip(question["observed"], t.correlators.ravel(), strict=True):
        entry["value"] = float(value)
    assert recheck(certificate).holds == (zeros == 1)
    if zeros == 1:
        assert verify(certificate).holds
    else:
        refused(certificate, "prove no entropy")
    question["observed"] = [{"coefficients": t.expression.coefficients.tolist(), "value": 0.0, "tolerance": 1e-12}]
    question["observed"][0]["value"] = float(t.expression(t.behaviour()))
    refused(certificate, "prove no entropy")
    assert not recheck(certificate).holds


def test_a_sign_too_close_to_call_is_refused():
    """pi/2 to 390 digits is no zero of the cosine, and no honest certificate has such an angle."""
    certificate = closed_form(sb.SingletSelfTest("1", "pi/2", "2"), "correlators", 0, None)
    with flint.ctx.workprec(4000):
        top = int((flint.arb.pi() / 2 * 10**190).floor().unique_fmpz())
    certificate["question"]["exact"]["phi"] = {"radians": f"{top}/{10**190}", "pis": "0"}
    found = verify(certificate)  # a little below pi/2: inside, and decided
    assert found.holds and recheck(certificate).holds
    certificate["question"]["exact"]["phi"] = {"radians": f"{top + 1}/{10**190}", "pis": "0"}
    refused(certificate, "prove no entropy")
    assert not recheck(certificate).holds


def test_another_expression_is_refused():
    for form in (closed_form, old_form):
        certificate = form(T, "bell", 0, 1)
        certificate["question"]["observed"][0]["coefficients"][2][2] *= -1  # no longer of negative product
        refused(certificate, "prove no entropy")
    certificate = closed_form(T, "bell", 0, 1)
    entry = certificate["question"]["observed"][0]
    entry["coefficients"][1][1] *= 1 + 1e-9  # no longer the expression of the angles
    entry["value"] = float((np.array(entry["coefficients"])[1:, 1:] * T.correlators).sum())
    refused(certificate, "prove no entropy")
    assert not recheck(certificate).holds


def test_a_local_maximum_is_refused():
    """Negative product, but the best cosine is outside [-1, 1]: the quantum maximum is the local one."""
    table = [[0, 0, 0], [0, 1, 0.1], [0, 5, -0.05]]
    item = {"coefficients": table, "value": 6.05, "tolerance": 0}
    certificate = old_form(T, "bell", 0, None)
    certificate["question"]["observed"] = [item]
    for value in (6.05, 5.95, -6.05):
        item["value"] = value
        refused(certificate, "prove no entropy")


def test_two_perfect_correlators_are_refused():
    certificate = old_form(T, "correlators", 0, None)
    for item, value in zip(certificate["question"]["observed"], (1, 1, 0.25, 0.25), strict=True):
        item["value"] = value
    refused(certificate, "prove no entropy")
    for item, value in zip(certificate["question"]["observed"], (1, 1, 1, 1), strict=True):
        item["value"] = value
    refused(certificate, "prove no entropy")


@FORMS
def test_three_correlators_and_marginals_that_are_not_zero(form):
    certificate = form(T, "correlators", 0, None)
    del certificate["question"]["observed"][2]
    refused(certificate, "prove no entropy")
    certificate = form(T, "full", 0, None)
    assert certificate["question"]["observed"][0]["coefficients"][0][1] == 1
    certificate["question"]["observed"][0]["value"] = 1e-6
    refused(certificate, "prove no entropy")


@FORMS
def test_the_bell_value_may_have_a_constant_and_rational_numbers(form):
    certificate = form(sb.SingletSelfTest("pi/2", "pi/4", "3*pi/4"), "bell", 0, None)
    (item,) = certificate["question"]["observed"]
    item["coefficients"] = [["1/3", 0, 0], [0, 3, 3], [0, 3, -3]]
    item["value"] = 1 / 3 + 3 * 8**0.5
    assert verify(certificate).value == 1.0
    item["coefficients"][0][1] = 1e-3  # a marginal: another theorem would be needed
    refused(certificate, "prove no entropy")


@pytest.mark.parametrize(
    "path, value, match",
    [
        (("version",), 2, "version"),
        (("theorem",), 3, "theorem"),
        (("format",), "closed form", "format"),
        (("question", "scenario", "outcomes"), [[2, 2], [2, 3]], "closed forms are about"),
        (("question", "scenario", "outcomes"), [[2, 2], [2, 2], [2]], "closed forms are about"),
        (("question", "side"), "upper", "side"),
        (("question", "figure", "kind"), "min_entropy", "kind"),
        (("question", "figure", "x"), 2, "figure.x"),
        (("question", "figure", "y"), -1, "figure.y"),
        (("question", "figure", "blind"), 1, "blind"),
        (("question", "observed", 0, "tolerance"), 1e-3, "tolerance"),
        (("question", "observed", 0, "tolerance"), -1e-13, "tolerance"),
        (("question", "observed", 0, "value"), math.nan, "finite"),
        (("question", "observed"), [], "prove no entropy"),
        (("claim", "value"), "one", "claim.value"),
        (("question", "exact"), None, "exact"),
        (("question", "exact", "kind"), "doublet", "exact.kind"),
        (("question", "exact", "theta"), 1.0, "exact.theta"),
        (("question", "exact", "phi", "radians"), "1/0", "denominator"),
        (("question", "exact", "omega", "pis"), math.inf, "finite"),
        (("question", "exact", "omega", "pis"), "1e5", "omega.pis"),
    ],
)
def test_malformed_ones_are_refused(path, value, match):
    certificate = closed_form(T, "correlators", 0, 1)
    *parents, last = path
    entry = certificate
    for key in parents:
        entry = entry[key]
    entry[last] = value
    refused(certificate, match)


def test_keys_are_exactly_those_of_the_format():
    for path in ((), ("question",), ("question", "figure"), ("question", "exact"), ("claim",)):
        certificate = closed_form(T, "bell", 0, 1)
        entry = certificate
        for key in path:
            entry = entry[key]
        entry["more"] = 1
        refused(certificate, "unknown entry")
    blind = closed_form(T, "bell", 0, 1, True)
    blind["question"]["figure"]["y"] = None
    refused(blind, "blind")


# --- min-entropy functionals -----------------------------------------------------------------------------------------

MODELS = [sb.Quantum("1+AB"), sb.NoSignaling()]


@pytest.mark.parametrize("model", MODELS, ids=["quantum", "no-signaling"])
@pytest.mark.parametrize("visibility", [0.97, 0.8])
@pytest.mark.parametrize("x, y, blind", [(0, None, False), (0, 1, False), (1, 0, True)])
def test_genuine_min_entropies_hold(model, visibility, x, y, blind):
    data = sb.Observations.full(T.behaviour(visibility))
    bound = sb.min_entropy(data, model, x, y, blind)
    found = verify(json.loads(bound.certificate.to_json()))
    assert found.holds and found.functional is not None
    assert bound.value <= found.value == pytest.approx(bound.value, abs=1e-10)
    assert found.functional[0] == pytest.approx(bound.functional.constant, abs=1e-7)


def certificate_of_min_entropy() -> dict:
    data = sb.Observations.full(T.behaviour(0.97))
    return json.loads(sb.min_entropy(data, sb.Quantum("1+AB"), 0, 1).certificate.to_json())


def test_any_tangent_can_be_claimed():
    """H >= log2(t ln 2) + 1/ln 2 - t (mu + sum lambda_j o_j), here at t twice and half that of the data."""
    certificate = certificate_of_min_entropy()
    functional = certificate["claim"]["functional"]
    multipliers = np.array(certificate["proof"]["multipliers"], dtype=float)
    slopes = np.array(functional["multipliers"])
    j = int(np.abs(multipliers).argmax())
    t = -slopes[j] / multipliers[j]
    height = math.log2(t * math.log(2)) + 1 / math.log(2)
    mu = (height - functional["constant"]) / t
    for factor in (0.5, 2.0):
        scaled = factor * t
        functional["multipliers"] = (factor * slopes).tolist()
        functional["constant"] = math.log2(scaled * math.log(2)) + 1 / math.log(2) - scaled * mu - 1e-8
        assert verify(certificate).holds
        functional["constant"] += 1e-6
        refused(certificate, "constant")


def test_functionals_that_do_not_follow_are_refused():
    genuine = certificate_of_min_entropy()
    tampered = copy.deepcopy(genuine)
    tampered["claim"]["functional"]["constant"] += 1e-7
    refused(tampered, "constant")
    assert genuine["proof"]["multipliers"][0] == 0.0
    for j, step in ((0, 1e-3), (0, -1e-3), (3, 1e-3)):
        tampered = copy.deepcopy(genuine)
        tampered["claim"]["functional"]["multipliers"][j] += step
        refused(tampered, rf"multipliers\[{j}\]")
        tampered["claim"]["functional"]["constant"] -= 1e-3 + 1e-9  # what the change can cost: then it follows
        assert verify(tampered).holds
    tampered = copy.deepcopy(genuine)
    slopes = tampered["claim"]["functional"]["multipliers"]
    tampered["claim"]["functional"]["multipliers"] = [-b for b in slopes]
    refused(tampered, "multipliers")
    tampered = copy.deepcopy(genuine)
    tampered["claim"]["value"] += 1e-7
    refused(tampered, "claimed value")


def test_rounding_of_multipliers_is_only_charged():
    """Seven digits of the multipliers: refused with the constant as it was, accepted with one that pays for them."""
    certificate = certificate_of_min_entropy()
    functional = certificate["claim"]["functional"]
    functional["multipliers"] = [float(f"{b:.6e}") for b in functional["multipliers"]]
    assert not verify(certificate, strict=False).holds
    functional["constant"] -= 1e-4
    assert verify(certificate).holds


def test_no_data_and_no_multipliers():
    """Without any tested value the bound is -log2 of the constant, and the functional is constant."""
    bound = sb.min_entropy(sb.Observations.none(sb.Scenario.bipartite(2, 2)), sb.Quantum("1"), 0)
    found = bound.certificate.verify()
    assert found.holds and found.functional is not None and found.functional[1] == ()
    tampered = copy.deepcopy(bound.certificate.data)
    tampered["claim"]["functional"]["constant"] += 1e-6
    refused(tampered, "constant")
