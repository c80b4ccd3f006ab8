"""Entropies averaged over settings: closed form, explicit strategies, certificates by both checkers, forgeries."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import sdpbound as sb
from sdpbound.entropies.averages.branch import prove
from sdpbound.entropies.averages.problem import AverageQuestion, average_problem
from sdpbound.recheck import recheck
from tests.averages import contradicted
from tests.mutations import mutate

Certificate = dict[str, Any]
BOTH = sb.Average((0, 1))
NOISY = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
SQUARE = sb.Average(((0, 0), (0, 1), (1, 0), (1, 1)))


def h(p: float) -> float:
    return 0.0 if p <= 0.0 or p >= 1.0 else float(-p * np.log2(p) - (1 - p) * np.log2(1 - p))


def chsh_average(value: float, flips: float) -> float:
    """What the best attack known leaves of both settings of Alice at a CHSH value: of noisy singlets and local devices.

    At maximally incompatible settings f(u) = 1 + phi(sqrt((1-2q)^2 + 4q(1-q) u^2)) - phi(u), u = S / 2 sqrt 2, phi(u) =
    h((1+u)/2), is the entropy at either setting of the isotropic state. The convex hull of it and the point (2, h(q)):
    """

    def curve(s: float) -> float:
        u = s / 8**0.5
        return 1.0 + h((1 + np.sqrt((1 - 2 * flips) ** 2 + 4 * flips * (1 - flips) * u * u)) / 2) - h((1 + u) / 2)

    def slope(s: float) -> float:
        return (curve(s) - h(flips)) / (s - 2.0)

    touching = float(minimize_scalar(slope, bounds=(2.01, 8**0.5 - 1e-9), method="bounded").x)
    return curve(value) if value >= touching else h(flips) + slope(touching) * (value - 2.0)


def bell(value: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.chsh(), value)


SLOW = pytest.mark.slow
FLIPPED = (((1, None), 0.1), ((None, 0), 0.2))


@pytest.mark.parametrize(
    ("value", "flips"), [(2.8, 0.0), (2.4, 0.4), *(pytest.param(*v, marks=SLOW) for v in ((2.2, 0.0), (2.5, 0.1)))]
)
def test_between_an_attack_and_a_proof(value: float, flips: float) -> None:
    """The attack of the closed form is not below the proof, and as close as the tolerance."""
    bound = sb.average_entropy(bell(value), sb.Average((0, 1), None, flips), 1e-4)
    assert 0.0 <= chsh_average(value, flips) - bound.value <= 1e-4
    assert bound.gap <= 1e-4 and bound.status == "solved"


def test_is_above_the_average_of_the_minima() -> None:
    data = bell(2.5)
    assert sb.average_entropy(data, BOTH).value > sb.conditional_entropy(data, 0).value + 0.13


@pytest.mark.parametrize(
    ("key", "flips"),
    [((0, None), 0.0), ((None, 1), 0.0), ((1, 0), 0.0), *(pytest.param(k, q, marks=SLOW) for k, q in FLIPPED)],
)
def test_of_one_key(key: tuple[int | None, int | None], flips: float) -> None:
    """It is the entropy of that key, which another program bounds."""
    data = sb.Observations.correlators(NOISY)
    average = sb.average_entropy(data, sb.Average((key,), None, flips))
    if key[0] is None:  # parties exchanged
        swapped = sb.Observations(
            data.scenario, data.coefficients.transpose(0, 2, 1).copy(), data.values, tolerances=data.tolerances
        )
        other = sb.conditional_entropy(swapped, key[1] or 0, preprocessing=flips)
    else:
        other = sb.conditional_entropy(data, key[0], key[1], preprocessing=flips)
    assert abs(average.value - other.value) < 1.1e-3


def test_local_data_have_no_entropy_but_their_flips() -> None:
    """At once, from both sides."""
    data = sb.Observations.full(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.6))
    assert sb.average_entropy(data, SQUARE).value == 0.0
    flipped = sb.Average((0, 1), None, (0.1, 0.2))
    below, above = sb.average_entropy(data, flipped), sb.average_entropy_upper_bound(data, flipped)
    least = 0.5 * h(0.1) + 0.5 * h(0.2)
    assert least - 1e-12 <= below.value <= least <= above.value <= least + 1e-9


def test_both_outcomes_at_the_largest_chsh_value() -> None:
    """Each pair of settings has 1 + h((1 + 1/sqrt 2)/2) there."""
    bound = sb.average_entropy(bell(8**0.5), SQUARE)
    assert 0.0 <= 1.0 + h((1 + 0.5**0.5) / 2) - bound.value < 1e-3


def test_a_search_may_begin_at_a_neighbour() -> None:
    first = sb.average_entropy(sb.Observations.correlators(NOISY), BOTH)
    data = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.969))
    again, cold = sb.average_entropy(data, BOTH, start=first), sb.average_entropy(data, BOTH)
    assert again.gap <= 1e-3 and abs(again.value - cold.value) < 1e-3


def test_untested_settings_have_their_flips() -> None:
    """A third setting of Alice, which nothing tests, may be constant."""
    b = sb.Behaviour.from_correlators([[0.7, 0.7], [0.7, -0.7], [0.9, 0.0]])
    data = sb.Observations.bell_value(
        sb.BellExpression(b.scenario, np.array([[0, 0, 0], [0, 1, 1], [0, 1, -1], [0, 0, 0.0]])), 2.5
    )
    flips = (0.0, 0.0, 0.1)
    three = sb.average_entropy(data, sb.Average((0, 1, 2), (0.25, 0.25, 0.5), flips))
    assert abs(three.value - (0.5 * chsh_average(2.5, 0.0) + 0.5 * h(0.1))) < 1e-3
    alone = sb.average_entropy(data, sb.Average((2,), None, 0.1))
    assert alone.value == pytest.approx(h(0.1), abs=1e-12) and alone.certificate.verify().holds
    assert recheck(alone.certificate.data).holds


@cache
def _proof(flips: float = 0.0, tolerance: float = 2e-2) -> str:
    bound = sb.average_entropy(bell(2.6), sb.Average((0, 1), (0.5, 0.5), flips), tolerance)
    return json.dumps(bound.certificate.data)


def proof(flips: float = 0.0) -> Certificate:
    return json.loads(_proof(flips))


@pytest.mark.parametrize(
    ("data", "average"),
    [
        (sb.Observations.correlators(NOISY), sb.Average((0, 1), (0.3, 0.7))),
        pytest.param(sb.Observations.full(NOISY.detection_efficiency(0.97, 0.98)), SQUARE, marks=SLOW),
        pytest.param(sb.Observations.correlators(NOISY), sb.Average((0, 1), None, (0.1, 0)), marks=SLOW),
    ],
)
def test_explicit_strategies_are_above_it(data: sb.Observations, average: sb.Average) -> None:
    bound = sb.average_entropy(data, average)
    assert bound.gap <= 1e-3
    assert not contradicted(bound.certificate.data)
    assert bound.certificate.verify().holds


def test_the_test_of_strategies_sees_what_is_false() -> None:
    certificate = proof()
    certificate["claim"]["functional"]["constant"] += 0.1
    assert contradicted(certificate)


@SLOW
@pytest.mark.parametrize("flips", [0.0, 0.2])
def test_both_checkers_agree(flips: float) -> None:
    certificate = proof(flips)
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds and second.proven is not None
    assert float(second.proven) == pytest.approx(first.value, abs=1e-9)


def change(*path: Any) -> Callable[[Certificate], None]:
    *way, last, value = path

    def changed(data: Any) -> None:
        for key in way:
            data = data[key]
        data[last] = value(data[last]) if callable(value) else value

    return changed


def more(step: float) -> Callable[[Certificate], None]:
    def changed(certificate: Certificate) -> None:
        certificate["claim"]["value"] += step
        certificate["claim"]["functional"]["constant"] += step

    return changed


TERMS = ("question", "figure", "terms")
FORGERIES: dict[str, Callable[[Certificate], None]] = {
    "more than is proven": more(0.03),
    "more value": change("claim", "value", lambda v: v + 0.03),
    "more constant": change("claim", "functional", "constant", lambda v: v + 0.03),
    "more than a bit": change("claim", "value", 1.01),
    "one key twice": change(*TERMS, 1, "settings", [0, None]),
    "weights of more than one": change(*TERMS, 0, "weight", 0.6),
    "a weight below zero": change(*TERMS, 0, "weight", -0.5),
    "other weights": lambda c: (change(*TERMS, 0, "weight", 1.0 - 1e-9)(c), change(*TERMS, 1, "weight", 1e-9)(c))[0],
    "flips beyond one half": change(*TERMS, 0, "preprocessing", 0.6),
    "a setting that is not there": change(*TERMS, 1, "settings", [2, None]),
    "no setting": change(*TERMS, 1, "settings", [None, None]),
    "no keys": change(*TERMS, []),
    "turned multipliers": change("proof", "multipliers", lambda m: [-v for v in m]),
    "no multipliers": change("proof", "multipliers", [0.0]),
    "proven by flips": change("proof", "average", "flips"),
    "an unknown way": change("proof", "average", "grace"),
    "not a number": change("proof", "multipliers", ["1/0"]),
    "a no-signaling Eve": change("question", "model", {"kind": "no-signaling"}),
    "the other side": change("question", "side", "upper"),
    "another figure": change("question", "figure", "kind", "conditional_entropy"),
    "another kind": change("kind", "bound"),
    "a smaller test": change("question", "observed", 0, "coefficients", [[0, 0, 0], [0, 1, 1], [0, 1, 1]]),
    "a looser test": change("question", "observed", 0, "tolerance", 0.1),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_are_refused(name: str) -> None:
    certificate = proof()
    FORGERIES[name](certificate)
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)


@pytest.mark.parametrize("name", [pytest.param(n, marks=SLOW if n.startswith("more") else ()) for n in FORGERIES])
def test_the_second_checker_refuses_them(name: str) -> None:
    certificate = proof()
    FORGERIES[name](certificate)
    assert not recheck(certificate, time_limit=60).holds


@pytest.mark.parametrize("step", [1e-9, 0.01])
def test_fewer_flips_are_refused(step: float) -> None:
    """The flips' own entropy is claimed of a key that has fewer."""
    certificate = json.loads(json.dumps(sb.average_entropy(bell(1.9), sb.Average((0, 1), None, 0.2)).certificate.data))
    assert sb.verify(certificate).holds
    certificate["question"]["figure"]["terms"][0]["preprocessing"] -= step
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)


