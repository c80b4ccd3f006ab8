"""Renyi entropies by programs: what they prove of a power, and the chord between two entropies.

**Nodes.** Let r = alpha - 1 be between 0 and 1. For x > 0

    x^-r = 1 - r integral_0^1 W(t) k(t) dt,   k(t) = (x - 1) / (1 + t (x - 1)),   W = sin(pi r)/(pi r) t^r (1 - t)^-r,

by Euler's integral. Any rule of nodes t_i from 0 to 1, the last one 1, with positive weights w_i that is exact for
polynomials of degree 2m - 2 is at most the integral of k, whose derivative of order 2m - 1 is not positive, as that of
the error's weight ``(t - 1) prod (t - t_i)^2``. With x the relative modular operator of Eve's state and that of one
value of the key, and ``kappa_i = w_i / t_i``, the blocks of :mod:`sdpbound.recheck.radau` show ``(1 - q) / r >= - m -
l . t`` of ``q = 2^(-r H)``, H of the form "petz down". So ``q <= 1 + r m + r l . t``, and no form is below that one.

The rule is found from the moments ``c_n = (1+r)..(n+r) / (n+1)!`` of W alone: the inner nodes are the roots of the
polynomial that is orthogonal to all of lower degree for ``(1 - t) W``, a linear system in exact numbers, and the
weights solve ``sum_i w_i t_i^n = c_n``. Such a rule is exact to degree 2m - 2.

**Guess.** Eve guesses the key with probability at most ``m + l . t``. A flip with probability f makes of her states
rho_b ``(1 - 2f) rho_b + f (rho_0 + rho_1)``, guessed with f + (1 - 2f) times the probability. The min-entropy is below
the other forms up to order 2.

**Chord.** Of the form "sandwiched up" s H is concave in s = 1 - 1/alpha up to 1, where H is the min-entropy. With b
below alpha, s of alpha is ``b/alpha`` times that of b and ``1 - b/alpha`` times 1, so that

    (alpha - 1) H >= (b - 1) H_b + (alpha - b) H_min.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import end
from sdpbound.recheck.linear import largest_guess, of_power
from sdpbound.recheck.question import Key, Question, functional_faults, within
from sdpbound.recheck.radau import ENTRIES, Rule, least_of_blocks
from sdpbound.recheck.reading import choice, items, number, numbers, record

__all__ = ["Power", "RenyiAsked", "power_of_program", "power_rule", "recheck_program"]

PRECISION = 640


@dataclass(frozen=True, slots=True)
class RenyiAsked:
    """The question, its key, and the form and the order of the entropy."""

    question: Question
    key: Key
    form: str
    alpha: Fraction


@dataclass(frozen=True, slots=True)
class Power(RenyiAsked):
    """``2^(-exponent H) <= constant + multipliers . t`` of all quantum behaviours, H at most the entropy asked for."""

    exponent: Fraction
    constant: Fraction
    multipliers: tuple[Fraction, ...]

    def finding(self, claim: dict[str, Any]) -> Finding:
        """What that says of the entropy."""
        most = self.key.outcomes(self.question.devices)
        return of_power(self.question, self.constant, self.multipliers, claim, most, self.exponent)


def recheck_program(asked: RenyiAsked, proof: dict[str, Any], budget: Budget, claim: dict[str, Any]) -> Finding:
    """A certificate by nodes, by a guess or by the chord between both."""
    if proof.get("renyi") != "chord":
        return power_of_program(asked, proof, budget).finding(claim)
    parts = record(proof, "the proof", "renyi order nodes guess claims")
    order, alpha = number(parts["order"], "the order"), asked.alpha
    if asked.form != "sandwiched up" or not 1 < order < alpha:
        raise refuse("a chord is of the form 'sandwiched up', from an order above 1 and below that asked for.")
    both = []
    for way, entries, own, given in zip(
        ("gauss-radau", "guess"),
        (parts["nodes"], parts["guess"]),
        (replace(asked, alpha=order), asked),
        items(parts["claims"], "the claims", 2, 2),
        strict=True,
    ):
        if type(entries) is not dict or entries.get("renyi", way) != way:
            raise refuse("the parts of a chord are a proof by nodes and one by a guess.")
        said = record(given, "a claim of the chord", "value functional")
        found = power_of_program(own, {**entries, "renyi": way}, budget).finding(said)
        if found.faults or found.claimed > found.proven:
            raise refuse("a part of the chord does not hold.")
        both.append((found.proven, said["functional"]))
    shares = (order - 1) / (alpha - 1), (alpha - order) / (alpha - 1)
    count = len(asked.question.tested)
    constant, slopes = Fraction(0), [Fraction(0)] * count
    for share, (_, functional) in zip(shares, both, strict=True):
        constant += share * number(functional["constant"], "a constant")
        own_slopes = numbers(functional["multipliers"], "multipliers", count)
        slopes = [slope + share * one for slope, one in zip(slopes, own_slopes, strict=True)]
    proven = shares[0] * both[0][0] + shares[1] * both[1][0]
    claimed = number(claim["value"], "the claimed value")
    faults = functional_faults(claim["functional"], asked.question, constant, slopes)
    highest = end(flint.arb(asked.key.outcomes(asked.question.devices)).log() / flint.arb(2).log(), "upper")
    return Finding(asked.question.kind, "lower", proven, claimed, faults + within(claimed, 0, highest))


def power_of_program(asked: RenyiAsked, proof: dict[str, Any], budget: Budget) -> Power:
    """What a proof by nodes or by a guess shows."""
    question, key = asked.question, asked.key
    way = choice(proof.get("renyi"), "what proves the entropy", ("gauss-radau", "guess"))
    kept = {name: entry for name, entry in proof.items() if name != "renyi"}
    if way == "gauss-radau":
        entries = record(kept, "the proof", f"multipliers {ENTRIES}")
        multipliers = numbers(entries["multipliers"], "multipliers", len(question.tested))
        r = asked.alpha - 1
        if not 0 < r < 1:
            raise refuse("nodes prove orders between 1 and 2.")

        def rule(count: int, left: Budget) -> Rule:
            return power_rule(count, r, left)

        most = least_of_blocks(question, key, multipliers, entries, budget, rule)
        return _power(asked, r, 1 + r * most, [r * m for m in multipliers])
    if asked.form == "petz down":
        raise refuse("the min-entropy is not below the form 'petz down'.")
    entries = record(kept, "the proof", "multipliers copies")
    multipliers = numbers(entries["multipliers"], "multipliers", len(question.tested))
    figure = {"kind": "guessing_probability", "x": key.x, "y": key.y}
    guessed = replace(question, figure=figure, side="upper")
    most = largest_guess(guessed, multipliers, entries["copies"], budget)
    flips = key.flips
    share = 1 - 2 * flips
    return _power(asked, Fraction(1), flips + share * most, [share * m for m in multipliers])


def _power(asked: RenyiAsked, exponent: Fraction, constant: Fraction, multipliers: list[Fraction]) -> Power:
    return Power(asked.question, asked.key, asked.form, asked.alpha, exponent, constant, tuple(multipliers))


def power_rule(count: int, r: Fraction, budget: Budget) -> Rule:
    """(t_i, kappa_i) of the Gauss-Radau rule of W, the last node being 1."""
    n = count - 1
    budget.spend(20_000 * count**2)
    exact = [flint.fmpq(1)]
    for k in range(2 * n + 1):
        exact.append(exact[-1] * flint.fmpq((1 + k + r).numerator, (1 + k + r).denominator) / (k + 2))
    less = [a - b for a, b in pairwise(exact)]  # moments of (1 - t) W
    hankel = flint.fmpq_mat([[less[i + j] for j in range(n)] for i in range(n)])
    lower = hankel.solve(flint.fmpq_mat([[-less[n + i]] for i in range(n)])).entries()
    with flint.ctx.workprec(PRECISION):
        roots = flint.fmpq_poly([*lower, flint.fmpq(1)]).complex_roots()
        nodes = [*sorted((root.real for root, _ in roots), key=float), flint.arb(1)]
        if len(nodes) != count or not all(node > 0 for node in nodes) or not all(node < 1 for node in nodes[:-1]):
            raise refuse(f"the nodes of the rule of {count} could not be told apart.")
        powers = flint.arb_mat([[node**k for node in nodes] for k in range(count)])
        weights = powers.solve(flint.arb_mat([[flint.arb(moment)] for moment in exact[:count]])).entries()
        if not all(weight > 0 for weight in weights):
            raise refuse(f"the weights of the rule of {count} could not be shown to be positive.")
        return [(node, weight / node) for node, weight in zip(nodes, weights, strict=True)]
