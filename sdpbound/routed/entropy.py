"""Lower bounds on the von Neumann entropy of Alice's outcome in a routed test.

Eve holds a system E, and the far device a system F, made of Bob's system and Eve's by what she does after the switch
(a unitary, with what she adds). Seen before the switch, her effects commute with Alice's and with those of the far
device. With nodes t_i and weights w_i of :mod:`sdpbound.entropies.quadrature`, for any state of A and E,

    H(A|E) >= c - sum_i w_i f(t_i),    f(t) = sum_b max_P <P (t - A_b)>,

P any effect of Eve, so that a proof of ``sum_ib w_i <P_ib (t_i - A_b)> <= V`` for all her projections P_ib, all devices
and all states with the tested data is one of ``H(A|E) >= c - V``. That is one operator problem
(:mod:`sdpbound.routed.program`), which both checkers write again from the question in Bell terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from sdpbound.arguments import instance, whole
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.conic.certificate import round_up
from sdpbound.conic.program import SolverResult, Status
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import least_entropy
from sdpbound.entropies.quadrature import Chords
from sdpbound.entropies.question import require_preprocessing
from sdpbound.errors import InvalidParameter, SolverFailure
from sdpbound.problems.bound import OperatorValue, ProblemProof
from sdpbound.problems.expressions import Operator, Polynomial, sum_of
from sdpbound.routed.figures import RoutedEntropy
from sdpbound.routed.letters import intervals_of, letters_of
from sdpbound.routed.program import CLOSE, Attempt, EveProgram
from sdpbound.routed.setup import RoutedTest, devices_of

__all__ = ["RoutedEntropyBound", "chosen_level", "entropy", "noise_of", "raise_if_infeasible"]

#: Words of the devices where the user gives none, the best ones first; nodes are placed two levels below. Losses in
#: bits for BB84 at efficiency 0.9 and visibility 0.98, beside the first: the second 8e-3 (with an efficiency of 0.98 of
#: Alice and the near device 1.5e-2), the third 1.5e-2, the fourth 0.15. AAAN gains 4e-3 beside it for twice the time.
LEVELS = (
    "1+AN+AF+AA+AAF+AAN+AAA+AAAF",
    "1+AN+AF+AA+AAF+AAN",
    "1+AN+AF+AA+AAF",
    "1+AN+AF+AA",
    "1+AN+AF",
    "1+AN",
    "1",
)
#: A level is taken by itself only if it has at most so many words.
MOST_WORDS = 48
FEW, NODES, MOST_NODES = 6, 12, 64
#: Bits by which a proof that only places nodes may miss what the solver says.
ROUGH = 5e-3
#: An entropy below this may be less than what is known without any data.
LITTLE = 1e-3


@dataclass(frozen=True, eq=False)
class RoutedProof(Proof):
    """The proof of an operator problem, and the entropy that it means."""

    no_functional = "the functional of a routed test is of two behaviours: take bound.about(test)."
    problem: ProblemProof
    test: RoutedTest
    figure: RoutedEntropy
    nodes: tuple[float, ...]

    @property
    def given(self) -> Observations:
        return self.test.data[1]

    def certificate(self, value: float) -> dict[str, Any]:
        """The question in Bell terms, and the proof of the operator problem that it means."""
        inner = self.problem.certificate(round_up(self.problem.squares.value))
        proof = {name: inner["proof"][name] for name in ("multipliers", "squares", "localised")}
        return {
            **{name: inner[name] for name in ("format", "version", "created_by")},
            "kind": "routed entropy",
            "question": {**devices_of(self.test), "figure": self.figure.entry(), "side": "lower"},
            "proof": {"routed_nodes": list(self.nodes), **proof},
            "claim": {"value": value},
        }


@dataclass(frozen=True, eq=False, repr=False)
class RoutedEntropyBound(Bound):
    """A proven lower bound on the entropy of Alice's outcome in a routed test, in bits.

    Attributes
    ----------
    constant : c of the module docstring
    nodes : the nodes t_i
    quadrature_gap : the most, in bits, by which more nodes could raise the bound at this level, as the solver's point
        says; what words lose is not in it
    level : words of the devices
    """

    constant: float = math.nan
    nodes: tuple[float, ...] = ()
    quadrature_gap: float = math.nan
    level: str = ""
    _proof: RoutedProof = field(repr=False, kw_only=True)

    @property
    def data(self) -> str:
        return "measured"

    @property
    def multipliers(self) -> Floats:
        """(tests,) how the bound changes with the tested values, the near device's first."""
        return -np.array([float(m) for m in self._proof.problem.squares.multipliers])

    def about(self, test: RoutedTest) -> float:
        """What the same proof gives for other values of the same tests, in bits; proven.

        Raises
        ------
        InvalidParameter
            If other expressions are tested.
        """
        both = zip(test.data, self._proof.test.data, strict=True)
        if not all(np.array_equal(a.coefficients, b.coefficients) for a, b in both):
            raise InvalidParameter("the proof is about other tests; give a routed test that has the same settings.")
        squares, intervals = self._proof.problem.squares, self._proof.problem.program.relaxation.statement.intervals
        total = squares.value
        values, tolerances = (np.concatenate([getattr(d, n) for d in test.data]) for n in ("values", "tolerances"))
        for m, interval, v, t in zip(squares.multipliers, intervals, values, tolerances, strict=True):
            if m:
                old = interval.high if m > 0 else interval.low
                assert old is not None
                total += m * (Fraction(float(v)) - old) + abs(m) * Fraction(float(t))
        return lower_bits(self.constant, total)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}; {len(self.nodes)} nodes, level {self.level!r})"


