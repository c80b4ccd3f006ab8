"""Makes the golden certificates: `python tests/golden/make.py [part of a name ...]` writes them beside this file.

They are what the package proved when they were made, and are kept: every later checker must accept them. They are made
again only to add new ones. The name of a certificate says its kind, and each entry of ``RECIPES`` how it was made.
``index.json`` has for each the value that the checker recomputed, and the sides and kinds that it reports.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import sdpbound as sb
from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes
from sdpbound.boxes.guessing import guessing_program

HERE = Path(__file__).parent
RECIPES: dict[str, Callable[[], Any]] = {}

ONE, AB, TWO = sb.Quantum("1"), sb.Quantum("1+AB"), sb.Quantum("2")
FREE, LOCAL = sb.NoSignaling(), sb.Local()
MODELS = {"quantum": AB, "no_signaling": FREE, "local": LOCAL}
CHSH, CGLMP, I3322, MERMIN = sb.chsh(), sb.cglmp(3), sb.i3322(), sb.mermin()
SVETLICHNY = MERMIN + MERMIN.permute_settings(0, (1, 0))
MEMBER = sb.SingletSelfTest(1.0, 1.5, 2.6)
NOISY = MEMBER.behaviour(visibility=0.97)
CORRELATORS, FULL = sb.Observations.correlators(NOISY), sb.Observations.full(NOISY)
ONE_VALUE = sb.Observations.bell_value(MEMBER.expression, MEMBER.expression(NOISY))
LOSSY = sb.Observations.full(NOISY.detection_efficiency(0.97, 0.98))
NO_CLICK = sb.Observations.full(NOISY.detection_efficiency(0.97, 0.97, binning=False))


def recipe(name: str, make: Callable[[], Any]) -> None:
    assert name not in RECIPES
    RECIPES[name] = make


def chsh_value(value: float, tolerance: float = 1e-12) -> sb.Observations:
    return sb.Observations.bell_value(CHSH, value, tolerance)


def tested_mermin(value: float) -> sb.Observations:
    return sb.Observations.bell_value(MERMIN, value)


def local_noise(visibility: float = 0.6) -> sb.Observations:
    """Correlators of CHSH with so much noise that they are local."""
    return sb.Observations.correlators(
        sb.SingletSelfTest(math.pi / 2, math.pi / 4, 3 * math.pi / 4).behaviour(visibility)
    )


def three_settings(value: float) -> sb.Observations:
    """CHSH between Alice's settings 1, 2 and Bob's 0, 2 of three each."""
    table = np.zeros((1, 4, 4))
    table[0, 2:, 1], table[0, 2, 3], table[0, 3, 3] = 1.0, 1.0, -1.0
    return sb.Observations(sb.Scenario.bipartite(3, 3), table, np.array([value]), np.array(1e-12))


def outside(make: Callable[[], Any]) -> Any:
    """The certificate with which data were refused."""
    try:
        make()
    except sb.Infeasible as answer:
        return answer
    raise AssertionError("The data are inside.")


# --- Bell values -----------------------------------------------------------------------------------------------------

for kind, model in MODELS.items():
    recipe(f"bell_{kind}_chsh_upper", lambda m=model: sb.maximize(CHSH, m))
    recipe(f"bell_{kind}_i3322_lower", lambda m=model: sb.minimize(I3322, m))
    recipe(f"bell_{kind}_cglmp_upper", lambda m=model: sb.maximize(CGLMP, m))
    recipe(f"bell_{kind}_mermin_upper", lambda m=model: sb.maximize(MERMIN, TWO if m is AB else m))
recipe("bell_quantum_chained_level_1_upper", lambda: sb.maximize(sb.chained(3), ONE))
recipe("bell_quantum_tilted_lower", lambda: sb.minimize(sb.tilted_chsh(0.5, 1.2), AB))
recipe("bell_quantum_given_chsh_upper", lambda: sb.maximize(MEMBER.expression, AB, chsh_value(2.6)))
recipe(
    "bell_quantum_given_a_wide_interval_upper",
    lambda: sb.maximize(CGLMP, AB, sb.Observations.bell_value(CGLMP, 2.5, 0.1)),
)
recipe("bell_no_signaling_given_correlators_lower", lambda: sb.minimize(MEMBER.expression, FREE, chsh_value(3.1, 1e-6)))
recipe("bell_local_given_chsh_upper", lambda: sb.maximize(MEMBER.expression, LOCAL, chsh_value(1.5, 1e-3)))

recipe("bell_quantum_svetlichny_given_mermin_upper", lambda: sb.maximize(SVETLICHNY, TWO, tested_mermin(3.8)))
recipe("bell_no_signaling_given_mermin_lower", lambda: sb.minimize(SVETLICHNY, FREE, tested_mermin(3.8)))
PAIRS = sb.Quantum("1+AB+AC+BC")
for kind, model in {"quantum": PAIRS, "no_signaling": FREE}.items():
    recipe(
        f"guess_{kind}_first_and_third_party",
        lambda m=model: sb.guessing_probability(tested_mermin(3.8), m, settings=(0, None, 0)),
    )
recipe("min_entropy_quantum_third_party", lambda: sb.min_entropy(tested_mermin(3.8), PAIRS, settings=(None, None, 1)))
THREE = sb.VonNeumann("projective", "1+AB+AC+BC+ABC", 2)
recipe(
    "entropy_projective_second_and_third_party",
    lambda: sb.conditional_entropy(tested_mermin(3.8), method=THREE, settings=(None, 0, 1)),
)
recipe(
    "attack_entropy_first_and_third_party",
    lambda: sb.conditional_entropy_upper_bound(tested_mermin(3.8), settings=(0, None, 0), tolerance=1e-3),
)

# --- separations: data that are outside ------------------------------------------------------------------------------

recipe("separation_quantum_chsh", lambda: outside(lambda: sb.guessing_probability(chsh_value(2.9), AB)))
recipe(
    "separation_quantum_cglmp", lambda: outside(lambda: sb.maximize(CGLMP, AB, sb.Observations.bell_value(CGLMP, 3.1)))
)
recipe("separation_no_signaling_chsh", lambda: outside(lambda: sb.guessing_probability(chsh_value(4.1), FREE)))
recipe("separation_local_chsh", lambda: outside(lambda: sb.guessing_probability(chsh_value(2.1), LOCAL)))
recipe("separation_local_correlators", lambda: outside(lambda: sb.guessing_probability(CORRELATORS, LOCAL)))

# --- guessing probabilities and min-entropies -------------------------------------------------------------------------

DATA = {"quantum": CORRELATORS, "no_signaling": CORRELATORS, "local": local_noise()}
for kind, model in MODELS.items():
    tested = DATA[kind]
    recipe(f"guess_local_{kind}", lambda m=model, d=tested: sb.guessing_probability(d, m, 0))
    recipe(f"guess_global_{kind}", lambda m=model, d=tested: sb.guessing_probability(d, m, 0, 1))
    recipe(f"guess_blind_{kind}", lambda m=model, d=tested: sb.blind_guessing_probability(d, m, 1, 0))
    recipe(f"min_entropy_local_{kind}", lambda m=model, d=tested: sb.min_entropy(d, m, 1))
    recipe(f"min_entropy_global_{kind}", lambda m=model, d=tested: sb.min_entropy(d, m, 0, 0))
    recipe(f"min_entropy_blind_{kind}", lambda m=model, d=tested: sb.min_entropy(d, m, 0, 1, blind=True))
recipe("guess_local_quantum_three_outcomes", lambda: sb.guessing_probability(NO_CLICK, AB, 0))
recipe("guess_global_no_signaling_three_outcomes", lambda: sb.guessing_probability(NO_CLICK, FREE, 0, 0))
recipe(
    "guess_local_quantum_three_settings", lambda: sb.guessing_probability(sb.Observations.bell_value(I3322, 0.2), AB, 1)
)
recipe("guess_local_quantum_full_wide", lambda: sb.guessing_probability(sb.Observations.full(NOISY, 1e-6), AB, 0))
recipe("min_entropy_local_quantum_one_value", lambda: sb.min_entropy(ONE_VALUE, AB, 0))
recipe("min_entropy_local_quantum_level_1", lambda: sb.min_entropy(chsh_value(2.6), ONE, 0))

# --- von Neumann entropies by programs --------------------------------------------------------------------------------


def entropy(data: sb.Observations, y: int | None = None, q: float = 0.0, x: int = 0, **method: Any) -> sb.Bound:
    return sb.conditional_entropy(data, x, y, sb.VonNeumann(**method), q, closed_forms=False)


def projective(data: sb.Observations, y: int | None = None, q: float = 0.0, nodes: int = 4, x: int = 0) -> sb.Bound:
    return entropy(data, y, q, x, method="projective", level="1+AB", nodes=nodes)


def radau(data: sb.Observations, y: int | None = None, q: float = 0.0, nodes: int = 3, x: int = 0) -> sb.Bound:
    return entropy(data, y, q, x, method="gauss-radau", level="1+AB", nodes=nodes)


for name, make in (("projective", projective), ("gauss_radau", radau)):
    recipe(f"entropy_{name}_chsh", lambda m=make: m(chsh_value(2.6)))
    recipe(f"entropy_{name}_correlators", lambda m=make: m(CORRELATORS))
    recipe(f"entropy_{name}_both_outcomes", lambda m=make: m(CORRELATORS, 1, nodes=2))
    recipe(f"entropy_{name}_flips", lambda m=make: m(LOSSY, None, 0.05, x=1))
    recipe(f"entropy_{name}_wide_tolerance", lambda m=make: m(chsh_value(2.6, 1e-2)))
recipe("entropy_projective_three_outcomes", lambda: projective(NO_CLICK, nodes=2))
# the same is proven with all outcomes told apart at once by now; the certificate above is one with a tree of bits
recipe("entropy_places_three_outcomes", lambda: projective(NO_CLICK, nodes=3))
recipe("entropy_places_both_outcomes", lambda: projective(CORRELATORS, 1, nodes=(0.3, 0.6)))
recipe("entropy_gauss_radau_three_outcomes", lambda: radau(sb.Observations.bell_value(CGLMP, 2.7), nodes=2))

# --- von Neumann entropies by the qubit reduction ---------------------------------------------------------------------


def qubit(data: sb.Observations, y: int | None = None, q: float = 0.0, x: int = 0, tolerance: float = 1e-4) -> sb.Bound:
    return entropy(data, y, q, x, method="qubit", tolerance=tolerance)


recipe("entropy_qubit_chsh", lambda: qubit(chsh_value(2.6)))
recipe("entropy_qubit_chsh_maximum", lambda: qubit(chsh_value(8**0.5)))
recipe("entropy_qubit_correlators", lambda: qubit(CORRELATORS))
recipe(
    "entropy_qubit_correlators_tolerance_1e-6", lambda: qubit(sb.Observations.correlators(NOISY, tolerance=1e-6), x=1)
)
recipe("entropy_qubit_both_outcomes", lambda: qubit(CORRELATORS, 1))
recipe("entropy_qubit_untested_setting", lambda: qubit(three_settings(2.5), x=0, q=0.1))
recipe("entropy_qubit_three_settings", lambda: qubit(three_settings(2.5), x=1))
recipe("entropy_qubit_untested_bob", lambda: qubit(three_settings(2.5), 1, x=1))
recipe("entropy_qubit_flips", lambda: qubit(chsh_value(2.6), None, 0.1, tolerance=1e-3))
recipe("entropy_qubit_full_both_outcomes", lambda: qubit(LOSSY, 0, tolerance=1e-3))
recipe("entropy_qubit_full", lambda: qubit(LOSSY, tolerance=1e-3))

# --- von Neumann entropies of coarser data ----------------------------------------------------------------------------


def merged() -> sb.Observations:
    """Correlators of CHSH devices where Alice's third outcome counts as her second one."""
    scenario = sb.Scenario(((3, 3), (2, 2)))
    alice = [scenario.effect(0, x, 0) - scenario.effect(0, x, 1) - scenario.effect(0, x, 2) for x in (0, 1)]
    bob = [scenario.effect(1, y, 0) - scenario.effect(1, y, 1) for y in (0, 1)]
    tests = [(sb.BellExpression(scenario, np.outer(a, b)), 0.68) for a in alice for b in bob]
    return sb.Observations.bell_values([*tests[:3], (tests[3][0], -0.68)])


