"""Bell expressions of three and more parties: MABK, Svetlichny's, Holz's, parity CHSH, guess your neighbour's input."""

from __future__ import annotations

import numpy as np

from sdpbound.arguments import whole
from sdpbound.arrays import Floats
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario

__all__ = ["gyni", "holz", "mabk", "parity_chsh", "svetlichny"]

#: Parties that these expressions are made for: a scenario has no more.
FEWEST, MOST = 3, 8


def mabk(parties: int) -> BellExpression:
    """The expression of Mermin, Ardehali, Belinskii and Klyshko (PRL 65, 1838; PRA 46, 5375; Phys.-Usp. 36, 653),

        M_n = M_{n-1} (A_0 + A_1)/2 + M'_{n-1} (A_0 - A_1)/2,   M_1 = A_0,

    where A belongs to the n-th party and a prime exchanges the settings of all parties. Maxima: local 1, quantum
    ``2^((n-1)/2)`` (a GHZ state), no-signaling the sum of all sizes, ``2^((n-1)/2)`` for odd n and ``2^(n/2)`` for even
    n. For n = 3 it is half of :func:`~sdpbound.bell.families.expressions.mermin` up to relabellings.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless parties is an integer from 3 to 8.

    >>> mabk(4).local_bound
    1.0
    """
    n = whole(parties, "parties", FEWEST, MOST)
    plain: Floats = np.array([1.0, 0.0])  # coefficients by settings
    turned: Floats = np.array([0.0, 1.0])
    for _ in range(n - 1):
        plain, turned = (
            np.multiply.outer(plain, [0.5, 0.5]) + np.multiply.outer(turned, [0.5, -0.5]),
            np.multiply.outer(turned, [0.5, 0.5]) + np.multiply.outer(plain, [-0.5, 0.5]),
        )
    return _of_correlators(plain, f"MABK({n})")


def svetlichny(parties: int) -> BellExpression:
    """Svetlichny's expression of n parties (PRD 35, 3066; Seevinck and Svetlichny, quant-ph/0201046),

        sum_x (-1)^(k (k-1)/2) <A_x1 B_x2 ..>,   k = x_1 + .. + x_n.

    Maxima: local ``2^ceil(n/2)``, quantum ``2^(n-1/2)`` (a GHZ state), no-signaling 2^n. Beyond ``2^(n-1)`` no model
    with nonlocal correlations of fewer than n parties explains it, also one that signals among them.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless parties is an integer from 3 to 8.

    >>> svetlichny(3).local_bound
    4.0
    """
    n = whole(parties, "parties", FEWEST, MOST)
    k = np.indices((2,) * n).sum(axis=0)
    return _of_correlators(1.0 - 2.0 * (k * (k - 1) // 2 % 2), f"Svetlichny({n})")


def holz() -> BellExpression:
    """The expression of Holz, Kampermann and Bruss for conference keys of three parties (arXiv:1910.11360),

        <A1 B+ C+> - <A0 B-> - <A0 C-> - <B- C->,   B+- = (B0 +- B1)/2,

    C+- alike. Maxima: local 1, quantum 3/2 (a GHZ state, where A0 agrees with a third setting of Bob and Charlie),
    no-signaling 2.

    >>> holz().local_bound
    1.0
    """
    table = np.zeros((3, 3, 3))
    for y, z in np.ndindex(2, 2):
        sign = (-1.0) ** (y + z)
        table[2, 1 + y, 1 + z] += 0.25
        table[0, 1 + y, 1 + z] -= 0.25 * sign
    table[1, 1:, 0] = table[1, 0, 1:] = [-0.5, 0.5]
    return BellExpression(Scenario(((2, 2),) * 3), table, "Holz")


def parity_chsh(parties: int) -> BellExpression:
    """The parity-CHSH expression of Ribeiro, Murta and Wehner for conference keys (arXiv:1708.00798),

        <A0 (B0 + B1)> + <A1 (B0 - B1) C0 D0 ..>,

    CHSH of Alice and Bob with A1 times the outcomes of all others, who have one setting each in it. Maxima: local 2,
    quantum 2 sqrt(2) (a GHZ state), no-signaling 4.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless parties is an integer from 3 to 8.

    >>> parity_chsh(3).local_bound
    2.0
    """
    n = whole(parties, "parties", FEWEST, MOST)
    scenario = Scenario(((2, 2), (2, 2), *(((2,),) * (n - 2))))
    table = np.zeros(scenario.shape)
    for y in (0, 1):
        table[(1, 1 + y, *(0,) * (n - 2))] = 1.0
        table[(2, 1 + y, *(1,) * (n - 2))] = 1.0 - 2.0 * y
    return BellExpression(scenario, table, f"parity CHSH({n})")


def gyni(parties: int) -> BellExpression:
    """Guess your neighbour's input (Almeida et al., arXiv:1003.3844): the probability that all of

        a_1 = x_2, a_2 = x_3, .., a_n = x_1

    hold, with questions uniform among those where the first n (for odd n) or n - 1 (for even n) have an even sum.
    Maxima: local and quantum ``2^(1-n)``; no-signaling more, 1/3, 1/6, 1/11 for n = 3, 4, 5.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless parties is an integer from 3 to 8.

    >>> gyni(3).local_bound
    0.25
    """
    n = whole(parties, "parties", FEWEST, MOST)
    table = np.zeros((2,) * (2 * n))
    for x in np.ndindex(*(2,) * n):
        if sum(x[: n - 1 + n % 2]) % 2 == 0:
            table[(*x[1:], x[0], *x)] = 2.0 ** (1 - n)
    return BellExpression.from_probabilities(table, name=f"GYNI({n})")


def _of_correlators(signs: Floats, name: str) -> BellExpression:
    """Coefficients (2, .., 2) of the correlators of all parties."""
    table = np.zeros((3,) * signs.ndim)
    table[(slice(1, 3),) * signs.ndim] = signs
    return BellExpression(Scenario(((2, 2),) * signs.ndim), table, name)
