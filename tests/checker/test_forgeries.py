"""Forged certificates, at least five for each kind of proof: each must be refused.

They are made from golden certificates, so that all but one thing is right. Those in ``FALSE`` claim what explicit
strategies contradict; the others have no proof, or do not say what they are about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import sdpbound as sb
from tests.golden_certificates import golden
from tests.oracle import contradiction

Certificate = dict[str, Any]

KINDS = (
    "quantum linear",
    "no-signaling linear",
    "local linear",
    "separation",
    "guessing",
    "min-entropy",
    "projective",
    "gauss-radau",
    "qubit",
    "average",
    "closed self-test",
    "closed entropy",
    "finite",
    "renyi",
    "joint boxes",
    "depolarised boxes",
    "exchangeable boxes",
    "attack",
)
FORGERIES: dict[str, Callable[[], Certificate]] = {}
FALSE: list[str] = []


def forged(kind: str, how: str, make: Callable[[], Certificate], *, false: bool = False) -> None:
    name = f"{kind}: {how}"
    assert kind in KINDS and name not in FORGERIES
    FORGERIES[name] = make
    if false:
        FALSE.append(name)


def changed(name: str, *changes: Callable[[Certificate], Any]) -> Certificate:
    """A golden certificate after changes."""
    certificate = golden(name)
    for change in changes:
        change(certificate)
    return certificate


def put(*path: Any) -> Callable[[Certificate], None]:
    """Write the last argument at the place of the others."""
    *way, last, value = path

    def change(data: Any) -> None:
        for key in way:
            data = data[key]
        data[last] = value

    return change


def claim_more(step: float) -> Callable[[Certificate], None]:
    """The value and the constant of the functional, moved together."""

    def change(certificate: Certificate) -> None:
        claim = certificate["claim"]
        move = Fraction(step) if certificate["question"]["side"] == "lower" else -Fraction(step)
        claim["value"] = float(Fraction(claim["value"]) + move)
        if "functional" in claim:
            claim["functional"]["constant"] = str(Fraction(claim["functional"]["constant"]) + move)

    return change


def drown(huge: int) -> Callable[[Certificate], None]:
    """A constant in the first tested expression, its value and the functional: the same statement in huge numbers."""

    def change(certificate: Certificate) -> None:
        item = certificate["question"]["observed"][0]
        item["coefficients"][0][0] = huge
        item["value"] = str(Fraction(item["value"]) + huge)
        if "functional" in certificate["claim"]:
            functional = certificate["claim"]["functional"]
            slope = Fraction(functional["multipliers"][0])
            functional["constant"] = str(Fraction(functional["constant"]) - slope * huge)

    return change


def turn_multipliers(certificate: Certificate) -> None:
    """All signs of the multipliers, of the proof and of the claim, the other way."""
    for part in (certificate["proof"], certificate["claim"]["functional"]):
        part["multipliers"] = [str(-Fraction(m)) for m in part["multipliers"]]


def turn_values(certificate: Certificate) -> None:
    for item in certificate["question"]["observed"]:
        item["value"] = -item["value"]


def empty(certificate: Certificate) -> None:
    """All numbers of the proof but its multipliers are zero."""

    def zeros(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {
                key: entry[key] if key in ("words", "left", "right", "multipliers") else zeros(entry[key])
                for key in entry
            }
        return [zeros(value) for value in entry] if isinstance(entry, list) else 0

    proof = certificate["proof"]
    for key in ("copies", "factor", "blocks", "weights"):
        if key in proof:
            proof[key] = zeros(proof[key])


def reverse(*path: Any) -> Callable[[Certificate], None]:
    """The entries of a list in the opposite order."""

    def change(data: Any) -> None:
        for key in path:
            data = data[key]
        data.reverse()

    return change


def with_value(value: Any, j: int = 0) -> Callable[[Certificate], None]:
    return put("question", "observed", j, "value", value)


def beyond_data(value: float) -> Callable[[Certificate], None]:
    """The first tested value is one that no devices have, and the claim what the functional says there, or almost."""

    def change(certificate: Certificate) -> None:
        item, claim = certificate["question"]["observed"][0], certificate["claim"]
        slope = Fraction(claim["functional"]["multipliers"][0])
        room = Fraction(1, 1000) if certificate["question"]["side"] == "upper" else -Fraction(1, 1000)
        move = slope * (Fraction(value) - Fraction(item["value"])) + room
        claim["value"] = float(Fraction(claim["value"]) + move)
        item["value"] = value

    return change


X, Y = ("question", "figure", "x"), ("question", "figure", "y")
CLAIM = ("claim", "value")
OUTCOMES = ("question", "scenario", "outcomes")

# --- linear figures ---------------------------------------------------------------------------------------------------

for kind, model in (("quantum linear", "quantum"), ("no-signaling linear", "no_signaling"), ("local linear", "local")):
    best = f"bell_{model}_chsh_upper"
    forged(kind, "a smaller maximum", lambda b=best: changed(b, claim_more(0.1)), false=True)
    forged(kind, "a maximum in other units", lambda b=best: changed(b, put(*CLAIM, 1.0)))
    forged(kind, "a maximum of another side", lambda b=best: changed(b, put("question", "side", "lower")), false=True)
    forged(
        kind,
        "an expression in which an entry is drowned",
        lambda b=best: changed(b, put("question", "figure", "coefficients", 0, 0, 2**70), put(*CLAIM, 2.0**70)),
    )
    forged(
        kind, "twice the expression", lambda b=best: changed(b, put("question", "figure", "coefficients", 1, 1, 3.0))
    )

forged("quantum linear", "no squares", lambda: changed("bell_quantum_chsh_upper", empty))
forged(
    "quantum linear",
    "words in another order",
    lambda: changed("bell_quantum_chsh_upper", reverse("proof", "copies", 0, "words")),
)
forged(
    "quantum linear",
    "drowned tests, and more claimed",
    lambda: changed("bell_quantum_given_chsh_upper", drown(2**70), claim_more(0.1)),
    false=True,
)
forged(
    "quantum linear",
    "opposite multipliers",
    lambda: changed("bell_quantum_given_chsh_upper", turn_multipliers),
    false=True,
)
forged("no-signaling linear", "no weights", lambda: changed("bell_no_signaling_cglmp_upper", empty))
forged(
    "no-signaling linear",
    "a negative weight",
    lambda: changed("bell_no_signaling_chsh_upper", put("proof", "copies", 0, "weights", 0, "-1")),
)
forged(
    "no-signaling linear",
    "weights in another order",
    lambda: changed(
        "bell_no_signaling_chsh_upper",
        reverse("proof", "copies", 0, "weights"),
        put("question", "figure", "coefficients", 1, 1, -1.0),
    ),
)
forged(
    "no-signaling linear",
    "drowned tests, and more claimed",
    lambda: changed("bell_no_signaling_given_correlators_lower", drown(2**100), claim_more(0.1)),
    false=True,
)
forged(
    "local linear",
    "drowned tests, and more claimed",
    lambda: changed("bell_local_given_chsh_upper", drown(2**70), claim_more(0.1)),
    false=True,
)
forged(
    "local linear", "opposite multipliers", lambda: changed("bell_local_given_chsh_upper", turn_multipliers), false=True
)
forged(
    "local linear",
    "the quantum model",
    lambda: changed("bell_local_chsh_upper", put("question", "model", {"kind": "quantum", "level": "1"})),
    false=True,
)

# --- separations ------------------------------------------------------------------------------------------------------

for model, value in (("quantum", 2.7), ("no_signaling", 3.9), ("local", 1.9)):
    name = f"separation_{model}_chsh"
    forged("separation", f"{model} data that are inside", lambda n=name, v=value: changed(n, with_value(v)), false=True)
    forged("separation", f"{model} drowned data", lambda n=name: changed(n, drown(2**70), claim_more(3.0)), false=True)
forged("separation", "no squares", lambda: changed("separation_quantum_chsh", empty))
forged("separation", "opposite multipliers", lambda: changed("separation_local_chsh", turn_multipliers))
forged(
    "separation",
    "a wide interval",
    lambda: changed("separation_quantum_chsh", put("question", "observed", 0, "tolerance", 1.0)),
    false=True,
)
forged(
    "separation",
    "a negative tolerance",
    lambda: changed("separation_local_chsh", with_value(1.9), put("question", "observed", 0, "tolerance", -0.2)),
)

# --- guessing probabilities -------------------------------------------------------------------------------------------

for model in ("quantum", "no_signaling"):
    for who in ("local", "global"):
        name = f"guess_{who}_{model}"
        forged(
            "guessing", f"{who}, {model}, drowned", lambda n=name: changed(n, drown(2**70), claim_more(0.2)), false=True
        )
    name = f"guess_local_{model}"
    forged("guessing", f"{model}, beyond what data can be", lambda n=name: changed(n, beyond_data(9.0)))
    forged("guessing", f"{model}, no squares or weights", lambda n=name: changed(n, empty))
    forged("guessing", f"{model}, opposite multipliers", lambda n=name: changed(n, turn_multipliers))
    forged(
        "guessing", f"{model}, opposite data", lambda n=name: changed(n, put("question", "observed", 0, "value", -0.9))
    )
    forged("guessing", f"{model}, less than nothing", lambda n=name: changed(n, put(*CLAIM, -0.1)), false=True)
    forged("guessing", f"{model}, another setting", lambda n=name: changed(n, put(*X, 1)))
    forged("guessing", f"{model}, a setting that does not exist", lambda n=name: changed(n, put(*X, 2)))
    forged("guessing", f"{model}, half of the guesses", lambda n=name: changed(n, lambda c: c["proof"]["copies"].pop()))
    forged("guessing", f"{model}, an empty list of guesses", lambda n=name: changed(n, put("proof", "copies", [])))
forged("guessing", "local, sure to be wrong", lambda: changed("guess_local_local", claim_more(0.2)), false=True)
forged(
    "guessing",
    "blind, a map is missing",
    lambda: changed("guess_blind_no_signaling", lambda c: c["proof"]["copies"].pop(0)),
)
forged("guessing", "both outcomes, as if one", lambda: changed("guess_global_quantum", put(*Y, None)))

for model in ("quantum", "no_signaling"):
    name = f"min_entropy_local_{model}"
    forged("min-entropy", f"{model}, drowned", lambda n=name: changed(n, drown(2**70), claim_more(0.4)), false=True)
    forged("min-entropy", f"{model}, no squares or weights", lambda n=name: changed(n, empty))
    forged("min-entropy", f"{model}, opposite multipliers", lambda n=name: changed(n, turn_multipliers))
    forged("min-entropy", f"{model}, more than a bit", lambda n=name: changed(n, put(*CLAIM, 1.5)), false=True)
    forged("min-entropy", f"{model}, the probability as bits", lambda n=name: changed(n, put(*CLAIM, 0.8)), false=True)
    forged(
        "min-entropy",
        f"{model}, beyond what data can be",
        lambda n=name: changed(n, put("question", "observed", 0, "value", 9.0), put(*CLAIM, 3.0)),
        false=True,
    )
forged(
    "min-entropy",
    "both outcomes, as if one",
    lambda: changed("min_entropy_global_quantum", put("question", "figure", "of", "y", None)),
)
forged(
    "min-entropy", "local devices have some", lambda: changed("min_entropy_local_local", claim_more(0.3)), false=True
)
forged("min-entropy", "an upper bound", lambda: changed("min_entropy_local_quantum", put("question", "side", "upper")))

# --- von Neumann entropies by programs --------------------------------------------------------------------------------

for kind, part in (("projective", "copies"), ("gauss-radau", "blocks")):
    stem = f"entropy_{kind.replace('-', '_')}"
    forged(kind, "drowned", lambda s=stem: changed(f"{s}_chsh", drown(2**70), claim_more(0.2)), false=True)
    forged(kind, "no squares", lambda s=stem: changed(f"{s}_chsh", empty))
    forged(kind, "opposite multipliers", lambda s=stem: changed(f"{s}_chsh", turn_multipliers))
    forged(kind, "in nats", lambda s=stem: changed(f"{s}_chsh", put(*CLAIM, 0.5722 / 0.6931)), false=True)
    forged(kind, "more than a bit", lambda s=stem: changed(f"{s}_chsh", put(*CLAIM, 1.2)), false=True)
    forged(kind, "beyond what data can be", lambda s=stem: changed(f"{s}_chsh", beyond_data(5.2)), false=True)
    forged(kind, "lesser data", lambda s=stem: changed(f"{s}_chsh", with_value(2.3)), false=True)
    forged(
        kind, "entries of the proof in another order", lambda s=stem, p=part: changed(f"{s}_chsh", reverse("proof", p))
    )
    forged(kind, "words in another order", lambda s=stem: changed(f"{s}_chsh", reverse("proof", "words")))
    forged(
        kind,
        "flips that were not there",
        lambda s=stem: changed(f"{s}_flips", put("question", "figure", "preprocessing", 0.0)),
    )
    forged(kind, "both outcomes, as if one", lambda s=stem: changed(f"{s}_both_outcomes", put(*Y, None)))
    forged(kind, "an outcome that does not exist", lambda s=stem: changed(f"{s}_chsh", put(*OUTCOMES, 0, 0, 3)))
    forged(
        kind,
        "a no-signaling adversary",
        lambda s=stem: changed(f"{s}_chsh", put("question", "model", {"kind": "no-signaling"})),
    )
forged(
    "projective",
    "no nodes",
    lambda: changed("entropy_projective_chsh", put("proof", "nodes", []), put("proof", "copies", [])),
)
forged("projective", "nodes that fall", lambda: changed("entropy_projective_chsh", reverse("proof", "nodes")))
forged(
    "gauss-radau",
    "no nodes",
    lambda: changed("entropy_gauss_radau_chsh", put("proof", "gauss_radau", 0), put("proof", "blocks", [])),
)
forged("gauss-radau", "another rule", lambda: changed("entropy_gauss_radau_chsh", put("proof", "gauss_radau", 6)))

# --- the qubit reduction ----------------------------------------------------------------------------------------------


def drowned_qubits(multiplier: int = 1, claim: str = "99/100", huge: int = 2**70) -> Certificate:
    """<A0> = -1, of which every entropy is zero, in numbers that floats cannot tell from the constant."""
    value = huge - 1
    return {
        "format": "sdpbound certificate",
        "version": 1,
        "created_by": "a forger",
        "question": {
            "scenario": {"outcomes": [[2, 2], [2, 2]]},
            "figure": {"kind": "conditional_entropy", "x": 0, "y": None, "preprocessing": 0},
            "side": "lower",
            "observed": [{"coefficients": [[huge, 0, 0], [1, 0, 0], [0, 0, 0]], "value": value, "tolerance": 0}],
            "model": {"kind": "quantum", "level": "qubit"},
        },
        "proof": {"method": "qubit", "multipliers": [multiplier]},
        "claim": {
            "value": claim,
            "functional": {"constant": str(multiplier * value + Fraction(claim)), "multipliers": [-multiplier]},
        },
    }


forged("qubit", "drowned", drowned_qubits, false=True)
forged("qubit", "drowned, more than a bit", lambda: drowned_qubits(2, "19/10"), false=True)
forged("qubit", "drowned, a million bits", lambda: drowned_qubits(10**6 + 1, "1000000"), false=True)
forged("qubit", "drowned in 2^100", lambda: drowned_qubits(huge=2**100), false=True)
forged("qubit", "drowned in 2^190", lambda: drowned_qubits(huge=2**190), false=True)
forged("qubit", "drowned in 2^52", lambda: drowned_qubits(huge=2**52), false=True)
forged(
    "qubit",
    "drowned correlators",
    lambda: changed("entropy_qubit_correlators", drown(2**70), claim_more(0.2)),
    false=True,
)
forged(
    "qubit",
    "drowned, both outcomes",
    lambda: changed("entropy_qubit_both_outcomes", drown(2**70), claim_more(0.3)),
    false=True,
)
AVERAGES = "average_entropy_qubits"
forged("average", "more than is proven", lambda: changed(AVERAGES, claim_more(0.05)), false=True)
forged("average", "drowned", lambda: changed(AVERAGES, drown(2**70), claim_more(0.2)), false=True)
forged("average", "opposite multipliers", lambda: changed(AVERAGES, turn_multipliers))
forged("average", "more than a bit", lambda: changed(AVERAGES, put(*CLAIM, 1.01)))
forged(
    "average", "one key twice", lambda: changed(AVERAGES, put("question", "figure", "terms", 1, "settings", [0, None]))
)
forged("average", "twice the weights", lambda: changed(AVERAGES, put("question", "figure", "terms", 0, "weight", 1.0)))
forged(
    "average",
    "fewer flips",
    lambda: changed("average_entropy_flips", put("question", "figure", "terms", 0, "preprocessing", 0.1)),
    false=True,
)
forged("average", "by flips", lambda: changed(AVERAGES, put("proof", "average", "flips")))
forged("qubit", "opposite multipliers", lambda: changed("entropy_qubit_chsh", turn_multipliers))
forged("qubit", "more than a bit", lambda: changed("entropy_qubit_chsh", put(*CLAIM, 1.01)), false=True)
forged(
    "qubit",
    "more than a bit in the functional as well",
    lambda: changed("entropy_qubit_chsh", claim_more(0.5)),
    false=True,
)
forged("qubit", "beyond what data can be", lambda: changed("entropy_qubit_chsh", beyond_data(5.2)), false=True)
forged("qubit", "no multipliers", lambda: changed("entropy_qubit_chsh", put("proof", "multipliers", [])))
forged("qubit", "three outcomes", lambda: changed("entropy_qubit_chsh", put(*OUTCOMES, 0, 0, 3)))
forged("qubit", "a setting that is not tested", lambda: changed("entropy_qubit_three_settings", put(*X, 0)), false=True)
forged(
    "qubit",
    "flips that were not there",
    lambda: changed("entropy_qubit_untested_setting", put("question", "figure", "preprocessing", 0.0)),
    false=True,
)
forged("qubit", "a method that does not exist", lambda: changed("entropy_qubit_chsh", put("proof", "method", "qutrit")))

# --- closed forms -----------------------------------------------------------------------------------------------------

LOCAL_TEST, GLOBAL_TEST, BLIND_TEST = (f"closed_self_test_{who}_bell" for who in ("local", "global", "blind"))


def drowned_self_test(huge: int) -> Certificate:
    """The local maximum of CHSH for its quantum maximum, beside a constant that rounds the difference away."""
    coefficients = [[huge, 0, 0], [0, 1, 1], [0, 1, -1]]
    return changed(LOCAL_TEST, put("question", "observed", 0, "coefficients", coefficients), with_value(huge + 2))


forged("closed self-test", "drowned in 2^70", lambda: drowned_self_test(2**70), false=True)
forged("closed self-test", "drowned in 2^100", lambda: drowned_self_test(2**100), false=True)
forged("closed self-test", "more than a bit", lambda: changed(LOCAL_TEST, put(*CLAIM, 1.1)), false=True)
forged("closed self-test", "more than two bits", lambda: changed(GLOBAL_TEST, put(*CLAIM, 2.1)), false=True)
forged("closed self-test", "in nats", lambda: changed(BLIND_TEST, put(*CLAIM, 0.8537 / 0.6931)), false=True)
forged("closed self-test", "other settings", lambda: changed(GLOBAL_TEST, put(*Y, 0)))
forged(
    "closed self-test",
    "both outcomes, as if blind",
    lambda: changed(GLOBAL_TEST, put("question", "figure", "blind", True)),
    false=True,
)
forged("closed self-test", "below the maximum", lambda: changed(LOCAL_TEST, with_value(0.6)), false=True)
forged(
    "closed self-test",
    "a wide interval",
    lambda: changed(LOCAL_TEST, put("question", "observed", 0, "tolerance", 0.5)),
    false=True,
)
forged("closed self-test", "nothing tested", lambda: changed(LOCAL_TEST, put("question", "observed", [])), false=True)
forged(
    "closed self-test",
    "opposite correlator",
    lambda: changed(
        "closed_self_test_local_correlators",
        lambda c: c["question"]["observed"][0].update(value=-c["question"]["observed"][0]["value"]),
    ),
)
forged("closed self-test", "a setting that does not exist", lambda: changed(LOCAL_TEST, put(*X, 2)))

forged("closed entropy", "drowned", lambda: changed("closed_chsh", drown(2**70), claim_more(0.2)), false=True)
forged(
    "closed entropy",
    "drowned in 2^100",
    lambda: changed("closed_asymmetric_below_1", drown(2**100), claim_more(0.2)),
    false=True,
)
forged("closed entropy", "beyond what data can be", lambda: changed("closed_chsh", beyond_data(5.2)), false=True)
forged("closed entropy", "lesser data", lambda: changed("closed_chsh", with_value(2.3)), false=True)
forged("closed entropy", "more than a bit", lambda: changed("closed_chsh", put(*CLAIM, 1.01)), false=True)
forged("closed entropy", "touching beyond the maximum", lambda: changed("closed_chsh", put("claim", "touching", "3")))
forged(
    "closed entropy",
    "a wide interval",
    lambda: changed("closed_chsh", put("question", "observed", 0, "tolerance", 0.5)),
    false=True,
)
forged(
    "closed entropy",
    "opposite slope",
    lambda: changed("closed_chsh", put("claim", "functional", "multipliers", [-1.3437])),
)
forged(
    "closed entropy",
    "flips that were not there",
    lambda: changed("closed_chsh_flips", put("question", "figure", "preprocessing", 0)),
    false=True,
)
forged("closed entropy", "Bob's setting for the key", lambda: changed("closed_chsh", put(*Y, 1)))
forged(
    "closed entropy",
    "a setting that is not tested",
    lambda: changed("closed_chsh_three_settings", put(*X, 0)),
    false=True,
)
forged(
    "closed entropy",
    "an expression that is local",
    lambda: changed("closed_chsh", put("question", "observed", 0, "coefficients", 2, 2, 1.0)),
    false=True,
)
forged(
    "closed entropy",
    "an expression in other units",
    lambda: changed("closed_chsh", put("question", "observed", 0, "coefficients", [[0, 0, 0], [0, 2, 2], [0, 2, -2]])),
    false=True,
)

# --- finite lengths ---------------------------------------------------------------------------------------------------

KEY, RANDOMNESS = "finite_key_classical", "finite_randomness_both"


def bell_value(
    outcomes: list[list[int]], table: list[list[Fraction]], side: str, value: Fraction, sure: int
) -> Certificate:
    """A bound on constant + slope <A0>, missed by a multiple of the probability that Alice answers ``sure``."""
    bob = sum(outcomes[1])
    weights = ["0"] * (sum(outcomes[0]) * bob)
    weights[sure * bob] = weights[sure * bob + 1] = str(2 * abs(table[1][0]))  # for both answers of Bob
    coefficients = [[str(v) for v in row] for row in table]
    return {
        "format": "sdpbound certificate",
        "version": 1,
        "created_by": "a forger",
        "question": {
            "scenario": {"outcomes": outcomes},
            "figure": {"kind": "bell_value", "coefficients": coefficients},
            "side": side,
            "observed": [],
            "model": {"kind": "no-signaling"},
        },
        "proof": {"multipliers": [], "copies": [{"weights": weights}]},
        "claim": {"value": str(value), "functional": {"constant": str(value), "multipliers": []}},
    }


def finite_of(entropy: Certificate, threshold: str, length: float) -> Certificate:
    """A length from 10^18 rounds with any entropy whose functional is a constant and a multiple of <A0>.

    The test is of that, and the honest devices answer 1 always.
    """
    functional, outcomes = entropy["claim"]["functional"], entropy["question"]["scenario"]["outcomes"]
    slope = Fraction(functional["multipliers"][0])
    table = [[slope * Fraction(v) for v in row] for row in entropy["question"]["observed"][0]["coefficients"]]
    table[0][0] += Fraction(functional["constant"])
    scores = [table[0][0] + table[1][0], table[0][0] - table[1][0]]
    least, most = (scores.index(pick(scores)) for pick in (min, max))
    certificate = golden("finite_randomness_local")
    question, proof = certificate["question"], certificate["proof"]
    question["scenario"]["outcomes"] = outcomes
    question["figure"] |= {"rounds": 10**18, "y": None}
    widest = range(max(outcomes[0]))
    question["behaviour"] = [[[[int(a == 1 and b == 0)] * 2] * 2 for b in (0, 1)] for a in widest]
    proof |= {
        "entropy": entropy,
        "least": bell_value(outcomes, table, "lower", scores[least], 1 - least),
        "most": bell_value(outcomes, table, "upper", scores[most], 1 - most),
        "distribution": [[1, 0], [0, 0]],
        "scores": [[[[str(scores[a]) if a < 2 else 0, 0], [0, 0]]] * 2 for a in widest],
    }
    proof["accumulation"] |= {"gamma": 0.01, "place": 1, "beta": 1e-12, "score_tail": 1e-9}
    certificate["claim"] |= {"value": length, "threshold": threshold}
    return certificate


def nothing_known(outcomes: list[list[int]]) -> Certificate:
    """A true statement: <A0> = -1 proves an entropy of zero or more."""
    certificate = drowned_qubits(0, "0", 0)
    certificate["question"]["scenario"]["outcomes"] = outcomes
    observed = certificate["question"]["observed"][0]["coefficients"]
    observed += [[0, 0, 0] for _ in range(sum(d - 1 if d > 2 else 1 for d in outcomes[0]) + 1 - len(observed))]
    return certificate


def outcome_that_is_none() -> Certificate:
    """Honest devices answer 2 to Alice's setting 0 of two outcomes; that has a huge score and passes any threshold."""
    certificate = finite_of(nothing_known([[2, 3], [2, 2]]), "990", 9.8e20)
    p = certificate["question"]["behaviour"]
    p[1][0], p[2][0] = [[0, 0], [1, 1]], [[1, 1], [0, 0]]
    certificate["proof"]["scores"][2] = [[[1000, 0], [0, 0]]] * 2
    return certificate


