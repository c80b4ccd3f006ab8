"""The function that an eavesdropper minimises: a figure of a strategy minus multipliers times its tested values.

A point is a real vector. It has a factor g of the state, ``rho = g g^+ / Tr(g g^+)``, and an anti-Hermitian matrix k
for each setting. The Cayley transform ``u = (1 - k) / (1 + k)`` is unitary. Each column of u is assigned to an outcome,
and the columns of an outcome span its projector. All functions take many points at once, along the first axis, and
gradients are computed with the values.

Let E_k be the effects of the key's outcomes (after flips, if any), and let Eve hold the purification of rho. The
figures are:

- entropy: ``H(key|E) = sum_k S(g^+ E_k g) - S(g^+ g)`` with S(X) = -Tr X log2 X, because ``g^+ E_k g`` has the spectrum
  of Eve's sub-normalised state conditional on the outcome;
- information: the mutual information of Alice's and Bob's outcomes, ``sum_ab p(ab) log2 p(ab) / (p(a) p(b))``;
- power: ``(1 - q) / (r ln 2)`` with ``q = sum_k Tr (g^+ E_k g)^(1+r) (g^+ g)^-r``, which is 2^(-r H) of the Renyi
  entropy of order 1 + r of the kind "petz down";
- kept: an entropy of rounds that are kept, whose effects add up to less than one,
  ``sum_k S(g^+ E_k g) - S(sum_k g^+ E_k g)``;
- weight: one, so that the figure of a mixture is the weight of the strategies from the landscape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.bell.channel import passed
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["Landscape", "Points", "key_effects", "two_binary_settings"]

#: In logarithms, smaller eigenvalues and probabilities are replaced by this; x log x is then 0 up to 1e-28.
TINY = 1e-30
#: Smaller eigenvalues are replaced by this before powers are taken.
SMALL = 1e-14


def key_effects(question: EntropyQuestion) -> Floats:
    """The effects (K, *shape) of the key's values after flips of the bit or its channel, in moment coordinates."""
    effects, q = question.effects, question.preprocessing
    return np.array(passed(q, effects)) if q else effects  # only a key of one bit is flipped


def two_binary_settings(scenario: Scenario) -> bool:
    """Whether all parties have at most two settings, of two outcomes, so that real qubits are enough."""
    return scenario.is_binary and max(scenario.settings) <= 2


@dataclass(frozen=True, eq=False)
class Points:
    """Strategies of one dimension.

    Attributes
    ----------
    parameters : (count, n) the real vectors, see the module
    labels : for each party (count, settings, d), the outcome of each column of the unitary
    """

    parameters: Floats
    labels: tuple[NDArray[np.int64], ...]

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, index: Any) -> Points:
        return Points(self.parameters[index], tuple(table[index] for table in self.labels))

    def join(self, other: Points) -> Points:
        labels = tuple(np.concatenate(pair) for pair in zip(self.labels, other.labels, strict=True))
        return Points(np.concatenate([self.parameters, other.parameters]), labels)


