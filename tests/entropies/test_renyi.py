"""Renyi entropies: duality, a closed form, attacks, limits of the order, certificates and forgeries."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import flint
import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.channel import channel_of
from sdpbound.bounds.figures import RenyiEntropy
from sdpbound.checker.channel import Channel
from sdpbound.checker.renyi_states import RenyiDual
from sdpbound.entropies.qubits.branch import prove
from sdpbound.entropies.qubits.engine import Batch, pieces
from sdpbound.entropies.qubits.problem import Key
from sdpbound.entropies.renyi import entropy
from sdpbound.entropies.renyi.engine import RenyiEngine
from sdpbound.entropies.renyi.powers import power_of, powers, roots_of
from sdpbound.entropies.renyi.program import programs
from tests.mutations import put

Certificate = dict[str, Any]
NOISY = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
SLOW = pytest.mark.slow


def bell(value: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.chsh(), value)


def closed(value: float, s: float) -> float:
    """The least entropy at a CHSH value (arXiv:2507.07365): a mean of order 1/(1+s) of 1 + C and 1 - C."""
    order, c = 1.0 / (1.0 + s), np.sqrt(max(value**2 / 4.0 - 1.0, 0.0))
    return float(-np.log2(0.5 * ((1.0 + c) ** order + (1.0 - c) ** order)) / (order * s))


@cache
def noisy(**options: Any) -> sb.RenyiEntropyBound:
    return sb.renyi_entropy(sb.Observations.correlators(NOISY), **options)


def random_state(rng: np.random.Generator, rank: int, imaginary: bool) -> np.ndarray[Any, Any]:
    g = rng.normal(size=(4, rank)) + 1j * imaginary * rng.normal(size=(4, rank))
    rho = g @ g.conj().T
    return np.asarray(rho / np.trace(rho).real)


def function(matrix: np.ndarray[Any, Any], power: float) -> np.ndarray[Any, Any]:
    e, v = np.linalg.eigh(matrix)
    return np.asarray((v * np.where(e > 1e-12, np.maximum(e, 1e-12) ** power, 0.0)) @ v.conj().T)


def z_effects(flips: float) -> np.ndarray[Any, Any]:
    one = np.diag([1.0 - flips, 1.0 - flips, flips, flips])
    return np.stack([one, np.eye(4) - one])


@pytest.mark.parametrize(("alpha", "flips"), [(1.1, 0.0), (1.6, 0.1), (2.0, 0.0)])
def test_duality_of_the_power(alpha: float, flips: float) -> None:
    """The largest Tr(...) over sigma is the least one over states of Eve, which is how the entropy is defined."""
    rng, s = np.random.default_rng(0), 1.0 - 1.0 / alpha
    for n in range(4):
        rho, effects = random_state(rng, 1 + n, n % 2 == 1), z_effects(flips)
        eves = function(rho, 0.5) @ effects @ function(rho, 0.5)
        tau = rho
        for _ in range(120):
            inner = [function(function(tau, -s / 2) @ own @ function(tau, -s / 2), alpha) for own in eves]
            total = sum(inner)
            above = float(np.trace(total).real) ** (1.0 / alpha)
            tau = 0.5 * (tau + total / np.trace(total).real)
            tau /= np.trace(tau).real
        below = powers(rho[None], roots_of(effects), s)[0]
        assert below <= above + 1e-9
        assert below == pytest.approx(above, abs=1e-6)


def test_kinds_are_in_order() -> None:
    """Smaller powers are larger entropies: what is proven of one kind holds for the others."""
    rng = np.random.default_rng(1)
    for n in range(12):
        rho, effects, alpha = random_state(rng, 1 + n % 4, True), z_effects(0.1 * (n % 2)), 1.0 + 0.5 * rng.random()
        above = powers(rho[None], roots_of(effects), alpha - 1.0)[0]
        for form in ("sandwiched down", "petz up"):
            figure = RenyiEntropy(0, None, 0.0, form, alpha)
            assert power_of(figure, rho, effects) <= above + 1e-9


CHANNELS = (
    Channel(),
    Channel(Fraction(1, 10), Fraction(1, 10)),
    Channel(Fraction(1, 10)),
    Channel(Fraction(1, 5), Fraction(1, 50)),
)


@pytest.mark.parametrize(("key", "channel"), [*(("one", channel) for channel in CHANNELS), ("both", Channel())])
def test_any_matrix_proves_an_upper_bound(key: str, channel: Channel) -> None:
    """Q(rho) <= Tr rho M(R) for matrices R that have nothing to do with rho, in the checker's own balls."""
    s, rng = Fraction(1, 3), np.random.default_rng(2)
    dual = RenyiDual(key, channel, s)
    passed = channel_of(float(channel.up), float(channel.down))
    roots = np.zeros((len(dual.roots), 4, 4))
    for root, (support, weight) in zip(roots, pieces(Key.BOTH if key == "both" else Key.ONE, passed), strict=True):
        root[support, support] = weight
    for n in range(4):
        table = rng.normal(size=(1, 3, 3))
        with flint.ctx.workprec(128):
            (choice,) = dual.choices(table, rng.normal(size=(1, 16)) * 0.1 - 0.2 * np.eye(4).reshape(1, 16), 1e-3)
            most = float(dual.bound([[flint.arb(v) for v in row] for row in table[0].tolist()], choice).upper())
        z = [np.eye(2), np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])]
        operator = sum(table[0, i, j] * np.kron(z[i], z[j]) for i in range(3) for j in range(3))
        rho = random_state(rng, 1 + n, False)
        power = powers(rho[None], roots, float(s))[0]
        assert float(np.trace(operator @ rho).real) + (power - 1.0) / float(s) <= most + 1e-9


