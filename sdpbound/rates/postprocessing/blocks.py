"""Blocks of a repetition code in numbers: error correction and Eve's entropy, enclosed in balls.

The outcomes of a kept round have the probabilities p_ab, a, b in {0, 1}, of sum one. A block of k rounds with the
message m of j ones has the weights ``s_cc' = (1/2) prod_i p_{m_i xor c, m_i xor c'}`` of Alice's bit c and Bob's c'.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import flint

from sdpbound.arrays import Floats

__all__ = ["BlockLaw", "Contribution", "pair_entropy"]

Ball = flint.arb


@dataclass(frozen=True)
class Contribution:
    """Eve's entropy in some blocks, and what correcting errors costs there, in bits for each block of k rounds."""

    entropy: Ball
    leak: Ball

    @property
    def value(self) -> Ball:
        return self.entropy - self.leak


@dataclass(frozen=True, eq=False)
class BlockLaw:
    """The law of blocks of ``k`` rounds."""

    joint: Floats
    k: int

    def p(self, a: int, b: int) -> Ball:
        total = sum((flint.arb(float(v)) for v in self.joint[:2, :2].ravel()), flint.arb(0))
        return flint.arb(float(self.joint[a, b])) / total

    def weights(self, j: int) -> list[list[Ball]]:
        """[c'][c] the weights of the bits, where the message has j ones."""
        i = self.k - j
        return [[_power(self.p(c, d), i) * _power(self.p(1 - c, 1 - d), j) / 2 for c in (0, 1)] for d in (0, 1)]

    def leak(self, j: int) -> Ball:
        """H(C|C') of a message with j ones, times its weight."""
        return sum((pair_entropy(*column) for column in self.weights(j)), flint.arb(0))

    def messages(self, j: int) -> Ball:
        """How many messages have j ones."""
        return flint.arb(comb(self.k, j))

    def by_fidelity(self, fidelity: Ball) -> Contribution:
        """From a root fidelity F of Eve's states 00 and 11: each kind of message is used only where it gains.

        ``sum_j C(k, j) max(0, Phi(s_00, s_11, F^k / 2) - H(C|C'))``, Phi the relative entropy of the matrix
        ``[[a, f], [f, b]]`` to its diagonal.
        """
        entropy = leak = flint.arb(0)
        for j in range(self.k + 1):
            s = self.weights(j)
            own, cost = dephased(s[0][0], s[1][1], _power(fidelity, self.k) / 2), self.leak(j)
            if own - cost > 0:
                entropy, leak = entropy + self.messages(j) * own, leak + self.messages(j) * cost
        return Contribution(entropy, leak)

    def by_coherence(self, coherence: Ball, balance: Ball) -> Contribution:
        """From a coherence G of pure states: of all messages, or of those with as many ones as zeros.

        All: ``S g((2 G_1)^k / S) - sum_j C(k, j) H(C|C')``, S = (p_00 + p_11)^k and G_1 = min(c, 1/c) G.
        Half of them ones: ``C(k, k/2) [S g(G^k / S) - H(C|C')]``, S = (p_00 p_11)^(k/2). g(u) = 1 - h((1 + sqrt u)/2).
        """
        k, equal = self.k, (self.p(0, 0), self.p(1, 1))
        own = coherence * balance.min(1 / balance)
        every = Contribution(
            _convex(_power(equal[0] + equal[1], k), _power(2 * own, k)),
            sum((self.messages(j) * self.leak(j) for j in range(k + 1)), flint.arb(0)),
        )
        if k % 2:
            return every
        half = k // 2
        times = self.messages(half)
        even = Contribution(
            times * _convex(_power(equal[0] * equal[1], half), _power(coherence, k)), times * self.leak(half)
        )
        return even if even.value > every.value else every


def _log_term(p: Ball) -> Ball:
    """-p log2 p, 0 at 0; of a ball that may contain 0 and lies below 1/e, a ball with all its values."""
    if p > 0 or not p.is_finite():
        return -p * p.log() / flint.arb(2).log()
    top = flint.arb(p.upper())
    return flint.arb(0).union(_log_term(top)) if top > 0 else flint.arb(0)


def _power(p: Ball, n: int) -> Ball:
    """p^n by products: a logarithm, as the operator takes, is none of 0."""
    result = flint.arb(1)
    for bit in f"{n:b}":
        result = result * result * (p if bit == "1" else 1)
    return result


def pair_entropy(u: Ball, v: Ball) -> Ball:
    """(u + v) h(u / (u + v)) in bits."""
    return _log_term(u) + _log_term(v) - _log_term(u + v)


def dephased(a: Ball, b: Ball, f: Ball) -> Ball:
    """Phi(a, b, f), the relative entropy of ``[[a, f], [f, b]]`` to ``diag(a, b)``: 0 at f = 0, increasing in f.

    It is H(C|E) of pure states of weights a and b and overlap f, or more of mixed ones, times a + b.
    """
    root = _root((a - b) * (a - b) + 4 * f * f).min(a + b)
    low = (a + b - root) / 2
    return _log_term(a) + _log_term(b) - _log_term((a + b + root) / 2) - _log_term(low)


def _convex(s: Ball, w: Ball) -> Ball:
    """S g(W / S), g(u) = 1 - h((1 + sqrt u) / 2)."""
    root = _root(w * s).min(s)
    return s - pair_entropy((s + root) / 2, (s - root) / 2)


def _root(square: Ball) -> Ball:
    """The square root of a number that is not negative, though its ball may reach below 0."""
    return square.sqrt() if square >= 0 else flint.arb(0).union(flint.arb(square.upper()).sqrt())
