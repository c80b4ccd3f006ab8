"""Keys that are functions of outcomes: what they are worth, both sides, rates, and certificates by both checkers."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from benchmarks.magic_square import CELL, above, below, devices, white, words
from sdpbound.bell.key import key_merge
from sdpbound.entropies import KnownEntropy
from sdpbound.entropies.question import KeyQuestion
from sdpbound.recheck import recheck
from tests.support import h, plogp, root_of, true_entropy

FEW = sb.VonNeumann("projective", "1+AB", 4)


def cglmp(visibility: float = 0.98) -> sb.Behaviour:
    return sb.family_named("cglmp").member(d=3).behaviour(visibility)


def assert_refused(certificate: dict[str, Any]) -> None:
    """By both checkers."""
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)
    assert not recheck(certificate).holds


def with_coin(behaviour: sb.Behaviour) -> sb.Behaviour:
    """Alice's outcome is 2 a + coin, with a fair coin that has nothing to do with anything."""
    return sb.Behaviour(np.repeat(behaviour.p, 2, axis=0) / 2.0)


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_an_outcome_with_a_value_of_its_own_each_is_the_outcome() -> None:
    data = sb.Observations.full(cglmp())
    plain, renamed = (sb.conditional_entropy(data, 0, method=FEW, merge=merge) for merge in (None, (2, 0, 1)))
    assert plain.merit == renamed.merit and plain.value == renamed.value
    guesses = [sb.guessing_probability(data, sb.NoSignaling(), 0, merge=m) for m in (None, [1, 2, 0])]
    assert guesses[0].merit == guesses[1].merit and guesses[0].value == guesses[1].value


def test_a_constant_has_no_entropy() -> None:
    data = sb.Observations.full(cglmp())
    bound = sb.conditional_entropy(data, 0, merge=(0, 0, 0))
    assert bound.value == 0.0 and bound.figure == "H(f(A)=000|x=0,E)" and bound.gap == 0.0
    assert recheck(bound.certificate.data).holds and bound.certificate.verify().holds
    sure = sb.guessing_probability(data, sb.NoSignaling(), 0, merge=(0, 0, 0))
    assert sure.value == 1.0 and 0.0 <= sb.error_correction(cglmp(), 0, 0, merge=(0, 0, 0)) < 1e-14


REFUSED: list[tuple[Any, str]] = [
    ((0, 1), "3 outcomes of A at x=0"),
    ((0, 0, 2), "without a gap"),
    ((-1, 0, 1), "without a gap"),
    ((0.0, 1.0, 1.0), "whole number"),
    ([[0, 1, 1]], "3 outcomes"),
    ([[0], [1, 1]], "3 outcomes"),
    ("011", "whole number"),
]


@pytest.mark.parametrize(("merge", "words"), REFUSED)
def test_values_that_do_not_fit(merge: Any, words: str) -> None:
    data = sb.Observations.full(cglmp())
    for ask in (
        lambda: sb.conditional_entropy(data, 0, merge=merge),
        lambda: sb.guessing_probability(data, sb.NoSignaling(), 0, merge=merge),
        lambda: sb.min_entropy(data, sb.NoSignaling(), 0, merge=merge),
        lambda: sb.conditional_entropy_upper_bound(data, 0, merge=merge),
        lambda: sb.key_rate(cglmp(), data, 0, 0, merge=merge),
        lambda: sb.error_correction(cglmp(), 0, 0, merge=merge),
    ):
        with pytest.raises(sb.InvalidInput, match=words):
            ask()


