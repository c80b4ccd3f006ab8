"""Box partitions: Eve's strategies, as objects that can be checked exactly, printed and drawn.

arXiv:0911.4171, Definition 3: weights p_z and boxes P_z with ``sum_z p_z P_z = P``. Eve's choice of measurement is a
partition, her outcome is z. Whatever a partition attains is a lower bound on what she can do.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from sdpbound.arguments import whole
from sdpbound.boxes.boxes import JointBoxes, isotropic_box, one_box
from sdpbound.boxes.drawing import draw_partition
from sdpbound.boxes.exact import Integers, product
from sdpbound.boxes.functions import OutcomeFunction, outcome_function
from sdpbound.errors import CertificateError, InvalidParameter, InvalidShape
from sdpbound.shown import Drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BoxPartition", "product_partition", "single_box_partition"]

#: Most members of a printed partition, and of a product.
PRINTED, MOST_MEMBERS = 32, 1024


@dataclass(frozen=True, eq=False)
class BoxPartition(Drawn):
    """Unnormalised parts of a marginal.

    Attributes
    ----------
    boxes : the marginal
    parts : Collins-Gisin coordinates of p_z P_z times ``denominator``, integers
    denominator : int
    labels : a name for each z
    settings : Alice's settings when Eve guesses
    function : what she guesses

    >>> found = single_box_partition(Fraction(1, 10))
    >>> found.check() == found.value, len(found.parts)  # exact: parts are boxes, and add up to the marginal
    (True, 9)
    """

    boxes: JointBoxes
    parts: tuple[Integers, ...]
    denominator: int
    labels: tuple[str, ...]
    settings: tuple[int, ...]
    function: OutcomeFunction

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def weights(self) -> tuple[Fraction, ...]:
        """p_z."""
        return tuple(Fraction(int(p[(0,) * p.ndim]), self.denominator) for p in self.parts)

    def member(self, z: int) -> JointBoxes:
        """The box P_z; of positive weight."""
        whole(z, "the member z", 0, len(self) - 1)
        weight = int(self.parts[z][(0,) * self.parts[z].ndim])
        if weight <= 0:
            raise InvalidParameter(f"member {z} of the partition has weight zero, and is no box.")
        return JointBoxes(self.boxes.settings, self.parts[z], weight)

    @cached_property
    def figures(self) -> tuple[tuple[Fraction, ...], ...]:
        """p_z P_z(f = s | settings), for each z and value s."""
        found = []
        for part in self.parts:
            t = part[(slice(None), 0) * self.boxes.n]  # Bob's outcomes summed
            for axis, u in enumerate(self.settings):
                t = np.stack([t.take(1 + u, axis), t.take(0, axis) - t.take(1 + u, axis)], axis)
            found.append(
                tuple(
                    Fraction(int(t[self.function.labels == s].sum()), self.denominator)
                    for s in range(self.function.values)
                )
            )
        return tuple(found)

    @property
    def value(self) -> Fraction:
        """Eve's guessing probability with this partition: ``sum_z max_s p_z P_z(f = s)``. A lower bound on the best."""
        return sum((max(row) for row in self.figures), Fraction(0))

    @property
    def distance(self) -> Fraction:
        """Distance of f from uniform given z: ``1/2 sum_z sum_s |p_z P_z(f=s) - p_z/k|``. A lower bound on the best."""
        k = self.function.values
        return sum((abs(f - sum(row, Fraction(0)) / k) for row in self.figures for f in row), Fraction(0)) / 2

    @property
    def known(self) -> Fraction:
        """Probability that z tells f with certainty."""
        return sum((sum(row, Fraction(0)) for row in self.figures if max(row) == sum(row)), Fraction(0))

    def knows(self, function: Any) -> tuple[bool, ...]:
        """For each z, whether it tells this function of the outcomes with certainty."""
        other = replace(self, function=outcome_function(function, self.boxes.n))
        return tuple(max(row) == sum(row) for row in other.figures)

    def check(self) -> Fraction:
        """The value, recomputed with everything else from the tables; CertificateError if it is no partition."""
        total: Any = 0
        value = Fraction(0)
        for label, part in zip(self.labels, self.parts, strict=True):
            rows = _table(part)
            total = total + rows
            if min(rows.ravel().tolist()) < 0:
                raise CertificateError(f"member {label} of the partition has a negative probability.")
            for axis, count in enumerate(self.boxes.parties):
                sums = np.moveaxis(rows, axis, 0).reshape(count, 2, -1).sum(axis=1)
                if (sums != sums[0]).any():
                    raise CertificateError(f"member {label} of the partition signals.")
            figures = [0] * self.function.values
            for x in np.ndindex(*(2,) * self.boxes.n):
                place = tuple(e for u, a in zip(self.settings, x, strict=True) for e in (2 * u + a, slice(0, 2)))
                figures[self.function(x)] += int(rows[place].sum())
            value += Fraction(max(figures), self.denominator)
        marginal = _table(self.boxes.coordinates)
        if (total * self.boxes.denominator != marginal * self.denominator).any():
            raise CertificateError("the members of the partition do not add up to the marginal.")
        if sum(self.weights) != 1:
            raise CertificateError("the weights of the partition do not add up to 1.")
        return value

    def __str__(self) -> str:
        head = f"Box partition of {self.boxes.n} box{'es' if self.boxes.n > 1 else ''}, guessing {self.function.name}"
        lines = [
            f"{head}: probability {float(self.value):.9g} (lower bound)",
            f"{'z':>10}  {'weight':>12}  P(f = s | z)",
        ]
        for label, weight, row in list(zip(self.labels, self.weights, self.figures, strict=True))[:PRINTED]:
            given = " ".join(f"{float(f / weight):8.6f}" for f in row) if weight else "-"
            lines.append(f"{label:>10}  {float(weight):12.9f}  {given}")
        if len(self) > PRINTED:
            lines.append(f"... and {len(self) - PRINTED} more")
        return "\n".join(lines)

    def draw(self) -> Figure:
        """Weights and what each z tells (left); the boxes P_z (right, up to four of the largest, one or two boxes)."""
        return draw_partition(self)