recipe("entropy_coarse_merged", lambda: entropy(merged(), method="auto"))
recipe(
    "entropy_coarse_two_of_three",
    lambda: entropy(sb.Observations.correlators([[0.68, 0.68, 0.0], [0.68, -0.68, 0.0]]), 2, method="auto"),
)

# --- closed forms -----------------------------------------------------------------------------------------------------


def self_test(data: sb.Observations, x: int, y: int | None, blind: bool = False) -> sb.Bound:
    found = sb.find_self_test(data)
    assert found is not None
    return found.entropy(x, y, blind)


IDEAL = MEMBER.behaviour()
LIMIT = sb.SingletSelfTest("pi/3", "pi/2", "5*pi/6").behaviour()
MINIMUM = sb.SingletSelfTest("pi/2", "5*pi/4", "7*pi/4").behaviour()
AT_MAXIMUM = sb.Observations.bell_value(MEMBER.expression, IDEAL)
#: Files of version 0.1, which named no exact data and are not made any more.
KEPT = [f"closed_self_test_{end}" for end in ("local_bell", "global_bell", "blind_bell", "local_correlators")]
KEPT += [f"closed_self_test_{end}" for end in ("global_full", "blind_correlators", "global_chsh_minimum")]
recipe("closed_exact_local_bell", lambda: self_test(AT_MAXIMUM, 0, None))
recipe("closed_exact_global_bell", lambda: self_test(AT_MAXIMUM, 0, 1))
recipe("closed_exact_blind_bell", lambda: self_test(AT_MAXIMUM, 1, 1, True))
recipe("closed_exact_global_full", lambda: self_test(sb.Observations.full(IDEAL), 1, 0))
recipe("closed_exact_limit_global", lambda: self_test(sb.Observations.correlators(LIMIT), 0, 1))
recipe("closed_exact_limit_blind", lambda: self_test(sb.Observations.correlators(LIMIT), 0, 0, True))
recipe("closed_exact_chsh_minimum", lambda: self_test(sb.Observations.bell_value(CHSH, MINIMUM), 0, 0))
recipe("average_entropy_qubits", lambda: sb.average_entropy(chsh_value(2.6), sb.Average((0, 1)), 2e-2))
recipe("average_entropy_flips", lambda: sb.average_entropy(chsh_value(1.9), sb.Average((0, 1), None, 0.2)))
recipe(
    "average_entropy_projections",
    lambda: sb.average_entropy(chsh_value(2.6), sb.Average((0, 1), (0.3, 0.7), 0.1), level="1+AB", nodes=4),
)
recipe("entropy_qubit_extreme", lambda: entropy(sb.Observations.correlators(IDEAL), method="qubit"))
recipe("entropy_qubit_extreme_both", lambda: entropy(sb.Observations.full(IDEAL), 1, method="qubit"))
recipe("entropy_qubit_extreme_limit", lambda: entropy(sb.Observations.correlators(LIMIT), method="qubit"))