@SLOW
@pytest.mark.parametrize("make", [proof, lambda: program()])
def test_changed_certificates_prove_nothing_false(make: Callable[[], Certificate]) -> None:
    accepted = 0
    for seed in range(150):
        certificate = make()
        mutate(certificate, seed, [program(), proof()])
        try:
            held = sb.verify(certificate, time_limit=60).holds
        except sb.CertificateError:
            held = False
        if held:
            accepted += 1
            assert not contradicted(certificate, 60, seed)
    assert 0 < accepted < 150


def test_the_cost_of_an_arc_is_needed() -> None:
    """The proof finds a strategy where the functional is above the entropy, if one is."""
    problem = average_problem(AverageQuestion(bell(2.5), BOTH))
    expression = np.tensordot([1.3], problem.qubits.tests, axes=(0, 0))
    found = prove(problem, 5e-7, expression, 1.3 * 4.0, -10.0, 2e-3)
    exact = max(1.3 * s - chsh_average(float(s), 0.0) for s in np.linspace(2.0, 8**0.5, 201))
    assert found.best <= exact + 1e-5 and exact <= found.top <= exact + 2.1e-3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sb.Average((0, 0)), "twice"),
        (lambda: sb.Average((0, 1), (0.5, 0.6)), "add up to one"),
        (lambda: sb.Average((0, 1), (1.0, 0.0)), "weight 0"),
        (lambda: sb.Average((0, 1), (1.0,)), "one for each key"),
        (lambda: sb.Average(()), "must be settings"),
        (lambda: sb.Average("01"), "must be"),
        (lambda: sb.Average((0, 1), None, 0.6), "0 to 1/2"),
        (lambda: sb.Average(((0, 0), (1, 1)), None, 0.1), "several parties"),
        (lambda: sb.average_entropy(bell(2.5), sb.Average((0, 2))), "settings\\[0\\] = 2"),
        (lambda: sb.average_entropy(bell(2.5), (0, 1)), "Average"),
        (lambda: sb.average_entropy(bell(2.5), BOTH, 0.0), "tolerance"),
        (lambda: sb.average_entropy(bell(2.5), BOTH, method="best"), "auto, qubit, projective"),
        (
            lambda: sb.average_entropy(sb.Observations.bell_value(sb.i3322(), 0.1), BOTH, method="qubit"),
            "at most two tested settings",
        ),
    ],
)
def test_bad_input(make: Callable[[], object], says: str) -> None:
    with pytest.raises(sb.InvalidInput, match=says):
        make()


