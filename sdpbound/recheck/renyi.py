"""Renyi entropies: by nodes of a power, by a guess, by a chord between these two, or by the qubit reduction.

Programs are :mod:`sdpbound.recheck.renyi_programs`.

**Qubits.** The search of :mod:`sdpbound.recheck.qubits`, with powers for logarithms.
To be shown is ``2^(-s H) <= c + m . t`` of every quantum behaviour (docs/renyi.md). With K = -(1/s) m . t at two angles
and ``Q(rho) = 2^(-s H(rho))``, that is

    G(K) = max_rho Tr K rho + (Q(rho) - 1)/s <= (c - 1)/s

for all angles. G is convex in K and moves no more than K does: so cells of angles are bounded by their corners as those
of von Neumann entropies are.

**Corners.** For any symmetric X, with R = exp(X), t = s/(1-s) and W_i the roots of the effects of the key,

    Q(rho) <= Tr rho M,   M = S^(1/2) (S^(1/2) R S^(1/2))^-s S^(1/2),   S = sum_i W_i (W_i^T R W_i)^t W_i^T,

so that G is at most the largest eigenvalue of ``K + (M - 1)/s``. In balls, every power is the exponential of a multiple
of a logarithm, and each logarithm is proven.

**Which X.** ``M = T`` for ``R = T^(-1/2) (T^(-1/2) S T^(-1/2))^(1/s - 1) T^(-1/2)``. At the best R the matrix above is
G times the identity, and T = 1 + s (G - K). So R is iterated: S by the last R, and for G what the state
``S^(-1/2) (S^(1/2) R S^(1/2))^(1+s) S^(-1/2)``, for which M is best, shows it to be at least. As s goes to 0 that is
the iteration of the von Neumann entropy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball
from sdpbound.recheck.linear import of_power
from sdpbound.recheck.matrices import Real, guessed, guessed_log, largest, log_ball, middle
from sdpbound.recheck.qubits import AngleSearch, Corner, arranged
from sdpbound.recheck.question import Key, Question, read_key, read_question
from sdpbound.recheck.reading import choice, number, numbers, record
from sdpbound.recheck.renyi_programs import Power, RenyiAsked, power_of_program, recheck_program

__all__ = ["recheck_renyi", "shown_power"]

LEAST, MOST = Fraction(1, 2**20), Fraction(1, 2)
#: Binary digits: each of three logarithms in turn loses those of the inverse of its matrix.
DIGITS = 320


def recheck_renyi(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question, key, form, alpha = _question(root)
    proof = root["proof"]
    way = choice(proof["renyi"], "what proves the entropy", ("qubits", "gauss-radau", "guess", "chord"))
    if way != "qubits":
        claim = record(root["claim"], "the claim", "value functional")
        return recheck_program(RenyiAsked(question, key, form, alpha), proof, budget, claim)
    exponent = 1 - 1 / alpha if form == "sandwiched up" else alpha - 1
    proof = record(proof, "the proof", "renyi constant multipliers")
    constant = number(proof["constant"], "the constant")
    multipliers = numbers(proof["multipliers"], "multipliers", len(question.tested))
    claim = record(root["claim"], "the claim", "value functional")
    # what is wrong with the claim is seen before the work
    finding = of_power(question, constant, multipliers, claim, key.outcomes(question.devices), exponent)
    if finding.faults or finding.claimed > finding.proven:
        return finding
    if any(multipliers) or constant < 1:
        if form == "petz down" or not LEAST <= exponent <= MOST:
            raise refuse("qubits prove no entropy of this form and order.")
        with flint.ctx.workprec(DIGITS):
            _search(question, key, exponent, constant, multipliers).run(budget)
    return finding


def shown_power(root: dict[str, Any], budget: Budget) -> Power:
    """What a certificate that holds shows of the power; none of the chord, which is about the entropy."""
    found = recheck_renyi(root, budget)
    if found.faults or found.claimed > found.proven:
        raise refuse("the certificate of the power does not hold.")
    question, key, form, alpha = _question(root)
    proof = root["proof"]
    if proof["renyi"] != "qubits":
        return power_of_program(RenyiAsked(question, key, form, alpha), proof, budget)
    exponent = 1 - 1 / alpha if form == "sandwiched up" else alpha - 1
    multipliers = numbers(proof["multipliers"], "multipliers", len(question.tested))
    return Power(question, key, form, alpha, exponent, number(proof["constant"], "c"), tuple(multipliers))


def _question(root: dict[str, Any]) -> tuple[Question, Key, str, Fraction]:
    """The question, its key, and the form and the order of the entropy."""
    question = read_question(root, parties=(2, 2))
    if question.kind != "renyi_entropy" or question.side != "lower" or question.model != "quantum":
        raise refuse("a proof of this kind is of a lower bound on a Renyi entropy against a quantum adversary.")
    figure = record(question.figure, "the figure", "kind x y preprocessing form alpha")
    form = choice(figure["form"], "the form", ("sandwiched up", "sandwiched down", "petz up", "petz down"))
    alpha = number(figure["alpha"], "alpha")
    if not 1 < alpha <= 2:
        raise refuse("alpha must be above 1, and at most 2.")
    plain = {name: figure[name] for name in ("kind", "x", "y", "preprocessing")}
    key = read_key(replace(question, figure=plain), flips=True)
    if key.outcomes(question.devices) < 2:
        raise refuse("a key of one outcome has no entropy.")
    key.pair()
    return question, key, form, alpha


def _search(
    question: Question, key: Key, exponent: Fraction, constant: Fraction, multipliers: list[Fraction]
) -> RenyiSearch:
    """The search that belongs to a question."""
    found = arranged(question, key, [-m / exponent for m in multipliers])
    if not found.outcomes:
        raise refuse("the setting of the key is not tested: nothing is known of its entropy.")
    outcomes = [(flint.arb(1), w) for w in found.outcomes]
    terms = {place: ball(value) for place, value in found.terms.items()}
    ceiling = ball((constant - 1) / exponent - found.constant)
    return RenyiSearch(terms, lambda _a, _b: outcomes, ceiling, found.angles, exponent=exponent)


@dataclass(slots=True)
class RenyiSearch(AngleSearch):
    """Branch and bound; ``exponent`` is s."""

    exponent: Fraction = MOST

    def judged(self, corner: Corner) -> tuple[float, float, Real]:
        """About what G is at most, and at least, by the X at a corner, and what the iteration adds to X."""
        s, one = ball(self.exponent), _identity()
        r = corner.hint.exp().mid()
        total = Real(4, 4)
        for _, w in corner.outcomes:
            total = total + w * guessed(w.transpose() * r * w, _to(s / (1 - s)))[0] * w.transpose()
        half, back = guessed(total, _to(flint.arb(0.5)), _to(flint.arb(-0.5)))
        down, up = guessed(half * r * half, _to(-s), _to(1 + s))
        gap = middle(corner.operator + (half * down * half - one) * (1 / s))
        state = middle(back * up * back)
        most, below = largest(gap), float(((state * gap).trace() / state.trace()).mid())
        target = middle(one * (1 + s * flint.arb(below)) - corner.operator * s)
        if largest(-target) >= 0:  # far from the best R
            target = middle(one * (1 + s * flint.arb(most)) - corner.operator * s)
        root = guessed(target, _to(flint.arb(-0.5)))[0]
        better = root * guessed(root * total * root, _to(1 / s - 1))[0] * root
        return most, below, middle(guessed_log(middle(better)) - corner.hint)

    def enclosed(self, corner: Corner) -> Real | None:
        """A ball around ``K + (M - 1)/s`` from the best X."""
        s = ball(self.exponent)
        r = corner.best.exp()
        total = Real(4, 4)
        for _, w in corner.outcomes:
            power = _power(w.transpose() * r * w, s / (1 - s))
            if power is None:
                return None
            total = total + w * power * w.transpose()
        half = _power(total, flint.arb(0.5))
        down = None if half is None else _power(half * r * half, -s)
        if half is None or down is None:
            return None
        return corner.operator + (half * down * half - _identity()) * (1 / s)

    def exceeded(self, corner: Corner) -> bool:
        """Whether a state exceeds the ceiling, by more than roundings; approximate, for a power is not linear in X."""
        return corner.below > float(self.ceiling.upper()) + 1e-9


def _identity() -> Real:
    return Real([[int(i == j) for j in range(4)] for i in range(4)])


def _to(exponent: flint.arb) -> Callable[[flint.arb], flint.arb]:
    """About the power of a positive number; of others, which are roundings, that of a tiny one."""
    return lambda value: ((value if value > 0 else flint.arb(2) ** -200).log() * exponent).exp()


def _power(matrix: Real, exponent: flint.arb) -> Real | None:
    """Every power of every positive matrix in a ball, if its logarithm can be proven."""
    logarithm = log_ball(matrix)
    return None if logarithm is None else (logarithm * exponent).exp()
