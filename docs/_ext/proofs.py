"""Pictures of the pages that prove something, one each; docs/_ext/pictures.py draws them all.

Each shows one thought, with numbers that are computed here: by the library, or from the statement on the page alone.
"""

from __future__ import annotations

from math import log2, pi, sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import NDArray
from scipy.special import entr

import sdpbound as sb
from sdpbound.entropies.quadrature import gauss_radau
from sdpbound.explore.slices import Slice, slice_of
from sdpbound.plotting import BLACK, BLUE, COLUMN, GREY, ORANGE, VERMILLION, figure, sequence

__all__ = ["PROOFS"]

Floats = NDArray[np.float64]
_SMALL = 7.5


# -- the qubit reduction --------------------------------------------------------------------------------------------


def qubits() -> Figure:
    """Pairs of qubits, the line that is below all of them, and the two that Eve mixes."""
    alpha, value = 0.6, 2.1
    test = sb.BellExpression.from_correlators([[alpha, alpha], [1.0, -1.0]])
    data = sb.Observations.bell_value(test, value)
    method = sb.VonNeumann("qubit", tolerance=1e-5)
    bound = sb.conditional_entropy(data, x=0, closed_forms=False, method=method)
    attack = sb.conditional_entropy_upper_bound(data, x=0)
    assert bound.functional is not None
    values, entropies = _pairs_of_qubits(alpha, 9000)
    assert (entropies > [bound.functional.at([v]) - 1e-9 for v in values]).all()
    fig = figure(COLUMN, 6.2)
    axes = fig.subplots()
    axes.plot(values, entropies, ".", color=GREY, markersize=1.2, markeredgewidth=0.0, rasterized=True, zorder=1)
    ends = [1.6, 2.0 * sqrt(1.0 + alpha**2)]
    axes.plot(ends, [bound.functional.at([v]) for v in ends], color=BLUE, zorder=3)
    mixed = [float(test.value(strategy.behaviour())) for strategy in attack.strategies]
    axes.plot(mixed, [bound.functional.at([v]) for v in mixed], "x", color=VERMILLION, markersize=6, zorder=5)
    axes.plot([value], [bound.value], "o", color=BLUE, markersize=4, zorder=6)
    axes.axvline(value, color=GREY, linewidth=0.5, linestyle=":", zorder=2)
    words = {"xycoords": "data", "fontsize": _SMALL}
    axes.annotate("each dot: a pair of qubits", (1.62, 1.04), color=BLACK, **words)
    axes.annotate("a line below all of them:\nthe proof", (1.62, -0.28), color=BLUE, **words)
    axes.annotate("Eve mixes these two:\nthe attack", (2.345, 0.02), color=VERMILLION, ha="right", **words)
    axes.annotate("tested value", (value - 0.008, 1.04), ha="right", color=BLACK, **words)
    axes.set_xlim(1.6, 2.36)
    axes.set_ylim(-0.35, 1.12)
    axes.set_xlabel("tested Bell value")
    axes.set_ylabel(r"$H(A|X{=}0,E)$ (bits)")
    return fig


def _pairs_of_qubits(alpha: float, count: int) -> tuple[Floats, Floats]:
    """Bell values ``alpha A0 (B0 + B1) + A1 (B0 - B1)`` and entropies of the outcome of A0 = Z of random pairs."""
    rng = np.random.default_rng(3)
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    values, entropies = np.empty(count), np.empty(count)
    for k in range(count):
        a, b, c = rng.uniform(0.0, pi, 3)
        if k % 3:  # near the best angles
            a, b = pi / 2.0 + rng.normal(0.0, 0.2), np.arctan(1.0 / alpha) + rng.normal(0.0, 0.2)
            c = -b + rng.normal(0.0, 0.1)
        b0, b1 = (np.cos(t) * z + np.sin(t) * x for t in (b, c))
        bell = alpha * np.kron(z, b0 + b1) + np.kron(np.cos(a) * z + np.sin(a) * x, b0 - b1)
        vectors = np.linalg.eigh(bell)[1][:, ::-1]
        weights = rng.dirichlet([1.0, 0.3, 0.05, 0.05] if k % 4 else [0.5] * 4)
        state = (vectors * weights) @ vectors.T
        flipped = np.kron(z, np.eye(2)) @ state @ np.kron(z, np.eye(2))
        values[k] = np.trace(bell @ state)
        entropies[k] = _bits((state + flipped) / 2.0) - _bits(state)
    return values, entropies


