"""Check a lower bound on a Renyi entropy given Eve: by qubits, by Gauss-Radau nodes of a power, or by a guess.

The question has two parties and quantum devices. The figure is ``renyi_entropy`` with the ``form`` and ``alpha`` of the
entropy. A proof shows that ``q = 2^(-s H)``, H an entropy that is not above the figure, is at most an affine functional
of every quantum behaviour v: ``q <= c + sum_j m_j observed_j . v``. So H is at least -log2 of the functional divided by
s, which is convex in v and above its tangents. The kinds of proof, by what they say in ``renyi``:

**gauss-radau.** H is the entropy of the form "petz down" of the order alpha, s = alpha - 1, which is below that of each
form, alpha below 2. The proof has the entries of one of a von Neumann entropy by nodes, with the nodes of a power
(:func:`sdpbound.checker.radau.power_nodes`). What it bounds is (1 - q)/s.

**guess.** H is the min-entropy, s = 1 and q Eve's probability to guess the key, which is f (1 - 2 f') + f' after flips
with probability f' if the guess without them has the probability f. It is below the three forms of orders up to 2 that
are not "petz down". The proof has ``multipliers`` and ``copies`` as one of a guessing probability.

**chord.** Of the form "sandwiched up" s H is concave in s = 1 - 1/alpha (docs/renyi.md), and at s = 1 it is the
min-entropy. So from an ``order`` b below alpha ``(alpha - 1) H >= (b - 1) H_b + (alpha - b) H_min``, and the entries
``nodes`` and ``guess`` are proofs of the first two kinds of H_b and H_min, with ``claims`` of their own; the functional
is below the sum of theirs.

**qubits.** At most two settings a party, of two outcomes each, are tested. The figure's form and order give s:

===================  =====================  ============
``form``             ``alpha``              s
===================  =====================  ============
``sandwiched up``    above 1, at most 2     1 - 1/alpha
``sandwiched down``  above 1, at most 3/2   alpha - 1
``petz up``          above 1, at most 3/2   alpha - 1
===================  =====================  ============

The key may have passed a channel, which no other kind of proof knows: the N_i are the roots of its effects. The proof
has the constant c and the multipliers m_j. Such q are means where Eve knows which strategy is used, and each
is at most the Q of :mod:`sdpbound.checker.renyi_states` (docs/renyi.md has the proofs). Q is concave and homogeneous of
degree one in the state of two qubits with observables Z and ``cos a Z + sin a X`` on either side, so that it is enough
to show

    max_rho Tr K rho + (Q(rho) - 1)/s <= (c - 1)/s   for all angles,   K = -(1/s) sum_j m_j observed_j.

The left side is convex in K. So cells of angles are those of :mod:`sdpbound.checker.qubit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import flint

from sdpbound.checker.channel import Channel, read_channel
from sdpbound.checker.claim import Conclusion, Verification, conclude_entropy
from sdpbound.checker.linear import copy_charges
from sdpbound.checker.numbers import (
    HALF,
    ONE,
    ZERO,
    common_denominator,
    log2_ball,
    nearest_float,
    rounded_float,
)
from sdpbound.checker.qubit import DOUBLINGS, LEAST_FLIPS, PRECISION, reduced
from sdpbound.checker.qubit_search import MOST_CELLS, CellSearch
from sdpbound.checker.question import Question, key_outcomes, pair_of, read_key
from sdpbound.checker.radau import gauss_radau_charge
from sdpbound.checker.reading import read_keys, read_kind, read_list, read_number, read_numbers, shown
from sdpbound.checker.renyi_states import RenyiDual
from sdpbound.checker.scenario import Observed, read_observed, read_scenario, sized
from sdpbound.checker.trials import out_of_range
from sdpbound.errors import CertificateError

__all__ = ["verify_renyi"]

_FORMS = ("sandwiched up", "sandwiched down", "petz up", "petz down")
#: The largest and the least s that are checked by qubits: below floats choose badly.
_LARGEST, _LEAST = HALF, Fraction(1, 2**20)
_LARGEST_FUNCTIONAL = 2**32


@dataclass(frozen=True, slots=True)
class _Asked:
    question: Question
    x: int
    y: int | None
    form: str
    alpha: Fraction

    @property
    def s(self) -> Fraction:
        """The exponent of a proof by qubits."""
        return 1 - 1 / self.alpha if self.form == "sandwiched up" else self.alpha - 1


@dataclass(frozen=True, slots=True)
class _Power:
    """``2^(-s H) <= charge + sum_j multipliers_j t_j . v``, the t_j in normal form."""

    multipliers: list[Fraction]
    charge: Fraction
    s: Fraction


@dataclass(frozen=True, slots=True)
class _Claim:
    """An entropy in bits, and a functional of the file's tests that is said to be below it."""

    value: Fraction
    constant: Fraction
    slopes: list[Fraction]


