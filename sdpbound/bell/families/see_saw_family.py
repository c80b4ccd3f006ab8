"""The best devices that a see-saw finds for an expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import expression_named
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.search import see_saw
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput
from sdpbound.limiting import unlimited

__all__ = ["SeeSaw"]

Table = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class SeeSaw(Family):
    """The strategy that :func:`~sdpbound.bell.search.see_saw` finds for an expression of any number of parties.

    Its value is a lower bound on the quantum maximum; the search may end in a local maximum. The axes are the dimension
    of each party's space, the seed of the search, and the number of random starts; the same values give the same
    strategy.

    Attributes
    ----------
    of : the expression by its name, such as "i3322" or "tilted_chsh(0.5)"
    coefficients : instead of a name, of an expression of two parties with two outcomes: rows x, columns y, the
        coefficients of ``<A_x B_y>``
    marginals_a, marginals_b : with coefficients, those of ``<A_x>`` and ``<B_y>``

    >>> round(SeeSaw("i3322").member(restarts=5).strategy_value, 6)
    0.25
    """

    of: str | None = None
    coefficients: Table | None = None
    marginals_a: tuple[float, ...] | None = None
    marginals_b: tuple[float, ...] | None = None
    name = "see_saw"
    text = "the best strategy that a see-saw finds for an expression"
    source = "Werner and Wolf, quant-ph/0107093; Pal and Vertesi, arXiv:1006.3032"
    axes = (
        Axis("dimension", "1", 2, 16, "dimension of each party's space", whole=True, default=2),
        Axis("seed", "1", 0, 2**31 - 1, "seed of the search", whole=True, default=0),
        Axis("restarts", "1", 1, 10_000, "random starts", whole=True, default=20),
    )

    def __post_init__(self) -> None:
        if (self.of is None) == (self.coefficients is None):
            raise InvalidInput(
                "the family 'see_saw' needs one expression: give of = 'i3322', or coefficients = [[1, 1], [1, -1]]."
            )
        if self.coefficients is None and (self.marginals_a is not None or self.marginals_b is not None):
            raise InvalidInput("marginals_a and marginals_b go with coefficients; leave them out beside of.")
        try:
            if self.coefficients is not None:
                object.__setattr__(self, "coefficients", tuple(tuple(map(float, row)) for row in self.coefficients))
            for name in ("marginals_a", "marginals_b"):
                if getattr(self, name) is not None:
                    object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        except (TypeError, ValueError):
            raise InvalidInput(
                "coefficients and marginals must be numbers: coefficients = [[1, 1], [1, -1]]."
            ) from None
        self._expression  # noqa: B018 -- an unknown name is refused here

    @cached_property
    def _expression(self) -> BellExpression:
        if self.of is not None:
            return expression_named(self.of)
        assert self.coefficients is not None
        return BellExpression.from_correlators(self.coefficients, self.marginals_a, self.marginals_b)

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return self._expression

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        return _found(self, *(int(values[axis.name]) for axis in self.axes))

    def has_strategy(self, values: Mapping[str, float]) -> bool:
        return True

    def local_bound(self, values: Mapping[str, float]) -> float:
        return self._expression.local_bound

    def identity(self, values: Mapping[str, float]) -> dict[str, Any]:
        # the search itself belongs to the meaning of its seed
        return super().identity(values) | {"search": "see-saw 1"}


@lru_cache(maxsize=16)
def _found(family: SeeSaw, dimension: int, seed: int, restarts: int) -> Strategy:
    with unlimited():  # it is kept for other calls
        return see_saw(family.expression({}), dimension, restarts, rng=seed)[1]
