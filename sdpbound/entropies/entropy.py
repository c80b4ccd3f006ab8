"""The interface of methods that bound Eve's conditional entropy, and the bound of the von Neumann methods."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import flint
import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing, up_and_down
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.rounding import lower_float
from sdpbound.conic.program import Status
from sdpbound.entropies.proof import EntropyProof
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion

__all__ = [
    "INACCURATE",
    "Entropy",
    "EntropyBound",
    "TrivialProof",
    "least_entropy",
    "no_entropy",
    "no_less_than_trivial",
]

#: Working precision, in binary digits, for the entropy of the flips.
PRECISION = 256
#: The status of a bound that is not known to have the accuracy asked for.
INACCURATE = "inaccurate"
#: The price of the data's tolerances is told where it is at least this part of what the entropy may be above.
_TOLD = 0.1


class Entropy(ABC):
    """A method that bounds Eve's conditional entropy from below, for key rates and randomness.

    A new method is a class with the methods below. An object of the class works at once in
    ``key_rate(..., entropy=...)``. To use the class by name, add a line to ``METHODS`` or an entry point of the group
    "sdpbound.entropies". The name is then a ``method`` of :class:`sdpbound.VonNeumann`, of the command line and of
    study files. A call by name passes those of the options ``level``, ``nodes``, ``tolerance`` and ``solver`` that the
    constructor takes.

    The default method "auto" compares methods by what they say of themselves in ``applies``, ``cost`` and ``exact``. It
    takes a new method into account if ``cost`` is finite.

    Attributes
    ----------
    exact : class attribute; whether the bound comes as close to the least entropy as asked for. If not, it comes close
        to the best bound of a hierarchy
    settles : class attribute; whether "auto" asks this method before others that are not exact, and those with more
        effort only where little effort shows that they may be better
    """

    exact: ClassVar[bool] = False
    settles: ClassVar[bool] = False

    @property
    @abstractmethod
    def adversary(self) -> Adversary:
        """The adversary's set of correlations."""

    @abstractmethod
    def lower_bound(self, question: KeyQuestion) -> Bound:
        """Certified lower bound, in bits, on the entropy asked for; InvalidInput if the method cannot answer."""

    def applies(self, question: KeyQuestion) -> str | None:
        """None if the method can answer the question; otherwise one sentence that says why it cannot."""
        return None

    def cost(self, question: KeyQuestion) -> float:
        """Rough CPU seconds of an answer to a question to which the method applies; infinite if nothing is known."""
        return math.inf

    def at_a_glance(self) -> Entropy:
        """This one, with no more effort than shows whether it is worth more."""
        return self

    def within(self, question: KeyQuestion, seconds: float) -> Entropy | None:
        """The method with so little effort that an answer takes about so many CPU seconds; None if it takes more."""
        return self if self.cost(question) <= seconds else None

    def of_one_question(self) -> Entropy:
        """The method for one question with rising effort; it may keep what it has computed with less."""
        return self

    def tested(self, observed: Observations) -> Observations:
        """The data that the method needs for Alice's outcome alone; it may drop data that do not restrict Eve."""
        return observed

    def swept(self) -> Entropy:
        """The method for the points of a sweep; it may start each point from the result of the point before."""
        return self