def verify_renyi(root: Mapping[str, object], strict: bool) -> Verification:
    """A lower bound on a Renyi entropy."""
    asked = _read_asked(root["question"])
    question, observed = asked.question, asked.question.observed
    claim = _read_claim(root["claim"], "claim", observed)
    claimed, proof = claim.value, root["proof"]
    if isinstance(proof, Mapping) and proof.get("renyi") == "chord":
        bound, functional, faults = _on_chord(proof, asked, claim)
    else:
        bound, functional, faults = _concluded(asked, _power(proof, asked), claim)
    value = rounded_float(bound, up=False)
    if bound < claimed:
        faults = [f"the recomputed lower bound is {value!r}, the claimed value {nearest_float(claimed)!r}", *faults]
    sizes = question.scenario.outcomes
    outcomes = sizes[0][asked.x] * (1 if asked.y is None else sizes[1][asked.y])
    faults += out_of_range(claimed, "lower", flint.arb(0), log2_ball(Fraction(outcomes)), "this Renyi entropy")
    message = f"The Renyi entropy is at least {value!r}, as claimed ({nearest_float(claimed)!r})."
    if faults:
        message = f"The certificate does not prove its claim on the Renyi entropy: {'; '.join(faults)}."
        if strict:
            raise CertificateError(message)
    return Verification(
        value=value,
        claimed=rounded_float(claimed, up=False),
        side="lower",
        figure=question.kind,
        model="quantum",
        holds=not faults,
        functional=functional,
        message=message,
    )


def _read_claim(entry: object, name: str, observed: Observed) -> _Claim:
    claim = read_keys(entry, ("value", "functional"), name)
    functional = read_keys(claim["functional"], ("constant", "multipliers"), f"{name}.functional")
    slopes = read_numbers(functional["multipliers"], f"{name}.functional.multipliers", length=len(observed))
    constant = read_number(functional["constant"], f"{name}.functional.constant")
    return _Claim(read_number(claim["value"], f"{name}.value"), constant, slopes)


def _concluded(asked: _Asked, power: _Power, claim: _Claim) -> Conclusion:
    """Bound and functional in bits that a power proves, and what the claimed functional has beyond it."""
    observed, s = asked.question.observed, power.s
    common_denominator([*power.multipliers, *claim.slopes, claim.value, claim.constant, power.charge], "the claim")
    own = [s * slope for slope in claim.slopes]
    bound, (top, steepness), faults = conclude_entropy(
        asked.question, power.multipliers, power.charge, s * claim.constant, own
    )
    return bound / s, _in_bits(observed, s, top, steepness), faults


