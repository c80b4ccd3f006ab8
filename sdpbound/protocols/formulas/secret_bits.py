"""The secret bits of a key bit that a no-signaling adversary guesses with a bounded probability, rounded down."""

from __future__ import annotations

from typing import Literal

from sdpbound.bounds.rounding import min_entropy_of

__all__ = ["secret_bits"]


def secret_bits(attacks: Literal["individual", "independent"], guess: float) -> float:
    """The bits that privacy amplification leaves of a key bit, before error correction; derived in :mod:`.comparison`.

    Parameters
    ----------
    attacks : "individual" gives ``1 - D`` with the bias ``D = 2 P - 1``. "independent" means general attacks on pairs
        known to be independent, and gives ``1 - log2(1 + D) = -log2 P``
    guess : an upper bound on P of a bit, from 1/2

    >>> secret_bits("individual", 0.75), round(secret_bits("independent", 0.75), 6)
    (0.5, 0.415037)
    """
    return 2.0 * (1.0 - guess) if attacks == "individual" else min_entropy_of(guess)  # exact for guess from 1/2 to 2