def nothing_is_sent() -> Certificate:
    """Where the key is made honest devices answer 2, which that setting has not, and Alice need not send anything."""
    certificate = golden(KEY)
    outcomes = [[2, 2, 3], [2, 2, 2]]
    question, proof = certificate["question"], certificate["proof"]
    for part in (question, *(proof[name]["question"] for name in ("entropy", "least", "most"))):
        part["scenario"]["outcomes"] = outcomes
    tables = [
        proof["entropy"]["question"]["observed"][0],
        *(proof[name]["question"]["figure"] for name in ("least", "most")),
    ]
    for table in tables:
        table["coefficients"] += [[0] * 4, [0] * 4]
    for b in (0, 1):
        for a in (0, 1):
            question["behaviour"][a][b].append([0.5 * (a == 0)] * 3)
            question["behaviour"][a][b][0][2] = 0
            proof["scores"][a][b].append([0] * 3)
        proof["distribution"] += [[0] * 3] * (b == 0)
    question["behaviour"].append([[[0, 0, 0.5], [0] * 3, [0] * 3]] * 2)
    proof["scores"].append([[[0] * 3] * 3] * 2)
    certificate["claim"]["value"] = 7.3e11  # of 10^8 rounds
    return certificate


def attack_in_the_same_scenario() -> Certificate:
    """As the length's entropy, but from above."""
    certificate = golden("attack_entropy_chsh")
    certificate["question"]["scenario"]["outcomes"] = [[2, 2], [2, 2, 2]]
    for row in certificate["question"]["observed"][0]["coefficients"]:
        row.append(0)
    for strategy in certificate["proof"]["strategies"]:
        bob = strategy["measurements"][1]
        bob.append(bob[0])
    return certificate