def _on_chord(entry: Mapping[str, object], asked: _Asked, claim: _Claim) -> Conclusion:
    """The same of the sum of two entropies with weights, each with a claim of its own."""
    proof = read_keys(entry, ("renyi", "order", "nodes", "guess", "claims"), "proof")
    order, alpha, observed = read_number(proof["order"], "proof.order"), asked.alpha, asked.question.observed
    if asked.form != "sandwiched up" or not 1 < order < alpha:
        raise CertificateError("proof.renyi is 'chord'; that is for the form sandwiched up, from a smaller order on.")
    given = read_list(proof["claims"], "proof.claims", length=2)
    claims = [_read_claim(own, f"proof.claims[{i}]", observed) for i, own in enumerate(given)]
    powers = [_by_nodes(proof["nodes"], replace(asked, alpha=order)), _by_guess(proof["guess"], asked)]
    weights = [(order - 1) / (alpha - 1), (alpha - order) / (alpha - 1)]
    total, height, steep, faults = ZERO, ZERO, [ZERO] * len(observed), []
    for weight, power, own_claim in zip(weights, powers, claims, strict=True):
        bound, _, wrong = _concluded(asked, power, own_claim)
        faults += wrong
        if bound < own_claim.value:
            faults.append(f"an end of the chord has the bound {rounded_float(bound, up=False)!r}, less than its claim")
        total += weight * bound
        height += weight * own_claim.constant
        steep = [old + weight * slope for old, slope in zip(steep, own_claim.slopes, strict=True)]
    if claim.constant > _weakest(observed, height, steep, claim.slopes):
        faults.append("claim.functional is not below that of the two proofs")
    floats = tuple(map(nearest_float, steep))
    highest = _weakest(observed, height, steep, list(map(Fraction, floats)))
    return total, (rounded_float(highest, up=False), floats), faults


def _weakest(observed: Observed, height: Fraction, steep: Sequence[Fraction], slopes: Sequence[Fraction]) -> Fraction:
    """The constant with which the functional with other slopes follows from one that is proven."""
    off = [a - b for a, b in zip(steep, slopes, strict=True)]
    lost = sum((abs(d) * limit for d, limit in zip(observed.scaled(off), observed.limits, strict=True)), ZERO)
    return height + observed.shift(off) - lost


def _power(entry: object, asked: _Asked) -> _Power:
    """What the proof shows of a power."""
    way = entry.get("renyi") if isinstance(entry, Mapping) else None
    if way == "qubits":
        return _by_qubits(entry, asked)
    if way == "gauss-radau":
        return _by_nodes(entry, asked)
    if way == "guess":
        return _by_guess(entry, asked)
    raise CertificateError(f"proof.renyi is {shown(way)}; it must be qubits, gauss-radau, guess or chord.")


def _by_qubits(entry: object, asked: _Asked) -> _Power:
    proof = read_keys(entry, ("renyi", "constant", "multipliers"), "proof")
    height = read_number(proof["constant"], "proof.constant")
    multipliers, scaled = _read_multipliers(proof["multipliers"], asked)
    charge = height + asked.question.observed.shift(multipliers)
    _prove(asked, scaled, charge)
    return _Power(scaled, charge, asked.s)


def _by_nodes(entry: object, asked: _Asked) -> _Power:
    """The dual bounds minus (1 - q)/r from above."""
    names = ("renyi", "multipliers", "gauss_radau", "words", "left", "right", "factor", "blocks")
    proof = read_keys(entry, names, "proof")
    if proof["renyi"] != "gauss-radau":
        raise CertificateError(f"proof.nodes.renyi is {shown(proof['renyi'])}; 'gauss-radau' is expected.")
    r = asked.alpha - 1
    _, scaled = _read_multipliers(proof["multipliers"], asked)
    charge = 1 + r * gauss_radau_charge(asked.question, scaled, proof, r)
    return _Power([r * multiplier for multiplier in scaled], charge, r)


def _by_guess(entry: object, asked: _Asked) -> _Power:
    proof = read_keys(entry, ("renyi", "multipliers", "copies"), "proof")
    if asked.form == "petz down" or proof["renyi"] != "guess":
        raise CertificateError("proof.renyi is 'guess'; the min-entropy may be above the form petz down.")
    _, scaled = _read_multipliers(proof["multipliers"], asked)
    guess = replace(asked.question, objectives=key_outcomes(asked.question))
    q = asked.question.flips
    charge = q + (1 - 2 * q) * max(copy_charges(guess, scaled, proof["copies"]))
    return _Power([(1 - 2 * q) * multiplier for multiplier in scaled], charge, ONE)


def _read_multipliers(entry: object, asked: _Asked) -> tuple[list[Fraction], list[Fraction]]:
    """Those of the file, and those of the tests' normal forms."""
    observed = asked.question.observed
    multipliers = read_numbers(entry, "proof.multipliers", length=len(observed))
    common_denominator(multipliers, "proof.multipliers")
    scaled = observed.scaled(multipliers)
    for j, multiplier in enumerate(scaled):
        sized(multiplier, f"proof.multipliers[{j}]")
    return multipliers, scaled


