"""Does a run of the protocol of a finite length pass: what was counted against the rule that was fixed before."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.scenario import Scenario

__all__ = ["Acceptance", "AcceptanceRule", "CountedRounds"]


class CountedRounds(Protocol):
    """What the rule reads of counts, whose class stands above: tables (A, B, X, Y) of tested and untested rounds."""

    @property
    def scenario(self) -> Scenario: ...

    @property
    def table(self) -> NDArray[np.int64]: ...

    @property
    def untested(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether a run passes, as a truth value, and why not.

    Attributes
    ----------
    accepted : whether it passes
    reason : one sentence that says why not; empty if it passes
    rounds, tests : the numbers of rounds, and of tests among them
    mean_score, threshold : the mean score of all rounds, and the least one that passes
    """

    accepted: bool
    reason: str
    rounds: int
    tests: int
    mean_score: float
    threshold: float

    def __bool__(self) -> bool:
        return self.accepted


@dataclass(frozen=True, eq=False)
class AcceptanceRule:
    """The rule of a protocol: numbers of rounds and tests, scores, and the least mean of these.

    Attributes
    ----------
    scenario, rounds : the scenario, and the number of rounds
    settings : x and y of untested rounds; y may be None, which is any
    drawn : (X, Y) which settings are drawn in tests
    scores, rest : (A, B, X, Y) the scores of tests, and that of an untested round
    threshold, most_tests : the least mean score, and the most tests
    """

    scenario: Scenario
    rounds: int
    settings: tuple[int, int | None]
    drawn: NDArray[np.bool_]
    scores: NDArray[np.float64]
    rest: float
    threshold: float
    most_tests: float

    def judge(self, counts: CountedRounds) -> Acceptance:
        """Apply the rule to counts; the mean score is compared in rational numbers."""
        tests, others = int(counts.table.sum()), int(counts.untested.sum())
        n = tests + others
        if counts.scenario != self.scenario:
            return self._no(f"the counts are of {counts.scenario}, and the protocol is of {self.scenario}.", n, tests)
        mean = others * Fraction(self.rest)
        for number, score in zip(counts.table.ravel().tolist(), self.scores.ravel().tolist(), strict=True):
            mean += number * Fraction(score)
        mean /= max(n, 1)
        x, y = self.settings
        key = counts.untested[:, :, x] if y is None else counts.untested[:, :, x, y]
        at = f"x = {x}" if y is None else f"x = {x}, y = {y}"
        wrong = (
            (n != self.rounds, f"the counts have {n} rounds, and the protocol is for {self.rounds}."),
            (int(key.sum()) != others, f"{others - int(key.sum())} untested rounds are not at the settings {at}."),
            (bool(counts.table[:, :, ~self.drawn].any()), "some tests have settings that the protocol never draws."),
            (tests > self.most_tests, f"{tests} rounds were tests, and at most {int(self.most_tests)} may be."),
            (
                mean < Fraction(self.threshold),
                f"the mean score {float(mean):.9g} is below the threshold {self.threshold:.9g}.",
            ),
        )
        for fails, reason in wrong:
            if fails:
                return self._no(reason, n, tests, float(mean))
        return Acceptance(True, "", n, tests, float(mean), self.threshold)

    def _no(self, reason: str, rounds: int, tests: int, mean: float = float("nan")) -> Acceptance:
        return Acceptance(False, reason, rounds, tests, mean, self.threshold)
