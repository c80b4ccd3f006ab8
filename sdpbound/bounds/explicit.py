"""Explicit mixtures that show how much of a behaviour, with noise, is in a set; with their certificates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.certificate import Certificate
from sdpbound.version import __version__

__all__ = ["WITHIN", "ExplicitMixture", "points_of", "strategy_entry"]

#: Measured data are meant up to this in every moment.
WITHIN = 1e-12
#: Eigenvalues of states of four dimensions, and of effects, below these are rounding; it grows with the dimension.
ROUNDING, OF_EFFECTS = 1e-16, 1e-15

#: A deterministic strategy: the outcome of each setting of each party.
Point = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class ExplicitMixture:
    """Deterministic and quantum strategies with weights, that are v of a behaviour and the rest noise.

    Attributes
    ----------
    value : v, a lower bound on the critical visibility in the set; side "lower"
    behaviour : P, of which each moment is meant within 1e-12
    model : "local" or "quantum", the set that the strategies are of
    noise : "white", "local", "general" or "given"
    points : deterministic strategies, the outcome of each setting of each party
    strategies : quantum strategies; none for the local set
    weights : of points and strategies, in this order; they are divided by their sum
    shares : of points, the weights of the noise where that is "local"; else None
    given : moments of the noise where that is "given"; else None
    """

    value: float
    behaviour: Behaviour
    model: str
    noise: str
    points: tuple[Point, ...]
    strategies: tuple[Strategy, ...]
    weights: Floats
    shares: Floats | None
    given: Floats | None

    @cached_property
    def certificate(self) -> Certificate:
        """The mixture as plain data, which :func:`sdpbound.verify` checks; docs/certificates.md has its statement."""
        scenario = self.behaviour.scenario
        return Certificate(
            {
                "format": "sdpbound certificate",
                "version": 1,
                "created_by": f"sdpbound {__version__}",
                "kind": "explicit visibility",
                "question": {
                    "scenario": {"outcomes": [list(party) for party in scenario.outcomes]},
                    "figure": {"kind": "visibility", "noise": self.noise},
                    "side": "lower",
                    "moments": _table(self.behaviour.moments, scenario),
                    "tolerance": WITHIN,
                    "given": None if self.given is None else _table(self.given, scenario),
                    "model": {"kind": self.model},
                },
                "proof": {
                    "visibility": {
                        "points": [[list(party) for party in point] for point in self.points],
                        "strategies": [strategy_entry(strategy) for strategy in self.strategies],
                        "weights": self.weights.tolist(),
                        "noise": None if self.shares is None else self.shares.tolist(),
                    }
                },
                "claim": {"value": self.value},
            }
        )

    def __repr__(self) -> str:
        of = f"{len(self.points)} deterministic and {len(self.strategies)} quantum strategies"
        return f"ExplicitMixture(v >= {self.value:.9g} with {self.noise} noise in the {self.model} set, of {of})"


def _table(moments: Floats, scenario: Scenario) -> Any:
    """Moments with the first exactly 1."""
    table = np.array(moments, dtype=np.float64).reshape(scenario.shape)
    table[(0,) * table.ndim] = 1.0
    return table.tolist()


def points_of(scenario: Scenario, vertices: Floats) -> list[Point]:
    """The deterministic strategies with these moments, (coordinates, K)."""
    tables = np.moveaxis(vertices.reshape(*scenario.shape, -1), -1, 0)
    return [tuple(_outcomes(scenario, party, table) for party in range(len(scenario.outcomes))) for table in tables]


def _outcomes(scenario: Scenario, party: int, table: Floats) -> tuple[int, ...]:
    """The outcome of each setting of a party, from the means of its letters alone."""
    own = table[tuple(slice(None) if p == party else 0 for p in range(table.ndim))]
    found = [count - 1 for count in scenario.outcomes[party]]
    for mean, letter in zip(own[1:], scenario.letters[party], strict=True):
        if mean > 0.5:
            found[letter.setting] = letter.outcome or 0
    return tuple(found)


def strategy_entry(strategy: Strategy) -> dict[str, Any]:
    """The certificate's entry of a strategy: factors of its state and effects."""
    w, v = np.linalg.eigh(_plain(strategy.state))
    keep = w > ROUNDING * max(1.0, len(w) / 4.0) ** 2
    state = v[:, keep] * np.sqrt(w[keep])
    measurements = []
    for party in strategy.measurements:
        settings = []
        for effects in party:
            settings.append([_factor(effect) for effect in effects])
        measurements.append(settings)
    return {"dimensions": list(strategy.dimensions), "state": _rows(state), "measurements": measurements}


def _factor(effect: NDArray[Any]) -> dict[str, Any]:
    w, v = np.linalg.eigh(_plain(effect))
    keep = w > OF_EFFECTS * max(1.0, len(w) / 4.0) ** 2
    return _rows((v[:, keep] * np.sqrt(w[keep])).conj().T)


def _plain(matrix: NDArray[Any]) -> NDArray[Any]:
    return matrix.real if not matrix.imag.any() else matrix


def _rows(matrix: NDArray[Any]) -> dict[str, Any]:
    imaginary = matrix.imag.tolist() if np.iscomplexobj(matrix) else None
    return {"real": matrix.real.tolist(), "imaginary": imaginary}
