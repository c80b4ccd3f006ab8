"""Photon pairs from parametric down-conversion: how many there are is not under control, and detectors only click."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import whole
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import Binning, binned_settings, binning_of
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import expression_named
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.two_qubit import settings_of_two
from sdpbound.bell.noise.dark import DOUBLE
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["PhotonPairs", "click_patterns", "no_click_probabilities"]

Floats = NDArray[np.float64]

#: Most modes, and most pairs in a round: beyond, all detectors click.
MOST_MODES, MOST_PAIRS = 10**6, 100.0
#: The detectors of a party that are asked to be silent, as 0 or 1 for each of the two; and the same numbers for the
#: patterns of clicks: none, the first alone, the second alone, both.
SUBSETS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
#: From the probabilities that a set of detectors is silent to those of the patterns, by inclusion and exclusion.
PATTERNS = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, -1.0], [0.0, 1.0, 0.0, -1.0], [1.0, -1.0, -1.0, 1.0]])


@dataclass(frozen=True)
class PhotonPairs(Family):
    """Two squeezers for two polarisations, and two threshold detectors a party behind a polariser at an angle.

    The source emits ``exp(t_0 h_a* h_b* + t_1 v_a* v_b*) |vacuum>``, normalised, with ``pairs cos^2(theta)`` pairs on
    average in h and ``pairs sin^2(theta)`` in v (t^2 = n / (1 + n) for n pairs). For few pairs a pair is
    ``cos(theta) |00> + sin(theta) |11>``, as in :class:`~sdpbound.bell.families.two_qubit.TwoQubit`, and angles are
    angles on the Bloch sphere from Z towards X as there: twice those of the polariser. But often there is no pair, and
    sometimes more than one: nothing is post-selected. The detectors click or not, whatever the number of photons.
    Behaviours are exact, by Gaussian integrals; the set-up is that of arXiv:1405.1939.

    Axes are pairs and theta, then a0, a1, .. of Alice and b0, b1, .. of Bob, then eta_a, eta_b, dark_a
    and dark_b, the efficiencies of the detectors of a party and the probabilities with which each clicks without light.
    Losses and dark counts belong there; a noise of detectors would act on outcomes, when double clicks are decided.

    Attributes
    ----------
    settings : numbers of settings of Alice and Bob, from 1 to 32
    binning : no click is outcome 0, or a further outcome, as of :class:`~sdpbound.DetectionInefficiency`
    double : what clicks of both detectors are: "random", or "no_click"
    modes : how many modes of equal weight share the pairs, which detectors do not distinguish
    expression_name : the Bell expression that belongs to the members, such as "chsh"; None for none

    >>> from math import pi
    >>> m = PhotonPairs(double="no_click").member(pairs=1.594, theta=0.905, a0=0.254, a1=-0.776, b0=-0.254, b1=0.776)
    >>> round(m.chsh, 3)  # about the most of one mode, with perfect detectors
    2.306
    """

    settings: tuple[int, int] = (2, 2)
    binning: Binning = True
    double: str = "random"
    modes: int = 1
    expression_name: str | None = None
    name = "spdc"
    text = "photon pairs of two squeezers, threshold detectors, and one angle for each setting"
    source = "arXiv:1405.1939"

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", settings_of_two(self.settings))
        object.__setattr__(self, "binning", binning_of(self.binning))
        object.__setattr__(self, "modes", whole(self.modes, "modes", 1, MOST_MODES))
        if self.double not in DOUBLE:
            raise InvalidParameter(f"double = {self.double!r:.60} must be one of {', '.join(map(repr, DOUBLE))}.")
        outcomes = self._scenario.outcomes
        if self.expression_name is not None and expression_named(self.expression_name).scenario.outcomes != outcomes:
            raise InvalidShape(
                f"the expression {self.expression_name} does not fit the family's {self._scenario}; choose an "
                "expression that fits, other settings, or other binning."
            )

    @cached_property
    def _scenario(self) -> Scenario:
        binned = [binned_settings(self.binning, party, count) for party, count in enumerate(self.settings)]
        return Scenario(tuple(tuple(2 if own else 3 for own in party) for party in binned))

    @cached_property
    def axes(self) -> tuple[Axis, ...]:  # type: ignore[override]
        found = [
            Axis("pairs", "1", 0.0, MOST_PAIRS, "mean number of pairs in a round", symbol=r"\mu"),
            Axis("theta", "rad", 0.0, math.pi / 2, "angle of the state", symbol=r"\theta"),
        ]
        for party, count in zip("ab", self.settings, strict=True):
            for x in range(count):
                text = f"angle of {party.upper()}{x} from Z"
                found.append(Axis(f"{party}{x}", "rad", -math.inf, math.inf, text, symbol=f"{party}_{{{x}}}"))
        for party, who in zip("ab", ("Alice", "Bob"), strict=True):
            text = f"efficiency of {who}'s detectors"
            found.append(Axis(f"eta_{party}", "1", 0.0, 1.0, text, default=1.0, symbol=rf"\eta_{party.upper()}"))
        for party, who in zip("ab", ("Alice", "Bob"), strict=True):
            text = f"probability of a dark count of each of {who}'s detectors"
            found.append(Axis(f"dark_{party}", "1", 0.0, 1.0, text, default=0.0, symbol=f"d_{party.upper()}"))
        return tuple(found)

    def expression(self, values: Mapping[str, float]) -> BellExpression | None:
        return None if self.expression_name is None else expression_named(self.expression_name)

    def local_bound(self, values: Mapping[str, float]) -> float | None:
        found = self.expression(values)
        return None if found is None else found.local_bound

    def strategy(self, values: Mapping[str, float]) -> Strategy | None:
        return None

    def scenario(self, values: Mapping[str, float]) -> Scenario:
        return self._scenario

    def behaviour(self, values: Mapping[str, float]) -> Behaviour:
        c, s = math.cos(values["theta"]), math.sin(values["theta"])
        alice, bob = (
            [values[f"{party}{x}"] for x in range(count)] for party, count in zip("ab", self.settings, strict=True)
        )
        etas = values["eta_a"], values["eta_b"]
        darks = values["dark_a"], values["dark_b"]
        per_mode = (values["pairs"] * c * c / self.modes, values["pairs"] * s * s / self.modes)
        silent = no_click_probabilities(per_mode, alice, bob, etas, self.modes)
        for party, dark in enumerate(darks):
            dim = [1] * 4
            dim[2 + party] = 4
            silent = silent * ((1.0 - dark) ** SUBSETS.sum(axis=1)).reshape(dim)
        patterns = click_patterns(silent)
        p = np.zeros(self._scenario.table_shape)
        for x, y in np.ndindex(*self.settings):
            a, b = (_rule(self._scenario.outcomes[i][k], self.double) for i, k in enumerate((x, y)))
            p[: len(a), : len(b), x, y] = a @ patterns[x, y] @ b.T
        return Behaviour(np.maximum(p, 0.0), self._scenario)


def no_click_probabilities(
    pairs: tuple[float, float], alice: list[float], bob: list[float], efficiencies: tuple[float, float], modes: int
) -> Floats:
    """The probability that no detector of a set clicks on light, for each set of each party's two detectors.

    The state is Gaussian, with mean zero and real normally ordered moments ``N = <a* a>``, ``M = <a a>`` of four modes:
    Alice's h and v, Bob's h and v. A set of detectors is silent with probability ``<:exp(-a* L a):>``, where L adds
    up ``eta u u*`` over the modes u that they see. In the P representation the real parts of the amplitudes have
    covariance (N + M)/2 and the imaginary ones (N - M)/2, so that the expectation is
    ``det(1 + L (N + M))^(-1/2) det(1 + L (N - M))^(-1/2)``. Modes that are not distinguished multiply.

    Parameters
    ----------
    pairs : mean numbers n of pairs in h and v in each of the modes; N has n twice, and M has sqrt(n (n + 1))
    alice, bob : angles (X,), (Y,) on the Bloch sphere
    efficiencies : of Alice's and Bob's detectors
    modes : how many there are

    Returns
    -------
    array (X, Y, 4, 4); the sets in the order of ``SUBSETS``
    """
    n = np.asarray(pairs, dtype=np.float64)
    correlated = np.diag(np.sqrt(n * (n + 1.0)))
    numbers = np.diag(np.concatenate([n, n]))
    anomalous = np.block([[np.zeros((2, 2)), correlated], [correlated, np.zeros((2, 2))]])
    loads = np.zeros((len(alice), len(bob), 4, 4, 4, 4))
    first, second = (_loads(angles, eta) for angles, eta in zip((alice, bob), efficiencies, strict=True))
    loads[..., :2, :2] = first[:, None, :, None]
    loads[..., 2:, 2:] = second[None, :, None, :]
    logarithm = sum(np.linalg.slogdet(np.eye(4) + loads @ (numbers + sign * anomalous))[1] for sign in (1.0, -1.0))
    return np.asarray(np.exp(-0.5 * modes * logarithm), dtype=np.float64)


def _loads(angles: list[float], efficiency: float) -> Floats:
    """L of each angle and each set of detectors of a party, shape (angles, 4, 2, 2)."""
    half = 0.5 * np.asarray(angles, dtype=np.float64)
    c, s = np.cos(half), np.sin(half)
    seen = np.stack([np.stack([c, s], axis=-1), np.stack([-s, c], axis=-1)], axis=1)  # (angles, detector, mode)
    return np.asarray(efficiency * np.einsum("sd,xdi,xdj->xsij", SUBSETS, seen, seen), dtype=np.float64)


def click_patterns(silent: Floats) -> Floats:
    """The probabilities (.., 4, 4) of the patterns none, first, second, both of each party, from those of silence."""
    return np.asarray(PATTERNS @ silent @ PATTERNS.T, dtype=np.float64)


def _rule(outcomes: int, double: str) -> Floats:
    """From the patterns of clicks to the outcomes of a setting, shape (outcomes, 4); the third is no click."""
    both = [0.5, 0.5, 0.0] if double == "random" else [0.0, 0.0, 1.0]
    matrix = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], both]).T
    if outcomes == 2:
        matrix[0] += matrix[2]
        matrix = matrix[:2]
    return matrix
