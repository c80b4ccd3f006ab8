"""Families with named axes: members, their strategies against closed forms and the hierarchy, tables of data."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.bell.families import (
    FAMILIES,
    BehaviourTable,
    SeeSaw,
    TiltedChsh,
    TwoQubit,
    expression_named,
    looks_like_degrees,
    read_behaviours,
    require_radians,
)

#: A member of each family that has a closed form of its quantum maximum, and the level of the hierarchy that meets it.
ATTAINED = [
    ("singlet", {"theta": 0.8, "phi": 1.2, "omega": 2.5}, "1+AB"),
    ("chsh", {}, "1"),
    ("tilted_chsh", {"beta": 0.7}, "1+AB"),
    ("tilted_chsh", {"beta": 0.4, "alpha": 1.5}, "1+AB"),
    ("tilted_chsh", {"beta": 1.5, "alpha": 2.0}, "1+AB"),
    ("asymmetric_chsh", {"alpha": 0.3}, "1"),
    ("asymmetric_chsh", {"alpha": -1.7}, "1"),
    ("chained", {"settings": 3}, "1"),
    ("cglmp", {"d": 2}, "1+AB"),
    ("ghz", {}, "1+AB+AC+BC"),
    ("cglmp", {"d": 3}, "1+AB"),
]


@pytest.mark.parametrize(("name", "values", "level"), ATTAINED)
def test_strategies_are_optimal(name: str, values: dict[str, float], level: str) -> None:
    """The strategy has the closed form's value, and the hierarchy proves that nothing quantum has more."""
    member = sb.family_named(name).member(**values)
    assert member.expression is not None
    assert member.quantum_bound is not None
    assert member.strategy is not None
    assert member.strategy_value is not None
    # of the singlet family with Bob's outcomes flipped, where the value is negative
    assert abs(member.strategy_value) == pytest.approx(member.quantum_bound, abs=1e-9)
    assert member.expression.value(member.strategy.behaviour()) == pytest.approx(member.strategy_value, abs=1e-9)
    top = sb.maximize(member.expression, sb.Quantum(level))
    assert member.quantum_bound - 1e-9 <= top.value <= member.quantum_bound + 1e-5
    assert member.local_bound == pytest.approx(member.expression.local_bound, abs=1e-9)
    assert member.values == sb.family_named(name).member(**member.values).values
    assert member.title.startswith(name)


def test_larger_cglmp() -> None:
    """The published maxima for four and five outcomes (PRA 65, 052325; arXiv:1006.3032)."""
    for d, value in ((4, 2.972698), (5, 3.015710)):
        member = sb.family_named("cglmp").member(d=d)
        assert member.strategy_value == pytest.approx(value, abs=2e-6)
        assert member.quantum_bound is None


@given(st.floats(0.0, 3.0), st.floats(1.0, 3.0))
@settings(max_examples=50, deadline=None)
def test_tilted_chsh_everywhere(beta: float, alpha: float) -> None:
    """No state and no angles of qubits beat the closed form, which the strategy attains on both sides of its edge."""
    member = TiltedChsh().member(beta=beta, alpha=alpha)
    assert member.expression is not None
    assert member.strategy_value == pytest.approx(member.quantum_bound, abs=1e-9)
    assert member.quantum_bound is not None
    other = sb.random_strategy(member.expression.scenario, 2, rng=int(1e6 * beta))
    assert member.expression.value(other.behaviour()) <= member.quantum_bound + 1e-9


def test_the_singlet_is_a_member() -> None:
    member = sb.family_named("singlet").member(theta=0.8, phi=1.2, omega=2.5)
    assert isinstance(member, sb.SingletSelfTest)
    assert isinstance(member, sb.Member)
    assert member.values == {"theta": 0.8, "phi": 1.2, "omega": 2.5}
    assert "2309.09650" in member.source
    assert member.scenario == sb.Scenario.bipartite(2, 2)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_family_describes_itself(name: str) -> None:
    family = FAMILIES[name]
    assert family.name == name
    assert family.text
    assert family.source
    assert family.__doc__


def test_noise_on_members() -> None:
    """White noise and noises of states act as on the strategy itself."""
    member = sb.family_named("tilted_chsh").member(beta=0.5)
    assert member.strategy is not None
    noise = sb.Dephasing(0.1) + sb.DetectionInefficiency(0.9)
    found = member.behaviour(0.97, noise).p
    np.testing.assert_allclose(found, member.strategy.behaviour(sb.WhiteNoise(0.97) + noise).p, atol=1e-12)
    np.testing.assert_allclose(member.behaviour(0.9).p, member.strategy.behaviour(sb.WhiteNoise(0.9)).p, atol=1e-12)
    np.testing.assert_allclose(
        member.behaviour(noise=sb.DetectionInefficiency(0.9)).p,
        member.strategy.behaviour(sb.DetectionInefficiency(0.9)).p,
        atol=1e-12,
    )


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_two_qubits(a: int, b: int, seed: int) -> None:
    """Correlators of a maximally entangled state are scalar products of the directions, Y turned round."""
    family = TwoQubit(settings=(a, b), complex=True)
    rng = np.random.default_rng(seed)
    values = {axis.name: rng.uniform(0.0, math.pi) for axis in family.axes} | {"theta": math.pi / 4}

    def vector(place: str, sign: float) -> np.ndarray:
        polar, azimuth = values[place], values[f"{place}_azimuth"]
        return np.array(
            [math.sin(polar) * math.cos(azimuth), sign * math.sin(polar) * math.sin(azimuth), math.cos(polar)]
        )

    wanted = [[vector(f"a{x}", 1.0) @ vector(f"b{y}", -1.0) for y in range(b)] for x in range(a)]
    found = family.member(**values).behaviour()
    np.testing.assert_allclose(found.correlators, wanted, atol=1e-12)
    np.testing.assert_allclose(found.marginals_a, 0.0, atol=1e-12)


