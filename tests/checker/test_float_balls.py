"""Balls of floats contain the exact results, by arithmetic of 300 bits; proofs in them are no better than in balls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import numpy as np
import pytest

import sdpbound as sb
from sdpbound.checker import float_balls, qubit_search
from sdpbound.checker.float_balls import FloatBalls, floats_are_ieee
from sdpbound.checker.qubit_cells import Arcs, arc_vector, tables_at
from sdpbound.checker.qubit_correlators import CorrelatorDual
from tests.golden_certificates import golden

COUNT = 400


def sizes(rng: np.random.Generator, least: float, most: float) -> np.ndarray:
    return np.asarray(np.exp(rng.uniform(least, most, COUNT)))


def inside(balls: FloatBalls, exact: Callable[..., flint.arb], *given: np.ndarray) -> float:
    """Whether the balls contain the exact values; the largest part of a radius that is made use of."""
    used = 0.0
    with flint.ctx.workprec(300):
        for n, (mid, rad) in enumerate(zip(balls.mid.tolist(), balls.rad.tolist(), strict=True)):
            off = abs(exact(*(flint.arb(float(values[n])) for values in given)) - flint.arb(mid))
            assert off <= flint.arb(rad), (n, [float(values[n]) for values in given], mid, rad)
            used = max(used, float((off / flint.arb(rad)).mid()))
    return used


@pytest.mark.parametrize(
    "operation",
    [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y],
    ids=["+", "-", "*", "/"],
)
def test_operations_of_exact_numbers(operation: Callable[[Any, Any], Any]) -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.choice([-1.0, 1.0], COUNT) * sizes(rng, -20.0, 20.0) for _ in range(2))
    used = inside(operation(FloatBalls.exact(a), FloatBalls.exact(b)), operation, a, b)
    assert used > 0.25  # radii are no larger than they need be


@pytest.mark.parametrize(
    "operation",
    [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / y],
    ids=["+", "-", "*", "/"],
)
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_operations_of_the_ends_of_balls(operation: Callable[[Any, Any], Any], end: float) -> None:
    """The ends of radii as large as a tenth, in all four pairs of directions."""
    rng = np.random.default_rng(2)
    a, b = (rng.choice([-1.0, 1.0], COUNT) * sizes(rng, -3.0, 3.0) for _ in range(2))
    r, s = (np.abs(v) * rng.uniform(0.0, 0.1, COUNT) for v in (a, b))
    for other in (-1.0, 1.0):
        # the ends are sums of floats that are exact in 300 bits
        found = operation(FloatBalls(a, r), FloatBalls(b, s))
        inside(found, lambda w, x, y, z, o=other: operation(w + end * x, y + o * z), a, r, b, s)


@pytest.mark.parametrize("name", ["root", "log", "exp"])
@pytest.mark.parametrize("wide", [0.0, 1e-12, 0.01])
def test_functions(name: str, wide: float) -> None:
    rng = np.random.default_rng(3)
    if name == "exp":
        a = np.concatenate([rng.uniform(-699.0, 699.0, COUNT), rng.uniform(-1.0, 1.0, COUNT)])
        a[:4] = [0.34657359027997264, -0.3465735902799727, 0.0, -0.0]
        rad = wide * np.ones_like(a)
    else:
        a = np.concatenate([sizes(rng, -600.0, 600.0), 1.0 + rng.normal(size=COUNT) * sizes(rng, -36.0, -2.0)])
        a[:6] = [1.0, 1.0 + 2.0**-52, 1.0 - 2.0**-53, 0.7071067811865475, 0.7071067811865476, 2.0]
        rad = wide * a
    exact = {"root": flint.arb.sqrt, "log": flint.arb.log, "exp": flint.arb.exp}[name]
    for end in (-1.0, 1.0):
        inside(getattr(FloatBalls(a, rad), name)(), lambda x, r, e=end: exact(x + e * r), a, rad)


def test_functions_say_where_they_know_nothing() -> None:
    outside = FloatBalls(np.array([-1.0, 0.0, 1.0, np.inf, np.nan]), np.array([0.0, 0.0, 1.0, 0.0, 0.0]))
    with np.errstate(all="ignore"):
        assert np.isnan(outside.log().upper()).all()
        assert np.isnan((FloatBalls.exact(np.ones(5)) / outside).upper())[1:3].all()
        far = FloatBalls.exact(np.array([701.0, -701.0, np.inf, np.nan])).exp()
        assert np.isnan(far.upper()).all()
        assert np.isnan(FloatBalls(np.array([1.0]), np.array([0.6])).exp().upper()).all()


def test_upper_ends_are_above() -> None:
    rng = np.random.default_rng(4)
    a, r = rng.normal(size=COUNT), sizes(rng, -40.0, 2.0)
    with flint.ctx.workprec(300):
        for mid, rad, top in zip(a.tolist(), r.tolist(), FloatBalls(a, r).upper().tolist(), strict=True):
            assert flint.arb(top) > flint.arb(mid) + flint.arb(rad)
        roots = FloatBalls(a, r).root_above()
        for mid, rad, near, off in zip(a.tolist(), r.tolist(), roots.mid.tolist(), roots.rad.tolist(), strict=True):
            assert flint.arb(near) + flint.arb(off) >= (flint.arb(mid) + flint.arb(rad)).nonnegative_part().sqrt()


def test_balls_are_taken_over() -> None:
    with flint.ctx.workprec(300):
        given = [flint.arb(2).log(), flint.arb(1, 0.25), flint.arb(0), flint.arb("1e-320"), flint.arb("nan")]
        found = FloatBalls.of(given)
        for ball, mid, rad in zip(given[:-1], found.mid.tolist(), found.rad.tolist(), strict=False):
            assert abs(ball - flint.arb(mid)).upper() <= flint.arb(rad)
    assert np.isnan(found.rad[-1]) and floats_are_ieee()


@pytest.mark.parametrize("key", ["one", "both"])
@pytest.mark.parametrize("size", [0.1, 3.0, 40.0])
def test_bounds_of_correlators_are_not_below_those_in_balls(key: str, size: float) -> None:
    """At corners of all levels, turned ones among them; and hardly above."""
    rng = np.random.default_rng(5)
    expression = np.zeros((3, 3))
    expression[1:, 1:] = size * rng.normal(size=(2, 2))
    arcs, dual = Arcs(), CorrelatorDual(key)
    codes, levels = rng.integers(1, 8, size=(60, 2)), rng.integers(2, 9, size=(60, 2))
    turned = (codes[:, 1] % 2 == 1) & (rng.random(60) < 0.5)
    vectors = arcs.vectors_of(arcs.numbered(codes, levels))
    floats = tables_at(expression, vectors.mid, turned)
    tables = np.zeros((60, 3, 3))
    for j, column in enumerate(floats):
        for i, part in enumerate(column):
            tables[:, i, j] = part[:, 0]
    hints = dual.floats.cold(tables)
    for _ in range(6):
        hints = hints + dual.floats.step(tables, hints, 0.0)[2]
    found = dual.bounds(tables_at(FloatBalls.exact(expression), vectors, turned), hints)
    with flint.ctx.workprec(128):
        balls = [[flint.arb(v) for v in row] for row in expression.tolist()]
        for n in range(60):
            (c, s), (d, t) = (arc_vector(*map(int, at)) for at in zip(codes[n], levels[n], strict=True))
            columns = [[one, b + d * a, t * a] if turned[n] else [one, a + d * b, t * b] for one, a, b in balls]
            one, first, second = columns
            table = [one, [v + c * w for v, w in zip(first, second, strict=True)], [s * w for w in second]]
            exact = dual.bound(table, hints[n].tolist())
            assert flint.arb(float(found[n])) >= exact
            assert float(found[n]) <= float(exact.mid()) + 1e-9 * (1.0 + size)


def test_what_floats_do_not_prove_balls_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a processor that keeps small numbers, and where no ball of floats is narrow enough."""
    root = golden("entropy_qubit_correlators")
    value = sb.verify(root).value
    asked = []
    bound = CorrelatorDual.bound
    monkeypatch.setattr(CorrelatorDual, "bound", lambda *given: asked.append(given) or bound(*given))
    assert sb.verify(root).value == value and not asked
    monkeypatch.setattr(float_balls, "UNIT", 1e-3)
    assert sb.verify(root).value == value and asked
    monkeypatch.undo()
    monkeypatch.setattr(CorrelatorDual, "bounds", None)  # not called
    monkeypatch.setattr(qubit_search, "floats_are_ieee", lambda: False)
    assert sb.verify(root).value == value


def test_a_functional_that_is_too_high_is_refused_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for quick in (True, False):
        monkeypatch.setattr(qubit_search, "floats_are_ieee", lambda quick=quick: quick)
        root = golden("entropy_qubit_correlators")
        root["claim"]["functional"]["constant"] += 2e-3
        root["claim"]["value"] += 2e-3
        with pytest.raises(sb.CertificateError):
            sb.verify(root)