def _bits(state: Floats) -> float:
    return float(entr(np.clip(np.linalg.eigvalsh(state), 0.0, None)).sum() / np.log(2.0))


# -- certificates ---------------------------------------------------------------------------------------------------


def certificates() -> Figure:
    """What a disturbed dual of CHSH at level 1 prints, and what is certified of it."""
    rng = np.random.default_rng(5)
    # 2 sqrt 2 - CHSH is the mean of two squares over the words 1, A0, A1, B0, B1; rows of the factor
    r = 2.0**-0.25
    best = r * np.array([[0.0, 1.0, 0.0, -(2.0**-0.5), -(2.0**-0.5)], [0.0, 0.0, 1.0, -(2.0**-0.5), 2.0**-0.5]])
    sizes = np.geomspace(1e-9, 0.3, 150)
    printed, proven = np.array([_certified(best, size, rng) for size in sizes]).T
    assert (proven > 0.0).all() and (printed < 0.0).any()
    fig = figure(COLUMN, 6.2)
    axes = fig.subplots()
    axes.axhspan(-10.0, 0.0, color=GREY, alpha=0.18, linewidth=0.0)
    axes.axhline(0.0, color=BLACK, linewidth=0.6)
    axes.plot(sizes, printed, "x", color=VERMILLION, markersize=3, markeredgewidth=0.7)
    axes.plot(sizes, proven, "o", color=BLUE, markersize=2.6, markerfacecolor="white", markeredgewidth=0.7)
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1e-8, linscale=1.1)
    axes.set_ylim(-3.0, 30.0)
    axes.yaxis.set_major_locator(FixedLocator([-1.0, -1e-4, -1e-8, 0.0, 1e-8, 1e-4, 1.0]))
    axes.yaxis.set_minor_locator(NullLocator())
    labels = ["$-1$", "$-10^{-4}$", "$-10^{-8}$", "0", "$10^{-8}$", "$10^{-4}$", "1"]
    axes.yaxis.set_major_formatter(FixedFormatter(labels))
    axes.set_xlim(1e-9, 0.3)
    axes.annotate("certified from the same dual", (2e-9, 0.05), color=BLUE, fontsize=_SMALL)
    axes.annotate("printed by the solver:\nhere it is no bound", (2e-9, -0.6), color=VERMILLION, fontsize=_SMALL)
    axes.set_xlabel("size of the solver's errors")
    axes.set_ylabel(r"number $- 2\sqrt{2}$")
    return fig


def _certified(factor: Floats, size: float, rng: np.random.Generator) -> tuple[float, float]:
    """The dual objective of a disturbed factor, and what is proven with it; both less 2 sqrt 2.

    Words are products of two of 1, A0, A1, B0, B1. CHSH plus the square is R[1] + sum R[w] w, and at most
    R[1] + sum |R[w]|.
    """
    rows = factor + size * rng.normal(size=factor.shape)
    square = rows.T @ rows
    chsh = np.zeros((5, 5))
    chsh[1:3, 3:5] = [[1.0, 1.0], [1.0, -1.0]]
    rest = 2.0 * np.triu(square, 1) + chsh  # a word and its adjoint are one
    constant = float(np.trace(square)) + size * rng.normal()  # a solver's objective has an error of its own
    return constant - 2.0 * sqrt(2.0), float(np.trace(square) + np.abs(rest).sum()) - 2.0 * sqrt(2.0)


# -- Gauss-Radau ----------------------------------------------------------------------------------------------------


