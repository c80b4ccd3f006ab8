"""Attacks that leave few bits of a key whatever flips come first: no noisy preprocessing saves the key.

The best attack for one probability of flips is a good one for others, too. A few of them, each for the flips that the
ones before leave most bits with, are together close to the best attack for all flips. That they leave no more than a
number of bits is proven for all probabilities at once, see :mod:`sdpbound.checker.all_flips`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.key import Merge, Settings, key_words
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.figures import Figure
from sdpbound.bounds.rounding import rounded
from sdpbound.checker.all_flips import PRECISION, known_from_attack, most_left
from sdpbound.checker.attack_question import read_question
from sdpbound.checker.mixtures import enclose
from sdpbound.errors import CertificateError, InvalidInput

__all__ = ["KeyAttack", "KeyOfFlips", "attack_all_flips", "spectral_entropy", "states_of_key", "widest"]

#: Attacks that are looked for, at most.
_MOST = 10
#: Bits, in units of (1 - 2q)^2, by which one more attack must be expected to leave less.
_GAIN = 1e-7
#: Values of 1 - 2q at which floats look; the proof needs none of them.
_GRID = np.concatenate([np.linspace(0.02, 1.0, 197), [0.9985, 0.9995]])
#: Claims are tried this far above what floats say, one after another, relative to 1e-3 bits and it.
_ABOVE = (1e-4, 1e-3, 1e-2)


@dataclass(frozen=True, slots=True)
class KeyOfFlips(Figure):
    """``max_q min H(A_q|E) - H(A_q|B)`` in bits: a key bit A flipped with probability q, for the best q.

    ``outcomes[a][b]`` is the probability of the key's value a together with outcome b of its receiver.
    """

    kind: ClassVar[str] = "key_rate"
    unit: ClassVar[str] = "bit"
    key: Settings
    outcomes: tuple[tuple[float, ...], ...]
    merge: Merge | None = None

    @property
    def words(self) -> str:
        parties, settings = key_words(self.key, self.merge)
        return f"H({parties}|{settings},E) - H({parties}|B), any flips"

    def entry(self) -> dict[str, Any]:
        own: dict[str, Any] = {"kind": self.kind, "settings": list(self.key)}
        own |= {"outcomes": [list(row) for row in self.outcomes]}
        return own if self.merge is None else own | {"merge": list(self.merge)}

    @property
    def weights(self) -> Floats:
        """The outcomes with a sum of one, (2, n)."""
        table = np.array(self.outcomes)
        return np.asarray(table / table.sum())


@dataclass(frozen=True, eq=False, repr=False)
class KeyAttack(Bound):
    """Attacks on a key that leave at most ``value`` bits with any flips.

    Attributes
    ----------
    attacks : for each of some probabilities of flips the best attack found
    flips : these probabilities
    exact : whether each of the attacks has the tested data, not only approximately

    >>> import sdpbound as sb
    >>> noisy = sb.SingletSelfTest(theta=1.0, phi=1.5, omega=2.6).behaviour(visibility=0.99)
    >>> attack = sb.key_rate_upper_bound(noisy, x=0, y=0, preprocessing="best").attack
    >>> type(attack).__name__, attack.exact, len(attack.flips) == len(attack.attacks)
    ('KeyAttack', True, True)
    """

    attacks: tuple[EntropyAttack, ...] = ()
    flips: tuple[float, ...] = ()

    @property
    def exact(self) -> bool:
        return all(attack.exact for attack in self.attacks)

    @property
    def data(self) -> str:
        """A sentence part that says how well the attacks have the tested data."""
        return max((attack for attack in self.attacks), key=lambda attack: (not attack.exact, not attack.resolved)).data

    @property
    def worst(self) -> int:
        """Which of the attacks is that for the flips with which most is left of the key."""
        left = np.asarray([self._left(q) for q in self.flips])
        return int(left.argmax())

    def _left(self, flips: float) -> float:
        s = np.array([1.0 - 2.0 * flips])
        merit = self.merit
        assert isinstance(merit, KeyOfFlips)
        return float(min(_entropies(a, merit, s)[0] for a in self.attacks) - _errors(merit, s)[0])

    def __repr__(self) -> str:
        return f"{self.figure} <= {rounded(self.value, self.side)} ({len(self.attacks)} explicit attacks, {self.data})"


@dataclass(frozen=True, eq=False)
class _KeyProof(Proof):
    no_functional = "attacks prove no affine functional, they are about their own data only."

    figure: KeyOfFlips
    own: Observations
    mixtures: tuple[dict[str, Any], ...]

    @property
    def given(self) -> Observations:
        return self.own

    def head(self) -> dict[str, Any]:
        return certificate_head(self.own, self.figure, "upper", {"kind": "quantum"}, kind="attacks on all flips")

    def certificate(self, value: float) -> dict[str, Any]:
        return self.head() | {"proof": {"mixtures": list(self.mixtures)}, "claim": {"value": value}}


def attack_all_flips(
    observed: Observations,
    figure: KeyOfFlips,
    attack_of: Callable[[float, float], EntropyAttack],
    known: Sequence[tuple[float, EntropyAttack]] = (),
) -> KeyAttack:
    """Attacks on a key that together leave little with any flips, proven for all probabilities at once.

    Parameters
    ----------
    observed : the tested data
    figure : the key and what its receiver has
    attack_of : the best attack with these flips, and the bits within which it is to be the best one
    known : flips and attacks to start with, of the same key and data

    Returns
    -------
    KeyAttack, side "upper"
    """
    begun = time.perf_counter()
    found = dict(known) or {0.0: attack_of(0.0, 1e-5)}
    curves = [_entropies(attack, figure, _GRID) for attack in found.values()]
    errors, size = _errors(figure, _GRID), _GRID**2
    last = math.inf
    while len(found) < _MOST:
        left = np.min(curves, axis=0) - errors
        # what is left in bits says which flips are best; where none leave any, the share that is left does
        score = left if left.max() > 0.0 else left / size
        if left.max() <= 0.0 and score.max() < 0.0 and len(found) > 1:
            break
        best = int(score.argmax())
        q, gain = 0.5 - 0.5 * float(_GRID[best]), last - float((left / size).max())
        if min(abs(q - own) for own in found) < 1e-3 or (len(found) > 3 and gain < _GAIN):
            break
        last = float((left / size).max())
        found[q] = attack_of(q, min(1e-5, max(1e-9, 1e-4 * float(size[best]))))
        curves.append(_entropies(found[q], figure, _GRID))
    left = np.min(curves, axis=0) - errors
    expected = 0.0
    if (left / size).max() > 0.0:
        near = np.clip(_GRID[int(left.argmax())] + np.linspace(-0.006, 0.006, 241), 0.0, 1.0)
        closer = np.min([_entropies(attack, figure, near) for attack in found.values()], axis=0) - _errors(figure, near)
        expected = max(float(left.max()), float(closer.max()))
    return _proven(observed, figure, found, expected, begun)


def _proven(
    observed: Observations, figure: KeyOfFlips, found: dict[float, EntropyAttack], expected: float, begun: float
) -> KeyAttack:
    seconds = time.perf_counter() - begun
    proof = _KeyProof(figure, *widest(observed, list(found.values())))
    return KeyAttack(
        value=_claim(proof, expected),
        side="upper",
        merit=figure,
        model=None,
        solver_value=expected,
        solver="column generation",
        status="explicit attack",
        seconds={"solve": seconds, "certify": time.perf_counter() - begun - seconds},
        _proof=proof,
        attacks=tuple(found.values()),
        flips=tuple(found),
    )


def _claim(proof: _KeyProof, expected: float) -> float:
    """The least number near the expected one that is proven."""
    question = read_question(proof.head()["question"])
    with flint.ctx.workprec(PRECISION):
        attacks = []
        for mixture in proof.mixtures:
            balls = [enclose(question, s, "a strategy") for s in mixture["strategies"]]
            exact = [Fraction(w) for w in mixture["weights"]]
            attacks.append(known_from_attack(question, balls, exact, mixture["adjusted"])[0])
        for claim in (
            *([0.0] if expected == 0.0 else []),
            *(expected + more * (1e-3 + expected) for more in _ABOVE),
            1.0,
        ):
            try:
                value = most_left(question, attacks, Fraction(claim))
            except CertificateError:
                if claim == 1.0:
                    raise
                continue
            return math.nextafter(float(value), math.inf) if value else 0.0
    raise AssertionError("the last claim is proven, or its error raised")


def widest(observed: Observations, attacks: Sequence[EntropyAttack]) -> tuple[Observations, tuple[dict[str, Any], ...]]:
    """The data with tolerances that all attacks need, and their mixtures as certificates have them."""
    certificates = [attack.certificate.data for attack in attacks]
    wide = np.array([[test["tolerance"] for test in c["question"]["observed"]] for c in certificates])
    given = observed if not len(observed) else replace(observed, tolerances=wide.max(axis=0))
    return given, tuple(
        {name: c["proof"][name] for name in ("strategies", "weights", "adjusted")} for c in certificates
    )


# -- entropies in floats ----------------------------------------------------------------------------------------------


def _entropies(attack: EntropyAttack, figure: KeyOfFlips, s: Floats) -> Floats:
    """H(A_q|E) of an attack in bits, q = (1 - s)/2."""
    total = np.zeros(len(s))
    for weight, strategy in zip(attack.weights, attack.strategies, strict=True):
        first, second = states_of_key(strategy, figure)
        middle, half = 0.5 * (first + second), 0.5 * (first - second)
        shift = s[:, None, None] * half
        both = (
            spectral_entropy(middle + shift) + spectral_entropy(middle - shift) - spectral_entropy(2.0 * middle[None])
        )
        total += weight * both
    return total


def states_of_key(strategy: Strategy, figure: KeyOfFlips) -> tuple[Floats, Floats]:
    """Eve's states for the two values of the key, of trace one together, in a basis of her own."""
    w, v = np.linalg.eigh(strategy.state)
    keep = w > 1e-15
    factor = v[:, keep] * np.sqrt(w[keep])
    parties = [p for p, s in enumerate(figure.key) if s is not None]
    if len(parties) != 1:
        raise InvalidInput(
            f"settings = {figure.key} are those of {len(parties)} parties; flips are of one party's bit."
        )
    party, setting = parties[0], figure.key[parties[0]] or 0
    before, after = (math.prod(d) for d in (strategy.dimensions[:party], strategy.dimensions[party + 1 :]))
    effects = strategy.measurements[party][setting]
    values = range(len(effects)) if figure.merge is None else figure.merge
    own = [
        sum(
            (
                np.kron(np.kron(np.eye(before), e), np.eye(after))
                for e, v in zip(effects, values, strict=True)
                if v == a
            ),
            0.0,
        )
        for a in (0, 1)
    ]
    first, second = (factor.conj().T @ e @ factor if np.ndim(e) else np.zeros((keep.sum(),) * 2) for e in own)
    return first, second


def spectral_entropy(states: Floats) -> Floats:
    """-Tr X log2 X of a stack of matrices."""
    w = np.maximum(np.linalg.eigvalsh(states), 1e-300)
    return np.asarray(-(w * np.log2(w)).sum(axis=-1))


def _errors(figure: KeyOfFlips, s: Floats) -> Floats:
    """H(A_q|B) in bits."""
    first, second = figure.weights[:, :, None]
    middle, half = 0.5 * (first + second), 0.5 * (first - second) * s
    terms = [np.maximum(p, 1e-300) for p in (middle + half, middle - half)]
    whole = np.maximum(first + second, 1e-300)
    return np.asarray(sum(-(p * np.log2(p / whole)).sum(axis=0) for p in terms))
