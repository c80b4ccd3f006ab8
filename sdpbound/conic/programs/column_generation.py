"""Column generation: the cheapest mixture of known columns, and new columns where its multipliers promise a gain.

A column has a cost and data. The linear program (:func:`sdpbound.conic.solvers.linear_.cheapest_weights`) mixes columns
to the data wanted, and a deviation has a price. Its multipliers price columns that it does not have yet. Whoever uses
this class says how columns are priced; the rounds, and the rising price of deviations, are here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from sdpbound.limiting import go_on, note

__all__ = ["ColumnGeneration"]


class Answer(Protocol):
    """What the linear program gives."""

    @property
    def missed(self) -> float:
        """The largest deviation of the data that had to be paid for."""


A = TypeVar("A", bound=Answer)


class ColumnGeneration(ABC, Generic[A]):
    """Rounds of the linear program and of pricing.

    Attributes
    ----------
    prices : what a deviation costs: the first of these, the next ones while the data are missed
    rounds : how often columns may still be priced
    patience : rounds in a row without progress that are accepted
    met : class attribute, deviations up to this are none
    cut : whether a limit of time ended the rounds, after the first one
    """

    prices: Sequence[float]
    rounds: int
    patience: int
    met: ClassVar[float]
    cut: bool = False

    def generate(self) -> A:
        """Price columns until the mixture is good enough or nothing improves it; the last mixture.

        Raises
        ------
        SolverFailure
            The linear program has no answer.
        """
        priced = 0
        for price in self.prices:
            self.begin()
            idle = 0
            while True:
                answer = self.mixed(price)
                if self.is_good(answer):
                    break
                idle = 0 if self.has_progressed(answer) else idle + 1
                if idle > self.patience or not self.rounds:
                    break
                if priced and not go_on():
                    self.cut = True
                    break
                note(f"round {priced + 1} of new strategies")
                priced += 1
                self.rounds -= 1
                self.add_columns(answer)
            if answer.missed <= self.met or self.cut:
                break
            if price != self.prices[-1]:
                self.approach(answer)
        return answer

    @abstractmethod
    def begin(self) -> None:
        """Prepare for the rounds at another price."""

    @abstractmethod
    def mixed(self, price: float) -> A:
        """Solve the linear program over the columns."""

    def is_good(self, answer: A) -> bool:
        """Whether the mixture needs no further columns."""
        return False

    @abstractmethod
    def has_progressed(self, answer: A) -> bool:
        """Whether the last round of pricing was of use."""

    @abstractmethod
    def add_columns(self, answer: A) -> None:
        """Price columns by the multipliers, keep those that promise a gain, and drop those that are too many."""

    def approach(self, answer: A) -> None:
        """Add columns nearer to the data, before deviations cost more."""