def _in_bits(
    observed: Observed, s: Fraction, top: float, steepness: Sequence[float]
) -> tuple[float, tuple[float, ...]]:
    """The functional of -log2 q divided by s; what the rounding of its multipliers may cost is taken off."""
    exact = [Fraction(slope) / s for slope in steepness]
    slopes = tuple(map(nearest_float, exact))
    constant = _weakest(observed, Fraction(top) / s, exact, list(map(Fraction, slopes)))
    return rounded_float(constant, up=False), slopes


def _read_asked(entry: object) -> _Asked:
    given = read_keys(entry, ("scenario", "figure", "side", "observed", "model"), "question")
    scenario = read_scenario(given["scenario"])
    model = read_keys(given["model"], ("kind",), "question.model", ("level",))
    if len(scenario.outcomes) != 2 or model["kind"] != "quantum" or given["side"] != "lower":
        raise CertificateError("a Renyi entropy is bounded from below, of two parties with quantum devices.")
    name = "question.figure"
    kind = read_kind(given["figure"], name, ("renyi_entropy",))
    figure = read_keys(given["figure"], ("kind", "x", "y", "preprocessing", "form", "alpha"), name)
    key = read_key(figure, scenario, name, ("preprocessing", "form", "alpha"))
    x, y = pair_of(key, name)
    alpha = read_number(figure["alpha"], f"{name}.alpha")
    is_a_bit = y is None and scenario.outcomes[0][x] == 2
    channel = read_channel(figure["preprocessing"], is_a_bit, f"{name}.preprocessing")
    if not 1 < alpha <= 2:
        raise CertificateError(f"{name}.alpha is {shown(figure['alpha'])}; it must be above 1, and at most 2.")
    form = figure["form"]
    if not isinstance(form, str) or form not in _FORMS:
        raise CertificateError(f"{name}.form is {shown(form)}; it must be one of {', '.join(_FORMS)}.")
    observed = read_observed(given["observed"], scenario)
    question = Question(scenario, {}, kind, "lower", "quantum", [], observed, key, channel=channel)
    return _Asked(question, x, y, form, alpha)


def _prove(asked: _Asked, multipliers: Sequence[Fraction], charge: Fraction) -> None:
    """Show that q is at most ``charge + sum_j multipliers_j t_j . v``, with the tests t_j in normal form."""
    if charge >= 1 and not any(multipliers):
        return  # no power of an entropy is above one
    if asked.form == "petz down" or not _LEAST <= asked.s <= _LARGEST:
        raise CertificateError(
            f"a proof by qubits is about the forms sandwiched up with alpha from {float(1 + _LEAST)!r} to 2, and "
            "sandwiched down and petz up with alpha to 3/2."
        )
    table, key = reduced(asked.question, asked.x, asked.y, multipliers)
    if key == "none":
        raise CertificateError("the setting of the key is not tested, so that Eve may know its outcome.")
    expression = [[value / asked.s for value in row] for row in table]
    goal = (charge - ONE) / asked.s
    size = sum((abs(value) for row in expression for value in row), abs(goal))
    if size > _LARGEST_FUNCTIONAL:
        raise CertificateError(f"proof.multipliers divided by s are more than {_LARGEST_FUNCTIONAL}.")
    channel = asked.question.channel
    if channel.is_of_flips and channel.flips < LEAST_FLIPS:
        channel = Channel()  # flips lower no entropy
    precision = PRECISION + 2 * int(size).bit_length()
    steps = 0  # of all precisions together
    for doubling in range(DOUBLINGS + 1):
        with flint.ctx.workprec(precision << doubling):
            search = CellSearch(expression, RenyiDual(key, channel, asked.s), goal, steps, flint.arb(1))
            if search.run():
                return
            if not search.blurred:
                break
            steps = search.steps
    raise CertificateError(
        "the functional is too close to the power of the entropy, or below it, for its proof: more than "
        f"{MOST_CELLS} cells of angles would be needed."
    )