def formula(data: sb.Observations, q: float = 0.0, x: int = 0) -> sb.Bound:
    found = sb.conditional_entropy(data, x, None, preprocessing=q)
    assert found.status == "closed form"
    return found


def asymmetric(alpha: float, value: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.asymmetric_chsh(alpha), value)


recipe("closed_chsh", lambda: formula(chsh_value(2.6)))
recipe("closed_chsh_negative_other_setting", lambda: formula(chsh_value(-2.7, 1e-6), x=1))
recipe("closed_chsh_flips", lambda: formula(chsh_value(2.5), 0.1))
recipe("closed_chsh_local", lambda: formula(chsh_value(1.9), 0.05))
recipe("closed_chsh_three_settings", lambda: formula(three_settings(2.4), x=2))
recipe("closed_asymmetric_above_1", lambda: formula(asymmetric(1.4, 3.2)))
recipe("closed_asymmetric_hull", lambda: formula(asymmetric(0.5, 2.05), 0.02))
recipe("closed_asymmetric_below_1", lambda: formula(asymmetric(0.8, 2.5), 0.1))

# --- finite lengths ---------------------------------------------------------------------------------------------------

#: A third setting of Bob for the key, errors 2 %; the CHSH value that goes with them.
VALUE = 0.96 * math.sqrt(8.0)
DEVICES = sb.Behaviour.from_correlators([[VALUE / 4, VALUE / 4, 0.96], [VALUE / 4, -VALUE / 4, 0.0]])
TEST = sb.Observations.bell_value(sb.BellExpression.from_correlators([[1, 1, 0], [1, -1, 0]]), VALUE)


