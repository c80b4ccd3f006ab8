"""Conference keys and randomness of several parties: formulas, both sides, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.families import Ghz, W
from sdpbound.recheck import recheck
from tests.support import chsh_entropy, h


def holz_entropy(value: float) -> float:
    """H(A|X=0,E) at a value of Holz's expression beyond 1, arXiv:2209.12828."""
    return 1 - h((value + 1 + math.sqrt(value * value + 2 * value - 3)) / 4)


def noisy(of: str, visibility: float) -> tuple[sb.Behaviour, sb.Observations]:
    member = Ghz(of, key=True).member()
    behaviour = member.behaviour(visibility)
    assert member.expression is not None
    return behaviour, sb.Observations.bell_value(member.expression, behaviour)


FAST = sb.VonNeumann("projective", "1+AB+AC+BC+ABC", 12)


@pytest.mark.parametrize(
    ("of", "settings"),
    [pytest.param("holz", (0, 2, 2), marks=pytest.mark.slow), ("parity_chsh", (0, 2, 1))],
)
def test_conference_keys_have_the_known_rates(of: str, settings: tuple[int, ...]) -> None:
    """H(A|E) by formula, less h of the error rate (1 - v)/2 of Z on the GHZ state."""
    visibility = 0.95
    behaviour, data = noisy(of, visibility)
    entropy = holz_entropy(1.5 * visibility) if of == "holz" else chsh_entropy(2 * math.sqrt(2) * visibility)
    exact = entropy - h((1 - visibility) / 2)
    rate = sb.key_rate(behaviour, data, entropy=FAST, settings=settings)
    assert exact - 4e-3 < rate.value < exact + 1e-9
    assert rate.settings == settings and rate.error_correction == pytest.approx(h((1 - visibility) / 2))
    assert rate.security.startswith("conference key") and "x=0, y=2, z=" in repr(rate)
    assert rate.entropy.certificate.verify().holds and recheck(rate.entropy.certificate.data).holds


@pytest.mark.slow
@pytest.mark.parametrize(("of", "settings"), [("holz", (0, 2, 2)), ("parity_chsh", (0, 2, 1))])
def test_conference_keys_from_both_sides(of: str, settings: tuple[int, ...]) -> None:
    behaviour, data = noisy(of, 0.97)
    below = sb.key_rate(behaviour, data, settings=settings)
    above = sb.key_rate_upper_bound(behaviour, data, settings=settings, tolerance=1e-4)
    assert above.exact and above.side == "upper" and above.settings == settings
    assert 0.0 <= above.value - below.value < 2e-3


def test_the_worst_receiver_pays() -> None:
    """A third party that sees noise only costs the whole bit, and nothing where it has no key."""
    rng = np.random.default_rng(1)
    behaviour, _ = noisy("parity_chsh", 1.0)
    noise = behaviour.p.mean(axis=2, keepdims=True).repeat(2, axis=2)
    deaf = sb.Behaviour(noise, behaviour.scenario)
    assert sb.error_correction(deaf, settings=(0, 2, 1)) == pytest.approx(1.0)
    assert sb.error_correction(deaf, settings=(0, 2, None)) == pytest.approx(0.0, abs=1e-12)
    assert sb.error_correction(behaviour, 0, 2) == sb.error_correction(behaviour, settings=(0, 2, None))
    p = rng.dirichlet(np.ones(8)).reshape(2, 2, 2, 1, 1, 1)
    table = p[..., 0, 0, 0]
    costs = []
    for pair in (table.sum(axis=2), table.sum(axis=1)):
        costs.append(sum(float(v * math.log2(pair[:, b].sum() / v)) for b in (0, 1) for v in pair[:, b]))
    assert sb.error_correction(sb.Behaviour(p), settings=(0, 0, 0)) == pytest.approx(max(costs))
    flipped = sb.error_correction(sb.Behaviour(p), preprocessing=0.5, settings=(0, 0, 0))
    assert flipped == pytest.approx(1.0)


