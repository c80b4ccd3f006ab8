"""Counts of an experiment, and what can be said of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property

import flint
import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import instance, unmasked, whole
from sdpbound.arrays import Floats, Ints
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.experiments.consistency import (
    InputsTest,
    SignalingTest,
    input_distribution,
    inputs_test,
    require_inputs,
    signaling_test,
)
from sdpbound.experiments.p_values import ConfidenceInterval, Inputs, PValue, bell_interval, game_p_value
from sdpbound.experiments.projection import likeliest_behaviour
from sdpbound.experiments.ratios import best_factors, ratio_p_value
from sdpbound.experiments.reading import read_columns
from sdpbound.experiments.rounds import LARGEST_NUMBER, Rounds, small

__all__ = ["Counts", "Origin"]

#: The most rounds; sums of counts stay whole numbers of 64 bits.
MOST = 10**18
#: The most entries of a table of counts.
MOST_ENTRIES = 1 << 20
ROUNDS, COUNTED = ("x", "y", "a", "b"), ("x", "y", "a", "b", "count")


@dataclass(frozen=True, slots=True)
class Origin:
    """Which rounds counts are about: their own fingerprint, and where they are among the rounds of another one."""

    fingerprint: str
    source: str = ""
    start: int = 0
    end: int = 0

    def overlaps(self, other: Origin) -> bool:
        """Whether they are known to share rounds: one is the other, or a part of it, or both are parts that overlap."""
        if self.fingerprint in (other.fingerprint, other.source) or self.source == other.fingerprint:
            return True
        return bool(self.source) and self.source == other.source and self.start < other.end and other.start < self.end


@dataclass(frozen=True, eq=False, repr=False)
class Counts:
    """How often each result came: ``table[a, b, x, y]`` in tests, and ``untested`` in other rounds.

    Use :meth:`from_table`, :meth:`from_rounds` or :meth:`from_csv`.

    Attributes
    ----------
    table : (A, B, X, Y) numbers of tested rounds
    scenario : Scenario
    untested : (A, B, X, Y) numbers of rounds that were no tests; zero unless given
    rounds : the rounds one by one, or None if only their numbers are known
    source : the fingerprint of the counts that these are a part of, empty if they are all
    """

    table: Ints
    scenario: Scenario
    untested: Ints
    rounds: Rounds | None = None
    source: str = field(default="")

    @classmethod
    def from_table(
        cls, table: ArrayLike, scenario: Scenario | None = None, untested: ArrayLike | None = None
    ) -> Counts:
        """Counts N[a, b, x, y] of tested rounds, and of the same shape those of rounds that were no tests.

        Raises
        ------
        InvalidShape, InvalidParameter
            The shape is not (A, B, X, Y), or a count is negative or no whole number.

        >>> import numpy as np
        >>> Counts.from_table(np.full((2, 2, 2, 2), 25)).n
        400
        """
        found = _whole_numbers(table, "counts")
        if found.ndim != 4 or 0 in found.shape or found.size > MOST_ENTRIES:
            raise InvalidShape(
                f"counts need axes N[a, b, x, y] of two parties, with at most {MOST_ENTRIES} entries, not shape "
                f"{found.shape}."
            )
        if scenario is None:
            scenario = Scenario(((found.shape[0],) * found.shape[2], (found.shape[1],) * found.shape[3]))
        instance(scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        rest = np.zeros_like(found) if untested is None else _whole_numbers(untested, "untested counts")
        for array, name in ((found, "counts"), (rest, "untested counts")):
            if array.shape != scenario.table_shape:
                raise InvalidShape(f"{name} of shape {array.shape} do not fit {scenario}: {scenario.table_shape}.")
        return cls(found, scenario, rest)._settled()

    @classmethod
    def from_rounds(
        cls,
        x: ArrayLike | str | os.PathLike[str],
        y: ArrayLike | None = None,
        a: ArrayLike | None = None,
        b: ArrayLike | None = None,
        tests: ArrayLike | None = None,
        scenario: Scenario | None = None,
    ) -> Counts:
        """Counts of rounds in their order: arrays of settings and outcomes from 0, or a CSV file with these columns.

        ``tests`` says with 1 and 0 which rounds were tests. Without ``scenario`` each number found exists for every
        setting.
        """
        if isinstance(x, (str, os.PathLike)):
            return cls.from_csv(x, scenario)
        if y is None or a is None or b is None:
            raise InvalidInput("from_rounds needs four arrays x, y, a, b, or a file with these columns.")
        return cls.of_rounds(Rounds.checked((x, y, a, b), tests), scenario)

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str], scenario: Scenario | None = None) -> Counts:
        """Counts of a file with a line of names: columns x,y,a,b of rounds, or x,y,a,b,count. ``test`` is optional.

        Lines are read in blocks: rounds take five bytes each. Lines of counts with equal settings and outcomes are
        added.

        Raises
        ------
        InvalidInput
            The file cannot be read, has other columns, or anything but whole numbers from 0.
        """
        names, blocks = read_columns(path)
        counted = "count" in names
        wanted = COUNTED if counted else ROUNDS
        if sorted(set(names) - {"test"}) != sorted(wanted) or len(set(names)) < len(names):
            raise InvalidInput(
                f"'{path}' has the columns {', '.join(names)[:100]}; it needs x, y, a, b for rounds, or x, y, a, b, "
                "count for counts, and may have test (1 or 0)."
            )
        order = [names.index(name) for name in (*wanted, "test") if name in names]
        parts: list[list[Ints]] = [[] for _ in order]
        for rows in blocks:
            if not counted and int(rows.max()) > LARGEST_NUMBER:
                raise InvalidParameter(f"'{path}' has the number {rows.max()}; settings and outcomes are 0 to 254.")
            for kept, place in zip(parts, order, strict=True):
                kept.append(rows[:, place] if counted else rows[:, place].astype(np.uint8))
        if not parts[0]:
            raise InvalidInput(f"'{path}' has no line below the names of its columns; it needs one for each round.")
        columns = [np.concatenate(kept) for kept in parts]
        tests = columns.pop() if "test" in names else None
        if not counted:
            return cls.of_rounds(Rounds.checked(columns, tests), scenario)
        return cls._of_counts(columns, tests, scenario)

    @classmethod
    def of_rounds(cls, rounds: Rounds, scenario: Scenario | None, source: str = "") -> Counts:
        """Counts of rounds, which may be a part of those of the fingerprint ``source``."""
        scenario = rounds.scenario() if scenario is None else scenario
        instance(scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        if scenario.parties != 2:
            raise InvalidShape(f"counts are of two parties, not of {scenario}.")
        table, untested = rounds.tables(scenario)
        return cls(table, scenario, untested, rounds, source)._settled()

    @classmethod
    def _of_counts(cls, columns: list[Ints], tests: Ints | None, scenario: Scenario | None) -> Counts:
        *places, number = columns
        x, y, a, b = (small(column, name) for column, name in zip(places, "xyab", strict=True))
        tested = np.ones(x.size, dtype=bool) if tests is None else small(tests, "test", 1).astype(bool)
        if float(number.astype(np.float64).sum()) > MOST:
            raise InvalidParameter(f"the counts add up to more than {MOST:g} rounds.")
        scenario = Rounds(x, y, a, b).scenario() if scenario is None else scenario
        Rounds(x, y, a, b).tables(scenario)  # checks that all settings and outcomes exist
        both = np.zeros((2, *scenario.table_shape), dtype=np.int64)
        np.add.at(both, (1 - tested.astype(np.int64), a, b, x, y), number)
        return cls.from_table(both[0], scenario, both[1])

    def _settled(self) -> Counts:
        """These counts, after the checks that all constructors share; the arrays are read-only from here."""
        for array in (self.table, self.untested):
            exists = Behaviour.uniform(self.scenario).p > 0.0
            if array[~exists].any():
                a, b, x, y = np.argwhere((array > 0) & ~exists)[0].tolist()
                raise InvalidParameter(f"N[{a}, {b}, {x}, {y}] = {array[a, b, x, y]}, and {self.scenario} has no such.")
            array.flags.writeable = False
        total = float(self.table.sum(dtype=np.float64) + self.untested.sum(dtype=np.float64))
        if not 0.0 < total <= MOST:
            raise InvalidParameter(f"counts must have from 1 to {MOST:g} rounds, not {total:g}.")
        return self

    # -- what is seen ---------------------------------------------------------------------------------------------

    @property
    def tested(self) -> int:
        """The number of tested rounds."""
        return int(self.table.sum())

    @property
    def n(self) -> int:
        """The number of all rounds."""
        return self.tested + int(self.untested.sum())

    @property
    def settings(self) -> Ints:
        """How often each pair of settings was tested, (X, Y)."""
        return np.asarray(self.table.sum(axis=(0, 1)))

    @property
    def observed_frequencies(self) -> Floats:
        """Relative frequencies (A, B, X, Y) of tested rounds, as they are; NaN at settings without any."""
        settings = self.settings.astype(np.float64)
        return self.table / np.where(settings > 0.0, settings, np.nan)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the counts, by which a protocol knows what it was made from."""
        content = hashlib.sha256(repr((self.scenario.outcomes, "counts")).encode())
        for array in (self.table, self.untested):
            content.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return content.hexdigest()

    @property
    def origin(self) -> Origin:
        """Which rounds these are."""
        start = 0 if self.rounds is None else self.rounds.start
        return Origin(self.fingerprint, self.source, start, start + self.n)

    def behaviour(self) -> Behaviour:
        """The no-signaling behaviour that makes the tested counts most likely.

        It maximises ``sum N log p`` over no-signaling p, by Newton's method with barriers; the log-likelihood misses
        its maximum by at most 1e-4 nats for each outcome. It is an estimate, and no bound.

        Raises
        ------
        InvalidParameter
            A pair of settings was never tested.
        """
        return likeliest_behaviour(self.table, self.scenario)

    def split(self, training: int) -> tuple[Counts, Counts]:
        """The first ``training`` rounds and the rest: one part to choose a protocol with, and one to apply it to."""
        if self.rounds is None:
            raise InvalidInput("counts without rounds cannot be split; read the rounds, as Counts.from_rounds does.")
        end = whole(training, "training", 1, len(self.rounds) - 1)
        first, rest = self.rounds.part(0, end), self.rounds.part(end, len(self.rounds))
        source = self.source or self.fingerprint
        return Counts.of_rounds(first, self.scenario, source), Counts.of_rounds(rest, self.scenario, source)

    # -- what is tested -------------------------------------------------------------------------------------------

    def no_signaling_test(self) -> SignalingTest:
        """The p-value of no-signaling devices, by Fisher's exact test of every marginal with Bonferroni's factor.

        Assumed: rounds are independent and alike. It is computed in floats.
        """
        return signaling_test(self.table, self.scenario)

    def inputs_test(self, distribution: ArrayLike | None = None) -> InputsTest:
        """The p-value of the stated distribution (X, Y) of settings, uniform unless given.

        Each number of rounds is binomial. Twice its smaller tail is a p-value, and the least of all counts X Y times
        (Bonferroni). It is computed in floats.
        """
        return inputs_test(self.settings, input_distribution(distribution, self.scenario.settings))

    def local_p_value(
        self,
        expression: BellExpression | None = None,
        training: Counts | None = None,
        inputs: ArrayLike | None = None,
        bias: float = 0.0,
    ) -> PValue:
        """An upper bound on the p-value of local devices, which may have memory, rounded up from balls.

        With ``training`` the test factors of each round are fixed by those counts: a prediction-based ratio. Otherwise
        the rounds are scored by ``expression`` and compared with a binomial variable. Without either, in the scenario
        of CHSH, all eight CHSH expressions are tried, and the least bound is multiplied by eight.

        Parameters
        ----------
        expression : fixed before the rounds
        training : earlier rounds, none of which is among these counts
        inputs : (X, Y) probabilities of the settings, uniform unless given
        bias : how far the probability of a pair of settings may be from that, given all that came before

        Returns
        -------
        PValue, side "upper"

        Raises
        ------
        InvalidInput
            The settings came so often or so rarely that they were not drawn as ``inputs`` says: p-value below 1e-9.
        """
        how = self._drawn(inputs, bias)
        if training is not None:
            if expression is not None:
                raise InvalidInput("give an expression or a training part to local_p_value, not both.")
            training._drawn(inputs, bias)
            factors = best_factors(self._training(training).table, self.scenario, how)
            ball = ratio_p_value(self.table, factors, self.scenario)
            return PValue.from_ball(ball, "prediction-based ratio", self.tested)
        if expression is not None:
            instance(expression, BellExpression, "expression", "chsh()")
            if expression.scenario != self.scenario:
                raise InvalidShape(f"an expression of {expression.scenario} does not fit counts of {self.scenario}.")
            ball = game_p_value(self.table, expression, how)
            return PValue.from_ball(ball, f"binomial bound of {expression.name or 'the expression'}", self.tested)
        if self.scenario != Scenario.bipartite(2, 2):
            raise InvalidInput(f"counts of {self.scenario} need an expression, or a training part, to be tested with.")
        balls = [game_p_value(self.table, e, how) for e in _all_chsh()]
        least: flint.arb = 8 * min(balls, key=lambda ball: float(ball.upper()))
        return PValue.from_ball(least, "binomial bound, the best of eight CHSH expressions times 8", self.tested)

    def _drawn(self, inputs: ArrayLike | None, bias: float) -> Inputs:
        """How settings were drawn; InvalidInput if the counts say that they were not drawn so."""
        how = Inputs(input_distribution(inputs, self.scenario.settings), bias)
        require_inputs(self.settings, how.distribution, how.bias)
        return how

    def _training(self, training: Counts) -> Counts:
        instance(training, Counts, "training", "first, rest = counts.split(1000)")
        if training.scenario != self.scenario:
            raise InvalidShape(f"training counts of {training.scenario} do not fit counts of {self.scenario}.")
        if training.origin.overlaps(self.origin):
            raise InvalidInput(
                "the training part has rounds that are tested: factors must be fixed before; use the two parts of "
                "counts.split."
            )
        return training

    def confidence_interval(
        self,
        expression: BellExpression,
        confidence: float = 0.99,
        inputs: ArrayLike | None = None,
        bias: float = 0.0,
    ) -> ConfidenceInterval:
        """An interval of the mean Bell value of the tested rounds, for devices with memory (Azuma and Hoeffding).

        The value of a round is that of its behaviour given all rounds before. The parameters and errors are those
        of :meth:`local_p_value`.
        """
        instance(expression, BellExpression, "expression", "chsh()")
        how = self._drawn(inputs, bias)
        if expression.scenario != self.scenario:
            raise InvalidShape(f"an expression of {expression.scenario} does not fit counts of {self.scenario}.")
        return bell_interval(self.table, expression, how, confidence)

    def __repr__(self) -> str:
        kept = ", with rounds" if self.rounds is not None else ""
        return f"Counts({self.n} rounds, {self.tested} tested, {self.scenario}{kept})"


def _whole_numbers(given: ArrayLike, name: str) -> Ints:
    """A new array of whole numbers from 0; floats that are whole are taken as such."""
    unmasked(given, name)
    try:
        array = np.array(given)
    except (TypeError, ValueError, OverflowError):
        raise InvalidShape(f"{name} must be a rectangular array of whole numbers.") from None
    if array.dtype.kind not in "iuf":
        raise InvalidShape(f"{name} must be whole numbers, not {array.dtype}.")
    if array.size:
        wrong = ~(np.isfinite(array) & (array >= 0) & (array == np.floor(array)) & (array <= MOST))
        if wrong.any():
            where = tuple(np.argwhere(wrong)[0].tolist())
            raise InvalidParameter(
                f"{name}[{', '.join(map(str, where))}] = {array[where]} is not a whole number from 0 to {MOST:g}; give "
                "the numbers of rounds, not frequencies."
            )
    return array.astype(np.int64)


def _all_chsh() -> list[BellExpression]:
    tables = [sign * (1.0 - 2.0 * np.eye(4)[i].reshape(2, 2)) for sign in (1.0, -1.0) for i in range(4)]
    return [BellExpression.from_correlators(table, name="CHSH") for table in tables]