FINITE_PARTS: dict[str, Callable[[], Certificate]] = {
    "an attack": lambda: golden("attack_entropy_chsh"),
    "an attack in the same scenario": attack_in_the_same_scenario,
    "boxes": lambda: golden("boxes_joint_guess_one"),
    "a finite length": lambda: golden("finite_key_classical"),
    "a self-test": lambda: golden("closed_self_test_local_bell"),
    "a Bell value": lambda: golden("bell_quantum_chsh_upper"),
    "a min-entropy": lambda: golden("min_entropy_local_quantum"),
    "nothing": dict,
}

forged("finite", "an entropy that is drowned", lambda: finite_of(drowned_qubits(), "98/100", 9.7e17), false=True)
forged(
    "finite",
    "an entropy of a million bits that is drowned",
    lambda: finite_of(drowned_qubits(10**6 + 1, "1000000"), "999999", 9.99e23),
    false=True,
)
forged("finite", "an outcome that is none", outcome_that_is_none, false=True)
forged("finite", "an outcome that is none, and nothing is sent", nothing_is_sent, false=True)
for part in ("entropy", "least", "most"):
    for what, make in FINITE_PARTS.items():
        forged("finite", f"{what} as proof.{part}", lambda p=part, m=make: changed(KEY, put("proof", p, m())))
