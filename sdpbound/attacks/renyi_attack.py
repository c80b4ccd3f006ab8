"""Explicit attacks on Renyi entropies: mixtures of strategies with the tested data."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from sdpbound.arguments import with_changes
from sdpbound.attacks.entropy_attack import best_attack
from sdpbound.attacks.landscape import Landscape
from sdpbound.attacks.options import AttackChanges, AttackOptions
from sdpbound.attacks.proof import EntropyAttack, ProvenByAttacks, build_attack
from sdpbound.attacks.qubit_attack import attack_of
from sdpbound.bell.channel import Preprocessing, passed
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import RenyiEntropy
from sdpbound.bounds.rounding import rounded
from sdpbound.entropies.qubits.mixture import optimum
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.renyi.entropy import asked_renyi, qubits_of, searched_renyi
from sdpbound.entropies.renyi.powers import power_of
from sdpbound.errors import InvalidInput, SolverFailure

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
    preprocessing: Preprocessing = 0.0,
    options: AttackOptions | None = None,
    **changes: Unpack[AttackChanges],
) -> RenyiAttack:
    """Upper bound on the least Renyi entropy of the tested data, in bits: an explicit mixture of strategies.

    Eve knows which strategy k is used, with probability w_k, so that ``2^(-s H) = sum_k w_k 2^(-s H_k)``. The value is
    of the kind asked for. Where pairs of qubits are enough, the mixture is the best one for Q, which is that of the
    kind "sandwiched up". For all other data column generation among strategies of one dimension looks for the best one
    of the kind "petz down" of order at most 1.9.

    Parameters
    ----------
    observed, x, y, alpha, kind, preprocessing : as in :func:`sdpbound.renyi_entropy`
    options, changes : of the search, as in :func:`sdpbound.conditional_entropy_upper_bound`; the default tolerance is
        1e-5 bits. Pairs of qubits take the tolerance alone

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
    how = with_changes(options, AttackOptions(tolerance=1e-5), changes, "renyi_entropy_upper_bound")
    question, figure = asked_renyi(observed, x, y, preprocessing, kind, alpha)
    attack = _attack(question, figure, how, begun)
    if attack is None or not attack.exact:
        raise SolverFailure(
            f"no mixture of strategies was found that has the data of {figure} within their tolerances; give the "
            "devices' own strategy with strategies=[...]."
        )
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


def _attack(question: EntropyQuestion, figure: RenyiEntropy, how: AttackOptions, begun: float) -> EntropyAttack | None:
    """The best mixture for Q of pairs of qubits, or that of strategies of one dimension for the kind "petz down"."""
    try:
        problem = qubits_of(question, figure)
    except InvalidInput:
        r = min(figure.alpha, figure.FORMS["petz down"]) - 1.0

        def power(landscape: Landscape) -> Landscape:
            return replace(landscape, figure_kind="power", exponent=r)

        mixture = best_attack(question, how, power)
        return build_attack(question.observed, question.figure, mixture, time.perf_counter() - begun)
    return attack_of(question, optimum(question, searched_renyi(problem, how.tolerance)), begun)


def _power(figure: RenyiEntropy, strategy: Strategy) -> float:
    alice, bob = strategy.dimensions
    effects = np.kron(np.asarray(strategy.measurements[0][figure.x]), np.eye(bob))
    if figure.y is not None:
        own = np.asarray(strategy.measurements[1][figure.y])
        effects = np.concatenate([effects @ np.kron(np.eye(alice), effect) for effect in own])
    mixed = np.stack(passed(figure.preprocessing, effects)) if figure.preprocessing else effects
    return power_of(figure, np.asarray(strategy.state), mixed)
