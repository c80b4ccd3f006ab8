"""Inequalities by name."""

from __future__ import annotations

from sdpbound.bell.catalogue.facts import FACTS
from sdpbound.bell.catalogue.inequality import BellInequality
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import EXPRESSIONS, read_name
from sdpbound.bell.families.lists import AVIS, SLIWA
from sdpbound.errors import TooLarge

__all__ = ["inequalities", "inequality"]

#: What :func:`inequalities` lists before the two long lists; other numbers in brackets are inequalities as well.
LISTED = (
    "chsh",
    "hardy",
    "tilted_chsh(0.5)",
    "asymmetric_chsh(1.5)",
    *(f"chained({n})" for n in range(3, 7)),
    "i3322",
    "i4422",
    *(f"inn22({n})" for n in range(5, 7)),
    *(f"cglmp({d})" for d in range(3, 9)),
    "elegant",
    "magic_square",
    *(f"chsh_d({d})" for d in range(2, 6)),
    "mermin",
    *(f"{name}({n})" for name in ("mabk", "svetlichny") for n in range(3, 7)),
    *(f"gyni({n})" for n in range(3, 6)),
    "holz",
    *(f"parity_chsh({n})" for n in range(3, 6)),
)


def inequality(name: str) -> BellInequality:
    """A Bell inequality of the catalogue, with its source and its local, quantum and no-signaling maxima.

    Parameters
    ----------
    name : str
        "A2" to "A89"; "sliwa(1)" to "sliwa(46)"; a name with its numbers in brackets, such as "chsh", "i3322",
        "inn22(5)", "chained(6)", "cglmp(4)", "tilted_chsh(0.5)", "mabk(4)", "svetlichny(3)", "gyni(3)", "elegant",
        "magic_square", "chsh_d(3)", "hardy", "holz", "parity_chsh(3)". Capitals do not matter, and one whole number may
        follow without brackets, as in "CGLMP4" or "Sliwa18". :func:`inequalities` lists many.

    Returns
    -------
    BellInequality
        A :class:`~sdpbound.BellExpression` with ``key``, ``source``, ``local``, ``quantum`` and ``quantum_upper`` (each
        with value, side, source, error) and ``no_signaling``.

    Raises
    ------
    InvalidInput
        The name is unknown, or its numbers are too few or too many.
    InvalidParameter
        A number is out of its range.

    >>> found = inequality("A14")
    >>> found.scenario.settings, found.local, found.no_signaling
    ((4, 5), 0.0, 2.0)
    """
    maker, numbers = read_name(name)
    expression, facts = EXPRESSIONS[maker](*numbers), FACTS[maker](*numbers)
    key = f"A{numbers[0]}" if maker == "avis" else maker
    if numbers and maker != "avis":
        key = f"{maker}({', '.join(f'{number:g}' for number in numbers)})"
    return BellInequality(
        expression.scenario,
        expression.coefficients,
        expression.name,
        key=key,
        source=facts.source,
        local=_enumerated(expression) if facts.local is None else facts.local,
        quantum=facts.quantum,
        quantum_upper=facts.quantum_upper,
        no_signaling=facts.no_signaling,
    )


def _enumerated(expression: BellExpression) -> float | None:
    """The local maximum, if its strategies can be gone through."""
    try:
        return expression.local_bound
    except TooLarge:
        return None


def inequalities() -> tuple[BellInequality, ...]:
    """The catalogue: named inequalities with small numbers, A2 to A89, and Sliwa's 46.

    >>> len(inequalities()) > 150
    True
    """
    lists = [f"A{k}" for k in range(AVIS[0], AVIS[1] + 1)] + [f"sliwa({k})" for k in range(SLIWA[0], SLIWA[1] + 1)]
    return tuple(inequality(name) for name in (*LISTED, *lists))
