"""Thresholds against closed forms and proofs of another kind; best preprocessing, best test, entropies of sweeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import sdpbound as sb
from sdpbound.entropies.question import KeyQuestion
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.rates import best_tests
from sdpbound.rates.rates import key_rate
from tests.support import h

MEMBER = sb.SingletSelfTest(math.pi / 3, math.pi / 2 - 0.02, 5 * math.pi / 6)


def phi(u: float) -> float:
    return h((1 + u) / 2)


def chsh_rate(errors: float, flips: float = 0.0) -> float:
    """Exact: arXiv:2005.13015 with S = 2 sqrt(2) (1 - 2 Q)."""
    square = max(2.0 * (1 - 2 * errors) ** 2 - 1.0, 0.0)
    entropy = 1 + phi(math.sqrt((1 - 2 * flips) ** 2 + 4 * flips * (1 - flips) * square)) - phi(math.sqrt(square))
    return entropy - h(errors + flips - 2 * errors * flips)


def proven(threshold: sb.Threshold) -> None:
    """Both sides stand on certificates of their own."""
    assert threshold.alive is not None and threshold.dead is not None
    alive, dead = threshold.alive_rate, threshold.dead_rate
    assert alive is not None and alive.side == "lower" and alive.value > threshold.target
    assert dead is not None and dead.side == "upper" and dead.value <= threshold.target + 1e-12
    assert dead.attack is not None and dead.attack.exact
    assert alive.entropy.certificate.verify().holds and dead.attack.certificate.verify().holds


@pytest.mark.parametrize("closed_forms", [True, False])
def test_chsh_key_distribution_survives_7_15_percent(closed_forms: bool) -> None:
    exact = brentq(chsh_rate, 0.01, 0.2)
    found = sb.critical_error_rate(sb.chsh(), closed_forms=closed_forms)
    proven(found)
    assert found.alive < exact < found.dead and found.width <= 1e-5 + 1e-12  # type: ignore[operator]
    assert float(found) == pytest.approx(0.0715, abs=2e-4)
    # a functional that is moved to its own zero is proven there; how far it is from the best one is not known
    entropy = found.alive_rate.entropy  # type: ignore[union-attr]
    assert entropy.status == ("closed form" if closed_forms else "inaccurate")
    assert closed_forms or (math.isnan(entropy.gap) and entropy.certificate.verify().holds)
    assert found.alive_rate.settings == (0, 2)  # type: ignore[union-attr]
    assert "error rate" in repr(found) and "not above 0 at 0.071" in repr(found)


@pytest.mark.parametrize("closed_forms", [True, False])
def test_asymmetric_expressions_survive_7_42_percent(closed_forms: bool) -> None:
    """arXiv:2007.16146, the angles being those best for each alpha."""
    found = sb.critical_error_rate(sb.asymmetric_chsh, closed_forms=closed_forms)
    proven(found)
    assert float(found) == pytest.approx(0.0742, abs=2e-4)
    assert dict(found.found)["parameter"] == pytest.approx(0.93, abs=0.02)
    assert "parameter 0.92" in repr(found) or "parameter 0.93" in repr(found)
    chsh = sb.critical_error_rate(sb.chsh()).dead
    assert chsh is not None and chsh < float(found)


def test_preprocessing_survives_more_than_8_3_percent() -> None:
    found = sb.critical_error_rate(sb.asymmetric_chsh, preprocessing="best")
    assert 0.083 < float(found) < 0.084
    assert found.alive_rate is not None and found.alive_rate.value > 0.0
    assert found.alive_rate.preprocessing == dict(found.found)["preprocessing"] > 0.2
    assert found.alive_rate.entropy.certificate.verify().holds
    alone = sb.critical_error_rate(sb.chsh(), preprocessing=0.3)
    assert alone.alive < brentq(lambda e: chsh_rate(e, 0.3), 0.01, 0.2) < alone.dead  # type: ignore[operator]


def test_all_four_correlators_survive_as_much_as_the_best_expression() -> None:
    """At the angles of CHSH 7.40 %, the best asymmetric expression there; no other combination survives more."""
    four = [(0, 0), (0, 1), (1, 0), (1, 1)]
    found = sb.critical_error_rate(sb.chsh(), lambda b: sb.Observations.correlators(b, four), tolerance=2e-5)
    proven(found)
    assert float(found) == pytest.approx(0.0740, abs=2e-4)


def test_local_randomness_survives_to_the_local_boundary() -> None:
    member = sb.SingletSelfTest(math.pi / 2, math.pi / 4, -math.pi / 4)  # CHSH up to relabelling
    assert member.chsh == pytest.approx(2 * math.sqrt(2))
    found = sb.critical_visibility(member, x=0, rate="local randomness", tolerance=1e-3)
    proven(found)
    assert found.dead - 1e-9 <= math.sqrt(0.5) < found.alive  # type: ignore[operator]
    half = sb.critical_visibility(member, "bell", x=0, rate="local randomness", target=0.5, tolerance=1e-3)
    exact = brentq(lambda v: 0.5 - phi(math.sqrt(2 * v * v - 1)), 0.71, 1.0)
    assert half.dead < exact < half.alive  # type: ignore[operator]
    more = sb.critical_visibility(member, x=0, rate="local randomness", target=0.5, tolerance=1e-3, attack=False)
    assert more.alive < half.dead  # type: ignore[operator]  # all four correlators prove more than their CHSH value


def test_critical_visibility_by_another_method() -> None:
    found = sb.critical_visibility(MEMBER, x=0, y=0)
    proven(found)
    assert found.width <= 1e-4 + 1e-12 and found.solves <= 5  # type: ignore[operator]
    assert float(found) == pytest.approx(0.9132, abs=2e-4)
    other = sb.VonNeumann(tolerance=2e-3)  # projective: another proof, and weaker by at most about 2e-3 bits
    assert sb.key_rate(MEMBER.behaviour(found.alive + 1e-3), x=0, y=0, entropy=other).value > 0.0  # type: ignore[operator]
    assert sb.key_rate(MEMBER.behaviour(found.dead), x=0, y=0, entropy=other).value <= 0.0  # type: ignore[arg-type]
    swept = SweptEntropy(1e-4)  # convex in the visibility: alive up to 1, dead down to 0
    for v in np.linspace(float(found), 0.999, 4):
        assert sb.key_rate(MEMBER.behaviour(v), x=0, y=0, entropy=swept).value > 0.0
    for v in np.linspace(0.0, float(found) - found.width, 4):  # type: ignore[operator]
        assert sb.key_rate(MEMBER.behaviour(v), x=0, y=0, entropy=swept).value <= 0.0
    again = sb.critical_visibility(
        MEMBER, x=0, y=0, start=found.alive, attack=False, entropy=sb.VonNeumann("qubit", tolerance=1e-4)
    )
    assert again.solves <= 2 and again.alive == pytest.approx(float(found), abs=1e-4) and again.dead is None
    assert sb.critical_visibility(MEMBER.behaviour(), x=0, y=0, attack=False).alive == pytest.approx(
        float(found), abs=1e-4
    )


def test_one_bell_value_survives_less() -> None:
    found = sb.critical_visibility(MEMBER, "bell", x=0, y=0)
    proven(found)
    local = MEMBER.local_bound / MEMBER.quantum_bound
    assert found.alive > found.dead > local  # type: ignore[operator]
    assert float(found) > 0.98


def test_dephasing_across_the_plane_is_white_noise() -> None:
    plain = sb.critical_visibility(MEMBER, x=0, y=0, attack=False)
    turned = sb.critical_visibility(MEMBER, x=0, y=0, attack=False, noise=sb.Dephasing(0.01, 0.02))
    assert float(turned) * 0.98 * 0.96 == pytest.approx(float(plain), abs=1.1e-4)
    lossy = sb.critical_visibility(
        MEMBER, "full", x=0, y=0, attack=False, noise=sb.DetectionInefficiency(0.98), tolerance=1e-3
    )
    assert float(lossy) > float(plain)


def test_the_best_pair_of_settings() -> None:
    best = sb.critical_visibility(MEMBER, attack=False, tolerance=1e-3)
    assert best.alive_rate is not None and best.alive_rate.settings == (0, 0)
    other = sb.critical_visibility(MEMBER, x=1, y=0, attack=False, tolerance=1e-3)
    assert other.alive is None or float(other) >= float(best) - 1e-3


def test_critical_efficiency() -> None:
    found = sb.critical_efficiency(MEMBER, x=0, y=0, tolerance=1e-3)
    assert 0.95 < float(found) < 0.96 and found.dead is not None and found.dead_rate is not None
    assert found.dead_rate.attack is not None and found.dead_rate.attack.exact and found.dead_rate.value <= 0.0
    assert found.dead_rate.attack.certificate.verify().holds
    one_sided = sb.critical_efficiency(MEMBER, x=0, y=0, efficiency_b=1.0, tolerance=1e-3, attack=False)
    assert float(one_sided) < float(found)


#: Angles at which alive and dead were once three tolerances or more apart: functionals are steep or flat there.
HARD = [
    (0.721, 1.071, 1.622),
    (0.721, 1.371, 3.064),
    (0.618, 1.071, 3.94),
    (2.884, 1.371, 1.622),
    (0.103, 1.071, 4.661),
]


@pytest.mark.parametrize("angles", HARD)
def test_alive_and_dead_are_as_close_as_asked_for(angles: tuple[float, float, float]) -> None:
    member = sb.SingletSelfTest(*angles)
    qubits = sb.VonNeumann("qubit", tolerance=1e-3)
    for critical in (sb.critical_visibility, sb.critical_efficiency):
        found = critical(member, "correlators", x=0, y=0, entropy=qubits, tolerance=1e-3, closed_forms=False)
        proven(found)
        assert found.width <= 1e-3 * (1 + 1e-9) and found.open == ""  # type: ignore[operator]


@pytest.mark.parametrize("observed", ["correlators", "full"])
@pytest.mark.parametrize("angles", [MEMBER.parameters, (0.9, 1.3, 2.2), (2.009, 1.371, 1.983)])
def test_a_tighter_tolerance_gives_no_worse_threshold(angles: tuple[float, float, float], observed: str) -> None:
    """What is proven dead by the one is not proven alive by the other, so none is worse by more than its tolerance."""
    member = sb.SingletSelfTest(*angles)
    for critical in (sb.critical_visibility, sb.critical_efficiency):
        found = [critical(member, observed, x=0, y=0, tolerance=t, closed_forms=False) for t in (1e-2, 1e-3, 1e-4)]
        for loose, tight in itertools.pairwise(found):
            assert loose.dead < tight.alive and tight.dead < loose.alive  # type: ignore[operator]
            assert tight.alive <= loose.alive + 1e-5  # type: ignore[operator]


def test_why_alive_and_dead_are_apart(some_rate: sb.Rate) -> None:
    """A lower bound that is loose near the end of the rate, and an attack that is not: the threshold says so."""

    def rate(v: float) -> sb.Rate:
        return replace(some_rate, value=v - 0.9)

    def attack(v: float) -> sb.Rate:
        return replace(some_rate, side="upper", value=v - 0.8)

    found = sb.critical_noise(rate, 1.0, 0.0, upper_of=attack, tolerance=1e-3)
    assert found.alive == pytest.approx(0.9, abs=1e-3) and found.dead == pytest.approx(0.8, abs=1e-3)
    assert "no bound decides" in found.open
    close = sb.critical_noise(rate, 1.0, 0.0, upper_of=rate, tolerance=1e-3)
    assert close.width <= 1e-3 + 1e-12 and close.open == ""  # type: ignore[operator]


@pytest.mark.slow
def test_certificates_of_a_critical_efficiency() -> None:
    proven(sb.critical_efficiency(MEMBER, x=0, y=0, tolerance=1e-3))


def test_dead_everywhere() -> None:
    local = sb.SingletSelfTest(0.3, 0.2, 0.4)
    assert not local.is_self_test and local.chsh <= 2.0
    found = sb.critical_visibility(local, x=0, y=0)
    assert found.alive is None and found.dead == 1.0 and found.dead_rate is not None and math.isnan(float(found))
    assert "nowhere" in repr(found) and found.width is None


# -- the search itself ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def some_rate() -> sb.Rate:
    return sb.key_rate(MEMBER.behaviour(0.9), x=0, y=0, entropy=sb.MinEntropy(sb.NoSignaling()))


def test_halving_without_a_functional(some_rate: sb.Rate) -> None:
    asked = []

    def rate_of(t: float) -> sb.Rate:
        asked.append(t)
        return replace(some_rate, value=t - 0.3)

    found = sb.critical_noise(rate_of, 1.0, 0.0, tolerance=1e-3, upper_of=lambda t: replace(rate_of(t), side="upper"))
    assert 0.3 < found.alive <= 0.301 and found.alive - 1e-3 <= found.dead <= 0.3  # type: ignore[operator]
    assert found.solves < 15 and found.quantity == "noise"
    falling = sb.critical_noise(lambda t: replace(some_rate, value=0.2 - t), 0.0, 1.0, tolerance=1e-3, target=0.1)
    assert 0.099 <= falling.alive < 0.1 and falling.dead is None  # type: ignore[operator]


def test_steps_on_a_functional(some_rate: sb.Rate) -> None:
    """Newton's method on tangents of a convex rate, from the dead side too; where it does not exceed, no answer."""

    def convex(t: float) -> float:
        return t * t - 0.25

    def rate_of(t: float) -> sb.Rate:
        return replace(some_rate, value=convex(t), error_correction=t)

    def predict(rate: sb.Rate, t: float) -> float:
        at = rate.error_correction  # where it was solved
        return convex(at) + 2 * at * (t - at)

    found = sb.critical_noise(rate_of, 1.0, 0.0, predict=predict, tolerance=1e-6, start=0.4)
    assert found.solves <= 6 and 0.5 < found.alive < 0.500001  # type: ignore[operator]

    def failing(t: float) -> sb.Rate:
        if t > 0.7:
            raise sb.SolverFailure("no solver")
        return rate_of(t)

    odd = sb.critical_noise(failing, 1.0, 0.0, predict=predict, tolerance=1e-3)
    assert odd.alive is None  # what is alive lies between what is dead and what fails, and was not met

    def ill(t: float) -> sb.Rate:
        if t == 1.0:
            raise sb.SolverFailure("no interior")
        return replace(some_rate, value=t - 0.995)

    near = sb.critical_noise(ill, 1.0, 0.0, tolerance=1e-3)
    assert 0.995 < near.alive <= 0.996  # type: ignore[operator]  # the noiseless end itself fails
    never = sb.critical_noise(lambda t: replace(some_rate, value=-1.0), 1.0, 0.0, upper_of=lambda t: None)
    assert never.alive is None and never.dead is None


