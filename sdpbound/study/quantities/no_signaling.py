"""Key rates against a no-signaling adversary, as quantities of studies, as :func:`sdpbound.protocols.compare` has them.

All three rates follow from one certified guessing probability P of Alice's key outcome. Eve's bias on this outcome is
D = 2 P - 1. For individual attacks and for independent pairs, P gives the secret bits of
:mod:`sdpbound.protocols.formulas.secret_bits`. For tested pairs, D gives the average error W of the CHSH test: with two
settings of two outcomes each, D = 4 W. The reason is that a box that violates a CHSH inequality is a mixture of one
extremal box and of deterministic boxes with CHSH value 2, in only one way, and that Eve knows nothing of the extremal
box's outcomes. Tested correlators have the same D. Another Bell value alone does not have it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from sdpbound.bounds.bound import Bound
from sdpbound.errors import CertificateError
from sdpbound.protocols.comparison import KINDS
from sdpbound.protocols.formulas.linear_hashing import proven_rate
from sdpbound.protocols.formulas.secret_bits import secret_bits
from sdpbound.rates.correction import error_correction
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, rate_of, same, show
from sdpbound.study.quantities.kind import Asked, Group, Needs, Run
from sdpbound.study.quantities.of_data import OfData
from sdpbound.tables.columns import Row

__all__ = ["NoSignalingKey", "TestedKey", "rate_of_tested"]

#: A rate of tested pairs is stored lower by this, in bits. The part of pairs to test is found in floating point.
#: Another machine may find another part that is as good, and must still prove the stored number.
SLACK = 2.0**-40


@dataclass(frozen=True, kw_only=True)
class NoSignalingKey(OfData):
    """A key rate against individual attacks, or from independent pairs of boxes."""

    protocol: Literal["individual", "independent", "tested"]
    group: Group = "no-signaling"
    rate: bool = True
    key: bool = True
    of_bits: ClassVar[bool] = True

    @property
    def theorem(self) -> str:
        """The attacks against which the rate is proven, and the proof."""
        _, attacks, proof = KINDS[self.protocol]
        return f"attacks: {attacks}; {proof}"

    def secret(self, guess: float) -> float:
        """Return the secret bits of a key bit, given an upper bound on P."""
        assert self.protocol != "tested"
        return secret_bits(self.protocol, guess)

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        x, y = asked.settings
        leak = error_correction(at.behaviour, x, y or 0)
        own: Row = {"margin": None, "security": self.theorem, "error_correction": leak}
        return own | self.made(bound.value, leak)

    def made(self, guess: float, leak: float) -> Row:
        """Return the value and the numbers from which it follows."""
        secret = self.secret(guess)
        return {"entropy": secret, "value": math.nextafter(secret - leak, -math.inf)}  # the subtraction rounds once

    def needs(self, asked: Asked, row: Row) -> Needs:
        need, may = super().needs(asked, row)
        same(self.theorem, row["security"], "security")
        return need | {"security", "error_correction", "entropy"}, may - {"margin"}

    def prove(self, at: AtPoint, asked: Asked, row: Row, proofs: Proofs) -> str:
        x, y = asked.settings
        leak = error_correction(at.behaviour, x, y or 0)
        same(leak, row["error_correction"], "error_correction")
        if row["method"] != "certified":
            raise CertificateError(f"its method is {show(row['method'])}, and must be 'certified'.")
        if row["certificate"] is not None:
            guess = proofs.of(row["certificate"], self.question(at, asked, 0.0)).claimed
            self.proven(guess, leak, row)
        self.consistent(row, leak)
        return "" if row["certificate"] is None else "proven"

    def proven(self, guess: float, leak: float, row: Row) -> None:
        """Raise CertificateError unless the row follows from an upper bound on P."""
        follows(row["entropy"], self.secret(guess), "entropy")

    def consistent(self, row: Row, leak: float) -> None:
        """Raise CertificateError unless the value follows from the row's own numbers."""
        follows(row["value"], rate_of(row["entropy"], leak), "value")


@dataclass(frozen=True, kw_only=True)
class TestedKey(NoSignalingKey):
    """A key rate of pairs some of which are tested.

    The tests use up a part of the pairs.
    """

    of_chsh: ClassVar[bool] = True

    def made(self, guess: float, leak: float) -> Row:
        return {"value": max(rate_of_tested(guess, leak) - SLACK, 0.0)}

    def needs(self, asked: Asked, row: Row) -> Needs:
        need, may = super().needs(asked, row)
        return need - {"entropy"}, may

    def proven(self, guess: float, leak: float, row: Row) -> None:
        follows(row["value"], rate_of_tested(guess, leak), "value")

    def consistent(self, row: Row, leak: float) -> None:
        """Check nothing: :meth:`proven` proves the value directly."""


def rate_of_tested(guess: float, leak: float) -> float:
    """Return the rate of tested pairs that an upper bound on P and the cost of errors prove, at least 0."""
    return proven_rate((2.0 * guess - 1.0) / 4.0, 2, leak)
