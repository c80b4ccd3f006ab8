"""The page of published values shows what was computed, and what is quick is computed again."""

from __future__ import annotations

import math

import pytest

from benchmarks.published_values import BEGIN, END, PAGE, computed, rows, stored, table

ROWS = {row.name: row for row in rows()}
STORED = stored()
QUICK = [name for name, row in ROWS.items() if row.quick]


def test_the_page_shows_what_is_stored() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == table(STORED)
    assert STORED.keys() == ROWS.keys() and len(ROWS) == len(rows())
    assert all(STORED[name]["published"] == row.published for name, row in ROWS.items())
    assert all(row.says for row in ROWS.values())


@pytest.mark.parametrize("name", ROWS)
def test_below_is_below(name: str) -> None:
    """From below and from above enclose something; what is said of a print-out follows from the numbers."""
    row, found = ROWS[name], STORED[name]
    assert found["lower"] is None or found["lower"] <= found["upper"] + 1e-12
    numbers = [float(part) for part in row.published.split() if part.replace(".", "", 1).isdigit()]
    if "is no upper bound" in row.says or "is below that" in row.says:
        assert numbers[0] < found["lower"]
    if "higher, with an attack" in row.says:
        assert numbers[0] < found["lower"] < found["upper"]
    if row.says.startswith("Both hold, within 4e-10"):
        assert 0 <= found["upper"] - numbers[0] <= 4e-10
    if row.says.startswith("They agree"):
        assert found["lower"] <= numbers[0] + 1e-7 and numbers[1] <= found["upper"]
    if row.says.startswith("The same, to the digits") and numbers and "above" not in row.published:
        last = len(row.published.split()[-1].partition(".")[2])  # the digits printed
        ends = [end for end in (found["lower"], found["upper"]) if end is not None]
        assert min(abs(end - numbers[-1]) for end in ends) <= 10.0**-last


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in ROWS])
def test_again(name: str) -> None:
    found, before = computed(ROWS[name]), STORED[name]
    for side in ("lower", "upper"):
        if before[side] is None:
            assert found[side] is None
        else:
            assert math.isclose(found[side], before[side], rel_tol=1e-4, abs_tol=1e-6)
