"""Key agreement against an adversary who is limited only by no-signaling: the protocols of three papers.

``simple_chsh`` and ``bhk``
    Masanes, Renner, Winter, Barrett and Christandl, 'Security of key distribution from causality constraints'
    (2006, arXiv:quant-ph/0606049v4; here 'Masanes et al. v4'): general attacks, Eve measures
    before the public discussion. Its rates are refuted, see docs/papers.md.
``braunstein_caves``
    Masanes, Renner, Christandl, Winter and Barrett, 'Full security of quantum key distribution from no-signaling
    constraints' (2006, arXiv:quant-ph/0606049v5; here 'Masanes et al. v5'): general attacks, universally composable.
``xor_amplification``
    Hanggi, Renner and Wolf, 'Efficient device-independent quantum key distribution' (2009, arXiv:0911.4171;
    here 'Hanggi et al.'): general attacks, universally composable.
``compare``, ``vanishing_visibilities``
    Rates of one behaviour against quantum and no-signaling adversaries, and where each dies.

Every closed form takes numbers or arrays that broadcast, and returns a number or an array. Rates and lengths are signed
and never clipped; bounds on probabilities are returned as their base-2 logarithm, so that nothing overflows.
"""

from sdpbound.protocols import bhk, braunstein_caves, simple_chsh, xor_amplification
from sdpbound.protocols.comparison import ComparedRate, Comparison, VanishingOptions, compare, vanishing_visibilities

__all__ = [
    "ComparedRate",
    "Comparison",
    "VanishingOptions",
    "bhk",
    "braunstein_caves",
    "compare",
    "simple_chsh",
    "vanishing_visibilities",
    "xor_amplification",
]
