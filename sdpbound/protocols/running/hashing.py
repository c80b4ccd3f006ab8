"""Two-universal hashing by random Toeplitz matrices over GF(2), by convolution.

Every nonzero linear combination of rows of a random Toeplitz matrix is a uniformly random vector, so that these
matrices do for Hanggi et al. (random linear functions, Lemma 16) what independent entries do, at n + s - 1 instead of n
s random bits.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from sdpbound.errors import InvalidParameter
from sdpbound.protocols.running.sampling import Bits

__all__ = ["seed_bits", "toeplitz_hash", "toeplitz_seed"]


def seed_bits(n: int, length: int) -> int:
    """Random bits of a Toeplitz matrix of ``length`` rows and n columns."""
    return n + length - 1 if length else 0


def toeplitz_seed(n: int, length: int, rng: np.random.Generator) -> Bits:
    """The first column and row of a random Toeplitz matrix, ``T[i, j] = seed[i - j + n - 1]``."""
    return rng.integers(0, 2, seed_bits(n, length), dtype=np.uint8)


def toeplitz_hash(key: Bits, seed: Bits, length: int) -> Bits:
    """``T @ key`` mod 2, with the Toeplitz matrix of :func:`toeplitz_seed`, ``length`` bits.

    A convolution of integers by floating-point transforms: sums of up to n ones, rounded; checked to be within 1/8 of
    an integer (n = 10^7 is within 1e-6).
    """
    n = key.size
    if not 0 <= length <= n or seed.size != seed_bits(n, length):
        raise InvalidParameter(
            f"a hash of {n} bits to {length} needs 0 <= length <= {n} and {seed_bits(n, max(length, 0))} seed bits, "
            f"not {seed.size}."
        )
    if length == 0:
        return np.zeros(0, dtype=np.uint8)
    size = next_fast_len(seed.size + n - 1, real=True)
    sums = irfft(rfft(seed.astype(np.float64), size) * rfft(key.astype(np.float64), size), size)[n - 1 : n - 1 + length]
    whole = np.rint(sums)
    if np.abs(sums - whole).max() > 0.125:  # pragma: no cover - needs more than 10^12 bits
        raise InvalidParameter(f"a hash of {n} bits is too long for floating-point transforms; hash shorter blocks.")
    return np.asarray(whole.astype(np.int64) & 1, dtype=np.uint8)
