"""Numbers and tables as formulas of LaTeX, which notebooks typeset and ``nbconvert`` takes over."""

from __future__ import annotations

from sdpbound.bounds.rounding import rounded
from sdpbound.showing.cards import Grid

__all__ = ["array_of", "escaped", "formula"]

#: What LaTeX would obey in a text, taken literally.
_LITERAL = {"\\": r"$\backslash$", "^": r"$\wedge$", "~": r"$\sim$"} | {c: "\\" + c for c in "{}_$%#&"}


def escaped(text: str) -> str:
    r"""A text of LaTeX's text mode.

    >>> escaped("key_rate 5%")
    'key\\_rate 5\\%'
    """
    return "".join(_LITERAL.get(letter, letter) for letter in text)


def formula(name: str, value: float, side: str, unit: str) -> str:
    r"""A proven number as an inequality, rounded to its side.

    >>> formula("key rate", 0.375, "lower", "bits")
    '$\\text{key rate} \\geq 0.375\\ \\text{bits}$'
    >>> formula("rate", 1.5e-13, "upper", "")
    '$\\text{rate} \\leq 1.5 \\cdot 10^{-13}$'
    """
    digits, _, power = rounded(value, side).partition("e")
    number = rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits
    sign = r"\leq" if side == "upper" else r"\geq"
    behind = rf"\ \text{{{escaped(unit)}}}" if unit else ""
    return rf"$\text{{{escaped(name)}}} {sign} {number}{behind}$"


def array_of(grid: Grid) -> str:
    r"""A table as an array.

    >>> array_of(Grid(("", "b=0"), (("a=0", "0.5"),)))
    '$\\begin{array}{r|r} & \\text{b=0} \\\\ \\hline \\text{a=0} & \\text{0.5} \\end{array}$'
    """
    head, *lines = (
        " & ".join(rf"\text{{{escaped(text)}}}" if text else "" for text in row) for row in (grid.columns, *grid.rows)
    )
    columns = "r|" + "r" * (len(grid.columns) - 1)
    body = r" \\ ".join(lines)
    return rf"$\begin{{array}}{{{columns}}} {head.strip()} \\ \hline {body} \end{{array}}$"
