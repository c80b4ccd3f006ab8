"""Eve's joint attack on n boxes that beats individual ones: she knows one of the bits more often.

arXiv:0911.4171, Appendix F, for n independent unbiased boxes of CHSH error eps. An individual attack makes each box
deterministic with probability 4 eps (Lemma 20), so she knows at least one of Alice's bits with probability
``1 - (1 - 4 eps)^n``. A box of error 1/4 to 3/4 is local as well (Lemma 22), and a joint attack spends the errors
better: where two or more boxes are local they all have error 3/4 (Lemma 24; r = 4 eps/3):

    i >= 2 local:  each set with weight r^i (1-r)^(n-i), errors 3/4, the others PR boxes,
    one local:     each with weight 4 eps (1-r)^(n-1), error 1/4,
    none local:    the rest, 1 minus the sum: non-negative only for eps <= 3/(8n+4).

She then knows a bit with probability ``1 - (1-r)^n - n r (1-r)^(n-1) + 4 n eps (1-r)^(n-1)``, which is
``1 - (1-r)^(n-1) (1 - (2n+1) r)``, and 1 at eps = 3/(8n+4). Above that, up to 1/4, every box is a mixture of a box of
error 3/(8n+4) and one of 1/4: where none is of error 1/4 the attack above applies, else one box is local already. So
she knows a bit with certainty.

These are lower bounds on what she can do. Misprints of the source: the first term of Corollary 4 is (4 eps/3)^2; the
sum in the proof of Lemma 25 has its limits and its exponents exchanged; Lemma 24 is a partition up to 3/(8n+4) only.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, whole
from sdpbound.boxes.boxes import DepolarisedBoxes, isotropic_box, require_size
from sdpbound.boxes.drawing import draw_attack
from sdpbound.boxes.exact import Integers, product
from sdpbound.boxes.functions import outcome_function
from sdpbound.boxes.partition import BoxPartition
from sdpbound.boxes.rational import box_error, common
from sdpbound.errors import CertificateError, InvalidParameter, TooLarge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "JointAttack",
    "certain_bit_threshold",
    "individual_known_bit_probability",
    "joint_attack",
    "known_bit_probability",
    "known_fraction",
    "local_box_partition",
]

#: Most boxes of an explicit attack: 2^n members.
MOST_BOXES = 8


def certain_bit_threshold(n: ArrayLike) -> NDArray[np.float64]:
    """The error 3/(8n+4) from which on Eve knows one of n bits with certainty (Lemma 25).

    >>> certain_bit_threshold([1, 2]).tolist()
    [0.25, 0.15]
    """
    return 3.0 / (8.0 * _counts(n) + 4.0)


def known_fraction(eps: ArrayLike) -> NDArray[np.float64]:
    """1/n at eps = 3/(8n+4): the part ``8 eps / (3 - 4 eps)`` of the bits that Eve knows; eps from 0 to 1/4.

    >>> known_fraction([1 / 28]).round(12).tolist()  # n = 10
    [0.1]
    """
    e = _errors(eps)
    return 8.0 * e / (3.0 - 4.0 * e)


def known_bit_probability(n: ArrayLike, eps: ArrayLike) -> NDArray[np.float64]:
    """Probability that Eve knows at least one of n bits with the joint attack: a lower bound on the best.

    Broadcasts; n from 1, eps from 0 to 1/4.

    >>> float(known_bit_probability(2, 0.15))
    1.0
    """
    m, e = np.broadcast_arrays(_counts(n), _errors(eps))
    r = 4.0 * e / 3.0
    # 1 - (1-r)^(n-1) (1 - r (1 + 2 n)), in logarithms for the sake of small eps; r (1 + 2 n) = 1 at the threshold
    rest = np.where(e >= certain_bit_threshold(m), 1.0, r * (1.0 + 2.0 * m))
    with np.errstate(divide="ignore"):  # log 0: the bit is known
        return np.asarray(-np.expm1((m - 1.0) * np.log1p(-r) + np.log1p(-rest)))


def individual_known_bit_probability(n: ArrayLike, eps: ArrayLike) -> NDArray[np.float64]:
    """The same with the best individual attack on every box: ``1 - (1 - 4 eps)^n``."""
    m, e = np.broadcast_arrays(_counts(n), _errors(eps))
    with np.errstate(divide="ignore"):  # log 0: the bit is known
        return np.asarray(-np.expm1(m * np.log1p(-4.0 * e)))


@dataclass(frozen=True, eq=False)
class JointAttack:
    """A partition whose members are products of unbiased boxes.

    Attributes
    ----------
    n, eps : the marginal
    weights : (Z,) fractions
    errors : (Z, n) the error of every box of every member
    """

    n: int
    eps: Fraction
    weights: tuple[Fraction, ...]
    errors: tuple[tuple[Fraction, ...], ...]

    def __len__(self) -> int:
        return len(self.weights)

    @cached_property
    def value(self) -> Fraction:
        """Probability that at least one box is local, its bit known to Eve once z is refined; a lower bound."""
        return sum(
            (w for w, row in zip(self.weights, self.errors, strict=True) if any(map(_is_local, row))), Fraction(0)
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """A letter for each box: 0 for PR, l for error 1/4, L for 3/4, e else."""
        letters = {Fraction(0): "0", Fraction(1, 4): "l", Fraction(3, 4): "L"}
        return tuple("".join(letters.get(e, "e") for e in row) for row in self.errors)

    def check(self) -> Fraction:
        """Exact: weights, and the distribution of errors of all boxes, which determines such a marginal; the value."""
        if min(self.weights) < 0 or sum(self.weights) != 1:
            raise CertificateError("the weights of the attack are no distribution.")
        if any(not 0 <= e <= 1 for row in self.errors for e in row):
            raise CertificateError("an error of a member is outside 0 to 1.")
        for pattern in itertools.product((0, 1), repeat=self.n):
            total = sum(
                (w * prod(e if p else 1 - e for e, p in zip(row, pattern, strict=True))
                 for w, row in zip(self.weights, self.errors, strict=True)),
                Fraction(0),
            )  # fmt: skip
            if total != self.eps ** sum(pattern) * (1 - self.eps) ** (self.n - sum(pattern)):
                raise CertificateError(f"the members do not add up to the marginal for the errors {pattern}.")
        return self.value

    def explicit(self, refined: bool = False) -> BoxPartition:
        """As a :class:`BoxPartition` of up to four boxes; ``refined``: local boxes made deterministic (up to three)."""
        require_size(((2, 2),) * self.n)
        if refined and self.n > 3:
            raise TooLarge(f"the refined attack on {self.n} boxes has too many members; at most 3 boxes.")
        marginal = DepolarisedBoxes.product([self.eps] * self.n).joint()
        found: list[tuple[Fraction, Integers, str]] = []
        for weight, row, label in zip(self.weights, self.errors, self.labels, strict=True):
            options = []
            for e in row:
                if refined and _is_local(e):
                    local = local_box_partition(e)
                    options.append(list(zip(local.weights, map(_normalised, local.parts), local.labels, strict=True)))
                else:
                    box = isotropic_box(e)
                    options.append([(Fraction(1), (box.coordinates, box.denominator), "")])
            for choice in itertools.product(*options):
                w = weight * prod(c[0] for c in choice)
                if w:
                    coordinates = product([c[1][0] for c in choice])  # not normalised: divided by the denominators
                    name = label + "".join(f" {c[2]}" for c in choice if c[2])
                    found.append((w / prod(c[1][1] for c in choice), coordinates, name))
        scales, denominator = common([w for w, _, _ in found])
        return BoxPartition(
            marginal,
            tuple(s * c for s, (_, c, _) in zip(scales, found, strict=True)),
            denominator,
            tuple(name for _, _, name in found),
            (0,) * self.n,
            outcome_function("xor", self.n),
        )

    def __str__(self) -> str:
        lines = [
            f"Joint attack on {self.n} boxes of error {float(self.eps):.6g}: a bit known with probability "
            f"{float(self.value):.9g} (lower bound; individual attack {float(1 - (1 - 4 * self.eps) ** self.n):.9g})",
            f"{'z':>10}  {'weight':>12}  errors",
        ]
        for label, weight, row in list(zip(self.labels, self.weights, self.errors, strict=True))[:32]:
            lines.append(f"{label:>10}  {float(weight):12.9f}  {' '.join(f'{float(e):.4g}' for e in row)}")
        return "\n".join(lines + ([f"... and {len(self) - 32} more"] if len(self) > 32 else []))

    def draw(self) -> Figure:
        """Bars: the weights by the number of local boxes, the joint attack beside the individual one."""
        return draw_attack(self)


def joint_attack(n: int, eps: object) -> JointAttack:
    """The attack on n boxes of error eps (0 to 1/4), explicit; n up to 8.

    Its value is a lower bound on Eve's best guess.

    Raises
    ------
    TooLarge
        n is above 8.

    >>> joint_attack(2, Fraction(1, 10)).check()  # the individual attack has 1 - (1 - 4/10)^2 = 0.64
    Fraction(32, 45)
    """
    m = whole(n, "n", 1, 10**9)
    if m > MOST_BOXES:
        raise TooLarge(f"an explicit attack on {m} boxes has {2**m if m < 64 else 'too many'} members (limit "
                       f"{MOST_BOXES} boxes); use known_bit_probability.")  # fmt: skip
    e = box_error(eps)
    _errors(float(e))
    threshold = Fraction(3, 8 * m + 4)
    if e <= threshold:
        weights, errors = _lemma_24(m, e)
        return JointAttack(m, e, tuple(weights), tuple(errors))
    # a box of error e: with probability q of error 1/4, else of the threshold's error
    q = (e - threshold) / (Fraction(1, 4) - threshold)
    weights, errors = [], []
    for local in itertools.product((1, 0), repeat=m):
        if any(local):
            weights.append(prod((q if z else 1 - q for z in local), start=Fraction(1)))
            errors.append(tuple(Fraction(1, 4) if z else threshold for z in local))
    inner_weights, inner_errors = _lemma_24(m, threshold)
    weights += [(1 - q) ** m * w for w in inner_weights]
    return JointAttack(m, e, tuple(weights), (*errors, *inner_errors))


def local_box_partition(eps: object) -> BoxPartition:
    """Lemma 22: an unbiased box of error 1/4 to 3/4 as a mixture of 16 deterministic boxes.

    Eight of them err at one setting pair, eight at three; the mixture of the first has error 1/4, of the second 3/4.

    ``eps`` is the error, a number or a fraction.

    Raises
    ------
    InvalidParameter
        The error is not from 1/4 to 3/4.

    >>> found = local_box_partition(Fraction(1, 2))
    >>> found.value, len(found.parts)  # Eve knows the outcome
    (Fraction(1, 1), 16)
    """
    e = box_error(eps)
    if not Fraction(1, 4) <= e <= Fraction(3, 4):
        raise InvalidParameter(f"a box of error {float(e):.6g} is not local; the error must be from 1/4 to 3/4.")
    three = (e - Fraction(1, 4)) * 2
    parts, labels, scales = [], [], []
    for a0, a1, b0, b1 in itertools.product((0, 1), repeat=4):
        odd = sum(a ^ b ^ (u & v) for u, a in enumerate((a0, a1)) for v, b in enumerate((b0, b1)))
        a, b = (np.array([1, 1 - o[0], 1 - o[1]], dtype=object) for o in ((a0, a1), (b0, b1)))
        scales.append((three if odd == 3 else 1 - three) / 8)
        parts.append(np.multiply.outer(a, b))
        labels.append(f"{a0}{a1}{b0}{b1}")
    denominator = 8 * three.denominator
    weighted = tuple(int(s * denominator) * p for s, p in zip(scales, parts, strict=True))
    return BoxPartition(isotropic_box(e), weighted, denominator, tuple(labels), (0,), outcome_function("xor", 1))


def _lemma_24(n: int, e: Fraction) -> tuple[list[Fraction], list[tuple[Fraction, ...]]]:
    r = 4 * e / 3
    weights, errors = [], []
    for local in itertools.product((1, 0), repeat=n):
        count = sum(local)
        if count:
            weights.append(r**count * (1 - r) ** (n - count) if count > 1 else 4 * e * (1 - r) ** (n - 1))
            errors.append(tuple(Fraction(3 if count > 1 else 1, 4) if z else Fraction(0) for z in local))
    return [*weights, 1 - sum(weights, Fraction(0))], [*errors, (Fraction(0),) * n]


def _normalised(part: Integers) -> tuple[Integers, int]:
    weight = int(part[0, 0])
    return (part, weight) if weight else (part, 1)


def _is_local(error: Fraction) -> bool:
    return Fraction(1, 4) <= error <= Fraction(3, 4)


def _counts(n: ArrayLike) -> NDArray[np.float64]:
    values = floats(n, "n")
    if (values < 1).any() or (values != np.floor(values)).any():
        raise InvalidParameter(f"the number of boxes n must be an integer from 1, not {n!r:.60}.")
    return values


def _errors(eps: ArrayLike | Sequence[float]) -> NDArray[np.float64]:
    values = floats(eps, "eps")
    if (values < 0).any() or (values > 0.25).any():
        raise InvalidParameter(
            f"the CHSH error eps must be from 0 to 1/4, not {eps!r:.60}; beyond 1/4 boxes are local."
        )
    return values
