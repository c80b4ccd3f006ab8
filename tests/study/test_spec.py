"""The study file: what it may say, what is derived from what, and one sentence for everything wrong."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdpbound.conic.solvers.choose import SOLVERS
from sdpbound.errors import InvalidStudy, NotSelfTesting
from sdpbound.study.file.expressions import Expression, dependency_order, evaluate, parse
from sdpbound.study.file.questions import QUANTITIES
from sdpbound.study.file.schema import schema_text, study_schema
from sdpbound.study.file.spec import Curve, StudySpec, parse_spec, read_spec, read_spec_and_text
from sdpbound.study.plan import Plan

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.toml"))
SCHEMA = ROOT / "docs" / "study.schema.json"
EXAMPLES = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "studies.md").read_text(encoding="utf-8"), re.S)


def content(**changes: Any) -> dict[str, Any]:
    """A valid file's content with changes."""
    return {"name": "x", "family": {"kind": "singlet", "at_chsh": [2.3], "phi": 1.5}} | changes


def family(**changes: Any) -> dict[str, Any]:
    return content(family={"kind": "singlet", "at_chsh": [2.3], "phi": 1.5} | changes)


def grid(**changes: Any) -> dict[str, Any]:
    return content(family={"kind": "singlet", "theta": 0.5, "phi": 1.3, "omega": "pi"} | changes)


def span(start: Any, stop: Any, count: Any = None, **keys: Any) -> dict[str, Any]:
    return {"start": start, "stop": stop} | ({} if count is None else {"count": count}) | keys


def theta(value: Any, **changes: Any) -> tuple[Any, ...]:
    """What a file's theta becomes."""
    spec = parse_spec(grid(theta=value) | changes)
    assert not isinstance(spec.family, Curve)
    return spec.family.theta


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(InvalidStudy) as caught:
        parse_spec(data, "file.toml")
    message = str(caught.value)
    assert message.startswith("file.toml: ") and "\n" not in message and len(message) < 500
    assert message.endswith((".", "?")) and "Error" not in message
    return message


# -- expressions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pi/2 - 0.02", math.pi / 2 - 0.02),
        ("-(1 + 2) * 3", -9.0),
        ("2**-1", 0.5),
        ("sqrt(2) / 2", math.sqrt(2) / 2),
        ("arccos(sin(0) + cos(pi/3))", math.acos(math.cos(math.pi / 3))),
        (" 1e-3 ", 1e-3),
        ("45*deg", math.pi / 4),
        ("30*deg", math.pi / 6),
        ("90*deg", math.pi / 2),
        ("exp(1) + log(2) + log2(8)", math.e + math.log(2) + 3.0),
        ("abs(-2) + min(3, 1, 2) - max(1, +4)", -1.0),
        ("arctan(tan(0.3)) + arcsin(0)", math.atan(math.tan(0.3))),
    ],
)
def test_expressions(text: str, value: float) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an arithmetic expression"),
        ("1 +", "not an arithmetic expression"),
        ("e", "'e' is not known"),
        ("pii", "did you mean 'pi'"),
        ("sqr(2)", "did you mean 'sqrt'"),
        ("pi.real", "more than arithmetic"),
        ("__import__('os').system('true')", "more than arithmetic"),
        ("__import__('os')", "not known"),
        ("sqrt", r"write sqrt\(\.\.\.\)"),
        ("sqrt(1, 2)", "takes one number"),
        ("sqrt()", "takes one number"),
        ("min(1)", "takes two numbers or more"),
        ("max()", "takes two numbers or more"),
        ("max(*1)", "takes two numbers or more"),
        ("max(1, *2)", "more than arithmetic"),
        ("sqrt(x=1)", "takes one number"),
        ("min(1, 2, key=3)", "takes two numbers"),
        ("sqrt(-1)", r"sqrt\(-1\) is not defined"),
        ("log(0)", r"log\(0\) is not defined"),
        ("arccos(2)", r"arccos\(2\) is not defined"),
        ("(-1)**0.5", "not a real number"),
        ("1/0", "divides by zero"),
        ("10**400", "too large"),
        ("exp(1000)", "too large"),
        ("1e400", "too large"),
        ("arctan(1e400)", "too large"),
        ("1e300*1e300", "not finite"),
        ("1j", "more than arithmetic"),
        ("True", "more than arithmetic"),
        ("'a'", "more than arithmetic"),
        ("[1]", "more than arithmetic"),
        ("1 if 1 else 2", "more than arithmetic"),
        ("1if 1else 2", "more than arithmetic"),
        ("1 < 2", "more than arithmetic"),
        ("lambda: 1", "more than arithmetic"),
        ("(a := 1)", "more than arithmetic"),
        ("2^3", r"write \*\*"),
        ("π/2", "write pi"),
        ("1 − 2", "write -"),
        ("1 ∞", "has the character"),
        ("9" * 300, "longer than"),
        ("(" * 150 + "1" + ")" * 150, "longer than"),
        ("-" * 199 + "x", "'x' is not known"),
        ("1\n+2; import os", "not an arithmetic expression"),
        ("1\x00", "not an arithmetic expression"),
    ],
)
def test_expressions_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        evaluate(text)


