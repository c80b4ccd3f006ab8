"""Upper bounds on Eve's conditional entropy from explicit attacks."""

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
from numpy.typing import NDArray
from scipy.linalg import qr

from sdpbound.arguments import instance, whole
from sdpbound.assemble import Question
from sdpbound.assemble_entropy import EntropyQuestion
from sdpbound.attacks.landscape import Landscape, key_effects
from sdpbound.attacks.mixtures import Mixture, deterministic_strategies, least_mixture, mixture_of
from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bounds import Bound, Functional, describe_figure, lower_float, raise_if_separated, rounded
from sdpbound.errors import CertificateError, InvalidInput, InvalidParameter, InvalidShape, SolverFailure
from sdpbound.merits.conditional_entropy import require_preprocessing
from sdpbound.models import Quantum
from sdpbound.qubits import least_mixture as qubit_mixture
from sdpbound.strategies import Strategy
from sdpbound.verify_attack import PRECISION, Enclosure, Outcome, enclose, mix, read_question
from sdpbound.version import __version__

__all__ = ["EntropyAttack", "build_attack", "conditional_entropy_upper_bound", "raise_if_out_of_reach"]

Floats = NDArray[np.float64]
#: Eigenvalues of states and effects below this are rounding.
ROUNDING = 1e-16
#: Data missed by more than this are looked at for a separating functional; by more than FAR they are not answered.
NEAR, FAR = 1e-7, 1e-4


@dataclass(frozen=True, eq=False, repr=False)
class EntropyAttack(Bound):
    """An explicit attack, and what it proves: a figure of quantum strategies with the tested data is at most ``value``.

    Eve prepares strategy k with probability ``weights[k]``, knows k, and holds a purification of its state (of
    conditional mutual information: knows k only). The numbers are enclosed in balls and rounded up.

    Attributes
    ----------
    strategies : explicit states and measurements
    weights : (K,), positive, sum one; floats of the weights proven
    exact : whether a mixture of exactly these strategies is proven to have the tested data: exactly the tested values
        if ``resolved``, else within the tolerances of the data
    error : how far a tested value may be beyond its tolerance: 0 if exact. If not exact, ``value`` is proven for data
        with tolerances wider by this, and approximate for the data asked about
    resolved : whether weights are proven to exist for which the tested values are exactly the given ones
    """

    strategies: tuple[Strategy, ...] = ()
    weights: Floats = None  # type: ignore[assignment]
    exact: bool = False
    error: float = math.nan
    resolved: bool = False

    @property
    def functional(self) -> Functional:  # type: ignore[override]
        """None exists: an attack is about its own data only."""
        raise CertificateError(
            "an attack proves no affine functional, it is about its own data only; the bound from below has one."
        )

    @cached_property
    def behaviour(self) -> Behaviour:
        """What the mixture does: p[a, b, x, y] (floating point)."""
        moments = sum(w * s.behaviour().moments for w, s in zip(self.weights, self.strategies, strict=True))
        return Behaviour.from_moments(self.strategies[0].scenario, np.asarray(moments))

    @property
    def local_weight(self) -> float:
        """Weight of the deterministic strategies."""
        return float(sum(w for w, s in zip(self.weights, self.strategies, strict=True) if max(s.dimensions) == 1))

    @property
    def data(self) -> str:
        """How the tested data are met, in words."""
        if not self.exact:
            return f"APPROXIMATE: tested values missed by up to {rounded_up(self.error)}"
        return "tested values met exactly" if self.resolved else "tested values met within their tolerances"

    def __repr__(self) -> str:
        how = f"explicit attack of {len(self.weights)} strategies, {self.data}"
        return f"least {self.figure} <= {rounded(self.value, self.side)} ({self.side} bound; {how})"


def rounded_up(error: float) -> str:
    """Two digits of a small number.

    >>> rounded_up(1.21e-10)
    '1.3e-10'
    """
    return f"{Context(prec=2, rounding=ROUND_CEILING).create_decimal(Decimal(error)):.1e}"


