"""The singlet family against the paper (arXiv:2309.09650), brute force and independent reference values."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar

from sdpbound.bell import families
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidSettings, InvalidShape

REFERENCE: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[1] / "reference" / "values.json").read_text())
PI = math.pi
ANGLES = st.floats(-7.0, 7.0, allow_nan=False)


def keys(prefix: str) -> list[str]:
    found = sorted(k for k in REFERENCE if k.startswith(prefix))
    assert found, prefix
    return found


def member(key: str) -> SingletSelfTest:
    p = REFERENCE[key]["params"]
    return SingletSelfTest(p["theta"], p["phi"], p["omega"])


def check(key: str, value: float) -> None:
    assert_allclose(value, REFERENCE[key]["value"], rtol=0, atol=REFERENCE[key]["tol"], err_msg=key)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.random.default_rng(1).uniform(-2 * PI, 2 * PI, (3, 1000))


# -- bounds of the family -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", keys("A1.pt"))
def test_reference_points(key: str) -> None:
    t = member(key)
    value = {
        "cond4": t.condition,
        "eta_L": t.local_bound,
        "eta_Q": t.strategy_value,
        "quantum_max": t.quantum_bound,
    }[key.rsplit(".", 1)[1]]
    check(key, value)
    assert t.is_self_test == (REFERENCE[key.rsplit(".", 1)[0] + ".cond4"]["value"] < 0)


def test_local_bound_is_the_best_deterministic_strategy(points: np.ndarray) -> None:
    c = families.singlet_coefficients(*points)
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=2)))
    values = np.einsum("nxy,ix,jy->nij", c, signs, signs)
    assert_allclose(families.singlet_local_bound(*points), values.max(axis=(1, 2)), atol=1e-14)
    assert_allclose(families.singlet_local_bound(*points), -values.min(axis=(1, 2)), atol=1e-14)
    for i in range(5):
        t = SingletSelfTest(*points[:, i])
        assert t.local_bound == pytest.approx(t.expression.local_bound, abs=1e-14)


def test_quantum_bound_is_the_tsirelson_maximum(points: np.ndarray) -> None:
    # Tsirelson: maximum over the angle between Bob's vectors of |c00 b0 + c01 b1| + |c10 b0 + c11 b1|
    def best(c: np.ndarray) -> float:
        def f(k: float) -> float:
            squares = (c**2).sum(axis=1) + 2 * k * c[:, 0] * c[:, 1]
            return -float(np.sqrt(np.maximum(squares, 0.0)).sum())

        inner = minimize_scalar(f, bounds=(-1.0, 1.0), method="bounded", options={"xatol": 1e-12})
        return -min(float(inner.fun), f(-1.0), f(1.0))

    count = 300
    c = families.singlet_coefficients(*points[:, :count])
    numerical = np.array([best(table) for table in c])
    bound = families.singlet_quantum_bound(*points[:, :count])
    assert_allclose(bound, numerical, atol=1e-12)
    self_test = families.singlet_condition(*points[:, :count]) < 0
    local = families.singlet_local_bound(*points[:, :count])
    assert 0 < self_test.sum() < count
    assert_allclose(bound[~self_test], local[~self_test], atol=1e-15)
    assert (bound[self_test] > local[self_test]).all()
    assert_allclose(bound, np.where(self_test, np.abs(families.singlet_strategy_value(*points[:, :count])), local))


def test_condition_is_equivalent_to_a_gap(points: np.ndarray) -> None:
    gap = np.abs(families.singlet_strategy_value(*points)) - families.singlet_local_bound(*points)
    clear = np.abs(families.singlet_condition(*points)) > 1e-6
    assert clear.sum() > 900
    assert ((gap > 0) == (families.singlet_condition(*points) < 0))[clear].all()


@given(ANGLES, ANGLES, ANGLES)
@settings(max_examples=60, deadline=None)
def test_strategy_of_equation_6(theta: float, phi: float, omega: float) -> None:
    t = SingletSelfTest(theta, phi, omega)
    assert isinstance(t.strategy, Strategy)
    b = t.strategy.behaviour()
    expected = np.sin(np.add.outer([0.0, theta], [phi, omega]))
    assert_allclose(t.correlators, expected, atol=1e-15)
    assert_allclose(b.correlators, expected, atol=1e-14)
    assert_allclose(b.marginals_a, 0.0, atol=1e-14)
    assert_allclose(b.p, t.behaviour().p, atol=1e-14)
    assert t.expression(b) == pytest.approx(t.strategy_value, abs=1e-14)
    assert b.chsh == pytest.approx(t.chsh, abs=1e-14)
    assert t.expression(t.behaviour(0.25)) == pytest.approx(t.strategy_value / 4, abs=1e-14)


@given(ANGLES, ANGLES, ANGLES)
@settings(max_examples=60, deadline=None)
def test_relabellings(theta: float, phi: float, omega: float) -> None:
    t = SingletSelfTest(theta, phi, omega)
    # exchange of Bob's settings, up to a sign of the expression
    swapped = SingletSelfTest(theta, omega, phi)
    assert_allclose(swapped.expression.coefficients, -t.expression.permute_settings(1, (1, 0)).coefficients, atol=1e-14)
    # Alice's outcome flipped: pi added to the angle of A1, or to both of Bob's; the expression keeps its value or sign
    for other in (SingletSelfTest(theta + PI, phi, omega), SingletSelfTest(theta, phi + PI, omega + PI), swapped):
        for name in ("local_bound", "quantum_bound", "chsh", "condition"):
            assert getattr(other, name) == pytest.approx(getattr(t, name), abs=1e-13), name


def test_arrays_broadcast_and_agree_with_the_class(points: np.ndarray) -> None:
    t = SingletSelfTest(*points[:, 0])
    theta, phi, omega = points[0, :4, None], points[1, :3], points[2, 0]
    for name, attribute in (
        ("singlet_condition", "condition"),
        ("singlet_local_bound", "local_bound"),
        ("singlet_quantum_bound", "quantum_bound"),
        ("singlet_strategy_value", "strategy_value"),
        ("singlet_chsh", "chsh"),
    ):
        table = getattr(families, name)(theta, phi, omega)
        assert table.shape == (4, 3)
        assert table[0, 0] == pytest.approx(getattr(t, attribute), abs=1e-15)
    assert families.singlet_correlators(theta, phi, omega).shape == (4, 3, 2, 2)
    assert families.singlet_coefficients(theta, phi, omega).shape == (4, 3, 2, 2)
    assert families.singlet_local_bound(*np.zeros((3, 0))).shape == (0,)


def test_printing() -> None:
    t = SingletSelfTest(0.8, 1.2, 2.5)
    assert repr(t) == "SingletSelfTest(theta=0.8, phi=1.2, omega=2.5)"
    assert t._repr_latex_().startswith(r"$\langle B\rangle_{\theta=0.8")
    assert t._repr_latex_().count("$") == 2
    assert "A1 B1" in repr(t.expression)
    assert {t: 1}[SingletSelfTest(0.8, 1.2, 2.5)] == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "one", None, 1j, [1.0], True])
@pytest.mark.parametrize("name", ["theta", "phi", "omega"])
def test_bad_angles(name: str, bad: Any) -> None:
    angles: dict[str, Any] = {"theta": 0.1, "phi": 0.2, "omega": 0.3, name: bad}
    with pytest.raises(InvalidParameter, match=name) as info:
        SingletSelfTest(**angles)
    assert (str(bad) if isinstance(bad, float) else repr(bad)) in str(info.value)
    assert isinstance(info.value, InvalidInput) and isinstance(info.value, ValueError)


def test_bad_arrays() -> None:
    with pytest.raises(InvalidParameter, match="phi contains nan"):
        families.singlet_chsh(0.0, [1.0, math.nan], 0.0)
    with pytest.raises(InvalidParameter, match="theta must be"):
        families.singlet_chsh("x", 0.0, 0.0)
    with pytest.raises(InvalidShape, match=r"\(2,\), \(3,\)"):
        families.singlet_correlators(np.zeros(2), np.zeros(3), 0.0)
    with pytest.raises(InvalidParameter, match=r"visibility = 1\.5"):
        SingletSelfTest(0, 1, 2).behaviour(1.5)
    with pytest.raises(InvalidSettings, match="x = 2"):
        SingletSelfTest(0, 1, 2).key_leak(2, 0)


# -- figures and propositions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [k for k in keys("A2.fig") if "grid" not in k])
def test_figure_points(key: str) -> None:
    check(key, member(key).chsh)


def test_figure_2_grid() -> None:
    entry = REFERENCE["A2.fig2.grid50"]
    grid = np.array(entry["params"]["points"])
    assert_allclose(families.singlet_chsh(grid[:, 0], PI / 2, grid[:, 1]), entry["value"], rtol=0, atol=entry["tol"])


def test_proposition_2() -> None:
    t = SingletSelfTest(PI / 3, PI / 3, PI)
    assert t.is_self_test and t.randomness_settings == (0, 1)
    assert t.chsh == pytest.approx(1.5 * math.sqrt(3), abs=1e-14)
    check("A2.prop2.chsh_max", t.chsh)
    assert t.correlators[0, 1] == pytest.approx(0.0, abs=1e-15)
    # the expression printed after Prop. 2
    theta, phi = 0.7, 0.4
    printed = [
        [math.cos(theta + phi) * math.cos(theta), math.cos(theta + phi) * math.cos(theta) * math.cos(phi)],
        [-math.cos(phi) * math.cos(theta), -math.cos(phi) * math.cos(theta + phi)],
    ]
    assert_allclose(families.singlet_coefficients(theta, phi, PI), printed, atol=1e-15)


def test_proposition_2_grid() -> None:
    n = REFERENCE["A2.prop2.frac_S_gt_2_but_not4"]["params"]["n"]
    grid = np.linspace(0, 2 * PI, n)
    theta, phi = grid[:, None], grid[None, :]
    chsh, condition = families.singlet_chsh(theta, phi, PI), families.singlet_condition(theta, phi, PI)
    assert chsh[condition < -1e-12].max() <= 1.5 * math.sqrt(3) + 1e-12
    check("A2.prop2.chsh_min_on_valid_grid", chsh[condition < -1e-12].min())  # a self-test is nonlocal
    check("A2.prop2.frac_S_gt_2_but_not4", ((chsh > 2.0 + 1e-9) & (condition > 1e-9)).mean())  # the converse fails


@pytest.mark.parametrize("key", keys("A2.prop3.eps"))
def test_key_leak(key: str) -> None:
    phi = REFERENCE[key].get("params", {}).get("phi", PI / 6)
    check(key, SingletSelfTest(1.0, phi, 2.0).key_leak())


@pytest.mark.parametrize("key", keys("A2.prop3.smax"))
def test_largest_chsh_value_at_phi(key: str) -> None:
    phi = REFERENCE[key]["params"]["phi"]
    check(key, families.singlet_chsh_maximum(phi))
    grid = np.linspace(0, 2 * PI, 400)
    theta, omega = grid[:, None], grid[None, :]
    allowed = families.singlet_condition(theta, phi, omega) < 0
    found = families.singlet_chsh(theta, phi, omega)[allowed].max()
    assert families.singlet_chsh_maximum(phi) - 1e-3 < found <= families.singlet_chsh_maximum(phi) + 1e-12


def test_limit_points_are_trivial() -> None:
    t = SingletSelfTest(PI / 3, PI / 2, 5 * PI / 6)
    check("A2.prop4.bell_LQ_gap_at_limit", t.quantum_bound - t.local_bound)
    check("A2.prop3.chsh_max_phi_pi2", t.chsh)
    assert t.key_settings == (0, 0)
    assert t.key_leak() == 0.0


@pytest.mark.parametrize("key", keys("A2.prop5"))
def test_chsh_range_of_proposition_5(key: str) -> None:
    # at fixed phi (fixed epsilon) and omega = pi the CHSH values do not go down to 2
    entry = REFERENCE[key]
    phi = entry["params"]["phi"]
    low, high = entry["value"]
    theta = np.linspace(PI / 2 - phi, PI / 2, 20001)[1:-1]
    values = families.singlet_chsh(theta, phi, PI)
    assert (families.singlet_condition(theta, phi, PI) < 0).all()
    assert low < values.min() < low + 1e-3 and high - 1e-6 < values.max() <= high + 1e-12
    leak = SingletSelfTest(theta[0], phi, PI).key_leak()
    assert leak == pytest.approx(entry["params"]["eps"], abs=1e-12)


# -- members with a given CHSH value --------------------------------------------------------------------------------


@pytest.mark.parametrize("phi", [PI / 2, PI / 2 - 1e-6, PI / 2 - 0.02, PI / 2 - 0.3, 1.0])
@pytest.mark.parametrize("fraction", [1e-6, 0.1, 0.5, 0.99, 1.0])
def test_theta_at_chsh(phi: float, fraction: float) -> None:
    low = 2 * math.sin(phi) + 2 * math.cos(phi) ** 2
    high = 1 + math.sin(phi) + math.cos(phi - PI / 6)
    s = low + fraction * (high - low)
    theta = families.theta_at_chsh(s, phi)
    assert PI / 2 - phi < theta <= PI / 3
    t = SingletSelfTest(theta, phi, theta + PI / 2)
    assert t.chsh == pytest.approx(s, abs=2e-15 * 4)
    assert t.is_self_test or phi == PI / 2
    assert families.correlators_self_test(t.correlators)


def test_chsh_value_out_of_reach() -> None:
    with pytest.raises(InvalidParameter, match=r"s = 2\.6 .*\(2, 2\.5\]"):
        families.theta_at_chsh(2.6, PI / 2)
    with pytest.raises(InvalidParameter, match=r"\(2\.1266\d*, "):
        families.theta_at_chsh(2.0, 1.2)
    with pytest.raises(InvalidParameter, match=r"phi = 0\.1 .*\[pi/6, pi/2\]"):
        families.theta_at_chsh(2.1, 0.1)
    with pytest.raises(InvalidParameter, match="s = nan"):
        families.theta_at_chsh(math.nan, 1.5)
    with pytest.raises(InvalidParameter, match=r"s = 2\.7 .*\(2, 2\.5"):
        families.contour_at_chsh(2.7, 1.5, 3)
    with pytest.raises(InvalidParameter, match="count = 0"):
        families.contour_at_chsh(2.4, 1.5, 0)


@given(st.floats(0.0, PI / 2), st.floats(1e-6, 1.0), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_contour_at_chsh(phi: float, fraction: float, count: int) -> None:
    s = 2 + fraction * (families.singlet_chsh_maximum(phi) - 2)
    points = families.contour_at_chsh(s, phi, count)
    theta, omega = points.T
    assert points.shape[1] == 2 and len(points) <= count
    assert_allclose(families.singlet_chsh(theta, phi, omega), s, atol=1e-11)
    if phi < PI / 2:
        assert (families.singlet_condition(theta, phi, omega) < 0).all()
    if fraction < 0.999 and 1e-3 < phi < PI / 2 - 1e-3:
        assert len(points) == count
        distance = np.abs(points[:, None] - points[None, :]).max(axis=-1) + 10 * np.eye(count)
        assert distance.min() > 1e-9
    try:
        curve = families.theta_at_chsh(s, phi)
    except InvalidParameter:
        return
    if len(points) and fraction < 0.999 and curve - (PI / 2 - phi) > 1e-6:
        assert_allclose(points[0], [curve, curve + PI / 2], atol=1e-12)


# -- self-test from correlators -------------------------------------------------------------------------------------


def test_members_self_test_by_their_correlators(points: np.ndarray) -> None:
    for angles in points.T[:300]:
        t = SingletSelfTest(*angles)
        if abs(t.condition) > 1e-9:
            assert families.correlators_self_test(t.correlators) == t.is_self_test, t
            assert not families.correlators_self_test(0.999 * t.correlators)


@pytest.mark.parametrize(
    "theta, omega", [(PI / 3, 5 * PI / 6), (PI / 4, PI), (0.1, PI), (1e-3, PI / 2 + 1e-3), (5 * PI / 3, 13 * PI / 6)]
)
def test_limit_points_self_test_by_their_correlators(theta: float, omega: float) -> None:
    # WBC Props. 4 and 6: condition (4) fails, all four correlators do it
    t = SingletSelfTest(theta, PI / 2, omega)
    assert families.correlators_self_test(t.correlators)
    for visibility in (0.999, 1 - 1e-9):
        assert not families.correlators_self_test(t.behaviour(visibility).correlators)
    nudged = t.correlators.copy()
    nudged[1, 1] += 1e-9
    assert not families.correlators_self_test(nudged)
    assert families.correlators_self_test(nudged, tolerance=1e-8)


@pytest.mark.parametrize(
    "c",
    [
        [[1, 1], [1, 1]],
        [[1, 1], [-1, -1]],
        [[0.999, 0.999], [0.999, 0.999]],
        [[1 - 1e-13] * 2] * 2,
        [[1, 0.3], [1, 0.3]],  # on the arcsin surface, two correlators of modulus 1: local
        [[1, -0.4], [-0.4, 1]],
        [[1, 0.2], [0.3, 0.4]],  # |c_00| = 1 off the surface
        [[0, 0], [0, 0]],
        [[1, 1], [1, -1]],  # not quantum
    ],
)
def test_no_self_test(c: list[list[float]]) -> None:
    assert families.correlators_self_test(c) is False


@given(st.lists(st.floats(0.02, 1.0), min_size=4, max_size=4), st.integers(0, 15), st.integers(0, 3), st.booleans())
@settings(max_examples=150, deadline=None)
def test_four_angles_that_add_up_to_pi(sizes: list[float], signs: int, place: int, touching: bool) -> None:
    angles = np.array(sizes)
    if touching:
        angles[place] = 0.0
    angles *= PI / angles.sum()
    c = np.cos(angles)
    c[3] = -c[3]
    flips_a, flips_b = (
        np.array([1 - 2 * (signs & 1), 1 - (signs & 2)]),
        np.array([1 - (signs & 4) / 2, 1 - (signs & 8) / 4]),
    )
    table = flips_a[:, None] * c.reshape(2, 2) * flips_b
    assert families.correlators_self_test(table)
    assert families.correlators_self_test(table[::-1]) and families.correlators_self_test(table.T)
    assert Behaviour.from_correlators(table).chsh > 2.0


def test_bad_correlators() -> None:
    with pytest.raises(InvalidParameter, match=r"1\.2"):
        families.correlators_self_test([[1.2, 0], [0, 0]])
    with pytest.raises(InvalidParameter, match="nan"):
        families.correlators_self_test([[math.nan, 0], [0, 0]])
    with pytest.raises(InvalidShape, match=r"\(3,\)"):
        families.correlators_self_test([0, 0, 0])
    with pytest.raises(InvalidParameter, match=r"tolerance = 0\.0"):
        families.correlators_self_test(np.zeros((2, 2)), tolerance=0)


# -- other expressions ----------------------------------------------------------------------------------------------

EXPRESSIONS: list[tuple[BellExpression, float]] = [
    (families.chsh(), 2.0),
    (families.tilted_chsh(0.5), 2.5),
    (families.tilted_chsh(0.3, 1.4), 3.1),
    (families.asymmetric_chsh(1.7), 3.4),
    (families.asymmetric_chsh(0.6), 2.0),
    (families.asymmetric_chsh(-1.2), 2.4),
    (families.chained(2), 2.0),
    (families.chained(3), 4.0),
    (families.chained(5), 8.0),
    (families.i3322(), 0.0),
    (families.cglmp(2), 2.0),
    (families.cglmp(3), 2.0),
    (families.cglmp(4), 2.0),
    (families.mermin(), 2.0),
]


@pytest.mark.parametrize("expression, local", EXPRESSIONS, ids=lambda v: getattr(v, "name", None))
def test_local_bounds(expression: BellExpression, local: float) -> None:
    assert expression.name
    assert expression.local_bound == pytest.approx(local, abs=1e-12)


def test_chained_on_its_optimal_strategy() -> None:
    for n in (2, 3, 6):
        a = PI * np.arange(n) / n
        b = a + PI / (2 * n)
        behaviour = Behaviour.from_correlators(np.cos(np.subtract.outer(a, b)))
        assert families.chained(n)(behaviour) == pytest.approx(2 * n * math.cos(PI / (2 * n)), abs=1e-12)


def test_no_signaling_maxima() -> None:
    box = Behaviour.from_correlators([[1, 1], [1, -1]])
    assert families.chsh()(box) == 4.0
    assert families.asymmetric_chsh(1.7)(box) == pytest.approx(5.4)
    n = 4
    chain = np.zeros((n, n)) + np.eye(n) + np.eye(n, k=-1)
    chain[0, n - 1] = -1
    assert families.chained(n)(Behaviour.from_correlators(chain)) == pytest.approx(2 * n)
    i3322 = families.i3322()
    value = i3322.coefficients[0, 0] + np.abs(i3322.coefficients[1:, 1:]).sum()
    assert value == pytest.approx(1.0)  # every correlator at its best, uniform marginals


def test_i3322_is_symmetric_and_has_collins_gisin_form() -> None:
    e = families.i3322()
    assert e.permute_parties((1, 0)) == e
    assert_allclose(e.collins_gisin[0, 0], 0.0, atol=1e-15)
    original = np.array([[0, -1, 0, 0], [-2, 1, 1, 1], [-1, 1, 1, -1], [0, 1, -1, 0]], dtype=float)
    relabelled = False
    for flips in itertools.product((0, 1), repeat=6):
        f = BellExpression.from_collins_gisin(original)
        for i in np.flatnonzero(flips):
            f = f.permute_outcomes(int(i) // 3, int(i) % 3, (1, 0))
        for pa, pb in itertools.product(itertools.permutations(range(3)), repeat=2):
            moved = f.permute_settings(0, pa).permute_settings(1, pb)
            relabelled |= np.allclose(moved.coefficients, e.coefficients, atol=1e-12)
    assert relabelled


def test_cglmp_on_the_maximally_entangled_state() -> None:
    # quant-ph/0106024: best measurements on sum |jj>/sqrt(d); 2.8729 for d = 3, 2.8962 for d = 4
    for d, expected in ((2, 2 * math.sqrt(2)), (3, 2.872934), (4, 2.896243)):
        j = np.arange(d)
        shifts_a, shifts_b = (0.0, 0.5), (0.25, -0.25)
        a = [np.exp(2j * PI * np.outer(j, j + s) / d) / math.sqrt(d) for s in shifts_a]
        b = [np.exp(2j * PI * np.outer(j, -j + s) / d) / math.sqrt(d) for s in shifts_b]
        parties = tuple(
            tuple(np.array([np.outer(m[:, k], m[:, k].conj()) for k in range(d)]).conj() for m in party)
            for party in (a, b)
        )
        strategy = Strategy(np.eye(d).reshape(-1) / math.sqrt(d), parties)
        assert families.cglmp(d)(strategy.behaviour()) == pytest.approx(expected, abs=1e-6)


def test_mermin_on_a_ghz_state() -> None:
    x, y = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    ghz = np.zeros(8, dtype=complex)
    ghz[0], ghz[7] = 1 / math.sqrt(2), 1j / math.sqrt(2)
    party = tuple(np.array([(np.eye(2) + o) / 2, (np.eye(2) - o) / 2]) for o in (x, y))
    assert families.mermin()(Strategy(ghz, (party,) * 3).behaviour()) == pytest.approx(4.0, abs=1e-12)


@pytest.mark.parametrize("bad", [1, 0, -2, 2.0, "3", True, None])
def test_bad_counts(bad: Any) -> None:
    with pytest.raises(InvalidParameter, match="settings = "):
        families.chained(bad)
    with pytest.raises(InvalidParameter, match="d = ") as info:
        families.cglmp(bad)
    assert repr(bad) in str(info.value)


def test_bad_weights() -> None:
    for call in (lambda: families.tilted_chsh(math.nan), lambda: families.asymmetric_chsh(math.nan)):
        with pytest.raises(InvalidParameter, match="nan"):
            call()
