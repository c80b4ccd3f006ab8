"""Counts: reading, estimates, and tests of what is assumed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

import sdpbound as sb
from sdpbound.errors import InvalidBehaviour, InvalidInput, InvalidParameter, InvalidSettings, InvalidShape
from tests.experiments.samples import HONEST, UNIFORM, drawn, rounds

RNG = np.random.default_rng(5)
TABLE = drawn(HONEST, 4000, np.random.default_rng(3)).table


def test_tables_rounds_and_files_agree(tmp_path) -> None:
    x, y, a, b, tests = rounds(HONEST, 500, 0.4, RNG)
    counts = sb.Counts.from_rounds(x, y, a, b, tests)
    assert counts.n == 500 and counts.tested == tests.sum() and counts.untested[:, :, 0, 0].sum() == 500 - tests.sum()
    assert counts.table[1, 0, 1, 1] == np.sum((a == 1) & (b == 0) & (x == 1) & (y == 1) & (tests == 1))
    one = tmp_path / "rounds.csv"
    lines = ["\ufeffTest, b,a,y,x", *(f"{t}, {i},{j},{k},{m}" for m, k, j, i, t in zip(x, y, a, b, tests, strict=True))]
    one.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    read = sb.Counts.from_rounds(one)
    assert read.fingerprint == counts.fingerprint and read.rounds is not None and (read.rounds.a == a).all()
    many = tmp_path / "counts.csv"
    places = [(i, t) for t in (0, 1) for i in np.ndindex(2, 2, 2, 2)]
    number = {(i, t): int((counts.untested, counts.table)[t][i]) for i, t in places}
    many.write_text(
        "x,y,a,b,count,test\n"
        + "".join(f"{i[2]},{i[3]},{i[0]},{i[1]},{number[i, t] - 7 * (k == 0)},{t}\n" for k, (i, t) in enumerate(places))
        + f"{0},{0},{0},{0},7,0\n"
    )
    assert sb.Counts.from_csv(many).fingerprint == counts.fingerprint
    assert sb.Counts.from_table(counts.table, untested=counts.untested).fingerprint == counts.fingerprint


def test_files_are_read_in_blocks(tmp_path, monkeypatch) -> None:
    x, y, a, b, _ = rounds(HONEST, 300, 1.0, RNG)
    file = tmp_path / "rounds.csv"
    file.write_text("x,y,a,b\n" + "".join(f"{i},{j},{k},{m}\n" for i, j, k, m in zip(x, y, a, b, strict=True)))
    whole = sb.Counts.from_csv(file).fingerprint
    for size in (9, 64, 1000):
        monkeypatch.setattr("sdpbound.experiments.reading.BLOCK", size)
        assert sb.Counts.from_csv(file).fingerprint == whole
    file.write_text(file.read_text() + "0,1,x,1\n")
    with pytest.raises(InvalidParameter, match=r"line 302 .* '0,1,x,1'"):
        sb.Counts.from_csv(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x,y,a,b\n0,0,0,1.5\n", "line 2"),
        ("x,y,a,b\n0,0,0,-1\n", "'0,0,0,-1'"),
        ("x,y,a,b\n0,0,0\n", "must be 4 whole numbers"),
        ("x,y,a,b\n0,0,0,1,0,0,0,1\n", "line 2"),
        ("x,y,a,b\n0,0,0,\n", "line 2"),
        ("x,y,a,b\n0,0,0,1 1\n", "line 2"),
        ("x,y,a,b,count\n0,0,0,0,12345678901234567890\n", "line 2"),
        ("x,y,a,b\n0,0,0,300\n", "0 to 254"),
        ("x,y,a,b,test\n0,0,0,1,2\n", "allowed are 0 to 1"),
        ("x,y,a\n0,0,0\n", "it needs x, y, a, b"),
        ("x,y,a,b,b\n0,0,0,1,1\n", "it needs x, y, a, b"),
        ("0,0,0,1\n", "must begin with a line of names"),
        ("x,y,a,b\n", "no line below"),
        ("x,y,a,b,count\n0,0,0,0,0\n", "from 1 to"),
        ("", "must begin with a line of names"),
    ],
)
def test_files_that_are_refused(tmp_path, text, words) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        sb.Counts.from_csv(file)


def test_values_that_are_refused(tmp_path) -> None:
    fractional = TABLE.astype(float)
    fractional[0, 1, 0, 1] = 2.5
    with pytest.raises(InvalidParameter, match=r"counts\[0, 1, 0, 1\] = 2.5 is not a whole number"):
        sb.Counts.from_table(fractional)
    with pytest.raises(InvalidParameter, match="= -1 is not a whole number"):
        sb.Counts.from_table(TABLE - TABLE - 1)
    with pytest.raises(InvalidParameter, match=r"1e\+18 rounds, not 1\.6e\+19"):
        sb.Counts.from_table(np.full((2, 2, 2, 2), 10**18))
    with pytest.raises(InvalidParameter, match="not a whole number"):
        sb.Counts.from_table(np.full((2, 2, 2, 2), np.nan))
    with pytest.raises(InvalidShape, match="axes N"):
        sb.Counts.from_table(TABLE[0])
    with pytest.raises(InvalidShape, match="do not fit"):
        sb.Counts.from_table(TABLE, sb.Scenario.bipartite(2, 3))
    with pytest.raises(InvalidParameter, match="has no such"):
        sb.Counts.from_table(np.ones((3, 2, 2, 2), dtype=int), sb.Scenario(((3, 2), (2, 2))))
    with pytest.raises(InvalidInput, match="four arrays"):
        sb.Counts.from_rounds([0, 1])
    with pytest.raises(InvalidShape, match="one length"):
        sb.Counts.from_rounds([0, 1], [0], [0], [0])
    with pytest.raises(InvalidShape, match="array of whole numbers"):
        sb.Counts.from_rounds([0.0], [0], [0], [0])
    with pytest.raises(InvalidSettings, match="have b = 2"):
        sb.Counts.from_rounds([0], [0], [0], [2], scenario=sb.Scenario.bipartite(2, 2))
    with pytest.raises(InvalidInput, match="cannot be read"):
        sb.Counts.from_csv(tmp_path / "absent.csv")
    with pytest.raises(InvalidInput, match="cannot be split"):
        sb.Counts.from_table(TABLE).split(5)


def test_a_table_of_counts_is_no_behaviour_and_is_told_where_to_go() -> None:
    with pytest.raises(InvalidBehaviour, match=r"Counts\.from_table"):
        sb.Behaviour(TABLE)
    with pytest.raises(InvalidBehaviour, match=r"Counts\.from_table"):
        sb.Behaviour(TABLE / TABLE.sum(axis=(0, 1)))
    with pytest.raises(InvalidBehaviour, match="normalise"):
        sb.Behaviour(TABLE / 7.3)


@pytest.mark.parametrize("scenario", [sb.Scenario.bipartite(2, 2), sb.Scenario.bipartite(2, 3, 3, 2)])
def test_the_estimate_has_the_largest_likelihood(scenario) -> None:
    """At the maximum no vertex of the polytope lies in a direction of ascent, by a linear program over it."""
    counts = sb.Counts.from_table(np.random.default_rng(1).integers(3, 40, scenario.table_shape))
    p = counts.behaviour().p
    slope = counts.table / p
    rows = scenario.probability_rows()
    order = np.array([slope[a, b, x, y] for a, x, b, y in _places(scenario)])
    best = linprog(-(rows.T @ order)[1:], A_ub=-rows[:, 1:], b_ub=rows[:, 0], bounds=(None, None))
    gain = -best.fun + (rows.T @ order)[0] - float(slope[p > 0] @ p[p > 0])
    assert gain <= 0.05  # nats, of some 500 rounds, and it bounds what the log-likelihood misses
    # the projection does nothing to frequencies that do not signal
    same = sb.Counts.from_table(np.rint(HONEST.p * 1000).astype(int))
    assert np.abs(same.behaviour().p - same.observed_frequencies).max() < 1e-6


def _places(scenario):
    alice, bob = ([(o, s) for s, d in enumerate(party) for o in range(d)] for party in scenario.outcomes)
    return [(a, x, b, y) for a, x in alice for b, y in bob]


def test_settings_without_rounds() -> None:
    table = TABLE.copy()
    table[:, :, 0, 1] = 0
    counts = sb.Counts.from_table(table)
    assert np.isnan(counts.observed_frequencies[:, :, 0, 1]).all() and counts.settings[0, 1] == 0
    with pytest.raises(InvalidParameter, match=r"settings \(0, 1\) were never tested"):
        counts.behaviour()


def test_no_signaling_p_values_are_conservative_and_see_signals() -> None:
    rng = np.random.default_rng(8)
    found = np.array([drawn(HONEST, 200, rng).no_signaling_test().p_value for _ in range(60)])
    assert (found <= 0.05).sum() <= 8
    signal = HONEST.p.copy()
    signal[:, :, 0, 1] = [[0.6, 0.1], [0.1, 0.2]]
    table = rng.multinomial(2000, (signal * 0.25).ravel()).reshape(signal.shape)
    test = sb.Counts.from_table(table).no_signaling_test()
    assert test.p_value < 1e-6 and len(test.comparisons) == 4
    assert test.comparisons[0].others == (0, 1) and test.comparisons[0].setting == 0


def test_a_fisher_test_by_hand() -> None:
    """3 of 4 against 1 of 4, of which the tail is (16 + 1) / 70."""
    table = np.zeros((2, 2, 1, 2), dtype=int)
    table[0, 0, 0], table[1, 0, 0] = (3, 1), (1, 3)
    test = sb.Counts.from_table(table, sb.Scenario(((2,), (2, 2)))).no_signaling_test()
    assert test.comparisons[0].p_value == pytest.approx(34 / 70)


def test_inputs() -> None:
    counts = drawn(HONEST, 3000, RNG, np.array([[0.4, 0.3], [0.2, 0.1]]))
    assert counts.inputs_test([[0.4, 0.3], [0.2, 0.1]]).p_value > 1e-4
    assert counts.inputs_test().p_value < 1e-9
    unseen = sb.Counts.from_table(
        np.array([62500.0, 62500.0, 62500.0, 0.0]).reshape(1, 1, 2, 2) * np.eye(2)[:, :, None, None]
    )
    assert unseen.inputs_test(UNIFORM).worst == (1, 1)  # the other pairs are as improbable
    assert drawn(HONEST, 3000, RNG).inputs_test(UNIFORM).p_value > 1e-4
    with pytest.raises(InvalidShape, match="shape"):
        counts.inputs_test([0.5, 0.5])
    with pytest.raises(InvalidParameter, match="add up to 1"):
        counts.inputs_test(np.full((2, 2), 0.3))
