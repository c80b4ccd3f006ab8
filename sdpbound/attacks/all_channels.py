"""An attack that leaves few bits of a key whatever channel its bit passes first.

For one mixture of strategies what is left of a key behind a channel is a sum over the channel's values of a function of
their likelihoods that is homogeneous of degree one (:mod:`sdpbound.checker.all_channels`). So the best channel is read
off the concave envelope of a function of one number t, two values are enough, and a line above that function proves
that no channel leaves more. Mixtures of attacks are attacks: a linear program finds the shares and the line with which
least is left, and its multipliers say which channel to attack next.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import flint
import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.attacks.all_flips import KeyOfFlips, spectral_entropy, states_of_key, widest
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.channel import Preprocessing, channel_of, up_and_down
from sdpbound.bell.key import key_words
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.rounding import rounded
from sdpbound.checker.all_channels import left_by
from sdpbound.checker.all_flips import PRECISION, known_from_attack
from sdpbound.checker.attack_question import read_question
from sdpbound.checker.mixtures import enclose
from sdpbound.conic.solvers.linear_ import minimise_standard
from sdpbound.errors import CertificateError

__all__ = ["ChannelAttack", "KeyOfChannels", "attack_all_channels"]

#: Attacks that are looked for, at most, and bits that one more must be expected to take away.
_MOST, _GAIN = 10, 1e-7
#: Channels that are attacked differ at least by this, and have at least this distance from a constant one.
_APART, _CLEAR = 1e-5, 0.05
#: Places t at which floats look: closer near both ends, and near 1/2, where the line touches if nothing is left.
_NEAR = 10.0 ** np.arange(-6.0, -1.5, 0.5)
_GRID = np.unique(np.concatenate([np.linspace(0.0, 1.0, 161), _NEAR, 1.0 - _NEAR, 0.5 - _NEAR, 0.5 + _NEAR]))
#: The step of a slope at 1/2, and bits that floats do not resolve.
_STEP, _ROUNDINGS = 1e-4, 1e-13
#: Claims are tried this far above what floats say, relative to 1e-3 bits and it; and these where nothing is left.
_ABOVE, _NOTHING = (1e-4, 1e-3, 1e-2), (5e-13, 9e-13)


@dataclass(frozen=True, slots=True)
class KeyOfChannels(KeyOfFlips):
    """``max min H(A'|E) - H(A'|B)`` in bits: A' is what a channel makes of the key bit, for the best channel."""

    kind: ClassVar[str] = "key_rate_any_channel"

    @property
    def words(self) -> str:
        parties, settings = key_words(self.key, self.merge)
        return f"H({parties}|{settings},E) - H({parties}|B), any channel"


@dataclass(frozen=True, eq=False, repr=False)
class ChannelAttack(Bound):
    """An attack on a key that leaves at most ``value`` bits whatever channel comes first.

    Attributes
    ----------
    attacks, shares : mixtures of strategies, and the share of each in the attack
    channels : what each of them was found for
    channel : the channel with which the attack leaves most, as far as floats say
    """

    attacks: tuple[EntropyAttack, ...] = ()
    shares: tuple[float, ...] = ()
    channels: tuple[Preprocessing, ...] = ()
    channel: Preprocessing = 0.0

    @property
    def exact(self) -> bool:
        """Whether it has the tested data, not only approximately."""
        return all(attack.exact for attack in self.attacks)

    @property
    def data(self) -> str:
        """A sentence part that says how well the attack has the tested data."""
        return max(self.attacks, key=lambda attack: (not attack.exact, not attack.resolved)).data

    @property
    def closest(self) -> EntropyAttack:
        """The part that was found for the channel closest to the best one."""
        best = np.array(up_and_down(self.channel))
        away = [float(np.abs(best - up_and_down(own)).sum()) for own in self.channels]
        return self.attacks[int(np.argmin(away))]

    def __repr__(self) -> str:
        return f"{self.figure} <= {rounded(self.value, self.side)} ({len(self.attacks)} explicit attacks, {self.data})"


@dataclass(frozen=True, eq=False)
class _ChannelProof(Proof):
    no_functional = "attacks prove no affine functional, they are about their own data only."

    figure: KeyOfChannels
    own: Observations
    mixtures: tuple[dict[str, Any], ...]
    shares: tuple[float, ...]
    line: tuple[float, float]

    @property
    def given(self) -> Observations:
        return self.own

    def head(self) -> dict[str, Any]:
        return certificate_head(self.own, self.figure, "upper", {"kind": "quantum"}, kind="attacks on all channels")

    def certificate(self, value: float) -> dict[str, Any]:
        proof = {"mixtures": list(self.mixtures), "shares": list(self.shares), "line": list(self.line)}
        return self.head() | {"proof": proof, "claim": {"value": value}}


