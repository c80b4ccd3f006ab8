"""Repetition codes: their formulas against states and counting, their rates against attacks, their proofs."""

from __future__ import annotations

import itertools
import json
import math
from functools import reduce

import flint
import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.qubit_attack import qubit_attack
from sdpbound.bell.strategy import Strategy
from sdpbound.entropies.question import KeyQuestion
from sdpbound.rates.postprocessing.block_attack import block_entropies, key_grams
from sdpbound.rates.postprocessing.blocks import BlockLaw
from sdpbound.rates.postprocessing.eve import key_data, level_with_eve
from sdpbound.rates.postprocessing.overlaps import overlap

Matrix = np.ndarray


def planar(error: float, alice: list[float], bob: list[float]) -> sb.Behaviour:
    """A Werner state of this error rate, measured in a plane."""
    return sb.Behaviour.from_correlators((1.0 - 2.0 * error) * np.cos(np.subtract.outer(alice, bob)))


def pair(error: float) -> sb.Behaviour:
    return planar(error, [0.0, np.pi / 3], [0.0, -np.pi / 3])


def four(error: float) -> sb.Behaviour:
    angles = [0.0, np.pi / 4, np.pi / 2, -np.pi / 4]
    return planar(error, angles, angles)


def devices(rng: np.random.Generator) -> Strategy:
    """Qubits in a mixed state, nearer to a Bell state than to nothing, with real observables."""
    bell = np.array([1.0, 0.0, 0.0, 1.0])
    g = np.column_stack([bell, 0.4 * rng.normal(size=(4, 3))]) + 0.2 * rng.normal(size=(4, 4))
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    spread = 0.4 * rng.normal(size=(2, 2)) + [[0.0, np.pi / 3], [0.0, -np.pi / 3]]
    observables = np.cos(spread)[..., None, None] * z + np.sin(spread)[..., None, None] * x
    return Strategy.from_observables(g @ g.T / np.trace(g @ g.T), observables[0], observables[1])


def entropy(matrix: Matrix) -> float:
    values = np.linalg.eigvalsh(matrix)
    values = values[values > 1e-15]
    return float(-(values * np.log2(values)).sum())


def block_entropy(states: Matrix, k: int) -> float:
    """sum_m of H(C|E) times the weight of the block, from Eve's states [a][b] and nothing else."""
    total = 0.0
    for m in itertools.product((0, 1), repeat=k):
        own = [sum(0.5 * reduce(np.kron, [states[i ^ c][i ^ d] for i in m]) for d in (0, 1)) for c in (0, 1)]
        total += entropy(own[0]) + entropy(own[1]) - entropy(own[0] + own[1])
    return total


def eves_states(strategy: Strategy, x: int, y: int) -> Matrix:
    """[a][b] Eve's states, not normalised, of a purification: sqrt(rho)^T E sqrt(rho), up to a transposition."""
    w, v = np.linalg.eigh(strategy.state)
    root = (v * np.sqrt(np.maximum(w, 0.0))) @ v.conj().T
    both = [[np.kron(a, b) for b in strategy.measurements[1][y]] for a in strategy.measurements[0][x]]
    return np.array([[root @ effect @ root for effect in row] for row in both])


def weights_of(states: Matrix) -> Matrix:
    return np.array([[np.trace(s).real for s in row] for row in states])


def ball(number: float) -> flint.arb:
    return flint.arb(float(number))


def root_fidelity(first: Matrix, second: Matrix) -> float:
    roots = []
    for matrix in (first, second):
        w, v = np.linalg.eigh(matrix)
        roots.append((v * np.sqrt(np.maximum(w, 0.0))) @ v.conj().T)
    return float(np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum())


def test_error_correction_is_what_counting_says() -> None:
    joint = np.array([[0.4, 0.07], [0.05, 0.48]])
    k = 3
    law = BlockLaw(joint, k)
    table: dict[tuple[tuple[int, ...], int], list[float]] = {}
    for m in itertools.product((0, 1), repeat=k):
        for c, d in itertools.product((0, 1), repeat=2):
            weight = 0.5 * math.prod(joint[i ^ c, i ^ d] for i in m)
            table.setdefault((m, d), [0.0, 0.0])[c] += weight
    accepted = sum(map(sum, table.values()))
    assert accepted == pytest.approx((0.4 + 0.48) ** k + (0.07 + 0.05) ** k)
    leak = -sum(w * math.log2(w / sum(pair)) for pair in table.values() for w in pair)
    assert float(sum(law.messages(j) * law.leak(j) for j in range(k + 1))) == pytest.approx(leak, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [2, 3])
