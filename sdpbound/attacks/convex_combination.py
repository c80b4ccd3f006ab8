"""The convex-combination attack: a classical Eve who distributes local and quantum correlations.

The attack is that of Farkas, Balanzo-Juando, Lukanowski, Kolodynski and Acin (arXiv:2007.09247). The observed behaviour
is a mixture of deterministic strategies and quantum behaviours. Once the settings are announced, Eve knows every
outcome of a deterministic strategy. She knows no outcome of a quantum behaviour. Eve's knowledge is a classical
variable e. So no key rate, with public communication in both directions, exceeds the intrinsic information, which is at
most I(A:B|E') for every processing E' of e. Two attacks are tried. Each is a linear program, solved by column
generation over explicit strategies (qubits by default):

- Eve keeps all of e. The attack is the mixture of least ``sum_k w_k I_k(A:B)``.
- Eve keeps e only for deterministic strategies whose outcomes for Alice and Bob agree, which means that they are
  likelier together than independent ones. For all other strategies she forgets e. The attack is the mixture in which
  the kept strategies have the most weight; the rest then agrees least.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Unpack

import numpy as np

from sdpbound.arguments import instance, with_changes
from sdpbound.attacks.entropy_attack import search
from sdpbound.attacks.landscape import Landscape
from sdpbound.attacks.mixtures import Mixture
from sdpbound.attacks.options import AttackChanges, AttackOptions
from sdpbound.attacks.proof import EntropyAttack, build_attack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.figures import ConditionalMutualInformation
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidShape

__all__ = ["convex_combination_attack"]


def convex_combination_attack(
    behaviour: Behaviour,
    x: int = 0,
    y: int = 0,
    options: AttackOptions | None = None,
    **changes: Unpack[AttackChanges],
) -> EntropyAttack:
    """Upper bound on I(A:B|X=x,Y=y,E') of a classical Eve who prepares exactly this behaviour.

    The bound limits the key rate of every protocol that announces the settings and takes its key from the outcomes of
    the settings x and y, for devices that behave like this. Alice and Bob may process their outcomes first and use any
    public communication (arXiv:2007.09247; see the module).

    Parameters
    ----------
    behaviour : a behaviour of two parties; the attack has all its probabilities
    x, y : settings of the key
    options, changes : as in :func:`conditional_entropy_upper_bound`; default AttackOptions(tolerance=1e-4)

    Returns
    -------
    EntropyAttack, side "upper", in bits. Its ``local_weight`` is the weight of the deterministic strategies

    Raises
    ------
    InvalidSettings, InvalidParameter, InvalidShape, Infeasible, SolverFailure

    >>> import sdpbound as sb
    >>> local = sb.Behaviour.from_correlators([[0.4, 0.4], [0.4, -0.4]])
    >>> sb.convex_combination_attack(local).value < 1e-6
    True
    """
    how = with_changes(options, AttackOptions(tolerance=1e-4), changes, "convex_combination_attack")
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    scenario = behaviour.scenario
    if scenario.parties != 2:
        raise InvalidShape(f"attacks on key need two parties besides Eve, not {scenario}.")
    x, y = scenario.require_setting(0, x, "x"), scenario.require_setting(1, y, "y")
    begun = time.perf_counter()
    observed = Observations.full(behaviour)
    question = EntropyQuestion(observed, x, y)
    figure = ConditionalMutualInformation(x, y)
    joint = behaviour.joint(x, y)
    likely = joint > np.outer(joint.sum(axis=1), joint.sum(axis=0))

    def known(strategy: Strategy) -> bool:
        """Whether Eve knows both outcomes, and these outcomes are likelier together than independent ones."""
        if max(strategy.dimensions) > 1:
            return False
        a, b = (np.argmax([e.real for e in strategy.measurements[i][s]]) for i, s in ((0, x), (1, y)))
        return bool(likely[a, b])

    def forgetful(mixture: Mixture) -> list[int]:
        kept = [known(s) for s in mixture.strategies]
        first = kept.index(False) if False in kept else 0
        return [k if keep else first for k, keep in enumerate(kept)]

    def all_kept(mixture: Mixture) -> list[int]:
        return list(range(len(mixture.strategies)))

    def information(landscape: Landscape) -> Landscape:
        return replace(landscape, figure_kind="information", bob_outcomes=scenario.outcomes[1][y])

    def weight(landscape: Landscape) -> Landscape:
        return replace(landscape, figure_kind="weight")

    best = search(question, how, figure=information)
    most = search(question, how, figure=weight, cost=lambda s: 0.0 if known(s) else 1.0)
    seconds = time.perf_counter() - begun
    tried = [(best, all_kept), (best, forgetful), (most, forgetful)]
    attacks = [build_attack(observed, figure, mixture, seconds, grouping) for mixture, grouping in tried]
    return min(attacks, key=lambda attack: (not attack.exact, attack.value))