def test_best_preprocessing() -> None:
    errors = 0.07
    b = sb.Behaviour.from_correlators(sb.SingletSelfTest(math.pi / 2, math.pi / 4, -math.pi / 4).correlators)
    devices = np.column_stack([b.correlators, [1.0, 0.0]]) * (1 - 2 * errors)
    noisy = sb.Behaviour.from_correlators(devices)
    table = np.zeros((2, 3))
    table[:, :2] = np.sign(b.correlators)
    test = sb.BellExpression.from_correlators(table)
    data = sb.Observations.bell_value(test, test(noisy))
    best = sb.best_preprocessing(noisy, data, 0, 2)
    exact = max((chsh_rate(errors, q), q) for q in np.linspace(0.0, 0.5, 2001))
    assert best.value == pytest.approx(exact[0], abs=1e-6) and best.preprocessing == pytest.approx(exact[1], abs=5e-3)
    assert best.value <= chsh_rate(errors, best.preprocessing) + 1e-9
    assert sb.key_rate(noisy, data, 0, 2, sb.VonNeumann(), "best").value == best.value
    assert best.value > sb.key_rate(noisy, data, 0, 2, sb.VonNeumann()).value
    assert "preprocessing" in repr(best)
    clean = sb.Behaviour.from_correlators(devices / (1 - 2 * errors) * 0.99)
    quiet = sb.Observations.bell_value(test, test(clean))
    assert sb.best_preprocessing(clean, quiet, 0, 2).value >= sb.key_rate(clean, quiet, 0, 2, sb.VonNeumann()).value