def test_expressions_of_names() -> None:
    law = parse("max(eps, theta) * cos(omega)**2 - eps", {"eps": 0.5, "unused": 3.0})
    assert law.names == {"theta", "omega"} and law.bound == (("eps", 0.5),)
    assert law({"theta": 1.0, "omega": 0.3, "phi": 9.0}) == math.cos(0.3) ** 2 - 0.5
    assert law({"theta": 0.1, "omega": 0.0}) == 0.0
    copy = pickle.loads(pickle.dumps(law))
    assert copy == law and copy({"theta": 1.0, "omega": 0.0}) == 0.5
    assert parse("theta + eps", {"eps": 1.0}) != parse("theta + eps", {"eps": 2.0})
    for text, reason in (("1/theta", "zero"), ("log(theta)", "not defined"), ("10**(theta + 400)", "too large")):
        with pytest.raises(ValueError, match=reason):
            parse(text)({"theta": 0.0})


_PYTHON = {name: getattr(math, name) for name in ("pi", "sqrt", "cos", "exp")} | {"abs": abs, "min": min, "max": max}
_leaves = st.sampled_from(["x", "y", "pi", "2", "0.3", "1e-3"])
_texts = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["cos", "abs", "-"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    ),
    max_leaves=8,
)


@given(_texts.filter(lambda t: len(t) <= 200), st.floats(-3, 3), st.floats(-3, 3))
def test_expressions_mean_what_they_do_in_python(text: str, x: float, y: float) -> None:
    expected = eval(text, {"__builtins__": {}}, _PYTHON | {"x": x, "y": y})
    assert parse(text)({"x": x, "y": y}) == expected
    assert parse(text, {"y": y})({"x": x}) == expected
    assert evaluate(text, {"x": x, "y": y}) == expected


def test_dependency_order() -> None:
    order = dependency_order({"a": [parse("b + c")], "b": [1.0, parse("c")], "c": [2.0]})
    assert order == ["c", "b", "a"]
    with pytest.raises(ValueError, match="a -> b -> a"):
        dependency_order({"a": [parse("b")], "b": [parse("a")]})


# -- numbers and ranges -------------------------------------------------------------------------------------------


