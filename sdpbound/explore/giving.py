"""What a person takes away of the page: Python code, a study file, a figure for a paper."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from sdpbound.bell.exact import Angle
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.explore.numbers import ACCURACY, ATTACK
from sdpbound.explore.offered import OWN
from sdpbound.explore.point import Point
from sdpbound.explore.slices import Slice, slice_of
from sdpbound.explore.values import Number
from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, ORANGE, VERMILLION, figure, style
from sdpbound.registry import unknown
from sdpbound.version import __version__

__all__ = ["FORMATS", "figure_bytes", "python_code", "study_file"]

FORMATS = ("pdf", "svg", "png")


# -- Python code ----------------------------------------------------------------------------------------------------


def python_code(point: Point) -> str:
    """Lines of Python that compute the numbers of the page again, with their certificates and attacks."""
    lines = ["import sdpbound as sb", "", *_devices(point)]
    lines.append(f"data = {_data(point)}")
    x, y = point.key
    u, v = point.random
    flips = '"best"' if point.flips == "best" else repr(point.flips)
    level = "" if point.is_small else f"level={point.state.level!r}, "
    lines += [
        f"entropy = sb.VonNeumann({level}tolerance={ACCURACY:g})",
        f"attack = sb.AttackOptions(tolerance={ATTACK:g})",
        "",
    ]
    lines += [f'quantum = sb.Quantum("{point.state.level}")', f"guess = sb.guessing_probability(data, quantum, x={x})"]
    lines.append(f"key = sb.key_rate(behaviour, data, {x}, {y}, entropy, {flips})")
    lines.append(f"key_above = sb.key_rate_upper_bound(behaviour, data, {x}, {y}, {flips}, options=attack)")
    lines.append(f"randomness = sb.randomness_rate(behaviour, data, False, {u}, {v}, entropy)")
    lines.append(f"randomness_above = sb.randomness_rate_upper_bound(behaviour, data, False, {u}, {v}, options=attack)")
    if point.is_small:
        lines.append("print('S =', behaviour.chsh)")
    if point.member.expression is not None:
        lines.append("print('Bell value =', member.expression.value(behaviour))")
    lines.append("for number in (guess, key, key_above, randomness, randomness_above):")
    lines.append("    print(number)")
    return "\n".join(lines) + "\n"


def _devices(point: Point) -> list[str]:
    """Lines that make ``behaviour``, and ``member`` where there is one."""
    if point.state.family == OWN:
        made = f"sb.Behaviour({point.member.behaviour().p.tolist()!r})"
        if point.noise is None:
            return [f"behaviour = {made}"]
        noise = _noise(point).removeprefix("noise=") if point.lossy else f"sb.WhiteNoise({point.visibility!r})"
        return [f"ideal = {made}", f"behaviour = ({noise}).on_behaviour(ideal)"]
    at = ", ".join(f"{name}={_literal(value)}" for name, value in point.member.values.items())
    made = f'sb.family_named("{point.state.family}").member({at})'
    return [f"member = {made}", f"behaviour = member.behaviour({_noise(point)})"]


def _literal(value: float) -> str:
    if isinstance(value, Angle):
        return f"sb.Angle.of({str(value)!r})"
    return repr(float(value))


def _noise(point: Point) -> str:
    if point.noise is None:
        return ""
    if point.lossy is None:
        return repr(point.visibility)
    losses = f"sb.DetectionInefficiency({point.efficiency!r}, {point.efficiency!r})"
    white = "" if point.visibility == 1.0 else f"sb.WhiteNoise({point.visibility!r}) + "
    return f"noise={white}{losses}"


def _data(point: Point) -> str:
    if point.state.observed == "bell":
        return "sb.Observations.bell_value(member.expression, behaviour)"
    return f"sb.Observations.{point.state.observed}(behaviour)"


# -- a study --------------------------------------------------------------------------------------------------------


def study_file(point: Point) -> str:
    """A study of this one point in TOML: replace a number by a list or a range, and run it.

    Raises
    ------
    InvalidInput
        The point is own data, which a study reads from a file.
    """
    state = point.state
    if state.family == OWN:
        raise InvalidInput("a study reads own data from a table of behaviours in its folder; take the Python code.")
    x, y = point.key
    u, v = point.random
    flips = "" if point.flips == 0.0 else f"\npreprocessing = {json.dumps(point.flips)}"
    lines = [
        "# From the explorer. A number may become a list or {start, stop, count}; then: sdpbound run FILE",
        'name = "explored"',
        f'observed = ["{state.observed}"]',
        f'adversaries = [{{ model = "quantum", level = "{state.level}" }}]',
        f'entropy = {{ kind = "von Neumann", tolerance = {ACCURACY:g} }}' if point.is_small else 'entropy = "min"',
        "",
        "[family]",
        f'kind = "{state.family}"',
        *(f"{name} = {json.dumps(_plain(text))}" for name, text in state.at),
        "",
        "[[noises]]",
        f"visibility = {json.dumps(_plain(state.visibility))}",
        f"efficiency = {json.dumps(_plain(state.efficiency))}",
    ]
    key = f"\nx = {x}\ny = {y}"
    both = f"\nx = {u}\ny = {v}"
    asked = [("guess_local", f"\nx = {x}"), ("key_rate", key + flips), ("randomness_global", both)]
    if point.is_small:
        asked += [("key_rate_attack", key + flips), ("randomness_global_attack", both)]
    lines += [f'\n[[quantities]]\nname = "{name}"{rest}' for name, rest in asked]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> float | str:
    """A number where the text is one, else the expression; a study reads both."""
    try:
        return float(text)
    except ValueError:
        return text.strip()


# -- a figure -------------------------------------------------------------------------------------------------------


def figure_bytes(point: Point, numbers: Mapping[str, Number], kind: str = "pdf") -> bytes:
    """A figure at the width of a column: the slice with the devices, if there is one, and the rates from both sides.

    The file has the link of the page in its metadata, and no date.

    Raises
    ------
    InvalidParameter
        The format is unknown.
    """
    if kind not in FORMATS:
        raise InvalidParameter(unknown(kind, FORMATS, "format"))
    with style(svg__hashsalt="sdpbound"):
        fig = figure(COLUMN, 11.5 if point.is_small else 4.5)
        if point.is_small:
            upper, lower = fig.subplots(2, 1, height_ratios=(2.6, 1.0))
            cut = slice_of(point.behaviour, point.member.behaviour(), point.member.expression)
            _draw_slice(upper, cut)
        else:
            lower = fig.subplots()
        _draw_rates(lower, numbers)
        link, output = point.state.to_query(), io.BytesIO()
        about: dict[str, str | None] = {"Title": point.member.title}
        if kind == "png":
            about |= {"Source": link, "Software": f"sdpbound {__version__}"}
        elif kind == "pdf":
            about |= {"Keywords": link, "Creator": f"sdpbound {__version__}", "CreationDate": None}
        else:
            about |= {"Source": link, "Creator": f"sdpbound {__version__}", "Date": None}
        fig.savefig(output, format=kind, dpi=300, metadata=about)
    return output.getvalue()


def _draw_slice(axes: Axes, cut: Slice) -> None:
    for corners, colour, filled, name in (
        (cut.no_signaling, GREY, "#f2f2f2", "no-signaling"),
        (cut.quantum, BLUE, "#d6e6f2", "quantum"),
        (cut.local, ORANGE, "#fbeccb", "local"),
    ):
        axes.fill(*corners.T, facecolor=filled, edgecolor=colour, linewidth=1.0)
        top = corners[int(corners[:, 1].argmax())]
        label = (float(corners[:, 0].min()) * 0.5, min(float(top[1]), 3.9) - 0.28) if name != "local" else (0.0, 0.9)
        axes.annotate(name, label, color=BLACK, fontsize=7.5, ha="center")
    axes.plot(*np.stack([cut.ideal, cut.behaviour]).T, color=VERMILLION, linestyle=":", linewidth=0.9)
    axes.plot(*cut.ideal, marker="o", markerfacecolor="white", color=VERMILLION, markersize=4.0)
    axes.plot(*cut.behaviour, marker="o", color=VERMILLION, markersize=4.0)
    axes.annotate(
        "devices",
        (float(cut.behaviour[0]), float(cut.behaviour[1])),
        (5.0, -2.0),
        textcoords="offset points",
        fontsize=7.5,
        color=VERMILLION,
    )
    axes.set_ylim(0.0, 4.2)
    axes.set_xlabel("length across the CHSH direction")
    axes.set_ylabel(r"CHSH value $S$")


def _draw_rates(axes: Axes, numbers: Mapping[str, Number]) -> None:
    names = (("key", "key"), ("random", "randomness AB"), ("local", "randomness A"))
    for place, (name, _) in enumerate(names):
        below, above = numbers.get(f"{name}_low"), numbers.get(f"{name}_high")
        if below is not None and below.value is not None:
            proven = below.side == "lower"
            axes.barh(place, below.value, 0.5, color=BLUE if proven else "white", edgecolor=BLUE, linewidth=0.8)
        if above is not None and above.value is not None:
            axes.plot([above.value] * 2, [place - 0.4, place + 0.4], color=VERMILLION, linewidth=1.2)
    axes.axvline(0.0, color=BLACK, linewidth=0.6)
    axes.set_yticks(range(len(names)), [text for _, text in names])
    axes.tick_params(axis="y", which="minor", left=False, right=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("bits a round: proven (bars), at most (marks)")