forged("finite", "more bits than outcomes", lambda: changed(KEY, put(*CLAIM, 2.0e8)), false=True)
forged("finite", "half of them", lambda: changed(KEY, put(*CLAIM, 9.0e7)), false=True)
forged("finite", "ten times the rounds", lambda: changed(KEY, put("question", "figure", "rounds", 10**7)), false=True)
forged("finite", "no threshold", lambda: changed(KEY, put("claim", "threshold", -1e9)), false=True)
forged(
    "finite",
    "a threshold that nobody passes",
    lambda: changed(KEY, put("claim", "threshold", 2.0), put(*CLAIM, 9.9e7)),
    false=True,
)
forged("finite", "other settings", lambda: changed(KEY, put(*X, 1)))
forged("finite", "negative scores", lambda: changed(KEY, put("proof", "scores", 0, 0, 0, 0, -1e6)), false=False)
forged("finite", "no soundness", lambda: changed(KEY, put("question", "figure", "soundness", 0)))
forged("finite", "a negative part of what fails", lambda: changed(KEY, put("proof", "accumulation", "wrong", -1e-9)))
forged(
    "finite",
    "flips that were not there",
    lambda: changed("finite_key_flips", put("question", "figure", "preprocessing", 0.0)),
)
forged(
    "finite",
    "a functional that is more",
    lambda: changed(KEY, put("proof", "entropy", "claim", "functional", "constant", -3.0)),
    false=True,
)
forged(
    "finite",
    "extremes of a local model",
    lambda: changed(
        KEY, put("proof", "most", "question", "model", {"kind": "local"}), put("proof", "most", "proof", "copies", [])
    ),
)
forged(
    "finite", "behaviour that is not normalised", lambda: changed(KEY, put("question", "behaviour", 0, 0, 0, 0, 5.0))
)
forged("finite", "randomness, more than two bits", lambda: changed(RANDOMNESS, put(*CLAIM, 2.1e9)), false=True)