def test_entropies_from_overlaps_are_below_those_of_states(seed: int, k: int) -> None:
    """Of mixtures of pairs of qubits, by density matrices of Eve's k systems; nothing of the formulas is used there."""
    rng = np.random.default_rng(seed)
    strategies = [devices(rng) for _ in range(2)]
    weights = rng.dirichlet([1.0, 1.0])
    each = [w * eves_states(s, 0, 0) for w, s in zip(weights, strategies, strict=True)]
    states = np.array([[np.zeros((8, 8), complex) for _ in (0, 1)] for _ in (0, 1)])
    for a, b in itertools.product((0, 1), repeat=2):
        states[a, b, :4, :4], states[a, b, 4:, 4:] = each[0][a, b], each[1][a, b]
    joint = weights_of(states)
    exact = block_entropy(states, k) if k == 2 else None
    grams = key_grams(strategies, 0, 0)
    by_grams = sum(math.comb(k, j) * h for j, h in enumerate(block_entropies(grams, weights, k)))
    if exact is not None:
        assert by_grams == pytest.approx(exact, abs=1e-9)
    fidelities = [root_fidelity(s[0, 0], s[1, 1]) for s in each]
    balance = math.sqrt(joint[1, 1] / joint[0, 0])
    coherence = sum(
        2.0 * f * f / (balance * np.trace(s[0, 0]).real + np.trace(s[1, 1]).real / balance)
        for f, s in zip(fidelities, each, strict=True)
    )
    law = BlockLaw(joint, k)
    assert float(law.by_fidelity(ball(sum(fidelities))).entropy) <= by_grams + 1e-9
    assert float(law.by_coherence(ball(coherence), ball(balance)).entropy) <= by_grams + 1e-9
    assert coherence >= sum(fidelities) ** 2 / math.sqrt(joint[0, 0] * joint[1, 1]) - 1e-9  # Cauchy and Schwarz


def test_a_pure_symmetric_pair_is_exact() -> None:
    """Phi+ and Phi- mixed: Eve's states of 00 and 11 are pure, and those of 01 and 10 are not there."""
    t, k = 0.7, 4
    law = BlockLaw(np.array([[0.5, 0.0], [0.0, 0.5]]), k)
    exact = 1.0 - -sum(p * math.log2(p) for p in ((1 + t**k) / 2, (1 - t**k) / 2))
    assert float(law.by_fidelity(ball(t / 2)).value) == pytest.approx(exact, abs=1e-12)
    assert float(law.by_coherence(ball(t * t / 2), ball(1.0)).value) == pytest.approx(exact, abs=1e-12)


def test_states_that_eve_tells_apart_leave_nothing() -> None:
    """Equal weights and no overlap: balls around 0 must not become entropy."""
    law = BlockLaw(np.array([[0.379456, 0.007744], [0.007744, 0.379456]]), 2)
    with flint.ctx.workprec(256):
        assert float(law.by_fidelity(ball(0.0)).value) == 0.0
        assert abs(float(law.by_coherence(ball(0.0), ball(1.0)).entropy)) < 1e-60


@pytest.mark.parametrize("kind", ["fidelity", "coherence", "error"])
@pytest.mark.parametrize("seed", range(2))
def test_certified_overlaps_are_below_those_of_the_devices(kind: str, seed: int) -> None:
    strategy = devices(np.random.default_rng(seed))
    states = eves_states(strategy, 0, 0)
    behaviour = strategy.behaviour()
    found = overlap(key_data(behaviour, sb.Observations.full(behaviour), 0, 0), kind, "1+AB", 5)
    c, (first, second) = found.balance, (states[0, 0], states[1, 1])
    fidelity = root_fidelity(first, second)
    true = {
        "fidelity": fidelity,
        "coherence": 2.0 * fidelity**2 / (c * np.trace(first).real + np.trace(second).real / c),
        "error": (np.trace(c * first + second / c).real - np.linalg.norm(c * first - second / c, "nuc")) / 2.0,
    }[kind]
    assert found.value <= true + 1e-7


def test_the_least_error_has_a_closed_form() -> None:
    """Near the local set Eve's least error is (S - 2) / 4, S = 2.5 (1 - 2 error) the CHSH value of the settings."""
    for error in (0.07, 0.08, 0.09):
        found = overlap(key_data(pair(error), sb.Observations.full(pair(error)), 0, 0), "error", "1+AB", 3)
        assert found.value == pytest.approx((2.5 * (1.0 - 2.0 * error) - 2.0) / 4.0, abs=1e-6)


def test_more_pieces_are_tighter() -> None:
    key = key_data(pair(0.07), sb.Observations.full(pair(0.07)), 0, 0)
    values = [overlap(key, "coherence", "1+AB", pieces).value for pieces in (4, 6, 8)]
    assert values == sorted(values)
    assert 0.0 < values[0] < overlap(key, "fidelity", "1+AB", 8).value


