"""Symmetries of a question about an entropy: relabellings that keep its data and permute what its key tells apart."""

from __future__ import annotations

from functools import lru_cache

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.symmetry import EXACTLY, SymmetryGroup
from sdpbound.bounds.symmetries import symmetry_of_copies, symmetry_of_tables, tables_of
from sdpbound.conic.program import Symmetry
from sdpbound.npa.acting import WordAction, word_action
from sdpbound.npa.words import Word, moment_matrix

__all__ = ["Generators", "entropy_group", "entropy_symmetry"]

#: Relabellings, each with where it takes the copies of the devices' matrix.
Generators = tuple[tuple[Relabelling, tuple[int, ...]], ...]


def entropy_group(
    observed: Observations, rewards: Floats, words: tuple[Word, ...], within: float = EXACTLY
) -> SymmetryGroup:
    """The relabellings that leave a question, and the words of its devices, unchanged.

    Parameters
    ----------
    rewards : (K, *shape) what the matrices of the K copies are rewarded for; relabellings may permute these
    words : of the devices' moment matrix
    within : tested values that differ by less are the same
    """
    scenario = observed.scenario
    return symmetry_of_tables(tables_of(observed, rewards, within), _action(scenario, words), {}, (scenario, words))


def entropy_symmetry(scenario: Scenario, words: tuple[Word, ...], generators: Generators) -> Symmetry | None:
    """The symmetry of the devices' matrix, which all relabellings keep, and of further copies of it."""
    if not generators:
        return None
    kept = tuple((g, (0, *(1 + k for k in image))) for g, image in generators)
    return symmetry_of_copies(_action(scenario, words), 1 + len(generators[0][1]), kept)


@lru_cache(maxsize=64)
def _action(scenario: Scenario, words: tuple[Word, ...]) -> WordAction:
    return word_action(scenario, moment_matrix(scenario, words), None)