# --- lengths by Renyi entropies ---------------------------------------------------------------------------------------

RENYI = "renyi_key"


def signal_free(c: float) -> Any:
    return sb.Behaviour.from_correlators([[c, c, 0.9], [c, -c, 0.0]]).p.tolist()


def worth_more(certificate: Certificate) -> None:
    """All scores, the threshold and the claim, as if a round had a tenth of a bit more."""
    proof, claim = certificate["proof"], certificate["claim"]
    proof["untested"] += 0.1
    for row in (row for bob in proof["scores"] for table in bob for row in table):
        row[:2] = [row[0] + 0.1, row[1] + 0.1]
    claim["threshold"] += 0.1
    claim["value"] += 1e5


def renyi(how: str, *changes: Callable[[Certificate], Any], false: bool = False) -> None:
    forged("renyi", how, lambda: changed(RENYI, *changes), false=false)


renyi("more bits than outcomes", put(*CLAIM, 1.1e6), false=True)
renyi("no threshold", put("claim", "threshold", -1e9), false=True)
renyi("a threshold that nobody passes", put("claim", "threshold", 2.0), put(*CLAIM, 9.9e5), false=True)
renyi("more bits a round", worth_more)
renyi("scores that local devices have", put("proof", "untested", 99.0), put("claim", "threshold", 50.0))
renyi("outcomes that are always equal", put("proof", "chsh", [[1, 1, 0], [1, 1, 0]]))
renyi("large signs", put("proof", "chsh", [[2, 1, 0], [1, -0.5, 0]]))
renyi("another game", put("proof", "chsh", [[1, 0, 1], [1, 0, -1]]))
renyi("settings that are never drawn", put("proof", "distribution", [[1, 0, 0], [0, 1, 0]]))
renyi("a negative weight", put("proof", "distribution", 1, 1, -0.25))
renyi("alpha above 2", put("proof", "renyi_accumulation", "beta", 1.0001))
renyi("a tangent beyond Tsirelson", put("proof", "renyi_accumulation", "tangent", 2.829))
renyi("a tangent of local devices", put("proof", "renyi_accumulation", "tangent", 2))
renyi("a thousand lengths for one", put("claim", "lengths", 1000))
renyi("no length", put("claim", "lengths", 0))
renyi("no soundness", put("question", "figure", "soundness", 0))
renyi("all soundness for unequal keys", put("proof", "renyi_accumulation", "wrong", 1e-10))
renyi("a negative part of what fails", put("proof", "renyi_accumulation", "hashing", -1e-9))
renyi("flips", put("question", "figure", "preprocessing", 0.1))
renyi("honest devices with S = 3", put("question", "behaviour", signal_free(0.75)))
renyi("half as many bits again", put(*CLAIM, 9.9e5))
renyi("a score that is no number", put("proof", "scores", 0, 0, 0, 0, "1/0"))
renyi("inside a length", lambda c: c["proof"].update(accumulation={}))