def test_ranges() -> None:
    study = parse_spec(family(at_chsh=span("2 + 0.1", 2.5, 5)))
    assert isinstance(study.family, Curve)
    assert study.family.at_chsh == (2.1, 2.2, 2.3, 2.4, 2.5)
    assert theta(span(-0.3, 0.3, 7)) == (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    assert theta(span(0, 1, step=0.1)) == tuple(k / 10 for k in range(11))
    assert theta(span(1, 0.05, step=-0.1)) == tuple(k / 10 for k in range(10, 0, -1))
    assert theta(span(0, 0.25, step=0.1)) == (0.0, 0.1, 0.2)
    assert theta(span(1e-3, 1, 4, spacing="geometric")) == (0.001, 0.01, 0.1, 1.0)
    assert theta(span(-1, -8, 4, spacing="geometric")) == (-1.0, -2.0, -4.0, -8.0)
    assert theta(span(1, 2, 2, spacing="linear")) == (1.0, 2.0)
    assert theta(span(1, 1, 1)) == theta(1) == theta([1]) == (1.0,)


def test_ranges_of_irrational_ends_hit_their_fractions() -> None:
    """A last digit more and an angle is beyond pi/2, on the other side of where the family changes."""
    whole = theta(span(0, "2*pi", 121))
    assert (whole[30], whole[60], whole[90], whole[120]) == (math.pi / 2, math.pi, 3 * math.pi / 2, 2 * math.pi)
    assert theta(span("-pi/2", "pi/2", 121))[60] == 0.0
    assert theta(span(0, "pi/2", step="pi/8"))[-1] == math.pi / 2
    assert max(parse_spec(family(phi=span("pi/3", "pi/2", 7))).family.points(), key=lambda p: p["phi"])["phi"] == (
        math.pi / 2
    )


@given(st.floats(-10, 10), st.floats(-10, 10), st.integers(2, 200))
def test_ranges_are_numpy_s(start: float, stop: float, count: int) -> None:
    if abs(start - stop) < 1e-6 or any(abs(v) > 2 * math.pi and 2 * v == round(2 * v) for v in (start, stop)):
        return  # such numbers look like degrees, and are questioned
    found = theta(span(start, stop, count))
    assert found[0] == start and found[-1] == stop
    assert np.allclose(found, np.linspace(start, stop, count), rtol=0.0, atol=1e-14)


def test_constants() -> None:
    data = grid(theta=["delta", "2*delta"], phi=span("eps", 1, 2))
    data |= {"constants": {"delta": "2*eps", "eps": "pi/100"}, "solver": {"tolerance": "eps/1e6"}}
    data |= {"visibilities": ["1 - eps", "1 - eps*theta"]}
    spec = parse_spec(data)
    eps = math.pi / 100
    assert spec.constants == {"delta": 2 * eps, "eps": eps} and list(spec.constants) == ["delta", "eps"]
    assert spec.axes() == {"theta": (2 * eps, 4 * eps), "phi": (eps, 1.0), "omega": (math.pi,)}
    assert spec.solver.tolerance == eps / 1e6
    assert spec.visibilities_at({"theta": 2.0, "phi": 1.0, "omega": 1.0}) == (1 - eps, 1 - eps * 2.0)
    assert parse_spec(grid()).constants == {}  # nothing is left of the constants of another study


# -- points -------------------------------------------------------------------------------------------------------


def test_grid_is_a_product() -> None:
    spec = parse_spec(grid(theta=[0.5, 0.6], omega=["pi", 2.9]))
    plan = Plan(spec)
    points = [group[0].point for group in plan]
    expected = list(itertools.product((0.5, 0.6), (1.3,), (math.pi, 2.9)))
    assert [p.at for p in points] == expected
    assert {p.where for p in points} == {"grid"} and spec.family.count == plan.points == 4
    assert spec.axes() == {"theta": (0.5, 0.6), "phi": (1.3,), "omega": (math.pi, 2.9)}


def test_curve_is_a_product() -> None:
    spec = parse_spec(family(at_chsh=[2.3, 2.4], phi=[1.5, "85*deg"]))
    expected = [(phi, s) for phi in (1.5, evaluate("85*deg")) for s in (2.3, 2.4)]
    assert [(p["phi"], p["s"]) for p in spec.family.points()] == expected
    assert list(itertools.product(*spec.axes().values())) == expected and list(spec.axes()) == ["phi", "s"]
    points = [group[0].point for group in Plan(spec)]
    assert [p.values["phi"] for p in points] == [phi for phi, _ in expected]
    assert np.allclose([p.member.chsh for p in points], [s for _, s in expected], atol=1e-12)
    assert np.allclose([p.values["omega"] - p.values["theta"] for p in points], math.pi / 2)


def test_derived_axes_do_not_multiply() -> None:
    spec = parse_spec(grid(theta=span(0.1, 0.9, 9), phi="pi/2 - 0.1*theta", omega="theta + phi"))
    points = list(spec.family.points())
    assert len(points) == spec.family.count == 9
    assert list(spec.axes()) == ["theta"]
    for point, t in zip(points, spec.axes()["theta"], strict=True):
        assert point == {"theta": t, "phi": math.pi / 2 - 0.1 * t, "omega": t + (math.pi / 2 - 0.1 * t)}


def test_derived_lists_multiply_behind_the_free_axes() -> None:
    spec = parse_spec(grid(theta=["omega/2", 1.0], phi=[0.2, 0.3], omega=[2.5, 2.6]))
    expected = [(p, w, t) for p in (0.2, 0.3) for w in (2.5, 2.6) for t in (w / 2, 1.0)]
    assert [(p["phi"], p["omega"], p["theta"]) for p in spec.family.points()] == expected
    assert spec.family.count == 8 and list(spec.axes()) == ["phi", "omega"]


def test_derived_curves_and_visibilities() -> None:
    data = family(at_chsh=[2.3, 2.4], phi="pi/2 - (s - 2)/10") | {"constants": {"eps": 0.01}, "entropy": "min"}
    spec = parse_spec(data | {"visibilities": [1, "1 - eps*(s - 2)", "max(0.9, 1 - eps*omega)"]})
    groups = list(Plan(spec))
    assert len(groups) == 2
    for group, s in zip(groups, (2.3, 2.4), strict=True):
        point = group[0].point
        assert point.values["phi"] == math.pi / 2 - (s - 2) / 10 and math.isclose(point.member.chsh, s, abs_tol=1e-12)
        assert [task.visibility for task in group] == [1.0, 1 - 0.01 * (s - 2), 1 - 0.01 * point.values["omega"]]
    spec = parse_spec(family(at_chsh="2.2 + phi/10", phi=[1.4, 1.5]))
    assert [p["s"] for p in spec.family.points()] == [2.2 + 0.14, 2.2 + 1.5 / 10]


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (grid(omega="theta*40"), ["family.omega = 'theta*40'", "theta = 0.5, phi = 1.3", "is 20", "[-4 pi, 4 pi]"]),
        (grid(theta=[0.7, 0.5], omega="sqrt(theta - 0.6)"), ["theta = 0.5", "sqrt(-0.1) is not defined"]),
        (family(phi="s"), ["family.phi = 's'", "s = 2.3", "[pi/6, pi/2]"]),
        (family(at_chsh="phi*2"), ["family.at_chsh = 'phi*2'", "phi = 1.5", "is 3", "(2, 2 sqrt(2)]"]),
        (grid() | {"visibilities": "1 + theta"}, ["visibilities = '1 + theta'", "omega = 3.14159", "is 1.5", "[0, 1]"]),
    ],
)  # fmt: skip
def test_derived_values_are_checked_at_each_point(data: dict[str, Any], parts: list[str]) -> None:
    spec = parse_spec(data)
    with pytest.raises(InvalidStudy) as caught:
        for point in spec.family.points():
            spec.visibilities_at(point)
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".")
    for part in parts:
        assert part in message, message