@dataclass(frozen=True, eq=False)
class Landscape:
    """The figure and the tested values as functions of strategies with local dimension d for every party.

    Attributes
    ----------
    scenario : a scenario of two parties or more
    key : (K, *shape) effects of the key's outcomes; for the mutual information, effects of pairs (a, b)
    tested : (J, *shape) coefficients of the tested expressions
    dimension : d, from 2
    rank : the largest rank of the state, which is the number of columns of g
    is_complex : whether states and bases have complex entries
    figure_kind : "entropy", "information", "power", "kept" or "weight"
    bob_outcomes : for the information, the number of Bob's outcomes in the key
    key_settings : of each party, None if it has no part in the key; for random starts in which Eve knows the key
    exponent : the r of a power
    widths : for each party the number of columns of a basis, at least d; empty: d. With more the outcomes are those of
        any measurement, not only of projectors: the effect of an outcome is what its columns are in the first d places
    columns : for each party, which outcomes the columns of the basis of its key setting may have; empty: any
    """

    scenario: Scenario
    key: Floats
    tested: Floats
    dimension: int = 2
    rank: int = 4
    is_complex: bool = False
    figure_kind: Literal["entropy", "information", "power", "kept", "weight"] = "entropy"
    bob_outcomes: int = 0
    key_settings: tuple[int | None, ...] = (None, None)
    exponent: float = 0.0
    widths: tuple[int, ...] = ()
    columns: tuple[tuple[tuple[int, ...], ...], ...] = ()

    @property
    def is_simple(self) -> bool:
        """Whether every good local minimum has all outcomes, which holds for two settings of two outcomes each."""
        return two_binary_settings(self.scenario)

    @property
    def _parties(self) -> range:
        return range(self.scenario.parties)

    @property
    def size(self) -> int:
        """The dimension of the state of all parties."""
        return int(self.dimension**self.scenario.parties)

    @cached_property
    def _readouts(self) -> tuple[Floats, ...]:
        return tuple(self.scenario.readout(party) for party in self._parties)

    def _width(self, party: int) -> int:
        return self.widths[party] if self.widths else self.dimension

    def _angles(self, party: int) -> int:
        """The number of parameters of one basis."""
        d = self._width(party)
        return d * (d - 1) // 2 * (2 if self.is_complex else 1)

    @property
    def parameters(self) -> int:
        """The number of parameters of one point."""
        size = self.size * self.rank * (2 if self.is_complex else 1)
        return size + sum(self._angles(party) * self.scenario.settings[party] for party in self._parties)

    def random(self, count: int, rng: np.random.Generator) -> Points:
        """Random starts, in which every outcome of a setting has a column if there are enough columns.

        In a quarter of the starts the key's settings have one outcome only, so that Eve knows the key.
        """
        parameters = rng.normal(size=(count, self.parameters))
        labels = []
        for party in self._parties:
            table = np.zeros((count, self.scenario.settings[party], self._width(party)), dtype=np.int64)
            for s in range(self.scenario.settings[party]):
                for i in range(count):
                    fixed = i % 4 == 3 and s == self.key_settings[party]
                    table[i, s] = self._columns(party, s, fixed, rng)
            labels.append(table)
        return Points(parameters, tuple(labels))

    def points_of(self, strategies: Sequence[Strategy]) -> Points:
        """The points of real two-qubit strategies whose observables have eigenvalues +-1; the landscape has d = 2.

        A setting of more than two outcomes must always have the first outcome.
        """
        parameters = []
        extra = [0.0] if self.is_complex else []  # imaginary parts
        labels: tuple[list[list[list[int]]], list[list[list[int]]]] = ([], [])
        for strategy in strategies:
            w, v = np.linalg.eigh(strategy.state.real)
            row = list((v * np.sqrt(np.maximum(w, 0.0))).reshape(-1))
            row += extra * len(row)
            for party in (0, 1):
                own = []
                for effects in strategy.measurements[party]:
                    o = 2.0 * effects[0].real - np.eye(2)
                    split = abs(float(np.trace(o))) < 1.0
                    # the columns are at half the observable's angle; the Cayley transform of k turns by -2 atan k
                    row += [-math.tan(math.atan2(o[0, 1], o[0, 0]) / 4.0) if split else 0.0, *extra]
                    own.append([0, 1] if split else [int(o[0, 0] < 0)] * 2)
                labels[party].append(own)
            parameters.append(row)
        return Points(np.array(parameters), tuple(np.array(own, dtype=np.int64) for own in labels))

    def _columns(self, party: int, setting: int, fixed: bool, rng: np.random.Generator) -> NDArray[np.int64]:
        """Random outcomes of the columns of a basis; with ``fixed`` all columns have one outcome."""
        if self.columns and setting == self.key_settings[party]:
            allowed = self.columns[party]
            return np.array(allowed[rng.integers(len(allowed))])
        outcomes = self.scenario.outcomes[party][setting]
        width = self._width(party)
        if fixed:
            return np.full(width, rng.integers(outcomes))
        first = rng.permutation(outcomes)[:width]
        return np.concatenate([first, rng.integers(outcomes, size=width - len(first))])

    def jittered(self, points: Points, rng: np.random.Generator) -> Points:
        """Points close to the given ones, whose data surround the given data."""
        return Points(points.parameters + 1e-3 * rng.normal(size=points.parameters.shape), points.labels)

    def mutated(self, points: Points, count: int, rng: np.random.Generator) -> Points:
        """Points in which one setting has one outcome only, or new random outcomes, and parameters moved a little.

        With more than two settings the best strategies may not use some settings at all, and no descent leads there.
        """
        chosen = points[rng.integers(len(points), size=count)]
        labels = [table.copy() for table in chosen.labels]
        for i in range(count):
            party = int(rng.integers(self.scenario.parties))
            setting = int(rng.integers(self.scenario.settings[party]))
            labels[party][i, setting] = self._columns(party, setting, bool(rng.uniform() < 0.7), rng)
        moved = chosen.parameters + 0.1 * rng.normal(size=chosen.parameters.shape)
        return Points(moved, tuple(labels))

    # -- from parameters to operators -------------------------------------------------------------------------------

    def _bases(self, parameters: Floats, party: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The unitaries and the inverses of 1 + k, each (count, settings, width, width)."""
        d = self._width(party)
        i, j = np.tril_indices(d, -1)
        flat = parameters.reshape(len(parameters), self.scenario.settings[party], self._angles(party))
        half = len(i)
        k = np.zeros((*flat.shape[:2], d, d), dtype=np.complex128 if self.is_complex else np.float64)
        below = flat[..., :half] + (1j * flat[..., half:] if self.is_complex else 0.0)
        k[..., i, j] = below
        k[..., j, i] = -below.conj()
        inverse = np.linalg.inv(np.eye(d) + k)
        return 2.0 * inverse - np.eye(d), inverse

    def _masks(self, labels: NDArray[np.int64], party: int) -> Floats:
        """A table (count, outcomes, settings, d) that is one where a column belongs to an outcome."""
        outcomes = max(self.scenario.outcomes[party])
        return np.asarray(labels[:, None] == np.arange(outcomes)[:, None, None], dtype=np.float64)

    def _split(self, parameters: Floats) -> tuple[NDArray[Any], list[Floats]]:
        """The factors of the states, and the angles of each party."""
        ends = list(accumulate(self._angles(party) * self.scenario.settings[party] for party in self._parties))
        first = parameters.shape[1] - ends[-1]
        state, *angles = np.split(parameters, [first, *(first + end for end in ends[:-1])], axis=1)
        shape = (len(parameters), self.size, self.rank)
        if self.is_complex:
            half = state.shape[1] // 2
            return (state[:, :half] + 1j * state[:, half:]).reshape(shape), angles
        return state.reshape(shape), angles

    def strategies(self, points: Points) -> list[Strategy]:
        """The explicit strategies of the points."""
        g, angles = self._split(points.parameters)
        effects = []
        for party in self._parties:
            u = self._bases(angles[party], party)[0][:, :, : self.dimension]
            effects.append(np.einsum("nsij,nasj,nskj->nsaik", u, self._masks(points.labels[party], party), u.conj()))
        made = []
        for n in range(len(points)):
            state = g[n] @ g[n].conj().T
            parts = [
                tuple(effects[party][n, s, :k] for s, k in enumerate(self.scenario.outcomes[party]))
                for party in self._parties
            ]
            made.append(Strategy(state / np.trace(state).real, tuple(parts)))
        return made

    # -- values and gradients -------------------------------------------------------------------------------------

    def evaluate(self, points: Points, multipliers: Floats, weight: float = 1.0) -> tuple[Floats, Floats]:
        """The values (count,) and gradients (count, n) of ``weight * figure - multipliers . tested values``."""
        raw, angles = self._split(points.parameters)
        norm = np.sqrt((np.abs(raw) ** 2).sum(axis=(1, 2)))[:, None, None]
        g = raw / norm
        unitary: list[NDArray[Any]] = []
        inverse: list[NDArray[Any]] = []
        masks: list[Floats] = []
        observables: list[NDArray[Any]] = []
        for party in self._parties:
            u, r = self._bases(angles[party], party)
            m, top = self._masks(points.labels[party], party), u[:, :, : self.dimension]
            effects = np.einsum("nsij,nasj,nskj->nasik", top, m, top.conj())
            o = np.tensordot(self._readouts[party], effects, axes=((1, 2), (1, 2))).transpose(1, 0, 2, 3)
            for store, item in zip((unitary, inverse, masks, observables), (u, r, m, o), strict=True):
                store.append(item)
        table = np.concatenate([self.key, -np.tensordot(multipliers, self.tested, axes=1)[None]])
        operators = _combine(table, observables)  # (count, K + 1, D, D): effects of the key, minus the Bell operator
        figure, slopes, through = self._derivatives(g, operators[:, :-1])
        rho = g @ g.conj().transpose(0, 2, 1)
        bell = np.einsum("nij,nji->n", operators[:, -1], rho).real
        value = weight * figure + bell
        by_state = weight * through + operators[:, -1] @ g
        by_state = 2.0 * (by_state - g * np.einsum("nij,nij->n", g.conj(), by_state).real[:, None, None]) / norm
        slopes = np.concatenate([weight * slopes, rho[:, None]], axis=1)
        parts = [_real(by_state.reshape(len(g), -1), self.is_complex)]
        for party in self._parties:
            by_observable = _partial(table, observables, slopes, party)
            by_effect = np.tensordot(by_observable, self._readouts[party], axes=(1, 0))  # (n, d, d, outcome, setting)
            parts.append(self._by_angles(by_effect, unitary[party], inverse[party], masks[party]))
        return value, np.concatenate(parts, axis=1)

    def measured(self, points: Points) -> tuple[Floats, Floats]:
        """The figures (count,) and the tested values (count, J)."""
        figure, _ = self.evaluate(points, np.zeros(len(self.tested)))
        values = [-self.evaluate(points, row, 0.0)[0] for row in np.eye(len(self.tested))]
        return figure, np.array(values).reshape(len(self.tested), len(points)).T

    def figure(self, g: NDArray[Any], effects: NDArray[Any]) -> Floats:
        """The figures (count,) of g (count, D, r) of norm one and effects (count, K, D, D), in any dimension."""
        return self._derivatives(g, effects)[0]

    def _derivatives(self, g: NDArray[Any], effects: NDArray[Any]) -> tuple[Floats, NDArray[Any], NDArray[Any]]:
        """The figure, its derivatives (count, K, D, D) by the effects, and half of its derivative by g."""
        through = effects @ g[:, None]
        if self.figure_kind == "weight":
            return np.ones(len(g)), np.zeros_like(effects), np.zeros_like(g)
        if self.figure_kind == "information":
            p = np.einsum("nir,nkir->nk", g.conj(), through).real.reshape(len(g), -1, self.bob_outcomes)
            p = np.maximum(p, TINY)
            log = np.log2(p / (p.sum(axis=2, keepdims=True) * p.sum(axis=1, keepdims=True)))
            slope = log.reshape(len(g), -1)
            rho = g @ g.conj().transpose(0, 2, 1)
            value = (p * log).sum(axis=(1, 2))
            return value, slope[:, :, None, None] * rho[:, None], np.einsum("nk,nkir->nir", slope, through)
        conditional = g.conj().transpose(0, 2, 1)[:, None] @ through
        total = g.conj().transpose(0, 2, 1) @ g
        if self.figure_kind == "power":
            r = self.exponent
            tops, by_key = _power(conditional, 1.0 + r)
            low, by_total = _power(total, -r)
            scale = -1.0 / (r * math.log(2.0))
            own, rest = scale * by_key(low[:, None]), scale * by_total(tops.sum(axis=1))
            value = (np.einsum("nkij,nji->n", tops, low).real - 1.0) * scale
            slopes = g[:, None] @ own @ g.conj().transpose(0, 2, 1)[:, None]
            return value, slopes, (through @ own).sum(axis=1) + g @ rest
        if self.figure_kind == "kept":
            values, logs = _entropies(np.concatenate([conditional, conditional.sum(axis=1, keepdims=True)], axis=1))
            rest = logs[:, -1:] - logs[:, :-1]
            slopes = g[:, None] @ rest @ g.conj().transpose(0, 2, 1)[:, None]
            return values[:, :-1].sum(axis=1) - values[:, -1], slopes, (through @ rest).sum(axis=1)
        values, logs = _entropies(np.concatenate([conditional, total[:, None]], axis=1))
        figure = values[:, :-1].sum(axis=1) - values[:, -1]
        slopes = -g[:, None] @ logs[:, :-1] @ g.conj().transpose(0, 2, 1)[:, None]
        return figure, slopes, g @ logs[:, -1] - (through @ logs[:, :-1]).sum(axis=1)

    def _by_angles(self, by_effect: NDArray[Any], u: NDArray[Any], inverse: NDArray[Any], masks: Floats) -> Floats:
        """The derivatives by the angles, through the Cayley transform: du = -2 (1 + k)^-1 dk (1 + k)^-1."""
        d, width = self.dimension, u.shape[-1]
        q = np.zeros(u.shape, dtype=np.result_type(u, by_effect))
        q[..., :d] = np.einsum("nasi,nsji,njkas->nsik", masks, u[:, :, :d].conj(), by_effect)
        z = -4.0 * inverse @ q @ inverse
        i, j = np.tril_indices(width, -1)
        below, above = z[..., j, i], z[..., i, j]
        grad = (below - above).real
        if self.is_complex:
            grad = np.concatenate([grad, -(below + above).imag], axis=-1)
        return np.asarray(grad.reshape(len(u), -1), dtype=np.float64)


def _combine(table: Floats, observables: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The operators (count, S, D, D): sum_lm.. table[s,l,m,..] A_l (x) B_m (x) .."""
    last = observables[-1]
    found: NDArray[Any] = np.tensordot(last, table, axes=(1, table.ndim - 1))  # (n, d, d, S, L, ..)
    for own in observables[-2::-1]:
        found = np.einsum("nlij,nkq...l->nikjq...", own, found, optimize=True)
        d = found.shape[1] * found.shape[2]
        found = found.reshape(len(own), d, d, *found.shape[5:])
    return np.asarray(np.moveaxis(found, 3, 1))


def _partial(table: Floats, observables: Sequence[NDArray[Any]], slopes: NDArray[Any], party: int) -> NDArray[Any]:
    """Derivatives (n, l, d, d) of sum_s Tr[slopes_s (sum_lm.. table[s,l,m,..] A_l (x) B_m (x) ..)] by a party's A_l."""
    n, s, size, _ = slopes.shape
    d = observables[party].shape[-1]
    before, after = d**party, size // d ** (party + 1)
    moved = np.moveaxis(table, 1 + party, 1)
    others = [o for p, o in enumerate(observables) if p != party]
    rest = _combine(moved.reshape(-1, *moved.shape[2:]), others).reshape(n, s, moved.shape[1], before * after, -1)
    own = slopes.reshape(n, s, before, d, after, before, d, after).transpose(0, 1, 3, 2, 4, 6, 5, 7)
    own = own.reshape(n, s, d, before * after, d, before * after)
    return np.asarray(np.einsum("nsikjq,nslqk->nlij", own, rest, optimize=True))


def _entropies(matrices: NDArray[Any]) -> tuple[Floats, NDArray[Any]]:
    """-Tr X log2 X and log2 X of each matrix."""
    w, v = np.linalg.eigh(matrices)
    log = np.log2(np.maximum(w, TINY))
    return -(w * log).sum(axis=-1), (v * log[..., None, :]) @ v.conj().swapaxes(-1, -2)


def _power(matrices: NDArray[Any], power: float) -> tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]:
    """X^power, and what makes of Y the derivative of Tr X^power Y by X, by differences of powers of eigenvalues."""
    w, v = np.linalg.eigh(matrices)
    w = np.maximum(w, SMALL)
    adjoint = v.conj().swapaxes(-1, -2)
    high, low = w[..., :, None], w[..., None, :]
    apart = np.abs(high - low) > 1e-6 * (high + low)
    ratio = (high**power - low**power) / np.where(apart, high - low, 1.0)
    ratio = np.where(apart, ratio, power * (0.5 * (high + low)) ** (power - 1.0))
    return (v * (w**power)[..., None, :]) @ adjoint, lambda y: v @ ((adjoint @ y @ v) * ratio) @ adjoint


def _real(array: NDArray[Any], is_complex: bool) -> Floats:
    return np.concatenate([array.real, array.imag], axis=1) if is_complex else array
