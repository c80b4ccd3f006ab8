"""Compile ahead what entropies by qubits run: loops that numba keeps on disk."""

from __future__ import annotations

from sdpbound.bell.average import Average
from sdpbound.bell.families.expressions import chsh
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.observations import Observations
from sdpbound.bounds import estimates
from sdpbound.entropies.averages import average_entropy
from sdpbound.entropies.conditional import conditional_entropy
from sdpbound.entropies.renyi.entropy import renyi_entropy

__all__ = ["prepare"]


def prepare() -> None:
    """Compile the loops of guessing probabilities and entropies: up to a minute that first bounds need not wait for.

    Numba keeps what it compiled beside the source, so that a second call takes a second.

    >>> prepare()
    """
    estimates.prepare()
    data = Observations.bell_value(chsh(), 2.5)
    conditional_entropy(data, closed_forms=False)
    conditional_entropy(Observations.full(SingletSelfTest(1.0, 1.4, 2.5).behaviour(0.99)))
    average_entropy(data, Average((0, 1)))
    renyi_entropy(data, alpha=1.1, tolerance=0.1)