def test_out_of_reach_and_not_self_testing() -> None:
    with pytest.raises(InvalidStudy, match=r"family\.at_chsh.*s = 2\.7"):
        Plan(parse_spec(family(at_chsh=[2.7]))).check()
    angles = {"theta": 0.5, "phi": [1.3, 0.2], "omega": "pi", "require_self_test": True}
    with pytest.raises(NotSelfTesting, match=r"point 1, theta = 0\.5, phi = 0\.2"):
        Plan(parse_spec(grid(**angles))).check()
    limit = family(phi="pi/2", require_self_test=True)
    Plan(parse_spec(limit | {"observed": "correlators"})).check()  # all four correlators self-test there


def test_large_studies() -> None:
    axis = span(0, 1, 1000)
    spec = parse_spec(grid(theta=axis, phi=axis, omega=span(2, 3, 500)) | {"quantities": "guess_local"})
    assert spec.cells == spec.family.count == 500_000_000
    first = list(itertools.islice(spec.family.points(), 2))
    assert first[0] == {"theta": 0.0, "phi": 0.0, "omega": 2.0} and first[1]["omega"] > 2.0
    closed = {"quantities": ["chsh", "condition"], "visibilities": span(0, 1, 11), "observed": ["bell", "full"]}
    spec = parse_spec(grid(theta=axis, phi=axis, omega=span(2, 3, 500)) | closed)  # closed forms have no data
    assert spec.cells == 1_000_000_000


@pytest.mark.parametrize(
    "data",
    [
        content(quantities=["guess_local", "key_rate"], visibilities=[1, 0.9], observed=["bell", "full"]),
        content(
            quantities=["bell_maximum", "chsh", "key_rate"], adversaries=["quantum", "local"], visibilities=[1, 0.5]
        ),
        grid(theta=[1, 2], omega=["theta", "theta + 1"]),
    ],
)
def test_cells_are_counted(data: dict[str, Any]) -> None:
    spec = parse_spec(data)
    assert spec.cells == Plan(spec).cells == sum(len(task.quantities) for group in Plan(spec) for task in group)


# -- wrong files --------------------------------------------------------------------------------------------------