@cache
def _program() -> str:
    bound = sb.average_entropy(bell(2.6), sb.Average((0, 1), (0.3, 0.7), 0.1), level="1+AB", nodes=4)
    assert bound.status == "solved"
    return json.dumps(bound.certificate.data)


def program() -> Certificate:
    return json.loads(_program())


def test_a_program_for_all_keys_is_below() -> None:
    """Another method, of any scenario: from below, and not far at this level."""
    certificate = program()
    exact = sb.average_entropy(bell(2.6), sb.Average((0, 1), (0.3, 0.7), 0.1))
    assert exact.value - 0.1 < certificate["claim"]["value"] < exact.value + exact.gap
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds and not contradicted(certificate)
    assert float(second.proven or 0) == pytest.approx(first.value, abs=1e-11)


OF_PROGRAMS = {
    "more than is proven": more(0.01),
    "another weight": lambda c: (change(*TERMS, 0, "weight", 0.7)(c), change(*TERMS, 1, "weight", 0.3)(c))[0],
    "fewer flips": lambda c: (change(*TERMS, 0, "preprocessing", 0.05)(c), change(*TERMS, 1, "preprocessing", 0.05)(c))[
        0
    ],
    "flips of one key": change(*TERMS, 0, "preprocessing", 0.05),
    "another key": change(*TERMS, 0, "settings", [None, 0]),
    "one key more": lambda c: c["question"]["figure"]["terms"].append(
        {"settings": [None, 1], "weight": 1e-10, "preprocessing": 0.1}
    ),
    "no squares": change("proof", "copies", 0, "outer", lambda rows: [[0.0] * len(row) for row in rows]),
    "fewer nodes": change("proof", "nodes", lambda t: t[1:]),
    "by qubits": change("proof", "average", "qubits"),
}


