"""Bell expressions of two parties: I_nn22, Hardy's, the elegant one, the magic square, and CHSH with d outcomes."""

from __future__ import annotations

import numpy as np

from sdpbound.arguments import whole
from sdpbound.bell.expression import BellExpression

__all__ = ["chsh_d", "elegant", "hardy", "i4422", "inn22", "magic_square"]

#: Most settings of I_nn22, and most outcomes of CHSH_d: names in files may ask for more than the memory has.
MOST_SETTINGS, MOST_OUTCOMES = 1000, 32


def inn22(n: int) -> BellExpression:
    """I_nn22 with n settings of two outcomes a side (Collins and Gisin, quant-ph/0306129), in their form,

        - P(A_0) - sum_{j=0}^{n-1} (n - 1 - j) P(B_j) + sum_{i+j<n} P(A_i B_j) - sum_{i+j=n} P(A_i B_j),

    with P(A_i) = p(0|i) and P(A_i B_j) = p(00|ij). Maxima: local 0, no-signaling (n - 1)/2. For n = 2 it is the
    expression of Clauser and Horne, quantum (sqrt(2) - 1)/2; for n = 3 a relabelling of
    :func:`~sdpbound.bell.families.expressions.i3322`.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless n is an integer from 2 to 1000.

    >>> inn22(5).local_bound
    0.0
    """
    n = whole(n, "n", 2, MOST_SETTINGS)
    table = np.zeros((n + 1, n + 1))
    table[1, 0] = -1.0
    table[0, 1:] = -np.arange(n - 1, -1, -1)
    i, j = np.indices((n, n))
    table[1:, 1:] = np.where(i + j < n, 1.0, 0.0) - (i + j == n)
    return BellExpression.from_collins_gisin(table, name=f"I_{n}{n}22")


def i4422() -> BellExpression:
    """I4422, :func:`inn22` with n = 4 (Collins and Gisin, quant-ph/0306129). Maxima: local 0, no-signaling 3/2.

    >>> i4422().local_bound
    0.0
    """
    return inn22(4)


def hardy() -> BellExpression:
    """``p(00|00) - p(01|01) - p(10|10) - p(00|11)``, Hardy's paradox as an inequality (PRL 71, 1665, 1993).

    Where the last three probabilities are zero, a local model has p(00|00) = 0, and quantum devices reach
    (5 sqrt(5) - 11)/2. Without that condition it is a relabelling of Clauser and Horne's expression: local 0, quantum
    (sqrt(2) - 1)/2, no-signaling 1/2.

    >>> hardy().local_bound
    0.0
    """
    table = np.zeros((2, 2, 2, 2))
    table[0, 0, 0, 0] = 1.0
    table[0, 1, 0, 1] = table[1, 0, 1, 0] = table[0, 0, 1, 1] = -1.0
    return BellExpression.from_probabilities(table, name="Hardy")


def elegant() -> BellExpression:
    """Gisin's elegant expression (quant-ph/0702021), three settings for Alice and four for Bob: correlators with signs

        (+ + - -), (+ - + -), (+ - - +)

    of A_0, A_1, A_2 with B_0 .. B_3. Maxima: local 6, quantum 4 sqrt(3) (Alice measures along the axes of the Bloch
    sphere, Bob along the corners of a tetrahedron), no-signaling 12.

    >>> elegant().local_bound
    6.0
    """
    signs = [[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]
    return BellExpression.from_correlators(signs, name="elegant")


def magic_square() -> BellExpression:
    """The magic square game, probability to win, questions uniform (Mermin; Peres, 1990; Aravind, quant-ph/0206070).

    Alice gets a row x and answers three bits of even parity, Bob a column y and three of odd parity; they win if both
    give the square where row and column cross the same bit. Outcome o stands for the bits (o // 2, o % 2, parity).
    Maxima: local 8/9, quantum 1 (two pairs of qubits), no-signaling 1.

    >>> round(magic_square().local_bound, 12)
    0.888888888889
    """
    table = np.zeros((4, 4, 3, 3))
    for a, b, x, y in np.ndindex(table.shape):
        row = (a // 2, a % 2, (a // 2 + a % 2) % 2)
        column = (b // 2, b % 2, (b // 2 + b % 2 + 1) % 2)
        table[a, b, x, y] = (row[y] == column[x]) / 9.0
    return BellExpression.from_probabilities(table, name="magic square")


def chsh_d(d: int) -> BellExpression:
    """CHSH with d settings and outcomes (Buhrman and Massar, quant-ph/0409066): probability, questions uniform, that

        a + b = x y (mod d).

    For d = 2 it is the CHSH game: local 3/4, quantum (2 + sqrt(2))/4. No-signaling 1 for all d.

    Raises :class:`~sdpbound.errors.InvalidParameter` unless d is an integer from 2 to 32.

    >>> chsh_d(2).local_bound
    0.75
    """
    d = whole(d, "d", 2, MOST_OUTCOMES)
    a, b, x, y = np.indices((d, d, d, d))
    return BellExpression.from_probabilities(((a + b - x * y) % d == 0) / d**2, name=f"CHSH_{d}")
