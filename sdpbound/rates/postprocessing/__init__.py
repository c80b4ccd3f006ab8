"""What is done with outcomes before a key is made of them: one file for each post-processing.

What may come in: a behaviour and what is tested of it. What is handed on: what a :class:`~sdpbound.rates.rate.Rate` is
made of.
"""

from sdpbound.rates.postprocessing.postprocessing import PostProcessing, Processed
from sdpbound.rates.postprocessing.random_basis import RandomBasis
from sdpbound.rates.postprocessing.repetition import RepetitionCode
from sdpbound.rates.postprocessing.selection import PostSelection

__all__ = ["PostProcessing", "PostSelection", "Processed", "RandomBasis", "RepetitionCode"]
