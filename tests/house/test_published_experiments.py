"""The page of published experiments shows what is computed."""

from __future__ import annotations

import pytest

from benchmarks.published_experiments import BEGIN, END, PAGE, ROWS, table

QUICK = ("Shalm et al. 2021, photons, expansion", "Nadlinger et al. 2022, ions, key")


def lines() -> list[str]:
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip().splitlines()


@pytest.mark.parametrize("row", [pytest.param(r, marks=() if r.name in QUICK else pytest.mark.slow) for r in ROWS])
def test_the_page_shows_what_is_computed(row) -> None:
    assert table((row,)).splitlines()[2] in lines()


def test_all_rows_are_on_the_page() -> None:
    assert [line.split(" (arXiv")[0].removeprefix("| ") for line in lines()[2:]] == [row.name for row in ROWS]
