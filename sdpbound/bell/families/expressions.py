"""Bell expressions known by name, each with its orientation, scale and source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import numpy as np

from sdpbound.arguments import numbered, whole
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.bipartite import chsh_d, elegant, hardy, i4422, inn22, magic_square
from sdpbound.bell.families.lists import avis, sliwa
from sdpbound.bell.families.multipartite import gyni, holz, mabk, parity_chsh, svetlichny
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput
from sdpbound.registry import unknown

__all__ = [
    "EXPRESSIONS",
    "asymmetric_chsh",
    "cglmp",
    "chained",
    "chsh",
    "expression_named",
    "i3322",
    "mermin",
    "read_name",
    "tilted_chsh",
]

#: Most settings of a chained expression, and most outcomes of a CGLMP expression: names in files may ask for more than
#: the memory has.
MOST_SETTINGS, MOST_OUTCOMES = 1000, 128


# -- other expressions ----------------------------------------------------------------------------------------------


def chsh() -> BellExpression:
    """``<A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>`` (Clauser, Horne, Shimony, Holt, 1969).

    Maxima: local 2, quantum 2 sqrt(2), no-signaling 4.

    >>> chsh()
    CHSH: <A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>
    """
    return BellExpression.from_correlators([[1, 1], [1, -1]], name="CHSH")


def tilted_chsh(beta: float, alpha: float = 1.0) -> BellExpression:
    """``beta <A0> + alpha <A0 (B0 + B1)> + <A1 (B0 - B1)>`` (Acin, Massar and Pironio, arXiv:1107.2754).

    For alpha >= 1 and beta >= 0 the local maximum is beta + 2 alpha, and the quantum one is
    ``2 sqrt((1 + alpha^2)(1 + beta^2/4))`` where that is larger (alpha beta < 2), else local.

    Raises :class:`~sdpbound.errors.InvalidParameter` for a weight that is not a finite number.

    >>> tilted_chsh(0.5).local_bound
    2.5
    """
    b, a = numbered(beta, "beta"), numbered(alpha, "alpha")
    name = f"tilted CHSH(beta={b:g}, alpha={a:g})"
    return BellExpression.from_correlators([[a, a], [1.0, -1.0]], marginals_a=[b, 0.0], name=name)


def asymmetric_chsh(alpha: float) -> BellExpression:
    """``alpha <A0 (B0 + B1)> + <A1 (B0 - B1)>`` (arXiv:2007.16146; 'S_alpha').

    Maxima: local 2 max(1, |alpha|), quantum 2 sqrt(1 + alpha^2), no-signaling 2 + 2 |alpha|.

    Raises :class:`~sdpbound.errors.InvalidParameter` if alpha is not a finite number.

    >>> asymmetric_chsh(1.5).local_bound
    3.0
    """
    a = numbered(alpha, "alpha")
    return BellExpression.from_correlators([[a, a], [1.0, -1.0]], name=f"asymmetric CHSH(alpha={a:g})")


def chained(settings: int) -> BellExpression:
    """The chained expression with N settings for each party (Pearle 1970; Braunstein and Caves 1990),

        sum_{i=0}^{N-1} <A_i B_i> + sum_{i=0}^{N-2} <A_{i+1} B_i> - <A_0 B_{N-1}>.

    Maxima: local 2N - 2, quantum 2N cos(pi/(2N)) (quant-ph/0510076), no-signaling 2N. For N = 2 it is CHSH with the
    minus sign at (0, 1).

    Raises :class:`~sdpbound.errors.InvalidParameter` unless settings is an integer from 2 to 1000.

    >>> chained(3)
    chained(3): <A0 B0> - <A0 B2> + <A1 B0> + <A1 B1> + <A2 B1> + <A2 B2>
    """
    n = whole(settings, "settings", 2, MOST_SETTINGS)
    table = np.eye(n) + np.eye(n, k=-1)
    table[0, n - 1] = -1.0
    return BellExpression.from_correlators(table, name=f"chained({n})")


def i3322() -> BellExpression:
    """I3322 (Froissart 1981; Collins and Gisin, quant-ph/0306129), symmetric under exchange of the parties.

    A relabelling of settings and outcomes of the expression of Collins and Gisin, in their scale and coordinates, with
    P(A_x) = p(0|x) and P(A_x B_y) = p(00|xy):

        - P(A0) - P(A1) - P(B0) - P(B1) + P(A0 B1) + P(A0 B2) + P(A1 B0) + P(A1 B2) + P(A2 B0) + P(A2 B1)
        - P(A1 B1) - P(A2 B2).

    Maxima: local 0, qubits 1/4, quantum 0.2508754 (arXiv:1006.3032; level 3 of the hierarchy gives 0.2508756),
    no-signaling 1. Times 4 it is the usual form in observables, up to a constant.

    >>> i3322().local_bound
    0.0
    """
    table = [[0, -1, -1, 0], [-1, 0, 1, 1], [-1, 1, -1, 1], [0, 1, 1, -1]]
    return BellExpression.from_collins_gisin(table, name="I3322")


def cglmp(d: int) -> BellExpression:
    """The CGLMP expression I_d for two settings and d outcomes (quant-ph/0106024),

        sum_{k=0}^{[d/2]-1} (1 - 2k/(d-1)) { P(A0 = B0 + k) + P(B0 = A1 + k + 1) + P(A1 = B1 + k) + P(B1 = A0 + k)
            - P(A0 = B0 - k - 1) - P(B0 = A1 - k) - P(A1 = B1 - k - 1) - P(B1 = A0 - k - 1) },

    additions modulo d; the paper's A1, A2 are A0, A1 here. Maxima: local 2, no-signaling 4; quantum 2 sqrt(2) for d = 2
    (a CHSH expression), 1 + sqrt(11/3) = 2.9149 for d = 3 (Acin, Durt, Gisin and Latorre, PRA 65, 052325, with a state
    that is not maximally entangled; 2.8729 with one that is).

    Raises :class:`~sdpbound.errors.InvalidParameter` unless d is an integer from 2 to 128.

    >>> round(cglmp(3).local_bound, 12)
    2.0
    """
    d = whole(d, "d", 2, MOST_OUTCOMES)
    table = np.zeros((d, d, 2, 2))
    a, b = np.indices((d, d))
    for k in range(d // 2):
        weight = 1.0 - 2.0 * k / (d - 1)
        # (x, y, difference, value of it that is rewarded, value that is punished)
        for x, y, difference, plus, minus in (
            (0, 0, a - b, k, -k - 1),
            (1, 0, b - a, k + 1, -k),
            (1, 1, a - b, k, -k - 1),
            (0, 1, b - a, k, -k - 1),
        ):
            table[:, :, x, y] += weight * ((difference - plus) % d == 0)
            table[:, :, x, y] -= weight * ((difference - minus) % d == 0)
    return BellExpression.from_probabilities(table, name=f"CGLMP({d})")


def mermin() -> BellExpression:
    """Mermin's expression for three parties (PRL 65, 1838, 1990),
    ``<A0 B0 C1> + <A0 B1 C0> + <A1 B0 C0> - <A1 B1 C1>``.

    Maxima: local 2, quantum and no-signaling 4 (reached by a GHZ state).

    >>> mermin()
    Mermin: <A0 B0 C1> + <A0 B1 C0> + <A1 B0 C0> - <A1 B1 C1>
    """
    table = np.zeros((3, 3, 3))
    table[1, 1, 2] = table[1, 2, 1] = table[2, 1, 1] = 1.0
    table[2, 2, 2] = -1.0
    return BellExpression(Scenario(((2, 2),) * 3), table, "Mermin")


# -- by name --------------------------------------------------------------------------------------------------------

#: The expressions that files and commands name, some with numbers in brackets: "chsh", "tilted_chsh(0.5, 1.2)".
EXPRESSIONS: dict[str, Callable[..., BellExpression]] = {
    function.__name__: function
    for function in (
        *(chsh, tilted_chsh, asymmetric_chsh, chained, i3322, cglmp, mermin),
        *(inn22, i4422, hardy, elegant, magic_square, chsh_d, mabk, svetlichny, gyni, avis, sliwa),
        *(holz, parity_chsh),
    )
}


def expression_named(text: str) -> BellExpression:
    """An expression by its name, with its numbers in brackets if it has any.

    Also "A14" for ``avis(14)``, and a number without brackets behind other names, such as "cglmp4".

    Raises
    ------
    InvalidInput
        The name is unknown, or the numbers are too few, too many or none.
    InvalidParameter
        A number is out of its range.

    >>> expression_named("chained(3)") == chained(3), expression_named("chsh") == chsh()
    (True, True)
    """
    name, numbers = read_name(text)
    return EXPRESSIONS[name](*numbers)


def read_name(text: str) -> tuple[str, list[float]]:
    """The name of an expression in :data:`EXPRESSIONS`, and the numbers that follow it; see :func:`expression_named`.

    >>> read_name("tilted_chsh(0.5)"), read_name("A14"), read_name("Sliwa 18")
    (('tilted_chsh', [0.5]), ('avis', [14]), ('sliwa', [18]))
    """
    found = re.fullmatch(r"\s*([A-Za-z_0-9]+)\s*(?:\((.*)\))?\s*", _with_brackets(str(text)))
    name = found.group(1).lower() if found else str(text)
    if found is None or name not in EXPRESSIONS:
        raise InvalidInput(unknown(found.group(1) if found else name, EXPRESSIONS, "the expression"))
    wanted = inspect.signature(EXPRESSIONS[name]).parameters.values()
    texts = [part for part in (found.group(2) or "").split(",") if part.strip()]
    least = sum(parameter.default is inspect.Parameter.empty for parameter in wanted)
    try:
        numbers = [int(part) if re.fullmatch(r"\s*[+-]?\d+\s*", part) else float(part) for part in texts]
    except ValueError:
        raise InvalidInput(f"{str(text)[:60]!r} must have numbers in its brackets, such as chained(3).") from None
    if not least <= len(numbers) <= len(wanted):
        names = ", ".join(parameter.name for parameter in wanted) or "none"
        raise InvalidInput(f"{str(text)[:60]!r} has {len(numbers)} numbers in brackets; {name} takes {names}.")
    return name, numbers


def _with_brackets(text: str) -> str:
    """A name with a number at its end as it would be written with brackets: "A14", "I5522", "cglmp4", "Sliwa 18"."""
    found = re.fullmatch(r"\s*([A-Za-z_]+?)[ _]?(\d{1,9})\s*", text)
    if found is None or text.strip().lower() in EXPRESSIONS:
        return text
    name, digits = found.group(1).lower(), found.group(2)
    if name == "a":
        return f"avis({digits})"
    if name == "i" and digits.endswith("22") and digits[: len(digits[:-2]) // 2] * 2 == digits[:-2]:
        return f"inn22({digits[: len(digits[:-2]) // 2]})"
    return f"{name}({digits})" if name in EXPRESSIONS else text
