"""A point as quantities take it: its member, what is tested of the noisy behaviour, and the adversary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sdpbound.adversaries import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import Binning
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Member
from sdpbound.bell.families.formulas import singlet_coefficients
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.observations import Observations
from sdpbound.bell.tested import observations_named
from sdpbound.entropies.self_test import SelfTest, find_self_test
from sdpbound.errors import InvalidInput

__all__ = ["AtPoint", "beyond_local", "expression_of", "noisy_chsh", "observations"]

#: The four correlators of two settings with two outcomes each, as tested expressions.
_CORRELATORS = np.zeros((4, 3, 3))
_CORRELATORS[[0, 1, 2, 3], [1, 1, 2, 2], [1, 2, 1, 2]] = 1.0


@dataclass(frozen=True, eq=False)
class AtPoint:
    """A point of a study with the noise, the tested data and the adversary of one of its tasks.

    Attributes
    ----------
    member : the devices without noise
    adversary : the adversary; None for quantities that have none
    tested : "bell", "correlators", "full", one of these without settings, or None where nothing is tested
    solver, tolerance : solver of programs and its tolerance; None for the best solver
    noise : noise of the devices; None for quantities that do not depend on it; for a critical value, all noise except
        the one whose critical value is looked for
    plain : whether the devices have no noise at all
    at_noise : gives the same point with a value of the noise whose critical value is looked for, "visibility" or
        "efficiency"
    white : the visibility, where white noise is all the noise there is; else None
    binning : of the no clicks of its detectors, as of DetectionInefficiency
    noisy : makes the behaviour with its noise; :attr:`behaviour` is that, made once
    """

    member: Member
    adversary: Adversary | None
    tested: str | None
    solver: str | None
    tolerance: float
    noise: Noise | None
    plain: bool
    noisy: Callable[[], Behaviour]
    at_noise: Callable[[str, float], AtPoint]
    white: float | None = None
    binning: Binning = True

    @property
    def model(self) -> Adversary:
        """The adversary with its set of correlations."""
        assert self.adversary is not None
        return self.adversary

    @property
    def expression(self) -> BellExpression:
        """The Bell expression of the point.

        Raises InvalidInput if the point has no expression.
        """
        return expression_of(self.member)

    @property
    def singlet(self) -> SingletSelfTest | None:
        """The member if it is of the singlet family, else None."""
        return self.member if isinstance(self.member, SingletSelfTest) else None

    @cached_property
    def behaviour(self) -> Behaviour:
        """The behaviour of the noisy devices."""
        return self.noisy()

    @cached_property
    def observed(self) -> Observations:
        """The tested data of the behaviour."""
        return observations(self.member, self.behaviour, self.tested)

    @cached_property
    def correlators(self) -> Floats | None:
        """(2, 2) correlators of a singlet in white noise, for numbers that need no proof; else None."""
        if self.singlet is None or self.white is None:
            return None
        return self.white * self.singlet.correlators

    def tests(self) -> tuple[Floats, Floats]:
        """Return what is tested and its values, (J, *shape) and (J,), for numbers that need no proof."""
        correlators = self.correlators
        if correlators is None or self.singlet is None or self.tested not in ("bell", "correlators"):
            return self.observed.coefficients, self.observed.values
        if self.tested == "correlators":
            return _CORRELATORS, correlators.reshape(-1)
        own = singlet_coefficients(*self.singlet.parameters)
        table = np.zeros((1, 3, 3))
        table[0, 1:, 1:] = own
        return table, np.array([float((own * correlators).sum())])

    @cached_property
    def self_test(self) -> SelfTest | None:
        """The self-test that the data are; None if they are none, or if no closed forms hold against the adversary."""
        if self.white is not None and self.white < 1.0:
            return None
        return find_self_test(self.observed) if self.model.self_tests else None

    @cached_property
    def self_tested(self) -> Floats | None:
        """(2, 2) correlators that the data self-test, for a search; None where they are no self-test."""
        singlet = self.singlet
        if self.white == 1.0 and singlet is not None and self.tested in ("bell", "correlators"):
            return singlet.correlators if self.model.self_tests and singlet.is_self_test else None
        return None if self.self_test is None else self.self_test.correlators

    @cached_property
    def may_be_infeasible(self) -> bool:
        """Whether the adversary's set may lack the data.

        A set of mixtures of deterministic points may lack data that break a Bell inequality. Two inequalities are
        tried, CHSH and the tested one; scenarios that have neither are not tried. Data of a strategy are quantum, so
        every set that contains all quantum behaviours has them. A behaviour without a strategy need not be quantum.
        """
        if not self.model.deterministic:
            return not self.model.contains_quantum or self.member.strategy is None
        if self.tested == "bell":
            return beyond_local(self.member, self.behaviour) > 0.0
        chsh = noisy_chsh(self.behaviour)
        return chsh is None or chsh > 2.0


def observations(member: Member, behaviour: Behaviour, tested: str | None) -> Observations:
    """Return what is tested of the behaviour of a member."""
    if tested == "bell":
        return Observations.bell_value(expression_of(member), behaviour)
    return observations_named(behaviour, "full" if tested is None else tested)


def expression_of(member: Member) -> BellExpression:
    """Return the Bell expression of a member.

    Raises InvalidInput if the member has no expression.
    """
    found = member.expression
    if found is None:
        raise InvalidInput(f"{member.title} has no Bell expression; test correlators or full.")
    return found


def beyond_local(member: Member, behaviour: Behaviour) -> float:
    """Return how far the Bell value of a behaviour is above the local maximum or below the local minimum."""
    expression, most = expression_of(member), member.local_bound
    value = expression.value(behaviour)
    if isinstance(member, SingletSelfTest):  # the local minimum is the negative of the local maximum
        return abs(value) - member.local_bound
    return max(value - (expression.local_bound if most is None else most), expression.local_minimum - value)


def noisy_chsh(behaviour: Behaviour) -> float | None:
    """Return the largest CHSH value.

    None unless each party has two settings with two outcomes; noise may add outcomes.
    """
    return behaviour.chsh if behaviour.scenario.outcomes == ((2, 2), (2, 2)) else None
