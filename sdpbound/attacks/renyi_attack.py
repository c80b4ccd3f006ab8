"""Explicit attacks on Renyi entropies: mixtures of pairs of qubits with the tested data."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from sdpbound.arguments import numbered
from sdpbound.attacks.proof import EntropyAttack, ProvenByAttacks
from sdpbound.attacks.qubit_attack import attack_of
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import RenyiEntropy
from sdpbound.bounds.rounding import rounded
from sdpbound.entropies.qubits.mixture import optimum
from sdpbound.entropies.renyi.entropy import asked_renyi, searched_renyi
from sdpbound.entropies.renyi.powers import power_of
from sdpbound.errors import InvalidParameter, SolverFailure

__all__ = ["RenyiAttack", "renyi_entropy_upper_bound"]

#: What floats may lose of a power 2^(-s H) of small matrices.
_ROUNDING = 1e-11


#: Said where its certificate is asked for.
_WHERE = (
    "the certificate of an attack on a Renyi entropy is about its data and its von Neumann entropy: take "
    "attack.certificate."
)


@dataclass(frozen=True, eq=False, repr=False)
class RenyiAttack(Bound):
    """An explicit attack: the least Renyi entropy of strategies with the tested data is at most ``value``.

    Attributes
    ----------
    attack : the mixture, with a certificate that it has the data; ``attack.value`` is its von Neumann entropy. The
        Renyi entropy is computed in floats, with 1e-11 taken off its power for their rounding
    powers : (K,) the 2^(-s H) of each strategy, whose mean with ``attack.weights`` is that of the mixture
    """

    attack: EntropyAttack | None = None
    powers: tuple[float, ...] = ()

    def __repr__(self) -> str:
        assert self.attack is not None
        how = f"explicit attack of {len(self.powers)} strategies, {self.attack.data}"
        return f"least {self.figure} <= {rounded(self.value, self.side)} ({self.side} bound; {how})"


def renyi_entropy_upper_bound(
    observed: Observations,
    x: int = 0,
    y: int | None = None,
    *,
    alpha: float,
    kind: str = "sandwiched up",
    preprocessing: float = 0.0,
    tolerance: float = 1e-5,
) -> RenyiAttack:
    """Upper bound on the least Renyi entropy of the tested data, in bits: an explicit mixture of pairs of qubits.

    Eve knows which strategy k is used, with probability w_k, so that ``2^(-s H) = sum_k w_k 2^(-s H_k)``. The mixture
    is the best one for Q, which is that of the kind "sandwiched up"; the value is of the kind asked for.

    Parameters
    ----------
    observed, x, y, alpha, kind, preprocessing : as in :func:`sdpbound.renyi_entropy`
    tolerance : distance to a functional, which is not proven, at which the search for the mixture ends, in bits

    Raises
    ------
    SolverFailure : no mixture with the tested values was found

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> above, below = sb.renyi_entropy_upper_bound(data, alpha=1.5), sb.renyi_entropy(data, alpha=1.5)
    >>> above.attack.exact, 0.0 <= above.value - below.value < 2e-4
    (True, True)
    """
    begun = time.perf_counter()
    if not 1e-8 <= numbered(tolerance, "tolerance") <= 1.0:
        raise InvalidParameter(f"tolerance = {tolerance!r:.60} of an attack must be from 1e-8 to 1 bits.")
    question, figure, problem = asked_renyi(observed, x, y, preprocessing, kind, alpha)
    search = searched_renyi(problem, tolerance)
    attack = attack_of(question, optimum(question, search), begun)
    if attack is None:
        raise SolverFailure(f"no mixture of qubits was found that has the data of {figure} within their tolerances.")
    powers = tuple(_power(figure, strategy) for strategy in attack.strategies)
    total = float(np.dot(attack.weights, powers)) - _ROUNDING
    found = min(-math.log2(total) / figure.exponent, attack.value)  # no Renyi entropy is above that of von Neumann
    return RenyiAttack(
        value=math.nextafter(found, math.inf),
        side="upper",
        merit=figure,
        model=None,
        solver_value=found,
        solver="column generation",
        status="explicit attack",
        seconds={"solve": time.perf_counter() - begun, "certify": 0.0},
        _proof=ProvenByAttacks(observed, _WHERE),
        attack=attack,
        powers=powers,
    )


def _power(figure: RenyiEntropy, strategy: Strategy) -> float:
    alice, bob = strategy.dimensions
    effects = np.kron(np.asarray(strategy.measurements[0][figure.x]), np.eye(bob))
    if figure.y is not None:
        own = np.asarray(strategy.measurements[1][figure.y])
        effects = np.concatenate([effects @ np.kron(np.eye(alice), effect) for effect in own])
    q = figure.preprocessing
    mixed = (1.0 - q) * effects + q * effects[::-1] if q else effects
    return power_of(figure, np.asarray(strategy.state), mixed)