@pytest.mark.slow
def test_randomness_of_any_parties() -> None:
    """At Mermin's maximum every party has a bit, and parties that are left out count nothing."""
    behaviour = Ghz("mermin").member().behaviour()
    data = sb.Observations.bell_value(sb.mermin(), 4.0)
    method = sb.VonNeumann("projective", "1+AB+AC+BC", 3)
    rate = sb.randomness_rate(behaviour, data, entropy=method, settings=(None, 0, None))
    assert 1.0 - 2e-2 < rate.value <= 1.0 and rate.settings == (None, 0, None)
    least = sb.randomness_rate(behaviour, data, entropy=sb.MinEntropy(sb.Quantum("1+AB+AC+BC")), settings=(None, 0, 0))
    assert least.value == pytest.approx(2.0, abs=1e-3)
    local = sb.randomness_rate(behaviour, data, local=True, entropy=sb.MinEntropy(sb.Quantum("1+AB+AC+BC")))
    assert local.settings in ((0, None, None), (1, None, None)) and local.value == pytest.approx(1.0, abs=1e-3)


def test_all_settings_are_tried_where_none_are_given() -> None:
    behaviour, data = noisy("parity_chsh", 0.98)
    rate = sb.key_rate(behaviour, data, x=0, entropy=sb.MinEntropy(sb.Quantum("1+AB+AC+BC")))
    assert rate.settings == (0, 2, 1)
    given = sb.key_rate(behaviour, data, entropy=sb.MinEntropy(sb.Quantum("1+AB+AC+BC")), settings=(0, 2, 1))
    assert given.value == rate.value


def test_preprocessing_of_a_conference_key() -> None:
    """The formula for CHSH with flips holds for Alice's bit of the parity expression, too."""
    behaviour, data = noisy("parity_chsh", 0.9)
    rate = sb.key_rate(behaviour, data, entropy=FAST, preprocessing=0.1, settings=(0, 2, 1))
    error = 0.05 * 0.8 + 0.1
    exact = chsh_entropy(2 * math.sqrt(2) * 0.9, 0.1) - h(error)
    assert exact - 4e-3 < rate.value < exact + 1e-9


def test_what_is_refused() -> None:
    behaviour, data = noisy("parity_chsh", 0.9)
    with pytest.raises(sb.InvalidInput, match="those of one party"):
        sb.key_rate(behaviour, data, settings=(0, None, None))
    with pytest.raises(sb.InvalidInput, match="leave x and y out"):
        sb.key_rate(behaviour, data, x=0, settings=(0, 2, 1))
    with pytest.raises(sb.InvalidInput, match="leave local"):
        sb.randomness_rate(behaviour, data, local=True, settings=(0, 2, 1))
    with pytest.raises(sb.InvalidShape, match="two parties"):
        sb.key_rate_upper_bound(behaviour, data, attack="convex-combination", settings=(0, 2, 1))
    with pytest.raises(sb.InvalidShape, match="two parties"):
        sb.critical_visibility(behaviour)
    with pytest.raises(TypeError, match="unexpected keyword argument 'setting'"):
        sb.conditional_entropy(data, setting=(0, 2, 1))  # type: ignore[call-arg]
    with pytest.raises(sb.InvalidInput, match="must be one of mabk"):
        Ghz("mabc")
    with pytest.raises(sb.InvalidParameter, match="parties"):
        Ghz("holz", 4)


@pytest.mark.parametrize("of", ["mabk", "mermin", "svetlichny", "holz", "parity_chsh"])
@pytest.mark.parametrize("key", [False, True])
def test_ghz_states_reach_the_maximum(of: str, key: bool) -> None:
    for parties in (3,) if of in ("mermin", "holz") else (3, 4):
        member = Ghz(of, parties, key).member()
        assert member.strategy_value == pytest.approx(member.quantum_bound, abs=1e-9)
        assert member.local_bound == sb.inequality(of if of in ("mermin", "holz") else f"{of}({parties})").local
        assert member.expression is not None and member.expression.local_bound == pytest.approx(member.local_bound)


def test_z_outcomes_of_a_ghz_state_agree() -> None:
    member = Ghz("mabk", key=True).member(angle=0.5)
    p = member.behaviour().p[:, :, :, 2, 2, 2]
    assert p[0, 0, 0] == pytest.approx(math.cos(0.5) ** 2) and p[1, 1, 1] == pytest.approx(math.sin(0.5) ** 2)


def test_w_states() -> None:
    """Known: 3.046 of Mermin's expression, and Z finds the one excitation with one party."""
    assert W().member(first=2.72456, second=4.08462).strategy_value == pytest.approx(3.04596, abs=1e-5)
    p = W(4).member().behaviour().p[(slice(None),) * 4 + (0,) * 4]
    assert p[1, 0, 0, 0] == pytest.approx(0.25) and p[0, 0, 0, 0] == pytest.approx(0.0, abs=1e-15)
