"""Prove the numbers of explicit attacks, and write their certificates."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import flint
import numpy as np
from scipy.linalg import qr

from sdpbound.arrays import Floats
from sdpbound.attacks.mixtures import Mixture
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.explicit import strategy_entry
from sdpbound.bounds.figures import Figure
from sdpbound.bounds.intervals import reach
from sdpbound.bounds.rounding import lower_float, rounded
from sdpbound.checker.attack import PRECISION
from sdpbound.checker.attack_question import read_question
from sdpbound.checker.mixtures import Enclosure, Outcome, enclose, mix
from sdpbound.conic.program import Status
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.errors import CertificateError

__all__ = ["WORTH", "EntropyAttack", "ProvenByAttacks", "build_attack"]

#: A mixture with exactly the tested values may be worse by this many bits than one with values within tolerances.
WORTH = 1e-7


@dataclass(frozen=True, eq=False, repr=False)
class EntropyAttack(Bound):
    """An explicit attack: it proves that the least figure of strategies with the tested data is at most ``value``.

    Eve prepares strategy k with probability ``weights[k]``. She knows k and holds a purification of its state; for the
    conditional mutual information she knows only k. The numbers are enclosed in balls and rounded up.

    Attributes
    ----------
    strategies : explicit states and measurements
    weights : (K,) positive, of sum one; the proven weights as floats
    exact : whether a mixture of exactly these strategies is proven to have the tested data: exactly the tested values
        if ``resolved``, otherwise values within the tolerances
    error : the largest distance of a tested value beyond its tolerance; 0 if exact. If not exact, ``value`` is proven
        for data whose tolerances are wider by this, and approximate for the given data
    resolved : whether weights are proven to exist that give exactly the tested values
    below : the lower bound that the search was given, with the gap that this attack shows; None if there was none
    """

    strategies: tuple[Strategy, ...] = ()
    weights: Floats = None  # type: ignore[assignment]
    exact: bool = False
    error: float = math.nan
    resolved: bool = False
    below: EntropyBound | None = None

    @cached_property
    def behaviour(self) -> Behaviour:
        """The behaviour p[a, b, x, y] of the mixture, in floats."""
        moments = sum(w * s.behaviour().moments for w, s in zip(self.weights, self.strategies, strict=True))
        return Behaviour.from_moments(self.strategies[0].scenario, np.asarray(moments))

    @property
    def local_weight(self) -> float:
        """The weight of the deterministic strategies."""
        return float(sum(w for w, s in zip(self.weights, self.strategies, strict=True) if max(s.dimensions) == 1))

    @property
    def data(self) -> str:
        """A sentence part that says how well the attack has the tested data."""
        if not self.exact:
            return f"APPROXIMATE: tested values missed by up to {rounded_up(self.error)}"
        return "tested values met exactly" if self.resolved else "tested values met within their tolerances"

    def __repr__(self) -> str:
        how = f"explicit attack of {len(self.weights)} strategies, {self.data}"
        return f"least {self.figure} <= {rounded(self.value, self.side)} ({self.side} bound; {how})"


def rounded_up(error: float) -> str:
    """A small number with two digits, rounded up.

    >>> rounded_up(1.21e-10)
    '1.3e-10'
    """
    return f"{Context(prec=2, rounding=ROUND_CEILING).create_decimal(Decimal(error)):.1e}"


# -- the proof ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _AttackQuestion:
    observed: Observations
    figure: Figure

    def head(self) -> dict[str, Any]:
        """The first entries of the certificate."""
        return certificate_head(self.observed, self.figure, "upper", {"kind": "quantum"}, kind="attack")


@dataclass(frozen=True, eq=False)
class _AttackProof(Proof):
    no_functional = (
        "an attack proves no affine functional, it is about its own data only; the bound from below has one."
    )

    question: _AttackQuestion
    own: Observations
    strategies: tuple[dict[str, Any], ...]
    weights: Floats
    adjusted: tuple[int, ...]
    groups: tuple[int, ...] | None

    @property
    def given(self) -> Observations:
        return self.own

    def certificate(self, value: float) -> dict[str, Any]:
        return self.question.head() | {
            "proof": {
                "strategies": list(self.strategies),
                "weights": self.weights.tolist(),
                "adjusted": list(self.adjusted),
                "groups": None if self.groups is None else list(self.groups),
            },
            "claim": {"value": value},
        }


@dataclass(frozen=True, eq=False)
class ProvenByAttacks(Proof):
    """The proof of a number that follows from explicit attacks, which have the certificates.

    Attributes
    ----------
    observed : the tested data
    where : one sentence for who asks for a certificate: where there is one
    """

    no_functional = "an attack proves no affine functional, it is about its own data only."

    observed: Observations
    where: str

    @property
    def given(self) -> Observations:
        return self.observed

    def certificate(self, value: float) -> dict[str, Any]:
        raise CertificateError(self.where)


def build_attack(
    observed: Observations,
    figure: Figure,
    mixture: Mixture,
    seconds: float,
    grouping: Callable[[Mixture], Sequence[int]] | None = None,
) -> EntropyAttack:
    """Make the attack of a mixture: enclose its numbers in balls, and adjust its weights to the data if possible.

    ``grouping`` is for a classical Eve: strategies with the same number look the same to her.
    """
    begun = time.perf_counter()
    asked = _AttackQuestion(observed, figure)
    best = _prove(asked, mixture, grouping)
    if not best.proof.adjusted and mixture.spread is not None:
        other = _prove(asked, mixture.spread, grouping)
        if best.excess > 0.0 or (other.proof.adjusted and other.value <= best.value + WORTH):
            best = min(best, other, key=lambda proven: (proven.excess, not proven.proof.adjusted))
    if best.excess > 0.0 and grouping is None and not reach(observed.tolerances).any():
        nearer = _moved_to_data(observed, best.mixture)
        best = min(best, _prove(asked, nearer, grouping), key=lambda proven: proven.excess)
    error = best.excess
    misses = np.nextafter(best.misses, math.inf)
    wide = observed if error <= 0.0 else replace(observed, tolerances=np.maximum(observed.tolerances, misses))
    return EntropyAttack(
        value=best.value,
        side="upper",
        merit=figure,
        model=None,
        solver_value=mixture.value if grouping is None else math.nan,
        solver="column generation",
        status=Status.OUT_OF_TIME.value if mixture.cut else "explicit attack",
        seconds={"solve": seconds, "certify": time.perf_counter() - begun},
        _proof=replace(best.proof, question=replace(asked, observed=wide)),
        strategies=best.mixture.strategies,
        weights=best.proof.weights,
        exact=error <= 0.0,
        error=max(error, 0.0) + 0.0,  # never -0
        resolved=bool(best.proof.adjusted),
    )


def _moved_to_data(observed: Observations, mixture: Mixture) -> Mixture:
    """The mixture with each weight changed by as small a part of itself as the data need.

    A linear program leaves 1e-10, and mixtures of few strategies, or of those that symmetry makes, are not adjusted.
    """
    rows = np.vstack([mixture.tested.T, np.ones(len(mixture.weights))])
    weights = mixture.weights
    missing = np.append(observed.values, 1.0) - rows @ weights
    weights = weights * np.maximum(1.0 + np.linalg.lstsq(rows * weights, missing, rcond=1e-12)[0], 0.0)
    return replace(mixture, weights=weights, spread=None)


@dataclass(frozen=True, eq=False)
class _Proven:
    """A mixture with its proof; its value and its misses are rounded up."""

    mixture: Mixture
    proof: _AttackProof
    value: float
    misses: Floats

    @property
    def excess(self) -> float:
        """The largest distance of a tested value beyond its tolerance."""
        return float((self.misses - self.proof.given.tolerances).max(initial=0.0))


def _prove(asked: _AttackQuestion, mixture: Mixture, grouping: Callable[[Mixture], Sequence[int]] | None) -> _Proven:
    groups = None if grouping is None else tuple(grouping(mixture))
    strategies = tuple(strategy_entry(s) for s in mixture.strategies)
    weights = np.asarray(mixture.weights / mixture.weights.sum(), dtype=np.float64)
    exact = [Fraction(float(w)) for w in weights]
    question = read_question(asked.head()["question"])
    order = list(range(len(strategies))) if groups is None else list(groups)
    with flint.ctx.workprec(PRECISION):
        enclosures = [enclose(question, entry, f"strategy {k}") for k, entry in enumerate(strategies)]
        # values within intervals are as good as those in their middles, and mostly better
        adjusted = () if reach(asked.observed.tolerances).any() else _independent(enclosures, weights)
        try:
            outcome: Outcome = mix(question, enclosures, exact, adjusted, order)
        except CertificateError:  # the adjusted weights are not certainly positive
            adjusted = ()
            outcome = mix(question, enclosures, exact, adjusted, order)
        value = -lower_float(-outcome.figure) + 0.0
        misses = np.array([-lower_float(-miss) for miss in outcome.misses])
    proof = _AttackProof(asked, asked.observed, strategies, weights, adjusted, groups)
    return _Proven(mixture, proof, value, misses)


def _independent(enclosures: Sequence[Enclosure], weights: Floats) -> tuple[int, ...]:
    """Choose strategies with large weights and independent data, one more than there are tested values."""
    tested = np.array([[float(v.mid()) for v in e.tested] for e in enclosures])
    table = np.concatenate([np.ones((len(weights), 1)), tested.reshape(len(weights), -1)], axis=1)
    count = table.shape[1]
    if len(weights) < count:
        return ()
    triangle, pivots = qr((table * weights[:, None]).T, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle[:count, :count]))
    return tuple(sorted(int(k) for k in pivots[:count])) if diagonal.min() > 0.0 else ()
