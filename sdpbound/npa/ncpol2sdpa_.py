"""Moment matrices from the package ncpol2sdpa (GPL-3.0, arXiv:1308.6029): symbolic, slow, and independent of ours.

ncpol2sdpa gets one Hermitian operator for each letter and the relations of the letters as substitutions, and builds
the relaxation of the given words. Which entries of its matrix are the same moment, the identity or zero is read from
its matrix F, and what word each moment is from its monomial index. From there on nothing differs from the native
generator, the certificate included, so that a wrong identification would be found by the verifier, which knows words
only.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.errors import InvalidInput, SdpboundError
from sdpbound.npa.words import MomentMatrix, PartyAlgebra, Word

__all__ = ["moment_matrix_by_ncpol2sdpa", "operators_and_substitutions"]

Operators = tuple[tuple[Any, ...], ...]


def operators_and_substitutions(
    scenario: Scenario, commuting: frozenset[tuple[int, int]] = frozenset()
) -> tuple[Operators, dict[Any, Any]]:
    """ncpol2sdpa's operators, ``operators[party][letter - 1]``, and its substitutions, for scripts to start from.

    A setting with two outcomes is an observable, ``O**2 -> 1``; other settings have a projector for each outcome but
    the last. ``commuting`` lists pairs of Bob's settings whose operators commute.
    """
    if find_spec("ncpol2sdpa") is None:
        raise InvalidInput(
            "generator = 'ncpol2sdpa' needs the package of that name, which is not installed here: "
            "pip install ncpol2sdpa, or take generator='native', which gives the same bounds."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sympy and ncpol2sdpa at import
        from ncpol2sdpa import generate_operators

        operators = tuple(
            tuple(
                generate_operators(
                    f"{'ABCDEFGH'[party]}{letter.setting}" + ("" if letter.outcome is None else f"_{letter.outcome}"),
                    1,
                    hermitian=True,
                )[0]
                for letter in letters
            )
            for party, letters in enumerate(scenario.letters)
        )
        rules: dict[Any, Any] = {}
        pairs = [set(pair) for pair in commuting]
        for party, letters in enumerate(scenario.letters):
            own = operators[party]
            for i, left in enumerate(letters):
                for j, right in enumerate(letters):
                    if i == j:
                        rules[own[i] ** 2] = 1 if left.outcome is None else own[i]
                    elif left.setting == right.setting:
                        rules[own[i] * own[j]] = 0
                    elif party == 1 and i > j and {left.setting, right.setting} in pairs:
                        rules[own[i] * own[j]] = own[j] * own[i]
            for later in operators[party + 1 :]:
                for one in own:
                    for other in later:
                        rules[other * one] = one * other
    return operators, rules


@dataclass(frozen=True, eq=False)
class _WordLookup:
    algebras: tuple[PartyAlgebra, ...]
    moments: dict[Word, int]

    def find(self, word: Word) -> int:
        reduced = _reduce(self.algebras, word)
        return -2 if reduced is None else self.moments.get(reduced, -1)


def moment_matrix_by_ncpol2sdpa(
    scenario: Scenario, words: Sequence[Word], blind: BlindMeasurement | None = None
) -> MomentMatrix:
    """The moment matrix of the generating words as ncpol2sdpa builds it.

    Parameters
    ----------
    scenario : with a blind measurement, extended by Eve's as Bob's last setting
    words : generating words, the identity first
    blind : Eve's measurement on Bob's device, which commutes with his setting ``blind.y``

    Raises
    ------
    SdpboundError if two moments of ncpol2sdpa turn out to be one word: a substitution it has missed
    """
    pairs = frozenset() if blind is None else frozenset({(blind.y, scenario.settings[1] - 1)})
    operators, rules = operators_and_substitutions(scenario, pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy, scipy and sympy deprecations inside ncpol2sdpa
        from ncpol2sdpa import SdpRelaxation

        # normalized=False is ignored with sympy >= 1.13; here the identity is the constant column 0 of F
        relaxation = SdpRelaxation([o for party in operators for o in party], normalized=True, verbose=0)
        monomials = [_monomial(operators, word) for word in words]
        relaxation.get_relaxation(-1, substitutions=rules, extramonomials=monomials)

    n = len(words)
    index = np.full((n, n), -1, dtype=np.int64)
    table: Any = relaxation.F  # lil_matrix; row u n + v, upper triangle, column 0 or the number of a moment
    for u in range(n):
        for v in range(u, n):
            columns = table.rows[u * n + v]
            if columns:
                index[u, v] = index[v, u] = columns[0]
    index.flags.writeable = False

    algebras = tuple(
        PartyAlgebra(letters, pairs if party == 1 else frozenset()) for party, letters in enumerate(scenario.letters)
    )
    letter_of = {o: (party, i) for party, own in enumerate(operators) for i, o in enumerate(own, start=1)}
    identity: Word = ((),) * scenario.parties
    count = 1 + len(relaxation.monomial_index)
    named: list[Word] = [identity] * count
    moments: dict[Word, int] = {identity: 0}
    for monomial, number in relaxation.monomial_index.items():
        word = _word(letter_of, scenario.parties, monomial)
        named[number] = word
        for same in (word, tuple(part[::-1] for part in word)):
            reduced = _reduce(algebras, same)
            if reduced is None or moments.setdefault(reduced, number) != number:
                raise SdpboundError(
                    f"ncpol2sdpa has not reduced the monomial {monomial}; use generator='native', and please report it."
                )
    return MomentMatrix(
        words=tuple(words),
        index=index,
        moments=count,
        parity=_parities(scenario, named),
        word_parity=_parities(scenario, words),
        _lookup=_WordLookup(algebras, moments),
    )


def _monomial(operators: Operators, word: Word) -> Any:
    from sympy import S

    product: Any = S.One
    for own, part in zip(operators, word, strict=True):
        for letter in part:
            product = product * own[letter - 1]
    return product


def _word(letter_of: dict[Any, tuple[int, int]], parties: int, monomial: Any) -> Word:
    """The letters of each party in their order in a monomial: letters of different parties commute."""
    parts: list[list[int]] = [[] for _ in range(parties)]
    for factor in monomial.args if monomial.is_Mul else (monomial,):
        base, power = factor.as_base_exp()
        party, letter = letter_of[base]
        parts[party] += [letter] * int(power)
    return tuple(tuple(part) for part in parts)


def _reduce(algebras: Sequence[PartyAlgebra], word: Word) -> Word | None:
    parts = [algebra.reduce(part) for algebra, part in zip(algebras, word, strict=True)]
    return None if None in parts else tuple(part for part in parts if part is not None)


def _parities(scenario: Scenario, words: Sequence[Word]) -> NDArray[np.int8]:
    """How often, modulo 2, each observable of all parties occurs in each word."""
    places = [
        (party, i)
        for party, letters in enumerate(scenario.letters)
        for i, letter in enumerate(letters, start=1)
        if letter.outcome is None
    ]
    table = [[word[party].count(i) & 1 for party, i in places] for word in words]
    return np.array(table, dtype=np.int8).reshape(len(words), len(places))
