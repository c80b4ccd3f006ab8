"""The options of the search for an explicit attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from sdpbound.arguments import instance, whole
from sdpbound.bell.strategy import Strategy
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["AttackChanges", "AttackOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackOptions:
    """The options of the search for an explicit attack; every attack found is proven.

    Parameters
    ----------
    dimension : dimension of each party's system, 2 to 6; None: the smallest one, from 2 to the number of outcomes, that
        reaches the data. Larger ones are not tried then, and may have better attacks. Of two qubits, settings of more
        outcomes also have measurements that are no projections. Means of data (``symmetry``) are few, and too small a
        system may have them: give it there
    strategies : explicit strategies to start with, for example those of the devices
    seed : seed of the random starts
    tolerance : the search ends when it finds no strategy that improves the mixture by this many bits. With 1e-5 or more
        the best mixture of :func:`sdpbound.entropies.qubits.least_mixture` is the result if it has the data, which is
        faster
    symmetry : whether Eve relabels: the search meets the means of the tests over the relabellings that keep the data
        and the key, and the attack is the average over these; see :mod:`sdpbound.attacks.symmetric`. With full
        statistics of symmetric devices it takes seconds where all values at once take hours. It changes nothing where
        nothing but the identity keeps them, or where pairs of qubits are enough. None: where all settings have
        two outcomes, more than flips of these keeps the data, and few enough strategies come of it
    rank : the largest rank of a state; None: any. A low one, such as 2, is faster in large dimensions, and may miss
        better attacks
    below : a lower bound on the same von Neumann entropy of the same data. The search begins with the strategies that
        its functional leaves least, which may be five times as fast. It goes on to a larger dimension while the attack
        is further above the bound than the tolerance and the bound's own ``gap``, and ends where it is not. The
        attack's ``below`` is this bound with the gap that the attack shows

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> attack = sb.conditional_entropy_upper_bound(data, x=0, options=sb.AttackOptions(tolerance=1e-5))
    >>> round(attack.value, 4), attack.side  # 1 - h(1/2 + sqrt((S/2)^2 - 1)/2), arXiv:quant-ph/0702152
    (0.4564, 'upper')
    """

    dimension: int | None = None
    strategies: Sequence[Strategy] = ()
    seed: int = 0
    tolerance: float = 2e-6
    symmetry: bool | None = None
    rank: int | None = None
    below: EntropyBound | None = None

    def __post_init__(self) -> None:
        t = self.tolerance
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not 1e-9 <= t <= 1.0:
            raise InvalidParameter(f"tolerance = {t!r:.60} of an attack must be a number of bits from 1e-9 to 1.")
        if self.dimension is not None:
            object.__setattr__(self, "dimension", whole(self.dimension, "dimension", 2, 6))
        if self.rank is not None:
            object.__setattr__(self, "rank", whole(self.rank, "rank", 1, 1296))
        object.__setattr__(self, "seed", whole(self.seed, "seed", 0, 2**32))
        if self.symmetry is not None and not isinstance(self.symmetry, bool):
            raise InvalidParameter(f"symmetry = {self.symmetry!r:.60} of an attack must be True, False or None.")
        if self.below is not None:
            instance(self.below, EntropyBound, "below", "conditional_entropy(...)")
        if not isinstance(self.strategies, Sequence):
            raise InvalidInput(f"strategies = {self.strategies!r:.60} of an attack must be a list of strategies.")
        given = [instance(s, Strategy, "a strategy", "SingletSelfTest(...).strategy") for s in self.strategies]
        object.__setattr__(self, "strategies", tuple(given))


class AttackChanges(TypedDict, total=False):
    """The options of :class:`AttackOptions`, each as a keyword of a call."""

    dimension: int | None
    strategies: Sequence[Strategy]
    seed: int
    tolerance: float
    symmetry: bool | None
    rank: int | None
    below: EntropyBound | None