def test_rates_are_bracketed() -> None:
    for error, k in ((0.05, 2), (0.05, 3)):
        code = sb.RepetitionCode(k)
        below = sb.key_rate(pair(error), "full", postprocessing=code)
        above = sb.key_rate_upper_bound(pair(error), "full", postprocessing=code)
        assert 0.0 < below.value <= above.value < 2.0 * below.value
        assert above.exact and (below.side, above.side) == ("lower", "upper")
        assert below.postprocessing == code and "collective" in below.security


def test_blocks_of_an_attack_start_at_its_entropy() -> None:
    """Blocks of one round are rounds: the entropy that an attack proves, found again from Gram matrices."""
    data = sb.Observations.full(pair(0.05))
    attack = qubit_attack(KeyQuestion(data, 0, None).of_entropy(), 1e-6)
    assert attack is not None
    grams, weights = key_grams(attack.strategies, 0, 0), np.asarray(attack.weights)
    assert block_entropies(grams, weights, 1).sum() == pytest.approx(attack.value, abs=1e-6)


def test_the_best_block_is_the_best_of_all() -> None:
    best = sb.key_rate(pair(0.06), "full", postprocessing=sb.RepetitionCode())
    assert isinstance(best.postprocessing, sb.RepetitionCode)
    others = [sb.key_rate(pair(0.06), "full", postprocessing=sb.RepetitionCode(k)).value for k in (2, 3)]
    assert best.value >= max(others) > 0.0


def test_key_above_the_published_noise() -> None:
    """9.1 % with repetition codes is the number of arXiv:1903.10535; with four settings a party 9.4 % is proven."""
    for error in (0.091, 0.094):
        condition = sb.distillation_condition(four(error))
        assert condition and condition.overlap.kind == "error" and condition.margin > 0.0
        assert condition.overlap.bound.certificate.verify().holds
    assert condition.needed == pytest.approx(0.047)
    assert sb.distillation_condition(pair(0.08)).proven > 0.04  # two settings a party
    assert not sb.distillation_condition(pair(0.09))


@pytest.mark.slow
def test_the_condition_has_two_sides() -> None:
    """Two settings a party: key by long blocks is proven at 8.02 %, and an attack makes the condition fail at 8.1 %."""
    condition = sb.distillation_condition(pair(0.0802))
    attack = sb.distillation_attack(pair(0.081))
    assert condition and attack and attack.attack.exact
    assert attack.attack.certificate.verify().holds
    assert condition.overlap.kind == "coherence" and 0.038 < attack.chernoff < attack.needed
    with pytest.raises(sb.InvalidInput, match="at most two settings of two outcomes"):
        sb.distillation_attack(four(0.05))


def test_lossy_data() -> None:
    """Detectors of 90 % efficiency, losses counted as outcome 0: outcomes are not symmetric."""
    lossy = four(0.0).detection_efficiency(0.9, 0.9)
    condition = sb.distillation_condition(lossy)
    assert condition and condition.needed == pytest.approx(0.045) and condition.overlap.balance < 0.9


def test_outcomes_beyond_the_bit_are_dropped() -> None:
    """Losses kept in the key's settings, as third outcomes: the rounds where both click make blocks."""
    binning = ((False, True), (False, True))
    lossy = pair(0.01).detection_efficiency(0.99, 0.99, binning)
    rate = sb.key_rate(lossy, "full", postprocessing=sb.RepetitionCode(2, pieces=4))
    assert rate.value > 0.0 and rate.entropy.figure.startswith("F(")


def test_a_key_that_is_not_tested_joins_the_tests() -> None:
    behaviour = pair(0.04)
    data = sb.Observations.correlators(behaviour, [(0, 0), (0, 1), (1, 0), (1, 1)])
    key = key_data(behaviour, data, 0, 0)
    assert len(key.observed) == 6  # the marginals of the key's settings
    assert len(key_data(behaviour, sb.Observations.full(behaviour), 0, 0).observed) == 8


def test_certificates_are_checked() -> None:
    rate = sb.key_rate(pair(0.05), "full", postprocessing=sb.RepetitionCode(2, pieces=6))
    certificate = rate.entropy.certificate
    assert certificate.verify().holds
    forged = json.loads(json.dumps(certificate.data))
    forged["claim"]["value"] += 1e-3
    with pytest.raises(sb.CertificateError):
        sb.verify(forged, strict=True)