MANY = span(0, 1, 40_000)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        # keys
        (content(visibilites=[1]), ["'visibilites'", "'visibilities'"]),
        (family(at_csh=[2.1]), ["'at_csh'", "'at_chsh'", "family"]),
        (content(adversaries=[{"model": "quantum", "levl": "2"}]), ["'levl'", "'level'", "adversaries[0]"]),
        (family(theta=1), ["family", "both at_chsh and theta"]),
        (family(omega="pi"), ["family", "both at_chsh and omega"]),
        (content(family={"kind": "singlet", "theta": 1, "omega": 1}), ["'family.phi'", "missing"]),
        (content(family={"kind": "singlet", "phi": 1}), ["'family.theta'", "missing", "at_chsh"]),
        ({"name": "x"}, ["'family'", "missing"]),
        (content(**{"k" * 5000: 1}), ["unknown key 'kkk", "allowed here"]),
        # choices and names
        (content(adversaries=["quantm"]), ["adversaries[0].model", "'quantm'", "'quantum'"]),
        (content(observed=["correlator"]), ["observed[0]", "'correlator'", "'correlators'"]),
        (content(observed=[]), ["observed", "empty"]),
        (content(quantities=["keyrate"]), ["quantities[0].name", "'keyrate'", "'key_rate'"]),
        (content(quantities=[{"name": "key_rate", "x": 2}]), ["quantities[0].x = 2", "0 to 1"]),
        (content(quantities=[{"name": "guess_local", "y": 0}]), ["quantities[0]", "y = 0"]),
        (content(quantities=[{"name": "chsh", "x": 0}]), ["quantities[0]", "leave x and y out"]),
        (family(kind="singelt"), ["family.kind", "'singlet'"]),
        (family(best_of=0), ["family.best_of.contour = 0", "1 to"]),
        (family(best_of={"contour": 4, "phi": [3.0]}), ["family.best_of.phi", "[0, pi/2]"]),
        (family(require_self_test=1), ["family.require_self_test = 1", "true or false"]),
        (content(certificates="yes"), ["certificates = 'yes'", "true or false"]),
        (content(family="singlet"), ["family", "table"]),
        (content(solver=3), ["solver = 3", "table"]),
        (content(name="../x"), ["name = '../x'", "letters"]),
        (content(figure="../../x"), ["figure", "name of a figure"]),
        (content(title=3), ["title = 3", "text"]),
        (content(adversaries=[{"model": "quantum", "level": "1+Q"}]), ["adversaries[0].level", "1+Q"]),
        (content(adversaries=[{"model": "local", "level": "2"}]), ["adversaries[0]", "leave the key level out"]),
        (content(solver={"name": "clarabell"}), ["solver.name", "clarabel"]),
        # numbers
        (content(visibilities=[1.2]), ["visibilities", "1.2", "[0, 1]"]),
        (content(visibilities=[float("nan")]), ["visibilities", "nan", "finite"]),
        (content(visibilities=10**400), ["visibilities", "finite"]),
        (content(visibilities=int("f" * 5000, 16)), ["visibilities", "too many digits", "finite"]),
        (content(visibilities=[]), ["visibilities", "empty"]),
        (content(visibilities=[True]), ["visibilities", "number"]),
        (content(visibilities="alot"), ["visibilities = 'alot'", "not known"]),
        (family(at_chsh=[2.1, "two"]), ["family.at_chsh", "entry 1", "'two'"]),
        (family(at_chsh=2), ["family.at_chsh = 2 ", "(2, 2 sqrt(2)]"]),
        (family(phi=0.3), ["family.phi = 0.3", "[pi/6, pi/2]"]),
        (content(solver={"tolerance": 1}), ["solver.tolerance", "[1e-14, 1e-2]"]),
        (content(solver={"time_limit": 0}), ["solver.time_limit", "0.1"]),
        # units
        (family(phi="85deg"), ["family.phi = '85deg'", "radians", "write 85*deg"]),
        (grid(theta=[1, "45 deg"]), ["entry 1 = '45 deg'", "write 45*deg"]),
        (grid(theta="45°"), ["'45°'", "write 45*deg"]),
        (grid(theta=45), ["family.theta = 45 ", "[-4 pi, 4 pi]", "looks like degrees", "write 45*deg"]),
        (grid(theta=-1e9), ["family.theta", "[-4 pi, 4 pi]"]),
        (grid(theta=span(0, 90, 10)), ["family.theta", "stop = 90", "write 90*deg"]),
        (grid(theta="1.2 rad"), ["'rad'", "radians"]),
        (grid(theta="2 pi"), ["write 2*pi"]),
        (content(visibilities=[1, 99]), ["entry 1 = 99", "looks like per cent", "write 0.99"]),
        (content(visibilities="99%"), ["per cent", "write 0.99"]),
        (content(solver={"time_limit": "60 s"}), ["solver.time_limit", "'s'", "seconds"]),
        # ranges
        (family(at_chsh=span(2.1, 2.5)), ["family.at_chsh", "'count'"]),
        (family(at_chsh=span(2.1, 2.5, cuont=3)), ["family.at_chsh", "'cuont'", "'count'"]),
        (family(at_chsh={"linspace": [2.1, 2.5, 3]}), ["'linspace'", "start, stop and count"]),
        (family(at_chsh={"from": 2.1, "to": 2.5}), ["'from'", "start, stop and count"]),
        (family(at_chsh=span(2.1, 2.5, steps=3)), ["'steps'", "start, stop and count"]),
        (family(at_chsh=span(2.1, 2.5, 0)), ["family.at_chsh", "count = 0"]),
        (family(at_chsh=span(2.1, 2.5, 10**9)), ["family.at_chsh", "count = 1000000000", "1000000"]),
        (family(at_chsh=span(2.1, 2.5, 2.0)), ["family.at_chsh", "count = 2.0", "integer"]),
        (family(at_chsh=span("inf", 2.5, 2)), ["family.at_chsh", "start = 'inf'"]),
        (family(at_chsh=span(2.1, 2.5, 3, step=0.1)), ["both count and step"]),
        (family(at_chsh=span(2.1, 2.5, step=0.1, spacing="linear")), ["both step and spacing"]),
        (family(at_chsh=span(2.1, 2.5, step=1e-12)), ["4e+11 numbers", "larger step"]),
        (family(at_chsh=span(2.1, 2.5, step=-0.1)), ["step = -0.1", "does not lead"]),
        (family(at_chsh=span(2.1, 2.5, step=0)), ["step = 0", "does not lead"]),
        (family(at_chsh=span(2.1, 2.5, 3, spacing="geometrical")), ["spacing", "'geometric'"]),
        (grid(theta=span(-1, 1, 3, spacing="geometric")), ["start = -1", "one sign"]),
        (grid(theta=span(0, 1, 3, spacing="geometric")), ["start = 0", "one sign"]),
        (grid(theta=span(1, 1, 3)), ["start = 1", "stop = 1", "count = 3"]),
        (grid(theta=span(1, 2, 1)), ["start = 1", "stop = 2", "count = 1"]),
        (grid(theta=span("phi", 2, 3)), ["start = 'phi'", "angle of a point"]),
        # duplicates
        (grid(theta=["pi/2", 1, math.pi / 2]), ["family.theta", "positions 0 and 2", "1.57079632679"]),
        (grid(omega=["theta + pi", "theta+pi"]), ["family.omega", "positions 0 and 1", "'theta+pi'"]),
        (content(visibilities=[1, 1.0]), ["visibilities", "positions 0 and 1: 1"]),
        (content(observed=["bell", "full", "bell"]), ["observed", "positions 0 and 2", "'bell'"]),
        (content(adversaries=["quantum", {"model": "quantum", "level": 2}]), ["positions 0 and 1", "'quantum 2'"]),
        (content(quantities=["key_rate", {"name": "key_rate", "x": 0, "y": 0}]), ["'key_rate, x = 0, y = 0, "]),
        (family(best_of={"contour": 4, "models": ["local", "local"]}), ["family.best_of.models", "0 and 1"]),
        (family(best_of={"contour": 4, "phi": [1.5, "1.5"]}), ["family.best_of.phi", "0 and 1"]),
        # names in expressions
        (grid(omega="thta + 1"), ["family.omega", "'thta' is not known", "'theta'"]),
        (grid(omega="theta + esp") | {"constants": {"eps": 1}}, ["'esp' is not known", "eps"]),
        (grid(omega="omega + 1"), ["family", "omega", "mentions itself"]),
        (grid(theta="omega - 1", omega="theta + 1"), ["family", "theta -> omega -> theta", "cycle"]),
        (grid(theta="phi", phi="omega", omega="theta"), ["family", "theta -> phi -> omega -> theta", "cycle"]),
        (family(at_chsh="2 + phi/10", phi="s/2"), ["family", "phi -> s -> phi", "cycle"]),
        (family(phi="at_chsh/2"), ["family.phi", "called 's'"]),
        (family(phi="theta/2"), ["family.phi", "'theta'", "not known here"]),
        (grid() | {"visibilities": "1 - 0.01*(s - 2)"}, ["visibilities", "'s' is the CHSH value"]),
        (content(solver={"tolerance": "theta"}), ["solver.tolerance", "'theta'"]),
        # constants
        (content(constants={"a": "2*b", "b": "a/2"}), ["constants", "a -> b -> a", "cycle"]),
        (content(constants={"a": "a"}), ["constants", "a", "mentions itself"]),
        (content(constants={"a": "theta"}), ["constants", "a = 'theta'", "not known here"]),
        (content(constants={"a": "1/b", "b": 0}), ["constants", "a = '1/b'", "divides by zero"]),
        (content(constants={"a": [1]}), ["constants", "a = [1]", "number"]),
        (content(constants={"pi": 3}), ["constants", "'pi'", "another name"]),
        (content(constants={"sqrt": 3}), ["constants", "'sqrt'", "another name"]),
        (content(constants={"omega": 3}), ["constants", "'omega'", "another name"]),
        (content(constants={"lambda": 3}), ["constants", "'lambda'", "another name"]),
        (content(constants={"a b": 3}), ["constants", "'a b'", "letters"]),
        (content(constants=3), ["constants = 3", "table"]),
        # size
        (grid(theta=MANY, phi=MANY, omega=1.0), ["3200000000 numbers", "coarser"]),
    ],
)  # fmt: skip
def test_wrong_entries_are_named(data: dict[str, Any], parts: list[str]) -> None:
    message = refusal(data)
    for part in parts:
        assert part in message, message