# --- boxes ------------------------------------------------------------------------------------------------------------

BOXES = {
    "joint boxes": ("boxes_joint_guess_one", ("coordinates", 8), 9),
    "depolarised boxes": ("boxes_depolarised_guess_xor", ("patterns", 0), 10**6),
    "exchangeable boxes": ("boxes_exchangeable_guess", ("errors", 0), 10**6),
}
for kind, (name, place, value) in BOXES.items():
    forged(kind, "a smaller probability", lambda n=name: changed(n, put(*CLAIM, 0.5001)), false=True)
    forged(kind, "less than nothing", lambda n=name: changed(n, put(*CLAIM, -1.0)), false=True)
    forged(kind, "no weights", lambda n=name: changed(n, put("proof", "weights", [[], []])))
    forged(kind, "no lists of weights", lambda n=name: changed(n, put("proof", "weights", [])))
    forged(kind, "half of the weights", lambda n=name: changed(n, put("proof", "denominator", 2)))
    forged(kind, "a negative denominator", lambda n=name: changed(n, put("proof", "denominator", -1)))
    forged(kind, "a lower bound", lambda n=name: changed(n, put("question", "side", "lower")))
    forged(kind, "no distribution", lambda n=name, p=place, v=value: changed(n, put("question", "boxes", *p, v)))
    forged(
        kind,
        "a quantum adversary",
        lambda n=name: changed(n, put("question", "model", {"kind": "quantum", "level": "1"})),
    )
    forged(kind, "weights that do not balance", lambda n=name: changed(n, lambda c: c["proof"]["weights"][1].pop()))
    forged(kind, "a setting that does not exist", lambda n=name: changed(n, put("question", "inputs", 0, [2, 0])))
    forged(
        kind,
        "the distance of another figure",
        lambda n=name: changed(n, put("question", "figure", "kind", "distance_from_uniform")),
    )
