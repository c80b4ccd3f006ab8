"""Cards of bounds, certificates and curves of bounds: the value with its side, its margin, and what proves it."""

from __future__ import annotations

import math

from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.certificate import Certificate
from sdpbound.bounds.rounding import rounded
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.envelope import EntropyEnvelope
from sdpbound.showing.cards import Card, Grid
from sdpbound.showing.latex import formula

__all__ = ["bound_card", "certificate_card", "envelope_card", "sided"]

#: Rows of a table of a curve.
ROWS = 12


def sided(value: float, side: str, digits: int = 10) -> str:
    """A proven number as an inequality, rounded to its side.

    >>> sided(8**0.5, "upper", 4)
    '≤ 2.829'
    """
    return f"{'≤' if side == 'upper' else '≥'} {rounded(value, side, digits)}"


def bound_card(bound: Bound) -> Card:
    """Value, side, set, margin, solver, times, symmetry and proof."""
    closed = bound.status == "closed form"
    facts = [("side", f"{bound.side} bound"), ("set", "" if bound.model is None else repr(bound.model))]
    facts.append(("data", bound.data if len(bound.given) else ""))
    if isinstance(bound, EntropyAttack):
        facts.append(("proof", f"explicit attack of {len(bound.weights)} strategies"))
    elif closed:
        facts.append(("proof", f"closed form, {bound.source}"))
    else:
        facts.append(("proof", "certificate, checked without a solver by .certificate.verify()"))
        if math.isfinite(bound.correction):
            facts.append(("margin", f"{bound.correction:.1e} between the solver's value and the proven one"))
    if isinstance(bound, EntropyBound):
        facts.append(("method", str(bound.method)))
    if not closed:
        facts.append(("solver", f"{bound.solver}: {bound.status}"))
    facts.append(("time", ", ".join(f"{step} {seconds:.2g} s" for step, seconds in bound.seconds.items())))
    if bound.symmetry is not None and bound.symmetry.order > 1:
        facts.append(("symmetry", f"order {bound.symmetry.order}, {bound.symmetry.sizes}"))
    if bound.is_stopped:
        facts.append(("stopped", "before it was as tight as it could be"))
    latex = formula(bound.figure, bound.value, bound.side, "")
    return Card("Bound", f"{bound.figure} {sided(bound.value, bound.side)}", tuple(facts), formula=latex)


def certificate_card(certificate: Certificate) -> Card:
    """What is claimed, about what, and how to check it."""
    data = certificate.data
    question, value = data["question"], data["claim"]["value"]
    side = str(question["side"])
    kind = str(question["figure"]["kind"])
    number = sided(value, side) if isinstance(value, float) else f"{'≤' if side == 'upper' else '≥'} {value}"
    latex = formula(kind, value, side, "") if isinstance(value, float) else ""
    facts = (
        ("side", f"{side} bound"),
        ("kind", str(data.get("kind", ""))),
        ("made by", str(data.get("created_by", ""))),
        ("about", ", ".join(sorted(question))),
        ("proof", ", ".join(sorted(data.get("proof", {})))),
        ("check", ".verify(), or save it with .to_json(path) and run: sdpbound verify path --twice"),
    )
    return Card("Certificate", f"claimed: {kind} {number}", facts, formula=latex)


def envelope_card(curve: EntropyEnvelope) -> Card:
    """Values at some of the points, and how close they are to bounds solved at each."""
    step = max(1, -(-len(curve.parameters) // ROWS))
    rows = tuple(
        (f"{place:.6g}", sided(value, "lower", 8))
        for place, value in zip(curve.parameters[::step].tolist(), curve.values[::step].tolist(), strict=True)
    )
    sort = "proven, as the data lie on a line" if curve.proven else "as observed"
    return Card(
        "Entropy along a curve",
        f"lower bounds at {len(curve.parameters)} points from {len(curve.bounds)} solved programs",
        (("gap", f"{curve.gap:.2g} bits, {sort}"),),
        grids=(Grid(("parameter", "bits"), rows, "" if step == 1 else f"each {step}th point"),),
    )