def entropy(
    test: RoutedTest,
    x: int = 0,
    preprocessing: float = 0.0,
    level: str | None = None,
    nodes: int | None = None,
    solver: SolverChoice = None,
    given: int | None = None,
) -> RoutedEntropyBound:
    """Certified lower bound on H(A|X=x,E) of a routed test, in bits, against an Eve on the way to the far device.

    With ``given`` it is H(A|X=x,F,Z=given,E): Eve is told the far device's outcome of that setting.

    Parameters
    ----------
    test : what the devices do, and what of it is tested
    x : Alice's setting, from 0
    preprocessing : probability in [0, 1/2] with which Alice's bit is flipped before the entropy is taken
    level : words of the devices, such as "1+AN+AF+AA+AAF+AAN"
    nodes : their number, from 2; default 12. First some fewer are taken, at a lower level, to place them
    solver : default the package's own, :class:`sdpbound.Arrow`
    given : a tested setting of the far device, from 0, or None

    Raises
    ------
    Infeasible
        If no devices have the tested data, with a certificate.
    InvalidInput, SolverFailure

    >>> from sdpbound.routed import protocol
    >>> bound = entropy(protocol("bb84"), nodes=2, level="1+AN+AF+AA+AAF")
    >>> 0.999 < bound.value <= 1, bound.certificate.verify().holds
    (True, True)
    """
    near, far = instance(test, RoutedTest, "test", "routed.protocol('bb84')").data
    if given is not None:
        given = test.far.scenario.require_setting(1, given, "given")
        if far.scenario != test.far.scenario:
            raise InvalidParameter(f"given = {given} needs a test of all of the far device's settings; test them.")
    x = near.scenario.require_setting(0, x, "x")
    flips = require_preprocessing(preprocessing)
    outcomes = near.scenario.outcomes[0][x]
    if flips and outcomes != 2:
        raise InvalidParameter(
            f"preprocessing = {preprocessing!r} flips a bit, and setting {x} of Alice has {outcomes} outcomes; use 0."
        )
    level, below = (chosen_level(test), chosen_level(test, below=True)) if level is None else (level, level)
    count = NODES if nodes is None else whole(nodes, "nodes", 2, MOST_NODES)
    key = _Key(x, given, Chords(outcomes, flips))
    chords = key.chords
    places = chords.graded(min(FEW, count))
    more = count > len(places) or level != below
    first = _solved(test, key, places, below, solver, ROUGH if more else CLOSE)
    best = _bound(test, key, places, below, first)
    if more:
        found = _values_and_slopes(first, places, key)
        placed = chords.graded(count) if found is None else chords.refined(places, *found, count)
        second = _solved(test, key, placed, level, solver, CLOSE)
        best = max(best, _bound(test, key, placed, level, second), key=float)
    return best


def chosen_level(test: RoutedTest, below: bool = False) -> str:
    """The first level that is not too large; ``below``: the one two after it."""
    near, far = test.data
    letters = letters_of(near.scenario, far.scenario)
    algebra = letters.problem([]).algebra
    place = next((i for i, own in enumerate(LEVELS) if len(letters.words(algebra, own)) <= MOST_WORDS), len(LEVELS) - 1)
    return LEVELS[min(place + 2 * below, len(LEVELS) - 1)]


@dataclass(frozen=True, slots=True)
class _Key:
    """Alice's setting, the far one whose outcome Eve is told, and the rule of the nodes."""

    x: int
    given: int | None
    chords: Chords