forged(
    "joint boxes",
    "an outcome that does not exist",
    lambda: changed("boxes_joint_guess_table", put("question", "function", "values", [0, 0, 0, 3])),
)
forged("joint boxes", "a smaller distance", lambda: changed("boxes_joint_distance_table", put(*CLAIM, 0.1)), false=True)
forged(
    "depolarised boxes",
    "a smaller distance",
    lambda: changed("boxes_depolarised_distance", put(*CLAIM, 0.1)),
    false=True,
)
forged(
    "depolarised boxes",
    "rows that are not independent",
    lambda: changed("boxes_depolarised_distance", put("question", "function", "matrix", [[1, 1], [1, 1]])),
)
forged(
    "exchangeable boxes",
    "a row of too many boxes",
    lambda: changed("boxes_exchangeable_guess", put("proof", "weights", 1, 0, 0, [0, 0, 0, 5])),
)

# --- attacks ----------------------------------------------------------------------------------------------------------

ATTACK = "attack_entropy_chsh"


def only_local(certificate: Certificate) -> None:
    """Deterministic strategies with the tested value they need not have: 2.6 of CHSH."""
    one, none = {"real": [[1.0]], "imaginary": None}, {"real": [], "imaginary": None}
    devices = [[[one, none], [one, none]]] * 2
    state = {"dimensions": [1, 1], "state": one, "measurements": devices}
    certificate["proof"] |= {"strategies": [state], "weights": [1], "adjusted": []}
    certificate["claim"]["value"] = 0.0


