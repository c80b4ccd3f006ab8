"""What symmetry did for a bound: the group, and the sizes of the solver's program with and without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sdpbound.arguments import counted

__all__ = ["UsedSymmetry"]


@dataclass(frozen=True, slots=True)
class UsedSymmetry:
    """The symmetry that a bound was found with. Its certificate is on the full matrices and does not rest on it.

    Attributes
    ----------
    order : number of relabellings of parties, settings and outcomes that leave the question and its words unchanged
    generators : relabellings that generate them, in words such as "A <-> B, A0 -> -B1"
    complete : whether the search has ended in its time; if not, there may be more than ``order``
    blocks_before, blocks : sizes of the matrices of the program, and of the solver's
    variables_before, variables : numbers of moments of the program, and of free variables of the solver's
    note : what would make the data more symmetric; empty where nothing would
    """

    order: int
    generators: tuple[str, ...]
    complete: bool
    blocks_before: tuple[int, ...]
    blocks: tuple[int, ...]
    variables_before: int
    variables: int
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", counted(self.order, "the order of a symmetry", 1))
        for name in ("variables_before", "variables"):
            object.__setattr__(self, name, counted(getattr(self, name), name, 0))

    @property
    def sizes(self) -> str:
        """The sizes in one line, such as "blocks 9 -> 2, 4 x 1; variables 17 -> 2"."""
        return (
            f"blocks {counted_sizes(self.blocks_before)} -> {counted_sizes(self.blocks)}; "
            f"variables {self.variables_before} -> {self.variables}"
        )

    def __str__(self) -> str:
        order = f"{self.order}" if self.complete else f"at least {self.order}"
        text = f"symmetry of order {order}; {self.sizes}"
        for generator in self.generators:
            text += f"\n  {generator}"
        return f"{text}\n  {self.note}" if self.note else text


def counted_sizes(sizes: Sequence[int]) -> str:
    """Sizes of blocks, the largest first, equal ones counted: "6, 10 x 5, 10 x 1"."""
    counts = Counter(sizes)
    return (
        ", ".join(f"{n} x {size}" if n > 1 else f"{size}" for size, n in sorted(counts.items(), reverse=True)) or "none"
    )