def _solved(
    test: RoutedTest, key: _Key, nodes: Floats, level: str, solver: SolverChoice, close: float
) -> tuple[EveProgram, Attempt]:
    near, far = test.data
    letters = letters_of(near.scenario, far.scenario)
    weights, constant = key.chords.weights(nodes)
    parts = letters.told_apart(key.x, key.given)
    eve = [[Operator(f"E{i}_{k}", "projector", "E") for k in range(len(parts))] for i in range(len(nodes))]
    objective = sum_of(
        [
            float(w) * ((float(t) * whole - part) * p)
            for w, t, row in zip(weights, nodes, eve, strict=True)
            for p, (whole, part) in zip(row, parts, strict=True)
        ]
    )
    flat = tuple(p for row in eve for p in row)
    positive = tuple(entry for p in flat for entry in ((0, {p: 1}), (1, {p: -1})))
    program = EveProgram(letters, flat, positive, objective, tuple(letters.tests(near, far)), noise_of(test), level)
    found = program.solved(solver, close)
    if isinstance(found, SolverResult):
        raise_if_infeasible(program, found)
    assert isinstance(found, Attempt)
    if float(found.proof.value) > constant - least_entropy(key.chords.preprocessing) - LITTLE:
        plain = program.proven(_nothing_known(program, weights, nodes, parts))
        if plain is not None and plain.value < found.proof.value:
            found = replace(found, proof=plain)
    return program, found


def _nothing_known(
    program: EveProgram, weights: Floats, nodes: Floats, parts: Sequence[tuple[Polynomial, Polynomial]]
) -> list[Floats]:
    """The dual that proves no more than that outcomes have an entropy.

    For commuting projectors W and A with ``A W = A``, such as 1 and A_a, ``t (W - A) - P (t W - A) = t (W - A) (1 - P)
    (W - A) + (1 - t) A P A``, so that f(t) is at most ``t (d - 1)``.
    """
    main, *blocks = program.blocks
    algebra = program.proven_about.relaxation.statement.algebra
    places = {word: i for i, word in enumerate(main.words)}
    found = [np.zeros((len(main.words),) * 2)]
    for k in range(len(blocks)):
        i, (whole, part) = k // 2 // len(parts), parts[k // 2 % len(parts)]
        row = np.zeros(len(places))
        for word, value in algebra.terms(part if k % 2 == 0 else whole - part, "an effect").items():
            if word in places:
                row[places[word]] = float(value)
        found.append(weights[i] * (nodes[i] if k % 2 else 1.0 - nodes[i]) * np.outer(row, row))
    return found


def noise_of(test: RoutedTest) -> Floats:
    """(tests,) the tested expressions' values at uniform outcomes."""
    return np.concatenate(
        [np.tensordot(data.coefficients, Behaviour.uniform(data.scenario).moments, axes=2) for data in test.data]
    )


def raise_if_infeasible(program: EveProgram, result: SolverResult) -> None:
    """Raise Infeasible with a proof where there is one, else SolverFailure."""
    plain = program.letters.problem(intervals_of(program.tests))
    words = [plain.algebra.polynomial({word: Fraction(1)}) for word in program.letters.words(plain.algebra, LEVELS[-3])]
    plain.maximize(program.letters.alice[0], words)  # raises Infeasible with a certificate
    raise SolverFailure(
        f"no bound was found: {result.solver} says {result.status.value}; the data may be outside of the quantum "
        "set by a little; check them, or take another level."
    )


def _bound(
    test: RoutedTest, key: _Key, nodes: Floats, level: str, found: tuple[EveProgram, Attempt]
) -> RoutedEntropyBound:
    program, attempt = found
    _, constant = key.chords.weights(nodes)
    result = attempt.result
    problem = ProblemProof(attempt.program, OperatorValue(program.objective), "upper", attempt.proof)
    values = _values_and_slopes(found, nodes, key)
    figure, places = RoutedEntropy(key.x, key.chords.preprocessing, key.given), tuple(float(t) for t in nodes)
    return RoutedEntropyBound(
        value=lower_bits(constant, attempt.proof.value),
        side="lower",
        merit=figure,
        model=None,
        solver_value=constant - result.objective,
        solver=result.solver,
        status=result.status.value if result.status is not Status.FAILED else Status.STOPPED.value,
        seconds=attempt.seconds,
        constant=constant,
        nodes=places,
        quadrature_gap=math.nan if values is None else float(key.chords.gap(nodes, *values).sum()),
        level=level,
        _proof=RoutedProof(problem, test, figure, places),
    )


def lower_bits(constant: float, mean: Fraction) -> float:
    """``constant - mean``, rounded down."""
    exact = Fraction(constant) - mean
    return -round_up(-exact) + 0.0


def _values_and_slopes(found: tuple[EveProgram, Attempt], nodes: Floats, key: _Key) -> tuple[Floats, Floats] | None:
    """f and a subgradient of it at each node, from the solver's point; None if there is none."""
    program, attempt = found
    if attempt.moments is None:
        return None
    parts = program.letters.told_apart(key.x, key.given)
    eve = [program.eve[i * len(parts) : (i + 1) * len(parts)] for i in range(len(nodes))]
    slopes, hits = (
        np.array([sum(attempt.mean(pair[which] * p) for p, pair in zip(row, parts, strict=True)) for row in eve])
        for which in (0, 1)
    )
    return np.maximum(nodes * slopes - hits, 0.0), np.maximum(slopes, 0.0)