def test_what_knows_outcomes_only_says_so() -> None:
    data, lossy = sb.Observations.full(cglmp()), sb.Observations.bell_value(sb.chsh(), 2.6)
    with pytest.raises(sb.InvalidInput, match=r"outcomes as they are.*projective"):
        sb.conditional_entropy(data, 0, method="qubit", merge=(0, 0, 1))
    with pytest.raises(sb.InvalidInput, match=r"two parties.*projective"):
        sb.conditional_entropy(data, method="gauss-radau", settings=(None, 1), merge=(0, 0, 1))
    with pytest.raises(sb.InvalidInput, match="blind"):
        sb.min_entropy(data, sb.NoSignaling(), 0, 0, blind=True, merge=(0, 0, 1))
    with pytest.raises(sb.InvalidInput, match="blind"):
        sb.randomness_rate(cglmp(), data, x=0, y=0, blind=True, merge=[[0, 0, 1]] * 3)
    with pytest.raises(sb.InvalidParameter, match="merge outcomes to two values"):
        sb.conditional_entropy(data, 0, preprocessing=0.1)
    with pytest.raises(sb.InvalidInput, match="convex-combination"):
        sb.key_rate_upper_bound(cglmp(), "full", 0, 0, attack="convex-combination", merge=(0, 0, 1))
    with pytest.raises(TypeError, match="settings and merge"):
        sb.conditional_entropy(lossy, merged=(0, 0))  # type: ignore[call-arg]


def test_a_method_that_ignores_what_is_merged_gives_no_rate() -> None:
    class Outcome(sb.Entropy):
        """Written when keys were outcomes."""

        adversary = sb.NoSignaling()

        def lower_bound(self, question: Any) -> sb.Bound:
            return sb.min_entropy(question.observed, self.adversary, question.x)

    assert sb.key_rate(cglmp(), "full", 0, 0, Outcome()).entropy.figure == "H_min(A|x=0,E)"
    with pytest.raises(sb.InvalidInput, match="merged outcomes are asked for"):
        sb.key_rate(cglmp(), "full", 0, 0, Outcome(), merge=(0, 0, 1))
    with pytest.raises(sb.InvalidInput, match="not the min-entropy or entropy"):
        known = KnownEntropy(sb.min_entropy(sb.Observations.full(cglmp()), sb.NoSignaling()), 0)
        sb.key_rate(cglmp(), "full", 0, 0, known, merge=(0, 0, 1))


# -- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_coin_adds_nothing_to_a_bit() -> None:
    """Eve may hold the coin. The bit has the entropy that the devices without a coin leave, by pairs of qubits."""
    devices = sb.family_named("chsh").member().behaviour(0.97)
    alone = sb.conditional_entropy(sb.Observations.full(devices), 0, method="qubit")
    data, method = sb.Observations.full(with_coin(devices)), sb.VonNeumann("projective", "1+AB", 10)
    bit = sb.conditional_entropy(data, 0, method=method, merge=(0, 0, 1, 1))
    assert alone.value - 3e-3 < bit.value < alone.value + alone.gap + 1e-6
    assert sb.conditional_entropy(data, 0, method=FEW, merge=(0, 1, 0, 1)).value < 1e-6
    # nor is the parity of both worth anything: Eve may make the coin from the bit and one of her own
    assert sb.conditional_entropy(data, 0, method=FEW, merge=[0, 1, 1, 0]).value < 1e-6
    assert bit.certificate.verify().holds and recheck(bit.certificate.data).holds


@pytest.mark.slow
def test_the_cell_of_the_magic_square_is_unknown_to_eve() -> None:
    """At visibility 1 the shared bit is guessed with 1/2."""
    data = sb.Observations.full(white(1.0))
    cell = sb.guessing_probability(data, sb.Quantum("1+AB"), 0, merge=CELL)
    assert 0.5 <= cell.value < 0.5001 and cell.figure == "P_guess(f(A)=0011|x=0,E)"
    assert cell.symmetry is not None and cell.symmetry.order == 64  # of 192: those that keep the row's cell
    assert cell.certificate.verify().holds


def test_less_is_known_of_coarser_tests() -> None:
    """Merging what is tested too, as if the measurement had two outcomes, only frees Eve."""
    behaviour = sb.family_named("chsh").member().behaviour().detection_efficiency(0.95, 0.95, binning=False)
    kept = sb.Observations.full(behaviour)  # the third outcome says "nothing detected"
    p = behaviour.p.copy()
    p[0] += p[2]
    p[:, 0] += p[:, 2]
    binned = sb.Observations.full(sb.Behaviour(p[:2, :2]))
    fine = sb.conditional_entropy(kept, 0, method=sb.VonNeumann("projective", "1+AB", 6), merge=(0, 1, 0))
    coarse = sb.conditional_entropy(binned, 0, method="qubit")
    assert coarse.value + coarse.gap + 1e-2 < fine.value
    assert fine.value < 0.5917427  # what an attack leaves of all three outcomes, proven in test_outcomes