@pytest.mark.parametrize(
    ("value", "alpha", "kind"),
    [
        (2.5, 1.2, "petz up"),
        pytest.param(2.3, 1.5, "sandwiched down", marks=SLOW),
        *(pytest.param(v, a, "sandwiched up", marks=SLOW) for v in (2.05, 2.3, 2.7) for a in (1.00001, 1.05, 2.0)),
    ],
)
def test_chsh_has_the_closed_form(value: float, alpha: float, kind: str) -> None:
    bound = sb.renyi_entropy(bell(value), alpha=alpha, kind=kind)
    exact = closed(value, bound.exponent)
    assert exact - 1e-4 <= bound.value <= exact
    assert bound.status == "solved"
    assert bound.certificate.verify().value >= bound.value


@pytest.mark.slow
def test_the_order_is_continuous_and_monotone() -> None:
    """From the von Neumann entropy down to the min-entropy."""
    values = [noisy(alpha=alpha).value for alpha in (1.0001, 1.2)]
    neumann = sb.conditional_entropy(sb.Observations.correlators(NOISY)).value
    least = sb.min_entropy(sb.Observations.correlators(NOISY), sb.Quantum("1+AB"), 0).value
    assert values[0] == pytest.approx(neumann, abs=1.1e-3)
    assert values[0] > values[1] > least


LOSSY = sb.SingletSelfTest(1.0, 1.5, 2.6).strategy.behaviour(noise=sb.DetectionInefficiency(0.97, 0.97))


@SLOW
@pytest.mark.parametrize(("looser", "method"), [(0.03, "qubit"), (0.06, "chord")])
def test_wide_gaps_are_compared_with_programs(monkeypatch: pytest.MonkeyPatch, looser: float, method: str) -> None:
    """A proof by qubits that is looser than it should be: the program is asked, and the better bound is given."""
    asked: list[Any] = []
    monkeypatch.setattr(entropy, "prove", lambda *a: replace(found := prove(*a), top=found.top + looser))
    monkeypatch.setattr(entropy, "programs", lambda *a: (asked.append(a), programs(*a))[1])
    alone = sb.renyi_entropy(bell(2.5), alpha=2.0, method="qubit", tolerance=1e-3)
    assert alone.status == "inaccurate" and alone.gap > 20 * alone.tolerance and not asked
    bound = sb.renyi_entropy(bell(2.5), alpha=2.0, tolerance=1e-3)
    assert asked and bound.method == method and bound.value >= alone.value
    assert (bound.value > alone.value + 1e-3) == (method != "qubit")
    assert bound.value <= closed(2.5, 0.5) and bound.certificate.verify().holds


