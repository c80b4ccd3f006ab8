"""Coarser data: outcomes merged, settings left out, and what they prove of the data as they are.

Whoever has an outcome can compute a function of it, so H(A|E) >= H(f(A)|E) whatever Eve holds; and tests that are left
out only free her. A bound on the entropy of coarser data is one on that of the finer ones, for the finer key, and its
functional is one of the finer tests. Where two settings a party are kept, with two new outcomes each, the methods for
qubits apply; :func:`coarsenings` finds those ways to merge in which a CHSH value beyond 2 is left.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.proof import EntropyProof
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["CoarseProof", "Coarsening", "coarsenings"]

#: The new outcome of each outcome, by party and setting.
Maps = tuple[tuple[tuple[int, ...], ...], ...]
#: Coarser tests are those that are a combination of tests to this, relative.
_SPAN = 1e-12
#: CHSH values that are closer to 2 than this are taken for local.
_LOCAL = 1e-9
#: Outcomes of a setting up to which all ways to make two of them are tried; of more, one or the first few against all
#: others.
_MOST_SPLIT = 4
#: Numbers of tests times coordinates, and of choices of settings and maps, above which none are looked for.
_MOST_ENTRIES, _MOST_CHOICES = 2**22, 2**18


@dataclass(frozen=True, eq=False)
class Coarsening:
    """One way to merge outcomes and leave out tests.

    Attributes
    ----------
    maps : the new outcome of each outcome, by party and setting; those of a setting that is left out are all 0
    fine, question : what is asked, of the data as they are and of the coarser ones
    rows : (K, 1 + J) the coarser tests in terms of 1 and the tests
    """

    maps: Maps
    fine: EntropyQuestion
    question: EntropyQuestion
    rows: Floats

    @property
    def words(self) -> str:
        """What is merged and left out, in words.

        Settings are written as in a Bell expression, such as ``A0: 0|12`` for outcomes 1 and 2 of A0 merged.
        """
        merged, absent = [], []
        for party, maps in enumerate(self.maps):
            for setting, values in enumerate(maps):
                name = f"{'AB'[party]}{setting}"
                if not any(values):
                    absent.append(name)
                elif len(values) > 2:
                    parts = ["".join(str(a) for a, new in enumerate(values) if new == k) for k in (0, 1)]
                    merged.append(f"{name}: {'|'.join(parts)}")
        texts = [f"outcomes merged ({', '.join(merged)})"] if merged else []
        texts += [f"without {', '.join(absent)}"] if absent else []
        return ", ".join(texts) or "fewer tests"


@dataclass(frozen=True, eq=False)
class CoarseProof(EntropyProof):
    """A bound on the entropy of coarser data, as one of the data as they are.

    Attributes
    ----------
    coarse : the coarser data
    inner : a bound of theirs that has a functional
    """

    coarse: Coarsening
    inner: Bound

    @cached_property
    def line(self) -> tuple[float, Floats]:
        """Constant and multipliers (J,); what they miss of the coarser functional is charged exactly."""
        found = self.inner.functional
        rows = self.coarse.rows
        multipliers = np.asarray(found.multipliers @ rows[:, 1:], dtype=np.float64)
        inner = self.coarse.question.observed
        pulled = [_exact(m) for m in found.multipliers]
        missed = _combined(self.question.observed.coefficients, [_exact(m) for m in multipliers])
        tests = np.array([self._pulled_back(c) for c in inner.coefficients])
        for index, value in _combined(tests, pulled).items():
            missed[index] = missed.get(index, Fraction(0)) - value
        origin = (0,) * self.question.scenario.parties
        constant = _exact(found.constant) - missed.pop(origin, Fraction(0)) - sum(map(abs, missed.values()))
        return _rounded_down(constant), multipliers

    @property
    def value(self) -> float:
        """The functional's value at the data, less the charge for tolerances, rounded down."""
        constant, multipliers = self.line
        observed, total = self.question.observed, _exact(constant)
        for m, value, tolerance in zip(multipliers, observed.values, observed.tolerances, strict=True):
            total += _exact(m) * _exact(value) - abs(_exact(m)) * _exact(tolerance)
        return _rounded_down(total)

    def entries(self) -> dict[str, Any]:
        tests = self.coarse.question.observed.coefficients
        coarse = {
            "outcomes": [[list(values) for values in party] for party in self.coarse.maps],
            "tests": tests.tolist(),
            "proof": self.inner.certificate.data["proof"],
        }
        return {"multipliers": [-m for m in self.line[1].tolist()], "coarse": coarse}

    def _pulled_back(self, table: Floats) -> Floats:
        """A test of the coarser data as one of the data as they are; its entries are sums of few exact numbers."""
        coarse = self.coarse
        left, right = (_coordinates(coarse, party) for party in (0, 1))
        return np.asarray(left.T @ table @ right, dtype=np.float64)