def test_two_methods_on_whether_outcomes_agree() -> None:
    """Gauss-Radau blocks for sums of projectors give more here than projections at the same words."""
    devices = sb.family_named("chsh").member().behaviour(0.97)
    data, agree = sb.Observations.full(devices), [[0, 1], [1, 0]]
    radau = sb.conditional_entropy(data, 0, 0, sb.VonNeumann("gauss-radau", "1+AB", 4), merge=agree)
    integral = sb.conditional_entropy(data, 0, 0, sb.VonNeumann("projective", "1+AB", 8), merge=agree)
    assert 0.3354 < integral.value < radau.value
    assert radau.value < h((1 + devices.correlators[0, 0]) / 2)  # what they are worth where Eve knows nothing
    assert radau.certificate.verify().holds and recheck(radau.certificate.data).holds


def mixed_entropy(strategy: sb.Strategy, x: int, merge: tuple[int, ...], y: int | None = None) -> float:
    """H(f|E) of one strategy: for an effect M, Eve's state has the spectrum of sqrt(M) rho sqrt(M)."""
    alice, bob = strategy.measurements
    effects = [np.kron(m, np.eye(strategy.dimensions[1])) for m in alice[x]]
    if y is not None:
        effects = [m @ np.kron(np.eye(strategy.dimensions[0]), n) for m in effects for n in bob[y]]
    values = [sum(m for m, own in zip(effects, merge, strict=True) if own == k) for k in range(max(merge) + 1)]
    return sum(plogp(root_of(m) @ strategy.state @ root_of(m)) for m in values) - plogp(strategy.state)


def random_strategy(seed: int) -> sb.Strategy:
    """Two settings a party with three outcomes, qutrits in a mixed state."""
    rng = np.random.default_rng(seed)

    def basis() -> np.ndarray:
        return np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]

    g = rng.normal(size=(9, 2)) + 1j * rng.normal(size=(9, 2))
    state = g @ g.conj().T
    parts = [
        tuple(tuple(np.outer(u[:, k], u[:, k].conj()) for k in range(3)) for u in (basis(), basis())) for _ in "AB"
    ]
    return sb.Strategy(state / np.trace(state).real, (parts[0], parts[1]))


def test_the_functional_is_below_every_strategy() -> None:
    bound = sb.conditional_entropy(sb.Observations.full(cglmp()), 0, method=FEW, merge=(0, 1, 0))
    for strategy in map(random_strategy, range(20)):
        own, whole = mixed_entropy(strategy, 0, (0, 1, 0)), true_entropy(strategy, 0)
        assert bound.functional(strategy.behaviour()) <= own + 1e-9 < whole


@pytest.mark.slow
def test_an_attack_on_a_value_and_its_certificate() -> None:
    """Explicit strategies: what they leave is computed a second way, and lies above the program's bound."""
    data = sb.Observations.bell_value(sb.family_named("cglmp").member(d=3).expression, 2.8)
    attack = sb.conditional_entropy_upper_bound(data, 0, merge=(0, 0, 1), dimension=3, seed=1, tolerance=1e-3)
    again = sum(w * mixed_entropy(s, 0, (0, 0, 1)) for w, s in zip(attack.weights, attack.strategies, strict=True))
    assert attack.value == pytest.approx(again, abs=1e-6)
    below = sb.conditional_entropy(data, 0, method=sb.VonNeumann("projective", "1+AB", 6), merge=(0, 0, 1))
    assert 0.3 < below.value < attack.value
    assert attack.certificate.verify().holds and recheck(attack.certificate.data).holds
    for change in (
        lambda c: c["question"]["figure"].update(merge=[0, 1, 2]),
        lambda c: c["question"]["figure"].pop("merge"),
        lambda c: c["question"]["figure"].update(merge=[0, 2, 2]),
    ):
        changed = copy.deepcopy(attack.certificate.data)
        change(changed)
        assert_refused(changed)