def key_length(n: float, registers: str, q: float = 0.0, **security: float) -> Any:
    found = sb.conditional_entropy(TEST, preprocessing=q)
    bounds = sb.FiniteSecurity(registers=registers, **security)
    return sb.finite_key_length(DEVICES, n, 0, 2, TEST, entropies=[found], preprocessing=q, security=bounds)


recipe("finite_key_classical", lambda: key_length(1e8, "classical"))
recipe("finite_key_sharp", lambda: key_length(1e10, "sharp", soundness=1e-30, completeness=1e-5, efficiency=1.1))
recipe("finite_key_quantum_1e18", lambda: key_length(1e18, "quantum"))
recipe("finite_key_flips", lambda: key_length(1e9, "classical", 0.03))
recipe("finite_key_negative", lambda: key_length(1e3, "classical"))
recipe("finite_key_qubit", lambda: sb.finite_key_length(NOISY, 1e9, 0, 0, CORRELATORS, entropies=[qubit(CORRELATORS)]))
recipe("finite_key_full", lambda: sb.finite_key_length(NOISY, 1e10, 0, 0, "full", entropies=[projective(FULL)]))
recipe(
    "finite_randomness_both",
    lambda: sb.finite_randomness_length(NOISY, 1e9, 0, 1, CORRELATORS, entropies=[qubit(CORRELATORS, 1)]),
)
recipe(
    "finite_randomness_local",
    lambda: sb.finite_randomness_length(DEVICES, 1e9, 0, None, TEST, entropies=[sb.conditional_entropy(TEST)]),
)

