"""Figures of merit in words."""

from __future__ import annotations

from typing import Any

__all__ = ["describe_figure"]


_FIGURES = {
    "bell_value": "Bell value",
    "separation": "zero functional at the tested data",
}


def describe_figure(figure: dict[str, Any]) -> str:
    """A figure of merit in words."""
    kind = figure["kind"]
    if kind == "guessing_probability":
        x, y = figure["x"], figure["y"]
        return f"P_guess(A|x={x},E)" if y is None else f"P_guess(AB|x={x},y={y},E)"
    if kind == "blind_guessing_probability":
        return f"P_guess(A|x={figure['x']},y={figure['y']},B,E)"
    if kind == "conditional_entropy":
        flip = figure["preprocessing"]
        text = f"H(A|x={figure['x']},E)" if figure["y"] is None else f"H(AB|x={figure['x']},y={figure['y']},E)"
        return text + (f" after flips with probability {flip:.6g}" if flip else "")
    if kind == "conditional_mutual_information":
        return f"I(A:B|x={figure['x']},y={figure['y']},E)"
    if kind == "min_entropy":
        return describe_figure(figure["of"]).replace("P_guess", "H_min")
    return _FIGURES[kind]