def gauss_radau_rules() -> Figure:
    """The logarithm, and the rules that are below it with 2, 4 and 8 nodes."""
    counts = (2, 4, 8)
    x = np.geomspace(1e-3, 30.0, 600)
    fig = figure(COLUMN, 8.2)
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=(1.2, 1.0))
    above.plot(x, np.log(x), color=BLACK, linewidth=1.6)
    above.annotate(r"$\ln x$", (1.6e-3, -5.1), fontsize=_SMALL)
    for count, colour in zip(counts, sequence(len(counts) + 1), strict=False):
        rule = gauss_radau(count)
        weights = rule.weights * rule.nodes * np.log(2.0)
        values = (weights * (x[:, None] - 1.0) / (rule.nodes * (x[:, None] - 1.0) + 1.0)).sum(axis=1)
        assert (values <= np.log(x) + 1e-12).all()
        above.plot(x, values, color=colour)
        below.plot(x, np.log(x) - values, color=colour)
        place = x[int(np.argmax(values > -9.4))]
        label = f"{count} nodes" if count == counts[0] else f"{count}"
        above.annotate(label, (place, -9.4), (3, 0), textcoords="offset points", color=colour, fontsize=_SMALL)
    above.set_xscale("log")
    above.set_xlim(1e-3, 30.0)
    above.set_ylim(-10.0, 4.0)
    above.set_ylabel("rule and logarithm")
    below.set_yscale("log")
    below.set_ylim(1e-9, 1e3)
    below.set_xlabel("$x$")
    below.set_ylabel("logarithm $-$ rule")
    below.annotate("never below zero", (0.97, 0.86), xycoords="axes fraction", ha="right", fontsize=_SMALL)
    return fig


# -- finite lengths -------------------------------------------------------------------------------------------------


def renyi_orders() -> Figure:
    """What the order costs, and what it saves: bits a round against alpha - 1 for some numbers of rounds."""
    value, soundness = 2.64, 1e-10
    beta = np.geomspace(1e-5, 1.0, 400)
    alpha, z = 1.0 + beta, sqrt(value**2 / 4.0 - 1.0)
    entropy = 1.0 - alpha / beta * np.log2(((1 + z) / 2) ** (1 / alpha) + ((1 - z) / 2) ** (1 / alpha))
    limit = 1.0 - float(entr([(1 + z) / 2, (1 - z) / 2]).sum() / np.log(2.0))
    fig = figure(COLUMN, 6.4)
    axes = fig.subplots()
    axes.axhline(limit, color=GREY, linewidth=0.6, linestyle=":")
    axes.annotate("von Neumann entropy", (1.3e-5, limit + 0.015), color=GREY, fontsize=_SMALL)
    axes.plot(beta, entropy, color=BLACK, linewidth=1.5)
    cost = "less the cost of soundness,\n$(1+1/(\\alpha-1))\\,\\log_2(1/\\varepsilon)/n$"
    axes.annotate(cost, (0.85, 0.08), color=BLACK, ha="right", fontsize=_SMALL)
    axes.annotate("Renyi entropy: falls\nwith the order", (0.9, 0.65), color=BLACK, ha="right", fontsize=_SMALL)
    for n, colour in zip((1e4, 1e6, 1e8), sequence(4), strict=False):
        rate = entropy - (1.0 + 1.0 / beta) * log2(1.0 / soundness) / n
        best = int(rate.argmax())
        axes.plot(beta, rate, color=colour)
        axes.plot(beta[best], rate[best], "o", color=colour, markersize=4, clip_on=False)
        start = int(np.argmax(rate > 0.06))
        axes.annotate(
            f"$n=10^{{{round(np.log10(n))}}}$",
            (beta[start], 0.02 if start else rate[0] - 0.05),
            (4, 0),
            textcoords="offset points",
            color=colour,
            fontsize=_SMALL,
        )
    axes.set_xscale("log")
    axes.set_xlim(1e-5, 1.0)
    axes.set_ylim(0.0, 0.75)
    axes.set_xlabel(r"order $\alpha-1$")
    axes.set_ylabel("bits a round that are left")
    return fig


# -- attacks and self-tests -----------------------------------------------------------------------------------------