def attack_all_channels(
    observed: Observations,
    figure: KeyOfChannels,
    attack_of: Callable[[Preprocessing, float], EntropyAttack],
    known: Sequence[tuple[Preprocessing, EntropyAttack]] = (),
) -> ChannelAttack:
    """An attack on a key that leaves little whatever its channel, proven for all channels at once.

    Parameters
    ----------
    observed : the tested data
    figure : the key and what its receiver has
    attack_of : the best attack behind a channel, and the bits within which it is to be the best one
    known : channels and attacks to start with, of the same key and data

    Returns
    -------
    ChannelAttack, side "upper"
    """
    begun = time.perf_counter()
    search = _Search(figure)
    for channel, attack in known or ((0.0, attack_of(0.0, 1e-5)),):
        search.add(channel, attack)
    best = search.best()
    while len(search.attacks) < _MOST:
        channel = _clear(best.channel)
        near = min(float(np.abs(np.subtract(up_and_down(channel), up_and_down(c))).max()) for c in search.channels)
        if best.left <= 0.0 or near < _APART:
            break
        size = (1.0 - sum(up_and_down(channel))) ** 2
        search.add(channel, attack_of(channel, min(1e-5, max(1e-9, 1e-4 * size))))
        last, best = best, search.best()
        if len(search.attacks) > 3 and last.left - best.left < _GAIN:
            break
    return search.proven(observed, best, begun)


@dataclass(frozen=True, slots=True)
class _Best:
    """Shares of the attacks, a line (l_0, l_1), the bits left and the channel that leaves them, all in floats."""

    shares: Floats
    line: tuple[float, float]
    left: float
    channel: Preprocessing


class _Search:
    """Attacks with what each of them leaves, as functions of t."""

    def __init__(self, figure: KeyOfChannels) -> None:
        self.figure = figure
        self.attacks: list[EntropyAttack] = []
        self.channels: list[Preprocessing] = []
        self.curves: list[Floats] = []
        self.receiver = self._receiver(_GRID)

    def add(self, channel: Preprocessing, attack: EntropyAttack) -> None:
        self.attacks.append(attack)
        self.channels.append(channel)
        self.curves.append(_eve(attack, self.figure, _GRID))

    def best(self) -> _Best:
        """The shares with which least is left; where that is nothing, the line touches at 1/2."""
        curves = np.array(self.curves)
        middle = int(np.flatnonzero(_GRID == 0.5)[0])
        weights, _, likely = _lowest(_GRID, self.receiver, curves, 2.0 * curves[:, middle])
        shares = np.where(weights > 1e-9, weights, 0.0)
        shares /= shares.sum()
        above = likely * (_GRID > 0.5)
        channel = channel_of(min(float(above @ (1.0 - _GRID)), 1.0), max(1.0 - float(above @ _GRID), 0.0))
        own = shares @ curves - self.receiver
        tangent = self._tangent(shares, own[middle])
        if float((own - _on(tangent, _GRID)).max()) <= _ROUNDINGS:
            return _Best(shares, tangent, 0.0, channel)
        line = self._raised(shares, likely)
        return _Best(shares, line, line[0] + line[1] - 2.0 * float(own[middle]), channel)

    def _function(self, shares: Floats, places: Floats) -> Floats:
        used = [(s, a) for s, a in zip(shares, self.attacks, strict=True) if s]
        eve = sum((s * _eve(a, self.figure, places) for s, a in used), np.zeros(len(places)))
        return np.asarray(eve - self._receiver(places))

    def _tangent(self, shares: Floats, middle: float) -> tuple[float, float]:
        """The line that touches the function at 1/2, with differences of fourth order."""
        steps = _STEP * np.array([-2.0, -1.0, 1.0, 2.0])
        slope = float(self._function(shares, 0.5 + steps) @ np.array([1.0, -8.0, 8.0, -1.0])) / (12.0 * _STEP)
        return float(middle) - 0.5 * slope, float(middle) + 0.5 * slope

    def _raised(self, shares: Floats, likely: Floats) -> tuple[float, float]:
        """The lowest line above the function, with closer places where it touches."""
        ends: list[Floats] = [
            np.linspace(_GRID[max(i - 1, 0)], _GRID[min(i + 1, len(_GRID) - 1)], 41)
            for i in map(int, np.flatnonzero(likely > 1e-7))
        ]
        places = np.unique(np.concatenate([_GRID, *ends]))
        values = self._function(shares, places)
        _, own, _ = _lowest(places, -values, np.zeros((0, len(places))), np.zeros(0))
        excess = max(float((values - _on(own, places)).max()), 0.0)
        return own[0] + excess, own[1] + excess

    def _receiver(self, places: Floats) -> Floats:
        first, second = self.figure.weights
        table = np.outer(1.0 - places, first) + np.outer(places, second)
        return np.asarray(-(table * np.log2(np.maximum(table, 1e-300))).sum(axis=1))

    def proven(self, observed: Observations, best: _Best, begun: float) -> ChannelAttack:
        """The attack with a proof of what it leaves."""
        used = [(s, a, c) for s, a, c in zip(best.shares, self.attacks, self.channels, strict=True) if s]
        shares, attacks, channels = zip(*used, strict=True)
        proof = _ChannelProof(self.figure, *widest(observed, attacks), tuple(map(float, shares)), best.line)
        seconds = time.perf_counter() - begun
        return ChannelAttack(
            value=_claim(proof, best.left),
            side="upper",
            merit=self.figure,
            model=None,
            solver_value=best.left,
            solver="column generation",
            status="explicit attack",
            seconds={"solve": seconds, "certify": time.perf_counter() - begun - seconds},
            _proof=proof,
            attacks=attacks,
            shares=proof.shares,
            channels=channels,
            channel=best.channel,
        )


