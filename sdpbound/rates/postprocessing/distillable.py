"""Whether key comes from repetition codes with blocks that are long enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdpbound.rates.postprocessing.eve import KeyData
from sdpbound.rates.postprocessing.overlaps import Overlap, overlap

__all__ = ["COLLECTIVE", "DistillationCondition", "condition_of", "needed_overlap"]

COLLECTIVE = (
    "rounds are independent and alike, and Eve attacks each alike (collective attacks): no theorem extends repetition "
    "codes to other attacks"
)
THEOREMS = {
    "coherence": "coherence of Eve's pure states, by pairs of qubits (docs/post_processing_distillation.md)",
    "error": "quantum Chernoff bound of Eve's states, arXiv:2212.06975, by their least error, arXiv:quant-ph/0610027",
    "fidelity": "fidelity of Eve's states, arXiv:1903.10535 Theorem 1, without symmetric outcomes",
}


@dataclass(frozen=True, eq=False)
class DistillationCondition:
    """Whether a repetition code yields key for long blocks: true as a truth value if that is proven.

    Attributes
    ----------
    overlap : the certified lower bound on an overlap of Eve's states of the outcomes 00 and 11; ``overlap.bound`` has
        the certificate
    proven : the overlap as it enters, in units of probability: F^2 / sqrt(p_00 p_11) of a fidelity F
    needed : what it must exceed: sqrt(p_01 p_10), rounded up
    theorem : what makes it enough
    assumptions : what is assumed of attacks
    """

    overlap: Overlap
    proven: float
    needed: float
    theorem: str
    assumptions: tuple[str, ...] = (COLLECTIVE,)

    def __bool__(self) -> bool:
        return self.proven > self.needed

    @property
    def margin(self) -> float:
        """By how much it is exceeded; negative if it is not."""
        return self.proven - self.needed

    def __repr__(self) -> str:
        says = "yields key for long blocks" if self else "is not proven to yield key"
        sign = ">" if self else "<="
        of = "overlap" if self.overlap.kind == "error" else self.overlap.kind  # bounded by Eve's error
        return f"a repetition code {says}: {of} {self.proven:.6g} {sign} {self.needed:.6g} needed"


def condition_of(key: KeyData, level: str, pieces: int) -> DistillationCondition:
    """The condition of tests that were read, as :func:`sdpbound.distillation_condition` has it."""
    if key.is_of_pairs:
        return _condition(key, overlap(key, "coherence", level, pieces))
    first = _condition(key, overlap(key, "error", level, pieces))
    if first:
        return first
    return max(first, _condition(key, overlap(key, "fidelity", level, pieces)), key=lambda found: found.margin)


def _condition(key: KeyData, found: Overlap) -> DistillationCondition:
    (p, _), (_, q) = key.joint[:2, :2]
    both = math.nextafter(math.sqrt(p * q), math.inf)
    proven = found.value
    if found.kind == "fidelity" and both > 0.0:
        proven = math.nextafter(found.value * found.value / both, 0.0)
        proven = math.nextafter(proven, 0.0)
    needed = math.nextafter(math.nextafter(needed_overlap(key), math.inf), math.inf)
    return DistillationCondition(found, proven, needed, THEOREMS[found.kind])


def needed_overlap(key: KeyData) -> float:
    """sqrt(p_01 p_10), to a rounding."""
    return math.sqrt(float(key.joint[0, 1]) * float(key.joint[1, 0]))