@pytest.mark.parametrize("name", OF_PROGRAMS)
def test_forged_programs_are_refused(name: str) -> None:
    certificate = program()
    OF_PROGRAMS[name](certificate)
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)
    assert not recheck(certificate, time_limit=60).holds


@SLOW
def test_three_parties() -> None:
    """GHZ states: both settings of Alice are alike, so the average of both is at least what one has, less its nodes."""
    data = sb.Observations.bell_value(sb.mermin(), 3.9)
    bound = sb.average_entropy(data, sb.Average((0, 1)), level="1+ABC", nodes=8)
    assert 0.80 < bound.value < 1.0 and bound.certificate.verify().holds
    with pytest.raises(sb.InvalidInput, match="two parties"):
        sb.average_entropy(data, sb.Average((0, 1)), method="qubit")
    with pytest.raises(sb.InvalidInput, match="same probability"):
        sb.average_entropy(data, sb.Average((0, 1), None, (0.1, 0.2)))


def test_data_outside_the_set() -> None:
    with pytest.raises(sb.Infeasible):
        sb.average_entropy(bell(2.9), BOTH)


def test_attacks_at_every_key_are_of_the_same_strategies() -> None:
    data = sb.Observations.correlators(NOISY)
    attack = sb.average_entropy_upper_bound(data, sb.Average((0, 1), (0.3, 0.7), (0.0, 0.1)))
    assert attack.exact and len(attack.attacks) == 2
    parts = [a.certificate.data["proof"] for a in attack.attacks]
    assert parts[0] == parts[1] and all(a.certificate.verify().holds for a in attack.attacks)
    assert attack.value >= 0.3 * attack.attacks[0].value + 0.7 * attack.attacks[1].value - 1e-15
    below = sb.average_entropy(data, sb.Average((0, 1), (0.3, 0.7), (0.0, 0.1)), 1e-4)
    assert 0.0 <= attack.value - below.value < 1e-4
    with pytest.raises(sb.CertificateError, match="each key"):
        attack.certificate.to_json()