def test_two_qubits_contain_the_singlet_family() -> None:
    t = sb.SingletSelfTest(0.8, 1.2, 2.5)
    found = TwoQubit().member(theta=math.pi / 4, a0=0.0, a1=0.8, b0=math.pi / 2 - 1.2, b1=math.pi / 2 - 2.5)
    np.testing.assert_allclose(found.behaviour().p, t.behaviour().p, atol=1e-12)
    assert found.expression is None
    assert found.strategy_value is None
    assert found.local_bound is None
    assert TwoQubit(expression_name="chsh").member(theta=0, a0=0, a1=0, b0=0, b1=0).local_bound == 2.0


def test_see_saw() -> None:
    found = SeeSaw(of="chsh").member(restarts=3)
    assert found.strategy_value == pytest.approx(2.0 * math.sqrt(2.0), abs=1e-9)
    same = SeeSaw(coefficients=((1, 1), (1, -1))).member(restarts=3, seed=1)
    assert same.strategy_value == pytest.approx(2.0 * math.sqrt(2.0), abs=1e-9)
    assert SeeSaw("mermin").member(restarts=3).strategy_value == pytest.approx(4.0, abs=1e-9)  # three parties
    assert SeeSaw("svetlichny(4)").member(restarts=4).strategy_value == pytest.approx(2**3.5, abs=1e-8)
    again = SeeSaw(of="i3322").member(restarts=2, seed=5)
    assert again.behaviour() == SeeSaw(of="i3322").member(restarts=2, seed=5).behaviour()


# -- tables ---------------------------------------------------------------------------------------------------------


def _wide(path: Path, behaviours: dict[str, sb.Behaviour]) -> None:
    places = list(np.ndindex(2, 2, 2, 2))
    lines = ["name," + ",".join("p({}{}|{}{})".format(*place) for place in places)]
    lines += [f"{name}," + ",".join(repr(float(b.p[place])) for place in places) for name, b in behaviours.items()]
    path.write_text("\n".join(lines), encoding="utf-8")


def _long(path: Path, behaviours: dict[str, sb.Behaviour]) -> None:
    lines = ["a,b,x,y,p,name"]
    for name, b in behaviours.items():
        lines += [f"{','.join(map(str, at))},{float(p)!r},{name}" for at, p in np.ndenumerate(b.p)]
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize("write", [_wide, _long])
def test_tables_of_behaviours(tmp_path: Path, write: object) -> None:
    wanted = {f"v{v}": sb.SingletSelfTest(0.8, 1.2, 2.5).behaviour(v) for v in (1.0, 0.95, 0.9)}
    file = tmp_path / "data.csv"
    write(file, wanted)  # type: ignore[operator]
    assert read_behaviours(file) == wanted
    table = BehaviourTable(str(file))
    assert table.point_names() == ("v1.0", "v0.95", "v0.9")
    member = table.member(row=1)
    assert member.behaviour() == wanted["v0.95"]
    alone = table.narrowed({"row": 1.0})
    assert alone.at({"row": 1.0}).behaviour() == wanted["v0.95"]
    assert alone.identity({"row": 1.0}) == table.identity({"row": 1.0}) != table.identity({"row": 2.0})
    with pytest.raises(sb.InvalidInput, match="bare behaviour"):
        member.behaviour(noise=sb.Dephasing(0.1))