def test_too_long_lists_are_refused() -> None:
    assert "has 1000001 numbers" in refusal(grid(theta=[0.0] * 1_000_001))


def test_unreadable_files(tmp_path: Path) -> None:
    good = tmp_path / "tiny.toml"
    good.write_text("[family]\nkind = 'singlet'\nat_chsh = 2.3\nphi = 1.5\n", encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"did you mean '.*tiny\.toml'"):
        read_spec(tmp_path / "tiyn.toml")
    with pytest.raises(InvalidStudy, match="cannot be read"):
        read_spec(tmp_path)
    with pytest.raises(InvalidStudy, match="cannot be read"):
        read_spec("a\x00b.toml")
    broken = tmp_path / "broken.toml"
    for text, reason in (
        ("name = 'a'\nx = = 1\n", r"not valid TOML.*line 2"),
        ("name = 'a'\nname = 'b'\n", r"not valid TOML.*line 2"),
        ("[family]\n[family]\n", r"not valid TOML.*line 2"),
        ("x = " + "9" * 5000, "not valid TOML"),
        ("x = " + "[" * 5000, "not valid TOML"),
    ):
        broken.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidStudy, match=reason) as caught:
            read_spec(broken)
        assert "\n" not in str(caught.value)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidStudy, match="UTF-8"):
        read_spec(broken)