forged("attack", "less than it has", lambda: changed(ATTACK, put(*CLAIM, 0.5)), false=True)
forged("attack", "less than nothing", lambda: changed(ATTACK, put(*CLAIM, -1.0)), false=True)
forged("attack", "deterministic", lambda: changed(ATTACK, only_local), false=True)
forged("attack", "deterministic, and drowned", lambda: changed(ATTACK, only_local, drown(2**70)), false=True)
forged("attack", "drowned", lambda: changed(ATTACK, drown(2**100), put(*CLAIM, 0.5)), false=True)
forged("attack", "opposite data", lambda: changed(ATTACK, turn_values, put("proof", "adjusted", [])))
forged("attack", "a negative weight", lambda: changed(ATTACK, put("proof", "weights", 0, -1.0)))
forged("attack", "no strategies", lambda: changed(ATTACK, put("proof", "strategies", []), put("proof", "weights", [])))
forged(
    "attack",
    "strategies in another order",
    lambda: changed("attack_entropy_correlators", reverse("proof", "weights"), put("proof", "adjusted", [])),
)
forged("attack", "an outcome that does not exist", lambda: changed(ATTACK, put(*OUTCOMES, 0, 0, 3)))
forged("attack", "a lower bound", lambda: changed(ATTACK, put("question", "side", "lower")))
forged(
    "attack", "both outcomes, as if one", lambda: changed("attack_entropy_both_outcomes", put(*CLAIM, 0.6)), false=True
)
forged("attack", "no information", lambda: changed("attack_information", put(*CLAIM, 0.0)), false=True)
forged("attack", "information in one group", lambda: changed("attack_information", put("proof", "groups", 0)))


# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORGERIES)
def test_is_refused(name: str) -> None:
    with pytest.raises(sb.CertificateError):
        sb.verify(FORGERIES[name]())


@pytest.mark.parametrize("name", FALSE)
def test_is_false(name: str) -> None:
    """What explicit strategies say, whatever the checker does."""
    assert contradiction(FORGERIES[name]()) is not None


def test_the_lengths_are_well_formed() -> None:
    """With a true entropy, threshold and length the same file holds."""
    assert sb.verify(finite_of(nothing_known([[2, 2], [2, 2]]), "-1/100", -1.1e16)).holds


def test_there_are_enough_of_each_kind() -> None:
    counts = Counter(name.split(":")[0] for name in FORGERIES)
    assert set(counts) == set(KINDS) and min(counts.values()) >= 5