def coarsenings(question: EntropyQuestion, most: int) -> list[Coarsening]:
    """Coarser data of two settings a party with two outcomes each, the ones with the largest CHSH values first.

    Parameters
    ----------
    question : of two parties; the setting of the key is kept, of two such settings at least one
    most : how many, besides one that leaves out the other key setting
    """
    choices = _Choices.of(question)
    if choices is None:
        return []
    kept: list[tuple[float, Pairs]] = []
    other: list[tuple[float, Pairs]] = []
    for value, pairs in sorted(choices.ranked(), key=lambda item: -item[0]):
        (kept if choices.has_key(pairs) else other).append((value, pairs))
    found = [choices.coarsening(pairs) for _, pairs in [*kept[:most], *other[:1]]]
    return [coarse for coarse in found if coarse is not None]


Pairs = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, eq=False)
class _Choices:
    """Binary functions of the outcomes of each setting, and what the tests say of their correlators.

    ``functions[party]`` has (setting, map); ``vectors[party]`` (n, size) their observables in coordinates; ``rows``
    (1 + n_A, 1 + n_B, 1 + J) the products in terms of 1 and the tests, nan where they are no such combination.
    """

    question: EntropyQuestion
    functions: tuple[list[tuple[int, tuple[int, ...]]], list[tuple[int, tuple[int, ...]]]]
    rows: Floats

    @classmethod
    def of(cls, question: EntropyQuestion) -> _Choices | None:
        """None where there are none, or so many that to look at them takes long."""
        if not question.is_of_a_pair or isinstance(question.preprocessing, BinaryChannel):
            return None
        observed, scenario = question.observed, question.scenario
        functions = (list(_functions(scenario, 0)), list(_functions(scenario, 1)))
        size = (1 + len(observed)) * int(np.prod(scenario.shape))
        count = (len(functions[0]) * len(functions[1])) ** 2
        if not len(observed) or size > _MOST_ENTRIES or count > _MOST_CHOICES or min(map(len, functions)) < 2:
            return None
        vectors = []
        for party in (0, 1):
            observables = [
                sum((-1.0) ** new * scenario.effect(party, setting, a) for a, new in enumerate(values))
                for setting, values in functions[party]
            ]
            vectors.append(np.array([np.eye(scenario.shape[party])[0], *observables]))
        products = np.einsum("ik,jl->ijkl", *vectors).reshape(len(vectors[0]) * len(vectors[1]), -1)
        one = np.zeros((1, products.shape[1]))
        one[0, 0] = 1.0
        tests = np.concatenate([one, observed.coefficients.reshape(len(observed), -1)])
        rows = _clean(np.linalg.lstsq(tests.T, products.T, rcond=None)[0].T)
        missed = np.abs(rows @ tests - products).max(axis=1) > _SPAN * np.maximum(1.0, np.abs(rows).max(axis=1))
        rows[missed] = np.nan
        return cls(question, functions, rows.reshape(len(vectors[0]), len(vectors[1]), -1))

    def ranked(self) -> Iterator[tuple[float, Pairs]]:
        """Pairs of functions of either party whose correlators are known, with CHSH values beyond 2."""
        values = self.rows @ np.array([1.0, *self.question.observed.values])
        for a, b in itertools.product(self._pairs(0), self._pairs(1)):
            if not self._keeps_a_key((a, b)):
                continue
            e = values[1:, 1:][np.ix_(a, b)]
            s, d = np.abs(e[:, 0] + e[:, 1]), np.abs(e[:, 0] - e[:, 1])
            most = max(s[0] + d[1], d[0] + s[1])
            if most > 2.0 + _LOCAL:  # not if nan
                yield float(most), (a, b)

    def has_key(self, pairs: Pairs) -> bool:
        """Whether the settings of the key are kept."""
        asked = (self.question.x, self.question.y)
        return all(s is None or s in self._settings(party, pairs[party]) for party, s in enumerate(asked))

    def coarsening(self, pairs: Pairs) -> Coarsening | None:
        """The data of two functions of either party; None if too little of them is known."""
        fine = self.question
        chosen = [dict(self.functions[p][i] for i in pairs[p]) for p in (0, 1)]
        maps = tuple(tuple(chosen[p].get(s, (0,) * d) for s, d in enumerate(fine.scenario.outcomes[p])) for p in (0, 1))
        scenario = Scenario(tuple(tuple(max(values) + 1 for values in party) for party in maps))
        places = []
        for party in (0, 1):
            letters = [letter.setting for letter in scenario.letters[party]]
            places.append([(0, 0), *((1 + i, 1 + letters.index(self.functions[party][i][0])) for i in pairs[party])])
        rows, tables = [], []
        for (i, k), (j, m) in itertools.product(*places):
            row = self.rows[i, j]
            if (k or m) and np.isfinite(row).all():
                table = np.zeros(scenario.shape)
                table[k, m] = 1.0
                rows.append(row)
                tables.append(table)
        if not rows:
            return None
        found, observed = np.array(rows), fine.observed
        data = Observations(
            scenario,
            np.array(tables),
            found @ np.array([1.0, *observed.values]),
            np.abs(found[:, 1:]) @ observed.tolerances,
        )
        return Coarsening(maps, fine, replace(fine, observed=data, given=None), found)

    def _pairs(self, party: int) -> list[tuple[int, int]]:
        settings = [setting for setting, _ in self.functions[party]]
        return [(i, j) for i, j in itertools.combinations(range(len(settings)), 2) if settings[i] != settings[j]]

    def _settings(self, party: int, pair: tuple[int, int]) -> set[int]:
        return {self.functions[party][i][0] for i in pair}

    def _keeps_a_key(self, pairs: Pairs) -> bool:
        asked = (self.question.x, self.question.y)
        return any(s is not None and s in self._settings(party, pairs[party]) for party, s in enumerate(asked))


