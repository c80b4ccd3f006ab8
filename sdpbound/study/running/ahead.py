"""Compile loops before processes are started that would each compile them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["KEPT", "compile_ahead"]

#: Where compiled loops are found on disk, in the package's folder unless that cannot be written to.
PACKAGE = Path(__file__).parents[2]
KEPT = ("conic/__pycache__/compiled_moments.maximise-*.nbi", "entropies/qubits/__pycache__/compiled.advance-*.nbi")


def compile_ahead() -> None:
    """Compile the loops of guessing probabilities and of entropies, where none are found on disk.

    It takes up to a minute, once, and a line on standard error says so.
    """
    if all(any(PACKAGE.glob(kept)) for kept in KEPT):
        return
    from sdpbound.entropies.preparing import prepare  # loads numba and solvers

    prepare()
