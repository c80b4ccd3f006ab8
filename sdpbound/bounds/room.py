"""Whether a program fits into the memory of this machine, asked before a solver starts."""

from __future__ import annotations

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.quantum import Quantum
from sdpbound.bounds.question import Question
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.solvers.choose import SolverChoice, by_choice
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.errors import InvalidLevel, TooLarge
from sdpbound.npa.levels import FITTING, generating_words
from sdpbound.npa.room import PER_PAIR, memory_here, memory_of, said_bytes

__all__ = ["require_room"]


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
    for level in FITTING:
        try:
            words = len(generating_words(question.scenario, level))
        except InvalidLevel:
            continue
        needed = memory_of(words, len(question.objective))
        if needed <= here:
            return f"level '{level}' fits ({words} words, at most {said_bytes(needed)}), or "
    return ""