def _claim(proof: _ChannelProof, expected: float) -> float:
    """The least number near the expected one that is proven."""
    question = read_question(proof.head()["question"])
    with flint.ctx.workprec(PRECISION):
        known = []
        for mixture in proof.mixtures:
            balls = [enclose(question, s, "a strategy") for s in mixture["strategies"]]
            exact = [Fraction(w) for w in mixture["weights"]]
            known.append(known_from_attack(question, balls, exact, mixture["adjusted"])[0])
        line = Fraction(proof.line[0]), Fraction(proof.line[1])
        left, least = left_by(question, known, [Fraction(s) for s in proof.shares], line)
        near = [expected + more * (1e-3 + expected) for more in _ABOVE]
        for claim in (*(_NOTHING if expected == 0.0 else ()), *near, 1.0):
            try:
                most = left.most((flint.arb(claim) - least) / 2)
            except CertificateError:
                if claim == 1.0:
                    raise
                continue
            value = float((least + 2 * most.max(flint.arb(0))).upper())
            return float(max(math.nextafter(value, math.inf), claim))
    raise AssertionError("the last claim is proven, or its error raised")


def _clear(channel: Preprocessing) -> Preprocessing:
    """The channel, or where it is close to a constant one the one whose rarer value is more frequent by a factor."""
    p0, p1 = up_and_down(channel)
    rest = 1.0 - p0 - p1
    if rest >= _CLEAR or rest <= 0.0:
        return channel if rest > 0.0 else 0.0
    one = p0 <= p1  # value 1 is the rarer one
    rare = np.array([p0, 1.0 - p1] if one else [1.0 - p0, p1])
    rare *= min(1.0 / rare.max(), _CLEAR / rest)
    return channel_of(float(rare[0]), 1.0 - float(rare[1])) if one else channel_of(1.0 - float(rare[0]), float(rare[1]))


# -- in floats --------------------------------------------------------------------------------------------------------


def _eve(attack: EntropyAttack, figure: KeyOfChannels, places: Floats) -> Floats:
    """The mean entropy of Eve's states (1 - t) X_0 + t X_1."""
    total = np.zeros(len(places))
    for weight, strategy in zip(attack.weights, attack.strategies, strict=True):
        first, second = states_of_key(strategy, figure)
        mixed = (1.0 - places)[:, None, None] * first + places[:, None, None] * second
        total += weight * spectral_entropy(mixed)
    return total


def _lowest(places: Floats, above: Floats, curves: Floats, gains: Floats) -> tuple[Floats, tuple[float, float], Floats]:
    """Shares w of curves (n, G), a line l, and multipliers (G,) of the linear program

    ::

        minimise  l_0 + l_1 - gains . w   subject to   w . curves - line <= above at all places,  sum w = 1,  w >= 0.

    Without curves it is about the line alone.
    """
    n, count = curves.shape
    line = np.column_stack([1.0 - places, places])
    rows = [sp.csc_array(np.hstack([curves.T, -line, line])), sp.eye_array(count)]
    matrix, target = sp.hstack(rows), above
    if n:
        whole = sp.csc_array(np.concatenate([np.ones(n), np.zeros(4 + count)])[None])
        matrix, target = sp.vstack([matrix, whole]), np.append(above, 1.0)
    cost = np.concatenate([-gains, [1.0, 1.0, -1.0, -1.0], np.zeros(count)])
    found = minimise_standard(cost, sp.csc_array(matrix), target)
    x = found.solution[n : n + 4]
    return found.solution[:n], (float(x[0] - x[2]), float(x[1] - x[3])), -found.multipliers[:count]


def _on(line: tuple[float, float], places: Floats) -> Floats:
    return np.asarray(line[0] * (1.0 - places) + line[1] * places)
