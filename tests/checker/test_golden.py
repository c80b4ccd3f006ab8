"""Certificates of all kinds that were made once: every later checker must accept them."""

from __future__ import annotations

import random
from typing import Any

import pytest

import sdpbound as sb
from tests.golden_certificates import FAST, FOLDER, INDEX, golden, text_of

#: Their checks take seconds; lengths of their kinds are among the tests of Renyi entropies, too.
LONG = ("renyi_power_flips", "renyi_power_channel")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in INDEX])
def test_holds(name: str) -> None:
    expected = INDEX[name]
    found = sb.verify(FOLDER / f"{name}.json")
    assert found.holds
    assert (found.figure, found.model, found.side) == (expected["figure"], expected["model"], expected["side"])
    assert found.value == pytest.approx(expected["value"], rel=1e-12, abs=1e-15)
    assert found.value <= found.claimed if found.side == "upper" else found.value >= found.claimed


def shuffled(entry: Any, rng: random.Random) -> Any:
    """The same JSON with the entries of every object in another order."""
    if isinstance(entry, dict):
        names = sorted(entry)
        rng.shuffle(names)
        return {name: shuffled(entry[name], rng) for name in names}
    return [shuffled(part, rng) for part in entry] if isinstance(entry, list) else entry


@pytest.mark.parametrize("name", FAST)
def test_the_order_of_entries_means_nothing(name: str) -> None:
    expected = sb.verify(golden(name))
    for seed in range(4):
        assert sb.verify(shuffled(golden(name), random.Random(seed))) == expected


def test_all_kinds_are_there() -> None:
    """Every file is in the index; together they are small."""
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted([*INDEX, "index"])
    assert len(INDEX) >= 70 and sum(len(text_of(name)) for name in INDEX) < 2.5e6
    asked = {(entry["figure"], entry["model"]) for entry in INDEX.values()}
    models = ("quantum", "no-signaling", "local")
    figures = ("bell_value", "separation", "guessing_probability", "blind_guessing_probability", "min_entropy")
    assert asked > {(figure, model) for figure in figures for model in models}
    assert {figure for figure, _ in asked} - set(figures) == {
        "average_entropy",
        "conditional_entropy",
        "conditional_mutual_information",
        "distance_from_uniform",
        "entropy",
        "estimated_randomness_length",
        "finite_key_length",
        "finite_randomness_length",
        "key_rate_any_channel",
        "renyi_entropy",
        "visibility",
    }
    methods = [golden(name)["proof"].keys() for name in INDEX if name.startswith("entropy_")]
    for entry in ("nodes", "gauss_radau", "method"):
        assert sum(entry in keys for keys in methods) >= 5
