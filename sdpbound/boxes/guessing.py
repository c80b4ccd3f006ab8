"""How well Eve can guess a function of the outcomes of n boxes: linear programs with exact certificates.

arXiv:0911.4171, Lemmas 7 to 10: Eve holds the rest of a (2n+1)-partite no-signaling behaviour, so her measurement is a
box partition of the marginal P that Alice and Bob see, each member no-signaling between all 2n interfaces. She sees
the settings and guesses f(x). For one bit f, with Delta = p_0 - p_1, her best guess is the paper's linear program (5),

    P_guess = 1/2 + (5)/2,     distance from uniform (Definition 6) = (5)/2,
    (5) = max sum_{f=0} Delta(xy|uv) - sum_{f=1} Delta(xy|uv),  Delta no-signaling, |Delta| <= P.

For a function of k values P_guess takes k parts. Definition 6 has the maximum over Eve's measurements inside the sum
over values, since the distinguisher holds the key and may choose Eve's measurement by it:

    d = sum_s max_w sum_z p_z |P_z(f=s) - 1/k| / 2 = sum_s max over parts 0 <= p <= P of p(f=s) - p(1)/k.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from sdpbound.boxes.boxes import Boxes, DepolarisedBoxes, ExchangeableBoxes, JointBoxes, as_boxes
from sdpbound.boxes.certificate import BoxCertificate, box_certificate, require_digits
from sdpbound.boxes.direct import direct_program, require_solvable
from sdpbound.boxes.figures import DistanceFromUniform, FunctionGuessing
from sdpbound.boxes.functions import OutcomeFunction, outcome_function
from sdpbound.boxes.partition import BoxPartition
from sdpbound.boxes.rational import is_number
from sdpbound.boxes.split_program import Split
from sdpbound.boxes.symmetric import SymmetricPartition, count_program, pattern_program
from sdpbound.conic.certificate import round_up
from sdpbound.errors import InvalidParameter, InvalidSettings, InvalidShape

__all__ = ["GuessingProgram", "guessing_program"]


@dataclass(frozen=True, eq=False)
class GuessingProgram:
    """A solved program: a proven bound on Eve's guess, and a strategy of hers.

    Attributes
    ----------
    boxes : the marginal, exact
    inputs : (u_i, v_i) of each box
    function : what Eve guesses
    certificate : the proof of the upper bound on her guessing probability, an exact rational dual
    partition : a strategy of hers, exact: the lower bound
    seconds : wall time of building, solving and certifying
    time_limit : the limit in seconds that it was solved with, if any
    """

    boxes: Boxes
    inputs: tuple[tuple[int, int], ...]
    function: OutcomeFunction
    certificate: BoxCertificate
    partition: BoxPartition | SymmetricPartition
    seconds: float
    time_limit: float | None = field(default=None, repr=False)

    @property
    def guessing_probability(self) -> float:
        """Upper bound on P_guess(f | Z, inputs), certified."""
        return min(round_up(self.certificate.value), 1.0)

    @property
    def min_entropy(self) -> float:
        """Lower bound on -log2 P_guess, in bits."""
        return math.nextafter(max(-math.log2(self.guessing_probability), 0.0), 0.0)

    @property
    def gap(self) -> float:
        """Upper bound minus what the partition attains."""
        return float(self.certificate.value - self.partition.value)

    @cached_property
    def distance_certificate(self) -> BoxCertificate:
        """The proof of the distance. For one bit it is ``certificate``; for more values a program is solved now."""
        k, labels = self.function.values, self.function.labels
        if k == 2:
            return self.certificate
        if isinstance(self.boxes, JointBoxes):
            gains = [(k * (labels == s) - 1, 0 * labels) for s in range(k)]  # k times P(f = s) - 1/k, for p and P - p
            programs = [direct_program(self.boxes, self.settings, gain, k) for gain in gains]
        else:
            assert isinstance(self.boxes, DepolarisedBoxes)
            programs = [pattern_program(self.boxes, self.function, distance=True)]
        duals = [program.solve(self.time_limit)[0] for program in programs]
        return box_certificate(self.boxes, self.inputs, self.function, duals, DistanceFromUniform())

    @property
    def exact_distance(self) -> Fraction:
        """The proven upper bound on the distance as a fraction; no distance of k values is above 1 - 1/k."""
        k = self.function.values
        proven = self.certificate.value - Fraction(1, 2) if k == 2 else self.distance_certificate.value
        return min(proven, 1 - Fraction(1, k))

    @property
    def distance(self) -> float:
        """Upper bound on the distance of f from uniform given Eve's measurement (Definition 6), certified."""
        return round_up(self.exact_distance)

    @property
    def optimum(self) -> float:
        """Upper bound on the optimum of linear program (5), certified: twice the distance."""
        return round_up(2 * self.exact_distance)

    @property
    def settings(self) -> tuple[int, ...]:
        """Alice's settings."""
        return tuple(u for u, _ in self.inputs)

    def __float__(self) -> float:
        return self.optimum

    def __repr__(self) -> str:
        return (
            f"GuessingProgram({self.function.name}, {self.boxes!r}: P_guess <= {self.guessing_probability:.12g}, "
            f"attained within {self.gap:.1e})"
        )


