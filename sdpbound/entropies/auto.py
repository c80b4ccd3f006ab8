"""The method "auto": the tightest of all bounds that are to be had in little time."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.bell.channel import BinaryChannel
from sdpbound.bounds.bound import Bound
from sdpbound.conic.program import Status
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.candidates import CANDIDATES
from sdpbound.entropies.coarse import Coarsening, CoarseProof, coarsenings
from sdpbound.entropies.completed import completed
from sdpbound.entropies.entropy import (
    INACCURATE,
    Entropy,
    EntropyBound,
    least_entropy,
    no_entropy,
    no_less_than_trivial,
)
from sdpbound.entropies.known_outcomes import eve_may_know
from sdpbound.entropies.method import FIRST_LEVEL, VonNeumannMethod
from sdpbound.entropies.qubits.entropy import QubitEntropyBound
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import CertificateError, InvalidInput, SolverFailure, TimeIsUp
from sdpbound.limiting import cut_short, go_on, time_left
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["Auto"]

#: CPU seconds that a program may take, by its own rough estimate, to improve an answer; and if it does, or if there is
#: none, to find one.
_TO_IMPROVE, _TO_ANSWER = 10.0, 30.0
#: And to find out that it does, for a key of more than two outcomes: then the first of the two efforts is left out. A
#: method whose first program takes longer has the first effort for that; nodes are few then.
_TO_SEE = 1.0
#: And of a first program that is run only to be sure that a method that settles the question is the better one.
_TO_BE_SURE = 2.0
#: The tolerance in bits that methods are asked for which come as close as asked: it costs them little.
_CLOSE = 3e-4
#: Bits to the entropy within which programs hardly come.
_CLOSER = 3e-5
#: How many coarser data are tried.
_COARSER = 3


@dataclass(frozen=True)
class Auto(VonNeumannMethod):
    """Compare all methods that apply, and return the best certified bound; it says which method won.

    A method that comes as close to the entropy as asked for is taken alone, asked for 3e-4 bits at least. If there
    is none for the data as they are, such methods bound the entropy of coarser data
    (:mod:`sdpbound.entropies.coarse`), which is less; and programs of the hierarchy whose own estimate of their time is
    small bound that of the data as they are. No clock is asked: the same question has the same answer.

    The options are those of :class:`sdpbound.VonNeumann`. With a level or nodes, a program is asked for: it is the
    first of the table that takes them. ``sweep`` says that each point of a sweep may start from the one before, and
    ``programs`` whether programs are asked where others have an answer.
    """

    name: ClassVar[str] = "auto"
    any_key: ClassVar[bool] = True

    level: Level | None = None
    nodes: int | tuple[float, ...] | None = None
    solver: SolverChoice = None
    sweep: bool = False
    programs: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level is not None:
            object.__setattr__(self, "level", normalise_level(self.level))
        if self.nodes is not None:
            first = next(iter(self.methods.values()), None)
            object.__setattr__(self, "nodes", getattr(first, "nodes", self.nodes))

    @property
    def adversary(self) -> Quantum:
        return Quantum(FIRST_LEVEL if self.level is None else self.level)

    @cached_property
    def methods(self) -> dict[str, Entropy]:
        """The methods to compare by name, with the options that they take."""
        required = {key: v for key, v in (("level", self.level), ("nodes", self.nodes)) if v is not None}
        options = {"tolerance": self.tolerance, "solver": self.solver}
        close = options | {"tolerance": min(self.tolerance, _CLOSE)}
        found: dict[str, Entropy] = {}
        refused: list[InvalidInput] = []
        for name, kind in _kinds().items():
            taken = inspect.signature(kind).parameters
            if not required.keys() <= taken.keys():
                continue
            given = {key: v for key, v in (close if kind.exact else options).items() if key in taken and v is not None}
            try:
                method = kind(**required, **given)
            except InvalidInput as error:  # it takes the option, and not this value
                refused.append(error)
            else:
                found[name] = method.swept() if self.sweep else method
        if refused and not found:
            raise refused[0]
        return found

    def swept(self) -> Entropy:
        return replace(self, sweep=True)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        contest = _Contest(question, self.tolerance)
        if self.level is not None or self.nodes is not None:
            return contest.only({n: m for n, m in self.methods.items() if m.applies(contest.asked) is None})
        best = {name: method for name, method in self.methods.items() if method.exact}
        exact = _able(best, contest.asked)
        for name, method in exact.items():
            contest.enter(name, method)
            if contest.is_over:
                return contest.answer()
        if not exact and not isinstance(question.preprocessing, BinaryChannel) and eve_may_know(question.observed):
            return no_entropy(question, self.adversary)
        for coarse in [] if exact else coarsenings(question, _COARSER):
            if contest.may_go_on and not contest.is_over:
                contest.enter_coarse(best, coarse)
        if contest.has_some and not self.programs:
            return contest.answer()
        programs = _able({name: m for name, m in self.methods.items() if not m.exact}, contest.asked)
        programs = {name: method.of_one_question() for name, method in programs.items()}
        efforts = (_TO_IMPROVE, _TO_ANSWER) if contest.has_some else (_TO_ANSWER,)
        for name, method in sorted(programs.items(), key=lambda item: not item[1].settles):
            settled = contest.is_settled_by(programs)
            if settled:  # little effort shows whether another one may be better
                first = method.cost(contest.asked)
                small = method.within(contest.asked, first) if first <= _TO_BE_SURE else None
                if small is not None and not contest.is_over and contest.may_go_on:
                    contest.enter(name, small.at_a_glance())
                if not contest.may_be_won_by(name):
                    continue
            seen = None
            if contest.has_some and question.outcomes > 2 and not settled:
                seen = method.within(contest.asked, _TO_SEE) or method.within(contest.asked, contest.effort(efforts[0]))
            if seen is not None and not contest.is_over and contest.may_go_on:
                contest.enter(name, seen.at_a_glance())
            wins = settled or (seen is not None and contest.may_be_won_by(name))
            for seconds in efforts[1:] if wins else efforts:
                small = method.within(contest.asked, contest.effort(seconds))
                if small is not None and not contest.is_over and contest.may_go_on:
                    contest.enter(name, small)
                if contest.has_some and contest.best.method != name:  # more effort is not worth it
                    break
        return contest.answer() if contest.entered else contest.only(programs)


@dataclass(eq=False)
class _Contest:
    """The bounds that methods prove of one question."""

    question: EntropyQuestion
    tolerance: float
    entered: list[tuple[EntropyBound, bool]] = field(default_factory=list)  # and whether an exact method proved it
    failures: list[SolverFailure] = field(default_factory=list)
    cut: bool = False  # whether the time was over before the contest was
    hurried: bool = False  # whether a method had less time than it would have had

    def effort(self, seconds: float) -> float:
        """So many seconds, or what is left."""
        left = time_left()
        self.hurried |= left < seconds
        return min(left, seconds)

    @property
    def may_go_on(self) -> bool:
        """Whether there is time for another method; the first one finds out by itself."""
        if self.entered and not self.cut:
            self.cut = not go_on()
        return not self.cut

    @cached_property
    def asked(self) -> KeyQuestion:
        return _asked(self.question)

    @property
    def best(self) -> EntropyBound:
        return max((bound for bound, _ in self.entered), key=lambda bound: bound.value)

    @property
    def has_some(self) -> bool:
        """Whether more is proven than is trivial."""
        return bool(self.entered) and self.best.value > least_entropy(self.question.preprocessing)

    @property
    def is_over(self) -> bool:
        """Whether the best bound is as close as asked for, to an attack or to what the search itself says.

        Programs are not asked where an exact method is closer than they come.
        """
        if not self.entered:
            return False
        if self.gap <= self.tolerance:
            return True
        best = self.best
        if not any(exact for bound, exact in self.entered if bound is best):
            return False
        return best.correction <= self.tolerance if math.isnan(best.gap) else self.gap <= _CLOSER

    @property
    def gap(self) -> float:
        """Bits that the entropy may be above the best bound: to an attack, else estimated, else nan."""
        best = self.best
        tops = [bound.value + bound.gap for bound, exact in self.entered if exact and math.isfinite(bound.gap)]
        if tops:
            return max(min(tops) - best.value, 0.0)
        if math.isfinite(best.gap):
            return best.gap
        estimates = [bound.value + bound.gap - best.value for bound, _ in self.entered if math.isfinite(bound.gap)]
        return max(estimates) if estimates and max(estimates) >= 0.0 else math.nan

    def is_settled_by(self, methods: Mapping[str, Entropy]) -> bool:
        """Whether the best bound is that of a method that settles the question, with all that it would try."""
        if not self.has_some or self.best.is_stopped:
            return False
        method = methods.get(self.best.method)
        return method is not None and method.settles and math.isfinite(self.best.gap)

    def may_be_won_by(self, name: str) -> bool:
        """Whether the last bound of a method is the best, or would be with as many nodes as there may be."""
        last = next((bound for bound, _ in reversed(self.entered) if bound.method == name), None)
        return last is not None and last.value + np.nan_to_num(last.quadrature_gap, posinf=0.0) >= self.best.value

    def enter(self, name: str, method: Entropy) -> None:
        """Let a method bound the entropy of the data as they are."""
        try:
            bound = method.lower_bound(self.asked)
        except SolverFailure as failure:
            self.fail(failure)
            return
        if isinstance(bound, EntropyBound) and bound.merit == self.question.figure:
            self.entered.append((replace(bound, method=bound.method or name), method.exact))

    def fail(self, failure: SolverFailure) -> None:
        """Take down why a method has proven nothing."""
        self.failures.append(failure)
        self.cut |= isinstance(failure, TimeIsUp)

    def enter_coarse(self, methods: Mapping[str, Entropy], coarse: Coarsening) -> None:
        """Let methods bound the entropy of coarser data."""
        asked = _asked(coarse.question)
        for name, method in _able(methods, asked).items():
            try:
                bound = method.lower_bound(asked)
                model = bound.model or Quantum(FIRST_LEVEL)
                proof = CoarseProof(self.question, model, coarse, bound)
                value, shown = no_less_than_trivial(proof.value, proof, self.question, model)
            except SolverFailure as failure:
                self.fail(failure)
                continue
            except CertificateError:  # a proof of another package without a functional
                continue
            found = EntropyBound(
                value=value,
                side="lower",
                merit=self.question.figure,
                model=model,
                solver_value=bound.solver_value,
                solver=bound.solver,
                status=bound.status if bound.is_stopped else INACCURATE,
                seconds=bound.seconds,
                method=name,
                merged=coarse.words,
                _proof=shown,
            )
            top = _top_of_finer(coarse, bound)
            self.entered.append((replace(found, gap=max(top - value, 0.0)), math.isfinite(top)))

    def only(self, methods: Mapping[str, Entropy]) -> EntropyBound:
        """What the first of the methods proves that proves anything, with the least effort if it has no program."""
        for name, method in methods.items():
            self.enter(name, method)
            if self.entered:
                return self.best
        if self.failures:
            raise next((failure for failure in self.failures if isinstance(failure, TimeIsUp)), self.failures[0])
        raise InvalidInput("no method for entropies applies to these data with these options; leave options out.")

    def answer(self) -> EntropyBound:
        """The best bound, with what all of them together say of its accuracy, and the time that all of them took."""
        best, gap = self.best, self.gap
        status = best.status
        if not gap <= self.tolerance:
            status = INACCURATE
        elif status == INACCURATE:
            status = Status.SOLVED.value
        late = Status.OUT_OF_TIME.value
        hurried = self.hurried or any(bound.status == late for bound, _ in self.entered)
        if self.cut or (hurried and not gap <= self.tolerance):
            cut_short()
            status = late
        seconds: dict[str, float] = {}
        for bound, _ in self.entered:
            for part, value in bound.seconds.items():
                seconds[part] = seconds.get(part, 0.0) + value
        return replace(best, gap=gap, status=status, seconds=seconds)


def _able(methods: Mapping[str, Entropy], asked: KeyQuestion) -> dict[str, Entropy]:
    """The methods that apply and say what they cost, the cheapest first."""
    costs = {name: m.cost(asked) for name, m in methods.items() if m.applies(asked) is None}
    return {name: methods[name] for name in sorted(costs, key=costs.__getitem__) if math.isfinite(costs[name])}


def _top_of_finer(coarse: Coarsening, bound: Bound) -> float:
    """Bits that the finer data leave at most, if the attack on the coarser ones has them; else nan."""
    if not isinstance(bound, QubitEntropyBound) or bound.optimum is None or not math.isfinite(bound.gap):
        return math.nan
    return bound.value + bound.gap if completed(coarse, bound.optimum) is not None else math.nan


def _asked(question: EntropyQuestion) -> KeyQuestion:
    return KeyQuestion(
        question.observed,
        question.x,
        question.y,
        preprocessing=question.preprocessing,
        closed_forms=False,
        settings=question.settings,
        merge=question.merge,
    )


@lru_cache(maxsize=1)
def _kinds() -> dict[str, type[Entropy]]:
    """The methods of the table and of entry points; no more are installed while a process runs."""
    found = {name: CANDIDATES.find(name) for name in CANDIDATES.names() if name != Auto.name}
    return {name: kind for name, kind in found.items() if kind is not None}