def test_searches_end_where_an_operator_has_blocks() -> None:
    """M does not change with the weights of R's blocks, so that Newton's equations are nearly singular."""
    table = np.array([[0.0, -0.033, 0.0], [0.0, 0.609, 0.0], [0.041, 1.28, 0.0]])
    tables = np.stack([table, 0.8 * table])
    for exponent in (0.1, 0.5):
        engine = RenyiEngine(Key.ONE, 0.0, exponent, 1e-6)
        batch = Batch(engine, tables, engine.cold(tables))
        batch.solve(1e-5, 40)
        assert (batch.uppers - batch.values).max() < 1e-5
        assert (batch.uppers - batch.values).min() >= 0.0


@SLOW
def test_pure_pairs_with_losses_at_all_orders() -> None:
    """Falling with the order, between an attack and the min-entropy; 0 from alpha = 1.5 on before fresh starts."""
    data = sb.Observations.full(LOSSY)
    orders = (1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0)
    bounds = [sb.renyi_entropy(data, alpha=alpha, method="qubit") for alpha in orders]
    values = [bound.value for bound in bounds]
    assert all(bound.gap < 1e-4 for bound in bounds)
    assert all(0.0 < first - second < 0.02 for first, second in pairwise(values))
    assert values[-1] > sb.min_entropy(data, sb.Quantum("1+AB"), 0).value
    s = np.array([1.0 - 1.0 / alpha for alpha in orders])
    slopes = np.diff(s * values) / np.diff(s)  # s H is concave in s
    assert (np.diff(slopes) < 2e-3).all()
    above = sb.renyi_entropy_upper_bound(data, alpha=2.0)
    assert values[-1] <= above.value <= values[-1] + 2e-4


@SLOW
@pytest.mark.parametrize("alpha", [1.003, 1.1])
@pytest.mark.parametrize(("y", "flips"), [(None, 0.0), (None, 0.02), (0, 0.0)])
def test_between_attack_and_proof_with_marginals(alpha: float, y: int | None, flips: float) -> None:
    data = sb.Observations.full(LOSSY)
    below = sb.renyi_entropy(data, 0, y, alpha=alpha, preprocessing=flips)
    above = sb.renyi_entropy_upper_bound(data, 0, y, alpha=alpha, preprocessing=flips)
    assert above.attack is not None and above.attack.exact
    assert below.value <= above.value <= below.value + 2e-4
    assert below.certificate.verify().holds


def test_between_attack_and_proof_with_flips() -> None:
    data = sb.Observations.correlators(NOISY)
    below = noisy(alpha=1.2, preprocessing=0.05)
    above = sb.renyi_entropy_upper_bound(data, alpha=1.2, preprocessing=0.05)
    assert above.attack is not None and above.attack.exact
    assert below.value <= above.value <= below.value + 2e-4
    assert below.value > noisy(alpha=1.2).value  # flips lower no entropy
    assert below.certificate.verify().holds


def test_functionals_hold_for_other_behaviours() -> None:
    bound, rng = noisy(alpha=1.2), np.random.default_rng(3)
    for _ in range(40):
        a, b, c = rng.uniform(0.0, np.pi, size=3)
        rho = random_state(rng, int(rng.integers(1, 5)), False)
        party = [[_effects(0.0), _effects(a)], [_effects(c), _effects(b)]]
        behaviour = sb.Strategy(rho, tuple(tuple(own) for own in party)).behaviour()
        power = powers(rho[None], roots_of(np.kron(_effects(0.0), np.eye(2))), bound.exponent)[0]
        assert bound.power(behaviour) >= power - 1e-12
        assert bound.functional(behaviour) <= -np.log2(bound.power(behaviour)) / bound.exponent + 1e-9
    assert bound.functional(NOISY) == pytest.approx(bound.value, abs=1e-9)


def _effects(angle: float) -> np.ndarray[Any, Any]:
    observable = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    return np.stack([(np.eye(2) + observable) / 2.0, (np.eye(2) - observable) / 2.0])


def test_what_needs_no_search() -> None:
    local = sb.renyi_entropy(bell(2.0), alpha=1.5)
    assert local.value == 0.0 and local.certificate.verify().holds