# -- rates -----------------------------------------------------------------------------------------------------------


def test_the_rate_corrects_the_value_only() -> None:
    """In white noise the shared cell is wrong with (1 - v)/2; the rest of the outcomes need not be corrected."""
    behaviour = white(0.98)
    assert sb.error_correction(behaviour, 0, 0, merge=CELL) == pytest.approx(h(0.01), abs=1e-12)
    joint = behaviour.p[:, :, 0, 0]
    column = joint.sum(axis=0)
    whole = sum(-p * math.log2(p / column[b]) for (_, b), p in np.ndenumerate(joint))
    assert sb.error_correction(behaviour, 0, 0) == pytest.approx(whole, abs=1e-9) and whole > 1.0
    method = sb.VonNeumann("projective", "1+AB", 4)
    rate = sb.key_rate(behaviour, "full", 0, 0, method, merge=CELL)
    assert rate.value == pytest.approx(rate.entropy.value - h(0.01), abs=1e-9) and rate.value > 0.6
    assert rate.merge == CELL and "outcomes merged 0011" in repr(rate)
    known = sb.key_rate(behaviour, "full", 0, 0, KnownEntropy(rate.entropy, 0), merge=CELL)
    assert known.value == rate.value


def test_flips_of_a_merged_bit() -> None:
    """A flip of the value: error correction by the formula, and the entropy not below that of the flips."""
    behaviour, q = white(0.98), 0.1
    wrong = (1 - q) * 0.01 + q * 0.99
    assert sb.error_correction(behaviour, 0, 0, q, merge=CELL) == pytest.approx(h(wrong), abs=1e-12)
    data = sb.Observations.full(cglmp())
    plain, noisy = (sb.conditional_entropy(data, 0, None, FEW, q, merge=(0, 1, 0)) for q in (0.0, 0.1))
    assert max(plain.value, h(0.1)) < noisy.value < 1.0
    assert noisy.certificate.verify().holds and recheck(noisy.certificate.data).holds


def test_randomness_of_a_parity() -> None:
    """At 2 sqrt 2 the outcomes agree with (1 + 1/sqrt 2)/2, and nobody guesses their parity better than so."""
    behaviour = sb.family_named("chsh").member().behaviour()
    data = sb.Observations.bell_value(sb.chsh(), 8**0.5)
    guess = sb.guessing_probability(data, sb.Quantum("1+AB"), 0, 0, merge=((0, 1), (1, 0)))
    assert guess.value == pytest.approx((1 + 0.5**0.5) / 2, abs=1e-5)
    rate = sb.randomness_rate(behaviour, data, x=0, y=0, entropy=sb.MinEntropy(sb.Quantum("1+AB")), merge=(0, 1, 1, 0))
    assert rate.value == pytest.approx(-math.log2(guess.value), abs=1e-9) and rate.merge == (0, 1, 1, 0)


# -- other keys and certificates -------------------------------------------------------------------------------------


