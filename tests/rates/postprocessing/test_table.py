"""Post-processings by their kinds, as plain data and as texts."""

from __future__ import annotations

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import InvalidInput
from sdpbound.rates.postprocessing.selected_entropy import flipped_entropy
from sdpbound.rates.postprocessing.table import POSTPROCESSINGS, postprocessing_from, postprocessing_named
from tests.support import true_entropy


@pytest.mark.parametrize(
    "text",
    [
        'random_basis, keys = [[0, 2], [1, 3]], probabilities = "best", preprocessing = [0.1, 0.2]',
        "repetition_code, block = 3, x = 1",
        "repetition_code",
        "post_selection, alice = [1, 0.5], bob = [1, 0, 1], nodes = 3",
    ],
)
def test_what_is_read_is_written(text: str) -> None:
    found = postprocessing_named(text)
    assert postprocessing_from(found.entry) == found and POSTPROCESSINGS[found.kind] is type(found)
    assert found.came_from(found) is not found.is_open


def test_numbers_take_the_place_of_what_is_best() -> None:
    asked = sb.RandomBasis(((0, 2), (1, 3)), "best", 0.1)
    assert sb.RandomBasis(((0, 2), (1, 3)), (0.4, 0.6), 0.1).came_from(asked)
    assert not sb.RandomBasis(((0, 2), (1, 3)), (0.4, 0.6), 0.2).came_from(asked)
    assert not sb.RandomBasis(((0, 2), (1, 4)), (0.4, 0.6), 0.1).came_from(asked)
    assert not asked.came_from(asked)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be random_basis, repetition_code or post_selection"),
        ("repetition", "did you mean 'repetition_code'"),
        ("repetition_code block = 3", "must be random_basis"),
        ("repetition_code, block", "write its kind and parameters"),
        ("repetition_code, block = 2\nx = 1", "write its kind and parameters"),
        ("repetition_code, blocks = 2", "has no parameter 'blocks'"),
        ("post_selection, alice = [1, 1]", "its parameters are alice, bob,"),
        ("repetition_code, block = 1", "block = 1"),
    ],
)
def test_other_texts_are_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        postprocessing_named(text)
    assert message in str(error.value) and str(error.value)[-1] in ".?"


def test_the_entropy_of_flipped_outcomes_of_a_mixture() -> None:
    family = sb.family_named("two_qubit")
    both = [family.strategy({"theta": t, "a0": 0.1, "a1": 1.2, "b0": 0.6, "b1": -0.6}) for t in (0.3, 0.7)]
    found = flipped_entropy(both, np.array([0.25, 0.75]), 1, 0.1)
    assert found == pytest.approx(0.25 * true_entropy(both[0], 1, q=0.1) + 0.75 * true_entropy(both[1], 1, q=0.1))
    assert found > 0.1