def _table(coordinates: Integers) -> Integers:
    """Probabilities from coordinates, written a second time so that :meth:`BoxPartition.check` is independent."""
    t = coordinates
    for axis in range(t.ndim):
        unit = t.take(0, axis)
        rows = [e for x in range(1, t.shape[axis]) for e in (t.take(x, axis), unit - t.take(x, axis))]
        t = np.stack(rows, axis)
    return t


def single_box_partition(box: object, u: int = 0) -> BoxPartition:
    """Eve's best partition of one box with CHSH error eps <= 1/4: eight deterministic boxes and a PR box.

    Each probability that violates x + y = uv is the weight of the one deterministic box that has this entry and
    satisfies the condition at the other three settings; the PR box has weight one minus their sum, 1 - 4 eps. z tells
    Alice's outcome with probability 4 eps (distance 2 eps), for every setting: the best possible (Lemmas 5 and 20).
    Works for biased boxes too.

    ``u`` is the setting of Alice at which Eve guesses.

    Raises
    ------
    InvalidShape, InvalidParameter
        The box has other numbers of settings, u is no setting, or the error is above 1/4.

    >>> single_box_partition(Fraction(1, 10)).value  # 1/2 + 2 eps
    Fraction(7, 10)
    """
    exact = one_box(box)
    if exact.settings != ((2, 2),):
        raise InvalidShape(f"this partition is for a box of two settings on both sides, not {exact.settings[0]}.")
    if u not in (0, 1):
        raise InvalidParameter(f"setting u = {u!r} does not exist: Alice has settings 0 and 1.")
    rows, parts, labels = exact.table, [], []
    left = exact.denominator
    for v0, u0 in itertools.product((0, 1), repeat=2):
        for x in (0, 1):
            y = x ^ (u0 & v0) ^ 1  # violates
            weight = int(rows[2 * u0 + x, 2 * v0 + y])
            alice, bob = [0, 0], [0, 0]
            alice[u0], bob[v0] = x, y
            bob[1 - v0] = x ^ (u0 & (1 - v0))
            alice[1 - u0] = y ^ ((1 - u0) & v0)
            a, b = ([1, 1 - o[0], 1 - o[1]] for o in (alice, bob))
            parts.append(4 * weight * np.multiply.outer(np.array(a, dtype=object), np.array(b, dtype=object)))
            labels.append(f"{x}{y}|{u0}{v0}")
            left -= weight
    if left < 0:
        raise InvalidParameter(
            f"the box has CHSH error {float(exact.errors[0]):.6g}, above 1/4; this partition needs at most 1/4."
        )
    pr = isotropic_box(0)
    parts.append(left * pr.coordinates * (4 // pr.denominator))
    return BoxPartition(exact, tuple(parts), 4 * exact.denominator, (*labels, "PR"), (u,), outcome_function("xor", 1))


def product_partition(partitions: Sequence[BoxPartition], function: Any = "xor") -> BoxPartition:
    """The individual attack: every group of boxes is partitioned on its own. A lower bound for the product marginal.

    ``partitions`` are those of the groups; ``function`` is what Eve guesses of all outcomes, as in
    :func:`outcome_function`.

    Raises
    ------
    InvalidShape
        There would be no members, or too many.

    >>> product_partition([single_box_partition(Fraction(1, 10))] * 2).value  # 1/2 + (4/10)^2 / 2
    Fraction(29, 50)
    """
    count = prod(len(p) for p in partitions)
    if not partitions or count > MOST_MEMBERS:
        raise InvalidShape(f"a product of partitions needs 1 to {MOST_MEMBERS} members, and this one has {count}.")
    marginal = JointBoxes(
        tuple(s for p in partitions for s in p.boxes.settings),
        product([p.boxes.coordinates for p in partitions]),
        prod(p.boxes.denominator for p in partitions),
        sum(p.boxes.rounding for p in partitions),
    )
    choices = list(itertools.product(*(range(len(p)) for p in partitions)))
    return BoxPartition(
        marginal,
        tuple(product([p.parts[i] for p, i in zip(partitions, c, strict=True)]) for c in choices),
        prod(p.denominator for p in partitions),
        tuple(",".join(p.labels[i] for p, i in zip(partitions, c, strict=True)) for c in choices),
        tuple(u for p in partitions for u in p.settings),
        outcome_function(function, marginal.n),
    )