ASKED: dict[str, Callable[[], sb.Bound]] = {
    "a bit of a trit": lambda: sb.conditional_entropy(sb.Observations.full(cglmp()), 0, method=FEW, merge=(0, 0, 1)),
    "the difference of trits": lambda: sb.conditional_entropy(
        sb.Observations.full(cglmp()), 0, 0, FEW, merge=[[0, 1, 2], [2, 0, 1], [1, 2, 0]]
    ),
    "Bob's": lambda: sb.conditional_entropy(
        sb.Observations.full(cglmp()), settings=(None, 1), method=FEW, merge=(0, 1, 1)
    ),
    "by Gauss-Radau nodes": lambda: sb.conditional_entropy(
        sb.Observations.full(sb.family_named("chsh").member().behaviour(0.97)),
        0,
        0,
        sb.VonNeumann("gauss-radau", "1+AB", 3),
        merge=(0, 1, 1, 0),
    ),
    "a guess": lambda: sb.guessing_probability(sb.Observations.full(cglmp()), sb.Quantum("1+AB"), 0, merge=(0, 0, 1)),
    "a no-signaling guess": lambda: sb.guessing_probability(
        sb.Observations.correlators(sb.family_named("chsh").member().behaviour(0.9)),
        sb.NoSignaling(),
        0,
        0,
        merge=(0, 1, 1, 0),
    ),
    "a parity of three": lambda: sb.min_entropy(
        sb.Observations.bell_value(sb.mermin(), 3.9),
        sb.Quantum("1+AB+AC+BC"),
        settings=(0, 0, 0),
        merge=(0, 1, 1, 0, 1, 0, 0, 1),
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_both_checkers(name: str) -> None:
    bound = ASKED[name]()
    data = bound.certificate.data
    first, second = sb.verify(data), recheck(data)
    assert first.holds and second.holds and first.value == pytest.approx(bound.value, abs=1e-9)
    figure = data["question"]["figure"]
    figure = figure.get("of", figure)
    values = figure["merge"]
    other = [1 - v if v < 2 else v for v in values[::-1]]
    if other == values:
        other = [values[-1], *values[:-1]]
    for changed_values in (None, list(range(len(values))), [v + 1 for v in values], values[1:], other, "0"):
        changed = copy.deepcopy(data)
        own = changed["question"]["figure"]
        own = own.get("of", own)
        if changed_values is None:
            own.pop("merge")
        else:
            own["merge"] = changed_values
        assert_refused(changed)


def test_values_of_several_parties_by_rows() -> None:
    scenario = sb.Scenario(((2, 3), (2,), (2,)))
    merge = np.arange(12).reshape(3, 2, 2) % 5
    assert key_merge(scenario, (1, 0, 0), merge) == tuple(k % 5 for k in range(12))
    assert key_merge(scenario, (1, None, 0), tuple(itertools.chain([0, 0], [1, 1], [2, 2]))) == (0, 0, 1, 1, 2, 2)


# -- the magic square -------------------------------------------------------------------------------------------------


def test_devices_of_the_square() -> None:
    """Two pairs of qubits have the ideal statistics; with noise on each, five of nine cells suffer from both."""
    assert np.allclose(devices(1.0).behaviour().p, white(1.0).p, atol=1e-14)
    noisy = devices(0.9).behaviour()
    costs = [sb.error_correction(noisy, 0, y, merge=m) for y, m in enumerate((CELL, (0, 1, 0, 1), (0, 1, 1, 0)))]
    assert costs == pytest.approx([h(0.05), h(0.05), h((1 - 0.81) / 2)], abs=1e-9)


def test_levels_of_too_many_words_are_not_tried() -> None:
    """Some in the list of Gauss-Radau nodes have more than are ever written, for three settings of four outcomes."""
    asked = KeyQuestion(sb.Observations.full(white(0.98)), 0, merge=CELL)
    assert math.isfinite(sb.VonNeumann("gauss-radau").chosen.cost(asked))


@pytest.mark.slow
def test_the_default_for_one_bit_of_the_square() -> None:
    """Words of two of Alice's letters, since the symmetry makes small blocks of them; the gap is said to be unknown."""
    bound = sb.conditional_entropy(sb.Observations.full(white(0.98)), 0, merge=CELL)
    assert 0.7885 < bound.value < 0.7929 and bound.method == "projective" and bound.status == "inaccurate"


@pytest.mark.slow
def test_one_bit_of_the_square_from_both_sides() -> None:
    """Visibility 0.98, full statistics: at most 2e-3 bits between a certified bound and explicit strategies."""
    bound, attack = below(white(0.98), 14, words()), above(white(0.98), (4,))
    assert bound.symmetry is not None and bound.symmetry.order == 64 and max(bound.symmetry.blocks) == 22
    assert 0.7910 < bound.value < attack.value < 0.7929 and attack.exact
    assert attack.value - bound.value < 2e-3
    assert bound.certificate.verify().holds and attack.certificate.verify().holds