def conditional_entropy_upper_bound(
    observed: Observations,
    x: int = 0,
    y: int | None = None,
    preprocessing: float = 0.0,
    dimension: int | None = None,
    strategies: Sequence[Strategy] = (),
    seed: int = 0,
    tolerance: float = 2e-6,
) -> EntropyAttack:
    """Upper bound on the least H(A|X=x,E), or with ``y`` H(AB|X=x,Y=y,E), of the tested data: an explicit attack.

    A mixture of strategies, Eve holding each purification and the index, found by column generation over strategies of
    one dimension (for two settings of two outcomes each, qubits are enough by Jordan's lemma). It says what no analysis
    of these tested data can exceed; :func:`conditional_entropy` bounds the same number from below.

    Parameters
    ----------
    observed : what Alice and Bob test: any linear data of two parties
    x, y, preprocessing : as in :func:`conditional_entropy`
    dimension : of each party's system, 2 to 6; default 2, or the largest number of outcomes
    strategies : explicit strategies to begin with, e.g. the devices' own
    seed : of the random starts
    tolerance : bits; the search ends when it finds no strategy that improves the mixture by this

    Returns
    -------
    EntropyAttack, side "upper", in bits. On the boundary of the quantum set no mixture of floats has the data exactly;
    the attack then is labelled approximate

    Raises
    ------
    Infeasible, InvalidSettings, InvalidParameter, InvalidShape, SolverFailure

    >>> import sdpbound as sb
    >>> attack = sb.conditional_entropy_upper_bound(sb.Observations.bell_value(sb.chsh(), 2.5))
    >>> attack.exact, round(attack.value, 5)
    (True, 0.45644)
    >>> attack.certificate.verify().side
    'upper'
    """
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    scenario = observed.scenario
    if scenario.parties != 2:
        raise InvalidShape(f"conditional entropies need two parties besides Eve, not {scenario}.")
    x = scenario.require_setting(0, x, "x")
    y = None if y is None else scenario.require_setting(1, y, "y")
    question = EntropyQuestion(observed, x, y, require_preprocessing(preprocessing))
    if question.preprocessing and (y is not None or question.outcomes != 2):
        raise InvalidParameter(
            f"preprocessing = {preprocessing!r} flips a key of one bit: leave y out and take a setting x with two "
            "outcomes, or leave it 0."
        )
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 1e-9 <= tolerance <= 1.0:
        raise InvalidParameter(f"tolerance = {tolerance!r:.60} of an attack must be a number of bits from 1e-9 to 1.")
    begun = time.perf_counter()
    landscape = landscape_of(observed, key_effects(question), dimension)
    qubits = _qubit_strategies(question, tolerance) if dimension in (None, 2) else []
    mixture = search(landscape, observed, strategies, seed, tolerance, qubits)
    return build_attack(observed, question.figure, mixture, time.perf_counter() - begun)


# -- the search ---------------------------------------------------------------------------------------------------


def landscape_of(observed: Observations, key: Floats, dimension: int | None) -> Landscape:
    """Strategies worth looking through: real qubits for two binary settings each, else complex ones."""
    scenario = observed.scenario
    qubits = scenario.is_binary and max(scenario.settings) <= 2
    d = max(2, *map(max, scenario.outcomes)) if dimension is None else whole(dimension, "dimension", 2, 6)
    return Landscape(scenario, key, observed.coefficients, d, d * d, not qubits or d > 2)


def _qubit_strategies(question: EntropyQuestion, tolerance: float) -> list[Strategy]:
    """Those of the best mixture of qubit strategies, where at most two settings of two outcomes a party are tested."""
    try:
        optimum = qubit_mixture(question, tolerance=min(tolerance, 1e-6))
    except InvalidInput:
        return []
    made = []
    for state, *observables in zip(optimum.states, optimum.alice, optimum.bob, strict=True):
        parties = [
            tuple(_effects(o, d) for o, d in zip(own, outcomes, strict=True))
            for own, outcomes in zip(observables, question.scenario.outcomes, strict=True)
        ]
        made.append(Strategy(state, tuple(parties)))
    return made


def _effects(observable: Floats, outcomes: int) -> Floats:
    """Of an observable; with more outcomes than two the setting is not tested, and the observable is the identity."""
    effects = np.zeros((outcomes, *observable.shape))
    one = np.eye(len(observable))
    effects[0] = (one + observable) / 2.0
    if outcomes > 1:
        effects[1] = (one - observable) / 2.0
    return effects


