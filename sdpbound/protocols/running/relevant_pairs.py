"""The relevant pairs of settings of Masanes et al. v4, Eq. (61), for M settings of each party.

The module has the errors at these pairs, the behaviour of noisy devices, and the bound on Eve's guess.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.protocols.formulas.ranges import behaviour_settings, number, within
from sdpbound.protocols.running.sampling import require_settings

__all__ = ["behaviour", "behaviour_errors", "guessing_expression"]


def guessing_expression(settings: int) -> BellExpression:
    """Masanes et al. v4, Eq. (67): the Bell expression Gamma, with ``P_guess(A|E) <= Gamma`` for one pair.

    The bound is tight (Lemma 13). Gamma is ``1/2 + (sum of the errors of the 2M relevant pairs)/2``. So eta_0 = 1/2 if
    no pair errs, and eta_1 = 1/2 + M if all pairs err (Lemma 15). Gamma is at least 1 for local boxes. (42) is the case
    M = 2, with x and y of the CHSH signs as in :func:`simple_chsh.guessing_expression`.
    """
    m = behaviour_settings(settings)
    c = np.zeros((m, m))
    i = np.arange(m)
    c[i, i] -= 0.25
    c[i, (i + 1) % m] -= 0.25
    c[m - 1, 0] *= -1.0
    return BellExpression.from_correlators(c, constant=0.5 + m / 2.0, name=f"Gamma, M = {m}")


def behaviour_errors(behaviour: Behaviour) -> NDArray[np.float64]:
    """The errors (2M,) at the relevant pairs of settings (61): (x, x) for all x, then (x, x + 1 mod M)."""
    m = behaviour.p.shape[2] if isinstance(behaviour, Behaviour) and behaviour.p.ndim == 4 else 2
    p = require_settings(behaviour, m, m).p
    differ, i = p[0, 1] + p[1, 0], np.arange(m)
    errors = np.concatenate([differ[i, i], differ[i, (i + 1) % m]])
    errors[-1] = 1.0 - errors[-1]
    return errors


def behaviour(visibility: float, settings: int, printed: bool = False) -> Behaviour:
    """The behaviour of noisy EPR pairs in the M bases of each party of Masanes et al. v4, Eqs. (62) and (63).

    The correlators are ``p cos(pi (x - y + 1/2)/M)``, and every relevant pair of settings (61) has the error (69). The
    printed (63) lacks Bob's offset of half a step. Without this offset (``printed``) and without noise the errors are 0
    and sin^2(pi/2M).
    """
    m = behaviour_settings(settings)
    p = number(within(visibility, "visibility", 0.0, 1.0), "visibility")
    x, y = np.meshgrid(np.arange(m), np.arange(m), indexing="ij")
    return Behaviour.from_correlators(p * np.cos(np.pi * (x - y + (0.0 if printed else 0.5)) / m))