def no_signaling() -> Figure:
    """A box is a mixture of a box of the largest CHSH value and of deterministic ones, which Eve knows."""
    value = 2.6
    fig = figure(COLUMN, 5.4)
    left, right = fig.subplots(1, 2, width_ratios=(1.25, 1.0))
    cut = slice_of(*(sb.Behaviour.from_correlators(np.array([[v, v], [v, -v]]) / 4.0) for v in (value, 4.0)))
    _sets(left, cut)
    for end, colour in ((4.0, BLACK), (2.0, VERMILLION)):
        left.annotate("", (0.0, end), (0.0, value), arrowprops={"arrowstyle": "->", "color": colour, "shrinkB": 0})
        left.plot(0.0, end, "o", color=colour, markersize=3.5)
    left.plot(0.0, value, "o", color=BLUE, markersize=4.5, zorder=6)
    left.annotate("weight $S/2-1$:\nEve knows nothing", (0.8, 3.2), fontsize=6.5)
    left.annotate("weight $2-S/2$:\nlocal, Eve knows\nthe outcome", (1.2, 1.3), color=VERMILLION, fontsize=6.5)
    left.set_ylim(1.0, 4.2)
    left.set_xlim(-1.3, 4.5)
    left.set_xticks([])
    left.set_xlabel("another direction")
    left.set_ylabel("CHSH value $S$")
    s = np.linspace(2.0, 4.0, 200)
    right.plot(s, 1.5 - s / 4.0, color=VERMILLION)
    q = np.linspace(2.0, 2.0 * sqrt(2.0), 200)
    right.plot(q, 0.5 + np.sqrt(np.maximum(2.0 - q**2 / 4.0, 0.0)) / 2.0, color=BLUE)
    right.plot(value, 1.5 - value / 4.0, "o", color=BLUE, markersize=4.5)
    right.annotate("no-signaling Eve:\n$3/2-S/4$", (2.65, 0.885), color=VERMILLION, fontsize=6.5)
    right.annotate("quantum\nEve", (2.9, 0.53), color=BLUE, fontsize=6.5)
    right.set_xlabel("CHSH value $S$")
    right.set_ylabel("guessing probability")
    right.set_xlim(2.0, 4.0)
    right.set_ylim(0.48, 1.02)
    return fig


def self_test() -> Figure:
    """Near the local boundary one quantum point is on the line of its Bell expression: only one strategy has it."""
    member = sb.SingletSelfTest(0.35, sb.Angle.of("pi/2 - 0.05"), sb.Angle.of("0.35 + pi/2"))
    ideal, expression = member.behaviour(), member.expression
    cut = slice_of(member.behaviour(0.93), ideal, expression)
    assert cut.expression is not None
    a, b, _ = cut.expression
    top = a * cut.ideal[0] + b * cut.ideal[1]
    fig = figure(COLUMN, 5.6)
    for axes, wide in zip(fig.subplots(1, 2), (False, True), strict=True):
        _sets(axes, cut)
        u = np.array([cut.ideal[0] - 3.0, cut.ideal[0] + 3.0])
        axes.plot(u, (top - a * u) / b, color=BLACK, linewidth=0.8, zorder=4)
        axes.plot(*cut.ideal, "o", color=VERMILLION, markersize=4, zorder=6)
        axes.set_xlabel("another direction")
        if wide:
            axes.set_xlim(cut.ideal[0] - 0.12, cut.ideal[0] + 0.12)
            axes.set_ylim(cut.ideal[1] - 0.17, cut.ideal[1] + 0.17)
            axes.set_title("(b) the point alone", loc="left", pad=3)
        else:
            axes.set_xlim(-3.4, 4.8)
            axes.set_ylim(0.0, 4.2)
            axes.set_title("(a) the three sets", loc="left", pad=3)
            axes.set_ylabel("CHSH value $S$")
            axes.annotate("the expression\nis largest here", (1.2, 3.0), fontsize=6.5)
            for text, place, colour in (
                ("local", (-0.5, 1.0), BLACK),
                ("quantum", (-3.2, 2.2), BLUE),
                ("no-\nsignaling", (-3.2, 3.0), GREY),
            ):
                axes.annotate(text, place, color=colour, fontsize=6.5)
    return fig


def _sets(axes: Axes, cut: Slice) -> None:
    """The three sets of a slice, filled."""
    for corners, colour, filled in (
        (cut.no_signaling, GREY, "#f2f2f2"),
        (cut.quantum, BLUE, "#d6e6f2"),
        (cut.local, ORANGE, "#fbeccb"),
    ):
        axes.fill(*corners.T, facecolor=filled, edgecolor=colour, linewidth=0.9)


#: Each picture is docs/proof_NAME.png.
PROOFS = {
    "certificates": certificates,
    "gauss_radau": gauss_radau_rules,
    "no_signaling": no_signaling,
    "qubits": qubits,
    "renyi": renyi_orders,
    "self_test": self_test,
}