def test_the_text_comes_with_the_study(tmp_path: Path) -> None:
    path = tmp_path / "my study.toml"
    text = "# why\n[family]\nkind = 'singlet'\nat_chsh = 2.3\nphi = 1.5\n"
    path.write_text(text, encoding="utf-8-sig")
    spec, found = read_spec_and_text(path)
    assert found == text and spec == read_spec(path) and spec.name == "my_study"


# -- what a spec is written as ------------------------------------------------------------------------------------

ALL = {
    "constants": {"eps": 0.02, "delta": "2*eps"},
    "visibilities": [1, "1 - eps*(s - 2)", "1 - delta"],
    "adversaries": ["local", {"model": "quantum", "level": ["A0", "B0"]}],
    "quantities": ["chsh", "bell_maximum", {"name": "key_rate", "x": 1}],
    "solver": {"name": "clarabel", "tolerance": "eps/1e6"},
    "certificates": True,
}


@pytest.mark.parametrize(
    "data",
    [
        family(at_chsh=span(2.1, 2.2, 3), phi=[1.5, "pi/2 - eps*s"], best_of=3) | ALL,
        grid(omega=["theta + delta", "theta + pi/2"], phi=span(0, "pi", 4)) | {"constants": ALL["constants"]},
        content(),
    ],
)
def test_specs_survive_json(data: dict[str, Any]) -> None:
    spec = parse_spec(data)
    dump = spec.model_dump(mode="json")
    again = parse_spec(json.loads(json.dumps(dump, allow_nan=False)))
    assert again == spec and again.model_dump(mode="json") == dump
    assert list(again.family.points()) == list(spec.family.points())
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec and list(copy.family.points()) == list(spec.family.points())