def test_a_table_in_parquet(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    wanted = sb.family_named("cglmp").member(d=3).behaviour()
    rows = [(*at, float(p)) for at, p in np.ndenumerate(wanted.p)]
    pandas.DataFrame(rows, columns=["a", "b", "x", "y", "p"]).to_parquet(tmp_path / "data.parquet")
    assert BehaviourTable(str(tmp_path / "data.parquet")).member().behaviour() == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,x,y\n0,0,0,0\n", "has the column 'a'; give name"),
        ("a,b,x,y,p\n0,0,0,0,one\n", "line 2, column p: 'one' must be a finite number"),
        ("a,b,x,y,p\n0,0,0,0,nan\n", "line 2, column p: 'nan'"),
        ("a,b,x,y,p\n0,0,-1,0,1\n", "line 2, column x: '-1' must be an integer from 0"),
        ("a,b,x,y,p\n0,0,0,0,1\n0,0,0,0,1\n", "line 3: p(00|00) is there twice"),
        ("a,b,x,y,p,q\n0,0,0,0,1,1\n", "has the column 'q'"),
        ("a,b,x,y,p\n0,0,0,0\n", "line 2: it has 4 entries"),
        ("a,b,x,y,p\n0,0,1,0,1\n", "no probability has x = 0"),
        ("a,b,x,y,p\n0,0,0,0,0.5\n", "behaviour '0': the probabilities of settings (0, 0) add up to 0.5"),
        ("name,p(00|00)\none,1\none,1\n", "line 3, column name: 'one' is there twice"),
        ("p(00|00),p(00|00)\n1,1\n", "twice"),
        ("a,b,x,y,p\n", "has no rows"),
        ("", "has no rows"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "data.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(sb.InvalidInput) as caught:
        BehaviourTable(str(file))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    for name in ("data.csv", "data.parquet", "data.txt"):
        with pytest.raises(sb.InvalidInput, match=name):
            read_behaviours(tmp_path / name)
    (tmp_path / "data.parquet").write_bytes(b"nothing")
    with pytest.raises(sb.InvalidInput, match="Parquet"):
        read_behaviours(tmp_path / "data.parquet")


# -- what cannot be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sb.family_named("tilted_chs"), "did you mean 'tilted_chsh'?"),
        (lambda: sb.family_named("tilted_chsh").member(bta=1), "has no axis 'bta', its axes are beta, alpha; did you"),
        (lambda: sb.family_named("chsh").member(beta=1), "has no axis 'beta', it has none."),
        (lambda: sb.family_named("tilted_chsh").member(), "needs a value of beta, weight of <A0>: a number from 0 to"),
        (lambda: sb.family_named("tilted_chsh").member(beta=-1), "beta = -1 must be a number from 0 to"),
        (lambda: sb.family_named("tilted_chsh").member(beta=math.nan), "beta = nan must be a finite number"),
        (lambda: sb.family_named("chained").member(settings=2.5), "settings = 2.5 must be an integer from 2 to 64"),
        (lambda: sb.family_named("chained").member(settings="3"), "settings = '3' must be a finite real number"),
        (lambda: sb.family_named("two_qubit", setings=(2, 2)), "has no argument 'setings'"),
        (lambda: sb.family_named("two_qubit", settings=2), "settings = 2 must be two numbers"),
        (lambda: sb.family_named("two_qubit", settings=(2, 0)), "settings = 0 must be an integer from 1 to 32"),
        (lambda: sb.family_named("two_qubit", complex=1), "complex = 1 must be true or false"),
        (lambda: TwoQubit(settings=(3, 3), expression_name="chsh"), "choose an expression that fits"),
        (lambda: sb.family_named("see_saw"), "needs one expression"),
        (lambda: SeeSaw(of="chsh", coefficients=((1,),)), "needs one expression"),
        (lambda: SeeSaw(of="mermins"), "did you mean 'mermin'?"),
        (lambda: SeeSaw(of="chsh", marginals_a=(1.0, 0.0)), "leave them out"),
        (lambda: sb.family_named("table"), "needs file"),
        (lambda: expression_named("tilted"), "did you mean 'tilted_chsh'?"),
        (lambda: expression_named("tilted_chsh"), "has 0 numbers in brackets; tilted_chsh takes beta, alpha"),
        (lambda: expression_named("chained(x)"), "must have numbers in its brackets"),
        (lambda: require_radians(45.0, "theta"), "theta = 45 looks like degrees"),
        (lambda: sb.Axis("1x", "rad", 0, 1, ""), "identifier"),
        (lambda: sb.Axis("x", "deg", 0, 1, ""), "must be 'rad' or '1'"),  # type: ignore[arg-type]
        (lambda: sb.Axis("x", "1", 1, 0, ""), "low must not exceed high"),
        (lambda: sb.Axis("x", "1", 0, 1, "", default=2.0), "x = 2.0 must be a number from 0 to 1"),
    ],
)
def test_bad_input(make: object, message: str) -> None:
    with pytest.raises(sb.InvalidInput) as caught:
        make()  # type: ignore[operator]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_angles_that_may_be_degrees() -> None:
    assert [looks_like_degrees(v) for v in (45.0, -90.0, 22.5, 10.0, 6.0, 7.0, math.pi, 0.0)] == [True] * 4 + [
        False
    ] * 4
    assert require_radians(3.0, "theta") == 3.0


def test_axes_describe_their_range() -> None:
    axis = sb.family_named("chained").axes[0]
    assert axis.range == "an integer from 2 to 64"
    assert axis.label == "$N$"
    assert sb.family_named("singlet").axes[0].label == r"$\theta$ (rad)"
    assert sb.Axis("x", "1", -math.inf, 3.0, "").range == "a number of at most 3"
