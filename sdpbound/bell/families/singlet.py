r"""Families of Bell expressions with known bounds.

The main one is the three-parameter family of Wooltorton, Brown and Colbeck (arXiv:2309.09650, PRL 132, 210802; 'WBC'
below), which contains every self-test of the singlet by one linear function of the four correlators.

Four angles
-----------
With delta = pi/2 - phi, u = theta - delta, a = omega - pi/2 and w = pi - delta - u - a, the strategy of WBC Eq. (6) has
the correlators ``cos delta, cos a, cos u, -cos w`` for (x, y) = (0, 0), (0, 1), (1, 0), (1, 1), and

    cos(theta + phi) cos(phi) cos(theta + omega) cos(omega) = -sin(delta) sin(u) sin(a) sin(w).

The four angles add up to pi. Where all of them are positive, condition (4) holds, and the CHSH value is
``cos delta + cos u + cos a + cos w``. :func:`contour_at_chsh` and :func:`correlators_self_test` use these coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from sdpbound.arguments import instance, numbered
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.exact import Angle, ExactSinglet
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Member
from sdpbound.bell.families.formulas import (
    singlet_chsh,
    singlet_condition,
    singlet_correlators,
    singlet_local_bound,
    singlet_quantum_bound,
    singlet_strategy_value,
)
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy

__all__ = ["SingletSelfTest"]


_SCENARIO = Scenario.bipartite(2, 2)
#: A cosine above this part of the largest angle has the sign that floats give it.
CLEAR = 1e-14


# -- the family -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SingletSelfTest(Member):
    """A member of the family of WBC (arXiv:2309.09650), Eq. (2):

        cos(t+p) cos(t+w) <A0 (cos(w) B0 - cos(p) B1)> + cos(p) cos(w) <A1 (-cos(t+w) B0 + cos(t+p) B1)>,

    with t, p, w for theta, phi, omega. It self-tests the singlet where condition (4),
    ``cos(t+p) cos(p) cos(t+w) cos(w) < 0``, holds.

    Parameters
    ----------
    theta, phi, omega : float, Fraction, str or Angle
        Angles in radians, any finite numbers, or exact ones such as "pi/2 - 0.02"; see :meth:`Angle.of` for what a
        float stands for. In WBC Eq. (6) theta is the angle of A1, phi of B0, omega of B1.

    Raises
    ------
    InvalidParameter
        An angle is NaN, infinite or not a number.

    >>> t = SingletSelfTest(theta=0.8, phi=1.2, omega=2.5)
    >>> t.is_self_test, round(t.local_bound, 6), round(t.quantum_bound, 6), round(t.chsh, 6)
    (True, 0.643984, 0.675683, 2.597554)
    >>> SingletSelfTest("pi/3", "pi/2 - 0.02", "5*pi/6").exact.title
    'theta = 1/3*pi, phi = -1/50 + 1/2*pi, omega = 5/6*pi'
    >>> abs(t.expression(t.behaviour()) - t.strategy_value) < 1e-12
    True
    """

    theta: float
    phi: float
    omega: float

    def __post_init__(self) -> None:
        for name in ("theta", "phi", "omega"):
            value = getattr(self, name)
            exact = isinstance(value, (str, Fraction, Angle))
            object.__setattr__(self, name, Angle.of(value, name) if exact else numbered(value, name))

    @cached_property
    def exact(self) -> ExactSinglet:
        """The correlations at the exact angles that theta, phi and omega stand for."""
        return ExactSinglet(*(Angle.of(value) for value in self.parameters))

    @property
    def parameters(self) -> tuple[float, float, float]:
        """(theta, phi, omega), in radians."""
        return self.theta, self.phi, self.omega

    @property
    def values(self) -> dict[str, float]:
        """theta, phi and omega by name, in radians."""
        return {"theta": self.theta, "phi": self.phi, "omega": self.omega}

    @property
    def title(self) -> str:
        """The angles in one line."""
        return f"singlet(theta={self.theta:.6g}, phi={self.phi:.6g}, omega={self.omega:.6g})"

    @property
    def scenario(self) -> Scenario:
        """Two settings with two outcomes for each party."""
        return _SCENARIO

    @property
    def source(self) -> str:
        """Of the expression, the strategy and the closed forms."""
        return "arXiv:2309.09650, Eqs. (2) to (6)"

    @cached_property
    def expression(self) -> BellExpression:
        """The functional of Eq. (2)."""
        name = f"SingletSelfTest({self.theta:.6g}, {self.phi:.6g}, {self.omega:.6g})"
        return BellExpression.from_correlators(self.exact.coefficients, name=name)

    @property
    def condition(self) -> float:
        """Left side of condition (4)."""
        return float(singlet_condition(*self.parameters))

    @property
    def is_self_test(self) -> bool:
        """Whether condition (4) holds at the exact angles.

        So a point on the edge of (4), such as phi = ``math.pi / 2``, which stands for pi/2, is none.
        """
        # numbers and not arrays: a study of many points asks this of each of them
        t, p, w = self.parameters
        factors = math.cos(t + p), math.cos(p), math.cos(t + w), math.cos(w)
        if min(map(abs, factors)) > CLEAR * max(1.0, abs(t), abs(p), abs(w)):
            return math.prod(factors) < 0.0
        return self.exact.condition_holds

    @property
    def local_bound(self) -> float:
        """The local maximum, Eq. (3); the local minimum is its negative."""
        return float(singlet_local_bound(*self.parameters))

    @property
    def quantum_bound(self) -> float:
        """The quantum maximum: |Eq. (5)| where (4) holds, the local bound where it fails; the minimum is its negative.

        Proof: :func:`singlet_quantum_bound`.
        """
        return float(singlet_quantum_bound(*self.parameters))

    @property
    def strategy_value(self) -> float:
        """Eq. (5) with its sign, the value of ``behaviour()``.

        Where negative, the maximum ``quantum_bound`` is attained by the same strategy with Bob's outcomes flipped.
        """
        return float(singlet_strategy_value(*self.parameters))

    @property
    def strategy(self) -> Strategy:
        """State and observables of Eq. (6): (|00> + i|11>)/sqrt(2); in the X-Y plane, A0 at 0, A1 at theta, B0 at phi,
        B1 at omega. Extremal where (4) holds."""
        x, y = np.array([[0, 1], [1, 0]], dtype=np.complex128), np.array([[0, -1j], [1j, 0]])

        def at(angle: float) -> NDArray[np.complex128]:
            return math.cos(angle) * x + math.sin(angle) * y

        state = np.array([1, 0, 0, 1j]) / math.sqrt(2.0)
        return Strategy.from_observables(state, [at(0.0), at(self.theta)], [at(self.phi), at(self.omega)])

    @property
    def correlators(self) -> NDArray[np.float64]:
        """The correlators of Eq. (6), ``sin(a_x + b_y)``, shape (2, 2)."""
        return singlet_correlators(*self.parameters)

    def behaviour(self, visibility: float = 1.0, noise: Noise | None = None) -> Behaviour:
        """The behaviour of Eq. (6), ``visibility * ideal + (1 - visibility) * uniform``; visibility in [0, 1].

        With ``noise``, of devices that suffer it besides, such as ``WhiteNoise(0.99) + DetectionInefficiency(0.95)``.

        >>> from sdpbound.bell.noise import Dephasing
        >>> t = SingletSelfTest(0.8, 1.2, 2.5)  # dephasing along A0: its own correlations stay, those of others shrink
        >>> ratio = t.behaviour(noise=Dephasing(0.1, 0.0, "x")).correlators / t.correlators
        >>> [round(float(v), 6) for v in ratio.ravel()]
        [1.0, 1.0, 0.942826, 0.271352]
        """
        if noise is None:
            if visibility == 1.0:
                return replace(Behaviour.from_correlators(self.exact.correlators), exact=self.exact)
            return Behaviour.from_correlators(self.correlators).white_noise(visibility)
        instance(noise, Noise, "noise", "WhiteNoise(0.99)")
        if visibility != 1.0:
            noise = WhiteNoise(visibility) + noise
        return self.strategy.behaviour(noise) if noise.needs_strategy else noise.on_behaviour(self.behaviour())

    @property
    def chsh(self) -> float:
        """The largest of the eight CHSH values of the ideal correlations."""
        return float(singlet_chsh(*self.parameters))

    @property
    def key_settings(self) -> tuple[int, int]:
        """The pair (x, y) whose ideal outcomes are the most correlated; (0, 0) in WBC Props. 3 to 6."""
        x, y = np.unravel_index(int(np.abs(self.correlators).argmax()), (2, 2))
        return int(x), int(y)

    @property
    def randomness_settings(self) -> tuple[int, int]:
        """The pair (x, y) whose ideal outcomes are the least correlated; (0, 1) in WBC Prop. 2, where omega = pi."""
        x, y = np.unravel_index(int(np.abs(self.correlators).argmin()), (2, 2))
        return int(x), int(y)

    def key_leak(self, x: int = 0, y: int = 0) -> float:
        """H(A|B, X=x, Y=y) of the ideal behaviour in bits, ``h((1 + |<A_x B_y>|)/2)``.

        For x = y = 0 it is h((1 + sin(phi))/2), the epsilon of WBC Prop. 3: where (4) holds, the ideal key rate is 1
        minus it.

        >>> round(SingletSelfTest(0.8, 1.2, 2.5).key_leak(), 6)
        0.213977
        """
        scenario = Scenario.bipartite(2, 2)
        c = self.correlators[scenario.require_setting(0, x, "x"), scenario.require_setting(1, y, "y")]
        p = (1.0 - abs(float(c))) / 2.0
        return float((entr(p) + entr(1.0 - p)) / math.log(2.0))

    def _repr_latex_(self) -> str:
        angles = rf"\theta={self.theta:.6g},\ \phi={self.phi:.6g},\ \omega={self.omega:.6g}"
        return rf"$\langle B\rangle_{{{angles}}} = {self.expression._repr_latex_()[1:-1]}$"