def test_expressions_are_written_as_their_text() -> None:
    spec = parse_spec(grid(omega=["theta + eps", "pi"]) | {"constants": {"eps": 0.02}})
    assert spec.model_dump(mode="json")["family"]["omega"] == ["theta + eps", math.pi]
    assert not isinstance(spec.family, Curve)
    assert isinstance(spec.family.omega[0], Expression)
    other = parse_spec(grid(omega=["theta + eps", "pi"]) | {"constants": {"eps": 0.03}})
    assert other.family != spec.family


# -- the shipped studies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_shipped_studies_are_valid(path: Path) -> None:
    spec = read_spec(path)
    assert spec.name == path.stem and next(iter(Plan(spec)))


def test_near_local_boundary_covers_what_it_must() -> None:
    study = read_spec(ROOT / "studies" / "near_local_boundary.toml")
    assert isinstance(study.family, Curve)
    s = np.array(study.axes()["s"])
    assert s.size >= 60 and s.min() < 2.01 and s.max() == 2.5
    assert study.family.phi == (math.pi / 2 - 0.02,)
    visibilities = study.visibilities_at({})
    assert len(visibilities) == 5 and max(visibilities) == 1.0 and min(visibilities) == 0.97
    assert {"bell", "correlators"} == set(study.observed)
    assert {"quantum", "no-signaling"} == {a.model for a in study.adversaries}


# -- the JSON schema ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft7Validator.check_schema(study_schema())
    return jsonschema.Draft7Validator(study_schema())


def test_the_schema_is_up_to_date() -> None:
    told = "the study file has changed: write its schema again, `sdpbound schema > docs/study.schema.json`"
    assert SCHEMA.read_bytes() == schema_text().encode() + b"\n", told


def test_the_schema_describes_every_key() -> None:
    schema = study_schema()
    tables = [schema, *schema["definitions"].values()]
    assert {"Curve", "Grid", "AdversarySettings", "Quantity", "SolverSettings"} <= set(schema["definitions"])
    for table in tables:
        # the keys of other families are those of their axes
        open_ = table in (schema["definitions"]["Members"], schema["definitions"]["KindEntry"])
        assert table["additionalProperties"] is open_ and table["description"]
        assert all(entry.get("description") for entry in table["properties"].values())
    assert set(schema["properties"]) == set(StudySpec.model_fields) and schema["required"] == ["family"]
    assert set(schema["definitions"]["Quantity"]["properties"]["name"]["enum"]) == set(QUANTITIES)
    solvers = schema["definitions"]["SolverSettings"]["properties"]["name"]["anyOf"][0]["enum"]
    assert {*solvers, "cvxpy"} == set(SOLVERS)
    assert "$defs" not in json.dumps(schema) and '"null"' not in json.dumps(schema)


@pytest.mark.parametrize("text", [*(p.read_text(encoding="utf-8") for p in STUDIES), *EXAMPLES])
def test_studies_match_the_schema(validator: Any, text: str) -> None:
    validator.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "data",
    [
        family(best_of=3) | ALL,
        grid(theta=span(0, 1, step="pi/10"), omega=["theta + pi/2", 3], phi=span(0.1, 1, 3, spacing="geometric")),
        content(observed="bell", quantities="chsh", adversaries="local", solver={"name": "cvxpy:MOSEK"}),
    ],
)
def test_right_files_match_the_schema(validator: Any, data: dict[str, Any]) -> None:
    validator.validate(data)


@pytest.mark.parametrize(
    "data",
    [
        {"name": "x"},
        content(visibilites=[1]),
        content(visibilities=1.2),
        content(visibilities=[]),
        content(visibilities="99%"),
        content(visibilities=[1, 1]),
        content(observed="correlator"),
        content(observed=["bell", "bell"]),
        content(adversaries=[{"level": "2"}]),
        content(adversaries={"model": "quantum", "level": "1+Q"}),
        content(quantities="keyrate"),
        content(quantities={"name": "key_rate", "x": 64}),
        content(certificates="yes"),
        content(constants={"a": [1]}),
        content(name="../x"),
        content(solver={"name": "clarabell"}),
        content(solver={"tolerance": 1}),
        family(theta=1),
        family(at_chsh=2),
        family(at_chsh=span(2.1, 2.2)),
        family(at_chsh=span(2.1, 2.2, 3, step=0.1)),
        family(at_chsh={"linspace": [2.1, 2.2, 3]}),
        family(kind="singelt"),
        family(best_of=0),
        grid(theta=45),
        grid(best_of=3),
        grid(theta="45°"),
    ],
)
def test_wrong_files_do_not_match_the_schema(validator: Any, data: dict[str, Any]) -> None:
    refusal(data)
    assert not validator.is_valid(data)
