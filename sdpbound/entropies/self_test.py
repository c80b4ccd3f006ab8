"""Closed forms of Eve's entropies for exact data that self-test the singlet.

At a self-test the state is a singlet with known measurements, up to local isometries and a junk state. Eve's system is
then in product with the outcomes, and the outcomes are uniform with known correlators E_xy (arXiv:2309.09650,
Proposition 1 (iv)). So

    H(A|X=x,E) = 1,   H(AB|X=x,Y=y,E) = 1 + h((1+E_xy)/2),   H(A|X=x,Y=y,B,E) = h((1+E_xy)/2).

These are theorems about **exact data**: the values of a member of the singlet family at exact angles
(:class:`sdpbound.bell.exact.ExactSinglet`). Two kinds of tests self-test it. The first is all four correlators, by the
criterion of arXiv:1511.04886. The second is the value of the family's own expression (2), or of a multiple of it, where
condition (4) holds. Floats name this expression if each of its coefficients is right to its last digits, and if what
these leave open is less than a millionth of the distance of its quantum maximum from its local one. The certificate
names the angles, and the checkers evaluate the conditions and entropies in balls.

**Measured data** are floats within a tolerance. An entropy may be much less for data that are 1e-12 away. For small a
the correlators (1, cos a; 0, -sin a), whose CHSH value is about 2 + a, are within t of data with a local part of weight

    1 - (a / (sqrt(2 t) + sqrt(2 t + a^2)))^2.

Of one bit 0.18 is then left at a = 1.45e-6, 0.972 at 1e-4, and 0.9997 at 1e-2. So measured data have no closed form
here; :mod:`sdpbound.entropies.qubits.extremes` has the affine functionals that say what they prove.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import instance
from sdpbound.bell.exact import ExactSinglet
from sdpbound.bell.observations import DATA_TOLERANCE, Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.figures import SelfTestedEntropy
from sdpbound.bounds.rounding import lower_float
from sdpbound.errors import InvalidInput

__all__ = ["SelfTest", "find_self_test"]

BELL_SOURCE = "arXiv:2309.09650, Proposition 1 (iv)"
#: How well each coefficient of a tested expression must be right, and a million times that.
_DIGITS, _CLEAR = 2.0**-49, 2.0**-29
#: Digits (binary) of balls.
_PRECISION = 256
CORRELATORS_SOURCE = "arXiv:1511.04886, with arXiv:2309.09650, Propositions 4 and 6"


@dataclass(frozen=True, eq=False)
class SelfTest:
    """Tested data that self-test the singlet.

    Attributes
    ----------
    observed : the data
    exact : the self-tested correlations, at exact angles
    source : the theorem used
    """

    observed: Observations
    exact: ExactSinglet
    source: str

    @property
    def correlators(self) -> NDArray[np.float64]:
        """(2, 2) the correlators E_xy, rounded."""
        return self.exact.correlators

    def entropy(self, x: int = 0, y: int | None = None, blind: bool = False) -> Bound:
        """The von Neumann entropy in bits: H(A|x,E); with y H(AB|x,y,E), or if blind H(A|x,y,B,E). It is exact."""
        scenario = self.observed.scenario
        x = scenario.require_setting(0, x, "x")
        if y is not None:
            y = scenario.require_setting(1, y, "y")
        elif blind:
            raise InvalidInput("blind entropy needs Bob's setting: give y as an integer from 0.")
        if y is None:
            value = 1.0
        else:
            with flint.ctx.workprec(_PRECISION):
                e = self.exact.correlator(x, y)
                h = flint.arb(1) if e == 0 else _binary_entropy(e)  # a whole number must be no ball
                value = lower_float(h if blind else 1 + h)
        figure = SelfTestedEntropy(x, y, blind)
        return Bound(
            value=value,
            side="lower",
            merit=figure,
            model=None,
            solver_value=math.nan,
            solver="none",
            status="closed form",
            seconds={},
            source=self.source,
            _proof=_SelfTestProof(self, figure),
        )


def _binary_entropy(e: flint.arb) -> flint.arb:
    parts = ((1 + e) / 2, (1 - e) / 2)
    return sum((-p * p.log() for p in parts if p > 0), flint.arb(0)) / flint.arb(2).log()


@dataclass(frozen=True, eq=False)
class _SelfTestProof(Proof):
    """The proof by a theorem; the checker evaluates again that the exact data self-test."""

    of_exact_data = True
    no_functional = "a closed form proves no affine functional; ask with closed_forms=False for one."

    test: SelfTest
    figure: SelfTestedEntropy

    @property
    def given(self) -> Observations:
        return self.test.observed

    def certificate(self, value: float) -> dict[str, Any]:
        head = certificate_head(self.given, self.figure, "lower", None, "sdpbound closed form", "self-test")
        head["question"]["exact"] = self.test.exact.entry()
        return head | {"theorem": self.test.source, "claim": {"value": value}}


def find_self_test(observed: Observations) -> SelfTest | None:
    """Find the self-test that tested data are, if any.

    Only exact data are one: those of a behaviour such as ``SingletSelfTest(...).behaviour()``, of two settings and two
    outcomes for each party. Tested are the four correlators, or the member's own expression, among other values.

    ``observed`` is what the parties test; floats are no exact data, and give None.

    >>> import sdpbound as sb
    >>> t = sb.SingletSelfTest("pi/3", "pi/2 - 0.02", "5*pi/6")
    >>> find_self_test(sb.Observations.bell_value(t.expression, t.behaviour())).exact.title
    'theta = 1/3*pi, phi = -1/50 + 1/2*pi, omega = 5/6*pi'
    >>> find_self_test(sb.Observations.bell_value(t.expression, t.quantum_bound)) is None
    True
    """
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    exact = observed.exact
    if exact is None or observed.scenario.outcomes != ((2, 2), (2, 2)):
        return None
    tests = _Tests(observed, exact)
    if not tests.are_near:
        return None
    if exact.condition_holds and tests.has_expression:
        return SelfTest(observed, exact, BELL_SOURCE)
    if exact.correlators_self_test and tests.has_correlators:
        return SelfTest(observed, exact, CORRELATORS_SOURCE)
    return None


@dataclass(frozen=True, eq=False)
class _Tests:
    """Tested data beside the exact correlations of which they are values."""

    observed: Observations
    exact: ExactSinglet

    @cached_property
    def known(self) -> NDArray[np.float64]:
        """(J,) how well the floats say the exact values: 1e-12 of the sizes of the expressions."""
        return np.asarray(DATA_TOLERANCE * np.abs(self.observed.coefficients).sum(axis=(1, 2)), dtype=np.float64)

    @property
    def are_near(self) -> bool:
        """Whether the floats are those of the exact data. The limits are half of those of the checkers."""
        moments = np.zeros((3, 3))
        moments[0, 0], moments[1:, 1:] = 1.0, self.exact.correlators
        own = np.tensordot(self.observed.coefficients, moments, axes=2)
        return bool((np.abs(own - self.observed.values) <= 0.5 * self.known).all())

    @property
    def has_expression(self) -> bool:
        """Whether a tested expression is a multiple of the family's own, with any constant, and far from trivial."""
        own = self.exact.coefficients
        quantum = abs(float((own * self.exact.correlators).sum()))
        local = max(float(np.abs(own[:, 0] + sign * own[:, 1]).sum()) for sign in (1.0, -1.0))
        if not quantum - local > 2.0 * _CLEAR * float(np.abs(own).sum()):
            return False
        place = np.unravel_index(int(np.abs(own).argmax()), own.shape)
        for table in self.observed.coefficients:
            c = table[1:, 1:]
            if table[1:, 0].any() or table[0, 1:].any() or not c[place]:
                continue
            wanted = c[place] / own[place] * own
            if (np.abs(c - wanted) <= 0.5 * _DIGITS * np.abs(wanted)).all():
                return True
        return False

    @property
    def has_correlators(self) -> bool:
        """Whether each of the four correlators is tested alone."""
        found = {tuple(np.argwhere(t)[0]) for t in self.observed.coefficients if np.count_nonzero(t) == 1}
        return {(x, y) for x in (1, 2) for y in (1, 2)} <= {(int(x), int(y)) for x, y in found}
