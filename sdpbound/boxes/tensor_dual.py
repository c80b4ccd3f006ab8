"""Products of duals: bounds for any number of boxes from solved programs of a few.

arXiv:0911.4171, Lemmas 11 to 14. A certificate of one bit holds signed weights m on joint probabilities with
``sum_i m(i) P(i) = P(f=0) - P(f=1)`` for every no-signaling behaviour, positive or not, so that (5) is at most
``sum_i |m(i)| P(i)``. Tensor products of such weights have the same property for the XOR of the bits: their value is an
upper bound on (5), a product for independent groups of boxes, and for any marginal the sum over its table. It is not
claimed to be the optimum; a product of partitions (:mod:`sdpbound.boxes.partition`) is the lower bound, and they
meet for products of boxes with CHSH error up to 1/4.

For the list of all the bits instead of their XOR, the functional ``c`` of a certificate bounds the guess:
``c_1 (x) c_2 - g_1 (x) g_2 = (c_1 - g_1) (x) c_2 + g_1 (x) (c_2 - g_2)`` is a non-negative combination of
probabilities, so guessing probabilities of independent groups multiply (:func:`list_guess_bound`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, log2, prod
from typing import Any

import numpy as np

from sdpbound.boxes.boxes import DepolarisedBoxes, ExchangeableBoxes, JointBoxes, as_boxes
from sdpbound.boxes.exact import Integers, functional, product
from sdpbound.boxes.guessing import GuessingProgram
from sdpbound.boxes.rational import distribution, listed
from sdpbound.errors import CertificateError, InvalidParameter, InvalidShape

__all__ = ["TensorDual", "list_guess_bound", "tensor_dual"]

#: What stands for several boxes; anything else is one box.
_GROUPS = (list, tuple, JointBoxes, DepolarisedBoxes, ExchangeableBoxes)


@dataclass(frozen=True, eq=False)
class TensorDual:
    """A tensor product of signed weights; an upper bound on (5) for the XOR of the groups' bits.

    Attributes
    ----------
    factors : programs of each group, in order
    weights : signed weights of each group, integers (axes as the table's), over ``denominators``
    denominators : ints
    """

    factors: tuple[GuessingProgram, ...]
    weights: tuple[Integers, ...]
    denominators: tuple[int, ...]

    @property
    def side(self) -> str:
        return "upper"

    @property
    def n(self) -> int:
        """Number of boxes."""
        return sum(f.boxes.n for f in self.factors)

    def bound(self, boxes: object = None) -> Fraction:
        """Upper bound on (5): for the product of the factors' own marginals, or for other boxes.

        ``boxes``: a list with one entry (what ``as_boxes`` reads) for each factor, their product; or a joint marginal
        of all the boxes, up to four.
        """
        if boxes is None:
            boxes = [f.boxes for f in self.factors]
        if isinstance(boxes, JointBoxes | DepolarisedBoxes | ExchangeableBoxes):
            joint = boxes.joint()
            absolute = product([np.abs(w) for w in self.weights])
            if joint.table.shape != absolute.shape:
                raise InvalidShape(f"{joint!r} does not fit a dual of {self.n} boxes.")
            return Fraction(int((joint.table * absolute).sum()), joint.denominator * prod(self.denominators))
        items = listed(boxes, "boxes")
        if len(items) != len(self.factors):
            raise InvalidShape(f"{len(items)} marginals do not fit {len(self.factors)} factors; give one for each.")
        found = Fraction(1)
        for item, w, d in zip(items, self.weights, self.denominators, strict=True):
            marginal = as_boxes(item if isinstance(item, _GROUPS) else [item]).joint()
            if marginal.table.shape != w.shape:
                raise InvalidShape(f"{marginal!r} does not fit a factor whose table has shape {w.shape}.")
            found *= Fraction(int((marginal.table * np.abs(w)).sum()), marginal.denominator * d)
        return found

    def mixture(self, weights: Sequence[Any], members: Sequence[Any]) -> Fraction:
        """Lemma 13: the bound for a mixture of products, the mixture of their bounds."""
        exact = distribution(weights, "the weights")
        if len(exact) != len(members):
            raise InvalidShape(f"a mixture needs as many weights as members, not {len(exact)} and {len(members)}.")
        return sum((w * self.bound(m) for w, m in zip(exact, members, strict=True)), Fraction(0))

    @property
    def log2_distance(self) -> float:
        """log2 of the bound on the distance of the XOR from uniform, half of (5); for hundreds of boxes."""
        bounds = [2 * f.certificate.value - 1 for f in self.factors]
        return sum(log2(b) for b in bounds) - 1.0 if all(bounds) else -inf

    def verify(self) -> Fraction:
        """Check every factor's identity in exact arithmetic, and recompute the bound."""
        for f, w, d in zip(self.factors, self.weights, self.denominators, strict=True):
            rows = np.zeros(w.shape, dtype=object)
            for x in np.ndindex(*(2,) * f.boxes.n):
                place = tuple(e for u, a in zip(f.settings, x, strict=True) for e in (2 * u + a, slice(0, 2)))
                rows[place] = 1 - 2 * f.function(x)
            if (functional(w) != d * functional(rows)).any():
                raise CertificateError("a factor's weights do not represent the bias of its bit.")
        return self.bound()


def tensor_dual(programs: Sequence[GuessingProgram]) -> TensorDual:
    """The product of the duals of one-bit programs, solved directly.

    Raises
    ------
    InvalidShape, InvalidParameter
        It is no list of programs of one bit each.

    >>> from sdpbound.boxes.guessing import guessing_program
    >>> one = guessing_program([0.1])
    >>> tensor_dual([one] * 5).bound() == Fraction(4, 10) ** 5
    True
    """
    if isinstance(programs, GuessingProgram):
        raise InvalidShape("a tensor dual takes a list of programs; for one write [program].")
    weights, denominators = [], []
    for p in programs:
        if not isinstance(p, GuessingProgram) or p.function.values != 2 or not isinstance(p.boxes, JointBoxes):
            raise InvalidParameter(f"a tensor dual takes programs of one bit solved directly, not {p!r:.80}.")
        proof = p.certificate.data["proof"]
        w = np.zeros(p.boxes.table.size, dtype=object)
        for sign, part in zip((-1, 1), proof["weights"], strict=True):
            for row, value in part:
                w[row] += sign * value
        weights.append(w.reshape(p.boxes.table.shape))
        denominators.append(proof["denominator"])
    if not weights:
        raise InvalidShape("a tensor dual needs at least one program.")
    return TensorDual(tuple(programs), tuple(weights), tuple(denominators))


def list_guess_bound(programs: Sequence[GuessingProgram]) -> Fraction:
    """Upper bound on guessing all the programs' values at once, for independent groups of boxes: the product.

    >>> from sdpbound.boxes.guessing import guessing_program
    >>> list_guess_bound([guessing_program([Fraction(1, 10)])] * 3)  # (7/10)^3
    Fraction(343, 1000)
    """
    return prod((p.certificate.value for p in programs), start=Fraction(1))
