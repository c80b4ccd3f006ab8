"""Marginals of n boxes, exactly: what Alice and Bob see, before Eve's outcome is known.

A box has one interface at Alice and one at Bob, each with outcomes 0, 1. Three kinds of marginal:

* :class:`JointBoxes`: any (2n)-partite no-signaling behaviour, in Collins-Gisin coordinates, 9^n for two settings;
* :class:`DepolarisedBoxes`: mixtures of products of boxes that are PR boxes with an error (arXiv:0911.4171, Appendix
  E), ``P(xy|uv) = 2^-n Q(x + y + uv)`` with any distribution Q of the n error bits;
* :class:`ExchangeableBoxes`: the same with Q a function of the number of errors, for up to ten boxes.

All are rational, and bounds are about the rational ones: a float is the simple fraction it is nearest to, or what it
is. Tables of floats signal by rounding; ``rounding`` is the largest change of a probability by making them exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import comb, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import unmasked, whole
from sdpbound.bell.behaviour import VALIDITY_TOLERANCE, Behaviour
from sdpbound.boxes.exact import Integers, probabilities, product
from sdpbound.boxes.rational import box_error, common, distribution, is_number, listed, rational_coordinates
from sdpbound.errors import InvalidBehaviour, InvalidParameter, InvalidShape, TooLarge

__all__ = ["Boxes", "DepolarisedBoxes", "ExchangeableBoxes", "JointBoxes", "as_boxes", "isotropic_box", "one_box"]

#: Most probabilities of a joint table: four boxes of two settings.
LARGEST_TABLE = 65536
#: Most boxes with an error distribution that is not exchangeable, and with one that is.
MOST_PATTERNS, MOST_EXCHANGEABLE = 8, 10

#: Coordinates, times 4, of a PR box (error 0) and of the box that always errs (error 1).
_PR = 2 * np.array([[[2, 1, 1], [1, 1, 1], [1, 1, 0]], [[2, 1, 1], [1, 0, 0], [1, 0, 1]]], dtype=object)


@dataclass(frozen=True, eq=False)
class JointBoxes:
    """n boxes with any joint no-signaling behaviour.

    Attributes
    ----------
    settings : numbers of settings (Alice's, Bob's) of each box
    coordinates : integers, axes (Alice 1, Bob 1, Alice 2, ...), Collins-Gisin coordinates times ``denominator``
    denominator : int
    rounding : largest change of a probability when the given floats were made rational
    """

    settings: tuple[tuple[int, int], ...]
    coordinates: Integers
    denominator: int
    rounding: float = 0.0

    def __post_init__(self) -> None:
        shape = tuple(1 + k for box in self.settings for k in box)
        if self.coordinates.shape != shape:
            raise InvalidShape(f"coordinates of shape {self.coordinates.shape} do not fit boxes of settings "
                               f"{self.settings}: expected {shape}.")  # fmt: skip
        require_size(self.settings)
        if self.denominator <= 0 or self.coordinates[(0,) * len(shape)] != self.denominator:
            raise InvalidBehaviour("the boxes are not normalised: their first coordinate must be the denominator.")
        if min(self.table.ravel().tolist()) < 0:
            raise InvalidBehaviour("the boxes have negative probabilities.")

    @property
    def n(self) -> int:
        return len(self.settings)

    @property
    def parties(self) -> tuple[int, ...]:
        """Numbers of settings of the 2n interfaces in order."""
        return tuple(k for box in self.settings for k in box)

    @cached_property
    def table(self) -> Integers:
        """Probabilities times ``denominator``; axes as the coordinates', entry 2 * setting + outcome."""
        return probabilities(self.coordinates)

    def probability(self, outcomes: Sequence[tuple[int, int]], settings: Sequence[tuple[int, int]]) -> Fraction:
        """P(x_1 y_1 ... | u_1 v_1 ...), pairs (Alice's, Bob's) for each box."""
        flat = [[value for pair in pairs for value in pair] for pairs in (outcomes, settings)]
        if any(len(values) != 2 * self.n for values in flat):
            raise InvalidShape(f"{self.n} boxes need {self.n} pairs of outcomes and of settings.")
        for o, s, k in zip(*flat, self.parties, strict=True):
            whole(o, "an outcome", 0, 1)
            whole(s, "a setting", 0, k - 1)
        place = tuple(2 * s + o for o, s in zip(*flat, strict=True))
        return Fraction(self.table[place], self.denominator)

    def box(self, i: int) -> Behaviour:
        """The marginal of one box."""
        if not 0 <= i < self.n:
            raise InvalidParameter(f"box {i} does not exist: the {self.n} boxes are 0 to {self.n - 1}.")
        place = tuple(slice(None) if j // 2 == i else 0 for j in range(2 * self.n))
        rows = probabilities(self.coordinates[place])
        u, v = self.settings[i]
        p = np.array([[float(Fraction(e, self.denominator)) for e in row] for row in rows])
        return Behaviour(p.reshape(u, 2, v, 2).transpose(1, 3, 0, 2))

    @cached_property
    def error_patterns(self) -> tuple[Integers, int]:
        """``Q(e)``, the distribution of the errors x + y + uv averaged over settings: numerators, denominator."""
        if any(box != (2, 2) for box in self.settings):
            raise InvalidShape(f"CHSH errors need two settings on both sides of every box, not {self.settings}.")
        t = self.table
        for _ in range(self.n):  # the first box's two axes are at 0, 1; its error goes last
            rows = t.reshape(2, 2, 2, 2, *t.shape[2:])  # u, x, v, y
            errors = [
                sum(rows[u, x, v, x ^ (u & v) ^ e] for u in (0, 1) for x in (0, 1) for v in (0, 1)) for e in (0, 1)
            ]
            t = np.moveaxis(np.array(errors, dtype=object), 0, -1)
        return t, self.denominator * 4**self.n

    @property
    def errors(self) -> tuple[Fraction, ...]:
        """The CHSH error of each box, averaged over settings."""
        q, d = self.error_patterns
        return tuple(Fraction(int(np.sum(q.take(1, axis=i))), d) for i in range(self.n))

    @property
    def all_errors(self) -> Fraction:
        """``4^n Q(1...1)``, the sum over settings of the probabilities that every box errs: Lemma 14's bound on (5)."""
        q, d = self.error_patterns
        return Fraction(q[(1,) * self.n] * 4**self.n, d)

    def depolarised(self) -> DepolarisedBoxes:
        """The marginal after the local maps of Appendix E, which keep the distribution of the errors and nothing else.

        At given inputs Eve may guess it worse than these boxes, which Lemma 14 excludes: its proof takes a mixture of
        boxes with errors up to 1/4 for granted (a counterexample is in the tests). On average over Alice's inputs she
        does not, by concavity. ``all_errors`` bounds (5) for both in any case.
        """
        return DepolarisedBoxes(*self.error_patterns)

    def as_depolarised(self) -> DepolarisedBoxes | None:
        """These very boxes as depolarised ones, if the maps of Appendix E leave them as they are."""
        if any(box != (2, 2) for box in self.settings):
            return None
        found = self.depolarised()
        other = found.joint()
        same = (other.coordinates * self.denominator == self.coordinates * other.denominator).all()
        return found if same else None

    @classmethod
    def product(cls, boxes: Sequence[Any]) -> JointBoxes:
        """Independent boxes."""
        parts = [one_box(b, i) for i, b in enumerate(boxes)]
        if not parts:
            raise InvalidShape("give at least one box.")
        require_size(tuple(p.settings[0] for p in parts))
        return cls(
            tuple(p.settings[0] for p in parts),
            product([p.coordinates for p in parts]),
            prod(p.denominator for p in parts),
            sum(p.rounding for p in parts),
        )

    @classmethod
    def mixture(cls, weights: Sequence[Any], members: Sequence[Any]) -> JointBoxes:
        """``sum of weights[j] * members[j]``; each member what :func:`as_boxes` reads, of at most four boxes."""
        w = distribution(weights, "the weights")
        parts = [m.joint() if not isinstance(m, JointBoxes) else m for m in map(as_boxes, listed(members, "members"))]
        if len(w) != len(parts) or not parts:
            raise InvalidShape(f"a mixture needs as many weights as members, not {len(w)} and {len(parts)}.")
        if any(p.settings != parts[0].settings for p in parts):
            raise InvalidShape("the members of a mixture need the same number of boxes and of settings.")
        scales, denominator = common([Fraction(1, p.denominator) * f for f, p in zip(w, parts, strict=True)])
        total = np.sum([s * p.coordinates for s, p in zip(scales, parts, strict=True)], axis=0)
        return cls(parts[0].settings, total, denominator, max(p.rounding for p in parts))

    @classmethod
    def from_behaviour(cls, behaviour: Behaviour) -> JointBoxes:
        """A behaviour of 2n parties in the order Alice 1, Bob 1, Alice 2, Bob 2, ..., outcomes 0, 1."""
        scenario = behaviour.scenario
        if scenario.parties % 2 or not scenario.is_binary:
            raise InvalidShape(f"boxes need two parties each and outcomes 0, 1, not {scenario}.")
        settings = tuple(zip(scenario.settings[::2], scenario.settings[1::2], strict=True))
        require_size(settings)
        z = behaviour.moments
        for party in range(scenario.parties):
            z = np.tensordot(z, scenario.collins_gisin(party), axes=(0, 1))
        exact, denominator = rational_coordinates(z, scenario.settings)
        boxes = cls(settings, exact, denominator)
        given = _rows(behaviour)
        made = np.array([v / denominator for v in boxes.table.ravel().tolist()]).reshape(given.shape)
        moved = float(np.abs(made - given).max())
        if moved > 100 * VALIDITY_TOLERANCE:  # pragma: no cover - a behaviour valid to 1e-9 is moved by less
            raise InvalidBehaviour(f"the boxes are {moved:.2g} away from exact no-signaling ones; give more digits.")
        return cls(settings, exact, denominator, moved)

    def joint(self) -> JointBoxes:
        return self

    def __repr__(self) -> str:
        return f"JointBoxes({self.n} boxes of settings {self.settings})"


@dataclass(frozen=True, eq=False)
class DepolarisedBoxes:
    """n boxes ``P(xy|uv) = 2^-n Q(e)``, ``e_i = x_i + y_i + u_i v_i`` modulo 2.

    Attributes
    ----------
    patterns : integers of shape (2,) * n, Q times ``denominator``
    denominator : int
    """

    patterns: Integers
    denominator: int

    def __post_init__(self) -> None:
        q = self.patterns
        if q.shape != (2,) * q.ndim or not q.ndim:
            raise InvalidShape(f"an error distribution needs shape (2, 2, ...), not {q.shape}.")
        _require_patterns(q.ndim)
        if q.sum() != self.denominator or min(q.ravel().tolist()) < 0:
            raise InvalidBehaviour("an error distribution must be non-negative and add up to 1.")

    @property
    def n(self) -> int:
        return self.patterns.ndim

    @classmethod
    def product(cls, errors: Sequence[Any]) -> DepolarisedBoxes:
        """Independent boxes with these errors."""
        eps = [box_error(e) for e in listed(errors, "errors")]
        q = product([np.array([e.denominator - e.numerator, e.numerator], dtype=object) for e in eps])
        return cls(q, prod(e.denominator for e in eps))

    @classmethod
    def distribution(cls, patterns: Any) -> DepolarisedBoxes:
        """From an array (2,) * n of probabilities (floats or fractions) of the error patterns."""
        unmasked(patterns, "the probabilities of error patterns")
        table = np.array(patterns, dtype=object)
        _require_patterns(table.ndim)
        numerators, denominator = common(distribution(table.ravel().tolist(), "the probabilities of error patterns"))
        return cls(np.array(numerators, dtype=object).reshape(table.shape), denominator)

    @property
    def errors(self) -> tuple[Fraction, ...]:
        """The error of each box."""
        return tuple(Fraction(int(np.sum(self.patterns.take(1, axis=i))), self.denominator) for i in range(self.n))

    @property
    def all_errors(self) -> Fraction:
        """4^n Q(1...1), the sum of all probabilities that every box errs."""
        return Fraction(self.patterns[(1,) * self.n] * 4**self.n, self.denominator)

    def depolarised(self) -> DepolarisedBoxes:
        return self

    def joint(self) -> JointBoxes:
        """The explicit behaviour; at most four boxes."""
        require_size(((2, 2),) * self.n)
        t = self.patterns
        for _ in range(self.n):
            t = np.tensordot(t, _PR, axes=(0, 0))
        return JointBoxes(((2, 2),) * self.n, t, self.denominator * 4**self.n)

    def __repr__(self) -> str:
        return f"DepolarisedBoxes({self.n} boxes, errors {', '.join(f'{float(e):.4g}' for e in self.errors)})"


@dataclass(frozen=True, eq=False)
class ExchangeableBoxes:
    """n depolarised boxes whose errors depend on their number only.

    Attributes
    ----------
    n : number of boxes
    weights : (n + 1,) fractions, the distribution of the number of errors
    """

    n: int
    weights: tuple[Fraction, ...] = field(repr=False)

    def __post_init__(self) -> None:
        whole(self.n, "the number of boxes", 1, LARGEST_TABLE)
        if self.n > MOST_EXCHANGEABLE:
            raise TooLarge(
                f"{self.n} boxes are too many for a linear program (limit {MOST_EXCHANGEABLE} equal boxes); use "
                "tensor_dual, whose bound is a product for any number."
            )
        if len(self.weights) != self.n + 1 or sum(self.weights) != 1 or min(self.weights) < 0:
            raise InvalidBehaviour(
                f"{self.n} exchangeable boxes need {self.n + 1} non-negative weights that add up to 1."
            )

    @classmethod
    def independent(cls, n: int, error: object) -> ExchangeableBoxes:
        """n independent boxes of the same error."""
        e, n = box_error(error), whole(n, "the number of boxes", 1, LARGEST_TABLE)
        return cls(n, tuple(comb(n, j) * e**j * (1 - e) ** (n - j) for j in range(n + 1)))

    @property
    def errors(self) -> tuple[Fraction, ...]:
        mean = sum((j * w for j, w in enumerate(self.weights)), Fraction(0)) / self.n
        return (mean,) * self.n

    @property
    def all_errors(self) -> Fraction:
        return self.weights[-1] * Fraction(4) ** self.n

    def depolarised(self) -> DepolarisedBoxes:
        """The same boxes as :class:`DepolarisedBoxes`, with every error pattern listed."""
        _require_patterns(self.n)
        count = np.indices((2,) * self.n).sum(axis=0).ravel().tolist()
        each = [self.weights[j] / comb(self.n, j) for j in count]
        return DepolarisedBoxes.distribution(np.array(each, dtype=object).reshape((2,) * self.n))

    def joint(self) -> JointBoxes:
        return self.depolarised().joint()


Boxes = JointBoxes | DepolarisedBoxes | ExchangeableBoxes


def isotropic_box(error: object) -> JointBoxes:
    """One unbiased box with the same CHSH error (0 to 1) for all settings: (1 - eps) PR + eps anti-PR.

    >>> isotropic_box(0.1).errors
    (Fraction(1, 10),)
    """
    return DepolarisedBoxes.product([error]).joint()


def as_boxes(boxes: object) -> Boxes:
    """Read boxes: one of the three kinds, a list of boxes (each a behaviour p[a, b, x, y], an array of that shape, or
    the error of an unbiased box), or one Behaviour of 2n parties (Alice 1, Bob 1, Alice 2, ...).

    Four or more unbiased boxes given by their errors become DepolarisedBoxes, many equal ones ExchangeableBoxes.

    Raises
    ------
    InvalidShape
        It is no list; for one box write ``[box]``.

    >>> as_boxes([0.1, 0.2])
    JointBoxes(2 boxes of settings ((2, 2), (2, 2)))
    >>> type(as_boxes([0.1, 0.2, 0.1, 0.3])).__name__
    'DepolarisedBoxes'
    """
    if isinstance(boxes, JointBoxes | DepolarisedBoxes | ExchangeableBoxes):
        return boxes
    if isinstance(boxes, Behaviour):
        return JointBoxes.from_behaviour(boxes)
    if isinstance(boxes, np.ndarray) and boxes.ndim == 4:
        raise InvalidShape("give a list of boxes, for one box [p].")
    items = listed(boxes, "boxes")
    if len(items) > 3:
        errors = [_isotropic_error(b, i) for i, b in enumerate(items)]
        known = [e for e in errors if e is not None]
        if len(known) == len(items):
            if len(items) > MOST_PATTERNS and len(set(known)) == 1:
                return ExchangeableBoxes.independent(len(items), known[0])
            return DepolarisedBoxes.product(known)
    return JointBoxes.product(items)


def one_box(box: Any, place: int = 0) -> JointBoxes:
    """Read one box."""
    if isinstance(box, JointBoxes):
        if box.n != 1:
            raise InvalidShape(f"entry {place} of the list holds {box.n} boxes; a list takes single boxes.")
        return box
    if is_number(box):
        return isotropic_box(box)
    behaviour = box if isinstance(box, Behaviour) else Behaviour(box)
    if behaviour.scenario.parties != 2 or not behaviour.scenario.is_binary:
        raise InvalidShape(
            f"box {place} must have two parties with outcomes 0, 1, shape (2, 2, X, Y), not {behaviour.p.shape}."
        )
    return JointBoxes.from_behaviour(behaviour)


def require_size(settings: tuple[tuple[int, int], ...]) -> None:
    """Refuse tables that are too large, before they are made."""
    size = prod(4 * u * v for u, v in settings)
    if size > LARGEST_TABLE:
        raise TooLarge(
            f"{len(settings)} boxes have {size} joint probabilities (limit {LARGEST_TABLE}); depolarise them "
            "(DepolarisedBoxes, ExchangeableBoxes, by symmetry), or bound the product with tensor_dual."
        )


def _require_patterns(n: int) -> None:
    if n > MOST_PATTERNS:
        raise TooLarge(
            f"{n} boxes have {2**n} error patterns, too many to be solved (limit {MOST_PATTERNS} boxes); use "
            "ExchangeableBoxes for the XOR of equal boxes, or tensor_dual for a product of bounds."
        )


def _isotropic_error(box: object, place: int) -> Fraction | None:
    if is_number(box):
        return box_error(box)
    found = one_box(box, place).as_depolarised()
    return found.errors[0] if found else None


def _rows(behaviour: Behaviour) -> NDArray[np.float64]:
    """The table with axes 2 * setting + outcome for each party."""
    n = behaviour.scenario.parties
    axes = [axis for party in range(n) for axis in (n + party, party)]
    return behaviour.p.transpose(axes).reshape([2 * k for k in behaviour.scenario.settings])
