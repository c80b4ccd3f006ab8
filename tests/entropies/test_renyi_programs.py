"""Renyi entropies by programs: the rule of nodes, closed forms, chords, attacks, both checkers and forgeries."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bounds.figures import RenyiEntropy
from sdpbound.checker.radau import power_nodes
from sdpbound.entropies.quadrature import gauss_radau, power_radau
from sdpbound.entropies.renyi.powers import power_of, powers, roots_of
from sdpbound.recheck import recheck
from sdpbound.recheck.answer import Budget
from sdpbound.recheck.renyi_programs import power_rule
from tests.mutations import put

Certificate = dict[str, Any]
CHSH = sb.Observations.bell_value(sb.chsh(), 2.5)
SLOW = pytest.mark.slow


def closed(value: float, order: float) -> float:
    """1 - H_u((1+C)/2), u the order: of "petz down" u is 2 - alpha, of "sandwiched up" alpha/(2 alpha - 1)."""
    c = np.sqrt(max(value**2 / 4.0 - 1.0, 0.0))
    chances = np.array([(1.0 + c) / 2.0, (1.0 - c) / 2.0])
    return float(1.0 - np.log2((chances**order).sum()) / (1.0 - order))


@cache
def bound(alpha: float = 1.1, **options: Any) -> sb.RenyiEntropyBound:
    return sb.renyi_entropy(CHSH, alpha=alpha, **{"method": "gauss-radau", "nodes": 4} | options)


def chained() -> sb.Observations:
    return sb.Observations.full(sb.family_named("chained").member(settings=3).behaviour(visibility=0.98))


def random_state(rng: np.random.Generator, rank: int) -> np.ndarray[Any, Any]:
    g = rng.normal(size=(4, rank)) + 1j * rng.normal(size=(4, rank))
    rho = g @ g.conj().T
    return np.asarray(rho / np.trace(rho).real)


def effects_at(angle: float) -> np.ndarray[Any, Any]:
    observable = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    return np.stack([(np.eye(2) + observable) / 2.0, (np.eye(2) - observable) / 2.0])


def both_hold(certificate: Certificate) -> None:
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds, second.reason
    assert second.proven is not None and float(second.proven) == pytest.approx(first.value, abs=1e-12)


# -- the rule of nodes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "exponent"), [(2, 0.5), (5, 0.1), (6, 2.0**-19), (9, 0.875)])
def test_the_rule_is_above_the_power_and_exact_for_polynomials(count: int, exponent: float) -> None:
    rule = power_radau(count, exponent)
    places = rule.nodes
    weights = rule.weights * places
    for x in np.geomspace(1e-6, 1e6, 37):
        above = 1.0 - exponent * (weights * (x - 1.0) / (1.0 + places * (x - 1.0))).sum()
        assert above >= x**-exponent * (1.0 - 1e-12)
    moment = 1.0
    for n in range(2 * count - 1):  # Gauss-Radau rules are exact up to the degree 2m - 2
        assert (weights * places**n).sum() == pytest.approx(moment, rel=1e-12)
        moment *= (1.0 + exponent + n) / (2.0 + n)
    assert rule.constant <= rule.weights.sum() * (1.0 + 1e-14)


@pytest.mark.parametrize(("count", "exponent"), [(2, 0.5), (4, 0.1)])
def test_both_checkers_have_the_rule(count: int, exponent: float) -> None:
    rule = power_radau(count, exponent)
    nodes, constant = power_nodes(count, Fraction(exponent))
    again = power_rule(count, Fraction(exponent), Budget(None))
    assert constant == Fraction(rule.constant)
    for t, kappa, first, (place, weight) in zip(rule.nodes, rule.weights, nodes, again, strict=True):
        assert first.linear == Fraction(float(kappa))
        assert float(first.other) == pytest.approx(kappa * t, rel=1e-14)
        assert (float(place.mid()), float(weight.mid())) == pytest.approx((t, kappa), rel=1e-14)


def test_the_rule_goes_to_that_of_von_neumann() -> None:
    assert power_radau(6, 2.0**-40).nodes == pytest.approx(gauss_radau(6).nodes, rel=1e-10)
    assert power_radau(6, 2.0**-40).weights / np.log(2.0) == pytest.approx(gauss_radau(6).weights, rel=1e-10)


# -- what is bounded --------------------------------------------------------------------------------------------------


def test_kinds_are_in_order_and_the_exponent_times_entropy_is_concave() -> None:
    rng = np.random.default_rng(1)
    for n in range(8):
        rho = random_state(rng, 1 + n % 4)
        effects = np.stack([np.kron(own, np.eye(2)) for own in effects_at(0.0)])
        alpha = 1.0 + 0.5 * rng.random()
        figures = [RenyiEntropy(0, None, 0.0, form, alpha) for form in RenyiEntropy.FORMS]
        found = {f.form: -np.log2(power_of(f, rho, effects)) / f.exponent for f in figures}
        assert found["petz down"] <= min(found.values()) + 1e-9
        curve = [-np.log2(powers(rho[None], roots_of(effects), s)[0]) for s in (0.1, 0.3, 0.5)]
        assert curve[1] >= (curve[0] + curve[2]) / 2.0 - 1e-9


@pytest.mark.parametrize(
    ("value", "alpha"),
    [pytest.param(v, a, marks=SLOW) for v in (2.05, 2.5, 2.8) for a in (1.00001, 1.1, 1.8)],
)
def test_chsh_is_near_the_closed_form(value: float, alpha: float) -> None:
    found = sb.renyi_entropy(sb.Observations.bell_value(sb.chsh(), value), alpha=alpha, kind="petz down")
    exact = closed(value, 2.0 - alpha)
    assert exact - 2e-5 <= found.value <= exact
    assert found.status == "solved" and found.value < closed(value, alpha / (2.0 * alpha - 1.0))
    assert found.certificate.verify().value >= found.value


def test_large_orders_are_between_nodes_and_the_min_entropy() -> None:
    least = sb.min_entropy(CHSH, sb.Quantum("1+AB")).value
    chord = chord_bound(4)
    low = bound(1.25)
    assert closed(2.5, 0.75) - 1e-3 < low.value < closed(2.5, 0.75)
    assert chord.method == "chord" and chord.value == pytest.approx(0.25 * low.value + 0.75 * least, abs=1e-9)
    assert least < chord.value < closed(2.5, 2.0 / 3.0)
    assert chord.functional.at([2.5]) == pytest.approx(chord.value, abs=1e-9)
    assert chord.power.at([2.5]) == pytest.approx(2.0 ** (-chord.exponent * chord.value), abs=1e-9)
    both_hold(chord.certificate.data)
    guess = bound(1.3, method="min-entropy", nodes=None, preprocessing=0.1)
    assert guess.value == pytest.approx(-np.log2(0.1 + 0.8 * 2.0**-least), abs=1e-9)
    both_hold(guess.certificate.data)


def test_functionals_hold_for_other_behaviours() -> None:
    found, chord, rng = bound(), chord_bound(4), np.random.default_rng(3)
    down, up = RenyiEntropy(0, None, 0.0, "petz down", 1.1), RenyiEntropy(0, None, 0.0, "sandwiched up", 2.0)
    for _ in range(8):
        rho = random_state(rng, int(rng.integers(1, 5))).real
        party = [[effects_at(angle) for angle in rng.uniform(0.0, 2.0 * np.pi, size=2)] for _ in range(2)]
        behaviour = sb.Strategy(rho, tuple(tuple(own) for own in party)).behaviour()
        effects = np.stack([np.kron(own, np.eye(2)) for own in party[0][0]])
        assert found.power(behaviour) >= power_of(down, rho, effects) - 1e-9
        assert chord.power(behaviour) >= power_of(up, rho, effects) - 1e-9


@SLOW
@pytest.mark.parametrize(("options", "least"), [({"y": 0, "level": "1+AB"}, 0.48), ({"preprocessing": 0.05}, 0.54)])
def test_flips_and_both_outcomes_are_below_the_qubits(options: dict[str, Any], least: float) -> None:
    found = bound(**options)
    key = {name: value for name, value in options.items() if name != "level"}
    assert least < found.value < sb.renyi_entropy(CHSH, alpha=1.1, tolerance=1e-2, **key).value
    both_hold(found.certificate.data)


@SLOW
def test_attacks_are_near_three_settings() -> None:
    data = chained()
    found = sb.renyi_entropy(data, alpha=1.1, kind="petz down")
    above = sb.renyi_entropy_upper_bound(data, alpha=1.1, kind="petz down")
    assert above.attack is not None and above.attack.exact
    assert found.value <= above.value <= found.value + 2e-4
    assert above.value < sb.renyi_entropy_upper_bound(data, alpha=1.1).value
    both_hold(found.certificate.data)


# -- certificates -----------------------------------------------------------------------------------------------------


def _more(*entry: Any, by: float) -> Callable[[Certificate], None]:
    def change(data: Certificate) -> None:
        inner: Any = data
        for key in entry[:-1]:
            inner = inner[key]
        inner[entry[-1]] += by

    return change


def _set(*entry: Any) -> Callable[[Certificate], None]:
    return lambda data: put(data, tuple(entry[:-1]), entry[-1])


FIGURE = ("question", "figure")
COMMON: dict[str, Callable[[Certificate], None]] = {
    "more": _more("claim", "value", by=1e-4),
    "a higher functional": _more("claim", "functional", "constant", by=1e-4),
    "a steeper functional": _more("claim", "functional", "multipliers", 0, by=1e-4),
    "an order beyond": _set(*FIGURE, "alpha", 3.0),
    "both outcomes": _set(*FIGURE, "y", 0),
    "another kind of proof": _set("proof", "renyi", "formula"),
    "qubits": _set("proof", "renyi", "qubits"),
    "a lower value": _more("question", "observed", 0, "value", by=-0.05),
}
NODES = COMMON | {
    "a higher order": _set(*FIGURE, "alpha", 1.2),
    "a lower order of other nodes": _set(*FIGURE, "alpha", 1.05),
    "more nodes": _set("proof", "gauss_radau", 3),
    "another multiplier": _more("proof", "multipliers", 0, by=-0.1),
    "another block": _more("proof", "blocks", 0, 0, 0, by=0.1),
    "a guess": _set("proof", "renyi", "guess"),
}
CHORD = COMMON | {
    "a smaller order": _set("proof", "order", 1.2),
    "an order above": _set("proof", "order", 2.0),
    "another form": _set(*FIGURE, "form", "petz up"),
    "more of one end": _more("proof", "claims", 0, "value", by=1e-4),
    "a higher functional of one end": _more("proof", "claims", 1, "functional", "constant", by=1e-4),
    "ends exchanged": lambda data: data["proof"].update(nodes=data["proof"]["guess"], guess=data["proof"]["nodes"]),
    "a chord of chords": _set("proof", "nodes", {"renyi": "chord"}),
}


@pytest.mark.parametrize(
    ("way", "name"), [*(("gauss-radau", n) for n in NODES), *(("chord", n) for n in CHORD), ("guess", "petz down")]
)
def test_forgeries_are_refused_by_both_checkers(way: str, name: str) -> None:
    found = {
        "gauss-radau": lambda: bound(nodes=2),
        "chord": lambda: chord_bound(2),
        "guess": lambda: bound(1.3, method="min-entropy", nodes=None),
    }[way]()
    data = copy.deepcopy(found.certificate.data)
    change = _set(*FIGURE, "form", "petz down") if way == "guess" else (NODES if way == "gauss-radau" else CHORD)[name]
    change(data)
    with pytest.raises(sb.CertificateError):
        sb.verify(data)
    assert not recheck(data).holds


@cache
def chord_bound(nodes: int) -> sb.RenyiEntropyBound:
    return sb.renyi_entropy(CHSH, alpha=2.0, nodes=nodes)


@pytest.mark.parametrize("form", RenyiEntropy.FORMS)
def test_nodes_prove_every_kind(form: str) -> None:
    data = copy.deepcopy(bound(nodes=2).certificate.data)
    data["question"]["figure"]["form"] = form
    both_hold(data)


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "chords"}, "method = 'chords' of a Renyi entropy must be one of auto"),
        ({"method": "qubit", "nodes": 4}, "nodes = 4 says nothing to method = 'qubit'"),
        ({"nodes": 1}, "nodes"),
        ({"kind": "petz down", "alpha": 1.95}, "to 1.9"),
        ({"levels": "1+AB"}, "levels"),
        ({"tolerance": 2.0}, "tolerance = 2.0"),
        ({"method": "gauss-radau", "alpha": 2.0}, "below 2"),
        ({"method": "min-entropy", "kind": "petz down"}, "petz down"),
    ],
)
def test_bad_input_is_one_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(sb.InvalidParameter, match=words.replace("(", r"\(")):
        sb.renyi_entropy(CHSH, **{"alpha": 1.1} | options)


def test_qubits_say_what_they_take() -> None:
    for data, options, words in [
        (CHSH, {"alpha": 1.7, "kind": "petz up"}, "to order 1.5"),
        (CHSH, {"alpha": 1.2, "kind": "petz down"}, "qubits bound"),
        (sb.Observations.bell_value(sb.i3322(), 0.24), {"alpha": 1.2}, "at most two tested settings"),
    ]:
        with pytest.raises(sb.InvalidInput, match=words):
            sb.renyi_entropy(data, method="qubit", **options)
