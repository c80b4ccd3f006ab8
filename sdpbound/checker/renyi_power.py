"""The weighted power of a round, from the certificate of a Renyi entropy: lengths whose test is not CHSH.

The certificate is of the form "sandwiched down" and of the order alpha = 1 + beta, of the key's x, and shows ``Q =
2^(-beta H) <= L(p)``, an affine function. With weights v = 2^(beta f / alpha) of a test's results, a test at x', y' has

- of Alice's outcome: ``sum_a Tr (sum_b v X_ab)^alpha <= v_1^beta (v_0 Q + sum (v - v_0) p)``, with v_1 the largest v
  there and any v_0 from 0 to the least one. Q is that of x'. So v_0 is the least one if x' is the key's and its bit is
  not flipped and passes no channel, as bits of tests do not; else it is 0;
- of both outcomes, if those are the string: ``sum_ab Tr (v X_ab)^alpha <= sum v^alpha p``, for Q is at most p.

With recycled inputs the probabilities of tests and settings are to the power alpha. docs/finite_size_renyi.md has the
proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.checker.channel import read_channel
from sdpbound.checker.claim import Verification
from sdpbound.checker.length_questions import AskedLength
from sdpbound.checker.numbers import ZERO, Tensor, to_ball
from sdpbound.checker.reading import read, read_number, read_numbers, shown
from sdpbound.checker.scenario import expanded, read_observed, read_scenario, total_of
from sdpbound.errors import CertificateError

__all__ = ["Check", "Power", "chance_of", "read_power"]

Check = Callable[[Mapping[str, Any]], Verification]  # raises where a certificate does not hold
_ROUNDED = Fraction(1, 10**6)


@dataclass(frozen=True, slots=True)
class Power:
    """An affine upper bound L on Q, in moments, of Alice's outcome or of both."""

    asked: AskedLength
    line: Tensor
    both: bool

    def most(self, v: Mapping[str, Fraction], drawn: Tensor, scores: Tensor, rest: Fraction) -> flint.arb:
        """The bound M on the weighted Q of one round."""
        beta = to_ball(v["beta"])
        ln2 = flint.arb(2).log()
        theta = beta / (1 + beta) * ln2
        of_line = chance_of(1 - v["gamma"], beta, self.asked.recycled) * (beta * ln2 * to_ball(rest)).exp()
        terms: dict[tuple[int, ...], flint.arb] = {}
        for pair, p in drawn.items():
            results = [i for i in self.asked.results if i[2:] == pair]
            values = {i: scores.get(i, ZERO) for i in results}
            chance = chance_of(v["gamma"] * p, beta, self.asked.recycled)
            factor = {f: chance * (theta * to_ball(f)).exp() for f in set(values.values())}
            low = flint.arb(0)
            if self.both:
                factor = {f: w * (theta * beta * to_ball(f)).exp() for f, w in factor.items()}
            else:
                front = (theta * beta * to_ball(max(values.values()))).exp()
                factor = {f: w * front for f, w in factor.items()}
                if pair[0] == self.asked.x and not self.asked.channel:
                    low = factor[min(values.values())]
                    of_line += low
            for i, f in values.items():
                _add(terms, factor[f] - low, self._chance(i))
        _add(terms, of_line, self.line)
        constant = terms.pop((0, 0), flint.arb(0))
        found = sum((abs(term) for term in terms.values()), constant)
        if not found > 0:
            raise CertificateError("proof has scores for which the weighted power of a round is not positive.")
        return found

    def _chance(self, i: tuple[int, int, int, int]) -> Tensor:
        """p(ab|xy) in moments."""
        a, b, x, y = i
        scenario = self.asked.scenario
        return expanded(scenario, [scenario.effects(0, x)[a], scenario.effects(1, y)[b]])


def chance_of(p: Fraction, beta: flint.arb, recycled: bool) -> flint.arb:
    """The probability of an input; to the power alpha where it belongs to the string."""
    return to_ball(p) ** (1 + beta) if recycled and p else to_ball(p)