def test_the_best_expression_of_four_correlators_is_a_member() -> None:
    rng = np.random.default_rng(7)
    found = 0
    while found < 3:
        member = sb.SingletSelfTest(*rng.uniform(0, 2 * math.pi, 3))
        v = rng.uniform(0.9, 0.98)
        if not member.is_self_test or v * member.chsh < 2.1:
            continue
        found += 1
        behaviour = member.behaviour(v)
        best = sb.best_test(behaviour, x=0, y=0, entropy=SweptEntropy(1e-4))
        assert best.exact and abs(best.gap) <= 2e-4
        assert best.member.is_self_test
        own = sb.Observations.bell_value(member.expression, member.expression(behaviour))
        assert sb.key_rate(behaviour, own, 0, 0, SweptEntropy(1e-4)).value <= best.rate.value + 1e-4
        assert best.rate.entropy.certificate.verify().holds
        assert "best expression of the four correlators" in repr(best)
    local = sb.best_test(behaviour, x=0, rate="local randomness", entropy=SweptEntropy(1e-4))
    assert local.rate.settings == (0, None) and local.rate.kind == "randomness"


def test_where_the_best_expression_is_no_member(monkeypatch: pytest.MonkeyPatch) -> None:
    for member in (MEMBER, sb.SingletSelfTest(1.0, 1.2, 2.6), sb.SingletSelfTest(5.0, 4.0, 2.0)):
        near, sine = best_tests.closest_member(member.expression.coefficients[1:, 1:])
        a, b = near.expression.coefficients, member.expression.coefficients
        assert sine < 1e-6
        assert abs(abs(np.sum(a * b)) / np.linalg.norm(a) / np.linalg.norm(b) - 1.0) < 1e-9
    assert best_tests.closest_member(np.array([[1.0, 1.0], [1.0, 0.2]]))[1] > 0.1  # the family is not all of them
    # the search from a member that is not the best one
    behaviour = sb.SingletSelfTest(1.0, 1.2, 2.6).behaviour(0.95)
    monkeypatch.setattr(best_tests, "closest_member", lambda multipliers: (sb.SingletSelfTest(1.05, 1.15, 2.6), 0.1))
    found = sb.best_test(behaviour, x=0, y=0, entropy=SweptEntropy(1e-3))
    start = sb.SingletSelfTest(1.05, 1.15, 2.6)
    data = sb.Observations.bell_value(start.expression, start.expression(behaviour))
    first = sb.key_rate(behaviour, data, 0, 0, SweptEntropy(1e-3))
    assert not found.exact and found.rate.value > first.value
    assert found.gap > -2e-3 and "best member found" in repr(found)