def guessing_program(
    boxes: object,
    inputs: Sequence[Any] | None = None,
    function: Any = "xor",
    time_limit: float | None = None,
) -> GuessingProgram:
    """Eve's best guess of a function of Alice's outcomes, bounded from above by a proof and from below by a strategy.

    Parameters
    ----------
    boxes : list, Behaviour, JointBoxes, DepolarisedBoxes or ExchangeableBoxes
        A list of boxes, each a behaviour p[a, b, x, y] with outcomes 0, 1, or the CHSH error of an unbiased box (0 to
        1): their product. Or any joint marginal, see :mod:`sdpbound.boxes.boxes`. Up to three boxes of two settings
        directly; more when depolarised, by symmetry (five or six), or exchangeable (ten).
    inputs : list of pairs (u_i, v_i), optional
        The settings at which Eve guesses, which she knows; default (0, 0). Bob's do not matter.
    function : "xor", int, 0/1 matrix (s, n), or callable
        f: the XOR, the outcome of one box, a GF(2)-linear map to s bits, or any function of the outcomes (directly).
    time_limit : seconds for the solver, optional

    Returns
    -------
    GuessingProgram
        ``guessing_probability``, ``distance`` and ``optimum`` of (5) are upper bounds, proven by ``certificate`` in
        exact arithmetic for every adversary limited by no-signaling; ``partition`` attains ``partition.value``.

    Raises
    ------
    InvalidInput : boxes that signal, shapes, settings or functions that do not fit, or too many boxes (TooLarge)
    SolverFailure

    Notes
    -----
    Source: arXiv:0911.4171, linear program (5), Lemmas 7 to 14.

    >>> found = guessing_program([0.1, 0.2])
    >>> found.certificate.value, found.exact_distance  # half the product of 4 * 0.1 and 4 * 0.2
    (Fraction(33, 50), Fraction(4, 25))
    """
    start = perf_counter()
    marginal = as_boxes(boxes)
    f = outcome_function(function, marginal.n)
    pairs = _inputs(inputs, marginal)
    require_digits(marginal)
    limit: object = time_limit
    if limit is not None and not (is_number(limit) and 0 < limit < math.inf):
        raise InvalidParameter(f"time_limit = {time_limit!r:.60} must be a positive number of seconds, or None.")
    if isinstance(marginal, ExchangeableBoxes) and not _is_full_xor(f):
        marginal = marginal.depolarised()
    if isinstance(marginal, DepolarisedBoxes) and marginal.n <= 3 and f.matrix is None:
        marginal = marginal.joint()
    if isinstance(marginal, JointBoxes) and marginal.n > 3 and f.matrix is not None:
        marginal = marginal.as_depolarised() or marginal
    if isinstance(marginal, JointBoxes):
        require_solvable(marginal, f.values)
        payoffs = [(f.labels == t).astype(np.int64) for t in range(f.values)]
        program = direct_program(marginal, tuple(u for u, _ in pairs), payoffs)
    elif isinstance(marginal, ExchangeableBoxes):
        program = count_program(marginal)
    else:
        program = pattern_program(marginal, f)
    weights, split = program.solve(time_limit)
    partition: BoxPartition | SymmetricPartition
    if isinstance(marginal, JointBoxes):
        partition = _partition(marginal, pairs, f, split)
    else:
        partition = SymmetricPartition(marginal, tuple(u for u, _ in pairs), f, program, split)
    certificate = box_certificate(marginal, pairs, f, [weights], FunctionGuessing())
    return GuessingProgram(marginal, pairs, f, certificate, partition, perf_counter() - start, time_limit)


def _partition(
    boxes: JointBoxes, inputs: tuple[tuple[int, int], ...], function: OutcomeFunction, split: Split
) -> BoxPartition:
    """Eve's split as boxes: P/k moved by d_t."""
    k = function.values
    moves = [-np.sum(split.moves, axis=0), *split.moves]
    shape = boxes.coordinates.shape
    return BoxPartition(
        boxes,
        tuple(boxes.coordinates * split.denominator + d.reshape(shape) * (k * boxes.denominator) for d in moves),
        k * split.denominator * boxes.denominator,
        tuple(map(str, range(k))),
        tuple(u for u, _ in inputs),
        function,
    )


def _is_full_xor(function: OutcomeFunction) -> bool:
    return function.matrix is not None and len(function.matrix) == 1 and bool(function.matrix.all())


def _inputs(inputs: Sequence[Any] | None, boxes: Boxes) -> tuple[tuple[int, int], ...]:
    counts = boxes.settings if isinstance(boxes, JointBoxes) else ((2, 2),) * boxes.n
    if inputs is None:
        return ((0, 0),) * boxes.n
    try:
        pairs = tuple((u, v) for u, v in inputs)
    except (TypeError, ValueError):
        raise InvalidShape(f"inputs must be a list of pairs (u, v), one for each box, not {inputs!r:.60}.") from None
    if len(pairs) != boxes.n:
        raise InvalidShape(f"{len(pairs)} pairs of inputs do not fit {boxes.n} boxes.")
    for i, (pair, count) in enumerate(zip(pairs, counts, strict=True)):
        for value, most in zip(pair, count, strict=True):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < most:
                raise InvalidSettings(f"inputs {pair} of box {i} must be integers from 0; its settings are {count}.")
    return tuple((int(u), int(v)) for u, v in pairs)
