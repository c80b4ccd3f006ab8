"""The NPA hierarchy: words of projective measurements, their products as integers, and moment matrices.

What may come in: a scenario and a level. What is handed on: words and index matrices. Nothing here is numerical.
"""

from __future__ import annotations

from sdpbound.npa.levels import generating_words, normalise_level
from sdpbound.npa.words import MomentMatrix, PartyAlgebra, PartyWord, Word, moment_matrix

__all__ = ["MomentMatrix", "PartyAlgebra", "PartyWord", "Word", "generating_words", "moment_matrix", "normalise_level"]
