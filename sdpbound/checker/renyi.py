"""Check a lower bound on a Renyi entropy given Eve: branch and bound over angles in balls.

The question has two parties and quantum devices; at most two settings a party, of two outcomes each, are tested. The
figure is ``renyi_entropy`` with the ``form`` and ``alpha`` of the entropy, both of which give an exponent s:

===================  =====================  ============
``form``             ``alpha``              s
===================  =====================  ============
``sandwiched up``    above 1, at most 2     1 - 1/alpha
``sandwiched down``  above 1, at most 3/2   alpha - 1
``petz up``          above 1, at most 3/2   alpha - 1
===================  =====================  ============

A proof has a constant c and multipliers m_j. To be shown is, for every quantum behaviour v, that ``q = 2^(-s H)`` is at
most ``c + sum_j m_j observed_j . v``. Such q are means where Eve knows which strategy is used, and each is at most the
Q of :mod:`sdpbound.checker.renyi_states` (docs/renyi.md has the proofs). Q is concave and homogeneous of degree one in
the state of two qubits with observables Z and ``cos a Z + sin a X`` on either side, so that it is enough to show

    max_rho Tr K rho + (Q(rho) - 1)/s <= (c - 1)/s   for all angles,   K = -(1/s) sum_j m_j observed_j.

The left side is convex in K. So cells of angles are those of :mod:`sdpbound.checker.qubit`. Then
``H >= -log2(c + sum_j m_j observed_j . v)/s``, which is convex in v and above its tangents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint

from sdpbound.checker.claim import Verification, conclude_entropy
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
from sdpbound.checker.question import Question, pair_of, read_key
from sdpbound.checker.reading import read_keys, read_kind, read_number, read_numbers, shown
from sdpbound.checker.renyi_states import RenyiDual
from sdpbound.checker.scenario import read_observed, read_scenario, sized
from sdpbound.checker.trials import out_of_range
from sdpbound.errors import CertificateError

__all__ = ["verify_renyi"]

#: The largest and the least s that are checked: below floats choose badly.
_LARGEST, _LEAST = HALF, Fraction(1, 2**20)
_LARGEST_FUNCTIONAL = 2**32


@dataclass(frozen=True, slots=True)
class _Asked:
    question: Question
    x: int
    y: int | None
    flips: Fraction
    s: Fraction


def verify_renyi(root: Mapping[str, object], strict: bool) -> Verification:
    """A lower bound on a Renyi entropy."""
    asked = _read_asked(root["question"])
    question, observed, s = asked.question, asked.question.observed, asked.s
    claim = read_keys(root["claim"], ("value", "functional"), "claim")
    claimed = read_number(claim["value"], "claim.value")
    functional = read_keys(claim["functional"], ("constant", "multipliers"), "claim.functional")
    constant = read_number(functional["constant"], "claim.functional.constant")
    slopes = read_numbers(functional["multipliers"], "claim.functional.multipliers", length=len(observed))
    proof = read_keys(root["proof"], ("renyi", "constant", "multipliers"), "proof")
    if proof["renyi"] != "qubits":
        raise CertificateError(f"proof.renyi is {shown(proof['renyi'])}; 'qubits' is expected.")
    height = read_number(proof["constant"], "proof.constant")
    multipliers = read_numbers(proof["multipliers"], "proof.multipliers", length=len(observed))
    common_denominator([*multipliers, *slopes, claimed, constant, height], "proof.multipliers and claim")
    scaled = observed.scaled(multipliers)
    for j, multiplier in enumerate(scaled):
        sized(multiplier, f"proof.multipliers[{j}]")
    charge = height + observed.shift(multipliers)
    _prove(asked, scaled, charge)
    own = [s * slope for slope in slopes]
    bound, (top, steepness), faults = conclude_entropy(question, scaled, charge, s * constant, own)
    bound = bound / s
    value = rounded_float(bound, up=False)
    if bound < claimed:
        faults = [f"the recomputed lower bound is {value!r}, the claimed value {nearest_float(claimed)!r}", *faults]
    outcomes = 4 if asked.y is not None else 2
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
        functional=_in_bits(asked, top, steepness),
        message=message,
    )


def _in_bits(asked: _Asked, top: float, steepness: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """The functional of -log2 q divided by s; what the rounding of its multipliers may cost is taken off."""
    observed = asked.question.observed
    exact = [Fraction(slope) / asked.s for slope in steepness]
    slopes = tuple(map(nearest_float, exact))
    off = [a - Fraction(b) for a, b in zip(exact, slopes, strict=True)]
    lost = sum((abs(d) * limit for d, limit in zip(observed.scaled(off), observed.limits, strict=True)), ZERO)
    return rounded_float(Fraction(top) / asked.s + observed.shift(off) - lost, up=False), slopes


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
    flips, alpha = (read_number(figure[entry], f"{name}.{entry}") for entry in ("preprocessing", "alpha"))
    if not 0 <= flips <= HALF or (flips and y is not None):
        raise CertificateError(f"{name}.preprocessing must be from 0 to 1/2, and 0 for the outcomes of both parties.")
    if alpha <= 1:
        raise CertificateError(f"{name}.alpha is {shown(figure['alpha'])}; it must be above 1.")
    forms = {"sandwiched up": 1 - 1 / alpha, "sandwiched down": alpha - 1, "petz up": alpha - 1}
    form = figure["form"]
    if not isinstance(form, str) or form not in forms:
        raise CertificateError(f"{name}.form is {shown(form)}; it must be one of {', '.join(forms)}.")
    if not _LEAST <= forms[form] <= _LARGEST:
        raise CertificateError(
            f"{name}.alpha is {shown(figure['alpha'])}; of the form {form} it must be from {float(1 + _LEAST)!r} to "
            f"{'2' if form == 'sandwiched up' else '3/2'}."
        )
    observed = read_observed(given["observed"], scenario)
    return _Asked(Question(scenario, {}, kind, "lower", "quantum", [], observed, key), x, y, flips, forms[form])


def _prove(asked: _Asked, multipliers: Sequence[Fraction], charge: Fraction) -> None:
    """Show that q is at most ``charge + sum_j multipliers_j t_j . v``, with the tests t_j in normal form."""
    if charge >= 1 and not any(multipliers):
        return  # no power of an entropy is above one
    table, key = reduced(asked.question, asked.x, asked.y, multipliers)
    if key == "none":
        raise CertificateError("the setting of the key is not tested, so that Eve may know its outcome.")
    expression = [[value / asked.s for value in row] for row in table]
    goal = (charge - ONE) / asked.s
    size = sum((abs(value) for row in expression for value in row), abs(goal))
    if size > _LARGEST_FUNCTIONAL:
        raise CertificateError(f"proof.multipliers divided by s are more than {_LARGEST_FUNCTIONAL}.")
    flips = asked.flips if asked.flips >= LEAST_FLIPS else ZERO  # flips lower no entropy
    precision = PRECISION + 2 * int(size).bit_length()
    steps = 0  # of all precisions together
    for doubling in range(DOUBLINGS + 1):
        with flint.ctx.workprec(precision << doubling):
            search = CellSearch(expression, RenyiDual(key, flips, asked.s), goal, steps, flint.arb(1))
            if search.run():
                return
            if not search.blurred:
                break
            steps = search.steps
    raise CertificateError(
        "the functional is too close to the power of the entropy, or below it, for its proof: more than "
        f"{MOST_CELLS} cells of angles would be needed."
    )