@dataclass(frozen=True, eq=False, repr=False)
class EntropyBound(Bound):
    """A proven lower bound on a von Neumann entropy.

    Attributes
    ----------
    nodes : the nodes used; empty for a closed form
    quadrature_gap : the most, in bits, by which more nodes could raise the bound at this level. It is as accurate as
        the solver's point. Any further distance between the bound and the value of an attack is due to the level
    gap : the most, in bits, by which the entropy exceeds the bound, as far as known. For the qubit method, and for
        programs about data that it takes, it is the distance to an explicit attack; for a closed form, to the devices
        that show the theorem to be tight. For other programs it is an estimate from what the last nodes and words
        gained; nan if nothing is known, as for words that the caller chose
    method : the name of the method that proved the bound; empty for a closed form
    merged : if the proof is about coarser data, what was merged or left out, in words
    tolerance : the accuracy asked for, in bits. If ``gap`` is not known to be as small, ``status`` is "inaccurate"
    """

    nodes: tuple[float, ...] = ()
    quadrature_gap: float = math.nan
    gap: float = math.nan
    method: str = ""
    merged: str = ""
    tolerance: float = math.nan

    def about(self, question: EntropyQuestion) -> EntropyBound | None:
        """The bound that the same proof gives for other values of the same tests; None if it is about other tests.

        The functional is proven for every behaviour; that it is the best one is known of its own data only, so that
        nothing is said of the accuracy.
        """
        proof = self._proof
        if not isinstance(proof, EntropyProof) or self.merged or question.figure != self.merit:
            return None
        if not np.array_equal(question.observed.coefficients, proof.question.observed.coefficients):
            return None
        constant, multipliers = proof.line
        total = Fraction(constant)
        for m, v, t in zip(multipliers, question.observed.values, question.observed.tolerances, strict=True):
            total += Fraction(float(m)) * Fraction(float(v)) - abs(Fraction(float(m))) * Fraction(float(t))
        value = float(total)
        value = value if Fraction(value) <= total else math.nextafter(value, -math.inf)
        proof = replace(proof, question=question)
        return replace(self, value=value, solver_value=math.nan, gap=math.nan, status=INACCURATE, _proof=proof)

    @property
    def price(self) -> float:
        """Bits that the tolerances of the data cost: the functional holds at the worst data within them."""
        if not isinstance(self._proof, EntropyProof):
            return 0.0
        multipliers = np.abs(self._proof.line[1])
        return float(multipliers @ self._proof.question.observed.tolerances)

    def with_top(self, value: float) -> EntropyBound:
        """The same bound where the entropy is proven to be at most ``value``: with the gap, and what it says of it."""
        gap = max(value - self.value, 0.0)
        status = self.status
        if status in (INACCURATE, Status.SOLVED.value) and self.tolerance > 0:
            status = Status.SOLVED.value if gap <= self.tolerance else INACCURATE
        return replace(self, gap=gap, status=status)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}{''.join(f'; {note}' for note in self.notes)})"

    @property
    def notes(self) -> list[str]:
        """Which method won, on which data, and whether the bound has the accuracy asked for, in words."""
        notes = []
        if self.method:
            data = f", data coarser: {self.merged}" if self.merged else ""
            notes.append(f"method {self.method!r}{data}")
        far = f"{self.gap:.1e} bits above" if math.isfinite(self.gap) else "an unknown amount above"
        if self.price > _TOLD * self.gap:
            far += f", {self.price:.1e} of them the price of data that are known within their tolerances"
        if self.status == INACCURATE and self.tolerance > 0:
            notes.append(f"the tolerance of {self.tolerance:g} is not shown to be kept: the entropy may be {far}")
        if self.status == Status.OUT_OF_TIME.value:
            notes.append(f"the entropy may be {far}")
        return notes


def least_entropy(preprocessing: Preprocessing) -> float:
    """The entropy in bits of a flip with this probability, rounded down; of a channel the least one of its two.

    Eve does not know the flip, so this entropy bounds that of the key: H(A'|E) >= H(A'|A). It is 0 of a channel that
    gives a constant.

    >>> least_entropy(0.0), round(least_entropy(0.11), 6)
    (0.0, 0.499916)
    """
    flips = max(up_and_down(preprocessing), key=lambda p: abs(p - 0.5))
    if flips in (0.0, 1.0):
        return 0.0
    with flint.ctx.workprec(PRECISION):
        q = flint.arb(flips)
        return max(lower_float(-(q * q.log() + (1 - q) * (1 - q).log()) / flint.arb(2).log()), 0.0)


@dataclass(frozen=True, eq=False)
class TrivialProof(EntropyProof):
    """The proof that a conditional entropy is at least the entropy of the flips, and so at least 0."""

    @property
    def value(self) -> float:
        return least_entropy(self.question.preprocessing)

    @property
    def line(self) -> tuple[float, Floats]:
        return self.value, np.zeros(len(self.question.observed))

    def entries(self) -> dict[str, Any]:
        return {"method": "trivial", "multipliers": [0.0] * len(self.question.observed)}


def no_less_than_trivial(
    value: float, proof: Proof, question: EntropyQuestion, model: Adversary
) -> tuple[float, Proof]:
    """The better of a proven value in bits and the trivial value, with its proof."""
    trivial = TrivialProof(question, model)
    return (value, proof) if value >= trivial.value else (trivial.value, trivial)


def no_entropy(question: EntropyQuestion, model: Adversary) -> EntropyBound:
    """The entropy of the flips, where no more is left: of a key of one value, or of one that Eve may know."""
    trivial = TrivialProof(question, model)
    return EntropyBound(
        value=trivial.value,
        side="lower",
        merit=question.figure,
        model=model,
        solver_value=trivial.value,
        solver="",
        status=Status.SOLVED.value,
        seconds={},
        _proof=trivial,
        gap=0.0,
        method="trivial",
    )
