"""Operators with rules that the field knows by name: spins and fermions."""

from __future__ import annotations

from collections.abc import Sequence

from sdpbound.arguments import whole
from sdpbound.errors import InvalidParameter
from sdpbound.problems.expressions import Expression, Operator

__all__ = ["fermions", "spins"]

Rules = list[tuple[Expression, Expression]]


def spins(
    sites: int, parties: Sequence[str] | None = None
) -> tuple[Operator, tuple[tuple[Operator, Operator, Operator], ...], Rules]:
    """The Pauli matrices of some spins one half: the imaginary unit, ``(X, Y, Z)`` of each site, and their rules.

    ``X Y = i Z`` and so on; those of different sites commute, for each is a party of its own. ``parties`` are the names
    of these, all different, such as ``"BC"`` for levels like ``"1+AB"``; by default they are S0, S1 and so on.
    Beside operators of other parties they are trusted qubits: any operators with these rules act on a qubit and on
    nothing else.

    Raises
    ------
    InvalidParameter
        If there is not one name for each site, or two are the same.

    Examples
    --------
    >>> from sdpbound.problems import Problem
    >>> i, ((X0, Y0, Z0), (X1, Y1, Z1)), rules = spins(2)
    >>> pair = Problem([i, X0, Y0, Z0, X1, Y1, Z1], rules=rules)
    >>> round(pair.minimize(X0*X1 + Y0*Y1 + Z0*Z1, "1").value, 6)  # the singlet
    -3.0
    """
    unit = Operator.imaginary()
    found: list[tuple[Operator, Operator, Operator]] = []
    rules: Rules = []
    count = whole(sites, "sites", 1, 60)
    given = [f"S{site}" for site in range(count)] if parties is None else parties
    names = [name for name in given if isinstance(name, str)] if isinstance(given, Sequence) else []
    if len(names) != count or len(set(names)) < count:
        raise InvalidParameter(
            f"parties = {parties!r:.60} must be {count} different names, one for each site, such as "
            f"{[chr(66 + site % 25) for site in range(min(count, 3))]}."
        )
    for site, party in enumerate(names):
        x, y, z = Operator.observables(f"X{site} Y{site} Z{site}", party=party)
        found.append((x, y, z))
        rules += [(x * y, unit * z), (y * z, unit * x), (z * x, unit * y)]
    return unit, tuple(found), rules


def fermions(names: str) -> tuple[tuple[Operator, ...], Rules]:
    """Annihilation operators of fermionic modes and their rules: ``a a* = 1 - a* a``, all others anticommute.

    ``names`` are the modes, with spaces between them, such as ``"a b"``.

    >>> from sdpbound.problems import Problem
    >>> (a, b), rules = fermions("a b")
    >>> hopping = a.adjoint * b + b.adjoint * a
    >>> round(Problem([a, b], rules=rules).minimize(hopping, "1").value, 6)
    -1.0
    """
    modes = Operator.general(names)
    rules: Rules = []
    for k, a in enumerate(modes):
        rules += [(a * a.adjoint, 1 - a.adjoint * a), (a * a, 0)]
        for b in modes[:k]:
            rules += [(a * b, -b * a), (a * b.adjoint, -b.adjoint * a), (b * a.adjoint, -a.adjoint * b)]
    return modes, rules