def search(
    landscape: Landscape,
    observed: Observations,
    strategies: Sequence[Strategy],
    seed: int,
    tolerance: float,
    optimal: Sequence[Strategy] = (),
    cost: Callable[[Strategy], float] | None = None,
) -> Mixture:
    """The best mixture found, from deterministic and given strategies and those of the landscape.

    ``optimal``: strategies a mixture of which is known to be the best; if it has the tested values, nothing is searched.
    ``cost``: of the deterministic and given strategies, default the landscape's figure.
    """
    generator = np.random.default_rng(whole(seed, "seed", 0, 2**32))
    scenario = observed.scenario
    given = [instance(s, Strategy, "a strategy", "SingletSelfTest(...).strategy") for s in strategies]
    for s in given:
        if s.scenario != scenario:
            raise InvalidInput(f"a strategy of {s.scenario} does not fit tested data of {scenario}.")
    fixed = [*deterministic_strategies(scenario), *given, *optimal]
    figures = np.array([figure_of(s, landscape) if cost is None else cost(s) for s in fixed])
    tested = np.array([_tested(observed, s) for s in fixed]).reshape(len(fixed), len(observed))
    columns = (fixed, figures, tested)
    mixture = mixture_of(landscape, observed.values, columns) if optimal else None
    if mixture is None:
        mixture = least_mixture(landscape, observed.values, columns, generator, tolerance=tolerance)
    raise_if_out_of_reach(observed, mixture)
    return mixture


def raise_if_out_of_reach(observed: Observations, mixture: Mixture) -> None:
    """Infeasible where the data are proven to be outside the quantum set, SolverFailure where no mixture has them."""
    misses = np.abs(mixture.weights @ mixture.tested - observed.values) - observed.tolerances
    miss = float(misses.max(initial=0.0))
    if miss <= NEAR:
        return
    scenario = observed.scenario
    empty = np.zeros((1, *scenario.shape))
    question = Question(scenario, empty, observed, {"kind": "separation"}, "upper", -math.inf)
    raise_if_separated(question, Quantum("1+AB"))
    if miss > FAR:
        raise SolverFailure(
            f"the best mixture found misses a tested value by {miss:.3g}; take a larger dimension=, give the devices' "
            "own strategy with strategies=[...], or check that the data are quantum."
        )


def figure_of(strategy: Strategy, landscape: Landscape) -> float:
    """The figure of an explicit strategy of any dimension, in floats."""
    d = strategy.dimensions
    effects = []
    for party in (0, 1):
        table = np.zeros((*landscape.scenario.readout(party).shape[1:], d[party], d[party]), dtype=np.complex128)
        for s, own in enumerate(strategy.measurements[party]):
            table[: len(own), s] = own
        effects.append(np.tensordot(landscape.scenario.readout(party), table, axes=2))
    w, v = np.linalg.eigh(strategy.state)
    factor = v * np.sqrt(np.maximum(w, 0.0))
    operators = np.einsum("klm,lij,mpq->kipjq", landscape.key, *effects, optimize=True)
    operators = operators.reshape(len(landscape.key), d[0] * d[1], d[0] * d[1])
    return float(landscape.figure(factor[None], operators[None])[0])


def _tested(observed: Observations, strategy: Strategy) -> Floats:
    return np.asarray(np.tensordot(observed.coefficients, strategy.behaviour().moments, axes=2), dtype=np.float64)


# -- the proof ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _AttackQuestion:
    observed: Observations
    figure: dict[str, Any]

    def entry(self) -> dict[str, Any]:
        observed = self.observed
        return {
            "scenario": {"outcomes": [list(p) for p in observed.scenario.outcomes]},
            "figure": self.figure,
            "side": "upper",
            "observed": [
                {"coefficients": c.tolist(), "value": float(v), "tolerance": float(t)}
                for c, v, t in zip(observed.coefficients, observed.values, observed.tolerances, strict=True)
            ],
            "model": {"kind": "quantum"},
        }


@dataclass(frozen=True, eq=False)
class _AttackProof:
    question: _AttackQuestion
    given: Observations
    strategies: tuple[dict[str, Any], ...]
    weights: Floats
    adjusted: tuple[int, ...]
    groups: tuple[int, ...] | None

    def functional(self) -> Functional:
        raise CertificateError("an attack proves no affine functional.")

    def certificate(self, value: float) -> dict[str, Any]:
        return {
            "format": "sdpbound certificate",
            "version": 1,
            "created_by": f"sdpbound {__version__}",
            "question": self.question.entry(),
            "proof": {
                "strategies": list(self.strategies),
                "weights": self.weights.tolist(),
                "adjusted": list(self.adjusted),
                "groups": None if self.groups is None else list(self.groups),
            },
            "claim": {"value": value},
        }


