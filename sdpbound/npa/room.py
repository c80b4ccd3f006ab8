"""How much memory programs of moments need, and how much there is."""

from __future__ import annotations

import os

__all__ = ["PER_PAIR", "memory_here", "memory_of", "said_bytes"]

#: Bytes of an interior-point solver for each pair of moments: the Schur complement, its factor and a copy.
PER_PAIR = 24


def memory_here() -> float:
    """Bytes that may be used: most of what the machine has."""
    return 0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_of(words: int, matrices: int = 1) -> float:
    """Bytes for matrices of so many words, as if all products were different up to adjoints."""
    return PER_PAIR * float(matrices * words * (words + 1) // 2) ** 2


def said_bytes(count: float) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
