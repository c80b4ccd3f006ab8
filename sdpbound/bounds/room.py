"""Whether a program fits into the memory of this machine, asked before a solver starts."""

from __future__ import annotations

import os

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.quantum import Quantum
from sdpbound.bounds.question import Question
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.solvers.choose import SolverChoice, by_choice
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.errors import InvalidLevel, TooLarge
from sdpbound.npa.levels import generating_words

__all__ = ["PER_PAIR", "memory_here", "require_room", "said_bytes"]

#: Bytes of an interior-point solver for each pair of moments: the Schur complement, its factor and a copy.
PER_PAIR = 24
#: Levels that are proposed in place of one that is too large, the highest first.
_LEVELS = ("4", "3", "2", "1+AB", "1")


def memory_here() -> float:
    """Bytes that may be used: most of what the machine has."""
    return 0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def said_bytes(count: float) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def require_room(
    question: Question, model: Adversary, inequality: LinearMatrixInequality, choice: SolverChoice
) -> None:
    """Raise TooLarge where an interior-point solver would need more memory than there is, saying what fits.

    Where the caller has asked for a first-order solver, which needs little, nothing is in the way.
    """
    if not inequality.sizes or (choice is not None and by_choice(choice, DEFAULT_TOLERANCE).first_order):
        return
    needed, here = PER_PAIR * float(inequality.variables) ** 2, memory_here()
    if needed <= here:
        return
    raise TooLarge(
        f"{model!r:.80} has {inequality.variables} moments in blocks of up to {max(inequality.sizes)} rows, for which "
        f"an interior-point solver needs about {said_bytes(needed)}, and {said_bytes(here)} may be used here; "
        f"{_what_fits(question, model, here)}take solver='scs', which needs little memory and gives few digits."
    )


def _what_fits(question: Question, model: Adversary, here: float) -> str:
    """The highest of some lower levels that surely fits: as if all products of its words were different."""
    if not isinstance(model, Quantum):
        return ""
    for level in _LEVELS:
        try:
            words = len(generating_words(question.scenario, level))
        except InvalidLevel:
            continue
        moments = len(question.objective) * words * (words + 1) // 2
        if PER_PAIR * float(moments) ** 2 <= here:
            return f"level '{level}' fits ({words} words, at most {said_bytes(PER_PAIR * float(moments) ** 2)}), or "
    return ""