def _add(terms: dict[tuple[int, ...], flint.arb], factor: flint.arb, tensor: Tensor) -> None:
    for index, c in tensor.items():
        terms[index] = terms.get(index, flint.arb(0)) + factor * to_ball(c)


def read_power(asked: AskedLength, certificate: Any, beta: Fraction, check: Check) -> Power:
    """The bound that a certificate within a length proves."""
    name = "proof.power"
    if not isinstance(certificate, Mapping):
        raise CertificateError(f"{name} is {shown(certificate)}; a certificate is expected.")
    root = read(certificate)
    proof, question = root.get("proof"), root["question"]
    if not isinstance(proof, Mapping) or proof.get("renyi") != "qubits" or not isinstance(question, Mapping):
        raise CertificateError(f"{name} must be the certificate of a lower bound on a Renyi entropy by qubits.")
    found = check(root)
    if (found.figure, found.side, found.model) != ("renyi_entropy", "lower", "quantum"):
        raise CertificateError(f"{name} must be the certificate of a lower bound on a Renyi entropy.")
    figure = question["figure"]
    y = figure["y"]
    if (
        figure["form"] != "sandwiched down"
        or read_number(figure["alpha"], f"{name}.question.figure.alpha") != 1 + beta
        or figure["x"] != asked.x
        or not (y is None or (not asked.key and y == asked.y))
        or read_channel(figure["preprocessing"], True, f"{name}.question.figure.preprocessing") != asked.channel
        or read_scenario(question["scenario"]) != asked.scenario
    ):
        raise CertificateError(f"{name} is about another order, form, scenario, setting or preprocessing.")
    observed = read_observed(question["observed"], asked.scenario)
    multipliers = read_numbers(proof["multipliers"], f"{name}.proof.multipliers", length=len(observed))
    constant = read_number(proof["constant"], f"{name}.proof.constant") + observed.shift(multipliers)
    line = total_of([{(0, 0): constant}, observed.combined(observed.scaled(multipliers))])
    power = Power(asked, line, y is not None)
    _require_possible(power, beta)
    return power


def _require_possible(power: Power, beta: Fraction) -> None:
    """Refuse honest devices with more entropy than their outcomes have bits: no quantum devices behave like that."""
    asked = power.asked
    one, other = asked.scenario.outcomes
    value = ZERO
    for index, c in power.line.items():
        value += c * _moment(asked, index)
    outcomes = one[asked.x] * (other[asked.y] if power.both and asked.y is not None else 1)
    if to_ball(value + _ROUNDED) < flint.arb(outcomes) ** -to_ball(beta):
        raise CertificateError(
            f"question.behaviour has the power {float(value)!r} of an entropy above that of its outcomes: no honest "
            "devices behave like this."
        )


def _moment(asked: AskedLength, index: tuple[int, ...]) -> Fraction:
    """The moment of honest devices with this index: their mean of what its letters are of the outcomes."""
    x, y = (_setting(asked, party, index[party]) for party in (0, 1))
    value = ZERO
    for (a, b, s, t), p in asked.behaviour.items():
        if (s, t) == (x or 0, y or 0):
            value += p * _letter(asked, 0, index[0], a) * _letter(asked, 1, index[1], b)
    return value


def _setting(asked: AskedLength, party: int, letter: int) -> int | None:
    """The setting of a letter; None of the identity."""
    if not letter:
        return None
    return next(s for s, letters in enumerate(asked.scenario.letters(party)) if letter in letters)


def _letter(asked: AskedLength, party: int, letter: int, outcome: int) -> int:
    """The value of a letter for an outcome: a sign where the setting has two outcomes, else whether it is this one."""
    setting = _setting(asked, party, letter)
    if setting is None:
        return 1
    if asked.scenario.outcomes[party][setting] == 2:
        return 1 - 2 * outcome
    return int(asked.scenario.letters(party)[setting].index(letter) == outcome)
