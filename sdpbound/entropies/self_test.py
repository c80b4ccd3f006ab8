"""Closed forms of Eve's entropies for tested data that self-test the singlet.

At a self-test the state is a singlet with known measurements, up to local isometries and a junk state. Eve's system is
then in product with the outcomes, and the outcomes are uniform with known correlators E_xy (arXiv:2309.09650,
Proposition 1 (iv)). So

    H(A|X=x,E) = 1,   H(AB|X=x,Y=y,E) = 1 + h((1+E_xy)/2),   H(A|X=x,Y=y,B,E) = h((1+E_xy)/2).

Two kinds of data are recognised. The first is all four correlators, by the criterion of arXiv:1511.04886
(:func:`sdpbound.bell.families.correlators.correlators_self_test`). The second is one Bell value
``sum c_xy <A_x B_y>`` at its quantum maximum. With t the cosine of the angle between Bob's measurements the maximum is

    max over -1 <= t <= 1 of  sqrt(c00^2 + c01^2 + 2 c00 c01 t) + sqrt(c10^2 + c11^2 + 2 c10 c11 t).

The function under the maximum is concave in t. If c00 c01 c10 c11 < 0 and the stationary point is strictly inside, the
quantum maximum is above the local maximum. By the argument of Proposition 1 only the singlet with that angle attains
it. For expression (2) of arXiv:2309.09650 this is condition (4) of that paper.

**The closed forms are theorems about data that are exactly at the self-test.** Other data within the tolerance of
1e-12 can have smaller entropies. A self-test is accepted only if the quantum maximum q exceeds the local maximum L by
ten times what the tolerance t = 1e-12 leaves open, in the units of the expression. For correlators CHSH must exceed 2
in the same way. That excludes only data that a local behaviour fits as well. A local part of weight w lowers the
expression by w (q - L), and Eve knows all of that part. So a Bell value within the tolerance may lose a tenth of its
entropy. Correlators that maximise sum c_xy E_xy may lose t sum|c_xy| / (q - L). They may lose more where a correlator
is 1, because there it moves with the square of an angle. For small a the correlators (1, cos a; 0, -sin a), whose CHSH
value is about 2 + a, allow a local part of

    1 - (a / (sqrt(2 t) + sqrt(2 t + a^2)))^2.

Of one bit 0.18 is then left at a = 1.45e-6, 0.972 at 1e-4, and 0.9997 at 1e-2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import floats, instance
from sdpbound.bell.families.correlators import correlators_self_test
from sdpbound.bell.observations import DATA_TOLERANCE, Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.figures import SelfTestedEntropy
from sdpbound.bounds.rounding import lower_float
from sdpbound.errors import InvalidInput

__all__ = ["SelfTest", "bell_value_self_test", "find_self_test"]

BELL_SOURCE = "arXiv:2309.09650, Proposition 1 (iv)"
CORRELATORS_SOURCE = "arXiv:1511.04886, with arXiv:2309.09650, Propositions 4 and 6"
#: A coefficient below this part of the largest one counts as zero, and its sign means nothing.
COEFFICIENT_ROUNDING = 1e-14
#: The quantum maximum must exceed the local one by this many times what the data leave open. Otherwise a local
#: behaviour may fit the data as well. What is proven beyond that is about data that are exactly there, see above.
GAP_FACTOR = 10.0
#: The largest tolerance accepted for a self-test, in units of 1e-12 times the sum of the |coefficients|.
LOOSEST = 10_000.0


@dataclass(frozen=True, eq=False)
class SelfTest:
    """Tested data that self-test the singlet.

    Attributes
    ----------
    observed : the data
    correlators : (2, 2) the correlators E_xy of the self-tested strategy
    source : the theorem used
    """

    observed: Observations
    correlators: NDArray[np.float64]
    source: str

    def entropy(self, x: int = 0, y: int | None = None, blind: bool = False) -> Bound:
        """The von Neumann entropy in bits: H(A|x,E); with y H(AB|x,y,E), or if blind H(A|x,y,B,E).

        The value is exact for data exactly at the self-test. The given floats agree with such data within tolerance.
        """
        scenario = self.observed.scenario
        x = scenario.require_setting(0, x, "x")
        if y is not None:
            y = scenario.require_setting(1, y, "y")
        elif blind:
            raise InvalidInput("blind entropy needs Bob's setting: give y as an integer from 0.")
        if y is None:
            value = 1.0
        else:
            e = flint.arb(float(self.correlators[x, y]))
            h = sum((-p * p.log() for p in ((1 + e) / 2, (1 - e) / 2) if p > 0), flint.arb(0)) / flint.arb(2).log()
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
            _proof=_SelfTestProof(self.observed, figure, self.source),
        )


@dataclass(frozen=True, eq=False)
class _SelfTestProof(Proof):
    """The proof by a theorem; the checker tests again that the data self-test."""

    no_functional = "a closed form proves no affine functional; ask with closed_forms=False for one."

    observed: Observations
    figure: SelfTestedEntropy
    theorem: str

    @property
    def given(self) -> Observations:
        return self.observed

    def certificate(self, value: float) -> dict[str, Any]:
        return certificate_head(self.observed, self.figure, "lower", None, "sdpbound closed form", "self-test") | {
            "theorem": self.theorem,
            "claim": {"value": value},
        }


def bell_value_self_test(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]] | None:
    """The quantum maximum of ``sum c_xy <A_x B_y>``, c of shape (2, 2), and its correlators (2, 2), if it self-tests.

    None if the quantum maximum is the local one.

    >>> value, correlators = bell_value_self_test(np.array([[1.0, 1.0], [1.0, -1.0]]))
    >>> round(value**2, 12), np.round(correlators**2, 12).tolist()
    (8.0, [[0.5, 0.5], [0.5, 0.5]])
    """
    c = floats(coefficients, "coefficients")
    squares = (c**2).sum(axis=1)
    mixed = 2.0 * c[:, 0] * c[:, 1]
    if not mixed[0] * mixed[1] < 0 or np.abs(c).min() <= COEFFICIENT_ROUNDING * np.abs(c).max():
        return None
    b, d = float(mixed[0]), float(mixed[1])
    t = (d * d * squares[0] - b * b * squares[1]) / (b * d * (b - d))
    if not abs(t) < 1.0:
        return None
    norms = np.sqrt(squares + mixed * t)
    correlators = np.array([[c[x, 0] + c[x, 1] * t, c[x, 0] * t + c[x, 1]] for x in (0, 1)]) / norms[:, None]
    return float(norms.sum()), correlators


def find_self_test(observed: Observations) -> SelfTest | None:
    """Find the self-test that tested data are, if any.

    The data need two settings and two outcomes for each party, and values known to 1e-12.
    """
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    if observed.scenario.outcomes != ((2, 2), (2, 2)) or (observed.tolerances > DATA_TOLERANCE).any():
        return None
    correlators = np.full((2, 2), np.nan)
    marginals: list[float] = []
    for table, value, tolerance in zip(observed.coefficients, observed.values, observed.tolerances, strict=True):
        c = table[1:, 1:]
        if not table[1:, 0].any() and not table[0, 1:].any():
            found = bell_value_self_test(c)
            if found is not None:
                excess = value - float(table[0, 0])
                known = DATA_TOLERANCE * float(np.abs(c).sum())
                allowed = max(known, float(tolerance))
                if allowed > LOOSEST * known:
                    continue
                local = max(float(np.abs(c[:, 0] + sign * c[:, 1]).sum()) for sign in (1.0, -1.0))
                if found[0] - local <= GAP_FACTOR * allowed:
                    continue
                for sign in (1.0, -1.0):
                    if abs(excess - sign * found[0]) <= allowed:
                        return SelfTest(observed, sign * found[1], BELL_SOURCE)
        places = np.argwhere(table)
        if len(places) == 1 and table[tuple(places[0])] == 1.0:
            x, y = (int(i) for i in places[0])
            if x and y:
                correlators[x - 1, y - 1] = value
            elif x or y:
                marginals.append(float(value))
    within = np.isfinite(correlators).all() and np.abs(correlators).max() <= 1.0 + DATA_TOLERANCE
    within = within and np.abs(correlators.sum() - 2.0 * correlators).max() - 2.0 > GAP_FACTOR * 4.0 * DATA_TOLERANCE
    if within and all(abs(m) <= DATA_TOLERANCE for m in marginals) and correlators_self_test(correlators):
        return SelfTest(observed, np.clip(correlators, -1.0, 1.0), CORRELATORS_SOURCE)
    return None
