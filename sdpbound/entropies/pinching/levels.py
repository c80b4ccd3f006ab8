"""Words for programs of the devices' operators alone."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.scenario import Scenario
from sdpbound.entropies.words import texts_of
from sdpbound.npa.words import PartyWord, Word

__all__ = ["word_sets"]

#: The settings of a party's letters, one string for each letter of the word.
Strings = list[tuple[int, ...]]


def word_sets(
    scenario: Scenario, x: int, y: int | None, needed: NDArray[np.bool_]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two sets of words beside a key, each as the user writes it.

    With E the key's projections, the T = E u have u of one and two letters of Alice, the second one of the key, and the
    words are all E u, all u* E and the shorter ones. Bob's have one letter in the first set and two in the second. A
    party whose outcome is not in the key has all products of its letters up to that length.

    Only settings that occur in ``needed`` coordinates are used.
    """
    own = [_settings(scenario, p, needed) for p in range(2)]
    alice = _around(own[0], x)
    bob = [[(), *((t,) for t in own[1])], _around(own[1], y) if y is not None else _products(own[1])]
    one, two = (_texts(scenario, alice, strings) for strings in bob)
    return one, two


def _settings(scenario: Scenario, party: int, needed: NDArray[np.bool_]) -> list[int]:
    used = np.asarray(needed.any(axis=1 - party), dtype=np.bool_)
    return sorted({letter.setting for i, letter in enumerate(scenario.letters[party], 1) if used[i]})


def _around(settings: list[int], x: int) -> Strings:
    """Up to one letter, products of two of which one is of setting x, and x before and after another one."""
    others = [s for s in settings if s != x]
    return [
        (),
        *((s,) for s in settings),
        *((x, s) for s in others),
        *((s, x) for s in others),
        *((x, s, x) for s in others),
    ]


def _products(settings: list[int]) -> Strings:
    return [(), *((s,) for s in settings), *itertools.permutations(settings, 2)]


def _texts(scenario: Scenario, alice: Strings, bob: Strings) -> tuple[str, ...]:
    parts = [[_words(scenario, p, string) for string in strings] for p, strings in enumerate((alice, bob))]
    words: list[Word] = [(a, b) for left in parts[0] for right in parts[1] for a in left for b in right]
    return texts_of(scenario, words)


def _words(scenario: Scenario, party: int, string: tuple[int, ...]) -> list[PartyWord]:
    """All words with letters of these settings."""
    letters = scenario.letters[party]
    choices = [[i for i, letter in enumerate(letters, 1) if letter.setting == s] for s in string]
    return [tuple(choice) for choice in itertools.product(*choices)]
