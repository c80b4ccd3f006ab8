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
from typing import Literal

from sdpbound.bounds.bound import Bound
from sdpbound.protocols.comparison import KINDS
from sdpbound.protocols.formulas.linear_hashing import proven_rate
from sdpbound.protocols.formulas.secret_bits import secret_bits
from sdpbound.study.file.spec import Quantity

__all__ = ["TESTED", "no_signaling_columns", "rate_of_tested", "secret_of", "security_of"]

#: The kinds of :func:`sdpbound.protocols.compare` behind the quantities.
_KINDS: dict[str, Literal["individual", "independent", "tested"]] = {
    "key_rate_individual": "individual",
    "key_rate_independent": "independent",
    "key_rate_tested": "tested",
}
TESTED = "key_rate_tested"
#: A rate of tested pairs is stored lower by this, in bits: the part of pairs to test is found in floating point, and
#: another machine, which finds another one as good, must prove the number too.
SLACK = 2.0**-40


def security_of(name: str) -> str:
    """Against which attacks a rate is proven, and by what."""
    _, attacks, proof = KINDS[_KINDS[name]]
    return f"attacks: {attacks}; {proof}"


def secret_of(name: str, guess: float) -> float | None:
    """The secret bits of a key bit that an upper bound on P leaves; None of tested pairs, whose tests cost a part."""
    kind = _KINDS[name]
    return None if kind == "tested" else secret_bits(kind, guess)


def rate_of_tested(guess: float, leak: float) -> float:
    """The rate of tested pairs that an upper bound on P and the cost of errors prove, at least 0."""
    return proven_rate((2.0 * guess - 1.0) / 4.0, 2, leak)


def no_signaling_columns(quantity: Quantity, bound: Bound, leak: float) -> dict[str, float | str | None]:
    """What a bound on P makes of a rate: columns of its row."""
    own: dict[str, float | str | None] = {"security": security_of(quantity.name), "error_correction": leak}
    secret = secret_of(quantity.name, bound.value)
    if secret is None:
        return own | {"value": max(rate_of_tested(bound.value, leak) - SLACK, 0.0)}
    return own | {"entropy": secret, "value": math.nextafter(secret - leak, -math.inf)}  # the subtraction rounds once