def build_attack(
    observed: Observations,
    figure: dict[str, Any],
    mixture: Mixture,
    seconds: float,
    grouping: Callable[[Mixture], Sequence[int]] | None = None,
) -> EntropyAttack:
    """Enclose a mixture's numbers in balls, its weights adjusted to the data where they can be.

    ``grouping``: of a classical Eve, what she learns of each strategy.
    """
    begun = time.perf_counter()
    asked = _AttackQuestion(observed, figure)
    best = _prove(asked, mixture, grouping)
    if best.excess > 0.0 and mixture.spread is not None:
        best = min(best, _prove(asked, mixture.spread, grouping), key=lambda proven: proven.excess)
    error = best.excess
    misses = np.nextafter(best.misses, math.inf)
    wide = observed if error <= 0.0 else replace(observed, tolerances=np.maximum(observed.tolerances, misses))
    return EntropyAttack(
        value=best.value,
        side="upper",
        figure=describe_figure(figure),
        model=None,
        solver_value=mixture.value if grouping is None else math.nan,
        solver="column generation",
        status="explicit attack",
        seconds={"solve": seconds, "certify": time.perf_counter() - begun},
        _proof=replace(best.proof, question=replace(asked, observed=wide)),
        strategies=best.mixture.strategies,
        weights=best.proof.weights,
        exact=error <= 0.0,
        error=max(error, 0.0),
        resolved=bool(best.proof.adjusted),
    )


@dataclass(frozen=True, eq=False)
class _Proven:
    """A mixture with its enclosed numbers: value and misses rounded up."""

    mixture: Mixture
    proof: _AttackProof
    value: float
    misses: Floats

    @property
    def excess(self) -> float:
        """How far a tested value is beyond its tolerance."""
        return float((self.misses - self.proof.given.tolerances).max(initial=0.0))


def _prove(asked: _AttackQuestion, mixture: Mixture, grouping: Callable[[Mixture], Sequence[int]] | None) -> _Proven:
    groups = None if grouping is None else tuple(grouping(mixture))
    strategies = tuple(_entry(s) for s in mixture.strategies)
    weights = np.asarray(mixture.weights / mixture.weights.sum(), dtype=np.float64)
    exact = [Fraction(float(w)) for w in weights]
    question = read_question(asked.entry())
    order = list(range(len(strategies))) if groups is None else list(groups)
    with flint.ctx.workprec(PRECISION):
        enclosures = [enclose(question, entry, f"strategy {k}") for k, entry in enumerate(strategies)]
        adjusted = _independent(enclosures, weights)
        try:
            outcome: Outcome = mix(question, enclosures, exact, adjusted, order)
        except CertificateError:  # the weights that the data need are not certainly positive
            adjusted = ()
            outcome = mix(question, enclosures, exact, adjusted, order)
        value = -lower_float(-outcome.figure) + 0.0
        misses = np.array([-lower_float(-miss) for miss in outcome.misses])
    proof = _AttackProof(asked, asked.observed, strategies, weights, adjusted, groups)
    return _Proven(mixture, proof, value, misses)


def _independent(enclosures: Sequence[Enclosure], weights: Floats) -> tuple[int, ...]:
    """As many strategies as there are tested values, and one more, with large weights and independent data."""
    tested = np.array([[float(v.mid()) for v in e.tested] for e in enclosures])
    table = np.concatenate([np.ones((len(weights), 1)), tested.reshape(len(weights), -1)], axis=1)
    count = table.shape[1]
    if len(weights) < count:
        return ()
    triangle, pivots = qr((table * weights[:, None]).T, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle[:count, :count]))
    return tuple(sorted(int(k) for k in pivots[:count])) if diagonal.min() > 0.0 else ()


def _entry(strategy: Strategy) -> dict[str, Any]:
    """A strategy as a certificate has it: factors of its state and effects."""
    w, v = np.linalg.eigh(_plain(strategy.state))
    keep = w > ROUNDING
    state = v[:, keep] * np.sqrt(w[keep])
    measurements = []
    for party in strategy.measurements:
        settings = []
        for effects in party:
            factors = []
            for effect in effects:
                w, v = np.linalg.eigh(_plain(effect))
                keep = w > ROUNDING
                factors.append(_rows((v[:, keep] * np.sqrt(w[keep])).conj().T))
            settings.append(factors)
        measurements.append(settings)
    return {"dimensions": list(strategy.dimensions), "state": _rows(state), "measurements": measurements}


def _plain(matrix: NDArray[Any]) -> NDArray[Any]:
    return matrix.real if not matrix.imag.any() else matrix


def _rows(matrix: NDArray[Any]) -> dict[str, Any]:
    imaginary = matrix.imag.tolist() if np.iscomplexobj(matrix) else None
    return {"real": matrix.real.tolist(), "imaginary": imaginary}
