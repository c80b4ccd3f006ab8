"""Two-universal hashing by random Toeplitz matrices over GF(2), by convolution.

Every nonzero linear combination of rows of a random Toeplitz matrix is a uniformly random vector. So these matrices
serve Hanggi et al. (random linear functions, Lemma 16) as well as matrices of independent entries do. They need
n + s - 1 random bits and not n s, for a hash of n bits to s bits.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from sdpbound.errors import InvalidParameter
from sdpbound.protocols.running.sampling import Bits

__all__ = ["seed_bits", "toeplitz_hash", "toeplitz_seed"]

#: Rows and columns of the matrix that one transform has, which bounds the memory to some 400 MB.
BLOCK = 1 << 22


def seed_bits(n: int, length: int) -> int:
    """The number of random bits of a Toeplitz matrix of ``length`` rows and n columns."""
    return n + length - 1 if length else 0


def toeplitz_seed(n: int, length: int, rng: np.random.Generator) -> Bits:
    """Draw the first column and row of a random Toeplitz matrix, ``T[i, j] = seed[i - j + n - 1]``."""
    return rng.integers(0, 2, seed_bits(n, length), dtype=np.uint8)


def toeplitz_hash(key: Bits, seed: Bits, length: int) -> Bits:
    """Compute ``T @ key`` mod 2, ``length`` bits, with the Toeplitz matrix T of :func:`toeplitz_seed`.

    The product is a convolution of integers by floating-point transforms, block by block. Its sums of up to n ones are
    rounded. Two checks make sure that they are right: each sum is within 1/8 of an integer (for n = 10^7 it is within
    1e-6), and the sums of a block of rows add up to the number of ones that is counted in integers.
    """
    n = key.size
    if not 0 <= length <= n or seed.size != seed_bits(n, length):
        raise InvalidParameter(
            f"a hash of {n} bits to {length} needs 0 <= length <= {n} and {seed_bits(n, max(length, 0))} seed bits, "
            f"not {seed.size}."
        )
    if length == 0:
        return np.zeros(0, dtype=np.uint8)
    out = np.empty(length, dtype=np.uint8)
    for top in range(0, length, BLOCK):
        rows = min(BLOCK, length - top)
        out[top : top + rows] = _rows(key, seed, top, rows)
    return out


def _rows(key: Bits, seed: Bits, top: int, rows: int) -> Bits:
    """``rows`` bits of the hash from ``top`` on."""
    n, width = key.size, min(BLOCK, key.size)
    size = next_fast_len(width + rows - 1, real=True)  # what wraps around stays outside the sums that are read
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex128)
    total = 0
    for left in range(0, n, BLOCK):
        columns = min(BLOCK, n - left)
        first = top - (left + columns - 1) + n - 1
        piece = seed[first : first + columns + rows - 1]
        part = np.zeros(width)
        part[width - columns :] = key[left : left + columns]
        spectrum += rfft(piece.astype(np.float64), size) * rfft(part, size)
        ones = np.concatenate([[0], np.cumsum(piece, dtype=np.int64)])
        in_column = (ones[rows:] - ones[:columns])[::-1]
        total += int(in_column @ key[left : left + columns].astype(np.int64))
    sums = irfft(spectrum, size)[width - 1 : width - 1 + rows]
    whole = np.rint(sums)
    if np.abs(sums - whole).max() > 0.125 or int(whole.sum()) != total:  # pragma: no cover - more than 10^12 bits
        raise InvalidParameter(f"a hash of {n} bits is too long for floating-point transforms; hash shorter blocks.")
    return np.asarray(whole.astype(np.int64) & 1, dtype=np.uint8)