def test_levels() -> None:
    assert level_with_eve("1+AB+AAB") == "1+AB+AAB+AC+BC+ABC+AABC"
    with pytest.raises(sb.InvalidLevel, match="numbers to 4"):
        level_with_eve("5")


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: sb.RepetitionCode(1), "block = 1 must be an integer from 2 to 1000; a block"),
        (lambda: sb.RepetitionCode(2.5), "block = 2.5 must be an integer from 2"),  # type: ignore[arg-type]
        (lambda: sb.RepetitionCode("longest"), "must be a whole number from 2, or 'best'"),
        (lambda: sb.RepetitionCode(2, pieces=2), "pieces = 2 must be"),
        (
            lambda: sb.key_rate(
                pair(0.05), "full", entropy=sb.MinEntropy(sb.NoSignaling()), postprocessing=sb.RepetitionCode(2)
            ),
            "no theorem covers this adversary",
        ),
        (lambda: sb.key_rate(pair(0.05), "full", x=0, postprocessing=sb.RepetitionCode(2)), "leave x, y"),
        (lambda: sb.key_rate(pair(0.05), "full", postprocessing=2), "must be a post-processing"),  # type: ignore[arg-type]
        (lambda: sb.key_rate(pair(0.05), "full", postprocessing=sb.RepetitionCode(2, x=4)), "x = 4 does not exist"),
        (
            lambda: sb.key_rate_upper_bound(pair(0.05), "full", postprocessing=sb.RepetitionCode()),
            "give the number of its rounds",
        ),
        (lambda: sb.RandomnessOptions(postprocessing=sb.RepetitionCode(2)), "postprocessing is of keys"),
    ],
)
def test_bad_input_is_one_clear_sentence(ask: object, says: str) -> None:
    assert callable(ask)
    with pytest.raises(sb.InvalidInput, match=says.replace("(", r"\(")):
        ask()


def lossy_pair(efficiency: float) -> sb.Behaviour:
    """Partially entangled qubits whose losses are outcome 0, found by a search for long blocks."""
    two = sb.family_named("two_qubit", settings=(2, 2))
    member = two.member(theta=0.30234, a0=-0.09674, a1=1.06087, b0=0.12319, b1=-0.97374)
    return member.behaviour(noise=sb.DetectionInefficiency(efficiency))


@pytest.mark.slow
def test_partly_entangled_pairs_have_long_blocks_far_below_the_published_efficiency() -> None:
    """Published: 89.1 % (arXiv:1903.10535)."""
    alive = sb.distillation_condition(lossy_pair(0.81))
    assert alive and alive.proven > 1.05 * alive.needed
    assert alive.overlap.bound.certificate.verify().holds
    dead = sb.distillation_attack(lossy_pair(0.78))
    assert dead and dead.attack.exact and dead.chernoff < dead.needed


@pytest.mark.slow
@pytest.mark.parametrize(("visibility", "rate"), [(0.95, 0.2104879), (0.85, 0.0258276)])
def test_attacks_on_three_settings(visibility: float, rate: float) -> None:
    """At 0.95 roundings were taken for a second rank, and at 0.85 Bob's outcome is certain."""
    turned = [math.cos(a) * np.diag([1.0, -1.0]) + math.sin(a) * np.eye(2)[::-1] for a in (0.05, 1.5, 0.6, -0.65, 0.1)]
    state = np.array([math.cos(0.7), 0.0, 0.0, math.sin(0.7)])
    devices = sb.Strategy.from_observables(state, turned[:2], turned[2:])
    behaviour, code = devices.behaviour(noise=sb.WhiteNoise(visibility)), sb.RepetitionCode(2, x=0, y=2)
    above = sb.key_rate_upper_bound(behaviour, "full", postprocessing=code)
    assert above.exact and above.attack is not None and above.value <= rate + 1e-4
    assert above.attack.certificate.verify().holds
    assert sb.key_rate(behaviour, "full", postprocessing=code).value <= above.value


def not_along(error: float) -> sb.Behaviour:
    """A depolarised singlet whose two settings of the key are half a radian apart, both tested."""
    angles = np.subtract.outer([0.0, 1.38], [0.5, -0.882])
    return sb.Behaviour.from_correlators((1 - 2 * error) * np.cos(angles))


def test_key_settings_that_are_not_along_each_other_survive_most_noise() -> None:
    """Two settings a party prove key at 10.69 % of noise, four along each other at 9.55 %; an attack ends it."""
    condition = sb.distillation_condition(not_along(0.1069))
    assert condition and condition.overlap.bound.certificate.verify().holds
    bits = not_along(0.1069).joint(0, 0)
    assert condition.needed == pytest.approx(math.sqrt(bits[0, 1] * bits[1, 0]), rel=1e-12)
    assert bits[0, 1] + bits[1, 0] == pytest.approx(0.155, abs=1e-3)
    attack = sb.distillation_attack(not_along(0.1085))
    assert attack and attack.attack.exact and attack.attack.certificate.verify().holds
    assert not sb.distillation_condition(not_along(0.1085)) and not sb.distillation_attack(not_along(0.1069))