def _more(entry: tuple[Any, ...], by: float) -> Callable[[Certificate], None]:
    def change(data: Certificate) -> None:
        inner: Any = data
        for key in entry[:-1]:
            inner = inner[key]
        inner[entry[-1]] += by

    return change


def _set(*entry: Any) -> Callable[[Certificate], None]:
    return lambda data: put(data, tuple(entry[:-1]), entry[-1])


FIGURE = ("question", "figure")
FORGERIES: dict[str, Callable[[Certificate], None]] = {
    "more": _more(("claim", "value"), 1e-4),
    "a higher functional": _more(("claim", "functional", "constant"), 1e-4),
    "a steeper functional": _more(("claim", "functional", "multipliers", 0), 1e-4),
    "a lower power": _more(("proof", "constant"), -1e-4),
    "another multiplier": _more(("proof", "multipliers", 0), -0.1),
    "a higher order": _set(*FIGURE, "alpha", 1.5),
    "the same exponent of another kind": _set(*FIGURE, "form", "sandwiched down"),
    "a kind that qubits do not prove": _set(*FIGURE, "form", "petz down"),
    "a kind that is none": _set(*FIGURE, "form", "petz"),
    "an order below one": _set(*FIGURE, "alpha", 0.5),
    "an order beyond": _set(*FIGURE, "alpha", 3),
    "both outcomes, flipped": lambda data: data["question"]["figure"].update(y=0, preprocessing=0.1),
    "a higher value": _more(("question", "observed", 0, "value"), -0.05),
    "another side": _set("question", "side", "upper"),
    "another model": _set("question", "model", {"kind": "no-signaling"}),
    "another proof": _set("proof", "renyi", "formula"),
    "an infinite constant": _set("proof", "constant", 1e300),
    "no setting of the key": lambda data: data["question"]["figure"].update(x=5),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_are_refused(name: str) -> None:
    data = copy.deepcopy(noisy(alpha=1.2).certificate.data)
    FORGERIES[name](data)
    with pytest.raises(sb.CertificateError):
        sb.verify(data)


def test_what_is_proven_holds_without_flips_only_if_they_are_none() -> None:
    """A file of flipped bits does not prove the same of bits as they are; the other way round it does."""
    data = copy.deepcopy(noisy(alpha=1.2, preprocessing=0.05).certificate.data)
    data["question"]["figure"]["preprocessing"] = 0.0
    with pytest.raises(sb.CertificateError):
        sb.verify(data)
    data = copy.deepcopy(noisy(alpha=1.2).certificate.data)
    data["question"]["figure"]["preprocessing"] = 0.05
    assert sb.verify(data).holds


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 1.0}, "alpha = 1.0 of a sandwiched up Renyi entropy must be from"),
        ({"alpha": 2.5}, "to 2.0"),
        ({"alpha": 2.5, "kind": "petz up"}, "to 2.0"),
        ({"alpha": 1.2, "kind": "petz"}, "must be one of sandwiched up"),
        ({"alpha": 1.2, "tolerance": 0.0}, "tolerance = 0.0"),
        ({"alpha": 1.2, "preprocessing": 0.7}, "preprocessing = 0.7"),
        ({"alpha": float("nan")}, "alpha"),
    ],
)
def test_bad_input_is_one_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(sb.InvalidParameter, match=words.replace("(", r"\(")):
        sb.renyi_entropy(bell(2.5), **options)


def test_other_data_are_refused() -> None:
    three = sb.Observations.bell_value(sb.i3322(), 0.24)
    with pytest.raises(sb.InvalidInput, match="gauss-radau"):
        sb.renyi_entropy(three, alpha=1.2, method="qubit")
    with pytest.raises(sb.Infeasible):
        sb.renyi_entropy(bell(2.9), alpha=1.2)
    with pytest.raises(sb.InvalidSettings, match="x = None"):
        sb.renyi_entropy(bell(2.5), None, 0, alpha=1.2)  # type: ignore[arg-type]


def test_the_infinite_order_is_that_of_the_min_entropy() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    for call in (sb.renyi_entropy, sb.renyi_entropy_upper_bound):
        with pytest.raises(sb.InvalidParameter, match=r"alpha = inf .* to 2\.0; .* min_entropy"):
            call(data, alpha=math.inf)