# --- lengths by Renyi entropies ---------------------------------------------------------------------------------------

THREE = sb.Behaviour.from_correlators([[0.97, 0.67, -0.67], [0.1, 0.2, 0.0], [0.0, 0.69, 0.68]])
UNEVEN = [[0.0, 0.3, 0.2], [0.0, 0.0, 0.0], [0.0, 0.25, 0.25]]
STRICT = sb.FiniteSecurity(soundness=1e-30, completeness=1e-5, efficiency=1.1)

ESTIMATED = sb.Behaviour.from_correlators([[0.66, 0.66], [0.66, -0.66]])
recipe("renyi_key", lambda: sb.finite_key_length(DEVICES, 1e6, 0, 2, method="renyi"))
recipe("renyi_key_negative", lambda: sb.finite_key_length(DEVICES, 100, 0, 2, method="renyi"))
recipe("renyi_key_1e18", lambda: sb.finite_key_length(DEVICES, 1e18, 0, 2, method="renyi", security=STRICT))
recipe(
    "renyi_key_uneven",
    lambda: sb.finite_key_length(THREE, 1e8, 0, 0, method="renyi", security=STRICT, test_distribution=UNEVEN),
)
recipe("renyi_randomness", lambda: sb.finite_randomness_length(DEVICES, 1e9, 1, None, method="renyi", net=True))
recipe("renyi_randomness_both", lambda: sb.finite_randomness_length(DEVICES, 1e7, 0, 1, lengths=1000))
recipe(
    "renyi_randomness_recycled",
    lambda: sb.finite_randomness_length(ESTIMATED, 1e7, inputs="recycled", test_probability=0.03, method="renyi"),
)

# --- Renyi entropies by the qubit reduction ---------------------------------------------------------------------------

recipe("renyi_entropy_chsh", lambda: sb.renyi_entropy(chsh_value(2.5), alpha=2.0, tolerance=1e-2))
recipe("renyi_entropy_flips", lambda: sb.renyi_entropy(CORRELATORS, alpha=1.1, preprocessing=0.05, tolerance=1e-2))

recipe("renyi_nodes_chsh", lambda: sb.renyi_entropy(chsh_value(2.5), alpha=1.1, level="1+AB", nodes=4))
recipe(
    "renyi_nodes_flips",
    lambda: sb.renyi_entropy(chsh_value(2.6), 1, kind="petz down", alpha=1.5, preprocessing=0.1, level="1+AB", nodes=2),
)
recipe("renyi_guess_flips", lambda: sb.renyi_entropy(CORRELATORS, alpha=1.3, preprocessing=0.1, method="min-entropy"))
recipe("renyi_chord_chsh", lambda: sb.renyi_entropy(chsh_value(2.5), alpha=2.0, nodes=2))
#: A key whose bit is flipped, for which there is no closed form; two of four correlators are larger.
FLIPPED = sb.Behaviour.from_correlators([[0.75, 0.66, 0.94], [0.66, -0.6, 0.0]])
recipe(
    "renyi_power_flips",
    lambda: sb.finite_key_length(FLIPPED, 1e6, 0, 2, method="renyi", preprocessing=0.02, test_probability=0.06),
)

