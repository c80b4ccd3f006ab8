"""Certificates of n boxes: plain data that :mod:`sdpbound.checker.boxes` checks on its own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np

from sdpbound.adversaries import NoSignaling
from sdpbound.bounds.certificate import Certificate
from sdpbound.boxes.boxes import Boxes, DepolarisedBoxes, JointBoxes
from sdpbound.boxes.figures import DistanceFromUniform, FunctionGuessing
from sdpbound.boxes.functions import OutcomeFunction
from sdpbound.boxes.rational import common
from sdpbound.boxes.split_program import Weights
from sdpbound.boxes.symmetric import count_rows
from sdpbound.checker.boxes import prove
from sdpbound.conic.certificate import round_up
from sdpbound.errors import InvalidParameter, SolverFailure
from sdpbound.version import __version__

__all__ = ["BoxCertificate", "box_certificate", "require_digits"]

#: Bits of the marginal's denominator; the checker reads twice as many.
MOST_BITS = 4096


class BoxCertificate(Certificate):
    """A proof that Eve's figure is at most ``value``, for every adversary limited by no-signaling. Side "upper".

    >>> from sdpbound.boxes.guessing import guessing_program
    >>> proof = guessing_program([Fraction(1, 10)]).certificate  # a box of error 1/10
    >>> proof.value, proof.verify().holds
    (Fraction(7, 10), True)
    """

    @cached_property
    def value(self) -> Fraction:
        """The exact value that the weights prove, recomputed from the data alone."""
        return prove(self.data)


def box_certificate(
    boxes: Boxes,
    inputs: Sequence[tuple[int, int]],
    function: OutcomeFunction,
    proofs: Sequence[Weights],
    figure: FunctionGuessing | DistanceFromUniform,
) -> BoxCertificate:
    """The certificate of exact duals: one dual for a program, or for the distance of joint boxes one for each value."""
    denominator = lcm(*(w.denominator for w in proofs))
    rows = None if isinstance(boxes, JointBoxes | DepolarisedBoxes) else [list(row) for row in count_rows(boxes.n)]
    lists = [
        [[rows[i] if rows else i, int(part[i]) * (denominator // w.denominator)] for i in np.flatnonzero(part).tolist()]
        for w in proofs
        for part in w.numerators
    ]
    data = {
        "format": "sdpbound box certificate",
        "version": 1,
        "created_by": f"sdpbound {__version__}",
        "kind": "boxes",
        "question": {
            "boxes": _boxes(boxes),
            "inputs": [list(pair) for pair in inputs],
            "function": {"kind": "table", "values": function.labels.ravel().tolist()}
            if function.matrix is None
            else {"kind": "linear", "matrix": function.matrix.tolist()},
            "figure": figure.entry(),
            "side": "upper",
            "model": NoSignaling().describe(),
        },
        "proof": {"weights": lists, "denominator": denominator},
    }
    bound = prove(data)
    most = 1 - Fraction(1, function.values) if isinstance(figure, DistanceFromUniform) else Fraction(1)
    if bound > most + Fraction(1, 10**6):
        raise SolverFailure(
            f"the solver's dual proves {float(bound):.6g} only, where no figure exceeds {float(most):.6g}; try again "
            "with boxes a little noisier."
        )
    return BoxCertificate({**data, "claim": {"value": round_up(bound)}})


def require_digits(boxes: Boxes) -> None:
    """Refuse marginals whose certificates could not be checked."""
    if (bits := _boxes(boxes)["denominator"].bit_length()) > MOST_BITS:
        raise InvalidParameter(
            f"the probabilities of the boxes need a common denominator of {bits} bits (limit {MOST_BITS}); give "
            "simpler fractions, or floats."
        )


def _boxes(boxes: Boxes) -> dict[str, Any]:
    if isinstance(boxes, JointBoxes):
        return {
            "kind": "joint",
            "settings": [list(pair) for pair in boxes.settings],
            "coordinates": boxes.coordinates.ravel().tolist(),
            "denominator": boxes.denominator,
        }
    if isinstance(boxes, DepolarisedBoxes):
        return {
            "kind": "depolarised",
            "patterns": boxes.patterns.ravel().tolist(),
            "denominator": boxes.denominator,
        }
    errors, denominator = common(boxes.weights)
    return {"kind": "exchangeable", "errors": errors, "denominator": denominator}