def test_entropies_of_a_sweep_are_those_of_single_points() -> None:
    swept = SweptEntropy(1e-4)
    for v in (0.97, 0.96, 0.95, 0.7, 0.96):  # local data on the way: no start for what follows
        data = sb.Observations.correlators(MEMBER.behaviour(v))
        bound = swept.lower_bound(KeyQuestion(data))
        cold = SweptEntropy(1e-4).lower_bound(KeyQuestion(data))
        assert bound.value == pytest.approx(cold.value, abs=1.1e-4) and bound.side == "lower"
    one = sb.Observations.bell_value(sb.chsh(), 2.5)
    assert swept.lower_bound(KeyQuestion(one)).status == "closed form"
    assert swept.lower_bound(KeyQuestion(one, closed_forms=False)).status != "closed form"
    three = sb.Observations.bell_value(sb.chained(3), 5.15)
    weak = SweptEntropy(1e-4, sb.VonNeumann(level="1+AB", nodes=4))
    assert weak.lower_bound(KeyQuestion(three)).value > 0.9  # three settings tested: by the programs
    with pytest.raises(sb.InvalidInput, match="blind"):
        swept.lower_bound(KeyQuestion(one, 0, 0, True))


def test_untested_settings_change_no_rate() -> None:
    wide = sb.Behaviour.from_correlators(np.column_stack([0.95 * MEMBER.correlators, [0.9, 0.1]]))
    four = [(0, 0), (0, 1), (1, 0), (1, 1)]
    data = sb.Observations.correlators(wide, four)
    small = data.drop_untested()
    assert small.scenario == sb.Scenario.bipartite(2, 2) and small.coefficients.shape == (4, 3, 3)
    assert small.drop_untested() is small
    weak = sb.VonNeumann(level="1+AB", nodes=6)
    one = key_rate(wide, data, 0, 0, weak)
    other = key_rate(MEMBER.behaviour(0.95), "correlators", 0, 0, weak)
    assert one.value == pytest.approx(other.value, abs=1e-7)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sb.critical_visibility("devices"), "SingletSelfTest, a Strategy or a Behaviour"),
        (lambda: sb.critical_visibility(MEMBER, "everything"), "'bell', 'correlators', 'full'"),
        (lambda: sb.critical_visibility(MEMBER.behaviour(), "bell"), "give the expression itself"),
        (lambda: sb.critical_visibility(MEMBER, rate="speed"), "'key', 'local randomness'"),
        (lambda: sb.critical_visibility(MEMBER, x=0, y=0, rate="local randomness"), "leave y out"),
        (lambda: sb.critical_visibility(MEMBER, rate="local randomness", preprocessing=0.1), "of keys only"),
        (lambda: sb.critical_visibility(MEMBER, preprocessing=0.7), "from 0 to 1/2"),
        (lambda: sb.critical_visibility(MEMBER, preprocessing="good"), "or 'best'"),
        (lambda: sb.critical_visibility(MEMBER, tolerance=0.0), "tolerance = 0.0"),
        (lambda: sb.critical_visibility(MEMBER, x=4), "x = 4 does not exist"),
        (lambda: sb.critical_visibility(MEMBER, entropy="good"), "method = .good. must be auto, projective"),
        (lambda: sb.critical_visibility(MEMBER, entropy=3), "entropy must be"),  # type: ignore[arg-type]
        (lambda: sb.critical_efficiency(MEMBER, efficiency_b=1.5), "eta_b = 1.5"),
        (lambda: sb.critical_error_rate(sb.i3322()), "ideal="),
        (lambda: sb.critical_error_rate(sb.tilted_chsh(0.5)), "ideal="),
        (lambda: sb.critical_error_rate("chsh"), "must be a BellExpression"),
        (lambda: sb.critical_error_rate(sb.asymmetric_chsh, between=(1.0, 0.5)), "rising"),
        (lambda: sb.critical_noise(lambda t: None, 1.0, 1.0), "must differ"),  # type: ignore[arg-type,return-value]
        (lambda: sb.critical_noise(lambda t: None, 1.0, math.nan), "finite"),  # type: ignore[arg-type,return-value]
        (lambda: sb.best_preprocessing(MEMBER.behaviour(0.9), accuracy=1.0), "accuracy"),
        (lambda: sb.key_rate(MEMBER.behaviour(0.9), preprocessing="some"), "'best'"),
        (lambda: sb.best_test(sb.Behaviour.from_correlators(np.eye(3))), "two settings of two outcomes"),
        (lambda: sb.best_test(MEMBER.behaviour(0.5), x=0, y=0), "prove no entropy"),
        (lambda: sb.best_test(MEMBER.behaviour(0.9), rate="speed"), "'key', 'local randomness'"),
    ],
)
def test_bad_input(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(sb.InvalidInput, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