CHANNEL = sb.BinaryChannel(0.03, 0.01)


def behind_a_channel() -> Any:
    tested = sb.Observations.correlators(DEVICES, settings=[(0, 0), (0, 1), (1, 0), (1, 1)])
    entropy = sb.conditional_entropy(tested, 0, preprocessing=CHANNEL, method=sb.VonNeumann("qubit", tolerance=1e-2))
    return sb.finite_key_length(DEVICES, 1e9, 0, 2, method="accumulation", preprocessing=CHANNEL, entropies=[entropy])


recipe("finite_key_channel", behind_a_channel)
recipe(
    "renyi_power_channel",
    lambda: sb.finite_key_length(DEVICES, 1e8, 0, 2, method="renyi", preprocessing=CHANNEL),
)

# --- lengths by probability estimation --------------------------------------------------------------------------------

recipe("estimation_tsirelson", lambda: sb.estimated_length(ESTIMATED, 1e6))
recipe(
    "estimation_no_signaling",
    lambda: sb.estimated_length(ESTIMATED, 1e5, [[0.4, 0.3], [0.2, 0.1]], devices="no-signaling"),
)

# --- boxes against a no-signaling adversary ---------------------------------------------------------------------------

PAIR = [[0.72, 0.13], [0.1, 0.05]]  # of error patterns
IDENTITY = [[1, 0], [0, 1]]


def biased() -> JointBoxes:
    """Two biased, correlated boxes."""
    deterministic = np.zeros((2, 2, 2, 2))
    deterministic[0, 0, :, 0] = deterministic[0, 1, :, 1] = 1.0
    return JointBoxes.mixture([0.7, 0.2, 0.1], [[0.03, 0.1], [deterministic, 0.2], [0.0, deterministic]])


def guess(*given: Any, **more: Any) -> Any:
    return guessing_program(*given, **more)


def distance(*given: Any, **more: Any) -> Any:
    return guessing_program(*given, **more).distance_certificate


recipe("boxes_joint_guess_one", lambda: guess([0.1]))
recipe("boxes_joint_guess_biased", lambda: guess(biased(), [(1, 0), (0, 1)]))
recipe("boxes_joint_guess_table", lambda: guess([0.1, 0.2], function=lambda a, b: a & b))
recipe("boxes_joint_distance_table", lambda: distance([0.1, 0.2], function=lambda a, b: a + b))
recipe("boxes_joint_distance_linear", lambda: distance([0.1, 0.2], function=IDENTITY))
recipe("boxes_joint_three_settings", lambda: guess([np.full((2, 2, 3, 2), 0.25)]))
recipe("boxes_depolarised_guess_xor", lambda: guess(DepolarisedBoxes.distribution(PAIR)))
recipe(
    "boxes_depolarised_guess_two_bits", lambda: guess(DepolarisedBoxes.distribution(PAIR), function=[[1, 0], [1, 1]])
)
recipe("boxes_depolarised_guess_one_of_two", lambda: guess(DepolarisedBoxes.distribution(PAIR), function=1))
recipe("boxes_depolarised_distance", lambda: distance(DepolarisedBoxes.distribution(PAIR), function=IDENTITY))
recipe("boxes_exchangeable_guess", lambda: guess(ExchangeableBoxes.independent(4, Fraction(1, 8)), [(1, 1)] * 4))
recipe("boxes_exchangeable_guess_six", lambda: guess(ExchangeableBoxes.independent(6, Fraction(1, 20))))

# --- attacks ----------------------------------------------------------------------------------------------------------


def elegant_attack(y: int | None) -> Any:
    """The elegant Bell expression on two qubits, with noise: X, Y and Z, so that Eve's strategies are complex."""
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    bob = np.einsum("yi,ijk->yjk", signs, pauli) / 3**0.5
    own = sb.Strategy.from_observables(np.array([1, 0, 0, 1]) / 2**0.5, pauli, bob)
    data = sb.Observations.correlators(own.behaviour().white_noise(0.97))
    return sb.conditional_entropy_upper_bound(data, 0, y, strategies=[own], tolerance=1e-3)