def _functions(scenario: Scenario, party: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each setting with its ways to make two outcomes of all, the first one 0."""
    for setting, d in enumerate(scenario.outcomes[party]):
        if d <= _MOST_SPLIT:
            for rest in itertools.product((0, 1), repeat=d - 1):
                if any(rest):
                    yield setting, (0, *rest)
        else:
            found = {tuple(int(a >= k) for a in range(d)) for k in range(1, d)}
            found |= {tuple(int(a == k) for a in range(d)) for k in range(1, d)}
            for values in sorted(found):
                yield setting, values


def _coordinates(coarse: Coarsening, party: int) -> Floats:
    """(size, fine size): the coordinates of the coarser data in those of the data as they are."""
    fine, scenario = coarse.fine.scenario, coarse.question.scenario
    rows = [np.eye(fine.shape[party])[0]]
    for letter in scenario.letters[party]:
        values = coarse.maps[party][letter.setting]
        effects = [fine.effect(party, letter.setting, a) for a in range(len(values))]
        signs = [(-1.0) ** new if letter.outcome is None else float(new == letter.outcome) for new in values]
        rows.append(np.asarray(np.tensordot(signs, effects, axes=1), dtype=np.float64))
    return np.array(rows)


def _clean(rows: Floats) -> Floats:
    """Numbers that are a multiple of 1/64 but for rounding, as that."""
    near = np.round(64.0 * rows) / 64.0
    return np.asarray(np.where(np.abs(rows - near) < _SPAN, near, rows), dtype=np.float64)


def _combined(tables: Floats, multipliers: Sequence[Fraction]) -> dict[tuple[int, ...], Fraction]:
    """The sum of tables with these multipliers, exactly, of the entries that are not zero."""
    total: dict[tuple[int, ...], Fraction] = {}
    for table, m in zip(tables, multipliers, strict=True):
        if m:
            for index in zip(*(axis.tolist() for axis in np.nonzero(table)), strict=True):
                total[index] = total.get(index, Fraction(0)) + m * _exact(table[index])
    return total


def _exact(value: float) -> Fraction:
    return Fraction(float(value))


def _rounded_down(value: Fraction) -> float:
    return lower_float(flint.arb(flint.fmpq(value.numerator, value.denominator)))
