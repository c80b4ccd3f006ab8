"""Key rates against a no-signaling adversary, as quantities of studies: what :func:`sdpbound.protocols.compare` has.

All three follow from one certified guessing probability P of Alice's key outcome, and Eve's bias D = 2 P - 1 on it. For
individual attacks and independent pairs it gives the secret bits of :mod:`sdpbound.protocols.formulas.secret_bits`.
For tested
pairs it gives the average error W of the CHSH test: two settings with two outcomes each have D = 4 W, as a box that
violates a CHSH inequality is in only one way a mixture of the extremal one, of which Eve knows nothing, and
deterministic ones with CHSH value 2. Tested correlators have the same D; another Bell value alone has not.
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
from sdpbound.rates.rates import error_correction
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import Proofs, follows, rate_of, same, show
from sdpbound.study.quantities.kind import Asked, Group, Needs, Run
from sdpbound.study.quantities.of_data import OfData
from sdpbound.tables.columns import Row

__all__ = ["NoSignalingKey", "TestedKey", "rate_of_tested"]

#: A rate of tested pairs is stored lower by this, in bits: the part of pairs to test is found in floating point, and
#: another machine, which finds another one as good, must prove the number too.
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
        """Against which attacks the rate is proven, and by what."""
        _, attacks, proof = KINDS[self.protocol]
        return f"attacks: {attacks}; {proof}"

    def secret(self, guess: float) -> float:
        """The secret bits of a key bit that an upper bound on P leaves."""
        assert self.protocol != "tested"
        return secret_bits(self.protocol, guess)

    def finish(self, at: AtPoint, asked: Asked, bound: Bound, row: Row, run: Run) -> Row:
        x, y = asked.settings
        leak = error_correction(at.behaviour, x, y or 0)
        own: Row = {"margin": None, "security": self.theorem, "error_correction": leak}
        return own | self.made(bound.value, leak)

    def made(self, guess: float, leak: float) -> Row:
        """The value, and what it is made of."""
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
        """Raise CertificateError unless the value follows from what it is made of."""
        follows(row["value"], rate_of(row["entropy"], leak), "value")


@dataclass(frozen=True, kw_only=True)
class TestedKey(NoSignalingKey):
    """A key rate of pairs some of which are tested; the tests cost a part."""

    of_chsh: ClassVar[bool] = True

    def made(self, guess: float, leak: float) -> Row:
        return {"value": max(rate_of_tested(guess, leak) - SLACK, 0.0)}

    def needs(self, asked: Asked, row: Row) -> Needs:
        need, may = super().needs(asked, row)
        return need - {"entropy"}, may

    def proven(self, guess: float, leak: float, row: Row) -> None:
        follows(row["value"], rate_of_tested(guess, leak), "value")

    def consistent(self, row: Row, leak: float) -> None:
        """The value is proven by itself."""


def rate_of_tested(guess: float, leak: float) -> float:
    """The rate of tested pairs that an upper bound on P and the cost of errors prove, at least 0."""
    return proven_rate((2.0 * guess - 1.0) / 4.0, 2, leak)