recipe("attack_entropy_chsh", lambda: sb.conditional_entropy_upper_bound(chsh_value(2.6)))
recipe("attack_entropy_chsh_flips", lambda: sb.conditional_entropy_upper_bound(chsh_value(2.6), 1, None, 0.1))
recipe("attack_entropy_both_outcomes", lambda: sb.conditional_entropy_upper_bound(chsh_value(2.7), 0, 0))
recipe("attack_entropy_correlators", lambda: sb.conditional_entropy_upper_bound(CORRELATORS, tolerance=1e-4))
recipe("attack_entropy_at_the_maximum", lambda: sb.conditional_entropy_upper_bound(sb.Observations.correlators(IDEAL)))
recipe(
    "attack_entropy_three_settings", lambda: sb.conditional_entropy_upper_bound(sb.Observations.bell_value(I3322, 0.2))
)
recipe("attack_entropy_elegant", lambda: elegant_attack(None))
recipe("attack_entropy_elegant_both", lambda: elegant_attack(1))
recipe("attack_information", lambda: sb.convex_combination_attack(NOISY, 0, 0, tolerance=1e-2))
recipe("attack_information_noisier", lambda: sb.convex_combination_attack(MEMBER.behaviour(0.9), 1, 1, tolerance=1e-2))


def all_channels(behaviour: sb.Behaviour, test: str, y: int) -> Any:
    return sb.key_rate_upper_bound(behaviour, test, 0, y, "best channel").attack


def lossy_singlet(efficiency: float) -> sb.Behaviour:
    """Losses of both parties, the no-click kept where Bob has his key setting."""
    angles = {"theta": math.pi / 4, "a0": 0.0, "a1": math.pi / 2, "b0": math.pi / 4, "b1": -math.pi / 4, "b2": 0.0}
    pair = sb.family_named("two_qubit", settings=(2, 3)).member(**angles)
    return pair.behaviour(noise=sb.DetectionInefficiency(efficiency, binning=(True, (True, True, False))))


recipe("attacks_all_channels_lossy", lambda: all_channels(lossy_singlet(0.895), "full without B2", 2))
recipe("attacks_all_channels_correlators", lambda: all_channels(MEMBER.behaviour(0.93), "correlators", 0))


BOX = sb.Behaviour.from_correlators([[1.0, 1.0], [1.0, -1.0]])


HALVES = sb.Behaviour.from_correlators([[0.5, 0.5], [0.5, 0.5]])
THIRDS = sb.family_named("cglmp").member(d=3).behaviour()


def visibility(behaviour: sb.Behaviour, model: sb.Adversary, noise: str | sb.Behaviour) -> Any:
    return sb.robustness(behaviour, model, noise).mixture


recipe("visibility_local_white", lambda: visibility(IDEAL, sb.Local(), "white"))
recipe("visibility_local_general_three_outcomes", lambda: visibility(THIRDS, sb.Local(), "general"))
recipe("visibility_quantum_local", lambda: visibility(BOX, sb.Quantum("1+AB"), "local"))
recipe("visibility_quantum_given", lambda: visibility(BOX, sb.Quantum("1+AB"), HALVES))
recipe("visibility_quantum_general", lambda: visibility(BOX, sb.Quantum("1+AB"), "general"))


def data_of(found: Any) -> dict[str, Any]:
    certificate = found.certificate if hasattr(found, "certificate") else found
    return json.loads(certificate.to_json())


def main(parts: list[str]) -> None:
    path = HERE / "index.json"
    index = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, make in RECIPES.items():
        if parts and not any(part in name for part in parts):
            continue
        began = time.perf_counter()
        data = data_of(make())
        made = time.perf_counter()
        found = sb.verify(data)
        ended = time.perf_counter()
        text = json.dumps(data, separators=(",", ":"))
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        index[name] = {"figure": found.figure, "model": found.model, "side": found.side, "value": found.value}
        seconds = f"made {made - began:6.2f} s, verified {ended - made:6.3f} s"
        print(f"{name:45} {found.value:<24} {len(text):8} bytes, {seconds}", flush=True)
    index = {name: index[name] for name in [*RECIPES, *KEPT] if name in index}
    path.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
